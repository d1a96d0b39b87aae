/*
 * wire_stream.h - writing streams for the tests of those who read them.
 */
#ifndef TEST_WIRE_STREAM_H
#define TEST_WIRE_STREAM_H

#include "wire.h"

#define STR(s) ((struct wire_str){(s), strlen(s)})
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A column of a built-in type in raw form; 'flags' WIRE_COLUMN_*. */
static inline struct wire_column
stream_column(const char *name, uint32_t oid, const char *type, int16_t width,
			  uint16_t key_position, uint8_t flags)
{
	return (struct wire_column){
		.name = STR(name),
		.flags = flags,
		.key_position = key_position,
		.encoding = WIRE_ENCODING_RAW,
		.width = width,
		.kind = 'b',
		.type = {.oid = oid,
				 .typmod = -1,
				 .schema = STR("pg_catalog"),
				 .name = STR(type)},
	};
}

static inline void
stream_relation(struct wire_writer *w, uint32_t id, const char *name,
				char identity, const struct wire_column *columns, size_t n)
{
	struct wire_relation rel = {
		.schema_id = id,
		.oid = 16384 + id,
		.kind = 'r',
		.identity = identity,
		.schema = STR("public"),
		.name = STR(name),
		.ncolumns = (uint32_t) n,
	};
	size_t start = wire_writer_len(w);

	wire_write_relation(w, &rel);
	for (size_t i = 0; i < n; i++)
	{
		struct wire_column column = columns[i];

		column.attnum = (uint16_t) (i + 1);
		wire_write_column(w, &column);
	}
	wire_write_relation_end(w, start);
}

static inline struct wire_value
stream_value(const void *data, size_t len)
{
	return (struct wire_value){WIRE_VALUE_PRESENT, data, len};
}

#endif /* TEST_WIRE_STREAM_H */
