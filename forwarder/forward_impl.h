/*
 * forward_impl.h - what the files of the pipeline share; nobody else includes
 * it.
 *
 *     forward.c           the loop, the table of states, what to do about events
 *     forward_pipe.c      changes on their way into the sink
 *     forward_position.c  positions: read at the start, stored as we go
 *     forward_heartbeat.c heartbeats among the records
 */
#ifndef FORWARDER_FORWARD_IMPL_H
#define FORWARDER_FORWARD_IMPL_H

#include "forward.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "ack.h"
#include "buf.h"
#include "config.h"
#include "decode.h"
#include "feedback.h"
#include "health.h"
#include "heartbeat.h"
#include "heartbeat_action.h"
#include "position.h"
#include "publish.h"
#include "repl.h"
#include "sink.h"
#include "source_config.h"
#include "status.h"
#include "store.h"

/* Ends of transactions for which the time of commit is kept; power of two. */
#define COMMIT_TIMES 8192

/* Of a position's record: no entry of the ledger has that ticket. */
#define FORWARD_POSITION_TICKET 0

/* Of a heartbeat, likewise. */
#define FORWARD_HEARTBEAT_TICKET UINT64_MAX

#define LSN_ARGS(lsn) (unsigned) ((lsn) >> 32), (unsigned) (lsn)

enum state
{
	STATE_CONNECTING,
	STATE_RECOVERING,
	STATE_STARTING,
	STATE_STREAMING,
	STATE_WAITING,
	STATE_DRAINING,
	STATE_STOPPED
};

enum event
{
	EVENT_SOURCE_READY,
	EVENT_RECOVERED,
	EVENT_POSITION_STORED,
	EVENT_CONNECTED,
	EVENT_SOURCE_LOST,
	EVENT_SOURCE_REFUSED,
	EVENT_SOURCE_UNSAFE,
	EVENT_STREAM_CORRUPT,
	EVENT_VERSION_MISMATCH,
	EVENT_SINK_LOST,
	EVENT_SINK_REFUSED,
	EVENT_OVERTAKEN,
	EVENT_RETRY_DUE,
	EVENT_RETRIES_EXHAUSTED,
	EVENT_STOP,
	EVENT_STOP_AGAIN,
	EVENT_DRAINED,
	EVENT_DRAIN_TIMEOUT
};

struct commit_time
{
	uint64_t ticket;
	int64_t	 time_us; /* since 1970; 0: unknown */
};

/* What is still to be done before the stream can be asked for. */
enum start_step
{
	START_DECIDE,
	START_INTENT, /* to store that a slot is about to be created */
	START_CREATE, /* to create it */
	START_FIRST,  /* to store where it stands */
	START_STREAM
};

/*
 * Positions in the sink's store, and Kafka's transactions: forward_position.c.
 */
struct delivery
{
	bool	   exactly_once; /* in transactions, each with its position */
	bool	   stored;		 /* positions are stored at all */
	char	   run_id[37];
	char	   transactional_id[320];
	struct buf topic; /* the store's */
	uint32_t   topic_number;

	struct store *store;	 /* while it is known whose, else NULL */
	bool		  sink_used; /* this sink has been recovered from */
	bool		  recovered; /* the store was read, by this or another sink */
	int64_t		  ended_ms;	 /* sink_ended_ms() of the sink before */
	enum start_step step;
	uint64_t		start_lsn;
	uint32_t		start_timeline;

	/* the position that is under way */
	struct position next;
	bool			wanted; /* not taken by the sink yet */
	bool			in_flight;
	struct buf		key;
	struct buf		value;

	/* what is handed over */
	uint64_t complete_lsn; /* end of the last whole transaction, or 0 */
	uint64_t complete_commit_lsn;
	uint64_t complete_xid;
	int64_t	 complete_time_us; /* when it was committed at the source */
	uint64_t records_lsn;	   /* end of the last one, whenever that was */
	uint64_t transactions;	   /* running count */
	uint64_t records;		   /* since the last cut; ... */
	uint64_t heartbeats;	   /* ... of these; ... */
	uint64_t bytes;			   /* ... bytes; ... */
	int64_t	 records_since_ms; /* ... when the first of them came, */
	int64_t	 records_at_ms;	   /* ... and the last */
	int64_t	 cut_at_ms;		   /* when the last one was */
	bool	 asked;			   /* the server waits to be told how far we are */
	bool	 barred;		   /* a transaction was left half-way: no more */
	bool	 overtaken;		   /* by another forwarder, which has stored it */
	bool	 withdrawn;		   /* what is under way is a tombstone */

	/* what is left of a transaction that was published in part */
	struct position_partial resume;			   /* end_lsn 0: nothing */
	char					resume_plugin[32]; /* that it was read with */
	bool					resuming;

	/* settings */
	int64_t	 interval_ms;
	uint64_t max_bytes;
	int64_t	 split_ms;
	int64_t	 idle_interval_ms;
};

struct forward_heartbeat
{
	struct heartbeat			   timer;
	const char					  *topic;
	struct buf					   key;
	struct buf					   value;
	bool						   schema; /* is in the value */
	struct heartbeat_action		  *action; /* NULL: no query */
	struct heartbeat_action_config action_config;
	bool						   acted; /* for the one that is due */
};

struct forward
{
	const struct config *config;
	enum state			 state;
	enum forward_exit	 exit_code;
	char				 reason[1200]; /* of the event being handled */
	char				 hint[1024];

	/* the source */
	struct source_config source;
	struct repl			*repl;
	struct decode		*decode;

	/* the sink */
	struct sink		  *sink;
	struct publish	  *publish;
	struct ack_ledger *ledger;

	/* the transaction in hand */
	bool	 entry_open;
	bool	 skipping;	   /* it is known to be delivered */
	bool	 change_taken; /* records of a change are being handed over */
	bool	 ending;	   /* it is the end of the transaction */
	uint64_t uncounted;	   /* records under way that are no events */
	uint64_t ticket;
	uint64_t changes; /* of it, so far; ... */
	uint32_t hash;	  /* ... and a hash of them, for exactly-once delivery */

	struct delivery			 delivery;
	struct forward_heartbeat heartbeat;

	/* limits and what counts against them */
	size_t			in_flight_max;
	bool			blocked; /* the sink has no room */
	bool			hangup;	 /* peer is gone, and we cannot read yet */
	struct feedback feedback;
	bool			hurry; /* the source has a step to take at once */

	/* time */
	int64_t	 now_ms; /* monotonic */
	int64_t	 retry_at_ms;
	int64_t	 backoff_ms;
	int		 source_retries; /* since the stream last moved on */
	int		 sink_retries;	 /* since a record was last delivered */
	int64_t	 stream_since_ms;
	int64_t	 queue_until_ms; /* the sink's, while there is no stream */
	uint64_t stream_lsn;	 /* confirmed when the stream began */
	uint64_t keepalive_lsn;	 /* that the last keepalive brought */
	bool	 source_drained; /* it came after the last data */
	int64_t	 drained_ms;	 /* when one last did */
	bool	 let_go;		 /* the server, which is shutting down: logged */
	int64_t	 probe_until_ms; /* a probe is under way; 0: none */
	int64_t	 progress_at_ms;
	uint64_t progress_records;
	int64_t	 latency_at_ms;
	int64_t	 drain_until_ms;
	char	 last_failure[1200]; /* logged; the same is not logged again */

	struct commit_time commit_times[COMMIT_TIMES];
	int				   signal_fd;
	int				   stop_signals; /* that have come */
	struct health	  *health;
	struct status	   status;
};

/* ---- forward.c ---- */

/* Do what the table says; f->reason and f->hint are about it. */
void forward_handle(struct forward *f, enum event event);

/* The replication connection, or the sink, said that it failed. */
void forward_source_failed(struct forward *f);
void forward_sink_failed(struct forward *f, const char *why, int exit_code);

/* Set f->reason and f->hint. */
void forward_explain(struct forward *f, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

int64_t forward_realtime_ns(void);

/* ---- forward_pipe.c ---- */

/*
 * Move changes on, until nothing is left to read, the sink has no room, or
 * the turn is over.  True: there is more to do at once.
 */
bool forward_pump(struct forward *f);

/*
 * Everything up to the last keepalive's position is handed over, and counts as
 * soon as all of that is delivered.
 */
void forward_adopt_keepalive(struct forward *f);

/* ---- forward_position.c ---- */

void forward_position_init(struct forward *f);
void forward_position_free(struct forward *f);

/* What the sink is to be opened with; NULL: no store. */
const struct sink_store *
forward_position_sink_store(const struct forward *f, struct sink_store *store);

/* The source is ready: read the store.  Then again, at each turn. */
void forward_position_begin(struct forward *f);
void forward_position_recover(struct forward *f);

/* The position is known: take the steps up to the stream. */
void forward_position_start(struct forward *f);
void forward_position_go_on(struct forward *f);

/* The stream has begun; everything of it is given up. */
void forward_position_stream_begun(struct forward *f);
void forward_position_stream_dropped(struct forward *f);

/* The sink will be replaced, and with it what we know of the store. */
void forward_position_leave_sink(struct forward *f);

/*
 * A transaction begins: is what it begins with published already?  False: the
 * stream is not what was published, which is handled.
 */
bool forward_position_begin_transaction(struct forward *f);

/* A change of it comes.  True: it is published already. */
bool forward_position_skip(struct forward *f);

/* Records of it are handed over; so is the whole transaction. */
void forward_position_add(struct forward *f, uint64_t records, uint64_t bytes);
void forward_position_end_transaction(struct forward *f);

/* A heartbeat is handed over. */
void forward_position_add_heartbeat(struct forward *f, uint64_t bytes);

/*
 * Store a position where one is due.  'idle': nothing is left to be read.
 * 'ending': what can be stored should be.
 */
void forward_position_cut(struct forward *f, bool idle, bool ending);

/*
 * With exactly.once: forward_position_cut() would end the Kafka transaction
 * here, though there is more.  Nothing is to be handed over before it has.
 */
bool forward_position_cuts(const struct forward *f);

/* The report of a position's record. */
void forward_position_reported(struct forward *f, bool delivered);

/*
 * The server will not create the slot: take back that it was to be created.
 * Waits for the sink, at most some seconds.
 */
void forward_position_withdraw(struct forward *f);

/*
 * With exactly.once, a position waits for room in the sink.  Nothing may be
 * handed over until it has gone: it would be in a transaction whose position
 * does not speak of it, and come twice.
 */
bool forward_position_waits(const struct forward *f);

/* Nothing is left to be stored. */
bool forward_position_settled(const struct forward *f);

/* When forward_position_cut() wants to be asked again. */
int64_t forward_position_due_ms(const struct forward *f);

/* ---- forward_heartbeat.c ---- */

/* After the source's configuration. */
void forward_heartbeat_init(struct forward *f);
void forward_heartbeat_free(struct forward *f);

/* What is due, at each turn. */
void forward_heartbeat_serve(struct forward *f);

/* What wakes the loop for it; and when it wants to be served. */
void	forward_heartbeat_poll(const struct forward *f, struct pollfd *fd);
int64_t forward_heartbeat_due_ms(const struct forward *f);

#endif /* FORWARDER_FORWARD_IMPL_H */
