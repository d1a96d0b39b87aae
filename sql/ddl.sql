-- The schema of a row is the one of its change, whatever happened since.
SET client_min_messages = warning;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_ddl', 'walferry');
\set changes 'SELECT message, relation, detail FROM walferry_slot_get_changes(''regress_ddl'', NULL, NULL) WHERE message <> ''header'''

-- Columns come and go; all is decoded after the last step.
CREATE TABLE t (a int PRIMARY KEY, b text, c int);
INSERT INTO t VALUES (1, 'one', 10);
ALTER TABLE t ADD d int;
INSERT INTO t VALUES (2, 'two', 20, 200);
ALTER TABLE t DROP b;
INSERT INTO t VALUES (3, 30, 300);
UPDATE t SET c = 11 WHERE a = 1;
ALTER TABLE t RENAME c TO "C c";
INSERT INTO t VALUES (4, 40, 400);
ALTER TABLE t DROP d;
INSERT INTO t VALUES (5, 50);
ALTER TABLE t ADD d text DEFAULT 'again';
INSERT INTO t VALUES (6, 60);
ALTER TABLE t DROP a;
INSERT INTO t VALUES (70, 'seven');
UPDATE t SET d = 'no key' WHERE "C c" = 70;
DELETE FROM t WHERE "C c" = 70;
:changes;
DROP TABLE t;

-- A type changes: the rewrite itself sends nothing.
CREATE TABLE t (a int PRIMARY KEY, b int);
INSERT INTO t SELECT i, i FROM generate_series(1, 3) i;
ALTER TABLE t ALTER b TYPE bigint;
ALTER TABLE t ALTER b TYPE text USING 'was ' || b;
UPDATE t SET b = b || '!' WHERE a = 1;
ALTER TABLE t ALTER b TYPE varchar(20);
INSERT INTO t VALUES (4, 'four');
ALTER TABLE t ALTER b SET NOT NULL, ALTER b SET DEFAULT 'd';
INSERT INTO t VALUES (5);
:changes;

-- Nor do other rewrites.
VACUUM FULL t;
CLUSTER t USING t_pkey;
ALTER TABLE t SET UNLOGGED;
INSERT INTO t VALUES (98, 'unlogged');
ALTER TABLE t SET LOGGED;
CREATE MATERIALIZED VIEW mv AS SELECT * FROM t;
REFRESH MATERIALIZED VIEW mv;
ALTER TABLE t ADD e float8 DEFAULT random();
REINDEX TABLE t;
VACUUM ANALYZE t;
VACUUM FULL pg_class;
:changes;
INSERT INTO t VALUES (6, 'after', 0);
:changes;
DROP MATERIALIZED VIEW mv;
DROP TABLE t;

-- Columns with a default that old rows do not hold: by value, by reference, in
-- front of and behind one that was dropped; also in FULL's old rows.
CREATE TABLE fast (id int PRIMARY KEY, gone int);
INSERT INTO fast SELECT i, 0 FROM generate_series(1, 4) i;
ALTER TABLE fast ADD n int DEFAULT 42, ADD t text DEFAULT 'default text',
    ADD num numeric DEFAULT 3.14, ADD ts timestamp DEFAULT '2026-01-02 03:04:05';
ALTER TABLE fast DROP gone;
ALTER TABLE fast ADD later text[] DEFAULT '{x,NULL}', ADD without int;
UPDATE fast SET without = 1 WHERE id = 1;
DELETE FROM fast WHERE id = 1;
ALTER TABLE fast REPLICA IDENTITY FULL;
UPDATE fast SET without = 1 WHERE id = 2;
UPDATE fast SET t = NULL, n = 43 WHERE id = 3;
DELETE FROM fast WHERE id = 4;
:changes;
DROP TABLE fast;

-- Names change: table, schema, column of the key.
CREATE SCHEMA regress_a;
CREATE TABLE regress_a.t1 (id int PRIMARY KEY);
INSERT INTO regress_a.t1 VALUES (1);
ALTER TABLE regress_a.t1 RENAME TO t2;
INSERT INTO regress_a.t2 VALUES (2);
ALTER SCHEMA regress_a RENAME TO regress_b;
INSERT INTO regress_b.t2 VALUES (3);
ALTER TABLE regress_b.t2 SET SCHEMA public;
INSERT INTO t2 VALUES (4);
ALTER TABLE t2 RENAME id TO key;
DELETE FROM t2 WHERE key = 1;
-- back and forth within one stream
BEGIN;
INSERT INTO t2 VALUES (5);
ALTER TABLE t2 RENAME TO t3;
INSERT INTO t3 VALUES (6);
ALTER TABLE t3 RENAME TO t2;
INSERT INTO t2 VALUES (7);
COMMIT;
:changes;

-- A new table of the same name is another.
DROP TABLE t2;
CREATE TABLE t2 (x text, y text);
INSERT INTO t2 VALUES ('new', 'table');
BEGIN;
INSERT INTO t2 VALUES ('before', 'drop');
DROP TABLE t2;
CREATE TABLE t2 (z int);
INSERT INTO t2 VALUES (1);
COMMIT;
DROP TABLE t2;
:changes;

-- Changes and DDL in one transaction, some of it undone.
CREATE TABLE mix (id int PRIMARY KEY);
BEGIN;
INSERT INTO mix VALUES (1);
ALTER TABLE mix ADD a int DEFAULT 7;
INSERT INTO mix VALUES (2);
SAVEPOINT s;
ALTER TABLE mix ADD b int DEFAULT 8;
INSERT INTO mix VALUES (3);
ROLLBACK TO s;
INSERT INTO mix VALUES (4);
ALTER TABLE mix ADD c text;
INSERT INTO mix VALUES (5, 5, 'c');
UPDATE mix SET c = 'u' WHERE id = 1;
COMMIT;
INSERT INTO mix VALUES (6);
DROP TABLE mix;
:changes;

-- A table that lives for one transaction, and one that lives not even that.
BEGIN;
CREATE TABLE brief (id serial PRIMARY KEY, t text DEFAULT upper('x') || chr(65));
INSERT INTO brief DEFAULT VALUES;
DROP TABLE brief;
COMMIT;
BEGIN;
CREATE TABLE never (id int);
INSERT INTO never VALUES (1);
ROLLBACK;
:changes;

-- Types that are dropped with the rows that had them.
BEGIN;
CREATE TYPE color AS ENUM ('red', 'green');
CREATE TYPE pair AS (a int, b color);
CREATE DOMAIN shade AS color CHECK (VALUE <> 'red');
CREATE TABLE typed (c color, p pair, s shade, a color[], ps pair[], ss shade[]);
INSERT INTO typed VALUES ('red', ROW(1, 'green'), 'green', '{red,green}',
    ARRAY[ROW(2, NULL)::pair], '{green}');
DROP TABLE typed;
DROP TYPE color CASCADE;
COMMIT;
:changes;

-- No columns at all, and none left.
CREATE TABLE zero ();
INSERT INTO zero DEFAULT VALUES;
DELETE FROM zero;
ALTER TABLE zero REPLICA IDENTITY FULL;
INSERT INTO zero DEFAULT VALUES;
DELETE FROM zero;
ALTER TABLE zero ADD a int;
INSERT INTO zero VALUES (1);
ALTER TABLE zero DROP a;
INSERT INTO zero DEFAULT VALUES;
DELETE FROM zero;
:changes;
DROP TABLE zero;

-- Generated columns that are stored have values like any other.
CREATE TABLE gen (id int PRIMARY KEY, w int, h int,
    area int GENERATED ALWAYS AS (w * h) STORED,
    label text GENERATED ALWAYS AS ('nr ' || id) STORED,
    seq int GENERATED ALWAYS AS IDENTITY);
INSERT INTO gen VALUES (1, 2, 3);
UPDATE gen SET w = 4;
ALTER TABLE gen REPLICA IDENTITY FULL;
UPDATE gen SET h = 4;
DELETE FROM gen;
:changes;
DROP TABLE gen;

-- What is no table's row: sequences, temporary and unlogged tables, catalogs,
-- views, large objects.
CREATE TEMP TABLE tmp (id int PRIMARY KEY);
INSERT INTO tmp VALUES (1);
CREATE UNLOGGED TABLE unl (id int PRIMARY KEY);
INSERT INTO unl VALUES (1);
CREATE SEQUENCE sq;
SELECT nextval('sq');
SELECT lo_create(424242) = 424242 AS ok, lo_put(424242, 0, 'data') IS NOT NULL AS put;
SELECT lo_unlink(424242);
COMMENT ON TABLE unl IS 'comment';
CREATE TABLE s AS SELECT 1 AS a;
:changes;
DROP TABLE tmp, unl, s;
DROP SEQUENCE sq;

-- Names that need care.
CREATE SCHEMA "Größe, ""x"".y";
CREATE TABLE "Größe, ""x"".y"."täbelle.mit = allem und 63 Bytes, die hier alle gebraucht wer" ("a b" int PRIMARY KEY, "=" text, "Ü" int, "ü" int);
INSERT INTO "Größe, ""x"".y"."täbelle.mit = allem und 63 Bytes, die hier alle gebraucht wer" VALUES (1, 'x', 2, 3);
:changes;
DROP SCHEMA "Größe, ""x"".y" CASCADE;
DROP SCHEMA regress_b;

-- Many tables, each changed while others are decoded.
BEGIN;
DO $$ BEGIN
    FOR i IN 1 .. 50 LOOP
        EXECUTE format('CREATE TABLE many%s (id int PRIMARY KEY)', i);
        EXECUTE format('INSERT INTO many%s VALUES (%s)', i, i);
        EXECUTE format('ALTER TABLE many%s ADD x text', i);
        EXECUTE format('INSERT INTO many%s VALUES (-%s, ''x'')', i, i);
    END LOOP;
    FOR i IN 1 .. 50 LOOP
        EXECUTE format('DROP TABLE many%s', i);
    END LOOP;
END $$;
COMMIT;
SELECT message, count(*), count(DISTINCT relation) AS relations
  FROM walferry_slot_get_changes('regress_ddl', NULL, NULL)
 WHERE message <> 'header' GROUP BY 1 ORDER BY 1;

SELECT pg_drop_replication_slot('regress_ddl');
