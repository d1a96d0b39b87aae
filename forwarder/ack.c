/*
 * ack.c - the ledger: what PostgreSQL may be told; see ack.h for the contract
 * and its invariants.
 *
 * Entries live in a ring of a power of two.  A ticket is a running number,
 * so that entry and ticket find each other by subtraction:
 *
 *     first_ticket                        first_ticket + count
 *     |                                   |
 *     [oldest pending] [ ... ] [ newest ] (next ticket)
 *
 * The delivered LSN moves in one place only, advance(), over entries that are
 * complete, have nothing outstanding and nothing failed; and in
 * ack_keepalive(), only while the ring is empty.  The flush LSN is that, or
 * the stored one where positions are stored.
 */
#include "ack.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"

struct entry
{
	uint64_t end_lsn;
	uint64_t outstanding; /* records submitted and not yet reported */
	bool	 complete;
	bool	 failed;
};

struct ack_ledger
{
	struct entry *ring;
	uint32_t	  mask;			/* capacity - 1 */
	uint32_t	  count;		/* pending entries */
	uint64_t	  first_ticket; /* of the oldest pending entry */
	uint64_t	  stale_below;	/* tickets from before the last restart */
	uint64_t	  delivered_lsn;
	uint64_t	  stored_lsn;
	uint64_t	  last_end_lsn; /* of the newest entry ever begun, or 0 */
	uint64_t	  outstanding;
	bool		  open; /* the newest entry is not complete */
	bool		  failed;
	bool		  require_stored;
};

/* A mistake of the program: no answer from here on could be trusted. */
static void
misuse(const char *what)
{
	fprintf(stderr, "error ack: %s\n", what);
	abort();
}

static void *
allocate(size_t n)
{
	void *p = calloc(n, sizeof(struct entry));

	if (p == NULL)
		misuse("out of memory");
	return p;
}

static struct entry *
entry_at(const struct ack_ledger *a, uint64_t ticket)
{
	return &a->ring[ticket & a->mask];
}

static bool
is_pending(const struct ack_ledger *a, uint64_t ticket)
{
	return ticket >= a->first_ticket && ticket - a->first_ticket < a->count;
}

static struct entry *
open_entry(const struct ack_ledger *a, uint64_t ticket)
{
	if (!a->open || ticket != a->first_ticket + a->count - 1)
		misuse("ticket of an entry that is not open");
	return entry_at(a, ticket);
}

static void
grow(struct ack_ledger *a)
{
	uint32_t	  capacity = a->mask + 1;
	struct entry *ring;

	if (capacity > UINT32_MAX / 2)
		misuse("too many pending entries");
	ring = allocate((size_t) capacity * 2);
	for (uint32_t i = 0; i < a->count; i++)
	{
		uint64_t ticket = a->first_ticket + i;

		ring[ticket & (capacity * 2 - 1)] = *entry_at(a, ticket);
	}
	free(a->ring);
	a->ring = ring;
	a->mask = capacity * 2 - 1;
}

static uint32_t
advance(struct ack_ledger *a)
{
	uint32_t n = 0;

	while (a->count > 0)
	{
		const struct entry *e = entry_at(a, a->first_ticket);

		if (!e->complete || e->outstanding > 0 || e->failed)
			break;

		/*
		 * A replay may begin below what is confirmed already: such entries
		 * pass without moving it back.
		 */
		if (e->end_lsn > a->delivered_lsn)
			a->delivered_lsn = e->end_lsn;
		a->first_ticket++;
		a->count--;
		n++;
	}
	return n;
}

struct ack_ledger *
ack_new(uint64_t flush_lsn, uint32_t capacity)
{
	struct ack_ledger *a = calloc(1, sizeof(*a));
	uint32_t		   n = 8;

	if (a == NULL)
		misuse("out of memory");
	while (n < capacity && n <= UINT32_MAX / 2)
		n *= 2;
	a->ring = allocate(n);
	a->mask = n - 1;
	a->first_ticket = 1;
	a->stale_below = 1;
	a->delivered_lsn = flush_lsn;
	a->stored_lsn = flush_lsn;
	return a;
}

void
ack_free(struct ack_ledger *a)
{
	if (a == NULL)
		return;
	free(a->ring);
	free(a);
}

uint64_t
ack_begin(struct ack_ledger *a, uint64_t end_lsn)
{
	uint64_t ticket;

	if (a->open)
		misuse("an entry is open already");
	if (end_lsn <= a->last_end_lsn)
		return 0;
	if (a->count > a->mask)
		grow(a);
	ticket = a->first_ticket + a->count;
	*entry_at(a, ticket) = (struct entry){.end_lsn = end_lsn};
	a->count++;
	a->open = true;
	a->last_end_lsn = end_lsn;
	return ticket;
}

void
ack_submit(struct ack_ledger *a, uint64_t ticket)
{
	struct entry *e = open_entry(a, ticket);

	e->outstanding++;
	a->outstanding++;
}

void
ack_retract(struct ack_ledger *a, uint64_t ticket)
{
	struct entry *e = open_entry(a, ticket);

	if (e->outstanding == 0)
		misuse("nothing to retract");
	e->outstanding--;
	a->outstanding--;
}

uint32_t
ack_complete(struct ack_ledger *a, uint64_t ticket)
{
	struct entry *e = open_entry(a, ticket);

	a->open = false;
	e->complete = true;
	if (e->outstanding == 0 && !e->failed && a->count > 1)
	{
		/* No report names it any more: the entry before stands for both. */
		entry_at(a, ticket - 1)->end_lsn = e->end_lsn;
		a->count--;
	}
	return advance(a);
}

uint32_t
ack_report(struct ack_ledger *a, uint64_t ticket, bool delivered)
{
	struct entry *e;

	if (ticket != 0 && ticket < a->stale_below)
		return 0;
	if (!is_pending(a, ticket))
		misuse("report for a ticket that is not pending");
	e = entry_at(a, ticket);
	if (e->outstanding == 0)
		misuse("more reports than records");
	e->outstanding--;
	a->outstanding--;
	if (!delivered)
	{
		e->failed = true;
		a->failed = true;
	}
	if (FAULT_BUG("ack_out_of_order") && e->complete && e->outstanding == 0 &&
		e->end_lsn > a->delivered_lsn)
		a->delivered_lsn = e->end_lsn;
	return advance(a);
}

void
ack_keepalive(struct ack_ledger *a, uint64_t wal_end)
{
	if (a->count == 0 && wal_end > a->delivered_lsn)
		a->delivered_lsn = wal_end;
}

void
ack_restart(struct ack_ledger *a)
{
	a->first_ticket += a->count;
	a->stale_below = a->first_ticket;
	a->count = 0;
	a->outstanding = 0;
	a->last_end_lsn = 0;
	a->open = false;
	a->failed = false;
}

void
ack_require_stored(struct ack_ledger *a)
{
	a->require_stored = true;
}

void
ack_stored(struct ack_ledger *a, uint64_t lsn)
{
	if (lsn > a->delivered_lsn)
		misuse("a position is stored that is not delivered");
	if (lsn > a->stored_lsn)
		a->stored_lsn = lsn;
}

uint64_t
ack_flush_lsn(const struct ack_ledger *a)
{
	if (a->require_stored && a->stored_lsn < a->delivered_lsn)
		return a->stored_lsn;
	return a->delivered_lsn;
}

uint64_t
ack_delivered_lsn(const struct ack_ledger *a)
{
	return a->delivered_lsn;
}

bool
ack_failed(const struct ack_ledger *a)
{
	return a->failed;
}

uint32_t
ack_pending(const struct ack_ledger *a)
{
	return a->count;
}

uint64_t
ack_outstanding(const struct ack_ledger *a)
{
	return a->outstanding;
}
