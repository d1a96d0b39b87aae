/* links: source_config buf */
/*
 * What the configuration means for the source.  The configuration is this
 * file's: names and values as a test sets them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../forwarder/config.h"
#include "../../forwarder/source_config.h"

struct config
{
	struct
	{
		const char *name;
		const char *value;
	} set[12];
	size_t				  nset;
	const char			 *skipped[4];
	size_t				  nskipped;
	struct config_setting params[4];
	size_t				  nparams;
};

const char *
config_str(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->nset; i++)
	{
		if (strcmp(c->set[i].name, name) == 0)
			return c->set[i].value;
	}
	return strcmp(name, "slot.name") == 0 ? "walferry" : NULL;
}

bool
config_bool(const struct config *c, const char *name)
{
	return config_is(c, name, "true");
}

int64_t
config_int(const struct config *c, const char *name)
{
	(void) c;
	return strcmp(name, "database.port") == 0 ? 5432 : 0;
}

bool
config_is(const struct config *c, const char *name, const char *value)
{
	const char *is = config_str(c, name);

	if (is == NULL && strcmp(name, "walferry.sink") == 0)
		is = "kafka";
	return is != NULL && strcmp(is, value) == 0;
}

size_t
config_record_max(const struct config *c)
{
	(void) c;
	return 1000;
}

bool
config_is_set(const struct config *c, const char *name)
{
	(void) c;
	(void) name;
	return false;
}

const char *const *
config_list(const struct config *c, const char *name, size_t *n)
{
	static const char *const ports[] = {"5432"};

	if (strcmp(name, "database.port") == 0)
	{
		*n = 1;
		return ports;
	}
	assert_string_equal(name, "skipped.operations");
	*n = c->nskipped;
	return c->skipped;
}

const struct config_setting *
config_stream_params(const struct config *c, size_t *n)
{
	*n = c->nparams;
	return c->params;
}

const char *
config_column_rules(const struct config *c, const char *name)
{
	return config_str(c, name);
}

static void
set(struct config *c, const char *name, const char *value)
{
	c->set[c->nset].name = name;
	c->set[c->nset].value = value;
	c->nset++;
}

static void
set_param(struct config *c, const char *name, const char *value)
{
	c->params[c->nparams++] = (struct config_setting){.name = name,
													  .value = value};
}

static uint64_t
filter_of(const struct config *c)
{
	struct source_config s = {0};
	uint64_t			 filter;

	source_config_init(&s, c);
	filter = source_config_filter(&s);
	source_config_free(&s);
	return filter;
}

/* Each configuration another hash; the first is that of none of them. */
static void
filter_differs_with_each_option_of_the_stream(void **state)
{
	static const char *const lists[] =
		{"schema.include.list",
		 "schema.exclude.list",
		 "table.include.list",
		 "table.exclude.list",
		 "column.include.list",
		 "column.exclude.list",
		 "message.key.columns",
		 "column.mask.with.<n>.chars",
		 "column.truncate.to.<n>.chars",
		 "message.prefix.include.list",
		 "message.prefix.exclude.list",
		 "column.mask.hash.<algorithm>.with.salt.<salt>"};
	static const char *const operations[] = {"c", "u", "d", "t"};
	struct config			 c[40] = {0};
	size_t					 n = 1;

	(void) state;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
	{
		set(&c[n++], lists[i], "public.a");
		set(&c[n++], lists[i], "public.b");
	}
	for (size_t i = 0; i < 4; i++)
		c[n].skipped[0] = operations[i], c[n++].nskipped = 1;
	set(&c[n++], "publish.via.partition.root", "true");
	set(&c[n++], "skip.messages.without.change", "true");
	set(&c[n++], "compatibility", "debezium");
	set_param(&c[n++], "max_row_bytes", "1000");
	set_param(&c[n++], "max_row_bytes", "1001");

	/* What a name ends with is not what its value begins with. */
	set_param(&c[n++], "max_row_bytes1", "000");
	assert_true(n <= sizeof(c) / sizeof(c[0]));
	for (size_t i = 0; i < n; i++)
	{
		assert_true(filter_of(&c[i]) == filter_of(&c[i]));
		for (size_t j = 0; j < i; j++)
		{
			if (filter_of(&c[i]) == filter_of(&c[j]))
				fail_msg("configurations %zu and %zu look the same", i, j);
		}
	}
}

/* Where it comes from and what becomes of it does not decide what is in it. */
static void
filter_is_the_same_whatever_is_not_in_the_stream(void **state)
{
	struct config none = {0};
	struct config c = {0};

	(void) state;
	set(&c, "database.hostname", "elsewhere");
	set(&c, "database.user", "somebody");
	set(&c, "database.dbname", "shop");
	set(&c, "slot.name", "other");
	set(&c, "walferry.slot.create", "true");
	set(&c, "exactly.once", "true");
	set(&c, "table.include.list", "");
	assert_true(filter_of(&c) == filter_of(&none));
}

/* Two of them would take the producer from each other. */
static void
lock_is_taken_where_positions_are_stored(void **state)
{
	static const struct
	{
		const char *name;
		const char *value;
		bool		lock;
	} cases[] = {
		{"walferry.sink", "kafka", false},
		{"exactly.once", "true", true},
		{"walferry.position.store", "topic", true},
		{"walferry.position.store", "slot", false},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		struct config		 c = {0};
		struct source_config s = {0};

		set(&c, cases[i].name, cases[i].value);
		source_config_init(&s, &c);
		assert_int_equal(s.repl.lock, cases[i].lock);

		/* On which timeline a stored position is, has to be known. */
		assert_int_equal(s.repl.primary, cases[i].lock);
		source_config_free(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filter_differs_with_each_option_of_the_stream),
		cmocka_unit_test(filter_is_the_same_whatever_is_not_in_the_stream),
		cmocka_unit_test(lock_is_taken_where_positions_are_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
