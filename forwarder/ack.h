/*
 * ack.h - the ledger: what PostgreSQL may be told.
 *
 * A ring of entries in commit order, one per emitting record (a transaction,
 * or a non-transactional message).  Reports come back in any order; the flush
 * LSN moves only over the unbroken prefix of entries that are complete and
 * wholly delivered.  Pure: no I/O, no clock, no logging, and it never
 * allocates after ack_new() except to double the ring.
 *
 * Invariants, each with a test in test/unit/test_ack.c:
 *
 * 1. the flush LSN never moves backwards;
 * 2. it never reaches the end LSN of an entry with an outstanding record, nor
 *	  that of any later entry, in whatever order reports arrive;
 * 3. a failed delivery never counts as delivered: the ledger is then stuck
 *	  for good, ack_failed() says so, and the slot must replay;
 * 4. a keepalive's WAL end is adopted only while nothing is in flight;
 * 5. what is confirmed is an entry's *end* LSN;
 * 6. a submit that fails locally leaves the ledger as if it had not been
 *	  attempted.
 */
#ifndef FORWARDER_ACK_H
#define FORWARDER_ACK_H

#include <stdbool.h>
#include <stdint.h>

struct ack_ledger;

/*
 * A ledger whose flush LSN starts at 'flush_lsn' (what the slot confirmed).
 * 'capacity' is the number of entries to make room for at first.  Aborts when
 * out of memory.
 */
struct ack_ledger *ack_new(uint64_t flush_lsn, uint32_t capacity);
void		ack_free(struct ack_ledger *a);

/*
 * Open the entry of the record that ends at 'end_lsn', which must be greater
 * than that of the entry before; only one is open at a time.  Returns its
 * ticket, never 0.
 */
uint64_t	ack_begin(struct ack_ledger *a, uint64_t end_lsn);

/* One record more is outstanding for the open entry. */
void		ack_submit(struct ack_ledger *a, uint64_t ticket);

/* The record of the last ack_submit() was refused locally. */
void		ack_retract(struct ack_ledger *a, uint64_t ticket);

/* Everything of the open entry has been submitted. */
void		ack_complete(struct ack_ledger *a, uint64_t ticket);

/*
 * Report one delivery outcome for the entry that issued 'ticket'.  Reports
 * may come in any order, also before ack_complete().  Never blocks, never
 * allocates.  Returns how many entries the prefix advanced by.
 */
uint32_t	ack_report(struct ack_ledger *a, uint64_t ticket, bool delivered);

/* The server has sent everything up to 'wal_end'; see invariant 4. */
void		ack_keepalive(struct ack_ledger *a, uint64_t wal_end);

/* The greatest LSN that may be confirmed. */
uint64_t	ack_flush_lsn(const struct ack_ledger *a);

bool		ack_failed(const struct ack_ledger *a);

/* Entries not yet passed by the flush LSN, the open one included. */
uint32_t	ack_pending(const struct ack_ledger *a);

/* Records submitted and not yet reported. */
uint64_t	ack_outstanding(const struct ack_ledger *a);

#endif							/* FORWARDER_ACK_H */
