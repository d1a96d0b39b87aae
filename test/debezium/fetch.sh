#!/bin/sh
#
# fetch.sh - put the jars of Debezium's PostgreSQL connector into the cache.
#
#   test/debezium/fetch.sh               the version that is pinned
#   test/debezium/fetch.sh --record VERSION    make the list of its checksums
#
# Prints the directory of jars: a plugin for a Connect worker.  The worker
# itself is among the jars of test/kafka/fetch.sh.  They are pinned in
# debezium-VERSION.sha256; see test/kafka/maven.sh for how, and for the cache.
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
version=${1:-3.6.1.Final}
sums=$here/debezium-$version.sha256
[ -n "$record" ] || [ -r "$sums" ] ||
	die "Debezium $version is not pinned here"

fetch_jars "Debezium $version (about 28 MB)" "debezium-$version" "$sums" \
	"$record" "io.debezium:debezium-connector-postgres:$version"
