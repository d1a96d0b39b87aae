/*
 * source_config.h - what the configuration means for the source.
 */
#ifndef FORWARDER_SOURCE_CONFIG_H
#define FORWARDER_SOURCE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "config.h"
#include "repl.h"

struct source_config
{
	struct repl_config repl;
	struct buf		   text;	  /* strings that 'repl' points to */
	struct buf		   counting;  /* what decides how events are counted */
	bool			   temporary; /* a slot for looking only */
	bool			   confirm;	  /* tell the slot what was delivered */
};

/* '*s' is zeroed by the caller; 'c' must outlive it. */
void source_config_init(struct source_config *s, const struct config *c);
void source_config_free(struct source_config *s);

/*
 * A hash of the options that decide what is in the stream: where it is the
 * same, the same WAL gives the same changes.  With
 * provide.transaction.metadata also of those that decide how many events they
 * are, and so what number each has.
 */
uint64_t source_config_filter(const struct source_config *s);

#endif /* FORWARDER_SOURCE_CONFIG_H */
