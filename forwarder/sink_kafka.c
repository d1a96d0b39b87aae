/*
 * sink_kafka.c - records into Apache Kafka by librdkafka; see sink.h for the
 * contract.
 *
 * Two threads of our own.  The caller's submits records and serves delivery
 * reports, and never waits.  A helper does what librdkafka can only do by
 * waiting: ask for a topic, create it, find out whether a broker answers.
 * Both wake the caller through one eventfd, which librdkafka writes as well
 * when its queue of reports is no longer empty.
 *
 * Ownership: the caller's thread owns everything that has no comment "locked"
 * beside it.  A topic's name and creation settings never change once the
 * helper knows of it.
 *
 * No record is ever given up in silence.  message.timeout.ms=0 makes
 * librdkafka send until the broker has it; what a broker refuses for good is
 * reported as not delivered, and from then on nothing more is taken, because
 * it would overtake what is missing.
 */
#include "sink.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>

#include "clock.h"
#include "config.h"
#include "log.h"
#include "mem.h"

/* How long the helper waits for one answer, and for anybody at all. */
#define ANSWER_MS 5000
#define PROBE_MS 3000

/* Nothing was reported for so long: is anybody there? */
#define STALL_PROBE_MS 5000
#define STALL_WARN_MS 30000

/*
 * A record was refused, as librdkafka's fatal state says at once; the report
 * that says which and why follows, at the latest so long after.
 */
#define REFUSAL_MS 5000

/* A cluster that starts has too few brokers for a new topic for a while. */
#define BROKERS_MS 30000

/* A topic that was just created is not known everywhere at once. */
#define TOPIC_RETRY_MS 100
#define TOPIC_RETRY_MAX_MS 5000

/* Freeing waits for the helper, but not for ever. */
#define FREE_MS 1000

/*
 * What librdkafka needs for a record beside its bytes, roughly: its own
 * structure, headers, and a share of the request that carries it.
 */
#define RECORD_OVERHEAD 400

#define REPORTS_AT_ONCE 256

enum topic_state
{
	TOPIC_NEW,
	TOPIC_ASKED, /* the helper has it */
	TOPIC_READY,
	TOPIC_FAILED
};

/*
 * To a producer that a partition does not know, the broker allows any sequence
 * number: then what follows a refused batch would be taken, and stand where
 * the refused records are missing.  So the first record goes alone.
 */
enum partition_state
{
	PARTITION_NEW,
	PARTITION_FIRST, /* its first record is under way */
	PARTITION_KNOWN
};

struct topic
{
	char				  *name;
	bool				   create; /* if it does not exist */
	int					   create_partitions;
	int					   create_replicas;
	struct config_setting *settings; /* for its creation */
	size_t				   nsettings;
	rd_kafka_topic_t	  *rkt;		   /* once ready */
	enum topic_state	   state;	   /* locked */
	int32_t				   partitions; /* locked, until ready */
	uint8_t				  *known;	   /* enum partition_state, once ready */

	/* The helper's: */
	struct topic *next;
	int64_t		  retry_at_ms;
	int			  retry_ms;
	int64_t		  too_few_ms; /* since when there are too few brokers; 0 */
	bool		  told;		  /* why it takes long */
};

/* A report that waits until it is known which record was refused. */
struct held_report
{
	uint64_t			ticket;
	size_t				bytes;
	rd_kafka_resp_err_t err;
};

struct kafka_sink
{
	struct sink			 base;
	rd_kafka_t			*rk;
	rd_kafka_queue_t	*queue;
	int					 efd;
	sink_report_fn		 report;
	void				*arg;
	const struct config *config;
	char				*servers; /* bootstrap.servers */
	char				*user;	  /* for what the ACLs must say */
	bool				 scram;
	int64_t	 max_bytes; /* may be under way; 0: librdkafka's limits */
	int64_t	 queued_bytes;
	uint64_t outstanding;
	uint32_t nfirst;	  /* partitions in PARTITION_FIRST */
	int64_t	 reported_ms; /* the last report, or first record */
	int64_t	 stall_probe_ms;
	bool	 stall_told;
	int64_t	 refused_ms; /* since when a refusal is awaited; 0: it is not */

	struct held_report *held;
	size_t				nheld;
	size_t				held_cap;

	struct topic **topics; /* by number */
	uint32_t	   ntopics;
	uint32_t	   topics_cap;
	uint32_t	  *buckets;	 /* number + 1, by hash of the name */
	uint32_t	   nbuckets; /* a power of two */

	pthread_t		helper;
	pthread_mutex_t lock;
	pthread_cond_t	wake_helper;
	pthread_cond_t	ended;
	bool			stop;	  /* locked */
	bool			done;	  /* locked: the helper has let go of all */
	bool			orphaned; /* locked: nobody waits, the helper frees */
	bool			probe;	  /* locked: see whether a broker answers */
	atomic_bool		connected;
	bool			was_connected;	   /* locked */
	bool			unreachable_told;  /* locked */
	atomic_bool		failed;			   /* set last, once, and locked */
	int				exit_code;		   /* of the failure */
	char			error[1024];	   /* of the failure */
	char			last_problem[512]; /* locked: of a connection */
	struct topic   *jobs; /* locked: head of a list, new ones last */
	int64_t			backoff_first_ms;
	int64_t			backoff_max_ms;
	int64_t			max_retries; /* -1: no end */
};

static void
wake_caller(struct kafka_sink *s)
{
	const uint64_t one = 1;

	(void) !write(s->efd, &one, sizeof(one));
}

/*
 * Failing.  The first failure is the one that counts.
 */
static void __attribute__((format(printf, 3, 4)))
fail(struct kafka_sink *s, int exit_code, const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&s->lock);
	if (!s->failed)
	{
		va_start(ap, fmt);
		vsnprintf(s->error, sizeof(s->error), fmt, ap);
		va_end(ap);
		s->exit_code = exit_code;
		s->failed = true;
	}
	pthread_mutex_unlock(&s->lock);
}

/* Not worth a restart: somebody has to change something. */
static bool
is_refusal(rd_kafka_resp_err_t err)
{
	switch (err)
	{
		case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
		case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
		case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
		case RD_KAFKA_RESP_ERR_INVALID_RECORD:
		case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
		case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
		case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
		case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
		case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
		case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
		case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
		case RD_KAFKA_RESP_ERR_SECURITY_DISABLED:
		case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
		case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
		case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
		case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
		case RD_KAFKA_RESP_ERR_INVALID_REQUEST:
		case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
		case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
		case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
		case RD_KAFKA_RESP_ERR__AUTHENTICATION:
			return true;
		default:
			return false;
	}
}

/* What a record of 'topic' met that will not pass. */
static void
fail_record(struct kafka_sink *s, rd_kafka_resp_err_t err, const char *topic,
			size_t bytes)
{
	const char *what = rd_kafka_err2str(err);

	switch (err)
	{
		case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
		case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
		case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
		{
			char   limit[32] = "?";
			size_t size = sizeof(limit);

			rd_kafka_conf_get(rd_kafka_conf(s->rk), "message.max.bytes", limit,
							  &size);
			fail(s, 4,
				 "topic %s: a record of %zu bytes is larger than is "
				 "allowed (max.request.size here: %s): raise "
				 "producer.override.max.request.size, the topic's "
				 "max.message.bytes, and where brokers limit it their "
				 "message.max.bytes and replica.fetch.max.bytes (or, if it is "
				 "batches of small records, lower producer.override."
				 "batch.size); then start again, nothing is lost",
				 topic, bytes, limit);
			return;
		}
		case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
		case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
		case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
			fail(s, 1,
				 "topic %s is gone or has fewer partitions than it had (%s): "
				 "was it deleted? What was not confirmed is sent again",
				 topic, what);
			return;
		case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
			fail(s, 4,
				 "topic %s: not allowed to write (%s): grant it with "
				 "kafka-acls.sh --add --allow-principal User:%s --operation "
				 "Write --operation Describe --topic %s",
				 topic, what, s->user, topic);
			return;
		default:
			fail(s, is_refusal(err) ? 4 : 1,
				 "topic %s: a record of %zu bytes "
				 "was not delivered: %s",
				 topic, bytes, what);
			return;
	}
}

static void
fail_fatal(struct kafka_sink *s)
{
	char				reason[512] = "unknown";
	rd_kafka_resp_err_t err = rd_kafka_fatal_error(s->rk, reason,
												   sizeof(reason));

	if (err == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
		err == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
		fail(s, 4,
			 "not allowed to write (%s): grant it with kafka-acls.sh "
			 "--add --allow-principal User:%s --operation Write --operation "
			 "Describe --topic <topic.prefix> --resource-pattern-type "
			 "prefixed; brokers before Kafka 2.8 also want --operation "
			 "IdempotentWrite --cluster",
			 reason, s->user);
	else
		fail(s, 1,
			 "the producer cannot go on (%s): what was not confirmed "
			 "is sent again by a new one",
			 reason);
}

/* No more can be sent, for another reason than that a record was refused. */
static bool
is_fatal(const struct kafka_sink *s)
{
	rd_kafka_resp_err_t err = rd_kafka_fatal_error(s->rk, NULL, 0);

	return err != RD_KAFKA_RESP_ERR_NO_ERROR &&
		   err != RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE;
}

/*
 * librdkafka says that a record was refused (enable.gapless.guarantee), and
 * takes no more.  Why is in that record's report, and it decides.
 */
static void
await_refusal(struct kafka_sink *s)
{
	if (s->refused_ms == 0)
		s->refused_ms = clock_monotonic_ms();
}

static void
fail_authentication(struct kafka_sink *s, const char *reason)
{
	bool old = s->scram && rd_kafka_version() < 0x020601ff;

	fail(s, 4,
		 "Kafka does not let us in: %s: check security.protocol, "
		 "sasl.mechanism, user and password%s%s%s",
		 reason, old ? "; librdkafka " : "", old ? rd_kafka_version_str() : "",
		 old ? " cannot do SCRAM with brokers of Kafka 4, 2.6.1 can" : "");
}

/*
 * Connections.
 */

/* Somebody answered. */
static void
mark_connected(struct kafka_sink *s)
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

static void
mark_unreachable(struct kafka_sink *s, rd_kafka_resp_err_t err)
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

static void
ask_probe(struct kafka_sink *s)
{
	pthread_mutex_lock(&s->lock);
	s->probe = true;
	pthread_cond_signal(&s->wake_helper);
	pthread_mutex_unlock(&s->lock);
}

/* Any thread of librdkafka. */
static void
log_callback(const rd_kafka_t *rk, int level, const char *facility,
			 const char *message)
{
	struct kafka_sink *s = rd_kafka_opaque(rk);
	enum log_level	   as = LOG_LEVEL_DEBUG;
	const char		  *text;

	/* "[thrd:host/bootstrap]: host/bootstrap: Connect to ... failed: ..." */
	text = strstr(message, "]: ");
	text = text != NULL ? text + 3 : message;

	/*
	 * Connections fail and come back all the time; what matters of it is said
	 * by mark_unreachable(), once.  Fatal errors come as events, what is left
	 * behind at the end is for the caller to say, and a fresh cluster needs a
	 * moment to hand out producer ids.
	 */
	if (strcmp(facility, "FAIL") == 0)
	{
		pthread_mutex_lock(&s->lock);
		snprintf(s->last_problem, sizeof(s->last_problem), "%s", text);
		pthread_mutex_unlock(&s->lock);
	}
	else if (level <= 4 && strcmp(facility, "ERROR") != 0 &&
			 strstr(text, "enable.gapless.guarantee") == NULL &&
			 strcmp(facility, "FATAL") != 0 &&
			 strcmp(facility, "TERMINATE") != 0 &&
			 !(strcmp(facility, "GETPID") == 0 && strstr(text, "retrying")))
		as = LOG_LEVEL_WARN;
	log_line(as, "kafka", "librdkafka says", "facility=%s message=%s",
			 facility, log_str(text));
}

/*
 * The helper.
 */

static bool
is_unreachable(rd_kafka_resp_err_t err)
{
	switch (err)
	{
		case RD_KAFKA_RESP_ERR__TRANSPORT:
		case RD_KAFKA_RESP_ERR__TIMED_OUT:
		case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
		case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
		case RD_KAFKA_RESP_ERR__RESOLVE:
		case RD_KAFKA_RESP_ERR__WAIT_COORD:
			return true;
		default:
			return false;
	}
}

static void
topic_failed(struct kafka_sink *s, struct topic *t)
{
	pthread_mutex_lock(&s->lock);
	t->state = TOPIC_FAILED;
	pthread_mutex_unlock(&s->lock);
}

enum job_outcome
{
	JOB_DONE,
	JOB_LATER,
	JOB_UNREACHABLE
};

static enum job_outcome
refuse_creation(struct kafka_sink *s, struct topic *t, rd_kafka_resp_err_t err,
				const char *reason)
{
	if (reason == NULL)
		reason = rd_kafka_err2str(err);
	if (err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
		err == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED)
		fail(s, 4,
			 "topic %s does not exist and may not be created (%s): "
			 "create it, or grant it with kafka-acls.sh --add "
			 "--allow-principal User:%s --operation Create --operation "
			 "Write --operation Describe --topic %s",
			 t->name, reason, s->user, t->name);
	else
		fail(s, 4,
			 "topic %s does not exist and cannot be created: %s: "
			 "create it, or change topic.creation.* (partitions=%d, "
			 "replication.factor=%d)",
			 t->name, reason, t->create_partitions, t->create_replicas);
	topic_failed(s, t);
	return JOB_DONE;
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

static enum job_outcome
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
	enum job_outcome		 outcome = JOB_LATER;

	if (nt == NULL)
		return refuse_creation(s, t, RD_KAFKA_RESP_ERR__INVALID_ARG, reason);
	for (size_t i = 0; i < t->nsettings; i++)
		rd_kafka_NewTopic_set_config(nt, t->settings[i].name,
									 t->settings[i].value);
	options = rd_kafka_AdminOptions_new(s->rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
	rd_kafka_AdminOptions_set_request_timeout(options, ANSWER_MS, reason,
											  sizeof(reason));
	rd_kafka_AdminOptions_set_operation_timeout(options, ANSWER_MS, reason,
												sizeof(reason));
	answers = rd_kafka_queue_new(s->rk);
	rd_kafka_CreateTopics(s->rk, &nt, 1, options, answers);
	event = rd_kafka_queue_poll(answers, ANSWER_MS * 2);
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
		log_info("kafka", "created topic",
				 "topic=%s partitions=%d "
				 "replication_factor=%d",
				 log_str(t->name), t->create_partitions, t->create_replicas);
	else if (err == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
		log_debug("kafka", "somebody else has created the topic", "topic=%s",
				  log_str(t->name));
	else if (is_refusal(err) && !may_be_starting(t, err))
		outcome = refuse_creation(s, t, err, reason[0] ? reason : NULL);
	else
	{
		if (is_unreachable(err))
			outcome = JOB_UNREACHABLE;
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

static enum job_outcome
look_up_topic(struct kafka_sink *s, struct topic *t)
{
	rd_kafka_topic_t *rkt = rd_kafka_topic_new(s->rk, t->name, NULL);
	const struct rd_kafka_metadata *md = NULL;
	rd_kafka_resp_err_t				err;
	int								partitions = 0;

	if (rkt == NULL)
	{
		fail(s, 4, "topic %s: %s", t->name,
			 rd_kafka_err2str(rd_kafka_last_error()));
		topic_failed(s, t);
		return JOB_DONE;
	}
	err = rd_kafka_metadata(s->rk, 0, rkt, &md, ANSWER_MS);
	rd_kafka_topic_destroy(rkt);
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
		return is_unreachable(err) ? JOB_UNREACHABLE : JOB_LATER;
	mark_connected(s);
	if (md->topic_cnt == 1)
	{
		err = md->topics[0].err;
		partitions = md->topics[0].partition_cnt;
	}
	rd_kafka_metadata_destroy(md);

	switch (err)
	{
		case RD_KAFKA_RESP_ERR_NO_ERROR:
			if (partitions == 0)
				return JOB_LATER;
			pthread_mutex_lock(&s->lock);
			t->partitions = partitions;
			t->state = TOPIC_READY;
			pthread_mutex_unlock(&s->lock);
			log_debug("kafka", "topic is there", "topic=%s partitions=%d",
					  log_str(t->name), partitions);
			return JOB_DONE;
		case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
		case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
			if (t->create)
				return create_topic(s, t);
			fail(s, 4,
				 "topic %s does not exist, and topic.creation.enable is "
				 "false: create it",
				 t->name);
			topic_failed(s, t);
			return JOB_DONE;
		case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
		case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
			if (err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION)
				fail(s, 4, "topic %s: Kafka allows no such name", t->name);
			else
				fail(s, 4,
					 "topic %s: not allowed to see it: grant it with "
					 "kafka-acls.sh --add --allow-principal User:%s "
					 "--operation Write --operation Describe %s--topic %s",
					 t->name, s->user, t->create ? "--operation Create " : "",
					 t->name);
			topic_failed(s, t);
			return JOB_DONE;
		default: /* LEADER_NOT_AVAILABLE and its like */
			if (!t->told && t->retry_ms >= TOPIC_RETRY_MAX_MS)
			{
				t->told = true;
				log_warn("kafka", "the topic is not ready, waiting",
						 "topic=%s error=%s", log_str(t->name),
						 log_str(rd_kafka_err2str(err)));
			}
			return JOB_LATER;
	}
}

/* Does anybody answer? */
static bool
probe(struct kafka_sink *s)
{
	const struct rd_kafka_metadata *md = NULL;
	rd_kafka_resp_err_t err = rd_kafka_metadata(s->rk, 0, NULL, &md, PROBE_MS);

	if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		rd_kafka_metadata_destroy(md);
		mark_connected(s);
		return true;
	}
	mark_unreachable(s, err);
	return false;
}

/* Locked.  Until something is to be done, or 'until_ms'. */
static void
helper_wait(struct kafka_sink *s, int64_t until_ms)
{
	struct timespec ts = {.tv_sec = until_ms / 1000,
						  .tv_nsec = until_ms % 1000 * 1000000};

	if (until_ms == INT64_MAX)
		pthread_cond_wait(&s->wake_helper, &s->lock);
	else
		pthread_cond_timedwait(&s->wake_helper, &s->lock, &ts);
}

/* Locked.  The first job that is due; *until_ms: when one will be. */
static struct topic *
take_job(struct kafka_sink *s, int64_t now_ms, int64_t *until_ms)
{
	*until_ms = INT64_MAX;
	for (struct topic **p = &s->jobs; *p != NULL; p = &(*p)->next)
	{
		struct topic *t = *p;

		if (t->retry_at_ms <= now_ms)
		{
			*p = t->next;
			t->next = NULL;
			return t;
		}
		if (t->retry_at_ms < *until_ms)
			*until_ms = t->retry_at_ms;
	}
	return NULL;
}

/* Locked. */
static void
add_job(struct kafka_sink *s, struct topic *t)
{
	struct topic **p = &s->jobs;

	while (*p != NULL)
		p = &(*p)->next;
	t->next = NULL;
	*p = t;
}

static void
free_all(struct kafka_sink *s)
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
		free(t->known);
		free(t->name);
		free(t);
	}
	free(s->topics);
	free(s->buckets);
	free(s->held);
	free(s->servers);
	free(s->user);
	if (s->efd >= 0)
		close(s->efd);
	pthread_cond_destroy(&s->wake_helper);
	pthread_cond_destroy(&s->ended);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* Also lets go of librdkafka, which may take its time. */
static void
helper_end(struct kafka_sink *s)
{
	bool orphaned;

	for (uint32_t i = 0; i < s->ntopics; i++)
	{
		if (s->topics[i]->rkt != NULL)
			rd_kafka_topic_destroy(s->topics[i]->rkt);
	}
	rd_kafka_queue_io_event_enable(s->queue, -1, NULL, 0);
	rd_kafka_queue_destroy(s->queue);
	rd_kafka_destroy(s->rk);
	pthread_mutex_lock(&s->lock);
	s->done = true;
	orphaned = s->orphaned;
	pthread_cond_signal(&s->ended);
	pthread_mutex_unlock(&s->lock);
	if (orphaned)
		free_all(s);
}

static void *
helper_main(void *arg)
{
	struct kafka_sink *s = arg;
	int64_t			   backoff_ms = s->backoff_first_ms;
	int64_t			   next_probe_ms = 0;
	int64_t			   failures = 0;

	pthread_mutex_lock(&s->lock);
	while (!s->stop)
	{
		int64_t			 now_ms = clock_monotonic_ms();
		int64_t			 until_ms;
		struct topic	*t;
		enum job_outcome outcome;

		if (s->probe)
		{
			bool answered;

			if (now_ms < next_probe_ms)
			{
				helper_wait(s, next_probe_ms);
				continue;
			}
			pthread_mutex_unlock(&s->lock);
			answered = probe(s);
			if (!answered && ++failures > s->max_retries &&
				s->max_retries >= 0)
				fail(s, 1,
					 "Kafka (%s) was not reached in %" PRId64
					 " attempts (errors.max.retries)",
					 s->servers, failures);
			wake_caller(s);
			pthread_mutex_lock(&s->lock);
			if (answered)
			{
				/*
				 * Topics that could not be asked for need not wait longer.
				 * Where only their own question fails, they do.
				 */
				for (t = failures > 0 ? s->jobs : NULL; t != NULL; t = t->next)
				{
					t->retry_at_ms = 0;
					t->retry_ms = TOPIC_RETRY_MS;
				}
				s->probe = false;
				failures = 0;
				next_probe_ms = 0;
				backoff_ms = s->backoff_first_ms;
			}
			else
			{
				next_probe_ms = clock_monotonic_ms() + backoff_ms;
				backoff_ms *= 2;
				if (backoff_ms > s->backoff_max_ms)
					backoff_ms = s->backoff_max_ms;
			}
			continue;
		}
		t = take_job(s, now_ms, &until_ms);
		if (t == NULL)
		{
			helper_wait(s, until_ms);
			continue;
		}
		pthread_mutex_unlock(&s->lock);
		outcome = look_up_topic(s, t);
		wake_caller(s);
		pthread_mutex_lock(&s->lock);
		if (outcome == JOB_DONE)
			continue;
		if (outcome == JOB_UNREACHABLE)
			s->probe = true;
		t->retry_at_ms = clock_monotonic_ms() + t->retry_ms;
		t->retry_ms *= 2;
		if (t->retry_ms > TOPIC_RETRY_MAX_MS)
			t->retry_ms = TOPIC_RETRY_MAX_MS;
		add_job(s, t);
	}
	pthread_mutex_unlock(&s->lock);
	helper_end(s);
	return NULL;
}

/*
 * Topics.
 */

static uint32_t
hash_name(const char *name)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (; *name; name++)
		h = (h ^ (unsigned char) *name) * 16777619u;
	return h;
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

static char *
copy_string(const char *from)
{
	return mem_check(strdup(from), strlen(from) + 1);
}

static struct topic *
make_topic(const struct kafka_sink *s, const char *name)
{
	struct topic	   *t = mem_zalloc(1, sizeof(*t));
	struct config_topic creation;

	t->name = copy_string(name);
	t->retry_ms = TOPIC_RETRY_MS;
	t->create = config_bool(s->config, "topic.creation.enable");
	config_topic_creation(s->config, name, &creation);
	t->create_partitions = creation.partitions;
	t->create_replicas = creation.replication_factor;
	t->nsettings = creation.nsettings;
	t->settings = mem_zalloc(creation.nsettings, sizeof(*t->settings));
	for (size_t i = 0; i < creation.nsettings; i++)
	{
		t->settings[i].name = copy_string(creation.settings[i].name);
		t->settings[i].value = copy_string(creation.settings[i].value);
	}
	return t;
}

static uint32_t
kafka_topic(struct sink *sink, const char *name)
{
	struct kafka_sink *s = (struct kafka_sink *) sink;
	uint32_t		   i = hash_name(name);

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

/* Is it there?  Asks the helper to see to it if nobody has. */
static enum sink_outcome
require_topic(struct kafka_sink *s, struct topic *t)
{
	enum topic_state state;

	if (t->rkt != NULL)
		return SINK_DONE;
	pthread_mutex_lock(&s->lock);
	state = s->failed ? TOPIC_FAILED : t->state;
	if (state == TOPIC_NEW)
	{
		t->state = TOPIC_ASKED;
		add_job(s, t);
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
		fail(s, 1, "topic %s: %s", t->name,
			 rd_kafka_err2str(rd_kafka_last_error()));
		return SINK_FAILED;
	}
	t->known = mem_zalloc((size_t) t->partitions, sizeof(*t->known));
	return SINK_DONE;
}

static enum sink_outcome
kafka_partitions(struct sink *sink, uint32_t topic, int32_t *count)
{
	struct kafka_sink *s = (struct kafka_sink *) sink;
	enum sink_outcome  outcome = require_topic(s, s->topics[topic]);

	if (outcome == SINK_DONE)
		*count = s->topics[topic]->partitions;
	return outcome;
}

/*
 * Records.
 */

static enum sink_outcome
refuse_record(struct kafka_sink *s, const struct sink_record *record,
			  rd_kafka_resp_err_t err)
{
	const struct topic *t = s->topics[record->topic];

	switch (err)
	{
		case RD_KAFKA_RESP_ERR__QUEUE_FULL:
			return SINK_AGAIN;
		case RD_KAFKA_RESP_ERR__FATAL:
			if (!is_fatal(s))
			{
				await_refusal(s);
				return SINK_AGAIN;
			}
			fail_fatal(s);
			return SINK_FAILED;
		default:
			fail_record(s, err, t->name, record->key_len + record->value_len);
			return SINK_FAILED;
	}
}

static enum sink_outcome
kafka_submit(struct sink *sink, const struct sink_record *record,
			 uint64_t ticket)
{
	struct kafka_sink *s = (struct kafka_sink *) sink;
	struct topic	  *t = s->topics[record->topic];
	int64_t bytes = (int64_t) (record->key_len + record->value_len) +
					RECORD_OVERHEAD;
	rd_kafka_headers_t *headers = NULL;
	rd_kafka_resp_err_t err;

	if (s->max_bytes > 0 && s->outstanding > 0 &&
		s->queued_bytes + bytes > s->max_bytes)
		return SINK_AGAIN;
	if (t->rkt == NULL)
	{
		enum sink_outcome outcome = require_topic(s, t);

		if (outcome != SINK_DONE)
			return outcome;
	}
	if (s->failed)
		return SINK_FAILED;
	if (record->partition < 0 || record->partition >= t->partitions)
		return refuse_record(s, record, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION);
	if (t->known[record->partition] == PARTITION_FIRST)
		return SINK_AGAIN;
	if (record->nheaders > 0)
	{
		headers = rd_kafka_headers_new(record->nheaders);
		for (size_t i = 0; i < record->nheaders; i++)
			rd_kafka_header_add(headers, record->headers[i].name, -1,
								record->headers[i].data,
								(ssize_t) record->headers[i].len);
	}
	err = rd_kafka_producev(s->rk, RD_KAFKA_V_RKT(t->rkt),
							RD_KAFKA_V_PARTITION(record->partition),
							RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
							RD_KAFKA_V_KEY(record->key, record->key_len),
							RD_KAFKA_V_VALUE((void *) record->value,
											 record->value_len),
							RD_KAFKA_V_TIMESTAMP(record->timestamp_ms),
							RD_KAFKA_V_OPAQUE((void *) (uintptr_t) ticket),
							headers != NULL ? RD_KAFKA_VTYPE_HEADERS
											: RD_KAFKA_VTYPE_END,
							headers, RD_KAFKA_V_END);
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		if (headers != NULL)
			rd_kafka_headers_destroy(headers);
		return refuse_record(s, record, err);
	}
	if (t->known[record->partition] == PARTITION_NEW)
	{
		t->known[record->partition] = PARTITION_FIRST;
		s->nfirst++;
	}
	if (s->outstanding++ == 0)
		s->reported_ms = clock_monotonic_ms();
	s->queued_bytes += bytes;
	return SINK_DONE;
}

/*
 * Reports.
 */

/* The broker knows us in the partition of 'm' now. */
static void
leave_first(struct kafka_sink *s, const rd_kafka_message_t *m)
{
	struct topic
		*t = s->topics[kafka_topic(&s->base, rd_kafka_topic_name(m->rkt))];

	if (t->known[m->partition] == PARTITION_FIRST)
	{
		t->known[m->partition] = PARTITION_KNOWN;
		s->nfirst--;
	}
}

/* A record was not delivered because another one was refused. */
static bool
is_consequence(rd_kafka_resp_err_t err)
{
	return err == RD_KAFKA_RESP_ERR__FATAL ||
		   err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
		   err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
}

static void
hold_report(struct kafka_sink *s, const struct held_report *h)
{
	if (s->nheld == s->held_cap)
	{
		s->held_cap = s->held_cap ? s->held_cap * 2 : 256;
		s->held = mem_resize(s->held, s->held_cap, sizeof(*s->held));
	}
	s->held[s->nheld++] = *h;
}

/*
 * What was held, once the failure has its reason; that it gets one, even if
 * no report gives it.
 */
static void
serve_refusal(struct kafka_sink *s)
{
	if (s->refused_ms == 0)
		return;
	if (!s->failed && clock_monotonic_ms() - s->refused_ms >= REFUSAL_MS)
		fail_fatal(s);
	if (!s->failed)
		return;
	for (size_t i = 0; i < s->nheld; i++)
		s->report(s->arg, s->held[i].ticket, s->held[i].bytes, false,
				  rd_kafka_err2str(s->held[i].err));
	s->nheld = 0;
}

static int
serve_reports(struct kafka_sink *s, rd_kafka_event_t *event)
{
	const rd_kafka_message_t *messages[REPORTS_AT_ONCE];
	bool					  delivered_any = false;
	int						  served = 0;
	size_t					  n;

	while ((n = rd_kafka_event_message_array(event, messages,
											 REPORTS_AT_ONCE)) > 0)
	{
		for (size_t i = 0; i < n; i++)
		{
			const rd_kafka_message_t *m = messages[i];
			size_t					  bytes = m->len + m->key_len;
			bool delivered = m->err == RD_KAFKA_RESP_ERR_NO_ERROR;

			s->outstanding--;
			s->queued_bytes -= (int64_t) bytes + RECORD_OVERHEAD;
			if (delivered)
			{
				delivered_any = true;
				if (s->nfirst > 0)
					leave_first(s, m);
			}
			else if (is_fatal(s))
				fail_fatal(s);
			else if (!s->failed && is_consequence(m->err))
			{
				await_refusal(s);
				hold_report(s,
							&(struct held_report){
								.ticket = (uint64_t) (uintptr_t) m->_private,
								.bytes = bytes,
								.err = m->err,
							});
				continue;
			}
			else
				fail_record(s, m->err, rd_kafka_topic_name(m->rkt), bytes);
			s->report(s->arg, (uint64_t) (uintptr_t) m->_private, bytes,
					  delivered, delivered ? NULL : rd_kafka_err2str(m->err));
		}
		served += (int) n;
	}
	if (served > 0)
	{
		s->reported_ms = clock_monotonic_ms();
		s->stall_told = false;
	}
	if (delivered_any)
		mark_connected(s);
	return served;
}

static void
serve_error(struct kafka_sink *s, rd_kafka_event_t *event)
{
	rd_kafka_resp_err_t err = rd_kafka_event_error(event);
	const char		   *reason = rd_kafka_event_error_string(event);

	if (rd_kafka_event_error_is_fatal(event) ||
		err == RD_KAFKA_RESP_ERR__FATAL)
	{
		if (is_fatal(s))
			fail_fatal(s);
		else
			await_refusal(s);
		return;
	}
	switch (err)
	{
		case RD_KAFKA_RESP_ERR__AUTHENTICATION:
			fail_authentication(s, reason);
			break;
		case RD_KAFKA_RESP_ERR__SSL:

			/* A broker that goes down in a handshake is no reason to stop. */
			if (strstr(reason, "certificate") != NULL)
				fail(s, 4,
					 "no trusted connection to Kafka: %s: check "
					 "ssl.truststore.location and the broker's certificate",
					 reason);
			else
				ask_probe(s);
			break;
		default:

			/*
			 * Lost connections are librdkafka's business.  Only where nobody
			 * answers any more is it worth a line.
			 */
			log_debug("kafka", "trouble", "error=%s", log_str(reason));
			ask_probe(s);
			break;
	}
}

/* Records are under way and nothing comes back. */
static void
watch_stall(struct kafka_sink *s)
{
	int64_t silent_ms;

	if (s->outstanding == 0)
		return;
	silent_ms = clock_monotonic_ms() - s->reported_ms;
	if (silent_ms < STALL_PROBE_MS)
		return;

	/* An answer wakes us, and is no reason to ask again at once. */
	if (clock_monotonic_ms() - s->stall_probe_ms >= STALL_PROBE_MS)
	{
		s->stall_probe_ms = clock_monotonic_ms();
		ask_probe(s);
	}
	if (silent_ms >= STALL_WARN_MS && !s->stall_told && s->connected)
	{
		s->stall_told = true;
		log_warn("kafka",
				 "brokers answer but confirm no record: see whether "
				 "partitions have a leader and enough in-sync replicas",
				 "waiting_s=%" PRId64 " records=%" PRIu64, silent_ms / 1000,
				 s->outstanding);
	}
}

static int
kafka_poll(struct sink *sink, int timeout_ms)
{
	struct kafka_sink *s = (struct kafka_sink *) sink;
	struct pollfd	   pfd = {.fd = s->efd, .events = POLLIN};
	rd_kafka_event_t  *event;
	uint64_t		   signals;
	int				   served = 0;

	if (timeout_ms != 0)
		(void) poll(&pfd, 1, timeout_ms);

	/* First the signal, then the queue: what comes between is seen. */
	(void) !read(s->efd, &signals, sizeof(signals));
	while ((event = rd_kafka_queue_poll(s->queue, 0)) != NULL)
	{
		switch (rd_kafka_event_type(event))
		{
			case RD_KAFKA_EVENT_DR:
				served += serve_reports(s, event);
				break;
			case RD_KAFKA_EVENT_ERROR:
				serve_error(s, event);
				served++;
				break;
			default:
				break;
		}
		rd_kafka_event_destroy(event);
	}
	serve_refusal(s);
	watch_stall(s);
	return served;
}

static int
kafka_fd(struct sink *sink)
{
	return ((struct kafka_sink *) sink)->efd;
}

static bool
kafka_connected(struct sink *sink)
{
	return ((struct kafka_sink *) sink)->connected;
}

static const char *
kafka_error(struct sink *sink)
{
	struct kafka_sink *s = (struct kafka_sink *) sink;

	return s->failed ? s->error : "";
}

static int
kafka_exit_code(struct sink *sink)
{
	struct kafka_sink *s = (struct kafka_sink *) sink;

	return s->failed ? s->exit_code : 1;
}

static void
kafka_free(struct sink *sink)
{
	struct kafka_sink *s = (struct kafka_sink *) sink;
	int64_t			   until_ms = clock_monotonic_ms() + FREE_MS;
	struct timespec	   ts = {.tv_sec = until_ms / 1000,
							 .tv_nsec = until_ms % 1000 * 1000000};
	bool			   done;

	/*
	 * Nothing of this may follow what a successor sends, even if librdkafka
	 * outlives us for a while.
	 */
	rd_kafka_purge(s->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
							  RD_KAFKA_PURGE_F_NON_BLOCKING);
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->wake_helper);
	while (!s->done &&
		   pthread_cond_timedwait(&s->ended, &s->lock, &ts) != ETIMEDOUT)
		;
	done = s->done;
	s->orphaned = !done;
	pthread_mutex_unlock(&s->lock);
	if (done)
	{
		pthread_join(s->helper, NULL);
		free_all(s);
	}
	else
		pthread_detach(s->helper);
}

static const struct sink_ops ops = {
	.name = "kafka",
	.topic = kafka_topic,
	.partitions = kafka_partitions,
	.submit = kafka_submit,
	.fd = kafka_fd,
	.poll = kafka_poll,
	.connected = kafka_connected,
	.error = kafka_error,
	.exit_code = kafka_exit_code,
	.free = kafka_free,
};

/*
 * Opening.
 */

static bool
is_given(const struct config_setting *settings, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
	{
		if (strcmp(settings[i].name, name) == 0)
			return true;
	}
	return false;
}

static int64_t
conf_number(const rd_kafka_conf_t *conf, const char *name)
{
	char   text[64];
	size_t size = sizeof(text);

	if (rd_kafka_conf_get(conf, name, text, &size) != RD_KAFKA_CONF_OK)
		return 0;
	return strtoll(text, NULL, 10);
}

static bool
apply(rd_kafka_conf_t *conf, const char *name, const char *value, bool secret,
	  bool optional)
{
	char				reason[512];
	rd_kafka_conf_res_t res = rd_kafka_conf_set(conf, name, value, reason,
												sizeof(reason));

	if (res == RD_KAFKA_CONF_OK || (res == RD_KAFKA_CONF_UNKNOWN && optional))
		return true;

	/* Its reason may repeat the value. */
	log_error("kafka", "librdkafka does not accept a setting",
			  "name=%s error=%s librdkafka=%s", log_str(name),
			  secret ? "(secret)" : log_str(reason), rd_kafka_version_str());
	return false;
}

static rd_kafka_conf_t *
make_conf(struct kafka_sink *s)
{
	/* Where nobody said otherwise: little memory, and back soon. */
	static const char *const defaults[][2] = {
		{"batch.size", "262144"},
		{"reconnect.backoff.max.ms", "2000"},
		{"socket.nagle.disable", "true"},
	};

	/* Delivery depends on these, whatever a file says. */
	static const char *const forced[][2] = {
		{"enable.idempotence", "true"},
		{"acks", "all"},
		{"message.timeout.ms", "0"},
		{"allow.auto.create.topics", "false"},
		{"log.thread.name", "true"},

		/* What is behind a refused record must not overtake it. */
		{"enable.gapless.guarantee", "true"},
	};
	rd_kafka_conf_t				*conf = rd_kafka_conf_new();
	size_t						 n;
	const struct config_setting *given = config_kafka_settings(s->config, &n);
	int64_t						 message_kbytes;
	char						 kbytes[32];

	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
	{
		if (!is_given(given, n, defaults[i][0]) &&
			!apply(conf, defaults[i][0], defaults[i][1], false, false))
			goto unusable;
	}
	for (size_t i = 0; i < n; i++)
	{
		if (!apply(conf, given[i].name, given[i].value, given[i].secret,
				   given[i].optional))
			goto unusable;
		if (strcmp(given[i].name, "bootstrap.servers") == 0)
		{
			free(s->servers);
			s->servers = copy_string(given[i].value);
		}
		if (strcmp(given[i].name, "sasl.username") == 0)
		{
			free(s->user);
			s->user = copy_string(given[i].value);
		}
		if (strcmp(given[i].name, "sasl.mechanism") == 0)
			s->scram = strncmp(given[i].value, "SCRAM", 5) == 0;
	}
	for (size_t i = 0; i < sizeof(forced) / sizeof(forced[0]); i++)
	{
		if (!apply(conf, forced[i][0], forced[i][1], false, false))
			goto unusable;
	}
	if (!apply(conf, "enable.metrics.push", "false", false, true))
		goto unusable;

	/*
	 * A record that is larger than the whole queue would be refused as "queue
	 * full" for ever.
	 */
	message_kbytes = conf_number(conf, "message.max.bytes") / 1024 + 1024;
	if (conf_number(conf, "queue.buffering.max.kbytes") < message_kbytes)
	{
		snprintf(kbytes, sizeof(kbytes), "%" PRId64, message_kbytes);
		if (!apply(conf, "queue.buffering.max.kbytes", kbytes, false, false))
			goto unusable;
	}
	rd_kafka_conf_set_opaque(conf, s);
	rd_kafka_conf_set_log_cb(conf, log_callback);
	rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
	return conf;

unusable:
	rd_kafka_conf_destroy(conf);
	return NULL;
}

static void
init_locks(struct kafka_sink *s)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake_helper, &attr);
	pthread_cond_init(&s->ended, &attr);
	pthread_condattr_destroy(&attr);
}

struct sink *
sink_kafka_new(const struct config *config, sink_report_fn report, void *arg)
{
	static const uint64_t one = 1;
	struct kafka_sink	 *s = mem_zalloc(1, sizeof(*s));
	rd_kafka_conf_t		 *conf;
	char				  reason[512];

	s->base.ops = &ops;
	s->config = config;
	s->report = report;
	s->arg = arg;
	s->servers = copy_string("?");
	s->user = copy_string("<principal>");
	s->max_bytes = config_int(config, "max.queue.size.in.bytes");
	s->max_retries = config_int(config, "errors.max.retries");
	s->backoff_first_ms = config_int(config,
									 "retriable.restart.connector.wait.ms");
	s->backoff_max_ms = config_int(config, "walferry.retry.backoff.max.ms");
	s->exit_code = 1;
	init_locks(s);
	grow_buckets(s);
	s->efd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (s->efd < 0)
	{
		log_error("kafka", "cannot make an eventfd", "error=%s",
				  log_str(strerror(errno)));
		goto failed;
	}
	conf = make_conf(s);
	if (conf == NULL)
		goto failed;
	s->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
	if (s->rk == NULL)
	{
		rd_kafka_conf_destroy(conf);
		log_error("kafka", "cannot make a producer", "error=%s librdkafka=%s",
				  log_str(reason), rd_kafka_version_str());
		goto failed;
	}
	s->queue = rd_kafka_queue_get_main(s->rk);
	rd_kafka_queue_io_event_enable(s->queue, s->efd, &one, sizeof(one));
	s->probe = true;
	if (pthread_create(&s->helper, NULL, helper_main, s) != 0)
	{
		log_error("kafka", "cannot start a thread", "error=%s",
				  log_str(strerror(errno)));
		rd_kafka_queue_destroy(s->queue);
		rd_kafka_destroy(s->rk);
		goto failed;
	}
	return &s->base;

failed:
	free_all(s);
	return NULL;
}
