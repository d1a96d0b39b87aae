/* links: jsontext buf pgtext pgtext_array pgtext_bits
 * links: pgtext_datetime pgtext_float pgtext_geo pgtext_jsonb pgtext_net
 * links: pgtext_numeric pgtext_range pgtext_ts pgtext_xml */
/*
 * Strings that are made in place, and buffers that count what they do not
 * keep.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jsontext.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct
{
	const char *data;
	size_t		len;
} strings[] = {
	{"", 0},
	{"plain, and longer than eight bytes", 34},
	{"\"", 1},
	{"\\\"\n\r\t\b\f\x01\x1f", 9},
	{"ends with an escape\n", 20},
	{"h\xc3\xa4lt \xe2\x82\xac \xf0\x9f\x8e\x89", 14},
	{"broken \xc3 and \xe2\x82 and \xff", 20},
	{"\0\0\0\0\0\0\0\0\0", 9},
};

static void
string_made_in_place_is_the_same_string(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT(strings); i++)
	{
		struct buf direct = {0};
		struct buf tail = {0};

		buf_lit(&direct, "before");
		jsontext_string(&direct, strings[i].data, strings[i].len);

		/* With not one byte to spare, so that ASan sees each that is off. */
		buf_lit(&tail, "before");
		buf_put(&tail, strings[i].data, strings[i].len);
		jsontext_string_tail(&tail, 6);
		assert_int_equal(tail.len, direct.len);
		assert_memory_equal(tail.data, direct.data, direct.len);
		buf_free(&direct);
		buf_free(&tail);
	}
}

static void
string_made_in_place_has_whole_characters(void **state)
{
	static const char *const patterns[] = {"\xf0\x9f\x8e\x89",
										   "\xc3\xa4",
										   "\xe2\x82\xac",
										   "\x82",
										   "\"",
										   "\xf0\x9f\x8e\x89\x82"};

	(void) state;
	for (size_t i = 0; i < COUNT(patterns); i++)
	{
		for (size_t shift = 0; shift < 6; shift++)
		{
			struct buf direct = {0};
			struct buf tail = {0};
			struct buf text = {0};

			buf_put(&text, "aaaaaa", shift);
			while (text.len < 20000)
				buf_puts(&text, patterns[i]);
			jsontext_string(&direct, text.data, text.len);
			buf_put(&tail, text.data, text.len);
			jsontext_string_tail(&tail, 0);
			assert_int_equal(tail.len, direct.len);
			assert_memory_equal(tail.data, direct.data, direct.len);
			buf_free(&direct);
			buf_free(&tail);
			buf_free(&text);
		}
	}
}

static void
buffer_keeps_what_is_within_its_limit(void **state)
{
	struct buf b = {.max = 1000};

	(void) state;
	for (int i = 0; i < 1000; i++)
		buf_putc(&b, (char) ('a' + i % 26));
	assert_false(b.over);
	assert_int_equal(b.len, 1000);
	assert_true(b.cap <= 1000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
	buf_putc(&b, 'x');
	assert_true(b.over);
	assert_int_equal(b.len, 1001);
	buf_reset(&b);
	assert_false(b.over);
	buf_free(&b);
}

static void
buffer_over_its_limit_counts_and_does_not_keep(void **state)
{
	static uint8_t piece[100000];
	struct buf	   b = {.max = 1 << 20};
	size_t		   n = 0;

	(void) state;
	memset(piece, '"', sizeof(piece));
	for (int i = 0; i < 1000; i++)
	{
		jsontext_string_part(&b, piece, sizeof(piece));
		n += 2 * sizeof(piece);
	}
	assert_true(b.over);
	assert_int_equal(b.len, n);

	/* What has been written has been given up, page by page. */
	for (size_t at = 8192; at < (size_t) 100 << 20; at += 4096)
		assert_int_equal(b.data[at], 0);
	buf_free(&b);
}

static void
binary_is_the_same_in_pieces(void **state)
{
	size_t	   len = ((size_t) 3 << 20) + 5; /* more than one piece */
	uint8_t	  *data = malloc(len);
	struct buf whole = {0};
	struct buf tail = {0};
	struct buf hex = {0};

	(void) state;
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t) (i * 7 + i / 251);
	jsontext_base64(&whole, JSONTEXT_BASE64, data, len);
	buf_put(&tail, data, len);
	jsontext_base64_tail(&tail, JSONTEXT_BASE64, 0);
	assert_int_equal(whole.len, tail.len);
	assert_memory_equal(whole.data, tail.data, tail.len);

	jsontext_hex(&hex, data, len);
	assert_int_equal(hex.len, 2 * len);
	for (size_t i = 0; i < len; i++)
	{
		char two[3];

		snprintf(two, sizeof(two), "%02x", data[i]);
		assert_memory_equal(hex.data + 2 * i, two, 2);
	}
	buf_free(&whole);
	buf_free(&tail);
	buf_free(&hex);
	free(data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(string_made_in_place_is_the_same_string),
		cmocka_unit_test(string_made_in_place_has_whole_characters),
		cmocka_unit_test(buffer_keeps_what_is_within_its_limit),
		cmocka_unit_test(buffer_over_its_limit_counts_and_does_not_keep),
		cmocka_unit_test(binary_is_the_same_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
