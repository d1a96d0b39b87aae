/*
 * seeded.h
 *		Defects that a test asks for, to see whether it would find them.
 *
 * Only the library that "make fault-programs" builds has them
 * (-DWALFERRY_FAULT): build/fault/decoder, never installed.  In any other
 * SEEDED_BUG() is false, seeded.c is not linked and the setting has no say.
 *
 *		if (!SEEDED_BUG(BUG_OLD_KEY_LEFT_OUT))
 *			...
 *
 * A session has the bugs that walferry.seeded_bug names, separated by commas:
 * a setting that nobody defines, so that ALTER DATABASE ... SET does without
 * the library.  The database needs dynamic_library_path as well, with the
 * directory of that library first.
 */
#ifndef DECODER_SEEDED_H
#define DECODER_SEEDED_H

#ifdef WALFERRY_FAULT

#include "postgres.h"

/* In the order of the table in seeded.c. */
typedef enum SeededBug
{
	BUG_FAST_DEFAULT_TO_NULL,
	BUG_OLD_KEY_LEFT_OUT,
	SEEDED_BUGS
} SeededBug;

#define SEEDED_BUG(bug) seeded_bug(bug)
#define SEEDED_INIT() seeded_init()

/* Read the setting, when a stream starts; a name that is unknown is an error. */
extern void seeded_init(void);

extern bool seeded_bug(SeededBug bug);

#else

#define SEEDED_BUG(bug) false
#define SEEDED_INIT() ((void) 0)

#endif

#endif							/* DECODER_SEEDED_H */
