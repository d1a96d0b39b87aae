/*
 * format_json_extension.h - types of extensions that Debezium knows, from
 * their texts: hstore, and those of pgvector and PostGIS.
 *
 * Part of format_json_type.  An extension's type has no fixed oid, and is known
 * by its name.
 */
#ifndef FORWARDER_FORMAT_JSON_EXTENSION_H
#define FORWARDER_FORMAT_JSON_EXTENSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "format_json_type.h"

/*
 * Append a value of one of these kinds.  False, with nothing appended, if its
 * text is not one of the type, or cannot be said in Debezium's (a sparsevec of
 * more dimensions than 16 bits can count).
 */
bool format_json_extension_put(enum format_json_kind kind, const uint8_t *data,
							   size_t len, struct format_json_scratch *scratch,
							   struct buf *out);

/* Append the geometry that stands for none. */
void format_json_extension_no_geometry(struct buf *out);

#endif /* FORWARDER_FORMAT_JSON_EXTENSION_H */
