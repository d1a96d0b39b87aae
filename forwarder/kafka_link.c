/*
 * kafka_link.c - whether somebody answers.
 *
 * Connections fail and come back all the time; what is told is that nobody
 * answers any more, once, and that somebody does again.
 */
#include "kafka_impl.h"

#include <stdio.h>

#include "log.h"

#define PROBE_MS 3000

void
kafka_link_up(struct kafka_sink *s)
{
	bool told = false;
	bool first = false;

	pthread_mutex_lock(&s->lock);
	if (!s->connected)
	{
		told = s->unreachable_told;
		first = !s->was_connected;
		s->connected = true;
		s->was_connected = true;
		s->unreachable_told = false;
		s->last_problem[0] = '\0';
	}
	pthread_mutex_unlock(&s->lock);
	if (told || first)
		log_info("kafka", told ? "reachable again" : "connected", "brokers=%s",
				 log_str(s->servers));
}

void
kafka_link_down(struct kafka_sink *s, rd_kafka_resp_err_t err)
{
	bool tell;
	char problem[512];

	pthread_mutex_lock(&s->lock);
	s->connected = false;
	tell = !s->unreachable_told;
	s->unreachable_told = true;
	snprintf(problem, sizeof(problem), "%s",
			 s->last_problem[0] ? s->last_problem : rd_kafka_err2str(err));
	pthread_mutex_unlock(&s->lock);
	if (tell)
		log_warn("kafka",
				 "unreachable: nothing is lost, trying again until "
				 "it answers",
				 "brokers=%s error=%s", log_str(s->servers), log_str(problem));
	else
		log_debug("kafka", "still unreachable", "error=%s", log_str(problem));
}

void
kafka_link_doubt(struct kafka_sink *s)
{
	pthread_mutex_lock(&s->lock);
	s->probe = true;
	pthread_cond_signal(&s->wake_helper);
	pthread_mutex_unlock(&s->lock);
}

bool
kafka_link_ask(struct kafka_sink *s)
{
	const struct rd_kafka_metadata *md = NULL;
	rd_kafka_resp_err_t err = rd_kafka_metadata(s->rk, 0, NULL, &md, PROBE_MS);

	if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		rd_kafka_metadata_destroy(md);
		kafka_link_up(s);
		return true;
	}
	kafka_link_down(s, err);
	return false;
}
