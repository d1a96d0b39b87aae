/*
 * buf.c - a growable byte buffer; see buf.h for the contract.
 */
#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define BUF_MIN 256

/* Room for what is not kept, so that not every byte comes here. */
#define OVER_STEP ((size_t) 1 << 20)

/*
 * Give up what has been written, for good: whole pages of it go back to the
 * system and read as zeros.  The addresses stay, so that offsets into the
 * buffer keep their meaning for those who are still writing.
 */
static void
discard(struct buf *b)
{
	uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE);
	uintptr_t from = ((uintptr_t) b->data + page - 1) & ~(page - 1);
	uintptr_t to = ((uintptr_t) b->data + b->len) & ~(page - 1);

	if (b->data != NULL && to > from)
		(void) madvise((void *) from, to - from, MADV_DONTNEED);
}

void
buf_grow(struct buf *b, size_t extra)
{
	size_t	 cap = b->cap ? b->cap : BUF_MIN;
	uint8_t *data;

	if (extra > SIZE_MAX / 2 - b->len)
		abort();
	while (cap - b->len < extra)
		cap *= 2;
	if (b->max > 0 && cap > b->max)
	{
		/* What fits is not to be passed unseen. */
		cap = b->max;
		if (b->len + extra > b->max)
		{
			discard(b);
			b->over = true;
			cap = b->len + extra + OVER_STEP;
		}
	}
	data = realloc(b->data, cap);
	if (data == NULL)
	{
		fprintf(stderr, "error buf: out of memory bytes=%zu\n", cap);
		abort();
	}
	b->data = data;
	b->cap = cap;
}

void
buf_free(struct buf *b)
{
	free(b->data);
	b->data = NULL;
	b->len = b->cap = 0;
	b->over = false;
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int		n;
	char   *out = (char *) buf_reserve(b, 1); /* may change b->cap */

	va_start(ap, fmt);
	n = vsnprintf(out, b->cap - b->len, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if ((size_t) n >= b->cap - b->len)
	{
		buf_grow(b, (size_t) n + 1);
		va_start(ap, fmt);
		n = vsnprintf((char *) b->data + b->len, b->cap - b->len, fmt, ap);
		va_end(ap);
	}
	b->len += (size_t) n;
}

const char *
buf_cstr(struct buf *b)
{
	*buf_reserve(b, 1) = 0;
	return (const char *) b->data;
}

void
buf_put_u64(struct buf *b, uint64_t v)
{
	char   digits[20];
	size_t n = sizeof(digits);

	do
	{
		digits[--n] = (char) ('0' + v % 10);
		v /= 10;
	} while (v != 0);
	buf_put(b, digits + n, sizeof(digits) - n);
}

void
buf_put_i64(struct buf *b, int64_t v)
{
	if (v < 0)
	{
		buf_putc(b, '-');
		buf_put_u64(b, (uint64_t) - (v + 1) + 1);
	}
	else
		buf_put_u64(b, (uint64_t) v);
}
