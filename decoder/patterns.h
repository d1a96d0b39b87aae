/*
 * patterns.h
 *		Comma-separated lists of anchored regular expressions.
 */
#ifndef DECODER_PATTERNS_H
#define DECODER_PATTERNS_H

#include "postgres.h"

typedef struct PatternList PatternList;

/*
 * Compile a list of Java's regular expressions, as javaregex_list_next() reads
 * it, in the current memory context.  Each must match a whole name, ASCII
 * letters in either case.  A bad expression, or one that the engine would read
 * otherwise than Java, is an error that names 'option' and it; so is a list
 * without any.
 */
extern PatternList *patterns_compile(const char *option, const char *list);

/*
 * Does any element match all of 'name'?  Raises an error only where a retry
 * may find the answer: a cancel, or no memory left for the search.
 */
extern bool patterns_match(const PatternList *list, const char *name);

#endif							/* DECODER_PATTERNS_H */
