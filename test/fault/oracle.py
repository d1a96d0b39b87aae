"""The committed history, from a source that the program under test never saw.

A second slot, made together with that of the forwarder, is read once at the
end of a run by core's own test_decoding.  What it tells is exact: each
committed transaction with its end LSN, in the order of commits, and in it each
change with its row.  From that follows which records Kafka must hold:

    transaction  ->  end LSN
    change       ->  ordinal within its transaction, of the captured tables
    record       ->  part of a change: an update of a key is a delete (0), a
                     tombstone (1) and a create (2); a delete is (0) and (1)

A History holds that in a few dozen bytes for each record.
"""
import array
import bisect
import re

import values

COPY_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v",
            "\\": "\\"}

# name[type]:value, as test_decoding prints it.
_COLUMN = re.compile(
    r"""\ (?:(old-key:|new-tuple:)\ )?
        ("(?:[^"]|"")*"|[^\[\s"]+)            # name
        \[((?:[^\[\]"]|\[\]|"(?:[^"]|"")*")+)\]:    # type
        (?:(B?)'([^']*(?:''[^']*)*)'|(\S+))   # value""", re.VERBOSE)
_TABLE = re.compile(r'table ((?:"(?:[^"]|"")*"|[^".\s:,]+)\.'
                    r'(?:"(?:[^"]|"")*"|[^".\s:,]+)): (\w+):')

# Several tables in one line.
_TRUNCATE = re.compile(r'table ((?:[^:"]|"(?:[^"]|"")*")*): TRUNCATE: ')
_TABLES = re.compile(r'("(?:[^"]|"")*"|[^".\s,]+)\.("(?:[^"]|"")*"|[^".\s,]+)')

TOMBSTONE = "tombstone"
TRUNCATE = "t"


class OracleError(Exception):
    """The oracle cannot be understood, or contradicts itself."""


def lsn_number(text):
    high, low = text.split("/")
    return int(high, 16) << 32 | int(low, 16)


def lsn_text(lsn):
    return f"{lsn >> 32:X}/{lsn & 0xffffffff:X}"


def copy_fields(line):
    """The fields of a line of COPY's text format; None is NULL."""
    def field(text):
        if text == "\\N":
            return None
        if "\\" in text:
            return COPY_ESCAPE.sub(
                lambda m: _ESCAPES.get(m[1], m[1]), text)
        return text
    return [field(text) for text in line.rstrip("\n").split("\t")]


def unquote(name):
    if name.startswith('"'):
        return name[1:-1].replace('""', '"')
    return name


class Change:
    """A row change as test_decoding tells it."""
    __slots__ = ("table", "op", "old", "new", "types")

    def __init__(self, table, op):
        self.table, self.op = table, op
        self.old, self.new, self.types = None, None, {}


def parse_change(text):
    """A line of test_decoding that begins with "table "."""
    head = _TABLE.match(text)
    if not head:
        raise OracleError(f"not understood: {text[:200]}")
    schema, name = re.findall(r'"(?:[^"]|"")*"|[^".]+', head[1])
    change = Change(f"{unquote(schema)}.{unquote(name)}", head[2])
    at = head.end()
    if text[at:] == " (no-tuple-data)":
        return change
    row = {}
    while at < len(text):
        column = _COLUMN.match(text, at)
        if not column:
            raise OracleError(f"not understood at {at}: {text[at:at + 200]}")
        mark, name, typename, _, quoted, plain = column.groups()
        if mark == "old-key:":
            change.old = row = {}
        elif mark == "new-tuple:":
            row = {}
        name = unquote(name)
        if plain == "null":
            value = None
        elif plain == "unchanged-toast-datum":
            value = values.UNCHANGED
        elif plain is not None:
            value = plain
        else:
            value = quoted.replace("''", "'")
        row[name] = value
        change.types[name] = values.base_type(typename)
        at = column.end()
    if change.op == "DELETE":
        change.old = row
    else:
        change.new = row
    return change


class Transaction:
    __slots__ = ("end_lsn", "xid", "index", "first_record", "records",
                 "changes", "starts", "audit")

    def __init__(self, end_lsn, xid, index, first_record):
        self.end_lsn, self.xid, self.index = end_lsn, xid, index
        self.first_record = first_record
        self.records = 0        # how many
        self.changes = 0
        self.starts = array.array("I")  # of each change, its first record
        self.audit = None


class History:
    """Which records there must be.

    key_columns: {"schema.table": [column ...]} of the captured tables; an
    empty list is a table without a key.  audit: the table in which each
    transaction of the workload says how many changes it made, (n, changes).
    truncates: how many partitions a truncate has a record in; 0 if truncates
    are not carried.
    """

    def __init__(self, key_columns, audit=None, truncates=0):
        self.key_columns = key_columns
        self.audit = audit
        self.truncates = truncates
        self.transactions = []
        self.by_end_lsn = {}
        self.digests = array.array("Q")     # of each record's content
        self.keys = array.array("Q")        # of each record's key
        self.parts = bytearray()
        self.tables = []                    # of each record, shared strings
        self.shapes = []                    # of each record, shared dicts
        self._known_shapes = {}
        self.audits = {}                    # n -> transaction
        self.current = None

    def __len__(self):
        return len(self.digests)

    # Building.

    def begin(self, xid):
        if self.current:
            raise OracleError(f"BEGIN {xid} in transaction {self.current.xid}")
        self.current = Transaction(0, xid, len(self.transactions), len(self))

    def commit(self, end_lsn):
        txn, self.current = self.current, None
        if txn.records == 0:
            return
        if self.transactions and end_lsn <= self.transactions[-1].end_lsn:
            raise OracleError(f"{lsn_text(end_lsn)} is not after "
                              f"{lsn_text(self.transactions[-1].end_lsn)}")
        txn.end_lsn = end_lsn
        if txn.audit is not None:
            n, changes = txn.audit
            # The oracle's own check: was every change understood?
            if changes >= 0 and changes != txn.changes:
                raise OracleError(f"transaction {n} says that it made "
                                  f"{changes} changes, not {txn.changes}")
            if n in self.audits:
                raise OracleError(f"transaction {n} committed twice")
            self.audits[n] = txn
        self.transactions.append(txn)
        self.by_end_lsn[end_lsn] = txn

    def change(self, change):
        if change.table not in self.key_columns:
            return
        keys = self.key_columns[change.table]
        shape = self._shape(change.types)
        old, new = (row and {name: values.from_postgres(shape[name], value)
                             for name, value in row.items()}
                    for row in (change.old, change.new))
        txn = self.current
        if change.op == "INSERT" and change.table == self.audit:
            txn.audit = int(change.new["n"]), int(change.new["changes"])
        txn.starts.append(len(self))
        txn.changes += 1

        def add(part, op, key_row, before, after):
            key = {name: key_row[name] for name in keys}
            self.keys.append(key_digest(key))
            self.digests.append(content_digest(op, before, after))
            self.parts.append(part)
            self.tables.append(change.table)
            self.shapes.append(shape)
            txn.records += 1

        if change.op == "INSERT":
            add(0, "c", new, None, new)
        elif change.op == "DELETE":
            add(0, "d", old, old, None)
            if keys:
                add(1, TOMBSTONE, old, None, None)
        elif change.op == "UPDATE":
            if old and keys and any(old[name] != new[name] for name in keys):
                add(0, "d", old, old, None)
                add(1, TOMBSTONE, old, None, None)
                add(2, "c", new, None, new)
            else:
                add(0, "u", new, old, new)
        else:
            raise OracleError(f"{change.op} is not known")

    def truncate(self, table):
        """It has no key: each partition gets a record, as its part."""
        if table not in self.key_columns or not self.truncates:
            return
        txn = self.current
        txn.starts.append(len(self))
        txn.changes += 1
        for part in range(self.truncates):
            self.keys.append(key_digest({}))
            self.digests.append(TRUNCATE_DIGEST)
            self.parts.append(part)
            self.tables.append(table)
            self.shapes.append(self._shape({}))
            txn.records += 1

    def _shape(self, types):
        key = tuple(sorted(types.items()))
        return self._known_shapes.setdefault(key, types)

    def line(self, lsn, text):
        """One row of what test_decoding gives."""
        if text.startswith("table "):
            truncated = _TRUNCATE.match(text)
            if truncated:
                for name in _TABLES.findall(truncated[1]):
                    self.truncate(".".join(map(unquote, name)))
            else:
                self.change(parse_change(text))
        elif text.startswith("BEGIN"):
            self.begin(int(text.split()[1]))
        elif text.startswith("COMMIT"):
            self.commit(lsn_number(lsn))
        elif not text.startswith("message: "):
            raise OracleError(f"not understood: {text[:200]}")

    # Looking up.

    def transactions_before(self, lsn):
        """How many have end_lsn <= lsn."""
        return bisect.bisect_right(self.transactions, lsn,
                                   key=lambda txn: txn.end_lsn)

    def records_before(self, lsn):
        """How many records those have."""
        n = self.transactions_before(lsn)
        return self.transactions[n].first_record \
            if n < len(self.transactions) else len(self)

    def record(self, end_lsn, ordinal, part):
        """(transaction, number of the record) or (transaction or None, None)
        if there is no such record."""
        txn = self.by_end_lsn.get(end_lsn)
        if txn is None or ordinal >= txn.changes:
            return txn, None
        at = txn.starts[ordinal]
        end = txn.starts[ordinal + 1] if ordinal + 1 < txn.changes \
            else txn.first_record + txn.records
        while at < end:
            if self.parts[at] == part:
                return txn, at
            at += 1
        return txn, None


def key_digest(key):
    return values.digest(values.row_text(key))


def content_digest(op, before, after):
    """Of a before image what is NULL counts as absent: with the default
    replica identity it has the key and nothing else."""
    before = {name: value for name, value in (before or {}).items()
              if value != values.NULL}
    return values.digest("\x03".join(
        (op, values.row_text(before), values.row_text(after or {}))))


TRUNCATE_DIGEST = content_digest(TRUNCATE, None, None)


def read_slot(rows, history):
    """rows: an iterable of lines of COPY (lsn, data)."""
    for line in rows:
        lsn, text = copy_fields(line)
        history.line(lsn, text)
    if history.current:
        raise OracleError("the history ends within a transaction")
    return history
