/*
 * status.c - what the running forwarder says of itself; see status.h.
 */
#include "status.h"

#include <string.h>
#include <unistd.h>

#define SUB_BUCKETS 8

/* 0..7 one each, then eight for each power of two. */
static unsigned
bucket_of(uint64_t us)
{
	unsigned power;

	if (us < SUB_BUCKETS)
		return (unsigned) us;
	power = 63 - (unsigned) __builtin_clzll(us);
	if (power > 44)
		return STATUS_BUCKETS - 1;
	return (power - 2) * SUB_BUCKETS +
		   ((unsigned) (us >> (power - 3)) & (SUB_BUCKETS - 1));
}

/* The upper end of a bucket, in microseconds. */
static double
bucket_top(unsigned b)
{
	unsigned power;

	if (b < SUB_BUCKETS)
		return b + 1;
	power = b / SUB_BUCKETS + 2;
	return (double) (UINT64_C(1) << (power - 3)) *
		   (SUB_BUCKETS + b % SUB_BUCKETS + 1);
}

void
status_latency_add(struct status_latency *l, int64_t us)
{
	/* Clocks of two machines: a record may seem to arrive before its commit. */
	if (us < 0)
		us = 0;
	l->counts[l->current][bucket_of((uint64_t) us)]++;
	l->total[l->current]++;
}

void
status_latency_rotate(struct status_latency *l)
{
	l->current = !l->current;
	memset(l->counts[l->current], 0, sizeof(l->counts[l->current]));
	l->total[l->current] = 0;
}

double
status_latency_quantile(const struct status_latency *l, double q)
{
	uint64_t total = l->total[0] + l->total[1];
	uint64_t seen = 0;
	uint64_t rank;

	if (total == 0)
		return -1;
	rank = (uint64_t) (q * (double) (total - 1));
	for (unsigned b = 0; b < STATUS_BUCKETS; b++)
	{
		seen += l->counts[0][b] + l->counts[1][b];
		if (seen > rank)
			return bucket_top(b) / 1000;
	}
	return bucket_top(STATUS_BUCKETS - 1) / 1000;
}

bool
status_healthy(const struct status *s, int64_t now_ms, int64_t stall_ms)
{
	if (!s->source_connected || !s->sink_connected)
		return false;
	return !s->pending || now_ms - s->last_progress_ms < stall_ms;
}

static void
put_number(struct buf *out, const char *name, uint64_t v)
{
	buf_printf(out, "\"%s\":%llu,", name, (unsigned long long) v);
}

static void
put_lsn(struct buf *out, const char *name, uint64_t lsn)
{
	buf_printf(out, "\"%s\":\"%X/%X\",", name, (unsigned) (lsn >> 32),
			   (unsigned) lsn);
}

static void
put_latency(struct buf *out, const char *name, const struct status_latency *l,
			double q)
{
	double ms = status_latency_quantile(l, q);

	if (ms < 0)
		buf_printf(out, "\"%s\":null,", name);
	else
		buf_printf(out, "\"%s\":%.3f,", name, ms);
}

void
status_json(const struct status *s, bool healthy, int64_t now_ms,
			const struct publish_topic *topics, size_t ntopics,
			struct buf *out)
{
	buf_printf(out, "{\"status\":\"%s\",\"state\":\"%s\",\"pid\":%ld,",
			   healthy ? "ok" : "failing", s->state, (long) getpid());
	put_number(out, "uptime_ms", (uint64_t) (now_ms - s->started_ms));
	buf_printf(out, "\"source_connected\":%s,\"sink_connected\":%s,",
			   s->source_connected ? "true" : "false",
			   s->sink_connected ? "true" : "false");
	put_lsn(out, "received_lsn", s->received_lsn);
	put_lsn(out, "confirmed_lsn", s->confirmed_lsn);
	put_number(out, "lag_bytes",
			   s->received_lsn > s->confirmed_lsn
				   ? s->received_lsn - s->confirmed_lsn
				   : 0);
	put_number(out, "transactions", s->transactions);
	put_number(out, "events", s->delivered);
	put_number(out, "events_sent", s->records);
	put_number(out, "events_failed", s->failed);
	put_number(out, "values_lost", s->lost_values);
	put_number(out, "in_flight", s->in_flight);
	put_number(out, "in_flight_bytes", s->in_flight_bytes);
	put_number(out, "reconnects", s->reconnects);
	put_latency(out, "latency_ms_p50", &s->latency, 0.50);
	put_latency(out, "latency_ms_p99", &s->latency, 0.99);
	buf_puts(out, "\"topics\":{");
	for (size_t i = 0; i < ntopics; i++)
	{
		if (i > 0)
			buf_putc(out, ',');
		buf_printf(out, "\"%s\":%llu", topics[i].name,
				   (unsigned long long) topics[i].records);
	}
	buf_puts(out, "}}\n");
}
