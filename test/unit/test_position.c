/* links: position crc32c jsontext buf pgtext pgtext_array pgtext_bits
 * links: pgtext_datetime pgtext_float pgtext_geo pgtext_jsonb pgtext_net
 * links: pgtext_numeric pgtext_range pgtext_ts pgtext_xml */
/* libs: jansson */
/*
 * Position records and pins: what is written is read back, and nothing else
 * is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crc32c.h"
#include "position.h"

static const struct position usual = {
	.id = {.system_id = UINT64_C(7301234567890123456),
		   .database = "shop",
		   .slot = "walferry"},
	.timeline = 1,
	.end_lsn = UINT64_C(0x16B3748),
	.commit_lsn = UINT64_C(0x16B3718),
	.xid = 734,
	.transactions = 12,
	.records = 34,
	.prev_end_lsn = UINT64_C(0x16B3000),
	.filter = UINT64_C(0xc0ffee),
	.plugin = "0.1.0",
	.transactional_id = "shop.walferry",
	.run_id = "7f1f9a52-6d4e-4c7b-9a55-0b8c6f1f2a3d",
	.ts_ms = INT64_C(1764200000000),
};

static const struct position_pin usual_pin = {
	.id = {.system_id = UINT64_C(7301234567890123456),
		   .database = "shop",
		   .slot = "walferry"},
	.topic = "shop.public.orders",
	.partitions = 12,
};

static enum position_kind
read_bufs(const struct buf *key, const struct buf *value,
		  struct position_entry *out, struct buf *error)
{
	return position_read(key->data, key->len, value->data, value->len, out,
						 error);
}

/* As the program writes it. */
static void
record_has_the_documented_bytes(void **state)
{
	struct position p = usual;
	struct buf		key = {0};
	struct buf		value = {0};

	(void) state;
	position_put_key(&key, &p.id);
	assert_string_equal(buf_cstr(&key),
						"{\"system_id\":\"7301234567890123456\","
						"\"database\":\"shop\",\"slot\":\"walferry\"}");
	position_put_value(&value, &p);
	assert_string_equal(
		buf_cstr(&value),
		"{\"version\":1,\"timeline\":1,\"end_lsn\":\"0/16B3748\","
		"\"commit_lsn\":\"0/16B3718\",\"xid\":\"734\",\"transactions\":12,"
		"\"records\":34,\"prev_end_lsn\":\"0/16B3000\",\"partial\":null,"
		"\"filter\":\"0000000000c0ffee\",\"plugin\":\"0.1.0\","
		"\"transactional_id\":\"shop.walferry\","
		"\"run_id\":\"7f1f9a52-6d4e-4c7b-9a55-0b8c6f1f2a3d\","
		"\"ts_ms\":1764200000000,\"crc32c\":\"d73648e1\"}");

	p.partial = (struct position_partial){.end_lsn = UINT64_C(0x116B3800),
										  .changes = 5,
										  .hash = 0xa1};
	buf_reset(&value);
	position_put_value(&value, &p);
	assert_non_null(strstr(buf_cstr(&value),
						   ",\"partial\":{\"end_lsn\":\"0/116B3800\","
						   "\"changes\":5,\"hash\":\"000000a1\"},"));

	buf_reset(&key);
	position_put_pin_key(&key, &usual_pin);
	assert_string_equal(buf_cstr(&key),
						"{\"system_id\":\"7301234567890123456\","
						"\"database\":\"shop\",\"slot\":\"walferry\","
						"\"topic\":\"shop.public.orders\"}");
	buf_reset(&value);
	position_put_pin_value(&value, &usual_pin);
	assert_string_equal(buf_cstr(&value), "{\"version\":1,\"partitions\":12,"
										  "\"crc32c\":\"3f5301e1\"}");
	buf_free(&key);
	buf_free(&value);
}

/* Write, read, compare; the buffer has something before the record. */
static void
round_trip(const struct position *p)
{
	struct buf			  key = {0};
	struct buf			  value = {0};
	struct buf			  error = {0};
	struct position_entry entry;

	buf_lit(&value, "before");
	position_put_key(&key, &p->id);
	position_put_value(&value, p);
	assert_null(memchr(value.data, '\n', value.len));
	if (position_read(key.data, key.len, value.data + 6, value.len - 6, &entry,
					  &error) != POSITION_RECORD)
		fail_msg("%s: %s", buf_cstr(&value), buf_cstr(&error));
	assert_int_equal(error.len, 0);
	assert_memory_equal(&entry.position, p, sizeof(*p));
	assert_true(position_id_equal(&entry.position.id, &p->id));
	buf_free(&key);
	buf_free(&value);
	buf_free(&error);
}

static void
round_trip_pin(const struct position_pin *pin)
{
	struct buf			  key = {0};
	struct buf			  value = {0};
	struct buf			  error = {0};
	struct position_entry entry;

	position_put_pin_key(&key, pin);
	position_put_pin_value(&value, pin);
	if (read_bufs(&key, &value, &entry, &error) != POSITION_PIN)
		fail_msg("%s: %s", buf_cstr(&value), buf_cstr(&error));
	assert_memory_equal(&entry.pin, pin, sizeof(*pin));
	buf_free(&key);
	buf_free(&value);
	buf_free(&error);
}

static void
record_is_read_as_it_was_written(void **state)
{
	struct position		p = usual;
	struct position_pin pin = usual_pin;

	(void) state;
	round_trip(&p);
	p.partial = (struct position_partial){.end_lsn = 1};
	round_trip(&p);
	p.partial = (struct position_partial){.end_lsn = UINT64_MAX,
										  .changes = INT64_MAX,
										  .hash = UINT32_MAX};
	round_trip(&p);

	/* Before the slot is made. */
	round_trip(&(struct position){.id = p.id});

	round_trip_pin(&pin);
	pin.partitions = INT32_MAX;
	memset(pin.topic, 't', sizeof(pin.topic) - 1);
	round_trip_pin(&pin);
}

static void
record_holds_the_largest_numbers(void **state)
{
	struct position p = usual;

	(void) state;
	p.id.system_id = UINT64_MAX;
	p.timeline = UINT32_MAX;
	p.end_lsn = UINT64_MAX;
	p.commit_lsn = UINT64_C(0xFFFFFFFF00000000);
	p.prev_end_lsn = UINT64_C(0x100000000);
	p.xid = UINT64_MAX;
	p.transactions = INT64_MAX;
	p.records = INT64_MAX;
	p.filter = UINT64_MAX;
	p.ts_ms = INT64_MIN;
	round_trip(&p);
	p.ts_ms = INT64_MAX;
	round_trip(&p);
}

static void
set_database(struct position *p, const char *name)
{
	memset(p->id.database, 0, sizeof(p->id.database));
	strcpy(p->id.database, name);
}

static void
record_holds_any_name(void **state)
{
	struct position		p = usual;
	struct position_pin pin = usual_pin;

	(void) state;
	set_database(&p, "a\"b\\c/d\n\t\x01\x7f {}[],:'");
	round_trip(&p);
	set_database(&p, "\",\"crc32c\":\"00000000\"}");
	round_trip(&p);
	set_database(&p, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x98");
	round_trip(&p);
	set_database(&p, "");
	round_trip(&p);
	memset(p.id.database, '"', sizeof(p.id.database) - 1);
	memset(p.id.slot, 's', sizeof(p.id.slot) - 1);
	memset(p.plugin, 'p', sizeof(p.plugin) - 1);
	memset(p.transactional_id, 't', sizeof(p.transactional_id) - 1);
	memset(p.run_id, 'r', sizeof(p.run_id) - 1);
	round_trip(&p);
	memcpy(&pin.id, &p.id, sizeof(pin.id));
	round_trip_pin(&pin);
}

/* Not in UTF-8, and all the same found again. */
static void
ids_are_equal_if_their_keys_are(void **state)
{
	struct position		  p = usual;
	struct position_id	  other = usual.id;
	struct position_entry entry;
	struct buf			  key = {0};
	struct buf			  error = {0};

	(void) state;
	strcpy(p.id.database, "caf\xe9");
	position_put_key(&key, &p.id);
	assert_int_equal(position_read(key.data, key.len, NULL, 0, &entry, &error),
					 POSITION_RECORD_DELETED);
	assert_true(position_id_equal(&entry.position.id, &p.id));

	assert_true(position_id_equal(&other, &usual.id));
	other.system_id++;
	assert_false(position_id_equal(&other, &usual.id));
	other = usual.id;
	other.database[0]++;
	assert_false(position_id_equal(&other, &usual.id));
	other = usual.id;
	other.slot[0]++;
	assert_false(position_id_equal(&other, &usual.id));
	buf_free(&key);
	buf_free(&error);
}

static void
refused(const void *key, size_t key_len, const void *value, size_t value_len)
{
	struct position_entry entry;
	struct buf			  error = {0};
	enum position_kind	  kind;

	kind = position_read(key, key_len, value, value_len, &entry, &error);
	if (kind != POSITION_BROKEN && kind != POSITION_FOREIGN)
		fail_msg("kind %d: %.*s", (int) kind, (int) value_len,
				 (const char *) value);
	assert_int_not_equal(error.len, 0);
	buf_free(&error);
}

/* Every prefix, and every flip of one bit, of key and of value. */
static void
spoil(struct buf *key, struct buf *value)
{
	for (size_t n = 0; n < value->len; n++)
		refused(key->data, key->len, value->data, n);
	for (size_t n = 0; n < key->len; n++)
		refused(key->data, n, value->data, value->len);
	for (size_t i = 0; i < 8 * value->len; i++)
	{
		value->data[i / 8] ^= (uint8_t) (1 << i % 8);
		refused(key->data, key->len, value->data, value->len);
		value->data[i / 8] ^= (uint8_t) (1 << i % 8);
	}
	for (size_t i = 0; i < 8 * key->len; i++)
	{
		key->data[i / 8] ^= (uint8_t) (1 << i % 8);
		refused(key->data, key->len, value->data, value->len);
		key->data[i / 8] ^= (uint8_t) (1 << i % 8);
	}

	/* One byte more is as bad as one byte less. */
	buf_putc(value, '\n');
	refused(key->data, key->len, value->data, value->len);
	value->len--;
	buf_putc(key, ' ');
	refused(key->data, key->len, value->data, value->len);
	key->len--;
}

static void
record_that_is_not_whole_is_refused(void **state)
{
	struct position p = usual;
	struct buf		key = {0};
	struct buf		value = {0};

	(void) state;
	p.partial = (struct position_partial){.end_lsn = UINT64_C(0x116B3800),
										  .changes = 5,
										  .hash = 0xa1};
	position_put_key(&key, &p.id);
	position_put_value(&value, &p);
	spoil(&key, &value);

	buf_reset(&key);
	buf_reset(&value);
	position_put_pin_key(&key, &usual_pin);
	position_put_pin_value(&value, &usual_pin);
	spoil(&key, &value);
	buf_free(&key);
	buf_free(&value);
}

/* A value under the key of another, of the same kind or not. */
static void
value_belongs_to_its_key(void **state)
{
	struct position_pin pin = usual_pin;
	struct position_id	id = usual.id;
	struct buf			key = {0};
	struct buf			value = {0};

	(void) state;
	position_put_value(&value, &usual);
	id.slot[0]++;
	position_put_key(&key, &id);
	refused(key.data, key.len, value.data, value.len);
	buf_reset(&key);
	position_put_pin_key(&key, &pin);
	refused(key.data, key.len, value.data, value.len);

	buf_reset(&value);
	position_put_pin_value(&value, &pin);
	buf_reset(&key);
	strcpy(pin.topic, "shop.public.order");
	position_put_pin_key(&key, &pin);
	refused(key.data, key.len, value.data, value.len);
	buf_free(&key);
	buf_free(&value);
}

static void
tombstones_say_whose(void **state)
{
	struct position_entry entry;
	struct buf			  key = {0};
	struct buf			  error = {0};

	(void) state;
	position_put_key(&key, &usual.id);
	assert_int_equal(position_read(key.data, key.len, NULL, 0, &entry, &error),
					 POSITION_RECORD_DELETED);
	assert_true(position_id_equal(&entry.position.id, &usual.id));
	buf_reset(&key);
	position_put_pin_key(&key, &usual_pin);
	assert_int_equal(position_read(key.data, key.len, NULL, 0, &entry, &error),
					 POSITION_PIN_DELETED);
	assert_true(position_id_equal(&entry.pin.id, &usual_pin.id));
	assert_string_equal(entry.pin.topic, usual_pin.topic);
	assert_int_equal(error.len, 0);

	/* An empty value is none. */
	refused(key.data, key.len, "", 0);
	buf_free(&key);
	buf_free(&error);
}

static void
foreign(const char *key, const char *expected)
{
	struct position_entry entry;
	struct buf			  error = {0};

	assert_int_equal(position_read(key, key ? strlen(key) : 0, "{}", 2, &entry,
								   &error),
					 POSITION_FOREIGN);
	if (strstr(buf_cstr(&error), expected) == NULL)
		fail_msg("\"%s\" does not have \"%s\"", buf_cstr(&error), expected);
	buf_free(&error);
}

static void
records_of_others_are_named(void **state)
{
	char long_key[5000];

	(void) state;
	foreign(NULL, "it has no key");
	foreign("", "none that walferry writes: \"\"");
	foreign("hello\n", "none that walferry writes: \"hello\\n\"");
	foreign("\xff\x01", "\"\xef\xbf\xbd\\u0001\"");
	foreign("[\"connector\",{\"server\":\"shop\"}]", "connector");
	foreign("null", "null");
	foreign("7", "7");

	/* The same in other words would be another key for compaction. */
	foreign("{\"database\":\"shop\",\"system_id\":\"7\",\"slot\":\"w\"}", "w");
	foreign("{\"system_id\":\"7\",\"database\":\"shop\",\"slot\": \"w\"}",
			"w");
	foreign("{\"system_id\":7,\"database\":\"shop\",\"slot\":\"w\"}", "w");
	foreign("{\"system_id\":\"07\",\"database\":\"shop\",\"slot\":\"w\"}",
			"w");
	foreign("{\"system_id\":\"7\",\"database\":\"shop\"}", "shop");
	foreign("{\"system_id\":\"7\",\"database\":\"shop\",\"slot\":\"w\","
			"\"more\":1}",
			"more");
	foreign("{\"system_id\":\"18446744073709551616\",\"database\":\"shop\","
			"\"slot\":\"w\"}",
			"18446744073709551616");
	foreign("{\"system_id\":\"7\",\"database\":\"12345678901234567890123456789"
			"01234567890123456789012345678901234\",\"slot\":\"w\"}",
			"12345");
	memset(long_key, 'k', sizeof(long_key) - 1);
	long_key[sizeof(long_key) - 1] = '\0';
	foreign(long_key, "kkkk\"...");
}

/* Read 'json' (an object without its end) as a value with a right checksum. */
static enum position_kind
read_made(const struct buf *key, const char *json, struct position_entry *out,
		  struct buf *error)
{
	struct buf		   value = {0};
	uint32_t		   crc = crc32c_update(0, json, strlen(json));
	enum position_kind kind;

	crc = crc32c_update(crc, key->data, key->len);
	buf_printf(&value, "%s,\"crc32c\":\"%08" PRIx32 "\"}", json, crc);
	buf_reset(error);
	kind = read_bufs(key, &value, out, error);
	buf_free(&value);
	return kind;
}

static const char *
without_end(const struct position *p, struct buf *out)
{
	buf_reset(out);
	position_put_value(out, p);
	out->len = (size_t) ((uint8_t *) strstr(buf_cstr(out), ",\"crc32c\"") -
						 out->data);
	return buf_cstr(out);
}

static void
fields_of_later_revisions_are_passed_over(void **state)
{
	struct buf			  key = {0};
	struct buf			  json = {0};
	struct buf			  error = {0};
	struct position_entry entry;

	(void) state;
	position_put_key(&key, &usual.id);
	without_end(&usual, &json);
	buf_lit(&json, ",\"colour\":{\"end_lsn\":[1,2,null]},\"zz\":1e3");
	assert_int_equal(read_made(&key, buf_cstr(&json), &entry, &error),
					 POSITION_RECORD);
	assert_memory_equal(&entry.position, &usual, sizeof(usual));
	buf_free(&key);
	buf_free(&json);
	buf_free(&error);
}

static void
later_versions_are_refused_as_such(void **state)
{
	struct buf			  key = {0};
	struct buf			  error = {0};
	struct position_entry entry;

	(void) state;
	position_put_key(&key, &usual.id);
	assert_int_equal(read_made(&key, "{\"version\":2", &entry, &error),
					 POSITION_NEWER);
	assert_non_null(strstr(buf_cstr(&error), "of version 2"));
	assert_int_equal(read_made(&key, "{\"version\":0", &entry, &error),
					 POSITION_BROKEN);
	assert_int_equal(read_made(&key, "{\"version\":\"2\"", &entry, &error),
					 POSITION_BROKEN);
	buf_free(&key);
	buf_free(&error);
}

/* With one field left out, and with one of another type or form. */
static void
broken_fields_are_named(void **state)
{
	static const struct
	{
		const char *field;
		const char *written;
		const char *instead;
	} cases[] = {
		{"version", "\"version\":1", "\"version\":null"},
		{"timeline", "\"timeline\":1", "\"timeline\":4294967296"},
		{"timeline", "\"timeline\":1", "\"timeline\":-1"},
		{"timeline", "\"timeline\":1", "\"timeline\":1.0"},
		{"end_lsn", "\"0/16B3748\"", "\"0/16b3748\""},
		{"end_lsn", "\"0/16B3748\"", "\"0/116B37481\""},
		{"end_lsn", "\"0/16B3748\"", "\"16B3748\""},
		{"end_lsn", "\"0/16B3748\"", "\"0/\""},
		{"end_lsn", "\"0/16B3748\"", "\"/16B3748\""},
		{"end_lsn", "\"0/16B3748\"", "\"0/16B3748 \""},
		{"end_lsn", "\"0/16B3748\"", "23803720"},
		{"commit_lsn", "\"0/16B3718\"", "\"\""},
		{"xid", "\"734\"", "734"},
		{"xid", "\"734\"", "\"-734\""},
		{"xid", "\"734\"", "\"18446744073709551616\""},
		{"transactions", "\"transactions\":12", "\"transactions\":\"12\""},
		{"records", "\"records\":34", "\"records\":-1"},
		{"prev_end_lsn", "\"prev_end_lsn\"", "\"last_end_lsn\""},
		{"partial", "\"partial\":null", "\"partial\":0"},
		{"partial.changes", "\"changes\":5", "\"changes\":-5"},
		{"partial.hash", "\"000000a1\"", "\"a1\""},
		{"partial.end_lsn", "\"0/116B3800\"", "\"0/0\""},
		{"partial.end_lsn", "{\"end_lsn\"", "{\"start_lsn\""},
		{"filter", "\"0000000000c0ffee\"", "\"c0ffee\""},
		{"filter", "\"0000000000c0ffee\"", "\"0000000000C0FFEE\""},
		{"plugin", "\"0.1.0\"", "\"12345678901234567890123456789012\""},
		{"transactional_id", "\"shop.walferry\"", "[]"},
		{"run_id", "\"7f1f", "\"77f1f"},
		{"ts_ms", "\"ts_ms\":1764200000000", "\"ts_ms\":true"},
	};
	struct position		  p = usual;
	struct buf			  key = {0};
	struct buf			  json = {0};
	struct buf			  made = {0};
	struct buf			  error = {0};
	struct position_entry entry;

	(void) state;
	position_put_key(&key, &p.id);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const char *at;
		char		expected[64];

		p.partial = strncmp(cases[i].field, "partial.", 8) == 0
						? (struct position_partial){UINT64_C(0x116B3800), 5,
													0xa1}
						: (struct position_partial){0};
		at = strstr(without_end(&p, &json), cases[i].written);
		assert_non_null(at);
		buf_reset(&made);
		buf_printf(&made, "%.*s%s%s", (int) (at - buf_cstr(&json)),
				   (char *) json.data, cases[i].instead,
				   at + strlen(cases[i].written));
		snprintf(expected, sizeof(expected), "field \"%s\" ", cases[i].field);
		assert_int_equal(read_made(&key, buf_cstr(&made), &entry, &error),
						 POSITION_BROKEN);
		if (strstr(buf_cstr(&error), expected) == NULL)
			fail_msg("%s: %s", buf_cstr(&made), buf_cstr(&error));
	}

	/* What is no object, or two things at once, with a right checksum. */
	assert_int_equal(read_made(&key, "[1", &entry, &error), POSITION_BROKEN);
	without_end(&usual, &json);
	buf_lit(&json, ",\"xid\":\"735\"");
	assert_int_equal(read_made(&key, buf_cstr(&json), &entry, &error),
					 POSITION_BROKEN);
	without_end(&usual, &json);
	buf_lit(&json, ",\"huge\":99999999999999999999");
	assert_int_equal(read_made(&key, buf_cstr(&json), &entry, &error),
					 POSITION_BROKEN);

	buf_reset(&key);
	position_put_pin_key(&key, &usual_pin);
	assert_int_equal(read_made(&key, "{\"version\":1", &entry, &error),
					 POSITION_BROKEN);
	assert_non_null(strstr(buf_cstr(&error), "\"partitions\" is missing"));
	assert_int_equal(read_made(&key, "{\"version\":1,\"partitions\":0", &entry,
							   &error),
					 POSITION_BROKEN);
	assert_int_equal(read_made(&key,
							   "{\"version\":1,\"partitions\":2147483648",
							   &entry, &error),
					 POSITION_BROKEN);
	buf_free(&key);
	buf_free(&json);
	buf_free(&made);
	buf_free(&error);
}

static void
values_of_absurd_size_are_not_parsed(void **state)
{
	struct buf			  key = {0};
	struct buf			  json = {0};
	struct buf			  error = {0};
	struct position_entry entry;

	(void) state;
	position_put_key(&key, &usual.id);
	without_end(&usual, &json);
	buf_lit(&json, ",\"x\":\"");
	while (json.len < 65536)
		buf_putc(&json, 'x');
	buf_putc(&json, '"');
	assert_int_equal(read_made(&key, buf_cstr(&json), &entry, &error),
					 POSITION_BROKEN);
	assert_non_null(strstr(buf_cstr(&error), "bytes"));
	buf_free(&key);
	buf_free(&json);
	buf_free(&error);
}

static bool
aborts(void (*fn)(void))
{
	pid_t pid;
	int	  status;

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
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void
put_endless_count(void)
{
	struct position p = usual;
	struct buf		value = {0};

	p.records = (uint64_t) INT64_MAX + 1;
	position_put_value(&value, &p);
	buf_free(&value);
}

static void
put_pin_of_nothing(void)
{
	struct position_pin pin = usual_pin;
	struct buf			value = {0};

	pin.partitions = 0;
	position_put_pin_value(&value, &pin);
	buf_free(&value);
}

static void
values_that_cannot_be_abort(void **state)
{
	(void) state;
	assert_true(aborts(put_endless_count));
	assert_true(aborts(put_pin_of_nothing));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_has_the_documented_bytes),
		cmocka_unit_test(record_is_read_as_it_was_written),
		cmocka_unit_test(record_holds_the_largest_numbers),
		cmocka_unit_test(record_holds_any_name),
		cmocka_unit_test(ids_are_equal_if_their_keys_are),
		cmocka_unit_test(record_that_is_not_whole_is_refused),
		cmocka_unit_test(value_belongs_to_its_key),
		cmocka_unit_test(tombstones_say_whose),
		cmocka_unit_test(records_of_others_are_named),
		cmocka_unit_test(fields_of_later_revisions_are_passed_over),
		cmocka_unit_test(later_versions_are_refused_as_such),
		cmocka_unit_test(broken_fields_are_named),
		cmocka_unit_test(values_of_absurd_size_are_not_parsed),
		cmocka_unit_test(values_that_cannot_be_abort),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
