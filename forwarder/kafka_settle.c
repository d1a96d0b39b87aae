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
 * it, as it should.  What is beyond was aborted: then we wait until somebody
 * has ended it.  We cannot, for want of a call in librdkafka.  What is no record
 * of ours is somebody else's transaction, and of no concern.
 *
 * Where the last stable offset is (Kafka's word for where the first open
 * transaction begins), a consumer of committed records is told, as the end;
 * one that reads all is told the real end.
 */
#include "kafka_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"

/* How long the record at an offset is waited for. */
#define RECORD_MS 5000

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

/* The position of the record there, "" if it has none; false: unknown. */
static bool
read_position(struct kafka_sink *s, const rd_kafka_topic_partition_t *p,
			  char position[SINK_POSITION_SIZE])
{
	rd_kafka_topic_t   *rkt = rd_kafka_topic_new(s->settling.all, p->topic,
												 NULL);
	rd_kafka_message_t *m = NULL;
	int64_t				until_ms = clock_monotonic_ms() + RECORD_MS;
	bool				known = false;

	position[0] = '\0';
	if (rkt == NULL ||
		rd_kafka_consume_start(rkt, p->partition, p->offset) != 0)
	{
		if (rkt != NULL)
			rd_kafka_topic_destroy(rkt);
		return false;
	}
	while (m == NULL && clock_monotonic_ms() < until_ms &&
		   !kafka_helper_is_stopping(s))
		m = rd_kafka_consume(rkt, p->partition, 100);
	if (m != NULL && m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		rd_kafka_headers_t *headers;
		const void		   *value;
		size_t				len;

		known = true;
		if (rd_kafka_message_headers(m, &headers) ==
				RD_KAFKA_RESP_ERR_NO_ERROR &&
			rd_kafka_header_get_last(headers, s->settling.header, &value,
									 &len) == RD_KAFKA_RESP_ERR_NO_ERROR &&
			len < SINK_POSITION_SIZE)
		{
			memcpy(position, value, len);
			position[len] = '\0';
		}
	}
	if (m != NULL)
		rd_kafka_message_destroy(m);
	rd_kafka_consume_stop(rkt, p->partition);
	rd_kafka_topic_destroy(rkt);
	return known;
}

/*
 * Where something is open from 'p' on, before 'end': is it none of ours to wait
 * for?  Tells of it, once.
 */
static bool
is_settled(struct kafka_sink *s, const rd_kafka_topic_partition_t *p,
		   rd_kafka_topic_partition_t *end)
{
	struct kafka_settling *t = &s->settling;
	char				   position[SINK_POSITION_SIZE];
	bool				   known = read_position(s, p, position);

	if (known && position[0] == '\0')
		return true;
	if (known && strcmp(position, t->until) <= 0)
	{
		log_warn("kafka",
				 "Kafka has not ended one of our transactions that is "
				 "committed: the next one ends it",
				 "topic=%s partition=%" PRId32 " offset=%" PRId64
				 " position=%s",
				 log_str(p->topic), p->partition, p->offset, position);
		return true;
	}
	if (end->opaque == NULL &&
		clock_monotonic_ms() - t->since_ms >= s->recovery.slow_ms)
	{
		end->opaque = end; /* told */
		log_warn("kafka",
				 "Kafka has not ended an aborted transaction: waiting until "
				 "somebody does, by kafka-transactions.sh abort, for its "
				 "records would become visible with ours",
				 "topic=%s partition=%" PRId32 " start_offset=%" PRId64
				 " position=%s stored=%s",
				 log_str(p->topic), p->partition, p->offset,
				 known ? position : "unknown", t->until);
	}
	return false;
}

enum kafka_job_outcome
kafka_settle_go_on(struct kafka_sink *s)
{
	struct kafka_settling			*t = &s->settling;
	rd_kafka_topic_partition_list_t *stable;
	rd_kafka_resp_err_t				 err;
	int								 open = 0;

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
	err = ask_ends(t->committed, stable);
	for (int i = 0; i < stable->cnt && err == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
	{
		rd_kafka_topic_partition_t *end = &t->open->elems[i];

		if (stable->elems[i].offset >= 0 &&
			stable->elems[i].offset < end->offset &&
			!is_settled(s, &stable->elems[i], end))
			open++;
		else
			end->offset = RD_KAFKA_OFFSET_INVALID;
	}
	rd_kafka_topic_partition_list_destroy(stable);
	if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
		return kafka_recover_judge(s, err);
	return open == 0 ? KAFKA_JOB_DONE : KAFKA_JOB_LATER;
}
