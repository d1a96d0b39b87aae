/*
 * rowenc.c
 *		Rows as wire bytes.
 *
 * Nearly every row is written by rowdirect.c in one pass.  What is left is
 * done here, in two passes over the columns.  The first decides each column's
 * tag and finds where its bytes are, which gives the exact length of the
 * message; the second copies.  So a row that does not fit is known before
 * anything of it was written: the frame goes out first, and a row larger than
 * a frame is cut into fragments without ever being held in one piece.
 *
 * A value of a built-in type costs no output function, no catalog look-up,
 * and no allocation unless it is compressed.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "fmgr.h"
#include "utils/datum.h"

#include "guard.h"
#include "rowdirect.h"
#include "rowenc.h"
#include "seeded.h"

/* With max_row_bytes, values up to this length are sent in any case. */
#define ALWAYS_SENT 8192

/*
 * Bytes that a row's decompressed values may take together.  Only a row far
 * larger than a frame has more; what goes beyond is decompressed once to see
 * that it can be, and again when it is copied, one value at a time.
 */
#define UNPACKED_MAX ((uint64) 16 * 1024 * 1024)

/*
 * A compressed value that claims to be this many times as long is damaged:
 * pglz makes at most 88 bytes of one, lz4 at most 255.  Nobody should have to
 * find a gigabyte of memory to learn that.
 */
#define PACKED_RATIO_MAX 256

/* Bytes of a row message before its tuples, at most. */
#define ROW_HEAD_MAX 40

typedef enum Source
{
	SOURCE_NONE,				/* no bytes: the tag says it all */
	SOURCE_DATUM,				/* 'len' low bytes of 'datum' */
	SOURCE_BYTES,				/* 'len' bytes at 'datum' */
	SOURCE_FIXED,				/* same, fixed width: no length in front */
	SOURCE_PACKED,				/* first 'len' bytes of what 'datum' is when it
								 * is not compressed */
	SOURCE_SQLSTATE				/* 'len' 5 bytes at 'datum' */
} Source;

typedef struct Encoded
{
	uint8		tag;			/* enum wire_value_tag */
	uint8		source;			/* Source */
	uint64		len;
	Datum		datum;
} Encoded;

typedef struct EncodedTuple
{
	int			count;
	Encoded    *values;
	uint64		bytes;			/* of the values, lengths included */
	bool		wide;			/* has markers */
	bool		packed;			/* has values that are compressed */
} EncodedTuple;

struct RowEncoder
{
	TableCache *cache;
	MemoryContext context;
	uint64		max_row_bytes;	/* 0: no limit */
	int			room;			/* of the two arrays */
	EncodedTuple old;
	EncodedTuple new;
	DirectValue *values;		/* as many */
	uint64		held;			/* bytes of the row's decompressed values */
	int			natts;			/* room of these: a deformed old tuple */
	Datum	   *old_values;
	bool	   *old_isnull;
};

RowEncoder *
rowenc_create(TableCache *cache, int64 max_row_bytes)
{
	RowEncoder *encoder = palloc0(sizeof(RowEncoder));

	encoder->cache = cache;
	encoder->context = CurrentMemoryContext;
	encoder->max_row_bytes = (uint64) max_row_bytes;
	return encoder;
}

static void
make_room(RowEncoder *encoder, int ncolumns)
{
	int			room = Max(ncolumns, 64);

	Assert(ncolumns <= WIRE_COLUMNS_MAX);
	if (encoder->room > 0)
	{
		pfree(encoder->old.values);
		pfree(encoder->new.values);
		pfree(encoder->values);
	}
	encoder->old.values = MemoryContextAlloc(encoder->context,
											 room * sizeof(Encoded));
	encoder->new.values = MemoryContextAlloc(encoder->context,
											 room * sizeof(Encoded));
	encoder->values = MemoryContextAlloc(encoder->context,
										 room * sizeof(DirectValue));
	encoder->room = room;
}

/* ----------------------------------------------------- first pass: find */

typedef struct OutputCall
{
	FmgrInfo   *output;
	Datum		value;
	char	   *text;
} OutputCall;

static void
call_output(void *arg)
{
	OutputCall *call = arg;

	call->text = OutputFunctionCall(call->output, call->value);
}

/* A marker, for a value that cannot be had. */
static void
set_error(Encoded *e, const char *sqlstate)
{
	char	   *copy = palloc(WIRE_SQLSTATE_LEN);

	memcpy(copy, sqlstate, WIRE_SQLSTATE_LEN);
	e->tag = WIRE_VALUE_ERROR;
	e->source = SOURCE_SQLSTATE;
	e->datum = PointerGetDatum(copy);
	e->len = WIRE_SQLSTATE_LEN;
}

static void
find_text(const ColumnPlan *plan, Datum value, Encoded *e)
{
	OutputCall	call = {unconstify(FmgrInfo *, &plan->output), value, NULL};
	char		sqlstate[WIRE_SQLSTATE_LEN];
	const char *failed = NULL;

	if (!OidIsValid(plan->output.fn_oid))
		failed = plan->output_error;
	else if (!guard_call(call_output, &call, sqlstate))
		failed = sqlstate;

	if (failed)
	{
		set_error(e, failed);
		return;
	}
	e->source = SOURCE_BYTES;
	e->datum = PointerGetDatum(call.text);
	e->len = strlen(call.text);
}

/* Was an out-of-line value left alone by the change, and so is not here? */
static inline bool
is_unchanged_toast(const void *pointer)
{
	return VARATT_IS_EXTERNAL_ONDISK(pointer);
}

/*
 * A value that the change wrote out of line was put together by the reorder
 * buffer, which left an indirect pointer to it.
 */
static inline struct varlena *
follow_pointer(struct varlena *v)
{
	if (VARATT_IS_EXTERNAL_INDIRECT(v))
	{
		struct varatt_indirect redirect;

		VARATT_EXTERNAL_GET_POINTER(redirect, v);
		v = redirect.pointer;
	}
	return v;
}

/*
 * A value that does not simply stand in the tuple: it is out of line, or
 * compressed, or both.
 */
static pg_noinline void
find_extended(struct varlena *v, Encoded *e)
{
	if (is_unchanged_toast(v))
	{
		e->tag = WIRE_VALUE_UNCHANGED;
		e->source = SOURCE_NONE;
		e->len = 0;
		return;
	}
	v = follow_pointer(v);
	if (VARATT_IS_4B_C(v))
	{
		e->source = SOURCE_PACKED;
		e->datum = PointerGetDatum(v);
		e->len = VARDATA_COMPRESSED_GET_EXTSIZE(v);
		if (e->len / PACKED_RATIO_MAX > VARSIZE(v))
			set_error(e, unpack_sql_state(ERRCODE_DATA_CORRUPTED));
	}
	else if (VARATT_IS_EXTERNAL(v))
	{
		/* No tuple holds any other kind of pointer. */
		set_error(e, unpack_sql_state(ERRCODE_DATA_CORRUPTED));
	}
	else
	{
		e->source = SOURCE_BYTES;
		e->datum = PointerGetDatum(VARDATA_ANY(v));
		e->len = VARSIZE_ANY_EXHDR(v);
	}
}

static inline void
find_value(const ColumnPlan *plan, Datum value, Encoded *e)
{
	e->tag = WIRE_VALUE_PRESENT;
	switch (plan->kind)
	{
		case RAW_BYVAL:
			e->source = SOURCE_DATUM;
			e->len = plan->width;
			e->datum = value;
			break;
		case RAW_BYREF:
			e->source = SOURCE_FIXED;
			e->len = plan->width;
			e->datum = value;
#ifdef WORDS_BIGENDIAN
			e->datum = PointerGetDatum(palloc(plan->width));
			rawtypes_byref_to_wire(plan->type, DatumGetPointer(value),
								   DatumGetPointer(e->datum), plan->width);
#endif
			break;
		case RAW_NAME:
			e->source = SOURCE_BYTES;
			e->datum = value;
			e->len = strnlen(NameStr(*DatumGetName(value)), NAMEDATALEN);
			break;
		case RAW_VARLENA:
			{
				struct varlena *v = (struct varlena *) DatumGetPointer(value);

				if (unlikely(VARATT_IS_EXTERNAL(v) || VARATT_IS_4B_C(v)))
				{
					find_extended(v, e);
					break;
				}
				e->source = SOURCE_BYTES;
				e->datum = PointerGetDatum(VARDATA_ANY(v));
				e->len = VARSIZE_ANY_EXHDR(v);
				break;
			}
		case RAW_NONE:
			/* An output function must never see an unchanged TOAST pointer. */
			if (plan->is_varlena &&
				is_unchanged_toast(DatumGetPointer(value)))
			{
				e->tag = WIRE_VALUE_UNCHANGED;
				e->source = SOURCE_NONE;
				e->len = 0;
				break;
			}
			find_text(plan, value, e);
			break;
	}
}

typedef struct UnpackCall
{
	struct varlena *packed;
	uint64		len;			/* no more than this is wanted */
	struct varlena *plain;
} UnpackCall;

static void
call_unpack(void *arg)
{
	UnpackCall *call = arg;

	if (call->len < VARDATA_COMPRESSED_GET_EXTSIZE(call->packed))
		call->plain = detoast_attr_slice(call->packed, 0, (int32) call->len);
	else
		call->plain = detoast_attr(call->packed);
}

/* Decompress the first 'len' bytes; NULL: it is an error now. */
static struct varlena *
unpack_prefix(Encoded *e, uint64 len)
{
	UnpackCall	call = {(struct varlena *) DatumGetPointer(e->datum), len, NULL};
	char		sqlstate[WIRE_SQLSTATE_LEN];

	if (!guard_call_pure(call_unpack, &call, sqlstate))
	{
		set_error(e, sqlstate);
		return NULL;
	}
	return call.plain;
}

/* The value is what was unpacked of it, if the row may hold so much. */
static void
keep_unpacked(RowEncoder *encoder, struct varlena *plain, Encoded *e)
{
	uint64		len = VARSIZE_ANY_EXHDR(plain);

	if (len > UNPACKED_MAX - encoder->held)
	{
		pfree(plain);
		return;
	}
	encoder->held += len;
	e->source = SOURCE_BYTES;
	e->datum = PointerGetDatum(VARDATA_ANY(plain));
}

static void
unpack_value(RowEncoder *encoder, Encoded *e)
{
	struct varlena *plain = unpack_prefix(e, e->len);

	if (plain == NULL)
		return;

	/* lz4 may make less of a value than its header says. */
	e->len = VARSIZE_ANY_EXHDR(plain);
	keep_unpacked(encoder, plain, e);
}

/*
 * No more than so many UTF-16 units; a character of two is not divided.  Of
 * what is compressed no more is unpacked than that can take: three bytes a
 * unit, and the character after them, of which the first byte is looked at.
 */
static void
cut_value(RowEncoder *encoder, const ColumnPlan *plan, Encoded *e)
{
	struct varlena *plain = NULL;
	uint32		chars = 0;
	const uint8 *p;
	uint64		at;

	if (e->source == SOURCE_PACKED)
	{
		plain = unpack_prefix(e, (uint64) plan->chars * 3 + 4);
		if (plain == NULL)
			return;
		p = (const uint8 *) VARDATA_ANY(plain);
		e->len = VARSIZE_ANY_EXHDR(plain);
	}
	else if (e->source == SOURCE_BYTES)
		p = (const uint8 *) DatumGetPointer(e->datum);
	else
		return;
	for (at = 0; at < e->len; at++)
	{
		if ((p[at] & 0xc0) == 0x80)
			continue;
		if (chars >= plan->chars)
			break;
		chars += p[at] >= 0xf0 ? 2 : 1;
	}
	e->len = at;
	if (plain != NULL)
		keep_unpacked(encoder, plain, e);
}

static bool
same_value(const Encoded *a, const Encoded *b)
{
	if (a->source != b->source || a->len != b->len)
		return false;
	switch ((Source) a->source)
	{
		case SOURCE_DATUM:
			return a->datum == b->datum;
		case SOURCE_BYTES:
		case SOURCE_FIXED:
			return memcmp(DatumGetPointer(a->datum),
						  DatumGetPointer(b->datum), a->len) == 0;
		case SOURCE_PACKED:
			{
				const void *va = DatumGetPointer(a->datum);
				const void *vb = DatumGetPointer(b->datum);

				return VARSIZE(va) == VARSIZE(vb) &&
					memcmp(va, vb, VARSIZE(va)) == 0;
			}
		default:
			return false;
	}
}

static inline uint64
value_bytes(const Encoded *e)
{
	switch ((Source) e->source)
	{
		case SOURCE_BYTES:
		case SOURCE_PACKED:
			return wire_varint_len(e->len) + e->len;
		case SOURCE_DATUM:
		case SOURCE_FIXED:
		case SOURCE_SQLSTATE:
			return e->len;
		case SOURCE_NONE:
			break;
	}
	return e->tag == WIRE_VALUE_OVERSIZE ? wire_varint_len(e->len) : 0;
}

/*
 * Find the values of a tuple.  'identity_only' leaves out all other columns;
 * 'old' is the full old tuple, to which equal values are only referred.
 */
static void
find_tuple(RowEncoder *encoder, const TableEntry *entry, TupleDesc desc,
		   HeapTuple tuple, bool identity_only, const EncodedTuple *old,
		   EncodedTuple *out)
{
	const ColumnPlan *plan = entry->columns;
	const ColumnPlan *end = plan + entry->ncolumns;
	Encoded    *e = out->values;
	uint64		bytes = 0;
	Datum	   *values;
	bool	   *isnull;

	tablecache_scratch(encoder->cache, desc->natts, &values, &isnull);
	heap_deform_tuple(tuple, desc, values, isnull);

	out->wide = out->packed = false;
	for (; plan < end; plan++)
	{
		if (identity_only && !plan->identity)
			continue;
		if (unlikely(plan->is_virtual))
		{
			e->tag = WIRE_VALUE_UNCHANGED;
			e->source = SOURCE_NONE;
			e->len = 0;
		}
		else if (unlikely(plan->mask != NULL))
		{
			e->tag = WIRE_VALUE_PRESENT;
			e->source = SOURCE_BYTES;
			e->datum = PointerGetDatum(plan->mask);
			e->len = plan->mask_len;
		}
		else if (isnull[plan->att] ||
				 (SEEDED_BUG(BUG_FAST_DEFAULT_TO_NULL) &&
				  plan->att >= HeapTupleHeaderGetNatts(tuple->t_data)))
		{
			e->tag = WIRE_VALUE_NULL;
			e->source = SOURCE_NONE;
			e->len = 0;
		}
		else
		{
			find_value(plan, values[plan->att], e);
			if (unlikely(plan->cut))
				cut_value(encoder, plan, e);
		}

		if (old != NULL)
		{
			const Encoded *o = &old->values[e - out->values];

			/* REPLICA IDENTITY FULL: what did not change is in the old row. */
			if (o->tag == WIRE_VALUE_PRESENT &&
				((e->tag == WIRE_VALUE_UNCHANGED && !plan->is_virtual) ||
				 (e->tag == WIRE_VALUE_PRESENT && same_value(o, e))))
			{
				e->tag = WIRE_VALUE_SAME;
				e->source = SOURCE_NONE;
				e->len = 0;
			}
		}
		if (unlikely(e->tag == WIRE_VALUE_ERROR))
			out->wide = true;
		if (unlikely(e->source == SOURCE_PACKED))
			out->packed = true;
		bytes += value_bytes(e);
		e++;
	}
	out->count = (int) (e - out->values);
	out->bytes = bytes;
}

/* Replace what is long by markers; SAME must not refer to one. */
static void
shorten(EncodedTuple *tuple, const EncodedTuple *old)
{
	int			i;

	tuple->bytes = 0;
	for (i = 0; i < tuple->count; i++)
	{
		Encoded    *e = &tuple->values[i];
		bool		too_long = (e->source == SOURCE_BYTES ||
								e->source == SOURCE_PACKED) &&
			e->len > ALWAYS_SENT;

		if (old != NULL && e->tag == WIRE_VALUE_SAME &&
			old->values[i].tag == WIRE_VALUE_OVERSIZE)
		{
			e->len = old->values[i].len;
			too_long = true;
		}
		if (too_long)
		{
			e->tag = WIRE_VALUE_OVERSIZE;
			e->source = SOURCE_NONE;
			tuple->wide = true;
		}
		tuple->bytes += value_bytes(e);
	}
}

/*
 * Decompress what will be sent, before anything of the row is written: a value
 * that is damaged becomes a marker, and so does what is the SAME.
 */
static pg_noinline void
unpack(RowEncoder *encoder, EncodedTuple *tuple, const EncodedTuple *old)
{
	int			i;

	tuple->bytes = 0;
	for (i = 0; i < tuple->count; i++)
	{
		Encoded    *e = &tuple->values[i];

		if (e->source == SOURCE_PACKED)
			unpack_value(encoder, e);
		else if (old != NULL && e->tag == WIRE_VALUE_SAME &&
				 old->values[i].tag == WIRE_VALUE_ERROR)
			*e = old->values[i];
		if (e->tag == WIRE_VALUE_ERROR)
			tuple->wide = true;
		tuple->bytes += value_bytes(e);
	}
}

/* ----------------------------------------------------- second pass: copy */

static inline void
copy_tuple(struct wire_writer *w, const EncodedTuple *tuple, bool wide)
{
	const Encoded *e = tuple->values;
	uint32		i;
	uint8	   *tags;

	tags = wire_put_gap(w, wide ? tuple->count : wire_tags_len(tuple->count));
	for (i = 0; i < (uint32) tuple->count; i++, e++)
	{
		if (unlikely(wide))
			tags[i] = e->tag;
		else
			wire_set_tag(tags, i, (enum wire_value_tag) e->tag);
		switch ((Source) e->source)
		{
			case SOURCE_NONE:
				if (e->tag == WIRE_VALUE_OVERSIZE)
					wire_put_varint(w, e->len);
				break;
			case SOURCE_DATUM:
				wire_put_uint(w, (uint64) e->datum, e->len);
				break;
			case SOURCE_BYTES:
				wire_put_varint(w, e->len);
				wire_put_bytes(w, DatumGetPointer(e->datum), e->len);
				break;
			case SOURCE_FIXED:
			case SOURCE_SQLSTATE:
				wire_put_bytes(w, DatumGetPointer(e->datum), e->len);
				break;
			case SOURCE_PACKED:
				Assert(false);	/* unpack() holds more than a frame */
				break;
		}
	}
}

/* The same, for a row that no frame can hold. */
static void
copy_tuple_large(Frame *frame, const EncodedTuple *tuple, bool wide)
{
	uint8		tags[WIRE_COLUMNS_MAX] = {0};
	struct wire_writer small;
	uint8		space[16];
	int			i;

	Assert(tuple->count <= WIRE_COLUMNS_MAX);
	for (i = 0; i < tuple->count; i++)
	{
		if (wide)
			tags[i] = tuple->values[i].tag;
		else
			wire_set_tag(tags, i, (enum wire_value_tag) tuple->values[i].tag);
	}
	frame_large_put(frame, tags,
					wide ? tuple->count : wire_tags_len(tuple->count));

	for (i = 0; i < tuple->count; i++)
	{
		const Encoded *e = &tuple->values[i];

		wire_writer_init(&small, space, sizeof(space));
		switch ((Source) e->source)
		{
			case SOURCE_NONE:
				if (e->tag == WIRE_VALUE_OVERSIZE)
					wire_put_varint(&small, e->len);
				break;
			case SOURCE_DATUM:
				wire_put_uint(&small, (uint64) e->datum, e->len);
				break;
			case SOURCE_BYTES:
			case SOURCE_PACKED:
				wire_put_varint(&small, e->len);
				break;
			case SOURCE_FIXED:
			case SOURCE_SQLSTATE:
				break;
		}
		frame_large_put(frame, space, wire_writer_len(&small));

		if (e->source == SOURCE_PACKED)
		{
			UnpackCall	call = {(struct varlena *) DatumGetPointer(e->datum),
			e->len, NULL};

			call_unpack(&call);
			frame_large_put(frame, VARDATA_ANY(call.plain), e->len);
			pfree(call.plain);
		}
		else if (e->source == SOURCE_BYTES || e->source == SOURCE_FIXED ||
				 e->source == SOURCE_SQLSTATE)
			frame_large_put(frame, DatumGetPointer(e->datum), e->len);
	}
}

/*
 * The row in one pass, if it certainly fits and nothing stands against it.
 * Returns its bytes, or 0: then nothing was written.
 */
static inline uint64
write_directly(RowEncoder *encoder, Frame *frame, const TableEntry *entry,
			   const struct wire_row *row, HeapTuple old_tuple,
			   HeapTuple new_tuple)
{
	const DirectPlan *plan = entry->direct;
	uint8	   *start = frame->w.p;
	size_t		room = ROW_HEAD_MAX;
	uint8	   *p;

	if (plan == NULL)
		return 0;
	if (old_tuple)
		room += rowdirect_room(plan, old_tuple);
	if (new_tuple)
		room += rowdirect_room(plan, new_tuple);
	if (room > (size_t) (frame->w.end - start) ||
		(encoder->max_row_bytes > 0 && room > encoder->max_row_bytes))
		return 0;

	wire_write_row(&frame->w, row);
	p = rowdirect_write(plan, frame->w.p, old_tuple, new_tuple,
						entry->identity_full, encoder->values);
	frame->w.p = p != NULL ? p : start;
	return frame->w.p - start;
}

static inline uint64
tuple_bytes(const EncodedTuple *tuple, bool wide)
{
	return tuple->bytes +
		(wide ? (uint64) tuple->count : wire_tags_len(tuple->count));
}

/* The row in two passes, whatever is in it. */
static pg_noinline uint64
write_in_passes(RowEncoder *encoder, Frame *frame, const TableEntry *entry,
				struct wire_row *row, TupleDesc desc,
				HeapTuple old_tuple, HeapTuple new_tuple)
{
	EncodedTuple *old = &encoder->old;
	EncodedTuple *new = &encoder->new;
	struct wire_writer small;
	uint8		head[ROW_HEAD_MAX];
	size_t		head_len;
	uint64		total = 0;
	bool		full = old_tuple != NULL && entry->identity_full;
	bool		wide = false;

	encoder->held = 0;
	if (old_tuple)
	{
		find_tuple(encoder, entry, desc, old_tuple, !full, NULL, old);
		total += old->bytes;
		wide |= old->wide;
	}
	if (new_tuple)
	{
		find_tuple(encoder, entry, desc, new_tuple, false,
				   full ? old : NULL, new);
		total += new->bytes;
		wide |= new->wide;
	}

	if (unlikely(encoder->max_row_bytes > 0 &&
				 total > encoder->max_row_bytes))
	{
		if (old_tuple)
		{
			shorten(old, NULL);
			wide |= old->wide;
		}
		if (new_tuple)
		{
			shorten(new, full ? old : NULL);
			wide |= new->wide;
		}
	}
	if ((old_tuple && unlikely(old->packed)) ||
		(new_tuple && unlikely(new->packed)))
	{
		if (old_tuple)
		{
			unpack(encoder, old, NULL);
			wide |= old->wide;
		}
		if (new_tuple)
		{
			unpack(encoder, new, full ? old : NULL);
			wide |= new->wide;
		}
	}
	if (unlikely(wide))
		row->flags |= WIRE_ROW_WIDE;

	wire_writer_init(&small, head, sizeof(head));
	wire_write_row(&small, row);
	head_len = wire_writer_len(&small);
	total = head_len;
	if (old_tuple)
		total += tuple_bytes(old, wide);
	if (new_tuple)
		total += tuple_bytes(new, wide);

	if (unlikely(total > (size_t) (frame->w.end - frame->w.p)))
		frame_flush(frame);
	if (likely(total <= (size_t) (frame->w.end - frame->w.p)))
	{
		wire_put_bytes(&frame->w, head, head_len);
		if (old_tuple)
			copy_tuple(&frame->w, old, wide);
		if (new_tuple)
			copy_tuple(&frame->w, new, wide);
	}
	else
	{
		frame_large_begin(frame, total);
		frame_large_put(frame, head, head_len);
		if (old_tuple)
			copy_tuple_large(frame, old, wide);
		if (new_tuple)
			copy_tuple_large(frame, new, wide);
		frame_large_end(frame);
	}
	return total;
}

uint64
rowenc_write(RowEncoder *encoder, Frame *frame, const TableEntry *entry,
			 struct wire_row *row, TupleDesc desc,
			 HeapTuple old_tuple, HeapTuple new_tuple)
{
	uint64		total;

	if (unlikely(entry->ncolumns > encoder->room))
		make_room(encoder, entry->ncolumns);
	if (old_tuple)
		row->flags |= entry->identity_full ? WIRE_ROW_OLD_FULL :
			WIRE_ROW_OLD_KEY;

	total = write_directly(encoder, frame, entry, row, old_tuple, new_tuple);
	if (likely(total > 0))
		return total;
	return write_in_passes(encoder, frame, entry, row, desc, old_tuple,
						   new_tuple);
}

/* Room for an old tuple beside the new one, which has the cache's scratch. */
static void
make_old_room(RowEncoder *encoder, int natts)
{
	int			room = Max(natts, 64);

	if (encoder->natts > 0)
	{
		pfree(encoder->old_values);
		pfree(encoder->old_isnull);
	}
	encoder->old_values = MemoryContextAlloc(encoder->context,
											 room * sizeof(Datum));
	encoder->old_isnull = MemoryContextAlloc(encoder->context,
											 room * sizeof(bool));
	encoder->natts = room;
}

/*
 * Are two values the same bytes as they are stored?  What the change did not
 * touch is out of line in the new tuple and, as the old one is a whole row,
 * there in that.
 */
static bool
is_stored_alike(Form_pg_attribute att, Datum old, Datum new)
{
	struct varlena *a;
	struct varlena *b;

	if (att->attlen != -1)
		return datumIsEqual(old, new, att->attbyval, att->attlen);
	a = (struct varlena *) DatumGetPointer(old);
	b = (struct varlena *) DatumGetPointer(new);
	if (is_unchanged_toast(a))
		return false;			/* it is not that row: do not guess */
	if (is_unchanged_toast(b))
		return true;
	a = follow_pointer(a);
	b = follow_pointer(b);
	if (VARATT_IS_EXTERNAL(a) || VARATT_IS_EXTERNAL(b))
		return false;
	if (VARATT_IS_4B_C(a) || VARATT_IS_4B_C(b))
		return VARSIZE_ANY(a) == VARSIZE_ANY(b) &&
			memcmp(a, b, VARSIZE_ANY(a)) == 0;
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

/* Would two values that are stored in other ways be sent alike? */
static bool
is_sent_alike(RowEncoder *encoder, const ColumnPlan *plan, Datum old,
			  Datum new)
{
	Encoded		a;
	Encoded		b;

	find_value(plan, old, &a);
	if (plan->cut)
		cut_value(encoder, plan, &a);
	if (a.tag != WIRE_VALUE_PRESENT)
		return false;
	find_value(plan, new, &b);
	if (plan->cut)
		cut_value(encoder, plan, &b);
	return b.tag == WIRE_VALUE_PRESENT && same_value(&a, &b);
}

bool
rowenc_is_unchanged(RowEncoder *encoder, const TableEntry *entry,
					TupleDesc desc, HeapTuple old_tuple, HeapTuple new_tuple)
{
	const ColumnPlan *end = entry->columns + entry->ncolumns;
	const ColumnPlan *plan;
	Datum	   *values;
	bool	   *isnull;
	int			as_text;

	if (unlikely(desc->natts > encoder->natts))
		make_old_room(encoder, desc->natts);
	tablecache_scratch(encoder->cache, desc->natts, &values, &isnull);
	heap_deform_tuple(old_tuple, desc, encoder->old_values,
					  encoder->old_isnull);
	heap_deform_tuple(new_tuple, desc, values, isnull);
	encoder->held = 0;

	/* No output function runs before all else was found to be the same. */
	for (as_text = 0; as_text <= (entry->has_text ? 1 : 0); as_text++)
	{
		for (plan = entry->columns; plan < end; plan++)
		{
			Datum		old = encoder->old_values[plan->att];
			Datum		new = values[plan->att];

			if (plan->is_virtual || plan->mask != NULL ||
				(plan->kind == RAW_NONE) != (as_text == 1))
				continue;
			if (isnull[plan->att] != encoder->old_isnull[plan->att])
				return false;
			if (!isnull[plan->att] &&
				!is_stored_alike(TupleDescAttr(desc, plan->att), old, new) &&
				!is_sent_alike(encoder, plan, old, new))
				return false;
		}
	}
	return true;
}
