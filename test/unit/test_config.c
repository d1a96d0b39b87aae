/* links: config config_table config_kafka config_topic config_print */
/* links: config_properties config_json config_text config_hash config_salted mask_hash rename buf javaregex */
/* libs: jansson libpcre2-8 libcrypto */
/*
 * The configuration as its users see it: precedence, references, what each
 * stance of the table lets through, and that no secret ever shows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_part.h"
#include "mask_hash.h"

/* The least that can be run. */
#define BASE                 \
	"database.hostname=db\n" \
	"database.user=u\n"      \
	"database.dbname=d\n"    \
	"topic.prefix=p\n"       \
	"bootstrap.servers=k:9092\n"

static char scratch[] = "/tmp/walferry-config-XXXXXX";

static struct config *
load(const char *text)
{
	struct config *c = config_new();

	assert_true(config_load_text(c, "f", text, strlen(text)));
	return c;
}

static void
show_errors(const struct config *c)
{
	for (size_t i = 0; i < config_error_count(c); i++)
		print_message("error: %s\n", config_error(c, i));
}

/* A checked configuration of BASE and 'more', which must be right. */
static struct config *
good(const char *more)
{
	struct buf	   text = {0};
	struct config *c;

	buf_printf(&text, "%s%s", BASE, more);
	c = load(buf_cstr(&text));
	if (!config_check(c))
	{
		show_errors(c);
		fail_msg("refused: %s", more);
	}
	buf_free(&text);
	return c;
}

static bool
has_line(size_t n, const char *(*get)(const struct config *, size_t),
		 const struct config *c, const char *part)
{
	for (size_t i = 0; i < n; i++)
	{
		if (strstr(get(c, i), part) != NULL)
			return true;
	}
	return false;
}

/* BASE and 'more' must give exactly one error, which holds 'part'. */
static void
refused(const char *more, const char *part)
{
	struct buf	   text = {0};
	struct config *c;

	buf_printf(&text, "%s%s", BASE, more);
	c = load(buf_cstr(&text));
	assert_false(config_check(c));
	if (config_error_count(c) != 1 || strstr(config_error(c, 0), part) == NULL)
	{
		show_errors(c);
		fail_msg("%s: wanted one error with \"%s\"", more, part);
	}
	/* place and name */
	assert_ptr_equal(strstr(config_error(c, 0), "f:6: "), config_error(c, 0));
	config_free(c);
	buf_free(&text);
}

/* BASE and 'more' must be right and give a warning that holds 'part'. */
static void
warned(const char *more, const char *part)
{
	struct config *c = good(more);

	if (!has_line(config_warning_count(c), config_warning, c, part))
	{
		for (size_t i = 0; i < config_warning_count(c); i++)
			print_message("warning: %s\n", config_warning(c, i));
		fail_msg("%s: wanted a warning with \"%s\"", more, part);
	}
	config_free(c);
}

static void
accepted_in_silence(const char *more)
{
	struct config *c = good(more);

	if (config_warning_count(c) != 0)
		fail_msg("%s: %s", more, config_warning(c, 0));
	config_free(c);
}

static char *
write_file(const char *name, const char *text)
{
	static char path[128];
	FILE	   *f;

	snprintf(path, sizeof(path), "%s/%s", scratch, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return path;
}

static char *
printed(const struct config *c)
{
	struct buf b = {0};
	char	  *s;

	config_print(c, &b);
	s = config_text_dup(buf_cstr(&b));
	buf_free(&b);
	return s;
}

/* ---- the table ---- */

/* Debezium's properties, section by section of its documentation. */
static const char *const debezium_names[] = {
	/* required, connection */
	"name",
	"connector.class",
	"tasks.max",
	"database.hostname",
	"database.port",
	"database.user",
	"database.password",
	"database.dbname",
	"topic.prefix",
	/* replication */
	"plugin.name",
	"slot.name",
	"slot.drop.on.stop",
	"slot.failover",
	"slot.stream.params",
	"slot.max.retries",
	"slot.retry.delay.ms",
	"offset.mismatch.strategy",
	"internal.slot.seek.to.known.offset.on.start",
	"internal.create.slot.command.timeout",
	"publication.name",
	"publication.autocreate.mode",
	"publish.via.partition.root",
	"replica.identity.autoset.values",
	"status.update.interval.ms",
	"lsn.flush.mode",
	"flush.lsn.source",
	"lsn.flush.timeout.ms",
	"lsn.flush.timeout.action",
	"xmin.fetch.interval.ms",
	"database.initial.statements",
	"database.query.timeout.ms",
	"database.tcpKeepAlive",
	"database.connection.factory.class",
	"connection.validation.timeout.ms",
	"driver.socketTimeout",
	"read.only",
	/* TLS */
	"database.sslmode",
	"database.sslcert",
	"database.sslkey",
	"database.sslpassword",
	"database.sslrootcert",
	"database.sslfactory",
	/* filters and keys */
	"schema.include.list",
	"schema.exclude.list",
	"table.include.list",
	"table.exclude.list",
	"column.include.list",
	"column.exclude.list",
	"table.ignore.builtin",
	"message.key.columns",
	"message.prefix.include.list",
	"message.prefix.exclude.list",
	"skipped.operations",
	"skip.messages.without.change",
	"guardrail.collections.max",
	"guardrail.collections.limit.action",
	/* values */
	"time.precision.mode",
	"decimal.handling.mode",
	"hstore.handling.mode",
	"interval.handling.mode",
	"binary.handling.mode",
	"money.fraction.digits",
	"include.unknown.datatypes",
	"unavailable.value.placeholder",
	"column.truncate.to.20.chars",
	"column.mask.with.5.chars",
	"column.mask.hash.SHA-256.with.salt.abc",
	"column.mask.hash.v2.SHA-256.with.salt.abc",
	"column.propagate.source.type",
	"datatype.propagate.source.type",
	"schema.name.adjustment.mode",
	"field.name.adjustment.mode",
	"schema.refresh.mode",
	"include.schema.comments",
	"include.schema.changes",
	"converters",
	"post.processors",
	"post.processors.reselector.type",
	"event.converting.failure.handling.mode",
	"sourceinfo.struct.maker",
	/* snapshot */
	"snapshot.mode",
	"snapshot.mode.custom.name",
	"snapshot.mode.configuration.based.snapshot.data",
	"snapshot.mode.configuration.based.snapshot.schema",
	"snapshot.mode.configuration.based.start.stream",
	"snapshot.mode.configuration.based.snapshot.on.schema.error",
	"snapshot.mode.configuration.based.snapshot.on.data.error",
	"snapshot.isolation.mode",
	"snapshot.locking.mode",
	"snapshot.locking.mode.custom.name",
	"snapshot.query.mode",
	"snapshot.query.mode.custom.name",
	"snapshot.include.collection.list",
	"snapshot.lock.timeout.ms",
	"snapshot.select.statement.overrides",
	"snapshot.select.statement.overrides.public.orders",
	"snapshot.fetch.size",
	"snapshot.delay.ms",
	"streaming.delay.ms",
	"snapshot.max.threads",
	"snapshot.max.threads.multiplier",
	"legacy.snapshot.max.threads",
	"snapshot.tables.order.by.row.count",
	"internal.snapshot.scan.all.columns.force",
	"incremental.snapshot.chunk.size",
	"incremental.snapshot.allow.schema.changes",
	"incremental.snapshot.watermarking.strategy",
	"query.fetch.size",
	/* queues, errors */
	"max.queue.size",
	"max.queue.size.in.bytes",
	"max.batch.size",
	"poll.interval.ms",
	"poll.dispatch.interval.ms",
	"queue.provider.type",
	"event.processing.failure.handling.mode",
	"errors.max.retries",
	"retriable.restart.connector.wait.ms",
	"internal.custom.retriable.exception",
	"executor.shutdown.timeout.ms",
	"internal.log.position.check.enable",
	"internal.offset.activity.monitor.interval.ms",
	/* topics, heartbeat, transactions */
	"topic.naming.strategy",
	"topic.delimiter",
	"topic.cache.size",
	"topic.heartbeat.prefix",
	"topic.heartbeat.name",
	"heartbeat.topics.prefix",
	"topic.transaction",
	"heartbeat.interval.ms",
	"heartbeat.action.query",
	"tombstones.on.delete",
	"provide.transaction.metadata",
	"transaction.metadata.factory",
	"extended.headers.enabled",
	/* signals, notifications */
	"signal.data.collection",
	"signal.enabled.channels",
	"signal.poll.interval.ms",
	"signal.kafka.topic",
	"signal.kafka.groupId",
	"signal.kafka.bootstrap.servers",
	"signal.kafka.poll.timeout.ms",
	"signal.consumer.security.protocol",
	"signal.file",
	"signal.emit.failure.max.retries",
	"signal.emit.failure.backoff.ms",
	"notification.enabled.channels",
	"notification.sink.topic.name",
	/* the rest */
	"custom.metric.tags",
	"statistics.metrics.enabled",
	"internal.advanced.metrics.enable",
	"custom.sanitize.pattern",
	"openlineage.integration.enabled",
	"openlineage.integration.config.file.path",
	"openlineage.integration.job.namespace",
	"openlineage.integration.job.description",
	"openlineage.integration.job.tags",
	"openlineage.integration.job.owners",
	"openlineage.integration.dataset.kafka.bootstrap.server",
	"schemas.storage.class",
	"tables.storage.class",
	/* of Kafka Connect */
	"key.converter",
	"value.converter",
	"key.converter.schemas.enable",
	"value.converter.schemas.enable",
	"value.converter.schema.registry.url",
	"value.converter.decimal.format",
	"value.converter.replace.null.with.default",
	"header.converter",
	"transforms",
	"transforms.unwrap.type",
	"predicates",
	"predicates.p.type",
	"topic.creation.default.partitions",
	"topic.creation.default.replication.factor",
	"topic.creation.default.cleanup.policy",
	"topic.creation.groups",
	"topic.creation.g.include",
	"topic.creation.g.exclude",
	"exactly.once.support",
	"transaction.boundary",
	"exactly.once.source.support",
	"errors.tolerance",
	"errors.log.enable",
	"offset.flush.interval.ms",
};

static void
table_knows_every_property_of_debezium(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(debezium_names) / sizeof(char *); i++)
	{
		if (config_table_find(debezium_names[i]) == NULL)
			fail_msg("no row for %s", debezium_names[i]);
	}
	assert_null(config_table_find("no.such.name"));
}

static void
table_is_consistent(void **state)
{
	size_t						n;
	const struct config_option *table = config_table(&n);

	(void) state;
	for (size_t i = 0; i < n; i++)
	{
		const struct config_option *o = &table[i];
		int64_t						number;

		assert_non_null(o->help);
		if (o->name == NULL)
			continue;
		for (size_t k = 0; k < i; k++)
		{
			if (table[k].name != NULL && strcmp(table[k].name, o->name) == 0)
				fail_msg("%s is there twice", o->name);
		}
		/* who is told "no" is told why */
		if ((o->stance == CONFIG_NO_EFFECT || o->stance == CONFIG_REFUSED) &&
			o->note == NULL)
			fail_msg("%s has no note", o->name);
		if (o->stance == CONFIG_PARTLY &&
			(o->built == NULL || o->deflt == NULL))
			fail_msg("%s does not say what is built", o->name);
		if (o->parent != NULL && config_table_find(o->parent) == NULL)
			fail_msg("%s has an unknown parent", o->name);
		if (o->type == CONFIG_ENUM && o->deflt != NULL && o->values != NULL &&
			!config_text_one_of(o->values, o->deflt, NULL))
			fail_msg("%s: the default is not one of its values", o->name);
		if ((o->type == CONFIG_INT || o->type == CONFIG_MS ||
			 o->type == CONFIG_BYTES) &&
			o->deflt != NULL &&
			!config_text_number(o->type, o->deflt, &number))
			fail_msg("%s: the default is no number", o->name);
		if ((o->stance == CONFIG_WORKS || o->stance == CONFIG_PARTLY) &&
			(o->type == CONFIG_BOOL || o->type == CONFIG_INT ||
			 o->type == CONFIG_MS || o->type == CONFIG_BYTES) &&
			o->deflt == NULL)
			fail_msg("%s has no default", o->name);
		/* no name of ours hides one without "walferry." in the environment */
		if (strncmp(o->name, "walferry.", 9) == 0 &&
			config_table_find(o->name + 9) != NULL)
			fail_msg("%s is ambiguous in the environment", o->name);
		/* a top-level client setting of the same name would be out of reach */
		if (config_kafka_find(o->name) != NULL)
			fail_msg("%s is a client setting too", o->name);
	}
}

static void
every_default_is_accepted_when_it_is_written(void **state)
{
	size_t						n;
	const struct config_option *table = config_table(&n);

	(void) state;
	for (size_t i = 0; i < n; i++)
	{
		char line[256];

		if (table[i].name == NULL || table[i].deflt == NULL ||
			config_table_is_pattern(&table[i]))
			continue;
		snprintf(line, sizeof(line), "%s=%s\n", table[i].name, table[i].deflt);
		accepted_in_silence(line);
	}
}

/* ---- values ---- */

static void
defaults_are_there_without_being_set(void **state)
{
	struct config *c = good("");
	size_t		   n;

	(void) state;
	assert_string_equal(config_list(c, "database.port", &n)[0], "5432");
	assert_string_equal(config_str(c, "database.sslmode"), "prefer");
	assert_string_equal(config_str(c, "slot.name"), "debezium");
	assert_true(config_bool(c, "tombstones.on.delete"));
	assert_false(config_bool(c, "slot.drop.on.stop"));
	assert_int_equal(config_int(c, "max.queue.size.in.bytes"), 4194304);
	assert_int_equal(config_int(c, "walferry.shutdown.timeout.ms"), 30000);
	assert_true(config_is(c, "walferry.sink", "kafka"));
	assert_true(config_is(c, "walferry.keyless.partition", "topic"));
	assert_null(config_str(c, "database.password"));
	assert_null(config_str(c, "walferry.health.socket"));
	assert_null(config_list(c, "table.include.list", &n));
	assert_int_equal(n, 0);
	assert_string_equal(config_list(c, "skipped.operations", &n)[0], "t");
	assert_int_equal(n, 1);
	assert_false(config_is_set(c, "database.port"));
	assert_true(config_is_set(c, "database.user"));
	/* the name falls back to the logical one */
	assert_string_equal(config_str(c, "name"), "p");
	config_free(c);
}

static void
values_are_read_by_their_types(void **state)
{
	struct config				*c;
	size_t						 n;
	const char *const			*list;
	const struct config_setting *params;

	(void) state;
	c = good(
		"database.hostname=a,b\n"
		"database.port=5432, 5433\n"
		"table.include.list=public\\\\.a{1\\\\,2}, s\\\\.\\\\[x\\\\,y\\\\]\n"
		"slot.stream.params=a=1; b = x=y ;\n"
		"decimal.handling.mode=STRING\n"
		"tombstones.on.delete=False\n"
		"walferry.shutdown.timeout.ms=2m\n"
		"max.queue.size.in.bytes=16MB\n"
		"skipped.operations=none\n"
		"unavailable.value.placeholder=hex:c3bc21\n");
	list = config_list(c, "database.port", &n);
	assert_int_equal(n, 2);
	assert_string_equal(list[1], "5433");
	list = config_list(c, "table.include.list", &n);
	assert_int_equal(n, 2);
	assert_string_equal(list[0], "public\\.a{1,2}");
	assert_string_equal(list[1], "s\\.\\[x,y\\]");
	params = config_stream_params(c, &n);
	assert_int_equal(n, 2);
	assert_string_equal(params[0].name, "a");
	assert_string_equal(params[0].value, "1");
	assert_string_equal(params[1].name, "b");
	assert_string_equal(params[1].value, "x=y");
	assert_true(config_is(c, "decimal.handling.mode", "string"));
	assert_false(config_bool(c, "tombstones.on.delete"));
	assert_int_equal(config_int(c, "walferry.shutdown.timeout.ms"), 120000);
	assert_int_equal(config_int(c, "max.queue.size.in.bytes"), 16777216);
	assert_string_equal(config_str(c, "unavailable.value.placeholder"), "ü!");
	config_free(c);
}

static void
bad_values_are_refused_by_name(void **state)
{
	(void) state;
	refused("database.port=0\n", "database.port: must be between 1 and 65535");
	refused("database.port=5432x\n", "database.port: must be a whole number");
	refused("database.port=,\n", "database.port: must be a whole number");
	refused("database.port=5432,65536\ndatabase.hostname=a,b\n",
			"database.port: must be between 1 and 65535");
	refused("database.port=5432,5433\n",
			"database.port: must be one port, or one for each host");
	refused("database.port=5432,5433\ndatabase.hostname=a,b,c\n",
			"database.port: must be one port, or one for each host");
	refused("tombstones.on.delete=yes\n", "must be one of true, false");
	refused("decimal.handling.mode=exact\n",
			"must be one of precise, double, string");
	refused("time.precision.mode=exact\n", "must be one of adaptive,");
	refused("walferry.shutdown.timeout.ms=-1\n", "must be between 0 and");
	refused("walferry.shutdown.timeout.ms=1d\n",
			"must be a number of milliseconds");
	refused("slot.name=My-Slot\n", "slot.name: must be 1 to 63");
	refused("slot.name=a234567890123456789012345678901234567890123456789012"
			"345678901234\n",
			"slot.name: must be 1 to 63");
	refused("topic.prefix=a b\n", "topic.prefix: may have letters");
	refused("topic.delimiter=/\n", "topic.delimiter: must be");
	refused("skipped.operations=c,x\n", "\"x\" is none of c, u, d, t, none");
	refused("skipped.operations=t,none\n", "none stands alone");
	refused("slot.stream.params=a\n", "must be name=value;name=value");
	refused("slot.stream.params=origin=none;streaming=true\n",
			"slot.stream.params: cannot have streaming: the forwarder reads "
			"whole transactions only");
	refused("slot.stream.params=protocol_version=1\n",
			"slot.stream.params: cannot have protocol_version: ");
	refused("slot.stream.params=exclude_tables=a\n",
			"cannot have exclude_tables: use table.exclude.list");
	refused("slot.stream.params=origin=none; origin = any\n",
			"cannot have origin: it is there twice");
	refused("unavailable.value.placeholder=hex:0g\n", "hexadecimal");
	refused("unavailable.value.placeholder=hex:00\n", "zero");
	refused("unavailable.value.placeholder=hex:ff\n", "UTF-8");
	refused("errors.max.retries=-2\n", "must be between -1 and");
	refused("walferry.retry.backoff.max.ms=10\n", "must not be less than");
}

static void
bad_expression_names_the_property_and_the_offset(void **state)
{
	(void) state;
	refused("table.include.list=public\\\\.ok, s\\\\.(t\n",
			"table.include.list: bad regular expression \"s\\.(t\": "
			"a \"(\" is not closed; a comma within an expression is written "
			"\\, (character 6)");
	refused("table.include.list=s\\\\.t{1,2}\n",
			"table.include.list: bad regular expression \"s\\.t{1\": "
			"a \"{\" is not closed; a comma within an expression is written");
	refused("table.include.list=s\\\\.\\\\p{L}+\n",
			"\\p of Unicode's properties is refused");
	refused("column.exclude.list=s.t.a*+\n",
			"a possessive quantifier is refused");
	refused("message.prefix.exclude.list=*x\n",
			"message.prefix.exclude.list: bad regular expression \"*x\"");
	refused("message.key.columns=a.b:c,d;s.t:id,(\n",
			"message.key.columns: bad regular expression \"s.t.(\": "
			"a \"(\" is not closed");
}

static void
key_columns_that_name_no_table_or_column_are_refused(void **state)
{
	static const char *const bad[] = {"s.t",	  "s.t:",		  "id",
									  ":id",	  "s.t:id:x",	  "s.t:id;s.u",
									  "s.t:a, b", "(?:s.t|u):id", "s.t:,",
									  "s.t:a,,b", "s.t:a,",		  "s.t:,a"};
	struct config			*c;

	(void) state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		char more[160];

		snprintf(more, sizeof(more), "message.key.columns=%s\n", bad[i]);
		refused(more, "message.key.columns: \"");
		refused(more, "is not schema.table:column,column; separate several");
	}
	refused("message.key.columns=;\n", "message.key.columns: names no column");
	refused("message.key.columns= ; ;\n",
			"message.key.columns: names no column");
	c = good("message.key.columns= s.t:id,n ; (a|b).u:x;\n");
	assert_string_equal(config_str(c, "message.key.columns"),
						"s.t:id,n ; (a|b).u:x;");
	config_free(c);
}

static void
rules_for_columns_are_as_the_plugin_reads_them(void **state)
{
	struct config *c;

	(void) state;
	c = good("column.mask.with.5.chars=s.t.a, s.t.b\n"
			 "column.truncate.to.20.chars=s.t.c\n"
			 "column.mask.with.0.chars=s.u.*\n");
	assert_string_equal(config_column_rules(c, "column.mask.with.<n>.chars"),
						"5:s.t.a, s.t.b;0:s.u.*");
	assert_string_equal(config_column_rules(c, "column.truncate.to.<n>.chars"),
						"20:s.t.c");
	config_free(c);
	c = good("column.mask.with.5.chars=\n");
	assert_null(config_column_rules(c, "column.mask.with.<n>.chars"));
	config_free(c);
	refused("column.mask.with.five.chars=s.t.a\n",
			"column.mask.with.five.chars: must have a number from 0 to");
	refused("column.mask.with.-5.chars=s.t.a\n", "must have a number");
	refused("column.truncate.to.1000001.chars=s.t.a\n",
			"column.truncate.to.1000001.chars: must have a number");
	refused("column.truncate.to.99999999999999999999.chars=s.t.a\n",
			"must have a number");
	refused("column.mask.with.5.chars=s.t.(a\n",
			"column.mask.with.5.chars: bad regular expression \"s.t.(a\": ");
	refused("column.mask.with.5.chars=s.t.a;s.t.b\n", "semicolon");
}

static void
include_and_exclude_exclude_each_other(void **state)
{
	static const char *const kinds[] = {"schema", "table", "column",
										"message.prefix"};

	(void) state;
	for (size_t i = 0; i < 4; i++)
	{
		char more[128];
		char part[128];

		/* on one line for the check of the place */
		snprintf(more, sizeof(more),
				 "%s.exclude.list=a\n"
				 "%s.include.list=b\n",
				 kinds[i], kinds[i]);
		snprintf(part, sizeof(part),
				 "%s.exclude.list: cannot be used "
				 "together with %s.include.list",
				 kinds[i], kinds[i]);
		refused(more, part);
	}
}

static void
what_is_missing_is_named(void **state)
{
	struct config			*c = load("walferry.sink=kafka\n");
	static const char *const names[] = {"database.hostname: is missing",
										"database.user: is missing",
										"database.dbname: is missing",
										"topic.prefix: is missing",
										"bootstrap.servers: is missing"};

	(void) state;
	assert_false(config_check(c));
	assert_int_equal(config_error_count(c), 5);
	for (size_t i = 0; i < 5; i++)
		assert_true(has_line(5, config_error, c, names[i]));
	config_free(c);

	/* a look at the stream needs no broker */
	c = load("database.hostname=db\ndatabase.user=u\ndatabase.dbname=d\n"
			 "topic.prefix=p\nwalferry.sink=stdout\n");
	assert_true(config_check(c));
	config_free(c);
}

/* ---- stances ---- */

static void
values_not_built_are_refused_by_name(void **state)
{
	static const char *const lines[] = {
		"time.precision.mode=structured",
		"snapshot.mode=initial",
		"snapshot.mode=when_needed",
		"snapshot.mode=always",
		"snapshot.mode=custom",
		"key.converter=io.confluent.connect.avro.AvroConverter",
		"value.converter=org.apache.kafka.connect.storage.StringConverter",
		"debezium.format.value=avro",
		"debezium.format.key=protobuf",
		"xmin.fetch.interval.ms=1000",
		"signal.data.collection=public.s",
		"signal.enabled.channels=source,kafka",
		"notification.enabled.channels=log",
		"transforms=unwrap",
		"predicates=p",
		"post.processors=reselector",
		"replica.identity.autoset.values=a:FULL",
		"database.initial.statements=select 1",
		"guardrail.collections.max=5",
		"driver.socketTimeout=5",
		"streaming.delay.ms=5",
		"event.converting.failure.handling.mode=skip",
		"database.tcpKeepAlive=false",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
	{
		char   more[160];
		char   part[160];
		size_t name_len = strcspn(lines[i], "=");

		snprintf(more, sizeof(more), "%s\n", lines[i]);
		snprintf(part, sizeof(part), "f:6: %.*s: ", (int) name_len, lines[i]);
		refused(more, part);
		refused(more, "is not built yet");
	}
}

static void
what_will_never_work_is_refused_with_the_way_out(void **state)
{
	(void) state;
	refused("converters=isbn\nisbn.type=x\n", "remove them");
	refused("snapshot.mode.custom.name=x\n", "remove it");
	refused("database.server.name=x\n", "write topic.prefix");
	refused("table.whitelist=x\n", "write table.include.list");
	refused("connector.class=io.debezium.connector.mysql.MySqlConnector\n",
			"walferry reads PostgreSQL only");
	refused("debezium.sink.type=pulsar\n", "walferry writes to Kafka");
	refused("lsn.flush.mode=manual\n", "cannot be used here");
	refused("transaction.metadata.factory=com.example.Factory\n",
			"cannot be used here");
	refused("errors.tolerance=all\n", "no event is ever left out");
	refused("event.processing.failure.handling.mode=skip\n",
			"no event is ever left out");
}

static void
compatibility_says_whose_defaults_they_are(void **state)
{
	static const char
		*const	   name = "value.converter.replace.null.with.default";
	struct config *c = good("");

	(void) state;
	assert_true(config_is(c, "compatibility", "default"));
	assert_false(config_bool(c, name));
	config_free(c);
	c = good("compatibility=debezium\n");
	assert_true(config_bool(c, name));
	assert_true(config_bool(c, "key.converter.replace.null.with.default"));
	config_free(c);
	c = good("compatibility=debezium\n"
			 "value.converter.replace.null.with.default=false\n");
	assert_false(config_bool(c, name));
	config_free(c);
	accepted_in_silence("compatibility=debezium\n"
						"include.unknown.datatypes=true\n");
	accepted_in_silence("include.unknown.datatypes=false\n");
	refused("compatibility=connect\n", "must be one of default, debezium");
	refused("slot.stream.params=unique_keys=true\n", "use compatibility");
}

static void
schemas_are_asked_for_by_either_name(void **state)
{
	static const struct
	{
		const char *text;
		bool		key;
		bool		value;
	} cases[] = {
		{"", false, false},
		{"key.converter.schemas.enable=true\n", true, false},
		{"value.converter.schemas.enable=true\n", false, true},
		{"debezium.format.schemas.enable=true\n", true, true},
		{"debezium.format.key.schemas.enable=true\n", true, false},
		{"debezium.format.schemas.enable=true\n"
		 "debezium.format.value.schemas.enable=false\n",
		 true, false},
		{"debezium.format.schemas.enable=true\n"
		 "key.converter.schemas.enable=false\n",
		 false, true},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		struct config *c = good(cases[i].text);

		assert_int_equal(config_bool(c, "key.converter.schemas.enable"),
						 cases[i].key);
		assert_int_equal(config_bool(c, "value.converter.schemas.enable"),
						 cases[i].value);
		config_free(c);
	}
	warned("column.propagate.source.type=.*\n",
		   "column.propagate.source.type (f:6): no effect here: "
		   "value.converter.schemas.enable is not true");
	warned("datatype.propagate.source.type=.*\n"
		   "key.converter.schemas.enable=true\n",
		   "value.converter.schemas.enable is not true");
	warned("schema.name.adjustment.mode=avro\n", "no effect here: neither");
	accepted_in_silence("schema.name.adjustment.mode=avro\n"
						"key.converter.schemas.enable=true\n");
	accepted_in_silence("column.propagate.source.type=.*\n"
						"value.converter.schemas.enable=true\n");
	accepted_in_silence("field.name.adjustment.mode=avro_unicode\n"
						"key.converter.decimal.format=NUMERIC\n");
	refused("column.propagate.source.type=(a\n"
			"value.converter.schemas.enable=true\n",
			"column.propagate.source.type");
}

static void
lists_of_expressions_name_columns_as_a_whole(void **state)
{
	struct config *c = good(
		"column.propagate.source.type=S\\\\.t\\\\..*, s.u.x\n"
		"value.converter.schemas.enable=true\n"
		"column.mask.with.5.chars=s.t.a,s.t.b\n"
		"column.mask.with.7.chars=s.u.[c\\\\,d]\n");
	static const char *const list = "column.propagate.source.type";
	static const char *const row = "column.mask.with.<n>.chars";

	(void) state;
	assert_true(config_list_names(c, list, "s.t.a"));
	assert_true(config_list_names(c, list, "s.u.x"));
	assert_false(config_list_names(c, list, "s.u.xy"));
	assert_false(config_list_names(c, list, "as.t.a"));
	assert_false(
		config_list_names(c, "datatype.propagate.source.type", "s.t.a"));
	assert_true(config_column_rules_name(c, row, "s.t.b"));
	assert_true(config_column_rules_name(c, row, "S.U.D"));
	assert_false(config_column_rules_name(c, row, "s.u.e"));
	assert_false(
		config_column_rules_name(c, "column.truncate.to.<n>.chars", "s.t.a"));
	config_free(c);
}

static void
what_has_no_effect_is_one_warning_for_each_reason(void **state)
{
	struct config *c;

	(void) state;
	warned("max.batch.size=10\n",
		   "max.batch.size (f:6): no effect here: rows are not queued");
	warned("quarkus.log.level=INFO\n", "no effect here");
	warned("include.unknown.datatypes=true\n",
		   "include.unknown.datatypes (f:6): no effect here: columns of "
		   "unknown types are always there, as text");
	warned("publication.name=mine\n", "needs no publication");
	warned("plugin.name=pgoutput\n", "plugin.name: pgoutput is not used");
	warned("plugin.name=decoderbufs\n", "decoderbufs is not used");
	c = good("max.queue.size=10\nmax.batch.size=10\npoll.interval.ms=1\n");
	assert_int_equal(config_warning_count(c), 2);
	config_free(c);
	c = good("plugin.name=pgoutput\n");
	assert_true(config_is(c, "plugin.name", "walferry"));
	config_free(c);
	/* a value without effect need not be right */
	warned("poll.interval.ms=whenever\n", "no effect");
	/* a detail is covered by what is said of the whole */
	refused("transforms=a\ntransforms.a.type=x\ntransforms.a.x=y\n",
			"transforms: is not built yet");
	accepted_in_silence("heartbeat.interval.ms=0\n"
						"topic.heartbeat.prefix=hb\n");
}

/* ---- names of topics ---- */

#define REGEX                \
	"topic.naming.strategy=" \
	"io.debezium.schema.DefaultRegexTopicNamingStrategy\n"

static void
naming_strategies_are_known_by_their_class(void **state)
{
	(void) state;
	accepted_in_silence("topic.naming.strategy="
						"io.debezium.schema.DefaultTopicNamingStrategy\n");
	accepted_in_silence(REGEX "topic.regex=(.*)_[0-9]+\n"
							  "topic.replacement=$1\n");
	accepted_in_silence(REGEX "topic.regex=(.*)_[0-9]+\n"
							  "topic.replacement=$1x\n"
							  "topic.key.field.regex=(.)(.*)\n"
							  "topic.key.field.replacement=$2\\\\$\n");
	refused("topic.naming.strategy=com.example.Names\n",
			"topic.naming.strategy: must be one of");
	refused(REGEX, "needs topic.regex and topic.replacement");
	refused("topic.regex=(\n" REGEX "topic.replacement=x\n", "topic.regex: ");
	refused("topic.regex=x\n" REGEX, "topic.regex: needs topic.replacement");
	refused("topic.regex=([a-z&&[^b]]*)\n" REGEX "topic.replacement=$1\n",
			"topic.regex: has a class within a class, or && in one");
	refused("topic.regex=([a[bc]]*)\n" REGEX "topic.replacement=$1\n",
			"topic.regex: has a class within a class, or && in one");
	accepted_in_silence("topic.regex=(\\\\[[a-z\\\\[&]*).*\n" REGEX
						"topic.replacement=$1\n");
	refused("topic.replacement=$1\n" REGEX "topic.regex=.*\n",
			"topic.replacement: $ must be followed by the number of a group");
	refused("topic.key.field.name=\ntopic.regex=(.*)\n"
			"topic.replacement=$1\n" REGEX,
			"topic.key.field.name: must not be empty");
	warned("topic.regex=x\n", "names no class with Regex");
}

/* ---- heartbeats ---- */

static void
heartbeat_topic_is(const char *text, const char *topic)
{
	struct config *c = good(text);

	assert_int_equal(config_warning_count(c), 0);
	assert_string_equal(config_str(c, "topic.heartbeat.name"), topic);
	config_free(c);
}

static void
transactions_have_a_topic_of_their_own(void **state)
{
	(void) state;
	accepted_in_silence("provide.transaction.metadata=true\n"
						"topic.transaction=public.tx\n");
	warned("topic.transaction=tx\n", "there is no topic of transactions");
	refused("topic.transaction=p/q\nprovide.transaction.metadata=true\n",
			"topic.transaction: must be one or more of letters");
	refused("topic.transaction=message\nprovide.transaction.metadata=true\n",
			"topic.transaction: p.message is the topic of something else");
	refused("topic.transaction=debezium.offsets\n"
			"provide.transaction.metadata=true\n"
			"walferry.position.store=topic\n",
			"p.debezium.offsets is the topic of something else");
	refused("topic.transaction=debezium.offsets\n"
			"provide.transaction.metadata=true\n"
			"offsets.storage.topic=p.debezium.offsets\n"
			"walferry.position.store=topic\n",
			"p.debezium.offsets is the topic of something else");
	refused("offsets.storage.topic=p.tx\nwalferry.position.store=topic\n"
			"provide.transaction.metadata=true\ntopic.transaction=tx\n",
			"offsets.storage.topic: has the form of a topic of events");
}

static void
heartbeats_have_a_topic_of_their_own(void **state)
{
	(void) state;
	heartbeat_topic_is("heartbeat.interval.ms=1000\n",
					   "__debezium-heartbeat.p");
	heartbeat_topic_is("heartbeat.interval.ms=1000\n"
					   "heartbeat.topics.prefix=old\n"
					   "topic.delimiter=-\n",
					   "old-p");
	heartbeat_topic_is("heartbeat.interval.ms=1000\n"
					   "heartbeat.topics.prefix=old\n"
					   "topic.heartbeat.prefix=hb\n",
					   "hb.p");
	heartbeat_topic_is("heartbeat.interval.ms=1000\n"
					   "topic.heartbeat.prefix=hb\n"
					   "topic.heartbeat.name=beats\n",
					   "beats");
	refused("topic.heartbeat.name=p.tx\nheartbeat.interval.ms=1000\n"
			"provide.transaction.metadata=true\ntopic.transaction=tx\n",
			"topic.heartbeat.name: p.tx is the topic of something else");
	refused("topic.heartbeat.prefix=a b\nheartbeat.interval.ms=1000\n",
			"topic.heartbeat.prefix: must make the name of a topic");
	refused("topic.heartbeat.name=p.a.b\nheartbeat.interval.ms=1000\n",
			"topic.heartbeat.name: p.a.b is the topic of something else");
	refused("topic.heartbeat.name=x\nheartbeat.interval.ms=1000\n"
			"exactly.once=true\noffsets.storage.topic=x\n",
			"topic.heartbeat.name: x is the topic of something else");
	warned("heartbeat.action.query=select 1\n", "there are no heartbeats");
}

/* ---- delivery ---- */

#define ONCE "exactly.once=true\n"
#define STORED "walferry.position.store=topic\n"
#define IN_SLOT "walferry.position.store=slot\n"

/* As config_position_topic() has it. */
static void
position_topic_is(const char *more, const char *expected)
{
	struct config *c = good(more);
	struct buf	   topic = {0};

	config_position_topic(c, &topic);
	assert_string_equal(buf_cstr(&topic), expected);
	buf_free(&topic);
	config_free(c);
}

static void
exactly_once_has_two_names(void **state)
{
	struct config *c = good("");

	(void) state;
	assert_false(config_bool(c, "exactly.once"));
	assert_true(config_is(c, "walferry.position.store", "topic"));
	config_free(c);

	c = good(IN_SLOT);
	assert_true(config_is(c, "walferry.position.store", "slot"));
	assert_int_equal(config_warning_count(c), 0);
	config_free(c);

	c = good(ONCE);
	assert_true(config_bool(c, "exactly.once"));
	assert_true(config_is(c, "walferry.position.store", "topic"));
	assert_int_equal(config_warning_count(c), 0);
	config_free(c);

	c = good("exactly.once.support=REQUIRED\n");
	assert_true(config_bool(c, "exactly.once"));
	assert_true(config_is_set(c, "exactly.once"));
	assert_true(config_is(c, "walferry.position.store", "topic"));
	config_free(c);

	accepted_in_silence("exactly.once=true\nexactly.once.support=required\n");
	accepted_in_silence("exactly.once=true\nexactly.once.support=requested\n");
	c = good("exactly.once=false\nexactly.once.support=requested\n");
	assert_false(config_bool(c, "exactly.once"));
	config_free(c);
	refused("exactly.once.support=required\nexactly.once=false\n",
			"exactly.once.support: contradicts exactly.once=false (f:7)");

	/* what a Connect worker says of it means nothing here */
	warned("exactly.once.source.support=enabled\n", "exactly.once says");
	warned("transaction.boundary=interval\n",
		   "walferry.transaction.interval.ms");
	warned("transaction.boundary.interval.ms=5\n",
		   "walferry.transaction.interval.ms");
	warned("offset.storage.topic=connect-offsets\n",
		   "offsets.storage.topic names");
}

static void
exactly_once_keeps_its_position_in_the_topic(void **state)
{
	(void) state;
	accepted_in_silence(ONCE STORED);
	accepted_in_silence(STORED);
	refused(IN_SLOT ONCE, "cannot be slot with");
	refused(IN_SLOT "exactly.once.support=required\n", "cannot be slot with");
}

static void
stdout_stores_nothing(void **state)
{
	struct config *c = good("walferry.sink=stdout\n" ONCE
							"offsets.storage.topic=o\n");

	(void) state;
	assert_false(config_bool(c, "exactly.once"));
	assert_true(config_is(c, "walferry.position.store", "slot"));
	assert_int_equal(config_warning_count(c), 2);
	assert_true(has_line(2, config_warning, c, "exactly.once: has no effect"));
	assert_true(has_line(2, config_warning, c,
						 "offsets.storage.topic (f:8): no effect"));
	config_free(c);

	c = good("walferry.sink=stdout\n" STORED);
	assert_true(config_is(c, "walferry.position.store", "slot"));
	assert_int_equal(config_warning_count(c), 1);
	config_free(c);

	c = good("walferry.sink=stdout\n");
	assert_true(config_is(c, "walferry.position.store", "slot"));
	config_free(c);
	accepted_in_silence("walferry.sink=stdout\n" IN_SLOT);
}

static void
position_topic_has_a_name_of_its_own(void **state)
{
	struct config *c = good(ONCE);
	char		  *print = printed(c);
	char		   more[512];
	char		   name[251];

	(void) state;
	assert_non_null(strstr(print, "offsets.storage.topic = p.debezium.off"));
	free(print);
	config_free(c);
	position_topic_is("", "p.debezium.offsets");
	position_topic_is("slot.name=s1\n" ONCE, "p.s1.offsets");
	position_topic_is(ONCE "offsets.storage.topic=my-offsets_1\n",
					  "my-offsets_1");
	position_topic_is(STORED "offsets.storage.topic=p.positions\n",
					  "p.positions");
	position_topic_is(ONCE "offsets.storage.topic=pp.public.t\n",
					  "pp.public.t");

	/* written out, what is the default is no topic of events */
	accepted_in_silence(ONCE "offsets.storage.topic=p.debezium.offsets\n");
	refused("offsets.storage.topic=p.public.t\n" ONCE, "topic of events");
	refused("offsets.storage.topic=p.message\n" STORED, "topic of events");
	refused("offsets.storage.topic=p.transaction\n" ONCE, "topic of events");
	refused("offsets.storage.topic=p_public_t\ntopic.delimiter=_\n" ONCE,
			"topic of events");
	refused("offsets.storage.topic=a b\n" ONCE, "the name of a topic");
	refused("offsets.storage.topic=..\n" ONCE, "the name of a topic");

	memset(name, 'o', 250);
	name[249] = '\0';
	snprintf(more, sizeof(more), "offsets.storage.topic=%s\n" ONCE, name);
	accepted_in_silence(more);
	snprintf(more, sizeof(more), "offsets.storage.topic=%so\n" ONCE, name);
	refused(more, "more than 249 characters");

	position_topic_is("offsets.storage.topic=o\n", "o");
	warned(IN_SLOT "offsets.storage.topic=o\n", "no position is stored");
}

static void
default_position_topic_may_be_too_long(void **state)
{
	struct config *c = config_new();
	struct buf	   text = {0};

	(void) state;
	buf_lit(&text, BASE "exactly.once=true\nslot.name=");
	for (int i = 0; i < 60; i++)
		buf_putc(&text, 's');
	buf_lit(&text, "\ntopic.prefix=");
	for (int i = 0; i < 190; i++)
		buf_putc(&text, 'p');
	assert_true(config_load_text(c, "f", buf_cstr(&text), text.len));
	assert_false(config_check(c));
	assert_int_equal(config_error_count(c), 1);
	assert_non_null(strstr(config_error(c, 0), "offsets.storage.topic: is "
											   "needed"));
	buf_free(&text);
	config_free(c);
}

static void
mismatch_of_positions_is_never_papered_over(void **state)
{
	struct config *c = good(ONCE);

	(void) state;
	assert_true(config_is(c, "offset.mismatch.strategy", "fail"));
	config_free(c);
	c = good(STORED "offset.mismatch.strategy=trust_slot\n");
	assert_true(config_is(c, "offset.mismatch.strategy", "trust_slot"));
	config_free(c);
	accepted_in_silence(ONCE "offset.mismatch.strategy=trust_offset\n");
	refused("offset.mismatch.strategy=no_validation\n" ONCE,
			"no_validation cannot be used where a position is stored");
	refused("offset.mismatch.strategy=trust_greater_lsn\n",
			"trust_greater_lsn cannot be used where a position is stored");
	refused("offset.mismatch.strategy=no_validation\n",
			"or walferry.position.store=slot");
	refused("offset.mismatch.strategy=hope\n" ONCE, "must be one of fail");
	refused("slot.drop.on.stop=true\n", "refuse a slot that is gone");
	refused("slot.drop.on.stop=true\n" ONCE, "refuse a slot that is gone");
	accepted_in_silence("slot.drop.on.stop=false\n");
	accepted_in_silence(IN_SLOT "slot.drop.on.stop=true\n");

	/* where nothing is stored there is nothing to disagree with */
	accepted_in_silence(IN_SLOT "offset.mismatch.strategy=no_validation\n");
	warned(IN_SLOT "offset.mismatch.strategy=trust_greater_lsn\n",
		   "no effect here");
	warned(IN_SLOT "offset.mismatch.strategy=trust_offset\n",
		   "no effect here");
	accepted_in_silence(IN_SLOT "offset.mismatch.strategy=trust_slot\n");
}

static void
kafka_transactions_end_within_their_timeout(void **state)
{
	struct config *c = good(ONCE);

	(void) state;
	assert_int_equal(config_int(c, "walferry.transaction.interval.ms"), 100);
	assert_int_equal(config_int(c, "walferry.transaction.max.bytes"),
					 33554432);
	assert_int_equal(config_int(c, "walferry.transaction.split.ms"), 30000);
	config_free(c);

	c = good(ONCE "transaction.timeout.ms=10000\n");
	assert_int_equal(config_int(c, "walferry.transaction.split.ms"), 5000);
	config_free(c);
	c = good(ONCE "transaction.timeout.ms=10000\n"
				  "walferry.transaction.split.ms=2s\n"
				  "walferry.transaction.interval.ms=5s\n"
				  "walferry.transaction.max.bytes=1kB\n");
	assert_int_equal(config_int(c, "walferry.transaction.split.ms"), 2000);
	assert_int_equal(config_int(c, "walferry.transaction.interval.ms"), 5000);
	assert_int_equal(config_int(c, "walferry.transaction.max.bytes"), 1024);
	config_free(c);

	refused("walferry.transaction.split.ms=60s\n" ONCE,
			"less than transaction.timeout.ms, which is 60000");
	refused("walferry.transaction.interval.ms=30001\n" ONCE,
			"at most half of transaction.timeout.ms, which is 60000");
	refused("walferry.transaction.interval.ms=0\n" ONCE,
			"between 1 and 60000");
	refused("walferry.transaction.interval.ms=60001\n" ONCE,
			"between 1 and 60000");
	refused("walferry.transaction.max.bytes=0\n" ONCE, "between 1 and");

	/* without them all of this says nothing */
	warned("walferry.transaction.interval.ms=5\n"
		   "walferry.transaction.max.bytes=5\n"
		   "walferry.transaction.split.ms=5\n",
		   "walferry.transaction.split.ms (f:8): no effect here: there are "
		   "Kafka transactions only with exactly.once");
	warned(STORED "walferry.transaction.interval.ms=5\n", "no effect");
	warned(IN_SLOT "walferry.position.interval.ms=5s\n",
		   "no position is stored");
	accepted_in_silence("walferry.position.interval.ms=5s\n");
	warned(ONCE "max.queue.size.in.bytes=0\n", "no limit is not offered");
	accepted_in_silence("walferry.shutdown.grace.ms=0\n");
	accepted_in_silence("slot.failover=true\n");
}

static void
unknown_names_are_errors_with_a_suggestion(void **state)
{
	(void) state;
	refused("table.inlcude.list=x\n",
			"table.inlcude.list: unknown property; did you mean "
			"table.include.list?");
	refused("slotname=x\n", "did you mean slot.name?");
	refused("bootstrap.server=x\n", "did you mean bootstrap.servers?");
	refused("debezium.source.topic.prefx=x\n", "did you mean topic.prefix?");
	refused("producer.override.linger=5\n",
			"did you mean producer.override.linger.ms?");
	refused("completely.different=x\n", "unknown property; walferry --help");
	warned("walferry.unknown.properties=warn\ncompletely.different=x\n",
		   "completely.different: unknown property");
}

static void
a_name_given_twice_in_a_file_is_warned_of(void **state)
{
	struct config *c = good("slot.name=a\nslot.name=b\n");

	(void) state;
	assert_string_equal(config_str(c, "slot.name"), "b");
	assert_true(has_line(config_warning_count(c), config_warning, c,
						 "f:7: slot.name: is already in this file (f:6)"));
	config_free(c);
}

static void
missing_snapshot_and_schema_are_announced_once(void **state)
{
	struct config *c = good("");

	(void) state;
	assert_int_equal(config_announcement_count(c), 2);
	assert_true(has_line(2, config_announcement, c, "snapshots"));
	assert_true(has_line(2, config_announcement, c, "without schema"));
	config_free(c);
	c = good("snapshot.mode=never\nvalue.converter.schemas.enable=false\n");
	assert_int_equal(config_announcement_count(c), 0);
	assert_true(config_is(c, "snapshot.mode", "no_data"));
	config_free(c);
}

static void
no_limit_of_memory_is_not_offered(void **state)
{
	struct config *c = good("max.queue.size.in.bytes=0\n");

	(void) state;
	assert_int_equal(config_int(c, "max.queue.size.in.bytes"), 4194304);
	assert_int_equal(config_warning_count(c), 1);
	config_free(c);
}

/* ---- inputs and precedence ---- */

static void
flags_win_over_environment_over_later_over_earlier_file(void **state)
{
	static char *const env[] = {"WALFERRY_SLOT_NAME=env",
								"PATH=/bin",
								"PGPORT=1111",
								"PGHOST=pghost",
								"WALFERRY_LOG_LEVEL=debug",
								"DEBEZIUM_SOURCE_TABLE_INCLUDE_LIST=a",
								NULL};
	struct config	  *c = config_new();
	static const char  first[] = BASE "slot.name=one\ndatabase.port=1\n"
									  "decimal.handling.mode=double\n";
	static const char  second[] = "slot.name=two\ndatabase.port=2\n";
	size_t			   n;

	(void) state;
	assert_true(config_load_text(c, "a", first, strlen(first)));
	assert_true(config_load_text(c, "b", second, strlen(second)));
	config_load_env(c, env);
	assert_true(config_check(c));
	assert_string_equal(config_str(c, "slot.name"), "env");
	assert_string_equal(config_list(c, "database.port", &n)[0], "2");
	assert_string_equal(config_str(c, "database.hostname"), "db");
	assert_true(config_is(c, "decimal.handling.mode", "double"));
	assert_true(config_is(c, "walferry.log.level", "debug"));
	assert_string_equal(config_list(c, "table.include.list", &n)[0], "a");
	config_free(c);

	/* whatever the order of the calls */
	c = config_new();
	config_set_arg(c, "slot.name=flag=x");
	config_set_flag(c, "slot.name", "flag");
	config_load_env(c, env);
	assert_true(config_load_text(c, "a", first, strlen(first)));
	assert_true(config_check(c));
	assert_string_equal(config_str(c, "slot.name"), "flag");
	config_free(c);
}

static void
libpq_variables_stand_in_for_what_is_missing(void **state)
{
	static char *const env[] = {"PGHOST=h",			 "PGUSER=u",
								"PGDATABASE=d",		 "PGPASSWORD=canary",
								"PGSSLMODE=require", NULL};
	struct config	  *c = config_new();

	(void) state;
	config_load_env(c, env);
	config_set_arg(c, "topic.prefix=p");
	config_set_arg(c, "bootstrap.servers=k");
	assert_true(config_check(c));
	assert_string_equal(config_str(c, "database.hostname"), "h");
	assert_string_equal(config_str(c, "database.password"), "canary");
	assert_true(config_is(c, "database.sslmode", "require"));
	config_free(c);
}

static void
environment_reaches_every_kind_of_name(void **state)
{
	static char *const env[] =
		{"WALFERRY_DATABASE_HOSTNAME=h", "WALFERRY_DATABASE_TCPKEEPALIVE=true",
		 "WALFERRY_WALFERRY_HEALTH_SOCKET=/s", "WALFERRY_BOOTSTRAP_SERVERS=k",
		 "WALFERRY_PRODUCER_OVERRIDE_LINGER_MS=7",
		 "WALFERRY_TOPIC_CREATION_DEFAULT_PARTITIONS=4",
		 "DEBEZIUM_SOURCE_DATABASE_USER=u",
		 "DEBEZIUM_SOURCE_DATABASE_DBNAME=d", "DEBEZIUM_SOURCE_TOPIC_PREFIX=p",
		 "DEBEZIUM_SINK_TYPE=kafka",
		 "DEBEZIUM_SINK_KAFKA_PRODUCER_BATCH_SIZE=1000",
		 "DEBEZIUM_FORMAT_VALUE=json", "DEBEZIUM_VERSION=3.0",
		 /* of a Kubernetes service called walferry */
		 "WALFERRY_SERVICE_HOST=10.0.0.1", "WALFERRY_SERVICE_PORT=80",
		 "WALFERRY_PORT=tcp://10.0.0.1:80", "WALFERRY_PORT_80_TCP=x", NULL};
	struct config				*c = config_new();
	const struct config_setting *k;
	struct config_topic			 topic;
	size_t						 n;
	bool						 linger = false;

	(void) state;
	config_load_env(c, env);
	if (!config_check(c))
	{
		show_errors(c);
		fail();
	}
	assert_string_equal(config_str(c, "database.hostname"), "h");
	assert_string_equal(config_str(c, "walferry.health.socket"), "/s");
	config_topic_creation(c, "x", &topic);
	assert_int_equal(topic.partitions, 4);
	k = config_kafka_settings(c, &n);
	for (size_t i = 0; i < n; i++)
		linger |= strcmp(k[i].name, "linger.ms") == 0 &&
				  strcmp(k[i].value, "7") == 0;
	assert_true(linger);
	config_free(c);
}

static void
unknown_variable_with_our_prefix_is_an_error(void **state)
{
	static char *const env[] = {"WALFERRY_TABLE_INCLUDE_LST=canary", NULL};
	struct config	  *c = load(BASE);

	(void) state;
	config_load_env(c, env);
	assert_false(config_check(c));
	assert_int_equal(config_error_count(c), 1);
	assert_string_equal(config_error(c, 0),
						"env WALFERRY_TABLE_INCLUDE_LST: table.include.lst: "
						"unknown property; did you mean table.include.list?");
	config_free(c);
}

static void
references_are_resolved(void **state)
{
	char		   text[1024];
	char		   name[200];
	char		  *var;
	char		  *env[4];
	struct config *c;

	(void) state;
	write_file("secrets.properties", "user = al\\u0069ce\npw: s3:cret\n");
	write_file("password", "hun${ter}2\n\n");
	snprintf(text, sizeof(text),
			 "database.hostname=${env:DBHOST}.${env:ZONE}\n"
			 "database.user=${file:%s/secrets.properties:user}\n"
			 "database.password=${file:%s/password}\n"
			 "database.sslpassword=${directory:%s:password}\n"
			 "database.dbname=d\ntopic.prefix=p\nbootstrap.servers=k\n",
			 scratch, scratch, scratch);
	snprintf(name, sizeof(name), "WALFERRY_DATABASE_SSLKEY_FILE=%s/password",
			 scratch);
	var = config_text_dup(name);
	env[0] = "DBHOST=db1";
	env[1] = "ZONE=internal";
	env[2] = var;
	env[3] = NULL;
	c = load(text);
	config_load_env(c, env);
	free(var);
	if (!config_check(c))
	{
		show_errors(c);
		fail();
	}
	assert_string_equal(config_str(c, "database.hostname"), "db1.internal");
	assert_string_equal(config_str(c, "database.user"), "alice");
	/* what comes out of a file is not looked into again */
	assert_string_equal(config_str(c, "database.password"), "hun${ter}2");
	assert_string_equal(config_str(c, "database.sslpassword"), "hun${ter}2");
	assert_string_equal(config_str(c, "database.sslkey"), "hun${ter}2");
	config_free(c);
}

static void
broken_references_are_errors(void **state)
{
	char more[300];

	(void) state;
	refused("slot.name=${env:NO_SUCH}\n", "the environment has no NO_SUCH");
	refused("database.password=${file:/no/such}\n", "cannot read /no/such");
	refused("database.password=${vault:secret/db:pw}\n",
			"the reference ${vault:...} is not understood");
	write_file("secrets.properties", "user=x\n");
	snprintf(more, sizeof(more),
			 "database.password=${file:%s/secrets.properties:pw}\n", scratch);
	refused(more, "has no \"pw\"");
	warned("database.password=${PASSWORD}\n",
		   "${env:PASSWORD} would read the environment");
}

static void
debezium_server_file_is_read(void **state)
{
	static const char text[] =
		"debezium.sink.type=kafka\n"
		"debezium.sink.kafka.producer.bootstrap.servers=kafka:9092\n"
		"debezium.sink.kafka.producer.key.serializer="
		"org.apache.kafka.common.serialization.StringSerializer\n"
		"debezium.sink.kafka.producer.value.serializer="
		"org.apache.kafka.common.serialization.StringSerializer\n"
		"debezium.source.connector.class="
		"io.debezium.connector.postgresql.PostgresConnector\n"
		"debezium.source.offset.storage.file.filename=data/offsets.dat\n"
		"debezium.source.offset.flush.interval.ms=0\n"
		"debezium.source.database.hostname=${DB_HOST:localhost}\n"
		"debezium.source.database.port=5432\n"
		"debezium.source.database.user=postgres\n"
		"debezium.source.database.password=${DB_PASSWORD}\n"
		"debezium.source.database.dbname=postgres\n"
		"debezium.source.topic.prefix=tutorial\n"
		"debezium.source.table.include.list=inventory.customers\n"
		"debezium.source.plugin.name=pgoutput\n"
		"debezium.source.snapshot.mode=no_data\n"
		"debezium.format.value=json\n"
		"debezium.format.value.schemas.enable=false\n"
		"quarkus.log.level=INFO\n"
		"quarkus.log.console.json=false\n";
	static char *const			 env[] = {"DB_PASSWORD=pw", NULL};
	struct config				*c = load(text);
	const struct config_setting *k;
	size_t						 n;

	(void) state;
	config_load_env(c, env);
	if (!config_check(c))
	{
		show_errors(c);
		fail();
	}
	assert_string_equal(config_str(c, "database.hostname"), "localhost");
	assert_string_equal(config_str(c, "database.password"), "pw");
	assert_string_equal(config_str(c, "topic.prefix"), "tutorial");
	k = config_kafka_settings(c, &n);
	assert_string_equal(k[0].name, "bootstrap.servers");
	assert_string_equal(k[0].value, "kafka:9092");
	assert_int_equal(config_announcement_count(c), 0);
	config_free(c);
}

static void
connect_tutorial_and_its_worker_are_read(void **state)
{
	static const char worker[] =
		"bootstrap.servers=kafka:9092\n"
		"group.id=1\n"
		"config.storage.topic=my_connect_configs\n"
		"offset.storage.topic=my_connect_offsets\n"
		"status.storage.topic=my_connect_statuses\n"
		"offset.storage.replication.factor=1\n"
		"key.converter=org.apache.kafka.connect.json.JsonConverter\n"
		"value.converter=org.apache.kafka.connect.json.JsonConverter\n"
		"value.converter.schemas.enable=false\n"
		"offset.flush.interval.ms=60000\n"
		"offset.flush.timeout.ms=5000\n"
		"task.shutdown.graceful.timeout.ms=10000\n"
		"heartbeat.interval.ms=3000\n"
		"session.timeout.ms=30000\n"
		"rest.advertised.host.name=connect\n"
		"rest.port=8083\n"
		"listeners=http://:8083\n"
		"plugin.path=/kafka/connect\n"
		"consumer.security.protocol=SSL\n"
		"producer.compression.type=lz4\n"
		"admin.client.id=x\n";
	static const char connector[] =
		"{\n"
		"  \"name\": \"inventory-connector\",\n"
		"  \"config\": {\n"
		"    \"connector.class\": "
		"\"io.debezium.connector.postgresql.PostgresConnector\",\n"
		"    \"tasks.max\": \"1\",\n"
		"    \"database.hostname\": \"postgres\",\n"
		"    \"database.port\": 5432,\n"
		"    \"database.user\": \"postgres\",\n"
		"    \"database.password\": \"postgres\",\n"
		"    \"database.dbname\" : \"postgres\",\n"
		"    \"topic.prefix\": \"dbserver1\",\n"
		"    \"schema.include.list\": \"inventory\"\n"
		"  }\n"
		"}\n";
	struct config *c = config_new();
	char		  *print;

	(void) state;
	assert_true(config_load_text(c, "w.properties", worker, strlen(worker)));
	assert_true(
		config_load_text(c, "register.json", connector, strlen(connector)));
	if (!config_check(c))
	{
		show_errors(c);
		fail();
	}
	assert_string_equal(config_str(c, "name"), "inventory-connector");
	assert_string_equal(config_str(c, "database.port"), "5432");
	/* the worker's heartbeat is not the connector's */
	assert_int_equal(config_int(c, "heartbeat.interval.ms"), 0);
	assert_true(has_line(config_warning_count(c), config_warning, c,
						 "heartbeat.interval.ms (w.properties:13)"));
	/* Debezium's default snapshot is announced */
	assert_int_equal(config_announcement_count(c), 1);
	print = printed(c);
	assert_non_null(strstr(print, "# register.json:12\n"));
	assert_non_null(strstr(print, "compression.type = lz4"));
	free(print);
	config_free(c);
}

static void
files_that_cannot_be_read_are_errors(void **state)
{
	struct config *c = config_new();
	char		   where[160];

	(void) state;
	assert_false(config_load_file(c, "/no/such/file"));
	assert_false(config_load_file(c, scratch));
	assert_false(config_load_file(c, write_file("a.yaml", "a: b\n")));
	assert_false(config_load_file(c, write_file("b.json", "{\"a\":\n}")));
	assert_false(config_check(c));
	snprintf(where, sizeof(where), "%s/b.json:2: bad JSON", scratch);
	assert_true(has_line(config_error_count(c), config_error, c,
						 "/no/such/file: cannot read the configuration: No "
						 "such file"));
	assert_true(has_line(config_error_count(c), config_error, c, where));
	assert_true(has_line(config_error_count(c), config_error, c, "YAML"));
	assert_true(has_line(config_error_count(c), config_error, c, "directory"));
	config_free(c);
}

/* ---- secrets, printouts ---- */

static void
all_messages(const struct config *c, struct buf *out)
{
	config_print(c, out);
	for (size_t i = 0; i < config_error_count(c); i++)
		buf_printf(out, "%s\n", config_error(c, i));
	for (size_t i = 0; i < config_warning_count(c); i++)
		buf_printf(out, "%s\n", config_warning(c, i));
	for (size_t i = 0; i < config_announcement_count(c); i++)
		buf_printf(out, "%s\n", config_announcement(c, i));
}

static void
no_secret_is_ever_shown(void **state)
{
	static const char text[] = BASE
		"database.password=canary01\n"
		"database.sslpassword=canary02\n"
		"sasl.jaas.config=org.apache.kafka.common.security.plain."
		"PlainLoginModule required username=\"u\" password=\"canary03\";\n"
		"security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\n"
		"ssl.key.password=canary04\n"
		"ssl.keystore.location=k.p12\nssl.keystore.type=PKCS12\n"
		"ssl.keystore.password=canary05\n"
		"ssl.keystore.key=canary06\n"
		"ssl.truststore.password=canary07\n"
		"producer.override.sasl.password=canary08\n"
		"consumer.override.sasl.jaas.config=canary09\n"
		"value.converter.basic.auth.user.info=canary10\n"
		"value.converter.schema.registry.url=http://u:canary11@h/\n"
		"column.mask.hash.SHA-256.with.salt.canary12=s.t.c\n"
		"sasl.oauthbearer.client.secret=canary13\n"
		"database.passwrod=canary14\n"
		"signal.consumer.sasl.jaas.config=canary15\n"
		"config.providers.vault.param.token=canary16\n"
		"slot.name=${file:%s:slot}\n"
		"database.initial.statements=${file:%s:canary}\n";
	static char *const env[] = {"WALFERRY_DATABASE_PASSWORDS=canary17", NULL};
	char		  *file = config_text_dup(write_file("s", "slot=canary_18\n"
																   "canary=canary19\n"));
	char		   full[4096];
	struct config *c;
	struct buf	   out = {0};
	char		  *show;

	(void) state;
	snprintf(full, sizeof(full), text, file, file);
	c = load(full);
	config_load_env(c, env);
	config_set_arg(c, "database.password=canary20");
	config_set_arg(c, "canary21");
	config_set_arg(c, "database.pasword=canary22");
	assert_false(config_check(c));
	all_messages(c, &out);
	show = config_text_dup(buf_cstr(&out));
	/* a key's name in a reference is not a secret */
	for (char *p; (p = strstr(show, ":canary}")) != NULL;)
		memset(p, '-', 8);
	if (strstr(show, "canary") != NULL)
		fail_msg("%s", strstr(show, "canary"));
	free(show);
	/* each is there all the same, masked */
	assert_non_null(strstr(buf_cstr(&out), "database.password = ****"));
	assert_non_null(strstr(buf_cstr(&out), "sasl.password = ****"));
	assert_non_null(strstr(buf_cstr(&out), "slot.name = ${file:"));
	/* nor is what is made of one */
	assert_non_null(strstr(buf_cstr(&out), "offsets.storage.topic = ****"));
	buf_free(&out);
	config_free(c);
	free(file);

	/* a good one, and a connector that cannot be parsed */
	c = good("database.password=canary\nproducer.override.sasl.password="
			 "canary\nproducer.override.sasl.username=u\n");
	all_messages(c, &out);
	assert_null(strstr(buf_cstr(&out), "canary"));
	assert_string_equal(config_str(c, "database.password"), "canary");
	config_free(c);
	buf_free(&out);
}

static void
assert_hash_rule(const struct config *c, size_t i, const char *algorithm,
				 enum mask_hash_version version, const char *salt)
{
	size_t						 n;
	const struct mask_hash_rule *rules = config_hash_rules(c, &n);

	assert_true(i < n);
	assert_string_equal(rules[i].algorithm, algorithm);
	assert_int_equal(rules[i].version, version);
	assert_string_equal(rules[i].salt, salt);
}

static void
hashes_are_rules_whose_names_hold_a_secret(void **state)
{
	static const char row[] = "column.mask.hash.<algorithm>.with.salt.<salt>";
	struct config	 *c;
	struct buf		  out = {0};
	size_t			  n;

	(void) state;

	/* Those of the first version go first, as they do in Debezium. */
	c = good("column.mask.hash.v2.SHA-256.with.salt.canary=s.t.a, s.t.b\n"
			 "column.mask.hash.md5.with.salt.canary.with.salt.x=s.t.c\n"
			 "debezium.source.column.mask.hash.SHA-512/256.with.salt.canary="
			 "s.u.*\n"
			 "column.mask.hash.v2.SHA3-512.with.salt.canary=\n");
	assert_string_equal(config_column_rules(c, row),
						"1:s.t.c;2:s.u.*;3:s.t.a, s.t.b");
	config_hash_rules(c, &n);
	assert_int_equal(n, 3);
	assert_hash_rule(c, 0, "md5", MASK_HASH_V1, "canary.with.salt.x");
	assert_hash_rule(c, 1, "SHA-512/256", MASK_HASH_V1, "canary");
	assert_hash_rule(c, 2, "SHA-256", MASK_HASH_V2, "canary");
	all_messages(c, &out);
	assert_null(strstr(buf_cstr(&out), "canary"));
	assert_non_null(strstr(buf_cstr(&out),
						   "column.mask.hash.v2.SHA-256.with.salt.******** = "
						   "s.t.a, s.t.b "));
	config_free(c);
	buf_free(&out);

	c = good("");
	assert_null(config_column_rules(c, row));
	assert_null(config_hash_rules(c, &n));
	assert_int_equal(n, 0);
	config_free(c);

	refused("column.mask.hash.SHA-999.with.salt.x=s.t.a\n",
			"column.mask.hash.SHA-999.with.salt.********: there is no "
			"algorithm \"SHA-999\"; what works is MD5, SHA-1, ");
	refused("column.mask.hash.v2.with.salt.x=s.t.a\n",
			"there is no algorithm \"v2\"");
	refused("column.mask.hash.v3.MD5.with.salt.x=s.t.a\n",
			"must be column.mask.hash.<algorithm>.with.salt.<salt> or "
			"column.mask.hash.v2.<algorithm>.with.salt.<salt>");
	refused("column.mask.hash.MD5.with.salt.=s.t.a\n",
			"unknown property; columns are hashed by column.mask.hash.v2.");
	refused("column.mask.hash.MD5.with.salt.x=s.t.(a\n",
			"with.salt.********: bad regular expression");
	refused("column.mask.hash.MD5.with.salt.x=s.t.a;s.t.b\n", "semicolon");
	warned("column.mask.hash.MD5.with.salt.x=\n",
		   "with.salt.********: names no columns");
	warned("column.mask.with.3.chars= ,\n", "names no columns");
}

/* Wherever the name of such a property comes from, and however it is spelt. */
static void
no_message_has_a_salt(void **state)
{
	static const char *const lines[] = {
		"column.mask.hash.SHA-256.with.salt.canary=s.t.c",
		"column.mask.hash.SHA-256.with.salt.canary=s.t.c\n"
		"column.mask.hash.SHA-256.with.salt.canary=s.t.c",
		"column.mask.hash.SHA-999.with.salt.canary=s.t.c",
		"column.mask.hash.SHA-256.with.slat.canary=s.t.c",
		"column.mask.hash.SHA-256.canary=s.t.c",
		"column.mask.hash.canary=s.t.c",
		"Column.Mask.Hash.v2.SHA-256.With.Salt.canary=s.t.c",
		"columns.mask.SHA-256.with.salt.canary=s.t.c",
		"column.mask.hash.v2.v2.SHA-256.with.salt.canary=s.t.c",
		"column.mask.hash.SHA-256.with.salt.canary=${file:/nowhere:x}",
		"column.mask.hash.SHA-256.with.salt.canary=s.t.(c",
		"producer.column.mask.hash.SHA-256.with.salt.canary=s.t.(c",
		"debezium.sink.column.mask.hash.SHA-256.with.salt.canary=s.t.c",
		"walferry.unknown.properties=warn\n"
		"column.mask.hashes.SHA-256.with.salt.canary=s.t.c",
	};
	static char *const env[] =
		{"WALFERRY_COLUMN_MASK_HASH_MD5_WITH_SALT_CANARY=s.t.c",
		 "DEBEZIUM_SOURCE_COLUMN_MASK_HASH_V2_MD5_WITH_SALT_CANARY=s.t.c",
		 "WALFERRY_COLUMN_MASK_HASH_SHA_256_WITH_SALT_CANARY_FILE=s.t.c",
		 NULL};
	struct config *c;
	struct buf	   out = {0};

	(void) state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
	{
		c = load(lines[i]);
		(void) config_check(c);
		all_messages(c, &out);
		if (strcasestr(buf_cstr(&out), "canary") != NULL)
			fail_msg("%s\n%s", lines[i], buf_cstr(&out));
		buf_reset(&out);
		config_free(c);
	}

	/* There a salt cannot be spelled. */
	c = load("");
	config_load_env(c, env);
	assert_false(config_check(c));
	all_messages(c, &out);
	assert_null(strcasestr(buf_cstr(&out), "canary"));
	assert_non_null(strstr(buf_cstr(&out), "cannot be in the environment"));
	config_free(c);
	buf_reset(&out);

	c = load("");
	config_set_arg(c, "column.mask.hash.MD5.with.salt.canary=s.t.c");
	(void) config_check(c);
	all_messages(c, &out);
	assert_null(strstr(buf_cstr(&out), "canary"));
	assert_non_null(strstr(buf_cstr(&out), "is visible to every user"));
	config_free(c);
	buf_free(&out);
}

static void
secret_on_the_command_line_is_warned_of(void **state)
{
	struct config *c = load(BASE);

	(void) state;
	config_set_arg(c, "database.password=canary");
	assert_true(config_check(c));
	assert_int_equal(config_warning_count(c), 1);
	assert_non_null(strstr(config_warning(c, 0), "visible to every user"));
	config_free(c);
}

static void
print_tells_value_and_origin(void **state)
{
	static char *const env[] = {"WALFERRY_SLOT_NAME=s1", NULL};
	struct config	  *c = load(BASE "max.batch.size=7\n");
	char			  *s;

	(void) state;
	config_load_env(c, env);
	config_set_arg(c, "table.include.list=a.b");
	assert_true(config_check(c));
	s = printed(c);
	assert_non_null(strstr(s, "database.hostname = db   "));
	assert_non_null(strstr(s, "# f:1\n"));
	assert_non_null(strstr(s, "# env WALFERRY_SLOT_NAME\n"));
	assert_non_null(strstr(s, "# flag\n"));
	assert_non_null(strstr(s, "database.port = 5432   "));
	assert_non_null(strstr(s, "# default\n"));
	assert_non_null(strstr(s, "max.batch.size = 7   "));
	assert_non_null(strstr(s, "# f:6, no effect\n"));
	assert_non_null(strstr(s, "acks = all"));
	free(s);
	config_free(c);
}

static void
help_and_document_come_from_the_table(void **state)
{
	size_t							n;
	const struct config_option	   *table = config_table(&n);
	const struct config_kafka_name *kafka;
	struct buf						help = {0};
	struct buf						docs = {0};

	(void) state;
	config_help(&help);
	config_docs(&docs);
	buf_cstr(&help);
	buf_cstr(&docs);
	for (size_t i = 0; i < n; i++)
	{
		char row[160];

		if (table[i].name == NULL)
			continue;
		snprintf(row, sizeof(row), "\n| `%s` | ", table[i].name);
		assert_non_null(strstr((char *) docs.data, row));
		snprintf(row, sizeof(row), "\n  %s", table[i].name);
		/* Debezium Server's are in the document alone */
		if (table[i].stance == CONFIG_WORKS &&
			strncmp(table[i].name, "debezium.", 9) != 0)
			assert_non_null(strstr((char *) help.data, row));
	}
	kafka = config_kafka_table(&n);
	for (size_t i = 0; i < n; i++)
	{
		char row[160];

		snprintf(row, sizeof(row), "\n| `%s` | ", kafka[i].name);
		assert_non_null(strstr((char *) docs.data, row));
	}
	/* every row of a Markdown table has the columns of its head */
	for (char *line = strtok((char *) docs.data, "\n"); line != NULL;
		 line = strtok(NULL, "\n"))
	{
		int bars = 0;

		for (char *p = line; *p; p++)
			bars += *p == '|' && (p == line || p[-1] != '\\');
		if (*line == '|' && bars != 6 && bars != 4)
			fail_msg("%s", line);
	}
	buf_free(&help);
	buf_free(&docs);
}

static void
adopt_takes_what_may_change_and_names_the_rest(void **state)
{
	struct config *c = good("");
	struct config *fresh = good("walferry.log.level=debug\n"
								"walferry.progress.interval.ms=5s\n"
								"slot.name=other\n"
								"producer.override.linger.ms=9\n");
	struct buf	   restart = {0};

	(void) state;
	config_adopt(c, fresh, &restart);
	config_free(fresh);
	assert_true(config_is(c, "walferry.log.level", "debug"));
	assert_int_equal(config_int(c, "walferry.progress.interval.ms"), 5000);
	assert_true(config_is(c, "slot.name", "debezium"));
	assert_string_equal(buf_cstr(&restart),
						"slot.name, offsets.storage.topic, "
						"Kafka client settings");
	buf_free(&restart);
	config_free(c);
}

/* What has the changed rules is the next process. */
static void
reload_tells_of_other_rules_for_columns(void **state)
{
	static const struct
	{
		const char *before;
		const char *after;
		const char *restart;
	} cases[] = {
		{"column.mask.with.5.chars=s.t.a\n",
		 "column.mask.with.5.chars=s.t.a\n", ""},
		{"column.mask.with.5.chars=s.t.a\n",
		 "column.mask.with.6.chars=s.t.a\n", "column.mask.with.<n>.chars"},
		{"", "column.truncate.to.6.chars=s.t.a\n",
		 "column.truncate.to.<n>.chars"},
		{"column.mask.hash.MD5.with.salt.a=s.t.a\n",
		 "column.mask.hash.MD5.with.salt.b=s.t.a\n",
		 "column.mask.hash.<algorithm>.with.salt.<salt>"},
		{"column.mask.hash.MD5.with.salt.a=s.t.a\n",
		 "column.mask.hash.v2.MD5.with.salt.a=s.t.a\n",
		 "column.mask.hash.<algorithm>.with.salt.<salt>"},
		{"column.mask.hash.v2.MD5.with.salt.a=s.t.a\n", "",
		 "column.mask.hash.<algorithm>.with.salt.<salt>"},
		{"column.mask.hash.v2.MD5.with.salt.a=s.t.a\n",
		 "column.mask.hash.v2.MD5.with.salt.a=s.t.a\n", ""},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		struct config *c = good(cases[i].before);
		struct config *fresh = good(cases[i].after);
		struct buf	   restart = {0};

		config_adopt(c, fresh, &restart);
		assert_string_equal(buf_cstr(&restart), cases[i].restart);
		config_free(fresh);
		config_free(c);
		buf_free(&restart);
	}
}

static int
make_scratch(void **state)
{
	(void) state;
	return mkdtemp(scratch) == NULL;
}

static int
remove_scratch(void **state)
{
	static const char *const files[] = {"secrets.properties", "password",
										"a.yaml", "b.json", "s"};

	(void) state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
	{
		char path[128];

		snprintf(path, sizeof(path), "%s/%s", scratch, files[i]);
		unlink(path);
	}
	return rmdir(scratch);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_knows_every_property_of_debezium),
		cmocka_unit_test(table_is_consistent),
		cmocka_unit_test(every_default_is_accepted_when_it_is_written),
		cmocka_unit_test(defaults_are_there_without_being_set),
		cmocka_unit_test(values_are_read_by_their_types),
		cmocka_unit_test(bad_values_are_refused_by_name),
		cmocka_unit_test(bad_expression_names_the_property_and_the_offset),
		cmocka_unit_test(key_columns_that_name_no_table_or_column_are_refused),
		cmocka_unit_test(rules_for_columns_are_as_the_plugin_reads_them),
		cmocka_unit_test(hashes_are_rules_whose_names_hold_a_secret),
		cmocka_unit_test(no_message_has_a_salt),
		cmocka_unit_test(include_and_exclude_exclude_each_other),
		cmocka_unit_test(what_is_missing_is_named),
		cmocka_unit_test(values_not_built_are_refused_by_name),
		cmocka_unit_test(naming_strategies_are_known_by_their_class),
		cmocka_unit_test(transactions_have_a_topic_of_their_own),
		cmocka_unit_test(schemas_are_asked_for_by_either_name),
		cmocka_unit_test(lists_of_expressions_name_columns_as_a_whole),
		cmocka_unit_test(heartbeats_have_a_topic_of_their_own),
		cmocka_unit_test(what_will_never_work_is_refused_with_the_way_out),
		cmocka_unit_test(compatibility_says_whose_defaults_they_are),
		cmocka_unit_test(what_has_no_effect_is_one_warning_for_each_reason),
		cmocka_unit_test(exactly_once_has_two_names),
		cmocka_unit_test(exactly_once_keeps_its_position_in_the_topic),
		cmocka_unit_test(stdout_stores_nothing),
		cmocka_unit_test(position_topic_has_a_name_of_its_own),
		cmocka_unit_test(default_position_topic_may_be_too_long),
		cmocka_unit_test(mismatch_of_positions_is_never_papered_over),
		cmocka_unit_test(kafka_transactions_end_within_their_timeout),
		cmocka_unit_test(unknown_names_are_errors_with_a_suggestion),
		cmocka_unit_test(a_name_given_twice_in_a_file_is_warned_of),
		cmocka_unit_test(missing_snapshot_and_schema_are_announced_once),
		cmocka_unit_test(no_limit_of_memory_is_not_offered),
		cmocka_unit_test(
			flags_win_over_environment_over_later_over_earlier_file),
		cmocka_unit_test(libpq_variables_stand_in_for_what_is_missing),
		cmocka_unit_test(environment_reaches_every_kind_of_name),
		cmocka_unit_test(unknown_variable_with_our_prefix_is_an_error),
		cmocka_unit_test(references_are_resolved),
		cmocka_unit_test(broken_references_are_errors),
		cmocka_unit_test(debezium_server_file_is_read),
		cmocka_unit_test(connect_tutorial_and_its_worker_are_read),
		cmocka_unit_test(files_that_cannot_be_read_are_errors),
		cmocka_unit_test(no_secret_is_ever_shown),
		cmocka_unit_test(secret_on_the_command_line_is_warned_of),
		cmocka_unit_test(print_tells_value_and_origin),
		cmocka_unit_test(help_and_document_come_from_the_table),
		cmocka_unit_test(adopt_takes_what_may_change_and_names_the_rest),
		cmocka_unit_test(reload_tells_of_other_rules_for_columns),
	};

	return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
