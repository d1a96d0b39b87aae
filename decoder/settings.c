/*
 * settings.c
 *		The settings under which output functions run.
 *
 * They are set for the session while a stream lasts.  A walsender has no
 * transaction when a stream starts, so SET LOCAL is not to be had; and in the
 * SQL functions an error rolls them back with the user's transaction.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "settings.h"

static const struct
{
	const char *name;
	const char *value;
}			pins[] =
{
	{"datestyle", "ISO, YMD"},
	{"intervalstyle", "postgres"},
	{"timezone", "UTC"},
	{"extra_float_digits", "3"},
	{"bytea_output", "hex"},
	{"xmlbinary", "base64"},
	{"quote_all_identifiers", "off"},
	{"search_path", "pg_catalog"}
};

struct PinnedSettings
{
	char	   *saved[lengthof(pins)];
};

PinnedSettings *
settings_pin(void)
{
	PinnedSettings *pinned = palloc0(sizeof(PinnedSettings));
	int			i;

	for (i = 0; i < lengthof(pins); i++)
	{
		pinned->saved[i] =
			pstrdup(GetConfigOption(pins[i].name, false, false));
		SetConfigOption(pins[i].name, pins[i].value,
						PGC_USERSET, PGC_S_SESSION);
	}
	return pinned;
}

void
settings_restore(PinnedSettings *pinned)
{
	int			i;

	for (i = 0; i < lengthof(pins); i++)
		SetConfigOption(pins[i].name, pinned->saved[i],
						PGC_USERSET, PGC_S_SESSION);
}
