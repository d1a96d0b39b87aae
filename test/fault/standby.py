"""The standby of the profile that has one, and what becomes of it.

Where PostgreSQL has failover slots (17 and newer) it keeps copies of those
that are made so, and the primary sends no change to a failover slot that the
standby does not have.  Both are undone for what must go wrong.

A standby that takes over is the primary from then on: the object that the
harness has for the primary becomes that server, and what was the standby is
the old primary, which is down, until a new standby is made.
"""
import oracle
from cluster import STANDBY, Cluster
from tools import HarnessError, wait_until

SYNCHRONOUS = "synchronous_standby_names"
HELD_BACK = "synchronized_standby_slots"

# A slot is looked at by the standby every 200 ms, or seldom if it was idle.
SYNCED = 60


class Standby:
    """node: the standby; the old primary once it has taken over."""

    def __init__(self, cluster, directory):
        self.cluster, self.directory = cluster, directory
        self.failover_slots = cluster.knows(HELD_BACK)
        self.node = None
        self.promoted = False
        self.logs = [cluster.log]

    def prepare(self):
        """It is there, and follows."""
        if self.node and not self.promoted:
            try:
                if self.node.process.poll() is not None:
                    self.node.start()
                self._wait_following(20)
            except HarnessError:
                self.destroy()
        if not self.node or self.promoted:
            self.make()
        self.replicate(False)
        self.hold_back(self.failover_slots)

    def make(self):
        """Anew, of what is the primary now."""
        self.destroy()
        for setting in SYNCHRONOUS, HELD_BACK:
            if setting == SYNCHRONOUS or self.failover_slots:
                self.cluster.alter(setting, "")
        wait_until("its slot to be free", lambda: self.cluster.sql(
            "postgres", "SELECT count(*) FROM pg_replication_slots WHERE "
            f"slot_name = '{STANDBY}' AND active") == "0")
        self.cluster.sql("postgres", (
            "SELECT pg_drop_replication_slot(slot_name) FROM "
            f"pg_replication_slots WHERE slot_name = '{STANDBY}'"))
        self.node = Cluster(self.directory / f"pg{len(self.logs)}",
                            standby_of=self.cluster)
        self.logs.append(self.node.log)
        self.promoted = False
        self.node.start()
        self._wait_following(60)

    def _wait_following(self, seconds):
        wait_until("the standby to follow", lambda: self.cluster.sql(
            "postgres", "SELECT 1 FROM pg_stat_replication WHERE "
            f"application_name = '{STANDBY}' AND state = 'streaming'"),
            seconds)

    def replicate(self, synchronous):
        """Do commits wait for it?"""
        self.cluster.alter(SYNCHRONOUS, STANDBY if synchronous else "")
        if synchronous:
            wait_until("the standby to be synchronous", lambda:
                       self.cluster.sql("postgres", (
                           "SELECT 1 FROM pg_stat_replication WHERE "
                           "sync_state = 'sync'")))

    def hold_back(self, changes):
        """Are changes kept from failover slots until it has them?"""
        if self.failover_slots:
            self.cluster.alter(HELD_BACK, STANDBY if changes else "")

    def has(self):
        """How far, as its slot tells, it has written WAL to disk."""
        return self.cluster.sql("postgres", (
            "SELECT restart_lsn FROM pg_replication_slots WHERE slot_name = "
            f"'{STANDBY}'"))

    def wait_level(self):
        """Until the primary knows that it needs nothing of the past.

        A new slot begins where the oldest one is, that of the standby
        included; one that begins earlier than the standby could is copied
        only once it has moved on, and the oracle's never does.
        """
        wait_until("the standby's horizon", lambda: self.cluster.sql(
            "postgres", "SELECT 1 FROM pg_replication_slots WHERE slot_name "
            f"= '{STANDBY}' AND catalog_xmin IS NULL AND xmin::text = "
            "pg_snapshot_xmin(pg_current_snapshot())::text"), 30)

    def wait_synced(self, *slots):
        """Until it keeps copies of these slots that outlive a promotion; one
        without is a refusal that is documented."""
        names = ", ".join(f"'{slot}'" for slot in slots)

        def synced():
            # Without it a copy of an idle slot has no snapshot to begin with.
            self.cluster.sql("postgres", "SELECT pg_log_standby_snapshot()")
            # That wakes the worker.
            self.node.sql("postgres", "SELECT pg_reload_conf()")
            return self.node.sql("postgres", (
                "SELECT count(*) FROM pg_replication_slots WHERE synced AND "
                "NOT temporary AND invalidation_reason IS NULL AND "
                f"slot_name IN ({names})")) == str(len(slots))
        wait_until("slots to be kept by the standby", synced, SYNCED,
                   pause=0.1)

    def take_over(self):
        """The primary is down for good.  Back when the other one is it."""
        if self.node.process.poll() is not None:
            self.node.start()
        self.node.sql("postgres", "SELECT pg_promote(true, 60)")
        wait_until("the promotion", lambda: self.node.sql(
            "postgres", "SELECT pg_is_in_recovery()") == "f")
        self.cluster.exchange(self.node)
        self.promoted = True

    def bring_back(self):
        """The old primary, for whoever wants to know what was committed
        there: nobody else knows its address any more."""
        self.node.start()
        # It has no standby to wait for.
        for setting in SYNCHRONOUS, HELD_BACK:
            if setting == SYNCHRONOUS or self.failover_slots:
                self.node.alter(setting, "")
        return self.node

    def destroy(self):
        if self.node:
            self.node.destroy()
        self.node = None


def parse_history(text):
    """[(the LSN at which a timeline was left, its number)] of a file of
    history."""
    rows = [line.split("\t") for line in text.splitlines()
            if line[:1].isdigit()]
    return [(oracle.lsn_number(lsn), int(number)) for number, lsn, *_ in rows]


def timelines(cluster):
    """What checker.Timelines wants of a server."""
    now = cluster.sql("postgres",
                      "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)")
    history = cluster.data / "pg_wal" / f"{now}.history"
    left = parse_history(history.read_text()) if history.exists() else []
    return left, int(now, 16)
