#!/usr/bin/env python3
"""The checker and its oracle, on records made by hand: each fault that they
are for must be found, and what is right must pass.

    python3 test/fault/test_checker.py
"""
import json
import struct
import unittest

import checker
import kafka_log
import oracle
import positions
import reader
import standby
import values

TABLES = {"public.t": ["id"], "public.log": [], "public.audit": ["n"],
          "public.entry": ["n"], "public.account": ["id"]}


def history(*transactions, audit=None):
    """transactions: (end_lsn, [line of test_decoding ...])"""
    h = oracle.History(TABLES, audit)
    for number, (end_lsn, lines) in enumerate(transactions):
        h.line("0/0", f"BEGIN {700 + number}")
        for line in lines:
            h.line("0/0", line)
        h.line(oracle.lsn_text(end_lsn), f"COMMIT {700 + number}")
    return h


def insert(n, v=1):
    return f"table public.t: INSERT: id[integer]:{n} version[integer]:{v}"


def update(n, v):
    return f"table public.t: UPDATE: id[integer]:{n} version[integer]:{v}"


def row(n, v=1):
    return {"id": n, "version": v}


class Log:
    """Partitions of topics, filled by hand."""

    def __init__(self, pid=1):
        self.partitions = {}
        self.pid, self.epoch = pid, 0

    def add(self, lsn, ordinal, part, key, value, partition=0,
            topic="p.public.t", header=None):
        records = self.partitions.setdefault((topic, partition), [])
        if header is None:
            header = f"00000001-{lsn:016X}-{ordinal:012X}-{part:04X}"
        records.append(kafka_log.Record(
            len(records), 0, key and json.dumps(key).encode(),
            value and json.dumps(value).encode(),
            {"walferry.position": header.encode()}, self.pid, self.epoch,
            False))

    def create(self, lsn, ordinal, n, v=1, part=0, **more):
        self.add(lsn, ordinal, part, {"id": n},
                 {"op": "c", "before": None, "after": row(n, v)}, **more)

    def update(self, lsn, ordinal, n, v, **more):
        self.add(lsn, ordinal, 0, {"id": n},
                 {"op": "u", "before": None, "after": row(n, v)}, **more)

    def delete(self, lsn, ordinal, n, **more):
        self.add(lsn, ordinal, 0, {"id": n}, {
            "op": "d", "before": {"id": n, "version": None}, "after": None},
            **more)
        self.add(lsn, ordinal, 1, {"id": n}, None, **more)

    def check(self, h, mode="alo", starts=None, bound=None, **more):
        self.checker = checker.Checker(h, mode, "p", **more)
        for (topic, partition), records in self.partitions.items():
            for record in records:
                self.checker.record(topic, partition, record)
        return self.checker.finish(starts, bound)


class Case(unittest.TestCase):
    def assert_faults(self, faults, *kinds):
        self.assertEqual(sorted(faults.counts), sorted(kinds), faults.told)


class TestOracle(Case):
    def test_parses_what_test_decoding_prints(self):
        change = oracle.parse_change(
            'table public."t x": UPDATE: old-key: id[integer]:1 '
            "\"a'b\"[text]:'it''s new-tuple: x[y]:1' "
            "new-tuple: id[integer]:2 \"a'b\"[text]:null "
            "v[character varying(20)]:'a\"b' w[text]:unchanged-toast-datum "
            "b[bit varying]:B'101' f[double precision]:1.5e-07 "
            "arr[integer[]]:'{1,2}' ok[boolean]:true")
        self.assertEqual(change.table, "public.t x")
        self.assertEqual(change.op, "UPDATE")
        self.assertEqual(change.old, {"id": "1",
                                      "a'b": "it's new-tuple: x[y]:1"})
        self.assertEqual(change.new, {
            "id": "2", "a'b": None, "v": 'a"b', "w": values.UNCHANGED,
            "b": "101", "f": "1.5e-07", "arr": "{1,2}", "ok": "true"})
        self.assertEqual(change.types["v"], "character varying")
        self.assertEqual(change.types["arr"], "integer[]")

    def test_refuses_what_it_does_not_understand(self):
        for line in ("table public.t: INSERT: id[integer] 1",
                     "table public.t INSERT", "something else"):
            with self.assertRaises(oracle.OracleError):
                history((1, [line]))

    def test_refuses_a_count_that_does_not_fit(self):
        audit = "table public.audit: INSERT: n[bigint]:1 changes[integer]:"
        history((1, [insert(1), audit + "2"]), audit="public.audit")
        with self.assertRaises(oracle.OracleError):
            history((1, [insert(1), audit + "3"]), audit="public.audit")

    def test_copy_text(self):
        self.assertEqual(oracle.copy_fields("a\\tb\t\\N\tc\\\\d\\n\n"),
                         ["a\tb", None, "c\\d\n"])

    def test_changes_of_other_tables_have_no_ordinal(self):
        h = history((5, ["table public.x: INSERT: a[integer]:1", insert(1)]))
        self.assertEqual(h.record(5, 0, 0)[1], 0)
        self.assertEqual(h.record(5, 1, 0)[1], None)

    def test_a_new_key_is_three_records(self):
        h = history((5, ["table public.t: UPDATE: old-key: id[integer]:1 "
                         "new-tuple: id[integer]:2 version[integer]:1"]))
        self.assertEqual(list(h.parts), [0, 1, 2])

    def test_transactions_without_our_tables_do_not_count(self):
        h = history((5, ["table public.x: INSERT: a[integer]:1"]),
                    (9, [insert(1)]))
        self.assertEqual([t.end_lsn for t in h.transactions], [9])


class TestValues(Case):
    def test_both_spellings_meet(self):
        for typename, text, event in (
                ("integer", "-5", "-5"), ("boolean", "true", True),
                ("numeric", "1.500", "1.5"), ("numeric", "NaN", "NaN"),
                ("double precision", "1e+20", "1.0E20"),
                ("bytea", "\\x00ff", "AP8="),
                ("timestamp without time zone", "2024-02-29 12:00:00.5",
                 "1709208000500000"),
                ("timestamp with time zone", "2024-02-29 12:00:00+00",
                 "2024-02-29T12:00:00.000000Z"),
                ("date", "1970-01-11", "10"),
                ("text", "é" * 100, "é" * 100)):
            self.assertEqual(values.from_postgres(typename, text),
                             values.from_event(typename, event), typename)
        self.assertNotEqual(values.from_postgres("text", "a" * 100),
                            values.from_event("text", "a" * 99 + "b"))


class Three(Case):
    """Three transactions, two partitions: 0 has keys 1 and 2, 1 has key 3."""

    def setUp(self):
        self.history = history(
            (10, [insert(1), insert(3)]),
            (20, [update(1, 2), update(1, 3), update(3, 2)]),
            (30, ["table public.t: DELETE: id[integer]:1", insert(2)]))

    def good(self):
        log = Log()
        log.create(10, 0, 1)
        log.create(10, 1, 3, partition=1)
        log.update(20, 0, 1, 2)
        log.update(20, 1, 1, 3)
        log.update(20, 2, 3, 2, partition=1)
        log.delete(30, 0, 1)
        log.create(30, 1, 2)
        return log

    def first(self, log):
        return log.partitions["p.public.t", 0]


class TestBothModes(Three):
    MODES = "alo", "eos"

    def check(self, log, *kinds, **more):
        for mode in self.MODES:
            self.assert_faults(log.check(self.history, mode, **more), *kinds)

    def test_clean(self):
        log = self.good()
        self.check(log, counters="public.t")
        rows = {oracle.key_digest({"id": n}): {"id": n, "version": v}
                for n, v in (("2", "1"), ("3", "2"))}
        log.checker.compare_table("public.t", rows)
        self.assertEqual(log.checker.faults.told, [])

    def test_lost_transaction(self):
        log = self.good()
        del self.first(log)[3:]
        self.check(log, "lost")

    def test_lost_in_the_middle(self):
        log = self.good()
        del self.first(log)[1:3]
        del log.partitions["p.public.t", 1][1]
        self.check(log, "lost")

    def test_version_left_out(self):
        log = self.good()
        del self.first(log)[1]
        self.check(log, "partial", "version", counters="public.t")

    def test_half_visible_transaction(self):
        log = self.good()
        del log.partitions["p.public.t", 1][1]
        self.check(log, "partial")

    def test_lost_tombstone(self):
        log = self.good()
        del self.first(log)[4]
        self.check(log, "partial")

    def test_phantom_transaction(self):
        log = self.good()
        log.create(25, 0, 4)
        self.check(log, "phantom")

    def test_phantom_change(self):
        log = self.good()
        log.create(30, 2, 4)
        self.check(log, "phantom")

    def test_phantom_part(self):
        log = self.good()
        log.create(30, 1, 2, part=2)
        self.check(log, "phantom")

    def test_swapped_transactions(self):
        log = self.good()
        records = self.first(log)
        records[0], records[1] = records[1], records[0]
        for mode in self.MODES:
            faults = log.check(self.history, mode)
            self.assertIn("order", faults.counts)

    def test_swapped_records(self):
        log = self.good()
        records = self.first(log)
        records[1], records[2] = records[2], records[1]
        for mode in self.MODES:
            faults = log.check(self.history, mode)
            self.assertIn("order", faults.counts)

    def test_content(self):
        log = self.good()
        records = self.first(log)
        records[1] = records[1]._replace(value=json.dumps(
            {"op": "u", "before": None, "after": row(1, 7)}).encode())
        self.check(log, "content")

    def test_null_instead_of_unchanged(self):
        self.history = history((10, [
            "table public.t: UPDATE: id[integer]:1 "
            "version[text]:unchanged-toast-datum"]))
        log = Log()
        log.update(10, 0, 1, values.UNAVAILABLE)
        self.check(log)
        log = Log()
        log.update(10, 0, 1, None)
        self.check(log, "content")

    def test_wrong_key(self):
        log = self.good()
        records = self.first(log)
        records[1] = records[1]._replace(key=b'{"id":2}')
        self.check(log, "content")

    def test_not_json(self):
        log = self.good()
        records = self.first(log)
        records[1] = records[1]._replace(value=b"{")
        self.check(log, "content")

    def test_key_in_two_partitions(self):
        log = self.good()
        log.partitions["p.public.t", 2] = [self.first(log).pop()]
        log.partitions["p.public.t", 2].insert(0, self.first(log).pop())
        self.check(log, "moved")

    def test_wrong_topic(self):
        log = self.good()
        log.partitions["p.public.u", 0] = [self.first(log).pop()]
        self.check(log, "place", counters="public.t")

    def test_no_position(self):
        log = self.good()
        log.create(30, 1, 2, header="")
        log.create(30, 1, 2, header="00000001-A")
        self.check(log, "place")

    def test_table_differs(self):
        log = self.good()
        self.check(log)
        log.checker.compare_table("public.t", {
            oracle.key_digest({"id": "2"}): {"id": "2", "version": "9"},
            oracle.key_digest({"id": "4"}): {"id": "4", "version": "1"}})
        self.assertEqual(log.checker.faults.counts["table"], 3)

    def test_balance(self):
        def entry(n, amount):
            return (f"table public.entry: INSERT: n[integer]:{n} "
                    f"amount[integer]:{amount}")
        self.history = history((10, [entry(1, 5), entry(2, -5)]),
                               (20, [entry(3, 5), entry(4, -4)]))
        log = Log()
        for lsn, ordinal, n, amount in ((10, 0, 1, 5), (10, 1, 2, -5),
                                        (20, 0, 3, 5), (20, 1, 4, -4)):
            log.add(lsn, ordinal, 0, {"n": n}, {
                "op": "c", "before": None,
                "after": {"n": n, "amount": amount}}, topic="p.public.entry")
        self.check(log, "balance", entries="public.entry")

        # One that need not be there at all, at least once.
        for mode, found in (("alo", ()), ("eos", ("balance",))):
            self.assert_faults(log.check(
                self.history, mode, bound=15, entries="public.entry"), *found)
        self.assert_faults(log.check(
            self.history, "alo", bound=20, entries="public.entry"), "balance")


class TestAccounts(Case):
    """Two accounts with 100 each; 5 go from the first to the second, then 4
    come back."""

    def check(self, *balances, mode="eos", amounts=(-5, 5, 4, -4), **more):
        entry = "table public.entry: INSERT: n[integer]:"
        account = "table public.account: "
        lines = [f"{account}INSERT: id[integer]:{n} balance[bigint]:100"
                 for n in (1, 2)], [], []
        log = Log()
        for n in 1, 2:
            log.add(10, n - 1, 0, {"id": n}, {
                "op": "c", "before": None, "after": {
                    "id": n, "balance": 100}}, topic="p.public.account")
        for i, (balance, amount) in enumerate(zip(balances, amounts)):
            t, n, ordinal = i // 2 + 1, i % 2 + 1, i % 2 * 2
            lines[t].append(f"{account}UPDATE: id[integer]:{n} "
                            f"balance[bigint]:{balance}")
            lines[t].append(f"{entry}{i} account[integer]:{n} "
                            f"amount[integer]:{amount}")
            log.add(10 * t + 10, ordinal, 0, {"id": n}, {
                "op": "u", "before": None, "after": {
                    "id": n, "balance": balance}}, topic="p.public.account",
                    partition=0)
            log.add(10 * t + 10, ordinal + 1, 0, {"n": i}, {
                "op": "c", "before": None, "after": {
                    "n": i, "account": n, "amount": amount}},
                    topic="p.public.entry")
        self.history = history(*zip((10, 20, 30), lines))
        return log.check(self.history, mode, entries="public.entry",
                         accounts="public.account", **more)

    def test_clean(self):
        for mode in "alo", "eos":
            self.assert_faults(self.check(95, 105, 99, 101, mode=mode))

    def test_an_account_and_its_entries(self):
        for mode in "alo", "eos":
            faults = self.check(95, 105, 99, 102, mode=mode)
            self.assert_faults(faults, "balance")
            self.assertEqual(faults.counts["balance"], 1)

    def test_another_account(self):
        # All adds up to the same, but it went to the wrong one.
        self.assert_faults(self.check(100, 100, 104, 96), "balance")

    def test_what_may_be_there_in_part(self):
        wrong = 95, 105, 99, 102
        self.assert_faults(self.check(*wrong, mode="alo", bound=25))
        self.assert_faults(self.check(*wrong, mode="alo", bound=30), "balance")

    def test_a_topic_that_was_deleted(self):
        for table in "public.account", "public.entry":
            self.assert_faults(self.check(95, 105, 99, 102,
                                          excused={table: 30}))


class TestKeyless(Case):
    """Rows without a key, some of them equal, each image whole."""

    def setUp(self):
        text = "table public.log: "
        row_ = "a[integer]:{0} b[text]:{1}".format
        self.history = history(
            (10, [text + "INSERT: " + row_(1, "null")] * 3),
            (20, [text + f"UPDATE: old-key: {row_(1, 'null')} "
                  f"new-tuple: {row_(1, chr(39) + 'u' + chr(39))}"]),
            (30, [text + f"DELETE: {row_(1, 'null')}"]))
        one, other = {"a": 1, "b": None}, {"a": 1, "b": "u"}
        self.log = Log()
        for lsn, ordinal, op, before, after, partition in (
                (10, 0, "c", None, one, 0), (10, 1, "c", None, one, 1),
                (10, 2, "c", None, one, 2), (20, 0, "u", one, other, 0),
                (30, 0, "d", one, None, 1)):
            self.log.add(lsn, ordinal, 0, None, {
                "op": op, "before": before, "after": after},
                topic="p.public.log", partition=partition)

    def check(self, *rows):
        self.log.check(self.history, "eos")
        self.log.checker.compare_table("public.log", [
            {"a": "1", "b": b or values.NULL} for b in rows])
        return self.log.checker.faults

    def test_clean(self):
        self.assert_faults(self.check("u", None))

    def test_a_row_too_few_or_too_many(self):
        self.assertEqual(self.check("u", None, None).counts, {"table": 1})
        self.assertEqual(self.check("u").counts, {"table": 1})
        self.assertEqual(self.check("u", "u").counts, {"table": 2})

    def test_one_is_lost(self):
        del self.log.partitions["p.public.log", 2][0]
        self.assert_faults(self.check("u", None), "partial", "table")

    def test_one_that_is_there_twice(self):
        records = self.log.partitions["p.public.log", 2]
        records.append(records[0])
        self.assert_faults(self.check("u", None), "repeat")


class TestReplays(Three):
    """Repeats: replays pass at least once, nothing of them exactly once."""

    def again(self, log, start, end=None, pid=2):
        records = self.first(log)
        part = [r._replace(pid=pid) for r in records[start:end]]
        records += part
        return records

    def test_replay(self):
        for start in (0, 1, 3):
            log = self.good()
            count = len(self.again(log, start))
            self.assert_faults(log.check(self.history, "alo", starts=2))
            self.assertEqual(log.checker.repeats, count - 6)
            self.assertEqual(log.checker.replays, 1)
            self.assertEqual(log.checker.largest_replay, 6 - start)
            self.assert_faults(log.check(self.history, "eos"), "repeat")

    def test_replay_that_goes_on(self):
        log = self.good()
        records = self.first(log)
        rest = records[3:]
        del records[3:]
        self.again(log, 1)
        records += [r._replace(pid=2) for r in rest]
        self.assert_faults(log.check(self.history, "alo"))

    def test_replay_with_a_gap(self):
        log = self.good()
        records = self.again(log, 1)
        del records[7]
        self.assert_faults(log.check(self.history, "alo"), "gap")

    def test_replay_inside_of_a_transaction(self):
        log = self.good()
        self.again(log, 2)
        self.assert_faults(log.check(self.history, "alo"), "gap")

    def test_replay_out_of_order(self):
        log = self.good()
        records = self.again(log, 1)
        records[-1], records[-2] = records[-2], records[-1]
        self.assert_faults(log.check(self.history, "alo"), "gap")

    def test_new_record_after_a_gap_in_the_replay(self):
        log = self.good()
        records = self.first(log)
        rest = records[3:]
        del records[3:]
        self.again(log, 0, 1)
        records += [r._replace(pid=2) for r in rest]
        self.assert_faults(log.check(self.history, "alo"), "gap")

    def test_more_replays_than_starts(self):
        log = self.good()
        self.again(log, 3, pid=1)
        self.again(log, 3, 6, pid=1)
        self.assert_faults(log.check(self.history, "alo", starts=2))
        self.assert_faults(log.check(self.history, "alo", starts=1), "gap")

    def test_a_dead_session_arrives_late(self):
        # Session 1 has 3 and 4 under way when 2 begins again at 1.
        log = self.good()
        records = self.first(log)
        a = [r for r in records]
        b = [r._replace(pid=2) for r in records]
        records[:] = [a[0], a[1], b[1], b[2], a[2], a[3], b[3], a[4], a[5],
                      b[4], b[5]]
        self.assert_faults(log.check(self.history, "alo"))
        self.assert_faults(log.check(self.history, "eos"), "repeat")

    def test_resent_in_a_new_epoch(self):
        log = self.good()
        records = self.first(log)
        records += [r._replace(epoch=1) for r in records[2:]]
        self.assert_faults(log.check(self.history, "alo"))


class TestBound(Three):
    """Of a replay: nothing that was confirmed before its start."""

    def told(self, *seen):
        told = checker.Told()
        for starts, lsn in seen:
            told.note(starts, lsn)
        return told

    def starts(self, begun, *seen):
        return checker.Starts([checker.Stream(begun, self.told(*seen))])

    def test_what_was_seen_before_a_start(self):
        told = self.told((1, 5), (1, 7), (1, 7), (2, 9), (2, 11), (4, 13))
        self.assertEqual([told.before(n) for n in range(1, 6)],
                         [0, 7, 11, 11, 13])

    def test_a_start_after_a_crash(self):
        # Whether the second was before the crash or after it, nobody knows.
        told = self.told((1, 5), (2, None), (2, 3), (3, 4))
        self.assertEqual([told.before(n) for n in range(1, 5)], [0, 0, 3, 4])
        told = self.told((1, 5), (2, 6), (2, None))
        self.assertEqual([told.before(n) for n in (2, 3)], [5, 0])

    def test_a_record_in_the_millisecond_of_a_start(self):
        starts = self.starts([10, 20, 30], (1, 5), (2, None), (2, 3), (2, 7))
        self.assertEqual([starts.told_before(ms) for ms in (
            5, 10, 15, 20, 25, 30, 35)], [0, 0, 0, 0, 0, 0, 7])
        starts = self.starts([10, 20, 30], (1, 5), (2, 7), (2, None), (2, 3))
        self.assertEqual([starts.told_before(ms) for ms in (
            20, 25, 30, 35)], [0, 5, 3, 3])

    def test_a_second_forwarder(self):
        # It reads from 15 to 25; the first one sleeps, and takes over at 30.
        starts = checker.Starts([
            checker.Stream([10, 30], self.told((0, 2), (1, 5), (1, 9),
                                               (2, 9))),
            checker.Stream([15], self.told((0, 5), (1, 9)), 25)])
        self.assertEqual([starts.told_before(ms) for ms in (
            5, 12, 20, 25, 28, 30, 35)], [0, 2, 2, 2, 2, 2, 9])

    def test_two_that_take_turns(self):
        # What the second one brings after 40, the first cannot have told.
        starts = checker.Starts([
            checker.Stream([10], self.told((0, 2), (1, 9)), 38),
            checker.Stream([15, 40], self.told((0, 5), (1, 7), (2, 9)))])
        self.assertEqual([starts.told_before(ms) for ms in (20, 39, 50)],
                         [2, 5, 7])

    def test_a_clock_that_jumps(self):
        hour = 3600000
        clock = checker.Clock([(10000, 15000, hour), (30000, 34000, -3000)],
                              0, 50000)
        for shown, true in (
                (9000, [9000]), (hour + 12000, [12000]), (10500, [10500]),
                (12000, []), (14500, [14500]), (hour + 16000, []),
                (28000, [31000, 28000]), (32500, []), (35000, [35000])):
            self.assertEqual(clock.true(shown), true, shown)

    def test_starts_by_a_clock_that_jumps(self):
        hour = 3600000
        told = self.told((0, 1), (1, 2), (2, 3), (3, 4))
        # Streams begin at 5000, 12000 and 20000.
        starts = checker.Starts([checker.Stream(
            [5000, hour + 12000, 20000], told)], checker.Clock(
                [(10000, 15000, hour)], 0, 50000))
        self.assertEqual([starts.told_before(ms) for ms in (
            6000, hour + 11000, hour + 13000, 16000, 21000)], [1, 1, 2, 2, 3])
        # The third begins at 21000 or, while the clock is behind, at 24000.
        starts = checker.Starts([checker.Stream(
            [5000, 12000, 21000], told)], checker.Clock(
                [(23000, 28000, -3000)]))
        self.assertEqual([starts.told_before(ms) for ms in (
            11000, 13000, 20500, 21500, 22500, 29000)], [1, 2, 2, 2, 2, 3])

    def replay(self, told, made_ms, start=1):
        """Transactions end at 10, 20, 30; streams begin at 1000 and 2000."""
        log = self.good()
        records = self.first(log)
        for r in records[start:]:
            value = r.value and json.dumps(
                {**json.loads(r.value), "ts_ms": made_ms}).encode()
            records.append(r._replace(pid=2, value=value))
        faults = log.check(self.history, "alo",
                           since=checker.Starts([checker.Stream(
                               [1000, 2000], told)]))
        return faults, log.checker.bounded

    def test_what_was_not_confirmed(self):
        for told in 1, 19:
            faults, bounded = self.replay(self.told((1, told)), 2001)
            self.assert_faults(faults)
            self.assertEqual(bounded, 1)

    def test_what_was_confirmed(self):
        for told in 20, 25:
            faults, _ = self.replay(self.told((1, told)), 2001)
            self.assert_faults(faults, "repeat")
            faults, _ = self.replay(self.told((1, told)), 2001, start=3)
            self.assert_faults(faults)

    def test_what_an_earlier_stream_brought(self):
        # It arrived late: when that one began nothing of it was confirmed.
        for made_ms in 1500, 2000:
            faults, bounded = self.replay(self.told((1, 25)), made_ms)
            self.assert_faults(faults)
            self.assertEqual(bounded, 0)


class TestUncommitted(Three):
    def test_anything_committed_in_any_order(self):
        log = self.good()
        self.first(log)[:] = reversed(self.first(log) * 2)
        self.assert_faults(log.check(self.history, "uncommitted"))

    def test_nothing_else(self):
        log = self.good()
        log.create(40, 0, 5)
        self.assert_faults(log.check(self.history, "uncommitted"), "phantom")


class TestChain(Case):
    def setUp(self):
        self.history = history((10, [insert(1)]), (20, [insert(2)]),
                               (30, [insert(3), insert(4), insert(5)]))

    def check(self, *records, mode="eos"):
        """records: (prev, end, transactions so far, records [, partial])"""
        faults = checker.Faults()
        chain = checker.ChainChecker(self.history, faults, mode=mode)
        for prev, end, transactions, count, *partial in records:
            chain.record("offsets", {
                "end_lsn": oracle.lsn_text(end),
                "prev_end_lsn": oracle.lsn_text(prev),
                "transactions": transactions, "records": count,
                "partial": partial[0] if partial else None})
        return faults

    def test_clean(self):
        self.assert_faults(self.check((0, 5, 0, 0), (5, 10, 1, 1),
                                      (10, 30, 3, 4), (30, 40, 3, 0)))

    def test_broken(self):
        self.assert_faults(self.check((5, 10, 1, 1), (20, 30, 3, 4)), "chain")

    def test_backwards(self):
        self.assert_faults(self.check((5, 20, 2, 2), (20, 10, 2, 0)), "chain")

    def test_counts(self):
        self.assert_faults(self.check((0, 5, 0, 0), (5, 20, 2, 1)), "chain")
        self.assert_faults(self.check((0, 5, 0, 0), (5, 20, 1, 2)), "chain")

    def test_partial(self):
        part = {"end_lsn": "0/1E", "changes": 2, "hash": 0}
        self.assert_faults(self.check((0, 20, 2, 2), (20, 20, 2, 2, part),
                                      (20, 30, 3, 1)))
        self.assert_faults(self.check((0, 20, 2, 2), (20, 20, 2, 1, part),
                                      (20, 30, 3, 2)), "chain")
        self.assert_faults(self.check((0, 10, 1, 1), (10, 10, 1, 1, part)),
                           "chain")


class TestChainAtLeastOnce(TestChain):
    """What is repeated counts again, and what comes late takes nothing back."""

    def check(self, *records):
        return super().check(*records, mode="alo")

    def test_counts(self):
        self.assert_faults(self.check((0, 5, 0, 0), (5, 20, 2, 1),
                                      (20, 30, 3, 9)))

    def test_partial(self):
        """There is none."""

    def test_late(self):
        # A successor has read 10 when what ends at 20 arrives.
        self.assert_faults(self.check((5, 10, 1, 1), (10, 20, 2, 1),
                                      (10, 30, 3, 4)))

    def test_broken(self):
        self.assert_faults(self.check((5, 10, 1, 1), (20, 30, 3, 4)), "chain")


class TestTimelines(Case):
    """Timeline 1 was left at 20."""

    TIMELINES = checker.Timelines([(20, 1)], 2)

    def setUp(self):
        self.history = history((10, [insert(1)]), (20, [insert(2)]),
                               (30, [insert(3)]))

    def log(self, *numbers):
        log = Log()
        for n, timeline in enumerate(numbers, 1):
            log.create(10 * n, 0, n, header=f"{timeline:08X}-{10 * n:016X}-"
                       "000000000000-0000")
        return log

    def check(self, log, mode="eos"):
        return log.check(self.history, mode, timelines=self.TIMELINES)

    def test_each_has_its_own(self):
        for mode in "alo", "eos", "uncommitted":
            self.assert_faults(self.check(self.log(1, 1, 2), mode))

    def test_the_old_one_after_it_was_left(self):
        self.assert_faults(self.check(self.log(1, 1, 1)), "timeline")

    def test_the_new_one_before_it_began(self):
        # What ends where it was left is the old one's last.
        self.assert_faults(self.check(self.log(1, 2, 2)), "timeline")

    def test_a_file_of_history(self):
        self.assertEqual(standby.parse_history(
            "1\t0/3000148\tno recovery target specified\n\n# a comment\n"
            "2\t1/A0\tbefore 2026-11-27\n"),
            [(0x3000148, 1), (0x1000000a0, 2)])

    def test_several(self):
        timelines = checker.Timelines([(20, 1), (20, 2), (25, 4)], 5)
        self.assertEqual([timelines.at(lsn) for lsn in (1, 20, 21, 25, 26)],
                         [1, 1, 4, 4, 5])

    def test_a_position_record(self):
        def check(timeline, end):
            faults = checker.Faults()
            checker.ChainChecker(self.history, faults, self.TIMELINES).record(
                "offsets", {"end_lsn": oracle.lsn_text(end), "prev_end_lsn":
                            "0/0", "transactions": 0, "records": 0,
                            "timeline": timeline})
            return faults
        for timeline, end in (2, 0), (1, 20), (2, 25):
            self.assert_faults(check(timeline, end))
        for timeline, end in (2, 20), (1, 25):
            self.assert_faults(check(timeline, end), "timeline")


class TestPositions(Case):
    KEY = b'{"system_id":"1","database":"d","slot":"s"}'

    def value(self, body=b'{"version":1,"end_lsn":"0/1"'):
        crc = positions.crc32c(body + self.KEY)
        return body + b',"crc32c":"%08x"}' % crc

    def test_crc32c(self):
        self.assertEqual(positions.crc32c(b"123456789"), 0xe3069283)

    def test_good(self):
        self.assertEqual(positions.parse(self.KEY, self.value())["end_lsn"],
                         "0/1")

    def test_bad(self):
        with self.assertRaises(ValueError):
            positions.parse(self.KEY, self.value().replace(b"0/1", b"0/2"))
        with self.assertRaises(ValueError):
            positions.parse(self.KEY, b"{}")

    def test_pins_are_not_positions(self):
        self.assertIsNone(positions.parse(
            b'{"system_id":"1","database":"d","slot":"s","topic":"t"}', b"x"))



class TestPlaces(Case):
    def test_a_record_in_two_partitions(self):
        text = "table public.log: INSERT: id[integer]:"
        h = history((5, [f"{text}1", f"{text}2"]))
        log = Log()
        for ordinal, partition in (0, 0), (1, 0), (1, 1):
            log.add(5, ordinal, 0, None, {
                "op": "c", "before": None, "after": {"id": ordinal + 1}},
                partition=partition, topic="p.public.log")
        self.assert_faults(log.check(h), "moved")


class TestTruncates(Case):
    LINE = "table public.x, public.t, public.log: TRUNCATE: (no-flags)"

    def history(self):
        h = oracle.History(TABLES, truncates=2)
        for end_lsn, lines in (5, [insert(1), insert(2)]), (9, [self.LINE]):
            h.line("0/0", f"BEGIN {end_lsn}")
            for line in lines:
                h.line("0/0", line)
            h.line(oracle.lsn_text(end_lsn), f"COMMIT {end_lsn}")
        return h

    def log(self):
        log = Log()
        log.create(5, 0, 1, partition=0)
        log.create(5, 1, 2, partition=1)
        for number, topic in enumerate(("p.public.t", "p.public.log")):
            for partition in 0, 1:
                log.add(9, number, partition, None, {
                    "op": "t", "before": None, "after": None},
                    partition=partition, topic=topic)
        return log

    def test_each_partition_has_one_of_each_table(self):
        h, log = self.history(), self.log()
        self.assertEqual(len(h), 6)
        self.assert_faults(log.check(h))
        log.checker.compare_table("public.t", {})
        self.assert_faults(log.checker.faults)

    def test_one_that_is_missing(self):
        h, log = self.history(), self.log()
        log.partitions["p.public.t", 1].pop()
        log.check(h)
        log.checker.compare_table("public.t", {})
        self.assert_faults(log.checker.faults, "partial", "table")

    def test_one_in_the_wrong_partition(self):
        h, log = self.history(), self.log()
        log.partitions["p.public.t", 0].append(
            log.partitions["p.public.t", 1].pop())
        self.assert_faults(log.check(h), "moved")

    def test_nobody_asked_for_them(self):
        self.assertEqual(len(history((9, [self.LINE]))), 0)


class TestTail(Case):
    """The slot against a topic of positions that grows."""

    class Broker:
        """Stands in for Kafka: what the log gets next, what the coordinator
        says, and what the log gets while it says so."""

        def __init__(self):
            self.entries_, self.state, self.meanwhile = [], "Ongoing", []

        def position(self, lsn, pid=1):
            key = b'{"slot":"s"}'
            body = b'{"end_lsn":"%s"' % oracle.lsn_text(lsn).encode()
            crc = positions.crc32c(body + key)
            self.entries_.append(kafka_log.Record(
                len(self.entries_), 0, key,
                body + b',"crc32c":"%08x"}' % crc, {}, pid, 0, True))

        def end(self, committed=True, pid=1):
            self.entries_.append(kafka_log.End(
                len(self.entries_), pid, committed))

        def entries(self, topic, partition, start):
            return list(self.entries_[start:])

        def transaction_state(self, transactional_id):
            for step in self.meanwhile:
                step()
            return self.state

    def setUp(self):
        self.broker = self.Broker()
        self.tail = positions.Tail(self.broker, "t", "id")
        self.broker.position(100)
        self.broker.end()
        self.assertIsNone(self.tail.ahead(100))

    def test_nothing_of_it_is_there(self):
        self.assertIn("nothing", self.tail.ahead(101))

    def test_its_transaction_is_open(self):
        self.broker.position(200)
        self.assertIsNone(self.tail.ahead(100))
        self.assertIn("Ongoing", self.tail.ahead(200))

    def test_the_commit_is_decided_and_not_yet_marked(self):
        self.broker.position(200)
        self.broker.state = "PrepareCommit"
        self.assertIsNone(self.tail.ahead(200))
        self.assertIsNotNone(self.tail.ahead(201))

    def test_the_next_transaction_is_open_already(self):
        self.broker.position(200)
        self.broker.meanwhile = [self.broker.end]
        self.assertIsNone(self.tail.ahead(200))

    def test_it_was_aborted(self):
        self.broker.position(200)
        self.broker.end(committed=False)
        self.assertIn("nothing", self.tail.ahead(200))

    def test_it_is_being_aborted(self):
        self.broker.position(200)
        self.broker.state = "PrepareAbort"
        self.assertIn("PrepareAbort", self.tail.ahead(200))

    def test_of_another_producer(self):
        self.broker.position(200)
        self.broker.position(300, pid=2)
        self.broker.end(pid=2)
        self.assertIsNone(self.tail.ahead(300))


def batch(base, count=1, pid=1, text=b"", control=None):
    """Bytes of a record batch; control: 0 is the end of a transaction that is
    aborted, 1 that of a committed one."""
    def varint(n):
        n = n * 2 if n >= 0 else -2 * n - 1
        out = b""
        while n > 0x7f:
            out += bytes((n & 0x7f | 0x80,))
            n >>= 7
        return out + bytes((n,))

    def blob(data):
        return varint(len(data)) + data
    records = b""
    for n in range(count):
        key = text if control is None else struct.pack(">hh", 0, control)
        record = b"\0" + varint(0) + varint(n) + blob(key) + blob(b"v") + \
            varint(0)
        records += varint(len(record)) + record
    body = struct.pack(">hiqqqhii", 16 if control is None else 48, count - 1,
                       0, 0, pid, 0, 0, count) + records
    return struct.pack(">qiibI", base, len(body) + 9, 0, 2, 0) + body


class TestReading(Case):
    """What a consumer shows of what fetches bring."""

    def shown(self, *fetches):
        reading = kafka_log.Reading()
        shown = [b.base for aborted, data in fetches
                 for b in reading.take(aborted, data)]
        self.assertEqual(reading.offset, 10)
        return shown

    LOG = [batch(0, 2), batch(2, pid=2), batch(3, control=1),
           batch(4, pid=2), batch(5, pid=2, control=0), batch(6, pid=2),
           batch(7, pid=2, control=1), batch(8), batch(9, control=1)]

    def test_what_was_aborted_is_left_out(self):
        aborted = [(2, 2)]
        self.assertEqual(self.shown((aborted, b"".join(self.LOG))), [0, 6, 8])
        self.assertEqual(self.shown(([], b"".join(self.LOG))),
                         [0, 2, 4, 6, 8])

    def test_a_batch_at_a_time(self):
        fetches = [([(2, 2)] if n in (1, 2, 3, 4) else [], one)
                   for n, one in enumerate(self.LOG)]
        self.assertEqual(self.shown(*fetches), [0, 6, 8])

    def test_what_is_cut_comes_again(self):
        whole = b"".join(self.LOG)
        cut = len(b"".join(self.LOG[:3])) + 20
        self.assertEqual(self.shown(([(2, 2)], whole[:cut]),
                                    ([(2, 2)], whole)), [0, 6, 8])


class TestReader(Case):
    """A reader beside a run, against what is there in the end."""

    class Kafka:
        """Stands in for it: what partitions hold, and who leads them."""

        def __init__(self, logs):
            self.logs = logs        # {(topic, number): [bytes of a batch]}
            self.down = self.moved = False
            self.closed = self.asked = 0

        def topics(self):
            self.asked += 1
            topics = {}
            for topic, number in self.logs:
                topics.setdefault(topic, {})[number] = 1
            return topics

        def fetch_all(self, leader, offsets, isolation):
            if self.down:
                raise kafka_log.KafkaError("nobody answers")
            if self.moved:
                return [(*place, 6, -1, [], b"") for place in offsets]
            return [(*place, 0, -1, [], b"".join(self.logs.get(place, ())))
                    for place in offsets]

        def close(self):
            self.closed += 1

    def setUp(self):
        self.first = [batch(0, 2, text=b"a"), batch(2, text=b"b"),
                      batch(3, control=1)]
        self.more = [batch(4, 3, text=b"c"), batch(7, control=1)]
        self.place = "p.public.t", 0
        self.kafka = self.Kafka({self.place: list(self.first)})
        self.reader = reader.Reader(lambda: self.kafka, "p.public.")
        self.reader.look()

    def check(self, log, *kinds):
        """log: what the partition holds in the end; None: it is gone."""
        faults = checker.Faults()
        if log is not None:
            again = self.reader.again(*self.place, faults)
            for one in kafka_log.Reading().take([], b"".join(log)):
                again.batch(one.identity())
            again.finish()
        self.reader.finish(faults)
        self.assert_faults(faults, *kinds)
        return faults.counts["prefix"]

    def test_it_reads_on(self):
        self.assertEqual(self.reader.records, 3)
        self.kafka.logs[self.place] += self.more
        self.reader.look()
        self.assertEqual(self.reader.records, 6)
        self.check(self.first + self.more)

    def test_what_came_later(self):
        self.check(self.first + self.more)

    def test_what_it_saw_is_gone(self):
        self.assertEqual(self.check(self.first[:1], "prefix"), 1)

    def test_all_of_it_is_gone(self):
        self.assertEqual(self.check([], "prefix"), 2)

    def test_the_topic_is_gone(self):
        self.assertEqual(self.check(None, "prefix"), 2)

    def test_something_else_is_there(self):
        self.assertEqual(self.check([batch(0, 2, text=b"x"), *self.first[1:]],
                                    "prefix"), 1)
        self.setUp()
        self.check([batch(0, 3, text=b"a"), *self.more], "prefix")

    def test_something_came_before_it(self):
        # It was shown 2 before 0 was there.
        self.reader.seen[self.place].batches.pop(0)
        self.assertEqual(self.check(self.first, "prefix"), 1)
        # Or 0, and then what comes after 2.
        self.setUp()
        self.reader.seen[self.place].batches.pop(1)
        self.assertEqual(self.check(self.first + self.more, "prefix"), 1)

    def test_a_deleted_topic(self):
        self.reader.forget(["p.public.t"])
        self.check(None)

    def test_another_topic(self):
        self.kafka.logs["p.other", 0] = [batch(0)]
        self.reader.look()
        self.assertEqual(list(self.reader.seen), [self.place])

    def test_a_broker_that_is_away(self):
        self.kafka.down = True
        self.reader.look()
        self.assertEqual((self.kafka.closed, self.reader.client), (1, None))
        self.kafka.down = False
        self.kafka.logs[self.place] += self.more
        self.reader.look()
        self.assertEqual(self.reader.records, 6)
        self.check(self.first + self.more)

    def test_another_leader(self):
        asked = self.kafka.asked
        self.kafka.moved = True
        self.reader.look()
        self.kafka.moved = False
        self.kafka.logs[self.place] += self.more
        self.reader.look()
        self.assertEqual(self.kafka.asked, asked + 1)
        self.assertEqual(self.reader.records, 6)


if __name__ == "__main__":
    unittest.main()
