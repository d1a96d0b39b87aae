#!/bin/sh
#
# Run what is in the images, without a container engine: each image's tree is
# mounted by buildah, and its own entrypoint, environment and user are started
# in it as process 1 of a new namespace, as an engine would.  Then the three of
# compose.yaml together, with its settings, on a network of their own; the
# broker's image cannot be had that way, so its place is taken by the same
# release from Maven, configured from compose.yaml.
#
#	docker/test.sh
#
# Needs root, the images that docker/images.sh built with buildah (same
# PG_MAJOR and TAG), and what test/kafka/fetch.sh needs.  Ends what it started.
# Exit: 0 passed, 1 not.
#
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/.." && pwd)
buildah=$here/buildah.sh
version=$(sed -n 's/^#define WALFERRY_VERSION "\(.*\)"$/\1/p' \
	"$top/wire/version.h")
tag=${TAG:-$version}
pg_image=walferry-postgres:$tag-pg${PG_MAJOR:-15}
fw_image=walferry:$tag

say()
{
	echo "docker/test.sh: $*"
}

# On a network of our own every port is free, and "kafka" is a name.
if [ -z "${WALFERRY_TEST_JARS:-}" ]; then
	for program in unshare nsenter ip perl java psql; do
		command -v "$program" >/dev/null || {
			say "$program is needed" >&2
			exit 1
		}
	done
	[ "$(id -u)" = 0 ] || {
		say "needs root" >&2
		exit 1
	}
	kafka=$(sed -n 's/^ *image: .*apache\/kafka:\(.*\)$/\1/p' \
		"$here/compose.yaml" | head -n 1)
	WALFERRY_TEST_JARS=$("$top/test/kafka/fetch.sh" "$kafka")
	export WALFERRY_TEST_JARS
	exec unshare --net --mount --pid --fork --kill-child --mount-proc \
		--propagation private "$0" "$@"
fi
ip link set lo up
jars=$WALFERRY_TEST_JARS

mkdir -p "$top/build"
tmp=$(mktemp -d "$top/build/docker-test.XXXXXX")
containers=
pids=
checks=0

fail()
{
	say "FAILED: $*" >&2
	for log in "$tmp"/*.log; do
		[ -e "$log" ] || continue
		echo "--- $(basename "$log")"
		tail -n 30 "$log"
	done >&2
	exit 1
}

pass()
{
	checks=$((checks + 1))
	say "ok: $*"
}

# shellcheck disable=SC2317 # called by trap
cleanup()
{
	for pid in $pids; do
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	for c in $containers; do
		"$buildah" rm "$c" >/dev/null 2>&1 || true
	done
	rm -rf --one-file-system "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# open_image IMAGE: a fresh container of it; sets $tree.
open_image()
{
	c=$("$buildah" from "$1") \
		|| fail "no image $1: run docker/images.sh with buildah"
	containers="$containers $c"
	tree=$("$buildah" mount "$c")
}

# image_config IMAGE FIELD: a list of the image's configuration, one a line.
image_config()
{
	"$buildah" inspect --type image \
		--format "{{range .Docker.Config.$2}}{{println .}}{{end}}" "$1" \
		| sed '/^$/d'
}

# start_image LOG IMAGE TREE [VARIABLE=VALUE...] [-- ARGUMENT...]
#
# Start the image's entrypoint with these arguments (default: its CMD) in the
# background; sets $pid, process 1 of the container, and $outer, which is to be
# waited for and has its exit status.  Before that, the lines of $volumes
# ("directory-or-file place") are mounted, and with $read_only the root is.
volumes=
read_only=
start_image()
{
	log=$1
	image=$2
	root=$3
	shift 3
	user=$("$buildah" inspect --type image \
		--format '{{.Docker.Config.User}}' "$image")
	image_config "$image" Env >"$tmp/env"
	image_config "$image" Entrypoint >"$tmp/command"
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		echo "$1" >>"$tmp/env"
		shift
	done
	if [ $# -gt 0 ]; then
		shift
		for arg in "$@"; do
			echo "$arg" >>"$tmp/command"
		done
	else
		image_config "$image" Cmd >>"$tmp/command"
	fi
	set --
	while read -r line; do
		set -- "$@" "$line"
	done <"$tmp/env"
	while read -r line; do
		set -- "$@" "$line"
	done <"$tmp/command"
	# shellcheck disable=SC2016 # expanded inside
	unshare --mount --pid --fork --kill-child --propagation private sh -euc '
		root=$1 user=$2 volumes=$3 read_only=$4
		shift 4
		mkdir -p "$root/proc" "$root/dev" "$root/etc"
		touch "$root/etc/hosts"
		echo "$volumes" | while read -r from to; do
			[ -n "$from" ] || continue
			if [ -d "$from" ]; then
				mkdir -p "$root$to"
			else
				mkdir -p "$root$(dirname "$to")"
				touch "$root$to"
			fi
		done
		if [ -n "$read_only" ]; then
			mount --bind "$root" "$root"
			mount -o remount,bind,ro "$root"
			mount -t tmpfs -o uid=65532,gid=65532,mode=0700 tmpfs \
				"$root/run/walferry"
		fi
		mount -t proc proc "$root/proc"
		mount --rbind /dev "$root/dev"
		mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
		mount --bind /etc/hosts "$root/etc/hosts"
		echo "$volumes" | while read -r from to; do
			[ -z "$from" ] || mount --bind "$from" "$root$to"
		done
		cd "$root"
		# env of the host, before chroot: the image may have none.  A bare
		# command name is found through the PATH of the image.
		exec env -i /usr/bin/perl -e "
			chroot shift or die;
			chdir q(/);
			if (my \$user = shift)
			{
				my (\$u, \$g) = split /:/, \$user;
				\$( = \$) = qq(\$g \$g);
				\$< = \$> = \$u;
			}
			%ENV = ();
			while (@ARGV && \$ARGV[0] =~ /^(\\w+)=(.*)/)
			{
				\$ENV{\$1} = \$2;
				shift;
			}
			exec @ARGV or die qq(\$ARGV[0]: \$!\n);
		" "$root" "$user" "$@"
	' sh "$root" "$user" "$volumes" "$read_only" "$@" >"$tmp/$log.log" 2>&1 </dev/null &
	outer=$!
	pids="$pids $outer"
	pid=
	tries=0
	while [ -z "$pid" ] && [ "$tries" -lt 50 ]; do
		pid=$(cat "/proc/$outer/task/$outer/children" 2>/dev/null) || break
		[ -n "$pid" ] || sleep 0.1
		tries=$((tries + 1))
	done
	pid=${pid% }
}

# wait_image: the exit status of what start_image started last, in $status.
wait_image()
{
	status=0
	wait "$outer" || status=$?
	pids=$(echo "$pids " | sed "s/ $outer / /")
}

# poll SECONDS COMMAND...: until it succeeds, or the container is gone.
poll()
{
	end=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		kill -0 "$outer" 2>/dev/null || return 1
		[ "$(date +%s)" -lt "$end" ] || return 1
		sleep 0.2
	done
}

# sql DATABASE TEXT: as the superuser, inside the running PostgreSQL container.
sql()
{
	nsenter --target "$pg_pid" --mount --pid chroot "$pg_tree" \
		/usr/bin/env PATH=/usr/bin:/bin PGUSER="$superuser" \
		psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$1" -c "$2"
}

listening()
{
	nsenter --target "$pg_pid" --mount --pid chroot "$pg_tree" \
		/usr/bin/pg_isready -q -h 127.0.0.1
}

#
# The forwarder's image.
#
open_image "$fw_image"
fw_tree=$tree
start_image version "$fw_image" "$fw_tree" -- version
wait_image
[ "$status" = 0 ] || fail "walferry version: exit $status"
grep -q '^walferry' "$tmp/version.log" || fail "walferry version says nothing"
pass "the forwarder runs out of its image: $(head -n 1 "$tmp/version.log")"

for shell in bin/sh bin/bash usr/bin/sh usr/bin/bash; do
	[ ! -e "$fw_tree/$shell" ] || fail "there is /$shell in the forwarder's image"
done
user=$("$buildah" inspect --type image \
	--format '{{.Docker.Config.User}}' "$fw_image")
[ "$user" = 65532:65532 ] || fail "the forwarder's image runs as \"$user\""
for label in title version revision licenses; do
	value=$("$buildah" inspect --type image --format \
		"{{index .Docker.Config.Labels \"org.opencontainers.image.$label\"}}" \
		"$fw_image")
	[ -n "$value" ] || fail "no label org.opencontainers.image.$label"
done
health_command="/usr/bin/walferry health --config \
/etc/walferry/walferry.properties"
health=$("$buildah" inspect --type image \
	--format '{{.Docker.Config.Healthcheck.Test}}' "$fw_image")
[ "$health" = "[CMD $health_command]" ] \
	|| fail "health check is \"$health\""
[ -s "$fw_tree/var/lib/dpkg/status.d/librdkafka1" ] \
	|| fail "no record of librdkafka1 in the forwarder's image"
pass "no shell, UID 65532, labels, health check, package records"

#
# The PostgreSQL image.
#
open_image "$pg_image"
pg_tree=$tree

start_image refused "$pg_image" "$pg_tree"
wait_image
[ "$status" = 1 ] || fail "started without a password: exit $status"
grep -q POSTGRES_PASSWORD "$tmp/refused.log" \
	|| fail "does not say which variable is missing"
pass "no cluster and no password: refused, the variable is named"

echo 'SELECT no_such_function();' \
	>"$pg_tree/docker-entrypoint-initdb.d/10-bad.sql"
echo secret >"$pg_tree/run/password"
chmod 600 "$pg_tree/run/password"
set -- POSTGRES_USER=app POSTGRES_DB=shop \
	POSTGRES_PASSWORD_FILE=/run/password
start_image bad-init "$pg_image" "$pg_tree" "$@"
wait_image
[ "$status" = 1 ] || fail "a failing init script: exit $status"
[ ! -e "$pg_tree/var/lib/postgresql/data" ] \
	|| fail "a failing init script left a cluster behind"
pass "a failing init script stops the start and leaves no cluster"

rm "$pg_tree/docker-entrypoint-initdb.d/10-bad.sql"
echo 'CREATE TABLE made_at_init (id int PRIMARY KEY);' \
	>"$pg_tree/docker-entrypoint-initdb.d/10-good.sql"
start_image postgres "$pg_image" "$pg_tree" "$@"
pg_pid=$pid
superuser=app
poll 120 listening || fail "the server does not start"
[ "$(sql shop 'SELECT count(*) FROM made_at_init')" = 0 ] \
	|| fail "the init script did not run in POSTGRES_DB"
[ "$(sql shop 'SHOW wal_level')" = logical ] || fail "wal_level"
pass "new cluster, database and init script; wal_level is logical"

sql shop 'CREATE EXTENSION walferry'
sql shop "SELECT pg_create_logical_replication_slot('s', 'walferry')" >/dev/null
sql shop 'INSERT INTO made_at_init VALUES (1)'
n=$(sql shop "SELECT count(*) FROM pg_logical_slot_get_binary_changes(
	's', NULL, NULL)")
[ "$n" -gt 0 ] || fail "the slot emits nothing"
pass "extension created; a slot of the plugin emits $n messages for a row"

url="host=127.0.0.1 user=app dbname=shop"
PGPASSWORD=secret psql -X -q -d "$url" -c 'SELECT 1' >/dev/null \
	|| fail "the password from POSTGRES_PASSWORD_FILE is refused over TCP"
if PGPASSWORD=wrong psql -X -q -d "$url" -c 'SELECT 1' >/dev/null 2>&1; then
	fail "a wrong password is accepted over TCP"
fi
pass "TCP: right password taken, wrong one refused"

tr '\0' '\n' <"/proc/$pid/environ" | grep -q POSTGRES_PASSWORD \
	&& fail "the password is in the server's environment"
[ "$(cat "/proc/$pid/comm")" = postgres ] || fail "process 1 is not the server"
kill -INT "$pid"
wait_image
[ "$status" = 0 ] || fail "SIGINT: exit $status"
grep -q 'fast shutdown' "$tmp/postgres.log" || fail "SIGINT was not heard"
pass "process 1 is the server: SIGINT is a fast shutdown, exit 0"

rm "$pg_tree/docker-entrypoint-initdb.d/10-good.sql"
start_image again "$pg_image" "$pg_tree"
pg_pid=$pid
poll 60 listening || fail "the server does not start again"
[ "$(sql shop 'SELECT count(*) FROM made_at_init')" = 1 ] \
	|| fail "the data did not survive a restart"
kill -TERM "$pid"
wait_image
[ "$status" = 0 ] || fail "SIGTERM: exit $status"
grep -q 'smart shutdown' "$tmp/again.log" || fail "SIGTERM was not heard"
pass "restart on the same volume, without a password; SIGTERM, exit 0"

#
# compose.yaml.  What is taken from it literally: the broker's settings, the
# init script, walferry.properties, the shared socket, the read-only root.
#
compose=$here/compose.yaml
grep -q "image: walferry:\${WALFERRY_TAG:-$version}" "$compose" \
	|| fail "compose.yaml's images are not of version $version"
{
	cat /etc/hosts
	echo "127.0.0.1 kafka postgres"
} >"$tmp/hosts"
mount --bind "$tmp/hosts" /etc/hosts

# KAFKA_LOG_DIRS and the like, as the broker's image translates them.
sed -n 's/^      KAFKA_\([A-Z_]*\): *\(.*\)$/\1 \2/p' "$compose" \
	| sed 's/[$]{KAFKA_PORT:-\([0-9]*\)}/\1/' \
	| while read -r key value; do
		echo "$(echo "$key" | tr 'A-Z_' 'a-z.')=$value"
	done | sed "s|^log.dirs=.*|log.dirs=$tmp/kafka|" >"$tmp/server.properties"
echo 'log4j.rootLogger=OFF' >"$tmp/log4j.properties"
kafka()
{
	java -Xmx512M -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
		-Dlog4j2.level=WARN -Dlog4j.configuration="file:$tmp/log4j.properties" \
		-cp "$jars/*" "$@"
}
kafka kafka.tools.StorageTool format -t 5L6g3nShT-eMCtK--X86sw \
	-c "$tmp/server.properties" >"$tmp/format.log" 2>&1 \
	|| fail "the broker refuses compose.yaml's settings"
java -Xmx512M -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.level=WARN \
	-cp "$jars/*" kafka.Kafka "$tmp/server.properties" \
	>"$tmp/kafka.log" 2>&1 </dev/null &
outer=$!
pids="$pids $outer"
poll 90 perl -MIO::Socket::INET -e \
	'exit !IO::Socket::INET->new(PeerAddr => "kafka:19092")' \
	|| fail "the broker does not start with compose.yaml's settings"
pass "a broker starts with compose.yaml's settings"

open_image "$pg_image"
pg_tree=$tree
mkdir "$tmp/pgsocket"
chown 999:999 "$tmp/pgsocket"
volumes="$tmp/pgsocket /run/postgresql
$here/initdb /docker-entrypoint-initdb.d"
start_image compose-postgres "$pg_image" "$pg_tree" POSTGRES_DB=app \
	POSTGRES_PASSWORD=secret WALFERRY_PASSWORD="it's a secret"
pg_pid=$pid
pg_outer=$outer
superuser=postgres
poll 120 listening || fail "PostgreSQL does not start"

open_image "$fw_image"
fw_tree=$tree
volumes="$tmp/pgsocket /run/postgresql
$here/walferry.properties /etc/walferry/walferry.properties"
read_only=1
start_image compose-walferry "$fw_image" "$fw_tree" \
	WALFERRY_DATABASE_PASSWORD="it's a secret"
fw_pid=$pid
fw_outer=$outer

# The image's health check, as its user.
healthy()
{
	# shellcheck disable=SC2086 # words
	nsenter --target "$fw_pid" --mount --pid /usr/bin/env -i \
		"WALFERRY_HEALTH_SOCKET=/run/walferry/health.sock" \
		WALFERRY_DATABASE_PASSWORD=x \
		"$(command -v chroot)" --userspec=65532:65532 "$fw_tree" $health_command
}
slot_active()
{
	[ "$(sql app "SELECT active FROM pg_replication_slots
		WHERE slot_name = 'walferry'")" = t ]
}
poll 60 slot_active || {
	kill -0 "$fw_outer" 2>/dev/null \
		&& fail "the forwarder runs, but does not stream"
	wait_image
	fail "the forwarder ended: exit $status"
}
before=$(sql app 'SELECT pg_current_wal_insert_lsn()')
sql app "INSERT INTO greeting (body) VALUES ('Grüezi')"
kafka org.apache.kafka.tools.consumer.ConsoleConsumer \
	--bootstrap-server kafka:19092 --topic app.public.greeting \
	--from-beginning --max-messages 1 --timeout-ms 60000 \
	>"$tmp/event" 2>"$tmp/consumer.log" || fail "no event arrives"
grep '"op":"c"' "$tmp/event" | grep -q 'Grüezi' \
	|| fail "not the event of the row: $(cat "$tmp/event")"
pass "a row reaches the topic as an event, through the shared socket"

poll 30 healthy || fail "walferry health: $(healthy 2>&1)"
pass "walferry health is 0 in the container, whose root is read-only"

kill -TERM "$fw_pid"
outer=$fw_outer
wait_image
[ "$status" = 0 ] || fail "the forwarder's SIGTERM: exit $status"
confirmed=$(sql app "SELECT NOT active AND confirmed_flush_lsn > '$before'
	FROM pg_replication_slots WHERE slot_name = 'walferry'")
[ "$confirmed" = t ] || fail "the slot is not free, or the row not confirmed"
kill -INT "$pg_pid"
outer=$pg_outer
wait_image
[ "$status" = 0 ] || fail "PostgreSQL's SIGINT: exit $status"
pass "SIGTERM: drained, exit 0; the slot is free and the row confirmed"

say "all $checks checks passed"
