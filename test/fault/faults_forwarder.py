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
            run.forwarder.config.get("walferry.position.store") != "topic":
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

    It may wait for Kafka; a supervisor would wait as well, but not for ever.
    """
    run.forwarder.wait_running()
    process = run.forwarder.process
    if process and run.forwarder.signal(signal.SIGTERM):
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            run.forwarder.kill()


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
