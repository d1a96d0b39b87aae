/*
 * options.h
 *		The options of the plugin: one table, its parser, its help.
 */
#ifndef DECODER_OPTIONS_H
#define DECODER_OPTIONS_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "patterns.h"

/* Which operations to send. */
#define OPERATION_INSERT 0x01
#define OPERATION_UPDATE 0x02
#define OPERATION_DELETE 0x04
#define OPERATION_TRUNCATE 0x08
#define OPERATION_ALL 0x0f

/* A number, and the columns for which it counts. */
typedef struct ColumnRule
{
	int			n;
	PatternList *columns;
} ColumnRule;

typedef struct DecoderOptions
{
	int			protocol_version;
	PatternList *include_schemas;	/* NULL: option not given */
	PatternList *exclude_schemas;
	PatternList *include_tables;
	PatternList *exclude_tables;
	PatternList *include_columns;
	PatternList *exclude_columns;
	List	   *key_columns;	/* of PatternList, by position in the key */
	List	   *mask_columns;	/* of ColumnRule: asterisks */
	List	   *truncate_columns;	/* of ColumnRule: characters */
	List	   *hash_columns;	/* of ColumnRule: a number that the receiver
								 * knows */
	PatternList *include_prefixes;
	PatternList *exclude_prefixes;
	int			operations;		/* OPERATION_* */
	bool		messages;
	bool		origin_none;	/* only what has no replication origin */
	bool		partition_root; /* rows of partitions under their root */
	bool		skip_unchanged; /* updates that change nothing of what is sent */
	bool		unique_keys;	/* a unique index makes the key if none does */
	bool		streaming;
	int			frame_bytes;	/* flush threshold */
	int64		max_row_bytes;	/* 0: no limit */
} DecoderOptions;

typedef enum OptionType
{
	OPTION_BOOL,
	OPTION_INT,
	OPTION_INT64,
	OPTION_PATTERNS,
	OPTION_KEYS,
	OPTION_RULES,
	OPTION_OPERATIONS,
	OPTION_ORIGIN
} OptionType;

typedef struct OptionDef
{
	const char *name;
	OptionType	type;
	size_t		offset;			/* in DecoderOptions */
	const char *default_value;	/* NULL: not set */
	int64		min;
	int64		max;
	const char *help;
} OptionDef;

/* The table; ends with a row whose name is NULL. */
extern const OptionDef options_table[];

/*
 * Fill 'options' from the DefElems of START_REPLICATION (or of the SQL
 * functions), in the current memory context.  An unknown option, one given
 * twice and a value that does not parse are errors that name it.
 */
extern void options_parse(DecoderOptions *options, List *given);

/* "boolean", "integer" ... for the list of options. */
extern const char *options_type_name(OptionType type);

#endif							/* DECODER_OPTIONS_H */
