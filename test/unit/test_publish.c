/* links: publish txnmeta rename route ack buf log format_json
 * links: format_json_debezium format_json_default format_json_schema
 * links: format_json_type format_json_extension format_json_time avro_name jsontext
 * links: pgtext pgtext_array pgtext_bits pgtext_datetime pgtext_float
 * links: pgtext_geo pgtext_jsonb pgtext_net pgtext_numeric pgtext_range
 * links: pgtext_ts pgtext_xml store position crc32c mask_hash */
/* libs: jansson libpcre2-8 libcrypto */
/*
 * From a change to its records, with a sink that refuses as it is told to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../forwarder/config.h"
#include "../../forwarder/publish.h"
#include "../../forwarder/route.h"
#include "captured_log.h"

#define PARTITIONS 3
#define RECORDS 64
#define TOPIC 7
#define STORE_TOPIC 9
#define TRANSACTION_TOPIC 11

struct config
{
	bool			   tombstones;
	bool			   headers;
	bool			   skip_unchanged;
	bool			   current; /* walferry.partition.count */
	bool			   placeholder;
	bool			   debezium;	 /* compatibility */
	bool			   metadata;	 /* provide.transaction.metadata */
	bool			   regex;		 /* DefaultRegexTopicNamingStrategy */
	bool			   unidentified; /* topic.key.enforce.uniqueness=false */
	bool			   schemas;
	bool			   key_schemas;
	size_t			   record_max;
	const char		  *transaction; /* topic.transaction, likewise */
	const char		  *time;	/* time.precision.mode; NULL: the default */
	const char *const *skipped; /* skipped.operations: one, or NULL */
};

const char *
config_str(const struct config *c, const char *name)
{
	(void) c;
	if (strcmp(name, "topic.prefix") == 0)
		return "p";
	if (strcmp(name, "topic.delimiter") == 0)
		return ".";
	if (strcmp(name, "topic.regex") == 0)
		return "(.*)[.]t|p[.]bad";
	if (strcmp(name, "topic.replacement") == 0)
		return "$1 tables";
	if (strcmp(name, "topic.key.field.name") == 0)
		return "whose";
	if (strcmp(name, "topic.key.field.regex") == 0)
		return "p[.](.*)";
	if (strcmp(name, "topic.key.field.replacement") == 0)
		return "<$1>";
	if (strcmp(name, "topic.transaction") == 0)
		return c->transaction != NULL ? c->transaction : "transaction";
	assert_string_equal(name, "unavailable.value.placeholder");
	return "?";
}

bool
config_bool(const struct config *c, const char *name)
{
	if (strcmp(name, "tombstones.on.delete") == 0)
		return c->tombstones;
	if (strcmp(name, "skip.messages.without.change") == 0)
		return c->skip_unchanged;
	if (strcmp(name, "provide.transaction.metadata") == 0)
		return c->metadata;
	if (strcmp(name, "topic.key.enforce.uniqueness") == 0)
		return !c->unidentified;
	if (strcmp(name, "include.unknown.datatypes") == 0 ||
		strstr(name, "replace.null.with.default") != NULL)
		return false;
	if (strcmp(name, "value.converter.schemas.enable") == 0)
		return c->schemas;
	if (strcmp(name, "key.converter.schemas.enable") == 0)
		return c->key_schemas;
	assert_string_equal(name, "extended.headers.enabled");
	return c->headers;
}

int64_t
config_int(const struct config *c, const char *name)
{
	(void) c;
	assert_string_equal(name, "money.fraction.digits");
	return 2;
}

bool
config_is(const struct config *c, const char *name, const char *value)
{
	if (strcmp(name, "walferry.partition.count") == 0 &&
		strcmp(value, "current") == 0)
		return c->current;
	if (strcmp(name, "walferry.too.large") == 0)
	{
		assert_string_equal(value, "placeholder");
		return c->placeholder;
	}
	if (strcmp(name, "time.precision.mode") == 0)
		return c->time != NULL && strcmp(value, c->time) == 0;
	if (strcmp(name, "topic.naming.strategy") == 0)
		return c->regex &&
			   strcmp(value, "io.debezium.schema."
							 "DefaultRegexTopicNamingStrategy") == 0;
	if (strcmp(name, "compatibility") == 0)
		return c->debezium && strcmp(value, "debezium") == 0;
	return false;
}

bool
config_list_names(const struct config *c, const char *list, const char *name)
{
	(void) c;
	assert_non_null(strstr(list, "propagate.source.type"));
	assert_non_null(name);
	return false;
}

bool
config_column_rules_name(const struct config *c, const char *row,
						 const char *name)
{
	(void) c;
	assert_string_equal(row, "column.mask.with.<n>.chars");
	assert_non_null(name);
	return false;
}

const char *const *
config_list(const struct config *c, const char *name, size_t *n)
{
	assert_string_equal(name, "skipped.operations");
	*n = c->skipped != NULL;
	return c->skipped;
}

const struct mask_hash_rule *
config_hash_rules(const struct config *c, size_t *n)
{
	(void) c;
	*n = 0;
	return NULL;
}

size_t
config_record_max(const struct config *c)
{
	return c->record_max;
}

/* A record as the sink was given it. */
struct taken
{
	char	 key[256]; /* "" with has_key false: none */
	bool	 has_key;
	char	 op; /* of the value; '-': a tombstone, 'P': a record of the store,
				  * not looked into; 'B', 'E': BEGIN and END */
	int32_t	 partition;
	uint64_t ticket;
	char	 position[PUBLISH_POSITION_LEN + 1];
	char	 key_header[64]; /* "newkey={...}" */
	size_t	 nheaders;
	char	 header_names[256]; /* each with a blank after it */
	char	 too_large[64];
	char	 value[600]; /* its first bytes */
	size_t	 value_len;
};

struct fake
{
	struct sink		  base;
	int				  not_ready; /* answers of SINK_AGAIN for the topic */
	int				  refuse;	 /* refuse every n-th submit; 0: none */
	int				  submits;
	int32_t			  partitions;
	enum sink_outcome failure; /* of each submit, if SINK_FAILED */
	char			  topic[300];
	struct taken	  taken[RECORDS];
	uint32_t		  ntaken;
};

static uint32_t
fake_topic(struct sink *s, const char *name)
{
	struct fake *f = (struct fake *) s;

	strcpy(f->topic, name);
	return strcmp(name, "p.walferry.offsets") == 0 ? STORE_TOPIC
		   : strcmp(name, "p.transaction") == 0	   ? TRANSACTION_TOPIC
												   : TOPIC;
}

static enum sink_outcome
fake_partitions(struct sink *s, uint32_t topic, int32_t *count)
{
	struct fake *f = (struct fake *) s;

	assert_true(topic == TOPIC || topic == STORE_TOPIC ||
				topic == TRANSACTION_TOPIC);
	if (f->not_ready-- > 0)
		return SINK_AGAIN;
	*count = f->partitions;
	return SINK_DONE;
}

static void
copy(char *out, size_t size, const void *data, size_t len)
{
	assert_true(len < size);
	memcpy(out, data, len);
	out[len] = '\0';
}

static enum sink_outcome
fake_submit(struct sink *s, const struct sink_record *r, uint64_t ticket)
{
	struct fake	 *f = (struct fake *) s;
	struct taken *t = &f->taken[f->ntaken];

	assert_true(r->topic == TOPIC || r->topic == STORE_TOPIC ||
				r->topic == TRANSACTION_TOPIC);
	f->submits++;
	if (f->failure == SINK_FAILED)
		return SINK_FAILED;
	if (f->refuse > 0 && f->submits % f->refuse != 0)
		return SINK_AGAIN;
	assert_true(f->ntaken < RECORDS);
	memset(t, 0, sizeof(*t));
	t->has_key = r->key != NULL;
	if (r->key != NULL)
		copy(t->key, sizeof(t->key), r->key, r->key_len);
	t->op = r->topic == STORE_TOPIC ? 'P' : '-';
	if (r->topic == STORE_TOPIC)
		copy(t->value, sizeof(t->value), r->value, r->value_len);
	else if (r->value != NULL)
	{
		const char *op = memmem(r->value, r->value_len, "\"op\":\"", 6);

		if (r->topic == TRANSACTION_TOPIC)
			t->op = memmem(r->value, r->value_len, "BEGIN", 5) ? 'B' : 'E';
		else
		{
			assert_non_null(op);
			t->op = op[6];
		}
		t->value_len = r->value_len;
		copy(t->value, sizeof(t->value), r->value,
			 r->value_len < sizeof(t->value) ? r->value_len
											 : sizeof(t->value) - 1);
	}
	t->partition = r->partition;
	t->ticket = ticket;
	t->nheaders = r->nheaders;
	t->header_names[0] = '\0';
	for (size_t i = 0; i < r->nheaders; i++)
	{
		const struct sink_header *h = &r->headers[i];
		size_t					  n = strlen(t->header_names);

		(void) snprintf(t->header_names + n, sizeof(t->header_names) - n,
						"%s ", h->name);

		if (strcmp(h->name, PUBLISH_POSITION_HEADER) == 0)
			copy(t->position, sizeof(t->position), h->data, h->len);
		else if (strcmp(h->name, PUBLISH_TOO_LARGE_HEADER) == 0)
			copy(t->too_large, sizeof(t->too_large), h->data, h->len);
		else if (strcmp(h->name, "__debezium.newkey") == 0 ||
				 strcmp(h->name, "__debezium.oldkey") == 0)
		{
			n = 6;
			memcpy(t->key_header, h->name + 11, n);
			t->key_header[n++] = '=';
			copy(t->key_header + n, sizeof(t->key_header) - n, h->data,
				 h->len);
		}
	}
	f->ntaken++;
	return SINK_DONE;
}

static const char *
fake_error(struct sink *s)
{
	(void) s;
	return "it broke";
}

static int
fake_exit_code(struct sink *s)
{
	(void) s;
	return 4;
}

static const struct sink_ops fake_ops = {
	.name = "fake",
	.topic = fake_topic,
	.partitions = fake_partitions,
	.submit = fake_submit,
	.error = fake_error,
	.exit_code = fake_exit_code,
};

/* A table t (id int primary key, n int), and one without a key. */
struct bench
{
	struct config			  config;
	struct fake				  sink;
	struct publish			 *publish;
	struct ack_ledger		 *ledger;
	struct store			 *store;
	uint64_t				  ticket;
	struct change_column	  columns[2];
	uint16_t				  keys[1];
	struct schema_relation	  table;
	struct change_transaction txn;
	struct change			  change;
	uint8_t					  raw[4][4];
	struct change_value		  before[2];
	struct change_value		  after[2];
};

static struct change_column
int_column(const char *name)
{
	struct change_column c = {
		.name = name,
		.encoding = CHANGE_RAW,
		.width = 4,
		.kind = 'b',
		.type = {23, -1, "pg_catalog", "int4"},
		.element = {0, -1, "", ""},
	};

	c.base = c.type;
	return c;
}

static int
set_up(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->config = (struct config){.tombstones = true};
	b->sink.base.ops = &fake_ops;
	b->sink.partitions = PARTITIONS;
	b->columns[0] = int_column("id");
	b->columns[0].key_position = 1;
	b->columns[0].not_null = true;
	b->columns[0].in_identity = true;
	b->columns[1] = int_column("n");
	b->table.relation = (struct change_relation){
		.schema = "public",
		.name = "t",
		.kind = 'r',
		.identity = 'd',
		.ncolumns = 2,
		.columns = b->columns,
		.nkeys = 1,
		.keys = b->keys,
		.nidentity = 1,
		.identities = b->keys,
	};
	b->txn = (struct change_transaction){.xid = 9, .end_lsn = 0xABCDEF};
	b->change.txn = &b->txn;
	b->change.relation = &b->table.relation;
	b->change.position = (struct change_position){2, 0xABCDEF, 5, 0};
	b->ledger = ack_new(0, 8);
	b->ticket = ack_begin(b->ledger, 0xABCDEF);
	*state = b;
	return 0;
}

/* The source has replaced it: what was planned for it is gone. */
static void
forget_relation(struct bench *b)
{
	publish_release(b->table.user);
	b->table.user = NULL;
}

static int
tear_down(void **state)
{
	struct bench *b = *state;

	if (b->table.user != NULL)
		publish_release(b->table.user);
	publish_free(b->publish);
	store_free(b->store);
	ack_free(b->ledger);
	free(b);
	return 0;
}

static void
start(struct bench *b)
{
	b->publish = publish_new(&b->config);
	publish_start(b->publish, &b->sink.base, "db", 'L');
}

static struct change_value
int_value(uint8_t *raw, int v)
{
	raw[0] = (uint8_t) v;
	return (struct change_value){CHANGE_VALUE, raw, 4};
}

/* A negative id: no such tuple. */
static void
take(struct bench *b, enum change_op op, int old_id, int new_id)
{
	b->change.op = op;
	b->change.before = b->change.after = NULL;
	if (old_id >= 0)
	{
		b->before[0] = int_value(b->raw[0], old_id);
		b->before[1] = (struct change_value){.state = CHANGE_ABSENT};
		b->change.before = b->before;
	}
	if (new_id >= 0)
	{
		b->after[0] = int_value(b->raw[2], new_id);
		b->after[1] = int_value(b->raw[3], 1);
		b->change.after = b->after;
	}
	publish_take(b->publish, &b->change, &b->table, 1);
}

static enum sink_outcome
submit(struct bench *b)
{
	return publish_submit(b->publish, b->ledger, b->ticket);
}

/* Submit until it is through, however often it is refused. */
static void
submit_all(struct bench *b)
{
	int tries = 0;

	while (submit(b) == SINK_AGAIN)
	{
		assert_true(++tries < 1000);
		/* What was refused does not count, what was taken does. */
		assert_int_equal(ack_outstanding(b->ledger), b->sink.ntaken);
	}
	assert_int_equal(ack_outstanding(b->ledger), b->sink.ntaken);
}

static void
assert_taken(const struct taken *t, char op, const char *key, unsigned part)
{
	char position[64];

	assert_int_equal(t->op, op);
	if (key == NULL)
		assert_false(t->has_key);
	else
	{
		assert_true(t->has_key);
		assert_string_equal(t->key, key);
		assert_int_equal(t->partition,
						 route_partition(key, strlen(key), PARTITIONS));
	}
	snprintf(position, sizeof(position),
			 "00000002-0000000000ABCDEF-000000000005-%04X", part);
	assert_string_equal(t->position, position);
}

/* Named by the topic; of the columns it is told what the lists say. */
static void
schemas_are_the_topic_s(void **state)
{
	static const char key[] = "{\"schema\":{\"type\":\"struct\",\"fields\":["
							  "{\"type\":\"int32\",\"optional\":";
	struct bench	 *b = *state;

	b->config.key_schemas = b->config.schemas = true;
	start(b);
	take(b, CHANGE_DELETE, 1, -1);
	assert_int_equal(submit(b), SINK_DONE);
	assert_int_equal(b->sink.ntaken, 2);
	assert_memory_equal(b->sink.taken[0].key, key, strlen(key));
	assert_non_null(strstr(b->sink.taken[0].key, "\"p.public.t.Key\""));
	assert_memory_equal(b->sink.taken[0].value, key, 19);

	/* a tombstone has none */
	assert_memory_equal(b->sink.taken[1].key, key, strlen(key));
	assert_int_equal(b->sink.taken[1].op, '-');
}

static void
insert_is_one_record(void **state)
{
	struct bench *b = *state;

	start(b);
	take(b, CHANGE_INSERT, -1, 1);
	assert_int_equal(submit(b), SINK_DONE);
	assert_string_equal(b->sink.topic, "p.public.t");
	assert_int_equal(b->sink.ntaken, 1);
	assert_taken(&b->sink.taken[0], 'c', "{\"id\":1}", 0);
	assert_int_equal(b->sink.taken[0].nheaders, 1);
	assert_int_equal(b->sink.taken[0].ticket, b->ticket);

	/* Nothing is left to hand over. */
	assert_int_equal(submit(b), SINK_DONE);
	assert_int_equal(b->sink.ntaken, 1);
}

/* A time and a timestamp of 1 ms, with three digits of a second or with six. */
static void
times_are_written_as_configured(void **state)
{
	static const struct
	{
		const char *mode;
		const char *three;
		const char *six;
	} modes[] = {
		{NULL, "{\"id\":1,\"n\":1}", "{\"id\":1000,\"n\":1000}"},
		{"adaptive_time_microseconds", "{\"id\":1000,\"n\":1}",
		 "{\"id\":1000,\"n\":1000}"},
		{"connect", "{\"id\":1,\"n\":1}", "{\"id\":1,\"n\":1}"},
		{"microseconds", "{\"id\":1000,\"n\":1000}",
		 "{\"id\":1000,\"n\":1000}"},
		{"nanoseconds", "{\"id\":1000000,\"n\":1000000}",
		 "{\"id\":1000000,\"n\":1000000}"},
		{"isostring",
		 "{\"id\":\"00:00:00.001Z\",\"n\":\"1970-01-01T00:00:00.001Z\"}",
		 "{\"id\":\"00:00:00.001Z\",\"n\":\"1970-01-01T00:00:00.001Z\"}"},
		{"iso_local",
		 "{\"id\":\"00:00:00.001\",\"n\":\"1970-01-01T00:00:00.001\"}",
		 "{\"id\":\"00:00:00.001\",\"n\":\"1970-01-01T00:00:00.001\"}"},
	};
	/* little-endian; a timestamp counts from 2000 on */
	static const uint8_t time[8] = {0xe8, 3};
	static const uint8_t timestamp[8] = {0xe8, 0x23, 0xc8, 0xc4,
										 0xfe, 0xa2, 0xfc, 0xff};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
	{
		for (int digits = 3; digits <= 6; digits += 3)
		{
			struct bench *b;

			assert_int_equal(tear_down(state), 0);
			assert_int_equal(set_up(state), 0);
			b = *state;
			b->config.time = modes[i].mode;
			b->columns[0].base = (struct change_type){1083, digits,
													  "pg_catalog", "time"};
			b->columns[1].base = (struct change_type){1114, digits,
													  "pg_catalog",
													  "timestamp"};
			start(b);
			b->change.op = CHANGE_INSERT;
			b->after[0] = (struct change_value){CHANGE_VALUE, time, 8};
			b->after[1] = (struct change_value){CHANGE_VALUE, timestamp, 8};
			b->change.after = b->after;
			publish_take(b->publish, &b->change, &b->table, 1);
			submit_all(b);
			assert_non_null(
				strstr(b->sink.taken[0].value,
					   digits == 3 ? modes[i].three : modes[i].six));
		}
	}
}

static void
delete_has_a_tombstone_if_asked_for(void **state)
{
	struct bench *b = *state;

	start(b);
	take(b, CHANGE_DELETE, 1, -1);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 2);
	assert_taken(&b->sink.taken[0], 'd', "{\"id\":1}", 0);
	assert_taken(&b->sink.taken[1], '-', "{\"id\":1}", 1);
}

static void
delete_has_no_tombstone_if_not(void **state)
{
	struct bench *b = *state;

	b->config.tombstones = false;
	start(b);
	take(b, CHANGE_DELETE, 1, -1);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 1);
	assert_taken(&b->sink.taken[0], 'd', "{\"id\":1}", 0);
}

static void
key_change_is_delete_tombstone_create(void **state)
{
	struct bench *b = *state;

	start(b);
	take(b, CHANGE_UPDATE, 1, 2);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 3);
	assert_taken(&b->sink.taken[0], 'd', "{\"id\":1}", 0);
	assert_taken(&b->sink.taken[1], '-', "{\"id\":1}", 1);
	assert_taken(&b->sink.taken[2], 'c', "{\"id\":2}", 2);
	assert_string_equal(b->sink.taken[0].key_header, "newkey={\"id\":2}");
	assert_string_equal(b->sink.taken[1].key_header, "newkey={\"id\":2}");
	assert_string_equal(b->sink.taken[2].key_header, "oldkey={\"id\":1}");
}

/* Where a record goes and what it is called is not a matter of its value. */
static void
key_that_no_row_shows_is_a_key_like_any_other(void **state)
{
	struct bench *b = *state;

	b->columns[0].key_only = true;
	start(b);
	take(b, CHANGE_INSERT, -1, 1);
	submit_all(b);
	take(b, CHANGE_UPDATE, 1, 2);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 4);
	assert_taken(&b->sink.taken[0], 'c', "{\"id\":1}", 0);
	assert_taken(&b->sink.taken[1], 'd', "{\"id\":1}", 0);
	assert_taken(&b->sink.taken[2], '-', "{\"id\":1}", 1);
	assert_taken(&b->sink.taken[3], 'c', "{\"id\":2}", 2);
	assert_string_equal(b->sink.taken[1].key_header, "newkey={\"id\":2}");
	assert_string_equal(b->sink.taken[3].key_header, "oldkey={\"id\":1}");
}

/* The create is part 2, whether or not there is a tombstone, and comes after
 * the delete in any case. */
static void
key_change_without_tombstones_keeps_its_order(void **state)
{
	struct bench *b = *state;

	b->config.tombstones = false;
	start(b);
	take(b, CHANGE_UPDATE, 1, 2);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 2);
	assert_taken(&b->sink.taken[0], 'd', "{\"id\":1}", 0);
	assert_taken(&b->sink.taken[1], 'c', "{\"id\":2}", 2);
}

static void
same_key_is_one_update(void **state)
{
	struct bench *b = *state;

	start(b);
	take(b, CHANGE_UPDATE, 1, 1);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 1);
	assert_taken(&b->sink.taken[0], 'u', "{\"id\":1}", 0);
	assert_string_equal(b->sink.taken[0].key_header, "");
}

static void
truncate_goes_to_each_partition(void **state)
{
	struct bench *b = *state;

	start(b);
	take(b, CHANGE_TRUNCATE, -1, -1);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, PARTITIONS);
	for (unsigned i = 0; i < PARTITIONS; i++)
	{
		assert_taken(&b->sink.taken[i], 't', NULL, i);
		assert_int_equal(b->sink.taken[i].partition, i);
	}
}

/* Refused two times out of three: each record still exactly once, in order. */
static void
refusals_neither_lose_nor_repeat(void **state)
{
	struct bench *b = *state;

	b->sink.not_ready = 4;
	b->sink.refuse = 3;
	start(b);
	take(b, CHANGE_UPDATE, 1, 2);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 3);
	assert_taken(&b->sink.taken[0], 'd', "{\"id\":1}", 0);
	assert_taken(&b->sink.taken[1], '-', "{\"id\":1}", 1);
	assert_taken(&b->sink.taken[2], 'c', "{\"id\":2}", 2);
	take(b, CHANGE_TRUNCATE, -1, -1);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 3 + PARTITIONS);
	for (unsigned i = 0; i < PARTITIONS; i++)
		assert_int_equal(b->sink.taken[3 + i].partition, i);
}

static void
abandoned_change_is_forgotten(void **state)
{
	struct bench *b = *state;

	b->sink.refuse = 2;
	start(b);
	take(b, CHANGE_UPDATE, 1, 2);
	assert_int_equal(submit(b), SINK_AGAIN);
	publish_abandon(b->publish);
	assert_int_equal(submit(b), SINK_DONE);
	assert_int_equal(b->sink.ntaken, 0);
	assert_int_equal(ack_outstanding(b->ledger), 0);
}

static void
failure_is_handed_on_and_not_counted(void **state)
{
	struct bench *b = *state;

	b->sink.failure = SINK_FAILED;
	start(b);
	take(b, CHANGE_INSERT, -1, 1);
	assert_int_equal(submit(b), SINK_FAILED);
	assert_string_equal(publish_error(b->publish), "it broke");
	assert_int_equal(publish_exit_code(b->publish), 4);
	assert_int_equal(ack_outstanding(b->ledger), 0);
}

static void
table_without_key_stays_in_one_partition(void **state)
{
	struct bench *b = *state;

	b->table.relation.nkeys = b->table.relation.nidentity = 0;
	b->table.relation.identity = 'n';
	b->columns[0].key_position = 0;
	b->columns[0].in_identity = false;
	start(b);
	for (int i = 0; i < 10; i++)
	{
		take(b, CHANGE_INSERT, -1, i);
		submit_all(b);
	}
	for (int i = 0; i < 10; i++)
	{
		assert_false(b->sink.taken[i].has_key);
		assert_int_equal(b->sink.taken[i].partition,
						 b->sink.taken[0].partition);
	}
	assert_in_range(b->sink.taken[0].partition, 0, PARTITIONS - 1);
}

static void
table_whose_topic_can_have_no_name_is_refused(void **state)
{
	struct bench *b = *state;
	char		  name[300];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	b->table.relation.name = name;
	start(b);
	take(b, CHANGE_INSERT, -1, 1);
	assert_int_equal(submit(b), SINK_FAILED);
	assert_int_equal(publish_exit_code(b->publish), 4);
	assert_non_null(strstr(publish_error(b->publish), "public.nnn"));
}

static void
message_has_its_prefix_as_key(void **state)
{
	struct bench *b = *state;

	start(b);
	b->change.op = CHANGE_MESSAGE;
	b->change.relation = NULL;
	b->change.message = (struct change_message){.prefix = "pre",
												.prefix_len = 3,
												.content = b->raw[0]};
	publish_take(b->publish, &b->change, NULL, 1);
	submit_all(b);
	assert_string_equal(b->sink.topic, "p.message");
	assert_taken(&b->sink.taken[0], 'm', "{\"prefix\":\"pre\"}", 0);
}

static void
context_headers_can_be_left_out(void **state)
{
	struct bench *b = *state;

	b->config.headers = true;
	start(b);
	take(b, CHANGE_UPDATE, 1, 2);
	submit_all(b);
	assert_int_equal(b->sink.taken[0].nheaders, 6);
}

static void
headers_come_in_debeziums_order(void **state)
{
	struct bench *b = *state;

	b->config.headers = true;
	start(b);
	take(b, CHANGE_UPDATE, 1, 2);
	submit_all(b);
	assert_string_equal(b->sink.taken[1].header_names,
						"__debezium.newkey "
						"__debezium.context.connectorLogicalName "
						"__debezium.context.taskId "
						"__debezium.context.connectorName "
						"__debezium.context.runId " PUBLISH_POSITION_HEADER
						" ");
}

/* One truncate, no headers on messages, tombstones without a key. */
static void
debeziums_records_are_its_own(void **state)
{
	struct bench *b = *state;

	b->config.headers = true;
	b->config.debezium = true;
	start(b);
	take(b, CHANGE_TRUNCATE, -1, -1);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 1);
	assert_taken(&b->sink.taken[0], 't', NULL, 0);
	assert_int_equal(b->sink.taken[0].nheaders, 5);

	b->change.op = CHANGE_MESSAGE;
	b->change.relation = NULL;
	b->change.message = (struct change_message){.prefix = "pre",
												.prefix_len = 3,
												.content = b->raw[0]};
	publish_take(b->publish, &b->change, NULL, 1);
	submit_all(b);
	assert_string_equal(b->sink.taken[1].header_names,
						PUBLISH_POSITION_HEADER " ");

	/* a row of which the key is not known */
	b->change.op = CHANGE_DELETE;
	b->change.relation = &b->table.relation;
	b->change.before = NULL;
	publish_take(b->publish, &b->change, &b->table, 1);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 4);
	assert_taken(&b->sink.taken[2], 'd', NULL, 0);
	assert_taken(&b->sink.taken[3], '-', NULL, 1);
}

/*
 * Pins.
 */

#define PIN_KEY                                                \
	"{\"system_id\":\"7\",\"database\":\"db\",\"slot\":\"s\"," \
	"\"topic\":\"p.public.t\"}"

static const struct position_id id = {.system_id = 7,
									  .database = "db",
									  .slot = "s"};

/* 'pinned': by a record that the store holds; 0: by none. */
static void
start_with_store(struct bench *b, int32_t pinned)
{
	static const struct position self;

	b->store = store_new(&id, &self);
	if (pinned != 0)
		store_pinned(b->store, "p.public.t", pinned);
	start(b);
	publish_use_store(b->publish, b->store, STORE_TOPIC);
}

static void
assert_pin(const struct bench *b, const struct taken *t, int32_t partitions)
{
	struct position_entry entry;
	struct buf			  error = {0};

	assert_int_equal(t->op, 'P');
	assert_string_equal(t->key, PIN_KEY);
	assert_int_equal(t->partition, 0);
	assert_int_equal(t->ticket, b->ticket);
	assert_int_equal(t->nheaders, 0);
	assert_int_equal(position_read(t->key, strlen(t->key), t->value,
								   strlen(t->value), &entry, &error),
					 POSITION_PIN);
	assert_int_equal(entry.pin.partitions, partitions);
	assert_int_equal(store_pin(b->store, "p.public.t"), partitions);
	buf_free(&error);
}

/* Standard error is this file's meanwhile: what was warned of, once. */
static void
submit_with_warning(struct bench *b, const char *text)
{
	int		file = memfd_create("log", 0);
	int		saved = dup(STDERR_FILENO);
	char	said[4096];
	ssize_t n;

	dup2(file, STDERR_FILENO);
	submit_all(b);
	dup2(saved, STDERR_FILENO);
	n = pread(file, said, sizeof(said) - 1, 0);
	assert_true(n >= 0);
	said[n] = '\0';
	close(file);
	close(saved);
	if (text == NULL)
		assert_string_equal(said, "");
	else if (strstr(said, " warn publish: ") == NULL ||
			 strstr(said, text) == NULL || strchr(said, '\n') != said + n - 1)
		fail_msg("\"%s\" is not the one line of: %s", text, said);
}

static void
pin_comes_before_the_first_record_that_relies_on_it(void **state)
{
	struct bench *b = *state;

	start_with_store(b, 0);
	take(b, CHANGE_INSERT, -1, 1);
	submit_with_warning(b, NULL);
	assert_int_equal(b->sink.ntaken, 2);
	assert_pin(b, &b->sink.taken[0], PARTITIONS);
	assert_taken(&b->sink.taken[1], 'c', "{\"id\":1}", 0);

	/* It is no event, and comes once. */
	assert_int_equal(publish_records(b->publish), 1);
	take(b, CHANGE_INSERT, -1, 2);
	submit_with_warning(b, NULL);
	assert_int_equal(b->sink.ntaken, 3);
	assert_taken(&b->sink.taken[2], 'c', "{\"id\":2}", 0);
}

static void
pin_that_is_stored_already_does_not_come_again(void **state)
{
	struct bench *b = *state;

	start_with_store(b, PARTITIONS);
	take(b, CHANGE_INSERT, -1, 1);
	submit_with_warning(b, NULL);
	assert_int_equal(b->sink.ntaken, 1);
	assert_taken(&b->sink.taken[0], 'c', "{\"id\":1}", 0);
}

/* <topic.prefix>.<slot.name>.offsets, and the table "offsets" of a schema. */
static void
table_whose_topic_is_that_of_positions_is_refused(void **state)
{
	struct bench *b = *state;

	b->table.relation.schema = "walferry";
	b->table.relation.name = "offsets";
	start_with_store(b, 0);
	take(b, CHANGE_INSERT, -1, 1);
	assert_int_equal(submit(b), SINK_FAILED);
	assert_int_equal(b->sink.submits, 0);
	assert_int_equal(publish_exit_code(b->publish), 4);
	assert_string_equal(publish_error(b->publish),
						"topic p.walferry.offsets of table walferry.offsets "
						"is the one where positions are kept; exclude the "
						"table, or name another topic for positions with "
						"offsets.storage.topic");
}

/* Where no position is stored it is a table as any other. */
static void
table_of_that_name_is_not_refused_without_positions(void **state)
{
	struct bench *b = *state;

	b->table.relation.schema = "walferry";
	b->table.relation.name = "offsets";
	start(b);
	take(b, CHANGE_INSERT, -1, 1);
	assert_int_not_equal(submit(b), SINK_FAILED);
}

/* Refused two times out of three, as any record. */
static void
pin_that_is_refused_is_neither_lost_nor_repeated(void **state)
{
	struct bench *b = *state;

	b->sink.not_ready = 2;
	b->sink.refuse = 3;
	start_with_store(b, 0);
	take(b, CHANGE_UPDATE, 1, 2);
	assert_int_equal(submit(b), SINK_AGAIN); /* topic */
	assert_int_equal(submit(b), SINK_AGAIN);
	assert_int_equal(submit(b), SINK_AGAIN); /* pin */
	assert_int_equal(b->sink.submits, 1);
	assert_int_equal(store_pin(b->store, "p.public.t"), 0);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 4);
	assert_pin(b, &b->sink.taken[0], PARTITIONS);
	assert_taken(&b->sink.taken[1], 'd', "{\"id\":1}", 0);
	assert_taken(&b->sink.taken[2], '-', "{\"id\":1}", 1);
	assert_taken(&b->sink.taken[3], 'c', "{\"id\":2}", 2);
}

/* The stream breaks while the pin waits: the next one brings it. */
static void
pin_that_was_abandoned_comes_with_the_next_stream(void **state)
{
	struct bench *b = *state;

	b->sink.refuse = 2;
	start_with_store(b, 0);
	take(b, CHANGE_INSERT, -1, 1);
	assert_int_equal(submit(b), SINK_AGAIN);
	publish_abandon(b->publish);
	forget_relation(b);
	b->sink.refuse = 0;
	publish_start(b->publish, &b->sink.base, "db", 'L');
	publish_use_store(b->publish, b->store, STORE_TOPIC);
	take(b, CHANGE_INSERT, -1, 1);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 2);
	assert_pin(b, &b->sink.taken[0], PARTITIONS);
	assert_taken(&b->sink.taken[1], 'c', "{\"id\":1}", 0);
}

static void
pin_whose_record_fails_is_a_failure_of_the_sink(void **state)
{
	struct bench *b = *state;

	b->sink.failure = SINK_FAILED;
	start_with_store(b, 0);
	take(b, CHANGE_INSERT, -1, 1);
	assert_int_equal(submit(b), SINK_FAILED);
	assert_string_equal(publish_error(b->publish), "it broke");
	assert_int_equal(publish_exit_code(b->publish), 4);
	assert_int_equal(ack_outstanding(b->ledger), 0);
	assert_int_equal(store_pin(b->store, "p.public.t"), 0);
}

/* Keys stay where they were, and a truncate goes where there are any. */
static void
partitions_beyond_the_pin_are_left_alone(void **state)
{
	struct bench *b = *state;

	b->sink.partitions = 5;
	start_with_store(b, PARTITIONS);
	take(b, CHANGE_INSERT, -1, 0);
	submit_with_warning(b, "topic=p.public.t pinned=3 now=5");
	for (int i = 1; i < 20; i++)
	{
		take(b, CHANGE_INSERT, -1, i);
		submit_with_warning(b, NULL);
	}
	assert_int_equal(b->sink.ntaken, 20);
	for (unsigned i = 0; i < 20; i++)
	{
		char key[32];

		snprintf(key, sizeof(key), "{\"id\":%u}", i);
		assert_taken(&b->sink.taken[i], 'c', key, 0);
	}
	take(b, CHANGE_TRUNCATE, -1, -1);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 20 + PARTITIONS);
	assert_int_equal(store_pin(b->store, "p.public.t"), PARTITIONS);
}

static void
fewer_partitions_than_pinned_are_refused(void **state)
{
	struct bench *b = *state;

	start_with_store(b, PARTITIONS + 1);
	take(b, CHANGE_INSERT, -1, 1);
	for (int i = 0; i < 2; i++)
	{
		assert_int_equal(submit(b), SINK_FAILED);
		assert_int_equal(publish_exit_code(b->publish), 5);
		assert_non_null(strstr(publish_error(b->publish),
							   "topic p.public.t has 3 partitions, and had "
							   "4"));
		assert_non_null(strstr(publish_error(b->publish),
							   "walferry.partition.count=current"));
	}
	assert_int_equal(b->sink.ntaken, 0);
	assert_int_equal(ack_outstanding(b->ledger), 0);
	assert_int_equal(store_pin(b->store, "p.public.t"), PARTITIONS + 1);
}

static void
partition_count_current_pins_anew(struct bench *b, int32_t pinned)
{
	char text[64];

	b->config.current = true;
	start_with_store(b, pinned);
	take(b, CHANGE_INSERT, -1, 1);
	snprintf(text, sizeof(text), "topic=p.public.t pinned=%d now=%d", pinned,
			 PARTITIONS);
	submit_with_warning(b, text);
	assert_int_equal(b->sink.ntaken, 2);
	assert_pin(b, &b->sink.taken[0], PARTITIONS);
	assert_taken(&b->sink.taken[1], 'c', "{\"id\":1}", 0);
}

static void
partition_count_current_takes_more_partitions(void **state)
{
	partition_count_current_pins_anew(*state, PARTITIONS - 1);
}

static void
partition_count_current_takes_fewer_partitions(void **state)
{
	partition_count_current_pins_anew(*state, PARTITIONS + 1);
}

/* Readers compare positions as text. */
static void
position_text_sorts_as_positions_do(void **state)
{
	static const struct change_position sorted[] = {{1, 0x10, 0, 0},
													{1, 0x10, 0, 1},
													{1, 0x10, 0, 10},
													{1, 0x10, 9, 0},
													{1, 0x10, 10, 0},
													{1, 0x10, UINT32_MAX, 0},
													{1, 0x10, 1ull << 40, 0},
													{1, 0x11, 0, 0},
													{1, 0xFFFFFFFF, 0, 0},
													{1, 0x100000000, 0, 0},
													{1, UINT64_MAX, 7, 65535},
													{2, 1, 0, 0},
													{10, 1, 0, 0},
													{UINT32_MAX, 0, 0, 0}};
	char								last[PUBLISH_POSITION_LEN + 1] = "";

	(void) state;
	for (size_t i = 0; i < sizeof(sorted) / sizeof(sorted[0]); i++)
	{
		char text[PUBLISH_POSITION_LEN + 1];

		publish_position(&sorted[i], text);
		assert_int_equal(strlen(text), PUBLISH_POSITION_LEN);
		assert_true(strcmp(last, text) < 0);
		memcpy(last, text, sizeof(last));
	}
}

/* ------------------------------------------------------ too large records */

#define LIMIT 20000

/* The table's second column is a text now, and rows have 'len' bytes of it. */
static void
take_text(struct bench *b, enum change_op op, int old_id, int new_id,
		  const char *text, size_t len)
{
	b->columns[1].type.oid = b->columns[1].base.oid = 25;
	b->columns[1].width = -1;
	b->change.lsn = 0x100000042;
	b->change.bytes = len + 20;
	b->change.op = op;
	b->change.before = b->change.after = NULL;
	if (old_id >= 0)
	{
		b->before[0] = int_value(b->raw[0], old_id);
		b->before[1] = (struct change_value){CHANGE_VALUE,
											 (const uint8_t *) text, len};
		b->change.before = b->before;
	}
	if (new_id >= 0)
	{
		b->after[0] = int_value(b->raw[2], new_id);
		b->after[1] = (struct change_value){CHANGE_VALUE,
											(const uint8_t *) text, len};
		b->change.after = b->after;
	}
	publish_take(b->publish, &b->change, &b->table, 1);
}

static char *
text_of(size_t len)
{
	char *text = malloc(len);

	assert_non_null(text);
	memset(text, 'x', len);
	return text;
}

static void
record_over_the_limit_stops(void **state)
{
	struct bench *b = *state;
	char		 *text = text_of(LIMIT);

	b->config.record_max = LIMIT;
	start(b);
	take_text(b, CHANGE_INSERT, -1, 1, text, LIMIT / 2);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 1);

	take_text(b, CHANGE_INSERT, -1, 2, text, LIMIT);
	assert_int_equal(submit(b), SINK_FAILED);
	assert_int_equal(submit(b), SINK_FAILED);
	assert_int_equal(publish_exit_code(b->publish), 4);
	assert_non_null(
		strstr(publish_error(b->publish), "topic p.public.t: a record of 20"));
	assert_non_null(strstr(publish_error(b->publish), "table public.t"));
	assert_non_null(strstr(publish_error(b->publish), "LSN 1/42"));
	assert_non_null(strstr(publish_error(b->publish), "max.request.size"));
	assert_non_null(strstr(publish_error(b->publish), "walferry.too.large"));

	/* Not sent, and not counted. */
	assert_int_equal(b->sink.ntaken, 1);
	assert_int_equal(ack_outstanding(b->ledger), 1);
	free(text);
}

static void
limit_is_that_of_the_record_and_not_of_the_row(void **state)
{
	struct bench *b = *state;
	char		 *text = text_of(LIMIT);

	/* Each becomes six. */
	memset(text, 1, LIMIT);
	b->config.record_max = LIMIT;
	start(b);
	take_text(b, CHANGE_INSERT, -1, 1, text, LIMIT / 7);
	submit_all(b);
	take_text(b, CHANGE_INSERT, -1, 1, text, LIMIT / 6);
	assert_int_equal(submit(b), SINK_FAILED);
	free(text);
}

static void
placeholder_has_the_key_and_what_is_short(void **state)
{
	struct bench *b = *state;
	char		 *text = text_of(LIMIT);
	const char	 *header = "{\"bytes\":20020,\"lsn\":\"1/42\"}";

	b->config.record_max = LIMIT;
	b->config.placeholder = true;
	start(b);
	take_text(b, CHANGE_INSERT, -1, 1, text, LIMIT);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 1);
	assert_taken(&b->sink.taken[0], 'c', "{\"id\":1}", 0);
	assert_string_equal(b->sink.taken[0].too_large, header);
	assert_non_null(strstr(b->sink.taken[0].value,
						   "\"before\":null,\"after\":{\"id\":1,"
						   "\"n\":\"?\"},\"source\":{"));
	assert_int_equal(publish_too_large(b->publish), 1);

	/* The next one is as it was. */
	take_text(b, CHANGE_INSERT, -1, 2, "short", 5);
	submit_all(b);
	assert_string_equal(b->sink.taken[1].too_large, "");
	assert_non_null(strstr(b->sink.taken[1].value, "\"n\":\"short\""));
	free(text);
}

/* A change of the key still ends the old one, which compaction removes. */
static void
placeholder_keeps_the_parts_of_a_change(void **state)
{
	struct bench *b = *state;
	char		 *text = text_of(LIMIT);

	b->config.record_max = LIMIT;
	b->config.placeholder = true;
	start(b);
	take_text(b, CHANGE_UPDATE, 1, 2, text, LIMIT);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 3);
	assert_taken(&b->sink.taken[0], 'd', "{\"id\":1}", 0);
	assert_taken(&b->sink.taken[1], '-', "{\"id\":1}", 1);
	assert_taken(&b->sink.taken[2], 'c', "{\"id\":2}", 2);
	assert_true(b->sink.taken[0].too_large[0] != '\0');
	assert_true(b->sink.taken[1].too_large[0] == '\0');
	assert_true(b->sink.taken[2].too_large[0] != '\0');
	assert_non_null(strstr(b->sink.taken[0].value, "\"n\":\"?\""));
	free(text);
}

static void
condensed_change_is_too_large_whatever_its_size(void **state)
{
	struct bench *b = *state;

	b->config.record_max = LIMIT;
	start(b);
	b->change.condensed = true;
	take_text(b, CHANGE_INSERT, -1, 1, "short", 5);
	assert_int_equal(submit(b), SINK_FAILED);
	assert_non_null(
		strstr(publish_error(b->publish), "a row of 25 bytes makes a record"));
	publish_free(b->publish);
	forget_relation(b);

	b->config.placeholder = true;
	start(b);
	take_text(b, CHANGE_INSERT, -1, 1, "short", 5);
	submit_all(b);
	assert_string_equal(b->sink.taken[0].too_large,
						"{\"bytes\":25,\"lsn\":\"1/42\"}");
	assert_non_null(strstr(b->sink.taken[0].value, "\"n\":\"short\""));

	/* Its key was too long: nothing can stand for it. */
	b->after[0] = (struct change_value){.state = CHANGE_OVERSIZE,
										.len = 2000000};
	publish_take(b->publish, &b->change, &b->table, 1);
	assert_int_equal(submit(b), SINK_FAILED);
	assert_non_null(strstr(publish_error(b->publish), "key is too long"));
	assert_int_equal(b->sink.ntaken, 1);
}

static void
placeholder_shrinks_until_it_fits(void **state)
{
	struct bench *b = *state;
	char		 *text = text_of(LIMIT);

	/* 7,000 bytes are kept by the first attempt, and fit only without. */
	b->config.record_max = 6000;
	b->config.placeholder = true;
	start(b);
	take_text(b, CHANGE_INSERT, -1, 1, text, 7000);
	submit_all(b);
	assert_non_null(strstr(b->sink.taken[0].value, "\"n\":\"?\""));
	publish_free(b->publish);
	forget_relation(b);

	/* Not even a placeholder fits. */
	b->config.record_max = 400;
	start(b);
	take_text(b, CHANGE_INSERT, -1, 1, text, 7000);
	assert_int_equal(submit(b), SINK_FAILED);
	assert_non_null(
		strstr(publish_error(b->publish), "as is its placeholder"));
	assert_int_equal(publish_exit_code(b->publish), 4);
	free(text);
}

static void
message_that_is_too_large_keeps_its_prefix(void **state)
{
	struct bench *b = *state;
	char		 *text = text_of(LIMIT);

	b->config.record_max = LIMIT;
	b->config.placeholder = true;
	start(b);
	b->change.op = CHANGE_MESSAGE;
	b->change.relation = NULL;
	b->change.message = (struct change_message){
		.transactional = true,
		.prefix = "pre",
		.prefix_len = 3,
		.content = (const uint8_t *) text,
		.content_len = LIMIT,
	};
	publish_take(b->publish, &b->change, NULL, 1);
	submit_all(b);
	assert_taken(&b->sink.taken[0], 'm', "{\"prefix\":\"pre\"}", 0);
	assert_non_null(strstr(b->sink.taken[0].value, "\"content\":\"Pw==\""));
	assert_true(b->sink.taken[0].too_large[0] != '\0');
	free(text);
}

/* n was chosen for the key, which the identity lacks. */
static void
chosen_key_that_is_half_known_is_none(void **state)
{
	static const uint16_t id_n[] = {0, 1};
	struct bench		 *b = *state;

	b->columns[1].key_position = 2;
	b->table.relation.chosen_key = true;
	b->table.relation.nkeys = 2;
	b->table.relation.keys = id_n;
	start(b);
	take(b, CHANGE_INSERT, -1, 1);
	submit_all(b);
	assert_taken(&b->sink.taken[0], 'c', "{\"id\":1,\"n\":1}", 0);

	/* Another id is another key: the row under the old one is gone. */
	take(b, CHANGE_UPDATE, 1, 2);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 3);
	assert_taken(&b->sink.taken[1], 'd', NULL, 0);
	assert_string_equal(b->sink.taken[1].key_header,
						"newkey={\"id\":2,\"n\":1}");
	assert_taken(&b->sink.taken[2], 'c', "{\"id\":2,\"n\":1}", 2);
	assert_string_equal(b->sink.taken[2].key_header, "");

	take(b, CHANGE_DELETE, 2, -1);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 4);
	assert_taken(&b->sink.taken[3], 'd', NULL, 0);

	/* With the whole old row all is known. */
	b->before[1] = int_value(b->raw[1], 7);
	publish_take(b->publish, &b->change, &b->table, 1);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 6);
	assert_taken(&b->sink.taken[4], 'd', "{\"id\":2,\"n\":7}", 0);
	assert_taken(&b->sink.taken[5], '-', "{\"id\":2,\"n\":7}", 1);
}

/* The plugin has compared what it could; the rest is seen here. */
static void
update_that_changes_nothing_is_no_record(void **state)
{
	struct bench *b = *state;

	b->config.skip_unchanged = true;
	b->table.relation.identity = 'f';
	start(b);
	for (int differs = 0; differs < 2; differs++)
	{
		b->before[0] = int_value(b->raw[0], 1);
		b->before[1] = int_value(b->raw[1], 1);
		b->after[0] = int_value(b->raw[2], 1);
		b->after[1] = int_value(b->raw[3], 1 + differs);
		b->change.op = CHANGE_UPDATE;
		b->change.before = b->before;
		b->change.after = b->after;
		publish_take(b->publish, &b->change, &b->table, 1);
		submit_all(b);
		assert_int_equal(b->sink.ntaken, differs);
	}

	/* A changed key is a change, shown in the row or not. */
	b->columns[0].key_only = true;
	forget_relation(b);
	b->after[0] = int_value(b->raw[2], 2);
	b->after[1] = int_value(b->raw[3], 1);
	publish_take(b->publish, &b->change, &b->table, 1);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 4);
	assert_taken(&b->sink.taken[1], 'd', "{\"id\":1}", 0);

	/* Nobody knows what became of a key that is lost, on either side. */
	for (int lost = 0; lost < 6; lost++)
	{
		static const enum change_value_state states[] = {CHANGE_OVERSIZE,
														 CHANGE_ERROR,
														 CHANGE_UNCHANGED};

		b->before[0] = int_value(b->raw[0], 1);
		b->after[0] = int_value(b->raw[2], 1);
		*(lost % 2 ? &b->before[0] : &b->after[0]) = (struct change_value){
			.state = states[lost / 2]};
		publish_take(b->publish, &b->change, &b->table, 1);
		submit_all(b);
		assert_int_equal(b->sink.ntaken, 5 + lost);
		assert_taken(&b->sink.taken[4 + lost], 'u',
					 lost % 2 ? "{\"id\":1}" : NULL, 0);
	}

	/* one that cannot be read, and all of them */
	b->before[0] = int_value(b->raw[0], 1);
	b->before[0].len = 3;
	b->after[0] = int_value(b->raw[2], 1);
	publish_take(b->publish, &b->change, &b->table, 1);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 11);
	b->before[0] = b->after[0] = (struct change_value){
		.state = CHANGE_OVERSIZE};
	publish_take(b->publish, &b->change, &b->table, 1);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 12);

	/* Without the whole old row nothing is known. */
	b->table.relation.identity = 'd';
	take(b, CHANGE_UPDATE, 1, 1);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 13);
}

/* Each partition has a relation of its own, and so has each new schema. */
static void
unknown_key_is_told_once(void **state)
{
	static const char *const deletes[] = {"t", "d"};
	struct bench			*b = *state;
	const char				*told;

	b->table.relation.chosen_key = true;
	b->columns[0].in_identity = false;
	b->config.skipped = &deletes[0];
	start(b);
	captured_log_begin();
	for (int i = 0; i < 3; i++)
	{
		take(b, CHANGE_INSERT, -1, 1);
		submit_all(b);
		forget_relation(b);
	}
	told = strstr(captured_log_read(), "replica identity: deletes will");
	assert_non_null(told);
	assert_null(strstr(told + 1, "replica identity: deletes will"));
	captured_log_end();

	/* Whoever skips deletes need not know. */
	publish_free(b->publish);
	b->config.skipped = &deletes[1];
	start(b);
	captured_log_begin();
	take(b, CHANGE_INSERT, -1, 1);
	submit_all(b);
	assert_false(captured_log_has("replica identity"));
	captured_log_end();

	/* Debezium's have a key, which has something in place of the rest. */
	publish_free(b->publish);
	b->config.skipped = &deletes[0];
	b->config.debezium = true;
	start(b);
	captured_log_begin();
	forget_relation(b);
	take(b, CHANGE_INSERT, -1, 1);
	submit_all(b);
	assert_false(captured_log_has("replica identity"));
	captured_log_end();
}

/* The columns are int4. */
static void
rules_without_effect_are_told_once(void **state)
{
	static const char *const parts[] = {
		"property=column.mask.with.<n>.chars table=",
		"property=column.mask.hash.* table=",
		"property=column.truncate.to.<n>.chars table=",
	};
	struct bench *b = *state;
	const char	 *said;

	b->columns[0].not_masked = true;
	b->columns[0].hashed = true;
	b->columns[0].hash = 1;
	b->columns[0].truncated = true;
	start(b);
	captured_log_begin();
	for (int i = 0; i < 3; i++)
	{
		take(b, CHANGE_INSERT, -1, 1);
		submit_all(b);
		forget_relation(b);
	}
	said = captured_log_read();
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
	{
		const char *told = strstr(said, parts[i]);

		assert_non_null(told);
		assert_null(strstr(told + 1, parts[i]));
	}
	captured_log_end();

	/* Once they have an effect, nothing is told, and then the rest again. */
	captured_log_begin();
	b->columns[0].not_masked = b->columns[0].hashed = false;
	take(b, CHANGE_INSERT, -1, 1);
	submit_all(b);
	assert_true(captured_log_has(parts[2]));
	assert_false(captured_log_has(parts[0]));
	captured_log_end();
	captured_log_begin();
	b->columns[0].truncated = false;
	forget_relation(b);
	take(b, CHANGE_INSERT, -1, 1);
	submit_all(b);
	assert_false(captured_log_has("property="));
	captured_log_end();
}

/* The place in its transaction that a record says it has. */
static void
assert_place(const struct taken *t, char op, int total, int collection)
{
	char expected[128];

	assert_int_equal(t->op, op);
	snprintf(expected, sizeof(expected),
			 "\"transaction\":{\"id\":\"9:11259375\",\"total_order\":%d,"
			 "\"data_collection_order\":%d}",
			 total, collection);
	assert_non_null(strstr(t->value, expected));
}

static void
assert_position(const struct taken *t, unsigned ordinal, unsigned part)
{
	char position[64];

	snprintf(position, sizeof(position),
			 "00000002-0000000000ABCDEF-%012X-%04X", ordinal, part);
	assert_string_equal(t->position, position);
}

static void
take_end(struct bench *b, uint64_t ordinal)
{
	const struct change_position position = {2, 0xABCDEF, ordinal, 0};

	assert_true(publish_take_end(b->publish, &b->txn, &position));
}

/* Whatever is refused meanwhile. */
static void
transaction_has_a_begin_and_an_end(void **state)
{
	struct bench *b = *state;
	struct taken *t = b->sink.taken;

	b->config.metadata = b->config.headers = true;
	start(b);
	b->sink.refuse = 3;
	publish_begin_transaction(b->publish);
	b->change.position.ordinal = 0;
	take(b, CHANGE_INSERT, -1, 1);
	submit_all(b);
	b->change.position.ordinal = 1;
	take(b, CHANGE_UPDATE, 1, 2);
	submit_all(b);
	b->change.position.ordinal = 2;
	take(b, CHANGE_TRUNCATE, -1, -1);
	submit_all(b);
	b->change.position.ordinal = 3;
	take(b, CHANGE_DELETE, 2, -1);
	submit_all(b);
	take_end(b, 4);
	submit_all(b);

	assert_int_equal(b->sink.ntaken, 2 + 3 + PARTITIONS + 2 + 1);
	assert_int_equal(publish_records(b->publish), b->sink.ntaken);
	assert_int_equal(t[0].op, 'B');
	assert_string_equal(t[0].key, "{\"id\":\"9:11259375\"}");
	assert_int_equal(t[0].partition,
					 route_partition(t[0].key, strlen(t[0].key), PARTITIONS));
	assert_position(&t[0], 0, 0xffff);
	assert_int_equal(t[0].nheaders, 5);
	assert_place(&t[1], 'c', 1, 1);
	assert_position(&t[1], 0, 0);
	assert_place(&t[2], 'd', 2, 2);
	assert_int_equal(t[3].op, '-');
	assert_place(&t[4], 'c', 3, 3);
	for (int i = 0; i < PARTITIONS; i++)
		assert_place(&t[5 + i], 't', 4, 4); /* one event */
	assert_place(&t[5 + PARTITIONS], 'd', 5, 5);
	t += 7 + PARTITIONS;
	assert_int_equal(t->op, 'E');
	assert_string_equal(t->key, "{\"id\":\"9:11259375\"}");
	assert_int_equal(t->partition, b->sink.taken[0].partition);
	assert_position(t, 4, 0);
	assert_string_equal(t->value, "{\"status\":\"END\",\"id\":\"9:11259375\","
								  "\"event_count\":5,\"data_collections\":["
								  "{\"data_collection\":\"public.t\","
								  "\"event_count\":5}],\"ts_ms\":0}");
}

/* As in Debezium, also where they are half of a key's change. */
static void
skipped_operations_are_no_events(void **state)
{
	static const char *const delete[] = {"d"};
	static const char *const create[] = {"c"};
	struct bench			*b = *state;
	struct taken			*t = b->sink.taken;

	b->config.metadata = true;
	b->config.skipped = delete;
	start(b);
	publish_begin_transaction(b->publish);
	take(b, CHANGE_UPDATE, 1, 2);
	submit_all(b);
	take(b, CHANGE_UPDATE, 2, 2);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 3);
	assert_place(&t[1], 'c', 1, 1);
	assert_taken(&t[1], 'c', "{\"id\":2}", 2);
	assert_string_equal(t[1].key_header, "oldkey={\"id\":1}");
	assert_place(&t[2], 'u', 2, 2);

	forget_relation(b);
	publish_free(b->publish);
	b->config.skipped = create;
	start(b);
	publish_begin_transaction(b->publish);
	take(b, CHANGE_UPDATE, 1, 2);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 6);
	assert_place(&t[4], 'd', 1, 1);
	assert_int_equal(t[5].op, '-');
}

/* As when the table is altered: its counter goes on. */
static void
changed_table_goes_on_counting(void **state)
{
	struct bench *b = *state;

	b->config.metadata = true;
	start(b);
	publish_begin_transaction(b->publish);
	take(b, CHANGE_INSERT, -1, 1);
	submit_all(b);
	forget_relation(b);
	take(b, CHANGE_INSERT, -1, 2);
	submit_all(b);
	assert_place(&b->sink.taken[2], 'c', 2, 2);

	/* The next transaction has a BEGIN of its own. */
	publish_begin_transaction(b->publish);
	take(b, CHANGE_INSERT, -1, 3);
	submit_all(b);
	assert_int_equal(b->sink.taken[3].op, 'B');
	assert_place(&b->sink.taken[4], 'c', 1, 1);
}

/* What a predecessor has published counts, and its BEGIN does not come twice. */
static void
numbers_go_on_behind_what_is_published(void **state)
{
	struct bench *b = *state;

	b->config.metadata = true;
	start(b);
	publish_begin_transaction(b->publish);
	take(b, CHANGE_INSERT, -1, 1);
	publish_abandon(b->publish);

	publish_begin_transaction(b->publish);
	publish_pass(b->publish, &b->change, &b->table);
	b->change.op = CHANGE_UPDATE;
	b->before[0] = int_value(b->raw[0], 2);
	b->before[1] = (struct change_value){.state = CHANGE_ABSENT};
	b->change.before = b->before;
	publish_pass(b->publish, &b->change, &b->table);
	take(b, CHANGE_INSERT, -1, 2);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 1);
	assert_place(&b->sink.taken[0], 'c', 4, 4);
}

/* Nothing that is left out counts; the BEGIN comes with what is not. */
static void
nothing_published_is_no_transaction(void **state)
{
	struct bench				*b = *state;
	const struct change_position position = {2, 0xABCDEF, 1, 0};

	b->config.metadata = b->config.skip_unchanged = true;
	b->table.relation.identity = 'f';
	start(b);
	publish_begin_transaction(b->publish);
	assert_false(publish_take_end(b->publish, &b->txn, &position));
	b->change.op = CHANGE_UPDATE;
	b->before[0] = b->after[0] = int_value(b->raw[0], 1);
	b->before[1] = b->after[1] = int_value(b->raw[1], 1);
	b->change.before = b->before;
	b->change.after = b->after;
	publish_take(b->publish, &b->change, &b->table, 1);
	submit_all(b);
	assert_int_equal(b->sink.ntaken, 0);
	publish_pass(b->publish, &b->change, &b->table);
	assert_false(publish_take_end(b->publish, &b->txn, &position));
	take(b, CHANGE_INSERT, -1, 2);
	submit_all(b);
	assert_int_equal(b->sink.taken[0].op, 'B');
	assert_position(&b->sink.taken[0], 5, 0xffff);
	assert_place(&b->sink.taken[1], 'c', 1, 1);
}

static void
message_outside_is_of_no_transaction(void **state)
{
	struct bench				*b = *state;
	const struct change_position position = {2, 0xABCDEF, 1, 0};
	struct change				 message = {
					   .op = CHANGE_MESSAGE,
					   .txn = &b->txn,
					   .position = {2, 0xABCDEF, 0, 0},
					   .message = {.prefix = "x",
								   .prefix_len = 1,
								   .content = (const uint8_t *) "y",
								   .content_len = 1},
	   };

	b->config.metadata = true;
	start(b);
	b->txn.xid = 0;
	publish_begin_transaction(b->publish);
	publish_take(b->publish, &message, NULL, 1);
	submit_all(b);
	assert_false(publish_take_end(b->publish, &b->txn, &position));
	assert_int_equal(b->sink.ntaken, 1);
	assert_non_null(strstr(b->sink.taken[0].value, "\"transaction\":null"));

	b->txn.xid = 9;
	publish_begin_transaction(b->publish);
	publish_take(b->publish, &message, NULL, 1);
	submit_all(b);
	publish_take(b->publish, &message, NULL, 1);
	submit_all(b);
	take_end(b, 2);
	submit_all(b);
	assert_int_equal(b->sink.taken[1].op, 'B');
	assert_place(&b->sink.taken[3], 'm', 2, 2);
	assert_non_null(strstr(b->sink.taken[4].value,
						   "{\"data_collection\":"
						   "\"LOGICAL_DECODING_MESSAGE\",\"event_count\":2}"));
}

static void
debeziums_transactions_are_its_own(void **state)
{
	struct bench *b = *state;

	b->config.metadata = b->config.headers = b->config.debezium = true;
	start(b);
	publish_begin_transaction(b->publish);
	b->change.lsn = 100;
	take(b, CHANGE_INSERT, -1, 1);
	submit_all(b);
	take_end(b, 6);
	submit_all(b);
	assert_string_equal(b->sink.taken[0].key, "{\"id\":\"9:100\"}");
	assert_string_equal(b->sink.taken[0].header_names,
						PUBLISH_POSITION_HEADER " ");
	assert_int_equal(b->sink.taken[1].nheaders, 5);
	assert_string_equal(b->sink.taken[2].key, "{\"id\":\"9:11259375\"}");
	assert_string_equal(b->sink.taken[2].header_names,
						PUBLISH_POSITION_HEADER " ");
}

static void
end_that_is_too_large_stops_or_lists_nothing(void **state)
{
	struct bench *b = *state;

	b->config.metadata = true;
	b->config.record_max = 900;
	start(b);
	for (int i = 0; i < 2; i++)
	{
		publish_begin_transaction(b->publish);
		for (int n = 0; n < 20; n++)
		{
			char name[64];

			snprintf(name, sizeof(name), "%040d", n);
			if (b->table.user != NULL)
				forget_relation(b);
			b->table.relation.name = name;
			take(b, CHANGE_INSERT, -1, 1);
			assert_int_equal(submit(b), SINK_DONE);
		}
		take_end(b, 25);
		if (i == 0)
		{
			assert_int_equal(submit(b), SINK_FAILED);
			assert_int_equal(publish_exit_code(b->publish), 4);
			assert_non_null(strstr(publish_error(b->publish),
								   "topic p.transaction: the END of a "));
			publish_abandon(b->publish);
			publish_free(b->publish);
			b->config.placeholder = true;
			start(b);
		}
	}
	submit_all(b);
	assert_non_null(strstr(b->sink.taken[b->sink.ntaken - 1].value,
						   "\"event_count\":20,\"data_collections\":null,"));
}

static void
table_whose_topic_is_that_of_transactions_is_refused(void **state)
{
	struct bench *b = *state;

	b->config.metadata = true;
	b->config.transaction = "public.t";
	start(b);
	publish_begin_transaction(b->publish);
	take(b, CHANGE_INSERT, -1, 1);
	assert_int_equal(submit(b), SINK_FAILED);
	assert_int_equal(publish_exit_code(b->publish), 4);
	assert_string_equal(publish_error(b->publish),
						"topic p.public.t of table public.t is the one of "
						"BEGIN and END; exclude the table, or set "
						"topic.transaction to another name");
}

/* Keys then say whose they are, also of a table that has none. */
static void
topic_is_renamed_by_an_expression(void **state)
{
	struct bench *b = *state;

	b->config.regex = true;
	b->table.relation.name = "a table";
	start(b);
	take(b, CHANGE_DELETE, 1, -1);
	submit_all(b);
	assert_string_equal(b->sink.topic, "p.a_table");
	assert_taken(&b->sink.taken[0], 'd', "{\"id\":1,\"whose\":\"<a table>\"}",
				 0);
	forget_relation(b);
	b->table.relation.nkeys = 0;
	b->table.relation.nidentity = 0;
	take(b, CHANGE_INSERT, -1, 1);
	submit_all(b);
	assert_taken(&b->sink.taken[2], 'c', "{\"whose\":\"<a table>\"}", 0);

	/* Tables that share a topic are told only where keys may clash. */
	forget_relation(b);
	b->table.relation.name = "a_table";
	captured_log_begin();
	take(b, CHANGE_INSERT, -1, 1);
	submit_all(b);
	assert_false(captured_log_has("share a topic"));
	captured_log_end();
	assert_taken(&b->sink.taken[3], 'c', "{\"whose\":\"<a_table>\"}", 0);

	/* What cannot be a topic is refused, and told. */
	forget_relation(b);
	b->table.relation.name = "t";
	take(b, CHANGE_INSERT, -1, 1);
	assert_int_equal(submit(b), SINK_FAILED);
	assert_int_equal(publish_exit_code(b->publish), 4);
	assert_non_null(strstr(publish_error(b->publish),
						   "topic.replacement makes no name of a topic for "
						   "table public.t"));
	publish_abandon(b->publish);

	forget_relation(b);
	publish_free(b->publish);
	b->config.unidentified = true;
	b->table.relation.name = "a table";
	b->table.relation.nkeys = b->table.relation.nidentity = 1;
	start(b);
	take(b, CHANGE_INSERT, -1, 1);
	submit_all(b);
	assert_taken(&b->sink.taken[4], 'c', "{\"id\":1}", 0);
	forget_relation(b);
	b->table.relation.name = "a_table";
	captured_log_begin();
	take(b, CHANGE_INSERT, -1, 1);
	submit_all(b);
	assert_true(captured_log_has("share a topic"));
	captured_log_end();
}

static void
transactions_topic_is_pinned_as_any_other(void **state)
{
	struct bench *b = *state;

	b->config.metadata = true;
	start_with_store(b, 0);
	publish_begin_transaction(b->publish);
	take(b, CHANGE_INSERT, -1, 1);
	b->sink.refuse = 2;
	captured_log_begin();
	submit_all(b);
	captured_log_end();
	assert_int_equal(b->sink.ntaken, 4);
	assert_int_equal(b->sink.taken[0].op, 'P');
	assert_non_null(strstr(b->sink.taken[0].key, "\"p.public.t\""));
	assert_int_equal(b->sink.taken[1].op, 'P');
	assert_non_null(strstr(b->sink.taken[1].key, "\"p.transaction\""));
	assert_int_equal(b->sink.taken[2].op, 'B');
	assert_int_equal(b->sink.taken[3].op, 'c');
	assert_int_equal(store_pin(b->store, "p.public.t"), PARTITIONS);
	assert_int_equal(store_pin(b->store, "p.transaction"), PARTITIONS);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(insert_is_one_record),
		TEST(schemas_are_the_topic_s),
		TEST(times_are_written_as_configured),
		TEST(delete_has_a_tombstone_if_asked_for),
		TEST(delete_has_no_tombstone_if_not),
		TEST(key_change_is_delete_tombstone_create),
		TEST(key_that_no_row_shows_is_a_key_like_any_other),
		TEST(key_change_without_tombstones_keeps_its_order),
		TEST(same_key_is_one_update),
		TEST(truncate_goes_to_each_partition),
		TEST(refusals_neither_lose_nor_repeat),
		TEST(abandoned_change_is_forgotten),
		TEST(failure_is_handed_on_and_not_counted),
		TEST(table_without_key_stays_in_one_partition),
		TEST(table_whose_topic_can_have_no_name_is_refused),
		TEST(message_has_its_prefix_as_key),
		TEST(context_headers_can_be_left_out),
		TEST(headers_come_in_debeziums_order),
		TEST(debeziums_records_are_its_own),
		TEST(pin_comes_before_the_first_record_that_relies_on_it),
		TEST(pin_that_is_stored_already_does_not_come_again),
		TEST(table_whose_topic_is_that_of_positions_is_refused),
		TEST(table_of_that_name_is_not_refused_without_positions),
		TEST(pin_that_is_refused_is_neither_lost_nor_repeated),
		TEST(pin_that_was_abandoned_comes_with_the_next_stream),
		TEST(pin_whose_record_fails_is_a_failure_of_the_sink),
		TEST(partitions_beyond_the_pin_are_left_alone),
		TEST(fewer_partitions_than_pinned_are_refused),
		TEST(partition_count_current_takes_more_partitions),
		TEST(partition_count_current_takes_fewer_partitions),
		TEST(record_over_the_limit_stops),
		TEST(limit_is_that_of_the_record_and_not_of_the_row),
		TEST(placeholder_has_the_key_and_what_is_short),
		TEST(placeholder_keeps_the_parts_of_a_change),
		TEST(condensed_change_is_too_large_whatever_its_size),
		TEST(placeholder_shrinks_until_it_fits),
		TEST(message_that_is_too_large_keeps_its_prefix),
		TEST(chosen_key_that_is_half_known_is_none),
		TEST(unknown_key_is_told_once),
		TEST(rules_without_effect_are_told_once),
		TEST(update_that_changes_nothing_is_no_record),
		TEST(transaction_has_a_begin_and_an_end),
		TEST(skipped_operations_are_no_events),
		TEST(changed_table_goes_on_counting),
		TEST(numbers_go_on_behind_what_is_published),
		TEST(nothing_published_is_no_transaction),
		TEST(message_outside_is_of_no_transaction),
		TEST(debeziums_transactions_are_its_own),
		TEST(end_that_is_too_large_stops_or_lists_nothing),
		TEST(table_whose_topic_is_that_of_transactions_is_refused),
		TEST(transactions_topic_is_pinned_as_any_other),
		TEST(topic_is_renamed_by_an_expression),
		cmocka_unit_test(position_text_sorts_as_positions_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
