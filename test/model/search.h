/*
 * search.h - every state that can be reached, nearest first.
 *
 * So the first violation that is met is at the end of a shortest trace.  What
 * is in memory is exact: states are kept whole and compared whole.  Out of
 * memory says so and aborts.
 */
#ifndef SEARCH_H
#define SEARCH_H

#include <stddef.h>

#include "protocol.h"

struct visit
{
	uint32_t	  parent;
	uint32_t	  depth;
	struct action action; /* that led here */
};

#define ACTIONS_MAX 128

struct search
{
	const struct config *config;
	struct action		 actions[ACTIONS_MAX];
	size_t				 nactions;
	struct state		*states; /* in the order in which they were met */
	struct visit		*visits;
	uint32_t			 count;
	uint32_t			 room;
	uint32_t			*table; /* number of a state plus one, by hash */
	uint32_t			 mask;
	uint32_t			*edges; /* from, to, from, to ... */
	size_t				 nedges;
	uint64_t			 nsteps; /* edges, also where they are not kept */
	size_t				 edges_room;
	uint32_t			 events;
	uint8_t				 broken; /* by the last state, if that ended it */
	uint32_t			 stuck;	 /* states from which no end is reached */
};

/*
 * Search a model, which is in x->config while the rest is zero, until a state
 * breaks one of the wanted invariants (that is the last one then) or no new
 * state is found.
 */
void search_run(struct search *x, uint8_t wanted);

void search_free(struct search *x);

#endif
