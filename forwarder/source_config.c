/*
 * source_config.c - what the configuration means for the source: libpq's
 * keywords, the slot, the plugin's options.
 */
#include "source_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"
#include "wire.h"

static const char *
keep(struct buf *text, const char *s)
{
	size_t at = text->len;

	buf_put(text, s, strlen(s) + 1);
	return (const char *) text->data + at;
}

/* The elements of a list, with commas between them. */
static const char *
keep_list(struct buf *text, const struct config *c, const char *name)
{
	size_t			   at = text->len;
	size_t			   n;
	const char *const *list = config_list(c, name, &n);

	for (size_t i = 0; i < n; i++)
	{
		if (i > 0)
			buf_putc(text, ',');
		buf_puts(text, list[i]);
	}
	buf_putc(text, '\0');
	return (const char *) text->data + at;
}

struct pair
{
	const char *name;
	const char *value;
};

/* libpq's keywords and the options that have the same meaning. */
static const struct pair connection_options[] = {
	{"host", "database.hostname"},
	{"port", "database.port"},
	{"user", "database.user"},
	{"password", "database.password"},
	{"dbname", "database.dbname"},
	{"sslmode", "database.sslmode"},
	{"sslcert", "database.sslcert"},
	{"sslkey", "database.sslkey"},
	{"sslpassword", "database.sslpassword"},
	{"sslrootcert", "database.sslrootcert"},
};

/* The decoder's options and ours that are handed on as they are. */
static const struct pair plugin_options[] = {
	{"include_schemas", "schema.include.list"},
	{"exclude_schemas", "schema.exclude.list"},
	{"include_tables", "table.include.list"},
	{"exclude_tables", "table.exclude.list"},
	{"include_columns", "column.include.list"},
	{"exclude_columns", "column.exclude.list"},
	{"key_columns", "message.key.columns"},
	{"include_message_prefixes", "message.prefix.include.list"},
	{"exclude_message_prefixes", "message.prefix.exclude.list"},
};

/* Rules for columns, likewise. */
static const struct pair rule_options[] = {
	{"mask_columns", "column.mask.with.<n>.chars"},
	{"truncate_columns", "column.truncate.to.<n>.chars"},
	{"hash_columns", "column.mask.hash.<algorithm>.with.salt.<salt>"},
};

#define KEYWORDS_MAX (sizeof(connection_options) / sizeof(struct pair) + 1)

/* skipped.operations (c, u, d, t or none) as what is to be sent. */
static void
wanted_operations(const struct config *config, char *out, size_t size)
{
	static const struct pair operations[] = {{"c", "insert"},
											 {"u", "update"},
											 {"d", "delete"},
											 {"t", "truncate"}};
	size_t					 n;
	const char *const *skipped = config_list(config, "skipped.operations", &n);

	out[0] = '\0';
	for (size_t i = 0; i < 4; i++)
	{
		bool wanted = true;

		for (size_t j = 0; j < n; j++)
		{
			if (strcmp(skipped[j], operations[i].name) == 0)
				wanted = false;
		}
		if (wanted)
		{
			if (out[0] != '\0')
				strncat(out, ",", size - strlen(out) - 1);
			strncat(out, operations[i].value, size - strlen(out) - 1);
		}
	}
	if (out[0] == '\0')
		snprintf(out, size, "none");
}

static void
add_plugin_option(struct repl_option **options, size_t *n, const char *name,
				  const char *value)
{
	*options = mem_resize(*options, *n + 1, sizeof(**options));
	(*options)[(*n)++] = (struct repl_option){name, value};
}

/*
 * Whether a key has changed, and anything at all, is seen by what is written
 * of it.
 */
static void
put_counting(struct buf *out, const struct config *c)
{
	static const char *const names[] = {
		"topic.transaction",
		"compatibility",
		"include.unknown.datatypes",
		"key.converter.replace.null.with.default",
		"unavailable.value.placeholder",
		"decimal.handling.mode",
		"binary.handling.mode",
		"hstore.handling.mode",
		"interval.handling.mode",
		"time.precision.mode",
	};

	if (!config_bool(c, "provide.transaction.metadata"))
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		const char *value = config_str(c, names[i]);

		buf_printf(out, "%s=%s\n", names[i], value != NULL ? value : "");
	}
	buf_printf(out, "%lld\n%zu\n",
			   (long long) config_int(c, "money.fraction.digits"),
			   config_record_max(c));
}

void
source_config_init(struct source_config *s, const struct config *c)
{
	const char		  **keywords = mem_zalloc(KEYWORDS_MAX, sizeof(char *));
	const char		  **values = mem_zalloc(KEYWORDS_MAX, sizeof(char *));
	struct repl_option *options = NULL;
	const struct config_setting *params;
	char						 text[128];
	size_t						 nparams;
	size_t						 nports;
	size_t						 n = 0;
	size_t						 room = 4096;
	const char *const *ports = config_list(c, "database.port", &nports);

	/* Reserved at once: pointers into it must not move. */
	for (size_t i = 0; i < nports; i++)
		room += strlen(ports[i]) + 1;
	buf_reserve(&s->text, room);

	for (size_t i = 0; i < KEYWORDS_MAX - 1; i++)
	{
		const struct pair *o = &connection_options[i];

		if (strcmp(o->name, "port") == 0)
			values[n] = keep_list(&s->text, c, o->value);
		else
			values[n] = config_str(c, o->value);
		if (values[n] != NULL)
			keywords[n++] = o->name;
	}
	values[n] = NULL;
	s->repl.keywords = keywords;
	s->repl.values = values;

	s->temporary = config_is(c, "walferry.sink", "stdout") &&
				   !config_is_set(c, "slot.name");
	s->confirm = s->temporary || config_is(c, "walferry.sink", "kafka");
	if (s->temporary)
	{
		snprintf(text, sizeof(text), "walferry_look_%ld", (long) getpid());
		s->repl.slot = keep(&s->text, text);
	}
	else
		s->repl.slot = config_str(c, "slot.name");
	s->repl.temporary = s->temporary;
	s->repl.create = s->temporary ||
					 (s->confirm && config_bool(c, "walferry.slot.create"));
	s->repl.plugin = "walferry";
	s->repl.failover = config_bool(c, "slot.failover");

	/* Two that fence each other's producers in turns would get nowhere. */
	s->repl.lock = !s->temporary &&
				   (config_bool(c, "exactly.once") ||
					config_is(c, "walferry.position.store", "topic"));
	s->repl.primary = s->repl.lock && config_is(c, "walferry.sink", "kafka");
	s->repl.connect_timeout_ms = (int)
		config_int(c, "walferry.connect.timeout.ms");

	n = 0;
	snprintf(text, sizeof(text), "%d", WIRE_VERSION);
	add_plugin_option(&options, &n, "protocol_version", keep(&s->text, text));
	for (size_t i = 0; i < sizeof(plugin_options) / sizeof(struct pair); i++)
	{
		const char *value = config_str(c, plugin_options[i].value);

		if (value != NULL && value[0] != '\0')
			add_plugin_option(&options, &n, plugin_options[i].name, value);
	}
	for (size_t i = 0; i < sizeof(rule_options) / sizeof(struct pair); i++)
	{
		const char *rules = config_column_rules(c, rule_options[i].value);

		if (rules != NULL)
			add_plugin_option(&options, &n, rule_options[i].name, rules);
	}
	wanted_operations(c, text, sizeof(text));
	add_plugin_option(&options, &n, "operations", keep(&s->text, text));
	if (config_bool(c, "publish.via.partition.root"))
		add_plugin_option(&options, &n, "partition_root", "true");
	if (config_bool(c, "skip.messages.without.change"))
		add_plugin_option(&options, &n, "skip_unchanged", "true");
	if (config_is(c, "compatibility", "debezium"))
		add_plugin_option(&options, &n, "unique_keys", "true");
	params = config_stream_params(c, &nparams);
	for (size_t i = 0; i < nparams; i++)
		add_plugin_option(&options, &n, params[i].name, params[i].value);
	s->repl.options = options;
	s->repl.noptions = n;
	put_counting(&s->counting, c);
}

void
source_config_free(struct source_config *s)
{
	free((void *) s->repl.keywords);
	free((void *) s->repl.values);
	free((void *) s->repl.options);
	buf_free(&s->text);
	buf_free(&s->counting);
}

uint64_t
source_config_filter(const struct source_config *s)
{
	uint64_t h = 14695981039346656037u; /* FNV-1a */

	for (size_t i = 0; i < s->repl.noptions; i++)
	{
		const char *const texts[] = {s->repl.options[i].name,
									 s->repl.options[i].value};

		for (size_t j = 0; j < 2; j++)
		{
			for (const char *p = texts[j]; *p; p++)
				h = (h ^ (unsigned char) *p) * 1099511628211u;
			h = (h ^ 0xff) * 1099511628211u;
		}
	}
	for (size_t i = 0; i < s->counting.len; i++)
		h = (h ^ s->counting.data[i]) * 1099511628211u;
	return h;
}
