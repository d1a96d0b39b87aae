#!/usr/bin/env python3
"""The comparer finds what it is for."""
import base64
import io
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import compare                                              # noqa: E402
import events                                               # noqa: E402
from columns import Columns                                 # noqa: E402

COLUMNS = {"public.t": {
    "id": {"types": ["int4"], "notnull": True, "identity": True,
           "generated": False, "default": False},
    "v": {"types": ["text"], "notnull": False, "identity": False,
          "generated": False, "default": False},
    "n": {"types": ["int4"], "notnull": True, "identity": False,
          "generated": False, "default": False}}}

TOPIC = "p.public.t"

# As differences.toml has them, so few that what is tested is plain.
ENTRIES = """
[[difference]]
field = "ts_ms"
rule = "clock"
reason = "the clock"
"""


def row(op, lsn, before, after, now=1700000000000):
    return {"before": before, "after": after,
            "source": {"version": "1", "lsn": lsn, "schema": "public",
                       "table": "t"},
            "transaction": None, "op": op, "ts_ms": now}


# 123, of a scale that is 2048 larger.
SCHEMA = '{"type":"string","optional":false,"field":"v"}'
SCALE = '{"type":"bytes","optional":true,"parameters":{"scale":"2046"}}'
LABELS = '{"type":"string","name":"io.debezium.data.Enum",' \
    '"parameters":{"allowed":"a,b"}}'
DIGITS = '"{}"'.format(base64.b64encode(
    (123 * 10 ** 2048).to_bytes(900, "big")).decode())


class Side:
    """Events of one side, made by hand."""

    def __init__(self, now=1700000000000):
        self.events, self.now = [], now

    def add(self, key, value, partition=0, headers=(("h", b"1"),),
            topic=TOPIC):
        offset = sum(1 for e in self.events if (e.topic, e.partition) ==
                     (topic, partition))
        self.events.append(events.Event(
            topic, partition, offset, key and json.dumps(key).encode(),
            value if value is None or isinstance(value, bytes)
            else json.dumps(value).encode(), list(headers)))

    def history(self):
        """Two rows in, one changed, one out."""
        for n, op, lsn, before, after in (
                (1, "c", 100, None, {"id": 1, "v": "a", "n": 1}),
                (2, "c", 101, None, {"id": 2, "v": "b", "n": 2}),
                (1, "u", 102, None, {"id": 1, "v": "c", "n": 1}),
                (2, "d", 103, {"id": 2, "v": None, "n": None}, None)):
            self.add({"id": n}, row(op, lsn, before, after, self.now))
        self.add({"id": 2}, None)
        return self

    def change(self, at, old, new, what="value"):
        """Write the event at this place with other bytes in it."""
        event = self.events[at]
        data = getattr(event, what)
        assert data.count(old) == 1, (data, old)
        self.events[at] = event._replace(**{what: data.replace(old, new)})
        return self


class Test(unittest.TestCase):

    def setUp(self):
        self.debezium = Side().history()
        self.walferry = Side(1700000000123).history()

    def differences(self, entries=ENTRIES):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as f:
            f.write(entries)
            f.flush()
            return compare.Differences(f.name)

    def compare(self, entries=ENTRIES, mode="default"):
        self.explained = self.differences(entries)
        comparison = compare.Comparison(
            self.debezium.events, self.walferry.events, Columns(COLUMNS))
        out = io.StringIO()
        count = compare.report(comparison, self.explained, mode, out)
        self.text = out.getvalue()
        return count

    def fields(self):
        return sorted({d.field for d in compare.Comparison(
            self.debezium.events, self.walferry.events,
            Columns(COLUMNS)).found})

    def assertFound(self, field, count=1):
        self.assertEqual(self.compare(), count, self.text)
        self.assertIn(field, self.text)

    # What is the same.

    def test_the_same_events_are_the_same(self):
        self.assertEqual(self.compare(), 0, self.text)
        self.assertEqual(self.explained.entries[0]["count"]["default"], 4)

    def test_a_clock_that_is_an_hour_off_is_found(self):
        self.walferry = Side(1700003600000).history()
        self.assertFound("ts_ms", 4)

    # Each kind of mistake.

    def test_a_changed_value_is_found(self):
        self.walferry.change(2, b'"v": "c"', b'"v": "x"')
        self.assertFound("after.v")

    def test_a_changed_spelling_is_found(self):
        self.walferry.change(2, b'"v": "c"', b'"v": "\\u0063"')
        self.assertFound("after.v")
        self.walferry.change(2, b'"v": "\\u0063"', b'"v": "c"')
        self.walferry.change(2, b'"n": 1', b'"n": 1.0')
        self.assertFound("after.n")

    def test_null_is_not_a_missing_field(self):
        self.walferry.change(3, b', "n": null', b'')
        self.assertFound("before.n")

    def test_a_field_more_is_found(self):
        self.walferry.change(0, b'"transaction": null',
                             b'"transaction": null, "more": 1')
        self.assertFound("more")

    def test_another_order_of_fields_is_found(self):
        self.walferry.change(0, b'"v": "a", "n": 1', b'"n": 1, "v": "a"')
        self.assertFound("order of after")

    def test_a_changed_key_is_found(self):
        self.walferry.change(0, b"1", b"7", "key")
        self.assertFound("key.id")

    def test_a_key_that_is_missing_is_found(self):
        self.walferry.events[0] = self.walferry.events[0]._replace(key=None)
        self.assertFound("key")

    def test_a_missing_event_is_found(self):
        for at in range(5):
            self.walferry = Side(1700000000123).history()
            del self.walferry.events[at]
            self.assertFound("event")

    def test_an_event_too_many_is_found(self):
        self.walferry.add({"id": 3}, row("c", 104, None, {"id": 3}))
        self.assertFound("event")

    def test_a_repeated_event_is_found(self):
        again = self.walferry.events[0]
        self.walferry.events.append(again._replace(offset=5))
        self.assertFound("event")

    def test_a_swapped_pair_is_found(self):
        e = self.walferry.events
        e[0], e[1] = e[1]._replace(offset=0), e[0]._replace(offset=1)
        self.assertFound("order")

    def test_a_swapped_pair_with_one_lsn_is_found(self):
        for side in (self.debezium, self.walferry):
            side.events.clear()
            for n in (1, 2, 3):
                side.add({"id": n}, row("c", 100, None, {"id": n}, side.now))
        self.assertEqual(self.compare(), 0)
        e = self.walferry.events
        e[1], e[2] = e[2]._replace(offset=1), e[1]._replace(offset=2)
        self.assertFound("order")

    def test_a_swapped_tombstone_is_found(self):
        e = self.walferry.events
        e[3], e[4] = e[4]._replace(offset=3), e[3]._replace(offset=4)
        self.assertNotEqual(self.compare(), 0)

    def test_a_wrong_partition_is_found(self):
        self.walferry.events[2] = self.walferry.events[2]._replace(
            partition=1, offset=0)
        self.assertFound("partition")

    def test_a_wrong_topic_is_found(self):
        self.walferry.events[2] = self.walferry.events[2]._replace(
            topic="p.public.u", offset=0)
        self.assertFound("topic")

    def test_headers_are_compared_with_their_order(self):
        def headers(*pairs):
            self.walferry = Side(1700000000123).history()
            self.walferry.events[0] = self.walferry.events[0]._replace(
                headers=list(pairs))
        headers(("h", b"1"), ("more", b"1"))
        self.assertFound("header more")
        headers(("h", b"2"))
        self.assertFound("header h")
        headers()
        self.assertFound("header h")
        headers(("h", b"1"), ("h", b"1"))
        self.assertFound("header h (2)")
        for side in (self.debezium, self.walferry):
            side.events[0] = side.events[0]._replace(
                headers=[("a", b""), ("b", b"")])
        self.assertEqual(self.compare(), 0)
        self.walferry.events[0].headers.reverse()
        self.assertFound("order of headers")

    def test_copies_of_a_truncate_are_excused_only_where_there_is_one(self):
        entry = ENTRIES + """
[[difference]]
field = "event"
kind = "truncate"
rule = "a copy"
reason = "so"
"""
        for partition in range(3):
            self.walferry.add(None, row("t", 200, None, None, 1700000000123),
                              partition)
        self.assertEqual(self.compare(entry), 3)
        self.debezium.add(None, row("t", 200, None, None), 2)
        self.assertEqual(self.compare(entry), 0, self.text)
        self.assertEqual(self.compare(), 2)

    def test_a_row_without_columns_is_no_truncate(self):
        for op, before, after, kind in (("c", None, {}, "row"),
                                        ("d", {}, None, "row"),
                                        ("u", {}, {}, "row"),
                                        ("t", None, None, "truncate")):
            self.walferry.add({"id": 1}, row(op, 200, before, after))
            event = self.walferry.events[-1]
            self.assertEqual(compare.Parsed(event).kind, kind, op)

    def test_a_value_that_is_no_json_is_an_error(self):
        self.walferry.events[0] = self.walferry.events[0]._replace(
            value=b"{")
        with self.assertRaises(ValueError):
            self.compare()

    def test_a_name_twice_is_an_error(self):
        with self.assertRaises(ValueError):
            compare.parse(b'{"a": 1, "a": 1}')

    # Schemas.

    def with_schemas(self):
        for side in (self.debezium, self.walferry):
            for at, event in enumerate(side.events):
                def field(name, kind="int32", **more):
                    return {"type": kind, "optional": True, "field": name,
                            **more}
                columns = [field("id"), field("v", "string"), field("n")]
                schema = {"type": "struct", "name": "p.Envelope", "fields": [
                    field("before", "struct", fields=columns),
                    field("after", "struct", fields=columns),
                    field("op", "string")]}
                key = {"type": "struct", "fields": columns[:1]}
                side.events[at] = event._replace(
                    key=json.dumps({"schema": key, "payload": json.loads(
                        event.key)}).encode(),
                    value=event.value and json.dumps({
                        "schema": schema,
                        "payload": json.loads(event.value)}).encode())

    def test_schemas_are_compared(self):
        self.with_schemas()
        self.assertEqual(self.compare(), 0, self.text)
        for old, new, field in (
                (b'"p.Envelope"', b'"p.Other"', "schema"),
                (b'"optional": true, "field": "op"',
                 b'"optional": false, "field": "op"', "schema op"),
                (b'"field": "op"}', b'"field": "op", "version": 1}',
                 "schema op")):
            kept = self.walferry.events[1]
            self.walferry.change(1, old, new)
            self.assertFound(field)
            self.walferry.events[1] = kept

    def test_a_columns_schema_is_its_own_difference(self):
        self.with_schemas()
        e = self.walferry.events[1]
        self.walferry.events[1] = e._replace(value=e.value.replace(
            b'"string", "optional": true, "field": "v"',
            b'"bytes", "optional": true, "field": "v"'))
        self.assertFound("schema after.v", 2)
        self.assertIn("schema before.v", self.text)

    # What excuses.

    def test_an_entry_excuses_its_type_only(self):
        entry = ENTRIES + """
[[difference]]
field = "after.column"
type = "%s"
rule = "both are text"
reason = "so"
"""
        self.walferry.change(2, b'"v": "c"', b'"v": "x"')
        self.assertEqual(self.compare(entry % "int4"), 1)
        self.assertEqual(self.compare(entry % "text"), 0)
        self.assertEqual(self.explained.entries[1]["count"]["default"], 1)
        self.assertEqual(self.compare(
            (entry % "text").replace("after.", "before.")), 1)

    def test_an_entry_excuses_in_its_modes_only(self):
        entry = ENTRIES + 'modes = ["debezium"]\n'
        self.assertEqual(self.compare(entry, "default"), 4)
        self.assertEqual(self.compare(entry, "debezium"), 0)

    def test_an_entry_that_excuses_nothing_is_told(self):
        differences = self.differences()
        self.assertEqual(len(differences.unused(["default"])), 1)
        self.compare()
        self.assertEqual(self.explained.unused(["default"]), [])
        self.assertEqual(len(self.explained.unused(
            ["default", "debezium"])), 1)

    def test_an_entry_names_no_table_topic_or_operation(self):
        for more in ('table = "t"', 'topic = "t"', 'op = "d"',
                     'type = "text"'):
            with self.assertRaises(ValueError, msg=more):
                self.differences(ENTRIES + more + "\n")
        for less in ("field", "rule", "reason"):
            with self.assertRaises(ValueError, msg=less):
                self.differences("\n".join(
                    line for line in ENTRIES.split("\n")
                    if not line.startswith(less)))
        with self.assertRaises(ValueError):
            self.differences(ENTRIES.replace('"clock"', '"no such"'))

    def test_zeros_are_excused_only_where_debezium_invents_them(self):
        entry = ENTRIES + """
[[difference]]
field = "before.column"
type = "int4"
rule = "invented"
reason = "so"
"""
        self.debezium.change(3, b'"n": null', b'"n": 0')
        self.assertEqual(self.compare(entry), 0, self.text)
        self.debezium.change(3, b'"n": 0', b'"n": 7')
        self.assertEqual(self.compare(entry), 1)
        self.debezium.change(3, b'"n": 7', b'"n": 0')
        self.walferry.change(3, b'"n": null', b'"n": 1')
        self.assertEqual(self.compare(entry), 1)

    def test_a_zero_may_be_truncated(self):
        for text, start in (("00:00:00Z", True), ("00:", True), ("P0Y", True),
                            ("197", True), ("01:", False), ("x", False)):
            self.assertEqual(compare._start_of_zero(text), start, text)

    def test_what_is_not_known_may_be_masked(self):
        def masked(d, w, field):
            rule = compare.RULES_OF_COLUMNS["masked"](Columns(COLUMNS))
            pair = (type("P", (), {"table": "public.t"}), None)
            return rule(compare.parse(d), compare.parse(w),
                        compare.Difference("", "row", field, (), d, w, pair))
        self.assertTrue(masked(b'"***"', b"null", "before.v"))
        self.assertTrue(masked(b'""', b"null", "before.v"))
        self.assertFalse(masked(b'"**x"', b"null", "before.v"))
        self.assertTrue(masked(b'"***"', b'""', "before.v"))
        self.assertFalse(masked(b'"***"', b'"x"', "before.v"))
        self.assertFalse(masked(b'"***"', b"null", "after.v"))
        self.assertFalse(masked(b'"***"', b"null", "before.id"))
        self.assertFalse(masked(b"0", b"null", "before.v"))

    def test_what_is_nothing_may_be_hashed(self):
        def of(name):
            def hashed(d, w, field):
                rule = compare.RULES.get(name) or \
                    compare.RULES_OF_COLUMNS[name](Columns(COLUMNS))
                pair = (type("P", (), {"table": "public.t"}), None)
                return rule(compare.parse(d), compare.parse(w),
                            compare.Difference("", "row", field, (), d, w,
                                               pair))
            return hashed
        placeholder = of("hash of a placeholder")
        self.assertTrue(placeholder(b'"0f"', b'"__debezium_unavailable_value"',
                                    "after.v"))
        self.assertFalse(placeholder(b'"0f"', b'"x"', "after.v"))
        self.assertFalse(placeholder(
            b'"0F"', b'"__debezium_unavailable_value"', "after.v"))
        invented = of("hash of what was invented")
        self.assertTrue(invented(b'"38bc"', b"null", "before.n"))
        self.assertFalse(invented(b'"x"', b"null", "before.n"))
        self.assertFalse(invented(b'"38bc"', b'"38bd"', "before.n"))
        self.assertFalse(invented(b'"38bc"', b"null", "before.v"))
        self.assertFalse(invented(b'"38bc"', b"null", "before.id"))
        self.assertFalse(invented(b'"38bc"', b"null", "after.n"))
        nothing = of("hash of nothing")
        self.assertTrue(nothing(b'"38bc"', b'"0a"', "after.n"))
        self.assertFalse(nothing(b'"38bc"', b'"0a"', "after.v"))
        self.assertFalse(nothing(b'"38bc"', b'"x"', "after.n"))
        self.assertFalse(nothing(b"null", b'"0a"', "after.n"))

    def test_rules(self):
        """Each excuses what it is for, and not what looks like it."""
        def of(*types, key=b"k", kind="row"):
            event = events.Event(TOPIC, 0, 0, key, None, [])
            parsed = type("P", (), {"event": event, "table": "public.t"})
            return compare.Difference("", kind, "after.v", types, None, None,
                                      (parsed, parsed))

        missing = compare.MISSING
        for rule, d, w, difference, expected in (
                ("clock", "1700000000000", "1700000000999", of(), True),
                ("clock", "1700000000000", "1700003600000", of(), False),
                ("clock", "1700000000000", "1700000000000000", of(), False),
                ("clock", "1700000000000", "null", of(), False),
                ("both are text", '"a"', '"b"', of(), True),
                ("both are text", '"a"', "1", of(), False),
                ("both are text", '"a"', '""', of(), False),
                ("both are bytes", b"a", b"b", of(), True),
                ("both are bytes", b"a", b"", of(), False),
                ("both are bytes", b"a", None, of(), False),
                ("only walferry has it", missing, "null", of(), True),
                ("only walferry has it", "null", "1", of(), False),
                ("null in Debezium", "null", "1", of(), True),
                ("null in Debezium", missing, "1", of(), False),
                ("null in Debezium", "1", "2", of(), False),
                ("nothing in Debezium", "null", "1", of(), True),
                ("nothing in Debezium", "[]", "[1]", of(), True),
                ("nothing in Debezium", '""', '"a"', of(), True),
                ("nothing in Debezium", "0", "1", of(), False),
                ("nothing in Debezium", "[]", "null", of(), False),
                ("same number", "1.0E7", "1e7", of("float8"), True),
                ("same number", "[1.0E7,1]", "[1e7,1]", of("float8[]"), True),
                ("same number", "1.0E7", "1e8", of("float8"), False),
                ("same number", "1.99999997E15", "2.0E15", of("float4"), True),
                ("same number", "1.99999997E15", "2.0E15", of("float8"),
                 False),
                ("same number", "0.0", "-0.0", of("float8"), False),
                ("same number", '"NaN"', "1", of("float8"), False),
                ("tombstone without key", '""', missing,
                 of(key=None, kind="tombstone"), True),
                ("tombstone without key", '""', missing,
                 of(kind="tombstone"), False),
                ("tombstone without key", '""', missing, of(key=None), False),
                ("Java's spelling of a struct", b'{"k":"a\t\\"b"}',
                 br'{"k":"a\t\"b"}', of(), True),
                ("Java's spelling of a struct", b'{"k":Infinity}',
                 b'{"k":"Infinity"}', of(), True),
                ("Java's spelling of a struct", b'{"k":2.00}',
                 b'{"k":"AMg="}', of(), False),
                ("Java's spelling of a struct", b'{"k":2.00}',
                 b'{"k":2}', of(), False),
                ("Java's spelling of a struct", b'{"k":1}', None, of(), False),
                ("array of arrays", "[null]", "[[1]]", of(), True),
                ("array of arrays", "[null]", "[1]", of(), False),
                ("array of arrays", "[[1]]", "[[2]]", of(), False),
                ("calendar of elements", "[7,1]", "[-800000,1]",
                 of("date[]"), True),
                ("calendar of elements", "[7,1]", "[-100000,1]",
                 of("date[]"), False),
                ("calendar of elements", "[7]", "[-800000,1]", of("date[]"),
                 False),
                ("calendar of elements", "[-62167392000000]",
                 "[-62167219200000]", of("timestamp[]"), True),
                ("calendar of elements", "[-62167219200007]",
                 "[-62167219200000]", of("timestamp[]"), False),
                ("calendar of elements", "[-62167392000000000]",
                 "[-62167219200000000]", of("timestamp[]"), True),
                ("calendar of elements", "[-86401000]", "[-1000]",
                 of("timestamp[]"), False),
                ("calendar of elements", "[-86401000000]", "[-1000000]",
                 of("timestamp[]"), False),
                ("calendar of elements", '["4713-01-01Z"]',
                 '["-4712-01-01Z"]', of("date[]"), True),
                ("calendar of elements", '["1999-01-01Z"]',
                 '["1999-01-02Z"]', of("date[]"), False),
                ("calendar of elements", '["x"]', '["-infinity"]',
                 of("timestamptz[]"), True),
                ("calendar of elements", '["x"]', '["2000-01-01T00:00:00Z"]',
                 of("timestamptz[]"), False),
                ("fraction of elements", "[123000]", "[123456]", of(), True),
                ("fraction of elements", "[0]", "[86400000000]", of(), True),
                ("fraction of elements", "[122000]", "[123456]", of(), False),
                ("fraction of elements", '["11:51:30Z"]',
                 '["11:51:30.123Z"]', of(), True),
                ("fraction of elements", '["11:51:31Z"]',
                 '["11:51:30.123Z"]', of(), False),
                ("fraction of elements", "[49890123000000]",
                 "[49890123456000]", of(), True),
                ("fraction of elements", "[49890123456]", "[49890123457]",
                 of(), False),
                ("fraction of elements", '["11:51:30.12Z"]',
                 '["11:51:30.120456Z"]', of(), True),
                ("fraction of elements", '["11:51:30.1Z"]',
                 '["11:51:30.120456Z"]', of(), False),
                ("fraction of elements", '["00:00:00Z"]', '["24:00:00Z"]',
                 of(), True),
                ("fraction of elements", '["00:00:00Z"]', '["12:00:00Z"]',
                 of(), False),
                ("fraction of elements", '["11:51:30"]',
                 '["11:51:30.123Z"]', of(), False),
                ("end of a day", '"00:00:00Z"', '"24:00:00Z"', of(), True),
                ("end of a day", '"00:00:00Z"', '"23:00:00Z"', of(), False),
                ("end of a day", '"24:00:00Z"', '"00:00:00Z"', of(), False),
                ("infinity", '"-5877611-06-21Z"', '"infinity"', of(), True),
                ("infinity", '"-5877611-06-22Z"', '"infinity"', of(), False),
                ("infinity", '"-290308-12-21T19:59:27.6Z"', '"-infinity"',
                 of(), True),
                ("infinity", '"2000-01-01Z"', '"2000-01-02Z"', of(), False),
                ("infinity", "null", '"infinity"', of(), False),
                ("beyond nanoseconds", "null", "9223372036854775807", of(),
                 True),
                ("beyond nanoseconds", "null", "-9223372036854775808", of(),
                 True),
                ("beyond nanoseconds", "null", "-9223372036854775000", of(),
                 True),
                ("beyond nanoseconds", "null", "-9223286400000000000", of(),
                 False),
                ("beyond nanoseconds", "null", "9223372036854775000", of(),
                 False),
                ("beyond nanoseconds", "1", "9223372036854775807", of(),
                 False),
                ("elements beyond nanoseconds", "[null,1]",
                 "[9223372036854775807,1]", of(), True),
                ("Java's spelling of a struct",
                 b'{"d":1999-12-31,"e":2000-01-02T00:00:01.500Z}',
                 b'{"d":10956,"e":946771201500}', of(), True),
                ("Java's spelling of a struct", b'{"d":00:00:01.500Z}',
                 b'{"d":1500}', of(), True),
                ("Java's spelling of a struct", b'{"d":1999-12-31}',
                 b'{"d":946598400000}', of(), True),
                ("Java's spelling of a struct", b'{"d":1999-12-31}',
                 b'{"d":10957}', of(), False),
                ("Java's spelling of a struct", b'{"d":1999-12-31}',
                 b'{"d":"1999-12-31"}', of(), False),
                ("Java's spelling of a struct", b'{"d":"1999-12-31"}',
                 b'{"d":10956}', of(), False),
                ("wrapped", "-9", "9223372036854775807", of(), True),
                ("wrapped", "9", "9223372036854775807", of(), False),
                ("wrapped", "-9", "9", of(), False),
                ("wrapped elements", "[-9,1]", "[9223372036854775807,1]",
                 of(), True),
                ("an earlier commit", r'"[\"5\",\"9\"]"',
                 r'"[\"4\",\"9\"]"', of(), True),
                ("an earlier commit", r'"[\"5\",\"9\"]"',
                 r'"[\"6\",\"9\"]"', of(), False),
                ("an earlier commit", r'"[\"5\",\"9\"]"',
                 r'"[\"4\",\"8\"]"', of(), False),
                ("an earlier commit", r'"[null,\"9\"]"',
                 r'"[\"4\",\"9\"]"', of(), False),
                ("names of Java's objects", '["[Ljava.lang.String;@5221e59b"]',
                 '[["a"]]', of(), True),
                ("names of Java's objects", '["[Ljava.lang.String;@5221e59b"]',
                 '["a"]', of(), False),
                ("names of Java's objects", '["[Ljava.lang.String;@5221e59b"]',
                 'null', of(), True),
                ("names of Java's objects", '["a"]', 'null', of(), False),
                ("names of Java's objects", '["a"]', '[["a"]]', of(), False),
                ("cut off", "999", "1000", of(), True),
                ("cut off", "-999", "-1000", of(), True),
                ("cut off", "1001", "1000", of(), False),
                ("cut off", "null", "1000", of(), False),
                ("2046 digits", DIGITS, '"ew=="', of(), True),
                ("2046 digits", f"[{DIGITS}]", '["ew=="]', of(), True),
                ("2046 digits", DIGITS, '"ewA="', of(), False),
                ("2046 digits", DIGITS, '"123"', of(), False),
                ("2046 digits", f'"123.{"0" * 2046}"', '"123"', of(), True),
                ("2046 digits", '"123.00"', '"123"', of(), False),
                ("2046 digits", f'123.{"0" * 2046}', '123', of(), True),
                ("2046 digits", f'123.{"0" * 2046}', '"123"', of(), False),
                ("names of Java's objects", '["[LA;@1f","[LA;@2"]',
                 "[null,[1]]", of(), True),
                ("names of Java's objects", '["[LA;@1f"]', "[1]", of(), False),
                ("names of Java's objects", '["a"]', "[null]", of(), False),
                ("optional", SCHEMA, SCHEMA.replace("false", "true"), of(),
                 True),
                ("optional", SCHEMA.replace("false", "true"), SCHEMA, of(),
                 False),
                ("optional", SCHEMA, '{"type":"a","optional":true}', of(),
                 False),
                ("optional elements", f'{{"items":{SCHEMA}}}',
                 f'{{"items":{SCHEMA.replace("false", "true")}}}', of(),
                 True),
                ("optional elements", SCHEMA, SCHEMA, of(), False),
                ("an array", SCHEMA, f'{{"type":"array","items":{SCHEMA}}}',
                 of(), True),
                ("an array", SCHEMA, SCHEMA, of(), False),
                ("scale 2046", SCALE, SCALE.replace("2046", "-2"), of(), True),
                ("scale 2046", SCALE, SCALE.replace("2046", "2"), of(), False),
                ("earlier labels", LABELS, LABELS.replace("a,b", "a,c,b"),
                 of(), True),
                ("earlier labels", LABELS, LABELS.replace("a,b", "a,c"), of(),
                 False)):
            values = [compare.parse(v.encode()) if isinstance(v, str) else v
                      for v in (d, w)]
            self.assertIs(bool(compare.RULES[rule](*values, difference)),
                          expected, (rule, d, w))

    def test_rules_of_columns(self):
        columns = Columns({"public.t": {
            "g": {"types": ["int4"], "generated": True, "other": False},
            "v": {"types": ["int4"], "generated": False, "other": False}},
            "public.u": {"v": {"other": True, "keyed": True}}})
        parsed = type("P", (), {"table": "public.t"})
        one = compare.parse(b"1")

        def generated(field, d, w):
            return compare.RULES_OF_COLUMNS["generated"](columns)(
                d, w, compare.Difference("", "row", field, (), d, w,
                                         (parsed, parsed)))
        self.assertTrue(generated("after.g", compare.MISSING, one))
        self.assertFalse(generated("after.g", None, one))
        self.assertFalse(generated("after.v", compare.MISSING, one))

        columns.tables["public.t"]["n"] = {
            "types": ["int4"], "default": True, "notnull": False}

        def default(field, d, w):
            return compare.RULES_OF_COLUMNS["default for null"](columns)(
                d, w, compare.Difference("", "row", field, (), d, w,
                                         (parsed, parsed)))
        self.assertTrue(default("after.n", one, None))
        self.assertFalse(default("after.n", None, one))
        self.assertFalse(default("after.n", compare.MISSING, None))
        self.assertFalse(default("key.n", one, None))
        columns.tables["public.t"]["n"]["notnull"] = True
        self.assertFalse(default("after.n", one, None))

        def other(table):
            parsed = type("P", (), {"table": table})
            return compare.RULES_OF_COLUMNS["another index"](columns)(
                1, 2, compare.Difference("", "row", "key.v", (), 1, 2,
                                         (parsed, parsed)))
        self.assertTrue(other("public.u"))

        def keyless(debezium, walferry, table):
            pair = [type("P", (), {
                "table": table, "event": type("E", (), {"key": key})})
                for key in (debezium, walferry)]
            return compare.RULES_OF_COLUMNS["keyless"](columns)(
                1, 2, compare.Difference("", "row", "partition", (), 1, 2,
                                         pair))
        self.assertTrue(keyless(None, None, "public.u"))
        self.assertTrue(keyless(b"k", None, "public.t"))
        self.assertFalse(keyless(b"k", None, "public.u"))
        self.assertFalse(keyless(b"k", b"k", "public.t"))
        self.assertFalse(keyless(None, b"k", "public.t"))
        self.assertFalse(other("public.t"))

    def test_an_unknown_key_has_a_column_that_is_not_in_the_identity(self):
        def unknown(field, key, walferry, d=None, w=None, op="d"):
            rule = compare.RULES_OF_COLUMNS["unknown key"](Columns(COLUMNS))
            pair = (type("P", (), {"table": "public.t", "key": key,
                                   "value": op and {"op": op}}),
                    walferry and type("P", (), {
                        "event": type("E", (), {"key": walferry[0]})}))
            return rule(d, w, compare.Difference("", "row", field, (), d, w,
                                                 pair))
        known, half = {"id": "1"}, {"id": "1", "n": "0"}
        for field in "key", "partition":
            self.assertTrue(unknown(field, half, (None,)))
            self.assertFalse(unknown(field, known, (None,)))
            self.assertFalse(unknown(field, half, (b"{}",)))
            self.assertFalse(unknown(field, None, (None,)))
            for op in "c", "u", "r", None:
                self.assertFalse(unknown(field, half, (None,), op=op))
        # A tombstone that walferry does not have.
        self.assertTrue(unknown("event", half, None, op=None))
        self.assertFalse(unknown("event", known, None, op=None))
        for text, w, expected in ((b'{"id":1,"n":0}', compare.MISSING, True),
                                  (b'{"id":1}', compare.MISSING, False),
                                  (b'{"id":1,"n":0}', b"{}", False)):
            self.assertEqual(unknown("header __debezium.oldkey", known,
                                     (b"{}",), text, w), expected)

    def test_rules_of_transactions(self):
        def of(d, w):
            side = Side()
            for value, key in (d, w):
                side.add({"id": key}, value, topic="p.transaction")
            both = [compare.Parsed(e) for e in side.events]
            compare.identify(both)
            return compare.Difference("", both[0].kind, "id", (), None, None,
                                      tuple(both))

        def record(status, xid, count=None):
            return {"status": status, "id": xid, "event_count": count,
                    "data_collections": None, "ts_ms": 1}

        begin = of((record("BEGIN", "5:10"), "5:10"),
                   (record("BEGIN", "5:20"), "5:20"))
        alike = of((record("BEGIN", "5:10"), "5:10"),
                   (record("BEGIN", "5:10"), "5:10"))
        end = of((record("END", "5:10", 1), "5:10"),
                 (record("END", "5:20", 1), "5:20"))
        empty = of((record("BEGIN", "5:10"), "5:10"),
                   (record("END", "5:20", 0), "5:20"))
        name = compare._OF_MESSAGE + "6c6b56c8"

        def listed(*counts):
            return json.dumps([{"data_collection": n, "event_count": c}
                               for n, c in counts])

        together = listed(("s.a", 2), ("LOGICAL_DECODING_MESSAGE", 2))
        for rule, d, w, difference, expected in (
                ("the same transaction", '"5:10"', '"5:20"', begin, True),
                ("the same transaction", '"5:0"', '"5:20"', begin, True),
                ("the same transaction", '"6:10"', '"5:20"', begin, False),
                ("the same transaction", '"5:20"', '"5:10"', begin, False),
                ("the same transaction", '"5:x"', '"5:10"', begin, False),
                ("the same transaction", '"5:10"', "null", begin, False),
                ("the same transaction", '"5:10"', '"5:20"', end, False),
                ("begin of another id", "1", "2", begin, True),
                ("begin of another id", "1", "2", alike, False),
                ("begin of another id", "1", "2", end, False),
                ("nothing in it", '"x"', compare.MISSING, empty, True),
                ("nothing in it", '"x"', compare.MISSING, begin, False),
                ("nothing in it", compare.MISSING, '"x"', empty, False),
                ("messages one by one",
                 listed((name, 1), ("s.a", 2), (name[:-1], 1)), together,
                 end, True),
                ("messages one by one",
                 listed((name, 1), ("s.a", 2)), together, end, False),
                ("messages one by one",
                 listed((name, 1), ("s.a", 1), (name[:-1], 1)), together,
                 end, False),
                ("messages one by one", listed(("s.a", 2)),
                 listed(("s.a", 3)), end, False),
                ("always the first", "1", "2", begin, True),
                ("always the first", "2", "2", begin, False),
                ("always the first", "1", "0", begin, False)):
            values = [compare.parse(v.encode()) if isinstance(v, str) else v
                      for v in (d, w)]
            self.assertIs(bool(compare.RULES[rule](*values, difference)),
                          expected, (rule, d, w))

    def test_every_rule_is_used_and_tested(self):
        used = {e["rule"] for e in compare.Differences().entries}
        text = pathlib.Path(__file__).read_text()
        for rule in compare.RULES | compare.RULES_OF_COLUMNS:
            self.assertTrue(f'"{rule}"' in text, f"not tested: {rule}")
            self.assertTrue(rule in used, f"not used: {rule}")

    # Files.

    def test_a_file_keeps_the_events(self):
        self.walferry.events[0] = self.walferry.events[0]._replace(
            key=b"\xff\x00", headers=[("n", None), ("m", b"\xfe")])
        with tempfile.NamedTemporaryFile(suffix=".gz") as f:
            events.save(f.name, {"columns": COLUMNS}, self.walferry.events)
            self.assertEqual(events.load(f.name), (
                {"columns": COLUMNS}, self.walferry.events))


if __name__ == "__main__":
    unittest.main()
