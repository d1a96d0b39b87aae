/* links: ack */
/*
 * The ledger: its seven invariants, each by the fact it states, then all of
 * them at once under random interleavings against a model that recomputes
 * everything from the whole history at each step.
 *
 * WALFERRY_TEST_SEED repeats a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../forwarder/ack.h"

/* An entry with 'n' records outstanding, complete. */
static uint64_t
put_entry(struct ack_ledger *a, uint64_t end_lsn, int n)
{
	uint64_t ticket = ack_begin(a, end_lsn);

	assert_int_not_equal(ticket, 0);
	for (int i = 0; i < n; i++)
		ack_submit(a, ticket);
	ack_complete(a, ticket);
	return ticket;
}

/* Invariant 2. */
static void
ack_holds_flush_until_earliest_report(void **state)
{
	struct ack_ledger *a = ack_new(100, 4);
	uint64_t		   first = put_entry(a, 200, 2);
	uint64_t		   second = put_entry(a, 300, 1);
	uint64_t		   third = put_entry(a, 400, 1);

	(void) state;
	assert_int_equal(ack_report(a, third, true), 0);
	assert_int_equal(ack_report(a, second, true), 0);
	assert_int_equal(ack_report(a, first, true), 0);
	assert_int_equal(ack_flush_lsn(a), 100);
	assert_int_equal(ack_pending(a), 3);
	assert_int_equal(ack_outstanding(a), 1);

	assert_int_equal(ack_report(a, first, true), 3);
	assert_int_equal(ack_flush_lsn(a), 400);
	assert_int_equal(ack_pending(a), 0);
	assert_int_equal(ack_outstanding(a), 0);
	ack_free(a);
}

/* Invariant 2: reports may overtake the end of their transaction. */
static void
ack_holds_flush_until_entry_is_complete(void **state)
{
	struct ack_ledger *a = ack_new(100, 4);
	uint64_t		   t = ack_begin(a, 200);

	(void) state;
	ack_submit(a, t);
	assert_int_equal(ack_report(a, t, true), 0);
	assert_int_equal(ack_flush_lsn(a), 100);
	ack_submit(a, t);
	assert_int_equal(ack_complete(a, t), 0);
	assert_int_equal(ack_flush_lsn(a), 100);
	assert_int_equal(ack_report(a, t, true), 1);
	assert_int_equal(ack_flush_lsn(a), 200);

	t = ack_begin(a, 300);
	ack_submit(a, t);
	ack_report(a, t, true);
	assert_int_equal(ack_complete(a, t), 1);
	assert_int_equal(ack_flush_lsn(a), 300);
	ack_free(a);
}

/* Invariant 1. */
static void
ack_never_moves_flush_backwards(void **state)
{
	struct ack_ledger *a = ack_new(1000, 4);
	uint64_t		   t;

	(void) state;
	ack_keepalive(a, 900);
	assert_int_equal(ack_flush_lsn(a), 1000);

	/* A replay from further back, as after a crash of the server. */
	t = put_entry(a, 500, 1);
	assert_int_equal(ack_report(a, t, true), 1);
	assert_int_equal(ack_flush_lsn(a), 1000);
	ack_keepalive(a, 600);
	assert_int_equal(ack_flush_lsn(a), 1000);
	t = put_entry(a, 1500, 0);
	assert_int_equal(ack_flush_lsn(a), 1500);
	ack_restart(a);
	assert_int_equal(ack_flush_lsn(a), 1500);
	ack_free(a);
}

/* Invariant 3. */
static void
ack_never_passes_a_failed_delivery(void **state)
{
	struct ack_ledger *a = ack_new(100, 4);
	uint64_t		   first = put_entry(a, 200, 1);
	uint64_t		   second = put_entry(a, 300, 2);
	uint64_t		   third = put_entry(a, 400, 1);

	(void) state;
	assert_int_equal(ack_report(a, second, false), 0);
	assert_true(ack_failed(a));
	assert_int_equal(ack_report(a, second, true), 0);
	assert_int_equal(ack_report(a, third, true), 0);

	/* What came before it was delivered all the same. */
	assert_int_equal(ack_report(a, first, true), 1);
	assert_int_equal(ack_flush_lsn(a), 200);

	ack_keepalive(a, 1000);
	put_entry(a, 1100, 0);
	assert_int_equal(ack_flush_lsn(a), 200);
	assert_int_equal(ack_outstanding(a), 0);
	assert_true(ack_failed(a));
	ack_free(a);
}

/* Invariant 3, when the report is there before the end of the entry. */
static void
ack_keeps_failure_of_an_open_entry(void **state)
{
	struct ack_ledger *a = ack_new(100, 4);
	uint64_t		   first = put_entry(a, 200, 1);
	uint64_t		   t = ack_begin(a, 300);

	(void) state;
	ack_submit(a, t);
	ack_report(a, t, false);
	ack_complete(a, t);
	assert_int_equal(ack_report(a, first, true), 1);
	assert_int_equal(ack_flush_lsn(a), 200);
	assert_int_equal(ack_pending(a), 1);
	assert_true(ack_failed(a));
	ack_free(a);
}

/* Invariant 4. */
static void
ack_adopts_keepalive_only_when_nothing_is_in_flight(void **state)
{
	struct ack_ledger *a = ack_new(100, 4);
	uint64_t		   t;

	(void) state;
	ack_keepalive(a, 150);
	assert_int_equal(ack_flush_lsn(a), 150);

	t = ack_begin(a, 200);
	ack_keepalive(a, 1000);
	assert_int_equal(ack_flush_lsn(a), 150);
	ack_submit(a, t);
	ack_keepalive(a, 1000);
	ack_complete(a, t);
	ack_keepalive(a, 1000);
	assert_int_equal(ack_flush_lsn(a), 150);
	ack_report(a, t, true);
	assert_int_equal(ack_flush_lsn(a), 200);
	ack_keepalive(a, 1000);
	assert_int_equal(ack_flush_lsn(a), 1000);
	ack_free(a);
}

/* Invariant 5: exactly the end LSN, no byte more. */
static void
ack_confirms_the_end_lsn(void **state)
{
	struct ack_ledger *a = ack_new(0, 4);
	uint64_t		   end_lsn = UINT64_C(0x16B374810);
	uint64_t		   t = put_entry(a, end_lsn, 1);

	(void) state;
	ack_report(a, t, true);
	assert_true(ack_flush_lsn(a) == end_lsn);
	ack_free(a);
}

/* Invariant 6. */
static void
ack_forgets_a_retracted_submit(void **state)
{
	struct ack_ledger *a = ack_new(100, 4);
	uint64_t		   first = put_entry(a, 200, 1);
	uint64_t		   t = ack_begin(a, 300);

	(void) state;
	ack_submit(a, t);
	ack_retract(a, t);
	assert_int_equal(ack_outstanding(a), 1);
	ack_submit(a, t);
	ack_complete(a, t);
	ack_report(a, t, true);
	assert_int_equal(ack_report(a, first, true), 2);
	assert_int_equal(ack_flush_lsn(a), 300);

	/* An entry whose only submit was retracted is as good as empty. */
	t = ack_begin(a, 400);
	ack_submit(a, t);
	ack_retract(a, t);
	assert_int_equal(ack_complete(a, t), 1);
	assert_int_equal(ack_flush_lsn(a), 400);
	assert_int_equal(ack_outstanding(a), 0);
	ack_free(a);
}

/* Invariant 7. */
static void
ack_confirms_no_more_than_is_stored(void **state)
{
	struct ack_ledger *a = ack_new(100, 4);
	uint64_t		   first = put_entry(a, 200, 1);
	uint64_t		   second = put_entry(a, 300, 1);

	(void) state;
	ack_require_stored(a);
	assert_int_equal(ack_flush_lsn(a), 100);
	assert_int_equal(ack_delivered_lsn(a), 100);
	ack_report(a, first, true);
	assert_int_equal(ack_flush_lsn(a), 100);
	assert_int_equal(ack_delivered_lsn(a), 200);
	ack_stored(a, 150);
	assert_int_equal(ack_flush_lsn(a), 150);
	ack_stored(a, 200);
	assert_int_equal(ack_flush_lsn(a), 200);

	ack_report(a, second, true);
	assert_int_equal(ack_flush_lsn(a), 200);
	assert_int_equal(ack_delivered_lsn(a), 300);
	ack_stored(a, 300);
	assert_int_equal(ack_flush_lsn(a), 300);

	/* WAL that is none of ours is no exception. */
	ack_keepalive(a, 400);
	assert_int_equal(ack_flush_lsn(a), 300);
	assert_int_equal(ack_delivered_lsn(a), 400);
	ack_stored(a, 400);
	assert_int_equal(ack_flush_lsn(a), 400);
	ack_free(a);
}

/* Invariants 1 and 7: an older position is stored again, as after a retry. */
static void
ack_never_moves_the_stored_position_backwards(void **state)
{
	struct ack_ledger *a = ack_new(100, 4);

	(void) state;
	ack_require_stored(a);
	ack_report(a, put_entry(a, 200, 1), true);
	ack_stored(a, 200);
	ack_stored(a, 120);
	assert_int_equal(ack_flush_lsn(a), 200);
	ack_restart(a);
	assert_int_equal(ack_flush_lsn(a), 200);
	assert_int_equal(ack_delivered_lsn(a), 200);
	ack_free(a);
}

/* Without the demand, what is delivered counts, stored or not. */
static void
ack_needs_no_stored_position_unless_told(void **state)
{
	struct ack_ledger *a = ack_new(100, 4);

	(void) state;
	ack_report(a, put_entry(a, 200, 1), true);
	assert_int_equal(ack_flush_lsn(a), 200);
	ack_stored(a, 150);
	assert_int_equal(ack_flush_lsn(a), 200);
	ack_free(a);
}

/* A filtered table during an outage must not fill the memory. */
static void
ack_folds_entries_without_records(void **state)
{
	struct ack_ledger *a = ack_new(100, 4);
	uint64_t		   first = put_entry(a, 200, 1);
	struct rusage	   before, after;

	(void) state;
	getrusage(RUSAGE_SELF, &before);
	for (uint64_t i = 1; i <= 1000000; i++)
	{
		put_entry(a, 200 + i, 0);
		assert_int_equal(ack_pending(a), 1);
	}
	getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_maxrss - before.ru_maxrss < 4096);
	assert_int_equal(ack_flush_lsn(a), 100);
	assert_int_equal(ack_report(a, first, true), 1);
	assert_int_equal(ack_flush_lsn(a), 1000200);
	ack_free(a);
}

static void
ack_refuses_end_lsn_that_does_not_grow(void **state)
{
	struct ack_ledger *a = ack_new(100, 4);
	uint64_t		   t = put_entry(a, 200, 1);

	(void) state;
	assert_int_equal(ack_begin(a, 200), 0);
	assert_int_equal(ack_begin(a, 199), 0);
	assert_int_equal(ack_pending(a), 1);
	assert_int_equal(ack_report(a, t, true), 1);
	assert_int_equal(ack_begin(a, 200), 0);
	assert_int_not_equal(ack_begin(a, 201), 0);
	ack_free(a);
}

static void
ack_restart_ignores_reports_of_the_stream_before(void **state)
{
	struct ack_ledger *a = ack_new(100, 4);
	uint64_t		   old = put_entry(a, 200, 2);
	uint64_t		   open = ack_begin(a, 300);
	uint64_t		   t;

	(void) state;
	ack_submit(a, open);
	ack_report(a, old, false);
	ack_restart(a);
	assert_false(ack_failed(a));
	assert_int_equal(ack_pending(a), 0);
	assert_int_equal(ack_outstanding(a), 0);

	t = put_entry(a, 200, 1); /* again */
	assert_int_equal(ack_report(a, old, true), 0);
	assert_int_equal(ack_report(a, open, false), 0);
	assert_int_equal(ack_flush_lsn(a), 100);
	assert_false(ack_failed(a));
	assert_int_equal(ack_outstanding(a), 1);
	assert_int_equal(ack_report(a, t, true), 1);
	assert_int_equal(ack_flush_lsn(a), 200);
	ack_free(a);
}

static void
ack_grows_with_the_ring_wrapped(void **state)
{
	struct ack_ledger *a = ack_new(0, 8);
	uint64_t		   tickets[200];

	(void) state;
	for (uint64_t i = 0; i < 5; i++) /* so that it wraps at growth */
		ack_report(a, put_entry(a, i + 1, 1), true);
	for (uint64_t i = 0; i < 200; i++)
		tickets[i] = put_entry(a, 10 + i, 1);
	assert_int_equal(ack_pending(a), 200);
	for (int i = 199; i > 0; i--)
		assert_int_equal(ack_report(a, tickets[i], true), 0);
	assert_int_equal(ack_report(a, tickets[0], true), 200);
	assert_int_equal(ack_flush_lsn(a), 209);
	ack_free(a);
}

/*
 * Mistakes of the program.
 */
static bool
aborts(void (*fn)(void))
{
	pid_t pid;
	int	  status;

	fflush(NULL);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0)
	{
		const struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL);
		if (freopen("/dev/null", "w", stderr) == NULL)
			_exit(1);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void
report_twice(void)
{
	struct ack_ledger *a = ack_new(0, 4);
	uint64_t		   blocker = put_entry(a, 1, 1);
	uint64_t		   t = put_entry(a, 2, 1);

	(void) blocker;
	ack_report(a, t, true);
	ack_report(a, t, true);
}

static void
report_after_passed(void)
{
	struct ack_ledger *a = ack_new(0, 4);
	uint64_t		   t = put_entry(a, 1, 1);

	ack_report(a, t, true);
	ack_report(a, t, true);
}

static void
report_never_issued(void)
{
	ack_report(ack_new(0, 4), 7, true);
}

static void
report_ticket_zero(void)
{
	ack_report(ack_new(0, 4), 0, true);
}

static void
submit_to_complete_entry(void)
{
	struct ack_ledger *a = ack_new(0, 4);

	ack_submit(a, put_entry(a, 1, 1));
}

static void
begin_twice(void)
{
	struct ack_ledger *a = ack_new(0, 4);

	ack_begin(a, 1);
	ack_begin(a, 2);
}

static void
retract_nothing(void)
{
	struct ack_ledger *a = ack_new(0, 4);

	ack_retract(a, ack_begin(a, 1));
}

static void
store_what_is_outstanding(void)
{
	struct ack_ledger *a = ack_new(0, 4);

	ack_require_stored(a);
	put_entry(a, 1, 1);
	ack_stored(a, 1);
}

/* Nobody asked for it to be stored: it is no less wrong. */
static void
store_what_was_never_seen(void)
{
	ack_stored(ack_new(5, 4), 6);
}

static void
ack_aborts_on_calls_that_make_no_sense(void **state)
{
	(void) state;
	assert_true(aborts(report_twice));
	assert_true(aborts(report_after_passed));
	assert_true(aborts(report_never_issued));
	assert_true(aborts(report_ticket_zero));
	assert_true(aborts(submit_to_complete_entry));
	assert_true(aborts(begin_twice));
	assert_true(aborts(retract_nothing));
	assert_true(aborts(store_what_is_outstanding));
	assert_true(aborts(store_what_was_never_seen));
}

/*
 * The model: everything that happened since the last restart, nothing
 * derived.  One state of a record per submit that was not retracted.
 */
#define MODEL_ENTRIES 4096
#define MODEL_RECORDS 65536
#define STEPS 200000

enum record_state
{
	RECORD_SENT,
	RECORD_DELIVERED,
	RECORD_FAILED
};

struct model_record
{
	uint64_t		  ticket;
	int				  entry; /* -1: of a stream before */
	enum record_state state;
};

struct model_entry
{
	uint64_t end_lsn;
	bool	 complete;
};

struct model
{
	struct model_entry	entries[MODEL_ENTRIES];
	struct model_record records[MODEL_RECORDS];
	int					nentries;
	int					nrecords;
	uint64_t			delivered_lsn;
	bool				stores; /* positions are stored */
	uint64_t			stored_lsn;
};

static uint64_t rng_state;

/* splitmix64 */
static uint64_t
rng(void)
{
	uint64_t z = (rng_state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static int
below(int n)
{
	return (int) (rng() % (uint64_t) n);
}

/* How many leading entries are complete and wholly delivered. */
static int
model_prefix(const struct model *m)
{
	int stuck = m->nentries;

	for (int i = 0; i < m->nrecords; i++)
	{
		const struct model_record *rec = &m->records[i];

		if (rec->entry >= 0 && rec->state != RECORD_DELIVERED &&
			rec->entry < stuck)
			stuck = rec->entry;
	}
	for (int i = 0; i < stuck; i++)
	{
		if (!m->entries[i].complete)
			return i;
	}
	return stuck;
}

static void
model_update(struct model *m)
{
	int prefix = model_prefix(m);

	for (int i = 0; i < prefix; i++)
	{
		if (m->entries[i].end_lsn > m->delivered_lsn)
			m->delivered_lsn = m->entries[i].end_lsn;
	}
}

static void
model_compare(const struct model *m, const struct ack_ledger *a)
{
	uint64_t outstanding = 0;
	bool	 failed = false;

	for (int i = 0; i < m->nrecords; i++)
	{
		if (m->records[i].entry < 0)
			continue;
		outstanding += m->records[i].state == RECORD_SENT;
		failed |= m->records[i].state == RECORD_FAILED;
	}
	assert_true(ack_delivered_lsn(a) == m->delivered_lsn);
	assert_true(ack_flush_lsn(a) ==
				(m->stores ? m->stored_lsn : m->delivered_lsn));
	assert_true(ack_outstanding(a) == outstanding);
	assert_true(ack_failed(a) == failed);
	assert_true((ack_pending(a) > 0) == (model_prefix(m) < m->nentries));
	assert_true(ack_pending(a) <= (uint32_t) (m->nentries - model_prefix(m)));
}

/* A delivered record holds nothing back any more. */
static void
model_forget_record(struct model *m, int i)
{
	m->records[i] = m->records[--m->nrecords];
}

enum storing
{
	STORES_NOTHING,
	STORES_POSITIONS
};

static void
compare_with_model(enum storing storing)
{
	const char		  *given = getenv("WALFERRY_TEST_SEED");
	uint64_t		   seed = given ? strtoull(given, NULL, 0)
									: (uint64_t) time(NULL) * 1000003 +
								  (uint64_t) getpid();
	struct model	  *m = calloc(1, sizeof(*m));
	struct ack_ledger *a;
	uint64_t		   open = 0;
	uint64_t		   next_lsn = 1000000;
	uint64_t		   flush_before;
	long			   advanced = 0, failures = 0, restarts = 0, adopted = 0,
		 most_pending = 0, stored = 0, held_back = 0;
	int report_weight = 50;

	assert_non_null(m);
	printf("seed %llu\n", (unsigned long long) seed);
	fflush(stdout);
	rng_state = seed;
	m->delivered_lsn = m->stored_lsn = next_lsn;
	m->stores = storing == STORES_POSITIONS;
	a = ack_new(m->delivered_lsn, (uint32_t) below(20));
	if (m->stores)
		ack_require_stored(a);

	/* Of what is rare, chance may give too little: then it goes on. */
	for (int step = 0; step < STEPS || (failures <= 5 && step < 10 * STEPS);
		 step++)
	{
		int what = below(100);

		flush_before = ack_flush_lsn(a);
		/* Times of a fast broker, of a slow one, of none at all. */
		if (below(200) == 0)
			report_weight = (int[]){0, 20, 60, 65, 70, 75}[below(6)];

		if (what < report_weight)
		{
			int	 i;
			bool delivered = below(2000) != 0;

			/* Mostly the oldest, sometimes any: order across partitions. */
			if (m->nrecords == 0)
				continue;
			i = below(2) ? below(m->nrecords)
						 : below(m->nrecords < 4 ? m->nrecords : 4);
			if (m->records[i].state != RECORD_SENT)
				continue;
			advanced += ack_report(a, m->records[i].ticket, delivered);
			if (m->records[i].entry < 0)
				model_forget_record(m, i);
			else if (!delivered)
			{
				m->records[i].state = RECORD_FAILED;
				failures++;
			}
			else
				model_forget_record(m, i);
		}
		else if (what < 90)
		{
			if (open == 0)
			{
				if (m->nentries == MODEL_ENTRIES)
					continue;
				next_lsn += (uint64_t) below(100) + 1;
				open = ack_begin(a, next_lsn);
				assert_int_not_equal(open, 0);
				m->entries[m->nentries++] = (struct model_entry){
					.end_lsn = next_lsn};
			}
			else if (below(3) == 0)
			{
				m->entries[m->nentries - 1].complete = true;
				advanced += ack_complete(a, open);
				open = 0;
			}
			else
			{
				ack_submit(a, open);
				if (below(10) == 0 || m->nrecords == MODEL_RECORDS)
					ack_retract(a, open);
				else
					m->records[m->nrecords++] = (struct model_record){
						open, m->nentries - 1, RECORD_SENT};
			}
		}
		else if (what < 99 || below(30) != 0)
		{
			uint64_t wal_end = next_lsn - 50 + (uint64_t) below(150);

			ack_keepalive(a, wal_end);
			if (model_prefix(m) == m->nentries && wal_end > m->delivered_lsn)
			{
				m->delivered_lsn = wal_end;
				adopted++;
				/* What comes next ends after what the server has sent. */
				if (wal_end > next_lsn)
					next_lsn = wal_end;
			}
		}
		else
		{
			ack_restart(a);
			for (int i = 0; i < m->nrecords; i++)
			{
				if (m->records[i].state == RECORD_FAILED)
					model_forget_record(m, i--);
				else
					m->records[i].entry = -1;
			}
			m->nentries = 0;
			open = 0;
			restarts++;
			/* The slot replays from some way back. */
			next_lsn -= (uint64_t) below(2000);
		}
		model_update(m);

		/* A position is stored some time after it was asked for. */
		if (m->stores && below(20) == 0)
		{
			uint64_t lsn = m->delivered_lsn;

			lsn -= below(2) ? 0 : (uint64_t) below(200);
			ack_stored(a, lsn);
			stored += lsn > m->stored_lsn;
			if (lsn > m->stored_lsn)
				m->stored_lsn = lsn;
		}
		held_back += ack_flush_lsn(a) < ack_delivered_lsn(a);
		model_compare(m, a);
		assert_true(ack_flush_lsn(a) >= flush_before);
		if (ack_pending(a) > most_pending)
			most_pending = ack_pending(a);
	}
	printf("entries advanced %ld, failures %ld, restarts %ld, keepalives "
		   "adopted %ld, most pending %ld, stored %ld, held back %ld\n",
		   advanced, failures, restarts, adopted, most_pending, stored,
		   held_back);

	/* A run in which nothing of the kind happened would prove nothing. */
	assert_true(advanced > 1000);
	assert_true(failures > 5);
	assert_true(restarts > 10);
	assert_true(adopted > 10);
	assert_true(most_pending > 40);
	assert_true(m->stores ? stored > 100 && held_back > 1000 : held_back == 0);
	ack_free(a);
	free(m);
}

static void
ack_agrees_with_model_under_random_interleavings(void **state)
{
	(void) state;
	compare_with_model(STORES_NOTHING);
}

static void
ack_agrees_with_model_where_positions_are_stored(void **state)
{
	(void) state;
	compare_with_model(STORES_POSITIONS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ack_holds_flush_until_earliest_report),
		cmocka_unit_test(ack_holds_flush_until_entry_is_complete),
		cmocka_unit_test(ack_never_moves_flush_backwards),
		cmocka_unit_test(ack_never_passes_a_failed_delivery),
		cmocka_unit_test(ack_keeps_failure_of_an_open_entry),
		cmocka_unit_test(ack_adopts_keepalive_only_when_nothing_is_in_flight),
		cmocka_unit_test(ack_confirms_the_end_lsn),
		cmocka_unit_test(ack_forgets_a_retracted_submit),
		cmocka_unit_test(ack_confirms_no_more_than_is_stored),
		cmocka_unit_test(ack_never_moves_the_stored_position_backwards),
		cmocka_unit_test(ack_needs_no_stored_position_unless_told),
		cmocka_unit_test(ack_folds_entries_without_records),
		cmocka_unit_test(ack_refuses_end_lsn_that_does_not_grow),
		cmocka_unit_test(ack_restart_ignores_reports_of_the_stream_before),
		cmocka_unit_test(ack_grows_with_the_ring_wrapped),
		cmocka_unit_test(ack_aborts_on_calls_that_make_no_sense),
		cmocka_unit_test(ack_agrees_with_model_under_random_interleavings),
		cmocka_unit_test(ack_agrees_with_model_where_positions_are_stored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
