/*
 * avro_name.c - names as Avro allows them; see avro_name.h.
 *
 * Allowed are the letters of ASCII, the underscore and, except at the
 * beginning, digits.
 */
#include "avro_name.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static bool
is_allowed(enum avro_name_mode mode, uint8_t c, bool first, bool dots)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return true;
	if (c == '_')
		return mode == AVRO_NAME_REPLACE;
	return !first && ((c >= '0' && c <= '9') || (c == '.' && dots));
}

static void
put_unit(enum avro_name_mode mode, uint32_t unit, struct buf *out)
{
	if (mode == AVRO_NAME_ESCAPE)
		buf_printf(out, "_u%04x", unit);
	else
		buf_putc(out, '_');
}

static void
put_name(enum avro_name_mode mode, const char *s, bool dots, struct buf *out)
{
	const uint8_t *p = (const uint8_t *) s;
	const uint8_t *start = p;

	if (mode == AVRO_NAME_NONE)
	{
		buf_puts(out, s);
		return;
	}

	/* A digit is wrong only where it stands. */
	if (mode == AVRO_NAME_REPLACE && *p >= '0' && *p <= '9')
	{
		buf_putc(out, '_');
		buf_putc(out, (char) *p++);
	}
	while (*p != '\0')
	{
		uint32_t c = *p;
		int		 more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;

		if (is_allowed(mode, *p, p == start, dots))
		{
			buf_putc(out, (char) *p++);
			continue;
		}
		if (more > 0)
			c &= 0x3fu >> more;
		for (p++; more > 0 && (*p & 0xc0) == 0x80; more--, p++)
			c = c << 6 | (*p & 0x3f);
		if (c >= 0x10000)
		{
			c -= 0x10000;
			put_unit(mode, 0xd800 | c >> 10, out);
			c = 0xdc00 | (c & 0x3ff);
		}
		put_unit(mode, c, out);
	}
}

void
avro_name_field(enum avro_name_mode mode, const char *s, struct buf *out)
{
	put_name(mode, s, false, out);
}

void
avro_name_schema(enum avro_name_mode mode, const char *s, struct buf *out)
{
	put_name(mode, s, true, out);
}
