#!/bin/sh
#
# The part of run.sh that runs inside the tree: make each target, keep its
# output in /out, and write one line a target, "name verdict count", to
# /out/summary; the count is what the target itself printed last, such as "18
# passed, 0 failed".  What failing tests left behind is copied to /out as well.
#
#	inside.sh [VARIABLE=VALUE...] TARGET...
#
set -u

summary=/out/summary
rc=0
vars=

: >"$summary"
{
	pg_config --version
	gcc --version | head -n 1
	echo "librdkafka $(pkg-config --modversion rdkafka)"
} >/out/versions

for arg in "$@"; do
	case $arg in
		*=*)
			vars="$vars $arg"
			continue
			;;
	esac
	start=$(date +%s)
	# Word splitting is meant: make variables.
	# shellcheck disable=SC2086
	if make "$arg" PG_CONFIG="$PG_CONFIG" $vars >"/out/$arg.log" 2>&1; then
		verdict=ok
	else
		verdict=FAILED
		rc=1
	fi
	took=$(($(date +%s) - start))
	count=$(sed -n 's/^[a-z]*: \([0-9]* passed, .*\|nothing to run\)$/\1/p' \
		"/out/$arg.log" | tail -n 1)
	echo "$arg $verdict${count:+ ($count)}" >>"$summary"
	echo "  $arg: $verdict${count:+, $count} (${took} s)"
	[ "$verdict" = ok ] || tail -n 30 "/out/$arg.log" | sed 's/^/    | /'
done

# Differences and server logs, wherever the targets keep them.
if [ "$rc" != 0 ]; then
	find . /tmp \( -name regression.diffs -o -path '*/tmp_check/log/*' \
		-o -name 'regress_log_*' -o -name 'postmaster.log' \) \
		-type f -size +0 -print0 2>/dev/null \
		| tar -c -z --null -T - -f /out/left-behind.tar.gz 2>/dev/null
fi
exit "$rc"
