#!/bin/sh
#
# Make the Debian tree that one PostgreSQL major is tested in, if it is not
# there yet, and print its directory.
#
#	test/matrix/chroot.sh 15|17|18|base-15|base-17|base-18 [--refresh]
#
#	15	bookworm	17	trixie	18	sid
#	base-N	the same Debian and nothing in it: a base for docker/images.sh
#
# Trees live in ${WALFERRY_CACHE:-~/.cache/walferry}/chroot-N, never in the
# checkout.  A tree appears under its name only when it is complete, so that a
# broken download is never mistaken for one; --refresh makes it again.  Needs
# root and debootstrap; only the Debian mirror is asked (WALFERRY_MIRROR, the
# address below which /debian and /debian-security are).
#
set -eu

die()
{
	echo "chroot.sh: $*" >&2
	exit 2
}

which=${1:-}
refresh=${2:-}
cache=${WALFERRY_CACHE:-$HOME/.cache/walferry}
mirror=${WALFERRY_MIRROR:-http://deb.debian.org}

case $which in
	15 | base-15) suite=bookworm ;;
	17 | base-17) suite=trixie ;;
	18 | base-18) suite=sid ;;
	*) die "which tree? one of 15, 17, 18, base-15, base-17, base-18" ;;
esac
case $refresh in
	'' | --refresh) ;;
	*) die "unknown argument \"$refresh\"" ;;
esac

dir=$cache/chroot-$which
if [ -d "$dir" ] && [ -z "$refresh" ]; then
	echo "$dir"
	exit 0
fi

[ "$(id -u)" = 0 ] || die "needs root (debootstrap, chroot)"
command -v debootstrap >/dev/null \
	|| die "needs debootstrap: apt install debootstrap"

# Go on in a mount and process namespace of its own: what is mounted or
# started while packages are set up is gone when this ends, however it ends.
if [ -z "${WALFERRY_CHROOT_NS:-}" ]; then
	WALFERRY_CHROOT_NS=1 exec unshare --mount --pid --fork --kill-child \
		--mount-proc --propagation private "$0" "$@"
fi
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# What a run needs: the server, what the build links, what the tests call.
packages="postgresql-$which postgresql-server-dev-$which
	librdkafka-dev libpq-dev libjansson-dev libpcre2-dev libssl-dev libcmocka-dev
	gcc libc6-dev make pkg-config libipc-run-perl kcat openssl procps
	default-jre-headless"

# Two callers at once: the second waits for the first and uses its tree.
mkdir -p "$cache"
exec 9>"$dir.lock"
flock 9
if [ -d "$dir" ] && [ -z "$refresh" ]; then
	echo "$dir"
	exit 0
fi

new=$dir.new
log=$dir.log
rm -rf --one-file-system "$new"
mkdir -p "$new"
echo "chroot.sh: making $dir from $suite (a few minutes; log: $log)" >&2

# In the new tree, without prompts and without what the caller's shell set.
in_tree()
{
	chroot "$new" /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
		DEBIAN_FRONTEND=noninteractive "$@"
}

make_tree()
{
	debootstrap --variant=minbase "$suite" "$new" "$mirror/debian" || return

	# PostgreSQL's minor releases come through security.  sid has no such.
	if [ "$suite" != sid ]; then
		cat >"$new/etc/apt/sources.list" <<-END
		deb $mirror/debian $suite main
		deb $mirror/debian $suite-updates main
		deb $mirror/debian-security $suite-security main
		END
	fi

	# No daemons, no cluster, no fsync for each file, no recommendations.
	printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d"
	chmod 755 "$new/usr/sbin/policy-rc.d"
	echo force-unsafe-io >"$new/etc/dpkg/dpkg.cfg.d/walferry"
	# A mirror that lags serves an index that has expired; it is signed all
	# the same, and a test needs no newer one.
	printf '%s\n' 'APT::Install-Recommends "false";' \
		'Acquire::Check-Valid-Until "false";' \
		>"$new/etc/apt/apt.conf.d/90walferry"
	mount -t proc proc "$new/proc" || return
	mount --rbind /dev "$new/dev" || return
	in_tree apt-get -q update || return
	in_tree apt-get -q -y upgrade || return

	if [ "$which" = "${which#base-}" ]; then
		mkdir -p "$new/etc/postgresql-common"
		echo 'create_main_cluster = false' \
			>"$new/etc/postgresql-common/createcluster.conf"
		# Word splitting is meant: a list of packages.
		# shellcheck disable=SC2086
		in_tree apt-get -q -y -o Dpkg::Options::=--force-confold \
			install $packages || return
	else
		rm -rf "$new"/var/lib/apt/lists/* "$new"/var/cache/apt/*.bin
	fi
	umount -R "$new/dev" || return
	umount "$new/proc" || return
	rm -f "$new"/var/cache/apt/archives/*.deb "$new/usr/sbin/policy-rc.d"
}

if ! make_tree >"$log" 2>&1; then
	tail -n 20 "$log" >&2
	die "could not make $dir"
fi
old=$dir.old
rm -rf --one-file-system "$old"
[ ! -e "$dir" ] || mv "$dir" "$old"
mv "$new" "$dir"
echo "$dir"
rm -rf --one-file-system "$old"
