"""Starts and commands the proxy of the fault harness (proxy.c).

    from proxy import Proxy, Listener, END_TXN

    with Proxy([Listener("kafka", "127.0.0.1:9092", "kafka"),
                Listener("pg", "127.0.0.1:5432", "postgres")]) as p:
        port = p.port["kafka"]
        p.latency("kafka", "both", 50, jitter=20)
        p.hold("kafka", END_TXN, 1, "take")
        p.wait("kafka", lambda s: s["held"] == 1, "an EndTxn to be held")
        p.release("kafka")
        p.reset()

The proxy ends with the block, and also if this program ends in any other way:
it holds the other end of its standard input.  A command that the proxy answers
with an error raises ProxyError, as does a proxy that has ended.  `name` is
that of a listener, or ALL; `direction` is "c2s" (from client to server), "s2c"
or "both".  What each fault does is told at the top of proxy.c.

Not for several threads at once: give each its own control() connection.
"""
import dataclasses
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
ALL = "all"

# Kafka's API keys that tests want to name.
PRODUCE = 0
FETCH = 1
LIST_OFFSETS = 2
METADATA = 3
FIND_COORDINATOR = 10
API_VERSIONS = 18
INIT_PRODUCER_ID = 22
ADD_PARTITIONS_TO_TXN = 24
END_TXN = 26


class ProxyError(Exception):
    """A command was refused, or the proxy is gone."""


@dataclasses.dataclass
class Listener:
    """What the proxy listens on; port 0 takes a free one."""
    name: str
    target: str                 # HOST:PORT
    protocol: str = ""          # "", "kafka" or "postgres"
    port: int = 0

    def __str__(self):
        tail = f":{self.protocol}" if self.protocol else ""
        return f"{self.name}={self.port}:{self.target}{tail}"


class Control:
    """One connection to the proxy's control socket, and its commands."""

    def __init__(self, path, timeout=10):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(path)
        except OSError as e:
            self.socket.close()
            raise ProxyError(f"{path}: {e}") from e
        self.answers = self.socket.makefile("r", encoding="utf-8")

    def close(self):
        self.answers.close()
        self.socket.close()

    def cmd(self, *words):
        """One command; what follows "ok" in the answer."""
        line = " ".join(str(w) for w in words)
        try:
            self.socket.sendall(line.encode() + b"\n")
            answer = self.answers.readline()
        except OSError as e:
            raise ProxyError(f"{line}: {e}") from e
        if not answer.endswith("\n"):
            raise ProxyError(f"{line}: the proxy has ended")
        verdict, _, rest = answer.rstrip("\n").partition(" ")
        if verdict != "ok":
            raise ProxyError(f"{line}: {rest}")
        return rest

    # Faults of connections.

    def cut(self, name=ALL):
        """Reset all connections; how many there were."""
        return int(self.cmd("cut", name))

    def refuse(self, name=ALL, on=True):
        """Reset new connections as soon as they are there."""
        self.cmd("refuse", name, _switch(on))

    def half_close(self, name, direction):
        """End one direction of every connection as its sender would."""
        self.cmd("half-close", name, direction)

    def blackhole(self, name=ALL, direction="both", on=True):
        """Nothing goes on in this direction, not even an end or a reset."""
        self.cmd("blackhole", name, direction, _switch(on))

    def latency(self, name, direction, ms, jitter=0):
        """Hold every byte for ms, plus 0 to jitter; 0 ends it."""
        self.cmd("latency", name, direction, ms, jitter)

    def bandwidth(self, name, direction, bytes_per_s):
        """For each connection; 0 ends it."""
        self.cmd("bandwidth", name, direction, bytes_per_s)

    def slice(self, name=ALL, direction="both", on=True):
        """Write every byte by itself."""
        self.cmd("slice", name, direction, _switch(on))

    def target(self, name, address):
        """Where new connections go from now on: HOST:PORT."""
        self.cmd("target", name, address)

    # Faults of Kafka requests.

    def hold(self, name, api_key, n=-1, mode="take"):
        """Hold the next n requests of this API, -1 all, 0 none any more.

        "take" takes just the request out of its connection, "stall" has all
        that comes behind it on the connection wait as well.
        """
        self.cmd("hold", name, api_key, "all" if n < 0 else n, mode)

    def release(self, name=ALL, fresh=False):
        """Send what is held and hold nothing any more: (sent, left).

        left counts requests whose connection is gone; with fresh all go over
        a new connection, and their answers only to stats()["late_answer"].
        """
        answer = self.cmd("release", name, *(["fresh"] if fresh else []))
        return tuple(int(word.partition("=")[2]) for word in answer.split())

    def discard(self, name=ALL):
        """Throw away what hold has taken and hold nothing any more."""
        return int(self.cmd("discard", name))

    def drop_response(self, name, api_key, n=1):
        """Cut the connection when the answers to the next n requests come."""
        self.cmd("drop-response", name, api_key, n)

    # Faults of a replication stream.

    def hold_data(self, name, on=True, kind=None):
        """Stop what the server sends at the next CopyData message.

        kind "w" stops at one with data only, "k" at a keepalive only.
        """
        self.cmd("hold-data", name, _switch(on), *([kind] if kind else []))

    def lose_data(self, name, n, size):
        """Leave out the next n CopyData messages of at least size bytes that
        follow one as large."""
        self.cmd("lose-data", name, n, size)

    # The rest.

    def stats(self, name=ALL):
        """Counts of one listener, or of all by their names: see proxy.c."""
        return json.loads(self.cmd("stats", name))

    def wait(self, name, condition, what, timeout=30, interval=0.02):
        """Until condition(stats(name)) holds; its value."""
        deadline = time.monotonic() + timeout
        while True:
            stats = self.stats(name)
            if value := condition(stats):
                return value
            if time.monotonic() > deadline:
                raise ProxyError(f"no sign of {what} in {timeout} s: {stats}")
            time.sleep(interval)

    def reset(self, name=ALL):
        """No faults any more; what is held goes on, where it still can."""
        self.cmd("reset", name)


class Proxy(Control):
    """A proxy of one's own, and the first connection to it.

    port[NAME] is where each listener is; process the subprocess.Popen.
    """

    def __init__(self, listeners, program=None, seed=None):
        self.listeners = listeners
        self.program = program or os.environ.get("FAULT_PROXY") or \
            os.path.join(REPO, "build", "fault", "proxy")
        self.seed = seed
        self.port = {}
        self.process = None
        self.dir = None

    def start(self):
        if not os.access(self.program, os.X_OK):
            raise ProxyError(f"no {self.program}: make -C test/fault")
        # Below the default directory: the path of a socket must be short.
        self.dir = tempfile.mkdtemp(prefix="proxy.")
        self.path = os.path.join(self.dir, "ctl.sock")
        args = [self.program, "--control", self.path, "--stdin"]
        if self.seed is not None:
            args += ["--seed", str(self.seed)]
        self.process = subprocess.Popen(
            args + [str(l) for l in self.listeners],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if line == "ready\n":
                break
            name, port = line.split()
            self.port[name] = int(port)
        else:
            self.stop()
            raise ProxyError("the proxy did not start")
        super().__init__(self.path)
        return self

    def control(self):
        """Another connection, for another thread; the caller closes it."""
        return Control(self.path)

    def stop(self):
        """End it; its exit code."""
        if self.process is None:
            return None
        if hasattr(self, "answers"):
            self.close()
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        code, self.process = self.process.returncode, None
        shutil.rmtree(self.dir, ignore_errors=True)
        return code

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def _switch(on):
    return "on" if on else "off"
