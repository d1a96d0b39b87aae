-- A compressed value that cannot be decompressed becomes a marker: bytes are
-- copied as they are from a damaged page into the WAL, and from there to us.
SET client_min_messages = error;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_damaged', 'walferry');
-- Long values are shown as (long).
\set shown 'regexp_replace(regexp_replace(detail, $r$''[^'']{250,}''$r$, ''(long)'', ''g''), ''[A-Za-z0-9]{250,}'', ''(long)'', ''g'') AS detail'
\set rows 'message IN (''insert'', ''update'', ''delete'')'

-- Where the server has lz4, it is what compresses here, beside pglz.
SELECT CASE WHEN 'lz4' = ANY (enumvals) THEN 'lz4' ELSE 'pglz' END AS best
  FROM pg_settings WHERE name = 'default_toast_compression' \gset

-- Text of 6400 characters that begins with 'mark' and compresses to half.
CREATE FUNCTION half(mark text) RETURNS text LANGUAGE sql AS $$
    SELECT $1 || string_agg(md5(i || $1) || md5(i || $1), '') FROM generate_series(1, 100) i $$;
CREATE TABLE whole (id int, note text, p text COMPRESSION pglz, l text)
    WITH (toast_tuple_target = 8160, autovacuum_enabled = off);
DO $$ BEGIN
    EXECUTE format('ALTER TABLE whole ALTER l SET COMPRESSION %I',
        (SELECT CASE WHEN 'lz4' = ANY (enumvals) THEN 'lz4' ELSE 'pglz' END
           FROM pg_settings WHERE name = 'default_toast_compression'));
END $$;
INSERT INTO whole VALUES
    (1, 'both whole', half('ROW1P---'), half('ROW1L---')),
    (2, 'pglz damaged', half('ROW2P---'), half('ROW2L---')),
    (3, 'lz4 damaged', half('ROW3P---'), half('ROW3L---')),
    (4, 'a size that cannot be', half('ROW4P---'), half('ROW4L---')),
    (5, 'a method that nobody has', half('ROW5P---'), half('ROW5L---')),
    (6, 'a size that is too small', half('ROW6P---'), half('ROW6L---'));
SELECT id, pg_column_compression(p) AS p, pg_column_compression(l) = :'best' AS l,
       pg_column_size(p) < 4000 AS small FROM whole ORDER BY id;
CHECKPOINT;

-- The file of that table, with some bytes changed, as another one's: nothing
-- of that one is in memory yet.  'at' counts from the eight bytes of the mark,
-- before which stand a byte of pglz and the size, whose highest byte also
-- says which method it was.
CREATE FUNCTION damage(file bytea, mark text, at int, bytes bytea) RETURNS bytea LANGUAGE sql AS $$
    SELECT overlay($1 PLACING $4 FROM position($2::bytea IN $1) + $3) $$;
CREATE TABLE broken (id int, note text, p text COMPRESSION pglz, l text)
    WITH (toast_tuple_target = 8160, autovacuum_enabled = off);
ALTER TABLE broken REPLICA IDENTITY FULL;
SELECT lo_from_bytea(0,
    damage(damage(damage(damage(damage(pg_read_binary_file(pg_relation_filepath('whole')),
        'ROW2P', 8, decode(repeat('ff', 300), 'hex')),
        'ROW3L', 8, decode(repeat('ff', 300), 'hex')),
        'ROW4P', -2, '\x3f'),
        'ROW5P', -2, '\xc0'),
        'ROW6P', -4, '\x01')) AS lo \gset
SELECT lo_export(:lo, pg_relation_filepath('broken')), lo_unlink(:lo);
-- for clusters with data checksums
SET ignore_checksum_failure = on;
SELECT id, note FROM broken ORDER BY id;
SELECT length(p) FROM broken WHERE id = 2;
SELECT 'skip' FROM pg_replication_slot_advance('regress_damaged', pg_current_wal_lsn());

-- In the new row, in line.
CREATE TABLE inline (id int PRIMARY KEY, note text, p text COMPRESSION pglz, l text)
    WITH (toast_tuple_target = 8160);
INSERT INTO inline SELECT * FROM broken ORDER BY id;
SELECT relation, :shown FROM walferry_slot_get_changes('regress_damaged', NULL, NULL) WHERE :rows;

-- Out of line, where the reorder buffer puts the chunks together (in memory of
-- the size that the value claims: a wrong one is not for us to survive).
CREATE TABLE outline (id int PRIMARY KEY, note text, p text COMPRESSION pglz, l text)
    WITH (toast_tuple_target = 128);
INSERT INTO outline SELECT * FROM broken WHERE id IN (1, 2, 3, 5) ORDER BY id;
SELECT pg_relation_size(reltoastrelid) > 0 AS out_of_line FROM pg_class WHERE oid = 'outline'::regclass;
SELECT relation, :shown FROM walferry_slot_get_changes('regress_damaged', NULL, NULL) WHERE :rows;

-- In the old row; what is the same in the new one is as lost.
UPDATE broken SET note = 'noted' WHERE id < 5;
UPDATE broken SET p = 'repaired', l = 'repaired';
DELETE FROM broken;
SELECT relation, :shown FROM walferry_slot_get_changes('regress_damaged', NULL, NULL) WHERE :rows;
-- The new row's copy is where it was, out of line: the old row's stands for it.
ALTER TABLE outline REPLICA IDENTITY FULL;
UPDATE outline SET note = 'noted' WHERE id IN (1, 2, 3);
DELETE FROM outline;
SELECT relation, :shown FROM walferry_slot_get_changes('regress_damaged', NULL, NULL) WHERE :rows;


-- The encoder of a query's rows does the same, and the query goes on.
SELECT :shown FROM walferry_render((SELECT array_agg(walferry_relation('inline')) || array_agg(walferry_encode(t) ORDER BY id) FROM inline t)) WHERE :rows;

SELECT pg_drop_replication_slot('regress_damaged');
DROP TABLE whole, broken, inline, outline;
DROP FUNCTION half, damage;
