/*
 * captured_log.h - what the code under test logs, for tests that look at it.
 *
 * One at a time.  Standard error goes to a file meanwhile; at the end what is
 * in there is passed on, for with it went what cmocka says of a failure.
 */
#ifndef CAPTURED_LOG_H
#define CAPTURED_LOG_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../forwarder/log.h"

static FILE *captured_log;
static int	 captured_log_saved;
static char	 captured_log_text[16384];

static inline void
captured_log_begin(void)
{
	captured_log = tmpfile();
	assert_non_null(captured_log);
	captured_log_saved = dup(STDERR_FILENO);
	dup2(fileno(captured_log), STDERR_FILENO);
}

/* As far as it goes; the next call overwrites it. */
static inline const char *
captured_log_read(void)
{
	ssize_t n = pread(fileno(captured_log), captured_log_text,
					  sizeof(captured_log_text) - 1, 0);

	assert_true(n >= 0);
	captured_log_text[n] = '\0';
	return captured_log_text;
}

static inline bool
captured_log_has(const char *text)
{
	return strstr(captured_log_read(), text) != NULL;
}

/* Also where none has begun: for a tear_down. */
static inline void
captured_log_end(void)
{
	if (captured_log == NULL)
		return;
	dup2(captured_log_saved, STDERR_FILENO);
	close(captured_log_saved);
	fputs(captured_log_read(), stderr);
	fclose(captured_log);
	captured_log = NULL;
}

#endif
