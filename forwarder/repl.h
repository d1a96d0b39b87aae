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

#include "repl_failure.h"

#define REPL_TIMELINES_MAX 1024

enum repl_outcome
{
	REPL_DONE,	/* there it is */
	REPL_AGAIN, /* would block: poll repl_fd() */
	REPL_READY, /* connected and checked, nothing is created or started */
	REPL_ENDED, /* the server ended the stream */
	REPL_FAILED /* repl_failure() says how */
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
	bool			   create;		   /* repl_create() is allowed */
	bool			   failover;	   /* create one that standbys keep */
	bool			   lock;		   /* against another walferry */
	bool			   primary;		   /* a standby will not do */
	const char		  *plugin;		   /* "walferry" */
	const struct repl_option *options; /* for START_REPLICATION */
	size_t					  noptions;
	int connect_timeout_ms; /* for connecting, and for each answer
									 * before streaming; 0: none.  Creating a
									 * slot may take as long as it takes. */
};

struct repl_slot
{
	bool	 found;			/* it exists */
	bool	 created;		/* by us, now */
	uint64_t confirmed_lsn; /* confirmed_flush_lsn, or consistent point */
	uint64_t system_id;
	uint32_t timeline;		/* being streamed */
	char	 database[256]; /* its name, as the server says it */
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
 * Take connecting, checking, creating the slot and starting replication one
 * step on.  Call it when repl_fd() is ready and at least once a second, for
 * its time limits.
 *
 * REPL_READY: connected and checked, repl_slot() is filled in, and the slot,
 * if there is one, was not in use.  So it remains, for as long as the caller
 * likes, until repl_create() or repl_start() says how to go on; a connection
 * that is lost meanwhile is noticed.  REPL_DONE: streaming.  After
 * REPL_FAILED, call repl_reset() and start again, or give up.
 *
 * A slot that this repl has streamed from is never created a second time, and
 * another cluster at the same address is refused: both would be a gap.
 * Resolving a host name blocks, as libpq does it.
 *
 * Of a list of hosts, the first that is a primary is taken, unless libpq's
 * variable PGTARGETSESSIONATTRS says otherwise.  After an attempt to connect
 * that ran out of time, the next one begins with the next host of the list.
 *
 * With 'primary' in the configuration, a standby is refused
 * (REPL_FAILURE_REFUSED), unless its slot is a copy, which becomes one of a
 * primary's: then it is worth a retry.  The walsender of a standby streams on
 * over its promotion and says nothing of it, so that nobody could tell on which
 * timeline a position is.
 *
 * With 'lock' in the configuration, REPL_READY also means that no other repl
 * with 'lock' is ready or streams from the same slot, until this connection
 * ends: one that asks for it is told to try again later.
 */
enum repl_outcome repl_step(struct repl *r, int64_t now_ms);

/*
 * In REPL_READY, if there is no slot: create it.  repl_step() says REPL_READY
 * again when it is there, with 'found', 'created' and its consistent point as
 * 'confirmed_lsn'.  Refused (REPL_FAILURE_REFUSED) where the configuration
 * does not allow it, or wants a failover slot of a server that has none.
 */
void repl_create(struct repl *r);

/*
 * In REPL_READY: start at 'lsn', an end LSN that is durably delivered; 0:
 * where the slot stands.  'timeline' is the one on which 'lsn' was written, 0
 * if nobody knows.  Everything is looked up again before the start, and it is
 * refused (REPL_FAILURE_UNSAFE) where it would leave something out:
 *
 * - there is no slot, although there was one, or 'lsn' says there must be;
 * - the slot stands further on than 'lsn';
 * - the server's WAL ends before 'lsn';
 * - the server left 'timeline' before 'lsn', or was never on it.  If nobody
 *   knows the timeline, that which was last streamed from counts, if any.
 *
 * A standby that can still come to 'lsn' is worth a retry, and so is a slot
 * that somebody else has taken since.  A slot that does not exist is refused
 * (REPL_FAILURE_REFUSED) with 'lsn' 0.
 */
void repl_start(struct repl *r, uint64_t lsn, uint32_t timeline);

/*
 * In REPL_READY: would repl_start() with the same arguments be refused for one
 * of these reasons, but for a slot that is missing?  Then false, and
 * repl_failure() says which.
 */
bool repl_can_start(struct repl *r, uint64_t lsn, uint32_t timeline);

/* The next message.  Drains libpq before it says REPL_AGAIN. */
enum repl_outcome repl_read(struct repl *r, struct repl_message *m);

/*
 * Queue a standby status update; flushing goes on in the background (see
 * repl_flush()).  'flushed_lsn' 0 means: nothing to say about flushing.
 * REPL_AGAIN: no room, it was not queued.
 */
enum repl_outcome
repl_send_status(struct repl *r, uint64_t written_lsn, uint64_t flushed_lsn);

/*
 * Send on what is queued, without reading.  Call it on POLLOUT, also while
 * the stream is not being read.
 */
enum repl_outcome repl_flush(struct repl *r);

/*
 * Is the server shutting down?  While streaming, a second connection is tried
 * to tell; it is closed as soon as the server has said yes or no.  If it is
 * not, and the slot is about to be lost, that is logged, once a minute.
 */
enum repl_probe
{
	REPL_PROBE_NONE,		 /* there is none, or it led to nothing */
	REPL_PROBE_RUNNING,		 /* call repl_probe_step() again */
	REPL_PROBE_ACCEPTED,	 /* it is not */
	REPL_PROBE_SHUTTING_DOWN /* it refuses connections for that reason */
};

/* Begin anew.  Never blocks: the address is that of the first connection. */
void			repl_probe_start(struct repl *r);
enum repl_probe repl_probe_step(struct repl *r);

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
 * Take over a timeline history file; false if it cannot be understood.  Here
 * for the tests, it needs no server.
 */
bool repl_parse_history(struct repl_slot *slot, const char *text, size_t len);

#endif /* FORWARDER_REPL_H */
