/* links: status buf
 * libs: jansson */
/*
 * What the forwarder says of itself: latencies, whether all is well, and the
 * JSON of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include <stdlib.h>
#include <string.h>

#include "../../forwarder/status.h"

static void
quantiles_are_exact_to_an_eighth(void **state)
{
	(void) state;
	for (int64_t us = 1; us < INT64_C(1) << 44; us = us * 3 / 2 + 1)
	{
		struct status_latency l = {0};
		double				  ms;

		status_latency_add(&l, us);
		ms = status_latency_quantile(&l, 0.5);
		/* Never less than it was, and at most an eighth (or 1 us) more. */
		assert_true(ms * 1000 >= (double) us);
		assert_true(ms * 1000 <= (double) us * 1.125 + 1.001);
	}
}

static void
quantiles_follow_rank(void **state)
{
	struct status_latency l = {0};

	(void) state;
	for (int i = 1; i <= 100; i++)
		status_latency_add(&l, i * 1000);
	assert_true(status_latency_quantile(&l, 0) < 1.2);
	assert_in_range((int) status_latency_quantile(&l, 0.5), 50, 57);
	assert_in_range((int) status_latency_quantile(&l, 0.99), 98, 112);
	assert_in_range((int) status_latency_quantile(&l, 1), 100, 113);
}

static void
nothing_measured_has_no_quantile(void **state)
{
	struct status_latency l = {0};

	(void) state;
	assert_true(status_latency_quantile(&l, 0.5) < 0);
}

/* Clocks of two machines differ; and whatever comes stays in the array. */
static void
odd_latencies_are_kept_in_bounds(void **state)
{
	struct status_latency l = {0};

	(void) state;
	status_latency_add(&l, -5);
	assert_true(status_latency_quantile(&l, 1) <= 0.001);
	status_latency_add(&l, INT64_MAX);
	status_latency_add(&l, INT64_C(1) << 45);
	assert_true(status_latency_quantile(&l, 1) > 1e9);
}

static void
window_before_the_last_is_forgotten(void **state)
{
	struct status_latency l = {0};

	(void) state;
	status_latency_add(&l, 1000000);
	status_latency_rotate(&l);
	status_latency_add(&l, 1);
	assert_true(status_latency_quantile(&l, 1) > 999);
	status_latency_rotate(&l);
	assert_true(status_latency_quantile(&l, 1) < 1);
	status_latency_rotate(&l);
	assert_true(status_latency_quantile(&l, 1) < 0);
}

static void
healthy_is_connected_and_moving_or_done(void **state)
{
	struct status s = {
		.source_connected = true,
		.sink_connected = true,
		.last_progress_ms = 1000,
	};

	(void) state;
	assert_true(status_healthy(&s, 1000000, 60000)); /* nothing pending */
	s.pending = true;
	assert_true(status_healthy(&s, 60999, 60000));
	assert_false(status_healthy(&s, 61000, 60000)); /* stands still */
	s.pending = false;
	s.sink_connected = false;
	assert_false(status_healthy(&s, 1000, 60000));
	s.sink_connected = true;
	s.source_connected = false;
	assert_false(status_healthy(&s, 1000, 60000));
}

static void
json_holds_what_was_counted(void **state)
{
	struct status s = {
		.state = "streaming",
		.source_connected = true,
		.received_lsn = 0x1600000030,
		.confirmed_lsn = 0x1600000010,
		.transactions = 3,
		.delivered = UINT64_MAX >> 1,
		.in_flight = 2,
		.started_ms = 100,
	};
	const struct publish_topic topics[] = {{"p.public.a", "public.a", 4, 5,
											false, 0},
										   {"p.public.b", "public.b", 4, 6,
											false, 0}};
	struct buf				   out = {0};
	json_t					  *json;

	(void) state;
	status_json(&s, false, 350, topics, 2, &out);
	assert_int_equal(out.data[out.len - 1], '\n');
	json = json_loadb((char *) out.data, out.len, JSON_REJECT_DUPLICATES,
					  NULL);
	assert_non_null(json);
#define STRING(k) json_string_value(json_object_get(json, k))
#define NUMBER(k) json_integer_value(json_object_get(json, k))
	assert_string_equal(STRING("status"), "failing");
	assert_string_equal(STRING("state"), "streaming");
	assert_string_equal(STRING("received_lsn"), "16/30");
	assert_string_equal(STRING("confirmed_lsn"), "16/10");
	assert_int_equal(NUMBER("lag_bytes"), 0x20);
	assert_int_equal(NUMBER("uptime_ms"), 250);
	assert_int_equal(NUMBER("transactions"), 3);
	assert_true(NUMBER("events") == INT64_MAX);
	assert_true(json_is_true(json_object_get(json, "source_connected")));
	assert_true(json_is_false(json_object_get(json, "sink_connected")));
	assert_true(json_is_null(json_object_get(json, "latency_ms_p50")));
	json_t *t = json_object_get(json, "topics");
	assert_int_equal(json_object_size(t), 2);
	assert_int_equal(json_integer_value(json_object_get(t, "p.public.b")), 6);
	json_decref(json);
	buf_reset(&out);

	/* Confirmed further than received, as right after a start: no lag. */
	s.received_lsn = 0;
	status_latency_add(&s.latency, 2000);
	status_json(&s, true, 350, NULL, 0, &out);
	json = json_loadb((char *) out.data, out.len, 0, NULL);
	assert_non_null(json);
	assert_string_equal(STRING("status"), "ok");
	assert_int_equal(NUMBER("lag_bytes"), 0);
	assert_true(json_real_value(json_object_get(json, "latency_ms_p99")) >= 2);
	assert_int_equal(json_object_size(json_object_get(json, "topics")), 0);
	json_decref(json);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quantiles_are_exact_to_an_eighth),
		cmocka_unit_test(quantiles_follow_rank),
		cmocka_unit_test(nothing_measured_has_no_quantile),
		cmocka_unit_test(odd_latencies_are_kept_in_bounds),
		cmocka_unit_test(window_before_the_last_is_forgotten),
		cmocka_unit_test(healthy_is_connected_and_moving_or_done),
		cmocka_unit_test(json_holds_what_was_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
