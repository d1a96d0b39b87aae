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
#include "forward.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "ack.h"
#include "clock.h"
#include "decode.h"
#include "health.h"
#include "log.h"
#include "mem.h"
#include "publish.h"
#include "repl.h"
#include "sink.h"
#include "status.h"
#include "version.h"
#include "wire.h"

/* Soonest that one status update follows another. */
#define FEEDBACK_MIN_MS 100

/* Soonest that a keepalive that asks for a reply is answered again. */
#define REPLY_MIN_MS 20

/* Changes between two looks at sockets and timers. */
#define CHANGES_PER_TURN 2000
#define FRAMES_PER_TURN 64

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

/* Longest wait for PostgreSQL's part of the end. */
#define FINISH_MS 5000

/* How often the window of latencies turns. */
#define LATENCY_WINDOW_MS 10000

/* Messages assembled from fragments: PostgreSQL's rows have no other limit. */
#define MESSAGE_MAX ((size_t) 2 << 30)

/* Ends of transactions for which the time of commit is kept; power of two. */
#define COMMIT_TIMES 8192

#define LSN_ARGS(lsn) (unsigned) ((lsn) >> 32), (unsigned) (lsn)

enum state
{
	STATE_CONNECTING,
	STATE_STREAMING,
	STATE_WAITING,
	STATE_DRAINING,
	STATE_STOPPED
};

static const char *const state_names[] = {"connecting", "streaming", "waiting",
										  "draining", "stopped"};

enum event
{
	EVENT_CONNECTED,
	EVENT_SOURCE_LOST,
	EVENT_SOURCE_REFUSED,
	EVENT_SOURCE_UNSAFE,
	EVENT_STREAM_CORRUPT,
	EVENT_VERSION_MISMATCH,
	EVENT_SINK_LOST,
	EVENT_SINK_REFUSED,
	EVENT_RETRY_DUE,
	EVENT_RETRIES_EXHAUSTED,
	EVENT_STOP,
	EVENT_STOP_AGAIN,
	EVENT_DRAINED,
	EVENT_DRAIN_TIMEOUT
};

static const char *const event_names[] =
	{"connected",	   "source lost",		"source refused", "source unsafe",
	 "stream corrupt", "version mismatch",	"sink lost",	  "sink refused",
	 "retry due",	   "retries exhausted", "stop",			  "stop again",
	 "drained",		   "drain timeout"};

struct commit_time
{
	uint64_t ticket;
	int64_t	 time_us; /* since 1970; 0: unknown */
};

struct forward
{
	const struct config *config;
	enum state			 state;
	enum forward_exit	 exit_code;
	char				 reason[1200]; /* of the event being handled */
	char				 hint[1024];

	/* the source */
	struct repl_config repl_config;
	struct buf		   repl_text; /* strings that repl_config points to */
	struct repl		  *repl;
	struct decode	  *decode;
	bool			   temporary_slot; /* for looking only */
	bool			   confirm;		   /* tell the slot what was delivered */

	/* the sink */
	struct sink		  *sink;
	struct publish	  *publish;
	struct ack_ledger *ledger;

	/* the transaction in hand */
	bool	 entry_open;
	bool	 skipping;	   /* it is known to be delivered */
	bool	 change_taken; /* records of a change are being handed over */
	uint64_t ticket;

	/* limits and what counts against them */
	size_t in_flight_max;
	bool   blocked; /* the sink has no room */
	bool   hangup;	/* peer is gone, and we cannot read yet */

	/* time */
	int64_t	 now_ms; /* monotonic */
	int64_t	 retry_at_ms;
	int64_t	 backoff_ms;
	int		 source_retries; /* since the stream last moved on */
	int		 sink_retries;	 /* since a record was last delivered */
	int64_t	 stream_since_ms;
	int64_t	 queue_until_ms; /* the sink's, while there is no stream */
	uint64_t stream_lsn;	 /* confirmed when the stream began */
	int64_t	 feedback_at_ms; /* when the last one went out */
	int64_t	 feedback_interval_ms;
	uint64_t feedback_lsn; /* that the last one confirmed */
	bool	 reply_wanted;
	uint64_t keepalive_lsn; /* that the last keepalive brought */
	int64_t	 progress_at_ms;
	uint64_t progress_records;
	int64_t	 latency_at_ms;
	int64_t	 drain_until_ms;
	char	 last_failure[1200]; /* logged; the same is not logged again */

	struct commit_time commit_times[COMMIT_TIMES];
	int				   signal_fd;
	int				   stop_signals; /* that have come */
	struct health	  *health;
	struct status	   status;
};

static int64_t
realtime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void handle(struct forward *f, enum event event);

/* ------------------------------------------------------------------ source */

static const char *
keep(struct buf *text, const char *s)
{
	size_t at = text->len;

	buf_put(text, s, strlen(s) + 1);
	return (const char *) text->data + at;
}

struct pair
{
	const char *name;
	const char *value;
};

/* libpq's keywords and the options that have the same meaning. */
static const struct pair connection_options[] = {
	{"host", "database.hostname"},
	{"port", "database.port"},
	{"user", "database.user"},
	{"password", "database.password"},
	{"dbname", "database.dbname"},
	{"sslmode", "database.sslmode"},
	{"sslcert", "database.sslcert"},
	{"sslkey", "database.sslkey"},
	{"sslpassword", "database.sslpassword"},
	{"sslrootcert", "database.sslrootcert"},
};

/* The decoder's options and ours that are handed on as they are. */
static const struct pair plugin_options[] = {
	{"include_schemas", "schema.include.list"},
	{"exclude_schemas", "schema.exclude.list"},
	{"include_tables", "table.include.list"},
	{"exclude_tables", "table.exclude.list"},
	{"include_columns", "column.include.list"},
	{"exclude_columns", "column.exclude.list"},
	{"include_message_prefixes", "message.prefix.include.list"},
	{"exclude_message_prefixes", "message.prefix.exclude.list"},
};

#define KEYWORDS_MAX (sizeof(connection_options) / sizeof(struct pair) + 1)

/* skipped.operations (c, u, d, t or none) as what is to be sent. */
static void
wanted_operations(const struct config *config, char *out, size_t size)
{
	static const struct pair operations[] = {{"c", "insert"},
											 {"u", "update"},
											 {"d", "delete"},
											 {"t", "truncate"}};
	size_t					 n;
	const char *const *skipped = config_list(config, "skipped.operations", &n);

	out[0] = '\0';
	for (size_t i = 0; i < 4; i++)
	{
		bool wanted = true;

		for (size_t j = 0; j < n; j++)
		{
			if (strcmp(skipped[j], operations[i].name) == 0)
				wanted = false;
		}
		if (wanted)
		{
			if (out[0] != '\0')
				strncat(out, ",", size - strlen(out) - 1);
			strncat(out, operations[i].value, size - strlen(out) - 1);
		}
	}
	if (out[0] == '\0')
		snprintf(out, size, "none");
}

static void
add_plugin_option(struct repl_option **options, size_t *n, const char *name,
				  const char *value)
{
	*options = mem_resize(*options, *n + 1, sizeof(**options));
	(*options)[(*n)++] = (struct repl_option){name, value};
}

static void
configure_source(struct forward *f)
{
	const struct config *c = f->config;
	const char		   **keywords = mem_zalloc(KEYWORDS_MAX, sizeof(char *));
	const char		   **values = mem_zalloc(KEYWORDS_MAX, sizeof(char *));
	struct repl_option	*options = NULL;
	const struct config_setting *params;
	char						 text[128];
	size_t						 nparams;
	size_t						 n = 0;

	/* Reserved at once: pointers into it must not move. */
	buf_reserve(&f->repl_text, 4096);

	for (size_t i = 0; i < KEYWORDS_MAX - 1; i++)
	{
		const struct pair *o = &connection_options[i];

		if (strcmp(o->name, "port") == 0)
		{
			snprintf(text, sizeof(text), "%lld",
					 (long long) config_int(c, o->value));
			values[n] = keep(&f->repl_text, text);
		}
		else
			values[n] = config_str(c, o->value);
		if (values[n] != NULL)
			keywords[n++] = o->name;
	}
	values[n] = NULL;
	f->repl_config.keywords = keywords;
	f->repl_config.values = values;

	f->temporary_slot = config_is(c, "walferry.sink", "stdout") &&
						!config_is_set(c, "slot.name");
	f->confirm = f->temporary_slot || config_is(c, "walferry.sink", "kafka");
	if (f->temporary_slot)
	{
		snprintf(text, sizeof(text), "walferry_look_%ld", (long) getpid());
		f->repl_config.slot = keep(&f->repl_text, text);
	}
	else
		f->repl_config.slot = config_str(c, "slot.name");
	f->repl_config.temporary = f->temporary_slot;
	f->repl_config.create = f->temporary_slot ||
							(f->confirm &&
							 config_bool(c, "walferry.slot.create"));
	f->repl_config.plugin = "walferry";
	f->repl_config.connect_timeout_ms = (int)
		config_int(c, "walferry.connect.timeout.ms");

	n = 0;
	snprintf(text, sizeof(text), "%d", WIRE_VERSION);
	add_plugin_option(&options, &n, "protocol_version",
					  keep(&f->repl_text, text));
	for (size_t i = 0; i < sizeof(plugin_options) / sizeof(struct pair); i++)
	{
		const char *value = config_str(c, plugin_options[i].value);

		if (value != NULL && value[0] != '\0')
			add_plugin_option(&options, &n, plugin_options[i].name, value);
	}
	wanted_operations(c, text, sizeof(text));
	add_plugin_option(&options, &n, "operations", keep(&f->repl_text, text));
	if (config_bool(c, "publish.via.partition.root"))
		add_plugin_option(&options, &n, "partition_root", "true");
	params = config_stream_params(c, &nparams);
	for (size_t i = 0; i < nparams; i++)
		add_plugin_option(&options, &n, params[i].name, params[i].value);
	f->repl_config.options = options;
	f->repl_config.noptions = n;
}

static void
free_source_config(struct forward *f)
{
	free((void *) f->repl_config.keywords);
	free((void *) f->repl_config.values);
	free((void *) f->repl_config.options);
	buf_free(&f->repl_text);
}

static uint32_t
timeline_of(void *arg, uint64_t lsn)
{
	struct forward *f = arg;

	return repl_timeline_of(repl_slot(f->repl), lsn);
}

static void
source_failed(struct forward *f)
{
	const struct repl_failure *failure = repl_failure(f->repl);

	snprintf(f->reason, sizeof(f->reason), "%s", failure->message);
	snprintf(f->hint, sizeof(f->hint), "%s", failure->hint);
	switch (failure->kind)
	{
		case REPL_FAILURE_RETRY:
			handle(f, EVENT_SOURCE_LOST);
			break;
		case REPL_FAILURE_REFUSED:
			handle(f, EVENT_SOURCE_REFUSED);
			break;
		case REPL_FAILURE_UNSAFE:
			handle(f, EVENT_SOURCE_UNSAFE);
			break;
	}
}

/* -------------------------------------------------------------------- sink */

/* A delivery report, from within sink_poll(). */
static void
on_report(void *arg, uint64_t ticket, size_t bytes, bool delivered,
		  const char *error)
{
	struct forward *f = arg;
	const struct commit_time
		*t = &f->commit_times[ticket & (COMMIT_TIMES - 1)];

	f->status.in_flight--;
	f->status.in_flight_bytes -= bytes;
	if (delivered)
	{
		f->status.delivered++;
		f->status.last_progress_ms = f->now_ms;
		if (t->ticket == ticket && t->time_us != 0)
			status_latency_add(&f->status.latency,
							   realtime_ns() / 1000 - t->time_us);
	}
	else
	{
		f->status.failed++;
		snprintf(f->reason, sizeof(f->reason),
				 "a record was not delivered: %s",
				 error ? error : "unknown error");
	}
	/* A sink that fails over and over beside what it delivers gets nowhere. */
	if (ack_report(f->ledger, ticket, delivered) > 0)
		f->sink_retries = 0;
}

static bool
open_sink(struct forward *f)
{
	f->sink = config_is(f->config, "walferry.sink", "stdout")
				  ? sink_stdout_new(f->config, on_report, f)
				  : sink_kafka_new(f->config, on_report, f);
	f->status.in_flight = f->status.in_flight_bytes = 0;
	return f->sink != NULL;
}

static void
sink_failed(struct forward *f, const char *why, int exit_code)
{
	if (why != f->reason)
		snprintf(f->reason, sizeof(f->reason), "%s", why);
	f->hint[0] = '\0';
	handle(f, exit_code == FORWARD_SINK_REFUSED ? EVENT_SINK_REFUSED
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
		sink_failed(f, error, sink_exit_code(f->sink));
	else if (f->ledger != NULL && ack_failed(f->ledger))
		sink_failed(f, f->reason, FORWARD_FAILED);
}

/* ---------------------------------------------------------------- pipeline */

static void
begin_transaction(struct forward *f)
{
	const struct change_transaction *txn = decode_transaction(f->decode);
	struct commit_time				*t;

	/* The server may repeat what we know to be delivered. */
	f->skipping = txn->end_lsn <= ack_flush_lsn(f->ledger);
	if (f->skipping)
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
		handle(f, EVENT_STREAM_CORRUPT);
		return;
	}
	f->entry_open = true;
	t = &f->commit_times[f->ticket & (COMMIT_TIMES - 1)];
	t->ticket = f->ticket;
	t->time_us = txn->commit_time_us;
}

static void
commit_transaction(struct forward *f)
{
	if (f->entry_open)
	{
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

/* Hand over what is left of the change in hand; false: not now. */
static bool
submit_change(struct forward *f)
{
	uint64_t		  before_bytes = publish_bytes(f->publish);
	uint64_t		  before = ack_outstanding(f->ledger);
	enum sink_outcome outcome = publish_submit(f->publish, f->ledger,
											   f->ticket);
	uint64_t		  handed_over = ack_outstanding(f->ledger) - before;

	f->status.records += handed_over;
	f->status.in_flight += handed_over;
	f->status.in_flight_bytes += publish_bytes(f->publish) - before_bytes;
	switch (outcome)
	{
		case SINK_DONE:
			f->change_taken = false;
			return true;
		case SINK_AGAIN:
			f->blocked = true;
			return false;
		case SINK_FAILED:
			sink_failed(f, publish_error(f->publish),
						publish_exit_code(f->publish));
			return false;
	}
	return false;
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
		handle(f, EVENT_SOURCE_REFUSED);
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
		handle(f, EVENT_SOURCE_REFUSED);
		return;
	}
	publish_start(f->publish, f->sink, h->database, h->byte_order);
}

/*
 * Everything up to the last keepalive's position is handed over, and counts as
 * soon as all of that is delivered.  The server says it only once, so a
 * keepalive that came too early is kept: a database that then falls idle
 * would otherwise hold its WAL.
 */
static void
adopt_keepalive(struct forward *f)
{
	if (f->keepalive_lsn != 0 && ack_pending(f->ledger) == 0)
	{
		ack_keepalive(f->ledger, f->keepalive_lsn);
		f->keepalive_lsn = 0;
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
				handle(f, EVENT_SOURCE_LOST);
				return false;
			case REPL_FAILED:
				source_failed(f);
				return false;
		}
		if (m.kind == REPL_DATA)
		{
			if (m.wal_end > f->status.received_lsn)
				f->status.received_lsn = m.wal_end;
			decode_feed(f->decode, m.data, m.len);
			return true;
		}
		if (m.wal_end > f->status.received_lsn)
			f->status.received_lsn = m.wal_end;
		f->keepalive_lsn = m.wal_end;
		adopt_keepalive(f);
		f->reply_wanted |= m.reply_requested;
	}
}

/*
 * Move changes on, until nothing is left to read, the sink has no room, or
 * the turn is over.  True: there is more to do at once.
 */
static bool
pump(struct forward *f)
{
	int64_t now_ns = realtime_ns();
	int		changes = 0;
	int		frames = 0;

	f->blocked = false;
	while (f->state == STATE_STREAMING ||
		   (f->state == STATE_DRAINING && f->entry_open))
	{
		if (f->status.in_flight_bytes >= f->in_flight_max)
		{
			f->blocked = true;
			return false;
		}
		if (f->change_taken && !submit_change(f))
			return false;
		if (changes >= CHANGES_PER_TURN || frames >= FRAMES_PER_TURN)
			return true;

		switch (decode_next(f->decode))
		{
			case DECODE_MORE:
				if (!read_frame(f))
					return false;
				frames++;
				now_ns = realtime_ns();
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
				if (f->skipping)
					break;
				publish_take(f->publish, decode_change(f->decode),
							 decode_change(f->decode)->relation
								 ? decode_relation(f->decode)
								 : NULL,
							 now_ns);
				f->change_taken = true;
				break;
			case DECODE_COMMIT:
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
					handle(f, EVENT_VERSION_MISMATCH);
				}
				else
				{
					snprintf(f->hint, sizeof(f->hint),
							 "nothing of the"
							 " transaction was confirmed; restart, and report"
							 " it if it comes again");
					handle(f, EVENT_STREAM_CORRUPT);
				}
				return false;
		}
	}
	return false;
}

/* ---------------------------------------------------------------- feedback */

static bool
has_stream(const struct forward *f)
{
	return f->state == STATE_STREAMING ||
		   (f->state == STATE_DRAINING && f->status.source_connected);
}

/* When the next status update is due. */
static int64_t
feedback_due_ms(const struct forward *f)
{
	int64_t due = f->feedback_at_ms + f->feedback_interval_ms;

	if (f->confirm && ack_flush_lsn(f->ledger) > f->feedback_lsn &&
		f->feedback_at_ms + FEEDBACK_MIN_MS < due)
		due = f->feedback_at_ms + FEEDBACK_MIN_MS;
	if (f->reply_wanted && f->feedback_at_ms + REPLY_MIN_MS < due)
		due = f->feedback_at_ms + REPLY_MIN_MS;
	return due;
}

static void
send_feedback(struct forward *f)
{
	uint64_t flush_lsn = ack_flush_lsn(f->ledger);

	switch (repl_send_status(f->repl,
							 f->status.received_lsn > flush_lsn
								 ? f->status.received_lsn
								 : flush_lsn,
							 f->confirm ? flush_lsn : 0))
	{
		case REPL_DONE:
			f->feedback_at_ms = f->now_ms;
			f->feedback_lsn = flush_lsn;
			f->reply_wanted = false;
			if (f->confirm)
				f->status.confirmed_lsn = flush_lsn;
			break;
		case REPL_AGAIN:
			/* No room: what is queued is sent on when the socket takes it. */
			f->feedback_at_ms = f->now_ms;
			break;
		default:
			source_failed(f);
			break;
	}
}

/* ----------------------------------------------------------------- actions */

static void
log_position(struct forward *f)
{
	const struct repl_slot *slot = repl_slot(f->repl);
	int64_t interval = config_int(f->config, "status.update.interval.ms");

	/* The server gives up on who says nothing for wal_sender_timeout. */
	if (slot->wal_sender_timeout_ms > 0 &&
		interval > slot->wal_sender_timeout_ms / 3)
		interval = slot->wal_sender_timeout_ms / 3;
	f->feedback_interval_ms = interval > 0 ? interval : 1;
	log_info("forward", "streaming",
			 "slot=%s lsn=%X/%X timeline=%u system=%llu server=%d%s",
			 log_str(f->repl_config.slot), LSN_ARGS(slot->confirmed_lsn),
			 slot->timeline, (unsigned long long) slot->system_id,
			 slot->server_version_num, slot->created ? " created=true" : "");
	if (slot->created && !f->temporary_slot)
		log_warn("forward",
				 "the slot did not exist and was created; what was"
				 " committed before is not carried (walferry.slot.create=false"
				 " makes a missing slot an error)",
				 "slot=%s lsn=%X/%X", log_str(f->repl_config.slot),
				 LSN_ARGS(slot->confirmed_lsn));
}

static void
start_stream(struct forward *f)
{
	const struct repl_slot *slot = repl_slot(f->repl);

	if (f->ledger == NULL)
		f->ledger = ack_new(slot->confirmed_lsn, 1024);
	f->status.received_lsn = slot->confirmed_lsn;
	f->status.source_connected = true;
	f->status.last_progress_ms = f->now_ms;
	f->stream_since_ms = f->now_ms;
	f->stream_lsn = ack_flush_lsn(f->ledger);
	f->feedback_at_ms = 0;
	f->feedback_lsn = 0;
	f->last_failure[0] = '\0';
	log_position(f);
}

/* The stream is gone; what was half handed over will come again. */
static void
drop_stream(struct forward *f)
{
	publish_abandon(f->publish);
	repl_reset(f->repl);
	decode_reset(f->decode);
	f->status.source_connected = false;
	f->entry_open = f->skipping = f->change_taken = false;
	f->blocked = f->hangup = f->reply_wanted = false;
	f->keepalive_lsn = 0;
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
		handle(f, EVENT_RETRIES_EXHAUSTED);
}

static void
retry_source(struct forward *f)
{
	if (f->status.source_connected)
		f->queue_until_ms = f->now_ms + ORPHAN_QUEUE_MS;
	drop_stream(f);
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
	/* A producer makes its attempts to reach a broker itself. */
	bool unreachable = !f->status.sink_connected &&
					   config_int(f->config, "errors.max.retries") >= 0;

	drop_stream(f);
	if (unreachable)
	{
		handle(f, EVENT_RETRIES_EXHAUSTED);
		return;
	}
	sink_free(f->sink);
	if (f->ledger != NULL)
		ack_restart(f->ledger);
	if (!open_sink(f))
	{
		handle(f, EVENT_SINK_REFUSED);
		return;
	}
	schedule_retry(f, "Kafka producer failed, starting a new one",
				   &f->sink_retries);
}

static void
reconnect(struct forward *f)
{
	if (f->ledger == NULL)
		return;
	if (f->confirm && !f->temporary_slot)
	{
		ack_restart(f->ledger);
		return;
	}

	/* Only looking: the next stream begins wherever its slot stands. */
	ack_free(f->ledger);
	f->ledger = NULL;
}

/* Connected and checked: go on from what is confirmed. */
static void
start_source(struct forward *f)
{
	if (!repl_slot(f->repl)->found)
		repl_create(f->repl);
	else
		repl_start(f->repl, f->ledger ? ack_flush_lsn(f->ledger) : 0, 0);
}

static void
begin_drain(struct forward *f)
{
	int64_t timeout = config_int(f->config, "walferry.shutdown.timeout.ms");

	f->drain_until_ms = f->now_ms + timeout;
	log_info("forward", "stopping", "in_flight=%llu timeout_ms=%lld",
			 (unsigned long long) f->status.in_flight, (long long) timeout);
}

static void
lose_source_while_draining(struct forward *f)
{
	drop_stream(f);
	log_failure(f, "PostgreSQL connection lost while stopping", 0);
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
	}
	log_info("forward", "stopped", "lsn=%X/%X events=%llu",
			 LSN_ARGS(f->status.confirmed_lsn),
			 (unsigned long long) f->status.delivered);
}

static void
finish(struct forward *f)
{
	/* Only a slot of which nothing is left to be sent may go. */
	close_stream(f, f->confirm && config_bool(f->config, "slot.drop.on.stop")
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
	{STATE_CONNECTING, EVENT_CONNECTED, STATE_STREAMING,
	 "replication has started", start_stream},
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

static void
handle(struct forward *f, enum event event)
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
			handle(f, EVENT_STOP);
		else if (f->stop_signals > 1)
			handle(f, EVENT_STOP_AGAIN);
	}
	if (f->state == STATE_WAITING && f->now_ms >= f->retry_at_ms &&
		(f->ledger == NULL || ack_outstanding(f->ledger) == 0))
		handle(f, EVENT_RETRY_DUE);
	if (f->state == STATE_WAITING && f->now_ms >= f->queue_until_ms &&
		f->ledger != NULL && ack_outstanding(f->ledger) > 0)
		sink_failed(f,
					"PostgreSQL is gone for so long that another forwarder"
					" may have the slot: what Kafka has not taken is dropped"
					" here, and the slot sends it again",
					FORWARD_FAILED);
	if (has_stream(f))
	{
		adopt_keepalive(f);
		forgive_source(f);
	}
	if (has_stream(f) && f->now_ms >= feedback_due_ms(f))
		send_feedback(f);
	if (f->state == STATE_DRAINING)
	{
		if (!f->entry_open &&
			(f->ledger == NULL || ack_outstanding(f->ledger) == 0))
			handle(f, EVENT_DRAINED);
		else if (f->now_ms >= f->drain_until_ms)
			handle(f, EVENT_DRAIN_TIMEOUT);
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
	if (f->state == STATE_CONNECTING && repl_fd(f->repl) < 0)
		return 0; /* nothing to wait for: the first step */
	if (f->blocked && f->now_ms + BLOCKED_POLL_MS < until)
		until = f->now_ms + BLOCKED_POLL_MS;
	if (has_stream(f) && feedback_due_ms(f) < until)
		until = feedback_due_ms(f);
	if (f->state == STATE_WAITING && f->retry_at_ms < until &&
		(f->ledger == NULL || ack_outstanding(f->ledger) == 0))
		until = f->retry_at_ms;
	if (f->state == STATE_DRAINING && f->drain_until_ms < until)
		until = f->drain_until_ms;
	return until > f->now_ms ? (int) (until - f->now_ms) : 0;
}

/* Will this turn take from the replication connection what it holds? */
static bool
wants_to_read(const struct forward *f)
{
	return !f->blocked &&
		   (f->state == STATE_CONNECTING || f->state == STATE_STREAMING ||
			(f->state == STATE_DRAINING && f->entry_open));
}

static void
count_stop_signals(struct forward *f)
{
	struct signalfd_siginfo info;

	while (read(f->signal_fd, &info, sizeof(info)) == sizeof(info))
		f->stop_signals++;
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
	if (f->state == STATE_CONNECTING)
	{
		switch (repl_step(f->repl, f->now_ms))
		{
			case REPL_DONE:
				handle(f, EVENT_CONNECTED);
				break;
			case REPL_AGAIN:
				break;
			case REPL_READY:
				start_source(f);
				break;
			default:
				source_failed(f);
				break;
		}
	}
	else if (has_stream(f) && (fds[REPL].revents & POLLOUT) != 0 &&
			 repl_flush(f->repl) == REPL_FAILED)
		source_failed(f);
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
	configure_source(f);
	f->publish = publish_new(config);
	f->repl = repl_new(&f->repl_config);
	f->decode = decode_new(publish_release, timeline_of, f, MESSAGE_MAX);
	f->ledger = NULL;
	if (!open_sink(f))
	{
		f->exit_code = FORWARD_USAGE;
		goto cleanup;
	}

	while (f->state != STATE_STOPPED)
	{
		turn(f, busy);
		busy = f->state != STATE_STOPPED && has_stream(f) && pump(f);
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
	free_source_config(f);
	free(f);
	return exit_code;
}
