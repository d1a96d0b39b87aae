"""What the columns of all tables are, in the words of the differences file.

A column has several names for its type: what it is declared as, without and
with modifier, domains resolved.  Of an array it is that of the element with
"[]".  Types of users have the name of their kind: "enum", "composite",
"custom range", "domain".
"""
import json

_TYPES = """
SELECT json_object_agg(t.oid, json_build_object(
    'name', t.typname, 'kind', t.typtype, 'base', t.typbasetype::bigint,
    'mod', t.typtypmod, 'element', CASE WHEN t.typcategory = 'A' THEN
        t.typelem::bigint ELSE 0 END, 'own', t.oid >= 16384 AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND
            d.objid = t.oid AND d.deptype = 'e')))
FROM pg_type t
"""

# Index columns as the replica identity has them: a key's, or all.
_COLUMNS = """
SELECT json_agg(json_build_object(
    'table', n.nspname || '.' || c.relname, 'column', a.attname,
    'type', a.atttypid::bigint, 'mod', a.atttypmod, 'shown', format_type(a.atttypid,
        a.atttypmod), 'notnull', a.attnotnull, 'generated', a.attgenerated, 'default', a.atthasdef,
    'identity', c.relreplident = 'f' OR EXISTS (
        SELECT FROM pg_index i WHERE i.indrelid = c.oid AND
            CASE c.relreplident WHEN 'd' THEN i.indisprimary
            WHEN 'i' THEN i.indisreplident END
            AND a.attnum = ANY (i.indkey)),
    'keyed', EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND
        i.indisprimary),
    'other', c.relreplident = 'i' AND EXISTS (
        SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND
            NOT i.indisreplident)))
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
    AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""


def _names(types, oid, mod, shown):
    """The names of one column's type."""
    names = {shown}
    while True:
        t = types[str(oid)]
        if t["element"]:
            inner = types[str(t["element"])]
            if inner["kind"] == "d":
                names.add("domain[]")
            suffix, t = "[]", _resolve(types, inner)
        else:
            suffix = ""
        if t["kind"] != "d":
            break
        names.add("domain")
        oid = t["base"]
    kinds = {"e": "enum", "c": "composite"}
    if t["own"] and t["kind"] in "rm":
        names.add("custom range" + suffix)
    names.add(kinds.get(t["kind"], t["name"]) + suffix)
    return names


def _resolve(types, t):
    while t["kind"] == "d":
        t = types[str(t["base"])]
    return t


class Columns:
    """{table: {column: {"types": [...], "notnull": ..., ...}}}, of all that
    was ever learned: columns come and go."""

    def __init__(self, tables=None):
        self.tables = tables if tables is not None else {}

    def by_other_index(self, table):
        """Has it a key, and by another index its replica identity?"""
        return any(c.get("other") for c in self.tables.get(table, {}).values())

    def keyless(self, table):
        """Has it never had a primary key?"""
        return table in self.tables and not any(
            c.get("keyed") for c in self.tables[table].values())

    def learn(self, query):
        """query(sql) gives the one value of a query."""
        types = json.loads(query(_TYPES))
        for c in json.loads(query(_COLUMNS)) or ():
            known = self.tables.setdefault(c["table"], {}).setdefault(
                c["column"], {"types": [], "notnull": False,
                              "identity": True, "generated": False,
                              "default": False, "other": False,
                              "keyed": False})
            known["types"] = sorted(
                {*known["types"],
                 *_names(types, c["type"], c["mod"], c["shown"])})
            known["notnull"] |= c["notnull"]
            known["generated"] |= bool(c["generated"])
            known["default"] |= c["default"]
            known["other"] |= c["other"]
            known["keyed"] |= c["keyed"]
            known["identity"] &= c["identity"]

    def of(self, table, column):
        return self.tables.get(table, {}).get(
            column, {"types": [], "notnull": False, "identity": False,
                     "generated": False, "default": False})
