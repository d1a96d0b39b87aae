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
 * 3. a failed delivery never counts as delivered: the flush LSN then never
 *	  passes that entry, ack_failed() says so, and the slot must replay;
 * 4. a keepalive's WAL end is adopted only while nothing is in flight;
 * 5. what is confirmed is an entry's *end* LSN;
 * 6. a submit that fails locally leaves the ledger as if it had not been
 *	  attempted;
 * 7. where positions are stored (ack_require_stored()), the flush LSN never
 *	  passes the stored one, and the stored one never what is delivered.
 *
 * A call that makes no sense (a ticket that was never issued, a second report
 * for one record, two open entries) is a mistake of the program that could
 * end as lost data: it aborts.
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
void			   ack_free(struct ack_ledger *a);

/*
 * Open the entry of the record that ends at 'end_lsn'; only one is open at a
 * time.  Returns its ticket.  Returns 0, and opens nothing, if 'end_lsn' is
 * not greater than that of the entry before: the stream contradicts itself,
 * and the caller must stop.
 */
uint64_t ack_begin(struct ack_ledger *a, uint64_t end_lsn);

/* One record more is outstanding for the open entry. */
void ack_submit(struct ack_ledger *a, uint64_t ticket);

/* The record of the last ack_submit() was refused locally. */
void ack_retract(struct ack_ledger *a, uint64_t ticket);

/*
 * Everything of the open entry has been submitted.  Returns how many entries
 * the prefix advanced by.  An entry with nothing outstanding is folded into
 * the one before it, so that the ring's size follows what is in flight and
 * not what was read; its ticket may be issued again.
 */
uint32_t ack_complete(struct ack_ledger *a, uint64_t ticket);

/*
 * Report one delivery outcome for the entry that issued 'ticket'.  Reports
 * may come in any order, also before ack_complete().  Never blocks, never
 * allocates.  Returns how many entries the prefix advanced by.
 */
uint32_t ack_report(struct ack_ledger *a, uint64_t ticket, bool delivered);

/* The server has sent everything up to 'wal_end'; see invariant 4. */
void ack_keepalive(struct ack_ledger *a, uint64_t wal_end);

/*
 * The stream is being started again and will replay what was not confirmed:
 * forget all entries and any failure, keep the flush LSN.  Reports that still
 * come for tickets issued before are ignored.
 */
void ack_restart(struct ack_ledger *a);

/*
 * From now on a position counts only once it is stored beside the records.
 * What the ledger was made with is taken for stored.
 */
void ack_require_stored(struct ack_ledger *a);

/*
 * A stored position says that everything up to 'lsn' is delivered.  Aborts if
 * the ledger does not know that to be so.
 */
void ack_stored(struct ack_ledger *a, uint64_t lsn);

/* The greatest LSN that may be confirmed. */
uint64_t ack_flush_lsn(const struct ack_ledger *a);

/* The greatest that may be stored: everything up to it is delivered. */
uint64_t ack_delivered_lsn(const struct ack_ledger *a);

bool ack_failed(const struct ack_ledger *a);

/* Entries not yet passed by the flush LSN, the open one included. */
uint32_t ack_pending(const struct ack_ledger *a);

/* Records submitted since the last restart and not yet reported. */
uint64_t ack_outstanding(const struct ack_ledger *a);

#endif /* FORWARDER_ACK_H */
