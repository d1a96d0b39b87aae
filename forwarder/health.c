/*
 * health.c - a Unix socket on which the running forwarder answers.
 */
#include "health.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "mem.h"

#define BACKLOG 16
#define CONNECT_RETRY_MS 50

struct health
{
	int	  fd;
	char *path;
};

static bool
make_address(const char *path, struct sockaddr_un *address)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(address->sun_path))
		return false;
	memcpy(address->sun_path, path, strlen(path));
	return true;
}

/* A socket file without a process behind it refuses connections. */
static bool
is_stale(const struct sockaddr_un *address)
{
	struct stat st;
	int			fd;
	int			error = 0;

	/* So does any other file, and that is not ours to remove. */
	if (lstat(address->sun_path, &st) == 0 && !S_ISSOCK(st.st_mode))
	{
		errno = EEXIST;
		return false;
	}

	/* Of a process that hangs, and has enough waiting, it would not return. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	if (connect(fd, (const struct sockaddr *) address, sizeof(*address)) < 0)
		error = errno;
	close(fd);
	errno = error == 0 || error == EAGAIN ? EADDRINUSE : error;
	return error == ECONNREFUSED;
}

struct health *
health_open(const char *path)
{
	struct sockaddr_un address;
	struct health	  *h;
	mode_t			   mask;
	int				   fd;
	int				   bound;

	if (!make_address(path, &address))
	{
		log_error("health", "path of walferry.health.socket is too long",
				  "path=%s limit=%zu", log_str(path),
				  sizeof(address.sun_path) - 1);
		return NULL;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
	{
		log_error("health", "cannot make a socket", "error=%s",
				  log_str(strerror(errno)));
		return NULL;
	}

	/* Nobody else may ask: table names are in the answer. */
	mask = umask(0177);
	bound = bind(fd, (struct sockaddr *) &address, sizeof(address));
	if (bound < 0 && errno == EADDRINUSE && is_stale(&address))
	{
		unlink(path);
		bound = bind(fd, (struct sockaddr *) &address, sizeof(address));
	}
	umask(mask);
	if (bound < 0 || listen(fd, BACKLOG) < 0)
	{
		log_error("health",
				  errno == EADDRINUSE
					  ? "another process answers on walferry.health.socket"
					  : "cannot listen on walferry.health.socket",
				  "path=%s error=%s", log_str(path), log_str(strerror(errno)));
		close(fd);
		return NULL;
	}
	h = mem_zalloc(1, sizeof(*h));
	h->fd = fd;
	h->path = mem_check(strdup(path), strlen(path) + 1);
	return h;
}

void
health_close(struct health *h)
{
	if (h == NULL)
		return;
	close(h->fd);
	unlink(h->path);
	free(h->path);
	free(h);
}

int
health_fd(const struct health *h)
{
	return h ? h->fd : -1;
}

void
health_serve(struct health *h, const struct buf *answer)
{
	for (int i = 0; i < BACKLOG; i++)
	{
		int fd = accept4(h->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		(void) !send(fd, answer->data, answer->len, MSG_NOSIGNAL);
		close(fd);
	}
}

static int
left_ms(int64_t until_ms)
{
	int64_t left = until_ms - clock_monotonic_ms();

	return left > 0 ? (int) left : 0;
}

/* False with errno; EAGAIN: as many are waiting for it as can, for too long. */
static bool
connect_until(int fd, const struct sockaddr_un *address, int64_t until_ms)
{
	while (connect(fd, (const struct sockaddr *) address, sizeof(*address)) <
		   0)
	{
		if (errno != EAGAIN || left_ms(until_ms) == 0)
			return false;
		(void) poll(NULL, 0, CONNECT_RETRY_MS);
		errno = EAGAIN;
	}
	return true;
}

bool
health_ask(const char *path, int timeout_ms, struct buf *out)
{
	struct sockaddr_un address;
	struct pollfd	   p = {.events = POLLIN};
	int64_t			   until_ms = clock_monotonic_ms() + timeout_ms;
	bool			   ok = false;

	if (!make_address(path, &address))
	{
		buf_printf(out, "path of walferry.health.socket is too long: %s",
				   path);
		return false;
	}
	p.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p.fd < 0 || !connect_until(p.fd, &address, until_ms))
	{
		if (errno == EAGAIN)
			buf_printf(out, "the forwarder behind %s gave no answer", path);
		else
			buf_printf(out, "no forwarder answers on %s: %s", path,
					   strerror(errno));
		goto cleanup;
	}
	while (poll(&p, 1, left_ms(until_ms)) > 0)
	{
		ssize_t n = read(p.fd, buf_reserve(out, 4096), 4096);

		if (n <= 0)
		{
			ok = n == 0 && out->len > 0;
			break;
		}
		buf_commit(out, (size_t) n);
	}
	if (!ok)
	{
		buf_reset(out);
		buf_printf(out, "the forwarder behind %s gave no answer", path);
	}

cleanup:
	if (p.fd >= 0)
		close(p.fd);
	return ok;
}
