/*
 * decode.c - frames in, transactions and changes out; see decode.h.
 *
 * One reader stands in the frame, or in the assembled message of several
 * fragment frames.  decode_next() reads one message and says what it was; two
 * of them take more than one call, and 'rest' says what is left of them: a
 * truncate (one change per relation) and a message outside transactions
 * (begin, change, commit).
 *
 * What is checked, because a wrong stream must never look like a right one:
 * the header comes first and once; changes stand between a begin and its
 * commit; end LSNs grow; a commit's counts are what was read; a fragment
 * follows its predecessor; rows name relations that were described.
 *
 * Nothing is allocated per row: the value arrays grow with the widest
 * relation, the assembly buffer with the largest message, and it is given
 * back if that was an unusual one.  A message over the limit is never held:
 * its fragments pass through condense.c.
 */
#include "decode.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "buf.h"
#include "condense.h"
#include "fault.h"
#include "mem.h"

/* Microseconds from 1970-01-01 to 2000-01-01. */
#define PG_EPOCH_US UINT64_C(946684800000000)

/* An assembly buffer larger than this is not kept for the next message. */
#define ASSEMBLY_KEEP ((size_t) 4 << 20)

enum decode_state
{
	AWAIT_HEADER,
	OUTSIDE, /* between transactions */
	INSIDE,	 /* of one */
	FAILED
};

/* What the next call goes on with. */
enum decode_rest
{
	REST_NONE,
	REST_TRUNCATE, /* its relations */
	REST_MESSAGE_CHANGE,
	REST_MESSAGE_COMMIT
};

struct decode
{
	struct schema *schema;
	uint32_t (*timeline_of)(void *arg, uint64_t lsn);
	void  *arg;
	size_t message_max;

	/* where we read */
	const uint8_t	  *frame; /* fed and not yet opened, else NULL */
	size_t			   frame_len;
	struct wire_reader r;
	bool			   single;	/* 'r' is over one assembled message */
	const uint8_t	  *message; /* in 'r', its tag */
	enum wire_tag	   tag;		/* of the message */
	struct buf		   assembly;
	uint64_t		   assembly_total; /* 0: no message is being assembled */
	uint64_t		   assembly_at;	   /* bytes of it that have come */
	struct condense	  *condense;
	bool			   condensing;
	uint64_t condensed_len; /* of the message in 'r', 0: it is whole */

	/* what the stream has said */
	enum decode_state state;
	enum decode_rest  rest;
	uint64_t		  last_end_lsn; /* of the last begun, 0: none so far */
	uint64_t last_lsn;		/* of the last change, for the next lsn_delta */
	uint32_t truncate_left; /* relations of a truncate to come */
	uint64_t changes;		/* of the open transaction, so far */
	uint64_t bytes;

	/* what was asked for last */
	struct decode_header	  header;
	struct buf				  header_text;
	struct change_transaction txn;
	struct buf				  origin;
	struct change			  change;
	struct schema_relation	 *relation;

	/* tuples: 'width' elements each */
	uint32_t			 width;
	struct wire_value	*wire_old;
	struct wire_value	*wire_new;
	struct change_value *before;
	struct change_value *after;

	struct buf error;
	bool	   version_mismatch;
};

/* Of enum wire_value_tag; SAME has the old tuple's bytes by then. */
static const uint8_t state_of_tag[] = {
	[WIRE_VALUE_NULL] = CHANGE_NULL,
	[WIRE_VALUE_UNCHANGED] = CHANGE_UNCHANGED,
	[WIRE_VALUE_PRESENT] = CHANGE_VALUE,
	[WIRE_VALUE_SAME] = CHANGE_VALUE,
	[WIRE_VALUE_ERROR] = CHANGE_ERROR,
	[WIRE_VALUE_OVERSIZE] = CHANGE_OVERSIZE,
};

/*
 * Room for tuples of 'n' columns.  There is some from the start, so that the
 * tuples of a table without columns are not NULL.
 */
static void
widen(struct decode *d, uint32_t n)
{
	if (n <= d->width)
		return;
	d->wire_old = mem_resize(d->wire_old, n, sizeof(*d->wire_old));
	d->wire_new = mem_resize(d->wire_new, n, sizeof(*d->wire_new));
	d->before = mem_resize(d->before, n, sizeof(*d->before));
	d->after = mem_resize(d->after, n, sizeof(*d->after));
	d->width = n;
}

struct decode *
decode_new(void (*release)(void *user),
		   uint32_t (*timeline_of)(void *arg, uint64_t lsn), void *arg,
		   size_t message_max)
{
	struct decode *d = mem_zalloc(1, sizeof(*d));

	d->schema = schema_new(release);
	d->timeline_of = timeline_of;
	d->arg = arg;
	d->message_max = message_max;
	d->condense = condense_new(d->schema);
	widen(d, 16);
	decode_reset(d);
	return d;
}

void
decode_free(struct decode *d)
{
	if (d == NULL)
		return;
	condense_free(d->condense);
	schema_free(d->schema);
	buf_free(&d->assembly);
	buf_free(&d->header_text);
	buf_free(&d->origin);
	buf_free(&d->error);
	free(d->wire_old);
	free(d->wire_new);
	free(d->before);
	free(d->after);
	free(d);
}

void
decode_reset(struct decode *d)
{
	schema_reset(d->schema);
	d->frame = NULL;
	wire_reader_init(&d->r, "", 0);
	d->single = false;
	d->assembly_total = 0;
	d->condensed_len = 0;
	buf_reset(&d->assembly);
	d->state = AWAIT_HEADER;
	d->rest = REST_NONE;
	d->last_end_lsn = 0;
	memset(&d->header, 0, sizeof(d->header));
	memset(&d->txn, 0, sizeof(d->txn));
	memset(&d->change, 0, sizeof(d->change));
	d->relation = NULL;
	buf_reset(&d->error);
	d->version_mismatch = false;
}

void
decode_feed(struct decode *d, const uint8_t *frame, size_t len)
{
	d->frame = frame;
	d->frame_len = len;
}

const struct decode_header *
decode_header(const struct decode *d)
{
	return &d->header;
}

const struct change_transaction *
decode_transaction(const struct decode *d)
{
	return &d->txn;
}

const struct change *
decode_change(const struct decode *d)
{
	return &d->change;
}

struct schema_relation *
decode_relation(const struct decode *d)
{
	return d->relation;
}

const char *
decode_error(const struct decode *d)
{
	return d->error.len > 0 ? (const char *) d->error.data : "";
}

bool
decode_version_mismatch(const struct decode *d)
{
	return d->version_mismatch;
}

/* ---------------------------------------------------------------- failing */

__attribute__((format(printf, 2, 3))) static enum decode_event
fail(struct decode *d, const char *fmt, ...)
{
	char	why[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	buf_reset(&d->error);
	buf_puts(&d->error, why);
	if (d->state == INSIDE)
		buf_printf(&d->error,
				   ", in the transaction with xid %" PRIu64
				   " that ends at %X/%X",
				   d->txn.xid, (unsigned) (d->txn.end_lsn >> 32),
				   (unsigned) d->txn.end_lsn);
	(void) buf_cstr(&d->error);
	d->state = FAILED;
	return DECODE_FAILED;
}

/* The message itself is broken: say what the reader found. */
static enum decode_event
fail_reader(struct decode *d, const char *what)
{
	return fail(d, "bad %s: %s: %s at byte %zu of %zu", what, d->r.error_field,
				d->r.error, d->r.error_at, (size_t) (d->r.end - d->r.start));
}

static enum decode_event
fail_message(struct decode *d)
{
	return fail_reader(d, d->tag == WIRE_LOGICAL_MESSAGE
							  ? "logical message"
							  : wire_tag_name(d->tag));
}

/* Which byte of the frame or assembled message the present message is at. */
static size_t
message_at(const struct decode *d)
{
	return (size_t) (d->message - d->r.start);
}

/* ----------------------------------------------------------------- frames */

/* The message whose first fragment is in 'r' is too large to be held. */
static bool
begin_condensing(struct decode *d, uint64_t total)
{
	uint8_t tag = *d->r.p;

	d->condensing = condense_begin(d->condense, tag);
	if (!d->condensing)
		fail(d,
			 "message of %" PRIu64 " bytes is over the limit of %zu, and no "
			 "row: %s",
			 total, d->message_max, wire_tag_name(tag));
	return d->condensing;
}

/* Add the bytes of a fragment.  False: they make no sense. */
static bool
add_bytes(struct decode *d, const uint8_t *data, size_t len)
{
	d->assembly_at += len;
	if (!d->condensing)
	{
		buf_put(&d->assembly, data, len);
		return true;
	}
	if (condense_feed(d->condense, data, len) &&
		(d->assembly_at < d->assembly_total || condense_end(d->condense)))
		return true;
	fail(d, "bad message of %" PRIu64 " bytes, up to byte %" PRIu64 ": %s",
		 d->assembly_total, d->assembly_at, condense_error(d->condense));
	return false;
}

/*
 * Add one fragment.  True if that completes its message, and the reader then
 * stands before it.
 */
static bool
add_fragment(struct decode *d)
{
	struct wire_reader *r = &d->r;
	uint64_t			total;
	uint64_t			offset;

	wire_read_fragment_head(r, &total, &offset);
	if (!wire_reader_ok(r))
	{
		fail_reader(d, "fragment");
		return false;
	}
	if (d->assembly_total == 0)
	{
		if (offset != 0)
		{
			fail(d,
				 "bad fragment: begins at byte %" PRIu64
				 " of a message whose beginning was not sent",
				 offset);
			return false;
		}
		d->condensing = false;
		if (total > d->message_max && !begin_condensing(d, total))
			return false;
		if (d->assembly.cap > ASSEMBLY_KEEP && total <= ASSEMBLY_KEEP)
			buf_free(&d->assembly);
		buf_reset(&d->assembly);
		d->assembly_total = total;
		d->assembly_at = 0;
	}
	else if (total != d->assembly_total || offset != d->assembly_at)
	{
		fail(d,
			 "bad fragment: byte %" PRIu64 " of %" PRIu64
			 " where byte %" PRIu64 " of %" PRIu64 " is due",
			 offset, total, d->assembly_at, d->assembly_total);
		return false;
	}
	if (!add_bytes(d, r->p, wire_reader_left(r)))
		return false;
	r->p = r->end;
	if (d->assembly_at < d->assembly_total)
		return false;
	d->single = true;
	if (d->condensing)
	{
		const struct buf *message = condense_message(d->condense);

		d->condensed_len = d->assembly_total;
		wire_reader_init(r, message->data, message->len);
	}
	else
		wire_reader_init(r, d->assembly.data, d->assembly.len);
	d->assembly_total = 0;
	return true;
}

/* Open the frame that was fed.  True if there is a message to read. */
static bool
open_frame(struct decode *d)
{
	enum wire_frame_kind kind;

	if (d->single && d->assembly.cap > ASSEMBLY_KEEP)
		buf_free(&d->assembly);
	d->single = false;
	d->condensed_len = 0;
	wire_reader_init(&d->r, d->frame, d->frame_len);
	d->frame = NULL;
	kind = wire_read_frame(&d->r);
	if (!wire_reader_ok(&d->r))
	{
		fail_reader(d, "frame");
		return false;
	}
	if (kind == WIRE_FRAME_FRAGMENT)
		return add_fragment(d);
	if (d->assembly_total > 0)
	{
		fail(d,
			 "bad frame: messages where byte %" PRIu64
			 " of a message of %" PRIu64 " is due",
			 d->assembly_at, d->assembly_total);
		return false;
	}
	return wire_reader_left(&d->r) > 0;
}

/* ----------------------------------------------------------------- header */

/* A copy that lives as long as the decoder; an offset until all are there. */
static size_t
keep_text(struct decode *d, struct wire_str s)
{
	size_t at = d->header_text.len;

	buf_put(&d->header_text, s.data, s.len);
	buf_putc(&d->header_text, 0);
	return at;
}

static enum decode_event
next_header(struct decode *d)
{
	struct wire_header h;
	struct wire_option option;
	size_t			   database;
	size_t			   encoding;
	size_t			   plugin_version;

	if (d->state != AWAIT_HEADER)
		return fail(d, "bad stream: a second header at byte %zu",
					message_at(d));
	wire_read_header(&d->r, &h);
	if (!wire_reader_ok(&d->r))
	{
		d->version_mismatch = h.version != 0 && h.version != WIRE_VERSION;
		if (d->version_mismatch)
			return fail(d,
						"protocol version %u of the plugin is not %u, "
						"which this forwarder speaks",
						h.version, WIRE_VERSION);
		return fail_message(d);
	}
	for (uint32_t i = 0; i < h.noptions; i++)
		wire_read_option(&d->r, &option);
	if (!wire_reader_ok(&d->r))
		return fail_message(d);

	buf_reset(&d->header_text);
	database = keep_text(d, h.database);
	encoding = keep_text(d, h.encoding);
	plugin_version = keep_text(d, h.plugin_version);
	d->header.version = h.version;
	d->header.server_version_num = h.server_version_num;
	d->header.system_id = h.system_id;
	d->header.timeline = h.timeline;
	d->header.database = (char *) d->header_text.data + database;
	d->header.encoding = (char *) d->header_text.data + encoding;
	d->header.byte_order = h.byte_order;
	d->header.plugin_version = (char *) d->header_text.data + plugin_version;
	d->state = OUTSIDE;
	return DECODE_HEADER;
}

/* ------------------------------------------------------------ transactions */

/*
 * Begin what ends at 'end_lsn'; all but that and the LSN before it is zero.
 * False if that is not beyond all that was before.
 */
static bool
begin(struct decode *d, uint64_t end_lsn)
{
	uint64_t previous = d->last_end_lsn;

	if (end_lsn <= previous)
	{
		fail(d, "bad %s: end LSN %X/%X is not beyond %X/%X",
			 d->tag == WIRE_BEGIN ? "begin" : "logical message",
			 (unsigned) (end_lsn >> 32), (unsigned) end_lsn,
			 (unsigned) (previous >> 32), (unsigned) previous);
		return false;
	}
	memset(&d->txn, 0, sizeof(d->txn));
	d->txn.end_lsn = end_lsn;
	d->txn.previous_end_lsn = previous;
	d->last_end_lsn = end_lsn;

	memset(&d->change, 0, sizeof(d->change));
	d->change.txn = &d->txn;
	d->change.position.timeline = d->timeline_of != NULL
									  ? d->timeline_of(d->arg, end_lsn)
									  : d->header.timeline;
	d->change.position.end_lsn = end_lsn;
	d->changes = d->bytes = 0;
	d->state = INSIDE;
	return true;
}

static enum decode_event
next_begin(struct decode *d)
{
	struct wire_txn txn;

	wire_read_begin(&d->r, &txn);
	if (!wire_reader_ok(&d->r))
		return fail_message(d);
	if (d->state == INSIDE)
		return fail(d,
					"bad begin at byte %zu: the last transaction has not "
					"ended",
					message_at(d));
	if (!begin(d, txn.end_lsn))
		return DECODE_FAILED;
	d->txn.xid = txn.xid;
	d->txn.commit_lsn = txn.commit_lsn;
	d->txn.commit_time_us = (int64_t) ((uint64_t) txn.commit_time_us +
									   PG_EPOCH_US);
	if (txn.origin.len > 0)
	{
		buf_reset(&d->origin);
		buf_put(&d->origin, txn.origin.data, txn.origin.len);
		d->txn.origin = buf_cstr(&d->origin);
		d->txn.origin_lsn = txn.origin_lsn;
	}
	d->last_lsn = txn.commit_lsn;
	return DECODE_BEGIN;
}

static enum decode_event
next_commit(struct decode *d)
{
	struct wire_counts counts;

	wire_read_commit(&d->r, &counts);
	if (!wire_reader_ok(&d->r))
		return fail_message(d);
	if (d->state != INSIDE)
		return fail(d, "bad commit at byte %zu: no transaction has begun",
					message_at(d));
	if ((counts.changes != d->changes || counts.bytes != d->bytes) &&
		!FAULT_BUG("ignore_gap_in_stream"))
		return fail(d,
					"bad commit: %" PRIu64 " changes in %" PRIu64
					" bytes were sent, %" PRIu64 " in %" PRIu64
					" have arrived",
					counts.changes, counts.bytes, d->changes, d->bytes);
	d->state = OUTSIDE;
	return DECODE_COMMIT;
}

/* ----------------------------------------------------------------- changes */

/* Hand out d->change as the next of its transaction. */
static enum decode_event
emit(struct decode *d, enum change_op op)
{
	d->change.op = op;
	d->change.position.ordinal = d->changes++;
	return DECODE_CHANGE;
}

/* The message has been read to its end: count its bytes. */
static void
count_bytes(struct decode *d)
{
	uint64_t n = d->condensed_len > 0 ? d->condensed_len
									  : (uint64_t) (d->r.p - d->message);

	d->bytes += n;
	d->change.bytes = n;
	d->change.condensed = d->condensed_len > 0;
}

static enum decode_event
next_relation(struct decode *d)
{
	d->relation = schema_read(d->schema, &d->r);
	if (d->relation == NULL)
		return fail_message(d);
	widen(d, d->relation->relation.ncolumns);
	return DECODE_RELATION;
}

static inline void
set_value(struct change_value *to, const struct wire_value *from)
{
	to->state = (enum change_value_state) state_of_tag[from->tag];
	to->data = from->data;
	to->len = from->len;
}

/*
 * Read the old tuple; values of columns that are not in it are absent.  The
 * writer sends nothing for a column that is generated and not stored.
 */
static void
read_old(struct decode *d, const struct wire_row *row)
{
	const struct change_relation *rel = &d->relation->relation;
	bool						  wide = row->flags & WIRE_ROW_WIDE;

	if (row->flags & WIRE_ROW_OLD_FULL)
	{
		wire_read_tuple(&d->r, rel->ncolumns, d->relation->widths, wide, NULL,
						d->wire_old);
		for (uint32_t i = 0; i < rel->ncolumns; i++)
			set_value(&d->before[i], &d->wire_old[i]);
		return;
	}
	wire_read_tuple(&d->r, rel->nidentity, d->relation->identity_widths, wide,
					NULL, d->wire_old);
	for (uint32_t i = 0; i < rel->ncolumns; i++)
		d->before[i] = (struct change_value){.state = CHANGE_ABSENT};
	for (uint32_t i = 0; i < rel->nidentity; i++)
		set_value(&d->before[rel->identities[i]], &d->wire_old[i]);
}

/*
 * Read the new tuple.  A value that was not rewritten is the old one: where
 * there is an old tuple that has it, it is taken from there.  That matters
 * for a key so long that it is stored out of line.
 */
static void
read_new(struct decode *d, const struct wire_row *row, bool has_old)
{
	const struct change_relation *rel = &d->relation->relation;

	wire_read_tuple(&d->r, rel->ncolumns, d->relation->widths,
					row->flags & WIRE_ROW_WIDE,
					row->flags & WIRE_ROW_OLD_FULL ? d->wire_old : NULL,
					d->wire_new);
	for (uint32_t i = 0; i < rel->ncolumns; i++)
	{
		set_value(&d->after[i], &d->wire_new[i]);
		if (d->wire_new[i].tag == WIRE_VALUE_UNCHANGED && has_old &&
			d->before[i].state == CHANGE_VALUE)
			d->after[i] = d->before[i];
	}
}

static void
mark_virtual(const struct change_relation *rel, struct change_value *values)
{
	for (uint32_t i = 0; i < rel->ncolumns; i++)
	{
		if (rel->columns[i].is_virtual)
			values[i] = (struct change_value){.state = CHANGE_ABSENT};
	}
}

static enum decode_event
next_row(struct decode *d)
{
	struct wire_row row;
	bool			has_old;
	bool			has_new = d->tag != WIRE_DELETE;

	wire_read_row(&d->r, (char) d->tag, &row);
	if (!wire_reader_ok(&d->r))
		return fail_message(d);
	if (d->state != INSIDE || row.flags & WIRE_ROW_XID)
		return fail(d, "bad %s at byte %zu: %s", wire_tag_name(d->tag),
					message_at(d),
					d->state != INSIDE
						? "no transaction has begun"
						: "of a streamed transaction, which is not enabled");
	d->relation = schema_find(d->schema, row.schema_id);
	if (d->relation == NULL)
		return fail(d,
					"bad %s at byte %zu: no relation has schema id %" PRIu32,
					wire_tag_name(d->tag), message_at(d), row.schema_id);

	has_old = row.flags & (WIRE_ROW_OLD_KEY | WIRE_ROW_OLD_FULL);
	if (has_old)
		read_old(d, &row);
	if (has_new)
		read_new(d, &row, has_old);
	if (!wire_reader_ok(&d->r))
		return fail_message(d);
	count_bytes(d);
	if (d->relation->has_virtual)
	{
		if (has_old)
			mark_virtual(&d->relation->relation, d->before);
		if (has_new)
			mark_virtual(&d->relation->relation, d->after);
	}

	d->last_lsn += (uint64_t) row.lsn_delta;
	if (FAULT_BUG("drop_last_change") && wire_reader_left(&d->r) > 0 &&
		*d->r.p == WIRE_COMMIT)
	{
		d->changes++;
		return decode_next(d);
	}
	d->change.lsn = d->last_lsn;
	d->change.relation = &d->relation->relation;
	d->change.before = has_old ? d->before : NULL;
	d->change.after = has_new ? d->after : NULL;
	return emit(d, d->tag == WIRE_INSERT   ? CHANGE_INSERT
				   : d->tag == WIRE_UPDATE ? CHANGE_UPDATE
										   : CHANGE_DELETE);
}

/* The next relation of the truncate being read. */
static enum decode_event
rest_truncate(struct decode *d)
{
	uint32_t id = wire_read_schema_id(&d->r);

	if (!wire_reader_ok(&d->r))
		return fail_message(d);
	d->relation = schema_find(d->schema, id);
	if (d->relation == NULL)
		return fail(
			d, "bad truncate at byte %zu: no relation has schema id %" PRIu32,
			message_at(d), id);
	if (--d->truncate_left == 0)
	{
		d->rest = REST_NONE;
		count_bytes(d);
	}
	d->change.relation = &d->relation->relation;
	return emit(d, CHANGE_TRUNCATE);
}

static enum decode_event
next_truncate(struct decode *d)
{
	struct wire_truncate t;

	wire_read_truncate(&d->r, &t);
	if (!wire_reader_ok(&d->r))
		return fail_message(d);
	if (d->state != INSIDE || t.flags & WIRE_TRUNCATE_XID)
		return fail(d, "bad truncate at byte %zu: %s", message_at(d),
					d->state != INSIDE
						? "no transaction has begun"
						: "of a streamed transaction, which is not enabled");
	d->last_lsn += (uint64_t) t.lsn_delta;
	d->change.lsn = d->last_lsn;
	d->change.before = d->change.after = NULL;
	d->change.bytes = 0;
	d->change.condensed = false;
	d->truncate_left = t.nrelations;
	d->rest = REST_TRUNCATE;
	return rest_truncate(d);
}

static enum decode_event
next_message(struct decode *d)
{
	struct wire_message m;
	bool				transactional;

	wire_read_message(&d->r, &m);
	if (!wire_reader_ok(&d->r))
		return fail_message(d);
	transactional = m.flags & WIRE_MESSAGE_TRANSACTIONAL;
	if (m.flags & WIRE_MESSAGE_XID)
		return fail(d,
					"bad logical message at byte %zu: of a streamed "
					"transaction, which is not enabled",
					message_at(d));
	if (transactional != (d->state == INSIDE))
		return fail(d, "bad logical message at byte %zu: %s", message_at(d),
					transactional
						? "no transaction has begun"
						: "not transactional, but inside a transaction");
	if (!transactional)
	{
		if (!begin(d, m.lsn))
			return DECODE_FAILED;
		d->txn.commit_lsn = m.lsn;
	}
	else
		d->last_lsn = m.lsn;
	count_bytes(d);
	d->relation = NULL;
	d->change.relation = NULL;
	d->change.before = d->change.after = NULL;
	d->change.lsn = m.lsn;
	d->change.message.transactional = transactional;
	d->change.message.prefix = m.prefix.data;
	d->change.message.prefix_len = m.prefix.len;
	d->change.message.content = (const uint8_t *) m.content.data;
	d->change.message.content_len = m.content.len;
	if (transactional)
		return emit(d, CHANGE_MESSAGE);
	d->rest = REST_MESSAGE_CHANGE;
	return DECODE_BEGIN;
}

/* ------------------------------------------------------------------- next */

static enum decode_event
next_rest(struct decode *d)
{
	switch (d->rest)
	{
		case REST_TRUNCATE:
			return rest_truncate(d);
		case REST_MESSAGE_CHANGE:
			d->rest = REST_MESSAGE_COMMIT;
			return emit(d, CHANGE_MESSAGE);
		case REST_MESSAGE_COMMIT:
		case REST_NONE:
			break;
	}
	d->rest = REST_NONE;
	d->state = OUTSIDE;
	return DECODE_COMMIT;
}

enum decode_event
decode_next(struct decode *d)
{
	if (d->state == FAILED)
		return DECODE_FAILED;
	if (d->rest != REST_NONE)
		return next_rest(d);
	if (d->frame != NULL)
	{
		if (!open_frame(d))
			return d->state == FAILED ? DECODE_FAILED : DECODE_MORE;
	}
	else if (wire_reader_left(&d->r) == 0)
		return DECODE_MORE;
	else if (d->single)
		return fail(d, "bad message: %zu bytes after the end of a %s",
					wire_reader_left(&d->r), wire_tag_name(d->tag));

	d->message = d->r.p;
	d->tag = wire_read_tag(&d->r);
	if (!wire_reader_ok(&d->r))
		return fail_reader(d, "message");
	if (d->state == AWAIT_HEADER && d->tag != WIRE_HEADER)
		return fail(d, "bad stream: begins with a %s, not with its header",
					wire_tag_name(d->tag));
	switch (d->tag)
	{
		case WIRE_HEADER:
			return next_header(d);
		case WIRE_RELATION:
			return next_relation(d);
		case WIRE_BEGIN:
			return next_begin(d);
		case WIRE_COMMIT:
			return next_commit(d);
		case WIRE_INSERT:
		case WIRE_UPDATE:
		case WIRE_DELETE:
			return next_row(d);
		case WIRE_TRUNCATE:
			return next_truncate(d);
		case WIRE_LOGICAL_MESSAGE:
			return next_message(d);
		case WIRE_BEGIN_PREPARE:
		case WIRE_PREPARE:
		case WIRE_COMMIT_PREPARED:
		case WIRE_ROLLBACK_PREPARED:
		case WIRE_STREAM_START:
		case WIRE_STREAM_STOP:
		case WIRE_STREAM_ABORT:
		case WIRE_STREAM_PREPARE:
		case WIRE_STREAM_COMMIT:
			break;
	}
	return fail(d, "%s message at byte %zu: not enabled",
				wire_tag_name(d->tag), message_at(d));
}

void
decode_release(struct decode *d)
{
	if (!d->single || d->rest != REST_NONE ||
		d->assembly.cap <= ASSEMBLY_KEEP || wire_reader_left(&d->r) > 0)
		return;
	buf_free(&d->assembly);
	d->single = false;
	wire_reader_init(&d->r, "", 0);
}

bool
decode_is_holding(const struct decode *d)
{
	return d->assembly.cap > ASSEMBLY_KEEP;
}
