#!/bin/sh
#
# regress.sh - pg_regress or the isolation tester in a private cluster.
#
#   test/regress.sh regress|isolation NAME ...
#
# NAME ... are the tests in their order; those that do not exist yet are left
# out, and a file in sql/ or specs/ that is not among them is an error, so that
# no test is forgotten.  TESTS selects some.  All run twice: as they are, and
# with logical_decoding_work_mem at its minimum, where every larger transaction
# spills to disk or is streamed.
#
# What the tests printed is in build/test/SUITE/default and .../64kB: a new
# expected file is a copy of the one in results/, once it was read.
#
set -eu
. "$(dirname "$0")/lib.sh"

kind=$1
shift
case $kind in
	regress) from=sql; ext=sql ;;
	isolation) from=specs; ext=spec ;;
	*) die "unknown kind $kind" ;;
esac
suite "$kind"

for file in "$top/$from"/*."$ext"; do
	[ -e "$file" ] || continue
	name=$(basename "$file" ".$ext")
	case " $* " in
		*" $name "*) ;;
		*) die "$from/$name.$ext is in no list of the Makefile" ;;
	esac
done

selected=
for name in "$@"; do
	[ -e "$top/$from/$name.$ext" ] || continue
	if [ -n "$TESTS" ]; then
		case " $TESTS " in
			*" $name "*) ;;
			*) continue ;;
		esac
	fi
	selected="$selected $name"
done
[ -n "$selected" ] || nothing_to_run

cleanup()
{
	stop_cluster immediate
}
make_scratch
private_postgres
stage sql expected specs

case $kind in
	regress) program=$pgxs_tests/regress/pg_regress ;;
	isolation) program=$pgxs_tests/isolation/pg_isolation_regress ;;
esac
[ -x "$program" ] || die "no $program: run make deps"

passed=0
failed=0
run_pass()						# PASS [SETTING=VALUE ...]
{
	pass=$1
	shift
	echo "== $kind: $pass"
	start_cluster "$kind" "$@"
	out=$scratch/work/out-$pass
	as_user mkdir -p "$out"
	rc=0
	# shellcheck disable=SC2086 # test names are words
	as_user env PATH="$bindir:$PATH" "$program" --inputdir="$scratch/work" \
		--outputdir="$out" --bindir="$bindir" --host="$sockdir" --port=5432 \
		--user=postgres --dbname="walferry_$kind" $selected \
		> "$scratch/$pass.log" 2>&1 < /dev/null || rc=$?
	cat "$scratch/$pass.log"

	# PostgreSQL 15 says "test x ... ok", later ones speak TAP.
	ok=$(grep -cE '^(test .*\.\.\. ok|ok [0-9]+ )' "$scratch/$pass.log" || :)
	bad=$(grep -cE '^(test .*\.\.\. FAILED|not ok )' "$scratch/$pass.log" || :)
	[ "$rc" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
	stop_cluster fast
	if grep -nE 'was terminated by signal|TRAP: |PANIC: ' \
		"$sockdir/server.log"; then
		echo "the server crashed, see above"
		bad=$((bad + 1))
	fi
	passed=$((passed + ok))
	failed=$((failed + bad))

	mkdir -p "$kept/$pass"
	cp -R "$out/." "$kept/$pass/"
	cp "$sockdir/server.log" "$kept/$pass/"
	if [ "$bad" -gt 0 ]; then
		find "$kept/$pass" -name regression.diffs -size +0 \
			-exec head -n 300 {} \;
		echo "results: build/test/$kind/$pass"
	fi
}

run_pass default
run_pass 64kB logical_decoding_work_mem=64kB
finish "$passed" "$failed"
