-- TRUNCATE: one message for one command, with all tables that it names.
SET client_min_messages = warning;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_truncate', 'walferry');
\set changes 'SELECT message, relation, detail FROM walferry_slot_get_changes(''regress_truncate'', NULL, NULL) WHERE message NOT IN (''header'', ''relation'')'
CREATE TABLE a (id serial PRIMARY KEY);
CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a);
CREATE TABLE c (id int);
CREATE UNLOGGED TABLE u (id int);
TRUNCATE c;
TRUNCATE a, b, c, u;
TRUNCATE a CASCADE;
TRUNCATE a RESTART IDENTITY CASCADE;
TRUNCATE c RESTART IDENTITY;
TRUNCATE u;
TRUNCATE c, c;
:changes;

-- Among rows, in their order; undone with its subtransaction.
BEGIN;
INSERT INTO c VALUES (1);
TRUNCATE c;
INSERT INTO c VALUES (2);
SAVEPOINT s;
TRUNCATE c;
ROLLBACK TO s;
INSERT INTO c VALUES (3);
COMMIT;
-- of a table that the transaction made: there is nothing to tell apart
BEGIN;
CREATE TABLE made (id int);
INSERT INTO made VALUES (1);
TRUNCATE made;
INSERT INTO made VALUES (2);
DROP TABLE made;
COMMIT;
:changes;

-- Partitions, as leaves and under their root.
CREATE TABLE p (id int) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (id);
CREATE TABLE p21 PARTITION OF p2 FOR VALUES FROM (10) TO (15);
INSERT INTO p VALUES (1), (11);
TRUNCATE p;
TRUNCATE p1;
TRUNCATE p2;
TRUNCATE p, a, b;
SELECT message, relation, detail FROM walferry_slot_peek_changes('regress_truncate', NULL, NULL, 'partition_root', 'true') WHERE message = 'truncate';
:changes;

-- Filtered, wholly or in part.
TRUNCATE a, b, c;
SELECT message, relation, detail FROM walferry_slot_peek_changes('regress_truncate', NULL, NULL, 'exclude_tables', 'public.b') WHERE message IN ('truncate', 'commit');
SELECT message, relation, detail FROM walferry_slot_peek_changes('regress_truncate', NULL, NULL, 'include_tables', 'public.x');
SELECT message, relation, detail FROM walferry_slot_get_changes('regress_truncate', NULL, NULL, 'operations', 'insert,update,delete');

-- Many at once: no limit of a frame.
DO $$ BEGIN
    FOR i IN 1 .. 300 LOOP EXECUTE format('CREATE TABLE many_%s (id int)', i); END LOOP;
    EXECUTE (SELECT 'TRUNCATE ' || string_agg('many_' || i, ', ') FROM generate_series(1, 300) i);
END $$;
SELECT message, count(*), max(array_length(string_to_array(relation, ', '), 1)) AS relations, max(detail) FILTER (WHERE message = 'commit') AS detail
  FROM walferry_slot_get_changes('regress_truncate', NULL, NULL, 'frame_bytes', '1') WHERE message <> 'header' GROUP BY message ORDER BY message;
DO $$ BEGIN
    FOR i IN 1 .. 300 LOOP EXECUTE format('DROP TABLE many_%s', i); END LOOP;
END $$;

SELECT pg_drop_replication_slot('regress_truncate');
DROP TABLE a, b, c, u, p;
