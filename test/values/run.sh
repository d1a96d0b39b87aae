#!/bin/sh
#
# values/run.sh - what the forwarder makes of values against PostgreSQL's
# output functions.
#
#   test/values/run.sh [--record] [COUNT]    make test-values COUNT=1000000
#
# Starts a private cluster, has it make COUNT (1000) random values and the
# boundary values of every type, encodes each as the decoder does, and compares
# what the forwarder reads with what the type's output function says.  Prints
# the first difference of each type and the number compared.  --record writes
# the result, type by type, to RESULTS.md; make test-values RECORD=1 as well.
#
# PG_CONFIG chooses the server, TYPE="numeric" one type, SEED (0) other values,
# SAN=none leaves out the sanitizers, which a million values should.
#
set -eu
. "$(dirname "$0")/../lib.sh"
top=$(cd "$(dirname "$0")/../.." && pwd -P)

record=${RECORD:-}
if [ "${1:-}" = --record ]; then
	record=yes
	shift
fi
count=${1:-${COUNT:-1000}}
case $count in
	'' | *[!0-9]*) die "COUNT is a number, not '$count'" ;;
esac
san=${SAN:-address,undefined}
[ "$san" != none ] || san=

suite values
# shellcheck disable=SC2317 # called by lib.sh
cleanup()
{
	stop_cluster immediate
}
make_scratch
private_postgres

cd "$top"
commit=$(git rev-parse --short=10 HEAD 2> /dev/null || echo unknown)
"${CC:-gcc}" -std=c17 -D_GNU_SOURCE -O2 -g -Wall -Wextra \
	${san:+-fsanitize="$san" -fno-sanitize-recover=all} -Iforwarder -Iwire \
	-o "$scratch/check_values" test/values/check_values.c \
	forwarder/pgtext*.c forwarder/decode.c forwarder/condense.c \
	forwarder/schema.c forwarder/buf.c wire/*.c -lm
"${CC:-gcc}" -O2 -Wall -shared -fPIC \
	-I"$("$PG_CONFIG" --includedir-server)" \
	-o "$scratch/random_values.so" test/values/random_values.c
stage test/values/values.sql

start_cluster values fsync=off autovacuum=off
start=$(date +%s)
rc=0
{
	as_user "$bindir/psql" -X -A -t -q -h "$sockdir" -U postgres postgres \
		-v module="$scratch/random_values" -v count="$count" \
		-v seed="${SEED:-0}" -v only="${TYPE:-}" \
		-f test/values/values.sql 2> "$scratch/psql.log" ||
		echo "$?" > "$scratch/psql.rc"
} | "$scratch/check_values" --table "$kept/table" ${TYPE:+--one} \
	> "$kept/report" || rc=1
took=$(($(date +%s) - start))
cat "$kept/report"
if [ -s "$scratch/psql.log" ] || [ -e "$scratch/psql.rc" ]; then
	cat "$scratch/psql.log" >&2
	rc=1
fi

if [ -n "$record" ] && [ -z "${TYPE:-}" ]; then
	{
		cat <<-HEAD
			# Values, against PostgreSQL's output functions

			What \`make test-values\` last found, as \`test/values/run.sh --record\` wrote it: of each type, $count random
			values and the boundary values, encoded as the decoder does, read as the forwarder does, and compared with
			the text of the type's own output function.

			- date: $(date -u +%Y-%m-%d)
			- walferry: $commit
			- $(as_user "$bindir/postgres" --version | sed 's/^[^ ]* (PostgreSQL) /PostgreSQL: /')
			- seed: ${SEED:-0}; sanitizers: ${san:-none}
			- duration: $took s
			- $(tail -n 1 "$kept/report")

			| type | values compared | differences |
			| --- | --- | --- |
		HEAD
		awk -F '\t' '{ printf "| `%s` | %s | %s |\n", $1, $2, $3 }' \
			"$kept/table"
	} > test/values/RESULTS.md
fi
finish $((1 - rc)) "$rc"
