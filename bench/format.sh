#!/bin/sh
# What the forwarder spends on a value, by type: format.c, over what the plugin
# sends of format.sql.  Prints a page; --record writes it to
# bench/results/format-MAJOR.md.
set -eu
. "$(dirname "$0")/../test/lib.sh"

here=$top/bench
: "${CC:=cc}"
record=
[ "${1:-}" != --record ] || record=yes

cleanup()
{
	stop_cluster immediate
}
make_scratch
private_postgres
major=$("$bindir/postgres" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
out=$top/build/bench/$major
mkdir -p "$out"

# With what the forwarder itself is made of.
objects=$(find "$top/build/forwarder" -name '*.o' ! -name main.o)
# shellcheck disable=SC2046,SC2086 # lists
"$CC" -std=c17 -D_GNU_SOURCE= -O2 -g -Wall -Wextra -Wshadow -I"$top/forwarder" \
	-I"$top/wire" "$here/format.c" $objects -o "$out/format" \
	$(pkg-config --libs rdkafka libpq jansson libpcre2-8 libcrypto) -lpthread

start_cluster bench
sql()
{
	as_user "$bindir/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$sockdir" \
		-U postgres -d "$1"
}

# emitted DATABASE SQL FILE: what the plugin emits for FILE, after the SQL.
emitted()
{
	echo "CREATE DATABASE $1" | sql postgres
	{
		echo "CREATE EXTENSION walferry; CREATE SCHEMA bench;"
		echo "$2"
		echo "SELECT pg_create_logical_replication_slot('$1', 'walferry');"
		cat "$3"
	} | sql "$1" > "$scratch/$1.log"
	echo "SELECT encode(data, 'hex')
		FROM pg_logical_slot_get_binary_changes('$1', NULL, NULL)" | sql "$1" |
		perl -ne 'chomp; my $f = pack("H*", $_);
			print pack("V", length $f), $f;' > "$scratch/$1"
}
emitted types "" "$here/format.sql"
echo "CALL bench_mixed(100);" > "$scratch/mixed.sql"
emitted mixed "SET search_path = bench;
	$(cat "$here/workload.sql")
	CALL bench_fill(100);" "$scratch/mixed.sql"
stop_cluster fast

commit=$(git -C "$top" describe --always --dirty 2>/dev/null) || commit=unknown
machine="$(nproc) x $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo |
	head -n 1), load average $(cut -d ' ' -f 1 /proc/loadavg) before the run"
"$out/format" "$scratch/types" "$scratch/mixed" "$commit" "$machine" > "$scratch/page"
cat "$scratch/page"
[ -z "$record" ] || cp "$scratch/page" "$here/results/format-$major.md"
