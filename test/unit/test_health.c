/* links: health buf log */
/*
 * Who asks a process that hangs gets an answer about it all the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../../forwarder/health.h"
#include "../../forwarder/log.h"

#define WAITING_MAX 64

struct bench
{
	char		   directory[64];
	char		   path[96];
	struct health *health;
	int			   waiting[WAITING_MAX];
	int			   nwaiting;
	struct buf	   out;
};

static int
set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	snprintf(b->directory, sizeof(b->directory), "/tmp/healthXXXXXX");
	assert_non_null(mkdtemp(b->directory));
	snprintf(b->path, sizeof(b->path), "%s/s", b->directory);
	log_set_level(LOG_LEVEL_ERROR + 1);
	b->health = health_open(b->path);
	assert_non_null(b->health);
	*state = b;
	return 0;
}

static int
tear_down(void **state)
{
	struct bench *b = *state;

	for (int i = 0; i < b->nwaiting; i++)
		close(b->waiting[i]);
	health_close(b->health);
	buf_free(&b->out);
	rmdir(b->directory);
	free(b);
	return 0;
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* As many as the socket lets wait, whom nobody serves. */
static void
fill_backlog(struct bench *b)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memcpy(address.sun_path, b->path, strlen(b->path) + 1);
	for (;;)
	{
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

		assert_true(fd >= 0);
		if (connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0)
		{
			assert_int_equal(errno, EAGAIN);
			close(fd);
			break;
		}
		assert_true(b->nwaiting < WAITING_MAX);
		b->waiting[b->nwaiting++] = fd;
	}
}

static void
health_ask_ends_in_time_if_nobody_serves(void **state)
{
	struct bench *b = *state;
	int64_t		  begin_ms = now_ms();

	assert_false(health_ask(b->path, 200, &b->out));
	assert_non_null(strstr(buf_cstr(&b->out), "gave no answer"));
	assert_in_range(now_ms() - begin_ms, 200, 4000);
}

static void
health_ask_ends_in_time_if_no_more_can_wait(void **state)
{
	struct bench *b = *state;
	int64_t		  begin_ms;

	fill_backlog(b);
	begin_ms = now_ms();
	assert_false(health_ask(b->path, 200, &b->out));
	assert_non_null(strstr(buf_cstr(&b->out), "gave no answer"));
	assert_in_range(now_ms() - begin_ms, 200, 4000);
}

static void
health_of_a_hanging_process_is_not_taken_over(void **state)
{
	struct bench *b = *state;

	fill_backlog(b);
	assert_null(health_open(b->path));
	assert_int_equal(access(b->path, F_OK), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(health_ask_ends_in_time_if_nobody_serves),
		TEST(health_ask_ends_in_time_if_no_more_can_wait),
		TEST(health_of_a_hanging_process_is_not_taken_over),
	};

	alarm(60); /* what blocks for ever is a failure */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
