/*
 * proxy_conn.c - connections, and the two pipes that each consists of.
 *
 * A pipe reads its source, has the parser of its protocol look at the bytes,
 * and queues what passes with the time when it may leave.  It reads only while
 * the queue has room and the parser is not stalled.  So it holds QUEUE_MAX
 * bytes at most, and one read more, and released requests; and a slow or
 * silent sink is felt by the source.
 *
 * A descriptor of which nothing is wanted at present is not in the epoll set,
 * which would report its end all the same: behind a black hole or a stall, the
 * end of one side is not seen, and so not passed on, before its time.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy.h"

#define QUEUE_MAX ((size_t) 1 << 20)
#define CHUNK_MIN 512	/* small: with latency there is one each ms */
#define READS_MAX 8		/* then another connection has its turn */
#define SLICES_MAX 4096 /* likewise */
#define FRESH_MS 30000	/* a fresh connection waits so long for answers */

/* 0 to n; xorshift64. */
static int64_t
random_upto(struct proxy *x, int64_t n)
{
	x->random ^= x->random << 13;
	x->random ^= x->random >> 7;
	x->random ^= x->random << 17;
	return n <= 0 ? 0 : (int64_t) (x->random % (uint64_t) (n + 1));
}

/*
 * Pipes.
 */
static struct faults *
faults_of(struct pipe *p)
{
	return &p->conn->listener->faults;
}

static struct watch *
sink_of(struct pipe *p)
{
	return &p->conn->watch[!p->dir];
}

static void
drop_queue(struct pipe *p)
{
	for (struct chunk *k = p->head, *next; k != NULL; k = next)
	{
		next = k->next;
		free(k);
	}
	p->head = p->tail = NULL;
	p->queued = p->allocated = 0;
}

void
proxy_pass(struct pipe *p, const uint8_t *data, size_t len)
{
	struct proxy  *x = p->conn->listener->proxy;
	struct faults *f = faults_of(p);
	struct chunk  *k = p->tail;
	int64_t		   due_ms = x->now_ms + f->latency_ms[p->dir] +
					 random_upto(x, f->jitter_ms[p->dir]);

	if (p->deaf || len == 0)
		return;
	if (k == NULL || k->due_ms != due_ms || len > k->size - k->len)
	{
		size_t size = len > CHUNK_MIN ? len : CHUNK_MIN;

		k = proxy_alloc(sizeof(*k) + size);
		k->size = size;
		p->allocated += size;
		k->due_ms = due_ms;
		if (p->tail != NULL)
			p->tail->next = k;
		else
			p->head = k;
		p->tail = k;
	}
	memcpy(k->data + k->len, data, len);
	k->len += len;
	p->queued += len;
}

bool
proxy_gather(struct pipe *p, struct span *s, size_t need)
{
	while (p->header_len < need && s->len > 0)
	{
		p->header[p->header_len++] = *s->p++;
		s->len--;
	}
	return p->header_len >= need;
}

void
proxy_pass_header(struct pipe *p)
{
	proxy_pass(p, p->header, p->header_len);
	p->header_len = 0;
}

void
proxy_pass_left(struct pipe *p, struct span *s)
{
	size_t n = s->len < p->left ? s->len : p->left;

	proxy_pass(p, s->p, n);
	s->p += n;
	s->len -= n;
	p->left -= n;
}

void
proxy_give_up(struct pipe *p)
{
	proxy_pass_header(p);
	p->parse = NULL;
	p->conn->listener->counts.unparsed++;
}

/* The source has ended; a reset is passed on as such. */
static void
source_gone(struct pipe *p, bool reset)
{
	p->eof = true;
	p->reset = p->reset || reset;
	if (p->dir == S2C)
		proxy_kafka_orphan(p->conn);
}

void
proxy_end(struct pipe *p)
{
	source_gone(p, false);
}

/* So bytes for the sink have no use, and the other pipe has no source. */
static void
sink_gone(struct pipe *p)
{
	struct pipe *other = &p->conn->pipe[!p->dir];

	p->deaf = true;
	drop_queue(p);
	source_gone(other, true);
	other->ended = false; /* if it had shut down, now it is reset */
}

/* Parse what was read before and now; what a stall leaves over is kept. */
static void
pipe_parse(struct pipe *p, struct span s)
{
	p->stalled = false;
	if (p->parse != NULL)
		p->parse(p, &s);
	if (p->conn->dead)
		return;
	if (p->parse == NULL)
	{
		proxy_pass(p, s.p, s.len);
		s.len = 0;
	}
	if (s.len > 0 && s.p != p->rest)
	{
		uint8_t *rest = proxy_alloc(s.len);

		memcpy(rest, s.p, s.len);
		free(p->rest);
		p->rest = rest;
	}
	else if (s.len == 0)
	{
		free(p->rest);
		p->rest = NULL;
	}
	p->rest_len = s.len;
}

static bool
wants_bytes(struct pipe *p)
{
	return !p->eof && !p->stalled && p->allocated < QUEUE_MAX &&
		   !faults_of(p)->blackhole[p->dir] &&
		   p->conn->watch[p->dir].fd >= 0 &&
		   !(p->dir == S2C && p->conn->connecting);
}

static void
pipe_read(struct pipe *p)
{
	struct proxy *x = p->conn->listener->proxy;

	if (p->stalled)
		pipe_parse(p, (struct span){p->rest, p->rest_len});
	for (int i = 0; i < READS_MAX && !p->conn->dead && wants_bytes(p); i++)
	{
		ssize_t n = recv(p->conn->watch[p->dir].fd, x->scratch,
						 sizeof(x->scratch), 0);

		if (n > 0)
			pipe_parse(p, (struct span){x->scratch, (size_t) n});
		else if (n == 0)
			source_gone(p, false);
		else if (errno == EAGAIN || errno == EINTR)
			break;
		else
			source_gone(p, true);
	}
	if (p->conn->dead || !p->eof || p->stalled)
		return;
	if (p->parse != NULL)
		proxy_pass_header(p); /* a beginning that stays one */
	if (p->dir == C2S)
		proxy_kafka_end(p->conn);
}

/* How many of n bytes the bandwidth lets pass now; if none, when again. */
static size_t
allowance(struct pipe *p, size_t n)
{
	int64_t now_ms = p->conn->listener->proxy->now_ms;
	int64_t rate = faults_of(p)->bandwidth[p->dir];
	int64_t most = rate * 50 > 1000 ? rate * 50 : 1000;
	int64_t need;

	if (rate == 0)
	{
		p->refilled_ms = 0;
		return n;
	}
	if (p->refilled_ms == 0)
		p->tokens = 0;
	else if (now_ms - p->refilled_ms > 1000)
		p->tokens = most;
	else
		p->tokens += rate * (now_ms - p->refilled_ms);
	if (p->tokens > most)
		p->tokens = most;
	p->refilled_ms = now_ms;

	/* Some 10 ms' worth at once, not a byte each millisecond. */
	need = rate / 100 < (int64_t) p->queued ? rate / 100 : (int64_t) p->queued;
	need = need < 1 ? 1000 : need * 1000;
	if (p->tokens < need)
	{
		p->wake_ms = now_ms + (need - p->tokens + rate - 1) / rate;
		return 0;
	}
	return (int64_t) n < p->tokens / 1000 ? n : (size_t) (p->tokens / 1000);
}

static void
pipe_write(struct pipe *p)
{
	struct listener *l = p->conn->listener;
	int64_t			 now_ms = l->proxy->now_ms;
	int				 slices = 0;

	while (p->head != NULL)
	{
		struct chunk *k = p->head;
		size_t		  n = k->len - k->off;
		ssize_t		  sent;

		if (k->due_ms > now_ms &&
			l->faults.latency_ms[p->dir] + l->faults.jitter_ms[p->dir] > 0)
		{
			p->wake_ms = k->due_ms;
			return;
		}
		n = allowance(p, n);
		if (n == 0)
			return;
		if (l->faults.slice[p->dir])
		{
			n = 1;
			if (slices++ == SLICES_MAX)
			{
				p->wake_ms = now_ms;
				return;
			}
		}
		sent = send(sink_of(p)->fd, k->data + k->off, n, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN)
		{
			p->blocked = true;
			return;
		}
		if (sent < 0)
		{
			sink_gone(p);
			return;
		}
		k->off += (size_t) sent;
		p->queued -= (size_t) sent;
		p->tokens -= (int64_t) sent * 1000;
		l->counts.bytes[p->dir] += (uint64_t) sent;
		if (k->off < k->len)
			continue;
		p->head = k->next;
		if (p->head == NULL)
			p->tail = NULL;
		p->allocated -= k->size;
		free(k);
	}
}

static void
pipe_run(struct pipe *p)
{
	p->wake_ms = 0;
	p->blocked = false;
	if (faults_of(p)->blackhole[p->dir])
		return;
	pipe_read(p);
	if (!p->conn->dead && !(p->dir == C2S && p->conn->connecting))
		pipe_write(p);
}

/*
 * Connections.
 */
static void
fd_close(int fd, bool reset)
{
	struct linger hard = {.l_onoff = 1, .l_linger = 0};

	if (reset)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
}

/* Close, by a reset or as usual; the memory is freed at the turn's end. */
static void
conn_close(struct conn *c, bool reset)
{
	struct listener *l = c->listener;
	struct proxy	*x = l->proxy;

	if (c->dead)
		return;
	c->dead = true;
	for (int d = 0; d < 2; d++)
	{
		struct watch *w = &c->watch[d];

		if (w->fd >= 0)
		{
			proxy_watch(x, w, 0);
			fd_close(w->fd, reset);
			w->fd = -1;
		}
		drop_queue(&c->pipe[d]);
		free(c->pipe[d].rest);
		c->pipe[d].rest = NULL;
	}
	proxy_kafka_free(c);
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	c->next = x->graveyard;
	x->graveyard = c;
	l->counts.open--;
	x->starved = false;
}

void
proxy_cut(struct conn *c)
{
	c->listener->counts.cut++;
	conn_close(c, true);
}

/* Everything that its source ever sent has gone on. */
static bool
drained(struct pipe *p)
{
	struct conn *c = p->conn;

	return p->eof && !p->stalled && p->head == NULL &&
		   (p->dir == S2C ||
			(c->held == 0 && c->late == NULL && !c->connecting));
}

/* Pass on the end of a pipe; with that of both the connection is done. */
static void
conn_finish(struct conn *c)
{
	for (int d = 0; d < 2 && !c->dead; d++)
	{
		struct pipe *p = &c->pipe[d];

		if (p->ended || !drained(p) || faults_of(p)->blackhole[d])
			continue;
		p->ended = true;

		/*
		 * A reset could overtake the request that was held: the server is to
		 * read that.
		 */
		if (p->reset && !(d == C2S && c->was_held && !p->deaf))
			conn_close(c, true);
		else if (!p->deaf)
			shutdown(sink_of(p)->fd, SHUT_WR);
	}
	if (c->dead)
		return;
	if ((c->pipe[C2S].ended && c->pipe[S2C].ended) ||
		(c->fresh &&
		 (c->pipe[S2C].eof || c->listener->proxy->now_ms >= c->expires_ms ||
		  (c->ninflight == 0 && c->pipe[C2S].head == NULL &&
		   c->pipe[S2C].left == 0))))
		conn_close(c, false);
}

static void
conn_watch(struct conn *c)
{
	for (int d = 0; d < 2; d++)
	{
		struct pipe *in = &c->pipe[d];
		struct pipe *out = &c->pipe[!d];
		uint32_t	 mask = 0;

		if (wants_bytes(in))
			mask |= EPOLLIN;
		if (out->blocked || (d == S2C && c->connecting))
			mask |= EPOLLOUT;
		proxy_watch(c->listener->proxy, &c->watch[d], mask);
	}
}

/* Whatever can go on with this connection goes on. */
static void
conn_run(struct conn *c)
{
	const struct pipe *p = c->pipe;
	int				   ends;

	/* A sink that turns out to be gone is the end of the other's source. */
	do
	{
		ends = p[C2S].eof + p[S2C].eof;
		for (int d = 0; d < 2 && !c->dead; d++)
			pipe_run(&c->pipe[d]);
	} while (!c->dead && p[C2S].eof + p[S2C].eof != ends);
	if (!c->dead)
		conn_finish(c);
	if (!c->dead)
		conn_watch(c);
}

void
proxy_run(struct listener *l)
{
	for (struct conn *c = l->conns, *next; c != NULL; c = next)
	{
		next = c->next;
		conn_run(c);
	}
}

static void
set_nodelay(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void
connected(struct conn *c)
{
	int		  error = 0;
	socklen_t len = sizeof(error);

	c->connecting = false;
	if (getsockopt(c->watch[S2C].fd, SOL_SOCKET, SO_ERROR, &error, &len) ==
			0 &&
		error == 0)
		return;
	c->listener->counts.failed++;
	sink_gone(&c->pipe[C2S]); /* for the client a reset, as any other */
}

/*
 * A connection to the target for this client, -1 for none.  If there is no way
 * to the target, the client is reset.
 */
static struct conn *
conn_open(struct listener *l, int client)
{
	static void (*const parsers[][2])(struct pipe *, struct span *) = {
		[PROTOCOL_RAW] = {NULL, NULL},
		[PROTOCOL_KAFKA] = {proxy_kafka_requests, proxy_kafka_responses},
		[PROTOCOL_POSTGRES] = {proxy_postgres_frontend,
							   proxy_postgres_backend},
	};
	struct conn *c;
	int server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
						0);

	if (server < 0)
	{
		l->counts.failed++;
		if (client >= 0)
			fd_close(client, true);
		return NULL;
	}
	set_nodelay(server);
	c = proxy_alloc(sizeof(*c));
	c->listener = l;
	for (int d = 0; d < 2; d++)
	{
		c->pipe[d].conn = c;
		c->pipe[d].dir = (enum direction) d;
		c->pipe[d].parse = parsers[l->protocol][d];
		c->watch[d] = (struct watch){.kind = WATCH_CONN,
									 .fd = d == C2S ? client : server,
									 .owner = c};
	}
	c->next = l->conns;
	c->link = &l->conns;
	if (c->next != NULL)
		c->next->link = &c->next;
	l->conns = c;
	l->counts.connections++;
	l->counts.open++;
	c->connecting = true;
	if (connect(server, (struct sockaddr *) &l->target, sizeof(l->target)) !=
			0 &&
		errno != EINPROGRESS)
	{
		l->counts.failed++;
		conn_close(c, true);
		return NULL;
	}
	conn_watch(c);
	return c;
}

struct conn *
proxy_connect_fresh(struct listener *l)
{
	struct conn *c = conn_open(l, -1);

	if (c == NULL)
		return NULL;
	c->fresh = true;
	c->pipe[C2S].parse = NULL;
	c->pipe[S2C].deaf = true;
	c->expires_ms = l->proxy->now_ms + FRESH_MS;
	return c;
}

void
proxy_accept(struct listener *l)
{
	int fd;

	while ((fd = accept4(l->watch.fd, NULL, NULL,
						 SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
	{
		if (l->faults.refuse)
		{
			l->counts.refused++;
			fd_close(fd, true);
			continue;
		}
		set_nodelay(fd);
		conn_open(l, fd);
	}
	if (errno == EMFILE || errno == ENFILE)
	{
		fprintf(stderr, "proxy: %s: %s\n", l->name, strerror(errno));
		l->proxy->starved = true;
	}
}

void
proxy_event(struct conn *c, const struct watch *w, uint32_t events)
{
	if (!c->dead && c->connecting && w == &c->watch[S2C] &&
		(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0)
		connected(c);
	if (!c->dead)
		conn_run(c);
}

/* When a connection goes on without an event. */
static int64_t
conn_due_ms(const struct conn *c)
{
	int64_t at_ms = c->fresh ? c->expires_ms : INT64_MAX;

	for (int d = 0; d < 2; d++)
		if (c->pipe[d].wake_ms > 0 && c->pipe[d].wake_ms < at_ms)
			at_ms = c->pipe[d].wake_ms;
	return at_ms;
}

int64_t
proxy_run_due(struct listener *l)
{
	int64_t next_ms = INT64_MAX;

	for (struct conn *c = l->conns, *next; c != NULL; c = next)
	{
		next = c->next;
		if (conn_due_ms(c) <= l->proxy->now_ms)
			conn_run(c);
		if (!c->dead && conn_due_ms(c) < next_ms)
			next_ms = conn_due_ms(c);
	}
	return next_ms;
}

void
proxy_bury(struct proxy *x)
{
	while (x->graveyard != NULL)
	{
		struct conn *c = x->graveyard;

		x->graveyard = c->next;
		free(c);
	}
}
