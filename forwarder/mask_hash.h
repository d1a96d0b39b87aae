/*
 * mask_hash.h - text that is shown as its salted hash, as Debezium has it.
 *
 *     hex(hash(salt, text))
 *
 * In version 2 the text is its UTF-8; in version 1 it is what Java's
 * ObjectOutputStream writes of a string.  The hashes are libcrypto's.
 */
#ifndef FORWARDER_MASK_HASH_H
#define FORWARDER_MASK_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

enum mask_hash_version
{
	MASK_HASH_V1,
	MASK_HASH_V2
};

/* The strings are borrowed. */
struct mask_hash_rule
{
	const char			  *algorithm; /* as Java spells it, in any case */
	enum mask_hash_version version;
	const char			  *salt;
};

struct mask_hash;

/* Does Java know the algorithm, and this libcrypto do it? */
bool mask_hash_works(const char *algorithm);

/* Append the names of all that do, with commas between them. */
void mask_hash_put_names(struct buf *out);

/*
 * Prepare for a rule whose algorithm works, or else abort; so also where
 * memory is out.  For one thread at a time.
 */
struct mask_hash *mask_hash_new(const struct mask_hash_rule *rule);
void			  mask_hash_free(struct mask_hash *h);

/*
 * Append the hash of a text, no more than 'max' of its digits.  What is not
 * UTF-8 in it counts as what jsontext_string() writes in its place.
 */
void mask_hash_put(struct mask_hash *h, const void *text, size_t len,
				   size_t max, struct buf *out);

#endif /* FORWARDER_MASK_HASH_H */
