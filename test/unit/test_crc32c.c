/* links: crc32c */
/*
 * Known answers, for both ways to compute the checksum, and both against the
 * definition.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "crc32c.h"

typedef uint32_t (*crc32c_fn)(uint32_t crc, const void *data, size_t len);

/* Bit by bit, as the definition has it. */
static uint32_t
by_definition(const uint8_t *p, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (; len > 0; len--)
	{
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = (crc >> 1) ^ (crc & 1 ? UINT32_C(0x82F63B78) : 0);
	}
	return ~crc;
}

static void
check_known_answers(crc32c_fn update)
{
	/* RFC 3720, B.4, in the order in which the bytes are sent. */
	static const uint8_t read_pdu[48] = {
		0x01,		 0xc0,		  [16] = 0x14, [22] = 0x04,
		[27] = 0x14, [31] = 0x18, [32] = 0x28, [40] = 0x02,
	};
	uint8_t bytes[32];

	assert_int_equal(update(0, "", 0), 0);
	assert_int_equal(update(0, "123456789", 9), 0xe3069283);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(update(0, bytes, sizeof(bytes)), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(update(0, bytes, sizeof(bytes)), 0x62a8ab43);
	for (uint8_t i = 0; i < 32; i++)
		bytes[i] = i;
	assert_int_equal(update(0, bytes, sizeof(bytes)), 0x46dd794e);
	for (uint8_t i = 0; i < 32; i++)
		bytes[i] = 31 - i;
	assert_int_equal(update(0, bytes, sizeof(bytes)), 0x113fdb5c);
	assert_int_equal(update(0, read_pdu, sizeof(read_pdu)), 0xd9963a56);
}

/* All lengths and alignments up to some, each cut in all places. */
static void
check_against_definition(crc32c_fn update)
{
	uint8_t bytes[64];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t) (i * 73 + 11);
	for (size_t start = 0; start < 9; start++)
	{
		for (size_t len = 0; len <= 40; len++)
		{
			uint32_t expected = by_definition(bytes + start, len);

			for (size_t cut = 0; cut <= len; cut++)
			{
				uint32_t crc = update(0, bytes + start, cut);

				crc = update(crc, bytes + start + cut, len - cut);
				assert_int_equal(crc, expected);
			}
		}
	}
}

static void
crc32c_by_table_is_right(void **state)
{
	(void) state;
	check_known_answers(crc32c_update_table);
	check_against_definition(crc32c_update_table);
}

static void
crc32c_by_instruction_is_right(void **state)
{
	(void) state;
	if (!crc32c_has_instruction())
		skip();
	check_known_answers(crc32c_update_instruction);
	check_against_definition(crc32c_update_instruction);
}

static void
crc32c_is_right_whichever_it_takes(void **state)
{
	(void) state;
	check_known_answers(crc32c_update);
	check_against_definition(crc32c_update);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc32c_by_table_is_right),
		cmocka_unit_test(crc32c_by_instruction_is_right),
		cmocka_unit_test(crc32c_is_right_whichever_it_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
