#!/bin/sh
#
# fault.sh - the harness on a PostgreSQL of choice; what make fault calls.
#
#   fault.sh runs       SEED, RUNS, MODE, FAULTS, WORKLOADS, PROFILE, PG
#   fault.sh campaign   MODES, PROFILES, MINUTES, PG; appends to runs.tsv and
#                       RESULTS.md
#   fault.sh seeds      BUGS, TRIES, SEED; each seeded bug, into RESULTS.md
#   fault.sh sweep      POINTS, MODES, OCCURRENCES, MINUTES; into RESULTS.md
#   fault.sh short      what make test-fault runs: some of each
#   fault.sh inside ARG...   the part that runs where that PostgreSQL is
#
# PG is 15, 17 or 18: in the trees of test/matrix, as root; without it the
# PostgreSQL of PG_CONFIG.  FORWARDER and FAULT_FORWARDER are what run.sh takes;
# in a tree both are built there, from the libraries of that distribution.
#
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
out=$top/build/test/fault/out
# Of its own for a campaign, whose lines stay until they are collected.
results=runs.tsv
what=${1:?fault.sh runs|campaign|seeds|sweep|short}
shift

# "$@" are arguments of run.sh; its results go to $out/$results.
launch()
{
	mkdir -p "$out"
	: > "$out/$results"
	commit=$(git -C "$top" describe --always --dirty 2>/dev/null) || commit=
	rc=0
	if [ -z "${PG:-}" ]; then
		FAULT_RESULTS=$out/$results FAULT_COMMIT=$commit \
			"$here/run.sh" "$@" || rc=$?
	else
		[ -z "${RDKAFKA:-}" ] ||
			echo "fault.sh: PG=$PG takes the librdkafka of its tree, not" \
				"RDKAFKA" >&2
		"$top/test/matrix/enter.sh" -o "$out" "$PG" \
			env FAULT_COMMIT="$commit" FAULT_RESULTS="/out/$results" \
			test/fault/fault.sh inside "$@" || rc=$?
	fi
}

# Results of a campaign, also of one that was broken off.
collect()
{
	python3 "$here/campaign.py" --collect "$out/$results"
}

case $what in
	inside)
		make -j2 fault-programs WERROR= > /out/build.log 2>&1 ||
			{ tail -n 30 /out/build.log >&2; exit 2; }
		case ${1:-} in
			seeds.py | sweep.py)
				FORWARDER=build/fault/forwarder/walferry
				export FORWARDER
				;;
		esac
		rc=0
		test/fault/run.sh "$@" || rc=$?
		cp -R build/test/fault /out/kept 2>/dev/null || :
		exit "$rc"
		;;
	runs)
		launch run.py --seed "${SEED:-1}" --runs "${RUNS:-1}" \
			--mode "${MODE:-alo}" --profile "${PROFILE:-default}" \
			${FAULTS:+--faults "$FAULTS"} \
			${WORKLOADS:+--workloads "$WORKLOADS"} "$@"
		;;
	campaign)
		results=campaign.tsv
		mkdir -p "$out"
		exec 9> "$out/campaign.lock"
		flock -n 9 || {
			echo "fault.sh: a campaign runs in this checkout" >&2
			exit 2
		}
		# What one left that could not do it itself: kill -9, power.
		collect
		trap collect EXIT
		# The harness ends after the run in hand, and this after it.
		trap : INT TERM
		launch campaign.py --modes "${MODES:-alo,eos}" \
			${PROFILES:+--profiles "$PROFILES"} \
			${MINUTES:+--minutes "$MINUTES"} "$@"
		;;
	seeds | sweep)
		FORWARDER=${FAULT_FORWARDER:-build/fault/forwarder/walferry}
		export FORWARDER
		if [ "$what" = seeds ]; then
			set -- --seed "${SEED:-1}" --tries "${TRIES:-5}" \
				${BUGS:+--bugs "$BUGS"} "$@"
		else
			set -- --seed "${SEED:-1}" ${POINTS:+--points "$POINTS"} \
				${MODES:+--modes "$MODES"} ${MINUTES:+--minutes "$MINUTES"} \
				${OCCURRENCES:+--occurrences "$OCCURRENCES"} "$@"
		fi
		launch "$what.py" "$@"
		# A part is no result.
		[ -n "${BUGS:-}${POINTS:-}" ] ||
			python3 "$here/$what.py" --report "$out/runs.tsv" \
				"$here/RESULTS.md"
		;;
	short)
		. "$top/test/lib.sh"
		top=$(cd "$here/../.." && pwd)
		suite fault
		[ -z "$TESTS" ] || nothing_to_run
		failed=0
		passed=0
		if python3 "$here/test_checker.py" > "$kept/checker.log" 2>&1; then
			passed=1
		else
			cat "$kept/checker.log"
			failed=1
		fi
		launch short.py --seed "${SEED:-1}" --runs "${RUNS:-2}" "$@"
		count()
		{
			sed -n 's/.*"'"$1"'": \([0-9]*\).*/\1/p' "$out/runs.tsv"
		}
		n=$(count passed)
		passed=$((passed + ${n:-0}))
		n=$(count failed)
		# What broke off before it could count has failed.
		failed=$((failed + ${n:-1}))
		finish "$passed" "$failed"
		exit
		;;
	*)
		sed -n 's/^#   //p' "$0" >&2
		exit 2
		;;
esac
exit "$rc"
