/*
 * txnmeta.c - the events of a transaction, counted; see txnmeta.h.
 *
 * The tables that the transaction in hand has touched are listed once each,
 * so that neither its end nor the next begin goes through all that there are.
 *
 * The list of an END is in Debezium's order, that of a HashMap.
 */
#include "txnmeta.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "java_text.h"
#include "jsontext.h"
#include "mem.h"

struct collection
{
	char	*name;
	uint32_t hash;
	uint64_t events; /* of the transaction in hand */
};

/* For the order of the list. */
struct place
{
	uint32_t bucket;
	uint32_t touched; /* when it came */
	uint32_t collection;
};

struct txnmeta
{
	bool			   debezium;
	struct collection *collections;
	uint32_t		   ncollections;
	uint32_t		  *touched; /* room for all of them */
	uint32_t		   ntouched;
	uint64_t		   total;

	struct txnmeta_schemas schemas;
};

static uint32_t
hash_name(const char *name)
{
	const char *end = name + strlen(name);
	uint32_t	hash = 0;

	while (name < end)
		name = java_text_hash(&hash, name, end);
	return java_text_spread(hash);
}

/* Owns 'name'. */
static uint32_t
find(struct txnmeta *t, char *name)
{
	uint32_t hash = hash_name(name);
	uint32_t n = t->ncollections;

	for (uint32_t i = 0; i < n; i++)
	{
		if (t->collections[i].hash == hash &&
			strcmp(t->collections[i].name, name) == 0)
		{
			free(name);
			return i;
		}
	}
	t->collections = mem_resize(t->collections, n + 1,
								sizeof(*t->collections));
	t->touched = mem_resize(t->touched, n + 1, sizeof(*t->touched));
	t->collections[n] = (struct collection){.name = name, .hash = hash};
	return t->ncollections++;
}

struct txnmeta *
txnmeta_new(bool debezium)
{
	static const char messages[] = "LOGICAL_DECODING_MESSAGE";
	struct txnmeta	 *t = mem_zalloc(1, sizeof(*t));

	t->debezium = debezium;
	(void) find(t, mem_check(strdup(messages), sizeof(messages)));
	return t;
}

void
txnmeta_use_schemas(struct txnmeta *t, struct txnmeta_schemas schemas)
{
	t->schemas = schemas;
}

void
txnmeta_free(struct txnmeta *t)
{
	if (t == NULL)
		return;
	for (uint32_t i = 0; i < t->ncollections; i++)
		free(t->collections[i].name);
	free(t->collections);
	free(t->touched);
	free(t);
}

uint32_t
txnmeta_collection(struct txnmeta *t, const char *schema, const char *name)
{
	size_t size = strlen(schema) + strlen(name) + 2;
	char  *full = mem_zalloc(size, 1);

	snprintf(full, size, "%s.%s", schema, name);
	return find(t, full);
}

void
txnmeta_reset(struct txnmeta *t)
{
	for (uint32_t i = 0; i < t->ntouched; i++)
		t->collections[t->touched[i]].events = 0;
	t->ntouched = 0;
	t->total = 0;
}

void
txnmeta_count(struct txnmeta *t, uint32_t collection, uint32_t n,
			  struct change_order *order)
{
	struct collection *c = &t->collections[collection];

	if (c->events == 0)
		t->touched[t->ntouched++] = collection;
	order->total = t->total + 1;
	order->collection = c->events + 1;
	t->total += n;
	c->events += n;

	/* Debezium takes each message for a collection of its own. */
	if (t->debezium && collection == TXNMETA_MESSAGES)
		order->collection = 1;
}

uint64_t
txnmeta_total(const struct txnmeta *t)
{
	return t->total;
}

/* ---------------------------------------------------------------- records */

#define NAME(s) "\"name\":\"io.debezium.connector.common." s "\""

#define KEY_SCHEMA                                                          \
	"{\"schema\":{\"type\":\"struct\",\"fields\":["                         \
	"{\"type\":\"string\",\"optional\":false,\"field\":\"id\"}],"           \
	"\"optional\":false," NAME("TransactionMetadataKey") ",\"version\":1}," \
														 "\"payload\":"

#define VALUE_SCHEMA                                                          \
	"{\"schema\":{\"type\":\"struct\",\"fields\":["                           \
	"{\"type\":\"string\",\"optional\":false,\"field\":\"status\"},"          \
	"{\"type\":\"string\",\"optional\":false,\"field\":\"id\"},"              \
	"{\"type\":\"int64\",\"optional\":true,\"field\":\"event_count\"},"       \
	"{\"type\":\"array\",\"items\":{\"type\":\"struct\",\"fields\":["         \
	"{\"type\":\"string\",\"optional\":false,"                                \
	"\"field\":\"data_collection\"},"                                         \
	"{\"type\":\"int64\",\"optional\":false,\"field\":\"event_count\"}],"     \
	"\"optional\":true,\"name\":\"event.collection\",\"version\":1},"         \
	"\"optional\":true,\"field\":\"data_collections\"},"                      \
	"{\"type\":\"int64\",\"optional\":false,\"field\":\"ts_ms\"}],"           \
	"\"optional\":false," NAME("TransactionMetadataValue") ",\"version\":1}," \
														   "\"payload\":"

/*
 * "id":"xid:LSN".  The LSN is that of the transaction's end.  To Debezium it
 * is where the stream was seen to be: at the first change, which is not known
 * where the transaction's origin was told before.
 */
static void
put_id(const struct txnmeta *t, const struct change_transaction *txn,
	   const struct change *c, struct buf *out)
{
	uint64_t lsn = txn->end_lsn;

	if (t->debezium && c != NULL)
		lsn = txn->origin != NULL ? 0 : c->lsn;
	buf_lit(out, "\"id\":\"");
	jsontext_u64(out, txn->xid & UINT32_MAX);
	buf_putc(out, ':');
	jsontext_u64(out, lsn);
	buf_putc(out, '"');
}

/* ,"ts_ms":N}  Both have the time of the commit. */
static void
put_time(const struct change_transaction *txn, struct buf *out)
{
	int64_t us = txn->commit_time_us;

	buf_lit(out, ",\"ts_ms\":");
	jsontext_i64(out, us / 1000 - (us % 1000 < 0));
	buf_putc(out, '}');
}

void
txnmeta_put_key(const struct txnmeta *t, const struct change_transaction *txn,
				const struct change *c, struct buf *out)
{
	if (t->schemas.key)
		buf_lit(out, KEY_SCHEMA);
	buf_putc(out, '{');
	put_id(t, txn, c, out);
	buf_puts(out, t->schemas.key ? "}}" : "}");
}

void
txnmeta_put_begin(const struct txnmeta			  *t,
				  const struct change_transaction *txn, const struct change *c,
				  struct buf *out)
{
	if (t->schemas.value)
		buf_lit(out, VALUE_SCHEMA);
	buf_lit(out, "{\"status\":\"BEGIN\",");
	put_id(t, txn, c, out);
	buf_lit(out, ",\"event_count\":null,\"data_collections\":null");
	put_time(txn, out);
	if (t->schemas.value)
		buf_putc(out, '}');
}

static int
compare_places(const void *a, const void *b)
{
	const struct place *x = a;
	const struct place *y = b;

	if (x->bucket != y->bucket)
		return x->bucket < y->bucket ? -1 : 1;
	return x->touched < y->touched ? -1 : 1;
}

static void
put_list(const struct txnmeta *t, struct buf *out)
{
	uint32_t	  mask = java_text_buckets(t->ntouched) - 1;
	struct place *places = mem_zalloc(t->ntouched + 1, sizeof(*places));

	for (uint32_t i = 0; i < t->ntouched; i++)
		places[i] = (struct place){
			.bucket = t->collections[t->touched[i]].hash & mask,
			.touched = i,
			.collection = t->touched[i],
		};
	qsort(places, t->ntouched, sizeof(*places), compare_places);
	buf_putc(out, '[');
	for (uint32_t i = 0; i < t->ntouched; i++)
	{
		const struct collection *c = &t->collections[places[i].collection];

		if (i > 0)
			buf_putc(out, ',');
		buf_lit(out, "{\"data_collection\":");
		jsontext_string(out, c->name, strlen(c->name));
		buf_lit(out, ",\"event_count\":");
		jsontext_u64(out, c->events);
		buf_putc(out, '}');
	}
	buf_putc(out, ']');
	free(places);
}

void
txnmeta_put_end(const struct txnmeta *t, const struct change_transaction *txn,
				bool listed, struct buf *out)
{
	if (t->schemas.value)
		buf_lit(out, VALUE_SCHEMA);
	buf_lit(out, "{\"status\":\"END\",");
	put_id(t, txn, NULL, out);
	buf_lit(out, ",\"event_count\":");
	jsontext_u64(out, t->total);
	buf_lit(out, ",\"data_collections\":");
	if (listed)
		put_list(t, out);
	else
		buf_lit(out, "null");
	put_time(txn, out);
	if (t->schemas.value)
		buf_putc(out, '}');
}
