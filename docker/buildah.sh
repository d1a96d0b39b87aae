#!/bin/sh
#
# buildah on the storage that docker/images.sh keeps its images in.
#
set -eu

store=${WALFERRY_CACHE:-$HOME/.cache/walferry}/images
mkdir -p "$store"
exec buildah --root "$store/root" --runroot "$store/run" \
	--storage-driver "${WALFERRY_STORAGE_DRIVER:-vfs}" "$@"
