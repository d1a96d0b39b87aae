/*
 * java_text.h - strings as Java sees them: in units of UTF-16, and in the
 * order of a HashMap.
 *
 * Where Debezium goes through one, what it writes is in that order: by the
 * lower bits of the spread hash, of which more count the more there are, and
 * then as they came.
 */
#ifndef FORWARDER_JAVA_TEXT_H
#define FORWARDER_JAVA_TEXT_H

#include <stdint.h>

/* The character of UTF-8 at 'p', before 'end'; returns where the next one is. */
static inline const char *
java_text_next(uint32_t *c, const char *p, const char *end)
{
	int more;

	*c = (uint8_t) *p;
	more = *c >= 0xf0 ? 3 : *c >= 0xe0 ? 2 : *c >= 0xc0 ? 1 : 0;
	if (more > 0)
		*c &= 0x3fu >> more;
	for (; more > 0 && end - p > 1; more--)
		*c = *c << 6 | ((uint8_t) * ++p & 0x3f);
	return p + 1;
}

/* Likewise, and the character is added to a String.hashCode(). */
static inline const char *
java_text_hash(uint32_t *hash, const char *p, const char *end)
{
	uint32_t c;

	p = java_text_next(&c, p, end);
	if (c >= 0x10000)
	{
		c -= 0x10000;
		*hash = 31 * *hash + (0xd800 | c >> 10);
		c = 0xdc00 | (c & 0x3ff);
	}
	*hash = 31 * *hash + c;
	return p;
}

/* As HashMap spreads it. */
static inline uint32_t
java_text_spread(uint32_t hash)
{
	return hash ^ hash >> 16;
}

/* The buckets of a HashMap that began with so many, and has 'n' entries. */
static inline uint32_t
java_text_grown_buckets(uint32_t buckets, uint32_t n)
{
	while (n > (uint64_t) buckets * 3 / 4 && buckets < UINT32_C(1) << 30)
		buckets *= 2;
	return buckets;
}

/* Of one that was made without saying for how many. */
static inline uint32_t
java_text_buckets(uint32_t n)
{
	return java_text_grown_buckets(16, n);
}

/* Of one that was made for 'n'. */
static inline uint32_t
java_text_sized_buckets(uint32_t n)
{
	uint32_t buckets = 1;

	while (buckets < n && buckets < UINT32_C(1) << 30)
		buckets *= 2;
	return java_text_grown_buckets(buckets, n);
}

#endif /* FORWARDER_JAVA_TEXT_H */
