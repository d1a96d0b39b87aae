/*
 * proxy.h - what the files of the fault proxy share; see proxy.c.
 */
#ifndef FAULT_PROXY_H
#define FAULT_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>

#define PROXY_API_MAX 128		/* API keys below this are told apart */
#define PROXY_INFLIGHT_MAX 4096 /* requests remembered of a connection */
#define PROXY_ALL (-1)			/* a number of requests without an end */

enum direction
{
	C2S, /* from the client to the server */
	S2C,
};

enum protocol
{
	PROTOCOL_RAW,
	PROTOCOL_KAFKA,
	PROTOCOL_POSTGRES,
};

enum watch_kind
{
	WATCH_LISTENER,
	WATCH_CONN,
	WATCH_CONTROL,
	WATCH_CONTROL_CLIENT,
	WATCH_SIGNAL,
	WATCH_STDIN,
};

/* A descriptor in the epoll set, or with mask 0 not in it. */
struct watch
{
	enum watch_kind kind;
	int				fd;
	uint32_t		mask;
	void		   *owner;
};

/* Bytes that a parser has still to look at. */
struct span
{
	const uint8_t *p;
	size_t		   len;
};

/* Bytes on their way out, not before their time. */
struct chunk
{
	struct chunk *next;
	int64_t		  due_ms;
	size_t		  off, len, size;
	uint8_t		  data[];
};

/* A request that was taken out of its connection. */
struct frame
{
	struct frame *next;
	struct conn	 *conn; /* NULL once that is gone */
	size_t		  got, len;
	uint8_t		  data[];
};

/* One direction of a connection. */
struct pipe
{
	struct conn	  *conn;
	enum direction dir;
	uint8_t		  *rest; /* read, but a stall kept it from being parsed */
	size_t		   rest_len;
	struct chunk  *head, *tail;
	size_t		   queued, allocated;
	int64_t		   refilled_ms; /* bandwidth: a bucket, in 1/1000 bytes */
	int64_t		   tokens;
	int64_t		   wake_ms; /* when to go on without an event; or 0 */
	bool		   eof;		/* the source has ended, or so it shall seem */
	bool		   reset;	/* by a reset */
	bool		   ended;	/* and the sink knows */
	bool		   deaf;	/* the sink is gone: bytes are thrown away */
	bool		   blocked; /* the sink takes no more at present */

	/* The parser's; NULL passes everything on. */
	void (*parse)(struct pipe *p, struct span *s);
	uint8_t		  header[12];
	size_t		  header_len;
	size_t		  left; /* of the frame, behind its header */
	struct frame *taking;
	bool		  large;   /* the last CopyData message had lose_size */
	bool		  losing;  /* the message that is passing is left out */
	bool		  stalled; /* what is left of the span waits */
	bool		  gated;   /* stalled by a hold, until the next release */
	unsigned	  gate;	   /* the listener's count of releases then */
};

/* A request whose answer has not come. */
struct inflight
{
	int32_t correlation;
	bool	drop; /* cut the connection then */
	bool	late; /* was held and released */
};

struct conn
{
	struct conn		*next, **link;
	struct listener *listener;
	struct watch	 watch[2]; /* client's, server's; indexed by direction */
	struct pipe		 pipe[2];  /* pipe[d] reads watch[d] */
	bool			 connecting;
	bool			 dead;	   /* freed at the end of the turn */
	bool			 fresh;	   /* made by "release fresh", has no client */
	bool			 was_held; /* a hold has touched it */
	int64_t			 expires_ms;
	unsigned		 held; /* frames of its in the listener's list */
	struct frame	*late; /* released, to be sent at a frame's end */
	struct inflight *inflight;
	size_t			 ninflight;
	unsigned		 postgres_bytes; /* answers of one byte that will come */
};

/* All zero: no faults. */
struct faults
{
	bool	refuse;
	bool	blackhole[2], slice[2];
	int64_t latency_ms[2], jitter_ms[2], bandwidth[2];
	int		hold[PROXY_API_MAX]; /* requests, or PROXY_ALL */
	bool	stall[PROXY_API_MAX];
	int		drop[PROXY_API_MAX];
	bool	hold_data;
	char	hold_kind; /* of CopyData, or 0 for any */
	int		lose_data; /* CopyData messages, ... */
	int64_t lose_size; /* ... if they and those before are as large */
};

struct counts
{
	uint64_t connections, open, refused, failed, cut, unparsed;
	uint64_t bytes[2];
	uint64_t requests[PROXY_API_MAX], copy_data, lost;
	uint64_t taken, dropped, late_sent, late_answered, unmatched;
	uint8_t	 late_answer[64];
	size_t	 late_answer_len;
};

struct listener
{
	struct listener	  *next;
	struct proxy	  *proxy;
	char			  *name;
	enum protocol	   protocol;
	struct sockaddr_in target;
	struct watch	   watch;
	struct conn		  *conns;
	struct faults	   faults;
	struct counts	   counts;
	unsigned		   releases;
	struct frame	  *held; /* complete frames, oldest first */
	size_t			   held_bytes;
};

struct proxy
{
	int				 epoll;
	int64_t			 now_ms;
	uint64_t		 random;
	bool			 stop;
	bool			 starved; /* no descriptor for a new connection */
	struct listener *listeners;
	struct conn		*graveyard;
	struct watch	 control;
	const char		*control_path;
	struct client	*clients; /* of the control socket */
	uint8_t			 scratch[65536];
};

/*
 * proxy.c
 */
/* Memory or the end of the program. */
void *proxy_alloc(size_t size);

/* Watch a descriptor for 'mask', 0 for nothing. */
void proxy_watch(struct proxy *x, struct watch *w, uint32_t mask);

/* HOST:PORT, numbers only. */
bool proxy_parse_address(const char *text, struct sockaddr_in *a);

/*
 * proxy_conn.c
 */
/* Send bytes on, as soon as the faults let them. */
void proxy_pass(struct pipe *p, const uint8_t *data, size_t len);

/*
 * Move bytes from s to the header until it has 'need'; false if there were not
 * enough.  proxy_pass_header sends it on and empties it.
 */
bool proxy_gather(struct pipe *p, struct span *s, size_t need);
void proxy_pass_header(struct pipe *p);

/* Pass on min(p->left, s->len) bytes. */
void proxy_pass_left(struct pipe *p, struct span *s);

/* This is not the protocol that was said: parse no more. */
void proxy_give_up(struct pipe *p);

/* The source shall seem to have ended. */
void proxy_end(struct pipe *p);

/* Reset both ends of a connection. */
void proxy_cut(struct conn *c);

/* A connection to the target without a client; NULL if there is none. */
struct conn *proxy_connect_fresh(struct listener *l);

/* After a change of the faults: go on with every connection. */
void proxy_run(struct listener *l);

/* A client has come; something has happened to a connection. */
void proxy_accept(struct listener *l);
void proxy_event(struct conn *c, const struct watch *w, uint32_t events);

/* Go on with connections whose time has come; when the next one's will. */
int64_t proxy_run_due(struct listener *l);

/* Free the connections that have ended. */
void proxy_bury(struct proxy *x);

/*
 * proxy_kafka.c, proxy_postgres.c: the parsers.
 */
void proxy_kafka_requests(struct pipe *p, struct span *s);
void proxy_kafka_responses(struct pipe *p, struct span *s);

/*
 * Send what is held.  Adds to *sent, and to *left what has lost its
 * connection, which only 'fresh' sends.  The caller runs the connections.
 */
void proxy_kafka_release(struct listener *l, bool fresh, int *sent, int *left);
/* Throw away what is held; how many requests. */
int proxy_kafka_discard(struct listener *l);
/* A connection's client ended, or all of it. */
void proxy_kafka_end(struct conn *c);
void proxy_kafka_orphan(struct conn *c);
void proxy_kafka_free(struct conn *c);

void proxy_postgres_frontend(struct pipe *p, struct span *s);
void proxy_postgres_backend(struct pipe *p, struct span *s);

/*
 * proxy_control.c
 */
bool proxy_control_open(struct proxy *x, const char *path);
void proxy_control_accept(struct proxy *x);
void proxy_control_read(struct proxy *x, struct watch *w);
void proxy_control_close(struct proxy *x);
void proxy_control_help(void);

#endif /* FAULT_PROXY_H */
