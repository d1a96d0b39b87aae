/*
 * forward_pipe.c - changes on their way: from the replication connection
 * through decode and publish into the sink, as far as there is room.
 */
#include "forward_impl.h"

#include <stdio.h>

#include "fault.h"
#include "log.h"
#include "version.h"
#include "wire.h"

/* Changes between two looks at sockets and timers. */
#define CHANGES_PER_TURN 2000
#define FRAMES_PER_TURN 64

static void
begin_transaction(struct forward *f)
{
	const struct change_transaction *txn = decode_transaction(f->decode);
	struct commit_time				*t;

	/* The server may repeat what we know to be delivered. */
	f->skipping = txn->end_lsn <= ack_delivered_lsn(f->ledger);
	if (f->skipping || !forward_position_begin_transaction(f))
		return;
	if (ack_pending(f->ledger) == 0)
		f->status.last_progress_ms = f->now_ms; /* idle was no stall */
	f->ticket = ack_begin(f->ledger, txn->end_lsn);
	if (f->ticket == 0)
	{
		snprintf(f->reason, sizeof(f->reason),
				 "transaction %llu ends at %X/%X, not after the one before it",
				 (unsigned long long) txn->xid, LSN_ARGS(txn->end_lsn));
		f->hint[0] = '\0';
		forward_handle(f, EVENT_STREAM_CORRUPT);
		return;
	}
	f->entry_open = true;
	publish_begin_transaction(f->publish);
	FAULT_POINT("source_begin");
	t = &f->commit_times[f->ticket & (COMMIT_TIMES - 1)];
	t->ticket = f->ticket;
	t->time_us = txn->commit_time_us;
}

static void
commit_transaction(struct forward *f)
{
	f->ending = false;
	if (f->entry_open)
	{
		FAULT_POINT("source_commit");
		forward_position_end_transaction(f);
		if (ack_complete(f->ledger, f->ticket) > 0)
			f->status.last_progress_ms = f->now_ms;
		f->entry_open = false;
		f->status.transactions++;
		log_debug("forward", "transaction handed over", "lsn=%X/%X xid=%llu",
				  LSN_ARGS(decode_transaction(f->decode)->end_lsn),
				  (unsigned long long) decode_transaction(f->decode)->xid);
	}
	f->skipping = false;
}

/*
 * The commit has come.  False: there is a record of it, to be handed over
 * before it counts.  Its position is behind that of the last change.
 */
static bool
end_transaction(struct forward *f)
{
	struct change_position position = decode_change(f->decode)->position;

	position.ordinal++;
	if (f->entry_open && !f->delivery.resuming &&
		publish_take_end(f->publish, decode_transaction(f->decode), &position))
	{
		f->change_taken = f->ending = true;
		return false;
	}
	return true;
}

/* Hand over what is left of the change in hand; false: not now. */
static bool
submit_change(struct forward *f)
{
	uint64_t		  before_bytes = publish_bytes(f->publish);
	uint64_t		  before = ack_outstanding(f->ledger);
	uint64_t		  before_records = publish_records(f->publish);
	enum sink_outcome outcome = publish_submit(f->publish, f->ledger,
											   f->ticket);
	uint64_t		  handed_over = ack_outstanding(f->ledger) - before;
	uint64_t		  events = publish_records(f->publish) - before_records;
	uint64_t		  bytes = publish_bytes(f->publish) - before_bytes;

	f->status.records += events;
	f->status.in_flight += handed_over;
	f->status.in_flight_bytes += bytes;
	f->uncounted += handed_over - events;
	forward_position_add(f, events, bytes);
	switch (outcome)
	{
		case SINK_DONE:
			f->change_taken = false;
			return true;
		case SINK_AGAIN:
			f->blocked = true;
			return false;
		case SINK_FAILED:
			forward_sink_failed(f, publish_error(f->publish),
								publish_exit_code(f->publish));
			return false;
	}
	return false;
}

/* Of a change that was published before: only its events are counted. */
static void
pass_change(struct forward *f)
{
	const struct change *c = decode_change(f->decode);

	publish_pass(f->publish, c,
				 c->relation ? decode_relation(f->decode) : NULL);
}

/*
 * The stream's header.  What we would get wrong is refused before the first
 * row of it: text of another encoding, and values of another byte order.
 */
static void
check_header(struct forward *f)
{
	const struct decode_header *h = decode_header(f->decode);

	log_info("forward", "stream opened",
			 "plugin=%s protocol=%d server=%u encoding=%s timeline=%u",
			 log_str(h->plugin_version), h->version, h->server_version_num,
			 log_str(h->encoding), h->timeline);
	f->hint[0] = '\0';
	if (h->byte_order != 'L')
	{
		snprintf(f->reason, sizeof(f->reason),
				 "the server is big-endian; only little-endian is supported");
		forward_handle(f, EVENT_SOURCE_REFUSED);
		return;
	}
	if (strcmp(h->encoding, "SQL_ASCII") == 0)
		log_warn("forward",
				 "the database states no encoding (SQL_ASCII);"
				 " bytes that are not valid UTF-8 become U+FFFD in events",
				 NULL);
	else if (strcmp(h->encoding, "UTF8") != 0)
	{
		snprintf(f->reason, sizeof(f->reason),
				 "database \"%s\" is encoded in"
				 " %s; only UTF8 and SQL_ASCII are supported yet",
				 h->database, h->encoding);
		forward_handle(f, EVENT_SOURCE_REFUSED);
		return;
	}
	publish_start(f->publish, f->sink, h->database, h->byte_order);
	publish_use_store(f->publish, f->delivery.store, f->delivery.topic_number);
}

/*
 * Everything up to the last keepalive's position is handed over, and counts as
 * soon as all of that is delivered.  The server says it only once, so a
 * keepalive that came too early is kept: a database that then falls idle
 * would otherwise hold its WAL.
 */
void
forward_adopt_keepalive(struct forward *f)
{
	if (f->keepalive_lsn != 0 && ack_pending(f->ledger) == 0)
	{
		ack_keepalive(f->ledger, f->keepalive_lsn);
		f->keepalive_lsn = 0;
		FAULT_POINT("keepalive_adopted");
	}
}

/* Let the next frame in.  False: none is there, or the stream is over. */
static bool
read_frame(struct forward *f)
{
	struct repl_message m;

	for (;;)
	{
		switch (repl_read(f->repl, &m))
		{
			case REPL_DONE:
				break;
			case REPL_AGAIN:
			case REPL_READY: /* not of a stream */
				return false;
			case REPL_ENDED:
				snprintf(f->reason, sizeof(f->reason),
						 "the server ended the stream");
				f->hint[0] = '\0';
				forward_handle(f, EVENT_SOURCE_LOST);
				return false;
			case REPL_FAILED:
				forward_source_failed(f);
				return false;
		}
		if (m.kind == REPL_DATA)
		{
			if (m.wal_end > f->status.received_lsn)
				f->status.received_lsn = m.wal_end;
			f->source_drained = false;
			feedback_data(&f->feedback, m.wal_end);
			decode_feed(f->decode, m.data, m.len);
			return true;
		}
		if (m.wal_end > f->status.received_lsn)
			f->status.received_lsn = m.wal_end;
		f->keepalive_lsn = m.wal_end;
		f->source_drained = true;
		f->drained_ms = f->now_ms;
		forward_adopt_keepalive(f);
		feedback_keepalive(&f->feedback, m.wal_end, m.reply_requested,
						   f->now_ms);
		f->delivery.asked |= m.reply_requested;
	}
}

/*
 * Move changes on, until nothing is left to read, the sink has no room, or
 * the turn is over.  True: there is more to do at once.
 */
bool
forward_pump(struct forward *f)
{
	int64_t now_ns = forward_realtime_ns();
	int		changes = 0;
	int		frames = 0;

	f->blocked = false;
	while (f->state == STATE_STREAMING ||
		   (f->state == STATE_DRAINING && f->entry_open))
	{
		/* What comes next is not part of what is being cut off. */
		if (forward_position_waits(f))
		{
			f->blocked = true;
			return false;
		}

		/*
		 * In transactions, reports come late; the sink keeps count itself,
		 * and is asked before another large message is put beside its own.
		 */
		if (f->delivery.exactly_once
				? decode_is_holding(f->decode) && sink_is_full(f->sink)
				: f->status.in_flight_bytes >= f->in_flight_max)
		{
			f->blocked = true;
			return false;
		}
		if (f->change_taken && !submit_change(f))
			return false;
		if (f->ending)
		{
			FAULT_POINT("transaction_ended");
			commit_transaction(f);
		}

		/*
		 * Here and not at the end of the turn, which is somewhere within a
		 * source transaction, and, where the sink has no room, of a change.
		 */
		if (forward_position_cuts(f))
			return true;
		if (changes >= CHANGES_PER_TURN || frames >= FRAMES_PER_TURN)
			return true;

		switch (decode_next(f->decode))
		{
			case DECODE_MORE:
				if (!read_frame(f))
					return false;
				frames++;
				now_ns = forward_realtime_ns();
				break;
			case DECODE_HEADER:
				check_header(f);
				break;
			case DECODE_RELATION:
				break; /* planned when its first row comes */
			case DECODE_BEGIN:
				begin_transaction(f);
				break;
			case DECODE_CHANGE:
				changes++;
				if (FAULT_BUG("skip_by_change_lsn") &&
					decode_change(f->decode)->lsn <= f->stream_lsn)
					break;
				if (f->skipping)
					break;
				if (forward_position_skip(f))
				{
					pass_change(f);
					break;
				}
				publish_take(f->publish, decode_change(f->decode),
							 decode_change(f->decode)->relation
								 ? decode_relation(f->decode)
								 : NULL,
							 now_ns);
				f->change_taken = true;
				decode_release(f->decode);
				break;
			case DECODE_COMMIT:
				if (end_transaction(f))
					commit_transaction(f);
				break;
			case DECODE_FAILED:
				snprintf(f->reason, sizeof(f->reason), "%s",
						 decode_error(f->decode));
				if (decode_version_mismatch(f->decode))
				{
					snprintf(f->hint, sizeof(f->hint),
							 "install forwarder and"
							 " extension of the same version; this forwarder"
							 " is " WALFERRY_VERSION " and reads protocol %d",
							 WIRE_VERSION);
					forward_handle(f, EVENT_VERSION_MISMATCH);
				}
				else
				{
					snprintf(f->hint, sizeof(f->hint),
							 "nothing of the"
							 " transaction was confirmed; restart, and report"
							 " it if it comes again");
					forward_handle(f, EVENT_STREAM_CORRUPT);
				}
				return false;
		}
	}
	return false;
}
