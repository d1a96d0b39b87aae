#!/usr/bin/env python3
"""Rebuild the demo's tables from their topics and compare them with PostgreSQL.

    verify.py STATUS

Reads each topic from its first record to its last, the way any consumer
would: the key says which row, `after` says what it holds, a delete or a
tombstone removes it.  What comes out is loaded into a temporary table, and
PostgreSQL itself counts the rows that are in one and not in the other, over
all columns.  Four more things must hold:

- the creates, updates and deletes in the topic are, kind for kind, what the
  replay wrote (STATUS), so that no change in between is missing;
- each delete is followed by its tombstone;
- a key is always in the same partition;
- positions never go back within a partition.  walferry delivers at least
  once: a record whose position was seen before is a repeat, is counted and
  left out.

Exits 0 if all of it holds, 1 if not.
"""
import base64
import json
import os
import subprocess
import sys
from pathlib import Path

from psql import Psql, PsqlError

PREFIX = os.environ.get("TOPIC_PREFIX", "flights")
POSITION_HEADER = "walferry.position"

# One record a line.  JSON text holds no raw tab or newline.
RECORD = r"%p\t%o\t%h\t%S\t%k\t%s\n"


def topic_records(topic):
    """(partition, offset, headers, key, value or None) of the whole topic."""
    kcat = subprocess.Popen(
        ["kcat", "-C", "-b", os.environ["BOOTSTRAP"], "-t", topic, "-q",
         "-o", "beginning", "-e", "-f", RECORD],
        stdout=subprocess.PIPE, text=True)
    for line in kcat.stdout:
        partition, offset, headers, size, key, value = \
            line.rstrip("\n").split("\t", 5)
        headers = dict(h.split("=", 1) for h in headers.split(",") if "=" in h)
        yield (int(partition), int(offset), headers, key,
               None if size == "-1" else value)
    if kcat.wait() != 0:
        raise ValueError(f"kcat could not read {topic}")


def position(headers):
    """The position of a record; walferry writes them so that text sorts."""
    if POSITION_HEADER not in headers:
        raise ValueError(f"a record has no header {POSITION_HEADER}")
    return headers[POSITION_HEADER]


def parse(text):
    """JSON whose numbers stay the text that they were."""
    return json.loads(text, parse_int=str, parse_float=str)


def as_text(value, typename, scale):
    """A value of an event as PostgreSQL would read it."""
    if value is None:
        return None
    if typename == "numeric":           # base64 of the unscaled integer
        unscaled = int.from_bytes(base64.b64decode(value), "big", signed=True)
        return f"{unscaled}e-{scale}"
    if not isinstance(value, str):      # true, an object: none in this demo
        raise ValueError(f"unexpected value {value!r} of type {typename}")
    return value


class Table:
    def __init__(self, psql, name):
        self.psql = psql
        self.name = name
        self.topic = f"{PREFIX}.public.{name}"
        self.columns = psql.run(f"""
            SELECT attname, t.typname,
                   CASE WHEN t.typname = 'numeric'
                        THEN (atttypmod - 4) & 65535 END
            FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
            WHERE attrelid = 'public.{name}'::regclass AND attnum > 0
            ORDER BY attnum;""")
        self.rows = {}                  # key as JSON text -> `after`
        self.ops = {"c": 0, "u": 0, "d": 0}
        self.tombstones = 0
        self.repeats = 0
        self.faults = []

    def fault(self, text):
        if len(self.faults) < 10:       # enough to see what is wrong
            self.faults.append(f"{self.topic}: {text}")

    def read_topic(self):
        highest = {}                    # partition -> position
        partition_of = {}               # key -> partition
        seen = set()
        deleted = set()                 # keys whose tombstone is awaited
        for partition, offset, headers, key, value in \
                topic_records(self.topic):
            where = f"partition {partition} offset {offset}"
            at = position(headers)
            if at in seen:
                self.repeats += 1
                continue
            seen.add(at)
            if at <= highest.get(partition, ""):
                self.fault(f"{where}: position {at} after "
                           f"{highest[partition]}")
            highest[partition] = at
            if partition_of.setdefault(key, partition) != partition:
                self.fault(f"{where}: key {key} was in partition "
                           f"{partition_of[key]} before")
            self.apply(where, key, value, deleted)
        if deleted:
            self.fault(f"{len(deleted)} deletes without a tombstone")

    def apply(self, where, key, value, deleted):
        if value is None:
            self.tombstones += 1
            if key not in deleted:
                self.fault(f"{where}: tombstone without a delete, key {key}")
            deleted.discard(key)
            self.rows.pop(key, None)
            return
        event = parse(value)
        op, after = event["op"], event["after"]
        if op not in self.ops:
            self.fault(f"{where}: op {op}")
            return
        self.ops[op] += 1
        if key in deleted:
            self.fault(f"{where}: {op} where the tombstone should be")
        if (op == "c") == (key in self.rows):
            self.fault(f"{where}: {op} of key {key}, which is "
                       f"{'there' if op == 'c' else 'not there'}")
        if op == "d":
            deleted.add(key)
            self.rows.pop(key, None)
            return
        named = parse(key)
        if named != {name: after.get(name) for name in named}:
            self.fault(f"{where}: key {key} is not that of its row")
        self.rows[key] = after

    def compare(self):
        """Compare what was rebuilt with the table; the table's row count."""
        names = [name for name, _, _ in self.columns]
        rows = []
        for after in self.rows.values():
            if sorted(after) != sorted(names):
                self.fault(f"columns {sorted(after)}, not {sorted(names)}")
                break
            rows.append([as_text(after[name], typename, scale)
                         for name, typename, scale in self.columns])
        self.psql.run(f"CREATE TEMP TABLE rebuilt_{self.name} "
                      f"(LIKE public.{self.name});")
        self.psql.copy_in(f"rebuilt_{self.name}", names, rows)
        table, missing, extra = map(int, self.psql.run(f"""
            SELECT (SELECT count(*) FROM public.{self.name}),
              (SELECT count(*) FROM (TABLE public.{self.name} EXCEPT ALL
                                     TABLE rebuilt_{self.name}) AS missing),
              (SELECT count(*) FROM (TABLE rebuilt_{self.name} EXCEPT ALL
                                     TABLE public.{self.name}) AS extra);
            """)[0])
        if missing:
            self.fault(f"{missing} rows of the table are not in the topic "
                       "or differ")
        if extra:
            self.fault(f"{extra} rows of the topic are not in the table "
                       "or differ")
        return table


def verify(status):
    psql = Psql()
    faults = []
    print(f"\n{'table':14}{'rows':>9}{'rebuilt':>9} |{'creates':>9}"
          f"{'updates':>9}{'deletes':>9}{'tombstones':>12}{'repeats':>9}")
    for name, written in status["rows"].items():
        table = Table(psql, name)
        table.read_topic()
        count = table.compare()
        if table.ops != written:
            table.fault(f"holds {table.ops}, the replay wrote {written}")
        if table.tombstones != table.ops["d"]:
            table.fault(f"{table.ops['d']} deletes but {table.tombstones} "
                        "tombstones")
        print(f"{name:14}{count:9}{len(table.rows):9} |{table.ops['c']:9}"
              f"{table.ops['u']:9}{table.ops['d']:9}{table.tombstones:12}"
              f"{table.repeats:9}")
        faults += table.faults
    psql.close()
    if status["transactions"] == 0:
        faults.append("nothing was written, so nothing was shown")
    return faults


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    status = json.loads(Path(sys.argv[1]).read_text())
    try:
        faults = verify(status)
    except (PsqlError, ValueError, KeyError) as error:
        faults = [f"{type(error).__name__}: {error}"]
    for fault in faults:
        print(f"  {fault}")
    print("\nVerdict: " + ("NOT EQUAL: the topics do not hold what the "
                           "tables hold." if faults else
                           "EQUAL: each table, rebuilt from its topic, is "
                           "what PostgreSQL holds, in every column."))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
