#!/bin/sh
#
# Build the two images: PostgreSQL with the extension, and the forwarder.
#
#	docker/images.sh [postgres|forwarder]...
#
#	BASE		base image; default: that of the Dockerfiles, the public
#				Debian 12.  "debootstrap" makes one of Debian's packages, for
#				machines that reach a Debian mirror but no image registry
#	PG_MAJOR	PostgreSQL of the image: 15, which Debian 12 has; for another,
#				BASE must be a Debian that has it (17: trixie)
#	ENGINE		docker or buildah; default: docker if its engine answers, else
#				buildah, which needs none
#	TAG			tag of both images; default: walferry's version
#
# With buildah the images go to a storage of their own, in
# ${WALFERRY_CACHE:-~/.cache/walferry}/images; docker/buildah.sh is buildah on
# that storage, e.g. "docker/buildah.sh push walferry:TAG docker-archive:FILE".
# The build context is what git tracks or would add, nothing else.
#
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/.." && pwd)
buildah=$here/buildah.sh

die()
{
	echo "images.sh: $*" >&2
	exit 1
}

[ $# -gt 0 ] || set -- postgres forwarder
for image in "$@"; do
	case $image in
		postgres | forwarder) ;;
		*) die "no image \"$image\": postgres, forwarder" ;;
	esac
done

engine=${ENGINE:-}
if [ -z "$engine" ]; then
	if command -v docker >/dev/null && docker info >/dev/null 2>&1; then
		engine=docker
	else
		engine=buildah
	fi
fi
case $engine in
	docker | buildah) ;;
	*) die "unknown ENGINE \"$engine\": docker or buildah" ;;
esac
command -v "$engine" >/dev/null \
	|| die "neither a docker engine nor buildah: apt install buildah"

version=$(sed -n 's/^#define WALFERRY_VERSION "\(.*\)"$/\1/p' \
	"$top/wire/version.h")
tag=${TAG:-$version}
major=${PG_MAJOR:-15}
revision=$(git -C "$top" rev-parse HEAD 2>/dev/null) || revision=unknown
if [ "$revision" != unknown ] \
	&& [ -n "$(git -C "$top" status --porcelain)" ]; then
	revision=$revision-dirty
fi

mkdir -p "$top/build"
context=$(mktemp -d "$top/build/images.XXXXXX")
trap 'rm -rf "$context" "$context.tar"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
if [ "$revision" != unknown ]; then
	(cd "$top" && git ls-files -z --cached --others --exclude-standard \
		| tar -c --null --ignore-failed-read --no-recursion -T - \
			-f "$context.tar" 2>/dev/null) || [ $? -eq 1 ]
else
	# Not a git checkout: a release's tarball, whole.
	tar -c --exclude=./build -C "$top" -f "$context.tar" .
fi
tar -x -f "$context.tar" -C "$context"
rm -f "$context.tar"

base=${BASE:-}
if [ "$base" = debootstrap ]; then
	# Named after its tree, so that a tree made again is a new base.
	tree=$("$top/test/matrix/chroot.sh" "base-$major")
	base=localhost/walferry-base:$major-$(date -u \
		-r "$tree/etc/apt/sources.list" +%Y%m%d%H%M%S)
	if [ "$engine" = docker ]; then
		docker image inspect "$base" >/dev/null 2>&1 \
			|| tar -c -C "$tree" . | docker import - "$base"
	elif ! "$buildah" inspect --type image "$base" >/dev/null 2>&1; then
		made=$("$buildah" from scratch)
		"$buildah" copy -q "$made" "$tree" / >/dev/null
		"$buildah" config --cmd /bin/bash "$made"
		"$buildah" commit -q --rm "$made" "$base" >/dev/null
	fi
fi

for image in "$@"; do
	case $image in
		postgres) name=walferry-postgres:$tag-pg$major ;;
		forwarder) name=walferry:$tag ;;
	esac
	echo "images.sh: $name with $engine"
	set -- -f "$context/docker/$image.Dockerfile" -t "$name" \
		--build-arg "VERSION=$version" --build-arg "REVISION=$revision"
	[ -z "$base" ] || set -- "$@" --build-arg "BASE=$base"
	[ "$image" != postgres ] || set -- "$@" --build-arg "PG_MAJOR=$major"
	if [ "$engine" = docker ]; then
		docker build "$@" "$context"
	else
		# Docker's image format: the other one has no HEALTHCHECK.
		"$buildah" bud --isolation chroot --format docker "$@" "$context"
	fi
done

# What lost its name to the images just built.
if [ "$engine" = buildah ]; then
	"$buildah" rmi --prune >/dev/null
fi
