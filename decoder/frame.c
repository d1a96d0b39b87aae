/*
 * frame.c
 *		Messages gather here until the stream must move.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "replication/output_plugin.h"

#include "frame.h"

static void
start_frame(Frame *frame)
{
	wire_writer_init(&frame->w, frame->data, WIRE_FRAME_MAX);
	wire_put_u8(&frame->w, WIRE_FRAME_MESSAGES);
}

static void
send_frame(Frame *frame)
{
	LogicalDecodingContext *ctx = frame->ctx;

	if (ctx == NULL)
	{
		appendBinaryStringInfo(frame->collected, (char *) frame->data + 1,
							   (int) wire_writer_len(&frame->w) - 1);
		return;
	}
	OutputPluginPrepareWrite(ctx, true);
	appendBinaryStringInfo(ctx->out, (char *) frame->data,
						   (int) wire_writer_len(&frame->w));
	OutputPluginWrite(ctx, true);
}

void
frame_init(Frame *frame, LogicalDecodingContext *ctx, size_t threshold)
{
	memset(frame, 0, sizeof(*frame));
	frame->ctx = ctx;
	frame->threshold = threshold;
	/* Pages are touched, and thus cost memory, only as far as they fill. */
	frame->data = palloc(WIRE_FRAME_MAX);
	start_frame(frame);
}

void
frame_init_collecting(Frame *frame, StringInfo collected)
{
	frame_init(frame, NULL, WIRE_FRAME_MAX);
	frame->collected = collected;
}

void
frame_flush(Frame *frame)
{
	if (wire_writer_len(&frame->w) > 1)
	{
		send_frame(frame);
		start_frame(frame);
	}
}

bool
frame_end_overflow(Frame *frame, size_t mark)
{
	frame->w.p = frame->w.start + mark;
	frame->w.end = frame->w.start + WIRE_FRAME_MAX;
	frame->w.overflow = false;
	frame_flush(frame);
	return false;
}

static void
start_fragment(Frame *frame)
{
	wire_writer_init(&frame->w, frame->data, WIRE_FRAME_MAX);
	wire_write_fragment_head(&frame->w, frame->large_total,
							 frame->large_offset);
}

void
frame_large_begin(Frame *frame, uint64 total)
{
	frame_flush(frame);
	if (frame->ctx == NULL)
		return;
	frame->large_total = total;
	frame->large_offset = 0;
	start_fragment(frame);
}

void
frame_large_put(Frame *frame, const void *data, size_t len)
{
	const char *p = data;

	if (frame->ctx == NULL)
	{
		appendBinaryStringInfo(frame->collected, p, (int) len);
		return;
	}
	while (len > 0)
	{
		size_t		room = (size_t) (frame->w.end - frame->w.p);
		size_t		n = Min(len, room);

		wire_put_bytes(&frame->w, p, n);
		p += n;
		len -= n;
		if (n == room)
		{
			frame->large_offset += WIRE_FRAME_MAX - WIRE_FRAGMENT_HEAD;
			send_frame(frame);
			start_fragment(frame);
		}
	}
}

void
frame_large_end(Frame *frame)
{
	if (frame->ctx == NULL)
		return;
	if (wire_writer_len(&frame->w) > WIRE_FRAGMENT_HEAD)
		send_frame(frame);
	frame->large_total = 0;
	start_frame(frame);
}

void
frame_put(Frame *frame, const void *message, size_t len)
{
	if (len > (size_t) (frame->w.end - frame->w.p))
		frame_flush(frame);
	if (len <= (size_t) (frame->w.end - frame->w.p))
		wire_put_bytes(&frame->w, message, len);
	else
	{
		frame_large_begin(frame, len);
		frame_large_put(frame, message, len);
		frame_large_end(frame);
	}
}
