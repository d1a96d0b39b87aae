/*
 * patterns.c
 *		Comma-separated lists of anchored regular expressions.
 *
 * The engine is PostgreSQL's own (advanced regular expressions), always with
 * the C collation: names of tables must match the same on every server, and
 * case folding of ASCII letters alone is what Java's CASE_INSENSITIVE does.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "regex/regex.h"

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

static int
compile(regex_t *re, const char *pattern, int len)
{
	pg_wchar   *wide = palloc((len + 1) * sizeof(pg_wchar));
	int			wide_len = pg_mb2wchar_with_len(pattern, wide, len);
	int			result;

	result = pg_regcomp(re, wide, wide_len,
						REG_ADVANCED | REG_ICASE | REG_NOSUB,
						C_COLLATION_OID);
	pfree(wide);
	return result;
}

static void
compile_one(PatternList *list, const char *option, const char *pattern,
			int len)
{
	StringInfoData anchored;
	int			result;

	/* The time to compile one grows faster than its length. */
	if (len > PATTERN_BYTES_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("regular expression \"%.*s...\" in option \"%s\" is too long",
						pg_mbcliplen(pattern, len, PATTERN_BYTES_SHOWN),
						pattern, option),
				 errdetail("It has %d bytes, at most %d are allowed.",
						   len, PATTERN_BYTES_MAX)));

	initStringInfo(&anchored);
	appendStringInfoString(&anchored, "^(?:");
	appendBinaryStringInfo(&anchored, pattern, len);
	appendStringInfoString(&anchored, ")$");

	/* By itself first: "a)|(b" must not become valid by what we put around. */
	result = compile(&list->compiled[list->count], pattern, len);
	if (result == REG_OKAY)
	{
		pg_regfree(&list->compiled[list->count]);
		result = compile(&list->compiled[list->count], anchored.data,
						 anchored.len);
	}
	if (result != REG_OKAY)
	{
		char		message[100];

		CHECK_FOR_INTERRUPTS();
		pg_regerror(result, &list->compiled[list->count], message,
					sizeof(message));
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_REGULAR_EXPRESSION),
				 errmsg("invalid regular expression \"%.*s\" in option \"%s\": %s",
						len, pattern, option, message)));
	}
	list->count++;
	pfree(anchored.data);
}

PatternList *
patterns_compile(const char *option, const char *text)
{
	PatternList *list = palloc0(sizeof(PatternList));
	const char *start = text;
	const char *p;
	int			depth = 0;
	bool		in_set = false;
	int			room = 1;

	for (p = text; *p; p++)
		room += *p == ',';
	list->compiled = palloc0(room * sizeof(regex_t));
	list->release.func = patterns_release;
	list->release.arg = list;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &list->release);

	for (p = text;; p++)
	{
		bool		escaped = *p == '\\' && p[1] != '\0';

		if (escaped)
			p++;
		else if (in_set)
		{
			/* [:alpha:], [=a=] and [.comma.] are within a set. */
			if (*p == '[' && p[1] != '\0' && strchr(":=.", p[1]) != NULL)
			{
				char		end[] = {p[1], ']', '\0'};
				const char *closing = strstr(p + 2, end);

				if (closing != NULL)
					p = closing + 1;
			}
			else
				in_set = *p != ']' && *p != '\0';
		}
		else if (*p == '[')
		{
			/* A bracket that comes first is a member. */
			in_set = true;
			if (p[1] == '^')
				p++;
			if (p[1] == ']')
				p++;
		}
		else if (*p == '(' || *p == '{')
			depth++;
		else if (*p == ')' || *p == '}')
			depth--;

		if (*p == '\0' || (*p == ',' && !escaped && depth <= 0 && !in_set))
		{
			const char *end = p;

			while (start < end && (*start == ' ' || *start == '\t' ||
								   *start == '\n' || *start == '\r'))
				start++;
			while (end > start && (end[-1] == ' ' || end[-1] == '\t' ||
								   end[-1] == '\n' || end[-1] == '\r'))
				end--;
			if (end > start)
				compile_one(list, option, start, (int) (end - start));
			start = p + 1;
			if (*p == '\0')
				break;
		}
	}

	/* It would match nothing, and nobody who leaves it blank means that. */
	if (list->count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" lists no regular expression", option),
				 errhint("Leave the option out if it is not to select anything.")));
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
