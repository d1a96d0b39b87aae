#!/bin/sh
#
# Entrypoint of the PostgreSQL image: make the cluster if there is none, then
# become the server.
#
#	POSTGRES_PASSWORD, or POSTGRES_PASSWORD_FILE	superuser's password
#	POSTGRES_USER	superuser's name	(postgres)
#	POSTGRES_DB		database to create	(name of the superuser)
#	PGDATA			the cluster			(/var/lib/postgresql/data)
#	PGPORT			where to listen		(5432)
#	/docker-entrypoint-initdb.d/*.sql	run once, in order, as superuser
#
# A new cluster is made in $PGDATA.new and takes its name only when everything
# went well: a start that failed half-way is begun anew by the next.
#
set -eu

die()
{
	echo "postgres-entrypoint.sh: $*" >&2
	exit 1
}

# Another command than the server: just run it.
case ${1:-postgres} in
	postgres) ;;
	-*) set -- postgres "$@" ;;
	*) exec "$@" ;;
esac
[ $# -gt 0 ] || set -- postgres

: "${PGDATA:=/var/lib/postgresql/data}"
: "${POSTGRES_USER:=postgres}"
: "${POSTGRES_DB:=$POSTGRES_USER}"
new=$PGDATA.new
unset PGUSER PGDATABASE PGHOST PGPASSWORD

# Read as root if we are: a mounted secret need not be readable by others.
if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
	[ -z "${POSTGRES_PASSWORD:-}" ] \
		|| die "both POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE are set"
	[ -r "$POSTGRES_PASSWORD_FILE" ] \
		|| die "cannot read POSTGRES_PASSWORD_FILE $POSTGRES_PASSWORD_FILE"
	POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
	export POSTGRES_PASSWORD
	unset POSTGRES_PASSWORD_FILE
fi

# The server refuses to run as root.
if [ "$(id -u)" = 0 ]; then
	mkdir -p "$(dirname "$PGDATA")" /var/run/postgresql
	chown postgres:postgres "$(dirname "$PGDATA")" /var/run/postgresql
	exec setpriv --reuid=postgres --regid=postgres --init-groups \
		"$0" "$@"
fi

password=${POSTGRES_PASSWORD:-}
unset POSTGRES_PASSWORD

# Process 1 has no default action for signals: end, once the command that
# runs has ended.  The server that we become sets its own.
trap 'exit 130' INT
trap 'exit 143' TERM

# Settings of the image go into the cluster's own conf.d at every start, so
# that an image with another server takes effect on an old volume too.
write_settings()
{
	mkdir -p "$1/conf.d"
	cp /etc/walferry/postgres.conf.d/*.conf "$1/conf.d/"

	# Newer minors refuse output plugins that this setting does not name;
	# older ones do not know it and would not start with it.  So ask.
	rm -f "$1/conf.d/20-output-plugins.conf"
	if postgres -D "$1" -C output_plugin_libraries >/dev/null 2>&1; then
		echo "output_plugin_libraries = 'pgoutput, test_decoding, walferry'" \
			>"$1/conf.d/20-output-plugins.conf"
	fi
}

make_cluster()
{
	[ -n "$password" ] || die "there is no cluster in $PGDATA yet, and a new" \
		"one needs a password: set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE"
	if [ -d "$PGDATA" ]; then
		rmdir "$PGDATA" || die "$PGDATA is neither a cluster nor an empty" \
			"directory that can be replaced: mount the volume at" \
			"$(dirname "$PGDATA")"
	fi
	rm -rf "$new"

	pwfile=$(mktemp)
	chmod 600 "$pwfile"
	printf '%s\n' "$password" >"$pwfile"
	initdb -D "$new" -U "$POSTGRES_USER" --pwfile="$pwfile" \
		--encoding=UTF8 --locale=C.UTF-8 --data-checksums \
		--auth-local=scram-sha-256 --auth-host=scram-sha-256 || {
		rm -f "$pwfile"
		die "initdb failed"
	}
	rm -f "$pwfile"

	# The superuser without a password, for who is root or postgres in this
	# container; everybody else with one, also through the socket, which may
	# be shared with a sidecar.
	{
		echo "local all \"$POSTGRES_USER\" peer map=container"
		cat "$new/pg_hba.conf"
		echo "host all all all scram-sha-256"
	} >"$new/pg_hba.conf.new"
	mv "$new/pg_hba.conf.new" "$new/pg_hba.conf"
	{
		echo "container postgres \"$POSTGRES_USER\""
		echo "container root \"$POSTGRES_USER\""
	} >>"$new/pg_ident.conf"
	cat >>"$new/postgresql.conf" <<-'END'

	# Added by the image.
	listen_addresses = '*'
	include_dir = 'conf.d'
	END
	write_settings "$new"

	# A server that only this container's socket reaches.
	pg_ctl -D "$new" -w -t 60 -o "-c listen_addresses=''" start \
		|| die "the new cluster does not start"
	trap 'pg_ctl -D "$new" -m fast -w stop || true' EXIT
	export PGUSER="$POSTGRES_USER" PGHOST=/var/run/postgresql
	export PGDATABASE=postgres
	if [ "$POSTGRES_DB" != postgres ]; then
		createdb -- "$POSTGRES_DB"
	fi
	for file in /docker-entrypoint-initdb.d/*.sql; do
		[ -e "$file" ] || continue
		echo "postgres-entrypoint.sh: running $file"
		psql -X -q -v ON_ERROR_STOP=1 -d "$POSTGRES_DB" -f "$file" \
			|| die "$file failed"
	done
	unset PGUSER PGHOST PGDATABASE
	trap - EXIT
	pg_ctl -D "$new" -m fast -w stop
	mv -T "$new" "$PGDATA"
	echo "postgres-entrypoint.sh: cluster ready in $PGDATA"
}

if [ -s "$PGDATA/PG_VERSION" ]; then
	write_settings "$PGDATA"
else
	make_cluster
fi
unset password
export PGDATA

# In our place: signals of the container reach the server itself.
exec "$@"
