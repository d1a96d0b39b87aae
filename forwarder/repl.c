/*
 * repl.c - PostgreSQL's replication protocol over libpq; see repl.h for the
 * contract.
 *
 * One connection, never blocking, taken through these steps:
 *
 *     CONNECTING    PQconnectPoll, then the version of the server
 *     SYSTEM        IDENTIFY_SYSTEM
 *     SETTINGS      one query: wal_level, wal_sender_timeout, ...
 *     LOCK          pg_try_advisory_lock(), where asked for
 *     SLOT          one query: what pg_replication_slots says of the slot
 *     HISTORY       TIMELINE_HISTORY, where there is one
 *     READY         nothing, until we are told to go on:
 *       repl_create()   CREATE, then READY again
 *       repl_start()    SYSTEM to HISTORY once more, then START
 *     CREATE        CREATE_REPLICATION_SLOT
 *     START         START_REPLICATION
 *     STREAMING     CopyBoth
 *
 * Everything is asked a second time before START, because the caller may
 * hold the connection in READY for minutes: in that time others can drop,
 * move or take the slot, and a standby can be promoted.
 *
 * A walsender that is connected to a database takes SQL as well, so the
 * checks need no second connection.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "log.h"
#include "mem.h"
#include "repl_impl.h"

/* Creating a slot waits for transactions; say so after this long. */
#define CREATE_PATIENCE_MS 3000

/* Wait this long for a cancelled creation. */
#define CANCEL_MS 1000

/*
 * Failures.
 */

struct repl_context
repl_context_of(const struct repl *r, enum repl_phase phase)
{
	return (struct repl_context){
		.phase = phase,
		.slot = r->config->slot,
		.plugin = r->config->plugin,
		.user = r->conn != NULL ? PQuser(r->conn) : NULL,
		.database = r->conn != NULL ? PQdb(r->conn) : NULL,
		.allowed_plugins = r->allowed_plugins,
	};
}

static enum repl_phase
phase_of(enum step step)
{
	switch (step)
	{
		case STEP_IDLE:
		case STEP_CONNECTING:
			return REPL_PHASE_CONNECT;
		case STEP_CREATE:
			return REPL_PHASE_CREATE;
		case STEP_START:
			return REPL_PHASE_START;
		case STEP_STREAMING:
		case STEP_ENDED:
			return REPL_PHASE_STREAM;
		case STEP_SYSTEM:
		case STEP_SETTINGS:
		case STEP_LOCK:
		case STEP_SLOT:
		case STEP_HISTORY:
		case STEP_READY:
			break;
	}
	return REPL_PHASE_QUERY;
}

static const char *
doing(enum step step)
{
	static const char *const what[] = {
		[STEP_IDLE] = "connecting",
		[STEP_CONNECTING] = "connecting",
		[STEP_SYSTEM] = "IDENTIFY_SYSTEM",
		[STEP_SETTINGS] = "reading the server's settings",
		[STEP_LOCK] = "taking the lock",
		[STEP_SLOT] = "looking up the slot",
		[STEP_HISTORY] = "TIMELINE_HISTORY",
		[STEP_READY] = "waiting to start",
		[STEP_CREATE] = "CREATE_REPLICATION_SLOT",
		[STEP_START] = "START_REPLICATION",
		[STEP_STREAMING] = "streaming",
		[STEP_ENDED] = "ending the stream",
	};

	return what[step];
}

enum repl_outcome
repl_fail(struct repl *r, enum repl_failure_kind kind, const char *fmt, ...)
{
	struct repl_failure *f = &r->failure;
	va_list				 ap;
	char				 text[sizeof(f->message)];

	memset(f, 0, sizeof(*f));
	f->kind = kind;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	repl_failure_set_message(f, "%s", text);
	return REPL_FAILED;
}

enum repl_outcome
repl_fail_connection(struct repl *r)
{
	const char *error = PQerrorMessage(r->conn);

	return repl_fail(r, REPL_FAILURE_RETRY, "connection lost while %s: %s",
					 doing(r->step), *error ? error : "no reason given");
}

enum repl_outcome
repl_fail_result(struct repl *r, const PGresult *res)
{
	const char *sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *primary = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(res, PG_DIAG_MESSAGE_HINT);
	struct repl_context ctx = repl_context_of(r, phase_of(r->step));
	char				text[2048];

	if (primary == NULL)
		snprintf(text, sizeof(text), "%s failed: %s", doing(r->step),
				 PQresultErrorMessage(res));
	else
		snprintf(text, sizeof(text), "%s failed: %s%s%s%s", doing(r->step),
				 primary, detail ? " (" : "", detail ? detail : "",
				 detail ? ")" : "");
	repl_failure_classify(&ctx, sqlstate ? sqlstate : "", text, &r->failure);
	if (hint != NULL && r->failure.hint[0] == '\0')
		repl_failure_set_hint(&r->failure, "%s", hint);
	return REPL_FAILED;
}

enum repl_outcome
repl_fail_answer(struct repl *r)
{
	return repl_fail(r, REPL_FAILURE_RETRY,
					 "%s: an answer that makes no sense", doing(r->step));
}

/*
 * Steps.
 */

void
repl_arm(struct repl *r, int64_t now_ms)
{
	int ms = r->config->connect_timeout_ms;

	r->deadline_ms = ms > 0 ? now_ms + ms : 0;
	r->patience_ms = 0;
}

/*
 * Ask what the step asks for and wait for all of the answer.  REPL_DONE: it
 * is in r->result.
 */
static enum repl_outcome
ask(struct repl *r, int64_t now_ms)
{
	ExecStatusType	  status;
	enum repl_outcome outcome;

	if (!r->asked)
	{
		struct buf b = {0};
		int		   sent;

		repl_query_put(r, &b);
		sent = PQsendQuery(r->conn, buf_cstr(&b));
		buf_free(&b);
		if (!sent)
			return repl_fail_connection(r);
		r->asked = true;
		repl_arm(r, now_ms);
		if (r->step == STEP_CREATE)
		{
			r->deadline_ms = 0;
			r->patience_ms = now_ms + CREATE_PATIENCE_MS;
		}
		r->unflushed = true;
	}
	if (repl_flush(r) == REPL_FAILED)
		return REPL_FAILED;
	if (!PQconsumeInput(r->conn) && PQisBusy(r->conn))
		return repl_fail_connection(r);
	for (;;)
	{
		PGresult *res;

		if (PQisBusy(r->conn))
			return REPL_AGAIN;
		res = PQgetResult(r->conn);
		if (res == NULL)
			break;
		if (r->result != NULL)
			PQclear(res);
		else
			r->result = res;
		if (PQresultStatus(r->result) == PGRES_COPY_BOTH)
			break;
	}
	r->asked = false;
	status = PQresultStatus(r->result);
	if (r->result != NULL &&
		status == (r->step == STEP_START ? PGRES_COPY_BOTH : PGRES_TUPLES_OK))
		return REPL_DONE;
	outcome = r->result == NULL ? repl_fail_connection(r)
								: repl_fail_result(r, r->result);
	PQclear(r->result);
	r->result = NULL;
	return outcome;
}

/* Nobody has said yet how to go on: is the connection still there? */
static enum repl_outcome
hold(struct repl *r)
{
	if (!PQconsumeInput(r->conn))
		return repl_fail_connection(r);

	/* Takes in what comes unasked: notices, changed settings. */
	(void) PQisBusy(r->conn);
	return PQstatus(r->conn) == CONNECTION_OK ? REPL_READY
											  : repl_fail_connection(r);
}

/* One step; REPL_DONE: it is behind us. */
static enum repl_outcome
make_step(struct repl *r, int64_t now_ms)
{
	enum repl_outcome outcome;

	switch (r->step)
	{
		case STEP_IDLE:
			return repl_connect_start(r, now_ms);
		case STEP_CONNECTING:
			return repl_connect_go_on(r);
		case STEP_HISTORY:
			/* The first timeline has no history. */
			if (r->slot.timeline == 1)
				return repl_check_without_history(r);
			break;
		case STEP_READY:
			return hold(r);
		case STEP_CREATE:
			if (!r->asked && repl_check_creation(r) == REPL_FAILED)
				return REPL_FAILED;
			break;
		default:
			break;
	}
	outcome = ask(r, now_ms);
	if (outcome == REPL_DONE)
	{
		outcome = repl_check_answer(r);
		PQclear(r->result);
		r->result = NULL;
	}
	else if (outcome == REPL_FAILED && r->step == STEP_HISTORY &&
			 strncmp(r->failure.sqlstate, "58", 2) == 0)
	{
		/*
		 * Positions then lack the timelines they had before this one.  On
		 * another timeline than before, check_timeline() wants a history.
		 */
		if (!r->starting)
			log_warn("repl",
					 "the server has no history of its timeline: all "
					 "positions are given the present one",
					 "timeline=%" PRIu32 " error=%s", r->slot.timeline,
					 log_str(r->failure.message));
		outcome = repl_check_without_history(r);
	}
	return outcome;
}

struct repl *
repl_new(const struct repl_config *config)
{
	struct repl *r = mem_zalloc(1, sizeof(*r));

	r->config = config;
	return r;
}

void
repl_free(struct repl *r)
{
	if (r == NULL)
		return;
	repl_reset(r);
	free(r);
}

void
repl_create(struct repl *r)
{
	if (r->step == STEP_READY && !r->slot.found)
		r->step = STEP_CREATE;
}

void
repl_start(struct repl *r, uint64_t lsn, uint32_t timeline)
{
	if (r->step != STEP_READY)
		return;
	r->starting = true;
	r->start_lsn = lsn;
	r->start_timeline = timeline;
	r->step = STEP_SYSTEM;
}

/* The time for the step is over. */
static enum repl_outcome
fail_late(struct repl *r)
{
	const char *host = NULL;

	if (r->step == STEP_CONNECTING)
	{
		host = PQhost(r->conn);
		r->hosts_skipped++;
	}
	return repl_fail(r, REPL_FAILURE_RETRY, "%s: no answer within %d ms%s%s",
					 doing(r->step), r->config->connect_timeout_ms,
					 host ? " from " : "", host ? host : "");
}

enum repl_outcome
repl_step(struct repl *r, int64_t now_ms)
{
	while (r->step < STEP_STREAMING)
	{
		enum repl_outcome outcome = make_step(r, now_ms);

		if (outcome == REPL_FAILED || outcome == REPL_READY)
			return outcome;
		if (outcome == REPL_DONE)
			continue;
		if (r->deadline_ms > 0 && now_ms >= r->deadline_ms)
			return fail_late(r);
		if (r->patience_ms > 0 && now_ms >= r->patience_ms)
		{
			r->patience_ms = 0;
			log_info(
				"repl",
				r->standby
					? "creating the slot waits for the "
					  "primary, where SELECT pg_log_standby_snapshot() helps"
					: "creating the slot waits for transactions that are running",
				"slot=%s", log_str(r->config->slot));
		}
		return REPL_AGAIN;
	}
	return REPL_DONE;
}

/*
 * A server that is waiting to create a slot does not see its client go, and
 * would leave behind a slot that nobody reads.  libpq's cancelling waits for
 * the server, for ever if need be: so a thread does it, and we wait a little.
 */
struct cancellation
{
	pthread_mutex_t lock;
	pthread_cond_t	ended;
	PGcancel	   *cancel;
	bool			done;
	bool			left; /* nobody waits: the thread frees */
	bool			ok;
	char			error[256];
};

static void
free_cancellation(struct cancellation *c)
{
	PQfreeCancel(c->cancel);
	pthread_cond_destroy(&c->ended);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static void *
run_cancellation(void *arg)
{
	struct cancellation *c = arg;
	char				 error[sizeof(c->error)] = "";
	bool				 ok = PQcancel(c->cancel, error, sizeof(error));
	bool				 left;

	pthread_mutex_lock(&c->lock);
	c->ok = ok;
	memcpy(c->error, error, sizeof(error));
	c->done = true;
	left = c->left;
	pthread_cond_signal(&c->ended);
	pthread_mutex_unlock(&c->lock);
	if (left)
		free_cancellation(c);
	return NULL;
}

static void
cancel_creation(struct repl *r)
{
	struct cancellation *c = mem_zalloc(1, sizeof(*c));
	int64_t				 until_ms = clock_monotonic_ms() + CANCEL_MS;
	struct timespec		 ts = {.tv_sec = until_ms / 1000,
							   .tv_nsec = until_ms % 1000 * 1000000};
	pthread_condattr_t	 attr;
	pthread_t			 thread;
	bool				 left;

	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->ended, &attr);
	pthread_condattr_destroy(&attr);
	c->cancel = PQgetCancel(r->conn);
	if (c->cancel == NULL ||
		pthread_create(&thread, NULL, run_cancellation, c) != 0)
	{
		free_cancellation(c);
		return;
	}
	pthread_mutex_lock(&c->lock);
	while (!c->done &&
		   pthread_cond_timedwait(&c->ended, &c->lock, &ts) != ETIMEDOUT)
		;
	if (!c->ok)
		log_warn("repl",
				 "could not cancel the creation of the slot: see "
				 "whether it exists",
				 "slot=%s error=%s", log_str(r->config->slot),
				 log_str(c->done ? c->error : "no answer"));
	left = c->left = !c->done;
	pthread_mutex_unlock(&c->lock);
	if (left)
		pthread_detach(thread);
	else
	{
		pthread_join(thread, NULL);
		free_cancellation(c);
	}
}

void
repl_reset(struct repl *r)
{
	if (r->step == STEP_CREATE && r->asked &&
		PQstatus(r->conn) == CONNECTION_OK)
		cancel_creation(r);
	PQclear(r->result);
	r->result = NULL;
	PQfreemem(r->copied);
	r->copied = NULL;
	PQfinish(r->conn);
	r->conn = NULL;
	PQfinish(r->probe);
	r->probe = NULL;
	r->probe_asked = false;
	free(r->allowed_plugins);
	r->allowed_plugins = NULL;
	r->step = STEP_IDLE;
	r->asked = r->unflushed = r->broken = r->ending = false;
	r->starting = r->locked = r->standby = false;
	r->start_lsn = 0;
	r->start_timeline = 0;
	r->deadline_ms = r->patience_ms = 0;
	memset(&r->slot, 0, sizeof(r->slot));
}

int
repl_fd(const struct repl *r)
{
	return r->conn != NULL ? PQsocket(r->conn) : -1;
}

static bool
is_question(enum step step)
{
	return step > STEP_CONNECTING && step < STEP_STREAMING &&
		   step != STEP_READY;
}

short
repl_events(const struct repl *r)
{
	if (r->step == STEP_CONNECTING)
		return r->polling == PGRES_POLLING_WRITING ? POLLOUT : POLLIN;

	/* A question that is to be asked waits for nothing. */
	if (r->unflushed || (is_question(r->step) && !r->asked))
		return POLLIN | POLLOUT;
	return POLLIN;
}

const struct repl_slot *
repl_slot(const struct repl *r)
{
	return &r->slot;
}

const struct repl_failure *
repl_failure(const struct repl *r)
{
	return &r->failure;
}
