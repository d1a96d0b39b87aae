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
# SAN=none leaves out the sanitizers, which a million values should; JOBS=2
# shares the types out.
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
jobs=${JOBS:-1}
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
# job NUMBER: each has a database, and its share of the types.
job()
{
	as_user "$bindir/createdb" -h "$sockdir" -U postgres "values$1"
	# shellcheck disable=SC2086 # $one is an option or nothing
	{
		as_user "$bindir/psql" -X -A -t -q -h "$sockdir" -U postgres \
			"values$1" -v module="$scratch/random_values" \
			-v count="$count" -v seed="$((${SEED:-0} + $1))" \
			-v only="${TYPE:-}" -v jobs="$jobs" -v job="$1" \
			-f test/values/values.sql 2> "$scratch/psql.$1.log" ||
			echo "$?" > "$scratch/psql.$1.rc"
	} | "$scratch/check_values" --table "$kept/table.$1" $one \
		> "$kept/report.$1" || echo "$?" > "$scratch/check.$1.rc"
}
one=${TYPE:+--one}
[ "$jobs" -eq 1 ] || one=--one
for number in $(seq 0 $((jobs - 1))); do
	job "$number" &
done
wait
took=$(($(date +%s) - start))
cat "$kept"/report.*
cat "$scratch"/psql.*.log >&2
rc=0
for failed in "$scratch"/*.rc; do
	[ ! -e "$failed" ] || rc=1
done
cat "$kept"/table.* > "$kept/table"
total=$(awk -F '\t' '{ n++; c += $2; d += $3 }
	END { printf "%d values of %d types compared, %d differ", c, n, d }' \
	"$kept/table")

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
			- seed: ${SEED:-0}; jobs: $jobs; sanitizers: ${san:-none}
			- duration: $took s
			- $total; $([ "$rc" -eq 0 ] && echo passed || echo "failed or broken off")

			| type | values compared | differences |
			| --- | --- | --- |
		HEAD
		sort "$kept/table" |
			awk -F '\t' '{ printf "| `%s` | %s | %s |\n", $1, $2, $3 }'
	} > test/values/RESULTS.md
fi
finish $((1 - rc)) "$rc"
