/*
 * jsontext.c - the words of JSON; see jsontext.h for the contract.
 */
#include "jsontext.h"

#include <math.h>
#include <stdbool.h>

#include "pgtext.h"
#include "utf8.h"

/* ---------------------------------------------------------------- strings */

/*
 * What has to be written in place of a byte: 0 itself, 'u' its \u form, 'x'
 * it is not ASCII, else the letter after the backslash.
 */
static const char instead_of[256] = {
	[0x00] = 'u', 'u', 'u',			'u',		   'u',
	'u',		  'u', 'u',			'b',		   't',
	'n',		  'u', 'f',			'r',		   'u',
	'u',		  'u', 'u',			'u',		   'u',
	'u',		  'u', 'u',			'u',		   'u',
	'u',		  'u', 'u',			'u',		   'u',
	'u',		  'u', ['"'] = '"', ['\\'] = '\\', [0x80 ... 0xff] = 'x',
};

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Does one of these eight bytes need more than to be copied? */
static inline bool
has_special(const uint8_t *p)
{
	uint64_t v;
	uint64_t quote;
	uint64_t backslash;

	memcpy(&v, p, 8);
	quote = v ^ EACH('"');
	backslash = v ^ EACH('\\');

	/*
	 * x - 1 in a byte has its top bit set if the byte is 0 (or above 0x80, or
	 * a borrow came in from one that is special itself); so for 0x20.
	 */
	return ((v | (v - EACH(0x20)) | (quote - EACH(1)) |
			 (backslash - EACH(1))) &
			EACH(0x80)) != 0;
}

static void
put_escape(struct buf *out, uint8_t c)
{
	static const char hex[] = "0123456789ABCDEF";
	uint8_t			 *p = buf_reserve(out, 6);

	*p++ = '\\';
	*p++ = (uint8_t) instead_of[c];
	if (instead_of[c] != 'u')
	{
		buf_commit(out, 2);
		return;
	}
	*p++ = '0';
	*p++ = '0';
	*p++ = (uint8_t) hex[c >> 4];
	*p++ = (uint8_t) hex[c & 15];
	buf_commit(out, 6);
}

static uint8_t *
put_unit(uint8_t *p, uint32_t unit)
{
	static const char hex[] = "0123456789ABCDEF";

	*p++ = '\\';
	*p++ = 'u';
	for (int shift = 12; shift >= 0; shift -= 4)
		*p++ = (uint8_t) hex[(unit >> shift) & 15];
	return p;
}

#define SURROGATES_LEN 12

/* A character of four bytes, as Jackson writes it: its surrogates. */
static void
put_surrogates(struct buf *out, const uint8_t *c)
{
	uint32_t code = utf8_code_of_four(c) - 0x10000;
	uint8_t *p = buf_reserve(out, SURROGATES_LEN);

	p = put_unit(p, 0xd800 | code >> 10);
	(void) put_unit(p, 0xdc00 | (code & 0x3ff));
	buf_commit(out, SURROGATES_LEN);
}

/* Characters of 'longest' bytes or more are written as their surrogates. */
static inline void
string_part(struct buf *out, const void *data, size_t len, size_t longest)
{
	const uint8_t *p = data;
	const uint8_t *end = len > 0 ? p + len : p;
	const uint8_t *run = p; /* not yet copied */

	while (p < end)
	{
		size_t n = 0;

		while ((size_t) (end - p) >= 8 && !has_special(p))
			p += 8;
		while (p < end && instead_of[*p] == 0)
			p++;
		if (p == end)
			break;
		if (instead_of[*p] == 'x' && (n = utf8_len(p, end)) > 0 && n < longest)
		{
			p += n;
			continue;
		}
		buf_put(out, run, (size_t) (p - run));
		if (n == 4)
			put_surrogates(out, p);
		else if (instead_of[*p] == 'x')
			buf_lit(out, UTF8_REPLACEMENT);
		else
			put_escape(out, *p);
		p += n == 4 ? 4 : 1;
		run = p;
	}
	buf_put(out, run, (size_t) (end - run));
}

void
jsontext_string_part(struct buf *out, const void *data, size_t len)
{
	string_part(out, data, len, 4);
}

void
jsontext_inner_part(struct buf *out, const void *data, size_t len)
{
	string_part(out, data, len, 5);
}

void
jsontext_string(struct buf *out, const void *data, size_t len)
{
	buf_putc(out, '"');
	jsontext_string_part(out, data, len);
	buf_putc(out, '"');
}

static uint32_t
get_unit(const uint8_t *p)
{
	uint32_t unit = 0;

	for (int i = 0; i < 4; i++)
		unit = unit << 4 |
			   (uint32_t) (p[i] <= '9' ? p[i] - '0' : p[i] - 'A' + 10);
	return unit;
}

/* What is escaped by its number is a control character or two surrogates. */
static uint8_t *
put_code(uint8_t *to, const uint8_t **from)
{
	const uint8_t *p = *from;
	uint32_t	   code = get_unit(p);

	*from = p + 4;
	if (code < 0x80)
	{
		*to++ = (uint8_t) code;
		return to;
	}
	code = 0x10000 + ((code & 0x3ff) << 10 | (get_unit(p + 6) & 0x3ff));
	*from = p + 10;
	*to++ = (uint8_t) (0xf0 | code >> 18);
	*to++ = (uint8_t) (0x80 | (code >> 12 & 0x3f));
	*to++ = (uint8_t) (0x80 | (code >> 6 & 0x3f));
	*to++ = (uint8_t) (0x80 | (code & 0x3f));
	return to;
}

size_t
jsontext_unescape(uint8_t *text, size_t len)
{
	const uint8_t *p = text;
	const uint8_t *end = text + len;
	uint8_t		  *to = text;

	while (p < end)
	{
		uint8_t c = *p++;

		if (c == '\\')
		{
			c = *p++;
			switch (c)
			{
				case 'b':
					c = '\b';
					break;
				case 't':
					c = '\t';
					break;
				case 'n':
					c = '\n';
					break;
				case 'f':
					c = '\f';
					break;
				case 'r':
					c = '\r';
					break;
				case 'u':
					to = put_code(to, &p);
					continue;
				default:
					break;
			}
		}
		*to++ = c;
	}
	return (size_t) (to - text);
}

/* How many bytes the inside of the string takes. */
static size_t
string_len(const uint8_t *p, size_t len)
{
	const uint8_t *end = p + len;
	size_t		   n = len;

	while (p < end)
	{
		size_t whole;

		while ((size_t) (end - p) >= 8 && !has_special(p))
			p += 8;
		while (p < end && instead_of[*p] == 0)
			p++;
		if (p == end)
			break;
		if (instead_of[*p] != 'x')
			n += instead_of[*p] == 'u' ? 5 : 1;
		else if ((whole = utf8_len(p, end)) > 0)
		{
			if (whole == 4)
				n += SURROGATES_LEN - 4;
			p += whole;
			continue;
		}
		else
			n += 2;
		p++;
	}
	return n;
}

/* What is escaped at once. */
#define TAIL_PIECE 4096

/* At most 'max' bytes that end where a character does. */
static size_t
whole_characters(const uint8_t *p, size_t len, size_t max)
{
	if (len <= max)
		return len;
	for (size_t n = max; n > max - 4; n--)
	{
		if (!utf8_is_continuation(p[n]))
			return n;
	}
	return max; /* too many of them: no character is that long */
}

void
jsontext_string_tail(struct buf *out, size_t start)
{
	size_t		   len = out->len - start;
	size_t		   longer;
	const uint8_t *text;

	if (out->over)
		return;
	longer = 2 + (len > 0 ? string_len(out->data + start, len) - len : 0);

	/* An escape asks for a few bytes more than it needs. */
	(void) buf_reserve(out, longer + SURROGATES_LEN);
	if (out->over)
	{
		buf_commit(out, longer);
		return;
	}

	/*
	 * Move it to the end of where the string will be: what is written from
	 * the start on never reaches what is still to be read.
	 */
	text = out->data + start + longer;
	memmove(out->data + start + longer, out->data + start, len);
	out->len = start;
	buf_putc(out, '"');
	while (len > 0)
	{
		uint8_t piece[TAIL_PIECE];
		size_t	n = whole_characters(text, len, sizeof(piece));

		memcpy(piece, text, n);
		jsontext_string_part(out, piece, n);
		text += n;
		len -= n;
	}
	buf_putc(out, '"');
}

/* ---------------------------------------------------------------- numbers */

static const char pairs[] =
	"00010203040506070809101112131415161718192021222324"
	"25262728293031323334353637383940414243444546474849"
	"50515253545556575859606162636465666768697071727374"
	"75767778798081828384858687888990919293949596979899";

uint8_t *
jsontext_digits_n(uint8_t *p, uint64_t v, int n)
{
	uint8_t *q = p + n;

	while (q - p >= 2)
	{
		q -= 2;
		memcpy(q, pairs + v % 100 * 2, 2);
		v /= 100;
	}
	if (q > p)
		*p = (uint8_t) ('0' + v % 10);
	return p + n;
}

/* 10 to the power of 0 to 19 */
static const uint64_t powers[] = {
	1,
	10,
	100,
	1000,
	10000,
	100000,
	1000000,
	10000000,
	100000000,
	1000000000,
	10000000000,
	100000000000,
	1000000000000,
	10000000000000,
	100000000000000,
	1000000000000000,
	10000000000000000,
	100000000000000000,
	1000000000000000000,
	UINT64_C(10000000000000000000),
};

uint8_t *
jsontext_digits(uint8_t *p, uint64_t v)
{
	/* 1233 / 4096 is log10(2), near enough for 64 bits: 'n' or one more */
	int n = (64 - __builtin_clzll(v | 1)) * 1233 >> 12;

	return jsontext_digits_n(p, v, n + (v >= powers[n] || n == 0));
}

void
jsontext_u64(struct buf *out, uint64_t v)
{
	uint8_t *p = buf_reserve(out, 20);

	buf_commit(out, (size_t) (jsontext_digits(p, v) - p));
}

void
jsontext_i64(struct buf *out, int64_t v)
{
	if (v >= 0)
	{
		jsontext_u64(out, (uint64_t) v);
		return;
	}
	buf_putc(out, '-');
	jsontext_u64(out, 0 - (uint64_t) v);
}

void
jsontext_double(struct buf *out, double v)
{
	if (isnan(v))
		buf_lit(out, "\"NaN\"");
	else if (isinf(v))
		buf_puts(out, v > 0 ? "\"Infinity\"" : "\"-Infinity\"");
	else
		pgtext_float_double_java(out, v);
}

void
jsontext_single(struct buf *out, float v)
{
	if (isnan(v))
		buf_lit(out, "\"NaN\"");
	else if (isinf(v))
		buf_puts(out, v > 0 ? "\"Infinity\"" : "\"-Infinity\"");
	else
		pgtext_float_single_java(out, v);
}

/* ----------------------------------------------------------------- binary */

static const char alphabets[2][65] = {
	[JSONTEXT_BASE64] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
	[JSONTEXT_BASE64_URL] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

/* The four characters of n bytes, 1 to 3; 'to' may be where 'from' is. */
static inline void
encode_group(uint8_t *to, const uint8_t *from, size_t n, const char *alphabet)
{
	uint32_t v = (uint32_t) from[0] << 16 |
				 (n > 1 ? (uint32_t) from[1] << 8 : 0) | (n > 2 ? from[2] : 0);

	to[0] = (uint8_t) alphabet[v >> 18];
	to[1] = (uint8_t) alphabet[v >> 12 & 63];
	to[2] = (uint8_t) (n > 1 ? alphabet[v >> 6 & 63] : '=');
	to[3] = (uint8_t) (n > 2 ? alphabet[v & 63] : '=');
}

/* Bytes that are encoded at once; a multiple of 3. */
#define BINARY_PIECE ((size_t) 3 << 20)

static size_t
encoded_len(size_t len)
{
	return (len + 2) / 3 * 4;
}

void
jsontext_base64(struct buf *out, enum jsontext_base64 alphabet,
				const uint8_t *data, size_t len)
{
	const char *letters = alphabets[alphabet];
	uint8_t	   *to;
	size_t		i = 0;

	/* Piece by piece, so that a buffer that is over need not hold it all. */
	for (; len > BINARY_PIECE; data += BINARY_PIECE, len -= BINARY_PIECE)
		jsontext_base64(out, alphabet, data, BINARY_PIECE);
	to = buf_reserve(out, encoded_len(len));
	buf_commit(out, encoded_len(len));
	for (; len - i >= 3; i += 3, to += 4)
		encode_group(to, data + i, 3, letters);
	if (i < len)
		encode_group(to, data + i, len - i, letters);
}

void
jsontext_base64_tail(struct buf *out, enum jsontext_base64 alphabet,
					 size_t start)
{
	const char *letters = alphabets[alphabet];
	size_t		len = out->len - start;
	size_t		groups = (len + 2) / 3;
	uint8_t	   *p;

	if (len == 0)
		return;

	/* From the end: what is written never reaches what is still to be read. */
	(void) buf_reserve(out, encoded_len(len) - len);
	p = out->data + start;
	if (len % 3 != 0)
	{
		groups--;
		encode_group(p + groups * 4, p + groups * 3, len % 3, letters);
	}
	while (groups-- > 0)
		encode_group(p + groups * 4, p + groups * 3, 3, letters);
	out->len = start + encoded_len(len);
}

void
jsontext_hex(struct buf *out, const uint8_t *data, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t			 *p;

	for (; len > BINARY_PIECE; data += BINARY_PIECE, len -= BINARY_PIECE)
		jsontext_hex(out, data, BINARY_PIECE);
	p = buf_reserve(out, len * 2);
	for (size_t i = 0; i < len; i++)
	{
		*p++ = (uint8_t) hex[data[i] >> 4];
		*p++ = (uint8_t) hex[data[i] & 15];
	}
	buf_commit(out, len * 2);
}
