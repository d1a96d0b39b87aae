/*
 * kafka_version.h - what old versions of librdkafka break, so that it is said
 * before it is met.
 *
 * Versions are those of rd_kafka_version(): 0xMMmmrrff, the last byte less for
 * what came before a release.
 */
#ifndef FORWARDER_KAFKA_VERSION_H
#define FORWARDER_KAFKA_VERSION_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* Older ones lose records in silence; nothing here is tested with them. */
#define KAFKA_VERSION_LEAST 0x020002ff

/* What the configuration makes use of: flags. */
enum kafka_use
{
	KAFKA_USE_PRODUCER = 1, /* always */
	KAFKA_USE_TRANSACTIONS = 2,
	KAFKA_USE_SCRAM = 4,
	KAFKA_USE_CERTIFICATE = 8, /* of a client */
	KAFKA_USE_POSITIONS = 16,  /* read at each start */
	KAFKA_USE_TLS = 32
};

struct kafka_flaw
{
	int			from;	/* the first version that has it; 0: all that are */
	int			until;	/* the first that has it not */
	unsigned	uses;	/* who meets it; 0: nobody, see 'effect' */
	const char *breaks; /* what goes wrong */
	const char *effect; /* and what that means for walferry, or why nothing */
	const char *see;	/* in librdkafka's CHANGELOG.md, or where else */
};

/* All of them, by the version that repaired them. */
const struct kafka_flaw *kafka_version_flaws(size_t *n);

/* Does who makes these uses of this version meet it? */
bool
kafka_version_meets(const struct kafka_flaw *flaw, int version, unsigned uses);

/*
 * "2.0.2"; "before 2.3.0" of what comes before a release.  'text' has room for
 * KAFKA_VERSION_TEXT bytes, and is returned.
 */
#define KAFKA_VERSION_TEXT 32
const char *kafka_version_text(int version, char *text);

/* The table of docs/operations.md. */
void kafka_version_docs(struct buf *out);

#endif /* FORWARDER_KAFKA_VERSION_H */
