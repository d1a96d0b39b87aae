/*
 * repl_stream.c - what is streaming: reading, feedback, the end; see repl.h
 * for the contract.
 *
 * In the stream, integers are big-endian:
 *
 *     'w' wal_start:8 wal_end:8 send_time:8 data      server to us
 *     'k' wal_end:8 send_time:8 reply:1               server to us
 *     'r' written:8 flushed:8 applied:8 time:8 reply:1   us to the server
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "log.h"
#include "repl_impl.h"

#define DATA_HEADER_LEN 25
#define KEEPALIVE_LEN 18
#define STATUS_LEN 34

/* Seconds from 1970-01-01 to 2000-01-01, PostgreSQL's epoch. */
#define PG_EPOCH_S INT64_C(946684800)

static uint64_t
get_u64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

static void
put_u64(uint8_t *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--)
	{
		p[i] = (uint8_t) v;
		v >>= 8;
	}
}

/* The copy is over: why? */
static enum repl_outcome
read_end(struct repl *r)
{
	PGresult		 *res;
	enum repl_outcome outcome;

	r->ending = true;
	if (PQisBusy(r->conn))
	{
		if (r->broken)
			return repl_fail_connection(r);
		return REPL_AGAIN;
	}
	res = PQgetResult(r->conn);
	switch (PQresultStatus(res))
	{
		case PGRES_COPY_IN: /* it ended its half */
		case PGRES_COMMAND_OK:
		case PGRES_TUPLES_OK:
			outcome = REPL_ENDED;
			break;
		default:
			outcome = res == NULL ? repl_fail_connection(r)
								  : repl_fail_result(r, res);
			break;
	}
	PQclear(res);
	r->step = STEP_ENDED;
	return outcome;
}

static enum repl_outcome
parse_message(struct repl *r, size_t len, struct repl_message *m)
{
	const uint8_t *p = (const uint8_t *) r->copied;

	memset(m, 0, sizeof(*m));
	if (len >= DATA_HEADER_LEN && p[0] == 'w')
	{
		m->kind = REPL_DATA;
		m->wal_end = get_u64(p + 9);
		m->data = p + DATA_HEADER_LEN;
		m->len = len - DATA_HEADER_LEN;
		return REPL_DONE;
	}
	if (len == KEEPALIVE_LEN && p[0] == 'k')
	{
		m->kind = REPL_KEEPALIVE;
		m->wal_end = get_u64(p + 1);
		m->reply_requested = p[17] != 0;
		return REPL_DONE;
	}
	repl_fail(r, REPL_FAILURE_RETRY,
			  "the stream holds a message of type 0x%02x "
			  "and %zu bytes, which makes no sense",
			  len > 0 ? p[0] : 0, len);
	strcpy(r->failure.sqlstate, "08P01");
	return REPL_FAILED;
}

enum repl_outcome
repl_read(struct repl *r, struct repl_message *m)
{
	/*
	 * Under TLS, a record that did not fit libpq's buffer waits in OpenSSL,
	 * where poll() does not see it: then read again before giving up.
	 */
	int reads = 1;

	PQfreemem(r->copied);
	r->copied = NULL;
	if (r->step != STEP_STREAMING)
		return r->step == STEP_ENDED
				   ? REPL_ENDED
				   : repl_fail(r, REPL_FAILURE_RETRY, "not streaming");
	if (r->unflushed && repl_flush(r) == REPL_FAILED)
		r->broken = true; /* its last words may be there to read */
	if (PQsslInUse(r->conn))
		reads = 3;
	for (;;)
	{
		if (!r->ending)
		{
			int n = PQgetCopyData(r->conn, &r->copied, 1);

			if (n > 0)
				return parse_message(r, (size_t) n, m);
			if (n == -1)
				r->ending = true;
			if (n == -2)
				return repl_fail_connection(r);
		}
		if (r->ending)
		{
			enum repl_outcome outcome = read_end(r);

			if (outcome != REPL_AGAIN)
				return outcome;
		}
		if (r->broken)
			return repl_fail_connection(r);
		if (reads-- == 0)
			return REPL_AGAIN;
		if (!PQconsumeInput(r->conn))
			r->broken = true; /* what came before is still to be had */
	}
}

static int64_t
pg_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ((int64_t) ts.tv_sec - PG_EPOCH_S) * 1000000 + ts.tv_nsec / 1000;
}

enum repl_outcome
repl_flush(struct repl *r)
{
	int rc;

	if (r->conn == NULL || !r->unflushed)
		return REPL_DONE;
	rc = PQflush(r->conn);
	if (rc < 0)
		return repl_fail_connection(r);
	r->unflushed = rc > 0;
	return rc > 0 ? REPL_AGAIN : REPL_DONE;
}

enum repl_outcome
repl_send_status(struct repl *r, uint64_t written_lsn, uint64_t flushed_lsn)
{
	uint8_t message[STATUS_LEN];
	int		rc;

	if (r->step != STEP_STREAMING)
		return repl_fail(r, REPL_FAILURE_RETRY, "not streaming");
	message[0] = 'r';
	put_u64(message + 1, written_lsn);
	put_u64(message + 9, flushed_lsn);
	put_u64(message + 17, flushed_lsn);
	put_u64(message + 25, (uint64_t) pg_now_us());
	message[33] = 0; /* no reply wanted */
	rc = PQputCopyData(r->conn, (const char *) message, sizeof(message));
	if (rc == 0)
	{
		r->unflushed = true;
		return REPL_AGAIN;
	}
	if (rc < 0)
		return repl_fail_connection(r);
	r->unflushed = true;
	return repl_flush(r) == REPL_FAILED ? REPL_FAILED : REPL_DONE;
}

/* Until the socket is ready for 'events'; false at the deadline. */
static bool
wait_for(struct repl *r, short events, int64_t deadline_ms)
{
	for (;;)
	{
		int64_t		  left = deadline_ms - clock_monotonic_ms();
		struct pollfd pfd = {.fd = PQsocket(r->conn), .events = events};
		int			  n;

		if (left <= 0)
			return false;
		n = poll(&pfd, 1, left > 1000 ? 1000 : (int) left);
		if (n > 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
	}
}

static bool
flush_until(struct repl *r, int64_t deadline_ms)
{
	int rc;

	while ((rc = PQflush(r->conn)) > 0)
	{
		if (!wait_for(r, POLLIN | POLLOUT, deadline_ms))
			return false;
		PQconsumeInput(r->conn);
	}
	return rc == 0;
}

/* Results until there are no more; false if it took too long. */
static bool
results_until(struct repl *r, int64_t deadline_ms)
{
	PGresult *res;

	for (;;)
	{
		while (PQisBusy(r->conn))
		{
			if (!wait_for(r, POLLIN, deadline_ms) || !PQconsumeInput(r->conn))
				return false;
		}
		res = PQgetResult(r->conn);
		if (res == NULL)
			return true;
		if (PQresultStatus(res) == PGRES_FATAL_ERROR)
			log_warn("repl", "the server reported an error at the end",
					 "error=%s", log_str(PQresultErrorMessage(res)));
		PQclear(res);
	}
}

/* Throw away what is left of the stream. */
static bool
drain_until(struct repl *r, int64_t deadline_ms)
{
	for (;;)
	{
		char *data;
		int	  n = PQgetCopyData(r->conn, &data, 1);

		if (n > 0)
			PQfreemem(data);
		else if (n < 0)
			return true;
		else if (!wait_for(r, POLLIN, deadline_ms) || !PQconsumeInput(r->conn))
			return false;
	}
}

void
repl_finish(struct repl *r, int timeout_ms, enum repl_leave leave)
{
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
	bool	ended;

	if (r->conn == NULL || r->step != STEP_STREAMING)
	{
		repl_reset(r);
		return;
	}
	ended = flush_until(r, deadline_ms) && PQputCopyEnd(r->conn, NULL) >= 0 &&
			flush_until(r, deadline_ms) && drain_until(r, deadline_ms) &&
			results_until(r, deadline_ms);
	if (leave == REPL_DROP_SLOT && !r->config->temporary)
	{
		struct buf b = {0};

		repl_query_put_drop(r, &b);
		ended = ended && PQsendQuery(r->conn, buf_cstr(&b)) &&
				flush_until(r, deadline_ms) && results_until(r, deadline_ms);
		buf_free(&b);
		log_line(ended ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "repl",
				 ended ? "dropped the slot" : "could not drop the slot",
				 "slot=%s", log_str(r->config->slot));
	}
	repl_reset(r);
}
