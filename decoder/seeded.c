/*
 * seeded.c
 *		Seeded bugs; seeded.h tells how they are asked for.
 *
 * What is asked for is at file scope: a bug is a line in the middle of
 * anything, and a session has one stream at a time.
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "seeded.h"

PG_FUNCTION_INFO_V1(walferry_seeded_bugs);

static const struct
{
	const char *name;
	const char *comment;
}			bugs[] =
{
	{"fast_default_to_null",
	"send null for a column that was added with a default after the row"},
	{"old_key_left_out", "do not tell the old key of a row whose key changed"},
};

StaticAssertDecl(lengthof(bugs) == SEEDED_BUGS, "a name for each bug");

static bool asked_for[SEEDED_BUGS];

void
seeded_init(void)
{
	const char *setting = GetConfigOption("walferry.seeded_bug", true, false);
	List	   *names;
	ListCell   *lc;

	memset(asked_for, 0, sizeof(asked_for));
	if (setting == NULL)
		return;
	if (!SplitIdentifierString(pstrdup(setting), ',', &names))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value \"%s\" for walferry.seeded_bug",
						setting)));
	foreach(lc, names)
	{
		bool		known = false;
		int			i;

		for (i = 0; i < SEEDED_BUGS; i++)
		{
			if (strcmp(bugs[i].name, lfirst(lc)) != 0)
				continue;
			known = asked_for[i] = true;
			ereport(LOG,
					(errmsg("walferry has the seeded bug %s", bugs[i].name)));
		}
		if (!known)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("there is no seeded bug \"%s\"",
							(char *) lfirst(lc))));
	}
}

bool
seeded_bug(SeededBug bug)
{
	return asked_for[bug];
}

/* "bug NAME COMMENT" lines, as "walferry faults" prints its own. */
Datum
walferry_seeded_bugs(PG_FUNCTION_ARGS)
{
	StringInfoData out;
	int			i;

	initStringInfo(&out);
	for (i = 0; i < SEEDED_BUGS; i++)
		appendStringInfo(&out, "bug %s %s\n", bugs[i].name, bugs[i].comment);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}
