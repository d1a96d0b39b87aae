/* links: repl_failure */
/*
 * What the replication client makes of errors; that it makes it of those that
 * a server sends is in test_repl.c and t/.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../forwarder/repl_failure.h"

static struct repl_failure
classify(enum repl_phase phase, const char *sqlstate, const char *message)
{
	const struct repl_context ctx = {
		.phase = phase,
		.slot = "app",
		.plugin = "walferry",
		.user = "cdc",
		.database = "shop",
	};
	struct repl_failure f;

	memset(&f, 'x', sizeof(f));
	repl_failure_classify(&ctx, sqlstate, message, &f);
	assert_string_equal(f.sqlstate, sqlstate);
	return f;
}

static struct repl_failure
classify_connect(const char *message)
{
	const struct repl_context ctx = {
		.phase = REPL_PHASE_CONNECT,
		.slot = "app",
		.plugin = "walferry",
		.user = "cdc",
		.database = "shop",
	};
	struct repl_failure f;

	memset(&f, 'x', sizeof(f));
	repl_failure_classify_connect(&ctx, message, &f);
	return f;
}

static void
repl_failure_classifies_by_sqlstate_and_phase(void **state)
{
	static const struct
	{
		enum repl_phase		   phase;
		const char			  *sqlstate;
		const char			  *message;
		enum repl_failure_kind kind;
		const char			  *hint; /* must be part of it */
	} cases[] = {
		/* What passes. */
		{REPL_PHASE_CONNECT, "57P03", "the database system is starting up",
		 REPL_FAILURE_RETRY, ""},
		{REPL_PHASE_CONNECT, "53300", "too many connections",
		 REPL_FAILURE_RETRY, "max_wal_senders"},
		{REPL_PHASE_QUERY, "57P01", "terminating connection",
		 REPL_FAILURE_RETRY, ""},
		{REPL_PHASE_START, "55006", "slot is active for PID 7",
		 REPL_FAILURE_RETRY, "wal_sender_timeout"},
		{REPL_PHASE_START, "57P03", "in recovery", REPL_FAILURE_RETRY, ""},
		{REPL_PHASE_STREAM, "57P01", "terminating connection",
		 REPL_FAILURE_RETRY, ""},
		{REPL_PHASE_STREAM, "08006", "lost", REPL_FAILURE_RETRY, ""},
		{REPL_PHASE_STREAM, "", "server closed the connection unexpectedly",
		 REPL_FAILURE_RETRY, ""},
		{REPL_PHASE_STREAM, "XX000", "whatever", REPL_FAILURE_RETRY, ""},
		{REPL_PHASE_STREAM, "53200", "out of memory", REPL_FAILURE_RETRY, ""},
		{REPL_PHASE_STREAM, "54000", "too much", REPL_FAILURE_RETRY, ""},
		{REPL_PHASE_STREAM, "22P05", "a row that cannot be",
		 REPL_FAILURE_RETRY, ""},
		{REPL_PHASE_CREATE, "42710", "already exists", REPL_FAILURE_RETRY, ""},

		/* What somebody has to mend. */
		{REPL_PHASE_CONNECT, "28P01", "password authentication failed",
		 REPL_FAILURE_REFUSED, "database.password"},
		{REPL_PHASE_CONNECT, "28000", "no pg_hba.conf entry",
		 REPL_FAILURE_REFUSED, "pg_hba.conf"},
		{REPL_PHASE_CONNECT, "3D000", "database does not exist",
		 REPL_FAILURE_REFUSED, "database.dbname"},
		{REPL_PHASE_CONNECT, "42501", "must be replication role",
		 REPL_FAILURE_REFUSED, "ALTER ROLE \"cdc\" LOGIN REPLICATION"},
		{REPL_PHASE_QUERY, "42501", "permission denied", REPL_FAILURE_REFUSED,
		 "GRANT CONNECT ON DATABASE \"shop\""},
		{REPL_PHASE_CREATE, "42501",
		 "library \"walferry\" may not be used as an output plugin",
		 REPL_FAILURE_REFUSED, "SHOW output_plugin_libraries"},
		{REPL_PHASE_START, "42501",
		 "library \"walferry\" may not be used as an output plugin",
		 REPL_FAILURE_REFUSED,
		 "ALTER ROLE \"cdc\" IN DATABASE \"shop\" "
		 "SET output_plugin_libraries = walferry;"},
		{REPL_PHASE_CREATE, "42501", "in another language",
		 REPL_FAILURE_REFUSED,
		 "ALTER SYSTEM SET output_plugin_libraries = "
		 "pgoutput, test_decoding, walferry; SELECT pg_reload_conf();"},
		{REPL_PHASE_CREATE, "58P01",
		 "could not access file \"walferry\": No "
		 "such file or directory",
		 REPL_FAILURE_REFUSED, "install"},
		{REPL_PHASE_START, "58P01",
		 "could not load library \"/lib/walferry.so\"", REPL_FAILURE_REFUSED,
		 "install"},
		{REPL_PHASE_CREATE, "XX000",
		 "incompatible library \"/x/walferry.so\": "
		 "version mismatch",
		 REPL_FAILURE_REFUSED, "install"},
		{REPL_PHASE_CREATE, "53400", "all replication slots are in use",
		 REPL_FAILURE_REFUSED, "max_replication_slots"},
		{REPL_PHASE_CREATE, "55000", "something missing", REPL_FAILURE_REFUSED,
		 ""},
		{REPL_PHASE_START, "42P02", "unrecognized walferry option \"x\"",
		 REPL_FAILURE_REFUSED, "older or newer"},
		{REPL_PHASE_START, "0A000",
		 "protocol version 1 is no longer supported", REPL_FAILURE_REFUSED,
		 "older or newer"},
		{REPL_PHASE_START, "22023", "invalid value \"x\" for option \"y\"",
		 REPL_FAILURE_REFUSED, "slot.stream.params"},
		{REPL_PHASE_STREAM, "54000",
		 "table \"s.t\" would be sent with 1665 columns, at most 1664 are "
		 "possible",
		 REPL_FAILURE_REFUSED, "message.key.columns"},
		{REPL_PHASE_START, "2201B", "invalid regular expression",
		 REPL_FAILURE_REFUSED, "slot.stream.params"},

		/* What would be a gap. */
		{REPL_PHASE_START, "42704", "slot \"app\" does not exist",
		 REPL_FAILURE_UNSAFE, "pg_drop_replication_slot('app')"},
		{REPL_PHASE_START, "55000", "can no longer access replication slot",
		 REPL_FAILURE_UNSAFE, "max_slot_wal_keep_size"},
		{REPL_PHASE_STREAM, "55000", "can no longer get changes",
		 REPL_FAILURE_UNSAFE, ""},
		{REPL_PHASE_STREAM, "58P01",
		 "requested WAL segment "
		 "000000010000000000000003 has already been removed",
		 REPL_FAILURE_UNSAFE, ""},
		{REPL_PHASE_START, "58P01",
		 "requested WAL segment "
		 "000000010000000000000003 has already been removed",
		 REPL_FAILURE_UNSAFE, ""},
		{REPL_PHASE_STREAM, "58P01", "could not open file \"pg_replslot/x\"",
		 REPL_FAILURE_RETRY, ""},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		struct repl_failure f = classify(cases[i].phase, cases[i].sqlstate,
										 cases[i].message);

		if (f.kind != cases[i].kind || strstr(f.hint, cases[i].hint) == NULL)
			fail_msg("%s \"%s\": kind %d, hint \"%s\"", cases[i].sqlstate,
					 cases[i].message, (int) f.kind, f.hint);
		assert_string_equal(f.message, cases[i].message);
	}
}

static void
repl_failure_hint_keeps_plugins_already_allowed(void **state)
{
	struct repl_context ctx = {
		.phase = REPL_PHASE_CREATE,
		.slot = "app",
		.plugin = "walferry",
		.user = "cdc",
		.database = "shop",
		.allowed_plugins = "pgoutput, \"wal2json\"",
	};
	struct repl_failure f;

	(void) state;
	repl_failure_classify(&ctx, "42501", "may not be used as an output plugin",
						  &f);
	assert_non_null(strstr(f.hint,
						   "ALTER SYSTEM SET output_plugin_libraries = "
						   "pgoutput, \"wal2json\", walferry;"));

	/* Allowed already: then it is something else. */
	ctx.allowed_plugins = "pgoutput, \"walferry\"";
	repl_failure_classify(&ctx, "42501", "permission denied", &f);
	assert_null(strstr(f.hint, "output_plugin_libraries"));
	ctx.allowed_plugins = "pgoutput,walferry2";
	repl_failure_classify(&ctx, "42501", "permission denied", &f);
	assert_non_null(strstr(f.hint, "output_plugin_libraries"));
}

static void
repl_failure_is_one_line(void **state)
{
	struct repl_failure f = classify(REPL_PHASE_STREAM, "XX000", "a b");
	char				huge[5000];

	(void) state;
	memset(huge, 'x', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	huge[10] = '\n';
	repl_failure_classify(&(struct repl_context){.phase = REPL_PHASE_STREAM,
												 .slot = "s",
												 .plugin = "p"},
						  "XX000", huge, &f);
	assert_null(strchr(f.message, '\n'));
	assert_true(strlen(f.message) < sizeof(f.message));
	assert_true(strlen(f.message) > 500);
}

static void
repl_failure_reads_sqlstate_from_libpqs_print(void **state)
{
	struct repl_failure f;

	(void) state;
	f = classify_connect(
		"connection to server at \"db\", port 5432 failed: "
		"FATAL:  28P01: password authentication failed for user "
		"\"cdc\"\nLOCATION:  auth_failed, auth.c:331\n");
	assert_int_equal(f.kind, REPL_FAILURE_REFUSED);
	assert_string_equal(f.sqlstate, "28P01");
	assert_string_equal(
		f.message, "connection to server at \"db\", port 5432 "
				   "failed: FATAL: password authentication failed for user "
				   "\"cdc\"");

	/* In whatever language the server speaks. */
	f = classify_connect(
		"connection to server at \"db\", port 5432 failed: "
		"FATAL:  3D000: Datenbank \u00bbx\u00ab existiert nicht\n");
	assert_int_equal(f.kind, REPL_FAILURE_REFUSED);
	assert_string_equal(f.sqlstate, "3D000");

	f = classify_connect(
		"connection to server at \"db\", port 5432 failed: "
		"FATAL:  57P03: the database system is starting up\n");
	assert_int_equal(f.kind, REPL_FAILURE_RETRY);
	assert_string_equal(f.sqlstate, "57P03");
}

static void
repl_failure_retries_what_libpq_could_not_reach(void **state)
{
	static const char *const messages[] = {
		"connection to server at \"127.0.0.1\", port 1 failed: Connection "
		"refused\n\tIs the server running on that host and accepting TCP/IP "
		"connections?\n",
		"could not translate host name \"db\" to address: Name or service not "
		"known\n",
		"connection to server at \"db\" (10.0.0.1), port 5432 failed: server "
		"closed the connection unexpectedly\n\tThis probably means the server "
		"terminated abnormally\n\tbefore or while processing the request.\n",
		"connection to server on socket \"/run/x\" failed: No such file or "
		"directory\n\tIs the server running locally?\n",
		"connection to server at \"db\" failed: SSL SYSCALL error: EOF "
		"detected\n",
		"",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
	{
		struct repl_failure f = classify_connect(messages[i]);

		assert_int_equal(f.kind, REPL_FAILURE_RETRY);
		assert_null(strchr(f.message, '\n'));
		assert_int_not_equal(f.message[0], '\0');
	}
}

#define REFUSED_AT(at)                                                    \
	"connection to server at " at ", port 1 failed: Connection refused\n" \
	"\tIs the server running on that host and accepting TCP/IP connections?\n"
#define UNTRUSTED_AT(at)                                                     \
	"connection to server at " at ", port 1 failed: SSL error: certificate " \
	"verify failed\n"

/* One host is one server; of several, one may come back. */
static void
repl_failure_of_several_addresses(void **state)
{
	struct repl_failure f;

	(void) state;
	f = classify_connect(REFUSED_AT("\"localhost\" (::1)")
							 UNTRUSTED_AT("\"localhost\" (127.0.0.1)"));
	assert_int_equal(f.kind, REPL_FAILURE_REFUSED);
	assert_non_null(strstr(f.message, "(127.0.0.1)"));
	f = classify_connect(UNTRUSTED_AT("\"localhost\" (127.0.0.1)")
							 REFUSED_AT("\"localhost\" (::1)"));
	assert_int_equal(f.kind, REPL_FAILURE_REFUSED);
	f = classify_connect(REFUSED_AT("\"db1\" (10.0.0.1)")
							 UNTRUSTED_AT("\"db2\" (10.0.0.2)"));
	assert_int_equal(f.kind, REPL_FAILURE_RETRY);
	f = classify_connect(UNTRUSTED_AT("\"db\" (10.0.0.2)")
							 REFUSED_AT("\"db1\" (10.0.0.1)"));
	assert_int_equal(f.kind, REPL_FAILURE_RETRY);
	assert_non_null(strstr(f.message, "(10.0.0.1)"));
	f = classify_connect(REFUSED_AT("\"db\" (10.0.0.1)")
							 REFUSED_AT("\"db\" (10.0.0.2)"));
	assert_int_equal(f.kind, REPL_FAILURE_RETRY);
	f = classify_connect(REFUSED_AT(
		"\"lb\" (10.0.0.1)") "connection to server at \"lb\" (10.0.0.1), port 2 "
							 "failed: SSL error: certificate verify failed\n");
	assert_int_equal(f.kind, REPL_FAILURE_RETRY);
}

static void
repl_failure_refuses_what_retrying_cannot_mend(void **state)
{
	static const char *const messages[] = {
		"connection to server at \"db\", port 5432 failed: fe_sendauth: no "
		"password supplied\n",
		"connection to server at \"db\", port 5432 failed: server does not "
		"support SSL, but SSL was required\n",
		"connection to server at \"db\", port 5432 failed: SSL error: "
		"certificate verify failed\n",
		"connection to server at \"db\", port 5432 failed: server certificate "
		"for \"other\" does not match host name \"db\"\n",
		"invalid sslmode value: \"bogus\"\n",
		"root certificate file \"/root.crt\" does not exist\n",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		assert_int_equal(classify_connect(messages[i]).kind,
						 REPL_FAILURE_REFUSED);
}

static void
repl_failure_retries_while_one_of_several_hosts_may_come_up(void **state)
{
	struct repl_failure f;

	(void) state;
	f = classify_connect(
		"connection to server at \"a\", port 1 failed: FATAL:  "
		"28P01: no\nLOCATION:  x, y.c:1\nconnection to server at "
		"\"b\", port 2 failed: Connection refused\n\tIs it on?\n");
	assert_int_equal(f.kind, REPL_FAILURE_RETRY);
	assert_non_null(strstr(f.message, "\"b\""));
	assert_non_null(strstr(f.message, "Is it on?"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repl_failure_classifies_by_sqlstate_and_phase),
		cmocka_unit_test(repl_failure_hint_keeps_plugins_already_allowed),
		cmocka_unit_test(repl_failure_is_one_line),
		cmocka_unit_test(repl_failure_reads_sqlstate_from_libpqs_print),
		cmocka_unit_test(repl_failure_retries_what_libpq_could_not_reach),
		cmocka_unit_test(repl_failure_of_several_addresses),
		cmocka_unit_test(repl_failure_refuses_what_retrying_cannot_mend),
		cmocka_unit_test(
			repl_failure_retries_while_one_of_several_hosts_may_come_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
