/* links: forward_position store position crc32c ack log buf jsontext
 * links: pgtext pgtext_array pgtext_bits pgtext_datetime pgtext_float
 * links: pgtext_geo pgtext_jsonb pgtext_net pgtext_numeric pgtext_range
 * links: pgtext_ts pgtext_xml */
/* libs: jansson */
/*
 * When a position is stored, and what it says; exactly once, where a test does
 * not say otherwise.  The source, the sink and the loop are this file's, and
 * do what a test tells them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../forwarder/forward_impl.h"
#include "captured_log.h"

#define SYSTEM_ID 7301234567890123456
#define INTERVAL_MS 100
#define ALONE_MS 100 /* at least once, the same */
#define QUIET_MS 10	 /* is enough where the server has said so ... */
#define SILENT_MS 20 /* ... and this where it has not */
#define LATE_MAX_MS 1000
#define REALTIME_MS INT64_C(1700000000000)
#define SPLIT_MS 30000
#define IDLE_INTERVAL_MS 10000
#define HOUR_MS 3600000

static struct
{
	struct forward			 *f;
	struct sink				  sink;
	struct repl_slot		  slot;
	struct decode_header	  header;
	struct change_transaction txn;
	struct change			  change;
	enum sink_outcome		  commit; /* what the sink says to one */
	struct buf				  key;	  /* of the last position taken */
	struct buf				  value;
	int						  commits;
	struct position			  stored; /* what the store holds at the start */
	bool					  has_stored;
	bool					  alone; /* at least once, with a store */
	bool	 trusts; /* the slot, by offset.mismatch.strategy */
	uint64_t start_lsn;
	int64_t	 late_ms; /* a transaction that begins */
	bool	 overtaken;
	bool	 unsafe;
	int		 creations; /* of the slot, asked for */

	uint32_t timeline; /* of the server; 0: 1 */

	/* what sink_settle() was given, and says */
	int				  pinned; /* stored pins: topics of so many partitions */
	char			  settled[64];
	char			  until[64];
	enum sink_outcome settle;
	int64_t			  ended_ms;
} t;

/* ---- what is around it ---- */

bool
config_is(const struct config *c, const char *name, const char *value)
{
	(void) c;
	return (strcmp(name, "walferry.sink") == 0 &&
			strcmp(value, "kafka") == 0) ||
		   (strcmp(name, "walferry.position.store") == 0 &&
			strcmp(value, "topic") == 0) ||
		   (strcmp(name, "offset.mismatch.strategy") == 0 &&
			strcmp(value, t.trusts ? "trust_slot" : "fail") == 0);
}

bool
config_bool(const struct config *c, const char *name)
{
	(void) c;
	return strcmp(name, "exactly.once") == 0 && !t.alone;
}

int64_t
config_int(const struct config *c, const char *name)
{
	(void) c;
	if (strcmp(name, "walferry.transaction.interval.ms") == 0)
		return INTERVAL_MS;
	if (strcmp(name, "walferry.transaction.split.ms") == 0)
		return SPLIT_MS;
	if (strcmp(name, "walferry.position.interval.ms") == 0)
		return IDLE_INTERVAL_MS;
	assert_string_equal(name, "walferry.transaction.max.bytes");
	return 1 << 20;
}

const char *
config_str(const struct config *c, const char *name)
{
	(void) c;
	return strcmp(name, "topic.prefix") == 0 ? "shop" : "walferry";
}

void
config_position_topic(const struct config *c, struct buf *out)
{
	(void) c;
	buf_puts(out, "shop.walferry.offsets");
}

const struct config_setting *
config_kafka_settings(const struct config *c, size_t *n)
{
	(void) c;
	*n = 0;
	return NULL;
}

void
publish_position(const struct change_position *pos, char *out)
{
	snprintf(out, PUBLISH_POSITION_LEN + 1, "%u-%" PRIX64 "-%" PRIX64 "-%X",
			 pos->timeline, pos->end_lsn, pos->ordinal, pos->part);
}

const char *
publish_run_id(const struct publish *p)
{
	(void) p;
	return "00000000-0000-4000-8000-000000000000";
}

uint64_t
source_config_filter(const struct source_config *s)
{
	(void) s;
	return 1;
}

const struct repl_slot *
repl_slot(const struct repl *r)
{
	(void) r;
	return &t.slot;
}

uint32_t
repl_timeline_of(const struct repl_slot *slot, uint64_t end_lsn)
{
	(void) slot;
	(void) end_lsn;
	return t.timeline ? t.timeline : 1;
}

void
repl_start(struct repl *r, uint64_t lsn, uint32_t timeline)
{
	(void) r;
	(void) timeline;
	t.start_lsn = lsn;
}

bool
repl_can_start(struct repl *r, uint64_t lsn, uint32_t timeline)
{
	(void) r;
	(void) lsn;
	(void) timeline;
	return true;
}

const struct repl_failure *
repl_failure(const struct repl *r)
{
	static const struct repl_failure none;

	(void) r;
	return &none;
}

void
repl_create(struct repl *r)
{
	(void) r;
	t.creations++;
}

const struct decode_header *
decode_header(const struct decode *d)
{
	(void) d;
	return &t.header;
}

const struct change_transaction *
decode_transaction(const struct decode *d)
{
	(void) d;
	return &t.txn;
}

const struct change *
decode_change(const struct decode *d)
{
	(void) d;
	return &t.change;
}

void
forward_explain(struct forward *f, const char *hint, const char *fmt, ...)
{
	va_list ap;

	(void) hint;
	va_start(ap, fmt);
	vsnprintf(f->reason, sizeof(f->reason), fmt, ap);
	va_end(ap);
}

void
forward_handle(struct forward *f, enum event event)
{
	switch (event)
	{
		case EVENT_RECOVERED:
			f->state = STATE_STARTING;
			forward_position_start(f);
			break;
		case EVENT_OVERTAKEN:
			t.overtaken = true;
			f->state = STATE_WAITING;
			break;
		case EVENT_SOURCE_UNSAFE:
			t.unsafe = true;
			f->state = STATE_STOPPED;
			break;
		default:
			fail_msg("event %d", event);
	}
}

void
forward_sink_failed(struct forward *f, const char *why, int exit_code)
{
	(void) f;
	fail_msg("the sink failed: %s, %d", why, exit_code);
}

int64_t
forward_realtime_ns(void)
{
	return REALTIME_MS * 1000000;
}

static uint32_t
sink_topic_number(struct sink *s, const char *name)
{
	(void) s;
	assert_string_equal(name, "shop.walferry.offsets");
	return 7;
}

static enum sink_outcome
sink_recovers(struct sink *s, sink_stored_fn fn, void *arg)
{
	struct buf key = {0};
	struct buf value = {0};

	(void) s;
	if (t.has_stored)
	{
		position_put_key(&key, &t.stored.id);
		position_put_value(&value, &t.stored);
		fn(arg, key.data, key.len, value.data, value.len);
	}
	for (int i = 1; i <= t.pinned; i++)
	{
		struct position_pin pin = {.id = t.stored.id, .partitions = i};

		snprintf(pin.topic, sizeof(pin.topic), "topic%d", i);
		buf_reset(&key);
		buf_reset(&value);
		position_put_pin_key(&key, &pin);
		position_put_pin_value(&value, &pin);
		fn(arg, key.data, key.len, value.data, value.len);
	}
	buf_free(&key);
	buf_free(&value);
	return SINK_DONE;
}

static int64_t
sink_has_ended_ms(struct sink *s)
{
	(void) s;
	return t.ended_ms;
}

static enum sink_outcome
sink_settles(struct sink *s, const struct sink_written *written)
{
	int total = 0;

	(void) s;
	for (size_t i = 0; i < written->n; i++)
		total += written->topics[i].partitions;
	snprintf(t.settled, sizeof(t.settled), "%zu topics, %d partitions",
			 written->n, total);
	snprintf(t.until, sizeof(t.until), "%s", written->until);
	assert_string_equal(written->header, "walferry.position");
	return t.settle;
}

static enum sink_outcome
sink_commits(struct sink *s, const struct sink_record *last, uint64_t ticket)
{
	(void) s;
	assert_int_equal(last->topic, 7);
	assert_int_equal(ticket, FORWARD_POSITION_TICKET);
	if (t.commit != SINK_DONE)
		return t.commit;
	buf_reset(&t.key);
	buf_reset(&t.value);
	buf_put(&t.key, last->key, last->key_len);
	buf_put(&t.value, last->value, last->value_len);
	t.commits++;
	return SINK_DONE;
}

static int
sink_polls(struct sink *s, int timeout_ms)
{
	(void) s;
	(void) timeout_ms;
	if (!t.f->delivery.in_flight)
		return 0;
	forward_position_reported(t.f, true);
	return 1;
}

static const char *
sink_is_well(struct sink *s)
{
	(void) s;
	return "";
}

static const struct sink_ops ops = {
	.name = "test",
	.topic = sink_topic_number,
	.submit = sink_commits,
	.recover = sink_recovers,
	.settle = sink_settles,
	.ended_ms = sink_has_ended_ms,
	.commit = sink_commits,
	.poll = sink_polls,
	.error = sink_is_well,
};

/* ---- a stream ---- */

static int
set_up(void **state)
{
	struct forward *f = calloc(1, sizeof(*f));

	(void) state;
	memset(&t, 0, sizeof(t));
	t.f = f;
	t.sink.ops = &ops;
	t.slot = (struct repl_slot){.found = true,
								.confirmed_lsn = 0x1000,
								.system_id = SYSTEM_ID,
								.timeline = 1,
								.database = "shop"};
	t.header.plugin_version = "0.1.0";
	t.stored = (struct position){
		.id = {.system_id = SYSTEM_ID, .database = "shop", .slot = "walferry"},
		.timeline = 1,
		.end_lsn = 0x1000,
		.filter = 1,
		.plugin = "0.1.0",
		.transactional_id = "shop.walferry",
		.run_id = "00000000-0000-4000-8000-000000000000"};
	t.has_stored = true;
	f->sink = &t.sink;
	f->source.repl.slot = "walferry";
	f->now_ms = 1000000;
	return 0;
}

static int
tear_down(void **state)
{
	(void) state;
	forward_position_free(t.f);
	ack_free(t.f->ledger);
	free(t.f);
	buf_free(&t.key);
	buf_free(&t.value);
	return 0;
}

/* What is stored is read, and the first position handed over; false: refused. */
static bool
begins(void)
{
	struct forward *f = t.f;

	forward_position_init(f);
	f->state = STATE_RECOVERING;
	forward_position_begin(f);
	return !t.unsafe;
}

/* From the stored position, as far as the stream. */
static struct forward *
stream(void)
{
	struct forward *f = t.f;

	if (!begins())
		return f;
	f->ledger = ack_new(t.start_lsn, 8);
	f->state = STATE_STREAMING;
	forward_position_stream_begun(f);
	return f;
}

/* False: it must not come here. */
static bool
comes(uint64_t end_lsn)
{
	t.txn = (struct change_transaction){.xid = end_lsn,
										.commit_lsn = end_lsn - 0x20,
										.end_lsn = end_lsn,
										.commit_time_us = (REALTIME_MS -
														   t.late_ms) *
														  1000};
	return forward_position_begin_transaction(t.f);
}

static void
begin(uint64_t end_lsn)
{
	struct forward *f = t.f;

	assert_true(comes(end_lsn));
	f->ticket = ack_begin(f->ledger, end_lsn);
	assert_int_not_equal(f->ticket, 0);
	f->entry_open = true;
}

/* True: it was handed over. */
static bool
change(uint64_t lsn)
{
	struct forward *f = t.f;

	t.change = (struct change){.lsn = lsn};
	if (forward_position_skip(f))
		return false;
	ack_submit(f->ledger, f->ticket);
	forward_position_add(f, 1, 100);
	return true;
}

static void
commit(void)
{
	struct forward *f = t.f;

	forward_position_end_transaction(f);
	ack_complete(f->ledger, f->ticket);
	f->entry_open = false;
}

/* The sink has committed: 'records' of 'ticket', and the position. */
static struct position
committed(uint64_t ticket, int records)
{
	struct position_entry entry;
	struct buf			  error = {0};

	for (int i = 0; i < records; i++)
		ack_report(t.f->ledger, ticket, true);
	forward_position_reported(t.f, true);
	assert_int_equal(position_read(t.key.data, t.key.len, t.value.data,
								   t.value.len, &entry, &error),
					 POSITION_RECORD);
	return entry.position;
}

/* ---- tests ---- */

static void
position_is_stored_soon_when_nothing_more_is_to_be_read(void **state)
{
	struct forward *f = stream();
	struct position p;

	(void) state;
	assert_int_equal(t.start_lsn, 0x1000);
	f->now_ms += 1000;
	begin(0x2000);
	assert_true(change(0x1f00));
	forward_position_cut(f, true, false);
	assert_int_equal(t.commits, 0); /* not within one */
	commit();
	forward_position_cut(f, false, false);
	assert_int_equal(t.commits, 0); /* more is to be read */
	f->source_drained = true;
	f->now_ms += QUIET_MS;
	forward_position_cut(f, true, false);
	assert_int_equal(t.commits, 1);
	assert_int_equal(ack_flush_lsn(f->ledger), 0x1000);
	p = committed(f->ticket, 1);
	assert_int_equal(p.end_lsn, 0x2000);
	assert_int_equal(p.prev_end_lsn, 0x1000);
	assert_int_equal(p.records, 1);
	assert_int_equal(p.partial.end_lsn, 0);
	assert_int_equal(ack_flush_lsn(f->ledger), 0x2000);
}

/* One that is silent may have more: it is given longer. */
static void
position_is_stored_later_when_the_server_is_merely_silent(void **state)
{
	struct forward *f = stream();

	(void) state;
	begin(0x2000);
	change(0x1f00);
	commit();
	assert_int_equal(forward_position_due_ms(f), f->now_ms + SILENT_MS);
	f->now_ms += SILENT_MS - 1;
	forward_position_cut(f, true, false);
	assert_int_equal(t.commits, 0);
	f->now_ms++;
	forward_position_cut(f, true, false);
	assert_int_equal(t.commits, 1);
}

/* Waits for what a transaction of so late events may still take. */
static void
assert_stays_open(int64_t late_ms, int64_t open_ms)
{
	struct forward *f = t.f;
	int				before = t.commits;

	t.late_ms = late_ms;
	begin(ack_flush_lsn(f->ledger) + 0x1000);
	change(ack_flush_lsn(f->ledger) + 0x100);
	commit();
	f->blocked = true;
	assert_int_equal(forward_position_due_ms(f), f->now_ms + open_ms);
	f->blocked = false;
	f->now_ms += open_ms - 1;
	forward_position_cut(f, false, false);
	assert_int_equal(t.commits, before);
	f->now_ms++;
	forward_position_cut(f, false, false);
	assert_int_equal(t.commits, before + 1);
	(void) committed(f->ticket, 1);
}

static void
position_of_a_backlog_is_stored_less_often(void **state)
{
	(void) state;
	stream();
	assert_stays_open(0, INTERVAL_MS);
	assert_stays_open(-86400000, INTERVAL_MS); /* of another clock */
	assert_stays_open(4 * INTERVAL_MS, INTERVAL_MS);
	assert_stays_open(2400, 600);
	assert_stays_open(86400000, LATE_MAX_MS);
	t.f->delivery.split_ms = 300; /* Kafka's own limit is not far */
	assert_stays_open(86400000, 300);
}

/* Whatever the clocks say: the server has come to its end meanwhile. */
static void
position_of_no_backlog_is_stored_in_time(void **state)
{
	struct forward *f = stream();

	(void) state;
	t.late_ms = 86400000;
	begin(0x2000);
	change(0x1f00);
	commit();
	f->drained_ms = f->now_ms;
	f->blocked = true;
	assert_int_equal(forward_position_due_ms(f), f->now_ms + INTERVAL_MS);
}

/* Before anything is done, Kafka must have ended what was begun before. */
static void
position_says_what_must_be_settled_before_the_start(void **state)
{
	(void) state;
	t.pinned = 3;
	t.settle = SINK_AGAIN;
	assert_true(begins());
	assert_int_equal(t.f->state, STATE_RECOVERING);
	assert_string_equal(t.settled, "3 topics, 6 partitions");
	assert_string_equal(t.until, "1-1000-FFFFFFFFFFFFFFFF-FFFF");
	assert_int_equal(t.start_lsn, 0);
	t.settle = SINK_DONE;
	forward_position_recover(t.f);
	assert_int_equal(t.f->state, STATE_STARTING);
	assert_int_equal(t.start_lsn, 0x1000);
}

/* Of one that is published in part, that part is committed. */
static void
position_counts_what_is_published_in_part_as_settled(void **state)
{
	(void) state;
	t.stored.partial.end_lsn = 0x2000;
	t.stored.partial.changes = 18;
	t.timeline = 2; /* of what is after a failover */
	assert_true(begins());
	assert_string_equal(t.until, "2-2000-11-FFFF");
}

/* Where no position is, the slot says how far it was published. */
static void
position_that_is_missing_leaves_it_to_the_slot_what_is_settled(void **state)
{
	(void) state;
	t.has_stored = false;
	t.settle = SINK_AGAIN;
	assert_true(begins());
	assert_string_equal(t.until, "1-1000-FFFFFFFFFFFFFFFF-FFFF");
}

static void
position_of_what_was_never_published_settles_all(void **state)
{
	(void) state;
	t.has_stored = false;
	t.slot.found = false;
	t.settle = SINK_AGAIN;
	assert_true(begins());
	assert_int_equal(t.f->state, STATE_RECOVERING);
	assert_string_equal(t.settled, "0 topics, 0 partitions");
	assert_string_equal(t.until, "");
}

/* After pg_upgrade: the same topics, and positions that may be lower. */
static void
position_of_the_cluster_before_says_what_is_settled(void **state)
{
	(void) state;
	t.stored.id.system_id = SYSTEM_ID + 1;
	t.stored.timeline = 3;
	t.settle = SINK_AGAIN;
	assert_true(begins());
	assert_string_equal(t.until, "3-1000-FFFFFFFFFFFFFFFF-FFFF");
}

static void
position_of_the_cluster_before_counts_its_part(void **state)
{
	(void) state;
	t.stored.id.system_id = SYSTEM_ID + 1;
	t.stored.timeline = 3;
	t.stored.partial.end_lsn = 0x2000;
	t.stored.partial.changes = 18;
	t.settle = SINK_AGAIN;
	assert_true(begins());
	assert_string_equal(t.until, "3-2000-11-FFFF");
}

/* What one sink has ended, the next one knows of. */
static void
position_tells_the_next_sink_what_was_ended(void **state)
{
	struct forward	 *f = stream();
	struct sink_store store;

	(void) state;
	t.ended_ms = 77;
	forward_position_leave_sink(f);
	assert_non_null(forward_position_sink_store(f, &store));
	assert_int_equal(store.ended_ms, 77);
}

/* Whoever has no transactions ends none. */
static void
position_of_at_least_once_settles_nothing(void **state)
{
	(void) state;
	t.alone = true;
	assert_true(begins());
	assert_string_equal(t.until, "");
	assert_int_equal(t.f->state, STATE_STARTING);
}

/* What a pump asks that cannot hand over the next record. */
static void
transaction_is_cut_where_it_is_due_only(void **state)
{
	struct forward *f = stream();

	(void) state;
	f->now_ms += HOUR_MS;
	assert_false(forward_position_cuts(f)); /* nothing is in it */
	begin(0x2000);
	change(0x1f00);
	f->now_ms += SPLIT_MS - 1;
	forward_position_add(f, 1, 1 << 20);
	assert_false(forward_position_cuts(f)); /* within one, its age counts */
	f->now_ms++;
	assert_true(forward_position_cuts(f));
	f->change_taken = true; /* of half a change nothing can be said */
	assert_false(forward_position_cuts(f));
	f->change_taken = false;
	f->delivery.in_flight = true; /* one is ending already */
	assert_false(forward_position_cuts(f));
	f->delivery.in_flight = false;
	forward_position_cut(f, false, false);
	assert_int_equal(t.commits, 1);
	assert_false(forward_position_cuts(f));
	assert_int_equal(committed(f->ticket, 1).partial.changes, 1);
}

static void
transactions_end_by_size_and_by_age(void **state)
{
	struct forward *f = stream();

	(void) state;
	begin(0x2000);
	change(0x1f00);
	commit();
	assert_false(forward_position_cuts(f));
	f->now_ms += INTERVAL_MS;
	assert_true(forward_position_cuts(f));
	f->now_ms -= INTERVAL_MS;
	forward_position_add(f, 1, (1 << 20) - 101);
	assert_false(forward_position_cuts(f));
	forward_position_add(f, 1, 1);
	assert_true(forward_position_cuts(f));
	f->delivery.exactly_once = false; /* no transaction is there to end */
	assert_false(forward_position_cuts(f));
}

static void
position_that_finds_no_room_bars_what_comes_after(void **state)
{
	struct forward *f = stream();

	(void) state;
	f->now_ms += 1000;
	begin(0x2000);
	change(0x1f00);
	commit();
	t.commit = SINK_AGAIN;
	f->now_ms += SILENT_MS;
	assert_false(forward_position_waits(f));
	forward_position_cut(f, true, false);
	assert_int_equal(t.commits, 0);
	assert_true(forward_position_waits(f));
	t.commit = SINK_DONE;
	forward_position_cut(f, false, false);
	assert_int_equal(t.commits, 1);
	assert_false(forward_position_waits(f));
	assert_int_equal(committed(f->ticket, 1).end_lsn, 0x2000);
}

/* The stream is asked for again by a process that remembers. */
static void
begin_again(uint64_t slot_lsn)
{
	t.slot.confirmed_lsn = slot_lsn;
	t.overtaken = false;
	t.start_lsn = 0;
	t.f->state = STATE_STARTING;
	forward_position_start(t.f);
}

/* At least once, with and without a store. */
static void
position_of_a_process_that_was_overtaken_is_forgotten(void **state)
{
	struct forward *f = stream();

	(void) state;
	f->delivery.exactly_once = false;
	begin_again(0x1000);
	assert_int_equal(t.start_lsn, 0x1000);
	begin_again(0x1001);
	assert_true(t.overtaken); /* the store says whether that is right */
	assert_int_equal(t.start_lsn, 0);

	f->delivery.stored = false;
	begin_again(0x1001);
	assert_false(t.overtaken); /* repl refuses that start */
	assert_int_equal(t.start_lsn, 0x1000);
}

/* The store that was to say it holds nothing. */
static void
position_that_is_gone_when_overtaken_is_not_made_up(void **state)
{
	struct forward *f = stream();

	(void) state;
	f->delivery.exactly_once = false;
	begin_again(0x1001);
	assert_true(t.overtaken);
	ack_free(f->ledger);
	f->ledger = NULL;
	forward_position_leave_sink(f);
	t.has_stored = false;
	f->state = STATE_RECOVERING;
	forward_position_begin(f);
	assert_true(t.unsafe);
	assert_non_null(strstr(f->reason, "holds no position"));
}

/*
 * There is a slot and no position: at least once it goes on from the slot.  In
 * both modes, the position of another cluster says that something is wrong,
 * until the operator has looked.
 */
static void
position_that_is_missing_is_the_slots_at_least_once(void **state)
{
	(void) state;
	t.alone = true;
	t.has_stored = false;
	t.slot.confirmed_lsn = 0x1500;
	assert_true(begins());
	assert_int_equal(t.f->delivery.next.end_lsn, 0x1500);
}

static void
position_of_another_cluster_is_refused_in_both_modes(void **state)
{
	(void) state;
	for (int alone = 0; alone <= 1; alone++)
	{
		for (int trusts = 0; trusts <= 1; trusts++)
		{
			void *none = NULL;

			tear_down(&none);
			set_up(&none);
			t.alone = alone;
			t.trusts = trusts;
			t.stored.id.system_id = SYSTEM_ID + 1;
			t.slot.confirmed_lsn = 0x1500;
			assert_true(begins() == trusts);
			if (trusts)
				assert_int_equal(t.f->delivery.next.end_lsn, 0x1500);
			else
				assert_non_null(strstr(t.f->reason, "in a cluster with"));
		}
	}
}

/* Begins; was a warning logged that positions go back? */
static bool
warns_of_lower_positions(uint32_t timeline, uint64_t end_lsn)
{
	void *none = NULL;
	bool  warned;

	tear_down(&none);
	set_up(&none);
	t.trusts = true;
	t.stored.id.system_id = SYSTEM_ID + 1;
	t.stored.timeline = timeline;
	t.stored.end_lsn = end_lsn;
	t.slot.confirmed_lsn = 0x1500;
	captured_log_begin();
	assert_true(begins());
	warned = captured_log_has("positions begin lower");
	captured_log_end();
	assert_int_equal(t.f->delivery.next.end_lsn, 0x1500);
	return warned;
}

/* The new cluster is on timeline 1, as after pg_upgrade. */
static void
position_below_that_of_another_cluster_is_warned_of(void **state)
{
	(void) state;
	assert_true(warns_of_lower_positions(2, 0x1000));
	assert_true(warns_of_lower_positions(1, 0x1501));
	assert_false(warns_of_lower_positions(1, 0x1500));
	assert_false(warns_of_lower_positions(1, 0x1000));
}

/* What says that a slot is about to be created must not outlive the refusal. */
static void
position_of_a_slot_that_may_not_be_created_is_taken_back(void **state)
{
	struct buf key = {0};

	(void) state;
	t.stored.end_lsn = 0;
	t.slot.found = false;
	assert_true(begins());
	assert_int_equal(t.creations, 1);
	assert_int_equal(t.commits, 0);
	forward_position_withdraw(t.f);
	assert_int_equal(t.commits, 1);
	position_put_key(&key, &t.stored.id);
	assert_int_equal(t.key.len, key.len);
	assert_memory_equal(t.key.data, key.data, key.len);
	assert_int_equal(t.value.len, 0); /* a tombstone */
	assert_int_equal(t.f->state, STATE_STARTING);
	buf_free(&key);
}

/* Of one that is there, what is stored counts. */
static void
position_of_a_slot_that_is_there_is_not_taken_back(void **state)
{
	(void) state;
	assert_true(begins());
	forward_position_withdraw(t.f);
	assert_int_equal(t.commits, 0);
}

static void
position_of_a_split_transaction_says_how_far_it_is(void **state)
{
	struct forward *f = stream();
	struct position p;

	(void) state;
	begin(0x2000);
	change(0x1100);
	change(0x1200);
	forward_position_cut(f, true, false);
	assert_int_equal(t.commits, 0);
	assert_int_equal(forward_position_due_ms(f), f->now_ms + SPLIT_MS);
	f->now_ms += SPLIT_MS;
	forward_position_cut(f, false, false);
	p = committed(f->ticket, 2);
	assert_int_equal(p.end_lsn, 0x1000);
	assert_int_equal(p.partial.end_lsn, 0x2000);
	assert_int_equal(p.partial.changes, 2);
	assert_int_equal(ack_flush_lsn(f->ledger), 0x1000);
}

/* So that t.stored says that two changes of 0x2000 are published. */
static void
split_after_two(void **state)
{
	position_of_a_split_transaction_says_how_far_it_is(state);
	t.stored = t.f->delivery.next;
	forward_position_free(t.f);
	ack_free(t.f->ledger);
	memset(t.f, 0, sizeof(*t.f));
	t.f->sink = &t.sink;
	t.f->source.repl.slot = "walferry";
	t.f->now_ms = 2000000;
}

static void
position_lets_pass_over_what_is_published(void **state)
{
	struct forward *f;
	struct position p;

	split_after_two(state);
	f = stream();
	begin(0x2000);
	assert_false(change(0x1100));
	assert_false(change(0x1200));
	assert_true(change(0x1300));
	commit();
	f->now_ms += INTERVAL_MS;
	forward_position_cut(f, false, false);
	p = committed(f->ticket, 1);
	assert_int_equal(p.end_lsn, 0x2000);
	assert_int_equal(p.partial.end_lsn, 0);
	assert_false(t.unsafe);
}

static void
position_stops_at_a_replay_that_differs(void **state)
{
	split_after_two(state);
	stream();
	begin(0x2000);
	assert_false(change(0x1100));
	assert_false(change(0x1208));
	assert_true(t.unsafe);
}

/* Of another version nobody knows whether it counts changes alike. */
static void
position_stops_at_a_replay_by_another_plugin(void **state)
{
	struct forward *f;

	split_after_two(state);
	t.header.plugin_version = "0.1.1";
	f = stream();
	assert_false(comes(0x2000));
	assert_true(t.unsafe);
	assert_non_null(strstr(f->reason, "the plugin has another version"));
	assert_int_equal(t.commits, 1);
}

static void
position_stops_where_another_transaction_comes(void **state)
{
	struct forward *f;

	split_after_two(state);
	f = stream();
	assert_false(comes(0x2008));
	assert_true(t.unsafe);
	assert_non_null(strstr(f->reason, "another one comes in its place"));
}

static void
position_stops_at_a_replay_that_does_not_come(void **state)
{
	struct forward *f;

	split_after_two(state);
	f = stream();
	ack_keepalive(f->ledger, 0x2000);
	forward_position_cut(f, true, false);
	assert_true(t.unsafe);
	assert_int_equal(t.commits, 1);
}

/*
 * Before a transaction that is published in part comes again, the server may
 * go through much WAL.  A position that is stored meanwhile must not forget
 * the part: the next start would publish it again.
 */
static void
position_of_idle_wal_keeps_what_is_published_in_part(void **state)
{
	struct forward *f;
	struct position p;

	split_after_two(state);
	t.header.plugin_version = ""; /* the stream has said nothing yet */
	f = stream();
	ack_keepalive(f->ledger, 0x1080);
	f->now_ms += IDLE_INTERVAL_MS;
	forward_position_cut(f, true, false);
	assert_int_equal(t.commits, 2);
	p = committed(0, 0);
	assert_int_equal(p.end_lsn, 0x1080);
	assert_int_equal(p.partial.end_lsn, 0x2000);
	assert_int_equal(p.partial.changes, 2);
	assert_int_equal(p.partial.hash, t.stored.partial.hash);
	assert_string_equal(p.plugin, "0.1.0");

	/* It goes on from there all the same. */
	t.header.plugin_version = "0.1.0";
	begin(0x2000);
	assert_false(change(0x1100));
	assert_false(change(0x1200));
	assert_true(change(0x1300));
	assert_false(t.unsafe);
}

/*
 * A cut may fall between a begin and the first change.  Of such a transaction
 * nothing is published, and a replay that passes over nothing has no hash.
 */
static void
position_says_nothing_of_a_transaction_without_a_change(void **state)
{
	struct forward *f = stream();
	struct position p;
	uint64_t		ticket;

	(void) state;
	begin(0x2000);
	change(0x1f00);
	commit();
	ticket = f->ticket;
	begin(0x3000);
	f->now_ms += SPLIT_MS;
	forward_position_cut(f, false, false);
	p = committed(ticket, 1);
	assert_int_equal(p.end_lsn, 0x2000);
	assert_int_equal(p.partial.end_lsn, 0);
}

static void
position_is_not_looked_for_in_vain_while_the_sink_is_full(void **state)
{
	struct forward *f = stream();

	(void) state;
	f->now_ms += 1000;
	begin(0x2000);
	change(0x1f00);
	commit();
	assert_true(forward_position_due_ms(f) < f->now_ms + INTERVAL_MS);
	f->blocked = true;
	assert_int_equal(forward_position_due_ms(f), f->now_ms + INTERVAL_MS);
}

/* Brokers forget a transactional id that is not used. */
static void
position_is_stored_again_after_an_hour_without_any_news(void **state)
{
	struct forward *f = stream();
	struct position p;

	(void) state;
	for (int hour = 0; hour < 2; hour++)
	{
		f->now_ms += HOUR_MS - 1;
		forward_position_cut(f, true, false);
		assert_int_equal(t.commits, hour);
		f->now_ms++;
		forward_position_cut(f, true, false);
		assert_int_equal(t.commits, hour + 1);
		p = committed(0, 0);
		assert_int_equal(p.end_lsn, 0x1000);
		assert_int_equal(p.prev_end_lsn, 0x1000);
		assert_int_equal(p.records, 0);
	}
	assert_int_equal(ack_flush_lsn(f->ledger), 0x1000);
}

/*
 * A heartbeat is in a Kafka transaction, so one is ended for it; its position
 * is as far as idle WAL is known, and counts no event.
 */
static void
position_goes_with_a_heartbeat(void **state)
{
	struct forward *f = stream();
	struct position p;

	(void) state;
	f->now_ms += 1000;
	ack_keepalive(f->ledger, 0x1800);
	forward_position_cut(f, true, false);
	assert_int_equal(t.commits, 0); /* idle for too short a time */
	forward_position_add_heartbeat(f, 50);
	f->now_ms += SILENT_MS;
	forward_position_cut(f, true, false);
	assert_int_equal(t.commits, 1);
	assert_int_equal(ack_flush_lsn(f->ledger), 0x1000);
	p = committed(0, 0);
	assert_int_equal(p.end_lsn, 0x1800);
	assert_int_equal(p.records, 0);
	assert_int_equal(ack_flush_lsn(f->ledger), 0x1800);
}

/* Nor does a heartbeat between the changes of a transaction harm the split. */
static void
position_of_a_heartbeat_in_a_transaction_is_before_it(void **state)
{
	struct forward *f;
	struct position p;

	split_after_two(state);
	f = stream();
	begin(0x2000);
	assert_false(change(0x1100));
	forward_position_add_heartbeat(f, 50);
	f->now_ms += SPLIT_MS;
	forward_position_cut(f, false, false);
	assert_int_equal(t.commits, 2);
	p = committed(0, 0);
	assert_int_equal(p.end_lsn, 0x1000);
	assert_int_equal(p.partial.changes, 2);
	assert_int_equal(p.partial.hash, t.stored.partial.hash);
	assert_false(change(0x1200));
	assert_true(change(0x1300));
	assert_false(t.unsafe);
}

/* At least once, with a transaction of one record that is handed over. */
static struct forward *
stream_alone(uint64_t end_lsn)
{
	struct forward *f = stream();

	f->delivery.exactly_once = false;
	begin(end_lsn);
	assert_true(change(end_lsn - 0x80));
	commit();
	return f;
}

/* The position goes out, says this, and Kafka has it. */
static void
assert_stored(uint64_t end_lsn)
{
	int commits = t.commits;

	assert_true(forward_position_due_ms(t.f) <= t.f->now_ms);
	forward_position_cut(t.f, true, false);
	assert_int_equal(t.commits, commits + 1);
	assert_int_equal(forward_position_due_ms(t.f), INT64_MAX);
	assert_int_equal(committed(0, 0).end_lsn, end_lsn);
	assert_int_equal(ack_flush_lsn(t.f->ledger), end_lsn);
}

static void
assert_stores_nothing(void)
{
	int commits = t.commits;

	forward_position_cut(t.f, true, false);
	assert_int_equal(t.commits, commits);
}

/*
 * At least once, what Kafka has is stored in a tenth of a second, also where
 * it was handed over before the last position was made.
 */
static void
position_at_least_once_is_stored_soon(void **state)
{
	struct forward *f = stream_alone(0x2000);
	uint64_t		first = f->ticket;

	(void) state;
	f->now_ms += IDLE_INTERVAL_MS - 1;
	assert_stores_nothing(); /* Kafka does not have it */
	assert_int_equal(forward_position_due_ms(f), INT64_MAX);
	begin(0x3000);
	assert_true(change(0x2f00));
	commit();
	ack_report(f->ledger, first, true);
	assert_stored(0x2000);
	assert_int_equal(forward_position_due_ms(f), INT64_MAX);

	f->now_ms += 10;
	ack_report(f->ledger, f->ticket, true);
	assert_stores_nothing();
	assert_int_equal(forward_position_due_ms(f), f->now_ms - 10 + ALONE_MS);
	f->now_ms += ALONE_MS - 10;
	assert_stored(0x3000);
}

/* The stream was lost between the two. */
static void
position_at_least_once_is_stored_soon_after_a_loss(void **state)
{
	struct forward *f = stream_alone(0x2000);

	(void) state;
	forward_position_stream_dropped(f);
	ack_report(f->ledger, f->ticket, true);
	f->now_ms += ALONE_MS;
	assert_stores_nothing();
	forward_position_stream_begun(f);
	f->now_ms += ALONE_MS;
	assert_stored(0x2000);
}

/* WAL that is none of ours is not worth a record each time. */
static void
position_at_least_once_of_idle_wal_is_stored_seldom(void **state)
{
	struct forward *f = stream_alone(0x2000);

	(void) state;
	ack_report(f->ledger, f->ticket, true);
	f->now_ms += ALONE_MS;
	assert_stored(0x2000);
	ack_keepalive(f->ledger, 0x2100);
	f->now_ms += IDLE_INTERVAL_MS - 1;
	assert_stores_nothing();
	assert_int_equal(forward_position_due_ms(f), INT64_MAX);
	f->now_ms += 1;
	forward_position_cut(f, true, false);
	assert_int_equal(committed(0, 0).end_lsn, 0x2100);
}

/* Exactly once was switched off within it. */
static void
position_at_least_once_passes_over_what_is_published(void **state)
{
	struct forward *f;

	split_after_two(state);
	f = stream();
	f->delivery.exactly_once = false;
	begin(0x2000);
	assert_false(change(0x1100));
	assert_false(change(0x1200));
	assert_true(change(0x1300));
	commit();
	assert_false(t.unsafe);
	ack_report(f->ledger, f->ticket, true);
	f->now_ms += ALONE_MS;
	assert_stored(0x2000);
	assert_int_equal(f->delivery.next.partial.end_lsn, 0);
}

static void
position_at_least_once_stops_at_a_replay_that_does_not_come(void **state)
{
	struct forward *f;

	split_after_two(state);
	f = stream();
	f->delivery.exactly_once = false;
	ack_keepalive(f->ledger, 0x2000);
	forward_position_cut(f, true, false);
	assert_true(t.unsafe);
	assert_int_equal(t.commits, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(position_is_stored_soon_when_nothing_more_is_to_be_read),
		TEST(position_is_stored_later_when_the_server_is_merely_silent),
		TEST(position_of_a_backlog_is_stored_less_often),
		TEST(position_of_no_backlog_is_stored_in_time),
		TEST(position_says_what_must_be_settled_before_the_start),
		TEST(position_counts_what_is_published_in_part_as_settled),
		TEST(position_that_is_missing_leaves_it_to_the_slot_what_is_settled),
		TEST(position_of_what_was_never_published_settles_all),
		TEST(position_of_the_cluster_before_says_what_is_settled),
		TEST(position_of_the_cluster_before_counts_its_part),
		TEST(position_tells_the_next_sink_what_was_ended),
		TEST(position_of_at_least_once_settles_nothing),
		TEST(transaction_is_cut_where_it_is_due_only),
		TEST(transactions_end_by_size_and_by_age),
		TEST(position_that_finds_no_room_bars_what_comes_after),
		TEST(position_that_is_missing_is_the_slots_at_least_once),
		TEST(position_of_another_cluster_is_refused_in_both_modes),
		TEST(position_below_that_of_another_cluster_is_warned_of),
		TEST(position_of_a_slot_that_may_not_be_created_is_taken_back),
		TEST(position_of_a_slot_that_is_there_is_not_taken_back),
		TEST(position_of_a_split_transaction_says_how_far_it_is),
		TEST(position_lets_pass_over_what_is_published),
		TEST(position_of_a_process_that_was_overtaken_is_forgotten),
		TEST(position_that_is_gone_when_overtaken_is_not_made_up),
		TEST(position_stops_at_a_replay_that_differs),
		TEST(position_stops_at_a_replay_by_another_plugin),
		TEST(position_stops_where_another_transaction_comes),
		TEST(position_stops_at_a_replay_that_does_not_come),
		TEST(position_of_idle_wal_keeps_what_is_published_in_part),
		TEST(position_says_nothing_of_a_transaction_without_a_change),
		TEST(position_is_stored_again_after_an_hour_without_any_news),
		TEST(position_goes_with_a_heartbeat),
		TEST(position_of_a_heartbeat_in_a_transaction_is_before_it),
		TEST(position_is_not_looked_for_in_vain_while_the_sink_is_full),
		TEST(position_at_least_once_is_stored_soon),
		TEST(position_at_least_once_is_stored_soon_after_a_loss),
		TEST(position_at_least_once_of_idle_wal_is_stored_seldom),
		TEST(position_at_least_once_passes_over_what_is_published),
		TEST(position_at_least_once_stops_at_a_replay_that_does_not_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
