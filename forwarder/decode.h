/*
 * decode.h - frames in, transactions and changes out.
 *
 * Pure: bytes go in by decode_feed(), events come out of decode_next() until
 * it wants another frame.  It assembles fragmented messages (beyond a limit, it
 * condenses them), numbers the changes, and checks what the stream promises: a header first,
 * begin and commit in turn, end LSNs that only grow, commit counts that match
 * what arrived.  Anything else is DECODE_FAILED, which is final.
 */
#ifndef FORWARDER_DECODE_H
#define FORWARDER_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "change.h"
#include "schema.h"

enum decode_event
{
	DECODE_MORE,	 /* the frame is used up: feed the next */
	DECODE_HEADER,	 /* the stream's header: decode_header() */
	DECODE_RELATION, /* new or replaced: decode_relation() */
	DECODE_BEGIN,	 /* decode_transaction() */
	DECODE_CHANGE,	 /* decode_change(), decode_relation() */
	DECODE_COMMIT,	 /* of the transaction begun last */
	DECODE_FAILED	 /* decode_error() */
};

/* What the stream says of itself; strings live as long as the decoder. */
struct decode_header
{
	uint16_t	version;
	uint32_t	server_version_num;
	uint64_t	system_id;
	uint32_t	timeline;
	const char *database;
	const char *encoding;
	char		byte_order;
	const char *plugin_version;
};

struct decode;

/*
 * 'release' as for schema_new().  'timeline_of' maps an LSN to the timeline it
 * was written on; where it is NULL, that is the header's.  'message_max'
 * bounds one assembled message, in bytes.  Of a larger row or logical message
 * only what is short is kept (condense.h), and its change says so; anything
 * else that is larger is DECODE_FAILED with an error that names its length.
 */
struct decode *decode_new(void (*release)(void *user),
						  uint32_t (*timeline_of)(void *arg, uint64_t lsn),
						  void *arg, size_t message_max);
void		   decode_free(struct decode *d);

/* A new stream begins: everything but the memory is forgotten. */
void decode_reset(struct decode *d);

/* The frame is borrowed until decode_next() says DECODE_MORE. */
void decode_feed(struct decode *d, const uint8_t *frame, size_t len);

/*
 * The next event.  A non-transactional message comes as begin (xid 0, no
 * commit time), change, commit; a truncate as one change for each relation.
 * A value that was not rewritten, but is in the old tuple, is CHANGE_VALUE
 * with the old bytes.
 */
enum decode_event decode_next(struct decode *d);

/*
 * The change handed out last is not needed any more: if it was a large one,
 * its memory is given back now, and not with the next frame.
 */
void decode_release(struct decode *d);

/* A large message is being put together, or is there. */
bool decode_is_holding(const struct decode *d);

const struct decode_header		*decode_header(const struct decode *d);
const struct change_transaction *decode_transaction(const struct decode *d);
const struct change				*decode_change(const struct decode *d);
struct schema_relation			*decode_relation(const struct decode *d);

/* One line: message, field and offset; the transaction, if inside one. */
const char *decode_error(const struct decode *d);

/* DECODE_FAILED because the header's version is one we do not know. */
bool decode_version_mismatch(const struct decode *d);

#endif /* FORWARDER_DECODE_H */
