/*
 * format_json_type.c - values as JSON; see format_json_type.h.
 *
 * Fixed-width values are read here from their little-endian bytes, each after
 * a look at their length: it comes from the relation message, which may say
 * anything.  Everything else is read by pgtext.
 */
#include "format_json_type.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format_json_debezium.h"
#include "format_json_extension.h"
#include "format_json_time.h"
#include "jsontext.h"
#include "pgtext.h"
#include "rawnum.h"

#define MONEY_DECIMALS 2 /* that PostgreSQL keeps, but for lc_monetary */
#define MONEY_SCALE_MAX 15

/* No numeric has as many. */
#define DECIMALS_MAX 1024

/* --------------------------------------------------------------- planning */

static enum format_json_kind
numeric_kind(const struct change_type	 *type,
			 const struct format_options *options, int *scale)
{
	switch (options->decimal)
	{
		case FORMAT_DECIMAL_DOUBLE:
			return FORMAT_JSON_NUMERIC_DOUBLE;
		case FORMAT_DECIMAL_STRING:
			return FORMAT_JSON_NUMERIC_STRING;
		case FORMAT_DECIMAL_PRECISE:
			break;
	}
	if (type->typmod < 4)
		return FORMAT_JSON_DECIMAL_VARIABLE;
	/* eleven bits, signed since PostgreSQL 15 */
	*scale = (((type->typmod - 4) & 0x7ff) ^ 1024) - 1024;
	return FORMAT_JSON_DECIMAL;
}

static enum format_json_kind
money_kind(const struct format_options *options, int *scale)
{
	*scale = options->money_fraction_digits;
	if (*scale < 0)
		*scale = 0;
	if (*scale > MONEY_SCALE_MAX)
		*scale = MONEY_SCALE_MAX;
	return options->decimal == FORMAT_DECIMAL_PRECISE
			   ? FORMAT_JSON_MONEY_DECIMAL
		   : options->decimal == FORMAT_DECIMAL_DOUBLE
			   ? FORMAT_JSON_MONEY_DOUBLE
			   : FORMAT_JSON_MONEY_STRING;
}

static enum format_json_kind
date_kind(const struct format_options *options)
{
	switch (options->time)
	{
		case FORMAT_TIME_ISO:
			return FORMAT_JSON_DATE_ISO;
		case FORMAT_TIME_ISO_LOCAL:
			return FORMAT_JSON_DATE_LOCAL;
		default:
			return FORMAT_JSON_DATE_DAYS;
	}
}

/* 'coarse': has three digits of a second at most. */
static enum format_json_kind
time_kind(const struct format_options *options, bool coarse)
{
	switch (options->time)
	{
		case FORMAT_TIME_ADAPTIVE:
			return coarse ? FORMAT_JSON_TIME_MS : FORMAT_JSON_TIME_US;
		case FORMAT_TIME_CONNECT:
			return FORMAT_JSON_TIME_MS;
		case FORMAT_TIME_NANOSECONDS:
			return FORMAT_JSON_TIME_NS;
		case FORMAT_TIME_ISO:
			return FORMAT_JSON_TIME_ISO;
		case FORMAT_TIME_ISO_LOCAL:
			return FORMAT_JSON_TIME_LOCAL;
		case FORMAT_TIME_ADAPTIVE_MICROSECONDS:
		case FORMAT_TIME_MICROSECONDS:
			break;
	}
	return FORMAT_JSON_TIME_US;
}

static enum format_json_kind
timestamp_kind(const struct format_options *options, bool coarse)
{
	switch (options->time)
	{
		case FORMAT_TIME_ADAPTIVE:
		case FORMAT_TIME_ADAPTIVE_MICROSECONDS:
			return coarse ? FORMAT_JSON_TIMESTAMP_MS
						  : FORMAT_JSON_TIMESTAMP_US;
		case FORMAT_TIME_CONNECT:
			return FORMAT_JSON_TIMESTAMP_MS;
		case FORMAT_TIME_NANOSECONDS:
			return FORMAT_JSON_TIMESTAMP_NS;
		case FORMAT_TIME_ISO:
			return FORMAT_JSON_TIMESTAMP_ISO;
		case FORMAT_TIME_ISO_LOCAL:
			return FORMAT_JSON_TIMESTAMP_LOCAL;
		case FORMAT_TIME_MICROSECONDS:
			break;
	}
	return FORMAT_JSON_TIMESTAMP_US;
}

/*
 * What a raw value of this type becomes, arrays aside.  The type modifier of
 * times, timestamps and bits is their precision or length itself.
 */
static enum format_json_kind
scalar_kind(const struct change_type *type, uint32_t oid,
			const struct format_options *options, int *scale)
{
	bool coarse = type->typmod >= 0 && type->typmod <= 3;

	*scale = 0;
	switch (oid)
	{
		case PGTEXT_BOOL:
			return FORMAT_JSON_BOOL;
		case PGTEXT_INT2:
			return FORMAT_JSON_INT2;
		case PGTEXT_INT4:
			return FORMAT_JSON_INT4;
		case PGTEXT_INT8:
			return FORMAT_JSON_INT8;
		case PGTEXT_OID:
			return FORMAT_JSON_OID;
		case PGTEXT_FLOAT4:
			return FORMAT_JSON_FLOAT4;
		case PGTEXT_FLOAT8:
			return FORMAT_JSON_FLOAT8;
		case PGTEXT_NUMERIC:
			return numeric_kind(type, options, scale);
		case PGTEXT_MONEY:
			return money_kind(options, scale);
		case PGTEXT_DATE:
			return date_kind(options);
		case PGTEXT_TIME:
			return time_kind(options, coarse);
		case PGTEXT_TIMETZ:
			return FORMAT_JSON_TIMETZ;
		case PGTEXT_TIMESTAMP:
			return timestamp_kind(options, coarse);
		case PGTEXT_TIMESTAMPTZ:
			*scale = type->typmod >= 0 && type->typmod < 6 ? type->typmod : 6;
			return FORMAT_JSON_TIMESTAMPTZ;
		case PGTEXT_INTERVAL:
			return options->interval == FORMAT_INTERVAL_NUMERIC
					   ? FORMAT_JSON_INTERVAL_US
					   : FORMAT_JSON_INTERVAL_STRING;
		case PGTEXT_UUID:
			return FORMAT_JSON_UUID;
		case PGTEXT_TEXT:
		case PGTEXT_VARCHAR:
		case PGTEXT_BPCHAR:
		case PGTEXT_NAME:
		case PGTEXT_JSON:
		case PGTEXT_REFCURSOR:
			return FORMAT_JSON_STRING;
		case PGTEXT_BYTEA:
			return FORMAT_JSON_BINARY;
		case PGTEXT_BIT:
		case PGTEXT_VARBIT:
			return type->typmod == 1 ? FORMAT_JSON_BIT : FORMAT_JSON_BITS;
		case PGTEXT_POINT:
			return FORMAT_JSON_POINT;
		default:
			return pgtext_knows(oid) ? FORMAT_JSON_PGTEXT : FORMAT_JSON_NONE;
	}
}

/* Extensions' types have no fixed oid; they come as text. */
static enum format_json_kind
text_kind(const struct change_column *column, const struct change_type *type,
		  const struct format_options *options)
{
	/* An enum, whatever it is called. */
	if (column->nlabels > 0 || column->kind == 'e')
		return FORMAT_JSON_STRING;
	if (strcmp(type->name, "hstore") == 0)
		return options->hstore == FORMAT_HSTORE_MAP ? FORMAT_JSON_HSTORE_MAP
													: FORMAT_JSON_HSTORE;
	if (strcmp(type->name, "vector") == 0)
		return FORMAT_JSON_VECTOR;
	if (strcmp(type->name, "halfvec") == 0)
		return FORMAT_JSON_HALFVEC;
	if (strcmp(type->name, "sparsevec") == 0)
		return FORMAT_JSON_SPARSEVEC;
	if (strcmp(type->name, "geometry") == 0)
		return FORMAT_JSON_GEOMETRY;
	if (strcmp(type->name, "geography") == 0)
		return FORMAT_JSON_GEOGRAPHY;
	return FORMAT_JSON_STRING;
}

static void
set_kind(struct format_json_type *t, const struct change_column *column,
		 const struct format_options *options)
{
	memset(t, 0, sizeof(*t));
	t->binary = options->binary;
	t->oid = column->base.oid;
	t->delimiter = ',';
	t->text = column->encoding == CHANGE_TEXT;
	t->strict = options->schemas || options->key_schemas;
	if (t->text)
	{
		if (column->element.oid != 0)
		{
			t->kind = FORMAT_JSON_TEXT_ARRAY;
			t->element = text_kind(column, &column->element, options);
			t->element_oid = column->element.oid;
			/* PostGIS chose its own */
			if (t->element == FORMAT_JSON_GEOMETRY ||
				t->element == FORMAT_JSON_GEOGRAPHY)
				t->delimiter = ':';
			else if (column->element.oid == PGTEXT_BOX)
				t->delimiter = ';';
		}
		else
			t->kind = text_kind(column, &column->base, options);
		return;
	}
	t->element_oid = pgtext_element_type(t->oid);
	if (t->oid == PGTEXT_INT2VECTOR)
		t->element_oid = PGTEXT_INT2;
	else if (t->oid == PGTEXT_OIDVECTOR)
		t->element_oid = PGTEXT_OID;
	if (t->element_oid != 0)
	{
		t->kind = FORMAT_JSON_ARRAY;
		t->element = scalar_kind(&column->base, t->element_oid, options,
								 &t->scale);
	}
	else
		t->kind = scalar_kind(&column->base, t->oid, options, &t->scale);
}

void
format_json_type_init(struct format_json_type	  *t,
					  const struct change_column  *column,
					  const struct format_options *options)
{
	set_kind(t, column, options);
	if (options->debezium)
		format_json_debezium_type(t, column, options);
}

void
format_json_type_use_numbers(struct format_json_type *t)
{
	t->number = true;
}

void
format_json_type_flatten(struct format_json_type *t)
{
	t->flat = true;
}

bool
format_json_type_is_text(const struct format_json_type *t)
{
	switch (t->kind)
	{
		case FORMAT_JSON_NUMERIC_STRING:
		case FORMAT_JSON_MONEY_STRING:
		case FORMAT_JSON_DATE_ISO:
		case FORMAT_JSON_DATE_LOCAL:
		case FORMAT_JSON_TIME_ISO:
		case FORMAT_JSON_TIME_LOCAL:
		case FORMAT_JSON_TIMETZ:
		case FORMAT_JSON_TIMESTAMP_ISO:
		case FORMAT_JSON_TIMESTAMP_LOCAL:
		case FORMAT_JSON_TIMESTAMPTZ:
		case FORMAT_JSON_INTERVAL_STRING:
		case FORMAT_JSON_UUID:
		case FORMAT_JSON_STRING:
		case FORMAT_JSON_PGTEXT:
		case FORMAT_JSON_HSTORE:
		case FORMAT_JSON_DEBEZIUM_NUMERIC_STRING:
			return true;
		case FORMAT_JSON_BINARY:
		case FORMAT_JSON_DEBEZIUM_UNKNOWN:
			return t->binary != FORMAT_BINARY_BYTES;
		default:
			return false;
	}
}

bool
format_json_type_may_be_null(const struct format_json_type *t)
{
	switch (t->kind)
	{
		case FORMAT_JSON_NONE:
		case FORMAT_JSON_DECIMAL:
		case FORMAT_JSON_DECIMAL_VARIABLE:
			return true;
		case FORMAT_JSON_BIT:
			return t->oid == PGTEXT_VARBIT;
		default:
			return false;
	}
}

bool
format_json_type_can_be_masked(const struct change_column *column)
{
	switch (column->base.oid)
	{
		case PGTEXT_TEXT:
		case PGTEXT_VARCHAR:
		case PGTEXT_BPCHAR:
		case PGTEXT_CHAR:
		case PGTEXT_NAME:
			return true;
		default:
			return column->element.oid == 0 &&
				   (column->nlabels > 0 || column->kind == 'e');
	}
}

bool
format_json_type_is_exact(const struct format_json_type *t)
{
	switch (t->kind)
	{
		case FORMAT_JSON_BOOL:
		case FORMAT_JSON_INT2:
		case FORMAT_JSON_INT4:
		case FORMAT_JSON_INT8:
		case FORMAT_JSON_OID:
		case FORMAT_JSON_UUID:
		case FORMAT_JSON_STRING:
		case FORMAT_JSON_BINARY:
			return true;
		default:
			return false;
	}
}

/* ---------------------------------------------------------------- numbers */

/*
 * Respell the plain digits from 'start' to the buffer's end, of which 'scale'
 * are behind the point, as BigDecimal.toString() does: with an exponent where
 * more than five zeros would stand between the point and the first digit.
 */
static void
respell_decimal(struct buf *out, size_t start, int scale)
{
	size_t	 digits = start;
	size_t	 from;
	size_t	 n;
	int		 exponent;
	char	 tail[16];
	uint8_t *p = out->data;

	if (digits < out->len && p[digits] == '-')
		digits++;
	/* the first digit that counts; the last if all are zeros */
	from = digits;
	while (from + 1 < out->len && (p[from] == '0' || p[from] == '.'))
		from++;
	n = out->len - from;
	exponent = (int) n - 1 - scale;
	if (scale <= 0 || from <= digits + 1 || exponent >= -6)
		return;
	memmove(p + digits, p + from, n);
	out->len = digits + n;
	if (n > 1)
	{
		(void) buf_reserve(out, 1);
		p = out->data;
		memmove(p + digits + 2, p + digits + 1, n - 1);
		p[digits + 1] = '.';
		out->len++;
	}
	(void) snprintf(tail, sizeof(tail), "E%d", exponent);
	buf_puts(out, tail);
}

/*
 * As BigDecimal.toString() has it.  Debezium takes a negative scale for one of
 * more than a thousand, and writes as many zeros.
 */
static void
put_decimal_number(const struct format_json_type *t, struct pgtext_numeric *n,
				   struct buf *out)
{
	size_t start = out->len;

	pgtext_numeric_text(out, n);
	if (t->scale < DECIMALS_MAX)
		respell_decimal(out, start, t->scale);
	else if (n->ndigits == 0)
		buf_printf(out, "E-%d", t->scale);
	else
	{
		buf_putc(out, '.');
		for (int i = 0; i < t->scale; i++)
			buf_putc(out, '0');
	}
}

static bool
put_decimal(const struct format_json_type *t, const uint8_t *data, size_t len,
			struct buf *out)
{
	struct pgtext_numeric n;
	size_t				  start = out->len;

	if (pgtext_numeric_read(&n, data, len) != PGTEXT_OK)
		return false;
	if (n.kind != PGTEXT_NUMERIC_FINITE)
	{
		buf_lit(out, "null");
		return true;
	}
	if (t->number)
	{
		put_decimal_number(t, &n, out);
		return true;
	}
	buf_putc(out, '"');
	(void) pgtext_numeric_unscaled(out, &n, t->scale);
	jsontext_base64_tail(out, JSONTEXT_BASE64, start + 1);
	buf_putc(out, '"');
	return true;
}

static bool
put_decimal_variable(const uint8_t *data, size_t len, struct buf *out)
{
	struct pgtext_numeric n;
	size_t				  start;
	int					  scale;

	if (pgtext_numeric_read(&n, data, len) != PGTEXT_OK)
		return false;
	if (n.kind != PGTEXT_NUMERIC_FINITE)
	{
		buf_lit(out, "null");
		return true;
	}
	scale = pgtext_numeric_min_scale(&n);
	buf_lit(out, "{\"scale\":");
	jsontext_i64(out, scale);
	buf_lit(out, ",\"value\":\"");
	start = out->len;
	(void) pgtext_numeric_unscaled(out, &n, scale);
	jsontext_base64_tail(out, JSONTEXT_BASE64, start);
	buf_lit(out, "\"}");
	return true;
}

static bool
put_numeric_double(const uint8_t *data, size_t len, struct buf *out)
{
	struct pgtext_numeric n;

	if (pgtext_numeric_read(&n, data, len) != PGTEXT_OK)
		return false;
	jsontext_double(out, pgtext_numeric_double(&n));
	return true;
}

static bool
put_numeric_string(const uint8_t *data, size_t len, struct buf *out)
{
	struct pgtext_numeric n;

	if (pgtext_numeric_read(&n, data, len) != PGTEXT_OK)
		return false;
	buf_putc(out, '"');
	switch (n.kind)
	{
		case PGTEXT_NUMERIC_FINITE:
			pgtext_numeric_text(out, &n);
			break;
		case PGTEXT_NUMERIC_NAN:
			buf_lit(out, "NAN");
			break;
		case PGTEXT_NUMERIC_PLUS_INFINITY:
			buf_lit(out, "POSITIVE_INFINITY");
			break;
		case PGTEXT_NUMERIC_MINUS_INFINITY:
			buf_lit(out, "NEGATIVE_INFINITY");
			break;
	}
	buf_putc(out, '"');
	return true;
}

/* Money as an integer of 'scale' decimals, rounded half up. */
static __int128
money_scaled(int64_t v, int scale)
{
	__int128 scaled = v;

	for (; scale > MONEY_DECIMALS; scale--)
		scaled *= 10;
	if (scale < MONEY_DECIMALS)
	{
		int divisor = scale == 1 ? 10 : 100;

		scaled = (scaled + (v < 0 ? -divisor / 2 : divisor / 2)) / divisor;
	}
	return scaled;
}

/* As BigInteger.toByteArray() has it. */
static void
put_big_endian(__int128 v, struct buf *out)
{
	int		 n = 1;
	uint8_t *p = buf_reserve(out, sizeof(v));

	while (n < 16 && v >> (8 * n - 1) != 0 && v >> (8 * n - 1) != -1)
		n++;
	for (int i = 0; i < n; i++)
		p[i] = (uint8_t) (v >> (8 * (n - 1 - i)));
	buf_commit(out, (size_t) n);
}

/* In plain digits; at most 40 bytes.  Returns its end. */
static uint8_t *
money_text(uint8_t *p, __int128 v, int scale)
{
	uint8_t			  digits[40];
	int				  n = 0;
	unsigned __int128 left = v < 0 ? -(unsigned __int128) v
								   : (unsigned __int128) v;

	do
	{
		digits[n++] = (uint8_t) ('0' + (int) (left % 10));
		left /= 10;
	} while (left > 0 || n <= scale);
	if (v < 0)
		*p++ = '-';
	while (n > 0)
	{
		if (n == scale)
			*p++ = '.';
		*p++ = digits[--n];
	}
	return p;
}

static void
put_money(const struct format_json_type *t, enum format_json_kind kind,
		  int64_t v, struct buf *out)
{
	__int128 scaled = money_scaled(v, t->scale);
	uint8_t	 text[48];
	uint8_t *end;
	size_t	 start;

	if (kind == FORMAT_JSON_MONEY_DECIMAL && t->number)
	{
		start = out->len;
		end = money_text(text, scaled, t->scale);
		buf_put(out, text, (size_t) (end - text));
		respell_decimal(out, start, t->scale);
		return;
	}
	if (kind == FORMAT_JSON_MONEY_DECIMAL)
	{
		buf_putc(out, '"');
		start = out->len;
		put_big_endian(scaled, out);
		jsontext_base64_tail(out, JSONTEXT_BASE64, start);
		buf_putc(out, '"');
		return;
	}
	end = money_text(text, scaled, t->scale);
	*end = 0;
	if (kind == FORMAT_JSON_MONEY_DOUBLE)
	{
		jsontext_double(out, strtod((char *) text, NULL));
		return;
	}
	buf_putc(out, '"');
	buf_put(out, text, (size_t) (end - text));
	buf_putc(out, '"');
}

/* ------------------------------------------------------------------ others */

static void
put_uuid(const uint8_t *data, struct buf *out)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t			 *p = buf_reserve(out, 38);

	*p++ = '"';
	for (int i = 0; i < 16; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = (uint8_t) hex[data[i] >> 4];
		*p++ = (uint8_t) hex[data[i] & 15];
	}
	*p = '"';
	buf_commit(out, 38);
}

void
format_json_type_binary(enum format_binary mode, const uint8_t *data,
						size_t len, struct buf *out)
{
	buf_putc(out, '"');
	switch (mode)
	{
		case FORMAT_BINARY_BYTES:
		case FORMAT_BINARY_BASE64:
			jsontext_base64(out, JSONTEXT_BASE64, data, len);
			break;
		case FORMAT_BINARY_BASE64_URL:
			jsontext_base64(out, JSONTEXT_BASE64_URL, data, len);
			break;
		case FORMAT_BINARY_HEX:
			jsontext_hex(out, data, len);
			break;
	}
	buf_putc(out, '"');
}

static bool
put_bits(const uint8_t *data, size_t len, struct buf *out)
{
	size_t start = out->len;

	buf_putc(out, '"');
	if (pgtext_bits_bitset(out, data, len) != PGTEXT_OK)
	{
		out->len = start;
		return false;
	}
	jsontext_base64_tail(out, JSONTEXT_BASE64, start + 1);
	buf_putc(out, '"');
	return true;
}

/*
 * A bit string of one bit: its length, then a byte whose top bit it is.  An
 * empty bit varying(1) is neither true nor false.
 */
static bool
put_bit(const uint8_t *data, size_t len, struct buf *out)
{
	int64_t nbits = pgtext_bits_length(data, len);

	if (nbits < 0 || nbits > 1)
		return false;
	buf_puts(out, nbits == 0 ? "null" : data[4] & 0x80 ? "true" : "false");
	return true;
}

static void
put_point(const uint8_t *data, struct buf *out)
{
	/* little-endian, a point */
	uint8_t wkb[21] = {1, 1, 0, 0, 0};

	memcpy(wkb + 5, data, 16);
	buf_lit(out, "{\"x\":");
	jsontext_double(out, rawnum_f64(data));
	buf_lit(out, ",\"y\":");
	jsontext_double(out, rawnum_f64(data + 8));
	buf_lit(out, ",\"wkb\":\"");
	jsontext_base64(out, JSONTEXT_BASE64, wkb, sizeof(wkb));
	buf_lit(out, "\",\"srid\":null}");
}

/* Longer raw values get no copy of their text on the way. */
#define LONG_VALUE ((size_t) 1 << 20)

static bool
put_pgtext(uint32_t oid, const uint8_t *data, size_t len,
		   struct format_json_scratch *scratch, struct buf *out)
{
	size_t start = out->len;

	/* What is long is made where it will stand, and not held twice. */
	if (len > LONG_VALUE)
	{
		if (pgtext_append(out, oid, data, len) != PGTEXT_OK)
		{
			out->len = start;
			return false;
		}
		jsontext_string_tail(out, start);
		return true;
	}
	buf_reset(&scratch->text);
	scratch->text.max = out->max;
	if (pgtext_append(&scratch->text, oid, data, len) != PGTEXT_OK)
		return false;
	jsontext_string(out, scratch->text.data, scratch->text.len);
	return true;
}

/* ------------------------------------------------------------------- texts */

/*
 * One of the kinds that text has; 'data' may be in scratch->text.  A type of
 * that name may be another extension's: then the text stays, unless a schema
 * says that it is none.
 */
static bool
put_text(const struct format_json_type *t, enum format_json_kind kind,
		 const uint8_t *data, size_t len, struct format_json_scratch *scratch,
		 struct buf *out)
{
	if (kind != FORMAT_JSON_STRING)
	{
		if (format_json_extension_put(kind, data, len, scratch, out))
			return true;
		if (t->strict)
			return false;
	}
	jsontext_string(out, data, len);
	return true;
}

/* ----------------------------------------------------------------- arrays */

/* A numeric that is not a number, or infinite. */
static bool
is_nan(const uint8_t *data, size_t len)
{
	struct pgtext_numeric n;

	return pgtext_numeric_read(&n, data, len) == PGTEXT_OK &&
		   n.kind != PGTEXT_NUMERIC_FINITE;
}

/* An element that makes its whole array null. */
static bool
no_array(struct format_json_scratch *scratch)
{
	scratch->no_array = true;
	return false;
}

/* One that is there. */
static inline bool
put_element(const struct format_json_type *t, const struct pgtext_element *e,
			struct format_json_scratch *scratch, struct buf *out)
{
	if (t->null_if_nan && is_nan(e->data, e->len))
		return no_array(scratch);
	return format_json_type_put_kind(t, t->element, t->element_oid, e->data,
									 e->len, scratch, out);
}

/* The elements of dimension 'dim' from here on. */
static bool
put_dimension(const struct format_json_type *t, struct pgtext_array *a,
			  int dim, struct format_json_scratch *scratch, struct buf *out)
{
	buf_putc(out, '[');
	for (int32_t i = 0; i < a->dims[dim]; i++)
	{
		struct pgtext_element e;

		if (i > 0)
			buf_putc(out, ',');
		if (dim + 1 < a->ndim)
		{
			if (!put_dimension(t, a, dim + 1, scratch, out))
				return false;
			continue;
		}
		if (pgtext_array_next(a, &e) != PGTEXT_OK)
			return false;
		if (e.null)
		{
			if (t->null_if_null)
				return no_array(scratch);
			buf_lit(out, "null");
			continue;
		}
		if (!put_element(t, &e, scratch, out))
			return false;
	}
	buf_putc(out, ']');
	return true;
}

static void
put_nulls(int32_t n, struct buf *out)
{
	buf_putc(out, '[');
	for (int32_t i = 0; i < n; i++)
		buf_puts(out, i > 0 ? ",null" : "null");
	buf_putc(out, ']');
}

/*
 * As many nulls as the first dimension has elements, if the values are what
 * they should be, which are written for that and not kept.
 */
static bool
put_flat(const struct format_json_type *t, struct pgtext_array *a,
		 struct format_json_scratch *scratch, struct buf *out)
{
	size_t start = out->len;

	for (uint32_t i = 0; i < a->nelems; i++)
	{
		struct pgtext_element e;

		if (pgtext_array_next(a, &e) != PGTEXT_OK)
			return false;
		if (e.null)
			continue;
		if (!put_element(t, &e, scratch, out))
			return false;
		out->len = start;
	}
	if (t->null_if_null && a->nelems > 0)
		return no_array(scratch);
	put_nulls(a->nelems > 0 ? a->dims[0] : 0, out);
	return true;
}

static bool
put_array(const struct format_json_type *t, const uint8_t *data, size_t len,
		  struct format_json_scratch *scratch, struct buf *out)
{
	struct pgtext_array a;
	size_t				start = out->len;

	if (pgtext_array_open(&a, data, len) != PGTEXT_OK ||
		a.elem_oid != t->element_oid)
		return false;
	if (a.ndim == 0)
	{
		buf_lit(out, "[]");
		return true;
	}
	scratch->no_array = false;
	if (t->flat && a.ndim > 1 ? put_flat(t, &a, scratch, out)
							  : put_dimension(t, &a, 0, scratch, out))
		return true;
	out->len = start;
	if (scratch->no_array)
		buf_lit(out, "null");
	return scratch->no_array;
}

/*
 * Append the element of a text array that begins at *p, and move *p behind
 * it.  Unquoted it ends at the delimiter or a brace, and NULL is null; what
 * is in quotes has its quotes and backslashes escaped.
 */
static bool
put_text_element(const struct format_json_type *t, const char **p,
				 const char *end, struct format_json_scratch *scratch,
				 struct buf *out)
{
	struct buf *text = &scratch->text;
	bool		quoted = *p < end && **p == '"';

	buf_reset(text);
	if (quoted)
	{
		for (++*p; *p < end && **p != '"'; ++*p)
		{
			if (**p == '\\' && ++*p == end)
				return false;
			buf_putc(text, **p);
		}
		if (*p == end)
			return false;
		++*p;
	}
	else
	{
		const char *start = *p;

		while (*p < end && **p != t->delimiter && **p != '}' && **p != '{')
			++*p;
		buf_put(text, start, (size_t) (*p - start));
		if (text->len == 0)
			return false;
		if (text->len == 4 && memcmp(text->data, "NULL", 4) == 0)
		{
			if (t->null_if_null)
				return no_array(scratch);
			buf_lit(out, "null");
			return true;
		}
	}
	if (t->debezium && t->element == FORMAT_JSON_SPARSEVEC)
		return no_array(scratch); /* whatever it is */
	if (t->element == FORMAT_JSON_DEBEZIUM_UNKNOWN)
		return format_json_debezium_put(t, t->element, t->element_oid,
										text->data, text->len, scratch, out);
	return put_text(t, t->element, text->data, text->len, scratch, out);
}

/* What array_out wrote: {a,"b c",NULL}, {{1},{2}} or [0:1]={a,b}. */
static bool
put_text_array(const struct format_json_type *t, const char *p,
			   const char *end, struct format_json_scratch *scratch,
			   struct buf *out)
{
	size_t	start = out->len;
	int32_t outer = 0; /* elements of the first of several dimensions */
	int		depth = 0;

	if (p < end && *p == '[')
	{
		p = memchr(p, '=', (size_t) (end - p));
		if (p == NULL)
			return false;
		p++;
	}
	for (;;)
	{
		/* before an element or a brace that opens */
		if (p == end)
			return false;
		if (*p == '{')
		{
			if (++depth > PGTEXT_ARRAY_MAX_DIMS)
				return false;
			outer += depth == 2;
			buf_putc(out, '[');
			p++;
			if (p < end && *p == '}' && depth == 1 && p + 1 == end)
			{
				buf_putc(out, ']');
				return true;
			}
			continue;
		}
		if (depth == 0 || !put_text_element(t, &p, end, scratch, out))
			return false;
		while (p < end && *p == '}' && depth > 0)
		{
			buf_putc(out, ']');
			depth--;
			p++;
		}
		if (depth == 0)
		{
			if (t->flat && outer > 0)
			{
				if (t->null_if_null)
					return no_array(scratch);
				out->len = start;
				put_nulls(outer, out);
			}
			return p == end;
		}
		if (p == end || *p != t->delimiter)
			return false;
		buf_putc(out, ',');
		p++;
	}
}

/* ------------------------------------------------------------------- value */

/*
 * A value that is no array.  'kind' and 'oid' are the column's or, of an
 * array, the element's.
 */
bool
format_json_type_put_kind(const struct format_json_type *t,
						  enum format_json_kind kind, uint32_t oid,
						  const uint8_t *data, size_t len,
						  struct format_json_scratch *scratch, struct buf *out)
{
	switch (kind)
	{
		case FORMAT_JSON_BOOL:
			if (len != 1)
				return false;
			if (data[0])
				buf_lit(out, "true");
			else
				buf_lit(out, "false");
			return true;
		case FORMAT_JSON_INT2:
			if (len != 2)
				return false;
			jsontext_i64(out, rawnum_i16(data));
			return true;
		case FORMAT_JSON_INT4:
			if (len != 4)
				return false;
			jsontext_i64(out, rawnum_i32(data));
			return true;
		case FORMAT_JSON_INT8:
			if (len != 8)
				return false;
			jsontext_i64(out, rawnum_i64(data));
			return true;
		case FORMAT_JSON_OID:
			if (len != 4)
				return false;
			jsontext_u64(out, rawnum_u32(data));
			return true;
		case FORMAT_JSON_FLOAT4:
			if (len != 4)
				return false;
			jsontext_single(out, rawnum_f32(data));
			return true;
		case FORMAT_JSON_FLOAT8:
			if (len != 8)
				return false;
			jsontext_double(out, rawnum_f64(data));
			return true;
		case FORMAT_JSON_DECIMAL:
			return put_decimal(t, data, len, out);
		case FORMAT_JSON_DECIMAL_VARIABLE:
			return put_decimal_variable(data, len, out);
		case FORMAT_JSON_NUMERIC_DOUBLE:
			return put_numeric_double(data, len, out);
		case FORMAT_JSON_NUMERIC_STRING:
			return put_numeric_string(data, len, out);
		case FORMAT_JSON_MONEY_DECIMAL:
		case FORMAT_JSON_MONEY_DOUBLE:
		case FORMAT_JSON_MONEY_STRING:
			if (len != 8)
				return false;
			put_money(t, kind, rawnum_i64(data), out);
			return true;
		case FORMAT_JSON_DATE_DAYS:
			return format_json_time_date_days(data, len, out);
		case FORMAT_JSON_DATE_ISO:
			return format_json_time_date_iso(data, len, out);
		case FORMAT_JSON_DATE_LOCAL:
			return format_json_time_date_local(data, len, out);
		case FORMAT_JSON_TIME_MS:
			return format_json_time_time_ms(data, len, out);
		case FORMAT_JSON_TIME_US:
			return format_json_time_time_us(data, len, out);
		case FORMAT_JSON_TIME_NS:
			return format_json_time_time_ns(data, len, out);
		case FORMAT_JSON_TIME_ISO:
			return format_json_time_time_iso(data, len, out);
		case FORMAT_JSON_TIME_LOCAL:
			return format_json_time_time_local(data, len, out);
		case FORMAT_JSON_TIMETZ:
			return format_json_time_timetz(data, len, out);
		case FORMAT_JSON_TIMESTAMP_MS:
			return format_json_time_timestamp_ms(data, len, out);
		case FORMAT_JSON_TIMESTAMP_US:
			return format_json_time_timestamp_us(data, len, out);
		case FORMAT_JSON_TIMESTAMP_NS:
			return format_json_time_timestamp_ns(data, len, out);
		case FORMAT_JSON_TIMESTAMP_ISO:
			return format_json_time_timestamp_iso(data, len, out);
		case FORMAT_JSON_TIMESTAMP_LOCAL:
			return format_json_time_timestamp_local(data, len, out);
		case FORMAT_JSON_TIMESTAMPTZ:
			return format_json_time_timestamptz(data, len, t->scale, out);
		case FORMAT_JSON_INTERVAL_US:
			return format_json_time_interval_us(data, len, out);
		case FORMAT_JSON_INTERVAL_STRING:
			return format_json_time_interval_iso(data, len, out);
		case FORMAT_JSON_UUID:
			if (len != 16)
				return false;
			put_uuid(data, out);
			return true;
		case FORMAT_JSON_STRING:
			jsontext_string(out, data, len);
			return true;
		case FORMAT_JSON_PGTEXT:
			return put_pgtext(oid, data, len, scratch, out);
		case FORMAT_JSON_BINARY:
			format_json_type_binary(t->binary, data, len, out);
			return true;
		case FORMAT_JSON_BIT:
			return put_bit(data, len, out);
		case FORMAT_JSON_BITS:
			return put_bits(data, len, out);
		case FORMAT_JSON_POINT:
			if (len != 16)
				return false;
			put_point(data, out);
			return true;
		case FORMAT_JSON_HSTORE:
		case FORMAT_JSON_HSTORE_MAP:
		case FORMAT_JSON_VECTOR:
		case FORMAT_JSON_HALFVEC:
		case FORMAT_JSON_SPARSEVEC:
		case FORMAT_JSON_GEOMETRY:
		case FORMAT_JSON_GEOGRAPHY:
			return put_text(t, kind, data, len, scratch, out);
		case FORMAT_JSON_NONE:
		case FORMAT_JSON_ARRAY:
		case FORMAT_JSON_TEXT_ARRAY:
			break;
		default:
			return format_json_debezium_put(t, kind, oid, data, len, scratch,
											out);
	}
	return false;
}

bool
format_json_type_put(const struct format_json_type *t, const uint8_t *data,
					 size_t len, struct format_json_scratch *scratch,
					 struct buf *out)
{
	size_t start = out->len;

	if (t->kind == FORMAT_JSON_ARRAY)
		return put_array(t, data, len, scratch, out);
	if (t->kind != FORMAT_JSON_TEXT_ARRAY)
		return format_json_type_put_kind(t, t->kind, t->oid, data, len,
										 scratch, out);

	scratch->no_array = false;
	if (!put_text_array(t, (const char *) data, (const char *) data + len,
						scratch, out))
	{
		if (scratch->no_array)
		{
			out->len = start;
			buf_lit(out, "null");
			return true;
		}

		/* the text of a type that only calls itself an array */
		out->len = start;
		jsontext_string(out, data, len);
	}
	return true;
}

bool
format_json_type_put_header(const struct format_json_type *t,
							const uint8_t *data, size_t len,
							struct format_json_scratch *scratch,
							struct buf				   *out)
{
	struct format_json_type header = *t;

	/* In arrays they are, too, but no header has one of them. */
	format_json_type_use_numbers(&header);
	return format_json_type_put(&header, data, len, scratch, out);
}

/* ------------------------------------------------------------ placeholders */

/* MD5 (RFC 1321) of a short text, for one Java method only. */
static void
md5(const char *text, uint8_t digest[16])
{
	static const uint8_t shifts[4][4] = {
		{7, 12, 17, 22},
		{5, 9, 14, 20},
		{4, 11, 16, 23},
		{6, 10, 15, 21},
	};
	/* floor(2^32 * |sin(i + 1)|) */
	static const uint32_t sines[64] = {
		0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a,
		0xa8304613, 0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be,
		0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340,
		0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
		0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8,
		0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c,
		0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa,
		0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
		0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92,
		0xffeff47d, 0x85845dd1, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1,
		0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
	};
	uint32_t   h[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
	size_t	   len = strlen(text);
	struct buf padded = {0};

	buf_put(&padded, text, len);
	buf_putc(&padded, (char) 0x80);
	while (padded.len % 64 != 56)
		buf_putc(&padded, 0);
	for (int i = 0; i < 8; i++)
		buf_putc(&padded, (char) ((uint64_t) len * 8 >> (8 * i)));

	for (size_t at = 0; at < padded.len; at += 64)
	{
		uint32_t a = h[0];
		uint32_t b = h[1];
		uint32_t c = h[2];
		uint32_t d = h[3];

		for (unsigned i = 0; i < 64; i++)
		{
			unsigned round = i / 16;
			uint32_t f;
			unsigned word;
			unsigned shift = shifts[round][i % 4];

			if (round == 0)
			{
				f = (b & c) | (~b & d);
				word = i;
			}
			else if (round == 1)
			{
				f = (d & b) | (~d & c);
				word = (5 * i + 1) % 16;
			}
			else if (round == 2)
			{
				f = b ^ c ^ d;
				word = (3 * i + 5) % 16;
			}
			else
			{
				f = c ^ (b | ~d);
				word = 7 * i % 16;
			}
			f += a + sines[i] + rawnum_u32(padded.data + at + 4 * word);
			a = d;
			d = c;
			c = b;
			b += f << shift | f >> (32 - shift);
		}
		h[0] += a;
		h[1] += b;
		h[2] += c;
		h[3] += d;
	}
	buf_free(&padded);
	for (int i = 0; i < 16; i++)
		digest[i] = (uint8_t) (h[i / 4] >> (8 * (i % 4)));
}

/* java.util.UUID.nameUUIDFromBytes() */
static void
put_name_uuid(const char *name, struct buf *out)
{
	uint8_t digest[16];

	md5(name, digest);
	digest[6] = (uint8_t) ((digest[6] & 0x0f) | 0x30);
	digest[8] = (uint8_t) ((digest[8] & 0x3f) | 0x80);
	put_uuid(digest, out);
}

void
format_json_type_binary_placeholder(enum format_binary mode,
									const char *placeholder, struct buf *out)
{
	/* Debezium's hex mode has the words themselves, not their hex. */
	if (mode == FORMAT_BINARY_HEX)
		jsontext_string(out, placeholder, strlen(placeholder));
	else
		format_json_type_binary(mode, (const uint8_t *) placeholder,
								strlen(placeholder), out);
}

static void
put_bytes_as_numbers(const char *placeholder, struct buf *out)
{
	for (const char *p = placeholder; *p != 0; p++)
	{
		if (p > placeholder)
			buf_putc(out, ',');
		jsontext_i64(out, (signed char) *p);
	}
}

static void
put_array_placeholder(const struct format_json_type *t,
					  const char *placeholder, struct buf *out)
{
	size_t start = out->len;

	buf_putc(out, '[');
	switch (t->element_oid)
	{
		case PGTEXT_TEXT:
		case PGTEXT_VARCHAR:
		case PGTEXT_BPCHAR:
		case PGTEXT_JSON:
		case PGTEXT_JSONB:
			jsontext_string(out, placeholder, strlen(placeholder));
			break;
		case PGTEXT_BYTEA:
			if (t->debezium && t->binary != FORMAT_BINARY_BYTES)
			{
				out->len = start;
				buf_lit(out, "null");
				return;
			}
			format_json_type_binary_placeholder(t->binary, placeholder, out);
			break;
		case PGTEXT_INT4:
		case PGTEXT_INT8:
			put_bytes_as_numbers(placeholder, out);
			break;
		case PGTEXT_DATE:
			if (t->element == FORMAT_JSON_DATE_DAYS ||
				t->element == FORMAT_JSON_DEBEZIUM_DATE)
				put_bytes_as_numbers(placeholder, out);
			else
				jsontext_string(out, placeholder, strlen(placeholder));
			break;
		case PGTEXT_UUID:
			put_name_uuid(placeholder, out);
			break;
		default:
			out->len = start;
			buf_lit(out, "null");
			return;
	}
	buf_putc(out, ']');
}

/* Of an hstore, of which not even the keys are known. */
static void
put_placeholder_object(const char *placeholder, struct buf *out)
{
	buf_putc(out, '{');
	jsontext_string(out, placeholder, strlen(placeholder));
	buf_putc(out, ':');
	jsontext_string(out, placeholder, strlen(placeholder));
	buf_putc(out, '}');
}

void
format_json_type_placeholder(const struct format_json_type *t,
							 const char *placeholder, struct buf *out)
{
	size_t len = strlen(placeholder);

	switch (t->kind)
	{
		case FORMAT_JSON_STRING:
		case FORMAT_JSON_PGTEXT:
			jsontext_string(out, placeholder, len);
			break;
		case FORMAT_JSON_BINARY:
		case FORMAT_JSON_DEBEZIUM_UNKNOWN:
			if (t->debezium && (t->binary == FORMAT_BINARY_BASE64 ||
								t->binary == FORMAT_BINARY_BASE64_URL))
				buf_lit(out, "null");
			else
				format_json_type_binary_placeholder(t->binary, placeholder,
													out);
			break;
		case FORMAT_JSON_HSTORE:
		{
			struct buf object = {0};

			put_placeholder_object(placeholder, &object);
			jsontext_string(out, object.data, object.len);
			buf_free(&object);
			break;
		}
		case FORMAT_JSON_HSTORE_MAP:
			put_placeholder_object(placeholder, out);
			break;
		case FORMAT_JSON_ARRAY:
			put_array_placeholder(t, placeholder, out);
			break;
		default:
			buf_lit(out, "null");
			break;
	}
}
