/*
 * forward_heartbeat.c - heartbeats among the records.
 *
 * The record is one of no transaction of the source, so the ledger does not
 * count it: PostgreSQL is told nothing sooner or later for it.  With
 * exactly.once it is in a Kafka transaction all the same, as everything is,
 * and calls for the position that ends one: an idle line stores its position
 * with each heartbeat.
 *
 * While the sink has no room there are none: they would say that all is well.
 */
#include "forward_impl.h"

/* A query is no reason to hold the server's resources for longer. */
#define QUERY_TIMEOUT_MS 30000

void
forward_heartbeat_init(struct forward *f)
{
	struct forward_heartbeat *h = &f->heartbeat;
	const struct config		 *c = f->config;
	const char				 *query = config_str(c, "heartbeat.action.query");
	const char				 *prefix = config_str(c, "topic.prefix");

	heartbeat_init(&h->timer, config_int(c, "heartbeat.interval.ms"),
				   f->now_ms);
	if (h->timer.interval_ms == 0)
		return;
	h->topic = config_str(c, "topic.heartbeat.name");
	heartbeat_put_key(&h->key, prefix,
					  config_bool(c, "key.converter.schemas.enable"));
	h->schema = config_bool(c, "value.converter.schemas.enable");
	if (query == NULL || query[0] == '\0')
		return;
	h->action_config = (struct heartbeat_action_config){
		.keywords = f->source.repl.keywords,
		.values = f->source.repl.values,
		.query = query,
		.connect_timeout_ms = f->source.repl.connect_timeout_ms,
		.query_timeout_ms = QUERY_TIMEOUT_MS,
	};
	h->action = heartbeat_action_new(&h->action_config);
}

void
forward_heartbeat_free(struct forward *f)
{
	struct forward_heartbeat *h = &f->heartbeat;

	heartbeat_action_free(h->action);
	buf_free(&h->key);
	buf_free(&h->value);
}

static enum sink_outcome
submit(struct forward *f)
{
	struct forward_heartbeat *h = &f->heartbeat;
	struct sink_record		  record = {
			   .topic = sink_topic(f->sink, h->topic),
			   .partition = 0,
			   .key = h->key.data,
			   .key_len = h->key.len,
	   };
	int32_t			  partitions;
	enum sink_outcome outcome = sink_partitions(f->sink, record.topic,
												&partitions);

	if (outcome != SINK_DONE)
		return outcome;
	buf_reset(&h->value);
	heartbeat_put_value(&h->value, forward_realtime_ns() / 1000000, h->schema);
	record.value = h->value.data;
	record.value_len = h->value.len;
	outcome = sink_submit(f->sink, &record, FORWARD_HEARTBEAT_TICKET);
	if (outcome == SINK_DONE)
		forward_position_add_heartbeat(f, record.key_len + record.value_len);
	return outcome;
}

void
forward_heartbeat_serve(struct forward *f)
{
	struct forward_heartbeat *h = &f->heartbeat;

	if (h->action != NULL)
		heartbeat_action_step(h->action, f->now_ms);
	if (f->state != STATE_STREAMING || f->blocked || f->change_taken ||
		forward_position_waits(f) || f->now_ms < heartbeat_due_ms(&h->timer))
		return;

	/* First the query, as in Debezium; what comes of it comes when it does. */
	if (h->action != NULL && !h->acted)
		heartbeat_action_run(h->action, f->now_ms);
	h->acted = true;
	switch (submit(f))
	{
		case SINK_DONE:
			h->acted = false;
			heartbeat_sent(&h->timer, f->now_ms);
			break;
		case SINK_AGAIN:
			heartbeat_postponed(&h->timer, f->now_ms);
			break;
		case SINK_FAILED:
			forward_sink_failed(f, sink_error(f->sink),
								sink_exit_code(f->sink));
			break;
	}
}

void
forward_heartbeat_poll(const struct forward *f, struct pollfd *fd)
{
	const struct heartbeat_action *a = f->heartbeat.action;

	fd->fd = a != NULL ? heartbeat_action_fd(a) : -1;
	fd->events = a != NULL ? heartbeat_action_events(a) : 0;
}

int64_t
forward_heartbeat_due_ms(const struct forward *f)
{
	const struct forward_heartbeat *h = &f->heartbeat;
	int64_t due_ms = h->action != NULL ? heartbeat_action_due_ms(h->action)
									   : INT64_MAX;

	/* What has no room is looked at again when there is. */
	if (f->state == STATE_STREAMING && !f->blocked && !f->change_taken &&
		!forward_position_waits(f) && heartbeat_due_ms(&h->timer) < due_ms)
		due_ms = heartbeat_due_ms(&h->timer);
	return due_ms;
}
