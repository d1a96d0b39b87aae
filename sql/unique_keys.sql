-- With unique_keys a table without primary key has that of a unique index: by
-- which the table is clustered, or else the first by name, without expressions.
SET client_min_messages = warning;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_unique_keys', 'walferry');
\set with 'SELECT relation, detail FROM walferry_slot_peek_changes(''regress_unique_keys'', NULL, NULL, ''unique_keys'', ''true'') WHERE message = ''relation'''
\set without 'SELECT relation, detail FROM walferry_slot_get_changes(''regress_unique_keys'', NULL, NULL) WHERE message = ''relation'''

CREATE TABLE keyed (a int PRIMARY KEY, b int UNIQUE);
CREATE TABLE none (a int, b int);
CREATE INDEX none_a ON none (a);
CREATE TABLE several (a int, b int, c text);
CREATE UNIQUE INDEX several_z ON several (c);
CREATE UNIQUE INDEX several_a ON several (b, a);
CREATE UNIQUE INDEX several_0 ON several (a, lower(c));
CREATE TABLE clustered (LIKE several);
CREATE UNIQUE INDEX clustered_a ON clustered (a);
CREATE UNIQUE INDEX clustered_z ON clustered (b);
ALTER TABLE clustered CLUSTER ON clustered_z;
CREATE TABLE partial (a int, b int);
CREATE UNIQUE INDEX partial_a ON partial (a) INCLUDE (b) WHERE b > 0;
-- The identity is another index.
CREATE TABLE by_index (a int UNIQUE, b int NOT NULL);
CREATE UNIQUE INDEX z_by_index ON by_index (b);
ALTER TABLE by_index REPLICA IDENTITY USING INDEX z_by_index;
CREATE TABLE root (a int, b int) PARTITION BY LIST (a);
CREATE UNIQUE INDEX ON root (a, b);
CREATE TABLE leaf PARTITION OF root FOR VALUES IN (1);

INSERT INTO keyed VALUES (1, 1);
INSERT INTO none VALUES (1, 1);
INSERT INTO several VALUES (1, 1, 'c');
INSERT INTO clustered VALUES (1, 1, 'c');
INSERT INTO partial VALUES (1, 1);
INSERT INTO by_index VALUES (1, 1);
INSERT INTO root VALUES (1, 1);
:with;
SELECT relation, detail FROM walferry_slot_peek_changes('regress_unique_keys', NULL, NULL, 'unique_keys', 'true', 'partition_root', 'true') WHERE message = 'relation' AND relation ~ 'root';
:without;

-- One that comes, and one that goes.
CREATE UNIQUE INDEX none_unique ON none (b);
INSERT INTO none VALUES (2, 2);
DROP INDEX none_unique;
INSERT INTO none VALUES (3, 3);
-- What was not asked for is in the key alone.
SELECT relation, detail FROM walferry_slot_peek_changes('regress_unique_keys', NULL, NULL, 'unique_keys', 'true', 'exclude_columns', 'public.none.b') WHERE message = 'relation';
:with;
:without;

-- What an index alone is told of changes the choice, at once.
CREATE TABLE renamed (a int, b int);
CREATE UNIQUE INDEX renamed_a ON renamed (a);
CREATE UNIQUE INDEX renamed_b ON renamed (b);
INSERT INTO renamed VALUES (1, 1);
ALTER INDEX renamed_a RENAME TO renamed_z;
INSERT INTO renamed VALUES (2, 2);
ALTER TABLE renamed CLUSTER ON renamed_z;
INSERT INTO renamed VALUES (3, 3);
ALTER TABLE renamed SET WITHOUT CLUSTER;
INSERT INTO renamed VALUES (4, 4);
CREATE UNIQUE INDEX root_b ON root (b, a);
INSERT INTO root VALUES (1, 2);
ALTER INDEX root_b RENAME TO a_root;
INSERT INTO root VALUES (1, 3);
:with;
SELECT relation, detail FROM walferry_slot_peek_changes('regress_unique_keys', NULL, NULL, 'unique_keys', 'true', 'partition_root', 'true') WHERE message = 'relation' AND relation ~ 'root';
:without;

-- As with Debezium, one that is not valid counts as well.
CREATE TABLE invalid (a int);
INSERT INTO invalid VALUES (1), (1);
CREATE UNIQUE INDEX CONCURRENTLY invalid_a ON invalid (a);
INSERT INTO invalid VALUES (1);
DROP INDEX invalid_a;
INSERT INTO invalid VALUES (1);
:with;
:without;

DROP TABLE keyed, none, several, clustered, partial, by_index, root, renamed,
	invalid;
SELECT pg_drop_replication_slot('regress_unique_keys');
