/*
 * javaregex.h - regular expressions as Java reads them, for other engines.
 *
 * The lists of schemas, tables, columns and prefixes are Debezium's, and so
 * are their regular expressions: java.util.regex's.  Neither PostgreSQL's
 * engine, which the decoder matches with, nor PCRE2, which the forwarder does
 * for topics, reads all of these alike.  Here an expression is parsed as Java
 * does and written anew for either engine, in the few constructs that mean the
 * same to both.  What cannot be had that way is refused by name.
 *
 * No allocation, no I/O, no state.
 */
#ifndef WIRE_JAVAREGEX_H
#define WIRE_JAVAREGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum javaregex_engine
{
	JAVAREGEX_POSTGRES, /* advanced regular expressions */
	JAVAREGEX_PCRE2		/* with PCRE2_UTF */
};

/* Flags of javaregex_translate(). */
#define JAVAREGEX_CASELESS 1 /* Pattern.CASE_INSENSITIVE: of ASCII letters */
#define JAVAREGEX_OPAQUE 2	 /* beyond ASCII, characters are not code points */

/* Of one expression, in characters. */
#define JAVAREGEX_LEN_MAX 8192

struct javaregex_result
{
	/*
	 * The engine itself must ignore case, too, for a back reference
	 * (JAVAREGEX_POSTGRES only).
	 */
	bool caseless;

	/* Bytes of the translation, without the terminator. */
	size_t len;

	/* What is wrong and what to write instead, without a full stop. */
	char   error[320];
	size_t at; /* in characters, from 0 */
};

/*
 * The next expression of a list in Debezium's notation: commas separate, "\,"
 * is a comma within an expression, blanks around one do not count, and what is
 * empty is passed over.  'out' has room for strlen(*list) + 1 bytes.  False at
 * the end; *list moves on.
 */
bool javaregex_list_next(const char **list, char *out);

/* Characters that 'work' below must have room for. */
#define JAVAREGEX_WORK(len) (2 * (len) + 4)

/*
 * Write 'pattern', of 'len' characters, for an engine: an expression in ASCII
 * for all of the subject, between the engine's own anchors.  Up to 'size' bytes
 * with the terminator go to 'out'; if r->len is not less than 'size', nothing
 * of use is there, and a second call with more room is needed.  False, with
 * r->error, if it is not an expression to Java or one that is refused.
 */
bool
javaregex_translate(struct javaregex_result *r, enum javaregex_engine engine,
					unsigned flags, const uint32_t *pattern, size_t len,
					uint32_t *work, char *out, size_t size);

#endif /* WIRE_JAVAREGEX_H */
