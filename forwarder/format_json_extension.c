/*
 * format_json_extension.c - types of extensions as JSON; see
 * format_json_extension.h.
 */
#include "format_json_extension.h"

#include <stdlib.h>
#include <string.h>

#include "java_text.h"
#include "jsontext.h"
#include "rawnum.h"

typedef void string_part(struct buf *out, const void *data, size_t len);

/*
 * Append what stands in quotes at *p, as the inside of a JSON string, and
 * move *p behind the closing quote.  A backslash stands before a quote or
 * another one.
 */
static bool
put_quoted(const char **p, const char *end, string_part *put, struct buf *out)
{
	const char *run;

	if (*p == end || **p != '"')
		return false;
	run = ++*p;
	while (*p < end && **p != '"')
	{
		if (**p == '\\')
		{
			put(out, run, (size_t) (*p - run));
			run = ++*p;
			if (*p == end)
				return false;
		}
		++*p;
	}
	put(out, run, (size_t) (*p - run));
	if (*p == end)
		return false;
	++*p;
	return true;
}

static bool
skip_word(const char **p, const char *end, const char *word)
{
	size_t n = strlen(word);

	if ((size_t) (end - *p) < n || memcmp(*p, word, n) != 0)
		return false;
	*p += n;
	return true;
}

/* A key and its value, as JSON in scratch->json. */
struct member
{
	uint32_t hash; /* of the key, as a HashMap of Java has it */
	uint32_t next; /* of the same bucket, from 1; 0: none */
	size_t	 at;
	size_t	 len;
};

/* The buckets of such a HashMap, in scratch->members behind the members. */
struct buckets
{
	const struct member *members;
	const uint32_t		*first; /* of each, from 1; 0: none */
	uint32_t			 n;
};

/* String.hashCode() of what stands in quotes at 'p', spread as HashMap does. */
static uint32_t
java_hash(const char *p, const char *end)
{
	uint32_t h = 0;

	for (p++; p < end && *p != '"';)
	{
		if (*p == '\\' && ++p == end)
			break;
		p = java_text_hash(&h, p, end);
	}
	return java_text_spread(h);
}

/*
 * In the order in which a HashMap gives them: by the lower bits of their hash,
 * of which more count the more members there are, and then as they came.
 * qsort() would allocate.
 */
static struct buckets
fill_buckets(struct buf *b, uint32_t nbuckets)
{
	uint32_t	   n = (uint32_t) (b->len / sizeof(struct member));
	struct buckets buckets = {.n = nbuckets};
	struct member *members;
	uint32_t	  *first;

	first = (uint32_t *) (void *) buf_reserve(b, buckets.n * sizeof(*first));
	memset(first, 0, buckets.n * sizeof(*first));
	members = (struct member *) (void *) b->data;
	for (uint32_t i = n; i > 0; i--)
	{
		uint32_t *head = &first[members[i - 1].hash & (buckets.n - 1)];

		members[i - 1].next = *head;
		*head = i;
	}
	buckets.members = members;
	buckets.first = first;
	return buckets;
}

/*
 * "a"=>"b", "n"=>NULL to "a":"b" and "n":null, in scratch->json, each a member
 * of scratch->members.  hstore_out always quotes.
 */
static bool
hstore_members(const char *p, const char *end, string_part *put,
			   struct format_json_scratch *scratch)
{
	struct buf *json = &scratch->json;
	const char *start = p;

	buf_reset(json);
	buf_reset(&scratch->members);
	while (p < end)
	{
		struct member m = {.at = json->len};

		if (p > start && !skip_word(&p, end, ", "))
			return false;
		if (p < end)
			m.hash = java_hash(p, end);
		buf_putc(json, '"');
		if (!put_quoted(&p, end, put, json) || !skip_word(&p, end, "=>"))
			return false;
		buf_lit(json, "\":");
		if (skip_word(&p, end, "NULL"))
			buf_lit(json, "null");
		else
		{
			buf_putc(json, '"');
			if (!put_quoted(&p, end, put, json))
				return false;
			buf_putc(json, '"');
		}
		m.len = json->len - m.at;
		buf_put(&scratch->members, &m, sizeof(m));
	}
	return true;
}

/* The members, with a comma between them. */
static void
put_members(struct format_json_scratch *scratch, uint32_t nbuckets,
			string_part *put, struct buf *out)
{
	struct buckets buckets = fill_buckets(&scratch->members, nbuckets);
	bool		   is_first = true;

	for (uint32_t i = 0; i < buckets.n; i++)
	{
		const struct member *m;

		for (uint32_t at = buckets.first[i]; at > 0; at = m->next)
		{
			m = &buckets.members[at - 1];
			if (!is_first)
				buf_putc(out, ',');
			is_first = false;
			put(out, scratch->json.data + m->at, m->len);
		}
	}
}

static uint32_t
count_members(const struct format_json_scratch *scratch)
{
	return (uint32_t) (scratch->members.len / sizeof(struct member));
}

/* The object that they make. */
static void
put_object(struct format_json_scratch *scratch, string_part *put,
		   struct buf *out)
{
	buf_putc(out, '{');
	put_members(scratch, java_text_buckets(count_members(scratch)), put, out);
	buf_putc(out, '}');
}

/* A string that holds JSON, as all of Debezium's io.debezium.data.Json. */
static void
put_hstore(const uint8_t *data, size_t len,
		   struct format_json_scratch *scratch, struct buf *out)
{
	const char *text = (const char *) data;

	if (!hstore_members(text, text + len, jsontext_inner_part, scratch))
	{
		jsontext_string(out, data, len);
		return;
	}
	buf_putc(out, '"');
	put_object(scratch, jsontext_string_part, out);
	buf_putc(out, '"');
}

static void
put_bytes(struct buf *out, const void *data, size_t len)
{
	buf_put(out, data, len);
}

/* An object, as Connect has a map of strings. */
static void
put_hstore_map(const uint8_t *data, size_t len,
			   struct format_json_scratch *scratch, struct buf *out)
{
	const char *text = (const char *) data;

	if (hstore_members(text, text + len, jsontext_string_part, scratch))
		put_object(scratch, put_bytes, out);
	else
		jsontext_string(out, data, len);
}

/* [1,2.5] with Java's spelling of the numbers. */
static bool
put_vector(bool is_double, const uint8_t *data, size_t len,
		   struct format_json_scratch *scratch, struct buf *out)
{
	size_t		start = out->len;
	const char *p;

	buf_reset(&scratch->json);
	buf_put(&scratch->json, data, len);
	p = buf_cstr(&scratch->json);
	if (*p != '[')
		return false;
	buf_putc(out, '[');
	while (*++p != 0)
	{
		char *end;

		if (is_double)
			jsontext_double(out, strtod(p, &end));
		else
			jsontext_single(out, strtof(p, &end));
		if (end == p || (*end != ',' && *end != ']'))
			break;
		p = end;
		buf_putc(out, *end);
		if (*end == ']')
			return p[1] == 0;
	}
	out->len = start;
	return false;
}

/* A number of 16 bits, as Java's Short.parseShort() takes it; -1: none. */
static int
read_short(const char **p)
{
	char *end;
	long  v;

	if (**p < '0' || **p > '9')
		return -1;
	v = strtol(*p, &end, 10);
	*p = end;
	return v <= INT16_MAX ? (int) v : -1;
}

/* The members {1:1.5,3:-2} as [1,1.5] and [3,-2.0]. */
static bool
sparsevec_members(const char **p, struct format_json_scratch *scratch)
{
	struct buf *json = &scratch->json;

	buf_reset(json);
	buf_reset(&scratch->members);
	if (*(*p)++ != '{')
		return false;
	while (**p != '}')
	{
		struct member m = {.at = json->len};
		int			  index = read_short(p);
		char		 *end;

		if (index < 0 || *(*p)++ != ':')
			return false;
		buf_putc(json, '[');
		jsontext_i64(json, index);
		buf_putc(json, ',');
		jsontext_double(json, strtod(*p, &end));
		buf_putc(json, ']');
		if (end == *p || (*end != ',' && *end != '}'))
			return false;
		*p = *end == ',' ? end + 1 : end;
		m.hash = java_text_spread((uint32_t) index);
		m.len = json->len - m.at;
		buf_put(&scratch->members, &m, sizeof(m));
	}
	++*p;
	return true;
}

/*
 * {1:1.5,3:-2}/5 as {"dimensions":5,"vector":[[1,1.5],[3,-2.0]]}: Connect has
 * a map whose keys are not strings as pairs.  What does not fit into its 16
 * bits is none.
 */
static bool
put_sparsevec(const uint8_t *data, size_t len,
			  struct format_json_scratch *scratch, struct buf *out)
{
	const char *p;
	int			dimensions;
	uint32_t	n;

	if (data != scratch->text.data) /* as an array's element is */
	{
		buf_reset(&scratch->text);
		buf_put(&scratch->text, data, len);
	}
	p = buf_cstr(&scratch->text);
	if (!sparsevec_members(&p, scratch) || *p++ != '/')
		return false;
	dimensions = read_short(&p);
	if (dimensions < 0 || *p != 0)
		return false;
	buf_lit(out, "{\"dimensions\":");
	jsontext_i64(out, dimensions);
	buf_lit(out, ",\"vector\":[");
	n = count_members(scratch);
	put_members(scratch, java_text_sized_buckets(n), put_bytes, out);
	buf_lit(out, "]}");
	return true;
}

static int
hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The flag of an EWKB's type that says that there is an SRID behind it. */
#define EWKB_SRID UINT32_C(0x20000000)

static uint32_t
ewkb_word(const uint8_t *p, bool little_endian)
{
	uint32_t word = rawnum_u32(p);

	return little_endian ? word : __builtin_bswap32(word);
}

/*
 * PostGIS writes a geometry as the hex digits of its EWKB, which is WKB with
 * an SRID: byte order, type, SRID if the type says so, and the rest
 * (postgis.net/docs/ST_AsEWKB.html).
 */
static bool
put_geometry(const uint8_t *data, size_t len, struct buf *out)
{
	size_t	 start = out->len;
	size_t	 n = len / 2;
	uint8_t *ewkb;
	bool	 little_endian;
	bool	 has_srid;
	int32_t	 srid = 0;

	if (len % 2 != 0 || n < 9)
		return false;
	buf_lit(out, "{\"wkb\":\"");
	ewkb = buf_reserve(out, n);
	for (size_t i = 0; i < n; i++)
	{
		int high = hex_digit(data[2 * i]);
		int low = hex_digit(data[2 * i + 1]);

		if (high < 0 || low < 0)
		{
			out->len = start;
			return false;
		}
		ewkb[i] = (uint8_t) (high << 4 | low);
	}
	little_endian = ewkb[0] != 0;
	has_srid = (ewkb_word(ewkb + 1, little_endian) & EWKB_SRID) != 0;
	if (has_srid)
		srid = (int32_t) ewkb_word(ewkb + 5, little_endian);
	start = out->len;
	buf_commit(out, n);
	jsontext_base64_tail(out, JSONTEXT_BASE64, start);
	buf_lit(out, "\",\"srid\":");
	if (has_srid)
		jsontext_i64(out, srid);
	else
		buf_lit(out, "null");
	buf_putc(out, '}');
	return true;
}

/* Where there is neither a point nor a line: a collection of nothing. */
void
format_json_extension_no_geometry(struct buf *out)
{
	static const char empty[] = "010700000000000000";

	(void) put_geometry((const uint8_t *) empty, strlen(empty), out);
}

bool
format_json_extension_put(enum format_json_kind kind, const uint8_t *data,
						  size_t len, struct format_json_scratch *scratch,
						  struct buf *out)
{
	switch (kind)
	{
		case FORMAT_JSON_HSTORE:
			put_hstore(data, len, scratch, out);
			return true;
		case FORMAT_JSON_HSTORE_MAP:
			put_hstore_map(data, len, scratch, out);
			return true;
		case FORMAT_JSON_VECTOR:
		case FORMAT_JSON_HALFVEC:
			return put_vector(kind == FORMAT_JSON_VECTOR, data, len, scratch,
							  out);
		case FORMAT_JSON_SPARSEVEC:
			return put_sparsevec(data, len, scratch, out);
		case FORMAT_JSON_GEOMETRY:
		case FORMAT_JSON_GEOGRAPHY:
			return put_geometry(data, len, out);
		default:
			return false;
	}
}
