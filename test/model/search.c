/*
 * search.c - breadth first, with a table of what was met; see search.h.
 */
#include "search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct successor
{
	struct state  state;
	struct action action;
	uint32_t	  hash;
};

static void *
resize(void *p, size_t n, size_t size)
{
	p = realloc(p, n * size);
	if (p == NULL)
	{
		fprintf(stderr, "model: out of memory\n");
		abort();
	}
	return p;
}

static uint32_t
hash(const struct state *s)
{
	uint8_t	 bytes[sizeof(*s) + 7] = {0};
	uint64_t h = 0;

	memcpy(bytes, s, sizeof(*s));
	for (size_t i = 0; i < sizeof(*s); i += 8)
	{
		uint64_t word;

		memcpy(&word, bytes + i, 8);
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return (uint32_t) (h >> 20);
}

static void
grow(struct search *x)
{
	x->room = x->room > 0 ? 2 * x->room : 1 << 16;
	x->states = resize(x->states, x->room, sizeof(*x->states));
	x->visits = resize(x->visits, x->room, sizeof(*x->visits));
	x->table = resize(x->table, 2 * (size_t) x->room, sizeof(*x->table));
	x->mask = 2 * x->room - 1;
	memset(x->table, 0, 2 * (size_t) x->room * sizeof(*x->table));
	for (uint32_t i = 0; i < x->count; i++)
	{
		uint32_t at = hash(&x->states[i]) & x->mask;

		while (x->table[at] != 0)
			at = (at + 1) & x->mask;
		x->table[at] = i + 1;
	}
}

/* Its number; x->count grows if it is new. */
static uint32_t
enter(struct search *x, const struct state *s, uint32_t h, struct visit v)
{
	uint32_t at = h & x->mask;

	for (; x->table[at] != 0; at = (at + 1) & x->mask)
	{
		if (memcmp(&x->states[x->table[at] - 1], s, sizeof(*s)) == 0)
			return x->table[at] - 1;
	}
	x->table[at] = x->count + 1;
	x->states[x->count] = *s;
	x->visits[x->count] = v;
	return x->count++;
}

static void
keep_edge(struct search *x, uint32_t from, uint32_t to)
{
	if (x->nedges == x->edges_room)
	{
		x->edges_room = x->edges_room > 0 ? 2 * x->edges_room : 1 << 18;
		x->edges = resize(x->edges, 2 * x->edges_room, sizeof(*x->edges));
	}
	x->edges[2 * x->nedges] = from;
	x->edges[2 * x->nedges + 1] = to;
	x->nedges++;
}

/* Every action there is; which are possible, apply() says. */
static size_t
all_actions(struct action *a)
{
	size_t n = 0;

	for (int kind = DO_CHECK; kind <= DO_DELIVER; kind++)
	{
		bool request = kind == DO_INIT || kind == DO_REGISTER ||
					   kind == DO_PRODUCE || kind == DO_COMMIT ||
					   kind == DO_ABORT;
		bool partition = kind == DO_REGISTER || kind == DO_PRODUCE ||
						 kind == DO_MARKER || kind == DO_SERVER_CRASH;
		bool who = kind < DO_MARKER || kind == DO_DELIVER;

		for (int i = 0; i < (who ? 2 : 1); i++)
		{
			for (int p = 0; p < (partition ? PARTITIONS : 1); p++)
			{
				for (int fate = 0; fate <= (request ? LATE : 0); fate++)
				{
					/* Of other requests a lost one changes nothing. */
					if (fate == LOST && kind != DO_COMMIT && kind != DO_ABORT)
						continue;
					assert(n < ACTIONS_MAX);
					a[n++] = (struct action){
						.kind = (uint8_t) kind,
						.who = (uint8_t) i,
						.what = (uint8_t) p,
						.fate = (uint8_t) fate,
					};
				}
			}
		}
	}
	return n;
}

/*
 * From how many states can no state be reached in which everything is
 * delivered?  Backwards along the edges from the latter.
 */
static uint32_t
count_stuck(const struct search *x)
{
	uint32_t *first = resize(NULL, x->count + 2, sizeof(*first));
	uint32_t *from = resize(NULL, x->nedges + 1, sizeof(*from));
	uint32_t *queue = resize(NULL, x->count + 1, sizeof(*queue));
	bool	 *good = resize(NULL, x->count + 1, sizeof(*good));
	uint32_t  head = 0;
	uint32_t  tail = 0;

	memset(first, 0, (x->count + 2) * sizeof(*first));
	for (size_t i = 0; i < x->nedges; i++)
		first[x->edges[2 * i + 1] + 2]++;
	for (uint32_t i = 2; i < x->count + 2; i++)
		first[i] += first[i - 1];
	for (size_t i = 0; i < x->nedges; i++)
		from[first[x->edges[2 * i + 1] + 1]++] = x->edges[2 * i];
	for (uint32_t i = 0; i < x->count; i++)
	{
		good[i] = protocol_is_done(x->config, &x->states[i]);
		if (good[i])
			queue[tail++] = i;
	}
	while (head < tail)
	{
		uint32_t to = queue[head++];

		for (uint32_t i = first[to]; i < first[to + 1]; i++)
		{
			if (!good[from[i]])
			{
				good[from[i]] = true;
				queue[tail++] = from[i];
			}
		}
	}
	free(first);
	free(from);
	free(queue);
	free(good);
	return x->count - tail;
}

/* All states that one action leads to from state i. */
static size_t
successors(struct search *x, uint32_t i, struct successor *next)
{
	size_t n = 0;

	for (size_t a = 0; a < x->nactions; a++)
	{
		struct outcome	  o;
		struct successor *to = &next[n];

		to->state = x->states[i];
		if (!protocol_apply(x->config, &to->state, x->actions[a], &o))
			continue;
		protocol_normalise(&to->state);
		to->action = x->actions[a];
		to->hash = hash(&to->state);
		x->events |= o.events;
		/* The table is larger than any cache: ask for the place early. */
		__builtin_prefetch(&x->table[to->hash & x->mask]);
		n++;
	}
	for (size_t k = 0; k < n; k++)
	{
		uint32_t number = x->table[next[k].hash & x->mask];

		if (number != 0)
			__builtin_prefetch(&x->states[number - 1]);
	}
	return n;
}

void
search_run(struct search *x, uint8_t wanted)
{
	struct successor next[ACTIONS_MAX];
	struct state	 s = {.lock = NOBODY, .active = NOBODY};

	x->nactions = all_actions(x->actions);
	grow(x);
	enter(x, &s, hash(&s), (struct visit){0});
	for (uint32_t i = 0; i < x->count; i++)
	{
		if (x->room - x->count < ACTIONS_MAX)
			grow(x);

		size_t n = successors(x, i, next);

		x->nsteps += n;
		for (size_t k = 0; k < n; k++)
		{
			uint32_t known = x->count;
			uint32_t to = enter(x, &next[k].state, next[k].hash,
								(struct visit){
									.parent = i,
									.depth = x->visits[i].depth + 1,
									.action = next[k].action,
								});

			if (x->config->progress)
				keep_edge(x, i, to);
			if (x->count == known)
				continue;
			if (protocol_is_done(x->config, &next[k].state))
				x->events |= UINT32_C(1) << EVENT_DONE;
			x->broken = protocol_violated(&next[k].state) & wanted;
			if (x->broken != 0)
				return;
		}
	}
	if (x->config->progress)
		x->stuck = count_stuck(x);
}

void
search_free(struct search *x)
{
	free(x->states);
	free(x->visits);
	free(x->table);
	free(x->edges);
}
