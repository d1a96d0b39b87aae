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
	REPL_DONE,					/* there it is */
	REPL_AGAIN,					/* would block: poll repl_fd() */
	REPL_ENDED,					/* the server ended the stream */
	REPL_FAILED					/* repl_failure() says how */
};

/* What to do about a failure. */
enum repl_failure_kind
{
	REPL_FAILURE_RETRY,			/* connection lost, server starting, slot busy */
	REPL_FAILURE_REFUSED,		/* will not get better by itself: exit code 3 */
	REPL_FAILURE_UNSAFE			/* the slot is lost or gone: exit code 5 */
};

struct repl_failure
{
	enum repl_failure_kind kind;
	char		sqlstate[6];	/* "" if it came from libpq itself */
	char		message[1024];	/* one line: what failed */
	char		hint[1024];		/* one line: what to do; may be empty */
};

/* All strings are borrowed and must outlive the connection. */
struct repl_option
{
	const char *name;
	const char *value;
};

struct repl_config
{
	const char *const *keywords;	/* libpq's, NULL-terminated, without
									 * replication= and options= */
	const char *const *values;
	const char *slot;
	bool		temporary;		/* a slot of our own, dropped with us */
	bool		create;			/* if it does not exist */
	const char *plugin;			/* "walferry" */
	const struct repl_option *options;	/* for START_REPLICATION */
	size_t		noptions;
	int			connect_timeout_ms;
};

struct repl_slot
{
	bool		created;		/* by us, now */
	uint64_t	confirmed_lsn;	/* confirmed_flush_lsn, or consistent point */
	uint64_t	system_id;
	uint32_t	timeline;		/* being streamed */
	int			server_version_num;
	int			wal_sender_timeout_ms;	/* 0: none */
	uint32_t	ntimelines;		/* history: lsn < until_lsn[i] is on tli[i] */
	uint32_t	tli[REPL_TIMELINES_MAX];
	uint64_t	until_lsn[REPL_TIMELINES_MAX];
};

enum repl_message_kind
{
	REPL_DATA,
	REPL_KEEPALIVE
};

struct repl_message
{
	enum repl_message_kind kind;
	const uint8_t *data;		/* REPL_DATA; valid until the next call */
	size_t		len;
	uint64_t	wal_start;
	uint64_t	wal_end;		/* REPL_KEEPALIVE: sent up to here */
	int64_t		send_time_us;	/* server's clock, since 2000-01-01 */
	bool		reply_requested;
};

struct repl;

/* Nothing is connected yet.  Aborts when out of memory. */
struct repl *repl_new(const struct repl_config *config);
void		repl_free(struct repl *r);

/*
 * Take connecting, checking and (if asked) creating the slot, and starting
 * replication one step on.  REPL_DONE: streaming, repl_slot() is filled in.
 * After REPL_FAILED, call repl_reset() and start again, or give up.
 */
enum repl_outcome repl_step(struct repl *r, int64_t now_ms);

/* The next message.  Drains libpq before it says REPL_AGAIN. */
enum repl_outcome repl_read(struct repl *r, struct repl_message *m);

/*
 * Queue a standby status update; flushing goes on in the background (see
 * repl_events()).  'flushed_lsn' 0 means: nothing to say about flushing.
 */
enum repl_outcome repl_send_status(struct repl *r, uint64_t written_lsn,
								   uint64_t flushed_lsn, bool want_reply);

/*
 * End the stream in order: CopyDone, read what is left, close.  Bounded by
 * 'timeout_ms'; blocking, called at the very end.  'drop_slot' also drops
 * the slot.
 */
void		repl_finish(struct repl *r, int timeout_ms, bool drop_slot);

/* Close at once and forget; the next repl_step() connects anew. */
void		repl_reset(struct repl *r);

int			repl_fd(const struct repl *r);	/* -1: not connected */
short		repl_events(const struct repl *r);	/* POLLIN | POLLOUT */
const struct repl_slot *repl_slot(const struct repl *r);
const struct repl_failure *repl_failure(const struct repl *r);

/* The timeline on which 'lsn' was written. */
uint32_t	repl_timeline_of(const struct repl_slot *slot, uint64_t lsn);

#endif							/* FORWARDER_REPL_H */
