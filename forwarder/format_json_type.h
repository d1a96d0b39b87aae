/*
 * format_json_type.h - one column's values as JSON, after Debezium's types.
 *
 * Part of format_json: prepared once per column, then called per value.  What
 * Debezium drops or turns into null (types it does not know, arrays of more
 * than one dimension, name) is here as text or as nested arrays, unless
 * format_json_debezium.h has it otherwise.
 */
#ifndef FORWARDER_FORMAT_JSON_TYPE_H
#define FORWARDER_FORMAT_JSON_TYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "change.h"
#include "format.h"

enum format_json_kind
{
	FORMAT_JSON_NONE, /* nothing is known of it: null */
	FORMAT_JSON_BOOL,
	FORMAT_JSON_INT2,
	FORMAT_JSON_INT4,
	FORMAT_JSON_INT8,
	FORMAT_JSON_OID,
	FORMAT_JSON_FLOAT4,
	FORMAT_JSON_FLOAT8,
	FORMAT_JSON_DECIMAL,		  /* base64 of the unscaled value */
	FORMAT_JSON_DECIMAL_VARIABLE, /* scale beside it */
	FORMAT_JSON_NUMERIC_DOUBLE,
	FORMAT_JSON_NUMERIC_STRING,
	FORMAT_JSON_MONEY_DECIMAL,
	FORMAT_JSON_MONEY_DOUBLE,
	FORMAT_JSON_MONEY_STRING,
	FORMAT_JSON_DATE_DAYS,
	FORMAT_JSON_DATE_ISO, /* text with a Z at its end, and without */
	FORMAT_JSON_DATE_LOCAL,
	FORMAT_JSON_TIME_MS,
	FORMAT_JSON_TIME_US,
	FORMAT_JSON_TIME_NS,
	FORMAT_JSON_TIME_ISO,
	FORMAT_JSON_TIME_LOCAL,
	FORMAT_JSON_TIMETZ,
	FORMAT_JSON_TIMESTAMP_MS,
	FORMAT_JSON_TIMESTAMP_US,
	FORMAT_JSON_TIMESTAMP_NS,
	FORMAT_JSON_TIMESTAMP_ISO,
	FORMAT_JSON_TIMESTAMP_LOCAL,
	FORMAT_JSON_TIMESTAMPTZ,
	FORMAT_JSON_INTERVAL_US,
	FORMAT_JSON_INTERVAL_STRING,
	FORMAT_JSON_UUID,
	FORMAT_JSON_STRING, /* the bytes are the text */
	FORMAT_JSON_PGTEXT, /* PostgreSQL's text, by pgtext */
	FORMAT_JSON_BINARY,
	FORMAT_JSON_BIT, /* one bit: boolean */
	FORMAT_JSON_BITS,
	FORMAT_JSON_POINT,
	FORMAT_JSON_ARRAY, /* raw; of 'element' */
	/* from the text of the output function: */
	FORMAT_JSON_HSTORE,
	FORMAT_JSON_HSTORE_MAP,
	FORMAT_JSON_VECTOR,	 /* of pgvector, doubles */
	FORMAT_JSON_HALFVEC, /* floats */
	FORMAT_JSON_SPARSEVEC,
	FORMAT_JSON_GEOMETRY, /* of PostGIS */
	FORMAT_JSON_GEOGRAPHY,
	FORMAT_JSON_TEXT_ARRAY, /* of 'element' */
	/* only Debezium's, see format_json_debezium.h: */
	FORMAT_JSON_DEBEZIUM_NOTHING,
	FORMAT_JSON_DEBEZIUM_UNKNOWN, /* bytes of its text */
	FORMAT_JSON_DEBEZIUM_VECTOR,
	FORMAT_JSON_DEBEZIUM_VECTORS,
	FORMAT_JSON_DEBEZIUM_NUMERIC_STRING,
	FORMAT_JSON_DEBEZIUM_INTERVAL,
	FORMAT_JSON_DEBEZIUM_TIMESTAMP_WRAPPED,
	/* elements of arrays: */
	FORMAT_JSON_DEBEZIUM_DATE,
	FORMAT_JSON_DEBEZIUM_TIME_MS,
	FORMAT_JSON_DEBEZIUM_TIME_US,
	FORMAT_JSON_DEBEZIUM_TIMETZ,
	FORMAT_JSON_DEBEZIUM_TIMESTAMP_MS,
	FORMAT_JSON_DEBEZIUM_TIMESTAMP_US,
	FORMAT_JSON_DEBEZIUM_TIMESTAMPTZ
};

struct format_json_type
{
	enum format_json_kind kind;
	enum format_json_kind element;
	enum format_binary	  binary;
	uint32_t			  oid; /* of the value, for pgtext */
	uint32_t			  element_oid;
	int					  scale;	 /* decimals; digits of a timestamptz */
	char				  delimiter; /* of a text array */
	bool				  text;		 /* values are their type's text */
	bool				  strict;	 /* a value is of its kind, or null */
	bool				  number;	 /* decimals are numbers, not bytes */

	/* compatibility=debezium */
	bool		debezium;
	bool		omitted;   /* there is no such column */
	const char *nothing;   /* what stands for any value */
	uint32_t	bytes_max; /* of an unknown type's text, that are shown */

	/* of an array: */
	bool flat;		   /* of more than one dimension: of nulls */
	bool null_if_null; /* null as a whole if an element is */
	bool null_if_nan;  /* and if an element, a numeric, is not finite */
};

/* Work space of one thread.  Zero-initialise; free them when done. */
struct format_json_scratch
{
	struct buf text;
	struct buf json;
	struct buf members;	 /* of an hstore */
	bool	   no_array; /* an element was one that makes the array null */
};

/* One of the functions below that append a value. */
typedef bool
format_json_type_put_fn(const struct format_json_type *t, const uint8_t *data,
						size_t len, struct format_json_scratch *scratch,
						struct buf *out);

void format_json_type_init(struct format_json_type	   *t,
						   const struct change_column  *column,
						   const struct format_options *options);

/* Let a Decimal be a number, as Java's BigDecimal.toString() has it. */
void format_json_type_use_numbers(struct format_json_type *t);

/*
 * Let arrays of more than one dimension be nulls, as many as the first has
 * elements: a schema says what an element is, and not an array is one.
 */
void format_json_type_flatten(struct format_json_type *t);

/*
 * Append a value; null where the mapping has none for it (NaN as Decimal).
 * False, with nothing appended, if the bytes are not a value of the type.
 */
bool
format_json_type_put(const struct format_json_type *t, const uint8_t *data,
					 size_t len, struct format_json_scratch *scratch,
					 struct buf *out);

/*
 * The same of a value that is no array, of another kind than the type's: of a
 * type with this oid, which is the column's or, of an array, the element's.
 */
bool format_json_type_put_kind(const struct format_json_type *t,
							   enum format_json_kind kind, uint32_t oid,
							   const uint8_t *data, size_t len,
							   struct format_json_scratch *scratch,
							   struct buf				  *out);

/*
 * The same as Connect's default header converter spells it: a Decimal is a
 * number, as Java's BigDecimal.toString() has it.
 */
bool format_json_type_put_header(const struct format_json_type *t,
								 const uint8_t *data, size_t len,
								 struct format_json_scratch *scratch,
								 struct buf					*out);

/* Is a value a string to Debezium, and not only in JSON, as a Decimal is? */
bool format_json_type_is_text(const struct format_json_type *t);

/*
 * Is the column's type one of those whose values can be masked: text of all
 * kinds and enums, as in Debezium?
 */
bool format_json_type_can_be_masked(const struct change_column *column);

/*
 * Are other bytes certainly another value, or none?  So that two need not be
 * written to see whether they differ.
 */
bool format_json_type_is_exact(const struct format_json_type *t);

/*
 * Is there a value for which the mapping has none, as Decimal has none for
 * NaN?
 */
bool format_json_type_may_be_null(const struct format_json_type *t);

/* Append bytes as binary.handling.mode wants them, in quotes. */
void format_json_type_binary(enum format_binary mode, const uint8_t *data,
							 size_t len, struct buf *out);

/* Append what stands for bytes that are not there. */
void
format_json_type_binary_placeholder(enum format_binary mode,
									const char *placeholder, struct buf *out);

/*
 * Append what stands for a value that the WAL does not have: made of
 * unavailable.value.placeholder, null for types that have none.
 */
void format_json_type_placeholder(const struct format_json_type *t,
								  const char *placeholder, struct buf *out);

#endif /* FORWARDER_FORMAT_JSON_TYPE_H */
