/* links: sink_stdout buf log */
/*
 * Records onto standard output, which is a file of this test meanwhile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../forwarder/sink.h"

struct bench
{
	struct sink *sink;
	int			 saved; /* the real standard output */
	int			 file;
	uint64_t	 last_ticket;
	uint64_t	 delivered;
	uint64_t	 undelivered;
	size_t		 bytes;
};

static void
report(void *arg, uint64_t ticket, uint64_t records, size_t bytes,
	   bool delivered, const char *error)
{
	struct bench *b = arg;

	assert_int_equal(ticket, b->last_ticket + 1);
	assert_true(delivered == (error == NULL));
	b->last_ticket = ticket;
	b->bytes += bytes;
	*(delivered ? &b->delivered : &b->undelivered) += records;
}

static int
set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->sink = sink_stdout_new(NULL, report, b);
	assert_non_null(b->sink);
	b->file = memfd_create("out", 0);
	fflush(stdout);
	b->saved = dup(STDOUT_FILENO);
	dup2(b->file, STDOUT_FILENO);
	*state = b;
	return 0;
}

static int
tear_down(void **state)
{
	struct bench *b = *state;

	dup2(b->saved, STDOUT_FILENO);
	close(b->saved);
	close(b->file);
	sink_free(b->sink);
	free(b);
	return 0;
}

static void
expect_written(struct bench *b, const char *text)
{
	static char got[1 << 20];
	ssize_t		n = pread(b->file, got, sizeof(got) - 1, 0);

	assert_true(n >= 0);
	got[n] = '\0';
	assert_string_equal(got, text);
}

static bool
is_ready(struct bench *b)
{
	struct pollfd pfd = {.fd = sink_fd(b->sink), .events = POLLIN};

	return poll(&pfd, 1, 0) == 1;
}

static void
stdout_writes_a_line_for_each_record(void **state)
{
	struct bench			*b = *state;
	uint32_t				 topic = sink_topic(b->sink, "app.public.t");
	int32_t					 count;
	const struct sink_header headers[] = {
		{"id", "abc", 3},
		{"position", "\0\xff", 2},
		{"none", NULL, 0},
	};
	struct sink_record record = {
		.topic = topic,
		.partition = 0,
		.key = "{\"id\":1}",
		.key_len = 8,
		.value = "{\"a\":\"\xc3\xa4\"}",
		.value_len = 10,
		.headers = headers,
		.nheaders = 3,
	};

	assert_int_equal(sink_topic(b->sink, "app.public.t"), topic);
	assert_int_not_equal(sink_topic(b->sink, "other"), topic);
	assert_int_equal(sink_partitions(b->sink, topic, &count), SINK_DONE);
	assert_int_equal(count, 1);
	assert_false(is_ready(b));

	assert_int_equal(sink_submit(b->sink, &record, 1), SINK_DONE);
	record.value = NULL; /* a tombstone */
	record.value_len = 0;
	record.nheaders = 0;
	assert_int_equal(sink_submit(b->sink, &record, 2), SINK_DONE);
	record.key = NULL;
	record.key_len = 0;
	record.value = "line\nand\ttab";
	record.value_len = 12;
	assert_int_equal(sink_submit(b->sink, &record, 3), SINK_DONE);

	/* Reported only once it is written. */
	assert_int_equal(b->delivered, 0);
	assert_true(is_ready(b));
	assert_int_equal(sink_poll(b->sink, 0), 3);
	assert_int_equal(b->delivered, 3);
	assert_int_equal(b->bytes, 18 + 8 + 12);
	assert_false(is_ready(b));
	expect_written(b, "app.public.t\t0\t{\"id\":1}\tid=abc,position=0x00ff,"
					  "none=null\t{\"a\":\"\xc3\xa4\"}\n"
					  "app.public.t\t0\t{\"id\":1}\t\tnull\n"
					  "app.public.t\t0\tnull\t\tline\\x0aand\\x09tab\n");
	assert_int_equal(sink_poll(b->sink, 0), 0);
}

static void
stdout_holds_little_and_asks_to_be_served(void **state)
{
	struct bench			*b = *state;
	char					 value[1000];
	const struct sink_record record = {
		.topic = sink_topic(b->sink, "t"),
		.value = value,
		.value_len = sizeof(value),
	};
	uint64_t taken = 0;

	memset(value, 'x', sizeof(value));
	while (sink_submit(b->sink, &record, taken + 1) == SINK_DONE)
		assert_true(++taken < 100);
	assert_true(taken > 50);
	assert_int_equal(sink_poll(b->sink, 0), (int) taken);
	assert_int_equal(sink_submit(b->sink, &record, taken + 1), SINK_DONE);
}

static void
stdout_reports_what_it_could_not_write(void **state)
{
	struct bench			*b = *state;
	const struct sink_record record = {
		.topic = sink_topic(b->sink, "t"),
		.value = "v",
		.value_len = 1,
	};
	int full = open("/dev/full", O_WRONLY);

	assert_true(full >= 0);
	dup2(full, STDOUT_FILENO);
	close(full);
	assert_int_equal(sink_submit(b->sink, &record, 1), SINK_DONE);
	assert_string_equal(sink_error(b->sink), "");
	sink_poll(b->sink, 0);
	assert_int_equal(b->undelivered, 1);
	assert_int_equal(b->delivered, 0);
	assert_int_equal(sink_submit(b->sink, &record, 2), SINK_FAILED);
	assert_non_null(strstr(sink_error(b->sink), "standard output"));
	assert_int_equal(sink_exit_code(b->sink), 4);
	assert_false(sink_connected(b->sink));
}

/* The loop must go on, to be stopped and to keep PostgreSQL's connection. */
static void
stdout_does_not_wait_for_a_slow_reader(void **state)
{
	struct bench			*b = *state;
	static char				 value[3000];
	const struct sink_record record = {
		.topic = sink_topic(b->sink, "t"),
		.value = value,
		.value_len = sizeof(value),
	};
	static char		  got[1 << 20];
	size_t			  ngot = 0;
	uint64_t		  taken = 0;
	int				  ends[2];
	enum sink_outcome outcome = SINK_DONE;

	memset(value, 'x', sizeof(value));
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDOUT_FILENO);
	close(ends[1]);
	alarm(60); /* were it to wait */
	for (int i = 0; i < 500; i++)
	{
		outcome = sink_submit(b->sink, &record, taken + 1);
		taken += outcome == SINK_DONE;
		sink_poll(b->sink, 0);
	}
	assert_int_equal(outcome, SINK_AGAIN);
	assert_in_range(taken, 30, 100);
	assert_true(b->delivered < taken);

	/* Readable without end, its descriptor would keep the loop busy. */
	assert_false(is_ready(b));

	while (b->delivered < taken)
	{
		ssize_t n = read(ends[0], got + ngot, 5000);

		assert_true(n > 0);
		ngot += (size_t) n;
		if (is_ready(b))
			sink_poll(b->sink, 0);
	}
	assert_int_equal(b->undelivered, 0);
	assert_false(is_ready(b));
	while (ngot < taken * (sizeof(value) + 11))
	{
		ssize_t n = read(ends[0], got + ngot, 5000);

		assert_true(n > 0);
		ngot += (size_t) n;
	}
	assert_int_equal(ngot, taken * (sizeof(value) + 11));
	for (uint64_t i = 0; i < taken; i++)
		assert_memory_equal(got + i * (sizeof(value) + 11),
							"t\t0\tnull\t\txxx", 13);

	/* Then its reader goes away. */
	signal(SIGPIPE, SIG_IGN);
	close(ends[0]);
	assert_int_equal(sink_submit(b->sink, &record, taken + 1), SINK_DONE);
	assert_true(is_ready(b));
	sink_poll(b->sink, 0);
	assert_int_equal(b->undelivered, 1);
	assert_non_null(strstr(sink_error(b->sink), "Broken pipe"));
	assert_false(is_ready(b));
	alarm(0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stdout_writes_a_line_for_each_record),
		TEST(stdout_holds_little_and_asks_to_be_served),
		TEST(stdout_reports_what_it_could_not_write),
		TEST(stdout_does_not_wait_for_a_slow_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
