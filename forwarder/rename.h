/*
 * rename.h - names by a regular expression, as Java's Matcher does it.
 *
 * A name that the expression matches as a whole is the replacement, in which
 * $1 and ${name} are what its groups hold, and a backslash takes what follows
 * it for itself.
 */
#ifndef FORWARDER_RENAME_H
#define FORWARDER_RENAME_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

struct rename;

/*
 * NULL, with the reason in 'error', if there is no such group or the
 * replacement makes no sense; the expression must be one that compiles.
 * Aborts when out of memory.
 */
struct rename	   *
rename_new(const char *regex, const char *replacement, struct buf *error);
void rename_free(struct rename *r);

enum rename_result
{
	RENAME_DONE,
	RENAME_NO_MATCH,
	RENAME_FAILED /* nobody can say: to match it took too much */
};

/*
 * Append the new name, NUL-terminated (the NUL is not counted in buf.len), or
 * nothing if it is not RENAME_DONE.
 */
enum rename_result
rename_apply(struct rename *r, const char *name, struct buf *out);

#endif /* FORWARDER_RENAME_H */
