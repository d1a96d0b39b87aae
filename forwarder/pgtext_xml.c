/*
 * pgtext_xml.c - xml.
 *
 * The value is the text as it was given, but xmlout drops the declaration or
 * what in it no longer holds: the encoding always, a version 1.0 and with it
 * the rest unless "standalone" was said.  A declaration that cannot be parsed
 * is left alone.
 */
#include "pgtext_impl.h"

struct scan
{
	const uint8_t *p;
	const uint8_t *end;
};

static bool
is_space(const struct scan *s)
{
	return s->p < s->end &&
		   (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r');
}

static void
skip_space(struct scan *s)
{
	while (is_space(s))
		s->p++;
}

static bool
starts_with(const struct scan *s, const char *word)
{
	size_t n = strlen(word);

	return (size_t) (s->end - s->p) >= n && memcmp(s->p, word, n) == 0;
}

/* = "value" or = 'value', the quotes not included */
static bool
read_value(struct scan *s, struct scan *value)
{
	uint8_t quote;

	skip_space(s);
	if (s->p == s->end || *s->p != '=')
		return false;
	s->p++;
	skip_space(s);
	if (s->p == s->end || (*s->p != '"' && *s->p != '\''))
		return false;
	quote = *s->p++;
	value->p = s->p;
	value->end = memchr(s->p, quote, (size_t) (s->end - s->p));
	if (value->end == NULL)
		return false;
	s->p = value->end + 1;
	return true;
}

/* Name characters: then it is another instruction, such as xml-stylesheet. */
static bool
is_name_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		   (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' ||
		   c == ':' || c > 0x7f;
}

/*
 * Parse the declaration at the start of 's', if there is one, and move behind
 * it.  False if it is malformed.
 */
static bool
read_declaration(struct scan *s, struct scan *version, int *standalone)
{
	const uint8_t *start = s->p;
	const uint8_t *before;
	struct scan	   value;

	version->p = version->end = NULL;
	*standalone = -1;
	if (!starts_with(s, "<?xml") ||
		(s->end - s->p > 5 && is_name_byte(s->p[5])))
		return true;
	s->p += 5;

	if (!is_space(s))
		return false;
	skip_space(s);
	if (!starts_with(s, "version"))
		return false;
	s->p += 7;
	if (!read_value(s, version))
		return false;

	before = s->p;
	skip_space(s);
	if (starts_with(s, "encoding"))
	{
		if (s->p == before)
			return false;
		s->p += 8;
		if (!read_value(s, &value))
			return false;
		before = s->p;
		skip_space(s);
	}
	if (starts_with(s, "standalone"))
	{
		if (s->p == before)
			return false;
		s->p += 10;
		if (!read_value(s, &value))
			return false;
		if (value.end - value.p == 3 && memcmp(value.p, "yes", 3) == 0)
			*standalone = 1;
		else if (value.end - value.p == 2 && memcmp(value.p, "no", 2) == 0)
			*standalone = 0;
		else
			return false;
		skip_space(s);
	}
	if (!starts_with(s, "?>"))
		return false;
	s->p += 2;
	for (const uint8_t *c = start; c < s->p; c++)
		if (*c > 0x7f)
			return false;
	return true;
}

PGTEXT_FN(pgtext_xml_out)
{
	struct scan s = {data, data + len};
	struct scan version;
	int			standalone;
	size_t		version_len;

	(void) t;
	if (!read_declaration(&s, &version, &standalone))
	{
		buf_put(out, data, len);
		return true;
	}
	version_len = (size_t) (version.end - version.p);
	if (standalone >= 0 ||
		(version.p != NULL &&
		 !(version_len == 3 && memcmp(version.p, "1.0", 3) == 0)))
	{
		buf_lit(out, "<?xml version=\"");
		buf_put(out, version.p, version_len);
		buf_putc(out, '"');
		if (standalone >= 0)
			buf_puts(out, standalone ? " standalone=\"yes\""
									 : " standalone=\"no\"");
		buf_lit(out, "?>");
	}
	else if (s.p < s.end && *s.p == '\n')
		s.p++;
	buf_put(out, s.p, (size_t) (s.end - s.p));
	return true;
}
