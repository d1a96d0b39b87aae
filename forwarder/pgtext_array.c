/*
 * pgtext_array.c - arrays, and the two vector types that lie like arrays.
 *
 *	 int32 ndim, int32 dataoffset, oid of the element type,
 *	 int32 dims[ndim], int32 lower bounds[ndim],
 *	 [bitmap of the elements that are not null,] padding, elements
 *
 * dataoffset is 0 without a bitmap, else where the elements begin, counted
 * from the datum's start.  Each element is padded to its type's alignment.
 */
#include "pgtext_impl.h"

#define ARRAY_HEAD 12
#define MAX_ALIGN 8

static enum pgtext_status
array_open(struct pgtext_array *a, const struct pgtext_type **elem,
		   const uint8_t *data, size_t len)
{
	uint64_t nelems = 1;
	uint32_t dataoffset;
	size_t	 head;

	*elem = NULL;
	if (len < ARRAY_HEAD || rawnum_i32(data) < 0 ||
		rawnum_i32(data) > PGTEXT_ARRAY_MAX_DIMS)
		return PGTEXT_CORRUPT;
	*a = (struct pgtext_array){.body = data, .body_len = len};
	a->ndim = rawnum_i32(data);
	dataoffset = rawnum_u32(data + 4);
	a->elem_oid = rawnum_u32(data + 8);
	head = ARRAY_HEAD + 8 * (size_t) a->ndim;
	if (len < head)
		return PGTEXT_CORRUPT;
	for (int i = 0; i < a->ndim; i++)
	{
		a->dims[i] = rawnum_i32(data + ARRAY_HEAD + 4 * i);
		a->lbounds[i] = rawnum_i32(data + ARRAY_HEAD + 4 * (a->ndim + i));
		/* an element takes a bit at least */
		if (a->dims[i] < 0)
			return PGTEXT_CORRUPT;
		nelems *= (uint64_t) a->dims[i];
		if (nelems / 8 > len || nelems > INT32_MAX)
			return PGTEXT_CORRUPT;
	}
	a->nelems = a->ndim == 0 ? 0 : (uint32_t) nelems;
	if (dataoffset != 0)
	{
		if (dataoffset < 4 || dataoffset - 4 > len || dataoffset - 4 < head ||
			(a->nelems + 7) / 8 > dataoffset - 4 - head)
			return PGTEXT_CORRUPT;
		a->bitmap = head;
		a->pos = dataoffset - 4;
	}
	else
		a->pos = pgtext_align(head, MAX_ALIGN);

	*elem = pgtext_find(a->elem_oid);
	if (*elem == NULL)
		return PGTEXT_UNKNOWN_TYPE;
	a->elem_len = (*elem)->len;
	a->elem_align = (*elem)->align;
	return PGTEXT_OK;
}

enum pgtext_status
pgtext_array_open(struct pgtext_array *a, const uint8_t *data, size_t len)
{
	const struct pgtext_type *elem;

	return array_open(a, &elem, data, len);
}

enum pgtext_status
pgtext_array_next(struct pgtext_array *a, struct pgtext_element *e)
{
	uint32_t i = a->next;

	if (i >= a->nelems)
		return PGTEXT_CORRUPT;
	a->next++;
	if (a->bitmap != 0 && !(a->body[a->bitmap + i / 8] >> (i % 8) & 1))
	{
		*e = (struct pgtext_element){.null = true};
		return PGTEXT_OK;
	}
	e->null = false;
	a->pos = pgtext_align(a->pos, a->elem_align);
	if (!pgtext_value_at(a->body, a->body_len, &a->pos, a->elem_len, &e->data,
						 &e->len))
	{
		a->next = a->nelems;
		return PGTEXT_CORRUPT;
	}
	return PGTEXT_OK;
}

static bool
is_array_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Whether array_in would read this text as something else than itself. */
static bool
needs_quotes(const uint8_t *s, size_t len, char delim)
{
	if (len == 0)
		return true;
	if (len == 4 && (s[0] | 32) == 'n' && (s[1] | 32) == 'u' &&
		(s[2] | 32) == 'l' && (s[3] | 32) == 'l')
		return true;
	for (size_t i = 0; i < len; i++)
	{
		uint8_t c = s[i];

		if (c == '"' || c == '\\' || c == '{' || c == '}' ||
			c == (uint8_t) delim || is_array_space(c))
			return true;
	}
	return false;
}

PGTEXT_FN(pgtext_array_out)
{
	struct pgtext_array		  a;
	const struct pgtext_type *elem;
	int32_t					  index[PGTEXT_ARRAY_MAX_DIMS] = {0};
	bool					  bounds = false;
	size_t					  begin = out->len;
	int						  inner;

	if (array_open(&a, &elem, data, len) == PGTEXT_CORRUPT)
		return false;
	if (elem == NULL)
	{
		/* the element type of the header is one that binary-coerces */
		elem = pgtext_find(t->sub_oid);
		a.elem_len = elem->len;
		a.elem_align = elem->align;
	}
	if (a.nelems == 0)
	{
		buf_lit(out, "{}");
		return true;
	}

	for (int i = 0; i < a.ndim; i++)
		bounds |= a.lbounds[i] != 1;
	if (bounds)
	{
		for (int i = 0; i < a.ndim; i++)
		{
			buf_putc(out, '[');
			buf_put_i64(out, a.lbounds[i]);
			buf_putc(out, ':');
			buf_put_i64(out, (int64_t) a.lbounds[i] + a.dims[i] - 1);
			buf_putc(out, ']');
		}
		buf_putc(out, '=');
	}

	inner = a.ndim - 1;
	for (int i = 0; i < a.ndim; i++)
		buf_putc(out, '{');
	for (;;)
	{
		struct pgtext_element e;
		int					  d;

		if (out->len - begin > PGTEXT_MAX_TEXT ||
			pgtext_array_next(&a, &e) != PGTEXT_OK)
			return false;
		if (e.null)
			buf_lit(out, "NULL");
		else
		{
			size_t start = out->len;

			if (!elem->text(out, elem, e.data, e.len))
				return false;
			if (needs_quotes(out->data + start, out->len - start, elem->delim))
				pgtext_quote_from(out, start, PGTEXT_QUOTE_BACKSLASH);
		}

		/* step the indexes; each that wraps closes a brace */
		for (d = inner; d >= 0 && ++index[d] == a.dims[d]; d--)
		{
			index[d] = 0;
			buf_putc(out, '}');
		}
		if (d < 0)
			return true;
		buf_putc(out, elem->delim);
		for (; d < inner; d++)
			buf_putc(out, '{');
	}
}

/* int2vector and oidvector: the elements with blanks between */
PGTEXT_FN(pgtext_array_vector)
{
	struct pgtext_array		  a;
	struct pgtext_element	  e;
	const struct pgtext_type *elem;

	if (array_open(&a, &elem, data, len) != PGTEXT_OK || a.ndim > 1 ||
		a.bitmap != 0 || elem->oid != t->sub_oid)
		return false;
	while (a.next < a.nelems)
	{
		if (a.next > 0)
			buf_putc(out, ' ');
		if (pgtext_array_next(&a, &e) != PGTEXT_OK ||
			!elem->text(out, elem, e.data, e.len))
			return false;
	}
	return true;
}
