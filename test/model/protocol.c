/*
 * protocol.c - what can happen: Kafka's side, the network, the forwarder's
 * side, faults.
 *
 * The functions do_*() are requests as the coordinator or a partition carries
 * them out; those of the forwarder send them and look at the answer.  Each
 * action is one step that nothing interrupts.
 */
#include "protocol.h"

#include <string.h>

/* How the coordinator or a partition answers. */
enum answer
{
	OK,
	BUSY,	/* the markers of the last transaction are not written: again */
	REFUSED /* an old epoch, or not in this state */
};

static void
happen(struct outcome *o, enum event e)
{
	o->events |= UINT32_C(1) << e;
}

static uint8_t
set_upto(int number)
{
	return (uint8_t) ((2u << number) - 2);
}

/* The greatest number in a set, 0 if it is empty. */
static int
greatest(uint8_t set)
{
	int i = 0;

	for (; set > 1; set = (uint8_t) (set >> 1))
		i++;
	return i;
}

static bool
is_preparing(const struct state *s)
{
	return s->coordinator == PREPARE_COMMIT || s->coordinator == PREPARE_ABORT;
}

/*
 * Kafka's side.
 */

/*
 * Nothing is open.  With an old epoch nothing ever will be: what would only
 * tell such states apart is left out.
 */
static void
begin(struct forwarder *f)
{
	uint8_t none = f->current ? f->position : 0;

	memset(f->produced, none, sizeof(f->produced));
	f->sent = none;
	f->upto = 0;
	f->recorded = 0;
	f->registered = 0;
}

static void
raise_epoch(struct state *s)
{
	for (int i = 0; i < FORWARDERS; i++)
	{
		struct forwarder *f = &s->forwarders[i];

		f->current = 0;
		/* What it does next is refused, whatever it is in the middle of. */
		if (f->phase == STREAM || f->phase == COMMIT || f->phase == ABORT)
		{
			uint8_t upto = f->upto;

			begin(f);
			if (f->phase == COMMIT)
				f->upto = upto;
			else
				f->phase = STREAM;
		}
	}
	for (int i = 0; i < NETWORK_MAX; i++)
	{
		struct message *m = &s->network[i];

		/* What arrives with an old epoch does nothing.  EndTxn shows it. */
		if (m->request == REGISTER || m->request == PRODUCE)
			*m = (struct message){0};
		m->current = 0;
	}
}

/* The decision; the partitions learn of it by their markers. */
static void
decide(struct state *s, bool commit)
{
	s->coordinator = commit ? PREPARE_COMMIT : PREPARE_ABORT;
	s->pending = s->registered;
	if (!commit)
		return;
	for (int p = P0; p < OFFSETS; p++)
	{
		uint8_t first = s->open[p] & (uint8_t) -s->open[p];

		if ((s->open[p] & s->visible[p]) != 0)
			s->broken |= NO_DUP;
		if (first != 0 && first < (1 << greatest(s->visible[p])))
			s->broken |= ORDER;
	}
	if (s->open_record != 0 && s->open_record < s->stored)
		s->broken |= ORDER;
}

static enum answer
do_init(struct state *s, struct outcome *o)
{
	if (s->coordinator == ONGOING)
	{
		raise_epoch(s);
		decide(s, false);
		happen(o, EVENT_INIT_ABORTED);
		return BUSY;
	}
	if (is_preparing(s))
	{
		happen(o, EVENT_INIT_WAITED);
		return BUSY;
	}
	raise_epoch(s);
	s->coordinator = EMPTY;
	s->registered = 0;
	return OK;
}

static enum answer
do_register(struct state *s, bool current, int p)
{
	if (!current)
		return REFUSED;
	if (is_preparing(s))
		return BUSY;
	if (s->coordinator != ONGOING)
		s->registered = 0;
	s->coordinator = ONGOING;
	s->registered |= (uint8_t) (1 << p);
	return OK;
}

/* With the broker's verification that the partition is registered. */
static enum answer
do_produce(const struct config *c, struct state *s, bool current, int p,
		   int number)
{
	if (!current)
		return REFUSED;
	if (is_preparing(s))
		return BUSY;
	if (s->coordinator != ONGOING || !(s->registered & 1 << p))
		return REFUSED;
	if (p == OFFSETS)
	{
		s->open_record = (uint8_t) number;
		/* Elsewhere nobody looks, and it would only multiply states. */
		if (c->read_uncommitted)
			s->last_record = (uint8_t) number;
	}
	else
		s->open[p] |= (uint8_t) (1 << number);
	return OK;
}

static enum answer
do_end(struct state *s, bool current, bool commit)
{
	if (!current)
		return REFUSED;
	if (s->coordinator == ONGOING)
	{
		decide(s, commit);
		return OK;
	}
	if (is_preparing(s))
		return BUSY;
	if (s->coordinator == (commit ? COMPLETE_COMMIT : COMPLETE_ABORT))
		return OK;
	return REFUSED;
}

static void
write_marker(struct state *s, int p)
{
	bool commit = s->coordinator == PREPARE_COMMIT;

	s->pending &= (uint8_t) ~(1 << p);
	if (p == OFFSETS)
	{
		if (commit && s->open_record != 0)
			s->stored = s->open_record;
		s->open_record = 0;
	}
	else
	{
		if (commit)
			s->visible[p] |= s->open[p];
		s->open[p] = 0;
	}
	if (s->pending == 0)
	{
		s->coordinator = commit ? COMPLETE_COMMIT : COMPLETE_ABORT;
		s->registered = 0;
	}
}

/*
 * The network: a bag.  Kept in order, so that equal bags are equal bytes.
 */

static bool
hold_back(const struct config *c, struct state *s, struct message m)
{
	int i = 0;

	while (i < c->late && s->network[i].request != NONE)
		i++;
	if (i >= c->late)
		return false;
	s->network[i] = m;
	return true;
}

static void
sort_network(struct state *s)
{
	static_assert(NETWORK_MAX == 2, "this sorts two");
	struct message *m = s->network;

	if (memcmp(&m[0], &m[1], sizeof(m[0])) < 0)
	{
		struct message swap = m[0];

		m[0] = m[1];
		m[1] = swap;
	}
}

/* The forwarders are alike: which of them is which makes no other state. */
static bool
sort_forwarders(struct state *s)
{
	static_assert(FORWARDERS == 2, "this sorts two");
	struct forwarder *f = s->forwarders;
	int				  order = memcmp(&f[0], &f[1], sizeof(f[0]));
	struct forwarder  swap = f[0];

	if (order == 0)
	{
		order = (s->lock == 1) - (s->lock == 0);
		if (order == 0)
			order = (s->active == 1) - (s->active == 0);
	}
	if (order >= 0)
		return false;
	f[0] = f[1];
	f[1] = swap;
	if (s->lock != NOBODY)
		s->lock ^= 1;
	if (s->active != NOBODY)
		s->active ^= 1;
	return true;
}

/* A copy of what was acknowledged is dropped by its sequence number. */
static void
drop_copies(struct state *s, int p, struct outcome *o)
{
	for (int i = 0; i < NETWORK_MAX; i++)
	{
		struct message *m = &s->network[i];

		if (m->request == PRODUCE && m->partition == p)
		{
			*m = (struct message){0};
			happen(o, EVENT_LATE_PRODUCE_IGNORED);
		}
	}
}

static bool
produce_is_under_way(const struct state *s)
{
	for (int i = 0; i < NETWORK_MAX; i++)
	{
		if (s->network[i].request == PRODUCE)
			return true;
	}
	return false;
}

static void
deliver(const struct config *c, struct state *s, int i, struct outcome *o)
{
	struct message m = s->network[i];
	enum answer	   answer = OK;

	s->network[i] = (struct message){0};
	switch (m.request)
	{
		case REGISTER:
			if (s->coordinator != ONGOING && !is_preparing(s))
				happen(o, EVENT_LATE_REGISTER_OPENED);
			answer = do_register(s, m.current, m.partition);
			break;
		case PRODUCE:
			answer = do_produce(c, s, m.current, m.partition, m.number);
			if (answer == OK)
				happen(o, EVENT_LATE_PRODUCE_TAKEN);
			break;
		default:
			if (!m.current)
				happen(o, EVENT_LATE_END_REFUSED);
			else if (s->coordinator != ONGOING)
				happen(o, EVENT_LATE_END_IGNORED);
			answer = do_end(s, m.current, m.request == END_COMMIT);
			break;
	}
	o->answer = answer == OK ? "it is carried out"
				: m.current	 ? "it has no effect"
							 : "it is refused: an old epoch";
}

/*
 * The forwarder's side.
 */

static void
release(struct state *s, int who)
{
	if (s->lock == who)
		s->lock = NOBODY;
	if (s->active == who)
		s->active = NOBODY;
}

/* The one recovery: everything anew. */
static void
start_again(struct state *s, int who, struct outcome *o)
{
	o->answer = "refused; starts again";
	s->forwarders[who] = (struct forwarder){.phase = START};
	release(s, who);
}

int
protocol_next(const struct config *c, const struct forwarder *f, int p)
{
	if (f->phase != STREAM || !f->current)
		return 0;
	if (p == OFFSETS)
	{
		int upto = f->upto;

		/* Where nothing has been sent yet, one is the least. */
		if (upto == 0)
			upto = f->sent > f->position ? f->sent : f->position + 1;
		return f->recorded || upto > c->n ? 0 : upto;
	}

	int last = f->upto != 0 ? f->upto : c->n;

	if (last > f->position + c->batch)
		last = f->position + c->batch;
	return f->produced[p] < last ? f->produced[p] + 1 : 0;
}

static bool
check(const struct config *c, struct state *s, int who)
{
	struct forwarder *f = &s->forwarders[who];

	if (f->phase != START)
		return false;
	if (!c->no_check)
	{
		if (s->lock != NOBODY || s->active != NOBODY)
			return false;
		s->lock = (uint8_t) who;
	}
	f->phase = CHECKED;
	return true;
}

static bool
init(const struct config *c, struct state *s, int who, enum fate fate,
	 struct outcome *o)
{
	struct forwarder *f = &s->forwarders[who];

	if (f->phase != RENEW &&
		f->phase != (c->read_early ? READ_EARLY : CHECKED))
		return false;
	if (do_init(s, o) == BUSY)
	{
		o->answer = "a transaction is being ended; again";
		return fate == ANSWERED;
	}
	if (fate != ANSWERED)
		return true;
	o->answer = "a new epoch";
	f->current = 1;
	if (f->phase == RENEW)
	{
		f->phase = c->renew_blind ? STREAM : RENEWED;
		if (c->renew_blind)
			begin(f);
	}
	else
		f->phase = c->read_early ? KNOWS : FENCED;
	return true;
}

static bool
read_record(const struct config *c, struct state *s, int who,
			struct outcome *o)
{
	struct forwarder *f = &s->forwarders[who];
	uint8_t			  found = c->read_uncommitted ? s->last_record : s->stored;

	if (f->phase == RENEWED)
	{
		if (found != f->position)
		{
			start_again(s, who, o);
			o->answer = "another has gone on; starts again";
			happen(o, EVENT_OVERTAKEN);
			return true;
		}
		f->phase = STREAM;
		begin(f);
		if (f->position < c->n)
			happen(o, EVENT_RENEWED);
		return true;
	}
	if (f->phase != (c->read_early ? CHECKED : FENCED))
		return false;
	f->position = found;
	f->phase = c->read_early ? READ_EARLY : KNOWS;
	return true;
}

static bool
start_stream(struct state *s, int who, struct outcome *o)
{
	struct forwarder *f = &s->forwarders[who];

	if (f->phase != KNOWS)
		return false;
	if (s->active != NOBODY)
	{
		if (s->active == who)
			return false;
		start_again(s, who, o);
		return true;
	}
	if (s->confirmed > f->position)
	{
		happen(o, EVENT_MISLED);
		start_again(s, who, o);
		return true;
	}
	s->active = (uint8_t) who;
	f->phase = STREAM;
	begin(f);
	return true;
}

static bool
register_partition(const struct config *c, struct state *s, int who, int p,
				   enum fate fate, struct outcome *o)
{
	struct forwarder *f = &s->forwarders[who];

	if (protocol_next(c, f, p) == 0 || f->registered & 1 << p)
		return false;
	/* The first that is done for the position record ends the batch. */
	if (p == OFFSETS)
		f->upto = (uint8_t) protocol_next(c, f, p);
	if (fate == LATE)
		return hold_back(c, s,
						 (struct message){.request = REGISTER,
										  .current = 1,
										  .partition = (uint8_t) p});
	switch (do_register(s, true, p))
	{
		case BUSY:
			return false;
		case REFUSED:
			start_again(s, who, o);
			return fate == ANSWERED;
		case OK:
			break;
	}
	if (fate == ANSWERED)
		f->registered |= (uint8_t) (1 << p);
	return true;
}

static bool
produce(const struct config *c, struct state *s, int who, int p,
		enum fate fate, struct outcome *o)
{
	struct forwarder *f = &s->forwarders[who];
	int				  number = protocol_next(c, f, p);

	if (number == 0 || !(f->registered & 1 << p))
		return false;
	if (f->sent < number)
		f->sent = (uint8_t) number;
	if (fate == LATE)
	{
		/* One copy on the way is as good as two. */
		for (int i = 0; i < NETWORK_MAX; i++)
		{
			if (s->network[i].request == PRODUCE &&
				s->network[i].partition == p)
				return false;
		}
		return hold_back(c, s,
						 (struct message){.request = PRODUCE,
										  .current = 1,
										  .partition = (uint8_t) p,
										  .number = (uint8_t) number});
	}
	switch (do_produce(c, s, true, p, number))
	{
		case BUSY:
			return false;
		case REFUSED:
			start_again(s, who, o);
			return fate == ANSWERED;
		case OK:
			break;
	}
	if (fate != ANSWERED)
		return true;
	drop_copies(s, p, o);
	if (p == OFFSETS)
		f->recorded = 1;
	else
		f->produced[p] = (uint8_t) number;
	return true;
}

/* EndTxn, which the client sends again until it is answered. */
static bool
end(const struct config *c, struct state *s, int who, bool commit,
	enum fate fate, struct outcome *o)
{
	struct forwarder *f = &s->forwarders[who];
	bool			  doubtful = f->phase == COMMIT || f->phase == ABORT;

	if (fate == LATE &&
		!hold_back(c, s,
				   (struct message){.request = commit ? END_COMMIT : END_ABORT,
									.current = 1}))
		return false;

	enum answer answer = OK;

	if (fate == ANSWERED || fate == UNANSWERED)
		answer = do_end(s, true, commit);
	if (answer == BUSY)
		return false;
	if (fate != ANSWERED)
	{
		f->phase = commit ? COMMIT : ABORT;
		return true;
	}
	if (answer == REFUSED)
	{
		start_again(s, who, o);
		return true;
	}

	if (commit)
		f->position = f->upto;
	begin(f);
	f->phase = commit ? STREAM : KNOWS;
	if (c->defence && doubtful)
		f->phase = RENEW;
	return true;
}

static bool
commit_batch(const struct config *c, struct state *s, int who, enum fate fate,
			 struct outcome *o)
{
	const struct forwarder *f = &s->forwarders[who];

	if (!f->current)
		return false;
	if (f->phase != COMMIT &&
		(f->phase != STREAM || !f->recorded || f->produced[P0] != f->upto ||
		 f->produced[P1] != f->upto))
		return false;
	return end(c, s, who, true, fate, o);
}

/*
 * The stream was lost in the middle of a batch.  The producer is kept, which
 * is the more dangerous way; crash-only is DO_CRASH.  Records are flushed
 * before, so none is under way.
 */
static bool
abort_batch(const struct config *c, struct state *s, int who, enum fate fate,
			struct outcome *o)
{
	struct forwarder *f = &s->forwarders[who];

	if (!f->current || (f->phase != STREAM && f->phase != ABORT))
		return false;
	if (f->phase == STREAM && (s->active == who || produce_is_under_way(s)))
		return false;
	if (f->registered == 0)
	{
		/* The client sends no EndTxn for a transaction without partitions. */
		if (fate != ANSWERED)
			return false;
		begin(f);
		f->phase = KNOWS;
		return true;
	}
	return end(c, s, who, false, fate, o);
}

static bool
confirm(const struct config *c, struct state *s, int who)
{
	const struct forwarder *f = &s->forwarders[who];
	uint8_t					lsn = f->position;

	if (s->active != who || f->phase < STREAM)
		return false;
	if (c->confirm_early && f->phase == COMMIT)
		lsn = f->upto;
	if (lsn <= s->confirmed)
		return false;
	s->confirmed = lsn;
	return true;
}

bool
protocol_apply(const struct config *c, struct state *s, struct action a,
			   struct outcome *o)
{
	struct forwarder *f = &s->forwarders[a.who % FORWARDERS];

	*o = (struct outcome){0};
	if (a.fate != ANSWERED && c->late == 0)
		return false;
	switch ((enum kind) a.kind)
	{
		case DO_CHECK:
			return check(c, s, a.who);
		case DO_INIT:
			return init(c, s, a.who, a.fate, o);
		case DO_READ:
			return read_record(c, s, a.who, o);
		case DO_START:
			return start_stream(s, a.who, o);
		case DO_REGISTER:
			return register_partition(c, s, a.who, a.what, a.fate, o);
		case DO_PRODUCE:
			return produce(c, s, a.who, a.what, a.fate, o);
		case DO_COMMIT:
			return commit_batch(c, s, a.who, a.fate, o);
		case DO_ABORT:
			return abort_batch(c, s, a.who, a.fate, o);
		case DO_CONFIRM:
			return confirm(c, s, a.who);
		case DO_NOTICE:
			if (f->current || (f->phase != STREAM && f->phase != COMMIT))
				return false;
			happen(o, EVENT_FENCED);
			start_again(s, a.who, o);
			if (!c->faults)
				s->broken |= CALM;
			return true;
		case DO_CRASH:
			if (!c->faults || f->phase == START)
				return false;
			/* The server may learn of it later: DO_DISCONNECT. */
			*f = (struct forwarder){.phase = START};
			return true;
		case DO_DISCONNECT:
			if (!c->faults || (s->lock != a.who && s->active != a.who))
				return false;
			release(s, a.who);
			return true;
		case DO_MARKER:
			if (!is_preparing(s) || !(s->pending & 1 << a.what))
				return false;
			write_marker(s, a.what);
			return true;
		case DO_TIMEOUT:
			if (!c->faults || s->coordinator != ONGOING)
				return false;
			raise_epoch(s);
			decide(s, false);
			happen(o, EVENT_TIMED_OUT);
			return true;
		case DO_SERVER_CRASH:
			if (!c->faults || a.what > s->confirmed ||
				(a.what == s->confirmed && s->lock == NOBODY &&
				 s->active == NOBODY))
				return false;
			if (a.what < s->confirmed)
				happen(o, EVENT_REGRESSED);
			s->confirmed = a.what;
			s->lock = NOBODY;
			s->active = NOBODY;
			return true;
		case DO_LATE_INIT:
			if (c->late == 0)
				return false;
			(void) do_init(s, o);
			return true;
		case DO_DELIVER:
			if (a.who >= NETWORK_MAX || s->network[a.who].request == NONE)
				return false;
			deliver(c, s, a.who, o);
			return true;
	}
	return false;
}

bool
protocol_normalise(struct state *s)
{
	sort_network(s);
	return sort_forwarders(s);
}

void
protocol_finish(struct state *s)
{
	for (int p = P0; p < PARTITIONS; p++)
	{
		if (is_preparing(s) && s->pending & 1 << p)
			write_marker(s, p);
	}
}

/*
 * What is committed in the coordinator's log counts as visible, though a
 * partition's marker may be yet to come.
 */
uint8_t
protocol_violated(const struct state *s)
{
	uint8_t broken = s->broken;
	uint8_t seen[OFFSETS];
	uint8_t stored = s->stored;

	for (int p = P0; p < OFFSETS; p++)
	{
		seen[p] = s->visible[p];
		if (s->coordinator == PREPARE_COMMIT && s->pending & 1 << p)
			seen[p] |= s->open[p];
	}
	if (s->coordinator == PREPARE_COMMIT && s->pending & 1 << OFFSETS &&
		s->open_record != 0)
		stored = s->open_record;

	uint8_t done = set_upto(stored) | set_upto(s->confirmed);

	if (done & ~(seen[P0] & seen[P1]))
		broken |= NO_LOSS;
	if (s->confirmed > stored)
		broken |= ACKED_IMPLIES_STORED;
	if (seen[P0] != seen[P1] || seen[P0] != set_upto(stored))
		broken |= ATOMIC;
	return broken;
}

bool
protocol_is_done(const struct config *c, const struct state *s)
{
	return s->confirmed == c->n && s->stored == c->n;
}
