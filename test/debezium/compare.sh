#!/bin/sh
#
# compare.sh - the comparer finds what it is for; no server and no Debezium.
#
#   test/debezium/compare.sh            make test-compare
#
set -eu
. "$(dirname "$0")/../lib.sh"
top=$(cd "$(dirname "$0")/../.." && pwd -P)

suite compare
case " ${TESTS:-compare} " in
	*" compare "*) ;;
	*) nothing_to_run ;;
esac
log=$kept/test_compare.log
rc=0
PYTHONDONTWRITEBYTECODE=1 timeout 300 \
	python3 -m unittest discover -s "$top/test/debezium" -v > "$log" 2>&1 \
	< /dev/null 9>&- || rc=$?
ran=$(sed -n 's/^Ran \([0-9]*\) test.*/\1/p' "$log")
bad=$(grep -E '^(FAIL|ERROR): ' "$log" | cut -d' ' -f2 | sort -u | wc -l)
# What breaks off is no success either.
[ "$rc" -eq 0 ] && [ "${ran:-0}" -gt 0 ] || [ "$bad" -gt 0 ] || bad=1
[ "$bad" -eq 0 ] || tail -n 60 "$log"
finish "$((${ran:-0} > bad ? ${ran:-0} - bad : 0))" "$bad"
