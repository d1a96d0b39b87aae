/*
 * config_print.c - the table of options as people read it: --print-config,
 * --help and docs/configuration.md.
 */
#include "config_part.h"

#include <string.h>

#include "config_salted.h"

#define NAME_WIDTH 40

/* ---- --print-config ---- */

static void
put_line(struct buf *out, const char *name, const char *value,
		 const char *origin)
{
	size_t start = out->len;

	config_salted_put_name(out, name);
	buf_lit(out, " = ");
	/* one option is one line, whatever its value holds */
	for (const char *p = value; *p; p++)
		buf_putc(out, (unsigned char) *p < ' ' ? ' ' : *p);
	do
		buf_putc(out, ' ');
	while (out->len - start < NAME_WIDTH + 16);
	buf_printf(out, "# %s\n", origin);
}

static bool
is_secret(const struct config_option *opt, const char *name, const char *value)
{
	return (opt != NULL && (opt->flags & CONFIG_SECRET)) ||
		   config_text_is_secret(name) || config_text_has_userinfo(value);
}

static void
print_option(const struct config_option *opt, const struct config_slot *s,
			 struct buf *out)
{
	const struct config_entry *e = s->entry;
	struct buf				   origin = {0};
	const char				  *value = s->str;

	if (e != NULL && (value == NULL || opt->stance == CONFIG_NO_EFFECT))
		value = e->value != NULL ? e->value : e->raw;
	if (value == NULL)
		value = "";
	if (e != NULL && e->hidden)
		value = e->from_file ? CONFIG_MASK : e->raw;
	if (s->hidden || (e != NULL && is_secret(opt, opt->name, value)))
		value = CONFIG_MASK;
	buf_puts(&origin, e != NULL ? e->origin : "default");
	if (e != NULL && opt->stance == CONFIG_NO_EFFECT)
		buf_lit(&origin, ", no effect");
	put_line(out, opt->name, value, buf_cstr(&origin));
	buf_free(&origin);
}

void
config_print(const struct config *c, struct buf *out)
{
	size_t						n;
	const struct config_option *table = config_table(&n);

	for (size_t i = 0; i < n; i++)
	{
		if (table[i].name == NULL || config_table_is_pattern(&table[i]))
			continue;
		if (c->slots[i].entry != NULL ||
			((table[i].stance == CONFIG_WORKS ||
			  table[i].stance == CONFIG_PARTLY) &&
			 strncmp(table[i].name, "debezium.", 9) != 0))
			print_option(&table[i], &c->slots[i], out);
	}
	for (size_t i = 0; i < c->nentries; i++)
	{
		const struct config_entry *e = &c->entries[i];
		bool					   secret;

		if (e->opt == NULL || !config_table_is_pattern(e->opt))
			continue;
		if (config_salted_is_name(e->name))
			secret = false; /* the columns, by a name that is */
		else
			secret = e->value != NULL && is_secret(e->opt, e->name, e->value);
		put_line(out, e->name,
				 secret || e->value == NULL ? CONFIG_MASK
				 : e->hidden				? e->raw
											: e->value,
				 e->origin);
	}
	if (strcmp(config_slot_of(c, "walferry.sink")->str
				   ? config_slot_of(c, "walferry.sink")->str
				   : "",
			   "kafka") != 0)
		return;
	buf_lit(out, "\n# Kafka client, in librdkafka's names\n");
	for (size_t i = 0; i < c->nkafka; i++)
	{
		const struct config_setting *k = &c->kafka[i];

		put_line(out, k->name,
				 k->secret || config_text_has_userinfo(k->value) ? CONFIG_MASK
																 : k->value,
				 c->kafka_origin[i]);
	}
}

/* ---- --help ---- */

/* Text without Markdown's backquotes, wrapped behind an indent. */
static void
put_wrapped(struct buf *out, const char *text, const char *indent)
{
	size_t column = 0;

	for (const char *p = text; *p;)
	{
		size_t n = strcspn(p, " ");

		if (column > 0 && column + n + 1 > 72)
		{
			buf_putc(out, '\n');
			column = 0;
		}
		if (column == 0)
			buf_puts(out, indent);
		else
			buf_putc(out, ' ');
		for (size_t i = 0; i < n; i++)
		{
			if (p[i] != '`')
				buf_putc(out, p[i]);
		}
		column += n + 1;
		p += n;
		while (*p == ' ')
			p++;
	}
	buf_putc(out, '\n');
}

void
config_help(struct buf *out)
{
	size_t						n;
	const struct config_option *table = config_table(&n);
	const char				   *title = NULL;

	for (size_t i = 0; i < n; i++)
	{
		const struct config_option *opt = &table[i];

		if (opt->name == NULL)
		{
			title = opt->help;
			continue;
		}
		if ((opt->stance != CONFIG_WORKS && opt->stance != CONFIG_PARTLY) ||
			strncmp(opt->name, "debezium.", 9) == 0)
			continue;
		if (title != NULL)
		{
			buf_printf(out, "\n%s:\n", title);
			title = NULL;
		}
		buf_printf(out, "  %s", opt->name);
		if (opt->flags & CONFIG_REQUIRED)
			buf_lit(out, " (required)");
		else if (opt->deflt != NULL)
			buf_printf(out, " (%s)", opt->deflt);
		if (opt->stance == CONFIG_PARTLY && opt->values != NULL)
		{
			buf_lit(out, ": ");
			config_text_put_set(out, opt->built);
		}
		else if (opt->values != NULL)
		{
			buf_lit(out, ": ");
			config_text_put_set(out, opt->values);
		}
		buf_putc(out, '\n');
		put_wrapped(out, opt->help, "      ");
	}
	buf_lit(out,
			"\nKafka client settings (bootstrap.servers, "
			"security.protocol, sasl.*, ssl.*,\nproducer.override.*) and all "
			"other properties: docs/configuration.md.\n");
}

/* ---- docs/configuration.md ---- */

static void
put_cell(struct buf *out, const char *text)
{
	for (const char *p = text; *p; p++)
	{
		if (*p == '|')
			buf_putc(out, '\\');
		buf_putc(out, *p == '\n' ? ' ' : *p);
	}
}

static void
put_codes(struct buf *out, const char *set)
{
	if (*set == '\0')
	{
		buf_lit(out, "empty");
		return;
	}
	for (const char *p = set;;)
	{
		size_t len = strcspn(p, "|");

		if (len == 0)
			buf_lit(out, "empty");
		else
			buf_printf(out, "`%.*s`", (int) len, p);
		if (p[len] == '\0')
			break;
		buf_lit(out, ", ");
		p += len + 1;
	}
}

static const char *
type_text(const struct config_option *opt)
{
	switch (opt->type)
	{
		case CONFIG_BOOL:
			return "`true` or `false`";
		case CONFIG_INT:
			return "whole number";
		case CONFIG_MS:
			return "milliseconds";
		case CONFIG_BYTES:
			return "bytes";
		case CONFIG_LIST:
			return "list";
		case CONFIG_REGEX_LIST:
			return "list of expressions";
		case CONFIG_ENUM:
		case CONFIG_STRING:
			break;
	}
	return "text";
}

static void
docs_option(struct buf *out, const struct config_option *opt)
{
	buf_printf(out, "| `%s` | ", opt->name);
	if (opt->type == CONFIG_ENUM && opt->values != NULL)
		put_codes(out, opt->values);
	else
		buf_puts(out, type_text(opt));
	if (opt->type != CONFIG_ENUM && opt->values != NULL)
	{
		buf_lit(out, " of ");
		put_codes(out, opt->values);
	}
	if (opt->min != 0 || opt->max != 0)
		buf_printf(out, ", %lld to %lld", (long long) opt->min,
				   (long long) opt->max);
	buf_lit(out, " | ");
	if (opt->flags & CONFIG_REQUIRED)
		buf_lit(out, "required");
	else if (opt->deflt != NULL)
		put_codes(out, opt->deflt);
	buf_lit(out, " | ");
	switch (opt->stance)
	{
		case CONFIG_WORKS:
			buf_lit(out, "works");
			break;
		case CONFIG_PARTLY:
			buf_lit(out, "only ");
			put_codes(out, opt->built);
			break;
		case CONFIG_NOT_YET:
			buf_lit(out, "not built yet");
			break;
		case CONFIG_NO_EFFECT:
			buf_lit(out, "no effect");
			break;
		case CONFIG_REFUSED:
			buf_lit(out, "refused");
			break;
	}
	if (opt->note != NULL)
	{
		buf_lit(out, ": ");
		put_cell(out, opt->note);
	}
	if (opt->flags & CONFIG_SECRET)
		buf_lit(out, ", secret");
	buf_lit(out, " | ");
	put_cell(out, opt->help);
	buf_lit(out, " |\n");
}

static void
docs_kafka(struct buf *out)
{
	size_t							n;
	const struct config_kafka_name *table = config_kafka_table(&n);

	buf_lit(out,
			"\n## Kafka client\n\n"
			"The names are the Java client's or librdkafka's, with "
			"`producer.override.` before them, or `producer.`, or "
			"`debezium.sink.kafka.producer.`, or nothing; an earlier prefix "
			"of this list wins over a later one. A name that is not here is "
			"an error. Whatever is written, walferry sets `acks=all`, "
			"`enable.idempotence=true` and `message.timeout.ms=0`: a record "
			"is sent until the broker has it. With `exactly.once`, where a "
			"transaction that Kafka has aborted is sent again as a whole, "
			"`message.timeout.ms` is `transaction.timeout.ms`.\n\n"
			"| setting | values | what becomes of it |\n"
			"|---|---|---|\n");
	for (size_t i = 0; i < n; i++)
	{
		const struct config_kafka_name *k = &table[i];

		buf_printf(out, "| `%s` | ", k->name);
		if (k->values != NULL)
			put_codes(out, k->values);
		else if (k->type == CONFIG_BOOL)
			buf_lit(out, "`true`, `false`");
		else if (k->type == CONFIG_INT)
			buf_printf(out, "%lld to %lld", (long long) k->min,
					   (long long) k->max);
		buf_lit(out, " | ");
		switch (k->action)
		{
			case KAFKA_PASS:
				if (k->to != NULL)
					buf_printf(out, "passed on as `%s`", k->to);
				else
					buf_lit(out, "passed on");
				if (k->optional)
					buf_lit(out, " where librdkafka is new enough");
				if (k->transactional)
					buf_lit(out, " with `exactly.once`, else no effect");
				break;
			case KAFKA_ONLY:
				buf_lit(out, "cannot be changed: ");
				put_cell(out, k->note);
				break;
			case KAFKA_IGNORE:
				buf_lit(out, "no effect: ");
				put_cell(out, k->note);
				break;
			case KAFKA_SILENT:
				buf_lit(out, "no effect");
				break;
			case KAFKA_REFUSE:
				buf_lit(out, "refused: ");
				put_cell(out, k->note);
				break;
			case KAFKA_SPECIAL:
				buf_lit(out, "translated");
				if (k->note != NULL)
				{
					buf_lit(out, ": ");
					put_cell(out, k->note);
				}
				break;
		}
		buf_lit(out, " |\n");
	}
}

void
config_docs(struct buf *out)
{
	size_t						n;
	const struct config_option *table = config_table(&n);

	buf_lit(out,
			"# Configuration\n\n"
			"<!-- Generated from the table of options by `make docs`; do "
			"not edit. -->\n\n"
			"    walferry run --config FILE [--config FILE ...] "
			"[--set NAME=VALUE ...]\n\n"
			"`walferry validate` checks a configuration and `walferry run "
			"--print-config` shows each option with its value and where it "
			"came from. All mistakes are told at once, each with file and "
			"line.\n\n"
			"## Where settings come from\n\n"
			"A file is one of\n\n"
			"* Java properties (UTF-8);\n"
			"* the JSON of a Kafka Connect connector, `{\"name\": ..., "
			"\"config\": {...}}` or the inner object;\n"
			"* `application.properties` of Debezium Server: "
			"`debezium.source.*`, `debezium.sink.kafka.producer.*` and "
			"`debezium.format.*` are read;\n"
			"* a Kafka Connect worker's properties, for the brokers and the "
			"producer's settings.\n\n"
			"`--config` may be given more than once; a later file wins. The "
			"environment wins over files: `WALFERRY_DATABASE_HOSTNAME` is "
			"`database.hostname` and `WALFERRY_LOG_LEVEL` is "
			"`walferry.log.level` (capitals, and `_` for whatever is "
			"neither letter nor digit); `DEBEZIUM_SOURCE_*`, "
			"`DEBEZIUM_SINK_*` and `DEBEZIUM_FORMAT_*` are read as Debezium "
			"Server does. `--set` wins over all. libpq's `PGHOST`, "
			"`PGPORT`, `PGUSER`, `PGPASSWORD`, `PGDATABASE` and `PGSSL*` "
			"stand in for what nothing else gives.\n\n"
			"Secrets need not be written into the file: "
			"`${file:/path}` is a file's content, `${file:/path:key}` a key "
			"of a properties file, `${directory:/path:file}` a file of a "
			"directory, `${env:NAME}` a variable, and a variable whose name "
			"ends in `_FILE`, such as `WALFERRY_DATABASE_PASSWORD_FILE`, "
			"names a file that holds the value. Secrets are never shown or "
			"logged.\n\n"
			"Durations are milliseconds, or have a unit (`10s`, `5m`, "
			"`1h`); sizes are bytes, or have one (`64kB`, `8MB`, `1GB`). "
			"Lists are separated by commas. Expressions are Java's, as in "
			"Debezium, and have to match a whole name; a comma inside one "
			"is written `\\,` "
			"([more](debezium.md#lists-of-regular-expressions)).\n\n"
			"## State of each option\n\n"
			"* *works*: as described; *only* some values: others are "
			"refused by name;\n"
			"* *not built yet*: any other value than the default is "
			"refused;\n"
			"* *no effect*: accepted with one warning, because it concerns "
			"something that does not exist here;\n"
			"* *refused*: it cannot be done here; the message says what to "
			"do instead.\n");
	for (size_t i = 0; i < n; i++)
	{
		if (table[i].name == NULL)
			buf_printf(out,
					   "\n## %s\n\n"
					   "| property | values | default | state | meaning |\n"
					   "|---|---|---|---|---|\n",
					   table[i].help);
		else
			docs_option(out, &table[i]);
	}
	docs_kafka(out);
}
