/*
 * heartbeat_action.h - the query that is run with each heartbeat.
 *
 * It has an ordinary connection of its own, as application_name
 * walferry_heartbeat, made when it is needed and closed when it is not for a
 * while: an idle session holds up a smart shutdown of the server.  Nothing here waits, but for the looking up of names (see pgconn.h).  What
 * goes wrong is logged once, until it goes well again, and is nobody else's
 * concern: the stream goes on.
 */
#ifndef FORWARDER_HEARTBEAT_ACTION_H
#define FORWARDER_HEARTBEAT_ACTION_H

#include <stdint.h>

struct heartbeat_action_config
{
	const char *const *keywords; /* libpq's, NULL-terminated */
	const char *const *values;
	const char		  *query;
	int				   connect_timeout_ms; /* 0: none */
	int				   query_timeout_ms;   /* likewise */
};

struct heartbeat_action;

/* '*config' and what it points to must outlive it. */
struct heartbeat_action		 *
heartbeat_action_new(const struct heartbeat_action_config *config);
void heartbeat_action_free(struct heartbeat_action *a);

/* Run the query, as soon as can be; not if the last one is still under way. */
void heartbeat_action_run(struct heartbeat_action *a, int64_t now_ms);

/*
 * Go on with what is under way; costs nothing if that is nothing.  To be
 * called when the descriptor is ready for its events, and when it is due.
 */
void heartbeat_action_step(struct heartbeat_action *a, int64_t now_ms);

/* The descriptor, -1 where nothing is awaited; and the time, or INT64_MAX. */
int		heartbeat_action_fd(const struct heartbeat_action *a);
short	heartbeat_action_events(const struct heartbeat_action *a);
int64_t heartbeat_action_due_ms(const struct heartbeat_action *a);

#endif /* FORWARDER_HEARTBEAT_ACTION_H */
