"""One spelling for a value, whether PostgreSQL or an event told it.

PostgreSQL's text comes from test_decoding or COPY, an event's value from its
JSON.  Both become the same string here if they mean the same, by rules
written for this check and not taken from the program under test.  A type that
is not listed is compared only as NULL or not NULL here; the end-to-end and
value tests have all types.
"""
import base64
import decimal
import hashlib
import json
import struct

# What stands for a value that an event leaves out because it did not change.
UNCHANGED = "\x00unchanged"
UNAVAILABLE = "__debezium_unavailable_value"
NULL = "\x00null"
OTHER = "\x00other"

_LONG = 64


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


_DIGITS = decimal.Context(prec=200000, Emax=999999, Emin=-999999)


def _number(text):
    value = decimal.Decimal(text)
    return str(value) if value.is_nan() else str(value.normalize(_DIGITS))


# Debezium's words.
_INFINITIES = {"POSITIVE_INFINITY": "Infinity",
               "NEGATIVE_INFINITY": "-Infinity"}


def _money(text):
    return _number(text.replace("$", "").replace(",", ""))


def _float(text):
    return repr(float(text.replace("Infinity", "inf")))


def _days(text):
    """Days since 1970, also before Christ and after 9999, where Python's
    own calendar ends; the Gregorian rules everywhere."""
    date = text.removesuffix(" BC")
    year, month, day = (int(part) for part in date.split("-"))
    if date != text:
        year = 1 - year             # there is no year 0
    # Years that begin in March, so that a leap day is the last one.
    if month < 3:
        year, month = year - 1, month + 12
    return (365 * year + year // 4 - year // 100 + year // 400 +
            (153 * (month - 3) + 2) // 5 + day - 719469)


def _time(text):
    """Microseconds since midnight."""
    whole, _, fraction = text.partition(".")
    hours, minutes, seconds = (int(part) for part in whole.split(":"))
    return ((hours * 60 + minutes) * 60 + seconds) * 1000000 + \
        int((fraction + "000000")[:6])


def _micros(text):
    """PostgreSQL's or ISO 8601 text of a moment in UTC as microseconds."""
    text = text.replace("T", " ").removesuffix("Z")
    era = " BC" if text.endswith(" BC") else ""
    date, _, time = text.removesuffix(" BC").removesuffix("+00").partition(" ")
    return str(_days(date + era) * 86400000000 + _time(time))


def _real(text):
    """The shortest text differs for the smallest; the number does not."""
    number = float(text.replace("Infinity", "inf"))
    return repr(struct.unpack("f", struct.pack("f", number))[0])


def _boolean(text):
    return {"t": "true", "f": "false"}.get(text, text)


# type: (from PostgreSQL's text, from the event's text)
_RULES = {
    "numeric": (_number, lambda text: _number(_INFINITIES.get(text, text))),
    "money": (_money, _number),
    "boolean": (_boolean, _same),
    "real": (_real, _real),
    "double precision": (_float, _float),
    "bytea": (lambda text: text.removeprefix("\\x"),
              lambda text: base64.b64decode(text).hex()),
    "timestamp without time zone": (_micros, _same),
    "timestamp with time zone": (_micros, _micros),
    "date": (lambda text: str(_days(text)), _same),
    "time without time zone": (lambda text: str(_time(text)), _same),
}
for _name in ("smallint", "integer", "bigint", "text",
              "character varying", "character", "name", '"char"', "uuid",
              "json", "jsonb", "xml", "oid", "pg_lsn", "inet", "cidr",
              "macaddr", "int4range", "numrange", "tsvector", "tsquery",
              "box", "circle"):
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
