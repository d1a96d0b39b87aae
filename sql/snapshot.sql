-- A row that is read from its table is the same bytes as one from the WAL.
SET client_min_messages = warning;
SELECT 'init' FROM pg_create_logical_replication_slot('regress_snapshot', 'walferry');
CREATE TYPE snap_enum AS ENUM ('x', 'y z');
CREATE TYPE snap_comp AS (a int, b text, c timestamptz);
CREATE DOMAIN snap_dom AS numeric(10,2);
CREATE TABLE snap (
    id int PRIMARY KEY, gone text, i2 int2, i8 int8, f4 float4, f8 float8, b bool, n numeric, t text, v varchar(10),
    c char(5), by bytea, na name, ch "char", d date, ti time, tz timetz, ts timestamp, tstz timestamptz, iv interval,
    u uuid, j json, jb jsonb, x xml, ine inet, m macaddr, bi bit(3), vb varbit, p point, po polygon, ci circle,
    mo money, ia int[], ta text[], r int4range, mr int4multirange, tr tstzrange, tv tsvector, l pg_lsn, xi xid8,
    e snap_enum, co snap_comp, coa snap_comp[], dm snap_dom, rc regclass, jp jsonpath, g int GENERATED ALWAYS AS (id * 2) STORED);
ALTER TABLE snap DROP gone, ALTER t SET STORAGE external, ALTER by SET STORAGE external;
INSERT INTO snap VALUES
    (1, 1, 2, 0.1, 1e-300, true, 1.50, 'text', 'varchar', 'c', '\x00ff', 'name', 'c', '2026-01-02', '01:02:03.000004', '01:02:03+04:30',
     '2026-01-02 03:04:05.000006', '2026-01-02 03:04:05.000006+01', '1 mon 2 days 03:04:05', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
     '{"a": 1}', '{"b": [1.0, null]}', '<a/>', '10.0.0.1/8', '08:00:2b:01:02:03', '101', '1011', '(1,2)', '((0,0),(1,1))', '<(0,0),1>',
     12.34, '{1,NULL,3}', '[0:1]={a,"b c"}', '[1,5)', '{[1,2),[5,7)}', '[2026-01-01,)', '''a'':1 ''b''', '0/10', '12',
     'y z', ROW(1, 'b', '2026-01-01 00:00+00'), ARRAY[ROW(2, 'x "y"', NULL)::snap_comp], 1.5, 'pg_class', '$.a');
INSERT INTO snap (id) VALUES (2);
INSERT INTO snap (id, t, by, jb, ta, n) VALUES (3, repeat('long', 5000), decode(repeat('00ff', 5000), 'hex'),
    (SELECT jsonb_agg(i) FROM generate_series(1, 5000) i), (SELECT array_agg(md5(i::text)) FROM generate_series(1, 1000) i), repeat('9', 5000)::numeric);
CREATE TEMP TABLE streamed AS SELECT message, relation, detail FROM walferry_slot_get_changes('regress_snapshot', NULL, NULL) WHERE relation IS NOT NULL;
CREATE TEMP TABLE queried AS SELECT message, relation, detail
  FROM walferry_render((SELECT array_agg(walferry_relation('snap')) || array_agg(walferry_encode(s) ORDER BY id) FROM snap s));
SELECT count(*) FROM streamed;
SELECT count(DISTINCT detail) FROM queried;
(TABLE streamed EXCEPT TABLE queried) UNION ALL (TABLE queried EXCEPT TABLE streamed);

-- and the bytes themselves, but for the position of the change
SELECT get_byte(walferry_encode(s), 0) AS frame, get_byte(walferry_encode(s), 1) AS insert, get_byte(walferry_encode(s), 3) AS schema_id FROM snap s WHERE id = 2;
UPDATE snap SET id = id + 10, t = t || '', by = by || '';
SELECT id, position(substring(walferry_encode(s) from 6) in
    (SELECT string_agg(data, '') FROM pg_logical_slot_peek_binary_changes('regress_snapshot', NULL, NULL))) > 0 AS there FROM snap s WHERE id = 12;

-- Rows of every source of rows of that table.
SELECT count(DISTINCT walferry_encode(s)) FROM (SELECT * FROM snap UNION ALL SELECT * FROM snap) q, snap s WHERE s.id = q.id;
SELECT count(walferry_encode(s)) FROM snap s JOIN snap o USING (id) WHERE s.b IS NULL;
BEGIN;
DECLARE c CURSOR FOR SELECT length(walferry_encode(s)) > 0 AS ok FROM snap s ORDER BY id;
FETCH 2 FROM c;
CLOSE c;
COMMIT;
-- while the table changes between rows' queries
CREATE TABLE fast (id int PRIMARY KEY);
INSERT INTO fast VALUES (1), (2);
ALTER TABLE fast ADD d text DEFAULT 'later', ADD n int;
SELECT detail FROM walferry_render((SELECT array_agg(walferry_relation('fast')) || array_agg(walferry_encode(f) ORDER BY id) FROM fast f)) WHERE message = 'insert';
PREPARE encode AS SELECT (walferry_render(ARRAY[walferry_relation('fast'), walferry_encode(f)])).detail FROM fast f WHERE id = 1;
EXECUTE encode;
ALTER TABLE fast DROP d;
EXECUTE encode;
ALTER TABLE fast RENAME n TO "N";
EXECUTE encode;
-- a partition
CREATE TABLE part (a int, b text) PARTITION BY RANGE (a);
CREATE TABLE part1 (b text, a int);
ALTER TABLE part ATTACH PARTITION part1 FOR VALUES FROM (0) TO (10);
INSERT INTO part VALUES (1, 'b');
SELECT relation, detail FROM walferry_render((SELECT ARRAY[walferry_relation('part1'), walferry_encode(p)] FROM part1 p));

-- What is no row of a table that is replicated.
SELECT walferry_encode(ROW(1, 2));
SELECT walferry_encode(NULL::snap) IS NULL AS isnull;
SELECT walferry_encode(p) FROM part p;
CREATE VIEW v AS SELECT * FROM fast;
SELECT walferry_encode(v) FROM v;
CREATE TEMP TABLE tmp AS SELECT 1 AS a;
SELECT walferry_encode(t) FROM tmp t;
SELECT walferry_encode(c) FROM pg_class c LIMIT 1;
SELECT walferry_relation('v');
SELECT walferry_relation('pg_class');
SELECT walferry_relation(0);
-- PostgreSQL's own words for these, which change
\set VERBOSITY sqlstate
SELECT walferry_relation('fast_pkey');
SELECT walferry_encode(ROW(1, 'a', NULL)::snap_comp);
\set VERBOSITY default
SELECT walferry_relation(NULL) IS NULL AS isnull;

SELECT pg_drop_replication_slot('regress_snapshot');
DROP VIEW v;
DROP TABLE snap, fast, part, tmp;
DROP TYPE snap_comp, snap_enum;
DROP DOMAIN snap_dom;
