/*
 * wire.c - the messages of the format, writer beside reader, field by field.
 *
 * docs/protocol.md describes every byte.  Each pair below mirrors the other:
 * a field that is in one and not in the other is a bug that test/fuzz finds
 * (decode, encode again, compare).  For the comparison to hold there is one
 * encoding of everything: varints are minimal, unused bits are zero.
 */
#include "wire.h"

/* ---------------------------------------------------------------- reading */

void
wire_reader_fail(struct wire_reader *r, const char *error)
{
	if (r->error != NULL)
		return;
	r->error = error;
	r->error_field = r->field;
	r->error_at = (size_t) (r->p - r->start);
	r->p = r->end;
}

bool
wire_read_end(struct wire_reader *r)
{
	if (r->error == NULL && r->p != r->end)
	{
		r->field = "end";
		wire_reader_fail(r, "bytes left over");
	}
	return r->error == NULL;
}

/* 'n' bytes, or NULL after recording that they are not there. */
static inline const uint8_t *
take(struct wire_reader *r, uint64_t n)
{
	const uint8_t *at = r->p;

	if (n > wire_reader_left(r))
	{
		wire_reader_fail(r, "truncated");
		return NULL;
	}
	r->p += n;
	return at;
}

static inline uint64_t
get_uint(struct wire_reader *r, const char *field, size_t n)
{
	const uint8_t *at;
	uint64_t	   v = 0;

	r->field = field;
	at = take(r, n);
	if (at != NULL)
	{
		for (size_t i = 0; i < n; i++)
			v |= (uint64_t) at[i] << (8 * i);
	}
	return v;
}

static inline uint8_t
get_u8(struct wire_reader *r, const char *field)
{
	r->field = field;
	if (r->p == r->end)
	{
		wire_reader_fail(r, "truncated");
		return 0;
	}
	return *r->p++;
}

static inline uint16_t
get_u16(struct wire_reader *r, const char *field)
{
	return (uint16_t) get_uint(r, field, 2);
}

static inline uint32_t
get_u32(struct wire_reader *r, const char *field)
{
	return (uint32_t) get_uint(r, field, 4);
}

static inline uint64_t
get_u64(struct wire_reader *r, const char *field)
{
	return get_uint(r, field, 8);
}

static uint64_t
get_long_varint(struct wire_reader *r)
{
	const uint8_t *p = r->p;
	uint64_t	   v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7)
	{
		uint8_t byte;

		if (p == r->end)
		{
			wire_reader_fail(r, "truncated");
			return 0;
		}
		byte = *p++;
		if ((shift == 63 && byte > 1) || (byte == 0 && shift > 0))
			break; /* more than 64 bits, or not minimal */
		v |= (uint64_t) (byte & 0x7f) << shift;
		if (byte < 0x80)
		{
			r->p = p;
			return v;
		}
	}
	wire_reader_fail(r, "malformed varint");
	return 0;
}

static inline uint64_t
get_varint(struct wire_reader *r, const char *field)
{
	r->field = field;
	if (r->p != r->end && *r->p < 0x80)
		return *r->p++;
	return get_long_varint(r);
}

static inline int64_t
get_svarint(struct wire_reader *r, const char *field)
{
	return wire_unzigzag(get_varint(r, field));
}

/* A varint that counts or names something and is at most 'max'. */
static inline uint64_t
get_bounded(struct wire_reader *r, const char *field, uint64_t max)
{
	const uint8_t *at = r->p;
	uint64_t	   v = get_varint(r, field);

	if (v > max)
	{
		r->p = at;
		wire_reader_fail(r, "over its limit");
		return 0;
	}
	return v;
}

static struct wire_str
get_str(struct wire_reader *r, const char *field, uint64_t max)
{
	struct wire_str s = {"", 0};
	uint64_t		n = get_bounded(r, field, max);
	const uint8_t  *at = take(r, n);

	if (at != NULL && wire_reader_ok(r))
	{
		s.data = (const char *) at;
		s.len = (size_t) n;
	}
	return s;
}

static inline uint8_t
get_flags(struct wire_reader *r, const char *field, unsigned known)
{
	uint8_t flags = get_u8(r, field);

	if (flags & ~known)
	{
		r->p--;
		wire_reader_fail(r, "unknown flag");
		return 0;
	}
	return flags;
}

/* One of the characters of 'known'. */
static char
get_choice(struct wire_reader *r, const char *field, const char *known)
{
	uint8_t c = get_u8(r, field);

	if (wire_reader_ok(r) && (c == 0 || strchr(known, c) == NULL))
	{
		r->p--;
		wire_reader_fail(r, "unknown value");
		return known[0];
	}
	return (char) c;
}

/* ----------------------------------------------------------------- frames */

void
wire_write_fragment_head(struct wire_writer *w, uint64_t total,
						 uint64_t offset)
{
	wire_put_u8(w, WIRE_FRAME_FRAGMENT);
	wire_put_u64(w, total);
	wire_put_u64(w, offset);
}

void
wire_read_fragment_head(struct wire_reader *r, uint64_t *total,
						uint64_t *offset)
{
	*total = get_u64(r, "fragment total");
	*offset = get_u64(r, "fragment offset");
	r->field = "fragment";
	if (!wire_reader_ok(r))
		return;
	if (*total > WIRE_MESSAGE_MAX)
		wire_reader_fail(r, "over its limit");
	else if (wire_reader_left(r) == 0)
		wire_reader_fail(r, "empty fragment");
	else if (*offset > *total || wire_reader_left(r) > *total - *offset)
		wire_reader_fail(r, "beyond its message");
}

enum wire_frame_kind
wire_read_frame(struct wire_reader *r)
{
	return (enum wire_frame_kind) get_choice(r, "frame kind", "WF");
}

enum wire_tag
wire_read_tag(struct wire_reader *r)
{
	return (enum wire_tag) get_choice(r, "message tag", "HRBCIUDTMbPKrSEApc");
}

const char *
wire_tag_name(int tag)
{
	switch (tag)
	{
		case WIRE_HEADER:
			return "header";
		case WIRE_RELATION:
			return "relation";
		case WIRE_BEGIN:
			return "begin";
		case WIRE_COMMIT:
			return "commit";
		case WIRE_INSERT:
			return "insert";
		case WIRE_UPDATE:
			return "update";
		case WIRE_DELETE:
			return "delete";
		case WIRE_TRUNCATE:
			return "truncate";
		case WIRE_LOGICAL_MESSAGE:
			return "message";
		case WIRE_BEGIN_PREPARE:
			return "begin prepare";
		case WIRE_PREPARE:
			return "prepare";
		case WIRE_COMMIT_PREPARED:
			return "commit prepared";
		case WIRE_ROLLBACK_PREPARED:
			return "rollback prepared";
		case WIRE_STREAM_START:
			return "stream start";
		case WIRE_STREAM_STOP:
			return "stream stop";
		case WIRE_STREAM_ABORT:
			return "stream abort";
		case WIRE_STREAM_PREPARE:
			return "stream prepare";
		case WIRE_STREAM_COMMIT:
			return "stream commit";
		default:
			return "unknown message";
	}
}

/* ----------------------------------------------------------------- header */

void
wire_write_header(struct wire_writer *w, const struct wire_header *h)
{
	wire_put_u8(w, WIRE_HEADER);
	wire_put_bytes(w, WIRE_MAGIC, 4);
	wire_put_u16(w, h->version);
	wire_put_u32(w, h->server_version_num);
	wire_put_u64(w, h->system_id);
	wire_put_u32(w, h->timeline);
	wire_put_u32(w, h->database_oid);
	wire_put_str(w, h->database);
	wire_put_str(w, h->encoding);
	wire_put_u8(w, (uint8_t) h->byte_order);
	wire_put_str(w, h->plugin_version);
	wire_put_varint(w, h->noptions);
}

void
wire_read_header(struct wire_reader *r, struct wire_header *h)
{
	const uint8_t *magic;

	memset(h, 0, sizeof(*h));
	r->field = "magic";
	magic = take(r, 4);
	if (magic != NULL && memcmp(magic, WIRE_MAGIC, 4) != 0)
	{
		r->p = magic;
		wire_reader_fail(r, "not a walferry stream");
	}
	h->version = get_u16(r, "protocol version");

	/*
	 * Of a version that is not ours nothing further is known; the caller
	 * wants to say which it is, so it is kept.
	 */
	if (wire_reader_ok(r) && h->version != WIRE_VERSION)
	{
		r->p -= 2;
		wire_reader_fail(r, "unsupported protocol version");
		return;
	}
	h->server_version_num = get_u32(r, "server version");
	h->system_id = get_u64(r, "system identifier");
	h->timeline = get_u32(r, "timeline");
	h->database_oid = get_u32(r, "database oid");
	h->database = get_str(r, "database", WIRE_NAME_MAX);
	h->encoding = get_str(r, "encoding", WIRE_NAME_MAX);
	h->byte_order = get_choice(r, "byte order", "LB");
	h->plugin_version = get_str(r, "plugin version", WIRE_NAME_MAX);
	h->noptions = (uint32_t) get_bounded(r, "options", WIRE_OPTIONS_MAX);
}

void
wire_write_option(struct wire_writer *w, const struct wire_option *o)
{
	wire_put_str(w, o->name);
	wire_put_str(w, o->value);
}

void
wire_read_option(struct wire_reader *r, struct wire_option *o)
{
	o->name = get_str(r, "option name", WIRE_NAME_MAX);
	o->value = get_str(r, "option value", WIRE_FRAME_MAX);
}

/* --------------------------------------------------------------- relation */

/* FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t
fingerprint(const uint8_t *p, const uint8_t *end)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	while (p < end)
	{
		hash ^= *p++;
		hash *= UINT64_C(0x100000001b3);
	}
	return hash;
}

static void
put_type(struct wire_writer *w, const struct wire_type *t)
{
	wire_put_u32(w, t->oid);
	wire_put_u32(w, (uint32_t) t->typmod);
	wire_put_str(w, t->schema);
	wire_put_str(w, t->name);
}

static void
get_type(struct wire_reader *r, struct wire_type *t)
{
	t->oid = get_u32(r, "type oid");
	t->typmod = (int32_t) get_u32(r, "type modifier");
	t->schema = get_str(r, "type schema", WIRE_NAME_MAX);
	t->name = get_str(r, "type name", WIRE_NAME_MAX);
}

void
wire_write_relation(struct wire_writer *w, const struct wire_relation *rel)
{
	wire_put_u8(w, WIRE_RELATION);
	wire_put_varint(w, rel->schema_id);
	wire_put_u64(w, rel->fingerprint); /* set by wire_write_relation_end */
	wire_put_u32(w, rel->oid);
	wire_put_u8(w, (uint8_t) rel->kind);
	wire_put_u8(w, (uint8_t) rel->identity);
	wire_put_u8(w, rel->flags);
	wire_put_str(w, rel->schema);
	wire_put_str(w, rel->name);
	if (rel->flags & WIRE_RELATION_PARTITION)
	{
		wire_put_u32(w, rel->root_oid);
		wire_put_str(w, rel->root_schema);
		wire_put_str(w, rel->root_name);
	}
	wire_put_varint(w, rel->ncolumns);
}

void
wire_read_relation(struct wire_reader *r, struct wire_relation *rel)
{
	memset(rel, 0, sizeof(*rel));
	rel->schema_id = (uint32_t) get_bounded(r, "schema id",
											WIRE_RELATIONS_MAX);
	rel->fingerprint = get_u64(r, "fingerprint");
	rel->covered = r->p;
	rel->oid = get_u32(r, "relation oid");
	rel->kind = (char) get_u8(r, "relation kind");
	rel->identity = get_choice(r, "replica identity", "dnfi");
	rel->flags = get_flags(r, "relation flags", WIRE_RELATION_FLAGS);
	rel->schema = get_str(r, "schema name", WIRE_NAME_MAX);
	rel->name = get_str(r, "relation name", WIRE_NAME_MAX);
	if (rel->flags & WIRE_RELATION_PARTITION)
	{
		rel->root_oid = get_u32(r, "root oid");
		rel->root_schema = get_str(r, "root schema", WIRE_NAME_MAX);
		rel->root_name = get_str(r, "root name", WIRE_NAME_MAX);
	}
	rel->ncolumns = (uint32_t) get_bounded(r, "columns", WIRE_COLUMNS_MAX);
}

uint64_t
wire_write_relation_end(struct wire_writer *w, size_t start)
{
	uint8_t *at = w->start + start + 1;
	uint64_t hash;

	if (w->overflow)
		return 0;
	while (*at++ & 0x80)
		; /* the schema id */
	hash = fingerprint(at + 8, w->p);
	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t) (hash >> (8 * i));
	return hash;
}

void
wire_read_relation_end(struct wire_reader *r, const struct wire_relation *rel)
{
	if (wire_reader_ok(r) &&
		fingerprint(rel->covered, r->p) != rel->fingerprint)
	{
		r->field = "fingerprint";
		r->p = rel->covered - 8;
		wire_reader_fail(r, "does not match the relation");
	}
}

void
wire_write_column(struct wire_writer *w, const struct wire_column *col)
{
	wire_put_str(w, col->name);
	wire_put_varint(w, col->attnum);
	wire_put_u8(w, col->flags);
	wire_put_varint(w, (uint64_t) col->key_position +
						   (col->key_only ? WIRE_KEY_ONLY : 0) +
						   (col->truncated ? WIRE_TRUNCATED : 0) +
						   (col->hashed ? WIRE_HASHED : 0) +
						   (col->not_masked ? WIRE_NOT_MASKED : 0));
	if (col->truncated)
		wire_put_varint(w, col->chars);
	if (col->hashed)
		wire_put_varint(w, col->hash);
	wire_put_u8(w, (uint8_t) col->encoding);
	wire_put_u16(w, (uint16_t) col->width);
	wire_put_u8(w, (uint8_t) col->kind);
	put_type(w, &col->type);
	if (col->flags & WIRE_COLUMN_DOMAIN)
		put_type(w, &col->base);
	if (col->flags & WIRE_COLUMN_ARRAY)
		put_type(w, &col->element);
	if (col->flags & WIRE_COLUMN_DEFAULT)
		wire_put_str(w, col->default_expr);
	if (col->flags & WIRE_COLUMN_ENUM)
		wire_put_varint(w, col->nlabels); /* wire_write_label() follows */
}

void
wire_write_label(struct wire_writer *w, struct wire_str label)
{
	wire_put_str(w, label);
}

void
wire_read_column(struct wire_reader *r, struct wire_column *col)
{
	const uint8_t *at;
	uint16_t	   position;

	memset(col, 0, sizeof(*col));
	col->name = get_str(r, "column name", WIRE_NAME_MAX);
	col->attnum = (uint16_t) get_bounded(r, "attnum", WIRE_COLUMNS_MAX);
	col->flags = get_flags(r, "column flags", WIRE_COLUMN_FLAGS);
	at = r->p;
	position = (uint16_t) get_bounded(r, "key position",
									  WIRE_NOT_MASKED + WIRE_HASHED +
										  WIRE_TRUNCATED + WIRE_KEY_ONLY +
										  WIRE_COLUMNS_MAX);
	col->truncated = position & WIRE_TRUNCATED;
	col->hashed = position & WIRE_HASHED;
	col->not_masked = position & WIRE_NOT_MASKED;
	col->key_only = position & WIRE_KEY_ONLY;
	col->key_position = (uint16_t) (position & (WIRE_KEY_ONLY - 1));
	if (col->key_position > WIRE_COLUMNS_MAX)
	{
		r->p = at;
		wire_reader_fail(r, "over its limit");
	}
	if (col->truncated)
		col->chars = (uint32_t) get_bounded(r, "characters", WIRE_CHARS_MAX);
	if (col->hashed)
		col->hash = (uint32_t) get_bounded(r, "hash", WIRE_HASH_MAX);
	col->encoding = get_choice(r, "encoding", "RT");
	at = r->p;
	col->width = (int16_t) get_u16(r, "width");
	if (col->width == 0 || col->width < -1 ||
		(col->encoding == WIRE_ENCODING_TEXT && col->width != -1))
	{
		r->p = at;
		wire_reader_fail(r, "impossible width");
	}
	col->kind = (char) get_u8(r, "type kind");
	get_type(r, &col->type);
	if (col->flags & WIRE_COLUMN_DOMAIN)
		get_type(r, &col->base);
	if (col->flags & WIRE_COLUMN_ARRAY)
		get_type(r, &col->element);
	if (col->flags & WIRE_COLUMN_DEFAULT)
		col->default_expr = get_str(r, "default", WIRE_MESSAGE_MAX);
	if (col->flags & WIRE_COLUMN_ENUM)
	{
		col->nlabels = (uint32_t) get_bounded(r, "labels", WIRE_LABELS_MAX);
		at = r->p;
		for (uint32_t i = 0; i < col->nlabels && wire_reader_ok(r); i++)
			(void) get_str(r, "label", WIRE_NAME_MAX);
		if (wire_reader_ok(r))
		{
			col->labels.data = (const char *) at;
			col->labels.len = (size_t) (r->p - at);
		}
	}
}

bool
wire_next_label(struct wire_str *labels, struct wire_str *label)
{
	struct wire_reader r;

	if (labels->len == 0)
		return false;
	wire_reader_init(&r, labels->data, labels->len);
	*label = get_str(&r, "label", WIRE_NAME_MAX);
	if (!wire_reader_ok(&r))
		return false;
	labels->data = (const char *) r.p;
	labels->len = wire_reader_left(&r);
	return true;
}

/* ------------------------------------------------------------ transaction */

static void
put_txn(struct wire_writer *w, const struct wire_txn *txn)
{
	bool origin = txn->origin.len > 0;

	wire_put_u8(w, origin ? WIRE_TXN_ORIGIN : 0);
	wire_put_varint(w, txn->xid);
	wire_put_u64(w, txn->commit_lsn);
	wire_put_varint(w, txn->end_lsn - txn->commit_lsn);
	wire_put_u64(w, (uint64_t) txn->commit_time_us);
	if (origin)
	{
		wire_put_u64(w, txn->origin_lsn);
		wire_put_str(w, txn->origin);
	}
}

static void
get_txn(struct wire_reader *r, struct wire_txn *txn)
{
	const uint8_t *at;
	uint64_t	   record_len;
	uint8_t		   flags;

	memset(txn, 0, sizeof(*txn));
	flags = get_flags(r, "transaction flags", WIRE_TXN_FLAGS);
	txn->xid = get_varint(r, "xid");
	txn->commit_lsn = get_u64(r, "commit lsn");
	at = r->p;
	record_len = get_varint(r, "end lsn");
	if (record_len > UINT64_MAX - txn->commit_lsn)
	{
		r->p = at;
		wire_reader_fail(r, "over its limit");
	}
	txn->end_lsn = txn->commit_lsn + record_len;
	txn->commit_time_us = (int64_t) get_u64(r, "commit time");
	if (flags & WIRE_TXN_ORIGIN)
	{
		txn->origin_lsn = get_u64(r, "origin lsn");
		at = r->p;
		txn->origin = get_str(r, "origin", WIRE_NAME_MAX);
		if (wire_reader_ok(r) && txn->origin.len == 0)
		{
			r->p = at;
			wire_reader_fail(r, "empty");
		}
	}
}

static void
put_counts(struct wire_writer *w, const struct wire_counts *counts)
{
	wire_put_varint(w, counts->changes);
	wire_put_varint(w, counts->bytes);
}

static void
get_counts(struct wire_reader *r, struct wire_counts *counts)
{
	counts->changes = get_varint(r, "change count");
	counts->bytes = get_varint(r, "byte count");
}

void
wire_write_begin(struct wire_writer *w, const struct wire_txn *txn)
{
	wire_put_u8(w, WIRE_BEGIN);
	put_txn(w, txn);
}

void
wire_read_begin(struct wire_reader *r, struct wire_txn *txn)
{
	get_txn(r, txn);
}

void
wire_write_commit(struct wire_writer *w, const struct wire_counts *counts)
{
	wire_put_u8(w, WIRE_COMMIT);
	put_counts(w, counts);
}

void
wire_read_commit(struct wire_reader *r, struct wire_counts *counts)
{
	get_counts(r, counts);
}

/* -------------------------------------------------------------------- row */

void
wire_write_row(struct wire_writer *w, const struct wire_row *row)
{
	wire_put_u8(w, (uint8_t) row->op);
	wire_put_u8(w, row->flags);
	wire_put_varint(w, row->schema_id);
	wire_put_svarint(w, row->lsn_delta);
	if (row->flags & WIRE_ROW_XID)
		wire_put_varint(w, row->xid);
}

void
wire_read_row(struct wire_reader *r, char op, struct wire_row *row)
{
	const uint8_t *at = r->p;

	row->op = op;
	row->flags = get_flags(r, "row flags", WIRE_ROW_FLAGS);
	if ((row->flags & WIRE_ROW_OLD_KEY && row->flags & WIRE_ROW_OLD_FULL) ||
		(op == WIRE_INSERT &&
		 row->flags & (WIRE_ROW_OLD_KEY | WIRE_ROW_OLD_FULL)))
	{
		r->p = at;
		wire_reader_fail(r, "impossible flags");
	}
	row->schema_id = (uint32_t) get_bounded(r, "schema id",
											WIRE_RELATIONS_MAX);
	row->lsn_delta = get_svarint(r, "lsn");
	row->xid = row->flags & WIRE_ROW_XID ? get_varint(r, "xid") : 0;
}

void
wire_write_tuple(struct wire_writer *w, uint32_t ncolumns,
				 const int16_t *widths, bool wide,
				 const struct wire_value *values)
{
	uint8_t *tags = wire_put_gap(w, wide ? ncolumns : wire_tags_len(ncolumns));

	if (tags == NULL)
		return;
	for (uint32_t i = 0; i < ncolumns; i++)
	{
		const struct wire_value *v = &values[i];

		if (wide)
			tags[i] = v->tag;
		else
			wire_set_tag(tags, i, (enum wire_value_tag) v->tag);
		switch ((enum wire_value_tag) v->tag)
		{
			case WIRE_VALUE_NULL:
			case WIRE_VALUE_UNCHANGED:
			case WIRE_VALUE_SAME:
				break;
			case WIRE_VALUE_PRESENT:
				if (widths[i] < 0)
					wire_put_varint(w, v->len);
				wire_put_bytes(w, v->data, (size_t) v->len);
				break;
			case WIRE_VALUE_ERROR:
				wire_put_bytes(w, v->data, WIRE_SQLSTATE_LEN);
				break;
			case WIRE_VALUE_OVERSIZE:
				wire_put_varint(w, v->len);
				break;
		}
	}
}

void
wire_read_tuple(struct wire_reader *r, uint32_t ncolumns,
				const int16_t *widths, bool wide, const struct wire_value *old,
				struct wire_value *values)
{
	size_t		   tags_len = wide ? ncolumns : wire_tags_len(ncolumns);
	const uint8_t *tags;

	r->field = "value tags";
	tags = take(r, tags_len);
	if (tags != NULL && !wide && ncolumns % 4 != 0 &&
		tags[tags_len - 1] >> (ncolumns % 4 * 2) != 0)
	{
		r->p = tags + tags_len - 1;
		wire_reader_fail(r, "unused bits set");
	}
	if (!wire_reader_ok(r))
	{
		memset(values, 0, ncolumns * sizeof(*values));
		return;
	}

	for (uint32_t i = 0; i < ncolumns; i++)
	{
		struct wire_value *v = &values[i];

		v->tag = (uint8_t) (wide ? tags[i] : tags[i / 4] >> (i % 4 * 2) & 3);
		v->data = NULL;
		v->len = 0;
		switch (v->tag)
		{
			case WIRE_VALUE_NULL:
			case WIRE_VALUE_UNCHANGED:
				break;
			case WIRE_VALUE_PRESENT:
				v->len = widths[i] < 0 ? get_varint(r, "value length")
									   : (uint64_t) widths[i];
				r->field = "value";
				v->data = take(r, v->len);
				break;
			case WIRE_VALUE_SAME:
				if (old == NULL || old[i].tag != WIRE_VALUE_PRESENT)
				{
					r->field = "value tags";
					r->p = tags + (wide ? i : i / 4);
					wire_reader_fail(r, "same as a value that is not there");
					break;
				}
				v->data = old[i].data;
				v->len = old[i].len;
				break;
			case WIRE_VALUE_ERROR:
				r->field = "sqlstate";
				v->data = take(r, WIRE_SQLSTATE_LEN);
				v->len = WIRE_SQLSTATE_LEN;
				break;
			case WIRE_VALUE_OVERSIZE:
				v->len = get_varint(r, "oversize length");
				break;
			default:
				r->field = "value tags";
				r->p = tags + i;
				wire_reader_fail(r, "unknown value tag");
				break;
		}
		if (!wire_reader_ok(r))
		{
			/* Nothing of a broken tuple may look like a value. */
			memset(values, 0, ncolumns * sizeof(*values));
			return;
		}
	}
}

/* --------------------------------------------------------------- truncate */

void
wire_write_truncate(struct wire_writer *w, const struct wire_truncate *t)
{
	wire_put_u8(w, WIRE_TRUNCATE);
	wire_put_u8(w, t->flags);
	wire_put_svarint(w, t->lsn_delta);
	if (t->flags & WIRE_TRUNCATE_XID)
		wire_put_varint(w, t->xid);
	wire_put_varint(w, t->nrelations); /* that many varints follow */
}

void
wire_read_truncate(struct wire_reader *r, struct wire_truncate *t)
{
	const uint8_t *at;

	t->flags = get_flags(r, "truncate flags", WIRE_TRUNCATE_FLAGS);
	t->lsn_delta = get_svarint(r, "lsn");
	t->xid = t->flags & WIRE_TRUNCATE_XID ? get_varint(r, "xid") : 0;
	at = r->p;
	t->nrelations = (uint32_t) get_bounded(r, "relations", WIRE_RELATIONS_MAX);
	if (wire_reader_ok(r) && t->nrelations == 0)
	{
		r->p = at;
		wire_reader_fail(r, "empty");
	}
}

uint32_t
wire_read_schema_id(struct wire_reader *r)
{
	return (uint32_t) get_bounded(r, "schema id", WIRE_RELATIONS_MAX);
}

/* --------------------------------------------------------- logical message */

void
wire_write_message_head(struct wire_writer *w, const struct wire_message *m)
{
	wire_put_u8(w, WIRE_LOGICAL_MESSAGE);
	wire_put_u8(w, m->flags);
	wire_put_u64(w, m->lsn);
	if (m->flags & WIRE_MESSAGE_XID)
		wire_put_varint(w, m->xid);
}

void
wire_write_message(struct wire_writer *w, const struct wire_message *m)
{
	wire_write_message_head(w, m);
	wire_put_str(w, m->prefix);
	wire_put_str(w, m->content);
}

void
wire_read_message(struct wire_reader *r, struct wire_message *m)
{
	m->flags = get_flags(r, "message flags", WIRE_MESSAGE_FLAGS);
	m->lsn = get_u64(r, "lsn");
	m->xid = m->flags & WIRE_MESSAGE_XID ? get_varint(r, "xid") : 0;
	m->prefix = get_str(r, "prefix", WIRE_MESSAGE_MAX);
	m->content = get_str(r, "content", WIRE_MESSAGE_MAX);
}

/* --------------------------------------------------- prepared transactions */

void
wire_write_begin_prepare(struct wire_writer *w, const struct wire_txn *txn,
						 struct wire_str gid)
{
	wire_put_u8(w, WIRE_BEGIN_PREPARE);
	put_txn(w, txn);
	wire_put_str(w, gid);
}

void
wire_read_begin_prepare(struct wire_reader *r, struct wire_txn *txn,
						struct wire_str *gid)
{
	get_txn(r, txn);
	*gid = get_str(r, "gid", WIRE_GID_MAX);
}

void
wire_write_prepare(struct wire_writer *w, const struct wire_counts *counts)
{
	wire_put_u8(w, WIRE_PREPARE);
	put_counts(w, counts);
}

void
wire_read_prepare(struct wire_reader *r, struct wire_counts *counts)
{
	get_counts(r, counts);
}

void
wire_write_commit_prepared(struct wire_writer		  *w,
						   const struct wire_prepared *p)
{
	wire_put_u8(w, WIRE_COMMIT_PREPARED);
	wire_put_varint(w, p->xid);
	wire_put_u64(w, p->lsn);
	wire_put_u64(w, p->end_lsn);
	wire_put_u64(w, (uint64_t) p->time_us);
	wire_put_str(w, p->gid);
}

void
wire_read_commit_prepared(struct wire_reader *r, struct wire_prepared *p)
{
	memset(p, 0, sizeof(*p));
	p->xid = get_varint(r, "xid");
	p->lsn = get_u64(r, "commit lsn");
	p->end_lsn = get_u64(r, "end lsn");
	p->time_us = (int64_t) get_u64(r, "commit time");
	p->gid = get_str(r, "gid", WIRE_GID_MAX);
}

void
wire_write_rollback_prepared(struct wire_writer			*w,
							 const struct wire_prepared *p)
{
	wire_put_u8(w, WIRE_ROLLBACK_PREPARED);
	wire_put_varint(w, p->xid);
	wire_put_u64(w, p->prepare_end_lsn);
	wire_put_u64(w, p->end_lsn);
	wire_put_u64(w, (uint64_t) p->prepare_time_us);
	wire_put_u64(w, (uint64_t) p->time_us);
	wire_put_str(w, p->gid);
}

void
wire_read_rollback_prepared(struct wire_reader *r, struct wire_prepared *p)
{
	memset(p, 0, sizeof(*p));
	p->xid = get_varint(r, "xid");
	p->prepare_end_lsn = get_u64(r, "prepare end lsn");
	p->end_lsn = get_u64(r, "end lsn");
	p->prepare_time_us = (int64_t) get_u64(r, "prepare time");
	p->time_us = (int64_t) get_u64(r, "rollback time");
	p->gid = get_str(r, "gid", WIRE_GID_MAX);
}

/* --------------------------------------------------------------- streaming */

void
wire_write_stream_start(struct wire_writer *w, uint64_t xid,
						bool first_segment)
{
	wire_put_u8(w, WIRE_STREAM_START);
	wire_put_varint(w, xid);
	wire_put_u8(w, first_segment);
}

void
wire_read_stream_start(struct wire_reader *r, uint64_t *xid,
					   bool *first_segment)
{
	*xid = get_varint(r, "xid");
	*first_segment = get_flags(r, "first segment", 1) != 0;
}

void
wire_write_stream_stop(struct wire_writer *w)
{
	wire_put_u8(w, WIRE_STREAM_STOP);
}

void
wire_read_stream_stop(struct wire_reader *r)
{
	(void) r;
}

void
wire_write_stream_abort(struct wire_writer			   *w,
						const struct wire_stream_abort *a)
{
	wire_put_u8(w, WIRE_STREAM_ABORT);
	wire_put_varint(w, a->xid);
	wire_put_varint(w, a->subxid);
	wire_put_u64(w, a->abort_lsn);
}

void
wire_read_stream_abort(struct wire_reader *r, struct wire_stream_abort *a)
{
	a->xid = get_varint(r, "xid");
	a->subxid = get_varint(r, "subxid");
	a->abort_lsn = get_u64(r, "abort lsn");
}

void
wire_write_stream_prepare(struct wire_writer *w, const struct wire_txn *txn,
						  struct wire_str			gid,
						  const struct wire_counts *counts)
{
	wire_put_u8(w, WIRE_STREAM_PREPARE);
	put_txn(w, txn);
	wire_put_str(w, gid);
	put_counts(w, counts);
}

void
wire_read_stream_prepare(struct wire_reader *r, struct wire_txn *txn,
						 struct wire_str *gid, struct wire_counts *counts)
{
	get_txn(r, txn);
	*gid = get_str(r, "gid", WIRE_GID_MAX);
	get_counts(r, counts);
}

void
wire_write_stream_commit(struct wire_writer *w, const struct wire_txn *txn,
						 const struct wire_counts *counts)
{
	wire_put_u8(w, WIRE_STREAM_COMMIT);
	put_txn(w, txn);
	put_counts(w, counts);
}

void
wire_read_stream_commit(struct wire_reader *r, struct wire_txn *txn,
						struct wire_counts *counts)
{
	get_txn(r, txn);
	get_counts(r, counts);
}
