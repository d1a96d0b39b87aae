#!/bin/sh
# How much memory forwarder and walsender take; see memory.py for the
# settings, which are environment variables or arguments:
#
#	bench/memory.sh
#	bench/memory.sh SCALE=0.01 CASES="rows stop"
set -eu

here=$(cd "$(dirname "$0")" && pwd)
: "${PG_CONFIG:=pg_config}"
export PG_CONFIG PYTHONDONTWRITEBYTECODE=1

exec env "$@" python3 "$here/memory.py"
