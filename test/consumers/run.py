#!/usr/bin/env python3
"""Consumers as they are in use read what walferry writes.

    run.py [CONSUMER ...]      started by run.sh

One PostgreSQL, one Kafka broker.  For what reads records, the workload of
test/debezium runs, with all types; for what makes tables of them, tables.sql.
"""
import collections
import datetime
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
for other in ("fault", "debezium"):
    sys.path.insert(0, str(HERE.parent / other))
# The directory of this file has a module of the same name as theirs.
sys.path = [p for p in sys.path if pathlib.Path(p) != HERE]

import cluster                                              # noqa: E402
import connect                                              # noqa: E402
import events                                               # noqa: E402
import run as beside                                        # noqa: E402
from cases import Case                                      # noqa: E402
from kafka import Broker                                    # noqa: E402
from tools import HarnessError, wait_until                  # noqa: E402

JARS = pathlib.Path(os.environ["JARS"])
KAFKA = pathlib.Path(os.environ["DEBEZIUM_JARS"])
KEEP = beside.KEEP

SCHEMAS = {"key.converter.schemas.enable": "true",
           "value.converter.schemas.enable": "true"}

# For what reads records.
RECORDS = [
    Case("plain"),
    Case("texts", {"time.precision.mode": "iso_local",
                   "decimal.handling.mode": "string",
                   "binary.handling.mode": "hex",
                   "interval.handling.mode": "string",
                   "skipped.operations": "none"}),
    Case("compatible", mode="debezium"),
    Case("schemas", SCHEMAS),
    Case("schemas-compatible", SCHEMAS, mode="debezium"),
    Case("once", tables=r"identity\..*|txn\..*|message\..*",
         walferry={"exactly.once": "true"}),
]

# For what makes tables: as SQL engines take dates and numbers.
SQL = {"time.precision.mode": "iso_local", "decimal.handling.mode": "string",
       "interval.handling.mode": "numeric"}
TABLES = [Case("flink", SQL, r"shop\..*"),
          Case("flink-schemas", {**SQL, **SCHEMAS}, r"shop\..*"),
          Case("jdbc", SCHEMAS, r"shop\..*")]


class Result:
    """passed: (what, remark); failed: the same."""

    def __init__(self):
        self.rows = []
        self.failures = 0

    def add(self, consumer, what, problem, remark=""):
        self.failures += bool(problem)
        self.rows.append((consumer, what, "FAILED" if problem else "passed",
                          remark))
        print(f"{consumer}: {what}: {problem or 'passed'} {remark}",
              flush=True)


def execute(name, words, **more):
    """Runs a consumer; (exit code, output).  Its log is kept."""
    with open(KEEP / f"{name}.log", "wb") as log:
        done = subprocess.run(words, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=log,
                              timeout=900, **more)
    (KEEP / f"{name}.out").write_bytes(done.stdout)
    return done.returncode, done.stdout.decode()


def java(name, jars, program, *arguments, options=()):
    return execute(name, [
        "java", "-Xmx512m", "-XX:+UseSerialGC", "-Dlog4j2.level=WARN",
        *options, "-cp", ":".join(f"{JARS / j}/*" for j in jars),
        HERE / program, *arguments])


def topics_of(found):
    return sorted({e.topic for e in found})


def missing(read, expected):
    """What is wrong with what somebody read; None if it is all there."""
    by_place = {(e.topic, e.partition, e.offset): e for e in read}
    if len(by_place) != len(read):
        return "a record came twice"
    for e in expected:
        other = by_place.pop((e.topic, e.partition, e.offset), None)
        if other is None:
            return f"{e.topic}/{e.partition}@{e.offset} did not come"
        if (e.key, e.value, e.headers) != \
                (other.key, other.value, [tuple(h) for h in other.headers]):
            return f"{e.topic}/{e.partition}@{e.offset} is another one"
    if by_place:
        return f"{next(iter(by_place))} is not there"
    return None


# ------------------------------------------------ what reads records

def converter(result, case, found, address):
    """Kafka Connect's JsonConverter."""
    schemas = case.both.get("value.converter.schemas.enable", "false")
    code, said = java(f"converter-{case.name}", [KAFKA.name], "ReadBack.java",
                      address, schemas, *topics_of(found))
    last = said.strip().split("\n")[-1]
    if code == 0 and last.startswith(f"records {len(found)} "):
        result.add("JsonConverter", case.name, None, last)
    else:
        result.add("JsonConverter", case.name,
                   f"of {len(found)} records:\n{said[-3000:]}")


def confluent(result, case, found, address):
    """confluent-kafka for Python."""
    path = KEEP / f"confluent-{case.name}.jsonl.gz"
    code, _ = execute(
        f"confluent-{case.name}",
        [sys.executable, HERE / "read_confluent.py", address, path,
         *topics_of(found)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(
            [str(JARS / "python"), str(HERE.parent / "debezium")])})
    if code:
        log = (KEEP / f"confluent-{case.name}.log").read_text()
        result.add("confluent-kafka", case.name, log[-2000:])
        return
    head, read = events.load(path)
    result.add("confluent-kafka", case.name, missing(read, found),
               f"{len(read)} records, librdkafka {head['librdkafka']}")


def kcat(result, case, found, address):
    """kcat."""
    read = []
    for topic in topics_of(found):
        code, said = execute("kcat", [
            "kcat", "-C", "-b", address, "-t", topic, "-q", "-e", "-o",
            "beginning", "-J", "-X", "isolation.level=read_committed"])
        if code:
            result.add("kcat", case.name, f"{topic}: exit code {code}")
            return
        # Other characters that end a line may be in it.
        for line in said.rstrip("\n").split("\n"):
            r = json.loads(line)
            h = r.get("headers", [])
            read.append(events.Event(
                r["topic"], r["partition"], r["offset"], _bytes(r["key"]),
                _bytes(r["payload"]),
                list(zip(h[::2], map(_bytes, h[1::2])))))
    result.add("kcat", case.name, missing(read, found),
               f"{len(read)} records")


def _bytes(text):
    return None if text is None else text.encode()


def read_records(result, names, pg, broker):
    cases = built(result, RECORDS, pg, broker)
    r = beside.RunAlone(1, "all", cases, pg, {"walferry": broker})
    try:
        r.start()
        r.work()
        r.stop()
        for case in cases:
            failed = [s.failed for s in r.sides if s.case is case and s.failed]
            if failed:
                result.add("walferry", case.name, failed[0])
                continue
            found = r.events(case, "walferry")
            for name in names:
                if name != "kcat" or case.name in ("plain", "once"):
                    CONSUMERS[name](result, case, found, broker.address)
    finally:
        r.destroy()


# ------------------------------------------------ what makes tables

# What tables hold, spelled as FlinkSql.java spells what Flink has.
ORDERS = """
SELECT json_build_array(id::text, customer::text, priority::text, done::text,
    weight::text, volume::text, total::text, note, code, name,
    reference::text, document::text, encode(raw, 'hex'), day::text,
    to_char(clock, 'HH24:MI:SS.MS'), to_char(placed,
    'YYYY-MM-DD"T"HH24:MI:SS.US'), to_char(changed,
    'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), to_json(tags), state::text,
    (extract(epoch FROM pause) * 1000000)::bigint::text)
FROM shop.orders
"""
ITEMS = """
SELECT json_build_array(amount::text, item, order_id::text, price::text)
FROM shop.items
"""
SUMS = """
SELECT json_build_array(code, count(*)::text, sum(amount)::text,
    sum(price)::text)
FROM shop.orders JOIN shop.items ON order_id = id GROUP BY code
"""
COUNTS = """
SELECT json_build_array('orders', count(*)::text, count(*)::text)
FROM shop.orders
"""

# Columns of orders that are numbers with a point, and those that are times.
_FLOATS, _TIMES, _JSON = (4, 5), (14, 15, 16), (11,)


def _row(values, table):
    """What it means: Java leaves out zeros at the end of times, and writes
    floats in its own way."""
    if table != "orders":
        return json.dumps(values)
    values = list(values)
    for n in _FLOATS:
        values[n] = None if values[n] is None else float(values[n])
    for n in _TIMES:
        if values[n] is not None:
            time, dot, digits = values[n].removesuffix("Z").partition(".")
            if time.count(":") == 1:
                time += ":00"
            values[n] = time, digits.rstrip("0")
    for n in _JSON:
        values[n] = values[n] and json.loads(values[n])
    return json.dumps(values)


def differ(theirs, ours, table):
    """What is wrong with a table; None if it is the same."""
    a = collections.Counter()
    for count, values in theirs:
        a[_row(values, table)] += count
    b = collections.Counter(_row(json.loads(line), table)
                            for line in ours.splitlines())
    if a == b:
        return None
    return f"{sum(((a - b) + (b - a)).values())} rows differ:\n" \
        f"    only there {next(iter(a - b), None)}\n" \
        f"    only in PostgreSQL {next(iter(b - a), None)}"


def flink(result, case, run, broker):
    """Flink SQL with its format debezium-json."""
    text = (HERE / "flink.sql").read_text()
    for name, value in (
            ("BOOTSTRAP", broker.address), ("PREFIX", case.name),
            ("SCHEMAS", case.both.get("value.converter.schemas.enable",
                                      "false"))):
        text = text.replace(name, value)
    script = KEEP / f"{case.name}.sql"
    script.write_text(re.sub(r"(?m)^--.*\n", "", text))
    code, said = java(
        case.name, ["flink"], "FlinkSql.java", script,
        options=[f"--add-opens=java.base/java.{p}=ALL-UNNAMED" for p in (
            "lang", "util", "time", "text", "net", "io", "nio",
            "util.concurrent", "util.concurrent.atomic")])
    tables = re.split(r"(?m)^end (.*)\n", said)
    if code or len(tables) != 9:
        result.add("Flink", case.name, f"exit code {code}: see {case.name}"
                   f".log\n{said[-1000:]}")
        return
    for n, (name, query) in enumerate((
            ("orders", ORDERS), ("items", ITEMS), ("sums", SUMS),
            ("counts", COUNTS))):
        rows = [json.loads(line) for line in tables[2 * n].splitlines()]
        result.add("Flink", f"{case.name}: {name}",
                   differ(rows, run.sql(query), name),
                   f"{len(rows)} rows from changes {tables[2 * n + 1]}")


def jdbc(result, case, run, broker):
    """Debezium's JDBC sink, into another database."""
    run.pg.sql("postgres", "CREATE DATABASE sink")
    worker = connect.Connect(KEEP / "jdbc", broker.address, {"sink": {
        "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
        "topics": f"{case.name}.shop.orders,{case.name}.shop.items",
        "connection.url": f"jdbc:postgresql://127.0.0.1:{run.pg.port}/sink",
        "connection.username": cluster.ROLE,
        "connection.password": cluster.SECRET,
        "insert.mode": "upsert", "delete.enabled": "true",
        "primary.key.mode": "record_key", "schema.evolution": "basic",
        "collection.name.format": "${source.table}",
        # The default takes apart the keys in headers, and the sink stops.
        "header.converter": "org.apache.kafka.connect.storage.StringConverter",
        **{f"{part}.converter": connect.JSON for part in ("key", "value")},
        **SCHEMAS}})
    worker.start()

    def compare():
        return [differ([(1, json.loads(line)) for line in run.pg.sql(
            "sink", query.replace("shop.", "")).splitlines()],
            run.sql(query), name)
            for name, query in (("orders", ORDERS), ("items", ITEMS))]
    try:
        wait_until("the sink's tables", lambda: worker.failure("sink") or
                   run.pg.sql("sink", "SELECT to_regclass('orders') IS NOT "
                              "NULL AND to_regclass('items') IS NOT NULL")
                   == "t", 180)
        # It may take its time, but at the end it must be the same.
        deadline = time.monotonic() + 180
        while any(compare()) and time.monotonic() < deadline and \
                not worker.failure("sink"):
            time.sleep(2)
        failed = worker.failure("sink")
        for name, problem in zip(("orders", "items"),
                                 (failed, failed) if failed else compare()):
            result.add("Debezium's JDBC sink", f"{case.name}: {name}",
                       problem, "upsert and delete")
    finally:
        worker.stop()


def built(result, cases, pg, broker):
    """Those cases that walferry does not refuse."""
    found = []
    for case in cases:
        refused = beside.refusal(case, pg, broker)
        if refused:
            result.add("walferry", case.name, refused)
        else:
            found.append(case)
    return found


def make_tables(result, names, pg, broker):
    cases = built(result, [c for c in TABLES if c.name.split("-")[0] in names],
                  pg, broker)
    r = beside.RunAlone(2, "all", cases, pg, {"walferry": broker})
    try:
        r.start()
        r.barrier("begin")
        for number, step in enumerate(re.split(
                r"(?m)^-- wait$", (HERE / "tables.sql").read_text()), 1):
            r.psql(f"tables.sql, step {number}", step)
            r.barrier(f"tables {number}")
        r.stop()
        for case in cases:
            failed = [s.failed for s in r.sides if s.case is case and s.failed]
            if failed:
                result.add("walferry", case.name, failed[0])
                continue
            CONSUMERS[case.name.split("-")[0]](result, case, r, broker)
    finally:
        r.destroy()


READERS = {"converter": converter, "confluent": confluent, "kcat": kcat}
MAKERS = {"flink": flink, "jdbc": jdbc}
CONSUMERS = {**READERS, **MAKERS}


def versions(pg):
    def jar(directory, name):
        found = [p.name for p in JARS.glob(f"{directory}/{name}-[0-9]*.jar")]
        return re.fullmatch(f"{name}-(.*).jar", found[0]).group(1)

    return {
        "walferry": os.environ.get("WALFERRY_COMMIT") or "unknown",
        "PostgreSQL": pg.sql("postgres", "SHOW server_version"),
        "Kafka, and JsonConverter of Kafka Connect":
            jar(KAFKA.name, "connect-json"),
        "Debezium's JDBC sink": jar("plugins/jdbc",
                                    "debezium-connector-jdbc"),
        "Flink": f"{jar('flink', 'flink-clients')}, its Kafka connector "
                 f"{jar('flink', 'flink-sql-connector-kafka')}",
        "kcat": re.search(r"Version ([^ \n]+)", subprocess.run(
            ["kcat", "-V"], text=True, check=False, capture_output=True)
            .stdout).group(1),
        "Java": subprocess.run(
            ["java", "-version"], text=True, check=True,
            capture_output=True).stderr.split('"')[1],
        "machine": f"{platform.machine()}, {os.cpu_count()} processors"}


def main(names):
    unknown = set(names) - set(CONSUMERS)
    if unknown:
        raise HarnessError(f"no such consumers: {' '.join(sorted(unknown))}; "
                           f"there are {' '.join(CONSUMERS)}")
    result = Result()
    tmp = pathlib.Path(os.environ["TMPDIR"])
    pg = cluster.Cluster(tmp / "pg", ["wal_sender_timeout = 60s"])
    broker = Broker(tmp / "broker")
    begun = time.monotonic()
    try:
        pg.start()
        pg.setup()
        pg.sql("postgres", f"ALTER ROLE {cluster.ROLE} SUPERUSER")
        broker.start()
        for work, these in ((read_records, READERS), (make_tables, MAKERS)):
            wanted = [n for n in these if not names or n in names]
            if wanted:
                work(result, wanted, pg, broker)
        found = versions(pg)
    finally:
        broker.destroy()
        pg.destroy()
    passed = len(result.rows) - result.failures
    with open(KEEP / "RESULTS.md", "w") as out:
        out.write("# Consumers of walferry's topics\n\nWhat `make "
                  "test-consumers` last found, as `test/consumers/run.sh "
                  "--record` wrote it;\n[README.md](README.md) says how.\n\n")
        out.write(f"- date: {datetime.date.today()}\n")
        for name, value in found.items():
            out.write(f"- {name}: {value}\n")
        out.write(f"- duration: {time.monotonic() - begun:.0f} s\n\n"
                  "| consumer | what | | |\n| --- | --- | --- | --- |\n")
        for row in result.rows:
            out.write(f"| {' | '.join(row)} |\n")
        out.write(f"\n{passed} passed, {result.failures} failed.\n")
    (KEEP / "counts").write_text(f"{passed} {result.failures}\n")
    return result.failures != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
