#!/bin/sh
#
# run.sh - libFuzzer on each fuzz target, one after the other.
#
#   test/fuzz/run.sh [SECONDS]      for each target; 60 by default
#
# Starts from test/fuzz/corpus/NAME; what it finds interesting is kept in
# build/fuzz/corpus/NAME for the next time.  An input that breaks a target is
# in build/fuzz/crash: fix the fault, then commit the input to
# test/fuzz/corpus/NAME, where "make test" replays it for ever.  TESTS="wire"
# selects.
#
set -eu
LC_ALL=C
export LC_ALL

# Not named SECONDS: that is a clock in some shells.
duration=${1:-60}
top=$(cd "$(dirname "$0")/../.." && pwd -P)
CC=${FUZZ_CC:-clang}
build=build/fuzz
cd "$top"

command -v "$CC" >/dev/null || {
	echo "run.sh: fuzzing needs clang: run make deps" >&2
	exit 1
}
"${MAKE:-make}" --no-print-directory -s -f test/unit.mk fuzz CC="$CC" \
	SAN=address,undefined BUILD=$build CFLAGS='-O2 -g'

found=0
ran=0
for file in test/fuzz/fuzz_*.c; do
	[ -e "$file" ] || continue
	name=$(basename "$file" .c)
	name=${name#fuzz_}
	if [ -n "${TESTS:-}" ]; then
		case " $TESTS " in
			*" $name "*) ;;
			*) continue ;;
		esac
	fi
	ran=$((ran + 1))
	mkdir -p "$build/corpus/$name" "$build/crash" "test/fuzz/corpus/$name"
	echo "== fuzz_$name: $duration s"
	"$build/fuzz_$name" -max_total_time="$duration" -timeout=10 \
		-rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
		-artifact_prefix="$build/crash/$name-" \
		"$build/corpus/$name" "test/fuzz/corpus/$name" < /dev/null ||
		found=$((found + 1))
done
if [ "$found" -gt 0 ]; then
	echo "findings in build/fuzz/crash:"
	ls "$build/crash"
	exit 1
fi
echo "$ran fuzz targets, no findings"
