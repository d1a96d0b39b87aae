/*
 * heartbeat_action.c - the query that is run with each heartbeat; see
 * heartbeat_action.h for the contract.
 *
 *     NONE -> CONNECTING -> IDLE <-> QUERYING
 *
 * and from everywhere back to NONE, where the next heartbeat begins anew.  The
 * server ends a query that takes too long; where it does not answer at all,
 * the connection is given up a little later.
 */
#include "heartbeat_action.h"

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "mem.h"
#include "pgconn.h"

/* How much longer than its own time limit the server may take to say so. */
#define GRACE_MS 5000

/* A connection that is not used for so long is closed. */
#define IDLE_MS 10000

enum action_state
{
	ACTION_NONE, /* no connection */
	ACTION_CONNECTING,
	ACTION_IDLE,
	ACTION_QUERYING
};

struct heartbeat_action
{
	const struct heartbeat_action_config *config;
	enum action_state					  state;
	PGconn								 *conn;
	PostgresPollingStatusType			  polling;
	bool	 unflushed;	  /* libpq could not send all of it */
	bool	 failed;	  /* the query under way has */
	int64_t	 deadline_ms; /* INT64_MAX: none */
	unsigned hosts_skipped;
	char	 told[512]; /* the failure that was logged; "" if none was */
};

struct heartbeat_action *
heartbeat_action_new(const struct heartbeat_action_config *config)
{
	struct heartbeat_action *a = mem_zalloc(1, sizeof(*a));

	a->config = config;
	a->deadline_ms = INT64_MAX;
	return a;
}

static void
disconnect(struct heartbeat_action *a)
{
	PQfinish(a->conn);
	a->conn = NULL;
	a->state = ACTION_NONE;
	a->deadline_ms = INT64_MAX;
}

void
heartbeat_action_free(struct heartbeat_action *a)
{
	if (a == NULL)
		return;
	disconnect(a);
	free(a);
}

/*
 * Once: a query that fails does so with each heartbeat.  What tells failures
 * apart is the SQLSTATE, for texts may have a number in them that changes.
 */
static void
tell(struct heartbeat_action *a, const char *what, const char *sqlstate,
	 const char *error)
{
	const char *kind = sqlstate[0] != '\0' ? sqlstate : what;
	char		line[512];
	size_t		n;

	snprintf(line, sizeof(line), "%s", error);
	n = strlen(line);
	while (n > 0 && line[n - 1] == '\n')
		line[--n] = '\0';
	log_line(strcmp(a->told, kind) == 0 ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN,
			 "heartbeat", what, "sqlstate=%s error=%s", log_str(sqlstate),
			 log_str(line));
	snprintf(a->told, sizeof(a->told), "%s", kind);
}

static void
fail_connecting(struct heartbeat_action *a)
{
	tell(a, "heartbeat.action.query: no connection", "",
		 PQerrorMessage(a->conn));
	disconnect(a);
}

static void
lose_connection(struct heartbeat_action *a)
{
	tell(a, "heartbeat.action.query: connection lost", "",
		 PQerrorMessage(a->conn));
	disconnect(a);
}

/* Ordinary notices of somebody's trigger are not worth a line. */
static void
notice_receiver(void *arg, const PGresult *res)
{
	(void) arg;
	log_debug("heartbeat", "the server says", "message=%s",
			  log_str(PQresultErrorMessage(res)));
}

static void
connect_to_server(struct heartbeat_action *a, int64_t now_ms)
{
	int	 timeout_ms = a->config->connect_timeout_ms;
	char options[160];

	/*
	 * Limits of the role or the database that are none for a client that asks
	 * once in a while; and one against a query that leaves a transaction open.
	 */
	snprintf(options, sizeof(options),
			 "-c statement_timeout=%d -c idle_session_timeout=0 "
			 "-c idle_in_transaction_session_timeout=%d",
			 a->config->query_timeout_ms, a->config->query_timeout_ms);

	const char *const forced[][2] = {
		{"application_name", "walferry_heartbeat"},
		{"options", options},
	};

	a->conn = pgconn_open(a->config->keywords, a->config->values,
						  a->hosts_skipped, forced, 2);
	a->polling = PGRES_POLLING_WRITING;
	a->state = ACTION_CONNECTING;
	a->deadline_ms = timeout_ms > 0 ? now_ms + timeout_ms : INT64_MAX;
	PQsetNoticeReceiver(a->conn, notice_receiver, NULL);
}

static void
send_query(struct heartbeat_action *a, int64_t now_ms)
{
	int timeout_ms = a->config->query_timeout_ms;

	/* Rows, if it has any, come one by one and are dropped. */
	if (!PQsendQuery(a->conn, a->config->query) ||
		!PQsetSingleRowMode(a->conn))
	{
		lose_connection(a);
		return;
	}
	a->state = ACTION_QUERYING;
	a->failed = false;
	a->unflushed = true;
	a->deadline_ms = timeout_ms > 0 ? now_ms + timeout_ms + GRACE_MS
									: INT64_MAX;
}

static void
go_on_connecting(struct heartbeat_action *a, int64_t now_ms)
{
	while (PQstatus(a->conn) != CONNECTION_BAD)
	{
		if (!pgconn_is_ready(a->conn, a->polling))
			return;
		a->polling = PQconnectPoll(a->conn);
		if (a->polling == PGRES_POLLING_FAILED)
			break;
		if (a->polling != PGRES_POLLING_OK)
			return;
		PQsetErrorVerbosity(a->conn, PQERRORS_DEFAULT);
		if (PQsetnonblocking(a->conn, 1) != 0)
			break;
		send_query(a, now_ms);
		return;
	}
	fail_connecting(a);
}

/* One result of the query. */
static void
take_result(struct heartbeat_action *a, const PGresult *res)
{
	const char *sqlstate;

	switch (PQresultStatus(res))
	{
		case PGRES_COMMAND_OK:
		case PGRES_TUPLES_OK:
		case PGRES_SINGLE_TUPLE:
		case PGRES_EMPTY_QUERY:
			return;
		case PGRES_COPY_IN:
		case PGRES_COPY_OUT:
		case PGRES_COPY_BOTH:
			a->failed = true;
			tell(a, "heartbeat.action.query: it must not be a COPY", "",
				 "nobody is there to copy to or from");
			return;
		default:
			a->failed = true;
			sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
			tell(a, "heartbeat.action.query failed", sqlstate ? sqlstate : "",
				 PQresultErrorMessage(res));
			return;
	}
}

static void
end_query(struct heartbeat_action *a, int64_t now_ms)
{
	a->state = ACTION_IDLE;
	a->deadline_ms = now_ms + IDLE_MS;
	if (PQtransactionStatus(a->conn) != PQTRANS_IDLE)
	{
		/* It would hold back VACUUM, and the next one would be in it. */
		if (!a->failed)
			tell(a, "heartbeat.action.query leaves a transaction open", "",
				 "rolled back");
		disconnect(a);
	}
	else if (!a->failed)
	{
		if (a->told[0] != '\0')
			log_info("heartbeat", "heartbeat.action.query runs again", NULL);
		a->told[0] = '\0';
	}
}

static void
go_on_querying(struct heartbeat_action *a, int64_t now_ms)
{
	int rest = PQflush(a->conn);

	if (rest < 0)
	{
		lose_connection(a);
		return;
	}
	a->unflushed = rest > 0;

	/* With an error, what the server has said before is still to be had. */
	if (!PQconsumeInput(a->conn) && PQisBusy(a->conn))
	{
		lose_connection(a);
		return;
	}
	while (!PQisBusy(a->conn))
	{
		PGresult *res = PQgetResult(a->conn);
		bool	  copy;

		if (res == NULL)
		{
			end_query(a, now_ms);
			return;
		}
		take_result(a, res);
		copy = PQresultStatus(res) == PGRES_COPY_IN ||
			   PQresultStatus(res) == PGRES_COPY_OUT ||
			   PQresultStatus(res) == PGRES_COPY_BOTH;
		PQclear(res);
		if (copy || PQstatus(a->conn) == CONNECTION_BAD)
		{
			disconnect(a);
			return;
		}
	}
}

/* Has the server ended the connection meanwhile? */
static void
look_at_idle(struct heartbeat_action *a)
{
	if (PQconsumeInput(a->conn) && !PQisBusy(a->conn) &&
		PQstatus(a->conn) == CONNECTION_OK)
		return;
	log_debug("heartbeat", "connection lost while idle", NULL);
	disconnect(a);
}

void
heartbeat_action_step(struct heartbeat_action *a, int64_t now_ms)
{
	if (a->state == ACTION_CONNECTING)
		go_on_connecting(a, now_ms);
	else if (a->state == ACTION_QUERYING)
		go_on_querying(a, now_ms);
	if (now_ms < a->deadline_ms)
		return;
	if (a->state == ACTION_CONNECTING)
		a->hosts_skipped++;
	if (a->state != ACTION_IDLE)
		tell(a, "heartbeat.action.query: no answer in time", "",
			 "connection given up");
	disconnect(a);
}

void
heartbeat_action_run(struct heartbeat_action *a, int64_t now_ms)
{
	if (a->state == ACTION_IDLE)
		look_at_idle(a);
	switch (a->state)
	{
		case ACTION_NONE:
			connect_to_server(a, now_ms);
			break;
		case ACTION_IDLE:
			send_query(a, now_ms);
			break;
		case ACTION_CONNECTING:
		case ACTION_QUERYING:
			log_debug("heartbeat", "the query before is still under way",
					  NULL);
			return;
	}
	heartbeat_action_step(a, now_ms);
}

int
heartbeat_action_fd(const struct heartbeat_action *a)
{
	return a->state == ACTION_CONNECTING || a->state == ACTION_QUERYING
			   ? PQsocket(a->conn)
			   : -1;
}

short
heartbeat_action_events(const struct heartbeat_action *a)
{
	if (a->state == ACTION_CONNECTING)
		return a->polling == PGRES_POLLING_WRITING ? POLLOUT : POLLIN;
	return (short) (a->unflushed ? POLLIN | POLLOUT : POLLIN);
}

int64_t
heartbeat_action_due_ms(const struct heartbeat_action *a)
{
	return a->deadline_ms;
}
