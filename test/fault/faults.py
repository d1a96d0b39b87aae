"""Faults, and the schedule that a seed makes of them.

A fault has a subject: what it breaks.  Of one subject only one thing is broken
at a time, different subjects fail at the same time as it comes.  Each subject
has a thread, which begins each fault when it is due and heals it when its
time is over; so a broker that takes five seconds to come back holds up only
other faults of that broker.

Numbers are those of the list in README.md.
"""
import dataclasses
import json
import os
import signal
import threading
import time

import proxy
from cluster import ConnectionLost
from kafka_log import READ_COMMITTED, KafkaError
from tools import HarnessError, wait_until


@dataclasses.dataclass
class Fault:
    """What a kind of fault is.  begin(run, variant) and heal(run, variant)
    do it; a fault that is over at once has no heal."""
    name: str
    subject: str
    variants: tuple
    weight: float
    begin: object
    heal: object = None
    seconds: tuple = (0, 0)     # how long, from and to
    most: int = 99              # in one run
    modes: tuple = ("alo", "eos")
    needs: tuple = ()           # parts of the run that must be there


REGISTRY = {}


def fault(name, subject, variants=("",), weight=1.0, seconds=(0, 0), most=99,
          heal=None, **more):
    """Registers the function as the beginning of that fault."""
    def register(begin):
        REGISTRY[name] = Fault(name, subject, tuple(variants), weight, begin,
                               heal, seconds, most, **more)
        return begin
    return register


# The forwarder.

@fault("F1", "forwarder", weight=3)
def kill_forwarder(run, _):
    """kill -9; the supervisor starts it again."""
    run.forwarder.wait_running()
    run.forwarder.kill()


def wake_forwarder(run, _):
    run.forwarder.signal(signal.SIGCONT)


@fault("F2", "forwarder", ("short", "long"), seconds=(0.2, 5.5),
       heal=wake_forwarder)
def stop_forwarder(run, _):
    """SIGSTOP; the longest are longer than wal_sender_timeout."""
    run.forwarder.wait_running()
    run.forwarder.signal(signal.SIGSTOP)


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
        except Exception:
            run.forwarder.kill()


# PostgreSQL.

@fault("F4", "walsender", weight=2)
def terminate_walsender(run, _):
    try:
        run.cluster.sql("postgres", (
            "SELECT pg_terminate_backend(active_pid) FROM "
            "pg_replication_slots WHERE active_pid IS NOT NULL AND "
            f"slot_name = '{run.slot}'"))
    except HarnessError:
        pass                    # PostgreSQL is down at the moment


@fault("F5", "walsender", ("walsender", "backend"), weight=0.7, most=2)
def kill_backend(run, variant):
    """kill -9 of one process: all of them restart, with recovery."""
    try:
        pid = run.cluster.sql("postgres", (
            "SELECT active_pid FROM pg_replication_slots WHERE "
            f"active_pid IS NOT NULL AND slot_name = '{run.slot}'"
            if variant == "walsender" else
            "SELECT pid FROM pg_stat_activity WHERE application_name = "
            "'workload' LIMIT 1"))
        if pid:
            os.kill(int(pid), signal.SIGKILL)
    except (HarnessError, OSError):
        pass


def start_postgres(run, _):
    run.cluster.start()


@fault("F6", "postgres", ("kill", "immediate"), seconds=(0, 1.5), most=2,
       heal=start_postgres)
def crash_postgres(run, variant):
    if variant == "kill":
        run.cluster.kill()
    else:
        run.cluster.stop("immediate")


# Kafka.

def restart_broker(run, _):
    run.broker.restart()


@fault("F11", "broker", weight=0.6, seconds=(0, 3), most=1,
       heal=restart_broker)
def kill_broker(run, _):
    run.broker.kill()


@fault("F12", "broker", weight=0.4, seconds=(0, 1), most=1,
       heal=restart_broker)
def stop_broker(run, _):
    run.broker.stop()


def resume_broker(run, _):
    run.broker.resume()


@fault("F13", "broker", weight=0.5, seconds=(0.2, 4), most=2,
       heal=resume_broker)
def pause_broker(run, _):
    run.broker.pause()


# The network: F15.  A leg is what the proxy calls a listener.

def _legs(leg, weight):
    def command(run, call):
        try:
            with run.proxy_lock:
                call(run.proxy)
        except proxy.ProxyError as error:
            raise HarnessError(str(error)) from None

    def reset(run, _):
        command(run, lambda p: p.reset(leg))

    more = {"needs": ("proxy",), "heal": reset}

    @fault(f"F15-cut-{leg}", leg, weight=weight, needs=("proxy",))
    def cut(run, _):
        command(run, lambda p: p.cut(leg))

    @fault(f"F15-refuse-{leg}", leg, weight=weight / 2, seconds=(0.1, 2),
           **more)
    def refuse(run, _):
        def both(p):
            p.refuse(leg)
            p.cut(leg)
        command(run, both)

    @fault(f"F15-half-{leg}", leg, ("c2s", "s2c"), weight=weight / 2,
           needs=("proxy",))
    def half_close(run, direction):
        command(run, lambda p: p.half_close(leg, direction))

    @fault(f"F15-hole-{leg}", leg, ("c2s", "s2c", "both"), weight=weight,
           seconds=(0.2, 6), **more)
    def blackhole(run, direction):
        command(run, lambda p: p.blackhole(leg, direction))

    @fault(f"F15-latency-{leg}", leg, ("c2s", "s2c", "both"), weight=weight,
           seconds=(0.5, 3), **more)
    def latency(run, direction):
        command(run, lambda p: p.latency(leg, direction, 100, 400))

    @fault(f"F15-slow-{leg}", leg, ("c2s", "s2c"), weight=weight / 2,
           seconds=(0.5, 3), **more)
    def bandwidth(run, direction):
        command(run, lambda p: p.bandwidth(leg, direction, 50000))

    @fault(f"F15-slice-{leg}", leg, ("c2s", "s2c", "both"),
           weight=weight / 2, seconds=(0.3, 1.5), **more)
    def slices(run, direction):
        command(run, lambda p: p.slice(leg, direction))


_legs("pg", 1.0)
_legs("kafka", 1.0)


# Requests of a producer that are late or lost: F16.

def _hold(run, key, seconds=3):
    """The next request of this kind is kept from the broker; False: none
    came."""
    with run.proxy_lock:
        run.proxy.hold("kafka", key, 1)
        try:
            run.proxy.wait("kafka", lambda s: s["held"], "a request", seconds)
        except proxy.ProxyError:
            run.proxy.hold("kafka", key, 0)
            return False
    return True


def _send_late(run):
    """What was held arrives when nobody thinks of it any more."""
    with run.proxy_lock:
        run.proxy.release("kafka", fresh=True)


def _hold_and_kill(run, key, variant):
    if not _hold(run, key):
        return
    # So long that what came behind it would be confirmed.
    run.executor.stopping.wait(0.4)
    run.forwarder.kill()
    if variant == "late":
        run.executor.stopping.wait(0.3)
        _send_late(run)
    else:
        with run.proxy_lock:
            run.proxy.discard("kafka")


@fault("F16-produce", "kafka", ("lost", "late"), weight=0.7,
       needs=("proxy",))
def hold_produce(run, variant):
    """The records of one partition stay away, the forwarder dies."""
    _hold_and_kill(run, proxy.PRODUCE, variant)


@fault("F16-end", "kafka", ("lost", "late"), weight=0.7, needs=("proxy",),
       modes=("eos",))
def hold_end(run, variant):
    """A commit is asked for and does not arrive, the forwarder dies."""
    _hold_and_kill(run, proxy.END_TXN, variant)


@fault("F16-again", "kafka", weight=0.7, needs=("proxy",), modes=("eos",))
def late_end(run, _):
    """A commit is asked for again, and the first request arrives when the
    next transaction is open (KAFKA-17754)."""
    if not _hold(run, proxy.END_TXN):
        return
    with run.proxy_lock:
        ended = run.proxy.stats("kafka")["requests"].get(
            str(proxy.END_TXN), 0)
        run.proxy.cut("kafka")
        try:
            run.proxy.wait("kafka", lambda s: s["requests"].get(
                str(proxy.END_TXN), 0) > ended, "a second request", 5)
        except proxy.ProxyError:
            pass
    run.executor.stopping.wait(run.rng_of_faults.uniform(0.02, 0.3))
    _send_late(run)


@fault("F16-answer", "kafka", weight=0.7, needs=("proxy",), modes=("eos",))
def lose_answer(run, _):
    """The commit is done, and nobody hears of it."""
    with run.proxy_lock:
        run.proxy.drop_response("kafka", proxy.END_TXN, 1)


@fault("F16-fence", "coordinator", weight=0.7, modes=("eos",))
def fence(run, _):
    """Another producer takes the transactional id."""
    client = run.broker.client(timeout=3)
    try:
        client.take_over(run.transactional_id)
    except KafkaError:
        pass                    # the broker is down at the moment
    finally:
        client.close()


# Topics: F17.

def _topics(run):
    """A client and the names of the tables' topics, or None."""
    client = run.broker.client(timeout=3)
    try:
        return client, sorted(n for n in client.topics() if n.startswith(
            f"{run.prefix}.public."))
    except KafkaError:
        client.close()
        return None, []


def _pinned(run, client):
    """Topics whose number of partitions the forwarder has stored."""
    keys = (json.loads(record.key) for record in client.records(
        run.offsets_topic, 0, READ_COMMITTED))
    return {key["topic"] for key in keys if "topic" in key}


@fault("F17-partitions", "topics", weight=0.4, modes=("eos",), most=1)
def add_partitions(run, _):
    """Keys stay where they are; so that the new ones are seen, the forwarder
    starts again."""
    client, topics = _topics(run)
    if not topics:
        return
    try:
        for topic in sorted(_pinned(run, client) & set(topics)):
            client.add_partitions(topic, 5)
    except KafkaError:
        pass
    finally:
        client.close()
    run.forwarder.wait_running()
    run.forwarder.kill()


def allow_records(run, _):
    def done():
        client, topics = _topics(run)
        if client is None:
            return False
        try:
            for topic in topics:
                client.set_config(topic, "max.message.bytes", None)
            return True
        except KafkaError:
            return False
        finally:
            client.close()
    wait_until("limits of topics to be lifted", done, 60)


@fault("F17-limit", "topics", weight=0.4, seconds=(0.3, 1.5), most=2,
       heal=allow_records)
def refuse_records(run, _):
    """Topics take no record any more: what is refused was not delivered."""
    # An operator is wanted; it is us.
    run.forwarder.allowed_exits.add(4)
    client, topics = _topics(run)
    if client is None:
        return
    try:
        for topic in topics:
            client.set_config(topic, "max.message.bytes", "100")
    except KafkaError:
        pass
    finally:
        client.close()


# The schedule.

@dataclasses.dataclass
class Event:
    at: float                   # seconds from the beginning
    seconds: float
    fault: str
    variant: str
    began: float = None         # what became of it
    healed: float = None
    error: str = None

    @property
    def what(self):
        return REGISTRY[self.fault]


def schedule(rng, count, names, mode, parts, gap=0.9):
    """count events.  names: which faults may be chosen, None is all."""
    choice = [f for f in REGISTRY.values()
              if (names is None or any(
                  f.name == n or f.name.startswith(n + "-") for n in names))
              and mode in f.modes and set(f.needs) <= set(parts)]
    if not choice:
        raise HarnessError(f"no such faults: {names}")
    events, busy, used = [], {}, {}
    at = rng.uniform(0.5, 1.5)
    while len(events) < count:
        at += rng.expovariate(1 / gap)
        free = [f for f in choice if busy.get(f.subject, 0) <= at
                and used.get(f.name, 0) < f.most]
        if not free:
            if all(used.get(f.name, 0) >= f.most for f in choice):
                break
            continue
        chosen = rng.choices(free, [f.weight for f in free])[0]
        seconds = rng.uniform(*chosen.seconds)
        used[chosen.name] = used.get(chosen.name, 0) + 1
        # What comes back slowly is not broken again at once.
        rest = {"broker": 8, "postgres": 3}.get(chosen.subject, 0.3)
        busy[chosen.subject] = at + seconds + rest
        events.append(Event(round(at, 3), round(seconds, 3), chosen.name,
                            rng.choice(chosen.variants)))
    return events


class Executor:
    """Runs a schedule against a run."""

    def __init__(self, run, events):
        self.run_, self.events = run, events
        self.begun = None
        self.stopping = threading.Event()
        self.threads = []

    def start(self):
        self.begun = time.monotonic()
        subjects = {}
        for event in self.events:
            subjects.setdefault(event.what.subject, []).append(event)
        for subject, events in subjects.items():
            thread = threading.Thread(target=self._subject, args=(events,),
                                      daemon=True, name=subject)
            thread.start()
            self.threads.append(thread)

    def _now(self):
        return round(time.monotonic() - self.begun, 3)

    def _subject(self, events):
        for event in events:
            if self.stopping.wait(max(0, event.at - self._now())):
                return
            what = event.what
            event.began = self._now()
            try:
                what.begin(self.run_, event.variant)
                if what.heal:
                    self.stopping.wait(event.seconds)
                    what.heal(self.run_, event.variant)
            except (HarnessError, ConnectionLost, proxy.ProxyError) as error:
                event.error = str(error)
                return
            event.healed = self._now()

    def join(self, seconds=180):
        """Until all is begun and healed."""
        for thread in self.threads:
            thread.join(seconds)
            if thread.is_alive():
                raise HarnessError(f"faults of {thread.name} do not end")
        errors = [e for e in self.events if e.error]
        if errors:
            raise HarnessError(f"{errors[0].fault}: {errors[0].error}")
