#!/usr/bin/env bash
#
# run.sh - real flights from PostgreSQL tables into topics of a Kafka broker.
#
#   demo/run.sh                       or make demo; README.md has the knobs
#
# Starts a private PostgreSQL, a real Kafka broker and walferry in a temporary
# directory, replays a day of aircraft positions, shows what happens and, when
# the replay has ended, checks that the topics hold what the tables hold.
# Whatever way it ends, it ends what it started and removes the directory.
#
# Exits 0 if tables and topics are equal, 1 if not or if something failed.
#
set -euo pipefail

# The caller's SECONDS is the time limit, but bash has made a clock of it: take
# it from where it is untouched, and make it an ordinary variable.
limit=$(tr '\0' '\n' < /proc/$$/environ | sed -n 's/^SECONDS=//p')
unset SECONDS
export SECONDS=${limit:-0} SPEED=${SPEED:-600}
export PYTHONDONTWRITEBYTECODE=1	# nothing of ours stays in the checkout

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
broker=$root/test/kafka/broker.sh
export WALFERRY=${WALFERRY:-$root/build/forwarder/walferry}
export TOPIC_PREFIX=flights

dir=							# everything the demo writes
child=							# what we wait for at the moment
forwarder=

say()
{
	[ "${DEMO_QUIET:-0}" = 1 ] || echo "$*"
}

die()
{
	echo "demo: $*" >&2
	exit 1
}

# The forwarder did something wrong: show its last words, keep its log.
fail()
{
	mkdir -p "$root/build/demo"
	cp "$dir/walferry.log" "$dir/pg/server.log" "$root/build/demo/"
	tail -n 10 "$dir/walferry.log" >&2
	die "$*; the end of walferry's log is above, all of it in build/demo"
}

# Run a command so that a signal to this script is heard at once.
attend()
{
	"$@" &
	child=$!
	local rc=0
	wait "$child" || rc=$?
	child=
	return "$rc"
}

# Poll until a command succeeds.
wait_for()						# SECONDS COMMAND ...
{
	local deadline=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt "$deadline" ] || return 1
		sleep 0.1
	done
}

gone()							# PID
{
	local state
	state=$(sed -n 's/^State:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null) || true
	[[ -z $state || $state == Z* ]]
}

end_process()					# PID
{
	kill -TERM "$1" 2>/dev/null || return 0
	wait_for 10 gone "$1" || kill -KILL "$1" 2>/dev/null || true
	wait "$1" 2>/dev/null || true
}

clean_up()
{
	local rc=$?
	trap '' INT TERM HUP
	trap - EXIT
	if [ -n "$dir" ]; then
		[ -z "$child" ] || end_process "$child"
		[ -z "$forwarder" ] || end_process "$forwarder"
		"$broker" stop "$dir/kafka" || true
		if [ -e "$dir/pg/data/postmaster.pid" ]; then
			as_postgres "$bindir/pg_ctl" -D "$dir/pg/data" -m immediate stop \
				> /dev/null || true
		fi
		cd /
		rm -rf "$dir"
	fi
	exit "$rc"
}

# PostgreSQL does not run as root.
as_postgres()
{
	if [ "$(id -u)" = 0 ]; then
		runuser -u postgres -- "$@"
	else
		"$@"
	fi
}

check_tools()
{
	local tool
	for tool in python3 kcat java "${PG_CONFIG:-pg_config}"; do
		command -v "$tool" > /dev/null || die "$tool is missing: run make deps"
	done
	bindir=$("${PG_CONFIG:-pg_config}" --bindir)
	[ -x "$bindir/initdb" ] ||
		die "no PostgreSQL server in $bindir: run make deps"
	PATH=$bindir:$PATH
	[ -x "$WALFERRY" ] || die "$WALFERRY is not there: run make"
	[ "$(id -u)" != 0 ] || id postgres > /dev/null 2>&1 ||
		die "started as root, but there is no user postgres to run the server"
}

start_postgres()
{
	mkdir "$dir/pg"
	[ "$(id -u)" != 0 ] || chown postgres "$dir/pg"
	as_postgres "$bindir/initdb" -D "$dir/pg/data" -U postgres -A trust \
		-E UTF8 --locale=C --no-sync > "$dir/initdb.log" ||
		die "initdb failed, see above"
	cat >> "$dir/pg/data/postgresql.conf" <<-end
		# Only whoever may enter this directory can connect.
		listen_addresses = ''
		unix_socket_directories = '$dir/pg'
		wal_level = logical
		log_line_prefix = '%m [%p] '
	end
	as_postgres "$bindir/pg_ctl" -D "$dir/pg/data" -l "$dir/pg/server.log" \
		-w start > /dev/null ||
		die "PostgreSQL did not start: $(tail -n 5 "$dir/pg/server.log")"
	export PGHOST=$dir/pg PGPORT=5432 PGUSER=postgres PGDATABASE=flights

	psql -XqAt -d postgres -c 'CREATE DATABASE flights'
	[ -n "$(psql -XqAt -c "SELECT 1 FROM pg_available_extensions
			WHERE name = 'walferry'")" ] ||
		die "the extension is not in this PostgreSQL: run make install"
	# Newer minor releases load only the output plugins that this names.
	if [ -n "$(psql -XqAt -c "SELECT 1 FROM pg_settings
			WHERE name = 'output_plugin_libraries'")" ]; then
		psql -Xq -c "ALTER ROLE postgres SET output_plugin_libraries = walferry"
	fi
	psql -Xq -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION walferry' \
		-f "$here/tables.sql"
}

start_kafka()
{
	attend "$broker" start "$dir/kafka" > "$dir/bootstrap" ||
		die "the Kafka broker did not start"
	BOOTSTRAP=$(cat "$dir/bootstrap")
	export BOOTSTRAP
}

slot_is_active()
{
	[ "$(psql -XqAt -c "SELECT active FROM pg_replication_slots
		WHERE slot_name = 'walferry_demo'")" = t ] || gone "$forwarder"
}

start_walferry()
{
	# To walferry, WALFERRY_... in the environment are properties.
	export DEMO_CACHE=${WALFERRY_CACHE:-}
	unset "${!WALFERRY_@}"
	export CONFIG=$dir/walferry.properties
	cat > "$CONFIG" <<-end
		database.hostname=$PGHOST
		database.port=$PGPORT
		database.user=$PGUSER
		database.dbname=$PGDATABASE
		slot.name=walferry_demo
		snapshot.mode=no_data
		status.update.interval.ms=1000
		topic.prefix=$TOPIC_PREFIX
		table.include.list=public\\.aircraft,public\\.state_vector
		bootstrap.servers=$BOOTSTRAP
		walferry.health.socket=$dir/health.sock
		topic.creation.default.partitions=4
		topic.creation.default.replication.factor=1
	end
	"$WALFERRY" run --config "$CONFIG" > "$dir/walferry.log" 2>&1 &
	forwarder=$!
	if ! wait_for 60 slot_is_active || gone "$forwarder"; then
		fail "walferry does not stream"
	fi
}

confirmed()						# LSN
{
	[ "$(psql -XqAt -c "SELECT confirmed_flush_lsn >= '$1'
		FROM pg_replication_slots
		WHERE slot_name = 'walferry_demo'")" = t ] || gone "$forwarder"
}

replay()
{
	attend "$here/view.py" "$dir/replay.json" "$forwarder" ||
		fail "the demo ended early"
	local lsn rc=0
	lsn=$(sed -n 's/.*"end_lsn": "\([0-9A-F/]*\)".*/\1/p' "$dir/replay.json")
	if ! wait_for 60 confirmed "$lsn" || gone "$forwarder"; then
		fail "walferry did not confirm $lsn, the end of the last commit"
	fi
	kill -TERM "$forwarder"
	wait_for 30 gone "$forwarder" || fail "walferry did not stop on SIGTERM"
	wait "$forwarder" || rc=$?
	[ "$rc" = 0 ] || fail "walferry's exit status on SIGTERM was $rc, not 0"
	forwarder=
}

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

check_tools
attribution=$("$here/flights.py" fetch)
say "$attribution"
dir=$(mktemp -d /tmp/walferry-demo.XXXXXX)
chmod 711 "$dir"
cd "$dir"
say "Starting PostgreSQL ($("$bindir/postgres" --version)) ..."
start_postgres
say "Starting Kafka ..."
start_kafka
say "Starting walferry ..."
start_walferry
say "PostgreSQL: psql -h $PGHOST -U $PGUSER $PGDATABASE; Kafka: $BOOTSTRAP"
replay
say "The replay has ended, PostgreSQL knows that Kafka has it all."
attend "$here/verify.py" "$dir/replay.json" ||
	fail "tables and topics differ"
