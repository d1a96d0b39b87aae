# shellcheck shell=sh
#
# start.sh - how run.py and what is like it are started.  Sourced after
# test/lib.sh, never run.
#
# shellcheck disable=SC2154,SC2034 # variables of lib.sh and of the runners
command -v java >/dev/null || die "java is needed: run make deps"
version=${KAFKA_VERSION:-4.3.1}

# shellcheck disable=SC2317 # called by lib.sh
cleanup()
{
	# Whatever a broken-off run has left; its own end did the rest.
	find "$scratch/work" -name '*.pid' 2>/dev/null | while read -r file; do
		case $file in
			*/broker.pid)
				as_user "$scratch/work/test/kafka/broker.sh" kill \
					"$(dirname "$file")" || : ;;
			*/postmaster.pid)
				as_user "$bindir/pg_ctl" -D "$(dirname "$file")" \
					-m immediate -w stop > /dev/null 2>&1 || : ;;
			*)
				pid=$(cat "$file")
				tr '\0' '\n' < "/proc/$pid/cmdline" 2>/dev/null |
					grep -Fq "$scratch/work/" && kill -9 "$pid" || : ;;
		esac
	done || :
}

# prepare PATH ...: a scratch directory with a PostgreSQL, a forwarder, and
# these directories of the checkout besides what they need themselves.
prepare()
{
	make_scratch
	private_postgres
	stage test/kafka test/certs.sh test/logical.conf test/fault "$@"
	install -m 755 "$top/$FORWARDER" "$scratch/work/walferry"
	mkdir -p "$scratch/jars"
}

# put FROM TO: a directory of the cache where the test user can read it, as TO
# below $scratch/jars.
put()
{
	to=$scratch/jars/$2
	mkdir -p "$(dirname "$to")"
	if as_user test -r "$1/." 2>/dev/null; then
		ln -s "$1" "$to"
	else
		cp -R "$1" "$to"
	fi
}

# run_python PROGRAM [ARGUMENT ...], in an environment that the modules of
# test/debezium and test/fault need.  What it keeps goes to $kept.
run_python()
{
	put "$("$top/test/kafka/fetch.sh" "$version")" "kafka-$version"
	chmod -R go+rX "$scratch/jars"

	# One that the test user may run.
	for python in /usr/bin/python3 /usr/local/bin/python3 python3; do
		! as_user "$python" -c '' 2>/dev/null || break
	done

	as_user mkdir -p tmp keep
	rc=0
	program=$1
	shift
	as_user env -u PGUSER -u PGHOST -u PGPORT -u PGDATABASE -u PGSERVICE \
		PATH="$bindir:$PATH" TMPDIR="$scratch/work/tmp" \
		PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
		WALFERRY_BIN="$scratch/work/walferry" \
		WALFERRY_KAFKA_JARS="$scratch/jars" JARS="$scratch/jars" \
		DEBEZIUM_JARS="$scratch/jars/kafka-$version" \
		DEBEZIUM_PLUGINS="$scratch/jars/plugins" \
		DEBEZIUM_KEEP="$scratch/work/keep" \
		WALFERRY_COMMIT="$(git -C "$top" rev-parse --short=10 HEAD \
			2>/dev/null || :)" \
		"$python" "$scratch/work/$program" "$@" < /dev/null || rc=$?
	cp -R "$scratch/work/keep/." "$kept/"
}
