/*
 * pgconn.h - a connection to PostgreSQL as configured, made without waiting.
 *
 * Names of hosts are the exception: libpq looks them up before it returns, for
 * as long as the system's resolver takes.  An address in database.hostname, or
 * a name in /etc/hosts, does without.
 */
#ifndef FORWARDER_PGCONN_H
#define FORWARDER_PGCONN_H

#include <stdbool.h>
#include <stddef.h>

#include <libpq-fe.h>

/*
 * Begin a connection by 'keywords' and 'values' (each ends with NULL), with
 * 'forced' keywords and values above them; a value of NULL counts as not
 * given.  Of lists of hosts, the first 'hosts_skipped' come last, and only a
 * primary is taken unless libpq's environment says otherwise.  Never NULL:
 * PQstatus() tells what failed.  The caller's to finish.
 */
PGconn *pgconn_open(const char *const *keywords, const char *const *values,
					unsigned hosts_skipped, const char *const (*forced)[2],
					size_t	 nforced);

/*
 * May PQconnectPoll() go on?  Called too early, it takes the connection for
 * made and waits for it in sending: for all of tcp_user_timeout, where the
 * other side drops what comes.  Its reading never waits, and has to be tried
 * where bytes may be left in OpenSSL, where poll() does not see them.
 */
bool pgconn_is_ready(PGconn *conn, PostgresPollingStatusType polling);

#endif /* FORWARDER_PGCONN_H */
