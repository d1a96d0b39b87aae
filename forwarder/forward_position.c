/*
 * forward_position.c - positions: read at the start, stored as we go, and the
 * transactions of exactly-once delivery.
 *
 * The order of a start is what exactly once rests on:
 *
 *     the slot is free and ours	repl, until REPL_READY
 *     predecessors are shut out	sink_recover(), first half
 *     the position is read			sink_recover(), second half
 *     what they have left open		sink_settle()
 *     it fits slot and server		here and in repl_start()
 *     the stream is asked for		repl_start()
 *
 * A position in the store says that everything before it is in Kafka.  The
 * slot is never told more than the last stored position, so that a slot which
 * stands beyond it is a sign that somebody else has moved it, or that the
 * store is not the one that belongs to it.  Both mean that something would be
 * left out, and nobody but the operator can say what to do about it.
 *
 * With exactly.once, a position goes into the Kafka transaction whose records
 * it speaks of.  A cut ends one: at the end of a source transaction, when
 * enough has come together or nothing more is to be read; and within one that
 * takes so long that Kafka would give up ours.  Then the position says how
 * many changes of that one are published, with a hash of them, and after a
 * restart as many are passed over, if they are the same.
 *
 * Whatever goes wrong, with exactly.once both ends are dropped and everything
 * begins anew from the stored position.
 */
#include "forward_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "crc32c.h"
#include "fault.h"
#include "log.h"
#include "mem.h"

/* A gap of so many bytes between what is delivered and what is stored. */
#define IDLE_GAP ((uint64_t) 16 << 20)

/*
 * A server that asks may be one that shuts down, which waits until it is told
 * all of its WAL; ordinarily it asks once in a while only.
 */
#define ASKED_MS 100

/* A position that says nothing new, so that Kafka does not forget us. */
#define REFRESH_MS INT64_C(3600000)

/*
 * Nothing has come for so long: what there is can become visible.  Under load
 * there is always a moment in which nothing is there to be read, and a
 * transaction for each would cost the brokers more than the records do.
 * Longer, where the server has not said since that it has nothing more: one
 * that has too little CPU, or reads WAL that is none of ours, is silent as
 * well.
 */
#define QUIET_MS 2
#define SILENT_MS 20

/*
 * What is late already may become so by this part more, and not by more than
 * this: a backlog is worked off in fewer and larger transactions.
 */
#define LATE_PART 4
#define LATE_INTERVAL_MS 1000

/*
 * At least once: how soon one position follows another while records flow.
 * It is as long as PostgreSQL is not told of what Kafka has, and so what comes
 * twice after this process has died.
 */
#define ALONE_INTERVAL_MS 100

/* For Kafka to take it, when there is nothing else left to do. */
#define WITHDRAW_MS 5000

#define CHECK_HINT                                                             \
	"find out which of the two is right before going on: docs/operations.md, " \
	"exit code 5; offset.mismatch.strategy=trust_slot goes on from the slot"

static bool
trusts_slot(const struct forward *f)
{
	return FAULT_BUG("no_slot_check") ||
		   config_is(f->config, "offset.mismatch.strategy", "trust_slot");
}

static int64_t
transaction_timeout_ms(const struct config *c)
{
	size_t						 n;
	const struct config_setting *settings = config_kafka_settings(c, &n);

	for (size_t i = 0; i < n; i++)
	{
		if (strcmp(settings[i].name, "transaction.timeout.ms") == 0)
			return strtoll(settings[i].value, NULL, 10);
	}
	return 60000; /* librdkafka's default */
}

void
forward_position_init(struct forward *f)
{
	struct delivery		*d = &f->delivery;
	const struct config *c = f->config;

	if (!config_is(c, "walferry.sink", "kafka"))
		return;
	d->exactly_once = config_bool(c, "exactly.once");
	d->stored = d->exactly_once ||
				config_is(c, "walferry.position.store", "topic");
	if (!d->stored)
		return;
	config_position_topic(c, &d->topic);
	(void) buf_cstr(&d->topic);
	if (d->exactly_once)
		snprintf(d->transactional_id, sizeof(d->transactional_id), "%s.%s",
				 config_str(c, "topic.prefix"), config_str(c, "slot.name"));
	snprintf(d->run_id, sizeof(d->run_id), "%s", publish_run_id(f->publish));
	d->interval_ms = config_int(c, "walferry.transaction.interval.ms");
	d->max_bytes = (uint64_t) config_int(c, "walferry.transaction.max.bytes");
	d->split_ms = config_int(c, "walferry.transaction.split.ms");
	if (d->split_ms == 0)
		d->split_ms = transaction_timeout_ms(c) / 2;
	d->idle_interval_ms = config_int(c, "walferry.position.interval.ms");
}

void
forward_position_free(struct forward *f)
{
	store_free(f->delivery.store);
	buf_free(&f->delivery.topic);
	buf_free(&f->delivery.key);
	buf_free(&f->delivery.value);
}

const struct sink_store *
forward_position_sink_store(const struct forward *f, struct sink_store *store)
{
	const struct delivery *d = &f->delivery;

	if (!d->stored)
		return NULL;
	store->topic = (const char *) d->topic.data;
	store->transactional_id = d->exactly_once ? d->transactional_id : NULL;
	store->again = d->recovered;
	store->ended_ms = d->ended_ms;
	return store;
}

/* ------------------------------------------------------------------ storing */

/* Give the position to the sink; again and again until it takes it. */
static void
submit_position(struct forward *f)
{
	struct delivery	  *d = &f->delivery;
	struct sink_record record = {.topic = d->topic_number,
								 .key = d->key.data,
								 .key_len = d->key.len,
								 .value = d->value.data,
								 .value_len = d->value.len};

	switch (sink_commit(f->sink, &record, FORWARD_POSITION_TICKET))
	{
		case SINK_DONE:
			d->wanted = false;
			d->in_flight = true;
			break;
		case SINK_AGAIN:
			d->wanted = true;
			break;
		case SINK_FAILED:
			forward_sink_failed(f, sink_error(f->sink),
								sink_exit_code(f->sink));
			break;
	}
}

static void
store_position_at(struct forward *f, uint64_t end_lsn)
{
	struct delivery *d = &f->delivery;
	struct position *p = &d->next;

	memset(p, 0, sizeof(*p));
	p->end_lsn = end_lsn;
	p->timeline = repl_timeline_of(repl_slot(f->repl), end_lsn);
	p->transactions = d->transactions;
	p->ts_ms = forward_realtime_ns() / 1000000;
	if (end_lsn == d->complete_lsn)
	{
		p->commit_lsn = d->complete_commit_lsn;
		p->xid = d->complete_xid;
	}
}

static void
send_position(struct forward *f)
{
	struct delivery *d = &f->delivery;
	const char		*plugin = decode_header(f->decode)->plugin_version;

	/* What is published in part was read with this one. */
	if (d->next.partial.end_lsn != 0 && d->resume.end_lsn != 0)
		plugin = d->resume_plugin;
	snprintf(d->next.plugin, sizeof(d->next.plugin), "%s",
			 plugin != NULL ? plugin : "");
	store_put(d->store, &d->next, &d->key, &d->value);
	submit_position(f);
}

void
forward_position_reported(struct forward *f, bool delivered)
{
	struct delivery *d = &f->delivery;

	d->in_flight = false;
	if (!delivered || d->withdrawn)
		return; /* if not, the sink has failed, and says why */
	FAULT_POINT("before_ack");
	store_written(d->store, &d->next);
	if (f->ledger != NULL)
		ack_stored(f->ledger, d->next.end_lsn);
	FAULT_POINT("after_ack");
	log_debug("forward", "position stored",
			  "lsn=%X/%X records=%" PRIu64 " transactions=%" PRIu64 "%s",
			  LSN_ARGS(d->next.end_lsn), d->next.records, d->next.transactions,
			  d->next.partial.end_lsn ? " partial=true" : "");
	if (f->state == STATE_STARTING)
		forward_handle(f, EVENT_POSITION_STORED);
}

/*
 * Otherwise a slot that somebody else makes later, and reads from, would pass
 * for the one that we were about to create.
 */
void
forward_position_withdraw(struct forward *f)
{
	struct delivery		  *d = &f->delivery;
	const struct position *p = d->store ? store_position(d->store) : NULL;
	int64_t				   until_ms = clock_monotonic_ms() + WITHDRAW_MS;
	struct sink_record	   record = {.topic = d->topic_number};
	enum sink_outcome	   outcome;

	if (p == NULL || p->end_lsn != 0 || d->wanted || d->in_flight ||
		repl_slot(f->repl)->found)
		return;
	buf_reset(&d->key);
	position_put_key(&d->key, &p->id);
	record.key = d->key.data;
	record.key_len = d->key.len;
	while ((outcome = sink_commit(f->sink, &record,
								  FORWARD_POSITION_TICKET)) == SINK_AGAIN &&
		   clock_monotonic_ms() < until_ms)
		sink_poll(f->sink, 10);
	d->withdrawn = d->in_flight = outcome == SINK_DONE;
	while (d->in_flight && sink_error(f->sink)[0] == '\0' &&
		   clock_monotonic_ms() < until_ms)
		sink_poll(f->sink, 10);
	if (!d->withdrawn || d->in_flight || sink_error(f->sink)[0] != '\0')
		log_warn("forward",
				 "could not take back that the slot was to be created: one"
				 " that is made by hand will be taken for ours",
				 "topic=%s slot=%s", log_str(buf_cstr(&d->topic)),
				 log_str(f->source.repl.slot));
}

bool
forward_position_waits(const struct forward *f)
{
	return f->delivery.exactly_once && f->delivery.wanted;
}

bool
forward_position_settled(const struct forward *f)
{
	const struct delivery *d = &f->delivery;

	return !d->wanted && !d->in_flight &&
		   (!d->exactly_once || d->records == 0);
}

/* ---------------------------------------------------------------- recovering */

void
forward_position_begin(struct forward *f)
{
	struct delivery		   *d = &f->delivery;
	const struct repl_slot *slot = repl_slot(f->repl);
	struct position_id		id = {.system_id = slot->system_id};
	struct position self = {.filter = source_config_filter(&f->source)};

	FAULT_POINT("repl_ready");
	if (d->stored && d->store == NULL)
	{
		snprintf(id.database, sizeof(id.database), "%.63s", slot->database);
		snprintf(id.slot, sizeof(id.slot), "%.63s", f->source.repl.slot);
		memcpy(self.transactional_id, d->transactional_id,
			   sizeof(self.transactional_id));
		memcpy(self.run_id, d->run_id, sizeof(self.run_id));
		d->store = store_new(&id, &self);
		d->topic_number = sink_topic(f->sink, buf_cstr(&d->topic));
		d->sink_used = true;
	}
	forward_position_recover(f);
}

/* Pinned topics, as they are gathered. */
struct pinned
{
	struct sink_topic *topics;
	size_t			   n;
};

static void
add_pinned(void *arg, const char *topic, int32_t partitions)
{
	struct pinned *pinned = arg;

	pinned->topics = mem_resize(pinned->topics, pinned->n + 1,
								sizeof(*pinned->topics));
	pinned->topics[pinned->n++] = (struct sink_topic){topic, partitions};
}

/*
 * The position of the last record that is published, as the store says.  Where
 * it says nothing of this cluster, the last one is of another, whose topics
 * these were; or else it is the slot that says it, for it is told of nothing
 * that is not published.
 */
static void
last_published(const struct forward *f, char *text)
{
	const struct repl_slot *slot = repl_slot(f->repl);
	const struct position  *p = store_position(f->delivery.store);
	const struct position  *other = store_other_cluster(f->delivery.store);
	struct change_position	last = {.ordinal = UINT64_MAX, .part = UINT16_MAX};

	text[0] = '\0';
	if (p == NULL || p->end_lsn == 0)
		p = other;
	if (p != NULL && p->end_lsn != 0)
	{
		last.end_lsn = p->end_lsn;
		last.timeline = p->timeline;
		if (p->partial.end_lsn != 0)
		{
			last.end_lsn = p->partial.end_lsn;
			last.ordinal = p->partial.changes - 1;
			if (p != other)
				last.timeline = repl_timeline_of(slot, last.end_lsn);
		}
	}
	else if (slot->found)
	{
		last.end_lsn = slot->confirmed_lsn;
		last.timeline = repl_timeline_of(slot, last.end_lsn);
	}
	else
		return; /* so far, nothing is */
	publish_position(&last, text);
}

/* What was read says where predecessors have written, and how far it counts. */
static enum sink_outcome
settle(struct forward *f)
{
	char			  until[PUBLISH_POSITION_LEN + 1];
	struct pinned	  pinned = {0};
	enum sink_outcome outcome;

	last_published(f, until);
	store_each_pin(f->delivery.store, add_pinned, &pinned);
	outcome = sink_settle(f->sink, &(struct sink_written){
									   .topics = pinned.topics,
									   .n = pinned.n,
									   .header = PUBLISH_POSITION_HEADER,
									   .until = until,
								   });
	free(pinned.topics);
	return outcome;
}

void
forward_position_recover(struct forward *f)
{
	enum sink_outcome outcome = SINK_DONE;

	if (f->delivery.stored)
	{
		outcome = sink_recover(f->sink, store_take, f->delivery.store);
		if (outcome == SINK_DONE)
		{
			f->delivery.recovered = true;
			if (f->delivery.exactly_once)
				outcome = settle(f);
		}
	}
	switch (outcome)
	{
		case SINK_DONE:
			forward_handle(f, EVENT_RECOVERED);
			break;
		case SINK_AGAIN:
			break;
		case SINK_FAILED:
			forward_sink_failed(f, sink_error(f->sink),
								sink_exit_code(f->sink));
			break;
	}
}

/* ------------------------------------------------------------------ starting */

/*
 * There is no position.  A slot that exists all the same was read by somebody,
 * and how far Kafka has that nobody knows.  At least once it is enough that the
 * slot is never beyond what Kafka has; not, where the position of another
 * cluster says that this is the wrong server, or the wrong topic.prefix.
 */
static bool
decide_without_position(struct forward *f)
{
	struct delivery		   *d = &f->delivery;
	const struct repl_slot *slot = repl_slot(f->repl);
	const struct position  *other = store_other_cluster(d->store);

	if (!slot->found && (other == NULL || trusts_slot(f)))
	{
		/* What may not be created is not announced, either. */
		d->step = f->source.repl.create ? START_INTENT : START_CREATE;
		return true;
	}
	d->start_lsn = slot->confirmed_lsn;
	d->step = START_FIRST;
	if (slot->found && (trusts_slot(f) ||
						(!d->exactly_once && !d->overtaken && other == NULL)))
	{
		log_warn("forward",
				 "no position is stored: going on from where the slot stands",
				 "topic=%s slot=%s lsn=%X/%X", log_str(buf_cstr(&d->topic)),
				 log_str(f->source.repl.slot), LSN_ARGS(slot->confirmed_lsn));
		return true;
	}
	if (other != NULL)
		forward_explain(f, CHECK_HINT,
						"topic %s holds the position of a slot \"%s\" of "
						"database \"%s\" in a cluster with system identifier "
						"%" PRIu64 "; this one has %" PRIu64,
						buf_cstr(&d->topic), other->id.slot,
						other->id.database, other->id.system_id,
						slot->system_id);
	else
		forward_explain(f, CHECK_HINT,
						"topic %s holds no position of slot \"%s\", which "
						"exists and stands at %X/%X",
						buf_cstr(&d->topic), f->source.repl.slot,
						LSN_ARGS(slot->confirmed_lsn));
	return false;
}

static bool
decide_with_position(struct forward *f, const struct position *p)
{
	struct delivery		   *d = &f->delivery;
	const struct repl_slot *slot = repl_slot(f->repl);

	if (p->end_lsn == 0)
	{
		/*
		 * We were about to create the slot: what is there is ours.  Where
		 * the server would not, that was taken back.
		 */
		d->start_lsn = slot->confirmed_lsn;
		d->step = slot->found ? START_FIRST : START_CREATE;
		return true;
	}
	if (d->exactly_once && p->transactional_id[0] != '\0' &&
		strcmp(p->transactional_id, d->transactional_id) != 0)
	{
		forward_explain(f,
						"topic.prefix and slot.name make it: set them as they "
						"were, or see docs/operations.md, exit code 5",
						"topic %s: the position was written with "
						"transactional.id %s, this is %s: what another "
						"process may still be writing could not be shut out",
						buf_cstr(&d->topic), p->transactional_id,
						d->transactional_id);
		return false;
	}
	if (!slot->found)
	{
		forward_explain(f,
						"what was committed since cannot be read any more: "
						"docs/operations.md, exit code 5, has the way out",
						"replication slot \"%s\" is gone; topic %s says that "
						"Kafka has everything up to %X/%X",
						f->source.repl.slot, buf_cstr(&d->topic),
						LSN_ARGS(p->end_lsn));
		return false;
	}
	d->transactions = p->transactions;
	if (trusts_slot(f) && !repl_can_start(f->repl, p->end_lsn, p->timeline))
	{
		log_warn("forward",
				 "the stored position does not fit the slot: going on from "
				 "the slot, what is between is not carried",
				 "stored_lsn=%X/%X stored_timeline=%u lsn=%X/%X why=%s",
				 LSN_ARGS(p->end_lsn), p->timeline,
				 LSN_ARGS(slot->confirmed_lsn),
				 log_str(repl_failure(f->repl)->message));
		d->start_lsn = slot->confirmed_lsn;
		d->step = START_FIRST;
		return true;
	}
	if (p->partial.end_lsn != 0 &&
		p->filter != source_config_filter(&f->source))
	{
		forward_explain(f,
						"set them as they were until the transaction is "
						"through",
						"a transaction that ends at %X/%X is published in "
						"part, and the options that decide what is in the "
						"stream have changed since",
						LSN_ARGS(p->partial.end_lsn));
		return false;
	}
	d->resume = p->partial;
	memcpy(d->resume_plugin, p->plugin, sizeof(d->resume_plugin));
	d->start_lsn = p->end_lsn;
	if (FAULT_BUG("repeat_after_retry") && f->status.reconnects > 0)
		d->start_lsn = p->prev_end_lsn;
	d->start_timeline = FAULT_BUG("no_timeline_check") ? 0 : p->timeline;
	d->step = START_STREAM;
	return true;
}

/*
 * The first position, after another cluster's: is it greater than that, as
 * readers that compare positions expect?  pg_upgrade begins at timeline 1.
 */
static void
warn_lower(const struct forward *f)
{
	const struct delivery *d = &f->delivery;
	const struct position *last = store_position(d->store);
	const struct position *other = store_other_cluster(d->store);

	if (other == NULL || (last != NULL && last->end_lsn != 0) ||
		d->next.timeline > other->timeline ||
		(d->next.timeline == other->timeline &&
		 d->next.end_lsn >= other->end_lsn))
		return;
	log_warn("forward",
			 "positions begin lower than those of the cluster before: readers"
			 " that compare them drop what is new, until they forget the"
			 " greatest that they know, or topic.prefix is another",
			 "timeline=%u lsn=%X/%X other_timeline=%u other_lsn=%X/%X",
			 d->next.timeline, LSN_ARGS(d->next.end_lsn), other->timeline,
			 LSN_ARGS(other->end_lsn));
}

static void
start_stream_at(struct forward *f, uint64_t lsn, uint32_t timeline)
{
	FAULT_POINT("before_start");
	repl_start(f->repl, lsn, timeline);
	f->hurry = true;
}

static void
create_slot(struct forward *f)
{
	repl_create(f->repl);
	f->hurry = true;
}

/*
 * At least once, the slot stands beyond what this process has delivered.  If
 * that was another forwarder, which had the slot meanwhile, it has stored how
 * far it came: then this one can begin as it did when it was started.  Without
 * a stored position it may have been anybody, and repl refuses to start.
 */
static bool
is_overtaken(struct forward *f)
{
	const struct repl_slot *slot = repl_slot(f->repl);
	uint64_t				lsn = ack_delivered_lsn(f->ledger);

	if (f->delivery.exactly_once || !f->delivery.stored || !slot->found ||
		slot->confirmed_lsn <= lsn)
		return false;
	f->delivery.overtaken = true;
	forward_explain(f, "",
					"the slot stands at %X/%X, this process was at %X/%X",
					LSN_ARGS(slot->confirmed_lsn), LSN_ARGS(lsn));
	return true;
}

void
forward_position_start(struct forward *f)
{
	struct delivery		  *d = &f->delivery;
	const struct position *p;

	if (f->ledger != NULL)
	{
		/* A process that lives knows better than any store. */
		if (is_overtaken(f))
			forward_handle(f, EVENT_OVERTAKEN);
		else
			start_stream_at(f, ack_delivered_lsn(f->ledger), 0);
		return;
	}
	if (!d->stored)
	{
		if (repl_slot(f->repl)->found)
			start_stream_at(f, 0, 0);
		else
			create_slot(f);
		return;
	}
	d->start_lsn = 0;
	d->start_timeline = 0;
	memset(&d->resume, 0, sizeof(d->resume));
	p = store_position(d->store);
	if (store_error(d->store)[0] != '\0')
		forward_explain(f,
						"give positions a topic of their own "
						"(offsets.storage.topic), or see "
						"docs/operations.md, exit code 5",
						"topic %s: %s", buf_cstr(&d->topic),
						store_error(d->store));
	else if (p != NULL ? decide_with_position(f, p)
					   : decide_without_position(f))
	{
		forward_position_go_on(f);
		return;
	}
	forward_handle(f, EVENT_SOURCE_UNSAFE);
}

/* The step that is due; the event that ends it comes back here. */
void
forward_position_go_on(struct forward *f)
{
	struct delivery		   *d = &f->delivery;
	const struct repl_slot *slot = repl_slot(f->repl);

	if (!d->stored || f->ledger != NULL)
	{
		/* The slot was just created. */
		start_stream_at(f, 0, 0);
		return;
	}
	switch (d->step)
	{
		case START_DECIDE:
			break;
		case START_INTENT:
			d->step = START_CREATE;
			store_position_at(f, 0);
			send_position(f);
			break;
		case START_CREATE:
			d->step = START_FIRST;
			create_slot(f);
			break;
		case START_FIRST:
			FAULT_POINT("slot_created");
			if (slot->created)
				d->start_lsn = slot->confirmed_lsn;
			d->step = START_STREAM;
			store_position_at(f, d->start_lsn);
			d->start_timeline = d->next.timeline;
			warn_lower(f);
			send_position(f);
			break;
		case START_STREAM:
			start_stream_at(f, d->start_lsn, d->start_timeline);
			break;
	}
}

void
forward_position_stream_begun(struct forward *f)
{
	struct delivery *d = &f->delivery;

	FAULT_POINT("stream_started");
	d->complete_lsn = d->complete_commit_lsn = d->complete_xid = 0;
	d->resuming = d->barred = d->overtaken = false;
	d->cut_at_ms = f->now_ms;
	if (d->stored)
		ack_require_stored(f->ledger);
}

void
forward_position_stream_dropped(struct forward *f)
{
	f->delivery.barred = true;
	f->delivery.resuming = false;
}

void
forward_position_leave_sink(struct forward *f)
{
	struct delivery *d = &f->delivery;

	d->ended_ms = sink_ended_ms(f->sink);
	store_free(d->store);
	d->store = NULL;
	d->sink_used = false;
	d->wanted = d->in_flight = false;
	d->records = d->heartbeats = d->bytes = 0;
}

/* ------------------------------------------------------- source transactions */

static bool
replay_differs(struct forward *f, const char *how)
{
	const struct delivery *d = &f->delivery;

	forward_explain(f,
					"nothing is published twice or left out so far; compare "
					"the tables with what consumers have before going on",
					"the transaction that ends at %X/%X was published in part "
					"before, and comes again otherwise: %s",
					LSN_ARGS(d->resume.end_lsn), how);
	forward_handle(f, EVENT_SOURCE_UNSAFE);
	return false;
}

bool
forward_position_begin_transaction(struct forward *f)
{
	struct delivery					*d = &f->delivery;
	const struct change_transaction *txn = decode_transaction(f->decode);

	f->changes = 0;
	f->hash = 0;
	if (d->resume.end_lsn == 0)
		return true;
	if (txn->end_lsn != d->resume.end_lsn)
		return replay_differs(f, "another one comes in its place");
	if (strcmp(d->resume_plugin, decode_header(f->decode)->plugin_version) !=
		0)
		return replay_differs(f, "the plugin has another version now");
	d->resuming = true;
	log_info("forward", "going on within a transaction",
			 "end_lsn=%X/%X published_changes=%" PRIu64,
			 LSN_ARGS(d->resume.end_lsn), d->resume.changes);
	return true;
}

/*
 * What makes a change the same one: where it was read in the WAL, and of what
 * it is.  Its values follow from that.
 */
static void
hash_change(struct forward *f)
{
	const struct change *c = decode_change(f->decode);
	const uint64_t		 what[3] = {c->lsn, c->relation ? c->relation->oid : 0,
									(uint64_t) c->op};

	f->hash = crc32c_update(f->hash, what, sizeof(what));
	f->changes++;
}

bool
forward_position_skip(struct forward *f)
{
	struct delivery *d = &f->delivery;

	/* At least once, there may be one that the other mode has begun. */
	if (!d->exactly_once && !d->resuming)
		return false;
	hash_change(f);
	if (!d->resuming)
		return false;
	if (f->changes < d->resume.changes)
		return true;
	if (f->changes == d->resume.changes)
	{
		if (f->hash != d->resume.hash)
			(void) replay_differs(f, "its changes are others");
		if (FAULT_BUG("partial_off_by_one"))
			return true;
	}
	d->resuming = false;
	memset(&d->resume, 0, sizeof(d->resume));
	return true;
}

void
forward_position_add(struct forward *f, uint64_t records, uint64_t bytes)
{
	struct delivery *d = &f->delivery;

	if (d->records == 0)
		d->records_since_ms = f->now_ms;
	d->records_at_ms = f->now_ms;
	d->records += records;
	d->bytes += bytes;
}

void
forward_position_add_heartbeat(struct forward *f, uint64_t bytes)
{
	if (!f->delivery.exactly_once)
		return;
	forward_position_add(f, 1, bytes);
	f->delivery.heartbeats++;
}

void
forward_position_end_transaction(struct forward *f)
{
	struct delivery					*d = &f->delivery;
	const struct change_transaction *txn = decode_transaction(f->decode);

	if (d->resuming)
	{
		(void) replay_differs(f, "it is shorter");
		return;
	}
	d->complete_lsn = d->records_lsn = txn->end_lsn;
	d->complete_commit_lsn = txn->commit_lsn;
	d->complete_xid = txn->xid;
	d->complete_time_us = txn->commit_time_us;
	d->transactions++;
}

/* ------------------------------------------------------------------- cutting */

static uint64_t
last_stored(const struct forward *f)
{
	const struct position *p = store_position(f->delivery.store);

	return p != NULL ? p->end_lsn : 0;
}

/*
 * How long a transaction stays open while there is more.  Late is what the two
 * machines' clocks say, and only while the server never comes to its end.
 */
static int64_t
interval_ms(const struct forward *f)
{
	const struct delivery *d = &f->delivery;
	int64_t				   more_ms = 0;

	if (d->complete_time_us != 0 && f->drained_ms < d->records_since_ms)
		more_ms = (forward_realtime_ns() / 1000000 -
				   d->complete_time_us / 1000) /
				  LATE_PART;
	if (more_ms > LATE_INTERVAL_MS)
		more_ms = LATE_INTERVAL_MS;
	if (more_ms > d->split_ms)
		more_ms = d->split_ms;
	return d->interval_ms > more_ms ? d->interval_ms : more_ms;
}

/* How long nothing must come before what there is goes out. */
static int64_t
quiet_ms(const struct forward *f)
{
	return f->source_drained ? QUIET_MS : SILENT_MS;
}

/* Nothing but progress through WAL that is none of ours. */
static bool
idle_position_is_due(const struct forward *f, uint64_t lsn, bool ending)
{
	const struct delivery *d = &f->delivery;
	int64_t				   since_ms = f->now_ms - d->cut_at_ms;
	uint64_t			   stored = last_stored(f);

	if (since_ms >= REFRESH_MS)
		return true;
	if (lsn <= stored)
		return false;
	return ending || lsn - stored >= IDLE_GAP ||
		   since_ms >= d->idle_interval_ms ||
		   (d->asked && since_ms >= ASKED_MS);
}

static void
cut_at(struct forward *f, uint64_t lsn)
{
	struct delivery *d = &f->delivery;
	uint64_t		 stored = last_stored(f);

	store_position_at(f, lsn > stored ? lsn : stored);
	if (FAULT_BUG("ack_commit_lsn") && d->next.commit_lsn > stored)
		d->next.end_lsn = d->next.commit_lsn;
	d->next.records = d->records - d->heartbeats;
	if (d->resume.end_lsn != 0)
	{
		/* Not come again yet, or not as far as it is published. */
		d->next.partial = d->resume;
	}
	else if (f->entry_open && d->exactly_once && f->changes > 0)
	{
		d->next.partial.end_lsn = decode_transaction(f->decode)->end_lsn;
		d->next.partial.changes = f->changes;
		d->next.partial.hash = f->hash;
		FAULT_POINT("partial_cut");
	}
	d->records = d->heartbeats = d->bytes = 0;
	d->cut_at_ms = f->now_ms;
	d->asked = false;
	send_position(f);
}

/* The open transaction must not become larger, or older. */
static bool
is_complete(const struct forward *f)
{
	const struct delivery *d = &f->delivery;
	int64_t				   open_ms = f->now_ms - d->records_since_ms;

	if (f->entry_open)
		return open_ms >= d->split_ms;

	/* It is never less, and takes a look at the clock. */
	return d->bytes >= d->max_bytes ||
		   (open_ms >= d->interval_ms && open_ms >= interval_ms(f));
}

static void
cut_transaction(struct forward *f, uint64_t delivered, bool idle, bool ending)
{
	struct delivery *d = &f->delivery;
	uint64_t		 end_lsn = d->complete_lsn;

	if (d->records == 0)
	{
		if (!f->entry_open && idle_position_is_due(f, delivered, ending))
		{
			FAULT_POINT("idle_position");
			cut_at(f, delivered);
		}
		return;
	}

	/* Idle WAL behind it, where there are only heartbeats to commit. */
	if (delivered > end_lsn)
		end_lsn = delivered;
	if (is_complete(f) ||
		(!f->entry_open &&
		 (ending || (idle && f->now_ms - d->records_at_ms >= quiet_ms(f)))))
		cut_at(f, end_lsn);
}

/* Nothing is taken apart, and no position is under way. */
static bool
may_cut(const struct forward *f)
{
	const struct delivery *d = &f->delivery;

	/* Half of a change is nothing that a position can speak of. */
	return d->stored && d->store != NULL && f->ledger != NULL && !d->barred &&
		   !d->wanted && !d->in_flight &&
		   !(d->exactly_once && f->change_taken);
}

bool
forward_position_cuts(const struct forward *f)
{
	return f->delivery.exactly_once && f->delivery.records > 0 && may_cut(f) &&
		   is_complete(f);
}

/*
 * At least once: something is delivered that is not stored, and it is not only
 * WAL that is none of ours.
 */
static bool
records_are_delivered(const struct forward *f)
{
	uint64_t stored = last_stored(f);

	return f->delivery.records_lsn > stored &&
		   ack_delivered_lsn(f->ledger) > stored;
}

void
forward_position_cut(struct forward *f, bool idle, bool ending)
{
	struct delivery *d = &f->delivery;
	uint64_t		 lsn;

	if (d->wanted && d->store != NULL)
		submit_position(f);
	if (!may_cut(f))
		return;
	lsn = ack_delivered_lsn(f->ledger);
	if (d->resume.end_lsn != 0 && !f->entry_open && lsn >= d->resume.end_lsn)
	{
		(void) replay_differs(f, "it does not come at all");
		return;
	}
	if (d->exactly_once)
	{
		cut_transaction(f, lsn, idle, ending);
		return;
	}

	/* At least once: what is delivered is, whatever else is under way. */
	if (idle_position_is_due(f, lsn, ending) ||
		(records_are_delivered(f) &&
		 f->now_ms - d->cut_at_ms >= ALONE_INTERVAL_MS))
		cut_at(f, lsn);
}

int64_t
forward_position_due_ms(const struct forward *f)
{
	const struct delivery *d = &f->delivery;
	bool				   behind;

	/* What is under way, or has no room, brings us back when that changes. */
	if (!may_cut(f))
		return INT64_MAX;
	behind = ack_delivered_lsn(f->ledger) > last_stored(f);
	if (d->exactly_once && d->records > 0)
	{
		int64_t due_ms, quiet_at_ms;

		if (f->entry_open)
			return d->records_since_ms + d->split_ms;
		due_ms = d->records_since_ms + interval_ms(f);
		if (f->blocked)
			return due_ms; /* not idle, so that it is not sooner */
		quiet_at_ms = d->records_at_ms + quiet_ms(f);
		return quiet_at_ms < due_ms ? quiet_at_ms : due_ms;
	}
	if (!d->exactly_once && records_are_delivered(f))
		return d->cut_at_ms + ALONE_INTERVAL_MS;
	if (behind && d->asked && !f->entry_open)
		return d->cut_at_ms + ASKED_MS;
	return INT64_MAX;
}
