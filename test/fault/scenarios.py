"""Which situation brings out which seeded bug (forwarder/fault.c, and
decoder/seeded.c for those of the extension).

A scenario is what the harness always does, with the workloads, faults and
settings in which that mistake must show, and for some a script: steps that
would come together by chance too rarely.  Without the bug the same scenario
has to pass.

The seed decides on moments, as everywhere; so a scenario is run with several.
"""
import dataclasses
import shutil
import signal
import subprocess
import time

import oracle
import positions
import proxy
from kafka_log import READ_COMMITTED, KafkaError
from tools import HarnessError, wait_until


@dataclasses.dataclass
class Scenario:
    bug: str
    mode: str
    workloads: tuple
    faults: tuple = ()          # scheduled, if count is not 0
    count: int = 0
    script: object = None
    config: dict = dataclasses.field(default_factory=dict)
    seconds: float = 2          # of work, at least
    extension: bool = False     # the bug is one of the extension's


# Steps of scripts.

def stored_position(run):
    """The last position that Kafka has committed."""
    client = run.broker.client()
    try:
        found = 0
        for record in client.records(run.offsets_topic, 0, READ_COMMITTED):
            value = positions.parse(record.key, record.value)
            if value:
                found = oracle.lsn_number(value["end_lsn"])
        return found
    finally:
        client.close()


def work_until_stored(run, lsn, seconds=30):
    def stored():
        try:
            return stored_position(run) > lsn
        except KafkaError:
            return False
    wait_until("positions to be stored", stored, seconds)


def wait_streaming(run, starts):
    """Until the stream was started that often."""
    wait_until("the stream", lambda: run.forwarder.count_log(
        " streaming slot=") >= starts, 30)


def expect_refusal(run, what, code=5):
    """Started now, it must stop: going on would leave something out.  If it
    goes on, the run does as well, and shows what is left out."""
    forwarder = run.forwarder
    starts = forwarder.count_log(" streaming slot=")
    forwarder.let_go()

    def decided():
        return (code, False) in forwarder.exits or \
            forwarder.count_log(" streaming slot=") > starts
    wait_until("a decision about the start", decided, 30)
    if (code, False) in forwarder.exits:
        run.refused = True
    else:
        run.faults.add("refusal", run.slot, f"goes on, although {what}")


def dies(run, starts, seconds=20):
    """Until the failpoint has ended the process that was start number
    'starts'; False if it was not reached."""
    try:
        wait_until("the failpoint", lambda: len(run.forwarder.exits) >= starts,
                   seconds)
        return True
    except HarnessError:
        return False


# Scripts.

def slow_commits(run):
    """A commit takes its time, so that what is confirmed too early is seen
    while it is; nobody is killed."""
    for _ in range(4):
        with run.proxy_lock:
            run.proxy.hold("kafka", proxy.END_TXN, 1, "stall")
        time.sleep(0.6)
        with run.proxy_lock:
            run.proxy.release("kafka")
        time.sleep(0.2)


def move_slot(run):
    """Somebody advances the slot while no forwarder runs."""
    work_until_stored(run, 0)
    run.forwarder.hold()
    before = run.cluster.insert_lsn()
    wait_until("something to be written", lambda:
               run.cluster.insert_lsn() > before + 20000)

    def moved():
        # The killed one's walsender may still be there.
        try:
            run.cluster.sql(run.database, "SELECT pg_replication_slot_advance("
                            f"'{run.slot}', pg_current_wal_lsn())")
            return True
        except HarnessError as error:
            if "is active" in str(error):
                return False
            raise
    wait_until("the slot to be free", moved)
    expect_refusal(run, "the slot was moved")


def put_back(data, backup):
    """The backup becomes the data directory; what was elsewhere, as WAL and
    slots may be, stays there."""
    for name in "pg_wal", "pg_replslot":
        place = data / name
        if place.is_symlink():
            target = place.resolve()
            shutil.rmtree(target)
            shutil.move(backup / name, target)
            (backup / name).symlink_to(target)
    shutil.rmtree(data)
    backup.rename(data)


def lose_history(run):
    """PostgreSQL comes back on a new timeline that lacks what Kafka has."""
    cluster = run.cluster
    backup = cluster.directory / "backup"
    shutil.rmtree(backup, ignore_errors=True)
    work_until_stored(run, 0)
    cluster.stop("fast")
    shutil.copytree(cluster.data, backup)
    cluster.start()
    after = cluster.insert_lsn()
    work_until_stored(run, after + 20000)
    run.forwarder.hold()
    cluster.kill()
    stored = stored_position(run)
    put_back(cluster.data, backup)
    with open(cluster.data / "postgresql.auto.conf", "a") as f:
        f.write("restore_command = 'false'\n")
    (cluster.data / "recovery.signal").touch()
    cluster.start()
    wait_until("the end of recovery", lambda: cluster.sql(
        "postgres", "SELECT pg_is_in_recovery()") == "f")
    wait_until("the new timeline to be longer", lambda:
               cluster.insert_lsn() > stored + 20000)
    expect_refusal(run, "its position is not in this server's history")


def split_and_kill(run):
    """The forwarder dies within transactions that it has published in part:
    before the third part, with the second one stored if it is of the same
    transaction.  They come slowly, so that most have several."""
    forwarder = run.forwarder
    with run.proxy_lock:
        run.proxy.bandwidth("pg", "s2c", 300000)
    for _ in range(4):
        number = len(forwarder.exits) + 1
        forwarder.arm("partial_cut@3=kill")
        forwarder.kill()
        dies(run, number + 1)
    with run.proxy_lock:
        run.proxy.reset("pg")


def outlived(run):
    """A forwarder sleeps with a transaction in its hands, its successor
    starts; it wakes up, commits if it still may, and dies."""
    forwarder = run.forwarder
    work_until_stored(run, 0)
    at = len(forwarder.exits)
    forwarder.arm("position_submitted@5=stop;commit_done@5=kill")
    forwarder.kill()

    def stopped():
        process = forwarder.process
        return process and "name=position_submitted" in \
            forwarder.log_text() and state_of(process.pid) == "T"
    wait_until("the forwarder to stop", stopped, 20)

    # Its connections stay open as far as it can tell.
    with run.proxy_lock:
        run.proxy.blackhole("pg", "s2c")
    run.cluster.sql("postgres", "SELECT pg_terminate_backend(pid) FROM "
                    "pg_stat_activity WHERE usename = 'walferry'")
    config = dict(forwarder.config)
    forwarder.config["database.port"] = run.cluster.port
    forwarder.write_config()
    forwarder.arm("position_read=sleep:1500")
    old = forwarder.leave_behind()
    wait_until("the successor to have read", lambda:
               "name=position_read" in forwarder.log_text(), 20)
    old.send_signal(signal.SIGCONT)
    try:
        old.wait(3)
    except subprocess.TimeoutExpired:
        old.kill()              # it was shut out, and cannot commit
        old.wait()
    forwarder.config = config
    forwarder.write_config()
    with run.proxy_lock:
        run.proxy.reset("pg")
    wait_until("the successor to go on", lambda: forwarder.process and
               forwarder.count_log(" streaming slot=") >= at + 2, 30)


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def lose_frame(run):
    """A piece of the stream is missing, within a transaction."""
    # The commit's counts tell, and it stops; an operator starts it again.
    # What follows the gap was sent by then, with positions that are wrong.
    run.forwarder.allowed_exits.add(5)
    run.aborted_differs = True
    try:
        with run.proxy_lock:
            before = run.proxy.stats("pg")["lost"]
            run.proxy.lose_data("pg", 1, FULL_FRAME)
        run.proxy.wait("pg", lambda s: s["lost"] > before, "a lost frame", 30)
    except proxy.ProxyError as error:
        raise HarnessError(str(error)) from None
    time.sleep(1)


# A frame goes out when it has reached this (frame_bytes): its transaction has
# others.  To miss a whole transaction is nothing that a reader could notice.
FULL_FRAME = 32768

SCENARIOS = (
    Scenario("ack_before_commit", "eos", ("W1", "W2"), script=slow_commits),
    Scenario("ack_before_commit", "alo", ("W1", "W2"), ("F16-produce",), 5),
    Scenario("ack_commit_lsn", "eos", ("W1", "W2"), ("F1",), 3),
    Scenario("ack_out_of_order", "alo", ("W1", "W2"), ("F16-produce",), 5),
    Scenario("adopt_keepalive_unstored", "eos", ("W1", "W8", "W10")),
    Scenario("adopt_keepalive_unstored", "alo", ("W1", "W8", "W10"),
             config={"walferry.position.store": "topic"}),
    Scenario("keepalive_in_flight", "eos", ("W1", "W2"), script=slow_commits),
    Scenario("keepalive_in_flight", "alo", ("W1", "W2"), ("F16-produce",), 5),
    Scenario("skip_by_change_lsn", "alo", ("W1", "W3", "W4"), ("F1", "F4"),
             12),
    Scenario("drop_last_change", "alo", ("W1", "W3")),
    Scenario("fast_default_to_null", "alo", ("W7",), extension=True),
    Scenario("old_key_left_out", "eos", ("W4", "W7"), extension=True),
    Scenario("repeat_after_retry", "eos", ("W1", "W2"), ("F4",), 8),
    Scenario("ignore_failed_report", "alo", ("W1", "W2"), ("F17-limit",), 2),
    Scenario("ignore_gap_in_stream", "eos", ("W3",), script=lose_frame),
    Scenario("partial_off_by_one", "eos", ("W3",), script=split_and_kill,
             config={"walferry.transaction.split.ms": 5}),
    Scenario("position_before_init", "eos", ("W1", "W2"), script=outlived),
    Scenario("position_read_uncommitted", "eos", ("W1", "W2"), ("F16-end",),
             6),
    Scenario("position_not_in_transaction", "eos", ("W1", "W2"), ("F1",), 5),
    Scenario("no_epoch_renewal", "eos", ("W1", "W3"), ("F16-again",), 10),
    Scenario("no_slot_check", "eos", ("W1", "W2"), script=move_slot),
    Scenario("no_timeline_check", "eos", ("W1", "W2"), script=lose_history),
    Scenario("stale_partition_count", "eos", ("W1", "W2"),
             ("F17-partitions",), 1, seconds=4),
    Scenario("toast_to_null", "alo", ("W4",)),
    Scenario("truncate_one_partition", "alo", ("W11",)),
)
