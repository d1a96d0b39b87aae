/*
 * avro_name.h - names as Avro allows them, in Debezium's two ways.
 *
 * Pure: appends to a buffer.
 */
#ifndef FORWARDER_AVRO_NAME_H
#define FORWARDER_AVRO_NAME_H

#include "buf.h"

enum avro_name_mode
{
	AVRO_NAME_NONE,	   /* names stay as they are */
	AVRO_NAME_REPLACE, /* what is not allowed is _ */
	AVRO_NAME_ESCAPE   /* _uXXXX, as is _ itself */
};

/*
 * Append a name in UTF-8: of a field, or of a schema, in which dots may be.
 * A character beyond U+FFFF counts as the two that UTF-16 has for it.
 */
void avro_name_field(enum avro_name_mode mode, const char *s, struct buf *out);
void
avro_name_schema(enum avro_name_mode mode, const char *s, struct buf *out);

#endif /* FORWARDER_AVRO_NAME_H */
