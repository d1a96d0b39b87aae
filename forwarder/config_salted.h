/*
 * config_salted.h - names of properties that hold an algorithm, and a secret.
 *
 *     column.mask.hash.SHA-256.with.salt.CzQMA0cB5K = schema.table.column
 *     column.mask.hash.v2.SHA-256.with.salt.CzQMA0cB5K = ...
 *
 * Such a name is shown nowhere beyond ".with.salt.", and one that is meant to
 * be such a name, but is not, only as far as nothing in it can be the salt.
 */
#ifndef FORWARDER_CONFIG_SALTED_H
#define FORWARDER_CONFIG_SALTED_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "mask_hash.h"

#define CONFIG_SALTED_PREFIX "column.mask.hash."
#define CONFIG_SALTED_WITH ".with.salt."

/* What such a name says; it points into it. */
struct config_salted
{
	enum mask_hash_version version;
	const char			  *algorithm; /* not terminated */
	size_t				   algorithm_len;
	const char			  *salt;
};

/* False if it is none. */
bool config_salted_split(const char *name, struct config_salted *parts);

/* Append a property's name as it may be shown: without the salt in it. */
void config_salted_put_name(struct buf *out, const char *name);

/* Is it one of those that have one, or meant to be? */
bool config_salted_is_name(const char *name);

#endif /* FORWARDER_CONFIG_SALTED_H */
