#!/bin/sh
#
# run.sh - Debezium and walferry beside each other: see README.md.
#
#   test/debezium/run.sh [--record | --record-events | --recorded | --move]
#
# TESTS="default hex" runs only those cases.  --record writes the result to
# RESULTS.md, --record-events writes Debezium's events of some cases to
# recorded/; --recorded compares with those, without Debezium.  --move is
# another test, of move.py.  What differed, both sides' events and all logs go
# to build/test/debezium, recorded or move.
#
set -eu
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/start.sh"
top=$(cd "$(dirname "$0")/../.." && pwd -P)

FORWARDER=${FORWARDER:-build/forwarder/walferry}
record=
mode=
self=debezium
program=run.py
while [ $# -gt 0 ]; do
	case $1 in
		--record) record=yes ;;
		--record-events) mode=$1 ;;
		--move)
			self=move
			program=move.py ;;
		--recorded)
			mode=$1
			self=recorded
			# Of the other suites TESTS may name tests.
			case " ${TESTS:-recorded} " in
				*" recorded "*) TESTS= ;;
				*) self= ;;
			esac ;;
		*) die "unknown option $1" ;;
	esac
	shift
done
[ -x "$top/$FORWARDER" ] || die "there is no $FORWARDER"

suite "${self:-recorded}"
[ -n "$self" ] || nothing_to_run
PYTHONDONTWRITEBYTECODE=1 python3 -m unittest discover \
	-s "$top/test/debezium" > "$kept/test_compare.log" 2>&1 < /dev/null || {
	tail -n 30 "$kept/test_compare.log" >&2
	die "the comparer itself fails its tests"
}
prepare test/debezium docs/debezium.md
if [ "$self" = recorded ]; then
	# As a part of make test it is brief.
	exec 3> "$kept/log"
else
	exec 3>&1
	put "$("$top/test/debezium/fetch.sh")" plugins/debezium
fi
# shellcheck disable=SC2086 # names of cases are words
run_python "test/debezium/$program" $mode $TESTS >&3 2>&1
[ "$rc" -eq 0 ] || [ "$self" != recorded ] || tail -n 60 "$kept/log"
if [ ! -s "$kept/counts" ]; then
	finish 0 1 "broke off"
fi
if [ "$mode" = --record-events ] && [ "$rc" -eq 0 ]; then
	mkdir -p "$top/test/debezium/recorded"
	cp "$kept/recorded"/* "$top/test/debezium/recorded/"
fi
if [ -n "$record" ] && [ -s "$kept/RESULTS.md" ]; then
	[ -z "$TESTS" ] || die "only a whole run is recorded"
	cp "$kept/RESULTS.md" "$top/test/debezium/RESULTS.md"
fi
read -r passed failed waiting < "$kept/counts"
[ "$waiting" -eq 0 ] || waiting="$waiting cases wait for what is not built"
finish "$passed" "$failed" "${waiting#0}"
