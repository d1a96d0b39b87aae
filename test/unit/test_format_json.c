/* links: format_json format_json_debezium format_json_default
 * links: format_json_schema format_json_type format_json_time avro_name mask_hash jsontext buf format_json_extension
 * links: pgtext pgtext_array pgtext_bits pgtext_datetime pgtext_float
 * links: pgtext_geo pgtext_jsonb pgtext_net pgtext_numeric pgtext_range
 * links: pgtext_ts pgtext_xml
 * libs: jansson libcrypto */
/*
 * The envelope, keys, and the JSON of every type.
 *
 * Raw values are what PostgreSQL 15 stores for the expression beside them.
 * What is expected is what Debezium 3.6.1 was seen to write or its own tests
 * want, except where it is said that we do otherwise.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "format_one.h"
#include "mask_hash.h"
#include "jsontext.h"
#include "pgtext.h"

#define PLACEHOLDER "__debezium_unavailable_value"

static const struct format_options options = {
	.version = "3.6.1.Final",
	.prefix = "srv",
	.database = "postgres",
	.placeholder = PLACEHOLDER,
	.decimal = FORMAT_DECIMAL_PRECISE,
	.binary = FORMAT_BINARY_BYTES,
	.interval = FORMAT_INTERVAL_NUMERIC,
	.money_fraction_digits = 2,
	.byte_order = 'L',
};

/* ------------------------------------------------------- building changes */

static struct change_value
bytes(const void *data, size_t len)
{
	return (struct change_value){CHANGE_VALUE, data, len};
}

#define TEXT(s) bytes((s), strlen(s))
#define STATE(s) ((struct change_value){.state = (s)})

static const char *
str(struct buf *b)
{
	return buf_cstr(b);
}

/* ------------------------------------------------------------------ types */

enum mode
{
	AS_IS,
	DOUBLE,
	STRING, /* of decimals and of intervals */
	HEX,
	BASE64,
	URL,
	MONEY0,
	MONEY4
};

static struct format_options
options_of(enum mode mode)
{
	struct format_options o = options;

	if (mode == DOUBLE)
		o.decimal = FORMAT_DECIMAL_DOUBLE;
	if (mode == STRING)
	{
		o.decimal = FORMAT_DECIMAL_STRING;
		o.interval = FORMAT_INTERVAL_STRING;
	}
	if (mode == HEX)
		o.binary = FORMAT_BINARY_HEX;
	if (mode == BASE64)
		o.binary = FORMAT_BINARY_BASE64;
	if (mode == URL)
		o.binary = FORMAT_BINARY_BASE64_URL;
	if (mode == MONEY0)
		o.money_fraction_digits = 0;
	if (mode == MONEY4)
		o.money_fraction_digits = 4;
	return o;
}

static const struct
{
	uint32_t	oid;
	int32_t		typmod;
	enum mode	mode;
	const char *raw;
	const char *json;
} values[] = {
	{PGTEXT_BOOL, -1, AS_IS, "01", "true"},
	{PGTEXT_BOOL, -1, AS_IS, "00", "false"},
	{PGTEXT_INT2, -1, AS_IS, "0080", "-32768"},
	{PGTEXT_INT4, -1, AS_IS, "00000080", "-2147483648"},
	{PGTEXT_INT4, -1, AS_IS, "00000000", "0"},
	{PGTEXT_INT8, -1, AS_IS, "0000000000000080", "-9223372036854775808"},
	{PGTEXT_INT8, -1, AS_IS, "ffffffffffffff7f", "9223372036854775807"},
	{PGTEXT_OID, -1, AS_IS, "00286bee", "4000000000"},
	{PGTEXT_FLOAT4, -1, AS_IS, "cdcccc3d", "0.1"},
	{PGTEXT_FLOAT8, -1, AS_IS, "0000000000000080", "-0.0"},
	{PGTEXT_FLOAT8, -1, AS_IS, "00000000d0126341", "1.0E7"},
	{PGTEXT_FLOAT8, -1, AS_IS, "000000000000f87f", "\"NaN\""},
	{PGTEXT_FLOAT8, -1, AS_IS, "000000000000f0ff", "\"-Infinity\""},
	{PGTEXT_FLOAT4, -1, AS_IS, "0000807f", "\"Infinity\""},

	/* numeric: 1.1, -1234567.89, 10.1111, 120.500, 0, specials, 1e499 */
	{PGTEXT_NUMERIC, NUMERIC(3, 2), AS_IS, "00810100e803", "\"bg==\""},
	{PGTEXT_NUMERIC, NUMERIC(14, 2), AS_IS, "01a17b00d711c422",
	 "\"+KQy6w==\""},
	{PGTEXT_NUMERIC, NUMERIC(14, 2), STRING, "01a17b00d711c422",
	 "\"-1234567.89\""},
	{PGTEXT_NUMERIC, NUMERIC(14, 2), DOUBLE, "01a17b00d711c422",
	 "-1234567.89"},
	/* numeric(3,-2): Debezium encodes 2046 digits */
	{PGTEXT_NUMERIC, NUMERIC(3, -2), AS_IS, "0080b004", "\"DA==\""},
	{PGTEXT_NUMERIC, -1, AS_IS, "00820a005704",
	 "{\"scale\":4,\"value\":\"AYr3\"}"},
	{PGTEXT_NUMERIC, -1, AS_IS, "808178008813",
	 "{\"scale\":1,\"value\":\"BLU=\"}"},
	{PGTEXT_NUMERIC, -1, STRING, "808178008813", "\"120.500\""},
	{PGTEXT_NUMERIC, -1, AS_IS, "0080", "{\"scale\":0,\"value\":\"AA==\"}"},
	{PGTEXT_NUMERIC, -1, AS_IS, "00c0", "null"},
	{PGTEXT_NUMERIC, NUMERIC(4, 2), AS_IS, "00c0", "null"},
	{PGTEXT_NUMERIC, -1, AS_IS, "00d0", "null"},
	{PGTEXT_NUMERIC, -1, DOUBLE, "00c0", "\"NaN\""},
	{PGTEXT_NUMERIC, -1, DOUBLE, "00f0", "\"-Infinity\""},
	{PGTEXT_NUMERIC, -1, DOUBLE, "00007c00e803", "\"Infinity\""},
	{PGTEXT_NUMERIC, -1, STRING, "00c0", "\"NAN\""},
	{PGTEXT_NUMERIC, -1, STRING, "00d0", "\"POSITIVE_INFINITY\""},
	{PGTEXT_NUMERIC, -1, STRING, "00f0", "\"NEGATIVE_INFINITY\""},

	/* money: $1234.11, ($1234.11), the least */
	{PGTEXT_MONEY, -1, AS_IS, "13e2010000000000", "\"AeIT\""},
	{PGTEXT_MONEY, -1, AS_IS, "ed1dfeffffffffff", "\"/h3t\""},
	{PGTEXT_MONEY, -1, DOUBLE, "ed1dfeffffffffff", "-1234.11"},
	{PGTEXT_MONEY, -1, STRING, "ed1dfeffffffffff", "\"-1234.11\""},
	{PGTEXT_MONEY, -1, STRING, "ffffffffffffffff", "\"-0.01\""},
	{PGTEXT_MONEY, -1, STRING, "0000000000000080",
	 "\"-92233720368547758.08\""},
	{PGTEXT_MONEY, -1, MONEY0, "13e2010000000000", "\"BNI=\""},
	{PGTEXT_MONEY, -1, MONEY0, "ffffffffffffffff", "\"AA==\""},
	{PGTEXT_MONEY, -1, MONEY0, "ceffffffffffffff", "\"/w==\""},
	{PGTEXT_MONEY, -1, MONEY4, "13e2010000000000", "\"ALxPbA==\""},

	/* 2016-11-04, infinity, -infinity, 0001-12-31 BC */
	{PGTEXT_DATE, -1, AS_IS, "08180000", "17109"},
	{PGTEXT_DATE, -1, AS_IS, "ffffff7f", "-2147472692"},
	{PGTEXT_DATE, -1, AS_IS, "00000080", "-2147472691"},
	{PGTEXT_DATE, -1, AS_IS, "f8dbf4ff", "-719163"},

	{PGTEXT_TIME, -1, AS_IS, "80fcac9d0b000000", "49890000000"},
	{PGTEXT_TIME, 3, AS_IS, "f8dcae9d0b000000", "49890123"},
	{PGTEXT_TIME, 4, AS_IS, "f8dcae9d0b000000", "49890123000"},
	{PGTEXT_TIME, -1, AS_IS, "0060d71d14000000", "86400000000"},
	{PGTEXT_TIMETZ, -1, AS_IS, "0de0ae9d0b000000e0e3ffff",
	 "\"11:51:30.123789Z\""},
	{PGTEXT_TIMETZ, 3, AS_IS, "f8dcae9d0b000000e0e3ffff", "\"11:51:30.123Z\""},
	{PGTEXT_TIMETZ, -1, AS_IS, "00d2496b00000000f0f1ffff", "\"23:30:00Z\""},
	{PGTEXT_TIMETZ, -1, AS_IS, "0060d71d1400000000000000", "\"00:00:00Z\""},

	{PGTEXT_TIMESTAMP, -1, AS_IS, "c0de69bd78e30100", "1478267490123456"},
	{PGTEXT_TIMESTAMP, 6, AS_IS, "00807b6f98eaf8ff", "-1047174587392000"},
	{PGTEXT_TIMESTAMP, 3, AS_IS, "f8dc69bd78e30100", "1478267490123"},
	{PGTEXT_TIMESTAMP, 0, AS_IS, "00807b6f98eaf8ff", "-1047174587392"},
	{PGTEXT_TIMESTAMP, -1, AS_IS, "ff1f0359809c0ffd", "-210831897600000001"},
	{PGTEXT_TIMESTAMP, -1, AS_IS, "ffbf7a785aa2fc7f", "9223371331199999999"},
	{PGTEXT_TIMESTAMP, -1, AS_IS, "ffffffffffffff7f", "9223372036825200000"},
	{PGTEXT_TIMESTAMP, -1, AS_IS, "0000000000000080", "-9223372036832400000"},
	{PGTEXT_TIMESTAMP, 3, AS_IS, "ffffffffffffff7f", "9223372036825200"},
	{PGTEXT_TIMESTAMP, 3, AS_IS, "0000000000000080", "-9223372036832400"},
	/* 294276-12-31 23:59:59.999999: Debezium wraps around */
	{PGTEXT_TIMESTAMP, -1, AS_IS, "ff9fb2b35bffff7f", "9223372036854775807"},

	{PGTEXT_TIMESTAMPTZ, -1, AS_IS, "c096421077e30100",
	 "\"2016-11-04T11:51:30.123456Z\""},
	{PGTEXT_TIMESTAMPTZ, 3, AS_IS, "f894421077e30100",
	 "\"2016-11-04T11:51:30.123Z\""},
	{PGTEXT_TIMESTAMPTZ, 0, AS_IS, "80b4401077e30100",
	 "\"2016-11-04T11:51:30Z\""},
	{PGTEXT_TIMESTAMPTZ, -1, AS_IS, "8020604924085408",
	 "\"+21016-11-04T06:51:30.000000Z\""},
	{PGTEXT_TIMESTAMPTZ, -1, AS_IS, "ffdf17afbd7f0ffd",
	 "\"-4713-12-31T23:59:59.999999Z\""},
	{PGTEXT_TIMESTAMPTZ, -1, AS_IS, "00308a26f5ba24ff",
	 "\"0044-03-15T12:00:00.000000Z\""},
	{PGTEXT_TIMESTAMPTZ, -1, AS_IS, "ffffffffffffff7f", "\"infinity\""},
	{PGTEXT_TIMESTAMPTZ, -1, AS_IS, "0000000000000080", "\"-infinity\""},

	/* P1Y2M3DT4H5M6.78S, 1 year, 1 day -23:59:59.999 (exact: Debezium 999) */
	{PGTEXT_INTERVAL, -1, AS_IS, "60a7976c03000000030000000e000000",
	 "37091106780000"},
	{PGTEXT_INTERVAL, -1, STRING, "60a7976c03000000030000000e000000",
	 "\"P1Y2M3DT4H5M6.78S\""},
	{PGTEXT_INTERVAL, -1, AS_IS, "0000000000000000000000000c000000",
	 "31557600000000"},
	{PGTEXT_INTERVAL, -1, AS_IS, "e8a328e2ebffffff0100000000000000", "1000"},
	{PGTEXT_INTERVAL, -1, STRING, "a0586893fcffffff030000000a000000",
	 "\"P0Y10M3DT-4H-5M-6.78S\""},
	{PGTEXT_INTERVAL, -1, STRING, "e05ef8ffffffffff0000000000000000",
	 "\"P0Y0M0DT0H0M-0.5S\""},
	{PGTEXT_INTERVAL, -1, STRING, "00000000000000000000000000000000",
	 "\"P0Y0M0DT0H0M0S\""},
	{PGTEXT_INTERVAL, -1, AS_IS, "ffffffffffffff7fffffff7fffffff7f",
	 "9223372036854775807"},
	{PGTEXT_INTERVAL, -1, STRING, "ffffffffffffff7fffffff7fffffff7f",
	 "\"infinity\""},
	{PGTEXT_INTERVAL, -1, STRING, "00000000000000800000008000000080",
	 "\"-infinity\""},

	{PGTEXT_BIT, 1, AS_IS, "0100000080", "true"},
	{PGTEXT_BIT, 1, AS_IS, "0100000000", "false"},
	{PGTEXT_VARBIT, 1, AS_IS, "00000000", "null"},
	{PGTEXT_BIT, 2, AS_IS, "02000000c0", "\"Aw==\""},
	{PGTEXT_BIT, 2, AS_IS, "0200000000", "\"\""},
	{PGTEXT_BIT, 24, AS_IS, "18000000030201", "\"AQID\""},
	{PGTEXT_BIT, 64, AS_IS, "400000008000000000000000", "\"AAAAAAAAAIA=\""},
	{PGTEXT_VARBIT, -1, AS_IS, "03000000a0", "\"BQ==\""},
	{PGTEXT_VARBIT, -1, AS_IS, "21000000ed11810080", "\"AQIj2gE=\""},
	{PGTEXT_VARBIT, -1, AS_IS, "00000000", "\"\""},

	{PGTEXT_BYTEA, -1, AS_IS, "010203", "\"AQID\""},
	{PGTEXT_BYTEA, -1, BASE64, "0102", "\"AQI=\""},
	{PGTEXT_BYTEA, -1, HEX, "0102ff", "\"0102ff\""},
	/* 'fat' <-> 'cat' */
	{PGTEXT_BYTEA, -1, URL, "2766617427203c2d3e202763617427",
	 "\"J2ZhdCcgPC0-ICdjYXQn\""},
	{PGTEXT_BYTEA, -1, URL, "fbff", "\"-_8=\""},
	{PGTEXT_BYTEA, -1, AS_IS, "fbff", "\"+/8=\""},
	{PGTEXT_BYTEA, -1, AS_IS, "", "\"\""},

	{PGTEXT_UUID, -1, AS_IS, "a0eebc999c0b4ef8bb6d6bb9bd380a11",
	 "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\""},
	{PGTEXT_TEXT, -1, AS_IS, "6120226222205c63", "\"a \\\"b\\\" \\\\c\""},
	{PGTEXT_TEXT, -1, AS_IS, "", "\"\""},
	{PGTEXT_BPCHAR, 10, AS_IS, "616220202020", "\"ab    \""},
	{PGTEXT_NAME, -1, AS_IS, "72656c6e616d65", "\"relname\""},
	{PGTEXT_CHAR, -1, AS_IS, "61", "\"a\""},
	{PGTEXT_JSON, -1, AS_IS, "7b226122203a2020312e307d",
	 "\"{\\\"a\\\" :  1.0}\""},
	/* {"a": [1, 2.50, null], "b": "x\ty"} */
	{PGTEXT_JSONB, -1, AS_IS,
	 "02000020010000800100000024000050030000006162000003000040080000900a00"
	 "001000000040200000000080010028000000008102008813780979",
	 "\"{\\\"a\\\": [1, 2.50, null], \\\"b\\\": \\\"x\\\\ty\\\"}\""},
	{PGTEXT_XML, -1, AS_IS, "3c613e783c2f613e", "\"<a>x</a>\""},
	{PGTEXT_INET, -1, AS_IS, "020cc0a80200", "\"192.168.2.0/12\""},
	{PGTEXT_CIDR, -1, AS_IS, "0210c0a80000", "\"192.168.0.0/16\""},
	{PGTEXT_MACADDR, -1, AS_IS, "08002b0102ff", "\"08:00:2b:01:02:ff\""},
	{PGTEXT_INT8RANGE, -1, AS_IS, "560f000001000000000000000a0000000000000002",
	 "\"[1,10)\""},
	{PGTEXT_TSRANGE, -1, AS_IS, "440f00000060c286073e020012",
	 "\"[\\\"2020-01-01 00:00:00\\\",)\""},
	{PGTEXT_TSVECTOR, -1, AS_IS,
	 "02000000070000000780000063617400010001c06661740001000200",
	 "\"'cat':1A 'fat':2\""},
	{PGTEXT_PG_LSN, -1, AS_IS, "48d874b316000000", "\"16/B374D848\""},
	/* printf '\x01\x01\0\0\0' and two doubles, base64 */
	{PGTEXT_POINT, -1, AS_IS, "000000000000f03f0000000000000440",
	 "{\"x\":1.0,\"y\":2.5,\"wkb\":\"AQEAAAAAAAAAAADwPwAAAAAAAARA\","
	 "\"srid\":null}"},
	{PGTEXT_BOX, -1, AS_IS,
	 "000000000000f03f000000000000f03f00000000000000000000000000000000",
	 "\"(1,1),(0,0)\""},

	/* arrays; of several dimensions Debezium makes nulls or Java identities */
	{1007, -1, AS_IS,
	 "010000002000000017000000030000000100000003000000000000000100000002000"
	 "000",
	 "[1,2,null]"},
	{1007, -1, AS_IS,
	 "020000002800000017000000020000000200000001000000010000000700000000000"
	 "000010000000200000003000000",
	 "[[1,2],[3,null]]"},
	{1016, -1, AS_IS,
	 "030000000000000014000000020000000100000001000000010000000100000001000"
	 "00001000000000000000200000000000000",
	 "[[[1]],[[2]]]"},
	{1007, -1, AS_IS,
	 "01000000000000001700000002000000000000000700000008000000", "[7,8]"},
	{1007, -1, AS_IS, "000000000000000017000000", "[]"},
	{1009, -1, AS_IS,
	 "01000000200000001900000004000000010000000d000000000000001c00000061206"
	 "2001c00000071225c0010000000",
	 "[\"a b\",null,\"q\\\"\\\\\",\"\"]"},
	{1231, NUMERIC(4, 2), AS_IS,
	 "0100000020000000a4060000030000000100000003000000000000002800000000810"
	 "100e80300001800000000c00000",
	 "[\"bg==\",null,null]"},
	{1022, -1, AS_IS,
	 "0100000000000000bd0200000200000001000000000000000000f83f0000000000000"
	 "080",
	 "[1.5,-0.0]"},
	{1182, -1, AS_IS,
	 "01000000000000003a040000020000000100000008180000ffffff7f",
	 "[17109,-2147472692]"},
	{1000, -1, AS_IS,
	 "010000002000000010000000030000000100000003000000000000000100",
	 "[true,false,null]"},
	{2951, -1, AS_IS,
	 "0100000000000000860b00000100000001000000a0eebc999c0b4ef8bb6d6bb9bd380"
	 "a11",
	 "[\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"]"},
	{1001, -1, HEX,
	 "01000000000000001100000002000000010000001800000001020000"
	 "10000000",
	 "[\"0102\",\"\"]"},
	{3807, -1, AS_IS,
	 "0100000000000000da0e000001000000010000007000000001000020010000800b000"
	 "010610000002000000000800100",
	 "[\"{\\\"a\\\": 1}\"]"},
	{1185, -1, AS_IS,
	 "0100000000000000a00400000100000001000000c096421077e30100",
	 "[\"2016-11-04T11:51:30.123456Z\"]"},
	/* bit[]: Debezium null; time[]: Debezium loses microseconds */
	{1561, 1, AS_IS,
	 "010000000000000018060000020000000100000024000000010000008000000024000"
	 "0000100000000000000",
	 "[true,false]"},
	{1183, -1, AS_IS,
	 "01000000000000003b0400000100000001000000f8dcae9d0b000000",
	 "[49890123000]"},
	/* what Debezium omits */
	{791, -1, AS_IS,
	 "01000000000000001603000001000000010000009600000000000000", "[\"AJY=\"]"},
	{1020, -1, AS_IS,
	 "01000000000000005b0200000200000001000000000000000000f03f000000000000f"
	 "03f0000000000000000000000000000000000000000000008400000000000000840"
	 "00000000000000400000000000000040",
	 "[\"(1,1),(0,0)\",\"(3,3),(2,2)\"]"},
	{1187, -1, STRING,
	 "0100000000000000a2040000010000000100000000000000000000000100000000000"
	 "000",
	 "[\"P0Y0M1DT0H0M0S\"]"},
	{3905, -1, AS_IS,
	 "0100000000000000400f0000010000000100000044000000400f00000100000005000"
	 "00002000000",
	 "[\"[1,5)\"]"},
	{1003, -1, AS_IS,
	 "01000000000000001300000001000000010000006e00000000000000000000000000"
	 "00000000000000000000000000000000000000000000000000000000000000000000"
	 "00000000000000000000000000000000",
	 "[\"n\"]"},
	{PGTEXT_INT2VECTOR, -1, AS_IS,
	 "0100000000000000150000000300000000000000010002000300", "[1,2,3]"},
};

static void
format_json_has_each_type_as_debezium(void **state)
{
	struct buf out = {0};

	(void) state;
	for (size_t i = 0; i < COUNT(values); i++)
	{
		struct change_column  c = column("c", values[i].oid, values[i].typmod);
		struct format_options o = options_of(values[i].mode);
		struct change_value	  v;
		size_t				  len;
		uint8_t				 *raw = unhex(values[i].raw, &len);
		unsigned			  failed;

		v = bytes(raw, len);
		failed = format_one(&c, &o, &v, &out);
		if (failed != 0 || strcmp(str(&out), values[i].json) != 0)
			fail_msg("type %u %s: got %s, not %s", values[i].oid,
					 values[i].raw, str(&out), values[i].json);
		free(raw);
	}
	buf_free(&out);
}

/* Whatever the bytes are, null and counted, or some value; never a crash. */
static void
format_json_survives_values_that_are_none(void **state)
{
	struct buf out = {0};

	(void) state;
	for (size_t i = 0; i < COUNT(values); i++)
	{
		struct change_column  c = column("c", values[i].oid, values[i].typmod);
		struct format_options o = options_of(values[i].mode);
		size_t				  len;
		uint8_t				 *raw = unhex(values[i].raw, &len);

		for (size_t cut = 0; cut < len; cut++)
		{
			uint8_t			   *part = malloc(cut ? cut : 1);
			struct change_value v = bytes(part, cut);

			memcpy(part, raw, cut);
			if (format_one(&c, &o, &v, &out) > 0)
				assert_string_equal(str(&out), "null");
			free(part);
		}
		for (size_t at = 0; at < len; at++)
		{
			struct change_value v = bytes(raw, len);

			raw[at] ^= 0xff;
			(void) format_one(&c, &o, &v, &out);
			raw[at] ^= 0xff;
		}
		free(raw);
	}

	/* A fixed width that is not the type's. */
	{
		struct change_column c = column("c", PGTEXT_INT8, -1);
		struct change_value	 v = bytes("abcd", 4);

		assert_int_equal(format_one(&c, &options, &v, &out), 1);
		assert_string_equal(str(&out), "null");
	}
	buf_free(&out);
}

static const struct
{
	const char *type;
	const char *element;
	const char *text;
	const char *json;
} texts[] = {
	{"mood", NULL, "happy", "\"happy\""},
	{"citext", NULL, "A\nb", "\"A\\nb\""},
	{"composite", NULL, "(1,\"a b\")", "\"(1,\\\"a b\\\")\""},
	{"hstore", NULL, "\"a\"=>\"1\", \"n\"=>NULL, \"q\\\"\\\\\"=>\"\xc3\xa9\"",
	 "\"{\\\"a\\\":\\\"1\\\","
	 "\\\"q\\\\\\\"\\\\\\\\\\\":\\\"\xc3\xa9\\\","
	 "\\\"n\\\":null}\""},
	/* in the order of Java's HashMap; what UTF-16 has as two is not escaped
	 * twice */
	{"hstore", NULL,
	 "\"\"=>\"\", \"c\"=>\"1\", \"bb\"=>\"2\", \"\xc3\xa9\"=>\"3\", "
	 "\"k e\"=>\"v\", \"\xf0\x9f\x98\x80\"=>\"4\"",
	 "\"{\\\"\\\":\\\"\\\",\\\"bb\\\":\\\"2\\\","
	 "\\\"k e\\\":\\\"v\\\",\\\"c\\\":\\\"1\\\","
	 "\\\"\\uD83D\\uDE00\\\":\\\"4\\\",\\\"\xc3\xa9\\\":\\\"3\\\"}\""},
	{"hstore", NULL, "", "\"{}\""},
	/* not what hstore_out writes: shown as it is */
	{"hstore", NULL, "\"a\"=>", "\"\\\"a\\\"=>\""},
	{"hstore", NULL, "a=>1", "\"a=>1\""},
	{"vector", NULL, "[1,2.5,-3e-05]", "[1.0,2.5,-3.0E-5]"},
	{"halfvec", NULL, "[0.1]", "[0.1]"},
	{"vector", NULL, "[1,x]", "\"[1,x]\""},
	{"vector", NULL, "[1", "\"[1\""},
	{"sparsevec", NULL, "{1:1.5,3:-2}/5",
	 "{\"dimensions\":5,\"vector\":[[1,1.5],[3,-2.0]]}"},
	{"sparsevec", NULL, "{}/3", "{\"dimensions\":3,\"vector\":[]}"},
	/* in the order of a HashMap of four, and of eight */
	{"sparsevec", NULL, "{1:2,4:3,17:1}/99",
	 "{\"dimensions\":99,\"vector\":[[4,3.0],[1,2.0],[17,1.0]]}"},
	{"sparsevec", NULL, "{1:1,4:1,8:1,9:1}/9",
	 "{\"dimensions\":9,\"vector\":[[8,1.0],[1,1.0],[9,1.0],[4,1.0]]}"},
	{"sparsevec", NULL, "{1:1}/32768", "\"{1:1}/32768\""},
	{"sparsevec", NULL, "{1:x}/3", "\"{1:x}/3\""},
	{"sparsevec", NULL, "{1:1", "\"{1:1\""},
	{"sparsevec", NULL, "{1:1}/3 ", "\"{1:1}/3 \""},
	{"_sparsevec", "sparsevec", "{\"{1:1}/2\",NULL}",
	 "[{\"dimensions\":2,\"vector\":[[1,1.0]]},null]"},
	{"geometry", NULL, "0101000000000000000000F03F0000000000000040",
	 "{\"wkb\":\"AQEAAAAAAAAAAADwPwAAAAAAAABA\",\"srid\":null}"},
	{"geography", NULL, "0101000020E6100000000000000000F03F0000000000000040",
	 "{\"wkb\":\"AQEAACDmEAAAAAAAAAAA8D8AAAAAAAAAQA==\",\"srid\":4326}"},
	{"geometry", NULL, "0020000001000010e63ff00000000000004000000000000000",
	 "{\"wkb\":\"ACAAAAEAABDmP/AAAAAAAABAAAAAAAAAAA==\",\"srid\":4326}"},
	/* another extension's */
	{"geometry", NULL, "POINT(1 2)", "\"POINT(1 2)\""},
	{"geometry", NULL, "01010000000000000", "\"01010000000000000\""},
	{"geometry", NULL, "010100000000000000g", "\"010100000000000000g\""},
	{"geometry", NULL, "01010000", "\"01010000\""},
	{"_geometry", "geometry", "{010700000000000000:NULL}",
	 "[{\"wkb\":\"AQcAAAAAAAAA\",\"srid\":null},null]"},
	{"_mood", "mood", "{sad,NULL,\"NULL\",\"a \\\"b\\\" \\\\\"}",
	 "[\"sad\",null,\"NULL\",\"a \\\"b\\\" \\\\\"]"},
	{"_mood", "mood", "{}", "[]"},
	{"_mood", "mood", "{{a,b},{c,d}}", "[[\"a\",\"b\"],[\"c\",\"d\"]]"},
	{"_mood", "mood", "[0:1]={a,b}", "[\"a\",\"b\"]"},
	{"_mood", "mood", "{\"\"}", "[\"\"]"},
	{"_hstore", "hstore", "{\"\\\"a\\\"=>\\\"1\\\"\",NULL}",
	 "[\"{\\\"a\\\":\\\"1\\\"}\",null]"},
	{"_vector", "vector", "{\"[1,2]\",\"[3,4]\"}", "[[1.0,2.0],[3.0,4.0]]"},
	{"_geometry", "geometry", "{0101:0102}", "[\"0101\",\"0102\"]"},
	/* not what array_out writes */
	{"_mood", "mood", "{a,b", "\"{a,b\""},
	{"_mood", "mood", "{a,}", "\"{a,}\""},
	{"_mood", "mood", "{a}b", "\"{a}b\""},
	{"_mood", "mood", "{\"a", "\"{\\\"a\""},
	{"_mood", "mood", "", "\"\""},
	{"_mood", "mood", "{{{{{{{a}}}}}}}", "\"{{{{{{{a}}}}}}}\""},
};

static void
format_json_reads_texts_with_an_inner_order(void **state)
{
	struct buf out = {0};

	(void) state;
	for (size_t i = 0; i < COUNT(texts); i++)
	{
		struct change_column c = text_column("c", texts[i].type,
											 texts[i].element);
		size_t				 len = strlen(texts[i].text);

		/* cut off anywhere it is still a string of JSON */
		for (size_t cut = 0; cut <= len; cut++)
		{
			char			   *exact = malloc(cut ? cut : 1);
			struct change_value v = bytes(exact, cut);

			memcpy(exact, texts[i].text, cut);
			assert_int_equal(format_one(&c, &options, &v, &out), 0);
			assert_true(out.data[0] == '"' || out.data[0] == '[' ||
						out.data[0] == '{');
			free(exact);
		}
		assert_string_equal(str(&out), texts[i].json);
	}
	buf_free(&out);
}

static void
format_json_hstore_may_be_an_object(void **state)
{
	static const struct
	{
		const char *element;
		const char *text;
		const char *json;
	} cases[] = {
		{NULL, "", "{}"},
		{NULL, "\"n\"=>NULL, \"a\"=>\"1\"", "{\"a\":\"1\",\"n\":null}"},
		{NULL, "\"\xf0\x9f\x98\x80\"=>\"\"", "{\"\\uD83D\\uDE00\":\"\"}"},
		/* not what hstore_out writes: shown as it is */
		{NULL, "\"a\"=>", "\"\\\"a\\\"=>\""},
		{"hstore", "{\"\\\"a\\\"=>\\\"1\\\", \\\"b\\\"=>\\\"2\\\"\",NULL}",
		 "[{\"a\":\"1\",\"b\":\"2\"},null]"},
	};
	const struct change_value unchanged = STATE(CHANGE_UNCHANGED);
	struct format_options	  o = options;
	struct change_column	  c = text_column("c", "hstore", NULL);
	struct buf				  text = {0};
	struct buf				  out = {0};

	(void) state;
	o.hstore = FORMAT_HSTORE_MAP;
	for (size_t i = 0; i < COUNT(cases); i++)
	{
		struct change_column a = text_column("c",
											 cases[i].element ? "_hstore"
															  : "hstore",
											 cases[i].element);
		struct change_value	 v = TEXT(cases[i].text);

		assert_int_equal(format_one(&a, &o, &v, &out), 0);
		assert_string_equal(str(&out), cases[i].json);
	}
	(void) format_one(&c, &o, &unchanged, &out);
	assert_string_equal(str(&out),
						"{\"" PLACEHOLDER "\":\"" PLACEHOLDER "\"}");

	/* The more there are, the more bits of a hash count: "q" is 0x71. */
	for (int n = 12; n <= 13; n++)
	{
		struct change_value v;

		buf_reset(&text);
		for (int i = 0; i < n; i++)
			buf_printf(&text, "%s\"%c\"=>NULL", i > 0 ? ", " : "", 'q' - i);
		v = bytes(text.data, text.len);
		(void) format_one(&c, &o, &v, &out);
		assert_string_equal(
			str(&out), n == 12
						   ? "{\"p\":null,\"q\":null,\"f\":null,\"g\":null,"
							 "\"h\":null,\"i\":null,\"j\":null,\"k\":null,"
							 "\"l\":null,\"m\":null,\"n\":null,\"o\":null}"
						   : "{\"e\":null,\"f\":null,\"g\":null,\"h\":null,"
							 "\"i\":null,\"j\":null,\"k\":null,\"l\":null,"
							 "\"m\":null,\"n\":null,\"o\":null,\"p\":null,"
							 "\"q\":null}");
	}
	buf_free(&text);
	buf_free(&out);
}

/* Two and two have the same hash: "Aa" has that of "BB". */
static const char *
member_key(uint32_t i, char *key, size_t size)
{
	snprintf(key, size, "%s%u", i % 2 > 0 ? "Aa" : "BB", i / 2 * 7919);
	return key;
}

static uint32_t
member_bucket(const char *key, uint32_t buckets)
{
	uint32_t h = 0;

	while (*key)
		h = 31 * h + (uint8_t) *key++;
	return (h ^ h >> 16) & (buckets - 1);
}

static void
format_json_hstore_may_have_many_members(void **state)
{
	/* members, and the buckets that a HashMap has for them */
	static const uint32_t counts[][2] = {{42, 64},	{43, 64},	 {48, 64},
										 {49, 128}, {768, 1024}, {1000, 2048}};
	struct format_options o = options;
	struct change_column  c = text_column("c", "hstore", NULL);
	struct buf			  text = {0};
	struct buf			  want = {0};
	struct buf			  out = {0};
	char				  key[24];

	(void) state;
	o.hstore = FORMAT_HSTORE_MAP;
	for (size_t i = 0; i < COUNT(counts); i++)
	{
		uint32_t			n = counts[i][0];
		uint32_t			buckets = counts[i][1];
		struct change_value v;

		buf_reset(&text);
		for (uint32_t j = 0; j < n; j++)
			buf_printf(&text, "%s\"%s\"=>\"%u\"", j > 0 ? ", " : "",
					   member_key(j, key, sizeof(key)), j);
		buf_reset(&want);
		for (uint32_t b = 0; b < buckets; b++)
		{
			for (uint32_t j = 0; j < n; j++)
			{
				if (member_bucket(member_key(j, key, sizeof(key)), buckets) ==
					b)
					buf_printf(&want, "%c\"%s\":\"%u\"",
							   want.len > 0 ? ',' : '{', key, j);
			}
		}
		buf_putc(&want, '}');
		v = bytes(text.data, text.len);
		assert_int_equal(format_one(&c, &o, &v, &out), 0);
		assert_string_equal(str(&out), str(&want));
	}
	buf_free(&text);
	buf_free(&want);
	buf_free(&out);
}

static const struct
{
	uint32_t	oid; /* 0: text in 'type' */
	const char *type;
	enum mode	mode;
	const char *json;
} placeholders[] = {
	{PGTEXT_TEXT, "", AS_IS, "\"" PLACEHOLDER "\""},
	{PGTEXT_VARCHAR, "", AS_IS, "\"" PLACEHOLDER "\""},
	{PGTEXT_JSONB, "", AS_IS, "\"" PLACEHOLDER "\""},
	{PGTEXT_XML, "", AS_IS, "\"" PLACEHOLDER "\""},
	{PGTEXT_TSVECTOR, "", AS_IS, "\"" PLACEHOLDER "\""},
	{PGTEXT_BYTEA, "", AS_IS, "\"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==\""},
	{PGTEXT_BYTEA, "", HEX, "\"" PLACEHOLDER "\""},
	{PGTEXT_NUMERIC, "", AS_IS, "null"},
	{PGTEXT_VARBIT, "", AS_IS, "null"},
	{1009, "", AS_IS, "[\"" PLACEHOLDER "\"]"},
	{1015, "", AS_IS, "[\"" PLACEHOLDER "\"]"},
	{199, "", AS_IS, "[\"" PLACEHOLDER "\"]"},
	{1001, "", AS_IS, "[\"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==\"]"},
	{1007, "", AS_IS,
	 "[95,95,100,101,98,101,122,105,117,109,95,117,110,97,"
	 "118,97,105,108,97,98,108,101,95,118,97,108,117,101]"},
	{1016, "", AS_IS,
	 "[95,95,100,101,98,101,122,105,117,109,95,117,110,97,"
	 "118,97,105,108,97,98,108,101,95,118,97,108,117,101]"},
	/* java.util.UUID.nameUUIDFromBytes() */
	{2951, "", AS_IS, "[\"b68a35a7-17ad-35b3-af2a-ae46edb4545a\"]"},
	{1231, "", AS_IS, "null"},
	{0, "citext", AS_IS, "\"" PLACEHOLDER "\""},
	{0, "hstore", AS_IS,
	 "\"{\\\"" PLACEHOLDER "\\\":\\\"" PLACEHOLDER "\\\"}\""},
	{0, "vector", AS_IS, "null"},
};

static void
format_json_has_a_placeholder_for_what_is_not_in_the_wal(void **state)
{
	const struct change_value unchanged = STATE(CHANGE_UNCHANGED);
	const struct change_value oversize = STATE(CHANGE_OVERSIZE);
	const struct change_value error = STATE(CHANGE_ERROR);
	struct format_options	  o;
	struct change_column	  uuids = column("c", 2951, -1);
	struct buf				  out = {0};

	(void) state;
	for (size_t i = 0; i < COUNT(placeholders); i++)
	{
		struct change_column c = placeholders[i].oid != 0
									 ? column("c", placeholders[i].oid, -1)
									 : text_column("c", placeholders[i].type,
												   NULL);

		o = options_of(placeholders[i].mode);
		assert_int_equal(format_one(&c, &o, &unchanged, &out), 0);
		assert_string_equal(str(&out), placeholders[i].json);
		assert_int_equal(format_one(&c, &o, &oversize, &out), 1);
		assert_string_equal(str(&out), placeholders[i].json);
		assert_int_equal(format_one(&c, &o, &error, &out), 1);
		assert_string_equal(str(&out), "null");
	}

	/* of names that fill an MD5 block to its last byte, and more than one */
	o = options;
	o.placeholder = "";
	(void) format_one(&uuids, &o, &unchanged, &out);
	assert_string_equal(str(&out),
						"[\"d41d8cd9-8f00-3204-a980-0998ecf8427e\"]");
	o.placeholder = "0123456789012345678901234567890123456789012345678901234";
	(void) format_one(&uuids, &o, &unchanged, &out);
	assert_string_equal(str(&out),
						"[\"6e7a4fc9-2eb1-33f6-a652-425bcc8d44b5\"]");
	o.placeholder = "0123456789012345678901234567890123456789"
					"0123456789012345678901234567890123456789";
	(void) format_one(&uuids, &o, &unchanged, &out);
	assert_string_equal(str(&out),
						"[\"0faef1f4-cb01-3560-9590-16a2d5e91da6\"]");
	buf_free(&out);
}

/* ------------------------------------------------------------------ times */

/* In the order of enum format_time. */
#define TIME_MODES (FORMAT_TIME_ISO_LOCAL + 1)

/* The raw value as a number: days or microseconds from 2000 on. */
static const struct
{
	uint32_t	oid;
	int32_t		typmod;
	int64_t		raw;
	const char *json[TIME_MODES];
} times[] = {
	{PGTEXT_DATE,
	 -1,
	 INT64_C(6152),
	 {"17109", "17109", "17109", "17109", "17109", "\"2016-11-04Z\"",
	  "\"2016-11-04\""}},
	{PGTEXT_DATE,
	 -1,
	 INT64_C(-10957),
	 {"0", "0", "0", "0", "0", "\"1970-01-01Z\"", "\"1970-01-01\""}},
	{PGTEXT_DATE,
	 -1,
	 INT64_C(-10958),
	 {"-1", "-1", "-1", "-1", "-1", "\"1969-12-31Z\"", "\"1969-12-31\""}},
	{PGTEXT_DATE,
	 -1,
	 INT64_C(-152385),
	 {"-141428", "-141428", "-141428", "-141428", "-141428", "\"1582-10-14Z\"",
	  "\"1582-10-14\""}},
	{PGTEXT_DATE,
	 -1,
	 INT64_C(-730119),
	 {"-719162", "-719162", "-719162", "-719162", "-719162", "\"0001-01-01Z\"",
	  "\"0001-01-01\""}},
	/* 1 BC */
	{PGTEXT_DATE,
	 -1,
	 INT64_C(-730120),
	 {"-719163", "-719163", "-719163", "-719163", "-719163", "\"0000-12-31Z\"",
	  "\"0000-12-31\""}},
	{PGTEXT_DATE,
	 -1,
	 INT64_C(-2451507),
	 {"-2440550", "-2440550", "-2440550", "-2440550", "-2440550",
	  "\"-4712-01-01Z\"", "\"-4712-01-01\""}},
	/* the first day */
	{PGTEXT_DATE,
	 -1,
	 INT64_C(-2451545),
	 {"-2440588", "-2440588", "-2440588", "-2440588", "-2440588",
	  "\"-4713-11-24Z\"", "\"-4713-11-24\""}},
	{PGTEXT_DATE,
	 -1,
	 INT64_C(2921939),
	 {"2932896", "2932896", "2932896", "2932896", "2932896", "\"9999-12-31Z\"",
	  "\"9999-12-31\""}},
	{PGTEXT_DATE,
	 -1,
	 INT64_C(2921940),
	 {"2932897", "2932897", "2932897", "2932897", "2932897",
	  "\"+10000-01-01Z\"", "\"+10000-01-01\""}},
	/* the last day */
	{PGTEXT_DATE,
	 -1,
	 INT64_C(2145031948),
	 {"2145042905", "2145042905", "2145042905", "2145042905", "2145042905",
	  "\"+5874897-12-31Z\"", "\"+5874897-12-31\""}},
	{PGTEXT_DATE,
	 -1,
	 INT32_MAX,
	 {"-2147472692", "-2147472692", "-2147472692", "-2147472692",
	  "-2147472692", "\"infinity\"", "\"infinity\""}},
	{PGTEXT_DATE,
	 -1,
	 INT32_MIN,
	 {"-2147472691", "-2147472691", "-2147472691", "-2147472691",
	  "-2147472691", "\"-infinity\"", "\"-infinity\""}},
	{PGTEXT_TIME,
	 -1,
	 INT64_C(0),
	 {"0", "0", "0", "0", "0", "\"00:00:00Z\"", "\"00:00:00\""}},
	{PGTEXT_TIME,
	 -1,
	 INT64_C(1),
	 {"1", "1", "0", "1", "1000", "\"00:00:00.000001Z\"",
	  "\"00:00:00.000001\""}},
	{PGTEXT_TIME,
	 -1,
	 INT64_C(49860000000),
	 {"49860000000", "49860000000", "49860000", "49860000000",
	  "49860000000000", "\"13:51:00Z\"", "\"13:51:00\""}},
	{PGTEXT_TIME,
	 -1,
	 INT64_C(86399999999),
	 {"86399999999", "86399999999", "86399999", "86399999999",
	  "86399999999000", "\"23:59:59.999999Z\"", "\"23:59:59.999999\""}},
	/* Debezium's isostring has 00:00:00Z */
	{PGTEXT_TIME,
	 -1,
	 INT64_C(86400000000),
	 {"86400000000", "86400000000", "86400000", "86400000000",
	  "86400000000000", "\"24:00:00Z\"", "\"24:00:00\""}},
	{PGTEXT_TIME,
	 0,
	 INT64_C(86400000000),
	 {"86400000", "86400000000", "86400000", "86400000000", "86400000000000",
	  "\"24:00:00Z\"", "\"24:00:00\""}},
	/* of each precision */
	{PGTEXT_TIME,
	 0,
	 INT64_C(49890000000),
	 {"49890000", "49890000000", "49890000", "49890000000", "49890000000000",
	  "\"13:51:30Z\"", "\"13:51:30\""}},
	{PGTEXT_TIME,
	 1,
	 INT64_C(49890100000),
	 {"49890100", "49890100000", "49890100", "49890100000", "49890100000000",
	  "\"13:51:30.1Z\"", "\"13:51:30.1\""}},
	{PGTEXT_TIME,
	 2,
	 INT64_C(49890120000),
	 {"49890120", "49890120000", "49890120", "49890120000", "49890120000000",
	  "\"13:51:30.12Z\"", "\"13:51:30.12\""}},
	{PGTEXT_TIME,
	 3,
	 INT64_C(49890123000),
	 {"49890123", "49890123000", "49890123", "49890123000", "49890123000000",
	  "\"13:51:30.123Z\"", "\"13:51:30.123\""}},
	{PGTEXT_TIME,
	 4,
	 INT64_C(49890123500),
	 {"49890123500", "49890123500", "49890123", "49890123500",
	  "49890123500000", "\"13:51:30.1235Z\"", "\"13:51:30.1235\""}},
	{PGTEXT_TIME,
	 5,
	 INT64_C(49890123460),
	 {"49890123460", "49890123460", "49890123", "49890123460",
	  "49890123460000", "\"13:51:30.12346Z\"", "\"13:51:30.12346\""}},
	{PGTEXT_TIME,
	 6,
	 INT64_C(49890123456),
	 {"49890123456", "49890123456", "49890123", "49890123456",
	  "49890123456000", "\"13:51:30.123456Z\"", "\"13:51:30.123456\""}},
	{PGTEXT_TIME,
	 6,
	 INT64_C(49890100000),
	 {"49890100000", "49890100000", "49890100", "49890100000",
	  "49890100000000", "\"13:51:30.1Z\"", "\"13:51:30.1\""}},
	{PGTEXT_TIMESTAMP,
	 -1,
	 INT64_C(531582690123456),
	 {"1478267490123456", "1478267490123456", "1478267490123",
	  "1478267490123456", "1478267490123456000",
	  "\"2016-11-04T13:51:30.123456Z\"", "\"2016-11-04T13:51:30.123456\""}},
	{PGTEXT_TIMESTAMP,
	 0,
	 INT64_C(531582690000000),
	 {"1478267490000", "1478267490000", "1478267490000", "1478267490000000",
	  "1478267490000000000", "\"2016-11-04T13:51:30Z\"",
	  "\"2016-11-04T13:51:30\""}},
	{PGTEXT_TIMESTAMP,
	 1,
	 INT64_C(531582690100000),
	 {"1478267490100", "1478267490100", "1478267490100", "1478267490100000",
	  "1478267490100000000", "\"2016-11-04T13:51:30.1Z\"",
	  "\"2016-11-04T13:51:30.1\""}},
	{PGTEXT_TIMESTAMP,
	 2,
	 INT64_C(531582690120000),
	 {"1478267490120", "1478267490120", "1478267490120", "1478267490120000",
	  "1478267490120000000", "\"2016-11-04T13:51:30.12Z\"",
	  "\"2016-11-04T13:51:30.12\""}},
	{PGTEXT_TIMESTAMP,
	 3,
	 INT64_C(531582690123000),
	 {"1478267490123", "1478267490123", "1478267490123", "1478267490123000",
	  "1478267490123000000", "\"2016-11-04T13:51:30.123Z\"",
	  "\"2016-11-04T13:51:30.123\""}},
	{PGTEXT_TIMESTAMP,
	 4,
	 INT64_C(531582690123500),
	 {"1478267490123500", "1478267490123500", "1478267490123",
	  "1478267490123500", "1478267490123500000",
	  "\"2016-11-04T13:51:30.1235Z\"", "\"2016-11-04T13:51:30.1235\""}},
	{PGTEXT_TIMESTAMP,
	 5,
	 INT64_C(531582690123460),
	 {"1478267490123460", "1478267490123460", "1478267490123",
	  "1478267490123460", "1478267490123460000",
	  "\"2016-11-04T13:51:30.12346Z\"", "\"2016-11-04T13:51:30.12346\""}},
	{PGTEXT_TIMESTAMP,
	 6,
	 INT64_C(531582690123456),
	 {"1478267490123456", "1478267490123456", "1478267490123",
	  "1478267490123456", "1478267490123456000",
	  "\"2016-11-04T13:51:30.123456Z\"", "\"2016-11-04T13:51:30.123456\""}},
	{PGTEXT_TIMESTAMP,
	 -1,
	 INT64_C(531582660000000),
	 {"1478267460000000", "1478267460000000", "1478267460000",
	  "1478267460000000", "1478267460000000000", "\"2016-11-04T13:51:00Z\"",
	  "\"2016-11-04T13:51:00\""}},
	{PGTEXT_TIMESTAMP,
	 -1,
	 INT64_C(-946684800000000),
	 {"0", "0", "0", "0", "0", "\"1970-01-01T00:00:00Z\"",
	  "\"1970-01-01T00:00:00\""}},
	{PGTEXT_TIMESTAMP,
	 -1,
	 INT64_C(-946684800000001),
	 {"-1", "-1", "-1", "-1", "-1000", "\"1969-12-31T23:59:59.999999Z\"",
	  "\"1969-12-31T23:59:59.999999\""}},
	{PGTEXT_TIMESTAMP,
	 3,
	 INT64_C(-946684800001000),
	 {"-1", "-1", "-1", "-1000", "-1000000", "\"1969-12-31T23:59:59.999Z\"",
	  "\"1969-12-31T23:59:59.999\""}},
	{PGTEXT_TIMESTAMP,
	 0,
	 INT64_C(-946684801000000),
	 {"-1000", "-1000", "-1000", "-1000000", "-1000000000",
	  "\"1969-12-31T23:59:59Z\"", "\"1969-12-31T23:59:59\""}},
	/* the last in nanoseconds, and one more */
	{PGTEXT_TIMESTAMP,
	 -1,
	 INT64_C(8276687236854775),
	 {"9223372036854775", "9223372036854775", "9223372036854",
	  "9223372036854775", "9223372036854775000",
	  "\"2262-04-11T23:47:16.854775Z\"", "\"2262-04-11T23:47:16.854775\""}},
	{PGTEXT_TIMESTAMP,
	 -1,
	 INT64_C(8276687236854776),
	 {"9223372036854776", "9223372036854776", "9223372036854",
	  "9223372036854776", "9223372036854775807",
	  "\"2262-04-11T23:47:16.854776Z\"", "\"2262-04-11T23:47:16.854776\""}},
	/* the first, and one less */
	{PGTEXT_TIMESTAMP,
	 -1,
	 INT64_C(-10170056836854775),
	 {"-9223372036854775", "-9223372036854775", "-9223372036855",
	  "-9223372036854775", "-9223372036854775000",
	  "\"1677-09-21T00:12:43.145225Z\"", "\"1677-09-21T00:12:43.145225\""}},
	{PGTEXT_TIMESTAMP,
	 -1,
	 INT64_C(-10170056836854776),
	 {"-9223372036854776", "-9223372036854776", "-9223372036855",
	  "-9223372036854776", "-9223372036854775808",
	  "\"1677-09-21T00:12:43.145224Z\"", "\"1677-09-21T00:12:43.145224\""}},
	{PGTEXT_TIMESTAMP,
	 -1,
	 INT64_C(-63082281600000000),
	 {"-62135596800000000", "-62135596800000000", "-62135596800000",
	  "-62135596800000000", "-9223372036854775808", "\"0001-01-01T00:00:00Z\"",
	  "\"0001-01-01T00:00:00\""}},
	{PGTEXT_TIMESTAMP,
	 -1,
	 INT64_C(-63082281600000001),
	 {"-62135596800000001", "-62135596800000001", "-62135596800001",
	  "-62135596800000001", "-9223372036854775808",
	  "\"0000-12-31T23:59:59.999999Z\"", "\"0000-12-31T23:59:59.999999\""}},
	{PGTEXT_TIMESTAMP,
	 -1,
	 INT64_C(-211813488000000000),
	 {"-210866803200000000", "-210866803200000000", "-210866803200000",
	  "-210866803200000000", "-9223372036854775808",
	  "\"-4713-11-24T00:00:00Z\"", "\"-4713-11-24T00:00:00\""}},
	{PGTEXT_TIMESTAMP,
	 -1,
	 INT64_C(252455615999999999),
	 {"253402300799999999", "253402300799999999", "253402300799999",
	  "253402300799999999", "9223372036854775807",
	  "\"9999-12-31T23:59:59.999999Z\"", "\"9999-12-31T23:59:59.999999\""}},
	{PGTEXT_TIMESTAMP,
	 3,
	 INT64_C(252455616000000000),
	 {"253402300800000", "253402300800000", "253402300800000",
	  "253402300800000000", "9223372036854775807",
	  "\"+10000-01-01T00:00:00Z\"", "\"+10000-01-01T00:00:00\""}},
	/* the last: Debezium's microseconds go round, its nanoseconds are null */
	{PGTEXT_TIMESTAMP,
	 -1,
	 INT64_C(9223371331199999999),
	 {"9223372036854775807", "9223372036854775807", "9224318015999999",
	  "9223372036854775807", "9223372036854775807",
	  "\"+294276-12-31T23:59:59.999999Z\"",
	  "\"+294276-12-31T23:59:59.999999\""}},
	/* Debezium's isostring has +294247-01-10T04:00:25.2Z */
	{PGTEXT_TIMESTAMP,
	 -1,
	 INT64_MAX,
	 {"9223372036825200000", "9223372036825200000", "9223372036825200",
	  "9223372036825200000", "9223372036854775807", "\"infinity\"",
	  "\"infinity\""}},
	{PGTEXT_TIMESTAMP,
	 -1,
	 INT64_MIN,
	 {"-9223372036832400000", "-9223372036832400000", "-9223372036832400",
	  "-9223372036832400000", "-9223372036854775808", "\"-infinity\"",
	  "\"-infinity\""}},
	{PGTEXT_TIMESTAMP,
	 3,
	 INT64_MAX,
	 {"9223372036825200", "9223372036825200", "9223372036825200",
	  "9223372036825200000", "9223372036854775807", "\"infinity\"",
	  "\"infinity\""}},
};

/* A number as PostgreSQL has it: little-endian. */
static void
put_raw(uint8_t *p, int64_t v, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t) ((uint64_t) v >> (8 * i));
}

static void
assert_time(const struct change_column *c, enum format_time mode,
			const struct change_value *v, const char *json)
{
	struct format_options o = options;
	struct buf			  out = {0};
	unsigned			  failed;

	o.time = mode;
	failed = format_one(c, &o, v, &out);
	if (failed != 0 || strcmp(str(&out), json) != 0)
		fail_msg("type %u(%d), mode %d: got %s, not %s", c->base.oid,
				 c->base.typmod, (int) mode, str(&out), json);
	buf_free(&out);
}

static void
format_json_has_times_in_each_mode(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT(times); i++)
	{
		size_t				 len = times[i].oid == PGTEXT_DATE ? 4 : 8;
		struct change_column c = column("c", times[i].oid, times[i].typmod);
		struct change_column domain = c;
		uint8_t				*raw = malloc(len);
		struct change_value	 v = bytes(raw, len);

		domain.kind = 'd';
		domain.type = (struct change_type){60000, -1, "public", "d"};
		put_raw(raw, times[i].raw, len);
		for (int mode = 0; mode < TIME_MODES; mode++)
		{
			assert_time(&c, (enum format_time) mode, &v, times[i].json[mode]);
			assert_time(&domain, (enum format_time) mode, &v,
						times[i].json[mode]);
		}
		free(raw);
	}
}

static uint32_t
array_of(uint32_t oid)
{
	return oid == PGTEXT_DATE ? 1182 : oid == PGTEXT_TIME ? 1183 : 1115;
}

/* As the elements of an array: two of them, and a NULL between. */
static void
format_json_has_times_in_arrays_in_each_mode(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT(times); i++)
	{
		size_t				 len = times[i].oid == PGTEXT_DATE ? 4 : 8;
		struct change_column c = column("c", array_of(times[i].oid),
										times[i].typmod);
		/* dimensions, offset of the elements, type, length, bound, bitmap */
		size_t				size = 28 + 2 * len;
		uint8_t			   *raw = calloc(1, size);
		struct change_value v = bytes(raw, size);

		put_raw(raw, 1, 4);
		put_raw(raw + 4, 32, 4);
		put_raw(raw + 8, times[i].oid, 4);
		put_raw(raw + 12, 3, 4);
		put_raw(raw + 16, 1, 4);
		put_raw(raw + 20, 5, 1);
		put_raw(raw + 28, times[i].raw, len);
		put_raw(raw + 28 + len, times[i].raw, len);
		for (int mode = 0; mode < TIME_MODES; mode++)
		{
			char want[160];

			snprintf(want, sizeof(want), "[%s,null,%s]", times[i].json[mode],
					 times[i].json[mode]);
			assert_time(&c, (enum format_time) mode, &v, want);
		}
		free(raw);
	}
}

/* What has a time zone, ranges, and texts of types that are not known. */
static void
format_json_has_other_times_alike_in_every_mode(void **state)
{
	static const struct
	{
		uint32_t	oid;
		const char *raw;
		const char *json;
	} alike[] = {
		{PGTEXT_TIMETZ, "0de0ae9d0b000000e0e3ffff", "\"11:51:30.123789Z\""},
		{PGTEXT_TIMETZ, "0060d71d1400000000000000", "\"00:00:00Z\""},
		{PGTEXT_TIMESTAMPTZ, "c096421077e30100",
		 "\"2016-11-04T11:51:30.123456Z\""},
		{PGTEXT_TIMESTAMPTZ, "ffffffffffffff7f", "\"infinity\""},
		{PGTEXT_INTERVAL, "0000000000000000000000000c000000",
		 "31557600000000"},
		{PGTEXT_TSRANGE, "440f00000060c286073e020012",
		 "\"[\\\"2020-01-01 00:00:00\\\",)\""},
	};
	struct change_column domains = text_column("c", "_day", "day");
	struct change_value	 days = TEXT("{2016-11-04,NULL}");

	(void) state;
	for (int mode = 0; mode < TIME_MODES; mode++)
	{
		for (size_t i = 0; i < COUNT(alike); i++)
		{
			struct change_column c = column("c", alike[i].oid, -1);
			size_t				 len;
			uint8_t				*raw = unhex(alike[i].raw, &len);
			struct change_value	 v = bytes(raw, len);

			assert_time(&c, (enum format_time) mode, &v, alike[i].json);
			free(raw);
		}
		assert_time(&domains, (enum format_time) mode, &days,
					"[\"2016-11-04\",null]");
	}
}

/* Not a time of a day, or not of the type's length. */
static void
format_json_refuses_times_that_are_none_in_each_mode(void **state)
{
	static const int64_t none[] = {-1, 86400000001, INT64_MIN, INT64_MAX};
	static const enum format_time checked[] = {FORMAT_TIME_NANOSECONDS,
											   FORMAT_TIME_ISO,
											   FORMAT_TIME_ISO_LOCAL};
	static const uint32_t		  oids[] = {PGTEXT_DATE, PGTEXT_TIME,
											PGTEXT_TIMESTAMP};
	struct format_options		  o = options;
	struct buf					  out = {0};
	uint8_t						  raw[12] = {0};
	struct change_value			  v = bytes(raw, 8);

	(void) state;
	for (size_t m = 0; m < COUNT(checked); m++)
	{
		struct change_column c = column("c", PGTEXT_TIME, -1);

		o.time = checked[m];
		for (size_t i = 0; i < COUNT(none); i++)
		{
			put_raw(raw, none[i], 8);
			assert_int_equal(format_one(&c, &o, &v, &out), 1);
			assert_string_equal(str(&out), "null");
		}
	}
	memset(raw, 0, sizeof(raw));
	for (int mode = 0; mode < TIME_MODES; mode++)
	{
		for (size_t i = 0; i < COUNT(oids); i++)
		{
			struct change_column c = column("c", oids[i], -1);
			uint64_t			 right = oids[i] == PGTEXT_DATE ? 4 : 8;

			o.time = (enum format_time) mode;
			for (v.len = 0; v.len <= sizeof(raw); v.len++)
				assert_int_equal(format_one(&c, &o, &v, &out), v.len != right);
		}
	}
	buf_free(&out);
}

/* Debezium has null where it would have to make dates of its placeholder. */
static void
format_json_has_a_placeholder_for_dates_in_each_mode(void **state)
{
	const struct change_value unchanged = STATE(CHANGE_UNCHANGED);
	struct format_options	  o = options;
	struct change_column	  dates = column("c", 1182, -1);
	struct change_column	  stamps = column("c", 1115, -1);
	struct buf				  out = {0};

	(void) state;
	o.placeholder = "ab";
	for (int mode = 0; mode < TIME_MODES; mode++)
	{
		bool text = mode == FORMAT_TIME_ISO || mode == FORMAT_TIME_ISO_LOCAL;

		o.time = (enum format_time) mode;
		(void) format_one(&dates, &o, &unchanged, &out);
		assert_string_equal(str(&out), text ? "[\"ab\"]" : "[97,98]");
		(void) format_one(&stamps, &o, &unchanged, &out);
		assert_string_equal(str(&out), "null");
	}
	buf_free(&out);
}

/* Also where Connect's header converter writes a bare 2016-11-04. */
static void
format_json_key_header_has_times_as_the_key(void **state)
{
	static const char *const want[TIME_MODES] = {
		[FORMAT_TIME_ADAPTIVE] = "{\"d\":17109,\"t\":1000}",
		[FORMAT_TIME_ADAPTIVE_MICROSECONDS] = "{\"d\":17109,\"t\":1000}",
		[FORMAT_TIME_CONNECT] = "{\"d\":17109,\"t\":1}",
		[FORMAT_TIME_MICROSECONDS] = "{\"d\":17109,\"t\":1000}",
		[FORMAT_TIME_NANOSECONDS] = "{\"d\":17109,\"t\":1000000}",
		[FORMAT_TIME_ISO] = "{\"d\":\"2016-11-04Z\",\"t\":\"00:00:00.001Z\"}",
		[FORMAT_TIME_ISO_LOCAL] =
			"{\"d\":\"2016-11-04\",\"t\":\"00:00:00.001\"}",
	};
	struct change_column   columns[] = {column("d", PGTEXT_DATE, -1),
										column("t", PGTEXT_TIME, -1)};
	const uint16_t		   keys[] = {0, 1};
	struct change_relation rel = {
		.schema = "s",
		.name = "t",
		.identity = 'd',
		.ncolumns = 2,
		.columns = columns,
		.nkeys = 2,
		.keys = keys,
	};
	uint8_t				  date[4];
	uint8_t				  clock[8];
	struct change_value	  row[] = {bytes(date, 4), bytes(clock, 8)};
	struct format_options o = options;
	struct buf			  out = {0};

	(void) state;
	put_raw(date, 17109 - 10957, 4);
	put_raw(clock, 1000, 8);
	for (int mode = 0; mode < TIME_MODES; mode++)
	{
		struct format_plan *plan;

		o.time = (enum format_time) mode;
		plan = format_json_plan(&rel, &o);
		assert_true(format_json_key(plan, row, &out));
		assert_string_equal(str(&out), want[mode]);
		buf_reset(&out);
		assert_true(format_json_key_header(plan, row, &out));
		assert_string_equal(str(&out), want[mode]);
		buf_reset(&out);
		format_json_plan_free(plan);
	}
	buf_free(&out);
}

/* ---------------------------------------------------------------- strings */

static void
jsontext_escapes_as_jackson(void **state)
{
	static const struct
	{
		const char *in;
		const char *out;
	} cases[] = {
		{"\b\t\n\f\r\"\\/", "\"\\b\\t\\n\\f\\r\\\"\\\\/\""},
		{"\x01\x0b\x1f\x7f", "\"\\u0001\\u000B\\u001F\x7f\""},
		{"Z\xc3\xbcrich \xe6\x97\xa5 \xf0\x9f\x98\x80",
		 "\"Z\xc3\xbcrich \xe6\x97\xa5 \\uD83D\\uDE00\""},
		/* the last of three bytes, the first and the last of four */
		{"\xef\xbf\xbf\xf0\x90\x80\x80", "\"\xef\xbf\xbf\\uD800\\uDC00\""},
		{"12345678\n2345678\n", "\"12345678\\n2345678\\n\""},
		/* not UTF-8: Latin-1, overlong, surrogate, beyond, cut off */
		{"Z\xfcrich", "\"Z\xef\xbf\xbdrich\""},
		{"\xc0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
		{"\xe0\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
		{"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
		{"\xf4\x90\x80\x80",
		 "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
		{"a\xe6\x97", "\"a\xef\xbf\xbd\xef\xbf\xbd\""},
		{"\xed\x9f\xbf\xf4\x8f\xbf\xbf", "\"\xed\x9f\xbf\\uDBFF\\uDFFF\""},
	};
	struct buf b = {0};

	(void) state;
	for (size_t i = 0; i < COUNT(cases); i++)
	{
		size_t len = strlen(cases[i].in);
		char  *exact = malloc(len);

		memcpy(exact, cases[i].in, len);
		buf_reset(&b);
		jsontext_string(&b, exact, len);
		assert_string_equal(str(&b), cases[i].out);
		free(exact);
	}

	/* every byte at every place of a word of eight */
	for (int c = 0; c < 0x80; c++)
	{
		for (int at = 0; at < 16; at++)
		{
			char in[17] = "abcdefghijklmnop";
			bool plain = c >= 0x20 && c != '"' && c != '\\';

			in[at] = (char) c;
			buf_reset(&b);
			jsontext_string(&b, in, 16);
			assert_int_equal(b.len == 18, plain);
			assert_memory_equal(b.data + 1, in, at);
			assert_memory_equal(b.data + b.len - 1 - (15 - at), in + at + 1,
								15 - at);
		}
	}
	buf_free(&b);
}

static void
jsontext_writes_numbers_of_every_length(void **state)
{
	uint64_t   v = 0;
	char	   expected[32];
	struct buf b = {0};

	(void) state;
	for (int n = 0; n < 20; n++)
	{
		for (int d = -1; d <= 1; d++)
		{
			buf_reset(&b);
			jsontext_u64(&b, v + (uint64_t) d);
			snprintf(expected, sizeof(expected), "%llu",
					 (unsigned long long) (v + (uint64_t) d));
			assert_string_equal(str(&b), expected);
			buf_reset(&b);
			jsontext_i64(&b, (int64_t) (v + (uint64_t) d));
			snprintf(expected, sizeof(expected), "%lld",
					 (long long) (v + (uint64_t) d));
			assert_string_equal(str(&b), expected);
		}
		v = v == 0 ? 1 : v * 10;
	}
	buf_free(&b);
}

/* --------------------------------------------------------------- envelope */

#define NOW INT64_C(1559033904871841257)
#define COMMIT_US INT64_C(1559033904863123)

static const uint16_t			 first_key[] = {0};
static struct change_column		 customer[2];
static struct change_relation	 customers;
static struct change_transaction transaction;

static void
setup_customers(void)
{
	customer[0] = column("id", PGTEXT_INT4, -1);
	customer[0].in_identity = true;
	customer[0].not_null = true;
	customer[0].key_position = 1;
	customer[1] = column("first_name", PGTEXT_TEXT, -1);
	customers = (struct change_relation){
		.schema = "inventory",
		.name = "customers",
		.identity = 'd',
		.ncolumns = 2,
		.columns = customer,
		.nkeys = 1,
		.keys = first_key,
		.nidentity = 1,
		.identities = first_key,
	};
	transaction = (struct change_transaction){
		.xid = UINT64_C(0x10000022b), /* Debezium has the low 32 bits */
		.end_lsn = 24023200,
		.previous_end_lsn = 24023119,
		.commit_time_us = COMMIT_US,
	};
}

#define SOURCE(seq, tail)                                                   \
	"\"source\":{\"version\":\"3.6.1.Final\",\"connector\":\"postgresql\"," \
	"\"name\":\"srv\",\"ts_ms\":1559033904863,\"snapshot\":\"false\","      \
	"\"db\":\"postgres\",\"sequence\":\"[" seq ",\\\"24023128\\\"]\","      \
	"\"ts_us\":1559033904863123,\"ts_ns\":1559033904863123000,"             \
	"\"schema\":\"inventory\",\"table\":\"customers\",\"txId\":555,"        \
	"\"lsn\":24023128,\"xmin\":null," tail "}"
#define NO_ORIGIN "\"origin\":null,\"origin_lsn\":null"
#define TAIL(op)                                                       \
	",\"transaction\":null,\"op\":\"" op "\",\"ts_ms\":1559033904871," \
	"\"ts_us\":1559033904871841,\"ts_ns\":1559033904871841257}"
#define USUAL SOURCE("\\\"24023119\\\"", NO_ORIGIN)
#define PLACED_TAIL(id, total, within, op)                       \
	",\"transaction\":{\"id\":\"" id "\",\"total_order\":" total \
	",\"data_collection_order\":" within "},\"op\":\"" op "\","  \
	"\"ts_ms\":1559033904871,\"ts_us\":1559033904871841,"        \
	"\"ts_ns\":1559033904871841257}"

static void
check_value_with(const struct format_options *with, struct change *c,
				 enum format_part part, const char *expected)
{
	struct format_plan *plan = format_json_plan(c->relation, with);
	struct buf			out = {0};

	c->txn = &transaction;
	c->lsn = 24023128;
	assert_int_equal(format_json_value(plan, part, c, NOW, &out), 0);
	assert_string_equal(str(&out), expected);
	buf_free(&out);
	format_json_plan_free(plan);
}

static void
check_value(struct change *c, enum format_part part, const char *expected)
{
	check_value_with(&options, c, part, expected);
}

/* A key's change has two events, of which the create is the second. */
static void
format_json_places_events_in_their_transaction(void **state)
{
	const struct change_value row[] = {bytes("\2\0\0\0", 4), TEXT("Anne")};
	const struct change_value old[] = {bytes("\1\0\0\0", 4), TEXT("Ann")};
	const struct change_order order = {7, 3, false};
	struct change			  c = {
					.op = CHANGE_UPDATE,
					.relation = &customers,
					.before = old,
					.after = row,
					.order = &order,
	};
	struct format_options debezium = options;

	(void) state;
	setup_customers();
	check_value(&c, FORMAT_DELETE,
				"{\"before\":{\"id\":1,\"first_name\":\"Ann\"},"
				"\"after\":null," USUAL PLACED_TAIL("555:24023200", "7", "3",
													"d"));
	check_value(&c, FORMAT_CREATE,
				"{\"before\":null,"
				"\"after\":{\"id\":2,\"first_name\":\"Anne\"}," USUAL
					PLACED_TAIL("555:24023200", "8", "4", "c"));
	check_value(&c, FORMAT_UPDATE,
				"{\"before\":{\"id\":1,\"first_name\":\"Ann\"},"
				"\"after\":{\"id\":2,\"first_name\":\"Anne\"}," USUAL
					PLACED_TAIL("555:24023200", "7", "3", "u"));
	c.op = CHANGE_INSERT;
	c.before = NULL;
	check_value(&c, FORMAT_CREATE,
				"{\"before\":null,"
				"\"after\":{\"id\":2,\"first_name\":\"Anne\"}," USUAL
					PLACED_TAIL("555:24023200", "7", "3", "c"));

	/* Debezium has the event's own LSN in it. */
	debezium.debezium = debezium.null_default = true;
	check_value_with(&debezium, &c, FORMAT_CREATE,
					 "{\"before\":null,"
					 "\"after\":{\"id\":2,\"first_name\":\"Anne\"}," USUAL
						 PLACED_TAIL("555:24023128", "7", "3", "c"));
}

static void
format_json_is_debezium_s_envelope(void **state)
{
	const struct change_value row[] = {bytes("\1\0\0\0", 4), TEXT("Anne")};
	const struct change_value old[] = {bytes("\1\0\0\0", 4), TEXT("Ann")};
	const struct change_value key[] = {bytes("\1\0\0\0", 4),
									   STATE(CHANGE_ABSENT)};
	struct change			  c = {.relation = &customers, .after = row};

	(void) state;
	setup_customers();
	check_value(
		&c, FORMAT_CREATE,
		"{\"before\":null,\"after\":{\"id\":1,\"first_name\":\"Anne\"}," USUAL
			TAIL("c"));

	/* the key did not change: nothing is known of the old row */
	c.op = CHANGE_UPDATE;
	check_value(
		&c, FORMAT_UPDATE,
		"{\"before\":null,\"after\":{\"id\":1,\"first_name\":\"Anne\"}," USUAL
			TAIL("u"));
	c.before = old;
	check_value(&c, FORMAT_UPDATE,
				"{\"before\":{\"id\":1,\"first_name\":\"Ann\"},"
				"\"after\":{\"id\":1,\"first_name\":\"Anne\"}," USUAL TAIL(
					"u"));

	/* the halves of a change of key */
	check_value(
		&c, FORMAT_DELETE,
		"{\"before\":{\"id\":1,\"first_name\":\"Ann\"},\"after\":null," USUAL
			TAIL("d"));
	check_value(
		&c, FORMAT_CREATE,
		"{\"before\":null,\"after\":{\"id\":1,\"first_name\":\"Anne\"}," USUAL
			TAIL("c"));

	c.op = CHANGE_DELETE;
	c.before = key;
	c.after = NULL;
	check_value(
		&c, FORMAT_DELETE,
		"{\"before\":{\"id\":1,\"first_name\":null},\"after\":null," USUAL
			TAIL("d"));
	c.before = NULL;
	check_value(&c, FORMAT_DELETE,
				"{\"before\":null,\"after\":null," USUAL TAIL("d"));
	c.op = CHANGE_TRUNCATE;
	check_value(&c, FORMAT_TRUNCATE,
				"{\"before\":null,\"after\":null," USUAL TAIL("t"));
}

static void
format_json_source_knows_origin_and_first_transaction(void **state)
{
	struct change c = {.op = CHANGE_TRUNCATE, .relation = &customers};

	(void) state;
	setup_customers();
	transaction.previous_end_lsn = 0;
	check_value(&c, FORMAT_TRUNCATE,
				"{\"before\":null,\"after\":null," SOURCE("null", NO_ORIGIN)
					TAIL("t"));
	transaction.previous_end_lsn = 24023119;
	transaction.origin = "node \"b\"";
	transaction.origin_lsn = UINT64_MAX;
	check_value(&c, FORMAT_TRUNCATE,
				"{\"before\":null,\"after\":null," SOURCE(
					"\\\"24023119\\\"", "\"origin\":\"node \\\"b\\\"\","
										"\"origin_lsn\":18446744073709551615")
					TAIL("t"));
}

static void
format_json_escapes_names_and_leaves_out_virtual_columns(void **state)
{
	struct change_column columns[] = {
		column("v", PGTEXT_INT4, -1),
		column("a \"b\"\n", PGTEXT_INT4, -1),
		column("\xc3\xbc", PGTEXT_INT4, -1),
	};
	struct change_relation rel = {
		.schema = "S\"1",
		.name = "T\\2",
		.identity = 'n',
		.ncolumns = 3,
		.columns = columns,
	};
	const struct change_value row[] = {STATE(CHANGE_ABSENT),
									   bytes("\2\0\0\0", 4),
									   STATE(CHANGE_NULL)};
	struct change_transaction txn = {.xid = 1};
	struct change		  c = {.txn = &txn, .relation = &rel, .after = row};
	struct format_options o = options;
	struct format_plan	 *plan;
	struct buf			  out = {0};

	(void) state;
	o.database = "d\"b";
	columns[0].is_virtual = true;
	plan = format_json_plan(&rel, &o);
	assert_false(format_json_key(plan, row, &out));
	(void) format_json_value(plan, FORMAT_CREATE, &c, NOW, &out);
	assert_non_null(strstr(str(&out), "\"after\":{\"a \\\"b\\\"\\n\":2,"
									  "\"\xc3\xbc\":null}"));
	assert_non_null(strstr(str(&out), "\"schema\":\"S\\\"1\","
									  "\"table\":\"T\\\\2\""));
	assert_non_null(strstr(str(&out), "\"db\":\"d\\\"b\""));
	format_json_plan_free(plan);

	/* a table without columns */
	rel.ncolumns = 0;
	plan = format_json_plan(&rel, &o);
	buf_reset(&out);
	(void) format_json_value(plan, FORMAT_CREATE, &c, NOW, &out);
	assert_non_null(strstr(str(&out), "\"after\":{},"));
	format_json_plan_free(plan);
	format_json_plan_free(NULL);
	buf_free(&out);
}

static void assert_key(const struct change_relation *rel,
					   const struct change_value *row, const char *expected);

/* What was not asked for is in the key, and in no row. */
static void
format_json_row_leaves_out_what_is_for_the_key_alone(void **state)
{
	const struct change_value row[] = {bytes("\1\0\0\0", 4), TEXT("Anne")};
	const struct change_value old[] = {bytes("\2\0\0\0", 4), TEXT("Ann")};
	const struct change_value key[] = {bytes("\2\0\0\0", 4),
									   STATE(CHANGE_ABSENT)};
	struct change_value		  lost[2];
	struct change			  c = {.op = CHANGE_UPDATE,
								   .relation = &customers,
								   .txn = &transaction,
								   .before = old,
								   .after = row};
	struct format_plan		 *plan;
	struct buf				  out = {0};

	(void) state;
	setup_customers();
	customer[0].key_only = true;
	check_value(&c, FORMAT_UPDATE,
				"{\"before\":{\"first_name\":\"Ann\"},"
				"\"after\":{\"first_name\":\"Anne\"}," USUAL TAIL("u"));
	check_value(&c, FORMAT_DELETE,
				"{\"before\":{\"first_name\":\"Ann\"},"
				"\"after\":null," USUAL TAIL("d"));
	c.before = key;
	check_value(&c, FORMAT_DELETE,
				"{\"before\":{\"first_name\":null},"
				"\"after\":null," USUAL TAIL("d"));

	plan = format_json_plan(&customers, &options);
	assert_true(format_json_key(plan, row, &out));
	assert_string_equal(str(&out), "{\"id\":1}");
	buf_reset(&out);
	assert_true(format_json_key_header(plan, key, &out));
	assert_string_equal(str(&out), "{\"id\":2}");
	assert_int_equal(format_json_compare_keys(plan, &c), FORMAT_OTHER);

	/* A key that is lost is lost, though no row would have shown it. */
	memcpy(lost, row, sizeof(lost));
	c.after = lost;
	assert_int_equal(format_json_value(plan, FORMAT_CREATE, &c, NOW, &out), 0);
	lost[0] = STATE(CHANGE_ERROR);
	assert_int_equal(format_json_value(plan, FORMAT_CREATE, &c, NOW, &out), 1);
	lost[0] = STATE(CHANGE_OVERSIZE);
	assert_int_equal(format_json_value(plan, FORMAT_CREATE, &c, NOW, &out), 1);
	format_json_plan_free(plan);

	/* nothing else was asked for */
	customers.nkeys = 0;
	customers.identity = 'i';
	customer[1].key_only = true;
	c.after = row;
	c.before = old;
	check_value(&c, FORMAT_UPDATE,
				"{\"before\":{},\"after\":{}," USUAL TAIL("u"));
	assert_key(&customers, row, "{\"id\":1}");
	buf_free(&out);
}

/* A column of one row, of which so many characters are shown. */
static void
assert_cut(uint32_t oid, const char *name, const char *value, size_t len,
		   uint32_t chars, const char *expected)
{
	struct change_column column = {
		.name = "v",
		.truncated = true,
		.chars = chars,
		.key_position = 1,
		.encoding = CHANGE_RAW,
		.width = -1,
		.kind = 'b',
		.type = {oid, -1, "pg_catalog", name},
		.element = {0, -1, "", ""},
	};
	static const uint16_t  key[] = {0};
	struct change_relation rel = {.schema = "s",
								  .name = "t",
								  .identity = 'd',
								  .ncolumns = 1,
								  .columns = &column,
								  .nkeys = 1,
								  .keys = key};
	struct change_value	   row[1];
	struct change		   c = {.op = CHANGE_INSERT,
								.relation = &rel,
								.txn = &transaction,
								.after = row};
	struct format_plan	  *plan;
	struct buf			   out = {0};

	column.base = column.type;
	row[0] = value != NULL ? bytes(value, len) : STATE(CHANGE_UNCHANGED);
	plan = format_json_plan(&rel, &options);
	assert_int_equal(format_json_value(plan, FORMAT_CREATE, &c, NOW, &out), 0);
	assert_non_null(strstr(str(&out), expected));

	/* The key is whole. */
	if (value != NULL && chars == 0)
	{
		buf_reset(&out);
		assert_true(format_json_key(plan, row, &out));
		assert_null(strstr(str(&out), "\"\""));
	}
	format_json_plan_free(plan);
	buf_free(&out);
}

static void
format_json_cuts_text_as_java_does(void **state)
{
	static const char text[] = "a\"\n\303\244\342\202\254\360\237\230\200z";
	static const struct
	{
		uint32_t	chars;
		const char *expected;
	} cases[] = {
		{0, "{\"v\":\"\"}"},
		{1, "{\"v\":\"a\"}"},
		{2, "{\"v\":\"a\\\"\"}"},
		{3, "{\"v\":\"a\\\"\\n\"}"},
		{4, "{\"v\":\"a\\\"\\n\303\244\"}"},
		{5, "{\"v\":\"a\\\"\\n\303\244\342\202\254\"}"},
		/* half a character, as in Java */
		{6, "\342\202\254\\uD83D\"}"},
		{7, "\342\202\254\\uD83D\\uDE00\"}"},
		{8, "\\uD83D\\uDE00z\"}"},
		{9, "\\uD83D\\uDE00z\"}"},
		{1000000, "\\uD83D\\uDE00z\"}"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_cut(25, "text", text, sizeof(text) - 1, cases[i].chars,
				   cases[i].expected);
	assert_cut(25, "text", "", 0, 3, "{\"v\":\"\"}");

	/* What stands for a text is one; what stands for bytes is not. */
	assert_cut(25, "text", NULL, 0, 3, "{\"v\":\"__d\"}");
	assert_cut(17, "bytea", NULL, 0, 3,
			   "{\"v\":\"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==\"}");

	/* bytes are counted as such; numbers in quotes are no text */
	assert_cut(17, "bytea", "\0\1\2\3\4", 5, 3, "{\"v\":\"AAEC\"}");
	assert_cut(17, "bytea", "\0\1", 2, 3, "{\"v\":\"AAE=\"}");
	assert_cut(114, "json", "[1,2]", 5, 3, "{\"v\":\"[1,\"}");
	assert_cut(1700, "numeric", "\200\200\1\0\350\3", 6, 1,
			   "{\"v\":{\"scale\":1,\"value\":\"Cw==\"}}");
}

/* By which values are hashed in these tests: MD5 of "salt" and the text. */
static const struct mask_hash_rule hash_rules[] = {
	{"SHA-512", MASK_HASH_V1, "another"},
	{"MD5", MASK_HASH_V2, "salt"},
};

static void
assert_hashed(struct change_column c, const struct change_value *v,
			  const char *expected)
{
	struct format_options o = options;
	struct buf			  out = {0};

	c.hashed = true;
	c.hash = 2;
	o.hashes = hash_rules;
	o.nhashes = COUNT(hash_rules);
	(void) format_one(&c, &o, v, &out);
	assert_string_equal(str(&out), expected);
	buf_free(&out);
}

#define HASH_OF_ABC "10374787ed585803bc4cdb63f92a545b"
#define HASH_OF_ALL "3f196349ffdf045cc26035deee6b188a"
#define HASH_OF_X "e52cf713193460fea2740c8638c0770c"

static void
format_json_hashes_text_of_all_kinds(void **state)
{
	static const char		  all[] = "n\"\\\n\1\360\237\230\200";
	const struct change_value abc = bytes("abc", 3);
	const struct change_value any = bytes(all, strlen(all));
	const struct change_value x = bytes("x", 1);
	struct change_column	  c = column("c", 25, -1);

	(void) state;
	assert_hashed(c, &abc, "\"" HASH_OF_ABC "\"");
	assert_hashed(c, &any, "\"" HASH_OF_ALL "\"");
	c = column("c", 19, -1); /* name */
	assert_hashed(c, &abc, "\"" HASH_OF_ABC "\"");
	assert_hashed(c, &any, "\"" HASH_OF_ALL "\"");
	c = text_column("c", "mood", NULL);
	c.kind = 'e';
	assert_hashed(c, &abc, "\"" HASH_OF_ABC "\"");
	c = text_column("c", "feeling", NULL); /* a domain over it */
	c.kind = 'd';
	c.nlabels = 1;
	assert_hashed(c, &abc, "\"" HASH_OF_ABC "\"");

	/* As many digits as the column could hold characters. */
	assert_hashed(column("c", 1043, 4 + 5), &abc, "\"10374\"");
	assert_hashed(column("c", 1043, 4 + 40), &abc, "\"" HASH_OF_ABC "\"");
	assert_hashed(column("c", 1042, 4 + 1), &abc, "\"1\"");
	assert_hashed(column("c", 1042, -1), &abc, "\"" HASH_OF_ABC "\"");
	c = column("c", 18, -1); /* "char" */
	c.width = 1;
	assert_hashed(c, &x, "\"e\"");
}

static void
format_json_hashes_values_and_nothing_else(void **state)
{
	const struct change_value abc = bytes("abc", 3);
	const struct change_value null = STATE(CHANGE_NULL);
	const struct change_value absent = STATE(CHANGE_ABSENT);
	const struct change_value unchanged = STATE(CHANGE_UNCHANGED);
	struct change_column	  c = column("c", 25, -1);
	struct format_options	  o = options;
	struct buf				  out = {0};

	(void) state;
	c.not_null = true;
	assert_hashed(c, &null, "null");
	assert_hashed(c, &absent, "null");
	assert_hashed(c, &unchanged, "\"" PLACEHOLDER "\"");

	/* no text, or no text to Debezium */
	assert_hashed(column("c", 114, -1), &abc, "\"abc\"");
	assert_hashed(column("c", 17, -1), &abc, "\"YWJj\"");
	assert_hashed(text_column("c", "citext", NULL), &abc, "\"abc\"");
	c = text_column("c", "_mood", "mood");
	c.nlabels = 1;
	assert_hashed(c,
				  &(struct change_value){CHANGE_VALUE, (const uint8_t *) "{a}",
										 3},
				  "[\"a\"]");
	c = column("c", 114, -1);
	c.truncated = true;
	c.chars = 2;
	assert_hashed(c, &abc, "\"ab\"");

	/* By a rule that is not known, nothing is shown. */
	c = column("c", 25, -1);
	c.hashed = true;
	for (c.hash = 0; c.hash <= 3; c.hash += 3)
	{
		o.hashes = hash_rules;
		o.nhashes = COUNT(hash_rules);
		(void) format_one(&c, &o, &abc, &out);
		assert_string_equal(str(&out), "null");
	}
	buf_free(&out);
}

/* The key is what it is, and what is compared is what is shown. */
static void
format_json_hashes_no_key(void **state)
{
	struct change_column   column_of_key = column("k", 1043, 4 + 1);
	static const uint16_t  key[] = {0};
	struct change_relation rel = {.schema = "s",
								  .name = "t",
								  .identity = 'f',
								  .ncolumns = 1,
								  .columns = &column_of_key,
								  .nkeys = 1,
								  .keys = key};
	struct change_value	   before[] = {bytes("7", 1)};
	struct change_value	   after[] = {bytes(";", 1)};
	struct change		   c = {.op = CHANGE_UPDATE,
								.relation = &rel,
								.txn = &transaction,
								.before = before,
								.after = after};
	struct format_options  o = options;
	struct format_plan	  *plan;
	struct buf			   out = {0};

	(void) state;
	column_of_key.key_position = 1;
	column_of_key.hashed = true;
	column_of_key.hash = 2;
	o.hashes = hash_rules;
	o.nhashes = COUNT(hash_rules);
	plan = format_json_plan(&rel, &o);
	assert_true(format_json_key(plan, before, &out));
	assert_string_equal(str(&out), "{\"k\":\"7\"}");

	/* one digit, and the same of both */
	assert_int_equal(format_json_compare_keys(plan, &c), FORMAT_OTHER);
	assert_false(format_json_row_changed(plan, &c));
	after[0] = bytes("0", 1);
	assert_true(format_json_row_changed(plan, &c));
	format_json_plan_free(plan);
	buf_free(&out);
}

static void
format_json_times_before_1970(void **state)
{
	struct change_transaction txn = {.xid = 1, .commit_time_us = -1};
	struct change			  c = {.op = CHANGE_TRUNCATE,
								   .txn = &txn,
								   .relation = &customers};
	struct format_plan		 *plan;
	struct buf				  out = {0};

	(void) state;
	setup_customers();
	plan = format_json_plan(&customers, &options);
	(void) format_json_value(plan, FORMAT_TRUNCATE, &c, -1, &out);
	assert_non_null(strstr(str(&out), "\"ts_ms\":-1,\"snapshot\""));
	assert_non_null(strstr(str(&out), "\"ts_us\":-1,\"ts_ns\":-1000,"));
	assert_non_null(strstr(str(&out), "\"ts_ms\":-1,\"ts_us\":-1,"
									  "\"ts_ns\":-1}"));

	/* no multiplication may overflow */
	txn.commit_time_us = INT64_MAX;
	buf_reset(&out);
	(void) format_json_value(plan, FORMAT_TRUNCATE, &c, INT64_MIN, &out);
	format_json_plan_free(plan);
	buf_free(&out);
}

static void
format_json_message_is_debezium_s(void **state)
{
	struct change_transaction txn = {
		.xid = 555,
		.end_lsn = 500,
		.previous_end_lsn = 400,
		.commit_time_us = COMMIT_US,
	};
	struct change c = {
		.op = CHANGE_MESSAGE,
		.txn = &txn,
		.lsn = 450,
		.message =
			{
				.transactional = true,
				.prefix = "fo\"o",
				.prefix_len = 4,
				.content = (const uint8_t *) "bar",
				.content_len = 3,
			},
	};
	struct format_plan *plan = format_json_plan(NULL, &options);
	struct buf			out = {0};

	(void) state;
	assert_false(format_json_key(plan, &(struct change_value){0}, &out));
	(void) format_json_value(plan, FORMAT_MESSAGE, &c, NOW, &out);
	assert_string_equal(
		str(&out),
		"{\"op\":\"m\",\"ts_ms\":1559033904871,"
		"\"source\":{\"version\":\"3.6.1.Final\","
		"\"connector\":\"postgresql\",\"name\":\"srv\","
		"\"ts_ms\":1559033904863,\"snapshot\":\"false\",\"db\":\"postgres\","
		"\"sequence\":\"[\\\"400\\\",\\\"450\\\"]\","
		"\"ts_us\":1559033904863123,\"ts_ns\":1559033904863123000,"
		"\"schema\":\"\",\"table\":\"\",\"txId\":555,\"lsn\":450,"
		"\"xmin\":null,\"origin\":null,\"origin_lsn\":null},"
		"\"transaction\":null,"
		"\"message\":{\"prefix\":\"fo\\\"o\",\"content\":\"YmFy\"}}");

	c.order = &(const struct change_order){5, 2, false};
	buf_reset(&out);
	(void) format_json_value(plan, FORMAT_MESSAGE, &c, NOW, &out);
	assert_non_null(strstr(str(&out),
						   "\"origin_lsn\":null},\"transaction\":{"
						   "\"id\":\"555:500\",\"total_order\":5,"
						   "\"data_collection_order\":2},\"message\":{"));
	c.order = NULL;

	/* outside transactions: no txId, no commit time, its own LSN */
	txn = (struct change_transaction){.end_lsn = 450, .previous_end_lsn = 400};
	c.message.transactional = false;
	c.message.prefix_len = c.message.content_len = 0;
	buf_reset(&out);
	(void) format_json_value(plan, FORMAT_MESSAGE, &c, NOW, &out);
	assert_string_equal(
		str(&out),
		"{\"op\":\"m\",\"ts_ms\":1559033904871,"
		"\"source\":{\"version\":\"3.6.1.Final\","
		"\"connector\":\"postgresql\",\"name\":\"srv\","
		"\"ts_ms\":1559033904871,\"snapshot\":\"false\",\"db\":\"postgres\","
		"\"sequence\":\"[\\\"450\\\",\\\"450\\\"]\","
		"\"ts_us\":1559033904871841,\"ts_ns\":1559033904871841000,"
		"\"schema\":\"\",\"table\":\"\",\"txId\":null,\"lsn\":450,"
		"\"xmin\":null,\"origin\":null,\"origin_lsn\":null},"
		"\"transaction\":null,"
		"\"message\":{\"prefix\":\"\",\"content\":\"\"}}");

	c.message.prefix_len = 4;
	buf_reset(&out);
	format_json_message_key(plan, &c, &out);
	assert_string_equal(str(&out), "{\"prefix\":\"fo\\\"o\"}");
	format_json_plan_free(plan);
	buf_free(&out);
}

/* ------------------------------------------------------------------- keys */

/* a, b, c with the key (c, a) */
static struct change_column abc[3];
static const uint16_t		key_c_a[] = {2, 0};
static const uint16_t		identity_a_c[] = {0, 2};
static const uint16_t		identity_b[] = {1};

static struct change_relation
relation_abc(char identity)
{
	struct change_relation rel = {
		.schema = "s",
		.name = "t",
		.identity = identity,
		.ncolumns = 3,
		.columns = abc,
		.nkeys = 2,
		.keys = key_c_a,
		.nidentity = 2,
		.identities = identity_a_c,
	};

	abc[0] = column("a", PGTEXT_INT4, -1);
	abc[1] = column("b", PGTEXT_NUMERIC, -1);
	abc[2] = column("c", PGTEXT_TEXT, -1);
	abc[0].in_identity = abc[2].in_identity = true;
	return rel;
}

static const struct change_value row_abc[] = {
	{CHANGE_VALUE, (const uint8_t *) "\1\0\0\0", 4},
	{CHANGE_VALUE, (const uint8_t *) "\0\201\1\0\350\3", 6}, /* 1.10 */
	{CHANGE_VALUE, (const uint8_t *) "x", 1},
};

/* What the key of 'row' is, or "none". */
static void
assert_key(const struct change_relation *rel, const struct change_value *row,
		   const char *expected)
{
	struct format_plan *plan = format_json_plan(rel, &options);
	struct buf			out = {0};

	buf_lit(&out, "k:");
	if (!format_json_key(plan, row, &out))
	{
		assert_int_equal(out.len, 2);
		buf_lit(&out, "none");
	}
	assert_string_equal(str(&out) + 2, expected);
	format_json_plan_free(plan);
	buf_free(&out);
}

static void
format_json_key_header_spells_decimals_as_java_does(void **state)
{
	static const struct
	{
		uint32_t	type;
		int32_t		typmod;
		const char *value;
		const char *expected;
	} cases[] = {
		{PGTEXT_NUMERIC, NUMERIC(10, 2), "00810100e803", "{\"c\":1.10}"},
		{PGTEXT_NUMERIC, NUMERIC(10, 2), "7fa16400", "{\"c\":-0.01}"},
		{PGTEXT_NUMERIC, NUMERIC(10, 0), "00800700", "{\"c\":7}"},
		{PGTEXT_NUMERIC, NUMERIC(10, 2), "0081", "{\"c\":0.00}"},
		{PGTEXT_NUMERIC, NUMERIC(10, 6), "7e836400", "{\"c\":0.000001}"},
		{PGTEXT_NUMERIC, NUMERIC(10, 7), "fe830a00", "{\"c\":1E-7}"},
		{PGTEXT_NUMERIC, NUMERIC(10, 7), "fea30a00", "{\"c\":-1E-7}"},
		{PGTEXT_NUMERIC, NUMERIC(12, 10), "7e8501006810", "{\"c\":1.42E-8}"},
		{PGTEXT_NUMERIC, NUMERIC(12, 10), "0085", "{\"c\":0E-10}"},
		{PGTEXT_MONEY, -1, "ed1dfeffffffffff", "{\"c\":-1234.11}"},
		/* all other types as in the key */
		{PGTEXT_NUMERIC, -1, "00810100e803",
		 "{\"c\":{\"scale\":1,\"value\":\"Cw==\"}}"},
		{PGTEXT_TEXT, -1, "610a", "{\"c\":\"a\\n\"}"},
	};

	(void) state;
	for (size_t i = 0; i < COUNT(cases); i++)
	{
		struct change_relation rel = relation_abc('d');
		struct change_value	   row[3] = {0};
		struct format_plan	  *plan;
		struct buf			   out = {0};
		size_t				   len;
		uint8_t				  *data = unhex(cases[i].value, &len);

		abc[2] = column("c", cases[i].type, cases[i].typmod);
		rel.nkeys = 1;
		row[2] = bytes(data, len);
		plan = format_json_plan(&rel, &options);
		assert_true(format_json_key_header(plan, row, &out));
		assert_string_equal(str(&out), cases[i].expected);
		format_json_plan_free(plan);
		buf_free(&out);
		free(data);
	}
}

static void
format_json_key_is_the_primary_key_in_its_order(void **state)
{
	struct change_relation rel = relation_abc('d');
	struct change_value	   row[3];

	(void) state;
	assert_key(&rel, row_abc, "{\"c\":\"x\",\"a\":1}");
	assert_key(&rel, NULL, "none");

	/* an old row that lacks a part of it has no key */
	memcpy(row, row_abc, sizeof(row));
	row[0] = STATE(CHANGE_ABSENT);
	assert_key(&rel, row, "none");
	row[0] = STATE(CHANGE_UNCHANGED);
	assert_key(&rel, row, "none");

	/* neither a key nor an index that stands in for it */
	rel.nkeys = 0;
	assert_key(&rel, row_abc, "none");
	rel.identity = 'f';
	assert_key(&rel, row_abc, "none");
}

static void
format_json_key_may_be_the_replica_identity(void **state)
{
	struct change_relation rel = relation_abc('i');
	struct change_value	   row[3];

	(void) state;

	/* the index covers the primary key: that is the key */
	assert_key(&rel, row_abc, "{\"c\":\"x\",\"a\":1}");

	/*
	 * It does not: old rows come without the primary key.  Debezium's deletes
	 * then have the key {"id":0}.
	 */
	abc[0].in_identity = abc[2].in_identity = false;
	abc[1].in_identity = true;
	rel.nidentity = 1;
	rel.identities = identity_b;
	assert_key(&rel, row_abc, "{\"b\":{\"scale\":1,\"value\":\"Cw==\"}}");

	/* no primary key */
	rel.nkeys = 0;
	assert_key(&rel, row_abc, "{\"b\":{\"scale\":1,\"value\":\"Cw==\"}}");
	memcpy(row, row_abc, sizeof(row));
	row[1] = STATE(CHANGE_NULL);
	assert_key(&rel, row, "{\"b\":null}");

	/* not the identity any more */
	rel.identity = 'd';
	assert_key(&rel, row_abc, "none");
}

static void
format_json_key_may_be_chosen(void **state)
{
	struct change_relation rel = relation_abc('i');
	struct change_value	   old[3];
	struct change_value new[3];
	struct change		c = {.op = CHANGE_UPDATE,
							 .relation = &rel,
							 .before = old,
							 .after = new};
	struct format_plan *plan;

	(void) state;

	/* The index that is the identity is no key then, and a delete has none. */
	rel.chosen_key = true;
	abc[0].in_identity = abc[2].in_identity = false;
	abc[1].in_identity = true;
	rel.nidentity = 1;
	rel.identities = identity_b;
	memcpy(old, row_abc, sizeof(old));
	memcpy(new, row_abc, sizeof(new));
	assert_key(&rel, row_abc, "{\"c\":\"x\",\"a\":1}");
	old[0] = STATE(CHANGE_ABSENT);
	assert_key(&rel, old, "none");

	/* What is known of it can still tell that it has changed. */
	plan = format_json_plan(&rel, &options);
	assert_int_equal(format_json_compare_keys(plan, &c), FORMAT_SAME);
	old[2] = TEXT("y");
	assert_int_equal(format_json_compare_keys(plan, &c), FORMAT_OTHER);
	new[2] = STATE(CHANGE_UNCHANGED);
	assert_int_equal(format_json_compare_keys(plan, &c), FORMAT_UNKNOWN);
	assert_key(&rel, new, "none");
	old[2] = STATE(CHANGE_ABSENT);
	assert_int_equal(format_json_compare_keys(plan, &c), FORMAT_UNKNOWN);

	/* and what is not known of one column is not known of the key */
	new[2] = TEXT("x");
	new[0] = STATE(CHANGE_UNCHANGED);
	old[2] = TEXT("y");
	assert_int_equal(format_json_compare_keys(plan, &c), FORMAT_UNKNOWN);
	format_json_plan_free(plan);
}

static void
format_json_compare_keys_compares_what_is_written(void **state)
{
	struct change_relation rel = relation_abc('i');
	struct change_value	   old[3];
	struct change		   c = {.op = CHANGE_UPDATE,
								.relation = &rel,
								.before = old,
								.after = row_abc};
	struct format_plan	  *plan;

	(void) state;
	plan = format_json_plan(&rel, &options);
	memcpy(old, row_abc, sizeof(old));
	assert_int_equal(format_json_compare_keys(plan, &c), FORMAT_SAME);
	old[1] = STATE(CHANGE_ABSENT);
	assert_int_equal(format_json_compare_keys(plan, &c), FORMAT_SAME);
	old[2] = TEXT("y");
	assert_int_equal(format_json_compare_keys(plan, &c), FORMAT_OTHER);
	old[2] = TEXT("xx");
	assert_int_equal(format_json_compare_keys(plan, &c), FORMAT_OTHER);
	old[2] = STATE(CHANGE_ABSENT);
	assert_int_equal(format_json_compare_keys(plan, &c), FORMAT_SAME);
	c.before = NULL;
	assert_int_equal(format_json_compare_keys(plan, &c), FORMAT_SAME);
	format_json_plan_free(plan);

	/* 1.1 and 1.10 are one key */
	abc[0].in_identity = abc[2].in_identity = false;
	abc[1].in_identity = true;
	rel.nidentity = 1;
	rel.identities = identity_b;
	plan = format_json_plan(&rel, &options);
	c.before = old;
	old[1] = bytes("\200\200\1\0\350\3", 6);
	assert_int_equal(format_json_compare_keys(plan, &c), FORMAT_SAME);
	old[1] = bytes("\200\200\1\0\320\7", 6);
	assert_int_equal(format_json_compare_keys(plan, &c), FORMAT_OTHER);
	old[1] = bytes("\200", 1); /* nothing that can be read */
	assert_int_equal(format_json_compare_keys(plan, &c), FORMAT_UNKNOWN);
	old[1] = STATE(CHANGE_OVERSIZE);
	assert_int_equal(format_json_compare_keys(plan, &c), FORMAT_UNKNOWN);
	format_json_plan_free(plan);
}

/* {{1,2}} and {{1,3}}, which are both [null] where there is a schema. */
static void
format_json_row_changed_sees_what_a_schema_hides(void **state)
{
	static const char head[] = "\2\0\0\0" /* dimensions */
							   "\0\0\0\0\27\0\0\0"
							   "\1\0\0\0\2\0\0\0"  /* their lengths */
							   "\1\0\0\0\1\0\0\0"; /* and bounds */
	struct change_column   c = column("c", 1007, -1);
	struct change_relation rel = {.schema = "s",
								  .name = "t",
								  .identity = 'f',
								  .ncolumns = 1,
								  .columns = &c};
	uint8_t				   old[sizeof(head) - 1 + 8] = {0};
	uint8_t new[sizeof(old)];
	struct change_value	  before = {CHANGE_VALUE, old, sizeof(old)};
	struct change_value	  after = {CHANGE_VALUE, new, sizeof(new)};
	struct change		  change = {.op = CHANGE_UPDATE,
									.txn = &transaction,
									.relation = &rel,
									.before = &before,
									.after = &after};
	struct format_options o = options;

	(void) state;
	o.schemas = true;
	o.topic = "p.s.t";
	memcpy(old, head, sizeof(head) - 1);
	old[sizeof(head) - 1] = 1;
	old[sizeof(head) + 3] = 2;
	memcpy(new, old, sizeof(old));
	new[sizeof(head) + 3] = 3;
	for (int debezium = 0; debezium < 2; debezium++)
	{
		struct format_plan *plan;

		o.debezium = debezium;
		plan = format_json_plan(&rel, &o);
		assert_int_equal(format_json_row_changed(plan, &change), !debezium);
		format_json_plan_free(plan);
	}
}

static void
format_json_row_changed_compares_what_is_written(void **state)
{
	struct change_relation rel = relation_abc('f');
	struct change_value	   old[3];
	struct change_value new[3];
	struct change		c = {.op = CHANGE_UPDATE,
							 .relation = &rel,
							 .before = old,
							 .after = new};
	struct format_plan *plan;

	(void) state;
	plan = format_json_plan(&rel, &options);
	memcpy(old, row_abc, sizeof(old));
	memcpy(new, row_abc, sizeof(new));
	assert_false(format_json_row_changed(plan, &c));
	new[2] = TEXT("y");
	assert_true(format_json_row_changed(plan, &c));
	new[2] = STATE(CHANGE_NULL);
	assert_true(format_json_row_changed(plan, &c));
	old[2] = STATE(CHANGE_NULL);
	assert_false(format_json_row_changed(plan, &c));

	/* lost on both sides: nobody knows */
	old[2] = new[2] = STATE(CHANGE_ERROR);
	assert_true(format_json_row_changed(plan, &c));
	old[2] = new[2] = STATE(CHANGE_OVERSIZE);
	assert_true(format_json_row_changed(plan, &c));
	old[2] = new[2] = STATE(CHANGE_UNCHANGED);
	assert_true(format_json_row_changed(plan, &c));
	old[2] = TEXT("__debezium_unavailable_value"); /* as it is written */
	assert_true(format_json_row_changed(plan, &c));
	memcpy(old, row_abc, sizeof(old));
	memcpy(new, row_abc, sizeof(new));

	/* 1.1 and 1.10 are written alike, 1.2 is not */
	new[1] = bytes("\200\200\1\0\350\3", 6);
	old[1] = bytes("\0\201\1\0\350\3", 6);
	assert_false(format_json_row_changed(plan, &c));
	new[1] = bytes("\200\200\1\0\320\7", 6);
	assert_true(format_json_row_changed(plan, &c));
	format_json_plan_free(plan);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(format_json_has_each_type_as_debezium),
		cmocka_unit_test(format_json_survives_values_that_are_none),
		cmocka_unit_test(format_json_reads_texts_with_an_inner_order),
		cmocka_unit_test(format_json_hstore_may_be_an_object),
		cmocka_unit_test(format_json_hstore_may_have_many_members),
		cmocka_unit_test(
			format_json_has_a_placeholder_for_what_is_not_in_the_wal),
		cmocka_unit_test(format_json_has_times_in_each_mode),
		cmocka_unit_test(format_json_has_times_in_arrays_in_each_mode),
		cmocka_unit_test(format_json_has_other_times_alike_in_every_mode),
		cmocka_unit_test(format_json_refuses_times_that_are_none_in_each_mode),
		cmocka_unit_test(format_json_has_a_placeholder_for_dates_in_each_mode),
		cmocka_unit_test(format_json_key_header_has_times_as_the_key),
		cmocka_unit_test(jsontext_escapes_as_jackson),
		cmocka_unit_test(jsontext_writes_numbers_of_every_length),
		cmocka_unit_test(format_json_is_debezium_s_envelope),
		cmocka_unit_test(format_json_places_events_in_their_transaction),
		cmocka_unit_test(
			format_json_source_knows_origin_and_first_transaction),
		cmocka_unit_test(
			format_json_escapes_names_and_leaves_out_virtual_columns),
		cmocka_unit_test(format_json_row_leaves_out_what_is_for_the_key_alone),
		cmocka_unit_test(format_json_cuts_text_as_java_does),
		cmocka_unit_test(format_json_hashes_text_of_all_kinds),
		cmocka_unit_test(format_json_hashes_values_and_nothing_else),
		cmocka_unit_test(format_json_hashes_no_key),
		cmocka_unit_test(format_json_times_before_1970),
		cmocka_unit_test(format_json_message_is_debezium_s),
		cmocka_unit_test(format_json_key_header_spells_decimals_as_java_does),
		cmocka_unit_test(format_json_key_is_the_primary_key_in_its_order),
		cmocka_unit_test(format_json_key_may_be_the_replica_identity),
		cmocka_unit_test(format_json_key_may_be_chosen),
		cmocka_unit_test(format_json_compare_keys_compares_what_is_written),
		cmocka_unit_test(format_json_row_changed_compares_what_is_written),
		cmocka_unit_test(format_json_row_changed_sees_what_a_schema_hides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
