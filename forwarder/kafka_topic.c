/*
 * kafka_topic.c - topics: found by name, looked up, created as configured.
 */
#include "kafka_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "hash.h"
#include "fault.h"
#include "log.h"
#include "mem.h"

/* A cluster that starts has too few brokers for a new topic for a while. */
#define BROKERS_MS 30000

static void
topic_failed(struct kafka_sink *s, struct topic *t)
{
	pthread_mutex_lock(&s->lock);
	t->state = TOPIC_FAILED;
	pthread_mutex_unlock(&s->lock);
}

static enum kafka_job_outcome
refuse_creation(struct kafka_sink *s, struct topic *t, rd_kafka_resp_err_t err,
				const char *reason)
{
	if (reason == NULL)
		reason = rd_kafka_err2str(err);
	if (err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
		err == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED)
		kafka_fail(s, 4,
				   "topic %s does not exist and may not be created (%s): "
				   "create it, or grant it with kafka-acls.sh --add "
				   "--allow-principal User:%s --operation Create --operation "
				   "Write --operation Describe --topic %s%s",
				   t->name, reason, s->user, t->name,
				   kafka_fail_way_without(s, t->name));
	else
		kafka_fail(s, 4,
				   "topic %s does not exist and cannot be created: %s: "
				   "create it, or change topic.creation.* (partitions=%d, "
				   "replication.factor=%d)%s",
				   t->name, reason, t->create_partitions, t->create_replicas,
				   kafka_fail_way_without(s, t->name));
	topic_failed(s, t);
	return KAFKA_JOB_DONE;
}

/* Too few brokers: while a cluster starts, that is no refusal yet. */
static bool
may_be_starting(struct topic *t, rd_kafka_resp_err_t err)
{
	if (err != RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR)
		return false;
	if (t->too_few_ms == 0)
		t->too_few_ms = clock_monotonic_ms();
	return clock_monotonic_ms() - t->too_few_ms < BROKERS_MS;
}

static enum kafka_job_outcome
create_topic(struct kafka_sink *s, struct topic *t)
{
	char					 reason[512] = "";
	rd_kafka_NewTopic_t		*nt = rd_kafka_NewTopic_new(t->name,
														t->create_partitions,
														t->create_replicas, reason,
														sizeof(reason));
	rd_kafka_AdminOptions_t *options;
	rd_kafka_queue_t		*answers;
	rd_kafka_event_t		*event;
	rd_kafka_resp_err_t		 err = RD_KAFKA_RESP_ERR__TIMED_OUT;
	enum kafka_job_outcome	 outcome = KAFKA_JOB_LATER;

	if (nt == NULL)
		return refuse_creation(s, t, RD_KAFKA_RESP_ERR__INVALID_ARG, reason);
	for (size_t i = 0; i < t->nsettings; i++)
		rd_kafka_NewTopic_set_config(nt, t->settings[i].name,
									 t->settings[i].value);
	options = rd_kafka_AdminOptions_new(s->rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
	rd_kafka_AdminOptions_set_request_timeout(options, KAFKA_ANSWER_MS, reason,
											  sizeof(reason));
	rd_kafka_AdminOptions_set_operation_timeout(options, KAFKA_ANSWER_MS,
												reason, sizeof(reason));
	answers = rd_kafka_queue_new(s->rk);
	rd_kafka_CreateTopics(s->rk, &nt, 1, options, answers);
	event = rd_kafka_queue_poll(answers, KAFKA_ANSWER_MS * 2);
	reason[0] = '\0';
	if (event != NULL)
	{
		const rd_kafka_CreateTopics_result_t
			  *result = rd_kafka_event_CreateTopics_result(event);
		size_t n = 0;

		err = rd_kafka_event_error(event);
		if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
			snprintf(reason, sizeof(reason), "%s",
					 rd_kafka_event_error_string(event));
		else if (result != NULL)
		{
			const rd_kafka_topic_result_t *const
				*topics = rd_kafka_CreateTopics_result_topics(result, &n);

			if (n == 1)
			{
				const char *text = rd_kafka_topic_result_error_string(
					topics[0]);

				err = rd_kafka_topic_result_error(topics[0]);
				snprintf(reason, sizeof(reason), "%s", text ? text : "");
			}
		}
	}
	if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		log_info("kafka", "created topic",
				 "topic=%s partitions=%d "
				 "replication_factor=%d",
				 log_str(t->name), t->create_partitions, t->create_replicas);
		t->settled = INT32_MAX; /* it is empty */
		FAULT_POINT("topic_created");
	}
	else if (err == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
		log_debug("kafka", "somebody else has created the topic", "topic=%s",
				  log_str(t->name));
	else if (kafka_fail_is_refusal(err) && !may_be_starting(t, err))
		outcome = refuse_creation(s, t, err, reason[0] ? reason : NULL);
	else
	{
		if (kafka_fail_is_unreachable(err))
			outcome = KAFKA_JOB_UNREACHABLE;
		if (!t->told)
			log_warn("kafka", "creating the topic failed, trying again",
					 "topic=%s error=%s", log_str(t->name),
					 log_str(reason[0] ? reason : rd_kafka_err2str(err)));
		t->told = true;
	}
	if (event != NULL)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(answers);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_NewTopic_destroy(nt);
	return outcome;
}

/* What a single broker holds alone is lost with it. */
static void
check_replicas(const struct kafka_sink *s, struct topic *t,
			   const struct rd_kafka_metadata *md)
{
	const struct rd_kafka_metadata_topic *mt = &md->topics[0];

	if (md->broker_cnt < 2 || s->again || t->replicas_told)
		return;
	t->replicas_told = true;
	for (int i = 0; i < mt->partition_cnt; i++)
	{
		if (mt->partitions[i].replica_cnt < 2)
		{
			log_warn("kafka",
					 "a topic has partitions of one replica only: their "
					 "records are lost with the broker that has it",
					 "topic=%s partition=%" PRId32 " brokers=%d",
					 log_str(t->name), mt->partitions[i].id, md->broker_cnt);
			return;
		}
	}
}

enum kafka_job_outcome
kafka_topic_look_up(struct kafka_sink *s, struct topic *t)
{
	rd_kafka_topic_t *rkt = rd_kafka_topic_new(s->rk, t->name, NULL);
	const struct rd_kafka_metadata *md = NULL;
	rd_kafka_resp_err_t				err;
	enum kafka_job_outcome			outcome;
	int								partitions = 0;

	if (rkt == NULL)
	{
		kafka_fail(s, 4, "topic %s: %s", t->name,
				   rd_kafka_err2str(rd_kafka_last_error()));
		topic_failed(s, t);
		return KAFKA_JOB_DONE;
	}
	FAULT_POINT("topic_asked");
	err = rd_kafka_metadata(s->rk, 0, rkt, &md, KAFKA_ANSWER_MS);
	rd_kafka_topic_destroy(rkt);
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
		return kafka_fail_is_unreachable(err) ? KAFKA_JOB_UNREACHABLE
											  : KAFKA_JOB_LATER;
	kafka_link_up(s);
	s->brokers = md->broker_cnt;
	if (md->topic_cnt == 1)
	{
		err = md->topics[0].err;
		partitions = md->topics[0].partition_cnt;
		if (err == RD_KAFKA_RESP_ERR_NO_ERROR && partitions > 0)
			check_replicas(s, t, md);
	}
	rd_kafka_metadata_destroy(md);

	switch (err)
	{
		case RD_KAFKA_RESP_ERR_NO_ERROR:
			if (partitions == 0)
				return KAFKA_JOB_LATER;
			outcome = kafka_settle_topic(s, t, partitions);
			if (outcome != KAFKA_JOB_DONE)
				return outcome;
			pthread_mutex_lock(&s->lock);
			t->partitions = partitions;
			t->state = TOPIC_READY;
			pthread_mutex_unlock(&s->lock);
			log_debug("kafka", "topic is there", "topic=%s partitions=%d",
					  log_str(t->name), partitions);
			FAULT_POINT("topic_ready");
			return KAFKA_JOB_DONE;
		case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
		case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
			if (t->create)
				return create_topic(s, t);
			kafka_fail(s, 4,
					   "topic %s does not exist, and topic.creation.enable is "
					   "false: create it%s",
					   t->name, kafka_fail_way_without(s, t->name));
			topic_failed(s, t);
			return KAFKA_JOB_DONE;
		case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
		case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
			if (err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION)
				kafka_fail(s, 4, "topic %s: Kafka allows no such name%s",
						   t->name, kafka_fail_way_without(s, t->name));
			else
				kafka_fail(
					s, 4,
					"topic %s: not allowed to see it: grant it with "
					"kafka-acls.sh --add --allow-principal User:%s "
					"--operation Write --operation Describe %s--topic %s%s",
					t->name, s->user, t->create ? "--operation Create " : "",
					t->name, kafka_fail_way_without(s, t->name));
			topic_failed(s, t);
			return KAFKA_JOB_DONE;
		default: /* LEADER_NOT_AVAILABLE and its like */
			if (!t->told && t->retry_ms >= KAFKA_TOPIC_RETRY_MAX_MS)
			{
				t->told = true;
				log_warn("kafka", "the topic is not ready, waiting",
						 "topic=%s error=%s", log_str(t->name),
						 log_str(rd_kafka_err2str(err)));
			}
			return KAFKA_JOB_LATER;
	}
}

static void
put_bucket(struct kafka_sink *s, uint32_t number)
{
	uint32_t i = hash_name(s->topics[number]->name);

	while (s->buckets[i & (s->nbuckets - 1)] != 0)
		i++;
	s->buckets[i & (s->nbuckets - 1)] = number + 1;
}

static void
grow_buckets(struct kafka_sink *s)
{
	free(s->buckets);
	s->nbuckets = s->nbuckets ? s->nbuckets * 2 : 64;
	s->buckets = mem_zalloc(s->nbuckets, sizeof(*s->buckets));
	for (uint32_t i = 0; i < s->ntopics; i++)
		put_bucket(s, i);
}

/*
 * The store is read to its end at each start: what is superseded should go
 * soon, and what is not never.
 */
static void
make_store_topic(struct topic *t)
{
	static const char *const settings[][2] = {
		{"cleanup.policy", "compact"},
		{"segment.bytes", "16777216"},
		{"min.cleanable.dirty.ratio", "0.1"},
	};

	t->create_partitions = 1;
	t->nsettings = sizeof(settings) / sizeof(settings[0]);
	t->settings = mem_zalloc(t->nsettings, sizeof(*t->settings));
	for (size_t i = 0; i < t->nsettings; i++)
	{
		t->settings[i].name = kafka_copy(settings[i][0]);
		t->settings[i].value = kafka_copy(settings[i][1]);
	}
}

static struct topic *
make_topic(const struct kafka_sink *s, const char *name)
{
	struct topic	   *t = mem_zalloc(1, sizeof(*t));
	struct config_topic creation;

	t->name = kafka_copy(name);
	t->retry_ms = KAFKA_TOPIC_RETRY_MS;
	t->create = config_bool(s->config, "topic.creation.enable");
	config_topic_creation(s->config, name, &creation);
	t->create_partitions = creation.partitions;
	t->create_replicas = creation.replication_factor;
	if (s->recovery.topic != NULL && strcmp(name, s->recovery.topic) == 0)
	{
		make_store_topic(t);
		return t;
	}
	t->nsettings = creation.nsettings;
	t->settings = mem_zalloc(creation.nsettings, sizeof(*t->settings));
	for (size_t i = 0; i < creation.nsettings; i++)
	{
		t->settings[i].name = kafka_copy(creation.settings[i].name);
		t->settings[i].value = kafka_copy(creation.settings[i].value);
	}
	return t;
}

uint32_t
kafka_topic_number(struct kafka_sink *s, const char *name)
{
	uint32_t i = hash_name(name);

	if (s->nbuckets == 0)
		grow_buckets(s);
	for (; s->buckets[i & (s->nbuckets - 1)] != 0; i++)
	{
		uint32_t number = s->buckets[i & (s->nbuckets - 1)] - 1;

		if (strcmp(s->topics[number]->name, name) == 0)
			return number;
	}
	if (s->ntopics == s->topics_cap)
	{
		s->topics_cap = s->topics_cap ? s->topics_cap * 2 : 16;
		s->topics = mem_resize(s->topics, s->topics_cap, sizeof(*s->topics));
	}
	s->topics[s->ntopics] = make_topic(s, name);
	s->ntopics++;
	if (s->ntopics * 2 > s->nbuckets)
		grow_buckets(s);
	else
		put_bucket(s, s->ntopics - 1);
	return s->ntopics - 1;
}

/* Asks the helper to see to it if nobody has. */
enum sink_outcome
kafka_topic_require(struct kafka_sink *s, struct topic *t)
{
	enum topic_state state;

	if (t->rkt != NULL)
		return SINK_DONE;
	pthread_mutex_lock(&s->lock);
	state = s->failed ? TOPIC_FAILED : t->state;
	if (state == TOPIC_NEW)
	{
		t->state = TOPIC_ASKED;
		kafka_helper_add_job(s, t);
		pthread_cond_signal(&s->wake_helper);
	}
	pthread_mutex_unlock(&s->lock);
	if (state == TOPIC_FAILED)
		return SINK_FAILED;
	if (state != TOPIC_READY)
		return SINK_AGAIN;

	/*
	 * Not before the broker knows it: librdkafka would take its absence for
	 * news and fail the records.
	 */
	t->rkt = rd_kafka_topic_new(s->rk, t->name, NULL);
	if (t->rkt == NULL)
	{
		kafka_fail(s, 1, "topic %s: %s", t->name,
				   rd_kafka_err2str(rd_kafka_last_error()));
		return SINK_FAILED;
	}
	t->partition = mem_zalloc((size_t) t->partitions, sizeof(*t->partition));
	return SINK_DONE;
}

void
kafka_topic_free_all(struct kafka_sink *s)
{
	for (uint32_t i = 0; i < s->ntopics; i++)
	{
		struct topic *t = s->topics[i];

		for (size_t j = 0; j < t->nsettings; j++)
		{
			free((char *) t->settings[j].name);
			free((char *) t->settings[j].value);
		}
		free(t->settings);
		free(t->partition);
		free(t->name);
		free(t);
	}
	free(s->topics);
	free(s->buckets);
}
