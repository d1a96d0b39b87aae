/*
 * walferry.c
 *		The output plugin: what happens in each callback.
 *
 * The callbacks read as policy: is it wanted, was the transaction's begin
 * sent, was the table's schema sent, then one message into the frame.  How
 * bytes look is in wire/, how rows become bytes in rowenc.c, which tables are
 * wanted in tablecache.c.
 *
 * Nothing that is in the data may raise an error here: an error stops the
 * slot for ever, at the same change on every retry.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "replication/logical.h"
#include "replication/origin.h"
#include "replication/output_plugin.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "compat.h"
#include "frame.h"
#include "options.h"
#include "rowenc.h"
#include "seeded.h"
#include "settings.h"
#include "tablecache.h"
#include "version.h"
#include "wire.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_output_plugin_init(OutputPluginCallbacks *cb);

/* How many changes we leave out between two signs of life. */
#define FILTERED_PER_PROGRESS 100

/* All options together, so that the header is never larger than a frame. */
#define OPTIONS_BYTES_MAX (WIRE_FRAME_MAX / 2)

/* Upper bounds of what a truncate message holds. */
#define TRUNCATE_HEAD_MAX 40
#define SCHEMA_ID_MAX 5

/* The state of one stream: ctx->output_plugin_private. */
typedef struct Decoder
{
	DecoderOptions options;
	List	   *given;			/* the options as they came: for the header */
	const char *database;
	uint32		server_version_num;	/* of the server, not of its headers */
	TimeLineID	timeline;		/* where the stream starts */
	PinnedSettings *settings;
	TableCache *tables;
	RowEncoder *rows;
	Frame		frame;
	MemoryContext change_context;	/* reset after each change */
	bool		header_sent;
	bool		begin_sent;		/* of the transaction, or of the block */
	bool		in_stream_block;
	char	   *gid;			/* being prepared, else NULL */
	uint64		last_lsn;		/* that deltas refer to */
	struct wire_counts counts;	/* of the transaction */
	int			filtered;		/* since the last sign of life */
} Decoder;

/* A transaction of which blocks were streamed: txn->output_plugin_private. */
typedef struct StreamedTxn
{
	struct wire_counts counts;
} StreamedTxn;

/* ---------------------------------------------------------------- helpers */

static struct wire_str
str(const char *s)
{
	struct wire_str ws;

	ws.data = s;
	ws.len = strlen(s);
	return ws;
}

/* The 64-bit xid of a transaction that is not in the future. */
static uint64
full_xid(TransactionId xid)
{
	FullTransactionId next = ReadNextFullTransactionId();
	uint32		epoch = EpochFromFullTransactionId(next);

	if (xid > XidFromFullTransactionId(next))
		epoch--;
	return ((uint64) epoch << 32) | xid;
}

/*
 * Write messages with this around them:
 *
 *		do { mark = frame_mark(f); ... } while (!frame_end(f, mark));
 *
 * A message that does not fit twice would loop.  These are a few kilobytes at
 * most, and the header's options were bounded when they came; rows, schemas,
 * truncates and logical messages have no bound and go other ways.
 */

static void
send_header(LogicalDecodingContext *ctx)
{
	Decoder    *dec = ctx->output_plugin_private;
	struct wire_header h;
	ListCell   *lc;
	size_t		mark;

	if (likely(dec->header_sent))
		return;
	memset(&h, 0, sizeof(h));
	h.version = WIRE_VERSION;
	h.server_version_num = dec->server_version_num;
	h.system_id = GetSystemIdentifier();
	h.timeline = dec->timeline;
	h.database_oid = MyDatabaseId;
	h.database = str(dec->database);
	h.encoding = str(GetDatabaseEncodingName());
#ifdef WORDS_BIGENDIAN
	h.byte_order = 'B';
#else
	h.byte_order = 'L';
#endif
	h.plugin_version = str(WALFERRY_VERSION);
	h.noptions = list_length(dec->given);

	do
	{
		mark = frame_mark(&dec->frame);
		wire_write_header(&dec->frame.w, &h);
		foreach(lc, dec->given)
			wire_write_option(&dec->frame.w, lfirst(lc));
	} while (!frame_end(&dec->frame, mark));
	dec->header_sent = true;
}

/*
 * A replication origin's name in the current memory context, NULL if it was
 * dropped.  A streamed or prepared transaction ends outside of any
 * transaction of ours.
 */
static char *
origin_name(RepOriginId id)
{
	MemoryContext context = CurrentMemoryContext;
	bool		own_transaction = !IsTransactionState();
	char	   *name = NULL;

	if (own_transaction)
		StartTransactionCommand();
	if (replorigin_by_oid(id, true, &name) && name)
		name = MemoryContextStrdup(context, name);
	if (own_transaction)
		CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return name;
}

static void
describe_txn(ReorderBufferTXN *txn, TimestampTz time, struct wire_txn *t)
{
	memset(t, 0, sizeof(*t));
	t->xid = full_xid(txn->xid);
	t->commit_lsn = txn->final_lsn;
	t->end_lsn = txn->end_lsn;
	t->commit_time_us = time;
	if (txn->origin_id != InvalidRepOriginId)
	{
		char	   *name = origin_name(txn->origin_id);

		if (name)
		{
			t->origin = str(name);
			t->origin.len = pg_mbcliplen(name, t->origin.len, WIRE_NAME_MAX);
			t->origin_lsn = txn->origin_lsn;
		}
	}
}

/* The begin of a transaction, or of a block of one, once. */
static void
send_begin(LogicalDecodingContext *ctx, ReorderBufferTXN *txn)
{
	Decoder    *dec = ctx->output_plugin_private;
	struct wire_txn t;
	size_t		mark;

	if (likely(dec->begin_sent))
		return;
	send_header(ctx);
	if (dec->in_stream_block)
	{
		if (txn->output_plugin_private == NULL)
			txn->output_plugin_private =
				MemoryContextAllocZero(ctx->context, sizeof(StreamedTxn));
		dec->counts = ((StreamedTxn *) txn->output_plugin_private)->counts;
		do
		{
			mark = frame_mark(&dec->frame);
			wire_write_stream_start(&dec->frame.w, full_xid(txn->xid),
									dec->counts.changes == 0);
		} while (!frame_end(&dec->frame, mark));
		dec->last_lsn = 0;
	}
	else
	{
		describe_txn(txn, dec->gid ? compat_prepare_time(txn) :
					 compat_commit_time(txn), &t);
		do
		{
			mark = frame_mark(&dec->frame);
			if (dec->gid)
				wire_write_begin_prepare(&dec->frame.w, &t, str(dec->gid));
			else
				wire_write_begin(&dec->frame.w, &t);
		} while (!frame_end(&dec->frame, mark));
		dec->last_lsn = t.commit_lsn;
		memset(&dec->counts, 0, sizeof(dec->counts));
	}
	dec->begin_sent = true;
}

/* A table's schema, once, and again when it has changed. */
static void
send_schema(Decoder *dec, TableEntry *entry)
{
	if (likely(entry->sent))
		return;
	frame_put(&dec->frame, entry->schema_message, entry->schema_message_len);
	entry->sent = true;
}

static void
count_change(Decoder *dec, uint64 changes, uint64 bytes)
{
	dec->counts.changes += changes;
	dec->counts.bytes += bytes;
	if (frame_is_full(&dec->frame))
		frame_flush(&dec->frame);
}

static int64
lsn_delta(Decoder *dec, XLogRecPtr lsn)
{
	int64		delta = (int64) (lsn - dec->last_lsn);

	dec->last_lsn = lsn;
	return delta;
}

/*
 * Something was left out.  In a long transaction that is filtered away
 * nothing else would tell the receiver that we are alive.
 */
static void
left_out(LogicalDecodingContext *ctx)
{
#if COMPAT_PLUGIN_KEEPS_ALIVE
	Decoder    *dec = ctx->output_plugin_private;

	if (++dec->filtered >= FILTERED_PER_PROGRESS)
	{
		dec->filtered = 0;
		compat_update_progress(ctx, false);
	}
#endif
}

/* ------------------------------------------------------ start and shutdown */

/*
 * Asked at the start: the header may be wanted outside of any transaction, by
 * a non-transactional message.
 */
static char *
database_name(MemoryContext context)
{
	MemoryContext old = CurrentMemoryContext;
	bool		own_transaction = !IsTransactionState();
	char	   *name;

	if (own_transaction)
		StartTransactionCommand();
	name = get_database_name(MyDatabaseId);
	name = MemoryContextStrdup(context, name ? name : "");
	if (own_transaction)
		CommitTransactionCommand();
	MemoryContextSwitchTo(old);
	return name;
}

static void
startup_cb(LogicalDecodingContext *ctx, OutputPluginOptions *opt,
		   bool is_init)
{
	Decoder    *dec;
	ListCell   *lc;
	size_t		option_bytes = 0;

	opt->output_type = OUTPUT_PLUGIN_BINARY_OUTPUT;
	opt->receive_rewrites = false;

	dec = palloc0(sizeof(Decoder));
	ctx->output_plugin_private = dec;

	/*
	 * While a slot is created nothing is sent, and the options of the stream
	 * are not known yet.
	 */
	if (is_init)
	{
		ctx->streaming = false;
		return;
	}

	foreach(lc, ctx->output_plugin_options)
	{
		DefElem    *elem = lfirst(lc);
		struct wire_option *option = palloc(sizeof(*option));

		option->name = str(elem->defname);
		option->value = str(elem->arg ? defGetString(elem) : "true");
		dec->given = lappend(dec->given, option);
		option_bytes += option->name.len + option->value.len;
	}
	if (option_bytes > OPTIONS_BYTES_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("options are too long: %zu bytes, at most %d are allowed",
						option_bytes, OPTIONS_BYTES_MAX)));
	options_parse(&dec->options, ctx->output_plugin_options);
	SEEDED_INIT();
	ctx->streaming &= dec->options.streaming;

	dec->database = database_name(ctx->context);
	dec->server_version_num =
		atoi(GetConfigOption("server_version_num", false, false));
	dec->timeline = compat_current_timeline();
	dec->settings = settings_pin();
	dec->tables = tablecache_create(&dec->options);
	dec->rows = rowenc_create(dec->tables, dec->options.max_row_bytes);
	dec->change_context = AllocSetContextCreate(ctx->context,
												"walferry change",
												ALLOCSET_DEFAULT_SIZES);
	frame_init(&dec->frame, ctx, dec->options.frame_bytes);
}

static void
shutdown_cb(LogicalDecodingContext *ctx)
{
	Decoder    *dec = ctx->output_plugin_private;

	if (dec->settings)
		settings_restore(dec->settings);
}

static bool
filter_by_origin_cb(LogicalDecodingContext *ctx, RepOriginId origin_id)
{
	Decoder    *dec = ctx->output_plugin_private;

	return dec->options.origin_none && origin_id != InvalidRepOriginId;
}

/* ------------------------------------------------------------ transactions */

/* A transaction begins, or a block of one, or one that will be prepared. */
static void
start_transaction(Decoder *dec, char *gid)
{
	tablecache_make_room(dec->tables);

	/* Sent with the first change: an empty transaction costs nothing. */
	dec->begin_sent = false;
	dec->gid = gid;
	dec->filtered = 0;
}

static void
begin_cb(LogicalDecodingContext *ctx, ReorderBufferTXN *txn)
{
	start_transaction(ctx->output_plugin_private, NULL);
}

static void
commit_cb(LogicalDecodingContext *ctx, ReorderBufferTXN *txn,
		  XLogRecPtr commit_lsn)
{
	Decoder    *dec = ctx->output_plugin_private;
	size_t		mark;

	if (dec->begin_sent)
	{
		do
		{
			mark = frame_mark(&dec->frame);
			wire_write_commit(&dec->frame.w, &dec->counts);
		} while (!frame_end(&dec->frame, mark));
		frame_flush(&dec->frame);
	}
	compat_update_progress(ctx, !dec->begin_sent);
	dec->begin_sent = false;
}

/* ----------------------------------------------------------------- changes */

static void
change_cb(LogicalDecodingContext *ctx, ReorderBufferTXN *txn,
		  Relation relation, ReorderBufferChange *change)
{
	Decoder    *dec = ctx->output_plugin_private;
	MemoryContext old = MemoryContextSwitchTo(dec->change_context);
	TableEntry *entry = tablecache_get(dec->tables, relation);
	HeapTuple	old_tuple = NULL;
	HeapTuple	new_tuple = NULL;
	struct wire_row row;
	int			operation;
	uint64		bytes;

	row.flags = 0;
	switch (change->action)
	{
		case REORDER_BUFFER_CHANGE_INSERT:
			row.op = WIRE_INSERT;
			operation = OPERATION_INSERT;
			new_tuple = compat_tuple(change->data.tp.newtuple);
			break;
		case REORDER_BUFFER_CHANGE_UPDATE:
			row.op = WIRE_UPDATE;
			operation = OPERATION_UPDATE;
			old_tuple = compat_tuple(change->data.tp.oldtuple);
			new_tuple = compat_tuple(change->data.tp.newtuple);
			if (SEEDED_BUG(BUG_OLD_KEY_LEFT_OUT))
				old_tuple = NULL;
			break;
		case REORDER_BUFFER_CHANGE_DELETE:
			row.op = WIRE_DELETE;
			operation = OPERATION_DELETE;
			old_tuple = compat_tuple(change->data.tp.oldtuple);
			break;
		default:
			operation = 0;
			break;
	}

	/* Without its new tuple an insert or an update cannot be told. */
	if ((entry->operations & operation) == 0 ||
		(row.op != WIRE_DELETE && new_tuple == NULL))
	{
		left_out(ctx);
		goto cleanup;
	}

	/* Another identity than FULL does not log what there was before. */
	if (dec->options.skip_unchanged && row.op == WIRE_UPDATE &&
		old_tuple != NULL && entry->identity_full &&
		rowenc_is_unchanged(dec->rows, entry, RelationGetDescr(relation),
							old_tuple, new_tuple))
	{
		left_out(ctx);
		goto cleanup;
	}

	send_begin(ctx, txn);
	send_schema(dec, entry);

	row.schema_id = entry->schema_id;
	row.lsn_delta = lsn_delta(dec, change->lsn);
	if (dec->in_stream_block)
	{
		row.flags |= WIRE_ROW_XID;
		row.xid = full_xid(change->txn->xid);
	}
	bytes = rowenc_write(dec->rows, &dec->frame, entry, &row,
						 RelationGetDescr(relation), old_tuple, new_tuple);
	count_change(dec, 1, bytes);

cleanup:
	MemoryContextSwitchTo(old);
	MemoryContextReset(dec->change_context);
}

static void
truncate_cb(LogicalDecodingContext *ctx, ReorderBufferTXN *txn,
			int nrelations, Relation relations[],
			ReorderBufferChange *change)
{
	Decoder    *dec = ctx->output_plugin_private;
	MemoryContext old = MemoryContextSwitchTo(dec->change_context);
	uint32	   *ids = palloc(nrelations * sizeof(uint32));
	struct wire_truncate t;
	struct wire_writer w;
	uint8	   *message;
	size_t		room;
	uint32		i;

	memset(&t, 0, sizeof(t));
	for (i = 0; i < (uint32) nrelations; i++)
	{
		TableEntry *entry = tablecache_get(dec->tables, relations[i]);

		if ((entry->operations & OPERATION_TRUNCATE) == 0)
			continue;
		send_begin(ctx, txn);
		send_schema(dec, entry);
		ids[t.nrelations++] = entry->schema_id;
	}
	if (t.nrelations == 0)
	{
		left_out(ctx);
		goto cleanup;
	}

	if (change->data.truncate.cascade)
		t.flags |= WIRE_TRUNCATE_CASCADE;
	if (change->data.truncate.restart_seqs)
		t.flags |= WIRE_TRUNCATE_RESTART_SEQS;
	t.lsn_delta = lsn_delta(dec, change->lsn);
	if (dec->in_stream_block)
	{
		t.flags |= WIRE_TRUNCATE_XID;
		t.xid = full_xid(change->txn->xid);
	}
	/* There is no limit to how many partitions one TRUNCATE may name. */
	room = TRUNCATE_HEAD_MAX + (size_t) t.nrelations * SCHEMA_ID_MAX;
	message = palloc(room);
	wire_writer_init(&w, message, room);
	wire_write_truncate(&w, &t);
	for (i = 0; i < t.nrelations; i++)
		wire_put_varint(&w, ids[i]);
	frame_put(&dec->frame, message, wire_writer_len(&w));
	count_change(dec, t.nrelations, wire_writer_len(&w));

cleanup:
	MemoryContextSwitchTo(old);
	MemoryContextReset(dec->change_context);
}

static bool
message_wanted(const DecoderOptions *options, const char *prefix)
{
	if (!options->messages)
		return false;
	if (options->include_prefixes)
		return patterns_match(options->include_prefixes, prefix);
	return !options->exclude_prefixes ||
		!patterns_match(options->exclude_prefixes, prefix);
}

static void
message_cb(LogicalDecodingContext *ctx, ReorderBufferTXN *txn,
		   XLogRecPtr lsn, bool transactional, const char *prefix,
		   Size size, const char *content)
{
	Decoder    *dec = ctx->output_plugin_private;
	Frame	   *frame = &dec->frame;
	MemoryContext old = MemoryContextSwitchTo(dec->change_context);
	struct wire_message m;
	struct wire_writer small;
	uint8		head[32];
	size_t		head_len;
	uint64		total;

	if (!message_wanted(&dec->options, prefix))
	{
		left_out(ctx);
		goto cleanup;
	}

	memset(&m, 0, sizeof(m));
	m.lsn = lsn;
	m.prefix = str(prefix);
	m.content.data = content;
	m.content.len = size;
	if (transactional)
	{
		send_begin(ctx, txn);
		m.flags |= WIRE_MESSAGE_TRANSACTIONAL;
		if (dec->in_stream_block)
		{
			m.flags |= WIRE_MESSAGE_XID;
			m.xid = full_xid(txn->xid);
		}
		dec->last_lsn = lsn;
	}
	else
		send_header(ctx);

	wire_writer_init(&small, head, sizeof(head));
	wire_write_message_head(&small, &m);
	head_len = wire_writer_len(&small);
	total = head_len + wire_varint_len(m.prefix.len) + m.prefix.len +
		wire_varint_len(m.content.len) + m.content.len;
	if (total > (size_t) (frame->w.end - frame->w.p))
		frame_flush(frame);
	if (total <= (size_t) (frame->w.end - frame->w.p))
		wire_write_message(&frame->w, &m);
	else
	{
		frame_large_begin(frame, total);
		frame_large_put(frame, head, head_len);
		wire_writer_init(&small, head, sizeof(head));
		wire_put_varint(&small, m.prefix.len);
		frame_large_put(frame, head, wire_writer_len(&small));
		frame_large_put(frame, m.prefix.data, m.prefix.len);
		wire_writer_init(&small, head, sizeof(head));
		wire_put_varint(&small, m.content.len);
		frame_large_put(frame, head, wire_writer_len(&small));
		frame_large_put(frame, m.content.data, m.content.len);
		frame_large_end(frame);
	}

	if (transactional)
		count_change(dec, 1, total);
	else
		frame_flush(frame);

cleanup:
	MemoryContextSwitchTo(old);
	MemoryContextReset(dec->change_context);
}

/* --------------------------------------------------- prepared transactions */

static void
begin_prepare_cb(LogicalDecodingContext *ctx, ReorderBufferTXN *txn)
{
	start_transaction(ctx->output_plugin_private, txn->gid);
}

static void
prepare_cb(LogicalDecodingContext *ctx, ReorderBufferTXN *txn,
		   XLogRecPtr prepare_lsn)
{
	Decoder    *dec = ctx->output_plugin_private;
	MemoryContext old;
	size_t		mark;

	/* Sent even if empty: its commit or rollback will refer to it. */
	old = MemoryContextSwitchTo(dec->change_context);
	send_begin(ctx, txn);
	MemoryContextSwitchTo(old);
	MemoryContextReset(dec->change_context);
	do
	{
		mark = frame_mark(&dec->frame);
		wire_write_prepare(&dec->frame.w, &dec->counts);
	} while (!frame_end(&dec->frame, mark));
	frame_flush(&dec->frame);
	compat_update_progress(ctx, false);
	dec->begin_sent = false;
	dec->gid = NULL;
}

static void
commit_prepared_cb(LogicalDecodingContext *ctx, ReorderBufferTXN *txn,
				   XLogRecPtr commit_lsn)
{
	Decoder    *dec = ctx->output_plugin_private;
	struct wire_prepared p;
	size_t		mark;

	send_header(ctx);
	memset(&p, 0, sizeof(p));
	p.xid = full_xid(txn->xid);
	p.lsn = commit_lsn;
	p.end_lsn = txn->end_lsn;
	p.time_us = compat_commit_time(txn);
	p.gid = str(txn->gid);
	do
	{
		mark = frame_mark(&dec->frame);
		wire_write_commit_prepared(&dec->frame.w, &p);
	} while (!frame_end(&dec->frame, mark));
	frame_flush(&dec->frame);
	compat_update_progress(ctx, false);
}

static void
rollback_prepared_cb(LogicalDecodingContext *ctx, ReorderBufferTXN *txn,
					 XLogRecPtr prepare_end_lsn, TimestampTz prepare_time)
{
	Decoder    *dec = ctx->output_plugin_private;
	struct wire_prepared p;
	size_t		mark;

	send_header(ctx);
	memset(&p, 0, sizeof(p));
	p.xid = full_xid(txn->xid);
	p.prepare_end_lsn = prepare_end_lsn;
	p.end_lsn = txn->end_lsn;
	p.prepare_time_us = prepare_time;
	p.time_us = compat_commit_time(txn);
	p.gid = str(txn->gid);
	do
	{
		mark = frame_mark(&dec->frame);
		wire_write_rollback_prepared(&dec->frame.w, &p);
	} while (!frame_end(&dec->frame, mark));
	frame_flush(&dec->frame);
	compat_update_progress(ctx, false);
}

/* --------------------------------------------------------------- streaming */

static void
stream_start_cb(LogicalDecodingContext *ctx, ReorderBufferTXN *txn)
{
	Decoder    *dec = ctx->output_plugin_private;

	start_transaction(dec, NULL);
	dec->in_stream_block = true;
}

static void
stream_stop_cb(LogicalDecodingContext *ctx, ReorderBufferTXN *txn)
{
	Decoder    *dec = ctx->output_plugin_private;
	size_t		mark;

	if (dec->begin_sent)
	{
		StreamedTxn *streamed = txn->output_plugin_private;

		do
		{
			mark = frame_mark(&dec->frame);
			wire_write_stream_stop(&dec->frame.w);
		} while (!frame_end(&dec->frame, mark));
		frame_flush(&dec->frame);
		streamed->counts = dec->counts;
	}
	dec->in_stream_block = false;
	dec->begin_sent = false;
}

/*
 * The end of a streamed transaction, of which nothing may have been sent: all
 * of it filtered out, or (PostgreSQL 18) marked as streamed by the server's
 * truncation of an aborted transaction although streaming is off.
 */
static StreamedTxn *
toplevel_streamed(ReorderBufferTXN *txn)
{
	ReorderBufferTXN *top = compat_toplevel(txn);

	return top->output_plugin_private;
}

static void
stream_abort_cb(LogicalDecodingContext *ctx, ReorderBufferTXN *txn,
				XLogRecPtr abort_lsn)
{
	Decoder    *dec = ctx->output_plugin_private;
	StreamedTxn *streamed = toplevel_streamed(txn);
	struct wire_stream_abort a;
	size_t		mark;

	if (streamed == NULL)
		return;
	send_header(ctx);
	a.xid = full_xid(compat_toplevel(txn)->xid);
	a.subxid = full_xid(txn->xid);
	a.abort_lsn = abort_lsn;
	do
	{
		mark = frame_mark(&dec->frame);
		wire_write_stream_abort(&dec->frame.w, &a);
	} while (!frame_end(&dec->frame, mark));
	frame_flush(&dec->frame);
	if (a.xid == a.subxid)
	{
		pfree(streamed);
		txn->output_plugin_private = NULL;
	}
}

static void
end_stream(LogicalDecodingContext *ctx, ReorderBufferTXN *txn, bool prepare)
{
	Decoder    *dec = ctx->output_plugin_private;
	StreamedTxn *streamed = txn->output_plugin_private;
	MemoryContext old;
	struct wire_txn t;
	size_t		mark;

	if (streamed == NULL)
	{
		/* Its commit or rollback will refer to it: told like an empty one. */
		if (prepare)
		{
			start_transaction(dec, txn->gid);
			prepare_cb(ctx, txn, txn->final_lsn);
		}
		else
			compat_update_progress(ctx, true);
		return;
	}
	send_header(ctx);
	old = MemoryContextSwitchTo(dec->change_context);
	describe_txn(txn, prepare ? compat_prepare_time(txn) :
				 compat_commit_time(txn), &t);
	do
	{
		mark = frame_mark(&dec->frame);
		if (prepare)
			wire_write_stream_prepare(&dec->frame.w, &t, str(txn->gid),
									  &streamed->counts);
		else
			wire_write_stream_commit(&dec->frame.w, &t, &streamed->counts);
	} while (!frame_end(&dec->frame, mark));
	frame_flush(&dec->frame);
	MemoryContextSwitchTo(old);
	MemoryContextReset(dec->change_context);
	compat_update_progress(ctx, false);
	pfree(streamed);
	txn->output_plugin_private = NULL;
}

static void
stream_commit_cb(LogicalDecodingContext *ctx, ReorderBufferTXN *txn,
				 XLogRecPtr commit_lsn)
{
	end_stream(ctx, txn, false);
}

static void
stream_prepare_cb(LogicalDecodingContext *ctx, ReorderBufferTXN *txn,
				  XLogRecPtr prepare_lsn)
{
	end_stream(ctx, txn, true);
}

/*
 * All of them, also those of what is switched off: PostgreSQL 18 calls
 * stream_abort_cb without streaming, and a missing callback wedges the slot.
 */
void
_PG_output_plugin_init(OutputPluginCallbacks *cb)
{
	cb->startup_cb = startup_cb;
	cb->begin_cb = begin_cb;
	cb->change_cb = change_cb;
	cb->truncate_cb = truncate_cb;
	cb->commit_cb = commit_cb;
	cb->message_cb = message_cb;
	cb->filter_by_origin_cb = filter_by_origin_cb;
	cb->shutdown_cb = shutdown_cb;

	cb->begin_prepare_cb = begin_prepare_cb;
	cb->prepare_cb = prepare_cb;
	cb->commit_prepared_cb = commit_prepared_cb;
	cb->rollback_prepared_cb = rollback_prepared_cb;

	cb->stream_start_cb = stream_start_cb;
	cb->stream_stop_cb = stream_stop_cb;
	cb->stream_abort_cb = stream_abort_cb;
	cb->stream_prepare_cb = stream_prepare_cb;
	cb->stream_commit_cb = stream_commit_cb;
	cb->stream_change_cb = change_cb;
	cb->stream_message_cb = message_cb;
	cb->stream_truncate_cb = truncate_cb;
}
