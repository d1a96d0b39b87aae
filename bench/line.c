/*
 * line.c
 *		The far end of the whole line: what arrived in Kafka, and when.
 *
 * usage: line create BROKERS PARTITIONS TOPIC...
 *		creates the topics; no output
 *
 *		line await BROKERS COUNT TIMEOUT_S TOPIC...
 *		waits until the topics hold COUNT records together, looking at their
 *		end offsets and reading nothing; prints when the first and the last
 *		were seen (seconds since the Unix epoch)
 *
 *		line count BROKERS TOPIC...
 *		reads the topics to their ends and counts Debezium events by operation,
 *		tombstones, and the sum of the keys "id" of events
 *
 *		line latency BROKERS CONNINFO SAMPLES TIMEOUT_S TOPIC
 *		inserts a row into bench_default, waits for its event in TOPIC, and so
 *		on; prints percentiles of the time between COMMIT's return and the
 *		event's arrival here, in microseconds
 *
 * A reader gets a record only after the broker has acknowledged it to all its
 * replicas, so the latency contains commit-to-acknowledgement and, on top of
 * it, the fetch: it is an upper bound that needs no clock of the forwarder.
 *
 * Each but the first prints one line of JSON.  Exit code 0, or 1 with a line
 * on stderr.
 */
#define _GNU_SOURCE 1
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libpq-fe.h>
#include <librdkafka/rdkafka.h>

#define CALL_TIMEOUT_MS			10000
/* A look asks the broker once a partition; the error is 1 % of some seconds */
#define AWAIT_INTERVAL_NS		20000000
#define LOOKS_A_LIST			50
#define WARM_UP_SAMPLES			50

struct totals
{
	uint64_t	creates;
	uint64_t	updates;
	uint64_t	deletes;
	uint64_t	tombstones;
	uint64_t	others;
	uint64_t	bytes;
	uint64_t	id_sum;
};

static _Noreturn void
die(const char *what, const char *why)
{
	fprintf(stderr, "line: %s: %s\n", what, why);
	exit(1);
}

static uint64_t
now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}

static rd_kafka_t *
consumer_new(const char *brokers)
{
	const char *const settings[][2] = {
		{"bootstrap.servers", brokers},
		{"group.id", "walferry-bench"},
		{"enable.auto.commit", "false"},
		{"enable.partition.eof", "true"},
		/* with transactions, what counts is what is committed */
		{"isolation.level", "read_committed"},
		/* answer at once, and ask again at once */
		{"fetch.min.bytes", "1"},
		{"fetch.wait.max.ms", "500"},
		{"fetch.error.backoff.ms", "0"},
		{"log_level", "2"},
	};
	char		err[512];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
	{
		if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], err,
							  sizeof(err)) != RD_KAFKA_CONF_OK)
			die(settings[i][0], err);
	}
	if ((rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, err, sizeof(err))) == NULL)
		die("consumer", err);
	return rk;
}

static void
consumer_free(rd_kafka_t *rk)
{
	rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
}

/* Adds the topic's partitions; none when the topic does not exist yet. */
static void
list_partitions(rd_kafka_t *rk, const char *topic,
				rd_kafka_topic_partition_list_t *list)
{
	const struct rd_kafka_metadata *md;
	rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, NULL);

	if (rd_kafka_metadata(rk, 0, rkt, &md, CALL_TIMEOUT_MS) ==
		RD_KAFKA_RESP_ERR_NO_ERROR)
	{
		for (int i = 0; i < md->topics[0].partition_cnt; i++)
			rd_kafka_topic_partition_list_add(list, topic,
											  md->topics[0].partitions[i].id);
		rd_kafka_metadata_destroy(md);
	}
	rd_kafka_topic_destroy(rkt);
}

static rd_kafka_topic_partition_list_t *
partitions_of(rd_kafka_t *rk, char **topics, int n)
{
	rd_kafka_topic_partition_list_t *list =
		rd_kafka_topic_partition_list_new(16);

	for (int i = 0; i < n; i++)
		list_partitions(rk, topics[i], list);
	return list;
}

/* The records between the first and the end offsets, as far as they answer. */
static uint64_t
count_records(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list)
{
	uint64_t	sum = 0;

	for (int i = 0; i < list->cnt; i++)
	{
		int64_t		low;
		int64_t		high;

		if (rd_kafka_query_watermark_offsets(rk, list->elems[i].topic,
											 list->elems[i].partition, &low,
											 &high, CALL_TIMEOUT_MS) ==
			RD_KAFKA_RESP_ERR_NO_ERROR)
			sum += (uint64_t) (high - low);
	}
	return sum;
}

static int
command_create(int argc, char **argv)
{
	rd_kafka_t *rk = consumer_new(argv[0]);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	size_t		n = (size_t) argc - 2;
	rd_kafka_NewTopic_t **topics = calloc(n, sizeof(*topics));
	const rd_kafka_topic_result_t **results;
	rd_kafka_event_t *event;
	char		err[512];
	size_t		nresults;

	for (size_t i = 0; topics != NULL && i < n; i++)
	{
		topics[i] = rd_kafka_NewTopic_new(argv[2 + i], atoi(argv[1]), 1, err,
										  sizeof(err));
		if (topics[i] == NULL)
			die(argv[2 + i], err);
	}
	rd_kafka_CreateTopics(rk, topics, n, NULL, queue);
	event = rd_kafka_queue_poll(queue, CALL_TIMEOUT_MS);
	if (event == NULL ||
		rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
		die("create", event == NULL ? "no answer from the broker" :
			rd_kafka_event_error_string(event));
	results = rd_kafka_CreateTopics_result_topics(
		rd_kafka_event_CreateTopics_result(event), &nresults);
	for (size_t i = 0; i < nresults; i++)
	{
		if (rd_kafka_topic_result_error(results[i]) !=
			RD_KAFKA_RESP_ERR_NO_ERROR)
			die(rd_kafka_topic_result_name(results[i]),
				rd_kafka_topic_result_error_string(results[i]));
	}
	rd_kafka_event_destroy(event);
	rd_kafka_NewTopic_destroy_array(topics, n);
	free(topics);
	rd_kafka_queue_destroy(queue);
	consumer_free(rk);
	return 0;
}

static int
command_await(int argc, char **argv)
{
	rd_kafka_t *rk = consumer_new(argv[0]);
	uint64_t	want = strtoull(argv[1], NULL, 10);
	uint64_t	deadline = now_ns(CLOCK_MONOTONIC) +
		strtoull(argv[2], NULL, 10) * 1000000000u;
	uint64_t	first_ns = 0;
	uint64_t	count = 0;
	unsigned	looks = 0;
	rd_kafka_topic_partition_list_t *list =
		partitions_of(rk, argv + 3, argc - 3);

	while (count < want && now_ns(CLOCK_MONOTONIC) < deadline)
	{
		nanosleep(&(struct timespec) {.tv_nsec = AWAIT_INTERVAL_NS}, NULL);

		/* A topic that is new may not have told of all its partitions. */
		if (list->cnt == 0 || ++looks % LOOKS_A_LIST == 0)
		{
			rd_kafka_topic_partition_list_destroy(list);
			list = partitions_of(rk, argv + 3, argc - 3);
		}
		count = count_records(rk, list);
		if (first_ns == 0 && count > 0)
			first_ns = now_ns(CLOCK_REALTIME);
	}
	printf("{\"records\": %" PRIu64 ", \"first_s\": %.6f, \"last_s\": %.6f}\n",
		   count, (double) first_ns / 1e9,
		   (double) now_ns(CLOCK_REALTIME) / 1e9);
	rd_kafka_topic_partition_list_destroy(list);
	consumer_free(rk);
	if (count < want)
		die("await", "timed out");
	return 0;
}

/* The number behind the first "id": of a key, or 0. */
static uint64_t
key_id(const rd_kafka_message_t *msg)
{
	static const char name[] = "\"id\":";
	const char *p = msg->key == NULL ? NULL :
		memmem(msg->key, msg->key_len, name, sizeof(name) - 1);
	const char *end = (const char *) msg->key + msg->key_len;
	uint64_t	id = 0;

	if (p == NULL)
		return 0;
	for (p += sizeof(name) - 1; p < end && *p == ' '; p++)
		;
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		id = id * 10 + (uint64_t) (*p - '0');
	return id;
}

/*
 * The envelope's "op".  Its place among the members is not fixed and a row
 * may hold the same text, but ours do not.
 */
static char
event_op(const rd_kafka_message_t *msg)
{
	static const char name[] = "\"op\":\"";
	const char *p = memmem(msg->payload, msg->len, name, sizeof(name) - 1);
	const char *end = (const char *) msg->payload + msg->len;

	if (p == NULL || p + sizeof(name) - 1 >= end)
		return 0;
	return p[sizeof(name) - 1];
}

static void
count_event(struct totals *t, const rd_kafka_message_t *msg)
{
	t->bytes += msg->len + msg->key_len;
	if (msg->payload == NULL)
	{
		t->tombstones++;
		return;
	}
	switch (event_op(msg))
	{
		case 'c':
			t->creates++;
			break;
		case 'u':
			t->updates++;
			break;
		case 'd':
			t->deletes++;
			break;
		default:
			t->others++;
			return;
	}
	t->id_sum += key_id(msg);
}

static int
command_count(int argc, char **argv)
{
	rd_kafka_t *rk = consumer_new(argv[0]);
	rd_kafka_topic_partition_list_t *list =
		partitions_of(rk, argv + 1, argc - 1);
	struct totals t = {0};

	for (int i = 0; i < list->cnt; i++)
		list->elems[i].offset = RD_KAFKA_OFFSET_BEGINNING;
	if (rd_kafka_assign(rk, list) != RD_KAFKA_RESP_ERR_NO_ERROR)
		die("count", "cannot assign the partitions");
	for (int open = list->cnt; open > 0;)
	{
		rd_kafka_message_t *msg = rd_kafka_consumer_poll(rk, 30000);

		if (msg == NULL)
			die("count", "no answer from the broker");
		if (msg->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
			open--;
		else if (msg->err != RD_KAFKA_RESP_ERR_NO_ERROR)
			die("count", rd_kafka_message_errstr(msg));
		else
			count_event(&t, msg);
		rd_kafka_message_destroy(msg);
	}
	printf("{\"inserts\": %" PRIu64 ", \"updates\": %" PRIu64
		   ", \"deletes\": %" PRIu64 ", \"tombstones\": %" PRIu64
		   ", \"others\": %" PRIu64 ", \"bytes\": %" PRIu64
		   ", \"id_sum\": %" PRIu64 "}\n",
		   t.creates, t.updates, t.deletes, t.tombstones, t.others, t.bytes,
		   t.id_sum);
	rd_kafka_topic_partition_list_destroy(list);
	consumer_free(rk);
	return 0;
}

/* Wait for the event with this key; records before it are passed over. */
static void
await_event(rd_kafka_t *rk, uint64_t id, uint64_t deadline)
{
	while (now_ns(CLOCK_MONOTONIC) < deadline)
	{
		rd_kafka_message_t *msg = rd_kafka_consumer_poll(rk, 1000);
		bool		found = false;

		if (msg == NULL)
			continue;
		if (msg->err == RD_KAFKA_RESP_ERR_NO_ERROR)
			found = key_id(msg) == id;
		else if (msg->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
			die("latency", rd_kafka_message_errstr(msg));
		rd_kafka_message_destroy(msg);
		if (found)
			return;
	}
	die("latency", "timed out waiting for an event");
}

static int
compare_u64(const void *a, const void *b)
{
	uint64_t	x = *(const uint64_t *) a;
	uint64_t	y = *(const uint64_t *) b;

	return (x > y) - (x < y);
}

static int
command_latency(int argc, char **argv)
{
	static const char insert[] = "INSERT INTO bench_default "
		"SELECT $1::bigint, qty, note, price, seen, ref, doc, ok, ratio "
		"FROM bench_pool WHERE n = $1::bigint % 1000";
	rd_kafka_t *rk = consumer_new(argv[0]);
	PGconn	   *conn = PQconnectdb(argv[1]);
	size_t		samples = strtoull(argv[2], NULL, 10);
	uint64_t	timeout_ns = strtoull(argv[3], NULL, 10) * 1000000000u;
	uint64_t   *took = calloc(samples, sizeof(*took));
	/* a run's rows must not meet those of another run of this cluster */
	uint64_t	first_id = now_ns(CLOCK_REALTIME) / 1000;
	rd_kafka_topic_partition_list_t *list = partitions_of(rk, argv + 4, 1);
	PGresult   *res;

	(void) argc;
	if (samples == 0 || took == NULL)
		die("latency", "bad number of samples");
	if (PQstatus(conn) != CONNECTION_OK)
		die("connect", PQerrorMessage(conn));
	if (list->cnt == 0)
		die(argv[4], "no such topic");
	for (int i = 0; i < list->cnt; i++)
		list->elems[i].offset = RD_KAFKA_OFFSET_END;
	if (rd_kafka_assign(rk, list) != RD_KAFKA_RESP_ERR_NO_ERROR)
		die("latency", "cannot assign the partitions");
	/* all partitions must stand at their ends before the first row */
	for (int open = list->cnt; open > 0;)
	{
		rd_kafka_message_t *msg = rd_kafka_consumer_poll(rk, 30000);

		if (msg == NULL)
			die("latency", "no answer from the broker");
		if (msg->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
			open--;
		rd_kafka_message_destroy(msg);
	}

	res = PQprepare(conn, "insert", insert, 1, NULL);
	if (PQresultStatus(res) != PGRES_COMMAND_OK)
		die("prepare", PQerrorMessage(conn));
	PQclear(res);
	for (size_t i = 0; i < WARM_UP_SAMPLES + samples; i++)
	{
		char		id[24];
		const char *values[] = {id};
		uint64_t	start;

		snprintf(id, sizeof(id), "%" PRIu64, first_id + i);
		res = PQexecPrepared(conn, "insert", 1, values, NULL, NULL, 0);
		start = now_ns(CLOCK_MONOTONIC);
		if (PQresultStatus(res) != PGRES_COMMAND_OK)
			die("insert", PQerrorMessage(conn));
		PQclear(res);
		await_event(rk, first_id + i, start + timeout_ns);
		if (i >= WARM_UP_SAMPLES)
			took[i - WARM_UP_SAMPLES] = now_ns(CLOCK_MONOTONIC) - start;
	}

	qsort(took, samples, sizeof(*took), compare_u64);
	printf("{\"samples\": %zu, \"p50_us\": %.1f, \"p95_us\": %.1f, "
		   "\"p99_us\": %.1f, \"max_us\": %.1f}\n",
		   samples, (double) took[samples / 2] / 1e3,
		   (double) took[samples * 95 / 100] / 1e3,
		   (double) took[samples * 99 / 100] / 1e3,
		   (double) took[samples - 1] / 1e3);
	free(took);
	rd_kafka_topic_partition_list_destroy(list);
	PQfinish(conn);
	consumer_free(rk);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc >= 5 && strcmp(argv[1], "create") == 0)
		return command_create(argc - 2, argv + 2);
	if (argc >= 6 && strcmp(argv[1], "await") == 0)
		return command_await(argc - 2, argv + 2);
	if (argc >= 4 && strcmp(argv[1], "count") == 0)
		return command_count(argc - 2, argv + 2);
	if (argc == 7 && strcmp(argv[1], "latency") == 0)
		return command_latency(argc - 2, argv + 2);
	fprintf(stderr, "usage: line create|await|count|latency ARGS, see line.c\n");
	return 1;
}
