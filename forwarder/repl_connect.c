/*
 * repl_connect.c - making the connection; see repl.h for the contract.
 *
 * What the stream depends on is ours to say, what keeps a dead connection
 * from being waited for is a default, and everything else is the user's.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "mem.h"
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

static void
notice_receiver(void *arg, const PGresult *res)
{
	const char	  *severity = PQresultErrorField(res,
												 PG_DIAG_SEVERITY_NONLOCALIZED);
	const char	  *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	enum log_level level = LOG_LEVEL_INFO;

	(void) arg;
	if (severity != NULL && strcmp(severity, "WARNING") == 0)
		level = LOG_LEVEL_WARN;
	else if (severity != NULL && strncmp(severity, "DEBUG", 5) == 0)
		level = LOG_LEVEL_DEBUG;
	log_line(level, "repl", "the server says", "message=%s",
			 log_str(message ? message : PQresultErrorMessage(res)));
}

/* The comma list 'list' beginning with its element 'first', to 'b'. */
static void
put_rotated(struct buf *b, const char *list, unsigned first)
{
	const char *from = list;
	unsigned	n = 1;

	for (const char *p = list; *p; p++)
		n += *p == ',';
	for (first %= n; first > 0; first--)
		from = strchr(from, ',') + 1;
	buf_puts(b, from);
	if (from > list)
	{
		buf_putc(b, ',');
		buf_put(b, list, (size_t) (from - list) - 1);
	}
}

/* Does libpq take the value for a list, one element for each host? */
static bool
is_host_list(const char *keyword)
{
	return strcmp(keyword, "host") == 0 || strcmp(keyword, "hostaddr") == 0 ||
		   strcmp(keyword, "port") == 0;
}

PGconn *
repl_connect_open(const struct repl *r, const char *const (*forced)[2],
				  size_t			 nforced)
{
	/* The last of equal keywords counts: ours to begin with, the user's, the caller's. */
	static const char *const defaults[][2] = {
		{"fallback_application_name", "walferry"},
		{"keepalives", "1"},
		{"keepalives_idle", "30"},
		{"keepalives_interval", "10"},
		{"keepalives_count", "3"},
		{"tcp_user_timeout", "60000"},

		/* A ticket that lies about would put GSSAPI in the place of TLS. */
		{"gssencmode", "disable"},
	};
	size_t		 ngiven = 0, n = 0;
	const char **keywords, **values;
	PGconn		*conn;
	struct buf	 lists[3] = {0};
	size_t		 nlists = 0;
	bool		 several = false;

	while (r->config->keywords[ngiven] != NULL)
	{
		several |= is_host_list(r->config->keywords[ngiven]) &&
				   r->config->values[ngiven] != NULL &&
				   strchr(r->config->values[ngiven], ',') != NULL;
		ngiven++;
	}
	keywords = mem_zalloc(ngiven + 16, sizeof(*keywords));
	values = mem_zalloc(ngiven + 16, sizeof(*values));
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
	{
		/* libpq's variable counts less than any keyword. */
		if (strcmp(defaults[i][0], "gssencmode") == 0 &&
			getenv("PGGSSENCMODE") != NULL)
			continue;
		keywords[n] = defaults[i][0];
		values[n++] = defaults[i][1];
	}

	/*
	 * Of several servers, the primary has the slot.  A standby that is taken
	 * while the primary restarts would look as if the slot were gone.
	 */
	if (several && getenv("PGTARGETSESSIONATTRS") == NULL)
	{
		keywords[n] = "target_session_attrs";
		values[n++] = "primary";
	}

	/*
	 * libpq goes on to the next host only after an error, and our time limit
	 * leaves it none: so each attempt after that begins one host further on.
	 */
	for (size_t i = 0; i < ngiven; i++, n++)
	{
		keywords[n] = r->config->keywords[i];
		values[n] = r->config->values[i];
		if (r->hosts_skipped > 0 && values[n] != NULL && nlists < 3 &&
			is_host_list(keywords[n]))
		{
			put_rotated(&lists[nlists], values[n], r->hosts_skipped);
			values[n] = buf_cstr(&lists[nlists++]);
		}
	}
	for (size_t i = 0; i < nforced; i++, n++)
	{
		keywords[n] = forced[i][0];
		values[n] = forced[i][1];
	}
	conn = mem_check(PQconnectStartParams(keywords, values, 0), 1);
	for (size_t i = 0; i < nlists; i++)
		buf_free(&lists[i]);
	free(keywords);
	free(values);

	/* libpq tells a refusal's SQLSTATE only in print, see repl_failure.c. */
	PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
	return conn;
}

enum repl_outcome
repl_connect_start(struct repl *r, int64_t now_ms)
{
	/* What the stream depends on. */
	static const char *const forced[][2] = {
		{"replication", "database"},
		{"options", SESSION_OPTIONS},
	};

	r->conn = repl_connect_open(r, forced, 2);
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
	static const int recommended[] = {150019, 160015, 170011, 180006};

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

/*
 * May PQconnectPoll go on?  Called too early, it takes the connection for
 * made and waits for it in sending: for all of tcp_user_timeout, where the
 * other side drops what comes.  Its reading never waits, and has to be tried
 * where bytes may be left in OpenSSL, where poll() does not see them.
 */
bool
repl_connect_is_ready(PGconn *conn, PostgresPollingStatusType polling)
{
	struct pollfd pfd = {
		.fd = PQsocket(conn),
		.events = polling == PGRES_POLLING_WRITING ? POLLOUT : POLLIN,
	};

	if (pfd.fd < 0 || (polling == PGRES_POLLING_READING && PQsslInUse(conn)))
		return true;
	return poll(&pfd, 1, 0) > 0;
}

enum repl_outcome
repl_connect_go_on(struct repl *r)
{
	if (PQstatus(r->conn) == CONNECTION_BAD)
		return fail_connecting(r);
	if (!repl_connect_is_ready(r->conn, r->polling))
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
