/*
 * rowdirect.c
 *		Rows copied from tuple to frame in one pass, where that is possible.
 *
 * Nearly all rows are: columns in the order in which they are stored, of types
 * that travel raw, with values that stand in the tuple.  For these nothing has
 * to be gathered first, because the length of the tuple bounds that of the
 * message: the tuple is walked once, and each value copied to where it will be
 * sent.  Whatever needs more (an output function, decompression, a value put
 * together from chunks, one that a tuple does not have because the column was
 * added later) makes this path give up, and rowenc.c starts the row again.
 *
 * A tuple's values follow each other, each at the next address that its type's
 * alignment allows; NULLs take no space, and a varlena with a header of one
 * byte is not aligned.  A fixed-width value is sent as it is stored.  A varlena
 * has a header of four bytes or one in the tuple, and a varint in the message:
 * at most one byte more.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "catalog/pg_type.h"

#include "compat.h"
#include "rowdirect.h"
#include "wire.h"

/* Of DirectColumn.wanted. */
#define WANTED_ROW 0x01			/* in whole rows */
#define WANTED_KEY 0x02			/* in old keys */

typedef enum DirectKind
{
	DIRECT_1,					/* so many bytes, aligned to as many */
	DIRECT_2,
	DIRECT_4,
	DIRECT_8,
	DIRECT_16,					/* 16 bytes: uuid, interval */
	DIRECT_FIXED,				/* 'width' bytes */
	DIRECT_NAME,
	DIRECT_VARLENA,
	DIRECT_VIRTUAL				/* no tuple has a value */
} DirectKind;

/* A column of the table, dropped ones and those not sent included. */
typedef struct DirectColumn
{
	uint8		kind;			/* DirectKind */
	uint8		wanted;			/* WANTED_* */
	uint8		align;			/* in bytes */
	uint8		null_tag;		/* enum wire_value_tag */
	int16		width;
} DirectColumn;

struct DirectPlan
{
	int			natts;
	int			nrow;			/* columns sent in a whole row */
	int			nkey;			/* and in an old key */
	size_t		extra;			/* see rowdirect_room() */
	DirectColumn columns[FLEXIBLE_ARRAY_MEMBER];
};

/* What tuples are written as; constant where put_tuple() is inlined. */
typedef enum DirectMode
{
	MODE_ROW,
	MODE_KEY,
	MODE_OLD,					/* a whole row, noting where values are */
	MODE_NEW					/* a whole row, against what was noted */
} DirectMode;

/* Tags of four columns that all have a value. */
#define TAGS_PRESENT 0xaa
StaticAssertDecl(WIRE_VALUE_PRESENT == 2, "TAGS_PRESENT");

/* Tags are written in steps of eight bytes, over the values to come. */
#define TAGS_STEP 8

static int
align_bytes(char attalign)
{
	switch (attalign)
	{
		case TYPALIGN_SHORT:
			return ALIGNOF_SHORT;
		case TYPALIGN_INT:
			return ALIGNOF_INT;
		case TYPALIGN_DOUBLE:
			return ALIGNOF_DOUBLE;
		default:
			return 1;
	}
}

static DirectKind
direct_kind(const ColumnPlan *sent, Form_pg_attribute att, int align)
{
	if (sent != NULL && sent->is_virtual)
		return DIRECT_VIRTUAL;
	if (sent != NULL && sent->kind == RAW_NAME)
		return DIRECT_NAME;
	if (att->attlen == -1)
		return DIRECT_VARLENA;
	if (att->attlen == 16)
		return DIRECT_16;
	if (att->attlen == align)
		switch (att->attlen)
		{
			case 1:
				return DIRECT_1;
			case 2:
				return DIRECT_2;
			case 4:
				return DIRECT_4;
			case 8:
				return DIRECT_8;
		}
	return DIRECT_FIXED;
}

DirectPlan *
rowdirect_plan(const ColumnPlan *columns, int ncolumns, TupleDesc stored)
{
#ifdef WORDS_BIGENDIAN
	return NULL;				/* the wire is little-endian */
#else
	DirectPlan *plan = palloc0(offsetof(DirectPlan, columns) +
							   stored->natts * sizeof(DirectColumn));
	const ColumnPlan *next = columns;
	const ColumnPlan *end = columns + ncolumns;
	int			i;

	plan->natts = stored->natts;
	for (i = 0; i < stored->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(stored, i);
		DirectColumn *c = &plan->columns[i];
		const ColumnPlan *sent = next < end && next->att == i ? next++ : NULL;

		c->align = align_bytes(att->attalign);
		c->width = att->attlen;
		c->kind = direct_kind(sent, att, c->align);
		if (att->attlen < -1)
			return NULL;		/* no column is of such a type */
		if (att->attlen > 0)
			plan->extra += att->attlen;
		if (sent == NULL)
			continue;
		if (sent->cut || (sent->kind == RAW_NONE && !sent->is_virtual))
			return NULL;
		c->null_tag = sent->is_virtual ? WIRE_VALUE_UNCHANGED :
			WIRE_VALUE_NULL;
		c->wanted = WANTED_ROW;
		plan->nrow++;
		if (sent->identity)
		{
			c->wanted |= WANTED_KEY;
			plan->nkey++;
		}
	}

	/* Columns are sent in another order: of a root, not of this partition. */
	if (next < end)
		return NULL;
	plan->extra += ncolumns + wire_tags_len(ncolumns) + TAGS_STEP;
	return plan;
#endif
}

/*
 * The walk stops at a varlena that does not end within the tuple, so that even
 * a damaged one cannot make it write more than: the tuple, all fixed-width
 * values once more, a byte for each column, and the tags.
 */
size_t
rowdirect_room(const DirectPlan *plan, HeapTuple tuple)
{
	return tuple->t_len + plan->extra;
}

static inline void
set_tag(uint8 *tags, int i, enum wire_value_tag tag)
{
	tags[i / 4] ^= (uint8) ((WIRE_VALUE_PRESENT ^ tag) << (i % 4 * 2));
}

/* All columns present, unused bits zero. */
static inline uint8 *
start_tags(uint8 *tags, int ncolumns)
{
	int			len = wire_tags_len(ncolumns);
	int			i;

	for (i = 0; i < len; i += TAGS_STEP)
		memset(tags + i, TAGS_PRESENT, TAGS_STEP);
	if (ncolumns % 4 != 0)
		tags[len - 1] &= (1 << ncolumns % 4 * 2) - 1;
	return tags + len;
}

static pg_attribute_always_inline uint8 *
put_tuple(const DirectPlan *plan, uint8 *p, HeapTuple tuple, DirectMode mode,
		  DirectValue *values)
{
	HeapTupleHeader header = tuple->t_data;
	const uint8 *base = (const uint8 *) header + header->t_hoff;
	const size_t end = tuple->t_len - header->t_hoff;
	const bits8 *nulls = HeapTupleHasNulls(tuple) ? header->t_bits : NULL;
	const uint8 wanted = mode == MODE_KEY ? WANTED_KEY : WANTED_ROW;
	uint8	   *tags = p;
	size_t		off = 0;		/* in the tuple */
	int			at = -1;		/* the column in the message */
	int			i;

	if (unlikely(HeapTupleHeaderGetNatts(header) != plan->natts))
		return NULL;

	p = start_tags(tags, mode == MODE_KEY ? plan->nkey : plan->nrow);
	for (i = 0; i < plan->natts; i++)
	{
		const DirectColumn *c = &plan->columns[i];
		const bool	skip = (c->wanted & wanted) == 0;
		const uint8 *data;
		size_t		len;

		if (!skip)
			at++;
		if (nulls != NULL && att_isnull(i, nulls))
		{
			if (skip)
				continue;
			set_tag(tags, at, (enum wire_value_tag) c->null_tag);
			if (mode == MODE_OLD)
				values[at].data = NULL;
			continue;
		}

		/* Copies of a size that the compiler knows are single moves. */
#define PUT_FIXED(size, alignment) \
		off = TYPEALIGN(alignment, off); \
		data = base + off; \
		off += (size); \
		if (skip) \
			continue; \
		if (mode == MODE_NEW && values[at].data != NULL && \
			memcmp(values[at].data, data, (size)) == 0) \
		{ \
			set_tag(tags, at, WIRE_VALUE_SAME); \
			continue; \
		} \
		if (mode == MODE_OLD) \
			values[at].data = data; \
		memcpy(p, data, (size)); \
		p += (size); \
		continue

		switch ((DirectKind) c->kind)
		{
			case DIRECT_1:
				PUT_FIXED(1, 1);
			case DIRECT_2:
				PUT_FIXED(2, 2);
			case DIRECT_4:
				PUT_FIXED(4, 4);
			case DIRECT_8:
				PUT_FIXED(8, 8);
			case DIRECT_16:
				PUT_FIXED(16, c->align);
			case DIRECT_FIXED:
				PUT_FIXED(c->width, c->align);
#undef PUT_FIXED
			case DIRECT_NAME:
				data = base + off;
				off += NAMEDATALEN;
				if (skip)
					continue;
				len = strnlen((const char *) data, NAMEDATALEN);
				break;
			case DIRECT_VARLENA:
				if (!VARATT_NOT_PAD_BYTE(base + off))
					off = TYPEALIGN(c->align, off);
				data = base + off;
				if (likely(VARATT_IS_1B(data) && !VARATT_IS_1B_E(data)))
				{
					off += VARSIZE_1B(data);
					len = VARSIZE_1B(data) - VARHDRSZ_SHORT;
					data += VARHDRSZ_SHORT;
				}
				else if (skip)
					off += VARSIZE_ANY(data);
				else if (likely(VARATT_IS_4B_U(data)))
				{
					off += VARSIZE_4B(data);
					len = (size_t) VARSIZE_4B(data) - VARHDRSZ;
					data += VARHDRSZ;
				}
				else if (VARATT_IS_EXTERNAL_ONDISK(data) && mode != MODE_OLD)
				{
					off += VARSIZE_EXTERNAL(data);
					set_tag(tags, at,
							mode == MODE_NEW && values[at].data != NULL ?
							WIRE_VALUE_SAME : WIRE_VALUE_UNCHANGED);
					continue;
				}
				else
					return NULL;
				if (unlikely(off > end))
					return NULL;
				if (skip)
					continue;
				if (unlikely(len > end))
					return NULL;	/* its header says less than 4 bytes */
				break;
			case DIRECT_VIRTUAL:
			default:
				return NULL;
		}

		/* A length and the bytes. */
		if (mode == MODE_NEW && values[at].data != NULL &&
			values[at].len == len && memcmp(values[at].data, data, len) == 0)
		{
			set_tag(tags, at, WIRE_VALUE_SAME);
			continue;
		}
		if (mode == MODE_OLD)
		{
			values[at].data = data;
			values[at].len = len;
		}
		if (likely(len < 0x80))
			*p++ = (uint8) len;
		else
		{
			size_t		rest = len;

			do
				*p++ = (uint8) (rest | 0x80);
			while ((rest >>= 7) >= 0x80);
			*p++ = (uint8) rest;
		}
		memcpy(p, data, len);
		p += len;
	}
	return p;
}

uint8 *
rowdirect_write(const DirectPlan *plan, uint8 *p, HeapTuple old_tuple,
				HeapTuple new_tuple, bool full, DirectValue *values)
{
	if (old_tuple != NULL)
	{
		if (full)
			p = put_tuple(plan, p, old_tuple, MODE_OLD, values);
		else
			p = put_tuple(plan, p, old_tuple, MODE_KEY, values);
	}
	if (p == NULL || new_tuple == NULL)
		return p;				/* a delete may have neither */
	if (old_tuple != NULL && full)
		return put_tuple(plan, p, new_tuple, MODE_NEW, values);
	return put_tuple(plan, p, new_tuple, MODE_ROW, values);
}
