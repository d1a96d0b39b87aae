/*
 * kafka_settle.c - transactions of a predecessor that Kafka has forgotten to
 * end.
 *
 * Once a producer has its epoch, each transaction that began under its
 * transactional.id before is ended: a mark is in every partition.  Kafka 4.3.0
 * and 4.3.1 leave the mark out where a partition has no leader just then, as
 * those of a single broker have none while it starts (KAFKA-20734).  The
 * producer id stays the same from epoch to epoch, so that our next commit would
 * make visible what was aborted: repeats, which nobody would refuse.
 *
 * So, before anything is written: is something still open in a partition that
 * we write to?  Those that predecessors have stored are looked at by a start,
 * and any other when its topic is first asked for: one may have died in the
 * very first transaction that wrote to it.
 *
 * The first open record says whose it is.  What the stored position covers was
 * committed, and our next commit in that partition shows it, as it should.
 * What is beyond was aborted.  It may also be another producer's, who will end
 * it; if it is not ended after a while, we do it ourselves: a producer of the
 * same transactional.id writes that record again in a transaction that it
 * aborts, and the mark of that ends all that is open under the producer id, our
 * own of this moment included.  If it still is open then, it is somebody
 * else's, and nothing is to be done but wait.  What is no record of ours is of
 * no concern.
 *
 * Where the last stable offset is (Kafka's word for where the first open
 * transaction begins), a consumer of committed records is told, as the end;
 * one that reads all is told the real end.
 */
#include "kafka_impl.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "fault.h"
#include "log.h"

/* How long the record at an offset is waited for. */
#define RECORD_MS 5000

/* How long each step of ending a transaction may take; a look at it. */
#define END_MS 10000
#define SLICE_MS 500

/* The next topic comes soon, or not for long: so long are consumers kept. */
#define REST_MS 5000

/* What was ended and is still open is not ours; not again so soon. */
#define ENDED_MS 300000

/*
 * The caller's thread.
 */

/* All partitions of what was written to; locked. */
static void
take_written(struct kafka_sink *s, const struct sink_written *written)
{
	struct kafka_settling *t = &s->settling;
	size_t				   total = 0;

	for (size_t i = 0; i < written->n; i++)
		total += (size_t) written->topics[i].partitions;
	t->open.partitions = rd_kafka_topic_partition_list_new((int) total);
	for (size_t i = 0; i < written->n; i++)
	{
		const struct sink_topic *w = &written->topics[i];
		uint32_t				 number = kafka_topic_number(s, w->name);

		rd_kafka_topic_partition_list_add_range(t->open.partitions, w->name, 0,
												w->partitions - 1);
		s->topics[number]->settled = w->partitions;
	}
	snprintf(t->until, sizeof(t->until), "%s", written->until);
	t->header = written->header;
	t->step.state = KAFKA_STEP_ASKED;
	pthread_cond_signal(&s->wake_helper);
}

enum sink_outcome
kafka_settle(struct kafka_sink *s, const struct sink_written *written)
{
	struct kafka_settling *t = &s->settling;
	enum sink_outcome	   outcome;

	if (!kafka_txn_used(s))
		return SINK_DONE;
	pthread_mutex_lock(&s->lock);
	if (t->step.state == KAFKA_STEP_NONE)
		take_written(s, written);
	outcome = s->failed							 ? SINK_FAILED
			  : t->step.state == KAFKA_STEP_DONE ? SINK_DONE
												 : SINK_AGAIN;
	pthread_mutex_unlock(&s->lock);
	return outcome;
}

/*
 * The helper's thread.
 */

/* A consumer goes by what it was told of leaders, and does not ask again. */
void
kafka_settle_drop_consumers(struct kafka_sink *s)
{
	struct kafka_settling *t = &s->settling;

	if (t->committed != NULL)
		rd_kafka_destroy(t->committed);
	if (t->all != NULL)
		rd_kafka_destroy(t->all);
	t->committed = t->all = NULL;
}

static void
free_open(struct kafka_open *o)
{
	if (o->partitions != NULL)
		rd_kafka_topic_partition_list_destroy(o->partitions);
	o->partitions = NULL;
}

void
kafka_settle_free(struct kafka_sink *s)
{
	kafka_settle_drop_consumers(s);
	free_open(&s->settling.open);
	for (uint32_t i = 0; i < s->ntopics; i++)
		free_open(&s->topics[i]->open);
}

/* It holds nothing of ours, or we could not write to it, either. */
static bool
is_absent(rd_kafka_resp_err_t err)
{
	return err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
		   err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
		   err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
		   err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
}

/*
 * The ends as this consumer is told them, in the place of the offsets; of what
 * is absent, RD_KAFKA_OFFSET_INVALID.  False: 'outcome' says what then.
 */
static bool
ask_ends(struct kafka_sink *s, struct kafka_open *o, rd_kafka_t *rk,
		 rd_kafka_topic_partition_list_t *list,
		 enum kafka_job_outcome			 *outcome)
{
	static const char what[] = "the end of a topic is not known yet, still "
							   "trying";
	const rd_kafka_topic_partition_t *bad = &list->elems[0];
	rd_kafka_resp_err_t				  err;

	for (int i = 0; i < list->cnt; i++)
		list->elems[i].offset = RD_KAFKA_OFFSET_END;
	err = rd_kafka_offsets_for_times(rk, list, KAFKA_ANSWER_MS);

	/* Of them all, none has a leader: each says why. */
	if (err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
		err = RD_KAFKA_RESP_ERR_NO_ERROR;
	for (int i = 0; i < list->cnt && !err; i++)
	{
		rd_kafka_topic_partition_t *p = &list->elems[i];

		bad = p;
		if (is_absent(p->err) && !o->exists)
			p->offset = RD_KAFKA_OFFSET_INVALID;
		else if (p->err != RD_KAFKA_RESP_ERR_NO_ERROR)
			err = p->err;
		else if (p->offset < 0)
			err = RD_KAFKA_RESP_ERR__TIMED_OUT;
	}
	if (!err)
		return true;
	log_line(kafka_helper_tells_slow(s, &o->told, o->asking_ms, what)
				 ? LOG_LEVEL_WARN
				 : LOG_LEVEL_DEBUG,
			 "kafka", what, "topic=%s partition=%" PRId32 " error=%s",
			 log_str(bad->topic), bad->partition,
			 log_str(rd_kafka_err2str(err)));
	kafka_settle_drop_consumers(s);
	*outcome = kafka_fail_is_unreachable(err) ? KAFKA_JOB_UNREACHABLE
											  : KAFKA_JOB_LATER;
	return false;
}

/* The first record from there on; NULL, with 'err': it cannot be read. */
static rd_kafka_message_t *
read_record(struct kafka_sink *s, const rd_kafka_topic_partition_t *p,
			rd_kafka_resp_err_t *err)
{
	rd_kafka_topic_t   *rkt = rd_kafka_topic_new(s->settling.all, p->topic,
												 NULL);
	rd_kafka_message_t *m = NULL;
	int64_t				until_ms = clock_monotonic_ms() + RECORD_MS;

	*err = RD_KAFKA_RESP_ERR__TIMED_OUT;
	if (rkt == NULL)
		return NULL;
	if (rd_kafka_consume_start(rkt, p->partition, p->offset) == 0)
	{
		while (m == NULL && clock_monotonic_ms() < until_ms &&
			   !kafka_helper_is_stopping(s))
			m = rd_kafka_consume(rkt, p->partition, 100);
		rd_kafka_consume_stop(rkt, p->partition);
	}
	rd_kafka_topic_destroy(rkt);
	if (m != NULL && m->err != RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		*err = m->err;
		rd_kafka_message_destroy(m);
		m = NULL;
	}
	return m;
}

/* What it says of its position; "": nothing, so it is none of ours. */
static void
take_position(const struct kafka_sink *s, const rd_kafka_message_t *m,
			  char position[SINK_POSITION_SIZE])
{
	rd_kafka_headers_t *headers;
	const void		   *value;
	size_t				len;

	position[0] = '\0';
	if (rd_kafka_message_headers(m, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
		rd_kafka_header_get_last(headers, s->settling.header, &value, &len) ==
			RD_KAFKA_RESP_ERR_NO_ERROR &&
		len < SINK_POSITION_SIZE)
	{
		memcpy(position, value, len);
		position[len] = '\0';
	}
}

/*
 * Ending it.
 */

static void
count_delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	int *delivered = opaque;

	(void) rk;
	if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
		++*delivered;
}

/* Of our transactional.id, for a moment; NULL: the sink has failed. */
static rd_kafka_t *
make_producer(struct kafka_sink *s, int *delivered)
{
	char			 reason[512] = "";
	rd_kafka_conf_t *conf = kafka_conf_make_ender(s);
	rd_kafka_t		*rk = NULL;

	if (conf != NULL)
	{
		rd_kafka_conf_set_dr_msg_cb(conf, count_delivered);
		rd_kafka_conf_set_opaque(conf, delivered);
		rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
	}
	if (rk == NULL)
	{
		if (conf != NULL)
			rd_kafka_conf_destroy(conf);
		kafka_fail(s, 1, "cannot make a producer: %s", reason);
	}
	return rk;
}

/* A call that may be made again where it took too long, until we are to end. */
static rd_kafka_error_t *
complete(struct kafka_sink *s, rd_kafka_t *rk,
		 rd_kafka_error_t *(*call)(rd_kafka_t *, int) )
{
	int64_t			  until_ms = clock_monotonic_ms() + END_MS;
	rd_kafka_error_t *error;

	while ((error = call(rk, SLICE_MS)) != NULL &&
		   rd_kafka_error_is_retriable(error) &&
		   clock_monotonic_ms() < until_ms && !kafka_helper_is_stopping(s))
		rd_kafka_error_destroy(error);
	return error;
}

/* Writes the first record there once more, if it is beyond 'until' indeed. */
static rd_kafka_resp_err_t
write_again(struct kafka_sink *s, rd_kafka_t *rk,
			const rd_kafka_topic_partition_t *p, int *written)
{
	rd_kafka_headers_t *headers = NULL;
	rd_kafka_headers_t *copy = NULL;
	rd_kafka_resp_err_t err;
	char				position[SINK_POSITION_SIZE];
	rd_kafka_message_t *m = read_record(s, p, &err);

	if (m == NULL)
		return err;
	take_position(s, m, position);
	err = RD_KAFKA_RESP_ERR_NO_ERROR;
	if (strcmp(position, s->settling.until) > 0)
	{
		if (rd_kafka_message_headers(m, &headers) ==
			RD_KAFKA_RESP_ERR_NO_ERROR)
			copy = rd_kafka_headers_copy(headers);
		err = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(p->topic),
								RD_KAFKA_V_PARTITION(p->partition),
								RD_KAFKA_V_KEY(m->key, m->key_len),
								RD_KAFKA_V_VALUE(m->payload, m->len),
								RD_KAFKA_V_HEADERS(copy),
								RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
								RD_KAFKA_V_END);
		if (err && copy != NULL)
			rd_kafka_headers_destroy(copy);
		else if (!err)
			++*written;
	}
	rd_kafka_message_destroy(m);
	return err;
}

/* False: 'why' what this was to end may still be open. */
static bool
abort_once(struct kafka_sink *s, rd_kafka_t *rk,
		   const rd_kafka_topic_partition_list_t *open, const int *delivered,
		   struct buf *why)
{
	rd_kafka_error_t   *error = complete(s, rk, rd_kafka_init_transactions);
	rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
	int64_t				until_ms;
	int					written = 0;

	if (error == NULL)
		error = rd_kafka_begin_transaction(rk);
	for (int i = 0; i < open->cnt && error == NULL && !err; i++)
		err = write_again(s, rk, &open->elems[i], &written);
	until_ms = clock_monotonic_ms() + END_MS;
	if (error == NULL && !err)
	{
		do
			err = rd_kafka_flush(rk, SLICE_MS);
		while (err == RD_KAFKA_RESP_ERR__TIMED_OUT &&
			   clock_monotonic_ms() < until_ms &&
			   !kafka_helper_is_stopping(s));
		if (!err && *delivered < written)
			err = RD_KAFKA_RESP_ERR__STATE;
	}
	if (error == NULL && !err)
	{
		FAULT_POINT("settle_written");
		error = complete(s, rk, rd_kafka_abort_transaction);
	}
	if (error == NULL && !err)
	{
		FAULT_POINT("settle_ended");
		return true;
	}
	buf_puts(why, error != NULL ? rd_kafka_error_string(error)
								: rd_kafka_err2str(err));
	if (error != NULL)
		rd_kafka_error_destroy(error);
	return false;
}

/*
 * Whatever comes of it, the epoch that we had is gone with it, and the next
 * producer begins anew.
 */
static void
end_open(struct kafka_sink *s, const rd_kafka_topic_partition_list_t *open)
{
	const rd_kafka_topic_partition_t *first = &open->elems[0];
	struct buf						  why = {0};
	int								  delivered = 0;
	rd_kafka_t						 *rk = make_producer(s, &delivered);

	if (rk == NULL)
		return; /* the sink has failed */
	if (abort_once(s, rk, open, &delivered, &why))
	{
		atomic_store(&s->settling.ended_ms, clock_monotonic_ms());
		kafka_fail(s, 1,
				   "Kafka has left a transaction open in our topics: aborted "
				   "as far as it is ours, in %d partitions, the first of them "
				   "topic %s partition %" PRId32 " offset %" PRId64,
				   open->cnt, first->topic, first->partition, first->offset);
	}
	else
	{
		kafka_fail(s, 1,
				   "Kafka has left a transaction open in our topics (topic %s "
				   "partition %" PRId32 " offset %" PRId64
				   "), and to abort it failed: %s",
				   first->topic, first->partition, first->offset,
				   buf_cstr(&why));
		rd_kafka_purge(rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		(void) rd_kafka_flush(rk, 0);
		kafka_helper_let_register();
	}
	rd_kafka_destroy(rk);
	buf_free(&why);
}

/*
 * Looking.
 */

/* What is open from there on: to be ended, or waited for. */
enum open_kind
{
	OPEN_NOT_OURS, /* or committed: our next commit is welcome to end it */
	OPEN_ABORTED,
	OPEN_UNKNOWN
};

static enum open_kind
look_at(struct kafka_sink *s, struct kafka_open *o,
		const rd_kafka_topic_partition_t *p)
{
	static const char unread[] =
		"a transaction is open in a topic of ours, "
		"and whose it is cannot be read, still trying";
	char				position[SINK_POSITION_SIZE];
	rd_kafka_resp_err_t err;
	rd_kafka_message_t *m = read_record(s, p, &err);

	if (m == NULL)
	{
		if (kafka_helper_tells_slow(s, &o->told, o->since_ms, unread))
			log_warn("kafka", unread,
					 "topic=%s partition=%" PRId32 " start_offset=%" PRId64
					 " error=%s",
					 log_str(p->topic), p->partition, p->offset,
					 log_str(rd_kafka_err2str(err)));
		return OPEN_UNKNOWN;
	}
	take_position(s, m, position);
	rd_kafka_message_destroy(m);
	if (position[0] == '\0')
		return OPEN_NOT_OURS;
	if (strcmp(position, s->settling.until) > 0)
		return OPEN_ABORTED;
	log_warn("kafka",
			 "Kafka has not ended one of our transactions that is committed: "
			 "the next one ends it",
			 "topic=%s partition=%" PRId32 " offset=%" PRId64 " position=%s",
			 log_str(p->topic), p->partition, p->offset, position);
	return OPEN_NOT_OURS;
}

/* It takes long: end it, or say for what we wait. */
static void
see_to(struct kafka_sink *s, struct kafka_open *o,
	   const rd_kafka_topic_partition_list_t *open)
{
	static const char waits[] =
		"a transaction is open in a topic of ours, and "
		"it is not ours: waiting until it has ended";
	int64_t now_ms = clock_monotonic_ms();
	int64_t last_ms = atomic_load(&s->settling.ended_ms);

	if (now_ms - o->since_ms < s->slow_ms)
		return;
	if (last_ms == 0 || now_ms - last_ms >= ENDED_MS)
		end_open(s, open);
	else if (kafka_helper_tells_slow(s, &o->told, o->since_ms, waits))
	{
		for (int i = 0; i < open->cnt; i++)
			log_warn("kafka", waits,
					 "topic=%s partition=%" PRId32 " start_offset=%" PRId64,
					 log_str(open->elems[i].topic), open->elems[i].partition,
					 open->elems[i].offset);
	}
}

/* Leaves in o->partitions what is still waited for. */
static enum kafka_job_outcome
look(struct kafka_sink *s, struct kafka_open *o,
	 rd_kafka_topic_partition_list_t *stable)
{
	rd_kafka_topic_partition_list_t *left;
	rd_kafka_topic_partition_list_t *aborted;
	enum kafka_job_outcome			 outcome;

	if (!ask_ends(s, o, s->settling.committed, stable, &outcome))
		return outcome;
	left = rd_kafka_topic_partition_list_new(1);
	aborted = rd_kafka_topic_partition_list_new(1);
	for (int i = 0; i < stable->cnt; i++)
	{
		const rd_kafka_topic_partition_t *p = &stable->elems[i];
		int64_t							  end = o->partitions->elems[i].offset;
		enum open_kind					  kind = OPEN_NOT_OURS;

		if (p->offset >= 0 && p->offset < end)
		{
			if (o->since_ms == 0)
				o->since_ms = clock_monotonic_ms();
			kind = look_at(s, o, p);
		}
		if (kind != OPEN_NOT_OURS)
			rd_kafka_topic_partition_list_add(left, p->topic, p->partition)
				->offset = end;
		if (kind == OPEN_ABORTED)
			rd_kafka_topic_partition_list_add(aborted, p->topic, p->partition)
				->offset = p->offset;
	}
	if (aborted->cnt > 0)
		see_to(s, o, aborted);
	rd_kafka_topic_partition_list_destroy(aborted);
	rd_kafka_topic_partition_list_destroy(o->partitions);
	o->partitions = left;
	return left->cnt == 0 || s->failed ? KAFKA_JOB_DONE : KAFKA_JOB_LATER;
}

static enum kafka_job_outcome
go_on(struct kafka_sink *s, struct kafka_open *o)
{
	struct kafka_settling			*t = &s->settling;
	rd_kafka_topic_partition_list_t *stable;
	enum kafka_job_outcome			 outcome = KAFKA_JOB_LATER;

	t->used_ms = clock_monotonic_ms();
	if (o->asking_ms == 0)
		o->asking_ms = t->used_ms;
	if (t->all == NULL)
		t->all = kafka_recover_consumer(s, "read_uncommitted");
	if (t->committed == NULL)
		t->committed = kafka_recover_consumer(s, "read_committed");
	if (t->all == NULL || t->committed == NULL)
		return KAFKA_JOB_DONE; /* the sink has failed */

	/* Once: what others write later is not waited for. */
	if (!o->ends_known)
		o->ends_known = ask_ends(s, o, t->all, o->partitions, &outcome);
	if (!o->ends_known)
		return outcome;
	stable = rd_kafka_topic_partition_list_copy(o->partitions);
	outcome = look(s, o, stable);
	rd_kafka_topic_partition_list_destroy(stable);
	return outcome;
}

enum kafka_job_outcome
kafka_settle_go_on(struct kafka_sink *s)
{
	struct kafka_settling *t = &s->settling;
	enum kafka_job_outcome outcome = KAFKA_JOB_DONE;

	if (t->open.partitions->cnt > 0)
		outcome = go_on(s, &t->open);
	if (outcome == KAFKA_JOB_DONE)
		free_open(&t->open);
	return outcome;
}

enum kafka_job_outcome
kafka_settle_topic(struct kafka_sink *s, struct topic *t, int partitions)
{
	enum kafka_job_outcome outcome;

	if (s->settling.header == NULL || t->settled >= partitions)
		return KAFKA_JOB_DONE;
	if (t->open.partitions == NULL)
	{
		t->open.partitions = rd_kafka_topic_partition_list_new(partitions);
		rd_kafka_topic_partition_list_add_range(t->open.partitions, t->name,
												t->settled, partitions - 1);
		t->open.exists = true;
	}
	outcome = go_on(s, &t->open);
	if (outcome == KAFKA_JOB_DONE)
	{
		t->settled = partitions;
		free_open(&t->open);
	}
	return outcome;
}

bool
kafka_settle_rest(struct kafka_sink *s, int64_t now_ms, int64_t *until_ms)
{
	struct kafka_settling *t = &s->settling;
	int64_t				   rest_ms = t->used_ms + REST_MS;

	if (t->all == NULL && t->committed == NULL)
		return false;
	if (now_ms >= rest_ms)
		return true;
	if (rest_ms < *until_ms)
		*until_ms = rest_ms;
	return false;
}
