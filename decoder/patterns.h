/*
 * patterns.h
 *		Comma-separated lists of anchored regular expressions.
 */
#ifndef DECODER_PATTERNS_H
#define DECODER_PATTERNS_H

#include "postgres.h"

typedef struct PatternList PatternList;

/*
 * Compile a list in the current memory context.  Commas inside brackets,
 * braces or parentheses and escaped commas do not separate; blanks around an
 * element do not count.  Each element must match a whole name, ASCII letters
 * in either case.  A bad expression is an error that names 'option' and it; so
 * is a list without any.
 */
extern PatternList *patterns_compile(const char *option, const char *list);

/*
 * Does any element match all of 'name'?  Raises an error only where a retry
 * may find the answer: a cancel, or no memory left for the search.
 */
extern bool patterns_match(const PatternList *list, const char *name);

#endif							/* DECODER_PATTERNS_H */
