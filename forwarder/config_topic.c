/*
 * config_topic.c - topic.creation.*: how topics that do not exist yet are to
 * be created.
 *
 * As in Kafka Connect, a topic belongs to the first group of
 * topic.creation.groups whose include list matches and whose exclude list
 * does not, or else to the default group.  Number of partitions and
 * replication factor fall back to the default group's, other settings do not.
 * Where Connect insists on both numbers in the default group, here they fall
 * back to the broker's own defaults.
 */
#include "config_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "topic.creation."
#define UNSET INT32_MIN

struct patterns
{
	pcre2_code **v;
	size_t		 n;
};

struct config_topic_group
{
	char				  *name;
	struct patterns		   include;
	struct patterns		   exclude;
	int					   partitions;
	int					   replication_factor;
	struct config_setting *settings;
	size_t				   nsettings;
};

static bool
matches(const struct patterns *p, const char *topic)
{
	for (size_t i = 0; i < p->n; i++)
	{
		pcre2_match_data *md = pcre2_match_data_create(1, NULL);
		int				  rc;

		if (md == NULL)
			abort();
		rc = pcre2_match(p->v[i], (PCRE2_SPTR) topic, PCRE2_ZERO_TERMINATED, 0,
						 0, md, NULL);
		pcre2_match_data_free(md);
		if (rc >= 0)
			return true;
	}
	return false;
}

void
config_topic_creation(const struct config *c, const char *topic,
					  struct config_topic *out)
{
	const struct config_topic_group *g = &c->groups[0];

	for (size_t i = 1; i < c->ngroups; i++)
	{
		if (matches(&c->groups[i].include, topic) &&
			!matches(&c->groups[i].exclude, topic))
		{
			g = &c->groups[i];
			break;
		}
	}
	out->partitions = g->partitions;
	out->replication_factor = g->replication_factor;
	out->settings = g->settings;
	out->nsettings = g->nsettings;
}

static struct config_topic_group *
find_group(struct config *c, const char *name, size_t len)
{
	for (size_t i = 0; i < c->ngroups; i++)
	{
		if (strlen(c->groups[i].name) == len &&
			memcmp(c->groups[i].name, name, len) == 0)
			return &c->groups[i];
	}
	return NULL;
}

static void
read_patterns(struct config *c, const struct config_entry *e,
			  struct patterns *out)
{
	struct config_strings list = {0};

	config_text_split(e->value, true, &list);
	for (size_t i = 0; i < list.n; i++)
	{
		struct javaregex_result r;
		pcre2_code			   *re;

		/* Connect's lists heed case. */
		re = config_text_compile(list.v[i], 0, &r);
		if (re == NULL)
		{
			config_fail_regex(c, e, list.v[i], &r);
			continue;
		}
		out->v = config_text_realloc(out->v, (out->n + 1) * sizeof(*out->v));
		out->v[out->n++] = re;
	}
	config_text_free(&list);
}

static void
read_number(struct config *c, const struct config_entry *e, int max, int *out)
{
	int64_t n;

	if (!config_text_number(CONFIG_INT, e->value, &n) ||
		!(n == -1 || (n >= 1 && n <= max)))
		config_fail(c, e,
					"must be -1 (the broker's default) or between 1 "
					"and %d",
					max);
	else
		*out = (int) n;
}

static void
read_entry(struct config *c, const struct config_entry *e)
{
	const char				  *group = e->name + strlen(PREFIX);
	const char				  *dot = strchr(group, '.');
	struct config_topic_group *g;
	bool					   is_default;

	if (dot == NULL || dot[1] == '\0')
	{
		config_fail(c, e, "must be topic.creation.<group>.<setting>");
		return;
	}
	g = find_group(c, group, (size_t) (dot - group));
	if (g == NULL)
	{
		config_fail(c, e,
					"the group \"%.*s\" is not in "
					"topic.creation.groups",
					(int) (dot - group), group);
		return;
	}
	is_default = g == &c->groups[0];
	if (is_default &&
		(strcmp(dot, ".include") == 0 || strcmp(dot, ".exclude") == 0))
		config_fail(c, e,
					"the default group takes all topics that no other "
					"group does; name the group in topic.creation.groups");
	else if (strcmp(dot, ".include") == 0)
		read_patterns(c, e, &g->include);
	else if (strcmp(dot, ".exclude") == 0)
		read_patterns(c, e, &g->exclude);
	else if (strcmp(dot, ".partitions") == 0)
		read_number(c, e, 100000, &g->partitions);
	else if (strcmp(dot, ".replication.factor") == 0)
		read_number(c, e, INT16_MAX, &g->replication_factor);
	else if (config_text_distance(dot + 1, "partitions") <= 2 ||
			 config_text_distance(dot + 1, "replication.factor") <= 3)
		config_fail(c, e, "did you mean topic.creation.%s.%s?", g->name,
					dot[1] == 'r' ? "replication.factor" : "partitions");
	else
	{
		g->settings = config_text_realloc(g->settings,
										  (g->nsettings + 1) *
											  sizeof(*g->settings));
		g->settings[g->nsettings++] =
			(struct config_setting){.name = dot + 1, .value = e->value};
	}
}

static void
add_group(struct config *c, const char *name)
{
	c->groups = config_text_realloc(c->groups,
									(c->ngroups + 1) * sizeof(*c->groups));
	c->groups[c->ngroups++] = (struct config_topic_group){
		.name = config_text_dup(name),
		.partitions = UNSET,
		.replication_factor = UNSET,
	};
}

void
config_topic_build(struct config *c)
{
	const struct config_slot  *names = config_slot_of(c,
													  "topic.creation.groups");
	struct config_topic_group *deflt;

	add_group(c, "default");
	for (size_t i = 0; i < names->nlist; i++)
	{
		if (find_group(c, names->list[i], strlen(names->list[i])) != NULL)
			config_fail(c, names->entry, "the group \"%s\" is %s",
						names->list[i],
						strcmp(names->list[i], "default") == 0
							? "always there; do not name it"
							: "named twice");
		else if (strchr(names->list[i], '.') != NULL)
			config_fail(c, names->entry, "a group's name has no dots: \"%s\"",
						names->list[i]);
		else
			add_group(c, names->list[i]);
	}

	for (size_t i = 0; i < c->nentries; i++)
	{
		const struct config_entry *e = &c->entries[i];
		bool					   beaten = false;

		if (e->opt == NULL || e->value == NULL ||
			!config_table_is_pattern(e->opt) ||
			strncmp(e->name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		for (size_t j = 0; j < c->nentries; j++)
		{
			if (j != i && strcmp(c->entries[j].name, e->name) == 0 &&
				config_wins(&c->entries[j], e))
				beaten = true;
		}
		if (!beaten)
			read_entry(c, e);
	}

	deflt = &c->groups[0];
	if (deflt->partitions == UNSET)
		deflt->partitions = -1;
	if (deflt->replication_factor == UNSET)
		deflt->replication_factor = -1;
	for (size_t i = 1; i < c->ngroups; i++)
	{
		struct config_topic_group *g = &c->groups[i];

		if (g->partitions == UNSET)
			g->partitions = deflt->partitions;
		if (g->replication_factor == UNSET)
			g->replication_factor = deflt->replication_factor;
		if (g->include.n == 0)
			config_fail(c, names->entry,
						"the group \"%s\" has no "
						"topic.creation.%s.include, so no topic is in it",
						g->name, g->name);
	}
}

void
config_topic_free(struct config *c)
{
	for (size_t i = 0; i < c->ngroups; i++)
	{
		struct config_topic_group *g = &c->groups[i];

		for (size_t j = 0; j < g->include.n; j++)
			pcre2_code_free(g->include.v[j]);
		for (size_t j = 0; j < g->exclude.n; j++)
			pcre2_code_free(g->exclude.v[j]);
		free(g->include.v);
		free(g->exclude.v);
		free(g->settings);
		free(g->name);
	}
	free(c->groups);
	c->groups = NULL;
	c->ngroups = 0;
}
