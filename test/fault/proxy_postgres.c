/*
 * proxy_postgres.c - a replication stream that stops between two messages.
 *
 * A message of the server is  type byte | size int32, itself included | ....
 * Before them come answers of one byte, without a size, to the client's
 * requests for encryption; so what the client says is read as far as its
 * startup packet, size int32 | code int32 | ....  What is encrypted is passed
 * on unread.
 */
#include <arpa/inet.h>
#include <string.h>

#include "proxy.h"

#define SSL_REQUEST 80877103
#define GSS_REQUEST 80877104

static uint32_t
get_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return ntohl(v);
}

void
proxy_postgres_frontend(struct pipe *p, struct span *s)
{
	while (proxy_gather(p, s, 8))
	{
		uint32_t code = get_u32(p->header + 4);

		proxy_pass_header(p);
		if (code != SSL_REQUEST && code != GSS_REQUEST)
		{
			p->parse = NULL; /* startup: the rest does not matter */
			return;
		}
		p->conn->postgres_bytes++;
	}
}

static bool
holds(const struct faults *f, const struct pipe *p)
{
	return f->hold_data && p->header[0] == 'd' &&
		   (f->hold_kind == '\0' ||
			(p->header_len > 5 && p->header[5] == (uint8_t) f->hold_kind));
}

/* Is this message to be left out?  'len' counts itself. */
static bool
loses(struct pipe *p, uint32_t len)
{
	struct faults *f = &p->conn->listener->faults;
	bool		   follows = p->large;

	p->large = len >= f->lose_size;
	if (f->lose_data == 0 || !follows || !p->large)
		return false;
	f->lose_data--;
	return true;
}

static void
skip_left(struct pipe *p, struct span *s)
{
	size_t n = s->len < p->left ? s->len : p->left;

	s->p += n;
	s->len -= n;
	p->left -= n;
}

void
proxy_postgres_backend(struct pipe *p, struct span *s)
{
	struct conn *c = p->conn;

	for (;;)
	{
		uint32_t len;

		if (p->left > 0 && p->losing)
			skip_left(p, s);
		else if (p->left > 0)
			proxy_pass_left(p, s);
		if (p->left > 0 || !proxy_gather(p, s, 1))
			return;
		if (c->postgres_bytes > 0)
		{
			bool plain = p->header[0] == 'N';

			/* 'E': a server that does not know the request, and its message */
			if (p->header[0] != 'E')
			{
				c->postgres_bytes--;
				proxy_pass_header(p);
				if (plain)
					continue;
				c->pipe[C2S].parse = NULL;
				proxy_give_up(p);
				return;
			}
			c->postgres_bytes = 0;
		}
		if (!proxy_gather(p, s, 5))
			return;
		len = get_u32(p->header + 1);
		if (len < 4 || len > INT32_MAX)
		{
			proxy_give_up(p);
			return;
		}
		if (p->header[0] == 'd')
		{
			if (len > 4 && !proxy_gather(p, s, 6))
				return;
			if (holds(&c->listener->faults, p))
			{
				p->stalled = true;
				return;
			}
			p->losing = loses(p, len);
			if (p->losing)
			{
				c->listener->counts.lost++;
				p->left = len + 1 - p->header_len;
				p->header_len = 0;
				continue;
			}
			c->listener->counts.copy_data++;
		}
		p->losing = false;
		p->left = len + 1 - p->header_len;
		proxy_pass_header(p);
	}
}
