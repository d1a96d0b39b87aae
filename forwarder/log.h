/*
 * log.h - logfmt lines on standard error.
 *
 * One event per line:
 *
 *     2026-11-21T03:04:05.678Z info forward: streaming slot=app lsn=0/16B3748
 *
 * The message comes first, then key=value pairs; a value with a space, a
 * quote or a control character is quoted and escaped.  info is lifecycle and
 * periodic progress, warn what an operator may act on, debug per transaction.
 * Row contents are never logged above debug.
 */
#ifndef FORWARDER_LOG_H
#define FORWARDER_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level
{
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_INFO,
	LOG_LEVEL_WARN,
	LOG_LEVEL_ERROR
};

/* Lines below 'level' are dropped.  The default is LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/* "debug", "info", "warn", "error"; false if 'name' is none of them. */
bool log_parse_level(const char *name, enum log_level *level);

/*
 * Begin a line: log_line(LOG_LEVEL_INFO, "repl", "connected", "host=%s", h).
 * 'message' is printed as it is; 'pairs' is a printf format of key=value
 * pairs, or NULL.  Use log_str for values that come from outside.
 */
void log_line(enum log_level level, const char *component, const char *message,
			  const char *pairs, ...) __attribute__((format(printf, 4, 5)));

/*
 * 's' quoted for a logfmt value where it needs it.  Returns one of eight
 * static-lifetime slots per thread, overwritten in turn: use it at once, as
 * an argument.  Longer than 1500 bytes is cut with "...".
 */
const char *log_str(const char *s);

#define log_debug(component, message, ...) \
	log_line(LOG_LEVEL_DEBUG, component, message, __VA_ARGS__)
#define log_info(component, message, ...) \
	log_line(LOG_LEVEL_INFO, component, message, __VA_ARGS__)
#define log_warn(component, message, ...) \
	log_line(LOG_LEVEL_WARN, component, message, __VA_ARGS__)
#define log_error(component, message, ...) \
	log_line(LOG_LEVEL_ERROR, component, message, __VA_ARGS__)

#endif /* FORWARDER_LOG_H */
