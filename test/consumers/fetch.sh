#!/bin/sh
#
# fetch.sh - put what the consumers of test/consumers need into the cache.
#
#   test/consumers/fetch.sh flink | jdbc | python
#   test/consumers/fetch.sh --record WHAT      make the list of its checksums
#
# Prints the directory: of jars, for jdbc of the plugin's archive, for python
# of what is to stand in PYTHONPATH.  All is pinned in WHAT.sha256; see test/kafka/maven.sh for how,
# and for the cache.
#
set -eu
LC_ALL=C
export LC_ALL

here=$(cd "$(dirname "$0")" && pwd)
. "$here/../kafka/maven.sh"

record=
if [ "${1:-}" = --record ]; then
	record=yes
	shift
fi
sums=$here/${1:-}.sha256

# A wheel is for one version of Python and one kind of machine.
fetch_wheel()
{
	dir=$cache/consumers-python-$python
	if [ -z "$record" ] && [ -d "$dir/confluent_kafka" ]; then
		echo "$dir"
		return
	fi
	tmp=$(mktemp -d "$cache/fetch.XXXXXX")
	trap 'rm -rf "$tmp"' EXIT
	trap 'exit 1' HUP INT TERM
	wheel=confluent-kafka==$python
	if [ -n "$record" ]; then
		python3 -m pip download -q --no-deps --only-binary :all: -d "$tmp/get" \
			"$wheel" >&2
		(cd "$tmp/get" && sha256sum ./*.whl | sed 's,\./,,') > "$sums"
	fi
	# shellcheck disable=SC2046 # options are words
	echo "$wheel" $(sed 's/ .*//; s/^/--hash=sha256:/' "$sums") \
		> "$tmp/requirements"
	python3 -m pip install -q --no-deps --only-binary :all: --require-hashes \
		--no-compile --root-user-action=ignore --target "$tmp/lib" \
		-r "$tmp/requirements" >&2 ||
		die "$wheel for this Python and machine is not pinned in $sums"
	chmod -R go+rX "$tmp/lib"
	rm -rf "$dir"
	mv -T "$tmp/lib" "$dir" 2>/dev/null || [ -d "$dir/confluent_kafka" ] ||
		die "cannot write $dir"
	echo "$dir"
}

flink=2.2.1
flink_kafka=5.0.0-2.2
jdbc=3.6.0.Final
python=2.16.1

mkdir -p "$cache" || die "cannot write the cache $cache: set WALFERRY_CACHE"
case ${1:-} in
	flink)
		# log4j as in test/kafka/fetch.sh.
		fetch_jars "Apache Flink $flink (about 170 MB)" \
			"flink-$flink" "$sums" "$record" \
			"org.apache.flink:flink-clients:$flink" \
			"org.apache.flink:flink-table-api-java-bridge:$flink" \
			"org.apache.flink:flink-table-planner-loader:$flink" \
			"org.apache.flink:flink-table-runtime:$flink" \
			"org.apache.flink:flink-connector-base:$flink" \
			"org.apache.flink:flink-json:$flink" \
			"org.apache.flink:flink-sql-connector-kafka:$flink_kafka" \
			org.apache.logging.log4j:log4j-slf4j-impl:2.25.2 \
			org.apache.logging.log4j:log4j-core:2.25.2 ;;
	jdbc)
		fetch_jars "Debezium's JDBC sink $jdbc (about 60 MB)" \
			"debezium-jdbc-$jdbc" "$sums" "$record" \
			"io.debezium:debezium-connector-jdbc:$jdbc:tar.gz:plugin" ;;
	python) fetch_wheel ;;
	*) die "flink, jdbc or python?" ;;
esac
