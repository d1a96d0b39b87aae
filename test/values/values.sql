-- Values of every type that pgtext knows: the boundaries, then :count random
-- ones.  One COPY a type, "oid, raw bytes, text", for check_values to read.
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

CREATE FUNCTION raw_datum(anyelement) RETURNS bytea
	AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION out_text(anyelement) RETURNS bytea
	AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION float8_of_bits(int8) RETURNS float8
	AS :'module' LANGUAGE c STRICT;
CREATE FUNCTION float4_of_bits(int4) RETURNS float4
	AS :'module' LANGUAGE c STRICT;

-- 0 .. n - 1
CREATE FUNCTION r(n float8) RETURNS int8 LANGUAGE sql VOLATILE AS
	$$ SELECT floor(random() * n)::int8 $$;
-- any 64, 32 bits
CREATE FUNCTION r64() RETURNS int8 LANGUAGE sql VOLATILE AS
	$$ SELECT (r(4294967296) << 32) | r(4294967296) $$;
CREATE FUNCTION r32() RETURNS int4 LANGUAGE sql VOLATILE AS
	$$ SELECT (r(4294967296) - 2147483648)::int4 $$;
-- integers of all magnitudes
CREATE FUNCTION rmag() RETURNS int8 LANGUAGE sql VOLATILE AS
	$$ SELECT r64() >> r(64)::int $$;
CREATE FUNCTION rdigits(n int8) RETURNS text LANGUAGE plpgsql VOLATILE AS
$$
DECLARE
	s text := '';
BEGIN
	WHILE length(s) < n LOOP
		-- runs of zeros and of nines are where carries and padding are
		s := s || CASE r(6) WHEN 0 THEN '0000' WHEN 1 THEN '99999'
			ELSE r(1000000000)::text END;
	END LOOP;
	RETURN left(s, n::int);
END
$$;
CREATE FUNCTION rnumeric() RETURNS numeric LANGUAGE plpgsql VOLATILE AS
$$
DECLARE
	most int8 := CASE WHEN r(50) = 0 THEN 1000 ELSE 24 END;
	s text := CASE r(2) WHEN 0 THEN '-' ELSE '' END || '0' ||
		rdigits(r(most));
BEGIN
	IF r(3) > 0 THEN
		s := s || '.' || rdigits(1 + r(most));
	END IF;
	IF r(20) = 0 THEN
		s := s || 'e' || (r(600) - 300);
	END IF;
	RETURN s::numeric;
END
$$;
CREATE FUNCTION rtext() RETURNS text LANGUAGE plpgsql VOLATILE AS
$$
DECLARE
	alphabet constant text := E'aZ09 ,;{}()[]"''\\\t\n\r\x01\x1f\x7f:<>&|!/-_'
		'nullNULLäß€😀';
	s text := '';
BEGIN
	FOR i IN 1 .. r(12) LOOP
		s := s || substr(alphabet, 1 + r(length(alphabet))::int, 1);
	END LOOP;
	IF r(100) = 0 THEN
		s := repeat(s, 100);
	ELSIF r(300) = 0 THEN
		s := repeat(s, r(1500)::int);
	END IF;
	RETURN s;
END
$$;
CREATE FUNCTION rjson(depth int) RETURNS text LANGUAGE plpgsql VOLATILE AS
$$
DECLARE
	s text := '';
	kind int := CASE WHEN depth = 0 THEN r(5) ELSE r(9) END;
BEGIN
	CASE kind
		WHEN 0 THEN RETURN 'null';
		WHEN 1 THEN RETURN CASE r(2) WHEN 0 THEN 'true' ELSE 'false' END;
		WHEN 2 THEN RETURN rnumeric();
		WHEN 3, 4 THEN RETURN to_json(rtext());
		WHEN 5, 6 THEN
			FOR i IN 1 .. CASE WHEN r(20) = 0 THEN 80 ELSE r(6) END LOOP
				s := s || ',' || rjson(CASE WHEN i > 6 THEN 0
					ELSE depth - 1 END);
			END LOOP;
			RETURN '[' || substr(s, 2) || ']';
		ELSE
			FOR i IN 1 .. CASE WHEN r(20) = 0 THEN 80 ELSE r(6) END LOOP
				s := s || ',' || to_json(rtext()) || ':' ||
					rjson(CASE WHEN i > 6 THEN 0 ELSE depth - 1 END);
			END LOOP;
			RETURN '{' || substr(s, 2) || '}';
	END CASE;
END
$$;
CREATE FUNCTION rbits() RETURNS text LANGUAGE plpgsql VOLATILE AS
$$
DECLARE
	s text := '';
BEGIN
	FOR i IN 1 .. r(4) LOOP
		s := s || CASE r(3) WHEN 0 THEN '00000000000000'
			ELSE r(1048576)::int4::bit(20)::text END;
	END LOOP;
	RETURN left(s, r(length(s) + 1)::int);
END
$$;
CREATE FUNCTION rv4() RETURNS text LANGUAGE sql VOLATILE AS
	$$ SELECT r(256) || '.' || r(256) || '.' || r(256) || '.' || r(256) $$;
CREATE FUNCTION rv6() RETURNS text LANGUAGE plpgsql VOLATILE AS
$$
DECLARE
	s text := '';
BEGIN
	FOR i IN 1 .. 8 LOOP
		s := s || ':' || CASE r(3) WHEN 0 THEN to_hex(r(65536))
			WHEN 1 THEN CASE r(4) WHEN 0 THEN 'ffff' WHEN 1 THEN '1'
				ELSE '0' END ELSE '0' END;
	END LOOP;
	RETURN substr(s, 2);
END
$$;
CREATE FUNCTION rfloat() RETURNS float8 LANGUAGE sql VOLATILE AS
$$
	SELECT CASE r(6)
		WHEN 0 THEN float8_of_bits(r64())
		WHEN 1 THEN rmag()::float8
		WHEN 2 THEN rmag()::float8 / 10 ^ r(20)
		WHEN 3 THEN round((random() * 360 - 180)::numeric, r(10)::int)::float8
		WHEN 4 THEN (r(20) - 10)::float8 * 10 ^ (r(60) - 30)
		-- next to powers of two, where the interval is lopsided
		ELSE float8_of_bits((r(2047) << 52) + r(5) - 2) END
$$;
CREATE FUNCTION rfloat4() RETURNS float4 LANGUAGE sql VOLATILE AS
$$
	SELECT CASE r(5)
		WHEN 0 THEN float4_of_bits(r32())
		WHEN 1 THEN r32()::float4
		WHEN 2 THEN ((r32() >> r(32)::int) / 10 ^ r(10))::float4
		WHEN 3 THEN ((r(20) - 10) * 10 ^ (r(60) - 30))::float4
		ELSE float4_of_bits(((r(255) << 23) + r(5) - 2)::int4) END
$$;
CREATE FUNCTION rdate() RETURNS date LANGUAGE sql VOLATILE AS
$$
	SELECT CASE r(8) WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity'
		WHEN 2 THEN date '2000-01-01' + (r(2147483494) - 2451545)::int
		WHEN 3 THEN date '0001-01-01' + (r(8000) - 4000)::int
		WHEN 4 THEN date '4714-11-24 BC' + r(3652425)::int
		ELSE date '2000-01-01' + (r(60000) - 30000)::int END
$$;
CREATE FUNCTION rusecs() RETURNS interval LANGUAGE sql VOLATILE AS
$$
	SELECT CASE r(3) WHEN 0 THEN make_interval(secs => r(86400))
		WHEN 1 THEN make_interval(secs => r(86400000) / 1000.0)
		ELSE make_interval(secs => r(86400000000) / 1000000.0) END
$$;
CREATE FUNCTION rtimestamp() RETURNS timestamp LANGUAGE sql VOLATILE AS
$$
	SELECT CASE r(8) WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity'
		WHEN 2 THEN timestamp '2000-01-01' + make_interval(
			days => (r(109200000) - 2451545)::int) + rusecs()
		WHEN 3 THEN timestamp '0001-01-01' + make_interval(
			days => (r(8000) - 4000)::int) + rusecs()
		ELSE timestamp '2000-01-01' + make_interval(
			days => (r(60000) - 30000)::int) + rusecs() END
$$;
CREATE FUNCTION rinterval() RETURNS interval LANGUAGE sql VOLATILE AS
$$
	SELECT make_interval(
		months => CASE r(3) WHEN 0 THEN 0 ELSE r32() >> r(32)::int END,
		days => CASE r(3) WHEN 0 THEN 0 ELSE r32() >> r(32)::int END,
		secs => CASE r(3) WHEN 0 THEN 0
			ELSE (r64() >> (1 + r(63))::int) / 1e6 END)
$$;
CREATE FUNCTION rtsquery(depth int) RETURNS text LANGUAGE plpgsql VOLATILE AS
$$
BEGIN
	IF depth = 0 OR r(4) = 0 THEN
		RETURN quote_literal('w' || replace(left(rtext(), 99), '\', '')) ||
			(ARRAY['', ':*', ':A', ':AB', ':*CD', ':ABCD', ''])[1 + r(7)];
	END IF;
	CASE r(5)
		WHEN 0 THEN
			RETURN '!(' || rtsquery(depth - 1) || ')';
		WHEN 1 THEN
			RETURN '(' || rtsquery(depth - 1) || ' & ' ||
				rtsquery(depth - 1) || ')';
		WHEN 2 THEN
			RETURN '(' || rtsquery(depth - 1) || ' | ' ||
				rtsquery(depth - 1) || ')';
		ELSE
			RETURN '(' || rtsquery(depth - 1) ||
				(ARRAY['<->', '<2>', '<0>', '<16384>'])[1 + r(4)] ||
				rtsquery(depth - 1) || ')';
	END CASE;
END
$$;
CREATE FUNCTION rtsvector() RETURNS tsvector LANGUAGE plpgsql VOLATILE AS
$$
DECLARE
	v tsvector := '';
	w text;
BEGIN
	FOR i IN 1 .. r(8) LOOP
		w := quote_literal('w' || replace(left(rtext(), 99), '\', '\\'));
		IF left(w, 1) = ' ' THEN
			w := ltrim(w, ' E');
		END IF;
		w := regexp_replace(w, '^ ?E?', '');
		IF r(2) = 0 THEN
			w := w || ':' || (1 + r(16383)) ||
				(ARRAY['', 'A', 'B', 'C', 'D'])[1 + r(5)];
			FOR k IN 1 .. r(4) LOOP
				w := w || ',' || (1 + r(16383)) ||
					(ARRAY['', 'A', 'B', 'C', 'D'])[1 + r(5)];
			END LOOP;
		END IF;
		v := v || w::tsvector;
	END LOOP;
	RETURN v;
END
$$;
-- text of a range: bounds in order, each kind of bracket and of infinity
CREATE FUNCTION rrange(lo anyelement, hi anyelement) RETURNS text
LANGUAGE plpgsql VOLATILE AS
$$
DECLARE
	swapped lo%TYPE;
BEGIN
	IF r(20) = 0 THEN
		RETURN 'empty';
	END IF;
	IF lo > hi THEN
		swapped := lo;
		lo := hi;
		hi := swapped;
	END IF;
	RETURN (ARRAY['[', '('])[1 + r(2)] ||
		CASE r(10) WHEN 0 THEN '' ELSE '"' || lo || '"' END || ',' ||
		CASE r(10) WHEN 0 THEN '' ELSE '"' || hi || '"' END ||
		(ARRAY[']', ')'])[1 + r(2)];
END
$$;
CREATE FUNCTION rpoints(most int) RETURNS text LANGUAGE plpgsql VOLATILE AS
$$
DECLARE
	s text := '';
BEGIN
	FOR i IN 0 .. r(most) LOOP
		s := s || ',(' || rfloat() || ',' || rfloat() || ')';
	END LOOP;
	RETURN substr(s, 2);
END
$$;

CREATE TABLE spec (type text PRIMARY KEY, random text, boundary text[]);
INSERT INTO spec VALUES
('bool', 'random() < 0.5', '{t,f}'),
('bytea', $$decode(substr(md5(random()::text), 1, 2 * r(16)::int), 'hex')$$,
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
('macaddr8', $$(substr(md5(random()::text), 1, 16))::macaddr8$$,
	'{00:00:00:00:00:00:00:00,ff:ff:ff:ff:ff:ff:ff:ff}'),
('money', $$('0.01'::money * (rmag() / 100))$$,
	$${0,0.01,-0.01,-1,999.99,1000,92233720368547758.07,
	-92233720368547758.08,1234567.89}$$),
('macaddr', $$(substr(md5(random()::text), 1, 12))::macaddr$$,
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
('time', $$(time '00:00' + rusecs())::time$$,
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
('timetz', $$((time '00:00' + rusecs())::time ||
	(ARRAY['+00', '-08', '+05:30', '-15:59:59', '+15:59', '+02', '-00:00:01'])
	[1 + r(7)])::timetz$$,
	$${00:00+00,24:00+00,24:00-15:59:59,23:59:59.999999+15:59:59,12:00-00:30,
	12:00+05:45:30}$$),
('bit', $$rbits()::bit varying::text::bit varying::bit(37)$$, '{0,1}'),
('varbit', 'rbits()::varbit', '{"",0,1,101,11111111,111111110}'),
('numeric', 'rnumeric()', $${0,0.0,0.00000,-1,1,10,9999,10000,10001,99999999,
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
('uuid', 'md5(random()::text)::uuid',
	$${00000000-0000-0000-0000-000000000000,
	ffffffff-ffff-ffff-ffff-ffffffffffff}$$),
('txid_snapshot', $$(SELECT a || ':' || a + 10 || ':' ||
	concat_ws(',', a + 1, a + 5) FROM (SELECT 1 + r(1e15) + 0 * i AS a) x)
	::txid_snapshot$$, '{1:1:,10:20:10\,14\,15}'),
('pg_lsn', $$(to_hex(r(4294967296) >> r(32)::int) || '/' ||
	to_hex(r(4294967296) >> r(32)::int))::pg_lsn$$,
	'{0/0,FFFFFFFF/FFFFFFFF,1/0,0/1,16/B374D848}'),
('tsvector', 'rtsvector()',
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
('numrange', 'rrange(rnumeric(), rnumeric())::numrange',
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
	concat_ws(',', a + 1, a + 5) FROM (SELECT 1 + r(1e15) + 0 * i AS a) x)
	::pg_snapshot$$, '{1:1:,10:20:10\,14\,15}'),
('xid8', 'abs(rmag())::text::xid8', '{0,1,18446744073709551615}');

INSERT INTO spec
SELECT rngmultitypid::regtype::text,
	format('(SELECT coalesce(%1$s(VARIADIC array_agg(x)), ''{}'')'
		' FROM (SELECT %2$s AS x'
		' FROM generate_series(1, r(9) + 0 * i)) q)',
		rngmultitypid::regtype, random),
	ARRAY['{}', '{empty}', '{(,)}'] ||
	ARRAY(SELECT '{' || b || '}' FROM unnest(boundary) b)
FROM spec JOIN pg_range ON rngtypid = type::regtype;

-- a function for each that gives one more value of it
SELECT format('CREATE FUNCTION g%s(i int8) RETURNS %s LANGUAGE sql VOLATILE AS '
	'$g$ SELECT (%s)::%2$s $g$', type::regtype::oid, type, random)
FROM spec
\gexec

-- arrays of each of them: NULLs, dimensions, lower bounds
INSERT INTO spec
SELECT typarray::regtype::text,
	CASE WHEN type IN ('int2vector', 'oidvector') THEN
		-- ARRAY[] would take these for arrays themselves
		format('string_to_array(concat_ws(''|'', %1$s, %1$s, ''N''), ''|'','
			' ''N'')::%2$s[]', random, type)
	ELSE
		replace(format('CASE r(8) WHEN 0 THEN ARRAY[@]'
		' WHEN 1 THEN ARRAY[@, NULL, @, @]'
		' WHEN 2 THEN ARRAY[NULL::%1$s]'
		' WHEN 3 THEN ARRAY[[@, @, NULL], [@, @, @]]'
		' WHEN 4 THEN ARRAY[[[@], [@]], [[NULL::%1$s], [@]]]'
		' WHEN 5 THEN array_fill(@, ARRAY[2, 2], ARRAY[-1, 7])'
		' WHEN 6 THEN array_fill(@, ARRAY[r(20)::int], ARRAY[r(3)::int])'
		' ELSE ARRAY[@, @, @, @, @, @, @, @, NULL, @] END', type),
		'@', format('g%s(i)', t.oid)) END,
	ARRAY['{}', '{NULL}', '{' || repeat('NULL' || typdelim::text, 8) || 'NULL}']
FROM spec JOIN pg_type t ON t.oid = type::regtype;

SELECT setseed(:seed) \g /dev/null
\o
SELECT format('COPY (SELECT %1$s, raw_datum(v), out_text(v) FROM ('
	'SELECT unnest(%2$L::text[])::%3$s AS v UNION ALL '
	'SELECT %4$s FROM generate_series(1, %5$s) i OFFSET 0) s) TO STDOUT',
	type::regtype::oid, boundary, type, random, :count)
FROM spec
WHERE :'only' IN ('', type)
ORDER BY type::regtype::oid
\gexec
