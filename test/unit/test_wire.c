/* links: wire */
/*
 * Every message, written and read; and everything that a reader must refuse,
 * with the field that it names and the offset.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "wire_stream.h"

#define SPACE 65536

/* ------------------------------------------------------------------ helpers */

static void
assert_str(struct wire_str s, const char *expected, size_t len)
{
	assert_int_equal(s.len, len);
	assert_memory_equal(s.data, expected, len);
}

static void
assert_same_str(struct wire_str a, struct wire_str b)
{
	assert_str(a, b.data, b.len);
}

static void
assert_refused(const struct wire_reader *r, const char *error,
			   const char *field, size_t at)
{
	assert_false(wire_reader_ok(r));
	assert_string_equal(r->error, error);
	assert_string_equal(r->error_field, field);
	assert_int_equal(r->error_at, at);
	/* sticky: nothing is left to read */
	assert_int_equal(wire_reader_left(r), 0);
}

static void
assert_read_to_its_end(struct wire_reader *r)
{
	if (!wire_read_end(r))
		fail_msg("%s: %s at byte %zu", r->error_field, r->error, r->error_at);
}

/* A copy of exactly that size: ASan sees what is read beyond it. */
static uint8_t *
exact(const void *data, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	assert_non_null(copy);
	if (len > 0)
		memcpy(copy, data, len);
	return copy;
}

#define NAME_MAX_LEN 1024
static char long_name[NAME_MAX_LEN + 1];

static struct wire_str
longest_name(void)
{
	memset(long_name, 'n', sizeof(long_name));
	return (struct wire_str){long_name, NAME_MAX_LEN};
}

/* ----------------------------------------------------------- the messages */

/*
 * One of each, with values at their limits where there are any.  'read' reads
 * one whole message behind its tag, as far as it can.
 */
struct sample
{
	enum wire_tag tag;
	void (*write)(struct wire_writer *w);
	void (*read)(struct wire_reader *r);
};

static const struct wire_txn plain_txn = {
	.xid = 0,
	.commit_lsn = 0,
	.end_lsn = 0,
	.commit_time_us = INT64_MIN,
	.origin = {"", 0},
};

static struct wire_txn
greatest_txn(void)
{
	return (struct wire_txn){
		.xid = UINT64_MAX,
		.commit_lsn = 1,
		.end_lsn = UINT64_MAX,
		.commit_time_us = INT64_MAX,
		.origin_lsn = UINT64_MAX - 1,
		.origin = longest_name(),
	};
}

static void
assert_txn(const struct wire_txn *a, const struct wire_txn *b)
{
	assert_true(a->xid == b->xid);
	assert_true(a->commit_lsn == b->commit_lsn);
	assert_true(a->end_lsn == b->end_lsn);
	assert_true(a->commit_time_us == b->commit_time_us);
	assert_true(a->origin_lsn == b->origin_lsn);
	assert_same_str(a->origin, b->origin);
}

static void
write_header(struct wire_writer *w)
{
	struct wire_header h = {
		.version = WIRE_VERSION,
		.server_version_num = UINT32_MAX,
		.system_id = UINT64_MAX,
		.timeline = 1,
		.database_oid = 5,
		.database = longest_name(),
		.encoding = STR(""),
		.byte_order = 'B',
		.plugin_version = STR("1.0"),
		.noptions = 2,
	};
	struct wire_option one = {STR("messages"), STR("")};
	struct wire_option two = {longest_name(), STR("x\xc3\xa4")};

	wire_write_header(w, &h);
	wire_write_option(w, &one);
	wire_write_option(w, &two);
}

static void
read_header(struct wire_reader *r)
{
	struct wire_header h;
	struct wire_option o;

	wire_read_header(r, &h);
	for (uint32_t i = 0; i < h.noptions; i++)
		wire_read_option(r, &o);
}

static struct wire_column
rich_column(void)
{
	return (struct wire_column){
		.name = STR("c"),
		.attnum = WIRE_COLUMNS_MAX,
		.flags = WIRE_COLUMN_FLAGS,
		.key_position = WIRE_COLUMNS_MAX,
		.key_only = true,
		.truncated = true,
		.chars = WIRE_CHARS_MAX,
		.hashed = true,
		.hash = WIRE_HASH_MAX,
		.not_masked = true,
		.encoding = WIRE_ENCODING_TEXT,
		.width = -1,
		.kind = 'd',
		.type = {UINT32_MAX, INT32_MIN, STR("s"), STR("t")},
		.base = {16384, INT32_MAX, STR(""), STR("b")},
		.element = {23, -1, STR("pg_catalog"), STR("int4")},
		.default_expr = STR("now()"),
		.nlabels = 3,
	};
}

static const char *const labels[] = {"", "sad", "happy"};

static size_t
write_rich(struct wire_writer *w, uint64_t *fingerprint)
{
	struct wire_relation rel = {
		.schema_id = WIRE_RELATIONS_MAX,
		.oid = UINT32_MAX,
		.kind = 'r',
		.identity = 'i',
		.flags = WIRE_RELATION_PARTITION,
		.schema = longest_name(),
		.name = STR("leaf"),
		.root_oid = 1,
		.root_schema = STR("public"),
		.root_name = STR("root"),
		.ncolumns = 2,
	};
	struct wire_column narrow = stream_column("n", 600, "point", 16, 0, 0);
	struct wire_column rich = rich_column();
	size_t			   start = wire_writer_len(w);

	wire_write_relation(w, &rel);
	wire_write_column(w, &narrow);
	wire_write_column(w, &rich);
	for (size_t i = 0; i < COUNT(labels); i++)
		wire_write_label(w, STR(labels[i]));
	*fingerprint = wire_write_relation_end(w, start);
	return start;
}

static void
write_relation(struct wire_writer *w)
{
	uint64_t fingerprint;

	write_rich(w, &fingerprint);
}

static void
read_relation(struct wire_reader *r)
{
	struct wire_relation rel;
	struct wire_column	 col;

	wire_read_relation(r, &rel);
	for (uint32_t i = 0; i < rel.ncolumns; i++)
		wire_read_column(r, &col);
	wire_read_relation_end(r, &rel);
}

static void
write_begin(struct wire_writer *w)
{
	struct wire_txn txn = greatest_txn();

	wire_write_begin(w, &txn);
}

static void
read_begin(struct wire_reader *r)
{
	struct wire_txn txn;

	wire_read_begin(r, &txn);
}

static const struct wire_counts greatest_counts = {UINT64_MAX, UINT64_MAX};

static void
write_commit(struct wire_writer *w)
{
	wire_write_commit(w, &greatest_counts);
}

static void
read_commit(struct wire_reader *r)
{
	struct wire_counts counts;

	wire_read_commit(r, &counts);
}

/* Five columns: more than one byte of tags. */
static const int16_t widths[] = {4, -1, 8, -1, 1};
static const int16_t key_widths[] = {4, 8};

#define INT4 stream_value("\1\2\3\4", 4)
#define INT8 stream_value("12345678", 8)
#define EMPTY stream_value("", 0)
#define TRUE stream_value("\1", 1)
#define IS(tag_) ((struct wire_value){.tag = (tag_)})

static void
write_insert(struct wire_writer *w)
{
	static char				long_text[300];
	const struct wire_value row[] = {INT4, stream_value(long_text, 300), INT8,
									 EMPTY, TRUE};
	struct wire_row			head = {.op = WIRE_INSERT,
									.schema_id = WIRE_RELATIONS_MAX,
									.lsn_delta = INT64_MIN};

	wire_write_row(w, &head);
	wire_write_tuple(w, 5, widths, false, row);
}

static void
write_update(struct wire_writer *w)
{
	const struct wire_value old[] = {INT4, EMPTY, IS(WIRE_VALUE_NULL),
									 stream_value("xyz", 3), TRUE};
	const struct wire_value new[] = {IS(WIRE_VALUE_SAME), IS(WIRE_VALUE_SAME),
									 INT8, IS(WIRE_VALUE_UNCHANGED),
									 IS(WIRE_VALUE_NULL)};
	struct wire_row head = {.op = WIRE_UPDATE,
							.flags = WIRE_ROW_OLD_FULL | WIRE_ROW_XID,
							.schema_id = 1,
							.lsn_delta = INT64_MAX,
							.xid = UINT64_MAX};

	wire_write_row(w, &head);
	wire_write_tuple(w, 5, widths, false, old);
	wire_write_tuple(w, 5, widths, false, new);
}

static void
write_delete(struct wire_writer *w)
{
	const struct wire_value key[] = {INT4,
									 {.tag = WIRE_VALUE_ERROR,
									  .data = (const uint8_t *) "XX000"}};
	struct wire_row			head = {.op = WIRE_DELETE,
									.flags = WIRE_ROW_OLD_KEY | WIRE_ROW_WIDE,
									.lsn_delta = -1};

	wire_write_row(w, &head);
	wire_write_tuple(w, 2, key_widths, true, key);
}

static void
read_row(struct wire_reader *r, char op)
{
	struct wire_row	  row;
	struct wire_value old[5];
	struct wire_value new[5];
	bool wide;

	wire_read_row(r, op, &row);
	wide = row.flags & WIRE_ROW_WIDE;
	if (row.flags & WIRE_ROW_OLD_KEY)
		wire_read_tuple(r, 2, key_widths, wide, NULL, old);
	if (row.flags & WIRE_ROW_OLD_FULL)
		wire_read_tuple(r, 5, widths, wide, NULL, old);
	if (op != WIRE_DELETE)
		wire_read_tuple(r, 5, widths, wide,
						row.flags & WIRE_ROW_OLD_FULL ? old : NULL, new);
}

static void
read_insert(struct wire_reader *r)
{
	read_row(r, WIRE_INSERT);
}

static void
read_update(struct wire_reader *r)
{
	/* A reader that failed has no flags: its tuples are read all the same. */
	read_row(r, WIRE_UPDATE);
}

static void
read_delete(struct wire_reader *r)
{
	read_row(r, WIRE_DELETE);
}

static void
write_truncate(struct wire_writer *w)
{
	struct wire_truncate t = {.flags = WIRE_TRUNCATE_FLAGS,
							  .lsn_delta = INT64_MIN,
							  .xid = UINT64_MAX,
							  .nrelations = 2};

	wire_write_truncate(w, &t);
	wire_put_varint(w, 0);
	wire_put_varint(w, WIRE_RELATIONS_MAX);
}

static void
read_truncate(struct wire_reader *r)
{
	struct wire_truncate t;

	wire_read_truncate(r, &t);
	for (uint32_t i = 0; i < t.nrelations && wire_reader_ok(r); i++)
		(void) wire_read_schema_id(r);
}

static void
write_message(struct wire_writer *w)
{
	struct wire_message m = {.flags = WIRE_MESSAGE_FLAGS,
							 .lsn = UINT64_MAX,
							 .xid = UINT64_MAX,
							 .prefix = STR(""),
							 .content = {"a\0b", 3}};

	wire_write_message(w, &m);
}

static void
read_message(struct wire_reader *r)
{
	struct wire_message m;

	wire_read_message(r, &m);
}

static struct wire_str
longest_gid(void)
{
	return (struct wire_str){longest_name().data, WIRE_GID_MAX};
}

static void
write_begin_prepare(struct wire_writer *w)
{
	struct wire_txn txn = greatest_txn();

	wire_write_begin_prepare(w, &txn, longest_gid());
}

static void
read_begin_prepare(struct wire_reader *r)
{
	struct wire_txn txn;
	struct wire_str gid;

	wire_read_begin_prepare(r, &txn, &gid);
}

static void
write_prepare(struct wire_writer *w)
{
	wire_write_prepare(w, &greatest_counts);
}

static void
read_prepare(struct wire_reader *r)
{
	struct wire_counts counts;

	wire_read_prepare(r, &counts);
}

static const struct wire_prepared prepared = {
	.xid = UINT64_MAX,
	.prepare_end_lsn = UINT64_MAX - 1,
	.lsn = UINT64_MAX - 2,
	.end_lsn = UINT64_MAX - 3,
	.prepare_time_us = INT64_MIN,
	.time_us = -1,
	.gid = {"g", 1},
};

static void
write_commit_prepared(struct wire_writer *w)
{
	wire_write_commit_prepared(w, &prepared);
}

static void
read_commit_prepared(struct wire_reader *r)
{
	struct wire_prepared p;

	wire_read_commit_prepared(r, &p);
}

static void
write_rollback_prepared(struct wire_writer *w)
{
	wire_write_rollback_prepared(w, &prepared);
}

static void
read_rollback_prepared(struct wire_reader *r)
{
	struct wire_prepared p;

	wire_read_rollback_prepared(r, &p);
}

static void
write_stream_start(struct wire_writer *w)
{
	wire_write_stream_start(w, UINT64_MAX, true);
}

static void
read_stream_start(struct wire_reader *r)
{
	uint64_t xid;
	bool	 first;

	wire_read_stream_start(r, &xid, &first);
}

static void
write_stream_abort(struct wire_writer *w)
{
	struct wire_stream_abort a = {UINT64_MAX, 1, UINT64_MAX};

	wire_write_stream_abort(w, &a);
}

static void
read_stream_abort(struct wire_reader *r)
{
	struct wire_stream_abort a;

	wire_read_stream_abort(r, &a);
}

static void
write_stream_prepare(struct wire_writer *w)
{
	struct wire_txn txn = greatest_txn();

	wire_write_stream_prepare(w, &txn, longest_gid(), &greatest_counts);
}

static void
read_stream_prepare(struct wire_reader *r)
{
	struct wire_txn	   txn;
	struct wire_str	   gid;
	struct wire_counts counts;

	wire_read_stream_prepare(r, &txn, &gid, &counts);
}

static void
write_stream_commit(struct wire_writer *w)
{
	wire_write_stream_commit(w, &plain_txn, &greatest_counts);
}

static void
read_stream_commit(struct wire_reader *r)
{
	struct wire_txn	   txn;
	struct wire_counts counts;

	wire_read_stream_commit(r, &txn, &counts);
}

static const struct sample samples[] = {
	{WIRE_HEADER, write_header, read_header},
	{WIRE_RELATION, write_relation, read_relation},
	{WIRE_BEGIN, write_begin, read_begin},
	{WIRE_COMMIT, write_commit, read_commit},
	{WIRE_INSERT, write_insert, read_insert},
	{WIRE_UPDATE, write_update, read_update},
	{WIRE_DELETE, write_delete, read_delete},
	{WIRE_TRUNCATE, write_truncate, read_truncate},
	{WIRE_LOGICAL_MESSAGE, write_message, read_message},
	{WIRE_BEGIN_PREPARE, write_begin_prepare, read_begin_prepare},
	{WIRE_PREPARE, write_prepare, read_prepare},
	{WIRE_COMMIT_PREPARED, write_commit_prepared, read_commit_prepared},
	{WIRE_ROLLBACK_PREPARED, write_rollback_prepared, read_rollback_prepared},
	{WIRE_STREAM_START, write_stream_start, read_stream_start},
	{WIRE_STREAM_STOP, wire_write_stream_stop, wire_read_stream_stop},
	{WIRE_STREAM_ABORT, write_stream_abort, read_stream_abort},
	{WIRE_STREAM_PREPARE, write_stream_prepare, read_stream_prepare},
	{WIRE_STREAM_COMMIT, write_stream_commit, read_stream_commit},
};

static uint8_t			  space[SPACE];
static struct wire_writer w;
static struct wire_reader r;

static void
begin_writing(void)
{
	memset(space, 0xa5, sizeof(space));
	wire_writer_init(&w, space, sizeof(space));
}

/* What was written, with a reader behind its tag. */
static void
begin_reading(enum wire_tag tag)
{
	assert_false(w.overflow);
	wire_reader_init(&r, space, wire_writer_len(&w));
	assert_int_equal(wire_read_tag(&r), tag);
}

/* ------------------------------------------------------------- primitives */

static void
wire_numbers_are_little_endian(void **state)
{
	(void) state;
	begin_writing();
	wire_put_u8(&w, 0xfe);
	wire_put_u16(&w, 0x0102);
	wire_put_u32(&w, 0x03040506);
	wire_put_u64(&w, UINT64_C(0x0708090a0b0c0d0e));
	wire_put_uint(&w, UINT64_C(0xffffffffff112233), 3);
	assert_int_equal(wire_writer_len(&w), 18);
	assert_memory_equal(space,
						"\xfe\2\1\6\5\4\3\x0e\x0d\x0c\x0b\x0a\x09\x08\x07"
						"\x33\x22\x11",
						18);
}

/* Through a field that has no limit: the number of changes. */
static void
wire_varints_are_what_was_written(void **state)
{
	static const struct
	{
		uint64_t v;
		size_t	 len;
	} cases[] = {
		{0, 1},
		{1, 1},
		{127, 1},
		{128, 2},
		{16383, 2},
		{16384, 3},
		{UINT32_MAX, 5},
		{(UINT64_C(1) << 56) - 1, 8},
		{UINT64_C(1) << 56, 9},
		{INT64_MAX, 9},
		{UINT64_C(1) << 63, 10},
		{UINT64_MAX, 10},
	};

	(void) state;
	for (size_t i = 0; i < COUNT(cases); i++)
	{
		struct wire_counts counts = {cases[i].v, 0};
		struct wire_counts back;

		begin_writing();
		wire_write_commit(&w, &counts);
		assert_int_equal(wire_writer_len(&w), 1 + cases[i].len + 1);
		assert_int_equal(wire_varint_len(cases[i].v), cases[i].len);
		begin_reading(WIRE_COMMIT);
		wire_read_commit(&r, &back);
		assert_read_to_its_end(&r);
		assert_true(back.changes == cases[i].v);
	}
}

static void
wire_zigzag_keeps_every_sign(void **state)
{
	static const int64_t cases[] = {0,		   -1,		  1,		-2,
									INT64_MAX, INT64_MIN, INT32_MIN};

	(void) state;
	assert_int_equal(wire_zigzag(-1), 1);
	assert_int_equal(wire_zigzag(1), 2);
	assert_true(wire_zigzag(INT64_MIN) == UINT64_MAX);
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_true(wire_unzigzag(wire_zigzag(cases[i])) == cases[i]);
}

static void
wire_refuses_varints_that_have_a_shorter_form(void **state)
{
	static const struct
	{
		const char *bytes;
		size_t		len;
	} cases[] = {
		{"\x80\x00", 2},
		{"\xff\x00", 2},
		{"\xff\x80\x00", 3},
		{"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 10},
		/* the 65th bit, and an eleventh byte */
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10},
		{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11},
		{"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11},
	};

	(void) state;
	for (size_t i = 0; i < COUNT(cases); i++)
	{
		struct wire_counts counts;

		begin_writing();
		wire_put_u8(&w, WIRE_COMMIT);
		wire_put_varint(&w, 300);
		wire_put_bytes(&w, cases[i].bytes, cases[i].len);
		begin_reading(WIRE_COMMIT);
		wire_read_commit(&r, &counts);
		assert_refused(&r, "malformed varint", "byte count", 3);
		assert_int_equal(counts.bytes, 0);
	}
}

static void
wire_writer_overflow_is_sticky(void **state)
{
	uint8_t small[8];

	(void) state;
	memset(small, 0xa5, sizeof(small));
	wire_writer_init(&w, small, 4);
	wire_put_u16(&w, 0);
	wire_put_u32(&w, 0);
	assert_true(w.overflow);
	/* What would have fitted is not written any more, nor is anything else. */
	wire_put_u8(&w, 1);
	wire_put_varint(&w, 1);
	wire_put_bytes(&w, "x", 1);
	wire_put_u16(&w, 1);
	assert_null(wire_put_gap(&w, 1));
	assert_true(w.overflow);
	for (size_t i = 2; i < sizeof(small); i++)
		assert_int_equal(small[i], 0xa5);

	/* Nothing at all always fits. */
	wire_writer_init(&w, small, 0);
	wire_put_bytes(&w, NULL, 0);
	assert_false(w.overflow);
}

static void
wire_writer_never_writes_beyond_its_end(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT(samples); i++)
	{
		size_t len;

		begin_writing();
		samples[i].write(&w);
		assert_false(w.overflow);
		len = wire_writer_len(&w);
		for (size_t cap = 0; cap < len; cap++)
		{
			uint8_t *exactly = malloc(cap > 0 ? cap : 1);

			wire_writer_init(&w, exactly, cap);
			samples[i].write(&w);
			assert_true(w.overflow);
			free(exactly);
		}
	}
}

static void
wire_relation_that_does_not_fit_has_no_fingerprint(void **state)
{
	uint64_t fingerprint = 1;

	(void) state;
	wire_writer_init(&w, space, 100);
	write_rich(&w, &fingerprint);
	assert_true(w.overflow);
	assert_int_equal(fingerprint, 0);
}

/* ----------------------------------------------------------- every message */

static void
wire_message_ends_where_it_ends(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT(samples); i++)
	{
		begin_writing();
		samples[i].write(&w);
		wire_put_u8(&w, WIRE_STREAM_STOP);
		begin_reading(samples[i].tag);
		samples[i].read(&r);
		assert_true(wire_reader_ok(&r));
		assert_int_equal(wire_reader_left(&r), 1);
		assert_false(wire_read_end(&r));
		assert_refused(&r, "bytes left over", "end", wire_writer_len(&w) - 1);
	}
}

static void
wire_refuses_every_prefix_of_every_message(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT(samples); i++)
	{
		size_t len;
		size_t last_at = 0;

		begin_writing();
		samples[i].write(&w);
		len = wire_writer_len(&w);
		for (size_t n = 1; n < len; n++)
		{
			uint8_t *prefix = exact(space, n);

			wire_reader_init(&r, prefix, n);
			assert_int_equal(wire_read_tag(&r), samples[i].tag);
			samples[i].read(&r);
			assert_false(wire_reader_ok(&r));
			assert_string_equal(r.error, "truncated");
			assert_non_null(r.error_field);
			assert_true(strlen(r.error_field) > 0);
			/* Where the field begins that is cut: never backwards. */
			assert_in_range(r.error_at, last_at, n);
			last_at = r.error_at;
			free(prefix);
		}
	}
}

static void
wire_error_names_the_field_and_where_it_is(void **state)
{
	/* length of the prefix -> what is missing */
	static const struct
	{
		size_t		len;
		const char *field;
		size_t		at;
	} cases[] = {
		{1, "magic", 1},
		{4, "magic", 1},
		{5, "protocol version", 5},
		{6, "protocol version", 5},
		{7, "server version", 7},
		{10, "server version", 7},
		{11, "system identifier", 11},
		{19, "timeline", 19},
		{23, "database oid", 23},
		{27, "database", 27},
		{28, "database", 28},
		{30, "database", 28},
		{31, "encoding", 31},
		{32, "encoding", 32},
		{36, "byte order", 36},
		{37, "plugin version", 37},
		{41, "options", 41},
		{42, "option name", 42},
		{44, "option value", 44},
		{45, "option value", 45},
	};
	struct wire_header h = {
		.version = WIRE_VERSION,
		.database = STR("abc"),
		.encoding = STR("UTF8"),
		.byte_order = 'L',
		.plugin_version = STR("1.0"),
		.noptions = 1,
	};
	struct wire_option o = {STR("o"), STR("v")};

	(void) state;
	begin_writing();
	wire_write_header(&w, &h);
	wire_write_option(&w, &o);
	assert_int_equal(wire_writer_len(&w), 46);
	for (size_t i = 0; i < COUNT(cases); i++)
	{
		wire_reader_init(&r, space, cases[i].len);
		assert_int_equal(wire_read_tag(&r), WIRE_HEADER);
		read_header(&r);
		if (r.error_field != NULL &&
			strcmp(r.error_field, cases[i].field) != 0)
			print_error("prefix of %zu\n", cases[i].len);
		assert_refused(&r, "truncated", cases[i].field, cases[i].at);
	}
}

static void
wire_error_is_the_first_one(void **state)
{
	struct wire_counts counts;

	(void) state;
	wire_reader_init(&r, "C\x80", 2);
	(void) wire_read_tag(&r);
	wire_read_commit(&r, &counts);
	assert_refused(&r, "truncated", "change count", 1);
	wire_read_commit(&r, &counts);
	(void) wire_read_schema_id(&r);
	wire_reader_fail(&r, "another");
	assert_false(wire_read_end(&r));
	assert_refused(&r, "truncated", "change count", 1);
	assert_int_equal(counts.changes, 0);
	assert_int_equal(counts.bytes, 0);
}

/* ------------------------------------------------------- frames, fragments */

static void
wire_refuses_unknown_frames(void **state)
{
	(void) state;
	wire_reader_init(&r, "W", 1);
	assert_int_equal(wire_read_frame(&r), WIRE_FRAME_MESSAGES);
	wire_reader_init(&r, "F", 1);
	assert_int_equal(wire_read_frame(&r), WIRE_FRAME_FRAGMENT);
	for (int c = 0; c < 256; c++)
	{
		char byte = (char) c;

		if (c == 'W' || c == 'F')
			continue;
		wire_reader_init(&r, &byte, 1);
		(void) wire_read_frame(&r);
		assert_refused(&r, "unknown value", "frame kind", 0);
	}
	wire_reader_init(&r, "", 0);
	(void) wire_read_frame(&r);
	assert_refused(&r, "truncated", "frame kind", 0);
}

static void
wire_refuses_unknown_tags(void **state)
{
	size_t known = 0;

	(void) state;
	for (int c = 0; c < 256; c++)
	{
		char byte = (char) c;

		wire_reader_init(&r, &byte, 1);
		(void) wire_read_tag(&r);
		if (wire_reader_ok(&r))
		{
			known++;
			assert_string_not_equal(wire_tag_name(c), "unknown message");
			continue;
		}
		assert_refused(&r, "unknown value", "message tag", 0);
		assert_string_equal(wire_tag_name(c), "unknown message");
	}
	assert_int_equal(known, COUNT(samples));
}

static void
wire_fragments_say_where_they_belong(void **state)
{
	uint64_t total;
	uint64_t offset;

	(void) state;
	begin_writing();
	wire_write_fragment_head(&w, WIRE_MESSAGE_MAX, WIRE_MESSAGE_MAX - 3);
	assert_int_equal(wire_writer_len(&w), WIRE_FRAGMENT_HEAD);
	wire_put_bytes(&w, "abc", 3);
	wire_reader_init(&r, space, wire_writer_len(&w));
	assert_int_equal(wire_read_frame(&r), WIRE_FRAME_FRAGMENT);
	wire_read_fragment_head(&r, &total, &offset);
	assert_true(wire_reader_ok(&r));
	assert_true(total == WIRE_MESSAGE_MAX);
	assert_true(offset == WIRE_MESSAGE_MAX - 3);
	assert_int_equal(wire_reader_left(&r), 3);
	assert_memory_equal(r.p, "abc", 3);
}

static void
wire_refuses_fragments_that_belong_nowhere(void **state)
{
	static const struct
	{
		uint64_t	total;
		uint64_t	offset;
		size_t		bytes;
		const char *error;
	} cases[] = {
		{10, 0, 0, "empty fragment"},
		{10, 10, 0, "empty fragment"},
		{10, 10, 1, "beyond its message"},
		{10, 8, 3, "beyond its message"},
		{10, 11, 1, "beyond its message"},
		{10, UINT64_MAX, 1, "beyond its message"},
		{0, 0, 1, "beyond its message"},
		{WIRE_MESSAGE_MAX + 1, 0, 1, "over its limit"},
		{UINT64_MAX, UINT64_MAX - 1, 1, "over its limit"},
	};

	(void) state;
	for (size_t i = 0; i < COUNT(cases); i++)
	{
		uint64_t total;
		uint64_t offset;

		begin_writing();
		wire_write_fragment_head(&w, cases[i].total, cases[i].offset);
		(void) wire_put_gap(&w, cases[i].bytes);
		wire_reader_init(&r, space, wire_writer_len(&w));
		(void) wire_read_frame(&r);
		wire_read_fragment_head(&r, &total, &offset);
		assert_refused(&r, cases[i].error, "fragment", WIRE_FRAGMENT_HEAD);
	}
	for (size_t n = 1; n < WIRE_FRAGMENT_HEAD; n++)
	{
		uint64_t total;
		uint64_t offset;

		wire_reader_init(&r, space, n);
		(void) wire_read_frame(&r);
		wire_read_fragment_head(&r, &total, &offset);
		assert_refused(&r, "truncated",
					   n < 9 ? "fragment total" : "fragment offset",
					   n < 9 ? 1 : 9);
	}
}

static void
wire_frame_fits_into_one_megabyte(void **state)
{
	(void) state;
	/* XLogData's header and CopyData's */
	assert_true(WIRE_FRAME_MAX + 25 + 5 <= 1 << 20);
}

/* ----------------------------------------------------------------- header */

static void
wire_header_is_what_was_written(void **state)
{
	struct wire_header h;
	struct wire_option o;

	(void) state;
	begin_writing();
	write_header(&w);
	begin_reading(WIRE_HEADER);
	wire_read_header(&r, &h);
	assert_int_equal(h.version, WIRE_VERSION);
	assert_int_equal(h.server_version_num, UINT32_MAX);
	assert_true(h.system_id == UINT64_MAX);
	assert_int_equal(h.timeline, 1);
	assert_int_equal(h.database_oid, 5);
	assert_same_str(h.database, longest_name());
	assert_str(h.encoding, "", 0);
	assert_int_equal(h.byte_order, 'B');
	assert_str(h.plugin_version, "1.0", 3);
	assert_int_equal(h.noptions, 2);
	wire_read_option(&r, &o);
	assert_str(o.name, "messages", 8);
	assert_str(o.value, "", 0);
	wire_read_option(&r, &o);
	assert_same_str(o.name, longest_name());
	assert_str(o.value, "x\xc3\xa4", 3);
	assert_read_to_its_end(&r);
}

static void
wire_refuses_headers_of_others(void **state)
{
	struct wire_header h;

	(void) state;
	begin_writing();
	write_header(&w);
	space[4] = 'Z';
	begin_reading(WIRE_HEADER);
	wire_read_header(&r, &h);
	assert_refused(&r, "not a walferry stream", "magic", 1);
	assert_int_equal(h.version, 0);

	/* The caller wants to say which version it is. */
	space[4] = 'Y';
	space[5] = 2;
	begin_reading(WIRE_HEADER);
	wire_read_header(&r, &h);
	assert_refused(&r, "unsupported protocol version", "protocol version", 5);
	assert_int_equal(h.version, 2);
	assert_int_equal(h.noptions, 0);
}

static void
wire_refuses_header_fields_that_are_wrong(void **state)
{
	struct wire_header h = {.version = WIRE_VERSION,
							.database = STR("d"),
							.encoding = STR("E"),
							.byte_order = 'M',
							.plugin_version = STR("1")};
	struct wire_header back;

	(void) state;
	begin_writing();
	wire_write_header(&w, &h);
	begin_reading(WIRE_HEADER);
	wire_read_header(&r, &back);
	assert_refused(&r, "unknown value", "byte order", 31);

	h.byte_order = 0;
	begin_writing();
	wire_write_header(&w, &h);
	begin_reading(WIRE_HEADER);
	wire_read_header(&r, &back);
	assert_refused(&r, "unknown value", "byte order", 31);

	h.byte_order = 'L';
	h.noptions = WIRE_OPTIONS_MAX + 1;
	begin_writing();
	wire_write_header(&w, &h);
	begin_reading(WIRE_HEADER);
	wire_read_header(&r, &back);
	assert_refused(&r, "over its limit", "options", 34);
	assert_int_equal(back.noptions, 0);

	h.noptions = 0;
	h.database = (struct wire_str){longest_name().data, WIRE_NAME_MAX + 1};
	begin_writing();
	wire_write_header(&w, &h);
	begin_reading(WIRE_HEADER);
	wire_read_header(&r, &back);
	assert_refused(&r, "over its limit", "database", 27);
}

/* --------------------------------------------------------------- relation */

static void
wire_relation_is_what_was_written(void **state)
{
	struct wire_relation rel;
	struct wire_column	 col;
	struct wire_column	 rich = rich_column();
	struct wire_str		 label;
	uint64_t			 fingerprint;

	(void) state;
	begin_writing();
	write_rich(&w, &fingerprint);
	begin_reading(WIRE_RELATION);
	wire_read_relation(&r, &rel);
	assert_int_equal(rel.schema_id, WIRE_RELATIONS_MAX);
	assert_true(rel.fingerprint == fingerprint);
	assert_int_equal(rel.oid, UINT32_MAX);
	assert_int_equal(rel.kind, 'r');
	assert_int_equal(rel.identity, 'i');
	assert_int_equal(rel.flags, WIRE_RELATION_PARTITION);
	assert_same_str(rel.schema, longest_name());
	assert_str(rel.name, "leaf", 4);
	assert_int_equal(rel.root_oid, 1);
	assert_str(rel.root_schema, "public", 6);
	assert_str(rel.root_name, "root", 4);
	assert_int_equal(rel.ncolumns, 2);

	wire_read_column(&r, &col);
	assert_str(col.name, "n", 1);
	assert_int_equal(col.width, 16);
	assert_int_equal(col.key_position, 0);
	assert_false(col.key_only);
	assert_false(col.truncated);
	assert_false(col.hashed);
	assert_false(col.not_masked);
	assert_int_equal(col.encoding, WIRE_ENCODING_RAW);
	assert_int_equal(col.nlabels, 0);
	assert_false(wire_next_label(&col.labels, &label));

	wire_read_column(&r, &col);
	assert_same_str(col.name, rich.name);
	assert_int_equal(col.attnum, rich.attnum);
	assert_int_equal(col.flags, rich.flags);
	assert_int_equal(col.key_position, rich.key_position);
	assert_true(col.key_only);
	assert_true(col.truncated);
	assert_int_equal(col.chars, WIRE_CHARS_MAX);
	assert_true(col.hashed);
	assert_int_equal(col.hash, WIRE_HASH_MAX);
	assert_true(col.not_masked);
	assert_int_equal(col.encoding, WIRE_ENCODING_TEXT);
	assert_int_equal(col.width, -1);
	assert_int_equal(col.kind, 'd');
	assert_true(col.type.oid == UINT32_MAX);
	assert_true(col.type.typmod == INT32_MIN);
	assert_str(col.type.schema, "s", 1);
	assert_str(col.type.name, "t", 1);
	assert_int_equal(col.base.oid, 16384);
	assert_true(col.base.typmod == INT32_MAX);
	assert_str(col.base.schema, "", 0);
	assert_str(col.base.name, "b", 1);
	assert_int_equal(col.element.oid, 23);
	assert_int_equal(col.element.typmod, -1);
	assert_str(col.default_expr, "now()", 5);
	assert_int_equal(col.nlabels, COUNT(labels));
	for (size_t i = 0; i < COUNT(labels); i++)
	{
		assert_true(wire_next_label(&col.labels, &label));
		assert_str(label, labels[i], strlen(labels[i]));
	}
	assert_false(wire_next_label(&col.labels, &label));
	wire_read_relation_end(&r, &rel);
	assert_read_to_its_end(&r);
}

/* Two relations that differ in their ids are the same schema. */
static void
wire_fingerprint_is_of_the_schema_alone(void **state)
{
	struct wire_column	 col = stream_column("a", 23, "int4", 4, 1, 0);
	struct wire_relation rel = {.kind = 'r',
								.identity = 'd',
								.schema = STR("s"),
								.name = STR("t"),
								.ncolumns = 1};
	uint64_t			 first;
	size_t				 start;

	(void) state;
	begin_writing();
	rel.schema_id = 1;
	wire_write_relation(&w, &rel);
	wire_write_column(&w, &col);
	first = wire_write_relation_end(&w, 0);
	assert_true(first != 0);

	/* An id of three bytes, behind something else. */
	rel.schema_id = 100000;
	start = wire_writer_len(&w);
	wire_write_relation(&w, &rel);
	wire_write_column(&w, &col);
	assert_true(wire_write_relation_end(&w, start) == first);

	col.attnum++;
	start = wire_writer_len(&w);
	wire_write_relation(&w, &rel);
	wire_write_column(&w, &col);
	assert_true(wire_write_relation_end(&w, start) != first);

	/* The offset basis of FNV-1a, and its value for one byte. */
	wire_reader_init(&r, space, 0);
	rel.covered = (const uint8_t *) "a";
	r.p = rel.covered;
	r.end = r.p + 1;
	rel.fingerprint = UINT64_C(0xcbf29ce484222325);
	wire_read_relation_end(&r, &rel);
	assert_true(wire_reader_ok(&r));
	r.p++;
	rel.fingerprint = UINT64_C(0xaf63dc4c8601ec8c);
	wire_read_relation_end(&r, &rel);
	assert_true(wire_reader_ok(&r));
}

static void
wire_refuses_relations_with_any_byte_changed(void **state)
{
	size_t len;

	(void) state;
	begin_writing();
	write_relation(&w);
	len = wire_writer_len(&w);
	/* Not the tag, nor the schema id, which the fingerprint leaves out. */
	for (size_t i = 4; i < len; i++)
	{
		uint8_t *changed = exact(space, len);

		changed[i] ^= 0x10;
		wire_reader_init(&r, changed, len);
		assert_int_equal(wire_read_tag(&r), WIRE_RELATION);
		read_relation(&r);
		assert_false(wire_reader_ok(&r));
		if (i < 4 + 8)
			assert_refused(&r, "does not match the relation", "fingerprint",
						   4);
		free(changed);
	}
}

/* What most columns are costs them no byte. */
static void
wire_key_only_takes_bytes_where_it_is_set(void **state)
{
	struct wire_column col;
	struct wire_column back;
	size_t			   len[2];

	(void) state;
	for (uint16_t position = 0; position <= 127; position++)
	{
		for (int only = 0; only < 2; only++)
		{
			col = stream_column("a", 23, "int4", 4, position, 0);
			col.key_only = only;
			begin_writing();
			wire_write_column(&w, &col);
			len[only] = wire_writer_len(&w);
			wire_reader_init(&r, space, len[only]);
			wire_read_column(&r, &back);
			assert_read_to_its_end(&r);
			assert_int_equal(back.key_position, position);
			assert_int_equal(back.key_only, only);
		}
		assert_int_equal(len[1], len[0] + 1);
	}
}

static void
wire_refuses_columns_that_cannot_be(void **state)
{
	struct wire_column col;
	struct wire_column back;

	(void) state;
#define COLUMN(change, error, field, at)                  \
	do                                                    \
	{                                                     \
		col = stream_column("a", 23, "int4", 4, 0, 0);    \
		change;                                           \
		begin_writing();                                  \
		wire_write_column(&w, &col);                      \
		wire_reader_init(&r, space, wire_writer_len(&w)); \
		wire_read_column(&r, &back);                      \
		assert_refused(&r, error, field, at);             \
	} while (0)
	COLUMN(col.attnum = WIRE_COLUMNS_MAX + 1, "over its limit", "attnum", 2);
	COLUMN(col.key_position = WIRE_COLUMNS_MAX + 1, "over its limit",
		   "key position", 4);
	COLUMN(col.key_position = WIRE_KEY_ONLY - 1, "over its limit",
		   "key position", 4);
	COLUMN((col.key_position = WIRE_COLUMNS_MAX + 1, col.key_only = true),
		   "over its limit", "key position", 4);
	COLUMN(col.key_position = 2 * WIRE_NOT_MASKED, "over its limit",
		   "key position", 4);
	COLUMN((col.truncated = true, col.chars = WIRE_CHARS_MAX + 1),
		   "over its limit", "characters", 6);
	COLUMN((col.hashed = true, col.hash = WIRE_HASH_MAX + 1), "over its limit",
		   "hash", 6);
	COLUMN(col.encoding = 'B', "unknown value", "encoding", 5);
	COLUMN(col.encoding = 0, "unknown value", "encoding", 5);
	COLUMN(col.width = 0, "impossible width", "width", 6);
	COLUMN(col.width = -2, "impossible width", "width", 6);
	COLUMN(col.width = INT16_MIN, "impossible width", "width", 6);
	COLUMN(col.encoding = 'T', "impossible width", "width", 6);
	COLUMN((col.flags = WIRE_COLUMN_ENUM, col.nlabels = WIRE_LABELS_MAX + 1),
		   "over its limit", "labels", 33);
	/* As many as could be, and none of them there. */
	COLUMN((col.flags = WIRE_COLUMN_ENUM, col.nlabels = WIRE_LABELS_MAX),
		   "truncated", "label", 36);
#undef COLUMN
}

static void
wire_refuses_relations_that_cannot_be(void **state)
{
	struct wire_relation rel;
	struct wire_relation back;

	(void) state;
#define RELATION(change, error, field, at)               \
	do                                                   \
	{                                                    \
		rel = (struct wire_relation){.schema_id = 1,     \
									 .kind = 'r',        \
									 .identity = 'd',    \
									 .schema = STR("s"), \
									 .name = STR("t")};  \
		change;                                          \
		begin_writing();                                 \
		wire_write_relation(&w, &rel);                   \
		begin_reading(WIRE_RELATION);                    \
		wire_read_relation(&r, &back);                   \
		assert_refused(&r, error, field, at);            \
	} while (0)
	RELATION(rel.schema_id = WIRE_RELATIONS_MAX + 1, "over its limit",
			 "schema id", 1);
	RELATION(rel.identity = 'x', "unknown value", "replica identity", 15);
	RELATION(rel.flags = 0x04, "unknown flag", "relation flags", 16);
	RELATION(rel.ncolumns = WIRE_COLUMNS_MAX + 1, "over its limit", "columns",
			 21);
#undef RELATION
}

static void
wire_labels_that_are_broken_end(void **state)
{
	struct wire_str rest = {"\3ab", 3};
	struct wire_str label;

	(void) state;
	assert_false(wire_next_label(&rest, &label));
}

/* ------------------------------------------------------------ transactions */

static void
wire_transactions_are_what_was_written(void **state)
{
	struct wire_txn	   greatest = greatest_txn();
	struct wire_txn	   txn;
	struct wire_counts counts;
	struct wire_str	   gid;

	(void) state;
	begin_writing();
	wire_write_begin(&w, &plain_txn);
	begin_reading(WIRE_BEGIN);
	wire_read_begin(&r, &txn);
	assert_read_to_its_end(&r);
	assert_txn(&txn, &plain_txn);

	begin_writing();
	write_begin(&w);
	begin_reading(WIRE_BEGIN);
	wire_read_begin(&r, &txn);
	assert_read_to_its_end(&r);
	assert_txn(&txn, &greatest);

	begin_writing();
	write_begin_prepare(&w);
	begin_reading(WIRE_BEGIN_PREPARE);
	wire_read_begin_prepare(&r, &txn, &gid);
	assert_read_to_its_end(&r);
	assert_txn(&txn, &greatest);
	assert_same_str(gid, longest_gid());

	begin_writing();
	write_prepare(&w);
	begin_reading(WIRE_PREPARE);
	wire_read_prepare(&r, &counts);
	assert_read_to_its_end(&r);
	assert_memory_equal(&counts, &greatest_counts, sizeof(counts));

	begin_writing();
	write_stream_prepare(&w);
	begin_reading(WIRE_STREAM_PREPARE);
	wire_read_stream_prepare(&r, &txn, &gid, &counts);
	assert_read_to_its_end(&r);
	assert_txn(&txn, &greatest);
	assert_same_str(gid, longest_gid());
	assert_memory_equal(&counts, &greatest_counts, sizeof(counts));

	begin_writing();
	write_stream_commit(&w);
	begin_reading(WIRE_STREAM_COMMIT);
	wire_read_stream_commit(&r, &txn, &counts);
	assert_read_to_its_end(&r);
	assert_txn(&txn, &plain_txn);
	assert_memory_equal(&counts, &greatest_counts, sizeof(counts));
}

static void
wire_refuses_transactions_that_cannot_be(void **state)
{
	struct wire_txn txn = {.xid = 1,
						   .commit_lsn = 5,
						   .end_lsn = 4,
						   .origin = STR("")};
	struct wire_txn back;
	struct wire_str gid;

	(void) state;
	/* An end before the beginning wraps around the 64 bits. */
	begin_writing();
	wire_write_begin(&w, &txn);
	begin_reading(WIRE_BEGIN);
	wire_read_begin(&r, &back);
	assert_refused(&r, "over its limit", "end lsn", 11);

	txn.end_lsn = 6;
	begin_writing();
	wire_write_begin(&w, &txn);
	space[1] = 0x02;
	begin_reading(WIRE_BEGIN);
	wire_read_begin(&r, &back);
	assert_refused(&r, "unknown flag", "transaction flags", 1);

	/* The flag says that there is an origin, and then it is empty. */
	begin_writing();
	wire_write_begin(&w, &txn);
	wire_put_u64(&w, 9);
	wire_put_u8(&w, 0);
	space[1] = WIRE_TXN_ORIGIN;
	begin_reading(WIRE_BEGIN);
	wire_read_begin(&r, &back);
	assert_refused(&r, "empty", "origin", 28);

	begin_writing();
	wire_write_begin_prepare(&w, &txn,
							 (struct wire_str){longest_name().data,
											   WIRE_GID_MAX + 1});
	begin_reading(WIRE_BEGIN_PREPARE);
	wire_read_begin_prepare(&r, &back, &gid);
	assert_refused(&r, "over its limit", "gid", 20);
}

static void
wire_ends_of_prepared_ones_are_what_was_written(void **state)
{
	struct wire_prepared p;

	(void) state;
	begin_writing();
	write_commit_prepared(&w);
	begin_reading(WIRE_COMMIT_PREPARED);
	wire_read_commit_prepared(&r, &p);
	assert_read_to_its_end(&r);
	assert_true(p.xid == prepared.xid);
	assert_true(p.lsn == prepared.lsn);
	assert_true(p.end_lsn == prepared.end_lsn);
	assert_true(p.time_us == prepared.time_us);
	assert_true(p.prepare_end_lsn == 0);
	assert_true(p.prepare_time_us == 0);
	assert_same_str(p.gid, prepared.gid);

	begin_writing();
	write_rollback_prepared(&w);
	begin_reading(WIRE_ROLLBACK_PREPARED);
	wire_read_rollback_prepared(&r, &p);
	assert_read_to_its_end(&r);
	assert_true(p.xid == prepared.xid);
	assert_true(p.lsn == 0);
	assert_true(p.end_lsn == prepared.end_lsn);
	assert_true(p.time_us == prepared.time_us);
	assert_true(p.prepare_end_lsn == prepared.prepare_end_lsn);
	assert_true(p.prepare_time_us == prepared.prepare_time_us);
	assert_same_str(p.gid, prepared.gid);
}

static void
wire_stream_messages_are_what_was_written(void **state)
{
	struct wire_stream_abort a;
	uint64_t				 xid;
	bool					 first;

	(void) state;
	begin_writing();
	write_stream_start(&w);
	begin_reading(WIRE_STREAM_START);
	wire_read_stream_start(&r, &xid, &first);
	assert_read_to_its_end(&r);
	assert_true(xid == UINT64_MAX);
	assert_true(first);

	begin_writing();
	wire_write_stream_start(&w, 0, false);
	begin_reading(WIRE_STREAM_START);
	wire_read_stream_start(&r, &xid, &first);
	assert_read_to_its_end(&r);
	assert_true(xid == 0);
	assert_false(first);

	space[2] = 2;
	begin_reading(WIRE_STREAM_START);
	wire_read_stream_start(&r, &xid, &first);
	assert_refused(&r, "unknown flag", "first segment", 2);

	begin_writing();
	write_stream_abort(&w);
	begin_reading(WIRE_STREAM_ABORT);
	wire_read_stream_abort(&r, &a);
	assert_read_to_its_end(&r);
	assert_true(a.xid == UINT64_MAX);
	assert_true(a.subxid == 1);
	assert_true(a.abort_lsn == UINT64_MAX);
}

/* -------------------------------------------------------------------- rows */

static void
assert_value(const struct wire_value *v, uint8_t tag, const void *data,
			 size_t len)
{
	assert_int_equal(v->tag, tag);
	assert_int_equal(v->len, len);
	if (data == NULL)
		assert_null(v->data);
	else
		assert_memory_equal(v->data, data, len);
}

static void
wire_rows_are_what_was_written(void **state)
{
	struct wire_row	  row;
	struct wire_value old[5];
	struct wire_value new[5];

	(void) state;
	begin_writing();
	write_insert(&w);
	begin_reading(WIRE_INSERT);
	wire_read_row(&r, WIRE_INSERT, &row);
	assert_int_equal(row.op, WIRE_INSERT);
	assert_int_equal(row.flags, 0);
	assert_int_equal(row.schema_id, WIRE_RELATIONS_MAX);
	assert_true(row.lsn_delta == INT64_MIN);
	assert_true(row.xid == 0);
	wire_read_tuple(&r, 5, widths, false, NULL, new);
	assert_read_to_its_end(&r);
	assert_value(&new[0], WIRE_VALUE_PRESENT, "\1\2\3\4", 4);
	assert_int_equal(new[1].len, 300);
	assert_value(&new[2], WIRE_VALUE_PRESENT, "12345678", 8);
	assert_value(&new[3], WIRE_VALUE_PRESENT, "", 0);
	assert_value(&new[4], WIRE_VALUE_PRESENT, "\1", 1);

	begin_writing();
	write_update(&w);
	begin_reading(WIRE_UPDATE);
	wire_read_row(&r, WIRE_UPDATE, &row);
	assert_int_equal(row.flags, WIRE_ROW_OLD_FULL | WIRE_ROW_XID);
	assert_true(row.lsn_delta == INT64_MAX);
	assert_true(row.xid == UINT64_MAX);
	wire_read_tuple(&r, 5, widths, false, NULL, old);
	wire_read_tuple(&r, 5, widths, false, old, new);
	assert_read_to_its_end(&r);
	assert_value(&old[2], WIRE_VALUE_NULL, NULL, 0);
	assert_value(&old[3], WIRE_VALUE_PRESENT, "xyz", 3);
	/* SAME has the old bytes. */
	assert_value(&new[0], WIRE_VALUE_SAME, "\1\2\3\4", 4);
	assert_ptr_equal(new[0].data, old[0].data);
	assert_value(&new[1], WIRE_VALUE_SAME, "", 0);
	assert_value(&new[2], WIRE_VALUE_PRESENT, "12345678", 8);
	assert_value(&new[3], WIRE_VALUE_UNCHANGED, NULL, 0);
	assert_value(&new[4], WIRE_VALUE_NULL, NULL, 0);

	begin_writing();
	write_delete(&w);
	begin_reading(WIRE_DELETE);
	wire_read_row(&r, WIRE_DELETE, &row);
	assert_int_equal(row.flags, WIRE_ROW_OLD_KEY | WIRE_ROW_WIDE);
	assert_int_equal(row.schema_id, 0);
	assert_true(row.lsn_delta == -1);
	wire_read_tuple(&r, 2, key_widths, true, NULL, old);
	assert_read_to_its_end(&r);
	assert_value(&old[0], WIRE_VALUE_PRESENT, "\1\2\3\4", 4);
	assert_value(&old[1], WIRE_VALUE_ERROR, "XX000", 5);
}

static void
wire_markers_of_wide_rows_are_what_was_written(void **state)
{
	const struct wire_value row[] = {
		IS(WIRE_VALUE_NULL),
		{.tag = WIRE_VALUE_OVERSIZE, .len = UINT64_MAX},
		{.tag = WIRE_VALUE_ERROR, .data = (const uint8_t *) "22P02"},
		IS(WIRE_VALUE_UNCHANGED),
		TRUE,
	};
	struct wire_value back[5];

	(void) state;
	begin_writing();
	wire_write_tuple(&w, 5, widths, true, row);
	assert_int_equal(wire_writer_len(&w), 5 + 10 + 5 + 1);
	assert_memory_equal(space, "\0\5\4\1\2", 5);
	wire_reader_init(&r, space, wire_writer_len(&w));
	wire_read_tuple(&r, 5, widths, true, NULL, back);
	assert_read_to_its_end(&r);
	assert_value(&back[0], WIRE_VALUE_NULL, NULL, 0);
	assert_int_equal(back[1].tag, WIRE_VALUE_OVERSIZE);
	assert_true(back[1].len == UINT64_MAX);
	assert_value(&back[2], WIRE_VALUE_ERROR, "22P02", 5);
	assert_value(&back[3], WIRE_VALUE_UNCHANGED, NULL, 0);
	assert_value(&back[4], WIRE_VALUE_PRESENT, "\1", 1);
}

static void
wire_tuple_may_have_no_column_or_very_many(void **state)
{
	static int16_t			 many_widths[WIRE_COLUMNS_MAX];
	static struct wire_value many[WIRE_COLUMNS_MAX];
	static struct wire_value back[WIRE_COLUMNS_MAX];

	(void) state;
	begin_writing();
	wire_write_tuple(&w, 0, NULL, false, NULL);
	wire_write_tuple(&w, 0, NULL, true, NULL);
	assert_int_equal(wire_writer_len(&w), 0);
	wire_reader_init(&r, space, 0);
	wire_read_tuple(&r, 0, NULL, false, NULL, back);
	wire_read_tuple(&r, 0, NULL, true, NULL, back);
	assert_read_to_its_end(&r);

	for (uint32_t n = 1; n <= WIRE_COLUMNS_MAX; n = n < 9 ? n + 1 : n * 2 - 2)
	{
		for (uint32_t i = 0; i < n; i++)
		{
			many_widths[i] = (int16_t) (i % 3 == 0 ? -1 : 2);
			many[i] = i % 4 == 3 ? IS(WIRE_VALUE_NULL) : stream_value("ab", 2);
		}
		begin_writing();
		wire_write_tuple(&w, n, many_widths, false, many);
		wire_reader_init(&r, space, wire_writer_len(&w));
		wire_read_tuple(&r, n, many_widths, false, NULL, back);
		assert_read_to_its_end(&r);
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(back[i].tag, many[i].tag);
	}
}

static void
wire_refuses_row_flags_that_cannot_be(void **state)
{
	(void) state;
	for (unsigned flags = 0; flags < 256; flags++)
	{
		const char ops[] = {WIRE_INSERT, WIRE_UPDATE, WIRE_DELETE};

		for (size_t i = 0; i < COUNT(ops); i++)
		{
			struct wire_row row = {.op = ops[i], .flags = (uint8_t) flags};
			struct wire_row back;
			unsigned old = flags & (WIRE_ROW_OLD_KEY | WIRE_ROW_OLD_FULL);

			begin_writing();
			wire_write_row(&w, &row);
			begin_reading((enum wire_tag) ops[i]);
			wire_read_row(&r, ops[i], &back);
			if (flags & ~(unsigned) WIRE_ROW_FLAGS)
				assert_refused(&r, "unknown flag", "row flags", 1);
			else if (old == (WIRE_ROW_OLD_KEY | WIRE_ROW_OLD_FULL) ||
					 (old != 0 && ops[i] == WIRE_INSERT))
				assert_refused(&r, "impossible flags", "row flags", 1);
			else
				assert_read_to_its_end(&r);
			if (!wire_reader_ok(&r))
			{
				/* Nobody goes on with tuples that are not there. */
				assert_int_equal(back.xid, 0);
				assert_int_equal(back.schema_id, 0);
			}
		}
	}
}

static void
wire_refuses_tags_that_cannot_be(void **state)
{
	static const uint8_t none[8];
	struct wire_value	 old[5];
	struct wire_value	 v[5];

	(void) state;
	/* Five columns leave six bits of the second byte unused. */
	for (unsigned bit = 2; bit < 8; bit++)
	{
		uint8_t tags[2] = {0, (uint8_t) (1u << bit)};

		memset(v, 0xff, sizeof(v));
		wire_reader_init(&r, tags, 2);
		wire_read_tuple(&r, 5, widths, false, NULL, v);
		assert_refused(&r, "unused bits set", "value tags", 1);
		for (size_t i = 0; i < 5; i++)
			assert_value(&v[i], WIRE_VALUE_NULL, NULL, 0);
	}

	/* A byte each: 6 and above name nothing. */
	for (unsigned tag = 6; tag < 256; tag++)
	{
		uint8_t tags[2] = {0, (uint8_t) tag};

		wire_reader_init(&r, tags, 2);
		wire_read_tuple(&r, 2, key_widths, true, NULL, v);
		assert_refused(&r, "unknown value tag", "value tags", 1);
	}

	/* SAME: without an old tuple, and with old values that are not there. */
	wire_reader_init(&r, "\3", 1);
	wire_read_tuple(&r, 1, widths, false, NULL, v);
	assert_refused(&r, "same as a value that is not there", "value tags", 0);
	for (uint8_t tag = 0; tag <= WIRE_VALUE_OVERSIZE; tag++)
	{
		memset(old, 0, sizeof(old));
		old[0] = (struct wire_value){tag, none, 4};
		wire_reader_init(&r, "\3", 1);
		wire_read_tuple(&r, 1, widths, false, old, v);
		assert_int_equal(wire_reader_ok(&r), tag == WIRE_VALUE_PRESENT);
	}
}

static void
wire_refuses_values_that_are_longer_than_the_message(void **state)
{
	static const uint64_t lens[] = {2, 127, 128, UINT32_MAX, UINT64_MAX};
	struct wire_value	  v[2];

	(void) state;
	for (size_t i = 0; i < COUNT(lens); i++)
	{
		uint8_t *copy;
		size_t	 len;

		begin_writing();
		wire_put_u8(&w, WIRE_VALUE_PRESENT);
		wire_put_varint(&w, lens[i]);
		wire_put_u8(&w, 'x');
		len = wire_writer_len(&w);
		copy = exact(space, len);
		wire_reader_init(&r, copy, len);
		wire_read_tuple(&r, 1, widths + 1, false, NULL, v);
		assert_refused(&r, "truncated", "value", len - 1);
		assert_value(&v[0], WIRE_VALUE_NULL, NULL, 0);
		free(copy);
	}
}

/* ------------------------------------------------------ truncate, messages */

static void
wire_truncates_are_what_was_written(void **state)
{
	struct wire_truncate t;

	(void) state;
	begin_writing();
	write_truncate(&w);
	begin_reading(WIRE_TRUNCATE);
	wire_read_truncate(&r, &t);
	assert_int_equal(t.flags, WIRE_TRUNCATE_FLAGS);
	assert_true(t.lsn_delta == INT64_MIN);
	assert_true(t.xid == UINT64_MAX);
	assert_int_equal(t.nrelations, 2);
	assert_int_equal(wire_read_schema_id(&r), 0);
	assert_int_equal(wire_read_schema_id(&r), WIRE_RELATIONS_MAX);
	assert_read_to_its_end(&r);
}

static void
wire_refuses_truncates_that_cannot_be(void **state)
{
	struct wire_truncate t = {.flags = 0x04, .nrelations = 1};
	struct wire_truncate back;

	(void) state;
	begin_writing();
	wire_write_truncate(&w, &t);
	begin_reading(WIRE_TRUNCATE);
	wire_read_truncate(&r, &back);
	assert_refused(&r, "unknown flag", "truncate flags", 1);

	t = (struct wire_truncate){.nrelations = 0};
	begin_writing();
	wire_write_truncate(&w, &t);
	begin_reading(WIRE_TRUNCATE);
	wire_read_truncate(&r, &back);
	assert_refused(&r, "empty", "relations", 3);

	t = (struct wire_truncate){.nrelations = WIRE_RELATIONS_MAX + 1};
	begin_writing();
	wire_write_truncate(&w, &t);
	begin_reading(WIRE_TRUNCATE);
	wire_read_truncate(&r, &back);
	assert_refused(&r, "over its limit", "relations", 3);
	assert_int_equal(back.nrelations, 0);

	t = (struct wire_truncate){.nrelations = 1};
	begin_writing();
	wire_write_truncate(&w, &t);
	wire_put_varint(&w, WIRE_RELATIONS_MAX + 1);
	begin_reading(WIRE_TRUNCATE);
	wire_read_truncate(&r, &back);
	assert_int_equal(wire_read_schema_id(&r), 0);
	assert_refused(&r, "over its limit", "schema id", 4);
}

static void
wire_logical_messages_are_what_was_written(void **state)
{
	struct wire_message plain = {.lsn = 1, .prefix = STR("p")};
	struct wire_message m;
	size_t				len;

	(void) state;
	begin_writing();
	write_message(&w);
	begin_reading(WIRE_LOGICAL_MESSAGE);
	wire_read_message(&r, &m);
	assert_read_to_its_end(&r);
	assert_int_equal(m.flags, WIRE_MESSAGE_FLAGS);
	assert_true(m.lsn == UINT64_MAX);
	assert_true(m.xid == UINT64_MAX);
	assert_str(m.prefix, "", 0);
	assert_str(m.content, "a\0b", 3);

	begin_writing();
	wire_write_message(&w, &plain);
	len = wire_writer_len(&w);
	begin_reading(WIRE_LOGICAL_MESSAGE);
	wire_read_message(&r, &m);
	assert_read_to_its_end(&r);
	assert_int_equal(m.flags, 0);
	assert_true(m.xid == 0);
	assert_str(m.content, "", 0);

	/* In pieces it is the same. */
	wire_writer_init(&w, space + len, SPACE - len);
	wire_write_message_head(&w, &plain);
	wire_put_str(&w, plain.prefix);
	wire_put_str(&w, plain.content);
	assert_int_equal(wire_writer_len(&w), len);
	assert_memory_equal(space, space + len, len);

	space[1] = 0x02;
	wire_reader_init(&r, space, len);
	(void) wire_read_tag(&r);
	wire_read_message(&r, &m);
	assert_refused(&r, "unknown flag", "message flags", 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wire_numbers_are_little_endian),
		cmocka_unit_test(wire_varints_are_what_was_written),
		cmocka_unit_test(wire_zigzag_keeps_every_sign),
		cmocka_unit_test(wire_refuses_varints_that_have_a_shorter_form),
		cmocka_unit_test(wire_writer_overflow_is_sticky),
		cmocka_unit_test(wire_writer_never_writes_beyond_its_end),
		cmocka_unit_test(wire_relation_that_does_not_fit_has_no_fingerprint),
		cmocka_unit_test(wire_message_ends_where_it_ends),
		cmocka_unit_test(wire_refuses_every_prefix_of_every_message),
		cmocka_unit_test(wire_error_names_the_field_and_where_it_is),
		cmocka_unit_test(wire_error_is_the_first_one),
		cmocka_unit_test(wire_refuses_unknown_frames),
		cmocka_unit_test(wire_refuses_unknown_tags),
		cmocka_unit_test(wire_fragments_say_where_they_belong),
		cmocka_unit_test(wire_refuses_fragments_that_belong_nowhere),
		cmocka_unit_test(wire_frame_fits_into_one_megabyte),
		cmocka_unit_test(wire_header_is_what_was_written),
		cmocka_unit_test(wire_refuses_headers_of_others),
		cmocka_unit_test(wire_refuses_header_fields_that_are_wrong),
		cmocka_unit_test(wire_relation_is_what_was_written),
		cmocka_unit_test(wire_fingerprint_is_of_the_schema_alone),
		cmocka_unit_test(wire_refuses_relations_with_any_byte_changed),
		cmocka_unit_test(wire_key_only_takes_bytes_where_it_is_set),
		cmocka_unit_test(wire_refuses_columns_that_cannot_be),
		cmocka_unit_test(wire_refuses_relations_that_cannot_be),
		cmocka_unit_test(wire_labels_that_are_broken_end),
		cmocka_unit_test(wire_transactions_are_what_was_written),
		cmocka_unit_test(wire_refuses_transactions_that_cannot_be),
		cmocka_unit_test(wire_ends_of_prepared_ones_are_what_was_written),
		cmocka_unit_test(wire_stream_messages_are_what_was_written),
		cmocka_unit_test(wire_rows_are_what_was_written),
		cmocka_unit_test(wire_markers_of_wide_rows_are_what_was_written),
		cmocka_unit_test(wire_tuple_may_have_no_column_or_very_many),
		cmocka_unit_test(wire_refuses_row_flags_that_cannot_be),
		cmocka_unit_test(wire_refuses_tags_that_cannot_be),
		cmocka_unit_test(wire_refuses_values_that_are_longer_than_the_message),
		cmocka_unit_test(wire_truncates_are_what_was_written),
		cmocka_unit_test(wire_refuses_truncates_that_cannot_be),
		cmocka_unit_test(wire_logical_messages_are_what_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
