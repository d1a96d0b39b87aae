/*
 * fault.h - points at which a test makes the program fail, and defects that it
 * asks for.
 *
 * Only a build with FAULT=1 has them (-DWALFERRY_FAULT); in any other the
 * macros are nothing, fault.c is not linked and the environment has no say.
 *
 *     FAULT_POINT("before_commit");
 *     if (!FAULT_BUG("ack_before_commit"))
 *         ...
 *
 * Names are those of the two tables in fault.c: hitting or asking for one that
 * is not there aborts, so that a point that was renamed cannot be swept in
 * vain.  All calls but fault_init() may be made by several threads at once.
 */
#ifndef FORWARDER_FAULT_H
#define FORWARDER_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

#ifdef WALFERRY_FAULT
#define FAULT_POINT(name) fault_hit(name)
#define FAULT_BUG(name) fault_bug(name)
#else
#define FAULT_POINT(name) ((void) 0)
#define FAULT_BUG(name) false
#endif

/*
 * Say what shall happen.  'failpoint' is
 *
 *     name[@occurrence]=kill|abort|sleep:MS|stop[;...]
 *
 * where occurrence counts the hits of that point from 1, which is also what it
 * is if not given; kill is SIGKILL and stop SIGSTOP, raised by the thread that
 * hits the point.  'seeded_bug' is name[,...].  NULL or an empty string: none.
 * False with a line in 'error' if one of them is not that; nothing is armed
 * then.  Called once, before there are threads; a test may call it again,
 * which begins anew.
 */
bool
fault_init(const char *failpoint, const char *seeded_bug, struct buf *error);

/*
 * The point is reached: counts, and does what was asked for at this
 * occurrence, having logged it.  Returns unless that ended the process.
 */
void fault_hit(const char *point);

/* Is the program to have this defect? */
bool fault_bug(const char *bug);

/* How often the point was hit. */
uint64_t fault_hits(const char *point);

/* Both tables: "point NAME COMMENT" and "bug NAME COMMENT" lines. */
void fault_print(struct buf *out);

#endif /* FORWARDER_FAULT_H */
