#!/usr/bin/env python3
"""What an output plugin costs the walsender, beside others.

Run through decode.sh (make bench-decode).  Settings, from the environment:

  SCALE       share of the workload's size, default 1
  ROUNDS      measured rounds of each plugin, default 5
  PLUGINS     names from the table below, default all that are there but
              walferry_stream
  SEGMENTS    names from the table below, default all but large
  TRANSPORTS  default "unix tcp"
  DUMP        directory to keep each plugin's output of the warm-up in
  PG_CONFIG   of the server to test
  WALFERRY_SO the decoder's library, when it is not where make puts it

Every plugin replays the same WAL: a slot stands at the start of a segment,
and each run streams from a copy of it.  The figure is the CPU time of the
walsender (nanoseconds, from /proc/PID/schedstat).  Rounds interleave the
plugins, every second one in reverse; what is reported of a pair of plugins is
the median of the ratios within a round, with the least and the greatest.  In
every run the operations, keys, values and text that a plugin delivered are
checked against the workload and against the other plugins.

A full run (whole scale, all segments, both transports, five rounds or more,
all plugins) is recorded in bench/results/; any other leaves its table in
build/bench/.
"""
import collections
import datetime
import glob
import json
import os
import platform
import re
import statistics
import subprocess
import sys

from cluster import REPO, Cluster, die, pg_config, say, stop_on_signals

# name -> library: as CREATE_REPLICATION_SLOT names it
#         counter: how counter.c reads what it sends
#         options: of START_REPLICATION
#         needs:   "bench" is built here, "repo" by make, "system" installed
PLUGINS = {
    "null": dict(library="walferry_bench_null", counter="none", needs="bench",
                 options={}),
    "walferry": dict(library="walferry", counter="walferry", needs="repo",
                     options={}),
    "sketch": dict(library="walferry_bench_sketch", counter="sketch",
                   needs="bench", options={}),
    "pgoutput": dict(library="pgoutput", counter="pgoutput", needs="system",
                     options={"proto_version": "1",
                              "publication_names": "bench"}),
    "wal2json": dict(library="wal2json", counter="wal2json", needs="system",
                     options={"format-version": "2"}),
    "decoderbufs": dict(library="decoderbufs", counter="decoderbufs",
                        needs="system", options={}),
    "walferry_stream": dict(library="walferry", counter="walferry",
                            needs="repo", options={"streaming": "true"}),
}

# Only for those who name them.
SPECIAL = {"walferry_stream", "large"}

COLUMNS = 9

# What the decoder is to stay below:
# (what, segment, transport, measure, against, ceiling)
CEILINGS = [
    ("10-row transactions", "mixed10", "unix", "cpu", "null", 1.50),
    ("1000-row transactions", "insert1000", "unix", "cpu", "null", 1.18),
    ("1-row transactions", "insert1", "unix", "cpu", "null", 1.80),
    ("10-row transactions", "mixed10", "unix", "cpu", "pgoutput", 0.40),
    ("10-row transactions", "mixed10", "tcp", "cpu", "pgoutput", 0.26),
    ("bytes per row", "mixed10", "unix", "bytes", "pgoutput", 0.86),
]

CONF = {
    "wal_level": "logical",
    "fsync": "off",
    "autovacuum": "off",
    "shared_buffers": "1GB",
    "max_wal_size": "32GB",
    "checkpoint_timeout": "1d",
    "max_replication_slots": "10",
    "max_wal_senders": "10",
    "wal_sender_timeout": "0",
    # the plugins' notices would be a cost of their own
    "log_min_messages": "warning",
    "log_replication_commands": "off",
}


def series(first, count, step=1):
    """The sum of first, first + step, ... of count numbers."""
    return count * first + step * count * (count - 1) // 2


class Workload:
    """The segments: how to write each and what must come out of it."""

    def __init__(self, scale):
        self.txns = max(10, round(100_000 * scale))
        ones = max(10, round(200_000 * scale))
        thousands = max(1, round(1_000 * scale))
        # far above the ids of mixed10, so segments do not depend on it
        base1, base1000, large = 100_000_000, 200_000_000, 300_000_000
        self.segments = {
            "mixed10": (f"CALL bench_mixed({self.txns})", self.mixed()),
            "insert1": (f"CALL bench_insert({base1}, {ones}, 1)",
                        self.inserts(base1, ones, 1)),
            "insert1000": (f"CALL bench_insert({base1000}, {thousands}, "
                           "1000)", self.inserts(base1000, thousands, 1000)),
            # outgrows logical_decoding_work_mem: it is written to disk and
            # read back, or streamed
            "large": (f"CALL bench_insert({large}, 1, {thousands * 1000})",
                      self.inserts(large, 1, thousands * 1000)),
        }

    def mixed(self):
        t = self.txns
        ids = (series(4 * t + 1, 4 * t) + series(t + 1, t)      # inserts
               + series(1, t, 4) + series(2, t, 4) + series(3, t, 4)
               + series(1, t)                                   # updates
               + series(4, t, 4))                               # deletes
        return dict(commits=t, inserts=5 * t, updates=4 * t, deletes=t,
                    id_sum=ids, values=COLUMNS * 9 * t)

    @staticmethod
    def inserts(first, txns, size):
        n = txns * size
        return dict(commits=txns, inserts=n, updates=0, deletes=0,
                    id_sum=series(first, n), values=COLUMNS * n)


def rows_of(expected):
    return expected["inserts"] + expected["updates"] + expected["deletes"]


def find_library(name, out):
    """Where a plugin's library is, or None."""
    plugin = PLUGINS[name]
    so = plugin["library"] + ".so"
    if plugin["needs"] == "bench":
        places = [f"{out}/{so}"]
    elif plugin["needs"] == "repo":
        places = [os.environ.get("WALFERRY_SO", ""), f"{REPO}/{so}",
                  f"{REPO}/decoder/{so}",
                  *glob.glob(f"{REPO}/build/**/{so}", recursive=True),
                  f"{pg_config('pkglibdir')}/{so}"]
    else:
        places = [f"{pg_config('pkglibdir')}/{so}"]
    return next((p for p in places if os.path.isfile(p)), None)


def choose(variable, known):
    names = os.environ.get(variable, "").split()
    for name in names:
        if name not in known:
            die(f"{variable}: no {name!r} among {' '.join(known)}")
    return names or [name for name in known if name not in SPECIAL]


class Bench:
    def __init__(self, out):
        self.out = out
        self.scale = float(os.environ.get("SCALE") or 1)
        self.rounds = int(os.environ.get("ROUNDS") or 5)
        self.transports = choose("TRANSPORTS", ("unix", "tcp"))
        self.workload = Workload(self.scale)
        self.segments = choose("SEGMENTS", self.workload.segments)
        self.libraries = {p: find_library(p, out) for p in PLUGINS}
        self.plugins = choose("PLUGINS", PLUGINS)
        self.whole = self.segments + self.plugins == [
            name for name in [*self.workload.segments, *PLUGINS]
            if name not in SPECIAL]
        for name in [p for p in self.plugins if not self.libraries[p]]:
            if "PLUGINS" in os.environ:
                die(f"the library of {name} is not there")
            say(f"left out {name}: its library is not there")
            self.plugins.remove(name)
        # runs[segment, transport, plugin] is a list of one dict a round
        self.runs = collections.defaultdict(list)
        self.wal = {}
        self.flags = []
        self.seen_hash = {}
        self.server = ""
        self.load = os.getloadavg()
        self.started = datetime.datetime.now(datetime.timezone.utc)

    def is_full(self):
        return (self.scale == 1 and self.rounds >= 5
                and len(self.transports) == 2 and self.whole
                and all(self.libraries[p] for p in PLUGINS))

    def run_all(self):
        own = [self.libraries[p] for p in self.plugins
               if PLUGINS[p]["needs"] != "system"]
        names = [PLUGINS[p]["library"] for p in self.plugins]
        with Cluster(CONF, own, names) as cluster:
            self.server = cluster.sql("SHOW server_version")[0]
            say(f"PostgreSQL {self.server}, scale {self.scale:g}, "
                f"{self.rounds} rounds of {' '.join(self.plugins)}")
            cluster.psql("-f", f"{REPO}/bench/workload.sql")
            cluster.sql(f"CALL bench_fill({self.workload.txns})")
            cluster.sql("CHECKPOINT")
            for segment in self.segments:
                self.run_segment(cluster, segment)

    def run_segment(self, cluster, segment):
        statement, expected = self.workload.segments[segment]
        cluster.sql("SELECT pg_create_logical_replication_slot("
                    "'bench_base', 'test_decoding')")
        stat = "SELECT wal_records || ' ' || wal_bytes FROM pg_stat_wal"
        cluster.sql("SELECT pg_stat_reset_shared('wal')")
        start = cluster.sql("SELECT pg_current_wal_lsn()")[0]
        cluster.sql(statement)
        end = cluster.sql("SELECT pg_current_wal_flush_lsn()")[0]
        records, size = cluster.sql(stat)[0].split()
        self.wal[segment] = dict(start=start, end=end, records=int(records),
                                 bytes=int(size))
        say(f"{segment}: {rows_of(expected)} changes, {int(size) / 1e6:.0f} "
            f"MB of WAL, {start} to {end}")

        for plugin in self.plugins:
            self.run_one(cluster, segment, expected, end, "unix", plugin, 0)
        for number in range(1, self.rounds + 1):
            order = [(t, p) for t in self.transports for p in self.plugins]
            if number % 2 == 0:
                order.reverse()
            for transport, plugin in order:
                self.run_one(cluster, segment, expected, end, transport,
                             plugin, number)
        cluster.sql("SELECT pg_drop_replication_slot('bench_base')")
        self.flag_rounds(segment)

    def run_one(self, cluster, segment, expected, end, transport, plugin,
                number):
        """Round 0 is the warm-up: checked like the others, not counted."""
        row = PLUGINS[plugin]
        # the same name every time: it might be part of what a plugin sends
        cluster.sql("SELECT pg_copy_logical_replication_slot('bench_base', "
                    f"'bench_run', false, '{row['library']}')")
        dump = "-"
        if number == 0 and os.environ.get("DUMP"):
            dump = f"{os.environ['DUMP']}/{segment}-{plugin}.bin"
        done = subprocess.run(
            [f"{self.out}/receiver", cluster.conninfo(transport), "bench_run",
             end, row["counter"], "600", dump,
             *(f"{k}={v}" for k, v in row["options"].items())],
            text=True, stdout=subprocess.PIPE, check=False)
        if done.returncode != 0:
            die(f"{plugin} failed in {segment}, {transport}:\n"
                f"{cluster.server_log()[-2000:]}")
        run = json.loads(done.stdout)
        self.verify(segment, expected, plugin, run)
        cluster.sql("SELECT pg_drop_replication_slot('bench_run')")

        rows = rows_of(expected)
        if number > 0:
            run["cpu"] = run["walsender_cpu_ns"] / rows / 1000
            run["bytes"] = run["bytes"] / rows
            self.runs[segment, transport, plugin].append(run)
        say(f"{segment} {transport} round {number} {plugin}: "
            f"{run['walsender_cpu_ns'] / rows / 1000:.3f} us/row")

    def verify(self, segment, expected, plugin, run):
        """A fast wrong answer must fail."""
        if PLUGINS[plugin]["counter"] == "none":
            if run["messages"] != 0:
                die(f"{plugin} sent {run['messages']} messages, not none")
            return
        wrong = [f"{key} {run[key]}, expected {value}"
                 for key, value in expected.items() if run[key] != value]
        # the first plugin sets the text's hash, all others must agree
        note = self.seen_hash.setdefault((segment, "note"),
                                         run["note_hash"])
        if run["note_hash"] != note:
            wrong.append(f"hash of the texts {run['note_hash']}, other "
                         f"plugins {note}")
        # and every run of one plugin must send the same bytes
        whole = self.seen_hash.setdefault((segment, plugin), run["hash"])
        if run["hash"] != whole:
            wrong.append(f"hash of its output {run['hash']}, before {whole}")
        if wrong:
            die(f"{plugin} is wrong in {segment}: " + "; ".join(wrong))

    def flag_rounds(self, segment):
        """Name the rounds in which the machine itself was fast or slow."""
        for transport in self.transports:
            null = [r["cpu"] for r in self.runs[segment, transport, "null"]]
            if not null:
                continue
            middle = statistics.median(null)
            for number, cpu in enumerate(null, 1):
                off = cpu / middle - 1
                if abs(off) > 0.15:
                    self.flags.append(
                        f"{segment}, {transport}, round {number}: null took "
                        f"{cpu:.2f} µs, {off:+.0%} from its median")

    def ratios(self, segment, transport, plugin, key, against):
        """(median, least, greatest) of the rounds' ratios, or None."""
        ours = self.runs[segment, transport, plugin]
        theirs = self.runs[segment, transport, against]
        if not ours or not theirs:
            return None
        ratio = [a[key] / b[key] for a, b in zip(ours, theirs)]
        return statistics.median(ratio), min(ratio), max(ratio)

    def report(self):
        text = ["# What decoding costs", "", *self.describe(), ""]
        text += self.ceilings()
        for segment in self.segments:
            for transport in self.transports:
                text += self.table(segment, transport)
        text += ["## Rounds to distrust", ""]
        text += [f"- {flag}" for flag in self.flags] or [
            "None: null stayed within 15 % of its median."]
        return "\n".join(text) + "\n"

    def describe(self):
        lines = [
            f"- date: {self.started:%Y-%m-%d %H:%M} UTC",
            f"- commit: {commit('decoder')}",
            f"- PostgreSQL {self.server}; {platform.platform()}",
            f"- machine: {os.cpu_count()} x {cpu_model()}, load average "
            f"{self.load[0]:.2f} before the run",
            f"- scale {self.scale:g}, {self.rounds} rounds after one warm-up",
            "- settings: fsync=off, autovacuum=off, shared_buffers=1GB, "
            "logical_decoding_work_mem at its default of 64MB",
            "- method: every plugin replays the same WAL from a copy of one "
            "slot, over a Unix socket and over TCP on the loopback without "
            "TLS; CPU time of the walsender from /proc/PID/schedstat, from "
            "START_REPLICATION until it has sent all and sleeps; rounds "
            "interleaved, every second one in reverse; ratios are medians of "
            "the rounds' own ratios, with least and greatest; operations, "
            "keys, number of values and text checked in every run",
            "- plugins: " + "; ".join(self.describe_plugin(p)
                                      for p in self.plugins),
        ]
        for segment, wal in self.wal.items():
            expected = self.workload.segments[segment][1]
            rows = rows_of(expected)
            lines.append(
                f"- {segment}: {rows:,} changes in {expected['commits']:,} "
                f"transactions, {wal['records']:,} WAL records, "
                f"{wal['bytes'] / 1e6:.0f} MB")
        return lines

    @staticmethod
    def describe_plugin(name):
        options = PLUGINS[name]["options"]
        if not options:
            return name
        return f"{name} ({', '.join(f'{k}={v}' for k, v in options.items())})"

    def ceilings(self):
        head = ["## Ceilings", "",
                "Median (least to greatest). Ratios to null move from "
                "machine to machine; the sketch, which carries the same "
                "columns and does nothing else, says what this one allows.",
                "",
                "| what | against | ceiling | walferry | sketch "
                "| walferry × sketch |",
                "|---|---|---|---|---|---|"]
        lines = []
        for what, segment, transport, key, against, ceiling in CEILINGS:
            def ratio(plugin, other):
                return self.ratios(segment, transport, plugin, key, other)
            ours = ratio("walferry", against)
            if not ours:
                continue
            cell = spread(ours)
            cell += " met" if ours[0] <= ceiling else " **missed**"
            lines.append(f"| {what}, {transport} | {against} "
                         f"| ≤ {ceiling:.2f} | {cell} "
                         f"| {spread(ratio('sketch', against))} "
                         f"| {spread(ratio('walferry', 'sketch'))} |")
        return [*head, *lines, ""] if lines else []

    def table(self, segment, transport):
        expected = self.workload.segments[segment][1]
        rows = rows_of(expected)
        lines = [f"## {segment}, {transport}", "",
                 "| plugin | CPU µs/row | × null | × pgoutput | messages/row "
                 "| bytes/row | rows/s | receiver CPU µs/row |",
                 "|---|---|---|---|---|---|---|---|"]
        for plugin in self.plugins:
            runs = self.runs[segment, transport, plugin]
            of_null, of_pgoutput = (
                spread(self.ratios(segment, transport, plugin, "cpu", other))
                for other in ("null", "pgoutput"))
            lines.append(
                f"| {plugin} | {median(runs, 'cpu'):.2f} "
                f"| {of_null} | {of_pgoutput} "
                f"| {median(runs, 'messages') / rows:.3f} "
                f"| {median(runs, 'bytes'):.0f} "
                f"| {rows / median(runs, 'wall_ns') * 1e6:,.0f}k "
                f"| {median(runs, 'receiver_cpu_ns') / rows / 1000:.2f} |")
        return lines + [""]


def median(runs, key):
    return statistics.median(r[key] for r in runs)


def spread(ratio):
    if ratio is None:
        return "–"
    return f"{ratio[0]:.2f} ({ratio[1]:.2f}–{ratio[2]:.2f})"


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        found = re.search(r"model name\s*: (.*)", f.read())
    return found.group(1) if found else platform.machine()


def commit(*directories):
    """HEAD, and whether what is measured differs from it."""
    def git(*args):
        return subprocess.run(["git", "-C", REPO, *args], text=True,
                              stdout=subprocess.PIPE, check=False,
                              stderr=subprocess.DEVNULL).stdout.strip()
    name = git("rev-parse", "--short=12", "HEAD") or "unknown"
    changed = git("status", "--porcelain", "--", "wire", "bench",
                  *directories, ":!bench/results")
    return name + (" with uncommitted changes" if changed else "")


def main():
    stop_on_signals()
    bench = Bench(sys.argv[1])
    bench.run_all()
    text = bench.report()
    major = bench.server.split(".", maxsplit=1)[0]
    directory = f"{REPO}/bench/results" if bench.is_full() else bench.out
    path = f"{directory}/decode-{major}.md"
    os.makedirs(directory, exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    with open(f"{bench.out}/decode-{major}.json", "w", encoding="utf-8") as f:
        json.dump({" ".join(k): v for k, v in bench.runs.items()}, f,
                  indent=1)
    print(text)
    say(f"written to {os.path.relpath(path, REPO)}" + (
        "" if bench.is_full() else ", not a full run"))


if __name__ == "__main__":
    main()
