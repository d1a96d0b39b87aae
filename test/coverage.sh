#!/bin/sh
#
# coverage.sh - what the unit tests and the corpus reach, line by line.
#
# Needs lcov.  build/coverage/index.html has it all; the table printed has the
# files.  There is no threshold: look at what is red in the error paths.
#
set -eu
. "$(dirname "$0")/lib.sh"

cd "$top"
for program in lcov genhtml; do
	command -v $program >/dev/null ||
		die "$program is needed: apt-get install lcov"
done
out=build/coverage
rm -rf "$out"
mkdir -p "$out"

for kind in unit corpus; do
	"$MAKE" --no-print-directory -s -k -f test/unit.mk $kind CC=gcc SAN= \
		BUILD=$out/$kind CFLAGS='-O0 -g --coverage' || :
done
for program in "$out"/unit/test_*; do
	[ -f "$program" ] && [ -x "$program" ] || continue
	"$program" > "$program.log" 2>&1 < /dev/null ||
		echo "coverage: $(basename "$program") fails"
done
for program in "$out"/corpus/fuzz_*; do
	[ -f "$program" ] && [ -x "$program" ] || continue
	name=$(basename "$program")
	"$program" "test/fuzz/corpus/${name#fuzz_}" > "$program.log" 2>&1 ||
		echo "coverage: $name fails"
done

lcov --quiet --capture --directory "$out" --base-directory "$top" \
	--no-external --output-file "$out/all.info" 2> "$out/lcov.log" ||
	{ cat "$out/lcov.log" >&2; exit 1; }
lcov --quiet --extract "$out/all.info" "$top/wire/*" "$top/forwarder/*" \
	--output-file "$out/coverage.info" 2>> "$out/lcov.log"
genhtml --quiet --prefix "$top" --output-directory "$out" \
	"$out/coverage.info" 2>> "$out/lcov.log"
lcov --list "$out/coverage.info" 2>> "$out/lcov.log"
echo "build/coverage/index.html"
