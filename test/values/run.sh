#!/bin/sh
#
# values/run.sh - pgtext against PostgreSQL's output functions.
#
#   test/values/run.sh [COUNT]          make test-values COUNT=1000000
#
# Starts a private cluster, has it make COUNT (1000) random values and the
# boundary values of every type that pgtext knows, and compares pgtext's text
# of the raw datum with what the type's output function says.  Prints the
# first difference of each type and the number compared.
#
# PG_CONFIG chooses the server, TYPE="numeric" one type, SEED (0) other values,
# SAN=none leaves out the sanitizers.
#
set -eu
. "$(dirname "$0")/../lib.sh"
top=$(cd "$(dirname "$0")/../.." && pwd -P)

count=${1:-${COUNT:-1000}}
case $count in
	'' | *[!0-9]*) die "COUNT is a number, not '$count'" ;;
esac
san=${SAN:-address,undefined}
[ "$san" != none ] || san=

suite values
cleanup()
{
	stop_cluster immediate
}
make_scratch
bindir=$("$PG_CONFIG" --bindir)

cd "$top"
"${CC:-gcc}" -std=c17 -D_GNU_SOURCE -O2 -g -Wall -Wextra \
	${san:+-fsanitize="$san" -fno-sanitize-recover=all} -Iforwarder \
	-o "$scratch/check_values" test/values/check_values.c \
	forwarder/pgtext*.c forwarder/buf.c -lm
"${CC:-gcc}" -O2 -Wall -shared -fPIC \
	-I"$("$PG_CONFIG" --includedir-server)" \
	-o "$scratch/raw_datum.so" test/values/raw_datum.c
stage test/values/values.sql

start_cluster values fsync=off autovacuum=off
rc=0
{
	as_user "$bindir/psql" -X -A -t -q -h "$sockdir" -U postgres postgres \
		-v module="$scratch/raw_datum" -v count="$count" \
		-v seed="${SEED:-0}" -v only="${TYPE:-}" \
		-f test/values/values.sql 2> "$scratch/psql.log" ||
		echo "$?" > "$scratch/psql.rc"
} | "$scratch/check_values" ${TYPE:+--one} > "$kept/report" || rc=1
cat "$kept/report"
if [ -s "$scratch/psql.log" ] || [ -e "$scratch/psql.rc" ]; then
	cat "$scratch/psql.log" >&2
	rc=1
fi
finish $((1 - rc)) "$rc"
