/*
 * publish.c - from a change to its records in the sink; see publish.h.
 *
 * Keys and values are built once, into buffers that are reused; the records
 * point into them by offset and are handed over one by one.  After a refusal
 * the next attempt goes on with the record that was refused, so that no
 * record is counted or sent twice within a stream.
 *
 * A record over the limit is noticed while it is made, and is not held for
 * longer than that: 'bytes' keeps one record, and some more to be able to say
 * how large it would have been.
 *
 * With provide.transaction.metadata the first change of a transaction that is
 * published takes the BEGIN along, ahead of its own records, and the END comes
 * as a change does.
 */
#include "publish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "format.h"
#include "hash.h"
#include "log.h"
#include "mem.h"
#include "rename.h"
#include "route.h"
#include "txnmeta.h"
#include "version.h"

/* Work space that is kept from one change to the next. */
#define BYTES_KEPT ((size_t) 4 << 20)

/* Soonest that lost values of one table are told again. */
#define LOST_WARN_NS (INT64_C(60) * 1000000000)

#define HEADERS_MAX 7

#define DEFAULT_REGEX "io.debezium.schema.DefaultRegexTopicNamingStrategy"
#define SCHEMA_REGEX "io.debezium.schema.SchemaRegexTopicNamingStrategy"

/*
 * What Kafka counts of a record beside its bytes, roughly and rather more:
 * its own fields, and the lengths of each header's.
 */
#define RECORD_OVERHEAD 128
#define HEADER_OVERHEAD 10

/* Made beyond the limit, before it is only counted. */
#define LIMIT_SLACK ((size_t) 8 << 20)

/* The names of context headers and the values that never change. */
#define CONTEXT_HEADERS_LEN 180

/*
 * In place of a record that is too large, values longer than the first of
 * these are left out; if that is not enough those longer than the second;
 * then all but the key.
 */
static const uint64_t shorter[] = {8192, 64, 0};

/* Parts of a change: the same after a change of tombstones.on.delete. */
#define PART_FIRST 0
#define PART_TOMBSTONE 1
#define PART_CREATE 2

/*
 * Of the BEGIN that a change takes along.  It is in another topic than the
 * change's own records, and is published if and only if they are: a position
 * that covers the change covers it, too.
 */
#define PART_BEGIN UINT16_MAX

/* What is known of a relation beyond its columns. */
struct relation_plan
{
	struct format_plan *format;
	uint32_t			topic;		   /* the sink's number for it */
	uint32_t			index;		   /* in publish.topics */
	int32_t				npartitions;   /* 0: not known yet */
	bool				topicless;	   /* no topic can be its own */
	int64_t				lost_told_ns;  /* when lost values were last told */
	int64_t				large_told_ns; /* and events that are too large */
	uint32_t			collection;	   /* in txnmeta */
};

/* Part of a buffer, or nothing at all (len 0 and none set). */
struct piece
{
	bool   none;
	size_t at;
	size_t len;
};

/* One record of the change in hand. */
struct part
{
	struct piece key;
	struct piece value;
	const char	*key_header; /* of a changed key: names the other one */
	struct piece other_key;
	uint32_t	 number; /* position.part, whatever other parts there are */
};

struct publish
{
	const struct config	 *config;
	struct sink			 *sink;
	char				 *database;
	struct format_options options;
	const char			 *prefix;
	const char			 *delimiter;
	enum route_naming	  naming;
	struct rename		 *topic_rename; /* topic.regex; NULL: none */
	bool				  identified;	/* keys say whose they are, ... */
	struct rename		 *key_rename;	/* ... by topic.key.field.regex */
	bool				  tombstones;
	bool				  context_headers;
	bool				  skip_unchanged;
	bool				  deletes;	   /* skipped.operations has no d, ... */
	bool				  creates;	   /* ... and no c */
	bool				  debezium;	   /* compatibility=debezium */
	size_t				  record_max;  /* 0: any */
	bool				  placeholder; /* for what is larger */
	enum route_keyless	  keyless;
	char				  run_id[37];

	struct relation_plan message; /* of logical messages */

	struct txnmeta		*txnmeta;			/* NULL: not asked for */
	struct buf			 transaction_topic; /* its name */
	struct relation_plan transaction;		/* of BEGIN and END; no format */
	bool				 transaction_planned;

	struct store *store; /* of pins; may be NULL */
	uint32_t	  store_topic;
	bool		  pin_current; /* topics' present counts are right */
	struct buf	  pin_key;
	struct buf	  pin_value;
	bool		  pin_due;				  /* these are to be handed over ... */
	const struct relation_plan *pin_plan; /* ... for its topic */

	/* the change in hand */
	bool				   taken;
	struct change_position position;
	struct relation_plan  *plan;
	enum format_compared   keys; /* of its two rows */
	struct part			   parts[3];
	uint32_t			   nparts;
	uint32_t			   next;	   /* to be handed over */
	uint32_t			   copies;	   /* of part 0, one for each partition */
	struct part			   begin;	   /* of the transaction; to go first, */
	bool				   begin_due;  /* if it is there */
	bool				   no_context; /* no headers of context */
	struct buf			   bytes;	   /* keys and values */
	char				   too_large[64]; /* header of all of them, or "" */
	bool				   refused;		  /* too large, and not to be sent */

	/* rows without their long values; 'width' elements each */
	uint32_t			 width;
	struct change_value *before;
	struct change_value *after;

	struct publish_topic *topics;
	size_t				  ntopics;
	uint64_t			  records;
	uint64_t			  sent_bytes;
	uint64_t			  lost_values;
	uint64_t			  ntoo_large;
	char				  error[1024];
	int					  exit_code;
};

/* A random UUID (version 4), as Debezium stamps each run. */
static void
make_run_id(char *out)
{
	uint8_t r[16] = {0};
	FILE   *f = fopen("/dev/urandom", "r");
	size_t	n = 0;

	if (f != NULL)
	{
		n = fread(r, 1, sizeof(r), f);
		fclose(f);
	}
	(void) n;
	r[6] = (r[6] & 0x0f) | 0x40;
	r[8] = (r[8] & 0x3f) | 0x80;
	snprintf(out, 37,
			 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
			 "%02x%02x%02x%02x%02x%02x",
			 r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10],
			 r[11], r[12], r[13], r[14], r[15]);
}

static enum format_time
time_mode(const struct config *config)
{
	static const struct
	{
		const char		*name;
		enum format_time mode;
	} modes[] = {
		{"adaptive_time_microseconds", FORMAT_TIME_ADAPTIVE_MICROSECONDS},
		{"connect", FORMAT_TIME_CONNECT},
		{"microseconds", FORMAT_TIME_MICROSECONDS},
		{"nanoseconds", FORMAT_TIME_NANOSECONDS},
		{"isostring", FORMAT_TIME_ISO},
		{"iso_local", FORMAT_TIME_ISO_LOCAL},
	};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
	{
		if (config_is(config, "time.precision.mode", modes[i].name))
			return modes[i].mode;
	}
	return FORMAT_TIME_ADAPTIVE;
}

static enum avro_name_mode
name_mode(const struct config *config, const char *name)
{
	return config_is(config, name, "avro")			 ? AVRO_NAME_REPLACE
		   : config_is(config, name, "avro_unicode") ? AVRO_NAME_ESCAPE
													 : AVRO_NAME_NONE;
}

static enum route_naming
naming(const struct config *config)
{
	static const struct
	{
		const char		 *name;
		enum route_naming naming;
	} classes[] = {
		{"io.debezium.schema.DefaultTopicNamingStrategy", ROUTE_NAMING_TABLE},
		{"io.debezium.schema.SchemaUnicodeTopicNamingStrategy",
		 ROUTE_NAMING_SCHEMA_UNICODE},
		{"io.debezium.schema.DefaultUnicodeTopicNamingStrategy",
		 ROUTE_NAMING_TABLE_UNICODE},
		{DEFAULT_REGEX, ROUTE_NAMING_TABLE},
	};

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
	{
		if (config_is(config, "topic.naming.strategy", classes[i].name))
			return classes[i].naming;
	}
	return ROUTE_NAMING_SCHEMA;
}

/* NULL: there is no such expression.  What is wrong with one was told. */
static struct rename *
rename_of(const struct config *config, const char *regex,
		  const char *replacement)
{
	const char	  *pattern = config_str(config, regex);
	struct buf	   error = {0};
	struct rename *r = NULL;

	if (pattern != NULL && *pattern != '\0')
		r = rename_new(pattern, config_str(config, replacement), &error);
	buf_free(&error);
	return r;
}

/* What goes with a class of topic.naming.strategy that is a Regex one. */
static void
take_regex(struct publish *p, const struct config *config)
{
	if (!config_is(config, "topic.naming.strategy", DEFAULT_REGEX) &&
		!config_is(config, "topic.naming.strategy", SCHEMA_REGEX))
		return;
	p->topic_rename = rename_of(config, "topic.regex", "topic.replacement");
	p->identified = config_bool(config, "topic.key.enforce.uniqueness");
	if (!p->identified)
		return;
	p->options.key_field = config_str(config, "topic.key.field.name");
	p->key_rename = rename_of(config, "topic.key.field.regex",
							  "topic.key.field.replacement");
}

static bool
is_wanted(const struct config *config, const char *op)
{
	size_t			   n;
	const char *const *skipped = config_list(config, "skipped.operations", &n);

	for (size_t i = 0; i < n; i++)
	{
		if (strcmp(skipped[i], op) == 0)
			return false;
	}
	return true;
}

struct publish *
publish_new(const struct config *config)
{
	struct publish *p = mem_zalloc(1, sizeof(*p));

	p->config = config;
	p->prefix = config_str(config, "topic.prefix");
	p->delimiter = config_str(config, "topic.delimiter");
	p->naming = naming(config);
	take_regex(p, config);
	p->tombstones = config_bool(config, "tombstones.on.delete");
	p->context_headers = config_bool(config, "extended.headers.enabled");
	p->skip_unchanged = config_bool(config, "skip.messages.without.change");
	p->deletes = is_wanted(config, "d");
	p->creates = is_wanted(config, "c");
	p->keyless = config_is(config, "walferry.keyless.partition", "position")
					 ? ROUTE_KEYLESS_POSITION
					 : ROUTE_KEYLESS_TOPIC;
	p->record_max = config_record_max(config);
	p->placeholder = config_is(config, "walferry.too.large", "placeholder");
	p->pin_current = config_is(config, "walferry.partition.count", "current");
	make_run_id(p->run_id);

	p->options.version = WALFERRY_VERSION;
	p->options.prefix = p->prefix;
	p->options.placeholder = config_str(config,
										"unavailable.value.placeholder");
	p->options.hashes = config_hash_rules(config, &p->options.nhashes);
	p->options.money_fraction_digits = (int)
		config_int(config, "money.fraction.digits");
	if (config_is(config, "decimal.handling.mode", "double"))
		p->options.decimal = FORMAT_DECIMAL_DOUBLE;
	else if (config_is(config, "decimal.handling.mode", "string"))
		p->options.decimal = FORMAT_DECIMAL_STRING;
	if (config_is(config, "binary.handling.mode", "base64"))
		p->options.binary = FORMAT_BINARY_BASE64;
	else if (config_is(config, "binary.handling.mode", "base64-url-safe"))
		p->options.binary = FORMAT_BINARY_BASE64_URL;
	else if (config_is(config, "binary.handling.mode", "hex"))
		p->options.binary = FORMAT_BINARY_HEX;
	p->options.time = time_mode(config);
	if (config_is(config, "interval.handling.mode", "string"))
		p->options.interval = FORMAT_INTERVAL_STRING;
	if (config_is(config, "hstore.handling.mode", "map"))
		p->options.hstore = FORMAT_HSTORE_MAP;
	p->debezium = config_is(config, "compatibility", "debezium");
	p->options.debezium = p->debezium;
	p->options.unknown_types = config_bool(config,
										   "include.unknown.datatypes");
	p->options.schemas = config_bool(config, "value.converter.schemas.enable");
	p->options.key_schemas = config_bool(config,
										 "key.converter.schemas.enable");
	p->options.number = config_is(config, "value.converter.decimal.format",
								  "NUMERIC");
	p->options.key_number = config_is(config, "key.converter.decimal.format",
									  "NUMERIC");
	p->options.field_names = name_mode(config, "field.name.adjustment.mode");
	p->options.schema_names = name_mode(config, "schema.name.adjustment.mode");
	p->options.null_default =
		config_bool(config, "value.converter.replace.null.with.default");
	p->options.key_null_default =
		config_bool(config, "key.converter.replace.null.with.default");
	if (config_bool(config, "provide.transaction.metadata"))
	{
		p->txnmeta = txnmeta_new(p->debezium);
		txnmeta_use_schemas(
			p->txnmeta, (struct txnmeta_schemas){.key = p->options.key_schemas,
												 .value = p->options.schemas});
		(void) route_transaction_topic(&p->transaction_topic, p->prefix,
									   p->delimiter,
									   config_str(config,
												  "topic.transaction"));
	}
	return p;
}

/* Plans that no relation has. */
static void
forget_plans(struct publish *p)
{
	format_json_plan_free(p->message.format);
	memset(&p->message, 0, sizeof(p->message));
	memset(&p->transaction, 0, sizeof(p->transaction));
	p->transaction_planned = false;
}

void
publish_free(struct publish *p)
{
	if (p == NULL)
		return;
	forget_plans(p);
	for (size_t i = 0; i < p->ntopics; i++)
	{
		free((char *) p->topics[i].name);
		free((char *) p->topics[i].table);
	}
	free(p->topics);
	rename_free(p->topic_rename);
	rename_free(p->key_rename);
	txnmeta_free(p->txnmeta);
	buf_free(&p->transaction_topic);
	free(p->database);
	free(p->before);
	free(p->after);
	buf_free(&p->bytes);
	buf_free(&p->pin_key);
	buf_free(&p->pin_value);
	free(p);
}

void
publish_start(struct publish *p, struct sink *sink, const char *database,
			  char byte_order)
{
	forget_plans(p);
	publish_abandon(p);
	p->sink = sink;
	p->store = NULL;
	free(p->database);
	p->database = mem_check(strdup(database), strlen(database) + 1);
	p->options.database = p->database;
	p->options.byte_order = byte_order;
}

void
publish_use_store(struct publish *p, struct store *store, uint32_t store_topic)
{
	p->store = store;
	p->store_topic = store_topic;
}

void
publish_release(void *user)
{
	struct relation_plan *plan = user;

	format_json_plan_free(plan->format);
	free(plan);
}

/* The place where records of a topic are counted. */
static uint32_t
find_topic(struct publish *p, const char *name, const char *table)
{
	struct publish_topic *t;

	for (size_t i = 0; i < p->ntopics; i++)
	{
		if (strcmp(p->topics[i].name, name) != 0)
			continue;

		/*
		 * "a b" and "a_b" are two tables, and one topic.  Keys that say whose
		 * they are do not clash.
		 */
		if (strcmp(p->topics[i].table, table) != 0 && !p->identified)
			log_warn("publish",
					 "two tables share a topic, where their keys may clash;"
					 " rename or exclude one of them",
					 "topic=%s table=%s other=%s", log_str(name),
					 log_str(table), log_str(p->topics[i].table));
		return (uint32_t) i;
	}
	p->topics = mem_resize(p->topics, p->ntopics + 1, sizeof(*p->topics));
	t = &p->topics[p->ntopics];
	t->name = mem_check(strdup(name), strlen(name) + 1);
	t->table = mem_check(strdup(table), strlen(table) + 1);
	t->npartitions = 0;
	t->records = 0;
	t->key_told = false;
	t->idle_told = 0;
	return (uint32_t) p->ntopics++;
}

/*
 * What is not in the replica identity is not in an old row, and half a key
 * would be another row's.  Each partition of a table comes here, and each
 * again with every change of its schema: once is enough.
 */
static void
tell_unknown_key(struct publish *p, const struct change_relation *rel,
				 struct publish_topic *topic)
{
	if (!rel->chosen_key || !p->deletes || p->debezium || topic->key_told)
		return;
	for (uint32_t i = 0; i < rel->nkeys; i++)
	{
		const struct change_column *column = &rel->columns[rel->keys[i]];

		if (column->in_identity)
			continue;
		log_warn("publish",
				 "the key of message.key.columns has a column that is not in"
				 " the table's replica identity: deletes will have no key and"
				 " no tombstone, an update of that column deletes nothing"
				 " under the old key, and one that leaves alone a large value"
				 " of it has no key; ALTER TABLE ... REPLICA IDENTITY FULL"
				 " mends all of it, an identity index on the key's columns"
				 " the first two",
				 "topic=%s table=%s.%s column=%s", log_str(topic->name),
				 log_str(rel->schema), log_str(rel->name),
				 log_str(column->name));
		topic->key_told = true;
		return;
	}
}

/*
 * What the schema tells of a relation's columns, FORMAT_COLUMN_*.  free() it.
 */
static uint8_t *
column_bits(const struct publish *p, const struct change_relation *rel)
{
	uint8_t	  *bits = mem_zalloc(rel->ncolumns, sizeof(*bits));
	struct buf name = {0};

	for (uint32_t i = 0; i < rel->ncolumns; i++)
	{
		buf_reset(&name);
		buf_printf(&name, "%s.%s.%s", rel->schema, rel->name,
				   rel->columns[i].name);
		if (rel->columns[i].hashed ||
			config_column_rules_name(p->config, "column.mask.with.<n>.chars",
									 buf_cstr(&name)))
			bits[i] |= FORMAT_COLUMN_MASKED;
		if (config_list_names(p->config, "column.propagate.source.type",
							  buf_cstr(&name)))
			bits[i] |= FORMAT_COLUMN_SOURCE_TYPE;
		buf_reset(&name);
		buf_printf(&name, "%s.%s.%s", rel->schema, rel->name,
				   rel->columns[i].type.name);
		if (config_list_names(p->config, "datatype.propagate.source.type",
							  buf_cstr(&name)))
			bits[i] |= FORMAT_COLUMN_SOURCE_TYPE;
	}
	buf_free(&name);
	return bits;
}

/*
 * What is to be hidden and is not should not surprise anybody.  Here, too, once
 * is enough, for as long as it is the same.
 */
static void
tell_idle_rules(struct publish *p, const struct change_relation *rel,
				struct publish_topic *topic)
{
	static const struct
	{
		unsigned	rule;
		const char *property;
	} rules[] = {
		{FORMAT_IDLE_MASK, "column.mask.with.<n>.chars"},
		{FORMAT_IDLE_HASH, "column.mask.hash.*"},
		{FORMAT_IDLE_TRUNCATION, "column.truncate.to.<n>.chars"},
	};
	struct buf all = {0};
	uint32_t   hash;

	for (uint32_t i = 0; i < rel->ncolumns; i++)
	{
		const struct change_column *column = &rel->columns[i];

		buf_printf(&all, "%u %s %s,",
				   format_json_idle_rules(column, &p->options), column->name,
				   column->type.name);
	}
	hash = hash_name(buf_cstr(&all));
	buf_free(&all);
	if (hash == topic->idle_told)
		return;
	topic->idle_told = hash;
	for (uint32_t i = 0; i < rel->ncolumns; i++)
	{
		const struct change_column *column = &rel->columns[i];
		unsigned idle = format_json_idle_rules(column, &p->options);

		for (size_t j = 0; j < sizeof(rules) / sizeof(rules[0]); j++)
		{
			if (idle & rules[j].rule)
				log_warn("publish",
						 "a column is named by a property that does not alter"
						 " values of its type: they are shown as they are",
						 "property=%s table=%s.%s column=%s type=%s",
						 rules[j].property, log_str(rel->schema),
						 log_str(rel->name), log_str(column->name),
						 log_str(column->type.name));
		}
	}
}

/*
 * The plan's topic is the one called 'name'.  'what' and 'table', which may be
 * "", say whose it is.
 */
static void
take_topic(struct publish *p, struct relation_plan *plan, const char *name,
		   const char *what, const char *table)
{
	plan->topic = sink_topic(p->sink, name);
	plan->index = find_topic(p, name, table);

	/* <topic.prefix>.<slot.name>.offsets can be a table's topic, too. */
	if (p->store != NULL && plan->topic == p->store_topic)
	{
		plan->topicless = true;
		snprintf(p->error, sizeof(p->error),
				 "topic %s of %s%s is the one where positions are kept; "
				 "exclude the table, or name another topic for positions "
				 "with offsets.storage.topic",
				 name, what, table);
	}
}

/* Of BEGIN and END. */
static struct relation_plan *
transaction_plan(struct publish *p)
{
	if (!p->transaction_planned)
		take_topic(p, &p->transaction, buf_cstr(&p->transaction_topic),
				   "transactions", "");
	p->transaction_planned = true;
	return &p->transaction;
}

/* One topic for both would have two orders of positions. */
static bool
is_transaction_topic(struct publish *p, const char *name)
{
	return p->txnmeta != NULL &&
		   strcmp(name, buf_cstr(&p->transaction_topic)) == 0;
}

/* Its plan, with whose table it is if keys say that. */
static struct format_plan *
make_format(struct publish *p, const struct change_relation *rel,
			const char *topic)
{
	struct format_options options = p->options;
	uint8_t				 *bits = NULL;
	struct buf			  name = {0};
	struct buf			  renamed = {0};
	struct format_plan	 *plan;

	if (rel != NULL && p->options.schemas)
		bits = column_bits(p, rel);
	options.topic = topic;
	options.columns = bits;
	if (rel != NULL && p->identified)
	{
		route_table_name(&name, p->naming, p->prefix, p->delimiter,
						 rel->schema, rel->name);
		options.key_identifier = buf_cstr(&name);
		if (p->key_rename != NULL &&
			rename_apply(p->key_rename, buf_cstr(&name), &renamed) ==
				RENAME_DONE)
			options.key_identifier = buf_cstr(&renamed);
	}
	plan = format_json_plan(rel, &options);
	free(bits);
	buf_free(&name);
	buf_free(&renamed);
	return plan;
}

/* The topic of a table.  False: it is no name that Kafka allows. */
static bool
table_topic(struct publish *p, const struct change_relation *rel,
			struct buf *name)
{
	struct buf		   renamed = {0};
	enum rename_result rc = RENAME_NO_MATCH;
	bool			   fits;

	fits = route_table_topic(name, p->naming, p->prefix, p->delimiter,
							 rel->schema, rel->name);
	if (p->topic_rename != NULL)
		rc = rename_apply(p->topic_rename, buf_cstr(name), &renamed);

	/* As in Debezium, nothing is not what it was to be renamed to. */
	if (rc == RENAME_DONE && renamed.len > 0)
	{
		buf_reset(name);
		buf_put(name, renamed.data, renamed.len);
		fits = route_is_topic(buf_cstr(name));
	}
	buf_free(&renamed);
	return fits && rc != RENAME_FAILED;
}

static void
make_plan(struct publish *p, const struct change_relation *rel,
		  struct relation_plan *plan)
{
	const char *what = rel != NULL ? "table " : "logical messages";
	struct buf	name = {0};
	struct buf	table = {0};
	bool		fits;

	if (rel != NULL)
		buf_printf(&table, "%s.%s", rel->schema, rel->name);

	if (rel != NULL)
		fits = table_topic(p, rel, &name);
	else
		fits = route_message_topic(&name, p->prefix);
	plan->format = make_format(p, rel, buf_cstr(&name));
	if (!fits)
	{
		plan->topicless = true;
		snprintf(p->error, sizeof(p->error),
				 p->topic_rename == NULL
					 ? "the topic's name for %s%s is longer than %d "
					   "characters; exclude the table or shorten topic.prefix"
					 : "topic.replacement makes no name of a topic for %s%s: "
					   "letters, digits, '.', '_' and '-', at most %d; or to "
					   "match topic.regex took too much",
				 what, buf_cstr(&table), ROUTE_TOPIC_MAX);
	}
	else if (is_transaction_topic(p, buf_cstr(&name)))
	{
		plan->topicless = true;
		snprintf(p->error, sizeof(p->error),
				 "topic %s of %s%s is the one of BEGIN and END; exclude the "
				 "table, or set topic.transaction to another name",
				 buf_cstr(&name), what, buf_cstr(&table));
	}
	else
	{
		take_topic(p, plan, buf_cstr(&name), what, buf_cstr(&table));
		if (rel != NULL)
		{
			tell_unknown_key(p, rel, &p->topics[plan->index]);
			tell_idle_rules(p, rel, &p->topics[plan->index]);
		}
	}
	if (p->txnmeta != NULL)
		plan->collection = rel != NULL
							   ? txnmeta_collection(p->txnmeta, rel->schema,
													rel->name)
							   : TXNMETA_MESSAGES;
	buf_free(&table);
	buf_free(&name);
}

static struct relation_plan *
plan_of(struct publish *p, struct schema_relation *relation)
{
	if (relation == NULL)
	{
		if (p->message.format == NULL)
			make_plan(p, NULL, &p->message);
		return &p->message;
	}
	if (relation->user == NULL)
	{
		struct relation_plan *plan = mem_zalloc(1, sizeof(*plan));

		make_plan(p, &relation->relation, plan);
		relation->user = plan;
		FAULT_POINT("relation_planned");
	}
	return relation->user;
}

static struct part *
add_part(struct publish *p, uint32_t number)
{
	struct part *part = &p->parts[p->nparts++];

	part->key.none = part->value.none = part->other_key.none = true;
	part->key_header = NULL;
	part->number = number;
	return part;
}

static struct piece
key_piece(struct publish *p, const struct change_value *row)
{
	struct piece piece = {.at = p->bytes.len};

	piece.none = !format_json_key(p->plan->format, row, &p->bytes);
	piece.len = p->bytes.len - piece.at;
	return piece;
}

static struct piece
key_header_piece(struct publish *p, const struct change_value *row)
{
	struct piece piece = {.at = p->bytes.len};

	piece.none = !format_json_key_header(p->plan->format, row, &p->bytes);
	piece.len = p->bytes.len - piece.at;
	return piece;
}

static struct piece
value_piece(struct publish *p, enum format_part part, const struct change *c,
			int64_t now_ns)
{
	struct piece piece = {.at = p->bytes.len};
	unsigned	 lost;

	if (p->record_max > 0)
		p->bytes.max = p->bytes.len + p->record_max + LIMIT_SLACK;
	lost = format_json_value(p->plan->format, part, c, now_ns, &p->bytes);
	p->bytes.max = 0;
	piece.len = p->bytes.len - piece.at;
	if (lost > 0 && p->too_large[0] == '\0' && !c->condensed)
	{
		p->lost_values += lost;
		if (now_ns - p->plan->lost_told_ns >= LOST_WARN_NS)
		{
			p->plan->lost_told_ns = now_ns;
			log_warn("publish",
					 "values are missing in events: their output function"
					 " failed, or they were over max_row_bytes",
					 "topic=%s lsn=%X/%X values_lost=%llu",
					 log_str(p->topics[p->plan->index].name),
					 (unsigned) (c->lsn >> 32), (unsigned) c->lsn,
					 (unsigned long long) p->lost_values);
		}
	}
	return piece;
}

static void
add_delete(struct publish *p, const struct change *c, struct piece key,
		   struct piece new_key, int64_t now_ns)
{
	struct part *part = add_part(p, PART_FIRST);

	part->key = key;
	part->value = value_piece(p, FORMAT_DELETE, c, now_ns);
	part->key_header = new_key.none ? NULL : "__debezium.newkey";
	part->other_key = new_key;

	/* Without a key there is nothing that compaction could remove. */
	if (p->tombstones && (!key.none || p->debezium))
	{
		struct part *tombstone = add_part(p, PART_TOMBSTONE);

		tombstone->key = key;
		tombstone->key_header = part->key_header;
		tombstone->other_key = new_key;
	}
}

/* Make the records of a change. */
static void
make_parts(struct publish *p, const struct change *c, int64_t now_ns)
{
	const struct piece nothing = {.none = true};
	struct part		  *part;

	/* One huge event must not cost its memory for ever. */
	if (p->bytes.cap > BYTES_KEPT)
		buf_free(&p->bytes);
	buf_reset(&p->bytes);
	p->nparts = 0;
	p->copies = 1;
	p->no_context = p->debezium && c->op == CHANGE_MESSAGE;
	switch (c->op)
	{
		case CHANGE_INSERT:
			part = add_part(p, PART_FIRST);
			part->key = key_piece(p, c->after);
			part->value = value_piece(p, FORMAT_CREATE, c, now_ns);
			break;
		case CHANGE_UPDATE:
			if (p->keys == FORMAT_OTHER)
			{
				struct piece old_key = key_piece(p, c->before);
				struct piece new_key = key_piece(p, c->after);

				if (p->deletes)
					add_delete(p, c, old_key, key_header_piece(p, c->after),
							   now_ns);
				if (!p->creates)
					break;
				part = add_part(p, PART_CREATE);
				part->key = new_key;
				part->other_key = key_header_piece(p, c->before);
				if (!part->other_key.none)
					part->key_header = "__debezium.oldkey";
				part->value = value_piece(p, FORMAT_CREATE, c, now_ns);
				break;
			}
			part = add_part(p, PART_FIRST);
			part->key = key_piece(p, c->after);
			part->value = value_piece(p, FORMAT_UPDATE, c, now_ns);
			break;
		case CHANGE_DELETE:
			add_delete(p, c, key_piece(p, c->before), nothing, now_ns);
			break;
		case CHANGE_TRUNCATE:
			part = add_part(p, PART_FIRST);
			part->value = value_piece(p, FORMAT_TRUNCATE, c, now_ns);
			p->copies = p->debezium ? 1 : 0; /* 0: one for each partition */
			break;
		case CHANGE_MESSAGE:
			part = add_part(p, PART_FIRST);
			part->key.none = false;
			part->key.at = p->bytes.len;
			format_json_message_key(p->plan->format, c, &p->bytes);
			part->key.len = p->bytes.len - part->key.at;
			part->value = value_piece(p, FORMAT_MESSAGE, c, now_ns);
			break;
	}
}

/*
 * The largest record in hand, as Kafka counts it or a little more.  Also of
 * one that was counted and not kept.
 */
static size_t
largest_part(const struct publish *p)
{
	size_t headers = RECORD_OVERHEAD + HEADERS_MAX * HEADER_OVERHEAD +
					 strlen(PUBLISH_POSITION_HEADER) + PUBLISH_POSITION_LEN +
					 strlen(PUBLISH_TOO_LARGE_HEADER) + strlen(p->too_large);
	size_t largest = 0;

	if (p->context_headers)
		headers += CONTEXT_HEADERS_LEN + strlen(p->prefix);
	for (uint32_t i = 0; i < p->nparts; i++)
	{
		const struct part *part = &p->parts[i];
		size_t			   n = headers + part->key.len + part->value.len;

		if (part->key_header != NULL)
			n += strlen(part->key_header) + part->other_key.len;
		if (n > largest)
			largest = n;
	}
	return largest;
}

/* What was made can be sent. */
static bool
fits(const struct publish *p)
{
	return p->record_max == 0 ||
		   (!p->bytes.over && largest_part(p) <= p->record_max);
}

/*
 * The key was too long to be kept.  A record without it would be refused by a
 * compacted topic, and elsewhere be lost to whoever goes by the key.
 */
static bool
key_is_lost(const struct change_relation *rel, const struct change_value *row)
{
	if (rel == NULL || row == NULL)
		return false;
	for (uint32_t i = 0; i < rel->ncolumns; i++)
	{
		if (change_is_key(rel, i) && row[i].state == CHANGE_OVERSIZE)
			return true;
	}
	return false;
}

/* The row without values longer than 'limit', except for its key. */
static void
shorten_row(const struct change_relation *rel, const struct change_value *from,
			uint64_t limit, struct change_value *to)
{
	for (uint32_t i = 0; i < rel->ncolumns; i++)
	{
		to[i] = from[i];
		if (from[i].state == CHANGE_VALUE && from[i].len > limit &&
			!change_is_key(rel, i))
			to[i] = (struct change_value){.state = CHANGE_OVERSIZE,
										  .len = from[i].len};
	}
}

static struct change
shorten(struct publish *p, const struct change *c, uint64_t limit)
{
	struct change				  less = *c;
	const struct change_relation *rel = c->relation;

	less.condensed = true;
	if (rel == NULL)
		return less;
	if (rel->ncolumns > p->width)
	{
		p->width = rel->ncolumns;
		p->before = mem_resize(p->before, p->width, sizeof(*p->before));
		p->after = mem_resize(p->after, p->width, sizeof(*p->after));
	}
	if (c->before != NULL)
	{
		shorten_row(rel, c->before, limit, p->before);
		less.before = p->before;
	}
	if (c->after != NULL)
	{
		shorten_row(rel, c->after, limit, p->after);
		less.after = p->after;
	}
	return less;
}

/* What cannot be sent is not kept either. */
static void
refuse(struct publish *p, const struct change *c, size_t size, const char *why)
{
	const struct publish_topic *t = &p->topics[p->plan->index];
	char						what[80];

	if (c->condensed)
		snprintf(what, sizeof(what), "a row of %llu bytes makes a record that",
				 (unsigned long long) c->bytes);
	else
		snprintf(what, sizeof(what), "a record of %zu bytes", size);
	snprintf(p->error, sizeof(p->error),
			 "topic %s: %s is larger than is allowed (max.request.size here: "
			 "%zu; table %s, LSN %X/%X)%s: raise "
			 "producer.override.max.request.size, the topic's "
			 "max.message.bytes, and where brokers limit it their "
			 "message.max.bytes and replica.fetch.max.bytes%s; then start "
			 "again, nothing is lost",
			 t->name, what, p->record_max, t->table[0] ? t->table : "none",
			 (unsigned) (c->lsn >> 32), (unsigned) c->lsn, why,
			 p->placeholder ? "" : ", or set walferry.too.large=placeholder");
	p->refused = true;
	p->nparts = 0;
	buf_free(&p->bytes);
}

static void
tell_placeholder(struct publish *p, const struct change *c, int64_t now_ns)
{
	p->ntoo_large++;
	if (now_ns - p->plan->large_told_ns < LOST_WARN_NS)
		return;
	p->plan->large_told_ns = now_ns;
	log_warn("publish",
			 "an event is larger than max.request.size: one without its long"
			 " values stands for it, as walferry.too.large says",
			 "topic=%s lsn=%X/%X bytes=%llu too_large=%llu",
			 log_str(p->topics[p->plan->index].name),
			 (unsigned) (c->lsn >> 32), (unsigned) c->lsn,
			 (unsigned long long) c->bytes,
			 (unsigned long long) p->ntoo_large);
}

/* The records to come get a header that says what they stand for. */
static void
mark_too_large(struct publish *p, uint64_t bytes, uint64_t lsn)
{
	snprintf(p->too_large, sizeof(p->too_large),
			 "{\"bytes\":%llu,\"lsn\":\"%X/%X\"}", (unsigned long long) bytes,
			 (unsigned) (lsn >> 32), (unsigned) lsn);
}

/* The records of the change are too large: make others, or none. */
static void
replace_parts(struct publish *p, const struct change *c, int64_t now_ns)
{
	size_t size = c->condensed ? 0 : largest_part(p);

	if (!p->placeholder)
	{
		refuse(p, c, size, "");
		return;
	}
	if (key_is_lost(c->relation, c->before) ||
		key_is_lost(c->relation, c->after))
	{
		refuse(p, c, size, ", and its key is too long for a placeholder");
		return;
	}
	mark_too_large(p, c->bytes, c->lsn);
	for (size_t i = 0; i < sizeof(shorter) / sizeof(shorter[0]); i++)
	{
		struct change less = shorten(p, c, shorter[i]);

		make_parts(p, &less, now_ns);
		if (fits(p))
		{
			tell_placeholder(p, c, now_ns);
			return;
		}
	}
	refuse(p, c, largest_part(p), ", as is its placeholder");
}

/*
 * Is it an update that nobody would see?  The plugin left out those that it
 * could tell by their bytes; these are written alike all the same.  Where a
 * value of the key is lost, shown in the row or not, nobody can say.
 */
static bool
is_unchanged(const struct publish *p, const struct change *c)
{
	return p->skip_unchanged && c->op == CHANGE_UPDATE && !c->condensed &&
		   c->relation->identity == 'f' && c->before != NULL &&
		   p->keys == FORMAT_SAME &&
		   !format_json_row_changed(p->plan->format, c);
}

/*
 * How many events the change is: none, one, or two if it changes the key, of
 * which either may be one that skipped.operations names.
 */
static uint32_t
count_events(struct publish *p, const struct change *c)
{
	if (c->op != CHANGE_UPDATE)
		return 1;
	p->keys = format_json_compare_keys(p->plan->format, c);
	if (is_unchanged(p, c))
		return 0;
	return p->keys == FORMAT_OTHER ? (uint32_t) p->deletes + p->creates : 1;
}

/* The record at the begin of the transaction, behind those of the change. */
static void
add_begin(struct publish *p, const struct change *c)
{
	struct part *part = &p->begin;

	memset(part, 0, sizeof(*part));
	part->other_key.none = true;
	part->number = PART_BEGIN;
	part->key.at = p->bytes.len;
	txnmeta_put_key(p->txnmeta, c->txn, c, &p->bytes);
	part->key.len = p->bytes.len - part->key.at;
	part->value.at = p->bytes.len;
	txnmeta_put_begin(p->txnmeta, c->txn, c, &p->bytes);
	part->value.len = p->bytes.len - part->value.at;
	(void) transaction_plan(p);
	p->begin_due = true;
}

/* Nothing is taken on yet. */
static void
clear(struct publish *p, const struct change_position *position)
{
	p->next = 0;
	p->nparts = 0;
	p->too_large[0] = '\0';
	p->refused = false;
	p->begin_due = false;
	p->position = *position;
}

void
publish_take(struct publish *p, const struct change *c,
			 struct schema_relation *relation, int64_t now_ns)
{
	struct change		numbered;
	struct change_order order;
	uint32_t			events;

	clear(p, &c->position);
	p->plan = plan_of(p, relation);
	p->taken = true;
	if (p->plan->topicless)
		return;
	events = count_events(p, c);
	p->taken = events > 0;
	if (!p->taken)
		return;
	if (p->txnmeta != NULL && c->txn->xid != 0)
	{
		numbered = *c;
		numbered.order = &order;
		c = &numbered;
		txnmeta_count(p->txnmeta, p->plan->collection, events, &order);
		order.alone = !p->deletes;
	}
	if (!c->condensed)
		make_parts(p, c, now_ns);
	if (c->condensed || !fits(p))
		replace_parts(p, c, now_ns);
	if (c->order != NULL && c->order->total == 1 && !p->refused)
		add_begin(p, c);
}

void
publish_begin_transaction(struct publish *p)
{
	if (p->txnmeta != NULL)
		txnmeta_reset(p->txnmeta);
}

void
publish_pass(struct publish *p, const struct change *c,
			 struct schema_relation *relation)
{
	struct change_order order;
	uint32_t			events;

	if (p->txnmeta == NULL || c->txn->xid == 0)
		return;
	p->plan = plan_of(p, relation);
	events = count_events(p, c);
	if (events > 0)
		txnmeta_count(p->txnmeta, p->plan->collection, events, &order);
}

static void
make_end(struct publish *p, const struct change_transaction *txn, bool listed)
{
	struct part *part;

	buf_reset(&p->bytes);
	p->nparts = 0;
	part = add_part(p, PART_FIRST);
	part->key.none = part->value.none = false;
	part->key.at = p->bytes.len;
	txnmeta_put_key(p->txnmeta, txn, NULL, &p->bytes);
	part->key.len = p->bytes.len - part->key.at;
	part->value.at = p->bytes.len;
	txnmeta_put_end(p->txnmeta, txn, listed, &p->bytes);
	part->value.len = p->bytes.len - part->value.at;
}

bool
publish_take_end(struct publish *p, const struct change_transaction *txn,
				 const struct change_position *position)
{
	size_t size;

	if (p->txnmeta == NULL || txn->xid == 0 || txnmeta_total(p->txnmeta) == 0)
		return false;
	clear(p, position);
	p->plan = transaction_plan(p);
	p->taken = true;
	p->copies = 1;
	p->no_context = p->debezium;
	make_end(p, txn, true);
	if (fits(p))
		return true;
	size = largest_part(p);
	if (p->placeholder)
	{
		p->ntoo_large++;
		log_warn("publish",
				 "the END of a transaction is larger than max.request.size: "
				 "it has no list of tables, as walferry.too.large says",
				 "topic=%s lsn=%X/%X bytes=%zu",
				 log_str(buf_cstr(&p->transaction_topic)),
				 (unsigned) (txn->end_lsn >> 32), (unsigned) txn->end_lsn,
				 size);
		make_end(p, txn, false);
		mark_too_large(p, size, txn->end_lsn);
		return true;
	}
	snprintf(p->error, sizeof(p->error),
			 "topic %s: the END of a transaction of so many tables has %zu "
			 "bytes, which is larger than is allowed (max.request.size here: "
			 "%zu; LSN %X/%X): raise producer.override.max.request.size and "
			 "the topic's max.message.bytes, or set "
			 "walferry.too.large=placeholder, which leaves data_collections "
			 "out; then start again, nothing is lost",
			 buf_cstr(&p->transaction_topic), size, p->record_max,
			 (unsigned) (txn->end_lsn >> 32), (unsigned) txn->end_lsn);
	p->refused = true;
	p->nparts = 0;
	return true;
}

void
publish_abandon(struct publish *p)
{
	p->taken = false;
	p->pin_due = false;
	p->begin_due = false;
}

static size_t
make_headers(struct publish *p, const struct part *part, char *position,
			 struct sink_header *h)
{
	size_t n = 0;

	/* Debezium's headers in Debezium's order, then our own. */
	if (part->key_header != NULL)
		h[n++] = (struct sink_header){part->key_header,
									  p->bytes.data + part->other_key.at,
									  part->other_key.len};
	if (p->context_headers && !p->no_context)
	{
		h[n++] =
			(struct sink_header){"__debezium.context.connectorLogicalName",
								 p->prefix, strlen(p->prefix)};
		h[n++] = (struct sink_header){"__debezium.context.taskId", "0", 1};
		h[n++] = (struct sink_header){"__debezium.context.connectorName",
									  "postgresql", 10};
		h[n++] = (struct sink_header){"__debezium.context.runId", p->run_id,
									  36};
	}
	if (p->too_large[0] != '\0' && !part->value.none)
		h[n++] = (struct sink_header){PUBLISH_TOO_LARGE_HEADER, p->too_large,
									  strlen(p->too_large)};
	h[n++] = (struct sink_header){PUBLISH_POSITION_HEADER, position,
								  PUBLISH_POSITION_LEN};
	return n;
}

/* Hand over copy 'copy' of one part, to the topic of 'plan'. */
static enum sink_outcome
submit_part(struct publish *p, const struct relation_plan *plan,
			const struct part *part, uint32_t copy, struct ack_ledger *ledger,
			uint64_t ticket)
{
	struct change_position position = p->position;
	char				   text[PUBLISH_POSITION_LEN + 1];
	struct sink_header	   headers[HEADERS_MAX];
	struct sink_record	   record = {.topic = plan->topic};
	struct publish_topic  *topic = &p->topics[plan->index];
	enum sink_outcome	   outcome;
	uint32_t			   copies = part == &p->begin ? 1 : p->copies;

	if (!part->key.none)
	{
		record.key = p->bytes.data + part->key.at;
		record.key_len = part->key.len;
	}
	if (!part->value.none)
	{
		record.value = p->bytes.data + part->value.at;
		record.value_len = part->value.len;
	}
	if (copies > 1)
		record.partition = (int32_t) copy;
	else if (record.key != NULL)
		record.partition = route_partition(record.key, record.key_len,
										   plan->npartitions);
	else
		record.partition = route_keyless_partition(p->keyless, topic->name,
												   position.end_lsn,
												   plan->npartitions);
	position.part = copies > 1 ? copy : part->number;
	publish_position(&position, text);
	record.headers = headers;
	record.nheaders = make_headers(p, part, text, headers);

	/* Counted first: its report may come from within the sink's next poll. */
	ack_submit(ledger, ticket);
	outcome = sink_submit(p->sink, &record, ticket);
	if (outcome != SINK_DONE)
	{
		ack_retract(ledger, ticket);
		return outcome;
	}
	topic->records++;
	p->records++;
	p->sent_bytes += record.key_len + record.value_len;
	return SINK_DONE;
}

static enum sink_outcome
failed(struct publish *p)
{
	snprintf(p->error, sizeof(p->error), "%s", sink_error(p->sink));
	p->exit_code = sink_exit_code(p->sink);
	return SINK_FAILED;
}

/* A new producer may find more partitions than the one before it. */
static void
watch_partitions(struct publish *p, const struct relation_plan *plan)
{
	struct publish_topic *t = &p->topics[plan->index];

	if (t->npartitions != 0 && t->npartitions != plan->npartitions)
		log_warn(
			"publish",
			"the topic's number of partitions changed: keys may have moved"
			" to other partitions, behind what a reader has seen of them",
			"topic=%s before=%d now=%d", log_str(t->name), t->npartitions,
			plan->npartitions);
	t->npartitions = plan->npartitions;
}

/* Hand over the record of a pin, ahead of the first one that relies on it. */
static enum sink_outcome
submit_pin(struct publish *p, struct ack_ledger *ledger, uint64_t ticket)
{
	const struct relation_plan *plan = p->pin_plan;
	const struct sink_record	record = {.topic = p->store_topic,
										  .key = p->pin_key.data,
										  .key_len = p->pin_key.len,
										  .value = p->pin_value.data,
										  .value_len = p->pin_value.len};
	enum sink_outcome			outcome;

	ack_submit(ledger, ticket);
	outcome = sink_submit(p->sink, &record, ticket);
	if (outcome != SINK_DONE)
	{
		ack_retract(ledger, ticket);
		return outcome;
	}
	p->sent_bytes += record.key_len + record.value_len;
	store_pinned(p->store, p->topics[plan->index].name, plan->npartitions);
	p->pin_due = false;
	FAULT_POINT("pin_submitted");
	return SINK_DONE;
}

/*
 * Where a key's records are follows from the number of partitions.  So the
 * number stays what it was at first, also if the topic has more by now; with
 * fewer, records would be missing.  False: it cannot stay.
 */
static bool
pin_partitions(struct publish *p, struct relation_plan *plan)
{
	const char *topic = p->topics[plan->index].name;
	int32_t		now = plan->npartitions;
	int32_t		pinned;

	if (p->store == NULL)
		return true;
	pinned = FAULT_BUG("stale_partition_count") ? 0
												: store_pin(p->store, topic);
	if (pinned == now)
		return true;
	if (pinned == 0 || p->pin_current)
	{
		if (pinned != 0)
			log_warn("publish",
					 "taking the topic's present number of partitions, as "
					 "walferry.partition.count says: keys may move",
					 "topic=%s pinned=%d now=%d", log_str(topic), pinned, now);
		store_put_pin(p->store, topic, now, &p->pin_key, &p->pin_value);
		p->pin_plan = plan;
		p->pin_due = true;
		return true;
	}
	if (pinned > now)
	{
		snprintf(p->error, sizeof(p->error),
				 "topic %s has %d partitions, and had %d: it was made again, "
				 "and what it held is gone; once its consumers know, "
				 "walferry.partition.count=current takes it as it is",
				 topic, now, pinned);
		p->exit_code = 5;
		plan->npartitions = 0; /* refused again if asked again */
		return false;
	}
	log_warn("publish",
			 "the topic has more partitions than before: events go on to "
			 "those that it had, so that keys stay in order; "
			 "walferry.partition.count=current uses all of them",
			 "topic=%s pinned=%d now=%d", log_str(topic), pinned, now);
	plan->npartitions = pinned;
	return true;
}

/* The plan's topic can be written to; its pin is handed over. */
static enum sink_outcome
open_topic(struct publish *p, struct relation_plan *plan,
		   struct ack_ledger *ledger, uint64_t ticket)
{
	enum sink_outcome outcome;

	if (plan->topicless)
	{
		p->exit_code = 4;
		return SINK_FAILED;
	}
	if (plan->npartitions == 0)
	{
		outcome = sink_partitions(p->sink, plan->topic, &plan->npartitions);
		if (outcome != SINK_DONE)
			return outcome == SINK_FAILED ? failed(p) : outcome;
		if (!pin_partitions(p, plan))
			return SINK_FAILED;
		watch_partitions(p, plan);
	}

	/* Of this one, or of the other of two: the BEGIN's. */
	if (!p->pin_due)
		return SINK_DONE;
	outcome = submit_pin(p, ledger, ticket);
	return outcome == SINK_FAILED ? failed(p) : outcome;
}

/* Hand over the begin of the transaction. */
static enum sink_outcome
submit_begin(struct publish *p, struct ack_ledger *ledger, uint64_t ticket)
{
	bool			  no_context = p->no_context;
	enum sink_outcome outcome = open_topic(p, &p->transaction, ledger, ticket);

	if (outcome != SINK_DONE)
		return outcome;
	p->no_context = p->debezium;
	outcome = submit_part(p, &p->transaction, &p->begin, 0, ledger, ticket);
	p->no_context = no_context;
	if (outcome != SINK_DONE)
		return outcome == SINK_FAILED ? failed(p) : outcome;
	p->begin_due = false;
	FAULT_POINT("transaction_begun");
	return SINK_DONE;
}

enum sink_outcome
publish_submit(struct publish *p, struct ack_ledger *ledger, uint64_t ticket)
{
	enum sink_outcome outcome;

	if (!p->taken)
		return SINK_DONE;
	if (p->refused)
	{
		p->exit_code = 4;
		return SINK_FAILED;
	}
	outcome = open_topic(p, p->plan, ledger, ticket);
	if (outcome == SINK_DONE && p->begin_due)
		outcome = submit_begin(p, ledger, ticket);
	if (outcome != SINK_DONE)
		return outcome;

	/*
	 * A truncate concerns the rows of every partition, and only within a
	 * partition is there an order; so each gets a copy.
	 */
	if (p->copies == 0)
		p->copies = FAULT_BUG("truncate_one_partition")
						? 1
						: (uint32_t) p->plan->npartitions;

	while (p->next < (p->copies > 1 ? p->copies : p->nparts))
	{
		outcome = submit_part(p, p->plan,
							  &p->parts[p->copies > 1 ? 0 : p->next], p->next,
							  ledger, ticket);
		if (outcome == SINK_FAILED)
			return failed(p);
		if (outcome != SINK_DONE)
			return outcome;
		p->next++;
	}
	p->taken = false;
	if (p->bytes.cap > BYTES_KEPT)
		buf_free(&p->bytes);
	return SINK_DONE;
}

const char *
publish_error(const struct publish *p)
{
	return p->error;
}

int
publish_exit_code(const struct publish *p)
{
	return p->exit_code;
}

uint64_t
publish_bytes(const struct publish *p)
{
	return p->sent_bytes;
}

uint64_t
publish_records(const struct publish *p)
{
	return p->records;
}

const char *
publish_run_id(const struct publish *p)
{
	return p->run_id;
}

uint64_t
publish_too_large(const struct publish *p)
{
	return p->ntoo_large;
}

uint64_t
publish_lost_values(const struct publish *p)
{
	return p->lost_values;
}

const struct publish_topic *
publish_topics(const struct publish *p, size_t *n)
{
	*n = p->ntopics;
	return p->topics;
}

static char *
put_hex(char *out, uint64_t v, int digits)
{
	static const char hex[] = "0123456789ABCDEF";

	for (int i = digits - 1; i >= 0; i--)
	{
		out[i] = hex[v & 15];
		v >>= 4;
	}
	return out + digits;
}

void
publish_position(const struct change_position *pos, char *out)
{
	out = put_hex(out, pos->timeline, 8);
	*out++ = '-';
	out = put_hex(out, pos->end_lsn, 16);
	*out++ = '-';
	out = put_hex(out, pos->ordinal, 12);
	*out++ = '-';
	out = put_hex(out, pos->part, 4);
	*out = '\0';
}
