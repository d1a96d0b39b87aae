/* links: store position crc32c jsontext buf pgtext pgtext_array pgtext_bits
 * links: pgtext_datetime pgtext_float pgtext_geo pgtext_jsonb pgtext_net
 * links: pgtext_numeric pgtext_range pgtext_ts pgtext_xml */
/* libs: jansson */
/*
 * What is known of the position topic, from records that are what
 * position_put_*() writes, or damaged on purpose.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../forwarder/crc32c.h"
#include "../../forwarder/store.h"

static const struct position_id ours = {.system_id = UINT64_C(
											7301234567890123456),
										.database = "shop",
										.slot = "walferry"};
static const struct position	self = {.filter = UINT64_C(0xc0ffee),
										.transactional_id = "shop.walferry",
										.run_id = "7f1f9a52-6d4e-4c7b-9a55-"
													 "0b8c6f1f2a3d"};

struct bench
{
	struct store *store;
	struct buf	  key;
	struct buf	  value;
};

static int
set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->store = store_new(&ours, &self);
	*state = b;
	return 0;
}

static int
tear_down(void **state)
{
	struct bench *b = *state;

	store_free(b->store);
	buf_free(&b->key);
	buf_free(&b->value);
	free(b);
	return 0;
}

/* The store reads what is in the bench's buffers. */
static void
take(struct bench *b)
{
	store_take(b->store, b->key.data, b->key.len, b->value.data, b->value.len);
}

static void
make_position(struct bench *b, const struct position_id *id, uint64_t end_lsn)
{
	struct position p = {.id = *id, .timeline = 1, .end_lsn = end_lsn};

	buf_reset(&b->key);
	buf_reset(&b->value);
	position_put_key(&b->key, id);
	position_put_value(&b->value, &p);
}

static void
take_position(struct bench *b, const struct position_id *id, uint64_t end_lsn)
{
	make_position(b, id, end_lsn);
	take(b);
}

static void
take_tombstone(struct bench *b, const struct position_id *id)
{
	buf_reset(&b->key);
	position_put_key(&b->key, id);
	store_take(b->store, b->key.data, b->key.len, NULL, 0);
}

/* So many partitions; 0: a tombstone. */
static void
take_pin(struct bench *b, const struct position_id *id, const char *topic,
		 int32_t partitions)
{
	struct position_pin pin = {.id = *id, .partitions = partitions};

	snprintf(pin.topic, sizeof(pin.topic), "%s", topic);
	buf_reset(&b->key);
	buf_reset(&b->value);
	position_put_pin_key(&b->key, &pin);
	if (partitions > 0)
	{
		position_put_pin_value(&b->value, &pin);
		take(b);
	}
	else
		store_take(b->store, b->key.data, b->key.len, NULL, 0);
}

static void
assert_end_lsn(const struct bench *b, uint64_t end_lsn)
{
	assert_non_null(store_position(b->store));
	assert_true(store_position(b->store)->end_lsn == end_lsn);
}

static void
store_knows_nothing_at_first(void **state)
{
	struct bench *b = *state;

	assert_null(store_position(b->store));
	assert_null(store_other_cluster(b->store));
	assert_string_equal(store_error(b->store), "");
	assert_int_equal(store_pin(b->store, "t"), 0);
}

static void
take_next(struct bench *b, struct position p)
{
	p.id = ours;
	buf_reset(&b->key);
	buf_reset(&b->value);
	position_put_key(&b->key, &ours);
	position_put_value(&b->value, &p);
	take(b);
}

/* The last one that was written, whatever it says. */
static void
store_lets_the_last_record_of_a_key_count(void **state)
{
	struct bench *b = *state;

	take_next(b, (struct position){.timeline = 1, .end_lsn = 100});
	assert_end_lsn(b, 100);
	take_next(b, (struct position){.timeline = 1,
								   .end_lsn = 300,
								   .prev_end_lsn = 100});
	take_next(b, (struct position){.timeline = 1,
								   .end_lsn = 200,
								   .prev_end_lsn = 300});
	assert_end_lsn(b, 200);
	assert_string_equal(store_error(b->store), "");
}

/* At least once: a predecessor's, which knew nothing of its successor's. */
static void
store_passes_over_what_comes_late(void **state)
{
	struct bench   *b = *state;
	struct position late = {.timeline = 2,
							.end_lsn = 110,
							.prev_end_lsn = 100};

	take_next(b, (struct position){.timeline = 2, .end_lsn = 100});
	take_next(b, (struct position){.timeline = 2,
								   .end_lsn = 300,
								   .prev_end_lsn = 100});
	take_next(b, late);
	assert_end_lsn(b, 300);

	/* As far as that all is there, although nobody has said it before. */
	take_next(b, (struct position){.timeline = 2,
								   .end_lsn = 310,
								   .prev_end_lsn = 110});
	assert_end_lsn(b, 310);

	/* From before a failover. */
	take_next(b, (struct position){.timeline = 1,
								   .end_lsn = 999,
								   .prev_end_lsn = 990});
	assert_end_lsn(b, 310);
	take_next(b, (struct position){.timeline = 3,
								   .end_lsn = 50,
								   .prev_end_lsn = 7});
	assert_end_lsn(b, 50);

	/* Exactly once, nothing comes late, and what is stored counts. */
	strcpy(late.transactional_id, "shop.walferry");
	take_next(b, late);
	assert_end_lsn(b, 110);
	assert_string_equal(store_error(b->store), "");
}

static void
store_forgets_what_has_a_tombstone(void **state)
{
	struct bench *b = *state;

	take_tombstone(b, &ours);
	assert_null(store_position(b->store));
	take_position(b, &ours, 100);
	take_tombstone(b, &ours);
	assert_null(store_position(b->store));
	assert_string_equal(store_error(b->store), "");
	take_position(b, &ours, 50);
	assert_end_lsn(b, 50);
}

static void
store_passes_over_what_is_of_others(void **state)
{
	struct bench	  *b = *state;
	struct position_id slot = ours;
	struct position_id database = ours;

	strcpy(slot.slot, "walferry2");
	strcpy(database.database, "shop2");
	take_position(b, &ours, 100);
	take_position(b, &slot, 200);
	take_position(b, &database, 300);
	assert_end_lsn(b, 100);
	take_tombstone(b, &slot);
	take_tombstone(b, &database);
	assert_end_lsn(b, 100);
	assert_null(store_other_cluster(b->store));
	assert_string_equal(store_error(b->store), "");
}

static void
store_tells_the_same_slot_of_another_cluster(void **state)
{
	struct bench	  *b = *state;
	struct position_id other = ours;
	struct position_id unlike = ours;

	other.system_id++;
	unlike.system_id += 2;
	strcpy(unlike.slot, "walferry2");
	take_position(b, &unlike, 50);
	assert_null(store_other_cluster(b->store));

	take_position(b, &other, 100);
	assert_null(store_position(b->store));
	assert_non_null(store_other_cluster(b->store));
	assert_true(store_other_cluster(b->store)->id.system_id ==
				other.system_id);
	assert_int_equal(store_other_cluster(b->store)->end_lsn, 100);
	assert_string_equal(store_error(b->store), "");

	/* The tombstone of ours is not its. */
	take_tombstone(b, &ours);
	assert_non_null(store_other_cluster(b->store));
	take_tombstone(b, &other);
	assert_null(store_other_cluster(b->store));
}

/* Each of several that are forgotten there counts. */
static void
store_tells_one_cluster_when_another_is_gone(void **state)
{
	struct bench	  *b = *state;
	struct position_id first = ours;
	struct position_id second = ours;

	first.system_id += 1;
	second.system_id += 2;
	take_position(b, &first, 100);
	take_position(b, &second, 200);
	take_position(b, &first, 300);
	assert_int_equal(store_other_cluster(b->store)->end_lsn, 300);
	take_tombstone(b, &first);
	assert_non_null(store_other_cluster(b->store));
	assert_int_equal(store_other_cluster(b->store)->end_lsn, 200);
	take_tombstone(b, &second);
	assert_null(store_other_cluster(b->store));
}

/* The position of 'id', written under this transactional.id. */
static void
take_position_written_as(struct bench *b, const struct position_id *id,
						 const char *transactional_id)
{
	struct position p = {.id = *id, .timeline = 1, .end_lsn = 100};

	snprintf(p.transactional_id, sizeof(p.transactional_id), "%s",
			 transactional_id);
	buf_reset(&b->key);
	buf_reset(&b->value);
	position_put_key(&b->key, id);
	position_put_value(&b->value, &p);
	take(b);
}

static void
store_tells_another_cluster_by_its_transactional_id(void **state)
{
	struct bench	  *b = *state;
	struct position_id other = ours;
	struct position_id same_cluster = ours;

	other.system_id++;
	strcpy(other.database, "store");
	strcpy(same_cluster.database, "store");
	take_position_written_as(b, &other, "store.walferry");
	take_position_written_as(b, &other, "");
	/* Of our cluster only one database has that slot: this one is of old. */
	take_position_written_as(b, &same_cluster, self.transactional_id);
	assert_null(store_other_cluster(b->store));

	take_position_written_as(b, &other, self.transactional_id);
	assert_non_null(store_other_cluster(b->store));
	assert_string_equal(store_other_cluster(b->store)->id.database, "store");
	take_position_written_as(b, &other, "store.walferry"); /* it has moved */
	assert_null(store_other_cluster(b->store));
	take_position_written_as(b, &other, self.transactional_id);
	take_tombstone(b, &other);
	assert_null(store_other_cluster(b->store));
}

static void
assert_error(const struct bench *b, const char *text)
{
	if (strstr(store_error(b->store), text) == NULL)
		fail_msg("\"%s\" not in: \"%s\"", text, store_error(b->store));
}

/* Wherever it stands, and whosever it is: nobody can tell. */
static void
store_takes_a_damaged_record_for_an_error(void **state)
{
	struct bench	  *b = *state;
	struct position_id other = ours;
	char			   first[512];

	strcpy(other.slot, "walferry2");
	make_position(b, &other, 100);
	memcpy(memmem(b->value.data, b->value.len, "0/64", 4), "0/65", 4);
	take(b);
	assert_error(b, "crc32c");
	snprintf(first, sizeof(first), "%s", store_error(b->store));

	/* Nothing that follows makes it good, nor takes its place. */
	take_position(b, &other, 200);
	take_position(b, &ours, 200);
	buf_reset(&b->key);
	buf_lit(&b->key, "something else");
	take(b);
	assert_string_equal(store_error(b->store), first);
	assert_end_lsn(b, 200);
}

/* A tombstone has no value; an empty one is damage. */
static void
store_takes_an_empty_value_for_an_error(void **state)
{
	struct bench *b = *state;

	take_position(b, &ours, 100);
	store_take(b->store, b->key.data, b->key.len, "", 0);
	assert_string_not_equal(store_error(b->store), "");
	assert_end_lsn(b, 100);
}

static void
store_takes_a_foreign_record_for_an_error(void **state)
{
	struct bench *b = *state;

	store_take(b->store, "{\"id\":1}", 8, "{}", 2);
	assert_error(b, "its key is none that walferry writes");
	assert_null(store_position(b->store));
}

static void
store_takes_a_record_without_key_for_an_error(void **state)
{
	struct bench *b = *state;

	store_take(b->store, NULL, 0, "{}", 2);
	assert_string_not_equal(store_error(b->store), "");
}

static void
store_takes_a_newer_record_for_an_error(void **state)
{
	static const char text[] = "{\"version\":2";
	struct bench	 *b = *state;
	uint32_t		  crc = crc32c_update(0, text, sizeof(text) - 1);

	buf_reset(&b->key);
	buf_reset(&b->value);
	position_put_key(&b->key, &ours);
	crc = crc32c_update(crc, b->key.data, b->key.len);
	buf_printf(&b->value, "%s,\"crc32c\":\"%08x\"}", text, (unsigned) crc);
	take(b);
	assert_error(b, "version 2");
	assert_null(store_position(b->store));
}

static void
store_keeps_pins_by_topic(void **state)
{
	struct bench	  *b = *state;
	struct position_id other = ours;

	other.system_id++;
	take_pin(b, &ours, "a", 3);
	take_pin(b, &ours, "b", 5);
	take_pin(b, &other, "a", 9);
	take_pin(b, &other, "c", 9);
	assert_int_equal(store_pin(b->store, "a"), 3);
	assert_int_equal(store_pin(b->store, "b"), 5);
	assert_int_equal(store_pin(b->store, "c"), 0);
	take_pin(b, &ours, "a", 4);
	assert_int_equal(store_pin(b->store, "a"), 4);
	take_pin(b, &other, "a", 0);
	assert_int_equal(store_pin(b->store, "a"), 4);
	take_pin(b, &ours, "a", 0);
	assert_int_equal(store_pin(b->store, "a"), 0);
	assert_int_equal(store_pin(b->store, "b"), 5);

	/* A pin is no position, nor a sign of another cluster. */
	assert_null(store_position(b->store));
	assert_null(store_other_cluster(b->store));
	assert_string_equal(store_error(b->store), "");
}

static void
store_keeps_as_many_pins_as_there_are_topics(void **state)
{
	struct bench *b = *state;
	char		  topic[32];

	for (int round = 0; round < 2; round++)
	{
		for (int i = 1; i <= 5000; i++)
		{
			snprintf(topic, sizeof(topic), "shop.public.t%d", i);
			take_pin(b, &ours, topic, i + round);
		}
	}
	for (int i = 1; i <= 5000; i++)
	{
		snprintf(topic, sizeof(topic), "shop.public.t%d", i);
		assert_int_equal(store_pin(b->store, topic), i + 1);
	}
	for (int i = 1; i <= 5000; i++)
	{
		snprintf(topic, sizeof(topic), "shop.public.u%d", i);
		assert_int_equal(store_pin(b->store, topic), 0);
	}
}

/* Read back what the bench's buffers hold. */
static struct position_entry
read_back(const struct bench *b, enum position_kind kind)
{
	struct position_entry entry;
	struct buf			  error = {0};

	assert_int_equal(position_read(b->key.data, b->key.len, b->value.data,
								   b->value.len, &entry, &error),
					 kind);
	buf_free(&error);
	return entry;
}

static void
store_put_says_whose_the_position_is(void **state)
{
	struct bench		 *b = *state;
	struct position		  p = {.timeline = 3,
							   .end_lsn = 500,
							   .commit_lsn = 450,
							   .records = 7,
							   .partial = {.end_lsn = 900, .changes = 4},
							   .prev_end_lsn = 1};
	struct position_entry entry;

	buf_lit(&b->key, "before");
	buf_lit(&b->value, "before");
	store_put(b->store, &p, &b->key, &b->value);
	entry = read_back(b, POSITION_RECORD);
	assert_true(position_id_equal(&entry.position.id, &ours));
	assert_true(entry.position.filter == self.filter);
	assert_string_equal(entry.position.transactional_id,
						self.transactional_id);
	assert_string_equal(entry.position.run_id, self.run_id);
	assert_int_equal(entry.position.prev_end_lsn, 0);
	assert_int_equal(entry.position.timeline, 3);
	assert_int_equal(entry.position.end_lsn, 500);
	assert_int_equal(entry.position.commit_lsn, 450);
	assert_int_equal(entry.position.records, 7);
	assert_int_equal(entry.position.partial.end_lsn, 900);
	assert_int_equal(entry.position.partial.changes, 4);
}

/* Each names the one that was written before it, not one that was only made. */
static void
store_put_makes_a_chain(void **state)
{
	struct bench   *b = *state;
	struct position p = {.end_lsn = 200};

	take_position(b, &ours, 100);
	store_put(b->store, &p, &b->key, &b->value);
	assert_int_equal(read_back(b, POSITION_RECORD).position.prev_end_lsn, 100);
	assert_end_lsn(b, 100);
	store_put(b->store, &p, &b->key, &b->value);
	assert_int_equal(read_back(b, POSITION_RECORD).position.prev_end_lsn, 100);
	store_written(b->store, &p);
	assert_end_lsn(b, 200);

	p.end_lsn = 300;
	store_put(b->store, &p, &b->key, &b->value);
	assert_int_equal(read_back(b, POSITION_RECORD).position.prev_end_lsn, 200);

	/* What has a tombstone is not named. */
	take_tombstone(b, &ours);
	store_put(b->store, &p, &b->key, &b->value);
	assert_int_equal(read_back(b, POSITION_RECORD).position.prev_end_lsn, 0);
	store_written(b->store, &p);
	assert_end_lsn(b, 300);
}

/* A pin that was only made is lost if its stream is. */
static void
store_put_pin_pins_nothing_yet(void **state)
{
	struct bench		 *b = *state;
	struct position_entry entry;

	buf_lit(&b->key, "before");
	buf_lit(&b->value, "before");
	store_put_pin(b->store, "shop.public.t", 6, &b->key, &b->value);
	assert_int_equal(store_pin(b->store, "shop.public.t"), 0);
	entry = read_back(b, POSITION_PIN);
	assert_true(position_id_equal(&entry.pin.id, &ours));
	assert_string_equal(entry.pin.topic, "shop.public.t");
	assert_int_equal(entry.pin.partitions, 6);
	store_pinned(b->store, "shop.public.t", 6);
	assert_int_equal(store_pin(b->store, "shop.public.t"), 6);
}

static void
store_put_pin_takes_any_name_of_a_topic(void **state)
{
	struct bench *b = *state;
	char		  topic[250];

	memset(topic, 't', sizeof(topic) - 1);
	topic[sizeof(topic) - 1] = '\0';
	store_put_pin(b->store, topic, 1, &b->key, &b->value);
	assert_string_equal(read_back(b, POSITION_PIN).pin.topic, topic);
}

static void
store_put_pin_aborts_on_a_name_that_is_none(void **state)
{
	struct bench *b = *state;
	char		  topic[251];
	pid_t		  pid;
	int			  status;

	memset(topic, 't', sizeof(topic) - 1);
	topic[sizeof(topic) - 1] = '\0';
	fflush(NULL);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0)
	{
		const struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL);
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(1);
		store_put_pin(b->store, topic, 1, &b->key, &b->value);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(store_knows_nothing_at_first),
		TEST(store_lets_the_last_record_of_a_key_count),
		TEST(store_passes_over_what_comes_late),
		TEST(store_forgets_what_has_a_tombstone),
		TEST(store_passes_over_what_is_of_others),
		TEST(store_tells_the_same_slot_of_another_cluster),
		TEST(store_tells_one_cluster_when_another_is_gone),
		TEST(store_tells_another_cluster_by_its_transactional_id),
		TEST(store_takes_a_damaged_record_for_an_error),
		TEST(store_takes_an_empty_value_for_an_error),
		TEST(store_takes_a_foreign_record_for_an_error),
		TEST(store_takes_a_record_without_key_for_an_error),
		TEST(store_takes_a_newer_record_for_an_error),
		TEST(store_keeps_pins_by_topic),
		TEST(store_keeps_as_many_pins_as_there_are_topics),
		TEST(store_put_says_whose_the_position_is),
		TEST(store_put_makes_a_chain),
		TEST(store_put_pin_pins_nothing_yet),
		TEST(store_put_pin_takes_any_name_of_a_topic),
		TEST(store_put_pin_aborts_on_a_name_that_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
