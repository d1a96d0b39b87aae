#!/bin/sh
#
# run.sh - the fault harness in a private PostgreSQL.
#
#   test/fault/run.sh PROGRAM.py [argument ...]   see README.md
#
# FORWARDER is the program under test, build/forwarder/walferry by default.  The
# build with failpoints is there beside it, if there is one: FAULT_FORWARDER,
# build/fault/forwarder/walferry by default; and that of the extension,
# build/fault/decoder/walferry.so, which only databases take that ask for it.
# What failing runs leave goes to build/test/fault/SEED-MODE.  FAULT_RESULTS is
# a file that results are appended to, a line for each run.
#
# As root it mounts small file systems that can be filled (disk.py), in a mount
# namespace of its own, so that nothing stays mounted however it ends.  Where
# that is not allowed, faults that need them do not come.
#
set -eu
if [ "$(id -u)" -eq 0 ] && [ -z "${FAULT_MOUNTS:-}" ] &&
	unshare --mount --propagation private true 2>/dev/null; then
	FAULT_MOUNTS=yes
	export FAULT_MOUNTS
	exec unshare --mount --propagation private "$0" "$@"
fi
. "$(dirname "$0")/../lib.sh"
top=$(cd "$(dirname "$0")/../.." && pwd -P)

program=${1:?run.sh PROGRAM.py [argument ...]}
shift
FORWARDER=${FORWARDER:-build/forwarder/walferry}
FAULT_FORWARDER=${FAULT_FORWARDER:-build/fault/forwarder/walferry}
fault_extension=build/fault/decoder/walferry.so
[ -x "$top/$FORWARDER" ] || die "there is no $FORWARDER"

# shellcheck disable=SC2317 # called by lib.sh
cleanup()
{
	# Whatever a broken-off run has left; its own end did the rest.
	find "$scratch/work" -name 'forwarder*.pid' 2>/dev/null |
		while read -r file; do
			pid=$(cat "$file")
			tr '\0' '\n' < "/proc/$pid/cmdline" 2>/dev/null |
				grep -Fq "$scratch/work/" && kill -9 "$pid"
		done || :
	find "$scratch/work" -name broker.pid 2>/dev/null |
		while read -r file; do
			as_user "$scratch/work/test/kafka/broker.sh" kill \
				"$(dirname "$file")" || :
		done
	find "$scratch/work" -name postmaster.pid 2>/dev/null |
		while read -r file; do
			as_user "$bindir/pg_ctl" -D "$(dirname "$file")" -m immediate \
				-w stop > /dev/null 2>&1 || :
		done
	for small in "$scratch"/disks/*; do
		umount -l "$small" 2>/dev/null || :
	done
}
make_scratch
private_postgres
stage test/kafka test/certs.sh test/logical.conf test/fault
cp "$top/$FORWARDER" "$scratch/work/walferry"
[ ! -x "$top/build/fault/proxy" ] ||
	cp "$top/build/fault/proxy" "$top/build/fault/clock.so" "$scratch/work"
chmod 755 "$scratch/work/walferry"
[ ! -x "$top/$FAULT_FORWARDER" ] || install -m 755 \
	"$top/$FAULT_FORWARDER" "$scratch/work/walferry-fault"
[ ! -f "$top/$fault_extension" ] || install -D -m 755 \
	"$top/$fault_extension" "$scratch/work/fault-extension/walferry.so"

# mount_small NAME SIZE
mount_small()
{
	mkdir -p "$scratch/disks/$1" &&
		mount -t tmpfs -o "size=$2,mode=700,uid=$(id -u "$test_user")" \
			"fault-$1" "$scratch/disks/$1"
}
disks=
if [ "${FAULT_MOUNTS:-}" = yes ] && mount_small wal 768M &&
	mount_small slots 256M && mount_small kafka 1536M; then
	disks=$scratch/disks
else
	echo "run.sh: no small file systems here: none is filled" >&2
fi

# The jars where the test user can read them.
mkdir "$scratch/jars"
version=${KAFKA_VERSION:-4.3.1}
jars=$("$top/test/kafka/fetch.sh" "$version")
if as_user test -r "$jars/." 2>/dev/null; then
	ln -s "$jars" "$scratch/jars/kafka-$version"
else
	cp -R "$jars" "$scratch/jars/kafka-$version"
	chmod -R go+rX "$scratch/jars"
fi

# One that the test user may run.
for python in /usr/bin/python3 /usr/local/bin/python3 python3; do
	! as_user "$python" -c '' 2>/dev/null || break
done

as_user mkdir -p tmp keep
# Opened here: the test user may not write where the checkout is.
exec 3>> "${FAULT_RESULTS:-/dev/null}"
rc=0
as_user env -u PGUSER -u PGHOST -u PGPORT -u PGDATABASE -u PGSERVICE \
	PATH="$bindir:$PATH" TMPDIR="$scratch/work/tmp" \
	PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 FAULT_RESULTS_FD=3 \
	WALFERRY_BIN="$scratch/work/walferry" \
	WALFERRY_FAULT_BIN="$scratch/work/walferry-fault" \
	FAULT_EXTENSION="$scratch/work/fault-extension" \
	WALFERRY_KAFKA_JARS="$scratch/jars" \
	FAULT_PROXY="$scratch/work/proxy" FAULT_DISKS="$disks" \
	FAULT_CLOCK_SO="$scratch/work/clock.so" FAULT_KEEP="$scratch/work/keep" \
	FAULT_COMMIT="${FAULT_COMMIT:-}" \
	"$python" "$scratch/work/test/fault/$program" "$@" < /dev/null || rc=$?

mkdir -p "$top/build/test/fault"
for kept_run in "$scratch/work/keep"/*; do
	[ -e "$kept_run" ] || continue
	rm -rf "$top/build/test/fault/$(basename "$kept_run")"
	cp -R "$kept_run" "$top/build/test/fault/"
	echo "kept: build/test/fault/$(basename "$kept_run")"
done
exit "$rc"
