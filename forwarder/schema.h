/*
 * schema.h - the relations of one stream: schema id -> columns.
 *
 * Built from the relation messages of the stream alone; no catalog is ever
 * asked.  A relation message with an id that is in use replaces it.
 */
#ifndef FORWARDER_SCHEMA_H
#define FORWARDER_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include "change.h"
#include "wire.h"

struct schema;

struct schema_relation
{
	struct change_relation relation;
	const int16_t		  *widths; /* of all columns, for wire_read_tuple() */
	const int16_t		  *identity_widths; /* of the identity columns */
	bool  has_virtual; /* a column is generated and never sent */
	void *user;		   /* the caller's, NULL at first; see below */
};

/*
 * 'release' is called with the user pointer of a relation that is being
 * replaced or freed, if that pointer is not NULL.
 */
struct schema *schema_new(void (*release)(void *user));
void		   schema_free(struct schema *s);

/* Forget everything: a new stream begins. */
void schema_reset(struct schema *s);

/*
 * Read a relation message whose tag has been consumed.  NULL if it is broken;
 * the reader then says why, and a relation that had its id is still there.
 */
struct schema_relation *schema_read(struct schema *s, struct wire_reader *r);

/* NULL: no relation has that id. */
struct schema_relation *schema_find(struct schema *s, uint32_t id);

#endif /* FORWARDER_SCHEMA_H */
