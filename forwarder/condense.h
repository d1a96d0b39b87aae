/*
 * condense.h - a message that is too large to be held, as one that can be.
 *
 * Takes a row or a logical message piece by piece, and makes of it the same
 * message with markers (WIRE_VALUE_OVERSIZE) in place of its long values, or
 * without its content.  What is short is kept wherever it stands, and so is a
 * key of any sensible length: what comes out names the row.  Pure.
 */
#ifndef FORWARDER_CONDENSE_H
#define FORWARDER_CONDENSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "schema.h"

/* Values up to this length are kept as long as there is room. */
#define CONDENSE_KEEP ((uint64_t) 8192)

/* Of a key; a B-tree could not hold more, even of what compresses well. */
#define CONDENSE_KEEP_KEY ((uint64_t) 1 << 20)

struct condense;

/* 'schema' has the relations that rows name, and is borrowed. */
struct condense *condense_new(struct schema *schema);
void			 condense_free(struct condense *c);

/* Another message comes.  False: one that begins so has no short form. */
bool condense_begin(struct condense *c, uint8_t tag);

/* The next bytes of it.  False: it is broken; condense_error(). */
bool condense_feed(struct condense *c, const uint8_t *p, size_t n);

/* That was all of it.  False: it is not; condense_error(). */
bool condense_end(struct condense *c);

/* The condensed message, from its tag on; valid until the next begins. */
const struct buf *condense_message(const struct condense *c);

const char *condense_error(const struct condense *c);

#endif /* FORWARDER_CONDENSE_H */
