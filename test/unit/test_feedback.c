/* links: feedback */
/*
 * When PostgreSQL is told how far we are, and what: in ordinary life, and when
 * it wants to shut down.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../forwarder/feedback.h"

#define GRACE_MS 5000

static const struct feedback_config config = {
	.interval_ms = 10000,
	.wal_sender_timeout_ms = 60000,
	.grace_ms = GRACE_MS,
	.confirm = true,
};

static struct feedback_status
send_at(struct feedback *f, int64_t now_ms)
{
	struct feedback_status status = feedback_status(f, now_ms);

	feedback_sent(f, &status, now_ms);
	return status;
}

/* A stream that began at 0x1000, with its first update sent, at 1000 ms. */
static void
begin(struct feedback *f, const struct feedback_config *c)
{
	feedback_start(f, c, 0x1000, 1000);
	feedback_flushed(f, 0x1000);
	send_at(f, 1000);
}

static void
feedback_is_due_at_once_then_by_interval(void **state)
{
	struct feedback		   f;
	struct feedback_status status;

	(void) state;
	feedback_start(&f, &config, 0x1000, 1000);
	assert_int_equal(feedback_due_ms(&f), 1000);
	status = send_at(&f, 1000);
	assert_int_equal(status.written_lsn, 0x1000);
	assert_int_equal(status.flushed_lsn, 0); /* nobody has said */
	assert_int_equal(feedback_due_ms(&f), 11000);

	/* Data alone is no reason. */
	feedback_data(&f, 0x2000);
	feedback_keepalive(&f, 0x3000, false, 1500);
	assert_int_equal(feedback_due_ms(&f), 11000);
	assert_int_equal(feedback_status(&f, 1500).written_lsn, 0x3000);
}

static void
feedback_interval_is_a_third_of_the_servers_timeout_at_most(void **state)
{
	struct feedback		   f;
	struct feedback_config c = config;

	(void) state;
	c.wal_sender_timeout_ms = 3000;
	begin(&f, &c);
	assert_int_equal(feedback_due_ms(&f), 2000);
	c.wal_sender_timeout_ms = 0;
	begin(&f, &c);
	assert_int_equal(feedback_due_ms(&f), 11000);
	c.wal_sender_timeout_ms = 2;
	begin(&f, &c);
	assert_int_equal(feedback_due_ms(&f), 1001);
}

static void
feedback_tells_a_moved_flush_lsn_soon(void **state)
{
	struct feedback		   f;
	struct feedback_status status;

	(void) state;
	begin(&f, &config);
	feedback_data(&f, 0x3000);
	feedback_flushed(&f, 0x2000);
	assert_int_equal(feedback_due_ms(&f), 1100);
	status = send_at(&f, 1100);
	assert_int_equal(status.written_lsn, 0x3000);
	assert_int_equal(status.flushed_lsn, 0x2000);
	assert_int_equal(feedback_due_ms(&f), 11100);

	/* It never goes back, and what is flushed was written. */
	feedback_flushed(&f, 0x1800);
	assert_int_equal(feedback_due_ms(&f), 11100);
	feedback_flushed(&f, 0x4000);
	status = send_at(&f, 1200);
	assert_int_equal(status.flushed_lsn, 0x4000);
	assert_int_equal(status.written_lsn, 0x4000);
}

static void
feedback_answers_at_once_but_not_in_a_storm(void **state)
{
	struct feedback f;

	(void) state;
	begin(&f, &config);
	feedback_keepalive(&f, 0x1000, true, 5000);
	assert_true(feedback_due_ms(&f) <= 5000);
	send_at(&f, 5000);
	feedback_keepalive(&f, 0x1000, true, 5001);
	assert_int_equal(feedback_due_ms(&f), 5020);
	send_at(&f, 5020);
	assert_int_equal(feedback_due_ms(&f), 15020);
}

static void
feedback_that_found_no_room_stays_due(void **state)
{
	struct feedback f;

	(void) state;
	begin(&f, &config);
	feedback_flushed(&f, 0x2000);
	feedback_postponed(&f, 1100);
	assert_int_equal(feedback_due_ms(&f), 1200);
	assert_int_equal(send_at(&f, 1200).flushed_lsn, 0x2000);
	feedback_keepalive(&f, 0x2000, true, 1300);
	feedback_postponed(&f, 1300);
	assert_int_equal(feedback_due_ms(&f), 1320);
}

static void
feedback_without_confirming_never_names_a_flush_lsn(void **state)
{
	struct feedback		   f;
	struct feedback_config c = config;

	(void) state;
	c.confirm = false;
	begin(&f, &c);
	feedback_data(&f, 0x3000);
	feedback_flushed(&f, 0x2000);
	assert_int_equal(feedback_due_ms(&f), 11000);
	assert_int_equal(feedback_status(&f, 11000).flushed_lsn, 0);
	assert_int_equal(feedback_status(&f, 11000).written_lsn, 0x3000);
}

/*
 * A server that is shutting down, 'rtt_ms' away: it asks again as soon as it
 * has been answered.  Until an answer ends it, which is true, or 'until_ms'.
 */
static bool
shut_down(struct feedback *f, uint64_t wal_end_lsn, int64_t rtt_ms,
		  int64_t *now_ms, int64_t until_ms)
{
	while (*now_ms < until_ms)
	{
		struct feedback_status status;
		int64_t				   due_ms;

		feedback_keepalive(f, wal_end_lsn, true, *now_ms);
		due_ms = feedback_due_ms(f);
		if (due_ms > *now_ms)
			*now_ms = due_ms;
		status = send_at(f, *now_ms);
		if ((status.flushed_lsn ? status.flushed_lsn : status.written_lsn) ==
			wal_end_lsn)
			return true;
		*now_ms += rtt_ms;
	}
	return false;
}

static void
feedback_lets_a_server_end_after_the_grace_period(void **state)
{
	struct feedback f;
	int64_t			now_ms = 20000;

	(void) state;
	begin(&f, &config);
	feedback_data(&f, 0x3000);
	feedback_flushed(&f, 0x2000);
	assert_true(shut_down(&f, 0x4000, 1, &now_ms, 60000));
	assert_in_range(now_ms, 20000 + GRACE_MS, 20000 + GRACE_MS + 200);
	assert_true(feedback_lets_go(&f, now_ms));

	/* Far away, too. */
	now_ms = 20000;
	begin(&f, &config);
	assert_true(shut_down(&f, 0x4000, 350, &now_ms, 60000));
	assert_in_range(now_ms, 20000 + GRACE_MS, 20000 + GRACE_MS + 600);
}

static void
feedback_lets_go_at_once_of_what_is_confirmed(void **state)
{
	struct feedback f;
	int64_t			now_ms = 20000;

	(void) state;
	begin(&f, &config);
	feedback_data(&f, 0x4000);
	feedback_flushed(&f, 0x4000);
	assert_true(shut_down(&f, 0x4000, 1, &now_ms, 60000));
	assert_in_range(now_ms, 20000, 20100);

	/* Whatever it waits for then, it is not us. */
	for (; now_ms < 40000; now_ms += 100)
	{
		feedback_keepalive(&f, 0x4000, true, now_ms);
		assert_false(feedback_lets_go(&f, now_ms));
		assert_int_equal(send_at(&f, now_ms + 20).flushed_lsn, 0x4000);
	}
}

static void
feedback_without_grace_waits_for_ever(void **state)
{
	struct feedback		   f;
	struct feedback_config c = config;
	int64_t				   now_ms = 20000;

	(void) state;
	c.grace_ms = 0;
	begin(&f, &c);
	feedback_data(&f, 0x4000);
	assert_false(shut_down(&f, 0x4000, 1, &now_ms, 600000));
}

/* Nobody is answered more than fifty times a second, or ten in the long run. */
static void
feedback_makes_no_storm_of_a_shutdown(void **state)
{
	struct feedback		   f;
	struct feedback_config c = config;
	int64_t				   now_ms = 20000;
	int					   answers = 0;

	(void) state;
	c.grace_ms = 0;
	begin(&f, &c);
	feedback_data(&f, 0x4000);
	for (; now_ms < 30000; answers++)
	{
		feedback_keepalive(&f, 0x4000, true, now_ms);
		if (feedback_due_ms(&f) > now_ms)
			now_ms = feedback_due_ms(&f);
		send_at(&f, now_ms);
	}
	assert_in_range(answers, 90, 120);
}

static void
feedback_tells_what_is_flushed_in_the_meantime(void **state)
{
	struct feedback f;
	int64_t			now_ms = 20000;

	(void) state;
	begin(&f, &config);
	feedback_data(&f, 0x4000);
	assert_false(shut_down(&f, 0x4000, 1, &now_ms, 20000 + GRACE_MS - 200));

	/* The grace period is over, but first things first. */
	now_ms = 20000 + GRACE_MS + 100;
	feedback_keepalive(&f, 0x4000, true, now_ms - 90);
	feedback_flushed(&f, 0x3000);
	assert_true(feedback_lets_go(&f, now_ms));
	assert_int_equal(send_at(&f, now_ms).flushed_lsn, 0x3000);
	feedback_keepalive(&f, 0x4000, true, now_ms + 1);
	assert_int_equal(send_at(&f, now_ms + 101).flushed_lsn, 0);
}

static void
feedback_tells_the_flush_lsn_again_if_the_server_goes_on(void **state)
{
	struct feedback f;
	int64_t			now_ms = 20000;

	(void) state;
	begin(&f, &config);
	feedback_data(&f, 0x4000);
	assert_true(shut_down(&f, 0x4000, 1, &now_ms, 60000));

	/* Data: it did not want to end. */
	feedback_data(&f, 0x5000);
	assert_false(feedback_lets_go(&f, now_ms + 1));
	assert_int_equal(feedback_status(&f, now_ms + 1).flushed_lsn, 0x1000);

	/* Silence: neither. */
	begin(&f, &config);
	feedback_data(&f, 0x4000);
	now_ms = 20000;
	assert_true(shut_down(&f, 0x4000, 1, &now_ms, 60000));
	assert_true(feedback_due_ms(&f) - now_ms == config.interval_ms);
	assert_int_equal(feedback_status(&f, feedback_due_ms(&f)).flushed_lsn,
					 0x1000);
}

/*
 * What an ordinary server does, which asks when it has heard nothing for half
 * of its timeout: idle, with a reader that answers late or stands still for a
 * while, and whatever the timeout is.
 */
static void
feedback_never_takes_an_ordinary_server_for_one_that_ends(void **state)
{
	static const int64_t timeouts_ms[] = {0, 10, 100, 1000, 5000, 60000};

	(void) state;
	for (size_t i = 0; i < sizeof(timeouts_ms) / sizeof(timeouts_ms[0]); i++)
	{
		struct feedback_config c = config;
		struct feedback		   f;
		int64_t				   timeout_ms = timeouts_ms[i];
		int64_t				   heard_ms = 1000;
		int64_t				   stopped_until_ms = 0;
		bool				   asked = false;

		c.wal_sender_timeout_ms = timeout_ms;
		c.grace_ms = 1;
		begin(&f, &c);
		feedback_data(&f, 0x4000);
		for (int64_t now_ms = 1001; now_ms < 600000; now_ms++)
		{
			if (timeout_ms > 0 && !asked &&
				now_ms - heard_ms >= timeout_ms / 2)
			{
				asked = true;
				feedback_keepalive(&f, 0x4000, true, now_ms);
			}

			/* Every now and then the process stands still for too long. */
			if (now_ms % 50 == 0)
				stopped_until_ms = now_ms + timeout_ms * 4 / 5;
			if (now_ms < stopped_until_ms || now_ms < feedback_due_ms(&f))
				continue;
			assert_int_equal(send_at(&f, now_ms).flushed_lsn, 0x1000);
			heard_ms = now_ms;
			asked = false;
		}
		assert_false(feedback_lets_go(&f, 600000));
	}
}

/* Questions that waited in the socket while we did not read. */
static void
feedback_counts_questions_that_come_at_once_as_one(void **state)
{
	struct feedback		   f;
	struct feedback_config c = config;

	(void) state;
	c.grace_ms = 1;
	begin(&f, &c);
	feedback_data(&f, 0x4000);
	for (int64_t now_ms = 10000; now_ms < 11500; now_ms += 300)
	{
		for (int i = 0; i < 30; i++)
			feedback_keepalive(&f, 0x4000, true, now_ms + i);
		assert_int_equal(send_at(&f, now_ms + 50).flushed_lsn, 0x1000);
	}
}

static void
feedback_starts_to_count_anew_after_anything_else(void **state)
{
	struct feedback		   f;
	struct feedback_config c = config;

	(void) state;
	c.grace_ms = 1;
	begin(&f, &c);
	for (int i = 0; i < 100; i++)
	{
		int64_t now_ms = 10000 + 100 * i;

		feedback_keepalive(&f, 0x4000, true, now_ms);
		if (i % 5 == 0 && i < 50)
			feedback_data(&f, 0x4000);
		if (i % 5 == 0 && i >= 50)
			feedback_keepalive(&f, 0x4000, false, now_ms);
		assert_int_equal(send_at(&f, now_ms + 20).flushed_lsn, 0x1000);
	}
	for (int i = 0; i < 100; i++)
	{
		int64_t now_ms = 30000 + 100 * i;

		feedback_keepalive(&f, 0x5000 + (uint64_t) i, true, now_ms);
		assert_int_equal(send_at(&f, now_ms + 20).flushed_lsn, 0x1000);
	}
}

static void
feedback_probes_only_while_nothing_is_read(void **state)
{
	struct feedback f;

	(void) state;
	begin(&f, &config);
	assert_true(feedback_probe_due_ms(&f) == INT64_MAX);
	feedback_blocked(&f, true, 2000);
	assert_int_equal(feedback_probe_due_ms(&f), 7000);
	feedback_blocked(&f, true, 4000);
	assert_int_equal(feedback_probe_due_ms(&f), 7000);
	feedback_probed(&f, false, 7100);
	assert_int_equal(feedback_probe_due_ms(&f), 12100);
	assert_true(feedback_hangup_due_ms(&f) == INT64_MAX);
	feedback_blocked(&f, false, 8000);
	assert_true(feedback_probe_due_ms(&f) == INT64_MAX);

	/* An answer that comes too late means nothing. */
	feedback_probed(&f, true, 8100);
	assert_true(feedback_hangup_due_ms(&f) == INT64_MAX);
}

static void
feedback_hangs_up_after_the_grace_period(void **state)
{
	struct feedback f;

	(void) state;
	begin(&f, &config);
	feedback_blocked(&f, true, 2000);
	feedback_probed(&f, true, 7000);
	feedback_probed(&f, true, 12000);
	assert_int_equal(feedback_hangup_due_ms(&f), 7000 + GRACE_MS);

	/* It was another server, or the sink takes records again. */
	feedback_probed(&f, false, 12500);
	assert_true(feedback_hangup_due_ms(&f) == INT64_MAX);
	feedback_probed(&f, true, 13000);
	assert_int_equal(feedback_hangup_due_ms(&f), 13000 + GRACE_MS);
	feedback_blocked(&f, false, 13100);
	assert_true(feedback_hangup_due_ms(&f) == INT64_MAX);
}

static void
feedback_never_probes_without_a_grace_period(void **state)
{
	struct feedback		   f;
	struct feedback_config c = config;

	(void) state;
	c.grace_ms = 0;
	begin(&f, &c);
	feedback_blocked(&f, true, 2000);
	assert_true(feedback_probe_due_ms(&f) == INT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(feedback_is_due_at_once_then_by_interval),
		cmocka_unit_test(
			feedback_interval_is_a_third_of_the_servers_timeout_at_most),
		cmocka_unit_test(feedback_tells_a_moved_flush_lsn_soon),
		cmocka_unit_test(feedback_answers_at_once_but_not_in_a_storm),
		cmocka_unit_test(feedback_that_found_no_room_stays_due),
		cmocka_unit_test(feedback_without_confirming_never_names_a_flush_lsn),
		cmocka_unit_test(feedback_lets_a_server_end_after_the_grace_period),
		cmocka_unit_test(feedback_lets_go_at_once_of_what_is_confirmed),
		cmocka_unit_test(feedback_without_grace_waits_for_ever),
		cmocka_unit_test(feedback_makes_no_storm_of_a_shutdown),
		cmocka_unit_test(feedback_tells_what_is_flushed_in_the_meantime),
		cmocka_unit_test(
			feedback_tells_the_flush_lsn_again_if_the_server_goes_on),
		cmocka_unit_test(
			feedback_never_takes_an_ordinary_server_for_one_that_ends),
		cmocka_unit_test(feedback_counts_questions_that_come_at_once_as_one),
		cmocka_unit_test(feedback_starts_to_count_anew_after_anything_else),
		cmocka_unit_test(feedback_probes_only_while_nothing_is_read),
		cmocka_unit_test(feedback_hangs_up_after_the_grace_period),
		cmocka_unit_test(feedback_never_probes_without_a_grace_period),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
