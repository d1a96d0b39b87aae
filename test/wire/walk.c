/*
 * walk.c - reads a stream, says what is in it, writes it again; see walk.h.
 *
 * Of every message the reader's struct goes straight into the writer, so that
 * a field which only one of them knows is a difference.
 */
#include "walk.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

#define LARGE_MAX (UINT64_C(64) << 20)

/* Longer values are shown by their beginning, length and hash. */
#define SHOWN_MAX 64

struct relation
{
	uint32_t  id;
	uint32_t  ncolumns;
	uint32_t  nidentity;
	int16_t	 *widths;
	int16_t	 *identity_widths;
	uint32_t *identity; /* indexes of its columns */
	char	**names;
};

struct walk
{
	FILE			  *text;
	bool			   repair;
	bool			   failed;
	char			   error[200];
	struct relation	 **relations; /* by order of arrival */
	size_t			   nrelations;
	struct wire_reader r;
	struct wire_writer w;
	uint8_t			  *out; /* of the writer */
	uint8_t			  *large;
	uint64_t		   large_len;
	uint64_t		   large_total;
	uint64_t		   last_lsn;
	struct wire_counts counts; /* since the last begin, as written */
};

/* Memory that a test needs is there, or the test is over. */
static void *
zalloc(size_t n, size_t size)
{
	void *p = calloc(n > 0 ? n : 1, size);

	if (p == NULL)
		abort();
	return p;
}

struct walk *
walk_new(FILE *text)
{
	struct walk *k = zalloc(1, sizeof(*k));

	k->text = text;
	return k;
}

void
walk_repair(struct walk *k)
{
	k->repair = true;
}

static void
free_relation(struct relation *rel)
{
	if (rel == NULL)
		return;
	for (uint32_t i = 0; rel->names != NULL && i < rel->ncolumns; i++)
		free(rel->names[i]);
	free(rel->names);
	free(rel->widths);
	free(rel->identity_widths);
	free(rel->identity);
	free(rel);
}

void
walk_free(struct walk *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->nrelations; i++)
		free_relation(k->relations[i]);
	free(k->relations);
	free(k->out);
	free(k->large);
	free(k);
}

const uint8_t *
walk_written(const struct walk *k, size_t *len)
{
	*len = k->w.overflow ? 0 : wire_writer_len(&k->w);
	return k->out;
}

const char *
walk_error(const struct walk *k)
{
	return k->error;
}

bool
walk_next(const uint8_t **data, size_t *left, const uint8_t **frame,
		  size_t *len)
{
	const uint8_t *p = *data;

	if (*left < 4)
		return false;
	*len = (size_t) p[0] | (size_t) p[1] << 8 | (size_t) p[2] << 16 |
		   (size_t) p[3] << 24;
	if (*len > *left - 4)
		*len = *left - 4;
	*frame = p + 4;
	*data = p + 4 + *len;
	*left -= 4 + *len;
	return true;
}

/* ------------------------------------------------------------------- text */

__attribute__((format(printf, 2, 3))) static void
say(struct walk *k, const char *fmt, ...)
{
	va_list ap;

	if (k->text == NULL)
		return;
	va_start(ap, fmt);
	vfprintf(k->text, fmt, ap);
	va_end(ap);
}

static void
say_lsn(struct walk *k, const char *what, uint64_t lsn)
{
	say(k, " %s=%" PRIX32 "/%" PRIX32, what, (uint32_t) (lsn >> 32),
		(uint32_t) lsn);
}

/* As a string if it is one, else in hexadecimal. */
static void
say_bytes(struct walk *k, const void *data, uint64_t len)
{
	const uint8_t *p = data;
	uint64_t	   shown = len > SHOWN_MAX ? SHOWN_MAX / 2 : len;
	bool		   printable = true;

	if (k->text == NULL)
		return;
	for (uint64_t i = 0; i < shown; i++)
	{
		if (p[i] < 0x20 || p[i] > 0x7e || p[i] == '"' || p[i] == '\\')
			printable = false;
	}
	if (printable)
		say(k, "\"%.*s\"", (int) shown, (const char *) p);
	else
	{
		say(k, "x'");
		for (uint64_t i = 0; i < shown; i++)
			say(k, "%02x", p[i]);
		say(k, "'");
	}
	if (shown < len)
	{
		uint64_t hash = UINT64_C(0xcbf29ce484222325);

		for (uint64_t i = 0; i < len; i++)
			hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
		say(k, "...(%" PRIu64 " bytes, fnv1a %016" PRIx64 ")", len, hash);
	}
}

static void
say_str(struct walk *k, const char *before, struct wire_str s)
{
	say(k, "%s", before);
	say_bytes(k, s.data, s.len);
}

static void
say_char(struct walk *k, const char *what, char c)
{
	if (c >= 0x21 && c <= 0x7e)
		say(k, " %s=%c", what, c);
	else
		say(k, " %s=0x%02x", what, (uint8_t) c);
}

static void
say_values(struct walk *k, const char *what, const struct relation *rel,
		   bool identity, const struct wire_value *values)
{
	uint32_t n = identity ? rel->nidentity : rel->ncolumns;

	if (k->text == NULL)
		return;
	say(k, "  %s", what);
	for (uint32_t i = 0; i < n; i++)
	{
		const struct wire_value *v = &values[i];

		say(k, " %s", rel->names[identity ? rel->identity[i] : i]);
		switch ((enum wire_value_tag) v->tag)
		{
			case WIRE_VALUE_NULL:
				say(k, " null");
				break;
			case WIRE_VALUE_UNCHANGED:
				say(k, " unchanged");
				break;
			case WIRE_VALUE_SAME:
				say(k, " same");
				break;
			case WIRE_VALUE_PRESENT:
				say(k, "=");
				say_bytes(k, v->data, v->len);
				break;
			case WIRE_VALUE_ERROR:
				say(k, " error=");
				say_bytes(k, v->data, v->len);
				break;
			case WIRE_VALUE_OVERSIZE:
				say(k, " oversize=%" PRIu64, v->len);
				break;
		}
	}
	say(k, "\n");
}

/* --------------------------------------------------------------- messages */

static struct relation *
find_relation(struct walk *k, uint32_t id)
{
	for (size_t i = 0; i < k->nrelations; i++)
	{
		if (k->relations[i]->id == id)
			return k->relations[i];
	}
	k->r.field = "schema id";
	wire_reader_fail(&k->r, "no such relation");
	return NULL;
}

static void
set_relation(struct walk *k, struct relation *rel)
{
	for (size_t i = 0; i < k->nrelations; i++)
	{
		if (k->relations[i]->id == rel->id)
		{
			free_relation(k->relations[i]);
			k->relations[i] = rel;
			return;
		}
	}
	if ((k->nrelations & (k->nrelations - 1)) == 0)
	{
		size_t room = k->nrelations > 0 ? 2 * k->nrelations : 1;

		k->relations = realloc(k->relations, room * sizeof(*k->relations));
		if (k->relations == NULL)
			abort();
	}
	k->relations[k->nrelations++] = rel;
}

static void
walk_header(struct walk *k)
{
	struct wire_header h;

	wire_read_header(&k->r, &h);
	if (!wire_reader_ok(&k->r))
		return;
	wire_write_header(&k->w, &h);
	say(k,
		"header version=%u server=%" PRIu32 " system=%" PRIu64
		" timeline=%" PRIu32 " database=%" PRIu32,
		h.version, h.server_version_num, h.system_id, h.timeline,
		h.database_oid);
	say_str(k, " ", h.database);
	say_str(k, " encoding=", h.encoding);
	say_char(k, "order", h.byte_order);
	say_str(k, " plugin=", h.plugin_version);
	say(k, "\n");
	for (uint32_t i = 0; i < h.noptions && wire_reader_ok(&k->r); i++)
	{
		struct wire_option o;

		wire_read_option(&k->r, &o);
		if (!wire_reader_ok(&k->r))
			return;
		wire_write_option(&k->w, &o);
		say_str(k, "  option ", o.name);
		say_str(k, "=", o.value);
		say(k, "\n");
	}
}

static void
say_type(struct walk *k, const char *what, const struct wire_type *t)
{
	say(k, " %s=%" PRIu32 "(%" PRId32 ")", what, t->oid, t->typmod);
	say_str(k, " ", t->schema);
	say_str(k, ".", t->name);
}

static void
walk_column(struct walk *k, struct relation *rel, uint32_t i)
{
	struct wire_column col;
	struct wire_str	   rest;
	struct wire_str	   label;
	uint32_t		   nlabels = 0;

	wire_read_column(&k->r, &col);
	if (!wire_reader_ok(&k->r))
		return;
	wire_write_column(&k->w, &col);
	rel->widths[i] = col.width;
	if (col.flags & WIRE_COLUMN_IDENTITY)
	{
		rel->identity[rel->nidentity] = i;
		rel->identity_widths[rel->nidentity++] = col.width;
	}
	rel->names[i] = zalloc(col.name.len + 1, 1);
	memcpy(rel->names[i], col.name.data, col.name.len);

	say_str(k, "  column ", col.name);
	say(k, " attnum=%u flags=%02x key=%u", col.attnum, col.flags,
		col.key_position);
	if (col.key_only)
		say(k, " only");
	if (col.truncated)
		say(k, " chars=%" PRIu32, col.chars);
	if (col.hashed)
		say(k, " hash=%" PRIu32, col.hash);
	if (col.not_masked)
		say(k, " not masked");
	say_char(k, "encoding", col.encoding);
	say(k, " width=%d", col.width);
	say_char(k, "kind", col.kind);
	say_type(k, "type", &col.type);
	if (col.flags & WIRE_COLUMN_DOMAIN)
		say_type(k, "base", &col.base);
	if (col.flags & WIRE_COLUMN_ARRAY)
		say_type(k, "element", &col.element);
	if (col.flags & WIRE_COLUMN_DEFAULT)
		say_str(k, " default=", col.default_expr);
	rest = col.labels;
	while (wire_next_label(&rest, &label))
	{
		wire_write_label(&k->w, label);
		say_str(k, nlabels++ == 0 ? " labels=" : ",", label);
	}
	if (nlabels != col.nlabels)
		abort();
	say(k, "\n");
}

static void
walk_relation(struct walk *k)
{
	struct wire_relation head;
	struct relation		*rel = zalloc(1, sizeof(*rel));
	size_t				 start = wire_writer_len(&k->w);
	uint64_t			 hash;

	wire_read_relation(&k->r, &head);
	if (!wire_reader_ok(&k->r))
	{
		free_relation(rel);
		return;
	}
	wire_write_relation(&k->w, &head);
	say(k, "relation %" PRIu32 " fingerprint=%016" PRIx64 " oid=%" PRIu32,
		head.schema_id, head.fingerprint, head.oid);
	say_char(k, "kind", head.kind);
	say_char(k, "identity", head.identity);
	say_str(k, " ", head.schema);
	say_str(k, ".", head.name);
	if (head.flags & WIRE_RELATION_PARTITION)
	{
		say(k, " root=%" PRIu32, head.root_oid);
		say_str(k, " ", head.root_schema);
		say_str(k, ".", head.root_name);
	}
	if (head.flags & WIRE_RELATION_CHOSEN_KEY)
		say(k, " chosen key");
	say(k, " columns=%" PRIu32 "\n", head.ncolumns);

	rel->id = head.schema_id;
	rel->ncolumns = head.ncolumns;
	rel->widths = zalloc(head.ncolumns, sizeof(*rel->widths));
	rel->identity_widths = zalloc(head.ncolumns, sizeof(*rel->widths));
	rel->identity = zalloc(head.ncolumns, sizeof(*rel->identity));
	rel->names = zalloc(head.ncolumns, sizeof(*rel->names));
	for (uint32_t i = 0; i < head.ncolumns && wire_reader_ok(&k->r); i++)
		walk_column(k, rel, i);
	hash = wire_write_relation_end(&k->w, start);
	if (k->repair && !k->w.overflow)
		head.fingerprint = hash;
	wire_read_relation_end(&k->r, &head);
	if (wire_reader_ok(&k->r))
		set_relation(k, rel);
	else
		free_relation(rel);
}

static void
say_txn(struct walk *k, const char *what, const struct wire_txn *txn)
{
	say(k, "%s xid=%" PRIu64, what, txn->xid);
	say_lsn(k, "commit", txn->commit_lsn);
	say_lsn(k, "end", txn->end_lsn);
	say(k, " time=%" PRId64, txn->commit_time_us);
	if (txn->origin.len > 0)
	{
		say_str(k, " origin=", txn->origin);
		say_lsn(k, "at", txn->origin_lsn);
	}
	k->last_lsn = txn->commit_lsn;
	memset(&k->counts, 0, sizeof(k->counts));
}

static void
say_counts(struct walk *k, const struct wire_counts *counts)
{
	say(k, " changes=%" PRIu64 " bytes=%" PRIu64, counts->changes,
		counts->bytes);
}

static void
count(struct walk *k, uint64_t changes, size_t start)
{
	k->counts.changes += changes;
	k->counts.bytes += wire_writer_len(&k->w) - start;
}

static void
walk_row(struct walk *k, char op)
{
	struct wire_reader *r = &k->r;
	struct wire_row		row;
	struct relation	   *rel;
	struct wire_value  *old = NULL;
	struct wire_value *new = NULL;
	size_t start = wire_writer_len(&k->w);
	bool   wide;

	wire_read_row(r, op, &row);
	if (!wire_reader_ok(r))
		return;
	rel = find_relation(k, row.schema_id);
	if (rel == NULL)
		return;
	wide = row.flags & WIRE_ROW_WIDE;
	wire_write_row(&k->w, &row);
	k->last_lsn += (uint64_t) row.lsn_delta;
	say(k, "%s schema=%" PRIu32, wire_tag_name(op), row.schema_id);
	say_lsn(k, "lsn", k->last_lsn);
	if (row.flags & WIRE_ROW_XID)
		say(k, " xid=%" PRIu64, row.xid);
	say(k, "%s\n", wide ? " wide" : "");

	old = zalloc(rel->ncolumns, sizeof(*old));
	new = zalloc(rel->ncolumns, sizeof(*new));
	if (row.flags & WIRE_ROW_OLD_KEY)
	{
		wire_read_tuple(r, rel->nidentity, rel->identity_widths, wide, NULL,
						old);
		if (wire_reader_ok(r))
		{
			say_values(k, "key", rel, true, old);
			wire_write_tuple(&k->w, rel->nidentity, rel->identity_widths, wide,
							 old);
		}
	}
	else if (row.flags & WIRE_ROW_OLD_FULL)
	{
		wire_read_tuple(r, rel->ncolumns, rel->widths, wide, NULL, old);
		if (wire_reader_ok(r))
		{
			say_values(k, "old", rel, false, old);
			wire_write_tuple(&k->w, rel->ncolumns, rel->widths, wide, old);
		}
	}
	if (op != WIRE_DELETE && wire_reader_ok(r))
	{
		wire_read_tuple(r, rel->ncolumns, rel->widths, wide,
						row.flags & WIRE_ROW_OLD_FULL ? old : NULL, new);
		if (wire_reader_ok(r))
		{
			say_values(k, "new", rel, false, new);
			wire_write_tuple(&k->w, rel->ncolumns, rel->widths, wide, new);
		}
	}
	count(k, 1, start);
	free(old);
	free(new);
}

static void
walk_truncate(struct walk *k)
{
	struct wire_truncate t;
	size_t				 start = wire_writer_len(&k->w);

	wire_read_truncate(&k->r, &t);
	if (!wire_reader_ok(&k->r))
		return;
	wire_write_truncate(&k->w, &t);
	k->last_lsn += (uint64_t) t.lsn_delta;
	say(k, "truncate");
	say_lsn(k, "lsn", k->last_lsn);
	if (t.flags & WIRE_TRUNCATE_XID)
		say(k, " xid=%" PRIu64, t.xid);
	say(k, "%s%s schemas=", t.flags & WIRE_TRUNCATE_CASCADE ? " cascade" : "",
		t.flags & WIRE_TRUNCATE_RESTART_SEQS ? " restart" : "");
	for (uint32_t i = 0; i < t.nrelations; i++)
	{
		uint32_t id = wire_read_schema_id(&k->r);

		if (!wire_reader_ok(&k->r) || find_relation(k, id) == NULL)
			return;
		wire_put_varint(&k->w, id);
		say(k, "%s%" PRIu32, i > 0 ? "," : "", id);
	}
	say(k, "\n");
	count(k, t.nrelations, start);
}

static void
walk_message(struct walk *k)
{
	struct wire_message m;
	size_t				start = wire_writer_len(&k->w);

	wire_read_message(&k->r, &m);
	if (!wire_reader_ok(&k->r))
		return;
	wire_write_message(&k->w, &m);
	say(k, "message");
	say_lsn(k, "lsn", m.lsn);
	if (m.flags & WIRE_MESSAGE_XID)
		say(k, " xid=%" PRIu64, m.xid);
	if (m.flags & WIRE_MESSAGE_TRANSACTIONAL)
	{
		say(k, " transactional");
		k->last_lsn = m.lsn;
		count(k, 1, start);
	}
	say_str(k, " prefix=", m.prefix);
	say_str(k, " content=", m.content);
	say(k, "\n");
}

static void
walk_txn(struct walk *k, enum wire_tag tag)
{
	struct wire_txn	   txn = {0};
	struct wire_str	   gid = {"", 0};
	struct wire_counts counts = {0, 0};

	switch (tag)
	{
		case WIRE_BEGIN:
			wire_read_begin(&k->r, &txn);
			break;
		case WIRE_BEGIN_PREPARE:
			wire_read_begin_prepare(&k->r, &txn, &gid);
			break;
		case WIRE_STREAM_PREPARE:
			wire_read_stream_prepare(&k->r, &txn, &gid, &counts);
			break;
		default:
			wire_read_stream_commit(&k->r, &txn, &counts);
			break;
	}
	if (!wire_reader_ok(&k->r))
		return;
	say_txn(k, wire_tag_name((int) tag), &txn);
	if (tag == WIRE_BEGIN_PREPARE || tag == WIRE_STREAM_PREPARE)
		say_str(k, " gid=", gid);
	if (tag == WIRE_STREAM_PREPARE || tag == WIRE_STREAM_COMMIT)
		say_counts(k, &counts);
	say(k, "\n");
	switch (tag)
	{
		case WIRE_BEGIN:
			wire_write_begin(&k->w, &txn);
			break;
		case WIRE_BEGIN_PREPARE:
			wire_write_begin_prepare(&k->w, &txn, gid);
			break;
		case WIRE_STREAM_PREPARE:
			wire_write_stream_prepare(&k->w, &txn, gid, &counts);
			break;
		default:
			wire_write_stream_commit(&k->w, &txn, &counts);
			break;
	}
}

static void
walk_counts(struct walk *k, enum wire_tag tag)
{
	struct wire_counts counts;

	if (tag == WIRE_COMMIT)
		wire_read_commit(&k->r, &counts);
	else
		wire_read_prepare(&k->r, &counts);
	if (!wire_reader_ok(&k->r))
		return;
	if (k->repair)
		counts = k->counts;
	say(k, "%s", wire_tag_name((int) tag));
	say_counts(k, &counts);
	say(k, "\n");
	if (tag == WIRE_COMMIT)
		wire_write_commit(&k->w, &counts);
	else
		wire_write_prepare(&k->w, &counts);
}

static void
walk_prepared(struct walk *k, enum wire_tag tag)
{
	struct wire_prepared p;

	if (tag == WIRE_COMMIT_PREPARED)
		wire_read_commit_prepared(&k->r, &p);
	else
		wire_read_rollback_prepared(&k->r, &p);
	if (!wire_reader_ok(&k->r))
		return;
	say(k, "%s xid=%" PRIu64, wire_tag_name((int) tag), p.xid);
	if (tag == WIRE_COMMIT_PREPARED)
	{
		wire_write_commit_prepared(&k->w, &p);
		say_lsn(k, "commit", p.lsn);
	}
	else
	{
		wire_write_rollback_prepared(&k->w, &p);
		say_lsn(k, "prepare_end", p.prepare_end_lsn);
	}
	say_lsn(k, "end", p.end_lsn);
	if (tag == WIRE_ROLLBACK_PREPARED)
		say(k, " prepared=%" PRId64, p.prepare_time_us);
	say(k, " time=%" PRId64, p.time_us);
	say_str(k, " gid=", p.gid);
	say(k, "\n");
}

static void
walk_stream(struct walk *k, enum wire_tag tag)
{
	struct wire_stream_abort a;
	uint64_t				 xid;
	bool					 first;

	switch (tag)
	{
		case WIRE_STREAM_START:
			wire_read_stream_start(&k->r, &xid, &first);
			if (!wire_reader_ok(&k->r))
				return;
			wire_write_stream_start(&k->w, xid, first);
			k->last_lsn = 0;
			say(k, "stream start xid=%" PRIu64 "%s\n", xid,
				first ? " first" : "");
			break;
		case WIRE_STREAM_STOP:
			wire_read_stream_stop(&k->r);
			wire_write_stream_stop(&k->w);
			say(k, "stream stop\n");
			break;
		default:
			wire_read_stream_abort(&k->r, &a);
			if (!wire_reader_ok(&k->r))
				return;
			wire_write_stream_abort(&k->w, &a);
			say(k, "stream abort xid=%" PRIu64 " subxid=%" PRIu64, a.xid,
				a.subxid);
			say_lsn(k, "lsn", a.abort_lsn);
			say(k, "\n");
			break;
	}
}

static void
walk_one(struct walk *k)
{
	enum wire_tag tag = wire_read_tag(&k->r);

	if (!wire_reader_ok(&k->r))
		return;
	switch (tag)
	{
		case WIRE_HEADER:
			walk_header(k);
			break;
		case WIRE_RELATION:
			walk_relation(k);
			break;
		case WIRE_BEGIN:
		case WIRE_BEGIN_PREPARE:
		case WIRE_STREAM_PREPARE:
		case WIRE_STREAM_COMMIT:
			walk_txn(k, tag);
			break;
		case WIRE_COMMIT:
		case WIRE_PREPARE:
			walk_counts(k, tag);
			break;
		case WIRE_INSERT:
		case WIRE_UPDATE:
		case WIRE_DELETE:
			walk_row(k, (char) tag);
			break;
		case WIRE_TRUNCATE:
			walk_truncate(k);
			break;
		case WIRE_LOGICAL_MESSAGE:
			walk_message(k);
			break;
		case WIRE_COMMIT_PREPARED:
		case WIRE_ROLLBACK_PREPARED:
			walk_prepared(k, tag);
			break;
		case WIRE_STREAM_START:
		case WIRE_STREAM_STOP:
		case WIRE_STREAM_ABORT:
			walk_stream(k, tag);
			break;
	}
}

/* ----------------------------------------------------------------- frames */

static void
open_writer(struct walk *k, size_t len)
{
	/* Counts that are put right may be longer than those that were there. */
	size_t room = k->repair ? 8 * len + 64 : len;

	free(k->out);
	k->out = zalloc(room, 1);
	wire_writer_init(&k->w, k->out, room);
}

static bool
fail(struct walk *k)
{
	struct wire_reader *r = &k->r;

	if (!wire_reader_ok(r))
		snprintf(k->error, sizeof(k->error), "%s: %s at byte %zu of %zu",
				 r->error_field, r->error, r->error_at,
				 (size_t) (r->end - r->start));
	else
		snprintf(k->error, sizeof(k->error),
				 "what is written takes more room");
	k->failed = true;
	return false;
}

/* A whole message has been put together: read it, compare it. */
static bool
walk_large(struct walk *k)
{
	uint8_t			  *head = k->out;
	struct wire_writer w = k->w;

	k->out = NULL;
	wire_reader_init(&k->r, k->large, (size_t) k->large_len);
	open_writer(k, (size_t) k->large_len);
	walk_one(k);
	(void) wire_read_end(&k->r);
	if (wire_reader_ok(&k->r) && !k->w.overflow && !k->repair &&
		(wire_writer_len(&k->w) != k->large_len ||
		 memcmp(k->out, k->large, (size_t) k->large_len) != 0))
		abort();
	k->large_len = 0;
	if (!wire_reader_ok(&k->r) || k->w.overflow)
	{
		free(head);
		return fail(k);
	}
	free(k->out);
	k->out = head;
	k->w = w;
	return true;
}

static bool
walk_fragment(struct walk *k)
{
	struct wire_reader *r = &k->r;
	uint64_t			total;
	uint64_t			offset;
	size_t				n;

	wire_read_fragment_head(r, &total, &offset);
	if (wire_reader_ok(r) &&
		(offset != k->large_len || (offset > 0 && total != k->large_total)))
		wire_reader_fail(r, "out of order");
	if (wire_reader_ok(r) && total > LARGE_MAX)
		wire_reader_fail(r, "over the limit of this test");
	if (!wire_reader_ok(r))
		return fail(k);
	n = wire_reader_left(r);
	if (n == 0)
		abort(); /* the reader refuses that */
	say(k, "fragment bytes %" PRIu64 " to %" PRIu64 " of %" PRIu64 "\n",
		offset, offset + n, total);
	wire_write_fragment_head(&k->w, total, offset);
	wire_put_bytes(&k->w, r->p, n);
	k->large = realloc(k->large, (size_t) offset + n);
	if (k->large == NULL)
		abort();
	memcpy(k->large + offset, r->p, n);
	k->large_len = offset + n;
	k->large_total = total;
	return k->large_len < total || walk_large(k);
}

bool
walk_frame(struct walk *k, const uint8_t *frame, size_t len)
{
	enum wire_frame_kind kind;

	if (k->failed)
		return false;
	open_writer(k, len);
	wire_reader_init(&k->r, frame, len);
	kind = wire_read_frame(&k->r);
	if (wire_reader_ok(&k->r) && kind == WIRE_FRAME_FRAGMENT)
		return walk_fragment(k);
	if (wire_reader_ok(&k->r) && k->large_len > 0)
		wire_reader_fail(&k->r, "a fragment is due");
	say(k, "frame of %zu bytes\n", len);
	wire_put_u8(&k->w, WIRE_FRAME_MESSAGES);
	while (wire_reader_ok(&k->r) && wire_reader_left(&k->r) > 0)
		walk_one(k);
	return (wire_reader_ok(&k->r) && !k->w.overflow) || fail(k);
}
