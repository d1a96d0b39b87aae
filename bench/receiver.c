/*
 * receiver.c
 *		Drains a logical slot up to an LSN and says what that cost.
 *
 * The walsender is what is measured: its CPU, in nanoseconds, is read from
 * /proc/PID/schedstat at START_REPLICATION and again when it has sent all and
 * gone to sleep, before the connection ends.  So the walsender must run on
 * this machine, over a Unix socket or TCP.
 *
 * A fast wrong answer must not pass, so each plugin's output is parsed just
 * far enough to count its operations and to add up keys, values and a hash of
 * one text column, all of which come out equal for every plugin; a hash over
 * all payload bytes must be equal between two runs of the same plugin.  This
 * costs the receiver, which runs on another CPU, some tens of nanoseconds a
 * row and the walsender nothing.
 *
 * The tables are those of workload.sql: column 0 is "id", column 2 "note".
 *
 * usage: receiver CONNINFO SLOT END_LSN COUNTER TIMEOUT_S DUMP
 *		[OPTION=VALUE...]
 *
 * COUNTER is a name from the table of counters below.  DUMP is a file for the
 * payloads, each behind its length (32 bits, little-endian), or "-" for none.
 * Prints one line of JSON.  Exit code 0 when END_LSN was reached, else 1.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "counter.h"

/* 'w', start LSN, end LSN, time */
#define DATA_HEADER_LEN			25
/* 'k', end LSN, time, reply requested */
#define KEEPALIVE_LEN			18

/* Seconds between the Unix and the PostgreSQL epoch. */
#define POSTGRES_EPOCH_S		946684800

static const struct counter
{
	const char *name;
	counter_fn	count;
}			counters[] = {
	{"none", counter_none},
	{"pgoutput", counter_pgoutput},
	{"wal2json", counter_wal2json},
	{"decoderbufs", counter_decoderbufs},
	{"sketch", counter_sketch},
	{"walferry", counter_walferry},
};

static _Noreturn void
die(const char *what, const char *why)
{
	size_t		len = strlen(why);

	while (len > 0 && why[len - 1] == '\n')
		len--;
	fprintf(stderr, "receiver: %s: %.*s\n", what, (int) len, why);
	exit(1);
}

static void
on_alarm(int signo)
{
	static const char text[] = "receiver: timed out before the end LSN\n";

	(void) signo;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(2);
	_exit(1);
}

static uint64_t
now_ns(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts) != 0)
		die("clock_gettime", strerror(errno));
	return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}

static uint64_t
process_cpu_ns(int pid)
{
	char		path[64];
	uint64_t	ns;
	FILE	   *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	if ((f = fopen(path, "r")) == NULL || fscanf(f, "%" SCNu64, &ns) != 1)
		die(path, "cannot read the walsender's CPU time");
	fclose(f);
	return ns;
}

/* Give the walsender up to a second to finish what it is at and sleep. */
static void
process_await_sleep(int pid)
{
	char		path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (int i = 0; i < 1000; i++)
	{
		char		state = 0;
		FILE	   *f = fopen(path, "r");

		/* pid (name) state; a walsender's name holds no parenthesis */
		if (f == NULL || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
			die(path, "cannot read the walsender's state");
		fclose(f);
		if (state == 'S')
			return;
		nanosleep(&(struct timespec) {.tv_nsec = 1000000}, NULL);
	}
	die(path, "walsender does not come to rest");
}

static uint64_t
get_u64(const char *p)
{
	uint64_t	v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | (unsigned char) p[i];
	return v;
}

static void
put_u64(char *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = (char) (v & 0xff);
}

/*
 * Report what was read as written and never as flushed: the slot is a copy
 * that is dropped after the run, and moving it would be work that differs
 * from plugin to plugin.
 */
static void
send_status(PGconn *conn, uint64_t written_lsn)
{
	char		msg[34];
	uint64_t	now = now_ns(CLOCK_REALTIME) / 1000u
		- (uint64_t) POSTGRES_EPOCH_S * 1000000u;

	msg[0] = 'r';
	put_u64(msg + 1, written_lsn);
	put_u64(msg + 9, 0);
	put_u64(msg + 17, 0);
	put_u64(msg + 25, now);
	msg[33] = 0;
	if (PQputCopyData(conn, msg, sizeof(msg)) != 1 || PQflush(conn) != 0)
		die("status update", PQerrorMessage(conn));
}

/* decoderbufs says at INFO, which no setting can silence, that it started */
static void
on_notice(void *arg, const char *message)
{
	(void) arg;
	if (strncmp(message, "INFO:", 5) != 0)
		fputs(message, stderr);
}

static PGconn *
connect_replication(const char *conninfo)
{
	const char *keys[] = {"dbname", "replication", "fallback_application_name",
	NULL};
	const char *values[] = {conninfo, "database", "walferry_bench", NULL};
	PGconn	   *conn = PQconnectdbParams(keys, values, 1);

	if (PQstatus(conn) != CONNECTION_OK)
		die("connect", PQerrorMessage(conn));
	PQsetNoticeProcessor(conn, on_notice, NULL);
	return conn;
}

/* The options are the harness's own and hold no quotes. */
static void
start_replication(PGconn *conn, const char *slot, char **options, int n)
{
	char		sql[4096];
	size_t		len;
	PGresult   *res;

	len = (size_t) snprintf(sql, sizeof(sql),
							"START_REPLICATION SLOT \"%s\" LOGICAL 0/0", slot);
	for (int i = 0; i < n; i++)
	{
		char	   *value = strchr(options[i], '=');

		if (value == NULL || len + strlen(options[i]) + 16 > sizeof(sql))
			die("option", options[i]);
		len += (size_t) snprintf(sql + len, sizeof(sql) - len,
								 "%s\"%.*s\" '%s'", i == 0 ? " (" : ", ",
								 (int) (value - options[i]), options[i],
								 value + 1);
	}
	if (n > 0)
		snprintf(sql + len, sizeof(sql) - len, ")");

	res = PQexec(conn, sql);
	if (PQresultStatus(res) != PGRES_COPY_BOTH)
		die(sql, PQerrorMessage(conn));
	PQclear(res);
}

static void
dump_payload(FILE *dump, const char *payload, size_t len)
{
	unsigned char head[4] = {
		len & 0xff, len >> 8 & 0xff, len >> 16 & 0xff, len >> 24 & 0xff
	};

	if (fwrite(head, 1, 4, dump) != 4 || fwrite(payload, 1, len, dump) != len)
		die("dump", strerror(errno));
}

int
main(int argc, char **argv)
{
	const struct counter *counter = NULL;
	struct counts counts = {0};
	uint64_t	end_lsn;
	uint64_t	seen_lsn = 0;
	uint64_t	messages = 0;
	uint64_t	bytes = 0;
	uint64_t	hash = 0;
	uint64_t	keepalives = 0;
	uint64_t	replies = 0;
	uint64_t	wall_ns;
	uint64_t	own_ns;
	uint64_t	sender_start_ns;
	uint64_t	sender_ns;
	uint64_t	first_ns = 0;
	unsigned int hi;
	unsigned int lo;
	int			pid;
	FILE	   *dump = NULL;
	PGconn	   *conn;

	if (argc < 7 || sscanf(argv[3], "%X/%X", &hi, &lo) != 2)
	{
		fprintf(stderr, "usage: receiver CONNINFO SLOT END_LSN COUNTER "
				"TIMEOUT_S DUMP [OPTION=VALUE...]\n");
		return 1;
	}
	end_lsn = (uint64_t) hi << 32 | lo;
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
	{
		if (strcmp(counters[i].name, argv[4]) == 0)
			counter = &counters[i];
	}
	if (counter == NULL)
		die(argv[4], "no such counter in this receiver");
	if (strcmp(argv[6], "-") != 0 && (dump = fopen(argv[6], "wb")) == NULL)
		die(argv[6], strerror(errno));

	signal(SIGALRM, on_alarm);
	alarm((unsigned int) atoi(argv[5]));

	conn = connect_replication(argv[1]);
	pid = PQbackendPID(conn);
	sender_start_ns = process_cpu_ns(pid);
	own_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	wall_ns = now_ns(CLOCK_MONOTONIC);
	start_replication(conn, argv[2], argv + 7, argc - 7);

	/*
	 * The WAL ends soon after end_lsn, and a walsender that has caught up
	 * says so in a keepalive; that all data came before it is what makes
	 * the keepalive's LSN, and not the data's, the end of the run.
	 */
	while (seen_lsn < end_lsn)
	{
		char	   *msg = NULL;
		int			len = PQgetCopyData(conn, &msg, 0);

		if (len < 0)
			die("stream ended", PQerrorMessage(conn));
		if (msg[0] == 'w' && len >= DATA_HEADER_LEN)
		{
			const char *payload = msg + DATA_HEADER_LEN;
			size_t		payload_len = (size_t) len - DATA_HEADER_LEN;

			if (messages++ == 0)
				first_ns = now_ns(CLOCK_MONOTONIC) - wall_ns;
			bytes += payload_len;
			hash = counter_hash(hash, payload, payload_len);
			if (!counter->count(&counts, payload, payload_len))
				die(counter->name, "cannot parse what the plugin sent");
			if (dump != NULL)
				dump_payload(dump, payload, payload_len);
		}
		else if (msg[0] == 'k' && len >= KEEPALIVE_LEN)
		{
			keepalives++;
			seen_lsn = get_u64(msg + 1);
			if (msg[17] != 0)
			{
				send_status(conn, seen_lsn);
				replies++;
			}
		}
		else
			die("stream", "unknown message");
		PQfreemem(msg);
	}

	wall_ns = now_ns(CLOCK_MONOTONIC) - wall_ns;
	own_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID) - own_ns;
	process_await_sleep(pid);
	sender_ns = process_cpu_ns(pid) - sender_start_ns;
	PQfinish(conn);
	if (dump != NULL && fclose(dump) != 0)
		die(argv[6], strerror(errno));

	printf("{\"walsender_cpu_ns\": %" PRIu64 ", \"receiver_cpu_ns\": %" PRIu64
		   ", \"wall_ns\": %" PRIu64 ", \"first_ns\": %" PRIu64
		   ", \"messages\": %" PRIu64 ", \"bytes\": %" PRIu64
		   ", \"keepalives\": %" PRIu64 ", \"replies\": %" PRIu64
		   ", \"commits\": %" PRIu64 ", \"inserts\": %" PRIu64
		   ", \"updates\": %" PRIu64 ", \"deletes\": %" PRIu64
		   ", \"id_sum\": %" PRIu64 ", \"values\": %" PRIu64
		   ", \"note_hash\": \"%016" PRIx64 "\", \"hash\": \"%016" PRIx64
		   "\"}\n",
		   sender_ns, own_ns, wall_ns, first_ns, messages, bytes, keepalives,
		   replies, counts.commits, counts.inserts, counts.updates,
		   counts.deletes, counts.id_sum, counts.values, counts.note_hash,
		   hash);
	return 0;
}
