/*
 * kafka_impl.h - what the files of the Kafka sink share; nobody else includes
 * it.
 *
 *     sink_kafka.c      the caller's thread: records, reports, opening
 *     kafka_conf.c      librdkafka's settings and its log
 *     kafka_fail.c      what an error means: its words and its exit code
 *     kafka_link.c      whether somebody answers
 *     kafka_topic.c     topics: looked up, created
 *     kafka_txn.c       transactions: fencing, beginning, committing
 *     kafka_recover.c   the store, read to its end
 *     kafka_settle.c    what predecessors have left open, ended
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

#include "buf.h"
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
 * the refused records are missing.  So the first record goes alone.  Brokers
 * forget a producer that has been idle (producer.id.expiration.ms, a day if it
 * is not set), so the first one after a pause is a first one again.
 */
enum partition_state
{
	PARTITION_NEW,
	PARTITION_FIRST, /* its first record is under way */
	PARTITION_KNOWN
};

/* A pause: one to two of these. */
#define PARTITION_IDLE_MS 30000

struct partition
{
	int64_t				 used; /* the period of its last record */
	enum partition_state state;
};

/* Partitions of which it is asked whether a transaction is open in them. */
struct kafka_open
{
	rd_kafka_topic_partition_list_t *partitions; /* offset: its end */
	bool							 exists;	 /* it was seen just now */
	bool							 ends_known;
	int64_t							 asking_ms; /* since when, or 0 */
	int64_t							 since_ms;	/* that something is open; 0 */
	const char						*told; /* last, of what it waits for */
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
	struct partition	  *partition;  /* of each, once ready */

	/* The helper's: */
	struct topic	 *next;
	int64_t			  retry_at_ms;
	int				  retry_ms;
	int64_t			  too_few_ms; /* since when there are too few brokers; 0 */
	bool			  told;		  /* why it takes long */
	bool			  replicas_told;
	int32_t			  settled; /* in so many nothing of ours is open; the
								* caller's until the helper knows of it */
	struct kafka_open open;
};

/* A report that waits until it is known which record was refused. */
struct held_report
{
	uint64_t			ticket;
	size_t				bytes;
	rd_kafka_resp_err_t err;
};

/* Reports of a transaction that is not committed yet; of one ticket. */
struct kafka_run
{
	uint64_t ticket;
	uint64_t records;
	size_t	 bytes;
};

enum kafka_txn_state
{
	KAFKA_TXN_NONE,		 /* the next record begins one */
	KAFKA_TXN_OPEN,		 /* records are taken */
	KAFKA_TXN_COMMITTING /* records are staged for the next one */
};

/*
 * Transactions.  librdkafka takes no record while it commits: they wait in
 * 'stage', which counts against the same limit.
 */
struct kafka_txn
{
	char				*id; /* transactional.id; NULL: no transactions */
	enum kafka_txn_state state;
	struct kafka_run	*runs; /* delivered in the open transaction */
	size_t				 nruns;
	size_t				 runs_cap;
	uint64_t			 last_ticket; /* of the record given to commit */
	size_t				 last_bytes;
	bool				 last_seen;

	struct buf stage;	 /* records of the next transaction */
	size_t	   stage_at; /* behind those that librdkafka has by now */

	bool		commit_asked;	 /* locked */
	bool		commit_done;	 /* locked */
	int64_t		commit_since_ms; /* locked */
	atomic_uint end_sent; /* EndTxn requests since the commit was asked for */
	atomic_bool end_answered;	/* one was ... */
	atomic_bool end_unanswered; /* ... and one will never be */
	bool		initialised;	/* the helper's, as is the next */
	bool		slow_told;
};

enum kafka_step_state
{
	KAFKA_STEP_NONE,
	KAFKA_STEP_ASKED, /* the helper is at it */
	KAFKA_STEP_DONE
};

/* What the helper does at a start when it is asked to, again until it is done. */
struct kafka_step
{
	enum kafka_step_state state;	   /* locked */
	int64_t				  retry_at_ms; /* the helper's */
};

/* Reading the store.  Its records go to the caller by the buffer-full. */
struct kafka_recovery
{
	struct kafka_step step;
	char			 *topic;		 /* NULL: no store */
	struct topic	 *t;			 /* of that name, once it is asked for */
	struct buf		  full;			 /* locked: read, and not yet taken */
	struct buf		  taken;		 /* what is being handed on */
	int64_t			  since_ms;		 /* the helper's: the first attempt, */
	int64_t			  reading_ms;	 /* and the first to read */
	const char		 *told;			 /* last, of what it waits for */
	bool			  settings_told; /* what they warn of, was */
};

/* What predecessors have left open; see kafka_settle.c. */
struct kafka_settling
{
	struct kafka_step	step;
	char				until[SINK_POSITION_SIZE]; /* set before it is asked */
	const char		   *header;	   /* for, as is this; NULL: it never was */
	struct kafka_open	open;	   /* the helper's, as are the next */
	int64_t				used_ms;   /* when the consumers last were */
	rd_kafka_t		   *all;	   /* consumers of all records ... */
	rd_kafka_t		   *committed; /* ... and committed ones */
	atomic_int_fast64_t ended_ms;  /* see sink_ended_ms() */
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
	int64_t	 idle_ms;	  /* PARTITION_IDLE_MS; tests have less */
	int64_t	 period;	  /* of so many: the present one */
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
	bool			gave_up;		   /* it is for want of a broker */
	int				exit_code;		   /* of the failure */
	char			error[1024];	   /* of the failure */
	char			last_problem[512]; /* locked: of a connection */
	struct topic   *jobs; /* locked: head of a list, new ones last */

	int	 brokers; /* the helper's: so many there are, or 0 */
	bool again;	  /* what is warned of once, was */

	struct kafka_txn	  txn;
	struct kafka_recovery recovery;
	struct kafka_settling settling;
	int64_t				  slow_ms; /* KAFKA_SLOW_MS; tests: less */
	int64_t				  backoff_first_ms;
	int64_t				  backoff_max_ms;
	int64_t				  max_retries; /* -1: no end */
};

/* ---- kafka_conf.c ---- */

/*
 * The producer's settings; NULL, with an error logged, where librdkafka takes
 * one of them not.
 */
rd_kafka_conf_t *kafka_conf_make(struct kafka_sink *s);

/* Those of a consumer at the same brokers, without its own. */
rd_kafka_conf_t *kafka_conf_make_consumer(struct kafka_sink *s);

/* Those of a producer with our transactional.id, for ending transactions. */
rd_kafka_conf_t *kafka_conf_make_ender(const struct kafka_sink *s);

char *kafka_copy(const char *from);

/* ---- kafka_fail.c ---- */

/* Failing.  Any thread; the first failure is the one that counts. */
void kafka_fail(struct kafka_sink *s, int exit_code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* For want of a broker that answers, with 1. */
void kafka_fail_gave_up(struct kafka_sink *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* What a record of 'topic' met that will not pass. */
void kafka_fail_record(struct kafka_sink *s, rd_kafka_resp_err_t err,
					   const char *topic, size_t bytes);

/* librdkafka's fatal error. */
void kafka_fail_fatal(struct kafka_sink *s);
void kafka_fail_authentication(struct kafka_sink *s, const char *reason);

/*
 * What librdkafka reports as a failed authentication, with this reason, was the
 * end of a connection: the broker has not refused us.  As the result of a
 * request, RD_KAFKA_RESP_ERR__AUTHENTICATION may mean either.
 */
bool kafka_fail_is_cut_off(const char *reason);

/* Why a transaction cannot go on, from librdkafka's answer to a call. */
void kafka_fail_transaction(struct kafka_sink *s, const char *doing,
							const rd_kafka_error_t *error);

/*
 * Ends the text about a 'topic' that is refused: the position need not be
 * there, if that is all that it is for.  "" if it has to, or is another topic.
 */
const char *
kafka_fail_way_without(const struct kafka_sink *s, const char *topic);

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

/* ---- kafka_txn.c ---- */

static inline bool
kafka_txn_used(const struct kafka_sink *s)
{
	return s->txn.id != NULL;
}

/* Into the producer's settings: the id, and counting what ends transactions. */
bool kafka_txn_configure(struct kafka_sink *s, rd_kafka_conf_t *conf);
void kafka_txn_free(struct kafka_sink *s);

/*
 * The caller.  Make room in a transaction for one record: KAFKA_TXN_OPEN: give
 * it to librdkafka; KAFKA_TXN_COMMITTING: stage it; KAFKA_TXN_NONE: it failed.
 */
enum kafka_txn_state kafka_txn_enter(struct kafka_sink *s);

void kafka_txn_stage(struct kafka_sink *s, const struct sink_record *record,
					 uint64_t ticket);

/* The first staged record; false if there is none. */
bool
	 kafka_txn_staged(struct kafka_sink *s, struct sink_record *record,
					  struct sink_header *headers, size_t max, uint64_t *ticket);
void kafka_txn_unstage(struct kafka_sink *s);

/* Bytes of records that are staged, with what describes them. */
static inline int64_t
kafka_txn_staged_bytes(const struct kafka_sink *s)
{
	return (int64_t) (s->txn.stage.len - s->txn.stage_at);
}

/* librdkafka delivered a record; it counts when the transaction does. */
void kafka_txn_delivered(struct kafka_sink *s, uint64_t ticket, size_t bytes);

/* It did not: learn from librdkafka why the transaction cannot go on. */
void kafka_txn_broken(struct kafka_sink *s);

/* Have the helper commit what is open. */
void kafka_txn_commit(struct kafka_sink *s, uint64_t ticket, size_t bytes);

/* Report what has been committed meanwhile; how many records. */
uint64_t kafka_txn_poll(struct kafka_sink *s);

/*
 * The helper: wait a little for what was asked for.  True: it is done, or has
 * failed for good.
 */
bool kafka_txn_go_on_committing(struct kafka_sink *s);
bool kafka_txn_initialise(struct kafka_sink *s);

/* ---- kafka_recover.c ---- */

/* The caller: see sink_recover(). */
enum sink_outcome
	 kafka_recover_take(struct kafka_sink *s, sink_stored_fn fn, void *arg);
void kafka_recover_free(struct kafka_sink *s);

/*
 * Why a late record may get into a transaction that is not its own, as a
 * broker says that told 'nsettings' of its settings, and 'value' as the one
 * that counts, NULL if it is none of them.  NULL: it may not, or who knows.
 */
const char *kafka_recover_unverified(size_t nsettings, const char *value);

/* The helper: fence, then read. */
enum kafka_job_outcome kafka_recover_go_on(struct kafka_sink *s);

/* A consumer; NULL: the sink has failed. */
rd_kafka_t *
kafka_recover_consumer(struct kafka_sink *s, const char *isolation_level);

/* ---- kafka_settle.c ---- */

/* See sink_settle(); and the helper's part of it. */
enum sink_outcome
kafka_settle(struct kafka_sink *s, const struct sink_written *written);
enum kafka_job_outcome kafka_settle_go_on(struct kafka_sink *s);

/*
 * The helper: the same for a topic, of so many partitions, that the caller did
 * not know to be written to.
 */
enum kafka_job_outcome
kafka_settle_topic(struct kafka_sink *s, struct topic *t, int partitions);

/*
 * The helper: has it consumers that it will hardly need any more?  Otherwise
 * *until_ms becomes when to ask again, if that is sooner.
 */
bool
kafka_settle_rest(struct kafka_sink *s, int64_t now_ms, int64_t *until_ms);
void kafka_settle_drop_consumers(struct kafka_sink *s);

/* The helper, at its end. */
void kafka_settle_free(struct kafka_sink *s);

/* ---- kafka_helper.c ---- */

/* Something takes longer than this: say what it waits for. */
#define KAFKA_SLOW_MS 10000

/* It is so for long; and 'what' was not the last that was 'told'. */
bool kafka_helper_tells_slow(const struct kafka_sink *s, const char **told,
							 int64_t since_ms, const char *what);

/* Before a producer is destroyed that has just begun a transaction. */
void kafka_helper_let_register(void);

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

/* From the helper: is it to end? */
bool kafka_helper_is_stopping(struct kafka_sink *s);

/* From the helper: the caller has something to see. */
void kafka_helper_wake_caller(struct kafka_sink *s);

#endif /* FORWARDER_KAFKA_IMPL_H */
