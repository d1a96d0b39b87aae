/* links: config_properties config_json config_text config_salted javaregex buf */
/* libs: jansson libpcre2-8 */
/*
 * The two parsers of files, by what they call back with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "config_part.h"

/* Pairs as "name|value|line" lines. */
static void
note(void *arg, const char *name, const char *value, int line)
{
	buf_printf(arg, "%s|%s|%d\n", name, value, line);
}

static void
check_properties(const char *text, const char *expected)
{
	struct buf got = {0};
	struct buf why = {0};
	int		   line;
	char	  *copy = config_text_dup(text);

	assert_true(
		config_properties_parse(copy, strlen(text), note, &got, &line, &why));
	assert_string_equal(buf_cstr(&got), expected);
	assert_int_equal(why.len, 0);
	free(copy);
	buf_free(&got);
	buf_free(&why);
}

static void
check_bad(bool json, const char *text, size_t len, int at_line,
		  const char *reason)
{
	struct buf got = {0};
	struct buf why = {0};
	int		   line = 0;
	char	  *copy = config_text_dupn(text, len);

	if (json)
		assert_false(config_json_parse(copy, len, note, &got, &line, &why));
	else
		assert_false(
			config_properties_parse(copy, len, note, &got, &line, &why));
	assert_int_equal(line, at_line);
	if (strstr(buf_cstr(&why), reason) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", buf_cstr(&why), reason);
	assert_null(strstr(buf_cstr(&why), "canary"));
	free(copy);
	buf_free(&got);
	buf_free(&why);
}

static void
properties_takes_all_three_separators(void **state)
{
	(void) state;
	check_properties("a=1\nb:2\nc 3\nd\t=\t4\ne  :  5\nf==6\ng=\nh\n",
					 "a|1|1\nb|2|2\nc|3|3\nd|4|4\ne|5|5\nf|=6|6\ng||7\n"
					 "h||8\n");
}

static void
properties_ignores_comments_and_blank_lines(void **state)
{
	(void) state;
	check_properties("# one\n\n  ! two\n \t\f\na=1 # not a comment\n#last",
					 "a|1 # not a comment|5\n");
}

static void
properties_continues_lines(void **state)
{
	(void) state;
	check_properties("list=a,\\\n    b,\\\r\n\tc\nnext=1\n",
					 "list|a,b,c|1\nnext|1|4\n");
	/* an even number of backslashes is text */
	check_properties("a=x\\\\\nb=2", "a|x\\|1\nb|2|2\n");
	check_properties("a=x\\\\\\\n  y", "a|x\\y|1\n");
	/* a comment sign on a continued line is text; the end may come at once */
	check_properties("a=1,\\\n#2\nb=3\\", "a|1,#2|1\nb|3|3\n");
	/* names continue as well */
	check_properties("na\\\n  me=1", "name|1|1\n");
}

static void
properties_reads_escapes(void **state)
{
	(void) state;
	check_properties("a\\ b\\=c\\:d=1", "a b=c:d|1|1\n");
	check_properties("t=x\\ty\\nz\\qw", "t|x\ty\nzqw|1\n");
	check_properties("u=\\u00fc\\u20AC\\uD83D\\uDE00", "u|ü€😀|1\n");
	check_properties("re=a\\\\.b", "re|a\\.b|1\n");
	check_properties("u=grün", "u|grün|1\n");
}

static void
properties_takes_every_line_end_and_a_byte_order_mark(void **state)
{
	(void) state;
	check_properties("\xEF\xBB\xBF"
					 "a=1\r\nb=2\rc=3\nd=4",
					 "a|1|1\nb|2|2\nc|3|3\nd|4|4\n");
}

static void
properties_trims_values(void **state)
{
	(void) state;
	check_properties("  a =  1 2  \t\n", "a|1 2|1\n");
}

static void
properties_refuses_what_is_no_text(void **state)
{
	(void) state;
	check_bad(false, "a=1\nb=\\u12\n", 10, 2, "four hexadecimal");
	check_bad(false, "a=\\ud83d", 8, 1, "does not give a character");
	check_bad(false, "a=\\u0000", 8, 1, "does not give a character");
	check_bad(false, "a=\\ud83d\\u0041", 14, 1, "does not give a character");
	check_bad(false, "a=1\npassword=canary\xfc\n", 21, 2, "UTF-8");
	check_bad(false, "a=1\nb\0c", 7, 2, "zero byte");
}

static void
check_json(const char *text, const char *expected)
{
	struct buf got = {0};
	struct buf why = {0};
	int		   line;

	if (!config_json_parse(text, strlen(text), note, &got, &line, &why))
		fail_msg("%s", buf_cstr(&why));
	assert_string_equal(buf_cstr(&got), expected);
	buf_free(&got);
	buf_free(&why);
}

static void
json_takes_the_connectors_object_and_the_inner_one(void **state)
{
	(void) state;
	check_json("{\n \"name\": \"n\",\n \"config\": {\n  \"a.b\": \"1\",\n"
			   "  \"c\": \"name\",\n  \"name2\": \" x \"\n }\n}",
			   "name|n|2\na.b|1|4\nc|name|5\nname2|x|6\n");
	check_json("{\"a\": \"1\",\n\"b\":\n\"a\"}", "a|1|1\nb|a|2\n");
	/* a name inside wins over the one outside */
	check_json("{\"name\": \"x\", \"config\": {\"name\": \"y\"}}",
			   "name|y|1\n");
}

static void
json_takes_plain_values_of_every_type(void **state)
{
	(void) state;
	check_json("{\"i\": 5432, \"t\": true, \"f\": false, \"n\": null, "
			   "\"s\": \"\\u00fc\"}",
			   "i|5432|1\nt|true|1\nf|false|1\ns|ü|1\n");
}

static void
json_refuses_the_rest_without_repeating_it(void **state)
{
	static const char unquoted[] = "{\n\"database.password\": canary\n}";
	static const char twice[] = "{\"canary\": 1,\n\"canary\": 2}";
	static const char nested[] = "{\n\"a\": {\"b\": \"canary\"}}";
	static const char salted[] =
		"{\"column.mask.hash.MD5.with.salt.canary\": [\"s.t.a\"]}";
	static const char list[] = "[\"canary\"]";
	static const char cut[] = "{\"database.password\": \"canary";

	(void) state;
	check_bad(true, unquoted, strlen(unquoted), 2, "bad JSON");
	check_bad(true, twice, strlen(twice), 2, "duplicate");
	check_bad(true, nested, strlen(nested), 2, "must be a string");
	check_bad(true, salted, strlen(salted), 1,
			  "column.mask.hash.MD5.with.salt.********: the value must be");
	check_bad(true, list, strlen(list), 1, "must be an object");
	check_bad(true, cut, strlen(cut), 1, "bad JSON");
}

static void
split_keeps_commas_that_are_escaped_in_an_expression(void **state)
{
	static const struct
	{
		const char *list;
		bool		regex;
		const char *expected;
	} cases[] = {
		{"a,b", false, "a;b;"},
		{" a , ,b, ", false, "a;b;"},
		{"a\\,b,c", true, "a,b;c;"},
		{"s.t{1\\,2},s.[a\\,b]c", true, "s.t{1,2};s.[a,b]c;"},
		{"s\\.t,\\[,x", true, "s\\.t;\\[;x;"},
		{"s.{1,2}", true, "s.{1;2};"},
		{"a\\\\,b\\\\\\,c", true, "a\\\\;b\\\\,c;"},
		{"\ta\\ ,, b", true, "a\\;b;"},
		{"a{1,b", false, "a{1;b;"},
		{"a\\", true, "a\\;"},
		{"", true, ""},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		struct config_strings list = {0};
		struct buf			  got = {0};

		config_text_split(cases[i].list, cases[i].regex, &list);
		for (size_t k = 0; k < list.n; k++)
			buf_printf(&got, "%s;", list.v[k]);
		assert_string_equal(buf_cstr(&got), cases[i].expected);
		config_text_free(&list);
		buf_free(&got);
	}
}

static void
number_knows_units_of_its_type_only(void **state)
{
	int64_t v;

	(void) state;
	assert_true(config_text_number(CONFIG_INT, "-1", &v));
	assert_int_equal(v, -1);
	assert_true(config_text_number(CONFIG_MS, "10s", &v));
	assert_int_equal(v, 10000);
	assert_true(config_text_number(CONFIG_MS, "5 m", &v));
	assert_int_equal(v, 300000);
	assert_true(config_text_number(CONFIG_BYTES, "8MB", &v));
	assert_int_equal(v, 8388608);
	assert_true(config_text_number(CONFIG_BYTES, "9223372036854775807", &v));
	assert_false(config_text_number(CONFIG_BYTES, "9223372036854775808", &v));
	assert_false(
		config_text_number(CONFIG_BYTES, "9223372036854775807kB", &v));
	assert_false(config_text_number(CONFIG_INT, "10s", &v));
	assert_false(config_text_number(CONFIG_MS, "10MB", &v));
	assert_false(config_text_number(CONFIG_INT, "", &v));
	assert_false(config_text_number(CONFIG_INT, "1.5", &v));
	assert_false(config_text_number(CONFIG_INT, "x", &v));
	assert_false(config_text_number(CONFIG_INT, "--1", &v));
}

static void
distance_counts_edits(void **state)
{
	(void) state;
	assert_int_equal(config_text_distance("slot.name", "slot.name"), 0);
	assert_int_equal(config_text_distance("slot.nmae", "slot.name"), 1);
	assert_int_equal(config_text_distance("slt.name", "slot.name"), 1);
	assert_int_equal(config_text_distance("slott.name", "slot.name"), 1);
	assert_int_equal(config_text_distance("", "abc"), 3);
	assert_int_equal(config_text_distance("abc", ""), 3);
}

static void
match_wants_text_for_each_placeholder(void **state)
{
	(void) state;
	assert_true(config_text_match("a.<n>.b", "a.5.b"));
	assert_true(config_text_match("a.<n>.b", "a.5.6.b"));
	assert_true(config_text_match("a.*", "a.b.c"));
	assert_false(config_text_match("a.<n>.b", "a..b"));
	assert_false(config_text_match("a.*", "a."));
	assert_false(config_text_match("a.<n>.b", "a.5.bc"));
}

static void
utf8_valid_finds_the_first_bad_byte(void **state)
{
	(void) state;
	assert_int_equal(config_text_utf8_valid("aü€😀", 10), 10);
	assert_int_equal(config_text_utf8_valid("a\xc0\x80", 3), 1);
	assert_int_equal(config_text_utf8_valid("\xed\xa0\x80", 3), 0);
	assert_int_equal(config_text_utf8_valid("\xf4\x90\x80\x80", 4), 0);
	assert_int_equal(config_text_utf8_valid("ab\xe2\x82", 4), 2);
	assert_int_equal(config_text_utf8_valid("\xe0\x80\x80", 3), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(properties_takes_all_three_separators),
		cmocka_unit_test(properties_ignores_comments_and_blank_lines),
		cmocka_unit_test(properties_continues_lines),
		cmocka_unit_test(properties_reads_escapes),
		cmocka_unit_test(
			properties_takes_every_line_end_and_a_byte_order_mark),
		cmocka_unit_test(properties_trims_values),
		cmocka_unit_test(properties_refuses_what_is_no_text),
		cmocka_unit_test(json_takes_the_connectors_object_and_the_inner_one),
		cmocka_unit_test(json_takes_plain_values_of_every_type),
		cmocka_unit_test(json_refuses_the_rest_without_repeating_it),
		cmocka_unit_test(split_keeps_commas_that_are_escaped_in_an_expression),
		cmocka_unit_test(number_knows_units_of_its_type_only),
		cmocka_unit_test(distance_counts_edits),
		cmocka_unit_test(match_wants_text_for_each_placeholder),
		cmocka_unit_test(utf8_valid_finds_the_first_bad_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
