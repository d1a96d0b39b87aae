/*
 * heartbeat.h - Debezium's heartbeats: when one is due, and its record.
 *
 * The record goes to partition 0 of a topic of its own and says that we are
 * here and at what time:
 *
 *     {"serverName":"<topic.prefix>"}
 *     {"ts_ms":1700000000000}
 *
 * each with its schema, {"schema":{...},"payload":...}, where that is asked
 * for.
 *
 * Pure: no I/O, no clock.  heartbeat_action.h is the query that goes with it.
 */
#ifndef FORWARDER_HEARTBEAT_H
#define FORWARDER_HEARTBEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

struct heartbeat
{
	int64_t interval_ms; /* 0: none */
	int64_t due_ms;		 /* when the next one is */
};

/* The first one is due after the interval, as Debezium's. */
void heartbeat_init(struct heartbeat *h, int64_t interval_ms, int64_t now_ms);

/* INT64_MAX: never. */
int64_t heartbeat_due_ms(const struct heartbeat *h);

/* One went out.  Those that could not in time are not made up for. */
void heartbeat_sent(struct heartbeat *h, int64_t now_ms);

/* It could not: try again soon. */
void heartbeat_postponed(struct heartbeat *h, int64_t now_ms);

/* Append key and value. */
void heartbeat_put_key(struct buf *out, const char *prefix, bool schema);
void heartbeat_put_value(struct buf *out, int64_t realtime_ms, bool schema);

#endif /* FORWARDER_HEARTBEAT_H */
