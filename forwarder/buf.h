/*
 * buf.h - a growable byte buffer.
 *
 * Owned by whoever declared it; zero-initialise it (struct buf b = {0}) or
 * call buf_reset() to reuse its memory.  Appending never fails: out of memory
 * logs and aborts, because the slot replays whatever was not confirmed and a
 * half-built event is worth nothing.  A buffer that has grown to the working
 * size of a stream allocates no more.
 *
 * With 'max', a buffer that would grow beyond it is 'over': from then on what
 * is written is counted and not kept, at no more memory than 'max' and the
 * longest single append.  Its length says how long it would have become; its
 * content is undefined.
 */
#ifndef FORWARDER_BUF_H
#define FORWARDER_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf
{
	uint8_t *data; /* NULL until the first append */
	size_t	 len;  /* bytes in use */
	size_t	 cap;  /* bytes allocated */
	size_t	 max;  /* bytes worth keeping; 0: all */
	bool	 over; /* its content is gone */
};

/* Make room for 'extra' more bytes; called by the inlines below. */
void buf_grow(struct buf *b, size_t extra);

/* Give the memory back.  buf_free() of an empty buffer is a no-op. */
void buf_free(struct buf *b);

/* printf into the buffer; for messages and configuration, not per row. */
void buf_printf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Keep the buffer NUL-terminated beyond len and return it as a string. */
const char *buf_cstr(struct buf *b);

static inline void
buf_reset(struct buf *b)
{
	b->len = 0;
	b->over = false;
}

/* Room for 'n' bytes; returns where they go.  buf_commit() what was used. */
static inline uint8_t *
buf_reserve(struct buf *b, size_t n)
{
	if (n > b->cap - b->len)
		buf_grow(b, n);
	return b->data + b->len;
}

static inline void
buf_commit(struct buf *b, size_t n)
{
	b->len += n;
}

static inline void
buf_put(struct buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	memcpy(buf_reserve(b, n), p, n);
	b->len += n;
}

static inline void
buf_putc(struct buf *b, char c)
{
	*buf_reserve(b, 1) = (uint8_t) c;
	b->len++;
}

static inline void
buf_puts(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

/* A string literal, its length known at compile time. */
#define buf_lit(b, s) buf_put((b), "" s, sizeof(s) - 1)

/* Decimal integers, much faster than buf_printf(). */
void buf_put_u64(struct buf *b, uint64_t v);
void buf_put_i64(struct buf *b, int64_t v);

#endif /* FORWARDER_BUF_H */
