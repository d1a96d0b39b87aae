/*
 * pgtext_range.c - ranges and multiranges of built-in types.
 *
 *	 range		oid of the range type, [lower,] [upper,] uint8 flags
 *	 multirange oid, uint32 count, uint32 per range but the first, uint8
 *				flags per range, padding, the bounds of each range
 *
 * A multirange's words hold the aligned length of the range before or, every
 * fourth, the offset at which the range itself begins.
 */
#include "pgtext_impl.h"

#define RANGE_EMPTY 0x01
#define RANGE_LOWER_INCLUSIVE 0x02
#define RANGE_UPPER_INCLUSIVE 0x04
#define RANGE_LOWER_INFINITE 0x08
#define RANGE_UPPER_INFINITE 0x10
#define RANGE_LOWER_NULL 0x20
#define RANGE_UPPER_NULL 0x40

#define HAS_LOWER(flags) \
	(!((flags) & (RANGE_EMPTY | RANGE_LOWER_NULL | RANGE_LOWER_INFINITE)))
#define HAS_UPPER(flags) \
	(!((flags) & (RANGE_EMPTY | RANGE_UPPER_NULL | RANGE_UPPER_INFINITE)))

#define ITEM_OFFLEN 0x7fffffffu
#define ITEM_HAS_OFFSET 0x80000000u

/* Whether range_in would read this text as something else than itself. */
static bool
needs_quotes(const uint8_t *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		switch (s[i])
		{
			case '"':
			case '\\':
			case '(':
			case ')':
			case '[':
			case ']':
			case ',':
			case ' ':
			case '\t':
			case '\n':
			case '\v':
			case '\f':
			case '\r':
				return true;
		}
	return len == 0;
}

/* The bound at *pos, which is moved behind it. */
static bool
put_bound(struct buf *out, const struct pgtext_type *sub, const uint8_t *body,
		  size_t body_len, size_t *pos)
{
	const uint8_t *data;
	size_t		   len;
	size_t		   start = out->len;

	/* a value with a one-byte header is not padded; padding is zeros */
	if (sub->len >= 0 || *pos >= body_len || body[*pos] == 0)
		*pos = pgtext_align(*pos, sub->align);
	if (!pgtext_value_at(body, body_len, pos, sub->len, &data, &len) ||
		!sub->text(out, sub, data, len))
		return false;
	if (needs_quotes(out->data + start, out->len - start))
		pgtext_quote_from(out, start, PGTEXT_QUOTE_DOUBLED);
	return true;
}

static bool
put_range(struct buf *out, const struct pgtext_type *sub, unsigned flags,
		  const uint8_t *body, size_t body_len, size_t *pos)
{
	if (flags & RANGE_EMPTY)
	{
		buf_lit(out, "empty");
		return true;
	}
	buf_putc(out, flags & RANGE_LOWER_INCLUSIVE ? '[' : '(');
	if (HAS_LOWER(flags) && !put_bound(out, sub, body, body_len, pos))
		return false;
	buf_putc(out, ',');
	if (HAS_UPPER(flags) && !put_bound(out, sub, body, body_len, pos))
		return false;
	buf_putc(out, flags & RANGE_UPPER_INCLUSIVE ? ']' : ')');
	return true;
}

PGTEXT_FN(pgtext_range_out)
{
	size_t pos = 4;

	if (len < 5 || rawnum_u32(data) != t->oid)
		return false;
	return put_range(out, pgtext_find(t->sub_oid), data[len - 1], data,
					 len - 1, &pos) &&
		   pos == len - 1;
}

PGTEXT_FN(pgtext_range_multi)
{
	const struct pgtext_type *sub = pgtext_find(
		pgtext_find(t->sub_oid)->sub_oid);
	uint32_t	   count;
	const uint8_t *items;
	const uint8_t *flags;
	size_t		   bounds;
	size_t		   offset = 0;

	if (len < 8 || rawnum_u32(data) != t->oid)
		return false;
	count = rawnum_u32(data + 4);
	if (count == 0)
	{
		buf_lit(out, "{}");
		return len == pgtext_align(8, sub->align);
	}
	if (count - 1 > (len - 8) / 5)
		return false;
	items = data + 8;
	flags = items + 4 * ((size_t) count - 1);
	bounds = 8 + 4 * ((size_t) count - 1) + count;
	bounds = pgtext_align(bounds, sub->align);
	if (bounds > len)
	{
		/* no bounds at all: (,) is stored without the padding's end */
		if (8 + 4 * ((size_t) count - 1) + count > len)
			return false;
		bounds = len;
	}

	buf_putc(out, '{');
	for (uint32_t i = 0; i < count; i++)
	{
		size_t pos;

		if (i > 0)
		{
			uint32_t item = rawnum_u32(items + 4 * ((size_t) i - 1));

			buf_putc(out, ',');
			if (item & ITEM_HAS_OFFSET)
				offset = item & ITEM_OFFLEN;
			else
				offset += item & ITEM_OFFLEN;
		}
		if (offset > len - bounds)
			return false;
		pos = bounds + offset;
		if (!put_range(out, sub, flags[i], data, len, &pos))
			return false;
	}
	buf_putc(out, '}');
	return true;
}
