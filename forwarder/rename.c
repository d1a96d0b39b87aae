/*
 * rename.c - names by a regular expression; see rename.h for the contract.
 *
 * Java asks first whether the whole name matches, and then replaces the first
 * match that it finds, which an alternative may make a shorter one.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "rename.h"

#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

struct rename
{
	pcre2_code		 *re;
	pcre2_match_data *md;
	char			 *replacement;
	uint32_t		  ngroups;
};

/* The group that "$1" or "${name}" at '*p' means, which is passed; -1: none. */
static int
group_of(const struct rename *r, const char **p)
{
	const char *s = *p + 1;
	uint32_t	group;

	if (*s == '{')
	{
		char		name[33];
		const char *end = strchr(s, '}');
		int			n;

		if (end == NULL || (size_t) (end - s) > sizeof(name))
			return -1;
		memcpy(name, s + 1, (size_t) (end - s) - 1);
		name[end - s - 1] = '\0';
		*p = end + 1;
		n = pcre2_substring_number_from_name(r->re, (PCRE2_SPTR) name);
		return n > 0 ? n : -1;
	}
	if (*s < '0' || *s > '9')
		return -1;
	group = (uint32_t) (*s++ - '0');
	while (*s >= '0' && *s <= '9' &&
		   group * 10 + (uint32_t) (*s - '0') <= r->ngroups)
		group = group * 10 + (uint32_t) (*s++ - '0');
	*p = s;
	return group <= r->ngroups ? (int) group : -1;
}

/* The replacement, with groups out of 'name'; NULL: only look at it. */
static bool
expand(const struct rename *r, const char *name, struct buf *out)
{
	const PCRE2_SIZE *at = name ? pcre2_get_ovector_pointer(r->md) : NULL;
	const char		 *p = r->replacement;

	while (*p != '\0')
	{
		int group;

		if (*p == '\\')
		{
			if (*++p == '\0')
				return false;
			buf_putc(out, *p++);
			continue;
		}
		if (*p != '$')
		{
			buf_putc(out, *p++);
			continue;
		}
		group = group_of(r, &p);
		if (group < 0)
			return false;
		if (at != NULL && at[2 * group] != PCRE2_UNSET)
			buf_put(out, name + at[2 * group],
					at[2 * group + 1] - at[2 * group]);
	}
	return true;
}

struct rename *
rename_new(const char *regex, const char *replacement, struct buf *error)
{
	struct rename *r = mem_zalloc(1, sizeof(*r));
	struct buf	   unused = {0};
	int			   code;
	PCRE2_SIZE	   offset;
	bool		   good;

	r->replacement = mem_check(strdup(replacement), strlen(replacement) + 1);
	r->re = pcre2_compile((PCRE2_SPTR) regex, PCRE2_ZERO_TERMINATED, PCRE2_UTF,
						  &code, &offset, NULL);
	if (r->re == NULL)
	{
		buf_puts(error, "not a regular expression");
		rename_free(r);
		return NULL;
	}
	r->md = pcre2_match_data_create_from_pattern(r->re, NULL);
	if (r->md == NULL)
		mem_check(NULL, sizeof(void *));
	pcre2_pattern_info(r->re, PCRE2_INFO_CAPTURECOUNT, &r->ngroups);
	good = expand(r, NULL, &unused);
	buf_free(&unused);
	if (good)
		return r;
	buf_printf(error,
			   "$ must be followed by the number of a group, of which the "
			   "expression has %u, or by its {name}; \\ by what it is to keep",
			   r->ngroups);
	rename_free(r);
	return NULL;
}

void
rename_free(struct rename *r)
{
	if (r == NULL)
		return;
	pcre2_match_data_free(r->md);
	pcre2_code_free(r->re);
	free(r->replacement);
	free(r);
}

static enum rename_result
match(struct rename *r, const char *name, uint32_t options)
{
	int rc = pcre2_match(r->re, (PCRE2_SPTR) name, PCRE2_ZERO_TERMINATED, 0,
						 options, r->md, NULL);

	if (rc > 0)
		return RENAME_DONE;
	return rc == PCRE2_ERROR_NOMATCH ? RENAME_NO_MATCH : RENAME_FAILED;
}

enum rename_result
rename_apply(struct rename *r, const char *name, struct buf *out)
{
	const PCRE2_SIZE  *at = pcre2_get_ovector_pointer(r->md);
	enum rename_result rc = match(r, name, PCRE2_ANCHORED | PCRE2_ENDANCHORED);

	if (rc == RENAME_DONE)
		rc = match(r, name, 0);
	if (rc != RENAME_DONE)
		return rc;
	buf_put(out, name, at[0]);
	(void) expand(r, name, out);
	buf_puts(out, name + at[1]);
	(void) buf_cstr(out);
	return RENAME_DONE;
}
