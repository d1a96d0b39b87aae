#!/usr/bin/env python3
"""Debezium's PostgreSQL connector and walferry on one database.

    run.py [CASE ...]                  started by run.sh
    run.py --record-events             and write recorded/CASE.jsonl.xz
    run.py --recorded [CASE ...]       without Debezium, with those

Each case of a workload (cases.py) has a connector and a forwarder, with slots
of their own and the same topic.prefix: Debezium writes to one broker, walferry
to another, so that nothing in the events has to differ for that.  The workload
runs once for all of them.  Then the topics are read and compared.

Debezium's events of some cases are recorded, with which walferry's can be
compared where there is no Debezium.
"""
import datetime
import hashlib
import os
import pathlib
import platform
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "fault"))

import cluster                                              # noqa: E402
import compare                                              # noqa: E402
import connect                                              # noqa: E402
import events                                               # noqa: E402
import recorded                                             # noqa: E402
from cases import CASES, NAMING, WORKLOADS                  # noqa: E402
from columns import Columns                                 # noqa: E402
from forwarder import Forwarder                             # noqa: E402
from kafka import Broker                                    # noqa: E402
from kafka_log import READ_COMMITTED, KafkaError            # noqa: E402
from tools import HarnessError, wait_until                  # noqa: E402

KEEP = pathlib.Path(os.environ["DEBEZIUM_KEEP"])

# Of a table that Debezium has to see.
BARRIER = "barrier"

# How long one side may take to deliver what stands before a barrier.
PATIENCE = 180

# Connectors in one worker.
AT_ONCE = 8

RECORDED = HERE / "recorded"


def delimiter(case):
    return case.both.get("topic.delimiter", ".")


def name_of_topic(case, schema, table):
    """As both sides name it: what Kafka does not allow becomes "_"."""
    for name, named in NAMING.items():
        if case.name == f"naming-{name.lower()}":
            return named(case, schema, table)
    return re.sub(r"[^A-Za-z0-9._-]", "_",
                  delimiter(case).join((case.name, schema, table)))


def common(case):
    """Properties of both sides."""
    found = {"topic.creation.default.partitions": 3,
             "topic.creation.default.replication.factor": 1,
             "key.converter.schemas.enable": "false",
             "value.converter.schemas.enable": "false",
             **case.both}
    if case.tables:
        found["table.include.list"] = f"public\\.{BARRIER},{case.tables}"
    return found


def settings(case, database, pg, broker):
    """Of walferry."""
    word = case.name.replace("-", "_")
    config = {
        "database.hostname": "127.0.0.1",
        "database.port": pg.port,
        "database.user": cluster.ROLE,
        "database.dbname": database,
        "slot.name": f"walferry_{word}",
        "topic.prefix": case.name,
        "bootstrap.servers": broker.address,
        "status.update.interval.ms": 500,
        **({} if case.mode == compare.MODES[0]
           else {"compatibility": case.mode}),
        **common(case), **case.walferry}
    return {name: str(value).replace("\\", "\\\\")
            for name, value in config.items()}


def refusal(case, pg, broker):
    """What walferry says if it has not got what the case is about."""
    path = pathlib.Path(os.environ["TMPDIR"]) / "validate.properties"
    path.write_text("".join(
        f"{name}={value}\n"
        for name, value in settings(case, "d", pg, broker).items()))
    done = subprocess.run(
        [os.environ["WALFERRY_BIN"], "validate", "--config", path],
        text=True, capture_output=True, stdin=subprocess.DEVNULL,
        env={name: value for name, value in os.environ.items()
             if not name.startswith("WALFERRY_")})
    if done.returncode == 0:
        return None
    said = re.sub(r"\S*validate\.properties:\d+: ", "",
                  " ".join(done.stderr.split()).removeprefix("walferry: "))
    return said or f"exit code {done.returncode}"


class Side:
    """Of a case: where its events arrive, and whether it still runs."""

    def __init__(self, what, case, broker, failure):
        self.what, self.case, self.broker = what, case, broker
        self.failure = failure      # why it ended, or None
        self.failed = None

    def has_barrier(self, n):
        """Is barrier n in the topic?"""
        topic = name_of_topic(self.case, "public", BARRIER)
        client = self.broker.client()
        try:
            return any(
                f'"n":{n},'.encode() in (r.value or b"")
                for number in client.topics().get(topic, {})
                for r in client.records(topic, number, READ_COMMITTED))
        except KafkaError:
            return False
        finally:
            client.close()

    def look(self, n):
        """Barrier n has arrived, or never will."""
        if self.failed is None:
            self.failed = self.failure()
        return self.failed is not None or self.has_barrier(n)


class Run:
    """Some cases of one workload."""

    def __init__(self, number, workload, cases, pg, brokers):
        self.workload, self.cases, self.pg = workload, cases, pg
        self.brokers = brokers
        self.walferry_broker = brokers["walferry"]
        self.directory = KEEP / f"run{number}"
        self.directory.mkdir()
        self.database = f"run{number}"
        self.columns = Columns()
        self.barriers = 0
        self.tables, self.topics = set(), set()

    def sql(self, text):
        return self.pg.sql(self.database, text)

    # Starting.

    def start(self):
        self.pg.sql("postgres", f"CREATE DATABASE {self.database}")
        self.sql(f"CREATE TABLE {BARRIER} (n int PRIMARY KEY, "
                 "at text NOT NULL)")
        self.psql("before.sql",
                  (HERE / "workload" / "before.sql").read_text())
        self._make_topics()
        self.forwarders, self.sides = {}, []
        self._start_debezium()
        for case in self.cases:
            forwarder = self._forwarder(case, case.name.replace("-", "_"))
            self.forwarders[case.name] = forwarder
            forwarder.start()
            self.sides.append(Side(
                "walferry", case, self.walferry_broker,
                lambda f=forwarder: _ended(f)))
        # A slot has what comes from now on, whoever reads it later.
        wait_until("slots", self._slots_there, PATIENCE)

    def _start_debezium(self):
        broker = self.brokers["debezium"]
        self.connect = connect.Connect(
            self.directory / "connect", broker.address, {
                case.name: {
                    **connect.properties(
                        self.database, self.pg.port, case.name,
                        f"debezium_{case.name.replace('-', '_')}", case.name),
                    **common(case), **case.debezium}
                for case in self.cases})
        self.connect.start()
        for case in self.cases:
            self.sides.append(Side(
                "Debezium", case, broker,
                lambda name=case.name: self.connect.failure(name)))

    def _stop_debezium(self):
        if hasattr(self, "connect"):
            self.connect.stop()

    def _slots_there(self):
        active = set(self.sql(
            "SELECT slot_name FROM pg_replication_slots WHERE active AND "
            "database = current_database()").split())
        for side in self.sides:
            word = side.case.name.replace("-", "_")
            if f"{side.what.lower()}_{word}" not in active:
                side.failed = side.failed or side.failure()
                if not side.failed:
                    return False
        return True

    def _forwarder(self, case, word):
        return Forwarder(
            os.environ["WALFERRY_BIN"], self.directory / case.name,
            settings(case, self.database, self.pg, self.walferry_broker))

    # The workload.

    def _make_topics(self):
        """Made beforehand, because Connect takes its time for each.  Tables
        of types have one partition: they are many."""
        self.columns.learn(self.sql)
        for table in sorted(set(self.columns.tables) - self.tables):
            self.tables.add(table)
            partitions = 1 if table.startswith("types.") else 3
            for case in self.cases:
                if case.tables and table != f"public.{BARRIER}" and \
                        not re.fullmatch(case.tables, table):
                    continue
                topic = name_of_topic(case, *table.split(".", 1))
                if topic in self.topics:
                    continue        # of several tables
                self.topics.add(topic)
                for broker in self.brokers.values():
                    client = broker.client()
                    client.create_topic(topic, partitions)
                    client.close()

    def barrier(self, where):
        """Wait until all have everything up to here."""
        self.barriers += 1
        self.sql(f"INSERT INTO {BARRIER} VALUES ({self.barriers}, '{where}')")
        wait_until(
            f"barrier {self.barriers} ({where})",
            lambda: all([s.look(self.barriers) for s in self.sides]),
            PATIENCE)
        self._make_topics()

    def work(self):
        self.barrier("begin")
        for name in WORKLOADS[self.workload]:
            text = (HERE / "workload" / f"{name}.sql").read_text()
            for number, step in enumerate(
                    re.split(r"(?m)^-- wait$", text), 1):
                self.psql(f"{name}.sql, step {number}", step)
                self.barrier(f"{name} {number}")

    def psql(self, what, text):
        done = subprocess.run(
            ["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-d",
             self.database], input=text, text=True, timeout=300,
            env=self.pg.environment, stderr=subprocess.PIPE)
        if done.returncode:
            raise HarnessError(f"{what}:\n{done.stderr}")

    def stop(self):
        for forwarder in self.forwarders.values():
            forwarder.stop()
        self._stop_debezium()

    def destroy(self):
        for forwarder in getattr(self, "forwarders", {}).values():
            forwarder.destroy()
        self._stop_debezium()
        self.pg.drop_slots(self.database)
        self.pg.drop_database(self.database)

    # The result.

    def judge(self, case, differences):
        """(compared events, compared values, unexplained, remark)"""
        directory = self.directory / case.name
        for side in self.sides:
            if side.case is case and side.failed:
                (directory / f"{side.what}.failed").write_text(side.failed)
                return 0, 0, 1, f"{side.what}: " + \
                    side.failed.strip().split("\n")[0][:150]
        comparison = self._compare(case)
        with open(directory / "differences.txt", "w") as out:
            count = compare.report(comparison, differences, case.mode, out)
        return comparison.pairs, comparison.compared, count, \
            f"see {self.directory.name}/{case.name}/differences.txt" \
            if count else ""

    def _compare(self, case):
        return compare.Comparison(self.events(case, "debezium"),
                                  self.events(case, "walferry"),
                                  self.columns)

    def events(self, case, side):
        """What a side has written; keeps a file of it, too."""
        # Where walferry keeps its position; Connect has a file for that.
        word = case.name.replace("-", "_")
        own = f"{case.name}.walferry_{word}.offsets"
        ours = re.compile(r"(__debezium-heartbeat\W)?"
                          + re.escape(case.name) + r"[^A-Za-z0-9-].*")
        client = self.brokers[side].client()
        found = events.read(
            client, lambda topic: ours.fullmatch(topic) and topic != own)
        client.close()
        events.save(self.directory / case.name / f"{side}.jsonl.gz",
                    {"columns": self.columns.tables, "case": case.name},
                    found)
        return found


class RecordingRun(Run):
    """One whose Debezium's events are kept."""

    def _compare(self, case):
        events.save(
            KEEP / "recorded" / f"{case.name}.jsonl.xz",
            {"columns": self.columns.tables, "case": case.name,
             "recorded": versions(self.pg), "of": subject(case)},
            recorded.keep(self.events(case, "debezium"), **kept(case)))
        return super()._compare(case)


class RunAlone(Run):
    """One without Debezium."""

    def _start_debezium(self):
        pass

    def _stop_debezium(self):
        pass


class RecordedRun(RunAlone):
    """For Debezium, its recorded events stand."""

    def _compare(self, case):
        head, debezium = events.load(RECORDED / f"{case.name}.jsonl.xz")
        if head["of"] != subject(case):
            raise HarnessError(
                f"{case.name}: the workload or the case is another one than "
                "was recorded: test/debezium/run.sh --record-events")
        return compare.Comparison(
            debezium,
            recorded.keep(self.events(case, "walferry"), **kept(case)),
            self.columns, recorded.translate)


def kept(case):
    """Which of a case's events are recorded."""
    return {"prefix": case.name + delimiter(case), "tables": case.recorded}


def subject(case):
    """What a record is of."""
    return {"keep": kept(case),
            "properties": {**common(case), **case.debezium},
            "workload": {
                name: hashlib.sha256(
                    (HERE / "workload" / f"{name}.sql").read_bytes())
                .hexdigest() for name in ("before", *WORKLOADS[case.workload])}}


def _ended(forwarder):
    if forwarder.supervisor.is_alive():
        return None
    lines = [line for line in forwarder.log_text().split("\n") if line]
    return f"exit codes {[c for c, _ in forwarder.exits]}: " + \
        " | ".join(lines[-3:])


def versions(pg):
    """Of all that takes part."""
    jars = sorted(p.name for p in pathlib.Path(
        os.environ["DEBEZIUM_PLUGINS"]).glob("debezium/*.jar"))
    debezium = next(re.fullmatch("debezium-connector-postgres-(.*).jar", j)
                    for j in jars if "connector-postgres" in j).group(1)
    kafka = pathlib.Path(os.environ["DEBEZIUM_JARS"]).name.split("-", 1)[1]
    java = subprocess.run(["java", "-version"], text=True, check=True,
                          capture_output=True).stderr.split('"')[1]
    return {"walferry": os.environ.get("WALFERRY_COMMIT") or "unknown",
            "Debezium": debezium,
            "Kafka and Kafka Connect": kafka, "Java": java,
            "PostgreSQL": pg.sql("postgres", "SHOW server_version"),
            "machine": f"{platform.machine()}, {os.cpu_count()} processors"}


def table(rows):
    """The result, as Markdown that a terminal can show."""
    head = ["case", "compatibility", "events", "values", "unexplained", ""]
    width = [max(len(str(r[i])) for r in (head, *rows))
             for i in range(len(head))]
    return "\n".join("| " + " | ".join(
        str(v).ljust(w) for v, w in zip(r, width)) + " |" for r in (
            head, ["-" * w for w in width], *rows)) + "\n"


def carry_out(cases, pg, brokers, differences, kind=Run):
    """A row of the table for each.  kind of run."""
    rows, number = {}, 0
    for case in cases:
        refused = refusal(case, pg, brokers["walferry"])
        if refused:
            rows[case] = [case.name, case.mode, "-", "-",
                          "not built" if case.waits else 1, refused[:120]]
    for workload in WORKLOADS:
        chosen = [c for c in cases if c.workload == workload and c not in
                  rows.keys()]
        for at in range(0, len(chosen), AT_ONCE):
            number += 1
            run = kind(number, workload, chosen[at:at + AT_ONCE], pg, brokers)
            try:
                run.start()
                run.work()
                run.stop()
                for case in run.cases:
                    rows[case] = [case.name, case.mode,
                                  *run.judge(case, differences)]
                    print(f"{case.name}: {rows[case][4]} unexplained "
                          f"{rows[case][5]}")
            finally:
                run.destroy()
    return [rows[c] for c in cases]


KINDS = {"--record-events": RecordingRun, "--recorded": RecordedRun}


def main(arguments):
    kind = Run
    if arguments and arguments[0] in KINDS:
        kind = KINDS[arguments.pop(0)]
    unknown = set(arguments) - {c.name for c in CASES}
    if unknown:
        raise HarnessError(f"no such cases: {' '.join(sorted(unknown))}")
    cases = [c for c in CASES if (not arguments or c.name in arguments)
             and (kind is Run or c.recorded)]
    (KEEP / "recorded").mkdir()
    differences = compare.Differences()
    tmp = pathlib.Path(os.environ["TMPDIR"])
    pg = cluster.Cluster(tmp / "pg", [
        "wal_sender_timeout = 60s", "max_replication_slots = 40",
        "max_wal_senders = 40", "max_connections = 120"])
    brokers = {}
    begun = time.monotonic()
    try:
        pg.start()
        pg.setup()
        pg.sql("postgres", f"ALTER ROLE {cluster.ROLE} SUPERUSER")
        for name in ("debezium", "walferry")[kind is RecordedRun:]:
            brokers[name] = Broker(tmp / f"broker-{name}")
            brokers[name].start()
        rows = carry_out(cases, pg, brokers, differences, kind)
        found = {} if kind is RecordedRun else versions(pg)
    finally:
        for broker in brokers.values():
            broker.destroy()
        pg.destroy()
    # Few cases do not need all that may differ.
    return conclude(rows, differences, found, begun,
                    whole=kind is Run and not arguments)


def conclude(rows, differences, found, begun, whole):
    """Prints the result, and writes it to files; is there a failure?"""
    modes = sorted({r[1] for r in rows if r[4] != "not built"},
                   key=compare.MODES.index)
    passed = sum(r[4] == 0 for r in rows)
    waiting = sum(r[4] == "not built" for r in rows)
    failed = len(rows) - passed - waiting
    unused = [f"excuses nothing in mode {mode}: {entry['field']}, "
              f"{entry['type'] or 'any type'}, {entry['rule']}"
              for entry, mode in differences.unused(modes)]
    print(table(rows))
    compare.summary(differences, modes, sys.stdout)
    for line in unused:
        print(f"{'FAILED' if whole else 'unused here'}: {line}")
    if whole:
        failed += len(unused)
    with open(KEEP / "RESULTS.md", "w") as out:
        out.write("# Debezium and walferry, value for value\n\n"
                  "What `make test-debezium` last found, as "
                  "`test/debezium/run.sh --record` wrote it.\n\n")
        out.write(f"- date: {datetime.date.today()}\n")
        for name, value in found.items():
            out.write(f"- {name}: {value}\n")
        out.write(f"- duration: {time.monotonic() - begun:.0f} s\n\n")
        out.write(table(rows))
        out.write(f"\n{passed} passed, {failed} failed, {waiting} not "
                  "built.\n\n## What was excused\n\n```\n")
        compare.summary(differences, modes, out)
        out.write("```\n")
    (KEEP / "counts").write_text(f"{passed} {failed} {waiting}\n")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
