/*
 * clock.c - another time of day for one program, for the fault harness.
 *
 *     LD_PRELOAD=clock.so FAULT_CLOCK=FILE program
 *
 * FILE holds a number in eight bytes, as this machine has them: so many
 * seconds are added to the time of day, from the moment on that they are
 * written there.  The monotonic clock is left alone, as a jump leaves it.
 *
 * Programs wait for moments of that clock, and the kernel knows only the real
 * one; so deadlines are put back.  A wait that has begun is not changed by a
 * jump.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

/* Deadlines beyond this are of the time of day; it is in 2001. */
#define TIME_OF_DAY 1000000000

static const volatile int64_t *offset;

__attribute__((constructor)) static void
clock_open(void)
{
	const char *name = getenv("FAULT_CLOCK");
	int			fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
	void	   *map;

	if (fd < 0)
		return;
	map = mmap(NULL, sizeof(*offset), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (map != MAP_FAILED)
		offset = map;
}

static int64_t
seconds(void)
{
	return offset ? *offset : 0;
}

static void *
real(const char *name)
{
	void *f = NULL;

#ifdef __x86_64__
	/* An older one of the same name is the first that would be found. */
	f = dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2");
#endif
	f = f ? f : dlsym(RTLD_NEXT, name);
	if (f == NULL)
		abort();
	return f;
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	static int (*next)(clockid_t, struct timespec *);
	int result;

	if (next == NULL)
		next = (int (*)(clockid_t, struct timespec *)) real("clock_gettime");
	result = next(id, ts);
	if (result == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		ts->tv_sec += seconds();
	return result;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts;

	(void) zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

int
timespec_get(struct timespec *ts, int base)
{
	if (base != TIME_UTC)
		return 0;
	clock_gettime(CLOCK_REALTIME, ts);
	return base;
}

time_t
time(time_t *t)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (t != NULL)
		*t = ts.tv_sec;
	return ts.tv_sec;
}

static struct timespec
real_deadline(const struct timespec *deadline)
{
	struct timespec ts = *deadline;

	if (ts.tv_sec > TIME_OF_DAY)
		ts.tv_sec -= seconds();
	return ts;
}

int
pthread_cond_timedwait(pthread_cond_t *restrict cond,
					   pthread_mutex_t *restrict mutex,
					   const struct timespec *restrict deadline)
{
	static int (*next)(pthread_cond_t *, pthread_mutex_t *,
					   const struct timespec *);
	struct timespec ts = real_deadline(deadline);

	if (next == NULL)
		next = (int (*)(pthread_cond_t *, pthread_mutex_t *,
						const struct timespec *))
			real("pthread_cond_timedwait");
	return next(cond, mutex, &ts);
}

int
cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict mutex,
			  const struct timespec *restrict deadline)
{
	static int (*next)(cnd_t *, mtx_t *, const struct timespec *);
	struct timespec ts = real_deadline(deadline);

	if (next == NULL)
		next = (int (*)(cnd_t *, mtx_t *, const struct timespec *)) real(
			"cnd_timedwait");
	return next(cond, mutex, &ts);
}
