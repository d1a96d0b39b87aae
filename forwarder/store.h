/*
 * store.h - what is known of the position topic: what it held at the start,
 * and what has been written to it since.
 *
 * Pure: bytes of records go in and come out; whoever owns it reads and writes
 * them.
 */
#ifndef FORWARDER_STORE_H
#define FORWARDER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "position.h"

struct store;

/*
 * For the position of 'id'.  'self' gives what each record says of its writer:
 * filter, transactional_id, run_id; the rest of it is of no account.  Both are
 * copied.
 */
struct store	  *
store_new(const struct position_id *id, const struct position *self);
void store_free(struct store *s);

/* A record of the topic, oldest first; a sink_stored_fn for 'store'. */
void store_take(void *store, const void *key, size_t key_len,
				const void *value, size_t value_len);

/*
 * Why what was taken cannot be relied on: a record that is damaged, or of a
 * later version, or not ours at all.  "" if it can.
 */
const char *store_error(const struct store *s);

/* The last position; NULL if there is none. */
const struct position *store_position(const struct store *s);

/*
 * The last position that another cluster has here under our name, which is
 * that of slot and database or our transactional.id; NULL if there is none.
 */
const struct position *store_other_cluster(const struct store *s);

/*
 * The record that says 'p': its key and its value are put into buffers that
 * are reset first.  What the store knows itself is filled in: id, filter,
 * transactional_id, run_id, and prev_end_lsn from the last position.
 */
void store_put(const struct store *s, struct position *p, struct buf *key,
			   struct buf *value);

/* What store_put() made is written: it is the last position now. */
void store_written(struct store *s, const struct position *p);

/* The number of partitions that 'topic' is pinned to; 0: to none yet. */
int32_t store_pin(const struct store *s, const char *topic);

/* Each topic that is pinned, in no order. */
void
store_each_pin(const struct store *s,
			   void (*fn)(void *arg, const char *topic, int32_t partitions),
			   void *arg);

/*
 * The record that pins it, into buffers that are reset first.  A name that no
 * topic can have is a mistake of the program: it aborts.
 */
void store_put_pin(const struct store *s, const char *topic,
				   int32_t partitions, struct buf *key, struct buf *value);

/* What store_put_pin() made is on its way: the topic is pinned. */
void store_pinned(struct store *s, const char *topic, int32_t partitions);

#endif /* FORWARDER_STORE_H */
