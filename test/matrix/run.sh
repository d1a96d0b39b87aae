#!/bin/sh
#
# Build and test the checkout against other PostgreSQL majors.
#
#	test/matrix/run.sh [--record] [--rev REV] 15|17|18|all
#	                   [VARIABLE=VALUE...] [TARGET...]
#
# For each major: a clean copy of the checkout goes into the Debian tree that
# carries it (chroot.sh, enter.sh), and there root makes the targets one after
# the other, as someone would on a fresh machine; the targets themselves drop
# to an unprivileged user where PostgreSQL wants one.  Default targets: see
# below.  A failing target does not keep the next from running.
#
# Output of each target: build/matrix/MAJOR/TARGET.log, with what the tests
# left behind in left-behind.tar.gz.  --rev takes the files of a commit instead
# of the work tree.  --record takes HEAD's, and notes the outcome in
# test/matrix/RESULTS.md.  Exit: 0 all passed, 1 something failed, 2 usage.
#
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(git -C "$here" rev-parse --show-toplevel)
results=$here/RESULTS.md
record=
rev=

die()
{
	echo "run.sh: $*" >&2
	exit 2
}

while [ $# -gt 0 ]; do
	case $1 in
		--record) record=1 ;;
		--rev)
			[ $# -ge 2 ] || die "--rev needs a commit"
			rev=$2
			shift
			;;
		-*) die "unknown argument \"$1\"" ;;
		*) break ;;
	esac
	shift
done
majors=${1:-}
[ -n "$majors" ] || die "which PostgreSQL? 15, 17, 18 or all"
shift
case $majors in
	15 | 17 | 18) ;;
	all) majors="15 17 18" ;;
	*) die "no tree for PostgreSQL \"$majors\": 15, 17, 18 or all" ;;
esac

targets=
for arg in "$@"; do
	case $arg in
		*=*) ;;
		*) targets=1 ;;
	esac
done
[ -n "$targets" ] \
	|| set -- "$@" all install test-unit test-regress test-isolation test-tap

if [ -n "$record" ] && [ -z "$rev" ]; then
	rev=HEAD
fi
if [ -n "$rev" ]; then
	# Pinned here: HEAD may move while this runs.
	commit=$(git -C "$top" rev-parse --short=10 --verify "$rev^{commit}") \
		|| die "no commit \"$rev\""
	rev=$commit
	what="commit $commit"
else
	commit="work tree"
	what="the work tree"
fi

# One row of RESULTS.md a major: the newest outcome replaces the one before.
record_row()
{
	major=$1
	out=$2
	cell=$(awk '{ printf "%s%s", sep, $0; sep = "; " }' "$out/summary")
	row="| $major | $(sed -n 's/^PostgreSQL //p' "$out/versions") |"
	row="$row $(sed -n 's/^gcc (.*) //p' "$out/versions") |"
	row="$row $(sed -n 's/^librdkafka //p' "$out/versions") |"
	row="$row $(date -u +%Y-%m-%d) | $commit | $cell |"
	ROW=$row awk -v major="$major" '
		index($0, "| " major " |") == 1 { print ENVIRON["ROW"]; done = 1; next }
		{ print }
		END { if (!done) print ENVIRON["ROW"] }
	' "$results" >"$results.new"
	mv "$results.new" "$results"
}

failed=
for major in $majors; do
	out=$top/build/matrix/$major
	mkdir -p "$out"
	rm -f "$out"/*.log "$out/summary" "$out/versions" \
		"$out/left-behind.tar.gz"
	echo "PostgreSQL $major, $what:"
	rc=0
	# Not the copy of it that an older commit holds.
	cp "$here/inside.sh" "$out/"
	"$here/enter.sh" ${rev:+-r "$rev"} -o "$out" "$major" \
		sh /out/inside.sh "$@" || rc=$?
	case $rc in
		0) ;;
		1) failed="$failed $major" ;;
		*) exit "$rc" ;;
	esac
	if [ -n "$record" ]; then
		record_row "$major" "$out"
	fi
done

if [ -n "$failed" ]; then
	echo "failed on PostgreSQL:$failed (logs in build/matrix)"
	exit 1
fi
echo "passed on PostgreSQL: $majors"
