/*
 * position.h - the record that says how far Kafka holds what PostgreSQL
 * committed.
 *
 * It is written to a compacted topic of its own, in the Kafka transaction of
 * the events that it speaks of, and is what a start goes on from; the slot is
 * not, because its position goes back when PostgreSQL crashes.  Beside it, in
 * the same topic, are pins: how many partitions a topic had when the first
 * record was written to it.
 *
 * Both are one line of JSON for key and for value, so that any consumer shows
 * them readable:
 *
 *     {"system_id":"7301234567890123456","database":"shop","slot":"walferry"}
 *     {"version":1,"timeline":1,"end_lsn":"0/16B3748",...,"crc32c":"0a1b2c3d"}
 *
 * Keys have no blanks, and their fields stand in this order, because
 * compaction compares bytes.  A pin's key has "topic" as its fourth field.
 * Numbers that can exceed 2^53 (system_id, xid, filter) are strings, for a
 * reader in JavaScript would round them; LSNs are written as PostgreSQL does.
 *
 * "crc32c" is the last field of a value in every version: CRC-32C of the
 * value's bytes before ,"crc32c": and then the key's bytes, as eight lower
 * case hexadecimal digits.  A reader of version 1 needs all fields that
 * version 1 has and passes over others, so fields can be added; "version"
 * grows when a reader that does not know the change would go wrong.
 *
 * Pure: nothing here does I/O, and nothing is kept between calls.
 */
#ifndef FORWARDER_POSITION_H
#define FORWARDER_POSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define POSITION_VERSION 1

/* Of whom a record is: what has to be the same for it to be ours. */
struct position_id
{
	uint64_t system_id;	   /* of the cluster, as IDENTIFY_SYSTEM says */
	char	 database[64]; /* its name, UTF-8 */
	char	 slot[64];	   /* the replication slot's */
};

/*
 * How much of the source transaction behind position.end_lsn is published
 * already, where one is larger than a Kafka transaction may be.
 */
struct position_partial
{
	uint64_t end_lsn; /* of that transaction; 0: there is none */
	uint64_t changes; /* so many of its changes are published, from the first
					   * on; at most INT64_MAX */
	uint32_t hash;	  /* of these, so that a replay that differs shows */
};

struct position
{
	struct position_id id;

	/* On which the WAL before end_lsn was written. */
	uint32_t timeline;

	/*
	 * Everything that was committed before this is in Kafka, and nothing else
	 * but 'partial'.  0: there is no position yet, the slot is about to be
	 * created.
	 */
	uint64_t end_lsn;

	/* Start of the commit record that ends there, to look it up; 0: none. */
	uint64_t commit_lsn;

	/* Of that transaction, with its epoch; 0: none, as when idle. */
	uint64_t xid;

	/* Source transactions carried since the first record, at most INT64_MAX. */
	uint64_t transactions;

	/* Records of events in this Kafka transaction, at most INT64_MAX. */
	uint64_t records;

	/* end_lsn of the record before this one, so that they form a chain. */
	uint64_t prev_end_lsn;

	struct position_partial partial;

	/* Hash of the options that decide what is in the stream. */
	uint64_t filter;

	/* Version of the plugin that wrote the stream. */
	char plugin[32];

	/* Of the producer; a topic prefix, a dot and a slot's name fit. */
	char transactional_id[320];

	/* Of the process that wrote this, a UUID. */
	char run_id[37];

	/* When, in milliseconds since 1970; to look at, nothing depends on it. */
	int64_t ts_ms;
};

/* So many partitions does this topic have, whatever it has now. */
struct position_pin
{
	struct position_id id;
	char			   topic[250];
	int32_t			   partitions; /* from 1 */
};

/* What a record of the topic turned out to be. */
enum position_kind
{
	POSITION_RECORD,		 /* .position */
	POSITION_RECORD_DELETED, /* .position.id: a tombstone of its key */
	POSITION_PIN,			 /* .pin */
	POSITION_PIN_DELETED,	 /* .pin.id and .pin.topic, likewise */
	POSITION_FOREIGN,		 /* its key is none that is written here */
	POSITION_BROKEN,		 /* key of ours, value that must not be believed */
	POSITION_NEWER			 /* intact, but of a later version */
};

struct position_entry
{
	struct position		position;
	struct position_pin pin;
};

/*
 * Append a key.  Strings must end within their arrays.  What is not UTF-8 in
 * them is written as U+FFFD; compare ids with position_id_equal(), which knows.
 */
void position_put_key(struct buf *out, const struct position_id *id);
void position_put_pin_key(struct buf *out, const struct position_pin *pin);

/*
 * Append a value, which goes with the key of the same struct only.  A count
 * above INT64_MAX, and a pin without partitions, are mistakes of the program:
 * they abort.
 */
void position_put_value(struct buf *out, const struct position *p);
void position_put_pin_value(struct buf *out, const struct position_pin *pin);

/*
 * Read one record of the topic; value NULL is a tombstone, which an empty value
 * is not.  For the last three kinds a sentence is appended to 'error', without
 * full stop: which field, or whose key; of 'out' nothing is to be used then.
 *
 * A record is believed if its key is byte for byte what would be written for
 * it and its checksum is right.  Whether what it says can be (an LSN that goes
 * back, a timeline) is for the caller to judge.
 */
enum position_kind
position_read(const void *key, size_t key_len, const void *value,
			  size_t value_len, struct position_entry *out, struct buf *error);

/* Would both have the same key? */
bool
position_id_equal(const struct position_id *a, const struct position_id *b);

#endif /* FORWARDER_POSITION_H */
