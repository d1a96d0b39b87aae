"""Faults of the network: F15 and F16.  A leg is what the proxy calls a
listener; with several brokers, each of them has one and all are broken."""
from faults import fault
from kafka_log import KafkaError
from proxy import (ADD_PARTITIONS_TO_TXN, END_TXN, INIT_PRODUCER_ID, PRODUCE,
                   ProxyError)


def _legs(leg, weight):
    def command(run, call):
        run.at_proxy(leg, call)

    def reset(run, _):
        command(run, lambda p, name: p.reset(name))

    needs = (f"{leg}-leg",)
    more = {"needs": needs, "heal": reset}

    @fault(f"F15-cut-{leg}", leg, weight=weight, needs=needs)
    def cut(run, _):
        command(run, lambda p, name: p.cut(name))

    @fault(f"F15-refuse-{leg}", leg, weight=weight / 2, seconds=(0.1, 2),
           **more)
    def refuse(run, _):
        def both(p, name):
            p.refuse(name)
            p.cut(name)
        command(run, both)

    @fault(f"F15-half-{leg}", leg, ("c2s", "s2c"), weight=weight / 2,
           needs=needs)
    def half_close(run, direction):
        command(run, lambda p, name: p.half_close(name, direction))

    @fault(f"F15-hole-{leg}", leg, ("c2s", "s2c", "both"), weight=weight,
           seconds=(0.2, 6), **more)
    def blackhole(run, direction):
        command(run, lambda p, name: p.blackhole(name, direction))

    @fault(f"F15-latency-{leg}", leg, ("c2s", "s2c", "both"), weight=weight,
           seconds=(0.5, 5), **more)
    def latency(run, direction):
        """Up to two seconds."""
        least = run.chance.choice((0, 100, 500, 1000, 2000))
        jitter = min(run.chance.choice((0, 400, 2000)), 2000 - least)
        command(run, lambda p, name: p.latency(
            name, direction, least, jitter))

    @fault(f"F15-slow-{leg}", leg, ("c2s", "s2c"), weight=weight / 2,
           seconds=(0.5, 3), **more)
    def bandwidth(run, direction):
        command(run, lambda p, name: p.bandwidth(name, direction, 50000))

    @fault(f"F15-slice-{leg}", leg, ("c2s", "s2c", "both"),
           weight=weight / 2, seconds=(0.3, 1.5), **more)
    def slices(run, direction):
        command(run, lambda p, name: p.slice(name, direction))


_legs("pg", 1.0)
_legs("kafka", 1.0)


# F16: requests that are late or lost while the forwarder dies or goes on.

def _hold(run, key, seconds=3):
    """The next request of this kind is kept from the broker; False: none
    came."""
    with run.proxy_lock:
        run.proxy.hold("kafka", key, 1)
        try:
            run.proxy.wait("kafka", lambda s: s["held"], "a request", seconds)
        except ProxyError:
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
       needs=("kafka-leg",), without=("three",))
def hold_produce(run, variant):
    """The records of one partition stay away, the forwarder dies."""
    _hold_and_kill(run, PRODUCE, variant)


@fault("F16-end", "kafka", ("lost", "late"), weight=0.7, needs=("kafka-leg",),
       modes=("eos",),
       without=("three",))
def hold_end(run, variant):
    """A commit is asked for and does not arrive, the forwarder dies."""
    _hold_and_kill(run, END_TXN, variant)


@fault("F16-again", "kafka", weight=0.7, needs=("kafka-leg",), modes=("eos",),
       without=("three",))
def late_end(run, _):
    """A commit is asked for again, and the first request arrives when the
    next transaction is open (KAFKA-17754)."""
    if not _hold(run, END_TXN):
        return
    with run.proxy_lock:
        ended = run.proxy.stats("kafka")["requests"].get(
            str(END_TXN), 0)
        run.proxy.cut("kafka")
        try:
            run.proxy.wait("kafka", lambda s: s["requests"].get(
                str(END_TXN), 0) > ended, "a second request", 5)
        except ProxyError:
            pass
    run.executor.stopping.wait(run.rng_of_faults.uniform(0.02, 0.3))
    _send_late(run)


@fault("F16-answer", "kafka", weight=0.7, needs=("kafka-leg",), modes=("eos",),
       without=("three",))
def lose_answer(run, _):
    """The commit is done, and nobody hears of it."""
    with run.proxy_lock:
        run.proxy.drop_response("kafka", END_TXN, 1)


@fault("F16-fence", "coordinator", weight=0.7, modes=("eos",),
       without=("three", "acl"))
def fence(run, _):
    """Another producer takes the transactional id."""
    client = run.broker.client(timeout=3)
    try:
        client.take_over(run.transactional_id)
    except KafkaError:
        pass                    # the broker is down at the moment
    finally:
        client.close()


# The same over longer, with whatever happens meanwhile.

def _release(run, variant):
    """What was held comes over another connection, after what its sender has
    done since.  Its answer is for nobody."""
    if variant == "late":
        run.at_proxy("kafka", lambda p, name: p.release(name, fresh=True))
    run.at_proxy("kafka", lambda p, name: p.reset(name))


def _late(name, api, weight, also=(), begin=None, **more):
    @fault(f"F16-late-{name}", "kafka", ("late", "late", "drop"), weight=weight,
           seconds=(0.5, 7), heal=_release, needs=("kafka-leg",), also=also,
           **more)
    def hold(run, variant):
        count = run.chance.choice((1, 1, 2, 5))
        if variant == "late":
            run.at_proxy("kafka", lambda p, leg: p.hold(leg, api, count))
        else:
            run.at_proxy("kafka",
                         lambda p, leg: p.drop_response(leg, api, count))
        if begin:
            begin(run)


def _kill(run):
    run.forwarder.wait_running()
    run.forwarder.kill()


_late("end", END_TXN, 2, modes=("eos",))
_late("addparts", ADD_PARTITIONS_TO_TXN, 1, modes=("eos",))
_late("produce", PRODUCE, 1.2)
# That one is sent at a start.
_late("initpid", INIT_PRODUCER_ID, 0.8, also=("forwarder",), begin=_kill)


# The same for what PostgreSQL sends.

def _go_on(run, _):
    run.at_proxy("pg", lambda p, name: p.reset(name))


@fault("F16-data", "pg", ("data", "keepalive", "any"), seconds=(0.3, 7),
       needs=("pg-leg",), heal=_go_on)
def hold_data(run, variant):
    """The replication stream stands still before the next change, the next
    keepalive, or either; what goes the other way arrives."""
    kind = {"data": "w", "keepalive": "k", "any": None}[variant]
    run.at_proxy("pg", lambda p, name: p.hold_data(name, True, kind))
