-- What of the old row a change carries: four identities, with a key and without.
SET client_min_messages = warning;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_identity', 'walferry');
\set changes 'SELECT message, relation, detail FROM walferry_slot_get_changes(''regress_identity'', NULL, NULL) WHERE message IN (''relation'', ''insert'', ''update'', ''delete'')'

CREATE TABLE keyed (a int, b int, c text, d int NOT NULL, e int NOT NULL, PRIMARY KEY (b, a));
CREATE UNIQUE INDEX keyed_index ON keyed (e, d) INCLUDE (c);
CREATE TABLE keyless (a int, b int, c text, d int NOT NULL, e int NOT NULL);
CREATE UNIQUE INDEX keyless_index ON keyless (e, d);
CREATE FUNCTION touch(t regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO %s VALUES (1, 2, ''three'', 4, 5)', t);
    EXECUTE format('UPDATE %s SET c = NULL', t);
    EXECUTE format('UPDATE %s SET a = 10', t);
    EXECUTE format('UPDATE %s SET e = 50', t);
    EXECUTE format('DELETE FROM %s', t);
END $$;

SELECT touch('keyed');
SELECT touch('keyless');
:changes;
ALTER TABLE keyed REPLICA IDENTITY FULL;
ALTER TABLE keyless REPLICA IDENTITY FULL;
SELECT touch('keyed');
SELECT touch('keyless');
:changes;
ALTER TABLE keyed REPLICA IDENTITY NOTHING;
ALTER TABLE keyless REPLICA IDENTITY NOTHING;
SELECT touch('keyed');
SELECT touch('keyless');
:changes;
ALTER TABLE keyed REPLICA IDENTITY USING INDEX keyed_index;
ALTER TABLE keyless REPLICA IDENTITY USING INDEX keyless_index;
SELECT touch('keyed');
SELECT touch('keyless');
:changes;
ALTER INDEX keyed_index RENAME TO renamed;
ALTER TABLE keyed ALTER e TYPE bigint;
SELECT touch('keyed');
-- The index of the identity is gone: nothing identifies the row.
DROP INDEX renamed;
DROP INDEX keyless_index;
SELECT touch('keyed');
SELECT touch('keyless');
:changes;

-- In the middle of a transaction.
TRUNCATE keyed, keyless;
ALTER TABLE keyed REPLICA IDENTITY DEFAULT;
BEGIN;
INSERT INTO keyed VALUES (1, 1, 'x', 1, 1);
UPDATE keyed SET c = 'y';
ALTER TABLE keyed REPLICA IDENTITY FULL;
UPDATE keyed SET c = 'z';
ALTER TABLE keyed DROP CONSTRAINT keyed_pkey;
UPDATE keyed SET c = 'u';
ALTER TABLE keyed ADD PRIMARY KEY (d);
ALTER TABLE keyed REPLICA IDENTITY DEFAULT;
UPDATE keyed SET d = 7;
DELETE FROM keyed;
COMMIT;
:changes;

-- A key made later, renamed, deferrable; a key over an expression is none.
CREATE TABLE late (id int, n text);
INSERT INTO late VALUES (1, 'a');
UPDATE late SET id = 2;
CREATE UNIQUE INDEX ON late ((id + 1));
UPDATE late SET id = 3;
ALTER TABLE late ADD CONSTRAINT late_key PRIMARY KEY (id) DEFERRABLE;
UPDATE late SET id = 4;
ALTER TABLE late DROP CONSTRAINT late_key, ADD PRIMARY KEY (id);
UPDATE late SET id = 5;
DELETE FROM late;
:changes;

-- Keys that trade places.
CREATE TABLE swap (id int PRIMARY KEY, v text);
INSERT INTO swap VALUES (1, 'one'), (2, 'two'), (3, 'three');
BEGIN;
UPDATE swap SET id = -1 WHERE id = 1;
UPDATE swap SET id = 1 WHERE id = 2;
UPDATE swap SET id = 2 WHERE id = -1;
COMMIT;
-- the same key again is no change of it
UPDATE swap SET id = id WHERE id = 3;
INSERT INTO swap VALUES (3, 'again') ON CONFLICT (id) DO UPDATE SET v = excluded.v;
INSERT INTO swap VALUES (3, 'not') ON CONFLICT DO NOTHING;
INSERT INTO swap VALUES (4, 'four') ON CONFLICT (id) DO UPDATE SET v = excluded.v;
-- moved, and moved back
UPDATE swap SET id = id + 100;
:changes;

SELECT pg_drop_replication_slot('regress_identity');
DROP TABLE keyed, keyless, late, swap;
DROP FUNCTION touch;
