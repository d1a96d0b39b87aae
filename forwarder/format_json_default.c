/*
 * format_json_default.c - what Debezium shows where a column has no value;
 * see format_json_default.h.
 *
 * A default is an expression as pg_get_expr() shows it.  Debezium's reading
 * of it: a call of a function is the type's zero; else it is what stands
 * between the first two quotes, so that 'it''s' is "it"; else the expression
 * itself, if the type can make something of it.  The value is made in
 * PostgreSQL's own form, and written as any other.
 */
#include "format_json_default.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format_json_extension.h"
#include "jsontext.h"
#include "pgtext.h"

#define US_PER_DAY PGTEXT_DATETIME_USECS_PER_DAY
#define US_PER_SECOND PGTEXT_DATETIME_USECS_PER_SEC

/* Digits of a numeric default that are read. */
#define NUMERIC_DIGITS_MAX 1000

/* ------------------------------------------------------------- raw values */

static void
put_le(struct buf *out, uint64_t v, int n)
{
	for (int i = 0; i < n; i++, v >>= 8)
		buf_putc(out, (char) v);
}

static void
put_double(struct buf *out, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	put_le(out, bits, 8);
}

static void
put_single(struct buf *out, float v)
{
	uint32_t bits;

	memcpy(&bits, &v, sizeof(bits));
	put_le(out, bits, 4);
}

/* Decimals of a numeric, -1: any; one with a negative scale has none. */
static int
scale_of(const struct change_column *column)
{
	int scale;

	if (column->base.typmod < 4)
		return -1;
	scale = (column->base.typmod - 4) & 0x7ff;
	return scale < 1024 ? scale : 0;
}

/* [-]digits[.digits], with as many decimals as 'scale' says, if it is >= 0. */
static bool
put_numeric(struct buf *out, const char *s, int scale)
{
	char	 digits[NUMERIC_DIGITS_MAX + 8] = {0};
	size_t	 n = 0;
	size_t	 whole;
	size_t	 decimals = 0;
	bool	 negative = *s == '-';
	size_t	 lead;
	size_t	 groups;
	unsigned header;

	if (*s == '-' || *s == '+')
		s++;

	/* the whole part is filled up to groups of four */
	whole = strspn(s, "0123456789");
	if (whole == 0 || whole > NUMERIC_DIGITS_MAX / 2)
		return false;
	lead = (4 - whole % 4) % 4;
	memset(digits, '0', lead);
	n = lead;
	memcpy(digits + n, s, whole);
	n += whole;
	s += whole;
	if (*s == '.')
	{
		decimals = strspn(++s, "0123456789");
		if (decimals > NUMERIC_DIGITS_MAX / 2 - 8)
			return false;
		memcpy(digits + n, s, decimals);
		n += decimals;
		s += decimals;
	}
	if (*s != '\0')
		return false;
	while (n % 4 != 0)
		digits[n++] = '0';
	if (scale < 0)
		scale = (int) decimals;

	/* long form: sign and dscale, weight, digits without zeros in front */
	groups = n / 4;
	lead = 0;
	while (lead < groups && memcmp(digits + 4 * lead, "0000", 4) == 0)
		lead++;
	header = (negative ? 0x4000u : 0u) | (unsigned) scale;
	put_le(out, header, 2);
	put_le(out, (uint64_t) ((int64_t) ((whole + 3) / 4) - 1 - (int64_t) lead),
		   2);
	while (groups > lead && memcmp(digits + 4 * (groups - 1), "0000", 4) == 0)
		groups--;
	for (size_t i = lead; i < groups; i++)
	{
		char group[5] = {0};

		memcpy(group, digits + 4 * i, 4);
		put_le(out, strtoul(group, NULL, 10), 2);
	}
	return true;
}

/* Exactly 'n' digits at *s, which is moved behind them. */
static bool
read_digits(const char **s, int n, int *v)
{
	*v = 0;
	for (int i = 0; i < n; i++, ++*s)
	{
		if (!isdigit((unsigned char) **s))
			return false;
		*v = *v * 10 + **s - '0';
	}
	return true;
}

static bool
skip(const char **s, char c)
{
	if (**s != c)
		return false;
	++*s;
	return true;
}

/* YYYY-MM-DD, as days from 2000-01-01. */
static bool
read_date(const char **s, int64_t *days)
{
	int year;
	int month;
	int mday;

	if (!read_digits(s, 4, &year) || !skip(s, '-') ||
		!read_digits(s, 2, &month) || !skip(s, '-') ||
		!read_digits(s, 2, &mday) || year < 1 || month < 1 || month > 12 ||
		mday < 1 || mday > 31)
		return false;
	*days = pgtext_datetime_day(year, month, mday);
	return true;
}

/* HH:MM:SS[.ffffff], as microseconds. */
static bool
read_time(const char **s, int64_t *us)
{
	int hours;
	int minutes;
	int seconds;

	if (!read_digits(s, 2, &hours) || !skip(s, ':') ||
		!read_digits(s, 2, &minutes) || !skip(s, ':') ||
		!read_digits(s, 2, &seconds))
		return false;
	*us = ((hours * INT64_C(60) + minutes) * 60 + seconds) * US_PER_SECOND;
	if (skip(s, '.'))
	{
		int64_t unit = US_PER_SECOND / 10;

		for (; isdigit((unsigned char) **s); ++*s, unit /= 10)
			*us += (**s - '0') * unit;
	}
	return true;
}

static bool
read_timestamp(const char **s, int64_t *us)
{
	int64_t days;

	if (!read_date(s, &days) || !skip(s, ' ') || !read_time(s, us))
		return false;
	*us += days * US_PER_DAY;
	return true;
}

/* 1 year 2 mons 3 days -04:05:06.78 */
static bool
put_interval(struct buf *out, const char *s)
{
	int64_t us = 0;
	long	days = 0;
	long	months = 0;

	while (*s != '\0')
	{
		char *end;
		long  n = strtol(s, &end, 10);

		if (end == s)
			return false;
		if (*end == ':')
		{
			bool negative = *s == '-';

			if (*s == '-' || *s == '+')
				s++;
			if (!read_time(&s, &us) || *s != '\0')
				return false;
			if (negative)
				us = -us;
			break;
		}
		if (n < -100000000 || n > 100000000)
			return false;
		if (strncmp(end, " year", 5) == 0)
			months += 12 * n;
		else if (strncmp(end, " mon", 4) == 0)
			months += n;
		else if (strncmp(end, " day", 4) == 0)
			days += n;
		else
			return false;
		s = end + 1;
		s += strcspn(s, " ");
		s += strspn(s, " ");
	}
	put_le(out, (uint64_t) us, 8);
	put_le(out, (uint64_t) days, 4);
	put_le(out, (uint64_t) months, 4);
	return true;
}

static bool
put_uuid(struct buf *out, const char *s)
{
	int n = 0;

	for (; *s != '\0'; s++)
	{
		char  pair[3] = {s[0], s[1], '\0'};
		char *end;

		if (*s == '-')
			continue;
		if (++n > 16 || !isxdigit((unsigned char) pair[0]) ||
			!isxdigit((unsigned char) pair[1]))
			return false;
		buf_putc(out, (char) strtoul(pair, &end, 16));
		s++;
	}
	return n == 16;
}

static bool
put_bits(struct buf *out, const char *s)
{
	size_t n = strlen(s);

	if (strspn(s, "01") != n)
		return false;
	put_le(out, n, 4);
	for (size_t i = 0; i < n; i += 8)
	{
		unsigned byte = 0;

		for (size_t j = 0; j < 8; j++)
			byte = byte << 1 | (i + j < n && s[i + j] == '1');
		buf_putc(out, (char) byte);
	}
	return true;
}

static bool
put_integer(struct buf *out, const char *s, int bytes)
{
	char	 *end;
	long long v = strtoll(s, &end, 10);

	if (end == s || *end != '\0')
		return false;
	put_le(out, (uint64_t) v, bytes);
	return true;
}

/*
 * The text of a default as a raw value, of those types of which Debezium
 * reads defaults.
 */
static bool
put_raw(const struct change_column *column, const char *s, struct buf *out)
{
	char   *end;
	int64_t us;

	switch (column->base.oid)
	{
		case PGTEXT_BOOL:
			buf_putc(out, (char) (strcasecmp(s, "true") == 0));
			return true;
		case PGTEXT_INT2:
			return put_integer(out, s, 2);
		case PGTEXT_INT4:
			return put_integer(out, s, 4);
		case PGTEXT_INT8:
			return put_integer(out, s, 8);
		case PGTEXT_FLOAT4:
			put_single(out, strtof(s, &end));
			return end != s && *end == '\0';
		case PGTEXT_FLOAT8:
			put_double(out, strtod(s, &end));
			return end != s && *end == '\0';
		case PGTEXT_NUMERIC:
			return put_numeric(out, s, scale_of(column));
		case PGTEXT_DATE:
			if (!read_date(&s, &us) || *s != '\0')
				return false;
			put_le(out, (uint64_t) us, 4);
			return true;
		case PGTEXT_TIME:
			if (!read_time(&s, &us) || *s != '\0')
				return false;
			put_le(out, (uint64_t) us, 8);
			return true;
		case PGTEXT_TIMESTAMP:
			if (!read_timestamp(&s, &us) || *s != '\0')
				return false;
			put_le(out, (uint64_t) us, 8);
			return true;
		case PGTEXT_TIMESTAMPTZ:
			/* the decoder's time zone is UTC */
			if (!read_timestamp(&s, &us) || strcmp(s, "+00") != 0)
				return false;
			put_le(out, (uint64_t) us, 8);
			return true;
		case PGTEXT_INTERVAL:
			return put_interval(out, s);
		case PGTEXT_UUID:
			return put_uuid(out, s);
		case PGTEXT_BIT:
		case PGTEXT_VARBIT:
			return put_bits(out, s);
		default:
			return false;
	}
}

/* ------------------------------------------------------------------- zeros */

/*
 * The type's zero as a raw value; false if it is none of those that have one
 * (the others are texts, arrays and structs).
 */
static bool
put_raw_zero(const struct change_column *column, struct buf *out)
{
	switch (column->base.oid)
	{
		case PGTEXT_BOOL:
			put_le(out, 0, 1);
			return true;
		case PGTEXT_INT2:
			put_le(out, 0, 2);
			return true;
		case PGTEXT_INT4:
		case PGTEXT_OID:
		case PGTEXT_FLOAT4:
			put_le(out, 0, 4);
			return true;
		case PGTEXT_INT8:
		case PGTEXT_FLOAT8:
		case PGTEXT_MONEY:
		case PGTEXT_TIME:
			put_le(out, 0, 8);
			return true;
		case PGTEXT_NUMERIC:
			return put_numeric(out, "0", scale_of(column));
		case PGTEXT_DATE:
			put_le(out, (uint64_t) - (int64_t) PGTEXT_DATETIME_UNIX_DAYS, 4);
			return true;
		case PGTEXT_TIMESTAMP:
		case PGTEXT_TIMESTAMPTZ:
			put_le(out, (uint64_t) (-PGTEXT_DATETIME_UNIX_DAYS * US_PER_DAY),
				   8);
			return true;
		case PGTEXT_TIMETZ:
			put_le(out, 0, 12);
			return true;
		case PGTEXT_INTERVAL:
		case PGTEXT_POINT:
			put_le(out, 0, 8);
			put_le(out, 0, 8);
			return true;
		case PGTEXT_BIT:
		case PGTEXT_VARBIT:
			if (column->base.typmod != 1)
				return put_bits(out, "");
			return put_bits(out, "0");
		default:
			return false;
	}
}

void
format_json_default_zero(const struct format_json_type *t,
						 const struct change_column	   *column,
						 format_json_type_put_fn	   *put,
						 struct format_json_scratch *scratch, struct buf *out)
{
	struct buf raw = {0};

	switch (t->kind)
	{
		case FORMAT_JSON_ARRAY:
		case FORMAT_JSON_TEXT_ARRAY:
		case FORMAT_JSON_VECTOR:
		case FORMAT_JSON_HALFVEC:
		case FORMAT_JSON_DEBEZIUM_VECTOR:
		case FORMAT_JSON_DEBEZIUM_VECTORS:
			buf_lit(out, "[]");
			break;
		case FORMAT_JSON_HSTORE:
			buf_lit(out, "\"{}\"");
			break;
		case FORMAT_JSON_HSTORE_MAP:
			buf_lit(out, "{}");
			break;
		case FORMAT_JSON_GEOMETRY:
		case FORMAT_JSON_GEOGRAPHY:
			format_json_extension_no_geometry(out);
			break;
		case FORMAT_JSON_DEBEZIUM_NOTHING:
			buf_puts(out, t->nothing);
			break;
		case FORMAT_JSON_TIMESTAMPTZ:
			/* whatever its precision */
			buf_lit(out, "\"1970-01-01T00:00:00Z\"");
			break;
		default:
			if (column->encoding == CHANGE_TEXT ||
				t->kind == FORMAT_JSON_DEBEZIUM_UNKNOWN ||
				!put_raw_zero(column, &raw) ||
				!put(t, raw.data, raw.len, scratch, out))
				buf_lit(out, "\"\"");
			break;
	}
	buf_free(&raw);
}

/* ---------------------------------------------------------------- defaults */

static bool
is_text(const struct change_column *column)
{
	switch (column->base.oid)
	{
		case PGTEXT_TEXT:
		case PGTEXT_VARCHAR:
		case PGTEXT_BPCHAR:
		case PGTEXT_JSON:
		case PGTEXT_JSONB:
		case PGTEXT_XML:
			return true;
		default:
			return column->kind == 'e';
	}
}

/* now(), (nextval('s'::regclass))::text ... */
static bool
is_call(const char *s)
{
	size_t n;

	if (*s == '(')
		s++;
	n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				  "0123456789_.");
	return n > 0 && s[n] == '(' && strchr(s + n, ')') != NULL;
}

/* CURRENT_DATE and the like are calls as well, where a time is wanted. */
static bool
is_now(const struct change_column *column, const char *s)
{
	switch (column->base.oid)
	{
		case PGTEXT_DATE:
		case PGTEXT_TIME:
		case PGTEXT_TIMESTAMP:
		case PGTEXT_TIMESTAMPTZ:
			return strncmp(s, "CURRENT_", 8) == 0 ||
				   strncmp(s, "LOCALTIME", 9) == 0;
		default:
			return false;
	}
}

/* Of a type of which Debezium reads defaults, and shows them. */
static bool
has_defaults(const struct format_json_type *t,
			 const struct change_column	   *column)
{
	if (column->kind == 'd' || t->kind == FORMAT_JSON_DECIMAL_VARIABLE)
		return false;
	switch (column->base.oid)
	{
		case PGTEXT_BOOL:
		case PGTEXT_INT2:
		case PGTEXT_INT4:
		case PGTEXT_INT8:
		case PGTEXT_FLOAT4:
		case PGTEXT_FLOAT8:
		case PGTEXT_NUMERIC:
		case PGTEXT_DATE:
		case PGTEXT_TIME:
		case PGTEXT_TIMESTAMP:
		case PGTEXT_TIMESTAMPTZ:
		case PGTEXT_INTERVAL:
		case PGTEXT_UUID:
		case PGTEXT_BIT:
		case PGTEXT_VARBIT:
			return true;
		default:
			return is_text(column);
	}
}

/* What stands between the first two quotes, or all; false: over lines. */
static bool
first_literal(const char *s, struct buf *out)
{
	const char *open = strchr(s, '\'');
	const char *close = open != NULL ? strchr(open + 1, '\'') : NULL;

	if (strchr(s, '\n') != NULL)
		return false;
	if (close != NULL)
		buf_put(out, open + 1, (size_t) (close - open) - 1);
	else
		buf_puts(out, s);
	return true;
}

bool
format_json_default_put(const struct format_json_type *t,
						const struct change_column	  *column,
						format_json_type_put_fn		  *put,
						struct format_json_scratch *scratch, struct buf *out)
{
	const char *expr = column->default_expr;
	size_t		start = out->len;
	struct buf	literal = {0};
	struct buf	raw = {0};
	bool		done = false;

	if (expr == NULL || strncmp(expr, "NULL", 4) == 0 ||
		!has_defaults(t, column))
		return false;
	if (is_call(expr) || is_now(column, expr))
	{
		if (is_text(column))
			buf_lit(out, "\"\"");
		else
		{
			if (column->base.oid == PGTEXT_UUID)
				(void) put_uuid(&raw, "00000000000000000000000000000000");
			else
				(void) put_raw_zero(column, &raw);
			(void) put(t, raw.data, raw.len, scratch, out);
		}
		done = true;
	}
	else if (first_literal(expr, &literal))
	{
		if (is_text(column))
		{
			jsontext_string(out, literal.data, literal.len);
			done = true;
		}
		else
			done = put_raw(column, buf_cstr(&literal), &raw) &&
				   put(t, raw.data, raw.len, scratch, out);
	}
	buf_free(&literal);
	buf_free(&raw);
	if (!done)
		out->len = start;
	return done;
}
