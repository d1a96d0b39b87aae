-- Large transactions before they commit: streaming=true.
SET client_min_messages = warning;
SET logical_decoding_work_mem = '64kB';
SELECT 'init' FROM pg_create_logical_replication_slot('regress_stream', 'walferry');
CREATE TABLE s (id int PRIMARY KEY, v text);
CREATE TABLE quiet (id int PRIMARY KEY);

-- What the slot gives is kept in "got"; "open" is how many transactions or
-- blocks of one a message is in.
CREATE PROCEDURE get(VARIADIC options text[] DEFAULT '{streaming,true}') LANGUAGE plpgsql AS $$
BEGIN
    DROP TABLE IF EXISTS got;
    CREATE TEMP TABLE got AS
        SELECT r.*, row_number() OVER () AS n
          FROM walferry_slot_get_changes('regress_stream', NULL, NULL, VARIADIC options) r;
    ALTER TABLE got ADD open int, ADD id int;
    UPDATE got SET open = b.open, id = substring(detail FROM 'new\(id=(\d+)')::int FROM (
        SELECT n, sum(CASE WHEN message IN ('stream start', 'begin') THEN 1 WHEN message IN ('stream stop', 'commit') THEN -1 ELSE 0 END) OVER (ORDER BY n) AS open FROM got) b
     WHERE b.n = got.n;
END $$;
-- Blocks are as many as fill the memory, which is not the same everywhere.
\set summary 'SELECT message, relation, CASE WHEN message IN (''stream start'', ''stream stop'') AND count(*) > 1 THEN ''many'' ELSE count(*)::text END AS count, min(id) AS min_id, max(id) AS max_id, max(left(detail, 60)) FILTER (WHERE message IN (''commit'', ''stream commit'', ''stream start'', ''stream abort'')) AS detail FROM got WHERE message <> ''header'' GROUP BY 1, 2 ORDER BY min(n)'
-- Every change is in one, none is in another or left open.
\set blocks 'SELECT bool_and(open = 1) FILTER (WHERE xid IS NOT NULL AND message IN (''insert'', ''update'', ''delete'', ''truncate'', ''message'', ''stream start'', ''begin'')) AS in_one, bool_and(open = 0) FILTER (WHERE message IN (''stream stop'', ''stream commit'', ''stream abort'', ''commit'')) AS closed, count(*) FILTER (WHERE detail = ''first'') AS first, count(DISTINCT xid) FILTER (WHERE message LIKE ''stream s%'') AS streamed, count(*) FILTER (WHERE message = ''stream commit'') AS committed FROM got'

BEGIN;
INSERT INTO s SELECT i, 'value ' || i FROM generate_series(1, 3000) i;
UPDATE s SET v = 'updated' WHERE id <= 10;
DELETE FROM s WHERE id = 11;
COMMIT;

-- Without the option nothing is.
SELECT message, relation, count(*), max(detail) FILTER (WHERE message = 'commit') AS detail
  FROM walferry_slot_peek_changes('regress_stream', NULL, NULL)
 WHERE message <> 'header' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT message, relation, count(*)
  FROM walferry_slot_peek_changes('regress_stream', NULL, NULL, 'streaming', 'false')
 WHERE message <> 'header' GROUP BY 1, 2 ORDER BY 1, 2;
-- With it, but with room for all: neither.
SET logical_decoding_work_mem = '64MB';
SELECT message, relation, count(*)
  FROM walferry_slot_peek_changes('regress_stream', NULL, NULL, 'streaming', 'true')
 WHERE message <> 'header' GROUP BY 1, 2 ORDER BY 1, 2;
SET logical_decoding_work_mem = '64kB';
CALL get();
:summary;
:blocks;
SELECT array_agg(id ORDER BY n) = (SELECT array_agg(i) FROM generate_series(1, 3000) i) AS in_order FROM got WHERE message = 'insert';

-- A small one beside it is sent as ever.
INSERT INTO s VALUES (4001, 'small');
CALL get();
:summary;

-- Subtransactions: kept, undone before and after they were streamed.  Each row
-- says which it is of.
BEGIN;
INSERT INTO s SELECT i, 'top' FROM generate_series(10001, 11000) i;
SAVEPOINT a;
INSERT INTO s SELECT i, 'kept' FROM generate_series(11001, 12000) i;
RELEASE a;
SAVEPOINT b;
INSERT INTO s SELECT i, 'undone' FROM generate_series(12001, 14000) i;
ROLLBACK TO b;
SAVEPOINT c;
INSERT INTO s VALUES (14001, 'undone, small');
ROLLBACK TO c;
INSERT INTO s SELECT i, 'top again' FROM generate_series(15001, 16000) i;
COMMIT;
CALL get();
:blocks;
-- what a reader has after it took away the rows of what was undone
SELECT count(*), count(DISTINCT id), min(id), max(id), count(DISTINCT xid) AS xids
  FROM got g
 WHERE message = 'insert' AND NOT EXISTS (SELECT FROM got a WHERE a.message = 'stream abort' AND a.xid = g.xid);
SELECT count(*) = (SELECT substring(detail FROM 'changes=(\d+)')::int FROM got WHERE message = 'stream commit') AS all_are_counted FROM got WHERE message = 'insert';
SELECT DISTINCT detail FROM got WHERE message = 'stream abort';

-- All is undone: an abort, if any of it was sent.
INSERT INTO s VALUES (20000, 'committed');
BEGIN;
INSERT INTO s SELECT i, 'undone' FROM generate_series(20001, 23000) i;
ROLLBACK;
INSERT INTO s VALUES (24000, 'committed');
CALL get();
:blocks;
SELECT message, count(*) FROM got WHERE message IN ('begin', 'commit') GROUP BY 1 ORDER BY 1;
SELECT id, v FROM s JOIN got USING (id) WHERE message = 'insert' ORDER BY n;
SELECT count(*) FROM got g WHERE message = 'stream start' AND
 (SELECT count(*) FROM got a WHERE a.message = 'stream abort' AND a.detail = 'transaction' AND a.xid = g.xid) <> 1;

-- With it goes its DDL, whether all of the transaction is undone or a part: the
-- rows of others, and those that stay, have the columns that they were written
-- with.
INSERT INTO s VALUES (25000, 'committed');
BEGIN;
INSERT INTO s SELECT i, 'undone' FROM generate_series(25001, 26000) i;
ALTER TABLE s ADD undone int DEFAULT 1, ADD PRIMARY KEY (id, undone), DROP CONSTRAINT s_pkey;
INSERT INTO s SELECT i, 'undone' FROM generate_series(26001, 28000) i;
ROLLBACK;
INSERT INTO s VALUES (28001, 'committed');
CALL get();
:blocks;
SELECT message, relation, detail FROM got WHERE message IN ('relation', 'insert') AND open = 1 AND (id IS NULL OR id IN (25000, 28001)) ORDER BY n;
INSERT INTO s VALUES (28500, 'committed');
BEGIN;
INSERT INTO s SELECT i, 'kept' FROM generate_series(28501, 29000) i;
SAVEPOINT a;
INSERT INTO s SELECT i, 'undone' FROM generate_series(29001, 29200) i;
ALTER TABLE s ADD undone int DEFAULT 1;
INSERT INTO s SELECT i, 'undone' FROM generate_series(29201, 29400) i;
UPDATE s SET v = 'undone';
ROLLBACK TO a;
INSERT INTO s SELECT i, 'kept' FROM generate_series(29401, 29900) i;
COMMIT;
INSERT INTO s VALUES (29901, 'committed');
CALL get();
:blocks;
SELECT regexp_replace(detail, 'id=\d+', 'id=N') AS detail, count(*), min(id), max(id)
  FROM got g
 WHERE message IN ('insert', 'update') AND NOT EXISTS (SELECT FROM got a WHERE a.message = 'stream abort' AND a.xid = g.xid)
 GROUP BY 1 ORDER BY 3;
SELECT count(*) = (SELECT substring(detail FROM 'changes=(\d+)')::int FROM got WHERE message = 'stream commit') AS all_are_counted
  FROM got WHERE message IN ('insert', 'update') AND detail NOT LIKE '%committed%';

-- DDL in between: each row as of its change, and what others see is another
-- thing until the commit.
BEGIN;
INSERT INTO s SELECT i, 'two columns' FROM generate_series(30001, 31000) i;
ALTER TABLE s ADD w int DEFAULT 7;
INSERT INTO s SELECT i, 'three columns', i FROM generate_series(31001, 32000) i;
ALTER TABLE s DROP v;
INSERT INTO s SELECT i, i FROM generate_series(32001, 33000) i;
CREATE TABLE inside (id int PRIMARY KEY, t text);
INSERT INTO inside SELECT i, 'inside' FROM generate_series(33001, 34000) i;
DROP TABLE inside;
COMMIT;
INSERT INTO s VALUES (34001);
CALL get();
SELECT message, relation, detail FROM got WHERE message = 'relation' ORDER BY n;
SELECT relation, regexp_replace(detail, '=\d+', '=N', 'g') AS detail, min(id), max(id), count(*) FROM got WHERE message = 'insert' GROUP BY 1, 2 ORDER BY 3;
:blocks;

-- All else that may stand in a block: an old key, large values, unchanged ones,
-- truncate, messages, upserts.
ALTER TABLE s ADD v text;
ALTER TABLE s ALTER v SET STORAGE EXTERNAL;
BEGIN;
INSERT INTO s SELECT i, 0, repeat('v', 5000) FROM generate_series(40001, 40100) i;
UPDATE s SET w = 1 WHERE id > 40000;
UPDATE s SET id = id + 1000 WHERE id > 40090;
SELECT 'emit' FROM pg_logical_emit_message(true, 'in a block', 'content');
SELECT 'emit' FROM pg_logical_emit_message(false, 'not in the transaction', 'content');
INSERT INTO s SELECT i, 2 FROM generate_series(40051, 40150) i ON CONFLICT (id) DO UPDATE SET w = 3;
TRUNCATE s, quiet;
INSERT INTO s SELECT i, 2 FROM generate_series(42001, 43000) i ON CONFLICT DO NOTHING;
COMMIT;
INSERT INTO quiet VALUES (0);
CALL get();
SELECT message, relation, regexp_replace(regexp_replace(detail, 'id=\d+', 'id=N', 'g'), 'v{9}v+', '...') AS detail, count(*), min(id), max(id)
  FROM got WHERE message NOT IN ('header', 'stream start', 'stream stop') GROUP BY 1, 2, 3 ORDER BY min(n);
:blocks;
SELECT message, open, substring(detail FROM 'prefix=''.*?''') AS prefix, xid IS NOT NULL AS xid FROM got WHERE message = 'message' ORDER BY n;

-- Nothing of it is wanted: nothing is sent.
BEGIN;
INSERT INTO s SELECT i, 2 FROM generate_series(50001, 53000) i;
SAVEPOINT a;
INSERT INTO s SELECT i, 2 FROM generate_series(53001, 56000) i;
ROLLBACK TO a;
COMMIT;
SELECT count(*) FROM walferry_slot_peek_changes('regress_stream', NULL, NULL, 'streaming', 'true', 'exclude_tables', 'public.s');
-- Only the end of it is.
BEGIN;
INSERT INTO s SELECT i, 2 FROM generate_series(60001, 63000) i;
INSERT INTO quiet VALUES (1);
COMMIT;
CALL get('streaming', 'true', 'exclude_tables', 'public.s');
:summary;
:blocks;

SELECT pg_drop_replication_slot('regress_stream');
DROP TABLE s, quiet, got;
DROP PROCEDURE get;
