/* links: log */
/*
 * Lines on standard error, which is a file of this test meanwhile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../forwarder/log.h"

static void
log_str_quotes_what_would_break_a_line(void **state)
{
	(void) state;
	assert_string_equal(log_str("plain"), "plain");
	assert_string_equal(log_str(NULL), "\"\"");
	assert_string_equal(log_str("two words"), "\"two words\"");
	assert_string_equal(log_str("a=\"b\\\n\x01"), "\"a=\\\"b\\\\\\n \"");
}

static void
log_str_cuts_what_is_endless(void **state)
{
	char   text[5000];
	size_t len;

	(void) state;
	memset(text, '"', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	len = strlen(log_str(text));
	assert_in_range(len, 1500, 1536);
	assert_string_equal(log_str(text) + len - 4, "...\"");
}

/* The end of an error and that of a hint say what to do. */
static void
log_line_keeps_a_long_error_and_a_long_hint(void **state)
{
	int		file = memfd_create("log", 0);
	int		saved = dup(STDERR_FILENO);
	char	error[1200];
	char	hint[1200];
	char	line[8192];
	ssize_t n;

	(void) state;
	memset(error, 'e', sizeof(error));
	memset(hint, 'h', sizeof(hint));
	memset(error, '"', 100);
	memcpy(error + sizeof(error) - 5, " FIX", 5);
	memcpy(hint + sizeof(hint) - 5, " SQL", 5);
	dup2(file, STDERR_FILENO);
	log_error("test", "failed", "error=%s hint=%s exit=%d", log_str(error),
			  log_str(hint), 4);
	dup2(saved, STDERR_FILENO);
	close(saved);
	n = pread(file, line, sizeof(line) - 1, 0);
	close(file);
	assert_true(n > 2400);
	line[n] = '\0';
	assert_non_null(strstr(line, " error test: failed error=\""));
	assert_non_null(strstr(line, "e FIX\" hint=\"h"));
	assert_string_equal(strstr(line, "h SQL"), "h SQL\" exit=4\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(log_str_quotes_what_would_break_a_line),
		cmocka_unit_test(log_str_cuts_what_is_endless),
		cmocka_unit_test(log_line_keeps_a_long_error_and_a_long_hint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
