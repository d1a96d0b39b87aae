/*
 * health.h - a Unix socket on which the running forwarder answers.
 *
 * Who connects gets one JSON object and the end of the stream.  There is
 * nothing to send and nothing to change.
 */
#ifndef FORWARDER_HEALTH_H
#define FORWARDER_HEALTH_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

struct health;

/*
 * Listen on 'path', for this user alone.  A socket that a dead process left
 * is taken over; one on which somebody answers is not.  NULL with the error
 * logged.
 */
struct health *health_open(const char *path);
void		   health_close(struct health *h); /* removes the socket */

int health_fd(const struct health *h);

/*
 * Answer everybody who is waiting.  An answer that the other side does not
 * take at once is cut off: nobody can hold the loop.
 */
void health_serve(struct health *h, const struct buf *answer);

/*
 * Ask the process behind 'path', for at most 'timeout_ms'.  False, with the
 * reason in 'out', if there is no answer.
 */
bool health_ask(const char *path, int timeout_ms, struct buf *out);

#endif /* FORWARDER_HEALTH_H */
