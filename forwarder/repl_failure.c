/*
 * repl_failure.c - what is to be done about an error of PostgreSQL or libpq.
 *
 * A server's error is judged by its SQLSTATE and by what was being done, since
 * its text depends on its language.  libpq's own errors have no SQLSTATE: what
 * cannot get better by itself is known by its text, untranslated.  Whatever is
 * not known is retried.
 */
#include "repl_failure.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

static bool
starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* Is 's' one of the blank-separated words of 'words', by prefix? */
static bool
sqlstate_in(const char *sqlstate, const char *prefixes)
{
	for (const char *p = prefixes; *p;)
	{
		size_t n = strcspn(p, " ");

		if (strncmp(sqlstate, p, n) == 0)
			return true;
		p += n;
		p += strspn(p, " ");
	}
	return false;
}

/* One line of what may have been several. */
static void
copy_line(char *out, size_t size, const char *s)
{
	size_t n = 0;
	bool   gap = false;

	for (; *s && n + 1 < size; s++)
	{
		if ((unsigned char) *s <= ' ')
		{
			gap = n > 0;
			continue;
		}
		if (gap && n + 2 < size)
			out[n++] = ' ';
		gap = false;
		out[n++] = *s;
	}
	out[n] = '\0';
}

static void
set_text(char *out, size_t size, const char *fmt, va_list ap)
{
	char text[4096];

	vsnprintf(text, sizeof(text), fmt, ap);
	copy_line(out, size, text);
}

void
repl_failure_set_message(struct repl_failure *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_text(f->message, sizeof(f->message), fmt, ap);
	va_end(ap);
}

void
repl_failure_set_hint(struct repl_failure *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_text(f->hint, sizeof(f->hint), fmt, ap);
	va_end(ap);
}

static const char *
or_unknown(const char *s)
{
	return s != NULL && *s != '\0' ? s : "?";
}

/* Is 'name' an element of a list as a list setting prints it? */
static bool
list_contains(const char *list, const char *name)
{
	size_t len = strlen(name);

	while (list != NULL && *list)
	{
		list += strspn(list, " \t,");
		if (*list == '"' && strncmp(list + 1, name, len) == 0 &&
			list[1 + len] == '"')
			return true;
		if (strncmp(list, name, len) == 0 && strchr(" \t,", list[len]))
			return true;
		list += strcspn(list, ",");
	}
	return false;
}

/* A WAL segment is named in a message by 24 hexadecimal digits. */
static bool
names_wal_segment(const char *message)
{
	int run = 0;

	for (const char *p = message;; p++)
	{
		if (isxdigit((unsigned char) *p))
			run++;
		else
		{
			if (run == 24)
				return true;
			run = 0;
		}
		if (*p == '\0')
			return false;
	}
}

static bool
names_plugin(const char *message, const char *plugin)
{
	const char *p;

	for (p = message; (p = strstr(p, plugin)) != NULL; p++)
	{
		const char *end = p + strlen(plugin);

		if (p > message && (p[-1] == '"' || p[-1] == '/') &&
			(*end == '"' || starts(end, ".so")))
			return true;
	}
	return false;
}

static void
hint_plugin_not_allowed(const struct repl_context *ctx, struct repl_failure *f)
{
	const char *list = ctx->allowed_plugins;

	if (list != NULL && *list == '\0')
		list = NULL;

	/*
	 * The list must not be quoted as a whole: that would be one name, and
	 * would shut out pgoutput too.
	 */
	repl_failure_set_hint(
		f,
		"as superuser, see the list with: SHOW output_plugin_libraries; "
		"then either for this role alone, replacing its list: ALTER ROLE \"%s\" IN DATABASE "
		"\"%s\" SET output_plugin_libraries = %s; or for all: ALTER SYSTEM "
		"SET output_plugin_libraries = %s, %s; SELECT pg_reload_conf(); "
		"(no quotes around the whole list)",
		or_unknown(ctx->user), or_unknown(ctx->database), ctx->plugin,
		list ? list : "pgoutput, test_decoding", ctx->plugin);
}

static void
hint_plugin_missing(const struct repl_context *ctx, struct repl_failure *f)
{
	repl_failure_set_hint(
		f,
		"install the extension's library on the database server: "
		"\"make install\" with its pg_config, or the package for its "
		"PostgreSQL version; on standbys that may be promoted too (%s.so "
		"goes to what pg_config --pkglibdir prints)",
		ctx->plugin);
}

void
repl_failure_hint_slot_lost(struct repl_failure *f, const char *slot)
{
	repl_failure_set_hint(
		f,
		"the changes since its last position are gone: drop it (SELECT "
		"pg_drop_replication_slot('%s')), create it anew and bring the "
		"tables' present content to the consumers again; "
		"max_slot_wal_keep_size says how much WAL a slot may hold",
		slot);
}

/* 42501, insufficient_privilege. */
static void
hint_privilege(const struct repl_context *ctx, struct repl_failure *f)
{
	/* Past connecting, the role's own privileges are beyond question. */
	if ((ctx->phase == REPL_PHASE_CREATE || ctx->phase == REPL_PHASE_START) &&
		(ctx->allowed_plugins == NULL ||
		 !list_contains(ctx->allowed_plugins, ctx->plugin)))
	{
		hint_plugin_not_allowed(ctx, f);
		return;
	}
	repl_failure_set_hint(
		f,
		"the role needs: ALTER ROLE \"%s\" LOGIN REPLICATION; and: GRANT "
		"CONNECT ON DATABASE \"%s\" TO \"%s\";",
		or_unknown(ctx->user), or_unknown(ctx->database),
		or_unknown(ctx->user));
}

static void
classify_connect(const struct repl_context *ctx, const char *sqlstate,
				 struct repl_failure *f)
{
	static const char *const refusals[][2] = {
		{"no password supplied", "set database.password"},
		{"does not support SSL",
		 "set ssl = on on the server, or database.sslmode"},
		{"certificate verify failed",
		 "database.sslrootcert must name the authority that signed the server's certificate"},
		{"does not match host name",
		 "connect by a name that is in the server's certificate, or set database.sslmode=verify-ca"},
		{"root certificate file", "set database.sslrootcert"},
		{"certificate file", "check database.sslcert"},
		{"private key file",
		 "check database.sslkey: it must exist and be readable by its owner only"},
		{"alert unknown ca",
		 "the server does not accept this client's certificate: check database.sslcert and ssl_ca_file"},
		{"alert certificate required",
		 "the server asks for a client certificate: set database.sslcert and database.sslkey"},
		{"invalid connection option", ""},
		{"invalid sslmode", ""},
		{"invalid port number", ""},
		{"invalid integer value", ""},
		{"invalid channel_binding", ""},
		{"invalid ssl_", ""},
		{"invalid target_session_attrs", ""},
		{"channel binding required",
		 "the server offers no SCRAM with channel binding"},
		{"could not match", ""},
		{"weak sslmode", ""},
	};

	if (sqlstate_in(sqlstate, "28"))
	{
		f->kind = REPL_FAILURE_REFUSED;
		if (strcmp(sqlstate, "28P01") == 0)
			repl_failure_set_hint(f,
								  "check database.user and database.password");
		else
			repl_failure_set_hint(
				f,
				"role \"%s\" must exist with LOGIN and REPLICATION, and "
				"pg_hba.conf needs a line for database \"%s\" (not "
				"\"replication\"), this role and this client's address",
				or_unknown(ctx->user), or_unknown(ctx->database));
	}
	else if (sqlstate_in(sqlstate, "3D000"))
	{
		f->kind = REPL_FAILURE_REFUSED;
		repl_failure_set_hint(f, "check database.dbname");
	}
	else if (sqlstate_in(sqlstate, "42501"))
	{
		f->kind = REPL_FAILURE_REFUSED;
		hint_privilege(ctx, f);
	}
	else if (strcmp(sqlstate, "53300") == 0)
		repl_failure_set_hint(
			f, "a connection or walsender slot must become free: see "
			   "max_connections, max_wal_senders and the role's CONNECTION "
			   "LIMIT");
	else if (sqlstate_in(sqlstate, "42 22 0A"))
		f->kind = REPL_FAILURE_REFUSED;
	else if (*sqlstate == '\0')
	{
		for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		{
			if (strstr(f->message, refusals[i][0]) != NULL)
			{
				f->kind = REPL_FAILURE_REFUSED;
				repl_failure_set_hint(f, "%s", refusals[i][1]);
				break;
			}
		}
	}
}

/* An error in answer to CREATE_ or START_REPLICATION. */
static void
classify_start(const struct repl_context *ctx, const char *sqlstate,
			   struct repl_failure *f)
{
	bool creating = ctx->phase == REPL_PHASE_CREATE;

	if (strcmp(sqlstate, "42501") == 0)
	{
		f->kind = REPL_FAILURE_REFUSED;
		hint_privilege(ctx, f);
	}
	else if (strcmp(sqlstate, "55006") == 0)
		repl_failure_set_hint(
			f, "waiting until it is free; that of a lost connection is "
			   "given up after wal_sender_timeout");
	else if (strcmp(sqlstate, "53400") == 0)
	{
		f->kind = REPL_FAILURE_REFUSED;
		repl_failure_set_hint(
			f, "raise max_replication_slots and restart the server, or "
			   "drop a slot that nobody needs: SELECT slot_name, active, "
			   "restart_lsn FROM pg_replication_slots");
	}
	else if (strcmp(sqlstate, "42704") == 0 && !creating)
	{
		f->kind = REPL_FAILURE_UNSAFE;
		repl_failure_hint_slot_lost(f, ctx->slot);
	}
	else if (strcmp(sqlstate, "42710") == 0)
		repl_failure_set_hint(
			f, "somebody else has just created it"); /* retry: look again */
	else if (strcmp(sqlstate, "55000") == 0)
	{
		/* What is not about the slot was checked before. */
		f->kind = creating ? REPL_FAILURE_REFUSED : REPL_FAILURE_UNSAFE;
		if (!creating)
			repl_failure_hint_slot_lost(f, ctx->slot);
	}
	else if (sqlstate_in(sqlstate, "58") &&
			 names_plugin(f->message, ctx->plugin))
	{
		f->kind = REPL_FAILURE_REFUSED;
		hint_plugin_missing(ctx, f);
	}
	else if (sqlstate_in(sqlstate, "58") && names_wal_segment(f->message))
	{
		f->kind = REPL_FAILURE_UNSAFE;
		repl_failure_hint_slot_lost(f, ctx->slot);
	}
	else if (strcmp(sqlstate, "42P02") == 0 || strcmp(sqlstate, "0A000") == 0)
	{
		f->kind = REPL_FAILURE_REFUSED;
		repl_failure_set_hint(
			f,
			"%sthe extension's library on the server is older or newer "
			"than this forwarder: install the same version of both (see "
			"walferry version, and SELECT walferry_version())",
			*sqlstate == '4' ? "check slot.stream.params; if it is right, "
							 : "");
	}
	else if (sqlstate_in(sqlstate, "22 42"))
	{
		f->kind = REPL_FAILURE_REFUSED;
		if (!creating)
			repl_failure_set_hint(
				f, "an option of the stream was refused: check the "
				   "configuration's filters and slot.stream.params, and that "
				   "the extension's library is of the forwarder's version");
	}
	else if (strstr(f->message, "incompatible library") != NULL ||
			 strstr(f->message, "_PG_output_plugin_init") != NULL)
	{
		f->kind = REPL_FAILURE_REFUSED;
		hint_plugin_missing(ctx, f);
	}
}

static void
classify_stream(const struct repl_context *ctx, const char *sqlstate,
				struct repl_failure *f)
{
	if (strcmp(sqlstate, "55000") == 0 ||
		(sqlstate_in(sqlstate, "58") && names_wal_segment(f->message)))
	{
		f->kind = REPL_FAILURE_UNSAFE;
		repl_failure_hint_slot_lost(f, ctx->slot);
	}
	else if (strcmp(sqlstate, "54000") == 0 &&
			 strstr(f->message, "would be sent with") != NULL)
	{
		f->kind = REPL_FAILURE_REFUSED;
		repl_failure_set_hint(
			f, "a masked column of the key counts twice: name fewer in "
			   "message.key.columns or column.mask.with.<n>.chars, or some "
			   "in column.exclude.list");
	}
}

void
repl_failure_classify(const struct repl_context *ctx, const char *sqlstate,
					  const char *message, struct repl_failure *failure)
{
	memset(failure, 0, sizeof(*failure));
	failure->kind = REPL_FAILURE_RETRY;
	snprintf(failure->sqlstate, sizeof(failure->sqlstate), "%s", sqlstate);
	repl_failure_set_message(failure, "%s", message);

	/*
	 * Connection lost, server starting or stopping, out of something: these
	 * pass.  So does what nobody thought of.
	 */
	if (sqlstate_in(sqlstate, "08 57") && ctx->phase != REPL_PHASE_CONNECT)
		return;
	switch (ctx->phase)
	{
		case REPL_PHASE_CONNECT:
			classify_connect(ctx, sqlstate, failure);
			break;
		case REPL_PHASE_QUERY:
			if (sqlstate_in(sqlstate, "42501"))
			{
				failure->kind = REPL_FAILURE_REFUSED;
				hint_privilege(ctx, failure);
			}
			break;
		case REPL_PHASE_CREATE:
		case REPL_PHASE_START:
			classify_start(ctx, sqlstate, failure);
			break;
		case REPL_PHASE_STREAM:
			classify_stream(ctx, sqlstate, failure);
			break;
	}
}

/*
 * "FATAL:  28P01: no entry" holds a SQLSTATE: cut it out of the text, so that
 * people read what they are used to.
 */
static void
cut_sqlstate(char *line, char sqlstate[6])
{
	char *p = line;

	sqlstate[0] = '\0';
	while ((p = strstr(p, ":  ")) != NULL)
	{
		size_t n = strspn(p + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");

		if (n == 5 && p[8] == ':' && p[9] == ' ')
		{
			memcpy(sqlstate, p + 3, 5);
			sqlstate[5] = '\0';
			memmove(p + 2, p + 10, strlen(p + 10) + 1);
			return;
		}
		p++;
	}
}

/* A line that goes on with the attempt before it, rather than a new one. */
static bool
is_detail(const char *line)
{
	return starts(line, "DETAIL:") || starts(line, "HINT:") ||
		   starts(line, "CONTEXT:") || starts(line, "\t");
}

/*
 * Of 'connection to server at "db" (10.0.0.1), port 5432 failed: ...', name and
 * port; false: it is another text.
 */
static bool
server_in(const char *message, char *server, size_t size)
{
	static const char before[] = "connection to server at \"";
	const char		 *name = message + sizeof(before) - 1;
	const char		 *port = strstr(message, ", port ");

	if (!starts(message, before) || port == NULL)
		return false;
	snprintf(server, size, "%.*s%.*s", (int) strcspn(name, "\""), name,
			 (int) strcspn(port, "f"), port);
	return true;
}

static bool
is_same_server(const char *a, const char *b)
{
	char one[512], other[512];

	return server_in(a, one, sizeof(one)) &&
		   server_in(b, other, sizeof(other)) && strcmp(one, other) == 0;
}

/* Is 'f' to be believed rather than what an earlier address has said? */
static bool
counts_more(const struct repl_failure *f, const struct repl_failure *than)
{
	bool retry = f->kind == REPL_FAILURE_RETRY;

	if (retry == (than->kind == REPL_FAILURE_RETRY))
		return false;
	return retry != is_same_server(f->message, than->message);
}

void
repl_failure_classify_connect(const struct repl_context *ctx,
							  const char				*message,
							  struct repl_failure		*failure)
{
	char *copy = strdup(message);
	bool  first = true;

	mem_check(copy, strlen(message));
	for (char *line = copy, *next; line != NULL; line = next)
	{
		struct repl_failure f;
		char				sqlstate[6];

		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		while (next != NULL && is_detail(next))
		{
			next[-1] = ';';
			if (*next == '\t')
				*next = ' ';
			next = strchr(next, '\n');
			if (next != NULL)
				*next++ = '\0';
		}
		if (*line == '\0' || starts(line, "LOCATION:"))
			continue;
		cut_sqlstate(line, sqlstate);
		repl_failure_classify(ctx, sqlstate, line, &f);
		if (first || counts_more(&f, failure))
			*failure = f;
		first = false;
	}
	if (first)
		repl_failure_classify(ctx, "", "connection failed", failure);
	free(copy);
}
