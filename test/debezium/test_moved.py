#!/usr/bin/env python3
"""What gets lost or out of order in moving over is found."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import events                                               # noqa: E402
import moved                                                # noqa: E402

CHANGES = {0: [("c", 1), ("u", 2), ("d", None), ("c", 4)], 1: [("c", 1)],
           2: []}


class Test(unittest.TestCase):

    def setUp(self):
        self.events = []
        for lsn, (op, n) in enumerate(CHANGES[0], 100):
            self.add("accounts", {"id": 0}, op, n, lsn)
            if op == "d":
                self.tombstone({"id": 0})
        self.add("accounts", {"id": 1}, "c", 1, 110, partition=1)
        for line in (1, 2):
            self.add("log", {"line": line}, "c", None, 120 + line)

    def add(self, table, key, op, n, lsn, partition=0, who="old"):
        self.put(table, key, {
            "after": None if op == "d" else {"n": n}, "op": op,
            "source": {"version": who, "lsn": lsn}}, partition)

    def put(self, table, key, value, partition=0):
        self.events.append(events.Event(
            f"shop.public.{table}", partition, len(self.events),
            json.dumps(key).encode(), value and json.dumps(value).encode(),
            []))

    def tombstone(self, key):
        self.put("accounts", key, None)

    def judge(self, lines=(1, 2)):
        wrong, self.written, self.repeated = moved.judge(
            self.events, CHANGES, lines)
        return wrong

    def test_what_is_all_there_is_right(self):
        self.assertEqual(self.judge(), [])
        self.assertEqual(self.written, {"old": 7})
        self.assertFalse(self.repeated)

    def test_what_comes_again_is_counted(self):
        for lsn, (op, n) in list(enumerate(CHANGES[0], 100))[1:]:
            self.add("accounts", {"id": 0}, op, n, lsn, who="new")
            if op == "d":
                self.tombstone({"id": 0})
        self.add("log", {"line": 2}, "c", None, 122, who="new")
        self.assertEqual(self.judge(), [])
        self.assertEqual(self.repeated, {"new": 4})

    def test_each_lost_record_is_found(self):
        for at in range(len(self.events)):
            self.setUp()
            del self.events[at]
            self.assertNotEqual(self.judge(), [], at)

    def test_another_order_is_found(self):
        for at in range(3):
            self.setUp()
            e = self.events
            e[at], e[at + 1] = (e[at + 1]._replace(offset=at),
                                e[at]._replace(offset=at + 1))
            self.assertNotEqual(self.judge(), [], at)

    def test_another_partition_is_found(self):
        self.events[1] = self.events[1]._replace(partition=2)
        self.assertNotEqual(self.judge(), [])

    def test_a_repeat_with_another_lsn_is_found(self):
        self.add("accounts", {"id": 0}, "c", 4, 500)
        self.assertNotEqual(self.judge(), [])

    def test_a_line_that_was_never_written_is_found(self):
        self.assertNotEqual(self.judge((1,)), [])


if __name__ == "__main__":
    unittest.main()
