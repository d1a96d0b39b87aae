/* links: position crc32c jsontext buf pgtext pgtext_array pgtext_bits
 * links: pgtext_datetime pgtext_float pgtext_geo pgtext_jsonb pgtext_net
 * links: pgtext_numeric pgtext_range pgtext_ts pgtext_xml */
/* libs: jansson */
/*
 * A record of the position topic: the first line is the key, the rest the
 * value; without a second line it is a tombstone.  Read as it is, and again
 * with a checksum that fits, or the parser behind it would hardly be reached.
 * What is believed is written again to a key of the same bytes and to a value
 * that reads the same, and every refusal has a reason.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "position.h"

#define CRC_LEN 21 /* ,"crc32c":"xxxxxxxx"} */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static void
put_again(enum position_kind kind, const struct position_entry *entry,
		  struct buf *key, struct buf *value)
{
	if (kind == POSITION_RECORD || kind == POSITION_RECORD_DELETED)
		position_put_key(key, &entry->position.id);
	else
		position_put_pin_key(key, &entry->pin);
	if (kind == POSITION_RECORD)
		position_put_value(value, &entry->position);
	else if (kind == POSITION_PIN)
		position_put_pin_value(value, &entry->pin);
}

static void
read_one(const uint8_t *key, size_t key_len, const uint8_t *value,
		 size_t value_len)
{
	struct position_entry entry;
	struct position_entry again;
	struct buf			  error = {0};
	struct buf			  new_key = {0};
	struct buf			  new_value = {0};
	struct buf			  last_value = {0};
	enum position_kind	  kind;

	kind = position_read(key, key_len, value, value_len, &entry, &error);
	if (kind >= POSITION_FOREIGN)
		check(error.len > 0);
	else
	{
		check(error.len == 0);
		put_again(kind, &entry, &new_key, &new_value);
		check(new_key.len == key_len &&
			  memcmp(new_key.data, key, key_len) == 0);
		check((new_value.data == NULL) == (value == NULL));
		check(position_read(new_key.data, new_key.len, new_value.data,
							new_value.len, &again, &error) == kind);
		new_key.len = 0;
		put_again(kind, &again, &new_key, &last_value);
		check(last_value.len == new_value.len &&
			  (value == NULL ||
			   memcmp(last_value.data, new_value.data, last_value.len) == 0));
	}
	buf_free(&error);
	buf_free(&new_key);
	buf_free(&new_value);
	buf_free(&last_value);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size > 0 ? memchr(data, '\n', size) : NULL;
	size_t		   key_len = end != NULL ? (size_t) (end - data) : size;
	uint8_t		  *key = malloc(key_len > 0 ? key_len : 1);
	struct buf	   value = {0};
	uint32_t	   crc;

	/* Exactly as long as it is, so that reading past its end is seen. */
	check(key != NULL);
	if (key_len > 0)
		memcpy(key, data, key_len);
	if (end == NULL)
	{
		read_one(key, key_len, NULL, 0);
		free(key);
		return 0;
	}
	read_one(key, key_len, end + 1, size - key_len - 1);

	buf_put(&value, end + 1, size - key_len - 1);
	if (value.len >= CRC_LEN &&
		memcmp(value.data + value.len - CRC_LEN, ",\"crc32c\":\"", 11) == 0)
		value.len -= CRC_LEN;
	crc = crc32c_update(0, value.data, value.len);
	crc = crc32c_update(crc, key, key_len);
	buf_printf(&value, ",\"crc32c\":\"%08" PRIx32 "\"}", crc);
	read_one(key, key_len, value.data, value.len);
	buf_free(&value);
	free(key);
	return 0;
}
