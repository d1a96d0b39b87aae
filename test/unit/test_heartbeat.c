/* links: heartbeat jsontext buf pgtext pgtext_array pgtext_bits pgtext_datetime
 * links: pgtext_float pgtext_geo pgtext_jsonb pgtext_net pgtext_numeric
 * links: pgtext_range pgtext_ts pgtext_xml */
/*
 * Heartbeats: when they are due, and their records.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../forwarder/heartbeat.h"

static void
heartbeat_is_due_after_each_interval(void **state)
{
	struct heartbeat h;

	(void) state;
	heartbeat_init(&h, 1000, 5000);
	assert_int_equal(heartbeat_due_ms(&h), 6000);
	heartbeat_sent(&h, 6003);
	assert_int_equal(heartbeat_due_ms(&h), 7003);
}

static void
heartbeat_that_finds_no_room_is_due_soon(void **state)
{
	struct heartbeat h;

	(void) state;
	heartbeat_init(&h, 1000, 5000);
	heartbeat_postponed(&h, 6000);
	assert_in_range(heartbeat_due_ms(&h), 6001, 6100);

	/* What was missed is not made up for. */
	heartbeat_sent(&h, 60000);
	assert_int_equal(heartbeat_due_ms(&h), 61000);
}

static void
heartbeat_is_never_due_without_an_interval(void **state)
{
	struct heartbeat h;

	(void) state;
	heartbeat_init(&h, 0, 5000);
	assert_true(heartbeat_due_ms(&h) == INT64_MAX);
}

static void
heartbeat_says_who_and_when(void **state)
{
	struct buf b = {0};

	(void) state;
	heartbeat_put_key(&b, "a \"shop\"", false);
	assert_string_equal(buf_cstr(&b), "{\"serverName\":\"a \\\"shop\\\"\"}");
	buf_reset(&b);
	heartbeat_put_value(&b, INT64_C(1700000000000), false);
	assert_string_equal(buf_cstr(&b), "{\"ts_ms\":1700000000000}");
	buf_free(&b);
}

static void
heartbeat_has_its_schema_beside_it(void **state)
{
	struct buf b = {0};

	(void) state;
	heartbeat_put_key(&b, "shop", true);
	assert_string_equal(
		buf_cstr(&b),
		"{\"schema\":{\"type\":\"struct\",\"fields\":["
		"{\"type\":\"string\",\"optional\":false,\"field\":\"serverName\"}],"
		"\"optional\":false,"
		"\"name\":\"io.debezium.connector.common.ServerNameKey\","
		"\"version\":1},\"payload\":{\"serverName\":\"shop\"}}");
	buf_reset(&b);
	heartbeat_put_value(&b, INT64_C(1700000000000), true);
	assert_string_equal(
		buf_cstr(&b),
		"{\"schema\":{\"type\":\"struct\",\"fields\":["
		"{\"type\":\"int64\",\"optional\":false,\"field\":\"ts_ms\"}],"
		"\"optional\":false,"
		"\"name\":\"io.debezium.connector.common.Heartbeat\","
		"\"version\":1},\"payload\":{\"ts_ms\":1700000000000}}");
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heartbeat_is_due_after_each_interval),
		cmocka_unit_test(heartbeat_that_finds_no_room_is_due_soon),
		cmocka_unit_test(heartbeat_is_never_due_without_an_interval),
		cmocka_unit_test(heartbeat_says_who_and_when),
		cmocka_unit_test(heartbeat_has_its_schema_beside_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
