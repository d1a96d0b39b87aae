/*
 * config.c - inputs, precedence, checks and getters; see config.h.
 *
 * Everything that comes in becomes an entry, in the order in which it came;
 * nothing is judged before config_check(), which resolves references, lets
 * the winning entry of each name fill its slot of the table, and collects
 * what is wrong.  Messages name place and property and never show a secret.
 */
#include "config_part.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config_salted.h"
#include "rename.h"
#include "wire.h"

#define FILE_MAX_LEN (4 * 1024 * 1024)
#define SECRET_MAX_LEN (1024 * 1024)
#define TOPIC_PREFIX_MAX 200
#define TOPIC_MAX 249 /* Kafka's limit */

struct config *
config_new(void)
{
	struct config *c = config_text_alloc(sizeof(*c));
	size_t		   n;

	config_table(&n);
	c->slots = config_text_alloc(n * sizeof(*c->slots));
	return c;
}

static void
free_slot(struct config_slot *s)
{
	config_text_wipe(s->str);
	for (size_t i = 0; i < s->nlist; i++)
		free(s->list[i]);
	free(s->list);
	memset(s, 0, sizeof(*s));
}

void
config_free(struct config *c)
{
	size_t n;

	if (c == NULL)
		return;
	config_table(&n);
	config_topic_free(c);
	for (size_t i = 0; i < n; i++)
		free_slot(&c->slots[i]);
	free(c->slots);
	for (size_t i = 0; i < c->nentries; i++)
	{
		struct config_entry *e = &c->entries[i];

		config_text_wipe(e->name); /* it may have a salt in it */
		config_text_wipe(e->given);
		config_text_wipe(e->raw);
		config_text_wipe(e->value);
		free(e->origin);
	}
	free(c->entries);
	for (size_t i = 0; i < c->nkafka; i++)
	{
		free((char *) c->kafka[i].name);
		config_text_wipe((char *) c->kafka[i].value);
	}
	free(c->kafka);
	free(c->kafka_origin);
	for (size_t i = 0; i < c->nstream; i++)
	{
		free((char *) c->stream[i].name);
		free((char *) c->stream[i].value);
	}
	free(c->stream);
	for (size_t i = 0; i < sizeof(c->rules) / sizeof(c->rules[0]); i++)
		free(c->rules[i]);
	config_hash_free(c);
	for (size_t i = 0; i < c->nidle; i++)
		buf_free(&c->idle[i].names);
	free(c->idle);
	config_text_free(&c->errors);
	config_text_free(&c->warnings);
	config_text_free(&c->announcements);
	for (size_t i = 0; i < c->env.n; i++)
	{
		config_text_wipe(c->env.v[i]);
		c->env.v[i] = NULL;
	}
	config_text_free(&c->env);
	free(c);
}

/* ---- messages ---- */

static void
collect(struct config_strings *to, const struct config_entry *e,
		const char *fmt, va_list ap)
{
	struct buf b = {0};
	char	   text[3072]; /* a line of the log holds 4096 */

	if (e != NULL)
	{
		buf_printf(&b, "%s: ", e->origin);
		config_salted_put_name(&b, e->given);
		buf_lit(&b, ": ");
	}
	vsnprintf(text, sizeof(text), fmt, ap);
	buf_puts(&b, text);
	config_text_add(to, config_text_dup(buf_cstr(&b)));
	buf_free(&b);
}

void
config_fail(struct config *c, const struct config_entry *e, const char *fmt,
			...)
{
	va_list ap;

	va_start(ap, fmt);
	collect(&c->errors, e, fmt, ap);
	va_end(ap);
}

void
config_fail_regex(struct config *c, const struct config_entry *e,
				  const char *pattern, const struct javaregex_result *r)
{
	config_fail(c, e, "bad regular expression \"%s\": %s (character %zu)",
				pattern, r->error, r->at + 1);
}

bool
config_check_regex(struct config *c, const struct config_entry *e,
				   const char *pattern)
{
	const char *name = e != NULL ? e->name : "";
	bool		types = strstr(name, "propagate.source.type") != NULL;
	bool		rules = strstr(name, "column.mask.") != NULL ||
				 strstr(name, "column.truncate.") != NULL;
	struct javaregex_result r;
	bool					ok = true;

	/* Types of sources are ours alone to match, rules for columns ours too. */
	if (!types)
	{
		char *text = config_text_regex(pattern, JAVAREGEX_POSTGRES,
									   JAVAREGEX_CASELESS, &r);

		ok = text != NULL;
		free(text);
	}
	if (ok && (types || rules))
	{
		pcre2_code *re = config_text_compile(pattern, JAVAREGEX_CASELESS, &r);

		ok = re != NULL;
		pcre2_code_free(re);
	}
	if (!ok)
		config_fail_regex(c, e, pattern, &r);
	return ok;
}

void
config_warn(struct config *c, const struct config_entry *e, const char *fmt,
			...)
{
	va_list ap;

	va_start(ap, fmt);
	collect(&c->warnings, e, fmt, ap);
	va_end(ap);
}

void
config_idle(struct config *c, const struct config_entry *e, const char *note)
{
	struct config_idle *idle = NULL;

	for (size_t i = 0; i < c->nidle && idle == NULL; i++)
	{
		if (strcmp(c->idle[i].note, note) == 0)
			idle = &c->idle[i];
	}
	if (idle == NULL)
	{
		c->idle = config_text_realloc(c->idle,
									  (c->nidle + 1) * sizeof(*c->idle));
		idle = &c->idle[c->nidle++];
		*idle = (struct config_idle){.note = note};
	}
	if (idle->n++ > 0)
		buf_lit(&idle->names, ", ");
	config_salted_put_name(&idle->names, e->given);
	buf_printf(&idle->names, " (%s)", e->origin);
}

/* A worker's file has much that means nothing here: one line a reason. */
static void
warn_idle(struct config *c)
{
	for (size_t i = 0; i < c->nidle; i++)
		config_warn(c, NULL, "%s: no effect here: %s",
					buf_cstr(&c->idle[i].names), c->idle[i].note);
}

static void
announce(struct config *c, const char *text)
{
	config_text_add(&c->announcements, config_text_dup(text));
}

size_t
config_error_count(const struct config *c)
{
	return c->errors.n;
}

const char *
config_error(const struct config *c, size_t i)
{
	return c->errors.v[i];
}

size_t
config_warning_count(const struct config *c)
{
	return c->warnings.n;
}

const char *
config_warning(const struct config *c, size_t i)
{
	return c->warnings.v[i];
}

size_t
config_announcement_count(const struct config *c)
{
	return c->announcements.n;
}

const char *
config_announcement(const struct config *c, size_t i)
{
	return c->announcements.v[i];
}

/* ---- taking entries in ---- */

/*
 * 'name' without what Debezium Server puts before a connector's properties.
 * What Server calls its own (sink, format) keeps its name.
 */
static const char *
bare_name(const char *name)
{
	static const char source[] = "debezium.source.";
	static const char transforms[] = "debezium.transforms";
	static const char predicates[] = "debezium.predicates";

	if (strncmp(name, source, strlen(source)) == 0)
		return name + strlen(source);
	if (strncmp(name, transforms, strlen(transforms)) == 0 ||
		strncmp(name, predicates, strlen(predicates)) == 0)
		return name + strlen("debezium.");
	return name;
}

/*
 * Find out what an entry's name is.  Its place in the table goes first, so
 * that "errors.max.retries" is never taken for a client's setting; the client
 * settings go before patterns such as "producer.*".
 */
static void
classify(struct config_entry *e)
{
	static const struct
	{
		const char *prefix;
		int			level;
	} prefixes[] = {
		{"producer.override.", 2},
		{"producer.", 1},
		{"debezium.sink.kafka.producer.", 1},
	};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
	{
		size_t n = strlen(prefixes[i].prefix);

		if (strncmp(e->name, prefixes[i].prefix, n) == 0)
		{
			e->kafka_name = e->name + n;
			e->kafka = config_kafka_find(e->kafka_name);
			e->level = prefixes[i].level;
			return;
		}
	}
	e->opt = config_table_find(e->name);
	if (e->opt != NULL)
		return;
	e->kafka = config_kafka_find(e->name);
	if (e->kafka != NULL)
		e->kafka_name = e->name;
}

static struct config_entry *
add_entry(struct config *c, const char *given, const char *raw,
		  enum config_rank rank, char *origin_owned)
{
	struct config_entry *e;

	c->entries = config_text_realloc(c->entries,
									 (c->nentries + 1) * sizeof(*c->entries));
	e = &c->entries[c->nentries++];
	memset(e, 0, sizeof(*e));
	e->given = config_text_dup(given);
	e->name = config_text_dup(bare_name(given));
	e->raw = config_text_trim(raw, strlen(raw));
	e->rank = rank;
	e->origin = origin_owned;
	return e;
}

static char *
place(const char *file, int line)
{
	struct buf b = {0};
	char	  *s;

	buf_printf(&b, "%s:%d", file, line);
	s = config_text_dup(buf_cstr(&b));
	buf_free(&b);
	return s;
}

struct loading
{
	struct config *c;
	const char	  *name;
	size_t		   first; /* entry of the file */
};

static void
take_pair(void *arg, const char *name, const char *value, int line)
{
	struct loading		*l = arg;
	struct config_entry *e;

	e = add_entry(l->c, name, value, RANK_FILE, place(l->name, line));
	for (size_t i = l->first; i < l->c->nentries - 1; i++)
	{
		if (strcmp(l->c->entries[i].given, e->given) == 0)
			config_warn(l->c, e,
						"is already in this file (%s); this one "
						"counts",
						l->c->entries[i].origin);
	}
}

/*
 * A Connect worker's file has a heartbeat.interval.ms that means something
 * else than the connector's.
 */
static void
mark_worker(struct config *c, size_t first)
{
	static const char *const signs[] = {"offset.storage.topic",
										"offset.storage.file.filename",
										"config.storage.topic",
										"status.storage.topic", "plugin.path"};
	bool					 worker = false;

	for (size_t i = first; i < c->nentries; i++)
	{
		const char *name = c->entries[i].given;

		if (strcmp(name, "connector.class") == 0 ||
			strcmp(name, "topic.prefix") == 0)
			return;
		for (size_t k = 0; k < sizeof(signs) / sizeof(signs[0]); k++)
		{
			if (strcmp(name, signs[k]) == 0)
				worker = true;
		}
	}
	for (size_t i = first; worker && i < c->nentries; i++)
	{
		struct config_entry *e = &c->entries[i];

		if (strcmp(e->name, "heartbeat.interval.ms") == 0)
		{
			free(e->name);
			e->name = config_text_dup("worker.heartbeat.interval.ms");
		}
	}
}

bool
config_load_text(struct config *c, const char *name, const char *text,
				 size_t len)
{
	struct loading l = {.c = c, .name = name, .first = c->nentries};
	struct buf	   why = {0};
	size_t		   start = 0;
	int			   line = 1;
	bool		   ok;

	while (start < len && isspace((unsigned char) text[start]))
		start++;
	if (start < len && (text[start] == '{' || text[start] == '['))
		ok = config_json_parse(text, len, take_pair, &l, &line, &why);
	else
		ok = config_properties_parse(text, len, take_pair, &l, &line, &why);
	if (!ok)
		config_fail(c, NULL, "%s:%d: %s", name, line, buf_cstr(&why));
	buf_free(&why);
	mark_worker(c, l.first);
	return ok;
}

/* The whole of a file; false with errno if it cannot be had. */
static bool
read_file(const char *path, size_t max, struct buf *out)
{
	FILE  *f = fopen(path, "rb");
	size_t n;
	bool   ok;

	if (f == NULL)
		return false;
	do
	{
		n = fread(buf_reserve(out, 16384), 1, 16384, f);
		buf_commit(out, n);
	} while (n > 0 && out->len <= max);
	ok = !ferror(f);
	if (ok && out->len > max)
	{
		errno = EFBIG;
		ok = false;
	}
	else if (!ok && errno == 0)
		errno = EIO;
	n = (size_t) errno;
	fclose(f);
	errno = (int) n;
	return ok;
}

bool
config_load_file(struct config *c, const char *path)
{
	struct buf text = {0};
	size_t	   n = strlen(path);
	bool	   ok;

	if (!read_file(path, FILE_MAX_LEN, &text))
	{
		config_fail(c, NULL, "%s: cannot read the configuration: %s", path,
					strerror(errno));
		buf_free(&text);
		return false;
	}
	if ((n > 5 && strcmp(path + n - 5, ".yaml") == 0) ||
		(n > 4 && strcmp(path + n - 4, ".yml") == 0))
	{
		config_fail(c, NULL,
					"%s: YAML is not read; write properties, or the "
					"connector's JSON",
					path);
		ok = false;
	}
	else
		ok = config_load_text(c, path, buf_cstr(&text), text.len);
	memset(text.data, 0, text.cap);
	buf_free(&text);
	return ok;
}

/* ---- environment ---- */

/* MicroProfile's rule: upper case, all but letters and digits to '_'. */
static bool
env_equal(const char *env_name, const char *name)
{
	for (; *name != '\0' && *env_name != '\0'; name++, env_name++)
	{
		char ch = isalnum((unsigned char) *name)
					  ? (char) toupper((unsigned char) *name)
					  : '_';

		if (ch != *env_name)
			return false;
	}
	return *name == '\0' && *env_name == '\0';
}

static bool
has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/*
 * The property that a variable's name (without our prefix) stands for, to be
 * freed; NULL if none.  Names with a part that the user chooses lose their
 * spelling, which is taken to be lower case with dots.
 */
static char *
property_of(const char *env_name)
{
	static const char				own[] = "walferry.";
	static const char *const		open[] = {"topic.creation.",
											  "producer.override.",
											  "producer.",
											  "debezium.sink.kafka.producer.",
											  "debezium.sink.",
											  "debezium.format.",
											  "quarkus."};
	const struct config_option	   *table;
	const struct config_kafka_name *kafka;
	size_t							n;

	table = config_table(&n);
	for (size_t i = 0; i < n; i++)
	{
		const char *name = table[i].name;

		if (name == NULL || config_table_is_pattern(&table[i]))
			continue;
		if (env_equal(env_name, name) ||
			(has_prefix(name, own) && env_equal(env_name, name + strlen(own))))
			return config_text_dup(name);
	}
	kafka = config_kafka_table(&n);
	for (size_t i = 0; i < n; i++)
	{
		if (strchr(kafka[i].name, '*') == NULL &&
			env_equal(env_name, kafka[i].name))
			return config_text_dup(kafka[i].name);
	}
	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
	{
		size_t	   len = strlen(open[i]);
		struct buf b = {0};
		char	  *s;
		char	   head[64];

		snprintf(head, sizeof(head), "%.*s", (int) len, env_name);
		if (strlen(env_name) <= len || !env_equal(head, open[i]))
			continue;
		for (const char *p = env_name; *p; p++)
			buf_putc(&b, *p == '_' ? '.' : (char) tolower((unsigned char) *p));
		s = config_text_dup(buf_cstr(&b));
		buf_free(&b);
		return s;
	}
	return NULL;
}

/*
 * Kubernetes gives every container variables for each service of the
 * namespace; one called "walferry" must not be taken for configuration.
 */
static bool
is_service_link(const char *rest)
{
	return has_prefix(rest, "SERVICE_") || strcmp(rest, "PORT") == 0 ||
		   has_prefix(rest, "PORT_");
}

static void
take_variable(struct config *c, const char *var, const char *rest,
			  const char *full, const char *value)
{
	size_t				 len = strlen(rest);
	bool				 from_file = false;
	char				*property = property_of(rest);
	struct config_entry *e;
	struct buf			 origin = {0};

	if (property == NULL && len > 5 && strcmp(rest + len - 5, "_FILE") == 0)
	{
		char *cut = config_text_dupn(rest, len - 5);

		property = property_of(cut);
		free(cut);
		from_file = property != NULL;
	}
	if (property == NULL)
	{
		/* let config_check() complain, with a suggestion */
		struct buf b = {0};

		for (const char *p = full; *p; p++)
			buf_putc(&b, *p == '_' ? '.' : (char) tolower((unsigned char) *p));
		property = config_text_dup(buf_cstr(&b));
		buf_free(&b);
	}
	buf_lit(&origin, "env ");
	config_salted_put_name(&origin, var);
	e = add_entry(c, property, value, RANK_ENV,
				  config_text_dup(buf_cstr(&origin)));
	e->from_file = from_file;
	buf_free(&origin);
	free(property);
}

void
config_load_env(struct config *c, char *const *env)
{
	static const struct
	{
		const char *var;
		const char *name;
	} pg[] = {
		{"PGHOST", "database.hostname"},
		{"PGPORT", "database.port"},
		{"PGUSER", "database.user"},
		{"PGPASSWORD", "database.password"},
		{"PGDATABASE", "database.dbname"},
		{"PGSSLMODE", "database.sslmode"},
		{"PGSSLCERT", "database.sslcert"},
		{"PGSSLKEY", "database.sslkey"},
		{"PGSSLROOTCERT", "database.sslrootcert"},
	};

	for (; env != NULL && *env != NULL; env++)
	{
		const char *eq = strchr(*env, '=');
		char	   *var;
		const char *value;

		if (eq == NULL)
			continue;
		config_text_add(&c->env, config_text_dup(*env));
		var = config_text_dupn(*env, (size_t) (eq - *env));
		value = eq + 1;

		if (has_prefix(var, "WALFERRY_"))
		{
			const char *rest = var + strlen("WALFERRY_");

			/* Where the project's own make keeps what it downloads. */
			if (!is_service_link(rest) && strcmp(rest, "CACHE") != 0)
				take_variable(c, var, rest, rest, value);
		}
		else if (has_prefix(var, "DEBEZIUM_SOURCE_"))
			take_variable(c, var, var + strlen("DEBEZIUM_SOURCE_"),
						  var + strlen("DEBEZIUM_SOURCE_"), value);
		else if (has_prefix(var, "DEBEZIUM_SINK_") ||
				 has_prefix(var, "DEBEZIUM_FORMAT_"))
			take_variable(c, var, var, var, value);
		else
		{
			for (size_t i = 0; i < sizeof(pg) / sizeof(pg[0]); i++)
			{
				struct buf origin = {0};

				if (strcmp(var, pg[i].var) != 0 || *value == '\0')
					continue;
				buf_printf(&origin, "env %s", var);
				add_entry(c, pg[i].name, value, RANK_PGENV,
						  config_text_dup(buf_cstr(&origin)));
				buf_free(&origin);
			}
		}
		free(var);
	}
}

void
config_set_flag(struct config *c, const char *name, const char *value)
{
	struct config_entry *e;

	e = add_entry(c, name, value, RANK_FLAG, config_text_dup("flag"));
	if (config_salted_is_name(e->name))
		config_warn(c, e,
					"a salt on the command line is visible to every user of "
					"this machine; write the property into a file");
	else if (config_text_is_secret(e->name) && *value != '\0' &&
			 strncmp(value, "${", 2) != 0)
		config_warn(c, e,
					"a secret on the command line is visible to every "
					"user of this machine; use ${file:...} or the "
					"environment");
}

void
config_set_arg(struct config *c, const char *arg)
{
	const char *eq = strchr(arg, '=');
	char	   *name;

	if (eq == NULL || eq == arg)
	{
		/* It may be a secret that lost its name: do not repeat it. */
		config_fail(c, NULL, "flag: --set needs name=value");
		return;
	}
	name = config_text_trim(arg, (size_t) (eq - arg));
	config_set_flag(c, name, eq + 1);
	free(name);
}

/* ---- references ---- */

static const char *
env_value(const struct config *c, const char *name, size_t len)
{
	for (size_t i = 0; i < c->env.n; i++)
	{
		if (strncmp(c->env.v[i], name, len) == 0 && c->env.v[i][len] == '=')
			return c->env.v[i] + len + 1;
	}
	return NULL;
}

struct lookup
{
	const char *key;
	char	   *value;
};

static void
look_for(void *arg, const char *name, const char *value, int line)
{
	struct lookup *l = arg;

	(void) line;
	if (strcmp(name, l->key) == 0)
	{
		config_text_wipe(l->value);
		l->value = config_text_dup(value);
	}
}

/* Append a file's content without the line ends at its end. */
static bool
put_file(struct config *c, const struct config_entry *e, const char *path,
		 struct buf *out)
{
	struct buf text = {0};
	bool	   ok = read_file(path, SECRET_MAX_LEN, &text);

	if (!ok)
		config_fail(c, e, "cannot read %s: %s", path, strerror(errno));
	else
	{
		while (text.len > 0 && (text.data[text.len - 1] == '\n' ||
								text.data[text.len - 1] == '\r'))
			text.len--;
		if (text.len > 0 && memchr(text.data, 0, text.len) != NULL)
		{
			config_fail(c, e, "%s holds a zero byte: it is not text", path);
			ok = false;
		}
		else
			buf_put(out, text.data, text.len);
	}
	if (text.data != NULL)
		memset(text.data, 0, text.cap);
	buf_free(&text);
	return ok;
}

/* Append what one key of a properties file has. */
static bool
put_key(struct config *c, const struct config_entry *e, const char *path,
		const char *key, struct buf *out)
{
	struct buf	  text = {0};
	struct buf	  why = {0};
	struct lookup l = {.key = key};
	int			  line = 1;
	bool		  ok = false;

	if (!read_file(path, SECRET_MAX_LEN, &text))
		config_fail(c, e, "cannot read %s: %s", path, strerror(errno));
	else if (!config_properties_parse(buf_cstr(&text), text.len, look_for, &l,
									  &line, &why))
		config_fail(c, e, "%s:%d: %s", path, line, buf_cstr(&why));
	else if (l.value == NULL)
		config_fail(c, e, "%s has no \"%s\"", path, key);
	else
	{
		buf_puts(out, l.value);
		ok = true;
	}
	config_text_wipe(l.value);
	if (text.data != NULL)
		memset(text.data, 0, text.cap);
	buf_free(&text);
	buf_free(&why);
	return ok;
}

/*
 * Debezium Server's files may say ${NAME} or ${NAME:default} for a variable
 * of the environment.
 */
static bool
put_expression(struct config *c, struct config_entry *e, const char *ref,
			   struct buf *out)
{
	size_t		len = strcspn(ref, ":");
	const char *value = env_value(c, ref, len);

	if (value == NULL && ref[len] == ':')
		value = ref + len + 1;
	if (value == NULL)
	{
		config_fail(c, e, "the environment has no %s", ref);
		return false;
	}
	buf_puts(out, value);
	return true;
}

/*
 * Append what the reference between "${" and "}" stands for.  'known' is set
 * false, and nothing appended, if it is none: "${x}" without a colon belongs
 * to someone else, as in a transform's replacement.
 */
static bool
put_reference(struct config *c, struct config_entry *e, const char *ref,
			  struct buf *out, bool *known)
{
	const char *colon = strchr(ref, ':');
	const char *rest = colon != NULL ? colon + 1 : NULL;
	bool		ok = true;

	*known = true;
	if (has_prefix(e->given, "debezium.") && !has_prefix(ref, "env:") &&
		!has_prefix(ref, "file:") && !has_prefix(ref, "directory:") &&
		!has_prefix(e->given, "debezium.transforms"))
		return put_expression(c, e, ref, out);
	if (colon == NULL)
	{
		if (e->opt != NULL && e->opt->stance == CONFIG_WORKS)
			config_warn(c, e,
						"${%s} is taken as it stands; ${env:%s} would "
						"read the environment",
						ref, ref);
		*known = false;
		return true;
	}
	if (has_prefix(ref, "env:"))
	{
		const char *value;

		if (*rest == ':') /* Connect: ${env::NAME} */
			rest++;
		value = env_value(c, rest, strlen(rest));
		if (value == NULL)
		{
			config_fail(c, e, "the environment has no %s", rest);
			return false;
		}
		buf_puts(out, value);
	}
	else if (has_prefix(ref, "file:") || has_prefix(ref, "directory:"))
	{
		const char *sep = strchr(rest, ':');
		char *path = config_text_dupn(rest, sep != NULL ? (size_t) (sep - rest)
														: strlen(rest));

		e->hidden = true;
		if (sep == NULL)
			ok = put_file(c, e, path, out);
		else if (has_prefix(ref, "file:"))
			ok = put_key(c, e, path, sep + 1, out);
		else
		{
			struct buf full = {0};

			buf_printf(&full, "%s/%s", path, sep + 1);
			ok = put_file(c, e, buf_cstr(&full), out);
			buf_free(&full);
		}
		free(path);
	}
	else
	{
		config_fail(c, e,
					"the reference ${%.*s:...} is not understood; "
					"use ${file:path:key}, ${file:path}, "
					"${directory:path:key} or ${env:NAME}",
					(int) (colon - ref), ref);
		ok = false;
	}
	return ok;
}

static void
resolve(struct config *c, struct config_entry *e)
{
	struct buf out = {0};
	bool	   ok = true;

	if (e->from_file)
	{
		e->hidden = true;
		ok = put_file(c, e, e->raw, &out);
	}
	else
	{
		for (const char *p = e->raw; *p != '\0';)
		{
			const char *end = p[0] == '$' && p[1] == '{' ? strchr(p, '}')
														 : NULL;
			char	   *ref;
			bool		known;

			if (end == NULL)
			{
				buf_putc(&out, *p++);
				continue;
			}
			ref = config_text_dupn(p + 2, (size_t) (end - p - 2));
			ok = put_reference(c, e, ref, &out, &known) && ok;
			if (!known)
				buf_put(&out, p, (size_t) (end + 1 - p));
			free(ref);
			p = end + 1;
		}
	}
	if (ok)
		e->value = config_text_dup(buf_cstr(&out));
	if (out.data != NULL)
		memset(out.data, 0, out.cap);
	buf_free(&out);
}

/* ---- checking ---- */

bool
config_wins(const struct config_entry *a, const struct config_entry *b)
{
	if (a->rank != b->rank)
		return a->rank > b->rank;
	if (a->level != b->level)
		return a->level > b->level;
	return a > b; /* both in c->entries */
}

/* The best entry of a name, or NULL. */
struct config_entry *
config_winner(struct config *c, const char *name)
{
	struct config_entry *best = NULL;

	for (size_t i = 0; i < c->nentries; i++)
	{
		struct config_entry *e = &c->entries[i];

		if (e->opt != NULL && strcmp(e->name, name) == 0 &&
			(best == NULL || config_wins(e, best)))
			best = e;
	}
	return best;
}

static void
suggest(const char *name, const char *candidate, const char **best,
		size_t *distance)
{
	size_t d = config_text_distance(name, candidate);

	if (d < *distance)
	{
		*distance = d;
		*best = candidate;
	}
}

static void
check_unknown(struct config *c, const struct config_entry *e, bool fatal)
{
	const struct config_option	   *table;
	const struct config_kafka_name *kafka;
	const char *name = e->kafka_name != NULL ? e->kafka_name : e->name;
	const char *best = NULL;
	size_t		distance = strlen(name) / 4 + 3; /* first that is too far */
	struct buf	b = {0};
	size_t		n;

	if (distance > strlen(name) / 2 + 1)
		distance = strlen(name) / 2 + 1;
	if (e->kafka_name == NULL)
	{
		table = config_table(&n);
		for (size_t i = 0; i < n; i++)
		{
			if (table[i].name != NULL && !config_table_is_pattern(&table[i]))
				suggest(name, table[i].name, &best, &distance);
		}
	}
	kafka = config_kafka_table(&n);
	for (size_t i = 0; i < n; i++)
	{
		if (strchr(kafka[i].name, '*') == NULL &&
			kafka[i].action != KAFKA_REFUSE)
			suggest(name, kafka[i].name, &best, &distance);
	}

	if (e->kafka_name != NULL)
		buf_lit(&b, "no such setting of the Kafka client is known");
	else
		buf_lit(&b, "unknown property");
	if (best != NULL)
		buf_printf(&b, "; did you mean %.*s%s?", (int) (name - e->name),
				   e->name, best);
	else if (config_salted_is_name(e->name))
		buf_lit(&b, "; columns are hashed by "
					"column.mask.hash.v2.<algorithm>.with.salt.<salt>");
	else if (e->kafka_name == NULL)
		buf_lit(&b, "; walferry --help lists them all");
	if (fatal)
		config_fail(c, e, "%s", buf_cstr(&b));
	else
		config_warn(c, e, "%s", buf_cstr(&b));
	buf_free(&b);
}

static bool
is_number(enum config_type type)
{
	return type == CONFIG_INT || type == CONFIG_MS || type == CONFIG_BYTES;
}

/* True if 'value' means the same as one of "a|b". */
static bool
means(const struct config_option *opt, const char *value, const char *set)
{
	int64_t a;
	int64_t b;

	if (set == NULL)
		return *value == '\0';
	if (config_text_one_of(set, value, NULL))
		return true;
	return is_number(opt->type) && config_text_number(opt->type, value, &a) &&
		   config_text_number(opt->type, set, &b) && a == b;
}

/* How a value is named in a message. */
static void
put_value(struct buf *b, const struct config_entry *e)
{
	if ((e->opt != NULL && (e->opt->flags & CONFIG_SECRET)) || e->hidden ||
		config_text_is_secret(e->name) || config_text_has_userinfo(e->value))
		buf_lit(b, "this value");
	else
		buf_printf(b, "\"%s\"", e->value);
}

/*
 * Whether the stance of the row lets the value through; if not, or if it has
 * no effect, the reason is collected.
 */
static bool
check_stance(struct config *c, const struct config_entry *e)
{
	const struct config_option *opt = e->opt;
	const char				   *note = opt->note;
	struct buf					b = {0};
	bool						ok = true;

	if (opt->stance == CONFIG_WORKS || means(opt, e->value, opt->deflt) ||
		(opt->built != NULL && means(opt, e->value, opt->built)))
		return true;
	if (opt->parent != NULL && config_winner(c, opt->parent) != NULL)
		return true;

	switch (opt->stance)
	{
		case CONFIG_PARTLY:
			if (opt->values != NULL &&
				!config_text_one_of(opt->values, e->value, NULL))
				return true; /* check_type() says what is wrong with it */
			put_value(&b, e);
			buf_puts(&b, opt->flags & CONFIG_NEVER
							 ? " cannot be used here; what works is "
							 : " is not built yet; what works is ");
			config_text_put_set(&b,
								opt->values != NULL ? opt->built : opt->deflt);
			if (note != NULL)
				buf_printf(&b, "; %s", note);
			config_fail(c, e, "%s", buf_cstr(&b));
			ok = false;
			break;
		case CONFIG_NOT_YET:
			config_fail(c, e, "is not built yet%s%s", note ? "; " : "",
						note ? note : "; remove it");
			ok = false;
			break;
		case CONFIG_NO_EFFECT:
			config_idle(c, e, note);
			break;
		case CONFIG_REFUSED:
			config_fail(c, e, "is refused: %s", note);
			ok = false;
			break;
		case CONFIG_WORKS:
			break;
	}
	buf_free(&b);
	return ok;
}

static void
take_list(struct config *c, struct config_slot *s, const char *value,
		  const struct config_option *opt)
{
	struct config_strings list = {0};

	config_text_split(value, opt->type == CONFIG_REGEX_LIST, &list);
	s->list = list.v;
	s->nlist = list.n;
	for (size_t i = 0; i < list.n; i++)
	{
		char *spelling;

		if (opt->type == CONFIG_REGEX_LIST)
			(void) config_check_regex(c, s->entry, list.v[i]);
		if (opt->type == CONFIG_LIST && opt->values != NULL)
		{
			struct buf b = {0};

			if (config_text_one_of(opt->values, list.v[i], &spelling))
			{
				free(list.v[i]);
				list.v[i] = spelling;
				continue;
			}
			config_text_put_set(&b, opt->values);
			config_fail(c, s->entry, "\"%s\" is none of %s", list.v[i],
						buf_cstr(&b));
			buf_free(&b);
		}
	}
}

static void
take_number(struct config *c, struct config_slot *s, const char *value,
			const struct config_option *opt)
{
	const char *what =
		opt->type == CONFIG_MS
			? "a number of milliseconds, or a number with ms, s, m or h"
		: opt->type == CONFIG_BYTES
			? "a number of bytes, or a number with kB, MB or GB"
			: "a whole number";
	int64_t max = opt->min == 0 && opt->max == 0 ? INT64_MAX : opt->max;

	if (!config_text_number(opt->type, value, &s->num))
		config_fail(c, s->entry, "must be %s", what);
	else if (s->num < opt->min || s->num > max)
	{
		if (max == INT64_MAX)
			config_fail(c, s->entry, "must not be negative");
		else
			config_fail(c, s->entry, "must be between %lld and %lld",
						(long long) opt->min, (long long) max);
	}
}

/* Put a value into its slot; what does not fit the type is collected. */
static void
take_value(struct config *c, struct config_slot *s, const char *value,
		   const struct config_option *opt)
{
	const char *values = opt->type == CONFIG_BOOL ? "true|false" : opt->values;
	struct buf	b = {0};

	switch (opt->type)
	{
		case CONFIG_BOOL:
		case CONFIG_ENUM:
			if (values == NULL || config_text_one_of(values, value, &s->str))
				break;
			config_text_put_set(&b, values);
			config_fail(c, s->entry, "must be one of %s", buf_cstr(&b));
			buf_free(&b);
			return;
		case CONFIG_INT:
		case CONFIG_MS:
		case CONFIG_BYTES:
			take_number(c, s, value, opt);
			break;
		case CONFIG_LIST:
		case CONFIG_REGEX_LIST:
			take_list(c, s, value, opt);
			break;
		case CONFIG_STRING:
			break;
	}
	/* An empty string is one only where that can be meant. */
	if (s->str == NULL && (*value != '\0' || opt->deflt != NULL ||
						   (opt->flags & CONFIG_REQUIRED)))
		s->str = config_text_dup(value);
	if (opt->type == CONFIG_BOOL)
		s->num = strcmp(s->str, "true") == 0;
}

static size_t
index_of(const char *name)
{
	size_t						n;
	const struct config_option *table = config_table(&n);

	for (size_t i = 0; i < n; i++)
	{
		if (table[i].name != NULL && strcmp(table[i].name, name) == 0)
			return i;
	}
	fprintf(stderr, "error config: no option is called %s\n", name);
	abort();
}

const struct config_slot *
config_slot_of(const struct config *c, const char *name)
{
	return &c->slots[index_of(name)];
}

static struct config_slot *
slot_of(struct config *c, const char *name)
{
	return &c->slots[index_of(name)];
}

static void
replace(struct config_slot *s, const char *value)
{
	free(s->str);
	s->str = config_text_dup(value);
}

/* ---- checks of single options and of combinations ---- */

static void
check_required(struct config *c)
{
	size_t						n;
	const struct config_option *table = config_table(&n);

	for (size_t i = 0; i < n; i++)
	{
		const struct config_slot *s = &c->slots[i];

		if (table[i].name == NULL || !(table[i].flags & CONFIG_REQUIRED))
			continue;
		if (s->entry == NULL)
			config_fail(c, NULL, "%s: is missing", table[i].name);
		else if (s->str != NULL && *s->str == '\0')
			config_fail(c, s->entry, "is empty");
	}
}

static const char topic_chars[] = "abcdefghijklmnopqrstuvwxyz"
								  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

static void
check_names(struct config *c)
{
	static const char slot_chars[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
	const struct config_slot *s = config_slot_of(c, "topic.prefix");

	if (s->str != NULL && *s->str != '\0')
	{
		if (s->str[strspn(s->str, topic_chars)] != '\0')
			config_fail(c, s->entry,
						"may have letters, digits, '.', '_' and "
						"'-' only");
		else if (strlen(s->str) > TOPIC_PREFIX_MAX)
			config_fail(c, s->entry,
						"must be shorter than %d characters: "
						"the table's name has to fit beside it",
						TOPIC_PREFIX_MAX);
	}
	s = config_slot_of(c, "topic.delimiter");
	if (s->str == NULL || *s->str == '\0' || strlen(s->str) > 16 ||
		s->str[strspn(s->str, topic_chars)] != '\0')
		config_fail(c, s->entry,
					"must be one or more of letters, digits, "
					"'.', '_' and '-'");
	s = config_slot_of(c, "slot.name");
	if (s->str != NULL && (*s->str == '\0' || strlen(s->str) > 63 ||
						   s->str[strspn(s->str, slot_chars)] != '\0'))
		config_fail(c, s->entry, "must be 1 to 63 of a-z, 0-9 and '_'");
}

/*
 * "schema.table:column,column", without blanks, with one colon, and with
 * something on each side of colon and commas.
 */
static bool
is_key_choice(const char *s)
{
	const char *colon = strchr(s, ':');

	return s[strcspn(s, " \t\n\r")] == '\0' && colon != NULL && colon != s &&
		   strchr(colon + 1, ':') == NULL && colon[1] != ',' &&
		   strstr(colon, ",,") == NULL && s[strlen(s) - 1] != ',' &&
		   colon[1] != '\0';
}

/* Each column of a choice with its table is one regular expression. */
static void
check_key_expressions(struct config *c, const struct config_slot *s,
					  const char *choice)
{
	const char *colon = strchr(choice, ':');
	const char *column = colon + 1;

	do
	{
		struct config_strings list = {0};
		struct buf			  re = {0};
		size_t				  len = strcspn(column, ",");

		buf_put(&re, choice, (size_t) (colon - choice));
		buf_putc(&re, '.');
		buf_put(&re, column, len);
		config_text_split(buf_cstr(&re), true, &list);
		for (size_t i = 0; i < list.n; i++)
			(void) config_check_regex(c, s->entry, list.v[i]);
		config_text_free(&list);
		buf_free(&re);
		column += len;
	} while (*column++ == ',');
}

static void
check_key_columns(struct config *c)
{
	const struct config_slot *s = config_slot_of(c, "message.key.columns");
	const char				 *p = s->str != NULL ? s->str : "";

	if (*p != '\0' && p[strspn(p, "; \t\n\r")] == '\0')
		config_fail(c, s->entry,
					"names no column: write schema.table:column, or leave it "
					"out");
	while (*p != '\0')
	{
		size_t len = strcspn(p, ";");
		char  *choice = config_text_trim(p, len);

		p += len + (p[len] == ';');
		if (*choice == '\0')
		{
			free(choice);
			continue;
		}
		if (is_key_choice(choice))
			check_key_expressions(c, s, choice);
		else
			config_fail(c, s->entry,
						"\"%s\" is not schema.table:column,column; separate "
						"several of these by semicolons",
						choice);
		free(choice);
	}
}

/* Rows that are rules for columns, with a number in the name but for one. */
#define HASH_ROW "column.mask.hash.<algorithm>.with.salt.<salt>"
static const char *const rule_rows[] = {"column.mask.with.<n>.chars",
										"column.truncate.to.<n>.chars",
										HASH_ROW};

/* Aborts where there is no such row: see config.h. */
static size_t
rule_index(const char *row)
{
	static_assert(sizeof(rule_rows) / sizeof(rule_rows[0]) ==
					  sizeof(((struct config *) 0)->rules) / sizeof(char *),
				  "a place for the rules of each row");

	for (size_t i = 0; i < sizeof(rule_rows) / sizeof(rule_rows[0]); i++)
	{
		if (strcmp(rule_rows[i], row) == 0)
			return i;
	}
	abort();
}

bool
config_put_rule(struct config *c, const struct config_entry *e, long n,
				struct buf *out)
{
	struct config_strings list = {0};
	bool				  names_any;

	if (strchr(e->value, ';') != NULL)
	{
		config_fail(c, e, "must not have a semicolon; write . for it");
		return false;
	}
	config_text_split(e->value, true, &list);
	for (size_t i = 0; i < list.n; i++)
		(void) config_check_regex(c, e, list.v[i]);
	names_any = list.n > 0;
	if (!names_any)
		config_warn(c, e, "names no columns: no value is altered");
	else
		buf_printf(out, "%s%ld:%s", out->len > 0 ? ";" : "", n, e->value);
	config_text_free(&list);
	return names_any;
}

static void
put_rule_of_chars(struct config *c, const struct config_entry *e,
				  struct buf *out)
{
	const char *number = e->name + strcspn(e->opt->name, "<");
	char	   *end;
	long		n = strtol(number, &end, 10);

	if (*number < '0' || *number > '9' || strcmp(end, ".chars") != 0 ||
		n > WIRE_CHARS_MAX)
		config_fail(c, e, "must have a number from 0 to %d in its name",
					WIRE_CHARS_MAX);
	else
		(void) config_put_rule(c, e, n, out);
}

static void
check_column_rules(struct config *c)
{
	for (size_t row = 0; row < sizeof(rule_rows) / sizeof(rule_rows[0]); row++)
	{
		struct buf rules = {0};
		bool	   hash = strcmp(rule_rows[row], HASH_ROW) == 0;

		if (hash)
			config_hash_build(c, &rules);
		for (size_t i = 0; !hash && i < c->nentries; i++)
		{
			const struct config_entry *e = &c->entries[i];

			if (e->opt != NULL && strcmp(e->opt->name, rule_rows[row]) == 0 &&
				e->value != NULL && config_winner(c, e->name) == e)
				put_rule_of_chars(c, e, &rules);
		}
		if (rules.len > 0)
			c->rules[row] = config_text_dup(buf_cstr(&rules));
		buf_free(&rules);
	}
}

/* One for all hosts, or one for each, as libpq has it. */
static void
check_ports(struct config *c)
{
	const struct config_slot *s = config_slot_of(c, "database.port");
	const char *hosts = config_slot_of(c, "database.hostname")->str;
	size_t		nhosts = 1;
	bool		whole = s->nlist > 0;
	bool		in_range = true;

	for (size_t i = 0; i < s->nlist; i++)
	{
		int64_t port;

		if (!config_text_number(CONFIG_INT, s->list[i], &port))
			whole = false;
		else if (port < 1 || port > 65535)
			in_range = false;
	}
	for (const char *p = hosts; p != NULL && *p; p++)
		nhosts += *p == ',';
	if (!whole)
		config_fail(c, s->entry, "must be a whole number");
	else if (!in_range)
		config_fail(c, s->entry, "must be between 1 and 65535");
	else if (s->nlist > 1 && s->nlist != nhosts)
		config_fail(c, s->entry,
					"must be one port, or one for each host of "
					"database.hostname");
}

static void
check_lists(struct config *c)
{
	static const char *const  kinds[] = {"schema", "table", "column",
										 "message.prefix"};
	const struct config_slot *ops = config_slot_of(c, "skipped.operations");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
	{
		char					  include[64];
		char					  exclude[64];
		const struct config_slot *s;

		snprintf(include, sizeof(include), "%s.include.list", kinds[i]);
		snprintf(exclude, sizeof(exclude), "%s.exclude.list", kinds[i]);
		s = config_slot_of(c, exclude);
		if (s->nlist > 0 && config_slot_of(c, include)->nlist > 0)
			config_fail(c, s->entry, "cannot be used together with %s",
						include);
	}
	for (size_t i = 0; ops->nlist > 1 && i < ops->nlist; i++)
	{
		if (strcmp(ops->list[i], "none") == 0)
			config_fail(c, ops->entry, "none stands alone");
	}
}

/*
 * Why 'name' is no option of the plugin to be given here, for config_fail();
 * NULL if it is one.  The plugin takes no option twice, and the stream must be
 * one that the forwarder reads.
 */
static const char *
why_no_stream_param(const struct config *c, const char *name)
{
	static const struct
	{
		const char *name;
		const char *why;
	} taken[] = {
		{"protocol_version", "the forwarder states what it can read"},
		{"streaming", "the forwarder reads whole transactions only"},
		{"operations", "use skipped.operations"},
		{"skip_unchanged", "use skip.messages.without.change"},
		{"partition_root", "use publish.via.partition.root"},
		{"unique_keys", "use compatibility"},
		{"include_schemas", "use schema.include.list"},
		{"exclude_schemas", "use schema.exclude.list"},
		{"include_tables", "use table.include.list"},
		{"exclude_tables", "use table.exclude.list"},
		{"include_columns", "use column.include.list"},
		{"exclude_columns", "use column.exclude.list"},
		{"key_columns", "use message.key.columns"},
		{"mask_columns", "use column.mask.with.<n>.chars"},
		{"truncate_columns", "use column.truncate.to.<n>.chars"},
		{"hash_columns", "use column.mask.hash.<algorithm>.with.salt.<salt>"},
		{"include_message_prefixes", "use message.prefix.include.list"},
		{"exclude_message_prefixes", "use message.prefix.exclude.list"},
	};

	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
	{
		if (strcmp(taken[i].name, name) == 0)
			return taken[i].why;
	}
	for (size_t i = 0; i < c->nstream; i++)
	{
		if (strcmp(c->stream[i].name, name) == 0)
			return "it is there twice";
	}
	return NULL;
}

static void
check_stream_params(struct config *c)
{
	const struct config_slot *s = config_slot_of(c, "slot.stream.params");
	const char				 *p = s->str != NULL ? s->str : "";

	while (*p != '\0')
	{
		size_t n = strcspn(p, ";");
		char  *pair = config_text_trim(p, n);
		char  *eq = strchr(pair, '=');

		if (*pair != '\0' && (eq == NULL || eq == pair))
			config_fail(c, s->entry, "must be name=value;name=value");
		else if (*pair != '\0')
		{
			char	   *name = config_text_trim(pair, (size_t) (eq - pair));
			const char *why = why_no_stream_param(c, name);

			if (why != NULL)
				config_fail(c, s->entry, "cannot have %s: %s", name, why);
			c->stream = config_text_realloc(c->stream, (c->nstream + 1) *
														   sizeof(*c->stream));
			c->stream[c->nstream++] = (struct config_setting){
				.name = name,
				.value = config_text_trim(eq + 1, strlen(eq + 1)),
			};
		}
		free(pair);
		p += n + (p[n] == ';');
	}
}

/* "hex:" and digits are bytes; they replace the digits in the slot. */
static void
check_placeholder(struct config *c)
{
	struct config_slot *s = slot_of(c, "unavailable.value.placeholder");
	struct buf			bytes = {0};
	const char		   *p;
	bool				ok;

	if (s->str == NULL || strncmp(s->str, "hex:", 4) != 0)
		return;
	p = s->str + 4;
	ok = *p != '\0' && strlen(p) % 2 == 0;
	for (; ok && *p != '\0'; p += 2)
	{
		char pair[3] = {p[0], p[1], '\0'};
		long v;

		ok = isxdigit((unsigned char) p[0]) && isxdigit((unsigned char) p[1]);
		v = ok ? strtol(pair, NULL, 16) : 0;
		ok = ok && v != 0;
		buf_putc(&bytes, (char) v);
	}
	if (ok && config_text_utf8_valid(buf_cstr(&bytes), bytes.len) < bytes.len)
		ok = false;
	if (ok)
		replace(s, buf_cstr(&bytes));
	else
		config_fail(c, s->entry,
					"after hex: there must be pairs of "
					"hexadecimal digits that make UTF-8 text without zero "
					"bytes");
	buf_free(&bytes);
}

/* Defaults and settings that depend on whose events they are to be. */
static void
check_compatibility(struct config *c)
{
	static const char *const replace_null[] = {
		"key.converter.replace.null.with.default",
		"value.converter.replace.null.with.default",
	};
	const struct config_slot *unknown;

	if (!config_is(c, "compatibility", "debezium"))
	{
		unknown = config_slot_of(c, "include.unknown.datatypes");
		if (unknown->num != 0)
			config_idle(c, unknown->entry,
						"columns of unknown types are always there, as text; "
						"as bytes they are with compatibility=debezium");
		return;
	}
	for (size_t i = 0; i < sizeof(replace_null) / sizeof(replace_null[0]); i++)
	{
		struct config_slot *s = slot_of(c, replace_null[i]);

		if (s->entry == NULL)
		{
			replace(s, "true");
			s->num = 1;
		}
	}
}

static void
check_special(struct config *c)
{
	struct config_slot *s;

	s = slot_of(c, "plugin.name");
	if (s->str != NULL && strcmp(s->str, "walferry") != 0)
	{
		config_warn(c, s->entry,
					"%s is not used; the slot is read through "
					"the walferry plugin",
					s->str);
		replace(s, "walferry");
	}
	s = slot_of(c, "snapshot.mode");
	if (s->str != NULL)
		replace(s, "no_data");
	s = slot_of(c, "max.queue.size.in.bytes");
	if (s->num < 65536)
	{
		if (s->num != 0)
			config_warn(c, s->entry,
						"is too little to work with; 65536 is "
						"used");
		else
			config_warn(c, s->entry,
						"no limit is not offered; the default "
						"of 4194304 is used");
		s->num = s->num != 0 ? 65536 : 4194304;
	}
	if (config_slot_of(c, "retriable.restart.connector.wait.ms")->num >
		config_slot_of(c, "walferry.retry.backoff.max.ms")->num)
	{
		s = slot_of(c, "walferry.retry.backoff.max.ms");
		if (s->entry != NULL)
			config_fail(c, s->entry,
						"must not be less than "
						"retriable.restart.connector.wait.ms");
		else
			s->num = config_slot_of(c, "retriable.restart.connector.wait.ms")
						 ->num;
	}
	s = slot_of(c, "name");
	if (s->str == NULL && config_slot_of(c, "topic.prefix")->str != NULL)
		s->str = config_text_dup(config_slot_of(c, "topic.prefix")->str);
}

/* What was given and is not just the default has no effect. */
static void
idle_if_given(struct config *c, const char *name, const char *note)
{
	const struct config_slot *s = config_slot_of(c, name);

	if (s->entry != NULL && s->entry->value != NULL &&
		!means(s->entry->opt, s->entry->value, s->entry->opt->deflt))
		config_idle(c, s->entry, note);
}

/*
 * Whether events carry their schema, and what has no effect where none does.
 * Debezium Server has names of its own for the converters' settings.
 */
static void
check_schemas(struct config *c)
{
	static const struct
	{
		const char *name;
		const char *server;
	} parts[] = {
		{"key.converter.schemas.enable", "debezium.format.key.schemas.enable"},
		{"value.converter.schemas.enable",
		 "debezium.format.value.schemas.enable"},
	};
	bool any = false;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
	{
		struct config_slot		 *s = slot_of(c, parts[i].name);
		const struct config_slot *from = config_slot_of(c, parts[i].server);

		if (from->entry == NULL)
			from = config_slot_of(c, "debezium.format.schemas.enable");
		if (s->entry == NULL && from->entry != NULL)
		{
			replace(s, from->str);
			s->num = from->num;
		}
		any |= s->num != 0;
	}
	if (!any)
		idle_if_given(c, "schema.name.adjustment.mode",
					  "neither key.converter.schemas.enable nor "
					  "value.converter.schemas.enable is true");
	if (config_slot_of(c, "value.converter.schemas.enable")->num == 0)
	{
		static const char *const note = "value.converter.schemas.enable is "
										"not true";

		idle_if_given(c, "column.propagate.source.type", note);
		idle_if_given(c, "datatype.propagate.source.type", note);
	}
}

/* Which of the two ways of delivery, and whether a position is stored. */
static void
check_delivery(struct config *c)
{
	struct config_slot *once = slot_of(c, "exactly.once");
	struct config_slot *support = slot_of(c, "exactly.once.support");
	struct config_slot *store = slot_of(c, "walferry.position.store");

	if (support->str != NULL && strcmp(support->str, "required") == 0)
	{
		if (once->entry != NULL && once->num == 0)
			config_fail(c, support->entry,
						"contradicts exactly.once=false (%s)",
						once->entry->origin);
		else
		{
			if (once->entry == NULL)
				once->entry = support->entry;
			once->num = 1;
			replace(once, "true");
		}
	}
	if (config_slot_of(c, "walferry.sink")->str != NULL &&
		strcmp(config_slot_of(c, "walferry.sink")->str, "stdout") == 0)
	{
		if (once->num != 0)
			config_warn(c, once->entry,
						"has no effect: with walferry.sink=stdout nothing is "
						"stored");
		once->num = 0;
		replace(once, "false");
		if (store->entry != NULL && store->str != NULL &&
			strcmp(store->str, "topic") == 0)
			config_idle(c, store->entry,
						"with walferry.sink=stdout nothing is stored");
		replace(store, "slot");
	}
	else if (once->num != 0)
	{
		if (store->entry == NULL)
			store->entry = once->entry;
		else if (store->str != NULL && strcmp(store->str, "slot") == 0)
			config_fail(c, store->entry,
						"cannot be slot with exactly.once, whose position is "
						"in the topic; remove it");
		replace(store, "topic");
	}
}

/* A name of the form <topic.prefix>.<schema>.<table>, or of such a kind. */
static bool
is_event_topic(const struct config *c, const char *topic)
{
	const char *prefix = config_slot_of(c, "topic.prefix")->str;
	const char *delimiter = config_slot_of(c, "topic.delimiter")->str;
	const char *last = config_slot_of(c, "topic.transaction")->str;
	const char *rest = topic;

	if (!has_prefix(rest, prefix))
		return false;
	rest += strlen(prefix);
	if (!has_prefix(rest, delimiter))
		return false;
	rest += strlen(delimiter);
	if (last != NULL && strcmp(rest, last) == 0 &&
		config_slot_of(c, "provide.transaction.metadata")->num != 0)
		return true;
	return strcmp(rest, "message") == 0 || strcmp(rest, "transaction") == 0 ||
		   strstr(rest, delimiter) != NULL;
}

/* Its value came by a reference. */
static bool
is_hidden(const struct config *c, const char *name)
{
	const struct config_entry *e = config_slot_of(c, name)->entry;

	return e != NULL && e->hidden;
}

static void
check_position_topic(struct config *c)
{
	struct config_slot *s = slot_of(c, "offsets.storage.topic");
	struct buf			made = {0};
	const char		   *topic = s->str;
	const char		   *prefix = config_slot_of(c, "topic.prefix")->str;
	const char		   *slot = config_slot_of(c, "slot.name")->str;

	/* Of what is wrong with these, others have told. */
	if (prefix == NULL || strlen(prefix) > TOPIC_PREFIX_MAX || slot == NULL ||
		strlen(slot) > 63 || config_slot_of(c, "topic.delimiter")->str == NULL)
		return;
	buf_printf(&made, "%s.%s.offsets", prefix, slot);
	if (topic == NULL)
	{
		if (made.len > TOPIC_MAX)
			config_fail(c, NULL,
						"offsets.storage.topic: is needed: "
						"<topic.prefix>.<slot.name>.offsets would have %zu "
						"characters, more than %d",
						made.len, TOPIC_MAX);
		replace(s, buf_cstr(&made));
		s->hidden = is_hidden(c, "topic.prefix") || is_hidden(c, "slot.name");
	}
	else if (topic[strspn(topic, topic_chars)] != '\0' ||
			 strcmp(topic, ".") == 0 || strcmp(topic, "..") == 0)
		config_fail(c, s->entry,
					"must be the name of a topic: letters, digits, '.', '_' "
					"and '-'");
	else if (strlen(topic) > TOPIC_MAX)
		config_fail(c, s->entry, "must not have more than %d characters",
					TOPIC_MAX);
	else if (strcmp(topic, buf_cstr(&made)) != 0 && is_event_topic(c, topic))
		config_fail(c, s->entry,
					"has the form of a topic of events; choose a name that "
					"does not begin with topic.prefix");
	buf_free(&made);
}

/*
 * [a-z&&[^b]], and [a[bc]]: to PCRE2, which looks for what is renamed, these
 * are other characters.
 */
static bool
has_set_of_sets(const char *regex)
{
	bool in_class = false;

	for (const char *p = regex; *p != '\0'; p++)
	{
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (in_class && (*p == '[' || (*p == '&' && p[1] == '&')))
			return true;
		else if (*p == '[')
			in_class = true;
		else if (*p == ']')
			in_class = false;
	}
	return false;
}

/* An expression of names and its replacement.  True: both are there. */
static bool
check_rename(struct config *c, const char *regex_name,
			 const char *replacement_name)
{
	const struct config_slot *regex = config_slot_of(c, regex_name);
	const struct config_slot *replacement = config_slot_of(c,
														   replacement_name);
	struct rename			 *r;
	struct buf				  error = {0};

	if (regex->str == NULL || regex->str[0] == '\0')
	{
		idle_if_given(c, replacement_name,
					  "there is no expression that it belongs to");
		return false;
	}
	if (!config_check_regex(c, regex->entry, regex->str))
		return false;
	if (has_set_of_sets(regex->str))
	{
		config_fail(c, regex->entry,
					"has a class within a class, or && in one, which only "
					"Java knows; write all of its characters");
		return false;
	}
	if (replacement->str == NULL || replacement->str[0] == '\0')
	{
		config_fail(c, regex->entry, "needs %s as well", replacement_name);
		return false;
	}
	r = rename_new(regex->str, replacement->str, &error);
	if (r == NULL)
		config_fail(c, replacement->entry, "%s", buf_cstr(&error));
	rename_free(r);
	buf_free(&error);
	return true;
}

/* topic.naming.strategy, and what goes with it. */
static void
check_naming(struct config *c)
{
	static const char *const details[] = {
		"topic.regex",			 "topic.replacement",
		"topic.key.field.name",	 "topic.key.enforce.uniqueness",
		"topic.key.field.regex", "topic.key.field.replacement",
	};
	const struct config_slot *s = config_slot_of(c, "topic.naming.strategy");

	if (s->str == NULL || strstr(s->str, "Regex") == NULL)
	{
		for (size_t i = 0; i < sizeof(details) / sizeof(details[0]); i++)
			idle_if_given(c, details[i],
						  "topic.naming.strategy names no class with Regex");
		return;
	}
	if (!check_rename(c, "topic.regex", "topic.replacement") &&
		config_slot_of(c, "topic.regex")->entry == NULL)
		config_fail(c, s->entry, "needs topic.regex and topic.replacement");
	(void) check_rename(c, "topic.key.field.regex",
						"topic.key.field.replacement");
	s = config_slot_of(c, "topic.key.field.name");
	if (s->str == NULL || s->str[0] == '\0')
		config_fail(c, s->entry, "must not be empty");
}

/* The topic of BEGIN and END; those of tables are looked at as they come. */
static void
check_transaction_topic(struct config *c)
{
	const struct config_slot *s = config_slot_of(c, "topic.transaction");
	const char				 *prefix = config_slot_of(c, "topic.prefix")->str;
	const char *delimiter = config_slot_of(c, "topic.delimiter")->str;
	const char *slot = config_slot_of(c, "slot.name")->str;
	const char *stored = config_slot_of(c, "offsets.storage.topic")->str;
	struct buf	made = {0};
	struct buf	messages = {0};
	struct buf	positions = {0};

	if (config_slot_of(c, "provide.transaction.metadata")->num == 0)
	{
		idle_if_given(c, "topic.transaction",
					  "without provide.transaction.metadata there is no topic "
					  "of transactions");
		return;
	}

	/* Of what is wrong with these, others have told. */
	if (prefix == NULL || delimiter == NULL || slot == NULL)
		return;
	if (s->str == NULL || s->str[0] == '\0' ||
		s->str[strspn(s->str, topic_chars)] != '\0')
	{
		config_fail(c, s->entry,
					"must be one or more of letters, digits, '.', '_' and "
					"'-'");
		return;
	}
	buf_printf(&made, "%s%s%s", prefix, delimiter, s->str);
	buf_printf(&messages, "%s.message", prefix);

	/* No other name of such a form is let through for them. */
	buf_printf(&positions, "%s.%s.offsets", prefix, slot);
	if (made.len > TOPIC_MAX)
		config_fail(c, s->entry,
					"the transaction topic's name would have %zu characters, "
					"more than %d",
					made.len, TOPIC_MAX);
	else if (strcmp(buf_cstr(&made), buf_cstr(&messages)) == 0 ||
			 (strcmp(buf_cstr(&made), buf_cstr(&positions)) == 0 &&
			  stored != NULL && strcmp(buf_cstr(&made), stored) == 0))
		config_fail(c, s->entry,
					"%s is the topic of something else; transactions need "
					"one of their own",
					buf_cstr(&made));
	buf_free(&made);
	buf_free(&messages);
	buf_free(&positions);
}

/* Settles the heartbeats' topic, as topic.heartbeat.name. */
static void
check_heartbeat(struct config *c)
{
	struct config_slot		 *s = slot_of(c, "topic.heartbeat.name");
	struct config_slot		 *first = slot_of(c, "topic.heartbeat.prefix");
	const struct config_slot *old = config_slot_of(c,
												   "heartbeat.topics.prefix");
	const char				 *prefix = config_slot_of(c, "topic.prefix")->str;
	const char *delimiter = config_slot_of(c, "topic.delimiter")->str;
	const char *positions = config_slot_of(c, "offsets.storage.topic")->str;
	struct buf	made = {0};

	if (config_slot_of(c, "heartbeat.interval.ms")->num == 0)
	{
		idle_if_given(c, "heartbeat.action.query",
					  "without heartbeat.interval.ms there are no heartbeats");
		return;
	}
	if (first->entry == NULL && old->entry != NULL && old->str != NULL)
	{
		first->entry = old->entry;
		replace(first, old->str);
	}

	/* Of what is wrong with these, others have told. */
	if (prefix == NULL || delimiter == NULL || first->str == NULL)
		return;
	if (s->str == NULL)
	{
		buf_printf(&made, "%s%s%s", first->str, delimiter, prefix);
		s->entry = first->entry;
		replace(s, buf_cstr(&made));
		s->hidden = is_hidden(c, "topic.prefix");
		buf_free(&made);
	}
	if (s->str[strspn(s->str, topic_chars)] != '\0' || s->str[0] == '\0' ||
		strcmp(s->str, ".") == 0 || strcmp(s->str, "..") == 0)
		config_fail(c, s->entry,
					"must make the name of a topic: letters, digits, '.', "
					"'_' and '-'");
	else if (strlen(s->str) > TOPIC_MAX)
		config_fail(c, s->entry,
					"the heartbeat topic's name would have %zu characters, "
					"more than %d",
					strlen(s->str), TOPIC_MAX);
	else if (is_event_topic(c, s->str) ||
			 (positions != NULL && strcmp(s->str, positions) == 0))
		config_fail(c, s->entry,
					"%s is the topic of something else; heartbeats need one "
					"of their own",
					s->str);
}

/* Is the option's number one that its row allows? */
static bool
within_limits(const struct config *c, const char *name)
{
	int64_t n = config_slot_of(c, name)->num;
	size_t	unused;

	return n >= config_table(&unused)[index_of(name)].min &&
		   n <= config_table(&unused)[index_of(name)].max;
}

/* Times within a Kafka transaction; after config_kafka_build(). */
static void
check_transactions(struct config *c)
{
	struct config_slot *interval = slot_of(c,
										   "walferry.transaction.interval.ms");
	struct config_slot *split = slot_of(c, "walferry.transaction.split.ms");
	int64_t				timeout = 0;
	char				digits[32];

	for (size_t i = 0; i < c->nkafka; i++)
	{
		if (strcmp(c->kafka[i].name, "transaction.timeout.ms") == 0)
			timeout = strtoll(c->kafka[i].value, NULL, 10);
	}
	if (interval->num > timeout / 2 &&
		within_limits(c, "walferry.transaction.interval.ms"))
		config_fail(c, interval->entry,
					"must be at most half of transaction.timeout.ms, which "
					"is %lld",
					(long long) timeout);
	if (split->num == 0)
	{
		split->num = timeout / 2;
		snprintf(digits, sizeof(digits), "%lld", (long long) split->num);
		replace(split, digits);
	}
	else if (split->num >= timeout &&
			 within_limits(c, "walferry.transaction.split.ms"))
		config_fail(c, split->entry,
					"must be less than transaction.timeout.ms, which is %lld",
					(long long) timeout);
}

/* What only speaks of stored positions and Kafka transactions. */
static void
check_position(struct config *c)
{
	static const char *const of_transactions[] = {
		"walferry.transaction.interval.ms",
		"walferry.transaction.max.bytes",
		"walferry.transaction.split.ms",
	};
	static const char not_stored[] = "no position is stored in a topic";
	const struct config_slot
		*strategy = config_slot_of(c, "offset.mismatch.strategy");
	const struct config_slot
		*store = config_slot_of(c, "walferry.position.store");
	const struct config_slot *drop = config_slot_of(c, "slot.drop.on.stop");
	bool stored = store->str != NULL && strcmp(store->str, "topic") == 0;
	const char *how = strategy->str != NULL ? strategy->str : "fail";

	if (config_slot_of(c, "exactly.once")->num != 0)
		check_transactions(c);
	else
	{
		for (size_t i = 0;
			 i < sizeof(of_transactions) / sizeof(of_transactions[0]); i++)
			idle_if_given(c, of_transactions[i],
						  "there are Kafka transactions only with "
						  "exactly.once");
	}
	if (!stored)
	{
		idle_if_given(c, "offsets.storage.topic", not_stored);
		idle_if_given(c, "walferry.position.interval.ms", not_stored);

		/* These come to what happens then; one is Debezium's default. */
		if (strcmp(how, "no_validation") != 0 &&
			strcmp(how, "trust_slot") != 0)
			idle_if_given(c, "offset.mismatch.strategy", not_stored);
		return;
	}
	if (strcmp(how, "no_validation") == 0 ||
		strcmp(how, "trust_greater_lsn") == 0)
		config_fail(c, strategy->entry,
					"%s cannot be used where a position is stored: it may "
					"lose changes in silence; what works is fail, trust_slot, "
					"or walferry.position.store=slot, which stores none (not "
					"with exactly.once)",
					how);
	if (drop->num != 0)
		config_fail(c, drop->entry,
					"cannot be used where a position is stored, which makes "
					"the next start refuse a slot that is gone; what works is "
					"walferry.position.store=slot (not with exactly.once)");
	check_position_topic(c);
}

static void
make_announcements(struct config *c)
{
	if (config_slot_of(c, "snapshot.mode")->entry == NULL)
		announce(c, "snapshots are not built yet: rows that are in the tables "
					"before the slot exists are not carried, changes only "
					"(snapshot.mode=no_data says so and silences this)");
	if (config_slot_of(c, "value.converter.schemas.enable")->entry == NULL &&
		config_slot_of(c, "debezium.format.schemas.enable")->entry == NULL &&
		config_slot_of(c, "debezium.format.value.schemas.enable")->entry ==
			NULL)
		announce(c,
				 "events are JSON without schema; Kafka Connect's default "
				 "is with (value.converter.schemas.enable=false says so and "
				 "silences this, true is as there)");
}

/* Entries whose name has a part of the user's own. */
static void
check_patterns(struct config *c)
{
	for (size_t i = 0; i < c->nentries; i++)
	{
		const struct config_entry *e = &c->entries[i];

		if (e->opt != NULL && config_table_is_pattern(e->opt) &&
			e->value != NULL && config_winner(c, e->name) == e)
			check_stance(c, e);
	}
}

/*
 * "converters=isbn" brings "isbn.type" and the like, names that only the
 * refused option makes known.
 */
static bool
belongs_to_converter(struct config *c, const struct config_entry *e)
{
	const struct config_entry *list = config_winner(c, "converters");
	struct config_strings	   names = {0};
	bool					   found = false;

	if (list == NULL)
		return false;
	config_text_split(list->raw, false, &names);
	for (size_t i = 0; i < names.n; i++)
	{
		size_t n = strlen(names.v[i]);

		if (strncmp(e->name, names.v[i], n) == 0 && e->name[n] == '.')
			found = true;
	}
	config_text_free(&names);
	return found;
}

bool
config_check(struct config *c)
{
	size_t						n;
	const struct config_option *table = config_table(&n);
	struct config_entry		   *lenient;
	bool						unknown_fails;

	for (size_t i = 0; i < c->nentries; i++)
		classify(&c->entries[i]);
	lenient = config_winner(c, "walferry.unknown.properties");
	unknown_fails = lenient == NULL || strcasecmp(lenient->raw, "warn") != 0;
	for (size_t i = 0; i < c->nentries; i++)
	{
		struct config_entry *e = &c->entries[i];

		/* A kafka_name without an entry is an unknown client setting. */
		if (e->opt == NULL && e->kafka == NULL)
		{
			if (!belongs_to_converter(c, e))
				check_unknown(c, e, unknown_fails);
			e->kafka_name = NULL;
		}
		else if (e->kafka != NULL || config_winner(c, e->name) == e)
			resolve(c, e);
	}

	for (size_t i = 0; i < n; i++)
	{
		struct config_slot		   *s = &c->slots[i];
		const struct config_option *opt = &table[i];
		const char				   *value = opt->deflt;

		if (opt->name == NULL || config_table_is_pattern(opt))
			continue;
		s->entry = config_winner(c, opt->name);
		if (s->entry != NULL && s->entry->value != NULL)
		{
			/* An empty value stands for the default, as in Kafka Connect. */
			if (*s->entry->value == '\0' && opt->type != CONFIG_STRING)
				s->entry = NULL;
			else if (check_stance(c, s->entry))
				value = s->entry->value;
		}
		/* What has no effect is not worth being right. */
		if (value != NULL && opt->stance != CONFIG_NO_EFFECT)
			take_value(c, s, value, opt);
	}
	check_patterns(c);
	check_required(c);
	check_names(c);
	check_key_columns(c);
	check_column_rules(c);
	check_ports(c);
	check_lists(c);
	check_stream_params(c);
	check_placeholder(c);
	check_special(c);
	check_compatibility(c);
	check_schemas(c);
	check_delivery(c);
	config_topic_build(c);
	config_kafka_build(c);
	check_position(c);
	check_heartbeat(c);
	check_transaction_topic(c);
	check_naming(c);
	warn_idle(c);
	make_announcements(c);
	return c->errors.n == 0;
}

/* ---- getters ---- */

static const struct config_slot *
typed_slot(const struct config *c, const char *name, bool fits,
		   const char *type)
{
	if (!fits)
	{
		fprintf(stderr, "error config: %s is not %s\n", name, type);
		abort();
	}
	return config_slot_of(c, name);
}

static enum config_type
type_of(const char *name)
{
	size_t n;

	return config_table(&n)[index_of(name)].type;
}

const char *
config_str(const struct config *c, const char *name)
{
	return typed_slot(c, name, !is_number(type_of(name)), "a string")->str;
}

int64_t
config_int(const struct config *c, const char *name)
{
	return typed_slot(c, name, is_number(type_of(name)), "a number")->num;
}

bool
config_bool(const struct config *c, const char *name)
{
	return typed_slot(c, name, type_of(name) == CONFIG_BOOL, "a boolean")
			   ->num != 0;
}

bool
config_is(const struct config *c, const char *name, const char *value)
{
	const char *s = config_str(c, name);

	return s != NULL && strcmp(s, value) == 0;
}

bool
config_is_set(const struct config *c, const char *name)
{
	return config_slot_of(c, name)->entry != NULL;
}

const char *const *
config_list(const struct config *c, const char *name, size_t *n)
{
	enum config_type		  type = type_of(name);
	const struct config_slot *s;

	s = typed_slot(c, name, type == CONFIG_LIST || type == CONFIG_REGEX_LIST,
				   "a list");
	*n = s->nlist;
	return s->nlist > 0 ? (const char *const *) s->list : NULL;
}

const char *
config_column_rules(const struct config *c, const char *name)
{
	return c->rules[rule_index(name)];
}

bool
config_list_names(const struct config *c, const char *list, const char *name)
{
	size_t			   n;
	const char *const *patterns = config_list(c, list, &n);

	for (size_t i = 0; i < n; i++)
	{
		if (config_text_regex_match(patterns[i], name))
			return true;
	}
	return false;
}

bool
config_column_rules_name(const struct config *c, const char *row,
						 const char *name)
{
	const char *p = c->rules[rule_index(row)];
	bool		found = false;

	/* 5:s.t.a,s.t.b;10:s.u.c */
	while (p != NULL && *p != '\0' && !found)
	{
		size_t				  n = strcspn(p, ";");
		char				 *rule = config_text_dupn(p, n);
		struct config_strings list = {0};

		config_text_split(strchr(rule, ':') + 1, true, &list);
		for (size_t i = 0; i < list.n && !found; i++)
			found = config_text_regex_match(list.v[i], name);
		config_text_free(&list);
		free(rule);
		p += n + (p[n] == ';');
	}
	return found;
}

const struct config_setting *
config_stream_params(const struct config *c, size_t *n)
{
	*n = c->nstream;
	return c->stream;
}

void
config_position_topic(const struct config *c, struct buf *out)
{
	const char *topic = config_str(c, "offsets.storage.topic");

	if (topic != NULL)
		buf_puts(out, topic);
	else
		buf_printf(out, "%s.%s.offsets", config_str(c, "topic.prefix"),
				   config_str(c, "slot.name"));
}

static bool
same_slot(const struct config_slot *a, const struct config_slot *b)
{
	return a->num == b->num && (a->str == NULL) == (b->str == NULL) &&
		   (a->str == NULL || strcmp(a->str, b->str) == 0);
}

static bool
same_rules(const struct config *a, const struct config *b, size_t row)
{
	const char *x = a->rules[row];
	const char *y = b->rules[row];

	return x == NULL || y == NULL ? x == y : strcmp(x, y) == 0;
}

void
config_adopt(struct config *c, const struct config *fresh, struct buf *restart)
{
	size_t						n;
	const struct config_option *table = config_table(&n);
	bool						clients_differ = c->nkafka != fresh->nkafka;

	for (size_t i = 0; i < n; i++)
	{
		struct config_slot *s = &c->slots[i];

		if (table[i].name == NULL || same_slot(s, &fresh->slots[i]))
			continue;
		if (table[i].flags & CONFIG_RELOAD)
		{
			s->num = fresh->slots[i].num;
			if (fresh->slots[i].str != NULL)
				replace(s, fresh->slots[i].str);
		}
		else
			buf_printf(restart, "%s%s", restart->len > 0 ? ", " : "",
					   table[i].name);
	}
	for (size_t row = 0; row < sizeof(rule_rows) / sizeof(rule_rows[0]); row++)
	{
		if (!same_rules(c, fresh, row) ||
			(strcmp(rule_rows[row], HASH_ROW) == 0 &&
			 !config_hash_same(c, fresh)))
			buf_printf(restart, "%s%s", restart->len > 0 ? ", " : "",
					   rule_rows[row]);
	}
	for (size_t i = 0; i < c->nkafka && !clients_differ; i++)
		clients_differ = strcmp(c->kafka[i].name, fresh->kafka[i].name) != 0 ||
						 strcmp(c->kafka[i].value, fresh->kafka[i].value) != 0;
	if (clients_differ)
		buf_printf(restart, "%sKafka client settings",
				   restart->len > 0 ? ", " : "");
}
