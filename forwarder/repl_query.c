/*
 * repl_query.c - what the server is asked and told; see repl.h for the
 * contract.
 *
 * A walsender that is connected to a database takes SQL as well as the
 * commands of replication.  Quoting differs, names and literals are put by
 * functions of their own.
 */
#include <inttypes.h>
#include <string.h>

#include "repl_impl.h"

/* Our advisory locks: this ("walf") and the hash of the slot's name. */
#define LOCK_CLASS 0x77616c66

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

static void
put_settings_query(const struct repl *r, struct buf *b)
{
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
	 * Set for the role or database, they would end waiting and decoding.
	 * They are not among the options of the connection, since older servers
	 * refuse one that names them.
	 */
	if (r->slot.server_version_num >= 170000)
		buf_puts(b, ", pg_catalog.set_config("
					"'transaction_timeout', '0', false)");
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
					"WHERE g.name = 'synchronized_standby_slots'), "
					"(SELECT pg_catalog.string_agg(n.name, ', ') "
					"FROM pg_catalog.pg_settings g, "
					"pg_catalog.regexp_split_to_table(g.setting, "
					"'[\", ]+') n (name) "
					"WHERE g.name = 'synchronized_standby_slots' "
					"AND n.name <> '' AND NOT EXISTS (SELECT FROM "
					"pg_catalog.pg_replication_slots p "
					"WHERE p.slot_name = n.name))");
	else
		buf_puts(b, "NULL, NULL, NULL, NULL");
	buf_puts(b, ", s.two_phase "
				"FROM pg_catalog.pg_replication_slots s LEFT JOIN "
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
				   repl_wants_failover(r) ? ", FAILOVER true" : "");
}

static void
put_start_query(const struct repl *r, struct buf *b)
{
	buf_puts(b, "START_REPLICATION SLOT ");
	put_ident(b, r->config->slot);
	buf_printf(b, " LOGICAL %X/%X", LSN_ARGS(r->start_lsn));
	for (size_t i = 0; i < r->config->noptions; i++)
	{
		buf_puts(b, i == 0 ? " (" : ", ");
		put_ident(b, r->config->options[i].name);
		buf_putc(b, ' ');
		put_literal(b, r->config->options[i].value);
	}
	if (r->config->noptions > 0)
		buf_putc(b, ')');
}

void
repl_query_put(const struct repl *r, struct buf *b)
{
	switch (r->step)
	{
		case STEP_SYSTEM:
			buf_puts(b, "IDENTIFY_SYSTEM");
			break;
		case STEP_SETTINGS:
			put_settings_query(r, b);
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
			put_start_query(r, b);
			break;
		case STEP_IDLE:
		case STEP_CONNECTING:
		case STEP_READY:
		case STEP_STREAMING:
		case STEP_ENDED:
			break;
	}
}

void
repl_query_put_wal_status(const struct repl *r, struct buf *b)
{
	buf_puts(b, "SELECT s.wal_status FROM pg_catalog.pg_replication_slots s "
				"WHERE s.slot_name = ");
	put_sql_literal(r, b, r->config->slot);
}

void
repl_query_put_drop(const struct repl *r, struct buf *b)
{
	buf_puts(b, "DROP_REPLICATION_SLOT ");
	put_ident(b, r->config->slot);
	buf_puts(b, " WAIT");
}
