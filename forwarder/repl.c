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
 * checks need no second connection.  They come first because their answers
 * are values, while the server's own refusals are sentences in its language.
 *
 * In the stream, integers are big-endian:
 *
 *     'w' wal_start:8 wal_end:8 send_time:8 data      server to us
 *     'k' wal_end:8 send_time:8 reply:1               server to us
 *     'r' written:8 flushed:8 applied:8 time:8 reply:1   us to the server
 */
#include "repl.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libpq-fe.h>

#include "buf.h"
#include "clock.h"
#include "log.h"
#include "mem.h"

#define DATA_HEADER_LEN 25
#define KEEPALIVE_LEN 18
#define STATUS_LEN 34

/* Seconds from 1970-01-01 to 2000-01-01, PostgreSQL's epoch. */
#define PG_EPOCH_S INT64_C(946684800)

#define OLDEST_SERVER 140000

/* Creating a slot waits for transactions; say so after this long. */
#define CREATE_PATIENCE_MS 3000

/* Wait this long for a cancelled creation. */
#define CANCEL_MS 1000

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

/* Our advisory locks: this ("walf") and the hash of the slot's name. */
#define LOCK_CLASS 0x77616c66

/* What to do where histories have parted. */
#define POSITION_HINT                                             \
	"consumers may hold changes that this server does not have, " \
	"or lack some: compare the tables with them before starting again"

enum step
{
	STEP_IDLE,
	STEP_CONNECTING,
	STEP_SYSTEM,
	STEP_SETTINGS,
	STEP_LOCK,
	STEP_SLOT,
	STEP_HISTORY,
	STEP_READY,
	STEP_CREATE,
	STEP_START,
	STEP_STREAMING,
	STEP_ENDED
};

struct repl
{
	const struct repl_config *config;
	PGconn					 *conn;
	enum step				  step;
	bool					  asked;	 /* the step's query has been sent */
	bool					  unflushed; /* libpq could not send all of it */
	bool broken; /* the socket failed; libpq may hold data */
	bool ending; /* end of the copy seen, result to come */
	PostgresPollingStatusType polling;
	int64_t					  deadline_ms; /* of the step; 0: none */
	int64_t					  patience_ms; /* say that we wait; 0: said */
	PGresult				 *result; /* first of the step, until all are in */
	char					 *copied; /* message of the last repl_read() */
	bool					  starting; /* repl_start() was called */
	uint64_t				  start_lsn;
	uint32_t				  start_timeline;  /* of 'start_lsn'; 0: unknown */
	uint64_t				  wal_end_lsn;	   /* the server's */
	char					 *allowed_plugins; /* may be NULL */
	bool					  locked;
	bool					  standby;
	struct repl_slot		  slot;
	struct repl_failure		  failure;

	/* What repl_reset() does not forget. */
	bool	 streamed; /* was streaming before */
	uint64_t last_system_id;
	uint32_t last_timeline;
	bool	 minor_warned;
	bool	 failover_warned;
	unsigned hosts_skipped; /* that did not answer in time */
};

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

/* "16/B374D848"; false if it is anything else. */
static bool
parse_lsn(const char *s, uint64_t *lsn)
{
	unsigned hi, lo;
	int		 end = -1;

	if (strlen(s) > 17 || !isxdigit((unsigned char) *s) ||
		sscanf(s, "%8X/%8X%n", &hi, &lo, &end) != 2 || end < 0 ||
		s[end] != '\0')
		return false;
	*lsn = (uint64_t) hi << 32 | lo;
	return true;
}

static const char *
lsn_text(uint64_t lsn, char *out, size_t size)
{
	snprintf(out, size, "%X/%X", (unsigned) (lsn >> 32), (unsigned) lsn);
	return out;
}

/*
 * Failures.
 */

static void
fill_context(const struct repl *r, enum repl_phase phase,
			 struct repl_context *ctx)
{
	*ctx = (struct repl_context){
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

/* A failure that the server did not put into words. */
static enum repl_outcome __attribute__((format(printf, 3, 4)))
fail_with(struct repl *r, enum repl_failure_kind kind, const char *fmt, ...)
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

/* libpq says the connection is gone, or would not do something. */
static enum repl_outcome
fail_connection(struct repl *r)
{
	const char *error = PQerrorMessage(r->conn);

	return fail_with(r, REPL_FAILURE_RETRY, "connection lost while %s: %s",
					 doing(r->step), *error ? error : "no reason given");
}

/* The server answered with an error. */
static enum repl_outcome
fail_result(struct repl *r, const PGresult *res)
{
	const char *sqlstate = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *primary = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(res, PG_DIAG_MESSAGE_HINT);
	struct repl_context ctx;
	char				text[2048];

	fill_context(r, phase_of(r->step), &ctx);
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

/*
 * Timelines.
 */

bool
repl_parse_history(struct repl_slot *slot, const char *text, size_t len)
{
	const char *end = text + len;

	slot->ntimelines = 0;
	while (text < end)
	{
		const char *eol = memchr(text, '\n', (size_t) (end - text));
		size_t		n = (size_t) ((eol ? eol : end) - text);
		char		line[64];
		unsigned	tli, hi, lo;

		/* The reason that follows the numbers may be long. */
		snprintf(line, sizeof(line), "%.*s",
				 (int) (n < sizeof(line) - 1 ? n : sizeof(line) - 1), text);
		text += n + (eol ? 1 : 0);
		if (line[strspn(line, " \t\r")] == '\0' ||
			line[strspn(line, " \t")] == '#')
			continue;
		if (sscanf(line, "%u %X/%X", &tli, &hi, &lo) != 3 || tli == 0)
			return false;
		if (slot->ntimelines > 0 && tli <= slot->tli[slot->ntimelines - 1])
			return false;

		/* More than anybody has seen: the oldest matter least. */
		if (slot->ntimelines == REPL_TIMELINES_MAX)
		{
			memmove(slot->tli, slot->tli + 1,
					sizeof(slot->tli) - sizeof(slot->tli[0]));
			memmove(slot->until_lsn, slot->until_lsn + 1,
					sizeof(slot->until_lsn) - sizeof(slot->until_lsn[0]));
			slot->ntimelines--;
		}
		slot->tli[slot->ntimelines] = tli;
		slot->until_lsn[slot->ntimelines] = (uint64_t) hi << 32 | lo;
		slot->ntimelines++;
	}
	return true;
}

uint32_t
repl_timeline_of(const struct repl_slot *slot, uint64_t end_lsn)
{
	/*
	 * A timeline is left at the end of its last record, and the next one's
	 * first record begins there: the record that ends exactly at the switch
	 * is the old one's.
	 */
	for (uint32_t i = 0; i < slot->ntimelines; i++)
	{
		if (end_lsn <= slot->until_lsn[i])
			return slot->tli[i];
	}
	return slot->timeline;
}

/*
 * Connecting.
 */

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

static void
arm(struct repl *r, int64_t now_ms)
{
	int ms = r->config->connect_timeout_ms;

	r->deadline_ms = ms > 0 ? now_ms + ms : 0;
	r->patience_ms = 0;
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

static enum repl_outcome
start_connecting(struct repl *r, int64_t now_ms)
{
	/* The last of equal keywords counts: ours to begin with, the user's, ... */
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

	/* ... and what the stream depends on. */
	static const char *const forced[][2] = {
		{"replication", "database"},
		{"options", SESSION_OPTIONS},
	};
	size_t		 ngiven = 0, n = 0;
	const char **keywords, **values;
	struct buf	 lists[3] = {0};
	size_t		 nlists = 0;

	while (r->config->keywords[ngiven] != NULL)
		ngiven++;
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
	for (size_t i = 0; i < sizeof(forced) / sizeof(forced[0]); i++, n++)
	{
		keywords[n] = forced[i][0];
		values[n] = forced[i][1];
	}
	r->conn = PQconnectStartParams(keywords, values, 0);
	for (size_t i = 0; i < nlists; i++)
		buf_free(&lists[i]);
	free(keywords);
	free(values);
	mem_check(r->conn, sizeof(*r));
	r->step = STEP_CONNECTING;
	r->polling = PGRES_POLLING_WRITING;
	arm(r, now_ms);
	PQsetNoticeReceiver(r->conn, notice_receiver, r);

	/* libpq tells a refusal's SQLSTATE only in print, see repl_failure.c. */
	PQsetErrorVerbosity(r->conn, PQERRORS_VERBOSE);
	return REPL_DONE;
}

static enum repl_outcome
fail_connecting(struct repl *r)
{
	struct repl_context ctx;

	fill_context(r, REPL_PHASE_CONNECT, &ctx);
	repl_failure_classify_connect(&ctx, PQerrorMessage(r->conn), &r->failure);
	return REPL_FAILED;
}

static const char *
version_text(int version, char *out, size_t size)
{
	snprintf(out, size, "%d.%d", version / 10000, version % 10000);
	return out;
}

/* Minors before these lose or repeat data in ways that nobody can mend. */
static void
warn_old_minor(struct repl *r, int version)
{
	static const int recommended[] = {150019, 160015, 170011, 180006};
	char			 have[16], want[16];

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
					 "server_version=%s recommended=%s",
					 version_text(version, have, sizeof(have)),
					 version_text(recommended[i], want, sizeof(want)));
	}
}

/*
 * May PQconnectPoll go on?  Called too early, it takes the connection for
 * made and waits for it in sending: for all of tcp_user_timeout, where the
 * other side drops what comes.  Its reading never waits, and has to be tried
 * where bytes may be left in OpenSSL, where poll() does not see them.
 */
static bool
connection_is_ready(const struct repl *r)
{
	struct pollfd pfd = {.fd = PQsocket(r->conn), .events = repl_events(r)};

	if (pfd.fd < 0 ||
		(r->polling == PGRES_POLLING_READING && PQsslInUse(r->conn)))
		return true;
	return poll(&pfd, 1, 0) > 0;
}

static enum repl_outcome
go_on_connecting(struct repl *r)
{
	char have[16];

	if (PQstatus(r->conn) == CONNECTION_BAD)
		return fail_connecting(r);
	if (!connection_is_ready(r))
		return REPL_AGAIN;
	r->polling = PQconnectPoll(r->conn);
	if (r->polling == PGRES_POLLING_FAILED)
		return fail_connecting(r);
	if (r->polling != PGRES_POLLING_OK)
		return REPL_AGAIN;
	PQsetErrorVerbosity(r->conn, PQERRORS_DEFAULT);
	if (PQsetnonblocking(r->conn, 1) != 0)
		return fail_connection(r);
	r->slot.server_version_num = PQserverVersion(r->conn);
	if (r->slot.server_version_num < OLDEST_SERVER)
		return fail_with(r, REPL_FAILURE_REFUSED,
						 "the server is PostgreSQL %s; "
						 "14 or newer is needed",
						 version_text(r->slot.server_version_num, have,
									  sizeof(have)));
	warn_old_minor(r, r->slot.server_version_num);
	r->step = STEP_SYSTEM;
	return REPL_DONE;
}

/*
 * Questions and answers.
 */

/* 'name' within double quotes; for the replication grammar and SQL alike. */
static void
put_ident(struct buf *b, const char *name)
{
	buf_putc(b, '"');
	for (; *name; name++)
	{
		if (*name == '"')
			buf_putc(b, '"');
		buf_putc(b, *name);
	}
	buf_putc(b, '"');
}

/*
 * A literal of the replication grammar, which knows no escape but the doubled
 * quote.
 */
static void
put_literal(struct buf *b, const char *value)
{
	buf_putc(b, '\'');
	for (; *value; value++)
	{
		if (*value == '\'')
			buf_putc(b, '\'');
		buf_putc(b, *value);
	}
	buf_putc(b, '\'');
}

/* A literal of SQL, whatever standard_conforming_strings says. */
static void
put_sql_literal(const struct repl *r, struct buf *b, const char *value)
{
	char *literal = PQescapeLiteral(r->conn, value, strlen(value));

	/* It fails on bytes that are not text: then no such thing exists. */
	buf_puts(b, literal ? literal : "NULL");
	PQfreemem(literal);
}

/* A temporary slot goes with its session, so no standby can have it. */
static bool
wants_failover(const struct repl *r)
{
	return r->config->failover && !r->config->temporary;
}

static void
put_lock_query(const struct repl *r, struct buf *b)
{
	buf_printf(b,
			   "SELECT pg_catalog.pg_try_advisory_lock(k.class, k.hash), "
			   "(SELECT min(l.pid) FROM pg_catalog.pg_locks l "
			   "JOIN pg_catalog.pg_database d ON d.oid = l.database "
			   "WHERE l.locktype = 'advisory' AND l.objsubid = 2 "
			   "AND l.granted AND l.pid <> pg_catalog.pg_backend_pid() "
			   "AND d.datname = pg_catalog.current_database() "
			   "AND l.classid::pg_catalog.int8 = k.class "
			   "AND l.objid::pg_catalog.int8 = "
			   "k.hash::pg_catalog.int8 & 4294967295) "
			   "FROM (SELECT %d AS class, pg_catalog.hashtext(",
			   LOCK_CLASS);
	put_sql_literal(r, b, r->config->slot);
	buf_puts(b, ") AS hash) k");
}

/* The columns of the answer about the slot. */
enum
{
	SLOT_TYPE,
	SLOT_PLUGIN,
	SLOT_DATABASE,
	SLOT_OTHER_PID, /* who streams from it, if it is not us */
	SLOT_OTHER_NAME,
	SLOT_WAL_STATUS,
	SLOT_CONFIRMED_LSN,
	SLOT_OUR_DATABASE,
	SLOT_INVALID,	  /* why */
	SLOT_WAL_END_LSN, /* the server's */
	SLOT_FAILOVER,	  /* from here on NULL before PostgreSQL 17 */
	SLOT_SYNCED,
	SLOT_STANDBY_SLOTS,
	SLOT_COLUMNS
};

static void
put_slot_query(const struct repl *r, struct buf *b)
{
	int version = r->slot.server_version_num;

	/* A temporary slot is taken by who has created it. */
	buf_puts(b, "SELECT s.slot_type, s.plugin, s.database, "
				"NULLIF(s.active_pid, pg_catalog.pg_backend_pid()), "
				"a.application_name, s.wal_status, s.confirmed_flush_lsn, "
				"pg_catalog.current_database(), ");
	if (version >= 170000)
		buf_puts(b, "s.invalidation_reason");
	else if (version >= 160000)
		buf_puts(b,
				 "CASE WHEN s.conflicting THEN 'conflict with recovery' END");
	else
		buf_puts(b, "NULL");
	buf_puts(b, ", CASE WHEN pg_catalog.pg_is_in_recovery() "
				"THEN pg_catalog.pg_last_wal_replay_lsn() "
				"ELSE pg_catalog.pg_current_wal_flush_lsn() END, ");
	if (version >= 170000)
		buf_puts(b, "s.failover, s.synced, "
					"(SELECT g.setting FROM pg_catalog.pg_settings g "
					"WHERE g.name = 'synchronized_standby_slots')");
	else
		buf_puts(b, "NULL, NULL, NULL");
	buf_puts(b, " FROM pg_catalog.pg_replication_slots s LEFT JOIN "
				"pg_catalog.pg_stat_activity a ON a.pid = s.active_pid "
				"WHERE s.slot_name = ");
	put_sql_literal(r, b, r->config->slot);
}

static void
put_create_query(const struct repl *r, struct buf *b)
{
	buf_puts(b, "CREATE_REPLICATION_SLOT ");
	put_ident(b, r->config->slot);
	buf_puts(b, r->config->temporary ? " TEMPORARY LOGICAL " : " LOGICAL ");
	put_ident(b, r->config->plugin);
	if (r->slot.server_version_num < 150000)
		buf_puts(b, " NOEXPORT_SNAPSHOT");
	else
		buf_printf(b, " (SNAPSHOT 'nothing'%s)",
				   wants_failover(r) ? ", FAILOVER true" : "");
}

static void
put_query(const struct repl *r, struct buf *b)
{
	char lsn[32];

	switch (r->step)
	{
		case STEP_SYSTEM:
			buf_puts(b, "IDENTIFY_SYSTEM");
			break;
		case STEP_SETTINGS:

			/* pg_settings hides what the role may not see, SHOW fails. */
			buf_puts(b, "SELECT pg_catalog.current_setting('wal_level'), "
						"(SELECT s.setting FROM pg_catalog.pg_settings s "
						"WHERE s.name = 'wal_sender_timeout'), "
						"(SELECT s.setting FROM pg_catalog.pg_settings s "
						"WHERE s.name = 'output_plugin_libraries'), "
						"pg_catalog.pg_is_in_recovery(), "
						"pg_catalog.set_config("
						"'idle_session_timeout', '0', false)");

			/*
			 * Set for the role or database, they would end waiting and
			 * decoding.  They are not in SESSION_OPTIONS, since older servers
			 * refuse a connection that names them.
			 */
			if (r->slot.server_version_num >= 170000)
				buf_puts(b, ", pg_catalog.set_config("
							"'transaction_timeout', '0', false)");
			break;
		case STEP_LOCK:
			put_lock_query(r, b);
			break;
		case STEP_SLOT:
			put_slot_query(r, b);
			break;
		case STEP_HISTORY:
			buf_printf(b, "TIMELINE_HISTORY %" PRIu32, r->slot.timeline);
			break;
		case STEP_CREATE:
			put_create_query(r, b);
			break;
		case STEP_START:
			buf_puts(b, "START_REPLICATION SLOT ");
			put_ident(b, r->config->slot);
			buf_printf(b, " LOGICAL %s",
					   lsn_text(r->start_lsn, lsn, sizeof(lsn)));
			for (size_t i = 0; i < r->config->noptions; i++)
			{
				buf_puts(b, i == 0 ? " (" : ", ");
				put_ident(b, r->config->options[i].name);
				buf_putc(b, ' ');
				put_literal(b, r->config->options[i].value);
			}
			if (r->config->noptions > 0)
				buf_putc(b, ')');
			break;
		case STEP_IDLE:
		case STEP_CONNECTING:
		case STEP_READY:
		case STEP_STREAMING:
		case STEP_ENDED:
			break;
	}
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

		put_query(r, &b);
		sent = PQsendQuery(r->conn, buf_cstr(&b));
		buf_free(&b);
		if (!sent)
			return fail_connection(r);
		r->asked = true;
		arm(r, now_ms);
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
		return fail_connection(r);
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
	outcome = r->result == NULL ? fail_connection(r)
								: fail_result(r, r->result);
	PQclear(r->result);
	r->result = NULL;
	return outcome;
}

static bool
has(const PGresult *res, int rows, int columns)
{
	return PQntuples(res) == rows && PQnfields(res) >= columns;
}

static enum repl_outcome
fail_answer(struct repl *r)
{
	return fail_with(r, REPL_FAILURE_RETRY,
					 "%s: an answer that makes no sense", doing(r->step));
}

static enum repl_outcome
take_system(struct repl *r, const PGresult *res)
{
	struct repl_slot *slot = &r->slot;
	char			 *end;

	if (!has(res, 1, 4))
		return fail_answer(r);
	slot->system_id = strtoull(PQgetvalue(res, 0, 0), &end, 10);
	if (*end != '\0')
		return fail_answer(r);
	slot->timeline = (uint32_t) strtoul(PQgetvalue(res, 0, 1), &end, 10);
	if (*end != '\0' || slot->timeline == 0 || PQgetisnull(res, 0, 3) ||
		(size_t) PQgetlength(res, 0, 3) >= sizeof(slot->database))
		return fail_answer(r);
	strcpy(slot->database, PQgetvalue(res, 0, 3));
	if (r->streamed && slot->system_id != r->last_system_id)
	{
		fail_with(r, REPL_FAILURE_UNSAFE,
				  "the server is not the one that was "
				  "streamed from: its system identifier is %" PRIu64
				  ", it was %" PRIu64,
				  slot->system_id, r->last_system_id);
		repl_failure_set_hint(
			&r->failure,
			"connect to the cluster that has the slot \"%s\", or "
			"start again with a new slot and the tables' present content",
			r->config->slot);
		return REPL_FAILED;
	}
	r->step = STEP_SETTINGS;
	return REPL_DONE;
}

static enum repl_outcome
take_settings(struct repl *r, const PGresult *res)
{
	if (!has(res, 1, 4))
		return fail_answer(r);
	if (strcmp(PQgetvalue(res, 0, 0), "logical") != 0)
	{
		fail_with(r, REPL_FAILURE_REFUSED,
				  "wal_level is %s; logical decoding "
				  "needs logical",
				  PQgetvalue(res, 0, 0));
		repl_failure_set_hint(
			&r->failure, "ALTER SYSTEM SET wal_level = logical; then restart "
						 "the server");
		return REPL_FAILED;
	}
	r->slot.wal_sender_timeout_ms = atoi(PQgetvalue(res, 0, 1));
	free(r->allowed_plugins);
	r->allowed_plugins = NULL;
	if (!PQgetisnull(res, 0, 2))
		r->allowed_plugins = mem_check(strdup(PQgetvalue(res, 0, 2)), 1);
	r->standby = *PQgetvalue(res, 0, 3) == 't';
	if (r->standby && r->slot.server_version_num < 160000)
	{
		/* A standby that is about to be promoted looks like this, too. */
		fail_with(r, REPL_FAILURE_RETRY,
				  "the server is a standby, which cannot "
				  "decode before PostgreSQL 16");
		repl_failure_set_hint(&r->failure,
							  "waiting for its promotion; or connect to the "
							  "primary");
		return REPL_FAILED;
	}
	r->step = r->config->lock && !r->locked ? STEP_LOCK : STEP_SLOT;
	return REPL_DONE;
}

/* What a session holds that its client has left, and for how long. */
static void
hint_wait(struct repl *r)
{
	repl_failure_set_hint(
		&r->failure,
		"waiting until it is free; that of a lost connection "
		"is given up after wal_sender_timeout (%d ms)",
		r->slot.wal_sender_timeout_ms);
}

static enum repl_outcome
take_lock(struct repl *r, const PGresult *res)
{
	if (!has(res, 1, 2))
		return fail_answer(r);
	if (*PQgetvalue(res, 0, 0) != 't')
	{
		fail_with(r, REPL_FAILURE_RETRY,
				  "another walferry has slot \"%s\"%s%s", r->config->slot,
				  PQgetisnull(res, 0, 1) ? "" : ": process ",
				  PQgetvalue(res, 0, 1));
		strcpy(r->failure.sqlstate, "55P03");
		hint_wait(r);
		return REPL_FAILED;
	}
	r->locked = true;
	r->step = STEP_SLOT;
	return REPL_DONE;
}

/* One that we know to have been there is never made again. */
static enum repl_outcome
refuse_missing_slot(struct repl *r)
{
	if (r->streamed || r->slot.found || r->start_lsn != 0)
	{
		fail_with(r, REPL_FAILURE_UNSAFE, "replication slot \"%s\" is gone",
				  r->config->slot);
		repl_failure_set_hint(
			&r->failure,
			"creating it again would leave out what happened "
			"since: bring the tables' present content to the consumers "
			"again after creating it; after a failover, the slot must have "
			"been kept on the standby too (failover slots, PostgreSQL 17)");
	}
	else
	{
		fail_with(r, REPL_FAILURE_REFUSED,
				  "replication slot \"%s\" does not "
				  "exist",
				  r->config->slot);
		repl_failure_set_hint(
			&r->failure,
			"set walferry.slot.create=true, or create it in "
			"database \"%s\": SELECT pg_create_logical_replication_slot("
			"'%s', '%s');",
			PQdb(r->conn), r->config->slot, r->config->plugin);
	}
	return REPL_FAILED;
}

static enum repl_outcome
refuse_other_plugin(struct repl *r, const char *plugin)
{
	const char *old = r->config->slot;
	char		copy[64];
	size_t		room = sizeof(copy) - 1 - strlen(r->config->plugin) - 1;

	fail_with(r, REPL_FAILURE_REFUSED,
			  "replication slot \"%s\" belongs to "
			  "output plugin %s",
			  old, plugin);
	if (strlen(r->config->plugin) > 30)
		room = 32;
	snprintf(copy, sizeof(copy), "%.*s_%.30s", (int) room, old,
			 r->config->plugin);
	repl_failure_set_hint(
		&r->failure,
		"a copy continues from its position; stop what reads "
		"the old one, then: SELECT pg_copy_logical_replication_slot('%s', "
		"'%s', false, '%s'); and set slot.name=%s",
		old, copy, r->config->plugin, copy);
	return REPL_FAILED;
}

/*
 * Another timeline than the one that 'start_lsn' is on goes on with the same
 * history only if it branched off that one, and not before 'start_lsn'.  A
 * former primary that was not rewound has WAL beyond 'start_lsn', but another
 * one.  Where nobody says which it is, it is the one that was streamed from.
 */
static enum repl_outcome
check_timeline(struct repl *r)
{
	const struct repl_slot *slot = &r->slot;
	uint32_t				timeline = r->start_timeline;
	char					at[32], left[32];

	if (timeline == 0 && r->streamed)
		timeline = r->last_timeline;
	if (timeline == 0 || timeline == slot->timeline)
		return REPL_DONE;
	lsn_text(r->start_lsn, at, sizeof(at));
	for (uint32_t i = 0; i < slot->ntimelines; i++)
	{
		if (slot->tli[i] != timeline)
			continue;
		if (r->start_lsn <= slot->until_lsn[i])
			return REPL_DONE;
		fail_with(r, REPL_FAILURE_UNSAFE,
				  "cannot go on at %s: the server left its timeline "
				  "before it, at %s",
				  at, lsn_text(slot->until_lsn[i], left, sizeof(left)));
		repl_failure_set_hint(&r->failure, POSITION_HINT);
		return REPL_FAILED;
	}
	if (r->standby && slot->timeline < timeline)
	{
		fail_with(r, REPL_FAILURE_RETRY,
				  "cannot go on at %s: the standby is on timeline %" PRIu32
				  ", and has not come to %" PRIu32 " yet",
				  at, slot->timeline, timeline);
		repl_failure_set_hint(&r->failure,
							  "waiting until it has; or connect to the "
							  "primary");
		return REPL_FAILED;
	}
	fail_with(r, REPL_FAILURE_UNSAFE,
			  "cannot go on at %s: the server is on timeline %" PRIu32
			  ", whose history %s timeline %" PRIu32
			  ", which the position is on",
			  at, slot->timeline,
			  slot->ntimelines > 0 || slot->timeline == 1
				  ? "does not hold"
				  : "is missing and cannot be shown to hold",
			  timeline);
	repl_failure_set_hint(
		&r->failure,
		"this may be a former primary: connect to the server that has "
		"taken over from it. If this one is to go on: " POSITION_HINT);
	return REPL_FAILED;
}

/* Do the slot and the position to start at fit each other? */
static enum repl_outcome
check_position(struct repl *r)
{
	const struct repl_slot *slot = &r->slot;
	char					at[32], other[32];

	if (r->start_lsn == 0)
		return REPL_DONE;
	if (check_timeline(r) == REPL_FAILED)
		return REPL_FAILED;
	lsn_text(r->start_lsn, at, sizeof(at));
	if (slot->confirmed_lsn > r->start_lsn)
	{
		fail_with(r, REPL_FAILURE_UNSAFE,
				  "cannot go on at %s: somebody else has moved the slot on, "
				  "to %s",
				  at, lsn_text(slot->confirmed_lsn, other, sizeof(other)));
		repl_failure_set_hint(&r->failure, POSITION_HINT);
		return REPL_FAILED;
	}
	if (r->wal_end_lsn >= r->start_lsn)
		return REPL_DONE;
	lsn_text(r->wal_end_lsn, other, sizeof(other));
	if (r->standby)
	{
		/* After a crash it lets in before it has replayed all it had. */
		fail_with(r, REPL_FAILURE_RETRY,
				  "cannot go on at %s: the standby has come to %s only", at,
				  other);
		repl_failure_set_hint(&r->failure,
							  "waiting until it has; or connect to the "
							  "primary");
		return REPL_FAILED;
	}
	fail_with(r, REPL_FAILURE_UNSAFE,
			  "cannot go on at %s: the server's WAL ends before it, at %s", at,
			  other);
	repl_failure_set_hint(&r->failure, POSITION_HINT);
	return REPL_FAILED;
}

/* slot.failover is wanted of a slot that is there: will it do? */
static void
warn_failover(struct repl *r, const PGresult *res)
{
	const char *slot = log_str(r->config->slot);

	if (r->slot.server_version_num < 170000)
		log_warn("repl",
				 "slot.failover has no effect: PostgreSQL has failover slots "
				 "from 17 on",
				 "slot=%s", slot);
	else if (*PQgetvalue(res, 0, SLOT_FAILOVER) != 't')
		log_warn("repl",
				 "the slot is not a failover slot, so that no standby keeps "
				 "it: to change that, stop the forwarder and say "
				 "ALTER_REPLICATION_SLOT name (FAILOVER true) on a "
				 "replication connection, or drop the slot and create it "
				 "again",
				 "slot=%s", slot);
	else if (!r->standby && *PQgetvalue(res, 0, SLOT_STANDBY_SLOTS) == '\0')
		log_warn("repl",
				 "synchronized_standby_slots is empty: the slot can be ahead "
				 "of a standby, which then cannot take over from it; set it "
				 "to the standbys' physical slots",
				 "slot=%s", slot);
	r->failover_warned = true;
}

static enum repl_outcome
take_slot(struct repl *r, const PGresult *res)
{
	const char *name = r->config->slot;
	const char *plugin;

	if (PQntuples(res) == 0)
	{
		if (r->starting || (r->streamed && !r->config->temporary))
			return refuse_missing_slot(r);
		r->slot.found = false;
		r->step = STEP_HISTORY;
		return REPL_DONE;
	}
	if (!has(res, 1, SLOT_COLUMNS))
		return fail_answer(r);
	plugin = PQgetvalue(res, 0, SLOT_PLUGIN);
	if (strcmp(PQgetvalue(res, 0, SLOT_TYPE), "logical") != 0)
	{
		fail_with(r, REPL_FAILURE_REFUSED,
				  "replication slot \"%s\" is a physical "
				  "one",
				  name);
		repl_failure_set_hint(&r->failure, "choose another slot.name");
		return REPL_FAILED;
	}
	if (r->config->temporary && !r->slot.created)
	{
		fail_with(r, REPL_FAILURE_REFUSED,
				  "replication slot \"%s\" exists "
				  "already",
				  name);
		repl_failure_set_hint(&r->failure, "choose another slot.name");
		return REPL_FAILED;
	}
	if (strcmp(plugin, r->config->plugin) != 0)
		return refuse_other_plugin(r, plugin);
	if (strcmp(PQgetvalue(res, 0, SLOT_DATABASE),
			   PQgetvalue(res, 0, SLOT_OUR_DATABASE)) != 0)
	{
		fail_with(r, REPL_FAILURE_REFUSED,
				  "replication slot \"%s\" belongs to "
				  "database \"%s\", not \"%s\"",
				  name, PQgetvalue(res, 0, SLOT_DATABASE),
				  PQgetvalue(res, 0, SLOT_OUR_DATABASE));
		repl_failure_set_hint(&r->failure, "set database.dbname or slot.name");
		return REPL_FAILED;
	}
	if (strcmp(PQgetvalue(res, 0, SLOT_WAL_STATUS), "lost") == 0 ||
		!PQgetisnull(res, 0, SLOT_INVALID))
	{
		fail_with(r, REPL_FAILURE_UNSAFE,
				  "replication slot \"%s\" was "
				  "invalidated by the server (%s)",
				  name,
				  PQgetisnull(res, 0, SLOT_INVALID)
					  ? "its WAL is lost"
					  : PQgetvalue(res, 0, SLOT_INVALID));
		repl_failure_hint_slot_lost(&r->failure, name);
		return REPL_FAILED;
	}
	if (!PQgetisnull(res, 0, SLOT_OTHER_PID))
	{
		fail_with(r, REPL_FAILURE_RETRY,
				  "replication slot \"%s\" is in use by "
				  "process %s%s%s",
				  name, PQgetvalue(res, 0, SLOT_OTHER_PID),
				  *PQgetvalue(res, 0, SLOT_OTHER_NAME) ? ", application " : "",
				  PQgetvalue(res, 0, SLOT_OTHER_NAME));
		strcpy(r->failure.sqlstate, "55006");
		hint_wait(r);
		return REPL_FAILED;
	}
	if (*PQgetvalue(res, 0, SLOT_SYNCED) == 't' && r->standby)
	{
		fail_with(r, REPL_FAILURE_RETRY,
				  "replication slot \"%s\" is the copy that a standby keeps "
				  "of the primary's",
				  name);
		repl_failure_set_hint(&r->failure,
							  "waiting for the standby's promotion; or "
							  "connect to the primary");
		return REPL_FAILED;
	}
	if (strcmp(PQgetvalue(res, 0, SLOT_WAL_STATUS), "unreserved") == 0 &&
		!r->starting)
		log_warn(
			"repl",
			"the slot holds more WAL than max_slot_wal_keep_size "
			"allows: it is lost at the next checkpoint if it stays behind",
			"slot=%s", log_str(name));
	if (!parse_lsn(PQgetvalue(res, 0, SLOT_CONFIRMED_LSN),
				   &r->slot.confirmed_lsn))
	{
		fail_with(r, REPL_FAILURE_RETRY,
				  "replication slot \"%s\" is still being "
				  "created",
				  name);
		return REPL_FAILED;
	}
	r->wal_end_lsn = 0; /* a standby may not have replayed any yet */
	if (!PQgetisnull(res, 0, SLOT_WAL_END_LSN) &&
		!parse_lsn(PQgetvalue(res, 0, SLOT_WAL_END_LSN), &r->wal_end_lsn))
		return fail_answer(r);
	if (wants_failover(r) && !r->failover_warned)
		warn_failover(r, res);
	r->slot.found = true;
	r->step = STEP_HISTORY;
	return REPL_DONE;
}

static enum repl_outcome
leave_history(struct repl *r)
{
	if (r->starting)
	{
		r->step = STEP_START;
		return check_position(r);
	}
	r->step = STEP_READY;
	r->deadline_ms = 0;
	return REPL_DONE;
}

static enum repl_outcome
take_history(struct repl *r, const PGresult *res)
{
	if (!has(res, 1, 2) ||
		!repl_parse_history(&r->slot, PQgetvalue(res, 0, 1),
							(size_t) PQgetlength(res, 0, 1)))
	{
		r->slot.ntimelines = 0;
		return fail_answer(r);
	}
	return leave_history(r);
}

static enum repl_outcome
take_creation(struct repl *r, const PGresult *res)
{
	char lsn[32];

	if (!has(res, 1, 2) ||
		!parse_lsn(PQgetvalue(res, 0, 1), &r->slot.confirmed_lsn))
		return fail_answer(r);
	r->slot.created = r->slot.found = true;
	log_info("repl",
			 r->config->temporary ? "created a temporary slot"
								  : "created the slot",
			 "slot=%s plugin=%s lsn=%s", log_str(r->config->slot),
			 log_str(r->config->plugin),
			 lsn_text(r->slot.confirmed_lsn, lsn, sizeof(lsn)));
	r->step = STEP_READY;
	r->deadline_ms = r->patience_ms = 0;
	return REPL_DONE;
}

static enum repl_outcome
take_start(struct repl *r)
{
	r->step = STEP_STREAMING;
	r->streamed = !r->config->temporary;
	r->last_system_id = r->slot.system_id;
	r->last_timeline = r->slot.timeline;
	r->deadline_ms = 0;
	return REPL_DONE;
}

static enum repl_outcome
take_answer(struct repl *r)
{
	switch (r->step)
	{
		case STEP_SYSTEM:
			return take_system(r, r->result);
		case STEP_SETTINGS:
			return take_settings(r, r->result);
		case STEP_LOCK:
			return take_lock(r, r->result);
		case STEP_SLOT:
			return take_slot(r, r->result);
		case STEP_HISTORY:
			return take_history(r, r->result);
		case STEP_CREATE:
			return take_creation(r, r->result);
		case STEP_START:
			return take_start(r);
		case STEP_IDLE:
		case STEP_CONNECTING:
		case STEP_READY:
		case STEP_STREAMING:
		case STEP_ENDED:
			break;
	}
	return REPL_FAILED;
}

static enum repl_outcome
check_creation(struct repl *r)
{
	char have[16];

	if (!r->config->create)
		return refuse_missing_slot(r);
	if (wants_failover(r) && r->slot.server_version_num < 170000)
	{
		fail_with(r, REPL_FAILURE_REFUSED,
				  "slot.failover is set, and PostgreSQL %s has no failover "
				  "slots",
				  version_text(r->slot.server_version_num, have,
							   sizeof(have)));
		repl_failure_set_hint(&r->failure,
							  "set slot.failover=false, or upgrade to "
							  "PostgreSQL 17 or newer");
		return REPL_FAILED;
	}
	return REPL_DONE;
}

/* Nobody has said yet how to go on: is the connection still there? */
static enum repl_outcome
hold(struct repl *r)
{
	if (!PQconsumeInput(r->conn))
		return fail_connection(r);

	/* Takes in what comes unasked: notices, changed settings. */
	(void) PQisBusy(r->conn);
	return PQstatus(r->conn) == CONNECTION_OK ? REPL_READY
											  : fail_connection(r);
}

/* One step; REPL_DONE: it is behind us. */
static enum repl_outcome
make_step(struct repl *r, int64_t now_ms)
{
	enum repl_outcome outcome;

	switch (r->step)
	{
		case STEP_IDLE:
			return start_connecting(r, now_ms);
		case STEP_CONNECTING:
			return go_on_connecting(r);
		case STEP_HISTORY:
			/* The first timeline has no history. */
			if (r->slot.timeline == 1)
				return leave_history(r);
			break;
		case STEP_READY:
			return hold(r);
		case STEP_CREATE:
			if (!r->asked && check_creation(r) == REPL_FAILED)
				return REPL_FAILED;
			break;
		default:
			break;
	}
	outcome = ask(r, now_ms);
	if (outcome == REPL_DONE)
	{
		outcome = take_answer(r);
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
		r->slot.ntimelines = 0;
		outcome = leave_history(r);
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
	return fail_with(r, REPL_FAILURE_RETRY, "%s: no answer within %d ms%s%s",
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
 * Streaming.
 */

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
			return fail_connection(r);
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
			outcome = res == NULL ? fail_connection(r) : fail_result(r, res);
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
	fail_with(r, REPL_FAILURE_RETRY,
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
				   : fail_with(r, REPL_FAILURE_RETRY, "not streaming");
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
				return fail_connection(r);
		}
		if (r->ending)
		{
			enum repl_outcome outcome = read_end(r);

			if (outcome != REPL_AGAIN)
				return outcome;
		}
		if (r->broken)
			return fail_connection(r);
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
		return fail_connection(r);
	r->unflushed = rc > 0;
	return rc > 0 ? REPL_AGAIN : REPL_DONE;
}

enum repl_outcome
repl_send_status(struct repl *r, uint64_t written_lsn, uint64_t flushed_lsn)
{
	uint8_t message[STATUS_LEN];
	int		rc;

	if (r->step != STEP_STREAMING)
		return fail_with(r, REPL_FAILURE_RETRY, "not streaming");
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
		return fail_connection(r);
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

		buf_puts(&b, "DROP_REPLICATION_SLOT ");
		put_ident(&b, r->config->slot);
		buf_puts(&b, " WAIT");
		ended = ended && PQsendQuery(r->conn, buf_cstr(&b)) &&
				flush_until(r, deadline_ms) && results_until(r, deadline_ms);
		buf_free(&b);
		log_line(ended ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "repl",
				 ended ? "dropped the slot" : "could not drop the slot",
				 "slot=%s", log_str(r->config->slot));
	}
	repl_reset(r);
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
