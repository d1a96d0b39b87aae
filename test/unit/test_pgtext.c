/* links: pgtext pgtext_numeric pgtext_float pgtext_datetime pgtext_net pgtext_geo pgtext_bits pgtext_jsonb pgtext_ts pgtext_array pgtext_range pgtext_xml buf */
/*
 * test_pgtext.c - the text of on-disk values, and what damaged ones do.
 *
 * test/values compares random values with a server; here are the fixed ones,
 * the forms that are no text, and every kind of damage.  All input lies in
 * memory of exactly its size, so that the sanitizers see a byte too many.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pgtext.h"
#include "pgtext_float_table.h"
#include "pgtext_golden.h"

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

__extension__ typedef unsigned __int128 uint128;

static uint64_t
next_random(uint64_t *state)
{
	/* splitmix64 */
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static uint8_t *
exact_copy(const uint8_t *data, size_t len)
{
	uint8_t *p = malloc(len > 0 ? len : 1);

	assert_non_null(p);
	if (len > 0)
		memcpy(p, data, len);
	return p;
}

static uint8_t *
from_hex(const char *hex, size_t *len)
{
	uint8_t *p;

	*len = strlen(hex) / 2;
	p = malloc(*len > 0 ? *len : 1);
	assert_non_null(p);
	for (size_t i = 0; i < *len; i++)
	{
		char digits[3] = {hex[2 * i], hex[2 * i + 1], 0};

		p[i] = (uint8_t) strtoul(digits, NULL, 16);
	}
	return p;
}

static void
assert_hex(const struct buf *b, const char *hex)
{
	size_t	 len;
	uint8_t *want = from_hex(hex, &len);

	assert_int_equal(b->len, len);
	if (len > 0)
		assert_memory_equal(b->data, want, len);
	free(want);
}

static enum pgtext_status
append_exact(struct buf *out, uint32_t oid, const uint8_t *data, size_t len)
{
	uint8_t			  *copy = exact_copy(data, len);
	enum pgtext_status status = pgtext_append(out, oid, copy, len);

	free(copy);
	return status;
}

static void
golden_values_read_as_the_server_shows_them(void **state)
{
	struct buf out = {0};

	(void) state;
	for (size_t i = 0; i < LENGTH(goldens); i++)
	{
		size_t	 len;
		uint8_t *raw = from_hex(goldens[i].raw, &len);

		buf_reset(&out);
		assert_int_equal(pgtext_append(&out, goldens[i].oid, raw, len),
						 PGTEXT_OK);
		assert_string_equal(buf_cstr(&out), goldens[i].text);
		free(raw);
	}
	buf_free(&out);
}

static void
char_above_7f_is_octal(void **state)
{
	struct buf out = {0};

	(void) state;
	assert_int_equal(append_exact(&out, PGTEXT_CHAR, (const uint8_t *) "\xff",
								  1),
					 PGTEXT_OK);
	assert_string_equal(buf_cstr(&out), "\\377");
	buf_free(&out);
}

static void
interval_at_all_limits_is_infinity(void **state)
{
	struct buf out = {0};
	size_t	   len;
	uint8_t	  *raw = from_hex("ffffffffffffff7fffffff7fffffff7f", &len);

	(void) state;
	assert_int_equal(pgtext_append(&out, PGTEXT_INTERVAL, raw, len),
					 PGTEXT_OK);
	assert_string_equal(buf_cstr(&out), "infinity");
	free(raw);
	raw = from_hex("00000000000000800000008000000080", &len);
	buf_reset(&out);
	assert_int_equal(pgtext_append(&out, PGTEXT_INTERVAL, raw, len),
					 PGTEXT_OK);
	assert_string_equal(buf_cstr(&out), "-infinity");
	free(raw);
	buf_free(&out);
}

/*
 * Whatever the damage: no byte beyond the value is read, the buffer keeps what
 * was in it, and gets nothing more if the value is refused.
 */
static void
assert_survives(struct buf *out, uint32_t oid, const uint8_t *data, size_t len)
{
	enum pgtext_status status;

	buf_reset(out);
	buf_lit(out, "before");
	status = append_exact(out, oid, data, len);
	assert_true(status == PGTEXT_OK || status == PGTEXT_CORRUPT);
	if (status != PGTEXT_OK)
		assert_int_equal(out->len, 6);
	assert_memory_equal(out->data, "before", 6);
}

static void
every_prefix_is_refused_or_read(void **state)
{
	struct buf out = {0};
	size_t	   refused = 0;

	(void) state;
	for (size_t i = 0; i < LENGTH(goldens); i++)
	{
		size_t	 len;
		uint8_t *raw = from_hex(goldens[i].raw, &len);

		for (size_t n = 0; n < len; n++)
		{
			assert_survives(&out, goldens[i].oid, raw, n);
			refused += out.len == 6;
		}
		free(raw);
	}
	/* but for strings, hardly a prefix is a value */
	assert_true(refused > 3900);
	buf_free(&out);
}

static void
random_damage_is_refused_or_read(void **state)
{
	struct buf out = {0};
	uint64_t   seed = 42;

	(void) state;
	for (size_t i = 0; i < LENGTH(goldens); i++)
	{
		size_t	 len;
		uint8_t *raw = from_hex(goldens[i].raw, &len);
		uint8_t *bad = exact_copy(raw, len);

		for (int round = 0; len > 0 && round < 500; round++)
		{
			memcpy(bad, raw, len);
			for (uint64_t n = 1 + next_random(&seed) % 4; n > 0; n--)
			{
				size_t at = next_random(&seed) % len;

				switch (next_random(&seed) % 4)
				{
					case 0:
						bad[at] ^= (uint8_t) (1u << next_random(&seed) % 8);
						break;
					case 1:
						bad[at] = 0xff;
						break;
					case 2:
						bad[at] = 0;
						break;
					default:
						bad[at] = (uint8_t) next_random(&seed);
				}
			}
			assert_survives(&out, goldens[i].oid, bad, len);
		}
		free(raw);
		free(bad);
	}
	buf_free(&out);
}

static void
one_byte_too_many_is_refused_where_lengths_are_fixed(void **state)
{
	struct buf out = {0};

	(void) state;
	for (size_t i = 0; i < LENGTH(goldens); i++)
	{
		size_t	 len;
		int16_t	 typlen;
		uint8_t	 align;
		uint8_t *raw, *longer;

		assert_true(pgtext_storage(goldens[i].oid, &typlen, &align));
		if (typlen < 0 || goldens[i].oid == PGTEXT_NAME)
			continue;
		raw = from_hex(goldens[i].raw, &len);
		assert_int_equal(len, typlen);
		longer = calloc(1, len + 1);
		assert_non_null(longer);
		memcpy(longer, raw, len);
		assert_int_equal(pgtext_append(&out, goldens[i].oid, longer, len + 1),
						 PGTEXT_CORRUPT);
		assert_int_equal(out.len, 0);
		free(longer);
		free(raw);
	}
	buf_free(&out);
}

static void
values_no_server_makes_are_corrupt(void **state)
{
	static const struct
	{
		uint32_t	oid;
		const char *raw;
	} bad[] = {
		{PGTEXT_TIMESTAMP, "0100000000000080"}, /* before 4714 BC */
		{PGTEXT_TIMESTAMP, "feffffffffffff7f"}, /* after 294276 */
		{PGTEXT_DATE, "feffff7f"},
		{PGTEXT_DATE, "01000080"},
		{PGTEXT_TIME, "016078d41d000000"}, /* past 24:00 */
		{PGTEXT_TIME, "ffffffffffffffff"},
		{PGTEXT_TIMETZ, "000000000000000000e10000"}, /* 16 hours west */
		{PGTEXT_NUMERIC, "0080"
						 "1027"}, /* digit 10000 */
		{PGTEXT_NUMERIC, "00e0"}, /* unknown special */
		{PGTEXT_NUMERIC, "00c0"
						 "0100"},	   /* NaN with digits */
		{PGTEXT_INET, "04200a010203"}, /* family */
		{PGTEXT_INET, "02210a010203"}, /* 33 bits */
		{PGTEXT_VARBIT, "ffffffff"},
		{PGTEXT_VARBIT, "0900000000"},
		{1007, "070000000000000017000000"}, /* seven dimensions */
		{1007, "ffffffff0000000017000000"},
		{1007, "01000000000000001700000000000040"
			   "01000000"},
		{1007, "0100000000000000170000000200000001000000"
			   "01000000"},
		{1007, "01000000ffffff7f170000000100000001000000"
			   "01000000"},
		/* an element that claims to live elsewhere */
		{1009, "0100000000000000190000000100000001000000"
			   "0112"},
		{PGTEXT_INT4RANGE, "420f0000"
						   "01"},	/* another type's */
		{PGTEXT_JSONB, "00000000"}, /* neither array nor object */
		{PGTEXT_JSONB, "01000050"}, /* scalar without its value */
		{PGTEXT_JSONB, "00000050"},
		{PGTEXT_TSQUERY, "01000000"
						 "020100000000000000000000"},
		/* both operands the same item */
		{PGTEXT_TSQUERY, "02000000"
						 "020200000100000000000000"
						 "010000000000000001000000"
						 "6100"},
		{PGTEXT_PATH, "020000000000000000000000"
					  "00000000000000000000000000000000"},
	};
	struct buf out = {0};

	(void) state;
	for (size_t i = 0; i < LENGTH(bad); i++)
	{
		size_t	 len;
		uint8_t *raw = from_hex(bad[i].raw, &len);

		if (pgtext_append(&out, bad[i].oid, raw, len) != PGTEXT_CORRUPT)
			fail_msg("type %u: %s was read as %s", bad[i].oid, bad[i].raw,
					 buf_cstr(&out));
		free(raw);
	}
	buf_free(&out);
}

static void
types_are_known_with_their_arrays(void **state)
{
	struct buf out = {0};
	int16_t	   len;
	uint8_t	   align;

	(void) state;
	assert_true(pgtext_knows(PGTEXT_INT4));
	assert_true(pgtext_knows(1007));
	assert_true(pgtext_knows(6157));
	assert_false(pgtext_knows(0));
	assert_false(pgtext_knows(4072)); /* jsonpath */
	assert_false(pgtext_knows(16384));
	assert_int_equal(pgtext_element_type(1007), PGTEXT_INT4);
	assert_int_equal(pgtext_element_type(1020), PGTEXT_BOX);
	assert_int_equal(pgtext_element_type(PGTEXT_INT4), 0);
	assert_int_equal(pgtext_element_type(PGTEXT_INT2VECTOR), 0);
	assert_int_equal(pgtext_element_type(16384), 0);
	assert_true(pgtext_storage(PGTEXT_TIMETZ, &len, &align));
	assert_int_equal(len, 12);
	assert_int_equal(align, 8);
	assert_true(pgtext_storage(1016, &len, &align));
	assert_int_equal(len, -1);
	assert_int_equal(align, 8);
	assert_false(pgtext_storage(16384, &len, &align));
	assert_int_equal(pgtext_append(&out, 16384, (const uint8_t *) "a", 1),
					 PGTEXT_UNKNOWN_TYPE);
	assert_int_equal(out.len, 0);
	buf_free(&out);
}

/* ---- numeric ---- */

/* The numeric of a decimal, in the short or else the long form. */
static void
make_numeric(struct buf *out, const char *text)
{
	bool		negative = *text == '-';
	const char *digits = text + negative;
	const char *point = strchr(digits, '.');
	size_t		before = point ? (size_t) (point - digits) : strlen(digits);
	size_t		dscale = point ? strlen(point + 1) : 0;
	size_t		groups = (before + 3) / 4;
	size_t		total = groups + (dscale + 3) / 4;
	size_t		first = 0;
	uint16_t   *d = calloc(total + 1, sizeof(*d));
	int			weight;

	assert_non_null(d);
	for (size_t i = 0; i < before + dscale; i++)
	{
		size_t				  at = i + (4 * groups - before);
		static const uint16_t unit[] = {1000, 100, 10, 1};
		char				  c = digits[i < before ? i : i + 1];

		d[at / 4] = (uint16_t) (d[at / 4] + (c - '0') * unit[at % 4]);
	}
	while (total > 0 && d[total - 1] == 0)
		total--;
	while (first < total && d[first] == 0)
		first++;
	weight = total > first ? (int) groups - 1 - (int) first : 0;
	buf_reset(out);
	if (dscale <= 63 && weight >= -64 && weight <= 63)
	{
		unsigned h = 0x8000u | (negative ? 0x2000u : 0) |
					 (unsigned) dscale << 7 | ((unsigned) weight & 0x7f);

		buf_putc(out, (char) h);
		buf_putc(out, (char) (h >> 8));
	}
	else
	{
		unsigned h = (negative ? 0x4000u : 0) | (unsigned) dscale;

		buf_putc(out, (char) h);
		buf_putc(out, (char) (h >> 8));
		buf_putc(out, (char) weight);
		buf_putc(out, (char) (weight >> 8));
	}
	for (size_t i = first; i < total; i++)
	{
		buf_putc(out, (char) d[i]);
		buf_putc(out, (char) (d[i] >> 8));
	}
	free(d);
}

static struct pgtext_numeric
read_numeric(struct buf *raw, const char *text)
{
	struct pgtext_numeric n;

	make_numeric(raw, text);
	assert_int_equal(pgtext_numeric_read(&n, raw->data, raw->len), PGTEXT_OK);
	return n;
}

static void
numeric_text_keeps_every_digit(void **state)
{
	static const char *const texts[] = {
		"0",
		"1",
		"-1",
		"9",
		"10",
		"99",
		"100",
		"999",
		"1000",
		"9999",
		"10000",
		"0.1",
		"0.0001",
		"0.00010",
		"-0.00001",
		"123456789.987654321",
		"100000000000000000000.00000000000000000001",
	};
	struct buf raw = {0}, out = {0};

	(void) state;
	for (size_t i = 0; i < LENGTH(texts); i++)
	{
		struct pgtext_numeric n = read_numeric(&raw, texts[i]);

		buf_reset(&out);
		pgtext_numeric_text(&out, &n);
		assert_string_equal(buf_cstr(&out), texts[i]);
	}
	buf_free(&raw);
	buf_free(&out);
}

static void
numeric_min_scale_drops_trailing_zeros(void **state)
{
	static const struct
	{
		const char *text;
		int			scale;
	} cases[] = {
		{"0", 0},		  {"0.000", 0},	   {"10.1111", 4}, {"1.10", 1},
		{"1.00000", 0},	  {"100", 0},	   {"1000000", 0}, {"0.00001", 5},
		{"0.0001000", 4}, {"-12.3450", 3}, {"10000.5", 1},
	};
	struct buf raw = {0};

	(void) state;
	for (size_t i = 0; i < LENGTH(cases); i++)
	{
		struct pgtext_numeric n = read_numeric(&raw, cases[i].text);

		assert_int_equal(pgtext_numeric_min_scale(&n), cases[i].scale);
	}
	buf_free(&raw);
}

static void
numeric_unscaled_is_javas(void **state)
{
	static const struct
	{
		const char *text;
		int			scale;
		const char *hex;
	} cases[] = {
		{"0", 0, "00"},
		{"0", 5, "00"},
		{"0.00", -3, "00"},
		{"1", 0, "01"},
		{"-1", 0, "ff"},
		{"127", 0, "7f"},
		{"128", 0, "0080"},
		{"-128", 0, "80"},
		{"-129", 0, "ff7f"},
		{"255", 0, "00ff"},
		{"256", 0, "0100"},
		{"-256", 0, "ff00"},
		{"-255", 0, "ff01"},
		{"32768", 0, "008000"},
		{"-32768", 0, "8000"},
		/* Debezium's own examples: 1.1 in numeric(3,2), 10.1111 */
		{"1.1", 2, "6e"},
		{"10.1111", 4, "018af7"},
		{"3.14", 2, "013a"},
		{"-1234.11", 2, "fe1ded"},
		{"9223372036854775807", 0, "7fffffffffffffff"},
		{"9223372036854775808", 0, "008000000000000000"},
		{"-9223372036854775808", 0, "8000000000000000"},
		{"-9223372036854775809", 0, "ff7fffffffffffffff"},
		{"18446744073709551615", 0, "00ffffffffffffffff"},
		{"18446744073709551616", 0, "010000000000000000"},
		{"-18446744073709551616", 0, "ff0000000000000000"},
		{"340282366920938463463374607431768211456", 0,
		 "0100000000000000000000000000000000"},
		/* larger scale: zeros */
		{"1", 1, "0a"},
		{"1", 4, "2710"},
		{"1", 20, "056bc75e2d63100000"},
		{"10000", 2, "0f4240"},
		/* smaller: half away from zero */
		{"1.4", 0, "01"},
		{"1.5", 0, "02"},
		{"2.5", 0, "03"},
		{"-1.5", 0, "fe"},
		{"-2.5", 0, "fd"},
		{"-1.4", 0, "ff"},
		{"0.5", 0, "01"},
		{"0.4999999999", 0, "00"},
		{"-0.5", 0, "ff"},
		{"-0.4", 0, "00"},
		{"0.05", 1, "01"},
		{"0.04999", 1, "00"},
		{"0.00005", 4, "01"},
		{"0.00004", 4, "00"},
		{"0.000049", 4, "00"},
		{"0.0000000001", 2, "00"},
		{"127.5", 0, "0080"},
		{"9999.9999", 3, "00989680"},
		{"12345.6789", 2, "12d688"},
		/* negative scale, as numeric(3,-2) has it */
		{"12345", -2, "7b"},
		{"12350", -2, "7c"},
		{"12345", -4, "01"},
		{"12345", -5, "00"},
		{"50000", -5, "01"},
		{"49999", -5, "00"},
		{"-50000", -5, "ff"},
		{"1000000", -6, "01"},
		{"12345", -9, "00"},
	};
	struct buf			  raw = {0}, out = {0};
	struct pgtext_numeric n;

	(void) state;
	for (size_t i = 0; i < LENGTH(cases); i++)
	{
		n = read_numeric(&raw, cases[i].text);
		buf_reset(&out);
		assert_true(pgtext_numeric_unscaled(&out, &n, cases[i].scale));
		assert_hex(&out, cases[i].hex);
	}
	buf_reset(&out);
	assert_int_equal(pgtext_numeric_read(&n, (const uint8_t *) "\x00\xc0", 2),
					 PGTEXT_OK);
	assert_false(pgtext_numeric_unscaled(&out, &n, 0));
	assert_int_equal(pgtext_numeric_read(&n, (const uint8_t *) "\x00\xd0", 2),
					 PGTEXT_OK);
	assert_false(pgtext_numeric_unscaled(&out, &n, 0));
	n = read_numeric(&raw, "1");
	assert_false(pgtext_numeric_unscaled(&out, &n, 1000000));
	assert_int_equal(out.len, 0);
	buf_free(&raw);
	buf_free(&out);
}

/* Against __int128 arithmetic: every scale, every rounding. */
static void
numeric_unscaled_agrees_with_arithmetic(void **state)
{
	struct buf raw = {0}, out = {0};
	uint64_t   seed = 7;

	(void) state;
	for (int round = 0; round < 50000; round++)
	{
		uint64_t v = next_random(&seed) >> next_random(&seed) % 64;
		int		 dscale = (int) (next_random(&seed) % 12);
		int		 scale = (int) (next_random(&seed) % 24) - 6;
		bool	 negative = next_random(&seed) % 2 && v != 0;
		char	 digits[64];
		char	 text[80];
		uint128	 want = v;
		uint128	 got = 0;
		struct pgtext_numeric n;
		size_t				  len;

		snprintf(digits, sizeof(digits), "%0*llu", dscale + 1,
				 (unsigned long long) v);
		len = strlen(digits) - (size_t) dscale;
		snprintf(text, sizeof(text), "%s%.*s%s%s", negative ? "-" : "",
				 (int) len, digits, dscale ? "." : "", digits + len);
		n = read_numeric(&raw, text);
		for (int i = dscale; i < scale; i++)
			want *= 10;
		if (scale < dscale)
		{
			uint128 cut = 1;

			for (int i = scale; i < dscale; i++)
				cut *= 10;
			want = (want + cut / 2) / cut;
		}
		if (negative)
			want = 0 - want;
		buf_reset(&out);
		assert_true(pgtext_numeric_unscaled(&out, &n, scale));
		if (out.data[0] & 0x80)
			got = ~(uint128) 0;
		assert_true(out.len <= 16);
		for (size_t i = 0; i < out.len; i++)
			got = got << 8 | out.data[i];
		assert_true(got == want);
		/* no byte that only repeats the sign */
		assert_false(out.len > 1 && out.data[0] == 0 && !(out.data[1] & 0x80));
		assert_false(out.len > 1 && out.data[0] == 0xff &&
					 (out.data[1] & 0x80));
	}
	buf_free(&raw);
	buf_free(&out);
}

static void
numeric_unscaled_takes_the_longest(void **state)
{
	struct buf			  raw = {0}, out = {0};
	char				 *text = malloc(131072 + 1 + 16383 + 1);
	struct pgtext_numeric n;

	(void) state;
	assert_non_null(text);
	memset(text, '9', 131072 + 1 + 16383);
	text[131072] = '.';
	text[131072 + 1 + 16383] = 0;
	n = read_numeric(&raw, text);
	pgtext_numeric_text(&out, &n);
	assert_string_equal(buf_cstr(&out), text);
	buf_reset(&out);
	assert_true(pgtext_numeric_unscaled(&out, &n, 16383));
	/* 147455 nines take 489834 bits, and one for the sign */
	assert_int_equal(out.len, 489834 / 8 + 1);
	/* 10^n - 1 ends in n ones, since 10^n has n factors of two */
	assert_int_equal(out.data[out.len - 1], 0xff);
	buf_reset(&out);
	assert_true(pgtext_numeric_unscaled(&out, &n, -131072));
	assert_hex(&out, "01"); /* all of it rounded up */
	free(text);
	buf_free(&raw);
	buf_free(&out);
}

static void
numeric_unscaled_i64_is_javas(void **state)
{
	static const struct
	{
		int64_t		v;
		const char *hex;
	} cases[] = {
		{0, "00"},
		{1, "01"},
		{-1, "ff"},
		{128, "0080"},
		{-128, "80"},
		{-129, "ff7f"},
		{INT64_MAX, "7fffffffffffffff"},
		{INT64_MIN, "8000000000000000"},
		{123411, "01e213"},
	};
	struct buf out = {0};

	(void) state;
	for (size_t i = 0; i < LENGTH(cases); i++)
	{
		buf_reset(&out);
		pgtext_numeric_unscaled_i64(&out, cases[i].v);
		assert_hex(&out, cases[i].hex);
	}
	buf_free(&out);
}

static void
numeric_double_is_the_nearest(void **state)
{
	struct buf			  raw = {0};
	char				  text[1000];
	struct pgtext_numeric n;

	(void) state;
	n = read_numeric(&raw, "0.1");
	assert_true(pgtext_numeric_double(&n) == 0.1);
	n = read_numeric(&raw, "-123456789012345678901234567890.5");
	assert_true(pgtext_numeric_double(&n) ==
				-123456789012345678901234567890.5);
	n = read_numeric(&raw, "0");
	assert_true(pgtext_numeric_double(&n) == 0);
	assert_false(signbit(pgtext_numeric_double(&n)));

	/* half way, to even; and a last digit far behind that decides */
	n = read_numeric(&raw, "9007199254740993");
	assert_true(pgtext_numeric_double(&n) == 9007199254740992.0);
	memset(text, '0', sizeof(text));
	memcpy(text, "9007199254740993.", 17);
	text[998] = '1';
	text[999] = 0;
	n = read_numeric(&raw, text);
	assert_true(pgtext_numeric_double(&n) == 9007199254740994.0);

	memset(text, '9', 400);
	text[400] = 0;
	n = read_numeric(&raw, text);
	assert_true(isinf(pgtext_numeric_double(&n)));
	memset(text, '0', 400);
	text[1] = '.';
	text[399] = '1';
	n = read_numeric(&raw, text);
	assert_true(pgtext_numeric_double(&n) == 0);
	assert_int_equal(pgtext_numeric_read(&n, (const uint8_t *) "\x00\xc0", 2),
					 PGTEXT_OK);
	assert_true(isnan(pgtext_numeric_double(&n)));
	assert_int_equal(pgtext_numeric_read(&n, (const uint8_t *) "\x00\xf0", 2),
					 PGTEXT_OK);
	assert_true(pgtext_numeric_double(&n) == -INFINITY);
	buf_free(&raw);
}

/* ---- floating point ---- */

/*
 * Every row g of the table is the least with g * 10^d >= 2^s for negative
 * powers, and with g * 2^-s >= 10^k (or g = 10^k * 2^s) for the others.
 */
#define BIG_WORDS 48

static void
big_multiply(uint32_t *a, uint32_t factor)
{
	uint64_t carry = 0;

	for (int i = 0; i < BIG_WORDS; i++)
	{
		carry += (uint64_t) a[i] * factor;
		a[i] = (uint32_t) carry;
		carry >>= 32;
	}
	assert_int_equal(carry, 0);
}

static int
big_compare(const uint32_t *a, const uint32_t *b)
{
	for (int i = BIG_WORDS - 1; i >= 0; i--)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

static void
big_set(uint32_t *a, uint128 v, int shift)
{
	memset(a, 0, BIG_WORDS * sizeof(*a));
	for (int bit = 0; bit < 128; bit++)
		if (v >> bit & 1)
		{
			assert_true(bit + shift >= 0);
			a[(bit + shift) / 32] |= UINT32_C(1) << (bit + shift) % 32;
		}
}

static void
float_table_holds_powers_of_ten(void **state)
{
	(void) state;
	assert_int_equal(LENGTH(pgtext_float_pow10),
					 PGTEXT_FLOAT_MAX_POW10 - PGTEXT_FLOAT_MIN_POW10 + 1);
	for (int k = PGTEXT_FLOAT_MIN_POW10; k <= PGTEXT_FLOAT_MAX_POW10; k++)
	{
		const struct pgtext_float_pow10
				*row = &pgtext_float_pow10[k - PGTEXT_FLOAT_MIN_POW10];
		uint128	 g = (uint128) row->hi << 64 | row->lo;
		uint32_t left[BIG_WORDS], less[BIG_WORDS], right[BIG_WORDS];
		int		 bits;

		assert_true(row->hi >> 63);
		/* bits of 10^|k| */
		big_set(right, 1, 0);
		for (int i = 0; i < abs(k); i++)
			big_multiply(right, 10);
		for (bits = 32 * BIG_WORDS;
			 !(right[(bits - 1) / 32] >> (bits - 1) % 32 & 1); bits--)
			;
		if (k >= 0)
		{
			/* g * 2^(bits - 128) against 10^k, both times 2^128 if need be */
			int shift = bits - 128;
			int both = shift < 0 ? -shift : 0;

			for (int i = 0; i < both; i++)
				big_multiply(right, 2);
			big_set(left, g, shift + both);
			big_set(less, g - 1, shift + both);
		}
		else
		{
			/* g * 10^d against 2^(127 + bits) */
			big_set(left, g, 0);
			big_set(less, g - 1, 0);
			for (int i = 0; i < -k; i++)
			{
				big_multiply(left, 10);
				big_multiply(less, 10);
			}
			big_set(right, 1, 127 + bits);
		}
		assert_true(big_compare(left, right) >= 0);
		assert_true(big_compare(less, right) < 0);
	}
}

static void
float_text_is_postgresqls_and_javas(void **state)
{
	static const struct
	{
		double		v;
		const char *postgres;
		const char *java;
	} cases[] = {
		{0, "0", "0.0"},
		{-0.0, "-0", "-0.0"},
		{1, "1", "1.0"},
		{-1.5, "-1.5", "-1.5"},
		{100, "100", "100.0"},
		{0.001, "0.001", "0.001"},
		{0.00099, "0.00099", "9.9E-4"},
		{0.0001, "0.0001", "1.0E-4"},
		{0.00001, "1e-05", "1.0E-5"},
		{1234567, "1234567", "1234567.0"},
		{9999999, "9999999", "9999999.0"},
		{1e7, "10000000", "1.0E7"},
		{12345678, "12345678", "1.2345678E7"},
		{1e14, "100000000000000", "1.0E14"},
		{1e15, "1e+15", "1.0E15"},
		{1.2e15, "1.2e+15", "1.2E15"},
		{1e22, "1e+22", "1.0E22"},
		/* half way between two doubles: only Java counts that in */
		{1e23, "9.999999999999999e+22", "1.0E23"},
		{2e-3, "0.002", "0.002"},
		{4.35, "4.35", "4.35"},
		{5.684341886080802e-14, "5.684341886080802e-14",
		 "5.684341886080802E-14"},
		{1.7976931348623157e308, "1.7976931348623157e+308",
		 "1.7976931348623157E308"},
		{2.2250738585072014e-308, "2.2250738585072014e-308",
		 "2.2250738585072014E-308"},
		/* Java writes two digits, hence chooses the second */
		{4.9e-324, "5e-324", "4.9E-324"},
		{9.9e-324, "1e-323", "9.9E-324"},
		{1.5e-323, "1.5e-323", "1.5E-323"},
		{2e-323, "2e-323", "2.0E-323"},
		{-4.9e-324, "-5e-324", "-4.9E-324"},
		{9007199254740992, "9.007199254740992e+15", "9.007199254740992E15"},
		{9223372036854775808.0, "9.223372036854776e+18",
		 "9.223372036854776E18"},
		{INFINITY, "Infinity", "Infinity"},
		{-INFINITY, "-Infinity", "-Infinity"},
		{NAN, "NaN", "NaN"},
	};
	static const struct
	{
		float		v;
		const char *postgres;
		const char *java;
	} singles[] = {
		{0, "0", "0.0"},
		{-0.0f, "-0", "-0.0"},
		{0.1f, "0.1", "0.1"},
		{3.14f, "3.14", "3.14"},
		{1e6f, "1e+06", "1000000.0"},
		{999999, "999999", "999999.0"},
		{1234567, "1.234567e+06", "1234567.0"},
		{16777216, "1.6777216e+07", "1.6777216E7"},
		{33554432, "3.3554432e+07", "3.3554432E7"},
		{1e10f, "1e+10", "1.0E10"},
		{1.4e-45f, "1e-45", "1.4E-45"},
		{2.8e-45f, "3e-45", "2.8E-45"},
		{3.4028235e38f, "3.4028235e+38", "3.4028235E38"},
		{1.17549435e-38f, "1.1754944e-38", "1.1754944E-38"},
		{INFINITY, "Infinity", "Infinity"},
		{NAN, "NaN", "NaN"},
	};
	struct buf out = {0};

	(void) state;
	for (size_t i = 0; i < LENGTH(cases); i++)
	{
		buf_reset(&out);
		pgtext_float_double(&out, cases[i].v);
		assert_string_equal(buf_cstr(&out), cases[i].postgres);
		buf_reset(&out);
		pgtext_float_double_java(&out, cases[i].v);
		assert_string_equal(buf_cstr(&out), cases[i].java);
	}
	for (size_t i = 0; i < LENGTH(singles); i++)
	{
		buf_reset(&out);
		pgtext_float_single(&out, singles[i].v);
		assert_string_equal(buf_cstr(&out), singles[i].postgres);
		buf_reset(&out);
		pgtext_float_single_java(&out, singles[i].v);
		assert_string_equal(buf_cstr(&out), singles[i].java);
	}
	buf_free(&out);
}

/* Significant digits of a number's text. */
static int
significant(const char *text)
{
	int n = 0, zeros = 0;

	for (; *text != 0 && *text != 'e' && *text != 'E'; text++)
	{
		if (*text < '0' || *text > '9' || (*text == '0' && n == 0))
			continue;
		n++;
		zeros = *text == '0' ? zeros + 1 : 0;
	}
	return n - zeros;
}

static void
float_text_reads_back_and_is_shortest(void **state)
{
	struct buf out = {0};
	uint64_t   seed = 3;

	(void) state;
	for (int round = 0; round < 50000; round++)
	{
		uint64_t bits = next_random(&seed);
		double	 v;
		int		 digits;
		char	 shorter[40];
		bool	 at_end = false;

		if (round % 4 == 0)
		{
			v = (double) (int64_t) (bits >> 32) / 1e5;
			memcpy(&bits, &v, sizeof(bits));
		}
		memcpy(&v, &bits, sizeof(v));
		if (!isfinite(v) || v == 0)
			continue;
		buf_reset(&out);
		pgtext_float_double(&out, v);
		assert_true(strtod(buf_cstr(&out), NULL) == v);
		digits = significant(buf_cstr(&out));
		if (digits > 1)
		{
			snprintf(shorter, sizeof(shorter), "%.*e", digits - 2, v);
			at_end = strtod(shorter, NULL) == v;
		}
		buf_reset(&out);
		pgtext_float_double_java(&out, v);
		assert_true(strtod(buf_cstr(&out), NULL) == v);
		/* shorter only where the shorter one is an end of the interval */
		if (digits > 1)
			assert_int_equal(significant(buf_cstr(&out)) < digits, at_end);
	}
	for (int round = 0; round < 50000; round++)
	{
		uint32_t bits = (uint32_t) next_random(&seed);
		float	 v;

		memcpy(&v, &bits, sizeof(v));
		if (!isfinite(v))
			continue;
		buf_reset(&out);
		pgtext_float_single(&out, v);
		assert_true(strtof(buf_cstr(&out), NULL) == v);
		buf_reset(&out);
		pgtext_float_single_java(&out, v);
		assert_true(strtof(buf_cstr(&out), NULL) == v);
	}
	buf_free(&out);
}

/* ---- arrays ---- */

static void
array_yields_its_elements(void **state)
{
	struct pgtext_array	  a;
	struct pgtext_element e;
	size_t				  len = 0;
	uint8_t				 *raw = NULL;
	struct buf			  out = {0};

	(void) state;
	for (size_t i = 0; i < LENGTH(goldens); i++)
		if (strcmp(goldens[i].text, "[-1:0][2:3]={{1,2},{NULL,4}}") == 0)
			raw = from_hex(goldens[i].raw, &len);
	assert_non_null(raw);
	assert_int_equal(pgtext_array_open(&a, raw, len), PGTEXT_OK);
	assert_int_equal(a.elem_oid, PGTEXT_INT4);
	assert_int_equal(a.ndim, 2);
	assert_int_equal(a.nelems, 4);
	assert_int_equal(a.dims[0], 2);
	assert_int_equal(a.dims[1], 2);
	assert_int_equal(a.lbounds[0], -1);
	assert_int_equal(a.lbounds[1], 2);
	for (int i = 0; i < 4; i++)
	{
		assert_int_equal(pgtext_array_next(&a, &e), PGTEXT_OK);
		assert_int_equal(e.null, i == 2);
		if (e.null)
			continue;
		assert_int_equal(e.len, 4);
		assert_int_equal(e.data[0], i + 1);
	}
	assert_int_equal(pgtext_array_next(&a, &e), PGTEXT_CORRUPT);
	free(raw);

	/* name[]: the padding stays behind; text[]: the body only */
	for (size_t i = 0; i < LENGTH(goldens); i++)
	{
		if (strcmp(goldens[i].text, "{abc,\"d e\"}") != 0)
			continue;
		raw = from_hex(goldens[i].raw, &len);
		assert_int_equal(pgtext_array_open(&a, raw, len), PGTEXT_OK);
		assert_int_equal(a.nelems, 2);
		assert_int_equal(pgtext_array_next(&a, &e), PGTEXT_OK);
		assert_int_equal(e.len, 3);
		assert_memory_equal(e.data, "abc", 3);
		free(raw);
	}

	/* an empty array, and one of a type that is not known */
	raw = from_hex("000000000000000017000000", &len);
	assert_int_equal(pgtext_array_open(&a, raw, len), PGTEXT_OK);
	assert_int_equal(a.ndim, 0);
	assert_int_equal(a.nelems, 0);
	assert_int_equal(pgtext_array_next(&a, &e), PGTEXT_CORRUPT);
	raw[8] = 0;
	raw[9] = 0x40;
	assert_int_equal(pgtext_array_open(&a, raw, len), PGTEXT_UNKNOWN_TYPE);
	/* the column's type says what the header does not */
	assert_int_equal(pgtext_append(&out, 1007, raw, len), PGTEXT_OK);
	assert_string_equal(buf_cstr(&out), "{}");
	free(raw);
	buf_free(&out);
}

static void
array_elements_may_have_short_headers(void **state)
{
	struct buf out = {0};
	size_t	   len;
	uint8_t	  *raw = from_hex("010000000000000019000000"
								"0200000001000000"
								"0561"
								"0000"
								"07"
								"6263",
							  &len);

	(void) state;
	raw[20] = 2 << 1 | 1;
	raw[24] = 3 << 1 | 1;
	assert_int_equal(pgtext_append(&out, 1009, raw, len), PGTEXT_OK);
	assert_string_equal(buf_cstr(&out), "{a,bc}");
	free(raw);
	buf_free(&out);
}

/* ---- bits ---- */

static void
bits_are_javas_bit_set(void **state)
{
	static const struct
	{
		const char *raw;
		int			length;
		const char *hex;
	} cases[] = {
		{"00000000", 0, ""},
		{"0100000080", 1, "01"},
		{"0100000000", 1, ""},
		{"02000000c0", 2, "03"},
		{"0200000000", 2, ""},
		{"03000000a0", 3, "05"},
		{"18000000030201", 24, "010203"},
		{"400000008000000000000000", 64, "0000000000000080"},
		{"21000000ed11810080", 33, "010223da01"},
	};
	struct buf out = {0};

	(void) state;
	for (size_t i = 0; i < LENGTH(cases); i++)
	{
		size_t	 len;
		uint8_t *raw = from_hex(cases[i].raw, &len);

		buf_reset(&out);
		assert_int_equal(pgtext_bits_length(raw, len), cases[i].length);
		assert_int_equal(pgtext_bits_bitset(&out, raw, len), PGTEXT_OK);
		assert_hex(&out, cases[i].hex);
		for (size_t n = 0; n < len; n++)
		{
			uint8_t *shorter = exact_copy(raw, n);

			assert_int_equal(pgtext_bits_length(shorter, n), -1);
			assert_int_equal(pgtext_bits_bitset(&out, shorter, n),
							 PGTEXT_CORRUPT);
			free(shorter);
		}
		free(raw);
	}
	buf_free(&out);
}

/* ---- depth ---- */

static void
put_u32(struct buf *b, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		buf_putc(b, (char) (v >> 8 * i));
}

static void
jsonb_nests_without_end(void **state)
{
	const uint32_t depth = 100000;
	struct buf	   raw = {0}, out = {0};

	(void) state;
	for (uint32_t level = 1; level < depth; level++)
	{
		put_u32(&raw, 0x40000001); /* array of one */
		/* that is a container, all the rest */
		put_u32(&raw, 0x50000000 | (8 * (depth - level) - 4));
	}
	put_u32(&raw, 0x40000000); /* empty array */
	assert_int_equal(append_exact(&out, PGTEXT_JSONB, raw.data, raw.len),
					 PGTEXT_OK);
	assert_int_equal(out.len, 2 * depth);
	for (uint32_t i = 0; i < depth; i++)
	{
		assert_int_equal(out.data[i], '[');
		assert_int_equal(out.data[depth + i], ']');
	}
	buf_free(&raw);
	buf_free(&out);
}

static void
tsquery_nests_without_end(void **state)
{
	const uint32_t depth = 100000;
	struct buf	   raw = {0}, out = {0};

	(void) state;
	put_u32(&raw, depth + 1);
	for (uint32_t level = 0; level < depth; level++)
	{
		put_u32(&raw, 0x0102); /* operator, NOT */
		put_u32(&raw, 0);
		put_u32(&raw, 0);
	}
	put_u32(&raw, 1); /* operand of one byte */
	put_u32(&raw, 0);
	put_u32(&raw, 1);
	buf_put(&raw, "a", 2);
	assert_int_equal(append_exact(&out, PGTEXT_TSQUERY, raw.data, raw.len),
					 PGTEXT_OK);
	assert_int_equal(out.len, depth + 3);
	buf_free(&raw);
	buf_free(&out);
}

/* ---- dates ---- */

static void
civil_date_counts_on_day_by_day(void **state)
{
	static const int month_days[] = {31, 28, 31, 30, 31, 30,
									 31, 31, 30, 31, 30, 31};
	int64_t			 y = -4800;
	int				 m = 1, d = 1;
	int64_t			 year;
	int				 month, day;
	int64_t			 days = -2483649;

	(void) state;

	/* 18 eras of 400 years from 4801 BC on, every day of them */
	for (; y < 2400; days++)
	{
		bool leap = y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);

		pgtext_datetime_civil(days, &year, &month, &day);
		if (year != y || month != m || day != d)
			fail_msg("day %lld is %lld-%d-%d", (long long) days,
					 (long long) year, month, day);
		if (pgtext_datetime_day(y, m, d) != days)
			fail_msg("%lld-%d-%d is day %lld", (long long) y, m, d,
					 (long long) pgtext_datetime_day(y, m, d));
		if (++d > month_days[m - 1] + (m == 2 && leap))
		{
			d = 1;
			if (++m > 12)
			{
				m = 1;
				y++;
			}
		}
	}
	pgtext_datetime_civil(0, &year, &month, &day);
	assert_int_equal(year, 2000);
	assert_int_equal(month, 1);
	assert_int_equal(day, 1);
	pgtext_datetime_civil(INT32_MIN, &year, &month, &day);
	assert_int_equal(year, -5877611);
	assert_int_equal(month, 6);
	assert_int_equal(day, 22);
	assert_int_equal(pgtext_datetime_day(year, month, day), INT32_MIN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_values_read_as_the_server_shows_them),
		cmocka_unit_test(char_above_7f_is_octal),
		cmocka_unit_test(interval_at_all_limits_is_infinity),
		cmocka_unit_test(every_prefix_is_refused_or_read),
		cmocka_unit_test(random_damage_is_refused_or_read),
		cmocka_unit_test(one_byte_too_many_is_refused_where_lengths_are_fixed),
		cmocka_unit_test(values_no_server_makes_are_corrupt),
		cmocka_unit_test(types_are_known_with_their_arrays),
		cmocka_unit_test(numeric_text_keeps_every_digit),
		cmocka_unit_test(numeric_min_scale_drops_trailing_zeros),
		cmocka_unit_test(numeric_unscaled_is_javas),
		cmocka_unit_test(numeric_unscaled_agrees_with_arithmetic),
		cmocka_unit_test(numeric_unscaled_takes_the_longest),
		cmocka_unit_test(numeric_unscaled_i64_is_javas),
		cmocka_unit_test(numeric_double_is_the_nearest),
		cmocka_unit_test(float_table_holds_powers_of_ten),
		cmocka_unit_test(float_text_is_postgresqls_and_javas),
		cmocka_unit_test(float_text_reads_back_and_is_shortest),
		cmocka_unit_test(array_yields_its_elements),
		cmocka_unit_test(array_elements_may_have_short_headers),
		cmocka_unit_test(bits_are_javas_bit_set),
		cmocka_unit_test(jsonb_nests_without_end),
		cmocka_unit_test(tsquery_nests_without_end),
		cmocka_unit_test(civil_date_counts_on_day_by_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
