/*
 * format_json_debezium.c - where Debezium's values are other ones; see
 * format_json_debezium.h.
 *
 * What the running Debezium 3.6.1 was seen to do.  Where it makes of a value
 * something that is made of it alone, the bytes are changed first and then
 * written as any other value of the type.
 */
#include "format_json_debezium.h"

#include <stdlib.h>
#include <string.h>

#include "jsontext.h"
#include "pgtext.h"
#include "rawnum.h"

#define US_PER_DAY PGTEXT_DATETIME_USECS_PER_DAY
#define US_PER_SECOND PGTEXT_DATETIME_USECS_PER_SEC

/* From 1970-01-01 to 2000-01-01. */
#define EPOCH_SECONDS (PGTEXT_DATETIME_UNIX_DAYS * INT64_C(86400))

/* From 2000-01-01: 1582-10-05 and 1582-10-15, which are one in Rome. */
#define GAP_START (-152394)
#define GAP_END (-152384)

/* What java.sql.Date has for infinity, as days. */
#define JAVA_INFINITY_DAY INT64_C(-622191234)
#define JAVA_MINUS_INFINITY_DAY INT64_C(-625821272)

/* --------------------------------------------------------------- planning */

static bool
knows(uint32_t oid)
{
	switch (oid)
	{
		case PGTEXT_BOOL:
		case PGTEXT_BYTEA:
		case PGTEXT_CHAR:
		case PGTEXT_INT8:
		case PGTEXT_INT2:
		case PGTEXT_INT4:
		case PGTEXT_TEXT:
		case PGTEXT_OID:
		case PGTEXT_JSON:
		case PGTEXT_XML:
		case PGTEXT_POINT:
		case PGTEXT_CIDR:
		case PGTEXT_FLOAT4:
		case PGTEXT_FLOAT8:
		case PGTEXT_MACADDR8:
		case PGTEXT_MONEY:
		case PGTEXT_MACADDR:
		case PGTEXT_INET:
		case PGTEXT_BPCHAR:
		case PGTEXT_VARCHAR:
		case PGTEXT_DATE:
		case PGTEXT_TIME:
		case PGTEXT_TIMESTAMP:
		case PGTEXT_TIMESTAMPTZ:
		case PGTEXT_INTERVAL:
		case PGTEXT_TIMETZ:
		case PGTEXT_BIT:
		case PGTEXT_VARBIT:
		case PGTEXT_NUMERIC:
		case PGTEXT_UUID:
		case PGTEXT_TSVECTOR:
		case PGTEXT_JSONB:
		case PGTEXT_INT4RANGE:
		case PGTEXT_NUMRANGE:
		case PGTEXT_TSRANGE:
		case PGTEXT_TSTZRANGE:
		case PGTEXT_DATERANGE:
		case PGTEXT_INT8RANGE:
			return true;
		default:
			return false;
	}
}

/*
 * A type that comes as text.
 */
static bool
knows_text(const struct change_column *column, const char *name)
{
	static const char *const names[] = {
		"hstore",  "citext",   "ltree",		"isbn",		 "vector",
		"halfvec", "geometry", "geography", "sparsevec",
	};

	/* of enums; what is masked comes as text, whatever it is */
	if (column->nlabels > 0 || format_json_type_can_be_masked(column))
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/* Of which there are no arrays in Debezium, whatever is asked for. */
static bool
has_no_array(uint32_t element)
{
	return element == PGTEXT_MONEY || element == PGTEXT_NAME ||
		   element == PGTEXT_INTERVAL || element == PGTEXT_VARBIT ||
		   element == PGTEXT_POINT || element == PGTEXT_XML ||
		   element == PGTEXT_REFCURSOR;
}

/*
 * Whose arrays of several dimensions are nulls.  Those of most other types
 * are names of Java objects, another one each time, which nobody can want.
 */
static bool
is_flat(uint32_t element)
{
	switch (element)
	{
		case PGTEXT_BOOL:
		case PGTEXT_BYTEA:
		case PGTEXT_INT8:
		case PGTEXT_INT2:
		case PGTEXT_INT4:
		case PGTEXT_OID:
		case PGTEXT_FLOAT4:
		case PGTEXT_FLOAT8:
		case PGTEXT_NUMERIC:
		case PGTEXT_DATE:
		case PGTEXT_TIME:
		case PGTEXT_TIMETZ:
		case PGTEXT_TIMESTAMP:
		case PGTEXT_TIMESTAMPTZ:
			return true;
		default:
			return false;
	}
}

static enum format_json_kind
element_kind(enum format_json_kind kind)
{
	switch (kind)
	{
		case FORMAT_JSON_DATE_DAYS:
			return FORMAT_JSON_DEBEZIUM_DATE;
		case FORMAT_JSON_TIME_MS:
			return FORMAT_JSON_DEBEZIUM_TIME_MS;
		case FORMAT_JSON_TIME_US:
			return FORMAT_JSON_DEBEZIUM_TIME_US;
		case FORMAT_JSON_TIMETZ:
			return FORMAT_JSON_DEBEZIUM_TIMETZ;
		case FORMAT_JSON_TIMESTAMP_MS:
			return FORMAT_JSON_DEBEZIUM_TIMESTAMP_MS;
		case FORMAT_JSON_TIMESTAMP_US:
			return FORMAT_JSON_DEBEZIUM_TIMESTAMP_US;
		case FORMAT_JSON_TIMESTAMPTZ:
			return FORMAT_JSON_DEBEZIUM_TIMESTAMPTZ;
		default:
			return kind;
	}
}

static enum format_json_kind
scalar_kind(enum format_json_kind kind)
{
	switch (kind)
	{
		case FORMAT_JSON_TIMESTAMP_US:
			return FORMAT_JSON_DEBEZIUM_TIMESTAMP_WRAPPED;
		case FORMAT_JSON_INTERVAL_US:
			return FORMAT_JSON_DEBEZIUM_INTERVAL;
		default:
			return kind;
	}
}

/* Its values, or elements, are of a type that Debezium does not know. */
static void
make_unknown(struct format_json_type *t, enum format_json_kind *kind,
			 const struct format_options *options)
{
	t->omitted = !options->unknown_types;
	t->null_if_null = true;
	t->bytes_max = UINT32_MAX;
	*kind = FORMAT_JSON_DEBEZIUM_UNKNOWN;
}

/* Of a numeric with a negative scale, which PostgreSQL has since 15. */
static void
set_scale(struct format_json_type *t, const struct change_column *column)
{
	enum format_json_kind *kind = t->kind == FORMAT_JSON_ARRAY ? &t->element
															   : &t->kind;
	int scale = column->base.typmod >= 4 ? (column->base.typmod - 4) & 0x7ff
										 : 0;

	if (scale < 1024)
		return;
	t->scale = scale;
	if (*kind == FORMAT_JSON_NUMERIC_STRING)
		*kind = FORMAT_JSON_DEBEZIUM_NUMERIC_STRING;
}

static void
array_type(struct format_json_type *t, const struct change_column *column,
		   const struct format_options *options)
{
	uint32_t element = t->element_oid;

	if (t->oid == PGTEXT_INT2VECTOR || t->oid == PGTEXT_OIDVECTOR)
		t->kind = FORMAT_JSON_DEBEZIUM_VECTOR;
	else if (element == PGTEXT_INT2VECTOR || element == PGTEXT_OIDVECTOR)
		t->kind = FORMAT_JSON_DEBEZIUM_VECTORS;
	else if (element == PGTEXT_BIT)
	{
		t->kind = FORMAT_JSON_DEBEZIUM_NOTHING;
		t->nothing = column->not_null ? "[]" : "null";
	}
	else if (has_no_array(element))
		t->omitted = true;
	else if (!knows(element))
		make_unknown(t, &t->element, options);
	t->null_if_null |= element == PGTEXT_TSVECTOR;
	t->null_if_nan = element == PGTEXT_NUMERIC;
	t->flat = is_flat(element);
	t->element = element_kind(t->element);
}

static void
text_array_type(struct format_json_type *t, const struct change_column *column,
				const struct format_options *options)
{
	const char *name = column->element.name;

	if (!knows_text(column, name))
		make_unknown(t, &t->element, options);
	else
		t->null_if_null = column->nlabels > 0 || strcmp(name, "isbn") == 0 ||
						  strcmp(name, "ltree") == 0 ||
						  t->element == FORMAT_JSON_VECTOR ||
						  t->element == FORMAT_JSON_HALFVEC ||
						  t->element == FORMAT_JSON_SPARSEVEC;
}

void
format_json_debezium_type(struct format_json_type	  *t,
						  const struct change_column  *column,
						  const struct format_options *options)
{
	t->debezium = true;

	/* It reads the eleven bits without their sign. */
	if (column->base.oid == PGTEXT_NUMERIC || t->element_oid == PGTEXT_NUMERIC)
		set_scale(t, column);
	if (t->kind == FORMAT_JSON_ARRAY)
		array_type(t, column, options);
	else if (t->kind == FORMAT_JSON_TEXT_ARRAY)
		text_array_type(t, column, options);
	else if (t->oid == PGTEXT_NAME && !t->text)
	{
		/* It has its type in the snapshot, not in the stream. */
		if (!options->unknown_types)
		{
			t->kind = FORMAT_JSON_DEBEZIUM_NOTHING;
			t->nothing = column->not_null ? "\"\"" : "null";
		}
	}
	else if (column->encoding == CHANGE_TEXT
				 ? !knows_text(column, column->base.name)
				 : !knows(t->oid))
		make_unknown(t, &t->kind, options);
	else
		t->kind = scalar_kind(t->kind);
}

bool
format_json_debezium_omits(const struct format_json_type *t)
{
	return t->omitted;
}

bool
format_json_debezium_hides(const struct format_json_type *t)
{
	return t->omitted || t->kind == FORMAT_JSON_DEBEZIUM_NOTHING ||
		   t->kind == FORMAT_JSON_DEBEZIUM_VECTOR ||
		   t->kind == FORMAT_JSON_DEBEZIUM_VECTORS;
}

/* --------------------------------------------------------------- calendars */

/*
 * A century has its leap day in the Julian calendar, in which 0001-01-01 is two
 * days earlier.
 */
static int64_t
julian_day(int64_t year, int month, int mday)
{
	int64_t y = month > 2 ? year : year - 1;

	return pgtext_datetime_day(year, month, mday) +
		   pgtext_datetime_floor_div(y, 100) -
		   pgtext_datetime_floor_div(y, 400) - 2;
}

/*
 * The day that it is once a java.sql.Date or Timestamp has had it, whose
 * fields are then read without the era: no BC, and the ten days that Rome
 * left out are the ten that follow.
 */
static int64_t
without_era(int64_t days)
{
	int64_t year;
	int		month;
	int		mday;

	if (days >= GAP_END)
		return days;
	if (days >= GAP_START)
		return days + (GAP_END - GAP_START);
	pgtext_datetime_civil(days, &year, &month, &mday);
	return year > 0 ? days : pgtext_datetime_day(1 - year, month, mday);
}

/* The day of which the Julian calendar says what the Gregorian says of it. */
static int64_t
in_old_calendar(int64_t days)
{
	int64_t year;
	int		month;
	int		mday;

	if (days >= GAP_END)
		return days;
	pgtext_datetime_civil(days, &year, &month, &mday);
	return julian_day(year, month, mday);
}

/* ------------------------------------------------------------------ values */

static void
set_i32(uint8_t *p, int32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t) ((uint32_t) v >> (8 * i));
}

static void
set_i64(uint8_t *p, int64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t) ((uint64_t) v >> (8 * i));
}

static bool
is_infinite(int64_t us)
{
	return us == PGTEXT_DATETIME_INFINITY ||
		   us == PGTEXT_DATETIME_MINUS_INFINITY;
}

/*
 * Seconds stop at what 64 bits of microseconds hold, the fraction is added to
 * that.
 */
static void
put_wrapped(int64_t us, struct buf *out)
{
	int64_t seconds = pgtext_datetime_floor_div(us, US_PER_SECOND) +
					  EPOCH_SECONDS;
	int64_t fraction = us % US_PER_SECOND;

	if (fraction < 0)
		fraction += US_PER_SECOND;

	if (__builtin_mul_overflow(seconds, US_PER_SECOND, &seconds))
		seconds = INT64_MAX;
	jsontext_i64(out, (int64_t) ((uint64_t) seconds + (uint64_t) fraction));
}

/* In doubles, and cut off. */
static void
put_interval(const uint8_t *data, struct buf *out)
{
	int64_t us = rawnum_i64(data);
	int64_t whole_hours = us / (3600 * US_PER_SECOND);
	int64_t whole_minutes = us / (60 * US_PER_SECOND) % 60;
	double days = rawnum_i32(data + 12) * (365.25 / 12) + rawnum_i32(data + 8);
	double hours = days * 24 + (double) whole_hours;
	double minutes = hours * 60 + (double) whole_minutes;
	double sum = (minutes * 60 + (double) (us % (60 * US_PER_SECOND)) / 1e6) *
				 1e6;

	/* as Java's cast */
	jsontext_i64(out, sum >= 0x1p63	   ? INT64_MAX
					  : sum <= -0x1p63 ? INT64_MIN
									   : (int64_t) sum);
}

/*
 * Append text with its numbers as Java spells them: (1,2.5) is (1.0,2.5).
 */
static void
put_java_numbers(const char *p, const char *end, struct buf *out)
{
	while (p < end)
	{
		char  *after;
		double v;

		if (strchr("0123456789-", *p) == NULL)
		{
			buf_putc(out, *p++);
			continue;
		}
		if (end - p > 1 && p[0] == '-' && p[1] == 'I')
		{
			buf_putc(out, *p++);
			continue;
		}
		v = strtod(p, &after);
		if (after == p)
		{
			buf_putc(out, *p++);
			continue;
		}
		pgtext_float_double_java(out, v);
		p = after;
	}
}

/* With as many zeros behind the point as the scale that it reads. */
static bool
put_numeric_string(const struct format_json_type *t, uint32_t oid,
				   const uint8_t *data, size_t len,
				   struct format_json_scratch *scratch, struct buf *out)
{
	struct pgtext_numeric n;

	if (!format_json_type_put_kind(t, FORMAT_JSON_NUMERIC_STRING, oid, data,
								   len, scratch, out))
		return false;
	if (pgtext_numeric_read(&n, data, len) != PGTEXT_OK ||
		n.kind != PGTEXT_NUMERIC_FINITE)
		return true;
	out->len--;
	buf_putc(out, '.');
	for (int i = 0; i < t->scale; i++)
		buf_putc(out, '0');
	buf_putc(out, '"');
	return true;
}

static size_t
shown_bytes(const struct format_json_type *t, size_t len)
{
	return len < t->bytes_max ? len : t->bytes_max;
}

static bool
is_geometric(uint32_t oid)
{
	return oid == PGTEXT_LSEG || oid == PGTEXT_PATH || oid == PGTEXT_BOX ||
		   oid == PGTEXT_POLYGON || oid == PGTEXT_LINE || oid == PGTEXT_CIRCLE;
}

/* The bytes of its text, or the first of them. */
static bool
put_unknown(const struct format_json_type *t, uint32_t oid,
			const uint8_t *data, size_t len,
			struct format_json_scratch *scratch, struct buf *out)
{
	struct buf *text = &scratch->text;

	if (t->text)
	{
		format_json_type_binary(t->binary, data, shown_bytes(t, len), out);
		return true;
	}
	buf_reset(text);
	text->max = out->max;
	if (pgtext_append(text, oid, data, len) != PGTEXT_OK)
		return false;
	if (is_geometric(oid))
	{
		buf_reset(&scratch->json);
		(void) buf_cstr(text);
		put_java_numbers((const char *) text->data,
						 (const char *) text->data + text->len,
						 &scratch->json);
		text = &scratch->json;
	}
	format_json_type_binary(t->binary, text->data, shown_bytes(t, text->len),
							out);
	return true;
}

static bool
put_vector(enum format_json_kind kind, const uint8_t *data, size_t len,
		   struct buf *out)
{
	struct pgtext_array	  a;
	struct pgtext_element e;
	bool				  empty;

	if (pgtext_array_open(&a, data, len) != PGTEXT_OK)
		return false;
	empty = a.nelems == 0;
	for (uint32_t i = 0; i < a.nelems; i++)
	{
		if (pgtext_array_next(&a, &e) != PGTEXT_OK)
			return false;
	}
	buf_puts(out,
			 empty == (kind == FORMAT_JSON_DEBEZIUM_VECTORS) ? "[]" : "null");
	return true;
}

/* The same time of another day, which is one also if the value is none. */
static int64_t
on_day(int64_t us, int64_t day, int64_t other)
{
	return (int64_t) ((uint64_t) us +
					  (uint64_t) (other - day) * (uint64_t) US_PER_DAY);
}

/* An element of an array, changed to what Java makes of it. */
static bool
put_element(const struct format_json_type *t, enum format_json_kind kind,
			const uint8_t *data, size_t len,
			struct format_json_scratch *scratch, struct buf *out)
{
	uint8_t changed[12];
	int64_t v;

	if (len > sizeof(changed) ||
		len != (kind == FORMAT_JSON_DEBEZIUM_DATE	  ? 4
				: kind == FORMAT_JSON_DEBEZIUM_TIMETZ ? 12
													  : 8))
		return false;
	memcpy(changed, data, len);
	v = len == 4 ? rawnum_i32(data) : rawnum_i64(data);
	switch (kind)
	{
		case FORMAT_JSON_DEBEZIUM_DATE:
			if (v == PGTEXT_DATETIME_DATE_INFINITY)
			{
				jsontext_i64(out, JAVA_INFINITY_DAY);
				return true;
			}
			if (v == PGTEXT_DATETIME_DATE_MINUS_INFINITY)
			{
				jsontext_i64(out, JAVA_MINUS_INFINITY_DAY);
				return true;
			}
			set_i32(changed, (int32_t) without_era(v));
			kind = FORMAT_JSON_DATE_DAYS;
			break;
		case FORMAT_JSON_DEBEZIUM_TIME_MS:
			set_i64(changed, v % US_PER_DAY);
			kind = FORMAT_JSON_TIME_MS;
			break;
		case FORMAT_JSON_DEBEZIUM_TIME_US:
			set_i64(changed, (v - v % 1000) % US_PER_DAY);
			kind = FORMAT_JSON_TIME_US;
			break;
		case FORMAT_JSON_DEBEZIUM_TIMETZ:
			set_i64(changed, v - v % US_PER_SECOND);
			kind = FORMAT_JSON_TIMETZ;
			break;
		case FORMAT_JSON_DEBEZIUM_TIMESTAMP_MS:
		case FORMAT_JSON_DEBEZIUM_TIMESTAMP_US:
			if (!is_infinite(v))
			{
				int64_t day = pgtext_datetime_floor_div(v, US_PER_DAY);

				set_i64(changed, on_day(v, day, in_old_calendar(day)));
			}
			kind = kind == FORMAT_JSON_DEBEZIUM_TIMESTAMP_MS
					   ? FORMAT_JSON_TIMESTAMP_MS
					   : FORMAT_JSON_DEBEZIUM_TIMESTAMP_WRAPPED;
			break;
		case FORMAT_JSON_DEBEZIUM_TIMESTAMPTZ:
			if (v == PGTEXT_DATETIME_MINUS_INFINITY)
			{
				buf_lit(out, "\"+292269055-12-02T23:00:00");
				if (t->scale > 0)
					buf_put(out, ".000000", (size_t) t->scale + 1);
				buf_lit(out, "Z\"");
				return true;
			}
			if (!is_infinite(v))
			{
				int64_t day = pgtext_datetime_floor_div(v, US_PER_DAY);

				set_i64(changed, on_day(v, day, without_era(day)));
			}
			kind = FORMAT_JSON_TIMESTAMPTZ;
			break;
		default:
			return false;
	}
	return format_json_type_put_kind(t, kind, t->element_oid, changed, len,
									 scratch, out);
}

bool
format_json_debezium_put(const struct format_json_type *t,
						 enum format_json_kind kind, uint32_t oid,
						 const uint8_t *data, size_t len,
						 struct format_json_scratch *scratch, struct buf *out)
{
	switch (kind)
	{
		case FORMAT_JSON_DEBEZIUM_NOTHING:
			buf_puts(out, t->nothing);
			return true;
		case FORMAT_JSON_DEBEZIUM_UNKNOWN:
			return put_unknown(t, oid, data, len, scratch, out);
		case FORMAT_JSON_DEBEZIUM_VECTOR:
		case FORMAT_JSON_DEBEZIUM_VECTORS:
			return put_vector(kind, data, len, out);
		case FORMAT_JSON_DEBEZIUM_NUMERIC_STRING:
			return put_numeric_string(t, oid, data, len, scratch, out);
		case FORMAT_JSON_DEBEZIUM_INTERVAL:
			if (len != 16)
				return false;
			put_interval(data, out);
			return true;
		case FORMAT_JSON_DEBEZIUM_TIMESTAMP_WRAPPED:
			if (len != 8)
				return false;
			if (is_infinite(rawnum_i64(data)))
				return format_json_type_put_kind(t, FORMAT_JSON_TIMESTAMP_US,
												 oid, data, len, scratch, out);
			put_wrapped(rawnum_i64(data), out);
			return true;
		default:
			return put_element(t, kind, data, len, scratch, out);
	}
}
