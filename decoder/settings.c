/*
 * settings.c
 *		The settings under which output functions run.
 *
 * While a query runs they are set as a function's own settings would be: for a
 * while, and an error or the end of the transaction restores them.  A
 * walsender has no transaction when a stream starts; there they are set for
 * the session and put back in the end.  There the time limits of sessions are
 * lifted too: a stream has no end that they could wait for.
 */
#include "postgres.h"

#include "access/xact.h"
#include "replication/walsender.h"
#include "utils/guc.h"

#include "settings.h"

static const struct
{
	const char *name;
	const char *value;
	bool		walsender_only;
}			pins[] =
{
	{"datestyle", "ISO, YMD"},
	{"intervalstyle", "postgres"},
	{"timezone", "UTC"},
	{"extra_float_digits", "3"},
	{"bytea_output", "hex"},
	{"xmlbinary", "base64"},
	{"lc_monetary", "C"},		/* money, where it is part of another type */
	{"quote_all_identifiers", "off"},
	{"standard_conforming_strings", "on"},	/* defaults: how \ is written */
	{"search_path", "pg_catalog"},
	{"transaction_timeout", "0", true}, /* since 17 */
	{"lock_timeout", "0", true}
};

struct PinnedSettings
{
	int			nest_level;		/* in a transaction, else 0 */
	char	   *saved[lengthof(pins)];	/* NULL: was that anyway */
};

PinnedSettings *
settings_pin(void)
{
	PinnedSettings *pinned = palloc0(sizeof(PinnedSettings));
	int			i;

	if (IsTransactionState())
		pinned->nest_level = NewGUCNestLevel();
	for (i = 0; i < lengthof(pins); i++)
	{
		const char *now;

		if (pins[i].walsender_only && !am_walsender)
			continue;
		now = GetConfigOption(pins[i].name, true, false);
		if (now == NULL || strcmp(now, pins[i].value) == 0)
			continue;
		pinned->saved[i] = pstrdup(now);
		(void) set_config_option(pins[i].name, pins[i].value,
								 PGC_USERSET, PGC_S_SESSION,
								 pinned->nest_level > 0 ? GUC_ACTION_SAVE :
								 GUC_ACTION_SET, true, 0, false);
	}
	return pinned;
}

void
settings_restore(PinnedSettings *pinned)
{
	int			i;

	if (pinned->nest_level > 0)
	{
		AtEOXact_GUC(true, pinned->nest_level);
		return;
	}
	for (i = 0; i < lengthof(pins); i++)
	{
		if (pinned->saved[i])
			SetConfigOption(pins[i].name, pinned->saved[i],
							PGC_USERSET, PGC_S_SESSION);
	}
}
