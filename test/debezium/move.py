#!/usr/bin/env python3
"""Moving from Debezium to walferry and back, under load.

    move.py      started by run.sh --move

A program writes all the time.  Debezium's connector is stopped, its slot
copied for walferry, walferry started with the same topic.prefix on the same
Kafka; some time later it goes the other way.  It is done with the commands of
"Moving over" in docs/debezium.md, and with no others.

Then each key's events must be all of its changes, in their order, in one
partition.  What came more than once is counted, and must be what a reader can
drop by source.lsn.
"""
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "fault"))

import cluster                                              # noqa: E402
import connect                                              # noqa: E402
import events                                               # noqa: E402
import moved                                                # noqa: E402
from forwarder import Forwarder                             # noqa: E402
from kafka import Broker                                    # noqa: E402
from tools import HarnessError, wait_until                  # noqa: E402

KEEP = pathlib.Path(os.environ["DEBEZIUM_KEEP"])
DOCUMENT = HERE.parent.parent / "docs" / "debezium.md"

DATABASE = "shop"
CONNECTOR = "shop-connector"
TABLES = ("public.accounts", "public.log")
KEYS = 40
PLAIN = {"key.converter.schemas.enable": "false",
         "value.converter.schemas.enable": "false"}
# How long each phase writes, at least.
SECONDS = 5
PATIENCE = 120

# As in the document.
COPY = "SELECT pg_copy_logical_replication_slot(" \
    "'debezium', 'walferry', false, 'walferry');"
DROP = "SELECT pg_drop_replication_slot('debezium');"
COPY_BACK = "SELECT pg_copy_logical_replication_slot(" \
    "'walferry', 'debezium', false, 'pgoutput');"
DROP_BACK = "SELECT pg_drop_replication_slot('walferry');"
FREE = "SELECT active FROM pg_replication_slots WHERE slot_name = 'debezium';"
STOP = ("PUT", f"/connectors/{CONNECTOR}/stop")
FORGET = ("DELETE", f"/connectors/{CONNECTOR}/offsets")
RESUME = ("PUT", f"/connectors/{CONNECTOR}/resume")


def check_document():
    """All that is done here is what a user is told to do."""
    text = DOCUMENT.read_text()
    for command in (COPY, DROP, COPY_BACK, DROP_BACK, FREE, *(
            f"-X {verb} http://localhost:8083{path}"
            for verb, path in (STOP, FORGET, RESUME))):
        if command not in text:
            raise HarnessError(f"docs/debezium.md lacks: {command}")


class Writer(threading.Thread):
    """Changes rows in transactions of several.  Of each key n counts the
    changes, so that the row tells which one an event is of."""

    def __init__(self, pg, seed):
        super().__init__(daemon=True)
        self.pg, self.random = pg, random.Random(seed)
        self.going = threading.Event()
        self.going.set()
        self.changes = {key: [] for key in range(KEYS)}     # of accounts
        self.lines = 0                                      # of log
        self.transactions = 0
        self.error = None

    def run(self):
        try:
            with_session(self.pg, self._work)
        except Exception as error:                # said by the main thread
            self.error = error

    def _work(self, session):
        there = set()
        while self.going.is_set():
            keys = self.random.sample(range(KEYS), self.random.randint(1, 4))
            text = ["BEGIN;"]
            for key in keys:
                n = len(self.changes[key]) + 1
                if key not in there:
                    op = "c"
                    text.append(f"INSERT INTO accounts VALUES ({key}, {n});")
                    there.add(key)
                elif self.random.random() < 0.2:
                    op = "d"
                    text.append(f"DELETE FROM accounts WHERE id = {key};")
                    there.remove(key)
                else:
                    op = "u"
                    text.append(
                        f"UPDATE accounts SET n = {n} WHERE id = {key};")
                self.changes[key].append((op, None if op == "d" else n))
            self.lines += 1
            text.append(f"INSERT INTO log VALUES ({self.lines}, 'x');")
            session.run("\n".join([*text, "COMMIT;"]))
            self.transactions += 1
            time.sleep(0.003)

    def wait(self):
        """A phase's time, in which it writes."""
        before = self.transactions
        deadline = time.monotonic() + SECONDS
        wait_until("the writer", lambda: self.error or (
            time.monotonic() > deadline and self.transactions > before + 100),
            PATIENCE)
        if self.error:
            raise self.error

    def end(self):
        self.going.clear()
        self.join(30)
        if self.error:
            raise self.error


def with_session(pg, work):
    session = pg.session(DATABASE, KEEP / "writer.log")
    try:
        work(session)
    finally:
        session.close()


class Move:

    def __init__(self, pg, broker):
        self.pg, self.broker = pg, broker
        self.sql("CREATE TABLE accounts (id int PRIMARY KEY, n int NOT NULL)")
        self.sql("CREATE TABLE log (line int PRIMARY KEY, t text)")
        client = broker.client()
        for table in TABLES:
            client.create_topic(f"shop.{table}", 3)
        client.close()
        self.writer = Writer(pg, 7)
        self.open = []          # sessions in a transaction
        self.connect = connect.Connect(KEEP / "connect", broker.address, {
            CONNECTOR: {
                **connect.properties(DATABASE, pg.port, CONNECTOR,
                                     "debezium", "shop"),
                "publication.name": "debezium", **PLAIN}})
        self.forwarder = Forwarder(
            os.environ["WALFERRY_BIN"], KEEP / "walferry", {
                "database.hostname": "127.0.0.1", "database.port": pg.port,
                "database.user": cluster.ROLE, "database.dbname": DATABASE,
                "slot.name": "walferry", "topic.prefix": "shop",
                "bootstrap.servers": broker.address,
                **PLAIN})

    def sql(self, text):
        return self.pg.sql(DATABASE, text)

    def carried(self, version):
        """How many changes somebody of that version has written."""
        return sum(e.value is not None and
                   json.loads(e.value)["source"]["version"] == version
                   for e in self.events())

    def events(self):
        client = self.broker.client()
        try:
            return events.read(client, lambda t: t in {
                f"shop.{table}" for table in TABLES})
        finally:
            client.close()

    def begin(self, line):
        """A transaction that goes on while everything moves."""
        session = self.pg.session(DATABASE, KEEP / "open.log")
        session.run(f"BEGIN; INSERT INTO log VALUES ({line}, 'long');")
        self.open.append(session)

    def commit(self):
        session = self.open.pop()
        session.run("COMMIT;")
        session.close()

    def started(self, version):
        """Someone has the slot, and writes."""
        before = self.carried(version)
        wait_until(f"events of {version}", lambda:
                   self.carried(version) > before, PATIENCE, pause=0.3)

    # The steps of the document.

    def there(self, debezium, walferry):
        """From Debezium to walferry."""
        self.begin(-1)
        self.writer.wait()
        self.connect.ask(*STOP)
        wait_until("the slot to be free", lambda: self.sql(FREE) == "f",
                   PATIENCE)
        self.sql(COPY)
        self.forwarder.start()
        self.started(walferry)
        self.sql(DROP)
        self.commit()

    def back(self, debezium, walferry):
        """From walferry to Debezium."""
        self.begin(-2)
        self.writer.wait()
        code = self.forwarder.stop()
        if code != 0:
            raise HarnessError(f"walferry ended with {code}")
        self.sql(COPY_BACK)
        self.connect.ask(*FORGET)
        self.connect.ask(*RESUME)
        self.started(debezium)
        self.sql(DROP_BACK)
        self.commit()

    def finish(self):
        self.writer.wait()
        self.writer.end()
        self.sql("INSERT INTO log VALUES (0, 'end')")
        wait_until("the last event", lambda: any(
            b'"t":"end"' in (e.value or b"") for e in self.events()),
            PATIENCE, pause=0.3)

    def destroy(self):
        self.writer.going.clear()
        for session in self.open:
            session.close()
        self.forwarder.destroy()
        self.connect.stop()
        self.pg.drop_slots(DATABASE)


def main():
    check_document()
    tmp = pathlib.Path(os.environ["TMPDIR"])
    pg = cluster.Cluster(tmp / "pg", ["wal_sender_timeout = 60s"])
    broker = Broker(tmp / "broker")
    move = None
    try:
        pg.start()
        pg.setup()
        pg.sql("postgres", f"ALTER ROLE {cluster.ROLE} SUPERUSER")
        pg.sql("postgres", f"CREATE DATABASE {DATABASE}")
        broker.start()
        move = Move(pg, broker)
        move.connect.start()
        wait_until("Debezium", lambda: move.sql(
            "SELECT count(*) FROM pg_replication_slots WHERE active") == "1",
            PATIENCE)
        move.writer.start()
        jar = next(pathlib.Path(os.environ["DEBEZIUM_PLUGINS"]).glob(
            "debezium/debezium-connector-postgres-*.jar")).name
        debezium = re.fullmatch("debezium-connector-postgres-(.*).jar",
                                jar).group(1)
        walferry = subprocess.run(
            [os.environ["WALFERRY_BIN"], "version"], text=True, check=True,
            capture_output=True).stdout.split()[1]
        move.started(debezium)
        move.there(debezium, walferry)
        move.back(debezium, walferry)
        move.finish()
        found = move.events()
        wrong, written, repeated = moved.judge(
            found, move.writer.changes, range(-2, move.writer.lines + 1))
        events.save(KEEP / "events.jsonl.gz", {"columns": {}}, found)
    finally:
        if move:
            move.destroy()
        broker.destroy()
        pg.destroy()
    for who in (debezium, walferry):
        print(f"{who}: {written[who]} changes, of which {repeated[who]} had "
              "been there")
    print(f"{move.writer.transactions} transactions, {len(found)} records")
    for line in wrong[:20]:
        print(f"FAILED: {line}")
    if not written[walferry]:
        wrong.append("walferry wrote nothing")
    (KEEP / "counts").write_text(f"{not wrong:d} {bool(wrong):d} 0\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
