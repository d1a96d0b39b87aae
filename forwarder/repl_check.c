/*
 * repl_check.c - the server's answers: may we go on?  See repl.h for the
 * contract.
 *
 * The checks come before the server is told to do anything, because their
 * answers are values, while its own refusals are sentences in its language.
 * What would leave something out is unsafe, whatever the server thinks of it.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "mem.h"
#include "repl_impl.h"

/* What to do where histories have parted. */
#define POSITION_HINT                                             \
	"consumers may hold changes that this server does not have, " \
	"or lack some: compare the tables with them before starting again"

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
 * Another timeline than the one that 'start_lsn' is on goes on with the same
 * history only if it branched off that one, and not before 'start_lsn'.  A
 * former primary that was not rewound has WAL beyond 'start_lsn', but another
 * one.  Where nobody says which it is, it is the one that was streamed from.
 */
static enum repl_outcome
check_timeline(struct repl *r, uint64_t start_lsn, uint32_t timeline)
{
	const struct repl_slot *slot = &r->slot;

	if (timeline == 0 && r->streamed)
		timeline = r->last_timeline;
	if (timeline == 0 || timeline == slot->timeline)
		return REPL_DONE;
	for (uint32_t i = 0; i < slot->ntimelines; i++)
	{
		if (slot->tli[i] != timeline)
			continue;
		if (start_lsn <= slot->until_lsn[i])
			return REPL_DONE;
		repl_fail(r, REPL_FAILURE_UNSAFE,
				  "cannot go on at %X/%X: the server left its timeline "
				  "before it, at %X/%X",
				  LSN_ARGS(start_lsn), LSN_ARGS(slot->until_lsn[i]));
		repl_failure_set_hint(&r->failure, POSITION_HINT);
		return REPL_FAILED;
	}
	if (r->standby && slot->timeline < timeline)
	{
		repl_fail(r, REPL_FAILURE_RETRY,
				  "cannot go on at %X/%X: the standby is on timeline %" PRIu32
				  ", and has not come to %" PRIu32 " yet",
				  LSN_ARGS(start_lsn), slot->timeline, timeline);
		repl_failure_set_hint(&r->failure,
							  "waiting until it has; or connect to the "
							  "primary");
		return REPL_FAILED;
	}
	repl_fail(r, REPL_FAILURE_UNSAFE,
			  "cannot go on at %X/%X: the server is on timeline %" PRIu32
			  ", whose history %s timeline %" PRIu32
			  ", which the position is on",
			  LSN_ARGS(start_lsn), slot->timeline,
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
check_position(struct repl *r, uint64_t start_lsn, uint32_t timeline)
{
	const struct repl_slot *slot = &r->slot;

	if (start_lsn == 0)
		return REPL_DONE;
	if (check_timeline(r, start_lsn, timeline) == REPL_FAILED)
		return REPL_FAILED;
	if (slot->confirmed_lsn > start_lsn)
	{
		repl_fail(
			r, REPL_FAILURE_UNSAFE,
			"cannot go on at %X/%X: somebody else has moved the slot on, "
			"to %X/%X, or has made it anew",
			LSN_ARGS(start_lsn), LSN_ARGS(slot->confirmed_lsn));
		repl_failure_set_hint(&r->failure, POSITION_HINT);
		return REPL_FAILED;
	}
	if (r->wal_end_lsn >= start_lsn)
		return REPL_DONE;
	if (r->standby)
	{
		/* After a crash it lets in before it has replayed all it had. */
		repl_fail(r, REPL_FAILURE_RETRY,
				  "cannot go on at %X/%X: the standby has come to %X/%X only",
				  LSN_ARGS(start_lsn), LSN_ARGS(r->wal_end_lsn));
		repl_failure_set_hint(&r->failure,
							  "waiting until it has; or connect to the "
							  "primary");
		return REPL_FAILED;
	}
	repl_fail(r, REPL_FAILURE_UNSAFE,
			  "cannot go on at %X/%X: the server's WAL ends before it, at "
			  "%X/%X",
			  LSN_ARGS(start_lsn), LSN_ARGS(r->wal_end_lsn));
	repl_failure_set_hint(&r->failure, POSITION_HINT);
	return REPL_FAILED;
}

bool
repl_can_start(struct repl *r, uint64_t lsn, uint32_t timeline)
{
	return check_position(r, lsn, timeline) != REPL_FAILED ||
		   r->failure.kind != REPL_FAILURE_UNSAFE;
}

/*
 * The slot.
 */

static bool
has(const PGresult *res, int rows, int columns)
{
	return PQntuples(res) == rows && PQnfields(res) >= columns;
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

/* One that we know to have been there is never made again. */
static enum repl_outcome
refuse_missing_slot(struct repl *r)
{
	if (r->streamed || r->slot.found || r->start_lsn != 0)
	{
		repl_fail(r, REPL_FAILURE_UNSAFE, "replication slot \"%s\" is gone",
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
		repl_fail(r, REPL_FAILURE_REFUSED,
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

/* "app" is to be "app_walferry", within the 63 bytes of a name. */
static void
name_copy(const struct repl *r, char copy[64])
{
	size_t room = 63 - strlen(r->config->plugin) - 1;

	if (strlen(r->config->plugin) > 30)
		room = 32;
	snprintf(copy, 64, "%.*s_%.30s", (int) room, r->config->slot,
			 r->config->plugin);
}

static enum repl_outcome
refuse_other_plugin(struct repl *r, const char *plugin)
{
	const char *old = r->config->slot;
	char		copy[64];

	repl_fail(r, REPL_FAILURE_REFUSED,
			  "replication slot \"%s\" belongs to "
			  "output plugin %s",
			  old, plugin);
	name_copy(r, copy);
	repl_failure_set_hint(
		&r->failure,
		"a copy continues from its position; stop what reads "
		"the old one, then: SELECT pg_copy_logical_replication_slot('%s', "
		"'%s', false, '%s'); and set slot.name=%s",
		old, copy, r->config->plugin, copy);
	return REPL_FAILED;
}

/*
 * Such a slot sends what is prepared and may yet be rolled back, which no
 * event can take back.  A copy of it is a slot without.
 */
static enum repl_outcome
refuse_two_phase(struct repl *r)
{
	const char *old = r->config->slot;
	char		copy[64];

	repl_fail(r, REPL_FAILURE_REFUSED,
			  "replication slot \"%s\" was made with two_phase: it sends "
			  "transactions before they commit",
			  old);
	name_copy(r, copy);
	repl_failure_set_hint(
		&r->failure,
		"a copy is without, and continues from its position: SELECT "
		"pg_copy_logical_replication_slot('%s', '%s'); then set slot.name=%s, "
		"and drop the old one: SELECT pg_drop_replication_slot('%s');",
		old, copy, copy, old);
	return REPL_FAILED;
}

/*
 * Standbys are to keep the slot, which is there: will they, and can they take
 * over from it?
 */
static void
warn_failover(struct repl *r, const PGresult *res)
{
	const char *slot = log_str(r->config->slot);

	if (r->failover_warned == r->slot.timeline)
		return;
	r->failover_warned = r->slot.timeline;
	if (!repl_wants_failover(r) && *PQgetvalue(res, 0, SLOT_FAILOVER) != 't')
		return;
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
	else if (!r->standby && !PQgetisnull(res, 0, SLOT_STANDBY_MISSING))
		log_warn("repl",
				 "synchronized_standby_slots names slots that do not exist: "
				 "the server sends nothing until they do, or are taken out "
				 "of the setting",
				 "slot=%s missing=%s", slot,
				 log_str(PQgetvalue(res, 0, SLOT_STANDBY_MISSING)));
}

void
repl_check_wal_status(struct repl *r, const char *wal_status)
{
	int64_t now_ms = clock_monotonic_ms();

	if (strcmp(wal_status, "unreserved") != 0 ||
		(r->unreserved_ms != 0 && now_ms - r->unreserved_ms < NOTICE_PAUSE_MS))
		return;
	r->unreserved_ms = now_ms;
	log_warn("repl",
			 "the slot holds more WAL than max_slot_wal_keep_size "
			 "allows: it is lost at the next checkpoint if it stays behind",
			 "slot=%s", log_str(r->config->slot));
}

/*
 * A standby that is promoted while it is streamed from goes on, on another
 * timeline, without a word.  Positions would then name the old one beyond its
 * end, and a former primary that has other transactions there would pass for
 * the right server.
 */
static enum repl_outcome
refuse_standby(struct repl *r)
{
	repl_fail(r, REPL_FAILURE_REFUSED,
			  "the server is a standby: positions name the timeline, which "
			  "its promotion would change unnoticed");
	repl_failure_set_hint(&r->failure,
						  "connect to the primary; at least once, "
						  "walferry.position.store=slot stores no positions");
	return REPL_FAILED;
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
		if (r->standby && r->config->primary)
			return refuse_standby(r);
		r->slot.found = false;
		r->step = STEP_HISTORY;
		return REPL_DONE;
	}
	if (!has(res, 1, SLOT_COLUMNS))
		return repl_fail_answer(r);
	plugin = PQgetvalue(res, 0, SLOT_PLUGIN);
	if (strcmp(PQgetvalue(res, 0, SLOT_TYPE), "logical") != 0)
	{
		repl_fail(r, REPL_FAILURE_REFUSED,
				  "replication slot \"%s\" is a physical "
				  "one",
				  name);
		repl_failure_set_hint(&r->failure, "choose another slot.name");
		return REPL_FAILED;
	}
	if (r->config->temporary && !r->slot.created)
	{
		repl_fail(r, REPL_FAILURE_REFUSED,
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
		repl_fail(r, REPL_FAILURE_REFUSED,
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
		repl_fail(r, REPL_FAILURE_UNSAFE,
				  "replication slot \"%s\" was "
				  "invalidated by the server (%s)",
				  name,
				  PQgetisnull(res, 0, SLOT_INVALID)
					  ? "its WAL is lost"
					  : PQgetvalue(res, 0, SLOT_INVALID));
		repl_failure_hint_slot_lost(&r->failure, name);
		return REPL_FAILED;
	}
	if (*PQgetvalue(res, 0, SLOT_TWO_PHASE) == 't')
		return refuse_two_phase(r);
	if (!PQgetisnull(res, 0, SLOT_OTHER_PID))
	{
		repl_fail(r, REPL_FAILURE_RETRY,
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
		repl_fail(r, REPL_FAILURE_RETRY,
				  "replication slot \"%s\" is the copy that a standby keeps "
				  "of the primary's",
				  name);
		repl_failure_set_hint(&r->failure,
							  "waiting for the standby's promotion; or "
							  "connect to the primary");
		return REPL_FAILED;
	}
	if (r->standby && r->config->primary)
		return refuse_standby(r);
	repl_check_wal_status(r, PQgetvalue(res, 0, SLOT_WAL_STATUS));
	if (!parse_lsn(PQgetvalue(res, 0, SLOT_CONFIRMED_LSN),
				   &r->slot.confirmed_lsn))
	{
		repl_fail(r, REPL_FAILURE_RETRY,
				  "replication slot \"%s\" is still being "
				  "created",
				  name);
		return REPL_FAILED;
	}
	r->wal_end_lsn = 0; /* a standby may not have replayed any yet */
	if (!PQgetisnull(res, 0, SLOT_WAL_END_LSN) &&
		!parse_lsn(PQgetvalue(res, 0, SLOT_WAL_END_LSN), &r->wal_end_lsn))
		return repl_fail_answer(r);
	warn_failover(r, res);
	r->slot.found = true;
	r->step = STEP_HISTORY;
	return REPL_DONE;
}

/*
 * The other steps.
 */

static enum repl_outcome
take_system(struct repl *r, const PGresult *res)
{
	struct repl_slot *slot = &r->slot;
	char			 *end;

	if (!has(res, 1, 4))
		return repl_fail_answer(r);
	slot->system_id = strtoull(PQgetvalue(res, 0, 0), &end, 10);
	if (*end != '\0')
		return repl_fail_answer(r);
	slot->timeline = (uint32_t) strtoul(PQgetvalue(res, 0, 1), &end, 10);
	if (*end != '\0' || slot->timeline == 0 || PQgetisnull(res, 0, 3) ||
		(size_t) PQgetlength(res, 0, 3) >= sizeof(slot->database))
		return repl_fail_answer(r);
	memcpy(slot->database, PQgetvalue(res, 0, 3),
		   (size_t) PQgetlength(res, 0, 3) + 1);
	if (r->streamed && slot->system_id != r->last_system_id)
	{
		repl_fail(r, REPL_FAILURE_UNSAFE,
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
		return repl_fail_answer(r);
	if (strcmp(PQgetvalue(res, 0, 0), "logical") != 0)
	{
		repl_fail(r, REPL_FAILURE_REFUSED,
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
		repl_fail(r, REPL_FAILURE_RETRY,
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

static enum repl_outcome
take_lock(struct repl *r, const PGresult *res)
{
	if (!has(res, 1, 2))
		return repl_fail_answer(r);
	if (*PQgetvalue(res, 0, 0) != 't')
	{
		repl_fail(r, REPL_FAILURE_RETRY,
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

static enum repl_outcome
leave_history(struct repl *r)
{
	if (r->starting)
	{
		r->step = STEP_START;
		return check_position(r, r->start_lsn, r->start_timeline);
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
		return repl_fail_answer(r);
	}
	return leave_history(r);
}

static enum repl_outcome
take_creation(struct repl *r, const PGresult *res)
{
	if (!has(res, 1, 2) ||
		!parse_lsn(PQgetvalue(res, 0, 1), &r->slot.confirmed_lsn))
		return repl_fail_answer(r);
	r->slot.created = r->slot.found = true;
	log_info("repl",
			 r->config->temporary ? "created a temporary slot"
								  : "created the slot",
			 "slot=%s plugin=%s lsn=%X/%X", log_str(r->config->slot),
			 log_str(r->config->plugin), LSN_ARGS(r->slot.confirmed_lsn));
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

enum repl_outcome
repl_check_answer(struct repl *r)
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

enum repl_outcome
repl_check_creation(struct repl *r)
{
	if (!r->config->create)
		return refuse_missing_slot(r);
	if (repl_wants_failover(r) && r->slot.server_version_num < 170000)
	{
		repl_fail(r, REPL_FAILURE_REFUSED,
				  "slot.failover is set, and PostgreSQL %d.%d has no failover "
				  "slots",
				  VERSION_ARGS(r->slot.server_version_num));
		repl_failure_set_hint(&r->failure,
							  "set slot.failover=false, or upgrade to "
							  "PostgreSQL 17 or newer");
		return REPL_FAILED;
	}
	return REPL_DONE;
}

enum repl_outcome
repl_check_without_history(struct repl *r)
{
	r->slot.ntimelines = 0;
	return leave_history(r);
}
