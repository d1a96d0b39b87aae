#!/bin/sh
#
# tap.sh - the end-to-end tests, t/*.pl.
#
# Each against a PostgreSQL of its own and a real Apache Kafka broker that the
# files share (KAFKA_VERSION chooses its release).  FORWARDER is the program
# under test; what asks for failpoints or seeded bugs gets the test build of it,
# FAULT_FORWARDER.  TESTS="001 crash" selects files whose name contains a word.
# WALFERRY_JOBS files run at a time, 2 by default.  Logs: build/test/tap/log.
#
set -eu
. "$(dirname "$0")/lib.sh"

suite tap
selected=
for file in "$top"/t/*.pl; do
	[ -e "$file" ] || continue
	name=$(basename "$file")
	for word in ${TESTS:-$name}; do
		case $name in
			*"$word"*)
				selected="$selected t/$name"
				break
				;;
		esac
	done
done
[ -n "$selected" ] || nothing_to_run

for program in perl java kcat openssl; do
	command -v $program >/dev/null || die "$program is needed: run make deps"
done
perl -MIPC::Run -e 1 2>/dev/null ||
	die "perl's IPC::Run is needed: run make deps"

cleanup()
{
	# Whatever a broken-off test has left; its own END blocks did the rest.
	find "$scratch/work" -name broker.pid 2>/dev/null |
		while read -r file; do
			as_user "$scratch/work/test/kafka/broker.sh" kill \
				"$(dirname "$file")" || :
		done
	find "$scratch/work" -name postmaster.pid 2>/dev/null |
		while read -r file; do
			as_user "$bindir/pg_ctl" -D "$(dirname "$file")" -m immediate \
				-w stop > /dev/null 2>&1 || :
		done
}
make_scratch
private_postgres
stage t test/kafka test/certs.sh test/logical.conf docs examples test/fault/kafka_log.py

if [ -x "$top/$FORWARDER" ]; then
	install -m 755 "$top/$FORWARDER" "$scratch/work/walferry"

	# The same with failpoints, and what stands between it and its servers.
	"$MAKE" --no-print-directory -s -C "$top/forwarder" FAULT=1 SAN="$SAN" \
		RDKAFKA="${RDKAFKA:-}"
	install -m 755 "$top/$FAULT_FORWARDER" "$scratch/work/walferry-fault"
	"$MAKE" --no-print-directory -s -C "$top/test/fault"
	install -m 755 "$top/build/fault/proxy" "$scratch/work/fault-proxy"
else
	echo "tap: there is no $FORWARDER; what needs it will fail"
fi

# The jars where the test user can read them.  Kafka 3.9.2 as well, which takes
# SCRAM from the librdkafka of Debian 12.
mkdir "$scratch/jars"
for version in "${KAFKA_VERSION:-4.3.1}" 3.9.2; do
	[ ! -e "$scratch/jars/kafka-$version" ] || continue
	jars=$("$top/test/kafka/fetch.sh" "$version")
	if as_user test -r "$jars/." 2>/dev/null; then
		ln -s "$jars" "$scratch/jars/kafka-$version"
	else
		cp -R "$jars" "$scratch/jars/kafka-$version"
		chmod -R go+rX "$scratch/jars"
	fi
done

in_tests()
{
	as_user env -u PGUSER -u PGHOST -u PGPORT -u PGDATABASE -u PGSERVICE \
		PATH="$bindir:$PATH" \
		PERL5LIB="$scratch/work/t/lib:$pgxs_tests/perl" \
		PG_REGRESS="$pgxs_tests/regress/pg_regress" \
		TESTDIR="$scratch/work/tap" \
		TESTDATADIR="$scratch/work/tap/tmp_check" \
		TESTLOGDIR="$scratch/work/tap/tmp_check/log" \
		TMPDIR="$scratch/work/tmp" \
		PG_TEST_TIMEOUT_DEFAULT="${PG_TEST_TIMEOUT_DEFAULT:-120}" \
		WALFERRY_HOME="$scratch/work" \
		WALFERRY_BIN="$scratch/work/walferry" \
		WALFERRY_FAULT_BIN="$scratch/work/walferry-fault" \
		WALFERRY_PROXY_BIN="$scratch/work/fault-proxy" \
		WALFERRY_KAFKA_JARS="$scratch/jars" \
		WALFERRY_TEST_BROKER="$scratch/work/broker" \
		ASAN_OPTIONS="${ASAN_OPTIONS:-}" \
		UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}" \
		"$@"
}

as_user mkdir -p tap tmp
in_tests "$scratch/work/test/kafka/broker.sh" start "$scratch/work/broker" \
	> "$scratch/broker.address" || die "Kafka does not start"
echo "broker: $(cat "$scratch/broker.address")"

rc=0
cp "$top/test/prove.pl" "$scratch/prove.pl"
: > "$scratch/counts"
: > "$scratch/failures"
chown "$test_user" "$scratch/counts" "$scratch/failures"
# shellcheck disable=SC2086 # file names are words
in_tests perl "$scratch/prove.pl" "$scratch/counts" \
	"$scratch/failures" "${WALFERRY_JOBS:-2}" \
	$selected < /dev/null || rc=$?

mkdir -p "$kept/log"
cp -R "$scratch/work/tap/tmp_check/log/." "$kept/log/" 2>/dev/null || :
cp "$scratch/work/broker/broker.log" "$kept/log/broker.log" 2>/dev/null || :

cp "$scratch/failures" "$kept/failures"
read -r passed failed skipped < "$scratch/counts" || :
[ "$rc" -eq 0 ] || [ "${failed:-0}" -gt 0 ] || failed=1
[ "${failed:-0}" -eq 0 ] || echo "logs: build/test/tap/log"
note=
[ "${skipped:-0}" -eq 0 ] || note="$skipped skipped"
finish "${passed:-0}" "${failed:-0}" "$note"
