#!/bin/sh
#
# model/run.sh - the model of delivery, searched; see README.md here.
#
#   test/model/run.sh             make test-model
#
# TESTS="protocol late-endtxn" runs some cases.  The trace in README.md is the
# one that the program prints, or that is a failure too.
#
set -eu
. "$(dirname "$0")/../lib.sh"
top=$(cd "$(dirname "$0")/../.." && pwd -P)
suite model
cd "$top"

"${CC:-gcc}" -std=c17 -O2 -g -Wall -Wextra -Wshadow -Wconversion \
	${WERROR:+-Werror} -o "$kept/model" test/model/*.c

names=
for name in $("$kept/model" list | cut -d ' ' -f 1); do
	case " ${TESTS:-$name} " in
		*" $name "*) names="$names $name" ;;
	esac
done
[ -n "$names" ] || nothing_to_run

# The largest needs 400 MB.  A case that ends without a word has failed.
# shellcheck disable=SC2086,SC2016 # names are words; $1 is the inner shell's
printf '%s\n' $names | xargs -n 1 -P "$(nproc)" sh -c '
	"$0/model" run "$1" > "$0/$1.log" 2>&1 ||
		echo "FAILED $1: exit code $?" >> "$0/$1.log"' "$kept"
for name in $names; do
	cat "$kept/$name.log"
done > "$kept/all"
cat "$kept/all"

if [ -z "$TESTS" ]; then
	"$kept/model" trace late-endtxn | sed 's/^/    /' > "$kept/trace"
	if sed -n '/^<!-- trace: begin -->$/,/^<!-- trace: end -->$/p' \
		test/model/README.md | grep '^    ' | diff - "$kept/trace"; then
		echo "ok     README.md: has the trace that is found"
	else
		echo "FAILED README.md: has another trace than the one that is found"
	fi | tee -a "$kept/all"
fi

ok=$(grep -c '^ok ' "$kept/all" || :)
bad=$(grep -c '^FAILED ' "$kept/all" || :)
[ "$ok" -gt 0 ] || bad=$((bad + 1))
finish "$ok" "$bad"
