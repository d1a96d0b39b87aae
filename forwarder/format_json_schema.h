/*
 * format_json_schema.h - what Kafka Connect's JsonConverter writes beside an
 * event: the schema of its key or value.
 *
 * Part of format_json; called once per relation version.  format_json_type
 * knows what a value is, format_json_default what stands for none; here it is
 * said how both are described.
 */
#ifndef FORWARDER_FORMAT_JSON_SCHEMA_H
#define FORWARDER_FORMAT_JSON_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "change.h"
#include "format.h"
#include "format_json_type.h"

/* A column of a row or key; what it points to is borrowed. */
struct format_json_schema_field
{
	const struct change_column	  *column;
	const struct format_json_type *type;
	const char					  *name; /* of the field */
	uint8_t						   bits; /* FORMAT_COLUMN_* */
};

/* Must a row have a value of it, and not null? */
bool format_json_schema_requires(const struct change_column	   *column,
								 const struct format_json_type *t,
								 const struct format_options   *options);

/*
 * Append the schema of a key: that of the relation's topic, which is
 * options->topic.
 */
void
format_json_schema_key(const struct format_json_schema_field *fields,
					   uint32_t n, const struct format_options *options,
					   struct format_json_scratch *scratch, struct buf *out);

/* Append the schema of an envelope with such rows. */
void
format_json_schema_value(const struct format_json_schema_field *fields,
						 uint32_t n, const struct format_options *options,
						 struct format_json_scratch *scratch, struct buf *out);

/* Append those of a logical message. */
void format_json_schema_message_key(struct buf *out);
void format_json_schema_message_value(const struct format_options *options,
									  struct buf				  *out);

#endif /* FORWARDER_FORMAT_JSON_SCHEMA_H */
