/*
 * config_json.c - the JSON of a Kafka Connect connector: a flat object of
 * settings, bare or under "config" beside "name".
 *
 * jansson does the parsing; it keeps no positions, so the line of a setting
 * is found by walking the text once more.
 */
#include "config_part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "config_salted.h"

/*
 * The line on which 'name' is a name at nesting 'depth', or 1.  The text is
 * known to be valid JSON.  A name written with escapes is not recognised.
 */
static int
find_line(const char *text, size_t len, const char *name, int depth)
{
	const char *end = text + len;
	size_t		name_len = strlen(name);
	int			line = 1;
	int			level = 0;

	for (const char *p = text; p < end; p++)
	{
		if (*p == '\n')
			line++;
		else if (*p == '{' || *p == '[')
			level++;
		else if (*p == '}' || *p == ']')
			level--;
		else if (*p == '"')
		{
			const char *start = ++p;
			const char *next;

			while (p < end && *p != '"')
				p += *p == '\\' ? 2 : 1;
			if (p >= end)
				break;
			next = p + 1;
			while (next < end && (*next == ' ' || *next == '\t' ||
								  *next == '\r' || *next == '\n'))
				next++;
			if (next < end && *next == ':' && level == depth &&
				(size_t) (p - start) == name_len &&
				memcmp(start, name, name_len) == 0)
				return line;
		}
	}
	return 1;
}

/* A setting's value as text; NULL if it is not a plain value. */
static char *
value_text(const json_t *v)
{
	char number[64];

	switch (json_typeof(v))
	{
		case JSON_STRING:
			return config_text_trim(json_string_value(v),
									json_string_length(v));
		case JSON_TRUE:
			return config_text_dup("true");
		case JSON_FALSE:
			return config_text_dup("false");
		case JSON_INTEGER:
			snprintf(number, sizeof(number), "%lld",
					 (long long) json_integer_value(v));
			return config_text_dup(number);
		case JSON_REAL:
			snprintf(number, sizeof(number), "%.17g", json_real_value(v));
			return config_text_dup(number);
		default:
			return NULL;
	}
}

bool
config_json_parse(const char *text, size_t len, config_pair_fn fn, void *arg,
				  int *line, struct buf *error)
{
	json_error_t why;
	json_t		*root;
	json_t		*settings;
	json_t		*inner;
	const char	*name;
	json_t		*v;
	int			 depth = 1;
	bool		 ok = true;

	root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (root == NULL)
	{
		/* What follows "near" is the user's text and may be a password. */
		char *near = strstr(why.text, " near ");

		if (near != NULL)
			*near = '\0';
		*line = why.line > 0 ? why.line : 1;
		buf_printf(error, "bad JSON at column %d: %s", why.column, why.text);
		return false;
	}
	settings = root;
	inner = json_object_get(root, "config");
	if (!json_is_object(root))
	{
		*line = 1;
		buf_lit(error, "the JSON must be an object of settings, or "
					   "{\"name\": ..., \"config\": {...}}");
		json_decref(root);
		return false;
	}
	if (json_is_object(inner))
	{
		const json_t *title = json_object_get(root, "name");

		/* What else Connect's REST interface answers is not configuration. */
		if (json_is_string(title) && json_object_get(inner, "name") == NULL)
			fn(arg, "name", json_string_value(title),
			   find_line(text, len, "name", 1));
		settings = inner;
		depth = 2;
	}

	json_object_foreach(settings, name, v)
	{
		int	  at = find_line(text, len, name, depth);
		char *s;

		if (json_is_null(v))
			continue;
		s = value_text(v);
		if (s == NULL)
		{
			*line = at;
			config_salted_put_name(error, name);
			buf_puts(error,
					 ": the value must be a string, a number or a boolean");
			ok = false;
			break;
		}
		fn(arg, name, s, at);
		free(s);
	}
	json_decref(root);
	return ok;
}
