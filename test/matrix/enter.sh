#!/bin/sh
#
# Run one command inside the Debian tree of one PostgreSQL major.
#
#	test/matrix/enter.sh [-r REV | -n] [-o DIR] 15|17|18 COMMAND [ARG...]
#
# The command starts as root in /src/walferry, which holds a clean copy of the
# checkout: what git tracks or would add, as it is in the work tree; with -r
# the files of that commit; with -n no copy (and it starts in /).  -o binds a
# directory of the host at /out, the only place where a run leaves anything.
#
# Everything else is thrown away: the tree is the lower layer of an overlay
# that lives as long as the command, so that runs neither see each other nor
# change the tree.  Mounts and processes are in namespaces of their own, hence
# nothing stays mounted or running, however this ends.  The network is the
# host's, and so are the Kafka jars that test/kafka/fetch.sh has cached (read
# only, in the cache that WALFERRY_CACHE names inside).
#
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${WALFERRY_CACHE:-$HOME/.cache/walferry}
rev=
out=
dir=/src/walferry

die()
{
	echo "enter.sh: $*" >&2
	exit 2
}

while getopts r:o:n opt; do
	case $opt in
		r) rev=$OPTARG ;;
		o) out=$OPTARG ;;
		n) dir=/ ;;
		*) die "usage: enter.sh [-r REV | -n] [-o DIR] MAJOR COMMAND..." ;;
	esac
done
shift $((OPTIND - 1))
[ $# -ge 2 ] || die "usage: enter.sh [-r REV | -n] [-o DIR] MAJOR COMMAND..."
major=$1
shift

[ "$(id -u)" = 0 ] || die "needs root (mount, chroot)"
tree=$("$here/chroot.sh" "$major")
if [ -n "$out" ]; then
	mkdir -p "$out"
	out=$(cd "$out" && pwd)
fi

run=$(mktemp -d "$cache/run-$major.XXXXXX")
child=

# shellcheck disable=SC2317 # called by trap
# The namespaces die with unshare, and their mounts with them: what is left to
# remove are plain directories.
cleanup()
{
	if [ -n "$child" ]; then
		kill -KILL "$child" 2>/dev/null || true
		wait "$child" 2>/dev/null || true
	fi
	rm -rf --one-file-system "$run"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

mkdir -p "$run/upper" "$run/work" "$run/root"
if [ "$dir" != / ]; then
	top=$(git -C "$here" rev-parse --show-toplevel)
	src=$run/upper/src/walferry
	mkdir -p "$src"
	chmod 755 "$run/upper" "$run/upper/src" "$src"
	if [ -n "$rev" ]; then
		git -C "$top" archive --format=tar "$rev" >"$run/src.tar"
	else
		# A file that was deleted but not committed is listed too, and one may
		# change under the reader (status 1): neither is worth stopping for.
		(cd "$top" && git ls-files -z --cached --others --exclude-standard \
			| tar -c --null --ignore-failed-read --no-recursion -T - \
				-f "$run/src.tar" 2>/dev/null) || [ $? -eq 1 ]
	fi
	tar -x --no-same-owner -f "$run/src.tar" -C "$src"
	rm -f "$run/src.tar"
fi

# A background command loses its standard input unless it is kept elsewhere.
exec 3<&0
# shellcheck disable=SC2016 # expanded inside
unshare --mount --pid --fork --kill-child --propagation private sh -euc '
	tree=$1 run=$2 out=$3 major=$4 dir=$5 cache=$6
	shift 6
	root=$run/root
	if ! mount -t overlay overlay -o \
		"lowerdir=$tree,upperdir=$run/upper,workdir=$run/work" "$root" \
		2>/dev/null
	then
		# No overlay (a container whose own root is one): a full copy.
		cp -a "$tree/." "$root/"
		cp -a "$run/upper/." "$root/"
	fi
	mount -t proc proc "$root/proc"
	mount --rbind /dev "$root/dev"
	mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/dev/shm"
	if [ -n "$out" ]; then
		mkdir -p "$root/out"
		mount --bind "$out" "$root/out"
	fi
	mkdir -p "$root/var/cache/walferry"
	for jars in "$cache"/kafka-*/; do
		[ -d "$jars" ] || continue
		there=$root/var/cache/walferry/$(basename "$jars")
		mkdir -p "$there"
		mount --bind -o ro "$jars" "$there"
	done
	bin=/usr/lib/postgresql/$major/bin
	cd /
	# A plain child, not exec: this shell stays process 1 of the namespace
	# and reaps what the tests orphan.
	chroot "$root" /usr/bin/env -i \
		PATH="$bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
		HOME=/root USER=root LOGNAME=root LC_ALL=C.UTF-8 TERM="${TERM:-dumb}" \
		PG_CONFIG="$bin/pg_config" WALFERRY_CACHE=/var/cache/walferry \
		/bin/sh -c "cd \"\$1\" && shift && exec \"\$@\"" sh \
		"$dir" "$@" || exit
' sh "$tree" "$run" "$out" "$major" "$dir" "$cache" "$@" <&3 3<&- &
child=$!
rc=0
wait "$child" || rc=$?
child=
exit "$rc"
