-- Transactions over several tables, parts of which are undone.
CREATE SCHEMA txn;
CREATE TABLE txn.a (id int PRIMARY KEY, v text);
CREATE TABLE txn.b (id int PRIMARY KEY, a int, v text);
CREATE TABLE txn.log (line text);
SELECT pg_replication_origin_create('elsewhere')
    WHERE NOT EXISTS (SELECT FROM pg_replication_origin WHERE roname = 'elsewhere');
-- wait
BEGIN;
INSERT INTO txn.a VALUES (1, 'a');
INSERT INTO txn.b VALUES (1, 1, 'b');
SAVEPOINT s1;
INSERT INTO txn.a VALUES (2, 'undone');
UPDATE txn.b SET v = 'undone';
ROLLBACK TO s1;
SAVEPOINT s2;
UPDATE txn.a SET v = 'kept' WHERE id = 1;
RELEASE s2;
INSERT INTO txn.log VALUES ('one');
DELETE FROM txn.b WHERE id = 1;
INSERT INTO txn.b VALUES (1, 1, 'again');
COMMIT;
BEGIN;
INSERT INTO txn.a VALUES (3, 'never');
ROLLBACK;
-- Larger than what is kept in memory.
BEGIN;
INSERT INTO txn.a SELECT i, repeat('x', i % 50) FROM generate_series(1001, 3000) i;
INSERT INTO txn.log SELECT 'line ' || i FROM generate_series(1, 500) i;
UPDATE txn.a SET v = 'y' WHERE id BETWEEN 2001 AND 2500;
DELETE FROM txn.a WHERE id > 2800;
COMMIT;
COPY txn.b FROM stdin;
10	1	x
11	1	y
12	\N	\N
\.
BEGIN;
INSERT INTO txn.a VALUES (4, 'prepared');
PREPARE TRANSACTION 'p';
INSERT INTO txn.log VALUES ('between');
COMMIT PREPARED 'p';
INSERT INTO txn.a VALUES (5, 'x') ON CONFLICT DO NOTHING;
INSERT INTO txn.a VALUES (5, 'z') ON CONFLICT (id) DO UPDATE SET v = excluded.v;
-- A transaction that came from another server.
SELECT pg_replication_origin_session_setup('elsewhere');
BEGIN;
SELECT pg_replication_origin_xact_setup('0/AFFE', '2020-02-02 02:02:02.020202+00');
INSERT INTO txn.a VALUES (6, 'origin');
COMMIT;
SELECT pg_replication_origin_session_reset();
INSERT INTO txn.a VALUES (7, 'none');
