#!/bin/sh
#
# demo.sh - the demo in a private PostgreSQL.
#
#   test/demo.sh            as "make demo": SECONDS, SPEED and the like are
#                           handed on
#   test/demo.sh --check    as a test: 30 seconds, which end with the demo's
#                           own comparison of tables and topics
#
# The demo wants a PostgreSQL with the extension; this gives it one without
# writing to the system's.
#
set -eu
. "$(dirname "$0")/lib.sh"

[ "${1:-}" != --check ] || suite demo
if [ ! -e "$top/demo/run.sh" ]; then
	[ "${1:-}" = --check ] || die "there is no demo yet"
	nothing_to_run
fi
if [ -n "$TESTS" ] && [ "${1:-}" = --check ]; then
	nothing_to_run
fi

make_scratch
private_postgres
PG_CONFIG=$bindir/pg_config
PATH=$bindir:$PATH
WALFERRY=${FORWARDER:+$top/$FORWARDER}
export PG_CONFIG PATH WALFERRY

if [ "${1:-}" != --check ]; then
	"$top/demo/run.sh"
	exit
fi

rc=0
DEMO_QUIET=1 SECONDS=30 timeout -k 30 300 "$top/demo/run.sh" \
	> "$kept/demo.log" 2>&1 < /dev/null || rc=$?
tail -n 15 "$kept/demo.log"
if [ "$rc" -eq 0 ]; then
	finish 1 0
else
	echo "demo: exit code $rc, build/test/demo/demo.log"
	finish 0 1
fi
