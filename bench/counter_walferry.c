/*
 * counter_walferry.c
 *		Counts walferry's frames, through the forwarder's own reader of them.
 *
 * Beyond what the other counters do it checks what the stream promises: that
 * the commit's count of changes is what arrived.
 */
#include "counter.h"

#include <stdlib.h>
#include <string.h>

#include "wire.h"

#define ID_COLUMN		0
#define NOTE_COLUMN		2

/* A benchmark has two tables of nine columns. */
#define MAX_COLUMNS		64
#define MAX_RELATIONS	64

struct relation
{
	uint32_t	ncolumns;		/* 0: unknown */
	int16_t		widths[MAX_COLUMNS];
	uint32_t	nidentity;
	int16_t		identity_widths[MAX_COLUMNS];
};

struct stream
{
	bool		has_header;
	uint64_t	changes;		/* of the transaction so far */
	struct relation relations[MAX_RELATIONS];
};

static void
read_header(struct wire_reader *r, struct stream *s)
{
	struct wire_header header;
	struct wire_option option;

	wire_read_header(r, &header);
	for (uint32_t i = 0; i < header.noptions && wire_reader_ok(r); i++)
		wire_read_option(r, &option);
	s->has_header = true;
}

static void
read_relation(struct wire_reader *r, struct stream *s)
{
	struct wire_relation message;
	struct relation *rel;

	wire_read_relation(r, &message);
	if (!wire_reader_ok(r))
		return;
	if (message.schema_id >= MAX_RELATIONS || message.ncolumns > MAX_COLUMNS)
	{
		wire_reader_fail(r, "more than a benchmark has");
		return;
	}
	rel = &s->relations[message.schema_id];
	*rel = (struct relation) {.ncolumns = message.ncolumns};
	for (uint32_t i = 0; i < rel->ncolumns && wire_reader_ok(r); i++)
	{
		struct wire_column column;

		wire_read_column(r, &column);
		rel->widths[i] = column.width;
		if (column.flags & WIRE_COLUMN_IDENTITY)
			rel->identity_widths[rel->nidentity++] = column.width;
	}
	wire_read_relation_end(r, &message);
}

static void
count_id(struct counts *c, struct wire_reader *r,
		 const struct wire_value *value)
{
	uint64_t	id = 0;

	if (value->tag < WIRE_VALUE_PRESENT || value->len != 8)
	{
		wire_reader_fail(r, "no key");
		return;
	}
	for (size_t i = 8; i-- > 0;)
		id = id << 8 | value->data[i];
	c->id_sum += id;
}

static void
count_row(struct counts *c, struct wire_reader *r, struct stream *s, char op)
{
	struct wire_row row;
	struct wire_value old[MAX_COLUMNS];
	struct wire_value new[MAX_COLUMNS];
	const struct relation *rel;
	bool		wide;

	wire_read_row(r, op, &row);
	if (!wire_reader_ok(r))
		return;
	if (row.schema_id >= MAX_RELATIONS ||
		s->relations[row.schema_id].ncolumns == 0)
	{
		wire_reader_fail(r, "row of an unknown relation");
		return;
	}
	rel = &s->relations[row.schema_id];
	wide = (row.flags & WIRE_ROW_WIDE) != 0;

	if (row.flags & WIRE_ROW_OLD_KEY)
		wire_read_tuple(r, rel->nidentity, rel->identity_widths, wide, NULL,
						old);
	else if (row.flags & WIRE_ROW_OLD_FULL)
		wire_read_tuple(r, rel->ncolumns, rel->widths, wide, NULL, old);
	if (op == WIRE_DELETE && wire_reader_ok(r))
	{
		/* both kinds of old tuple begin with the key, our first column */
		count_id(c, r, &old[ID_COLUMN]);
		c->deletes++;
	}
	if (op != WIRE_DELETE)
	{
		wire_read_tuple(r, rel->ncolumns, rel->widths, wide,
						row.flags & WIRE_ROW_OLD_FULL ? old : NULL, new);
		if (!wire_reader_ok(r))
			return;
		for (uint32_t i = 0; i < rel->ncolumns; i++)
		{
			if (new[i].tag == WIRE_VALUE_PRESENT ||
				new[i].tag == WIRE_VALUE_SAME)
				c->values++;
		}
		count_id(c, r, &new[ID_COLUMN]);
		c->note_hash += counter_hash(0, (const char *) new[NOTE_COLUMN].data,
									 (size_t) new[NOTE_COLUMN].len);
		if (op == WIRE_INSERT)
			c->inserts++;
		else
			c->updates++;
	}
	s->changes++;
}

bool
counter_walferry(struct counts *c, const char *payload, size_t len)
{
	struct stream *s = c->state;
	struct wire_reader r;

	if (s == NULL && (s = c->state = calloc(1, sizeof(*s))) == NULL)
		abort();
	wire_reader_init(&r, payload, len);
	/* no row of the benchmark is larger than a frame */
	if (wire_read_frame(&r) != WIRE_FRAME_MESSAGES)
		return false;
	while (wire_reader_ok(&r) && wire_reader_left(&r) > 0)
	{
		enum wire_tag tag = wire_read_tag(&r);
		struct wire_txn txn;
		struct wire_counts counts;
		uint64_t	xid;
		bool		first;

		switch (tag)
		{
			case WIRE_HEADER:
				read_header(&r, s);
				break;
			case WIRE_RELATION:
				read_relation(&r, s);
				break;
			case WIRE_BEGIN:
				wire_read_begin(&r, &txn);
				s->changes = 0;
				break;
			case WIRE_COMMIT:
				wire_read_commit(&r, &counts);
				if (counts.changes != s->changes)
					return false;
				c->commits++;
				break;
			case WIRE_STREAM_START:
				wire_read_stream_start(&r, &xid, &first);
				if (first)
					s->changes = 0;
				break;
			case WIRE_STREAM_STOP:
				wire_read_stream_stop(&r);
				break;
			case WIRE_STREAM_COMMIT:
				wire_read_stream_commit(&r, &txn, &counts);
				if (counts.changes != s->changes)
					return false;
				c->commits++;
				break;
			case WIRE_INSERT:
			case WIRE_UPDATE:
			case WIRE_DELETE:
				count_row(c, &r, s, (char) tag);
				break;
			default:
				return false;	/* not part of the workload */
		}
	}
	return s->has_header && wire_read_end(&r);
}
