#!/usr/bin/env python3
"""The live view of the demo.

    view.py STATUS FORWARDER_PID

Starts the replay (flights.py), which keeps STATUS up to date, and shows what
becomes of it until it is done.

What it shows is asked from those who know: rows written from the replay,
records from the broker (its end offsets), the bytes that PostgreSQL
still waits to see confirmed from PostgreSQL (pg_replication_slots), CPU and
memory from /proc, and only the latency from walferry itself (`walferry
health`).  On a terminal it redraws; elsewhere it prints one line a second;
with DEMO_QUIET=1 nothing.

Exits 1 if the replay fails or the forwarder ends before it.
"""
import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

from psql import Psql, PsqlError

PREFIX = os.environ.get("TOPIC_PREFIX", "flights")
TABLES = ("aircraft", "state_vector")
PARTITIONS = 4
EVERY_S = 1.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def output(*command):
    """What a command prints, nothing if it finds nothing."""
    return subprocess.run(command, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.DEVNULL).stdout


def records(table):
    """How many records the broker holds for a table."""
    topic = f"{PREFIX}.public.{table}"
    queries = [arg for partition in range(PARTITIONS)
               for arg in ("-t", f"{topic}:{partition}:-1")]
    text = output("kcat", "-Q", "-b", os.environ["BOOTSTRAP"], *queries)
    # "flights.public.aircraft [0] offset 12"
    return sum(int(line.split()[-1]) for line in text.splitlines())


def latest(table, count):
    """The last few records of a table's topic as (op, key, value)."""
    text = output("kcat", "-C", "-b", os.environ["BOOTSTRAP"], "-q", "-e",
                  "-t", f"{PREFIX}.public.{table}", "-o", "-1",
                  "-c", str(count), "-f", r"%S\t%k\t%s\n")
    found = []
    for line in text.splitlines():
        size, key, value = line.split("\t", 2)
        if size == "-1":
            found.append(("tombstone", key, ""))
            continue
        event = json.loads(value)
        found.append((event["op"], key, json.dumps(event["after"],
                                                   separators=(",", ":"))))
    return found


def health():
    text = output(os.environ["WALFERRY"], "health",
                  "--config", os.environ["CONFIG"])
    try:
        return json.loads(text)
    except ValueError:
        return {}


class Process:
    """CPU and memory of a process, from /proc."""

    def __init__(self, pid):
        self.directory = Path(f"/proc/{pid}")
        self.before = self.cpu_seconds(), time.monotonic()

    def cpu_seconds(self):
        stat = (self.directory / "stat").read_text()
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    def usage(self):
        """CPU in percent since the last call, resident megabytes."""
        now = self.cpu_seconds(), time.monotonic()
        percent = 100 * (now[0] - self.before[0]) / (now[1] - self.before[1])
        self.before = now
        for line in (self.directory / "status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return percent, int(line.split()[1]) / 1024
        raise FileNotFoundError("only a zombie is left")


def size(count):
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"


class View:
    def __init__(self, status_path, pid):
        self.status_path = Path(status_path)
        self.process = Process(pid)
        self.psql = Psql()
        self.total, self.total_at = 0, time.monotonic()

    def look(self):
        """One look at everything, as a dictionary."""
        # Records first: no row can then be missing that a record tells of.
        now = {"records": {table: records(table) for table in TABLES},
               "status": json.loads(self.status_path.read_text())}
        total, at = sum(now["records"].values()), time.monotonic()
        now["rate"] = (total - self.total) / (at - self.total_at)
        self.total, self.total_at = total, at
        now["lag"] = self.psql.value(
            "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)"
            " FROM pg_replication_slots WHERE slot_name = 'walferry_demo';")
        now["cpu"], now["rss"] = self.process.usage()
        state = health()
        now["latency"] = ", ".join(
            f"{name} -" if state.get(field) is None else
            f"{name} {state[field]:.1f} ms"
            for name, field in (("p50", "latency_ms_p50"),
                                ("p99", "latency_ms_p99")))
        return now

    @staticmethod
    def clock(status):
        if status["at"] is None:
            return "--:--:--"
        return datetime.fromtimestamp(status["at"] / 1000,
                                      timezone.utc).strftime("%H:%M:%S")

    def line(self, now):
        rows = now["status"]["rows"]
        print(f"{self.clock(now['status'])} UTC",
              *(f"{table}: {sum(rows[table].values())} rows, "
                f"{now['records'][table]} records" for table in TABLES),
              f"{now['rate']:.0f} records/s",
              f"latency {now['latency']}",
              f"lag {size(int(now['lag']))}",
              f"CPU {now['cpu']:.1f} %", f"RSS {now['rss']:.1f} MB",
              sep=" | ", flush=True)

    def screen(self, now):
        status = now["status"]
        width, height = os.get_terminal_size()
        out = [
            f"walferry demo · over Switzerland, 1 August 2018, "
            f"{self.clock(status)} UTC · Ctrl-C ends it",
            "",
            f"{'PostgreSQL table':18}{'insert':>10}{'update':>10}"
            f"{'delete':>10}   {'Kafka topic':30}{'records':>10}"]
        for table in TABLES:
            rows = status["rows"][table]
            out.append(f"{table:18}{rows['c']:10,}{rows['u']:10,}"
                       f"{rows['d']:10,}   {PREFIX + '.public.' + table:30}"
                       f"{now['records'][table]:10,}")
        out += [
            "",
            f"throughput   {now['rate']:,.0f} records/s, "
            f"{status['transactions']:,} transactions so far",
            f"latency      commit to Kafka's acknowledgement: "
            f"{now['latency']}",
            f"lag          {size(int(now['lag']))} of WAL not yet confirmed",
            f"forwarder    CPU {now['cpu']:.1f} % of a core, "
            f"memory {now['rss']:.1f} MB",
            ""]
        for table in TABLES:
            out.append(f"latest in {PREFIX}.public.{table}")
            for op, key, after in latest(table, 2):
                out += [f"  {op} {key}", f"    {after}"]
        out.append("flights: The OpenSky Network, https://opensky-network.org")
        print("\x1b[H" + "".join(line[:width] + "\x1b[K\n"
                                 for line in out[:height - 1])
              + "\x1b[J", end="", flush=True)

    def run(self, replay):
        """Show it until the replay has ended; its exit status."""
        quiet = os.environ.get("DEMO_QUIET") == "1"
        terminal = sys.stdout.isatty() and not quiet
        if terminal:
            print("\x1b[2J", end="")
        while True:
            ended = replay.poll()
            now = self.look()
            if terminal:
                self.screen(now)
            elif not quiet:
                self.line(now)
            if ended is not None:
                return ended
            try:
                replay.wait(EVERY_S)
            except subprocess.TimeoutExpired:
                pass


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    status_path, pid = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    here = Path(__file__).parent
    replay = subprocess.Popen([sys.executable, here / "flights.py", "replay",
                               status_path])
    try:
        while not Path(status_path).exists() and replay.poll() is None:
            time.sleep(0.05)
        sys.exit(View(status_path, pid).run(replay))
    except FileNotFoundError as error:
        sys.exit(f"demo: the forwarder or a file of the demo is gone: {error}")
    except PsqlError as error:
        sys.exit(f"demo: view: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        replay.terminate()
        replay.wait()


if __name__ == "__main__":
    main()
