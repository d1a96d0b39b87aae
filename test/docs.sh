#!/bin/sh
#
# docs.sh - the documents that come from the code.
#
#   test/docs.sh            rewrites them
#   test/docs.sh --check    fails if one is not what the code says
#
# docs/configuration.md is the forwarder's table of options, the block between
# the marks "states" in docs/design.md its table of states.
#
set -eu
. "$(dirname "$0")/lib.sh"

cd "$top"
"$MAKE" --no-print-directory -s -f test/unit.mk docs BUILD=build/docs > /dev/null
"$MAKE" --no-print-directory -s forwarder > /dev/null

new=$(mktemp)
trap 'rm -f "$new" "$new".*' EXIT
trap 'exit 1' HUP INT TERM
mode=${1:-}

# Put $new in the place of a document, or compare the two.
settle()						# DOCUMENT
{
	if [ "$mode" = --check ]; then
		diff -u "$1" "$new" ||
			die "$1 is not what the code says: run make docs"
	else
		cat "$new" > "$1"
	fi
}

build/docs/docs > "$new"
settle docs/configuration.md

"$top/build/forwarder/walferry" docs states > "$new.states"
awk -v block="$new.states" '
	/^<!-- states: end -->$/ { inside = 0; ended = 1 }
	!inside
	/^<!-- states: begin -->$/ {
		inside = 1
		print ""
		while ((getline line < block) > 0)
			print line
		print ""
	}
	END { exit !ended }' docs/design.md > "$new" ||
	die "docs/design.md has no place for the states"
settle docs/design.md
