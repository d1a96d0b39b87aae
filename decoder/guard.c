/*
 * guard.c
 *		Calls that may raise an error which the stream must survive.
 *
 * An error in a plugin stops its slot for ever: the same change fails on
 * every retry while WAL fills the disk.  So output functions of types that we
 * do not know, the deparsing of defaults and decompression run under this
 * guard.
 *
 * While decoding no subtransaction is opened (it would cost several
 * microseconds a value).  The call has a resource owner of its own instead:
 * what a failed one held (buffer pins, references to caches) goes with that
 * owner.  Were it kept until the transaction ends, each release would search
 * through all that earlier failures left.  Lightweight locks have no owner;
 * nobody holds any when a plugin is called, so all can be released.  In a
 * query, which commits, a subtransaction does the cleaning up.
 *
 * The owner is made when it is first needed and serves until a call fails or
 * the transaction ends, which deletes it with its parent: guard_released()
 * hears of both.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "guard.h"

/* A child of the owner that was current when it was made, or NULL. */
static ResourceOwner guard_owner = NULL;
static bool callback_registered = false;

static void
guard_released(ResourceReleasePhase phase, bool is_commit, bool is_top_level,
			   void *arg)
{
	if (phase == RESOURCE_RELEASE_AFTER_LOCKS &&
		CurrentResourceOwner == guard_owner)
		guard_owner = NULL;
}

static void
release_owner(ResourceOwner owner)
{
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_BEFORE_LOCKS, false, false);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_LOCKS, false, false);
	ResourceOwnerRelease(owner, RESOURCE_RELEASE_AFTER_LOCKS, false, false);
	ResourceOwnerDelete(owner);
}

/* One that holds nothing, under the current one. */
static ResourceOwner
prepare_owner(void)
{
	if (likely(guard_owner != NULL))
	{
		if (likely(ResourceOwnerGetParent(guard_owner) ==
				   CurrentResourceOwner))
			return guard_owner;
		release_owner(guard_owner);
	}
	if (!callback_registered)
	{
		RegisterResourceReleaseCallback(guard_released, NULL);
		callback_registered = true;
	}
	guard_owner = ResourceOwnerCreate(CurrentResourceOwner, "walferry guard");
	return guard_owner;
}

static bool
passes_through(int sqlerrcode)
{
	switch (ERRCODE_TO_CATEGORY(sqlerrcode))
	{
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_CONNECTION_EXCEPTION:
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_INSUFFICIENT_RESOURCES:
			return true;

			/*
			 * A failing disk may recover.  The library of a type that is not
			 * there will not: that is a marker.
			 */
		case ERRCODE_SYSTEM_ERROR:
			return sqlerrcode != ERRCODE_UNDEFINED_FILE;
	}
	return sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
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
guard_call_pure(void (*fn) (void *arg), void *arg, char *sqlstate)
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
		if (sqlstate)
			memcpy(sqlstate, unpack_sql_state(code), 5);
		ok = false;
	}
	PG_END_TRY();
	return ok;
}

bool
guard_call(void (*fn) (void *arg), void *arg, char *sqlstate)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ResourceOwner own;
	volatile bool ok = true;

	if (!HistoricSnapshotActive())
		return call_in_query(fn, arg, sqlstate);

	own = prepare_owner();
	PG_TRY();
	{
		CurrentResourceOwner = own;
		fn(arg);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		int			code = geterrcode();

		CurrentResourceOwner = owner;
		if (passes_through(code))
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		FlushErrorState();
		LWLockReleaseAll();
		release_owner(own);
		if (sqlstate)
			memcpy(sqlstate, unpack_sql_state(code), 5);
		ok = false;
	}
	PG_END_TRY();
	return ok;
}
