#!/bin/sh
#
# deps.sh - what building and testing need, on Debian 12 or newer.
#
#   test/deps.sh [SET ...]      build test lint kafka consumers demo bench images
#                               matrix
#
# By default build, test, lint and kafka.  Looks for what is missing, installs
# exactly that with apt-get if it runs as root, and otherwise prints the
# command and stops.  Then fetches the pinned Apache Kafka (test/kafka/fetch.sh).
# Does nothing where nothing is missing.
#
set -eu
LC_ALL=C
export LC_ALL
DEBIAN_FRONTEND=noninteractive
export DEBIAN_FRONTEND

top=$(cd "$(dirname "$0")/.." && pwd -P)
PG_CONFIG=${PG_CONFIG:-pg_config}
[ $# -gt 0 ] || set -- build test lint kafka
sets=$*

wants()							# SET ...
{
	for set in "$@"; do
		case " $sets " in
			*" $set "*) return 0 ;;
		esac
	done
	return 1
}

missing=
# need PACKAGE PROBE ...: the package, unless the probe succeeds without it.
need()
{
	package=$1
	shift
	"$@" >/dev/null 2>&1 || missing="$missing $package"
}
program() { command -v "$1"; }
library() { pkg-config --exists "$1"; }
perl_module() { perl -M"$1" -e 1; }
server() { "$("$PG_CONFIG" --bindir)/postgres" --version; }
server_headers()
{
	[ -e "$("$PG_CONFIG" --pgxs)" ] &&
		[ -e "$("$PG_CONFIG" --includedir-server)/postgres.h" ]
}
plugin() { [ -e "$("$PG_CONFIG" --pkglibdir)/$1.so" ]; }
compiles()						# COMPILER FLAG
{
	echo 'int main(void) { return 0; }' | "$1" "$2" -x c -o /dev/null -
}
fuzzes()
{
	echo 'int LLVMFuzzerTestOneInput(const char *d, long n);
		int LLVMFuzzerTestOneInput(const char *d, long n)
		{ return d == (char *) n; }' |
		clang -fsanitize=fuzzer -x c -o /dev/null -
}

# The server that is there, or the one this release of Debian has.
pg_major()
{
	if "$PG_CONFIG" --version >/dev/null 2>&1; then
		"$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/'
	else
		apt-cache depends postgresql 2>/dev/null |
			sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -n 1
	fi
}

look()
{
	missing=
	major=$(pg_major)
	major=${major:-15}
	if wants build demo bench; then
		need gcc program gcc
		need libc6-dev compiles gcc -O0
		need make program make
		need pkg-config program pkg-config
		need "postgresql-server-dev-$major" server_headers
		need "postgresql-$major" server
		need libpq-dev library libpq
		need librdkafka-dev library rdkafka
		need libjansson-dev library jansson
		need libpcre2-dev library libpcre2-8
		need libssl-dev library 'libcrypto >= 3'
	fi
	if wants test lint; then
		need clang program clang
		need libclang-rt-14-dev fuzzes
		need libcmocka-dev library cmocka
		need git program git
		need libipc-run-perl perl_module IPC::Run
		need perl perl_module TAP::Harness
		need util-linux program setpriv
	fi
	if wants test demo bench; then
		need kcat program kcat
		need openssl program openssl
		need default-jre-headless program java
		need python3 program python3
		need python3-pip python3 -m pip --version
	fi
	if wants consumers; then
		need default-jdk-headless program javac
		need kcat program kcat
		need python3-pip python3 -m pip --version
	fi
	if wants kafka consumers demo bench; then
		need maven program mvn
	fi
	if wants lint; then
		need clang-format program clang-format
		need clang-tidy program clang-tidy
		need cppcheck program cppcheck
		need shellcheck program shellcheck
	fi
	if wants bench; then
		need "postgresql-$major-wal2json" plugin wal2json
		need "postgresql-$major-decoderbufs" plugin decoderbufs
	fi
	if wants images matrix; then
		need debootstrap program debootstrap
	fi
	if wants images; then
		docker info >/dev/null 2>&1 || need buildah program buildah
	fi
}

again()							# COMMAND ...
{
	try=1
	until "$@"; do
		[ "$try" -lt 4 ] || return 1
		echo "deps.sh: attempt $try of \"$*\" failed, trying again" >&2
		sleep $((try * 5))
		try=$((try + 1))
	done
}

look
if [ -n "$missing" ]; then
	line="apt-get install -y --no-install-recommends$missing"
	if ! command -v apt-get >/dev/null; then
		echo "deps.sh: this system has no apt-get; these Debian packages" \
			"name what is missing:$missing" >&2
		exit 1
	fi
	if [ "$(id -u)" -ne 0 ]; then
		echo "deps.sh: not root, so run this and then make deps again:" >&2
		echo "    sudo $line" >&2
		exit 1
	fi
	again apt-get -q update < /dev/null
	# Only now is it known which release of PostgreSQL there is.
	look
	echo "deps.sh: installing$missing"
	# PostgreSQL's package would otherwise start a server of its own.
	mkdir -p /etc/postgresql-common
	[ -e /etc/postgresql-common/createcluster.conf ] ||
		echo 'create_main_cluster = false' \
			> /etc/postgresql-common/createcluster.conf
	# shellcheck disable=SC2086 # package names are words
	again apt-get -q -y --no-install-recommends install $missing < /dev/null
	look
	if [ -n "$missing" ]; then
		echo "deps.sh: still missing after installing:$missing" >&2
		exit 1
	fi
fi

if wants kafka demo bench; then
	"$top/test/kafka/fetch.sh" > /dev/null
fi
echo "deps.sh: everything is there ($sets)"
