"""Debezium's connectors, all in one Connect worker."""
import json
import os
import pathlib
import signal
import subprocess
import urllib.error
import urllib.request

import cluster
from tools import free_port

HEAP = "-Xmx512m"
JSON = "org.apache.kafka.connect.json.JsonConverter"


def _write(path, settings):
    with open(path, "w") as f:
        for name, value in settings.items():
            value = str(value).replace("\\", "\\\\")
            f.write(f"{name}={value}\n")


class Connect:
    """connectors: {name: properties}; they write to bootstrap."""

    def __init__(self, directory, bootstrap, connectors):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True)
        self.log = self.directory / "connect.log"
        self.pid_file = self.directory / "connect.pid"
        self.port = free_port()
        self.names = list(connectors)
        self.process = None
        worker = {
            "bootstrap.servers": bootstrap,
            "key.converter": JSON,
            "key.converter.schemas.enable": "false",
            "value.converter": JSON,
            "value.converter.schemas.enable": "false",
            "offset.storage.file.filename": self.directory / "offsets",
            "offset.flush.interval.ms": 1000,
            "plugin.path": os.environ["DEBEZIUM_PLUGINS"],
            "plugin.discovery": "service_load",
            "listeners": f"http://127.0.0.1:{self.port}",
        }
        self.files = [self.directory / "worker.properties"]
        _write(self.files[0], worker)
        for name, settings in connectors.items():
            self.files.append(self.directory / f"{name}.properties")
            _write(self.files[-1], {
                "name": name,
                "connector.class":
                    "io.debezium.connector.postgresql.PostgresConnector",
                "tasks.max": 1,
                "errors.max.retries": 0,
                **settings})

    def start(self):
        jars = os.environ["DEBEZIUM_JARS"]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["java", HEAP, "-XX:+UseSerialGC", "-Dlog4j2.level=INFO",
                 # as since Java 18, whatever the locale is: what is hashed is
                 # spelled in it
                 "-Dfile.encoding=UTF-8", "-cp", f"{jars}/*",
                 "org.apache.kafka.connect.cli.ConnectStandalone",
                 *self.files],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        self.pid_file.write_text(f"{self.process.pid}\n")

    def text(self):
        try:
            return self.log.read_text(errors="replace")
        except OSError:
            return ""

    def ask(self, verb, path):
        """What an operator asks of the worker; its answer must be good."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", method=verb)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def _status(self, name):
        url = f"http://127.0.0.1:{self.port}/connectors/{name}/status"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return json.load(answer)
        except (OSError, urllib.error.URLError, ValueError):
            return None

    def failure(self, name):
        """Why it does not run any more, or None."""
        if self.process.poll() is not None:
            return f"the worker ended: {self.text()[-2000:]}"
        status = self._status(name) or {}
        for part in (status.get("connector", {}), *status.get("tasks", ())):
            if part.get("state") == "FAILED":
                return part.get("trace", "failed")[:2000]
        return None

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.pid_file.unlink(missing_ok=True)


def properties(database, port, name, slot, prefix):
    """Of a connector, but for what a case sets."""
    return {
        "database.hostname": "127.0.0.1",
        "database.port": port,
        "database.user": cluster.ROLE,
        "database.password": cluster.SECRET,
        "database.dbname": database,
        "plugin.name": "pgoutput",
        "slot.name": slot,
        "publication.name": f"{slot}_publication",
        "topic.prefix": prefix,
        "snapshot.mode": "no_data",
        # Connect takes a connector's settings of a converter only with it.
        "key.converter": JSON,
        "value.converter": JSON,
        "poll.interval.ms": 50,
    }
