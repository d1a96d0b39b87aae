/* links: kafka_version buf */
/*
 * What old versions of librdkafka break: who is told what.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../forwarder/kafka_version.h"

#define USES_ALL                                                     \
	(KAFKA_USE_PRODUCER | KAFKA_USE_TRANSACTIONS | KAFKA_USE_SCRAM | \
	 KAFKA_USE_CERTIFICATE | KAFKA_USE_POSITIONS | KAFKA_USE_TLS)

/* Does 'version' give who makes these uses a warning that has this word? */
static bool
warns(int version, unsigned uses, const char *word)
{
	size_t					 n;
	const struct kafka_flaw *flaws = kafka_version_flaws(&n);

	for (size_t i = 0; i < n; i++)
	{
		if (kafka_version_meets(&flaws[i], version, uses) &&
			strstr(flaws[i].breaks, word) != NULL)
			return true;
	}
	return false;
}

static bool
tells(int version, unsigned uses, const char *see)
{
	size_t					 n;
	const struct kafka_flaw *flaws = kafka_version_flaws(&n);

	for (size_t i = 0; i < n; i++)
	{
		if (strcmp(flaws[i].see, see) == 0 &&
			kafka_version_meets(&flaws[i], version, uses))
			return true;
	}
	return false;
}

static size_t
count(int version, unsigned uses)
{
	size_t					 n;
	size_t					 met = 0;
	const struct kafka_flaw *flaws = kafka_version_flaws(&n);

	for (size_t i = 0; i < n; i++)
		met += kafka_version_meets(&flaws[i], version, uses);
	return met;
}

static void
each_row_is_whole(void **state)
{
	size_t					 n;
	const struct kafka_flaw *flaws = kafka_version_flaws(&n);

	(void) state;
	assert_true(n > 0);
	for (size_t i = 0; i < n; i++)
	{
		const struct kafka_flaw *f = &flaws[i];

		assert_true(f->breaks[0] != '\0' && f->effect[0] != '\0' &&
					f->see[0] != '\0');
		assert_true(f->from < f->until);

		/* Nobody meets what cannot be run with. */
		assert_true(f->until > KAFKA_VERSION_LEAST);
		assert_int_equal(f->until & 0xff, 0xff);
		assert_true(i == 0 || flaws[i - 1].until <= f->until);

		/* Nobody meets it, and that is said; or somebody does. */
		assert_int_equal(f->uses == 0, strncmp(f->effect, "none: ", 6) == 0);
		assert_int_equal(f->uses & ~(unsigned) USES_ALL, 0);

		/* Neither a line of the log nor a table may break. */
		assert_null(strpbrk(f->breaks, "|\n"));
		assert_null(strpbrk(f->effect, "|\n"));
	}
}

static void
a_flaw_ends_with_the_release_that_repairs_it(void **state)
{
	(void) state;
	assert_true(warns(0x020002ff, KAFKA_USE_PRODUCER, "desynchronization"));
	assert_true(warns(0x020200ff, KAFKA_USE_PRODUCER, "desynchronization"));
	assert_false(warns(0x020300ff, KAFKA_USE_PRODUCER, "desynchronization"));

	/* A candidate of a release may not have it yet. */
	assert_true(warns(0x02030001, KAFKA_USE_PRODUCER, "desynchronization"));
}

static void
a_flaw_begins_with_the_release_that_brought_it(void **state)
{
	(void) state;
	assert_false(warns(0x020002ff, KAFKA_USE_PRODUCER, "MessageSet"));
	assert_false(warns(0x020101ff, KAFKA_USE_PRODUCER, "MessageSet"));
	assert_true(warns(0x020200ff, KAFKA_USE_PRODUCER, "MessageSet"));
	assert_true(warns(0x020400ff, KAFKA_USE_PRODUCER, "MessageSet"));
	assert_false(warns(0x020500ff, KAFKA_USE_PRODUCER, "MessageSet"));
}

static void
only_who_uses_it_is_told(void **state)
{
	(void) state;
	assert_false(warns(0x020002ff, KAFKA_USE_PRODUCER, "SCRAM"));
	assert_true(warns(0x020002ff, KAFKA_USE_SCRAM, "SCRAM"));
	assert_true(warns(0x020600ff, KAFKA_USE_SCRAM, "SCRAM"));
	assert_false(warns(0x020601ff, KAFKA_USE_SCRAM, "SCRAM"));
	assert_true(warns(0x020800ff, KAFKA_USE_TRANSACTIONS, "coordinator"));
	assert_false(warns(0x020800ff, KAFKA_USE_PRODUCER, "coordinator"));
	assert_false(warns(0x020002ff, USES_ALL, "produceva"));
	assert_false(warns(0x020500ff, USES_ALL, "telemetry"));
}

/* By number, as librdkafka's CHANGELOG.md has them. */
static void
what_an_old_one_breaks_is_told_in_full(void **state)
{
	static const struct
	{
		const char *see;
		unsigned	use;
		int			has; /* a release that has it ... */
		int has_not;	 /* ... and one that has not: the next, or before */
	} cases[] = {
		{"#4294", KAFKA_USE_TLS, 0x020101ff, 0x020200ff},
		{"#4438", KAFKA_USE_PRODUCER, 0x020200ff, 0x020300ff},
		{"#4460", KAFKA_USE_POSITIONS, 0x020200ff, 0x020300ff},
		{"#4677", KAFKA_USE_PRODUCER, 0x020100ff, 0x020002ff},
		{"#4677", KAFKA_USE_PRODUCER, 0x020300ff, 0x020400ff},
		{"#4689", KAFKA_USE_PRODUCER, 0x020002ff, 0x020500ff},
		{"#4750", KAFKA_USE_PRODUCER, 0x020400ff, 0x020500ff},
		{"#4895", KAFKA_USE_SCRAM, 0x020600ff, 0x020601ff},
		{"#4894", KAFKA_USE_CERTIFICATE, 0x020601ff, 0x020800ff},
		{"#4964, #4778", KAFKA_USE_PRODUCER, 0x020400ff, 0x020300ff},
		{"#4964, #4778", KAFKA_USE_PRODUCER, 0x020800ff, 0x020a00ff},
		{"#4907", KAFKA_USE_PRODUCER, 0x020800ff, 0x020a00ff},
		{"#4970", KAFKA_USE_PRODUCER, 0x020800ff, 0x020a00ff},
		{"#4970", KAFKA_USE_TRANSACTIONS, 0x020800ff, 0x020a00ff},
		{"#5086", KAFKA_USE_PRODUCER, 0x020a00ff, 0x020a01ff},
		{"#5201", KAFKA_USE_POSITIONS, 0x020300ff, 0x020200ff},
		{"#5201", KAFKA_USE_POSITIONS, 0x020b01ff, 0x020c00ff},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		assert_true(tells(cases[i].has, cases[i].use, cases[i].see));
		assert_false(tells(cases[i].has_not, cases[i].use, cases[i].see));
		assert_false(tells(cases[i].has, 0, cases[i].see));
	}
}

static void
the_newest_has_nothing_to_be_told(void **state)
{
	(void) state;
	assert_int_equal(count(0x020a01ff, KAFKA_USE_PRODUCER), 0);
	assert_int_equal(count(0x020c00ff, USES_ALL), 0);
	assert_int_equal(count(0x020f00ff, USES_ALL), 0);
}

static void
versions_are_written_as_releases_are(void **state)
{
	char text[KAFKA_VERSION_TEXT];

	(void) state;
	assert_string_equal(kafka_version_text(KAFKA_VERSION_LEAST, text),
						"2.0.2");
	assert_string_equal(kafka_version_text(0x020f00ff, text), "2.15.0");
	assert_string_equal(kafka_version_text(0x020a01fe, text), "before 2.10.1");
}

static void
the_document_has_each_row(void **state)
{
	struct buf				 out = {0};
	size_t					 n;
	const struct kafka_flaw *flaws = kafka_version_flaws(&n);

	(void) state;
	kafka_version_docs(&out);
	for (size_t i = 0; i < n; i++)
	{
		assert_non_null(strstr(buf_cstr(&out), flaws[i].breaks));
		assert_non_null(strstr(buf_cstr(&out), flaws[i].effect));
		assert_non_null(strstr(buf_cstr(&out), flaws[i].see));
	}
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_row_is_whole),
		cmocka_unit_test(a_flaw_ends_with_the_release_that_repairs_it),
		cmocka_unit_test(a_flaw_begins_with_the_release_that_brought_it),
		cmocka_unit_test(only_who_uses_it_is_told),
		cmocka_unit_test(what_an_old_one_breaks_is_told_in_full),
		cmocka_unit_test(the_newest_has_nothing_to_be_told),
		cmocka_unit_test(versions_are_written_as_releases_are),
		cmocka_unit_test(the_document_has_each_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
