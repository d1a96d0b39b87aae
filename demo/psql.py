"""One psql process that stays open: SQL in, rows out.

The connection comes from PGHOST, PGPORT, PGUSER and PGDATABASE, as for any
psql.  The demo uses it in place of a Python driver, so that nothing but
PostgreSQL's own client needs to be installed.
"""
import subprocess

FIELD, NULL, END = "\x1f", "\x1e", "\x1d"


class PsqlError(Exception):
    """A statement failed; psql has already printed why on stderr."""


class Psql:
    def __init__(self):
        self.process = subprocess.Popen(
            ["psql", "-XqAt", "-F", FIELD, "-P", "null=" + NULL,
             "-v", "ON_ERROR_STOP=1"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            start_new_session=True)     # Ctrl-C is for us, not for a query

    def run(self, sql):
        """Run statements and wait for them; the rows as lists of str or None.

        Each statement must end with its semicolon.

        No value may contain a newline or a control character: nothing in
        this demo does.
        """
        try:
            self.process.stdin.write(f"{sql}\n\\echo {END}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise PsqlError(f"psql is gone, before: {sql[:80]}") from None
        rows = []
        for line in self.process.stdout:
            line = line.rstrip("\n")
            if line == END:
                return rows
            rows.append([None if value == NULL else value
                         for value in line.split(FIELD)])
        raise PsqlError(f"psql ended in: {sql[:80]}")

    def value(self, sql):
        """The one value of a query that gives one row of one column."""
        return self.run(sql)[0][0]

    def copy_in(self, table, columns, rows):
        """COPY rows (sequences of str or None) into a table."""
        def field(value):
            if value is None:
                return r"\N"
            return (value.replace("\\", "\\\\").replace("\t", "\\t")
                    .replace("\n", "\\n").replace("\r", "\\r"))
        lines = ["\t".join(map(field, row)) for row in rows]
        self.run("\n".join([f"COPY {table} ({', '.join(columns)}) FROM stdin;",
                            *lines, r"\."]))

    def close(self):
        self.process.stdin.close()
        self.process.wait()
