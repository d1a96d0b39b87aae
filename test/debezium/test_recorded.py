#!/usr/bin/env python3
"""With recorded events the comparer finds what it finds without."""
import io
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import compare                                              # noqa: E402
import events                                               # noqa: E402
import recorded                                             # noqa: E402
from columns import Columns                                 # noqa: E402
from test_compare import COLUMNS, TOPIC                     # noqa: E402

ENTRIES = """
[[difference]]
field = "ts_ms"
rule = "clock"
reason = "the clock"

[[difference]]
field = "source.sequence"
rule = "an earlier commit"
reason = "nobody saw it"
"""

# Microseconds: when walferry's events were made.
NOW = 1700000000123456


class Made:
    """Events of a side.  Its LSNs, transaction ids and clock stand where they
    stand in its database."""

    def __init__(self, lsn, transaction, now):
        self.lsn, self.transaction, self.now = lsn, transaction, now
        self.events = []
        self.commit = None

    def add(self, key, value, partition=0):
        offset = sum(e.partition == partition for e in self.events)
        self.events.append(events.Event(
            TOPIC, partition, offset, json.dumps(key).encode(),
            None if value is None else json.dumps(value).encode(), []))

    def truncate(self, lsn, partition):
        self.row("t", None, None, lsn, partition=partition)

    def row(self, op, n, v, lsn, key=None, partition=0):
        now = self.now + self.transaction * 2500
        row = {"id": n, "v": v, "n": 1}
        commit = None if self.commit is None else str(self.lsn + self.commit)
        self.add({"id": key or n}, {
            "before": row if op == "d" else None,
            "after": row if op in "cu" else None,
            "source": {
                "version": "1", "ts_ms": now // 1000, "ts_us": now,
                "ts_ns": now * 1000, "schema": "public", "table": "t",
                "sequence": json.dumps([commit, str(self.lsn + lsn)],
                                       separators=(",", ":")),
                "txId": self.transaction, "lsn": self.lsn + lsn},
            "transaction": {"id": f"{self.transaction}:{self.lsn + lsn}",
                            "total_order": 1},
            "op": op, "ts_ms": now // 1000 + 5}, partition)

    def end(self, lsn):
        """The transaction ends; the next one begins."""
        self.commit = lsn
        self.transaction += 1

    def history(self, spread=1):
        """Four transactions, of which one has several rows and one is a
        COPY; LSNs are farther apart in one database than in another."""
        self.row("c", 1, "a", 8 * spread)
        self.end(16 * spread)
        for n in (2, 3, 4):
            self.row("c", n, "b", (16 + n) * spread)
        self.end(30 * spread)
        for n in (5, 6, 7):
            self.row("c", n, "copied", 40 * spread)
        self.end(48 * spread)
        self.row("u", 1, "c", 56 * spread)
        self.row("d", 2, None, 64 * spread)
        self.add({"id": 2}, None)
        self.end(72 * spread)
        self.row("c", 2, "new", 80 * spread)
        return self


class Test(unittest.TestCase):

    def setUp(self):
        # A month ago, in a database that was older.
        self.debezium = Made(9000000, 999, NOW - 30 * 86400 * 10 ** 6)
        self.debezium.history(8)
        self.walferry = Made(24000, 731, NOW).history()

    def compare(self):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as f:
            f.write(ENTRIES)
            f.flush()
            differences = compare.Differences(f.name)
        comparison = compare.Comparison(
            self.debezium.events, self.walferry.events, Columns(COLUMNS),
            recorded.translate)
        self.fields = sorted({d.field for d in comparison.found if not
                              differences.explain(d, "default",
                                                  comparison.columns)})
        out = io.StringIO()
        count = compare.report(comparison, differences, "default", out)
        self.text = out.getvalue()
        return count

    def assertFound(self, *fields):
        self.assertNotEqual(self.compare(), 0)
        self.assertEqual(self.fields, sorted(fields), self.text)

    def change(self, at, old, new, side=None):
        found = (side or self.walferry).events
        data = found[at].value
        self.assertIn(old, data)
        found[at] = found[at]._replace(value=data.replace(old, new))

    def value(self, at, **fields):
        """Fields of one event's source."""
        found = self.walferry.events
        value = json.loads(found[at].value)
        value["source"].update(fields)
        found[at] = found[at]._replace(value=json.dumps(value).encode())

    def source(self, at):
        return json.loads(self.walferry.events[at].value)["source"]

    def test_the_same_events_of_another_run_are_the_same(self):
        self.assertEqual(self.compare(), 0, self.text)

    def test_a_commit_may_end_where_the_next_begins(self):
        """In one database there was nothing between, in the other there
        was."""
        for side, between in ((self.debezium, 0), (self.walferry, 8)):
            side.end(1000)
            side.row("c", 8, "x", 1000 + between)
            side.end(2000)
            side.row("c", 9, "x", 2000 + between)
        self.assertEqual(self.compare(), 0, self.text)

    def test_keys_may_differ_as_far_as_it_is_excused(self):
        for at, e in enumerate(self.walferry.events):
            self.walferry.events[at] = e._replace(
                key=json.dumps({"v": at}).encode())
        self.compare()
        self.assertEqual(self.fields, ["key.id", "key.v"])

    def test_one_truncate_may_be_in_several_partitions(self):
        self.debezium.truncate(88 * 8, 2)
        for partition in (0, 1, 2):
            self.walferry.truncate(88, partition)
        for side, spread in ((self.debezium, 8), (self.walferry, 1)):
            side.end(90 * spread)
        self.debezium.truncate(96 * 8, 1)
        for partition in (0, 1, 2):
            self.walferry.truncate(96, partition)
        self.assertEqual(self.compare(), 4)
        self.assertEqual(self.fields, ["event"])

    def test_without_translation_they_are_not(self):
        self.assertNotEqual(compare.Comparison(
            self.debezium.events, self.walferry.events,
            Columns(COLUMNS)).found, [])

    def test_a_changed_value_is_found(self):
        self.change(2, b'"v": "b"', b'"v": "x"')
        self.assertFound("after.v")

    def test_a_missing_event_is_found(self):
        for at in range(len(self.walferry.events)):
            self.setUp()
            del self.walferry.events[at]
            self.assertFound("event")

    def test_an_event_too_many_is_found(self):
        for at in range(len(self.walferry.events)):
            self.setUp()
            self.walferry.events.append(
                self.walferry.events[at]._replace(offset=99))
            self.assertFound("event")

    def test_a_swapped_pair_is_found(self):
        found = self.walferry.events
        for at in range(len(found) - 1):
            self.setUp()
            found = self.walferry.events
            found[at], found[at + 1] = (
                found[at + 1]._replace(offset=at),
                found[at]._replace(offset=at + 1))
            self.assertNotEqual(self.compare(), 0, at)
            self.assertIn("order", self.fields)

    def test_swapped_transactions_are_found(self):
        """Everything in them follows: LSNs, ids, times."""
        first, second = self.source(0), self.source(1)
        self.value(0, **{n: second[n] for n in (
            "lsn", "txId", "ts_ms", "ts_us", "ts_ns")})
        self.value(1, **{n: first[n] for n in (
            "lsn", "txId", "ts_ms", "ts_us", "ts_ns")})
        self.assertNotEqual(self.compare(), 0)
        self.assertIn("order", self.fields)

    def test_one_lsn_of_a_whole_transaction_is_found(self):
        for at in (1, 2, 3):
            self.value(at, lsn=self.source(1)["lsn"])
        self.assertNotEqual(self.compare(), 0)
        self.assertEqual(self.fields, ["source.lsn"])

    def test_lsns_that_a_copy_does_not_have_are_found(self):
        for at in (4, 5, 6):
            self.value(at, lsn=self.source(at)["lsn"] + at)
        self.assertNotEqual(self.compare(), 0)
        self.assertIn("source.lsn", self.fields)

    def test_a_transaction_id_that_changes_within_is_found(self):
        self.value(2, txId=12345)
        self.assertFound("source.txId")

    def test_the_id_of_another_transaction_is_found(self):
        self.value(7, txId=self.source(1)["txId"])
        self.assertFound("source.txId")

    def test_times_that_are_not_one_time_are_found(self):
        self.value(2, ts_ms=self.source(2)["ts_ms"] + 1)
        self.assertFound("source.ts_ms")
        self.setUp()
        self.value(2, ts_ns=self.source(2)["ts_ns"] + 1)
        self.assertFound("source.ts_ns")

    def test_a_commit_that_moved_is_found(self):
        """One of a transaction's rows has another time than the rest."""
        one = self.source(7)
        self.value(5, **{n: one[n] for n in ("ts_ms", "ts_us", "ts_ns")})
        self.assertFound("source.ts_ms", "source.ts_ns", "source.ts_us")

    def test_a_clock_that_is_an_hour_off_is_found(self):
        ms = (NOW + 734 * 2500) // 1000 + 5
        self.change(7, f'"op": "u", "ts_ms": {ms}'.encode(),
                    f'"op": "u", "ts_ms": {ms + 3600000}'.encode())
        self.assertFound("ts_ms")

    def test_an_id_in_the_transaction_block_is_compared(self):
        self.change(7, b'"id": "734:', b'"id": "735:')
        self.assertFound("transaction.id")

    def test_an_earlier_commit_is_excused_and_a_later_is_not(self):
        own = self.source(7)["lsn"]
        self.value(7, sequence=f'["{24000 + 16}","{own}"]')
        self.assertEqual(self.compare(), 0, self.text)
        self.value(7, sequence=f'["{own}","{own}"]')
        self.assertFound("source.sequence")

    def test_the_spelling_of_a_sequence_counts(self):
        own = self.source(7)["lsn"]
        self.value(7, sequence=f'["{24000 + 48}", "{own}"]')
        self.assertFound("source.sequence")

    def test_a_changed_key_is_found(self):
        found = self.walferry.events
        found[0] = found[0]._replace(key=b'{"id": 7}')
        self.assertNotEqual(self.compare(), 0)
        self.assertIn("key.id", self.fields)

    def test_a_wrong_partition_is_found(self):
        found = self.walferry.events
        found[7] = found[7]._replace(partition=1, offset=0)
        self.assertFound("partition")

    def test_a_file_of_xz_gives_them_back(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "e.jsonl.xz"
            events.save(path, {"recorded": {}}, self.debezium.events)
            head, found = events.load(path)
        self.assertEqual(head, {"recorded": {}})
        self.assertEqual(found, self.debezium.events)


if __name__ == "__main__":
    unittest.main()
