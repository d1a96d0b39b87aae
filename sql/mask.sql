-- Columns that are masked or truncated.
SET client_min_messages = warning;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_mask', 'walferry');
\set all ') WHERE message NOT IN (''header'', ''begin'', ''commit'')'
\set changes ') WHERE message IN (''insert'', ''update'', ''delete'')'
\set peek 'SELECT message, relation, detail FROM walferry_slot_peek_changes(''regress_mask'', NULL, NULL'
CREATE TYPE regress_mood AS ENUM ('sad', 'happy');
CREATE DOMAIN regress_word AS varchar(20);
CREATE TABLE m (id int PRIMARY KEY, t text, v varchar(8), c char(6), q "char", n name, e regress_mood, w regress_word, j json, i int, a text[]);
INSERT INTO m VALUES (1, 'secret', 'secret', 'secret', 'x', 'secret', 'sad', 'secret', '"open"', 2, '{open}');
INSERT INTO m VALUES (2);
UPDATE m SET t = 'secret, too' WHERE id = 1;
UPDATE m SET id = 3 WHERE id = 1;
DELETE FROM m;

-- Text of all kinds is masked, NULL or not; other types are not.
:peek, 'mask_columns', '5:public.m..*':all;
:peek, 'mask_columns', '3:public.m.t;0:public.m.[tv]':changes;
-- not even in the bytes
SELECT count(*) AS frames, count(*) FILTER (WHERE position('secret' IN data) > 0) AS with_it
  FROM pg_logical_slot_peek_binary_changes('regress_mask', NULL, NULL);
SELECT count(*) AS frames, count(*) FILTER (WHERE position('secret' IN data) > 0) AS with_it
  FROM pg_logical_slot_peek_binary_changes('regress_mask', NULL, NULL, 'mask_columns', '5:public.m..*');
SELECT count(*) > 0 AS read FROM walferry_slot_get_changes('regress_mask', NULL, NULL);

-- The whole row as identity: old rows are masked as well, and a change of what
-- is masked is none.
ALTER TABLE m REPLICA IDENTITY FULL;
INSERT INTO m (id, t) VALUES (1, 'secret');
UPDATE m SET t = 'secret, too';
UPDATE m SET t = NULL, v = 'v';
DELETE FROM m;
:peek, 'mask_columns', '5:public.m.t':changes;
:peek, 'mask_columns', '5:public.m.t', 'skip_unchanged', 'on':changes;
SELECT count(*) > 0 AS read FROM walferry_slot_get_changes('regress_mask', NULL, NULL);

-- A key is what it is, and comes beside its mask.
CREATE TABLE k (a text, b text NOT NULL, PRIMARY KEY (a));
INSERT INTO k VALUES ('key', 'secret');
UPDATE k SET a = 'other';
DELETE FROM k;
:peek, 'mask_columns', '1:public.k.*':all;
:peek, 'mask_columns', '1:public.k.*', 'key_columns', 'public.k:b,a':all;
:peek, 'mask_columns', '1:public.k.*', 'exclude_columns', 'public.k.a':all;
SELECT count(*) > 0 AS read FROM walferry_slot_get_changes('regress_mask', NULL, NULL);
CREATE UNIQUE INDEX k_b ON k (b);
ALTER TABLE k REPLICA IDENTITY USING INDEX k_b;
INSERT INTO k VALUES ('key', 'b');
DELETE FROM k;
:peek, 'mask_columns', '1:public.k.*':all;
SELECT count(*) > 0 AS read FROM walferry_slot_get_changes('regress_mask', NULL, NULL);

-- Out of line, compressed, added later, and in a partition.
CREATE TABLE long (id int PRIMARY KEY, note int, t text, p text);
ALTER TABLE long ALTER t SET STORAGE external, ALTER p SET COMPRESSION pglz;
INSERT INTO long SELECT 1, 0, string_agg(md5(i::text), ''), repeat('pack ', 20000)
  FROM generate_series(1, 200) i;
UPDATE long SET note = 1;
ALTER TABLE long ADD later text DEFAULT 'later';
UPDATE long SET note = 2;
:peek, 'mask_columns', '2:public.long..*':changes;
-- Truncated, they are as long as they are allowed to be; what is not here
-- cannot be.
:peek, 'truncate_columns', '7:public.long..*':all;
SELECT count(*) > 0 AS read FROM walferry_slot_get_changes('regress_mask', NULL, NULL);

-- Characters, of which those beyond U+FFFF are two; one is not divided.
INSERT INTO m (id, t, v, c, w, n, j) VALUES (1, 'äöüß', E'a\U0001F600b', 'äb', E'\u20ac', 'name', '[1,2]'), (2, '', NULL, '', 'ab', 'n', 'null');
:peek, 'truncate_columns', '2:public.m..*':changes;
:peek, 'truncate_columns', '3:public.m..*':changes;
:peek, 'truncate_columns', '0:public.m..*':changes;
:peek, 'truncate_columns', '6:public.m..*':all;
-- masked, it is not to be seen in part
:peek, 'truncate_columns', '2:public.m..*', 'mask_columns', '1:public.m.t':changes;
SELECT count(*) > 0 AS read FROM walferry_slot_get_changes('regress_mask', NULL, NULL);
UPDATE m SET t = 'äö, other' WHERE id = 1;
UPDATE m SET t = 'äx' WHERE id = 1;
:peek, 'truncate_columns', '2:public.m.t', 'skip_unchanged', 'on', 'include_columns', 'public.m.t':changes;
-- a key is whole
INSERT INTO k VALUES ('whole', 'whole');
:peek, 'truncate_columns', '2:public.k..*':all;

-- To be hashed they come as they are, with the number of the first rule that
-- names them; what is masked is not hashed, and what is hashed is not cut.
SELECT count(*) > 0 AS read FROM walferry_slot_get_changes('regress_mask', NULL, NULL);
INSERT INTO m (id, t) VALUES (7, 'text');
INSERT INTO k VALUES ('key', 'c');
:peek, 'hash_columns', '2:public.m.[tj];1:public.m.(t|i|v),public.k.*', 'mask_columns', '1:public.m.[ijv]', 'truncate_columns', '2:public.m.[tj]', 'include_columns', 'public.(m.[tijv]|k.*)':all;

-- What would be too large to be held is cut as well, and does not leave the
-- database; so are values that together are too large.
SELECT count(*) > 0 AS read FROM walferry_slot_get_changes('regress_mask', NULL, NULL);
CREATE TABLE huge (id int PRIMARY KEY, t text COMPRESSION pglz, note int);
INSERT INTO huge VALUES (1, repeat('pack ', 5000000));
:peek, 'truncate_columns', '7:public.huge.t':changes;
SELECT count(*) AS frames, sum(length(data)) < 1000 AS small
  FROM pg_logical_slot_peek_binary_changes('regress_mask', NULL, NULL, 'truncate_columns', '7:public.huge.t');
SELECT count(*) > 0 AS read FROM walferry_slot_get_changes('regress_mask', NULL, NULL);
CREATE TABLE many (id int PRIMARY KEY, a text COMPRESSION pglz, b text COMPRESSION pglz, c text COMPRESSION pglz, d text COMPRESSION pglz,
    e text COMPRESSION pglz, f text COMPRESSION pglz);
ALTER TABLE many REPLICA IDENTITY FULL;
INSERT INTO many SELECT 1, x, x, x, x, x, x FROM repeat('x', 3000010) x;
UPDATE many SET a = a || 'y', f = 'f' || f;
SELECT message, length(detail), replace(detail, repeat('x', 999999), '...') AS detail
  FROM walferry_slot_peek_changes('regress_mask', NULL, NULL, 'truncate_columns', '1000000:public.many..*') WHERE message IN ('insert', 'update');
SELECT count(*) > 0 AS read FROM walferry_slot_get_changes('regress_mask', NULL, NULL);

-- More columns than there is room for, as those of the key are there twice.
DO $$ BEGIN EXECUTE 'CREATE TABLE wide (' || (SELECT string_agg('c' || i || ' text', ', ') FROM generate_series(1, 1600) i) || ')'; END $$;
INSERT INTO wide (c1, c65) VALUES ('secret', 'other');
\set SHOW_CONTEXT never
:peek, 'mask_columns', '1:public.wide..*', 'key_columns', 'public.wide:c([1-9]|[1-5][0-9]|6[0-5])':changes;
SELECT message, length(detail), left(detail, 40) AS detail
  FROM walferry_slot_peek_changes('regress_mask', NULL, NULL, 'mask_columns', '1:public.wide..*', 'key_columns', 'public.wide:c([1-9]|[1-5][0-9]|6[0-4])') WHERE message = 'insert';
\set SHOW_CONTEXT errors
SELECT count(*) > 0 AS read FROM walferry_slot_get_changes('regress_mask', NULL, NULL);

-- What does not parse.
:peek, 'mask_columns', 'public.m.t':all;
:peek, 'mask_columns', '-1:public.m.t':all;
:peek, 'mask_columns', '1000001:public.m.t':all;
:peek, 'mask_columns', '5:':all;
:peek, 'mask_columns', '5:(':all;
:peek, 'truncate_columns', ';':all;
:peek, 'hash_columns', 'public.m.t':all;

SELECT pg_drop_replication_slot('regress_mask');
DROP TABLE m, k, long, huge, many, wide;
DROP DOMAIN regress_word;
DROP TYPE regress_mood;
