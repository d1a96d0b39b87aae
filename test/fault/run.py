#!/usr/bin/env python3
"""One seeded run, or several.

    run.py --seed N [--runs N] [--mode alo|eos] [--faults F1,F6 ...]
           [--workloads W1,W3 ...] [--count N]
           [--profile default|three|expiry|acl|standby]
           [--set NAME=VALUE ...] [--env NAME=VALUE ...]

The seed decides on workloads, faults and their moments.  A run makes a
database, topics and slots of its own in servers that many runs share; loads
the database while its parts are broken; heals everything; waits until the
slot has confirmed all; then the checker compares Kafka with the oracle.  One
line of JSON is the result, written to the descriptor that FAULT_RESULTS_FD
names.

Exit code: 0 all passed, 1 a run failed, 2 the harness could not go on.
Environment: WALFERRY_BIN the program under test, FAULT_KEEP where the
artefacts of failing runs go, FAULT_PROXY the proxy, FAULT_CLOCK_SO clock.c,
FAULT_DISKS see disk.py.
"""
import argparse
import datetime
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import checker
import disk
import faults
import faults_forwarder     # each of them enters what it has
import faults_kafka
import faults_network
import faults_postgres
import faults_standby
import kafka
import oracle
import positions
import profiles
import reader
import standby
import values
import workload
from cluster import SECRET, Cluster, ConnectionLost
from forwarder import Forwarder
from kafka_log import READ_COMMITTED, READ_UNCOMMITTED, KafkaError
from proxy import Listener, Proxy, ProxyError
from tools import HarnessError, wait_until

# Catching up may take this long, after the last heal with what was written by
# then, and with the rest once nothing more is; what takes longer than STUCK is
# given up.
CATCH_UP = 30
STUCK = 90

# A process of our own size: 64 MB, and twice the largest event, where that may
# be larger than by default.
PEAK_KB = 64 * 1024
PEAK_FDS = 64

# What the log has for each start of the stream.
STREAMING = b" forward: streaming slot="

# A run cannot have begun longer than that before its faults.
BEFORE = 600

# An ending must have come after so long.
REFUSED = 60


class Servers:
    """PostgreSQL, Kafka and the proxy, for many runs of one profile."""

    def __init__(self, directory, profile="default"):
        self.directory = pathlib.Path(directory)
        self.profile = profiles.PROFILES[profile]
        self.proxy = None
        self.broker = None
        # A standby would want disks of its own.
        self.disks = {} if self.profile.standby else disk.find()
        for path in self.disks.values():
            disk.empty(path)
        self.cluster = Cluster(self.directory / "pg", disks=self.disks)
        self.standby = None
        self.runs_of_broker = 0
        try:
            self._start()
        except BaseException:
            self.destroy()
            raise

    def _start(self):
        self.cluster.start()
        self.cluster.setup()
        profile = self.profile
        if profile.standby:
            self.standby = standby.Standby(self.cluster, self.directory)
        self.legs = {"pg": ["pg"], "kafka": [
            f"kafka{n or ''}" for n in range(profile.brokers)]}
        if profile.secure:
            self.legs["kafka"] = []
        if os.access(os.environ.get("FAULT_PROXY", ""), os.X_OK):
            self.proxy = Proxy([
                Listener("pg", f"127.0.0.1:{self.cluster.port}", "postgres"),
                *(Listener(name, "127.0.0.1:1", "kafka")
                  for name in self.legs["kafka"])]).start()
        options = profile.broker_options
        if profile.brokers > 1:
            self.broker = kafka.Brokers(self.directory / "kafka", [
                [*options, *self._advertise(n)]
                for n in range(profile.brokers)], self.disks.get("kafka"))
        else:
            self.broker = kafka.Broker(
                self.directory / "kafka", [*options, *self._advertise(0)],
                self.disks.get("kafka"))
        self._start_broker()

    def _advertise(self, number):
        if not self.proxy or not self.legs["kafka"]:
            return ()
        port = self.proxy.port[self.legs["kafka"][number]]
        return "--advertise", f"PROXIED={port}"

    def _start_broker(self):
        self.broker.start()
        self.runs_of_broker = 0
        if self.proxy:
            for name, node in zip(self.legs["kafka"], self.nodes):
                self.proxy.target(name, node.proxied_address())
        if self.profile.secure:
            client = self.broker.client()
            client.allow_all(f"User:{profiles.USER}")
            client.close()

    @property
    def nodes(self):
        return getattr(self.broker, "nodes", None) or [self.broker]

    def kafka_config(self):
        """Where the forwarder finds Kafka."""
        if self.profile.secure:
            return {
                "bootstrap.servers": self.broker.secure_address(),
                "producer.override.security.protocol": "sasl_ssl",
                "producer.override.sasl.mechanisms": "PLAIN",
                "producer.override.sasl.username": profiles.USER,
                "producer.override.sasl.password": profiles.PASSWORD,
                "producer.override.ssl.ca.location":
                    self.broker.directory / "tls" / "ca.crt"}
        if self.proxy:
            return {"bootstrap.servers": ",".join(
                f"127.0.0.1:{self.proxy.port[name]}"
                for name in self.legs["kafka"])}
        return {"bootstrap.servers": self.broker.address}

    @property
    def parts(self):
        parts = list(self.profile.parts)
        if self.proxy:
            parts += [f"{leg}-leg" for leg, names in self.legs.items()
                      if names]
        if self.disks:
            parts.append("disks")
        return parts

    def postgres_logs(self):
        return self.standby.logs if self.standby else [self.cluster.log]

    def prepare(self):
        """Everything is up and free of what earlier runs left."""
        if self.proxy:
            self.proxy.reset()
        if not self.cluster.running():
            self.cluster.start()
        if self.standby:
            self.standby.prepare()
        self.runs_of_broker += 1
        if self.runs_of_broker > 40:
            self.broker.destroy()
            self._start_broker()
        elif not self.broker.answers():
            self.broker.restart()

    def destroy(self):
        if self.proxy:
            self.proxy.stop()
        if self.broker:
            self.broker.destroy()
        if self.standby:
            self.standby.destroy()
        self.cluster.destroy()


class Watch:
    """A forwarder's starts of the stream, and what was confirmed before."""

    def __init__(self, forwarder, lsn):
        """lsn: what was confirmed at a moment when there was none of it."""
        self.forwarder = forwarder
        self.starts = self.log_read = 0
        self.told = checker.Told()
        self.told.note(0, lsn)
        self.ended = None

    def look(self, lsn):
        """lsn was read before this."""
        supervisor = self.forwarder.supervisor
        if self.ended is None and supervisor and not supervisor.is_alive():
            self.ended = round(time.time() * 1000) + 1
        self.told.note(self.count_starts(), lsn)

    def count_starts(self):
        """How often the stream was started, as the log has it by now."""
        try:
            with open(self.forwarder.log_file, "rb") as log:
                log.seek(self.log_read)
                text = log.read()
        except FileNotFoundError:
            return 0
        # A line that is being written may be whole the next time.
        whole = text.rfind(b"\n") + 1
        self.log_read += whole
        self.starts += text.count(STREAMING, 0, whole)
        return self.starts

    def begun(self):
        """When each start was, in ms, by its own clock."""
        begun = []
        for line in self.forwarder.log_text().splitlines():
            if STREAMING.decode() in line:
                at = datetime.datetime.strptime(
                    line.split()[0], "%Y-%m-%dT%H:%M:%S.%f%z")
                begun.append(int(at.timestamp() * 1000))
        return begun


class Sampler(threading.Thread):
    """Every 50 ms: the forwarder's memory, and the slot's position.

    Where positions are stored, that must never be beyond what Kafka has of
    them (I8).  It is read first and Kafka after it, so that what Kafka does
    not have was not there when PostgreSQL was told.  Likewise the log: what
    was confirmed before a start of the stream must not come again.
    """

    def __init__(self, run):
        super().__init__(daemon=True)
        self.run_ = run
        self.stopping = threading.Event()
        self.backwards = None
        self.ahead = None
        self.error = None
        self.samples = self.compared = 0
        self.session = self.client = self.tail = None
        self.watched = {}           # forwarder -> Watch
        self.last = None            # what was confirmed, at the last look
        self.goal = self.reached = None     # an LSN, and when it was confirmed

    def run(self):
        try:
            highest = 0
            while not self.stopping.wait(0.05):
                self.run_.forwarder.sample()
                highest = self.sample(highest)
        except Exception:
            self.error = traceback.format_exc()
        finally:
            for what in self.session, self.client:
                if what:
                    what.close()

    def sample(self, highest):
        """Looks once; the greatest position since the last crash."""
        run = self.run_
        try:
            if self.session is None:
                self.session = run.cluster.session(
                    run.database, run.directory / "sampler.log")
            text = self.session.value(
                "SELECT confirmed_flush_lsn FROM pg_replication_slots "
                f"WHERE slot_name = '{run.slot}';")
        except ConnectionLost:
            self.session.close()
            self.session = None
            # After a crash the slot may fall back.
            self.note(None)
            return 0
        if not text:
            self.note(None)
            return highest
        self.samples += 1
        lsn = oracle.lsn_number(text)
        self.note(lsn)
        if self.goal and not self.reached and lsn >= self.goal:
            self.reached = time.monotonic()
        if lsn < highest:
            self.backwards = highest, lsn
        if run.pinned and not self.ahead:
            self.compare(lsn)
        return lsn

    def note(self, lsn):
        for one in (self.run_.forwarder, *self.run_.seconds):
            if one not in self.watched:
                self.watched[one] = Watch(one, self.last)
            self.watched[one].look(lsn)
        self.last = lsn

    def compare(self, confirmed):
        run = self.run_
        try:
            if self.client is None:
                self.client = run.broker.client(timeout=3)
                if self.tail:
                    self.tail.client = self.client
            self.tail = self.tail or positions.Tail(
                self.client, run.offsets_topic, run.transactional_id)
            why = self.tail.ahead(confirmed)
        except KafkaError:
            # It is down, or starting: another time.
            self.client.close()
            self.client = None
            return
        self.compared += 1
        if why:
            self.ahead = f"{oracle.lsn_text(confirmed)} is confirmed, {why}"

    def stop(self):
        self.stopping.set()
        self.join(30)


class Run:
    def __init__(self, servers, seed, mode, directory, fault_names=None,
                 workload_names=None, count=None, environment=None,
                 config=None, script=None, plain=False):
        """script: called with the run while the workloads write, beside the
        scheduled faults.  plain: nothing of the configuration is left to
        chance that delivery depends on, and there is no ending."""
        self.servers, self.seed, self.mode = servers, seed, mode
        self.cluster, self.broker = servers.cluster, servers.broker
        self.proxy, self.proxy_lock = servers.proxy, threading.Lock()
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.name = f"f{seed}{mode}"
        self.database = self.slot = self.prefix = self.name
        self.audit_slot = f"{self.name}_audit"
        self.offsets_topic = f"{self.prefix}.{self.slot}.offsets"
        self.transactional_id = f"{self.prefix}.{self.slot}"
        self.faults = checker.Faults()
        self.profile = servers.profile
        self.result = {"seed": seed, "mode": mode,
                       "profile": self.profile.name}
        self.fault_names = fault_names
        self.count = self.profile.count if count is None else count
        self.workload_names = workload_names or sorted(workload.KINDS)
        self.environment = dict(environment or {})
        self.more_config = config or {}
        self.script = script
        self.failpoints = None      # of the first start, or True: later ones
        self.database_settings = {}
        self.aborted_differs = False    # what was aborted may be wrong
        self.refused = False        # it stopped, as it should have
        self.rng_of_faults = self.rng("moments")
        self.plain = plain
        self.timing = {}
        self.exit_code = None
        self.forwarder = self.sampler = self.executor = self.reader = None
        self.seconds = []           # forwarders beside that one
        self.workloads = []
        # What faults leave to chance, beyond the schedule.
        self.chance = self.rng("chance")
        # What faults want known:
        self.excused = {}           # table -> LSN up to which it may be gone
        self.splits = False         # source transactions, at short intervals
        self.panics = False         # the disk was full
        self.positions_gone = False
        self.early_history = None
        self.ending = self.ending_exits = None
        self.bound = None           # what was confirmed before the ending
        self.victim = None          # of three brokers
        self.clock_file = None
        self.audited = self.cluster     # whose slot tells the history
        self.witness = None             # of a failover
        # Do commits wait for the standby, does it keep the slots?
        self.synchronous = self.failover = False
        if servers.standby:
            rng = self.rng("standby")
            self.synchronous = rng.random() < 0.5
            self.failover = rng.random() < 0.8 and \
                servers.standby.failover_slots

    def rng(self, what):
        """Of each thing its own, so that a change of one moves no other."""
        return random.Random(f"{self.seed}/{self.mode}/{what}")

    # Setting up.

    def set_up(self):
        rng = self.rng("set up")
        cluster = self.cluster
        self.server_logs = {log: log.stat().st_size
                            for log in self.servers.postgres_logs()}
        if self.servers.standby:
            self.servers.standby.replicate(self.synchronous)
            self.result.update(synchronous=self.synchronous,
                               failover=self.failover)
        cluster.drop_slots(self.database)
        cluster.drop_database(self.database)
        cluster.sql("postgres", f"CREATE DATABASE {self.database}")
        for name, value in self.database_settings.items():
            cluster.sql("postgres", f"ALTER DATABASE {self.database} "
                        f"SET {name} = '{value}'")
        names = workload.choose(rng, self.workload_names)
        self.workloads = [
            workload.KINDS[name](cluster, self.database,
                                 self.directory / "workload.log",
                                 self.rng(f"workload {number}"), number)
            for number, name in enumerate(names, 1)]
        kinds = {type(w) for w in self.workloads}
        self.keys = {workload.AUDIT: ["n"]}
        self.not_compared = set()
        for kind in kinds:
            self.keys.update(kind.keys)
            self.not_compared.update(kind.not_compared)
        cluster.sql(self.database, workload.SETUP + "".join(
            kind.setup for kind in kinds))
        self._preload_clock()
        config = self.config(rng)
        self.pinned = config.get("exactly.once") == "true" or \
            config.get("walferry.position.store") != "slot"
        self.splits = int(config.get("walferry.transaction.split.ms", 0)) > 0
        self.forwarder = Forwarder(os.environ["WALFERRY_BIN"],
                                   self.directory, config, self.environment)
        if self.failpoints:
            self.forwarder.fails_by_failpoint()
            if isinstance(self.failpoints, str):
                self.forwarder.arm(self.failpoints)
        if self.failover:
            self.servers.standby.wait_level()
        self.forwarder.start()
        self._wait_streaming()
        # From here on both slots see the same.
        cluster.sql(self.database, (
            "SELECT pg_create_logical_replication_slot("
            f"'{self.audit_slot}', 'test_decoding'"
            f"{', failover => true' if self.failover else ''})"))
        if self.failover:
            # Only as long as nothing is written: this one never moves.
            self.servers.standby.wait_synced(self.slot, self.audit_slot)
        self.first_restart_lsn = self._slot("restart_lsn")
        data = "".join(kind.data for kind in kinds)
        if data:
            cluster.sql(self.database, data)
        self.result["workloads"] = names

    def _preload_clock(self):
        """clock.c, unless the program has sanitizers, which want to be first
        themselves."""
        library = os.environ.get("FAULT_CLOCK_SO", "")
        program = pathlib.Path(os.environ["WALFERRY_BIN"]).read_bytes()
        if self.plain or not os.access(library, os.R_OK) or \
                b"__asan_init" in program:
            return
        self.clock_file = self.directory / "clock"
        self.clock_file.write_bytes(bytes(8))
        self.environment.setdefault("LD_PRELOAD", library)
        self.environment["FAULT_CLOCK"] = str(self.clock_file)

    @property
    def parts(self):
        return [*self.servers.parts, *(["pinned"] if self.pinned else []),
                *(["clock"] if self.clock_file else []),
                *(["failover-slots"] if self.failover else [])]

    @property
    def own_parts(self):
        """What these servers are there for."""
        return [*self.profile.parts,
                *(["failover-slots"] if self.failover else [])]

    @property
    def endings_part(self):
        """There are endings that a standby is for."""
        if self.servers.standby:
            return 0.4 if self.failover else 1
        return faults.ENDINGS

    def config(self, rng):
        proxied = self.proxy is not None
        self.grace_ms = self.rng("grace").choice((1000, 3000))
        config = {
            "database.hostname": "127.0.0.1",
            "database.port": self.proxy.port["pg"] if proxied
            else self.cluster.port,
            "database.user": "walferry",
            "database.dbname": self.database,
            "slot.name": self.slot,
            "topic.prefix": self.prefix,
            **self.servers.kafka_config(),
            "topic.creation.default.partitions": 3,
            "topic.creation.default.replication.factor":
                self.profile.brokers,
            "decimal.handling.mode": "string",
            "status.update.interval.ms": 100,
            "retriable.restart.connector.wait.ms": 200,
            "walferry.retry.backoff.max.ms": 2000,
            "producer.override.linger.ms": rng.choice((0, 5, 50, 300)),
            "producer.override.compression.type":
                rng.choice(("none", "none", "gzip")),
            "walferry.shutdown.grace.ms": self.grace_ms,
        }
        config.update(self.profile.config)
        if self.failover:
            config["slot.failover"] = "true"
        if self.profile.brokers > 1:
            config["topic.creation.default.min.insync.replicas"] = 2
        if self.mode == "eos":
            config["exactly.once"] = "true"
        if not self.plain:
            config.update(self._left_to_chance(self.rng("config")))
        for w in self.workloads:
            config.update(w.config)
        config.update(self.more_config)
        return config

    def _left_to_chance(self, rng):
        """What delivery must not depend on."""
        # So that a request whose answer is lost is sent again soon.
        config = {"producer.override.request.timeout.ms":
                  rng.choice((2000, 4000))}
        if self.mode == "eos":
            config["producer.override.transaction.timeout.ms"] = \
                rng.choice((5000, 60000))
        else:
            config["walferry.position.store"] = \
                "topic" if rng.random() < 0.5 else "slot"
        # Where a Kafka transaction ends, and within what; so little may be
        # under way that reading stops again and again; what is written while
        # nothing else is; for how long an orderly stop waits.  None is the
        # default.
        drawn = {"max.queue.size.in.bytes": rng.choice((None, None, 1 << 20)),
                 "walferry.shutdown.timeout.ms": rng.choice((None, 2000)),
                 "heartbeat.interval.ms": rng.choice((None, None, 200))}
        if drawn["max.queue.size.in.bytes"]:
            # So little takes its time for itself.
            config["producer.override.linger.ms"] = 5
        if drawn["heartbeat.interval.ms"]:
            # A topic that goes with the run's, and a transaction without a
            # change.
            config["topic.heartbeat.name"] = f"{self.prefix}.heartbeats"
            drawn["heartbeat.action.query"] = rng.choice(
                (None, "SELECT txid_current()"))
        if self.mode == "eos":
            drawn.update({
                "walferry.transaction.interval.ms":
                    rng.choice((None, None, 1, 20, 1000)),
                "walferry.transaction.max.bytes":
                    rng.choice((None, None, 1, 20000))})
            if self.endings_part < 1 and \
                    not faults.only_endings(self.fault_names):
                drawn["walferry.transaction.split.ms"] = \
                    rng.choice((None, None, 5, 50))
        drawn = {k: v for k, v in drawn.items() if v is not None}
        self.result["settings"] = drawn
        return {**config, **drawn}

    def _slot(self, column):
        text = self.cluster.sql("postgres", (
            f"SELECT {column} FROM pg_replication_slots WHERE slot_name = "
            f"'{self.slot}'"))
        return oracle.lsn_number(text) if text else None

    def streaming(self):
        return self.cluster.sql("postgres", (
            "SELECT 1 FROM pg_replication_slots s JOIN "
            "pg_stat_replication r ON r.pid = s.active_pid WHERE "
            f"slot_name = '{self.slot}' AND state = 'streaming'"))

    def _wait_streaming(self):
        def streaming():
            if self.forwarder.unexpected_exits():
                raise HarnessError("the forwarder does not start: " +
                                   self.forwarder.log_text()[-2000:])
            return self.streaming()
        wait_until("the forwarder to stream", streaming, 60)

    # The run.

    def run(self):
        started = time.monotonic()
        try:
            self.set_up()
            self.mark("set up", started)
            self.work()
            if self.refused:
                self.sampler.stop()
            else:
                if self.ending:
                    self.end_by(self.ending)
                else:
                    self.settle()
                self.check()
        finally:
            self.end()
        self.result["seconds"] = round(time.monotonic() - started, 1)
        self.result["timing"] = self.timing
        return self.verdict()

    def mark(self, what, since):
        self.timing[what] = round(time.monotonic() - since, 2)

    def work(self):
        begun = time.monotonic()
        self.events, self.ending = faults.schedule(
            self.rng("faults"), self.count, self.fault_names, self.mode,
            self.parts, endings_part=self.endings_part, own=self.own_parts) \
            if self.count else ([], None)
        if self.plain or self.splits:
            # What is stopped for good within a transaction that it splits has
            # stored part of it, which the checker does not know to be right.
            self.ending = None
        self.result["faults"] = [
            [e.fault, e.variant, e.at, e.seconds]
            for e in (*self.events, *([self.ending] if self.ending else []))]
        self.sampler = Sampler(self)
        self.sampler.start()
        self.reader = reader.Reader(lambda: self.broker.client(timeout=3),
                                    f"{self.prefix}.public.")
        self.reader.start()
        for w in self.workloads:
            w.start()
        self.executor = faults.Executor(self, self.events)
        self.executor.start()
        if self.script:
            self.script(self)
        elif not self.events:
            # An ending alone: there must be something before it.
            time.sleep(2)
        self.executor.join()
        self.mark("faults", begun)

    # What faults use.

    def at_proxy(self, leg, call):
        """call(proxy, name) for each listener of a leg."""
        with self.proxy_lock:
            for name in self.servers.legs[leg]:
                call(self.proxy, name)

    def wait_insert_lsn(self):
        """Where PostgreSQL writes, as soon as it can tell."""
        def lsn():
            try:
                return self.cluster.insert_lsn()
            except HarnessError:
                return None
        return wait_until("PostgreSQL to answer", lsn, 90)

    def quiesce(self):
        """The workloads end."""
        for w in self.workloads:
            w.stopping.set()
        for w in self.workloads:
            if not w.stop():
                raise HarnessError(f"workload {w.name} does not end")
        for w in self.workloads:
            w.finish()

    def wake(self):
        """The forwarder begins anew."""
        self.forwarder.kill()

    def heal(self):
        """Whatever the schedule was, all servers are there."""
        self.cluster.wait_ready()
        if self.proxy:
            self.proxy.reset()
        wait_until("the broker to answer", self.broker.ready, 60)

    def end_by(self, event):
        """All is healed, and then what there is no going on after: it must
        stop by itself, and tell what an operator has to know."""
        begun = time.monotonic()
        forwarder, what = self.forwarder, event.what
        self.heal()
        self._wait_streaming()
        self.sampler.stop()
        # What the slot has confirmed, Kafka must have.
        self.bound = self._slot("confirmed_flush_lsn")
        self.ending_exits = set(what.exits)
        forwarder.final_exits = set(what.exits)
        event.began = begun
        try:
            what.begin(self, event.variant)
            forwarder.final_exits = set(self.ending_exits)
            self.quiesce()
            self._wait_refused()
            if self.pinned and forwarder.refused():
                # An operator who starts it again all the same.
                forwarder.start()
                wait_until("it to start", lambda: forwarder.process or
                           len(forwarder.exits) > 1, 10)
                self._wait_refused()
        finally:
            if what.heal:
                what.heal(self, event.variant)
        self.mark("ending", begun)
        if not forwarder.refused():
            self.exit_code = forwarder.stop()

    def _wait_refused(self):
        forwarder = self.forwarder
        try:
            wait_until("it to refuse", lambda: not
                       forwarder.supervisor.is_alive(), REFUSED)
        except HarnessError:
            pass
        if not forwarder.refused():
            self.faults.add("refusal", self.ending.fault, (
                f"{self.ending.variant}: it should have ended with "
                f"{sorted(forwarder.final_exits)}; exits: "
                f"{forwarder.exits[-3:]}"))

    def settle(self):
        """All is healed: the workloads end, the forwarder catches up."""
        cluster = self.cluster
        begun = time.monotonic()
        self.heal()
        # What is written by now is to be confirmed soon, although writing goes
        # on for a moment; and once it has ended, all of it.
        healed = time.monotonic()
        self.sampler.goal = cluster.insert_lsn()
        self.quiesce()
        target = cluster.insert_lsn()
        quiet = time.monotonic()
        forwarder = self.forwarder

        def confirmed():
            if forwarder.unexpected_exits():
                return True
            return (self._slot("confirmed_flush_lsn") or 0) >= target
        try:
            wait_until("the slot to catch up", confirmed, STUCK)
        except HarnessError:
            self.faults.add("stuck", self.slot, (
                f"confirmed only {oracle.lsn_text(self._slot('confirmed_flush_lsn'))} "
                f"of {oracle.lsn_text(target)} after {STUCK} s"))
        # The sampler may not have looked again yet.
        reached = self.sampler.reached or time.monotonic()
        self.timing["recovery"] = round(reached - healed, 2)
        self.mark("catch up", quiet)
        self.mark("settle", begun)
        self.result["recovery"] = self.timing["recovery"]
        self.result["catch_up"] = self.timing["catch up"]
        for what in "recovery", "catch up":
            if self.timing[what] > CATCH_UP:
                self.faults.add("slow", self.slot,
                                f"{what} took {self.timing[what]} s")
        if not self.faults.counts and not forwarder.unexpected_exits():
            self._check_slot()
        self.sampler.stop()
        self.exit_code = forwarder.stop()

    def _check_slot(self):
        """The slot frees what it kept: WAL, and files of transactions."""
        def advanced():
            # The record from which restart_lsn is taken.
            self.cluster.sql("postgres", "CHECKPOINT")
            return self._slot("restart_lsn") > self.first_restart_lsn
        try:
            wait_until("restart_lsn", advanced, 20, pause=0.2)
        except HarnessError:
            self.faults.add("restart_lsn", self.slot, "does not advance")
        directory = self.cluster.data / "pg_replslot" / self.slot
        left = [p.name for p in directory.iterdir() if p.name != "state"]
        if left:
            self.faults.add("spill", self.slot, f"left behind: {left[:5]}")

    # The verdict.

    def check(self):
        begun = time.monotonic()
        self.check_process()
        history = self.early_history or self.read_oracle()
        self._check_witness(history)
        self.mark("oracle", begun)
        begun = time.monotonic()
        self.check_log(history)
        self.mark("check", begun)

    def check_process(self):
        forwarder, add = self.forwarder, self.faults.add
        for one in (forwarder, *self.seconds):
            for code in one.unexpected_exits():
                add("exit", one.log_file.name, f"ended with {code}")
        if self.exit_code not in (0, None):
            add("exit", forwarder.log_file.name, "an orderly stop gave "
                f"{self.exit_code}")
        if self.exit_code is None and not forwarder.unexpected_exits() and \
                not self.ending:
            add("exit", forwarder.log_file.name, "SIGTERM does not end it")
        for path in self.directory.iterdir():
            if path.suffix != ".log":
                continue
            text = path.read_text(errors="replace")
            if SECRET in text or profiles.PASSWORD in text:
                add("secret", path.name, "holds a password")
        for one in (forwarder, *self.seconds):
            log = one.log_text()
            for word in ("Sanitizer", "Assertion", "assertion"):
                if word in log:
                    add("crash", one.log_file.name, f"says {word}")
            largest = int(one.config.get(
                "producer.override.max.request.size", 0))
            if one.peak_kb > PEAK_KB + 2 * largest // 1024:
                add("memory", one.log_file.name, f"{one.peak_kb} kB")
            if one.peak_fds > PEAK_FDS:
                add("descriptors", one.log_file.name, f"{one.peak_fds}")
        if self.sampler.backwards:
            high, low = self.sampler.backwards
            add("backwards", self.slot, f"{oracle.lsn_text(low)} after "
                f"{oracle.lsn_text(high)}, and no crash")
        if self.sampler.ahead:
            add("ahead", self.slot, self.sampler.ahead)
        if self.sampler.error:
            raise HarnessError(f"the sampler ended: {self.sampler.error}")
        self.check_server_log()
        self.result.update(
            peak_kb=forwarder.peak_kb, peak_fds=forwarder.peak_fds,
            starts=forwarder.starts, samples=self.sampler.samples,
            compared=self.sampler.compared)

    def _check_witness(self, history):
        """What the primary acknowledged and the standby never got is lost;
        there is nothing of it if commits wait for the standby."""
        if not self.witness:
            return
        told = self.witness.acknowledged
        lost = sum(n not in history.audits for n in told)
        self.result.update(acknowledged=len(told), lost_with_primary=lost)
        if lost and self.synchronous:
            self.faults.add("server", "standby", (
                f"{lost} of {len(told)} transactions are not there that were "
                "committed synchronously"))

    def check_server_log(self):
        """PostgreSQL must not suffer from the decoder."""
        for log in self.servers.postgres_logs():
            self._check_server_log(log, self.server_logs.get(log, 0))

    def _check_server_log(self, log, start):
        with open(log, errors="replace") as f:
            f.seek(start)
            for line in f:
                if re.search(r"PANIC:|TRAP:|terminated by signal (6|7|8|11)\b",
                             line) and not (
                        # That is what PostgreSQL does without pg_wal.
                        self.panics and re.search(
                            "No space left on device|by signal 6", line)):
                    self.faults.add("server", log.name, line.strip())
                if SECRET in line:
                    self.faults.add("secret", log.name,
                                    "holds the password")

    def read_oracle(self):
        """The slot tells it, and the tables in the end."""
        carried = self.forwarder.config.get("skipped.operations") == "none"
        history = oracle.History(
            self.keys, workload.AUDIT, carried and self.forwarder.config[
                "topic.creation.default.partitions"])
        options = "'include-xids', '1', 'include-timestamp', '0', " \
            "'skip-empty-xacts', '1'"
        rows = self.audited.copy(self.database, (
            "SELECT lsn, data FROM pg_logical_slot_peek_changes("
            f"'{self.audit_slot}', NULL, NULL, {options})"))
        oracle.read_slot(rows, history)
        self.result.update(transactions=len(history.transactions),
                           records=len(history))
        if not history.transactions:
            raise HarnessError("nothing was committed, so nothing is shown")
        return history

    def check_log(self, history):
        self.timelines = checker.Timelines(*standby.timelines(self.audited))
        self.reader.stop()
        self.reader.forget(f"{self.prefix}.{table}" for table in self.excused)
        if self.reader.error:
            raise HarnessError(f"the reader ended: {self.reader.error}")
        self.result["seen"] = self.reader.records
        client = self.broker.client()
        try:
            topics = {name: partitions
                      for name, partitions in client.topics().items()
                      if name.startswith(f"{self.prefix}.public.")}
            if self.pinned and not self.positions_gone:
                self._check_positions(client, history)
            check = self._read(client, topics, history, self.mode,
                               READ_COMMITTED, self.reader)
            self.reader.finish(self.faults)
            if not self.ending:
                self.compare_tables(check)
            if self.mode == "eos":
                if not self.aborted_differs:
                    self._read(client, topics, history, "uncommitted",
                               READ_UNCOMMITTED)
            self.result.update(
                repeats=check.repeats, replays=check.replays,
                largest_replay=check.largest_replay,
                largest_window=check.largest_window,
                replayed=check.replayed, bounded=check.bounded)
            self._second_reader(client, topics)
        finally:
            client.close()

    def _read(self, client, topics, history, mode, isolation, before=None):
        """before: the reader that was there during the run."""
        check = checker.Checker(
            history, mode, self.prefix, self.faults,
            counters="public.counter", entries="public.entry",
            accounts="public.account",
            excused=self.excused, timelines=self.timelines,
            since=self._starts() if mode == "alo" else None)
        for topic, partitions in sorted(topics.items()):
            for number in sorted(partitions):
                again = before and before.again(topic, number, self.faults)
                for batch in client.batches(topic, number, isolation):
                    if again:
                        again.batch(batch.identity())
                    for record in batch.records():
                        check.record(topic, number, record)
                if again:
                    again.finish()
        check.finish(sum(f.count_log(" streaming slot=")
                         for f in (self.forwarder, *self.seconds)),
                     self.bound)
        return check

    def _starts(self):
        """When the stream was started, and what was confirmed before; None if
        nobody can tell which start a record is of: two processes wrote one
        log."""
        if self.forwarder.left:
            return None
        # From the executor's clock to that of the day, in ms.
        begun = 1000 * (time.time() - time.monotonic() + self.executor.begun)
        jumps = [(begun + 1000 * e.began - 5, begun + 1000 * e.healed + 5,
                  1000 * int(e.variant))
                 for e in self.events if e.fault == "F19"]
        return checker.Starts(
            [checker.Stream(w.begun(), w.told, w.ended)
             for w in self.sampler.watched.values()],
            checker.Clock(jumps, begun - 1000 * BEFORE, 1000 * time.time()))

    def _check_positions(self, client, history):
        chain = checker.ChainChecker(history, self.faults, self.timelines,
                                     self.mode)
        topic = self.offsets_topic
        for record in client.records(topic, 0, READ_COMMITTED):
            where = f"{topic}/0@{record.offset}"
            try:
                value = positions.parse(record.key, record.value)
                if value:
                    chain.record(where, value)
            except (ValueError, KeyError, TypeError) as error:
                self.faults.add("chain", where, repr(error))
        if not chain.count:
            self.faults.add("chain", topic, "holds no position")
        confirmed = self.bound or self._slot("confirmed_flush_lsn")
        stored = chain.last[0] if chain.last else chain.highest
        if self.bound and chain.count:
            # Exactly what Kafka says that it has, it must have.
            self.bound = stored
        if chain.count and confirmed > stored:
            self.faults.add("ahead", self.slot, (
                f"{oracle.lsn_text(confirmed)} is confirmed in the end, "
                f"Kafka has {oracle.lsn_text(stored)}"))
        self.result["positions"] = chain.count

    def _second_reader(self, client, topics):
        """librdkafka reads one of the topics: it must find the same."""
        topic = self.rng("kcat").choice(sorted(topics))
        ours = {}
        for number in topics[topic]:
            for r in client.records(topic, number, READ_COMMITTED):
                ours.setdefault(number, []).append(
                    (r.offset, r.headers.get(checker.HEADER, b"").decode()))
        theirs = {}
        for number, offset, position in kafka.kcat_positions(
                self.broker.address, topic, True):
            theirs.setdefault(number, []).append((offset, position))
        if ours != theirs:
            raise HarnessError(f"kcat and kafka_log differ about {topic}")

    def compare_tables(self, check):
        """What a reader builds of the topics is what PostgreSQL holds."""
        for table, keys in self.keys.items():
            if table in self.excused or table in self.not_compared:
                continue
            types = dict(oracle.copy_fields(line) for line in
                         self.cluster.copy(self.database, (
                             "SELECT attname, format_type(atttypid, NULL) "
                             "FROM pg_attribute WHERE attrelid = "
                             f"'{table}'::regclass AND attnum > 0 AND NOT "
                             "attisdropped ORDER BY attnum")))
            rows = [{name: values.from_postgres(typename, value)
                     for (name, typename), value in
                     zip(types.items(), oracle.copy_fields(line))}
                    for line in self.cluster.copy(
                        self.database, f"SELECT * FROM {table}")]
            check.compare_table(table, {
                oracle.key_digest({k: row[k] for k in keys}): row
                for row in rows} if keys else rows)

    def verdict(self):
        self.result["faults_told"] = [
            list(f) for f in self.faults.told]
        self.result["violations"] = dict(self.faults.counts)
        self.result["verdict"] = "fail" if self.faults.counts else "pass"
        self.result["events"] = len(self.result["faults"])
        self.result["left_open"] = len(_LEFT_OPEN.findall(
            self.forwarder.log_text()))
        return not self.faults.counts

    # The end.

    def end(self):
        """Leave nothing behind but files, whatever has happened."""
        for w in self.workloads:
            w.stopping.set()
        if self.executor:
            self.executor.stopping.set()
            for thread in self.executor.threads:
                thread.join(60)
        for thread in self.sampler, self.reader:
            if thread:
                thread.stop()
        for one in (self.forwarder, *self.seconds):
            if one:
                one.destroy()

    def keep(self, where):
        """The artefacts of a run that failed."""
        where = pathlib.Path(where)
        shutil.rmtree(where, ignore_errors=True)
        shutil.copytree(self.directory, where)
        for source in (*self.servers.postgres_logs(), *self.broker.logs()):
            if source.exists():
                number = source.parent.name
                shutil.copy(source, where / (
                    f"{number}.{source.name}" if number.isdigit()
                    else source.name))
        (where / "result.json").write_text(
            json.dumps(self.result, indent=1) + "\n")
        (where / "schedule.txt").write_text("".join(
            f"{e}\n" for e in (*getattr(self, "events", []), self.ending)))
        if self.mode == "eos" and "stuck" in self.faults.counts and \
                hasattr(self.broker, "transactions"):
            # Where a broker has forgotten a transaction that is open.
            (where / "transactions.txt").write_text(self.broker.transactions(
                self.transactional_id, self.offsets_topic))
        if self.mode == "eos" and self.faults.counts.keys() & _BROKERS:
            self.broker.keep(where / "kafka", f"{self.prefix}.")
        try:
            self._dump(where)
        except (HarnessError, KafkaError, OSError) as error:
            (where / "dump.error").write_text(f"{error}\n")

    def _dump(self, where):
        """Topics as text, each record a line, and the oracle's words."""
        client = self.broker.client()
        for topic, partitions in client.topics().items():
            if not topic.startswith(f"{self.prefix}."):
                continue
            with open(where / f"{topic}.dump", "w") as f:
                for number in sorted(partitions):
                    for r in client.records(topic, number, READ_UNCOMMITTED):
                        position = r.headers.get(checker.HEADER, b"").decode()
                        print(number, r.offset, r.pid, r.epoch, position,
                              (r.key or b"null").decode(errors="replace"),
                              (r.value or b"null")[:500].decode(
                                  errors="replace"), sep="\t", file=f)
        client.close()
        with open(where / "oracle.txt", "w") as f:
            f.writelines(self.audited.copy(self.database, (
                "SELECT lsn, xid, left(data, 500) FROM "
                f"pg_logical_slot_peek_changes('{self.audit_slot}', NULL, "
                "NULL, 'include-timestamp', '0', 'skip-empty-xacts', '1')")))

    def clean(self):
        """What the servers keep of it."""
        if self.servers.standby:
            # There may be nobody to wait for.
            self.servers.standby.replicate(False)
        self.cluster.drop_slots(self.database)
        self.cluster.drop_database(self.database)
        client = self.broker.client()
        try:
            client.delete_topics([t for t in client.topics()
                                  if t.startswith(f"{self.prefix}.")])
        finally:
            client.close()


# KAFKA-20734, which the forwarder makes good.
_LEFT_OPEN = re.compile("Kafka has left a transaction open in our topics: abo")

# Where only the brokers' own files tell what they did with a transaction.
_BROKERS = {"repeat", "lost", "partial", "stuck", "prefix"}


def versions():
    """What was tested with what."""
    def first(*words):
        done = subprocess.run(words, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        return done.stdout.strip()
    return {"postgres": first("postgres", "-V").split()[2],
            "walferry": first(os.environ["WALFERRY_BIN"], "version"),
            "kafka": os.environ.get("KAFKA_VERSION", "4.3.1"),
            "commit": os.environ.get("FAULT_COMMIT", "")}


def one(servers, seed, args, keep=None):
    """A run from its beginning to its end: (passed, result)."""
    directory = tempfile.mkdtemp(prefix=f"run{seed}.",
                                 dir=servers.directory)
    servers.prepare()
    run = Run(servers, seed, args.mode, directory, args.faults,
              args.workloads, args.count, pairs(args.env), pairs(args.set),
              getattr(args, "script", None), not hasattr(args, "profile"))
    run.failpoints = getattr(args, "failpoints", None)
    run.database_settings = getattr(args, "database_settings", {})
    passed = False
    try:
        passed = run.run()
    except (HarnessError, oracle.OracleError, KafkaError, ProxyError,
            ConnectionLost) as error:
        run.result["verdict"] = "broken"
        run.result["error"] = f"{type(error).__name__}: {error}"
    except Exception:
        # A fault of the harness itself is not to end a campaign.
        run.result["verdict"] = "broken"
        run.result["error"] = traceback.format_exc()
    if not passed and keep:
        run.keep(pathlib.Path(keep) / f"{seed}-{args.mode}")
    try:
        run.clean()
    except (HarnessError, KafkaError) as error:
        run.result.setdefault("error", f"cleaning: {error}")
    shutil.rmtree(directory, ignore_errors=True)
    return passed, run.result


def arguments(argv=None):
    parser = argparse.ArgumentParser()
    words = lambda text: [w for w in text.replace(",", " ").split() if w]
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--mode", choices=("alo", "eos"), default="alo")
    parser.add_argument("--faults", type=words, default=None)
    parser.add_argument("--workloads", type=words, default=None)
    parser.add_argument("--count", type=int, default=None)
    parser.add_argument("--profile", choices=sorted(profiles.PROFILES),
                        default="default")
    parser.add_argument("--set", action="append", default=[],
                        help="NAME=VALUE of the forwarder's configuration")
    parser.add_argument("--env", action="append", default=[],
                        help="NAME=VALUE of its environment")
    return parser.parse_args(argv)


def pairs(words):
    return dict(word.split("=", 1) for word in words)


def summary(result):
    """One line for people."""
    text = (f"seed {result['seed']} {result['mode']}: {result['verdict']}, "
            f"{result.get('events', 0)} faults, "
            f"{result.get('transactions', 0)} transactions, "
            f"{result.get('records', 0)} records, "
            f"{result.get('repeats', 0)} repeats, "
            f"recovery {result.get('recovery', '-')} s, "
            f"catch-up {result.get('catch_up', '-')} s, "
            f"{result.get('seconds', '-')} s")
    for found in result.get("faults_told", []):
        text += f"\n    {found[0]}: {found[1]}: {found[2]}"
    if result.get("left_open"):
        text += f"\n    Kafka left {result['left_open']} transactions open"
    if "error" in result:
        text += f"\n    {result['error']}"
    return text


def main():
    args = arguments()
    keep = os.environ.get("FAULT_KEEP")
    out = os.environ.get("FAULT_RESULTS_FD")
    out = os.fdopen(int(out), "a") if out else None
    code = 0
    servers = Servers(tempfile.mkdtemp(prefix="fault."), args.profile)
    try:
        about = versions()
        for seed in range(args.seed, args.seed + args.runs):
            passed, result = one(servers, seed, args, keep)
            result["versions"] = about
            print(summary(result), flush=True)
            if out:
                print(json.dumps(result), file=out, flush=True)
            if result["verdict"] == "broken":
                code = 2
            elif not passed:
                code = code or 1
    finally:
        servers.destroy()
        shutil.rmtree(servers.directory, ignore_errors=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
