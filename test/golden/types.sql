-- Every raw type at its limits, and types that go as text.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a integer, b text);
CREATE TYPE floatrange AS RANGE (subtype = float8);
CREATE DOMAIN email AS text NOT NULL DEFAULT 'nobody' CHECK (value <> '');
CREATE DOMAIN moods AS mood[];
CREATE TABLE numbers (
    id integer PRIMARY KEY, b boolean, c "char", i2 int2, i4 int4, i8 int8,
    f4 float4, f8 float8, n numeric, n2 numeric(10,2), m money, o oid, x xid,
    c8 xid8, l pg_lsn, t tid);
INSERT INTO numbers VALUES
    (1, true, 'a', -32768, -2147483648, -9223372036854775808, '-Infinity',
     'NaN', 'NaN', -99999999.99, '-92233720368547758.08', 4294967295, '3',
     '18446744073709551615', 'FFFFFFFF/FFFFFFFF', '(4294967295,65535)'),
    (2, false, '', 32767, 2147483647, 9223372036854775807, 1e-45,
     1.7976931348623157e308, 1e100, 0, '0.01', 0, '0', '0', '0/0', '(0,0)'),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '-Infinity', NULL, NULL,
     NULL, NULL, NULL, NULL, NULL),
    (4, NULL, NULL, 0, 0, 0, 0.1, 0.1, -0.000000000000000012340, 1.5, '1',
     16384, '4', '5', '16/B374D848', '(7,8)');
CREATE TABLE times (
    id integer PRIMARY KEY, d date, t time, t3 time(3), tz timetz,
    ts timestamp, ts0 timestamp(0), tstz timestamptz, i interval);
INSERT INTO times VALUES
    (1, 'infinity', '24:00', '12:34:56.789', '00:00:00+15:59', 'infinity',
     '2026-01-02 03:04:05', 'infinity', '178000000 years'),
    (2, '-infinity', '00:00', '00:00', '23:59:59.999999-15:59', '-infinity',
     '0001-01-01', '-infinity', '-1 year 2 days -03:04:05.000006'),
    (3, '4713-01-01 BC', '12:34:56.789012', NULL, '12:00+02',
     '294276-12-31 23:59:59.999999', NULL, '2026-10-25 02:30:00+02',
     '1 mon 1 day 00:00:01');
CREATE TABLE strings (
    id integer PRIMARY KEY, t text, v varchar(10), b char(6), n name,
    y bytea, j json, jb jsonb, x xml, u uuid, bits bit(5), vb varbit,
    ts tsvector, tq tsquery);
INSERT INTO strings VALUES
    (1, 'naïve ☃ "quoted" \ ' || chr(1), 'v', 'padded', 'name', '\x00ff',
     '{"a": [1, 2.50, "x"]}', '{"a": [1, 2.50, "x"], "b": {"c": null}}',
     '<a b="c"/>', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', B'10101', B'1',
     'a:1A fat:2 cat', 'fat & (rat | !cat:AB)'),
    (2, '', '', '', '', '', '[]', '"scalar"', '', NULL, NULL, '', '', '');
CREATE TABLE nets (
    id integer PRIMARY KEY, i inet, c cidr, m macaddr, m8 macaddr8,
    p point, l line, s lseg, b box, pa path, po polygon, ci circle);
INSERT INTO nets VALUES
    (1, '192.168.1.5/24', '10.0.0.0/8', '08:00:2b:01:02:03',
     '08:00:2b:01:02:03:04:05', '(1.5,-2)', '{1,2,3}', '[(1,2),(3,4)]',
     '(3,4),(1,2)', '[(0,0),(1,1)]', '((0,0),(1,0),(1,1))', '<(1,2),3>'),
    (2, '::1', 'fe80::/10', NULL, NULL, '(Infinity,NaN)', NULL, NULL, NULL,
     '((0,0),(1,1))', NULL, NULL);
CREATE TABLE many (
    id integer PRIMARY KEY, i integer[], t text[], n numeric[], d date[],
    nm name[], j jsonb[], iv int2vector, ov oidvector, ir int4range,
    nr numrange, tr tstzrange, mr int4multirange, rr int8range[]);
INSERT INTO many VALUES
    (1, '{1,NULL,3}', '{a,"b c",NULL,""}', '{1.5,NaN}', '{2026-01-01,infinity}',
     '{x}', ARRAY['{"a":1}'::jsonb], '1 2 3', '4 5', '[1,5)', '(1.5,]',
     '["2026-01-01 00:00+00","2026-01-02 00:00+00")', '{[1,3),[7,9)}',
     ARRAY['[1,2)'::int8range, 'empty']),
    (2, '{{1,2},{3,4}}', '[0:1]={a,b}', '{}', NULL, '{}', '{}', '', '',
     'empty', '(,)', NULL, '{}', NULL);
CREATE TABLE texts (
    id integer PRIMARY KEY, m mood, ms moods, p pair, e email, fr floatrange,
    rc regclass, rt regtype[], jp jsonpath, a aclitem);
INSERT INTO texts VALUES
    (1, 'happy', '{sad,happy}', '(1,"x y")', 'a@b', '[1.5,2.5)', 'pg_class',
     '{integer,text}', '$.a[*] ? (@ > 1)', 'postgres=r/postgres'),
    (2, NULL, NULL, NULL, 'c', NULL, NULL, NULL, NULL, NULL);
CREATE TABLE nothing ();
INSERT INTO nothing DEFAULT VALUES;
