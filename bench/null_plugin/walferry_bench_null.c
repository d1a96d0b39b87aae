/*-------------------------------------------------------------------------
 *
 * walferry_bench_null.c
 *		Output plugin that does nothing: the yardstick of bench/decode.py.
 *
 * Every callback is there and empty and nothing is ever written, so the CPU
 * that a walsender spends under this plugin is what reading, decoding and
 * replaying the WAL cost on this machine.  What another plugin spends above
 * it is its own.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "replication/logical.h"
#include "replication/output_plugin.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_output_plugin_init(OutputPluginCallbacks *cb);

static void
null_startup(LogicalDecodingContext *ctx, OutputPluginOptions *options,
			 bool is_init)
{
	options->output_type = OUTPUT_PLUGIN_BINARY_OUTPUT;

	/*
	 * Having stream callbacks turns streaming on; pgoutput and the others
	 * leave it off unless asked, and the yardstick must walk the same path.
	 */
	ctx->streaming = false;
}

static void
null_shutdown(LogicalDecodingContext *ctx)
{
}

/* begin, begin_prepare, stream_start and stream_stop */
static void
null_txn(LogicalDecodingContext *ctx, ReorderBufferTXN *txn)
{
}

/* commit, prepare, commit_prepared and their stream_* kin */
static void
null_txn_lsn(LogicalDecodingContext *ctx, ReorderBufferTXN *txn,
			 XLogRecPtr lsn)
{
}

static void
null_rollback_prepared(LogicalDecodingContext *ctx, ReorderBufferTXN *txn,
					   XLogRecPtr prepare_end_lsn, TimestampTz prepare_time)
{
}

static void
null_change(LogicalDecodingContext *ctx, ReorderBufferTXN *txn,
			Relation relation, ReorderBufferChange *change)
{
}

static void
null_truncate(LogicalDecodingContext *ctx, ReorderBufferTXN *txn,
			  int nrelations, Relation relations[],
			  ReorderBufferChange *change)
{
}

static void
null_message(LogicalDecodingContext *ctx, ReorderBufferTXN *txn,
			 XLogRecPtr message_lsn, bool transactional, const char *prefix,
			 Size message_size, const char *message)
{
}

void
_PG_output_plugin_init(OutputPluginCallbacks *cb)
{
	cb->startup_cb = null_startup;
	cb->begin_cb = null_txn;
	cb->change_cb = null_change;
	cb->truncate_cb = null_truncate;
	cb->commit_cb = null_txn_lsn;
	cb->message_cb = null_message;
	cb->shutdown_cb = null_shutdown;

	cb->begin_prepare_cb = null_txn;
	cb->prepare_cb = null_txn_lsn;
	cb->commit_prepared_cb = null_txn_lsn;
	cb->rollback_prepared_cb = null_rollback_prepared;

	cb->stream_start_cb = null_txn;
	cb->stream_stop_cb = null_txn;
	cb->stream_abort_cb = null_txn_lsn;
	cb->stream_prepare_cb = null_txn_lsn;
	cb->stream_commit_cb = null_txn_lsn;
	cb->stream_change_cb = null_change;
	cb->stream_message_cb = null_message;
	cb->stream_truncate_cb = null_truncate;
}
