/*
 * log.c - logfmt lines on standard error; see log.h.
 *
 * Each line is built in one buffer and written with one write(2), so that
 * lines of librdkafka's threads and of the loop never interleave.
 */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STR_SLOTS 8

/* An error with the SQL that mends it, quotes escaped; a line has two such. */
#define STR_MAX 1536
#define LINE_MAX_LEN 8192

/*
 * The one setting that every line of every module obeys; passing it through
 * each call would put a logger into the signature of every pure function.
 */
static enum log_level threshold = LOG_LEVEL_INFO;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void
log_set_level(enum log_level level)
{
	threshold = level;
}

bool
log_parse_level(const char *name, enum log_level *level)
{
	for (int i = LOG_LEVEL_DEBUG; i <= LOG_LEVEL_ERROR; i++)
	{
		if (strcmp(name, level_names[i]) == 0)
		{
			*level = (enum log_level) i;
			return true;
		}
	}
	return false;
}

void
log_line(enum log_level level, const char *component, const char *message,
		 const char *pairs, ...)
{
	char			line[LINE_MAX_LEN];
	struct timespec ts;
	struct tm		tm;
	size_t			len;
	int				n;

	if (level < threshold)
		return;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	len = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &tm);
	n = snprintf(line + len, sizeof(line) - len, ".%03ldZ %s %s: %s",
				 ts.tv_nsec / 1000000, level_names[level], component, message);
	if (n > 0)
		len += (size_t) n;
	if (pairs != NULL && len < sizeof(line) - 1)
	{
		va_list ap;

		line[len++] = ' ';
		va_start(ap, pairs);
		n = vsnprintf(line + len, sizeof(line) - len, pairs, ap);
		va_end(ap);
		if (n > 0)
			len += (size_t) n;
	}
	if (len > sizeof(line) - 1)
		len = sizeof(line) - 1;

	/* One event is one line, whatever a server put into its message. */
	for (size_t i = 0; i < len; i++)
	{
		if ((unsigned char) line[i] < ' ')
			line[i] = ' ';
	}
	line[len++] = '\n';
	(void) !write(STDERR_FILENO, line, len);
}

const char *
log_str(const char *s)
{
	static _Thread_local char	  slots[STR_SLOTS][STR_MAX];
	static _Thread_local unsigned next;
	char						 *out = slots[next++ % STR_SLOTS];
	size_t						  len = 0;
	bool						  quote = false;

	if (s == NULL)
		s = "";
	for (const char *p = s; *p; p++)
	{
		if ((unsigned char) *p <= ' ' || *p == '"' || *p == '=' || *p == '\\')
			quote = true;
	}
	if (*s == '\0')
		quote = true;
	if (quote)
		out[len++] = '"';
	for (const char *p = s; *p; p++)
	{
		if (len > STR_MAX - 8)
		{
			memcpy(out + len, "...", 3);
			len += 3;
			break;
		}
		if (*p == '"' || *p == '\\')
			out[len++] = '\\';
		if (*p == '\n')
		{
			out[len++] = '\\';
			out[len++] = 'n';
		}
		else if ((unsigned char) *p < ' ')
			out[len++] = ' ';
		else
			out[len++] = *p;
	}
	if (quote)
		out[len++] = '"';
	out[len] = '\0';
	return out;
}
