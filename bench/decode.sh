#!/bin/sh
# Builds what the decode benchmark needs and runs it; see decode.py for the
# settings, which are environment variables or arguments:
#
#	bench/decode.sh
#	bench/decode.sh SCALE=0.1 ROUNDS=2 PLUGINS="null pgoutput"
set -eu

here=$(cd "$(dirname "$0")" && pwd)
: "${PG_CONFIG:=pg_config}"
export PG_CONFIG
# leave the source tree as it was
export PYTHONDONTWRITEBYTECODE=1

major=$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
out=$here/../build/bench/$major
mkdir -p "$out"

"$here/build_receiver.sh" "$out/receiver"
for plugin in null sketch; do
	make -s -C "$out" -f "$here/${plugin}_plugin/Makefile" \
		PG_CONFIG="$PG_CONFIG" with_llvm=no
done

exec env "$@" python3 "$here/decode.py" "$out"
