#!/bin/sh
#
# fetch.sh - put the jars of one Apache Kafka release into the cache.
#
#   test/kafka/fetch.sh [VERSION]        VERSION or $KAFKA_VERSION or 4.3.1
#   test/kafka/fetch.sh --record VERSION    make the list of its checksums
#
# Prints the directory of jars, the class path of a broker and of a Connect
# worker.  They are pinned in kafka-VERSION.sha256; see maven.sh for how, and
# for the cache.
#
set -eu
LC_ALL=C
export LC_ALL

here=$(cd "$(dirname "$0")" && pwd)
. "$here/maven.sh"

record=
if [ "${1:-}" = --record ]; then
	record=yes
	shift
fi
version=${1:-${KAFKA_VERSION:-4.3.1}}
sums=$here/kafka-$version.sha256

[ -n "$record" ] || [ -r "$sums" ] ||
	die "Kafka $version is not pinned here; pinned: $(cd "$here" &&
		echo kafka-*.sha256 | sed 's/kafka-//g; s/\.sha256//g')"

# The two series log through different libraries.
case $version in
	3.*) logging="org.slf4j:slf4j-reload4j:1.7.36" ;;
	*) logging="org.apache.logging.log4j:log4j-slf4j-impl:2.25.2
		org.apache.logging.log4j:log4j-core:2.25.2" ;;
esac

# shellcheck disable=SC2086 # artifacts are words
fetch_jars "Apache Kafka $version (about 55 MB)" "kafka-$version" "$sums" \
	"$record" "org.apache.kafka:kafka_2.13:$version" \
	"org.apache.kafka:kafka-tools:$version" $logging
