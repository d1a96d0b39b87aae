/* links: sink_kafka kafka_conf kafka_fail kafka_helper kafka_link kafka_recover kafka_settle
 * links: kafka_topic kafka_txn buf log */
/* libs: rdkafka */
/*
 * Transactions of the Kafka sink, and its store, against librdkafka's own mock
 * cluster.
 *
 * The mock answers for a transaction coordinator, and that is all: it writes
 * no markers, so that a reader never sees that anything was aborted, and gives
 * each producer an id of its own, so that nobody is fenced.  What a broker
 * says in these cases is put into its mouth here; t/ has the real ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "../../forwarder/config.h"
#include "../../forwarder/kafka_impl.h"
#include "../../forwarder/log.h"
#include "../../forwarder/sink.h"
#include "captured_log.h"

#define PATIENCE_MS 30000
#define REPORTS 4096
#define STORE "offsets"
#define LAST 0 /* ticket of the record that is given to sink_commit() */

/* ApiKeys of the protocol. */
#define PRODUCE 0
#define FETCH 1
#define INIT_PRODUCER_ID 22
#define ADD_PARTITIONS_TO_TXN 24
#define END_TXN 26

struct config
{
	struct config_setting settings[8];
	size_t				  nsettings;
	int64_t				  max_bytes;
};

const struct config_setting *
config_kafka_settings(const struct config *c, size_t *n)
{
	*n = c->nsettings;
	return c->settings;
}

int64_t
config_int(const struct config *c, const char *name)
{
	if (strcmp(name, "max.queue.size.in.bytes") == 0)
		return c->max_bytes;
	if (strcmp(name, "errors.max.retries") == 0)
		return -1;
	assert_true(strcmp(name, "retriable.restart.connector.wait.ms") == 0 ||
				strcmp(name, "walferry.retry.backoff.max.ms") == 0);
	return 50;
}

bool
config_bool(const struct config *c, const char *name)
{
	(void) c;
	assert_string_equal(name, "topic.creation.enable");
	return true;
}

void
config_topic_creation(const struct config *c, const char *topic,
					  struct config_topic *out)
{
	(void) c;
	(void) topic;
	*out = (struct config_topic){.partitions = -1, .replication_factor = -1};
}

/* A cluster with topics t (two partitions) and the store, and a sink on it. */
struct bench
{
	rd_kafka_t				*rk;
	rd_kafka_mock_cluster_t *cluster;
	struct config			 config;
	struct sink				*sink;
	uint32_t				 topic; /* t */
	uint32_t				 store;
	uint64_t				 reports[REPORTS]; /* tickets, in order */
	size_t					 nreports;
	uint64_t				 lasts; /* of LAST */
	size_t					 bytes;
	uint64_t				 undelivered;

	/* what sink_recover() gave */
	uint64_t recovered;
	uint64_t recovered_bytes;
	uint64_t tombstones;
	bool	 in_order; /* keys "00000", "00001" ... */
	uint64_t calls;
};

static void
report(void *arg, uint64_t ticket, uint64_t records, size_t bytes,
	   bool delivered, const char *error)
{
	struct bench *b = arg;

	assert_true(delivered == (error == NULL));
	if (!delivered)
	{
		b->undelivered += records;
		return;
	}
	for (uint64_t i = 0; i < records; i++)
	{
		assert_true(b->nreports < REPORTS);
		b->reports[b->nreports++] = ticket;
	}
	b->lasts += ticket == LAST;
	b->bytes += bytes;
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
add_setting(struct bench *b, const char *name, const char *value)
{
	b->config.settings[b->config.nsettings++] =
		(struct config_setting){.name = name, .value = value};
}

static int
set_up(void **state)
{
	struct bench	*b = calloc(1, sizeof(*b));
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char			 reason[256];

	log_set_level(LOG_LEVEL_ERROR);
	assert_non_null(b);
	rd_kafka_conf_set(conf, "log_level", "0", NULL, 0);
	b->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
	assert_non_null(b->rk);
	b->cluster = rd_kafka_mock_cluster_new(b->rk, 1);
	assert_non_null(b->cluster);
	assert_int_equal(rd_kafka_mock_topic_create(b->cluster, "t", 2, 1), 0);
	assert_int_equal(rd_kafka_mock_topic_create(b->cluster, STORE, 1, 1), 0);
	b->config.max_bytes = 8 << 20;
	add_setting(b, "bootstrap.servers",
				rd_kafka_mock_cluster_bootstraps(b->cluster));
	*state = b;
	return 0;
}

static int
tear_down(void **state)
{
	struct bench *b = *state;

	captured_log_end();
	sink_free(b->sink);
	rd_kafka_mock_cluster_destroy(b->cluster);
	rd_kafka_destroy(b->rk);
	free(b);
	return 0;
}

/* Serve the sink as the loop does, by its descriptor. */
static void
serve(struct bench *b, int timeout_ms)
{
	struct pollfd pfd = {.fd = sink_fd(b->sink), .events = POLLIN};

	(void) poll(&pfd, 1, timeout_ms);
	sink_poll(b->sink, 0);
}

#define wait_until(b, condition)                                   \
	do                                                             \
	{                                                              \
		int64_t until_ms = now_ms() + PATIENCE_MS;                 \
		while (!(condition))                                       \
		{                                                          \
			if (now_ms() > until_ms)                               \
				fail_msg("waited in vain for %s (%s)", #condition, \
						 sink_error((b)->sink));                   \
			serve((b), 100);                                       \
		}                                                          \
	} while (0)

static void
on_stored(void *arg, const void *key, size_t key_len, const void *value,
		  size_t value_len)
{
	struct bench *b = arg;
	char		  want[16];

	snprintf(want, sizeof(want), "%05" PRIu64, b->recovered);
	if (key_len != 5 || memcmp(key, want, 5) != 0)
		b->in_order = false;
	b->recovered++;
	b->recovered_bytes += key_len + value_len;
	b->tombstones += value == NULL;
}

/* One call, with what it gave. */
static enum sink_outcome
recover(struct bench *b)
{
	enum sink_outcome outcome = sink_recover(b->sink, on_stored, b);

	b->calls++;
	return outcome;
}

static void
open_sink(struct bench *b)
{
	const struct sink_store store = {.topic = STORE,
									 .transactional_id = "p.slot"};

	b->recovered = b->recovered_bytes = b->tombstones = b->calls = 0;
	b->in_order = true;
	b->nreports = b->lasts = b->bytes = 0;
	b->sink = sink_kafka_new(&b->config, &store, report, b);
	assert_non_null(b->sink);
}

/* A sink that has recovered, and both topics. */
static void
open_recovered(struct bench *b)
{
	int32_t count;

	open_sink(b);
	wait_until(b, recover(b) == SINK_DONE);
	b->topic = sink_topic(b->sink, "t");
	b->store = sink_topic(b->sink, STORE);
	wait_until(b, sink_partitions(b->sink, b->topic, &count) == SINK_DONE);
	assert_int_equal(count, 2);
}

static void
close_sink(struct bench *b)
{
	sink_free(b->sink);
	b->sink = NULL;
}

static enum sink_outcome
submit(struct bench *b, int32_t partition, uint64_t ticket)
{
	char					 key[24];
	const struct sink_header header = {"n", key, strlen("n")};
	const struct sink_record record =
		{.topic = b->topic,
		 .partition = partition,
		 .key = key,
		 .key_len = (size_t) snprintf(key, sizeof(key), "%" PRIu64, ticket),
		 .value = ticket % 5 ? "value" : NULL,
		 .value_len = ticket % 5 ? 5 : 0,
		 .headers = &header,
		 .nheaders = 1};

	return sink_submit(b->sink, &record, ticket);
}

static void
must_submit(struct bench *b, int32_t partition, uint64_t ticket)
{
	assert_int_equal(submit(b, partition, ticket), SINK_DONE);
}

static enum sink_outcome
commit(struct bench *b, const char *key)
{
	const struct sink_record last = {.topic = b->store,
									 .key = key,
									 .key_len = strlen(key),
									 .value = "last",
									 .value_len = 4};

	return sink_commit(b->sink, &last, LAST);
}

static void
must_commit(struct bench *b, const char *key)
{
	assert_int_equal(commit(b, key), SINK_DONE);
}

/* What partition 'partition' of a topic holds: its keys, with blanks. */
static void
read_keys(struct bench *b, const char *topic, int32_t partition, char *keys,
		  size_t size)
{
	rd_kafka_conf_t	 *conf = rd_kafka_conf_new();
	int64_t			  until_ms = now_ms() + PATIENCE_MS;
	size_t			  n = 0;
	bool			  end = false;
	rd_kafka_topic_t *rkt;
	rd_kafka_t		 *rk;

	rd_kafka_conf_set(conf, "bootstrap.servers",
					  rd_kafka_mock_cluster_bootstraps(b->cluster), NULL, 0);
	rd_kafka_conf_set(conf, "enable.partition.eof", "true", NULL, 0);
	rd_kafka_conf_set(conf, "log_level", "0", NULL, 0);
	rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, NULL, 0);
	assert_non_null(rk);
	rkt = rd_kafka_topic_new(rk, topic, NULL);
	assert_int_equal(rd_kafka_consume_start(rkt, partition,
											RD_KAFKA_OFFSET_BEGINNING),
					 0);
	keys[0] = '\0';
	while (!end && now_ms() < until_ms)
	{
		rd_kafka_message_t *m = rd_kafka_consume(rkt, partition, 200);

		if (m != NULL && m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
			n += (size_t) snprintf(keys + n, size - n, "%s%.*s",
								   n > 0 ? " " : "", (int) m->key_len,
								   (const char *) m->key);
		end = m != NULL && m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
		if (m != NULL)
			rd_kafka_message_destroy(m);
		assert_true(n < size);
	}
	assert_true(end);
	rd_kafka_consume_stop(rkt, partition);
	rd_kafka_topic_destroy(rkt);
	rd_kafka_destroy(rk);
}

static void
assert_keys(struct bench *b, const char *topic, int32_t partition,
			const char *want)
{
	char keys[8192];

	read_keys(b, topic, partition, keys, sizeof(keys));
	assert_string_equal(keys, want);
}

static void
assert_error(struct bench *b, int exit_code, const char *text)
{
	assert_int_equal(sink_exit_code(b->sink), exit_code);
	if (strstr(sink_error(b->sink), text) == NULL)
		fail_msg("\"%s\" not in: \"%s\"", text, sink_error(b->sink));
}

/* The records are there long before anybody hears of it. */
static void
txn_reports_nothing_before_the_commit(void **state)
{
	struct bench *b = *state;
	char		  keys[64] = "";
	int64_t		  end_ms = now_ms() + PATIENCE_MS;

	open_recovered(b);
	for (uint64_t i = 1; i <= 3; i++)
		must_submit(b, 0, i);
	while (strcmp(keys, "1 2 3") != 0 && now_ms() < end_ms)
	{
		serve(b, 10);
		read_keys(b, "t", 0, keys, sizeof(keys));
	}
	assert_string_equal(keys, "1 2 3");
	for (int i = 0; i < 10; i++)
		serve(b, 10);
	assert_int_equal(b->nreports, 0);

	must_commit(b, "a");
	wait_until(b, b->lasts == 1);
	assert_int_equal(b->nreports, 4);
	assert_keys(b, STORE, 0, "a");
	assert_string_equal(sink_error(b->sink), "");
}

/* Bytes too: keys and values of the three, and of the last record. */
static void
txn_reports_the_last_record_last(void **state)
{
	struct bench *b = *state;

	open_recovered(b);
	for (uint64_t i = 1; i <= 200; i++)
		must_submit(b, (int32_t) i % 2, 7 + i / 50);
	must_commit(b, "a");
	wait_until(b, b->nreports == 201);
	for (size_t i = 0; i < 200; i++)
		assert_in_range(b->reports[i], 7, 11);
	assert_int_equal(b->reports[200], LAST);
	assert_int_equal(b->lasts, 1);

	/* Keys of one digit or two; each fifth ticket is a tombstone's. */
	assert_int_equal(b->bytes, 49 * (1 + 5) + 50 * (1 + 5) + 50 * (1 + 5) +
								   50 * 2 + 1 * (2 + 5) + 1 + 4);
}

/* A record that has the ticket of the last one is not taken for it. */
static void
txn_reports_each_record_of_one_ticket(void **state)
{
	struct bench *b = *state;

	open_recovered(b);
	must_submit(b, 0, LAST);
	must_submit(b, 1, LAST);
	must_commit(b, "a");
	wait_until(b, b->nreports == 3);
	serve(b, 10);
	assert_int_equal(b->nreports, 3);
}

/* Have the coordinator answer late. */
static void
slow_down(struct bench *b, int16_t api_key, int ms)
{
	rd_kafka_mock_broker_push_request_error_rtts(b->cluster, 1, api_key, 1,
												 RD_KAFKA_RESP_ERR_NO_ERROR,
												 ms);
}

static void
txn_takes_records_of_the_next_one_while_it_commits(void **state)
{
	struct bench *b = *state;

	open_recovered(b);
	slow_down(b, END_TXN, 700);
	must_submit(b, 0, 1);
	must_commit(b, "a");
	for (uint64_t i = 2; i <= 9; i++)
		must_submit(b, 0, i);
	assert_int_equal(b->nreports, 0);
	wait_until(b, b->lasts == 1);

	/* Only the one that was committed. */
	assert_int_equal(b->nreports, 2);
	assert_int_equal(b->reports[0], 1);
	serve(b, 50);
	assert_int_equal(b->nreports, 2);

	/* What waited goes before what comes now. */
	must_submit(b, 0, 10);
	must_commit(b, "b");
	wait_until(b, b->lasts == 2);
	assert_int_equal(b->nreports, 12);
	for (size_t i = 2; i < 11; i++)
		assert_int_equal(b->reports[i], i);
	assert_keys(b, "t", 0, "1 2 3 4 5 6 7 8 9 10");
	assert_keys(b, STORE, 0, "a b");
}

/* None but staged ones, with all that belongs to a record. */
static void
txn_keeps_a_staged_record_as_it_is(void **state)
{
	struct bench	   *b = *state;
	rd_kafka_conf_t	   *conf = rd_kafka_conf_new();
	rd_kafka_message_t *m = NULL;
	rd_kafka_headers_t *headers;
	const void		   *header;
	size_t				size;
	rd_kafka_topic_t   *rkt;
	rd_kafka_t		   *rk;

	open_recovered(b);
	slow_down(b, END_TXN, 300);
	must_commit(b, "a");
	must_submit(b, 1, 5); /* a tombstone */
	must_submit(b, 1, 6);
	wait_until(b, b->lasts == 1);
	must_commit(b, "b");
	wait_until(b, b->lasts == 2);
	assert_int_equal(b->nreports, 4);

	rd_kafka_conf_set(conf, "bootstrap.servers",
					  rd_kafka_mock_cluster_bootstraps(b->cluster), NULL, 0);
	rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, NULL, 0);
	rkt = rd_kafka_topic_new(rk, "t", NULL);
	rd_kafka_consume_start(rkt, 1, RD_KAFKA_OFFSET_BEGINNING);
	for (int i = 5; i <= 6; i++)
	{
		int64_t until_ms = now_ms() + PATIENCE_MS;

		while ((m = rd_kafka_consume(rkt, 1, 200)) == NULL)
			assert_true(now_ms() < until_ms);
		assert_int_equal(m->err, 0);
		assert_int_equal(m->key_len, 1);
		assert_int_equal(*(char *) m->key, '0' + i);
		if (i == 5)
			assert_null(m->payload);
		else
			assert_memory_equal(m->payload, "value", 5);
		assert_int_equal(rd_kafka_message_headers(m, &headers), 0);
		assert_int_equal(rd_kafka_header_get_last(headers, "n", &header,
												  &size),
						 0);
		assert_int_equal(size, 1);
		assert_int_equal(*(const char *) header, '0' + i);
		rd_kafka_message_destroy(m);
	}
	rd_kafka_consume_stop(rkt, 1);
	rd_kafka_topic_destroy(rkt);
	rd_kafka_destroy(rk);
}

static void
txn_refuses_a_second_commit_until_the_first_is_through(void **state)
{
	struct bench *b = *state;

	open_recovered(b);
	slow_down(b, END_TXN, 300);
	must_submit(b, 0, 1);
	must_commit(b, "a");
	assert_int_equal(commit(b, "b"), SINK_AGAIN);
	must_submit(b, 0, 2);
	for (int i = 0; i < 3; i++)
		assert_int_equal(commit(b, "b"), SINK_AGAIN);
	wait_until(b, b->lasts == 1);
	must_commit(b, "c");
	wait_until(b, b->lasts == 2);
	assert_keys(b, STORE, 0, "a c");
	assert_keys(b, "t", 0, "1 2");
	assert_int_equal(b->nreports, 4);
}

/* What is staged counts against the same bound as what is sent. */
static void
txn_holds_no_more_than_it_may_while_it_commits(void **state)
{
	struct bench *b = *state;
	uint64_t	  taken = 0;

	b->config.max_bytes = 20000;
	open_recovered(b);
	slow_down(b, END_TXN, 1000);
	must_submit(b, 0, 1);
	must_commit(b, "a");
	while (submit(b, 0, taken + 2) == SINK_DONE)
		assert_true(++taken < 1000);
	assert_true(taken > 20);
	wait_until(b, b->lasts == 1);
	wait_until(b, commit(b, "b") == SINK_DONE);
	wait_until(b, b->lasts == 2);
	assert_int_equal(b->nreports, taken + 3);
	must_submit(b, 0, taken + 2);
}

static void
txn_can_be_without_records(void **state)
{
	struct bench *b = *state;

	open_recovered(b);
	for (uint64_t i = 1; i <= 3; i++)
	{
		must_commit(b, "a");
		wait_until(b, b->lasts == i);
	}
	assert_int_equal(b->nreports, 3);
	assert_keys(b, STORE, 0, "a a a");
}

/*
 * KAFKA-17754: the commit counts, and the producer goes.
 */
static void
txn_wants_a_new_epoch_after(struct bench *b, rd_kafka_resp_err_t err)
{
	open_recovered(b);
	must_submit(b, 0, 1);
	rd_kafka_mock_push_request_errors(b->cluster, END_TXN, 1, err);
	must_commit(b, "a");
	wait_until(b, b->lasts == 1);
	assert_int_equal(b->nreports, 2);
	wait_until(b, *sink_error(b->sink));
	assert_error(b, 1, "KAFKA-17754");
	assert_int_equal(submit(b, 0, 2), SINK_FAILED);
	assert_int_equal(commit(b, "b"), SINK_FAILED);
	close_sink(b);

	/* With the next one it goes on. */
	open_recovered(b);
	assert_int_equal(b->recovered, 1);
	must_submit(b, 0, 2);
	must_commit(b, "b");
	wait_until(b, b->lasts == 1);
	assert_string_equal(sink_error(b->sink), "");
	assert_keys(b, "t", 0, "1 2");
	assert_keys(b, STORE, 0, "a b");
}

static void
txn_wants_a_new_epoch_after_a_lost_connection(void **state)
{
	txn_wants_a_new_epoch_after(*state, RD_KAFKA_RESP_ERR__TRANSPORT);
}

static void
txn_wants_a_new_epoch_after_a_second_request(void **state)
{
	txn_wants_a_new_epoch_after(*state,
								RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE);
}

/*
 * One request and its answer, three hundred times: no reason for that.  And
 * none is forgotten that is asked for as soon as the one before is through.
 */
static void
txn_keeps_its_producer_while_all_is_well(void **state)
{
	struct bench *b = *state;

	open_recovered(b);
	for (uint64_t i = 1; i <= 300; i++)
	{
		must_submit(b, (int32_t) i % 2, i);
		must_commit(b, "a");
		wait_until(b, b->lasts == i);
	}
	assert_string_equal(sink_error(b->sink), "");
}

/* Nothing of it is reported, whatever may have become of it. */
static void
txn_fails_where_its_end_is_refused(void **state)
{
	static const struct
	{
		rd_kafka_resp_err_t err;
		int					exit_code;
		const char		   *text;
	} cases[] = {
		{RD_KAFKA_RESP_ERR_PRODUCER_FENCED, 1, "fenced by a newer instance"},
		{RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, 1,
		 "fenced by a newer instance"},
		{RD_KAFKA_RESP_ERR_INVALID_TXN_STATE, 1, "in an invalid state"},
		{RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID, 1, ""},
		{RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, 4,
		 "--operation Write --operation Describe --transactional-id p.slot"},
	};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		open_recovered(b);
		must_submit(b, 0, 1);
		rd_kafka_mock_push_request_errors(b->cluster, END_TXN, 1,
										  cases[i].err);
		must_commit(b, "a");
		wait_until(b, *sink_error(b->sink));
		assert_error(b, cases[i].exit_code, cases[i].text);
		assert_int_equal(submit(b, 0, 2), SINK_FAILED);
		assert_int_equal(commit(b, "b"), SINK_FAILED);
		serve(b, 50);
		assert_int_equal(b->nreports, 0);
		close_sink(b);
		rd_kafka_mock_clear_request_errors(b->cluster, END_TXN);
	}
}

/* Before the end: the first record after the fence is refused. */
static void
txn_fails_where_a_successor_has_taken_over(void **state)
{
	struct bench *b = *state;

	open_recovered(b);
	rd_kafka_mock_push_request_errors(b->cluster, ADD_PARTITIONS_TO_TXN, 1,
									  RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
	must_submit(b, 0, 1);
	wait_until(b, *sink_error(b->sink) || commit(b, "a") == SINK_DONE ||
					  *sink_error(b->sink));
	wait_until(b, *sink_error(b->sink));
	assert_int_equal(sink_exit_code(b->sink), 1);
	assert_int_equal(submit(b, 0, 2), SINK_FAILED);
	assert_int_equal(b->nreports, 0);
}

/* The whole transaction fails with a record of it. */
static void
txn_fails_with_a_record_that_is_refused(void **state)
{
	struct bench *b = *state;

	open_recovered(b);
	rd_kafka_mock_push_request_errors(
		b->cluster, PRODUCE, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	must_submit(b, 0, 1);
	wait_until(b, *sink_error(b->sink));
	assert_int_equal(sink_exit_code(b->sink), 4);
	assert_int_equal(submit(b, 0, 2), SINK_FAILED);
	assert_int_equal(commit(b, "a"), SINK_FAILED);
}

static void
txn_init_waits_for_what_passes(void **state)
{
	struct bench *b = *state;

	rd_kafka_mock_push_request_errors(
		b->cluster, INIT_PRODUCER_ID, 3,
		RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
		RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS,
		RD_KAFKA_RESP_ERR__TRANSPORT);
	open_recovered(b);
	assert_string_equal(sink_error(b->sink), "");
}

static void
txn_init_says_what_is_refused(void **state)
{
	static const struct
	{
		rd_kafka_resp_err_t err;
		const char		   *text;
	} cases[] = {
		{RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
		 "--transactional-id p.slot"},
		{RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT,
		 "transaction.max.timeout.ms"},
	};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		rd_kafka_mock_push_request_errors(b->cluster, INIT_PRODUCER_ID, 1,
										  cases[i].err);
		open_sink(b);
		wait_until(b, recover(b) == SINK_FAILED);
		assert_error(b, 4, cases[i].text);
		close_sink(b);
		rd_kafka_mock_clear_request_errors(b->cluster, INIT_PRODUCER_ID);
	}
}

/*
 * The store.
 */

/* So many records with keys "00000" and on; each tenth a tombstone. */
static void
fill_store(struct bench *b, int n, size_t value_len)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char			*value = calloc(1, value_len);
	rd_kafka_t		*rk;

	assert_non_null(value);
	rd_kafka_conf_set(conf, "bootstrap.servers",
					  rd_kafka_mock_cluster_bootstraps(b->cluster), NULL, 0);
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, NULL, 0);
	assert_non_null(rk);
	for (int i = 0; i < n; i++)
	{
		char key[16];
		bool tombstone = i % 10 == 0;

		snprintf(key, sizeof(key), "%05d", i);
		assert_int_equal(
			rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(STORE),
							  RD_KAFKA_V_PARTITION(0),
							  RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
							  RD_KAFKA_V_KEY(key, 5),
							  RD_KAFKA_V_VALUE((tombstone ? NULL : value),
											   (tombstone ? 0 : value_len)),
							  RD_KAFKA_V_END),
			0);
	}
	assert_int_equal(rd_kafka_flush(rk, PATIENCE_MS), 0);
	rd_kafka_destroy(rk);
	free(value);
}

static void
recovery_of_an_empty_store_is_nothing(void **state)
{
	struct bench *b = *state;

	open_recovered(b);
	assert_int_equal(b->recovered, 0);
}

/* It is larger than what is read ahead, and comes piece by piece. */
static void
recovery_reads_the_store_to_its_end_in_order(void **state)
{
	struct bench *b = *state;
	uint64_t	  pieces = 0;
	int64_t		  until_ms = now_ms() + PATIENCE_MS;
	bool		  done = false;

	fill_store(b, 2000, 1000);
	open_sink(b);
	while (!done)
	{
		uint64_t before = b->recovered;
		uint64_t bytes = b->recovered_bytes;

		assert_true(now_ms() < until_ms);
		done = recover(b) == SINK_DONE;
		pieces += b->recovered > before;
		assert_true(b->recovered_bytes - bytes < 300000);
		if (!done)
			serve(b, 10);
	}
	assert_int_equal(b->recovered, 2000);
	assert_int_equal(b->tombstones, 200);
	assert_int_equal(b->recovered_bytes, 2000 * 5 + 1800 * 1000);
	assert_true(b->in_order);
	assert_true(pieces >= 6);

	/* Once is enough. */
	assert_int_equal(recover(b), SINK_DONE);
	assert_int_equal(b->recovered, 2000);
}

static void
recovery_waits_until_somebody_answers(void **state)
{
	struct bench *b = *state;

	fill_store(b, 10, 10);
	rd_kafka_mock_broker_set_down(b->cluster, 1);
	open_sink(b);
	for (int i = 0; i < 5; i++)
	{
		assert_int_equal(recover(b), SINK_AGAIN);
		serve(b, 50);
	}
	assert_int_equal(b->recovered, 0);
	rd_kafka_mock_broker_set_up(b->cluster, 1);
	wait_until(b, recover(b) == SINK_DONE);
	assert_int_equal(b->recovered, 10);
}

/* Its partition has no leader; that is said, and not what is not so. */
static void
recovery_says_that_nobody_leads_the_store(void **state)
{
	struct bench *b = *state;

	fill_store(b, 10, 10);
	captured_log_begin();
	log_set_level(LOG_LEVEL_WARN);
	rd_kafka_mock_partition_set_leader(b->cluster, STORE, 0, -1);
	open_sink(b);
	((struct kafka_sink *) b->sink)->slow_ms = 100;
	wait_until(b, recover(b) == SINK_AGAIN &&
					  captured_log_has("cannot be read yet, still trying"));
	rd_kafka_mock_partition_set_leader(b->cluster, STORE, 0, 1);
	wait_until(b, recover(b) == SINK_DONE);
	assert_int_equal(b->recovered, 10);
	assert_false(captured_log_has("open transaction"));
}

/*
 * The broker does not have the place any more where the reader stands, as after
 * a truncation.  To go on at the end would be to miss what is before it.
 */
static void
recovery_begins_anew_where_its_place_is_gone(void **state)
{
	struct bench *b = *state;

	fill_store(b, 10, 10);
	rd_kafka_mock_push_request_errors(b->cluster, FETCH, 1,
									  RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE);
	open_recovered(b);
	assert_int_equal(b->recovered, 10);
	assert_true(b->in_order);
}

static void
recovery_refuses_a_store_of_several_partitions(void **state)
{
	struct bench		   *b = *state;
	const struct sink_store store = {.topic = "t",
									 .transactional_id = "p.slot"};

	b->sink = sink_kafka_new(&b->config, &store, report, b);
	assert_non_null(b->sink);
	wait_until(b, recover(b) == SINK_FAILED);
	assert_error(b, 4, "topic t has 2 partitions");
	assert_error(b, 4, "offsets.storage.topic");
	assert_int_equal(b->recovered, 0);
}

/* Of what a broker tells of itself; who tells nothing is not suspected. */
static void
recovery_knows_brokers_that_do_not_verify(void **state)
{
	(void) state;
	assert_null(kafka_recover_unverified(0, NULL));
	assert_null(kafka_recover_unverified(300, "true"));
	assert_non_null(strstr(kafka_recover_unverified(300, "false"),
						   "--add-config transaction.partition."
						   "verification.enable=true"));
	assert_non_null(strstr(kafka_recover_unverified(200, NULL), "3.6"));
}

/* Where each record stands by itself, the store is read all the same. */
static void
recovery_needs_no_transactions(void **state)
{
	struct bench		   *b = *state;
	const struct sink_store store = {.topic = STORE};

	fill_store(b, 5, 10);
	b->in_order = true;
	b->sink = sink_kafka_new(&b->config, &store, report, b);
	assert_non_null(b->sink);
	wait_until(b, recover(b) == SINK_DONE);
	assert_int_equal(b->recovered, 5);
	assert_true(b->in_order);
}

static enum sink_outcome
settle(struct bench *b, const struct sink_topic *topics, size_t n)
{
	return sink_settle(b->sink, &(struct sink_written){
									.topics = topics,
									.n = n,
									.header = "walferry.position",
									.until = "1",
								});
}

/* Nothing is open: the mock knows of no transactions. */
static void
settling_ends_where_nothing_is_open(void **state)
{
	struct bench				  *b = *state;
	static const struct sink_topic topics[] = {{"t", 2}, {"gone", 3}};

	fill_store(b, 1, 10);
	open_recovered(b);
	wait_until(b, settle(b, topics, 2) == SINK_DONE);
	assert_int_equal(settle(b, NULL, 0), SINK_DONE);
}

/* Of all topics none is there: nothing can be open in them. */
static void
settling_ends_where_the_topics_are_gone(void **state)
{
	struct bench				  *b = *state;
	static const struct sink_topic topics[] = {{"gone", 1}, {"lost", 3}};

	open_recovered(b);
	wait_until(b, settle(b, topics, 2) == SINK_DONE);
}

/* What takes long is said soon, and can be looked at. */
static void
watch_for_slow_steps(struct bench *b)
{
	captured_log_begin();
	log_set_level(LOG_LEVEL_WARN);
	((struct kafka_sink *) b->sink)->slow_ms = 100;
}

static void
settling_waits_for_a_leader_and_says_so(void **state)
{
	struct bench				  *b = *state;
	static const struct sink_topic topics[] = {{"t", 2}};

	open_recovered(b);
	watch_for_slow_steps(b);
	rd_kafka_mock_partition_set_leader(b->cluster, "t", 1, -1);
	wait_until(b, settle(b, topics, 1) == SINK_AGAIN &&
					  captured_log_has("the end of a topic is not known yet, "
									   "still trying topic=t partition=1"));
	rd_kafka_mock_partition_set_leader(b->cluster, "t", 1, 1);
	wait_until(b, settle(b, topics, 1) == SINK_DONE);
}

/* A topic that is in no list is looked at when it is asked for. */
static void
settling_of_a_topic_comes_before_its_first_record(void **state)
{
	struct bench				  *b = *state;
	static const struct sink_topic topics[] = {{"listed", 1}};
	uint32_t					   listed, other;
	int32_t						   n;

	rd_kafka_mock_topic_create(b->cluster, "listed", 1, 1);
	rd_kafka_mock_topic_create(b->cluster, "other", 1, 1);
	open_recovered(b);
	watch_for_slow_steps(b);
	wait_until(b, settle(b, topics, 1) == SINK_DONE);
	rd_kafka_mock_partition_set_leader(b->cluster, "listed", 0, -1);
	rd_kafka_mock_partition_set_leader(b->cluster, "other", 0, -1);
	listed = sink_topic(b->sink, "listed");
	other = sink_topic(b->sink, "other");
	wait_until(b, sink_partitions(b->sink, listed, &n) == SINK_DONE);
	wait_until(b,
			   sink_partitions(b->sink, other, &n) == SINK_AGAIN &&
				   captured_log_has("the end of a topic is not known yet, "
									"still trying topic=other partition=0"));
	rd_kafka_mock_partition_set_leader(b->cluster, "other", 0, 1);
	wait_until(b, sink_partitions(b->sink, other, &n) == SINK_DONE);
}

/* More than there are pinned: what was added is looked at as well. */
static void
settling_of_a_topic_includes_added_partitions(void **state)
{
	struct bench				  *b = *state;
	static const struct sink_topic topics[] = {{"grown", 2}};
	uint32_t					   grown;
	int32_t						   n;

	rd_kafka_mock_topic_create(b->cluster, "grown", 3, 1);
	open_recovered(b);
	watch_for_slow_steps(b);
	wait_until(b, settle(b, topics, 1) == SINK_DONE);
	for (int32_t i = 0; i < 3; i++)
		rd_kafka_mock_partition_set_leader(b->cluster, "grown", i, -1);
	grown = sink_topic(b->sink, "grown");
	wait_until(b,
			   sink_partitions(b->sink, grown, &n) == SINK_AGAIN &&
				   captured_log_has("the end of a topic is not known yet, "
									"still trying topic=grown partition=2"));
	rd_kafka_mock_partition_set_leader(b->cluster, "grown", 2, 1);
	wait_until(b, sink_partitions(b->sink, grown, &n) == SINK_DONE);
	assert_int_equal(n, 3);
}

/* They become topics of the sink, whose number grows meanwhile. */
static void
settling_takes_many_topics(void **state)
{
	struct bench	 *b = *state;
	char			  names[40][16];
	struct sink_topic topics[40];

	for (int i = 0; i < 40; i++)
	{
		snprintf(names[i], sizeof(names[i]), "many%d", i);
		topics[i] = (struct sink_topic){names[i], 1 + i % 3};
	}
	open_recovered(b);
	wait_until(b, settle(b, topics, 40) == SINK_DONE);
	for (int i = 0; i < 40; i++)
	{
		struct kafka_sink *s = (struct kafka_sink *) b->sink;

		assert_int_equal(s->topics[sink_topic(b->sink, names[i])]->settled,
						 1 + i % 3);
	}
}

/* Whatever it is at: it does not hang, and nothing leaks. */
static void
sink_can_be_freed_at_any_time(void **state)
{
	struct bench *b = *state;
	int64_t		  begin_ms = now_ms();

	fill_store(b, 2000, 1000);
	open_sink(b);
	close_sink(b);
	open_sink(b);
	(void) recover(b); /* the reader waits for us to take */
	wait_until(b, recover(b) == SINK_AGAIN && b->recovered > 0);
	close_sink(b);
	open_recovered(b);
	slow_down(b, END_TXN, 1000);
	must_submit(b, 0, 1);
	must_commit(b, "a");
	must_submit(b, 0, 2);
	close_sink(b);
	assert_true(now_ms() - begin_ms < 15000);
}

/*
 * Right after the first record of a transaction, when its partition is being
 * registered: there librdkafka aborts the program where it is not given a little
 * time, about every second try.
 */
static void
sink_can_be_freed_as_soon_as_a_transaction_has_begun(void **state)
{
	struct bench *b = *state;

	for (uint64_t i = 1; i <= 6; i++)
	{
		open_recovered(b);
		must_submit(b, (int32_t) i % 2, i);
		close_sink(b);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(txn_reports_nothing_before_the_commit),
		TEST(txn_reports_the_last_record_last),
		TEST(txn_reports_each_record_of_one_ticket),
		TEST(txn_takes_records_of_the_next_one_while_it_commits),
		TEST(txn_keeps_a_staged_record_as_it_is),
		TEST(txn_refuses_a_second_commit_until_the_first_is_through),
		TEST(txn_holds_no_more_than_it_may_while_it_commits),
		TEST(txn_can_be_without_records),
		TEST(txn_wants_a_new_epoch_after_a_lost_connection),
		TEST(txn_wants_a_new_epoch_after_a_second_request),
		TEST(txn_keeps_its_producer_while_all_is_well),
		TEST(txn_fails_where_its_end_is_refused),
		TEST(txn_fails_where_a_successor_has_taken_over),
		TEST(txn_fails_with_a_record_that_is_refused),
		TEST(txn_init_waits_for_what_passes),
		TEST(txn_init_says_what_is_refused),
		TEST(recovery_of_an_empty_store_is_nothing),
		TEST(recovery_reads_the_store_to_its_end_in_order),
		TEST(recovery_waits_until_somebody_answers),
		cmocka_unit_test(recovery_knows_brokers_that_do_not_verify),
		TEST(recovery_says_that_nobody_leads_the_store),
		TEST(settling_ends_where_nothing_is_open),
		TEST(settling_ends_where_the_topics_are_gone),
		TEST(settling_waits_for_a_leader_and_says_so),
		TEST(settling_of_a_topic_comes_before_its_first_record),
		TEST(settling_of_a_topic_includes_added_partitions),
		TEST(settling_takes_many_topics),
		TEST(recovery_begins_anew_where_its_place_is_gone),
		TEST(recovery_refuses_a_store_of_several_partitions),
		TEST(recovery_needs_no_transactions),
		TEST(sink_can_be_freed_at_any_time),
		TEST(sink_can_be_freed_as_soon_as_a_transaction_has_begun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
