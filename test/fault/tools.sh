#!/bin/sh
#
# fault/tools.sh - the fault harness's own tools keep what they promise.
#
#   test/fault/tools.sh                 make test-fault-tools
#
# Builds the proxy with the sanitizers (SAN chooses others) and runs
# test/fault/test_*.py against it.  TESTS="proxy" runs test_proxy.py.
#
set -eu
. "$(dirname "$0")/../lib.sh"
top=$(cd "$(dirname "$0")/../.." && pwd -P)

suite fault-tools
names=
for file in "$top"/test/fault/test_*.py; do
	name=$(basename "$file" .py)
	case " ${TESTS:-${name#test_}} " in
		*" ${name#test_} "* | *" $name "*) names="$names $name" ;;
	esac
done
[ -n "$names" ] || nothing_to_run

san=${SAN:-address,undefined}
"$MAKE" --no-print-directory -s -C "$top/test/fault" SAN="$san"
FAULT_PROXY=$top/build/san/fault/proxy
export FAULT_PROXY PYTHONDONTWRITEBYTECODE=1

passed=0
failed=0
for name in $names; do
	log=$kept/$name.log
	rc=0
	timeout 300 python3 "$top/test/fault/$name.py" -v > "$log" 2>&1 \
		< /dev/null 9>&- || rc=$?
	ran=$(sed -n 's/^Ran \([0-9]*\) test.*/\1/p' "$log")
	bad=$(grep -E '^(FAIL|ERROR): ' "$log" | cut -d' ' -f2 | sort -u | wc -l)
	ok=$((${ran:-0} - bad))
	# What breaks off, and not one test, is no success either.
	[ "$rc" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
	[ "$ok" -gt 0 ] || [ "$bad" -gt 0 ] || bad=1
	if [ "$bad" -gt 0 ]; then
		grep -v ' \.\.\. ok$' "$log" | tail -n 80
		echo "$name: $ok passed, $bad failed, exit code $rc"
	else
		echo "$name: $ok passed"
	fi
	passed=$((passed + ok))
	failed=$((failed + bad))
done
finish "$passed" "$failed"
