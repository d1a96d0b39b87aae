-- The key that key_columns chooses in place of the primary key.
SET client_min_messages = warning;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_key', 'walferry');
\set all ') WHERE message NOT IN (''header'', ''begin'', ''commit'')'
\set relations ') WHERE message = ''relation'''
\set peek 'SELECT message, relation, detail FROM walferry_slot_peek_changes(''regress_key'', NULL, NULL, ''key_columns'''
CREATE TABLE k (id int PRIMARY KEY, b text, "C" int, d text);
CREATE TABLE keyless (a int, b int);
INSERT INTO k VALUES (1, 'b', 2, 'd');
UPDATE k SET id = 2;
DELETE FROM k;
INSERT INTO keyless VALUES (1, 2);

-- In the order that is asked for, and of one expression in that of the table.
:peek, 'public.k:d,b;public.keyless:b':all;
:peek, 'public.k:d,.*':relations;
:peek, 'public.k:b,b,id':relations;
:peek, ' PUBLIC.K:c ; .*\.keyless:[ab]; ':relations;
:peek, '(public|other).k[el]*(ess)?:b':relations;
-- of none, the primary key stays
:peek, 'public.k:x':relations;
:peek, 'k:b':relations;

-- What is not asked for is there for the key, and nothing else is.
:peek, 'public.k:d,b', 'include_columns', 'public.k.(b|C)':all;
:peek, 'public.k:d', 'exclude_columns', '.*':all;
SELECT count(*) > 0 AS read FROM walferry_slot_get_changes('regress_key', NULL, NULL);

-- Identities: the old row is what PostgreSQL logs.
ALTER TABLE k REPLICA IDENTITY FULL;
INSERT INTO k VALUES (1, 'b', 2, 'd');
UPDATE k SET b = 'bb';
DELETE FROM k;
:peek, 'public.k:b', 'exclude_columns', 'public.k.(b|d)':all;
SELECT count(*) > 0 AS read FROM walferry_slot_get_changes('regress_key', NULL, NULL);

-- A dropped column is no key; of a partition, it is the root's.
ALTER TABLE k DROP b;
CREATE TABLE parts (id int, a text, b text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE part (b text, gone int, id int NOT NULL, a text);
ALTER TABLE part DROP gone;
ALTER TABLE parts ATTACH PARTITION part FOR VALUES FROM (0) TO (10);
INSERT INTO k VALUES (1, 2, 'd');
INSERT INTO parts VALUES (1, 'a', 'b');
:peek, 'public.k:b|.*pg.dropped.*,C;public.parts:b,a':all;
:peek, 'public.k:b|.*pg.dropped.*,C;public.parts:b,a', 'partition_root', 'on':all;
SELECT count(*) > 0 AS read FROM walferry_slot_get_changes('regress_key', NULL, NULL);

-- What does not parse.
INSERT INTO k VALUES (2);
:peek, 'public.k':all;
:peek, 'public.k:':all;
:peek, ':b':all;
:peek, 'public.k:b:c':all;
:peek, ' ; ':all;
:peek, 'public.k:(':all;

SELECT pg_drop_replication_slot('regress_key');
DROP TABLE k, keyless, parts;
