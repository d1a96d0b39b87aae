-- format.sql - a table of one column for each type, each with a hundred values
-- that are neither the shortest nor the longest of their kind: for format.sh, which
-- has made the schema bench.
-- The table "none" is what an event costs without a value.
CREATE EXTENSION IF NOT EXISTS hstore;
CREATE EXTENSION IF NOT EXISTS citext;
CREATE EXTENSION IF NOT EXISTS ltree;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN cents AS numeric(12,2);
CREATE TYPE pair AS (n int, t text);

CREATE TABLE kinds (name text, type text, value text);
INSERT INTO kinds VALUES
	('bool', 'bool', 'i % 2 = 0'),
	('int2', 'int2', 'i * 71'),
	('int4', 'int4', 'i * 7919191'),
	('int8', 'int8', 'i * 791919191919191'),
	('float4', 'float4', 'i * 1.37'),
	('float8', 'float8', 'random() * 1000'),
	('numeric', 'numeric', 'i * 104729.71'),
	('numeric(12,2)', 'numeric(12,2)', 'i * 104729.71'),
	('numeric, 40 digits', 'numeric', 'i * 1234567890123456789012345678.901234567891'),
	('money', 'money', '(i * 104729.71)::numeric::money'),
	('text, 20 characters', 'text', $$left(md5(i::text), 20)$$),
	('text, 1000 characters', 'text', $$repeat(md5(i::text), 31) || 'abcdefgh'$$),
	('text, 100 umlauts', 'text', $$repeat('äöüßé', 20)$$),
	('varchar(50)', 'varchar(50)', $$left(md5(i::text), 20)$$),
	('char(20)', 'char(20)', $$left(md5(i::text), 10)$$),
	('name', 'name', $$('n' || i)::name$$),
	('citext', 'citext', $$left(md5(i::text), 20)$$),
	('ltree', 'ltree', $$('top.' || i || '.leaf')::ltree$$),
	('uuid', 'uuid', 'md5(i::text)::uuid'),
	('bytea, 32 bytes', 'bytea', 'sha256(i::text::bytea)'),
	('bytea, 1000 bytes', 'bytea', $$decode(repeat(md5(i::text), 62) || 'abcdefabcdef0011', 'hex')$$),
	('date', 'date', $$date '2026-01-01' + i$$),
	('time', 'time', $$time '00:00:01.123456' + i * interval '7 minutes'$$),
	('timetz', 'timetz', $$timetz '00:00:01.123456+02' + i * interval '7 minutes'$$),
	('timestamp', 'timestamp', $$timestamp '2026-01-01 00:00:01.123456' + i * interval '7 hours'$$),
	('timestamptz', 'timestamptz', $$timestamptz '2026-01-01 00:00:01.123456+00' + i * interval '7 hours'$$),
	('interval', 'interval', $$interval '1 year 2 months 3 days 04:05:06.789' * i$$),
	('bit(8)', 'bit(8)', '(i % 256)::bit(8)'),
	('varbit', 'varbit', '(i * 7919)::bit(24)::varbit'),
	('json', 'json', $$json_build_object('id', i, 'name', md5(i::text), 'tags', array[1, 2, 3])$$),
	('jsonb', 'jsonb', $$jsonb_build_object('id', i, 'name', md5(i::text), 'tags', array[1, 2, 3])$$),
	('jsonb, 2000 bytes', 'jsonb', $$(SELECT jsonb_object_agg('key' || j, jsonb_build_object('n', j * i, 't', md5(j::text))) FROM generate_series(1, 40) j)$$),
	('xml', 'xml', $$('<a n="' || i || '">text</a>')::xml$$),
	('inet', 'inet', $$inet '10.1.2.3' + i$$),
	('inet, IPv6', 'inet', $$inet '2001:db8::1' + i$$),
	('cidr', 'cidr', $$network(set_masklen(inet '10.1.2.3' + i * 256, 24))::cidr$$),
	('macaddr', 'macaddr', $$macaddr '08:00:2b:01:02:03'$$),
	('macaddr8', 'macaddr8', $$macaddr8 '08:00:2b:01:02:03:04:05'$$),
	('point', 'point', 'point(i * 1.5, random())'),
	('box', 'box', 'box(point(i, 0.25), point(0, random()))'),
	('polygon', 'polygon', 'polygon(8, circle(point(i, i), 2))'),
	('int4range', 'int4range', 'int4range(i, i * 10)'),
	('tstzrange', 'tstzrange', $$tstzrange('2026-01-01 00:00+00', timestamptz '2026-01-02 00:00+00' + i * interval '7 hours')$$),
	('tsvector', 'tsvector', $$to_tsvector('simple', 'the quick brown fox ' || i || ' jumps over the lazy dog')$$),
	('tsquery', 'tsquery', $$to_tsquery('simple', 'fox' || i || ' & !dog')$$),
	('hstore', 'hstore', $$hstore(array['a', i::text, 'b', md5(i::text)])$$),
	('enum', 'mood', $$(enum_range(NULL::mood))[i % 3 + 1]$$),
	('domain over numeric', 'cents', 'i * 104729.71'),
	('composite', 'pair', 'ROW(i, md5(i::text))::pair'),
	('pg_lsn', 'pg_lsn', $$'0/0'::pg_lsn + i * 7919191$$),
	('oid', 'oid', '(i * 791)::oid'),
	('int4[], 10', 'int4[]', 'array(SELECT j * i FROM generate_series(1, 10) j)'),
	('text[], 10', 'text[]', 'array(SELECT left(md5((j * i)::text), 10) FROM generate_series(1, 10) j)'),
	('numeric[], 10', 'numeric[]', 'array(SELECT j * i * 1.37 FROM generate_series(1, 10) j)'),
	('uuid[], 10', 'uuid[]', 'array(SELECT md5((j * i)::text)::uuid FROM generate_series(1, 10) j)'),
	('timestamptz[], 10', 'timestamptz[]', $$array(SELECT timestamptz '2026-01-01 00:00:01.123456+00' + j * i * interval '1 hour' FROM generate_series(1, 10) j)$$);

SELECT setseed(0.5);
SET intervalstyle = 'postgres';
SET timezone = 'UTC';
CREATE TABLE bench."none" ();
INSERT INTO bench."none" SELECT FROM generate_series(1, 100);
DO $do$
DECLARE
	k record;
BEGIN
	FOR k IN SELECT * FROM kinds LOOP
		EXECUTE format('CREATE TABLE bench.%I (v %s)', k.name, k.type);
		EXECUTE format('INSERT INTO bench.%I SELECT %s FROM generate_series(1, 100) i',
					   k.name, k.value);
	END LOOP;
END
$do$;
