-- pg_logical_emit_message()
SET client_min_messages = warning;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_messages', 'walferry');
\set changes 'SELECT message, detail FROM walferry_slot_get_changes(''regress_messages'', NULL, NULL) WHERE message NOT IN (''header'', ''relation'')'
\set peek 'SELECT message, detail FROM walferry_slot_peek_changes(''regress_messages'', NULL, NULL'
CREATE TABLE t (id int PRIMARY KEY);

SELECT 'emit' FROM pg_logical_emit_message(false, 'free', 'now');
SELECT 'emit' FROM pg_logical_emit_message(true, 'bound', 'with its transaction');
:changes;

-- One that is free of its transaction is there at once, and stays if that is undone.
BEGIN;
INSERT INTO t VALUES (1);
SELECT 'emit' FROM pg_logical_emit_message(false, 'free', 'of the open one');
SELECT 'emit' FROM pg_logical_emit_message(true, 'bound', 'in order');
INSERT INTO t VALUES (2);
SAVEPOINT s;
SELECT 'emit' FROM pg_logical_emit_message(true, 'bound', 'undone');
SELECT 'emit' FROM pg_logical_emit_message(false, 'free', 'not undone');
ROLLBACK TO s;
SELECT 'emit' FROM pg_logical_emit_message(true, 'bound', 'last');
COMMIT;
BEGIN;
SELECT 'emit' FROM pg_logical_emit_message(true, 'bound', 'never');
SELECT 'emit' FROM pg_logical_emit_message(false, 'free', 'ever');
ROLLBACK;
INSERT INTO t VALUES (3);		-- its commit flushes the WAL
:changes;

-- Contents: empty, text, any bytes.
SELECT 'emit' FROM pg_logical_emit_message(false, '', '');
SELECT 'emit' FROM pg_logical_emit_message(true, 'it''s ü', 'It''s ü');
SELECT 'emit' FROM pg_logical_emit_message(true, 'bytes', '\x00ff'::bytea);
SELECT 'emit' FROM pg_logical_emit_message(false, 'bytes', '\xc3'::bytea);
INSERT INTO t VALUES (4);
:changes;

-- Which prefixes.
SELECT count(pg_logical_emit_message(false, p, '1')) FROM unnest('{a,B,ab,b.c,heartbeat}'::text[]) p;
SELECT count(pg_logical_emit_message(true, p, '2')) FROM unnest('{a,B,ab,b.c,heartbeat}'::text[]) p;
:peek, 'include_message_prefixes', 'a, b') WHERE message <> 'header';
:peek, 'exclude_message_prefixes', 'a,.*b') WHERE message <> 'header';
:peek, 'include_message_prefixes', 'b\.c') WHERE message <> 'header';
:peek, 'messages', 'off');
:changes;

-- Larger than a frame.
SELECT 'emit' FROM pg_logical_emit_message(true, 'large', repeat('0123456789', 300000));
SELECT 'emit' FROM pg_logical_emit_message(false, repeat('p', 2000), decode(repeat('00ff', 1000000), 'hex'));
INSERT INTO t VALUES (9);
SELECT length(data) > 900000 AS large, length(data) <= 983040 AS fits
  FROM pg_logical_slot_peek_binary_changes('regress_messages', NULL, NULL);
SELECT message, CASE WHEN length(detail) > 50 THEN left(detail, 30) || '...' || length(detail) ELSE detail END AS detail
  FROM walferry_slot_get_changes('regress_messages', NULL, NULL) WHERE message NOT IN ('header', 'relation');

-- The position: its own for a free one.
SELECT pg_logical_emit_message(false, 'x', 'y') AS lsn \gset
INSERT INTO t VALUES (10);
SELECT lsn = :'lsn' AS same, xid FROM walferry_slot_get_changes('regress_messages', NULL, NULL) WHERE message = 'message';

SELECT pg_drop_replication_slot('regress_messages');
DROP TABLE t;
