-- Prepared transactions, on a slot that tells them when they are prepared and
-- on one that tells them when they are committed.
SET client_min_messages = warning;
SET statement_timeout = '2min';		-- nothing may wait for what is prepared
SELECT 'init' FROM pg_create_logical_replication_slot('regress_two', 'walferry', false, true);
SELECT 'init' FROM pg_create_logical_replication_slot('regress_one', 'walferry');
\set two 'SELECT message, relation, detail FROM walferry_slot_get_changes(''regress_two'', NULL, NULL) WHERE message NOT IN (''header'', ''relation'')'
\set one 'SELECT message, relation, detail FROM walferry_slot_get_changes(''regress_one'', NULL, NULL) WHERE message NOT IN (''header'', ''relation'')'
CREATE TABLE t (id int PRIMARY KEY, v text);

-- Step by step.
BEGIN;
INSERT INTO t VALUES (1, 'to be committed');
UPDATE t SET v = 'updated' WHERE id = 1;
SELECT 'emit' FROM pg_logical_emit_message(true, 'prefix', 'content');
PREPARE TRANSACTION 'commit me';
BEGIN;
INSERT INTO t VALUES (2, 'to be undone');
PREPARE TRANSACTION 'undo me';
:two;
:one;
INSERT INTO t VALUES (3, 'between');
COMMIT PREPARED 'commit me';
ROLLBACK PREPARED 'undo me';
:two;
:one;
:two;

-- All at once: in the order in which it was.
BEGIN;
INSERT INTO t VALUES (4);
PREPARE TRANSACTION 'gid';
COMMIT PREPARED 'gid';
BEGIN;
INSERT INTO t VALUES (5);
PREPARE TRANSACTION 'gid';
ROLLBACK PREPARED 'gid';
BEGIN;
INSERT INTO t VALUES (5);
PREPARE TRANSACTION 'gid';
INSERT INTO t VALUES (6);
COMMIT PREPARED 'gid';
CREATE TEMP TABLE got AS SELECT row_number() OVER () AS n, r.* FROM walferry_slot_get_changes('regress_two', NULL, NULL) r WHERE message NOT IN ('header', 'relation');
SELECT message, detail FROM got ORDER BY n;
-- an end refers to its transaction by xid, for a gid is used again
SELECT array_agg(message ORDER BY n) FROM got GROUP BY xid ORDER BY min(n);
DROP TABLE got;
:one;

-- Subtransactions, a savepoint undone.
BEGIN;
INSERT INTO t VALUES (10);
SAVEPOINT a;
INSERT INTO t VALUES (11, 'undone');
ROLLBACK TO a;
SAVEPOINT a;
INSERT INTO t VALUES (12);
PREPARE TRANSACTION 'sub';
COMMIT PREPARED 'sub';
:two;
:one;

-- Nothing is in it, or nothing that is wanted: its end still refers to it.
BEGIN;
PREPARE TRANSACTION 'nothing at all';
COMMIT PREPARED 'nothing at all';
BEGIN;
SELECT 'xid' FROM txid_current();
PREPARE TRANSACTION 'an xid';
COMMIT PREPARED 'an xid';
BEGIN;
INSERT INTO t VALUES (20);
PREPARE TRANSACTION 'filtered';
COMMIT PREPARED 'filtered';
BEGIN;
INSERT INTO t VALUES (21);
PREPARE TRANSACTION 'filtered, undone';
ROLLBACK PREPARED 'filtered, undone';
SELECT message, detail FROM walferry_slot_peek_changes('regress_two', NULL, NULL, 'exclude_tables', 'public.t') WHERE message <> 'header';
SELECT count(*) FROM walferry_slot_get_changes('regress_one', NULL, NULL, 'exclude_tables', 'public.t');
:two;

-- DDL: the lock that is held keeps nobody from decoding.
BEGIN;
ALTER TABLE t ADD w int DEFAULT 5;
INSERT INTO t VALUES (30, 'new column', 6);
CREATE TABLE made (id int);
INSERT INTO made VALUES (1);
TRUNCATE t;
PREPARE TRANSACTION 'ddl';
SELECT message, relation, detail FROM walferry_slot_get_changes('regress_two', NULL, NULL) WHERE message <> 'header';
:one;
COMMIT PREPARED 'ddl';
:two;
:one;
BEGIN;
ALTER TABLE t DROP v;
INSERT INTO t VALUES (31, 7);
PREPARE TRANSACTION 'ddl undone';
:two;
ROLLBACK PREPARED 'ddl undone';
INSERT INTO t VALUES (31, 'both', 8);
:two;
:one;

-- Names: quoted, as long as they may be.
BEGIN;
INSERT INTO t VALUES (40);
PREPARE TRANSACTION 'it''s "ü"';
COMMIT PREPARED 'it''s "ü"';
SELECT repeat('g', 199) AS gid \gset
BEGIN;
INSERT INTO t VALUES (41);
PREPARE TRANSACTION :'gid';
COMMIT PREPARED :'gid';
:two;
:one;

-- A slot that is asked in the middle, from either side.
BEGIN;
INSERT INTO t VALUES (50);
PREPARE TRANSACTION 'half';
SELECT message, detail FROM walferry_slot_get_changes('regress_two', NULL, 1) WHERE message <> 'header';
COMMIT PREPARED 'half';
SELECT message, detail FROM walferry_slot_get_changes('regress_two', NULL, 1) WHERE message <> 'header';
:one;

-- Streamed before it is prepared.
SET logical_decoding_work_mem = '64kB';
BEGIN;
INSERT INTO t SELECT i, 'large' FROM generate_series(1001, 4000) i;
PREPARE TRANSACTION 'large';
SELECT message, count(*) > 1 AS many, max(detail) FILTER (WHERE message = 'stream prepare') AS detail
  FROM walferry_slot_get_changes('regress_two', NULL, NULL, 'streaming', 'true') WHERE message NOT IN ('header', 'relation') GROUP BY 1 ORDER BY 1;
COMMIT PREPARED 'large';
SELECT message, detail FROM walferry_slot_get_changes('regress_two', NULL, NULL, 'streaming', 'true') WHERE message <> 'header';
-- on the slot without, it is streamed and committed
SELECT message, count(*) > 1 AS many, max(detail) FILTER (WHERE message = 'stream commit') AS detail
  FROM walferry_slot_get_changes('regress_one', NULL, NULL, 'streaming', 'true') WHERE message NOT IN ('header', 'relation') GROUP BY 1 ORDER BY 1;
BEGIN;
INSERT INTO t SELECT i, 'large' FROM generate_series(4001, 7000) i;
PREPARE TRANSACTION 'large';
SELECT message, count(*) > 1 AS many, max(detail) FILTER (WHERE message = 'stream prepare') AS detail
  FROM walferry_slot_get_changes('regress_two', NULL, NULL, 'streaming', 'true') WHERE message NOT IN ('header', 'relation') GROUP BY 1 ORDER BY 1;
ROLLBACK PREPARED 'large';
SELECT message, detail FROM walferry_slot_get_changes('regress_two', NULL, NULL, 'streaming', 'true') WHERE message <> 'header';
SELECT count(*) FROM walferry_slot_get_changes('regress_one', NULL, NULL);
-- streamed, and none of it is wanted
BEGIN;
INSERT INTO t SELECT i, 'large' FROM generate_series(7001, 9999) i;
PREPARE TRANSACTION 'large, filtered';
SELECT message, detail FROM walferry_slot_get_changes('regress_two', NULL, NULL, 'streaming', 'true', 'exclude_tables', 'public.t') WHERE message <> 'header';
ROLLBACK PREPARED 'large, filtered';
SELECT message, detail FROM walferry_slot_get_changes('regress_two', NULL, NULL, 'streaming', 'true', 'exclude_tables', 'public.t') WHERE message <> 'header';
SELECT count(*) FROM walferry_slot_get_changes('regress_one', NULL, NULL);
RESET logical_decoding_work_mem;

SELECT pg_drop_replication_slot('regress_two');
SELECT pg_drop_replication_slot('regress_one');
DROP TABLE t, made;
