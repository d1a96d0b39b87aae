#!/bin/sh
#
# run.sh - Debezium and walferry beside each other: see README.md.
#
#   test/debezium/run.sh [--record]
#
# TESTS="default hex" runs only those cases.  --record writes the result to
# RESULTS.md.  What differed, both sides' events and all logs go to
# build/test/debezium.
#
set -eu
. "$(dirname "$0")/../lib.sh"
top=$(cd "$(dirname "$0")/../.." && pwd -P)

FORWARDER=${FORWARDER:-build/forwarder/walferry}
version=${KAFKA_VERSION:-4.3.1}
record=
while [ $# -gt 0 ]; do
	case $1 in
		--record) record=yes ;;
		*) die "unknown option $1" ;;
	esac
	shift
done
[ -x "$top/$FORWARDER" ] || die "there is no $FORWARDER"
command -v java >/dev/null || die "java is needed: run make deps"

suite debezium
PYTHONDONTWRITEBYTECODE=1 python3 "$top/test/debezium/test_compare.py" \
	> "$kept/test_compare.log" 2>&1 || {
	tail -n 30 "$kept/test_compare.log" >&2
	die "the comparer itself fails its tests"
}
jars=$("$top/test/kafka/fetch.sh" "$version")
connector=$("$top/test/debezium/fetch.sh")

# shellcheck disable=SC2317 # called by lib.sh
cleanup()
{
	# Whatever a broken-off run has left; its own end did the rest.
	find "$scratch/work" -name '*.pid' 2>/dev/null | while read -r file; do
		case $file in
			*/broker.pid)
				as_user "$scratch/work/test/kafka/broker.sh" kill \
					"$(dirname "$file")" || : ;;
			*/postmaster.pid)
				as_user "$bindir/pg_ctl" -D "$(dirname "$file")" \
					-m immediate -w stop > /dev/null 2>&1 || : ;;
			*)
				pid=$(cat "$file")
				tr '\0' '\n' < "/proc/$pid/cmdline" 2>/dev/null |
					grep -Fq "$scratch/work/" && kill -9 "$pid" || : ;;
		esac
	done || :
}
make_scratch
private_postgres
stage test/kafka test/certs.sh test/logical.conf test/fault test/debezium
install -m 755 "$top/$FORWARDER" "$scratch/work/walferry"

# The jars where the test user can read them.
mkdir -p "$scratch/jars/plugins"
for from in "$jars" "$connector"; do
	to=$scratch/jars/$(basename "$from")
	[ "$from" = "$jars" ] || to=$scratch/jars/plugins/debezium
	if as_user test -r "$from/." 2>/dev/null; then
		ln -s "$from" "$to"
	else
		cp -R "$from" "$to"
	fi
done
chmod -R go+rX "$scratch/jars"

# One that the test user may run.
for python in /usr/bin/python3 /usr/local/bin/python3 python3; do
	! as_user "$python" -c '' 2>/dev/null || break
done

as_user mkdir -p tmp keep
rc=0
# shellcheck disable=SC2086 # names of cases are words
as_user env -u PGUSER -u PGHOST -u PGPORT -u PGDATABASE -u PGSERVICE \
	PATH="$bindir:$PATH" TMPDIR="$scratch/work/tmp" \
	PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
	WALFERRY_BIN="$scratch/work/walferry" \
	WALFERRY_KAFKA_JARS="$scratch/jars" \
	DEBEZIUM_JARS="$scratch/jars/kafka-$version" DEBEZIUM_PLUGINS="$scratch/jars/plugins" \
	DEBEZIUM_KEEP="$scratch/work/keep" \
	WALFERRY_COMMIT="$(git -C "$top" rev-parse --short=10 HEAD 2>/dev/null ||
		:)" \
	"$python" "$scratch/work/test/debezium/run.py" $TESTS < /dev/null || rc=$?

cp -R "$scratch/work/keep/." "$kept/"
if [ ! -s "$kept/counts" ]; then
	finish 0 1 "broke off"
fi
if [ -n "$record" ] && [ -s "$kept/RESULTS.md" ]; then
	[ -z "$TESTS" ] || die "only a whole run is recorded"
	cp "$kept/RESULTS.md" "$top/test/debezium/RESULTS.md"
fi
read -r passed failed waiting < "$kept/counts"
[ "$waiting" -eq 0 ] || waiting="$waiting cases wait for what is not built"
finish "$passed" "$failed" "${waiting#0}"
