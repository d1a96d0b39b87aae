/*
 * pgtext_float.c - the shortest text of floating point numbers.
 *
 * The method is Raffaello Giulietti's ("The Schubfach way to render
 * doubles"): scale the number and the two ends of the interval that rounds to
 * it by one power of ten, so that the interval's width is between 1 and 10
 * units of the last digit; then the answer is one of four candidates.  All of
 * it is exact in 128 bits.
 *
 * PostgreSQL and Java differ in whether an end of the interval counts.  Java
 * counts on round-half-even in the reader; PostgreSQL leaves the ends out.
 */
#include "pgtext_impl.h"
#include "pgtext_float_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

__extension__ typedef unsigned __int128 uint128;

enum interval_ends
{
	ENDS_EXCLUDED, /* PostgreSQL */
	ENDS_IF_EVEN,  /* Java */
};

/* digits * 10^exponent; no trailing zeros in digits */
struct decimal
{
	uint64_t digits;
	int		 exponent;
};

/* floor(e * log10(2)), floor(e * log10(2) + log10(3/4)), floor(e * log2(10)) */
static inline int
floor_log10_pow2(int e)
{
	return (e * 1262611) >> 22;
}

static inline int
floor_log10_three_quarters_pow2(int e)
{
	return (e * 1262611 - 524031) >> 22;
}

static inline int
floor_log2_pow10(int e)
{
	return (e * 1741647) >> 19;
}

/*
 * The high 64 bits of g * cp / 2^64, with the lowest bit set if anything
 * below them is: enough to compare with multiples of four.
 */
static inline uint64_t
round_to_odd_64(const struct pgtext_float_pow10 *g, uint64_t cp)
{
	uint128 x = (uint128) g->lo * cp;
	uint128 y = (uint128) g->hi * cp + (uint64_t) (x >> 64);

	return (uint64_t) (y >> 64) | ((uint64_t) y > 1);
}

static inline uint32_t
round_to_odd_32(uint64_t g, uint32_t cp)
{
	uint128	 p = (uint128) g * cp;
	uint64_t y = (uint64_t) (p >> 32);

	return (uint32_t) (y >> 32) | ((uint32_t) y > 1);
}

static void
strip_zeros(struct decimal *d)
{
	while (d->digits % 100000000 == 0)
	{
		d->digits /= 100000000;
		d->exponent += 8;
	}
	while (d->digits % 10 == 0)
	{
		d->digits /= 10;
		d->exponent++;
	}
}

/*
 * Choose the shortest, then the closest candidate.  vbl, vb, vbr are four
 * times the lower end, the number and the upper end, in units of 10^k.
 */
static struct decimal
choose(uint64_t vbl, uint64_t vb, uint64_t vbr, bool ends, int k)
{
	uint64_t	   lower = vbl + !ends;
	uint64_t	   upper = vbr - !ends;
	uint64_t	   s = vb / 4;
	bool		   down_in, up_in;
	struct decimal d;

	if (s >= 10)
	{
		uint64_t tens = s / 10;

		down_in = lower <= 40 * tens;
		up_in = 40 * tens + 40 <= upper;
		if (down_in != up_in)
		{
			d = (struct decimal){tens + up_in, k + 1};
			strip_zeros(&d);
			return d;
		}
	}
	down_in = lower <= 4 * s;
	up_in = 4 * s + 4 <= upper;
	if (down_in != up_in)
		d = (struct decimal){s + up_in, k};
	else
	{
		uint64_t middle = 4 * s + 2;
		bool	 round_up = vb > middle || (vb == middle && (s & 1) != 0);

		d = (struct decimal){s + round_up, k};
	}
	strip_zeros(&d);
	return d;
}

/* A finite double above zero. */
static struct decimal
shortest_64(uint64_t bits, enum interval_ends ends)
{
	uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
	int		 biased = (int) (bits >> 52);
	uint64_t c;
	int		 q;
	bool	 closer;
	int		 k, h;
	const struct pgtext_float_pow10 *g;

	if (biased != 0)
	{
		c = UINT64_C(1) << 52 | fraction;
		q = biased - 1075;
		if (q <= 0 && q >= -52 && (c & ((UINT64_C(1) << -q) - 1)) == 0)
		{
			struct decimal d = {c >> -q, 0};

			strip_zeros(&d);
			return d;
		}
	}
	else
	{
		c = fraction;
		q = -1074;
	}

	/* below a power of two the next number is only half as far */
	closer = fraction == 0 && biased > 1;
	k = closer ? floor_log10_three_quarters_pow2(q) : floor_log10_pow2(q);
	h = q + floor_log2_pow10(-k) + 1;
	g = &pgtext_float_pow10[-k - PGTEXT_FLOAT_MIN_POW10];
	return choose(round_to_odd_64(g, (4 * c - 2 + closer) << h),
				  round_to_odd_64(g, (4 * c) << h),
				  round_to_odd_64(g, (4 * c + 2) << h),
				  ends == ENDS_IF_EVEN && (c & 1) == 0, k);
}

static struct decimal
shortest_32(uint32_t bits, enum interval_ends ends)
{
	uint32_t fraction = bits & ((UINT32_C(1) << 23) - 1);
	int		 biased = (int) (bits >> 23);
	uint32_t c;
	int		 q;
	bool	 closer;
	int		 k, h;
	const struct pgtext_float_pow10 *p;
	uint64_t						 g;

	if (biased != 0)
	{
		c = UINT32_C(1) << 23 | fraction;
		q = biased - 150;
		if (q <= 0 && q >= -23 && (c & ((UINT32_C(1) << -q) - 1)) == 0)
		{
			struct decimal d = {c >> -q, 0};

			strip_zeros(&d);
			return d;
		}
	}
	else
	{
		c = fraction;
		q = -149;
	}
	closer = fraction == 0 && biased > 1;
	k = closer ? floor_log10_three_quarters_pow2(q) : floor_log10_pow2(q);
	h = q + floor_log2_pow10(-k) + 1;
	p = &pgtext_float_pow10[-k - PGTEXT_FLOAT_MIN_POW10];
	g = p->hi + (p->lo != 0);
	return choose(round_to_odd_32(g, (4 * c - 2 + closer) << h),
				  round_to_odd_32(g, (4 * c) << h),
				  round_to_odd_32(g, (4 * c + 2) << h),
				  ends == ENDS_IF_EVEN && (c & 1) == 0, k);
}

static inline int
count_digits(uint64_t v)
{
	int n = 1;

	while (v >= 10000)
	{
		v /= 10000;
		n += 4;
	}
	return n + (v >= 10) + (v >= 100) + (v >= 1000);
}

/* Exactly n digits, ending at p + n. */
static inline void
put_digits(uint8_t *p, uint64_t v, int n)
{
	for (; n >= 2; n -= 2)
	{
		pgtext_put_2(p + n - 2, (unsigned) (v % 100));
		v /= 100;
	}
	if (n > 0)
		p[0] = (uint8_t) ('0' + v);
}

/* Room for a sign, 17 digits, a point, an exponent or up to 15 zeros. */
#define FLOAT_ROOM 48

/* ddd000, ddd.ddd or 0.000ddd; with 'tail' at least one decimal. */
static uint8_t *
put_plain(uint8_t *p, const struct decimal *d, int ndigits, bool tail)
{
	int before = ndigits + d->exponent; /* digits before the point */

	if (before <= 0)
	{
		*p++ = '0';
		*p++ = '.';
		for (int i = before; i < 0; i++)
			*p++ = '0';
		put_digits(p, d->digits, ndigits);
		return p + ndigits;
	}
	if (d->exponent >= 0)
	{
		put_digits(p, d->digits, ndigits);
		p += ndigits;
		for (int i = 0; i < d->exponent; i++)
			*p++ = '0';
		if (tail)
		{
			*p++ = '.';
			*p++ = '0';
		}
		return p;
	}
	put_digits(p, d->digits, ndigits);
	memmove(p + before + 1, p + before, (size_t) (ndigits - before));
	p[before] = '.';
	return p + ndigits + 1;
}

/* d.ddd, and d.0 with 'tail'; the exponent is the caller's. */
static uint8_t *
put_mantissa(uint8_t *p, const struct decimal *d, int ndigits, bool tail)
{
	put_digits(p + 1, d->digits, ndigits);
	p[0] = p[1];
	if (ndigits > 1)
	{
		p[1] = '.';
		return p + ndigits + 1;
	}
	if (tail)
	{
		p[1] = '.';
		p[2] = '0';
		return p + 3;
	}
	return p + 1;
}

/* 'max' is the first power of ten that is written with an exponent. */
static void
put_postgres(struct buf *out, bool negative, const struct decimal *d, int max)
{
	int		 ndigits = count_digits(d->digits);
	int		 exponent = ndigits + d->exponent - 1;
	uint8_t *p = buf_reserve(out, FLOAT_ROOM);

	if (negative)
		*p++ = '-';
	if (exponent >= -4 && exponent < max)
		p = put_plain(p, d, ndigits, false);
	else
	{
		unsigned e = (unsigned) abs(exponent);

		p = put_mantissa(p, d, ndigits, false);
		*p++ = 'e';
		*p++ = exponent < 0 ? '-' : '+';
		if (e >= 100)
			*p++ = (uint8_t) ('0' + e / 100);
		pgtext_put_2(p, e % 100);
		p += 2;
	}
	out->len = (size_t) (p - out->data);
}

static void
put_java(struct buf *out, bool negative, const struct decimal *d)
{
	int		 ndigits = count_digits(d->digits);
	int		 exponent = ndigits + d->exponent - 1;
	uint8_t *p = buf_reserve(out, FLOAT_ROOM);

	if (negative)
		*p++ = '-';
	if (exponent >= -3 && exponent < 7)
		p = put_plain(p, d, ndigits, true);
	else
	{
		unsigned e = (unsigned) abs(exponent);

		p = put_mantissa(p, d, ndigits, true);
		*p++ = 'E';
		if (exponent < 0)
			*p++ = '-';
		if (e >= 100)
			*p++ = (uint8_t) ('0' + e / 100);
		if (e >= 10)
			*p++ = (uint8_t) ('0' + e / 10 % 10);
		*p++ = (uint8_t) ('0' + e % 10);
	}
	out->len = (size_t) (p - out->data);
}

/* NaN, infinities and zeros; true if v was one of them. */
static bool
put_special(struct buf *out, double v, const char *zero)
{
	if (isnan(v))
		buf_lit(out, "NaN");
	else if (isinf(v))
		buf_puts(out, v < 0 ? "-Infinity" : "Infinity");
	else if (v == 0)
	{
		if (signbit(v))
			buf_putc(out, '-');
		buf_puts(out, zero);
	}
	else
		return false;
	return true;
}

/*
 * Java writes two digits at least, so it may choose the second to be closer:
 * 4.9E-324 where one digit would be 5.  That matters only for the smallest
 * subnormals, where one digit already tells neighbours apart.
 */
static struct decimal
second_digit(double v, struct decimal d)
{
	char text[32];

	if (d.digits >= 10)
		return d;
	/* d.de-ddd; the point's place is known, its spelling is the locale's */
	snprintf(text, sizeof(text), "%.1e", v);
	d.digits = (uint64_t) (text[0] - '0') * 10 +
			   (uint64_t) (strchr(text, 'e')[-1] - '0');
	d.exponent = atoi(strchr(text, 'e') + 1) - 1;
	strip_zeros(&d);
	return d;
}

void
pgtext_float_double(struct buf *out, double v)
{
	uint64_t	   bits;
	struct decimal d;

	if (put_special(out, v, "0"))
		return;
	memcpy(&bits, &v, sizeof(bits));
	d = shortest_64(bits & (UINT64_MAX >> 1), ENDS_EXCLUDED);
	put_postgres(out, v < 0, &d, 15);
}

void
pgtext_float_single(struct buf *out, float v)
{
	uint32_t	   bits;
	struct decimal d;

	if (put_special(out, v, "0"))
		return;
	memcpy(&bits, &v, sizeof(bits));
	d = shortest_32(bits & (UINT32_MAX >> 1), ENDS_EXCLUDED);
	put_postgres(out, v < 0, &d, 6);
}

void
pgtext_float_double_java(struct buf *out, double v)
{
	uint64_t	   bits;
	struct decimal d;

	if (put_special(out, v, "0.0"))
		return;
	memcpy(&bits, &v, sizeof(bits));
	d = shortest_64(bits & (UINT64_MAX >> 1), ENDS_IF_EVEN);
	if (fabs(v) < 1e-322)
		d = second_digit(fabs(v), d);
	put_java(out, v < 0, &d);
}

void
pgtext_float_single_java(struct buf *out, float v)
{
	uint32_t	   bits;
	struct decimal d;

	if (put_special(out, v, "0.0"))
		return;
	memcpy(&bits, &v, sizeof(bits));
	d = shortest_32(bits & (UINT32_MAX >> 1), ENDS_IF_EVEN);
	if (fabsf(v) < 1e-43f)
		d = second_digit(fabs((double) v), d);
	put_java(out, v < 0, &d);
}

PGTEXT_FN(pgtext_float_out8)
{
	(void) t;
	if (len != 8)
		return false;
	pgtext_float_double(out, rawnum_f64(data));
	return true;
}

PGTEXT_FN(pgtext_float_out4)
{
	uint32_t bits;
	float	 v;

	(void) t;
	if (len != 4)
		return false;
	bits = rawnum_u32(data);
	memcpy(&v, &bits, sizeof(v));
	pgtext_float_single(out, v);
	return true;
}
