/*
 * sink_kafka.c - records into Apache Kafka by librdkafka; see sink.h for the
 * contract and kafka_impl.h for the other files.
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
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "clock.h"
#include "fault.h"
#include "kafka_impl.h"
#include "log.h"
#include "mem.h"

/* Nothing was reported for so long: is anybody there? */
#define STALL_PROBE_MS 5000
#define STALL_WARN_MS 30000

/*
 * A record was refused, as librdkafka's fatal state says at once; the report
 * that says which and why follows, at the latest so long after.
 */
#define REFUSAL_MS 5000

/*
 * What librdkafka needs for a record beside its bytes, roughly: its own
 * structure, headers, and a share of the request that carries it.
 */
#define RECORD_OVERHEAD 400

#define REPORTS_AT_ONCE 256

/* A larger record waits with its owner, where it is held once. */
#define STAGED_RECORD_MAX (INT64_C(1) << 20)

/* No record has more. */
#define STAGED_HEADERS_MAX 16

/* Bytes that may wait for a commit, where max.queue.size.in.bytes is 0. */
#define STAGED_MAX (INT64_C(16) << 20)

static uint32_t
kafka_topic(struct sink *sink, const char *name)
{
	return kafka_topic_number((struct kafka_sink *) sink, name);
}

static enum sink_outcome
kafka_partitions(struct sink *sink, uint32_t topic, int32_t *count)
{
	struct kafka_sink *s = (struct kafka_sink *) sink;
	enum sink_outcome  outcome = kafka_topic_require(s, s->topics[topic]);

	if (outcome == SINK_DONE)
		*count = s->topics[topic]->partitions;
	return outcome;
}

/*
 * Records.
 */

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
			if (!kafka_fail_is_fatal(s))
			{
				await_refusal(s);
				return SINK_AGAIN;
			}
			kafka_fail_fatal(s);
			return SINK_FAILED;
		case RD_KAFKA_RESP_ERR__STATE:

			/* The transaction has failed meanwhile. */
			if (kafka_txn_used(s))
			{
				kafka_txn_broken(s);
				return SINK_FAILED;
			}
			/* FALLTHROUGH */
		default:
			kafka_fail_record(s, err, t->name,
							  record->key_len + record->value_len);
			return SINK_FAILED;
	}
}

/* Hand a record to librdkafka. */
static enum sink_outcome
produce(struct kafka_sink *s, const struct sink_record *record,
		uint64_t ticket)
{
	struct topic	   *t = s->topics[record->topic];
	rd_kafka_headers_t *headers = NULL;
	rd_kafka_resp_err_t err;

	FAULT_POINT("before_submit");
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
	if (s->outstanding++ == 0)
		s->reported_ms = clock_monotonic_ms();
	FAULT_POINT("record_submitted");
	return SINK_DONE;
}

/* What waited for a commit goes first. */
static enum sink_outcome
produce_staged(struct kafka_sink *s)
{
	struct sink_header headers[STAGED_HEADERS_MAX];
	struct sink_record record;
	uint64_t		   ticket;

	while (kafka_txn_staged(s, &record, headers, STAGED_HEADERS_MAX, &ticket))
	{
		enum sink_outcome outcome;

		switch (kafka_txn_enter(s))
		{
			case KAFKA_TXN_OPEN:
				break;
			case KAFKA_TXN_COMMITTING:
				return SINK_AGAIN;
			case KAFKA_TXN_NONE:
				return SINK_FAILED;
		}
		outcome = produce(s, &record, ticket);
		if (outcome != SINK_DONE)
			return outcome;
		kafka_txn_unstage(s);
	}
	return SINK_DONE;
}

static int64_t
size_of(const struct sink_record *record)
{
	return (int64_t) (record->key_len + record->value_len) + RECORD_OVERHEAD;
}

/*
 * What waits for a commit has a room of its own: librdkafka's is full of what
 * is being committed.
 */
static bool
has_room(const struct kafka_sink *s, int64_t bytes)
{
	int64_t max = s->max_bytes;
	int64_t used = s->queued_bytes;

	if (kafka_txn_used(s) && s->txn.state == KAFKA_TXN_COMMITTING)
	{
		/* Here librdkafka sets no limit. */
		used = kafka_txn_staged_bytes(s);
		if (max == 0)
			max = STAGED_MAX;
	}
	return max == 0 || used == 0 || used + bytes <= max;
}

static enum sink_outcome
submit_in_transaction(struct kafka_sink *s, const struct sink_record *record,
					  uint64_t ticket)
{
	enum sink_outcome outcome = produce_staged(s);

	if (outcome == SINK_DONE)
	{
		switch (kafka_txn_enter(s))
		{
			case KAFKA_TXN_OPEN:
				return produce(s, record, ticket);
			case KAFKA_TXN_COMMITTING:
				break;
			case KAFKA_TXN_NONE:
				return SINK_FAILED;
		}
	}
	else if (outcome == SINK_FAILED)
		return outcome;
	if (size_of(record) > STAGED_RECORD_MAX)
		return SINK_AGAIN;
	if (record->nheaders > STAGED_HEADERS_MAX)
		return refuse_record(s, record, RD_KAFKA_RESP_ERR__INVALID_ARG);
	kafka_txn_stage(s, record, ticket);
	FAULT_POINT("record_staged");
	return SINK_DONE;
}

/* Outside transactions, which fail as a whole. */
static enum sink_outcome
submit_by_itself(struct kafka_sink *s, const struct sink_record *record,
				 uint64_t ticket)
{
	struct partition *p = &s->topics[record->topic]
							   ->partition[record->partition];
	enum sink_outcome outcome;

	if (p->state == PARTITION_FIRST)
		return SINK_AGAIN;
	if (s->period - p->used > 1)
		p->state = PARTITION_NEW;
	outcome = produce(s, record, ticket);
	if (outcome == SINK_DONE)
	{
		p->used = s->period;
		if (p->state == PARTITION_NEW)
		{
			p->state = PARTITION_FIRST;
			s->nfirst++;
		}
	}
	return outcome;
}

/* All of sink_submit() but the question whether there is room. */
static enum sink_outcome
submit(struct kafka_sink *s, const struct sink_record *record, uint64_t ticket)
{
	struct topic	 *t = s->topics[record->topic];
	enum sink_outcome outcome;

	if (t->rkt == NULL)
	{
		outcome = kafka_topic_require(s, t);
		if (outcome != SINK_DONE)
			return outcome;
	}
	if (s->failed)
		return SINK_FAILED;
	if (record->partition < 0 || record->partition >= t->partitions)
		return refuse_record(s, record, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION);
	if (kafka_txn_used(s))
		outcome = submit_in_transaction(s, record, ticket);
	else
		outcome = submit_by_itself(s, record, ticket);
	if (outcome == SINK_DONE)
		s->queued_bytes += size_of(record);
	return outcome;
}

static enum sink_outcome
kafka_submit(struct sink *sink, const struct sink_record *record,
			 uint64_t ticket)
{
	struct kafka_sink *s = (struct kafka_sink *) sink;

	if (!has_room(s, size_of(record)))
		return SINK_AGAIN;
	return submit(s, record, ticket);
}

static enum sink_outcome
kafka_commit(struct sink *sink, const struct sink_record *last,
			 uint64_t ticket)
{
	struct kafka_sink *s = (struct kafka_sink *) sink;
	enum sink_outcome  outcome;

	if (s->failed)
		return SINK_FAILED;
	if (!kafka_txn_used(s))
		return submit(s, last, ticket);
	if (s->txn.state == KAFKA_TXN_COMMITTING)
		return SINK_AGAIN;
	outcome = produce_staged(s);
	if (outcome == SINK_DONE && s->txn.state == KAFKA_TXN_OPEN &&
		FAULT_BUG("position_not_in_transaction"))
	{
		kafka_txn_commit(s, ticket, last->key_len + last->value_len);
		kafka_txn_stage(s, last, ticket);
		s->queued_bytes += size_of(last);
		return SINK_DONE;
	}

	/* It makes room, so it does not wait for any. */
	if (outcome == SINK_DONE)
		outcome = submit(s, last, ticket);
	if (outcome == SINK_DONE)
	{
		FAULT_POINT("position_submitted");
		kafka_txn_commit(s, ticket, last->key_len + last->value_len);
	}
	return outcome;
}

static enum sink_outcome
settle(struct sink *sink, const struct sink_written *written)
{
	return kafka_settle((struct kafka_sink *) sink, written);
}

static enum sink_outcome
kafka_recover(struct sink *sink, sink_stored_fn fn, void *arg)
{
	return kafka_recover_take((struct kafka_sink *) sink, fn, arg);
}

/*
 * Reports.
 */

/* The broker knows us in the partition of 'm' now. */
static void
leave_first(struct kafka_sink *s, const rd_kafka_message_t *m)
{
	struct topic
		*t = s->topics[kafka_topic_number(s, rd_kafka_topic_name(m->rkt))];
	struct partition *p = &t->partition[m->partition];

	if (p->state == PARTITION_FIRST)
	{
		p->state = PARTITION_KNOWN;
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
		kafka_fail_fatal(s);
	if (!s->failed)
		return;
	for (size_t i = 0; i < s->nheld; i++)
		s->report(s->arg, s->held[i].ticket, 1, s->held[i].bytes, false,
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
			bool delivered = m->err == RD_KAFKA_RESP_ERR_NO_ERROR ||
							 FAULT_BUG("ignore_failed_report");

			s->outstanding--;
			s->queued_bytes -= (int64_t) bytes + RECORD_OVERHEAD;
			if (delivered)
			{
				delivered_any = true;
				if (s->nfirst > 0)
					leave_first(s, m);
				if (kafka_txn_used(s))
				{
					kafka_txn_delivered(s, (uint64_t) (uintptr_t) m->_private,
										bytes);
					continue;
				}
			}
			else if (kafka_txn_used(s) && is_consequence(m->err))
			{
				kafka_txn_broken(s);
				continue;
			}
			else if (kafka_fail_is_fatal(s))
				kafka_fail_fatal(s);
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
				kafka_fail_record(s, m->err, rd_kafka_topic_name(m->rkt),
								  bytes);
			s->report(s->arg, (uint64_t) (uintptr_t) m->_private, 1, bytes,
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
		kafka_link_up(s);
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
		if (kafka_fail_is_fatal(s))
			kafka_fail_fatal(s);
		else
			await_refusal(s);
		return;
	}
	switch (err)
	{
		case RD_KAFKA_RESP_ERR__AUTHENTICATION:
			if (kafka_fail_is_cut_off(reason))
				kafka_link_doubt(s);
			else
				kafka_fail_authentication(s, reason);
			break;
		case RD_KAFKA_RESP_ERR__SSL:

			/* A broker that goes down in a handshake is no reason to stop. */
			if (strstr(reason, "certificate") != NULL)
				kafka_fail(
					s, 4,
					"no trusted connection to Kafka: %s: check "
					"ssl.truststore.location and the broker's certificate",
					reason);
			else
				kafka_link_doubt(s);
			break;
		default:

			/*
			 * Lost connections are librdkafka's business.  Only where nobody
			 * answers any more is it worth a line.
			 */
			log_debug("kafka", "trouble", "error=%s", log_str(reason));
			kafka_link_doubt(s);
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
		kafka_link_doubt(s);
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
	s->period = clock_monotonic_ms() / s->idle_ms;

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
	if (kafka_txn_used(s))
	{
		served += (int) kafka_txn_poll(s);
		if (!s->failed)
			(void) produce_staged(s);
	}
	watch_stall(s);
	return served;
}

static bool
kafka_is_full(struct sink *sink)
{
	struct kafka_sink *s = (struct kafka_sink *) sink;

	return s->max_bytes > 0 && s->queued_bytes >= s->max_bytes;
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

static bool
kafka_gave_up(struct sink *sink)
{
	struct kafka_sink *s = (struct kafka_sink *) sink;

	return s->failed && s->gave_up;
}

static int64_t
kafka_ended_ms(struct sink *sink)
{
	return atomic_load(&((struct kafka_sink *) sink)->settling.ended_ms);
}

static void
kafka_free(struct sink *sink)
{
	struct kafka_sink *s = (struct kafka_sink *) sink;

	/*
	 * Nothing of this may follow what a successor sends, even if librdkafka
	 * outlives us for a while.
	 */
	rd_kafka_purge(s->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
							  RD_KAFKA_PURGE_F_NON_BLOCKING);
	kafka_helper_stop(s);
}

static const struct sink_ops ops = {
	.name = "kafka",
	.topic = kafka_topic,
	.partitions = kafka_partitions,
	.submit = kafka_submit,
	.recover = kafka_recover,
	.settle = settle,
	.commit = kafka_commit,
	.is_full = kafka_is_full,
	.fd = kafka_fd,
	.poll = kafka_poll,
	.connected = kafka_connected,
	.error = kafka_error,
	.exit_code = kafka_exit_code,
	.gave_up = kafka_gave_up,
	.ended_ms = kafka_ended_ms,
	.free = kafka_free,
};

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
sink_kafka_new(const struct config *config, const struct sink_store *store,
			   sink_report_fn report, void *arg)
{
	static const uint64_t one = 1;
	struct kafka_sink	 *s = mem_zalloc(1, sizeof(*s));
	rd_kafka_conf_t		 *conf;
	char				  reason[512];

	s->base.ops = &ops;
	s->config = config;
	s->report = report;
	s->arg = arg;
	s->servers = kafka_copy("?");
	s->user = kafka_copy("<principal>");
	s->max_bytes = config_int(config, "max.queue.size.in.bytes");
	s->max_retries = config_int(config, "errors.max.retries");
	s->backoff_first_ms = config_int(config,
									 "retriable.restart.connector.wait.ms");
	s->backoff_max_ms = config_int(config, "walferry.retry.backoff.max.ms");
	s->exit_code = 1;
	s->idle_ms = PARTITION_IDLE_MS;
	s->slow_ms = KAFKA_SLOW_MS;
	if (store != NULL)
	{
		s->recovery.topic = kafka_copy(store->topic);
		s->again = s->recovery.settings_told = store->again;
		atomic_init(&s->settling.ended_ms, store->ended_ms);
		if (store->transactional_id != NULL)
			s->txn.id = kafka_copy(store->transactional_id);
	}
	init_locks(s);
	s->efd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (s->efd < 0)
	{
		log_error("kafka", "cannot make an eventfd", "error=%s",
				  log_str(strerror(errno)));
		goto failed;
	}
	conf = kafka_conf_make(s);
	if (conf == NULL)
		goto failed;
	s->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
	if (s->rk == NULL)
	{
		log_error("kafka", "cannot make a producer", "error=%s librdkafka=%s",
				  log_str(reason), rd_kafka_version_str());

		/*
		 * Before 2.13.0 the interceptors in it are freed by now, and would be
		 * freed again.  Rather leave all of it to the end of the program.
		 */
		if (!kafka_txn_used(s) || rd_kafka_version() >= 0x020d00ff)
			rd_kafka_conf_destroy(conf);
		goto failed;
	}
	s->queue = rd_kafka_queue_get_main(s->rk);
	rd_kafka_queue_io_event_enable(s->queue, s->efd, &one, sizeof(one));
	s->probe = true;
	if (!kafka_helper_start(s))
	{
		rd_kafka_queue_destroy(s->queue);
		rd_kafka_destroy(s->rk);
		goto failed;
	}
	return &s->base;

failed:
	kafka_helper_free(s);
	return NULL;
}
