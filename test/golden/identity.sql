-- The four replica identities, with keys that change and keys that do not.
CREATE TABLE def (a integer, b text, v integer, PRIMARY KEY (b, a));
CREATE TABLE ful (a integer PRIMARY KEY, b text, v numeric);
ALTER TABLE ful REPLICA IDENTITY FULL;
CREATE TABLE idx (a integer PRIMARY KEY, b text NOT NULL UNIQUE, v integer);
ALTER TABLE idx REPLICA IDENTITY USING INDEX idx_b_key;
CREATE TABLE non (a integer PRIMARY KEY, v integer);
ALTER TABLE non REPLICA IDENTITY NOTHING;
CREATE TABLE nokey (a integer, v integer);
CREATE TABLE many_rows (a integer PRIMARY KEY, v integer);
INSERT INTO def VALUES (1, 'x', 1), (2, 'y', 2);
INSERT INTO ful VALUES (1, 'x', 1.5), (2, NULL, NULL);
INSERT INTO idx VALUES (1, 'x', 1), (2, 'y', 2);
INSERT INTO non VALUES (1, 1);
INSERT INTO nokey VALUES (1, 1);
UPDATE def SET v = 3 WHERE a = 1;
UPDATE def SET a = 3 WHERE a = 1;
UPDATE ful SET v = 2.5 WHERE a = 1;
UPDATE ful SET a = a + 10, b = 'z';
UPDATE idx SET a = 3 WHERE a = 1;
UPDATE idx SET b = 'z' WHERE a = 2;
UPDATE non SET a = 2;
UPDATE nokey SET v = 2;
BEGIN;
DELETE FROM def;
DELETE FROM ful;
DELETE FROM idx;
DELETE FROM non;
DELETE FROM nokey;
COMMIT;
-- One record for many rows: they share an LSN.
INSERT INTO many_rows SELECT i, i FROM generate_series(1, 20) i;
COPY many_rows FROM stdin;
101	1
102	\N
\.
BEGIN;
INSERT INTO many_rows VALUES (200, 0);
SAVEPOINT a;
INSERT INTO many_rows VALUES (201, 0);
ROLLBACK TO a;
SAVEPOINT b;
INSERT INTO many_rows VALUES (202, 0) ON CONFLICT (a) DO NOTHING;
RELEASE b;
COMMIT;
SELECT pg_replication_origin_create('node_b');
SELECT pg_replication_origin_session_setup('node_b');
BEGIN;
SELECT pg_replication_origin_xact_setup('0/16B3748', '2026-01-02 03:04:05+00');
INSERT INTO nokey VALUES (7, 7);
COMMIT;
SELECT pg_replication_origin_session_reset();
