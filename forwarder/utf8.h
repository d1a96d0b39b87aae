/*
 * utf8.h - where the characters of UTF-8 end.
 */
#ifndef FORWARDER_UTF8_H
#define FORWARDER_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What stands for a byte that is no part of a character: U+FFFD. */
#define UTF8_REPLACEMENT "\xef\xbf\xbd"

static inline bool
utf8_is_continuation(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

/*
 * Length of the UTF-8 character at p, whose first byte is not ASCII; 0 if it
 * is not one: overlong, a surrogate, beyond U+10FFFF or cut off.
 */
static inline size_t
utf8_len(const uint8_t *p, const uint8_t *end)
{
	size_t left = (size_t) (end - p);

	if (p[0] < 0xc2)
		return 0;
	if (p[0] < 0xe0)
		return left >= 2 && utf8_is_continuation(p[1]) ? 2 : 0;
	if (p[0] < 0xf0)
	{
		if (left < 3 || !utf8_is_continuation(p[1]) ||
			!utf8_is_continuation(p[2]) || (p[0] == 0xe0 && p[1] < 0xa0) ||
			(p[0] == 0xed && p[1] > 0x9f))
			return 0;
		return 3;
	}
	if (p[0] > 0xf4 || left < 4 || !utf8_is_continuation(p[1]) ||
		!utf8_is_continuation(p[2]) || !utf8_is_continuation(p[3]) ||
		(p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return 4;
}

/* The code point of one of four bytes. */
static inline uint32_t
utf8_code_of_four(const uint8_t *p)
{
	return (uint32_t) (p[0] & 0x07) << 18 | (uint32_t) (p[1] & 0x3f) << 12 |
		   (uint32_t) (p[2] & 0x3f) << 6 | (p[3] & 0x3f);
}

#endif /* FORWARDER_UTF8_H */
