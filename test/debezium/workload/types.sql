-- Every built-in type at its extremes, and some of extensions and users: a
-- table for each, with a column that may be null, one that may not and arrays.
-- What stops Debezium altogether is not here: domains over enums, refcursor,
-- timetz with seconds in its offset, numeric with 100,000 digits; and in columns
-- that are NOT NULL, what it cannot convert: numeric NaN and infinity, int2vector,
-- oidvector; timestamps, where nanoseconds are asked for: neither one that they
-- cannot tell, nor the one that a deleted row does not have.
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE SCHEMA types;
CREATE TYPE types.mood AS ENUM ('sad', 'o k', 'it''s, "happy"', 'ü');
CREATE TYPE types.pair AS (a int, t text, m types.mood);
CREATE DOMAIN types.posint AS int CHECK (VALUE > 0);
CREATE DOMAIN types.small AS types.posint CHECK (VALUE < 100);
CREATE DOMAIN types.cents AS numeric(10,2);
CREATE DOMAIN types.short AS varchar(10);
CREATE DOMAIN types.words AS text[];
CREATE DOMAIN types.day AS date;
CREATE DOMAIN types.clock AS time(3);
CREATE DOMAIN types.clock_of_clock AS types.clock;
CREATE DOMAIN types.moment AS timestamp;
CREATE DOMAIN types.moment_3 AS timestamp(3);
CREATE DOMAIN types.moment_of_moment AS types.moment_3;
CREATE DOMAIN types.zoned AS timestamptz(3);
CREATE DOMAIN types.moments AS timestamp(3)[];
CREATE TYPE types.textrange AS RANGE (subtype = text, collation = "C");

-- Not logged, so nobody sees it.
CREATE UNLOGGED TABLE types.literals (nr serial, tab text, type text, literals text[]);

CREATE FUNCTION types.make(tab text, type text, VARIADIC literals text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE types.%I (id int PRIMARY KEY, v %s, d %s NOT NULL, a %s[])', tab, type, type, type);
    INSERT INTO types.literals (tab, type, literals) VALUES (tab, type, literals);
END $$;

-- No column that may not be null.
CREATE FUNCTION types.make_optional(tab text, type text, VARIADIC literals text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM types.make(tab, type, VARIADIC literals);
    EXECUTE format('ALTER TABLE types.%I ALTER d DROP NOT NULL', tab);
END $$;

-- All literals, NULL, an array of all, one with NULLs, empty ones; a change,
-- and an end.
CREATE PROCEDURE types.fill() LANGUAGE plpgsql AS $$
DECLARE
    r record;
    n int;
BEGIN
    FOR r IN SELECT * FROM types.literals ORDER BY nr LOOP
        n := cardinality(r.literals);
        FOR i IN 1 .. n LOOP
            EXECUTE format('INSERT INTO types.%I VALUES (%s, CAST(%L AS %s), CAST(%L AS %s), NULL)',
                r.tab, i, r.literals[i], r.type, r.literals[i], r.type);
        END LOOP;
        EXECUTE format('INSERT INTO types.%I SELECT 100, NULL, CAST(%L AS %s), ''{}''', r.tab, r.literals[1], r.type);
        EXECUTE format('INSERT INTO types.%I SELECT 101, NULL, CAST(%L AS %s), CAST(CAST(%L AS text[]) AS %s[])',
            r.tab, r.literals[1], r.type, r.literals, r.type);
        EXECUTE format('INSERT INTO types.%I SELECT 102, NULL, CAST(%L AS %s), CAST(CAST(%L AS text[]) AS %s[])',
            r.tab, r.literals[1], r.type, ARRAY[r.literals[1], NULL, r.literals[n]], r.type);
        COMMIT;
        EXECUTE format('UPDATE types.%I SET v = d, d = CAST(%L AS %s) WHERE id = 100', r.tab, r.literals[n], r.type);
        EXECUTE format('DELETE FROM types.%I WHERE id = 101', r.tab);
        COMMIT;
    END LOOP;
END $$;

-- Old rows are whole.
CREATE PROCEDURE types.full() LANGUAGE plpgsql AS $$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT * FROM types.literals ORDER BY nr LOOP
        EXECUTE format('ALTER TABLE types.%I REPLICA IDENTITY FULL', r.tab);
    END LOOP;
END $$;
CREATE PROCEDURE types.change() LANGUAGE plpgsql AS $$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT * FROM types.literals ORDER BY nr LOOP
        EXECUTE format('UPDATE types.%I SET v = NULL WHERE id = 1', r.tab);
        EXECUTE format('DELETE FROM types.%I WHERE id IN (2, 102)', r.tab);
        COMMIT;
    END LOOP;
END $$;

SELECT types.make('bool', 'bool', 'false', 'true');
SELECT types.make('int2', 'int2', '-32768', '0', '32767');
SELECT types.make('int4', 'int4', '-2147483648', '-1', '2147483647');
SELECT types.make('int8', 'int8', '-9223372036854775808', '9007199254740993', '9223372036854775807');
SELECT types.make('oid', 'oid', '0', '2147483648', '4294967295');
SELECT types.make('float4', 'float4', '0', '-0', 'NaN', 'Infinity', '-Infinity', '3.4028235e38', '1.4e-45', '0.1', '16777216', '1e7', '9999999', '0.001', '0.00099', '1e10', '123456.79', '2e15');
SELECT types.make('float8', 'float8', '0', '-0', 'NaN', 'Infinity', '-Infinity', '1.7976931348623157e308', '4.9e-324', '0.1', '2e23', '9007199254740993', '1e7', '9999999', '0.001', '0.00099', '1e21', '123456789012', '1e-7', '2.2250738585072014e-308');
SELECT types.make('money', 'money', '-92233720368547758.08', '0', '0.01', '1234.11', '92233720368547758.07');
SELECT types.make('numeric', 'numeric', '0', '-1', '1.50', '100', '1e30', '-1e-30', '123456789012345678901234567890.123456789', '0.00', '-128', '127', '128', '255', '256');
SELECT types.make_optional('numeric_nan', 'numeric', 'NaN', '1');
SELECT types.make_optional('numeric_infinity', 'numeric', 'Infinity', '-Infinity', '1e499');
SELECT types.make('numeric_10_2', 'numeric(10,2)', '-99999999.99', '0', '0.005', '1.1', '99999999.99');
SELECT types.make_optional('numeric_8_3_nan', 'numeric(8,3)', 'NaN', '1');
SELECT types.make('numeric_38_0', 'numeric(38,0)', '-99999999999999999999999999999999999999', '0', '99999999999999999999999999999999999999');
SELECT types.make('numeric_2_4', 'numeric(2,4)', '0.0099', '-0.0001', '0');
SELECT types.make('numeric_3_minus_2', 'numeric(3,-2)', '12300', '0', '-99900');
SELECT types.make('date', 'date', '2016-11-04', '1970-01-01', '1969-12-31', '4714-11-24 BC', '4713-01-01 BC', '0001-12-31 BC', '0001-01-01', '1582-10-10', '1582-10-15', '9999-12-31', '10000-01-01', '5874897-12-31', 'infinity', '-infinity');
SELECT types.make('time', 'time', '00:00:00', '00:00:00.000001', '13:51:00', '13:51:30.1', '13:51:30.123456', '23:59:59.999999', '24:00:00');
SELECT types.make('time_0', 'time(0)', '00:00:00', '13:51:30', '24:00:00');
SELECT types.make('time_3', 'time(3)', '00:00:00', '13:51:30.123', '24:00:00');
SELECT types.make('timetz', 'timetz', '00:00:00+00', '13:51:30.123789+02:00', '24:00:00+00', '23:59:59.999999-15:59', '01:00:00+15:59', '13:51:30.1+00');
SELECT types.make('timetz_3', 'timetz(3)', '13:51:30.123+02', '13:51:30-03:30', '00:00:00+00');
-- Nanoseconds in 64 bits end within two of these days.
SELECT types.make_optional('timestamp', 'timestamp', '2016-11-04 13:51:30.123456', '1970-01-01 00:00:00', '1969-12-31 23:59:59.999999', '2016-11-04 13:51:00', '1936-10-25 22:10:12.608', '4714-11-24 00:00:00 BC', '4713-01-01 00:00:00 BC', '9999-12-31 23:59:59.999999', '10000-01-01', '294246-01-01 23:59:59.999999', '1582-10-10 12:00:00', '2262-04-11 23:47:16.854775', '2262-04-11 23:47:16.854776', '1677-09-22 00:00:00', '1677-09-21 00:12:43.145225', '1677-09-21 00:12:43.145224', 'infinity', '-infinity');
SELECT types.make_optional('timestamp_beyond', 'timestamp', '294276-12-31 23:59:59.999999');
SELECT types.make_optional('timestamp_0', 'timestamp(0)', '2016-11-04 13:51:30', '1969-12-31 23:59:59', 'infinity', '-infinity', '0001-01-01 BC');
SELECT types.make_optional('timestamp_3', 'timestamp(3)', '2016-11-04 13:51:30.123', '1969-12-31 23:59:59.999', '10000-01-01', 'infinity');
SELECT types.make('timestamptz', 'timestamptz', '2016-11-04 13:51:30.123456+02', '1970-01-01 00:00:00+00', '1969-12-31 23:59:59.999999+00', '2016-11-04 13:51:30+00', '21016-11-04 13:51:30+07', '4714-12-31 23:59:59.999999+00 BC', '0001-01-01 00:00:00+00', '0001-12-31 00:00:00+00 BC', '9999-12-31 23:59:59.999999+00', '294276-12-31 23:59:59.999999+00', '1582-10-10 12:00:00+00', 'infinity', '-infinity');
SELECT types.make('timestamptz_0', 'timestamptz(0)', '2016-11-04 13:51:30+02', '2016-11-04 13:51:00+02', '2016-11-04 00:00:00+00', '4714-12-31 23:59:59+00 BC', 'infinity');
SELECT types.make('timestamptz_3', 'timestamptz(3)', '2016-11-04 13:51:30.12+02', '2016-11-04 13:51:00+02', '-infinity');
SELECT types.make('interval', 'interval', '0', '1 year', '1 year 2 mons 3 days 04:05:06.78', '-1 year -2 mons +3 days -04:05:06.78', '10 months -1 day', '00:00:00.000001', '-00:00:00.000001', '1 mon', '100 years', '1 day -23:59:59', '1 day -23:59:59.999', '178000 years', '23:59:59.999999', '33 hours');
SELECT types.make('text', 'text', '', 'a', E'tab\t nl\n cr\r bs\b ff\f quote'' dq" bsl\\ /', E'\u00e4\u20ac\U0001F600', E'\u0001\u001f\u007f\u2028\u2029\ufeff\uffff', 'NULL', '{}', '\x41', ' ');
SELECT types.make('varchar_5', 'varchar(5)', '', 'abcde', 'äöü', 'null');
SELECT types.make('char_5', 'char(5)', '', 'abc', ' x ', 'äöüßé');
SELECT types.make('char_q', '"char"', 'a', ' ', '\');
SELECT types.make('name', 'name', 'a', 'x y', repeat('n', 63));
SELECT types.make('bytea', 'bytea', '\x', '\x00', '\x00ff007f80', '\x27', '\xfbefbe');
SELECT types.make('bit', 'bit', '0', '1');
SELECT types.make('bit_5', 'bit(5)', '00000', '10101', '00001', '10000');
SELECT types.make('bit_24', 'bit(24)', '000000110000001000000001', '000000000000000000000000', '111111111111111111111111');
SELECT types.make('varbit', 'varbit', '101', '', '0', '111011010001000110000001000000001');
SELECT types.make('varbit_9', 'varbit(9)', '101', '', '000000001', '100000000');
SELECT types.make('uuid', 'uuid', '00000000-0000-0000-0000-000000000000', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'ffffffff-ffff-ffff-ffff-ffffffffffff');
SELECT types.make('json', 'json', '{}', '{"a" :  [1, null, {"b":"\u00e4"}], "a":2}', 'null', '"s"', '-0', '1e5');
SELECT types.make('jsonb', 'jsonb', '{}', '{"z": 1, "a": [1.50, null, true, "x\ny", {"n": -12345678901234567890.123}], "e": {}, "l": []}', 'null', '"s"', '-0', '1e5');
SELECT types.make('jsonpath', 'jsonpath', '$', '$.a[*] ? (@ > 1)');
SELECT types.make('xml', 'xml', '', '<a b="c">t&amp;</a>', '<?xml version="1.0"?><a/>', '<?xml version="1.0" encoding="UTF-8"?><a>ä</a>', '<!-- c -->', 'text');
SELECT types.make('inet', 'inet', '0.0.0.0/0', '192.168.2.0/12', '255.255.255.255', '::', 'fe80::1:2:3/64', '::ffff:1.2.3.4/128');
SELECT types.make('cidr', 'cidr', '0.0.0.0/0', '192.168.100.128/25', '10.0.0.1', '::/0', '2001:4f8:3:ba::/64', '::ffff:1.2.3.0/120');
SELECT types.make('macaddr', 'macaddr', '00:00:00:00:00:00', '08:00:2b:01:02:03', 'ff:ff:ff:ff:ff:ff');
SELECT types.make('macaddr8', 'macaddr8', '00:00:00:00:00:00:00:00', '08:00:2b:01:02:03:04:05', 'ff:ff:ff:ff:ff:ff:ff:ff');
SELECT types.make('int4range', 'int4range', 'empty', '[1,5)', '[,5)', '(,)', '[-2147483648,2147483647)');
SELECT types.make('int8range', 'int8range', 'empty', '[-9223372036854775808,9223372036854775807)', '(,)');
SELECT types.make('numrange', 'numrange', 'empty', '(1.5,2.50]', '[NaN,NaN]', '(,)');
SELECT types.make('daterange', 'daterange', 'empty', '[2000-01-01,2000-01-01]', '[,infinity)', '(,)', '[4713-01-01 BC,)');
SELECT types.make('tsrange', 'tsrange', 'empty', '[2000-01-01 00:00:00.000001,2000-01-02)', '(2000-01-01,)', '[-infinity,infinity]');
SELECT types.make('tstzrange', 'tstzrange', 'empty', '[2000-01-01 00:00+01,)', '[-infinity,infinity]', '(,2000-01-01 00:00:00.5+00]');
SELECT types.make('int4multirange', 'int4multirange', '{}', '{[1,2),[5,)}');
SELECT types.make('tstzmultirange', 'tstzmultirange', '{}', '{[2000-01-01 00:00+00,2000-01-02 00:00+00]}');
SELECT types.make('custom_range', 'types.textrange', 'empty', '[a,"b c")');
SELECT types.make('point', 'point', '(0,0)', '(1.5,-2.25)', '(1e300,-0)', '(Infinity,-Infinity)', '(NaN,1)');
SELECT types.make('line', 'line', '{1,2,3}', '{-1,0,1e300}');
SELECT types.make('lseg', 'lseg', '[(0,0),(1,1)]', '[(1e-300,0),(1,NaN)]');
SELECT types.make('box', 'box', '(1,1),(0,0)', '(Infinity,1),(-Infinity,0)');
SELECT types.make('path', 'path', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1))');
SELECT types.make('polygon', 'polygon', '((0,0),(1,1),(2,0))', '((1.5,2.5))');
SELECT types.make('circle', 'circle', '<(0,0),5>', '<(-1.5,1e10),1e-5>');
SELECT types.make('tsvector', 'tsvector', '', '''a b'':1A,2 c:3 ''d''''e''', 'fat:2,4 cat:3');
SELECT types.make('tsquery', 'tsquery', '', 'fat & (rat | !cat:*AB) <2> x');
SELECT types.make('pg_lsn', 'pg_lsn', '0/0', '0/16AE7F8', 'FFFFFFFF/FFFFFFFF');
SELECT types.make('pg_snapshot', 'pg_snapshot', '10:20:10,14,15', '1:1:');
SELECT types.make('txid_snapshot', 'txid_snapshot', '10:20:10,14', '1:1:');
SELECT types.make('xid', 'xid', '0', '4294967295');
SELECT types.make('xid8', 'xid8', '0', '18446744073709551615');
SELECT types.make('cid', 'cid', '0', '4294967295');
SELECT types.make('tid', 'tid', '(0,0)', '(4294967295,65535)');
SELECT types.make_optional('int2vector', 'int2vector', '1 2 3', '');
SELECT types.make_optional('oidvector', 'oidvector', '10 20', '');
SELECT types.make('aclitem', 'aclitem', 'pg_monitor=arwdDxt/pg_monitor', '=r/pg_monitor');
SELECT types.make('regclass', 'regclass', 'pg_class', 'pg_type');
SELECT types.make('regtype', 'regtype', 'int4[]', 'text');
SELECT types.make('regproc', 'regproc', 'now', 'pg_backend_pid');
SELECT types.make('regprocedure', 'regprocedure', 'lower(text)', 'upper(text)');
SELECT types.make('regrole', 'regrole', 'pg_monitor', 'pg_read_all_data');
SELECT types.make('regnamespace', 'regnamespace', 'pg_catalog', 'information_schema');
SELECT types.make('hstore', 'hstore', '', 'a=>1,b=>NULL', '"k e"=>"v,\"x", ""=>"", c=>1, bb=>2, "é"=>3, "😀"=>4', 'ü=>ä');
SELECT types.make('citext', 'citext', '', 'AbC', 'ü"');
SELECT types.make('ltree', 'ltree', '', 'Top.Science.Astronomy');
SELECT types.make('lquery', 'lquery', '*', 'Top.*{1,2}.A');
SELECT types.make('ltxtquery', 'ltxtquery', 'a & b*', 'x');
SELECT types.make('isbn', 'isbn', '0-393-04002-X', '1-4133-0454-0');
SELECT types.make('isbn13', 'isbn13', '978-0-393-04002-9', '978-1-4133-0454-1');
SELECT types.make('geometry', 'geometry', '0101000000000000000000F03F0000000000000040', '0101000020E6100000000000000000F03F0000000000000040', '0020000001000010E63FF00000000000004000000000000000', '010700000000000000');
SELECT types.make('geography', 'geography', '0101000020E6100000000000000000F03F0000000000000040', '0102000020E610000002000000000000000000F03F000000000000004000000000000008400000000000001040');
SELECT types.make_optional('vector', 'vector', '[1,2.5,-3e-05]', '[0]', '[1e+10,0.1]');
SELECT types.make_optional('halfvec', 'halfvec', '[1,2.5,-3e-05]', '[0.1,65504]');
SELECT types.make_optional('sparsevec', 'sparsevec', '{1:1.5,3:-2}/5', '{}/3', '{17:1,1:2,33:0.1}/100', '{5:1e-05,32767:2}/32767');
SELECT types.make('ean13', 'ean13', '0220356483481', '978-0-393-04002-9');
SELECT types.make('issn', 'issn', '1436-4522', '0317-8471');
SELECT types.make('cube', 'cube', '(1,2),(3,4)', '(0)');
SELECT types.make('seg', 'seg', '1 .. 2', '5(+-)0.3');
SELECT types.make('enum', 'types.mood', 'sad', 'o k', 'it''s, "happy"', 'ü');
SELECT types.make('composite', 'types.pair', '(1,"x ""y"", (z)",sad)', '(,,)');
SELECT types.make('domain', 'types.small', '1', '99');
SELECT types.make('domain_numeric', 'types.cents', '1.005', '-99999999.99');
SELECT types.make('domain_varchar', 'types.short', 'kurz', '');
SELECT types.make('domain_array', 'types.words', '{a,NULL}', '{}');

-- Times of each precision, and domains over them.
CREATE TABLE types.time_digits (id int PRIMARY KEY);
DO $$
BEGIN
    FOR digits IN 0 .. 6 LOOP
        EXECUTE format('ALTER TABLE types.time_digits ADD t%1$s time(%1$s), ADD tz%1$s timetz(%1$s), ADD ts%1$s timestamp(%1$s), ADD tstz%1$s timestamptz(%1$s), '
            'ADD ta%1$s time(%1$s)[], ADD tza%1$s timetz(%1$s)[], ADD tsa%1$s timestamp(%1$s)[], ADD tstza%1$s timestamptz(%1$s)[]', digits);
    END LOOP;
END $$;
CREATE TABLE types.time_domain (id int PRIMARY KEY, d types.day, t types.clock, tt types.clock_of_clock, ts types.moment, ts3 types.moment_3, tsts types.moment_of_moment, tz types.zoned,
    a types.moments, da types.day[], ta types.clock[], tsa types.moment[], tza types.zoned[]);

-- Dimensions and lower bounds.
CREATE TABLE types.dimensions (id int PRIMARY KEY, i int[], t text[], n numeric[], b bool[], u uuid[], ts timestamptz[],
    f float8[], nd numeric(8,2)[], v varchar(5)[], da date[], ti time[], tt timetz[], tm timestamp[], j jsonb[], by bytea[], e types.mood[], r int4range[]);
-- wait
CALL types.fill();
-- Rounded by PostgreSQL to what a column can hold.
DO $$
DECLARE
    literals timestamptz[] := ARRAY['2016-11-04 13:51:30.123456+00', '2016-11-04 13:51:00+00', '1969-12-31 23:59:59.999999+00', '1969-12-31 23:59:59.1+00', '2000-01-01 00:00:00.009+00', '12345-01-01 01:01:01.5+00'];
BEGIN
    FOR i IN 1 .. cardinality(literals) LOOP
        EXECUTE (SELECT format('INSERT INTO types.time_digits SELECT %s, %s', i, string_agg(
            CASE WHEN typelem = 0 THEN format('CAST(%L::timestamptz AS %s)', literals[i], format_type(atttypid, atttypmod))
            ELSE format('CAST(ARRAY[CAST(%L::timestamptz AS %s), NULL] AS %s)', literals[i], format_type(typelem, atttypmod), format_type(atttypid, atttypmod)) END, ', ' ORDER BY attnum))
            FROM pg_attribute a JOIN pg_type t ON t.oid = atttypid WHERE attrelid = 'types.time_digits'::regclass AND attnum > 1);
    END LOOP;
END $$;
INSERT INTO types.time_domain VALUES
    (1, '2016-11-04', '13:51:30.123', '24:00:00', '2016-11-04 13:51:30.123456', '2016-11-04 13:51:30.123', '2016-11-04 13:51:30.123', '2016-11-04 13:51:30.123+02', '{2016-11-04 13:51:30.123,NULL}', '{2016-11-04}', '{13:51:30.123}', '{2016-11-04 13:51:30.123456}', '{2016-11-04 13:51:30.123+02}'),
    (2, '-infinity', '13:51:00', '13:51:00', 'infinity', '-infinity', 'infinity', 'infinity', '{}', '{infinity,NULL}', '{24:00:00}', '{-infinity,0044-03-15 12:00:00 BC}', '{infinity}'),
    (3, NULL, NULL, NULL, NULL, '2000-01-01', NULL, NULL, NULL, NULL, NULL, NULL, NULL);
DELETE FROM types.time_domain WHERE id = 3;
INSERT INTO types.dimensions VALUES
    (1, '[-2:0]={1,2,3}', '[5:5]={a}', '[0:0]={1.5}', NULL, NULL, NULL),
    (2, '{{1,2},{3,4}}', '{{a},{b}}', '{{1.5},{2}}', '{{t},{f}}', '{{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}}', '{{2000-01-01 00:00+00}}'),
    (3, '{{{1}},{{NULL}}}', '[0:1][5:6]={{a,b},{NULL,d}}', NULL, NULL, NULL, NULL);
INSERT INTO types.dimensions (id, f, nd, v, da, ti, tt, tm, j, by, e, r) VALUES (4, '{{1.5}}', '{{1.5}}', '{{a}}', '{{2000-01-01}}', '{{12:00}}',
    '{{12:00+00}}', '{{2000-01-01}}', '{{1}}', '{{"\\x01"}}', '{{sad}}', '{{"[1,2)"}}');
-- wait
CALL types.full();
-- wait
CALL types.change();
