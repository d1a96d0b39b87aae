#!/bin/sh
#
# docs.sh - the documents that come from the code.
#
#   test/docs.sh            rewrites them
#   test/docs.sh --check    fails if one is not what the code says
#
# docs/configuration.md is the forwarder's table of options.  Between marks,
# docs/design.md has its table of states ("states"), docs/operations.md what old
# versions of librdkafka break ("librdkafka").
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

# A block of a document, between marks of its name.
settle_block()					# DOCUMENT NAME
{
	"$top/build/forwarder/walferry" docs "$2" > "$new.block"
	awk -v block="$new.block" -v name="$2" '
		$0 == "<!-- " name ": end -->" { inside = 0; ended = 1 }
		!inside
		$0 == "<!-- " name ": begin -->" {
			inside = 1
			print ""
			while ((getline line < block) > 0)
				print line
			print ""
		}
		END { exit !ended }' "$1" > "$new" || die "$1 has no place for $2"
	settle "$1"
}

settle_block docs/design.md states
settle_block docs/operations.md librdkafka
