"""The Kafka of the harness: a broker that serves many runs."""
import pathlib
import shutil
import subprocess
import threading

from kafka_log import Kafka, KafkaError
from tools import HarnessError

_SCRIPT = pathlib.Path(__file__).parent.parent / "kafka" / "broker.sh"


class Broker:
    def __init__(self, directory, options=()):
        self.directory = pathlib.Path(directory)
        self.options = list(options)
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

    def log(self):
        return self.directory / "broker.log"

    def destroy(self):
        if self.directory.exists():
            self._script("stop")
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
