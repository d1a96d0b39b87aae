/* links: decode condense schema format_json format_json_debezium
 * links: format_json_default format_json_schema format_json_type format_json_extension
 * links: format_json_time avro_name jsontext buf wire
 * links: pgtext pgtext_array pgtext_bits pgtext_datetime pgtext_float
 * links: pgtext_geo pgtext_jsonb pgtext_net pgtext_numeric pgtext_range
 * links: pgtext_ts pgtext_xml mask_hash
 * libs: jansson libcrypto */

/*
 * fuzz_decode.c - any bytes as a stream, up to the records made of it.
 *
 * Input: frames, each behind its length in two bytes, little-endian.  A stream
 * is read to its end or to an error that has a text; positions only grow, and
 * every record and key made of a change is JSON.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct format_options options = {
	.version = "v",
	.prefix = "p",
	.database = "d",
	.placeholder = "__debezium_unavailable_value",
	.money_fraction_digits = 2,
	.byte_order = 'L',
};

static void
require(bool fact)
{
	if (!fact)
		abort();
}

static void
require_json(const struct buf *b)
{
	json_error_t error;
	json_t		*json;

	if (b->len > 65536)
		return;
	json = json_loadb((char *) b->data, b->len, JSON_ALLOW_NUL, &error);

	/*
	 * jansson has no integers beyond 64 bits with sign, and no reals that a
	 * double cannot hold; both are ours only where the input has them.
	 */
	if (json == NULL)
		require(json_error_code(&error) == json_error_numeric_overflow);
	json_decref(json);
}

/* Of a table; its oid says in which modes: debezium for one of two. */
static struct format_plan *
plan(const struct change_relation *rel)
{
	struct format_options o = options;

	o.time = (enum format_time)(rel->oid % (FORMAT_TIME_ISO_LOCAL + 1));
	o.debezium = rel->oid >> 3 & 1;
	o.unknown_types = rel->oid >> 4 & 1;
	o.null_default = o.key_null_default = rel->oid >> 5 & 1;
	o.schemas = o.key_schemas = rel->oid >> 7 & 1;
	o.topic = "t";
	o.hstore = rel->oid >> 6 & 1 ? FORMAT_HSTORE_MAP : FORMAT_HSTORE_JSON;
	return format_json_plan(rel, &o);
}

static void
release(void *user)
{
	format_json_plan_free(user);
}

static void
format_change(const struct change *c, struct format_plan *plan,
			  struct buf *out)
{
	static const enum format_part parts[] = {
		[CHANGE_INSERT] = FORMAT_CREATE,   [CHANGE_UPDATE] = FORMAT_UPDATE,
		[CHANGE_DELETE] = FORMAT_DELETE,   [CHANGE_TRUNCATE] = FORMAT_TRUNCATE,
		[CHANGE_MESSAGE] = FORMAT_MESSAGE,
	};

	buf_reset(out);
	(void) format_json_value(plan, parts[c->op], c, 1700000000000000000, out);
	require_json(out);
	buf_reset(out);
	if (c->op == CHANGE_MESSAGE)
	{
		format_json_message_key(plan, c, out);
		require_json(out);
		return;
	}
	if (format_json_key(plan, c->after, out) ||
		format_json_key(plan, c->before, out))
		require_json(out);
	else
		require(out->len == 0);
	(void) format_json_compare_keys(plan, c);
	if (c->op == CHANGE_UPDATE && c->before != NULL)
		(void) format_json_row_changed(plan, c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* A low limit: what is in fragments is condensed, if it is not short. */
	struct decode	   *d = decode_new(release, NULL, NULL, 64);
	struct format_plan *messages = format_json_plan(NULL, &options);
	struct buf			out = {0};
	uint64_t			end_lsn = 0;
	uint64_t			ordinal = 0;
	enum decode_event	event = DECODE_MORE;

	while (size >= 2 && event == DECODE_MORE)
	{
		size_t	 len = (size_t) data[0] | (size_t) data[1] << 8;
		uint8_t *frame;

		data += 2;
		size -= 2;
		if (len > size)
			len = size;
		frame = malloc(len ? len : 1); /* for a byte too far to be seen */
		memcpy(frame, data, len);
		data += len;
		size -= len;
		decode_feed(d, frame, len);
		do
		{
			struct schema_relation *rel;
			const struct change	   *c;

			event = decode_next(d);
			switch (event)
			{
				case DECODE_RELATION:
					rel = decode_relation(d);
					require(rel->user == NULL);
					rel->user = plan(&rel->relation);
					break;
				case DECODE_BEGIN:
					require(decode_transaction(d)->end_lsn > end_lsn);
					require(decode_transaction(d)->previous_end_lsn ==
							end_lsn);
					end_lsn = decode_transaction(d)->end_lsn;
					ordinal = 0;
					break;
				case DECODE_CHANGE:
					c = decode_change(d);
					require(c->position.end_lsn == end_lsn);
					require(c->position.ordinal == ordinal++);
					format_change(c,
								  c->relation != NULL
									  ? decode_relation(d)->user
									  : messages,
								  &out);
					break;
				case DECODE_FAILED:
					require(decode_error(d)[0] != 0);
					require(decode_next(d) == DECODE_FAILED);
					break;
				case DECODE_MORE:
				case DECODE_HEADER:
				case DECODE_COMMIT:
					break;
			}
		} while (event != DECODE_MORE && event != DECODE_FAILED);
		free(frame);
	}
	decode_free(d);
	format_json_plan_free(messages);
	buf_free(&out);
	return 0;
}
