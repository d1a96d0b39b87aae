/*
 * clock.h - the time that timers go by: it never jumps.
 */
#ifndef FORWARDER_CLOCK_H
#define FORWARDER_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds since some moment of the past. */
static inline int64_t
clock_monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

#endif /* FORWARDER_CLOCK_H */
