/*
 * position.c - position records and pins as JSON; see position.h for the
 * format.
 *
 * A value is trusted only behind its checksum, which is looked at first, in
 * the raw bytes: the last 21 of them must be exactly
 *
 *     ,"crc32c":"xxxxxxxx"}
 *
 * and nothing of a value whose checksum is wrong is parsed.  A key carries no
 * checksum of its own (it must stay the same for ever), but the value's covers
 * it; and it is compared with what would be written for it, so that there is
 * one spelling only.
 */
#include "position.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "crc32c.h"
#include "jsontext.h"
#include "mem.h"

/* Far above what is ever written, far below what would hurt. */
#define KEY_MAX 4096
#define VALUE_MAX 65536

#define CRC_HEAD ",\"crc32c\":\""
#define CRC_DIGITS 8
#define CRC_LEN (sizeof(CRC_HEAD) - 1 + CRC_DIGITS + 2)

/* ---- writing ---- */

static void
put_string(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "\"%s\":", name);
	jsontext_string(out, value, strlen(value));
	buf_putc(out, ',');
}

static void
put_lsn(struct buf *out, const char *name, uint64_t lsn)
{
	buf_printf(out, "\"%s\":\"%X/%X\",", name, (unsigned) (lsn >> 32),
			   (unsigned) lsn);
}

static void
put_count(struct buf *out, const char *name, uint64_t n)
{
	if (n > INT64_MAX)
	{
		fprintf(stderr, "error position: %s cannot be %" PRIu64 "\n", name, n);
		abort();
	}
	buf_printf(out, "\"%s\":%" PRIu64 ",", name, n);
}

/* The head of both kinds of keys, with the comma or brace to come. */
static void
put_id(struct buf *out, const struct position_id *id)
{
	buf_printf(out, "{\"system_id\":\"%" PRIu64 "\",", id->system_id);
	put_string(out, "database", id->database);
	put_string(out, "slot", id->slot);
}

/* The comma after the last field becomes the end of the object. */
static void
close_object(struct buf *out)
{
	out->data[out->len - 1] = '}';
}

void
position_put_key(struct buf *out, const struct position_id *id)
{
	put_id(out, id);
	close_object(out);
}

void
position_put_pin_key(struct buf *out, const struct position_pin *pin)
{
	put_id(out, &pin->id);
	put_string(out, "topic", pin->topic);
	close_object(out);
}

/*
 * End a value that began at 'start' and has a comma at its end; whatever is
 * behind that is the key, which goes into the checksum and out of the buffer.
 */
static void
close_value(struct buf *out, size_t start, size_t key)
{
	uint32_t crc = crc32c_update(0, out->data + start, key - 1 - start);

	crc = crc32c_update(crc, out->data + key, out->len - key);
	out->len = key - 1;
	buf_printf(out, CRC_HEAD "%08" PRIx32 "\"}", crc);
}

void
position_put_value(struct buf *out, const struct position *p)
{
	size_t start = out->len;
	size_t key;

	buf_printf(out, "{\"version\":%d,\"timeline\":%" PRIu32 ",",
			   POSITION_VERSION, p->timeline);
	put_lsn(out, "end_lsn", p->end_lsn);
	put_lsn(out, "commit_lsn", p->commit_lsn);
	buf_printf(out, "\"xid\":\"%" PRIu64 "\",", p->xid);
	put_count(out, "transactions", p->transactions);
	put_count(out, "records", p->records);
	put_lsn(out, "prev_end_lsn", p->prev_end_lsn);
	buf_lit(out, "\"partial\":");
	if (p->partial.end_lsn == 0)
		buf_lit(out, "null,");
	else
	{
		buf_putc(out, '{');
		put_lsn(out, "end_lsn", p->partial.end_lsn);
		put_count(out, "changes", p->partial.changes);
		buf_printf(out, "\"hash\":\"%08" PRIx32 "\"},", p->partial.hash);
	}
	buf_printf(out, "\"filter\":\"%016" PRIx64 "\",", p->filter);
	put_string(out, "plugin", p->plugin);
	put_string(out, "transactional_id", p->transactional_id);
	put_string(out, "run_id", p->run_id);
	buf_printf(out, "\"ts_ms\":%" PRId64 ",", p->ts_ms);
	key = out->len;
	position_put_key(out, &p->id);
	close_value(out, start, key);
}

void
position_put_pin_value(struct buf *out, const struct position_pin *pin)
{
	size_t start = out->len;
	size_t key;

	if (pin->partitions < 1)
	{
		fprintf(stderr, "error position: a topic of %" PRId32 " partitions\n",
				pin->partitions);
		abort();
	}
	buf_printf(out, "{\"version\":%d,\"partitions\":%" PRId32 ",",
			   POSITION_VERSION, pin->partitions);
	key = out->len;
	position_put_pin_key(out, pin);
	close_value(out, start, key);
}

/* ---- reading ---- */

/* A value being taken apart; the first complaint is the one that counts. */
struct reader
{
	const json_t *object;
	const char *where; /* name of the object that is read, "" or "partial." */
	struct buf *error;
	bool		ok;
};

static void
complain(struct reader *r, const char *field, const char *what)
{
	if (r->ok)
		buf_printf(r->error, "field \"%s%s\" %s", r->where, field, what);
	r->ok = false;
}

static const json_t *
get(struct reader *r, const char *field)
{
	const json_t *v = json_object_get(r->object, field);

	if (v == NULL)
		complain(r, field, "is missing");
	return v;
}

static int64_t
get_number(struct reader *r, const char *field, int64_t min, int64_t max)
{
	const json_t *v = get(r, field);

	if (v == NULL)
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < min ||
		json_integer_value(v) > max)
	{
		complain(r, field, "is not a number within its range");
		return 0;
	}
	return json_integer_value(v);
}

/* Its text; NULL if it is not there or not a string. */
static const char *
get_text(struct reader *r, const char *field)
{
	const json_t *v = get(r, field);

	if (v != NULL && !json_is_string(v))
		complain(r, field, "is not a string");
	return json_string_value(v);
}

static void
get_string(struct reader *r, const char *field, char *out, size_t size)
{
	const char *s = get_text(r, field);

	if (s == NULL)
		return;
	if (strlen(s) >= size)
		complain(r, field, "is too long");
	else
		memcpy(out, s, strlen(s) + 1);
}

/*
 * A number at *s, written in the digits of 'alphabet' and not above 'max';
 * moves *s behind it.
 */
static bool
read_digits(const char **s, const char *alphabet, uint64_t max, uint64_t *out)
{
	const uint64_t base = strlen(alphabet);
	const char	  *start = *s;
	uint64_t	   n = 0;

	for (; **s != '\0'; (*s)++)
	{
		const char *digit = strchr(alphabet, **s);
		uint64_t	d;

		if (digit == NULL)
			break;
		d = (uint64_t) (digit - alphabet);
		if (n > (max - d) / base)
			return false;
		n = n * base + d;
	}
	*out = n;
	return *s > start;
}

static uint64_t
get_lsn(struct reader *r, const char *field)
{
	static const char digits[] = "0123456789ABCDEF";
	const char		 *s = get_text(r, field);
	uint64_t		  hi;
	uint64_t		  lo;

	if (s == NULL)
		return 0;
	if (!read_digits(&s, digits, UINT32_MAX, &hi) || *s++ != '/' ||
		!read_digits(&s, digits, UINT32_MAX, &lo) || *s != '\0')
	{
		complain(r, field, "is not an LSN");
		return 0;
	}
	return hi << 32 | lo;
}

/* A number in a string: decimal, or 'width' hexadecimal digits. */
static uint64_t
get_digits(struct reader *r, const char *field, size_t width)
{
	const char *s = get_text(r, field);
	uint64_t	n;

	if (s == NULL)
		return 0;
	if ((width > 0 && strlen(s) != width) ||
		!read_digits(&s, width > 0 ? "0123456789abcdef" : "0123456789",
					 UINT64_MAX, &n) ||
		*s != '\0')
	{
		complain(r, field,
				 width > 0 ? "is not hexadecimal digits, or not as many"
						   : "is not decimal digits");
		return 0;
	}
	return n;
}

static json_t *
parse(const void *text, size_t len, json_error_t *why)
{
	json_t *v = json_loadb(text, len, JSON_REJECT_DUPLICATES, why);

	if (v == NULL && json_error_code(why) == json_error_out_of_memory)
		mem_check(NULL, len);
	return v;
}

/*
 * Whose record it is.  True if the key is one of ours; 'pin' if it has a topic.
 */
static bool
read_key(const char *key, size_t len, struct position_pin *out, bool *pin)
{
	struct buf	  again = {0};
	struct buf	  unused = {0};
	json_error_t  why;
	json_t		 *object;
	struct reader r = {.where = "", .error = &unused, .ok = true};
	bool		  same;

	if (key == NULL || len > KEY_MAX)
		return false;
	object = parse(key, len, &why);
	r.object = object;
	*pin = json_object_get(object, "topic") != NULL;
	out->id.system_id = get_digits(&r, "system_id", 0);
	get_string(&r, "database", out->id.database, sizeof(out->id.database));
	get_string(&r, "slot", out->id.slot, sizeof(out->id.slot));
	if (*pin)
		get_string(&r, "topic", out->topic, sizeof(out->topic));
	if (r.ok)
	{
		/* One spelling only, or compaction would keep two. */
		if (*pin)
			position_put_pin_key(&again, out);
		else
			position_put_key(&again, &out->id);
	}
	same = r.ok && again.len == len && memcmp(again.data, key, len) == 0;
	json_decref(object);
	buf_free(&again);
	buf_free(&unused);
	return same;
}

static void
say_foreign(const char *key, size_t len, struct buf *error)
{
	size_t shown = len < 200 ? len : 200;

	if (key == NULL)
	{
		buf_lit(error, "it has no key, so it is not a record of walferry");
		return;
	}
	buf_lit(error, "its key is none that walferry writes: ");
	jsontext_string(error, key, shown);
	if (shown < len)
		buf_lit(error, "...");
}

static bool
checksum_fits(const char *key, size_t key_len, const char *value, size_t len)
{
	char	 expected[CRC_LEN + 1];
	uint32_t crc;

	if (len < CRC_LEN)
		return false;
	crc = crc32c_update(0, value, len - CRC_LEN);
	crc = crc32c_update(crc, key, key_len);
	snprintf(expected, sizeof(expected), CRC_HEAD "%08" PRIx32 "\"}", crc);
	return memcmp(value + len - CRC_LEN, expected, CRC_LEN) == 0;
}

static void
read_partial(struct reader *r, struct position_partial *out)
{
	const json_t *v = get(r, "partial");
	struct reader inner = {.object = v,
						   .where = "partial.",
						   .error = r->error,
						   .ok = true};

	if (!r->ok || json_is_null(v))
		return;
	if (!json_is_object(v))
	{
		complain(r, "partial", "is neither null nor an object");
		return;
	}
	out->end_lsn = get_lsn(&inner, "end_lsn");
	out->changes = (uint64_t) get_number(&inner, "changes", 0, INT64_MAX);
	out->hash = (uint32_t) get_digits(&inner, "hash", 8);
	if (inner.ok && out->end_lsn == 0)
		complain(&inner, "end_lsn", "is 0/0");
	r->ok = inner.ok;
}

static void
read_position(struct reader *r, struct position *p)
{
	p->timeline = (uint32_t) get_number(r, "timeline", 0, UINT32_MAX);
	p->end_lsn = get_lsn(r, "end_lsn");
	p->commit_lsn = get_lsn(r, "commit_lsn");
	p->xid = get_digits(r, "xid", 0);
	p->transactions = (uint64_t) get_number(r, "transactions", 0, INT64_MAX);
	p->records = (uint64_t) get_number(r, "records", 0, INT64_MAX);
	p->prev_end_lsn = get_lsn(r, "prev_end_lsn");
	read_partial(r, &p->partial);
	p->filter = get_digits(r, "filter", 16);
	get_string(r, "plugin", p->plugin, sizeof(p->plugin));
	get_string(r, "transactional_id", p->transactional_id,
			   sizeof(p->transactional_id));
	get_string(r, "run_id", p->run_id, sizeof(p->run_id));
	p->ts_ms = get_number(r, "ts_ms", INT64_MIN, INT64_MAX);
}

enum position_kind
position_read(const void *key, size_t key_len, const void *value,
			  size_t value_len, struct position_entry *out, struct buf *error)
{
	enum position_kind kind = POSITION_BROKEN;
	struct reader	   r = {.where = "", .error = error, .ok = true};
	json_error_t	   why;
	json_t			  *object;
	int64_t			   version;
	bool			   pin;

	memset(out, 0, sizeof(*out));
	if (!read_key(key, key_len, &out->pin, &pin))
	{
		say_foreign(key, key_len, error);
		return POSITION_FOREIGN;
	}
	out->position.id = out->pin.id;
	if (value == NULL)
		return pin ? POSITION_PIN_DELETED : POSITION_RECORD_DELETED;
	if (value_len > VALUE_MAX)
	{
		buf_printf(error, "its value has %zu bytes", value_len);
		return POSITION_BROKEN;
	}
	if (!checksum_fits(key, key_len, value, value_len))
	{
		buf_lit(error, "its checksum, field \"crc32c\", does not fit its key"
					   " and value");
		return POSITION_BROKEN;
	}
	object = parse(value, value_len, &why);
	r.object = object;
	if (!json_is_object(object))
	{
		buf_lit(error, "its value is not the JSON of an object");
		json_decref(object);
		return POSITION_BROKEN;
	}

	version = get_number(&r, "version", 1, INT64_MAX);
	if (r.ok && version > POSITION_VERSION)
	{
		buf_printf(error,
				   "it is of version %" PRId64 " and was written by a newer"
				   " walferry; this one reads up to %d",
				   version, POSITION_VERSION);
		kind = POSITION_NEWER;
	}
	else if (r.ok)
	{
		if (pin)
			out->pin.partitions = (int32_t) get_number(&r, "partitions", 1,
													   INT32_MAX);
		else
			read_position(&r, &out->position);
		if (r.ok)
			kind = pin ? POSITION_PIN : POSITION_RECORD;
	}
	json_decref(object);
	return kind;
}

bool
position_id_equal(const struct position_id *a, const struct position_id *b)
{
	struct buf key = {0};
	size_t	   len;
	bool	   equal;

	position_put_key(&key, a);
	len = key.len;
	position_put_key(&key, b);
	equal = key.len == 2 * len && memcmp(key.data, key.data + len, len) == 0;
	buf_free(&key);
	return equal;
}
