"""Faults of the forwarder: F1, F2, F3, F19, F20."""
import signal
import struct
import subprocess
import time

from faults import fault
from forwarder import Forwarder
from tools import HarnessError


@fault("F1", "forwarder", weight=3)
def kill_forwarder(run, _):
    """kill -9; the supervisor starts it again."""
    run.forwarder.wait_running()
    run.forwarder.kill()


def wake_forwarder(run, _):
    run.forwarder.signal(signal.SIGCONT)


@fault("F2", "forwarder", ("short", "short", "long"),
       seconds={"short": (0.2, 3), "long": (7, 9)}, heal=wake_forwarder)
def stop_forwarder(run, _):
    """SIGSTOP; the long ones are longer than wal_sender_timeout and, in half
    of the runs, than transaction.timeout.ms and what the coordinator takes to
    notice."""
    run.forwarder.wait_running()
    run.forwarder.signal(signal.SIGSTOP)


def _end_second(run, variant):
    """The first goes on, both live for a moment, then one of them ends."""
    run.forwarder.signal(signal.SIGCONT)
    second = run.seconds[-1]
    time.sleep(run.chance.uniform(0, 1.5))
    second.sample()
    if variant == "outlive":
        # The second one is the first's successor for a while.
        run.forwarder.kill()
        time.sleep(run.chance.uniform(0, 1.5))
    if run.chance.random() < 0.5:
        second.wanted = False
        second.kill()
    second.stop(20)


# With which one ends that meets its slot moved on.
MOVED = 5


@fault("F3", "forwarder", ("wait", "usurp", "outlive"), seconds=(1, 7),
       heal=_end_second, most=2, weight=1.2)
def two_forwarders(run, variant):
    """A second one on the same slot, while the first lives.

    usurp: the first is stopped, and loses its sessions without knowing it;
    the second takes over; the first wakes up with what it had under way.
    """
    run.forwarder.wait_running()
    if run.mode == "alo" and \
            run.forwarder.config.get("walferry.position.store") == "slot":
        # The other may have moved the slot beyond what one remembers, without
        # being seen; then that one stops.
        run.forwarder.allowed_exits |= {MOVED}
    mine = []
    if variant == "usurp":
        run.forwarder.signal(signal.SIGSTOP)
        try:
            mine = run.cluster.sql("postgres", (
                "SELECT pid FROM pg_stat_activity WHERE usename = 'walferry' "
                f"AND datname = '{run.database}'")).split()
        except HarnessError:
            pass                # PostgreSQL is down: its sessions are gone
    number = len(run.seconds) + 2
    second = Forwarder(run.forwarder.binary, run.directory,
                       run.forwarder.config, run.environment,
                       name=f"forwarder{number}")
    # What the one may end with, the other may as well.
    second.allowed_exits = run.forwarder.allowed_exits
    run.seconds.append(second)
    second.start()
    if mine:
        try:
            run.cluster.sql("postgres", (
                "SELECT pg_terminate_backend(pid) FROM unnest(ARRAY["
                f"{','.join(mine)}]) pid"))
        except HarnessError:
            pass


@fault("F20", "forwarder")
def restart_forwarder(run, _):
    """SIGTERM: an orderly stop while the other things fail.

    It may wait for Kafka for as long as walferry.shutdown.timeout.ms says, and
    must end then, whatever is broken; once nothing is, before that.
    """
    run.forwarder.wait_running()
    process = run.forwarder.process
    if not process or not run.forwarder.signal(signal.SIGTERM):
        return
    limit = int(run.forwarder.config.get("walferry.shutdown.timeout.ms", 0))
    if limit:
        seconds = limit / 1000 + MORE_TIME
        if not _ends(process, seconds):
            _does_not_end(run, f"{seconds} s, of which it may wait for "
                          f"{limit} ms")
    elif not _ends(process, FIRST):
        with run.executor.calm("forwarder") as calm:
            if calm and not _ends(process, MORE_TIME):
                _does_not_end(run, f"{MORE_TIME} s, in which nothing was "
                              "broken")
    if process.poll() is None:
        run.forwarder.kill()


# How long it has whatever else is broken; and what it may take beyond that, or
# beyond its limit, on a busy machine and to find Kafka again.
FIRST = 5
MORE_TIME = 20


def _does_not_end(run, when):
    run.faults.add("exit", run.forwarder.log_file.name,
                   f"SIGTERM does not end it within {when}")


def _ends(process, seconds):
    try:
        process.wait(seconds)
        return True
    except subprocess.TimeoutExpired:
        return False


# F19: clock.c.

def _set_clock(run, seconds):
    with open(run.clock_file, "r+b") as f:
        f.write(struct.pack("=q", seconds))


def reset_clock(run, _):
    _set_clock(run, 0)


@fault("F19", "clock", ("+3600", "-3600", "+86400", "-86400", "-3"),
       seconds=(0.5, 4), heal=reset_clock, most=2, needs=("clock",))
def jump_clock(run, variant):
    """The time of day jumps, and back.

    Kafka refuses a record that is more than an hour ahead of it
    (message.timestamp.after.max.ms): exit code 4, and a start once the clock
    is right.
    """
    if int(variant) >= 3600:
        run.forwarder.allowed_exits.add(4)
    _set_clock(run, int(variant))


# F22: Kafka forgets who it was.

def _remember(run, variant):
    if variant == "stop":
        run.forwarder.signal(signal.SIGCONT)
    else:
        run.at_proxy("kafka", lambda p, name: p.reset(name))


@fault("F22", "forwarder", ("stop", "refuse"), seconds=(6, 9), most=3,
       weight=4, heal=_remember, needs=("expiry", "kafka-leg"),
       also=("kafka",), modes=("eos",))
def expire(run, variant):
    """Nothing is heard of it for longer than transactional ids live."""
    run.forwarder.wait_running()
    if variant == "stop":
        run.forwarder.signal(signal.SIGSTOP)
        return

    def refuse(p, name):
        p.refuse(name)
        p.cut(name)
    run.at_proxy("kafka", refuse)
