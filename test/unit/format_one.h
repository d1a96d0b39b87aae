/*
 * format_one.h - columns and raw values made by hand, and what a row of one of
 * them becomes; for the tests of format_json.
 */
#ifndef TEST_FORMAT_ONE_H
#define TEST_FORMAT_ONE_H

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define NUMERIC(p, s) (((p) << 16 | ((s) &0x7ff)) + 4)

static inline struct change_column
column(const char *name, uint32_t oid, int32_t typmod)
{
	struct change_column c = {
		.name = name,
		.encoding = CHANGE_RAW,
		.kind = 'b',
		.type = {oid, typmod, "pg_catalog", ""},
		.element = {0, -1, "", ""},
	};

	c.base = c.type;
	return c;
}

static inline struct change_column
text_column(const char *name, const char *type, const char *element)
{
	struct change_column c = column(name, 50000, -1);

	c.encoding = CHANGE_TEXT;
	c.type.name = c.base.name = type;
	if (element != NULL)
		c.element = (struct change_type){50001, -1, "public", element};
	return c;
}

static inline int
nibble(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* The bytes of a hex string in memory of exactly their size. */
static inline uint8_t *
unhex(const char *hex, size_t *len)
{
	uint8_t *p;

	*len = strlen(hex) / 2;
	p = malloc(*len ? *len : 1);
	for (size_t i = 0; i < *len; i++)
		p[i] = (uint8_t) (nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
	return p;
}

/* Whatever the value was, the record is JSON, in valid UTF-8. */
static inline void
assert_is_json(struct buf *b)
{
	json_error_t error;
	json_t		*json = json_loadb((char *) b->data, b->len,
								   JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

	if (json == NULL)
		fail_msg("%s: %s", error.text, buf_cstr(b));
	json_decref(json);
}

/*
 * What the row of one column is, {"c":...} or {}, in 'out'.  Returns how many
 * values failed.
 */
static inline unsigned
format_row(const struct change_column *c, const struct format_options *o,
		   const struct change_value *v, struct buf *out)
{
	struct change_relation rel = {
		.schema = "s",
		.name = "t",
		.identity = 'd',
		.ncolumns = 1,
		.columns = c,
	};
	struct change_transaction txn = {.xid = 1};
	struct change			  change = {.op = CHANGE_INSERT,
										.txn = &txn,
										.relation = &rel,
										.after = v};
	struct format_plan		 *plan = format_json_plan(&rel, o);
	struct buf				  whole = {0};
	const char				 *start;
	const char				 *end;
	unsigned				  failed;

	failed = format_json_value(plan, FORMAT_CREATE, &change, 0, &whole);
	assert_is_json(&whole);
	start = strstr(buf_cstr(&whole), "\"after\":");
	assert_non_null(start);
	start += strlen("\"after\":");
	end = strstr(start, ",\"source\":");
	assert_non_null(end);
	buf_reset(out);
	buf_put(out, start, (size_t) (end - start));
	buf_free(&whole);
	format_json_plan_free(plan);
	return failed;
}

/*
 * The same of its value: what stands behind the name, or "" without column,
 * which only compatibility=debezium leaves out.
 */
static inline unsigned
format_one(const struct change_column *c, const struct format_options *o,
		   const struct change_value *v, struct buf *out)
{
	static const char head[] = "{\"c\":";
	struct buf		  row = {0};
	unsigned		  failed = format_row(c, o, v, &row);

	buf_reset(out);
	if (!o->debezium || strcmp(buf_cstr(&row), "{}") != 0)
	{
		assert_memory_equal(row.data, head, strlen(head));
		buf_put(out, row.data + strlen(head), row.len - strlen(head) - 1);
	}
	buf_free(&row);
	return failed;
}

#endif /* TEST_FORMAT_ONE_H */
