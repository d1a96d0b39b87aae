"""The program under test, and the supervisor that starts it again.

As under systemd with Restart=on-failure: whatever ends it, it is started
again shortly after, unless its exit code says that a restart will not help.
"""
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

import cluster
from tools import HarnessError, wait_until

RESTART_PAUSE = 0.1
# What a restart is for; the rest wants an operator.
RESTARTABLE = {1}


class Forwarder:
    def __init__(self, binary, directory, config, environment=None,
                 name="forwarder"):
        self.binary = binary
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.config_file = self.directory / f"{name}.properties"
        self.log_file = self.directory / f"{name}.log"
        self.pid_file = self.directory / f"{name}.pid"
        self.environment = {
            key: value for key, value in os.environ.items()
            if not key.startswith("WALFERRY_")}
        self.environment["WALFERRY_DATABASE_PASSWORD"] = cluster.SECRET
        self.environment.update(environment or {})
        self.config = dict(config)
        self.process = None
        self.supervisor = None
        self.wanted = False
        self.held = False           # do not start it for the moment
        self.once = {}              # environment of the next start only
        self.left = []              # processes that were left to themselves
        self.killed = set()         # pids that the harness has killed
        self.allowed_exits = set()  # codes that a fault is meant to cause
        self.final_exits = set()    # the same, and it is not started again
        self.exits = []             # (code or -signal, by the harness?)
        self.starts = 0
        self.peak_kb = self.peak_fds = 0
        self.condition = threading.Condition()
        self.write_config()

    def write_config(self):
        with open(self.config_file, "w") as f:
            for name, value in sorted(self.config.items()):
                f.write(f"{name}={value}\n")

    # Supervision.

    def start(self):
        """Begin to keep it running."""
        self.wanted = True
        self.supervisor = threading.Thread(target=self._supervise,
                                           daemon=True)
        self.supervisor.start()

    def _supervise(self):
        while self.wanted:
            once, self.once = self.once, {}
            with open(self.log_file, "ab") as log:
                process = subprocess.Popen(
                    [self.binary, "run", "--config", self.config_file],
                    stdin=subprocess.DEVNULL, stdout=log,
                    stderr=subprocess.STDOUT,
                    env={**self.environment, **once})
            with self.condition:
                self.process = process
                self.starts += 1
                self.pid_file.write_text(f"{process.pid}\n")
                self.condition.notify_all()
            code = self._wait_end(process)
            if code is None:
                continue
            with self.condition:
                self.process = None
                self.pid_file.unlink(missing_ok=True)
                ours = process.pid in self.killed
                self.exits.append((code, ours))
                self.condition.notify_all()
                if code in self.final_exits or not ours and \
                        code not in RESTARTABLE | self.allowed_exits:
                    return
                if self.wanted:
                    self.condition.wait_for(lambda: not self.wanted,
                                            RESTART_PAUSE)
                    self.condition.wait_for(
                        lambda: not self.wanted or not self.held)

    def _wait_end(self, process):
        """Its exit code; None if it is left to itself."""
        while True:
            try:
                return process.wait(0.02)
            except subprocess.TimeoutExpired:
                if process in self.left:
                    return None

    def arm(self, failpoint):
        """For the next start only: see forwarder/fault.h."""
        self.once = {"WALFERRY_FAILPOINT": failpoint}

    def fails_by_failpoint(self):
        """To be killed by oneself is nothing unexpected."""
        self.allowed_exits |= {-signal.SIGKILL, -signal.SIGABRT}

    def hold(self):
        """kill -9, and no start before let_go()."""
        self.held = True
        self.kill()
        with self.condition:
            self.condition.wait_for(lambda: self.process is None, 10)

    def let_go(self):
        with self.condition:
            self.held = False
            self.condition.notify_all()

    def leave_behind(self):
        """Start another one beside it; the process that was there."""
        process = self.process
        self.left.append(process)
        wait_until("a second forwarder",
                   lambda: self.process not in (None, process))
        return process

    def unexpected_exits(self):
        """What it ended with that neither we nor an outage has caused."""
        return [code for code, ours in self.exits
                if not ours and code not in RESTARTABLE |
                self.allowed_exits | self.final_exits]

    def refused(self):
        """It has ended as an ending wants it, and stays so."""
        return self.process is None and self.supervisor is not None and \
            not self.supervisor.is_alive() and bool(self.exits) and \
            self.exits[-1][0] in self.final_exits

    def running(self):
        return self.process is not None

    def wait_running(self, seconds=10):
        with self.condition:
            return self.condition.wait_for(lambda: self.process, seconds)

    def signal(self, number):
        with self.condition:
            if self.process is None:
                return False
            if number in (signal.SIGKILL, signal.SIGTERM):
                self.killed.add(self.process.pid)
            self.process.send_signal(number)
            return True

    def kill(self):
        """kill -9, and wait for the end."""
        process = self.process
        if process and self.signal(signal.SIGKILL):
            process.wait()

    def stop(self, seconds=30):
        """SIGTERM; the exit code, or None if it did not run."""
        self.wanted = False
        with self.condition:
            self.condition.notify_all()
        process = self.process
        if process is None:
            return None
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            code = None
        self.supervisor.join(10)
        return code

    def destroy(self):
        self.wanted = False
        for process in self.left:
            process.kill()
            process.wait()
        self.signal(signal.SIGCONT)
        self.kill()
        with self.condition:
            self.condition.notify_all()
        if self.supervisor:
            self.supervisor.join(10)

    # What it says and takes.

    def log_text(self):
        try:
            return self.log_file.read_text(errors="replace")
        except OSError:
            return ""

    def count_log(self, pattern):
        return len(re.findall(pattern, self.log_text()))

    def sample(self):
        """Notes memory and file descriptors."""
        process = self.process
        if process is None:
            return
        try:
            with open(f"/proc/{process.pid}/status") as f:
                for line in f:
                    if line.startswith("VmHWM:"):
                        self.peak_kb = max(self.peak_kb,
                                           int(line.split()[1]))
            self.peak_fds = max(self.peak_fds, len(os.listdir(
                f"/proc/{process.pid}/fd")))
        except OSError:
            pass
