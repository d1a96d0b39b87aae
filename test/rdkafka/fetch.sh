#!/bin/sh
#
# fetch.sh - put one release of librdkafka, newer than the system's, into the
# cache.
#
#   test/rdkafka/fetch.sh [VERSION]         VERSION or 2.15.0
#   test/rdkafka/fetch.sh --record VERSION  make the list of its checksums
#
# Prints a directory for RDKAFKA=: include/librdkafka/, librdkafka.a, which has
# all that it needs in it, and LICENSES.txt.  They come out of the Go module
# confluent-kafka-go of the same version, and are compared with the checksums
# recorded here.  go fetches the module (50 MB, once) and is needed for nothing
# else; where it is missing, the exit code is 77 and nothing is done.  The cache
# is $WALFERRY_CACHE, or ~/.cache/walferry.  A complete cache is used as it is,
# without a look at the network.
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
version=${1:-2.15.0}
cache=${WALFERRY_CACHE:-${HOME:-/nonexistent}/.cache/walferry}
dir=$cache/librdkafka-$version
module=github.com/confluentinc/confluent-kafka-go/v2@v$version

die()
{
	echo "rdkafka/fetch.sh: $*" >&2
	exit 1
}

case $(uname -s)-$(uname -m) in
	Linux-x86_64) arch=amd64 ;;
	Linux-aarch64) arch=arm64 ;;
	*) die "there is no librdkafka $version for $(uname -s) $(uname -m)" ;;
esac
sums=$here/librdkafka-$version-$arch.sha256

is_complete()					# DIRECTORY
{
	[ -d "$1" ] && (cd "$1" && sha256sum --check --status --strict "$sums")
}

# The files of one architecture, as the module has them.
lay_out()						# MODULE ARCHITECTURE DIRECTORY
{
	vendored=$1/kafka/librdkafka_vendor
	mkdir -p "$3/include/librdkafka"
	install -m 644 "$vendored/rdkafka.h" "$vendored/rdkafka_mock.h" \
		"$3/include/librdkafka/"
	install -m 644 "$vendored/librdkafka_glibc_linux_$2.a" "$3/librdkafka.a"
	install -m 644 "$vendored/LICENSES.txt" "$3/LICENSES.txt"
}

[ -n "$record" ] || [ -r "$sums" ] ||
	die "librdkafka $version for $arch is not pinned here; pinned: $(cd \
		"$here" && echo librdkafka-*.sha256)"

if [ -z "$record" ] && is_complete "$dir"; then
	echo "$dir"
	exit 0
fi
if ! command -v go >/dev/null; then
	echo "rdkafka/fetch.sh: go is needed to fetch librdkafka $version" >&2
	exit 77
fi

mkdir -p "$cache" || die "cannot write the cache $cache: set WALFERRY_CACHE"
tmp=$(mktemp -d "$cache/fetch.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM

# go compares what it gets with the public checksum database by itself.
echo "fetching librdkafka $version as a Go module (50 MB)" >&2
try=1
until (cd "$tmp" && go mod download -json "$module") > "$tmp/answer" \
	2>&1 < /dev/null; do
	[ "$try" -lt 5 ] || { cat "$tmp/answer" >&2; die "go cannot fetch $module"; }
	echo "rdkafka/fetch.sh: attempt $try failed, trying again" >&2
	sleep $((try * 3))
	try=$((try + 1))
done
from=$(sed -n 's/^[[:space:]]*"Dir": "\(.*\)",$/\1/p' "$tmp/answer")
[ -d "$from" ] || die "go does not say where it has put $module"

if [ -n "$record" ]; then
	for each in amd64 arm64; do
		lay_out "$from" "$each" "$tmp/$each"
		(cd "$tmp/$each" && find . -type f | sort | xargs sha256sum |
			sed 's,  \./,  ,') > "$here/librdkafka-$version-$each.sha256"
	done
fi
lay_out "$from" "$arch" "$tmp/new"
is_complete "$tmp/new" || die "it differs from what is recorded in $sums:
$(cd "$tmp/new" && sha256sum --check --quiet --strict "$sums" 2>&1)"

chmod -R go+rX "$tmp/new"
rm -rf "$dir"
# Another run may have put the same directory there meanwhile.
mv -T "$tmp/new" "$dir" 2>/dev/null || is_complete "$dir" ||
	die "cannot write $dir"
echo "$dir"
