"""F9: a standby takes over, or is away for a while.

With failover slots the run goes on at the new primary.  Without them, or with
Kafka ahead of the standby, that is an ending: the forwarder must stop.  What
was committed is then told by the old primary, which is brought back for it
where nobody else finds it.
"""
import threading
import time

import oracle
import workload
from cluster import ConnectionLost
from faults import ending, fault
from tools import wait_until

WAYS = ("kill", "immediate", "fast", "behind")


class Witness(threading.Thread):
    """Commits one row after the other until the server is gone, and knows
    which of them it was told to be committed."""

    def __init__(self, run):
        super().__init__(daemon=True)
        self.session = run.cluster.session(
            run.database, run.directory / "witness.log")
        self.acknowledged = []

    def run(self):
        number = 10 ** 15
        try:
            while True:
                number += 1
                self.session.run(f"INSERT INTO {workload.AUDIT} VALUES "
                                 f"({number}, 'F9', 1);")
                self.acknowledged.append(number)
        except ConnectionLost:
            self.session.close()


def _point(run, cluster):
    """The address that the forwarder knows leads there."""
    with run.proxy_lock:
        run.proxy.target("pg", f"127.0.0.1:{cluster.port}")


def fail_over(run, way):
    """The primary goes, and the standby takes over.

    fast: a planned one, which leaves nothing behind; behind: the standby is
    away in the primary's last seconds.
    """
    primary, standby = run.cluster, run.servers.standby
    if way == "behind":
        standby.node.stop("fast")
        time.sleep(run.chance.uniform(0.3, 2))
    if way in ("kill", "behind"):
        primary.kill()
    else:
        primary.stop(way)
    # A name may lead to the new primary before it is one.
    early = run.chance.random() < 0.5
    if early:
        _point(run, standby.node)
        time.sleep(run.chance.uniform(0, 1))
    standby.take_over()
    if not early:
        _point(run, run.cluster)


@fault("F9", "postgres", WAYS, weight=14, most=1, also=("walsender",),
       needs=("failover-slots", "pg-leg"))
def promote(run, variant):
    """Once in a run: the next standby cannot keep the oracle's slot, which
    begins before that standby does."""
    standby = run.servers.standby
    standby.wait_synced(run.slot, run.audit_slot)
    run.witness = Witness(run)
    run.witness.start()
    time.sleep(run.chance.uniform(0.1, 0.5))
    fail_over(run, variant)
    run.witness.join(30)
    standby.make()
    standby.hold_back(True)
    standby.replicate(run.synchronous)


def _back(run, _):
    run.servers.standby.node.start()


@fault("F9-away", "postgres", ("fast", "immediate"), seconds=(0.3, 4),
       most=2, heal=_back, needs=("standby",))
def standby_away(run, variant):
    """Synchronous commits and failover slots stand still meanwhile."""
    run.servers.standby.node.stop(variant)


def _tell(run, _):
    """The old primary knows what was committed."""
    if run.servers.standby.promoted:
        run.audited = run.servers.standby.bring_back()


def _tell_and_begin_anew(run, variant):
    """A new process without a stored position cannot know that there was a
    slot: it makes one."""
    _tell(run, variant)
    forwarder = run.forwarder
    if run.pinned or not forwarder.refused():
        return
    forwarder.start()
    wait_until("it to start", forwarder.running, 10)

    def decided():
        return not forwarder.supervisor.is_alive() or run.streaming()
    wait_until("a slot to be made", decided, 60)
    if not run.streaming():
        run.faults.add("refusal", run.slot, (
            "a new process has no position, and should have made a slot; "
            f"exits: {forwarder.exits[-3:]}"))


@ending("F9-gone", WAYS, (5,), weight=10, heal=_tell_and_begin_anew,
        needs=("standby", "pg-leg"), without=("failover-slots",))
def promote_without_slot(run, variant):
    """The slot stayed with the old primary."""
    fail_over(run, variant)


@ending("F9-ahead", ("asynchronous", "synchronous"), (5,), weight=8,
        heal=_tell, needs=("failover-slots", "pg-leg"))
def promote_behind_kafka(run, variant):
    """Kafka has what the standby never got.  A synchronous standby does not
    help: a transaction that still waits for it is decoded already."""
    standby = run.servers.standby
    standby.hold_back(False)
    standby.replicate(variant == "synchronous")
    standby.wait_synced(run.slot)
    standby.node.stop("fast")
    has = standby.has()

    def more():
        return run.cluster.sql("postgres", (
            "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            if variant == "synchronous" else
            f"SELECT 1 WHERE pg_current_wal_lsn() - '{has}' > 20000"))
    wait_until("a commit that the standby has not", more, 30)
    at = oracle.lsn_text(run.cluster.insert_lsn())
    run.bound = oracle.lsn_number(wait_until(
        "Kafka to be ahead", lambda: run.cluster.sql("postgres", (
            "SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE "
            f"slot_name = '{run.slot}' AND confirmed_flush_lsn >= '{at}'")),
        30))
    run.cluster.kill()
    standby.take_over()
    _point(run, run.cluster)
