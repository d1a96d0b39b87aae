#!/bin/sh
#
# patterns/run.sh - lists of regular expressions, against Java.
#
# Every row of table.txt, which Debezium's own classes have made, goes through
# the forwarder's engine and through the decoder's.  Each must agree with Java,
# or refuse the list as refused.txt says.  See README.md.
#
set -eu
. "$(dirname "$0")/../lib.sh"
top=$(cd "$(dirname "$0")/../.." && pwd -P)

suite patterns
# shellcheck disable=SC2317 # called by lib.sh
cleanup()
{
	stop_cluster immediate
}
make_scratch
private_postgres

cd "$top"
# shellcheck disable=SC2046 # flags of pkg-config
"${CC:-gcc}" -std=c17 -D_GNU_SOURCE -O1 -g -Wall -Wextra \
	-fsanitize=address,undefined -fno-sanitize-recover=all -Iwire \
	-o "$scratch/check_patterns" test/patterns/check_patterns.c \
	wire/javaregex.c $(pkg-config --cflags --libs libpcre2-8)
rc=0
"$scratch/check_patterns" test/patterns/table.txt test/patterns/refused.txt \
	"$scratch/rows" > "$kept/report" || rc=1
stage test/patterns/patterns.sql

start_cluster patterns fsync=off autovacuum=off wal_level=logical
as_user "$bindir/psql" -X -q -h "$sockdir" -U postgres postgres \
	-f test/patterns/patterns.sql < "$scratch/rows" >> "$kept/report" \
	2> "$scratch/psql.log" || rc=1
cat "$kept/report"
# What the server refuses is an error there; that it ran to its end shows here.
if ! grep -q '^patterns: .* looks' "$kept/report" ||
	grep -q '^decoder:' "$kept/report"; then
	tail -n 20 "$scratch/psql.log" >&2
	rc=1
fi
finish $((1 - rc)) "$rc"
