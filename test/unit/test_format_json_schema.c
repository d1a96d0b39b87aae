/* links: format_json format_json_debezium format_json_default
 * links: format_json_schema format_json_type format_json_extension format_json_time avro_name jsontext buf
 * links: pgtext pgtext_array pgtext_bits pgtext_datetime pgtext_float
 * links: pgtext_geo pgtext_jsonb pgtext_net pgtext_numeric pgtext_range
 * links: pgtext_ts pgtext_xml mask_hash
 * libs: jansson libcrypto */
/*
 * The schemas beside keys and values.
 *
 * What is expected is what Debezium 3.6.1 and Kafka Connect's JsonConverter
 * were seen to write, except where it is said that we do otherwise.
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
#include "pgtext.h"

#define INT4_ARRAY 1007
#define BIT_ARRAY 1561
#define JSONB_ARRAY 3807

#define SOURCE_SCHEMA                                                          \
	"{\"type\":\"struct\",\"fields\":["                                        \
	"{\"type\":\"string\",\"optional\":false,\"field\":\"version\"},"          \
	"{\"type\":\"string\",\"optional\":false,\"field\":\"connector\"},"        \
	"{\"type\":\"string\",\"optional\":false,\"field\":\"name\"},"             \
	"{\"type\":\"int64\",\"optional\":false,\"field\":\"ts_ms\"},"             \
	"{\"type\":\"string\",\"optional\":true,\"name\":\"io.debezium.data."      \
	"Enum\",\"version\":1,\"parameters\":{\"allowed\":\"true,first,first_in_"  \
	"data_collection,last_in_data_collection,last,false,incremental\"},"       \
	"\"default\":\"false\",\"field\":\"snapshot\"},"                           \
	"{\"type\":\"string\",\"optional\":false,\"field\":\"db\"},"               \
	"{\"type\":\"string\",\"optional\":true,\"field\":\"sequence\"},"          \
	"{\"type\":\"int64\",\"optional\":true,\"field\":\"ts_us\"},"              \
	"{\"type\":\"int64\",\"optional\":true,\"field\":\"ts_ns\"},"              \
	"{\"type\":\"string\",\"optional\":false,\"field\":\"schema\"},"           \
	"{\"type\":\"string\",\"optional\":false,\"field\":\"table\"},"            \
	"{\"type\":\"int64\",\"optional\":true,\"field\":\"txId\"},"               \
	"{\"type\":\"int64\",\"optional\":true,\"field\":\"lsn\"},"                \
	"{\"type\":\"int64\",\"optional\":true,\"field\":\"xmin\"},"               \
	"{\"type\":\"string\",\"optional\":true,\"field\":\"origin\"},"            \
	"{\"type\":\"int64\",\"optional\":true,\"field\":\"origin_lsn\"}],"        \
	"\"optional\":false,\"name\":\"io.debezium.connector.postgresql.Source\"," \
	"\"version\":1,\"field\":\"source\"}"

#define TRANSACTION_SCHEMA                                               \
	"{\"type\":\"struct\",\"fields\":["                                  \
	"{\"type\":\"string\",\"optional\":false,\"field\":\"id\"},"         \
	"{\"type\":\"int64\",\"optional\":false,\"field\":\"total_order\"}," \
	"{\"type\":\"int64\",\"optional\":false,"                            \
	"\"field\":\"data_collection_order\"}],\"optional\":true,"           \
	"\"name\":\"event.block\",\"version\":1,\"field\":\"transaction\"}"

static const struct format_options options = {
	.version = "3.6.1.Final",
	.prefix = "srv",
	.database = "postgres",
	.placeholder = "__debezium_unavailable_value",
	.topic = "srv.inventory.customers",
	.money_fraction_digits = 2,
	.byte_order = 'L',
	.schemas = true,
	.key_schemas = true,
};

/* A text as a value. */
static struct change_value
text(const char *s)
{
	return (struct change_value){CHANGE_VALUE, (const uint8_t *) s, strlen(s)};
}

/* ---------------------------------------------------------------- records */

static void
schemas_stand_beside_key_and_value(void **state)
{
	static const uint8_t	  one[] = {1, 0, 0, 0};
	static const uint16_t	  keys[] = {0};
	struct change_column	  columns[3];
	struct change_transaction txn = {.xid = 555,
									 .end_lsn = 500,
									 .previous_end_lsn = 400,
									 .commit_time_us = 1559033904863123};
	struct change_value		  row[3] = {{CHANGE_VALUE, one, sizeof(one)}};
	struct change_relation	  rel = {
		   .schema = "inventory",
		   .name = "customers",
		   .identity = 'd',
		   .ncolumns = 3,
		   .columns = columns,
		   .nkeys = 1,
		   .keys = keys,
	   };
	struct change		  c = {.op = CHANGE_INSERT,
							   .txn = &txn,
							   .lsn = 450,
							   .relation = &rel,
							   .after = row};
	struct format_options o = options;
	struct format_plan	 *plan;
	struct buf			  out = {0};

	(void) state;
	columns[0] = column("id", PGTEXT_INT4, -1);
	columns[0].default_expr = "nextval('customers_id_seq'::regclass)";
	columns[0].key_position = 1;
	columns[0].not_null = columns[0].in_identity = true;
	columns[1] = column("first \"name\"", PGTEXT_TEXT, -1);
	columns[1].not_null = true;
	columns[2] = column("paid", PGTEXT_NUMERIC, NUMERIC(10, 2));
	columns[2].default_expr = "1.5";
	row[1] = text("Anne");

	o.debezium = true;
	o.null_default = o.key_null_default = true;
	plan = format_json_plan(&rel, &o);
	assert_true(format_json_key(plan, row, &out));
	assert_string_equal(buf_cstr(&out),
						"{\"schema\":{\"type\":\"struct\",\"fields\":["
						"{\"type\":\"int32\",\"optional\":false,\"default\":0,"
						"\"field\":\"id\"}],\"optional\":false,"
						"\"name\":\"srv.inventory.customers.Key\"},"
						"\"payload\":{\"id\":1}}");

	/* as headers have it, there is none */
	buf_reset(&out);
	assert_true(format_json_key_header(plan, row, &out));
	assert_string_equal(buf_cstr(&out), "{\"id\":1}");

	/* nor where there is no key */
	buf_reset(&out);
	assert_false(format_json_key(plan, NULL, &out));
	assert_int_equal(out.len, 0);

#define ROW_SCHEMA(field)                                                   \
	"{\"type\":\"struct\",\"fields\":["                                     \
	"{\"type\":\"int32\",\"optional\":false,\"default\":0,"                 \
	"\"field\":\"id\"},"                                                    \
	"{\"type\":\"string\",\"optional\":false,"                              \
	"\"field\":\"first \\\"name\\\"\"},"                                    \
	"{\"type\":\"bytes\",\"optional\":true,\"name\":\"org.apache.kafka."    \
	"connect.data.Decimal\",\"version\":1,\"parameters\":{\"scale\":\"2\"," \
	"\"connect.decimal.precision\":\"10\"},\"default\":\"AJY=\","           \
	"\"field\":\"paid\"}],\"optional\":true,"                               \
	"\"name\":\"srv.inventory.customers.Value\",\"field\":\"" field "\"}"

	assert_int_equal(format_json_value(plan, FORMAT_CREATE, &c,
									   1559033904871841257, &out),
					 0);
	assert_is_json(&out);
	assert_string_equal(
		buf_cstr(&out),
		"{\"schema\":{\"type\":\"struct\",\"fields\":[" ROW_SCHEMA("before") "," ROW_SCHEMA(
			"after") "," SOURCE_SCHEMA "," TRANSACTION_SCHEMA ","
					 "{\"type\":\"string\",\"optional\":false,\"field\":\"op\"},"
					 "{\"type\":\"int64\",\"optional\":true,\"field\":\"ts_ms\"},"
					 "{\"type\":\"int64\",\"optional\":true,\"field\":\"ts_us\"},"
					 "{\"type\":\"int64\",\"optional\":true,\"field\":\"ts_ns\"}],"
					 "\"optional\":false,\"name\":\"srv.inventory.customers.Envelope\","
					 "\"version\":2},\"payload\":{\"before\":null,\"after\":{\"id\":1,"
					 "\"first \\\"name\\\"\":\"Anne\",\"paid\":\"AJY=\"},"
					 "\"source\":{\"version\":\"3.6.1.Final\","
					 "\"connector\":\"postgresql\",\"name\":\"srv\","
					 "\"ts_ms\":1559033904863,\"snapshot\":\"false\",\"db\":\"postgres\","
					 "\"sequence\":\"[\\\"400\\\",\\\"450\\\"]\","
					 "\"ts_us\":1559033904863123,\"ts_ns\":1559033904863123000,"
					 "\"schema\":\"inventory\",\"table\":\"customers\",\"txId\":555,"
					 "\"lsn\":450,\"xmin\":null,\"origin\":null,\"origin_lsn\":null},"
					 "\"transaction\":null,\"op\":\"c\",\"ts_ms\":1559033904871,"
					 "\"ts_us\":1559033904871841,\"ts_ns\":1559033904871841257}}");
	format_json_plan_free(plan);

	/* one of both */
	o.schemas = false;
	plan = format_json_plan(&rel, &o);
	buf_reset(&out);
	(void) format_json_value(plan, FORMAT_TRUNCATE, &c, 0, &out);
	assert_memory_equal(out.data, "{\"before\":null,\"after\":null,\"s", 30);
	buf_reset(&out);
	assert_true(format_json_key(plan, row, &out));
	assert_memory_equal(out.data, "{\"schema\":", 10);
	format_json_plan_free(plan);
	o.schemas = true;
	o.key_schemas = false;
	plan = format_json_plan(&rel, &o);
	buf_reset(&out);
	(void) format_json_value(plan, FORMAT_TRUNCATE, &c, 0, &out);
	assert_is_json(&out);
	assert_memory_equal(out.data, "{\"schema\":", 10);
	buf_reset(&out);
	assert_true(format_json_key(plan, row, &out));
	assert_string_equal(buf_cstr(&out), "{\"id\":1}");
	format_json_plan_free(plan);
	buf_free(&out);
}

static void
messages_have_schemas_of_their_own(void **state)
{
	struct change_transaction txn = {.xid = 0};
	struct change			  c = {
					.op = CHANGE_MESSAGE,
					.txn = &txn,
					.message = {.prefix = "foo",
								.prefix_len = 3,
								.content = (const uint8_t *) "bar",
								.content_len = 3},
	};
	struct format_options o = options;
	struct format_plan	 *plan;
	struct buf			  out = {0};

	(void) state;
	plan = format_json_plan(NULL, &o);
	format_json_message_key(plan, &c, &out);
	assert_string_equal(
		buf_cstr(&out),
		"{\"schema\":{\"type\":\"struct\",\"fields\":["
		"{\"type\":\"string\",\"optional\":true,\"field\":\"prefix\"}],"
		"\"optional\":false,"
		"\"name\":\"io.debezium.connector.postgresql.MessageKey\","
		"\"version\":1},\"payload\":{\"prefix\":\"foo\"}}");

#define MESSAGE_SCHEMA(type)                                                    \
	"{\"schema\":{\"type\":\"struct\",\"fields\":["                             \
	"{\"type\":\"string\",\"optional\":false,\"field\":\"op\"},"                \
	"{\"type\":\"int64\",\"optional\":true,\"field\":\"ts_ms\"}," SOURCE_SCHEMA \
	"," TRANSACTION_SCHEMA ","                                                  \
	"{\"type\":\"struct\",\"fields\":["                                         \
	"{\"type\":\"string\",\"optional\":true,\"field\":\"prefix\"},"             \
	"{\"type\":\"" type "\",\"optional\":true,\"field\":\"content\"}],"         \
	"\"optional\":false,"                                                       \
	"\"name\":\"io.debezium.connector.postgresql.Message\","                    \
	"\"version\":1,\"field\":\"message\"}],\"optional\":false,"                 \
	"\"name\":\"io.debezium.connector.postgresql.MessageValue\","               \
	"\"version\":1},\"payload\":{\"op\":\"m\","

	buf_reset(&out);
	(void) format_json_value(plan, FORMAT_MESSAGE, &c, 0, &out);
	assert_is_json(&out);
	assert_memory_equal(out.data, MESSAGE_SCHEMA("bytes"),
						strlen(MESSAGE_SCHEMA("bytes")));
	format_json_plan_free(plan);

	o.binary = FORMAT_BINARY_HEX;
	plan = format_json_plan(NULL, &o);
	buf_reset(&out);
	(void) format_json_value(plan, FORMAT_MESSAGE, &c, 0, &out);
	assert_memory_equal(out.data, MESSAGE_SCHEMA("string"),
						strlen(MESSAGE_SCHEMA("string")));
	format_json_plan_free(plan);
	buf_free(&out);
}

/* ------------------------------------------------------------------- types */

/* What 'after' says of a table's only column, without "field". */
static void
assert_schema_is(const struct change_column *c, const struct format_options *o,
				 const char *expected)
{
	struct change_relation rel = {.schema = "s",
								  .name = "t",
								  .identity = 'd',
								  .ncolumns = 1,
								  .columns = c};
	struct change		   change = {.op = CHANGE_TRUNCATE,
									 .txn = &(struct change_transaction){.xid = 1},
									 .relation = &rel};
	struct format_plan	  *plan = format_json_plan(&rel, o);
	struct buf			   out = {0};
	json_t				  *root;
	json_t				  *field;
	char				  *found;

	(void) format_json_value(plan, FORMAT_TRUNCATE, &change, 0, &out);
	root = json_loadb((char *) out.data, out.len, 0, NULL);
	assert_non_null(root);
	field = json_object_get(json_object_get(root, "schema"), "fields");
	field = json_object_get(json_array_get(field, 1), "fields");
	field = json_array_get(field, 0);
	assert_string_equal(json_string_value(json_object_get(field, "field")),
						c->name);
	json_object_del(field, "field");
	found = json_dumps(field, JSON_COMPACT);
	assert_string_equal(found, expected);
	free(found);
	json_decref(root);
	format_json_plan_free(plan);
	buf_free(&out);
}

#define PLAIN(type) "{\"type\":\"" type "\",\"optional\":true}"
#define NAMED(type, name)                                       \
	"{\"type\":\"" type "\",\"optional\":true,\"name\":\"" name \
	"\",\"version\":1}"
#define ARRAY(items) \
	"{\"type\":\"array\",\"items\":" items ",\"optional\":true}"

struct expected
{
	uint32_t	oid;
	int32_t		typmod;
	const char *schema;
};

static void
assert_schemas_are(const struct expected *e, size_t n,
				   const struct format_options *o)
{
	for (size_t i = 0; i < n; i++)
	{
		struct change_column c = column("c", e[i].oid, e[i].typmod);

		assert_schema_is(&c, o, e[i].schema);
	}
}

static void
a_schema_tells_each_type(void **state)
{
	static const struct expected expected[] = {
		{PGTEXT_BOOL, -1, PLAIN("boolean")},
		{PGTEXT_INT2, -1, PLAIN("int16")},
		{PGTEXT_INT4, -1, PLAIN("int32")},
		{PGTEXT_INT8, -1, PLAIN("int64")},
		{PGTEXT_OID, -1, PLAIN("int64")},
		{PGTEXT_FLOAT4, -1, PLAIN("float")},
		{PGTEXT_FLOAT8, -1, PLAIN("double")},
		{PGTEXT_TEXT, -1, PLAIN("string")},
		{PGTEXT_INET, -1, PLAIN("string")},
		{PGTEXT_TSRANGE, -1, PLAIN("string")},
		{PGTEXT_BYTEA, -1, PLAIN("bytes")},
		{PGTEXT_BIT, 1, PLAIN("boolean")},
		{PGTEXT_BIT, 5,
		 "{\"type\":\"bytes\",\"optional\":true,"
		 "\"name\":\"io.debezium.data.Bits\",\"version\":1,"
		 "\"parameters\":{\"length\":\"5\"}}"},
		{PGTEXT_VARBIT, -1,
		 "{\"type\":\"bytes\",\"optional\":true,"
		 "\"name\":\"io.debezium.data.Bits\",\"version\":1,"
		 "\"parameters\":{\"length\":\"2147483647\"}}"},
		{PGTEXT_MONEY, -1,
		 "{\"type\":\"bytes\",\"optional\":true,"
		 "\"name\":\"org.apache.kafka.connect.data.Decimal\",\"version\":1,"
		 "\"parameters\":{\"scale\":\"2\"}}"},
		{PGTEXT_NUMERIC, NUMERIC(38, 0),
		 "{\"type\":\"bytes\",\"optional\":true,"
		 "\"name\":\"org.apache.kafka.connect.data.Decimal\",\"version\":1,"
		 "\"parameters\":{\"scale\":\"0\","
		 "\"connect.decimal.precision\":\"38\"}}"},
		/* PostgreSQL's -2 is 2046 in Debezium */
		{PGTEXT_NUMERIC, NUMERIC(3, -2),
		 "{\"type\":\"bytes\",\"optional\":true,"
		 "\"name\":\"org.apache.kafka.connect.data.Decimal\",\"version\":1,"
		 "\"parameters\":{\"scale\":\"-2\","
		 "\"connect.decimal.precision\":\"3\"}}"},
		{PGTEXT_NUMERIC, -1,
		 "{\"type\":\"struct\",\"fields\":["
		 "{\"type\":\"int32\",\"optional\":false,\"field\":\"scale\"},"
		 "{\"type\":\"bytes\",\"optional\":false,\"field\":\"value\"}],"
		 "\"optional\":true,\"name\":\"io.debezium.data."
		 "VariableScaleDecimal\",\"version\":1,"
		 "\"doc\":\"Variable scaled decimal\"}"},
		{PGTEXT_POINT, -1,
		 "{\"type\":\"struct\",\"fields\":["
		 "{\"type\":\"double\",\"optional\":false,\"field\":\"x\"},"
		 "{\"type\":\"double\",\"optional\":false,\"field\":\"y\"},"
		 "{\"type\":\"bytes\",\"optional\":true,\"field\":\"wkb\"},"
		 "{\"type\":\"int32\",\"optional\":true,\"field\":\"srid\"}],"
		 "\"optional\":true,\"name\":\"io.debezium.data.geometry.Point\","
		 "\"version\":1,\"doc\":\"Geometry (POINT)\"}"},
		{PGTEXT_JSONB, -1, NAMED("string", "io.debezium.data.Json")},
		{PGTEXT_XML, -1, NAMED("string", "io.debezium.data.Xml")},
		{PGTEXT_UUID, -1, NAMED("string", "io.debezium.data.Uuid")},
		{PGTEXT_TSVECTOR, -1, NAMED("string", "io.debezium.data.Tsvector")},
		{PGTEXT_DATE, -1, NAMED("int32", "io.debezium.time.Date")},
		{PGTEXT_TIME, 3, NAMED("int32", "io.debezium.time.Time")},
		{PGTEXT_TIME, -1, NAMED("int64", "io.debezium.time.MicroTime")},
		{PGTEXT_TIMETZ, -1, NAMED("string", "io.debezium.time.ZonedTime")},
		{PGTEXT_TIMESTAMP, 0, NAMED("int64", "io.debezium.time.Timestamp")},
		{PGTEXT_TIMESTAMP, -1,
		 NAMED("int64", "io.debezium.time.MicroTimestamp")},
		{PGTEXT_TIMESTAMPTZ, -1,
		 NAMED("string", "io.debezium.time.ZonedTimestamp")},
		{PGTEXT_INTERVAL, -1,
		 NAMED("int64", "io.debezium.time.MicroDuration")},
		{INT4_ARRAY, -1, ARRAY(PLAIN("int32"))},
		{JSONB_ARRAY, -1, ARRAY(NAMED("string", "io.debezium.data.Json"))},
		{PGTEXT_INT2VECTOR, -1,
		 ARRAY("{\"type\":\"int16\",\"optional\":false}")},
		/* not in Debezium */
		{PGTEXT_TSQUERY, -1, PLAIN("string")},
	};

	(void) state;
	assert_schemas_are(expected, COUNT(expected), &options);
}

static void
a_schema_tells_what_modes_make_of_types(void **state)
{
	static const struct expected connect[] = {
		{PGTEXT_DATE, -1,
		 NAMED("int32", "org.apache.kafka.connect.data.Date")},
		{PGTEXT_TIME, -1,
		 NAMED("int32", "org.apache.kafka.connect.data.Time")},
		{PGTEXT_TIMESTAMP, -1,
		 NAMED("int64", "org.apache.kafka.connect.data.Timestamp")},
		{PGTEXT_NUMERIC, NUMERIC(10, 2), PLAIN("double")},
		{PGTEXT_MONEY, -1, PLAIN("double")},
		{PGTEXT_INTERVAL, -1, NAMED("string", "io.debezium.time.Interval")},
		{PGTEXT_BYTEA, -1, PLAIN("string")},
	};
	static const struct expected iso[] = {
		{PGTEXT_DATE, -1, NAMED("string", "io.debezium.time.IsoDate")},
		{PGTEXT_TIME, -1, NAMED("string", "io.debezium.time.IsoTime")},
		{PGTEXT_TIMESTAMP, -1,
		 NAMED("string", "io.debezium.time.IsoTimestamp")},
		{PGTEXT_NUMERIC, NUMERIC(10, 2), PLAIN("string")},
	};
	static const struct expected nanoseconds[] = {
		{PGTEXT_TIME, 3, NAMED("int64", "io.debezium.time.NanoTime")},
		{PGTEXT_TIMESTAMP, 3,
		 NAMED("int64", "io.debezium.time.NanoTimestamp")},
	};
	/* without a Z they are no texts that Debezium has a name for */
	static const struct expected local[] = {
		{PGTEXT_DATE, -1, PLAIN("string")},
		{PGTEXT_TIME, -1, PLAIN("string")},
		{PGTEXT_TIMESTAMP, -1, PLAIN("string")},
	};
	struct format_options o = options;
	struct change_column  c = text_column("h", "hstore", NULL);

	(void) state;
	assert_schema_is(&c, &o, NAMED("string", "io.debezium.data.Json"));
	o.hstore = FORMAT_HSTORE_MAP;
	assert_schema_is(&c, &o,
					 "{\"type\":\"map\","
					 "\"keys\":{\"type\":\"string\",\"optional\":false},"
					 "\"values\":{\"type\":\"string\",\"optional\":true},"
					 "\"optional\":true}");
	o.time = FORMAT_TIME_CONNECT;
	o.decimal = FORMAT_DECIMAL_DOUBLE;
	o.interval = FORMAT_INTERVAL_STRING;
	o.binary = FORMAT_BINARY_BASE64;
	assert_schemas_are(connect, COUNT(connect), &o);
	o.time = FORMAT_TIME_ISO;
	o.decimal = FORMAT_DECIMAL_STRING;
	assert_schemas_are(iso, COUNT(iso), &o);
	o.time = FORMAT_TIME_NANOSECONDS;
	assert_schemas_are(nanoseconds, COUNT(nanoseconds), &o);
	o.time = FORMAT_TIME_ISO_LOCAL;
	assert_schemas_are(local, COUNT(local), &o);
}

static void
a_schema_tells_types_of_extensions_and_users(void **state)
{
	static const char *const labels[] = {"sad", "it's, \"ok\""};
	struct change_column	 c = text_column("c", "mood", NULL);
	struct format_options	 o = options;

#define MOOD(optional)                                  \
	"{\"type\":\"string\",\"optional\":" optional ","   \
	"\"name\":\"io.debezium.data.Enum\",\"version\":1," \
	"\"parameters\":{\"allowed\":\"sad,it's, \\\"ok\\\"\"}}"

	(void) state;
	c.kind = 'e';
	c.nlabels = 2;
	c.labels = labels;
	assert_schema_is(&c, &o, MOOD("true"));
	c = text_column("c", "_mood", "mood");
	c.nlabels = 2;
	c.labels = labels;

	/* Debezium makes null of an array that has a NULL */
	assert_schema_is(&c, &o, ARRAY(MOOD("true")));
	o.debezium = true;
	assert_schema_is(&c, &o, ARRAY(MOOD("false")));

	c = text_column("c", "ltree", NULL);
	assert_schema_is(&c, &o, NAMED("string", "io.debezium.data.Ltree"));
	c = text_column("c", "_ltree", "ltree");
	assert_schema_is(&c, &o, ARRAY(NAMED("string", "io.debezium.data.Ltree")));
	c = text_column("c", "vector", NULL);
	assert_schema_is(&c, &o,
					 "{\"type\":\"array\","
					 "\"items\":{\"type\":\"double\",\"optional\":false},"
					 "\"optional\":true,"
					 "\"name\":\"io.debezium.data.DoubleVector\","
					 "\"version\":1}");
	c = text_column("c", "citext", NULL);
	assert_schema_is(&c, &o, PLAIN("string"));
	o.unknown_types = true;
	c = text_column("c", "cube", NULL);
	assert_schema_is(&c, &o, PLAIN("bytes"));
	c = text_column("c", "_cube", "cube");
	assert_schema_is(&c, &o, ARRAY("{\"type\":\"bytes\",\"optional\":false}"));
	c = column("c", BIT_ARRAY, 1);
	assert_schema_is(&c, &o, PLAIN("boolean"));
}

/* ----------------------------------------------------------- null or there */

static void
only_what_is_always_there_is_required(void **state)
{
	struct change_column  c = column("c", PGTEXT_INT4, -1);
	struct format_options o = options;

	(void) state;
	c.not_null = true;

	/* a delete does not know it, and Debezium makes 0 of that */
	assert_schema_is(&c, &o, PLAIN("int32"));
	o.debezium = true;
	assert_schema_is(&c, &o, "{\"type\":\"int32\",\"optional\":false}");
	o.debezium = false;
	c.in_identity = true;
	assert_schema_is(&c, &o, "{\"type\":\"int32\",\"optional\":false}");

	/* a Decimal has no value for NaN */
	c = column("c", PGTEXT_NUMERIC, NUMERIC(10, 0));
	c.not_null = c.in_identity = true;
	o.decimal = FORMAT_DECIMAL_DOUBLE;
	assert_schema_is(&c, &o, "{\"type\":\"double\",\"optional\":false}");
	o.decimal = FORMAT_DECIMAL_PRECISE;
	assert_schema_is(&c, &o,
					 "{\"type\":\"bytes\",\"optional\":true,"
					 "\"name\":\"org.apache.kafka.connect.data.Decimal\","
					 "\"version\":1,\"parameters\":{\"scale\":\"0\","
					 "\"connect.decimal.precision\":\"10\"}}");
}

static void
assert_lost(const struct change_column *c, const struct format_options *o,
			enum change_value_state state, const char *json)
{
	const struct change_value v = {.state = state, .len = 9999};
	struct buf				  out = {0};

	assert_int_equal(format_one(c, o, &v, &out), 1);
	assert_string_equal(buf_cstr(&out), json);
	buf_free(&out);
}

/* Or its schema would forbid the record. */
static void
what_is_lost_is_null_only_where_that_is_allowed(void **state)
{
	struct change_column  c = column("c", PGTEXT_INT4, -1);
	struct change_column  text = column("c", PGTEXT_TEXT, -1);
	struct change_column  vector = text_column("c", "vector", NULL);
	struct format_options o = options;

	(void) state;
	assert_lost(&c, &o, CHANGE_ERROR, "null");
	c.not_null = c.in_identity = true;
	text.not_null = text.in_identity = true;
	vector.not_null = vector.in_identity = true;
	assert_lost(&c, &o, CHANGE_ERROR, "0");
	assert_lost(&c, &o, CHANGE_OVERSIZE, "0");
	assert_lost(&text, &o, CHANGE_OVERSIZE,
				"\"__debezium_unavailable_value\"");

	/* an output function may fail, so none of its columns is required */
	assert_lost(&vector, &o, CHANGE_ERROR, "null");
	assert_lost(&vector, &o, CHANGE_OVERSIZE, "null");
	o.debezium = true;
	assert_lost(&vector, &o, CHANGE_ERROR, "[]");
	assert_lost(&vector, &o, CHANGE_OVERSIZE, "[]");

	o.schemas = false;
	assert_lost(&vector, &o, CHANGE_OVERSIZE, "null");
	assert_lost(&c, &o, CHANGE_ERROR, "null");
}

/* ------------------------------------------------------- beside the type */

static void
a_schema_tells_what_a_column_was(void **state)
{
	static const uint8_t source_type[] = {FORMAT_COLUMN_SOURCE_TYPE};
	static const uint8_t masked[] = {FORMAT_COLUMN_MASKED |
									 FORMAT_COLUMN_SOURCE_TYPE};
	static const struct
	{
		uint32_t	oid;
		int32_t		typmod;
		const char *type;
		const char *length;
		const char *scale;
	} expected[] = {
		{PGTEXT_INT2, -1, "int2", "5", "0"},
		{PGTEXT_INT8, -1, "int8", "19", "0"},
		{PGTEXT_FLOAT4, -1, "float4", "8", "8"},
		{PGTEXT_FLOAT8, -1, "float8", "17", "17"},
		{PGTEXT_TEXT, -1, "text", "2147483647", "0"},
		{PGTEXT_BPCHAR, 9, "bpchar", "5", "0"},
		{PGTEXT_TIMESTAMP, -1, "timestamp", "29", "6"},
		{PGTEXT_TIMESTAMP, 3, "timestamp", "26", "3"},
		{PGTEXT_TIMESTAMPTZ, 0, "timestamptz", "28", "0"},
		{PGTEXT_TIMETZ, 1, "timetz", "17", "1"},
		{PGTEXT_BOOL, -1, "bool", "1", "0"},
	};
	struct format_options o = options;
	struct change_column  c;

	(void) state;
	o.columns = source_type;
	for (size_t i = 0; i < COUNT(expected); i++)
	{
		struct change_relation rel = {.schema = "s",
									  .name = "t",
									  .ncolumns = 1,
									  .columns = &c};
		struct change		   change = {.op = CHANGE_TRUNCATE,
										 .txn = &(struct change_transaction){.xid = 1}};
		struct format_plan	  *plan;
		struct buf			   out = {0};
		char				   wanted[256];

		c = column("c \"d\"", expected[i].oid, expected[i].typmod);
		c.type.name = expected[i].type;
		plan = format_json_plan(&rel, &o);
		(void) format_json_value(plan, FORMAT_TRUNCATE, &change, 0, &out);
		assert_is_json(&out);
		snprintf(wanted, sizeof(wanted),
				 "\"__debezium.source.column.length\":\"%s\","
				 "\"__debezium.source.column.scale\":\"%s\","
				 "\"__debezium.source.column.name\":\"c \\\"d\\\"\"}",
				 expected[i].length, expected[i].scale);
		assert_non_null(strstr(buf_cstr(&out), wanted));
		format_json_plan_free(plan);
		buf_free(&out);
	}

	c = column("c", PGTEXT_NUMERIC, NUMERIC(10, 2));
	c.type.name = "numeric";
	assert_schema_is(&c, &o,
					 "{\"type\":\"bytes\",\"optional\":true,"
					 "\"name\":\"org.apache.kafka.connect.data.Decimal\","
					 "\"version\":1,\"parameters\":{\"scale\":\"2\","
					 "\"connect.decimal.precision\":\"10\","
					 "\"__debezium.source.column.type\":\"NUMERIC\","
					 "\"__debezium.source.column.length\":\"10\","
					 "\"__debezium.source.column.scale\":\"2\","
					 "\"__debezium.source.column.name\":\"c\"}}");
	c = column("c", INT4_ARRAY, -1);
	c.type.name = "_int4";
	assert_schema_is(&c, &o,
					 "{\"type\":\"array\","
					 "\"items\":{\"type\":\"int32\",\"optional\":true},"
					 "\"optional\":true,\"parameters\":{"
					 "\"__debezium.source.column.type\":\"_INT4\","
					 "\"__debezium.source.column.length\":\"10\","
					 "\"__debezium.source.column.scale\":\"0\","
					 "\"__debezium.source.column.name\":\"c\"}}");

	/* what is hidden says no more */
	c = column("c", PGTEXT_VARBIT, 9);
	c.truncated = true;
	c.chars = 3;
	assert_schema_is(&c, &o,
					 "{\"type\":\"bytes\",\"optional\":true,"
					 "\"name\":\"io.debezium.data.Bits\",\"version\":1,"
					 "\"parameters\":{\"length\":\"9\","
					 "\"truncateLength\":\"3\"}}");
	c = column("c", PGTEXT_BOOL, -1);
	c.truncated = true;
	assert_schema_is(&c, &o, PLAIN("boolean"));
	o.columns = masked;
	c = column("c", PGTEXT_TEXT, -1);
	assert_schema_is(&c, &o,
					 "{\"type\":\"string\",\"optional\":true,"
					 "\"parameters\":{\"masked\":\"true\"}}");
}

static void
names_are_as_avro_allows_them(void **state)
{
	static const uint8_t	  raw[] = {1, 0, 0, 0};
	static const uint16_t	  keys[] = {1};
	struct change_column	  columns[3];
	struct change_value		  row[3];
	struct change_relation	  rel = {.schema = "s",
									 .name = "t",
									 .ncolumns = 3,
									 .columns = columns,
									 .nkeys = 1,
									 .keys = keys};
	struct change_transaction txn = {.xid = 1};
	struct change			  change = {.op = CHANGE_INSERT,
										.txn = &txn,
										.relation = &rel,
										.after = row};
	struct format_options	  o = options;
	struct format_plan		 *plan;
	struct buf				  out = {0};

	(void) state;
	columns[0] = column("a-b", PGTEXT_INT4, -1);
	columns[1] = column("k 1", PGTEXT_INT4, -1);
	columns[2] = column("a b", PGTEXT_INT4, -1);
	for (uint16_t i = 0; i < 3; i++)
	{
		columns[i].attnum = (uint16_t) (i + 1);
		row[i] = (struct change_value){CHANGE_VALUE, raw, sizeof(raw)};
	}
	o.topic = "my-shop.s.t";
	o.field_names = o.schema_names = AVRO_NAME_REPLACE;
	plan = format_json_plan(&rel, &o);
	assert_true(format_json_key(plan, row, &out));
	assert_string_equal(
		buf_cstr(&out),
		"{\"schema\":{\"type\":\"struct\",\"fields\":["
		"{\"type\":\"int32\",\"optional\":true,\"field\":\"k_1\"}],"
		"\"optional\":false,\"name\":\"my_shop.s.t.Key\"},"
		"\"payload\":{\"k_1\":1}}");
	buf_reset(&out);
	assert_true(format_json_key_header(plan, row, &out));
	assert_string_equal(buf_cstr(&out), "{\"k_1\":1}");

	/* no two fields have one name */
	buf_reset(&out);
	(void) format_json_value(plan, FORMAT_CREATE, &change, 0, &out);
	assert_is_json(&out);
	assert_non_null(
		strstr(buf_cstr(&out), "\"after\":{\"a_b\":1,\"k_1\":1,\"a b\":1}"));
	assert_non_null(strstr(buf_cstr(&out), "\"name\":\"my_shop.s.t.Value\""));
	format_json_plan_free(plan);
	buf_free(&out);
}

/* ------------------------------------------------------------------ values */

static void
decimals_may_be_numbers(void **state)
{
	/* 1.5 and 0 as numeric(20,11): two digits of four, and none */
	static const uint8_t  one_half[] = {0x80, 0x85, 1, 0, 0x88, 0x13};
	static const uint8_t  zero[] = {0x80, 0x85};
	struct change_column  c = column("c", PGTEXT_NUMERIC, NUMERIC(20, 11));
	struct change_value	  v = {CHANGE_VALUE, one_half, sizeof(one_half)};
	struct format_options o = options;
	struct buf			  out = {0};

	(void) state;
	o.schemas = false;
	o.number = true;
	assert_int_equal(format_one(&c, &o, &v, &out), 0);
	assert_string_equal(buf_cstr(&out), "1.50000000000");
	v = (struct change_value){CHANGE_VALUE, zero, sizeof(zero)};
	assert_int_equal(format_one(&c, &o, &v, &out), 0);
	assert_string_equal(buf_cstr(&out), "0E-11");

	/* one that varies stays a struct */
	c.base.typmod = -1;
	assert_int_equal(format_one(&c, &o, &v, &out), 0);
	assert_string_equal(buf_cstr(&out), "{\"scale\":0,\"value\":\"AA==\"}");

	/* a negative scale is one of 2046 to Debezium */
	c.base.typmod = NUMERIC(3, -2);
	v = (struct change_value){CHANGE_VALUE, (const uint8_t *) "\0\x80", 2};
	assert_int_equal(format_one(&c, &o, &v, &out), 0);
	assert_string_equal(buf_cstr(&out), "0");
	o.debezium = true;
	assert_int_equal(format_one(&c, &o, &v, &out), 0);
	assert_string_equal(buf_cstr(&out), "0E-2046");
	o.debezium = false;

	c = column("c", PGTEXT_MONEY, -1);
	v = (struct change_value){CHANGE_VALUE,
							  (const uint8_t *) "\x7b\0\0\0\0\0\0\0", 8};
	assert_int_equal(format_one(&c, &o, &v, &out), 0);
	assert_string_equal(buf_cstr(&out), "1.23");
	buf_free(&out);
}

/* A schema says what an element is, and has one dimension. */
static void
with_a_schema_arrays_of_arrays_are_nulls(void **state)
{
	struct change_column  c = text_column("c", "_mood", "mood");
	struct change_value	  v = text("{{sad,o k},{NULL,\"a}\"}}");
	struct format_options o = options;
	struct buf			  out = {0};

	(void) state;
	o.schemas = false;
	assert_int_equal(format_one(&c, &o, &v, &out), 0);
	assert_string_equal(buf_cstr(&out), "[[\"sad\",\"o k\"],[null,\"a}\"]]");
	o.schemas = true;
	assert_int_equal(format_one(&c, &o, &v, &out), 0);
	assert_string_equal(buf_cstr(&out), "[null,null]");
	v = text("[0:0][1:1][1:2]={{{sad,sad}}}");
	assert_int_equal(format_one(&c, &o, &v, &out), 0);
	assert_string_equal(buf_cstr(&out), "[null]");
	v = text("{sad,NULL}");
	assert_int_equal(format_one(&c, &o, &v, &out), 0);
	assert_string_equal(buf_cstr(&out), "[\"sad\",null]");

	/* Debezium says that no label is null */
	o.debezium = true;
	c.nlabels = 1;
	c.labels = (const char *const[]){"sad"};
	v = text("{{sad,sad},{sad,sad}}");
	assert_int_equal(format_one(&c, &o, &v, &out), 0);
	assert_string_equal(buf_cstr(&out), "null");
	v = text("{sad,sad}");
	assert_int_equal(format_one(&c, &o, &v, &out), 0);
	assert_string_equal(buf_cstr(&out), "[\"sad\",\"sad\"]");
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schemas_stand_beside_key_and_value),
		cmocka_unit_test(messages_have_schemas_of_their_own),
		cmocka_unit_test(a_schema_tells_each_type),
		cmocka_unit_test(a_schema_tells_what_modes_make_of_types),
		cmocka_unit_test(a_schema_tells_types_of_extensions_and_users),
		cmocka_unit_test(only_what_is_always_there_is_required),
		cmocka_unit_test(what_is_lost_is_null_only_where_that_is_allowed),
		cmocka_unit_test(a_schema_tells_what_a_column_was),
		cmocka_unit_test(names_are_as_avro_allows_them),
		cmocka_unit_test(decimals_may_be_numbers),
		cmocka_unit_test(with_a_schema_arrays_of_arrays_are_nulls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
