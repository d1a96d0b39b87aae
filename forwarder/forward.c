/*
 * forward.c - the pipeline and its states.
 *
 * One loop, one poll: the replication connection, the sink's events, the
 * health socket, timers and signals.  Data flows one way,
 *
 *     repl -> decode -> publish -> sink
 *
 * and what comes back are delivery reports, which move the ledger, whose
 * flush LSN is what PostgreSQL is told, by a timer of its own: also while
 * nothing can be read because the sink is full or down.
 *
 * What the loop does about an event is in one table, transitions[].
 *
 * After a lost connection the ledger is first let run empty: what Kafka
 * already has is then confirmed before the stream is asked for again, and
 * only a transaction that was cut in the middle is repeated.
 */
#include "forward_impl.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "fault.h"
#include "log.h"
#include "mem.h"

/* A position may stand still this long with something pending. */
#define STALL_MS 60000

/* Longest wait in poll(), a safety net under the timers. */
#define POLL_MAX_MS 1000

/* How often the sink is tried again while it has no room. */
#define BLOCKED_POLL_MS 50

/*
 * How long records may still go out after the stream was lost: PostgreSQL
 * gives the slot to another forwarder after wal_sender_timeout (a minute by
 * default), and that one must not be overtaken by an old queue.
 */
#define ORPHAN_QUEUE_MS 50000

/* Longest wait for the answer to a second connection. */
#define PROBE_MS 5000

/* Longest wait for PostgreSQL's part of the end. */
#define FINISH_MS 5000

/* How often the window of latencies turns. */
#define LATENCY_WINDOW_MS 10000

/*
 * Messages assembled from fragments.  Raw values can be longer than their
 * text, so that a row is given more than its event may have; where events have
 * no limit, a row's is PostgreSQL's.
 */
#define MESSAGE_SLACK ((size_t) 16 << 20)
#define MESSAGE_MAX ((size_t) 2 << 30)

static const char *const state_names[] = {
	[STATE_CONNECTING] = "connecting", [STATE_RECOVERING] = "recovering",
	[STATE_STARTING] = "starting",	   [STATE_STREAMING] = "streaming",
	[STATE_WAITING] = "waiting",	   [STATE_DRAINING] = "draining",
	[STATE_STOPPED] = "stopped",
};

static const char *const event_names[] = {
	[EVENT_SOURCE_READY] = "source ready",
	[EVENT_RECOVERED] = "recovered",
	[EVENT_POSITION_STORED] = "position stored",
	[EVENT_CONNECTED] = "connected",
	[EVENT_SOURCE_LOST] = "source lost",
	[EVENT_SOURCE_REFUSED] = "source refused",
	[EVENT_SOURCE_UNSAFE] = "source unsafe",
	[EVENT_STREAM_CORRUPT] = "stream corrupt",
	[EVENT_VERSION_MISMATCH] = "version mismatch",
	[EVENT_SINK_LOST] = "sink lost",
	[EVENT_SINK_REFUSED] = "sink refused",
	[EVENT_OVERTAKEN] = "overtaken",
	[EVENT_RETRY_DUE] = "retry due",
	[EVENT_RETRIES_EXHAUSTED] = "retries exhausted",
	[EVENT_STOP] = "stop",
	[EVENT_STOP_AGAIN] = "stop again",
	[EVENT_DRAINED] = "drained",
	[EVENT_DRAIN_TIMEOUT] = "drain timeout",
};

void
forward_explain(struct forward *f, const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->reason, sizeof(f->reason), fmt, ap);
	va_end(ap);
	snprintf(f->hint, sizeof(f->hint), "%s", hint);
}

int64_t
forward_realtime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static uint32_t
timeline_of(void *arg, uint64_t lsn)
{
	struct forward *f = arg;

	return repl_timeline_of(repl_slot(f->repl), lsn);
}

void
forward_source_failed(struct forward *f)
{
	const struct repl_failure *failure = repl_failure(f->repl);

	snprintf(f->reason, sizeof(f->reason), "%s", failure->message);
	snprintf(f->hint, sizeof(f->hint), "%s", failure->hint);
	switch (failure->kind)
	{
		case REPL_FAILURE_RETRY:
			forward_handle(f, EVENT_SOURCE_LOST);
			break;
		case REPL_FAILURE_REFUSED:
			forward_handle(f, EVENT_SOURCE_REFUSED);
			break;
		case REPL_FAILURE_UNSAFE:
			forward_handle(f, EVENT_SOURCE_UNSAFE);
			break;
	}
}

/* -------------------------------------------------------------------- sink */

/* Delivery reports, from within sink_poll(). */
static void
on_report(void *arg, uint64_t ticket, uint64_t records, size_t bytes,
		  bool delivered, const char *error)
{
	struct forward *f = arg;
	const struct commit_time
			*t = &f->commit_times[ticket & (COMMIT_TIMES - 1)];
	uint32_t passed = 0;

	if (!delivered)
		snprintf(f->reason, sizeof(f->reason),
				 "a record was not delivered: %s",
				 error ? error : "unknown error");
	if (ticket == FORWARD_POSITION_TICKET)
	{
		/* Where little happens, nothing else shows that the sink is well. */
		if (delivered && f->state == STATE_STREAMING)
			f->sink_retries = 0;
		forward_position_reported(f, delivered);
		return;
	}
	if (ticket == FORWARD_HEARTBEAT_TICKET)
		return; /* where it is not delivered, the sink has failed */
	f->status.in_flight -= records;
	f->status.in_flight_bytes -= bytes;
	FAULT_POINT("record_delivered");
	if (delivered)
	{
		uint64_t others = records < f->uncounted ? records : f->uncounted;

		f->uncounted -= others;
		f->status.delivered += records - others;
		f->status.last_progress_ms = f->now_ms;
		if (t->ticket == ticket && t->time_us != 0)
			status_latency_add(&f->status.latency,
							   forward_realtime_ns() / 1000 - t->time_us);
	}
	else
		f->status.failed += records;
	for (uint64_t i = 0; i < records; i++)
		passed += ack_report(f->ledger, ticket, delivered);
	FAULT_POINT("record_counted");

	/* A sink that fails over and over beside what it delivers gets nowhere. */
	if (passed > 0)
		f->sink_retries = 0;
}

static bool
open_sink(struct forward *f)
{
	struct sink_store store;

	f->sink = config_is(f->config, "walferry.sink", "stdout")
				  ? sink_stdout_new(f->config, on_report, f)
				  : sink_kafka_new(f->config,
								   forward_position_sink_store(f, &store),
								   on_report, f);
	f->status.in_flight = f->status.in_flight_bytes = 0;
	f->uncounted = 0;
	return f->sink != NULL;
}

void
forward_sink_failed(struct forward *f, const char *why, int exit_code)
{
	if (why != f->reason)
		snprintf(f->reason, sizeof(f->reason), "%s", why);
	f->hint[0] = '\0';
	if (exit_code == FORWARD_UNSAFE)
		forward_handle(f, EVENT_SOURCE_UNSAFE);
	else
		forward_handle(f, exit_code == FORWARD_SINK_REFUSED
							  ? EVENT_SINK_REFUSED
							  : EVENT_SINK_LOST);
}

/* Reports, and failures that no call of ours has returned. */
static void
serve_sink(struct forward *f)
{
	const char *error;

	sink_poll(f->sink, 0);
	f->status.sink_connected = sink_connected(f->sink);
	error = sink_error(f->sink);
	if (error[0] != '\0')
		forward_sink_failed(f, error, sink_exit_code(f->sink));
	else if (f->ledger != NULL && ack_failed(f->ledger))
		forward_sink_failed(f, f->reason, FORWARD_FAILED);
}

/* ---------------------------------------------------------------- feedback */

static bool
has_stream(const struct forward *f)
{
	return f->state == STATE_STREAMING ||
		   (f->state == STATE_DRAINING && f->status.source_connected);
}

/* What PostgreSQL may be told. */
static uint64_t
confirmable_lsn(const struct forward *f)
{
	uint64_t lsn = ack_flush_lsn(f->ledger);

	if (FAULT_BUG("ack_before_commit") && f->delivery.complete_lsn > lsn)
		lsn = f->delivery.complete_lsn;
	if (FAULT_BUG("keepalive_in_flight") && f->status.received_lsn > lsn)
		lsn = f->status.received_lsn;
	if (FAULT_BUG("adopt_keepalive_unstored"))
		lsn = ack_delivered_lsn(f->ledger);
	return lsn;
}

static void
send_feedback(struct forward *f)
{
	struct feedback_status status;

	FAULT_POINT("before_feedback");
	feedback_flushed(&f->feedback, confirmable_lsn(f));
	status = feedback_status(&f->feedback, f->now_ms);
	if (!f->let_go && feedback_lets_go(&f->feedback, f->now_ms))
	{
		f->let_go = true;
		log_warn("forward",
				 "PostgreSQL is shutting down, and Kafka has not acknowledged"
				 " everything: PostgreSQL is let go, and the slot will send"
				 " it again",
				 "confirmed_lsn=%X/%X", LSN_ARGS(f->status.confirmed_lsn));
	}
	switch (repl_send_status(f->repl, status.written_lsn, status.flushed_lsn))
	{
		case REPL_DONE:
			feedback_sent(&f->feedback, &status, f->now_ms);
			if (status.flushed_lsn > 0)
				f->status.confirmed_lsn = status.flushed_lsn;
			FAULT_POINT("feedback_sent");
			break;
		case REPL_AGAIN:
			/* No room: what is queued is sent on when the socket takes it. */
			feedback_postponed(&f->feedback, f->now_ms);
			break;
		default:
			forward_source_failed(f);
			break;
	}
}

/*
 * A server that shuts down while we do not read waits for us, and does not say
 * so: see feedback.h.
 */
static void
watch_for_shutdown(struct forward *f)
{
	struct feedback *fb = &f->feedback;

	feedback_blocked(fb, f->blocked, f->now_ms);
	if (f->probe_until_ms == 0 && f->now_ms >= feedback_probe_due_ms(fb))
	{
		repl_probe_start(f->repl);
		f->probe_until_ms = f->now_ms + PROBE_MS;
	}
	if (f->probe_until_ms != 0)
	{
		enum repl_probe probe = repl_probe_step(f->repl);

		if (probe != REPL_PROBE_RUNNING || f->now_ms >= f->probe_until_ms)
		{
			f->probe_until_ms = 0;
			feedback_probed(fb, probe == REPL_PROBE_SHUTTING_DOWN, f->now_ms);
		}
	}
	if (f->now_ms >= feedback_hangup_due_ms(fb))
	{
		forward_explain(f, "",
						"PostgreSQL is shutting down and waits for us, while "
						"Kafka takes nothing: hung up, the slot will send it "
						"again");
		forward_handle(f, EVENT_SOURCE_LOST);
	}
}

/* ----------------------------------------------------------------- actions */

static void
log_position(struct forward *f)
{
	const struct repl_slot *slot = repl_slot(f->repl);
	log_info("forward", "streaming",
			 "slot=%s lsn=%X/%X timeline=%u system=%llu server=%d%s",
			 log_str(f->source.repl.slot), LSN_ARGS(ack_flush_lsn(f->ledger)),
			 slot->timeline, (unsigned long long) slot->system_id,
			 slot->server_version_num, slot->created ? " created=true" : "");
	if (slot->created && !f->source.temporary)
		log_warn("forward",
				 "the slot did not exist and was created; what was"
				 " committed before is not carried (walferry.slot.create=false"
				 " makes a missing slot an error)",
				 "slot=%s lsn=%X/%X", log_str(f->source.repl.slot),
				 LSN_ARGS(slot->confirmed_lsn));
}

static void
start_stream(struct forward *f)
{
	const struct repl_slot *slot = repl_slot(f->repl);

	if (f->ledger == NULL)
		f->ledger = ack_new(f->delivery.start_lsn != 0 ? f->delivery.start_lsn
													   : slot->confirmed_lsn,
							1024);
	f->status.received_lsn = slot->confirmed_lsn;
	f->status.source_connected = true;
	f->status.last_progress_ms = f->now_ms;
	f->stream_since_ms = f->now_ms;
	f->stream_lsn = ack_flush_lsn(f->ledger);
	feedback_start(&f->feedback,
				   &(struct feedback_config){
					   .interval_ms = config_int(f->config,
												 "status.update.interval.ms"),
					   .wal_sender_timeout_ms = slot->wal_sender_timeout_ms,
					   .grace_ms = config_int(f->config,
											  "walferry.shutdown.grace.ms"),
					   .confirm = f->source.confirm,
				   },
				   slot->confirmed_lsn, f->now_ms);
	feedback_flushed(&f->feedback, f->stream_lsn);
	f->let_go = false;
	f->last_failure[0] = '\0';
	forward_position_stream_begun(f);
	log_position(f);
}

/* The stream is gone; what was half handed over will come again. */
static void
drop_stream(struct forward *f)
{
	publish_abandon(f->publish);
	forward_position_stream_dropped(f);
	repl_reset(f->repl);
	decode_reset(f->decode);
	f->status.source_connected = false;
	f->entry_open = f->skipping = f->change_taken = f->ending = false;
	f->blocked = f->hangup = false;
	f->probe_until_ms = 0;
	f->keepalive_lsn = 0;
	f->source_drained = false;
}

static void
log_failure(struct forward *f, const char *what, int attempt)
{
	/* One clear line; the same again, while we keep trying, only to debug. */
	if (strcmp(f->last_failure, f->reason) == 0)
	{
		log_debug("forward", what, "error=%s attempt=%d retry_ms=%lld",
				  log_str(f->reason), attempt, (long long) f->backoff_ms);
		return;
	}
	memcpy(f->last_failure, f->reason, sizeof(f->last_failure));
	if (f->hint[0] != '\0')
		log_warn("forward", what, "error=%s hint=%s retry_ms=%lld",
				 log_str(f->reason), log_str(f->hint),
				 (long long) f->backoff_ms);
	else
		log_warn("forward", what, "error=%s retry_ms=%lld", log_str(f->reason),
				 (long long) f->backoff_ms);
}

/* The wait before the next attempt, which doubles with each of 'retries'. */
static int64_t
backoff_ms(const struct forward *f, int retries)
{
	int64_t ms = config_int(f->config, "retriable.restart.connector.wait.ms");
	int64_t max = config_int(f->config, "walferry.retry.backoff.max.ms");

	for (int i = 0; i < retries && ms < max; i++)
		ms *= 2;
	return ms < max ? ms : max;
}

static void
schedule_retry(struct forward *f, const char *what, int *retries)
{
	int64_t limit = config_int(f->config, "errors.max.retries");

	f->backoff_ms = backoff_ms(f, *retries);
	f->status.reconnects++;
	f->retry_at_ms = f->now_ms + f->backoff_ms;
	log_failure(f, what, ++*retries);
	if (limit >= 0 && *retries > limit)
		forward_handle(f, EVENT_RETRIES_EXHAUSTED);
}

/*
 * A new producer.  With exactly.once, what this one had not committed never
 * becomes visible, and what the ledger knows of it is of no use; otherwise the
 * ledger says what has to come again.  False: there is none to be had, which
 * is handled.
 */
static bool
replace_sink(struct forward *f)
{
	forward_position_leave_sink(f);
	sink_free(f->sink);
	FAULT_POINT("sink_freed");
	if (f->delivery.exactly_once)
	{
		ack_free(f->ledger);
		f->ledger = NULL;
	}
	else if (f->ledger != NULL)
		ack_restart(f->ledger);
	if (!open_sink(f))
	{
		forward_explain(f, "", "the producer cannot be made again");
		forward_handle(f, EVENT_SINK_REFUSED);
		return false;
	}
	return true;
}

static void
retry_source(struct forward *f)
{
	if (f->status.source_connected)
		f->queue_until_ms = f->now_ms + ORPHAN_QUEUE_MS;
	drop_stream(f);
	FAULT_POINT("source_lost");

	/*
	 * Before the first stream, nothing is under way but what this start was
	 * about to do, and the next one must not take it for its own.
	 */
	if (f->delivery.sink_used &&
		(f->delivery.exactly_once || f->ledger == NULL) && !replace_sink(f))
		return;
	schedule_retry(f, "PostgreSQL connection lost or refused",
				   &f->source_retries);
}

/*
 * A connection that is made and breaks again over the same WAL has not gone
 * well: what counts is that the stream moves on, or has stood for long.
 */
static void
forgive_source(struct forward *f)
{
	if (f->source_retries > 0 &&
		(ack_flush_lsn(f->ledger) > f->stream_lsn ||
		 f->now_ms - f->stream_since_ms >=
			 config_int(f->config, "walferry.retry.backoff.max.ms")))
		f->source_retries = 0;
}

/* A producer that failed for good is replaced; the slot replays. */
static void
retry_sink(struct forward *f)
{
	drop_stream(f);
	if (sink_gave_up(f->sink))
	{
		forward_handle(f, EVENT_RETRIES_EXHAUSTED);
		return;
	}
	FAULT_POINT("sink_failed");
	if (!replace_sink(f))
		return;
	schedule_retry(f, "Kafka producer failed, starting a new one",
				   &f->sink_retries);
}

/* What this process knows is out of date, and so is what it has queued. */
static void
begin_anew(struct forward *f)
{
	drop_stream(f);
	ack_free(f->ledger);
	f->ledger = NULL;
	if (!replace_sink(f))
		return;
	schedule_retry(f, "the slot stands beyond this process, starting anew",
				   &f->source_retries);
}

static void
reconnect(struct forward *f)
{
	FAULT_POINT("reconnect");
	if (f->ledger == NULL)
		return;
	if (f->source.confirm && !f->source.temporary)
	{
		ack_restart(f->ledger);
		return;
	}

	/* Only looking: the next stream begins wherever its slot stands. */
	ack_free(f->ledger);
	f->ledger = NULL;
}

static void
begin_drain(struct forward *f)
{
	int64_t timeout = config_int(f->config, "walferry.shutdown.timeout.ms");

	FAULT_POINT("drain_begin");
	f->drain_until_ms = f->now_ms + timeout;
	if (f->ledger == NULL)
		f->delivery.wanted = false; /* of a start that is given up */
	log_info("forward", "stopping", "in_flight=%llu timeout_ms=%lld",
			 (unsigned long long) f->status.in_flight, (long long) timeout);
}

static void
lose_source_while_draining(struct forward *f)
{
	drop_stream(f);
	log_failure(f, "PostgreSQL connection lost while stopping", 0);

	/* The open transaction may end half-way through one of the source's. */
	if (f->delivery.exactly_once)
		f->drain_until_ms = f->now_ms;
}

/* Tell PostgreSQL the last position and let go of the slot. */
static void
close_stream(struct forward *f, enum repl_leave leave)
{
	if (has_stream(f))
	{
		send_feedback(f);
		if (f->status.source_connected)
			repl_finish(f->repl, FINISH_MS, leave);
		FAULT_POINT("finish_sent");
	}
	log_info("forward", "stopped", "lsn=%X/%X events=%llu",
			 LSN_ARGS(f->status.confirmed_lsn),
			 (unsigned long long) f->status.delivered);
}

static void
finish(struct forward *f)
{
	FAULT_POINT("drain_done");

	/* Only a slot of which nothing is left to be sent may go. */
	close_stream(f, f->source.confirm &&
							config_bool(f->config, "slot.drop.on.stop")
						? REPL_DROP_SLOT
						: REPL_KEEP_SLOT);
}

static void
log_unconfirmed(struct forward *f)
{
	log_warn("forward",
			 "stopped before Kafka acknowledged everything; what is"
			 " unconfirmed will be sent again after the next start",
			 "unconfirmed=%llu confirmed_lsn=%X/%X",
			 (unsigned long long) f->status.in_flight,
			 LSN_ARGS(f->ledger ? ack_flush_lsn(f->ledger) : 0));
}

static void
give_up_drain(struct forward *f)
{
	log_unconfirmed(f);
	close_stream(f, REPL_KEEP_SLOT);
}

/* Whoever asks twice does not want to wait for PostgreSQL either. */
static void
stop_at_once(struct forward *f)
{
	log_unconfirmed(f);
	if (has_stream(f))
		send_feedback(f);
}

static void
log_fatal(struct forward *f, const char *what)
{
	if (f->hint[0] != '\0')
		log_error("forward", what, "error=%s hint=%s exit=%d",
				  log_str(f->reason), log_str(f->hint), f->exit_code);
	else
		log_error("forward", what, "error=%s exit=%d", log_str(f->reason),
				  f->exit_code);
}

static void
refuse_source(struct forward *f)
{
	f->exit_code = FORWARD_SOURCE_REFUSED;
	log_fatal(f, "PostgreSQL refused");
}

static void
refuse_start(struct forward *f)
{
	forward_position_withdraw(f);
	refuse_source(f);
}

static void
stop_unsafe(struct forward *f)
{
	f->exit_code = FORWARD_UNSAFE;
	log_fatal(f, "stopped, because going on could lose changes");
}

static void
refuse_version(struct forward *f)
{
	f->exit_code = FORWARD_SOURCE_REFUSED;
	log_fatal(f, "extension and forwarder do not fit");
}

static void
refuse_sink(struct forward *f)
{
	f->exit_code = FORWARD_SINK_REFUSED;
	log_fatal(f, config_is(f->config, "walferry.sink", "stdout")
					 ? "standard output failed"
					 : "Kafka refused");
}

static void
exhaust(struct forward *f)
{
	f->exit_code = FORWARD_FAILED;
	log_fatal(f, "gave up after errors.max.retries attempts");
}

static void
lose_sink_while_draining(struct forward *f)
{
	log_failure(f, "Kafka producer failed while stopping", 0);
	give_up_drain(f);
}

/* ------------------------------------------------------------- state table */

struct transition
{
	enum state	from;
	enum event	event;
	enum state	to;
	const char *comment;
	void (*action)(struct forward *f);
};

static const struct transition transitions[] = {
	{STATE_CONNECTING, EVENT_SOURCE_READY, STATE_RECOVERING,
	 "the slot is free: read the stored position", forward_position_begin},
	{STATE_CONNECTING, EVENT_SOURCE_LOST, STATE_WAITING,
	 "not reachable, or busy: try again later", retry_source},
	{STATE_CONNECTING, EVENT_SOURCE_REFUSED, STATE_STOPPED,
	 "will not get better by itself", refuse_source},
	{STATE_CONNECTING, EVENT_SOURCE_UNSAFE, STATE_STOPPED,
	 "the slot is lost, or is not ours any more", stop_unsafe},
	{STATE_CONNECTING, EVENT_SINK_LOST, STATE_WAITING,
	 "a new producer is needed", retry_sink},
	{STATE_CONNECTING, EVENT_SINK_REFUSED, STATE_STOPPED,
	 "will not get better by itself", refuse_sink},
	{STATE_CONNECTING, EVENT_STOP, STATE_DRAINING, "asked to stop",
	 begin_drain},

	{STATE_RECOVERING, EVENT_RECOVERED, STATE_STARTING,
	 "the position is known, or none is kept", forward_position_start},
	{STATE_RECOVERING, EVENT_SOURCE_LOST, STATE_WAITING,
	 "the connection broke: start again", retry_source},
	{STATE_RECOVERING, EVENT_SOURCE_REFUSED, STATE_STOPPED,
	 "will not get better by itself", refuse_source},
	{STATE_RECOVERING, EVENT_SOURCE_UNSAFE, STATE_STOPPED,
	 "slot and stored position do not fit", stop_unsafe},
	{STATE_RECOVERING, EVENT_SINK_LOST, STATE_WAITING,
	 "a new producer is needed", retry_sink},
	{STATE_RECOVERING, EVENT_SINK_REFUSED, STATE_STOPPED,
	 "will not get better by itself", refuse_sink},
	{STATE_RECOVERING, EVENT_STOP, STATE_DRAINING, "asked to stop",
	 begin_drain},

	{STATE_STARTING, EVENT_SOURCE_READY, STATE_STARTING,
	 "the slot was created", forward_position_go_on},
	{STATE_STARTING, EVENT_POSITION_STORED, STATE_STARTING,
	 "what comes next needs the position stored", forward_position_go_on},
	{STATE_STARTING, EVENT_CONNECTED, STATE_STREAMING,
	 "replication has started", start_stream},
	{STATE_STARTING, EVENT_SOURCE_LOST, STATE_WAITING,
	 "the connection broke: start again", retry_source},
	{STATE_STARTING, EVENT_SOURCE_REFUSED, STATE_STOPPED,
	 "will not get better by itself", refuse_start},
	{STATE_STARTING, EVENT_SOURCE_UNSAFE, STATE_STOPPED,
	 "slot and stored position do not fit", stop_unsafe},
	{STATE_STARTING, EVENT_SINK_LOST, STATE_WAITING,
	 "a new producer is needed", retry_sink},
	{STATE_STARTING, EVENT_SINK_REFUSED, STATE_STOPPED,
	 "will not get better by itself", refuse_sink},
	{STATE_STARTING, EVENT_OVERTAKEN, STATE_WAITING,
	 "another forwarder had the slot: begin as if just started", begin_anew},
	{STATE_STARTING, EVENT_STOP, STATE_DRAINING, "asked to stop", begin_drain},

	{STATE_STREAMING, EVENT_SOURCE_LOST, STATE_WAITING,
	 "the connection broke: start again from what is confirmed", retry_source},
	{STATE_STREAMING, EVENT_SOURCE_REFUSED, STATE_STOPPED,
	 "will not get better by itself", refuse_source},
	{STATE_STREAMING, EVENT_SOURCE_UNSAFE, STATE_STOPPED,
	 "the slot was lost while streaming", stop_unsafe},
	{STATE_STREAMING, EVENT_STREAM_CORRUPT, STATE_STOPPED,
	 "the stream contradicts itself", stop_unsafe},
	{STATE_STREAMING, EVENT_VERSION_MISMATCH, STATE_STOPPED,
	 "the extension speaks another version", refuse_version},
	{STATE_STREAMING, EVENT_SINK_LOST, STATE_WAITING,
	 "a new producer is needed; the slot replays", retry_sink},
	{STATE_STREAMING, EVENT_SINK_REFUSED, STATE_STOPPED,
	 "will not get better by itself", refuse_sink},
	{STATE_STREAMING, EVENT_STOP, STATE_DRAINING,
	 "asked to stop: finish the transaction in hand", begin_drain},

	{STATE_WAITING, EVENT_RETRY_DUE, STATE_CONNECTING,
	 "waited long enough, and nothing is in flight", reconnect},
	{STATE_WAITING, EVENT_RETRIES_EXHAUSTED, STATE_STOPPED,
	 "errors.max.retries is reached", exhaust},
	{STATE_WAITING, EVENT_SINK_LOST, STATE_WAITING, "a new producer is needed",
	 retry_sink},
	{STATE_WAITING, EVENT_SINK_REFUSED, STATE_STOPPED,
	 "will not get better by itself", refuse_sink},
	{STATE_WAITING, EVENT_STOP, STATE_DRAINING, "asked to stop", begin_drain},

	{STATE_DRAINING, EVENT_DRAINED, STATE_STOPPED,
	 "everything is delivered: confirm it and close", finish},
	{STATE_DRAINING, EVENT_DRAIN_TIMEOUT, STATE_STOPPED,
	 "walferry.shutdown.timeout.ms is over", give_up_drain},
	{STATE_DRAINING, EVENT_STOP_AGAIN, STATE_STOPPED,
	 "asked twice: stop at once", stop_at_once},
	{STATE_DRAINING, EVENT_SOURCE_LOST, STATE_DRAINING,
	 "nothing more comes; reports still do", lose_source_while_draining},
	{STATE_DRAINING, EVENT_SOURCE_REFUSED, STATE_DRAINING,
	 "nothing more comes; reports still do", lose_source_while_draining},
	{STATE_DRAINING, EVENT_SOURCE_UNSAFE, STATE_STOPPED, "the slot was lost",
	 stop_unsafe},
	{STATE_DRAINING, EVENT_STREAM_CORRUPT, STATE_STOPPED,
	 "the stream contradicts itself", stop_unsafe},
	{STATE_DRAINING, EVENT_VERSION_MISMATCH, STATE_STOPPED,
	 "the extension speaks another version", refuse_version},
	{STATE_DRAINING, EVENT_SINK_LOST, STATE_STOPPED,
	 "no more reports will come", lose_sink_while_draining},
	{STATE_DRAINING, EVENT_SINK_REFUSED, STATE_STOPPED,
	 "will not get better by itself", refuse_sink},
};

#define NTRANSITIONS (sizeof(transitions) / sizeof(transitions[0]))

void
forward_handle(struct forward *f, enum event event)
{
	if (f->state == STATE_STOPPED)
		return;
	for (size_t i = 0; i < NTRANSITIONS; i++)
	{
		const struct transition *t = &transitions[i];

		if (t->from != f->state || t->event != event)
			continue;

		/*
		 * finish() still needs to know that there is a stream, so that the
		 * state changes after the action if it ends in STOPPED.
		 */
		if (t->to != STATE_STOPPED)
			f->state = t->to;
		log_debug("forward", t->comment, "from=%s event=%s to=%s",
				  state_names[t->from], log_str(event_names[event]),
				  state_names[t->to]);
		t->action(f);
		if (t->to == STATE_STOPPED)
			f->state = STATE_STOPPED;
		f->status.state = state_names[f->state];
		return;
	}
	snprintf(f->reason, sizeof(f->reason), "event \"%s\" in state \"%s\"",
			 event_names[event], state_names[f->state]);
	f->hint[0] = '\0';
	f->exit_code = FORWARD_FAILED;
	log_fatal(f, "unexpected event");
	f->state = STATE_STOPPED;
}

void
forward_docs(struct buf *out)
{
	buf_puts(out, "| state | event | next state | |\n|---|---|---|---|\n");
	for (size_t i = 0; i < NTRANSITIONS; i++)
	{
		const struct transition *t = &transitions[i];

		buf_printf(out, "| %s | %s | %s | %s |\n", state_names[t->from],
				   event_names[t->event], state_names[t->to], t->comment);
	}
}

/* -------------------------------------------------------------------- loop */

static void
log_progress(struct forward *f)
{
	int64_t interval = config_int(f->config, "walferry.progress.interval.ms");
	const struct status *s = &f->status;
	uint64_t			 lsn = f->ledger ? ack_flush_lsn(f->ledger) : 0;

	if (interval == 0 || f->now_ms - f->progress_at_ms < interval)
		return;
	if (s->delivered != f->progress_records || s->in_flight > 0)
		log_info("forward", "progress",
				 "lsn=%X/%X events=%llu rate=%.0f in_flight=%llu"
				 " lag_bytes=%llu latency_p50_ms=%.1f latency_p99_ms=%.1f",
				 LSN_ARGS(lsn), (unsigned long long) s->delivered,
				 (double) (s->delivered - f->progress_records) * 1000 /
					 (double) (f->now_ms - f->progress_at_ms),
				 (unsigned long long) s->in_flight,
				 (unsigned long long) (s->received_lsn > lsn
										   ? s->received_lsn - lsn
										   : 0),
				 status_latency_quantile(&s->latency, 0.5),
				 status_latency_quantile(&s->latency, 0.99));
	f->progress_at_ms = f->now_ms;
	f->progress_records = s->delivered;
}

static void
serve_health(struct forward *f)
{
	struct buf					answer = {0};
	size_t						n;
	const struct publish_topic *topics = publish_topics(f->publish, &n);

	f->status.lost_values = publish_lost_values(f->publish);
	f->status.pending = f->change_taken ||
						(f->ledger != NULL && ack_pending(f->ledger) > 0);
	status_json(&f->status, status_healthy(&f->status, f->now_ms, STALL_MS),
				f->now_ms, topics, n, &answer);
	health_serve(f->health, &answer);
	buf_free(&answer);
}

/* Everything that is due by now. */
static void
serve_timers(struct forward *f)
{
	if (f->stop_signals > 0)
	{
		if (f->state != STATE_DRAINING)
			forward_handle(f, EVENT_STOP);
		else if (f->stop_signals > 1)
			forward_handle(f, EVENT_STOP_AGAIN);
	}
	if (f->state == STATE_WAITING && f->now_ms >= f->retry_at_ms &&
		(f->ledger == NULL || ack_outstanding(f->ledger) == 0))
		forward_handle(f, EVENT_RETRY_DUE);
	if (f->state == STATE_WAITING && f->now_ms >= f->queue_until_ms &&
		f->ledger != NULL && ack_outstanding(f->ledger) > 0)
		forward_sink_failed(
			f,
			"PostgreSQL is gone for so long that another forwarder"
			" may have the slot: what Kafka has not taken is dropped"
			" here, and the slot sends it again",
			FORWARD_FAILED);
	if (has_stream(f))
	{
		forward_adopt_keepalive(f);
		forgive_source(f);
	}
	if (has_stream(f))
	{
		feedback_flushed(&f->feedback, confirmable_lsn(f));
		if (f->now_ms >= feedback_due_ms(&f->feedback))
			send_feedback(f);
	}
	if (has_stream(f))
		watch_for_shutdown(f);
	if (f->state == STATE_DRAINING)
	{
		if (!f->entry_open && forward_position_settled(f) &&
			(f->ledger == NULL || ack_outstanding(f->ledger) == 0))
			forward_handle(f, EVENT_DRAINED);
		else if (f->now_ms >= f->drain_until_ms)
			forward_handle(f, EVENT_DRAIN_TIMEOUT);
	}
	if (f->now_ms - f->latency_at_ms >= LATENCY_WINDOW_MS)
	{
		status_latency_rotate(&f->status.latency);
		f->latency_at_ms = f->now_ms;
	}
	log_progress(f);
}

static int
poll_timeout(const struct forward *f, bool busy)
{
	int64_t until = f->now_ms + POLL_MAX_MS;

	if (busy || f->state == STATE_STOPPED)
		return 0;
	if (f->hurry || (f->state == STATE_CONNECTING && repl_fd(f->repl) < 0))
		return 0; /* nothing to wait for: the first step */
	if (f->blocked && f->now_ms + BLOCKED_POLL_MS < until)
		until = f->now_ms + BLOCKED_POLL_MS;
	if (has_stream(f) && feedback_due_ms(&f->feedback) < until)
		until = feedback_due_ms(&f->feedback);
	if (f->state == STATE_WAITING && f->retry_at_ms < until &&
		(f->ledger == NULL || ack_outstanding(f->ledger) == 0))
		until = f->retry_at_ms;
	if (f->state == STATE_DRAINING && f->drain_until_ms < until)
		until = f->drain_until_ms;
	if (has_stream(f) && forward_position_due_ms(f) < until)
		until = forward_position_due_ms(f);
	if (forward_heartbeat_due_ms(f) < until)
		until = forward_heartbeat_due_ms(f);
	return until > f->now_ms ? (int) (until - f->now_ms) : 0;
}

static bool
is_connecting(const struct forward *f)
{
	return f->state == STATE_CONNECTING || f->state == STATE_RECOVERING ||
		   f->state == STATE_STARTING;
}

/* Will this turn take from the replication connection what it holds? */
static bool
wants_to_read(const struct forward *f)
{
	return !f->blocked && (is_connecting(f) || f->state == STATE_STREAMING ||
						   (f->state == STATE_DRAINING && f->entry_open));
}

static void
count_stop_signals(struct forward *f)
{
	struct signalfd_siginfo info;

	while (read(f->signal_fd, &info, sizeof(info)) == sizeof(info))
		f->stop_signals++;
}

/* Up to the stream: the connection, and what the store says meanwhile. */
static void
step_source(struct forward *f)
{
	f->hurry = false;
	switch (repl_step(f->repl, f->now_ms))
	{
		case REPL_DONE:
			forward_handle(f, EVENT_CONNECTED);
			return;
		case REPL_AGAIN:
			return;
		case REPL_READY:
			break;
		default:
			forward_source_failed(f);
			return;
	}
	switch (f->state)
	{
		case STATE_CONNECTING:
			forward_handle(f, EVENT_SOURCE_READY);
			break;
		case STATE_RECOVERING:
			forward_position_recover(f);
			break;
		case STATE_STARTING:
			if (f->delivery.step == START_FIRST || !f->delivery.stored)
				forward_handle(f, EVENT_SOURCE_READY);
			break;
		default:
			break;
	}
}

/* One turn: wait, then serve whatever is ready. */
static void
turn(struct forward *f, bool busy)
{
	enum
	{
		REPL,
		SINK,
		HEALTH,
		SIGNALS,
		HEARTBEAT,
		NFDS
	};
	struct pollfd fds[NFDS];
	bool		  reading = wants_to_read(f);

	if (reading)
		f->hangup = false;
	fds[REPL].fd = f->hangup ? -1 : repl_fd(f->repl);
	fds[REPL].events = repl_events(f->repl);
	if (!reading)
		fds[REPL].events &= (short) ~POLLIN;
	fds[SINK].fd = sink_fd(f->sink);
	fds[SINK].events = POLLIN;
	fds[HEALTH].fd = health_fd(f->health);
	fds[HEALTH].events = POLLIN;
	fds[SIGNALS].fd = f->signal_fd;
	fds[SIGNALS].events = POLLIN;
	forward_heartbeat_poll(f, &fds[HEARTBEAT]);
	for (int i = 0; i < NFDS; i++)
		fds[i].revents = 0;

	if (poll(fds, NFDS, poll_timeout(f, busy)) < 0 && errno != EINTR)
	{
		snprintf(f->reason, sizeof(f->reason), "poll: %s", strerror(errno));
		f->exit_code = FORWARD_FAILED;
		log_fatal(f, "cannot wait for events");
		f->state = STATE_STOPPED;
		return;
	}
	f->now_ms = clock_monotonic_ms();

	/*
	 * A connection that is gone reports so without end; what it still holds
	 * is read once there is room for it.
	 */
	if (!reading && (fds[REPL].revents & (POLLHUP | POLLERR)) != 0)
		f->hangup = true;

	if (fds[SIGNALS].revents & POLLIN)
		count_stop_signals(f);
	serve_sink(f);
	if (fds[HEALTH].revents & POLLIN)
		serve_health(f);
	if (is_connecting(f))
		step_source(f);
	else if (has_stream(f) && (fds[REPL].revents & POLLOUT) != 0 &&
			 repl_flush(f->repl) == REPL_FAILED)
		forward_source_failed(f);
}

/*
 * Stop signals come as a descriptor in the loop's poll: a handler would only
 * run while nothing else is ready, and under load something always is.  The
 * mask is set before any thread is started, and they inherit it.
 */
static int
open_signals(void)
{
	sigset_t stop;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	pthread_sigmask(SIG_BLOCK, &stop, NULL);
	return signalfd(-1, &stop, SFD_NONBLOCK | SFD_CLOEXEC);
}

enum forward_exit
forward_run(const struct config *config)
{
	struct forward *f = mem_zalloc(1, sizeof(*f));
	const char	   *socket_path = config_str(config, "walferry.health.socket");
	enum forward_exit exit_code;
	bool			  busy = false;
	size_t			  record_max;

	f->signal_fd = open_signals();
	f->config = config;
	f->state = STATE_CONNECTING;
	f->status.state = state_names[f->state];
	f->now_ms = f->status.started_ms = f->status.last_progress_ms =
		f->progress_at_ms = f->latency_at_ms = clock_monotonic_ms();
	f->in_flight_max = (size_t) config_int(config, "max.queue.size.in.bytes");
	if (f->in_flight_max == 0)
		f->in_flight_max = SIZE_MAX;

	if (socket_path != NULL && (f->health = health_open(socket_path)) == NULL)
	{
		free(f);
		return FORWARD_USAGE;
	}
	source_config_init(&f->source, config);
	f->publish = publish_new(config);
	forward_position_init(f);
	forward_heartbeat_init(f);
	f->repl = repl_new(&f->source.repl);
	record_max = config_record_max(config);
	f->decode = decode_new(publish_release, timeline_of, f,
						   record_max > 0 ? record_max + MESSAGE_SLACK
										  : MESSAGE_MAX);
	f->ledger = NULL;
	if (!open_sink(f))
	{
		f->exit_code = FORWARD_USAGE;
		goto cleanup;
	}

	while (f->state != STATE_STOPPED)
	{
		turn(f, busy);
		busy = f->state != STATE_STOPPED && has_stream(f) && forward_pump(f);
		if (f->state != STATE_STOPPED)
			forward_heartbeat_serve(f);
		if (f->state != STATE_STOPPED)
			forward_position_cut(f, !busy && !f->blocked,
								 f->state == STATE_DRAINING && !f->entry_open);
		if (f->state != STATE_STOPPED)
			serve_timers(f);
	}

cleanup:
	exit_code = f->exit_code;
	decode_free(f->decode);
	publish_free(f->publish);
	repl_free(f->repl);
	sink_free(f->sink);
	ack_free(f->ledger);
	health_close(f->health);
	close(f->signal_fd);
	source_config_free(&f->source);
	forward_position_free(f);
	forward_heartbeat_free(f);
	free(f);
	return exit_code;
}
