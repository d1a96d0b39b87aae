/*
 * patterns.c
 *		Comma-separated lists of anchored regular expressions.
 *
 * They are Java's, as Debezium's are: javaregex writes them anew for
 * PostgreSQL's own engine, in brackets of characters and a few operators.
 * Case and the kinds of characters are settled there; the engine runs with the
 * C collation, so that names of tables match the same on every server.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "regex/regex.h"

#include "javaregex.h"
#include "patterns.h"

/* Of one expression; a list may have any number. */
#define PATTERN_BYTES_MAX 8192
#define PATTERN_BYTES_SHOWN 50

struct PatternList
{
	int			count;
	regex_t    *compiled;
	MemoryContextCallback release;
};

/* The engine may keep its programs outside of our memory contexts. */
static void
patterns_release(void *arg)
{
	PatternList *list = arg;
	int			i;

	for (i = 0; i < list->count; i++)
		pg_regfree(&list->compiled[i]);
	list->count = 0;
}

/*
 * An expression for PostgreSQL's engine that matches what Java's would, all
 * ASCII.
 */
static char *
translate(struct javaregex_result *r, const char *option, const char *pattern)
{
	int			len = strlen(pattern);
	pg_wchar   *wide = palloc((len + 1) * sizeof(pg_wchar));
	int			wide_len = pg_mb2wchar_with_len(pattern, wide, len);
	uint32_t   *work = palloc(JAVAREGEX_WORK(wide_len) * sizeof(uint32_t));
	unsigned	flags = JAVAREGEX_CASELESS;
	char	   *result = NULL;
	size_t		size = 0;

	/* Elsewhere a wide character is not a code point. */
	if (GetDatabaseEncoding() != PG_UTF8 &&
		GetDatabaseEncoding() != PG_LATIN1)
		flags |= JAVAREGEX_OPAQUE;
	do
	{
		if (result)
			pfree(result);
		size = result ? r->len + 1 : 1024;
		result = palloc(size);
		if (!javaregex_translate(r, JAVAREGEX_POSTGRES, flags, wide, wide_len,
								 work, result, size))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_REGULAR_EXPRESSION),
					 errmsg("invalid regular expression \"%s\" in option \"%s\": %s",
							pattern, option, r->error),
					 errdetail("At character %zu.", r->at + 1)));
	} while (r->len >= size);
	pfree(work);
	pfree(wide);
	return result;
}

static void
compile_one(PatternList *list, const char *option, const char *pattern)
{
	regex_t    *re = &list->compiled[list->count];
	int			flags = REG_ADVANCED | REG_NOSUB;
	struct javaregex_result r;
	pg_wchar   *wide;
	char	   *text;
	size_t		i;
	int			result;

	/* The time to compile one grows faster than its length. */
	if (strlen(pattern) > PATTERN_BYTES_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("regular expression \"%.*s...\" in option \"%s\" is too long",
						pg_mbcliplen(pattern, strlen(pattern),
									 PATTERN_BYTES_SHOWN),
						pattern, option),
				 errdetail("It has %zu bytes, at most %d are allowed.",
						   strlen(pattern), PATTERN_BYTES_MAX)));

	text = translate(&r, option, pattern);
	wide = palloc((r.len + 1) * sizeof(pg_wchar));
	for (i = 0; i < r.len; i++)
		wide[i] = (unsigned char) text[i];
	if (r.caseless)
		flags |= REG_ICASE;
	result = pg_regcomp(re, wide, r.len, flags, C_COLLATION_OID);
	if (result != REG_OKAY)
	{
		char		message[100];

		CHECK_FOR_INTERRUPTS();
		pg_regerror(result, re, message, sizeof(message));
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_REGULAR_EXPRESSION),
				 errmsg("invalid regular expression \"%s\" in option \"%s\": %s",
						pattern, option, message)));
	}
	list->count++;
	pfree(wide);
	pfree(text);
}

PatternList *
patterns_compile(const char *option, const char *text)
{
	PatternList *list = palloc0(sizeof(PatternList));
	char	   *pattern = palloc(strlen(text) + 1);
	const char *rest;
	int			room = 0;

	for (rest = text; javaregex_list_next(&rest, pattern);)
		room++;

	/* It would match nothing, and nobody who leaves it blank means that. */
	if (room == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" lists no regular expression", option),
				 errhint("Leave the option out if it is not to select anything.")));
	list->compiled = palloc0(room * sizeof(regex_t));
	list->release.func = patterns_release;
	list->release.arg = list;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &list->release);
	for (rest = text; javaregex_list_next(&rest, pattern);)
		compile_one(list, option, pattern);
	pfree(pattern);
	return list;
}

bool
patterns_match(const PatternList *list, const char *name)
{
	int			len = strlen(name);
	pg_wchar   *wide = palloc((len + 1) * sizeof(pg_wchar));
	int			wide_len = pg_mb2wchar_with_len(name, wide, len);
	bool		found = false;
	int			i;

	for (i = 0; i < list->count && !found; i++)
	{
		int			result = pg_regexec(&list->compiled[i], wide, wide_len, 0,
										NULL, 0, NULL, 0);

		/*
		 * No answer is not a no: rows would be left out for good.  Up to 15
		 * the engine also returns when a cancel or a shutdown waits.
		 */
		if (result != REG_OKAY && result != REG_NOMATCH)
		{
			char		message[100];

			CHECK_FOR_INTERRUPTS();
			pg_regerror(result, &list->compiled[i], message, sizeof(message));
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("could not match \"%s\" with a regular expression: %s",
							name, message)));
		}
		found = result == REG_OKAY;
	}
	pfree(wide);
	return found;
}
