/*
 * guard.c
 *		Calls that may raise an error which the stream must survive.
 *
 * An error in a plugin stops its slot for ever: the same change fails on
 * every retry while WAL fills the disk.  So output functions of types that we
 * do not know, and the deparsing of defaults, run under this guard.
 *
 * No subtransaction is opened (it would cost several microseconds a value).
 * That is sound here because decoding runs in a transaction that is always
 * aborted in the end: whatever a failed call held (buffer pins, references to
 * caches) goes then.  Lightweight locks cannot wait for that; nobody holds
 * any when a plugin is called, so all can be released.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lwlock.h"

#include "guard.h"

static bool
passes_through(int sqlerrcode)
{
	switch (ERRCODE_TO_CATEGORY(sqlerrcode))
	{
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_CONNECTION_EXCEPTION:
		case ERRCODE_SYSTEM_ERROR:
		case ERRCODE_TRANSACTION_ROLLBACK:
			return true;
	}
	return sqlerrcode == ERRCODE_OUT_OF_MEMORY;
}

bool
guard_call(void (*fn) (void *arg), void *arg, char *sqlstate)
{
	MemoryContext context = CurrentMemoryContext;
	volatile bool ok = true;

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
