/*
 * counter.c
 *		Parses each plugin's output just far enough to check it.
 *
 * The tables of workload.sql have nine columns: "id" is the first and "note"
 * the third.  The data hold neither quotes nor backslashes, which keeps the
 * search in wal2json's text honest.
 */
#define _GNU_SOURCE 1			/* memmem */
#include "counter.h"

#include <string.h>

#define ID_COLUMN		0
#define NOTE_COLUMN		2

struct cursor
{
	const unsigned char *p;
	const unsigned char *end;
	bool		failed;
};

uint64_t
counter_hash(uint64_t seed, const char *data, size_t len)
{
	uint64_t	h = seed ^ (len * UINT64_C(0x9e3779b97f4a7c15));

	while (len > 0)
	{
		uint64_t	word = 0;
		size_t		n = len < 8 ? len : 8;

		/* a constant length makes the copy a single load */
		if (n == 8)
			memcpy(&word, data, 8);
		else
			memcpy(&word, data, n);
		h = (h ^ word) * UINT64_C(0xff51afd7ed558ccd);
		h ^= h >> 32;
		data += n;
		len -= n;
	}
	return h;
}

static void
count_note(struct counts *c, const void *data, size_t len)
{
	c->note_hash += counter_hash(0, data, len);
}

/* A key in decimal digits; anything else is not a key of ours. */
static bool
count_text_id(struct counts *c, const char *data, size_t len)
{
	uint64_t	id = 0;

	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++)
	{
		if (data[i] < '0' || data[i] > '9')
			return false;
		id = id * 10 + (uint64_t) (data[i] - '0');
	}
	c->id_sum += id;
	return true;
}

/* The next n bytes, or NULL and the sticky failure. */
static const unsigned char *
take(struct cursor *r, size_t n)
{
	const unsigned char *p = r->p;

	if (r->failed || n > (size_t) (r->end - p))
	{
		r->failed = true;
		return NULL;
	}
	r->p += n;
	return p;
}

static uint64_t
take_big(struct cursor *r, size_t n)
{
	const unsigned char *p = take(r, n);
	uint64_t	v = 0;

	for (size_t i = 0; p != NULL && i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static uint64_t
take_little(struct cursor *r, size_t n)
{
	const unsigned char *p = take(r, n);
	uint64_t	v = 0;

	for (size_t i = n; p != NULL && i-- > 0;)
		v = v << 8 | p[i];
	return v;
}

bool
counter_none(struct counts *c, const char *payload, size_t len)
{
	(void) c;
	(void) payload;
	(void) len;
	return false;				/* a plugin without output sends nothing */
}

/* One tuple of pgoutput, text or binary. */
static void
pgoutput_tuple(struct counts *c, struct cursor *r, bool want_id,
			   bool want_row)
{
	size_t		ncols = take_big(r, 2);

	for (size_t i = 0; i < ncols && !r->failed; i++)
	{
		int			kind = (int) take_big(r, 1);
		size_t		len;
		const unsigned char *p;

		if (kind != 't' && kind != 'b')
			continue;
		len = take_big(r, 4);
		if ((p = take(r, len)) == NULL)
			return;
		if (want_row)
			c->values++;
		if (i == ID_COLUMN && want_id)
		{
			struct cursor value = {p, p + len, false};

			if (kind == 'b')
				c->id_sum += take_big(&value, 8);
			else if (!count_text_id(c, (const char *) p, len))
				r->failed = true;
		}
		if (i == NOTE_COLUMN && want_row)
			count_note(c, p, len);
	}
}

bool
counter_pgoutput(struct counts *c, const char *payload, size_t len)
{
	struct cursor r = {(const unsigned char *) payload,
	(const unsigned char *) payload + len, false};
	int			type = (int) take_big(&r, 1);

	switch (type)
	{
		case 'C':
			c->commits++;
			return true;
		case 'I':
		case 'U':
		case 'D':
			break;
		default:
			return !r.failed;	/* begin, relation, type */
	}

	take(&r, 4);				/* relation */
	for (int part = 'O'; part != 'N' && r.p < r.end;)
	{
		part = (int) take_big(&r, 1);
		pgoutput_tuple(c, &r, part == 'N' || type == 'D', part == 'N');
	}
	if (type == 'I')
		c->inserts++;
	else if (type == 'U')
		c->updates++;
	else
		c->deletes++;
	return !r.failed && r.p == r.end;
}

/* What follows the first 'needle' in p..end, or NULL. */
static const char *
after(const char *p, const char *end, const char *needle)
{
	size_t		len = strlen(needle);

	p = memmem(p, (size_t) (end - p), needle, len);
	return p == NULL ? NULL : p + len;
}

/*
 * wal2json, format-version 2: one object a message, the row in "columns", the
 * old key or row in "identity".
 */
bool
counter_wal2json(struct counts *c, const char *payload, size_t len)
{
	static const char head[] = "{\"action\":\"";
	const char *end = payload + len;
	const char *row;
	const char *id;
	char		action;

	if (len <= sizeof(head) || memcmp(payload, head, sizeof(head) - 1) != 0)
		return false;
	action = payload[sizeof(head) - 1];
	switch (action)
	{
		case 'B':
			return true;
		case 'C':
			c->commits++;
			return true;
		case 'I':
			c->inserts++;
			break;
		case 'U':
			c->updates++;
			break;
		case 'D':
			c->deletes++;
			break;
		default:
			return false;
	}

	row = after(payload, end, action == 'D' ? "\"identity\":[" :
				"\"columns\":[");
	if (row == NULL || (id = after(row, end, "\"value\":")) == NULL ||
		!count_text_id(c, id, strspn(id, "0123456789")))
		return false;
	if (action == 'D')
		return true;

	if (action == 'U')
	{
		const char *old = after(row, end, "],\"identity\":[");

		if (old == NULL)
			return false;
		end = old;
	}
	for (const char *p = row; (p = after(p, end, "{\"name\":\"")) != NULL;)
	{
		const char *note;
		const char *quote;

		c->values++;
		if (end - p < 5 || memcmp(p, "note\"", 5) != 0)
			continue;
		if ((note = after(p, end, "\"value\":\"")) == NULL ||
			(quote = memchr(note, '"', (size_t) (end - note))) == NULL)
			return false;
		count_note(c, note, (size_t) (quote - note));
	}
	return true;
}

static uint64_t
take_varint(struct cursor *r)
{
	uint64_t	v = 0;

	for (int shift = 0; shift < 64; shift += 7)
	{
		const unsigned char *p = take(r, 1);

		if (p == NULL)
			return 0;
		v |= (uint64_t) (*p & 0x7f) << shift;
		if (*p < 0x80)
			return v;
	}
	r->failed = true;
	return 0;
}

/*
 * The next field of a protocol buffer: its number, and its value or body.
 */
static uint64_t
take_field(struct cursor *r, uint64_t *value, struct cursor *body)
{
	uint64_t	tag = take_varint(r);
	const unsigned char *p;

	*value = 0;
	*body = (struct cursor)
	{
		NULL, NULL, true
	};
	switch (tag & 7)
	{
		case 0:
			*value = take_varint(r);
			break;
		case 1:
			*value = take_little(r, 8);
			break;
		case 2:
			*value = take_varint(r);
			if ((p = take(r, *value)) != NULL)
				*body = (struct cursor)
			{
				p, p + *value, false
			};
			break;
		case 5:
			*value = take_little(r, 4);
			break;
		default:
			r->failed = true;
	}
	return tag >> 3;
}

/*
 * One column of decoderbufs: 1 is the name, 2 the type, and one field from 3
 * to 11 the value, or none for NULL.
 */
static void
decoderbufs_datum(struct counts *c, struct cursor r, size_t column,
				  bool is_row)
{
	while (!r.failed && r.p < r.end)
	{
		uint64_t	value;
		struct cursor body;
		uint64_t	field = take_field(&r, &value, &body);

		if (field < 3 || field > 11)
			continue;
		if (is_row)
			c->values++;
		if (column == ID_COLUMN)
			c->id_sum += value;
		if (column == NOTE_COLUMN && is_row && !body.failed)
			count_note(c, body.p, (size_t) (body.end - body.p));
	}
}

/*
 * decoderbufs: a RowMessage.  Its field 4 is the operation (0 insert, 1
 * update, 2 delete, 3 begin, 4 commit), 5 the columns of the new row, 6 those
 * of the old one; the operation comes first.
 */
bool
counter_decoderbufs(struct counts *c, const char *payload, size_t len)
{
	struct cursor r = {(const unsigned char *) payload,
	(const unsigned char *) payload + len, false};
	uint64_t	op = UINT64_MAX;
	size_t		nnew = 0;
	size_t		nold = 0;

	while (!r.failed && r.p < r.end)
	{
		uint64_t	value;
		struct cursor body;
		uint64_t	field = take_field(&r, &value, &body);

		if (field == 4)
			op = value;
		else if (field == 5)
			decoderbufs_datum(c, body, nnew++, true);
		else if (field == 6 && op == 2)
			decoderbufs_datum(c, body, nold++, false);
	}
	switch (op)
	{
		case 0:
			c->inserts++;
			break;
		case 1:
			c->updates++;
			break;
		case 2:
			c->deletes++;
			break;
		case 3:
			break;
		case 4:
			c->commits++;
			break;
		default:
			return false;
	}
	return !r.failed;
}

/* One tuple of the sketch, see walferry_bench_sketch.c. */
static void
sketch_tuple(struct counts *c, struct cursor *r, bool want_id, bool want_row)
{
	size_t		ncols = take_little(r, 2);

	for (size_t i = 0; i < ncols && !r->failed; i++)
	{
		int			tag = (int) take_little(r, 1);
		size_t		len;
		const unsigned char *p;

		if (tag == 'n' || tag == 'u')
			continue;
		/* a fixed-width value's tag is its width */
		len = tag == 'v' ? take_little(r, 4) : (size_t) tag;
		if ((p = take(r, len)) == NULL)
			return;
		if (want_row)
			c->values++;
		if (i == ID_COLUMN && want_id)
		{
			struct cursor value = {p, p + len, false};

			c->id_sum += take_little(&value, 8);
		}
		if (i == NOTE_COLUMN && want_row)
			count_note(c, p, len);
	}
}

bool
counter_sketch(struct counts *c, const char *payload, size_t len)
{
	struct cursor r = {(const unsigned char *) payload,
	(const unsigned char *) payload + len, false};

	while (!r.failed && r.p < r.end)
	{
		int			type = (int) take_little(&r, 1);

		switch (type)
		{
			case 'B':
				take(&r, 20);
				continue;
			case 'C':
				take(&r, 8);
				c->commits++;
				continue;
			case 'I':
				take(&r, 4);
				sketch_tuple(c, &r, true, true);
				c->inserts++;
				continue;
			case 'U':
				take(&r, 4);
				if (take_little(&r, 1) == 'O')
					sketch_tuple(c, &r, false, false);
				sketch_tuple(c, &r, true, true);
				c->updates++;
				continue;
			case 'D':
				take(&r, 4);
				if (take_little(&r, 1) == 'O')
					sketch_tuple(c, &r, true, false);
				c->deletes++;
				continue;
			default:
				return false;
		}
	}
	return !r.failed;
}
