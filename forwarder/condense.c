/*
 * condense.c - a message that is too large to be held; see condense.h.
 *
 * A machine that is fed bytes and stands at one step of the message's layout
 * (docs/protocol.md).  What a step needs whole (a head, tags, a length) is
 * gathered in 'part'; values are copied to 'out' or passed over.  A row comes
 * out wide, whether it came so or not, because only wide rows have markers.
 *
 * It checks what it needs to find its way; whoever reads the outcome checks
 * the rest, as of any other message.
 */
#include "condense.h"

#include <stdio.h>
#include <string.h>

#include "mem.h"

/* With more than this put out, only values up to that are kept. */
#define ROOM ((size_t) 1 << 20)
#define KEEP_WITHOUT_ROOM ((uint64_t) 64)

/* Work space that is kept from one message to the next. */
#define OUT_KEPT ((size_t) 4 << 20)

#define VARINT_MAX 10

enum step
{
	STEP_HEAD,	  /* up to the first tuple, or to a message's prefix */
	STEP_TAGS,	  /* of a tuple */
	STEP_LENGTH,  /* of a value */
	STEP_KEEP,	  /* 'left' bytes go out */
	STEP_PREFIX,  /* the same, of a logical message's prefix */
	STEP_CONTENT, /* its content's length */
	STEP_SKIP,	  /* 'left' bytes do not */
	STEP_END
};

struct column
{
	uint8_t	 tag; /* as it goes out */
	uint64_t len; /* of OVERSIZE */
};

struct condense
{
	struct schema *schema;
	uint8_t		   tag; /* of the message */
	enum step	   step;
	struct buf	   part;
	struct buf	   out;
	uint64_t	   left;

	/* of a row */
	const struct schema_relation *rel;
	bool						  wide;
	bool						  old_full;
	bool						  old_to_come;
	bool						  new_to_come;
	bool						  in_new;
	uint32_t					  ncolumns; /* of the tuple being read */
	uint32_t					  column;
	size_t						  tags_at; /* in 'out' */
	uint8_t						  tags[WIRE_COLUMNS_MAX];
	struct column				  old[WIRE_COLUMNS_MAX];

	char error[128];
};

struct condense *
condense_new(struct schema *schema)
{
	struct condense *c = mem_zalloc(1, sizeof(*c));

	c->schema = schema;
	c->step = STEP_END;
	return c;
}

void
condense_free(struct condense *c)
{
	if (c == NULL)
		return;
	buf_free(&c->part);
	buf_free(&c->out);
	free(c);
}

bool
condense_begin(struct condense *c, uint8_t tag)
{
	if (tag != WIRE_INSERT && tag != WIRE_UPDATE && tag != WIRE_DELETE &&
		tag != WIRE_LOGICAL_MESSAGE)
		return false;
	c->tag = tag;
	c->step = STEP_HEAD;
	buf_reset(&c->part);
	if (c->out.cap > OUT_KEPT)
		buf_free(&c->out);
	buf_reset(&c->out);
	c->error[0] = '\0';
	return true;
}

const struct buf *
condense_message(const struct condense *c)
{
	return &c->out;
}

const char *
condense_error(const struct condense *c)
{
	return c->error;
}

static bool
fail(struct condense *c, const char *what, uint64_t n)
{
	snprintf(c->error, sizeof(c->error), "%s%llu", what,
			 (unsigned long long) n);
	return false;
}

static void
put_varint(struct buf *out, uint64_t v)
{
	uint8_t			  *p = buf_reserve(out, VARINT_MAX);
	struct wire_writer w;

	wire_writer_init(&w, p, VARINT_MAX);
	wire_put_varint(&w, v);
	buf_commit(out, wire_writer_len(&w));
}

/* The varint that begins at 'at' in 'part'.  False: not all of it is there. */
static bool
get_varint(const struct condense *c, size_t at, uint64_t *v, size_t *after)
{
	*v = 0;
	for (size_t i = at; i < c->part.len; i++)
	{
		*v |= (uint64_t) (c->part.data[i] & 0x7f) << (7 * (i - at) & 63);
		if (!(c->part.data[i] & 0x80))
		{
			*after = i + 1;
			return true;
		}
	}
	return false;
}

/* ------------------------------------------------------------------- rows */

/* Which of the relation's columns the present one of the tuple is. */
static uint32_t
column_index(const struct condense *c)
{
	return c->in_new || c->old_full ? c->column
									: c->rel->relation.identities[c->column];
}

static uint64_t
keep_of(const struct condense *c)
{
	if (change_is_key(&c->rel->relation, column_index(c)))
		return CONDENSE_KEEP_KEY;
	return c->out.len > ROOM ? KEEP_WITHOUT_ROOM : CONDENSE_KEEP;
}

/* The tag of the present column goes out as this one. */
static void
set_tag(struct condense *c, uint8_t tag, uint64_t len)
{
	c->out.data[c->tags_at + c->column] = tag;
	if (!c->in_new && c->old_full)
		c->old[c->column] = (struct column){tag, len};
}

static void
put_oversize(struct condense *c, uint64_t len)
{
	set_tag(c, WIRE_VALUE_OVERSIZE, len);
	put_varint(&c->out, len);
}

static void
begin_tuple(struct condense *c)
{
	c->in_new = !c->old_to_come;
	if (!c->old_to_come && !c->new_to_come)
	{
		c->step = STEP_END;
		return;
	}
	c->ncolumns = c->in_new || c->old_full ? c->rel->relation.ncolumns
										   : c->rel->relation.nidentity;
	if (c->in_new)
		c->new_to_come = false;
	else
		c->old_to_come = false;
	buf_reset(&c->part);
	c->step = STEP_TAGS;
}

/*
 * Go on to the next column that has bytes of its own, and past the tuple's
 * end.
 */
static void
next_column(struct condense *c)
{
	for (; c->column < c->ncolumns; c->column++)
	{
		uint8_t tag = c->tags[c->column];
		int16_t width = c->rel->widths[column_index(c)];

		buf_reset(&c->part);
		switch (tag)
		{
			case WIRE_VALUE_PRESENT:
				set_tag(c, tag, 0);
				if (width < 0)
				{
					c->step = STEP_LENGTH;
					return;
				}
				c->left = (uint64_t) width;
				c->step = STEP_KEEP;
				return;
			case WIRE_VALUE_ERROR:
				set_tag(c, tag, 0);
				c->left = WIRE_SQLSTATE_LEN;
				c->step = STEP_KEEP;
				return;
			case WIRE_VALUE_OVERSIZE:
				c->step = STEP_LENGTH;
				return;
			case WIRE_VALUE_SAME:
				if (c->in_new && c->old_full &&
					c->old[c->column].tag == WIRE_VALUE_OVERSIZE)
				{
					put_oversize(c, c->old[c->column].len);
					break;
				}
				/* FALLTHROUGH */
			default:
				set_tag(c, tag, 0);
				break;
		}
	}
	begin_tuple(c);
}

/* The length of the present value has come. */
static void
take_length(struct condense *c, uint64_t len)
{
	if (c->tags[c->column] == WIRE_VALUE_OVERSIZE)
	{
		put_oversize(c, len);
		c->left = 0;
		c->step = STEP_SKIP;
	}
	else if (len > keep_of(c))
	{
		put_oversize(c, len);
		c->left = len;
		c->step = STEP_SKIP;
	}
	else
	{
		put_varint(&c->out, len);
		c->left = len;
		c->step = STEP_KEEP;
	}
}

static bool
take_tags(struct condense *c)
{
	const uint8_t *tags = c->part.data;

	for (uint32_t i = 0; i < c->ncolumns; i++)
		c->tags[i] = (uint8_t) (c->wide ? tags[i]
										: tags[i / 4] >> (i % 4 * 2) & 3);
	if (!c->wide && c->ncolumns % 4 != 0 &&
		tags[c->part.len - 1] >> (c->ncolumns % 4 * 2) != 0)
		return fail(c,
					"unused bits set in the tags of columns, of which "
					"there are ",
					c->ncolumns);
	c->tags_at = c->out.len;
	memset(buf_reserve(&c->out, c->ncolumns), 0, c->ncolumns);
	buf_commit(&c->out, c->ncolumns);
	c->column = 0;
	next_column(c);
	return true;
}

/* Take the head, if it is all there. */
static bool
take_row_head(struct condense *c)
{
	struct wire_reader r;
	struct wire_writer w;
	struct wire_row	   row;
	uint64_t		   v;
	size_t			   at = 2;
	uint8_t			  *p;

	if (c->part.len < 2 || !get_varint(c, at, &v, &at) ||
		!get_varint(c, at, &v, &at) ||
		(c->part.data[1] & WIRE_ROW_XID && !get_varint(c, at, &v, &at)))
		return true;
	wire_reader_init(&r, c->part.data, c->part.len);
	(void) wire_read_tag(&r);
	wire_read_row(&r, (char) c->tag, &row);
	if (!wire_reader_ok(&r))
	{
		snprintf(c->error, sizeof(c->error), "%s: %s", r.error_field, r.error);
		return false;
	}
	c->rel = schema_find(c->schema, row.schema_id);
	if (c->rel == NULL)
		return fail(c, "no relation has schema id ", row.schema_id);
	c->wide = row.flags & WIRE_ROW_WIDE;
	c->old_full = row.flags & WIRE_ROW_OLD_FULL;
	c->old_to_come = row.flags & (WIRE_ROW_OLD_KEY | WIRE_ROW_OLD_FULL);
	c->new_to_come = c->tag != WIRE_DELETE;
	row.flags |= WIRE_ROW_WIDE;

	p = buf_reserve(&c->out, c->part.len);
	wire_writer_init(&w, p, c->part.len);
	wire_write_row(&w, &row);
	buf_commit(&c->out, wire_writer_len(&w));
	begin_tuple(c);
	return true;
}

/* Tag, flags, LSN and where there is one xid; then the prefix's length. */
static bool
take_message_head(struct condense *c)
{
	size_t	 at = 2 + 8;
	uint64_t v;

	if (c->part.len < at ||
		(c->part.data[1] & WIRE_MESSAGE_XID && !get_varint(c, at, &v, &at)) ||
		!get_varint(c, at, &v, &at))
		return true;
	if (v > CONDENSE_KEEP_KEY)
		return fail(c, "the prefix has a length of ", v);
	buf_put(&c->out, c->part.data, c->part.len);
	c->left = v;
	c->step = STEP_PREFIX;
	return true;
}

/* -------------------------------------------------------------- the machine */

/* A byte of what has to be there whole was added to 'part'. */
static bool
take_part(struct condense *c)
{
	uint64_t v;
	size_t	 after;

	switch (c->step)
	{
		case STEP_HEAD:
			if (c->part.len > 2 + 8 + 3 * VARINT_MAX)
				return fail(c, "its head does not end within bytes: ",
							c->part.len);
			return c->tag == WIRE_LOGICAL_MESSAGE ? take_message_head(c)
												  : take_row_head(c);
		case STEP_LENGTH:
		case STEP_CONTENT:
			if (c->part.len > VARINT_MAX)
				return fail(c, "a length does not end within bytes: ",
							VARINT_MAX);
			if (!get_varint(c, 0, &v, &after))
				return true;
			if (c->step == STEP_LENGTH)
			{
				take_length(c, v);
				return true;
			}
			put_varint(&c->out, 0);
			c->left = v;
			c->step = STEP_SKIP;
			return true;
		default:
			return true;
	}
}

/* What 'left' counts has come to its end. */
static void
go_on(struct condense *c)
{
	buf_reset(&c->part);
	if (c->step == STEP_PREFIX)
		c->step = STEP_CONTENT;
	else if (c->tag == WIRE_LOGICAL_MESSAGE)
		c->step = STEP_END;
	else
	{
		c->column++;
		next_column(c);
	}
}

/* Steps that need no more bytes. */
static bool
settle(struct condense *c)
{
	for (;;)
	{
		size_t tags_len;

		switch (c->step)
		{
			case STEP_TAGS:
				tags_len = c->wide ? c->ncolumns : wire_tags_len(c->ncolumns);
				if (c->part.len < tags_len)
					return true;
				if (!take_tags(c))
					return false;
				break;
			case STEP_KEEP:
			case STEP_PREFIX:
			case STEP_SKIP:
				if (c->left > 0)
					return true;
				go_on(c);
				break;
			default:
				return true;
		}
	}
}

bool
condense_feed(struct condense *c, const uint8_t *p, size_t n)
{
	const uint8_t *end = p + n;

	while (p < end)
	{
		size_t some = (size_t) (end - p);

		switch (c->step)
		{
			case STEP_KEEP:
			case STEP_PREFIX:
			case STEP_SKIP:
				if (some > c->left)
					some = (size_t) c->left;
				if (c->step != STEP_SKIP)
					buf_put(&c->out, p, some);
				c->left -= some;
				p += some;
				break;
			case STEP_END:
				return fail(c, "bytes after its end: ", some);
			default:
				buf_put(&c->part, p, 1);
				p++;
				if (!take_part(c))
					return false;
				break;
		}
		if (!settle(c))
			return false;
	}
	return true;
}

bool
condense_end(struct condense *c)
{
	if (c->step != STEP_END)
	{
		snprintf(c->error, sizeof(c->error), "ends before all of it has come");
		return false;
	}
	return true;
}
