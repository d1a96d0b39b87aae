/* links: decode condense schema buf wire */
/*
 * Streams to changes: positions, LSNs, tuples, counts, fragments, and every
 * way in which a stream can be wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "wire_stream.h"

#define LIMIT ((size_t) 1 << 20)
#define PG_EPOCH_US INT64_C(946684800000000)

/* A stream in the making: one frame, and what its commit has to say. */
struct stream
{
	uint8_t			   space[65536];
	struct wire_writer w;
	struct wire_counts counts;
};

static void
frame_begin(struct stream *s)
{
	wire_writer_init(&s->w, s->space, sizeof(s->space));
	wire_put_u8(&s->w, WIRE_FRAME_MESSAGES);
}

/* The decoder gets its own copy of exactly that size, for ASan. */
static uint8_t *
feed(struct decode *d, const struct stream *s)
{
	size_t	 len = wire_writer_len(&s->w);
	uint8_t *frame = malloc(len);

	assert_false(s->w.overflow);
	memcpy(frame, s->space, len);
	decode_feed(d, frame, len);
	return frame;
}

static void
put_header(struct stream *s)
{
	struct wire_header h = {
		.version = WIRE_VERSION,
		.server_version_num = 150020,
		.system_id = UINT64_C(7300000000000000001),
		.timeline = 3,
		.database_oid = 5,
		.database = STR("db\xc3\xa4"),
		.encoding = STR("UTF8"),
		.byte_order = 'L',
		.plugin_version = STR("1.0"),
		.noptions = 2,
	};
	struct wire_option o = {STR("messages"), STR("true")};

	wire_write_header(&s->w, &h);
	wire_write_option(&s->w, &o);
	wire_write_option(&s->w, &o);
}

static void
put_begin(struct stream *s, uint64_t xid, uint64_t commit_lsn,
		  uint64_t end_lsn, const char *origin)
{
	struct wire_txn txn = {
		.xid = xid,
		.commit_lsn = commit_lsn,
		.end_lsn = end_lsn,
		.commit_time_us = 1000000,
		.origin_lsn = origin != NULL ? 77 : 0,
		.origin = origin != NULL ? STR(origin) : STR(""),
	};

	wire_write_begin(&s->w, &txn);
	s->counts = (struct wire_counts){0};
}

static void
put_commit(struct stream *s)
{
	wire_write_commit(&s->w, &s->counts);
}

/* id bigint key, k int not null in the identity too, v text, g virtual */
static const int16_t widths[] = {8, 4, -1, 4};
static const int16_t key_widths[] = {8, 4};

static void
put_relation(struct stream *s, uint32_t id, char identity)
{
	uint8_t			   all = identity == 'f' ? WIRE_COLUMN_IDENTITY : 0;
	struct wire_column columns[] = {
		stream_column("id", 20, "int8", 8, 1, WIRE_COLUMN_IDENTITY),
		stream_column("k", 23, "int4", 4, 0, WIRE_COLUMN_IDENTITY),
		stream_column("v", 25, "text", -1, 0, all),
		stream_column("g", 23, "int4", 4, 0, WIRE_COLUMN_VIRTUAL),
	};

	stream_relation(&s->w, id, "t", identity, columns, COUNT(columns));
}

static const struct wire_value gone = {.tag = WIRE_VALUE_UNCHANGED};
static const struct wire_value null = {.tag = WIRE_VALUE_NULL};
static const struct wire_value same = {.tag = WIRE_VALUE_SAME};

#define ID stream_value("\1\0\0\0\0\0\0\0", 8)
#define ID2 stream_value("\2\0\0\0\0\0\0\0", 8)
#define K stream_value("\5\0\0\0", 4)
#define V stream_value("hello", 5)

static void
put_row(struct stream *s, char op, uint8_t flags, uint32_t id, int64_t delta,
		const struct wire_value *old, const struct wire_value *new)
{
	struct wire_row row = {.op = op,
						   .flags = flags,
						   .schema_id = id,
						   .lsn_delta = delta};
	size_t			start = wire_writer_len(&s->w);
	bool			wide = flags & WIRE_ROW_WIDE;

	wire_write_row(&s->w, &row);
	if (flags & WIRE_ROW_OLD_KEY)
		wire_write_tuple(&s->w, 2, key_widths, wide, old);
	if (flags & WIRE_ROW_OLD_FULL)
		wire_write_tuple(&s->w, 4, widths, wide, old);
	if (new != NULL)
		wire_write_tuple(&s->w, 4, widths, wide, new);
	s->counts.changes++;
	s->counts.bytes += wire_writer_len(&s->w) - start;
}

static void
put_insert(struct stream *s, uint32_t id, int64_t delta)
{
	const struct wire_value row[] = {ID, K, V, gone};

	put_row(s, WIRE_INSERT, 0, id, delta, NULL, row);
}

static void
put_truncate(struct stream *s, int64_t delta, const uint32_t *ids, uint32_t n)
{
	struct wire_truncate t = {.lsn_delta = delta, .nrelations = n};
	size_t				 start = wire_writer_len(&s->w);

	wire_write_truncate(&s->w, &t);
	for (uint32_t i = 0; i < n; i++)
		wire_put_varint(&s->w, ids[i]);
	s->counts.changes += n;
	s->counts.bytes += wire_writer_len(&s->w) - start;
}

static void
put_message(struct stream *s, uint8_t flags, uint64_t lsn)
{
	struct wire_message m = {.flags = flags,
							 .lsn = lsn,
							 .prefix = STR("pre"),
							 .content = {"a\0b", 3}};
	size_t				start = wire_writer_len(&s->w);

	wire_write_message(&s->w, &m);
	s->counts.changes++;
	s->counts.bytes += wire_writer_len(&s->w) - start;
}

static uint32_t
timeline_of(void *arg, uint64_t lsn)
{
	return lsn <= *(uint64_t *) arg ? 3 : 4;
}

static void
assert_position(const struct decode *d, uint32_t timeline, uint64_t end_lsn,
				uint64_t ordinal)
{
	const struct change *c = decode_change(d);

	assert_int_equal(c->position.timeline, timeline);
	assert_int_equal(c->position.end_lsn, end_lsn);
	assert_int_equal(c->position.ordinal, ordinal);
	assert_int_equal(c->position.part, 0);
	assert_ptr_equal(c->txn, decode_transaction(d));
	assert_int_equal(c->txn->end_lsn, end_lsn);
}

static void
assert_value(const struct change_value *v, enum change_value_state state,
			 const void *data, size_t len)
{
	assert_int_equal(v->state, state);
	assert_int_equal(v->len, len);
	if (len > 0)
		assert_memory_equal(v->data, data, len);
}

#define NEXT(d, event) assert_int_equal(decode_next(d), event)

/* A decoder behind its header, and the frame that it was in. */
static struct decode *
started(struct stream *s)
{
	struct decode *d = decode_new(NULL, NULL, NULL, LIMIT);
	uint8_t		  *frame;

	frame_begin(s);
	put_header(s);
	frame = feed(d, s);
	NEXT(d, DECODE_HEADER);
	NEXT(d, DECODE_MORE);
	free(frame);
	return d;
}

static void
decode_hands_out_what_the_header_says(void **state)
{
	struct stream				s;
	struct decode			   *d = decode_new(NULL, NULL, NULL, LIMIT);
	uint8_t					   *frame;
	const struct decode_header *h;

	(void) state;
	NEXT(d, DECODE_MORE);
	frame_begin(&s);
	put_header(&s);
	frame = feed(d, &s);
	NEXT(d, DECODE_HEADER);
	free(frame);
	h = decode_header(d);
	assert_int_equal(h->version, WIRE_VERSION);
	assert_int_equal(h->server_version_num, 150020);
	assert_true(h->system_id == UINT64_C(7300000000000000001));
	assert_int_equal(h->timeline, 3);
	assert_string_equal(h->database, "db\xc3\xa4");
	assert_string_equal(h->encoding, "UTF8");
	assert_int_equal(h->byte_order, 'L');
	assert_string_equal(h->plugin_version, "1.0");
	decode_free(d);
	decode_free(NULL);
}

static void
decode_numbers_changes_and_adds_up_lsns(void **state)
{
	struct stream  s;
	uint64_t	   switch_lsn = 1100;
	struct decode *d = decode_new(NULL, timeline_of, &switch_lsn, LIMIT);
	uint8_t		  *frame;

	(void) state;
	frame_begin(&s);
	put_header(&s);
	put_relation(&s, 1, 'd');
	put_begin(&s, UINT64_C(0x100000005), 1000, 1100, NULL);
	put_insert(&s, 1, -300); /* rows lie before the commit record */
	put_insert(&s, 1, 0);
	put_insert(&s, 1, 120);
	put_commit(&s);
	put_begin(&s, 6, 1200, 1300, "node_b");
	put_insert(&s, 1, -50);
	put_commit(&s);

	frame = feed(d, &s);
	NEXT(d, DECODE_HEADER);
	NEXT(d, DECODE_RELATION);
	assert_string_equal(decode_relation(d)->relation.name, "t");
	NEXT(d, DECODE_BEGIN);
	assert_true(decode_transaction(d)->xid == UINT64_C(0x100000005));
	assert_int_equal(decode_transaction(d)->commit_lsn, 1000);
	assert_int_equal(decode_transaction(d)->previous_end_lsn, 0);
	assert_true(decode_transaction(d)->commit_time_us ==
				PG_EPOCH_US + 1000000);
	assert_null(decode_transaction(d)->origin);
	NEXT(d, DECODE_CHANGE);
	assert_position(d, 3, 1100, 0);
	assert_int_equal(decode_change(d)->op, CHANGE_INSERT);
	assert_int_equal(decode_change(d)->lsn, 700);
	NEXT(d, DECODE_CHANGE);
	assert_position(d, 3, 1100, 1);
	assert_int_equal(decode_change(d)->lsn, 700);
	NEXT(d, DECODE_CHANGE);
	assert_position(d, 3, 1100, 2);
	assert_int_equal(decode_change(d)->lsn, 820);
	NEXT(d, DECODE_COMMIT);
	NEXT(d, DECODE_BEGIN);
	assert_int_equal(decode_transaction(d)->previous_end_lsn, 1100);
	assert_string_equal(decode_transaction(d)->origin, "node_b");
	assert_int_equal(decode_transaction(d)->origin_lsn, 77);
	NEXT(d, DECODE_CHANGE);
	assert_position(d, 4, 1300, 0);
	assert_int_equal(decode_change(d)->lsn, 1150);
	NEXT(d, DECODE_COMMIT);
	NEXT(d, DECODE_MORE);
	NEXT(d, DECODE_MORE);
	free(frame);
	decode_free(d);
}

static void
decode_transaction_may_span_frames(void **state)
{
	struct stream  s;
	struct decode *d = started(&s);
	uint8_t		  *frame;

	(void) state;
	frame_begin(&s);
	put_relation(&s, 1, 'd');
	put_begin(&s, 5, 1000, 1100, NULL);
	put_insert(&s, 1, -10);
	frame = feed(d, &s);
	NEXT(d, DECODE_RELATION);
	NEXT(d, DECODE_BEGIN);
	NEXT(d, DECODE_CHANGE);
	NEXT(d, DECODE_MORE);
	free(frame);

	frame_begin(&s);
	put_insert(&s, 1, 4);
	put_commit(&s);
	frame = feed(d, &s);
	NEXT(d, DECODE_CHANGE);
	assert_position(d, 3, 1100, 1);
	assert_int_equal(decode_change(d)->lsn, 994);
	NEXT(d, DECODE_COMMIT);
	NEXT(d, DECODE_MORE);
	free(frame);
	decode_free(d);
}

static void
decode_spreads_an_old_key_over_the_columns(void **state)
{
	const struct wire_value key[] = {ID, K};
	const struct wire_value row[] = {gone, K, null, gone};
	struct stream			s;
	struct decode		   *d = started(&s);
	uint8_t				   *frame;
	const struct change	   *c;

	(void) state;
	frame_begin(&s);
	put_relation(&s, 1, 'd');
	put_begin(&s, 5, 1000, 1100, NULL);
	put_row(&s, WIRE_UPDATE, WIRE_ROW_OLD_KEY, 1, 0, key, row);
	put_row(&s, WIRE_DELETE, WIRE_ROW_OLD_KEY, 1, 0, key, NULL);
	put_row(&s, WIRE_UPDATE, 0, 1, 0, NULL, row);
	put_row(&s, WIRE_DELETE, 0, 1, 0, NULL, NULL);
	put_commit(&s);
	frame = feed(d, &s);
	NEXT(d, DECODE_RELATION);
	NEXT(d, DECODE_BEGIN);

	NEXT(d, DECODE_CHANGE);
	c = decode_change(d);
	assert_int_equal(c->op, CHANGE_UPDATE);
	assert_ptr_equal(c->relation, &decode_relation(d)->relation);
	assert_value(&c->before[0], CHANGE_VALUE, ID.data, 8);
	assert_value(&c->before[1], CHANGE_VALUE, K.data, 4);
	assert_value(&c->before[2], CHANGE_ABSENT, NULL, 0);
	assert_value(&c->before[3], CHANGE_ABSENT, NULL, 0);

	/* What was not rewritten is what the old key has. */
	assert_value(&c->after[0], CHANGE_VALUE, ID.data, 8);
	assert_value(&c->after[2], CHANGE_NULL, NULL, 0);
	assert_value(&c->after[3], CHANGE_ABSENT, NULL, 0);

	NEXT(d, DECODE_CHANGE);
	c = decode_change(d);
	assert_int_equal(c->op, CHANGE_DELETE);
	assert_value(&c->before[0], CHANGE_VALUE, ID.data, 8);
	assert_value(&c->before[2], CHANGE_ABSENT, NULL, 0);
	assert_null(c->after);

	NEXT(d, DECODE_CHANGE);
	c = decode_change(d);
	assert_null(c->before);
	assert_value(&c->after[0], CHANGE_UNCHANGED, NULL, 0);

	NEXT(d, DECODE_CHANGE);
	c = decode_change(d);
	assert_null(c->before);
	assert_null(c->after);
	NEXT(d, DECODE_COMMIT);
	free(frame);
	decode_free(d);
}

static void
decode_takes_equal_values_from_the_old_row(void **state)
{
	const struct wire_value old[] = {ID, K, V, gone};
	const struct wire_value row[] = {ID2, same, same, gone};
	struct stream			s;
	struct decode		   *d = started(&s);
	uint8_t				   *frame;
	const struct change	   *c;

	(void) state;
	frame_begin(&s);
	put_relation(&s, 1, 'f');
	put_begin(&s, 5, 1000, 1100, NULL);
	put_row(&s, WIRE_UPDATE, WIRE_ROW_OLD_FULL, 1, 0, old, row);
	put_commit(&s);
	frame = feed(d, &s);
	NEXT(d, DECODE_RELATION);
	NEXT(d, DECODE_BEGIN);
	NEXT(d, DECODE_CHANGE);
	c = decode_change(d);
	assert_value(&c->before[0], CHANGE_VALUE, ID.data, 8);
	assert_value(&c->before[2], CHANGE_VALUE, "hello", 5);
	assert_value(&c->before[3], CHANGE_ABSENT, NULL, 0);
	assert_value(&c->after[0], CHANGE_VALUE, ID2.data, 8);
	assert_value(&c->after[1], CHANGE_VALUE, K.data, 4);
	assert_value(&c->after[2], CHANGE_VALUE, "hello", 5);
	assert_value(&c->after[3], CHANGE_ABSENT, NULL, 0);
	NEXT(d, DECODE_COMMIT);
	free(frame);
	decode_free(d);
}

static void
decode_shows_markers_of_wide_rows(void **state)
{
	const struct wire_value row[] = {ID,
									 {.tag = WIRE_VALUE_ERROR,
									  .data = (const uint8_t *) "22P02"},
									 {.tag = WIRE_VALUE_OVERSIZE,
									  .len = UINT64_C(5000000000)},
									 gone};
	struct stream			s;
	struct decode		   *d = started(&s);
	uint8_t				   *frame;
	const struct change	   *c;

	(void) state;
	frame_begin(&s);
	put_relation(&s, 1, 'd');
	put_begin(&s, 5, 1000, 1100, NULL);
	put_row(&s, WIRE_INSERT, WIRE_ROW_WIDE, 1, 0, NULL, row);
	put_commit(&s);
	frame = feed(d, &s);
	NEXT(d, DECODE_RELATION);
	NEXT(d, DECODE_BEGIN);
	NEXT(d, DECODE_CHANGE);
	c = decode_change(d);
	assert_value(&c->after[0], CHANGE_VALUE, ID.data, 8);
	assert_value(&c->after[1], CHANGE_ERROR, "22P02", 5);
	assert_int_equal(c->after[2].state, CHANGE_OVERSIZE);
	assert_true(c->after[2].len == UINT64_C(5000000000));
	NEXT(d, DECODE_COMMIT);
	free(frame);
	decode_free(d);
}

static void
decode_truncate_is_a_change_per_relation(void **state)
{
	const uint32_t ids[] = {2, 1};
	struct stream  s;
	struct decode *d = started(&s);
	uint8_t		  *frame;

	(void) state;
	frame_begin(&s);
	put_relation(&s, 1, 'd');
	put_relation(&s, 2, 'd');
	put_begin(&s, 5, 1000, 1100, NULL);
	put_insert(&s, 1, -100);
	put_truncate(&s, 30, ids, 2);
	put_insert(&s, 1, 5);
	put_commit(&s);
	frame = feed(d, &s);
	NEXT(d, DECODE_RELATION);
	NEXT(d, DECODE_RELATION);
	NEXT(d, DECODE_BEGIN);
	NEXT(d, DECODE_CHANGE);
	for (uint64_t i = 0; i < 2; i++)
	{
		NEXT(d, DECODE_CHANGE);
		assert_int_equal(decode_change(d)->op, CHANGE_TRUNCATE);
		assert_position(d, 3, 1100, 1 + i);
		assert_int_equal(decode_change(d)->lsn, 930);
		assert_int_equal(decode_change(d)->relation->id, ids[i]);
		assert_null(decode_change(d)->before);
		assert_null(decode_change(d)->after);
	}
	NEXT(d, DECODE_CHANGE);
	assert_position(d, 3, 1100, 3);
	assert_int_equal(decode_change(d)->lsn, 935);
	NEXT(d, DECODE_COMMIT);
	NEXT(d, DECODE_MORE);
	free(frame);
	decode_free(d);
}

static void
decode_message_is_in_its_transaction_or_is_one(void **state)
{
	struct stream		 s;
	struct decode		*d = started(&s);
	uint8_t				*frame;
	const struct change *c;

	(void) state;
	frame_begin(&s);
	put_relation(&s, 1, 'd');
	put_message(&s, 0, 900);
	put_begin(&s, 5, 1000, 1100, NULL);
	put_message(&s, WIRE_MESSAGE_TRANSACTIONAL, 950);
	put_insert(&s, 1, 10);
	put_commit(&s);
	frame = feed(d, &s);
	NEXT(d, DECODE_RELATION);

	NEXT(d, DECODE_BEGIN);
	assert_int_equal(decode_transaction(d)->xid, 0);
	assert_int_equal(decode_transaction(d)->end_lsn, 900);
	assert_int_equal(decode_transaction(d)->commit_time_us, 0);
	NEXT(d, DECODE_CHANGE);
	c = decode_change(d);
	assert_int_equal(c->op, CHANGE_MESSAGE);
	assert_position(d, 3, 900, 0);
	assert_int_equal(c->lsn, 900);
	assert_null(c->relation);
	assert_false(c->message.transactional);
	assert_int_equal(c->message.prefix_len, 3);
	assert_memory_equal(c->message.prefix, "pre", 3);
	assert_int_equal(c->message.content_len, 3);
	assert_memory_equal(c->message.content, "a\0b", 3);
	NEXT(d, DECODE_COMMIT);

	NEXT(d, DECODE_BEGIN);
	assert_int_equal(decode_transaction(d)->previous_end_lsn, 900);
	NEXT(d, DECODE_CHANGE);
	c = decode_change(d);
	assert_true(c->message.transactional);
	assert_position(d, 3, 1100, 0);
	assert_int_equal(c->lsn, 950);
	NEXT(d, DECODE_CHANGE);
	assert_int_equal(decode_change(d)->lsn, 960);
	assert_non_null(decode_change(d)->relation);
	NEXT(d, DECODE_COMMIT);
	NEXT(d, DECODE_MORE);
	free(frame);
	decode_free(d);
}

static void
decode_table_without_columns_has_rows(void **state)
{
	struct stream	s;
	struct decode  *d = started(&s);
	uint8_t		   *frame;
	struct wire_row row = {.op = WIRE_INSERT, .schema_id = 1};

	(void) state;
	frame_begin(&s);
	stream_relation(&s.w, 1, "empty", 'd', NULL, 0);
	put_begin(&s, 5, 1000, 1100, NULL);
	wire_write_row(&s.w, &row);
	frame = feed(d, &s);
	NEXT(d, DECODE_RELATION);
	NEXT(d, DECODE_BEGIN);
	NEXT(d, DECODE_CHANGE);
	assert_non_null(decode_change(d)->after);
	assert_null(decode_change(d)->before);
	NEXT(d, DECODE_MORE);
	free(frame);
	decode_free(d);
}

/* ------------------------------------------------------------- fragments */

/* Feed 'len' bytes of a message from 'offset' on as one fragment. */
static uint8_t *
feed_fragment(struct decode *d, const uint8_t *message, uint64_t total,
			  uint64_t offset, size_t len)
{
	uint8_t			  *frame = malloc(WIRE_FRAGMENT_HEAD + len);
	struct wire_writer w;

	wire_writer_init(&w, frame, WIRE_FRAGMENT_HEAD + len);
	wire_write_fragment_head(&w, total, offset);
	wire_put_bytes(&w, message + offset, len);
	decode_feed(d, frame, wire_writer_len(&w));
	return frame;
}

static void
decode_puts_fragments_together(void **state)
{
	struct stream s;

	(void) state;
	for (size_t step = 1; step < 40; step += 3)
	{
		struct decode *d = started(&s);
		uint8_t		  *frame;
		const uint8_t *message;
		size_t		   total;
		size_t		   at;

		frame_begin(&s);
		put_relation(&s, 1, 'd');
		put_begin(&s, 5, 1000, 1100, NULL);
		frame = feed(d, &s);
		NEXT(d, DECODE_RELATION);
		NEXT(d, DECODE_BEGIN);
		NEXT(d, DECODE_MORE);
		free(frame);

		frame_begin(&s);
		put_insert(&s, 1, -10);
		message = s.space + 1;
		total = wire_writer_len(&s.w) - 1;
		for (at = 0; at < total; at += step)
		{
			size_t n = total - at < step ? total - at : step;

			frame = feed_fragment(d, message, total, at, n);
			if (at + n < total)
				NEXT(d, DECODE_MORE);
			else
				NEXT(d, DECODE_CHANGE);
			free(frame);
		}
		assert_value(&decode_change(d)->after[2], CHANGE_VALUE, "hello", 5);
		NEXT(d, DECODE_MORE);

		frame_begin(&s);
		put_commit(&s);
		frame = feed(d, &s);
		NEXT(d, DECODE_COMMIT);
		free(frame);
		decode_free(d);
	}
}

static void
decode_message_over_the_limit_is_named(void **state)
{
	struct stream  s;
	struct decode *d = started(&s);
	uint8_t		   piece[] = "R"; /* a relation has no short form */
	uint8_t		  *frame = feed_fragment(d, piece, LIMIT + 1, 0, 1);

	(void) state;
	NEXT(d, DECODE_FAILED);
	assert_non_null(strstr(decode_error(d), "1048577"));
	assert_non_null(strstr(decode_error(d), "1048576"));
	NEXT(d, DECODE_FAILED);
	free(frame);
	decode_free(d);
}

/* ------------------------------------------------- messages over the limit */

#define BIG ((size_t) 40000)

/* A decoder that holds no message larger than a few bytes. */
static struct decode *
started_small(struct stream *s, char identity)
{
	struct decode *d = decode_new(NULL, NULL, NULL, 16);
	uint8_t		  *frame;

	frame_begin(s);
	put_header(s);
	put_relation(s, 1, identity);
	put_begin(s, 5, 1000, 1100, NULL);
	frame = feed(d, s);
	NEXT(d, DECODE_HEADER);
	NEXT(d, DECODE_RELATION);
	NEXT(d, DECODE_BEGIN);
	NEXT(d, DECODE_MORE);
	free(frame);
	frame_begin(s);
	return d;
}

/*
 * Feed the message in 's' in fragments of 'step' bytes, the last of which is
 * left in *frame; returns the event that it causes.
 */
static enum decode_event
feed_in_steps(struct decode *d, const struct stream *s, size_t step,
			  uint8_t **frame)
{
	size_t			  total = wire_writer_len(&s->w) - 1;
	enum decode_event event = DECODE_MORE;

	assert_false(s->w.overflow);
	*frame = NULL;
	for (size_t at = 0; at < total && event == DECODE_MORE; at += step)
	{
		free(*frame);
		*frame = feed_fragment(d, s->space + 1, total, at,
							   total - at < step ? total - at : step);
		event = decode_next(d);
	}
	return event;
}

/* What the commit says of bytes is of all of them. */
static void
commit_fits(struct decode *d, struct stream *s, uint8_t *frame)
{
	NEXT(d, DECODE_MORE);
	free(frame);
	frame_begin(s);
	put_commit(s);
	frame = feed(d, s);
	NEXT(d, DECODE_COMMIT);
	free(frame);
	decode_free(d);
}

static const size_t steps[] = {1, 2, 7, 64, 10000, 65536};

static void
decode_row_over_the_limit_keeps_what_is_short(void **state)
{
	char *big = malloc(BIG);

	(void) state;
	memset(big, 'x', BIG);
	for (size_t i = 0; i < COUNT(steps); i++)
	{
		const struct wire_value row[] = {ID, K, stream_value(big, BIG), gone};
		struct stream			s;
		struct decode		   *d = started_small(&s, 'd');
		const struct change	   *c;
		uint8_t				   *frame;

		put_row(&s, WIRE_INSERT, 0, 1, -10, NULL, row);
		assert_int_equal(feed_in_steps(d, &s, steps[i], &frame),
						 DECODE_CHANGE);
		c = decode_change(d);
		assert_int_equal(c->op, CHANGE_INSERT);
		assert_true(c->condensed);
		assert_true(c->bytes == wire_writer_len(&s.w) - 1);
		assert_true(c->lsn == 990);
		assert_value(&c->after[0], CHANGE_VALUE, "\1\0\0\0\0\0\0\0", 8);
		assert_value(&c->after[1], CHANGE_VALUE, "\5\0\0\0", 4);
		assert_int_equal(c->after[2].state, CHANGE_OVERSIZE);
		assert_true(c->after[2].len == BIG);
		assert_int_equal(c->after[3].state, CHANGE_ABSENT);
		assert_false(decode_is_holding(d));
		commit_fits(d, &s, frame);
	}
	free(big);
}

static void
decode_row_over_the_limit_keeps_both_images(void **state)
{
	char *big = malloc(BIG / 2);

	(void) state;
	memset(big, 'x', BIG / 2);
	for (size_t i = 0; i < COUNT(steps); i++)
	{
		const struct wire_value old[] = {ID, K, stream_value(big, BIG / 2),
										 gone};
		const struct wire_value new[] = {ID2, null, same, gone};
		const struct wire_value key[] = {ID, K};
		const struct wire_value huge[] = {ID2, K, stream_value(big, BIG / 2),
										  gone};
		struct stream			s;
		struct decode		   *d = started_small(&s, 'f');
		const struct change	   *c;
		uint8_t				   *frame;

		/* What is the same as a value that was left out was left out too. */
		put_row(&s, WIRE_UPDATE, WIRE_ROW_OLD_FULL, 1, 0, old, new);
		assert_int_equal(feed_in_steps(d, &s, steps[i], &frame),
						 DECODE_CHANGE);
		c = decode_change(d);
		assert_int_equal(c->op, CHANGE_UPDATE);
		assert_value(&c->before[0], CHANGE_VALUE, "\1\0\0\0\0\0\0\0", 8);
		assert_int_equal(c->before[2].state, CHANGE_OVERSIZE);
		assert_value(&c->after[0], CHANGE_VALUE, "\2\0\0\0\0\0\0\0", 8);
		assert_int_equal(c->after[1].state, CHANGE_NULL);
		assert_int_equal(c->after[2].state, CHANGE_OVERSIZE);
		assert_true(c->after[2].len == BIG / 2);
		commit_fits(d, &s, frame);

		d = started_small(&s, 'd');
		put_row(&s, WIRE_UPDATE, WIRE_ROW_OLD_KEY, 1, 0, key, huge);
		assert_int_equal(feed_in_steps(d, &s, steps[i], &frame),
						 DECODE_CHANGE);
		c = decode_change(d);
		assert_value(&c->before[0], CHANGE_VALUE, "\1\0\0\0\0\0\0\0", 8);
		assert_int_equal(c->before[2].state, CHANGE_ABSENT);
		assert_value(&c->after[0], CHANGE_VALUE, "\2\0\0\0\0\0\0\0", 8);
		assert_int_equal(c->after[2].state, CHANGE_OVERSIZE);
		commit_fits(d, &s, frame);

		d = started_small(&s, 'f');
		put_row(&s, WIRE_DELETE, WIRE_ROW_OLD_FULL, 1, 0, old, NULL);
		assert_int_equal(feed_in_steps(d, &s, steps[i], &frame),
						 DECODE_CHANGE);
		c = decode_change(d);
		assert_int_equal(c->op, CHANGE_DELETE);
		assert_int_equal(c->before[2].state, CHANGE_OVERSIZE);
		assert_null(c->after);
		commit_fits(d, &s, frame);
	}
	free(big);
}

static void
decode_row_over_the_limit_keeps_markers(void **state)
{
	static const struct wire_value error = {WIRE_VALUE_ERROR,
											(const uint8_t *) "22P02", 5};
	static const struct wire_value oversize = {WIRE_VALUE_OVERSIZE, NULL,
											   123456};

	(void) state;
	for (size_t i = 0; i < COUNT(steps); i++)
	{
		const struct wire_value row[] = {ID, error, oversize, gone};
		struct stream			s;
		struct decode		   *d = started_small(&s, 'd');
		const struct change	   *c;
		uint8_t				   *frame;

		put_row(&s, WIRE_INSERT, WIRE_ROW_WIDE, 1, 0, NULL, row);
		assert_int_equal(feed_in_steps(d, &s, steps[i], &frame),
						 DECODE_CHANGE);
		c = decode_change(d);
		assert_value(&c->after[1], CHANGE_ERROR, "22P02", 5);
		assert_int_equal(c->after[2].state, CHANGE_OVERSIZE);
		assert_true(c->after[2].len == 123456);
		commit_fits(d, &s, frame);
	}
}

static void
decode_message_over_the_limit_keeps_its_prefix(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT(steps); i++)
	{
		struct stream		 s;
		struct decode		*d = started_small(&s, 'd');
		const struct change *c;
		uint8_t				*frame;

		put_message(&s, WIRE_MESSAGE_TRANSACTIONAL, 999);
		assert_int_equal(feed_in_steps(d, &s, steps[i], &frame),
						 DECODE_CHANGE);
		c = decode_change(d);
		assert_int_equal(c->op, CHANGE_MESSAGE);
		assert_true(c->condensed);
		assert_true(c->lsn == 999);
		assert_int_equal(c->message.prefix_len, 3);
		assert_memory_equal(c->message.prefix, "pre", 3);
		assert_int_equal(c->message.content_len, 0);
		commit_fits(d, &s, frame);
	}
}

static void
decode_broken_row_over_the_limit_is_refused(void **state)
{
	char *big = malloc(BIG);

	(void) state;
	memset(big, 'x', BIG);
	for (size_t i = 0; i < COUNT(steps); i++)
	{
		const struct wire_value row[] = {ID, K, stream_value(big, BIG), gone};
		struct stream			s;
		struct decode		   *d = started_small(&s, 'd');
		uint8_t				   *frame;

		/* of a relation that nobody knows */
		put_row(&s, WIRE_INSERT, 0, 9, 0, NULL, row);
		assert_int_equal(feed_in_steps(d, &s, steps[i], &frame),
						 DECODE_FAILED);
		assert_non_null(strstr(decode_error(d), "no relation has schema id"));
		free(frame);
		decode_free(d);

		/* longer, and shorter, than what it holds */
		d = started_small(&s, 'd');
		put_row(&s, WIRE_INSERT, 0, 1, 0, NULL, row);
		wire_put_u8(&s.w, 0);
		assert_int_equal(feed_in_steps(d, &s, steps[i], &frame),
						 DECODE_FAILED);
		assert_non_null(strstr(decode_error(d), "bytes after its end"));
		free(frame);
		decode_free(d);
		d = started_small(&s, 'd');
		put_row(&s, WIRE_INSERT, 0, 1, 0, NULL, row);
		s.w.p--;
		assert_int_equal(feed_in_steps(d, &s, steps[i], &frame),
						 DECODE_FAILED);
		assert_non_null(strstr(decode_error(d), "ends before"));
		free(frame);
		decode_free(d);
	}
	free(big);
}

static void
decode_gives_a_large_message_back_when_told(void **state)
{
	static uint8_t	   space[(5 << 20) + 64];
	char			  *big = malloc(5 << 20);
	struct wire_writer w;
	struct wire_row	   head = {.op = WIRE_INSERT, .schema_id = 1};
	struct stream	   s;
	struct decode	  *d = decode_new(NULL, NULL, NULL, sizeof(space));
	uint8_t			  *frame;
	size_t			   total;

	(void) state;
	memset(big, 'x', 5 << 20);
	frame_begin(&s);
	put_header(&s);
	put_relation(&s, 1, 'd');
	put_begin(&s, 5, 1000, 1100, NULL);
	frame = feed(d, &s);
	NEXT(d, DECODE_HEADER);
	NEXT(d, DECODE_RELATION);
	NEXT(d, DECODE_BEGIN);
	NEXT(d, DECODE_MORE);
	free(frame);

	{
		const struct wire_value row[] = {ID, K, stream_value(big, 5 << 20),
										 gone};

		wire_writer_init(&w, space, sizeof(space));
		wire_write_row(&w, &head);
		wire_write_tuple(&w, 4, widths, false, row);
	}
	total = wire_writer_len(&w);
	for (size_t at = 0; at < total; at += 900000)
	{
		size_t n = total - at < 900000 ? total - at : 900000;

		frame = feed_fragment(d, space, total, at, n);
		NEXT(d, at + n < total ? DECODE_MORE : DECODE_CHANGE);
		free(frame);
	}
	assert_false(decode_change(d)->condensed);
	assert_true(decode_change(d)->after[2].len == 5 << 20);
	assert_true(decode_is_holding(d));
	decode_release(d);
	assert_false(decode_is_holding(d));
	NEXT(d, DECODE_MORE);
	free(big);
	decode_free(d);
}

static void
decode_refuses_fragments_out_of_turn(void **state)
{
	static const struct
	{
		uint64_t	first_total;
		uint64_t	first_offset;
		uint64_t	second_total; /* 0: a frame of messages */
		uint64_t	second_offset;
		const char *says;
	} cases[] = {
		{10, 4, 0, 0, "beginning"},
		{10, 0, 10, 5, "byte 5 of 10 where byte 4 of 10 is due"},
		{10, 0, 10, 0, "byte 0 of 10"},
		{10, 0, 11, 4, "byte 4 of 11"},
		{10, 0, 0, 0, "messages where byte 4"},
	};

	(void) state;
	for (size_t i = 0; i < COUNT(cases); i++)
	{
		struct stream	  s;
		struct decode	 *d = started(&s);
		uint8_t			  bytes[16] = "RRRRRRRRRRRRRRR";
		uint8_t			 *first = feed_fragment(d, bytes, cases[i].first_total,
												cases[i].first_offset, 4);
		uint8_t			 *second = NULL;
		enum decode_event event = decode_next(d);

		if (event == DECODE_MORE)
		{
			if (cases[i].second_total > 0)
				second = feed_fragment(d, bytes, cases[i].second_total,
									   cases[i].second_offset, 4);
			else
			{
				frame_begin(&s);
				second = feed(d, &s);
			}
			event = decode_next(d);
		}
		assert_int_equal(event, DECODE_FAILED);
		assert_non_null(strstr(decode_error(d), cases[i].says));
		free(first);
		free(second);
		decode_free(d);
	}
}

/* -------------------------------------------------------------- failures */

static void
put_nothing(struct stream *s)
{
	(void) s;
}

static void
put_second_header(struct stream *s)
{
	put_header(s);
}

static void
put_commit_alone(struct stream *s)
{
	put_commit(s);
}

static void
put_row_alone(struct stream *s)
{
	put_relation(s, 1, 'd');
	put_insert(s, 1, 0);
}

static void
put_begin_in_begin(struct stream *s)
{
	put_begin(s, 1, 10, 20, NULL);
	put_begin(s, 2, 30, 40, NULL);
}

static void
put_end_that_stands_still(struct stream *s)
{
	put_begin(s, 1, 10, 20, NULL);
	put_commit(s);
	put_begin(s, 2, 15, 20, NULL);
}

static void
put_message_that_stands_still(struct stream *s)
{
	put_begin(s, 1, 10, 20, NULL);
	put_commit(s);
	put_message(s, 0, 20);
}

static void
put_unknown_relation(struct stream *s)
{
	put_begin(s, 1, 10, 20, NULL);
	put_insert(s, 9, 0);
}

static void
put_truncate_of_unknown(struct stream *s)
{
	const uint32_t id = 9;

	put_begin(s, 1, 10, 20, NULL);
	put_truncate(s, 0, &id, 1);
}

static void
put_lost_change(struct stream *s)
{
	put_relation(s, 1, 'd');
	put_begin(s, 1, 10, 20, NULL);
	put_insert(s, 1, 0);
	s->counts.changes++;
	put_commit(s);
}

static void
put_wrong_bytes(struct stream *s)
{
	put_relation(s, 1, 'd');
	put_begin(s, 1, 10, 20, NULL);
	put_insert(s, 1, 0);
	s->counts.bytes--;
	put_commit(s);
}

static void
put_message_outside(struct stream *s)
{
	put_message(s, WIRE_MESSAGE_TRANSACTIONAL, 10);
}

static void
put_message_inside(struct stream *s)
{
	put_begin(s, 1, 10, 20, NULL);
	put_message(s, 0, 25);
}

static void
put_streamed_row(struct stream *s)
{
	const struct wire_value row[] = {ID, K, V, gone};

	put_relation(s, 1, 'd');
	put_begin(s, 1, 10, 20, NULL);
	put_row(s, WIRE_INSERT, WIRE_ROW_XID, 1, 0, NULL, row);
}

static void
put_stream_start(struct stream *s)
{
	wire_write_stream_start(&s->w, 7, true);
}

static void
put_prepare(struct stream *s)
{
	struct wire_txn txn = {.xid = 1, .commit_lsn = 10, .end_lsn = 20};

	wire_write_begin_prepare(&s->w, &txn, STR("gid"));
}

static void
put_unknown_tag(struct stream *s)
{
	wire_put_u8(&s->w, '?');
}

static const struct
{
	void (*put)(struct stream *s);
	enum decode_event last; /* FAILED, or MORE for what is no failure */
	const char		 *says;
} failures[] = {
	{put_nothing, DECODE_MORE, ""},
	{put_second_header, DECODE_FAILED, "second header"},
	{put_commit_alone, DECODE_FAILED, "no transaction has begun"},
	{put_row_alone, DECODE_FAILED, "no transaction has begun"},
	{put_begin_in_begin, DECODE_FAILED, "has not ended"},
	{put_end_that_stands_still, DECODE_FAILED, "0/14 is not beyond 0/14"},
	{put_message_that_stands_still, DECODE_FAILED, "logical message: end LSN"},
	{put_unknown_relation, DECODE_FAILED, "no relation has schema id 9"},
	{put_truncate_of_unknown, DECODE_FAILED, "no relation has schema id 9"},
	{put_lost_change, DECODE_FAILED, "2 changes in"},
	{put_wrong_bytes, DECODE_FAILED, "1 changes in"},
	{put_message_outside, DECODE_FAILED, "no transaction has begun"},
	{put_message_inside, DECODE_FAILED, "inside a transaction"},
	{put_streamed_row, DECODE_FAILED, "not enabled"},
	{put_stream_start, DECODE_FAILED,
	 "stream start message at byte 1: not "
	 "enabled"},
	{put_prepare, DECODE_FAILED,
	 "begin prepare message at byte 1: not "
	 "enabled"},
	{put_unknown_tag, DECODE_FAILED, "message tag"},
};

static enum decode_event
drain(struct decode *d)
{
	enum decode_event event;

	do
		event = decode_next(d);
	while (event != DECODE_FAILED && event != DECODE_MORE);
	return event;
}

static void
decode_refuses_what_breaks_the_order(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT(failures); i++)
	{
		struct stream  s;
		struct decode *d = started(&s);
		uint8_t		  *frame;

		frame_begin(&s);
		failures[i].put(&s);
		frame = feed(d, &s);
		assert_int_equal(drain(d), failures[i].last);
		if (strstr(decode_error(d), failures[i].says) == NULL)
			fail_msg("\"%s\" is not in \"%s\"", failures[i].says,
					 decode_error(d));
		free(frame);

		/* A new stream knows nothing of it. */
		decode_reset(d);
		assert_string_equal(decode_error(d), "");
		frame_begin(&s);
		put_header(&s);
		put_begin(&s, 1, 2, 3, NULL);
		put_commit(&s);
		frame = feed(d, &s);
		NEXT(d, DECODE_HEADER);
		NEXT(d, DECODE_BEGIN);
		assert_int_equal(decode_transaction(d)->previous_end_lsn, 0);
		NEXT(d, DECODE_COMMIT);
		NEXT(d, DECODE_MORE);
		free(frame);
		decode_free(d);
	}
}

static void
decode_wants_its_own_header(void **state)
{
	struct stream  s;
	struct decode *d = decode_new(NULL, NULL, NULL, LIMIT);
	uint8_t		  *frame;

	(void) state;
	frame_begin(&s);
	put_begin(&s, 1, 2, 3, NULL);
	frame = feed(d, &s);
	NEXT(d, DECODE_FAILED);
	assert_non_null(strstr(decode_error(d), "begins with a begin"));
	assert_false(decode_version_mismatch(d));
	free(frame);

	/* the version stands behind frame kind, tag and magic */
	decode_reset(d);
	frame_begin(&s);
	put_header(&s);
	s.space[6] = 9;
	frame = feed(d, &s);
	NEXT(d, DECODE_FAILED);
	assert_true(decode_version_mismatch(d));
	assert_non_null(strstr(decode_error(d), "protocol version 9"));
	free(frame);

	decode_reset(d);
	frame_begin(&s);
	put_header(&s);
	s.space[3] = 'X';
	frame = feed(d, &s);
	NEXT(d, DECODE_FAILED);
	assert_false(decode_version_mismatch(d));
	assert_non_null(strstr(decode_error(d), "not a walferry stream"));
	free(frame);
	decode_free(d);
}

/* Everything that a stream has, cut off and changed at every byte. */
static void
decode_survives_every_cut_and_every_changed_byte(void **state)
{
	const struct wire_value key[] = {ID, K};
	const struct wire_value old[] = {ID, K, V, gone};
	const struct wire_value row[] = {ID2, K, null, gone};
	const struct wire_value less[] = {ID2, same, same, gone};
	const uint32_t			ids[] = {1, 2};
	static struct stream	s;
	size_t					len;

	(void) state;
	frame_begin(&s);
	put_header(&s);
	put_relation(&s, 1, 'd');
	put_relation(&s, 2, 'f');
	put_message(&s, 0, 5);
	put_begin(&s, 5, 1000, 1100, "origin");
	put_insert(&s, 1, -100);
	put_row(&s, WIRE_UPDATE, WIRE_ROW_OLD_KEY, 1, 0, key, row);
	put_row(&s, WIRE_UPDATE, WIRE_ROW_OLD_FULL, 2, 0, old, less);
	put_row(&s, WIRE_DELETE, WIRE_ROW_OLD_KEY | WIRE_ROW_WIDE, 1, 0, key,
			NULL);
	put_truncate(&s, 0, ids, 2);
	put_message(&s, WIRE_MESSAGE_TRANSACTIONAL, 999);
	put_commit(&s);
	len = wire_writer_len(&s.w);

	for (size_t cut = 0; cut < len; cut++)
	{
		struct decode *d = decode_new(NULL, NULL, NULL, LIMIT);
		uint8_t		  *frame = malloc(cut ? cut : 1);

		memcpy(frame, s.space, cut);
		decode_feed(d, frame, cut);
		if (drain(d) == DECODE_FAILED)
			assert_true(strlen(decode_error(d)) > 10);
		free(frame);
		decode_free(d);
	}
	for (size_t at = 0; at < len; at++)
	{
		for (unsigned bit = 0; bit < 8; bit++)
		{
			struct decode *d = decode_new(NULL, NULL, NULL, LIMIT);
			uint8_t		  *frame = malloc(len);

			memcpy(frame, s.space, len);
			frame[at] ^= (uint8_t) (1 << bit);
			decode_feed(d, frame, len);
			(void) drain(d);
			free(frame);
			decode_free(d);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decode_hands_out_what_the_header_says),
		cmocka_unit_test(decode_numbers_changes_and_adds_up_lsns),
		cmocka_unit_test(decode_transaction_may_span_frames),
		cmocka_unit_test(decode_spreads_an_old_key_over_the_columns),
		cmocka_unit_test(decode_takes_equal_values_from_the_old_row),
		cmocka_unit_test(decode_shows_markers_of_wide_rows),
		cmocka_unit_test(decode_truncate_is_a_change_per_relation),
		cmocka_unit_test(decode_message_is_in_its_transaction_or_is_one),
		cmocka_unit_test(decode_table_without_columns_has_rows),
		cmocka_unit_test(decode_puts_fragments_together),
		cmocka_unit_test(decode_message_over_the_limit_is_named),
		cmocka_unit_test(decode_row_over_the_limit_keeps_what_is_short),
		cmocka_unit_test(decode_row_over_the_limit_keeps_both_images),
		cmocka_unit_test(decode_row_over_the_limit_keeps_markers),
		cmocka_unit_test(decode_message_over_the_limit_keeps_its_prefix),
		cmocka_unit_test(decode_broken_row_over_the_limit_is_refused),
		cmocka_unit_test(decode_gives_a_large_message_back_when_told),
		cmocka_unit_test(decode_refuses_fragments_out_of_turn),
		cmocka_unit_test(decode_refuses_what_breaks_the_order),
		cmocka_unit_test(decode_wants_its_own_header),
		cmocka_unit_test(decode_survives_every_cut_and_every_changed_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
