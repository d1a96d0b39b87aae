#!/bin/sh
#
# docs.sh - the documents that come from the code.
#
#   test/docs.sh            rewrites them
#   test/docs.sh --check    fails if one is not what the code says
#
# docs/configuration.md is the forwarder's option table, printed by itself.
#
set -eu
. "$(dirname "$0")/lib.sh"

cd "$top"
program=build/forwarder/walferry
[ -x "$program" ] || die "there is no $program: run make"

new=$(mktemp)
trap 'rm -f "$new"' EXIT
"$program" docs > "$new" ||
	die "\"walferry docs\" does not print the configuration"
if [ "${1:-}" = --check ]; then
	diff -u docs/configuration.md "$new" ||
		die "docs/configuration.md is not what the code says: run make docs"
else
	cat "$new" > docs/configuration.md
fi
