-- What is sent: schemas, tables, columns, operations, origins.
SET client_min_messages = warning;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_filter', 'walferry');
\set which 'SELECT relation FROM walferry_slot_peek_changes(''regress_filter'', NULL, NULL'
\set rows 'SELECT message, relation, detail FROM walferry_slot_peek_changes(''regress_filter'', NULL, NULL'
\set only ') WHERE message = ''insert'''
\set changes ') WHERE message IN (''insert'', ''update'', ''delete'', ''truncate'')'
CREATE SCHEMA regress_a;
CREATE SCHEMA regress_b;
CREATE SCHEMA "Regress,B";
CREATE TABLE regress_a.t (id int PRIMARY KEY);
CREATE TABLE regress_a.t1 (id int PRIMARY KEY);
CREATE TABLE regress_a.t12 (id int PRIMARY KEY);
CREATE TABLE regress_b.t (id int PRIMARY KEY);
CREATE TABLE regress_b."Mixed" (id int PRIMARY KEY);
CREATE TABLE "Regress,B"."a.b" (id int PRIMARY KEY);
CREATE TABLE "Regress,B"."Ä" (id int PRIMARY KEY);
INSERT INTO regress_a.t VALUES (1);
INSERT INTO regress_a.t1 VALUES (1);
INSERT INTO regress_a.t12 VALUES (1);
INSERT INTO regress_b.t VALUES (1);
INSERT INTO regress_b."Mixed" VALUES (1);
INSERT INTO "Regress,B"."a.b" VALUES (1);
INSERT INTO "Regress,B"."Ä" VALUES (1);
:which:only;

-- Schemas; the whole name must match.
:which, 'include_schemas', 'regress_a':only;
:which, 'include_schemas', 'regress':only;
:which, 'include_schemas', 'REGRESS_.':only;
:which, 'exclude_schemas', 'regress_[ab]':only;
:which, 'include_schemas', 'regress\,b':only;
:which, 'include_schemas', 'regress_a, regress_b', 'exclude_tables', 'regress_a.t':only;

-- Tables, with their schema.
:which, 'include_tables', 'regress_a.t':only;
:which, 'include_tables', 't':only;
:which, 'include_tables', '.*\.t':only;
:which, 'include_tables', 'regress_a.t\d*':only;
:which, 'exclude_tables', 'regress_a.t\d*':only;
:which, 'include_tables', 'regress_b.mixed':only;
:which, 'include_tables', 'Regress,B.a.b':only;
:which, 'include_tables', 'Regress\,B.a.b':only;
:which, 'include_tables', 'regress[\,]b\.a\.b':only;
:which, 'include_tables', '.*\.ä':only;
:which, 'include_tables', '.*\.Ä':only;
:which, 'include_schemas', 'regress_a', 'include_tables', '.*\.t':only;

-- Several: separated by commas; "\," is one within an expression, and blanks
-- around an expression do not count.
:which, 'include_tables', E' regress_a.t ,\n\tregress_b.t ':only;
:which, 'include_tables', 'regress_a.t\d{1\,2}':only;
:which, 'include_tables', 'regress_a.t\d{2\,},regress_b.t':only;
:which, 'include_tables', 'regress_(a.t|b.(mixed\,?))':only;
:which, 'include_tables', 'regress_a.t[\,1]':only;
:which, 'include_tables', 'regress_a.t1|regress_b.t':only;
:which, 'include_tables', ',,regress_a.t1,':only;
-- brackets in brackets, and what only looks like one
:which, 'include_tables', 'regress_a\.t\[,regress_b\.t':only;
:which, 'include_tables', 'regress_a[.)(]t,regress_b.t':only;
:which, 'include_tables', 'regress_a[]{.]t,regress_b.t':only;
:which, 'include_tables', 'regress_a[\p{Punct}&&[^_]]t1,regress_b.t':only;
:which, 'include_tables', '\Qregress_a.\Et\d*':only;
:which, 'include_tables', 'regress_(?!b).*':only;
:which, 'include_tables', '(?-i)REGRESS_a.t,(?-i)regress_b.t':only;
:which, 'include_tables', 'x\\,regress_b.t':only;
:which, 'include_tables', 'x[\]\,\\],regress_b.t':only;
-- not closed before the comma, and what is no expression
:which, 'include_tables', 'regress_a.t\d{1,2}':only;
:which, 'include_tables', 'regress_(a.t,b.mixed)':only;
:which, 'include_tables', 'regress_a[,regress_b.t':only;
:which, 'include_tables', 'regress_b.t,)':only;
:which, 'include_tables', 'regress_b.t,\':only;
-- what the engine would read otherwise
:which, 'include_tables', 'regress_a.t\d*+':only;
:which, 'include_tables', 'regress_a.\p{L}':only;
:which, 'include_tables', 'regress_a.\bt\b':only;

-- A table that is renamed comes or goes with its name.
SELECT count(*) FROM walferry_slot_get_changes('regress_filter', NULL, NULL, 'operations', 'none');
INSERT INTO regress_a.t VALUES (2);
ALTER TABLE regress_a.t RENAME TO u;
INSERT INTO regress_a.u VALUES (3);
ALTER SCHEMA regress_a RENAME TO regress_c;
INSERT INTO regress_c.u VALUES (4);
:rows, 'include_tables', 'regress_a\.t':changes;
:rows, 'exclude_tables', 'regress_a\.t':changes;
:rows, 'include_tables', 'regress_a\.u':changes;
:rows, 'include_schemas', 'regress_c':changes;
ALTER SCHEMA regress_c RENAME TO regress_a;
SELECT count(*) FROM walferry_slot_get_changes('regress_filter', NULL, NULL, 'operations', 'none');

-- Columns, with schema and table.  Those of the key are always there, and are
-- marked if they were not asked for.
CREATE TABLE c (a int, b text, "C" int, d text, PRIMARY KEY ("C", a));
INSERT INTO c VALUES (1, 'b', 2, 'd');
UPDATE c SET b = 'bb';
UPDATE c SET a = 3;
DELETE FROM c;
\set cols ') WHERE message NOT IN (''header'', ''begin'', ''commit'')'
:rows, 'exclude_columns', 'public.c.[bd]':cols;
:rows, 'include_columns', 'public.c.b':cols;
:rows, 'exclude_columns', '.*':cols;
:rows, 'include_columns', 'public.c.[ab]':cols;
:rows, 'exclude_columns', 'b, c.b, public.c':changes;
:rows, 'include_columns', 'public.other.*, PUBLIC.C.D':changes;

-- With the whole row as identity the old row has not what was left out either.
-- Keys are still there.
SELECT count(*) FROM walferry_slot_get_changes('regress_filter', NULL, NULL, 'operations', 'none');
ALTER TABLE c REPLICA IDENTITY FULL;
INSERT INTO c VALUES (1, 'secret', 2, 'd');
UPDATE c SET b = 'secret, too', d = 'dd';
UPDATE c SET b = 'nothing else';
DELETE FROM c;
:rows, 'exclude_columns', 'public.c.b':cols;
:rows, 'include_columns', 'public.c.d':changes;
:rows, 'exclude_columns', '.*':cols;
-- not even in the bytes
SELECT count(*) AS frames, count(*) FILTER (WHERE position('secret' IN data) > 0) AS with_it
  FROM pg_logical_slot_peek_binary_changes('regress_filter', NULL, NULL);
SELECT count(*) AS frames, count(*) FILTER (WHERE position('secret' IN data) > 0) AS with_it
  FROM pg_logical_slot_peek_binary_changes('regress_filter', NULL, NULL, 'exclude_columns', 'public.c.b');
SELECT count(*) FROM walferry_slot_get_changes('regress_filter', NULL, NULL, 'operations', 'none');
-- An index as identity: its columns are, beside those of the key.
CREATE UNIQUE INDEX c_d ON c (d);
ALTER TABLE c ALTER d SET NOT NULL, REPLICA IDENTITY USING INDEX c_d;
INSERT INTO c VALUES (1, 'b', 2, 'd');
UPDATE c SET d = 'dd';
DELETE FROM c;
:rows, 'exclude_columns', '.*':cols;
SELECT count(*) FROM walferry_slot_get_changes('regress_filter', NULL, NULL, 'operations', 'none');
-- No identity: the key is still one.
ALTER TABLE c REPLICA IDENTITY NOTHING;
INSERT INTO c VALUES (1, 'b', 2, 'd');
UPDATE c SET a = 3;
DELETE FROM c;
:rows, 'exclude_columns', 'public.c.(a|b)':cols;
SELECT count(*) FROM walferry_slot_get_changes('regress_filter', NULL, NULL, 'operations', 'none');
-- No key: nothing need stay.
CREATE TABLE keyless (a int, b text);
ALTER TABLE keyless REPLICA IDENTITY FULL;
INSERT INTO keyless VALUES (1, 'b');
UPDATE keyless SET a = 2;
UPDATE keyless SET b = 'x';
DELETE FROM keyless;
:rows, 'exclude_columns', 'public.keyless.a':cols;
:rows, 'exclude_columns', 'public.keyless.*':cols;
-- A column is renamed, and one is added.
SELECT count(*) FROM walferry_slot_get_changes('regress_filter', NULL, NULL, 'operations', 'none');
INSERT INTO keyless VALUES (3, 'secret');
ALTER TABLE keyless RENAME b TO shown;
INSERT INTO keyless VALUES (4, 'shown');
ALTER TABLE keyless ADD b text DEFAULT 'again';
INSERT INTO keyless VALUES (5, 'shown', 'secret');
DELETE FROM keyless WHERE a = 3;
:rows, 'exclude_columns', 'public.keyless.b':changes;
SELECT count(*) FROM walferry_slot_get_changes('regress_filter', NULL, NULL, 'operations', 'none');

-- Operations.
INSERT INTO regress_b.t VALUES (2);
UPDATE regress_b.t SET id = 3 WHERE id = 2;
DELETE FROM regress_b.t WHERE id = 3;
TRUNCATE regress_b.t;
SELECT 'emit' FROM pg_logical_emit_message(true, 'prefix', 'messages are no operation');
:rows:changes;
:rows, 'operations', 'insert':changes;
:rows, 'operations', 'Update , delete':changes;
:rows, 'operations', 'truncate,truncate':changes;
:rows, 'operations', 'insert,update,delete,truncate':changes;
:rows, 'operations', 'none':changes;
SELECT message, detail FROM walferry_slot_peek_changes('regress_filter', NULL, NULL, 'operations', 'none') WHERE message <> 'header';
SELECT count(*) FROM walferry_slot_get_changes('regress_filter', NULL, NULL, 'operations', 'none', 'messages', 'false');

-- Origins: of a session that replays what came from elsewhere.
SELECT pg_replication_origin_create('regress, origin') > 0 AS made;
INSERT INTO regress_b.t VALUES (10);
SELECT pg_replication_origin_session_setup('regress, origin');
INSERT INTO regress_b.t VALUES (11);
BEGIN;
SELECT pg_replication_origin_xact_setup('A/BCDEF012', '2026-01-01 00:00+00');
INSERT INTO regress_b.t VALUES (12);
SELECT 'emit' FROM pg_logical_emit_message(true, 'prefix', 'with an origin');
COMMIT;
BEGIN;
INSERT INTO regress_b.t VALUES (13);
SAVEPOINT s;
INSERT INTO regress_b.t VALUES (14);
ROLLBACK;
SELECT 'emit' FROM pg_logical_emit_message(false, 'prefix', 'with an origin');
SELECT pg_replication_origin_session_reset();
INSERT INTO regress_b.t VALUES (15);
\set all 'SELECT message, detail FROM walferry_slot_peek_changes(''regress_filter'', NULL, NULL'
:all) WHERE message NOT IN ('header', 'relation');
:all, 'origin', 'any') WHERE message = 'insert';
:all, 'origin', 'none') WHERE message NOT IN ('header', 'relation');
-- whose name is gone
SELECT pg_replication_origin_drop('regress, origin');
:all) WHERE message IN ('begin', 'insert');
:all, 'origin', 'none') WHERE message IN ('begin', 'insert');

-- What excludes each other.
:which, 'include_schemas', 'a', 'exclude_schemas', 'b':only;
:which, 'include_tables', 'a', 'exclude_tables', 'b':only;
:which, 'include_columns', 'a', 'exclude_columns', 'b':only;

SELECT pg_drop_replication_slot('regress_filter');
DROP SCHEMA regress_a, regress_b, "Regress,B" CASCADE;
DROP TABLE c, keyless;
