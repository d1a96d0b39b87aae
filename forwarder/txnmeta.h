/*
 * txnmeta.h - transaction metadata: how many events a transaction has, in all
 * and of each table, and the records at its begin and end.
 *
 * A "data collection" is a table, by its schema and name, or all of the
 * logical messages together.  Counters belong to the table's name: a table
 * that changes its columns, or becomes another one of the same name, within a
 * transaction goes on where it was.
 *
 * Counting does not allocate; naming a table does.  Pure: no I/O, no clock.
 */
#ifndef FORWARDER_TXNMETA_H
#define FORWARDER_TXNMETA_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "change.h"

/* The collection of logical messages. */
#define TXNMETA_MESSAGES 0

struct txnmeta;

/* 'debezium': ids, and the numbers of messages, are as Debezium has them. */
struct txnmeta *txnmeta_new(bool debezium);
void			txnmeta_free(struct txnmeta *t);

/* Which of a record's parts come as {"schema":{...},"payload":...}; none. */
struct txnmeta_schemas
{
	bool key;
	bool value;
};

void txnmeta_use_schemas(struct txnmeta *t, struct txnmeta_schemas schemas);

/* The number of a table; the same for the same name. */
uint32_t
txnmeta_collection(struct txnmeta *t, const char *schema, const char *name);

/* A transaction begins: nothing of it is counted. */
void txnmeta_reset(struct txnmeta *t);

/* Count 'n' events more of a collection; '*order' is the first one's. */
void txnmeta_count(struct txnmeta *t, uint32_t collection, uint32_t n,
				   struct change_order *order);

/* Events of the transaction so far. */
uint64_t txnmeta_total(const struct txnmeta *t);

/*
 * Append key and value of a transaction's record.  What begins it is its
 * first event's change 'c'; at the end, c is NULL.
 *
 *     {"id":"571:53195832"}
 *     {"status":"BEGIN","id":"571:53195832","event_count":null,
 *      "data_collections":null,"ts_ms":1486500577125}
 *     {"status":"END","id":"571:53195832","event_count":2,
 *      "data_collections":[{"data_collection":"s1.a","event_count":1},
 *                          {"data_collection":"s2.a","event_count":1}],
 *      "ts_ms":1486500577125}
 *
 * 'listed' false leaves the collections out, as null.
 */
void
txnmeta_put_key(const struct txnmeta *t, const struct change_transaction *txn,
				const struct change *c, struct buf *out);
void txnmeta_put_begin(const struct txnmeta			   *t,
					   const struct change_transaction *txn,
					   const struct change *c, struct buf *out);
void
txnmeta_put_end(const struct txnmeta *t, const struct change_transaction *txn,
				bool listed, struct buf *out);

#endif /* FORWARDER_TXNMETA_H */
