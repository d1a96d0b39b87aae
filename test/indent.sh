#!/bin/sh
#
# indent.sh - the layout of wire/, forwarder/ and test/, by clang-format.
#
#   test/indent.sh            rewrites
#   test/indent.sh --check    names the files it would change; fails if any
#
# decoder/ and bench/*_plugin are laid out by PostgreSQL's pgindent, which
# clang-format cannot imitate.  Releases of clang-format differ in details; 14
# (Debian 12) decides.
#
set -eu
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/.."

program=
for p in clang-format-14 clang-format; do
	if command -v "$p" >/dev/null; then
		program=$p
		break
	fi
done
[ -n "$program" ] || {
	echo "indent.sh: clang-format is needed: run make deps" >&2
	exit 1
}

changed=0
for file in wire/*.[ch] forwarder/*.[ch] test/unit/*.[ch] test/fuzz/*.[ch] \
	test/wire/*.[ch] test/fault/*.[ch] test/model/*.[ch] test/docs.c \
	test/values/check_values.c; do
	[ -e "$file" ] || continue
	if [ "${1:-}" = --check ]; then
		if ! "$program" --style=file "$file" | cmp -s - "$file"; then
			echo "$file: not as make indent leaves it"
			changed=1
		fi
	else
		"$program" --style=file -i "$file"
	fi
done
exit $changed
