/*
 * proxy_control.c - the commands of the fault proxy.
 *
 * One table has them all: name, arguments, help, and what they do to one
 * listener.  "all" does it to each that the command is for.  The arguments are
 * checked before anything is done: a command that fails has changed nothing.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "proxy.h"

#define LINE_MAX_LEN 1024
#define WORDS_MAX 8

/* Whoever is connected to the control socket. */
struct client
{
	struct client *next;
	struct watch   watch;
	size_t		   len;
	char		   line[LINE_MAX_LEN];
};

/* A command under way; words[0] is its name, words[1] the listener's. */
struct call
{
	struct proxy *proxy;
	int			  nwords;
	char		 *words[WORDS_MAX];
	const char	 *error;
	int			  n, left; /* for the answer */
	FILE		 *out;
};

struct command
{
	const char	 *name;
	const char	 *args;
	const char	 *help;
	int			  min, max; /* arguments, the listener not counted */
	enum protocol protocol; /* PROTOCOL_RAW: any */
	void (*run)(struct call *k, struct listener *l);
	const char *answer; /* a format for n and left, or NULL */
};

/*
 * Arguments.
 */
static bool
get_switch(struct call *k, int i)
{
	if (strcmp(k->words[i], "on") == 0)
		return true;
	if (strcmp(k->words[i], "off") != 0)
		k->error = "on or off is needed";
	return false;
}

static int64_t
get_number(struct call *k, int i, int64_t max)
{
	char   *end;
	int64_t v;

	errno = 0;
	v = strtoll(k->words[i], &end, 10);
	if (errno != 0 || *end != '\0' || end == k->words[i] || v < 0 || v > max)
		k->error = "not a number, or too large";
	return v;
}

/* Does the direction in words[2] take in d? */
static bool
has_direction(struct call *k, enum direction d)
{
	const char *word = k->words[2];

	if (strcmp(word, "both") == 0)
		return true;
	if (strcmp(word, "c2s") != 0 && strcmp(word, "s2c") != 0)
		k->error = "the direction is c2s, s2c or both";
	return strcmp(word, d == C2S ? "c2s" : "s2c") == 0;
}

/* A flag of faults that each direction has. */
static void
set_flags(struct call *k, bool *flags)
{
	bool on = get_switch(k, 3);
	bool mine[2] = {has_direction(k, C2S), has_direction(k, S2C)};

	for (int d = 0; d < 2 && k->error == NULL; d++)
		if (mine[d])
			flags[d] = on;
}

static void
set_numbers(struct call *k, int64_t *numbers, int64_t v)
{
	bool mine[2] = {has_direction(k, C2S), has_direction(k, S2C)};

	for (int d = 0; d < 2 && k->error == NULL; d++)
		if (mine[d])
			numbers[d] = v;
}

/*
 * Commands.
 */
static void
cut(struct call *k, struct listener *l)
{
	for (; l->conns != NULL; k->n++)
		proxy_cut(l->conns);
}

static void
refuse(struct call *k, struct listener *l)
{
	bool on = get_switch(k, 2);

	if (k->error == NULL)
		l->faults.refuse = on;
}

static void
half_close(struct call *k, struct listener *l)
{
	bool mine[2] = {has_direction(k, C2S), has_direction(k, S2C)};

	for (struct conn *c = l->conns; c != NULL && k->error == NULL; c = c->next)
		for (int d = 0; d < 2; d++)
			if (mine[d])
				proxy_end(&c->pipe[d]);
}

static void
blackhole(struct call *k, struct listener *l)
{
	set_flags(k, l->faults.blackhole);
}

static void
latency(struct call *k, struct listener *l)
{
	int64_t ms = get_number(k, 3, 3600000);
	int64_t jitter_ms = k->nwords > 4 ? get_number(k, 4, 3600000) : 0;

	set_numbers(k, l->faults.latency_ms, ms);
	set_numbers(k, l->faults.jitter_ms, jitter_ms);
}

static void
bandwidth(struct call *k, struct listener *l)
{
	int64_t n = get_number(k, 3, INT64_C(10000000000));

	set_numbers(k, l->faults.bandwidth, n);
}

static void
slice(struct call *k, struct listener *l)
{
	set_flags(k, l->faults.slice);
}

static void
target(struct call *k, struct listener *l)
{
	if (!proxy_parse_address(k->words[2], &l->target))
		k->error = "HOST:PORT is needed, in numbers";
}

static void
hold(struct call *k, struct listener *l)
{
	const char *mode = k->nwords > 4 ? k->words[4] : "take";
	int64_t		key = get_number(k, 2, PROXY_API_MAX - 1);
	int			n = PROXY_ALL;

	if (k->nwords > 3 && strcmp(k->words[3], "all") != 0)
		n = (int) get_number(k, 3, INT32_MAX);
	if (strcmp(mode, "take") != 0 && strcmp(mode, "stall") != 0)
		k->error = "the mode is take or stall";
	if (k->error != NULL)
		return;
	l->faults.hold[key] = n;
	l->faults.stall[key] = strcmp(mode, "stall") == 0;
}

static void
release(struct call *k, struct listener *l)
{
	if (k->nwords > 2 && strcmp(k->words[2], "fresh") != 0)
		k->error = "only fresh can follow";
	else
		proxy_kafka_release(l, k->nwords > 2, &k->n, &k->left);
}

static void
discard(struct call *k, struct listener *l)
{
	k->n += proxy_kafka_discard(l);
}

static void
drop_response(struct call *k, struct listener *l)
{
	int64_t key = get_number(k, 2, PROXY_API_MAX - 1);
	int		n = (int) get_number(k, 3, INT32_MAX);

	if (k->error == NULL)
		l->faults.drop[key] = n;
}

static void
hold_data(struct call *k, struct listener *l)
{
	bool		on = get_switch(k, 2);
	const char *kind = k->nwords > 3 ? k->words[3] : "";

	if (strcmp(kind, "") != 0 && strcmp(kind, "w") != 0 &&
		strcmp(kind, "k") != 0)
		k->error = "the kind is w or k";
	if (k->error != NULL)
		return;
	l->faults.hold_data = on;
	l->faults.hold_kind = kind[0];
}

static void
lose_data(struct call *k, struct listener *l)
{
	int		n = (int) get_number(k, 2, INT32_MAX);
	int64_t size = get_number(k, 3, INT32_MAX);

	if (k->error != NULL)
		return;
	l->faults.lose_data = n;
	l->faults.lose_size = size;
}

static void
reset(struct call *k, struct listener *l)
{
	memset(&l->faults, 0, sizeof(l->faults));
	proxy_kafka_release(l, false, &k->n, &k->left);
	proxy_kafka_discard(l);
}

static void
put(struct call *k, const char *name, uint64_t v)
{
	fprintf(k->out, "\"%s\":%llu,", name, (unsigned long long) v);
}

static void
stats(struct call *k, struct listener *l)
{
	const struct counts *c = &l->counts;
	uint64_t			 queued = 0, stalled = 0, held = 0, inflight = 0;
	const char			*comma = "";

	for (const struct conn *o = l->conns; o != NULL; o = o->next)
	{
		for (int d = 0; d < 2; d++)
		{
			queued += o->pipe[d].queued + o->pipe[d].rest_len;
			stalled += o->pipe[d].stalled;
		}
		held += o->pipe[C2S].gated;
		inflight += o->ninflight;
	}
	for (const struct frame *f = l->held; f != NULL; f = f->next)
		held++;
	if (k->n++ > 0)
		fputc(',', k->out);
	if (strcmp(k->words[1], "all") == 0)
		fprintf(k->out, "\"%s\":", l->name);
	fputc('{', k->out);
	put(k, "connections", c->connections);
	put(k, "open", c->open);
	put(k, "refused", c->refused);
	put(k, "failed", c->failed);
	put(k, "cut", c->cut);
	put(k, "bytes_c2s", c->bytes[C2S]);
	put(k, "bytes_s2c", c->bytes[S2C]);
	put(k, "queued", queued);
	put(k, "stalled", stalled);
	put(k, "unparsed", c->unparsed);
	put(k, "held", held);
	put(k, "held_bytes", l->held_bytes);
	put(k, "taken", c->taken);
	put(k, "inflight", inflight);
	put(k, "dropped", c->dropped);
	put(k, "late_sent", c->late_sent);
	put(k, "late_answered", c->late_answered);
	put(k, "unmatched", c->unmatched);
	put(k, "copy_data", c->copy_data);
	put(k, "lost", c->lost);
	fputs("\"late_answer\":\"", k->out);
	for (size_t i = 0; i < c->late_answer_len; i++)
		fprintf(k->out, "%02x", c->late_answer[i]);
	fputs("\",\"requests\":{", k->out);
	for (int i = 0; i < PROXY_API_MAX; i++)
		if (c->requests[i] > 0)
		{
			fprintf(k->out, "%s\"%d\":%llu", comma, i,
					(unsigned long long) c->requests[i]);
			comma = ",";
		}
	fputs("}}", k->out);
}

static const struct command commands[] = {
	{"cut", "NAME", "reset every connection", 0, 0, PROTOCOL_RAW, cut, "%d"},
	{"refuse", "NAME on|off", "reset new connections", 1, 1, PROTOCOL_RAW,
	 refuse, NULL},
	{"half-close", "NAME DIR", "end this direction of every connection", 1, 1,
	 PROTOCOL_RAW, half_close, NULL},
	{"blackhole", "NAME DIR on|off", "let nothing go on", 2, 2, PROTOCOL_RAW,
	 blackhole, NULL},
	{"latency", "NAME DIR MS [JITTER]", "bytes leave so much later", 2, 3,
	 PROTOCOL_RAW, latency, NULL},
	{"bandwidth", "NAME DIR N", "bytes per second of each connection", 2, 2,
	 PROTOCOL_RAW, bandwidth, NULL},
	{"slice", "NAME DIR on|off", "write each byte by itself", 2, 2,
	 PROTOCOL_RAW, slice, NULL},
	{"target", "NAME HOST:PORT", "where new connections go", 1, 1,
	 PROTOCOL_RAW, target, NULL},
	{"stats", "NAME", "counts, as JSON", 0, 0, PROTOCOL_RAW, stats, NULL},
	{"reset", "NAME", "no faults; what is held goes on", 0, 0, PROTOCOL_RAW,
	 reset, NULL},
	{"hold", "NAME KEY [N|all] [take|stall]",
	 "kafka: hold the next N requests of this API", 1, 3, PROTOCOL_KAFKA, hold,
	 NULL},
	{"release", "NAME [fresh]",
	 "kafka: send them, on their connection or a new one", 0, 1,
	 PROTOCOL_KAFKA, release, "sent=%d left=%d"},
	{"discard", "NAME", "kafka: throw them away", 0, 0, PROTOCOL_KAFKA,
	 discard, "%d"},
	{"drop-response", "NAME KEY N",
	 "kafka: cut when the answers to the next N come", 2, 2, PROTOCOL_KAFKA,
	 drop_response, NULL},
	{"hold-data", "NAME on|off [w|k]",
	 "postgres: stop before the next CopyData message", 1, 2,
	 PROTOCOL_POSTGRES, hold_data, NULL},
	{"lose-data", "NAME N SIZE",
	 "postgres: leave out N CopyData messages of that size or more", 2, 2,
	 PROTOCOL_POSTGRES, lose_data, NULL},
	{0},
};

void
proxy_control_help(void)
{
	printf("usage: proxy --control SOCKET [--seed N] [--stdin]\n"
		   "             NAME=PORT:HOST:PORT[:kafka|:postgres] ...\n\n"
		   "Listens on 127.0.0.1; port 0 takes a free one.  SOCKET takes "
		   "commands,\none a line.  NAME is a listener or all, DIR is c2s, "
		   "s2c or both.\n\n");
	for (const struct command *m = commands; m->name != NULL; m++)
		printf("  %-13s %-30s %s\n", m->name, m->args, m->help);
	printf("  %-13s %-30s %s\n", "quit", "", "end the proxy");
	printf("\nThe first comment of proxy.c tells each at length.\n");
}

/* Do what the words say; the answer goes to k->out, or k->error is set. */
static void
run_command(struct call *k)
{
	const struct command *m = commands;
	const char			 *name = k->nwords > 1 ? k->words[1] : "";
	bool				  all = strcmp(name, "all") == 0;
	int					  done = 0;

	if (k->nwords == 1 && strcmp(k->words[0], "quit") == 0)
	{
		k->proxy->stop = true;
		return;
	}
	while (m->name != NULL &&
		   (k->nwords == 0 || strcmp(m->name, k->words[0]) != 0))
		m++;
	if (m->name == NULL)
	{
		k->error = "no such command";
		return;
	}
	if (k->nwords < m->min + 2 || k->nwords > m->max + 2)
	{
		k->error = m->args;
		return;
	}
	if (m->run == stats && all)
		fputc('{', k->out);
	for (struct listener *l = k->proxy->listeners; l != NULL; l = l->next)
	{
		if (!all && strcmp(l->name, name) != 0)
			continue;
		if (m->protocol != PROTOCOL_RAW && m->protocol != l->protocol)
		{
			if (!all)
				k->error = "not a listener of this protocol";
			continue;
		}
		m->run(k, l);
		if (k->error != NULL)
			return;
		proxy_run(l);
		done++;
	}
	if (m->run == stats && all)
		fputc('}', k->out);
	if (done == 0 && k->error == NULL)
		k->error = "no such listener";
	if (m->answer != NULL)
		fprintf(k->out, m->answer, k->n, k->left);
}

static void
client_close(struct proxy *x, struct client *c)
{
	struct client **link = &x->clients;

	while (*link != c)
		link = &(*link)->next;
	*link = c->next;
	proxy_watch(x, &c->watch, 0);
	close(c->watch.fd);
	free(c);
}

/* One line; false if whoever sent it does not read the answer. */
static bool
answer_line(struct proxy *x, struct client *c, char *line)
{
	struct call k = {.proxy = x};
	char	   *text = NULL;
	char	   *answer;
	size_t		len = 0;
	int			n;
	bool		sent;

	for (char *save, *w = strtok_r(line, " \t\r", &save);
		 w != NULL && k.nwords < WORDS_MAX; w = strtok_r(NULL, " \t\r", &save))
		k.words[k.nwords++] = w;
	k.out = open_memstream(&text, &len);
	if (k.out == NULL)
		abort();
	run_command(&k);
	fclose(k.out);
	if (k.error != NULL)
		n = asprintf(&answer, "error %s\n", k.error);
	else
		n = asprintf(&answer, "ok%s%s\n", len > 0 ? " " : "", text);
	if (n < 0)
		abort();
	sent = send(c->watch.fd, answer, (size_t) n, MSG_NOSIGNAL) == n;
	free(answer);
	free(text);
	return sent;
}

void
proxy_control_read(struct proxy *x, struct watch *w)
{
	struct client *c = w->owner;
	ssize_t n = recv(w->fd, c->line + c->len, sizeof(c->line) - c->len - 1, 0);
	char   *line = c->line;
	char   *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
	{
		client_close(x, c);
		return;
	}
	c->len += (size_t) n;
	c->line[c->len] = '\0';
	while ((end = memchr(line, '\n', c->len)) != NULL)
	{
		size_t used = (size_t) (end - line) + 1;

		*end = '\0';
		if (!answer_line(x, c, line))
		{
			client_close(x, c);
			return;
		}
		line += used;
		c->len -= used;
	}
	memmove(c->line, line, c->len);
	if (c->len == sizeof(c->line) - 1)
		client_close(x, c); /* no line is that long */
}

void
proxy_control_accept(struct proxy *x)
{
	int fd = accept4(x->control.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *c;

	if (fd < 0)
		return;
	c = proxy_alloc(sizeof(*c));
	c->watch = (struct watch){.kind = WATCH_CONTROL_CLIENT,
							  .fd = fd,
							  .owner = c};
	c->next = x->clients;
	x->clients = c;
	proxy_watch(x, &c->watch, EPOLLIN);
}

bool
proxy_control_open(struct proxy *x, const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(a.sun_path))
	{
		fprintf(stderr, "proxy: %s: too long for a socket\n", path);
		return false;
	}
	memcpy(a.sun_path, path, strlen(path));
	x->control = (struct watch){
		.kind = WATCH_CONTROL,
		.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
	};
	unlink(path); /* of one that was killed */
	if (bind(x->control.fd, (struct sockaddr *) &a, sizeof(a)) != 0 ||
		listen(x->control.fd, 16) != 0)
	{
		fprintf(stderr, "proxy: %s: %s\n", path, strerror(errno));
		return false;
	}
	proxy_watch(x, &x->control, EPOLLIN);
	return true;
}

void
proxy_control_close(struct proxy *x)
{
	while (x->clients != NULL)
		client_close(x, x->clients);
	if (x->control.kind != WATCH_CONTROL)
		return;
	unlink(x->control_path);
	close(x->control.fd);
}
