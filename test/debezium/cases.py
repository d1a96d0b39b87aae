"""The cases: a workload, and the settings of both sides.

Cases of one workload share a database, in which it runs once; each has a
connector, a forwarder, slots and a topic.prefix of its own.
"""
import dataclasses
import re

# Files of workload/, in this order.
WORKLOADS = {
    "all": ("types", "identity", "toast", "partition", "ddl", "message",
            "transaction"),
    "names": ("names",),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """both, debezium, walferry: properties that differ from the defaults.
    tables: table.include.list of both, besides the barrier; all if absent.
    mode: walferry's compatibility, which decides what of differences.toml
    holds.  waits: for something that walferry has not got yet, so that it may be
    refused.  recorded: tables, or topics without topic.prefix, of which Debezium's
    events are in recorded/, for make test; the large transaction's are large."""
    name: str
    both: dict = dataclasses.field(default_factory=dict)
    tables: str = ""
    debezium: dict = dataclasses.field(default_factory=dict)
    walferry: dict = dataclasses.field(default_factory=dict)
    workload: str = "all"
    mode: str = "default"
    waits: bool = False
    recorded: str = ""


DECIMALS = r"types\.(numeric.*|money|domain_numeric|dimensions)|" \
    r"identity\.(plain|zero|key_numeric|key_decimal|key_small)|" \
    r"toast\.plain"
# Without toast.required: with base64, Debezium stops at a large bytea NOT NULL
# that an update did not change.
BINARY = r"types\.(bytea|bit.*|varbit.*)|identity\.(zero|key_bytes)|" \
    r"toast\.(plain|whole)"
TIMES = r"types\.(date|time.*|interval)|identity\.(zero|key_time|key_clock)|" \
    r"toast\.plain"
KEYED = r"identity\.(plain|whole|nothing|by_index|other_index|only_key|" \
    r"composite|key_mixed|unique_only|whole_keyless|keyless)"
HASHED = r"types\..*\.(v|d|a),toast\..*,identity\.whole\.t," \
    r"identity\.(key_text|zero|defaults.*)\..*"
HASHING = r"types\..*|toast\..*|identity\.(key_text|whole|plain|unique_only)"

SCHEMAS = {"key.converter.schemas.enable": "true",
           "value.converter.schemas.enable": "true"}
# Every type, and defaults of them.
SCHEMA_MODES = r"types\.(?!dimensions|time_d.*)[^.]*|identity\.defaults"
SCHEMA_KEYS = r"identity\.(plain|composite|keyless|unique_only|zero|key_.*|" \
    r"defaults|generated|by_index)|message\..*|parts\..*"
# Of Debezium's classes for topic.naming.strategy; what a topic is called.
NAMING = {
    "Default": lambda case, schema, table: ".".join((case.name, table)),
    "SchemaUnicode": lambda case, schema, table: _escaped(
        ".".join((case.name, schema, table))),
    "DefaultUnicode": lambda case, schema, table: _escaped(
        ".".join((case.name, table))),
    "DefaultRegex": lambda case, schema, table: re.sub(
        r"^(.*)\.(plain|composite)$", r"\1.shared",
        _allowed(".".join((case.name, table)))),
    "SchemaRegex": lambda case, schema, table: re.sub(
        r"^(.*)\.identity\.(key_.*|keyless.*)$", r"\1-\2.keys",
        _allowed(".".join((case.name, schema, table)))),
}

# And what goes with some of them.
NAMING_MORE = {
    "DefaultRegex": {"topic.regex": r"(.*)\.(plain|composite)",
                     "topic.replacement": "$1.shared"},
    "SchemaRegex": {"topic.regex": r"(.*)\.identity\.(key_.*|keyless.*)",
                    "topic.replacement": "$1-$2.keys",
                    "topic.key.field.name": "whose",
                    "topic.key.field.regex": r"(.*?)\.(.*)\.(.*_?text)",
                    "topic.key.field.replacement": r"$3 \$ $2",
                    **SCHEMAS},
}


def _allowed(name):
    return re.sub("[^A-Za-z0-9._-]", "_", name)


def _escaped(name):
    units = name.encode("utf-16-be")
    return "".join(
        chr(c) if chr(c).isascii() and (chr(c).isalnum() or chr(c) in ".-")
        else f"_u00{c:x}" if c < 256 else f"_u{c:x}"
        for c in (units[i] << 8 | units[i + 1]
                  for i in range(0, len(units), 2)))


CASES = [
    Case("default", recorded=".*"),
    Case("exactly-once", tables=r"identity\..*|txn\..*|message\..*",
         walferry={"exactly.once": "true"}),

    Case("decimal-double", {"decimal.handling.mode": "double"}, DECIMALS),
    Case("decimal-string", {"decimal.handling.mode": "string"}, DECIMALS),
    Case("binary-base64", {"binary.handling.mode": "base64"}, BINARY),
    Case("binary-url-safe", {"binary.handling.mode": "base64-url-safe"},
         BINARY),
    Case("binary-hex", {"binary.handling.mode": "hex"}, BINARY),
    Case("interval-string", {"interval.handling.mode": "string"},
         r"types\.interval"),
    *(Case(f"time-{mode.replace('_', '-')}", {"time.precision.mode": mode},
           TIMES, recorded=".*" if mode == "isostring" else "")
      for mode in ("adaptive_time_microseconds", "connect", "isostring",
                   "microseconds")),
    # With nanoseconds, Debezium stops at a deleted row that has a timestamp
    # NOT NULL outside its key.
    Case("time-nanoseconds", {"time.precision.mode": "nanoseconds"},
         TIMES.replace("zero|", "")),
    Case("money-0", {"money.fraction.digits": "0"}, r"types\.money"),
    Case("money-4", {"money.fraction.digits": "4"}, r"types\.money"),
    Case("placeholder", {"unavailable.value.placeholder": "not there"},
         r"toast\..*"),
    Case("truncate", {"skipped.operations": "none"}, r"parts\..*"),
    Case("partition-root", {"publish.via.partition.root": "true",
                            "skipped.operations": "none"}, r"parts\..*",
         recorded=".*"),
    Case("skipped", {"skipped.operations": "u,d"}, r"identity\..*"),
    # Also the delete that is half of a key's change.
    Case("skipped-deletes", {"skipped.operations": "d",
                             "provide.transaction.metadata": "true"},
         r"identity\.(plain|composite|whole|key_.*)"),
    Case("no-tombstones", {"tombstones.on.delete": "false",
                           "extended.headers.enabled": "false"},
         r"identity\..*"),
    Case("delimiter", {"topic.delimiter": "_"},
         r'identity\..*|Odd Schema\..*'),
    *(Case(f"naming-{name.lower()}",
           {"topic.naming.strategy":
            f"io.debezium.schema.{name}TopicNamingStrategy",
            **NAMING_MORE.get(name, {})},
           r'identity\.(plain|composite|key_.*|keyless|nothing|whole)|'
           r'Odd Schema\..*|message\..*')
      for name in NAMING),
    Case("columns", {"column.exclude.list":
                     r"identity\.(plain\.(t|d)|whole\.n|zero\.[a-j].*)"},
         r"identity\.(plain|whole|zero)"),
    # Keys, of which nothing or a part was asked for.
    Case("columns-keys",
         {"column.exclude.list": r"identity\..*\.(id|other|b|m)"}, KEYED),
    Case("columns-included",
         {"column.include.list": r"identity\..*\.(t|v|a|n)|.*\.barrier\..*"},
         KEYED),

    Case("compatible", mode="debezium", recorded=r"(?!txn\.).*"),
    Case("compatible-string", {"decimal.handling.mode": "string",
                               "binary.handling.mode": "hex",
                               "interval.handling.mode": "string",
                               "skipped.operations": "none"},
         mode="debezium"),
    Case("compatible-double", {"decimal.handling.mode": "double",
                               "binary.handling.mode": "base64",
                               "value.converter.replace.null.with.default":
                               "false"},
         # With base64, a key column that is toasted stops Debezium.
         r"types\..*|identity\.(?!unique_primary_toasted).*|toast\.plain",
         mode="debezium"),
    Case("compatible-mask", {"column.mask.with.5.chars":
                             r"types\..*\.(v|d|a),identity\.(whole|plain)\.t,"
                             r"identity\.key_text\..*"},
         r"types\..*|identity\.(key_text|whole|plain|zero)",
         mode="debezium"),
    Case("compatible-mask-hash",
         {"column.mask.hash.v2.SHA-224.with.salt.CzQMA0cB5K": HASHED,
          "unavailable.value.placeholder": 'not "there"'},
         HASHING + r"|identity\.(zero|defaults.*)", mode="debezium"),
    Case("compatible-truncate", {"column.truncate.to.3.chars":
                                 r"types\..*\.(v|d|a),toast\.plain\..*,"
                                 r"identity\.(zero|defaults.*|key_text)\..*",
                                 "include.unknown.datatypes": "true"},
         r"types\..*|toast\.plain|identity\.(key_text|zero|defaults.*)",
         mode="debezium"),
    Case("compatible-keys", {"message.key.columns":
                             "identity.keyless:id;identity.plain:id,n;"
                             "identity.whole(_alike)?:n,id;"
                             "(.*).other_index:other;identity.defaults:i,t",
                             "skip.messages.without.change": "true"},
         r"identity\.(keyless|plain|whole.*|other_index|by_index|defaults|"
         r"unique.*)", mode="debezium"),
    Case("schemas", SCHEMAS),
    Case("schemas-compatible", SCHEMAS, mode="debezium"),
    # All that a schema says in another way, in two cases.
    Case("schemas-modes", {**SCHEMAS,
                           "decimal.handling.mode": "double",
                           "binary.handling.mode": "base64",
                           "interval.handling.mode": "string",
                           "hstore.handling.mode": "map",
                           "time.precision.mode": "isostring"},
         SCHEMA_MODES),
    Case("schemas-modes-compatible", {**SCHEMAS,
                                      "decimal.handling.mode": "string",
                                      "binary.handling.mode": "hex",
                                      "interval.handling.mode": "string",
                                      "hstore.handling.mode": "map",
                                      "include.unknown.datatypes": "true",
                                      "time.precision.mode": "connect"},
         SCHEMA_MODES, mode="debezium"),
    *(Case(f"schemas-time-{mode.replace('_', '-')}",
           {**SCHEMAS, "time.precision.mode": mode},
           TIMES.replace("zero|", "") + r"|identity\.defaults")
      for mode in ("adaptive_time_microseconds", "microseconds",
                   "nanoseconds")),
    # One of them alone; and what stands in other properties' place.
    Case("schemas-key", {"key.converter.schemas.enable": "true",
                         "message.key.columns": "identity.keyless:id,t",
                         "topic.delimiter": "_",
                         "column.mask.with.5.chars": r"identity\.zero\..*"},
         SCHEMA_KEYS),
    Case("schemas-value", {"value.converter.schemas.enable": "true",
                           "column.truncate.to.3.chars":
                           r"identity\.(zero|defaults.*)\..*",
                           "value.converter.replace.null.with.default":
                           "false",
                           "skipped.operations": "none",
                           "topic.delimiter": "_",
                           "money.fraction.digits": "0"}, SCHEMA_KEYS,
         mode="debezium"),
    Case("source-types", {**SCHEMAS,
                          "column.mask.with.5.chars":
                          r"types\.(text|enum)\.v,identity\.composite\.b",
                          "column.truncate.to.3.chars": r"types\.bit_5\.v",
                          "column.propagate.source.type":
                          r"types\..*\.(v|a),IDENTITY\.defaults\..*",
                          "datatype.propagate.source.type":
                          r".*\.int4,types\.numeric.*\.NUMERIC,types\.int8"
                          r"\.int8,types\._?int2"},
         SCHEMA_MODES + r"|identity\.(composite|whole)"),
    Case("source-types-compatible", {**SCHEMAS,
                                     "column.propagate.source.type": ".*",
                                     "include.unknown.datatypes": "true"},
         SCHEMA_MODES, mode="debezium"),
    Case("decimal-numeric", {"key.converter.decimal.format": "NUMERIC",
                             "value.converter.decimal.format": "NUMERIC"},
         DECIMALS + r"|identity\.defaults.*"),
    Case("decimal-numeric-compatible",
         {**SCHEMAS,
          "key.converter.decimal.format": "NUMERIC",
          "value.converter.decimal.format": "NUMERIC"},
         DECIMALS + r"|identity\.defaults.*", mode="debezium"),
    # The topics, too, begin with a digit.
    *(Case(f"2-names-{mode.replace('_', '-')}",
           {**SCHEMAS, "schema.name.adjustment.mode": mode,
            "field.name.adjustment.mode": mode}, workload="names")
      for mode in ("avro", "avro_unicode")),
    Case("names-plain", {"field.name.adjustment.mode": "avro"},
         workload="names"),
    Case("schemas-transaction", {**SCHEMAS,
                                 "provide.transaction.metadata": "true"},
         r"txn\..*|message\..*"),
    Case("transaction", {"provide.transaction.metadata": "true"},
         r"txn\..*|message\..*"),
    Case("transaction-skipped", {"provide.transaction.metadata": "true",
                                 "topic.transaction": "tx",
                                 "topic.delimiter": "_",
                                 "skipped.operations": "u,t"},
         r'txn\..*|identity\..*|parts\..*|Odd Schema\..*'),
    Case("transaction-unchanged", {"provide.transaction.metadata": "true",
                                   "skip.messages.without.change": "true",
                                   "tombstones.on.delete": "false",
                                   "skipped.operations": "none"},
         r"identity\.(whole|plain).*|toast\..*|message\..*|parts\..*"),
    Case("transaction-exactly-once", {"provide.transaction.metadata": "true"},
         r"txn\..*|message\..*", walferry={"exactly.once": "true"}),
    Case("compatible-transaction", {"provide.transaction.metadata": "true",
                                    "skipped.operations": "none"},
         r"txn\..*|message\..*|identity\.(plain|whole|key_text)|parts\..*",
         mode="debezium"),
    Case("unknown-types", {"include.unknown.datatypes": "true"},
         r"types\..*|identity\.defaults.*", mode="debezium"),
    Case("hstore-map", {"hstore.handling.mode": "map"},
         r"types\.hstore|toast\.plain"),
    Case("hstore-map-compatible", {"hstore.handling.mode": "map"},
         r"types\.hstore|toast\.plain|identity\.defaults.*",
         mode="debezium"),
    Case("key-columns", {"message.key.columns":
                         "identity.keyless:id; identity.plain:id,n;"
                         "identity.composite:b,a;identity.whole(_alike)?:n,id;"
                         "identity.WHOLE_KEYLESS:(id|t);"
                         r"(.*).other_index:other;identity\.by_index:x",
                         "column.exclude.list":
                         r"identity\.(whole\.n|whole_keyless\.t)"},
         r"identity\.(keyless|plain|composite|whole.*|other_index|by_index)"),
    Case("without-change", {"skip.messages.without.change": "true",
                            "column.exclude.list": r"identity\.whole\.n"},
         r"identity\.(whole.*|plain|only_key|zero)|toast\..*"),
    Case("mask", {"column.mask.with.5.chars":
                  r"types\..*\.(v|d|a),toast\.whole\..*,identity\.whole\.t,"
                  r"identity\.key_text\..*"},
         r"types\..*|toast\.whole|identity\.(key_text|whole)"),
    Case("mask-hash", {"column.mask.hash.v2.SHA-256.with.salt.CzQMA0cB5K":
                       HASHED,
                       "column.mask.hash.v2.SHA3-512.with.salt.a.with.salt.b":
                       r"identity\.plain\.t"},
         HASHING),
    Case("mask-hash-v1", {"column.mask.hash.md5.with.salt.q'.?/_x":
                          HASHED,
                          "column.mask.hash.SHA-512/256.with.salt.x":
                          r"identity\.plain\.t",
                          "column.mask.hash.v2.SHA-1.with.salt.second":
                          r"identity\.(plain|unique_only)\.t",
                          "value.converter.schemas.enable": "true"},
         HASHING),
    Case("mask-nothing", {"column.mask.with.0.chars": r"IDENTITY\.plain\.t",
                          "column.mask.with.3.chars": r"identity\.composite\.v"},
         r"identity\.(plain|composite)"),
    Case("truncate-text", {"column.truncate.to.3.chars":
                           r"types\..*\.(v|d|a),toast\..*,identity\.key_text\..*",
                           "column.truncate.to.0.chars":
                           r"identity\.(plain|whole)\.t"},
         r"types\..*|toast\..*|identity\.(key_text|plain|whole)"),
    Case("truncate-modes", {"column.truncate.to.3.chars": r".*\.(v|d|a)",
                            "decimal.handling.mode": "string",
                            "interval.handling.mode": "string",
                            "binary.handling.mode": "hex"},
         r"types\.(bytea|bit.*|numeric.*|money|interval)"),
    Case("mask-unchanged", {"column.mask.with.5.chars": r"identity\.whole\.t",
                            "column.truncate.to.1.chars": r"toast\.whole\.t",
                            "skip.messages.without.change": "true"},
         r"identity\.whole|toast\.whole"),
]
