/* links: fault buf log */
/*
 * Failpoints and seeded bugs.  What ends or stops a process happens in a
 * child.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "fault.h"

/* This file is a build without them. */
static void
fault_macros_are_nothing_in_a_plain_build(void **state)
{
	(void) state;
	FAULT_POINT("no such point");
	assert_false(FAULT_BUG("no such bug"));
}

static void
refuse(const char *failpoint, const char *bug, const char *expected)
{
	struct buf error = {0};

	assert_false(fault_init(failpoint, bug, &error));
	if (strstr(buf_cstr(&error), expected) == NULL)
		fail_msg("\"%s\" does not have \"%s\"", buf_cstr(&error), expected);
	buf_free(&error);
}

static void
accept(const char *failpoint, const char *bug)
{
	struct buf error = {0};

	if (!fault_init(failpoint, bug, &error))
		fail_msg("%s", buf_cstr(&error));
	assert_int_equal(error.len, 0);
	buf_free(&error);
}

static void
fault_refuses_what_it_does_not_understand(void **state)
{
	(void) state;
	refuse("before_commit", NULL,
		   "WALFERRY_FAILPOINT: \"before_commit\": must");
	refuse("before_commi=kill", NULL, "no such point");
	refuse("before_commit2=kill", NULL, "no such point");
	refuse("=kill", NULL, "no such point");
	refuse("@1=kill", NULL, "no such point");
	refuse(";before_commit=kill", NULL, "must be name");
	refuse("before_commit=", NULL, "action must be");
	refuse("before_commit=killed", NULL, "action must be");
	refuse("before_commit=sleep", NULL, "action must be");
	refuse("before_commit=sleep:", NULL, "milliseconds");
	refuse("before_commit=sleep:0", NULL, "milliseconds");
	refuse("before_commit=sleep:10s", NULL, "milliseconds");
	refuse("before_commit=sleep:3600001", NULL, "milliseconds");
	refuse("before_commit@=kill", NULL, "occurrence");
	refuse("before_commit@0=kill", NULL, "occurrence");
	refuse("before_commit@-1=kill", NULL, "occurrence");
	refuse("before_commit@1x=kill", NULL, "occurrence");
	refuse("before_commit@18446744073709551617=kill", NULL, "occurrence");
	refuse("before_commit=kill;x=kill", NULL,
		   "WALFERRY_FAILPOINT: \"x=kill\"");
	refuse(NULL, "toast", "WALFERRY_SEEDED_BUG: \"toast\": there is no such");
	refuse(NULL, "toast_to_null,,no_slot_check", "\"\": there is no such");
	refuse(NULL, "toast_to_null no_slot_check", "no such bug");
}

static void
fault_arms_nothing_when_it_refuses(void **state)
{
	(void) state;
	refuse("before_ack=kill;nowhere=kill", "toast_to_null", "nowhere");
	fault_hit("before_ack");
	refuse("before_ack=kill", "toast_to_null,nothing", "nothing");
	fault_hit("before_ack");
	assert_false(fault_bug("toast_to_null"));
}

static void
fault_takes_several_of_each(void **state)
{
	(void) state;
	accept(NULL, NULL);
	accept("", "");
	assert_false(fault_bug("toast_to_null"));
	accept("before_commit@3=sleep:1;after_ack=stop;before_commit=abort;",
		   "toast_to_null,no_slot_check");
	assert_true(fault_bug("toast_to_null"));
	assert_true(fault_bug("no_slot_check"));
	assert_false(fault_bug("no_timeline_check"));
}

static void
fault_counts_each_point(void **state)
{
	(void) state;
	accept(NULL, NULL);
	fault_hit("txn_begun");
	fault_hit("txn_begun");
	fault_hit("drain_done");
	assert_int_equal(fault_hits("txn_begun"), 2);
	assert_int_equal(fault_hits("drain_done"), 1);
	assert_int_equal(fault_hits("drain_begin"), 0);
}

/* Run 'fn' in a child that must not get to its end; returns its status. */
static int
in_child(void (*fn)(void), int options)
{
	pid_t pid;
	int	  status;

	fflush(NULL);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0)
	{
		const struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL);
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(1);
		fn();
		_exit(7);
	}
	assert_int_equal(waitpid(pid, &status, options), pid);
	if (WIFSTOPPED(status))
	{
		int end;

		kill(pid, SIGCONT);
		assert_int_equal(waitpid(pid, &end, 0), pid);
		assert_true(WIFEXITED(end) && WEXITSTATUS(end) == 7);
	}
	return status;
}

static void
hit_thrice(void)
{
	fault_hit("before_commit");
	fault_hit("before_commit");
	if (fault_hits("before_commit") != 2)
		_exit(6);
	fault_hit("before_commit");
}

static void
fault_acts_at_the_occurrence_and_not_before(void **state)
{
	int status;

	(void) state;
	accept("before_commit@3=kill", NULL);
	status = in_child(hit_thrice, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

	accept("before_commit@4=kill", NULL);
	status = in_child(hit_thrice, 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);

	accept("before_commit=kill", NULL);
	fault_hit("after_ack");
	status = in_child(hit_thrice, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

	accept("before_commit@3=abort", NULL);
	status = in_child(hit_thrice, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);

	accept("before_commit@3=stop", NULL);
	status = in_child(hit_thrice, WUNTRACED);
	assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
}

static void
fault_sleeps_as_long_as_it_was_told(void **state)
{
	int64_t begun = clock_monotonic_ms();

	(void) state;
	accept("source_lost=sleep:30", NULL);
	fault_hit("source_lost");
	assert_true(clock_monotonic_ms() - begun >= 30);
}

static void
hit_nowhere(void)
{
	fault_hit("nowhere");
}

static void
ask_nothing(void)
{
	(void) fault_bug("nothing");
}

static void
fault_aborts_on_names_that_are_not_in_the_table(void **state)
{
	int status;

	(void) state;
	accept(NULL, NULL);
	status = in_child(hit_nowhere, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	status = in_child(ask_nothing, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

#define THREADS 4
#define HITS 10000

static void *
hit_often(void *arg)
{
	for (int i = 0; i < HITS; i++)
		fault_hit("record_submitted");
	return arg;
}

static void
fault_counts_hits_of_all_threads(void **state)
{
	pthread_t threads[THREADS];

	(void) state;
	accept(NULL, NULL);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hit_often, NULL),
						 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(fault_hits("record_submitted"), THREADS * HITS);
}

/* Each line is a kind, a name that is hit or asked for, and words. */
static void
fault_prints_both_tables(void **state)
{
	struct buf out = {0};
	char	  *save = NULL;
	int		   npoints = 0;
	int		   nbugs = 0;

	(void) state;
	accept(NULL, NULL);
	fault_print(&out);
	(void) buf_cstr(&out);
	for (char *line = strtok_r((char *) out.data, "\n", &save); line != NULL;
		 line = strtok_r(NULL, "\n", &save))
	{
		char name[64];
		char comment[128];

		if (sscanf(line, "point %63s %127[^\n]", name, comment) == 2)
		{
			fault_hit(name);
			assert_int_equal(fault_hits(name), 1);
			npoints++;
		}
		else if (sscanf(line, "bug %63s %127[^\n]", name, comment) == 2)
		{
			assert_false(fault_bug(name));
			nbugs++;
		}
		else
			fail_msg("\"%s\"", line);
	}
	assert_true(npoints >= 30);
	assert_true(nbugs >= 15);
	buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fault_macros_are_nothing_in_a_plain_build),
		cmocka_unit_test(fault_refuses_what_it_does_not_understand),
		cmocka_unit_test(fault_arms_nothing_when_it_refuses),
		cmocka_unit_test(fault_takes_several_of_each),
		cmocka_unit_test(fault_counts_each_point),
		cmocka_unit_test(fault_acts_at_the_occurrence_and_not_before),
		cmocka_unit_test(fault_sleeps_as_long_as_it_was_told),
		cmocka_unit_test(fault_aborts_on_names_that_are_not_in_the_table),
		cmocka_unit_test(fault_counts_hits_of_all_threads),
		cmocka_unit_test(fault_prints_both_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
