-- Updates that change nothing of what is sent, left out with skip_unchanged.
SET client_min_messages = warning;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_unchanged', 'walferry');
\set changes ') WHERE message IN (''insert'', ''update'', ''delete'')'
\set peek 'SELECT message, relation, regexp_replace(detail, $r$''[^'']{100,}''|[0-9a-f]{100,}x?$r$, ''(long)'', ''g'') AS detail FROM walferry_slot_peek_changes(''regress_unchanged'', NULL, NULL'
\set skip 'SELECT message, relation, regexp_replace(detail, $r$''[^'']{100,}''|[0-9a-f]{100,}x?$r$, ''(long)'', ''g'') AS detail FROM walferry_slot_get_changes(''regress_unchanged'', NULL, NULL, ''skip_unchanged'', ''on'''

-- Without the whole row as identity nobody knows, and every update is sent.
CREATE TABLE u (id int PRIMARY KEY, t text, secret text, f float8, n numeric);
INSERT INTO u VALUES (1, 'a', 's', 0, 1.0);
UPDATE u SET t = 'a';
:peek:changes;
:skip:changes;

-- With it, equal ones are left out.
ALTER TABLE u REPLICA IDENTITY FULL;
UPDATE u SET t = 'a';
UPDATE u SET id = id, t = NULL;
UPDATE u SET t = NULL;
UPDATE u SET t = '';
UPDATE u SET secret = 'other';
UPDATE u SET f = '-0';
UPDATE u SET n = 1.00;
UPDATE u SET n = 1.00, f = '-0';
UPDATE u SET id = 2;
DELETE FROM u;
:peek:changes;
:skip:changes;

-- What is not sent does not count; what is there for the key does.
INSERT INTO u VALUES (1, 'a', 'one', 0, 0);
UPDATE u SET secret = 'two';
UPDATE u SET secret = 'three', t = 'b';
UPDATE u SET id = 2;
:peek, 'skip_unchanged', 'on', 'exclude_columns', 'public.u.(secret|id)':changes;
-- not even in the bytes
SELECT count(*) FILTER (WHERE position('two' IN data) > 0) AS two,
       count(*) FILTER (WHERE position('three' IN data) > 0) AS three
  FROM pg_logical_slot_peek_binary_changes('regress_unchanged', NULL, NULL, 'skip_unchanged', 'on', 'exclude_columns', 'public.u.t');
SELECT count(*) FILTER (WHERE position('two' IN data) > 0) AS two,
       count(*) FILTER (WHERE position('three' IN data) > 0) AS three
  FROM pg_logical_slot_peek_binary_changes('regress_unchanged', NULL, NULL, 'skip_unchanged', 'on', 'exclude_columns', 'public.u.secret');
-- of a transaction that does nothing else, nothing is
SELECT count(*) FROM walferry_slot_get_changes('regress_unchanged', NULL, NULL);
UPDATE u SET secret = 'four';
UPDATE u SET t = t;
SELECT count(*) AS frames
  FROM pg_logical_slot_peek_binary_changes('regress_unchanged', NULL, NULL, 'skip_unchanged', 'on', 'exclude_columns', 'public.u.secret');
SELECT message FROM walferry_slot_get_changes('regress_unchanged', NULL, NULL, 'skip_unchanged', 'on');

-- Values that are long: not touched, written again, and compressed.
CREATE TABLE long (id int PRIMARY KEY, note int, outside text, packed text);
ALTER TABLE long REPLICA IDENTITY FULL,
    ALTER outside SET STORAGE external, ALTER packed SET COMPRESSION pglz;
INSERT INTO long SELECT 1, 0, string_agg(md5(i::text), ''), repeat('pack ', 20000)
  FROM generate_series(1, 200) i;
UPDATE long SET note = 0;
UPDATE long SET outside = outside || '', packed = packed || '';
UPDATE long SET note = 1;
UPDATE long SET outside = outside || 'x';
UPDATE long SET packed = packed || 'x';
:skip:changes;

-- Types that are sent by their output function, columns that were added later
-- and that have no value.
CREATE TYPE regress_mood AS ENUM ('sad', 'happy');
CREATE TYPE regress_pair AS (a int, b text);
CREATE TABLE more (id int PRIMARY KEY, m regress_mood, p regress_pair, a regress_mood[], s int GENERATED ALWAYS AS (id * 2) STORED);
ALTER TABLE more REPLICA IDENTITY FULL;
INSERT INTO more VALUES (1, 'sad', (1, 'x'), '{sad,happy}');
ALTER TABLE more ADD later text DEFAULT 'later', DROP p;
UPDATE more SET m = 'sad';
UPDATE more SET later = 'later';
UPDATE more SET m = 'happy';
UPDATE more SET a = '{happy}';
UPDATE more SET later = NULL;
UPDATE more SET id = 1;
:skip:changes;

-- Where the bytes are the same nobody asks for the text, which this value does
-- not have.
CREATE TYPE regress_fragile;
CREATE FUNCTION regress_fragile_in(cstring) RETURNS regress_fragile LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION regress_fragile_out(regress_fragile) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'enum_out';
CREATE TYPE regress_fragile (INPUT = regress_fragile_in, OUTPUT = regress_fragile_out, LIKE = int4);
CREATE TABLE fragile (id int PRIMARY KEY, v regress_fragile, t text);
ALTER TABLE fragile REPLICA IDENTITY FULL;
INSERT INTO fragile VALUES (1, '1', 'a');
UPDATE fragile SET t = 'a';
UPDATE fragile SET v = '2';
UPDATE fragile SET t = 'b';
:skip:changes;

-- No column at all: an update changes none.
CREATE TABLE nothing (a int);
ALTER TABLE nothing REPLICA IDENTITY FULL;
INSERT INTO nothing VALUES (1);
UPDATE nothing SET a = 2;
:skip, 'exclude_columns', '.*':changes;

-- Rows of partitions, of which one has its columns in another order.
CREATE TABLE parts (id int, a text, b text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE part (b text, gone int, id int NOT NULL, a text);
ALTER TABLE part DROP gone, REPLICA IDENTITY FULL;
ALTER TABLE parts ATTACH PARTITION part FOR VALUES FROM (0) TO (10);
INSERT INTO parts VALUES (1, 'a', 'b');
UPDATE parts SET a = 'a';
UPDATE parts SET b = 'a';
UPDATE parts SET b = 'a', a = 'a';
:skip, 'partition_root', 'on':changes;

-- Nothing else is ever left out by it.
TRUNCATE u;
INSERT INTO u VALUES (1);
DELETE FROM u;
SELECT 'emit' FROM pg_logical_emit_message(true, 'prefix', 'content');
SELECT message FROM walferry_slot_get_changes('regress_unchanged', NULL, NULL, 'skip_unchanged', 'on') WHERE message NOT IN ('header', 'relation');

SELECT pg_drop_replication_slot('regress_unchanged');
DROP TABLE u, long, more, fragile, nothing, parts;
DROP TYPE regress_mood, regress_pair;
DROP TYPE regress_fragile CASCADE;
