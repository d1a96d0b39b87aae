#!/bin/sh
#
# unit.sh - build and run the C tests.
#
#   test/unit.sh unit       test/unit/test_*.c (cmocka)
#   test/unit.sh corpus     test/fuzz/fuzz_*.c, each over test/fuzz/corpus/NAME/
#
# With ASan and UBSan, any report of which ends the program, unless SAN says
# otherwise; by gcc and, where it is installed, by clang.  CC chooses one.
# TESTS="ack wire" runs test_ack and test_wire.  A program that does not build
# is a failure; so is one that ends badly after its last test.  They run in the
# top directory.
#
set -eu
. "$(dirname "$0")/lib.sh"

kind=$1
suite "$kind"
cd "$top"

san=${SAN:-address,undefined}
if [ -n "${CC:-}" ]; then
	compilers=$CC
else
	compilers=gcc
	if command -v clang >/dev/null; then
		compilers="gcc clang"
	fi
fi
case $kind in
	unit) from=unit; prefix=test_ corpora= ;;
	corpus) from=fuzz; prefix=fuzz_ corpora=test/fuzz/corpus ;;
	*) die "unknown kind $kind" ;;
esac

names=
for file in test/"$from/$prefix"*.c; do
	[ -e "$file" ] || continue
	name=$(basename "$file" .c)
	if [ -n "$TESTS" ]; then
		case " $TESTS " in
			*" ${name#"$prefix"} "* | *" $name "*) ;;
			*) continue ;;
		esac
	fi
	names="$names $name"
done
[ -n "$names" ] || nothing_to_run

export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_stack_use_after_return=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"
export CMOCKA_MESSAGE_OUTPUT=stdout

# In parallel, unless whoever called make has said how.
case ${MAKEFLAGS:-} in
	*-j*) jobs= ;;
	*) jobs=-j$(nproc) ;;
esac

passed=0
failed=0
for compiler in $compilers; do
	build=build/$kind/$compiler
	echo "== $kind: $compiler, $san"
	targets=
	for name in $names; do
		rm -f "$build/$name"
		targets="$targets $build/$name"
	done
	# shellcheck disable=SC2086 # targets are words
	"$MAKE" --no-print-directory -s -k $jobs -f test/unit.mk "$kind" $targets \
		CC="$compiler" SAN="$san" BUILD="$build" > "$kept/build.log" 2>&1 ||
		:
	[ ! -s "$kept/build.log" ] || cat "$kept/build.log"

	# One more at once than there are processors: some of them mostly wait.
	# shellcheck disable=SC2016 # expanded by the inner shell
	for name in $names; do
		[ ! -x "$build/$name" ] || echo "$name"
	done | CORPORA=$corpora xargs -n 1 -P "$(($(nproc) + 1))" sh -c '
		rc=0
		timeout 300 "$1/$3" ${CORPORA:+"$CORPORA/${3#fuzz_}"} \
			> "$2-$3.log" 2>&1 < /dev/null || rc=$?
		echo "$rc" > "$2-$3.rc"' run "$build" "$kept/$compiler"

	for name in $names; do
		log=$kept/$compiler-$name.log
		if [ ! -x "$build/$name" ]; then
			echo "$name: does not build"
			failed=$((failed + 1))
			continue
		fi
		if [ -n "$corpora" ] && [ ! -d "$corpora/${name#fuzz_}" ]; then
			echo "$name: has no corpus in $corpora/${name#fuzz_}"
			failed=$((failed + 1))
			continue
		fi
		rc=$(cat "$kept/$compiler-$name.rc")
		if [ "$kind" = corpus ]; then
			ok=$(grep -c '^ok ' "$log" || :)
			bad=0
		else
			ok=$(grep -c '^\[       OK \] ' "$log" || :)
			# cmocka names what failed twice.
			bad=$(sed -n 's/^\[  FAILED  \] //p' "$log" |
				grep -vE '^[0-9]+ test' | sort -u | wc -l)
		fi
		[ "$rc" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
		# Not one test is no success either.
		[ "$ok" -gt 0 ] || [ "$bad" -gt 0 ] || bad=1
		passed=$((passed + ok))
		failed=$((failed + bad))
		if [ "$bad" -gt 0 ]; then
			{
				sed -n 's/^\[  FAILED  \] \([^ ]*\)$/\1/p' "$log" | sort -u
				[ "$rc" -le 1 ] || echo "exit code $rc"
			} | sed "s/^/$name ($compiler): /" >> "$kept/failures"
			grep -v '^\[       OK \]\|^\[ RUN  ' "$log" | tail -n 80
			echo "$name ($compiler): $ok passed, $bad failed, exit code $rc"
		else
			echo "$name: $ok passed"
		fi
	done
done
finish "$passed" "$failed"
