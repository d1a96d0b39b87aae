/* links: route buf */
/*
 * Topics and partitions.  The hashes are what Kafka's own clients compute
 * (org.apache.kafka.common.utils.Utils.murmur2 of kafka-clients 4.3.1).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "route.h"

static const struct
{
	const char *key;
	size_t		len;
	uint32_t	hash;
	int			of12; /* the partition among 12, and among 7 */
	int			of7;
} vectors[] = {
	{"", 0, UINT32_C(0x106e08d9), 9, 2},
	{"a", 1, UINT32_C(0xa2d0b27c), 4, 5},
	{"ab", 2, UINT32_C(0x12d8262a), 2, 0},
	{"abc", 3, UINT32_C(0x1c94221b), 3, 4},
	{"abcd", 4, UINT32_C(0xb11ab5f4), 8, 5},
	{"abcde", 5, UINT32_C(0x1b897edd), 1, 4},
	{"abcdef", 6, UINT32_C(0x6f7fdafc), 0, 5},
	{"abcdefg", 7, UINT32_C(0xeb595499), 1, 4},
	{"abcdefgh", 8, UINT32_C(0xc70d55dd), 9, 0},
	{"{\"id\":1}", 8, UINT32_C(0xfc9dc724), 0, 3},
	{"{\"id\":2}", 8, UINT32_C(0x9a5573a8), 4, 5},
	{"{\"id\":3}", 8, UINT32_C(0xd7fc0ae3), 3, 4},
	{"{\"id\":10}", 9, UINT32_C(0xd8dce120), 4, 4},
	{"{\"id\":100}", 10, UINT32_C(0xb47d0228), 0, 0},
	{"{\"id\":-1}", 9, UINT32_C(0x6f9241f3), 7, 3},
	{"{\"id\":1234567890123}", 20, UINT32_C(0x3aa580c1), 1, 1},
	{"{\"icao24\":\"4b1812\"}", 19, UINT32_C(0x68a643d0), 8, 2},
	{"{\"icao24\":\"3c6444\"}", 19, UINT32_C(0x599720c9), 5, 6},
	{"{\"a\":1,\"b\":\"x\"}", 15, UINT32_C(0xc6361c0e), 10, 3},
	{"{\"name\":\"Zürich\"}", 18, UINT32_C(0xb07d9706), 6, 5},
	{"{\"k\":\"日本語\"}", 17, UINT32_C(0x4587ea71), 5, 2},
	{"{\"k\":\"😀\"}", 12, UINT32_C(0xe654b79a), 10, 1},
	{"{\"prefix\":\"foo\"}", 16, UINT32_C(0x997f63e6), 10, 2},
	{"{\"id\":\"2f1e9d34-6b1c-4e29-8d5a-0d8f4a1b2c3d\"}", 45,
	 UINT32_C(0x6dbf1df5), 1, 5},
	{"{\"id\":true}", 11, UINT32_C(0xab997100), 0, 3},
	{"21", 2, UINT32_C(0xc5f2f8ec), 0, 3},
	{"foobar", 6, UINT32_C(0xd0e47bbe), 6, 0},
	{"a-little-bit-long-string", 24, UINT32_C(0xc53b1da0), 8, 1},
	{"a-little-bit-longer-string", 26, UINT32_C(0xa768c9c3), 11, 0},
	{"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", 48,
	 UINT32_C(0xfc7d49cd), 5, 3},
	{"\x00", 1, UINT32_C(0x166197bc), 8, 0},
	{"\xff", 1, UINT32_C(0xed6f615b), 3, 5},
	{"\x80\x00", 2, UINT32_C(0xd3701b82), 10, 6},
	{"\x00\x00\x00", 3, UINT32_C(0x3c6948f5), 5, 5},
	{"\xff\xff\xff\xff", 4, UINT32_C(0x266546a5), 5, 6},
	{"\x80\x81\xfe\xff\x7f", 5, UINT32_C(0xc5475ff1), 5, 6},
	{"\xc8\xed\x12\x37\x5c\x81\xa6\xcb\xf0\x15"
	 "\x3a\x5f\x84\xa9\xce\xf3\x18\x3d\x62\x87"
	 "\xac\xd1\xf6\x1b\x40\x65\x8a\xaf\xd4\xf9"
	 "\x1e\x43\x68\x8d\xb2\xd7\xfc",
	 37, UINT32_C(0x3e3ce937), 11, 0},
};

static void
hashes_and_partitions_are_java_s(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
	{
		assert_int_equal(route_murmur2(vectors[i].key, vectors[i].len),
						 vectors[i].hash);
		assert_int_equal(route_partition(vectors[i].key, vectors[i].len, 12),
						 vectors[i].of12);
		assert_int_equal(route_partition(vectors[i].key, vectors[i].len, 7),
						 vectors[i].of7);
		assert_int_equal(route_partition(vectors[i].key, vectors[i].len, 1),
						 0);
	}
}

static void
topic_joins_prefix_schema_and_table(void **state)
{
	struct buf b = {0};

	(void) state;
	assert_true(route_table_topic(&b, ROUTE_NAMING_SCHEMA, "srv", ".",
								  "inventory", "customers"));
	assert_string_equal(b.data, "srv.inventory.customers");
	assert_int_equal(b.len, strlen("srv.inventory.customers"));

	/* A second one goes behind the first. */
	assert_true(route_message_topic(&b, "s/v"));
	assert_string_equal(b.data, "srv.inventory.customerss_v.message");
	buf_free(&b);
}

static void
topic_replaces_what_kafka_forbids(void **state)
{
	static const struct
	{
		const char *schema;
		const char *table;
		const char *topic;
	} cases[] = {
		{"Odd Schema.x", "Tab.le \"q\" \xc3\x9cn\xc3\xaf",
		 "p.Odd_Schema.x.Tab.le__q___n_"},
		{"a-b_c", "A9$", "p.a-b_c.A9_"},
		/* one underscore for each UTF-16 unit, as in Java */
		{"s", "\xe6\x97\xa5\xe6\x9c\xac", "p.s.__"},
		{"s", "x\xf0\x9f\x98\x80y", "p.s.x__y"},
		/* not UTF-8: one for each byte, as for the U+FFFD in its place */
		{"s\xff", "\xfcx\x80", "p.s_._x_"},
		{"\xc3", "\xe2\x82x\xf0\x9f\x98", "p._.__x___"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		struct buf b = {0};

		assert_true(route_table_topic(&b, ROUTE_NAMING_SCHEMA, "p", ".",
									  cases[i].schema, cases[i].table));
		assert_string_equal(b.data, cases[i].topic);
		buf_free(&b);
	}
}

static void
topic_is_named_as_the_class_says(void **state)
{
	static const struct
	{
		enum route_naming naming;
		const char		 *topic;
	} cases[] = {
		{ROUTE_NAMING_SCHEMA, "p_1.a_b.x__y____1"},
		{ROUTE_NAMING_TABLE, "p_1.x__y____1"},
		{ROUTE_NAMING_SCHEMA_UNICODE,
		 "p_u005f1.a_u005fb.x_ud83d_ude00y_u009_u00fc_u3b1_u65e51"},
		{ROUTE_NAMING_TABLE_UNICODE,
		 "p_u005f1.x_ud83d_ude00y_u009_u00fc_u3b1_u65e51"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		struct buf b = {0};

		assert_true(route_table_topic(&b, cases[i].naming, "p_1", ".", "a_b",
									  "x\xf0\x9f\x98\x80y\t\xc3\xbc\xce\xb1"
									  "\xe6\x97\xa5"
									  "1"));
		assert_string_equal(b.data, cases[i].topic);
		buf_free(&b);
	}
}

static void
topic_of_250_characters_is_refused(void **state)
{
	char	   table[ROUTE_TOPIC_MAX + 2];
	struct buf b = {0};

	(void) state;
	memset(table, 't', sizeof(table));
	table[ROUTE_TOPIC_MAX - 4] = 0;
	assert_true(
		route_table_topic(&b, ROUTE_NAMING_SCHEMA, "p", ".", "s", table));
	assert_int_equal(b.len, ROUTE_TOPIC_MAX);
	table[ROUTE_TOPIC_MAX - 4] = 't';
	table[ROUTE_TOPIC_MAX - 3] = 0;
	buf_reset(&b);
	assert_false(
		route_table_topic(&b, ROUTE_NAMING_SCHEMA, "p", ".", "s", table));
	buf_free(&b);
}

static void
keyless_partition_is_fixed(void **state)
{
	int seen[7] = {0};

	(void) state;

	/* By topic: whatever the position, where Java would put that key. */
	for (uint64_t lsn = 1; lsn < 100; lsn++)
		assert_int_equal(route_keyless_partition(ROUTE_KEYLESS_TOPIC, "foobar",
												 lsn, 12),
						 6);

	/* By position: whatever the topic, the same again, and spread. */
	for (uint64_t lsn = 1000; lsn < 100000; lsn += 48)
	{
		int32_t p = route_keyless_partition(ROUTE_KEYLESS_POSITION, "a", lsn,
											7);

		assert_in_range(p, 0, 6);
		assert_int_equal(p, route_keyless_partition(ROUTE_KEYLESS_POSITION,
													"b", lsn, 7));
		seen[p]++;
	}
	for (int i = 0; i < 7; i++)
		assert_in_range(seen[i], 200, 400);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_and_partitions_are_java_s),
		cmocka_unit_test(topic_joins_prefix_schema_and_table),
		cmocka_unit_test(topic_replaces_what_kafka_forbids),
		cmocka_unit_test(topic_is_named_as_the_class_says),
		cmocka_unit_test(topic_of_250_characters_is_refused),
		cmocka_unit_test(keyless_partition_is_fixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
