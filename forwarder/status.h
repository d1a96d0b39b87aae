/*
 * status.h - what the running forwarder says of itself.
 *
 * Counters and latencies, as one JSON object for `walferry health` and as
 * pairs for the progress line.  No I/O and no clock: times are passed in.
 */
#ifndef FORWARDER_STATUS_H
#define FORWARDER_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "publish.h"

/*
 * Latencies in buckets that grow by an eighth of a power of two: a quantile
 * is exact to 12.5 %.  Two windows take turns, so that what is told covers
 * between one and two of them.
 */
#define STATUS_BUCKETS 352

struct status_latency
{
	uint64_t counts[2][STATUS_BUCKETS];
	uint64_t total[2];
	int		 current;
};

struct status
{
	const char			 *state; /* "connecting", "streaming" ... */
	bool				  source_connected;
	bool				  sink_connected;
	uint64_t			  received_lsn;
	uint64_t			  confirmed_lsn;
	uint64_t			  transactions; /* wholly handed over */
	uint64_t			  records;		/* handed over */
	uint64_t			  delivered;	/* reported as delivered */
	uint64_t			  failed;
	uint64_t			  in_flight;
	uint64_t			  in_flight_bytes;
	bool				  pending; /* something is not confirmed yet */
	uint64_t			  reconnects;
	uint64_t			  lost_values;
	int64_t				  last_progress_ms; /* when confirmed_lsn last moved */
	int64_t				  started_ms;
	struct status_latency latency; /* commit to delivery report */
};

void status_latency_add(struct status_latency *l, int64_t us);

/* Begin a new window; the one before the last is forgotten. */
void status_latency_rotate(struct status_latency *l);

/* A quantile in milliseconds, 0 to 1; negative if nothing was measured. */
double status_latency_quantile(const struct status_latency *l, double q);

/*
 * Connected both ways, and positions move or nothing is pending.  'stall_ms'
 * is how long a position may stand still with something pending.
 */
bool status_healthy(const struct status *s, int64_t now_ms, int64_t stall_ms);

void status_json(const struct status *s, bool healthy, int64_t now_ms,
				 const struct publish_topic *topics, size_t ntopics,
				 struct buf *out);

#endif /* FORWARDER_STATUS_H */
