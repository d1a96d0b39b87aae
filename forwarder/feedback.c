/*
 * feedback.c - when PostgreSQL is told how far we are, and what; see
 * feedback.h for the contract.
 *
 * What walsender.c does, in all versions from 14 to 18, and what this rests
 * on:
 *
 * - WalSndKeepaliveIfNecessary() asks for a reply when the last one is older
 *   than wal_sender_timeout / 2, and not if it has asked already;
 * - WalSndDone(), after the checkpoint of a shutdown, ends the connection if
 *   its position equals the flush LSN it was told, or the written one where
 *   the flush LSN is invalid; if not, it asks, unless it has asked already;
 * - any reply makes up for the question;
 * - WalSndDone() is not reached while there is something left to send.
 */
#include "feedback.h"

#include <string.h>

/* Soonest that one status update follows another when the flush LSN moves. */
#define FLUSH_MIN_MS 100

/* Soonest that a question is answered after the last status update ... */
#define REPLY_MIN_MS 20

/* ... and when it is plain that the next one comes at once. */
#define REPLY_SHUTDOWN_MS 100

/* So many questions in a row are no accident. */
#define SIGN_COUNT 10

/* Longest time from an answer to the next question, the network's included. */
#define SIGN_GAP_MS 500

/* How often a second connection is tried while the stream is not read. */
#define PROBE_MS 5000

static int64_t
min_ms(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* How soon after an answer a question does not come in ordinary life. */
static int64_t
sign_gap_ms(const struct feedback *f)
{
	int64_t timeout_ms = f->config.wal_sender_timeout_ms;

	return timeout_ms > 0 ? min_ms(SIGN_GAP_MS, timeout_ms / 8) : SIGN_GAP_MS;
}

void
feedback_start(struct feedback *f, const struct feedback_config *config,
			   uint64_t lsn, int64_t now_ms)
{
	*f = (struct feedback){
		.config = *config,
		.received_lsn = lsn,
		.sent_at_ms = now_ms,
		.probe_ms = INT64_MAX,
	};
	if (config->wal_sender_timeout_ms > 0)
		f->config.interval_ms = min_ms(config->interval_ms,
									   config->wal_sender_timeout_ms / 3);
	if (f->config.interval_ms < 1)
		f->config.interval_ms = 1;
}

static void
receive(struct feedback *f, uint64_t lsn)
{
	if (lsn > f->received_lsn)
		f->received_lsn = lsn;
}

void
feedback_data(struct feedback *f, uint64_t lsn)
{
	receive(f, lsn);
	f->questions = 0;
}

void
feedback_keepalive(struct feedback *f, uint64_t wal_end_lsn,
				   bool reply_requested, int64_t now_ms)
{
	receive(f, wal_end_lsn);
	if (!reply_requested)
	{
		f->questions = 0;
		return;
	}
	f->reply_wanted = true;
	f->last_asked_ms = now_ms;
	if (f->questions > 0 && wal_end_lsn == f->asked_lsn)
	{
		/* Two that come at once were waiting for us to read them. */
		if (!f->answered)
			return;
		if (now_ms - f->answered_ms <= sign_gap_ms(f))
		{
			f->questions++;
			f->answered = false;
			return;
		}
	}
	f->questions = 1;
	f->answered = false;
	f->asked_lsn = wal_end_lsn;
	f->first_ms = now_ms;
}

void
feedback_flushed(struct feedback *f, uint64_t lsn)
{
	if (lsn > f->flush_lsn)
		f->flush_lsn = lsn;
}

/* Is this what a server does that is shutting down? */
static bool
is_asking(const struct feedback *f)
{
	return f->questions >= SIGN_COUNT;
}

int64_t
feedback_due_ms(const struct feedback *f)
{
	int64_t wait_ms = f->config.interval_ms;

	if (!f->sent)
		return f->sent_at_ms;
	if (f->config.confirm && f->flush_lsn > f->told_lsn)
		wait_ms = min_ms(wait_ms, FLUSH_MIN_MS);
	if (f->reply_wanted)
		wait_ms = min_ms(wait_ms,
						 is_asking(f) ? REPLY_SHUTDOWN_MS : REPLY_MIN_MS);
	return f->sent_at_ms + wait_ms;
}

bool
feedback_lets_go(const struct feedback *f, int64_t now_ms)
{
	return f->config.confirm && f->config.grace_ms > 0 && is_asking(f) &&
		   f->flush_lsn < f->received_lsn &&
		   now_ms - f->first_ms >= f->config.grace_ms &&
		   /* It has answered the last answer, or still may. */
		   (!f->answered || now_ms - f->answered_ms <= sign_gap_ms(f));
}

struct feedback_status
feedback_status(const struct feedback *f, int64_t now_ms)
{
	struct feedback_status status = {
		.written_lsn = f->received_lsn > f->flush_lsn ? f->received_lsn
													  : f->flush_lsn,
	};

	if (f->config.confirm &&
		(f->flush_lsn > f->told_lsn || !feedback_lets_go(f, now_ms)))
		status.flushed_lsn = f->flush_lsn;
	return status;
}

void
feedback_sent(struct feedback *f, const struct feedback_status *status,
			  int64_t now_ms)
{
	f->sent = true;
	f->sent_at_ms = now_ms;
	if (status->flushed_lsn > f->told_lsn)
		f->told_lsn = status->flushed_lsn;
	f->reply_wanted = false;
	f->answered = true;
	f->answered_ms = now_ms;
}

void
feedback_postponed(struct feedback *f, int64_t now_ms)
{
	f->sent = true;
	f->sent_at_ms = now_ms;
}

void
feedback_blocked(struct feedback *f, bool blocked, int64_t now_ms)
{
	if (blocked == f->blocked)
		return;
	f->blocked = blocked;
	f->shutting_down = false;
	f->probe_ms = blocked && f->config.grace_ms > 0 ? now_ms + PROBE_MS
													: INT64_MAX;
}

int64_t
feedback_probe_due_ms(const struct feedback *f)
{
	return f->probe_ms;
}

void
feedback_probed(struct feedback *f, bool shutting_down, int64_t now_ms)
{
	if (f->probe_ms == INT64_MAX)
		return;
	if (shutting_down && !f->shutting_down)
		f->shutdown_ms = now_ms;
	f->shutting_down = shutting_down;
	f->probe_ms = now_ms + PROBE_MS;
}

int64_t
feedback_hangup_due_ms(const struct feedback *f)
{
	return f->shutting_down ? f->shutdown_ms + f->config.grace_ms : INT64_MAX;
}
