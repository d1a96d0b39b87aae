"""Faults of PostgreSQL: F4 to F8, F10."""
import os
import signal
import time

import disk
from faults import ending, fault
from tools import HarnessError, wait_until


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


# F7.  Whatever else could hold up the server must not do so meanwhile.

# What the server may take beyond walferry.shutdown.grace.ms; five seconds are
# what docs/operations.md says, the rest is for a busy machine.
MORE_GRACE = 5 + 6


def _after_stop(run, _):
    run.at_proxy("kafka", lambda p, name: p.reset(name))
    run.cluster.start()


@fault("F7", "postgres", ("refuse", "hole"), seconds=(0.2, 2), most=1,
       weight=0.7, heal=_after_stop, needs=("kafka-leg",),
       also=("walsender", "pg", "kafka", "forwarder", "broker"))
def fast_stop(run, variant):
    """A fast shutdown while Kafka is away ends, within the grace."""
    run.forwarder.wait_running()

    def away(p, name):
        if variant == "refuse":
            p.refuse(name)
            p.cut(name)
        else:
            p.blackhole(name, "both")
    run.at_proxy("kafka", away)
    time.sleep(run.chance.uniform(0, 1))
    grace = run.grace_ms / 1000
    begun = time.monotonic()
    run.cluster.stop("fast", timeout=grace + 60)
    took = time.monotonic() - begun
    if took > grace + MORE_GRACE:
        run.faults.add("shutdown", "PostgreSQL", (
            f"a fast shutdown took {took:.1f} s, the grace is {grace} s"))


# F8: a disk of the server is full.  See disk.py.

def _empty_disk(run, variant):
    disk.empty(run.servers.disks[variant])
    if variant == "wal":
        # It panics; in the recovery it may end for good.
        def up():
            if run.cluster.process.poll() is not None:
                run.cluster.start()
            return run.cluster.running()
        wait_until("PostgreSQL to come back", up, 90)


@fault("F8", "postgres", ("wal", "slots"), seconds=(0.5, 3), most=1,
       weight=0.8, heal=_empty_disk, needs=("disks",), also=("walsender",))
def fill_disk(run, variant):
    if variant == "wal":
        run.panics = True
    disk.fill(run.servers.disks[variant])
    if variant == "wal":
        # Whatever segments are there already do not last long.
        try:
            for _ in range(64):
                run.cluster.sql("postgres", (
                    "SELECT pg_logical_emit_message(false, 'fill', 'x'), "
                    "pg_switch_wal()"), timeout=20)
        except HarnessError:
            pass


# F10: the slot is gone, or not where it was.  After that there is no going
# on: what lies between cannot be had any more.

def _take_slot(run, then):
    """SQL about the slot, at a moment when nobody has it."""
    def taken():
        try:
            run.cluster.sql(run.database, (
                "SELECT pg_terminate_backend(active_pid) FROM "
                "pg_replication_slots WHERE active_pid IS NOT NULL AND "
                f"slot_name = '{run.slot}'"))
            run.cluster.sql(run.database, then)
            return True
        except HarnessError as error:
            if " is active for " not in str(error):
                raise
        return False
    wait_until("the slot to be free", taken, 30, pause=0.001)


def _restore_limit(run, variant):
    if variant == "lost":
        run.cluster.sql("postgres",
                        "ALTER SYSTEM RESET max_slot_wal_keep_size")
        run.cluster.sql("postgres", "SELECT pg_reload_conf()")


@ending("F10", ("drop", "recreate", "advance", "plugin", "lost"), (3, 5),
        heal=_restore_limit)
def take_slot_away(run, variant):
    drop = f"SELECT pg_drop_replication_slot('{run.slot}')"
    create = "SELECT pg_create_logical_replication_slot"
    run.ending_exits = {3} if variant == "plugin" else {5}
    if variant == "drop":
        _take_slot(run, drop)
    elif variant == "recreate":
        _take_slot(run, f"{drop}; {create}('{run.slot}', 'walferry')")
    elif variant == "plugin":
        _take_slot(run, f"{drop}; {create}('{run.slot}', 'test_decoding')")
    elif variant == "advance":
        # What the forwarder was sent it may still deliver; there must be
        # something that it was not.
        run.forwarder.signal(signal.SIGSTOP)
        _take_slot(run, "SELECT 1")
        time.sleep(0.5)
        run.quiesce()
        _take_slot(run, (
            f"SELECT pg_replication_slot_advance('{run.slot}', "
            "pg_current_wal_lsn())"))
        run.forwarder.signal(signal.SIGCONT)
    else:
        # That takes the oracle's slot as well, so it is read before.
        run.forwarder.signal(signal.SIGSTOP)
        time.sleep(0.5)
        run.quiesce()
        run.early_history = run.read_oracle()
        run.cluster.sql("postgres",
                        "ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
        run.cluster.sql("postgres", "SELECT pg_reload_conf()")

        def lost():
            run.cluster.sql("postgres", (
                "SELECT pg_logical_emit_message(false, 'fill', 'x'), "
                "pg_switch_wal()"))
            run.cluster.sql("postgres", "CHECKPOINT")
            return run.cluster.sql("postgres", (
                "SELECT wal_status FROM pg_replication_slots WHERE "
                f"slot_name = '{run.slot}'")) == "lost"
        wait_until("the slot to be invalidated", lost, 60)
        run.forwarder.signal(signal.SIGCONT)
