/*
 * format_json_default.h - what Debezium shows where a column has no value.
 *
 * Part of format_json; called once per column and relation version.
 *
 * Debezium's schemas have the columns' defaults, as far as it can read them,
 * and Kafka Connect's converter writes a NULL as its default.  Where the WAL
 * has no value of a column that may not be null, it is the default, or else
 * the type's zero.
 */
#ifndef FORWARDER_FORMAT_JSON_DEFAULT_H
#define FORWARDER_FORMAT_JSON_DEFAULT_H

#include <stdbool.h>

#include "buf.h"
#include "change.h"
#include "format_json_type.h"

/*
 * Append the default of a column, written by 'put'.  False, with nothing
 * appended, if Debezium has none: there is none, or it is an expression or of
 * a type for which it reads none.  What a function gives is the type's zero.
 */
bool
format_json_default_put(const struct format_json_type *t,
						const struct change_column	  *column,
						format_json_type_put_fn		  *put,
						struct format_json_scratch *scratch, struct buf *out);

/* Append the zero of a column's type: 0, "", false, [] ... */
void
format_json_default_zero(const struct format_json_type *t,
						 const struct change_column	   *column,
						 format_json_type_put_fn	   *put,
						 struct format_json_scratch *scratch, struct buf *out);

#endif /* FORWARDER_FORMAT_JSON_DEFAULT_H */
