-- Values of every built-in type, and of what users make and extensions bring:
-- the boundaries, then :count random ones.  One COPY a type, in binary, for
-- check_values to read: first the relation's frame and the type's name, then
-- each row's frame and the text that the output function gives.
\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = error;
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET timezone = 'UTC';
SET extra_float_digits = 1;
SET bytea_output = 'hex';
SET lc_monetary = 'C';
SET xmloption = 'content';
SET escape_string_warning = off;
SET jit = off;

CREATE EXTENSION walferry;
CREATE EXTENSION hstore;
CREATE EXTENSION citext;
CREATE EXTENSION ltree;
CREATE EXTENSION isn;

CREATE FUNCTION out_text(anyelement) RETURNS bytea
	AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION seed(int8) RETURNS void AS :'module' LANGUAGE c STRICT;
-- 0 .. n - 1
CREATE FUNCTION r(n float8) RETURNS int8 AS :'module' LANGUAGE c STRICT;
-- any 64, 32 bits
CREATE FUNCTION r64() RETURNS int8 AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION r32() RETURNS int4 AS :'module' LANGUAGE c STRICT;
-- integers of all magnitudes
CREATE FUNCTION rmag() RETURNS int8 AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION rfloat() RETURNS float8 AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION rfloat4() RETURNS float4 AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION rdecimal() RETURNS text AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION rtext() RETURNS text AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION rbytes() RETURNS bytea AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION rjson(depth int) RETURNS text AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION rbits() RETURNS text AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION rhex(digits int) RETURNS text AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION rv4() RETURNS text AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION rv6() RETURNS text AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION rdate() RETURNS date AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION rtime() RETURNS time AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION rtimetz() RETURNS timetz AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION rtimestamp() RETURNS timestamp AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION rinterval() RETURNS interval AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION rtsquery(depth int) RETURNS text
	AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION rtsvector() RETURNS text AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION rpoints(most int) RETURNS text AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION rrange(anyelement, anyelement) RETURNS text
	AS :'module' LANGUAGE c STRICT;
-- one of a pool, an array of elements of a pool
CREATE FUNCTION rpick(anyarray) RETURNS anyelement
	AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION rarray(anyarray) RETURNS anyarray
	AS :'module' LANGUAGE c STRICT;

CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy, "very"', '', 'grün');
CREATE DOMAIN domain_int AS int4 CHECK (VALUE > -2147483648);
CREATE DOMAIN domain_text AS text;
CREATE DOMAIN domain_numeric AS numeric(30, 10);
CREATE DOMAIN domain_domain AS domain_numeric CHECK (VALUE <> 1);
CREATE DOMAIN domain_array AS int4[];
CREATE DOMAIN domain_mood AS mood;
CREATE TYPE composite AS (a int4, "B b" text, c numeric, d mood, e int4[],
	f timestamptz);
CREATE TYPE nested AS (a composite, b composite[]);
CREATE TYPE floatrange AS RANGE (subtype = float8,
	multirange_type_name = floatmultirange);

CREATE TABLE spec (type text PRIMARY KEY, random text, boundary text[]);
INSERT INTO spec VALUES
('bool', 'r(2) = 0', '{t,f}'),
('bytea', 'rbytes()',
	$${"","\\x00","\\x00ff5c22"}$$),
('"char"', $$r(128)::int::"char"$$, '{"",a,"\\"}'),
('name', $$left(rtext(), 63)::name$$, $${"",a,"NULL","a b"}$$),
('int8', 'rmag()', '{0,-1,9223372036854775807,-9223372036854775808}'),
('int2', '(r(65536) - 32768)::int2', '{0,-1,32767,-32768}'),
('int2vector', $$array_to_string(ARRAY[r(9), r(99) - 50, r(32767)], ' ')
	::int2vector$$, '{"",1,"1 2 -32768"}'),
('int4', 'r32() >> r(32)::int', '{0,-1,2147483647,-2147483648}'),
('text', 'rtext()', $${"","null","NULL"," ","\"","\\"}$$),
('oid', 'r(4294967296)::oid', '{0,1,2147483648,4294967295}'),
('tid', $$('(' || r(4294967296) || ',' || r(65536) || ')')::tid$$,
	'{"(0,0)","(4294967295,65535)"}'),
('xid', 'r(4294967296)::text::xid', '{0,4294967295}'),
('cid', 'r(4294967296)::text::cid', '{0,4294967295}'),
('oidvector', $$array_to_string(ARRAY[r(9), r(4294967296)], ' ')::oidvector$$,
	'{"",1,"1 2 4294967295"}'),
('json', 'rjson(3)::json', $${"{\"a\" :  1}","[ ]","1.0"}$$),
('xml', $$CASE r(6)
	WHEN 0 THEN '<?xml version="1.0" encoding="UTF-8"?><a/>'
	WHEN 1 THEN '<?xml version="1.0" standalone="no"?>' || E'\n<a/>'
	WHEN 2 THEN '<?xml version="1.1"?>' || E'\n<a/>'
	WHEN 3 THEN '<?xml version=''1.0''  encoding = ''UTF-8'' '
		|| E'standalone=\'yes\' ?>\n\n<a/>'
	WHEN 4 THEN '<?xml version="1.0"?>' || E'\n<a b="' || r(1000) || '"/>'
	ELSE '<a>' || r(100000) || '</a>' END::xml$$,
	$${"",a,"<a/>","<?xml-stylesheet href=\"a\"?><a/>",
	"<?xml version=\"1.0\"?>","a<b/>c"}$$),
('point', $$('(' || rfloat() || ',' || rfloat() || ')')::point$$,
	'{"(0,0)","(-0,1e300)","(NaN,Infinity)","(1e-5,123456789012345)"}'),
('lseg', $$('[' || rpoints(1) || ',' || rpoints(1) || ']')::lseg$$,
	'{"[(0,0),(1,1)]"}'),
('path', $$(CASE r(2) WHEN 0 THEN '[' || rpoints(6) || ']'
	ELSE '(' || rpoints(6) || ')' END)::path$$,
	'{"[(0,0)]","((0,0),(1,1.5))"}'),
('box', $$('(' || rpoints(1) || ',' || rpoints(1) || ')')::box$$,
	'{"(0,0),(1,1)"}'),
('polygon', $$('(' || rpoints(6) || ')')::polygon$$,
	'{"((0,0))","((0,0),(1,1.5))"}'),
('line', $$('{' || (rmag() | 1) || ',' || rfloat4() || ',' || r(9) || '}')::line$$,
	'{"{1,0,0}","{1,-1,0}","{0,1,-5.5}"}'),
('cidr', $$(CASE r(2) WHEN 0 THEN set_masklen(rv4()::inet, r(33)::int)
	ELSE set_masklen(rv6()::inet, r(129)::int) END)::cidr$$,
	'{0.0.0.0/0,"10.1.2.3/32","::/0","::1/128","2001:db8::/32"}'),
('float4', 'rfloat4()', $${0,-0,1,NaN,Infinity,-Infinity,1e-45,3.4028235e38,
	1.1754944e-38,1e6,999999,1234567,16777216,33554432,1e-4,1e-5,0.1,
	8388608.5,9e9,5e-5,1.1754942e-38}$$),
('float8', 'rfloat()', $${0,-0,1,NaN,Infinity,-Infinity,5e-324,1e-323,
	2.2250738585072014e-308,2.225073858507201e-308,1.7976931348623157e308,1e15,
	999999999999999,1e14,123456789012345678,1e23,9.5e22,9007199254740993,
	9007199254740991,1e-4,1e-5,0.1,0.3,1e22,1e21,5e-5,4.35,2e-44,
	5.684341886080802e-14,9.999999999999999e22}$$),
('circle', $$('<(' || rfloat() || ',' || rfloat() || '),' || abs(rfloat4())
	|| '>')::circle$$, '{"<(0,0),1>","<(1.5,-2),0>"}'),
('macaddr8', 'rhex(16)::macaddr8',
	'{00:00:00:00:00:00:00:00,ff:ff:ff:ff:ff:ff:ff:ff}'),
('money', $$('0.01'::money * (rmag() / 100))$$,
	$${0,0.01,-0.01,-1,999.99,1000,92233720368547758.07,
	-92233720368547758.08,1234567.89}$$),
('macaddr', 'rhex(12)::macaddr',
	'{00:00:00:00:00:00,ff:ff:ff:ff:ff:ff}'),
('inet', $$CASE r(4) WHEN 0 THEN rv4()::inet WHEN 1 THEN rv6()::inet
	WHEN 2 THEN set_masklen(rv4()::inet, r(33)::int)
	ELSE set_masklen(rv6()::inet, r(129)::int) END$$,
	$${0.0.0.0,0.0.0.0/0,255.255.255.255,10.1.2.3/8,::,::/0,::1,::2,::1.2.3.4,
	::ffff:1.2.3.4,::ffff:0:1.2.3.4,1::,1::1,::1:0:1,0:0:0:0:0:0:1:1,
	1:0:0:2:0:0:0:3,1:0:2:0:3:0:4:0,::ffff:0:0,::1:1,fe80::1/64,0:1:1:1:1:1:1:1,
	1:1:1:1:1:1:0:0,1:1:1:1:1:1:1:0}$$),
('bpchar', $$rpad(rtext(), 10)::bpchar$$, '{""," ","a  "}'),
('varchar', $$rtext()::varchar$$, '{"",a}'),
('date', 'rdate()', $${2000-01-01,1999-12-31,infinity,-infinity,
	"4714-11-24 BC",5874897-12-31,"0001-12-31 BC",0001-01-01,9999-12-31,
	10000-01-01,2000-02-29,1900-02-28,2400-02-29,"0001-02-29 BC",
	"0005-02-29 BC","0004-03-01 BC",1582-10-05,99999-06-30}$$),
('time', 'rtime()',
	'{00:00,24:00,23:59:59.999999,12:34:56.7,00:00:00.000001,12:00:00.1}'),
('timestamp', 'rtimestamp()', $${2000-01-01,"1999-12-31 23:59:59.999999",
	infinity,-infinity,"4714-11-24 00:00:00 BC","294276-12-31 23:59:59.999999",
	"0001-12-31 23:59:59.5 BC","2017-01-01 00:00:00.100000","1970-01-01",
	"1969-12-31 23:59:59.999999"}$$),
('timestamptz', $$rtimestamp() AT TIME ZONE 'UTC'$$,
	$${2000-01-01,infinity,-infinity,"4714-11-24 00:00:00+00 BC",
	"294276-12-31 23:59:59.999999+00","2019-03-31 02:30:00+02",
	"0001-12-31 23:59:59.5+00 BC"}$$),
('interval', 'rinterval()', $${0,"1 year","-1 year","2 years","1 mon",
	"-1 mon +1 day","1 mon -1 day","-1 day +00:00:01","1 day -00:00:01","-00:00:00.000001",
	"178956970 years 7 mons 2147483647 days","-178956970 years -8 mons",
	"00:00:01.100000","100:00:00","-1 year +1 mon",
	"1 year 2 mons -3 days +04:05:06.78","2562047788:00:54.775807",
	"-2562047788:00:54.775807"}$$),
('timetz', 'rtimetz()',
	$${00:00+00,24:00+00,24:00-15:59:59,23:59:59.999999+15:59:59,12:00-00:30,
	12:00+05:45:30}$$),
('bit', 'rbits()::varbit::bit(37)', '{0,1}'),
('varbit', 'rbits()::varbit', '{"",0,1,101,11111111,111111110}'),
('numeric', $$CASE r(60) WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity'
	WHEN 2 THEN '-Infinity' ELSE rdecimal()::numeric END$$, $${0,0.0,0.00000,-1,1,10,9999,10000,10001,99999999,
	100000000,0.1,0.01,0.001,0.0001,0.00001,1000000000000000000000000000000,
	1e1000,1e-1000,1.10,1.0000000,NaN,Infinity,-Infinity,-0.0001,1e131071,
	-99999999999999999999.99999999999999999999,1e-16383,12345678.12345678,
	9223372036854775807,-9223372036854775808,9223372036854775808,
	-9223372036854775809,127,128,-128,-129,255,256,-256,18446744073709551615,
	18446744073709551616,-18446744073709551616,
	340282366920938463463374607431768211455,0.5,-0.5,1e22,1e23,1e308,1e309,
	1.7976931348623158e308,1.7976931348623159e308,5e-324,2e-324,
	9007199254740993,9007199254740993.00000000000000000000000000001}$$),
('refcursor', 'rtext()::refcursor', '{"",a}'),
('uuid', 'rhex(32)::uuid',
	$${00000000-0000-0000-0000-000000000000,
	ffffffff-ffff-ffff-ffff-ffffffffffff}$$),
('txid_snapshot', $$(SELECT a || ':' || a + 10 || ':' ||
	concat_ws(',', a + 1, a + 5) FROM (SELECT (r(1e6) << 32) + 3 + r(4e9) + 0 * i AS a) x)
	::txid_snapshot$$, '{1:1:,10:20:10\,14\,15}'),
('pg_lsn', $$(to_hex(r(4294967296) >> r(32)::int) || '/' ||
	to_hex(r(4294967296) >> r(32)::int))::pg_lsn$$,
	'{0/0,FFFFFFFF/FFFFFFFF,1/0,0/1,16/B374D848}'),
('tsvector', 'rtsvector()::tsvector',
	$${"","a","a:1","a:1A,2B,3C,4D,16383","'it''s'","'\\\\'","a b:2 c"}$$),
('tsquery', 'rtsquery(4)::tsquery', $${"","a","!a","a & b | c","a & (b | c)",
	"!(a & b)","!!a","a <-> b","a <-> (b <-> c)","(a <-> b) <-> c","a <3> b",
	"a:*","a:AB & b:*C","(a & b) <-> c","!a <-> b","!(a <-> b)",
	"'it''s' & '\\\\'"}$$),
('jsonb', 'rjson(4)::jsonb', $${"{}","[]","null","true","1","\"\"",
	"[[]]","[{}]","{\"\":{}}","[1,[2,[3]]]","{\"a\":[1,\"b\",null]}","1e1000",
	"-0.00","\"\\u0001\\u001f\\b\\f\\n\\r\\t\\/\\\\\\\"\""}$$),
('int4range', 'rrange(r32() / 2, r32() / 2)::int4range',
	$${empty,"(,)","[1,2)","[,5)","(5,)","[1,1]"}$$),
('numrange', 'rrange(rdecimal()::numeric, rdecimal()::numeric)::numrange',
	$${empty,"(,)","[1,2)","[1.5,1.5]","[-Infinity,Infinity]","(,NaN]","[0,0]"}$$),
('tsrange', 'rrange(rtimestamp(), rtimestamp())::tsrange',
	$${empty,"(,)","[2000-01-01,)","[-infinity,infinity]"}$$),
('tstzrange', $$rrange(rtimestamp() AT TIME ZONE 'UTC',
	rtimestamp() AT TIME ZONE 'UTC')::tstzrange$$,
	$${empty,"(,)","[2000-01-01,)","[-infinity,infinity]"}$$),
('daterange', $$(SELECT rrange(d, d + r(1000)::int)::daterange
	FROM (SELECT date '2000-01-01' + (r(3000000) - 1000000 + 0 * i)::int AS d)
	x)$$, $${empty,"(,)","[2000-01-01,2000-01-02)","[-infinity,infinity]",
	"[infinity,infinity]"}$$),
('int8range', 'rrange(rmag() / 2, rmag() / 2)::int8range',
	$${empty,"(,)","[1,2)","[-9223372036854775808,9223372036854775807)"}$$),
('pg_snapshot', $$(SELECT a || ':' || a + 10 || ':' ||
	concat_ws(',', a + 1, a + 5) FROM (SELECT (r(1e6) << 32) + 3 + r(4e9) + 0 * i AS a) x)
	::pg_snapshot$$, '{1:1:,10:20:10\,14\,15}'),
('xid8', 'abs(rmag())::text::xid8', '{0,1,18446744073709551615}');

-- Types with a modifier, and those that go as text: the catalog knows their
-- text, or an extension does.
INSERT INTO spec VALUES
('numeric(12,-3)', 'rmag() % 99999999999000', '{0,499,500,-500,NaN}'),
('numeric(20,25)', 'rmag() / 1e25', '{0,0.0000000000000000000000001,NaN}'),
('numeric(1000,500)', 'rmag()::numeric * 1e300 + rmag() / 1e200::numeric',
	'{0,NaN}'),
('bit(1)', 'r(2)::text::bit(1)', '{0,1}'),
('character(3)', 'left(rtext(), 3)', '{"",a,"a "}'),
('character varying(5)', 'left(rtext(), 5)', '{"",a,"a "}'),
('timestamp(3) without time zone', 'rtimestamp()', '{2000-01-01,infinity}'),
('time(0) without time zone', 'rtime()', '{24:00}'),
('interval day to second(2)', 'rinterval()', '{"1 day"}'),
('mood', '(enum_range(NULL::mood))[1 + r(5)]',
	'{sad,ok,"happy, \"very\"","",grün}'),
('domain_int', 'greatest(r32(), -2147483647)', '{0,2147483647}'),
('domain_text', 'rtext()', '{"",a}'),
('domain_numeric', 'rmag() / 1e10::numeric', '{0,NaN}'),
('domain_domain', 'rmag() / 1e10::numeric', '{0,NaN}'),
('domain_array', 'ARRAY[r32(), NULL, r32()]', '{"{}"}'),
('domain_mood', '(enum_range(NULL::mood))[1 + r(5)]', '{sad}'),
('composite', $$ROW(r32(), nullif(rtext(), ''), rdecimal(), 'ok',
	ARRAY[r32(), NULL], rtimestamp())::composite$$, '{"(,,,,,)"}'),
('nested', $$ROW(ROW(r32(), rtext(), NULL, 'sad', NULL, NULL),
	ARRAY[ROW(1, rtext(), 2, 'ok', NULL, NULL)::composite])::nested$$,
	'{"(,)"}'),
('floatrange', 'rrange(rfloat(), rfloat())::floatrange',
	'{empty,"(,)","[1,2)"}'),
('hstore', $$hstore(ARRAY[rtext(), rtext()], ARRAY[nullif(rtext(), ''),
	rtext()])$$, $${"","a=>1","a=>NULL"}$$),
('citext', 'rtext()::citext', '{"",A}'),
('ltree', $$(rhex(1 + r(9)::int) || '.' || rhex(1 + r(9)::int))::ltree$$,
	'{"",a,a.b.c}'),
('lquery', $$(rhex(1 + r(9)::int) || '.*{1,' || 1 + r(9) || '}.' ||
	rhex(1 + r(9)::int) || '*@|b')::lquery$$, '{a,*}'),
('ltxtquery', $$(rhex(1 + r(9)::int) || ' & !' || rhex(1 + r(9)::int))
	::ltxtquery$$, '{a,"a | b"}'),
('isbn', $$isbn(('978' || lpad(r(1000000000)::text, 9, '0') || '?')::ean13)$$,
	'{0-11-000533-3}'),
('ean13', $$(lpad(r(1000000000000)::text, 12, '0') || '?')::ean13$$,
	'{0220356483481}'),
('issn', $$(lpad(r(10000000)::text, 7, '0') || '?')::issn$$, '{1436-4522}'),
('upc', $$(lpad(r(100000000000)::text, 11, '0') || '?')::upc$$,
	'{220356483481}'),
('jsonpath', $$('$.' || to_json(rtext())::text || '[*] ? (@ > ' || r32()
	|| ')')::jsonpath$$, $${"$","strict $.a"}$$),
('aclitem', $$makeaclitem(10, 10, 'SELECT', r(2) = 0)$$, '{postgres=r/postgres}'),
('regclass', 'r(4000)::regclass', '{pg_class,pg_type}'),
('regtype', 'r(4000)::regtype', '{0,int4,text[]}'),
-- whose name is unique: others are qualified or not as search_path says
('regproc', $$rpick((SELECT array_agg(p.oid::regproc) FROM pg_proc p
	WHERE p.oid < 16384 AND NOT EXISTS (SELECT FROM pg_proc q
	WHERE q.proname = p.proname AND q.oid <> p.oid)))$$, '{sin}'),
('regprocedure', 'r(4000)::regprocedure', '{0,sin(float8)}'),
('regoper', $$rpick((SELECT array_agg(p.oid::regoper) FROM pg_operator p
	WHERE p.oid < 16384 AND NOT EXISTS (SELECT FROM pg_operator q
	WHERE q.oprname = p.oprname AND q.oid <> p.oid)))$$, '{0}'),
('regrole', 'r(20)::regrole', '{0,postgres}'),
('regnamespace', 'r(4000)::regnamespace', '{0,pg_catalog}'),
('regcollation', 'r(4000)::regcollation', '{0,"\"C\""}'),
('regconfig', 'r(20000)::regconfig', '{0,simple}'),
('regdictionary', 'r(20000)::regdictionary', '{0,simple}');

INSERT INTO spec
SELECT rngmultitypid::regtype::text,
	format('(SELECT coalesce(%1$s(VARIADIC array_agg(x)), ''{}'')'
		' FROM (SELECT %2$s AS x'
		' FROM generate_series(1, r(9) + 0 * i)) q)',
		rngmultitypid::regtype, random),
	ARRAY['{}', '{empty}', '{(,)}'] ||
	ARRAY(SELECT '{' || b || '}' FROM unnest(boundary) b)
FROM spec JOIN pg_range ON rngtypid = to_regtype(type);

-- Arrays of each of them, drawn from a pool of values: an element's own text
-- was compared above.
INSERT INTO spec
SELECT typarray::regtype::text,
	CASE WHEN type IN ('int2vector', 'oidvector', 'domain_array') THEN
		-- array_agg() would take these for arrays themselves
		format('string_to_array(concat_ws(''|'', %1$s, %1$s, ''N''), ''|'','
			' ''N'')::%2$s[]', random, type)
	ELSE
		format('rarray((SELECT array_agg(v) FROM (SELECT unnest(%1$L::text[])'
			'::%2$s AS v UNION ALL SELECT (%3$s)::%2$s'
			' FROM generate_series(1, least(2000, %4$s)) i OFFSET 0) pool))',
			boundary, type, random, :count) END,
	ARRAY['{}', '{NULL}', '{' || repeat('NULL' || typdelim::text, 8) || 'NULL}']
FROM spec JOIN pg_type t ON t.oid = to_regtype(type)
WHERE type !~ '[(]';

SELECT format('CREATE TABLE spec_%s (v %s)', row_number() OVER (ORDER BY type), type)
FROM spec
\gexec

SELECT seed(:seed) \g /dev/null
\o
SELECT format('COPY (SELECT walferry_relation(%1$L), convert_to(%2$L, ''UTF8'')'
	' UNION ALL SELECT walferry_encode(ROW(v)::%1$s), out_text(v) FROM ('
	'SELECT unnest(%3$L::text[])::%2$s AS v UNION ALL '
	'SELECT (%4$s)::%2$s FROM generate_series(1, %5$s) i OFFSET 0) s)'
	' TO STDOUT (FORMAT binary)',
	'spec_' || n, type, boundary, random, :count)
FROM (SELECT row_number() OVER (ORDER BY type) AS n, * FROM spec) s
WHERE :'only' IN ('', type) AND n % :jobs = :job
ORDER BY to_regtype(regexp_replace(type, '[(].*', ''))::oid < 16384 DESC, n
\gexec
