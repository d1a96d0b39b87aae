/*
 * forward.h - the pipeline and its states.
 */
#ifndef FORWARDER_FORWARD_H
#define FORWARDER_FORWARD_H

#include "buf.h"
#include "config.h"

/* The program's exit codes. */
enum forward_exit
{
	FORWARD_STOPPED = 0,
	FORWARD_FAILED = 1, /* a restart may help */
	FORWARD_USAGE = 2,	/* usage or configuration */
	FORWARD_SOURCE_REFUSED = 3,
	FORWARD_SINK_REFUSED = 4,
	FORWARD_UNSAFE = 5 /* going on could lose data */
};

/*
 * Carry changes from PostgreSQL to the sink until SIGTERM or SIGINT, or until
 * something that retrying cannot mend; returns the exit code.  'config' must
 * have been checked.  Installs handlers for both signals.
 */
enum forward_exit forward_run(const struct config *config);

/* The state table as Markdown, for the documentation. */
void forward_docs(struct buf *out);

#endif /* FORWARDER_FORWARD_H */
