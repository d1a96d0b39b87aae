/*
 * config_salted.c - names of properties with a salt in them; see
 * config_salted.h.
 */
#include "config_salted.h"

#include <string.h>

#include "config_part.h"

static const char prefix[] = CONFIG_SALTED_PREFIX;
static const char salted[] = CONFIG_SALTED_WITH;

static bool
split_rest(const char *rest, struct config_salted *parts)
{
	size_t n = strcspn(rest, ".");

	if (n == 0 || strncmp(rest + n, salted, strlen(salted)) != 0)
		return false;
	parts->algorithm = rest;
	parts->algorithm_len = n;
	parts->salt = rest + n + strlen(salted);
	return *parts->salt != '\0';
}

bool
config_salted_split(const char *name, struct config_salted *parts)
{
	const char *rest = name + strlen(prefix);

	if (strncmp(name, prefix, strlen(prefix)) != 0)
		return false;
	parts->version = MASK_HASH_V2;
	if (strncmp(rest, "v2.", 3) == 0 && split_rest(rest + 3, parts))
		return true;
	parts->version = MASK_HASH_V1;
	return split_rest(rest, parts);
}

/* How much of a name shows nothing of a salt; all of it if it has none. */
static size_t
shown_len(const char *name)
{
	/* as properties, and as variables of the environment have them */
	static const char *const signs[] = {"mask.hash", "mask_hash", "salt.",
										"salt_"};
	struct config_salted	 parts;
	const char				*source = strstr(name, prefix);

	if (source != NULL && config_salted_split(source, &parts))
		return (size_t) (parts.salt - name);
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
	{
		const char *at = strcasestr(name, signs[i]);

		if (at != NULL)
			return (size_t) (at - name) + strlen(signs[i]);
	}
	return strlen(name);
}

bool
config_salted_is_name(const char *name)
{
	return name[shown_len(name)] != '\0';
}

void
config_salted_put_name(struct buf *out, const char *name)
{
	size_t len = shown_len(name);

	buf_put(out, name, len);
	if (name[len] != '\0')
		buf_lit(out, CONFIG_MASK);
}
