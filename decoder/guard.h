/*
 * guard.h
 *		Calls that may raise an error which the stream must survive.
 */
#ifndef DECODER_GUARD_H
#define DECODER_GUARD_H

#include "postgres.h"

/*
 * Call fn(arg).  Returns false if it raised an error, whose SQLSTATE is then
 * in sqlstate[0..4] (unless that is NULL).  Errors that are not about the
 * data pass through: cancel, shutdown, a lock not to be had, out of memory or
 * of another resource, a lost connection, and the concurrent abort that the
 * reorder buffer itself waits for.  Must not be called by 'fn' itself.
 */
extern bool guard_call(void (*fn) (void *arg), void *arg, char *sqlstate);

/*
 * The same for a function that takes hold of nothing but memory in the
 * current context: no catalog, no buffer, no lock.  There is nothing to clean
 * up after it, so it costs next to nothing, in a query as well.
 */
extern bool guard_call_pure(void (*fn) (void *arg), void *arg,
							char *sqlstate);

#endif							/* DECODER_GUARD_H */
