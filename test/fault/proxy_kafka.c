/*
 * proxy_kafka.c - requests that are held, answers that are lost.
 *
 * A request is  size int32 | api_key int16 | version int16 | correlation int32
 * | ..., an answer  size int32 | correlation int32 | ....  A frame is passed on
 * as it comes, so that its size does not matter; only one that is taken out is
 * collected as a whole.  A released request goes between two others, never
 * into one.
 *
 * A broker answers the requests of a connection in their order; produce
 * requests with acks=0 it does not answer at all.  So an answer takes what
 * stands before it in the list of requests with it.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "proxy.h"

#define FRAME_MAX (100u << 20)		 /* a broker's socket.request.max.bytes */
#define HELD_MAX ((size_t) 64 << 20) /* of a listener; more have to wait */

static uint32_t
get_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return ntohl(v);
}

static unsigned
api_key(const uint8_t *header)
{
	return (unsigned) header[4] << 8 | header[5];
}

/* One of the next n requests? */
static bool
take_turn(int *n)
{
	if (*n == 0)
		return false;
	if (*n > 0)
		--*n;
	return true;
}

/* A request goes to the server: what becomes of its answer. */
static void
remember(struct conn *c, const uint8_t *header, bool late)
{
	struct listener *l = c->listener;
	unsigned		 key = api_key(header);
	struct inflight *q;

	if (c->inflight == NULL)
		c->inflight = proxy_alloc(PROXY_INFLIGHT_MAX * sizeof(*q));
	if (c->ninflight == PROXY_INFLIGHT_MAX)
		memmove(c->inflight, c->inflight + 1,
				--c->ninflight * sizeof(*c->inflight));
	q = &c->inflight[c->ninflight++];
	q->correlation = (int32_t) get_u32(header + 8);
	q->late = late;
	q->drop = key < PROXY_API_MAX && take_turn(&l->faults.drop[key]);
}

static void
append(struct frame **list, struct frame *f)
{
	while (*list != NULL)
		list = &(*list)->next;
	f->next = NULL;
	*list = f;
}

static void
send_late(struct conn *c, struct frame *f)
{
	remember(c, f->data, true);
	proxy_pass(&c->pipe[C2S], f->data, f->len);
	c->listener->counts.late_sent++;
	free(f);
}

/* Released requests, where the connection is between two frames. */
static void
flush_late(struct conn *c)
{
	if (c->pipe[C2S].left > 0 && c->pipe[C2S].taking == NULL)
		return;
	while (c->late != NULL)
	{
		struct frame *f = c->late;

		c->late = f->next;
		send_late(c, f);
	}
}

/* Take this request out of its connection, or where that must not be, wait. */
static void
hold_request(struct pipe *p, size_t len, bool stall)
{
	struct conn		*c = p->conn;
	struct listener *l = c->listener;

	c->was_held = true;
	if (stall || l->held_bytes + len > HELD_MAX)
	{
		p->gated = p->stalled = true;
		p->gate = l->releases;
		return;
	}
	l->held_bytes += len;
	p->taking = proxy_alloc(sizeof(struct frame) + len);
	p->taking->conn = c;
	p->taking->len = len;
	p->taking->got = sizeof(p->header);
	memcpy(p->taking->data, p->header, sizeof(p->header));
	p->header_len = 0;
	p->left = len - sizeof(p->header);
}

/* What is to become of the request with this header. */
static void
begin_request(struct pipe *p)
{
	struct listener *l = p->conn->listener;
	unsigned		 key = api_key(p->header);
	bool			 late = p->gated;
	size_t			 len = 4 + get_u32(p->header);

	p->gated = false;
	if (late)
		l->counts.late_sent++; /* has waited, and is not held twice */
	else if (key < PROXY_API_MAX)
	{
		l->counts.requests[key]++;
		if (take_turn(&l->faults.hold[key]))
		{
			hold_request(p, len, l->faults.stall[key]);
			return;
		}
	}
	remember(p->conn, p->header, late);
	p->left = len - sizeof(p->header);
	proxy_pass_header(p);
}

static void
take_bytes(struct pipe *p, struct span *s)
{
	struct conn		*c = p->conn;
	struct listener *l = c->listener;
	struct frame	*f = p->taking;
	size_t			 n = s->len < p->left ? s->len : p->left;

	memcpy(f->data + f->got, s->p, n);
	f->got += n;
	p->left -= n;
	s->p += n;
	s->len -= n;
	if (p->left > 0)
		return;
	p->taking = NULL;
	if (c->pipe[S2C].eof)
		f->conn = NULL; /* the server has gone meanwhile */
	else
		c->held++;
	append(&l->held, f);
	l->counts.taken++;
}

void
proxy_kafka_requests(struct pipe *p, struct span *s)
{
	if (p->gated && p->gate == p->conn->listener->releases)
	{
		p->stalled = true;
		return;
	}
	for (;;)
	{
		if (p->taking != NULL)
		{
			if (s->len == 0 && p->left > 0)
				return;
			take_bytes(p, s);
			continue;
		}
		if (p->left > 0)
			proxy_pass_left(p, s);
		if (p->left > 0)
			return;
		flush_late(p->conn);
		if (!proxy_gather(p, s, 4))
			return;
		if (get_u32(p->header) < 8 || get_u32(p->header) > FRAME_MAX)
		{
			proxy_give_up(p);
			return;
		}
		if (!proxy_gather(p, s, sizeof(p->header)))
			return;
		begin_request(p);
		if (p->stalled)
			return;
	}
}

/* The answer to a late request: its client may be gone, a test wants it. */
static void
keep_late(struct pipe *p, const struct span *s)
{
	struct counts *n = &p->conn->listener->counts;
	size_t		   room = sizeof(n->late_answer) - 8;
	size_t		   len = s->len < p->left ? s->len : p->left;

	if (len > room)
		len = room;
	memcpy(n->late_answer, p->header, 8);
	memcpy(n->late_answer + 8, s->p, len);
	n->late_answer_len = 8 + len;
	n->late_answered++;
}

void
proxy_kafka_responses(struct pipe *p, struct span *s)
{
	struct conn *c = p->conn;

	for (;;)
	{
		struct inflight q = {0};
		size_t			i = 0;

		if (p->left > 0)
			proxy_pass_left(p, s);
		if (p->left > 0 || !proxy_gather(p, s, 4))
			return;
		if (get_u32(p->header) < 4 || get_u32(p->header) > INT32_MAX)
		{
			proxy_give_up(p);
			return;
		}
		if (!proxy_gather(p, s, 8))
			return;
		while (i < c->ninflight &&
			   c->inflight[i].correlation != (int32_t) get_u32(p->header + 4))
			i++;
		if (i < c->ninflight)
		{
			q = c->inflight[i++];
			c->ninflight -= i;
			memmove(c->inflight, c->inflight + i, c->ninflight * sizeof(q));
		}
		else
			c->listener->counts.unmatched++;
		if (q.drop)
		{
			c->listener->counts.dropped++;
			proxy_cut(c);
			return;
		}
		p->left = get_u32(p->header) - 4;
		if (q.late)
			keep_late(p, s);
		proxy_pass_header(p);
	}
}

void
proxy_kafka_release(struct listener *l, bool fresh, int *sent, int *left)
{
	struct conn	 *via = NULL;
	struct frame *f = l->held;

	l->held = NULL;
	l->releases++;
	memset(l->faults.hold, 0, sizeof(l->faults.hold));
	for (struct conn *c = l->conns; c != NULL; c = c->next)
		*sent += c->pipe[C2S].gated;
	if (fresh && f != NULL)
		via = proxy_connect_fresh(l);
	for (struct frame *next; f != NULL; f = next)
	{
		next = f->next;
		if (via == NULL && (fresh || f->conn == NULL))
		{
			append(&l->held, f);
			++*left;
			continue;
		}
		if (f->conn != NULL)
			f->conn->held--;
		l->held_bytes -= f->len;
		++*sent;
		if (via != NULL)
			send_late(via, f);
		else
		{
			append(&f->conn->late, f);
			flush_late(f->conn);
		}
	}
}

int
proxy_kafka_discard(struct listener *l)
{
	int n = 0;

	l->releases++;
	memset(l->faults.hold, 0, sizeof(l->faults.hold));
	for (struct frame *f = l->held, *next; f != NULL; f = next, n++)
	{
		next = f->next;
		if (f->conn != NULL)
			f->conn->held--;
		l->held_bytes -= f->len;
		free(f);
	}
	l->held = NULL;
	return n;
}

/*
 * The client will send nothing more.  If it ended within a frame, nothing can
 * be sent behind that: released requests take another way.
 */
void
proxy_kafka_end(struct conn *c)
{
	struct frame *f = c->late;
	struct conn	 *via = f != NULL ? proxy_connect_fresh(c->listener) : NULL;

	c->late = NULL;
	for (struct frame *next; f != NULL; f = next)
	{
		next = f->next;
		if (via != NULL)
			send_late(via, f);
		else
			free(f);
	}
	if (c->pipe[C2S].taking != NULL)
	{
		c->listener->held_bytes -= c->pipe[C2S].taking->len;
		free(c->pipe[C2S].taking);
		c->pipe[C2S].taking = NULL;
		c->pipe[C2S].left = 0; /* nothing of it was sent */
	}
}

/* Its requests can only go over another connection now. */
void
proxy_kafka_orphan(struct conn *c)
{
	for (struct frame *f = c->listener->held; f != NULL; f = f->next)
		if (f->conn == c)
			f->conn = NULL;
	c->held = 0;
}

void
proxy_kafka_free(struct conn *c)
{
	proxy_kafka_orphan(c);
	if (c->pipe[C2S].taking != NULL)
		c->listener->held_bytes -= c->pipe[C2S].taking->len;
	free(c->pipe[C2S].taking);
	for (struct frame *f = c->late, *next; f != NULL; f = next)
	{
		next = f->next;
		free(f);
	}
	c->late = NULL;
	free(c->inflight);
}
