/* links: rename buf */
/* libs: libpcre2-8 */
/*
 * Names by a regular expression, as Java's Matcher has them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../forwarder/rename.h"

static void
name_is_replaced_where_all_of_it_matches(void **state)
{
	static const struct
	{
		const char *regex;
		const char *replacement;
		const char *name;
		const char *to; /* NULL: it is not matched */
	} cases[] = {
		{"(.*)_[0-9]+", "$1", "p.s.t_12", "p.s.t"},
		{"(.*)_[0-9]+", "$1", "p.s.t_12x", NULL},
		{"t", "$0$0", "t", "tt"},
		{"(?<a>.)(?<b>.)", "${b}-${a}", "xy", "y-x"},
		{"(.)", "\\$1\\\\", "x", "$1\\"},
		/* of two digits both count only where there is such a group */
		{"(.)", "$10", "x", "x0"},
		{"(x)|(y)", "[$1$2]", "y", "[y]"},
		/* Java replaces the first match, not the whole one */
		{"x|xy", "z", "xy", "zy"},
		{".*", "", "x", ""},
		{"(\xc3\xa4+)", "<$1>", "\xc3\xa4\xc3\xa4", "<\xc3\xa4\xc3\xa4>"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		struct buf	   out = {0};
		struct rename *r = rename_new(cases[i].regex, cases[i].replacement,
									  &out);

		assert_non_null(r);
		assert_int_equal(rename_apply(r, cases[i].name, &out),
						 cases[i].to != NULL ? RENAME_DONE : RENAME_NO_MATCH);
		if (cases[i].to != NULL)
			assert_string_equal(buf_cstr(&out), cases[i].to);
		else
			assert_int_equal(out.len, 0);
		rename_free(r);
		buf_free(&out);
	}
}

/* A table must not go where it was not to go because of that. */
static void
what_takes_too_much_is_no_answer(void **state)
{
	struct buf	   out = {0};
	struct rename *r = rename_new("((a|aa)+[bc]|.*d)", "x", &out);
	char		   name[100];

	(void) state;
	assert_non_null(r);
	assert_int_equal(rename_apply(r, "aad", &out), RENAME_DONE);
	buf_reset(&out);
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 2] = 'd';
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(rename_apply(r, name, &out), RENAME_FAILED);
	assert_int_equal(out.len, 0);
	rename_free(r);
	buf_free(&out);
}

static void
replacement_that_makes_no_sense_is_refused(void **state)
{
	static const char *const wrong[] =
		{"$2",
		 "$",
		 "$x",
		 "${b}",
		 "${a",
		 "x\\",
		 "${a_name_longer_than_any_of_a_group}"};

	(void) state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
	{
		struct buf error = {0};

		assert_null(rename_new("(?<a>.)", wrong[i], &error));
		assert_true(error.len > 0);
		buf_free(&error);
	}
	rename_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name_is_replaced_where_all_of_it_matches),
		cmocka_unit_test(what_takes_too_much_is_no_answer),
		cmocka_unit_test(replacement_that_makes_no_sense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
