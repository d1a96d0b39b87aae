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
 * we write to?  Its first open record says whose it is.  What the stored
 * position covers was committed, and our next commit in that partition shows
 * it, as it should.  What is beyond was aborted.  It may also be another
 * producer's, who will end it; if it is not ended after a while, we do it
 * ourselves: a producer of the same transactional.id writes that record again
 * in a transaction that it aborts, and the mark of that ends all that is open
 * under the producer id.  If it still is open then, it is somebody else's, and
 * nothing is to be done but wait.  What is no record of ours is of no concern.
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
#include "hash.h"
#include "log.h"

/* How long the record at an offset is waited for. */
#define RECORD_MS 5000

/* How long each step of ending a transaction may take. */
#define END_MS 10000

/*
 * The caller's thread.
 */

enum sink_outcome
kafka_settle(struct kafka_sink *s, const struct sink_written *written)
{
	struct kafka_settling *t = &s->settling;
	enum sink_outcome	   outcome;

	if (!kafka_txn_used(s) || written->n == 0)
		return SINK_DONE;
	pthread_mutex_lock(&s->lock);
	if (t->state == KAFKA_RECOVERY_NONE)
	{
		size_t total = 0;

		for (size_t i = 0; i < written->n; i++)
			total += (size_t) written->topics[i].partitions;
		t->open = rd_kafka_topic_partition_list_new((int) total);
		for (size_t i = 0; i < written->n; i++)
		{
			for (int32_t p = 0; p < written->topics[i].partitions; p++)
				(void)
					rd_kafka_topic_partition_list_add(t->open,
													  written->topics[i].name,
													  p);
		}
		snprintf(t->until, sizeof(t->until), "%s", written->until);
		t->header = written->header;
		t->state = KAFKA_RECOVERY_ASKED;
		pthread_cond_signal(&s->wake_helper);
	}
	outcome = s->failed							? SINK_FAILED
			  : t->state == KAFKA_RECOVERY_DONE ? SINK_DONE
												: SINK_AGAIN;
	pthread_mutex_unlock(&s->lock);
	return outcome;
}

/*
 * The helper's thread.
 */

void
kafka_settle_free(struct kafka_sink *s)
{
	struct kafka_settling *t = &s->settling;

	if (t->committed != NULL)
		rd_kafka_destroy(t->committed);
	if (t->all != NULL)
		rd_kafka_destroy(t->all);
	if (t->open != NULL)
		rd_kafka_topic_partition_list_destroy(t->open);
	t->committed = t->all = NULL;
	t->open = NULL;
}

/* Of our transactional.id, for a moment; NULL: the sink has failed. */
static rd_kafka_t *
make_producer(struct kafka_sink *s)
{
	char			 reason[512] = "";
	rd_kafka_conf_t *conf = kafka_conf_make_ender(s);
	rd_kafka_t		*rk = NULL;

	if (conf != NULL)
		rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
	if (rk == NULL)
	{
		if (conf != NULL)
			rd_kafka_conf_destroy(conf);
		kafka_fail(s, 1, "cannot make a producer: %s", reason);
	}
	return rk;
}

/* The ends as this consumer is told them, in the place of the offsets. */
static rd_kafka_resp_err_t
ask_ends(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_resp_err_t err;

	for (int i = 0; i < list->cnt; i++)
		list->elems[i].offset = RD_KAFKA_OFFSET_END;
	err = rd_kafka_offsets_for_times(rk, list, KAFKA_ANSWER_MS);
	for (int i = 0; i < list->cnt && err == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
	{
		/* A topic that is gone holds nothing. */
		if (list->elems[i].err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
			list->elems[i].err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
			list->elems[i].err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
			list->elems[i].offset = RD_KAFKA_OFFSET_INVALID;
		else
			err = list->elems[i].err;
	}
	return err;
}

/* The first record from there on; NULL: it cannot be read. */
static rd_kafka_message_t *
read_record(struct kafka_sink *s, const rd_kafka_topic_partition_t *p)
{
	rd_kafka_topic_t   *rkt = rd_kafka_topic_new(s->settling.all, p->topic,
												 NULL);
	rd_kafka_message_t *m = NULL;
	int64_t				until_ms = clock_monotonic_ms() + RECORD_MS;

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

/* The same record once more. */
static rd_kafka_resp_err_t
write_again(rd_kafka_t *rk, const rd_kafka_topic_partition_t *p,
			const rd_kafka_message_t *m)
{
	rd_kafka_headers_t *headers = NULL;
	rd_kafka_headers_t *copy = NULL;
	rd_kafka_resp_err_t err;

	if (rd_kafka_message_headers(m, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
		copy = rd_kafka_headers_copy(headers);
	err = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(p->topic),
							RD_KAFKA_V_PARTITION(p->partition),
							RD_KAFKA_V_KEY(m->key, m->key_len),
							RD_KAFKA_V_VALUE(m->payload, m->len),
							RD_KAFKA_V_HEADERS(copy),
							RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
							RD_KAFKA_V_END);
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR && copy != NULL)
		rd_kafka_headers_destroy(copy);
	return err;
}

/* False: with why, what this transaction was to end may still be open. */
static bool
abort_once(struct kafka_sink *s, rd_kafka_t *rk,
		   const rd_kafka_topic_partition_list_t *open, struct buf *why)
{
	rd_kafka_error_t   *error = rd_kafka_init_transactions(rk, END_MS);
	rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
	bool				good;

	if (error == NULL)
		error = rd_kafka_begin_transaction(rk);
	for (int i = 0; i < open->cnt && error == NULL && !err; i++)
	{
		rd_kafka_message_t *m = read_record(s, &open->elems[i]);

		err = m != NULL ? write_again(rk, &open->elems[i], m)
						: RD_KAFKA_RESP_ERR__TIMED_OUT;
		if (m != NULL)
			rd_kafka_message_destroy(m);
	}
	if (error == NULL && !err)
		err = rd_kafka_flush(rk, END_MS);
	if (error == NULL && !err)
		error = rd_kafka_abort_transaction(rk, END_MS);
	good = error == NULL && !err;
	if (!good)
		buf_puts(why, error != NULL ? rd_kafka_error_string(error)
									: rd_kafka_err2str(err));
	if (error != NULL)
		rd_kafka_error_destroy(error);
	return good;
}

/* What was ended last, by this process: not again, if it did not help. */
static atomic_uint_fast32_t ended;

static uint32_t
places(const rd_kafka_topic_partition_list_t *open)
{
	uint32_t hash = 1;

	for (int i = 0; i < open->cnt; i++)
	{
		const rd_kafka_topic_partition_t *p = &open->elems[i];

		hash = hash * 31 + hash_name(p->topic);
		hash = hash * 31 + (uint32_t) p->partition;
		hash = hash * 31 + (uint32_t) p->offset;
	}
	return hash;
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
	rd_kafka_t						 *rk = make_producer(s);

	if (rk == NULL)
		return; /* the sink has failed */
	if (abort_once(s, rk, open, &why))
	{
		atomic_store(&ended, places(open));
		kafka_fail(s, 1,
				   "Kafka has left a transaction open in our topics: aborted "
				   "as far as it is ours, in %d partitions, the first of them "
				   "topic %s partition %" PRId32 " offset %" PRId64,
				   open->cnt, first->topic, first->partition, first->offset);
	}
	else
		kafka_fail(s, 1,
				   "Kafka has left a transaction open in our topics (topic %s "
				   "partition %" PRId32 " offset %" PRId64
				   "), and to abort it "
				   "failed: %s",
				   first->topic, first->partition, first->offset,
				   buf_cstr(&why));
	rd_kafka_purge(rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	rd_kafka_destroy(rk);
	buf_free(&why);
}

/* Is what is open from there on none of ours to wait for? */
static bool
is_settled(struct kafka_sink *s, const rd_kafka_topic_partition_t *p)
{
	struct kafka_settling *t = &s->settling;
	char				   position[SINK_POSITION_SIZE];
	rd_kafka_message_t	  *m = read_record(s, p);

	if (m == NULL)
		return false;
	take_position(s, m, position);
	rd_kafka_message_destroy(m);
	if (position[0] == '\0')
		return true;
	if (strcmp(position, t->until) > 0)
		return false;
	log_warn("kafka",
			 "Kafka has not ended one of our transactions that is committed: "
			 "the next one ends it",
			 "topic=%s partition=%" PRId32 " offset=%" PRId64 " position=%s",
			 log_str(p->topic), p->partition, p->offset, position);
	return true;
}

/* It takes long: end it, or say for what we wait. */
static void
see_to(struct kafka_sink *s, const rd_kafka_topic_partition_list_t *open)
{
	struct kafka_settling *t = &s->settling;

	if (t->told || clock_monotonic_ms() - t->since_ms < s->recovery.slow_ms)
		return;
	t->told = true;
	if (atomic_load(&ended) != places(open))
	{
		end_open(s, open);
		return;
	}
	for (int i = 0; i < open->cnt; i++)
		log_warn("kafka",
				 "a transaction is open in a topic of ours, and it is not "
				 "ours: waiting until it has ended",
				 "topic=%s partition=%" PRId32 " start_offset=%" PRId64,
				 log_str(open->elems[i].topic), open->elems[i].partition,
				 open->elems[i].offset);
}

enum kafka_job_outcome
kafka_settle_go_on(struct kafka_sink *s)
{
	struct kafka_settling			*t = &s->settling;
	rd_kafka_topic_partition_list_t *stable;
	rd_kafka_topic_partition_list_t *open;
	rd_kafka_resp_err_t				 err;
	int								 nopen;

	if (t->since_ms == 0)
		t->since_ms = clock_monotonic_ms();
	if (t->all == NULL)
		t->all = kafka_recover_consumer(s, "read_uncommitted");
	if (t->committed == NULL)
		t->committed = kafka_recover_consumer(s, "read_committed");
	if (t->all == NULL || t->committed == NULL)
		return KAFKA_JOB_DONE; /* the sink has failed */

	/* Once: what others write later is not waited for. */
	if (!t->ends_known)
	{
		err = ask_ends(t->all, t->open);
		if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
			return kafka_recover_judge(s, err);
		t->ends_known = true;
	}
	stable = rd_kafka_topic_partition_list_copy(t->open);
	open = rd_kafka_topic_partition_list_new(1);
	err = ask_ends(t->committed, stable);
	for (int i = 0; i < stable->cnt && err == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
	{
		const rd_kafka_topic_partition_t *p = &stable->elems[i];
		rd_kafka_topic_partition_t		 *end = &t->open->elems[i];

		if (p->offset >= 0 && p->offset < end->offset && !is_settled(s, p))
			rd_kafka_topic_partition_list_add(open, p->topic, p->partition)
				->offset = p->offset;
		else
			end->offset = RD_KAFKA_OFFSET_INVALID;
	}
	nopen = open->cnt;
	if (nopen > 0 && err == RD_KAFKA_RESP_ERR_NO_ERROR)
		see_to(s, open);
	rd_kafka_topic_partition_list_destroy(open);
	rd_kafka_topic_partition_list_destroy(stable);
	if (s->failed)
		return KAFKA_JOB_DONE;
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
		return kafka_recover_judge(s, err);
	return nopen == 0 ? KAFKA_JOB_DONE : KAFKA_JOB_LATER;
}
