/*
 * render.c
 *		Wire bytes as rows that a person, or a regression test, can read.
 *
 * It reads what the slot really emits, through the same reader as the
 * forwarder.  Values are shown by their types' output functions, which trust
 * what is on disk; so the function is for superusers alone.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/pg_lsn.h"
#include "utils/tuplestore.h"
#include "utils/xid8.h"

#include "rawtypes.h"
#include "settings.h"
#include "wire.h"

PG_FUNCTION_INFO_V1(walferry_render);

typedef struct RenderColumn
{
	char	   *name;
	uint8		flags;
	char		encoding;
	int16		width;
	Oid			type;			/* domains undone */
	RawKind		kind;
	bool		output_known;
	FmgrInfo	output;
} RenderColumn;

typedef struct RenderRelation
{
	uint32		schema_id;		/* hash key */
	char	   *name;			/* qualified */
	int			ncolumns;
	int			nidentity;
	RenderColumn *columns;
	int16	   *widths;
	int		   *identity;		/* indexes of the identity columns */
	int16	   *identity_widths;
} RenderRelation;

typedef struct Render
{
	Tuplestorestate *store;
	TupleDesc	desc;
	HTAB	   *relations;
	struct wire_reader r;
	uint64		last_lsn;
	uint64		xid;
	StringInfoData large;		/* a message being assembled */
	uint64		large_total;
} Render;

/* ----------------------------------------------------------------- output */

static void
emit(Render *render, uint64 lsn, uint64 xid, int tag, const char *relation,
	 const char *detail)
{
	Datum		values[5];
	bool		nulls[5] = {false, false, false, false, false};

	values[0] = LSNGetDatum(lsn);
	nulls[0] = lsn == 0;
	values[1] = FullTransactionIdGetDatum(FullTransactionIdFromU64(xid));
	nulls[1] = xid == 0;
	values[2] = CStringGetTextDatum(wire_tag_name(tag));
	if (relation)
		values[3] = CStringGetTextDatum(relation);
	else
		nulls[3] = true;
	if (detail)
		values[4] = CStringGetTextDatum(detail);
	else
		nulls[4] = true;
	tuplestore_putvalues(render->store, render->desc, values, nulls);
}

static char *
copy_str(struct wire_str s)
{
	return pnstrdup(s.data, s.len);
}

/* A value as it is if that is unmistakable, else as an SQL literal. */
static void
append_value(StringInfo out, const char *text)
{
	const char *p;

	for (p = text; *p; p++)
	{
		if (!isalnum((unsigned char) *p) && strchr("_.:+-/", *p) == NULL)
			break;
	}
	if (*p == '\0' && p > text)
		appendStringInfoString(out, text);
	else
		appendStringInfoString(out, quote_literal_cstr(text));
}

static char *
value_text(RenderColumn *col, const struct wire_value *v)
{
	Datum		datum = 0;
	int			i;

	if (col->encoding == WIRE_ENCODING_TEXT)
		return pnstrdup((const char *) v->data, v->len);

	if (!col->output_known)
	{
		Oid			output;
		bool		is_varlena;

		getTypeOutputInfo(col->type, &output, &is_varlena);
		fmgr_info(output, &col->output);
		col->output_known = true;
	}
	switch (col->kind)
	{
		case RAW_BYVAL:
			{
				uint64		bits = 0;

				for (i = 0; i < col->width; i++)
					bits |= (uint64) v->data[i] << (8 * i);
				datum = (Datum) bits;
				if (col->width == 4)
					datum = Int32GetDatum((int32) bits);
				else if (col->width == 2)
					datum = Int16GetDatum((int16) bits);
				else if (col->width == 1)
					datum = CharGetDatum((char) bits);
				break;
			}
		case RAW_BYREF:
			{
				char	   *copy = palloc(col->width);

				rawtypes_wire_to_byref(col->type, (const char *) v->data,
									   copy, col->width);
				datum = PointerGetDatum(copy);
				break;
			}
		case RAW_NAME:
			{
				Name		name = palloc0(NAMEDATALEN);

				memcpy(NameStr(*name), v->data,
					   Min(v->len, NAMEDATALEN - 1));
				datum = NameGetDatum(name);
				break;
			}
		case RAW_VARLENA:
			{
				struct varlena *copy = palloc(v->len + VARHDRSZ);

				SET_VARSIZE(copy, v->len + VARHDRSZ);
				memcpy(VARDATA(copy), v->data, v->len);
				datum = PointerGetDatum(copy);
				break;
			}
		case RAW_NONE:
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg("type %u of column \"%s\" has no raw form",
							col->type, col->name)));
	}
	return OutputFunctionCall(&col->output, datum);
}

static void
append_tuple(StringInfo out, RenderRelation *rel, const int *index, int n,
			 const struct wire_value *values)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		RenderColumn *col = &rel->columns[index ? index[i] : i];
		const struct wire_value *v = &values[i];

		if (i > 0)
			appendStringInfoChar(out, ' ');
		appendStringInfo(out, "%s=", quote_identifier(col->name));
		switch (v->tag)
		{
			case WIRE_VALUE_NULL:
				appendStringInfoString(out, "<null>");
				break;
			case WIRE_VALUE_UNCHANGED:
				appendStringInfoString(out,
									   col->flags & WIRE_COLUMN_VIRTUAL ?
									   "<virtual>" : "<unchanged>");
				break;
			case WIRE_VALUE_SAME:
				appendStringInfoString(out, "<same>");
				break;
			case WIRE_VALUE_ERROR:
				appendStringInfo(out, "<error %.5s>", (const char *) v->data);
				break;
			case WIRE_VALUE_OVERSIZE:
				appendStringInfo(out, "<oversize " UINT64_FORMAT ">", v->len);
				break;
			default:
				append_value(out, value_text(col, v));
				break;
		}
	}
}

/* --------------------------------------------------------------- messages */

static RenderRelation *
find_relation(Render *render, uint32 id)
{
	RenderRelation *rel = hash_search(render->relations, &id, HASH_FIND, NULL);

	if (rel == NULL)
		wire_reader_fail(&render->r, "no such schema id");
	return rel;
}

static void
append_type(StringInfo out, const struct wire_type *type)
{
	appendStringInfo(out, "%.*s.%.*s", (int) type->schema.len,
					 type->schema.data, (int) type->name.len,
					 type->name.data);
	if (type->typmod != -1)
		appendStringInfo(out, "[%d]", type->typmod);
}

static void
append_column(StringInfo out, const struct wire_column *col)
{
	struct wire_str labels = col->labels;
	struct wire_str label;

	appendStringInfo(out, "%s ", quote_identifier(copy_str(col->name)));
	append_type(out, &col->type);
	if (col->flags & WIRE_COLUMN_DOMAIN)
	{
		appendStringInfoString(out, " over ");
		append_type(out, &col->base);
	}
	if (col->encoding == WIRE_ENCODING_TEXT)
		appendStringInfoString(out, " as text");
	if (col->key_position)
		appendStringInfo(out, " key %d", col->key_position);
	if (col->flags & WIRE_COLUMN_IDENTITY)
		appendStringInfoString(out, " identity");
	if (col->key_only)
		appendStringInfoString(out, " only a key");
	if (col->truncated)
		appendStringInfo(out, " of %u characters", col->chars);
	if (col->hashed)
		appendStringInfo(out, " hashed by %u", col->hash);
	if (col->not_masked)
		appendStringInfoString(out, " not masked");
	if (col->flags & WIRE_COLUMN_NOT_NULL)
		appendStringInfoString(out, " not null");
	if (col->flags & WIRE_COLUMN_GENERATED)
		appendStringInfoString(out, " generated");
	if (col->flags & WIRE_COLUMN_VIRTUAL)
		appendStringInfoString(out, " virtual");
	if (col->flags & WIRE_COLUMN_DEFAULT)
		appendStringInfo(out, " default %.*s", (int) col->default_expr.len,
						 col->default_expr.data);
	if (col->flags & WIRE_COLUMN_ENUM)
	{
		const char *separator = " labels ";

		while (wire_next_label(&labels, &label))
		{
			appendStringInfo(out, "%s%s", separator,
							 quote_literal_cstr(copy_str(label)));
			separator = ",";
		}
	}
}

static void
render_relation(Render *render)
{
	struct wire_reader *r = &render->r;
	struct wire_relation head;
	RenderRelation *rel;
	StringInfoData detail;
	uint32		i;

	wire_read_relation(r, &head);
	if (!wire_reader_ok(r))
		return;
	rel = hash_search(render->relations, &head.schema_id, HASH_ENTER, NULL);
	rel->name = quote_qualified_identifier(copy_str(head.schema),
										   copy_str(head.name));
	rel->ncolumns = head.ncolumns;
	rel->nidentity = 0;
	rel->columns = palloc0((head.ncolumns + 1) * sizeof(RenderColumn));
	rel->widths = palloc0((head.ncolumns + 1) * sizeof(int16));
	rel->identity = palloc0((head.ncolumns + 1) * sizeof(int));
	rel->identity_widths = palloc0((head.ncolumns + 1) * sizeof(int16));

	initStringInfo(&detail);
	appendStringInfo(&detail, "kind %c identity %c", head.kind, head.identity);
	if (head.flags & WIRE_RELATION_PARTITION)
		appendStringInfo(&detail, " of %s",
						 quote_qualified_identifier(copy_str(head.root_schema),
													copy_str(head.root_name)));
	if (head.flags & WIRE_RELATION_CHOSEN_KEY)
		appendStringInfoString(&detail, " chosen key");
	appendStringInfoString(&detail, " (");
	for (i = 0; i < head.ncolumns; i++)
	{
		struct wire_column col;
		RenderColumn *c = &rel->columns[i];
		int16		width;

		wire_read_column(r, &col);
		if (!wire_reader_ok(r))
			return;
		c->name = copy_str(col.name);
		c->flags = col.flags;
		c->encoding = col.encoding;
		c->width = col.width;
		c->type = col.flags & WIRE_COLUMN_DOMAIN ? col.base.oid : col.type.oid;
		c->kind = rawtypes_lookup(c->type, col.element.oid, &width);
		rel->widths[i] = col.width;
		if (col.flags & WIRE_COLUMN_IDENTITY)
		{
			rel->identity[rel->nidentity] = i;
			rel->identity_widths[rel->nidentity++] = col.width;
		}
		if (i > 0)
			appendStringInfoString(&detail, ", ");
		append_column(&detail, &col);
	}
	appendStringInfoChar(&detail, ')');
	wire_read_relation_end(r, &head);
	if (wire_reader_ok(r))
		emit(render, 0, 0, WIRE_RELATION, rel->name, detail.data);
}

static void
render_row(Render *render, int tag)
{
	struct wire_reader *r = &render->r;
	struct wire_row row;
	struct wire_value *old = NULL;
	RenderRelation *rel;
	StringInfoData detail;
	bool		wide;

	wire_read_row(r, tag, &row);
	rel = wire_reader_ok(r) ? find_relation(render, row.schema_id) : NULL;
	if (rel == NULL)
		return;
	wide = (row.flags & WIRE_ROW_WIDE) != 0;
	render->last_lsn += row.lsn_delta;
	initStringInfo(&detail);

	if (row.flags & WIRE_ROW_OLD_KEY)
	{
		struct wire_value *key =
			palloc((rel->nidentity + 1) * sizeof(struct wire_value));

		wire_read_tuple(r, rel->nidentity, rel->identity_widths, wide, NULL,
						key);
		if (!wire_reader_ok(r))
			return;
		appendStringInfoString(&detail, "key(");
		append_tuple(&detail, rel, rel->identity, rel->nidentity, key);
		appendStringInfoString(&detail, ")");
	}
	else if (row.flags & WIRE_ROW_OLD_FULL)
	{
		old = palloc((rel->ncolumns + 1) * sizeof(struct wire_value));
		wire_read_tuple(r, rel->ncolumns, rel->widths, wide, NULL, old);
		if (!wire_reader_ok(r))
			return;
		appendStringInfoString(&detail, "old(");
		append_tuple(&detail, rel, NULL, rel->ncolumns, old);
		appendStringInfoString(&detail, ")");
	}
	if (tag != WIRE_DELETE)
	{
		struct wire_value *new =
			palloc((rel->ncolumns + 1) * sizeof(struct wire_value));

		wire_read_tuple(r, rel->ncolumns, rel->widths, wide, old, new);
		if (!wire_reader_ok(r))
			return;
		appendStringInfo(&detail, "%snew(", detail.len > 0 ? " " : "");
		append_tuple(&detail, rel, NULL, rel->ncolumns, new);
		appendStringInfoString(&detail, ")");
	}
	emit(render, render->last_lsn,
		 row.flags & WIRE_ROW_XID ? row.xid : render->xid, tag, rel->name,
		 detail.data);
}

static void
render_truncate(Render *render)
{
	struct wire_reader *r = &render->r;
	struct wire_truncate t;
	StringInfoData names;
	StringInfoData detail;
	uint32		i;

	wire_read_truncate(r, &t);
	initStringInfo(&names);
	initStringInfo(&detail);
	for (i = 0; i < t.nrelations && wire_reader_ok(r); i++)
	{
		uint32		id = wire_read_schema_id(r);
		RenderRelation *rel = wire_reader_ok(r) ?
			find_relation(render, id) : NULL;

		if (rel)
			appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", rel->name);
	}
	if (!wire_reader_ok(r))
		return;
	render->last_lsn += t.lsn_delta;
	if (t.flags & WIRE_TRUNCATE_CASCADE)
		appendStringInfoString(&detail, "cascade");
	if (t.flags & WIRE_TRUNCATE_RESTART_SEQS)
		appendStringInfo(&detail, "%srestart identity",
						 detail.len > 0 ? " " : "");
	emit(render, render->last_lsn,
		 t.flags & WIRE_TRUNCATE_XID ? t.xid : render->xid, WIRE_TRUNCATE,
		 names.data, detail.data);
}

static void
render_message(Render *render)
{
	struct wire_reader *r = &render->r;
	struct wire_message m;
	StringInfoData detail;
	size_t		i;

	wire_read_message(r, &m);
	if (!wire_reader_ok(r))
		return;
	initStringInfo(&detail);
	appendStringInfo(&detail, "%s prefix=%s content=",
					 m.flags & WIRE_MESSAGE_TRANSACTIONAL ?
					 "transactional" : "non-transactional",
					 quote_literal_cstr(copy_str(m.prefix)));
	if (memchr(m.content.data, 0, m.content.len) == NULL &&
		pg_verify_mbstr(GetDatabaseEncoding(), m.content.data,
						(int) m.content.len, true))
		appendStringInfoString(&detail,
							   quote_literal_cstr(copy_str(m.content)));
	else
	{
		appendStringInfoString(&detail, "\\x");
		for (i = 0; i < m.content.len; i++)
			appendStringInfo(&detail, "%02x", (uint8) m.content.data[i]);
	}
	if (m.flags & WIRE_MESSAGE_TRANSACTIONAL)
		render->last_lsn = m.lsn;
	emit(render, m.lsn,
		 m.flags & WIRE_MESSAGE_XID ? m.xid :
		 m.flags & WIRE_MESSAGE_TRANSACTIONAL ? render->xid : 0,
		 WIRE_LOGICAL_MESSAGE, NULL, detail.data);
}

static void
render_header(Render *render)
{
	struct wire_reader *r = &render->r;
	struct wire_header h;
	StringInfoData detail;
	uint32		i;

	wire_read_header(r, &h);
	initStringInfo(&detail);
	appendStringInfo(&detail, "version %d database %.*s encoding %.*s",
					 h.version, (int) h.database.len, h.database.data,
					 (int) h.encoding.len, h.encoding.data);
	for (i = 0; i < h.noptions && wire_reader_ok(r); i++)
	{
		struct wire_option o;

		wire_read_option(r, &o);
		appendStringInfo(&detail, " %.*s=%s", (int) o.name.len, o.name.data,
						 quote_literal_cstr(copy_str(o.value)));
	}
	if (wire_reader_ok(r))
		emit(render, 0, 0, WIRE_HEADER, NULL, detail.data);
}

static void
render_txn(Render *render, int tag)
{
	struct wire_reader *r = &render->r;
	struct wire_txn txn;
	struct wire_counts counts = {0, 0};
	struct wire_str gid = {NULL, 0};
	StringInfoData detail;

	switch (tag)
	{
		case WIRE_BEGIN:
			wire_read_begin(r, &txn);
			break;
		case WIRE_BEGIN_PREPARE:
			wire_read_begin_prepare(r, &txn, &gid);
			break;
		case WIRE_STREAM_PREPARE:
			wire_read_stream_prepare(r, &txn, &gid, &counts);
			break;
		default:
			wire_read_stream_commit(r, &txn, &counts);
			break;
	}
	if (!wire_reader_ok(r))
		return;
	render->xid = txn.xid;
	render->last_lsn = txn.commit_lsn;
	initStringInfo(&detail);
	if (gid.data)
		appendStringInfo(&detail, "gid=%s ", quote_literal_cstr(copy_str(gid)));
	if (txn.origin.len > 0)
		appendStringInfo(&detail, "origin=%s at %X/%X ",
						 quote_literal_cstr(copy_str(txn.origin)),
						 LSN_FORMAT_ARGS(txn.origin_lsn));
	if (tag == WIRE_STREAM_PREPARE || tag == WIRE_STREAM_COMMIT)
		appendStringInfo(&detail, "changes=" UINT64_FORMAT, counts.changes);
	emit(render, txn.end_lsn, txn.xid, tag, NULL,
		 detail.len > 0 ? detail.data : NULL);
}

static void
render_one(Render *render)
{
	struct wire_reader *r = &render->r;
	int			tag = wire_read_tag(r);
	struct wire_counts counts;
	struct wire_stream_abort abort;
	struct wire_prepared prepared;
	uint64		xid;
	bool		first;

	if (!wire_reader_ok(r))
		return;
	switch ((enum wire_tag) tag)
	{
		case WIRE_HEADER:
			render_header(render);
			break;
		case WIRE_RELATION:
			render_relation(render);
			break;
		case WIRE_BEGIN:
		case WIRE_BEGIN_PREPARE:
		case WIRE_STREAM_PREPARE:
		case WIRE_STREAM_COMMIT:
			render_txn(render, tag);
			break;
		case WIRE_COMMIT:
		case WIRE_PREPARE:
			wire_read_commit(r, &counts);
			if (wire_reader_ok(r))
				emit(render, 0, render->xid, tag, NULL,
					 psprintf("changes=" UINT64_FORMAT, counts.changes));
			break;
		case WIRE_INSERT:
		case WIRE_UPDATE:
		case WIRE_DELETE:
			render_row(render, tag);
			break;
		case WIRE_TRUNCATE:
			render_truncate(render);
			break;
		case WIRE_LOGICAL_MESSAGE:
			render_message(render);
			break;
		case WIRE_COMMIT_PREPARED:
			wire_read_commit_prepared(r, &prepared);
			if (wire_reader_ok(r))
				emit(render, prepared.end_lsn, prepared.xid, tag, NULL,
					 psprintf("gid=%s",
							  quote_literal_cstr(copy_str(prepared.gid))));
			break;
		case WIRE_ROLLBACK_PREPARED:
			wire_read_rollback_prepared(r, &prepared);
			if (wire_reader_ok(r))
				emit(render, prepared.end_lsn, prepared.xid, tag, NULL,
					 psprintf("gid=%s",
							  quote_literal_cstr(copy_str(prepared.gid))));
			break;
		case WIRE_STREAM_START:
			wire_read_stream_start(r, &xid, &first);
			render->xid = xid;
			render->last_lsn = 0;
			if (wire_reader_ok(r))
				emit(render, 0, xid, tag, NULL, first ? "first" : NULL);
			break;
		case WIRE_STREAM_STOP:
			wire_read_stream_stop(r);
			emit(render, 0, render->xid, tag, NULL, NULL);
			break;
		case WIRE_STREAM_ABORT:
			wire_read_stream_abort(r, &abort);
			if (wire_reader_ok(r))
				emit(render, abort.abort_lsn, abort.subxid, tag, NULL,
					 abort.xid == abort.subxid ? "transaction" :
					 "subtransaction");
			break;
	}
}

static void
corrupt(Render *render, int frame)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("corrupt walferry stream: %s, %s, at byte %zu of frame %d",
					render->r.error_field, render->r.error,
					render->r.error_at, frame)));
}

static void
render_frame(Render *render, const char *data, size_t len, int number)
{
	struct wire_reader *r = &render->r;
	uint64		total;
	uint64		offset;

	wire_reader_init(r, data, len);
	if (wire_read_frame(r) == WIRE_FRAME_FRAGMENT && wire_reader_ok(r))
	{
		wire_read_fragment_head(r, &total, &offset);
		if (wire_reader_ok(r) &&
			(offset != (uint64) render->large.len ||
			 (offset > 0 && total != render->large_total)))
			wire_reader_fail(r, "fragment out of order");
		if (!wire_reader_ok(r))
			corrupt(render, number);
		render->large_total = total;
		appendBinaryStringInfo(&render->large, (const char *) r->p,
							   (int) wire_reader_left(r));
		if ((uint64) render->large.len < total)
			return;
		wire_reader_init(r, render->large.data, render->large.len);
		render_one(render);
		if (!wire_read_end(r))
			corrupt(render, number);
		resetStringInfo(&render->large);
		return;
	}
	while (wire_reader_ok(r) && wire_reader_left(r) > 0)
		render_one(render);
	if (!wire_reader_ok(r))
		corrupt(render, number);
}

/*
 * walferry_render(frames bytea[]) returns table (lsn, xid, message, relation,
 * detail): every message of the frames, in their order.
 */
Datum
walferry_render(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ArrayType  *frames = PG_GETARG_ARRAYTYPE_P(0);
	PinnedSettings *settings;
	MemoryContext old;
	Render		render;
	HASHCTL		ctl;
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	int			i;

	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be superuser to render walferry frames")));
	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) ||
		(rsinfo->allowedModes & SFRM_Materialize) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));

	memset(&render, 0, sizeof(render));
	old = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	if (get_call_result_type(fcinfo, NULL, &render.desc) !=
		TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	render.desc = CreateTupleDescCopy(render.desc);
	render.store = tuplestore_begin_heap(true, false, work_mem);
	rsinfo->returnMode = SFRM_Materialize;
	rsinfo->setResult = render.store;
	rsinfo->setDesc = render.desc;
	MemoryContextSwitchTo(old);

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(uint32);
	ctl.entrysize = sizeof(RenderRelation);
	ctl.hcxt = CurrentMemoryContext;
	render.relations = hash_create("walferry relations", 64, &ctl,
								   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	initStringInfo(&render.large);

	/* The same text in every session, whether the decoder made it or we do. */
	settings = settings_pin();
	deconstruct_array(frames, BYTEAOID, -1, false, TYPALIGN_INT, &elements,
					  &nulls, &n);
	for (i = 0; i < n; i++)
	{
		bytea	   *frame;

		if (nulls[i])
			continue;
		frame = DatumGetByteaPP(elements[i]);
		render_frame(&render, VARDATA_ANY(frame), VARSIZE_ANY_EXHDR(frame),
					 i + 1);
	}
	settings_restore(settings);
	return (Datum) 0;
}
