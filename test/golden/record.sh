#!/bin/sh
#
# record.sh - record what a slot emits, as golden streams.
#
#   test/golden/record.sh [NAME ...]     test/golden/NAME.sql; all by default
#   test/golden/record.sh --text         only the texts of what is recorded
#
# Each NAME.sql runs in a database of its own behind a slot; what the slot
# then emits goes to test/golden/vN/NAME-MAJOR.bin, each frame behind its
# length in four bytes, little-endian, and what the readers make of it to
# NAME-MAJOR.txt.  The first lines of NAME.sql may say
#
#   -- options: 'streaming', 'true'      of the plugin
#   -- slot: twophase                    prepared transactions when prepared
#   -- setting: a=b                      of the server
#   -- from: 18                          not with older PostgreSQL
#
# A stream that was recorded is a promise and stays as it is: a file that
# exists is left alone.  A new version of the format, or of PostgreSQL, gets
# files of its own.  Its text may change where the records that are made of it
# are meant to.  PG_CONFIG chooses the PostgreSQL.
#
set -eu
. "$(dirname "$0")/../lib.sh"
top=$(cd "$(dirname "$0")/../.." && pwd -P)
cd "$top"

"$MAKE" --no-print-directory -s -f test/unit.mk unit BUILD=build/golden \
	UNIT=test/unit/test_golden.c
if [ "${1:-}" = --text ]; then
	for file in test/golden/v*/*.bin; do
		build/golden/test_golden --render "$file" > "${file%.bin}.txt"
	done
	exit 0
fi

version=$(sed -n 's/^#define WIRE_VERSION //p' wire/wire.h)
to=test/golden/v$version
if [ $# -eq 0 ]; then
	for file in test/golden/*.sql; do
		set -- "$@" "$(basename "$file" .sql)"
	done
fi

cleanup()
{
	stop_cluster immediate
}
make_scratch
private_postgres
major=$("$bindir/postgres" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
mkdir -p "$to"

# start_cluster has variables of its own: name, data, options, setting.

# Of SQL on standard input, in the database $db.
sql()
{
	as_user "$bindir/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$sockdir" \
		-U postgres -d "$db"
}

said()							# WHAT FILE
{
	sed -n "s/^-- $1: //p" "$2" | tr '\n' ' '
}

for stream in "$@"; do
	file=test/golden/$stream.sql
	[ -f "$file" ] || die "there is no $file"
	out=$to/$stream-$major
	if [ -e "$out.bin" ]; then
		echo "$out.bin: exists, left alone"
		continue
	fi
	from=$(said from "$file")
	if [ "$major" -lt "${from:-0}" ]; then
		echo "$stream: not with PostgreSQL $major"
		continue
	fi
	twophase=false
	case $(said slot "$file") in
		*twophase*) twophase=true ;;
	esac
	given=$(said options "$file")
	# shellcheck disable=SC2046 # settings are words
	start_cluster golden $(said setting "$file")

	db=postgres
	echo "CREATE DATABASE $stream" | sql
	db=$stream
	{
		echo "CREATE EXTENSION walferry;"
		echo "SELECT 'begun' FROM pg_create_logical_replication_slot("
		echo "    '$stream', 'walferry', false, $twophase);"
		cat "$file"
		# A message outside of transactions alone is not flushed at once.
		echo "CREATE TABLE for_its_commit ();"
	} | sql > "$scratch/$stream.log" || die "$file: see the error above"
	echo "SELECT encode(data, 'hex') FROM
		pg_logical_slot_get_binary_changes('$stream', NULL, NULL
		${given:+, $given})" | sql | perl -ne '
			chomp;
			my $frame = pack("H*", $_);
			print pack("V", length $frame), $frame;
		' > "$scratch/bin"
	echo "SELECT pg_drop_replication_slot('$stream')" | sql > "$scratch/drop.log"
	stop_cluster fast

	[ -s "$scratch/bin" ] || die "$stream: the slot emitted nothing"
	build/golden/test_golden --render "$scratch/bin" > "$scratch/txt" ||
		die "$stream: cannot be read"
	cp "$scratch/bin" "$out.bin"
	cp "$scratch/txt" "$out.txt"
	echo "$out.bin: $(wc -c < "$out.bin") bytes," \
		"$(wc -l < "$out.txt") lines of text"
done
