-- Databases whose encoding is not UTF-8: the bytes are the database's own, and
-- the header names the encoding.
SET client_min_messages = warning;
SELECT current_database() AS here \gset
CREATE DATABASE regress_walferry_ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;
CREATE DATABASE regress_walferry_latin1 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;
CREATE DATABASE regress_walferry_eucjp ENCODING 'EUC_JP' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;
-- what a terminal of another encoding must not see as it is
\set bytes 'SELECT message, encode(relation::bytea, ''escape'') AS relation, encode(decode(replace(detail, ''\\'', ''\\\\''), ''escape''), ''escape'') AS detail FROM walferry_slot_get_changes(''regress_encoding'', NULL, NULL) WHERE message NOT IN (''begin'', ''commit'')'

\c regress_walferry_ascii
SET client_min_messages = warning;
CREATE EXTENSION walferry;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_encoding', 'walferry');
CREATE TYPE e AS ENUM (E'la\xff\xc3bel');
CREATE TYPE co AS (t text);
CREATE TABLE t (id int PRIMARY KEY, t text, v varchar(3), e e, j json, c co);
INSERT INTO t VALUES (1, E'\xff\xfe\x80 \xc3\xa4 \xc3', E'\xe2\x82', E'la\xff\xc3bel', E'{"a": "\xff"}', ROW(E'\xff'));
ALTER TABLE t RENAME v TO odd;
DO $$ BEGIN EXECUTE E'ALTER TABLE t RENAME odd TO "col\xff"'; EXECUTE E'ALTER TABLE t RENAME TO "tab\xffle"'; END $$;
DO $$ BEGIN EXECUTE E'INSERT INTO "tab\xffle" VALUES (2, \'\xc3\')'; END $$;
SELECT 'emit' FROM pg_logical_emit_message(true, E'pre\xff', E'con\xff');
:bytes;
-- filters compare bytes
DO $$ BEGIN EXECUTE E'UPDATE "tab\xffle" SET id = 3 WHERE id = 2'; END $$;
SELECT count(*) FROM walferry_slot_peek_changes('regress_encoding', NULL, NULL, 'include_tables', E'public.tab\xffle') WHERE message = 'update';
SELECT count(*) FROM walferry_slot_peek_changes('regress_encoding', NULL, NULL, 'include_tables', 'public.tab.le') WHERE message = 'update';
SELECT count(*) FROM walferry_slot_peek_changes('regress_encoding', NULL, NULL, 'exclude_tables', E'public.tab[\xfe\xff]le') WHERE message = 'update';
SELECT pg_drop_replication_slot('regress_encoding');

\c regress_walferry_latin1
\encoding UTF8
SET client_min_messages = warning;
CREATE EXTENSION walferry;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_encoding', 'walferry');
CREATE TABLE t (id int PRIMARY KEY, t text);
INSERT INTO t VALUES (1, chr(228) || chr(255));
SELECT message, replace(detail, current_database(), 'DATABASE') FROM walferry_slot_get_changes('regress_encoding', NULL, NULL) WHERE message IN ('header', 'insert');
SELECT pg_drop_replication_slot('regress_encoding');

\c regress_walferry_eucjp
\encoding UTF8
SET client_min_messages = warning;
CREATE EXTENSION walferry;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_encoding', 'walferry');
CREATE TABLE t (id int PRIMARY KEY, t text);
INSERT INTO t VALUES (1, '日本語');
SELECT message, detail FROM walferry_slot_get_changes('regress_encoding', NULL, NULL) WHERE message IN ('header', 'insert');
SELECT pg_drop_replication_slot('regress_encoding');

\c :here
DROP DATABASE regress_walferry_ascii;
DROP DATABASE regress_walferry_latin1;
DROP DATABASE regress_walferry_eucjp;
