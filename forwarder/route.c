/*
 * route.c - which topic, which partition; see route.h for the contract.
 */
#include "route.h"

#include <stdbool.h>
#include <string.h>

#include "java_text.h"
#include "utf8.h"

/* ----------------------------------------------------------------- topics */

static bool
is_allowed(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		   (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/*
 * Append 's' with '_' for every character that is not allowed.  Java counts
 * UTF-16 units: a character beyond the basic plane, which has four bytes in
 * UTF-8, is two of them.  A byte that is part of none is one, as the U+FFFD
 * that events have for it.
 */
static void
put_allowed(struct buf *out, const char *s)
{
	const uint8_t *p = (const uint8_t *) s;
	const uint8_t *end = p + strlen(s);

	while (p < end)
	{
		size_t n = *p < 0x80 ? 1 : utf8_len(p, end);

		if (is_allowed(*p))
			buf_putc(out, (char) *p);
		else if (n == 4)
			buf_lit(out, "__");
		else
			buf_putc(out, '_');
		p += n > 0 ? n : 1;
	}
}

/*
 * Append 's' with _uXXXX for every UTF-16 unit that is not allowed, and for
 * the underscore, so that no two names become one.  As in Debezium, what has
 * three digits has no more.
 */
static void
put_escaped(struct buf *out, const char *s)
{
	const char *end = s + strlen(s);

	while (s < end)
	{
		uint32_t c;

		if (is_allowed((uint8_t) *s) && *s != '_')
		{
			buf_putc(out, *s++);
			continue;
		}
		s = java_text_next(&c, s, end);
		if (c >= 0x10000)
		{
			buf_printf(out, "_u%x", 0xd800 | (c - 0x10000) >> 10);
			c = 0xdc00 | ((c - 0x10000) & 0x3ff);
		}
		buf_printf(out, c < 0x100 ? "_u00%x" : "_u%x", c);
	}
}

static bool
end_topic(struct buf *out, size_t start)
{
	(void) buf_cstr(out);
	return out->len - start <= ROUTE_TOPIC_MAX;
}

typedef void put_fn(struct buf *, const char *);

static void
put_table(struct buf *out, put_fn *put, enum route_naming naming,
		  const char *prefix, const char *delimiter, const char *schema,
		  const char *table)
{
	put(out, prefix);
	put(out, delimiter);
	if (naming == ROUTE_NAMING_SCHEMA || naming == ROUTE_NAMING_SCHEMA_UNICODE)
	{
		put(out, schema);
		put(out, delimiter);
	}
	put(out, table);
}

bool
route_table_topic(struct buf *out, enum route_naming naming,
				  const char *prefix, const char *delimiter,
				  const char *schema, const char *table)
{
	bool unicode = naming == ROUTE_NAMING_SCHEMA_UNICODE ||
				   naming == ROUTE_NAMING_TABLE_UNICODE;
	size_t start = out->len;

	put_table(out, unicode ? put_escaped : put_allowed, naming, prefix,
			  delimiter, schema, table);
	return end_topic(out, start);
}

void
route_table_name(struct buf *out, enum route_naming naming, const char *prefix,
				 const char *delimiter, const char *schema, const char *table)
{
	put_table(out, buf_puts, naming, prefix, delimiter, schema, table);
	(void) buf_cstr(out);
}

bool
route_message_topic(struct buf *out, const char *prefix)
{
	size_t start = out->len;

	put_allowed(out, prefix);
	buf_lit(out, ".message");
	return end_topic(out, start);
}

bool
route_transaction_topic(struct buf *out, const char *prefix,
						const char *delimiter, const char *name)
{
	size_t start = out->len;

	put_allowed(out, prefix);
	put_allowed(out, delimiter);
	put_allowed(out, name);
	return end_topic(out, start);
}

bool
route_is_topic(const char *name)
{
	size_t n = 0;

	while (is_allowed((uint8_t) name[n]))
		n++;
	return name[n] == '\0' && n > 0 && n <= ROUTE_TOPIC_MAX &&
		   strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* ------------------------------------------------------------- partitions */

static uint32_t
get_u32(const uint8_t *p)
{
	return (uint32_t) p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 |
		   (uint32_t) p[3] << 24;
}

/* MurmurHash2 (Austin Appleby), with the seed that Kafka gives it. */
uint32_t
route_murmur2(const void *data, size_t len)
{
	const uint32_t m = 0x5bd1e995;
	const uint8_t *p = data;
	uint32_t	   h = UINT32_C(0x9747b28c) ^ (uint32_t) len;

	for (; len >= 4; p += 4, len -= 4)
	{
		uint32_t k = get_u32(p) * m;

		k ^= k >> 24;
		h = (h * m) ^ (k * m);
	}
	switch (len)
	{
		case 3:
			h ^= (uint32_t) p[2] << 16;
			/* FALLTHROUGH */
		case 2:
			h ^= (uint32_t) p[1] << 8;
			/* FALLTHROUGH */
		case 1:
			h ^= p[0];
			h *= m;
	}
	h ^= h >> 13;
	h *= m;
	h ^= h >> 15;
	return h;
}

/* Kafka clears the sign bit; it does not take the absolute value. */
static int32_t
partition_of(uint32_t hash, int32_t npartitions)
{
	return (int32_t) (hash & 0x7fffffff) % npartitions;
}

int32_t
route_partition(const void *key, size_t len, int32_t npartitions)
{
	return partition_of(route_murmur2(key, len), npartitions);
}

int32_t
route_keyless_partition(enum route_keyless how, const char *topic,
						uint64_t end_lsn, int32_t npartitions)
{
	uint8_t lsn[8];

	if (how == ROUTE_KEYLESS_TOPIC)
		return route_partition(topic, strlen(topic), npartitions);

	/* The same bytes on every machine: two forwarders must agree. */
	for (int i = 0; i < 8; i++)
		lsn[i] = (uint8_t) (end_lsn >> (8 * i));
	return route_partition(lsn, sizeof(lsn), npartitions);
}
