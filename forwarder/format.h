/*
 * format.h - what a format makes of a change.
 *
 * A format is a pure function of a change and of a plan, which it prepares
 * once per relation: no I/O, no clock, no globals.  What is not in the change
 * (the time of processing) is passed in.
 */
#ifndef FORWARDER_FORMAT_H
#define FORWARDER_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "avro_name.h"
#include "buf.h"
#include "change.h"

enum format_decimal
{
	FORMAT_DECIMAL_PRECISE,
	FORMAT_DECIMAL_DOUBLE,
	FORMAT_DECIMAL_STRING
};

enum format_binary
{
	FORMAT_BINARY_BYTES, /* base64 in JSON, as Connect does */
	FORMAT_BINARY_BASE64,
	FORMAT_BINARY_BASE64_URL,
	FORMAT_BINARY_HEX
};

/*
 * Dates, times and timestamps without a time zone; those with one are texts
 * in UTC in every mode.  Days are days since 1970-01-01 in all modes but the
 * two with texts.
 */
enum format_time
{
	FORMAT_TIME_ADAPTIVE, /* ms up to three digits of a second, else us */
	FORMAT_TIME_ADAPTIVE_MICROSECONDS, /* the same, but times are us */
	FORMAT_TIME_CONNECT,			   /* ms */
	FORMAT_TIME_MICROSECONDS,
	FORMAT_TIME_NANOSECONDS,
	FORMAT_TIME_ISO,	  /* ISO 8601, with a Z for a zone that there is not */
	FORMAT_TIME_ISO_LOCAL /* without it; not in Debezium */
};

enum format_interval
{
	FORMAT_INTERVAL_NUMERIC,
	FORMAT_INTERVAL_STRING
};

enum format_hstore
{
	FORMAT_HSTORE_JSON, /* a string that holds JSON */
	FORMAT_HSTORE_MAP	/* an object */
};

/* What a schema tells of a column beside its type; bits. */
#define FORMAT_COLUMN_MASKED 1
#define FORMAT_COLUMN_SOURCE_TYPE 2

/* Strings are borrowed and must outlive every plan. */
struct mask_hash_rule;

struct format_options
{
	const char			*version;	  /* source.version */
	const char			*prefix;	  /* topic.prefix: source.name */
	const char			*database;	  /* source.db */
	const char			*placeholder; /* unavailable.value.placeholder */
	const char			*topic;		  /* a relation's, for names of schemas */
	const uint8_t		*columns;	  /* its columns' bits; NULL: none */
	enum format_decimal	 decimal;
	enum format_binary	 binary;
	enum format_time	 time;
	enum format_interval interval;
	enum format_hstore	 hstore;
	bool				 debezium;		   /* compatibility=debezium */
	bool				 unknown_types;	   /* are there; with debezium */
	bool				 null_default;	   /* a NULL is the default ... */
	bool				 key_null_default; /* ... and one in the key */
	bool				 schemas;		   /* a value comes with its schema */
	bool				 key_schemas;	   /* ... and a key */
	bool				 number;	 /* a Decimal in a value is one ... */
	bool				 key_number; /* ... and one in the key */
	enum avro_name_mode	 field_names;
	enum avro_name_mode	 schema_names;
	const char			*key_field;		 /* more in keys; NULL: none */
	const char			*key_identifier; /* its value */
	int					 money_fraction_digits;
	char				 byte_order;	 /* of the server: 'L' or 'B' */
	const struct mask_hash_rule *hashes; /* that columns name, from 1 on */
	size_t						 nhashes;
};

/* One of the records that a change becomes. */
enum format_part
{
	FORMAT_CREATE,
	FORMAT_UPDATE,
	FORMAT_DELETE,
	FORMAT_TRUNCATE,
	FORMAT_MESSAGE
};

struct format_plan;

/*
 * Prepare for a relation (NULL: for logical messages).  The relation must
 * outlive the plan, the options need not; their topic and columns are looked
 * at only here.  A plan has work space of its own: one thread at a time.
 * Aborts when out of memory.
 */
struct format_plan *format_json_plan(const struct change_relation *rel,
									 const struct format_options  *options);
void				format_json_plan_free(struct format_plan *plan);

/* Rules that name a column of a type whose values they do not alter. */
#define FORMAT_IDLE_MASK 1
#define FORMAT_IDLE_HASH 2
#define FORMAT_IDLE_TRUNCATION 4

unsigned format_json_idle_rules(const struct change_column	*column,
								const struct format_options *options);

/*
 * Append the key of a row: {"id":1}, or {"schema":{...},"payload":{"id":1}}
 * with options->key_schemas, and likewise of a value below.  False, with
 * nothing appended, if there is none: no key columns, no row (NULL), or a row
 * that lacks one of them.
 * With options->key_field it is the key's last field, or its only one.
 *
 * The key columns are those that message.key.columns chose.  If it chose none,
 * they are those of the primary key, or of the unique index that the plugin
 * took in its place; or of the index that is the replica identity where there
 * is neither, or where old rows come without its columns (REPLICA IDENTITY
 * USING INDEX on others: what a delete does not know cannot be its key).  With
 * options->debezium they are the former in any case, with zeros where an old
 * row lacks them, and the placeholder where an update's new row does.
 */
bool format_json_key(const struct format_plan  *plan,
					 const struct change_value *row, struct buf *out);

/* The same as __debezium.newkey and oldkey have it: a Decimal is a number. */
bool format_json_key_header(const struct format_plan  *plan,
							const struct change_value *row, struct buf *out);

enum format_compared
{
	FORMAT_SAME,
	FORMAT_OTHER,
	FORMAT_UNKNOWN /* a value of one is lost, or not in the WAL */
};

/*
 * Have the two rows the same key?  Columns that the old row lacks are taken
 * for the same, as all are where there is no old row.
 */
enum format_compared format_json_compare_keys(const struct format_plan *plan,
											  const struct change	   *c);

/*
 * Does an update read otherwise than before in any column that rows show?
 * Both rows must be whole.  Also true where nobody can say, because a value
 * was lost or is not in the WAL, and where two of more than a megabyte would
 * have to be written to see it.
 */
bool format_json_row_changed(const struct format_plan *plan,
							 const struct change	  *c);

/*
 * Append the value: the whole envelope.  now_ns: since 1970-01-01 UTC.  The
 * part, not the operation of the change, says what it is: an update whose key
 * changed is written as FORMAT_DELETE and as FORMAT_CREATE.  A column that is
 * there for the key alone (key_only) is not in it.
 *
 * Returns how many values were lost: null because they were marked as failed
 * or made no sense, or the placeholder because they were too long to be sent;
 * also those that were to be in the key alone.  Not counted are those that the
 * mapping has no value for (NaN as Decimal).
 */
unsigned
format_json_value(const struct format_plan *plan, enum format_part part,
				  const struct change *c, int64_t now_ns, struct buf *out);

/* Append the key of a logical message: {"prefix":"foo"}. */
void format_json_message_key(const struct format_plan *plan,
							 const struct change *c, struct buf *out);

#endif /* FORWARDER_FORMAT_H */
