#!/bin/sh
#
# run.sh - consumers as they are in use, on walferry's topics: see README.md.
#
#   test/consumers/run.sh [--record]
#
# TESTS="flink kcat" runs only those.  --record writes the result to
# RESULTS.md.  What each of them said goes to build/test/consumers.
#
set -eu
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../debezium/start.sh"
top=$(cd "$(dirname "$0")/../.." && pwd -P)

FORWARDER=${FORWARDER:-build/forwarder/walferry}
record=
while [ $# -gt 0 ]; do
	case $1 in
		--record) record=yes ;;
		*) die "unknown option $1" ;;
	esac
	shift
done
[ -x "$top/$FORWARDER" ] || die "there is no $FORWARDER"
command -v javac >/dev/null || die "a JDK is needed: default-jdk-headless"

suite consumers
prepare test/debezium test/consumers
put "$("$top/test/consumers/fetch.sh" flink)" flink
put "$("$top/test/consumers/fetch.sh" python)" python
mkdir -p "$scratch/jars/plugins/jdbc"
tar -xzf "$("$top/test/consumers/fetch.sh" jdbc)"/*.tar.gz \
	-C "$scratch/jars/plugins/jdbc" --strip-components=1
# shellcheck disable=SC2086 # names are words
run_python test/consumers/run.py $TESTS
[ -s "$kept/counts" ] || finish 0 1 "broke off"
if [ -n "$record" ]; then
	[ -z "$TESTS" ] || die "only a whole run is recorded"
	cp "$kept/RESULTS.md" "$top/test/consumers/RESULTS.md"
fi
read -r passed failed < "$kept/counts"
finish "$passed" "$failed"
