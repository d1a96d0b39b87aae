#!/usr/bin/env python3
"""The whole line, from a backlog of WAL to a real Kafka broker.

Run through run.sh (make bench).  Settings, from the environment:

  SCALE       share of the workload's size, default 1 (1,000,000 changes)
  ROUNDS      runs of each transport, default 3
  TRANSPORTS  default "unix tcp"
  MODES       of delivery, default "least once": at least once, exactly once
  PARTS       default "backlog outage latency"
  SAMPLES     of latency, default 2000
  PARTITIONS  of each topic, default 4
  WALFERRY    the forwarder, when it is not where make puts it
  WALFERRY_SO the decoder's library, likewise
  PG_CONFIG, KAFKA_VERSION as elsewhere
  KEEP        directory to copy the logs of a failed run to

backlog: a slot stands before a million changes in transactions of ten rows;
the forwarder is started and the time until the broker holds every event is
taken, with the CPU time of the forwarder and the walsender and the peak
memory of the forwarder (VmHWM).
outage: the same, but the broker is stopped when a third has arrived, until
the forwarder has stopped reading; the peak memory then; the broker comes back
and the rest must arrive.
latency: one row, its event, the next row; see line.c.

Every run's events are read back and counted by operation, with the sum of
their keys, and must be the workload's.
"""
import collections
import contextlib
import datetime
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import time

from cluster import REPO, Cluster, die, say, stop_on_signals
from decode import (CONF, Workload, choose, commit, cpu_model, find_library,
                    rows_of)

PARTS = ("backlog", "outage", "latency")
MODES = ("least", "once")
TABLES = ("bench_default", "bench_full")
TIMEOUT_S = 900
# after this long without a new position the forwarder has stopped reading
STALL_S = 5
TICKS = os.sysconf("SC_CLK_TCK")

CEILINGS = {"unix": 24, "tcp": 36}      # MB of peak memory


def wait_until(condition, what, timeout=60, interval=0.02):
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        if time.monotonic() > deadline:
            die(f"timed out waiting for {what}")
        time.sleep(interval)
    return value


def process_cpu_s(pid):
    """User and system time of all of a process's threads."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def thread_cpu_ns(pid):
    """CPU time of a process of one thread, as a walsender is."""
    with open(f"/proc/{pid}/schedstat", encoding="utf-8") as f:
        return int(f.read().split()[0])


def peak_mb(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        kb = next(line for line in f if line.startswith("VmHWM:")).split()[1]
    return int(kb) / 1024


class Broker:
    """One real broker, through test/kafka/broker.sh."""

    def __init__(self, directory):
        self.dir = directory

    def __call__(self, command, *args):
        done = subprocess.run(
            [f"{REPO}/test/kafka/broker.sh", command, self.dir, *args],
            text=True, stdout=subprocess.PIPE, check=False)
        if done.returncode != 0:
            die(f"broker.sh {command} failed")
        return done.stdout.strip()

    def __enter__(self):
        try:
            self.address = self("start")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if os.path.exists(f"{self.dir}/broker.pid"):
            self("stop")


class Forwarder:
    """A running 'walferry run'; its log goes to a file."""

    def __init__(self, program, directory, properties):
        self.config = f"{directory}/walferry.properties"
        self.log = f"{directory}/walferry.log"
        with open(self.config, "w", encoding="utf-8") as f:
            f.writelines(f"{k}={v}\n" for k, v in properties.items())
        self.argv = [program, "run", "--config", self.config]
        self.process = None
        self.started = None

    def __enter__(self):
        with open(self.log, "w", encoding="utf-8") as log:
            self.started = time.time()
            self.process = subprocess.Popen(self.argv, stdout=log, stderr=log)
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    @property
    def pid(self):
        """Dies when the forwarder has."""
        if self.process.poll() is not None:
            self.fail(f"ended with exit code {self.process.returncode}")
        return self.process.pid

    def fail(self, why):
        with open(self.log, encoding="utf-8") as log:
            die(f"the forwarder {why}:\n{''.join(log.readlines()[-20:])}")

    def stop(self):
        """As an operator does; it must drain and leave with exit code 0."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.fail("did not stop within 60 s of SIGTERM")
        if code != 0:
            self.fail(f"answered SIGTERM with exit code {code}")


class Line:
    def __init__(self, out):
        self.out = out
        self.scale = float(os.environ.get("SCALE") or 1)
        self.rounds = int(os.environ.get("ROUNDS") or 3)
        self.samples = int(os.environ.get("SAMPLES") or 2000)
        self.partitions = int(os.environ.get("PARTITIONS") or 4)
        self.transports = choose("TRANSPORTS", ("unix", "tcp"))
        self.modes = choose("MODES", MODES)
        self.variants = [(transport, mode) for transport in self.transports
                         for mode in self.modes]
        self.parts = choose("PARTS", PARTS)
        self.workload = Workload(self.scale)
        self.expected = self.workload.mixed()
        self.program = (os.environ.get("WALFERRY")
                        or f"{REPO}/build/forwarder/walferry")
        self.library = find_library("walferry", out)
        if not os.access(self.program, os.X_OK) or not self.library:
            die("the forwarder or the decoder is not built: run make")
        self.results = collections.defaultdict(list)
        self.number = 0
        self.cluster = None
        self.broker = None
        self.server = ""
        self.load = os.getloadavg()
        self.started = datetime.datetime.now(datetime.timezone.utc)

    def is_full(self):
        return (self.scale == 1 and self.rounds >= 3 and self.samples >= 2000
                and len(self.transports) == 2 and len(self.modes) == 2
                and len(self.parts) == 3)

    def line(self, *args, check=True):
        """Runs the program of line.c and returns what it says."""
        done = subprocess.run([f"{self.out}/line", *map(str, args)],
                              text=True, stdout=subprocess.PIPE, check=False)
        if check and done.returncode != 0:
            die(f"line {args[0]} failed")
        return json.loads(done.stdout or "{}")

    def run_all(self):
        with contextlib.ExitStack() as stack:
            self.cluster = stack.enter_context(
                Cluster(CONF, [self.library], ["walferry"]))
            directory = f"{self.cluster.dir}/line"
            os.mkdir(directory)
            stack.callback(self.keep_logs, directory)
            self.broker = stack.enter_context(Broker(f"{directory}/kafka"))
            self.server = self.cluster.sql("SHOW server_version")[0]
            self.write_backlog()
            for number in range(1, self.rounds + 1):
                order = list(self.variants)
                if number % 2 == 0:
                    order.reverse()
                for variant in order:
                    if "backlog" in self.parts:
                        self.run_backlog(variant, directory, number)
            for variant in self.variants:
                if "outage" in self.parts:
                    self.run_outage(variant, directory)
            self.cluster.sql("SELECT pg_drop_replication_slot('bench_base')")
            for variant in self.variants:
                if "latency" in self.parts:
                    self.run_latency(variant, directory)

    @staticmethod
    def keep_logs(directory):
        if os.environ.get("KEEP") and sys.exc_info()[0]:
            shutil.copytree(directory, os.environ["KEEP"], dirs_exist_ok=True)

    def write_backlog(self):
        self.cluster.psql("-f", f"{REPO}/bench/workload.sql")
        self.cluster.sql(f"CALL bench_fill({self.workload.txns})")
        self.cluster.sql("CHECKPOINT")
        self.cluster.sql("SELECT pg_create_logical_replication_slot("
                         "'bench_base', 'walferry')")
        self.cluster.sql(self.workload.segments["mixed10"][0])
        say(f"PostgreSQL {self.server}, broker at {self.broker.address}, "
            f"backlog of {rows_of(self.expected)} changes")

    @contextlib.contextmanager
    def forwarder(self, variant, directory, from_base=True):
        """A forwarder with a slot and topics of its own."""
        self.number += 1
        slot = f"bench_{self.number}"
        prefix = f"b{self.number}"
        source = ("pg_copy_logical_replication_slot('bench_base', "
                  f"'{slot}', false, 'walferry')" if from_base else
                  f"pg_create_logical_replication_slot('{slot}', 'walferry')")
        self.cluster.sql(f"SELECT {source}")
        topics = [f"{prefix}.public.{table}" for table in TABLES]
        self.line("create", self.broker.address, self.partitions, *topics)
        transport, mode = variant
        host = "127.0.0.1" if transport == "tcp" else self.cluster.dir
        extra = {"exactly.once": "true",
                 "offset.mismatch.strategy": "trust_slot"}
        with Forwarder(self.program, directory, {
                "database.hostname": host,
                "database.port": self.cluster.port,
                "database.user": "postgres",
                "database.dbname": "postgres",
                "database.sslmode": "disable",
                "slot.name": slot,
                "topic.prefix": prefix,
                "table.include.list": ",".join(rf"public\\.{table}"
                                               for table in TABLES),
                "bootstrap.servers": self.broker.address,
                **(extra if mode == "once" else {})}) as forwarder:
            yield forwarder, slot, topics
            forwarder.stop()
        wait_until(lambda: self.slot(slot, "active") == "f",
                   "the walsender's end")
        self.cluster.sql(f"SELECT pg_drop_replication_slot('{slot}')")

    def slot(self, slot, column):
        return self.cluster.sql(f"SELECT {column} FROM pg_replication_slots "
                                f"WHERE slot_name = '{slot}'")[0]

    def await_events(self, forwarder, topics, count):
        """Like line(), and fails as soon as the forwarder has ended."""
        with subprocess.Popen(
                [f"{self.out}/line", "await", self.broker.address, str(count),
                 str(TIMEOUT_S), *topics], text=True,
                stdout=subprocess.PIPE) as process:
            try:
                while process.poll() is None:
                    if forwarder.pid:
                        time.sleep(0.1)
            finally:
                process.kill()
            said = process.stdout.read()
            if process.returncode != 0:
                forwarder.fail(f"delivered not all of {count} records: "
                               f"{said}")
            return json.loads(said)

    def records(self):
        """Events, and one tombstone for each delete."""
        return rows_of(self.expected) + self.expected["deletes"]

    def check(self, topics, may_repeat=False):
        """Read everything back: a fast wrong answer must fail."""
        seen = self.line("count", self.broker.address, *topics)
        want = {k: self.expected[k]
                for k in ("inserts", "updates", "deletes", "id_sum")}
        want.update(tombstones=self.expected["deletes"], others=0)
        wrong = [f"{k} {seen[k]}, expected {v}" for k, v in want.items()
                 if seen[k] != v and not (may_repeat and seen[k] > v)]
        if wrong:
            die("the topics are wrong: " + "; ".join(wrong))
        return seen

    def run_backlog(self, variant, directory, number):
        with self.forwarder(variant, directory) as (fwd, slot, topics):
            sender = wait_until(lambda: fwd.pid and
                                self.slot(slot, "active_pid"), "the stream")
            arrived = self.await_events(fwd, topics, self.records())
            cpu, peak = process_cpu_s(fwd.pid), peak_mb(fwd.pid)
            sender_cpu = thread_cpu_ns(sender) / 1e9
            started = fwd.started
        seen = self.check(topics)
        events = rows_of(self.expected)
        run = dict(
            rate=events / (arrived["last_s"] - started),
            steady=events / (arrived["last_s"] - arrived["first_s"]),
            first_ms=(arrived["first_s"] - started) * 1e3,
            cpu=cpu / events * 1e6, sender_cpu=sender_cpu / events * 1e6,
            peak=peak, bytes=seen["bytes"] / events)
        self.results["backlog", variant].append(run)
        say(f"backlog {name_of(variant)} round {number}: {run['rate']:,.0f} "
            f"events/s, {run['cpu']:.2f} us CPU/event, {peak:.1f} MB")

    def run_outage(self, variant, directory):
        """Stops the broker under load.  The stop waits for nothing of the
        forwarder's, so the broker's queue holds what it had in flight."""
        with self.forwarder(variant, directory) as (fwd, slot, topics):
            self.await_events(fwd, topics, self.records() // 3)
            self.broker("stop")
            sent = (f"SELECT sent_lsn FROM pg_stat_replication JOIN "
                    f"pg_replication_slots ON pid = active_pid WHERE "
                    f"slot_name = '{slot}'")
            last, since = None, time.monotonic()
            deadline = since + TIMEOUT_S
            while time.monotonic() - since < STALL_S:
                if time.monotonic() > deadline:
                    fwd.fail("reads on without end while the broker is gone")
                time.sleep(0.2)
                now = self.cluster.sql(sent)
                if now != last:
                    last, since = now, time.monotonic()
            peak = peak_mb(fwd.pid)
            self.broker("restart")
            self.await_events(fwd, topics, self.records())
            end_peak = peak_mb(fwd.pid)
        seen = self.check(topics, may_repeat=True)
        repeats = (seen["inserts"] + seen["updates"] + seen["deletes"]
                   - rows_of(self.expected))
        self.results["outage", variant].append(
            dict(peak=peak, end_peak=end_peak, repeats=repeats))
        say(f"outage {name_of(variant)}: {peak:.1f} MB, {end_peak:.1f} MB when "
            f"caught up, {repeats} repeats")

    def run_latency(self, variant, directory):
        with self.forwarder(variant, directory, False) as (fwd, slot,
                                                             topics):
            wait_until(lambda: fwd.pid and self.slot(slot, "active_pid"),
                       "the stream")
            run = self.line("latency", self.broker.address,
                            self.cluster.conninfo(), self.samples, 60,
                            topics[0])
        self.results["latency", variant].append(run)
        say(f"latency {name_of(variant)}: p50 {run['p50_us']:.0f} us, "
            f"p99 {run['p99_us']:.0f} us")

    def report(self):
        text = ["# The whole line", "",
                f"- date: {self.started:%Y-%m-%d %H:%M} UTC",
                f"- commit: {commit('forwarder')}",
                f"- PostgreSQL {self.server}; Apache Kafka "
                f"{os.environ.get('KAFKA_VERSION') or '4.3.1'}, one broker, "
                f"{self.partitions} partitions a topic; "
                f"{platform.platform()}",
                f"- machine: {os.cpu_count()} x {cpu_model()}, shared by "
                "PostgreSQL, forwarder, broker and this benchmark; load "
                f"average {self.load[0]:.2f} before the run",
                f"- scale {self.scale:g}, {self.rounds} rounds",
                "- settings: fsync=off, synchronous_commit=on; the "
                "forwarder's own defaults", ""]
        if "backlog" in self.parts:
            text += self.report_backlog()
        if "outage" in self.parts:
            text += self.report_outage()
        if "latency" in self.parts:
            text += self.report_latency()
        return "\n".join(text)

    def report_backlog(self):
        events = rows_of(self.expected)
        lines = [f"## Backlog of {events:,} changes in transactions of ten",
                 "",
                 "Median (least to greatest) of the rounds; from the "
                 "forwarder's start until the broker holds the last event. "
                 "Peak memory is VmHWM, its greatest.", "",
                 "| PostgreSQL over | events/s | forwarder CPU µs/event "
                 "| walsender CPU µs/event | bytes/event | first event, ms "
                 "| peak memory, MB | ceiling, MB |",
                 "|---|---|---|---|---|---|---|---|"]
        for variant in self.variants:
            runs = self.results["backlog", variant]

            def cell(key, form, runs=runs):
                values = [r[key] for r in runs]
                middle = statistics.median(values)
                return (f"{middle:{form}} ({min(values):{form}}–"
                        f"{max(values):{form}})")
            lines.append(
                f"| {name_of(variant)} | {cell('rate', ',.0f')} "
                f"| {cell('cpu', '.2f')} | {cell('sender_cpu', '.2f')} "
                f"| {statistics.median(r['bytes'] for r in runs):.0f} "
                f"| {cell('first_ms', '.0f')} "
                + peak_cells(max(r["peak"] for r in runs), variant[0]))
        for transport in self.transports:
            if len(self.modes) == 2:
                lines += ["", f"Exactly once against at least once, {transport}"
                          f", round by round: {self.ratio('rate', transport)}"
                          "; counted from the first event on, without the "
                          f"start: {self.ratio('steady', transport)}."]
        return lines + [""]

    def ratio(self, key, transport):
        """Exactly once against at least once, of the same round."""
        ratios = [once[key] / least[key] for least, once in
                  zip(self.results["backlog", (transport, "least")],
                      self.results["backlog", (transport, "once")])]
        return (f"{statistics.median(ratios):.2f} "
                f"({min(ratios):.2f}–{max(ratios):.2f})")

    def report_outage(self):
        lines = ["## Broker stopped under load", "",
                 f"Peak memory after {STALL_S} s without progress; then the "
                 "broker was started again and everything arrived.", "",
                 "| PostgreSQL over | peak memory, MB | ceiling, MB "
                 "| peak when caught up, MB | repeated events |",
                 "|---|---|---|---|---|"]
        for variant in self.variants:
            for run in self.results["outage", variant]:
                lines.append(
                    f"| {name_of(variant)} "
                    + peak_cells(run["peak"], variant[0])
                    + f" {run['end_peak']:.1f} | {run['repeats']} |")
        return lines + [""]

    def report_latency(self):
        lines = ["## Commit to a reader of the topic, one row at a time", "",
                 "From COMMIT's return until a consumer has the event: the "
                 "acknowledgement and a fetch. Microseconds.", "",
                 "| PostgreSQL over | samples | p50 | p95 | p99 | max |",
                 "|---|---|---|---|---|---|"]
        for variant in self.variants:
            for run in self.results["latency", variant]:
                lines.append(
                    f"| {name_of(variant)} | {run['samples']} | {run['p50_us']:.0f} "
                    f"| {run['p95_us']:.0f} | {run['p99_us']:.0f} "
                    f"| {run['max_us']:.0f} |")
        return lines + [""]


def name_of(variant):
    transport, mode = variant
    return transport + (", exactly once" if mode == "once" else "")


def peak_cells(peak, transport):
    met = "met" if peak <= CEILINGS[transport] else "**missed**"
    return f"| {peak:.1f} {met} | ≤ {CEILINGS[transport]} |"


def main():
    stop_on_signals()
    line = Line(sys.argv[1])
    line.run_all()
    text = line.report()
    directory = f"{REPO}/bench/results" if line.is_full() else line.out
    path = f"{directory}/line-{line.server.split('.', maxsplit=1)[0]}.md"
    os.makedirs(directory, exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    print(text)
    say(f"written to {os.path.relpath(path, REPO)}"
        + ("" if line.is_full() else ", not a full run"))


if __name__ == "__main__":
    main()
