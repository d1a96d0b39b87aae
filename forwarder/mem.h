/*
 * mem.h - memory that is there, or the end of the process.
 *
 * The slot replays whatever was not confirmed, so running out of memory logs
 * and aborts instead of unwinding through half-built state.
 */
#ifndef FORWARDER_MEM_H
#define FORWARDER_MEM_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static inline void *
mem_check(void *p, size_t bytes)
{
	if (p == NULL && bytes > 0)
	{
		fprintf(stderr, "error mem: out of memory bytes=%zu\n", bytes);
		abort();
	}
	return p;
}

/* 'n' zeroed elements of 'size' bytes; free() gives them back. */
static inline void *
mem_zalloc(size_t n, size_t size)
{
	return mem_check(calloc(n ? n : 1, size), size);
}

/* 'p', which free() may have given back before, with room for 'n' elements. */
static inline void *
mem_resize(void *p, size_t n, size_t size)
{
	if (size > 0 && n > SIZE_MAX / size)
		mem_check(NULL, SIZE_MAX);
	return mem_check(realloc(p, n * size), n * size);
}

#endif /* FORWARDER_MEM_H */
