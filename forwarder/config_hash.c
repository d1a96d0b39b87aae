/*
 * config_hash.c - column.mask.hash.*: rules for columns whose names hold an
 * algorithm, and a secret (config_salted.h).
 */
#include "config_part.h"

#include <stdlib.h>
#include <string.h>

#include "config_salted.h"
#include "mask_hash.h"

static void
add_rule(struct config *c, const struct config_entry *e,
		 const struct config_salted *parts, struct buf *rules)
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
			CONFIG_SALTED_PREFIX, CONFIG_SALTED_WITH, CONFIG_SALTED_PREFIX,
			CONFIG_SALTED_WITH);
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
			struct config_salted	   parts;

			if (e->opt == NULL ||
				strncmp(e->opt->name, CONFIG_SALTED_PREFIX,
						strlen(CONFIG_SALTED_PREFIX)) != 0 ||
				e->value == NULL || config_winner(c, e->name) != e)
				continue;
			if (e->rank == RANK_ENV || !config_salted_split(e->name, &parts))
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
