"""Does a Kafka log hold the history: all of it, nothing else, in order?

    check = Checker(history, "alo", "eos" or "uncommitted")
    for each partition, from its first record to its last:
        check.record(topic, partition, record)
    faults = check.finish()

Streaming: of each partition it keeps how far it is; of the whole history a
few bytes a record.  What it finds is a list of Fault, each of a kind:

  lost        a committed transaction has no record in Kafka             (I1)
  partial     a committed transaction has some of its records, not all   (I6)
  phantom     a record of something that was never committed             (I2)
  content     a record that does not say what was committed
  place       a record in the wrong topic, or without a position
  timeline    a position on another timeline than its transaction's
  moved       a record or a key in two partitions, or a truncate in one twice
  repeat      exactly once: a record came twice; at least once: a replay
              begins with what was confirmed before its start           (I3)
  order       a record came after one that was committed later           (I4)
  gap         at least once: a replay leaves something out, or one begins
              within a transaction                                       (I3)
  version     a counter did not go up by one                             (I5)
  balance     a transfer whose entries do not add up to 0, or an account
              that does not go up by its entries                        (I10)
  table       a table rebuilt from its topic is not what PostgreSQL has   (I9)
  prefix      what was read while the run lasted is not how its partition
              begins in the end                                          (I6)
  chain       a position record that does not fit the one before it, or
              the history                                            (I6, I7)

A session is what one producer wrote, by its id and epoch as the log has them.
Within a session everything must come in order and without a gap; a new one
may begin again at or before the end of what is there, at the beginning of a
transaction.  A session that is dead may still arrive late, between the records
of its successor: at least once cannot exclude that, exactly once does.

"uncommitted" is a log of exactly once with what was aborted: any record may be
there more than once and in any order, but each must say what was committed.
"""
import array
import bisect
import collections
import re

import oracle
import values

_POSITION = re.compile(
    rb"([0-9A-F]{8})-([0-9A-F]{16})-([0-9A-F]{12})-([0-9A-F]{4})")
HEADER = "walferry.position"

Fault = collections.namedtuple("Fault", "kind where what")
Position = collections.namedtuple("Position", "timeline end_lsn ordinal part")

# Of each kind this many are told in full; all are counted.
_TOLD = 5


def parse_position(header):
    """A Position, or None if it is not well formed."""
    match = _POSITION.fullmatch(header)
    return match and Position(*(int(part, 16) for part in match.groups()))


class Faults:
    """Found faults: few in full, all by number."""

    def __init__(self):
        self.told = []
        self.counts = collections.Counter()

    def add(self, kind, where, what):
        self.counts[kind] += 1
        if self.counts[kind] <= _TOLD:
            self.told.append(Fault(kind, where, what))


class Timelines:
    """On which timeline what ended where was written.

    left: [(the LSN at which one was left, its number)], from the first; now:
    the present one.  What ends exactly where one was left is on that.
    """

    def __init__(self, left, now):
        self.until = [lsn for lsn, _ in left]
        self.numbers = [number for _, number in left] + [now]

    def at(self, end_lsn):
        return self.numbers[bisect.bisect_left(self.until, end_lsn)]


class Told:
    """What a slot was seen to have confirmed before each start of a stream.

    The position is read first, and then how many starts the log has: so a
    start that is not among them came later.  Between two looks it may have
    got on, so this is no more than it was, and what came before it must not
    come again.
    """

    def __init__(self):
        self.seen = []              # (starts, LSN or None), both as they came

    def note(self, starts, lsn):
        """lsn None: the server was away, and the slot may have fallen back."""
        if not self.seen or self.seen[-1] != (starts, lsn):
            self.seen.append((starts, lsn))

    def before(self, start):
        """Before that start, the first is 1; 0 if nothing is known."""
        best = 0
        for starts, lsn in self.seen:
            if lsn is None:
                # Also for a start that was counted when this was noticed: it
                # may have been after the server came back.
                best = 0
            elif starts < start:
                best = max(best, lsn)
            if starts >= start:
                break
        return best


class Clock:
    """The forwarder's time of day, where it was made to jump.

    jumps: (from, to, by), each in ms, the first two of true time; meanwhile it
    showed so much more than that.  begun, ended: nobody looked at it before
    or after.
    """

    # Between a jump's being noted and its being done.
    SLACK = 1000

    def __init__(self, jumps=(), begun=float("-inf"), ended=float("inf")):
        self.jumps = list(jumps)
        self.begun, self.ended = begun, ended

    def true(self, shown):
        """When it may have shown this: none, one or several moments."""
        times = [shown - by for since, until, by in self.jumps
                 if since <= shown - by <= until]
        if not any(since + self.SLACK < shown < until - self.SLACK
                   for since, until, _ in self.jumps):
            times.append(shown)
        return [t for t in times if self.begun <= t <= self.ended]


# What one forwarder's log tells of its streams: when each was started, in ms
# as its clock shows; a Told; when it had ended for good, in true time.
Stream = collections.namedtuple("Stream", "begun told ended",
                                defaults=(None,))


class Starts:
    """What was confirmed before the start of the stream that brought a
    record, by the time at which it was made.

    With several forwarders, or where a clock has shown the same time twice,
    that may be one of several starts.  What was confirmed before the least of
    them must not come again.
    """

    def __init__(self, streams, clock=None):
        self.clock = clock or Clock()
        self.starts = []        # (earliest, until when, told before)
        for begun, told, ended in streams:
            moments = [self.clock.true(ms) or [float("-inf"), float("inf")]
                       for ms in begun]
            for n, times in enumerate(moments):
                until = max(moments[n + 1]) if n + 1 < len(moments) \
                    else ended or float("inf")
                self.starts.append((min(times), until, told.before(n + 1)))

    def told_before(self, made_ms):
        # What was made in the millisecond of a start may be of the one before;
        # and the server may have fallen back between the two.
        return min((told for at in self.clock.true(made_ms)
                    for earliest, until, told in self.starts
                    if earliest <= at <= until), default=0)


class _Partition:
    """What is known of one partition."""

    def __init__(self):
        self.highest = (0, 0, 0, 0)
        self.order = array.array("I")   # records in the order they came first
        self.sessions = {}              # (pid, epoch) -> place in order
        self.replays = 0


class Checker:
    def __init__(self, history, mode, prefix="", faults=None,
                 counters=None, entries=None, accounts=None, excused=None,
                 timelines=None, since=None):
        """counters: a table (id, version) whose versions go up by one;
        entries: a table (account, amount) that sums up to 0 in each
        transaction; accounts: a table (id, balance) that goes with it.
        timelines, since: see Timelines, Starts; without, nobody looks.
        excused: {table: LSN} of tables whose topic was deleted, with what
        had been committed up to that LSN."""
        if mode not in ("alo", "eos", "uncommitted"):
            raise ValueError(mode)
        self.history = history
        self.mode = mode
        self.prefix = prefix
        self.faults = faults if faults is not None else Faults()
        self.timelines, self.since = timelines, since
        self.count = bytearray(len(history))    # of each record, up to 255
        self.place = array.array("I", [0]) * len(history)
        self.partitions = {}
        self.key_partition = {}
        self.excused = excused or {}
        self.counters, self.versions = counters, {}
        self.entries, self.sums = entries, collections.Counter()
        # What an account went up by and its entries do not tell.
        self.accounts, self.moves = accounts, collections.Counter()
        if counters in self.excused:
            self.counters = None
        if entries in self.excused:
            self.entries = self.accounts = None
        if accounts in self.excused:
            self.accounts = None
        self.rebuilt = collections.defaultdict(dict)
        # Of tables without a key: how often there is each row.
        self.counted = collections.defaultdict(collections.Counter)
        self.records = self.repeats = self.largest_replay = 0
        self.largest_window = 0         # in bytes of WAL
        self.replayed = 0               # replays in all, and those of them
        self.bounded = 0                # that were held to the bound

    def partition(self, topic, number):
        key = topic, number
        if key not in self.partitions:
            self.partitions[key] = _Partition()
        return self.partitions[key]

    def record(self, topic, number, record):
        where = f"{topic}/{number}@{record.offset}"
        history, faults = self.history, self.faults
        part = self.partition(topic, number)
        self.records += 1
        header = record.headers.get(HEADER)
        position = header and parse_position(header)
        if not position:
            faults.add("place", where, f"position header is {header!r}")
            return
        txn, index = history.record(position.end_lsn, position.ordinal,
                                    position.part)
        if index is None:
            faults.add("phantom", where, (
                f"{header.decode()} has no such change or part" if txn else
                f"nothing committed at {header.decode()}"))
            return
        if self.timelines:
            timeline = self.timelines.at(position.end_lsn)
            if position.timeline != timeline:
                faults.add("timeline", where, f"{header.decode()} was "
                           f"committed on timeline {timeline}")
        first = self.count[index] == 0
        self._content(where, topic, number, record, index, txn)
        if self.mode == "eos":
            self._order_once(where, part, position, header, first)
        elif self.mode == "alo":
            self._order_replays(where, part, position, header, index, txn,
                                record)
        if self.count[index] < 255:
            self.count[index] += 1
        if first and self.mode != "uncommitted":
            self._apply(where, number, index, record, txn)

    def _content(self, where, topic, number, record, index, txn):
        history = self.history
        self.event = None, None, None       # believed only at the end
        table = history.tables[index]
        shape = history.shapes[index]
        if topic != f"{self.prefix}.{table}":
            self.faults.add("place", where, f"a change of {table}")
            return
        try:
            key = {}
            if record.key is not None:
                key = values.row_from_event(shape, values.parse(record.key))
            digest = oracle.key_digest(key)
            if digest != history.keys[index]:
                self.faults.add("content", where, f"key is {record.key!r}")
            if history.digests[index] == oracle.TRUNCATE_DIGEST:
                if history.parts[index] != number:
                    self.faults.add("moved", where, "a truncate, part "
                                    f"{history.parts[index]}")
            elif history.key_columns[table]:
                was = self.key_partition.setdefault((table, digest), number)
                if was != number:
                    self.faults.add("moved", where,
                                    f"key {record.key!r} was in {was}")
            event = event_rows(record.value, shape)
            digest = oracle.content_digest(*event)
        except (ValueError, KeyError, TypeError, ArithmeticError) as error:
            self.faults.add("content", where, f"{error!r}: "
                            f"{(record.value or b'')[:200]!r}")
            return
        if digest != history.digests[index]:
            self.faults.add("content", where,
                            f"is {(record.value or b'null')[:300]!r}, xid "
                            f"{txn.xid} committed something else")
            return
        self.event = event

    def _order_once(self, where, part, position, header, first):
        if not first:
            self.faults.add("repeat", where, f"{header.decode()} again")
        elif position <= part.highest:
            self.faults.add("order", where, f"{header.decode()} after "
                            f"{part.highest[1]:X}-{part.highest[2]:X}")
        part.highest = max(part.highest, position)

    def _order_replays(self, where, part, position, header, index, txn,
                       record):
        order = part.order
        # What this session wrote last, as a place in the partition.
        session = record.pid, record.epoch
        before = part.sessions.get(session)
        if self.count[index] == 0:
            place = len(order)
            if position <= part.highest:
                self.faults.add("order", where, (
                    f"{header.decode()}, for the first time, after "
                    f"{part.highest[1]:X}-{part.highest[2]:X}"))
            part.highest = max(part.highest, position)
            order.append(index)
            self.place[index] = place
        else:
            place = self.place[index]
            if place >= len(order) or order[place] != index:
                self.faults.add("moved", where, f"{header.decode()} was in "
                                "another partition before")
                return
            self.repeats += 1
            if before is None or place != before + 1:
                part.replays += 1
                self.largest_replay = max(self.largest_replay,
                                          len(order) - place)
                self.largest_window = max(
                    self.largest_window, part.highest[1] - position.end_lsn)
                self._bound(where, position, header, record)
        part.sessions[session] = place
        if before is not None and place == before + 1:
            return
        if before is not None and place > before:
            self.faults.add("gap", where, (
                f"{header.decode()}: {place - before - 1} records of this "
                "partition were left out before it"))
        elif (before is not None or record.epoch == 0) and place > 0 and \
                order[place - 1] >= txn.first_record:
            # (A new epoch of a living producer sends again what had no
            # answer, wherever that begins.)
            self.faults.add("gap", where, f"{header.decode()}: a replay "
                            "begins inside of a transaction")

    def _bound(self, where, position, header, record):
        """What begins here was not confirmed when its stream was started."""
        self.replayed += 1
        if not self.since or record.value is None:
            return
        told = self.since.told_before(
            int(values.parse(record.value)["ts_ms"]))
        if told:
            self.bounded += 1
        if position.end_lsn <= told:
            self.faults.add("repeat", where, (
                f"{header.decode()} again, although {oracle.lsn_text(told)} "
                "was confirmed before that start of the stream"))

    def _apply(self, where, number, index, record, txn):
        """The state that a reader builds up, without repeats."""
        table = self.history.tables[index]
        op, before, after = self.event
        rows = self.rebuilt[table]
        if op is None:
            return
        if not self.history.key_columns[table]:
            # They come in no order, and need none.
            for image, n in (before, -1), (after, 1):
                if image:
                    self.counted[table][values.row_text(image)] += n
            return
        if op == oracle.TRUNCATE:
            # Of the keys of its partition; the others have one of their own.
            for key in [k for k in rows if
                        self.key_partition.get((table, k)) == number]:
                del rows[key]
            return
        key = self.history.keys[index]
        old = rows.get(key)
        if after is None:
            rows.pop(key, None)
            self.versions.pop(key, None)
        else:
            for name, value in after.items():
                if value == values.UNCHANGED and old:
                    after[name] = old.get(name, value)
            rows[key] = after
        if table == self.counters and after:
            version = int(after["version"])
            known = self.versions.get(key, 0)
            if version != known + 1:
                self.faults.add("version", where, f"{record.key!r}: {version} "
                                f"after {known}")
            self.versions[key] = version
        if table == self.entries and after:
            self.sums[txn.end_lsn] += int(after["amount"])
            if self.accounts:
                self._move(txn, after["account"], -int(after["amount"]))
        if table == self.accounts and old and after:
            self._move(txn, after["id"],
                       int(after["balance"]) - int(old["balance"]))

    def _move(self, txn, account, amount):
        self.moves[txn.end_lsn, account] += amount
        if not self.moves[txn.end_lsn, account]:
            del self.moves[txn.end_lsn, account]

    @property
    def replays(self):
        return max((p.replays for p in self.partitions.values()), default=0)

    def finish(self, starts=None, bound=None):
        """All partitions were read: what is missing?  starts: how often the
        stream was started; no partition may have more replays than that.
        bound: what ended beyond it need not be there; exactly once, it must
        not be there in part."""
        for (topic, number), part in self.partitions.items():
            bumps = sum(epoch > 0 for _, epoch in part.sessions)
            if starts is not None and part.replays > starts + bumps:
                self.faults.add("gap", f"{topic}/{number}", (
                    f"{part.replays} replays, but the stream was started "
                    f"{starts} times"))
        for txn in self.history.transactions:
            seen = self.count[txn.first_record:
                              txn.first_record + txn.records]
            if bound is not None and txn.end_lsn > bound and (
                    self.mode != "eos" or not any(seen)):
                continue
            missing = sum(1 for at, n in enumerate(seen) if n == 0 and
                          self.excused.get(self.history.tables[
                              txn.first_record + at], 0) < txn.end_lsn)
            if missing:
                self.faults.add(
                    "partial" if any(seen) else "lost",
                    oracle.lsn_text(txn.end_lsn),
                    f"xid {txn.xid}: {missing} of {txn.records} records are "
                    "not there, the first in "
                    f"{self.history.tables[txn.first_record + seen.find(0)]}")
        # What may be there in part may be out of balance.
        whole = float("inf") if self.mode == "eos" or bound is None else bound
        for end_lsn, total in self.sums.items():
            if total and end_lsn <= whole:
                self.faults.add("balance", oracle.lsn_text(end_lsn),
                                f"entries sum up to {total}")
        for (end_lsn, account), amount in self.moves.items():
            if end_lsn <= whole:
                self.faults.add("balance", oracle.lsn_text(end_lsn), (
                    f"account {account} went up by {amount} more than its "
                    "entries say"))
        return self.faults

    def compare_table(self, table, rows):
        """rows: {key digest: row} of the table as PostgreSQL has it; a list
        of rows if it has no key."""
        if not self.history.key_columns[table]:
            counted = collections.Counter(map(values.row_text, rows))
            counted.subtract(self.counted[table])
            for row, n in counted.items():
                if n:
                    self.faults.add("table", table, (
                        f"{row!r} is there {abs(n)} times too "
                        f"{'rarely' if n > 0 else 'often'}"))
            return
        built = self.rebuilt[table]
        for key in rows.keys() | built.keys():
            if key not in built:
                self.faults.add("table", table, f"{rows[key]} is missing")
            elif key not in rows:
                self.faults.add("table", table, f"{built[key]} is too much")
            elif rows[key] != built[key]:
                self.faults.add("table", table, f"{built[key]} should be "
                                f"{rows[key]}")


def event_rows(data, shape):
    """(op, before, after) of an event's value; a tombstone has none."""
    if data is None:
        return oracle.TOMBSTONE, None, None
    event = values.parse(data)
    return event["op"], *(
        event[side] and values.row_from_event(shape, event[side])
        for side in ("before", "after"))


class ChainChecker:
    """The position records, in the order of their offsets, as read_committed
    shows them.

    Exactly once, each continues where the one before ended (I7), and claims
    exactly the transactions and records that the history has between the two
    (I6); with every record of the history there once, that makes each of them
    all or nothing.

    At least once, one of a dead session may arrive late, like any record; so
    each continues one that is before it, and what is repeated counts again.
    """

    def __init__(self, history, faults, timelines=None, mode="eos"):
        self.history, self.faults = history, faults
        self.timelines, self.mode = timelines, mode
        self.count = 0
        self.last = None            # (end_lsn, transactions, records so far)
        self.ends = set()
        self.highest = 0

    def record(self, where, value):
        """value: the fields of a position record."""
        self.count += 1
        end, prev = (oracle.lsn_number(value[name])
                     for name in ("end_lsn", "prev_end_lsn"))
        if end < prev:
            self.faults.add("chain", where, f"{value['end_lsn']} is before "
                            f"{value['prev_end_lsn']}")
        if end and self.timelines:
            timeline = self.timelines.at(end)
            if int(value["timeline"]) != timeline:
                self.faults.add("timeline", where, (
                    f"{value['end_lsn']} is said to be on timeline "
                    f"{value['timeline']}, and is on {timeline}"))
        if self.mode == "eos":
            self._once(where, value, end, prev)
        elif self.ends and prev not in self.ends:
            self.faults.add("chain", where, (
                f"{value['end_lsn']} continues {value['prev_end_lsn']}, and "
                "no record before it ends there"))
        self.ends.add(end)
        self.highest = max(self.highest, end)

    def _once(self, where, value, end, prev):
        covered = self._covered(where, end, value.get("partial"))
        transactions = int(value["transactions"])
        if self.last:
            last_end, last_transactions, last_covered = self.last
            if prev != last_end:
                self.faults.add("chain", where, (
                    f"{value['end_lsn']} continues {value['prev_end_lsn']}, "
                    f"but the one before is {oracle.lsn_text(last_end)}"))
            self._equal(where, value, "records", int(value["records"]),
                        covered - last_covered)
            self._equal(where, value, "transactions",
                        transactions - last_transactions,
                        self.history.transactions_before(end) -
                        self.history.transactions_before(last_end))
        self.last = end, transactions, covered

    def _equal(self, where, value, what, claimed, true):
        if claimed != true:
            self.faults.add("chain", where, f"{value['end_lsn']} claims "
                            f"{claimed} {what}, there are {true}")

    def _covered(self, where, end, partial):
        """How many records of the history it says are in Kafka."""
        covered = self.history.records_before(end)
        if partial:
            txn = self.history.by_end_lsn.get(
                oracle.lsn_number(partial["end_lsn"]))
            changes = int(partial["changes"])
            if txn is None or changes > txn.changes or \
                    txn.first_record != covered:
                self.faults.add("chain", where, f"partial {partial} is of "
                                "no transaction that comes next")
            else:
                covered = txn.starts[changes] if changes < txn.changes \
                    else txn.first_record + txn.records
        return covered
