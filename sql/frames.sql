-- Frames: how many messages of the server's protocol a transaction becomes.
SET client_min_messages = warning;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_frames', 'walferry');
\set frames 'pg_logical_slot_peek_binary_changes(''regress_frames'', NULL, NULL'
CREATE TABLE t (id int PRIMARY KEY, v text, b bytea);

-- A small transaction is one frame, whatever is in it.
INSERT INTO t VALUES (1, 'one');
INSERT INTO t SELECT i FROM generate_series(2, 11) i;
BEGIN;
UPDATE t SET v = 'two' WHERE id = 2;
DELETE FROM t WHERE id = 3;
SAVEPOINT s;
TRUNCATE t;
SELECT 'emit' FROM pg_logical_emit_message(true, 'prefix', 'content');
COMMIT;
SELECT 'emit' FROM pg_logical_emit_message(false, 'prefix', 'content');
INSERT INTO t VALUES (1);
SELECT count(*) AS frames, count(DISTINCT xid::text) AS transactions, bool_and(length(data) < 1000) AS small
  FROM :frames);
-- the first has the header in front, and it alone
SELECT get_byte(data, 0) AS kind, substr(data, 2, 1) AS first_tag, count(*) FROM :frames) GROUP BY 1, 2 ORDER BY 1, 2;

-- Once what has gathered is as large as frame_bytes it goes.
SELECT count(*) AS frames FROM :frames, 'frame_bytes', '1');
SELECT count(*) FILTER (WHERE message IN ('insert', 'update', 'delete', 'truncate', 'message', 'commit')) AS messages
  FROM walferry_slot_get_changes('regress_frames', NULL, NULL, 'frame_bytes', '1');

-- What gives nothing, does not even begin.
SELECT 'xid' FROM txid_current();
BEGIN; INSERT INTO t VALUES (2); ROLLBACK;
BEGIN; SAVEPOINT s; INSERT INTO t VALUES (2); ROLLBACK TO s; COMMIT;
CREATE TABLE u (id int);
CREATE UNLOGGED TABLE unlogged (id int);
INSERT INTO unlogged VALUES (1);
ANALYZE t;
UPDATE t SET v = 'none' WHERE id = -1;
SELECT id FROM t FOR UPDATE;
SELECT count(*) FROM :frames);
INSERT INTO u VALUES (1);
SELECT count(*) FROM :frames, 'exclude_tables', 'public.u');
SELECT count(*) FROM :frames, 'operations', 'update');
SELECT count(*) FROM :frames);

-- Rows of COPY that were written at one position.
COPY t FROM stdin;
10	a	\N
11	b	\N
12	c	\N
13	d	\N
\.
SELECT count(*) AS rows, count(DISTINCT lsn) AS positions, string_agg(substring(detail FROM 'id=(\d+)'), ',') AS ids
  FROM walferry_slot_get_changes('regress_frames', NULL, NULL) WHERE message = 'insert' AND relation = 'public.t';

-- In a large transaction all frames but the last have the size that is asked
-- for, and less than a row more.
INSERT INTO t SELECT i, 'row ' || i FROM generate_series(10001, 20000) i;
CREATE FUNCTION sizes(frame_bytes text) RETURNS TABLE (kind int, enough bool, not_more bool, few bool) LANGUAGE sql AS $$
    WITH f AS (
        SELECT length(data) AS n, get_byte(data, 0) AS kind, row_number() OVER () AS nr, count(*) OVER () AS frames
          FROM pg_logical_slot_peek_binary_changes('regress_frames', NULL, NULL, 'frame_bytes', frame_bytes))
    SELECT kind, bool_and(n >= frame_bytes::int) FILTER (WHERE nr < frames),
           bool_and(n < frame_bytes::int + 100),
           count(*) <= sum(n) / frame_bytes::int + 1
      FROM f GROUP BY kind;
$$;
SELECT * FROM sizes('32768');
SELECT * FROM sizes('1024');
SELECT * FROM sizes('100000');
SELECT count(*) AS frames FROM :frames, 'frame_bytes', '983040');
-- which is 32768, unless asked for
SELECT count(*) > 1 AS many, min(length(data)) FILTER (WHERE nr < frames) BETWEEN 32768 AND 32868 AS size
  FROM (SELECT data, row_number() OVER () AS nr, count(*) OVER () AS frames FROM :frames)) f;

-- Frames are no part of the meaning.
CREATE TEMP TABLE small AS SELECT row_number() OVER () AS n, r.* FROM walferry_slot_peek_changes('regress_frames', NULL, NULL, 'frame_bytes', '1') r WHERE message <> 'header';
CREATE TEMP TABLE large AS SELECT row_number() OVER () AS n, r.* FROM walferry_slot_get_changes('regress_frames', NULL, NULL, 'frame_bytes', '983040') r WHERE message <> 'header';
SELECT count(*) FROM large;
SELECT count(*) FROM (TABLE small EXCEPT ALL TABLE large) d;
DROP TABLE small, large;

-- No frame is larger than 983040 bytes; a row that fits into one is not cut,
-- one that is a byte longer is.
ALTER TABLE t ALTER b SET STORAGE EXTERNAL;
CREATE TABLE edge (id int PRIMARY KEY, b bytea);
ALTER TABLE edge ALTER b SET STORAGE EXTERNAL;
INSERT INTO edge SELECT i, decode(repeat('ab', 982990 + i), 'hex') FROM generate_series(1, 50) i;
SELECT max(length(data)) AS largest, sum(length(data)) > 50 * 983000 AS all_there,
       count(*) FILTER (WHERE get_byte(data, 0) = 87) > 0 AS whole, count(*) FILTER (WHERE get_byte(data, 0) <> 87) > 0 AS cut
  FROM :frames);
SELECT count(*), min(length(detail)), max(length(detail)), bool_and(detail = format('new(id=%s b=%L)', id, b)) AS right
  FROM walferry_slot_get_changes('regress_frames', NULL, NULL)
  JOIN edge ON id = substring(left(detail, 20) FROM 'id=(\d+)')::int
 WHERE message = 'insert';

-- Pieces are as large as they may be, and between them nothing else goes.
BEGIN;
INSERT INTO t VALUES (-1, 'before');
INSERT INTO t VALUES (-2, repeat('x', 2500000), decode(repeat('00', 100000), 'hex'));
INSERT INTO t VALUES (-3, 'after');
UPDATE t SET v = repeat('y', 983040) WHERE id = -3;
COMMIT;
SELECT get_byte(data, 0) AS kind, length(data) = 983040 AS full, count(*) FROM :frames) GROUP BY 1, 2 ORDER BY 1, 2;
SELECT message, regexp_replace(regexp_replace(detail, '[xy]{9}[xy]+', '...'), '0{9}0+', '000') AS detail, length(detail)
  FROM walferry_slot_get_changes('regress_frames', NULL, NULL) WHERE message NOT IN ('header', 'relation');

SELECT pg_drop_replication_slot('regress_frames');
DROP TABLE t, u, unlogged, edge;
DROP FUNCTION sizes;
