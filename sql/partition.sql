-- Rows of partitions, as their own or as their topmost table's.
SET client_min_messages = warning;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_partition', 'walferry');
\set leaf 'SELECT message, relation, detail FROM walferry_slot_peek_changes(''regress_partition'', NULL, NULL) WHERE message NOT IN (''header'', ''begin'', ''commit'')'
\set root 'SELECT message, relation, detail FROM walferry_slot_get_changes(''regress_partition'', NULL, NULL, ''partition_root'', ''true'') WHERE message NOT IN (''header'', ''begin'', ''commit'')'

-- Partitions with their columns in another order, and columns that were dropped.
CREATE SCHEMA regress_parts;
CREATE TABLE m (gone int, id int, region text, v numeric DEFAULT 1.5, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
ALTER TABLE m DROP gone;
CREATE TABLE regress_parts.m_eu PARTITION OF m FOR VALUES IN ('eu');
CREATE TABLE m_us (v numeric, x text, region text NOT NULL, id int NOT NULL);
ALTER TABLE m_us DROP x;
ALTER TABLE m ATTACH PARTITION m_us FOR VALUES IN ('us');
CREATE TABLE m_as (region text NOT NULL, junk int, id int NOT NULL, v numeric) PARTITION BY RANGE (id);
ALTER TABLE m_as DROP junk;
CREATE TABLE m_as_low PARTITION OF m_as FOR VALUES FROM (0) TO (100);
CREATE TABLE m_as_high (id int NOT NULL, v numeric, region text NOT NULL);
ALTER TABLE m_as ATTACH PARTITION m_as_high FOR VALUES FROM (100) TO (200);
ALTER TABLE m ATTACH PARTITION m_as FOR VALUES IN ('as');
INSERT INTO m (id, region) VALUES (1, 'eu'), (2, 'us'), (3, 'as'), (103, 'as');
UPDATE m SET v = id;
-- from one partition to another: a delete and an insert
UPDATE m SET region = 'us' WHERE id = 1;
UPDATE m SET id = 104 WHERE id = 3;
DELETE FROM m WHERE id > 100;
:leaf;
:root;

-- The whole old row through the map.
ALTER TABLE m_us REPLICA IDENTITY FULL;
UPDATE m SET v = 0 WHERE id = 2;
DELETE FROM m WHERE id = 2;
:leaf;
:root;

-- The root is renamed or moved: what its partitions' rows are called follows.
INSERT INTO m VALUES (10, 'eu', 1);
ALTER TABLE m RENAME TO measures;
INSERT INTO measures VALUES (11, 'eu', 1);
ALTER TABLE measures SET SCHEMA regress_parts;
INSERT INTO regress_parts.measures VALUES (12, 'eu', 1), (12, 'as', 2);
ALTER TABLE regress_parts.measures RENAME COLUMN v TO value;
INSERT INTO regress_parts.measures VALUES (13, 'eu', 1);
ALTER TABLE regress_parts.measures ADD note text DEFAULT 'n';
INSERT INTO regress_parts.measures VALUES (14, 'as', 1);
-- not the leaf's own rename
ALTER TABLE regress_parts.m_eu RENAME TO m_europe;
INSERT INTO regress_parts.measures VALUES (15, 'eu', 1);
:leaf;
:root;
ALTER TABLE regress_parts.measures SET SCHEMA public;
ALTER TABLE measures RENAME TO m;

-- Leaving and joining, also by a table that has partitions itself.
ALTER TABLE m DETACH PARTITION m_us;
INSERT INTO m_us VALUES (1, 'us', 20);
ALTER TABLE m DETACH PARTITION m_as;
INSERT INTO m_as VALUES ('as', 21, 1);
INSERT INTO m_as VALUES ('as', 121, 1);
ALTER TABLE m ATTACH PARTITION m_us FOR VALUES IN ('us');
ALTER TABLE m ATTACH PARTITION m_as FOR VALUES IN ('as');
INSERT INTO m (id, region) VALUES (22, 'us'), (23, 'as'), (123, 'as');
ALTER TABLE m DETACH PARTITION m_us CONCURRENTLY;
INSERT INTO m_us VALUES (1, 'us', 24);
ALTER TABLE m ATTACH PARTITION m_us FOR VALUES IN ('us');
BEGIN;
INSERT INTO m (id, region) VALUES (25, 'us');
ALTER TABLE m DETACH PARTITION m_us;
INSERT INTO m_us VALUES (1, 'us', 26);
ALTER TABLE m ATTACH PARTITION m_us FOR VALUES IN ('us');
INSERT INTO m (id, region) VALUES (27, 'us');
COMMIT;
:leaf;
:root;

-- Filters see the name under which the row is sent.
INSERT INTO m (id, region) VALUES (30, 'us'), (31, 'as');
SELECT relation, detail FROM walferry_slot_peek_changes('regress_partition', NULL, NULL, 'include_tables', 'public.m') WHERE message = 'insert';
SELECT relation, detail FROM walferry_slot_peek_changes('regress_partition', NULL, NULL, 'include_tables', 'public.m_us') WHERE message = 'insert';
SELECT relation, detail FROM walferry_slot_peek_changes('regress_partition', NULL, NULL, 'include_tables', 'public.m', 'partition_root', 'on') WHERE message = 'insert';
SELECT relation, detail FROM walferry_slot_peek_changes('regress_partition', NULL, NULL, 'include_tables', 'public.m_us', 'partition_root', 'on') WHERE message = 'insert';
SELECT relation, detail FROM walferry_slot_get_changes('regress_partition', NULL, NULL, 'exclude_columns', 'public.m.(v|note)', 'partition_root', 'on') WHERE message = 'insert';
-- Nothing but the keys: of the root, or of the leaves and their identities.
CREATE TABLE k (id int, v text, t text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE k1 (t text, v text NOT NULL UNIQUE, id int NOT NULL);
ALTER TABLE k1 REPLICA IDENTITY USING INDEX k1_v_key;
ALTER TABLE k ATTACH PARTITION k1 FOR VALUES FROM (0) TO (10);
INSERT INTO k VALUES (1, 'v', 't');
UPDATE k SET v = 'w';
SELECT message, relation, detail FROM walferry_slot_peek_changes('regress_partition', NULL, NULL, 'exclude_columns', '.*') WHERE relation IS NOT NULL;
SELECT message, relation, detail FROM walferry_slot_get_changes('regress_partition', NULL, NULL, 'exclude_columns', '.*', 'partition_root', 'on') WHERE relation IS NOT NULL;

-- A key of the root alone, of the leaf alone.
CREATE TABLE r (id int, k int NOT NULL) PARTITION BY RANGE (id);
CREATE TABLE r1 PARTITION OF r FOR VALUES FROM (0) TO (10);
ALTER TABLE r1 ADD PRIMARY KEY (k);
INSERT INTO r VALUES (1, 1);
UPDATE r SET k = 2;
DELETE FROM r;
:leaf;
:root;

-- Inheritance is no partitioning.
CREATE TABLE parent (a int);
CREATE TABLE child (b int) INHERITS (parent);
INSERT INTO child VALUES (1, 2);
:root;

-- Everything goes, and the slot goes on.
BEGIN;
INSERT INTO m (id, region) VALUES (40, 'us');
DROP TABLE m;
COMMIT;
:root;

SELECT pg_drop_replication_slot('regress_partition');
DROP TABLE r, k, parent CASCADE;
DROP SCHEMA regress_parts CASCADE;
