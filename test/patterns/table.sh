#!/bin/sh
#
# patterns/table.sh - make table.txt anew: ask Debezium's own classes.
#
# Needs Java 17 and fetches Debezium, as test/debezium does.  See README.md.
#
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)

command -v java > /dev/null || {
	echo "table.sh: java is needed: run make deps" >&2
	exit 1
}
jars=$("$here/../debezium/fetch.sh")
java -cp "$jars/*" "$here/Patterns.java" < "$here/cases.txt" \
	> "$here/table.txt.new"
mv "$here/table.txt.new" "$here/table.txt"
