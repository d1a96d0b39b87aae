/*
 * proxy.c - a TCP proxy with faults on command, for the fault harness.
 *
 *     proxy --control SOCKET [--seed N] [--stdin]
 *           NAME=PORT:HOST:PORT[:kafka|:postgres] ...
 *
 * Listens on 127.0.0.1 only; port 0 takes a free one.  Prints "NAME PORT" for
 * each listener, then "ready".  Ends with SIGTERM or SIGINT, with the command
 * quit, and with --stdin at the end of its standard input, a pipe, so that it
 * does not outlive whoever started it.  --seed repeats the jitter.
 *
 * SOCKET is a Unix socket that takes commands, one a line, and answers each in
 * one line, "ok ..." or "error ...".  An answer comes when the fault is in
 * force.  NAME is a listener or "all", DIR is c2s (from the client to the
 * server), s2c or both:
 *
 *   cut NAME                     Reset every connection, on both sides; bytes
 *                                on their way are lost.  Answers how many.
 *   refuse NAME on|off           Reset new connections at once.
 *   half-close NAME DIR          End this direction of every connection, as if
 *                                its sender had shut it down.
 *   blackhole NAME DIR on|off    Nothing goes on: bytes are not read, so that
 *                                the sender meets a full window, and what has
 *                                been read stays here.  Ends and resets wait
 *                                too.  A new connection is accepted, and made
 *                                to the server.
 *   latency NAME DIR MS [JITTER] Every byte leaves MS to MS + JITTER later; the
 *                                order stays.  0 ends it, also for those that
 *                                wait.
 *   bandwidth NAME DIR N         Bytes per second of each connection; 0 ends it.
 *   slice NAME DIR on|off        Every byte is written by itself.
 *   target NAME HOST:PORT        Where new connections go from now on.
 *   stats NAME                   One line of JSON, see below.
 *   reset NAME                   No faults.  What was held goes on, as with
 *                                release; what that leaves over is discarded.
 *   quit
 *
 * Of a listener with :kafka
 *
 *   hold NAME KEY [N|all] [take|stall]
 *                                Hold the next N (all) requests with this API
 *                                key; 0 holds none any more.  take, the
 *                                default, takes the request alone out of the
 *                                connection: others pass it.  stall has all
 *                                behind it on the connection wait too.  A
 *                                request that is held keeps its connection to
 *                                the server open: if the client goes away, its
 *                                end comes behind the request, as it would
 *                                from a slow network.
 *   release NAME [fresh]         Send what is held, oldest first, and hold
 *                                nothing any more.  A taken request goes over
 *                                its own connection, between two requests; if
 *                                that is gone it stays.  fresh sends all over
 *                                one new connection, as they are.  Answers
 *                                sent=N left=N.  Stalled ones always go over
 *                                their own.
 *   discard NAME                 Throw the taken requests away and hold
 *                                nothing any more.  Answers how many.
 *   drop-response NAME KEY N     When the answers to the next N requests with
 *                                this API key come, cut the connection in the
 *                                place of passing them on.
 *
 * Of a listener with :postgres
 *
 *   hold-data NAME on|off [w|k]  Stop what the server sends before the next
 *                                CopyData message, with w or k only at one
 *                                whose payload begins with that letter.
 *   lose-data NAME N SIZE        Leave out the next N CopyData messages of at
 *                                least SIZE bytes that follow one as large: no
 *                                network does that, but a program that reads
 *                                its buffers wrongly.
 *
 * stats: connections (ever), open, refused, failed (no server), cut, bytes_c2s
 * and bytes_s2c passed on, queued (bytes in here), stalled (connections that a
 * hold has stopped), unparsed (directions that turned out not to be what was
 * said); requests (by API key), held (requests: taken and stalled), held_bytes,
 * taken (ever), inflight (requests without an answer), dropped (answers),
 * late_sent (requests released), late_answered and late_answer (the first bytes
 * of the last answer to such a one, in hex, from its size on), unmatched
 * (answers to no request); copy_data (messages passed on), lost (left out).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "proxy.h"

void *
proxy_alloc(size_t size)
{
	void *p = calloc(1, size);

	if (p == NULL)
	{
		fprintf(stderr, "proxy: out of memory\n");
		abort();
	}
	return p;
}

static int64_t
monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void
proxy_watch(struct proxy *x, struct watch *w, uint32_t mask)
{
	struct epoll_event e = {.events = mask, .data.ptr = w};
	int				   op;

	if (w->fd < 0 || w->mask == mask)
		return;
	op = w->mask == 0 ? EPOLL_CTL_ADD
		 : mask == 0  ? EPOLL_CTL_DEL
					  : EPOLL_CTL_MOD;
	if (epoll_ctl(x->epoll, op, w->fd, &e) != 0)
	{
		perror("proxy: epoll_ctl");
		abort();
	}
	w->mask = mask;
}

/*
 * The program.
 */
bool
proxy_parse_address(const char *text, struct sockaddr_in *a)
{
	char  host[64];
	char *end;
	char  colon[2];
	long  port;

	if (sscanf(text, "%63[^:]%1[:]", host, colon) != 2)
		return false;
	port = strtol(text + strlen(host) + 1, &end, 10);
	if (*end != '\0' || end[-1] == ':' || port < 0 || port > 65535)
		return false;
	*a = (struct sockaddr_in){.sin_family = AF_INET,
							  .sin_port = htons((uint16_t) port)};
	return inet_pton(AF_INET,
					 strcmp(host, "localhost") == 0 ? "127.0.0.1" : host,
					 &a->sin_addr) == 1;
}

/* Letters, digits and the like; not taken by another. */
static bool
name_is_free(const struct proxy *x, const char *name)
{
	if (name[0] == '\0' || strcmp(name, "all") == 0 ||
		name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
						  "XYZ0123456789_.-")] != '\0')
		return false;
	for (const struct listener *l = x->listeners; l != NULL; l = l->next)
		if (strcmp(l->name, name) == 0)
			return false;
	return true;
}

/* NAME=PORT:HOST:PORT[:PROTOCOL], which is taken apart. */
static bool
listener_open(struct proxy *x, char *spec)
{
	struct listener	  *l = proxy_alloc(sizeof(*l));
	struct listener	 **link = &x->listeners;
	struct sockaddr_in self;
	socklen_t		   len = sizeof(self);
	int				   one = 1;
	char			  *address = strchr(spec, '=');
	char			  *target = NULL;
	char			  *protocol = NULL;
	char			   local[32];

	l->proxy = x;
	l->name = spec;
	l->watch = (struct watch){.kind = WATCH_LISTENER, .fd = -1, .owner = l};
	if (address != NULL)
	{
		*address++ = '\0';
		if (name_is_free(x, spec))
			target = strchr(address, ':');
	}
	while (*link != NULL)
		link = &(*link)->next;
	*link = l; /* from here on freed with the others */
	if (target != NULL)
	{
		*target++ = '\0';
		protocol = strchr(target, ':');
		protocol = protocol ? strchr(protocol + 1, ':') : NULL;
	}
	if (protocol != NULL)
	{
		*protocol++ = '\0';
		if (strcmp(protocol, "kafka") == 0)
			l->protocol = PROTOCOL_KAFKA;
		else if (strcmp(protocol, "postgres") == 0)
			l->protocol = PROTOCOL_POSTGRES;
		else
			target = NULL;
	}
	if (target == NULL || !proxy_parse_address(target, &l->target) ||
		snprintf(local, sizeof(local), "127.0.0.1:%s", address) >=
			(int) sizeof(local) ||
		!proxy_parse_address(local, &self))
	{
		fprintf(stderr,
				"proxy: %s: not NAME=PORT:HOST:PORT[:PROTOCOL], or a name "
				"that is taken\n",
				spec);
		return false;
	}
	l->watch.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
						 0);
	setsockopt(l->watch.fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(l->watch.fd, (struct sockaddr *) &self, sizeof(self)) != 0 ||
		listen(l->watch.fd, 128) != 0 ||
		getsockname(l->watch.fd, (struct sockaddr *) &self, &len) != 0)
	{
		fprintf(stderr, "proxy: %s: %s\n", l->name, strerror(errno));
		return false;
	}
	printf("%s %d\n", l->name, ntohs(self.sin_port));
	return true;
}

static void
handle(struct proxy *x, struct watch *w, uint32_t events)
{
	char byte[256];

	switch (w->kind)
	{
		case WATCH_LISTENER:
			proxy_accept(w->owner);
			break;
		case WATCH_CONN:
			proxy_event(w->owner, w, events);
			break;
		case WATCH_CONTROL:
			proxy_control_accept(x);
			break;
		case WATCH_CONTROL_CLIENT:
			proxy_control_read(x, w);
			break;
		case WATCH_SIGNAL:
			x->stop = true;
			break;
		case WATCH_STDIN:
			if (read(w->fd, byte, sizeof(byte)) <= 0)
				x->stop = true;
			break;
	}
}

/* Run what is due; the time until more will be, in ms. */
static int
run_due(struct proxy *x)
{
	int64_t next_ms = x->now_ms + 60000;

	for (struct listener *l = x->listeners; l != NULL; l = l->next)
	{
		int64_t at_ms = proxy_run_due(l);

		if (at_ms < next_ms)
			next_ms = at_ms;
		proxy_watch(x, &l->watch, x->starved ? 0 : EPOLLIN);
	}
	return next_ms > x->now_ms ? (int) (next_ms - x->now_ms) : 0;
}

static void
loop(struct proxy *x)
{
	struct epoll_event events[64];
	int				   timeout = 0;

	while (!x->stop)
	{
		int n = epoll_wait(x->epoll, events, 64, timeout);

		x->now_ms = monotonic_ms();
		for (int i = 0; i < n && !x->stop; i++)
			handle(x, events[i].data.ptr, events[i].events);
		timeout = run_due(x);
		proxy_bury(x);
	}
}

static void
close_all(struct proxy *x)
{
	for (struct listener *l = x->listeners, *next; l != NULL; l = next)
	{
		next = l->next;
		while (l->conns != NULL)
			proxy_cut(l->conns);
		proxy_kafka_discard(l);
		if (l->watch.fd >= 0)
			close(l->watch.fd);
		free(l);
	}
	proxy_bury(x);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{"control", required_argument, NULL, 'c'},
		{"seed", required_argument, NULL, 's'},
		{"stdin", no_argument, NULL, 'i'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct proxy *x = proxy_alloc(sizeof(*x));
	struct watch  signals = {.kind = WATCH_SIGNAL};
	struct watch  input = {.kind = WATCH_STDIN, .fd = STDIN_FILENO};
	struct rlimit files;
	sigset_t	  set;
	bool		  watch_stdin = false;
	int			  rc = 1;
	int			  opt;

	x->random = 1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
	{
		if (opt == 'c')
			x->control_path = optarg;
		else if (opt == 's')
			x->random = strtoull(optarg, NULL, 10) * 2 + 1; /* never 0 */
		else if (opt == 'i')
			watch_stdin = true;
		else
		{
			if (opt == 'h')
				proxy_control_help();
			free(x);
			return opt == 'h' ? 0 : 2;
		}
	}
	if (x->control_path == NULL || optind == argc)
	{
		fprintf(stderr, "proxy: --control and a listener are needed; see "
						"--help\n");
		free(x);
		return 2;
	}

	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
	{
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	x->epoll = epoll_create1(EPOLL_CLOEXEC);
	x->now_ms = monotonic_ms();

	for (int i = optind; i < argc; i++)
		if (!listener_open(x, argv[i]))
			goto cleanup;
	if (!proxy_control_open(x, x->control_path))
		goto cleanup;
	proxy_watch(x, &signals, EPOLLIN);
	if (watch_stdin)
		proxy_watch(x, &input, EPOLLIN);
	printf("ready\n");
	fflush(stdout);
	loop(x);
	rc = 0;

cleanup:
	proxy_control_close(x);
	close_all(x);
	close(signals.fd);
	close(x->epoll);
	free(x);
	return rc;
}
