/*
 * hash.h - a hash of a name, for the tables that find things by it.
 */
#ifndef FORWARDER_HASH_H
#define FORWARDER_HASH_H

#include <stdint.h>

/* FNV-1a, 32 bits; only for tables in memory, it is stored nowhere. */
static inline uint32_t
hash_name(const char *name)
{
	uint32_t h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (unsigned char) *name) * 16777619u;
	return h;
}

#endif /* FORWARDER_HASH_H */
