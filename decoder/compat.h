/*
 * compat.h
 *		One API over the PostgreSQL versions that the decoder builds for.
 *
 * Every function here has the newest version's meaning; nothing else in
 * decoder/ looks at PG_VERSION_NUM.
 */
#ifndef DECODER_COMPAT_H
#define DECODER_COMPAT_H

#include "postgres.h"

#include "access/attmap.h"
#include "access/xact.h"
#include "access/xlog.h"
#if PG_VERSION_NUM >= 150000
#include "access/xlogrecovery.h"
#endif
#include "replication/logical.h"
#include "replication/output_plugin.h"
#include "replication/reorderbuffer.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#if PG_VERSION_NUM < 140000
#error "walferry needs PostgreSQL 14 or newer"
#endif

/* 17 dropped ReorderBufferTupleBuf and points to the tuple itself. */
#if PG_VERSION_NUM >= 170000
#define compat_tuple(t) (t)
#else
#define compat_tuple(t) ((t) ? &(t)->tuple : NULL)
#endif

/* 15 added "skipped". */
static inline void
compat_update_progress(LogicalDecodingContext *ctx, bool skipped)
{
#if PG_VERSION_NUM >= 150000
	OutputPluginUpdateProgress(ctx, skipped);
#else
	OutputPluginUpdateProgress(ctx);
#endif
}

/*
 * Up to 15 the plugin itself must keep the connection alive while it filters
 * everything out of a long transaction; from 16 on the reorder buffer does.
 */
#if PG_VERSION_NUM >= 160000
#define COMPAT_PLUGIN_KEEPS_ALIVE 0
#else
#define COMPAT_PLUGIN_KEEPS_ALIVE 1
#endif

/* 15 gathered the three times of a transaction in one union. */
#if PG_VERSION_NUM >= 150000
#define compat_commit_time(txn) ((txn)->xact_time.commit_time)
#define compat_prepare_time(txn) ((txn)->xact_time.prepare_time)
#else
#define compat_commit_time(txn) ((txn)->commit_time)
#define compat_prepare_time(txn) ((txn)->commit_time)
#endif

/* 16 added "missing_ok". */
static inline AttrMap *
compat_build_attrmap_if_req(TupleDesc indesc, TupleDesc outdesc)
{
#if PG_VERSION_NUM >= 160000
	return build_attrmap_by_name_if_req(indesc, outdesc, false);
#else
	return build_attrmap_by_name_if_req(indesc, outdesc);
#endif
}

/* The timeline whose WAL is being decoded. */
static inline TimeLineID
compat_current_timeline(void)
{
#if PG_VERSION_NUM >= 150000
	TimeLineID	tli;

	if (RecoveryInProgress())
		(void) GetXLogReplayRecPtr(&tli);
	else
		tli = GetWALInsertionTimeLine();
	return tli;
#else
	if (RecoveryInProgress())
	{
		TimeLineID	tli;

		(void) GetXLogReplayRecPtr(&tli);
		return tli;
	}
	return ThisTimeLineID;
#endif
}

/* 16 put both into one function; before, "toptxn" is NULL at the top. */
static inline ReorderBufferTXN *
compat_toplevel(ReorderBufferTXN *txn)
{
#if PG_VERSION_NUM >= 160000
	return rbtxn_get_toptxn(txn);
#else
	return txn->toptxn ? txn->toptxn : txn;
#endif
}

/* 18: generated columns may be virtual, with no storage at all. */
#ifdef ATTRIBUTE_GENERATED_VIRTUAL
#define compat_is_virtual(att) \
	((att)->attgenerated == ATTRIBUTE_GENERATED_VIRTUAL)
#else
#define compat_is_virtual(att) false
#endif

/* 18: attnotnull may also stand for a constraint that rows may yet break. */
#if PG_VERSION_NUM >= 180000
#define compat_is_not_null(desc, i) \
	(TupleDescCompactAttr(desc, i)->attnullability == ATTNULLABLE_VALID)
#else
#define compat_is_not_null(desc, i) (TupleDescAttr(desc, i)->attnotnull)
#endif

#endif							/* DECODER_COMPAT_H */
