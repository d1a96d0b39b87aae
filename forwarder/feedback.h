/*
 * feedback.h - when PostgreSQL is told how far we are, and what.
 *
 * Pure: no I/O and no clock.  The caller says what has happened, asks what is
 * due, does it and says that it is done.  All times are of one monotonic
 * clock, in milliseconds.
 *
 * In ordinary life a status update is due
 *
 * - after the interval, which is never more than a third of
 *   wal_sender_timeout: also while nothing is read, since the server ends a
 *   connection whose last reply is too old;
 * - soon after the flush LSN has moved;
 * - at once when the server asks, but never in a storm.
 *
 * The rest is about a fast shutdown of the server.  That does not end before
 * all of the WAL is confirmed, which it never is while Kafka is down; and it
 * can be seen only from its signs:
 *
 * 1. The server has sent everything.  It then asks for a reply after each
 *    reply of ours, without a pause, with a position that stands still.
 *    Otherwise it asks only if it has heard nothing for half of
 *    wal_sender_timeout, and it never asks again before it was answered.  So
 *    ten questions in a row, with nothing else between them, each of which
 *    comes within half a second (an eighth of wal_sender_timeout, if that is
 *    less) of an answer, mean a shutdown.  Once they have gone on for the
 *    grace period, "flushed" is reported as unknown (0/0) and "written" as
 *    all that was received, which the server then takes for its end.
 *
 * 2. The server cannot send, because we do not read.  Then it waits for us,
 *    whatever it has been told, and asks nothing.  Only a second connection
 *    can tell: a server that is shutting down refuses it.  So while we do not
 *    read, the caller is told to try one every now and then, and to hang up
 *    once a shutdown has gone on for the grace period.  A smart shutdown,
 *    which waits for sessions first, refuses it as well: then we are gone
 *    early, and what is left is sent after the next start of the server.
 *
 * Why this is safe: a slot moves only when it is told a flush LSN that is not
 * 0, and none is ever told here but the one that the caller has set.  A sign
 * that was misread costs nothing under 1, where the real flush LSN is told
 * whenever it moves and again as soon as the questions end, and a new
 * connection under 2.  A synchronous commit that waits for us is not let go
 * either: a standby without a flush LSN does not count as one.
 */
#ifndef FORWARDER_FEEDBACK_H
#define FORWARDER_FEEDBACK_H

#include <stdbool.h>
#include <stdint.h>

struct feedback_config
{
	int64_t interval_ms;		   /* status.update.interval.ms */
	int64_t wal_sender_timeout_ms; /* the server's; 0: none */
	int64_t grace_ms; /* walferry.shutdown.grace.ms; 0: for ever */
	bool	confirm;  /* false: no flush LSN is ever told */
};

/* What a standby status update says. */
struct feedback_status
{
	uint64_t written_lsn;
	uint64_t flushed_lsn; /* 0: nothing */
};

/* The caller's to keep, not to look into. */
struct feedback
{
	struct feedback_config config;
	uint64_t			   received_lsn;
	uint64_t			   flush_lsn;
	uint64_t			   told_lsn; /* flush LSN that was told last */
	int64_t				   sent_at_ms;
	bool				   sent; /* anything yet */
	bool				   reply_wanted;

	/* the first sign */
	uint64_t asked_lsn;
	int		 questions;		/* in a row; the first may be an ordinary one */
	bool	 answered;		/* the last question was */
	int64_t	 first_ms;		/* when they began */
	int64_t	 answered_ms;	/* when the last one was answered */
	int64_t	 last_asked_ms; /* when the last one came */

	/* the second sign */
	bool	blocked;
	bool	shutting_down;
	int64_t shutdown_ms; /* when that was first seen */
	int64_t probe_ms;	 /* when to try the next connection */
};

/* A stream has begun at 'lsn'; the first status update is due at once. */
void feedback_start(struct feedback *f, const struct feedback_config *config,
					uint64_t lsn, int64_t now_ms);

/* Data has come, whose position is 'lsn'. */
void feedback_data(struct feedback *f, uint64_t lsn);

/* A keepalive has come. */
void feedback_keepalive(struct feedback *f, uint64_t wal_end_lsn,
						bool reply_requested, int64_t now_ms);

/* Everything up to 'lsn' is durably delivered. */
void feedback_flushed(struct feedback *f, uint64_t lsn);

/* When the next status update is due, and what it says if sent at 'now_ms'. */
int64_t feedback_due_ms(const struct feedback *f);
struct feedback_status
feedback_status(const struct feedback *f, int64_t now_ms);

/* It was queued. */
void feedback_sent(struct feedback *f, const struct feedback_status *status,
				   int64_t now_ms);

/* It could not be queued, there was no room: it is due later. */
void feedback_postponed(struct feedback *f, int64_t now_ms);

/* Do status updates leave out the flush LSN, because the server wants to end? */
bool feedback_lets_go(const struct feedback *f, int64_t now_ms);

/* The stream is, or is not, being read. */
void feedback_blocked(struct feedback *f, bool blocked, int64_t now_ms);

/*
 * When a second connection is to be tried; INT64_MAX: not at all.  What came
 * of it: did the server refuse it because it is shutting down?
 */
int64_t feedback_probe_due_ms(const struct feedback *f);
void feedback_probed(struct feedback *f, bool shutting_down, int64_t now_ms);

/* When to hang up, so that the server can end; INT64_MAX: not at all. */
int64_t feedback_hangup_due_ms(const struct feedback *f);

#endif /* FORWARDER_FEEDBACK_H */
