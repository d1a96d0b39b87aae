#!/usr/bin/env python3
"""How much memory forwarder and walsender take for what is hard on memory.

Settings, as environment variables or NAME=VALUE arguments of memory.sh:

    SCALE=1             of the numbers below
    ROWS=10000000       in one transaction
    SUBTRANSACTIONS=1000000     of one transaction
    ROW_MB=500          of one value in one row (not above 900)
    BURST=200000        transactions of one row, which wait for the forwarder
    LIMIT_MB=120        max.request.size where a large row is carried whole
    WORK_MEM=64MB       logical_decoding_work_mem; before PostgreSQL 17, more
                        subtransactions than fit take very long to decode
    MODES="alo eos"     at least once, exactly once
    CASES="rows subtransactions whole stop placeholder burst"
    OUT=                a file that the table is appended to

Each case has a forwarder and a slot of its own, against a real broker.  What
is reported is the most that the kernel has counted (VmHWM) of the forwarder,
and of the walsender the largest sample of RssAnon, its own memory: its VmHWM
counts shared buffers too.
"""
import glob
import os
import signal
import subprocess
import sys
import tempfile
import time

import cluster

SETTINGS = {"SCALE": "1", "ROWS": "10000000", "SUBTRANSACTIONS": "1000000",
            "ROW_MB": "500", "BURST": "200000", "LIMIT_MB": "120",
            "WORK_MEM": "64MB", "MODES": "alo eos",
            "CASES": "rows subtransactions whole stop placeholder burst",
            "OUT": ""}
QUEUE_MB = 64
TIMEOUT_S = 3600


def setting(name):
    return os.environ.get(name, SETTINGS[name])


def number(name):
    return max(1, int(float(setting(name)) * float(setting("SCALE"))))


def status(pid, field):
    """A line of /proc/PID/status in MB; 0 if the process is gone."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            for line in f:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0


class Broker:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="walferry-bench-kafka.")
        self.script = f"{cluster.REPO}/test/kafka/broker.sh"

    def run(self, command, *args):
        return subprocess.run([self.script, command, self.dir, *args],
                              check=True, text=True,
                              stdout=subprocess.PIPE).stdout.strip()

    def __enter__(self):
        self.run("start", "--set", "socket.request.max.bytes=1000000000",
                 "--set", "message.max.bytes=1000000000")
        self.address = self.run("address")
        return self

    def __exit__(self, *_):
        self.run("kill")
        subprocess.run(["rm", "-rf", self.dir], check=False)


class Forwarder:
    """One with a slot of its own, and what it and its walsender took."""

    def __init__(self, pg, broker, mode, case, config):
        self.pg = pg
        self.slot = f"{case}_{mode}"
        self.dir = tempfile.mkdtemp(prefix="walferry-bench-forwarder.")
        self.walsender = 0
        self.peak = self.walsender_peak = 0
        lines = {"database.hostname": pg.dir, "database.port": pg.port,
                 "database.user": "postgres", "database.dbname": "postgres",
                 "bootstrap.servers": broker.address,
                 "slot.name": self.slot, "topic.prefix": self.slot,
                 "snapshot.mode": "no_data",
                 "topic.creation.default.partitions": 3,
                 "topic.creation.default.replication.factor": 1,
                 "topic.creation.default.retention.bytes": 100000000,
                 "topic.creation.default.segment.bytes": 100000000,
                 "producer.override.compression.type": "lz4",
                 "exactly.once": "true" if mode == "eos" else "false",
                 **config}
        with open(f"{self.dir}/walferry.properties", "w",
                  encoding="ascii") as f:
            f.writelines(f"{k}={v}\n" for k, v in lines.items())
        self.process = None

    def start(self):
        binary = f"{cluster.REPO}/build/forwarder/walferry"
        with open(f"{self.dir}/log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [binary, "run", "--config", f"{self.dir}/walferry.properties"],
                stdout=log, stderr=log)
        self.until("it streams", lambda: self.find_walsender() != 0)

    def find_walsender(self):
        rows = self.pg.sql("SELECT active_pid FROM pg_replication_slots WHERE "
                           f"slot_name = '{self.slot}' AND active")
        self.walsender = int(rows[0]) if rows and rows[0] else 0
        return self.walsender

    def look(self):
        self.peak = max(self.peak, status(self.process.pid, "VmHWM"))
        self.walsender_peak = max(self.walsender_peak,
                                  status(self.walsender, "RssAnon"))

    def until(self, what, fact):
        end = time.monotonic() + TIMEOUT_S
        while not fact():
            self.look()
            if time.monotonic() > end or self.process.poll() not in (None, 4):
                with open(f"{self.dir}/log", encoding="utf-8") as log:
                    cluster.die(f"waiting until {what}:\n{log.read()}")
            time.sleep(0.05)
        self.look()

    def confirmed(self):
        lsn = self.pg.sql("SELECT pg_current_wal_insert_lsn()")[0]
        self.until("all is confirmed", lambda: self.pg.sql(
            f"SELECT confirmed_flush_lsn >= '{lsn}' FROM pg_replication_slots "
            f"WHERE slot_name = '{self.slot}'") == ["t"])

    def refused(self):
        self.until("it has stopped", lambda: self.process.poll() == 4)

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()
        self.until("the slot is free", lambda: self.pg.sql(
            "SELECT count(*) FROM pg_replication_slots WHERE active") == ["0"])
        self.pg.sql(f"SELECT pg_drop_replication_slot('{self.slot}')")
        subprocess.run(["rm", "-rf", self.dir], check=False)


def large_row(pg, megabytes):
    pg.sql("INSERT INTO large VALUES (1, repeat('x', "
           f"{megabytes * 1000000}), 'behind it')")
    pg.sql("TRUNCATE large")


def run_rows(pg, fw):
    n = number("ROWS")
    pg.sql(f"INSERT INTO t SELECT i, i % 1000, 'row no. ' || i "
           f"FROM generate_series(1, {n}) i")
    fw.confirmed()
    return f"one transaction of {n:,} rows"


def run_subtransactions(pg, fw):
    n = number("SUBTRANSACTIONS")
    pg.sql(f"DO $$ BEGIN FOR i IN 1..{n} LOOP BEGIN "
           "INSERT INTO t VALUES (i, 0, 'x'); "
           "EXCEPTION WHEN division_by_zero THEN END; END LOOP; END $$")
    fw.confirmed()
    return f"one transaction of {n:,} subtransactions"


def run_whole(pg, fw):
    # what becomes of it, too, has to be below the limit
    megabytes = min(number("ROW_MB"), int(setting("LIMIT_MB")) * 9 // 10)
    large_row(pg, megabytes)
    fw.confirmed()
    return (f"a row of {megabytes} MB, carried whole "
            f"(max.request.size {setting('LIMIT_MB')} MB)")


def run_stop(pg, fw):
    large_row(pg, number("ROW_MB"))
    fw.refused()
    return f"a row of {number('ROW_MB')} MB, walferry.too.large=stop"


def run_placeholder(pg, fw):
    large_row(pg, number("ROW_MB"))
    fw.confirmed()
    return f"a row of {number('ROW_MB')} MB, walferry.too.large=placeholder"


def run_burst(pg, fw):
    n = number("BURST")
    fw.process.send_signal(signal.SIGSTOP)
    try:
        pg.sql(f"DO $$ BEGIN FOR i IN 1..{n} LOOP "
               "INSERT INTO t VALUES (i, 0, 'x'); COMMIT; END LOOP; END $$")
    finally:
        fw.process.send_signal(signal.SIGCONT)
    fw.confirmed()
    return f"{n:,} transactions of one row at once"


def largest_mb(case):
    """The largest event that the case's forwarder is configured to send."""
    return int(setting("LIMIT_MB")) if case == "whole" else 1.048576


def measure(pg, broker, mode, case):
    config = {"whole": {
        "producer.override.max.request.size":
            int(setting("LIMIT_MB")) * 1000000,
        "topic.creation.default.max.message.bytes":
            int(setting("LIMIT_MB")) * 1000000},
        "placeholder": {"walferry.too.large": "placeholder"}}.get(case, {})
    pg.sql("TRUNCATE t")
    fw = Forwarder(pg, broker, mode, case, config)
    fw.start()
    began = time.monotonic()
    what = globals()[f"run_{case}"](pg, fw)
    took = time.monotonic() - began
    bound = QUEUE_MB + 2 * largest_mb(case) * 1000000 / 1048576
    row = (f"| {what} | {'exactly' if mode == 'eos' else 'at least'} once | "
           f"{fw.peak:.1f} | {bound:.0f} | {fw.walsender_peak:.1f} | "
           f"{took:.0f} |")
    fw.end()
    pg.sql("CHECKPOINT")
    broker.run("topics", "--delete", "--topic", f"{case}_{mode}\\..*",
               "--if-exists")
    print(row, flush=True)
    return row, fw.peak <= bound


def main():
    cluster.stop_on_signals()
    rows = []
    good = True
    plugin = glob.glob(f"{cluster.REPO}/walferry.so")
    if not plugin:
        cluster.die("walferry.so is missing: make")
    conf = {"wal_level": "logical", "fsync": "off", "max_wal_size": "8GB",
            "synchronous_commit": "off", "shared_buffers": "128MB",
            "autovacuum": "off",
            "logical_decoding_work_mem": setting("WORK_MEM")}
    with cluster.Cluster(conf, plugin, ["walferry"]) as pg, Broker() as broker:
        pg.sql("CREATE TABLE t (id int, n int, s text)")
        pg.sql("CREATE TABLE large (id int PRIMARY KEY, t text, s text)")
        pg.sql("ALTER TABLE large ALTER t SET STORAGE EXTERNAL")
        print("| case | delivery | forwarder, MB | its bound, MB | "
              "walsender, MB | s |\n|---|---|---|---|---|---|", flush=True)
        for case in setting("CASES").split():
            for mode in setting("MODES").split():
                row, within = measure(pg, broker, mode, case)
                rows.append(row)
                good = good and within
    if setting("OUT"):
        with open(setting("OUT"), "a", encoding="utf-8") as out:
            out.write("\n".join(rows) + "\n")
    if not good:
        sys.exit("bench: the forwarder took more than its bound")


if __name__ == "__main__":
    main()
