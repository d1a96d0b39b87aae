/* links: repl repl_check repl_connect repl_query repl_probe repl_stream
 * links: repl_failure pgconn log buf */
/* libs: libpq */
/*
 * The replication client: what it makes of timeline histories, then its talk
 * with a server of this file's own, a thread that says what a test wants said.
 * Talk with real servers is in t/.
 *
 * WALFERRY_TEST_SEED makes another run of spoiled answers.  Without it the run
 * is always the same: some damage makes libpq itself leak a result (seed
 * 1795246964725724 does), which is not ours to mend.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../../forwarder/buf.h"
#include "../../forwarder/log.h"
#include "../../forwarder/repl.h"

/*
 * Timelines.
 */
static bool
parse(struct repl_slot *slot, const char *text)
{
	return repl_parse_history(slot, text, strlen(text));
}

static void
repl_maps_end_lsn_to_timeline(void **state)
{
	static struct repl_slot slot;

	(void) state;
	slot.timeline = 5;
	assert_true(parse(&slot, "1\t0/3000000\tno recovery target specified\n\n"
							 "# a comment\n"
							 "3\t1/0\tbefore 2026-11-21 03:04:05+00\n"
							 "4\t1/80\treason"));
	assert_int_equal(slot.ntimelines, 3);
	assert_int_equal(repl_timeline_of(&slot, 1), 1);
	assert_int_equal(repl_timeline_of(&slot, 0x2ffffff), 1);

	/* The last record of a timeline ends where the next one begins. */
	assert_int_equal(repl_timeline_of(&slot, 0x3000000), 1);
	assert_int_equal(repl_timeline_of(&slot, 0x3000001), 3);
	assert_int_equal(repl_timeline_of(&slot, UINT64_C(0x100000000)), 3);
	assert_int_equal(repl_timeline_of(&slot, UINT64_C(0x100000080)), 4);
	assert_int_equal(repl_timeline_of(&slot, UINT64_C(0x100000081)), 5);
}

static void
repl_first_timeline_has_no_history(void **state)
{
	static struct repl_slot slot = {.timeline = 1};

	(void) state;
	assert_true(parse(&slot, ""));
	assert_int_equal(repl_timeline_of(&slot, 0), 1);
	assert_int_equal(repl_timeline_of(&slot, UINT64_MAX), 1);
}

static void
repl_refuses_history_that_makes_no_sense(void **state)
{
	static struct repl_slot slot;

	(void) state;
	assert_false(parse(&slot, "one\t0/3000000\n"));
	assert_false(parse(&slot, "1\t3000000\n"));
	assert_false(parse(&slot, "0\t0/3000000\n"));
	assert_false(parse(&slot, "2\t0/1\n1\t0/2\n"));
	assert_false(parse(&slot, "2\t0/1\n2\t0/2\n"));
}

static void
repl_keeps_newest_of_very_many_timelines(void **state)
{
	static struct repl_slot slot;
	static char				text[REPL_TIMELINES_MAX * 32];
	size_t					len = 0;

	(void) state;
	for (unsigned i = 1; i <= REPL_TIMELINES_MAX + 10; i++)
		len += (size_t) snprintf(text + len, sizeof(text) - len,
								 "%u\t0/%X\tx\n", i, i * 0x100);
	slot.timeline = REPL_TIMELINES_MAX + 11;
	assert_true(repl_parse_history(&slot, text, len));
	assert_int_equal(slot.ntimelines, REPL_TIMELINES_MAX);
	assert_int_equal(slot.tli[0], 11);
	assert_int_equal(repl_timeline_of(&slot,
									  (REPL_TIMELINES_MAX + 10) * 0x100),
					 REPL_TIMELINES_MAX + 10);
}

/*
 * A server that says what it is told.
 */
#define PATIENCE_MS 20000

struct server
{
	char	   dir[64];
	int		   listener;
	atomic_int client; /* -1: none */
	pthread_t  thread;
	bool	   running;

	/* what it says */
	const char *version;
	const char *system_id;
	const char *timeline;
	const char *xlog_lsn;
	const char *wal_level;
	const char *in_recovery;
	const char *history;	  /* NULL: there is no such file */
	const char *slot[15];	  /* [0] NULL: no such slot */
	const char *locked_by;	  /* NULL: nobody else */
	const char *create_error; /* "SQLSTATE message" */
	const char *start_error;
	struct buf	stream;	  /* what follows CopyBothResponse */
	bool		dribble;  /* byte by byte */
	bool		hang_up;  /* after that */
	bool		mute;	  /* accepts, and says nothing */
	const char *other;	  /* error for a second client; NULL: let it in */
	unsigned	spoil;	  /* damage about one byte in so many */
	int			standbys; /* so many clients meet a standby */

	bool created; /* a slot, which is there until the client goes */

	/* what it heard */
	char	queries[4096];
	uint8_t said[256]; /* the last CopyData */
	size_t	said_len;
	bool	copy_done;
	int		greeted; /* clients */
};

static uint64_t rng_state = 1;

static uint64_t
rng(void)
{
	uint64_t z = (rng_state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static void
put_int(struct buf *b, uint64_t v, int bytes)
{
	while (bytes-- > 0)
		buf_putc(b, (char) (v >> (8 * bytes)));
}

static void
put_message(struct buf *b, char type, const void *data, size_t len)
{
	buf_putc(b, type);
	put_int(b, len + 4, 4);
	buf_put(b, data, len);
}

static void
put_ready(struct buf *b)
{
	put_message(b, 'Z', "I", 1);
}

/* "28P01 no such thing" */
static void
put_error(struct buf *b, const char *error)
{
	struct buf fields = {0};

	buf_put(&fields, "SERROR", 7);
	buf_put(&fields, "VERROR", 7);
	buf_putc(&fields, 'C');
	buf_put(&fields, error, 5);
	buf_putc(&fields, '\0');
	buf_putc(&fields, 'M');
	buf_put(&fields, error + 6, strlen(error + 6) + 1);
	buf_putc(&fields, '\0');
	put_message(b, 'E', fields.data, fields.len);
	buf_free(&fields);
}

/* One row, or none, of text columns. */
static void
put_rows(struct buf *b, const char *const *values, int columns, int rows)
{
	struct buf body = {0};

	put_int(&body, (uint64_t) columns, 2);
	for (int i = 0; i < columns; i++)
	{
		buf_put(&body, "c", 2);
		put_int(&body, 0, 4);
		put_int(&body, 0, 2);
		put_int(&body, 25, 4);
		put_int(&body, 0xffff, 2);
		put_int(&body, 0xffffffff, 4);
		put_int(&body, 0, 2);
	}
	put_message(b, 'T', body.data, body.len);
	if (rows > 0)
	{
		buf_reset(&body);
		put_int(&body, (uint64_t) columns, 2);
		for (int i = 0; i < columns; i++)
		{
			if (values[i] == NULL)
				put_int(&body, 0xffffffff, 4);
			else
			{
				put_int(&body, strlen(values[i]), 4);
				buf_puts(&body, values[i]);
			}
		}
		put_message(b, 'D', body.data, body.len);
	}
	put_message(b, 'C', "SELECT", 7);
	buf_free(&body);
}

static void
answer(struct server *s, const char *query, struct buf *b)
{
	const char *system[] = {s->system_id, s->timeline, s->xlog_lsn, "shop"};
	const char *settings[] = {s->wal_level, "60000", NULL, s->in_recovery};
	const char *lock[] = {s->locked_by ? "f" : "t", s->locked_by};
	const char *history[] = {"00000002.history", s->history};
	const char *slot[15];
	const char *created[] = {"app", "0/1000", NULL, "walferry"};
	size_t		len = strlen(s->queries);

	snprintf(s->queries + len, sizeof(s->queries) - len, "%s\n", query);
	if (strstr(query, "IDENTIFY_SYSTEM") == query)
		put_rows(b, system, 4, 1);
	else if (strstr(query, "pg_replication_slots") != NULL)
	{
		memcpy(slot, s->slot, sizeof(slot));
		if (s->created)
			slot[0] = "logical";
		put_rows(b, slot, 15, slot[0] != NULL);
	}
	else if (strstr(query, "pg_try_advisory_lock") != NULL)
		put_rows(b, lock, 2, 1);
	else if (strstr(query, "SELECT") == query)
		put_rows(b, settings, 4, 1);
	else if (strstr(query, "TIMELINE_HISTORY") == query)
	{
		if (s->history != NULL)
			put_rows(b, history, 2, 1);
		else
			put_error(b, "58P01 could not open file");
	}
	else if (strstr(query, "CREATE_REPLICATION_SLOT") == query)
	{
		if (s->create_error != NULL)
			put_error(b, s->create_error);
		else
		{
			put_rows(b, created, 4, 1);
			s->created = true;
		}
	}
	else if (strstr(query, "START_REPLICATION") == query &&
			 s->start_error == NULL)
	{
		put_message(b, 'W', "\0\0", 3);
		buf_put(b, s->stream.data, s->stream.len);
		return;
	}
	else if (s->start_error != NULL)
		put_error(b, s->start_error);
	else
		put_message(b, 'C', "DROP", 5);
	put_ready(b);
}

/* false: the client is gone */
static bool
send_all(struct server *s, int fd, struct buf *b)
{
	bool ok = true;

	for (size_t i = 0; s->spoil > 0 && i < b->len; i++)
	{
		if (rng() % s->spoil == 0)
			b->data[i] = (uint8_t) rng();
	}
	for (size_t i = 0; ok && i < b->len;)
	{
		size_t	n = s->dribble ? 1 : b->len - i;
		ssize_t sent = send(fd, b->data + i, n, MSG_NOSIGNAL);

		ok = sent > 0;
		if (ok)
			i += (size_t) sent;
	}
	buf_reset(b);
	return ok;
}

static bool
receive(int fd, void *to, size_t n)
{
	return n == 0 || recv(fd, to, n, MSG_WAITALL) == (ssize_t) n;
}

static uint32_t
get_u32(const uint8_t *p)
{
	return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 |
		   (uint32_t) p[2] << 8 | p[3];
}

static void
greet(struct server *s, struct buf *b)
{
	struct buf body = {0};

	put_message(b, 'R', "\0\0\0", 4);
	buf_put(&body, "server_version", 15);
	buf_put(&body, s->version, strlen(s->version) + 1);
	put_message(b, 'S', body.data, body.len);
	buf_reset(&body);
	buf_put(&body, "in_hot_standby", 15);
	buf_puts(&body, s->standbys > s->greeted ? "on" : "off");
	buf_putc(&body, '\0');
	put_message(b, 'S', body.data, body.len);
	s->greeted++;
	put_message(b, 'K', "\0\0\0\1\0\0\0", 8);
	put_ready(b);
	buf_free(&body);
}

/* Serve second clients until the first one says something. */
static void
wait_for_first(struct server *s, int fd)
{
	struct pollfd  pfds[2] = {{.fd = fd, .events = POLLIN},
							  {.fd = s->listener, .events = POLLIN}};
	static uint8_t body[8192];
	uint8_t		   head[5];
	struct buf	   b = {0};
	int			   other;

	while (poll(pfds, 2, -1) > 0 && pfds[0].revents == 0 &&
		   pfds[1].revents == POLLIN &&
		   (other = accept(s->listener, NULL, NULL)) >= 0)
	{
		if (receive(other, head, 4) && get_u32(head) - 4 <= sizeof(body) &&
			receive(other, body, get_u32(head) - 4))
		{
			if (s->other != NULL)
				put_error(&b, s->other);
			else
				greet(s, &b);
			send_all(s, other, &b);
			if (receive(other, head, 5) && head[0] == 'Q' &&
				get_u32(head + 1) - 4 <= sizeof(body) &&
				receive(other, body, get_u32(head + 1) - 4))
			{
				put_rows(&b, &s->slot[5], 1, 1);
				put_ready(&b);
				send_all(s, other, &b);
				(void) receive(other, head, 1);
			}
		}
		close(other);
	}
	buf_free(&b);
}

static void
talk(struct server *s, int fd)
{
	static uint8_t body[8192];
	uint8_t		   head[5];
	struct buf	   b = {0};
	bool		   streaming = false;

	if (!receive(fd, head, 4) || get_u32(head) - 4 > sizeof(body) ||
		!receive(fd, body, get_u32(head) - 4))
		return;
	if (s->mute)
	{
		(void) receive(fd, head, 1);
		return;
	}
	greet(s, &b);
	for (;;)
	{
		if (!send_all(s, fd, &b))
			break;
		if (streaming)
			wait_for_first(s, fd);
		if (!receive(fd, head, 5))
			break;

		size_t len = get_u32(head + 1) - 4;

		if (len > sizeof(body) - 1 || !receive(fd, body, len))
			break;
		body[len] = '\0';
		if (head[0] == 'Q')
		{
			answer(s, (char *) body, &b);
			streaming = strstr((char *) body, "START_REP") != NULL;
			if (s->hang_up && strstr((char *) body, "START") != NULL)
			{
				send_all(s, fd, &b);
				break;
			}
		}
		else if (head[0] == 'd' && len <= sizeof(s->said))
		{
			memcpy(s->said, body, len);
			s->said_len = len;
		}
		else if (head[0] == 'c')
		{
			s->copy_done = true;
			put_message(&b, 'c', "", 0);
			put_message(&b, 'C', "COPY 0", 7);
			put_ready(&b);
		}
		else if (head[0] == 'X')
			break;
	}
	buf_free(&b);
}

static void *
serve(void *arg)
{
	struct server *s = arg;
	int			   fd;

	while ((fd = accept(s->listener, NULL, NULL)) >= 0)
	{
		s->client = fd;
		talk(s, fd);
		s->client = -1;
		s->created = false;
		close(fd);
	}
	return NULL;
}

static struct repl_config config;
static uint64_t			  start_lsn;
static uint32_t			  start_timeline;
static const char		 *keywords[8];
static const char		 *values[8];

static int
set_up(void **state)
{
	struct server			*s = calloc(1, sizeof(*s));
	struct sockaddr_un		 addr = {.sun_family = AF_UNIX};
	static const char *const slot[] = {"logical", "walferry", "shop",	NULL,
									   NULL,	  "reserved", "0/1000", "shop",
									   NULL,	  "0/9000",	  "f",		"f",
									   "",		  NULL,		  "f"};

	assert_non_null(s);
	log_set_level(LOG_LEVEL_ERROR);
	s->client = -1;
	s->version = "15.20";
	s->system_id = "7710468330739471492";
	s->timeline = "1";
	s->xlog_lsn = "0/9000";
	start_lsn = 0;
	start_timeline = 0;
	s->wal_level = "logical";
	s->in_recovery = "f";
	memcpy(s->slot, slot, sizeof(slot));
	strcpy(s->dir, "/tmp/walferry-test-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/.s.PGSQL.5432", s->dir);
	s->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *) &addr,
						  sizeof(addr)),
					 0);
	assert_int_equal(listen(s->listener, 5), 0);

	memset(keywords, 0, sizeof(keywords));
	keywords[0] = "host";
	values[0] = s->dir;
	keywords[1] = "port";
	values[1] = "5432";
	keywords[2] = "user";
	values[2] = "cdc";
	keywords[3] = "dbname";
	values[3] = "shop";
	config = (struct repl_config){
		.keywords = keywords,
		.values = values,
		.slot = "app",
		.plugin = "walferry",
		.connect_timeout_ms = PATIENCE_MS,
	};
	*state = s;
	return 0;
}

static void
start_server(struct server *s)
{
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
	s->running = true;
}

static int
tear_down(void **state)
{
	struct server *s = *state;
	char		   path[128];

	/* Ends accept(), and talk() where a failed test left a client behind. */
	shutdown(s->listener, SHUT_RDWR);
	if (s->client >= 0)
		shutdown(s->client, SHUT_RDWR);
	if (s->running)
		pthread_join(s->thread, NULL);
	close(s->listener);
	snprintf(path, sizeof(path), "%s/.s.PGSQL.5432", s->dir);
	unlink(path);
	rmdir(s->dir);
	buf_free(&s->stream);
	free(s);
	return 0;
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
wait_io(struct repl *r)
{
	struct pollfd pfd = {.fd = repl_fd(r), .events = repl_events(r)};

	(void) poll(&pfd, 1, 200);
}

static enum repl_outcome
step_repl(struct repl *r)
{
	int64_t			  until_ms = now_ms() + PATIENCE_MS;
	enum repl_outcome outcome;

	while ((outcome = repl_step(r, now_ms())) == REPL_AGAIN)
	{
		if (now_ms() > until_ms)
			fail_msg("not connected in time");
		wait_io(r);
	}
	return outcome;
}

static void
go_on(struct repl *r)
{
	if (repl_slot(r)->found)
		repl_start(r, start_lsn, start_timeline);
	else
		repl_create(r);
}

static enum repl_outcome
connect_repl(struct repl *r)
{
	enum repl_outcome outcome;

	while ((outcome = step_repl(r)) == REPL_READY)
		go_on(r);
	return outcome;
}

static void
connect_ready(struct repl *r)
{
	if (step_repl(r) != REPL_READY)
		fail_msg("not ready: %s", repl_failure(r)->message);
}

static enum repl_outcome
read_repl(struct repl *r, struct repl_message *m)
{
	int64_t			  until_ms = now_ms() + PATIENCE_MS;
	enum repl_outcome outcome;

	while ((outcome = repl_read(r, m)) == REPL_AGAIN)
	{
		if (now_ms() > until_ms)
			fail_msg("nothing to read in time");
		wait_io(r);
	}
	return outcome;
}

static void
expect_failed(struct repl *r, enum repl_outcome outcome,
			  enum repl_failure_kind kind, const char *text)
{
	const struct repl_failure *f = repl_failure(r);

	assert_int_equal(outcome, REPL_FAILED);
	if (f->kind != kind ||
		(strstr(f->message, text) == NULL && strstr(f->hint, text) == NULL))
		fail_msg("kind %d, not \"%s\": %s; %s", (int) f->kind, text,
				 f->message, f->hint);
	repl_reset(r);
}

/* Connect and be refused. */
static void
expect_failure(struct repl *r, enum repl_failure_kind kind, const char *text)
{
	expect_failed(r, connect_repl(r), kind, text);
}

static void
put_xlog_data(struct buf *b, uint64_t start, uint64_t end, const void *data,
			  size_t len)
{
	struct buf body = {0};

	buf_putc(&body, 'w');
	put_int(&body, start, 8);
	put_int(&body, end, 8);
	put_int(&body, 777, 8);
	buf_put(&body, data, len);
	put_message(b, 'd', body.data, body.len);
	buf_free(&body);
}

static void
put_keepalive(struct buf *b, uint64_t end, int reply)
{
	struct buf body = {0};

	buf_putc(&body, 'k');
	put_int(&body, end, 8);
	put_int(&body, 778, 8);
	put_int(&body, (uint64_t) reply, 1);
	put_message(b, 'd', body.data, body.len);
	buf_free(&body);
}

static void
check_stream(struct server *s)
{
	static uint8_t		big[1 << 20];
	struct repl		   *r = repl_new(&config);
	struct repl_message m;

	memset(big, 'b', sizeof(big));
	put_xlog_data(&s->stream, UINT64_C(0x1234567890), UINT64_C(0x1234567899),
				  "hello", 5);
	put_keepalive(&s->stream, UINT64_C(0xfedcba9876543210), 1);
	put_keepalive(&s->stream, 5, 0);
	put_xlog_data(&s->stream, 6, 7, "", 0);
	if (!s->dribble)
		put_xlog_data(&s->stream, 8, 9, big, sizeof(big));
	put_message(&s->stream, 'c', "", 0);
	put_message(&s->stream, 'C', "COPY 0", 7);
	put_ready(&s->stream);
	start_server(s);
	assert_int_equal(connect_repl(r), REPL_DONE);

	assert_int_equal(read_repl(r, &m), REPL_DONE);
	assert_int_equal(m.kind, REPL_DATA);
	assert_true(m.wal_end == UINT64_C(0x1234567899));
	assert_int_equal(m.len, 5);
	assert_memory_equal(m.data, "hello", 5);

	assert_int_equal(read_repl(r, &m), REPL_DONE);
	assert_int_equal(m.kind, REPL_KEEPALIVE);
	assert_true(m.wal_end == UINT64_C(0xfedcba9876543210));
	assert_true(m.reply_requested);
	assert_int_equal(read_repl(r, &m), REPL_DONE);
	assert_false(m.reply_requested);

	assert_int_equal(read_repl(r, &m), REPL_DONE);
	assert_int_equal(m.kind, REPL_DATA);
	assert_int_equal(m.len, 0);
	if (!s->dribble)
	{
		assert_int_equal(read_repl(r, &m), REPL_DONE);
		assert_int_equal(m.len, sizeof(big));
		assert_memory_equal(m.data, big, sizeof(big));
	}
	assert_int_equal(read_repl(r, &m), REPL_ENDED);
	assert_int_equal(read_repl(r, &m), REPL_ENDED);
	repl_free(r);
}

static void
repl_reads_data_and_keepalives(void **state)
{
	check_stream(*state);
}

static void
repl_reads_what_arrives_byte_by_byte(void **state)
{
	struct server *s = *state;

	s->dribble = true;
	check_stream(s);
}

static void
repl_refuses_messages_that_make_no_sense(void **state)
{
	struct server *s = *state;
	static const struct
	{
		const char *data;
		size_t		len;
	} cases[] = {
		{"w", 1},
		{"w12345678123456781234567", 24},
		{"k", 1},
		{"k1234567812345678", 17},
		{"k12345678123456781x", 19},
		{"z12345678123456781", 18},
	};
	struct repl		   *r = repl_new(&config);
	struct repl_message m;

	start_server(s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		buf_reset(&s->stream);
		put_message(&s->stream, 'd', cases[i].data, cases[i].len);
		assert_int_equal(connect_repl(r), REPL_DONE);
		assert_int_equal(read_repl(r, &m), REPL_FAILED);
		assert_int_equal(repl_failure(r)->kind, REPL_FAILURE_RETRY);
		assert_string_equal(repl_failure(r)->sqlstate, "08P01");
		repl_reset(r);
	}
	repl_free(r);
}

static void
repl_reads_all_that_came_before_an_error(void **state)
{
	struct server	   *s = *state;
	struct repl		   *r = repl_new(&config);
	struct repl_message m;

	put_xlog_data(&s->stream, 1, 2, "last", 4);
	put_error(&s->stream, "57P01 terminating connection");
	s->hang_up = true;
	start_server(s);
	assert_int_equal(connect_repl(r), REPL_DONE);
	assert_int_equal(read_repl(r, &m), REPL_DONE);
	assert_memory_equal(m.data, "last", 4);
	assert_int_equal(read_repl(r, &m), REPL_FAILED);
	assert_string_equal(repl_failure(r)->sqlstate, "57P01");
	assert_int_equal(repl_failure(r)->kind, REPL_FAILURE_RETRY);
	repl_free(r);
}

static void
repl_lost_connection_is_worth_a_retry(void **state)
{
	struct server	   *s = *state;
	struct repl		   *r = repl_new(&config);
	struct repl_message m;

	put_xlog_data(&s->stream, 1, 2, "last", 4);
	s->stream.len -= 2; /* in the middle of a message */
	s->hang_up = true;
	start_server(s);
	assert_int_equal(connect_repl(r), REPL_DONE);
	assert_int_equal(read_repl(r, &m), REPL_FAILED);
	assert_int_equal(repl_failure(r)->kind, REPL_FAILURE_RETRY);
	assert_string_equal(repl_failure(r)->sqlstate, "");
	repl_free(r);
}

static void
repl_sends_status_as_the_protocol_has_it(void **state)
{
	struct server		*s = *state;
	struct repl			*r = repl_new(&config);
	static const uint8_t expected[25] = {'r', 0, 0, 0, 1, 2, 3, 4, 5,
										 0,	  0, 0, 1, 2, 3, 4, 4, 0,
										 0,	  0, 1, 2, 3, 4, 4};

	start_server(s);
	assert_int_equal(repl_send_status(r, 1, 1), REPL_FAILED);
	assert_int_equal(connect_repl(r), REPL_DONE);
	assert_int_equal(repl_send_status(r, UINT64_C(0x102030405),
									  UINT64_C(0x102030404)),
					 REPL_DONE);
	repl_finish(r, PATIENCE_MS, REPL_DROP_SLOT);
	repl_free(r);

	/* repl_finish() has waited for the server's answers. */
	assert_true(s->copy_done);
	assert_int_equal(s->said_len, 34);
	assert_memory_equal(s->said, expected, sizeof(expected));
	assert_int_equal(s->said[33], 0);
	assert_non_null(strstr(s->queries, "DROP_REPLICATION_SLOT \"app\" WAIT"));
}

static void
repl_quotes_names_and_options(void **state)
{
	struct server				   *s = *state;
	static const struct repl_option options[] = {
		{"protocol_version", "1"},
		{"include_tables", "a'b\"c\\"},
	};
	struct repl *r;

	config.options = options;
	config.noptions = 2;
	config.slot = "a\"b";
	r = repl_new(&config);
	start_server(s);
	assert_int_equal(connect_repl(r), REPL_DONE);
	repl_free(r);
	assert_non_null(strstr(s->queries,
						   "START_REPLICATION SLOT \"a\"\"b\" LOGICAL "
						   "0/0 (\"protocol_version\" '1', \"include_tables\" "
						   "'a''b\"c\\')"));
	assert_null(strstr(s->queries, "CREATE_REPLICATION_SLOT"));
	assert_null(strstr(s->queries, "TIMELINE_HISTORY"));
}

static void
repl_creates_slot_only_if_asked(void **state)
{
	struct server *s = *state;
	struct repl	  *r = repl_new(&config);

	s->slot[0] = NULL;
	start_server(s);
	expect_failure(r, REPL_FAILURE_REFUSED, "walferry.slot.create");
	assert_null(strstr(s->queries, "CREATE_REPLICATION_SLOT"));

	config.create = true;
	assert_int_equal(connect_repl(r), REPL_DONE);
	assert_true(repl_slot(r)->created);
	assert_int_equal(repl_slot(r)->confirmed_lsn, 0x1000);
	assert_non_null(strstr(s->queries,
						   "CREATE_REPLICATION_SLOT \"app\" LOGICAL "
						   "\"walferry\" (SNAPSHOT 'nothing')"));
	repl_reset(r);

	s->version = "14.22";
	s->queries[0] = '\0';
	repl_free(r);
	r = repl_new(&config);
	assert_int_equal(connect_repl(r), REPL_DONE);
	assert_non_null(
		strstr(s->queries, "LOGICAL \"walferry\" NOEXPORT_SNAPSHOT"));
	repl_free(r);
}

static void
repl_never_creates_a_slot_a_second_time(void **state)
{
	struct server *s = *state;
	struct repl	  *r;

	config.create = true;
	r = repl_new(&config);
	start_server(s);
	assert_int_equal(connect_repl(r), REPL_DONE);
	repl_reset(r);
	s->slot[0] = NULL;
	expect_failure(r, REPL_FAILURE_UNSAFE, "is gone");
	repl_free(r);

	/* A temporary one is for looking. */
	config.temporary = true;
	r = repl_new(&config);
	assert_int_equal(connect_repl(r), REPL_DONE);
	repl_reset(r);
	assert_int_equal(connect_repl(r), REPL_DONE);
	assert_non_null(strstr(s->queries, "\"app\" TEMPORARY LOGICAL"));
	repl_free(r);
}

static void
repl_refuses_servers_and_slots_that_will_not_do(void **state)
{
	struct server *s = *state;
	struct repl	  *r = repl_new(&config);
	const char	  *good[15];

	memcpy(good, s->slot, sizeof(good));
	start_server(s);
#define CASE(setting, kind, text)            \
	do                                       \
	{                                        \
		setting;                             \
		expect_failure(r, kind, text);       \
		memcpy(s->slot, good, sizeof(good)); \
		s->version = "15.20";                \
		s->wal_level = "logical";            \
		s->in_recovery = "f";                \
		s->start_error = NULL;               \
	} while (0)

	CASE(s->version = "13.9", REPL_FAILURE_REFUSED, "14 or newer");
	CASE(s->wal_level = "replica", REPL_FAILURE_REFUSED,
		 "ALTER SYSTEM SET wal_level = logical");
	CASE(s->in_recovery = "t", REPL_FAILURE_RETRY, "standby");
	CASE(s->slot[0] = "physical", REPL_FAILURE_REFUSED, "physical");
	CASE(s->slot[1] = "pgoutput", REPL_FAILURE_REFUSED,
		 "pg_copy_logical_replication_slot('app', 'app_walferry', false, "
		 "'walferry'); and set slot.name=app_walferry");
	CASE(s->slot[14] = "t", REPL_FAILURE_REFUSED,
		 "pg_copy_logical_replication_slot('app', 'app_walferry'); ");
	CASE(s->slot[2] = "other", REPL_FAILURE_REFUSED, "\"other\"");
	CASE((s->slot[3] = "4711", s->slot[4] = "spy"), REPL_FAILURE_RETRY,
		 "in use by process 4711, application spy");
	CASE(s->slot[5] = "lost", REPL_FAILURE_UNSAFE, "invalidated");
	CASE(s->slot[8] = "rows_removed", REPL_FAILURE_UNSAFE, "rows_removed");
	CASE((s->version = "17.11", s->in_recovery = s->slot[11] = "t"),
		 REPL_FAILURE_RETRY, "waiting for the standby's promotion");
	CASE(s->slot[6] = NULL, REPL_FAILURE_RETRY, "being created");
	CASE(s->slot[6] = "nonsense", REPL_FAILURE_RETRY, "being created");
	CASE(s->start_error = "22023 bad option", REPL_FAILURE_REFUSED,
		 "bad option");
	CASE(s->start_error = "55000 can no longer access", REPL_FAILURE_UNSAFE,
		 "pg_drop_replication_slot");
#undef CASE
	assert_int_equal(connect_repl(r), REPL_DONE);
	repl_free(r);
}

static void
repl_starts_only_where_nothing_is_left_out(void **state)
{
	struct server *s = *state;
	struct repl	  *r = repl_new(&config);

	start_server(s);
	start_lsn = 0x1000;
	assert_int_equal(connect_repl(r), REPL_DONE);
	assert_non_null(strstr(s->queries, " LOGICAL 0/1000"));
	repl_reset(r);

	start_lsn = 0x9001;
	expect_failure(r, REPL_FAILURE_UNSAFE, "WAL ends before it, at 0/9000");
	start_lsn = 0xfff;
	expect_failure(r, REPL_FAILURE_UNSAFE, "moved the slot on, to 0/1000");

	/* The timeline streamed from was left at 0/2000. */
	s->timeline = "3";
	s->history = "1\t0/2000\tno reason\n2\t0/8000\tno reason\n";
	start_lsn = 0x2001;
	expect_failure(r, REPL_FAILURE_UNSAFE, "left its timeline");
	start_lsn = 0x2000;
	assert_int_equal(connect_repl(r), REPL_DONE);
	assert_int_equal(repl_timeline_of(repl_slot(r), 0x2000), 1);
	assert_int_equal(repl_timeline_of(repl_slot(r), 0x8000), 2);
	assert_int_equal(repl_timeline_of(repl_slot(r), 0x8001), 3);
	repl_reset(r);

	s->system_id = "1";
	expect_failure(r, REPL_FAILURE_UNSAFE, "system identifier is 1,");
	repl_free(r);
}

static void
repl_does_without_a_lost_history(void **state)
{
	struct server *s = *state;
	struct repl	  *r = repl_new(&config);

	s->timeline = "2";
	start_server(s);
	log_set_level(LOG_LEVEL_ERROR);
	assert_int_equal(connect_repl(r), REPL_DONE);
	assert_int_equal(repl_timeline_of(repl_slot(r), 1), 2);
	repl_free(r);
}

static void
repl_refuses_a_former_primary(void **state)
{
	struct server *s = *state;
	struct repl	  *r = repl_new(&config);

	s->timeline = "2";
	s->history = "1\t0/2000\tno reason\n";
	start_server(s);
	log_set_level(LOG_LEVEL_ERROR);
	start_lsn = 0x1000;
	assert_int_equal(connect_repl(r), REPL_DONE);
	repl_reset(r);

	/* Its WAL reaches further than where we stand. */
	s->timeline = "1";
	s->history = NULL;
	expect_failure(r, REPL_FAILURE_UNSAFE, "does not hold timeline 2,");
	expect_failure(r, REPL_FAILURE_UNSAFE, "has taken over from it");

	/* Promoted again, it has branched off elsewhere. */
	s->timeline = "3";
	s->history = "1\t0/8000\tno reason\n";
	expect_failure(r, REPL_FAILURE_UNSAFE, "does not hold timeline 2,");

	/* What cannot be shown is not taken for granted. */
	s->history = NULL;
	expect_failure(r, REPL_FAILURE_UNSAFE, "is missing");
	s->history = "1\t0/2000\tno reason\n2\t0/1000\tno reason\n";
	assert_int_equal(connect_repl(r), REPL_DONE);
	repl_free(r);
}

static void
repl_waits_for_a_standby_that_has_yet_to_replay(void **state)
{
	struct server *s = *state;
	struct repl	  *r = repl_new(&config);

	s->version = "16.15";
	s->in_recovery = "t";
	s->timeline = "2";
	s->history = "1\t0/500\tno reason\n";
	start_server(s);
	start_lsn = 0x9000;
	assert_int_equal(connect_repl(r), REPL_DONE);
	repl_reset(r);

	s->slot[9] = "0/8fff";
	expect_failure(r, REPL_FAILURE_RETRY, "has come to 0/8FFF only");
	s->timeline = "1";
	expect_failure(r, REPL_FAILURE_RETRY, "on timeline 1, and has not come");

	/* No waiting takes it back to a timeline that it has left out. */
	s->timeline = "3";
	expect_failure(r, REPL_FAILURE_UNSAFE, "does not hold timeline 2,");
	repl_free(r);
}

/* It may be promoted while it is streamed from, and nobody would know. */
static void
repl_takes_no_standby_where_positions_are_stored(void **state)
{
	struct server *s = *state;
	struct repl	  *r = repl_new(&config);
	const char	  *type = s->slot[0];

	config.primary = config.create = true;
	s->version = "17.11";
	s->in_recovery = "t";
	start_server(s);
	expect_failure(r, REPL_FAILURE_REFUSED, "positions name the timeline");
	expect_failure(r, REPL_FAILURE_REFUSED, "connect to the primary");

	/* Nor is a slot made there. */
	s->slot[0] = NULL;
	expect_failure(r, REPL_FAILURE_REFUSED, "positions name the timeline");
	assert_null(strstr(s->queries, "CREATE_REPLICATION_SLOT"));

	/* A copy of the primary's becomes ours by the promotion. */
	s->slot[0] = type;
	s->slot[11] = "t";
	expect_failure(r, REPL_FAILURE_RETRY, "waiting for the standby's");
	s->in_recovery = "f";
	assert_int_equal(connect_repl(r), REPL_DONE);
	repl_free(r);
}

static void
repl_lifts_transaction_timeout_where_there_is_one(void **state)
{
	struct server *s = *state;
	struct repl	  *r = repl_new(&config);

	start_server(s);
	assert_int_equal(connect_repl(r), REPL_DONE);
	assert_null(strstr(s->queries, "transaction_timeout"));
	repl_free(r);

	s->version = "17.11";
	r = repl_new(&config);
	assert_int_equal(connect_repl(r), REPL_DONE);
	assert_non_null(
		strstr(s->queries, "set_config('transaction_timeout', '0', false)"));
	repl_free(r);
}

/* What a connection to this version logs as a warning; in a static buffer. */
static const char *
warnings_of(struct server *s, const char *version)
{
	static char	 text[4096];
	struct repl *r = repl_new(&config);
	FILE		*file = tmpfile();
	int			 kept = dup(STDERR_FILENO);
	size_t		 n;

	assert_non_null(file);
	s->version = version;
	log_set_level(LOG_LEVEL_WARN);
	fflush(stderr);
	dup2(fileno(file), STDERR_FILENO);
	assert_int_equal(connect_repl(r), REPL_DONE);
	repl_reset(r);
	assert_int_equal(connect_repl(r), REPL_DONE);
	fflush(stderr);
	dup2(kept, STDERR_FILENO);
	close(kept);
	log_set_level(LOG_LEVEL_ERROR);
	repl_free(r);
	rewind(file);
	n = fread(text, 1, sizeof(text) - 1, file);
	text[n] = '\0';
	fclose(file);
	return text;
}

static void
repl_warns_once_of_an_old_minor(void **state)
{
	static const struct
	{
		const char *version;
		const char *recommended; /* NULL: it is new enough */
	} cases[] = {
		{"14.23", "14.24"}, {"14.24", NULL},	{"15.18", "15.19"},
		{"15.19", NULL},	{"16.14", "16.15"}, {"16.15", NULL},
		{"17.10", "17.11"}, {"17.11", NULL},	{"18.5", "18.6"},
		{"18.6", NULL},		{"19.0", NULL},
	};
	struct server *s = *state;

	start_server(s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const char *text = warnings_of(s, cases[i].version);
		const char *found = strstr(text, "lacks fixes");
		char		want[64];

		if (cases[i].recommended == NULL)
		{
			assert_null(found);
			continue;
		}
		assert_non_null(found);
		assert_null(strstr(found + 1, "lacks fixes"));
		snprintf(want, sizeof(want), "server_version=%s recommended=%s\n",
				 cases[i].version, cases[i].recommended);
		assert_non_null(strstr(found, want));
	}
}

static void
repl_holds_until_told_how_to_go_on(void **state)
{
	struct server *s = *state;
	struct repl	  *r = repl_new(&config);

	start_server(s);
	connect_ready(r);
	assert_true(repl_slot(r)->found);
	assert_false(repl_slot(r)->created);
	assert_int_equal(repl_slot(r)->confirmed_lsn, 0x1000);
	assert_string_equal(repl_slot(r)->database, "shop");
	assert_int_equal(repl_slot(r)->timeline, 1);

	/* As long as one likes, and longer than any time limit. */
	assert_int_equal(repl_step(r, now_ms() + 10 * PATIENCE_MS), REPL_READY);
	assert_int_equal(repl_events(r), POLLIN);
	repl_create(r); /* there is one: means nothing */
	assert_int_equal(repl_step(r, now_ms()), REPL_READY);
	assert_null(strstr(s->queries, "START_REPLICATION"));
	assert_null(strstr(s->queries, "CREATE_REPLICATION_SLOT"));

	repl_start(r, 0, 0);
	assert_int_equal(repl_events(r), POLLIN | POLLOUT);
	assert_int_equal(step_repl(r), REPL_DONE);
	repl_free(r);
}

static void
repl_holds_again_when_the_slot_is_created(void **state)
{
	struct server *s = *state;
	struct repl	  *r;

	config.create = true;
	r = repl_new(&config);
	s->slot[0] = NULL;
	start_server(s);
	connect_ready(r);
	assert_false(repl_slot(r)->found);
	assert_int_equal(repl_step(r, now_ms()), REPL_READY);
	assert_null(strstr(s->queries, "CREATE_REPLICATION_SLOT"));
	repl_create(r);
	connect_ready(r);
	assert_true(repl_slot(r)->found);
	assert_true(repl_slot(r)->created);
	assert_int_equal(repl_slot(r)->confirmed_lsn, 0x1000);
	assert_null(strstr(s->queries, "START_REPLICATION"));
	repl_start(r, 0x1000, 1);
	assert_int_equal(step_repl(r), REPL_DONE);
	assert_true(repl_slot(r)->created);
	repl_free(r);
}

static void
repl_notices_a_connection_that_is_lost_while_held(void **state)
{
	struct server *s = *state;
	struct repl	  *r = repl_new(&config);
	int64_t		   until_ms;

	start_server(s);
	connect_ready(r);
	shutdown(s->client, SHUT_RDWR);
	until_ms = now_ms() + PATIENCE_MS;
	while (repl_step(r, now_ms()) == REPL_READY && now_ms() < until_ms)
		wait_io(r);
	expect_failed(r, repl_step(r, now_ms()), REPL_FAILURE_RETRY,
				  "connection lost while waiting to start");

	/* The next one is not affected. */
	assert_int_equal(connect_repl(r), REPL_DONE);
	repl_free(r);
}

static void
repl_looks_again_before_it_starts(void **state)
{
	struct server *s = *state;
	struct repl	  *r = repl_new(&config);
	const char	  *good[15];

	memcpy(good, s->slot, sizeof(good));
	start_server(s);
#define CASE(setting, lsn, kind, text)                \
	do                                                \
	{                                                 \
		connect_ready(r);                             \
		setting;                                      \
		repl_start(r, lsn, 1);                        \
		expect_failed(r, step_repl(r), kind, text);   \
		memcpy(s->slot, good, sizeof(good));          \
		s->timeline = "1";                            \
		s->history = NULL;                            \
		assert_null(strstr(s->queries, "START_REP")); \
	} while (0)

	CASE(s->slot[0] = NULL, 0x1000, REPL_FAILURE_UNSAFE, "is gone");
	CASE(s->slot[0] = NULL, 0, REPL_FAILURE_UNSAFE, "is gone");
	CASE(s->slot[6] = "0/1001", 0x1000, REPL_FAILURE_UNSAFE,
		 "moved the slot on, to 0/1001");
	CASE(s->slot[9] = "0/FFF", 0x1000, REPL_FAILURE_UNSAFE,
		 "WAL ends before it, at 0/FFF");
	CASE(s->slot[5] = "lost", 0x1000, REPL_FAILURE_UNSAFE, "invalidated");
	CASE(s->slot[3] = "4711", 0x1000, REPL_FAILURE_RETRY,
		 "in use by process 4711");

	/* A standby that was promoted. */
	CASE((s->timeline = "2", s->history = "1\t0/FFF\tno reason\n"), 0x1000,
		 REPL_FAILURE_UNSAFE, "left its timeline before it, at 0/FFF");
#undef CASE

	/* What nobody has delivered yet can stand where it likes. */
	connect_ready(r);
	s->slot[6] = "0/2000";
	repl_start(r, 0, 0);
	assert_int_equal(step_repl(r), REPL_DONE);
	assert_int_equal(repl_slot(r)->confirmed_lsn, 0x2000);
	repl_free(r);
}

static void
repl_never_creates_a_slot_that_a_position_says_was_there(void **state)
{
	struct server *s = *state;
	struct repl	  *r;

	config.create = true;
	r = repl_new(&config);
	s->slot[0] = NULL;
	start_server(s);
	connect_ready(r);
	repl_start(r, 0x1000, 1);
	expect_failed(r, step_repl(r), REPL_FAILURE_UNSAFE, "is gone");

	/* Without a position there may never have been one. */
	connect_ready(r);
	repl_start(r, 0, 0);
	expect_failed(r, step_repl(r), REPL_FAILURE_REFUSED, "does not exist");
	assert_null(strstr(s->queries, "CREATE_REPLICATION_SLOT"));
	repl_free(r);
}

/* A process that has just begun, with a position that was stored. */
static void
repl_checks_the_timeline_of_a_stored_position(void **state)
{
	struct server *s = *state;

	s->timeline = "3";
	s->history = "1\t0/2000\tno reason\n2\t0/8000\tno reason\n";
	start_server(s);
#define CASE(lsn, timeline, text)                                    \
	do                                                               \
	{                                                                \
		struct repl *r = repl_new(&config);                          \
                                                                     \
		start_lsn = lsn;                                             \
		start_timeline = timeline;                                   \
		if (text == NULL)                                            \
			assert_int_equal(connect_repl(r), REPL_DONE);            \
		else                                                         \
			expect_failure(r, REPL_FAILURE_UNSAFE,                   \
						   text != NULL ? (const char *) text : ""); \
		repl_free(r);                                                \
	} while (0)

	CASE(0x2000, 1, NULL);
	CASE(0x2001, 1, "left its timeline before it, at 0/2000");
	CASE(0x8000, 2, NULL);
	CASE(0x8001, 2, "left its timeline before it, at 0/8000");
	CASE(0x9000, 3, NULL);
	CASE(0x9000, 0, NULL);
	CASE(0x2000, 4, "does not hold timeline 4,");
	s->history = NULL;
	CASE(0x2000, 1, "is missing");
	CASE(0x2000, 3, NULL);
#undef CASE
}

static void
repl_leaves_a_slot_that_another_walferry_has(void **state)
{
	struct server *s = *state;
	struct repl	  *r = repl_new(&config);
	char		  *first;

	start_server(s);
	assert_int_equal(connect_repl(r), REPL_DONE);
	assert_null(strstr(s->queries, "pg_try_advisory_lock"));
	repl_reset(r);

	config.lock = true;
	s->locked_by = "4711";
	expect_failure(r, REPL_FAILURE_RETRY,
				   "another walferry has slot \"app\": process 4711");
	s->locked_by = NULL;
	s->queries[0] = '\0';
	assert_int_equal(connect_repl(r), REPL_DONE);

	/* Once on a connection: locks of a session add up. */
	first = strstr(s->queries, "pg_try_advisory_lock");
	assert_non_null(first);
	assert_non_null(strstr(first, "hashtext('app')"));
	assert_null(strstr(first + 1, "pg_try_advisory_lock"));
	repl_free(r);
}

static void
repl_creates_failover_slots_where_there_are_any(void **state)
{
	struct server *s = *state;
	struct repl	  *r = repl_new(&config);

	config.create = config.failover = true;
	s->slot[0] = NULL;
	start_server(s);
	expect_failure(r, REPL_FAILURE_REFUSED, "slot.failover=false");
	assert_null(strstr(s->queries, "CREATE_REPLICATION_SLOT"));
	s->version = "17.11";
	connect_ready(r);
	repl_create(r);
	connect_ready(r);
	assert_non_null(strstr(s->queries, "(SNAPSHOT 'nothing', FAILOVER true)"));
	repl_reset(r);

	/* A temporary slot cannot be one. */
	config.temporary = true;
	connect_ready(r);
	repl_create(r);
	connect_ready(r);
	assert_non_null(strstr(s->queries, "TEMPORARY LOGICAL \"walferry\" "
									   "(SNAPSHOT 'nothing')"));
	repl_free(r);
}

static void
repl_passes_over_standbys_of_a_list(void **state)
{
	struct server *s = *state;
	struct repl	  *r = repl_new(&config);
	char		   hosts[192];

	/* Alone, a standby is taken. */
	s->standbys = 1;
	start_server(s);
	connect_ready(r);
	assert_int_equal(s->greeted, 1);
	repl_reset(r);

	s->standbys = 2;
	snprintf(hosts, sizeof(hosts), "%s,%s", s->dir, s->dir);
	values[0] = hosts;
	connect_ready(r);
	assert_int_equal(s->greeted, 3);
	repl_reset(r);

	/* None but standbys: one may be promoted yet. */
	s->standbys = 99;
	expect_failure(r, REPL_FAILURE_RETRY, "hot standby mode");
	setenv("PGTARGETSESSIONATTRS", "any", 1);
	connect_ready(r);
	unsetenv("PGTARGETSESSIONATTRS");
	repl_free(r);
}

static void
repl_can_tell_whether_it_could_start(void **state)
{
	struct server *s = *state;
	struct repl	  *r = repl_new(&config);

	s->timeline = "2";
	s->history = "1\t0/2000\tno reason\n";
	start_server(s);
	connect_ready(r);
	assert_true(repl_can_start(r, 0x1000, 1));
	assert_true(repl_can_start(r, 0x2000, 1));
	assert_false(repl_can_start(r, 0x2001, 1));
	assert_non_null(strstr(repl_failure(r)->message, "left its timeline"));
	assert_true(repl_can_start(r, 0x2001, 2));
	assert_false(repl_can_start(r, 0x2001, 3));
	assert_false(repl_can_start(r, 0xfff, 1));
	assert_non_null(strstr(repl_failure(r)->message, "moved the slot on"));
	assert_false(repl_can_start(r, 0x9001, 2));
	assert_non_null(strstr(repl_failure(r)->message, "WAL ends before"));

	/* Asking changes nothing. */
	assert_int_equal(step_repl(r), REPL_READY);
	repl_start(r, 0x1000, 1);
	assert_int_equal(step_repl(r), REPL_DONE);
	repl_reset(r);

	/* A standby may come to it yet. */
	s->version = "17.11";
	s->in_recovery = "t";
	connect_ready(r);
	assert_true(repl_can_start(r, 0x9001, 2));
	repl_free(r);
}

static void
repl_gives_up_on_a_server_that_says_nothing(void **state)
{
	struct server *s = *state;
	struct repl	  *r;

	s->mute = true;
	config.connect_timeout_ms = 300;
	r = repl_new(&config);
	start_server(s);
	expect_failure(r, REPL_FAILURE_RETRY, "no answer within 300 ms");
	repl_free(r);
}

static enum repl_probe
probe(struct repl *r)
{
	int64_t			until_ms = now_ms() + PATIENCE_MS;
	enum repl_probe outcome;

	repl_probe_start(r);
	while ((outcome = repl_probe_step(r)) == REPL_PROBE_RUNNING &&
		   now_ms() < until_ms)
		(void) poll(NULL, 0, 2);
	return outcome;
}

static void
repl_probe_tells_a_server_that_is_shutting_down(void **state)
{
	struct server	   *s = *state;
	struct repl		   *r = repl_new(&config);
	struct repl_message m;

	start_server(s);
	assert_int_equal(probe(r), REPL_PROBE_NONE); /* of whom? */
	put_xlog_data(&s->stream, 1, 2, "data", 4);
	assert_int_equal(connect_repl(r), REPL_DONE);
	assert_int_equal(probe(r), REPL_PROBE_ACCEPTED);
	s->other = "57P03 the database system is shutting down";
	assert_int_equal(probe(r), REPL_PROBE_SHUTTING_DOWN);
	assert_int_equal(repl_probe_step(r), REPL_PROBE_NONE);
	s->other = "53300 sorry, too many clients already";
	assert_int_equal(probe(r), REPL_PROBE_NONE);

	/* The stream is not disturbed. */
	assert_int_equal(read_repl(r, &m), REPL_DONE);
	assert_memory_equal(m.data, "data", 4);

	/* Left unfinished. */
	repl_probe_start(r);
	repl_probe_start(r);
	repl_free(r);
}

/* What is logged meanwhile is kept from standard error. */
struct capture
{
	FILE *file;
	int	  saved;
};

static void
begin_capture(struct capture *c)
{
	c->file = tmpfile();
	assert_non_null(c->file);
	c->saved = dup(STDERR_FILENO);
	dup2(fileno(c->file), STDERR_FILENO);
}

/* How often does 'text' stand in it? */
static int
end_capture(struct capture *c, const char *text)
{
	static char all[16384];
	int			n = 0;

	dup2(c->saved, STDERR_FILENO);
	close(c->saved);
	rewind(c->file);
	all[fread(all, 1, sizeof(all) - 1, c->file)] = '\0';
	fclose(c->file);
	for (const char *p = all; (p = strstr(p, text)) != NULL; p++)
		n++;
	return n;
}

/* One that is held up by Kafka does not connect anew, so it asks. */
static void
repl_warns_of_a_slot_that_is_about_to_be_lost(void **state)
{
	struct server *s = *state;
	struct repl	  *r = repl_new(&config);
	struct capture c;

	log_set_level(LOG_LEVEL_WARN);
	s->version = "15.99";
	start_server(s);
	assert_int_equal(connect_repl(r), REPL_DONE);
	begin_capture(&c);
	assert_int_equal(probe(r), REPL_PROBE_ACCEPTED);
	assert_int_equal(end_capture(&c, "warn repl"), 0);

	s->slot[5] = "unreserved";
	begin_capture(&c);
	for (int i = 0; i < 3; i++)
		assert_int_equal(probe(r), REPL_PROBE_ACCEPTED);
	assert_int_equal(end_capture(&c, "is lost at the next checkpoint"), 1);
	repl_free(r);

	/* At the start, too, though everything is looked up twice. */
	r = repl_new(&config);
	begin_capture(&c);
	assert_int_equal(connect_repl(r), REPL_DONE);
	assert_int_equal(end_capture(&c, "is lost at the next checkpoint"), 1);
	repl_free(r);
}

/* A listener that drops who comes: its backlog is full, nobody accepts. */
struct black_hole
{
	int	 fds[5];
	char port[16];
};

static void
open_black_hole(struct black_hole *h)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
							   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t		   len = sizeof(addr);
	struct pollfd	   pfd;

	h->fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(h->fds[0], (struct sockaddr *) &addr, len), 0);
	assert_int_equal(listen(h->fds[0], 0), 0);
	assert_int_equal(getsockname(h->fds[0], (struct sockaddr *) &addr, &len),
					 0);
	snprintf(h->port, sizeof(h->port), "%d", ntohs(addr.sin_port));
	for (int i = 1; i < 5; i++)
	{
		h->fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void) connect(h->fds[i], (struct sockaddr *) &addr, len);
	}

	/* The last of them must not have come through. */
	pfd = (struct pollfd){.fd = h->fds[4], .events = POLLOUT};
	assert_int_equal(poll(&pfd, 1, 100), 0);
}

static void
close_black_hole(struct black_hole *h)
{
	for (int i = 0; i < 5; i++)
		close(h->fds[i]);
}

static void
repl_never_waits_for_a_host_that_drops_packets(void **state)
{
	struct black_hole h;
	struct repl		 *r;
	enum repl_outcome outcome;
	int64_t			  until_ms = now_ms() + PATIENCE_MS;
	int64_t			  before_ms;

	(void) state;
	open_black_hole(&h);
	values[0] = "127.0.0.1";
	values[1] = h.port;
	keywords[4] = "tcp_user_timeout"; /* libpq would wait as long */
	values[4] = "6000";
	config.connect_timeout_ms = 300;
	r = repl_new(&config);
	do
	{
		before_ms = now_ms();
		outcome = repl_step(r, before_ms);
		assert_true(now_ms() - before_ms < 3000);
		if (outcome == REPL_AGAIN)
			wait_io(r);
	} while (outcome == REPL_AGAIN && now_ms() < until_ms);
	assert_int_equal(outcome, REPL_FAILED);
	assert_int_equal(repl_failure(r)->kind, REPL_FAILURE_RETRY);
	assert_non_null(strstr(repl_failure(r)->message,
						   "no answer within 300 ms from 127.0.0.1"));
	repl_free(r);
	close_black_hole(&h);
}

static void
repl_goes_on_to_the_next_host_when_time_is_over(void **state)
{
	struct server	 *s = *state;
	struct black_hole h;
	struct repl		 *r;
	char			  hosts[128], ports[64];

	open_black_hole(&h);
	snprintf(hosts, sizeof(hosts), "127.0.0.1,127.0.0.1,%s", s->dir);
	snprintf(ports, sizeof(ports), "%s,%s,5432", h.port, h.port);
	values[0] = hosts;
	values[1] = ports;
	config.connect_timeout_ms = 300;
	r = repl_new(&config);
	start_server(s);
	expect_failure(r, REPL_FAILURE_RETRY, "no answer within 300 ms from 127");
	expect_failure(r, REPL_FAILURE_RETRY, "no answer within 300 ms from 127");
	config.connect_timeout_ms = PATIENCE_MS;
	assert_int_equal(connect_repl(r), REPL_DONE);
	repl_free(r);
	close_black_hole(&h);
}

/* Whatever the bytes: an outcome, no crash, no endless loop. */
static void
repl_survives_spoiled_answers(void **state)
{
	struct server *s = *state;
	const char	  *given = getenv("WALFERRY_TEST_SEED");
	uint64_t	   seed = given ? strtoull(given, NULL, 0) : 20261121;
	int			   streamed = 0, failed = 0;

	printf("seed %llu\n", (unsigned long long) seed);
	fflush(stdout);
	rng_state = seed;
	s->timeline = "2";
	s->history = "1\t0/500\tno reason\n";
	put_xlog_data(&s->stream, 1, 2, "data", 4);
	put_keepalive(&s->stream, 3, 1);
	put_xlog_data(&s->stream, 4, 5, "more", 4);
	put_message(&s->stream, 'c', "", 0);
	put_message(&s->stream, 'C', "COPY 0", 7);
	put_ready(&s->stream);
	s->hang_up = true;

	/* What a broken length makes it wait for does not come. */
	config.connect_timeout_ms = 20;
	config.create = true;
	start_server(s);
	log_set_level(LOG_LEVEL_ERROR + 1);
	for (int i = 0; i < 400; i++)
	{
		struct repl		   *r = repl_new(&config);
		struct repl_message m;
		enum repl_outcome	outcome;
		int64_t				until_ms;

		s->spoil = i % 4 == 0 ? 0 : 100 * (1 + (unsigned) i % 7);
		s->queries[0] = '\0';
		s->slot[0] = i % 20 ? "logical" : NULL;
		until_ms = now_ms() + 50;
		while (((outcome = repl_step(r, now_ms())) == REPL_AGAIN ||
				outcome == REPL_READY) &&
			   now_ms() < until_ms)
		{
			struct pollfd pfd = {.fd = repl_fd(r), .events = repl_events(r)};

			if (outcome == REPL_READY)
				go_on(r);
			else
				(void) poll(&pfd, 1, 5);
		}
		until_ms = now_ms() + 50;
		while (outcome == REPL_DONE && now_ms() < until_ms)
		{
			outcome = repl_read(r, &m);
			if (outcome == REPL_DONE && m.kind == REPL_DATA)
			{
				for (size_t j = 0; j < m.len; j++)
					streamed += m.data[j] != 0;
			}
			if (outcome == REPL_AGAIN)
			{
				outcome = REPL_DONE;
				wait_io(r);
			}
		}
		if (outcome == REPL_FAILED)
		{
			assert_int_not_equal(repl_failure(r)->message[0], '\0');
			failed++;
		}
		repl_free(r);
	}
	printf("bytes streamed %d, failures %d\n", streamed, failed);
	assert_true(streamed >= 8 * 100);
	assert_true(failed > 20);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repl_maps_end_lsn_to_timeline),
		cmocka_unit_test(repl_first_timeline_has_no_history),
		cmocka_unit_test(repl_refuses_history_that_makes_no_sense),
		cmocka_unit_test(repl_keeps_newest_of_very_many_timelines),
		TEST(repl_reads_data_and_keepalives),
		TEST(repl_reads_what_arrives_byte_by_byte),
		TEST(repl_refuses_messages_that_make_no_sense),
		TEST(repl_reads_all_that_came_before_an_error),
		TEST(repl_lost_connection_is_worth_a_retry),
		TEST(repl_sends_status_as_the_protocol_has_it),
		TEST(repl_quotes_names_and_options),
		TEST(repl_creates_slot_only_if_asked),
		TEST(repl_never_creates_a_slot_a_second_time),
		TEST(repl_refuses_servers_and_slots_that_will_not_do),
		TEST(repl_starts_only_where_nothing_is_left_out),
		TEST(repl_does_without_a_lost_history),
		TEST(repl_refuses_a_former_primary),
		TEST(repl_waits_for_a_standby_that_has_yet_to_replay),
		TEST(repl_takes_no_standby_where_positions_are_stored),
		TEST(repl_lifts_transaction_timeout_where_there_is_one),
		TEST(repl_warns_once_of_an_old_minor),
		TEST(repl_holds_until_told_how_to_go_on),
		TEST(repl_holds_again_when_the_slot_is_created),
		TEST(repl_notices_a_connection_that_is_lost_while_held),
		TEST(repl_looks_again_before_it_starts),
		TEST(repl_never_creates_a_slot_that_a_position_says_was_there),
		TEST(repl_checks_the_timeline_of_a_stored_position),
		TEST(repl_leaves_a_slot_that_another_walferry_has),
		TEST(repl_creates_failover_slots_where_there_are_any),
		TEST(repl_passes_over_standbys_of_a_list),
		TEST(repl_can_tell_whether_it_could_start),
		TEST(repl_probe_tells_a_server_that_is_shutting_down),
		TEST(repl_warns_of_a_slot_that_is_about_to_be_lost),
		TEST(repl_gives_up_on_a_server_that_says_nothing),
		TEST(repl_never_waits_for_a_host_that_drops_packets),
		TEST(repl_goes_on_to_the_next_host_when_time_is_over),
		TEST(repl_survives_spoiled_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
