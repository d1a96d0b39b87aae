#!/bin/sh
#
# lint.sh - what can be said about the code without running it.
#
#   test/lint.sh [CHECK ...]     paths layout docs lines shell tidy cppcheck;
#                                all by default
#
# Every check runs, whatever the others said; the exit code is 1 if any found
# something.  Only files that git knows, or would add, are looked at.
#
set -eu
. "$(dirname "$0")/lib.sh"

cd "$top"
[ $# -gt 0 ] || set -- paths layout docs lines shell tidy cppcheck
checks=$*
bad=
list=$(mktemp)
trap 'rm -f "$list" "$list".*' EXIT
trap 'exit 1' HUP INT TERM

files()							# GLOB ...
{
	git ls-files --cached --others --exclude-standard -- "$@" |
		while read -r file; do
			[ ! -f "$file" ] || echo "$file"
		done
}

check()							# NAME COMMAND ...
{
	name=$1
	shift
	case " $checks " in
		*" $name "*) ;;
		*) return 0 ;;
	esac
	if "$@"; then
		echo "lint: $name: ok"
	else
		echo "lint: $name: FAILED"
		bad="$bad $name"
	fi
}

need()
{
	command -v "$1" >/dev/null || die "$1 is needed: run make deps"
}

# A path of somebody's machine in a file works for nobody else.  The brackets
# keep the expression from finding itself.
paths()
{
	! files | tr '\n' '\0' | xargs -0 grep -nIE \
		'(^|[^A-Za-z0-9_./$}-])/([w]ork|[r]oot|[h]ome/[a-z][a-z0-9_-]*|[U]sers/[A-Za-z]+)/'
}

layout()
{
	rc=0
	files '*.sh' '*.c' '*.h' '*.pl' '*.pm' '*.py' '*.mk' '*Makefile' |
		tr '\n' '\0' | xargs -0 grep -nE '[[:blank:]]$|'"$(printf '\r')" &&
		{ echo "the above have blanks or a carriage return at their end"; rc=1; }
	test/indent.sh --check || rc=1
	return $rc
}

shell()
{
	need shellcheck
	files | while read -r file; do
		case $file in
			*.sh) echo "$file" ;;
			*)
				if head -c 20 "$file" |
					LC_ALL=C grep -aqE '^#! ?/(usr/)?bin/(env )?(ba|da)?sh'; then
					echo "$file"
				fi
				;;
		esac
	done | tr '\n' '\0' | xargs -0 shellcheck
}

tidy()
{
	need clang-tidy
	files 'wire/*.c' 'forwarder/*.c' 'test/fuzz/*.c' 'test/fault/*.c' 'test/model/*.c' \
		> "$list"
	TIDY_FLAGS="-std=c17 -D_GNU_SOURCE= -Iwire -Iforwarder -Itest
		$(pkg-config --cflags libpq rdkafka jansson libpcre2-8 libcrypto)"
	export TIDY_FLAGS
	# What a file says is kept together though several are looked at at once.
	# shellcheck disable=SC2016 # expanded by the inner shell
	tr '\n' '\0' < "$list" | xargs -0 -r -n 1 -P "$(nproc)" sh -c '
		out=$(clang-tidy --quiet "$1" -- $TIDY_FLAGS 2>/dev/null) && exit 0
		printf "%s\n" "$out"
		exit 1' tidy > "$list.tidy" 2>&1 || {
		cat "$list.tidy"
		echo "clang-tidy's findings in short:"
		sed -n "s|^$top/\(.*\) error: |\1 |p" "$list.tidy" | sort -u
		return 1
	}
}

cpp()
{
	need cppcheck
	files 'wire/*.c' 'forwarder/*.c' 'decoder/*.c' 'bench/*.c' \
		'test/fuzz/*.c' 'test/fault/*.c' 'test/model/*.c' > "$list"
	[ -s "$list" ] || return 0
	mkdir -p build/cppcheck
	# The includes that are not found are the system's, which cppcheck can do
	# without.
	cppcheck --quiet --error-exitcode=1 --std=c11 -j "$(nproc)" \
		--cppcheck-build-dir=build/cppcheck \
		--enable=warning,performance,portability --inline-suppr \
		--suppress=missingIncludeSystem --suppress=unknownMacro \
		-Iwire -Iforwarder --file-list="$list"
}

check paths paths
check layout layout
check docs test/docs.sh --check
check lines test/log_lines.py
check shell shell
check tidy tidy
check cppcheck cpp
[ -z "$bad" ] || { echo "lint: failed:$bad"; exit 1; }
echo "lint: no findings"
