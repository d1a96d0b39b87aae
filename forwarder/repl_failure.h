/*
 * repl_failure.h - what is to be done about an error of PostgreSQL or libpq.
 *
 * Knows no connection, only what was said and what was being done.
 */
#ifndef FORWARDER_REPL_FAILURE_H
#define FORWARDER_REPL_FAILURE_H

/* What to do about a failure. */
enum repl_failure_kind
{
	REPL_FAILURE_RETRY,	  /* connection lost, server starting, slot busy */
	REPL_FAILURE_REFUSED, /* will not get better by itself: exit code 3 */
	REPL_FAILURE_UNSAFE	  /* the slot is lost or gone: exit code 5 */
};

struct repl_failure
{
	enum repl_failure_kind kind;
	char				   sqlstate[6];	  /* "" if it came from libpq itself */
	char				   message[1024]; /* one line: what failed */
	char				   hint[1024]; /* one line: what to do; may be empty */
};

/* Where an error came up. */
enum repl_phase
{
	REPL_PHASE_CONNECT,
	REPL_PHASE_QUERY,
	REPL_PHASE_CREATE,
	REPL_PHASE_START,
	REPL_PHASE_STREAM
};

/* Who the error happened to; for the SQL in hints. */
struct repl_context
{
	enum repl_phase phase;
	const char	   *slot;
	const char	   *plugin;
	const char	   *user;
	const char	   *database;
	const char	   *allowed_plugins; /* output_plugin_libraries, or NULL where
									 * the server has no such setting */
};

/* Fill in all of 'failure' for a server's error, or libpq's ("" sqlstate). */
void
repl_failure_classify(const struct repl_context *ctx, const char *sqlstate,
					  const char *message, struct repl_failure *failure);

/*
 * The same for libpq's message about a connection that was not made, which
 * may hold one line for each address tried, with SQLSTATEs if the server's
 * error was printed verbosely.  It is as bad as the most hopeful of them, but
 * addresses of one host and port are one server: there the one that answers
 * counts.
 */
void repl_failure_classify_connect(const struct repl_context *ctx,
								   const char				 *message,
								   struct repl_failure		 *failure);

/* Text of any length, made one line and cut where there is no more room. */
void repl_failure_set_message(struct repl_failure *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void repl_failure_set_hint(struct repl_failure *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The way out where the server no longer has what the slot needs. */
void repl_failure_hint_slot_lost(struct repl_failure *f, const char *slot);

#endif /* FORWARDER_REPL_FAILURE_H */
