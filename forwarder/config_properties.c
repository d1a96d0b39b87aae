/*
 * config_properties.c - Java's properties format.
 *
 * A line is "name=value", "name: value" or "name value"; '#' or '!' first
 * makes a comment; an odd number of backslashes at its end continues it on
 * the next line, whose leading white space is dropped.  \t \n \r \f \uXXXX
 * are escapes, a backslash before any other character only hides its meaning.
 * Unlike java.util.Properties the file is UTF-8, and values end without
 * trailing white space, as Kafka's own configuration classes read them.
 */
#include "config_part.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct parser
{
	const char *p;
	const char *end;
	int			line;
};

static bool
is_space(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\f';
}

/* Step over one end of line; false if there is none here. */
static bool
skip_newline(struct parser *s)
{
	if (s->p == s->end || (*s->p != '\n' && *s->p != '\r'))
		return false;
	if (*s->p == '\r' && s->end - s->p > 1 && s->p[1] == '\n')
		s->p++;
	s->p++;
	s->line++;
	return true;
}

static void
skip_space(struct parser *s)
{
	while (s->p < s->end && is_space(*s->p))
		s->p++;
}

static void
put_utf8(struct buf *b, uint32_t cp)
{
	if (cp < 0x80)
		buf_putc(b, (char) cp);
	else if (cp < 0x800)
	{
		buf_putc(b, (char) (0xC0 | cp >> 6));
		buf_putc(b, (char) (0x80 | (cp & 0x3F)));
	}
	else if (cp < 0x10000)
	{
		buf_putc(b, (char) (0xE0 | cp >> 12));
		buf_putc(b, (char) (0x80 | (cp >> 6 & 0x3F)));
		buf_putc(b, (char) (0x80 | (cp & 0x3F)));
	}
	else
	{
		buf_putc(b, (char) (0xF0 | cp >> 18));
		buf_putc(b, (char) (0x80 | (cp >> 12 & 0x3F)));
		buf_putc(b, (char) (0x80 | (cp >> 6 & 0x3F)));
		buf_putc(b, (char) (0x80 | (cp & 0x3F)));
	}
}

/* Four hexadecimal digits at s->p, which is left behind them. */
static bool
read_hex4(struct parser *s, uint32_t *out)
{
	uint32_t v = 0;

	if (s->end - s->p < 4)
		return false;
	for (int i = 0; i < 4; i++)
	{
		unsigned char ch = (unsigned char) s->p[i];

		if (!isxdigit(ch))
			return false;
		v = v << 4 |
			(uint32_t) (isdigit(ch) ? ch - '0' : tolower(ch) - 'a' + 10);
	}
	s->p += 4;
	*out = v;
	return true;
}

/* One escape; s->p is behind its backslash and not at an end of line. */
static bool
read_escape(struct parser *s, struct buf *out, struct buf *error)
{
	char	 ch = *s->p++;
	uint32_t cp;

	switch (ch)
	{
		case 't':
			buf_putc(out, '\t');
			return true;
		case 'n':
			buf_putc(out, '\n');
			return true;
		case 'r':
			buf_putc(out, '\r');
			return true;
		case 'f':
			buf_putc(out, '\f');
			return true;
		case 'u':
			break;
		default:
			buf_putc(out, ch);
			return true;
	}

	if (!read_hex4(s, &cp))
	{
		buf_lit(error, "\\u needs four hexadecimal digits");
		return false;
	}
	if (cp >= 0xD800 && cp <= 0xDBFF && s->end - s->p >= 6 &&
		s->p[0] == '\\' && s->p[1] == 'u')
	{
		uint32_t low;

		s->p += 2;
		if (!read_hex4(s, &low) || low < 0xDC00 || low > 0xDFFF)
			cp = 0;
		else
			cp = 0x10000 + ((cp - 0xD800) << 10) + (low - 0xDC00);
	}
	else if (cp >= 0xD800 && cp <= 0xDFFF)
		cp = 0;
	if (cp == 0)
	{
		buf_lit(error, "\\u does not give a character");
		return false;
	}
	put_utf8(out, cp);
	return true;
}

/*
 * Read on to the end of the logical line, or for a name to what ends it.
 */
static bool
read_part(struct parser *s, bool is_name, struct buf *out, struct buf *error)
{
	while (s->p < s->end && *s->p != '\n' && *s->p != '\r')
	{
		if (*s->p == '\\')
		{
			s->p++;
			if (s->p == s->end)
				break;
			if (skip_newline(s))
			{
				skip_space(s);
				continue;
			}
			if (!read_escape(s, out, error))
				return false;
			continue;
		}
		if (is_name && (is_space(*s->p) || *s->p == '=' || *s->p == ':'))
			break;
		buf_putc(out, *s->p++);
	}
	return true;
}

bool
config_properties_parse(const char *text, size_t len, config_pair_fn fn,
						void *arg, int *line, struct buf *error)
{
	struct parser s = {text, text + len, 1};
	struct buf	  name = {0};
	struct buf	  value = {0};
	size_t		  valid = config_text_utf8_valid(text, len);
	const char	 *nul = memchr(text, 0, len);
	bool		  ok = true;

	if (nul != NULL || valid < len)
	{
		const char *bad = nul != NULL ? nul : text + valid;

		for (; s.p < bad;)
		{
			if (!skip_newline(&s))
				s.p++;
		}
		*line = s.line;
		if (nul != NULL)
			buf_lit(error, "a zero byte: this is not a text file");
		else
			buf_lit(error, "not UTF-8: save the file as UTF-8, or write "
						   "\\uXXXX");
		return false;
	}
	if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
		s.p += 3;

	while (s.p < s.end)
	{
		int at;

		skip_space(&s);
		if (skip_newline(&s))
			continue;
		if (s.p == s.end)
			break;
		if (*s.p == '#' || *s.p == '!')
		{
			while (s.p < s.end && *s.p != '\n' && *s.p != '\r')
				s.p++;
			continue;
		}

		at = s.line;
		buf_reset(&name);
		buf_reset(&value);
		if (!read_part(&s, true, &name, error))
		{
			ok = false;
			break;
		}
		skip_space(&s);
		if (s.p < s.end && (*s.p == '=' || *s.p == ':'))
		{
			s.p++;
			skip_space(&s);
		}
		/* white space before the value may itself be continued */
		if (!read_part(&s, false, &value, error))
		{
			ok = false;
			break;
		}
		if (name.len > 0)
		{
			char *trimmed = config_text_trim(buf_cstr(&value), value.len);

			fn(arg, buf_cstr(&name), trimmed, at);
			free(trimmed);
		}
	}
	*line = s.line;
	buf_free(&name);
	buf_free(&value);
	return ok;
}
