-- Every built-in type at its extremes, and what is made of types.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET extra_float_digits = 1;
SET lc_monetary = 'C';
\pset format unaligned
SELECT 'init' FROM pg_create_logical_replication_slot('regress_types', 'walferry');
-- One line for each column.
\set changes 'SELECT regexp_split_to_table(detail, $r$ (?=[a-z0-9_]+=)$r$) AS value FROM walferry_slot_get_changes(''regress_types'', NULL, NULL) WHERE message IN (''insert'', ''update'', ''delete'')'

CREATE TABLE numbers (i2 int2, i4 int4, i8 int8, f4 float4, f8 float8,
    b bool, o oid, m money, n numeric, n1 numeric(10,2), x xid, x8 xid8, c cid, l pg_lsn);
INSERT INTO numbers VALUES
    (-32768, -2147483648, -9223372036854775808, '-Infinity', '-Infinity', false, 0,
     '-92233720368547758.08', 'NaN', -99999999.99, '0', '0', '0', '0/0'),
    (32767, 2147483647, 9223372036854775807, 'NaN', 'NaN', true, 4294967295,
     '92233720368547758.07', 'Infinity', 99999999.99, '4294967295', '18446744073709551615', '4294967295', 'FFFFFFFF/FFFFFFFF'),
    (0, 0, 0, '-0', '-0', NULL, 2147483648, 0, '-Infinity', 0, '3', '3', '3', '0/16AE7F8'),
    (1, 1, 1, 3.4028235e38, 1.7976931348623157e308, true, 1, 0.01, '-0.00000000000000000001', 1.5, '1', '1', '1', '0/1'),
    (1, 1, 1, 1.4e-45, 4.9e-324, true, 1, 0.01, 1e-30, 0.1, '1', '1', '1', '0/1'),
    (1, 1, 1, 0.1, 0.1, true, 1, 0.01, '10000.000', 0.1, '1', '1', '1', '0/1'),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
:changes;

-- numeric from one end to the other
CREATE TABLE numerics (n numeric);
INSERT INTO numerics VALUES (('1' || repeat('0', 131071))::numeric),
    (('0.' || repeat('0', 16382) || '1')::numeric), ((repeat('9', 131072) || '.' || repeat('9', 16383))::numeric);
SELECT length(detail), md5(detail) FROM walferry_slot_get_changes('regress_types', NULL, NULL) WHERE message = 'insert';

CREATE TABLE strings (t text, v varchar(5), c char(5), n name, q "char", b bytea,
    bits bit(5), vb varbit, u uuid, j json, jb jsonb, x xml, r refcursor);
INSERT INTO strings VALUES
    ('', '', '', '', '', '', '00000', '', '00000000-0000-0000-0000-000000000000', '{}', '{}', '', ''),
    (E'tab\t nl\n cr\r bs\b quote'' dq" bsl\\ \u20ac \U0001F600', 'äöüßé', 'äö', repeat('n', 63), 'x',
     '\x00ff007f80', '10101', '101010101', 'ffffffff-ffff-ffff-ffff-ffffffffffff',
     '{"a" :  [1, null, {"b":"\u00e4"}], "a":2}',
     '{"z": 1, "a": [1.50, null, true, "x\ny", {"n": -12345678901234567890.123}], "e": {}, "l": []}',
     '<a b="c">t&amp;</a>', 'cursor'),
    ('NULL', 'null', ' x  ', 'Name', ' ', '\x27', '11111', '1', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
     'null', 'null', '<!-- c -->', 'x y'),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '"s"', '"s"', NULL, NULL),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '-0', '-0', NULL, NULL);
:changes;

CREATE TABLE times (d date, t time, tz timetz, ts timestamp, tstz timestamptz, i interval,
    t3 time(3), ts0 timestamp(0), iy interval year);
INSERT INTO times VALUES
    ('4713-01-01 BC', '00:00:00', '00:00:00+15:59:59', '4713-01-01 00:00:00 BC', '4713-01-01 00:00:00+00 BC',
     '-178000000 years', '00:00', '2000-01-01', '1 year'),
    ('5874897-12-31', '24:00:00', '24:00:00-15:59:59', '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00',
     '178000000 years', '23:59:59.9995', '1999-12-31 23:59:59.5', '-1 year'),
    ('infinity', '23:59:59.999999', '12:34:56.789-03:30', 'infinity', 'infinity',
     '1 year -2 mons 3 days -04:05:06.789', NULL, NULL, NULL),
    ('-infinity', '00:00:00.000001', '00:00+00', '-infinity', '-infinity', '0', NULL, NULL, NULL),
    ('2000-01-01', '12:00', '12:00+05:45', '1999-12-31 23:59:59.999999', '2026-03-29 01:30:00 Europe/Zurich',
     '-2147483648 days', NULL, NULL, NULL),
    ('1999-12-31', NULL, NULL, '2000-01-01 00:00:00.000001', '2026-10-25 02:30:00+02', '2562047788:00:54.775807', NULL, NULL, NULL);
:changes;

CREATE TABLE network (i inet, c cidr, m macaddr, m8 macaddr8, t tid);
INSERT INTO network VALUES
    ('0.0.0.0/0', '0.0.0.0/0', '00:00:00:00:00:00', '00:00:00:00:00:00:00:00', '(0,0)'),
    ('255.255.255.255', '192.168.100.128/25', 'ff:ff:ff:ff:ff:ff', 'ff:ff:ff:ff:ff:ff:ff:ff', '(4294967295,65535)'),
    ('::', '::/0', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', '(1,2)'),
    ('fe80::1:2:3/64', '2001:4f8:3:ba::/64', NULL, NULL, NULL),
    ('::ffff:1.2.3.4/128', '::ffff:1.2.3.0/120', NULL, NULL, NULL);
:changes;

CREATE TABLE geometry (p point, l line, s lseg, b box, pa path, po polygon, c circle);
INSERT INTO geometry VALUES
    ('(0,0)', '{1,2,3}', '[(0,0),(1,1)]', '(1,1),(0,0)', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '<(0,0),5>'),
    ('(Infinity,-Infinity)', '{-1,0,1e300}', '[(1e-300,0),(1,NaN)]', '(1,1),(1,1)', '((0,0))', '((1.5,2.5))', '<(1,2),0>'),
    ('(NaN,1)', '{0,1,0}', '[(-0,0),(0.1,0.2)]', '(Infinity,1),(-Infinity,0)', '((1,1),(2,2))', '((0,0),(0,0))', '<(-1.5,1e10),1e-5>');
:changes;

CREATE TABLE texts (tv tsvector, tq tsquery, jp jsonpath, s pg_snapshot, ts txid_snapshot,
    iv int2vector, ov oidvector, ac aclitem, acs aclitem[], rc regclass, rt regtype, rp regproc, rpp regprocedure,
    ro regrole, rn regnamespace, rcfg regconfig, rd regdictionary, rop regoperator, roper regoper, rcol regcollation);
INSERT INTO texts VALUES
    ('''a b'':1A,2 c:3 ''d''''e''', 'fat & (rat | !cat:*AB) <2> x', '$.a[*] ? (@ > 1)', '10:20:10,14,15', '10:20:10,14',
     '1 2 3', '10 20', 'pg_monitor=arwdDxt/pg_monitor', '{pg_monitor=r/pg_monitor,=r/pg_monitor}', 'pg_class', 'int4[]', 'now', 'lower(text)',
     'pg_monitor', 'pg_catalog', 'english', 'simple', '+(int4,int4)', '||/', '"C"'),
    ('', '', '$', '1:1:', '1:1:', '', '', NULL, '{}', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0');
:changes;

CREATE TABLE arrays (i int[], t text[], b bool[], n numeric[], f float8[], by bytea[], u uuid[], j jsonb[],
    d date[], ts timestamptz[], v varchar(3)[], c char(3)[], iv interval[], inet inet[], bx box[], na name[], q "char"[], m money[]);
INSERT INTO arrays VALUES
    ('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'),
    ('{NULL,1,-2147483648}', '{NULL,"NULL","",a b,"q\"x","b\\s","{}",","}', '{t,f,NULL}', '{NaN,1.50,NULL,-1e100}',
     '{NaN,-0,Infinity,0.1}', ARRAY['\x00ff'::bytea, NULL, ''], '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,NULL}',
     ARRAY['{"a":1}'::jsonb, 'null', NULL], '{infinity,2000-01-01,NULL}', '{2000-01-01 00:00:00+00,NULL}', '{abc,NULL}', '{a,NULL}',
     '{1 day,NULL}', '{1.2.3.4,::1/64}', '{(1,1),(0,0);(2,2),(1,1)}', '{a,NULL}', '{a,NULL}', '{$1.00,NULL}'),
    ('[-2:0]={1,2,3}', '[0:1][5:6]={{a,b},{NULL,d}}', '{{{t}},{{f}}}', '[5:5]={1}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
     NULL, NULL, NULL, NULL, NULL, NULL);
:changes;

CREATE TABLE ranges (i int4range, l int8range, n numrange, d daterange, t tsrange, tz tstzrange,
    im int4multirange, nm nummultirange, dm datemultirange, tm tstzmultirange, ia int4range[], ma int4multirange[]);
INSERT INTO ranges VALUES
    ('empty', '(,)', '[NaN,NaN]', '[,2000-01-01)', '(2000-01-01,)', '[-infinity,infinity]', '{}', '{(,)}', '{}', '{}', '{}', '{}'),
    ('[1,5)', '[-9223372036854775808,9223372036854775807)', '(1.5,2.50]', '[2000-01-01,2000-01-01]',
     '[2000-01-01 00:00:00.000001,2000-01-02)', '[2000-01-01 00:00+01,)', '{[1,2),[5,)}', '{(,1),[2,3]}',
     '{[2000-01-01,infinity)}', '{[2000-01-01 00:00+00,2000-01-02 00:00+00]}', '{"[1,2)",NULL,empty}', '{"{[1,2)}",NULL,"{}"}'),
    ('(,5)', NULL, '(,)', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
:changes;

-- Types that users make.
CREATE DOMAIN posint AS int CHECK (VALUE > 0);
CREATE DOMAIN smallpos AS posint CHECK (VALUE < 100) DEFAULT 5;
CREATE DOMAIN words AS text[] CHECK (array_ndims(VALUE) = 1);
CREATE DOMAIN cents AS numeric(10,2);
CREATE DOMAIN short AS varchar(10) COLLATE "C";
CREATE TYPE mood AS ENUM ('sad', 'o k', 'it''s, "happy"', 'ü');
CREATE DOMAIN goodmood AS mood CHECK (VALUE <> 'sad');
CREATE TYPE inner_t AS (a int, m mood, t text);
CREATE TYPE outer_t AS (i inner_t, ia inner_t[], d smallpos, b bytea, f float8, ts timestamptz);
CREATE TYPE textrange AS RANGE (subtype = text, collation = "C");
CREATE TYPE moodrange AS RANGE (subtype = mood);
CREATE DOMAIN comp_d AS inner_t;
CREATE TABLE made (p posint, s smallpos, w words, c cents, sh short, m mood, g goodmood, ma mood[],
    i inner_t, o outer_t, oa outer_t[], tr textrange, mr moodrange, tm textmultirange, pa posint[], ca comp_d, cent cents[]);
INSERT INTO made VALUES (1, 99, '{a,NULL}', 1.005, 'kurz', 'o k', 'ü', '{sad,NULL,"it''s, \"happy\""}',
    ROW(1, 'sad', 'x "y", (z)'), ROW(ROW(NULL, 'ü', ''), ARRAY[ROW(2, NULL, 'q')::inner_t, NULL], 7, '\xdeadbeef', 0.1, '2000-01-01 12:00+00'),
    ARRAY[ROW(NULL, '{}', NULL, NULL, NULL, NULL)::outer_t, NULL], '[a,"b c")', '[sad,"o k"]', '{[a,b),[x,)}', '{1,NULL}', ROW(3, NULL, NULL), '{1.50,NULL}');
INSERT INTO made DEFAULT VALUES;
SELECT detail FROM walferry_slot_peek_changes('regress_types', NULL, NULL) WHERE message = 'relation';
:changes;

-- A new label: in another transaction, first, between, last; the schema says so.
\set schema 'SELECT message, substring(detail from ''labels [^)]*'') AS labels, CASE WHEN message <> ''relation'' THEN detail END AS detail FROM walferry_slot_get_changes(''regress_types'', NULL, NULL) WHERE message IN (''relation'', ''insert'')'
CREATE TABLE moods (m mood, ma mood[]);
INSERT INTO moods VALUES ('sad');
ALTER TYPE mood ADD VALUE 'new' BEFORE 'o k';
INSERT INTO moods VALUES ('new', '{new}');
ALTER TYPE mood RENAME VALUE 'new' TO 'newer';
INSERT INTO moods VALUES ('newer');
-- Decoded with the label's name as of its change.
:schema;
-- The type and its labels in the row's own transaction.
BEGIN;
CREATE TYPE fresh AS ENUM ('a');
CREATE TABLE freshs (f fresh, fs fresh[]);
INSERT INTO freshs VALUES ('a', '{a}');
ALTER TYPE fresh ADD VALUE 'b' BEFORE 'a';
INSERT INTO freshs VALUES ('a');
ALTER TYPE fresh RENAME VALUE 'a' TO 'c';
INSERT INTO freshs VALUES ('c', '{c}');
COMMIT;
BEGIN;
ALTER TYPE fresh ADD VALUE 'late';
INSERT INTO freshs VALUES ('b');
COMMIT;
INSERT INTO freshs VALUES ('late');
:schema;

-- A type that is renamed, moved and altered.
CREATE SCHEMA regress_types;
INSERT INTO made (i) VALUES (ROW(1, NULL, 't'));
ALTER TYPE inner_t RENAME TO renamed_t;
INSERT INTO made (i) VALUES (ROW(2, NULL, 't'));
ALTER TYPE mood SET SCHEMA regress_types;
ALTER DOMAIN goodmood RENAME TO bettermood;
INSERT INTO made (m, g) VALUES ('sad', 'ü');
DROP TABLE made;
ALTER TYPE renamed_t ADD ATTRIBUTE late int;
CREATE TABLE made2 (i renamed_t);
INSERT INTO made2 VALUES (ROW(3, NULL, 't', 4));
SELECT message, relation, substring(detail from '(?:\mi|\mm) [a-z_]+\.[a-z_]+') AS type, substring(detail from '\mg [^,]*') AS domain,
       CASE WHEN message = 'insert' THEN substring(detail from '\mi=[^ ]*') END AS value
  FROM walferry_slot_get_changes('regress_types', NULL, NULL) WHERE message IN ('relation', 'insert');

-- Two types of one name.
CREATE TYPE regress_types.twin AS ENUM ('there');
CREATE TYPE twin AS ENUM ('here');
CREATE TABLE twins (a twin, b regress_types.twin);
INSERT INTO twins VALUES ('here', 'there');
SELECT message, detail FROM walferry_slot_get_changes('regress_types', NULL, NULL) WHERE message IN ('relation', 'insert');

-- Nothing is lost of what was said of a column.
CREATE TABLE said (
    a int NOT NULL DEFAULT 1 + 1, b varchar(7) DEFAULT 'it''s', c numeric(12,3)[] NOT NULL, d timestamp(3) with time zone DEFAULT now(),
    e text DEFAULT NULL, f char, g bit(3) DEFAULT B'101', h interval day to second(2), i text COLLATE "C" DEFAULT lower('ABC'),
    k jsonb DEFAULT '{"a": 1}', PRIMARY KEY (c, a));
INSERT INTO said (c) VALUES ('{1.5}');
SELECT regexp_split_to_table(detail, ', (?=[a-z] )') AS col
  FROM walferry_slot_get_changes('regress_types', NULL, NULL) WHERE message = 'relation';

-- Extensions' types go as text.
SELECT count(*) = 2 AS have_contrib FROM pg_available_extensions WHERE name IN ('hstore', 'citext') \gset
\if :have_contrib
CREATE EXTENSION hstore;
CREATE EXTENSION citext;
CREATE TABLE contrib (id int PRIMARY KEY, h hstore, c citext, ha hstore[], ca citext[]);
INSERT INTO contrib VALUES (1, 'a=>1, "b c"=>NULL', 'MiXed', ARRAY['x=>y'::hstore], '{A,b}');
INSERT INTO contrib VALUES (2, (SELECT hstore(array_agg('key' || i), array_agg(md5(i::text))) FROM generate_series(1, 200) i), repeat('Long', 1000));
UPDATE contrib SET id = 3 WHERE id = 2;
-- decoded when the types are gone
DROP EXTENSION hstore CASCADE;
DROP EXTENSION citext CASCADE;
SELECT message, CASE WHEN length(detail) > 300 THEN left(detail, 40) || ' ... ' || (length(detail) > 5000) ELSE detail END AS detail
  FROM walferry_slot_get_changes('regress_types', NULL, NULL) WHERE message IN ('relation', 'insert', 'update');
DROP TABLE contrib;
\endif

SELECT pg_drop_replication_slot('regress_types');
DROP TABLE numbers, numerics, strings, times, network, geometry, texts, arrays, ranges, moods, freshs, made2, twins, said;
DROP TYPE outer_t, textrange, moodrange, renamed_t, fresh, twin CASCADE;
DROP DOMAIN smallpos, posint, words, cents, short CASCADE;
DROP SCHEMA regress_types CASCADE;
