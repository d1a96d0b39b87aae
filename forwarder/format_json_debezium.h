/*
 * format_json_debezium.h - where Debezium's values are other ones.
 *
 * Part of format_json, for compatibility=debezium: types that it does not
 * know, values that it loses or falsifies.  What differs, and why, is in
 * docs/debezium.md.  All of it is decided once per column.
 */
#ifndef FORWARDER_FORMAT_JSON_DEBEZIUM_H
#define FORWARDER_FORMAT_JSON_DEBEZIUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "change.h"
#include "format_json_type.h"

/*
 * Of a column whose type is as format_json_type_init() has made it: let its
 * values be Debezium's.
 */
void format_json_debezium_type(struct format_json_type	   *t,
							   const struct change_column  *column,
							   const struct format_options *options);

/* True if Debezium has no such column. */
bool format_json_debezium_omits(const struct format_json_type *t);

/* True if Debezium does not tell its values apart, or has no such column. */
bool format_json_debezium_hides(const struct format_json_type *t);

/*
 * Append a value of a kind that only Debezium has.  False, with nothing
 * appended, if the bytes are not a value of the type.
 */
bool
format_json_debezium_put(const struct format_json_type *t,
						 enum format_json_kind kind, uint32_t oid,
						 const uint8_t *data, size_t len,
						 struct format_json_scratch *scratch, struct buf *out);

#endif /* FORWARDER_FORMAT_JSON_DEBEZIUM_H */
