#!/bin/sh
# Builds what the benchmark of the whole line needs and runs it; see run.py
# for the settings, which are environment variables or arguments:
#
#	bench/run.sh
#	bench/run.sh SCALE=0.1 ROUNDS=1 TRANSPORTS=unix
set -eu

here=$(cd "$(dirname "$0")" && pwd)
: "${PG_CONFIG:=pg_config}" "${CC:=cc}"
export PG_CONFIG PYTHONDONTWRITEBYTECODE=1

major=$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
out=$here/../build/bench/$major
mkdir -p "$out"

# word splitting is wanted: these are lists of flags
# shellcheck disable=SC2046
"$CC" -std=c17 -O2 -g -Wall -Wextra -Wshadow -Wconversion \
	$(pkg-config --cflags libpq rdkafka) "$here/line.c" -o "$out/line" \
	$(pkg-config --libs libpq rdkafka)

exec env "$@" python3 "$here/run.py" "$out"
