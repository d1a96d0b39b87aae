/*
 * pgtext_geo.c - the geometric types: doubles in brackets.
 *
 *	 path		int32 points, int32 closed, int32 padding, then the points
 *	 polygon	int32 points, its bounding box, then the points
 */
#include "pgtext_impl.h"

static void
put_pair(struct buf *out, const uint8_t *p)
{
	buf_putc(out, '(');
	pgtext_float_double(out, rawnum_f64(p));
	buf_putc(out, ',');
	pgtext_float_double(out, rawnum_f64(p + 8));
	buf_putc(out, ')');
}

static void
put_pairs(struct buf *out, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		if (i > 0)
			buf_putc(out, ',');
		put_pair(out, p + 16 * i);
	}
}

/* Whether a body of 'len' bytes is 'head' bytes and the points it counts. */
static bool
points_fit(const uint8_t *data, size_t len, size_t head)
{
	return len >= head && (len - head) % 16 == 0 &&
		   rawnum_u32(data) == (len - head) / 16;
}

PGTEXT_FN(pgtext_geo_point)
{
	(void) t;
	if (len != 16)
		return false;
	put_pair(out, data);
	return true;
}

PGTEXT_FN(pgtext_geo_lseg)
{
	(void) t;
	if (len != 32)
		return false;
	buf_putc(out, '[');
	put_pairs(out, data, 2);
	buf_putc(out, ']');
	return true;
}

PGTEXT_FN(pgtext_geo_box)
{
	(void) t;
	if (len != 32)
		return false;
	put_pairs(out, data, 2);
	return true;
}

PGTEXT_FN(pgtext_geo_path)
{
	bool closed;

	(void) t;
	if (!points_fit(data, len, 12))
		return false;
	closed = rawnum_u32(data + 4) != 0;
	buf_putc(out, closed ? '(' : '[');
	put_pairs(out, data + 12, (len - 12) / 16);
	buf_putc(out, closed ? ')' : ']');
	return true;
}

PGTEXT_FN(pgtext_geo_polygon)
{
	(void) t;
	if (!points_fit(data, len, 36))
		return false;
	buf_putc(out, '(');
	put_pairs(out, data + 36, (len - 36) / 16);
	buf_putc(out, ')');
	return true;
}

PGTEXT_FN(pgtext_geo_line)
{
	(void) t;
	if (len != 24)
		return false;
	buf_putc(out, '{');
	for (size_t i = 0; i < 3; i++)
	{
		if (i > 0)
			buf_putc(out, ',');
		pgtext_float_double(out, rawnum_f64(data + 8 * i));
	}
	buf_putc(out, '}');
	return true;
}

PGTEXT_FN(pgtext_geo_circle)
{
	(void) t;
	if (len != 24)
		return false;
	buf_putc(out, '<');
	put_pair(out, data);
	buf_putc(out, ',');
	pgtext_float_double(out, rawnum_f64(data + 16));
	buf_putc(out, '>');
	return true;
}
