/*
 * repl_connect.c - making the connection; see repl.h for the contract.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "pgconn.h"
#include "repl_impl.h"

#define OLDEST_SERVER 140000

/*
 * Role and database settings that would end or disturb a long stream.  And
 * keepalives of the server's side, which by default begin after two hours:
 * nothing else tells an idle session, which may hold our lock, that the
 * machine of its client is gone.
 */
#define SESSION_OPTIONS                                                   \
	"-c statement_timeout=0 -c lock_timeout=0 "                           \
	"-c idle_in_transaction_session_timeout=0 -c search_path=pg_catalog " \
	"-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 "            \
	"-c tcp_keepalives_count=3"

/*
 * A walsender that waits for a standby which is away says so each time that it
 * looks, many times a second.
 */
static bool
is_told_again(struct repl *r, const char *message)
{
	int64_t now_ms = clock_monotonic_ms();

	if (strncmp(message, r->last_notice, sizeof(r->last_notice) - 1) == 0 &&
		now_ms - r->notice_ms < NOTICE_PAUSE_MS)
		return true;
	snprintf(r->last_notice, sizeof(r->last_notice), "%s", message);
	r->notice_ms = now_ms;
	return false;
}

static void
notice_receiver(void *arg, const PGresult *res)
{
	const char	  *severity = PQresultErrorField(res,
												 PG_DIAG_SEVERITY_NONLOCALIZED);
	const char	  *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	enum log_level level = LOG_LEVEL_INFO;

	if (message == NULL)
		message = PQresultErrorMessage(res);
	if (severity != NULL && strcmp(severity, "WARNING") == 0)
		level = LOG_LEVEL_WARN;
	else if (severity != NULL && strncmp(severity, "DEBUG", 5) == 0)
		level = LOG_LEVEL_DEBUG;
	if (level != LOG_LEVEL_DEBUG && is_told_again(arg, message))
		level = LOG_LEVEL_DEBUG;
	log_line(level, "repl", "the server says", "message=%s", log_str(message));
}

enum repl_outcome
repl_connect_start(struct repl *r, int64_t now_ms)
{
	/* What the stream depends on. */
	static const char *const forced[][2] = {
		{"replication", "database"},
		{"options", SESSION_OPTIONS},
	};

	r->conn = pgconn_open(r->config->keywords, r->config->values,
						  r->hosts_skipped, forced, 2);
	r->step = STEP_CONNECTING;
	r->polling = PGRES_POLLING_WRITING;
	repl_arm(r, now_ms);
	PQsetNoticeReceiver(r->conn, notice_receiver, r);
	return REPL_DONE;
}

static enum repl_outcome
fail_connecting(struct repl *r)
{
	struct repl_context ctx = repl_context_of(r, REPL_PHASE_CONNECT);

	repl_failure_classify_connect(&ctx, PQerrorMessage(r->conn), &r->failure);
	return REPL_FAILED;
}

/* Minors before these lose or repeat data in ways that nobody can mend. */
static void
warn_old_minor(struct repl *r, int version)
{
	static const int recommended[] = {140024, 150019, 160015, 170011, 180006};

	if (r->minor_warned)
		return;
	r->minor_warned = true;
	for (size_t i = 0; i < sizeof(recommended) / sizeof(recommended[0]); i++)
	{
		if (version / 10000 == recommended[i] / 10000 &&
			version < recommended[i])
			log_warn("repl",
					 "the server lacks fixes to logical decoding and "
					 "to security: upgrade its minor version",
					 "server_version=%d.%d recommended=%d.%d",
					 VERSION_ARGS(version), VERSION_ARGS(recommended[i]));
	}
}

enum repl_outcome
repl_connect_go_on(struct repl *r)
{
	if (PQstatus(r->conn) == CONNECTION_BAD)
		return fail_connecting(r);
	if (!pgconn_is_ready(r->conn, r->polling))
		return REPL_AGAIN;
	r->polling = PQconnectPoll(r->conn);
	if (r->polling == PGRES_POLLING_FAILED)
		return fail_connecting(r);
	if (r->polling != PGRES_POLLING_OK)
		return REPL_AGAIN;
	PQsetErrorVerbosity(r->conn, PQERRORS_DEFAULT);
	if (PQsetnonblocking(r->conn, 1) != 0)
		return repl_fail_connection(r);
	r->slot.server_version_num = PQserverVersion(r->conn);
	if (r->slot.server_version_num < OLDEST_SERVER)
		return repl_fail(r, REPL_FAILURE_REFUSED,
						 "the server is PostgreSQL %d.%d; "
						 "14 or newer is needed",
						 VERSION_ARGS(r->slot.server_version_num));
	warn_old_minor(r, r->slot.server_version_num);
	r->step = STEP_SYSTEM;
	return REPL_DONE;
}
