/* links: format_json format_json_debezium format_json_default
 * links: format_json_schema format_json_type format_json_time avro_name mask_hash jsontext buf format_json_extension
 * links: pgtext pgtext_array pgtext_bits pgtext_datetime pgtext_float
 * links: pgtext_geo pgtext_jsonb pgtext_net pgtext_numeric pgtext_range
 * links: pgtext_ts pgtext_xml
 * libs: jansson libcrypto */
/*
 * compatibility=debezium: what Debezium 3.6.1 was seen to write where it is
 * not what is right.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "format_one.h"
#include "mask_hash.h"
#include "pgtext.h"

static const struct format_options options = {
	.version = "3.6.1.Final",
	.prefix = "srv",
	.database = "postgres",
	.placeholder = "p",
	.money_fraction_digits = 2,
	.byte_order = 'L',
	.debezium = true,
	.null_default = true,
	.key_null_default = true,
};

/* One element, as an array of one dimension. */
#define ONE(oid, element) "0100000000000000" oid "0100000001000000" element
enum mode
{
	AS_IS,
	UNKNOWN, /* include.unknown.datatypes */
	HEX,
	DOUBLE
};

static struct format_options
options_of(enum mode mode)
{
	struct format_options o = options;

	o.unknown_types = mode == UNKNOWN;
	if (mode == HEX)
		o.binary = FORMAT_BINARY_HEX;
	if (mode == DOUBLE)
		o.decimal = FORMAT_DECIMAL_DOUBLE;
	return o;
}

static const struct
{
	uint32_t	oid;
	int32_t		typmod;
	enum mode	mode;
	const char *raw;
	const char *json; /* "": there is no such column */
} values[] = {
	/* unknown types: box, xid, their arrays */
	{PGTEXT_BOX, -1, AS_IS,
	 "000000000000f03f000000000000f03f00000000000000000000000000000000", ""},
	/* (1.0,1.0),(0.0,0.0) */
	{PGTEXT_BOX, -1, UNKNOWN,
	 "000000000000f03f000000000000f03f00000000000000000000000000000000",
	 "\"KDEuMCwxLjApLCgwLjAsMC4wKQ==\""},
	/* (Infinity,1.0),(-Infinity,0.0) */
	{PGTEXT_BOX, -1, UNKNOWN,
	 "000000000000f07f000000000000f03f000000000000f0ff0000000000000000",
	 "\"KEluZmluaXR5LDEuMCksKC1JbmZpbml0eSwwLjAp\""},
	{PGTEXT_XID, -1, UNKNOWN, "ffffffff", "\"NDI5NDk2NzI5NQ==\""},
	{1011, -1, AS_IS, ONE("1c000000", "00000000"), ""},
	{1011, -1, UNKNOWN,
	 "01000000000000001c000000"
	 "0200000001000000"
	 "00000000ffffffff",
	 "[\"MA==\",\"NDI5NDk2NzI5NQ==\"]"},
	/* not whole */
	{1011, -1, UNKNOWN,
	 "01000000200000001c000000"
	 "0200000001000000"
	 "010000000000000000000000",
	 "null"},
	/* money[], whatever is asked for */
	{791, -1, UNKNOWN,
	 "01000000000000001603000001000000010000009600000000000000", ""},
	{PGTEXT_NAME, -1, AS_IS, "61", "null"},
	{PGTEXT_NAME, -1, UNKNOWN, "61", "\"a\""},
	/* bit[], int2vector */
	{1561, 1, AS_IS, "000000000000000018060000", "null"},
	{PGTEXT_INT2VECTOR, -1, AS_IS,
	 "0100000000000000150000000300000000000000010002000300", "[]"},
	{PGTEXT_INT2VECTOR, -1, AS_IS, "0100000000000000150000000000000000000000",
	 "null"},

	/* {{1,2},{3,NULL}}; of texts there are no nulls, as there are names */
	{1007, -1, AS_IS,
	 "020000002800000017000000020000000200000001000000010000000700000000000"
	 "000010000000200000003000000",
	 "[null,null]"},
	{1009, -1, AS_IS,
	 "0200000000000000190000000100000001000000"
	 "0100000001000000"
	 "1400000061",
	 "[[\"a\"]]"},
	/* {1.1,NaN,NULL}: a number that is none is the end of it, NULL is not */
	{1231, NUMERIC(4, 2), AS_IS,
	 "0100000020000000a4060000030000000100000003000000000000002800000000810"
	 "100e80300001800000000c00000",
	 "null"},
	/* {{NaN},{1}}, {{1},{1}} */
	{1231, NUMERIC(4, 2), AS_IS,
	 "0200000000000000a406000002000000010000000100000001000000"
	 "1800000000c000002000000000800100",
	 "null"},
	{1231, NUMERIC(4, 2), AS_IS,
	 "0200000000000000a406000002000000010000000100000001000000"
	 "20000000008001002000000000800100",
	 "[null,null]"},
	{1231, NUMERIC(4, 2), DOUBLE,
	 "0100000020000000a4060000030000000100000003000000000000002800000000810"
	 "100e80300001800000000c00000",
	 "null"},

	/* 0001-12-31 BC, 1582-10-10, 1582-10-15, infinities; and as no element */
	{PGTEXT_DATE, -1, AS_IS, "f8dbf4ff", "-719163"},
	{1182, -1, AS_IS, ONE("3a040000", "f8dbf4ff"), "[-718798]"},
	{1182, -1, AS_IS, ONE("3a040000", "bbacfdff"), "[-141422]"},
	{1182, -1, AS_IS, ONE("3a040000", "c0acfdff"), "[-141427]"},
	{1182, -1, AS_IS, ONE("3a040000", "ffffff7f"), "[-622191234]"},
	{1182, -1, AS_IS, ONE("3a040000", "00000080"), "[-625821272]"},
	/* 13:51:30.123456, 24:00:00 */
	{1183, -1, AS_IS, ONE("3b040000", "c0deae9d0b000000"), "[49890123000]"},
	{1183, -1, AS_IS, ONE("3b040000", "0060d71d14000000"), "[0]"},
	{1183, 3, AS_IS, ONE("3b040000", "f8dcae9d0b000000"), "[49890123]"},
	{1270, -1, AS_IS, ONE("f2040000", "0de0ae9d0b000000e0e3ffff"),
	 "[\"11:51:30Z\"]"},
	/* 4713-01-01 BC, 1582-10-10 12:00, infinity */
	{1115, -1, AS_IS, ONE("5a040000", "00e017afbd7f0ffd"),
	 "[-210866803200000000]"},
	{1115, 3, AS_IS, ONE("5a040000", "00e017afbd7f0ffd"),
	 "[-210866803200000]"},
	{1115, -1, AS_IS, ONE("5a040000", "ffffffffffffff7f"),
	 "[9223372036825200000]"},
	/* -infinity, 4714-12-31 23:59:59.999999 BC */
	{1185, -1, AS_IS, ONE("a0040000", "0000000000000080"),
	 "[\"+292269055-12-02T23:00:00.000000Z\"]"},
	{1185, 0, AS_IS, ONE("a0040000", "0000000000000080"),
	 "[\"+292269055-12-02T23:00:00Z\"]"},
	{1185, -1, AS_IS, ONE("a0040000", "ffdf17afbd7f0ffd"),
	 "[\"4714-12-31T23:59:59.999999Z\"]"},
	{1185, -1, AS_IS, ONE("a0040000", "ffffffffffffff7f"), "[\"infinity\"]"},

	/* 294276-12-31 23:59:59.999999 */
	{PGTEXT_TIMESTAMP, -1, AS_IS, "ff9fb2b35bffff7f", "-9223372036853775810"},
	{PGTEXT_TIMESTAMP, -1, AS_IS, "ffffffffffffff7f", "9223372036825200000"},
	/* none that PostgreSQL has: 64 bits, but for their last value */
	{PGTEXT_TIMESTAMP, -1, AS_IS, "0100000000000080", "-9222425352054775807"},
	{PGTEXT_TIMESTAMP, -1, AS_IS, "feffffffffffff7f", "-9223372036854000003"},
	{1115, -1, AS_IS, ONE("5a040000", "feffffffffffff7f"),
	 "[-9223372036854000003]"},
	{PGTEXT_TIMESTAMP, -1, AS_IS, "c0de69bd78e30100", "1478267490123456"},
	/* 1 day -23:59:59.999, 1 day -23:59:59.999999 */
	{PGTEXT_INTERVAL, -1, AS_IS, "e8a328e2ebffffff0100000000000000", "999"},
	{PGTEXT_INTERVAL, -1, AS_IS, "01a028e2ebffffff0100000000000000", "0"},
	{PGTEXT_INTERVAL, -1, AS_IS, "60a7976c03000000030000000e000000",
	 "37091106780000"},
	{PGTEXT_INTERVAL, -1, AS_IS, "ffffffffffffff7fffffff7fffffff7f",
	 "9223372036854775807"},
};

static void
debezium_has_its_own_values(void **state)
{
	struct buf out = {0};

	(void) state;
	for (size_t i = 0; i < COUNT(values); i++)
	{
		struct change_column  c = column("c", values[i].oid, values[i].typmod);
		struct format_options o = options_of(values[i].mode);
		size_t				  len;
		uint8_t				 *raw = unhex(values[i].raw, &len);
		struct change_value	  v = {CHANGE_VALUE, raw, len};
		unsigned			  failed = format_one(&c, &o, &v, &out);

		if (failed != 0 || strcmp(buf_cstr(&out), values[i].json) != 0)
			fail_msg("type %u %s: got %s, not %s", values[i].oid,
					 values[i].raw, buf_cstr(&out), values[i].json);
		free(raw);
	}
	buf_free(&out);
}

/* Is any part of a value one, too, or a part enough to know what becomes? */
static bool
has_good_parts(size_t i)
{
	return values[i].json[0] == '\0' || values[i].oid == PGTEXT_NAME ||
		   values[i].oid == 1561 || values[i].oid == 1231;
}

/* What is not all there is null and counted. */
static void
debezium_survives_values_that_are_none(void **state)
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
			struct change_value v = {CHANGE_VALUE, part, cut};
			unsigned			failed;

			memcpy(part, raw, cut);
			failed = format_one(&c, &o, &v, &out);
			if (failed > 0 ? strcmp(buf_cstr(&out), "null") != 0
						   : !has_good_parts(i))
				fail_msg("type %u, %zu bytes of %s: got %s", values[i].oid,
						 cut, values[i].raw, buf_cstr(&out));
			free(part);
		}
		for (size_t at = 0; at < len; at++)
		{
			struct change_value v = {CHANGE_VALUE, raw, len};

			raw[at] ^= 0xff;
			if (format_one(&c, &o, &v, &out) > 0)
				assert_string_equal(buf_cstr(&out), "null");
			raw[at] ^= 0xff;
		}
		free(raw);
	}
	buf_free(&out);
}

/* Arrays of integers that are written as nulls alone. */
static void
debezium_reads_what_it_does_not_show(void **state)
{
	static const struct
	{
		const char *raw;
		const char *json; /* NULL: it is none */
	} arrays[] = {
		/* {{1,2}}, {{1},{2}} */
		{"020000000000000017000000010000000200000001000000010000000100000002"
		 "000000",
		 "[null]"},
		{"020000000000000017000000020000000100000001000000010000000100000002"
		 "000000",
		 "[null,null]"},
		/* of 3 and of 200 rows, of which two are there */
		{"020000000000000017000000030000000100000001000000010000000100000002"
		 "000000",
		 NULL},
		{"020000000000000017000000c80000000100000001000000010000000100000002"
		 "000000",
		 NULL},
		/* none, or 200 of nothing, which PostgreSQL does not have */
		{"020000000000000017000000000000000100000001000000010000000100000002"
		 "000000",
		 "[]"},
		{"0200000000000000170000000000000000000000010000000100000001000000"
		 "02000000",
		 "[]"},
		{"0200000000000000170000001000000000000000010000000100000001000000"
		 "02000000",
		 "[]"},
	};
	struct change_column c = column("c", 1007, -1);
	struct buf			 out = {0};

	(void) state;
	for (size_t i = 0; i < COUNT(arrays); i++)
	{
		size_t				len;
		uint8_t			   *raw = unhex(arrays[i].raw, &len);
		struct change_value v = {CHANGE_VALUE, raw, len};

		assert_int_equal(format_one(&c, &options, &v, &out),
						 arrays[i].json == NULL);
		assert_string_equal(buf_cstr(&out),
							arrays[i].json != NULL ? arrays[i].json : "null");
		free(raw);
	}

	/* {{{true}}} and a boolean of which there is no byte */
	c = column("c", 1000, -1);
	for (size_t len = 36; len <= 37; len++)
	{
		uint8_t raw[37] = {[0] = 3,	 [8] = 16, [12] = 1, [16] = 1, [20] = 1,
						   [24] = 1, [28] = 1, [32] = 1, [36] = 1};

		assert_int_equal(format_one(&c, &options,
									&(struct change_value){CHANGE_VALUE, raw,
														   len},
									&out),
						 len == 36);
	}

	/* a numeric of one byte is none */
	c = column("c", 1231, -1);
	assert_int_equal(
		format_one(&c, &options,
				   &(struct change_value){CHANGE_VALUE,
										  (const uint8_t *) "\2\0\0\0\0\0\0\0"
															"\xa4\6\0\0"
															"\1\0\0\0\1\0\0\0"
															"\1\0\0\0\1\0\0\0"
															"\x14\0\0\0\0",
										  33},
				   &out),
		1);
	buf_free(&out);
}

static void
debezium_knows_extensions_by_name(void **state)
{
	static const struct
	{
		const char *type;
		const char *element;
		char		kind;
		enum mode	mode;
		const char *text;
		const char *json;
	} texts[] = {
		{"citext", NULL, 'b', AS_IS, "a", "\"a\""},
		{"pair", NULL, 'c', AS_IS, "(1,2)", ""},
		{"pair", NULL, 'c', UNKNOWN, "(1,2)", "\"KDEsMik=\""},
		{"cube", NULL, 'b', HEX, "(0)", ""},
		{"mood", NULL, 'e', AS_IS, "sad", "\"sad\""},
		{"_pair", "pair", 'b', AS_IS, "{\"(1,2)\"}", ""},
		{"_pair", "pair", 'b', UNKNOWN, "{\"(1,2)\"}", "[\"KDEsMik=\"]"},
		{"_pair", "pair", 'b', UNKNOWN, "{\"(1,2)\",NULL}", "null"},
		{"_ltree", "ltree", 'b', AS_IS, "{a,NULL}", "null"},
		{"_citext", "citext", 'b', AS_IS, "{a,NULL}", "[\"a\",null]"},
		/* with labels, as an enum's array has them */
		{"_mood", "mood", 'E', AS_IS, "{sad}", "[\"sad\"]"},
		{"_mood", "mood", 'E', AS_IS, "{sad,NULL}", "null"},
	};
	static const char *const labels[] = {"sad"};
	struct buf				 out = {0};

	(void) state;
	for (size_t i = 0; i < COUNT(texts); i++)
	{
		struct change_column  c = text_column("c", texts[i].type,
											  texts[i].element);
		struct format_options o = options_of(texts[i].mode);
		struct change_value v = {CHANGE_VALUE, (const uint8_t *) texts[i].text,
								 strlen(texts[i].text)};

		c.kind = texts[i].kind;
		if (c.kind == 'E')
		{
			c.kind = 'b';
			c.nlabels = 1;
			c.labels = labels;
		}
		assert_int_equal(format_one(&c, &o, &v, &out), 0);
		assert_string_equal(buf_cstr(&out), texts[i].json);
	}
	buf_free(&out);
}

static const struct
{
	uint32_t	oid;
	int32_t		typmod;
	const char *expr;
	const char *json;  /* where a column that may not be null has no value */
	bool		shown; /* as a NULL, too */
} defaults[] = {
	{PGTEXT_INT4, -1, NULL, "0", false},
	{PGTEXT_INT4, -1, "7", "7", true},
	{PGTEXT_INT4, -1, "'-3'::integer", "-3", true},
	{PGTEXT_INT4, -1, "(1 + 2)", "0", false},
	{PGTEXT_INT4, -1, "nextval('s'::regclass)", "0", true},
	{PGTEXT_INT8, -1, "'5000000000'::bigint", "5000000000", true},
	{PGTEXT_OID, -1, "5", "0", false},
	{PGTEXT_BOOL, -1, "true", "true", true},
	{PGTEXT_BOOL, -1, NULL, "false", false},
	{PGTEXT_FLOAT8, -1, "1.5", "1.5", true},
	{PGTEXT_FLOAT4, -1, "0.1", "0.1", true},
	{PGTEXT_FLOAT8, -1, NULL, "0.0", false},
	{PGTEXT_NUMERIC, NUMERIC(10, 2), "1.5", "\"AJY=\"", true},
	{PGTEXT_NUMERIC, NUMERIC(10, 2), "'-12345678.9'::numeric", "\"tmn9Lg==\"",
	 true},
	{PGTEXT_NUMERIC, NUMERIC(10, 2), NULL, "\"AA==\"", false},
	{PGTEXT_NUMERIC, -1, "1.50", "{\"scale\":0,\"value\":\"AA==\"}", false},
	{PGTEXT_MONEY, -1, "1", "\"AA==\"", false},
	{PGTEXT_TEXT, -1, "'n'::text", "\"n\"", true},
	{PGTEXT_TEXT, -1, "'it''s'::text", "\"it\"", true},
	{PGTEXT_TEXT, -1, "''::text", "\"\"", true},
	{PGTEXT_TEXT, -1, "CURRENT_USER", "\"CURRENT_USER\"", true},
	{PGTEXT_TEXT, -1, "lower('A'::text)", "\"\"", true},
	{PGTEXT_TEXT, -1, "'a\nb'::text", "\"\"", false},
	{PGTEXT_TEXT, -1, "NULL::text", "\"\"", false},
	{PGTEXT_UUID, -1, "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid",
	 "\"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\"", true},
	{PGTEXT_UUID, -1, "gen_random_uuid()",
	 "\"00000000-0000-0000-0000-000000000000\"", true},
	{PGTEXT_UUID, -1, NULL, "\"\"", false},
	{PGTEXT_JSONB, -1, "'{\"a\": 1}'::jsonb", "\"{\\\"a\\\": 1}\"", true},
	{PGTEXT_BYTEA, -1, "'\\x01'::bytea", "\"\"", false},
	{PGTEXT_DATE, -1, "'2000-01-02'::date", "10958", true},
	{PGTEXT_DATE, -1, "'1999-12-31'::date", "10956", true},
	{PGTEXT_DATE, -1, "CURRENT_DATE", "0", true},
	{PGTEXT_TIME, -1, "'12:34:56.789'::time without time zone", "45296789000",
	 true},
	{PGTEXT_TIMESTAMP, -1,
	 "'2000-01-02 03:04:05.678'::timestamp without time zone",
	 "946782245678000", true},
	{PGTEXT_TIMESTAMP, 0, "'2000-01-02 03:04:05'::timestamp without time zone",
	 "946782245000", true},
	{PGTEXT_TIMESTAMP, -1, "now()", "0", true},
	{PGTEXT_TIMESTAMPTZ, -1,
	 "'2000-01-02 03:04:05+00'::timestamp with time zone",
	 "\"2000-01-02T03:04:05.000000Z\"", true},
	{PGTEXT_TIMESTAMPTZ, -1, "now()", "\"1970-01-01T00:00:00.000000Z\"", true},
	{PGTEXT_TIMESTAMPTZ, -1, NULL, "\"1970-01-01T00:00:00Z\"", false},
	{PGTEXT_TIMESTAMPTZ, -1, "'soon'::timestamp with time zone",
	 "\"1970-01-01T00:00:00Z\"", false},
	{PGTEXT_TIMETZ, -1, "'12:00:00+00'::time with time zone", "\"00:00:00Z\"",
	 false},
	{PGTEXT_INTERVAL, -1, "'1 day'::interval", "86400000000", true},
	{PGTEXT_INTERVAL, -1, "'-1 years 1 mon 2 days -00:00:01.5'::interval",
	 "-28755001500000", true},
	/* no interval at all, or more of one than is read */
	{PGTEXT_INTERVAL, -1, "'-9223372036854775808 years'::interval", "0",
	 false},
	{PGTEXT_INTERVAL, -1, "'9223372036854775808 days'::interval", "0", false},
	{PGTEXT_INTERVAL, -1, "'-100000001 mons'::interval", "0", false},
	{PGTEXT_BIT, 1, "'1'::\"bit\"", "true", true},
	{PGTEXT_BIT, 5, "B'10101'::\"bit\"", "\"FQ==\"", true},
	{PGTEXT_VARBIT, -1, NULL, "\"\"", false},
	{PGTEXT_INET, -1, "'1.2.3.4'::inet", "\"\"", false},
	{PGTEXT_POINT, -1, "'(1,2)'::point",
	 "{\"x\":0.0,\"y\":0.0,\"wkb\":\"AQEAAAAAAAAAAAAAAAAAAAAAAAAA\","
	 "\"srid\":null}",
	 false},
	{1007, -1, "'{1}'::integer[]", "[]", false},
};

static void
debezium_shows_defaults_and_zeros(void **state)
{
	const struct change_value null = {.state = CHANGE_NULL};
	const struct change_value absent = {.state = CHANGE_ABSENT};
	struct format_options	  right = options;
	struct buf				  out = {0};

	(void) state;
	right.debezium = false;
	for (size_t i = 0; i < COUNT(defaults); i++)
	{
		struct change_column c = column("c", defaults[i].oid,
										defaults[i].typmod);
		const char *shown = defaults[i].shown ? defaults[i].json : "null";

		c.default_expr = defaults[i].expr;
		(void) format_one(&c, &options, &null, &out);
		assert_string_equal(buf_cstr(&out), shown);
		(void) format_one(&c, &options, &absent, &out);
		assert_string_equal(buf_cstr(&out), shown);

		/* the converter's property alone: what is not known is not there */
		(void) format_one(&c, &right, &null, &out);
		assert_string_equal(buf_cstr(&out), shown);
		(void) format_one(&c, &right, &absent, &out);
		assert_string_equal(buf_cstr(&out), "null");

		c.not_null = true;
		(void) format_one(&c, &options, &absent, &out);
		if (strcmp(buf_cstr(&out), defaults[i].json) != 0)
			fail_msg("type %u default %s: got %s, not %s", defaults[i].oid,
					 defaults[i].expr, buf_cstr(&out), defaults[i].json);

		/* of a domain Debezium reads none */
		c.not_null = false;
		c.kind = 'd';
		(void) format_one(&c, &options, &null, &out);
		assert_string_equal(buf_cstr(&out), "null");
	}
	buf_free(&out);
}

static void
debezium_leaves_out_generated_columns(void **state)
{
	struct change_column c = column("c", PGTEXT_INT4, -1);
	struct buf			 out = {0};

	(void) state;
	c.is_generated = true;
	(void) format_row(&c, &options,
					  &(struct change_value){CHANGE_VALUE,
											 (const uint8_t *) "\1\0\0\0", 4},
					  &out);
	assert_string_equal(buf_cstr(&out), "{}");
	buf_free(&out);
}

/* Lost in a key is lost, although no row shows it: generated, or unknown. */
static void
debezium_counts_what_its_key_alone_lacks(void **state)
{
	static const uint16_t	  first[] = {0};
	const struct change_value lost[] = {{.state = CHANGE_ERROR},
										{.state = CHANGE_OVERSIZE}};
	struct change_column	  c;
	struct change_relation	  rel = {.schema = "s",
									 .name = "t",
									 .identity = 'd',
									 .ncolumns = 1,
									 .columns = &c,
									 .nkeys = 1,
									 .keys = first};
	struct change_transaction txn = {.xid = 1};
	struct change			  change = {.op = CHANGE_INSERT,
										.txn = &txn,
										.relation = &rel};
	struct buf				  out = {0};

	(void) state;
	for (int i = 0; i < 4; i++)
	{
		struct format_plan *plan;

		c = column("c", i < 2 ? PGTEXT_INT4 : PGTEXT_XID, -1);
		c.is_generated = i < 2;
		change.after = &lost[i & 1];
		plan = format_json_plan(&rel, &options);
		assert_int_equal(format_json_value(plan, FORMAT_CREATE, &change, 0,
										   &out),
						 1);
		assert_false(format_json_key(plan, change.after, &out));
		format_json_plan_free(plan);
	}
	buf_free(&out);
}

/* Without defaults for nulls, source.snapshot has none. */
static void
debezium_s_source_depends_on_the_converter(void **state)
{
	struct change_relation	  rel = {.schema = "s", .name = "t"};
	struct change_transaction txn = {.xid = 1};
	struct change c = {.op = CHANGE_TRUNCATE, .txn = &txn, .relation = &rel};
	struct format_options o = options;

	(void) state;
	for (int i = 0; i < 4; i++)
	{
		struct format_plan *plan;
		struct buf			out = {0};

		o.debezium = i & 1;
		o.null_default = i & 2;
		plan = format_json_plan(&rel, &o);
		(void) format_json_value(plan, FORMAT_TRUNCATE, &c, 0, &out);
		assert_non_null(
			strstr(buf_cstr(&out),
				   i == 1 ? "\"snapshot\":null," : "\"snapshot\":\"false\","));
		format_json_plan_free(plan);
		buf_free(&out);
	}
}

/* A large bytea that did not change, which may be lost. */
static void
debezium_has_not_every_placeholder(void **state)
{
	static const struct
	{
		uint32_t		   oid;
		enum format_binary binary;
		const char		  *json;
	} cases[] = {
		{PGTEXT_BYTEA, FORMAT_BINARY_BYTES, "\"cA==\""},
		{PGTEXT_BYTEA, FORMAT_BINARY_BASE64, "null"},
		{PGTEXT_BYTEA, FORMAT_BINARY_BASE64_URL, "null"},
		{PGTEXT_BYTEA, FORMAT_BINARY_HEX, "\"p\""},
		{1001, FORMAT_BINARY_BYTES, "[\"cA==\"]"},
		{1001, FORMAT_BINARY_HEX, "null"},
		{1182, FORMAT_BINARY_BYTES, "[112]"},
	};
	struct buf out = {0};

	(void) state;
	for (size_t i = 0; i < COUNT(cases); i++)
	{
		struct change_column  c = column("c", cases[i].oid, -1);
		struct format_options o = options;

		o.binary = cases[i].binary;
		(void) format_one(&c, &o,
						  &(struct change_value){.state = CHANGE_UNCHANGED},
						  &out);
		assert_string_equal(buf_cstr(&out), cases[i].json);
	}
	buf_free(&out);
}

/* id numeric(4,2), other int; 'other' is the replica identity */
static void
debezium_keeps_the_primary_key_that_old_rows_lack(void **state)
{
	static const uint16_t  id[] = {0};
	static const uint16_t  other[] = {1};
	struct change_column   columns[2];
	struct change_relation rel = {.schema = "s",
								  .name = "t",
								  .identity = 'i',
								  .ncolumns = 2,
								  .columns = columns,
								  .nkeys = 1,
								  .keys = id,
								  .nidentity = 1,
								  .identities = other};
	struct change_value	   old[] = {{.state = CHANGE_ABSENT},
									{CHANGE_VALUE, (const uint8_t *) "\1\0\0\0",
									 4}};
	struct change_value new[] = {{CHANGE_VALUE,
								  (const uint8_t *) "\0\201\1\0\350\3", 6},
								 {CHANGE_VALUE, (const uint8_t *) "\2\0\0\0",
								  4}};
	struct change		c = {.op = CHANGE_UPDATE,
							 .relation = &rel,
							 .before = old,
							 .after = new};
	struct format_plan *plan;
	struct buf			out = {0};

	(void) state;
	columns[0] = column("id", PGTEXT_NUMERIC, NUMERIC(4, 2));
	columns[0].not_null = true;
	columns[1] = column("c", PGTEXT_INT4, -1);
	columns[1].in_identity = true;
	plan = format_json_plan(&rel, &options);
	assert_true(format_json_key(plan, old, &out));
	assert_string_equal(buf_cstr(&out), "{\"id\":\"AA==\"}");
	buf_reset(&out);
	assert_true(format_json_key_header(plan, old, &out));
	assert_string_equal(buf_cstr(&out), "{\"id\":0.00}");
	assert_int_equal(format_json_compare_keys(plan, &c), FORMAT_OTHER);

	/* of what is zero by itself it did not change */
	new[0] = (struct change_value){CHANGE_VALUE, (const uint8_t *) "\0\201",
								   2};
	assert_int_equal(format_json_compare_keys(plan, &c), FORMAT_SAME);
	format_json_plan_free(plan);

	buf_free(&out);
}

/* Types that are the same in all rows, or in none: as in mode default. */
static void
debezium_has_every_column_of_a_key(void **state)
{
	static const struct
	{
		uint32_t	oid;
		int32_t		typmod;
		const char *raw;
		const char *row;
		const char *key;
	} cases[] = {
		{PGTEXT_XID, -1, "01000000", "{}", "{\"c\":\"1\"}"},
		{PGTEXT_NAME, -1, "61", "{\"c\":\"\"}", "{\"c\":\"a\"}"},
		/* {true}, the oidvectors 7 and {7} */
		{1561, 1, ONE("18060000", "240000000100000080"), "{\"c\":[]}",
		 "{\"c\":[true]}"},
		{PGTEXT_OIDVECTOR, -1, ONE("1a000000", "07000000"), "{\"c\":[]}",
		 "{\"c\":[7]}"},
		{PGTEXT_INT2VECTOR, -1, ONE("15000000", "0700"), "{\"c\":[]}",
		 "{\"c\":[7]}"},
		/* money[], which there never is */
		{791, -1, ONE("16030000", "9600000000000000"), "{}",
		 "{\"c\":[\"AJY=\"]}"},
	};
	static const uint16_t first[] = {0};
	struct buf			  out = {0};

	(void) state;
	for (size_t i = 0; i < COUNT(cases); i++)
	{
		struct change_column   c = column("c", cases[i].oid, cases[i].typmod);
		struct change_relation rel = {.schema = "s",
									  .name = "t",
									  .identity = 'd',
									  .ncolumns = 1,
									  .columns = &c,
									  .nkeys = 1,
									  .keys = first};
		size_t				   len;
		uint8_t				  *raw = unhex(cases[i].raw, &len);
		struct change_value	   v = {CHANGE_VALUE, raw, len};
		struct format_plan	  *plan;

		c.not_null = true;
		assert_int_equal(format_row(&c, &options, &v, &out), 0);
		assert_string_equal(buf_cstr(&out), cases[i].row);
		plan = format_json_plan(&rel, &options);
		buf_reset(&out);
		if (!format_json_key(plan, &v, &out) ||
			strcmp(buf_cstr(&out), cases[i].key) != 0)
			fail_msg("type %u: got %s, not %s", cases[i].oid, buf_cstr(&out),
					 cases[i].key);
		format_json_plan_free(plan);
		free(raw);
	}
	buf_free(&out);
}

/*
 * k text, id int; 'id' is the replica identity, so that a 'k' that is stored
 * elsewhere need not be in the WAL.
 */
static void
debezium_has_the_placeholder_in_a_key(void **state)
{
	static const uint16_t  k[] = {0};
	static const uint16_t  id[] = {1};
	struct change_column   columns[2];
	struct change_relation rel = {.schema = "s",
								  .name = "t",
								  .identity = 'i',
								  .ncolumns = 2,
								  .columns = columns,
								  .nkeys = 1,
								  .keys = k,
								  .nidentity = 1,
								  .identities = id};
	struct change_value	   old[] = {{.state = CHANGE_ABSENT},
									{CHANGE_VALUE, (const uint8_t *) "\1\0\0\0",
									 4}};
	struct change_value new[] = {{.state = CHANGE_UNCHANGED},
								 {CHANGE_VALUE, (const uint8_t *) "\2\0\0\0",
								  4}};
	struct change c = {.op = CHANGE_UPDATE, .relation = &rel, .after = new};
	struct format_options right = options;
	struct format_plan	 *plan;
	struct buf			  out = {0};

	(void) state;
	columns[0] = column("k", PGTEXT_TEXT, -1);
	columns[1] = column("c", PGTEXT_INT4, -1);
	columns[1].in_identity = true;
	plan = format_json_plan(&rel, &options);
	assert_true(format_json_key(plan, new, &out));
	assert_string_equal(buf_cstr(&out), "{\"k\":\"p\"}");
	buf_reset(&out);
	assert_true(format_json_key_header(plan, new, &out));
	assert_string_equal(buf_cstr(&out), "{\"k\":\"p\"}");
	assert_int_equal(format_json_compare_keys(plan, &c), FORMAT_SAME);

	/* an old row that lacks it has another */
	c.before = old;
	assert_int_equal(format_json_compare_keys(plan, &c), FORMAT_OTHER);
	old[0].state = CHANGE_UNCHANGED;
	assert_int_equal(format_json_compare_keys(plan, &c), FORMAT_SAME);

	/* what was too long for the plugin is lost */
	new[0].state = CHANGE_OVERSIZE;
	assert_int_equal(format_json_compare_keys(plan, &c), FORMAT_UNKNOWN);
	buf_reset(&out);
	assert_false(format_json_key(plan, new, &out));
	format_json_plan_free(plan);

	/* chosen by message.key.columns, and still no key */
	right.debezium = false;
	rel.chosen_key = true;
	new[0].state = CHANGE_UNCHANGED;
	plan = format_json_plan(&rel, &right);
	assert_int_equal(format_json_compare_keys(plan, &c), FORMAT_UNKNOWN);
	assert_false(format_json_key(plan, new, &out));
	assert_int_equal(out.len, 0);
	format_json_plan_free(plan);
	buf_free(&out);
}

/* In a unique index, whose columns may be null. */
static void
debezium_has_defaults_in_key_headers_as_headers_have_them(void **state)
{
	static const uint16_t	  first[] = {0};
	const struct change_value null = {.state = CHANGE_NULL};
	struct change_column	  c = column("c", PGTEXT_NUMERIC, NUMERIC(10, 2));
	struct change_relation	  rel = {.schema = "s",
									 .name = "t",
									 .identity = 'n',
									 .ncolumns = 1,
									 .columns = &c,
									 .nkeys = 1,
									 .keys = first};
	struct format_options	  o = options;
	struct format_plan		 *plan;
	struct buf				  out = {0};

	(void) state;
	c.default_expr = "1.5";
	plan = format_json_plan(&rel, &o);
	assert_true(format_json_key(plan, &null, &out));
	assert_string_equal(buf_cstr(&out), "{\"c\":\"AJY=\"}");
	buf_reset(&out);
	assert_true(format_json_key_header(plan, &null, &out));
	assert_string_equal(buf_cstr(&out), "{\"c\":1.50}");
	format_json_plan_free(plan);

	o.key_null_default = false;
	plan = format_json_plan(&rel, &o);
	buf_reset(&out);
	assert_true(format_json_key_header(plan, &null, &out));
	assert_string_equal(buf_cstr(&out), "{\"c\":null}");
	format_json_plan_free(plan);
	buf_free(&out);
}

static void
debezium_has_an_empty_map_where_none_is_known(void **state)
{
	struct format_options o = options;
	struct change_column  c = text_column("c", "hstore", NULL);
	struct buf			  out = {0};

	(void) state;
	c.not_null = true;
	(void) format_one(&c, &o, &(struct change_value){.state = CHANGE_ABSENT},
					  &out);
	assert_string_equal(buf_cstr(&out), "\"{}\"");
	o.hstore = FORMAT_HSTORE_MAP;
	(void) format_one(&c, &o, &(struct change_value){.state = CHANGE_ABSENT},
					  &out);
	assert_string_equal(buf_cstr(&out), "{}");
	buf_free(&out);
}

/* What is masked comes as text, whatever its type is to Debezium. */
static void
debezium_has_masks_as_they_come(void **state)
{
	static const uint32_t types[] = {PGTEXT_TEXT, PGTEXT_VARCHAR,
									 PGTEXT_BPCHAR, PGTEXT_CHAR, PGTEXT_NAME};
	struct change_value	  v = {CHANGE_VALUE, (const uint8_t *) "***", 3};
	struct buf			  out = {0};

	(void) state;
	for (size_t i = 0; i < COUNT(types); i++)
	{
		struct change_column c = column("c", types[i], -1);

		c.encoding = CHANGE_TEXT;
		assert_int_equal(format_one(&c, &options, &v, &out), 0);
		assert_string_equal(buf_cstr(&out), "\"***\"");
	}
	buf_free(&out);
}

/* Values, and what stands for them, unless Kafka Connect puts it there. */
static void
debezium_cuts_what_it_invents(void **state)
{
	const struct change_value absent = {.state = CHANGE_ABSENT};
	const struct change_value null = {.state = CHANGE_NULL};
	const struct change_value xid = {CHANGE_VALUE,
									 (const uint8_t *) "\xff\xff\xff\xff", 4};
	struct change_column	  c = column("c", PGTEXT_TEXT, -1);
	struct format_options	  o = options_of(UNKNOWN);
	struct buf				  out = {0};

	(void) state;
	c.truncated = true;
	c.chars = 3;
	c.default_expr = "'default'::text";
	(void) format_one(&c, &o, &absent, &out);
	assert_string_equal(buf_cstr(&out), "\"default\"");
	(void) format_one(&c, &o, &null, &out);
	assert_string_equal(buf_cstr(&out), "\"default\"");
	c.not_null = true;
	(void) format_one(&c, &o, &absent, &out);
	assert_string_equal(buf_cstr(&out), "\"def\"");

	c = column("c", PGTEXT_TIMETZ, -1);
	c.truncated = true;
	c.chars = 3;
	c.not_null = true;
	(void) format_one(&c, &o, &absent, &out);
	assert_string_equal(buf_cstr(&out), "\"00:\"");

	/* of 4294967295, "429" and the first of its hex */
	c = column("c", PGTEXT_XID, -1);
	c.truncated = true;
	c.chars = 3;
	(void) format_one(&c, &o, &xid, &out);
	assert_string_equal(buf_cstr(&out), "\"NDI5\"");
	o.binary = FORMAT_BINARY_HEX;
	(void) format_one(&c, &o, &xid, &out);
	assert_string_equal(buf_cstr(&out), "\"343\"");
	c = text_column("c", "pair", NULL);
	c.truncated = true;
	c.chars = 2;
	o.binary = FORMAT_BINARY_BYTES;
	(void) format_one(&c, &o,
					  &(struct change_value){CHANGE_VALUE,
											 (const uint8_t *) "(1,2)", 5},
					  &out);
	assert_string_equal(buf_cstr(&out), "\"KDE=\"");
	buf_free(&out);
}

/* Also what it invents, and what stands for a value that is not there. */
static void
debezium_hashes_what_it_invents(void **state)
{
	static const struct mask_hash_rule rule = {"MD5", MASK_HASH_V2, "salt"};
	const struct change_value		   absent = {.state = CHANGE_ABSENT};
	const struct change_value		   null = {.state = CHANGE_NULL};
	const struct change_value		   unchanged = {.state = CHANGE_UNCHANGED};
	struct change_column			   c = column("c", PGTEXT_TEXT, -1);
	struct format_options			   o = options;
	struct buf						   out = {0};

	(void) state;
	o.hashes = &rule;
	o.nhashes = 1;
	o.placeholder = "\"\xf0\x9f\x98\x80";
	c.hashed = true;
	c.hash = 1;
	(void) format_one(&c, &o, &null, &out);
	assert_string_equal(buf_cstr(&out), "null");
	(void) format_one(&c, &o, &unchanged, &out);
	assert_string_equal(buf_cstr(&out),
						"\"39d7192db5767dc7df5398674d151c0d\"");
	c.not_null = true;
	(void) format_one(&c, &o, &absent, &out);
	assert_string_equal(buf_cstr(&out),
						"\"ceb20772e0c9d240c75eb26b0e37abee\"");
	c.default_expr = "'default'::text";
	(void) format_one(&c, &o, &absent, &out);
	assert_string_equal(buf_cstr(&out),
						"\"3967a15b3be2c56ecfb0052cf80763a3\"");
	buf_free(&out);
}

/* A NULL is written as its default, and is not the same for that. */
static void
debezium_tells_a_null_from_its_default(void **state)
{
	struct change_column   c = column("c", PGTEXT_INT4, -1);
	struct change_relation rel = {.schema = "s",
								  .name = "t",
								  .identity = 'f',
								  .ncolumns = 1,
								  .columns = &c};
	struct change_value	   old = {.state = CHANGE_NULL};
	struct change_value new = {CHANGE_VALUE, (const uint8_t *) "\7\0\0\0", 4};
	struct change		change = {.op = CHANGE_UPDATE,
								  .relation = &rel,
								  .before = &old,
								  .after = &new};
	struct format_plan *plan;

	(void) state;
	c.default_expr = "7";
	plan = format_json_plan(&rel, &options);
	assert_true(format_json_row_changed(plan, &change));
	change.after = &old;
	assert_false(format_json_row_changed(plan, &change));
	format_json_plan_free(plan);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(debezium_has_its_own_values),
		cmocka_unit_test(debezium_survives_values_that_are_none),
		cmocka_unit_test(debezium_reads_what_it_does_not_show),
		cmocka_unit_test(debezium_knows_extensions_by_name),
		cmocka_unit_test(debezium_shows_defaults_and_zeros),
		cmocka_unit_test(debezium_leaves_out_generated_columns),
		cmocka_unit_test(debezium_counts_what_its_key_alone_lacks),
		cmocka_unit_test(debezium_s_source_depends_on_the_converter),
		cmocka_unit_test(debezium_has_not_every_placeholder),
		cmocka_unit_test(debezium_keeps_the_primary_key_that_old_rows_lack),
		cmocka_unit_test(debezium_has_every_column_of_a_key),
		cmocka_unit_test(debezium_has_the_placeholder_in_a_key),
		cmocka_unit_test(
			debezium_has_defaults_in_key_headers_as_headers_have_them),
		cmocka_unit_test(debezium_has_an_empty_map_where_none_is_known),
		cmocka_unit_test(debezium_has_masks_as_they_come),
		cmocka_unit_test(debezium_cuts_what_it_invents),
		cmocka_unit_test(debezium_hashes_what_it_invents),
		cmocka_unit_test(debezium_tells_a_null_from_its_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
