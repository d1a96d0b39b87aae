/*
 * frame.h
 *		Messages gather here until the stream must move.
 *
 * Every OutputPluginWrite is one CopyData message, a send() and a wake-up of
 * the receiver; inside an uncommitted transaction nobody waits for a row.  So
 * messages of several callbacks share a frame, which goes out at commit, at
 * the end of a stream block, or when it has grown to the threshold.
 */
#ifndef DECODER_FRAME_H
#define DECODER_FRAME_H

#include "postgres.h"

#include "lib/stringinfo.h"
#include "replication/logical.h"

#include "wire.h"

typedef struct Frame
{
	LogicalDecodingContext *ctx;	/* where frames go; or NULL, and then ... */
	StringInfo	collected;		/* ... messages are appended here, uncut */
	struct wire_writer w;		/* over 'data', the kind byte included */
	uint8	   *data;			/* WIRE_FRAME_MAX bytes */
	size_t		threshold;
	uint64		large_total;	/* of the message being cut up, else 0 */
	uint64		large_offset;	/* of the fragment being filled */
} Frame;

/* Allocate in the current memory context. */
extern void frame_init(Frame *frame, LogicalDecodingContext *ctx,
					   size_t threshold);
extern void frame_init_collecting(Frame *frame, StringInfo collected);

/* Send what has gathered, if anything. */
extern void frame_flush(Frame *frame);

/*
 * Messages are written to frame->w between frame_mark() and frame_end().
 * frame_end() returns false if the message did not fit: nothing of it is left
 * and the frame has been sent, so that one more try, from frame_mark() on,
 * has all the room there is.  If that fails too, use frame_large_*().
 */
static inline size_t
frame_mark(Frame *frame)
{
	return wire_writer_len(&frame->w);
}

extern bool frame_end_overflow(Frame *frame, size_t mark);

static inline bool
frame_end(Frame *frame, size_t mark)
{
	return likely(!frame->w.overflow) || frame_end_overflow(frame, mark);
}

/* Has enough gathered? */
static inline bool
frame_is_full(const Frame *frame)
{
	return wire_writer_len(&frame->w) >= frame->threshold;
}

/*
 * A message larger than a frame goes out in pieces.  'total' is its exact
 * length; that many bytes must follow by frame_large_put().
 */
extern void frame_large_begin(Frame *frame, uint64 total);
extern void frame_large_put(Frame *frame, const void *data, size_t len);
extern void frame_large_end(Frame *frame);

/* A message that is ready, in pieces if need be. */
extern void frame_put(Frame *frame, const void *message, size_t len);

#endif							/* DECODER_FRAME_H */
