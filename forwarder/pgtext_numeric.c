/*
 * pgtext_numeric.c - numeric: its text, its unscaled integer, its double.
 *
 * The body is a 16-bit header, for large values a 16-bit weight, and 16-bit
 * digits in base 10000:
 *
 *	 00 or 01	long: sign by the 01, 14 bits of dscale; a weight follows
 *	 10			short: sign bit, 6 bits of dscale, 7 bits of signed weight
 *	 11			no digits: 1100 NaN, 1101 infinity, 1111 minus infinity
 *
 * Leading and trailing zero digits are never stored, so 10^20 is one digit.
 */
#include "pgtext_impl.h"

#include <stdlib.h>

#define NBASE 10000
#define DEC_DIGITS 4

__extension__ typedef unsigned __int128 uint128;

static const uint32_t pow10_small[] = {1, 10, 100, 1000, 10000};

static inline unsigned
digit_at(const struct pgtext_numeric *n, int i)
{
	return rawnum_u16(n->digits + 2 * (size_t) i);
}

enum pgtext_status
pgtext_numeric_read(struct pgtext_numeric *n, const uint8_t *data, size_t len)
{
	unsigned header;

	*n = (struct pgtext_numeric){.kind = PGTEXT_NUMERIC_FINITE};
	if (len < 2 || len % 2 != 0)
		return PGTEXT_CORRUPT;
	header = rawnum_u16(data);
	data += 2;
	len -= 2;
	switch (header >> 14)
	{
		case 0:
		case 1:
			if (len < 2)
				return PGTEXT_CORRUPT;
			n->negative = (header & 0x4000) != 0;
			n->dscale = (int) (header & 0x3fff);
			n->weight = (int16_t) rawnum_u16(data);
			data += 2;
			len -= 2;
			break;
		case 2:
			n->negative = (header & 0x2000) != 0;
			n->dscale = (int) (header >> 7 & 0x3f);
			n->weight = (int) (header & 0x3f);
			if (header & 0x40)
				n->weight -= 0x40;
			break;
		default:
			switch (header & 0xf000)
			{
				case 0xc000:
					n->kind = PGTEXT_NUMERIC_NAN;
					break;
				case 0xd000:
					n->kind = PGTEXT_NUMERIC_PLUS_INFINITY;
					break;
				case 0xf000:
					n->kind = PGTEXT_NUMERIC_MINUS_INFINITY;
					n->negative = true;
					break;
				default:
					return PGTEXT_CORRUPT;
			}
			return len == 0 ? PGTEXT_OK : PGTEXT_CORRUPT;
	}
	/* a weight is an int16 and dscale 14 bits: no longer value can be made */
	if (len / 2 > (32768 + 16384))
		return PGTEXT_CORRUPT;
	n->ndigits = (int) (len / 2);
	n->digits = data;
	for (int i = 0; i < n->ndigits; i++)
		if (digit_at(n, i) >= NBASE)
			return PGTEXT_CORRUPT;
	return PGTEXT_OK;
}

void
pgtext_numeric_text(struct buf *out, const struct pgtext_numeric *n)
{
	uint8_t *p;
	size_t	 room;
	int		 i = 0;

	switch (n->kind)
	{
		case PGTEXT_NUMERIC_NAN:
			buf_lit(out, "NaN");
			return;
		case PGTEXT_NUMERIC_PLUS_INFINITY:
			buf_lit(out, "Infinity");
			return;
		case PGTEXT_NUMERIC_MINUS_INFINITY:
			buf_lit(out, "-Infinity");
			return;
		case PGTEXT_NUMERIC_FINITE:
			break;
	}

	room = 8 + (size_t) n->dscale + DEC_DIGITS;
	if (n->weight >= 0)
		room += (size_t) (n->weight + 1) * DEC_DIGITS;
	p = buf_reserve(out, room);
	if (n->negative)
		*p++ = '-';
	if (n->weight < 0)
	{
		*p++ = '0';
		i = n->weight + 1;
	}
	for (; i <= n->weight; i++)
	{
		unsigned d = i < n->ndigits ? digit_at(n, i) : 0;

		if (i == 0 && d < 1000)
		{
			/* no leading zeros, but one digit at least */
			if (d >= 100)
				*p++ = (uint8_t) ('0' + d / 100);
			if (d >= 10)
				*p++ = (uint8_t) ('0' + d / 10 % 10);
			*p++ = (uint8_t) ('0' + d % 10);
			continue;
		}
		pgtext_put_4(p, d);
		p += 4;
	}
	if (n->dscale > 0)
	{
		uint8_t *point = p;

		*p++ = '.';
		for (int left = n->dscale; left > 0; left -= DEC_DIGITS, i++)
		{
			pgtext_put_4(p, i >= 0 && i < n->ndigits ? digit_at(n, i) : 0);
			p += 4;
		}
		p = point + 1 + n->dscale;
	}
	out->len = (size_t) (p - out->data);
}

PGTEXT_FN(pgtext_numeric_out)
{
	struct pgtext_numeric n;

	(void) t;
	if (pgtext_numeric_read(&n, data, len) != PGTEXT_OK)
		return false;
	pgtext_numeric_text(out, &n);
	return true;
}

int
pgtext_numeric_min_scale(const struct pgtext_numeric *n)
{
	int		 last = n->ndigits - 1;
	int		 scale;
	unsigned d;

	if (n->kind != PGTEXT_NUMERIC_FINITE)
		return 0;
	while (last >= 0 && digit_at(n, last) == 0)
		last--;
	if (last < 0)
		return 0;
	scale = (last - n->weight) * DEC_DIGITS;
	for (d = digit_at(n, last); d % 10 == 0; d /= 10)
		scale--;
	return scale > 0 ? scale : 0;
}

/*
 * ---- unscaled ----
 *
 * An accumulator of 64-bit limbs, least significant first.  Almost every
 * value fits the two of an __int128; the longest that the inline limbs hold
 * has some 2400 digits, and beyond that a buffer is borrowed.
 */
#define INLINE_LIMBS 128

struct accumulator
{
	uint64_t *limb;
	size_t	  nlimbs;
};

static void
multiply_add(struct accumulator *a, uint64_t factor, uint64_t addend)
{
	uint64_t carry = addend;

	for (size_t i = 0; i < a->nlimbs; i++)
	{
		uint128 v = (uint128) a->limb[i] * factor + carry;

		a->limb[i] = (uint64_t) v;
		carry = (uint64_t) (v >> 64);
	}
	if (carry != 0)
		a->limb[a->nlimbs++] = carry;
}

/*
 * The digits of value * 10^scale, rounded, given to the accumulator in
 * chunks of up to 16 decimals.
 */
static void
accumulate(struct accumulator *a, const struct pgtext_numeric *n, int scale)
{
	uint64_t factor = 1;
	uint64_t chunk = 0;
	bool	 round_up = false;
	int		 i = 0;
	int		 exponent = n->weight * DEC_DIGITS + scale;

	for (; i < n->ndigits && exponent >= 0; i++, exponent -= DEC_DIGITS)
	{
		chunk = chunk * NBASE + digit_at(n, i);
		factor *= NBASE;
		if (factor == UINT64_C(10000000000000000))
		{
			multiply_add(a, factor, chunk);
			factor = 1;
			chunk = 0;
		}
	}
	if (i < n->ndigits)
	{
		/* the rest lies wholly or partly behind the last digit to keep */
		unsigned d = digit_at(n, i);

		if (exponent > -DEC_DIGITS)
		{
			uint32_t cut = pow10_small[-exponent];

			chunk = chunk * pow10_small[DEC_DIGITS + exponent] + d / cut;
			factor *= pow10_small[DEC_DIGITS + exponent];
			round_up = d % cut >= cut / 2;
		}
		else if (exponent == -DEC_DIGITS)
			round_up = d >= NBASE / 2;
		exponent = 0;
	}
	else
		exponent += DEC_DIGITS;
	multiply_add(a, factor, chunk);

	/* zeros behind the last stored digit */
	for (; exponent >= 16; exponent -= 16)
		multiply_add(a, UINT64_C(10000000000000000), 0);
	for (; exponent >= DEC_DIGITS; exponent -= DEC_DIGITS)
		multiply_add(a, NBASE, 0);
	if (exponent > 0)
		multiply_add(a, pow10_small[exponent], 0);
	if (round_up)
		multiply_add(a, 1, 1);
}

/* Shortest big-endian two's complement of the accumulator, maybe negated. */
static void
put_twos_complement(struct buf *out, struct accumulator *a, bool negative)
{
	size_t	 nbytes;
	uint8_t	 fill = 0;
	uint8_t *p;

	while (a->nlimbs > 0 && a->limb[a->nlimbs - 1] == 0)
		a->nlimbs--;
	if (a->nlimbs == 0)
	{
		buf_putc(out, 0);
		return;
	}
	if (negative)
	{
		uint64_t carry = 1;

		for (size_t i = 0; i < a->nlimbs; i++)
		{
			a->limb[i] = ~a->limb[i] + carry;
			carry = carry && a->limb[i] == 0;
		}
		fill = 0xff;
	}

	/* one byte more than the limbs, for the sign; then drop what repeats it */
	nbytes = 8 * a->nlimbs + 1;
	p = buf_reserve(out, nbytes);
	p[0] = fill;
	for (size_t i = 0; i < a->nlimbs; i++)
		for (size_t b = 0; b < 8; b++)
			p[nbytes - 1 - 8 * i - b] = (uint8_t) (a->limb[i] >> (8 * b));
	{
		size_t skip = 0;

		while (skip + 1 < nbytes && p[skip] == fill &&
			   (p[skip + 1] & 0x80) == (fill & 0x80))
			skip++;
		memmove(p, p + skip, nbytes - skip);
		buf_commit(out, nbytes - skip);
	}
}

bool
pgtext_numeric_unscaled(struct buf *out, const struct pgtext_numeric *n,
						int scale)
{
	struct accumulator a = {0};
	uint64_t		   inline_limbs[INLINE_LIMBS];
	struct buf		   borrowed = {0};
	long			   decimals;

	if (n->kind != PGTEXT_NUMERIC_FINITE || n->ndigits == 0)
	{
		if (n->kind != PGTEXT_NUMERIC_FINITE)
			return false;
		buf_putc(out, 0);
		return true;
	}
	if (scale > PGTEXT_NUMERIC_MAX_SCALE || scale < -PGTEXT_NUMERIC_MAX_SCALE)
		return false;

	/* 19 decimals fit a limb; chunks and rounding may start one more */
	decimals = (n->weight + 1L) * DEC_DIGITS + scale;
	a.limb = inline_limbs;
	if (decimals / 19 + 4 > INLINE_LIMBS)
	{
		/* malloc'ed memory: aligned for any type */
		buf_reserve(&borrowed, ((size_t) decimals / 19 + 4) * 8);
		a.limb = (uint64_t *) (void *) borrowed.data;
	}
	accumulate(&a, n, scale);
	put_twos_complement(out, &a, n->negative);
	buf_free(&borrowed);
	return true;
}

void
pgtext_numeric_unscaled_i64(struct buf *out, int64_t v)
{
	uint64_t		   limb = v < 0 ? 0 - (uint64_t) v : (uint64_t) v;
	struct accumulator a = {&limb, 1};

	put_twos_complement(out, &a, v < 0);
}

/*
 * 767 significant digits decide any double; what follows them matters only by
 * being nonzero, which one more digit says.  No decimal point is used, so the
 * locale does not matter to strtod().
 */
double
pgtext_numeric_double(const struct pgtext_numeric *n)
{
	char   text[800 + 16];
	char  *p = text;
	int	   used = 0;
	int	   exponent;
	double v;

	switch (n->kind)
	{
		case PGTEXT_NUMERIC_NAN:
			return strtod("nan", NULL);
		case PGTEXT_NUMERIC_PLUS_INFINITY:
			return strtod("inf", NULL);
		case PGTEXT_NUMERIC_MINUS_INFINITY:
			return strtod("-inf", NULL);
		case PGTEXT_NUMERIC_FINITE:
			break;
	}
	if (n->ndigits == 0)
		return 0;

	if (n->ndigits <= 3)
	{
		/* up to 12 digits: exact, and so is a power of ten below 10^23 */
		static const double pow10_exact[] = {1e0, 1e4, 1e8, 1e12, 1e16, 1e20};
		uint64_t			m = 0;
		int					e = n->weight - n->ndigits + 1;

		for (int i = 0; i < n->ndigits; i++)
			m = m * NBASE + digit_at(n, i);
		if (e >= -5 && e <= 5)
		{
			v = e < 0 ? (double) m / pow10_exact[-e]
					  : (double) m * pow10_exact[e];
			return n->negative ? -v : v;
		}
	}

	for (; used < n->ndigits && used < 795 / DEC_DIGITS; used++)
	{
		pgtext_put_4((uint8_t *) p, digit_at(n, used));
		p += DEC_DIGITS;
	}
	exponent = (n->weight - used + 1) * DEC_DIGITS;
	for (int i = used; i < n->ndigits; i++)
		if (digit_at(n, i) != 0)
		{
			*p++ = '1';
			exponent--;
			break;
		}
	*p++ = 'e';
	if (exponent < 0)
	{
		*p++ = '-';
		exponent = -exponent;
	}
	/* at most 6 digits: a weight is an int16 */
	for (int unit = 100000; unit > 0; unit /= 10)
		*p++ = (char) ('0' + exponent / unit % 10);
	*p = 0;
	v = strtod(text, NULL);
	return n->negative ? -v : v;
}
