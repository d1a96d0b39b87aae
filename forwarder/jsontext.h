/*
 * jsontext.h - the words of JSON, spelled as Kafka Connect spells them.
 *
 * Pure functions that append to a buffer: strings escaped as Jackson does it,
 * numbers as Java's toString() has them, binary as base64.  What comes out is
 * valid JSON in valid UTF-8 whatever goes in.
 */
#ifndef FORWARDER_JSONTEXT_H
#define FORWARDER_JSONTEXT_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"

enum jsontext_base64
{
	JSONTEXT_BASE64,	/* RFC 4648, section 4 */
	JSONTEXT_BASE64_URL /* section 5: - and _; padded as well */
};

/*
 * A string in quotes.  Escaped are the quote, the backslash and the control
 * characters below 0x20, those without a short form as \u00XX with upper-case
 * digits, and characters beyond U+FFFF, as the two surrogates that UTF-16 has
 * for them; nothing else is.  A byte that is not part of valid UTF-8 becomes
 * U+FFFD.
 */
void jsontext_string(struct buf *out, const void *data, size_t len);

/* The same without the quotes: a piece of a string, whole characters. */
void jsontext_string_part(struct buf *out, const void *data, size_t len);

/*
 * The same of JSON that will be in a string itself: Jackson leaves characters
 * beyond U+FFFF as they are in it, for the outer string to escape.
 */
void jsontext_inner_part(struct buf *out, const void *data, size_t len);

/*
 * Undo that in place, of a string that jsontext_string() wrote, without its
 * quotes; returns how long it is then.
 */
size_t jsontext_unescape(uint8_t *p, size_t len);

/* Turn the bytes from 'start' to the buffer's end into such a string. */
void jsontext_string_tail(struct buf *out, size_t start);

void jsontext_i64(struct buf *out, int64_t v);
void jsontext_u64(struct buf *out, uint64_t v);

/* 1.0E7, -0.0; "NaN", "Infinity" and "-Infinity" as strings. */
void jsontext_double(struct buf *out, double v);
void jsontext_single(struct buf *out, float v);

/* No quotes in these. */
void jsontext_base64(struct buf *out, enum jsontext_base64 alphabet,
					 const uint8_t *data, size_t len);
void jsontext_hex(struct buf *out, const uint8_t *data, size_t len);

/* Turn the bytes from 'start' to the buffer's end into their base64. */
void jsontext_base64_tail(struct buf *out, enum jsontext_base64 alphabet,
						  size_t start);

/*
 * For those who have reserved the room: write decimal digits (at most 20) or
 * exactly 'n' digits of v < 10^n at p, and return the end.
 */
uint8_t *jsontext_digits(uint8_t *p, uint64_t v);
uint8_t *jsontext_digits_n(uint8_t *p, uint64_t v, int n);

#endif /* FORWARDER_JSONTEXT_H */
