#!/bin/sh
#
# fetch.sh - put the jars of one Apache Kafka release into the cache.
#
#   test/kafka/fetch.sh [VERSION]        VERSION or $KAFKA_VERSION or 4.3.1
#   test/kafka/fetch.sh --record VERSION    make the list of its checksums
#
# Prints the directory of jars, the class path of a broker.  Maven resolves
# and verifies them; they are then compared with the checksums recorded here
# (kafka-VERSION.sha256), so what runs in a test is what ran when the list was
# made.  The cache is $WALFERRY_CACHE, or ~/.cache/walferry.  A complete cache
# is used as it is, without a look at the network.
#
set -eu
LC_ALL=C
export LC_ALL

here=$(cd "$(dirname "$0")" && pwd)
record=
if [ "${1:-}" = --record ]; then
	record=yes
	shift
fi
version=${1:-${KAFKA_VERSION:-4.3.1}}
cache=${WALFERRY_CACHE:-${HOME:-/nonexistent}/.cache/walferry}
dir=$cache/kafka-$version
sums=$here/kafka-$version.sha256
plugin=org.apache.maven.plugins:maven-dependency-plugin:3.6.1

die()
{
	echo "fetch.sh: $*" >&2
	exit 1
}

has_all_jars()
{
	[ -d "$1" ] && (cd "$1" && sha256sum --check --status --strict "$sums")
}

[ -n "$record" ] || [ -r "$sums" ] ||
	die "Kafka $version is not pinned here; pinned: $(cd "$here" &&
		echo kafka-*.sha256 | sed 's/kafka-//g; s/\.sha256//g')"

if [ -z "$record" ] && has_all_jars "$dir"; then
	echo "$dir"
	exit 0
fi

command -v mvn >/dev/null ||
	die "Maven is needed to fetch Kafka $version: run make deps"

mkdir -p "$cache" || die "cannot write the cache $cache: set WALFERRY_CACHE"
tmp=$(mktemp -d "$cache/fetch.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

# The two series log through different libraries.
case $version in
	3.*) logging="org.slf4j:slf4j-reload4j:1.7.36" ;;
	*) logging="org.apache.logging.log4j:log4j-slf4j-impl:2.25.2
		org.apache.logging.log4j:log4j-core:2.25.2" ;;
esac

{
	echo '<project xmlns="http://maven.apache.org/POM/4.0.0">'
	echo '<modelVersion>4.0.0</modelVersion><groupId>walferry.test</groupId>'
	echo '<artifactId>kafka</artifactId><version>1</version>'
	echo '<packaging>pom</packaging><dependencies>'
	for gav in "org.apache.kafka:kafka_2.13:$version" \
		"org.apache.kafka:kafka-tools:$version" $logging; do
		group=${gav%%:*}
		rest=${gav#*:}
		echo "<dependency><groupId>$group</groupId>"
		echo "<artifactId>${rest%%:*}</artifactId>"
		echo "<version>${rest#*:}</version></dependency>"
	done
	echo '</dependencies></project>'
} > "$tmp/pom.xml"

echo "fetching Apache Kafka $version through Maven (about 55 MB)" >&2
try=1
until mvn -q -B -C -U -f "$tmp/pom.xml" "$plugin:copy-dependencies" \
	"-DoutputDirectory=$tmp/lib" >&2 < /dev/null; do
	[ "$try" -lt 5 ] || die "Maven could not fetch Kafka $version"
	echo "fetch.sh: attempt $try failed, trying again" >&2
	sleep $((try * 3))
	try=$((try + 1))
done

if [ -n "$record" ]; then
	(cd "$tmp/lib" && sha256sum ./*.jar | sed 's,\./,,') > "$sums"
fi
has_all_jars "$tmp/lib" ||
	die "the jars differ from those recorded in $sums:
$(cd "$tmp/lib" && sha256sum --check --quiet --strict "$sums" 2>&1)"

chmod -R go+rX "$tmp/lib"
rm -rf "$dir"
# Another run may have put the same directory there meanwhile.
mv -T "$tmp/lib" "$dir" 2>/dev/null || has_all_jars "$dir" ||
	die "cannot write $dir"
echo "$dir"
