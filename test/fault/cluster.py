"""The PostgreSQL of the harness: one cluster, a database for each run.

The programs are those in PATH (test/lib.sh has made a private installation).
fsync is off: what is killed here are processes, and what a process has written
outlives it.
"""
import io
import os
import pathlib
import shutil
import signal
import subprocess

import oracle
from tools import HarnessError, free_port, wait_until

# Whoever finds this in a log has found a leak.
SECRET = "CANARY-7d1f-do-not-log"
ROLE = "walferry"
# What a standby calls itself, and its slot at the primary.
STANDBY = "standby"

_FIELD, _NULL = "\x1f", "\x1e"


class ConnectionLost(Exception):
    """psql ended: the server went away, or the statement failed."""


class Session:
    """A psql that stays open: SQL in, rows out.

    A failed statement ends it (stop_on_error) or is only logged.
    """

    def __init__(self, cluster, database, log, stop_on_error=True,
                 name="harness"):
        self.log = open(log, "ab")
        environment = dict(cluster.environment, PGDATABASE=database,
                           PGAPPNAME=name,
                           # Sessions wait for a server that is coming up.
                           PGCONNECT_TIMEOUT="10")
        self.process = subprocess.Popen(
            ["psql", "-XqAt", "-F", _FIELD, "-P", f"null={_NULL}",
             "-v", f"ON_ERROR_STOP={int(stop_on_error)}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
            text=True, env=environment)
        self.marks = 0

    def run(self, sql):
        """Statements, each with its semicolon; the rows, lists of str."""
        self.marks += 1
        mark = f"\x1d{self.marks}"
        rows = []
        try:
            self.process.stdin.write(f"{sql}\n\\echo {mark}\n")
            self.process.stdin.flush()
            for line in self.process.stdout:
                line = line.rstrip("\n")
                if line == mark:
                    return rows
                rows.append([None if value == _NULL else value
                             for value in line.split(_FIELD)])
        except (OSError, ValueError):
            pass
        raise ConnectionLost(sql[:100])

    def value(self, sql):
        rows = self.run(sql)
        return rows[0][0] if rows else None

    def close(self):
        try:
            self.process.stdin.close()
        except OSError:
            pass
        self.process.stdout.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Cluster:
    """disks: directories of disk.py, for what can run out of space."""

    def __init__(self, directory, settings=(), disks=None, standby_of=None):
        """standby_of: a running cluster, of which this one is made by a base
        backup."""
        self.directory = pathlib.Path(directory)
        self.disks = disks or {}
        self.data = self.directory / "data"
        # Outside, so that it outlives the server.
        self.log = self.directory.with_suffix(".log")
        self.port = free_port()
        self.process = None
        self.environment = dict(
            os.environ, PGHOST=str(self.directory), PGPORT=str(self.port),
            PGUSER="postgres", LC_ALL="C")
        for name in ("PGSERVICE", "PGDATABASE", "PGOPTIONS"):
            self.environment.pop(name, None)
        if standby_of:
            self._copy(standby_of)
        else:
            self._initdb(settings)

    def _command(self, *words, check=True, timeout=120):
        done = subprocess.run(words, env=self.environment, text=True,
                              stdout=subprocess.PIPE, timeout=timeout,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        if check and done.returncode != 0:
            raise HarnessError(f"{' '.join(map(str, words))}:\n{done.stdout}")
        return done

    def _initdb(self, settings):
        self.directory.mkdir(parents=True)
        more = []
        if self.disks:
            # Small segments, so that new ones are wanted soon.
            more = ["-X", self.disks["wal"] / "pg_wal", "--wal-segsize=1"]
            settings = [*settings, "max_wal_size = 256MB",
                        "min_wal_size = 5MB"]
        self._command("initdb", "-D", self.data, "-U", "postgres", "-A",
                      "trust", "-N", "--no-locale", "-E", "UTF8", *more)
        if self.disks:
            slots = self.data / "pg_replslot"
            slots.rmdir()
            (self.disks["slots"] / "pg_replslot").mkdir(mode=0o700)
            slots.symlink_to(self.disks["slots"] / "pg_replslot")
        common = pathlib.Path(__file__).parent.parent / "logical.conf"
        lines = [
            common.read_text(),
            f"port = {self.port}",
            f"unix_socket_directories = '{self.directory}'",
            "listen_addresses = '127.0.0.1'",
            "password_encryption = scram-sha-256",
            "timezone = 'UTC'",
            "datestyle = 'ISO'",
            "restart_after_crash = on",
            "log_replication_commands = on",
            "max_connections = 60",
            # Small, so that larger transactions spill and checkpoints come.
            "shared_buffers = 32MB",
            "logical_decoding_work_mem = 256kB",
            "checkpoint_timeout = 30s",
            "max_wal_size = 1GB",
            "wal_sender_timeout = 4s",
            "autovacuum = off",
            *settings]
        # Newer minor releases want to be told which plugins may be loaded.
        if self.knows("output_plugin_libraries"):
            lines.append("output_plugin_libraries ="
                         " 'pgoutput, test_decoding, walferry'")
        with open(self.data / "postgresql.conf", "a") as conf:
            conf.write("\n".join(lines) + "\n")
        (self.data / "pg_hba.conf").write_text(
            "local all,replication postgres trust\n"
            f"host all {ROLE} 127.0.0.1/32 scram-sha-256\n")

    def knows(self, setting):
        """Has this version such a setting?"""
        return self._command("postgres", "-C", setting, "-D", self.data,
                             check=False).returncode == 0

    def _copy(self, primary):
        """A standby of it, with a physical slot of its own there."""
        self.directory.mkdir(parents=True)
        self._command("pg_basebackup", "-D", self.data, "-h",
                      primary.directory, "-p", str(primary.port), "-c",
                      "fast", "-X", "stream", "-C", "-S", STANDBY, "-N")
        lines = [
            f"port = {self.port}",
            f"unix_socket_directories = '{self.directory}'",
            f"primary_conninfo = 'host={primary.directory} "
            f"port={primary.port} user=postgres dbname=postgres "
            f"application_name={STANDBY}'",
            f"primary_slot_name = '{STANDBY}'",
            "hot_standby_feedback = on",
            "wal_receiver_status_interval = 1s",
            "wal_retrieve_retry_interval = 200ms"]
        if self.knows("sync_replication_slots"):
            lines.append("sync_replication_slots = on")
        # Instead of what the primary has there: that is of a primary.
        (self.data / "postgresql.auto.conf").write_text(
            "\n".join(lines) + "\n")
        (self.data / "standby.signal").touch()

    def exchange(self, other):
        """Each becomes the other, so that who knows this one goes on with
        the server that the other was."""
        self.__dict__, other.__dict__ = other.__dict__, self.__dict__

    def alter(self, setting, value):
        """ALTER SYSTEM; back when new sessions have it."""
        self.sql("postgres", f"ALTER SYSTEM SET {setting} = '{value}'")
        self.sql("postgres", "SELECT pg_reload_conf()")
        wait_until(setting, lambda: self.sql(
            "postgres", f"SHOW {setting}") == value)

    # Starting and ending.

    def start(self, wait=True):
        """A child of ours, not of pg_ctl: as long as nobody has reaped a
        killed postmaster, the next one takes it for alive."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["postgres", "-D", self.data], env=self.environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)

        def ready():
            if self.process.poll() is not None:
                raise HarnessError("PostgreSQL does not start:\n" +
                                   self.log.read_text()[-2000:])
            try:
                lines = (self.data / "postmaster.pid").read_text().split("\n")
            except OSError:
                return False
            return len(lines) > 7 and lines[7].strip() == "ready" and \
                int(lines[0]) == self.process.pid
        if wait:
            wait_until("PostgreSQL to start", ready, 90)

    def stop(self, mode="fast", timeout=120):
        self.process.send_signal({
            "smart": signal.SIGTERM, "fast": signal.SIGINT,
            "immediate": signal.SIGQUIT}[mode])
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise HarnessError(f"PostgreSQL does not stop ({mode})") from None

    def kill(self):
        """kill -9 of the postmaster; its children notice and end."""
        children = [int(p.name) for p in pathlib.Path("/proc").iterdir()
                    if p.name.isdigit()
                    and self._parent(p) == self.process.pid]
        self.process.kill()
        self.process.wait()
        wait_until("the children of the postmaster to end", lambda: not any(
            self._ours(child) for child in children), 60)

    @staticmethod
    def _ours(pid):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                return f.read().startswith(b"postgres")
        except OSError:
            return False

    @staticmethod
    def _parent(path):
        try:
            return int((path / "stat").read_text().rpartition(")")[2]
                       .split()[1])
        except (OSError, IndexError, ValueError):
            return None

    def running(self):
        return self._command("pg_isready", "-q", "-d", "postgres",
                             check=False).returncode == 0

    def wait_ready(self, seconds=90):
        wait_until("PostgreSQL to answer", self.running, seconds)

    def setup(self):
        self.sql("postgres", f"CREATE ROLE {ROLE} LOGIN REPLICATION "
                 f"PASSWORD '{SECRET}'")

    # SQL.

    def sql(self, database, sql, timeout=120):
        """One command line of psql; its output."""
        done = subprocess.run(
            ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database,
             "-c", sql], env=self.environment, text=True, timeout=timeout,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise HarnessError(f"{sql[:200]}:\n{done.stderr}")
        return done.stdout.rstrip("\n")

    def copy(self, database, query):
        """The lines of COPY (query) TO STDOUT, as they come."""
        process = subprocess.Popen(
            ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database, "-c",
             f"COPY ({query}) TO STDOUT"], env=self.environment,
            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        # A carriage return ends no line here.
        yield from io.TextIOWrapper(process.stdout, encoding="utf-8",
                                    newline="\n")
        if process.wait() != 0:
            raise HarnessError(f"cannot read {query[:200]}")

    def session(self, database, log, **more):
        return Session(self, database, log, **more)

    def insert_lsn(self, database="postgres"):
        return oracle.lsn_number(
            self.sql(database, "SELECT pg_current_wal_insert_lsn()"))

    def drop_database(self, name):
        self.sql("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def drop_slots(self, database):
        self.sql("postgres", "SELECT pg_terminate_backend(active_pid) FROM "
                 "pg_replication_slots WHERE active_pid IS NOT NULL "
                 f"AND database = '{database}'")
        wait_until("slots to be free", lambda: self.sql(
            "postgres", "SELECT count(*) FROM pg_replication_slots WHERE "
            f"active AND database = '{database}'") == "0")
        self.sql("postgres", "SELECT pg_drop_replication_slot(slot_name) "
                 "FROM pg_replication_slots WHERE database = "
                 f"'{database}'")

    def destroy(self):
        if self.process and self.process.poll() is None:
            self.stop("immediate")
        shutil.rmtree(self.directory, ignore_errors=True)
        for name, sub in (("wal", "pg_wal"), ("slots", "pg_replslot")):
            if name in self.disks:
                shutil.rmtree(self.disks[name] / sub, ignore_errors=True)
