/*
 * route.h - which topic, which partition.
 *
 * Pure functions.  Topics are Debezium's: prefix, schema and table joined by
 * the delimiter, every character that Kafka does not allow replaced by '_', or
 * as another of its classes has them.
 * Partitions are Java's: murmur2 of the key bytes, so that a consumer that
 * computes partitions itself finds what Kafka's own producer would have done.
 * A record without a key goes to a fixed partition, never to a random one:
 * a replay must land where the first copy did.
 */
#ifndef FORWARDER_ROUTE_H
#define FORWARDER_ROUTE_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "change.h"

#define ROUTE_TOPIC_MAX 249 /* Kafka's limit on a topic's name */

enum route_keyless
{
	ROUTE_KEYLESS_TOPIC,   /* a function of the topic's name */
	ROUTE_KEYLESS_POSITION /* spread by transaction: of its end LSN */
};

/* Debezium's classes for topic.naming.strategy. */
enum route_naming
{
	ROUTE_NAMING_SCHEMA, /* SchemaTopicNamingStrategy: the default */
	ROUTE_NAMING_TABLE,	 /* DefaultTopicNamingStrategy: without the schema */
	ROUTE_NAMING_SCHEMA_UNICODE, /* Schema-, DefaultUnicode...: _uXXXX for */
	ROUTE_NAMING_TABLE_UNICODE	 /* what Kafka does not allow, and for _ */
};

/*
 * Append the topic's name, NUL-terminated (the NUL is not counted in
 * buf.len).  Returns false if it is longer than ROUTE_TOPIC_MAX.
 */
bool route_table_topic(struct buf *out, enum route_naming naming,
					   const char *prefix, const char *delimiter,
					   const char *schema, const char *table);

/*
 * The same as Debezium has it before it looks at which characters Kafka
 * allows, for keys that say whose they are.
 */
void
route_table_name(struct buf *out, enum route_naming naming, const char *prefix,
				 const char *delimiter, const char *schema, const char *table);

/* The same for logical messages: Debezium does not ask for the delimiter. */
bool route_message_topic(struct buf *out, const char *prefix);

/* The same for the begin and end of transactions; 'name' is the last part. */
bool route_transaction_topic(struct buf *out, const char *prefix,
							 const char *delimiter, const char *name);

/* Can a topic be called so? */
bool route_is_topic(const char *name);

/* Kafka's murmur2, as org.apache.kafka.common.utils.Utils computes it. */
uint32_t route_murmur2(const void *data, size_t len);

/* The partition of a record with this key; npartitions > 0. */
int32_t route_partition(const void *key, size_t len, int32_t npartitions);

/* The partition of a record without a key. */
int32_t route_keyless_partition(enum route_keyless how, const char *topic,
								uint64_t end_lsn, int32_t npartitions);

#endif /* FORWARDER_ROUTE_H */
