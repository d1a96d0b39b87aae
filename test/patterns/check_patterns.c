/*
 * check_patterns.c - lists of regular expressions, against Java.
 *
 *   check_patterns TABLE REFUSED ROWS
 *
 * Takes each row of table.txt, what Java said, through javaregex and PCRE2, as
 * the forwarder does, and says where the two differ.  An expression that Java
 * takes may be refused only if REFUSED lists it, with words of the error, and
 * what is listed must be refused.  ROWS is written for patterns.sql, which does
 * the same with the decoder: number, kind, list, name, what Java says, and what
 * the error of the decoder must be.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "javaregex.h"

#define LINE_MAX_BYTES 4096
#define REFUSALS_MAX 400

struct refusal
{
	char *engine; /* both, decoder, forwarder; with "?" newer ones take it */
	char *list;	  /* as the table has it */
	char *words;
	bool  used[2];
};

static struct refusal refusals[REFUSALS_MAX];
static size_t		  nrefusals;
static int			  differing;

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "check_patterns: %s\n", what);
	exit(2);
}

/* The fields of a line, in place. */
static int
split(char *line, char **fields, int max)
{
	int n = 0;

	line[strcspn(line, "\n")] = '\0';
	for (char *p = line; p != NULL && n < max; n++)
	{
		fields[n] = p;
		p = strchr(p, '\t');
		if (p != NULL)
			*p++ = '\0';
	}
	return n;
}

static int
hex(char c)
{
	return c >= 'A' ? c - 'A' + 10 : c - '0';
}

/* %XX undone; a slash between the parts of a name becomes a dot. */
static void
decode(const char *s, bool name, char *out)
{
	for (; *s != '\0'; s++)
	{
		if (*s == '%')
		{
			*out++ = (char) (hex(s[1]) << 4 | hex(s[2]));
			s += 2;
		}
		else
			*out++ = name && *s == '/' ? '.' : *s;
	}
	*out = '\0';
}

static size_t
utf8_chars(const char *s, uint32_t *out)
{
	size_t n = 0;

	while (*s != '\0')
	{
		unsigned char c = (unsigned char) *s++;
		int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;

		out[n] = more > 0 ? c & (0x3fu >> more) : c;
		while (more-- > 0)
			out[n] = out[n] << 6 | ((unsigned char) *s++ & 0x3f);
		n++;
	}
	return n;
}

/* As for COPY. */
static void
put_field(FILE *f, const char *s, char end)
{
	for (; *s != '\0'; s++)
	{
		if (*s == '\\')
			fputs("\\\\", f);
		else if (*s == '\t')
			fputs("\\t", f);
		else if (*s == '\n')
			fputs("\\n", f);
		else if (*s == '\r')
			fputs("\\r", f);
		else
			fputc(*s, f);
	}
	fputc(end, f);
}

/* Java's whole list for one engine: matched, not matched, or an error. */
static const char *
ask(enum javaregex_engine engine, const char *list, const char *name,
	struct javaregex_result *r)
{
	static uint32_t chars[LINE_MAX_BYTES];
	static uint32_t work[JAVAREGEX_WORK(LINE_MAX_BYTES)];
	static char		text[100 * LINE_MAX_BYTES];
	static char		one[LINE_MAX_BYTES];
	bool			found = false;

	while (javaregex_list_next(&list, one))
	{
		size_t			  n = utf8_chars(one, chars);
		int				  code;
		PCRE2_SIZE		  at;
		pcre2_code		 *re;
		pcre2_match_data *md;

		if (!javaregex_translate(r, engine, JAVAREGEX_CASELESS, chars, n, work,
								 text, sizeof(text)))
			return "bad";
		if (r->len != strlen(text))
			die("a translation has another length than it says");
		if (engine != JAVAREGEX_PCRE2)
			continue;
		re = pcre2_compile((PCRE2_SPTR) text, r->len, PCRE2_UTF, &code, &at,
						   NULL);
		if (re == NULL)
		{
			pcre2_get_error_message(code, (PCRE2_UCHAR *) r->error,
									sizeof(r->error));
			return "bad";
		}
		md = pcre2_match_data_create(1, NULL);
		code = pcre2_match(re, (PCRE2_SPTR) name, strlen(name), 0, 0, md,
						   NULL);
		if (code < 0 && code != PCRE2_ERROR_NOMATCH)
			die("PCRE2 gives no answer");
		found = found || code >= 0;
		pcre2_match_data_free(md);
		pcre2_code_free(re);
	}
	return found ? "yes" : "no";
}

/* May this engine refuse the list, with that error? */
static bool
may_refuse(const char *list, bool forwarder, const char *error)
{
	for (size_t i = 0; i < nrefusals; i++)
	{
		struct refusal *f = &refusals[i];

		if (strcmp(f->list, list) == 0 &&
			(*f->engine == 'b' || (*f->engine == 'f') == forwarder))
		{
			f->used[forwarder] = true;
			return strstr(error, f->words) != NULL;
		}
	}
	return false;
}

int
main(int argc, char **argv)
{
	static char line[LINE_MAX_BYTES];
	static char list[LINE_MAX_BYTES];
	static char name[LINE_MAX_BYTES];
	char	   *fields[5];
	FILE	   *table, *refused, *rows;
	int			n = 0;

	if (argc != 4 || (table = fopen(argv[1], "r")) == NULL ||
		(refused = fopen(argv[2], "r")) == NULL ||
		(rows = fopen(argv[3], "w")) == NULL)
		die("usage: check_patterns TABLE REFUSED ROWS");
	while (fgets(line, sizeof(line), refused) != NULL)
	{
		struct refusal *f = &refusals[nrefusals];

		if (*line == '#' || *line == '\n')
			continue;
		if (split(line, fields, 5) != 3 || ++nrefusals == REFUSALS_MAX)
			die("cannot read the list of what is refused");
		f->engine = strdup(fields[0]);
		f->list = strdup(fields[1]);
		f->words = strdup(fields[2]);
	}
	while (fgets(line, sizeof(line), table) != NULL)
	{
		struct javaregex_result r = {0};
		const char			   *expected;
		const char			   *got;

		if (*line == '#')
			continue;
		if (split(line, fields, 5) != 4)
			die("cannot read the table");
		decode(fields[1], false, list);
		decode(fields[2], true, name);
		expected = fields[3];
		n++;

		got = ask(JAVAREGEX_PCRE2, list, name, &r);
		if (strcmp(got, expected) != 0 &&
			(strcmp(got, "bad") != 0 || !may_refuse(fields[1], true, r.error)))
		{
			differing++;
			printf("forwarder: %s, %s: Java says %s, not %s (%s)\n", fields[1],
				   fields[2], expected, got, r.error);
		}
		r = (struct javaregex_result){0};
		got = ask(JAVAREGEX_POSTGRES, list, name, &r);
		if (strcmp(got, "bad") == 0 && strcmp(expected, "bad") != 0 &&
			!may_refuse(fields[1], false, r.error))
		{
			differing++;
			printf("decoder: %s, %s: Java says %s, refused (%s)\n", fields[1],
				   fields[2], expected, r.error);
		}
		fprintf(rows, "%d\t%s\t", n, fields[0]);
		put_field(rows, list, '\t');
		put_field(rows, name, '\t');
		decode(fields[2], false, name);
		put_field(rows, name, '\t');
		fprintf(rows, "%s\t", expected);
		put_field(rows, strcmp(got, "bad") == 0 ? r.error : "", '\n');
	}
	for (size_t i = 0; i < nrefusals; i++)
	{
		struct refusal *f = &refusals[i];

		if (strchr(f->engine, '?') == NULL &&
			((*f->engine != 'd' && !f->used[1]) ||
			 (*f->engine != 'f' && !f->used[0])))
		{
			differing++;
			printf("%s: listed as refused (%s), but is not\n", f->list,
				   f->engine);
		}
	}
	if (fclose(rows) != 0)
		die("cannot write the rows");
	printf("patterns: %d rows, %zu refusals, %d differ\n", n, nrefusals,
		   differing);
	return differing > 0;
}
