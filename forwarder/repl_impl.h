/*
 * repl_impl.h - what the parts of the replication client share.
 *
 *     repl.c            the steps, and who asks for them
 *     repl_connect.c    making the connection
 *     repl_query.c      the questions
 *     repl_check.c      the answers: may we go on?
 *     repl_stream.c     what is streaming: reading, feedback, the end
 *     repl_probe.c      what a second connection sees of server and slot
 *
 * Only they include this.
 */
#ifndef FORWARDER_REPL_IMPL_H
#define FORWARDER_REPL_IMPL_H

#include <libpq-fe.h>

#include "buf.h"
#include "repl.h"

#define LSN_ARGS(lsn) (unsigned) ((lsn) >> 32), (unsigned) (lsn)
#define VERSION_ARGS(version) (version) / 10000, (version) % 10000

enum step
{
	STEP_IDLE,
	STEP_CONNECTING,
	STEP_SYSTEM,
	STEP_SETTINGS,
	STEP_LOCK,
	STEP_SLOT,
	STEP_HISTORY,
	STEP_READY,
	STEP_CREATE,
	STEP_START,
	STEP_STREAMING,
	STEP_ENDED
};

/* The same again is logged once in this time. */
#define NOTICE_PAUSE_MS 60000

struct repl
{
	const struct repl_config *config;
	PGconn					 *conn;
	enum step				  step;
	bool					  asked;	 /* the step's query has been sent */
	bool					  unflushed; /* libpq could not send all of it */
	bool broken; /* the socket failed; libpq may hold data */
	bool ending; /* end of the copy seen, result to come */
	PostgresPollingStatusType polling;
	int64_t					  deadline_ms; /* of the step; 0: none */
	int64_t					  patience_ms; /* say that we wait; 0: said */
	PGresult				 *result; /* first of the step, until all are in */
	char					 *copied; /* message of the last repl_read() */
	bool					  starting; /* repl_start() was called */
	uint64_t				  start_lsn;
	uint32_t				  start_timeline;  /* of 'start_lsn'; 0: unknown */
	uint64_t				  wal_end_lsn;	   /* the server's */
	char					 *allowed_plugins; /* may be NULL */
	bool					  locked;
	bool					  standby;
	PGconn					 *probe; /* the second connection; NULL: none */
	PostgresPollingStatusType probe_polling;
	bool					  probe_asked; /* it is connected, and asked */
	struct repl_slot		  slot;
	struct repl_failure		  failure;

	/* What repl_reset() does not forget. */
	bool	 streamed; /* was streaming before */
	uint64_t last_system_id;
	uint32_t last_timeline;
	bool	 minor_warned;
	int64_t	 unreserved_ms;	   /* warned that the slot may be lost; 0: not */
	uint32_t failover_warned;  /* on this timeline; a new primary is anew */
	unsigned hosts_skipped;	   /* that did not answer in time */
	char	 last_notice[256]; /* logged, */
	int64_t	 notice_ms;		   /* and when */
};

/* The columns of the answer about the slot. */
enum slot_column
{
	SLOT_TYPE,
	SLOT_PLUGIN,
	SLOT_DATABASE,
	SLOT_OTHER_PID, /* who streams from it, if it is not us */
	SLOT_OTHER_NAME,
	SLOT_WAL_STATUS,
	SLOT_CONFIRMED_LSN,
	SLOT_OUR_DATABASE,
	SLOT_INVALID,	  /* why */
	SLOT_WAL_END_LSN, /* the server's */
	SLOT_FAILOVER,	  /* this and the next three NULL before PostgreSQL 17 */
	SLOT_SYNCED,
	SLOT_STANDBY_SLOTS,
	SLOT_STANDBY_MISSING, /* those of them that do not exist */
	SLOT_TWO_PHASE,
	SLOT_COLUMNS
};

/* A temporary slot goes with its session, so no standby can have it. */
static inline bool
repl_wants_failover(const struct repl *r)
{
	return r->config->failover && !r->config->temporary;
}

/* repl.c */

/* A failure that the server did not put into words; REPL_FAILED. */
enum repl_outcome
repl_fail(struct repl *r, enum repl_failure_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* libpq says the connection is gone, or would not do something. */
enum repl_outcome repl_fail_connection(struct repl *r);

/* The server answered with an error. */
enum repl_outcome repl_fail_result(struct repl *r, const PGresult *res);

/* An answer that cannot be understood. */
enum repl_outcome repl_fail_answer(struct repl *r);

/* What the error texts need to know of us. */
struct repl_context
repl_context_of(const struct repl *r, enum repl_phase phase);

/* The time limit of the step begins now. */
void repl_arm(struct repl *r, int64_t now_ms);

/* repl_connect.c: STEP_IDLE and STEP_CONNECTING, one step of each. */
enum repl_outcome repl_connect_start(struct repl *r, int64_t now_ms);
enum repl_outcome repl_connect_go_on(struct repl *r);

/*
 * repl_query.c: the step's question to 'b', DROP_REPLICATION_SLOT, and how safe
 * the slot's WAL is.
 */
void repl_query_put(const struct repl *r, struct buf *b);
void repl_query_put_drop(const struct repl *r, struct buf *b);
void repl_query_put_wal_status(const struct repl *r, struct buf *b);

/*
 * repl_check.c.  Judge the answer of the step, which is in r->result, and
 * choose the next step.
 */
enum repl_outcome repl_check_answer(struct repl *r);

/* STEP_HISTORY without an answer: there is none to be had. */
enum repl_outcome repl_check_without_history(struct repl *r);

/* Warn if that is what 'wal_status' says: the slot may be lost soon. */
void repl_check_wal_status(struct repl *r, const char *wal_status);

/* May the slot be created? */
enum repl_outcome repl_check_creation(struct repl *r);

#endif /* FORWARDER_REPL_IMPL_H */
