"""One spelling for a value, whether PostgreSQL or an event told it.

PostgreSQL's text comes from test_decoding or COPY, an event's value from its
JSON.  Both become the same string here if they mean the same, by rules
written for this check and not taken from the program under test.  A type that
is not listed is compared only as NULL or not NULL here; the end-to-end and
value tests have all types.
"""
import base64
import datetime
import decimal
import hashlib
import json

# What stands for a value that an event leaves out because it did not change.
UNCHANGED = "\x00unchanged"
UNAVAILABLE = "__debezium_unavailable_value"
NULL = "\x00null"
OTHER = "\x00other"

_LONG = 64
_EPOCH = datetime.datetime(1970, 1, 1)


def digest(text):
    """64 bits of what a text says."""
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"),
                        digest_size=8).digest(), "big")


def shorten(text):
    """Of a long value a digest is as good."""
    if len(text) <= _LONG:
        return text
    return "\x00" + hashlib.blake2b(text.encode("utf-8", "surrogatepass"),
                                    digest_size=12).hexdigest()


def _same(text):
    return text


def _number(text):
    value = decimal.Decimal(text)
    return str(value) if value.is_nan() else str(value.normalize())


def _float(text):
    return repr(float(text.replace("Infinity", "inf")))


def _micros(text):
    """PostgreSQL's or ISO 8601 text of a moment in UTC as microseconds."""
    text = text.replace("T", " ").removesuffix("Z").removesuffix("+00")
    whole, _, fraction = text.partition(".")
    moment = datetime.datetime.strptime(whole, "%Y-%m-%d %H:%M:%S")
    seconds = int((moment - _EPOCH).total_seconds())
    return str(seconds * 1000000 + int((fraction + "000000")[:6]))


def _days(text):
    return str((datetime.date.fromisoformat(text) - _EPOCH.date()).days)


# type: (from PostgreSQL's text, from the event's text)
_RULES = {
    "numeric": (_number, _number),
    "real": (_float, _float),
    "double precision": (_float, _float),
    "bytea": (lambda text: text.removeprefix("\\x"),
              lambda text: base64.b64decode(text).hex()),
    "timestamp without time zone": (_micros, _same),
    "timestamp with time zone": (_micros, _micros),
    "date": (_days, _same),
}
for _name in ("smallint", "integer", "bigint", "boolean", "text",
              "character varying", "uuid", "json", "jsonb", "name"):
    _RULES[_name] = (_same, _same)


def base_type(name):
    """character varying(20) is character varying."""
    return name.partition("(")[0] if name.endswith(")") else name


def from_postgres(typename, text):
    if text is None:
        return NULL
    if text is UNCHANGED:
        return text
    rule = _RULES.get(typename)
    return shorten(rule[0](text)) if rule else OTHER


def from_event(typename, value):
    if value is None:
        return NULL
    if value is True or value is False:
        value = "true" if value else "false"
    if value == UNAVAILABLE:
        return UNCHANGED
    rule = _RULES.get(typename)
    if not rule or not isinstance(value, str):
        return OTHER
    return shorten(rule[1](value))


def parse(data):
    """JSON whose numbers stay the text that they were."""
    return json.loads(data, parse_int=str, parse_float=str)


def row_text(row):
    """A row {column: spelling} as one string, in whatever order it came."""
    return "\x02".join(f"{name}\x01{row[name]}" for name in sorted(row))


def row_from_event(shape, row):
    """The row of an event as spellings; shape: {column: type}."""
    return {name: from_event(shape.get(name), value)
            for name, value in row.items()}
