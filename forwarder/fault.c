/*
 * fault.c - failpoints and seeded bugs; see fault.h for the contract.
 *
 * What is armed is fixed before the first thread starts and only read from
 * then on; the only thing that threads change is a counter for each point.
 * The counters give each hit a number of its own, so an action happens once
 * however many threads pass the point.
 *
 * This state is at file scope, against the habit of this program: a point is
 * a line in the middle of anything, and a struct to hold it would be in every
 * signature on the way there.
 */
#include "fault.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "log.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#define MAX_ARMED 64
#define MAX_OCCURRENCE UINT64_C(1000000000000)
#define MAX_SLEEP_MS UINT64_C(3600000)

struct name
{
	const char *name;
	const char *comment;
};

/* clang-format off */
static const struct name points[] = {
	{"repl_ready", "the replication connection is up, nothing was asked of it"},
	{"slot_created", "the slot is there, no record says so yet"},
	{"before_init", "about to fence the producer before us"},
	{"after_init", "the producer before us is fenced"},
	{"before_position_read", "about to read the position topic"},
	{"position_read", "the position topic was read to its end"},
	{"settle_written", "in what was left open, about to abort"},
	{"settle_ended", "what was left open is aborted"},
	{"before_start", "everything is checked, START_REPLICATION comes next"},
	{"stream_started", "the server has begun to stream"},
	{"txn_begun", "a Kafka transaction was begun"},
	{"before_submit", "a record is made and not yet given to librdkafka"},
	{"record_submitted", "a record was given to librdkafka"},
	{"record_staged", "a record waits for the commit of those before it"},
	{"record_delivered", "a delivery report came, the ledger does not know"},
	{"record_counted", "the ledger knows of a delivered record"},
	{"source_begin", "the begin of a source transaction was read"},
	{"source_commit", "the commit of a source transaction was read"},
	{"before_commit", "the Kafka transaction is to be ended"},
	{"position_submitted", "the position record is in the Kafka transaction"},
	{"commit_called", "the helper is asked to commit"},
	{"commit_retry", "commit has to be called again"},
	{"commit_told", "the helper has told that the commit is done"},
	{"commit_answered", "the coordinator has answered, nothing was made of it"},
	{"commit_done", "the commit is known to have succeeded"},
	{"before_ack", "the ledger is about to pass what is stored"},
	{"after_ack", "the ledger has passed it, PostgreSQL does not know"},
	{"before_feedback", "a status update is about to be sent"},
	{"feedback_sent", "a status update was sent"},
	{"keepalive_adopted", "the WAL end of a keepalive became the position"},
	{"idle_position", "a position without records is about to be stored"},
	{"partial_cut", "a source transaction is about to be split"},
	{"pin_submitted", "a topic's number of partitions is to be stored"},
	{"transaction_begun", "a BEGIN is handed over, and nothing behind it"},
	{"transaction_ended", "an END is handed over, which nobody knows yet"},
	{"relation_planned", "a table's description was turned into a plan"},
	{"topic_asked", "a topic is about to be looked up"},
	{"topic_created", "a topic was created"},
	{"topic_ready", "a topic is there, with its partitions known"},
	{"sink_failed", "the producer is of no use any more"},
	{"sink_freed", "the producer was destroyed"},
	{"source_lost", "the replication connection was lost"},
	{"reconnect", "about to start again"},
	{"drain_begin", "asked to stop, records are in flight"},
	{"drain_done", "asked to stop, nothing is in flight"},
	{"finish_sent", "the last status update and CopyDone were sent"},
};

static const struct name bugs[] = {
	{"ack_before_commit", "confirm what is handed over, not what is there"},
	{"ack_commit_lsn", "store a commit record's start in place of its end"},
	{"ack_out_of_order", "confirm past a transaction that is not delivered"},
	{"adopt_keepalive_unstored", "confirm a keepalive before it is stored"},
	{"keepalive_in_flight", "confirm a keepalive while records are in flight"},
	{"skip_by_change_lsn", "take a change for a repeat by its own LSN"},
	{"drop_last_change", "leave out the last change of a transaction"},
	{"repeat_after_retry", "after a retry, go on one position too early"},
	{"ignore_failed_report", "count a failed delivery as delivered"},
	{"ignore_gap_in_stream", "go on although changes are missing"},
	{"partial_off_by_one", "pass over one change more than was published"},
	{"position_before_init", "read the position before fencing"},
	{"position_read_uncommitted", "believe the position of an open or aborted"
		" transaction"},
	{"position_not_in_transaction", "store the position with the Kafka"
		" transaction after"},
	{"no_epoch_renewal", "begin with the old epoch after a retried EndTxn"},
	{"no_slot_check", "do not compare the slot with the stored position"},
	{"no_timeline_check", "go on across a change of the timeline unasked"},
	{"stale_partition_count", "do not know how many partitions a topic had"},
	{"toast_to_null", "write null for a value that did not change"},
	{"truncate_one_partition", "write a truncate to one partition only"},
};
/* clang-format on */

enum action
{
	ACTION_KILL,
	ACTION_ABORT,
	ACTION_SLEEP,
	ACTION_STOP
};

static const char *const action_names[] = {"kill", "abort", "sleep", "stop"};

struct armed
{
	size_t		point;
	uint64_t	occurrence;
	enum action action;
	uint64_t	sleep_ms;
};

static struct
{
	struct armed	 armed[MAX_ARMED];
	size_t			 narmed;
	bool			 bug[LENGTH(bugs)];
	_Atomic uint64_t hits[LENGTH(points)];
} state;

/* Where 'name' is, or 'n'. */
static size_t
find(const struct name *table, size_t n, const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++)
	{
		if (strncmp(table[i].name, name, len) == 0 &&
			table[i].name[len] == '\0')
			return i;
	}
	return n;
}

/* A whole number from 'p' to 'end', within 1..max. */
static bool
read_number(const char *p, const char *end, uint64_t max, uint64_t *v)
{
	*v = 0;
	if (p == end)
		return false;
	for (; p < end; p++)
	{
		if (*p < '0' || *p > '9' || *v > max)
			return false;
		*v = *v * 10 + (uint64_t) (*p - '0');
	}
	return *v >= 1 && *v <= max;
}

static bool
is_word(const char *p, const char *end, const char *word)
{
	return (size_t) (end - p) == strlen(word) &&
		   memcmp(p, word, strlen(word)) == 0;
}

/* NULL, or what is wrong with the piece from 'p' to 'end'. */
static const char *
read_failpoint(const char *p, const char *end, struct armed *a)
{
	const char *eq = memchr(p, '=', (size_t) (end - p));
	const char *at;

	if (eq == NULL)
		return "must be name[@occurrence]=kill|abort|sleep:MS|stop";
	at = memchr(p, '@', (size_t) (eq - p));
	*a = (struct armed){.occurrence = 1};
	a->point = find(points, LENGTH(points), p,
					(size_t) ((at != NULL ? at : eq) - p));
	if (a->point == LENGTH(points))
		return "there is no such point; walferry faults lists them";
	if (at != NULL && !read_number(at + 1, eq, MAX_OCCURRENCE, &a->occurrence))
		return "the occurrence must be a number from 1";

	p = eq + 1;
	if (is_word(p, end, "kill"))
		a->action = ACTION_KILL;
	else if (is_word(p, end, "abort"))
		a->action = ACTION_ABORT;
	else if (is_word(p, end, "stop"))
		a->action = ACTION_STOP;
	else if (end - p >= 6 && memcmp(p, "sleep:", 6) == 0)
	{
		a->action = ACTION_SLEEP;
		if (!read_number(p + 6, end, MAX_SLEEP_MS, &a->sleep_ms))
			return "sleep needs milliseconds, from 1 to 3600000";
	}
	else
		return "the action must be kill, abort, sleep:MS or stop";
	return NULL;
}

static bool
complain(struct buf *error, const char *variable, const char *p,
		 const char *end, const char *what)
{
	state.narmed = 0;
	memset(state.bug, 0, sizeof(state.bug));
	buf_printf(error, "%s: \"%.*s\": %s", variable, (int) (end - p), p, what);
	return false;
}

bool
fault_init(const char *failpoint, const char *seeded_bug, struct buf *error)
{
	const char *end;

	state.narmed = 0;
	memset(state.bug, 0, sizeof(state.bug));
	for (size_t i = 0; i < LENGTH(points); i++)
		atomic_store(&state.hits[i], 0);

	for (const char *p = failpoint; p != NULL && *p != '\0';
		 p = end + (*end != '\0'))
	{
		const char *what;

		end = p + strcspn(p, ";");
		if (state.narmed == MAX_ARMED)
			return complain(error, "WALFERRY_FAILPOINT", p, end,
							"there are too many");
		what = read_failpoint(p, end, &state.armed[state.narmed]);
		if (what != NULL)
			return complain(error, "WALFERRY_FAILPOINT", p, end, what);
		state.narmed++;
	}
	for (const char *p = seeded_bug; p != NULL && *p != '\0';
		 p = end + (*end != '\0'))
	{
		size_t i;

		end = p + strcspn(p, ",");
		i = find(bugs, LENGTH(bugs), p, (size_t) (end - p));
		if (i == LENGTH(bugs))
			return complain(error, "WALFERRY_SEEDED_BUG", p, end,
							"there is no such bug; walferry faults lists"
							" them");
		state.bug[i] = true;
		log_warn("fault", "seeded", "bug=%s", bugs[i].name);
	}
	return true;
}

static void
act(const struct armed *a)
{
	struct timespec left = {
		.tv_sec = (time_t) (a->sleep_ms / 1000),
		.tv_nsec = (long) (a->sleep_ms % 1000) * 1000000,
	};
	char message[160];

	snprintf(message, sizeof(message), "name=%s occurrence=%llu action=%s",
			 points[a->point].name, (unsigned long long) a->occurrence,
			 action_names[a->action]);
	log_warn("fault", message, NULL);
	switch (a->action)
	{
		case ACTION_KILL:
			/* raise() does not return before the signal has had its effect. */
			(void) raise(SIGKILL);
			break;
		case ACTION_ABORT:
			abort();
		case ACTION_SLEEP:
			while (nanosleep(&left, &left) != 0 && errno == EINTR)
				;
			break;
		case ACTION_STOP:
			(void) raise(SIGSTOP);
			break;
	}
}

static size_t
must_find(const struct name *table, size_t n, const char *kind,
		  const char *name)
{
	size_t i = find(table, n, name, strlen(name));

	if (i < n)
		return i;
	log_error("fault", "not in the table", "%s=%s", kind, log_str(name));
	abort();
}

void
fault_hit(const char *point)
{
	size_t	 i = must_find(points, LENGTH(points), "point", point);
	uint64_t occurrence = atomic_fetch_add(&state.hits[i], 1) + 1;

	for (size_t j = 0; j < state.narmed; j++)
	{
		if (state.armed[j].point == i &&
			state.armed[j].occurrence == occurrence)
			act(&state.armed[j]);
	}
}

bool
fault_bug(const char *bug)
{
	return state.bug[must_find(bugs, LENGTH(bugs), "bug", bug)];
}

uint64_t
fault_hits(const char *point)
{
	return atomic_load(
		&state.hits[must_find(points, LENGTH(points), "point", point)]);
}

void
fault_print(struct buf *out)
{
	for (size_t i = 0; i < LENGTH(points); i++)
		buf_printf(out, "point %s %s\n", points[i].name, points[i].comment);
	for (size_t i = 0; i < LENGTH(bugs); i++)
		buf_printf(out, "bug %s %s\n", bugs[i].name, bugs[i].comment);
}
