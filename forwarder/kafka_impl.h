/*
 * kafka_impl.h - what the files of the Kafka sink share; nobody else includes
 * it.
 *
 *     sink_kafka.c      the caller's thread: records, reports, opening
 *     kafka_conf.c      librdkafka's settings and its log
 *     kafka_fail.c      what an error means: its words and its exit code
 *     kafka_link.c      whether somebody answers
 *     kafka_topic.c     topics: looked up, created
 *     kafka_helper.c    the thread that waits for librdkafka
 *
 * Two threads of our own.  The caller's submits records and serves delivery
 * reports, and never waits.  The helper does what librdkafka can only do by
 * waiting.  Both wake the caller through one eventfd, which librdkafka writes
 * as well when its queue of reports is no longer empty.
 *
 * Ownership: the caller's thread owns everything that has no comment "locked"
 * beside it.  A topic's name and creation settings never change once the
 * helper knows of it.
 */
#ifndef FORWARDER_KAFKA_IMPL_H
#define FORWARDER_KAFKA_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

#include "config.h"
#include "sink.h"

/* How long the helper waits for one answer. */
#define KAFKA_ANSWER_MS 5000

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

/* ---- kafka_conf.c ---- */

/*
 * The producer's settings; NULL, with an error logged, where librdkafka takes
 * one of them not.
 */
rd_kafka_conf_t *kafka_conf_make(struct kafka_sink *s);

char *kafka_copy(const char *from);

/* ---- kafka_fail.c ---- */

/* Failing.  Any thread; the first failure is the one that counts. */
void kafka_fail(struct kafka_sink *s, int exit_code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* What a record of 'topic' met that will not pass. */
void kafka_fail_record(struct kafka_sink *s, rd_kafka_resp_err_t err,
					   const char *topic, size_t bytes);

/* librdkafka's fatal error. */
void kafka_fail_fatal(struct kafka_sink *s);
void kafka_fail_authentication(struct kafka_sink *s, const char *reason);

/* Not worth a restart: somebody has to change something. */
bool kafka_fail_is_refusal(rd_kafka_resp_err_t err);

/* No more can be sent, for another reason than that a record was refused. */
bool kafka_fail_is_fatal(const struct kafka_sink *s);

/* Nobody answered, so that nothing is known. */
bool kafka_fail_is_unreachable(rd_kafka_resp_err_t err);

/* ---- kafka_link.c ---- */

/* Somebody answered; nobody did. */
void kafka_link_up(struct kafka_sink *s);
void kafka_link_down(struct kafka_sink *s, rd_kafka_resp_err_t err);

/* Have the helper see whether somebody answers. */
void kafka_link_doubt(struct kafka_sink *s);

/* The helper: does anybody answer? */
bool kafka_link_ask(struct kafka_sink *s);

/* ---- kafka_topic.c ---- */

enum kafka_job_outcome
{
	KAFKA_JOB_DONE,
	KAFKA_JOB_LATER,
	KAFKA_JOB_UNREACHABLE
};

/* See sink_topic() and sink_partitions(). */
uint32_t		  kafka_topic_number(struct kafka_sink *s, const char *name);
enum sink_outcome kafka_topic_require(struct kafka_sink *s, struct topic *t);

/* The helper: is it there?  Creates it if it is not. */
enum kafka_job_outcome
kafka_topic_look_up(struct kafka_sink *s, struct topic *t);

/* All of them, with what librdkafka has of them gone already. */
void kafka_topic_free_all(struct kafka_sink *s);

/*
 * Wait before a topic is looked up again, at first and at most: one that was
 * just created is not known everywhere at once.
 */
#define KAFKA_TOPIC_RETRY_MS 100
#define KAFKA_TOPIC_RETRY_MAX_MS 5000

/* ---- kafka_helper.c ---- */

/* False, with an error logged: there is no thread to be had. */
bool kafka_helper_start(struct kafka_sink *s);

/*
 * Have it end and give everything back, 's' included.  Waits for it a little;
 * if it hangs in a call, it frees when that returns.
 */
void kafka_helper_stop(struct kafka_sink *s);

/* Give back a sink whose helper has ended or was never started. */
void kafka_helper_free(struct kafka_sink *s);

/* Locked. */
void kafka_helper_add_job(struct kafka_sink *s, struct topic *t);

/* From the helper: the caller has something to see. */
void kafka_helper_wake_caller(struct kafka_sink *s);

#endif /* FORWARDER_KAFKA_IMPL_H */
