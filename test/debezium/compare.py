#!/usr/bin/env python3
"""Are walferry's events Debezium's?

    compare.py DEBEZIUM.jsonl.gz WALFERRY.jsonl.gz [MODE]

Every event of one side is paired with the one of the other that tells of the
same change, and then everything is compared: topic, partition, key, headers
with their order, each field of the value as it is spelled, the order of fields
and, where there is one, the schema; in the end, the order of events in each
partition.

What differs must be explained by an entry of differences.toml, which see.  A
column's value counts as one.
"""
import base64
import collections
import datetime
import json
import json.decoder
import json.scanner
import pathlib
import re
import struct
import sys
import tomllib

HERE = pathlib.Path(__file__).parent

MODES = ("default", "debezium")

# Where an event lacks what the other has.
MISSING = type("Missing", (), {"__repr__": lambda self: "(missing)"})()


class Spelled(str):
    """A string or number of JSON that knows how it was written."""

    raw = ""

    def __repr__(self):
        return self.raw


class String(Spelled):

    @classmethod
    def written(cls, text):
        return _spelled(cls, text, json.dumps(text, ensure_ascii=False))


class Number(Spelled):
    pass


def _spelled(kind, text, raw):
    value = kind(text)
    value.raw = raw
    return value


def _decoder():
    """Of JSON, as Python's, but for the spelling of strings and numbers, and
    that a repeated name is an error."""
    def string(s, end, strict=True):
        text, after = json.decoder.scanstring(s, end, strict)
        return _spelled(String, text, s[end - 1:after]), after

    def pairs(pairs):
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("an object has a name twice")
        return found

    def number(raw):
        return _spelled(Number, raw, raw)

    decoder = json.JSONDecoder(
        object_pairs_hook=pairs, parse_int=number, parse_float=number,
        parse_constant=number)
    decoder.parse_string = string
    decoder.scan_once = json.scanner.py_make_scanner(decoder)
    return decoder


_DECODER = _decoder()


def number(value):
    """As JSON has an int."""
    return _spelled(Number, str(value), str(value))


def parse(data):
    return _DECODER.decode(data.decode())


def same(a, b):
    """Equal in value, kind and spelling; the order of fields counts."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Spelled):
        return a.raw == b.raw
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[n], b[n]) for n in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


# ---------------------------------------------------------------- events

class Parsed:
    """An event, taken apart."""

    copy = False        # of one that was paired
    empty = False       # of a transaction that has no events

    def __init__(self, event):
        self.event = event
        self.key, self.key_schema = self._open(event.key)
        self.value, self.schema = self._open(event.value)
        self.kind = self._kind()
        self.table = None
        if self.kind in ("row", "truncate"):
            source = self.value["source"]
            self.table = f"{source['schema']}.{source['table']}"

    @staticmethod
    def _open(data):
        """(payload, schema or None)"""
        if data is None:
            return None, None
        value = parse(data)
        if isinstance(value, dict) and list(value) == ["schema", "payload"]:
            return value["payload"], value["schema"]
        return value, None

    def _kind(self):
        if self.event.value is None:
            return "tombstone"
        if not isinstance(self.value, dict):
            return "unknown"
        if "message" in self.value:
            return "message"
        if "before" in self.value:
            rows = self.value["before"], self.value.get("after")
            # A row of which nothing was asked for is {}.
            return "truncate" if rows == (None, None) else "row"
        if "status" in self.value:
            return "transaction"
        return "heartbeat" if list(self.value) == ["ts_ms"] else "unknown"

    def identity(self):
        """What tells the change, as far as the event does; None: it does
        not, and what stands before it does."""
        value = self.value
        if self.kind == "tombstone":
            return None
        if self.kind in ("row", "truncate", "message"):
            source = value.get("source")
            lsn = source.get("lsn") if isinstance(source, dict) else None
            return self.kind, self.table, value.get("op"), lsn
        if self.kind == "transaction":
            return self.kind, value.get("status"), self.transaction()
        return (self.kind,)

    def transaction(self):
        """The xid, which is the same in all that tells of one."""
        return str(self.value.get("id")).partition(":")[0]

    def __str__(self):
        e = self.event
        op = self.value.get("op") if isinstance(self.value, dict) else None
        key = None if e.key is None else e.key.decode(errors="replace")
        return f"{e.topic}/{e.partition}@{e.offset} {op or self.kind} " \
               f"key {key if key is None or len(key) < 200 else key[:200]}"


def identify(parsed):
    """Each event of a side gets its identity as .id.  Events must be in the
    order of their partitions."""
    previous, tables = {}, {}
    for p in parsed:
        place = p.event.topic, p.event.partition
        p.id = p.identity() or ("tombstone", previous.get(place))
        previous[place] = p.id
        if p.table:
            tables[p.event.topic] = p.table
    for p in parsed:
        p.table = p.table or tables.get(p.event.topic)
    ends = [p for p in parsed if p.kind == "transaction"]
    nothing = {p.transaction() for p in ends
               if p.value.get("status") == "END"
               and p.value.get("event_count") == "0"}
    for p in ends:
        p.empty = p.transaction() in nothing


def pair_by(ours, theirs, sameness):
    """Pairs of those that are alike, in their order; what is left of both."""
    waiting = collections.defaultdict(collections.deque)
    for p in theirs:
        waiting[sameness(p)].append(p)
    pairs, left = [], []
    for p in ours:
        found = waiting[sameness(p)]
        if found:
            pairs.append((p, found.popleft()))
        else:
            left.append(p)
    used = {id(b) for _, b in pairs}
    return pairs, left, [p for p in theirs if id(p) not in used]


def _row(p):
    after = p.value.get("after") if isinstance(p.value, dict) else None
    return json.dumps(after)


def pair(debezium, walferry):
    """Pairs of events that tell of one change, and those that have none.

    The changes of a COPY have one LSN, so what the events hold comes first;
    then whatever could be the same event with something wrong in it.
    """
    pairs = []
    for sameness in (
            lambda p: (p.event.topic, p.event.partition, p.id, p.event.key,
                       _row(p)),
            lambda p: (p.event.topic, p.id, p.event.key, _row(p)),
            lambda p: (p.event.topic, p.id, p.event.key),
            lambda p: (p.event.topic, p.id),
            lambda p: p.id,
            lambda p: (p.event.topic, p.kind, p.id[2:3], p.event.key),
            lambda p: (p.event.topic, p.kind, p.id[2:3])):
        more, debezium, walferry = pair_by(debezium, walferry, sameness)
        pairs += more
    return pairs, debezium, walferry


# ----------------------------------------------------------- differences

# where: the event, as text.  field: "source.version", "before.COLUMN",
# "after.COLUMN", "key.COLUMN", "key", "header NAME", "headers", "partition",
# "topic", "event", "order"; of a schema, with "schema " before it.
Difference = collections.namedtuple(
    "Difference", "where kind field types debezium walferry pair")

# Rows, whose fields are columns.
_ROWS = ("before", "after", "key")


class Comparison:
    """Of the events of both sides.  columns: columns.Columns.  recorded:
    Debezium's are of another run, and recorded.translate."""

    def __init__(self, debezium, walferry, columns, recorded=None):
        self.columns = columns
        self.found = []
        self.compared = 0
        self.schemas = set()
        debezium = [Parsed(e) for e in debezium]
        walferry = [Parsed(e) for e in walferry]
        if recorded:
            recorded(debezium, walferry)
        identify(debezium)
        identify(walferry)
        pairs, missing, extra = pair(debezium, walferry)
        told = {(w.event.topic, w.id) for _, w in pairs}
        for w in extra:
            w.copy = (w.event.topic, w.id) in told
        for d in missing:
            self._add((d, None), "event", _brief(d), MISSING)
        for w in extra:
            self._add((None, w), "event", MISSING, _brief(w))
        for d, w in pairs:
            self._events(d, w)
        self._order(pairs)
        self.pairs = len(pairs)

    def _add(self, pair, field, debezium, walferry, column=None):
        one = pair[0] or pair[1]
        types = self.columns.of(one.table, column)["types"] \
            if column else ()
        self.found.append(Difference(str(one), one.kind, field, tuple(types),
                                     debezium, walferry, pair))

    def _value(self, both, field, d, w, column=None):
        self.compared += 1
        if not same(d, w):
            self._add(both, field, d, w, column)

    def _events(self, d, w):
        both = d, w
        self._value(both, "topic", d.event.topic, w.event.topic)
        self._value(both, "partition", d.event.partition, w.event.partition)
        self._headers(both)
        self._struct(both, "key", d.key, w.key)
        if d.kind == w.kind and isinstance(d.value, dict):
            self._fields(both, "", d.value, w.value)
        else:
            self._value(both, "value", d.value, w.value)
        self._schema(both, "key", d.key_schema, w.key_schema)
        self._schema(both, "", d.schema, w.schema)

    def _headers(self, both):
        def numbered(headers):
            count = collections.Counter()
            named = {}
            for name, value in headers:
                count[name] += 1
                n = count[name]
                named[name if n == 1 else f"{name} ({n})"] = value
            return named
        d, w = (numbered(p.event.headers) for p in both)
        for name in {**d, **w}:
            self._value(both, f"header {name}", d.get(name, MISSING),
                        w.get(name, MISSING))
        self._sequence(both, "headers", d, w)

    def _sequence(self, both, field, d, w):
        """The order of names that both have."""
        self._value(both, f"order of {field}", [n for n in d if n in w],
                    [n for n in w if n in d])

    def _fields(self, both, path, d, w):
        """The fields of the envelope, and of the blocks in it."""
        for name in {**d, **w}:
            a, b = d.get(name, MISSING), w.get(name, MISSING)
            field = f"{path}{name}"
            if field in _ROWS:
                self._struct(both, field, a, b)
            elif isinstance(a, dict) and isinstance(b, dict):
                self._fields(both, f"{field}.", a, b)
            else:
                self._value(both, field, a, b)
        self._sequence(both, path or "value", d, w)

    def _struct(self, both, field, d, w):
        if not isinstance(d, dict) or not isinstance(w, dict):
            self._value(both, field, d, w)
            return
        for name in {**d, **w}:
            self._value(both, f"{field}.{name}", d.get(name, MISSING),
                        w.get(name, MISSING), name)
        self._sequence(both, field, d, w)

    # Schemas.  One is in each event, and seldom another one than before.

    def _schema(self, both, path, d, w):
        if d is None and w is None:
            return
        pair = json.dumps([d, w])
        if pair in self.schemas:
            return
        self.schemas.add(pair)
        self._part(both, path, d, w)

    def _part(self, both, path, d, w):
        name = f"schema {path}".rstrip()
        if not (isinstance(d, dict) and isinstance(w, dict)
                and "fields" in d and "fields" in w):
            row, _, column = path.partition(".")
            self._value(both, name, d, w, column if row in _ROWS else None)
            return
        self._value(both, name, {n: v for n, v in d.items() if n != "fields"},
                    {n: v for n, v in w.items() if n != "fields"})
        # The columns' structs are values, not part of the envelope.
        d, w = ({f["field"]: f for f in s["fields"]} for s in (d, w))
        for field in {**d, **w}:
            inner = f"{path}.{field}" if path else field
            a, b = d.get(field, MISSING), w.get(field, MISSING)
            if path in _ROWS:
                self._value(both, f"schema {inner}", a, b, field)
            else:
                self._part(both, inner, a, b)
        self._sequence(both, f"{name} fields", d, w)

    def _order(self, pairs):
        """What Debezium has in one partition must be in the same order."""
        places = collections.defaultdict(list)
        for d, w in pairs:
            places[d.event.topic, d.event.partition, w.event.topic,
                   w.event.partition].append((d, w))
        for place in places.values():
            place.sort(key=lambda both: both[0].event.offset)
            highest = -1
            for d, w in place:
                self.compared += 1
                if w.event.offset < highest:
                    self._add((d, w), "order", d.event.offset, w.event.offset)
                highest = max(highest, w.event.offset)


def _brief(p):
    return f"{(p.event.value or b'')[:300].decode(errors='replace')}"


# ----------------------------------------------------------------- rules

def _integer(value):
    return int(value) if isinstance(value, Number) and \
        re.fullmatch("-?[0-9]+", value) else None


def _clock(d, w, _):
    """Both a time, and about the same one: within ten minutes."""
    d, w = _integer(d), _integer(w)
    if d is None or w is None or len(str(d)) != len(str(w)):
        return False
    return abs(d - w) <= 600 * 10 ** (len(str(d)) - 10)


def _both_text(d, w, _):
    return isinstance(d, String) and isinstance(w, String) and d and w


def _both_bytes(d, w, _):
    return isinstance(d, bytes) and isinstance(w, bytes) and d != b"" and \
        w != b""


def _only_walferry(d, w, _):
    return d is MISSING and w is not MISSING


def _null_in_debezium(d, w, _):
    return d is None and w is not None and w is not MISSING


def _nothing_in_debezium(d, w, _):
    """Null or, where null must not be, empty."""
    return (d is None or d == [] or isinstance(d, String) and d == "") and \
        w is not None and w is not MISSING


def _same_number(d, w, difference):
    """The same floating-point number, of the column's precision."""
    if isinstance(d, list) and isinstance(w, list):
        return len(d) == len(w) and all(
            same(a, b) or _same_number(a, b, difference)
            for a, b in zip(d, w))
    if not isinstance(d, Number) or not isinstance(w, Number):
        return False
    form = "f" if {"float4", "float4[]"} & set(difference.types) else "d"
    return struct.pack(form, float(d)) == struct.pack(form, float(w))


def _copy(d, w, difference):
    """One that walferry has in several partitions."""
    return d is MISSING and difference.pair[1].copy


# A date, timestamp or time of Connect's, which stands there without quotes.
_BARE = re.compile(rb"(?<=:)((\d{4}-\d\d-\d\d)?(T?\d\d:\d\d:\d\d\.\d{3}Z)?)"
                   rb"(?=[,}])")


def _bare_time(text, number):
    """Is it the number that Connect's JSON has for it?"""
    if not text.startswith("bare "):
        return False
    at = datetime.datetime.fromisoformat(
        text[5:] if "-" in text else f"1970-01-01T{text[5:]}").replace(
            tzinfo=None) - datetime.datetime(1970, 1, 1)
    return number in (str(at // datetime.timedelta(milliseconds=1)),
                      str(at.days) if ":" not in text else "")


def _java_struct(d, w, _):
    """A key as Connect's header converter writes it, which is almost JSON:
    nothing is escaped but the quote and the backslash, and neither what is
    not finite nor a date has quotes.  What is meant must be the same."""
    if not isinstance(d, bytes) or not isinstance(w, bytes):
        return False
    try:
        lenient = json.JSONDecoder(
            strict=False, parse_constant=str,
            parse_int=str, parse_float=str).decode(
                _BARE.sub(rb'"bare \1"', d).decode())
        strict = json.loads(w, parse_int=str, parse_float=str)
        return list(lenient) == list(strict) and all(
            a == b or isinstance(a, str) and _bare_time(a, b)
            for a, b in zip(lenient.values(), strict.values()))
    except (AttributeError, TypeError, ValueError):
        return False


def _tombstone_without_key(d, w, difference):
    """One that only Debezium has."""
    return w is MISSING and difference.kind == "tombstone" and \
        difference.pair[0].event.key is None


def _nested(value):
    return isinstance(value, list) and any(
        isinstance(v, list) for v in value)


def _dimensions(d, w, _):
    """An array of arrays, for which Debezium has something flat."""
    return _nested(w) and not _nested(d)


def _elements(differ):
    """Of an array: elements differ only as this rule has it."""
    def rule(d, w, difference):
        return isinstance(d, list) and isinstance(w, list) and \
            len(d) == len(w) and all(
                same(a, b) or differ(a, b, difference) for a, b in zip(d, w))
    return rule


# The day before which Java's old calendar is another one; what a timestamp has
# for infinity, in milliseconds and microseconds.
_GREGORIAN = -141427
_INFINITY = 9223372036825200, 9223372036825200000


def _calendar(d, w, difference):
    """Before 1582-10-15, or infinite."""
    if isinstance(w, String):
        return w[:1] in "+-" or w == "infinity" or w < "1582-10-15"
    d, w = _integer(d), _integer(w)
    if None in (d, w):
        return False
    if any("date" in name for name in difference.types):
        return w < _GREGORIAN
    # Both have the same time of day, be it microseconds or milliseconds.
    for day in (86400 * 10 ** 6, 86400 * 10 ** 3):
        if (d - w) % day == 0:
            return w // day < _GREGORIAN
    return w in _INFINITY


# 24:00 in milliseconds, microseconds, nanoseconds.
_END_OF_DAY = 86400 * 10 ** 3, 86400 * 10 ** 6, 86400 * 10 ** 9


def _fraction(d, w, _):
    """Debezium has the time without (all of) its fraction, or 0 for 24:00."""
    if isinstance(w, String):
        time, dot, digits = w.removesuffix("Z").partition(".")
        return isinstance(d, String) and d in (
            f"{time}Z", f"{time}{dot}{digits[:3].rstrip('0')}Z",
            "00:00:00Z" if time == "24:00:00" else "")
    d, w = _integer(d), _integer(w)
    return None not in (d, w) and (
        d in (w // 10 ** 3 * 10 ** 3, w // 10 ** 6 * 10 ** 6)
        or d == 0 and w in _END_OF_DAY)


def _end_of_day(d, w, _):
    return d == "00:00:00Z" and w == "24:00:00Z"


def _infinity(d, w, _):
    """As a text, for which Debezium has a day of long ago or far ahead."""
    return isinstance(d, String) and isinstance(w, String) and d in {
        "infinity": ("-5877611-06-21Z", "+294247-01-10T04:00:25.2Z"),
        "-infinity": ("-5877611-06-22Z", "-290308-12-21T19:59:27.6Z"),
    }.get(w, ())


def _nanoseconds(d, w, _):
    """Beyond 64 bits, or on the day on which they begin: Debezium has null."""
    w = _integer(w)
    return d is None and w is not None and (
        w == 2 ** 63 - 1 or w < -9223286400 * 10 ** 9)


def _java_object(d, w, _):
    """Of an array of arrays Debezium has the names of Java's objects, which
    are others each time; walferry has arrays or, with a schema, nulls, and
    null for all of it where none of them may be."""
    if not isinstance(d, list):
        return False
    if w is None:
        w = [None] * len(d)
    return isinstance(w, list) and len(d) == len(w) and all(
            (v is None or isinstance(v, list)) and isinstance(o, String) and
            re.fullmatch(r"\[L[A-Za-z.]+;@[0-9a-f]+", o)
            for o, v in zip(d, w))


def _cut_off(d, w, _):
    """A microsecond, at most, that doubles have lost."""
    d, w = _integer(d), _integer(w)
    return None not in (d, w) and 0 <= (w - d if w > 0 else d - w) <= 1


def _digits(d, w, difference):
    """The number that walferry has is numeric with scale -2; Debezium takes
    it for one with scale 2046."""
    if isinstance(d, list) and isinstance(w, list):
        return len(d) == len(w) and all(
            same(a, b) or _digits(a, b, difference) for a, b in zip(d, w))
    if not isinstance(d, Spelled) or type(d) is not type(w):
        return False
    if d == f"{w}.{'0' * 2046}" or d == "0E-2046" and w == "0":
        return True
    try:
        d, w = (int.from_bytes(base64.b64decode(v, validate=True), "big",
                               signed=True) for v in (d, w))
    except ValueError:
        return False
    return d == w * 10 ** 2048


def _wrapped(d, w, _):
    """Beyond 64 bits: Debezium goes round, walferry stops at the end."""
    d, w = _integer(d), _integer(w)
    return None not in (d, w) and w == 2 ** 63 - 1 and d < 0


_SEQUENCE = re.compile(r'\[(?:null|"(\d+)"),"(\d+)"\]')


def _sequence(d, w, _):
    """Of the same event, after a commit that is not later."""
    if not isinstance(d, String) or not isinstance(w, String):
        return False
    d, w = _SEQUENCE.fullmatch(d), _SEQUENCE.fullmatch(w)
    return bool(d and w) and d[2] == w[2] and d[1] is not None and (
        w[1] is None or int(w[1]) <= int(d[1]))


def _same_transaction(d, w, difference):
    """Of what is before its end, by which Debezium has the id, too."""
    if not isinstance(d, String) or not isinstance(w, String):
        return False
    (d_xid, _, d_lsn), (w_xid, _, w_lsn) = d.partition(":"), w.partition(":")
    return d_xid == w_xid and d_lsn.isdecimal() and w_lsn.isdecimal() and \
        int(d_lsn) < int(w_lsn) and not _is_end(difference)


def _is_end(difference):
    p = difference.pair[0]
    return p.kind == "transaction" and p.value.get("status") == "END"


def _begin_of_another_id(_, __, difference):
    d, w = difference.pair
    return d.kind == "transaction" and not _is_end(difference) and \
        d.event.key != w.event.key


def _nothing_in_it(_, w, difference):
    return w is MISSING and difference.pair[0].empty


_OF_MESSAGE = "io.debezium.connector.postgresql.LogicalDecoding" \
    "MessageMonitor$LogicalDecodingMessageId@"


def _messages_one_by_one(d, w, _):
    """Tables are the same; of messages, Debezium counts each by itself."""
    if not isinstance(d, list) or not isinstance(w, list):
        return False
    single = [c for c in d if c["data_collection"].startswith(_OF_MESSAGE)]
    together = [c for c in w
                if c["data_collection"] == "LOGICAL_DECODING_MESSAGE"]
    return same([c for c in d if c not in single],
                [c for c in w if c not in together]) and single != [] and \
        len(together) == 1 and \
        together[0]["event_count"] == str(len(single)) and \
        all(c["event_count"] == "1" for c in single)


def _always_first(d, w, _):
    """Debezium has each message for the first of its kind."""
    return d == "1" and isinstance(w, Number) and int(w) > 1


# So many hexadecimal digits as a hash has, or a short column holds of it.
_HASH = re.compile(r"[0-9a-f]{1,128}")


def _is_hash(value):
    return isinstance(value, String) and bool(_HASH.fullmatch(value))


def _hashed_placeholder(d, w, _):
    """Debezium hashes what stands for a value that is not in the WAL."""
    return _is_hash(d) and isinstance(w, String) and \
        w == "__debezium_unavailable_value"


# Of schemas.

def _optional(d, w, _):
    """Debezium requires what walferry lets be null; else they are the same."""
    return isinstance(d, dict) and isinstance(w, dict) and \
        d.get("optional") is False and same({**d, "optional": True}, w)


def _optional_elements(d, w, _):
    """The same of an array's elements."""
    if not isinstance(d, dict) or not isinstance(w, dict) or \
            not isinstance(d.get("items"), dict):
        return False
    items = {**d["items"], "optional": True}
    return d["items"].get("optional") is False and (
        same({**d, "items": items}, w) or
        same({**d, "items": items, "optional": True}, w))


def _array(d, w, _):
    """An array in walferry, and not in Debezium, or one of arrays there."""
    return isinstance(d, dict) and isinstance(w, dict) and \
        w.get("type") == "array" and (
            d.get("type") != "array" or d["items"].get("type") == "array")


def _scale(d, w, difference):
    """Of a numeric whose scale is -2, or an array of them."""
    if not isinstance(d, dict) or not isinstance(w, dict):
        return False
    if "items" in d:
        return _scale(d["items"], w.get("items"), difference)
    parameters = d.get("parameters", {})
    return parameters.get("scale") == "2046" and _plain(
        {**d, "optional": True, "parameters": {**parameters, "scale": "-2"}}
    ) == _plain({**w, "optional": True})


def _plain(value):
    """Whatever the spelling is."""
    return json.loads(json.dumps(value))


def _labels(d, w, _):
    """Debezium has an enum's labels as they were."""
    if not isinstance(d, dict) or not isinstance(w, dict) or \
            d.get("name") != "io.debezium.data.Enum":
        return False
    before, now = (v.get("parameters", {}).get("allowed", "").split(",")
                   for v in (d, w))
    return len(before) < len(now) and set(before) < set(now) and \
        _plain({**d, "optional": True, "parameters": None}) == \
        _plain({**w, "optional": True, "parameters": None})


RULES = {
    "clock": _clock,
    "both are text": _both_text,
    "both are bytes": _both_bytes,
    "only walferry has it": _only_walferry,
    "null in Debezium": _null_in_debezium,
    "nothing in Debezium": _nothing_in_debezium,
    "same number": _same_number,
    "a copy": _copy,
    "Java's spelling of a struct": _java_struct,
    "tombstone without key": _tombstone_without_key,
    "array of arrays": _dimensions,
    "names of Java's objects": _java_object,
    "cut off": _cut_off,
    "2046 digits": _digits,
    "calendar of elements": _elements(_calendar),
    "fraction of elements": _elements(_fraction),
    "end of a day": _end_of_day,
    "infinity": _infinity,
    "beyond nanoseconds": _nanoseconds,
    "elements beyond nanoseconds": _elements(_nanoseconds),
    "wrapped": _wrapped,
    "wrapped elements": _elements(_wrapped),
    "an earlier commit": _sequence,
    "the same transaction": _same_transaction,
    "begin of another id": _begin_of_another_id,
    "nothing in it": _nothing_in_it,
    "messages one by one": _messages_one_by_one,
    "always the first": _always_first,
    "optional": _optional,
    "optional elements": _optional_elements,
    "an array": _array,
    "scale 2046": _scale,
    "earlier labels": _labels,
    "hash of a placeholder": _hashed_placeholder,
}

# What Debezium has for a column that is NOT NULL and not in the WAL.
_ZEROS = [parse(text) for text in (
    b"0", b"0.0", b"false", b'""', b'"AA=="', b'{"scale":0,"value":"AA=="}',
    b'"{}"', b"{}", b"[]", b'"00:00:00Z"', b'"1970-01-01T00:00:00Z"',
    b'"1970-01-01Z"',
    b'{"x":0.0,"y":0.0,"wkb":"AQEAAAAAAAAAAAAAAAAAAAAAAAAA","srid":null}',
    b'{"wkb":"AQcAAAAAAAAA","srid":null}')]


# Of numbers and intervals that are strings.
_ZERO_TEXT = re.compile(r"0(\.0+|E-\d+)?|P0Y0M0DT0H0M0S")


def _start_of_zero(text):
    """Is it a zero that was truncated?"""
    return any(zero.startswith(text)
               for zero in (*(z for z in _ZEROS if isinstance(z, String)),
                            "P0Y0M0DT0H0M0S"))


def _default(columns):
    """The column's default for a NULL."""
    def rule(d, w, difference):
        row, _, name = difference.field.partition(".")
        column = columns.of(difference.pair[0].table, name)
        return row in ("before", "after") and w is None and \
            d is not None and d is not MISSING and column["default"] and \
            not column["notnull"]
    return rule


def _generated(columns):
    """A stored generated column, which pgoutput leaves out."""
    def rule(d, w, difference):
        _, _, name = difference.field.partition(".")
        return d is MISSING and \
            columns.of(difference.pair[0].table, name)["generated"]
    return rule


def _keyless(columns):
    """walferry has no key, and neither has Debezium, or it took some unique
    index for one."""
    def rule(d, w, difference):
        debezium, walferry = difference.pair
        return walferry.event.key is None and (
            debezium.event.key is None or columns.keyless(debezium.table))
    return rule


def _unknown_key(columns):
    """What Debezium has under, or of, an old key with a column that is not in
    the replica identity, where walferry has none: of a delete, or of the
    delete that a changed key is, and of its tombstone.  A row that comes
    knows its key."""
    def unknown(table, key):
        return isinstance(key, dict) and not all(
            columns.of(table, name)["identity"] for name in key)

    def rule(d, w, difference):
        debezium, walferry = difference.pair
        if debezium is None:
            return False
        if difference.field.startswith("header"):
            return w is MISSING and isinstance(d, bytes) and \
                unknown(debezium.table, parse(d))
        if walferry is not None and (walferry.event.key is not None
                                     or not isinstance(debezium.value, dict)
                                     or debezium.value.get("op") != "d"):
            return False
        return unknown(debezium.table, debezium.key)
    return rule


def _other_index(columns):
    """Of a table whose replica identity is an index beside its key, or beside
    another index that Debezium takes for one."""
    def rule(d, w, difference):
        return columns.by_other_index(difference.pair[0].table)
    return rule


def _invented(columns):
    """A zero, or the default, in a column that is NOT NULL of a row of which
    only the replica identity is in the WAL."""
    def rule(d, w, difference):
        row, _, name = difference.field.partition(".")
        column = columns.of(difference.pair[0].table, name)
        return row == "before" and w is None and column["notnull"] and \
            not column["identity"] and (
                column["default"] and d is not MISSING
                or any(same(d, zero) for zero in _ZEROS)
                or isinstance(d, Number) and bool(_ZERO_TEXT.fullmatch(d))
                or isinstance(d, String) and (
                    bool(_ZERO_TEXT.fullmatch(d)) or _start_of_zero(d)))
    return rule


def _masked(columns):
    """A mask in a column of which nothing is known, in a row of which only
    the replica identity is in the WAL; walferry has what it has without."""
    def rule(d, w, difference):
        row, _, name = difference.field.partition(".")
        column = columns.of(difference.pair[0].table, name)
        return row == "before" and isinstance(d, String) and \
            set(d) <= {"*"} and not column["identity"] and (
                w is None or w == "" or
                isinstance(w, String) and bool(column["default"]))
    return rule


def _hashed_invention(columns):
    """Debezium hashes what it invents for a column that is NOT NULL in a row
    of which only the replica identity is in the WAL."""
    def rule(d, w, difference):
        row, _, name = difference.field.partition(".")
        column = columns.of(difference.pair[0].table, name)
        return row == "before" and w is None and _is_hash(d) and \
            column["notnull"] and not column["identity"]
    return rule


def _hashed_nothing(columns):
    """Debezium hashes the empty text that it has for a type NOT NULL that it
    does not read."""
    def rule(d, w, difference):
        _, _, name = difference.field.partition(".")
        return _is_hash(d) and _is_hash(w) and \
            columns.of(difference.pair[0].table, name)["notnull"]
    return rule


# Rules that look at what the columns are.
RULES_OF_COLUMNS = {
    "invented": _invented,
    "default for null": _default,
    "keyless": _keyless,
    "masked": _masked,
    "hash of what was invented": _hashed_invention,
    "hash of nothing": _hashed_nothing,
    "unknown key": _unknown_key,
    "another index": _other_index,
    "generated": _generated,
}


class Differences:
    """The entries of differences.toml, and what each has excused."""

    FIELDS = {"field", "kind", "type", "rule", "modes", "reason"}

    def __init__(self, path=HERE / "differences.toml"):
        with open(path, "rb") as f:
            entries = tomllib.load(f).get("difference", [])
        self.entries = []
        for entry in entries:
            self._check(entry)
            entry.setdefault("modes", list(MODES))
            # A list of types is as many entries, each of which must excuse.
            types = entry.get("type")
            for name in types if isinstance(types, list) else [types]:
                self.entries.append({**entry, "type": name,
                                     "count": collections.Counter()})

    def _check(self, entry):
        """Nothing can be excused for a table, a topic or an operation."""
        unknown = set(entry) - self.FIELDS
        if unknown:
            raise ValueError(f"differences: no such field: {unknown}")
        for name in ("field", "rule", "reason"):
            if not entry.get(name, "").strip():
                raise ValueError(f"differences: {entry} has no {name}")
        if entry["rule"] not in RULES | RULES_OF_COLUMNS:
            raise ValueError(f"differences: no such rule: {entry['rule']}")
        if ("type" in entry) != entry["field"].endswith("column"):
            raise ValueError(f"differences: {entry}: a column has a type, "
                             "and only a column")
        if not set(entry.get("modes", MODES)) <= set(MODES):
            raise ValueError(f"differences: {entry}: modes are {MODES}")

    def explain(self, difference, mode, columns):
        """The entry that explains it, or None; counts."""
        for entry in self.entries:
            rule = RULES.get(entry["rule"]) or \
                RULES_OF_COLUMNS[entry["rule"]](columns)
            if mode in entry["modes"] and _covers(entry, difference) and \
                    rule(difference.debezium, difference.walferry,
                         difference):
                entry["count"][mode] += 1
                return entry
        return None

    def unused(self, modes):
        """(entry, mode) of those that have excused nothing in a mode that
        was run."""
        return [(e, m) for e in self.entries for m in e["modes"]
                if m in modes and not e["count"][m]]


def _covers(entry, difference):
    if "kind" in entry and entry["kind"] != difference.kind:
        return False
    field = entry["field"]
    if not field.endswith("column"):
        return field == difference.field
    if entry["type"] not in difference.types:
        return False
    schema, _, name = difference.field.rpartition("schema ")
    row, dot, _ = name.partition(".")
    in_row = bool(dot) and row in _ROWS
    wanted = field.removesuffix("column").rstrip(".")
    if wanted.startswith("schema"):
        wanted = wanted.removeprefix("schema").strip()
        in_row = in_row and difference.field.startswith("schema ")
    else:
        in_row = in_row and not difference.field.startswith("schema ")
    return in_row and wanted in ("", row)


# ---------------------------------------------------------------- report

def report(comparison, differences, mode, out, examples=3):
    """Writes what is not explained; how many there are."""
    groups = collections.defaultdict(list)
    for d in comparison.found:
        if not differences.explain(d, mode, comparison.columns):
            groups[d.kind, d.field if not d.types else
                   f"{d.field.partition('.')[0]} of type "
                   f"{' / '.join(d.types)}"].append(d)
    for (kind, what), found in sorted(groups.items()):
        out.write(f"{kind}: {what}: {len(found)} differ\n")
        for d in found[:examples]:
            out.write(f"    {d.where}\n        {d.field}\n"
                      f"        Debezium {show(d.debezium)}\n"
                      f"        walferry {show(d.walferry)}\n")
        if len(found) > examples:
            out.write(f"    and {len(found) - examples} more\n")
    return sum(map(len, groups.values()))


def show(value, most=300):
    if isinstance(value, bytes):
        text = value.decode(errors="replace")
    elif value is MISSING or isinstance(value, Spelled):
        text = repr(value)
    else:
        text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= most else f"{text[:most]}... " \
        f"({len(text)} characters)"


def summary(differences, modes, out):
    """How many values each entry has excused."""
    out.write("excused  " + "  ".join(f"{m:>9}" for m in modes) +
              "  what\n")
    for e in differences.entries:
        what = f"{e.get('kind', 'any')}: {e['field']}"
        if e["type"]:
            what += f" of type {e['type']}"
        out.write("         " + "  ".join(
            f"{e['count'][m] if m in e['modes'] else '-':>9}"
            for m in modes) + f"  {what}: {e['rule']}\n")


def main(debezium, walferry, mode=MODES[0]):
    from columns import Columns
    from events import load
    import recorded
    head, ours = load(debezium)
    _, theirs = load(walferry)
    translate = None
    if "recorded" in head:
        theirs = recorded.keep(theirs, **head["of"]["keep"])
        translate = recorded.translate
    differences = Differences()
    comparison = Comparison(ours, theirs, Columns(head["columns"]),
                            translate)
    failed = report(comparison, differences, mode, sys.stdout)
    summary(differences, [mode], sys.stdout)
    print(f"{comparison.pairs} pairs, {comparison.compared} values compared, "
          f"{failed} unexplained")
    return failed != 0


if __name__ == "__main__":
    # As the module that others import, so that its classes are theirs.
    import compare
    sys.exit(compare.main(*sys.argv[1:]))
