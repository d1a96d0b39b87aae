#!/bin/sh
# usage: build_receiver.sh OUTPUT
set -eu

here=$(cd "$(dirname "$0")" && pwd)
: "${CC:=cc}"

# word splitting is wanted: these are lists of flags
# shellcheck disable=SC2046
"$CC" -std=c17 -O2 -g -Wall -Wextra -Wshadow -Wconversion \
	-I"$here/../wire" $(pkg-config --cflags libpq) \
	"$here"/receiver.c "$here"/counter*.c "$here"/../wire/*.c \
	-o "$1" $(pkg-config --libs libpq)
