/*
 * pgconn.c - a connection to PostgreSQL as configured; see pgconn.h.
 *
 * What a caller depends on is the caller's to force, what keeps a dead
 * connection from being waited for is a default, and everything else is the
 * user's.
 */
#include "pgconn.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "mem.h"

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
pgconn_open(const char *const *given, const char *const *given_values,
			unsigned hosts_skipped, const char *const (*forced)[2],
			size_t	 nforced)
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

	while (given[ngiven] != NULL)
	{
		several |= is_host_list(given[ngiven]) &&
				   given_values[ngiven] != NULL &&
				   strchr(given_values[ngiven], ',') != NULL;
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
		keywords[n] = given[i];
		values[n] = given_values[i];
		if (hosts_skipped > 0 && values[n] != NULL && nlists < 3 &&
			is_host_list(keywords[n]))
		{
			put_rotated(&lists[nlists], values[n], hosts_skipped);
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

bool
pgconn_is_ready(PGconn *conn, PostgresPollingStatusType polling)
{
	struct pollfd pfd = {
		.fd = PQsocket(conn),
		.events = polling == PGRES_POLLING_WRITING ? POLLOUT : POLLIN,
	};

	if (pfd.fd < 0 || (polling == PGRES_POLLING_READING && PQsslInUse(conn)))
		return true;
	return poll(&pfd, 1, 0) > 0;
}
