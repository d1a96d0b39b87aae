/*
 * repl_probe.c - what a second connection sees of the server and the slot; see
 * repl.h for the contract.
 *
 * A walsender with something to send says nothing about it, and waits for its
 * client for as long as that takes.  But the server refuses every new
 * connection then, with an SQLSTATE (57P03) that otherwise stands for starting
 * up and recovery, in which no walsender lives.
 *
 * One that lets us in is asked about the slot: who cannot go on for long may
 * lose it, and should say so before.
 */
#include <string.h>

#include "pgconn.h"
#include "repl_impl.h"

static void
finish_probe(struct repl *r)
{
	PQfinish(r->probe);
	r->probe = NULL;
	r->probe_asked = false;
}

static bool
ask_for_slot(struct repl *r)
{
	struct buf b = {0};

	repl_query_put_wal_status(r, &b);
	r->probe_asked = PQsetnonblocking(r->probe, 1) == 0 &&
					 PQsendQuery(r->probe, buf_cstr(&b));
	buf_free(&b);
	return r->probe_asked;
}

static enum repl_probe
take_slot(struct repl *r)
{
	PGresult *res;

	if (PQflush(r->probe) < 0 || !PQconsumeInput(r->probe))
	{
		finish_probe(r);
		return REPL_PROBE_NONE;
	}
	if (PQisBusy(r->probe))
		return REPL_PROBE_RUNNING;
	res = PQgetResult(r->probe);
	if (PQresultStatus(res) == PGRES_TUPLES_OK && PQntuples(res) == 1)
		repl_check_wal_status(r, PQgetvalue(res, 0, 0));
	PQclear(res);
	finish_probe(r);
	return REPL_PROBE_ACCEPTED;
}

void
repl_probe_start(struct repl *r)
{
	finish_probe(r);
	if (r->step != STEP_STREAMING)
		return;

	/* The same server, whatever a name or a list of hosts says by now. */
	const char *const forced[][2] = {
		{"host", PQhost(r->conn)},
		{"hostaddr", PQhostaddr(r->conn)},
		{"port", PQport(r->conn)},
	};

	r->probe = pgconn_open(r->config->keywords, r->config->values, 0, forced,
						   3);
	r->probe_polling = PGRES_POLLING_WRITING;
}

enum repl_probe
repl_probe_step(struct repl *r)
{
	struct repl_context ctx = repl_context_of(r, REPL_PHASE_CONNECT);
	struct repl_failure f;

	if (r->probe == NULL)
		return REPL_PROBE_NONE;
	if (r->probe_asked)
		return take_slot(r);
	while (PQstatus(r->probe) != CONNECTION_BAD)
	{
		if (!pgconn_is_ready(r->probe, r->probe_polling))
			return REPL_PROBE_RUNNING;
		r->probe_polling = PQconnectPoll(r->probe);
		if (r->probe_polling == PGRES_POLLING_OK)
		{
			if (ask_for_slot(r))
				return take_slot(r);
			finish_probe(r);
			return REPL_PROBE_ACCEPTED;
		}
	}
	repl_failure_classify_connect(&ctx, PQerrorMessage(r->probe), &f);
	finish_probe(r);
	return strcmp(f.sqlstate, "57P03") == 0 ? REPL_PROBE_SHUTTING_DOWN
											: REPL_PROBE_NONE;
}
