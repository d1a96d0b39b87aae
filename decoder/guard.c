/*
 * guard.c
 *		Calls that may raise an error which the stream must survive.
 *
 * An error in a plugin stops its slot for ever: the same change fails on
 * every retry while WAL fills the disk.  So output functions of types that we
 * do not know, and the deparsing of defaults, run under this guard.
 *
 * While decoding no subtransaction is opened (it would cost several
 * microseconds a value).  That is sound because decoding runs in a transaction
 * that is always aborted in the end: whatever a failed call held (buffer pins,
 * references to caches) goes then.  Lightweight locks cannot wait for that;
 * nobody holds any when a plugin is called, so all can be released.  In a
 * query, which commits, a subtransaction does the cleaning up.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "guard.h"

static bool
passes_through(int sqlerrcode)
{
	switch (ERRCODE_TO_CATEGORY(sqlerrcode))
	{
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_CONNECTION_EXCEPTION:
		case ERRCODE_TRANSACTION_ROLLBACK:
			return true;

			/*
			 * A failing disk may recover.  The library of a type that is not
			 * there will not: that is a marker.
			 */
		case ERRCODE_SYSTEM_ERROR:
			return sqlerrcode != ERRCODE_UNDEFINED_FILE;
	}
	return sqlerrcode == ERRCODE_OUT_OF_MEMORY;
}

static bool
call_in_query(void (*fn) (void *arg), void *arg, char *sqlstate)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool ok = true;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		fn(arg);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (passes_through(error->sqlerrcode))
			ReThrowError(error);
		if (sqlstate)
			memcpy(sqlstate, unpack_sql_state(error->sqlerrcode), 5);
		ok = false;
	}
	PG_END_TRY();
	return ok;
}

bool
guard_call(void (*fn) (void *arg), void *arg, char *sqlstate)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool ok = true;

	if (!HistoricSnapshotActive())
		return call_in_query(fn, arg, sqlstate);

	PG_TRY();
	{
		fn(arg);
	}
	PG_CATCH();
	{
		int			code = geterrcode();

		if (passes_through(code))
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		FlushErrorState();
		LWLockReleaseAll();
		if (sqlstate)
			memcpy(sqlstate, unpack_sql_state(code), 5);
		ok = false;
	}
	PG_END_TRY();
	return ok;
}
