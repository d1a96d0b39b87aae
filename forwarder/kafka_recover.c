/*
 * kafka_recover.c - the store, read to its end.
 *
 * The order is what matters.  First the predecessor is shut out and its open
 * transaction is resolved (kafka_txn_initialise()); then the end of the store
 * is looked up, open transactions of others included; then it is read as far
 * as that, what was aborted left out.  Looked up or read any earlier, it could
 * lack what the predecessor had just committed, and that would come twice.
 *
 * "As far as that" cannot be told by the records alone: markers of
 * transactions take up offsets as well, and aborted records are not handed
 * out.  librdkafka says where it stands when it comes to an end (partition
 * EOF); where a foreign transaction is open, that is before the end that was
 * looked up, and it goes on waiting.  Nor do gaps in the offsets tell anything:
 * compaction makes them, too.  So nothing may make it jump (auto.offset.reset):
 * where its place is gone, it all begins anew.
 *
 * The helper reads into a buffer of bounded size, from which the caller takes.
 */
#include "kafka_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "fault.h"
#include "log.h"

/* Bytes read ahead of the caller. */
#define AHEAD ((size_t) 256 << 10)

/* How long one call waits. */
#define POLL_MS 200

/* A broker that does not tell settings so soon is not waited for. */
#define POLICY_MS 500

/* A hundred thousand positions and more, all of which a start may read. */
#define LARGE_SEGMENT ((long long) 128 << 20)

/* Nothing more comes for so long: the end may be another one by now. */
#define SILENT_MS 60000

/* Part of a record that is not there. */
#define NONE SIZE_MAX

/*
 * The caller's thread.
 */

static const uint8_t *
take_piece(const uint8_t *p, const void **data, size_t *len)
{
	memcpy(len, p, sizeof(*len));
	p += sizeof(*len);
	*data = *len != NONE ? p : NULL;
	if (*len == NONE)
		*len = 0;
	return p + *len;
}

enum sink_outcome
kafka_recover_take(struct kafka_sink *s, sink_stored_fn fn, void *arg)
{
	struct kafka_recovery *r = &s->recovery;
	struct buf			   empty;
	const uint8_t		  *p;
	bool				   done;

	if (r->topic == NULL)
		return SINK_DONE;
	if (r->t == NULL)
	{
		/* Which may move the array. */
		uint32_t number = kafka_topic_number(s, r->topic);

		r->t = s->topics[number];
	}
	if (r->t->rkt == NULL)
	{
		enum sink_outcome outcome = kafka_topic_require(s, r->t);

		if (outcome != SINK_DONE)
			return outcome;
		if (r->t->partitions != 1)
			kafka_fail(s, 4,
					   "topic %s has %" PRId32 " partitions; positions are "
					   "kept in a topic of exactly one: create another and "
					   "set offsets.storage.topic%s",
					   r->topic, r->t->partitions,
					   kafka_fail_way_without(s, r->topic));
	}
	if (s->failed)
		return SINK_FAILED;

	pthread_mutex_lock(&s->lock);
	if (r->step.state == KAFKA_STEP_NONE)
		r->step.state = KAFKA_STEP_ASKED;
	empty = r->taken;
	r->taken = r->full;
	r->full = empty;
	buf_reset(&r->full);
	done = r->step.state == KAFKA_STEP_DONE;
	pthread_cond_signal(&s->wake_helper);
	pthread_mutex_unlock(&s->lock);

	p = r->taken.data;
	for (size_t left = r->taken.len; left > 0;
		 left = (size_t) (r->taken.data + r->taken.len - p))
	{
		const void *key, *value;
		size_t		key_len, value_len;

		p = take_piece(p, &key, &key_len);
		p = take_piece(p, &value, &value_len);
		fn(arg, key, key_len, value, value_len);
	}
	buf_reset(&r->taken);
	if (!done)
		return SINK_AGAIN;
	buf_free(&r->full);
	buf_free(&r->taken);
	return SINK_DONE;
}

void
kafka_recover_free(struct kafka_sink *s)
{
	free(s->recovery.topic);
	buf_free(&s->recovery.full);
	buf_free(&s->recovery.taken);
}

/*
 * The helper's thread.
 */

rd_kafka_t *
kafka_recover_consumer(struct kafka_sink *s, const char *isolation_level)
{
	char			 reason[512];
	rd_kafka_conf_t *conf = kafka_conf_make_consumer(s);
	rd_kafka_t		*rk;

	if (conf == NULL ||
		rd_kafka_conf_set(conf, "isolation.level", isolation_level, reason,
						  sizeof(reason)) != RD_KAFKA_CONF_OK ||
		rd_kafka_conf_set(conf, "enable.partition.eof", "true", reason,
						  sizeof(reason)) != RD_KAFKA_CONF_OK)
	{
		kafka_fail(s, 1, "cannot configure a consumer");
		if (conf != NULL)
			rd_kafka_conf_destroy(conf);
		return NULL;
	}
	rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof(reason));
	if (rk == NULL)
	{
		rd_kafka_conf_destroy(conf);
		kafka_fail(s, 1, "cannot make a consumer: %s", reason);
	}
	return rk;
}

static void
fail_reading(struct kafka_sink *s, rd_kafka_resp_err_t err)
{
	if (err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
		kafka_fail(s, 4,
				   "topic %s: not allowed to read the position: grant it with "
				   "kafka-acls.sh --add --allow-principal User:%s --operation "
				   "Read --operation Write --operation Describe --topic %s%s",
				   s->recovery.topic, s->user, s->recovery.topic,
				   kafka_fail_way_without(s, s->recovery.topic));
	else
		kafka_fail(s, kafka_fail_is_refusal(err) ? 4 : 1,
				   "topic %s: cannot read the position: %s%s",
				   s->recovery.topic, rd_kafka_err2str(err),
				   kafka_fail_way_without(s, s->recovery.topic));
}

/* Passing trouble, or a refusal, which fails the sink. */
static enum kafka_job_outcome
judge(struct kafka_sink *s, rd_kafka_resp_err_t err)
{
	static const char	   what[] = "the position cannot be read yet, still "
									"trying";
	struct kafka_recovery *r = &s->recovery;

	if (kafka_fail_is_refusal(err))
	{
		fail_reading(s, err);
		return KAFKA_JOB_DONE;
	}
	log_line(kafka_helper_tells_slow(s, &r->told, r->reading_ms, what)
				 ? LOG_LEVEL_WARN
				 : LOG_LEVEL_DEBUG,
			 "kafka", what, "topic=%s error=%s", log_str(r->topic),
			 log_str(rd_kafka_err2str(err)));
	return kafka_fail_is_unreachable(err) ? KAFKA_JOB_UNREACHABLE
										  : KAFKA_JOB_LATER;
}

/* What the brokers say of the settings of one thing; NULL: no answer so far. */
static rd_kafka_event_t *
ask_settings(struct kafka_sink *s, rd_kafka_ResourceType_t type,
			 const char *name)
{
	rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(type,
																	  name);
	rd_kafka_queue_t		  *answers = rd_kafka_queue_new(s->rk);
	rd_kafka_event_t		  *event;

	rd_kafka_DescribeConfigs(s->rk, &resource, 1, NULL, answers);
	event = rd_kafka_queue_poll(answers, POLICY_MS);
	rd_kafka_queue_destroy(answers);
	rd_kafka_ConfigResource_destroy(resource);
	return event;
}

/* They are the event's; NULL: we are not told. */
static const rd_kafka_ConfigEntry_t *const *
settings_told(rd_kafka_event_t *event, size_t *n)
{
	const rd_kafka_DescribeConfigs_result_t *result;
	const rd_kafka_ConfigResource_t *const	*resources;
	size_t									 nresources = 0;

	*n = 0;
	if (event == NULL ||
		rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return NULL;
	result = rd_kafka_event_DescribeConfigs_result(event);
	if (result == NULL)
		return NULL;
	resources = rd_kafka_DescribeConfigs_result_resources(result, &nresources);
	if (nresources != 1 || rd_kafka_ConfigResource_error(resources[0]) !=
							   RD_KAFKA_RESP_ERR_NO_ERROR)
		return NULL;
	return rd_kafka_ConfigResource_configs(resources[0], n);
}

/* NULL: there is none of that name, or it is secret. */
static const char *
find_setting(const rd_kafka_ConfigEntry_t *const *settings, size_t n,
			 const char *name)
{
	for (size_t i = 0; i < n; i++)
	{
		if (strcmp(rd_kafka_ConfigEntry_name(settings[i]), name) == 0)
			return rd_kafka_ConfigEntry_value(settings[i]);
	}
	return NULL;
}

/*
 * Records that are deleted after a while would be missing one day: the
 * position of an idle database, and pins, which are written once.  So would
 * those that one broker alone had, when it is gone.  Who may not ask is not
 * asked to prove it.
 */
static void
check_policy(struct kafka_sink *s)
{
	rd_kafka_event_t *event = ask_settings(s, RD_KAFKA_RESOURCE_TOPIC,
										   s->recovery.topic);
	size_t			  n;
	const rd_kafka_ConfigEntry_t *const *settings = settings_told(event, &n);
	const char *policy = find_setting(settings, n, "cleanup.policy");
	const char *insync = find_setting(settings, n, "min.insync.replicas");
	const char *segment = find_setting(settings, n, "segment.bytes");

	if (policy != NULL && strcmp(policy, "compact") != 0)
		kafka_fail(s, 4,
				   "topic %s has cleanup.policy=%s, so that positions would "
				   "be deleted some day: set it to compact, by "
				   "kafka-configs.sh --alter --topic %s --add-config "
				   "cleanup.policy=compact%s",
				   s->recovery.topic, policy, s->recovery.topic,
				   kafka_fail_way_without(s, s->recovery.topic));
	else if (!s->recovery.settings_told)
	{
		if (settings == NULL)
			log_info("kafka",
					 "the topic of positions does not tell its settings: they "
					 "are not checked",
					 "topic=%s why=%s", log_str(s->recovery.topic),
					 log_str(event == NULL ? "no answer in time" : "refused"));
		else if (insync != NULL && strcmp(insync, "1") == 0 && s->brokers > 1)
			log_warn("kafka",
					 "the topic of positions has min.insync.replicas=1: what "
					 "one broker alone has confirmed is lost with it",
					 "topic=%s brokers=%d", log_str(s->recovery.topic),
					 s->brokers);
		if (segment != NULL && strtoll(segment, NULL, 10) > LARGE_SEGMENT)
			log_warn(
				"kafka",
				"the topic of positions has large segments: each start reads "
				"what is not compacted yet, and of the last one nothing "
				"is; set segment.bytes to 16777216",
				"topic=%s segment.bytes=%s", log_str(s->recovery.topic),
				segment);
	}
	if (event != NULL)
		rd_kafka_event_destroy(event);
}

#define VERIFICATION "transaction.partition.verification.enable"

const char *
kafka_recover_unverified(size_t nsettings, const char *value)
{
	if (nsettings == 0)
		return NULL;
	if (value == NULL)
		return "the broker knows no " VERIFICATION ": use Kafka 3.6 or newer";
	if (strcmp(value, "false") == 0)
		return VERIFICATION
			"=false: set it to true for all brokers, by kafka-configs.sh "
			"--alter --entity-type brokers --entity-default --add-config " VERIFICATION
			"=true, and in no server.properties to false";
	return NULL;
}

/*
 * What we do against late requests lets only the brokers refuse a late record
 * (see docs/delivery.md).  One of them is asked, for they should be alike; it
 * is a warning because delivery goes wrong only if a record is late as well.
 * Who may not ask, or gets no answer, is not told.
 */
static void
check_verification(struct kafka_sink *s)
{
	int32_t								 id;
	char								 name[16];
	rd_kafka_event_t					*event;
	size_t								 n;
	const rd_kafka_ConfigEntry_t *const *settings;
	const char							*why;

	id = rd_kafka_controllerid(s->rk, POLICY_MS);
	if (id < 0)
		return;
	snprintf(name, sizeof(name), "%" PRId32, id);
	event = ask_settings(s, RD_KAFKA_RESOURCE_BROKER, name);
	settings = settings_told(event, &n);
	why = kafka_recover_unverified(n, find_setting(settings, n, VERIFICATION));
	if (why != NULL)
		log_warn("kafka",
				 "brokers do not verify a transaction's partitions: a late "
				 "record may get into another transaction",
				 "broker=%s why=%s", name, log_str(why));
	else if (settings == NULL)
		log_debug("kafka", "a broker does not tell its settings", "broker=%s",
				  name);
	if (event != NULL)
		rd_kafka_event_destroy(event);
}

/* The end of the store, whatever is open in it. */
static enum kafka_job_outcome
find_end(struct kafka_sink *s, int64_t *end)
{
	rd_kafka_t		   *rk = kafka_recover_consumer(s, "read_uncommitted");
	rd_kafka_resp_err_t err;
	int64_t				begin;

	if (rk == NULL)
		return KAFKA_JOB_DONE;
	err = rd_kafka_query_watermark_offsets(rk, s->recovery.topic, 0, &begin,
										   end, KAFKA_ANSWER_MS);
	rd_kafka_destroy(rk);
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
		return judge(s, err);
	return KAFKA_JOB_DONE;
}

static void
put_piece(struct buf *b, const void *data, size_t len)
{
	size_t n = data != NULL ? len : NONE;

	buf_put(b, &n, sizeof(n));
	if (data != NULL)
		buf_put(b, data, len);
}

/* Hand a record to the caller, when there is room; false: we are to end. */
static bool
hand_on(struct kafka_sink *s, const rd_kafka_message_t *m)
{
	struct kafka_recovery *r = &s->recovery;
	bool				   going;

	pthread_mutex_lock(&s->lock);
	if (r->full.len >= AHEAD)
		kafka_helper_wake_caller(s);
	while (r->full.len >= AHEAD && !s->stop)
		pthread_cond_wait(&s->wake_helper, &s->lock);
	going = !s->stop;
	if (going)
	{
		put_piece(&r->full, m->key, m->key_len);
		put_piece(&r->full, m->payload, m->len);
	}
	pthread_mutex_unlock(&s->lock);
	return going;
}

static enum kafka_job_outcome
read_until(struct kafka_sink *s, rd_kafka_topic_t *rkt, int64_t end)
{
	static const char	   open[] = "still reading the position; somebody "
									"else's open transaction in this topic may "
									"hold it up";
	struct kafka_recovery *r = &s->recovery;
	int64_t				   since_ms = clock_monotonic_ms();
	int64_t				   at = 0;
	bool				   eof = false;

	while (!kafka_helper_is_stopping(s))
	{
		rd_kafka_message_t *m = rd_kafka_consume(rkt, 0, POLL_MS);
		rd_kafka_resp_err_t err;
		bool				going = true;

		if (m == NULL)
		{
			int64_t silent_ms = clock_monotonic_ms() - since_ms;

			if (!eof && silent_ms >= s->slow_ms)
				return judge(s, RD_KAFKA_RESP_ERR__TIMED_OUT);
			if (kafka_helper_tells_slow(s, &r->told, since_ms, open))
				log_warn("kafka", open,
						 "topic=%s offset=%" PRId64 " end=%" PRId64,
						 log_str(r->topic), at, end);
			if (silent_ms >= SILENT_MS)
				break;
			continue;
		}
		err = m->err;
		at = m->offset;
		eof = err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
		if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
			going = hand_on(s, m);
		since_ms = clock_monotonic_ms();
		rd_kafka_message_destroy(m);
		if (!going)
			break;
		if (eof && at >= end)
			return KAFKA_JOB_DONE;
		if (err != RD_KAFKA_RESP_ERR_NO_ERROR && !eof)
			return judge(s, err);
	}
	return KAFKA_JOB_LATER;
}

/*
 * Before 2.10.1, a partition whose leader is not known yet is first asked for
 * records a second later.
 */
static void
find_leader(rd_kafka_t *rk, rd_kafka_topic_t *rkt)
{
	const struct rd_kafka_metadata *md = NULL;

	if (rd_kafka_metadata(rk, 0, rkt, &md, KAFKA_ANSWER_MS) ==
		RD_KAFKA_RESP_ERR_NO_ERROR)
		rd_kafka_metadata_destroy(md);
}

static enum kafka_job_outcome
read_store(struct kafka_sink *s, int64_t end)
{
	enum kafka_job_outcome outcome;
	rd_kafka_topic_t	  *rkt;
	const char			  *level = "read_committed";
	rd_kafka_t			  *rk;

	if (FAULT_BUG("position_read_uncommitted"))
		level = "read_uncommitted";
	rk = kafka_recover_consumer(s, level);
	if (rk == NULL)
		return KAFKA_JOB_DONE;
	rkt = rd_kafka_topic_new(rk, s->recovery.topic, NULL);
	if (rkt != NULL)
		find_leader(rk, rkt);
	if (rkt == NULL ||
		rd_kafka_consume_start(rkt, 0, RD_KAFKA_OFFSET_BEGINNING) != 0)
		outcome = judge(s, rd_kafka_last_error());
	else
	{
		outcome = read_until(s, rkt, end);
		rd_kafka_consume_stop(rkt, 0);
	}
	if (rkt != NULL)
		rd_kafka_topic_destroy(rkt);
	rd_kafka_destroy(rk);
	return outcome;
}

enum kafka_job_outcome
kafka_recover_go_on(struct kafka_sink *s)
{
	static const char	   silent[] = "the transaction coordinator does not "
									  "answer, still waiting";
	struct kafka_recovery *r = &s->recovery;
	enum kafka_job_outcome outcome;
	int64_t				   end = 0;
	bool				   early = FAULT_BUG("position_before_init");

	if (r->since_ms == 0)
		r->since_ms = clock_monotonic_ms();
	if (!early && kafka_txn_used(s) && !kafka_txn_initialise(s))
	{
		if (kafka_helper_tells_slow(s, &r->told, r->since_ms, silent))
			log_warn("kafka", silent, "transactional_id=%s",
					 log_str(s->txn.id));
		return s->failed ? KAFKA_JOB_DONE : KAFKA_JOB_LATER;
	}
	if (r->reading_ms == 0)
		r->reading_ms = clock_monotonic_ms();
	FAULT_POINT("before_position_read");
	check_policy(s);
	if (s->failed)
		return KAFKA_JOB_DONE;
	if (kafka_txn_used(s) && !r->settings_told)
		check_verification(s);
	r->settings_told = true;
	outcome = find_end(s, &end);
	if (outcome != KAFKA_JOB_DONE || s->failed)
		return outcome;
	outcome = read_store(s, end);
	if (outcome != KAFKA_JOB_DONE || s->failed)
		return outcome;
	FAULT_POINT("position_read");
	while (early && kafka_txn_used(s) && !s->failed &&
		   !kafka_txn_initialise(s) && !kafka_helper_is_stopping(s))
		;
	return outcome;
}
