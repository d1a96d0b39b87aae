# shellcheck shell=sh
#
# lib.sh - what the test runners share.  Sourced, never run.
#
# A runner works in a scratch directory of its own outside the checkout, where
# an unprivileged user may read and write: PostgreSQL refuses to run as root,
# and root's checkout is often closed to anybody else.  What is left of a
# failure goes to build/test/SUITE.  Each suite writes its counts to
# build/results/SUITE, for test/all.sh to add up.
#
LC_ALL=C
export LC_ALL
unset LANGUAGE

top=$(cd "$(dirname "$0")/.." && pwd -P)
PG_CONFIG=${PG_CONFIG:-pg_config}
MAKE=${MAKE:-make}
SAN=${SAN:-}
TESTS=${TESTS:-}

die()
{
	echo "$(basename "$0"): $*" >&2
	exit 1
}

# suite NAME: begin; from here on a run that breaks off counts as a failure.
# Of one suite only one runs in a checkout at a time; another waits.
suite()
{
	suite=$1
	kept=$top/build/test/$suite
	mkdir -p "$top/build/test"
	exec 9> "$top/build/test/$suite.lock"
	flock -n 9 || {
		echo "$suite: waiting for the one that runs already"
		flock -w 1800 9 || die "another $suite does not end"
	}
	rm -rf "$kept"
	mkdir -p "$kept" "$top/build/results"
	echo "0 1" > "$top/build/results/$suite"
}

# finish PASSED FAILED [NOTE]: the counts, the exit code.
finish()
{
	echo "$1 $2" > "$top/build/results/$suite"
	echo "$suite: $1 passed, $2 failed${3:+ ($3)}"
	[ "$2" -eq 0 ]
}

# TESTS selected nothing of this suite: it has no part in the count.
nothing_to_run()
{
	rm -f "$top/build/results/$suite"
	echo "$suite: nothing to run"
	exit 0
}

cleanup_scratch()
{
	rc=$?
	trap - EXIT HUP INT TERM
	command -v cleanup >/dev/null && cleanup
	if [ -n "${KEEP_SCRATCH:-}" ]; then
		echo "kept: $scratch"
	else
		rm -rf "$scratch"
	fi
	exit "$rc"
}

# A scratch directory that the test user owns; removed at the end, after the
# runner's own cleanup().  The path is short: sockets live below it.
make_scratch()
{
	scratch=$(mktemp -d "${TMPDIR:-/tmp}/walferry.XXXXXX")
	trap cleanup_scratch EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	chmod 755 "$scratch"
	choose_user
	mkdir "$scratch/work"
	chown "$test_user" "$scratch/work"
}

choose_user()
{
	if [ "$(id -u)" -ne 0 ]; then
		test_user=$(id -un)
		return
	fi
	test_user=postgres
	id "$test_user" >/dev/null 2>&1 ||
		useradd --system --home-dir /nonexistent --shell /bin/sh \
			"$test_user" || die "cannot create the user $test_user"
	command -v setpriv >/dev/null || die "setpriv (util-linux) is needed"
}

# Run a command as the test user, in the directory that it owns.
as_user()
{
	if [ "$(id -u)" -ne 0 ]; then
		(cd "$scratch/work" && env HOME="$scratch/work" "$@") 9>&-
	else
		(cd "$scratch/work" && setpriv --reuid="$test_user" \
			--regid="$(id -g "$test_user")" --init-groups \
			env HOME="$scratch/work" USER="$test_user" \
			LOGNAME="$test_user" "$@") 9>&-
	fi
}

# Copy files or directories of the checkout to where the test user works.
stage()
{
	for path in "$@"; do
		if [ -e "$top/$path" ]; then
			mkdir -p "$scratch/work/$(dirname "$path")"
			cp -R "$top/$path" "$scratch/work/$(dirname "$path")/"
		fi
	done
	chown -R "$test_user" "$scratch/work"
	chmod -R u+rwX,go+rX "$scratch/work"
}

# A PostgreSQL of our own: programs copied, the rest linked, our extension
# installed.  PostgreSQL finds its files relative to its program, so nothing is
# written to the system's installation, no right to do so is needed, and
# checkouts do not disturb each other.  Sets bindir and pgxs_tests, where
# pg_regress is.
private_postgres()
{
	command -v "$PG_CONFIG" >/dev/null ||
		die "no $PG_CONFIG: run make deps or set PG_CONFIG"
	root=$scratch/root
	for what in pkglibdir sharedir; do
		dir=$("$PG_CONFIG" --$what)
		mkdir -p "$root$dir"
		cp -Rs "$dir/." "$root$dir/"
	done
	bindir=$("$PG_CONFIG" --bindir)
	[ -x "$bindir/initdb" ] ||
		die "no server beside $PG_CONFIG: run make deps"
	mkdir -p "$root$bindir"
	cp -RL "$bindir/." "$root$bindir/"
	# shellcheck disable=SC2034 # for the runners
	pgxs_tests=$(dirname "$("$PG_CONFIG" --pgxs)")/../test
	# An extension installed in the system must not stand in for ours.
	rm -f "$root$("$PG_CONFIG" --pkglibdir)"/walferry* \
		"$root$("$PG_CONFIG" --sharedir)"/extension/walferry*
	"$MAKE" --no-print-directory -s -C "$top" install NO_FORWARDER=1 \
		PG_CONFIG="$PG_CONFIG" DESTDIR="$root" > "$scratch/install.log" 2>&1 ||
		{ cat "$scratch/install.log" >&2; die "make install failed"; }
	bindir=$root$bindir
	chmod -R go+rX "$root"
}

# start_cluster NAME [SETTING=VALUE ...]: initdb where there is none, start.
# Unix sockets only, in $scratch/work/NAME.
start_cluster()
{
	name=$1
	shift
	sockdir=$scratch/work/$name
	data=$sockdir/data
	if [ ! -d "$data" ]; then
		as_user mkdir -p "$sockdir"
		as_user "$bindir/initdb" -D "$data" -U postgres -A trust -N \
			--no-locale -E UTF8 > "$scratch/initdb.log" 2>&1 ||
			{ cat "$scratch/initdb.log" >&2; die "initdb failed"; }
		cat "$top/test/logical.conf" >> "$data/postgresql.conf"
		# Newer minors want to be told which output plugins may be loaded.
		if as_user "$bindir/postgres" -C output_plugin_libraries \
			-D "$data" > /dev/null 2>&1; then
			echo "output_plugin_libraries =" \
				"'pgoutput, test_decoding, walferry'" \
				>> "$data/postgresql.conf"
		fi
	fi
	options="-k $sockdir -p 5432 -c listen_addresses=''"
	for setting in "$@"; do
		options="$options -c $setting"
	done
	as_user "$bindir/pg_ctl" -D "$data" -l "$sockdir/server.log" -w -t 60 \
		-o "$options" start > "$scratch/pg_ctl.log" 2>&1 || {
		cat "$scratch/pg_ctl.log" "$sockdir/server.log" >&2
		die "PostgreSQL does not start"
	}
}

stop_cluster()
{
	[ -f "${data:-/nonexistent}/postmaster.pid" ] || return 0
	as_user "$bindir/pg_ctl" -D "$data" -m "${1:-fast}" -w -t 60 stop \
		> "$scratch/pg_ctl.log" 2>&1 ||
		as_user "$bindir/pg_ctl" -D "$data" -m immediate -w stop \
			> "$scratch/pg_ctl.log" 2>&1 || cat "$scratch/pg_ctl.log" >&2
}
