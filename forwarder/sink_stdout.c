/*
 * sink_stdout.c - records onto standard output, for looking; see sink.h.
 *
 * One record a line:
 *
 *     topic TAB partition TAB key TAB headers TAB value
 *
 * Headers are name=value, joined by commas; a missing key or value is "null".
 * Text is written as it is, so that JSON can be cut out and piped on; of
 * what would break a line or a field, and of bytes that are no text, \xHH is
 * written.  A header that is not text is written in hex, 0x0102.
 *
 * Reports wait for sink_poll(), as those of any sink do.  Where the reader is
 * slow, no more is taken; but nothing waits in here, since a program that is
 * piped into "less" must be able to stop, and to tell PostgreSQL that it lives.
 *
 * Standard output may be shared with a shell, so it is not made non-blocking:
 * no more is written at once than there is room for when poll() says so.
 */
#include "sink.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"
#include "mem.h"

/* Write no later than at so many bytes. */
#define FLUSH_BYTES 65536

struct report
{
	uint64_t ticket;
	size_t	 bytes;
};

struct stdout_sink
{
	struct sink	   base;
	sink_report_fn report;
	void		  *arg;
	char		 **topics;
	uint32_t	   ntopics;
	struct buf	   out;		/* whole lines */
	size_t		   written; /* so much of 'out' */
	struct report *reports; /* of the lines in 'out' */
	size_t		   nreports;
	size_t		   reports_cap;
	int			   epfd;	   /* readable while 'out' can be written */
	int			   always;	   /* always readable */
	char		   error[256]; /* "" until writing fails */
};

static const char hex_digits[] = "0123456789abcdef";

static bool
is_text(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		if (p[i] < 0x20 || p[i] == 0x7f)
			return false;
	}
	return true;
}

static void
put_text(struct buf *b, const void *data, size_t n)
{
	const uint8_t *p = data;
	size_t		   from = 0;

	for (size_t i = 0; i < n; i++)
	{
		uint8_t *out;

		if (p[i] >= 0x20 && p[i] != 0x7f)
			continue;
		buf_put(b, p + from, i - from);
		from = i + 1;
		out = buf_reserve(b, 4);
		out[0] = '\\';
		out[1] = 'x';
		out[2] = (uint8_t) hex_digits[p[i] >> 4];
		out[3] = (uint8_t) hex_digits[p[i] & 15];
		buf_commit(b, 4);
	}
	buf_put(b, p + from, n - from);
}

static void
put_or_null(struct buf *b, const void *data, size_t n)
{
	if (data == NULL)
		buf_lit(b, "null");
	else
		put_text(b, data, n);
}

static void
put_header(struct buf *b, const struct sink_header *h)
{
	const uint8_t *p = h->data;

	buf_puts(b, h->name);
	buf_putc(b, '=');
	if (p == NULL || is_text(p, h->len))
	{
		put_or_null(b, p, h->len);
		return;
	}
	buf_lit(b, "0x");
	for (size_t i = 0; i < h->len; i++)
	{
		buf_putc(b, hex_digits[p[i] >> 4]);
		buf_putc(b, hex_digits[p[i] & 15]);
	}
}

static uint32_t
stdout_topic(struct sink *sink, const char *name)
{
	struct stdout_sink *s = (struct stdout_sink *) sink;

	for (uint32_t i = 0; i < s->ntopics; i++)
	{
		if (strcmp(s->topics[i], name) == 0)
			return i;
	}
	s->topics = mem_resize(s->topics, s->ntopics + 1, sizeof(*s->topics));
	s->topics[s->ntopics] = mem_check(strdup(name), strlen(name) + 1);
	return s->ntopics++;
}

static enum sink_outcome
stdout_partitions(struct sink *sink, uint32_t topic, int32_t *count)
{
	(void) sink;
	(void) topic;
	*count = 1;
	return SINK_DONE;
}

/* While there are lines to write, 'epfd' waits for room for them. */
static void
wait_for_room(struct stdout_sink *s)
{
	struct epoll_event out = {.events = EPOLLOUT};
	struct epoll_event in = {.events = EPOLLIN};

	/* Files cannot be waited for: in them there is always room. */
	if (epoll_ctl(s->epfd, EPOLL_CTL_ADD, STDOUT_FILENO, &out) < 0)
		(void) epoll_ctl(s->epfd, EPOLL_CTL_ADD, s->always, &in);
}

static void
wait_no_more(struct stdout_sink *s)
{
	(void) epoll_ctl(s->epfd, EPOLL_CTL_DEL, STDOUT_FILENO, NULL);
	(void) epoll_ctl(s->epfd, EPOLL_CTL_DEL, s->always, NULL);
}

static bool
has_room(void)
{
	struct pollfd pfd = {.fd = STDOUT_FILENO, .events = POLLOUT};

	/* What is closed is ready as well: to fail. */
	return poll(&pfd, 1, 0) > 0;
}

/* What there is room for; true once all is written, or will never be. */
static bool
flush(struct stdout_sink *s)
{
	while (s->written < s->out.len && s->error[0] == '\0')
	{
		size_t	left = s->out.len - s->written;
		ssize_t n;

		if (!has_room())
			return false;
		n = write(STDOUT_FILENO, s->out.data + s->written,
				  left < PIPE_BUF ? left : PIPE_BUF);
		if (n >= 0)
			s->written += (size_t) n;
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			return false;
		else if (errno != EINTR)
			snprintf(s->error, sizeof(s->error),
					 "cannot write to standard output: %s", strerror(errno));
	}
	buf_reset(&s->out);
	s->written = 0;
	return true;
}

static enum sink_outcome
stdout_submit(struct sink *sink, const struct sink_record *record,
			  uint64_t ticket)
{
	struct stdout_sink *s = (struct stdout_sink *) sink;

	if (s->error[0] != '\0')
		return SINK_FAILED;
	if (s->out.len >= FLUSH_BYTES)
		return SINK_AGAIN; /* sink_poll() writes */
	buf_puts(&s->out, s->topics[record->topic]);
	buf_putc(&s->out, '\t');
	buf_put_i64(&s->out, record->partition);
	buf_putc(&s->out, '\t');
	put_or_null(&s->out, record->key, record->key_len);
	buf_putc(&s->out, '\t');
	for (size_t i = 0; i < record->nheaders; i++)
	{
		if (i > 0)
			buf_putc(&s->out, ',');
		put_header(&s->out, &record->headers[i]);
	}
	buf_putc(&s->out, '\t');
	put_or_null(&s->out, record->value, record->value_len);
	buf_putc(&s->out, '\n');

	if (s->nreports == s->reports_cap)
	{
		s->reports_cap = s->reports_cap ? s->reports_cap * 2 : 256;
		s->reports = mem_resize(s->reports, s->reports_cap,
								sizeof(*s->reports));
	}
	s->reports[s->nreports++] = (struct report){
		.ticket = ticket,
		.bytes = record->key_len + record->value_len,
	};
	if (s->nreports == 1)
		wait_for_room(s);
	return SINK_DONE;
}

static int
stdout_poll(struct sink *sink, int timeout_ms)
{
	struct stdout_sink *s = (struct stdout_sink *) sink;
	struct pollfd		pfd = {.fd = s->epfd, .events = POLLIN};
	size_t				n = s->nreports;
	bool				delivered;

	if (timeout_ms != 0)
		(void) poll(&pfd, 1, timeout_ms);
	if (n == 0 || !flush(s))
		return 0;
	wait_no_more(s);
	delivered = s->error[0] == '\0';
	for (size_t i = 0; i < n; i++)
		s->report(s->arg, s->reports[i].ticket, 1, s->reports[i].bytes,
				  delivered, delivered ? NULL : s->error);
	s->nreports = 0;
	return (int) n;
}

static int
stdout_fd(struct sink *sink)
{
	return ((struct stdout_sink *) sink)->epfd;
}

static bool
stdout_connected(struct sink *sink)
{
	return ((struct stdout_sink *) sink)->error[0] == '\0';
}

static const char *
stdout_error(struct sink *sink)
{
	return ((struct stdout_sink *) sink)->error;
}

static int
stdout_exit_code(struct sink *sink)
{
	/* Who read it is gone, and will not come back to this process. */
	(void) sink;
	return 4;
}

static void
close_all(struct stdout_sink *s)
{
	if (s->epfd >= 0)
		close(s->epfd);
	if (s->always >= 0)
		close(s->always);
}

static void
stdout_free(struct sink *sink)
{
	struct stdout_sink *s = (struct stdout_sink *) sink;

	for (uint32_t i = 0; i < s->ntopics; i++)
		free(s->topics[i]);
	free(s->topics);
	free(s->reports);
	buf_free(&s->out);
	close_all(s);
	free(s);
}

static const struct sink_ops ops = {
	.name = "stdout",
	.topic = stdout_topic,
	.partitions = stdout_partitions,
	.submit = stdout_submit,
	.fd = stdout_fd,
	.poll = stdout_poll,
	.connected = stdout_connected,
	.error = stdout_error,
	.exit_code = stdout_exit_code,
	.free = stdout_free,
};

struct sink *
sink_stdout_new(const struct config *config, sink_report_fn report, void *arg)
{
	struct stdout_sink *s = mem_zalloc(1, sizeof(*s));

	(void) config;
	s->base.ops = &ops;
	s->report = report;
	s->arg = arg;
	s->always = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
	s->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (s->always < 0 || s->epfd < 0)
	{
		log_error("stdout", "cannot make a descriptor to wait on", "error=%s",
				  log_str(strerror(errno)));
		close_all(s);
		free(s);
		return NULL;
	}
	return &s->base;
}
