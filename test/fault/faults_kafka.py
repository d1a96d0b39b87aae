"""Faults of Kafka: F11 to F14, F17, F18."""
import json
import time

import disk
from faults import ending, fault
from kafka_log import (ACL_ALL, ACL_TOPIC, ACL_TRANSACTIONAL_ID, ACL_WRITE,
                       READ_COMMITTED, KafkaError)
from tools import HarnessError, wait_until


def restart_broker(run, _):
    run.broker.restart()


@fault("F11", "broker", weight=0.6, seconds=(0, 3), most=1,
       heal=restart_broker, without=("three",))
def kill_broker(run, _):
    run.broker.kill()


@fault("F12", "broker", weight=0.4, seconds=(0, 1), most=1,
       heal=restart_broker, without=("three",))
def stop_broker(run, _):
    run.broker.stop()


def resume_broker(run, _):
    run.broker.resume()


@fault("F13", "broker", ("short", "long"), weight=0.5, most=2,
       seconds={"short": (0.2, 4), "long": (6, 9)},
       heal=resume_broker, without=("three",))
def pause_broker(run, _):
    """SIGSTOP; the longest are longer than some transaction.timeout.ms."""
    run.broker.pause()


# F14: three brokers; leaders and coordinators move.

def _with_client(run, call):
    """What call(client) gives; it is tried again while brokers come and
    go."""
    def done():
        client = run.broker.client(timeout=5)
        try:
            return [call(client)]
        except (KafkaError, OSError):
            return None
        finally:
            client.close()
    return wait_until("an answer from a broker", done, 60)[0]


def _heal_node(run, variant):
    if variant == "elect":
        return
    node = run.broker.nodes[run.victim]
    if variant == "pause":
        node.resume()
    else:
        node.restart()


def _lose_node(run, variant, number):
    run.victim = number - 1
    node = run.broker.nodes[run.victim]
    if variant == "pause":
        node.pause()
    elif variant == "stop":
        node.stop()
    else:
        node.kill()


@fault("F14", "broker", ("kill", "stop", "pause", "elect"),
       seconds=(0.5, 8), most=3, weight=5, heal=_heal_node,
       needs=("three",))
def move_leader(run, variant):
    """A broker goes, and what it led moves to another."""
    if variant == "elect":
        _with_client(run, lambda c: c.elect_leaders())
        return
    topics = _with_client(run, lambda c: {
        name: partitions for name, partitions in c.topics().items()
        if name.startswith(f"{run.prefix}.")})
    _lose_node(run, variant, run.chance.choice(sorted(
        leader for partitions in topics.values()
        for leader in partitions.values() if leader > 0)))


@fault("F14-coordinator", "broker", ("kill", "stop", "pause"),
       seconds=(0.5, 8), most=2, weight=4, heal=_heal_node, modes=("eos",),
       needs=("three",))
def move_coordinator(run, variant):
    """The broker goes that coordinates the transactions."""
    _lose_node(run, variant, _with_client(
        run, lambda c: c.coordinator(run.transactional_id)))


# F17: topics and rights.

def _some_table(run):
    """One whose topic is there already."""
    def there():
        topics = _with_client(run, lambda c: c.topics())
        return [t for t in sorted(run.keys) if f"{run.prefix}.{t}" in topics]
    return run.chance.choice(wait_until("a topic", there, 30))


def _delete(run, topic, again=0):
    """Deleted, and made again with so many partitions.  The LSN up to which
    what was in it may be gone."""
    def gone(client):
        client.delete_topics([topic])
        # It may be there again, by the forwarder.
        partitions = client.topics().get(topic)
        if not partitions:
            return True
        if sum(client.end_offset(topic, p) for p in partitions) == 0:
            return True
        raise KafkaError("not deleted yet")
    _with_client(run, gone)
    if again:
        def create(client):
            if len(client.topics().get(topic, ())) != again:
                client.delete_topics([topic])
                client.create_topic(topic, again)
        _with_client(run, create)
    # What was written a moment ago may have gone to the old one.
    time.sleep(0.5)
    return run.wait_insert_lsn()


@fault("F17-topic", "topics", ("delete", "recreate"), most=1, weight=0.5,
       without=("three", "acl"), also=("broker",))
def delete_topic(run, variant):
    """What was in the topic is gone; everything after that must be there."""
    table = _some_table(run)
    # Noted first: a checker that sees it gone knows why.
    run.excused[table] = 1 << 64
    run.excused[table] = _delete(run, f"{run.prefix}.{table}",
                                 3 if variant == "recreate" else 0)


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


@fault("F17-partitions", "topics", weight=0.4, modes=("eos",), most=1,
       without=("three", "acl"))
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
       heal=allow_records, without=("three", "acl"))
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


@ending("F17-offsets", ("",), (5,), modes=("eos",), needs=("pinned",),
        without=("acl",))
def delete_offsets(run, _):
    """Without the position nobody knows where to go on.  At least once, the
    slot knows: that goes on with a warning."""
    _with_client(run, lambda c: c.delete_topics([run.offsets_topic]))
    run.positions_gone = True
    run.wake()


@ending("F17-fewer", ("",), (5,), needs=("pinned",),
        without=("three", "acl"))
def fewer_partitions(run, _):
    """A topic that comes back with fewer partitions than were pinned."""
    table = _some_table(run)
    run.excused[table] = 1 << 64
    _delete(run, f"{run.prefix}.{table}", 1)
    run.wake()


def _allow(run, variant):
    _with_client(run, lambda c: c.delete_acls(deny=True))


@fault("F17-acl", "acl", ("topic", "transaction"), seconds=(0.5, 4), most=3,
       weight=4, needs=("acl",), heal=_allow)
def revoke(run, variant):
    """It stops with exit code 4, each time that it is started, until it may
    write again."""
    run.forwarder.allowed_exits.add(4)
    if variant == "transaction" and run.mode == "eos":
        what = ACL_TRANSACTIONAL_ID, run.transactional_id, ACL_ALL
    else:
        what = ACL_TOPIC, f"{run.prefix}.{_some_table(run)}", ACL_WRITE
    _with_client(run, lambda c: c.add_acl(*what, "User:walferry", deny=True))


# F18: a broker's disk is full; it ends then.  One that stands alone may lose
# what it has acknowledged, ends of transactions among it: where that comes by
# chance, nobody can tell what is walferry's.

def _empty_broker(run, _):
    disk.empty(run.servers.disks["kafka"])
    run.broker.restart()


@fault("F18", "broker", seconds=(0.5, 3), most=1, weight=0.4,
       heal=_empty_broker, needs=("disks",), without=("three",),
       by_name=True)
def fill_broker(run, _):
    disk.fill(run.servers.disks["kafka"])


def _empty_node(run, _):
    disk.empty(run.servers.disks["kafka"])
    run.broker.nodes[0].restart()


@fault("F18-replica", "broker", seconds=(0.5, 6), most=1, weight=2,
       heal=_empty_node, needs=("disks", "three"))
def fill_replica(run, _):
    """One of three, which replicas stand in for: nothing may be lost."""
    disk.fill(run.servers.disks["kafka"])
