/*-------------------------------------------------------------------------
 *
 * walferry_bench_sketch.c
 *		Output plugin of the cheapest shape: a second yardstick.
 *
 * It carries every column of every row as its raw datum, gathers rows until
 * a transaction ends or 32 kB are full, and writes them as one message.  It
 * knows no schema, filter, option, position or marker and guards nothing, so
 * it says how much of a plugin's cost on some machine comes from the shape
 * alone.  Nobody should use it for anything else.
 *
 * All integers are little-endian on the machines we measure on: they are
 * copied as they lie in memory.
 *
 *	'B' xid(4) commit time(8) end LSN(8)
 *	'I' relid(4) tuple
 *	'U' relid(4) 'O' tuple tuple | 'N' tuple
 *	'D' relid(4) 'O' tuple | 'N'
 *	'C' commit LSN(8)
 *
 * A tuple is its number of columns(2), then per column a tag: 'n' NULL, 'u'
 * unchanged TOAST, 'v' length(4) and detoasted body, or the width of a fixed
 * width type and as many bytes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "fmgr.h"
#include "replication/logical.h"
#include "replication/output_plugin.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

PG_MODULE_MAGIC;

#define SKETCH_BATCH_SIZE	(32 * 1024)

#if PG_VERSION_NUM >= 170000
#define sketch_tuple_of(t)	(t)
#else
#define sketch_tuple_of(t)	((t) != NULL ? &(t)->tuple : NULL)
#endif

typedef struct SketchState
{
	MemoryContext context;		/* of one row: detoasted values */
	bool		open;			/* a message has been prepared */
	bool		begun;			/* the transaction's 'B' is written */
} SketchState;

extern PGDLLEXPORT void _PG_output_plugin_init(OutputPluginCallbacks *cb);

static void
sketch_startup(LogicalDecodingContext *ctx, OutputPluginOptions *options,
			   bool is_init)
{
	SketchState *state = palloc0(sizeof(SketchState));

	state->context = AllocSetContextCreate(ctx->context, "sketch row",
										   ALLOCSET_DEFAULT_SIZES);
	ctx->output_plugin_private = state;
	options->output_type = OUTPUT_PLUGIN_BINARY_OUTPUT;
	ctx->streaming = false;
}

static void
sketch_put(StringInfo out, const void *data, int len)
{
	appendBinaryStringInfoNT(out, data, len);
}

static void
sketch_put_u8(StringInfo out, uint8 v)
{
	appendStringInfoCharMacro(out, (char) v);
}

/*
 * Write into the output buffer of the walsender itself, which keeps what is
 * in it from one callback to the next: nothing else writes to it in between.
 */
static void
sketch_open(LogicalDecodingContext *ctx, SketchState *state)
{
	if (!state->open)
		OutputPluginPrepareWrite(ctx, true);
	state->open = true;
}

static void
sketch_flush(LogicalDecodingContext *ctx, SketchState *state)
{
	OutputPluginWrite(ctx, true);
	state->open = false;
}

static void
sketch_tuple(StringInfo out, TupleDesc desc, HeapTuple tuple)
{
	Datum		values[MaxTupleAttributeNumber];
	bool		nulls[MaxTupleAttributeNumber];
	uint16		natts = (uint16) desc->natts;

	heap_deform_tuple(tuple, desc, values, nulls);
	sketch_put(out, &natts, sizeof(natts));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (nulls[i] || att->attisdropped)
			sketch_put_u8(out, 'n');
		else if (att->attlen > 0 && att->attbyval)
		{
			sketch_put_u8(out, (uint8) att->attlen);
			sketch_put(out, &values[i], att->attlen);
		}
		else if (att->attlen > 0)
		{
			sketch_put_u8(out, (uint8) att->attlen);
			sketch_put(out, DatumGetPointer(values[i]), att->attlen);
		}
		else
		{
			struct varlena *value = (struct varlena *) DatumGetPointer(values[i]);
			uint32		len;

			if (VARATT_IS_EXTERNAL_ONDISK(value))
			{
				sketch_put_u8(out, 'u');
				continue;
			}
			if (VARATT_IS_EXTENDED(value) && !VARATT_IS_SHORT(value))
				value = detoast_attr(value);
			len = VARSIZE_ANY_EXHDR(value);
			sketch_put_u8(out, 'v');
			sketch_put(out, &len, sizeof(len));
			sketch_put(out, VARDATA_ANY(value), len);
		}
	}
}

static void
sketch_begin(LogicalDecodingContext *ctx, ReorderBufferTXN *txn)
{
	SketchState *state = ctx->output_plugin_private;

	state->begun = false;
}

static void
sketch_change(LogicalDecodingContext *ctx, ReorderBufferTXN *txn,
			  Relation relation, ReorderBufferChange *change)
{
	SketchState *state = ctx->output_plugin_private;
	MemoryContext old = MemoryContextSwitchTo(state->context);
	TupleDesc	desc = RelationGetDescr(relation);
	HeapTuple	oldtuple = sketch_tuple_of(change->data.tp.oldtuple);
	HeapTuple	newtuple = sketch_tuple_of(change->data.tp.newtuple);
	Oid			relid = RelationGetRelid(relation);
	StringInfo	out = ctx->out;

	sketch_open(ctx, state);
	if (!state->begun)
	{
		TimestampTz commit_time;

#if PG_VERSION_NUM >= 150000
		commit_time = txn->xact_time.commit_time;
#else
		commit_time = txn->commit_time;
#endif
		sketch_put_u8(out, 'B');
		sketch_put(out, &txn->xid, sizeof(txn->xid));
		sketch_put(out, &commit_time, sizeof(commit_time));
		sketch_put(out, &txn->end_lsn, sizeof(txn->end_lsn));
		state->begun = true;
	}

	switch (change->action)
	{
		case REORDER_BUFFER_CHANGE_INSERT:
			sketch_put_u8(out, 'I');
			break;
		case REORDER_BUFFER_CHANGE_UPDATE:
			sketch_put_u8(out, 'U');
			break;
		case REORDER_BUFFER_CHANGE_DELETE:
			sketch_put_u8(out, 'D');
			break;
		default:
			Assert(false);
	}
	sketch_put(out, &relid, sizeof(relid));
	if (change->action != REORDER_BUFFER_CHANGE_INSERT)
	{
		sketch_put_u8(out, oldtuple != NULL ? 'O' : 'N');
		if (oldtuple != NULL)
			sketch_tuple(out, desc, oldtuple);
	}
	if (newtuple != NULL)
		sketch_tuple(out, desc, newtuple);

	MemoryContextSwitchTo(old);
	MemoryContextReset(state->context);
	if (out->len >= SKETCH_BATCH_SIZE)
		sketch_flush(ctx, state);
}

static void
sketch_commit(LogicalDecodingContext *ctx, ReorderBufferTXN *txn,
			  XLogRecPtr commit_lsn)
{
	SketchState *state = ctx->output_plugin_private;

	if (!state->begun)
		return;
	sketch_open(ctx, state);
	sketch_put_u8(ctx->out, 'C');
	sketch_put(ctx->out, &commit_lsn, sizeof(commit_lsn));
	sketch_flush(ctx, state);
}

void
_PG_output_plugin_init(OutputPluginCallbacks *cb)
{
	cb->startup_cb = sketch_startup;
	cb->begin_cb = sketch_begin;
	cb->change_cb = sketch_change;
	cb->commit_cb = sketch_commit;
}
