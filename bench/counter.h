/*
 * counter.h
 *		What one run of a plugin carried, in terms that all plugins share.
 *
 * A counter gets the payload of each CopyData message in order.  It adds to
 * the counts and returns true, or returns false when the payload is not what
 * the plugin should have sent.  It is given whole payloads, keeps nothing of
 * them, and never reads beyond len.
 */
#ifndef COUNTER_H
#define COUNTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct counts
{
	uint64_t	commits;
	uint64_t	inserts;
	uint64_t	updates;
	uint64_t	deletes;
	uint64_t	id_sum;			/* new key of I and U, old key of D */
	uint64_t	values;			/* values in the new rows of I and U */
	uint64_t	note_hash;		/* sum of the hashes of new rows' "note" */

	void	   *state;			/* what a counter keeps from message to message */
};

typedef bool (*counter_fn) (struct counts *c, const char *payload,
							size_t len);

bool		counter_none(struct counts *c, const char *payload, size_t len);
bool		counter_pgoutput(struct counts *c, const char *payload,
							 size_t len);
bool		counter_wal2json(struct counts *c, const char *payload,
							 size_t len);
bool		counter_decoderbufs(struct counts *c, const char *payload,
								size_t len);
bool		counter_sketch(struct counts *c, const char *payload, size_t len);
bool		counter_walferry(struct counts *c, const char *payload,
							 size_t len);

/* A fast hash for noticing change, of 'data' behind what gave 'seed'. */
uint64_t	counter_hash(uint64_t seed, const char *data, size_t len);

#endif							/* COUNTER_H */
