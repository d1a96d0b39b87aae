/*
 * kafka_txn.c - transactions: fencing, beginning, committing.
 *
 * The rules that exactly-once delivery rests on:
 *
 * 1. A record's report, which lets PostgreSQL forget the row, is held back
 *	  until commit_transaction() has said that all is committed.  Whatever is
 *	  less certain than that fails the sink.
 *
 * 2. There is no abort.  Whatever goes wrong, the sink fails as a whole; the
 *	  next one's init_transactions() aborts what was open, and the store tells
 *	  what had been committed.  One way back is one thing to get right.
 *	  (Up to 2.0.2 at least, aborting with messages still queued could also end
 *	  in a fatal error of librdkafka's.)
 *
 * 3. A transaction never begins while an EndTxn of the one before may still
 *	  be on its way.  librdkafka sends EndTxn again after a lost connection or
 *	  a timeout, under the same producer epoch, and before KIP-890 the broker
 *	  cannot tell a late first one from one that ends the next transaction
 *	  (KAFKA-17754: that one is then committed or aborted in the middle).  So
 *	  requests and answers are watched; if it was not one request and its
 *	  answer, the commit counts but the producer has to go.  The next one gets a new
 *	  epoch from init_transactions(), and the broker refuses what still comes
 *	  under the old one.
 */
#include "kafka_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "fault.h"
#include "log.h"
#include "mem.h"

/* ApiKey of EndTxn. */
#define END_TXN 26

/* How long one call waits; the helper looks about itself in between. */
#define COMMIT_MS 1000
#define INIT_MS 1000

/* A commit that takes longer is told. */
#define SLOW_COMMIT_MS 10000

/*
 * Counting what ends transactions.  Any thread of librdkafka.
 */

static rd_kafka_resp_err_t
count_sent(rd_kafka_t *rk, int sockfd, const char *broker, int32_t broker_id,
		   int16_t api_key, int16_t api_version, int32_t correlation_id,
		   size_t size, void *opaque)
{
	struct kafka_sink *s = opaque;

	(void) rk;
	(void) sockfd;
	(void) broker;
	(void) broker_id;
	(void) api_version;
	(void) correlation_id;
	(void) size;
	if (api_key == END_TXN)
		s->txn.end_sent++;
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t
count_answered(rd_kafka_t *rk, int sockfd, const char *broker,
			   int32_t broker_id, int16_t api_key, int16_t api_version,
			   int32_t correlation_id, size_t size, int64_t rtt,
			   rd_kafka_resp_err_t err, void *opaque)
{
	struct kafka_sink *s = opaque;

	(void) rk;
	(void) sockfd;
	(void) broker;
	(void) broker_id;
	(void) api_version;
	(void) correlation_id;
	(void) size;
	(void) rtt;

	/* An answer passes here twice, in two of librdkafka's threads. */
	if (api_key == END_TXN && err == RD_KAFKA_RESP_ERR_NO_ERROR)
		s->txn.end_answered = true;
	else if (api_key == END_TXN)
		s->txn.end_unanswered = true;
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t
add_counters(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque,
			 char *errstr, size_t errstr_size)
{
	rd_kafka_resp_err_t err;

	(void) conf;
	(void) errstr;
	(void) errstr_size;
	err = rd_kafka_interceptor_add_on_request_sent(rk, "walferry", count_sent,
												   opaque);
	if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
		err = rd_kafka_interceptor_add_on_response_received(rk, "walferry",
															count_answered,
															opaque);
	return err;
}

bool
kafka_txn_configure(struct kafka_sink *s, rd_kafka_conf_t *conf)
{
	char				reason[512];
	rd_kafka_conf_res_t res;

	res = rd_kafka_conf_set(conf, "transactional.id", s->txn.id, reason,
							sizeof(reason));
	if (res != RD_KAFKA_CONF_OK)
	{
		log_error("kafka", "librdkafka does not accept a setting",
				  "name=transactional.id error=%s librdkafka=%s",
				  log_str(reason), rd_kafka_version_str());
		return false;
	}
	if (rd_kafka_conf_interceptor_add_on_new(conf, "walferry", add_counters,
											 s) != RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		log_error("kafka", "librdkafka lets nobody count its requests",
				  "librdkafka=%s", rd_kafka_version_str());
		return false;
	}
	return true;
}

void
kafka_txn_free(struct kafka_sink *s)
{
	free(s->txn.id);
	free(s->txn.runs);
	buf_free(&s->txn.stage);
}

/*
 * The caller's thread.
 */

enum kafka_txn_state
kafka_txn_enter(struct kafka_sink *s)
{
	rd_kafka_error_t *error;

	if (s->txn.state != KAFKA_TXN_NONE)
		return s->txn.state;

	/* A local matter: the broker hears of it with the first record. */
	error = rd_kafka_begin_transaction(s->rk);
	if (error != NULL)
	{
		kafka_fail_transaction(s, "beginning a transaction", error);
		rd_kafka_error_destroy(error);
		return KAFKA_TXN_NONE;
	}
	s->txn.state = KAFKA_TXN_OPEN;
	FAULT_POINT("txn_begun");
	return s->txn.state;
}

/* How a record is laid out in the stage; its bytes follow. */
struct staged
{
	size_t	 size; /* of all of it */
	uint64_t ticket;
	uint32_t topic;
	int32_t	 partition;
	bool	 has_key;
	bool	 has_value;
	size_t	 key_len;
	size_t	 value_len;
	size_t	 nheaders; /* each: name_len, len, name, data */
};

void
kafka_txn_stage(struct kafka_sink *s, const struct sink_record *record,
				uint64_t ticket)
{
	struct buf	 *b = &s->txn.stage;
	size_t		  at;
	struct staged st = {.ticket = ticket,
						.topic = record->topic,
						.partition = record->partition,
						.has_key = record->key != NULL,
						.has_value = record->value != NULL,
						.key_len = record->key_len,
						.value_len = record->value_len,
						.nheaders = record->nheaders};

	/*
	 * Room of what has gone, also where librdkafka never takes all of it; not
	 * each time, so that a byte is moved once or twice at most.
	 */
	if (s->txn.stage_at > 0 && s->txn.stage_at >= b->len - s->txn.stage_at)
	{
		b->len -= s->txn.stage_at;
		memmove(b->data, b->data + s->txn.stage_at, b->len);
		s->txn.stage_at = 0;
	}
	at = b->len;
	buf_put(b, &st, sizeof(st));
	if (st.has_key)
		buf_put(b, record->key, record->key_len);
	if (st.has_value)
		buf_put(b, record->value, record->value_len);
	for (size_t i = 0; i < record->nheaders; i++)
	{
		const struct sink_header *h = &record->headers[i];
		size_t					  name_len = strlen(h->name) + 1;

		buf_put(b, &name_len, sizeof(name_len));
		buf_put(b, &h->len, sizeof(h->len));
		buf_put(b, h->name, name_len);
		buf_put(b, h->data, h->len);
	}
	st.size = b->len - at;
	memcpy(b->data + at, &st, sizeof(st));
}

bool
kafka_txn_staged(struct kafka_sink *s, struct sink_record *record,
				 struct sink_header *headers, size_t max, uint64_t *ticket)
{
	const uint8_t *p;
	struct staged  st;

	if (kafka_txn_staged_bytes(s) == 0)
		return false;
	p = s->txn.stage.data + s->txn.stage_at;
	memcpy(&st, p, sizeof(st));
	p += sizeof(st);
	*record = (struct sink_record){.topic = st.topic,
								   .partition = st.partition,
								   .key = st.has_key ? p : NULL,
								   .key_len = st.key_len,
								   .headers = headers,
								   .nheaders = st.nheaders < max ? st.nheaders
																 : max};
	if (st.has_key)
		p += st.key_len;
	record->value = st.has_value ? p : NULL;
	record->value_len = st.value_len;
	if (st.has_value)
		p += st.value_len;
	for (size_t i = 0; i < record->nheaders; i++)
	{
		size_t name_len;

		memcpy(&name_len, p, sizeof(name_len));
		p += sizeof(name_len);
		memcpy(&headers[i].len, p, sizeof(headers[i].len));
		p += sizeof(headers[i].len);
		headers[i].name = (const char *) p;
		p += name_len;
		headers[i].data = p;
		p += headers[i].len;
	}
	*ticket = st.ticket;
	return true;
}

void
kafka_txn_unstage(struct kafka_sink *s)
{
	struct staged st;

	memcpy(&st, s->txn.stage.data + s->txn.stage_at, sizeof(st));
	s->txn.stage_at += st.size;
}

void
kafka_txn_delivered(struct kafka_sink *s, uint64_t ticket, size_t bytes)
{
	struct kafka_txn *t = &s->txn;

	if (FAULT_BUG("position_not_in_transaction") && ticket == t->last_ticket)
		return;
	if (t->state == KAFKA_TXN_COMMITTING && ticket == t->last_ticket &&
		!t->last_seen)
	{
		t->last_seen = true;
		return;
	}
	if (t->nruns > 0 && t->runs[t->nruns - 1].ticket == ticket)
	{
		t->runs[t->nruns - 1].records++;
		t->runs[t->nruns - 1].bytes += bytes;
		return;
	}
	if (t->nruns == t->runs_cap)
	{
		t->runs_cap = t->runs_cap ? t->runs_cap * 2 : 1024;
		t->runs = mem_resize(t->runs, t->runs_cap, sizeof(*t->runs));
	}
	t->runs[t->nruns++] = (struct kafka_run){ticket, 1, bytes};
}

void
kafka_txn_broken(struct kafka_sink *s)
{
	rd_kafka_error_t *error;

	/* While one is being committed, that call says why. */
	if (s->failed || s->txn.state == KAFKA_TXN_COMMITTING)
		return;
	if (rd_kafka_fatal_error(s->rk, NULL, 0) != RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		kafka_fail_fatal(s);
		return;
	}

	/*
	 * In a transaction that has failed, beginning one changes nothing and
	 * gives the reason, which no other harmless call does.
	 */
	error = rd_kafka_begin_transaction(s->rk);
	kafka_fail_transaction(s, "sending", error);
	if (error != NULL)
		rd_kafka_error_destroy(error);
}

void
kafka_txn_commit(struct kafka_sink *s, uint64_t ticket, size_t bytes)
{
	s->txn.state = KAFKA_TXN_COMMITTING;
	s->txn.last_ticket = ticket;
	s->txn.last_bytes = bytes;
	s->txn.last_seen = false;
	s->txn.end_sent = 0;
	s->txn.end_answered = s->txn.end_unanswered = false;
	pthread_mutex_lock(&s->lock);
	s->txn.commit_asked = true;
	s->txn.commit_since_ms = clock_monotonic_ms();
	pthread_cond_signal(&s->wake_helper);
	pthread_mutex_unlock(&s->lock);
	FAULT_POINT("commit_called");
}

/* See rule 3. */
static bool
needs_new_epoch(const struct kafka_sink *s)
{
	if (FAULT_BUG("no_epoch_renewal"))
		return false;
	return s->txn.end_sent != 1 || !s->txn.end_answered ||
		   s->txn.end_unanswered;
}

uint64_t
kafka_txn_poll(struct kafka_sink *s)
{
	struct kafka_txn *t = &s->txn;
	uint64_t		  records = 1;
	bool			  done;

	if (t->state != KAFKA_TXN_COMMITTING)
		return 0;
	pthread_mutex_lock(&s->lock);
	done = t->commit_done;
	if (done)
		t->commit_done = false;
	pthread_mutex_unlock(&s->lock);
	if (!done)
		return 0;
	FAULT_POINT("commit_answered");

	/* Its delivery reports came before commit_transaction() returned. */
	for (size_t i = 0; i < t->nruns; i++)
	{
		s->report(s->arg, t->runs[i].ticket, t->runs[i].records,
				  t->runs[i].bytes, true, NULL);
		records += t->runs[i].records;
	}
	t->nruns = 0;
	s->report(s->arg, t->last_ticket, 1, t->last_bytes, true, NULL);
	t->state = KAFKA_TXN_NONE;
	FAULT_POINT("commit_done");
	if (needs_new_epoch(s))
		kafka_fail(s, 1,
				   "a transaction is committed, but its end had to be asked "
				   "for more than once: the first request may still be on "
				   "its way and end the next one (KAFKA-17754), so a new "
				   "producer epoch is taken");
	return records;
}

/*
 * The helper's thread.
 */

/* What a call met that may pass; false: it will not. */
static bool
is_passing(rd_kafka_error_t *error)
{
	return rd_kafka_error_is_retriable(error) &&
		   !rd_kafka_error_is_fatal(error) &&
		   !rd_kafka_error_txn_requires_abort(error);
}

/*
 * At once with what the caller sees of it: it may ask for the next commit as
 * soon as it sees that this one is done, and that must not be forgotten.
 */
static void
leave_commit(struct kafka_sink *s, bool done)
{
	pthread_mutex_lock(&s->lock);
	s->txn.commit_asked = false;
	s->txn.commit_done = done;
	pthread_mutex_unlock(&s->lock);
}

bool
kafka_txn_go_on_committing(struct kafka_sink *s)
{
	int64_t waited_ms = clock_monotonic_ms() - s->txn.commit_since_ms;
	rd_kafka_error_t *error;
	bool			  passing;

	FAULT_POINT("before_commit");

	/* Called again, it goes on where the last call left off. */
	error = rd_kafka_commit_transaction(s->rk, COMMIT_MS);
	if (error == NULL)
	{
		if (waited_ms >= SLOW_COMMIT_MS)
			log_info("kafka", "committed at last", "waited_s=%" PRId64,
					 waited_ms / 1000);
		log_debug("kafka", "committed", "ms=%" PRId64,
				  clock_monotonic_ms() - s->txn.commit_since_ms);
		s->txn.slow_told = false;
		leave_commit(s, true);
		FAULT_POINT("commit_told");
		return true;
	}
	passing = is_passing(error);
	if (!passing)
	{
		kafka_fail_transaction(s, "committing a transaction", error);
		leave_commit(s, false);
	}
	else if (!s->txn.slow_told && waited_ms >= SLOW_COMMIT_MS)
	{
		s->txn.slow_told = true;
		log_warn("kafka", "a commit takes long, still waiting",
				 "waited_s=%" PRId64 " error=%s", waited_ms / 1000,
				 log_str(rd_kafka_error_string(error)));
		kafka_link_doubt(s);
	}
	rd_kafka_error_destroy(error);
	FAULT_POINT("commit_retry");
	return !passing;
}

bool
kafka_txn_initialise(struct kafka_sink *s)
{
	rd_kafka_error_t *error;
	bool			  passing;

	if (s->txn.initialised)
		return true;
	FAULT_POINT("before_init");
	error = rd_kafka_init_transactions(s->rk, INIT_MS);
	if (error == NULL)
	{
		s->txn.initialised = true;
		log_debug("kafka", "predecessors are shut out", "transactional_id=%s",
				  log_str(s->txn.id));
		FAULT_POINT("after_init");
		return true;
	}
	passing = is_passing(error);
	if (!passing)
		kafka_fail_transaction(s, "init_transactions", error);
	else
		log_debug("kafka", "init_transactions, trying again", "error=%s",
				  log_str(rd_kafka_error_string(error)));
	rd_kafka_error_destroy(error);
	return false;
}
