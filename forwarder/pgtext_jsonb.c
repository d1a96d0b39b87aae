/*
 * pgtext_jsonb.c - jsonb.
 *
 * A container is a 32-bit header (28 bits of count, then scalar, object,
 * array), one 32-bit entry per child, then the children's bytes.  An object
 * has its keys first, sorted, then its values in the same order.  An entry
 * holds a type and either the child's length or, now and then, the offset of
 * the child's end.  Numbers and containers are aligned to 4, the padding being
 * part of the child's length.
 *
 * Nesting is limited by the value's size only, since a level takes at least 8
 * bytes of it; the work stack is on the heap from level 32 on.
 */
#include "pgtext_impl.h"

#define HEADER_COUNT 0x0fffffffu
#define HEADER_SCALAR 0x10000000u
#define HEADER_OBJECT 0x20000000u
#define HEADER_ARRAY 0x40000000u

#define ENTRY_OFFLEN 0x0fffffffu
#define ENTRY_TYPE 0x70000000u
#define ENTRY_HAS_OFFSET 0x80000000u

enum entry_type
{
	ENTRY_STRING = 0x00000000,
	ENTRY_NUMERIC = 0x10000000,
	ENTRY_FALSE = 0x20000000,
	ENTRY_TRUE = 0x30000000,
	ENTRY_NULL = 0x40000000,
	ENTRY_CONTAINER = 0x50000000,
};

#define INLINE_LEVELS 32

struct level
{
	const uint8_t *entries;
	const uint8_t *children;
	size_t		   children_len;
	uint32_t	   count;	  /* of elements, or of pairs */
	uint32_t	   next;	  /* element or pair to come */
	uint32_t	   key_end;	  /* of the keys written so far, in children */
	uint32_t	   value_end; /* of the values or elements */
	bool		   object;
	bool		   scalar;
};

struct stack
{
	struct level first[INLINE_LEVELS];
	struct buf	 more; /* array of struct level */
	size_t		 depth;
};

static struct level *
stack_push(struct stack *s)
{
	s->depth++;
	if (s->depth <= INLINE_LEVELS)
		return &s->first[s->depth - 1];
	buf_reserve(&s->more, sizeof(struct level));
	buf_commit(&s->more, sizeof(struct level));
	return (struct level *) (void *) (s->more.data + s->more.len) - 1;
}

static struct level *
stack_pop(struct stack *s)
{
	if (s->depth > INLINE_LEVELS)
		s->more.len -= sizeof(struct level);
	s->depth--;
	if (s->depth == 0)
		return NULL;
	if (s->depth <= INLINE_LEVELS)
		return &s->first[s->depth - 1];
	return (struct level *) (void *) (s->more.data + s->more.len) - 1;
}

/*
 * Escapes as escape_json has them.  Runs of plain bytes are copied whole.  Six
 * bytes may come of one, so a long string goes piece by piece: room for the
 * worst case of all of it could be gigabytes.
 */
#define STRING_PIECE 4096

static void
put_string_piece(struct buf *out, const uint8_t *s, size_t len)
{
	static const char escape[32] =
		{['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
	size_t	 run = 0;
	uint8_t *p = buf_reserve(out, 6 * len + 1);

	for (size_t i = 0; i < len; i++)
	{
		uint8_t c = s[i];

		if (c >= ' ' && c != '"' && c != '\\')
			continue;
		memcpy(p, s + run, i - run);
		p += i - run;
		run = i + 1;
		*p++ = '\\';
		if (c >= ' ')
			*p++ = c;
		else if (escape[c] != 0)
			*p++ = (uint8_t) escape[c];
		else
		{
			*p++ = 'u';
			*p++ = '0';
			*p++ = '0';
			*p++ = (uint8_t) ('0' + (c >> 4));
			*p++ = (uint8_t) "0123456789abcdef"[c & 15];
		}
	}
	memcpy(p, s + run, len - run);
	p += len - run;
	out->len = (size_t) (p - out->data);
}

static void
put_string(struct buf *out, const uint8_t *s, size_t len)
{
	buf_putc(out, '"');
	for (; len > STRING_PIECE; s += STRING_PIECE, len -= STRING_PIECE)
		put_string_piece(out, s, STRING_PIECE);
	put_string_piece(out, s, len);
	buf_putc(out, '"');
}

/* Where the child with this entry ends, given where it begins. */
static bool
child_end(const struct level *l, uint32_t index, uint32_t begin, uint32_t *end)
{
	uint32_t entry = rawnum_u32(l->entries + 4 * (size_t) index);

	*end = entry & ENTRY_OFFLEN;
	if (!(entry & ENTRY_HAS_OFFSET))
		*end += begin; /* a body is below 2^30 */
	return *end >= begin && *end <= l->children_len;
}

/* Open a container; false if it does not fit in its bytes. */
static bool
level_open(struct level *l, const uint8_t *data, size_t len)
{
	uint32_t header;
	uint32_t count;

	if (len < 4)
		return false;
	header = rawnum_u32(data);
	count = header & HEADER_COUNT;
	switch (header & ~HEADER_COUNT)
	{
		case HEADER_OBJECT:
			if (count > (len - 4) / 8)
				return false;
			break;
		case HEADER_ARRAY:
		case HEADER_ARRAY | HEADER_SCALAR:
			if (count > (len - 4) / 4)
				return false;
			break;
		default:
			return false;
	}
	l->object = (header & HEADER_OBJECT) != 0;
	l->scalar = (header & HEADER_SCALAR) != 0;
	l->count = count;
	l->next = 0;
	l->entries = data + 4;
	l->children = l->entries + 4 * (size_t) count * (l->object ? 2 : 1);
	l->children_len = len - (size_t) (l->children - data);
	l->key_end = 0;
	l->value_end = 0;

	/*
	 * The values begin where the last key ends.  An entry with an offset is
	 * rare enough (one in 32) to be reached within a few steps back.
	 */
	if (l->object)
	{
		uint32_t i = count;
		uint64_t sum = 0;

		while (i > 0)
		{
			uint32_t entry = rawnum_u32(l->entries + 4 * (size_t) --i);

			sum += entry & ENTRY_OFFLEN;
			if (entry & ENTRY_HAS_OFFSET)
				break;
		}
		if (sum > l->children_len)
			return false;
		l->value_end = (uint32_t) sum;
	}
	return !l->scalar || count == 1;
}

static bool
put_number(struct buf *out, const uint8_t *data, size_t len)
{
	struct pgtext_numeric n;
	const uint8_t		 *body;
	size_t				  body_len;
	size_t				  pos = 0;

	if (!pgtext_value_at(data, len, &pos, -1, &body, &body_len) ||
		pos != len || pgtext_numeric_read(&n, body, body_len) != PGTEXT_OK)
		return false;
	pgtext_numeric_text(out, &n);
	return true;
}

static bool
walk(struct buf *out, struct stack *s, const uint8_t *data, size_t len)
{
	struct level *l = stack_push(s);
	size_t		  start = out->len;

	if (!level_open(l, data, len))
		return false;
	if (!l->scalar)
		buf_putc(out, l->object ? '{' : '[');

	while (l != NULL)
	{
		uint32_t	   index = l->next;
		uint32_t	   begin, end;
		const uint8_t *child;
		size_t		   child_len;
		size_t		   padding;

		if (index == l->count)
		{
			if (!l->scalar)
				buf_putc(out, l->object ? '}' : ']');
			l = stack_pop(s);
			continue;
		}
		l->next++;
		if (out->len - start > PGTEXT_MAX_TEXT)
			return false;
		if (index > 0)
			buf_lit(out, ", ");
		if (l->object)
		{
			uint32_t entry = rawnum_u32(l->entries + 4 * (size_t) index);

			begin = l->key_end;
			if ((entry & ENTRY_TYPE) != ENTRY_STRING ||
				!child_end(l, index, begin, &end))
				return false;
			put_string(out, l->children + begin, end - begin);
			buf_lit(out, ": ");
			l->key_end = end;
			index += l->count;
		}
		begin = l->value_end;
		if (!child_end(l, index, begin, &end))
			return false;
		l->value_end = end;
		child = l->children + begin;
		child_len = end - begin;
		/* the children begin at a multiple of 4 */
		padding = (size_t) (0 - begin) & 3;

		switch (rawnum_u32(l->entries + 4 * (size_t) index) & ENTRY_TYPE)
		{
			case ENTRY_STRING:
				put_string(out, child, child_len);
				break;
			case ENTRY_NUMERIC:
				if (padding > child_len ||
					!put_number(out, child + padding, child_len - padding))
					return false;
				break;
			case ENTRY_FALSE:
				buf_lit(out, "false");
				break;
			case ENTRY_TRUE:
				buf_lit(out, "true");
				break;
			case ENTRY_NULL:
				buf_lit(out, "null");
				break;
			case ENTRY_CONTAINER:
				if (padding > child_len || l->scalar)
					return false;
				l = stack_push(s);
				if (!level_open(l, child + padding, child_len - padding) ||
					l->scalar)
					return false;
				buf_putc(out, l->object ? '{' : '[');
				break;
			default:
				return false;
		}
	}
	return true;
}

PGTEXT_FN(pgtext_jsonb_out)
{
	struct stack s;
	bool		 ok;

	(void) t;
	s.depth = 0;
	s.more = (struct buf){0};
	ok = walk(out, &s, data, len);
	buf_free(&s.more);
	return ok;
}
