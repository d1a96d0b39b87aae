/*
 * model.c - exactly-once delivery, searched in every order of events.
 *
 *   model                every case, a line for each thing that is claimed;
 *                        exit code 1 if one does not hold
 *   model run CASE       one case
 *   model trace CASE     the shortest way to what the case breaks, in words
 *   model list           the cases
 *
 * protocol.c is the model, search.c the checker; here are the words and the
 * cases.  README.md says what is modelled and what is not.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "protocol.h"
#include "search.h"

static const struct
{
	enum invariant which;
	const char	  *name;
	const char	  *broken;
} invariants[] = {
	{NO_LOSS, "NoLoss", "what is confirmed or recorded as done is missing"},
	{NO_DUP, "NoDup", "a source transaction is visible twice"},
	{ACKED_IMPLIES_STORED, "AckedImpliesStored",
	 "the slot is beyond the position record"},
	{ATOMIC, "Atomic", "a source transaction is half visible"},
	{ORDER, "Order", "a partition has an older one after a newer one"},
	{CALM, "Calm", "a forwarder was fenced though nothing had failed"},
};

static const char *const events[EVENTS] = {
	[EVENT_FENCED] = "a forwarder was fenced",
	[EVENT_LATE_END_REFUSED] = "a late EndTxn was refused for its epoch",
	[EVENT_LATE_END_IGNORED] = "a late EndTxn had no effect in its own epoch",
	[EVENT_LATE_PRODUCE_IGNORED] = "a late Produce was dropped as a repeat",
	[EVENT_LATE_PRODUCE_TAKEN] = "a late Produce was taken",
	[EVENT_LATE_REGISTER_OPENED] =
		"a late AddPartitionsToTxn began a transaction",
	[EVENT_REGRESSED] = "the slot fell back after a crash of the server",
	[EVENT_INIT_ABORTED] = "init_transactions aborted an open transaction",
	[EVENT_INIT_WAITED] = "init_transactions waited for markers",
	[EVENT_TIMED_OUT] = "the coordinator aborted a transaction for its age",
	[EVENT_RENEWED] = "a new producer went on with the old stream",
	[EVENT_OVERTAKEN] = "a new producer found that another had gone on",
	[EVENT_MISLED] = "a slow starter saw a slot beyond what it had read",
	[EVENT_DONE] = "everything was delivered and confirmed",
};

/*
 * Traces in words.
 */

static const char *
name_partition(int p)
{
	static const char *const names[] = {"partition 0", "partition 1",
										"the offsets partition"};

	return names[p];
}

static const char *
tell_fate(enum fate fate)
{
	static const char *const tales[] = {
		[ANSWERED] = "",
		[UNANSWERED] = "; it is carried out, its answer is lost",
		[LOST] = "; it is lost",
		[LATE] = "; it is held back, no answer comes",
	};

	return tales[fate];
}

static void
tell_message(struct message m)
{
	switch (m.request)
	{
		case REGISTER:
			printf("a late AddPartitionsToTxn of %s arrives",
				   name_partition(m.partition));
			break;
		case PRODUCE:
			printf("a late Produce of %d to %s arrives", m.number,
				   name_partition(m.partition));
			break;
		default:
			printf("the late EndTxn(%s) arrives",
				   m.request == END_COMMIT ? "commit" : "abort");
			break;
	}
}

static void
tell(const struct config *c, const struct state *before, struct action a,
	 char names[FORWARDERS])
{
	const struct forwarder *f = &before->forwarders[a.who % FORWARDERS];
	struct state			after = *before;
	struct outcome			o;

	protocol_apply(c, &after, a, &o);
	if (a.kind < DO_MARKER)
		printf("forwarder %c: ", names[a.who]);
	switch ((enum kind) a.kind)
	{
		case DO_CHECK:
			printf(c->no_check ? "starts without looking at the slot"
							   : "the slot is free; takes the lock");
			break;
		case DO_INIT:
			printf("init_transactions");
			break;
		case DO_READ:
			printf("reads the position record: %d",
				   c->read_uncommitted ? before->last_record : before->stored);
			break;
		case DO_START:
			printf("starts the stream after %d", f->position);
			break;
		case DO_REGISTER:
			printf("AddPartitionsToTxn of %s", name_partition(a.what));
			break;
		case DO_PRODUCE:
			if (a.what == OFFSETS)
				printf("produces the position record %d",
					   protocol_next(c, f, a.what));
			else
				printf("produces %d to %s", protocol_next(c, f, a.what),
					   name_partition(a.what));
			break;
		case DO_COMMIT:
			printf("%sEndTxn(commit)", f->phase == COMMIT ? "again " : "");
			break;
		case DO_ABORT:
			if (f->registered == 0)
				printf("gives the batch up");
			else
				printf("%sEndTxn(abort)", f->phase == ABORT ? "again " : "");
			break;
		case DO_CONFIRM:
			printf("confirms %d to PostgreSQL", after.confirmed);
			break;
		case DO_NOTICE:
			printf("sends a request with an old epoch");
			break;
		case DO_CRASH:
			printf("crashes");
			break;
		case DO_DISCONNECT:
			printf("its connection to PostgreSQL is lost");
			break;
		case DO_MARKER:
			printf("coordinator: %s marker to %s",
				   before->coordinator == PREPARE_COMMIT ? "commit" : "abort",
				   name_partition(a.what));
			break;
		case DO_TIMEOUT:
			printf("coordinator: the transaction is too old; aborts it and "
				   "raises the epoch");
			break;
		case DO_SERVER_CRASH:
			printf("PostgreSQL: crashes; the slot is at %d", after.confirmed);
			break;
		case DO_LATE_INIT:
			printf("network: a late InitProducerId of somebody's arrives; "
				   "whoever has an epoch is fenced");
			break;
		case DO_DELIVER:
			printf("network: ");
			tell_message(before->network[a.who]);
			break;
	}
	printf("%s", tell_fate(a.fate));
	if (o.answer != NULL && a.fate == ANSWERED)
		printf("; %s", o.answer);
	printf("\n");
	if (protocol_normalise(&after))
	{
		char swap = names[0];

		names[0] = names[1];
		names[1] = swap;
	}
}

static void
tell_set(const char *name, uint8_t set)
{
	printf("%s has", name);
	if (set == 0)
		printf(" nothing");
	for (int i = 1; i < 8; i++)
	{
		if (set & 1 << i)
			printf(" %d", i);
	}
}

static void
tell_trace(const struct search *x, uint32_t last)
{
	uint32_t n = x->visits[last].depth;
	uint32_t path[1000];
	char	 names[FORWARDERS] = {'A', 'B'};

	assert(n < sizeof(path) / sizeof(path[0]));

	for (uint32_t i = n, at = last;; at = x->visits[at].parent)
	{
		path[i] = at;
		if (i-- == 0)
			break;
	}
	for (uint32_t i = 1; i <= n; i++)
	{
		printf("%3" PRIu32 "  ", i);
		tell(x->config, &x->states[path[i - 1]], x->visits[path[i]].action,
			 names);
	}

	/* With the markers that are decided, for that is what will be seen. */
	struct state s = x->states[last];

	protocol_finish(&s);
	printf("     then ");
	tell_set("partition 0", s.visible[P0]);
	printf(", ");
	tell_set("partition 1", s.visible[P1]);
	printf(", the position record is %d, the slot is at %d\n", s.stored,
		   s.confirmed);
	for (size_t i = 0; i < sizeof(invariants) / sizeof(invariants[0]); i++)
	{
		if (x->broken & invariants[i].which)
			printf("     %s: %s\n", invariants[i].name, invariants[i].broken);
	}
}

/*
 * The cases.
 */

#define SMALL .n = 2, .batch = 1, .late = 1, .faults = true
#define NO_FAULT .n = 3, .batch = 2, .defence = true

static const struct test_case
{
	const char	 *name;
	const char	 *what;
	struct config config;
	uint8_t		  wanted; /* invariants that are looked at */
	bool		  broken; /* one of them is to be */
	bool		  events; /* each is to be met */
} cases[] = {
	{"protocol",
	 "3 source transactions, 2 in a batch, 1 request held back",
	 {.n = 3, .batch = 2, .late = 1, .faults = true, .defence = true},
	 SAFETY,
	 false,
	 true},
	{"two-late",
	 "2 source transactions, 2 requests held back",
	 {.n = 2, .batch = 1, .late = 2, .faults = true, .defence = true},
	 SAFETY,
	 false,
	 false},
	{"progress",
	 "from every state everything can still be delivered",
	 {SMALL, .defence = true, .progress = true},
	 SAFETY,
	 false,
	 false},
	{"calm",
	 "two forwarders and no fault: nobody is fenced",
	 {NO_FAULT, .progress = true},
	 SAFETY | CALM,
	 false,
	 false},
	{"fencing-alone",
	 "without the look at the slot it is still safe",
	 {SMALL, .defence = true, .no_check = true},
	 SAFETY,
	 false,
	 false},
	{"late-endtxn",
	 "no defence: KAFKA-17754, a transaction is torn",
	 {SMALL},
	 SAFETY,
	 true,
	 false},
	{"late-endtxn-repeat",
	 "no defence: and comes twice",
	 {SMALL},
	 NO_DUP,
	 true,
	 false},
	{"late-endtxn-loss",
	 "no defence: a transaction is lost",
	 {SMALL},
	 NO_LOSS,
	 true,
	 false},
	{"renew-blind",
	 "mistake: new producer, position record not read again",
	 {SMALL, .defence = true, .renew_blind = true},
	 SAFETY,
	 true,
	 false},
	{"confirm-early",
	 "mistake: confirmed before the commit is answered",
	 {SMALL, .defence = true, .confirm_early = true},
	 SAFETY,
	 true,
	 false},
	{"read-early",
	 "mistake: position read before init_transactions",
	 {SMALL, .defence = true, .read_early = true},
	 SAFETY,
	 true,
	 false},
	{"read-uncommitted",
	 "mistake: position read as read_uncommitted",
	 {SMALL, .defence = true, .read_uncommitted = true},
	 SAFETY,
	 true,
	 false},
	{"no-check",
	 "mistake: no look at the slot before init_transactions",
	 {NO_FAULT, .no_check = true},
	 SAFETY | CALM,
	 true,
	 false},
};

static void
tell_broken(uint8_t broken)
{
	const char *separator = "";

	for (size_t i = 0; i < sizeof(invariants) / sizeof(invariants[0]); i++)
	{
		if (broken & invariants[i].which)
		{
			printf("%s%s", separator, invariants[i].name);
			separator = ", ";
		}
	}
}

static bool
verdict(bool good, const char *name)
{
	printf("%s %s: ", good ? "ok    " : "FAILED", name);
	return good;
}

/* A line for each thing that is claimed.  False if one does not hold. */
static bool
run(const struct test_case *t)
{
	struct search x = {.config = &t->config};
	clock_t		  begun = clock();

	search_run(&x, t->wanted);

	double	 seconds = (double) (clock() - begun) / CLOCKS_PER_SEC;
	uint32_t depth = x.visits[x.count - 1].depth;
	bool	 good = verdict((x.broken != 0) == t->broken, t->name);

	printf("%s\n       ", t->what);
	if (x.broken != 0)
	{
		printf("broken: ");
		tell_broken(x.broken);
		printf("; shortest trace %" PRIu32 " steps", depth);
	}
	else
		printf("nothing broken; all states, depth %" PRIu32, depth);
	printf(" (%" PRIu32 " states, %" PRIu64 " transitions, %.1f s)\n", x.count,
		   x.nsteps, seconds);
	if (x.broken != 0 && !t->broken)
		tell_trace(&x, x.count - 1);
	if (t->config.progress)
	{
		good &= verdict(x.stuck == 0, t->name);
		printf("%" PRIu32 " states from which not everything can be "
			   "delivered\n",
			   x.stuck);
	}
	for (int e = 0; e < EVENTS && t->events; e++)
	{
		good &= verdict((x.events >> e & 1) != 0, t->name);
		printf("reached: %s\n", events[e]);
	}
	search_free(&x);
	return good;
}

static bool
trace(const struct test_case *t)
{
	struct search x = {.config = &t->config};

	search_run(&x, t->wanted);

	bool found = x.broken != 0;

	if (found)
		tell_trace(&x, x.count - 1);
	else
		printf("nothing is broken\n");
	search_free(&x);
	return found;
}

static bool
list(const struct test_case *t)
{
	printf("%-20s %s\n", t->name, t->what);
	return true;
}

/* For one case, or for each. */
static int
each(bool (*what)(const struct test_case *t), const char *name)
{
	bool good = true;
	bool found = false;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		if (name != NULL && strcmp(cases[i].name, name) != 0)
			continue;
		found = true;
		if (!what(&cases[i]))
			good = false;
	}
	if (!found)
	{
		fprintf(stderr, "model: no case %s\n", name);
		return 2;
	}
	return good ? 0 : 1;
}

int
main(int argc, char **argv)
{
	if (argc == 1)
		return each(run, NULL);
	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return each(list, NULL);
	if (argc == 3 && strcmp(argv[1], "run") == 0)
		return each(run, argv[2]);
	if (argc == 3 && strcmp(argv[1], "trace") == 0)
		return each(trace, argv[2]);
	fprintf(stderr, "usage: model [list | run CASE | trace CASE]\n");
	return 2;
}
