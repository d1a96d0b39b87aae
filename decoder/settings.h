/*
 * settings.h
 *		The settings under which output functions run.
 */
#ifndef DECODER_SETTINGS_H
#define DECODER_SETTINGS_H

#include "postgres.h"

typedef struct PinnedSettings PinnedSettings;

/*
 * Pin what the text of a value depends on, whatever the role, the database or
 * the client set.  Allocates in the current memory context.
 */
extern PinnedSettings *settings_pin(void);

/* Put back what was there. */
extern void settings_restore(PinnedSettings *pinned);

#endif							/* DECODER_SETTINGS_H */
