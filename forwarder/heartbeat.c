/*
 * heartbeat.c - when a heartbeat is due, and its record; see heartbeat.h for
 * the contract.
 */
#include "heartbeat.h"

#include <string.h>

#include "jsontext.h"

/* What had no room is tried again after this. */
#define RETRY_MS 50

void
heartbeat_init(struct heartbeat *h, int64_t interval_ms, int64_t now_ms)
{
	h->interval_ms = interval_ms;
	h->due_ms = now_ms + interval_ms;
}

int64_t
heartbeat_due_ms(const struct heartbeat *h)
{
	return h->interval_ms > 0 ? h->due_ms : INT64_MAX;
}

void
heartbeat_sent(struct heartbeat *h, int64_t now_ms)
{
	h->due_ms = now_ms + h->interval_ms;
}

void
heartbeat_postponed(struct heartbeat *h, int64_t now_ms)
{
	h->due_ms = now_ms + RETRY_MS;
}

void
heartbeat_put_key(struct buf *out, const char *prefix, bool schema)
{
	if (schema)
		buf_lit(out, "{\"schema\":{\"type\":\"struct\",\"fields\":["
					 "{\"type\":\"string\",\"optional\":false,"
					 "\"field\":\"serverName\"}],\"optional\":false,"
					 "\"name\":\"io.debezium.connector.common.ServerNameKey\","
					 "\"version\":1},\"payload\":");
	buf_lit(out, "{\"serverName\":");
	jsontext_string(out, prefix, strlen(prefix));
	buf_puts(out, schema ? "}}" : "}");
}

void
heartbeat_put_value(struct buf *out, int64_t realtime_ms, bool schema)
{
	if (schema)
		buf_lit(out, "{\"schema\":{\"type\":\"struct\",\"fields\":["
					 "{\"type\":\"int64\",\"optional\":false,"
					 "\"field\":\"ts_ms\"}],\"optional\":false,"
					 "\"name\":\"io.debezium.connector.common.Heartbeat\","
					 "\"version\":1},\"payload\":");
	buf_lit(out, "{\"ts_ms\":");
	jsontext_i64(out, realtime_ms);
	buf_puts(out, schema ? "}}" : "}");
}
