/*
 * sink.h - where records go, and the reports that come back.
 *
 * A sink knows topics, records and tickets; it knows nothing of PostgreSQL,
 * of LSNs or of the wire format.  It never blocks its caller: what cannot be
 * taken now is refused with SINK_AGAIN, and the caller stops reading its
 * source until sink_poll() has made room.
 */
#ifndef FORWARDER_SINK_H
#define FORWARDER_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;

enum sink_outcome
{
	SINK_DONE,	/* taken */
	SINK_AGAIN, /* no room, or topic not ready: try later */
	SINK_FAILED /* for good; sink_error() says why */
};

struct sink_header
{
	const char *name;
	const void *data;
	size_t		len;
};

/* Everything is copied by sink_submit(); nothing need outlive the call. */
struct sink_record
{
	uint32_t				  topic; /* as sink_topic() returned it */
	int32_t					  partition;
	const void				 *key; /* NULL: record without key */
	size_t					  key_len;
	const void				 *value; /* NULL: tombstone */
	size_t					  value_len;
	int64_t					  timestamp_ms; /* 0: the time of sending */
	const struct sink_header *headers;
	size_t					  nheaders;
};

/*
 * Called from within sink_poll() for records taken: 'records' of the same
 * ticket, each of them once.  'bytes' are those of their keys and values;
 * 'error' is set if they were not delivered.
 */
typedef void (*sink_report_fn)(void *arg, uint64_t ticket, uint64_t records,
							   size_t bytes, bool delivered,
							   const char *error);

/*
 * Where a sink keeps records that its caller wants to find again: a topic of
 * one partition, compacted by key.  With a transactional id, records are
 * published in transactions: see sink_commit().
 */
struct sink_store
{
	const char *topic;
	const char *transactional_id; /* NULL: each record stands by itself */
	bool		again;	  /* was read before: what is warned of once, was */
	int64_t		ended_ms; /* sink_ended_ms() of the sink before, or 0 */
};

/* A record of the store, for sink_recover(); value NULL: a tombstone. */
typedef void (*sink_stored_fn)(void *arg, const void *key, size_t key_len,
							   const void *value, size_t value_len);

/*
 * What was written to before: topics with so many partitions.  Records carry
 * their position in a header, as text that can be compared; those up to 'until'
 * are committed, and that is less than SINK_POSITION_SIZE long.
 */
#define SINK_POSITION_SIZE 64

struct sink_topic
{
	const char *name;
	int32_t		partitions;
};

struct sink_written
{
	const struct sink_topic *topics;
	size_t					 n;
	const char				*header; /* must outlive the sink */
	const char				*until;
};

struct sink;

struct sink_ops
{
	const char *name;
	uint32_t (*topic)(struct sink *s, const char *name);
	enum sink_outcome (*partitions)(struct sink *s, uint32_t topic,
									int32_t *count);
	enum sink_outcome (*submit)(struct sink				 *s,
								const struct sink_record *record,
								uint64_t				  ticket);
	enum sink_outcome (*recover)(struct sink *s, sink_stored_fn fn, void *arg);
	enum sink_outcome (*settle)(struct sink				  *s,
								const struct sink_written *written);
	enum sink_outcome (*commit)(struct sink *s, const struct sink_record *last,
								uint64_t ticket);
	bool (*is_full)(struct sink *s);
	int (*fd)(struct sink *s);
	int (*poll)(struct sink *s, int timeout_ms);
	bool (*connected)(struct sink *s);
	const char *(*error)(struct sink *s);
	int (*exit_code)(struct sink *s);
	bool (*gave_up)(struct sink *s);
	int64_t (*ended_ms)(struct sink *s);
	void (*free)(struct sink *s);
};

/* First member of every sink. */
struct sink
{
	const struct sink_ops *ops;
};

/*
 * Open a sink as configured.  Does not wait for the broker: a broker that is
 * unreachable is one warning and a retry without end.  NULL with an error
 * logged if the configuration itself is unusable.  'store' may be NULL; it is
 * copied.
 */
struct sink *
sink_kafka_new(const struct config *config, const struct sink_store *store,
			   sink_report_fn report, void *arg);
struct sink *
sink_stdout_new(const struct config *config, sink_report_fn report, void *arg);

/* A small number for a topic name; the same for the same name. */
static inline uint32_t
sink_topic(struct sink *s, const char *name)
{
	return s->ops->topic(s, name);
}

/*
 * How many partitions the topic has.  Asking for a topic that does not exist
 * creates it as configured (topic.creation.*); SINK_AGAIN until the broker
 * has answered.  Pinned from the first answer on for the life of the sink.
 */
static inline enum sink_outcome
sink_partitions(struct sink *s, uint32_t topic, int32_t *count)
{
	return s->ops->partitions(s, topic, count);
}

/*
 * Hand over one record; 'ticket' comes back with its report.  After
 * SINK_FAILED, and after a report of a record that was not delivered, nothing
 * more is taken: it would overtake what is missing.
 */
static inline enum sink_outcome
sink_submit(struct sink *s, const struct sink_record *record, uint64_t ticket)
{
	return s->ops->submit(s, record, ticket);
}

/*
 * Before the first record: what the store holds.  With a transactional id it
 * first shuts out whoever wrote with the same id before (what that one had
 * not committed never becomes visible), and only then reads.  Calls 'fn' for
 * each record up to the store's end as it was after that, oldest first, from
 * within this call; of a key, the last one counts.  SINK_AGAIN: there is more
 * to come, call again after sink_poll().  SINK_DONE at once where there is no
 * store.
 */
static inline enum sink_outcome
sink_recover(struct sink *s, sink_stored_fn fn, void *arg)
{
	return s->ops->recover != NULL ? s->ops->recover(s, fn, arg) : SINK_DONE;
}

/*
 * Between sink_recover() and the first record: wait until no transaction of a
 * predecessor is open in what it has written to, for ours would end it; see
 * kafka_settle.c.  'written' is copied at the first call.  Of any other topic,
 * the same is waited for when it is first asked for.  SINK_AGAIN: call again
 * after sink_poll().  SINK_DONE at once without a transactional id.
 */
static inline enum sink_outcome
sink_settle(struct sink *s, const struct sink_written *written)
{
	return s->ops->settle != NULL ? s->ops->settle(s, written) : SINK_DONE;
}

/*
 * Everything submitted since the last commit, and 'last' as the last record of
 * it, becomes visible at once or not at all.  Reports come when that is
 * certain, and not before: first those of the records, then that of 'last'.
 * Meanwhile records are taken as ever; they belong to the next transaction.
 * SINK_AGAIN, with nothing done: the commit before is not through, or there is
 * no room.  'last' itself needs none: it is what makes room.
 *
 * Without transactions, 'last' is a record like others, but for the room.
 *
 * What is not certain is SINK_FAILED: the caller opens a new sink and finds
 * by sink_recover() what became of it.
 */
static inline enum sink_outcome
sink_commit(struct sink *s, const struct sink_record *last, uint64_t ticket)
{
	return s->ops->commit(s, last, ticket);
}

/* As much as may be is under way: what is submitted now is refused. */
static inline bool
sink_is_full(struct sink *s)
{
	return s->ops->is_full != NULL && s->ops->is_full(s);
}

/* Readable when sink_poll() has something to do; -1: no such descriptor. */
static inline int
sink_fd(struct sink *s)
{
	return s->ops->fd(s);
}

/*
 * Serve reports and events; returns how many.  With a timeout of 0 it does
 * not wait.  Call it when sink_fd() is readable and at least once a second;
 * afterwards what was refused with SINK_AGAIN may be tried again.
 */
static inline int
sink_poll(struct sink *s, int timeout_ms)
{
	return s->ops->poll(s, timeout_ms);
}

/* Somebody answers; false until it has been seen once. */
static inline bool
sink_connected(struct sink *s)
{
	return s->ops->connected(s);
}

/*
 * Why SINK_FAILED, in one line that names the thing and the fix; "" as long
 * as nothing has failed.  To be asked after sink_poll() as well: a sink may
 * fail without a record of ours, as when Kafka does not let us in.
 */
static inline const char *
sink_error(struct sink *s)
{
	return s->ops->error(s);
}

/* The program's exit code for that failure: 1 or 4. */
static inline int
sink_exit_code(struct sink *s)
{
	return s->ops->exit_code(s);
}

/*
 * That failure is that brokers were not reached in as many attempts as
 * errors.max.retries allows: another sink would only begin to count anew.
 */
static inline bool
sink_gave_up(struct sink *s)
{
	return s->ops->gave_up != NULL && s->ops->gave_up(s);
}

/*
 * When it, or one before it as its sink_store said, has last ended a
 * transaction that was left open, on the monotonic clock; 0: never.  Where one
 * is open again at once it is somebody else's, and the next sink waits.  What
 * it is ending just now is not told.
 */
static inline int64_t
sink_ended_ms(struct sink *s)
{
	return s->ops->ended_ms != NULL ? s->ops->ended_ms(s) : 0;
}

/*
 * Records not yet reported are given up; their reports never come.  Waits for
 * threads of the sink, at most some seconds.
 */
static inline void
sink_free(struct sink *s)
{
	if (s != NULL)
		s->ops->free(s);
}

#endif /* FORWARDER_SINK_H */
