-- Values, rows and schemas larger than a frame.
SET client_min_messages = warning;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_big_rows', 'walferry');
-- What the frames look like, and what is in them.
\set frames 'SELECT count(*) > 1 AS many, max(length(data)) <= 983040 AS fit FROM pg_logical_slot_peek_binary_changes(''regress_big_rows'', NULL, NULL'
\set digests 'SELECT message, relation, length(detail), md5(detail) FROM walferry_slot_get_changes(''regress_big_rows'', NULL, NULL) WHERE relation IS NOT NULL AND message <> ''relation'''
CREATE TABLE big (id int PRIMARY KEY, a text, b bytea, c jsonb);
ALTER TABLE big ALTER a SET STORAGE external;

INSERT INTO big VALUES (0, 'small');
INSERT INTO big SELECT 1, string_agg(md5(i::text), '') FROM generate_series(1, 100000) i;
INSERT INTO big SELECT 2, repeat('a', 5000000), decode(repeat('00ff', 2000000), 'hex'),
    (SELECT jsonb_agg(i) FROM generate_series(1, 100000) i);
INSERT INTO big VALUES (3, 'small again');
:frames);
CREATE TABLE expect AS SELECT md5(format('new(id=%s a=%s b=%s c=%s)', id, coalesce(a, '<null>'), coalesce('E''\' || b::text || '''', '<null>'), coalesce(quote_literal(c), '<null>'))) FROM big WHERE id IN (1, 2) ORDER BY id;
:digests;
TABLE expect;

-- exactly around what a frame holds
CREATE TABLE edge (t text);
ALTER TABLE edge ALTER t SET STORAGE external;
INSERT INTO edge SELECT repeat('x', 982990 + i) FROM generate_series(0, 60) i;
SELECT count(*), min(length(detail)), max(length(detail)) FROM walferry_slot_peek_changes('regress_big_rows', NULL, NULL) WHERE message = 'insert';
:frames);
SELECT DISTINCT chr(get_byte(data, 0)) AS kind FROM pg_logical_slot_get_binary_changes('regress_big_rows', NULL, NULL) ORDER BY 1;
DROP TABLE edge;

-- the old row too
ALTER TABLE big REPLICA IDENTITY FULL;
UPDATE big SET id = 10 WHERE id = 2;
UPDATE big SET a = a || 'x' WHERE id = 10;
DELETE FROM big WHERE id > 0;
:frames);
SELECT message, length(detail), md5(detail), array_length(string_to_array(detail, '<same>'), 1) - 1 AS same FROM walferry_slot_get_changes('regress_big_rows', NULL, NULL) WHERE message IN ('update', 'delete');

-- max_row_bytes: what is long becomes a marker, what is short stays
INSERT INTO big SELECT 4, repeat('a', 8192), decode(repeat('00', 8193), 'hex'), NULL;
INSERT INTO big SELECT 5, repeat('a', 20000), 'short', '{"a": 1}';
UPDATE big SET id = 6 WHERE id = 5;
UPDATE big SET a = repeat('b', 30000) WHERE id = 6;
DELETE FROM big WHERE id = 6;
SELECT message, regexp_replace(detail, '(aaaaa)a+', '\1...', 'g') AS detail FROM walferry_slot_peek_changes('regress_big_rows', NULL, NULL, 'max_row_bytes', '16000') WHERE message IN ('insert', 'update', 'delete');
SELECT message, length(detail) FROM walferry_slot_get_changes('regress_big_rows', NULL, NULL, 'max_row_bytes', '100000') WHERE message IN ('insert', 'update', 'delete');

-- as many columns as a table can have
DO $$ BEGIN
    EXECUTE (SELECT 'CREATE TABLE wide (' || string_agg(format('"column number %s with a name that is rather long" int', i), ', ') || ')' FROM generate_series(1, 1600) i);
    EXECUTE (SELECT 'INSERT INTO wide SELECT ' || string_agg(CASE WHEN i % 3 = 0 THEN 'NULL' ELSE i::text END, ', ') FROM generate_series(1, 1600) i);
    EXECUTE (SELECT 'INSERT INTO wide VALUES (NULL)');
    ALTER TABLE wide REPLICA IDENTITY FULL;
    DELETE FROM wide;
END $$;
SELECT message, length(detail), md5(detail) FROM walferry_slot_get_changes('regress_big_rows', NULL, NULL) WHERE message IN ('relation', 'insert', 'delete');
DROP TABLE wide;
-- with a schema that no frame holds
CREATE TYPE manylabels AS ENUM ();
DO $$ BEGIN
    FOR i IN 1 .. 400 LOOP
        EXECUTE format('ALTER TYPE manylabels ADD VALUE %L', 'label ' || i || repeat('x', 50));
    END LOOP;
    EXECUTE (SELECT 'CREATE TABLE wide (' || string_agg(format('c%s manylabels', i), ', ') || ')' FROM generate_series(1, 100) i);
END $$;
INSERT INTO wide (c1, c100) SELECT ('label 1' || repeat('x', 50))::manylabels, ('label 400' || repeat('x', 50))::manylabels;
:frames);
SELECT message, length(detail), left(md5(detail), 8) AS md5 FROM walferry_slot_get_changes('regress_big_rows', NULL, NULL) WHERE message IN ('relation', 'insert', 'delete');

-- many large columns in a row that no memory should hold at once
CREATE TABLE several (id int PRIMARY KEY, a text, b text, c text, d text, e text);
INSERT INTO several SELECT 1, r, r, r, r, r FROM (SELECT repeat('0123456789', 1000000) AS r) x;
:frames);
:digests;

SELECT pg_drop_replication_slot('regress_big_rows');
DROP TABLE big, expect, wide, several;
DROP TYPE manylabels;
