/*
 * config_text.c - small string work of the configuration; see config_part.h.
 */
#include "config_part.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "java_text.h"
#include "utf8.h"

void *
config_text_realloc(void *p, size_t n)
{
	p = realloc(p, n ? n : 1);
	if (p == NULL)
	{
		fprintf(stderr, "error config: out of memory bytes=%zu\n", n);
		abort();
	}
	return p;
}

void *
config_text_alloc(size_t n)
{
	void *p = config_text_realloc(NULL, n);

	memset(p, 0, n);
	return p;
}

char *
config_text_dupn(const char *s, size_t n)
{
	char *p = config_text_realloc(NULL, n + 1);

	memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *
config_text_dup(const char *s)
{
	return config_text_dupn(s, strlen(s));
}

void
config_text_add(struct config_strings *to, char *owned)
{
	to->v = config_text_realloc(to->v, (to->n + 1) * sizeof(*to->v));
	to->v[to->n++] = owned;
}

void
config_text_free(struct config_strings *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	s->v = NULL;
	s->n = 0;
}

static bool
is_blank(char ch)
{
	return ch != '\0' && (unsigned char) ch <= ' ';
}

char *
config_text_trim(const char *s, size_t n)
{
	while (n > 0 && is_blank(s[0]))
	{
		s++;
		n--;
	}
	while (n > 0 && is_blank(s[n - 1]))
		n--;
	return config_text_dupn(s, n);
}

bool
config_text_one_of(const char *set, const char *word, char **spelling)
{
	size_t len = strlen(word);

	for (const char *p = set; p != NULL;)
	{
		size_t n = strcspn(p, "|");

		if (n == len && strncasecmp(p, word, n) == 0)
		{
			if (spelling != NULL)
				*spelling = config_text_dupn(p, n);
			return true;
		}
		p = p[n] == '|' ? p + n + 1 : NULL;
	}
	return false;
}

void
config_text_put_set(struct buf *b, const char *set)
{
	for (const char *p = set; *p; p++)
	{
		if (*p == '|')
			buf_lit(b, ", ");
		else
			buf_putc(b, *p);
	}
}

bool
config_text_number(enum config_type type, const char *s, int64_t *out)
{
	static const struct
	{
		enum config_type type;
		const char		*unit;
		int64_t			 factor;
	} units[] = {
		{CONFIG_MS, "ms", 1},
		{CONFIG_MS, "s", 1000},
		{CONFIG_MS, "m", 60 * 1000},
		{CONFIG_MS, "min", 60 * 1000},
		{CONFIG_MS, "h", 3600 * 1000},
		{CONFIG_BYTES, "B", 1},
		{CONFIG_BYTES, "kB", 1024},
		{CONFIG_BYTES, "MB", 1024 * 1024},
		{CONFIG_BYTES, "GB", 1024 * 1024 * 1024},
	};
	bool		negative = *s == '-';
	const char *p = s + (*s == '-' || *s == '+');
	int64_t		v = 0;

	if (!isdigit((unsigned char) *p))
		return false;
	for (; isdigit((unsigned char) *p); p++)
	{
		if (v > (INT64_MAX - (*p - '0')) / 10)
			return false;
		v = v * 10 + (*p - '0');
	}
	while (is_blank(*p))
		p++;
	if (*p != '\0')
	{
		bool known = false;

		for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		{
			if (units[i].type == type && strcasecmp(units[i].unit, p) == 0)
			{
				if (v > INT64_MAX / units[i].factor)
					return false;
				v *= units[i].factor;
				known = true;
				break;
			}
		}
		if (!known)
			return false;
	}
	*out = negative ? -v : v;
	return true;
}

void
config_text_split(const char *s, bool regex, struct config_strings *out)
{
	char *item;

	if (regex)
	{
		item = config_text_alloc(strlen(s) + 1);
		while (javaregex_list_next(&s, item))
			config_text_add(out, config_text_dup(item));
		free(item);
		return;
	}
	for (size_t len; *s != '\0'; s += len + (s[len] == ','))
	{
		len = strcspn(s, ",");
		item = config_text_trim(s, len);
		if (*item != '\0')
			config_text_add(out, item);
		else
			free(item);
	}
}

bool
config_text_match(const char *pattern, const char *name)
{
	while (*pattern != '\0')
	{
		if (*pattern == '*' || *pattern == '<')
		{
			const char *rest = pattern + 1;

			if (*pattern == '<')
			{
				rest = strchr(pattern, '>');
				rest = rest ? rest + 1 : pattern + strlen(pattern);
			}
			for (const char *p = name; *p != '\0'; p++)
			{
				if (config_text_match(rest, p + 1))
					return true;
			}
			return false;
		}
		if (*pattern++ != *name++)
			return false;
	}
	return *name == '\0';
}

size_t
config_text_distance(const char *a, const char *b)
{
	size_t	na = strlen(a);
	size_t	nb = strlen(b);
	size_t *rows;
	size_t *older, *old, *now;
	size_t	result;

	rows = config_text_alloc(3 * (nb + 1) * sizeof(*rows));
	older = rows;
	old = rows + nb + 1;
	now = rows + 2 * (nb + 1);
	for (size_t j = 0; j <= nb; j++)
		old[j] = j;
	for (size_t i = 1; i <= na; i++)
	{
		size_t *free_row = older;

		now[0] = i;
		for (size_t j = 1; j <= nb; j++)
		{
			size_t d = old[j - 1] + (a[i - 1] != b[j - 1]);

			if (old[j] + 1 < d)
				d = old[j] + 1;
			if (now[j - 1] + 1 < d)
				d = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
				a[i - 2] == b[j - 1] && older[j - 2] + 1 < d)
				d = older[j - 2] + 1;
			now[j] = d;
		}
		older = old;
		old = now;
		now = free_row;
	}
	result = old[nb];
	free(rows);
	return result;
}

void
config_text_wipe(char *s)
{
	if (s != NULL)
	{
		volatile char *p = s;

		while (*p != '\0')
			*p++ = '\0';
	}
	free(s);
}

bool
config_text_is_secret(const char *name)
{
	static const char *const words[] = {"password",	 "passwd",
										"secret",	 "jaas",
										"token",	 "credential",
										"user.info", "userinfo",
										"key.pem",	 "keystore.key",
										"apikey",	 "api.key",
										".salt."};
	/* "token" as part of these is no secret */
	static const char *const plain[] = {"token.endpoint.url"};
	struct buf				 lower = {0};
	bool					 found = false;

	for (const char *p = name; *p; p++)
		buf_putc(&lower, (char) tolower((unsigned char) *p));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		if (strstr(buf_cstr(&lower), words[i]) != NULL)
			found = true;
	}
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
	{
		if (strstr(buf_cstr(&lower), plain[i]) != NULL)
			found = false;
	}
	buf_free(&lower);
	return found;
}

bool
config_text_has_userinfo(const char *value)
{
	const char *p = strstr(value, "://");

	return p != NULL && strchr(p + 3, '@') != NULL;
}

size_t
config_text_utf8_valid(const char *s, size_t len)
{
	const uint8_t *p = (const uint8_t *) s;
	size_t		   i = 0;

	while (i < len)
	{
		size_t n = p[i] < 0x80 ? 1 : utf8_len(p + i, p + len);

		if (n == 0)
			break;
		i += n;
	}
	return i;
}

/* The characters of valid UTF-8. */
static size_t
characters(const char *s, uint32_t *out)
{
	const char *end = s + strlen(s);
	size_t		n = 0;

	while (s < end)
		s = java_text_next(&out[n++], s, end);
	return n;
}

char *
config_text_regex(const char *pattern, enum javaregex_engine engine,
				  unsigned flags, struct javaregex_result *r)
{
	size_t	  len = strlen(pattern);
	uint32_t *chars;
	uint32_t *work;
	char	 *out = NULL;
	size_t	  size = 0;
	bool	  ok;

	*r = (struct javaregex_result){.error = "it is not UTF-8"};
	r->at = config_text_utf8_valid(pattern, len);
	if (r->at < len)
		return NULL;
	chars = config_text_alloc((len + 1) * sizeof(*chars));
	work = config_text_alloc(JAVAREGEX_WORK(len) * sizeof(*work));
	len = characters(pattern, chars);
	do
	{
		size = r->len + 1024;
		out = config_text_realloc(out, size);
		ok = javaregex_translate(r, engine, flags, chars, len, work, out,
								 size);
	} while (ok && r->len >= size);
	free(chars);
	free(work);
	if (ok)
		return out;
	free(out);
	return NULL;
}

pcre2_code *
config_text_compile(const char *pattern, unsigned flags,
					struct javaregex_result *r)
{
	char	   *text = config_text_regex(pattern, JAVAREGEX_PCRE2, flags, r);
	pcre2_code *re;
	int			code;
	PCRE2_SIZE	at;

	if (text == NULL)
		return NULL;
	re = pcre2_compile((PCRE2_SPTR) text, r->len, PCRE2_UTF, &code, &at, NULL);
	if (re == NULL)
	{
		/* What the engine lacks; the offset is not the pattern's. */
		pcre2_get_error_message(code, (PCRE2_UCHAR *) r->error,
								sizeof(r->error));
		r->at = 0;
	}
	free(text);
	return re;
}

bool
config_text_regex_match(const char *pattern, const char *text)
{
	struct javaregex_result r;
	pcre2_code *re = config_text_compile(pattern, JAVAREGEX_CASELESS, &r);
	pcre2_match_data *md;
	bool			  found;

	if (re == NULL)
		return false;
	md = pcre2_match_data_create(1, NULL);
	if (md == NULL)
		abort();
	found = pcre2_match(re, (PCRE2_SPTR) text, PCRE2_ZERO_TERMINATED, 0, 0, md,
						NULL) >= 0;
	pcre2_match_data_free(md);
	pcre2_code_free(re);
	return found;
}
