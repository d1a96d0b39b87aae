/* links: sink_kafka kafka_conf kafka_fail kafka_helper kafka_link kafka_recover kafka_settle
 * links: kafka_topic kafka_txn buf log */
/* libs: rdkafka */
/*
 * The Kafka sink against librdkafka's own mock cluster.  It knows no
 * CreateTopics and no ACLs: those are tested against a real broker, see t/.
 *
 * The configuration is this file's: what the sink asks of it is little.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "../../forwarder/clock.h"
#include "../../forwarder/config.h"
#include "../../forwarder/kafka_impl.h"
#include "../../forwarder/log.h"
#include "../../forwarder/sink.h"

#define PATIENCE_MS 30000
#define TICKETS 20000

/* ApiKeys of the protocol. */
#define PRODUCE 0
#define SASL_HANDSHAKE 17
#define API_VERSIONS 18
#define SASL_AUTHENTICATE 36

struct config
{
	struct config_setting settings[8];
	size_t				  nsettings;
	int64_t				  max_bytes;
	int64_t				  max_retries;
	bool				  create;
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
		return c->max_retries;
	assert_true(strcmp(name, "retriable.restart.connector.wait.ms") == 0 ||
				strcmp(name, "walferry.retry.backoff.max.ms") == 0);
	return 50;
}

bool
config_bool(const struct config *c, const char *name)
{
	assert_string_equal(name, "topic.creation.enable");
	return c->create;
}

void
config_topic_creation(const struct config *c, const char *topic,
					  struct config_topic *out)
{
	(void) c;
	(void) topic;
	*out = (struct config_topic){.partitions = -1, .replication_factor = -1};
}

/* A cluster, a sink on it, and what it reported. */
struct bench
{
	rd_kafka_t				*rk;
	rd_kafka_mock_cluster_t *cluster;
	struct config			 config;
	struct sink				*sink;
	uint64_t				 delivered;
	uint64_t				 undelivered;
	uint64_t				 bytes;
	uint64_t				 seen[TICKETS + 1]; /* reports by ticket */
	char					 last_error[256];
};

static void
report(void *arg, uint64_t ticket, uint64_t records, size_t bytes,
	   bool delivered, const char *error)
{
	struct bench *b = arg;

	assert_int_equal(records, 1);
	assert_in_range(ticket, 1, TICKETS);
	b->seen[ticket]++;
	b->bytes += bytes;
	if (delivered)
	{
		assert_null(error);
		b->delivered++;
	}
	else
	{
		assert_non_null(error);
		snprintf(b->last_error, sizeof(b->last_error), "%s", error);
		b->undelivered++;
	}
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
	b->config.create = true;
	b->config.max_bytes = 8 << 20;
	b->config.max_retries = -1;
	add_setting(b, "bootstrap.servers",
				rd_kafka_mock_cluster_bootstraps(b->cluster));
	*state = b;
	return 0;
}

static int
tear_down(void **state)
{
	struct bench *b = *state;

	sink_free(b->sink);
	rd_kafka_mock_cluster_destroy(b->cluster);
	rd_kafka_destroy(b->rk);
	free(b);
	return 0;
}

static void
open_sink(struct bench *b)
{
	b->sink = sink_kafka_new(&b->config, NULL, report, b);
	assert_non_null(b->sink);
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

static uint32_t
ready_topic(struct bench *b, const char *name, int partitions)
{
	uint32_t topic = sink_topic(b->sink, name);
	int32_t	 count = 0;

	wait_until(b, sink_partitions(b->sink, topic, &count) != SINK_AGAIN);
	assert_int_equal(sink_partitions(b->sink, topic, &count), SINK_DONE);
	assert_int_equal(count, partitions);
	return topic;
}

static enum sink_outcome
submit(struct bench *b, uint32_t topic, int32_t partition, const char *key,
	   size_t value_len, uint64_t ticket)
{
	static const uint8_t	 position[20] = {1, 2, 3};
	const struct sink_header header = {"walferry.position", position,
									   sizeof(position)};
	static char				 value[2 << 20];
	const struct sink_record record = {
		.topic = topic,
		.partition = partition,
		.key = key,
		.key_len = key ? strlen(key) : 0,
		.value = value_len > 0 ? value : NULL,
		.value_len = value_len,
		.timestamp_ms = 1700000000123,
		.headers = &header,
		.nheaders = 1,
	};

	assert_true(value_len <= sizeof(value));
	return sink_submit(b->sink, &record, ticket);
}

/* A partition's first record goes alone: have it behind us. */
static void
submit_first(struct bench *b, uint32_t topic, int32_t partition,
			 uint64_t ticket)
{
	uint64_t delivered = b->delivered;

	assert_int_equal(submit(b, topic, partition, "k", 10, ticket), SINK_DONE);
	assert_int_equal(submit(b, topic, partition, "k", 10, ticket + 1),
					 SINK_AGAIN);
	wait_until(b, b->delivered == delivered + 1);
}

static void
serve_for(struct bench *b, int ms)
{
	int64_t until_ms = clock_monotonic_ms() + ms;

	while (clock_monotonic_ms() < until_ms)
		serve(b, 10);
}

static void
create_mock_topic(struct bench *b, const char *name, int partitions)
{
	assert_int_equal(rd_kafka_mock_topic_create(b->cluster, name, partitions,
												1),
					 0);
}

/* After a pause, in which the broker may have forgotten the producer. */
static void
kafka_sends_one_record_alone_after_a_pause(void **state)
{
	struct bench *b = *state;
	uint32_t	  topic;

	create_mock_topic(b, "t", 2);
	open_sink(b);
	topic = ready_topic(b, "t", 2);
	submit_first(b, topic, 0, 1);
	submit_first(b, topic, 1, 2);
	for (uint64_t i = 3; i < 6; i++)
		assert_int_equal(submit(b, topic, 0, "k", 10, i), SINK_DONE);
	wait_until(b, b->delivered == 5);

	((struct kafka_sink *) b->sink)->idle_ms = 20;
	serve_for(b, 60);
	submit_first(b, topic, 0, 6);
	assert_int_equal(submit(b, topic, 1, "k", 10, 7), SINK_DONE);
	assert_int_equal(submit(b, topic, 1, "k", 10, 8), SINK_AGAIN);
	wait_until(b, b->delivered == 7);
}

static void
kafka_reports_each_record_once(void **state)
{
	struct bench *b = *state;
	uint32_t	  topic;

	create_mock_topic(b, "t", 3);
	open_sink(b);
	topic = ready_topic(b, "t", 3);
	for (uint64_t i = 1; i <= TICKETS; i++)
	{
		while (submit(b, topic, (int32_t) (i % 3), "key", 10, i) == SINK_AGAIN)
			serve(b, 100);
	}
	wait_until(b, b->delivered == TICKETS);
	assert_int_equal(b->undelivered, 0);
	assert_int_equal(b->bytes, TICKETS * 13);
	for (uint64_t i = 1; i <= TICKETS; i++)
		assert_int_equal(b->seen[i], 1);
	assert_true(sink_connected(b->sink));
	assert_string_equal(sink_error(b->sink), "");
}

static void
kafka_gives_a_topic_one_number(void **state)
{
	struct bench *b = *state;
	char		  name[32];
	uint32_t	  first;

	open_sink(b);
	first = sink_topic(b->sink, "t0");
	for (int i = 1; i < 500; i++)
	{
		snprintf(name, sizeof(name), "t%d", i);
		assert_int_equal(sink_topic(b->sink, name), first + (uint32_t) i);
	}
	for (int i = 0; i < 500; i++)
	{
		snprintf(name, sizeof(name), "t%d", i);
		assert_int_equal(sink_topic(b->sink, name), first + (uint32_t) i);
	}
}

/* Read a topic's records back. */
static rd_kafka_message_t *
consume(rd_kafka_t *consumer)
{
	int64_t until_ms = now_ms() + PATIENCE_MS;

	while (now_ms() < until_ms)
	{
		rd_kafka_message_t *m = rd_kafka_consumer_poll(consumer, 200);

		if (m != NULL && m->err == RD_KAFKA_RESP_ERR_NO_ERROR)
			return m;
		if (m != NULL)
			rd_kafka_message_destroy(m);
	}
	fail_msg("nothing to consume");
	return NULL;
}

static rd_kafka_t *
open_consumer(struct bench *b, const char *topic, int32_t partition)
{
	rd_kafka_conf_t					*conf = rd_kafka_conf_new();
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_t						*consumer;

	rd_kafka_conf_set(conf, "bootstrap.servers",
					  rd_kafka_mock_cluster_bootstraps(b->cluster), NULL, 0);
	rd_kafka_conf_set(conf, "group.id", "test", NULL, 0);
	rd_kafka_conf_set(conf, "log_level", "0", NULL, 0);
	consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, NULL, 0);
	assert_non_null(consumer);
	rd_kafka_poll_set_consumer(consumer);
	list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, topic, partition)->offset = 0;
	assert_int_equal(rd_kafka_assign(consumer, list), 0);
	rd_kafka_topic_partition_list_destroy(list);
	return consumer;
}

static void
kafka_keeps_key_value_headers_time_and_partition(void **state)
{
	struct bench	   *b = *state;
	uint32_t			topic;
	rd_kafka_t		   *consumer;
	rd_kafka_message_t *m;
	rd_kafka_headers_t *headers;
	const void		   *header;
	size_t				size;

	create_mock_topic(b, "t", 4);
	open_sink(b);
	topic = ready_topic(b, "t", 4);
	assert_int_equal(submit(b, topic, 2, "{\"id\":1}", 100, 1), SINK_DONE);
	wait_until(b, b->delivered == 1);
	assert_int_equal(submit(b, topic, 2, "{\"id\":1}", 0, 2), SINK_DONE);
	assert_int_equal(submit(b, topic, 2, NULL, 5, 3), SINK_DONE);
	assert_int_equal(submit(b, topic, 2, "", 5, 4), SINK_DONE);
	wait_until(b, b->delivered == 4);

	consumer = open_consumer(b, "t", 2);
	m = consume(consumer);
	assert_int_equal(m->key_len, 8);
	assert_memory_equal(m->key, "{\"id\":1}", 8);
	assert_int_equal(m->len, 100);
	assert_true(rd_kafka_message_timestamp(m, NULL) == 1700000000123);
	assert_int_equal(rd_kafka_message_headers(m, &headers), 0);
	assert_int_equal(rd_kafka_header_get_last(headers, "walferry.position",
											  &header, &size),
					 0);
	assert_int_equal(size, 20);
	assert_memory_equal(header, "\1\2\3", 4);
	rd_kafka_message_destroy(m);

	m = consume(consumer); /* a tombstone */
	assert_int_equal(m->key_len, 8);
	assert_null(m->payload);
	rd_kafka_message_destroy(m);

	m = consume(consumer); /* without a key */
	assert_null(m->key);
	assert_int_equal(m->len, 5);
	rd_kafka_message_destroy(m);

	m = consume(consumer); /* with an empty one */
	assert_non_null(m->key);
	assert_int_equal(m->key_len, 0);
	rd_kafka_message_destroy(m);
	rd_kafka_consumer_close(consumer);
	rd_kafka_destroy(consumer);
}

static void
kafka_refuses_more_than_it_may_hold_and_recovers(void **state)
{
	struct bench *b = *state;
	uint32_t	  topic;
	uint64_t	  taken = 0;

	b->config.max_bytes = 100000;
	create_mock_topic(b, "t", 1);
	open_sink(b);
	topic = ready_topic(b, "t", 1);
	submit_first(b, topic, 0, 500);
	b->delivered = 0;
	rd_kafka_mock_broker_set_down(b->cluster, 1);
	while (submit(b, topic, 0, "k", 1000, taken + 1) == SINK_DONE)
		assert_true(++taken < 101);
	assert_true(taken > 50);

	/* Tried again and again, it stays so; nothing has been reported. */
	for (int i = 0; i < 5; i++)
	{
		serve(b, 10);
		assert_int_equal(submit(b, topic, 0, "k", 1000, taken + 1),
						 SINK_AGAIN);
	}
	assert_int_equal(b->delivered + b->undelivered, 0);

	rd_kafka_mock_broker_set_up(b->cluster, 1);
	wait_until(b, b->delivered == taken);
	assert_int_equal(submit(b, topic, 0, "k", 1000, taken + 1), SINK_DONE);
	wait_until(b, b->delivered == taken + 1);
	assert_int_equal(b->undelivered, 0);
}

static void
kafka_takes_one_record_that_is_larger_than_its_bound(void **state)
{
	struct bench *b = *state;
	uint32_t	  topic;

	b->config.max_bytes = 1000;
	add_setting(b, "queue.buffering.max.kbytes", "1");
	create_mock_topic(b, "t", 1);
	open_sink(b);
	topic = ready_topic(b, "t", 1);
	assert_int_equal(submit(b, topic, 0, "k", 900000, 1), SINK_DONE);
	assert_int_equal(submit(b, topic, 0, "k", 1, 2), SINK_AGAIN);
	wait_until(b, b->delivered == 1);
	assert_int_equal(submit(b, topic, 0, "k", 1, 2), SINK_DONE);
	wait_until(b, b->delivered == 2);
}

static void
kafka_is_connected_only_while_a_broker_answers(void **state)
{
	struct bench *b = *state;
	uint32_t	  topic;

	create_mock_topic(b, "t", 1);
	open_sink(b);
	assert_false(sink_connected(b->sink));
	wait_until(b, sink_connected(b->sink));
	topic = ready_topic(b, "t", 1);
	rd_kafka_mock_broker_set_down(b->cluster, 1);
	assert_int_equal(submit(b, topic, 0, "k", 10, 1), SINK_DONE);
	wait_until(b, !sink_connected(b->sink));
	assert_string_equal(sink_error(b->sink), "");
	rd_kafka_mock_broker_set_up(b->cluster, 1);
	wait_until(b, sink_connected(b->sink));
	wait_until(b, b->delivered == 1);
	assert_int_equal(b->undelivered, 0);
}

static void
kafka_waits_for_a_topic_while_unreachable(void **state)
{
	struct bench *b = *state;
	uint32_t	  topic;
	int32_t		  count;

	create_mock_topic(b, "t", 2);
	rd_kafka_mock_broker_set_down(b->cluster, 1);
	open_sink(b);
	topic = sink_topic(b->sink, "t");
	for (int i = 0; i < 5; i++)
	{
		assert_int_equal(sink_partitions(b->sink, topic, &count), SINK_AGAIN);
		assert_int_equal(submit(b, topic, 0, "k", 10, 1), SINK_AGAIN);
		serve(b, 50);
	}
	rd_kafka_mock_broker_set_up(b->cluster, 1);
	ready_topic(b, "t", 2);
}

static void
kafka_gives_up_after_errors_max_retries(void **state)
{
	struct bench *b = *state;

	b->config.max_retries = 0;
	rd_kafka_mock_broker_set_down(b->cluster, 1);
	open_sink(b);
	wait_until(b, *sink_error(b->sink));
	assert_non_null(strstr(sink_error(b->sink), "errors.max.retries"));
	assert_int_equal(sink_exit_code(b->sink), 1);
}

/*
 * A broker lists no partitions of a topic that has an error, the mock does.
 * librdkafka before 2.10 then follows a null pointer (its issue 4907), from
 * 2.1 on, where it began to compare leader epochs.
 */
static void
skip_where_a_topic_error_crashes(void)
{
	if (rd_kafka_version() >= 0x02010000 && rd_kafka_version() < 0x020a0000)
		skip();
}

/* The mock creates whatever is asked for, so it must be told not to. */
static void
fail_topic(struct bench *b, rd_kafka_resp_err_t err, const char *text)
{
	uint32_t topic;
	int32_t	 count;

	rd_kafka_mock_topic_set_error(b->cluster, "missing", err);
	open_sink(b);
	topic = sink_topic(b->sink, "missing");
	wait_until(b, sink_partitions(b->sink, topic, &count) != SINK_AGAIN);
	assert_int_equal(sink_partitions(b->sink, topic, &count), SINK_FAILED);
	assert_int_equal(submit(b, topic, 0, "k", 1, 1), SINK_FAILED);
	assert_non_null(strstr(sink_error(b->sink), "topic missing"));
	if (strstr(sink_error(b->sink), text) == NULL)
		fail_msg("\"%s\" not in: %s", text, sink_error(b->sink));
	assert_int_equal(sink_exit_code(b->sink), 4);
	sink_free(b->sink);
	b->sink = NULL;
}

static void
kafka_fails_for_a_topic_that_cannot_be_had(void **state)
{
	struct bench *b = *state;

	skip_where_a_topic_error_crashes();
	create_mock_topic(b, "missing", 1);
	fail_topic(b, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
			   "--operation Create --topic missing");
	b->config.create = false;
	fail_topic(b, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
			   "topic.creation.enable");
	fail_topic(b, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
			   "--operation Write --operation Describe --topic missing");
	fail_topic(b, RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, "no such name");
}

static void
kafka_waits_for_a_topic_that_is_not_ready(void **state)
{
	struct bench *b = *state;
	uint32_t	  topic;
	int32_t		  count;

	skip_where_a_topic_error_crashes();
	create_mock_topic(b, "t", 2);
	rd_kafka_mock_topic_set_error(b->cluster, "t",
								  RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE);
	open_sink(b);
	topic = sink_topic(b->sink, "t");
	wait_until(b, sink_connected(b->sink));
	for (int i = 0; i < 5; i++)
	{
		assert_int_equal(sink_partitions(b->sink, topic, &count), SINK_AGAIN);
		serve(b, 50);
	}
	rd_kafka_mock_topic_set_error(b->cluster, "t", RD_KAFKA_RESP_ERR_NO_ERROR);
	ready_topic(b, "t", 2);
}

static void
kafka_fails_for_a_record_that_is_too_large(void **state)
{
	struct bench *b = *state;
	uint32_t	  topic;

	create_mock_topic(b, "t", 1);
	open_sink(b);
	topic = ready_topic(b, "t", 1);
	assert_int_equal(submit(b, topic, 0, "k", 1100000, 1), SINK_FAILED);
	assert_int_equal(sink_exit_code(b->sink), 4);
	assert_non_null(
		strstr(sink_error(b->sink), "topic t: a record of 1100001"));
	assert_non_null(strstr(sink_error(b->sink), "max.request.size"));
	assert_non_null(strstr(sink_error(b->sink), "max.message.bytes"));

	/* It was not taken: no report comes, and nothing overtakes it. */
	assert_int_equal(submit(b, topic, 0, "k", 1, 2), SINK_FAILED);
	serve(b, 100);
	assert_int_equal(b->delivered + b->undelivered, 0);
}

static void
kafka_reports_what_the_broker_refuses_as_not_delivered(void **state)
{
	static const struct
	{
		rd_kafka_resp_err_t err;
		int					exit_code;
		const char		   *text;
	} cases[] = {
		{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, 4, "max.message.bytes"},
		{RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, 4,
		 "--operation Write --operation Describe --topic t0"},
		{RD_KAFKA_RESP_ERR_INVALID_RECORD, 4, "not delivered"},
	};
	struct bench *b = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char	 name[8] = "t0";
		uint32_t topic;

		if (i == 0)
			create_mock_topic(b, name, 1);
		open_sink(b);
		topic = ready_topic(b, name, 1);
		b->undelivered = 0;
		rd_kafka_mock_push_request_errors(b->cluster, PRODUCE, 1,
										  cases[i].err);
		assert_int_equal(submit(b, topic, 0, "k", 10, 1), SINK_DONE);
		wait_until(b, b->undelivered == 1);
		assert_int_equal(b->delivered, 0);
		assert_int_equal(sink_exit_code(b->sink), cases[i].exit_code);
		if (strstr(sink_error(b->sink), cases[i].text) == NULL)
			fail_msg("\"%s\" not in: %s", cases[i].text, sink_error(b->sink));
		assert_int_equal(submit(b, topic, 0, "k", 10, 2), SINK_FAILED);
		sink_free(b->sink);
		b->sink = NULL;
		rd_kafka_mock_clear_request_errors(b->cluster, PRODUCE);
	}
}

/*
 * Under load a refusal is seen first as a producer that takes no more, and as
 * reports of what was behind the refused record.
 */
static void
kafka_names_the_refused_record_under_load(void **state)
{
	static const int32_t npartitions = 4;
	struct bench		*b = *state;
	bool				 seen_again = false;
	uint64_t			 taken = 0;
	uint32_t			 topic;

	create_mock_topic(b, "t", npartitions);
	open_sink(b);
	topic = ready_topic(b, "t", npartitions);
	for (int32_t i = 0; i < npartitions; i++)
		submit_first(b, topic, i, 15000 + 2 * (uint64_t) i);
	rd_kafka_mock_push_request_errors(b->cluster, PRODUCE, 1,
									  RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);

	/* No report is served until the producer takes no more. */
	for (int64_t until_ms = now_ms() + PATIENCE_MS; !seen_again;)
	{
		enum sink_outcome outcome = submit(b, topic,
										   (int32_t) taken % npartitions, "k",
										   10, taken + 1);

		assert_int_not_equal(outcome, SINK_FAILED);
		assert_true(now_ms() < until_ms && taken < 14000);
		seen_again = outcome == SINK_AGAIN;
		taken += !seen_again;
		poll(NULL, 0, 1);
	}
	while (sink_error(b->sink)[0] == '\0')
	{
		/* Without a reason, a report would be one. */
		assert_int_equal(b->undelivered, 0);
		serve(b, 100);
	}
	assert_int_equal(sink_exit_code(b->sink), 4);
	assert_non_null(strstr(sink_error(b->sink), "topic t: a record of"));
	assert_non_null(strstr(sink_error(b->sink), "max.message.bytes"));
	assert_int_equal(submit(b, topic, 0, "k", 10, taken + 1), SINK_FAILED);

	/* And each one is reported. */
	wait_until(b, b->delivered + b->undelivered ==
					  taken + (uint64_t) npartitions);
	for (uint64_t i = 1; i <= taken; i++)
		assert_int_equal(b->seen[i], 1);
}

static void
kafka_asks_rarely_while_nothing_is_confirmed(void **state)
{
	struct bench	   *b = *state;
	rd_kafka_resp_err_t errors[1000];
	uint32_t			topic;
	int					turns = 0;

	create_mock_topic(b, "t", 1);
	open_sink(b);
	topic = ready_topic(b, "t", 1);
	submit_first(b, topic, 0, 500);
	for (int i = 0; i < 1000; i++)
		errors[i] = RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS;
	rd_kafka_mock_push_request_errors_array(b->cluster, PRODUCE, 1000, errors);
	assert_int_equal(submit(b, topic, 0, "k", 10, 1), SINK_DONE);

	/* Beyond the time after which it asks whether anybody is there. */
	for (int64_t until_ms = now_ms() + 9000; now_ms() < until_ms; turns++)
		serve(b, 500);
	assert_true(turns < 30);
	assert_true(sink_connected(b->sink));
	rd_kafka_mock_clear_request_errors(b->cluster, PRODUCE);
	wait_until(b, b->delivered == 2);
}

static void
kafka_retries_what_passes(void **state)
{
	struct bench *b = *state;
	uint32_t	  topic;

	create_mock_topic(b, "t", 1);
	open_sink(b);
	topic = ready_topic(b, "t", 1);
	submit_first(b, topic, 0, 500);
	b->delivered = 0;
	rd_kafka_mock_push_request_errors(
		b->cluster, PRODUCE, 4, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
		RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
		RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
		RD_KAFKA_RESP_ERR__TRANSPORT);
	for (uint64_t i = 1; i <= 100; i++)
		assert_int_equal(submit(b, topic, 0, "k", 10, i), SINK_DONE);
	wait_until(b, b->delivered == 100);
	assert_int_equal(b->undelivered, 0);
	for (uint64_t i = 1; i <= 100; i++)
		assert_int_equal(b->seen[i], 1);
}

static void
kafka_fatal_error_asks_for_a_new_producer(void **state)
{
	struct bench *b = *state;
	uint32_t	  topic;

	create_mock_topic(b, "t", 1);
	open_sink(b);
	topic = ready_topic(b, "t", 1);
	submit_first(b, topic, 0, 500);
	rd_kafka_mock_push_request_errors(
		b->cluster, PRODUCE, 1,
		RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	for (uint64_t i = 1; i <= 10; i++)
		assert_int_equal(submit(b, topic, 0, "k", 10, i), SINK_DONE);
	wait_until(b, *sink_error(b->sink));
	assert_int_equal(sink_exit_code(b->sink), 1);
	assert_int_equal(submit(b, topic, 0, "k", 10, 11), SINK_FAILED);
	sink_free(b->sink);

	/* With a new one it goes on. */
	memset(b->seen, 0, sizeof(b->seen));
	b->delivered = b->undelivered = 0;
	open_sink(b);
	topic = ready_topic(b, "t", 1);
	assert_int_equal(submit(b, topic, 0, "k", 10, 1), SINK_DONE);
	wait_until(b, b->delivered == 1);
}

static void
kafka_forces_what_delivery_depends_on(void **state)
{
	struct bench *b = *state;
	uint32_t	  topic;

	/* Were this believed, the record would be given up after 1 ms. */
	add_setting(b, "message.timeout.ms", "1");
	add_setting(b, "enable.idempotence", "false");
	add_setting(b, "acks", "1");
	create_mock_topic(b, "t", 1);
	open_sink(b);
	topic = ready_topic(b, "t", 1);
	rd_kafka_mock_broker_set_down(b->cluster, 1);
	assert_int_equal(submit(b, topic, 0, "k", 10, 1), SINK_DONE);
	wait_until(b, !sink_connected(b->sink));
	rd_kafka_mock_broker_set_up(b->cluster, 1);
	wait_until(b, b->delivered + b->undelivered == 1);
	assert_int_equal(b->delivered, 1);
}

static void
kafka_refuses_a_setting_that_librdkafka_does_not_know(void **state)
{
	struct bench *b = *state;

	log_set_level(LOG_LEVEL_ERROR + 1); /* it is expected to complain */
	add_setting(b, "no.such.setting", "1");
	assert_null(sink_kafka_new(&b->config, NULL, report, b));

	/* Unless it is only for newer ones. */
	b->config.settings[b->config.nsettings - 1].optional = true;
	open_sink(b);
	sink_free(b->sink);

	b->config.nsettings--;
	add_setting(b, "linger.ms", "many");
	b->sink = sink_kafka_new(&b->config, NULL, report, b);
	assert_null(b->sink);
}

/*
 * A broker that is going down: it says what it understands, and ends each
 * connection when it is asked for its SASL mechanisms.
 */
struct dying_broker
{
	int			fd;
	char		address[32];
	atomic_bool stop;
	atomic_int	cut;
	pthread_t	thread;
};

static void
answer_api_versions(int fd, const unsigned char *request)
{
	/* Size, correlation id, no error; each ApiKey with its versions. */
	unsigned char answer[] = {0, 0,
							  0, 28,
							  0, 0,
							  0, 0,
							  0, 0,
							  0, 0,
							  0, 3,
							  0, SASL_HANDSHAKE,
							  0, 0,
							  0, 1,
							  0, API_VERSIONS,
							  0, 0,
							  0, 0,
							  0, SASL_AUTHENTICATE,
							  0, 0,
							  0, 1};

	memcpy(answer + 4, request + 4, 4);
	if (request[3] > 0)
	{
		/* Not that version: UNSUPPORTED_VERSION, and what would do. */
		answer[9] = 35;
	}
	(void) !write(fd, answer, sizeof(answer));
}

static bool
read_all(int fd, unsigned char *data, size_t len)
{
	return recv(fd, data, len, MSG_WAITALL) == (ssize_t) len;
}

static void *
run_dying_broker(void *arg)
{
	struct dying_broker *d = arg;
	unsigned char		 size[4], request[1024];

	while (!d->stop)
	{
		struct pollfd ready = {.fd = d->fd, .events = POLLIN};
		int			  fd;

		if (poll(&ready, 1, 50) != 1 || (fd = accept(d->fd, NULL, NULL)) < 0)
			continue;
		while (read_all(fd, size, 4) && size[2] < 4 &&
			   read_all(fd, request, (size_t) size[2] << 8 | size[3]))
		{
			if (request[1] == SASL_HANDSHAKE)
			{
				d->cut++;
				break;
			}
			if (request[1] == API_VERSIONS)
				answer_api_versions(fd, request);
		}
		close(fd);
	}
	return NULL;
}

static void
start_dying_broker(struct dying_broker *d)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
							   .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t		   len = sizeof(addr);

	d->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(d->fd, (struct sockaddr *) &addr, len), 0);
	assert_int_equal(listen(d->fd, 10), 0);
	getsockname(d->fd, (struct sockaddr *) &addr, &len);
	snprintf(d->address, sizeof(d->address), "127.0.0.1:%d",
			 ntohs(addr.sin_port));
	assert_int_equal(pthread_create(&d->thread, NULL, run_dying_broker, d), 0);
}

/* It has not refused us, and may be back soon. */
static void
kafka_waits_for_a_broker_that_goes_down_as_we_log_in(void **state)
{
	struct bench	   *b = *state;
	struct dying_broker d = {0};

	start_dying_broker(&d);
	b->config.nsettings = 0;
	add_setting(b, "bootstrap.servers", d.address);
	add_setting(b, "security.protocol", "sasl_plaintext");
	add_setting(b, "sasl.mechanism", "PLAIN");
	add_setting(b, "sasl.username", "u");
	add_setting(b, "sasl.password", "p");
	open_sink(b);
	wait_until(b, d.cut >= 3);
	assert_string_equal(sink_error(b->sink), "");
	assert_false(sink_connected(b->sink));
	d.stop = true;
	pthread_join(d.thread, NULL);
	close(d.fd);
}

static void
kafka_can_be_freed_at_any_time(void **state)
{
	struct bench *b = *state;
	int64_t		  begin_ms;

	create_mock_topic(b, "t", 1);
	for (int i = 0; i < 10; i++)
	{
		uint32_t topic;

		open_sink(b);
		if (i > 3)
		{
			topic = sink_topic(b->sink, "t");
			submit(b, topic, 0, "k", 1, 1);
		}
		if (i > 6)
		{
			topic = ready_topic(b, "t", 1);
			submit(b, topic, 0, "k", 1, 1);
		}
		sink_free(b->sink);
	}

	/* Also while it waits for somebody who does not answer. */
	rd_kafka_mock_broker_set_down(b->cluster, 1);
	open_sink(b);
	serve(b, 20);
	begin_ms = now_ms();
	sink_free(b->sink);
	b->sink = NULL;
	assert_true(now_ms() - begin_ms < 4000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(kafka_reports_each_record_once),
		TEST(kafka_sends_one_record_alone_after_a_pause),
		TEST(kafka_gives_a_topic_one_number),
		TEST(kafka_keeps_key_value_headers_time_and_partition),
		TEST(kafka_refuses_more_than_it_may_hold_and_recovers),
		TEST(kafka_takes_one_record_that_is_larger_than_its_bound),
		TEST(kafka_is_connected_only_while_a_broker_answers),
		TEST(kafka_waits_for_a_topic_while_unreachable),
		TEST(kafka_gives_up_after_errors_max_retries),
		TEST(kafka_fails_for_a_topic_that_cannot_be_had),
		TEST(kafka_waits_for_a_topic_that_is_not_ready),
		TEST(kafka_fails_for_a_record_that_is_too_large),
		TEST(kafka_reports_what_the_broker_refuses_as_not_delivered),
		TEST(kafka_names_the_refused_record_under_load),
		TEST(kafka_asks_rarely_while_nothing_is_confirmed),
		TEST(kafka_retries_what_passes),
		TEST(kafka_fatal_error_asks_for_a_new_producer),
		TEST(kafka_forces_what_delivery_depends_on),
		TEST(kafka_refuses_a_setting_that_librdkafka_does_not_know),
		TEST(kafka_waits_for_a_broker_that_goes_down_as_we_log_in),
		TEST(kafka_can_be_freed_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
