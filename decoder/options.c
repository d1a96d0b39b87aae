/*
 * options.c
 *		The options of the plugin.
 *
 * options_table is the only list of them: the parser, the SQL function
 * walferry_options() and the documentation all come from it.
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "options.h"
#include "wire.h"

#define FIELD(f) offsetof(DecoderOptions, f)

const OptionDef options_table[] = {
	{"protocol_version", OPTION_INT, FIELD(protocol_version), "1",
		1, 32767,
	"version of the stream's format that the receiver reads"},
	{"include_schemas", OPTION_PATTERNS, FIELD(include_schemas), NULL, 0, 0,
	"send only tables in schemas whose name matches one of these expressions"},
	{"exclude_schemas", OPTION_PATTERNS, FIELD(exclude_schemas), NULL, 0, 0,
	"do not send tables in schemas whose name matches"},
	{"include_tables", OPTION_PATTERNS, FIELD(include_tables), NULL, 0, 0,
	"send only tables whose schema.table matches"},
	{"exclude_tables", OPTION_PATTERNS, FIELD(exclude_tables), NULL, 0, 0,
	"do not send tables whose schema.table matches"},
	{"include_columns", OPTION_PATTERNS, FIELD(include_columns), NULL, 0, 0,
		"send only columns whose schema.table.column matches;"
	" columns of the primary key and of the replica identity, unless that is"
		" FULL, are always sent"},
	{"exclude_columns", OPTION_PATTERNS, FIELD(exclude_columns), NULL, 0, 0,
		"do not send columns whose schema.table.column matches;"
	" columns of the primary key and of the replica identity, unless that is"
		" FULL, are always sent"},
	{"key_columns", OPTION_KEYS, FIELD(key_columns), NULL, 0, 0,
		"columns that make the key in place of the primary key:"
	" schema.table:column,column;..., of expressions"},
	{"mask_columns", OPTION_RULES, FIELD(mask_columns), NULL, 0, 0,
		"columns of text to send as so many asterisks:"
	" number:schema.table.column,...;..., of expressions"},
	{"truncate_columns", OPTION_RULES, FIELD(truncate_columns), NULL, 0, 0,
		"columns of which no more than so many characters are shown:"
	" number:schema.table.column,...;..., of expressions"},
	{"hash_columns", OPTION_RULES, FIELD(hash_columns), NULL, 0, 0,
		"columns that the receiver is to hash, each with a number that tells it how:"
	" number:schema.table.column,...;..., of expressions"},
	{"operations", OPTION_OPERATIONS, FIELD(operations),
		"insert,update,delete,truncate", 0, 0,
	"which operations to send, separated by commas; none for none"},
	{"messages", OPTION_BOOL, FIELD(messages), "true", 0, 0,
	"send what pg_logical_emit_message() writes"},
	{"include_message_prefixes", OPTION_PATTERNS, FIELD(include_prefixes),
		NULL, 0, 0,
	"send only messages whose prefix matches"},
	{"exclude_message_prefixes", OPTION_PATTERNS, FIELD(exclude_prefixes),
		NULL, 0, 0,
	"do not send messages whose prefix matches"},
	{"origin", OPTION_ORIGIN, FIELD(origin_none), "any", 0, 0,
		"any: send all transactions;"
	" none: only those without a replication origin"},
	{"partition_root", OPTION_BOOL, FIELD(partition_root), "false", 0, 0,
	"send rows of partitions as rows of their topmost table"},
	{"skip_unchanged", OPTION_BOOL, FIELD(skip_unchanged), "false", 0, 0,
		"leave out updates that change no column that is sent;"
		" known of tables with REPLICA IDENTITY FULL alone"},
	{"unique_keys", OPTION_BOOL, FIELD(unique_keys), "false", 0, 0,
		"let a unique index without expressions, even a partial, invalid or"
	" nullable one, make the key of a table without primary key, as Debezium does"},
	{"streaming", OPTION_BOOL, FIELD(streaming), "false", 0, 0,
	"send large transactions before they commit"},
	{"frame_bytes", OPTION_INT, FIELD(frame_bytes), "32768",
		1, WIRE_FRAME_MAX,
	"send what has gathered within a transaction once it is this large"},
	{"max_row_bytes", OPTION_INT64, FIELD(max_row_bytes), "0",
		0, PG_INT64_MAX,
		"in a row larger than this, values over 8 kB are replaced by a marker"
	" that states their length; 0 for no limit"},
	{NULL}
};

const char *
options_type_name(OptionType type)
{
	switch (type)
	{
		case OPTION_BOOL:
			return "boolean";
		case OPTION_INT:
		case OPTION_INT64:
			return "integer";
		case OPTION_PATTERNS:
			return "regular expressions";
		case OPTION_OPERATIONS:
		case OPTION_KEYS:
		case OPTION_RULES:
			return "list";
		case OPTION_ORIGIN:
			return "enum";
	}
	return "unknown";
}

static void
bad_value(const OptionDef *def, const char *value, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value \"%s\" for option \"%s\"", value,
					def->name),
			 errhint("%s", hint)));
}

static int
parse_operations(const OptionDef *def, const char *value)
{
	char	   *copy = pstrdup(value);
	List	   *names;
	ListCell   *lc;
	int			operations = 0;

	if (!SplitIdentifierString(copy, ',', &names))
		bad_value(def, value, "Separate the operations by commas.");
	if (names == NIL)
		bad_value(def, value, "Use none to send no operations.");
	foreach(lc, names)
	{
		const char *name = lfirst(lc);

		if (strcmp(name, "insert") == 0)
			operations |= OPERATION_INSERT;
		else if (strcmp(name, "update") == 0)
			operations |= OPERATION_UPDATE;
		else if (strcmp(name, "delete") == 0)
			operations |= OPERATION_DELETE;
		else if (strcmp(name, "truncate") == 0)
			operations |= OPERATION_TRUNCATE;
		else if (strcmp(name, "none") != 0 || list_length(names) != 1)
			bad_value(def, value,
					  "Operations are insert, update, delete and truncate.");
	}
	list_free(names);
	pfree(copy);
	return operations;
}

/*
 * The next element of a list with semicolons, as a copy without blanks around
 * it; what has nothing in it is passed over.  NULL at the end.
 */
static char *
next_element(const char **list)
{
	const char *blanks = " \t\n\r";
	const char *p = *list + strspn(*list, "; \t\n\r");
	size_t		len = strcspn(p, ";");

	*list = p + len;
	if (len == 0)
		return NULL;
	while (strchr(blanks, p[len - 1]) != NULL)
		len--;
	return pnstrdup(p, len);
}

/*
 * Debezium's message.key.columns: each column becomes an expression for the
 * whole of schema.table.column, so that it may match several.
 */
static List *
parse_keys(const OptionDef *def, const char *value)
{
	const char *rest = value;
	char	   *table;
	List	   *keys = NIL;

	while ((table = next_element(&rest)) != NULL)
	{
		char	   *colon = strchr(table, ':');
		char	   *column;
		char	   *save;

		column = colon != NULL ? colon + 1 : "";
		if (colon == table || *column == '\0' || strchr(column, ':') != NULL)
			bad_value(def, value,
					  "Write schema.table:column,column and separate several by semicolons.");
		column[-1] = '\0';		/* the table ends at the colon */
		for (column = strtok_r(column, ",", &save); column != NULL;
			 column = strtok_r(NULL, ",", &save))
			keys = lappend(keys,
						   patterns_compile(def->name,
											psprintf("%s.%s", table,
													 column)));
	}
	if (keys == NIL)
		bad_value(def, value, "Leave the option out if no key is chosen.");
	return keys;
}

/* "number:expressions;number:expressions" */
static List *
parse_rules(const OptionDef *def, const char *value)
{
	const char *rest = value;
	char	   *element;
	List	   *rules = NIL;

	while ((element = next_element(&rest)) != NULL)
	{
		ColumnRule *rule = palloc(sizeof(ColumnRule));
		char	   *end;
		long		n;

		errno = 0;
		n = strtol(element, &end, 10);
		if (end == element || *end != ':' || errno != 0 || n < 0 ||
			n > WIRE_CHARS_MAX)
			bad_value(def, value,
					  psprintf("Write number:schema.table.column with a number from 0 to %d, and separate several by semicolons.",
							   WIRE_CHARS_MAX));
		rule->n = (int) n;
		rule->columns = patterns_compile(def->name, end + 1);
		rules = lappend(rules, rule);
	}
	if (rules == NIL)
		bad_value(def, value, "Leave the option out if it names no column.");
	return rules;
}

static void
set_option(DecoderOptions *options, const OptionDef *def, const char *value)
{
	char	   *field = (char *) options + def->offset;

	switch (def->type)
	{
		case OPTION_BOOL:
			if (!parse_bool(value, (bool *) field))
				bad_value(def, value, "Use true or false.");
			break;
		case OPTION_INT:
		case OPTION_INT64:
			{
				char	   *end;
				int64		n;

				errno = 0;
				n = strtoll(value, &end, 10);
				if (end == value || *end != '\0' || errno != 0 ||
					n < def->min || n > def->max)
					bad_value(def, value,
							  psprintf("Use a number from " INT64_FORMAT
									   " to " INT64_FORMAT ".",
									   def->min, def->max));
				if (def->type == OPTION_INT)
					*(int *) field = (int) n;
				else
					*(int64 *) field = n;
				break;
			}
		case OPTION_PATTERNS:
			*(PatternList **) field = patterns_compile(def->name, value);
			break;
		case OPTION_KEYS:
			*(List **) field = parse_keys(def, value);
			break;
		case OPTION_RULES:
			*(List **) field = parse_rules(def, value);
			break;
		case OPTION_OPERATIONS:
			*(int *) field = parse_operations(def, value);
			break;
		case OPTION_ORIGIN:
			if (strcmp(value, "any") != 0 && strcmp(value, "none") != 0)
				bad_value(def, value, "Use any or none.");
			*(bool *) field = strcmp(value, "none") == 0;
			break;
	}
}

void
options_parse(DecoderOptions *options, List *given)
{
	const OptionDef *def;
	ListCell   *lc;
	bool		seen[lengthof(options_table)] = {false};

	memset(options, 0, sizeof(*options));
	for (def = options_table; def->name != NULL; def++)
	{
		if (def->default_value != NULL)
			set_option(options, def, def->default_value);
	}

	foreach(lc, given)
	{
		DefElem    *elem = lfirst(lc);

		for (def = options_table; def->name != NULL; def++)
		{
			if (strcmp(def->name, elem->defname) == 0)
				break;
		}
		if (def->name == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_PARAMETER),
					 errmsg("unrecognized walferry option \"%s\"",
							elem->defname),
					 errhint("SELECT * FROM walferry_options() lists the options of this version.")));
		if (seen[def - options_table])
			ereport(ERROR,
					(errcode(ERRCODE_SYNTAX_ERROR),
					 errmsg("option \"%s\" given more than once", def->name)));
		seen[def - options_table] = true;
		if (elem->arg == NULL && def->type != OPTION_BOOL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" needs a value", def->name)));
		set_option(options, def,
				   elem->arg == NULL ? "true" : defGetString(elem));
	}

	/* A receiver that reads more than we write is served; less is refused. */
	if (options->protocol_version < WIRE_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("protocol version %d is no longer supported, this library writes version %d",
						options->protocol_version, WIRE_VERSION),
				 errhint("Upgrade the forwarder, or install an older version of the extension.")));
	if (options->include_schemas && options->exclude_schemas)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options \"%s\" and \"%s\" exclude each other",
						"include_schemas", "exclude_schemas")));
	if (options->include_tables && options->exclude_tables)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options \"%s\" and \"%s\" exclude each other",
						"include_tables", "exclude_tables")));
	if (options->include_columns && options->exclude_columns)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options \"%s\" and \"%s\" exclude each other",
						"include_columns", "exclude_columns")));
	if (options->include_prefixes && options->exclude_prefixes)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options \"%s\" and \"%s\" exclude each other",
						"include_message_prefixes",
						"exclude_message_prefixes")));
}
