-- options: 'streaming', 'true'
-- setting: logical_decoding_work_mem=64kB
-- What is rolled back is in a table that is known by then: where the catalogs
-- are read, PostgreSQL sees that the transaction will not be.
CREATE TABLE t (id integer PRIMARY KEY, v text);
CREATE TABLE u (id integer PRIMARY KEY, v text);
BEGIN;
INSERT INTO t SELECT i, repeat('first', 40) FROM generate_series(1, 80) i;
SAVEPOINT a;
INSERT INTO t SELECT i, repeat('gone', 50) FROM generate_series(201, 600) i;
ROLLBACK TO a;
SELECT pg_logical_emit_message(true, 'in a block', 'message');
TRUNCATE u;
INSERT INTO u SELECT i, repeat('kept', 50) FROM generate_series(1, 300) i;
COMMIT;
BEGIN;
INSERT INTO t SELECT i, repeat('x', 200) FROM generate_series(1001, 1300) i;
ROLLBACK;
INSERT INTO t VALUES (5000, 'small');
