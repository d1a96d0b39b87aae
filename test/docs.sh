#!/bin/sh
#
# docs.sh - the documents that come from the code.
#
#   test/docs.sh            rewrites them
#   test/docs.sh --check    fails if one is not what the code says
#
# docs/configuration.md is the forwarder's table of options.
#
set -eu
. "$(dirname "$0")/lib.sh"

cd "$top"
"$MAKE" --no-print-directory -s -f test/unit.mk docs BUILD=build/docs > /dev/null

new=$(mktemp)
trap 'rm -f "$new"' EXIT
trap 'exit 1' HUP INT TERM
build/docs/docs > "$new"
if [ "${1:-}" = --check ]; then
	diff -u docs/configuration.md "$new" ||
		die "docs/configuration.md is not what the code says: run make docs"
else
	cat "$new" > docs/configuration.md
fi
