/* links: avro_name buf */
/*
 * Names as Debezium 3.6.1 was seen to change them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "avro_name.h"

static void
avro_names_have_what_is_allowed(void **state)
{
	static const struct
	{
		const char *name;
		const char *replaced;
		const char *escaped;
	} fields[] = {
		{"id", "id", "id"},
		{"a_b1", "a_b1", "a_u005fb1"},
		{"I d", "I_d", "I_u0020d"},
		{"1a", "_1a", "_u0031a"},
		{"\xc3\xa4/b.c", "__b_c", "_u00e4_u002fb_u002ec"},
		{"\xe2\x82\xac", "_", "_u20ac"},
		/* two units of UTF-16 */
		{"\xf0\x9f\x98\x80", "__", "_ud83d_ude00"},
		/* cut short */
		{"\xf0\x9f", "_", "_u001f"},
		{"", "", ""},
	};
	struct buf out = {0};

	(void) state;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
	{
		buf_reset(&out);
		avro_name_field(AVRO_NAME_NONE, fields[i].name, &out);
		assert_string_equal(buf_cstr(&out), fields[i].name);
		buf_reset(&out);
		avro_name_field(AVRO_NAME_REPLACE, fields[i].name, &out);
		assert_string_equal(buf_cstr(&out), fields[i].replaced);
		buf_reset(&out);
		avro_name_field(AVRO_NAME_ESCAPE, fields[i].name, &out);
		assert_string_equal(buf_cstr(&out), fields[i].escaped);
	}

	/* of a schema the dots stay */
	buf_reset(&out);
	avro_name_schema(AVRO_NAME_REPLACE, "my-shop.Odd_Schema.t.Key", &out);
	assert_string_equal(buf_cstr(&out), "my_shop.Odd_Schema.t.Key");
	buf_reset(&out);
	avro_name_schema(AVRO_NAME_REPLACE, "1shop.2t.Key", &out);
	assert_string_equal(buf_cstr(&out), "_1shop.2t.Key");
	buf_reset(&out);
	avro_name_schema(AVRO_NAME_ESCAPE, "my-shop.Odd_Schema.t.Key", &out);
	assert_string_equal(buf_cstr(&out), "my_u002dshop.Odd_u005fSchema.t.Key");
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(avro_names_have_what_is_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
