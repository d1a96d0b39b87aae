#!/bin/sh
#
# Make the Debian tree that one PostgreSQL major is tested in, if it is not
# there yet, and print its directory.
#
#	test/matrix/chroot.sh 15|17|18|base [--refresh]
#
#	15	bookworm	17	trixie	18	sid
#	base	bookworm, nothing but minbase: the base image of docker/images.sh
#
# Trees live in ${WALFERRY_CACHE:-~/.cache/walferry}/chroot-N, never in the
# checkout.  A tree appears under its name only when it is complete, so that a
# broken download is never mistaken for one; --refresh makes it again.  Needs
# root and debootstrap; only the Debian mirror is asked (WALFERRY_MIRROR).
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
mirror=${WALFERRY_MIRROR:-http://deb.debian.org/debian}

case $which in
	15) suite=bookworm ;;
	17) suite=trixie ;;
	18) suite=sid ;;
	base) suite=bookworm ;;
	*) die "which tree? one of 15, 17, 18, base" ;;
esac
case $refresh in
	'' | --refresh) ;;
	*) die "unknown argument \"$refresh\"" ;;
esac

dir=$cache/chroot-$which

# What a run needs: the server, what the build links, what the tests call.
packages="postgresql-$which postgresql-server-dev-$which
	librdkafka-dev libpq-dev libjansson-dev libpcre2-dev libcmocka-dev
	gcc libc6-dev make pkg-config libipc-run-perl kcat procps
	default-jre-headless"

mkdir -p "$cache"

# Two callers at once: the second waits for the first and uses its tree.
exec 9>"$dir.lock"
flock 9

if [ -e "$dir" ] && [ -z "$refresh" ]; then
	echo "$dir"
	exit 0
fi

[ "$(id -u)" = 0 ] || die "needs root (debootstrap, chroot)"
command -v debootstrap >/dev/null || die "needs debootstrap: apt install debootstrap"

new=$dir.new
log=$dir.log
rm -rf --one-file-system "$new"
mkdir -p "$new"
echo "chroot.sh: making $dir from $suite (a few minutes; log: $log)" >&2

# Runs in a mount and process namespace of its own: what is mounted or started
# while packages are set up is gone when this ends, however it ends.
make_tree()
{
	debootstrap --variant=minbase "$suite" "$new" "$mirror" || return

	# No daemons, no cluster, no documents, no fsync for each file.
	printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d"
	chmod 755 "$new/usr/sbin/policy-rc.d"
	echo force-unsafe-io >"$new/etc/dpkg/dpkg.cfg.d/matrix"
	echo 'APT::Install-Recommends "false";' \
		>"$new/etc/apt/apt.conf.d/90matrix"

	if [ "$which" != base ]; then
		mkdir -p "$new/etc/postgresql-common"
		echo 'create_main_cluster = false' \
			>"$new/etc/postgresql-common/createcluster.conf"

		# Word splitting is meant: a list of packages.
		# shellcheck disable=SC2086
		unshare --mount --pid --fork --kill-child --propagation private \
			sh -euc '
				new=$1
				shift
				mount -t proc proc "$new/proc"
				mount --rbind /dev "$new/dev"
				export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
				chroot "$new" apt-get -q -y -o Dpkg::Options::=--force-confold \
					install "$@"
			' sh "$new" $packages || return
	fi
	rm -rf "$new"/var/cache/apt/archives/*.deb
	rm -f "$new/usr/sbin/policy-rc.d"
}

if ! make_tree >"$log" 2>&1; then
	tail -n 20 "$log" >&2
	die "could not make $dir"
fi
rm -rf --one-file-system "$dir"
mv "$new" "$dir"
echo "$dir"
