/*
 * config_hash.c - column.mask.hash.*: rules for columns whose names hold an
 * algorithm, and a secret.
 *
 *     column.mask.hash.SHA-256.with.salt.CzQMA0cB5K = schema.table.column
 *     column.mask.hash.v2.SHA-256.with.salt.CzQMA0cB5K = ...
 *
 * The name of such a property is shown nowhere beyond ".with.salt.", and one
 * that is meant to be such a name, but is not, only as far as nothing in it
 * can be the salt.
 */
#include "config_part.h"

#include <stdlib.h>
#include <string.h>

#include "mask_hash.h"

static const char prefix[] = "column.mask.hash.";
static const char salted[] = ".with.salt.";

/* What such a name says; false if it is none. */
struct parts
{
	enum mask_hash_version version;
	const char			  *algorithm; /* not terminated */
	size_t				   algorithm_len;
	const char			  *salt;
};

static bool
split_rest(const char *rest, struct parts *parts)
{
	size_t n = strcspn(rest, ".");

	if (n == 0 || strncmp(rest + n, salted, strlen(salted)) != 0)
		return false;
	parts->algorithm = rest;
	parts->algorithm_len = n;
	parts->salt = rest + n + strlen(salted);
	return *parts->salt != '\0';
}

static bool
split_name(const char *name, struct parts *parts)
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
	struct parts			 parts;
	const char				*source = strstr(name, prefix);

	if (source != NULL && split_name(source, &parts))
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
config_hash_is_name(const char *name)
{
	return name[shown_len(name)] != '\0';
}

void
config_hash_put_name(struct buf *out, const char *name)
{
	size_t len = shown_len(name);

	buf_put(out, name, len);
	if (name[len] != '\0')
		buf_lit(out, CONFIG_MASK);
}

static void
add_rule(struct config *c, const struct config_entry *e,
		 const struct parts *parts, struct buf *rules)
{
	char *algorithm = config_text_dupn(parts->algorithm, parts->algorithm_len);
	struct buf names = {0};

	mask_hash_put_names(&names);
	if (!mask_hash_works(algorithm))
		config_fail(c, e, "there is no algorithm \"%s\"; what works is %s",
					algorithm, buf_cstr(&names));
	else if (config_put_rule(c, e, (long) c->nhashes + 1, rules))
	{
		c->hashes = config_text_realloc(c->hashes,
										(c->nhashes + 1) * sizeof(*c->hashes));
		c->hashes[c->nhashes++] = (struct mask_hash_rule){
			.algorithm = algorithm,
			.version = parts->version,
			.salt = config_text_dup(parts->salt),
		};
		algorithm = NULL;
	}
	free(algorithm);
	buf_free(&names);
}

static void
complain(struct config *c, const struct config_entry *e)
{
	if (e->rank == RANK_ENV)
		config_fail(c, e,
					"cannot be in the environment, where a name does not keep "
					"how the salt in it is spelled; write it into a file");
	else
		config_fail(
			c, e, "must be %s<algorithm>%s<salt> or %sv2.<algorithm>%s<salt>",
			prefix, salted, prefix, salted);
}

/* Those of version 1 go first, and so count first, as in Debezium. */
void
config_hash_build(struct config *c, struct buf *rules)
{
	for (int version = MASK_HASH_V1; version <= MASK_HASH_V2; version++)
	{
		for (size_t i = 0; i < c->nentries; i++)
		{
			const struct config_entry *e = &c->entries[i];
			struct parts			   parts;

			if (e->opt == NULL ||
				strncmp(e->opt->name, prefix, strlen(prefix)) != 0 ||
				e->value == NULL || config_winner(c, e->name) != e)
				continue;
			if (e->rank == RANK_ENV || !split_name(e->name, &parts))
			{
				if (version == MASK_HASH_V1)
					complain(c, e);
			}
			else if (parts.version == (enum mask_hash_version) version)
				add_rule(c, e, &parts, rules);
		}
	}
}

void
config_hash_free(struct config *c)
{
	for (size_t i = 0; i < c->nhashes; i++)
	{
		free((char *) c->hashes[i].algorithm);
		config_text_wipe((char *) c->hashes[i].salt);
	}
	free(c->hashes);
}

bool
config_hash_same(const struct config *a, const struct config *b)
{
	for (size_t i = 0; i < a->nhashes && i < b->nhashes; i++)
	{
		const struct mask_hash_rule *x = &a->hashes[i];
		const struct mask_hash_rule *y = &b->hashes[i];

		if (x->version != y->version || strcmp(x->salt, y->salt) != 0 ||
			strcmp(x->algorithm, y->algorithm) != 0)
			return false;
	}
	return a->nhashes == b->nhashes;
}

const struct mask_hash_rule *
config_hash_rules(const struct config *c, size_t *n)
{
	*n = c->nhashes;
	return c->hashes;
}
