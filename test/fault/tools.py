"""Small things that the parts of the harness share."""
import random
import socket
import time


class HarnessError(Exception):
    """The harness itself could not go on: no verdict about the program."""


def wait_until(what, condition, seconds=60, pause=0.02):
    """Call condition until it is true, and return what it gave."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise HarnessError(f"timed out waiting for {what}")
        time.sleep(pause)
        pause = min(pause * 1.3, 0.2)


def free_port():
    """A free port below those that the kernel hands out by itself, so that
    a restarted server finds it free again."""
    for _ in range(1000):
        port = random.SystemRandom().randrange(16384, 32384)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise HarnessError("no free port")
