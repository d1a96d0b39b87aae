/*
 * publish.h - from a change to its records in the sink.
 *
 * Makes the records of one change (an update of a key is a delete, its
 * tombstone and a create), finds topic and partition, stamps each with its
 * position, and hands them over, counting each in the ledger.  It can stop
 * half-way when the sink has no room, and goes on where it stopped.
 *
 * With provide.transaction.metadata it also counts the events of each
 * transaction, and publishes a record at its begin, with the first event, and
 * one at its end.
 *
 * A record that is larger than the sink allows is not made: publishing fails,
 * or, with walferry.too.large=placeholder, the change is published without
 * its long values and says so in a header.
 */
#ifndef FORWARDER_PUBLISH_H
#define FORWARDER_PUBLISH_H

#include <stdbool.h>
#include <stdint.h>

#include "ack.h"
#include "change.h"
#include "config.h"
#include "schema.h"
#include "sink.h"
#include "store.h"

/* Characters of a position as text; see publish_position(). */
#define PUBLISH_POSITION_LEN 43

/* The header that carries it. */
#define PUBLISH_POSITION_HEADER "walferry.position"

/*
 * On a record that stands for one that is too large: how many bytes the row
 * has, as PostgreSQL's plugin sent it, and where it is in the WAL, as JSON:
 * {"bytes":104857651,"lsn":"0/1A2B3C4"}
 */
#define PUBLISH_TOO_LARGE_HEADER "walferry.too_large"

struct publish;

/* The names of topics that are in use, for counting. */
struct publish_topic
{
	const char *name;
	const char *table; /* whose it is first: schema.table, "" for messages */
	int32_t		npartitions; /* as last seen, 0: never */
	uint64_t	records;	 /* handed over */
	bool		key_told;	 /* that deletes will not know their key */
	uint32_t	idle_told; /* a hash of the columns that rules do not alter */
};

/* 'config' must outlive it.  Aborts when out of memory. */
struct publish *publish_new(const struct config *config);
void			publish_free(struct publish *p);

/*
 * A stream begins: its database and byte order, and the sink to use.  What
 * publish keeps in schema_relation.user from before must be gone by then.
 */
void publish_start(struct publish *p, struct sink *sink, const char *database,
				   char byte_order);

/*
 * Pin the partition counts of topics in 'store', whose records go to the topic
 * numbered 'store_topic' of the sink.  NULL: pin nothing.  After
 * publish_start().
 */
void publish_use_store(struct publish *p, struct store *store,
					   uint32_t store_topic);

/* For schema_new(): gives back what publish keeps in a relation's user. */
void publish_release(void *user);

/*
 * Take on a change: make its records.  'relation' is NULL for a message.
 * Then call publish_submit() until it is SINK_DONE; until then the relation
 * must stay valid.  The change need not.
 */
void publish_take(struct publish *p, const struct change *c,
				  struct schema_relation *relation, int64_t now_ns);

/* A transaction begins: its events are counted anew. */
void publish_begin_transaction(struct publish *p);

/* A change that was published before: it only counts. */
void publish_pass(struct publish *p, const struct change *c,
				  struct schema_relation *relation);

/*
 * The transaction has ended: take on the record that says so, as a change at
 * 'position'.  False: there is none, as nothing of it is published or nobody
 * asked for it.
 */
bool publish_take_end(struct publish *p, const struct change_transaction *txn,
					  const struct change_position *position);

/* Hand over what is left of the records taken on. */
enum sink_outcome
publish_submit(struct publish *p, struct ack_ledger *ledger, uint64_t ticket);

/* Drop what is left: the stream ended half-way. */
void publish_abandon(struct publish *p);

/* Why publish_submit() was SINK_FAILED, and the exit code. */
const char *publish_error(const struct publish *p);
int			publish_exit_code(const struct publish *p);

/* Bytes (keys, values and headers) handed over so far. */
uint64_t publish_bytes(const struct publish *p);

/* Records of events handed over so far. */
uint64_t publish_records(const struct publish *p);

/* A random UUID that stands for this process. */
const char *publish_run_id(const struct publish *p);

/* Changes that were published without their long values, so far. */
uint64_t publish_too_large(const struct publish *p);

/* Values that became null because they were markers or corrupt, so far. */
uint64_t publish_lost_values(const struct publish *p);

const struct publish_topic *publish_topics(const struct publish *p, size_t *n);

/*
 * A position as text of PUBLISH_POSITION_LEN characters (and a NUL):
 *
 *     00000001-00000000016B3748-000000000005-0000
 *     timeline end LSN          ordinal      part
 *
 * in upper-case hexadecimal, each field at full width, so that comparing two
 * of them as strings compares the positions.
 */
void publish_position(const struct change_position *pos, char *out);

#endif /* FORWARDER_PUBLISH_H */
