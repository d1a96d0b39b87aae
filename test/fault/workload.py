"""Workloads: what the database is used for while it is being broken.

Each is a seeded generator of transactions, a psql that runs them one after
the other, and goes on with the next when the server has gone away under one:
whether that one committed is the oracle's to know.  Each transaction enters
itself in the table audit, with how many changes it made to captured tables
(itself included), so that the oracle is checked as well.
"""
import threading
import time

from cluster import ConnectionLost

AUDIT = "public.audit"
SETUP = ("CREATE TABLE audit (n bigint PRIMARY KEY, w text, changes int);\n")


class Workload(threading.Thread):
    """setup: SQL before the slots exist.  data: SQL after that.  keys: the
    captured tables and their keys.  not_compared: those of them whose rows
    cannot be had from topics.  config: what the forwarder needs for it.
    """
    name = ""
    setup = ""
    data = ""
    keys = {}
    not_compared = ()
    config = {}
    rate = 200              # transactions a second, at most
    batch = 10              # sent at a time

    def __init__(self, cluster, database, log, rng, number):
        super().__init__(daemon=True)
        self.cluster, self.database, self.log = cluster, database, log
        self.rng = rng
        self.next = number * 10 ** 9
        self.id = number * 10 ** 6      # of rows that nobody else makes
        self.number = number
        self.stopping = threading.Event()
        self.sent = self.lost = 0

    def transaction(self):
        """One transaction's SQL, COMMIT or ROLLBACK included."""
        raise NotImplementedError

    def audit(self, changes, rows=None):
        """The statement that enters it; rows: a query's name whose rows are
        counted as well."""
        self.next += 1
        if rows is None:
            return (f"INSERT INTO audit VALUES ({self.next}, "
                    f"'{self.name}', {changes + 1});")
        return (f"INSERT INTO audit SELECT {self.next}, '{self.name}', "
                f"{changes + 1} + count(*) FROM {rows};")

    def new_id(self):
        self.id += 1
        return self.id

    def end(self):
        """Most commit."""
        return "COMMIT;" if self.rng.random() < 0.95 else "ROLLBACK;"

    def run(self):
        session = None
        due = time.monotonic()
        while not self.stopping.is_set():
            try:
                if session is None:
                    session = self.cluster.session(
                        self.database, self.log, stop_on_error=False,
                        name="workload")
                session.run("\n".join(self.transaction()
                                      for _ in range(self.batch)))
                self.sent += self.batch
            except ConnectionLost:
                self.lost += 1
                session.close()
                session = None
                self.stopping.wait(0.2)
            due = max(due + self.batch / self.rate, time.monotonic() - 1)
            self.stopping.wait(max(0, due - time.monotonic()))
        if session:
            session.close()

    def stop(self):
        self.stopping.set()
        self.join(60)
        return not self.is_alive()

    def finish(self):
        """All have stopped and PostgreSQL is there: leave nothing open."""


class Bank(Workload):
    """W1: transfers between accounts, with an entry for either side."""
    name = "W1"
    accounts = 200
    setup = """
        CREATE TABLE account (id int PRIMARY KEY, balance bigint);
        CREATE TABLE entry (n bigint PRIMARY KEY, account int, amount int);"""
    data = f"""
        INSERT INTO account SELECT i, 1000
          FROM generate_series(1, {accounts}) i;"""
    keys = {"public.account": ["id"], "public.entry": ["n"]}

    def transaction(self):
        rng = self.rng
        sql = ["BEGIN;"]
        moves = rng.choice((1, 1, 1, 2, 4))
        # In the order of ids, so that two never wait for each other.
        touched = sorted(rng.sample(range(1, self.accounts + 1), 2 * moves))
        amounts = [rng.randrange(1, 100) for _ in range(moves)]
        amounts += [-amount for amount in amounts]
        rng.shuffle(amounts)
        for account, amount in zip(touched, amounts):
            sql.append(f"UPDATE account SET balance = balance + {amount} "
                       f"WHERE id = {account};")
            sql.append(f"INSERT INTO entry VALUES ({self.new_id()}, "
                       f"{account}, {amount});")
        sql.append(self.audit(4 * moves))
        sql.append(self.end())
        return " ".join(sql)


class Counters(Workload):
    """W2: a version for each key, few keys much more often than others."""
    name = "W2"
    setup = "CREATE TABLE counter (id int PRIMARY KEY, version bigint);"
    keys = {"public.counter": ["id"]}
    rate = 400
    batch = 20

    def transaction(self):
        rng = self.rng
        ids = sorted({int(1000 * rng.random() ** 4) for _ in
                      range(rng.choice((1, 1, 2, 5)))})
        sql = [f"INSERT INTO counter VALUES ({i}, 1) ON CONFLICT (id) "
               "DO UPDATE SET version = counter.version + 1;" for i in ids]
        return " ".join(["BEGIN;", *sql, self.audit(len(ids)), self.end()])


class Bulk(Workload):
    """W3: COPY and multi-row statements; many rows of one LSN."""
    name = "W3"
    setup = """
        CREATE TABLE bulk (id bigint PRIMARY KEY, batch int, pad text);
        CREATE INDEX ON bulk (batch);"""
    keys = {"public.bulk": ["id"]}
    rate = 4
    batch = 1
    largest, usual = 10000, 4000

    def __init__(self, *args):
        super().__init__(*args)
        self.batches = []

    def transaction(self):
        rng = self.rng
        what = rng.random()
        if what < 0.6 or not self.batches:
            rows = self.largest if rng.random() < 0.03 else \
                int(self.usual * rng.random() ** 3) + 1
            number = self.number * 100000 + len(self.batches)
            first = self.id + 1
            self.id += rows
            self.batches.append(number)
            if what < 0.3:
                lines = "\n".join(f"{i}\t{number}\t{'c' * (i % 50)}"
                                  for i in range(first, first + rows))
                fill = f"COPY bulk FROM stdin;\n{lines}\n\\.\n"
            else:
                fill = (f"INSERT INTO bulk SELECT i, {number}, "
                        f"repeat('i', (i % 50)::int) FROM generate_series("
                        f"{first}, {first + rows - 1}) i;")
            return f"BEGIN; {fill} {self.audit(rows)} {self.end()}"
        number = rng.choice(self.batches)
        if what < 0.8:
            change = ("UPDATE bulk SET pad = md5(pad) WHERE batch = "
                      f"{number} RETURNING 1")
        else:
            change = f"DELETE FROM bulk WHERE batch = {number} RETURNING 1"
        return (f"BEGIN; WITH changed AS ({change}) "
                f"{self.audit(0, 'changed')} {self.end()}")


class Large(Workload):
    """W4: transactions that spill, values out of line that an update does not
    touch; now and then one of 5 MB, which PostgreSQL compresses."""
    name = "W4"
    setup = """
        CREATE TABLE big (id bigint PRIMARY KEY, version int, doc text,
                          packed text);
        ALTER TABLE big ALTER doc SET STORAGE EXTERNAL;"""
    keys = {"public.big": ["id"]}
    # The brokers take as much: profiles.py.
    config = {"producer.override.max.request.size": 8000000}
    rate = 10
    batch = 1
    packed = 5 << 20

    def __init__(self, *args):
        super().__init__(*args)
        self.ids = []

    def transaction(self):
        rng = self.rng
        what = rng.random()
        if what < 0.007:
            self.ids.append((self.new_id(), self.id))
            return (f"BEGIN; INSERT INTO big VALUES ({self.id}, 1, 'd', "
                    f"repeat(md5('{self.id}'), {self.packed // 32})); "
                    f"{self.audit(1)} {self.end()}")
        if what < 0.5 or not self.ids:
            # Many small, or a few of up to 200 kB.
            rows, size = rng.choice(((300, 1000), (20, 10000), (3, 200000)))
            size = int(size * rng.random()) + 1
            first = self.id + 1
            self.id += rows
            self.ids.append((first, self.id))
            fill = (
                "INSERT INTO big SELECT i, 1, left((SELECT string_agg(md5("
                f"(i * 1000 + j)::text), '') FROM generate_series(0, "
                f"{size // 32}) j), {size}) FROM generate_series({first}, "
                f"{self.id}) i;")
            return f"BEGIN; {fill} {self.audit(rows)} {self.end()}"
        first, last = rng.choice(self.ids)
        where = f"WHERE id BETWEEN {first} AND {last}"
        change = rng.choice((
            f"UPDATE big SET version = version + 1 {where}",
            f"UPDATE big SET version = version + 1 {where}",
            f"UPDATE big SET doc = doc || 'x' {where}",
            # A create that left the value out would leave readers without.
            "UPDATE big SET id = -id, doc = doc || 'k', packed = packed || "
            f"'k' {where} AND id % 7 = 0",
            f"DELETE FROM big {where}"))
        return (f"BEGIN; WITH changed AS ({change} RETURNING 1) "
                f"{self.audit(0, 'changed')} {self.end()}")


class Savepoints(Workload):
    """W5: what is rolled back in part, by savepoint and by exception."""
    name = "W5"
    setup = "CREATE TABLE sp (id bigint PRIMARY KEY, note text);"
    keys = {"public.sp": ["id"]}

    def transaction(self):
        rng = self.rng
        sql = ["BEGIN;"]
        changes = 0

        def insert(table="sp"):
            return f"INSERT INTO {table} VALUES ({self.new_id()}, 'n');"
        for level in range(rng.randrange(1, 5)):
            what = rng.random()
            rows = rng.randrange(1, 4)
            inserts = " ".join(insert() for _ in range(rows))
            if what < 0.3:
                sql.append(f"SAVEPOINT s{level}; {inserts} "
                           f"ROLLBACK TO s{level};")
            elif what < 0.6:
                sql.append(f"SAVEPOINT s{level}; {inserts} "
                           f"RELEASE s{level};")
                changes += rows
            elif what < 0.8:
                # The last of the block is there already: all of it is undone.
                sql.append(f"{insert()} DO $$ BEGIN {inserts} INSERT INTO sp "
                           f"VALUES ({self.id}, 'again'); EXCEPTION WHEN "
                           "unique_violation THEN NULL; END $$;")
                changes += 1
            else:
                sql.append(inserts)
                changes += rows
        sql.append(self.audit(changes))
        sql.append(self.end())
        return " ".join(sql)


class Prepared(Workload):
    """W6: two phases, with something else between them."""
    name = "W6"
    setup = "CREATE TABLE tp (id bigint PRIMARY KEY, note text);"
    keys = {"public.tp": ["id"]}
    rate = 50
    batch = 5

    def transaction(self):
        rng = self.rng
        rows = rng.randrange(1, 20)
        first = self.id + 1
        self.id += rows
        fill = (f"INSERT INTO tp SELECT i, 'p' FROM generate_series({first}, "
                f"{self.id}) i;")
        prepared = f"BEGIN; {fill} {self.audit(rows)}"
        gid = f"{self.database}_{self.next}"
        between = (f"BEGIN; INSERT INTO tp VALUES ({self.new_id()}, 'b'); "
                   f"{self.audit(1)} COMMIT;" if rng.random() < 0.5 else "")
        end = "COMMIT" if rng.random() < 0.8 else "ROLLBACK"
        return (f"{prepared} PREPARE TRANSACTION '{gid}'; {between} "
                f"{end} PREPARED '{gid}';")

    def finish(self):
        """What a crash has left prepared is decided now."""
        for gid in self.cluster.sql(self.database, (
                "SELECT gid FROM pg_prepared_xacts WHERE database = "
                "current_database()")).split():
            self.cluster.sql(self.database, "COMMIT PREPARED "
                             f"'{gid}'")


class Elsewhere(Workload):
    """W8: WAL that concerns nobody: of another database."""
    name = "W8"
    rate = 20
    batch = 1

    def __init__(self, cluster, database, *more):
        super().__init__(cluster, "postgres", *more)
        self.table = f"noise_{database}_{self.number}"
        self.first = f"CREATE TABLE IF NOT EXISTS {self.table} (a text);"

    def transaction(self):
        first, self.first = self.first, ""
        return (f"{first} INSERT INTO {self.table} SELECT repeat('x', 100) "
                f"FROM generate_series(1, {self.rng.randrange(1, 500)}); "
                f"DELETE FROM {self.table};")

    def finish(self):
        self.cluster.sql("postgres", f"DROP TABLE IF EXISTS {self.table}")


class Flood(Workload):
    """W10: a flood in a table that is filtered out."""
    name = "W10"
    setup = "CREATE TABLE flood (a int, b text);"
    config = {"table.exclude.list": "public.flood"}
    rate = 10
    batch = 1

    def transaction(self):
        rows = self.rng.choice((1, 10, 1000, 10000))
        flood = (f"INSERT INTO flood SELECT i, repeat('f', 50) FROM "
                 f"generate_series(1, {rows}) i;")
        if self.rng.random() < 0.2:
            flood += " TRUNCATE flood;"
        # With and without a row that somebody waits for.
        return f"BEGIN; {flood} {self.audit(0)} {self.end()}" \
            if self.rng.random() < 0.3 else f"BEGIN; {flood} COMMIT;"


class Truncates(Workload):
    """W11: a table that is emptied again and again."""
    name = "W11"
    setup = "CREATE TABLE scratch (id bigint PRIMARY KEY, note text);"
    keys = {"public.scratch": ["id"]}
    config = {"skipped.operations": "none"}
    rate = 50
    batch = 5

    def transaction(self):
        rng = self.rng
        rows = rng.randrange(0, 20)
        first = self.id + 1
        self.id += rows
        fill = (f"INSERT INTO scratch SELECT i, 's' FROM generate_series("
                f"{first}, {self.id}) i;") if rows else ""
        # Before rows or behind them, sometimes both.
        sql, changes = fill, rows
        if rng.random() < 0.3:
            sql, changes = f"TRUNCATE scratch; {sql}", changes + 1
        if rng.random() < 0.1:
            sql, changes = f"{sql} TRUNCATE scratch;", changes + 1
        return f"BEGIN; {sql} {self.audit(changes)} {self.end()}"


class Definitions(Workload):
    """W7: definitions change while rows do: columns, types, names, indexes,
    partitions, replica identity."""
    name = "W7"
    setup = """
        CREATE TABLE ddl (id bigint PRIMARY KEY, a int, b text);
        CREATE TABLE ident (id bigint PRIMARY KEY, note text, n int);
        CREATE TABLE part (id bigint, r int, note text, PRIMARY KEY (id, r))
          PARTITION BY LIST (r);""" + "".join(f"""
        CREATE TABLE part_{r} PARTITION OF part FOR VALUES IN ({r});"""
                                            for r in range(3))
    keys = {"public.ddl": ["id"], "public.ident": ["id"],
            **{f"public.part_{r}": ["id", "r"] for r in range(3)}}
    # What rewrites it is not in events.
    not_compared = ("public.ddl",)
    config = {"skipped.operations": "none"}
    rate = 60
    batch = 3

    definitions = (
        "ALTER TABLE ddl ADD COLUMN IF NOT EXISTS c int DEFAULT 7;",
        "ALTER TABLE ddl ADD COLUMN IF NOT EXISTS c text;",
        "ALTER TABLE ddl ADD COLUMN IF NOT EXISTS d float8 DEFAULT random();",
        "ALTER TABLE ddl DROP COLUMN IF EXISTS c;",
        "ALTER TABLE ddl DROP COLUMN IF EXISTS d;",
        "ALTER TABLE ddl RENAME COLUMN b TO bb;",
        "ALTER TABLE ddl RENAME COLUMN bb TO b;",
        "ALTER TABLE ddl ALTER a TYPE bigint USING 1;",
        "ALTER TABLE ddl ALTER a TYPE numeric(12,2) USING 2;",
        "ALTER TABLE ddl ALTER a TYPE text USING '3';",
        "ALTER TABLE ddl ALTER a TYPE int USING 4;",
        "TRUNCATE ddl;",
        "ALTER TABLE ddl REPLICA IDENTITY FULL;",
        "ALTER TABLE ddl REPLICA IDENTITY DEFAULT;",
        "ALTER TABLE ident REPLICA IDENTITY FULL;",
        "ALTER TABLE ident REPLICA IDENTITY DEFAULT;",
        "ALTER TABLE ident REPLICA IDENTITY USING INDEX ident_pkey;",
        "ALTER TABLE part DETACH PARTITION part_1;",
        "ALTER TABLE part ATTACH PARTITION part_1 FOR VALUES IN (1);")
    # Not within a transaction; they wait for others, but not for ever.
    alone = (
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS ddl_id ON ddl (id);",
        "DROP INDEX CONCURRENTLY IF EXISTS ddl_id;",
        "ALTER TABLE part DETACH PARTITION part_2 CONCURRENTLY;",
        "ALTER TABLE part DETACH PARTITION part_2 FINALIZE;",
        "ALTER TABLE part ATTACH PARTITION part_2 FOR VALUES IN (2);")

    def _some_rows(self):
        """(statement, how many changes), in one of the tables."""
        rng = self.rng
        rows = rng.randrange(1, 5)
        values = [self.new_id() for _ in range(rows)]
        what = rng.random()
        if what < 0.5:
            text = ", ".join(f"({i}, '{i % 100}')" for i in values)
            return f"INSERT INTO ddl (id, a) VALUES {text};", rows
        if what < 0.75:
            r = rng.randrange(3)
            table = "part" if rng.random() < 0.5 else f"part_{r}"
            text = ", ".join(f"({i}, {r}, 'p')" for i in values)
            return f"INSERT INTO {table} VALUES {text};", rows
        text = ", ".join(f"({i}, 'n', NULL)" for i in values)
        return f"INSERT INTO ident VALUES {text};", rows

    def transaction(self):
        rng = self.rng
        what = rng.random()
        if what < 0.06:
            return (f"SET statement_timeout = '2s'; {rng.choice(self.alone)} "
                    "RESET statement_timeout;")
        if what < 0.25:
            first, rows = self._some_rows()
            second, more = self._some_rows()
            definition = rng.choice(self.definitions)
            changes = rows + more + definition.startswith("TRUNCATE")
            return (f"BEGIN; SET LOCAL lock_timeout = '2s'; {first} "
                    f"{definition} {second} {self.audit(changes)} "
                    f"{self.end()}")
        seven = f"WHERE id % 7 = {rng.randrange(7)}"
        if what < 0.28:
            # Old rows are told in full, and do not hold the column.
            return (f"BEGIN; SET LOCAL lock_timeout = '2s'; ALTER TABLE ddl "
                    "REPLICA IDENTITY FULL, DROP COLUMN IF EXISTS late, "
                    f"ADD COLUMN late int DEFAULT {rng.randrange(100)}; "
                    "WITH changed AS (UPDATE ddl SET id = id "
                    f"{seven} RETURNING 1) {self.audit(0, 'changed')} "
                    f"{self.end()}")
        if what < 0.7:
            sql, rows = self._some_rows()
            return f"BEGIN; {sql} {self.audit(rows)} {self.end()}"
        change = rng.choice((
            f"UPDATE ddl SET id = id {seven}",
            f"DELETE FROM ddl {seven} AND id % 3 = 0",
            f"UPDATE ident SET n = coalesce(n, 0) + 1 {seven}",
            f"UPDATE ident SET id = -id {seven} AND id % 5 = 0",
            f"DELETE FROM ident {seven} AND id % 4 = 0",
            f"UPDATE part_0 SET note = note || 'u' {seven}",
            f"DELETE FROM part_1 {seven} AND id % 3 = 0"))
        return (f"BEGIN; WITH changed AS ({change} RETURNING 1) "
                f"{self.audit(0, 'changed')} {self.end()}")


class Keyless(Workload):
    """W12: a table without a key, where rows may be equal."""
    name = "W12"
    setup = """
        CREATE TABLE keyless (w int, a int, note text);
        ALTER TABLE keyless REPLICA IDENTITY FULL;"""
    keys = {"public.keyless": []}
    rate = 50
    batch = 5

    def __init__(self, *args):
        super().__init__(*args)
        self.config = {"walferry.keyless.partition":
                       self.rng.choice(("topic", "position"))}

    def transaction(self):
        rng = self.rng
        what = rng.random()
        a = rng.randrange(50)
        if what < 0.6:
            rows = rng.choice((1, 3, 20))
            note = rng.choice(("'k'", "NULL"))
            return (f"BEGIN; INSERT INTO keyless SELECT {self.number}, {a}, "
                    f"{note} FROM generate_series(1, {rows}); "
                    f"{self.audit(rows)} {self.end()}")
        some = f"WHERE w = {self.number} AND a = {a}"
        change = (f"UPDATE keyless SET note = coalesce(note, '') || 'u' {some}"
                  if what < 0.85 else f"DELETE FROM keyless {some}")
        return (f"BEGIN; WITH changed AS ({change} RETURNING 1) "
                f"{self.audit(0, 'changed')} {self.end()}")


# Literals of each type, from the ends of what it can hold and where its text
# is peculiar; test/values has far more of them, without faults.
EXTREMES = {
    "boolean": ("true", "false"),
    "smallint": ("0", "-32768", "32767"),
    "integer": ("0", "-2147483648", "2147483647"),
    "bigint": ("0", "'-9223372036854775808'", "9223372036854775807"),
    "numeric": ("0", "'-0.0001'", "1e1000", "1e-1000", "'NaN'", "'Infinity'",
                "'-99999999999999999999.99999999999999999999'", "1.10",
                "18446744073709551616", "100000000"),
    "numeric(9,2)": ("0", "1.5", "-9999999.99"),
    "real": ("0", "'NaN'", "'-Infinity'", "3.4028235e38", "1e-45", "0.1"),
    "double precision": ("'-0'", "'NaN'", "'Infinity'", "5e-324", "0.1",
                         "1.7976931348623157e308", "9007199254740993",
                         "123456789012345678", "1e23", "1e15"),
    "text": ("''", "'null'", "' '", r"E'\\'", r"E'\n\t\r\x01\x7f'", "'\"'",
             "'ä€😀'", "'__debezium'", "repeat('x', 5000)"),
    "character varying(20)": ("''", "'a b'", "'''quoted'''"),
    "character(6)": ("''", "'ab'", "'abcdef'"),
    "name": ("''", "'n'"),
    '"char"': ("'a'",),
    "bytea": (r"'\x'", r"'\x00'", r"'\x00ff5c22'"),
    "uuid": ("'00000000-0000-0000-0000-000000000000'",
             "'ffffffff-ffff-ffff-ffff-ffffffffffff'"),
    "json": ("""'{"a" :  1}'""", "'[ ]'", "'1.0'", "'null'"),
    "jsonb": ("""'{"b":2,"a":[1,null,"\\u0001"]}'""", "'null'", "'1e1000'"),
    "date": ("'2000-01-01'", "'1999-12-31'", "'0001-01-01'", "'9999-12-31'",
             "'1582-10-05'", "'0001-12-31 BC'", "'5874897-12-31'"),
    "time": ("'00:00'", "'24:00'", "'23:59:59.999999'", "'12:34:56.7'"),
    "timestamp": ("'2000-01-01'", "'1969-12-31 23:59:59.999999'",
                  "'0001-12-31 23:59:59.5 BC'", "'2017-01-01 00:00:00.1'",
                  "'294246-12-31 23:59:59.999999'"),
    "timestamptz": ("'2000-01-01'", "'2019-03-31 02:30:00+02'",
                    "'9999-12-31 23:59:59.999999'", "'0001-01-02'"),
    "oid": ("0", "4294967295"),
    "pg_lsn": ("'0/0'", "'FFFFFFFF/FFFFFFFF'", "'16/B374D848'"),
    "inet": ("'0.0.0.0/0'", "'10.1.2.3/8'", "'::ffff:1.2.3.4'", "'1::'"),
    "cidr": ("'10.1.2.3/32'", "'2001:db8::/32'"),
    "macaddr": ("'ff:ff:ff:ff:ff:ff'",),
    "money": ("0", "'-92233720368547758.08'", "'92233720368547758.07'",
              "'1234567.89'"),
    "xml": ("''", "'<a/>'", """'<?xml version="1.0"?><a b="1"/>'"""),
    "int4range": ("'empty'", "'(,)'", "'[1,2)'"),
    "numrange": ("'[-Infinity,Infinity]'", "'(,NaN]'", "'[1.5,1.5]'"),
    "tsvector": ("''", "'a:1A,2B b'"),
    "tsquery": ("''", "'a & (b | c)'", "'a <-> b:*C'"),
    "box": ("'(0,0),(1,1.5)'",),
    "circle": ("'<(1.5,-2),0>'",),
    # Compared as null or not null: the event has a form of its own.
    "interval": ("'0'", "'-1 mon +1 day'", "'178956970 years'"),
    "timetz": ("'24:00-15:59:59'", "'12:00+05:45:30'"),
    "point": ("'(1e-5,123456789012345)'",),
    "bit varying(64)": ("''", "'101'", "'111111110'"),
    "integer[]": ("'{}'", "'{NULL}'", "'{{1,2},{3,NULL}}'"),
    "text[]": ("'{}'", "'{\"a,b\",NULL,\"null\"}'"),
}


class AllTypes(Workload):
    """W9: rows of all types, at the ends of what they hold."""
    name = "W9"
    columns = {f"c{n}": typename for n, typename in enumerate(EXTREMES)}
    setup = "CREATE TABLE every (id bigint PRIMARY KEY, " + ", ".join(
        f"{name} {typename}" for name, typename in columns.items()) + ");"
    keys = {"public.every": ["id"]}
    rate = 100
    batch = 5

    def __init__(self, *args):
        super().__init__(*args)
        self.ids = []

    def _value(self, name):
        if self.rng.random() < 0.1:
            return "NULL"
        typename = self.columns[name]
        return f"{self.rng.choice(EXTREMES[typename])}::{typename}"

    def transaction(self):
        rng = self.rng
        if rng.random() < 0.6 or not self.ids:
            rows = rng.choice((1, 1, 3))
            sql = []
            for _ in range(rows):
                self.ids.append(self.new_id())
                values = ", ".join(self._value(c) for c in self.columns)
                sql.append(f"INSERT INTO every VALUES ({self.id}, {values});")
            return (f"BEGIN; {' '.join(sql)} {self.audit(rows)} "
                    f"{self.end()}")
        one = f"WHERE id = {rng.choice(self.ids)}"
        if rng.random() < 0.8:
            some = rng.sample(sorted(self.columns), 5)
            sets = ", ".join(f"{c} = {self._value(c)}" for c in some)
            change = f"UPDATE every SET {sets} {one}"
        else:
            change = f"DELETE FROM every {one}"
        return (f"BEGIN; WITH changed AS ({change} RETURNING 1) "
                f"{self.audit(0, 'changed')} {self.end()}")


KINDS = {kind.name: kind for kind in (
    Bank, Counters, Bulk, Large, Savepoints, Prepared, Definitions, Elsewhere,
    AllTypes, Flood, Truncates, Keyless)}


def choose(rng, names):
    """Which workloads a run has: two to four, one of them twice; not only
    such as leave nothing to read."""
    chosen = rng.sample(sorted(names), min(len(names), rng.choice((2, 3, 4))))
    for name in chosen:
        if KINDS[name].keys:
            return [*chosen, name]
    return [*chosen, "W1"]
