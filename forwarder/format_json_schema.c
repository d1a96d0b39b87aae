/*
 * format_json_schema.c - the schemas beside keys and values; see
 * format_json_schema.h.
 *
 * A schema is an object with, in this order, its type; what it is made of
 * (items, keys and values, or fields); "optional"; the name, the version, the
 * documentation, and the parameters of a logical type; the default; and, where
 * it is a field's, "field".  What has none of these has no such member.
 *
 * A row says of a column that it is required only if there is a value of it in
 * each row.  To Debezium every column that is NOT NULL is, because it invents
 * what the WAL does not have.
 */
#include "format_json_schema.h"

#include <string.h>

#include "format_json_default.h"
#include "jsontext.h"
#include "pgtext.h"

#define CONNECT_NAME(s) "org.apache.kafka.connect.data." s
#define TIME_NAME(s) "io.debezium.time." s
#define DATA_NAME(s) "io.debezium.data." s
#define POSTGRESQL_NAME(s) "io.debezium.connector.postgresql." s

#define FIELD(type, optional, name) \
	"{\"type\":\"" type "\",\"optional\":" optional ",\"field\":\"" name "\"}"

#define SOURCE_COLUMN(s) "__debezium.source.column." s

/* Of what has no limit of its length. */
#define UNLIMITED INT32_MAX

/* What has parameters. */
enum parameters
{
	PARAMETERS_NONE,
	PARAMETERS_SCALE, /* of a decimal of any precision */
	PARAMETERS_DECIMAL,
	PARAMETERS_ENUM,
	PARAMETERS_BITS
};

/* What a value is to Kafka Connect. */
struct shape
{
	const char	   *type;
	const char	   *parts; /* ,"fields":[...] and the like; NULL: none */
	const char	   *name;  /* of a logical type; NULL: it is none */
	const char	   *doc;
	enum parameters parameters;
};

/* ------------------------------------------------------------------ shapes */

static struct shape
date_shape(const struct format_options *options)
{
	return (struct shape){.type = "int32",
						  .name = options->time == FORMAT_TIME_CONNECT
									  ? CONNECT_NAME("Date")
									  : TIME_NAME("Date")};
}

static struct shape
time_ms_shape(const struct format_options *options)
{
	return (struct shape){.type = "int32",
						  .name = options->time == FORMAT_TIME_CONNECT
									  ? CONNECT_NAME("Time")
									  : TIME_NAME("Time")};
}

static struct shape
timestamp_ms_shape(const struct format_options *options)
{
	return (struct shape){.type = "int64",
						  .name = options->time == FORMAT_TIME_CONNECT
									  ? CONNECT_NAME("Timestamp")
									  : TIME_NAME("Timestamp")};
}

/* Bytes, or what binary.handling.mode makes of them. */
static struct shape
binary_shape(enum format_binary mode)
{
	return (struct shape){.type = mode == FORMAT_BINARY_BYTES ? "bytes"
															  : "string"};
}

/* What comes as text, or is no more than that. */
static struct shape
text_shape(const struct format_json_type *t, uint32_t oid,
		   const struct change_column *column)
{
	struct shape shape = {.type = "string"};

	if (column->nlabels > 0 || column->kind == 'e')
	{
		shape.name = DATA_NAME("Enum");
		shape.parameters = PARAMETERS_ENUM;
		return shape;
	}
	if (t->text)
	{
		const char *name = t->kind == FORMAT_JSON_TEXT_ARRAY
							   ? column->element.name
							   : column->base.name;

		if (strcmp(name, "ltree") == 0)
			shape.name = DATA_NAME("Ltree");
		return shape;
	}
	switch (oid)
	{
		case PGTEXT_JSON:
		case PGTEXT_JSONB:
			shape.name = DATA_NAME("Json");
			break;
		case PGTEXT_XML:
			shape.name = DATA_NAME("Xml");
			break;
		case PGTEXT_TSVECTOR:
			shape.name = DATA_NAME("Tsvector");
			break;
		default:
			break;
	}
	return shape;
}

static struct shape
bits_shape(void)
{
	return (struct shape){.type = "bytes",
						  .name = DATA_NAME("Bits"),
						  .parameters = PARAMETERS_BITS};
}

static struct shape
geometry_shape(const char *name, const char *doc)
{
	return (struct shape){.type = "struct",
						  .parts = ",\"fields\":[" FIELD("bytes", "false",
														 "wkb") "," //
						  FIELD("int32", "true", "srid") "]",
						  .name = name,
						  .doc = doc};
}

/* Of a value of this kind, arrays aside; 'oid' is its type's. */
static struct shape
shape_of(const struct format_json_type *t, enum format_json_kind kind,
		 uint32_t oid, const struct change_column *column,
		 const struct format_options *options)
{
	switch (kind)
	{
		case FORMAT_JSON_BOOL:
		case FORMAT_JSON_BIT:
			return (struct shape){.type = "boolean"};
		case FORMAT_JSON_INT2:
			return (struct shape){.type = "int16"};
		case FORMAT_JSON_INT4:
			return (struct shape){.type = "int32"};
		case FORMAT_JSON_INT8:
		case FORMAT_JSON_OID:
			return (struct shape){.type = "int64"};
		case FORMAT_JSON_FLOAT4:
			return (struct shape){.type = "float"};
		case FORMAT_JSON_FLOAT8:
		case FORMAT_JSON_NUMERIC_DOUBLE:
		case FORMAT_JSON_MONEY_DOUBLE:
			return (struct shape){.type = "double"};
		case FORMAT_JSON_DECIMAL:
			return (struct shape){.type = "bytes",
								  .name = CONNECT_NAME("Decimal"),
								  .parameters = PARAMETERS_DECIMAL};
		case FORMAT_JSON_MONEY_DECIMAL:
			return (struct shape){.type = "bytes",
								  .name = CONNECT_NAME("Decimal"),
								  .parameters = PARAMETERS_SCALE};
		case FORMAT_JSON_DECIMAL_VARIABLE:
			return (
				struct shape){.type = "struct",
							  .parts = ",\"fields\":[" FIELD("int32", "false",
															 "scale") "," //
							  FIELD("bytes", "false", "value") "]",
							  .name = DATA_NAME("VariableScaleDecimal"),
							  .doc = "Variable scaled decimal"};
		case FORMAT_JSON_DATE_DAYS:
		case FORMAT_JSON_DEBEZIUM_DATE:
			return date_shape(options);
		case FORMAT_JSON_DATE_ISO:
			return (struct shape){.type = "string",
								  .name = TIME_NAME("IsoDate")};
		case FORMAT_JSON_TIME_MS:
		case FORMAT_JSON_DEBEZIUM_TIME_MS:
			return time_ms_shape(options);
		case FORMAT_JSON_TIME_US:
		case FORMAT_JSON_DEBEZIUM_TIME_US:
			return (struct shape){.type = "int64",
								  .name = TIME_NAME("MicroTime")};
		case FORMAT_JSON_TIME_NS:
			return (struct shape){.type = "int64",
								  .name = TIME_NAME("NanoTime")};
		case FORMAT_JSON_TIME_ISO:
			return (struct shape){.type = "string",
								  .name = TIME_NAME("IsoTime")};
		case FORMAT_JSON_TIMETZ:
		case FORMAT_JSON_DEBEZIUM_TIMETZ:
			return (struct shape){.type = "string",
								  .name = TIME_NAME("ZonedTime")};
		case FORMAT_JSON_TIMESTAMP_MS:
		case FORMAT_JSON_DEBEZIUM_TIMESTAMP_MS:
			return timestamp_ms_shape(options);
		case FORMAT_JSON_TIMESTAMP_US:
		case FORMAT_JSON_DEBEZIUM_TIMESTAMP_US:
		case FORMAT_JSON_DEBEZIUM_TIMESTAMP_WRAPPED:
			return (struct shape){.type = "int64",
								  .name = TIME_NAME("MicroTimestamp")};
		case FORMAT_JSON_TIMESTAMP_NS:
			return (struct shape){.type = "int64",
								  .name = TIME_NAME("NanoTimestamp")};
		case FORMAT_JSON_TIMESTAMP_ISO:
			return (struct shape){.type = "string",
								  .name = TIME_NAME("IsoTimestamp")};
		case FORMAT_JSON_TIMESTAMPTZ:
		case FORMAT_JSON_DEBEZIUM_TIMESTAMPTZ:
			return (struct shape){.type = "string",
								  .name = TIME_NAME("ZonedTimestamp")};
		case FORMAT_JSON_INTERVAL_US:
		case FORMAT_JSON_DEBEZIUM_INTERVAL:
			return (struct shape){.type = "int64",
								  .name = TIME_NAME("MicroDuration")};
		case FORMAT_JSON_INTERVAL_STRING:
			return (struct shape){.type = "string",
								  .name = TIME_NAME("Interval")};
		case FORMAT_JSON_UUID:
			return (struct shape){.type = "string", .name = DATA_NAME("Uuid")};
		case FORMAT_JSON_BINARY:
		case FORMAT_JSON_DEBEZIUM_UNKNOWN:
			return binary_shape(t->binary);
		case FORMAT_JSON_BITS:
			return bits_shape();
		case FORMAT_JSON_POINT:
			return (struct shape){.type = "struct",
								  .parts = ",\"fields\":[" FIELD("double",
																 "false",
																 "x") "," //
								  FIELD("double", "false", "y") ","		  //
								  FIELD("bytes", "true", "wkb") ","		  //
								  FIELD("int32", "true", "srid") "]",
								  .name = DATA_NAME("geometry.Point"),
								  .doc = "Geometry (POINT)"};
		case FORMAT_JSON_HSTORE:
			return (struct shape){.type = "string", .name = DATA_NAME("Json")};
		case FORMAT_JSON_HSTORE_MAP:
			return (struct shape){
				.type = "map",
				.parts =
					",\"keys\":{\"type\":\"string\",\"optional\":false}"
					",\"values\":{\"type\":\"string\",\"optional\":true}"};
		case FORMAT_JSON_VECTOR:
			return (struct shape){
				.type = "array",
				.parts = ",\"items\":{\"type\":\"double\",\"optional\":false}",
				.name = DATA_NAME("DoubleVector")};
		case FORMAT_JSON_HALFVEC:
			return (struct shape){
				.type = "array",
				.parts = ",\"items\":{\"type\":\"float\",\"optional\":false}",
				.name = DATA_NAME("FloatVector")};
		case FORMAT_JSON_SPARSEVEC:
			return (struct shape){
				.type = "struct",
				.parts = ",\"fields\":[" FIELD("int16", "false",
											   "dimensions") //
				",{\"type\":\"map\""
				",\"keys\":{\"type\":\"int16\",\"optional\":false}"
				",\"values\":{\"type\":\"double\",\"optional\":false}"
				",\"optional\":false,\"field\":\"vector\"}]",
				.name = DATA_NAME("SparseDoubleVector"),
				.doc = "Sparse double vector"};
		case FORMAT_JSON_GEOMETRY:
			return geometry_shape(DATA_NAME("geometry.Geometry"), "Geometry");
		case FORMAT_JSON_GEOGRAPHY:
			return geometry_shape(DATA_NAME("geometry.Geography"),
								  "Geography");
		case FORMAT_JSON_DEBEZIUM_NOTHING:
			if (t->element_oid != PGTEXT_BIT)
				return (struct shape){.type = "string"}; /* name */
			/* to Debezium a bit[] is one of its elements */
			if (column->base.typmod == 1)
				return (struct shape){.type = "boolean"};
			return bits_shape();
		default:
			return text_shape(t, oid, column);
	}
}

/* ----------------------------------------------------------------- schemas */

static void
put_name(struct buf *out, const char *s)
{
	jsontext_string(out, s, strlen(s));
}

static void
put_optional(bool optional, struct buf *out)
{
	buf_puts(out, optional ? ",\"optional\":true" : ",\"optional\":false");
}

static void
put_parameter(const char *name, int64_t v, struct buf *out)
{
	buf_printf(out, ",\"%s\":\"%lld\"", name, (long long) v);
}

/* All labels in one string. */
static void
put_labels(const struct change_column *column, struct buf *out)
{
	struct buf all = {0};

	for (uint32_t i = 0; i < column->nlabels; i++)
	{
		if (i > 0)
			buf_putc(&all, ',');
		buf_puts(&all, column->labels[i]);
	}
	jsontext_string(out, all.data, all.len);
	buf_free(&all);
}

/* The parameters of a type, with a comma before each but the first. */
static void
put_type_parameters(const struct shape			  *shape,
					const struct format_json_type *t,
					const struct change_column *column, struct buf *out)
{
	int32_t typmod = column->base.typmod;

	switch (shape->parameters)
	{
		case PARAMETERS_NONE:
			break;
		case PARAMETERS_SCALE:
			put_parameter("scale", t->scale, out);
			break;
		case PARAMETERS_DECIMAL:
			put_parameter("scale", t->scale, out);
			put_parameter("connect.decimal.precision",
						  ((uint32_t) typmod - 4) >> 16, out);
			break;
		case PARAMETERS_ENUM:
			buf_lit(out, ",\"allowed\":");
			put_labels(column, out);
			break;
		case PARAMETERS_BITS:
			put_parameter("length", typmod > 0 ? typmod : UNLIMITED, out);
			break;
	}
}

/* Of a time, timestamp or interval; -1: six digits of a second. */
static int32_t
digits_of(int32_t typmod)
{
	return typmod < 0 ? 6 : typmod & 0xffff;
}

/* As long as a time's text can be: no point where there are no digits. */
static int32_t
time_length(int32_t length, int32_t typmod)
{
	int32_t digits = digits_of(typmod);

	return digits == 0 ? length : length + 1 + (digits == 1 ? 2 : digits);
}

/* A column's length and scale, as PostgreSQL's JDBC driver tells them. */
static int32_t
source_length(uint32_t oid, int32_t typmod)
{
	switch (oid)
	{
		case PGTEXT_BOOL:
		case PGTEXT_CHAR:
			return 1;
		case PGTEXT_INT2:
			return 5;
		case PGTEXT_INT4:
		case PGTEXT_OID:
			return 10;
		case PGTEXT_INT8:
			return 19;
		case PGTEXT_FLOAT4:
			return 8;
		case PGTEXT_FLOAT8:
			return 17;
		case PGTEXT_NUMERIC:
			return typmod < 4 ? 131089 : (typmod - 4) >> 16;
		case PGTEXT_DATE:
			return 13;
		case PGTEXT_TIME:
			return time_length(8, typmod);
		case PGTEXT_TIMETZ:
			return time_length(14, typmod);
		case PGTEXT_TIMESTAMP:
			return time_length(22, typmod);
		case PGTEXT_TIMESTAMPTZ:
			return time_length(28, typmod);
		case PGTEXT_INTERVAL:
			return 49;
		case PGTEXT_BPCHAR:
		case PGTEXT_VARCHAR:
			return typmod < 4 ? UNLIMITED : typmod - 4;
		case PGTEXT_BIT:
		case PGTEXT_VARBIT:
			return typmod < 0 ? UNLIMITED : typmod;
		default:
			return UNLIMITED;
	}
}

static int32_t
source_scale(uint32_t oid, int32_t typmod)
{
	switch (oid)
	{
		case PGTEXT_FLOAT4:
			return 8;
		case PGTEXT_FLOAT8:
			return 17;
		case PGTEXT_NUMERIC:
			return typmod < 4 ? 0 : (typmod - 4) & 0xffff;
		case PGTEXT_TIME:
		case PGTEXT_TIMETZ:
		case PGTEXT_TIMESTAMP:
		case PGTEXT_TIMESTAMPTZ:
		case PGTEXT_INTERVAL:
			return digits_of(typmod);
		default:
			return 0;
	}
}

static void
put_source_type(const struct change_column *column, struct buf *out)
{
	uint32_t   element = pgtext_element_type(column->base.oid);
	uint32_t   oid = element != 0 ? element : column->base.oid;
	int32_t	   typmod = column->base.typmod;
	struct buf type = {0};

	for (const char *p = column->type.name; *p != '\0'; p++)
		buf_putc(&type, *p >= 'a' && *p <= 'z' ? (char) (*p - 'a' + 'A') : *p);
	buf_lit(out, ",\"" SOURCE_COLUMN("type") "\":");
	jsontext_string(out, type.data, type.len);
	put_parameter(SOURCE_COLUMN("length"), source_length(oid, typmod), out);
	put_parameter(SOURCE_COLUMN("scale"), source_scale(oid, typmod), out);
	buf_lit(out, ",\"" SOURCE_COLUMN("name") "\":");
	put_name(out, column->name);
	buf_free(&type);
}

/*
 * What is said of a column of a row: the first of these, as in Debezium, where
 * what is masked or truncated has no source type, and booleans are truncated to
 * no length.
 */
static void
put_column_parameters(const struct format_json_schema_field *f,
					  struct buf							*out)
{
	if (f->bits & FORMAT_COLUMN_MASKED)
		buf_lit(out, ",\"masked\":\"true\"");
	else if (f->column->truncated)
	{
		if (f->type->kind != FORMAT_JSON_BOOL &&
			f->type->kind != FORMAT_JSON_BIT)
			put_parameter("truncateLength", f->column->chars, out);
	}
	else if (f->bits & FORMAT_COLUMN_SOURCE_TYPE)
		put_source_type(f->column, out);
}

/* All of them: what was appended above. */
static void
put_parameters(const struct buf *parameters, struct buf *out)
{
	if (parameters->len == 0)
		return;
	buf_lit(out, ",\"parameters\":{");
	buf_put(out, parameters->data + 1, parameters->len - 1);
	buf_putc(out, '}');
}

/* What stands in the braces of a value's schema, up to its parameters. */
static void
put_shape(const struct shape *shape, bool optional, struct buf *out)
{
	buf_lit(out, "\"type\":\"");
	buf_puts(out, shape->type);
	buf_putc(out, '"');
	if (shape->parts != NULL)
		buf_puts(out, shape->parts);
	put_optional(optional, out);
	if (shape->name != NULL)
	{
		buf_lit(out, ",\"name\":\"");
		buf_puts(out, shape->name);
		buf_lit(out, "\",\"version\":1");
	}
	if (shape->doc != NULL)
	{
		buf_lit(out, ",\"doc\":\"");
		buf_puts(out, shape->doc);
		buf_putc(out, '"');
	}
}

/*
 * May an element be NULL?  Of an int2vector it never is; and where one makes
 * the whole array null, Debezium says of most that it is not.
 */
static bool
has_optional_elements(const struct format_json_type *t,
					  const struct change_column	*column)
{
	if (t->oid == PGTEXT_INT2VECTOR || t->oid == PGTEXT_OIDVECTOR)
		return false;
	if (!t->null_if_null)
		return true;
	return t->text && strcmp(column->element.name, "ltree") == 0;
}

static void
put_array(const struct format_json_type *t, bool optional,
		  const struct change_column  *column,
		  const struct format_options *options, struct buf *out)
{
	struct shape shape = shape_of(t, t->element, t->element_oid, column,
								  options);
	struct buf	 parameters = {0};

	buf_lit(out, "\"type\":\"array\",\"items\":{");
	put_shape(&shape, has_optional_elements(t, column), out);
	put_type_parameters(&shape, t, column, &parameters);
	put_parameters(&parameters, out);
	buf_putc(out, '}');
	put_optional(optional, out);
	buf_free(&parameters);
}

/* Of int2vector and oidvector, and arrays of them, as Debezium has them. */
static void
put_vector(const struct format_json_type *t, bool optional, struct buf *out)
{
	bool is_int2 = t->element_oid == PGTEXT_INT2 ||
				   t->element_oid == PGTEXT_INT2VECTOR;
	bool nested = t->kind == FORMAT_JSON_DEBEZIUM_VECTORS;

	if (nested)
		buf_lit(out, "\"type\":\"array\",\"items\":{");
	buf_printf(out,
			   "\"type\":\"array\",\"items\":{\"type\":\"%s\","
			   "\"optional\":false}",
			   is_int2 ? "int16" : "int64");
	if (nested)
		buf_lit(out, ",\"optional\":false}");
	put_optional(optional, out);
}

/* A column's, and its parameters apart. */
static void
put_type(const struct format_json_type *t, bool optional,
		 const struct change_column	 *column,
		 const struct format_options *options, struct buf *out,
		 struct buf *parameters)
{
	struct shape shape;

	switch (t->kind)
	{
		case FORMAT_JSON_ARRAY:
		case FORMAT_JSON_TEXT_ARRAY:
			put_array(t, optional, column, options, out);
			break;
		case FORMAT_JSON_DEBEZIUM_VECTOR:
		case FORMAT_JSON_DEBEZIUM_VECTORS:
			put_vector(t, optional, out);
			break;
		default:
			shape = shape_of(t, t->kind, t->oid, column, options);
			put_shape(&shape, optional, out);
			put_type_parameters(&shape, t, column, parameters);
			break;
	}
}

static void
put_field(const struct format_json_schema_field *f, bool optional, bool in_row,
		  const struct format_options *options,
		  struct format_json_scratch *scratch, struct buf *out)
{
	struct buf parameters = {0};
	struct buf value = {0};

	buf_putc(out, '{');
	put_type(f->type, optional, f->column, options, out, &parameters);
	if (in_row)
		put_column_parameters(f, &parameters);
	put_parameters(&parameters, out);
	if (format_json_default_put(f->type, f->column, format_json_type_put,
								scratch, &value))
	{
		buf_lit(out, ",\"default\":");
		buf_put(out, value.data, value.len);
	}
	buf_lit(out, ",\"field\":");
	put_name(out, f->name);
	buf_putc(out, '}');
	buf_free(&parameters);
	buf_free(&value);
}

/* ,"name":"<topic>.Key" */
static void
put_schema_name(const char *kind, const struct format_options *options,
				struct buf *out)
{
	struct buf plain = {0};
	struct buf name = {0};

	buf_printf(&plain, "%s.%s", options->topic, kind);
	avro_name_schema(options->schema_names, buf_cstr(&plain), &name);
	buf_lit(out, ",\"name\":");
	jsontext_string(out, name.data, name.len);
	buf_free(&plain);
	buf_free(&name);
}

void
format_json_schema_key(const struct format_json_schema_field *fields,
					   uint32_t n, const struct format_options *options,
					   struct format_json_scratch *scratch, struct buf *out)
{
	buf_lit(out, "{\"type\":\"struct\",\"fields\":[");
	for (uint32_t i = 0; i < n; i++)
	{
		if (i > 0)
			buf_putc(out, ',');
		put_field(&fields[i], !fields[i].column->not_null, false, options,
				  scratch, out);
	}
	if (options->key_field != NULL)
	{
		if (n > 0)
			buf_putc(out, ',');
		buf_lit(out, "{\"type\":\"string\",\"optional\":false,\"field\":");
		jsontext_string(out, options->key_field, strlen(options->key_field));
		buf_putc(out, '}');
	}
	buf_lit(out, "],\"optional\":false");
	put_schema_name("Key", options, out);
	buf_putc(out, '}');
}

bool
format_json_schema_requires(const struct change_column	  *column,
							const struct format_json_type *t,
							const struct format_options	  *options)
{
	/* Debezium requires no geometry. */
	if (!column->not_null || t->kind == FORMAT_JSON_GEOMETRY)
		return false;
	if (options->debezium)
		return true;

	/* The output function of a type, but for an enum's, may fail. */
	return column->in_identity && !format_json_type_may_be_null(t) &&
		   (column->encoding != CHANGE_TEXT || column->nlabels > 0);
}

static void
put_row(const struct format_json_schema_field *fields, uint32_t n,
		const char *name, const struct format_options *options,
		struct format_json_scratch *scratch, struct buf *out)
{
	buf_lit(out, "{\"type\":\"struct\",\"fields\":[");
	for (uint32_t i = 0; i < n; i++)
	{
		if (i > 0)
			buf_putc(out, ',');
		put_field(&fields[i],
				  !format_json_schema_requires(fields[i].column,
											   fields[i].type, options),
				  true, options, scratch, out);
	}
	buf_lit(out, "],\"optional\":true");
	put_schema_name("Value", options, out);
	buf_lit(out, ",\"field\":\"");
	buf_puts(out, name);
	buf_lit(out, "\"}");
}

/* ,{... "field":"source"},{... "field":"transaction"} */
static void
put_blocks(struct buf *out)
{
	buf_lit(
		out,
		"{\"type\":\"struct\",\"fields\":["		  //
		FIELD("string", "false", "version") ","	  //
		FIELD("string", "false", "connector") "," //
		FIELD("string", "false", "name") ","	  //
		FIELD(
			"int64", "false",
			"ts_ms") "," //
					 "{\"type\":\"string\",\"optional\":true,"
					 "\"name\":\"" DATA_NAME(
						 "Enum") "\",\"version\":1,"
								 "\"parameters\":{\"allowed\":\"true,first,"
								 "first_in_data_collection,last_in_data_collection,last,false,"
								 "incremental\"},\"default\":\"false\",\"field\":\"snapshot\"}," FIELD(
									 "string", "false", "db") "," //
		FIELD("string", "true", "sequence") ","					  //
		FIELD("int64", "true", "ts_us") ","						  //
		FIELD("int64", "true", "ts_ns") ","						  //
		FIELD("string", "false", "schema") ","					  //
		FIELD("string", "false", "table") ","					  //
		FIELD("int64", "true", "txId") ","						  //
		FIELD("int64", "true", "lsn") ","						  //
		FIELD("int64", "true", "xmin") ","						  //
		FIELD("string", "true", "origin") ","					  //
		FIELD(
			"int64", "true",
			"origin_lsn") "],"
						  "\"optional\":false,\"name\":\"" POSTGRESQL_NAME(
							  "Source") "\","
										"\"version\":1,\"field\":\"source\"}");
	buf_lit(
		out,
		",{\"type\":\"struct\",\"fields\":["	   //
		FIELD("string", "false", "id") ","		   //
		FIELD("int64", "false", "total_order") "," //
		FIELD(
			"int64", "false",
			"data_collection_order") "],"
									 "\"optional\":true,\"name\":\"event.block\",\"version\":1,"
									 "\"field\":\"transaction\"}");
}

void
format_json_schema_value(const struct format_json_schema_field *fields,
						 uint32_t n, const struct format_options *options,
						 struct format_json_scratch *scratch, struct buf *out)
{
	buf_lit(out, "{\"type\":\"struct\",\"fields\":[");
	put_row(fields, n, "before", options, scratch, out);
	buf_putc(out, ',');
	put_row(fields, n, "after", options, scratch, out);
	buf_putc(out, ',');
	put_blocks(out);
	buf_lit(out, "," FIELD("string", "false", "op") "," //
			FIELD("int64", "true", "ts_ms") ","			//
			FIELD("int64", "true", "ts_us") ","			//
			FIELD("int64", "true", "ts_ns") "],\"optional\":false");
	put_schema_name("Envelope", options, out);
	buf_lit(out, ",\"version\":2}");
}

void
format_json_schema_message_key(struct buf *out)
{
	buf_lit(out,
			"{\"type\":\"struct\",\"fields\":[" FIELD(
				"string", "true",
				"prefix") "],"
						  "\"optional\":false,\"name\":\"" POSTGRESQL_NAME(
							  "MessageKey") "\","
											"\"version\":1}");
}

void
format_json_schema_message_value(const struct format_options *options,
								 struct buf					 *out)
{
	struct shape content = binary_shape(options->binary);

	buf_lit(out, "{\"type\":\"struct\",\"fields\":[" FIELD(
					 "string", "false", "op") "," FIELD("int64", "true",
														"ts_ms") ",");
	put_blocks(out);
	buf_printf(
		out,
		",{\"type\":\"struct\",\"fields\":[" FIELD("string", "true", "prefix") "," FIELD(
			"%s", "true",
			"content") "],"
					   "\"optional\":false,\"name\":\"" POSTGRESQL_NAME(
						   "Message") "\","
									  "\"version\":1,\"field\":\"message\"}],"
									  "\"optional\":false,"
									  "\"name\":\"" POSTGRESQL_NAME(
										  "MessageValue") "\","
														  "\"version\":1}",
		content.type);
}
