/*
 * repl.h - PostgreSQL's replication protocol over libpq, never blocking.
 *
 * Bytes and LSNs only: what the messages contain is none of its business, and
 * neither is Kafka.  The caller owns the loop: it polls repl_fd() for
 * repl_events() and calls repl_step() or repl_read() when ready.
 */
#ifndef FORWARDER_REPL_H
#define FORWARDER_REPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPL_TIMELINES_MAX 1024

enum repl_outcome
{
	REPL_DONE,	/* there it is */
	REPL_AGAIN, /* would block: poll repl_fd() */
	REPL_ENDED, /* the server ended the stream */
	REPL_FAILED /* repl_failure() says how */
};

/* What to do about a failure. */
enum repl_failure_kind
{
	REPL_FAILURE_RETRY,	  /* connection lost, server starting, slot busy */
	REPL_FAILURE_REFUSED, /* will not get better by itself: exit code 3 */
	REPL_FAILURE_UNSAFE	  /* the slot is lost or gone: exit code 5 */
};

struct repl_failure
{
	enum repl_failure_kind kind;
	char				   sqlstate[6];	  /* "" if it came from libpq itself */
	char				   message[1024]; /* one line: what failed */
	char				   hint[1024]; /* one line: what to do; may be empty */
};

/* All strings are borrowed and must outlive the connection. */
struct repl_option
{
	const char *name;
	const char *value;
};

struct repl_config
{
	const char *const *keywords; /* libpq's, NULL-terminated, without
									 * replication= and options= */
	const char *const *values;
	const char		  *slot;
	bool			   temporary;	   /* a slot of our own, dropped with us */
	bool			   create;		   /* if it does not exist */
	const char		  *plugin;		   /* "walferry" */
	const struct repl_option *options; /* for START_REPLICATION */
	size_t					  noptions;
	int connect_timeout_ms; /* for connecting, and for each answer
									 * before streaming; 0: none.  Creating a
									 * slot may take as long as it takes. */
};

struct repl_slot
{
	bool	 created;		/* by us, now */
	uint64_t confirmed_lsn; /* confirmed_flush_lsn, or consistent point */
	uint64_t system_id;
	uint32_t timeline; /* being streamed */
	int		 server_version_num;
	int		 wal_sender_timeout_ms; /* 0: none */
	uint32_t ntimelines;			/* history: records that end at or before
								 * until_lsn[i] are on tli[i] */
	uint32_t tli[REPL_TIMELINES_MAX];
	uint64_t until_lsn[REPL_TIMELINES_MAX];
};

enum repl_message_kind
{
	REPL_DATA,
	REPL_KEEPALIVE
};

struct repl_message
{
	enum repl_message_kind kind;
	const uint8_t		  *data; /* REPL_DATA; valid until the next call */
	size_t				   len;
	uint64_t			   wal_end; /* REPL_KEEPALIVE: sent up to here */
	bool				   reply_requested;
};

struct repl;

/*
 * Nothing is connected yet.  'config' is borrowed.  Aborts when out of
 * memory.
 */
struct repl *repl_new(const struct repl_config *config);
void		 repl_free(struct repl *r);

/*
 * The next start begins at 'lsn', an end LSN that is durably delivered; 0,
 * the default: where the slot stands.  With an LSN the start is refused
 * (REPL_FAILURE_UNSAFE) where it would leave something out: the slot stands
 * further on, or the server does not have the LSN, or had another history
 * when it wrote it.
 */
void repl_start_at(struct repl *r, uint64_t lsn);

/*
 * Take connecting, checking and (if asked) creating the slot, and starting
 * replication one step on.  REPL_DONE: streaming, repl_slot() is filled in.
 * After REPL_FAILED, call repl_reset() and start again, or give up.  Call it
 * when repl_fd() is ready and at least once a second, for its time limits.
 *
 * A slot that this repl has streamed from is never created a second time, and
 * another cluster at the same address is refused: both would be a gap.
 * Resolving a host name blocks, as libpq does it.
 *
 * After an attempt to connect that ran out of time, the next one begins with
 * the next host of a list.
 */
enum repl_outcome repl_step(struct repl *r, int64_t now_ms);

/* The next message.  Drains libpq before it says REPL_AGAIN. */
enum repl_outcome repl_read(struct repl *r, struct repl_message *m);

/*
 * Queue a standby status update; flushing goes on in the background (see
 * repl_flush()).  'flushed_lsn' 0 means: nothing to say about flushing.
 * REPL_AGAIN: no room, it was not queued.
 */
enum repl_outcome repl_send_status(struct repl *r, uint64_t written_lsn,
								   uint64_t flushed_lsn);

/*
 * Send on what is queued, without reading.  Call it on POLLOUT, also while
 * the stream is not being read.
 */
enum repl_outcome repl_flush(struct repl *r);

/* What to leave behind. */
enum repl_leave
{
	REPL_KEEP_SLOT,
	REPL_DROP_SLOT
};

/*
 * End the stream in order: CopyDone, read what is left, close.  Bounded by
 * 'timeout_ms'; blocking, called at the very end.
 */
void repl_finish(struct repl *r, int timeout_ms, enum repl_leave leave);

/* Close at once and forget; the next repl_step() connects anew. */
void repl_reset(struct repl *r);

int	  repl_fd(const struct repl *r);	 /* -1: not connected */
short repl_events(const struct repl *r); /* POLLIN | POLLOUT */
const struct repl_slot	  *repl_slot(const struct repl *r);
const struct repl_failure *repl_failure(const struct repl *r);

/* The timeline on which the record that ends at 'end_lsn' was written. */
uint32_t repl_timeline_of(const struct repl_slot *slot, uint64_t end_lsn);

/*
 * Parts that need no server; the rest of the program has no use for them.
 */

/* Where an error came up. */
enum repl_phase
{
	REPL_PHASE_CONNECT,
	REPL_PHASE_QUERY,
	REPL_PHASE_CREATE,
	REPL_PHASE_START,
	REPL_PHASE_STREAM
};

/* Who the error happened to; for the SQL in hints. */
struct repl_context
{
	enum repl_phase phase;
	const char	   *slot;
	const char	   *plugin;
	const char	   *user;
	const char	   *database;
	const char	   *allowed_plugins; /* output_plugin_libraries, or NULL where
									 * the server has no such setting */
};

/* Fill in all of 'failure' for a server's error, or libpq's ("" sqlstate). */
void repl_classify(const struct repl_context *ctx, const char *sqlstate,
				   const char *message, struct repl_failure *failure);

/*
 * The same for libpq's message about a connection that was not made, which
 * may hold one line for each address tried, with SQLSTATEs if the server's
 * error was printed verbosely.  It is as bad as the most hopeful of them.
 */
void repl_classify_connect(const struct repl_context *ctx, const char *message,
						   struct repl_failure *failure);

/* Take over a timeline history file; false if it cannot be understood. */
bool repl_parse_history(struct repl_slot *slot, const char *text, size_t len);

#endif /* FORWARDER_REPL_H */
