"""The Kafka of the harness: a broker that serves many runs, or three."""
import base64
import os
import pathlib
import shutil
import subprocess
import threading

from kafka_log import Kafka, KafkaError
from tools import HarnessError, free_port

_SCRIPT = pathlib.Path(__file__).parent.parent / "kafka" / "broker.sh"


class Broker:
    """One broker.  data: a directory for its logs, on a disk of its own."""

    def __init__(self, directory, options=(), data=None):
        self.directory = pathlib.Path(directory)
        self.options = list(options)
        self.data = data and pathlib.Path(data)
        if data:
            self.options += ["--data", self.data / "kafka"]
        self.address = None
        self.lock = threading.Lock()
        self.dead = False

    def _script(self, command, *words, timeout=150):
        done = subprocess.run(
            [_SCRIPT, command, self.directory, *words], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
            stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise HarnessError(f"broker.sh {command}: {done.stderr}")
        return done.stdout.strip()

    def start(self):
        self.address = self._script("start", *self.options)

    def transactions(self, transactional_id, topic):
        """What the broker holds to be open, in words for a person."""
        text = []
        for words in (["list"],
                      ["describe", "--transactional-id", transactional_id],
                      ["describe-producers", "--topic", topic,
                       "--partition", "0"]):
            try:
                said = self._script(
                    "tool", "org.apache.kafka.tools.TransactionsCommand",
                    "--bootstrap-server", self.address, *words)
            except (HarnessError, subprocess.TimeoutExpired) as error:
                said = str(error)
            text.append(f"{' '.join(words)}\n{said}\n\n")
        return "".join(text)

    def proxied_address(self):
        """Where a proxy must lead to: see --advertise of broker.sh."""
        return self._script("address", "PROXIED")

    def answers(self):
        return self._topics() is not None

    def ready(self):
        """It answers, and all partitions have a leader."""
        topics = self._topics()
        return topics is not None and all(
            leader >= 0 for partitions in topics.values()
            for leader in partitions.values())

    def _topics(self):
        client = self.client(timeout=3)
        try:
            return client.topics()
        except KafkaError:
            return None
        finally:
            client.close()

    def kill(self):
        self.dead = True
        self._script("kill")

    def stop(self):
        self.dead = True
        self._script("stop")

    def restart(self):
        self._script("restart")
        self.dead = False

    def pause(self):
        self._script("pause")

    def resume(self):
        self._script("resume")

    def client(self, timeout=10):
        return Kafka(self.address, timeout)

    def logs(self):
        """The present process's, and those of the processes before."""
        return [self.directory / "broker.log",
                self.directory / "broker.log.old"]

    def keep(self, where, prefix):
        """The files of the topics that begin so, and the coordinator's log."""
        data = self.data / "kafka" if self.data else self.directory / "data"
        for source in data.iterdir():
            if source.name.startswith((prefix, "__transaction_state-")):
                shutil.copytree(source, where / source.name)

    def secure_address(self):
        return self._script("address", "sasl")

    def destroy(self):
        if self.directory.exists():
            self._script("stop")
            shutil.rmtree(self.directory, ignore_errors=True)
        if self.data:
            shutil.rmtree(self.data / "kafka", ignore_errors=True)


class Brokers:
    """Three brokers; a part of what one Broker can, and each of them in
    nodes."""

    def __init__(self, directory, options, data=None):
        """options: of each node.  data: where the first has its logs."""
        self.directory = pathlib.Path(directory)
        ports = [free_port() for _ in options]
        quorum = ",".join(f"{n}@127.0.0.1:{port}"
                          for n, port in enumerate(ports, 1))
        identity = base64.urlsafe_b64encode(b"\x01" + os.urandom(15))
        self.nodes = [
            Broker(self.directory / str(n),
                   [*words, "--node", str(n), "--quorum", quorum,
                    "--cluster-id", identity.decode().rstrip("=")],
                   data if n == 1 else None)
            for n, words in enumerate(options, 1)]

    @property
    def address(self):
        return self._one().address

    def _one(self):
        """One that answers; otherwise the first."""
        return next((n for n in self.nodes if n.answers()), self.nodes[0])

    def _each(self, call):
        errors = []

        def one(node):
            try:
                call(node)
            except (HarnessError, subprocess.TimeoutExpired) as error:
                errors.append(error)
        threads = [threading.Thread(target=one, args=(n,))
                   for n in self.nodes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise HarnessError(str(errors[0]))

    def start(self):
        self._each(Broker.start)

    def restart(self):
        """Those that do not answer."""
        self._each(lambda n: n.answers() or n.restart())

    def answers(self):
        return all(n.answers() for n in self.nodes)

    def ready(self):
        return all(n.ready() for n in self.nodes)

    def client(self, timeout=10):
        return self._one().client(timeout)

    def logs(self):
        return [log for node in self.nodes for log in node.logs()]

    def keep(self, where, prefix):
        for node in self.nodes:
            node.keep(where / node.directory.name, prefix)

    def destroy(self):
        self._each(Broker.destroy)
        shutil.rmtree(self.directory, ignore_errors=True)


def kcat_positions(address, topic, committed):
    """(partition, offset, position) of each record, as librdkafka tells it;
    it verifies checksums, which kafka_log cannot."""
    isolation = "read_committed" if committed else "read_uncommitted"
    process = subprocess.Popen(
        ["kcat", "-C", "-b", address, "-t", topic, "-q", "-e", "-o",
         "beginning", "-X", f"isolation.level={isolation}", "-X",
         "check.crcs=true", "-X", "fetch.wait.max.ms=20", "-f",
         r"%p\t%o\t%h\n"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL, text=True)
    for line in process.stdout:
        partition, offset, headers = line.rstrip("\n").split("\t")
        position = next((h.partition("=")[2] for h in headers.split(",")
                         if h.startswith("walferry.position=")), "")
        yield int(partition), int(offset), position
    if process.wait() != 0:
        raise HarnessError(f"kcat cannot read {topic}")
