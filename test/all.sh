#!/bin/sh
#
# all.sh - every suite, one after the other, then the count.
#
# A suite that fails does not keep the next from running.  What failed is
# named at the end once more, as far as suites say it in build/test/SUITE/failures.
# The last line is the sum of all: "N passed, N failed".
#
set -eu
. "$(dirname "$0")/lib.sh"

# A suite breaks its own row only.
rm -rf "$top/build/results"
mkdir -p "$top/build/results"
status=0

for suite in unit corpus model patterns values fault-tools compare regress \
	isolation recorded tap fault demo; do
	echo "=== $suite"
	start=$(date +%s)
	if ! "$MAKE" --no-print-directory -C "$top" "test-$suite"; then
		status=1
		# What failed before it could begin left no counts.
		[ -e "$top/build/results/$suite" ] ||
			echo "0 1" > "$top/build/results/$suite"
	fi
	echo "=== $suite: $(($(date +%s) - start)) s"
done

cat "$top"/build/test/*/failures > "$top/build/failures" 2>/dev/null || :
if [ -s "$top/build/failures" ]; then
	echo
	echo "failed:"
	sed 's/^/  /' "$top/build/failures"
fi
echo
passed=0
failed=0
for file in "$top/build/results"/*; do
	[ -e "$file" ] || continue
	read -r p f < "$file"
	printf '%-12s %5d passed %5d failed\n' "$(basename "$file")" "$p" "$f"
	passed=$((passed + p))
	failed=$((failed + f))
done
[ "$failed" -eq 0 ] || status=1
[ "$passed" -gt 0 ] || status=1
echo "$passed passed, $failed failed"
exit "$status"
