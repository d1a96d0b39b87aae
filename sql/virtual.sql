-- Virtual generated columns (PostgreSQL 18) are not in the WAL: the schema
-- marks them, and no value is made up.
SET client_min_messages = warning;
SELECT current_setting('server_version_num')::int < 180000 AS none \gset
\if :none
\quit
\endif
SELECT 'init' FROM pg_create_logical_replication_slot('regress_virtual', 'walferry');
\set changes 'SELECT message, relation, detail FROM walferry_slot_get_changes(''regress_virtual'', NULL, NULL) WHERE relation IS NOT NULL'
CREATE TABLE v (id int PRIMARY KEY, w int, area int GENERATED ALWAYS AS (w * 2) VIRTUAL, s int GENERATED ALWAYS AS (w * 3) STORED, t text GENERATED ALWAYS AS ('x' || w), last int);
INSERT INTO v VALUES (1, 2, DEFAULT, DEFAULT, DEFAULT, 3);
UPDATE v SET w = 4;
ALTER TABLE v REPLICA IDENTITY FULL;
UPDATE v SET w = 5;
DELETE FROM v;
:changes;
ALTER TABLE v ADD late int GENERATED ALWAYS AS (w + 1) VIRTUAL;
INSERT INTO v (id, w) VALUES (2, 2);
SELECT message, detail FROM walferry_slot_peek_changes('regress_virtual', NULL, NULL, 'exclude_columns', 'public.v.(area|t)') WHERE relation IS NOT NULL;
:changes;
-- a query gives none either, though it could
SELECT detail FROM walferry_render((SELECT ARRAY[walferry_relation('v'), walferry_encode(v)] FROM v)) WHERE message = 'insert';
SELECT pg_drop_replication_slot('regress_virtual');
DROP TABLE v;
