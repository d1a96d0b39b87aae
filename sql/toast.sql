-- Values that are stored out of line, or compressed, or both.
SET client_min_messages = warning;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_toast', 'walferry');
-- Long values are shown as (long).
\set changes 'SELECT message, relation, regexp_replace(regexp_replace(detail, $r$''[^'']{250,}''$r$, ''(long)'', ''g''), ''[A-Za-z0-9]{250,}'', ''(long)'', ''g'') AS detail FROM walferry_slot_get_changes(''regress_toast'', NULL, NULL) WHERE message IN (''insert'', ''update'', ''delete'')'

-- long and hard to compress
CREATE FUNCTION noise(bytes int, seed int) RETURNS text LANGUAGE sql IMMUTABLE
AS $$ SELECT left(string_agg(md5(i::text || '.' || $2::text), ''), $1)
        FROM generate_series(1, $1 / 32 + 1) i $$;

-- Where the server has lz4, it is what compresses here, beside pglz.
SELECT 'lz4' = ANY (enumvals) AS have_lz4
  FROM pg_settings WHERE name = 'default_toast_compression' \gset
\if :have_lz4
SET default_toast_compression = lz4;
\endif

-- Every storage: what arrives is what was written.
CREATE TABLE storage (id int PRIMARY KEY, note int,
    plain text, external text, extended text, main text, packed text);
ALTER TABLE storage
    ALTER plain SET STORAGE plain, ALTER external SET STORAGE external,
    ALTER extended SET STORAGE extended, ALTER main SET STORAGE main,
    ALTER packed SET STORAGE extended, ALTER packed SET COMPRESSION pglz;
INSERT INTO storage SELECT 1, 0, noise(400, 1), noise(5000, 2),
    noise(5000, 3), repeat('main ', 2000), repeat('pack ', 20000);
:changes;

-- the same again by digests, so that no byte escapes
INSERT INTO storage SELECT 2, 0, noise(400, 1), noise(5000, 2),
    noise(5000, 3), repeat('main ', 2000), repeat('pack ', 20000);
SELECT s.id, v.name, v.value = m.value AS same
  FROM storage s,
       (SELECT detail FROM walferry_slot_get_changes('regress_toast', NULL, NULL)
         WHERE message = 'insert') c,
       LATERAL (VALUES ('plain', plain), ('external', external),
                ('extended', extended), ('main', main),
                ('packed', packed)) v (name, value)
  CROSS JOIN LATERAL (SELECT trim('''' from (regexp_match(c.detail,
       v.name || $$=('[^']*'|[^' )]*)$$))[1]) AS value) m
 WHERE s.id = 2 ORDER BY v.name;

-- Unchanged, and that is not NULL; whatever is still inline is sent.
UPDATE storage SET note = 1 WHERE id = 1;
UPDATE storage SET external = NULL WHERE id = 1;
UPDATE storage SET extended = 'short now', external = noise(5000, 4) WHERE id = 1;
UPDATE storage SET packed = NULL, main = NULL WHERE id = 1;
-- the same content written again is a new value
UPDATE storage SET external = external || '' WHERE id = 1;
DELETE FROM storage WHERE id = 1;
:changes;

-- FULL: the old row holds it all, and what equals it is not sent twice.
ALTER TABLE storage REPLICA IDENTITY FULL;
UPDATE storage SET note = 5 WHERE id = 2;
UPDATE storage SET external = 'short', note = NULL WHERE id = 2;
UPDATE storage SET external = noise(5000, 2), plain = NULL WHERE id = 2;
DELETE FROM storage WHERE id = 2;
:changes;

-- NOTHING
ALTER TABLE storage REPLICA IDENTITY NOTHING;
INSERT INTO storage SELECT 3, 0, NULL, noise(5000, 2);
UPDATE storage SET note = 1 WHERE id = 3;
DELETE FROM storage WHERE id = 3;
:changes;

-- A key that is itself out of line comes with the old row, always.
CREATE TABLE longkey (k text PRIMARY KEY, note int, other text);
ALTER TABLE longkey ALTER k SET STORAGE external, ALTER other SET STORAGE external;
INSERT INTO longkey VALUES (noise(2500, 1), 0, noise(5000, 2));
UPDATE longkey SET note = 1;
UPDATE longkey SET k = noise(2500, 7);
UPDATE longkey SET other = 'x', k = 'short';
DELETE FROM longkey;
:changes;

-- An index as identity that does not hold the long column, and one that does.
CREATE TABLE byindex (id int NOT NULL, t text NOT NULL, u text, n int);
ALTER TABLE byindex ALTER t SET STORAGE external, ALTER u SET STORAGE external;
CREATE UNIQUE INDEX byindex_id ON byindex (id);
CREATE UNIQUE INDEX byindex_t ON byindex (t);
ALTER TABLE byindex REPLICA IDENTITY USING INDEX byindex_id;
INSERT INTO byindex VALUES (1, noise(2500, 1), noise(5000, 2), 0);
UPDATE byindex SET n = 1;
UPDATE byindex SET id = 2;
ALTER TABLE byindex REPLICA IDENTITY USING INDEX byindex_t;
UPDATE byindex SET n = 2;
UPDATE byindex SET t = noise(2500, 3);
DELETE FROM byindex;
:changes;

-- Every kind of type that can be long.
CREATE DOMAIN long_domain AS text;
CREATE TYPE long_composite AS (a int, b text);
CREATE TABLE kinds (id int PRIMARY KEY, n int, b bytea, v varchar, c char(9000),
    num numeric, j json, jb jsonb, arr text[], ints int[], nums numeric[],
    bits varbit, dom long_domain, comp long_composite, comps long_composite[],
    poly polygon, ts tsvector, r numrange, mr int4multirange, x int2vector);
DO $$ DECLARE c name; BEGIN
    FOR c IN SELECT attname FROM pg_attribute WHERE attrelid = 'kinds'::regclass
        AND attnum > 0 AND attlen = -1 AND attstorage <> 'p' AND attname <> 'num' AND attname <> 'r'
    LOOP EXECUTE format('ALTER TABLE kinds ALTER %I SET STORAGE external', c); END LOOP;
END $$;
INSERT INTO kinds SELECT 1, 0, decode(noise(6000, 1), 'hex'), noise(4000, 2),
    noise(4000, 3), (repeat('9876543210', 1200) || '.' || repeat('123', 1000))::numeric,
    to_json(noise(4000, 4)), to_jsonb(noise(4000, 5)),
    ARRAY[noise(4000, 6), NULL], array(SELECT generate_series(1, 2000)),
    array(SELECT (i / 7.0) FROM generate_series(1, 500) i),
    repeat('1011', 8000)::varbit, noise(4000, 7), ROW(1, noise(4000, 8))::long_composite,
    ARRAY[ROW(2, noise(4000, 9)), NULL]::long_composite[],
    (SELECT ('(' || string_agg(format('(%s,%s)', i, -i), ',') || ')')::polygon
       FROM generate_series(1, 300) i),
    (SELECT array_to_tsvector(array_agg('lexeme' || i)) FROM generate_series(1, 500) i),
    numrange(repeat('1', 6000)::numeric, repeat('2', 6000)::numeric),
    (SELECT range_agg(int4range(i * 3, i * 3 + 1)) FROM generate_series(1, 500) i),
    '1 2 3';
UPDATE kinds SET n = 1;
SELECT message, length(detail) > 50000 AS long,
       array(SELECT m[1] FROM regexp_matches(detail, ' (\w+)=<unchanged>', 'g') m) AS unchanged
  FROM walferry_slot_get_changes('regress_toast', NULL, NULL)
 WHERE message IN ('insert', 'update');

-- The stream's bytes are those that the row's encoder makes.
TRUNCATE kinds;
SELECT count(*) FROM walferry_slot_get_changes('regress_toast', NULL, NULL) WHERE message = 'truncate';
INSERT INTO kinds SELECT 2, 0, decode(noise(6000, 1), 'hex'), noise(4000, 2),
    noise(4000, 3), (repeat('9876543210', 1200) || '.' || repeat('123', 1000))::numeric,
    to_json(noise(4000, 4)), to_jsonb(noise(4000, 5)), ARRAY[noise(4000, 6), NULL];
SELECT (SELECT detail FROM walferry_slot_get_changes('regress_toast', NULL, NULL)
         WHERE message = 'insert') =
       (SELECT detail FROM walferry_render((SELECT ARRAY[walferry_relation('kinds'),
               walferry_encode(kinds)] FROM kinds)) WHERE message = 'insert') AS same;

SELECT pg_drop_replication_slot('regress_toast');
DROP TABLE storage, longkey, byindex, kinds;
DROP TYPE long_composite;
DROP DOMAIN long_domain;
DROP FUNCTION noise;
