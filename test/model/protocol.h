/*
 * protocol.h - the model: its states, what can happen in them, and what must
 * hold.  No memory, no I/O.
 *
 * A state is a struct of bytes without padding, so that two states are equal
 * if their bytes are.  All zero but for lock and active is the first one.
 *
 * There is no count of epochs.  Of an epoch matters only whether it is the
 * coordinator's present one, for an old one never returns; so each holder of
 * an epoch has a bit, and crashes and fencings are without bound.
 */
#ifndef PROTOCOL_H
#define PROTOCOL_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#define FORWARDERS 2
#define NETWORK_MAX 2	  /* requests that are held back at a time */
#define NOBODY FORWARDERS /* holds the lock, or the slot */

/* Partitions, also as bits of a set.  The third has the position records. */
enum
{
	P0,
	P1,
	OFFSETS,
	PARTITIONS
};

enum coordinator_state
{
	EMPTY,
	ONGOING,
	PREPARE_COMMIT,
	PREPARE_ABORT,
	COMPLETE_COMMIT,
	COMPLETE_ABORT
};

enum phase
{
	START,		/* nothing is known; also after a crash or an error */
	CHECKED,	/* the slot was seen to be free */
	READ_EARLY, /* only by mistake: position read, no init_transactions */
	FENCED,		/* init_transactions is done */
	KNOWS,		/* and the position record is read */
	STREAM,		/* between begin and commit, or before begin */
	COMMIT,		/* EndTxn(commit) was sent and is not answered */
	ABORT,		/* EndTxn(abort) likewise */
	RENEW,		/* a new producer is needed before the next begin */
	RENEWED		/* it is there; the position record is to be read */
};

/* A forwarder.  Source transactions have the numbers 1 to n. */
struct forwarder
{
	uint8_t phase;
	uint8_t current;		   /* its epoch is the coordinator's */
	uint8_t position;		   /* the last that it knows to be stored */
	uint8_t produced[OFFSETS]; /* the last that Kafka has acknowledged */
	uint8_t sent;			   /* the last that was given to Kafka's client */
	uint8_t upto;			   /* where the batch was cut; 0: not yet */
	uint8_t recorded;		   /* the position record is acknowledged */
	uint8_t registered;		   /* partitions that it has registered */
};

enum request
{
	NONE,
	REGISTER,
	PRODUCE,
	END_COMMIT,
	END_ABORT
};

/* A request that is under way while its sender no longer waits for it. */
struct message
{
	uint8_t request;
	uint8_t current; /* as forwarder.current */
	uint8_t partition;
	uint8_t number; /* of the source transaction produced */
};

struct state
{
	/* PostgreSQL */
	uint8_t confirmed;
	uint8_t lock;
	uint8_t active;

	/* Kafka: the coordinator */
	uint8_t coordinator;
	uint8_t registered; /* partitions of the transaction */
	uint8_t pending;	/* of these, those that wait for their marker */

	/* Kafka: partitions; sets of source transactions, number 1 is bit 1 */
	uint8_t visible[OFFSETS]; /* as read_committed */
	uint8_t open[OFFSETS];	  /* in the transaction */
	uint8_t stored;			  /* position record, as read_committed */
	uint8_t open_record;	  /* in the transaction; 0: none */
	uint8_t last_record;	  /* whatever became of it */

	uint8_t			 broken; /* invariants that a commit broke */
	struct message	 network[NETWORK_MAX];
	struct forwarder forwarders[FORWARDERS];
};

static_assert(sizeof(struct state) == 14 + 4 * NETWORK_MAX + 9 * FORWARDERS,
			  "padding would make equal states differ");

enum invariant
{
	NO_LOSS = 1,
	NO_DUP = 2,
	ACKED_IMPLIES_STORED = 4,
	ATOMIC = 8,
	ORDER = 16,
	CALM = 32, /* nobody is fenced; asked for where nothing fails */
	SAFETY = 31
};

/* What the search must have met, or it has not searched much. */
enum event
{
	EVENT_FENCED,
	EVENT_LATE_END_REFUSED,
	EVENT_LATE_END_IGNORED,
	EVENT_LATE_PRODUCE_IGNORED,
	EVENT_LATE_PRODUCE_TAKEN,
	EVENT_LATE_REGISTER_OPENED,
	EVENT_REGRESSED,
	EVENT_INIT_ABORTED,
	EVENT_INIT_WAITED,
	EVENT_TIMED_OUT,
	EVENT_RENEWED,
	EVENT_OVERTAKEN,
	EVENT_MISLED,
	EVENT_DONE,
	EVENTS
};

/* What a case turns on. */
struct config
{
	int	 n;		/* source transactions */
	int	 batch; /* at most so many in one Kafka transaction */
	int	 late;	/* requests held back at a time; 0: none is unanswered */
	bool faults;
	bool defence; /* a new producer after an EndTxn that was sent twice */

	/* The search also asks whether the end can be reached from everywhere. */
	bool progress;

	/* Mistakes. */
	bool confirm_early;	   /* before the commit is answered */
	bool read_early;	   /* position, before init_transactions */
	bool read_uncommitted; /* position */
	bool no_check;		   /* of the slot, before init_transactions */
	bool renew_blind;	   /* new producer, position not read again */
};

enum kind
{
	DO_CHECK,
	DO_INIT,
	DO_READ,
	DO_START,
	DO_REGISTER,
	DO_PRODUCE,
	DO_COMMIT,
	DO_ABORT,
	DO_CONFIRM,
	DO_NOTICE,
	DO_CRASH,
	DO_DISCONNECT,
	DO_MARKER,
	DO_TIMEOUT,
	DO_SERVER_CRASH,
	DO_LATE_INIT,
	DO_DELIVER
};

/* What becomes of a request. */
enum fate
{
	ANSWERED,
	UNANSWERED, /* it is carried out; the answer is lost */
	LOST,
	LATE /* it stays in the network */
};

struct action
{
	uint8_t kind;
	uint8_t who;  /* forwarder, or the message's place in the network */
	uint8_t what; /* partition; where a crash throws the slot back to */
	uint8_t fate;
};

/* Of one application of an action. */
struct outcome
{
	uint32_t	events;
	const char *answer; /* where there is one that is worth telling */
};

/*
 * Do the action, or return false, with the state spoiled, if it cannot be
 * done.
 */
bool protocol_apply(const struct config *c, struct state *s, struct action a,
					struct outcome *o);

/*
 * Give states that differ in nothing that matters the same bytes.  True if
 * the two forwarders changed places.
 */
bool protocol_normalise(struct state *s);

/* The invariants that do not hold. */
uint8_t protocol_violated(const struct state *s);

/* Everything is delivered and confirmed. */
bool protocol_is_done(const struct config *c, const struct state *s);

/* Write the markers that a decision is yet to write. */
void protocol_finish(struct state *s);

/* The source transaction that is next to be produced to a partition, or 0. */
int protocol_next(const struct config *c, const struct forwarder *f, int p);

#endif
