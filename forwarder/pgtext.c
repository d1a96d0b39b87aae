/*
 * pgtext.c - the table of known types, and the simple ones.
 *
 * One list, TYPES, is the type table, the look-up by oid and the look-up of
 * the array types.  The richer types have a file each: pgtext_numeric.c and
 * so on.
 */
#include "pgtext_impl.h"

/* The only fixed-width type that travels in fewer bytes than it has. */
#define NAME_LEN 64

static const char hex_digits[] = "0123456789abcdef";

static PGTEXT_FN(text_bool)
{
	(void) t;
	if (len != 1)
		return false;
	buf_putc(out, data[0] ? 't' : 'f');
	return true;
}

static PGTEXT_FN(text_bytes)
{
	(void) t;
	buf_put(out, data, len);
	return true;
}

static PGTEXT_FN(text_bytea)
{
	uint8_t *p = buf_reserve(out, 2 + 2 * len);

	(void) t;
	*p++ = '\\';
	*p++ = 'x';
	for (size_t i = 0; i < len; i++)
	{
		*p++ = (uint8_t) hex_digits[data[i] >> 4];
		*p++ = (uint8_t) hex_digits[data[i] & 15];
	}
	buf_commit(out, 2 + 2 * len);
	return true;
}

static PGTEXT_FN(text_char)
{
	(void) t;
	if (len != 1)
		return false;
	if (data[0] > 0x7f)
	{
		buf_putc(out, '\\');
		buf_putc(out, (char) ('0' + (data[0] >> 6)));
		buf_putc(out, (char) ('0' + (data[0] >> 3 & 7)));
		buf_putc(out, (char) ('0' + (data[0] & 7)));
	}
	else if (data[0] != 0)
		buf_putc(out, (char) data[0]);
	return true;
}

static PGTEXT_FN(text_int2)
{
	(void) t;
	if (len != 2)
		return false;
	buf_put_i64(out, (int16_t) rawnum_u16(data));
	return true;
}

static PGTEXT_FN(text_int4)
{
	(void) t;
	if (len != 4)
		return false;
	buf_put_i64(out, rawnum_i32(data));
	return true;
}

static PGTEXT_FN(text_int8)
{
	(void) t;
	if (len != 8)
		return false;
	buf_put_i64(out, rawnum_i64(data));
	return true;
}

static PGTEXT_FN(text_uint4)
{
	(void) t;
	if (len != 4)
		return false;
	buf_put_u64(out, rawnum_u32(data));
	return true;
}

static PGTEXT_FN(text_uint8)
{
	(void) t;
	if (len != 8)
		return false;
	buf_put_u64(out, rawnum_u64(data));
	return true;
}

static PGTEXT_FN(text_tid)
{
	(void) t;
	if (len != 6)
		return false;
	buf_putc(out, '(');
	buf_put_u64(out, (uint32_t) rawnum_u16(data) << 16 | rawnum_u16(data + 2));
	buf_putc(out, ',');
	buf_put_u64(out, rawnum_u16(data + 4));
	buf_putc(out, ')');
	return true;
}

static PGTEXT_FN(text_uuid)
{
	uint8_t *p;

	(void) t;
	if (len != 16)
		return false;
	p = buf_reserve(out, 36);
	for (int i = 0; i < 16; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = (uint8_t) hex_digits[data[i] >> 4];
		*p++ = (uint8_t) hex_digits[data[i] & 15];
	}
	buf_commit(out, 36);
	return true;
}

static void
put_upper_hex(struct buf *out, uint32_t v)
{
	int shift = 28;

	while (shift > 0 && v >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		buf_putc(out, "0123456789ABCDEF"[v >> shift & 15]);
}

static PGTEXT_FN(text_pg_lsn)
{
	(void) t;
	if (len != 8)
		return false;
	put_upper_hex(out, rawnum_u32(data + 4));
	buf_putc(out, '/');
	put_upper_hex(out, rawnum_u32(data));
	return true;
}

static PGTEXT_FN(text_money)
{
	int64_t	 v;
	uint64_t cents, units;
	uint8_t	 digits[32];
	size_t	 n = sizeof(digits);
	int		 group = 0;

	(void) t;
	if (len != 8)
		return false;
	v = rawnum_i64(data);
	cents = v < 0 ? 0 - (uint64_t) v : (uint64_t) v;
	units = cents / 100;
	n -= 2;
	pgtext_put_2(digits + n, (unsigned) (cents % 100));
	digits[--n] = '.';
	do
	{
		if (group == 3)
		{
			digits[--n] = ',';
			group = 0;
		}
		digits[--n] = (uint8_t) ('0' + units % 10);
		units /= 10;
		group++;
	} while (units != 0);
	digits[--n] = '$';
	if (v < 0)
		digits[--n] = '-';
	buf_put(out, digits + n, sizeof(digits) - n);
	return true;
}

/* txid_snapshot and pg_snapshot: count, xmin, xmax, the ids in between */
static PGTEXT_FN(text_snapshot)
{
	size_t n;

	(void) t;
	if (len < 20)
		return false;
	n = rawnum_u32(data);
	if (n != (len - 20) / 8 || (len - 20) % 8 != 0)
		return false;
	buf_put_u64(out, rawnum_u64(data + 4));
	buf_putc(out, ':');
	buf_put_u64(out, rawnum_u64(data + 12));
	buf_putc(out, ':');
	for (size_t i = 0; i < n; i++)
	{
		if (i > 0)
			buf_putc(out, ',');
		buf_put_u64(out, rawnum_u64(data + 20 + 8 * i));
	}
	return true;
}

/*
 * X(name, array oid, sub oid, length, alignment, text function)
 *
 * The type's own oid is the constant of that name in pgtext.h.
 */
/* clang-format off */
#define TYPES(X) \
	X(BOOL, 1000, 0, 1, 1, text_bool) \
	X(BYTEA, 1001, 0, -1, 4, text_bytea) \
	X(CHAR, 1002, 0, 1, 1, text_char) \
	X(NAME, 1003, 0, NAME_LEN, 1, text_bytes) \
	X(INT8, 1016, 0, 8, 8, text_int8) \
	X(INT2, 1005, 0, 2, 2, text_int2) \
	X(INT2VECTOR, 1006, PGTEXT_INT2, -1, 4, pgtext_array_vector) \
	X(INT4, 1007, 0, 4, 4, text_int4) \
	X(TEXT, 1009, 0, -1, 4, text_bytes) \
	X(OID, 1028, 0, 4, 4, text_uint4) \
	X(TID, 1010, 0, 6, 2, text_tid) \
	X(XID, 1011, 0, 4, 4, text_uint4) \
	X(CID, 1012, 0, 4, 4, text_uint4) \
	X(OIDVECTOR, 1013, PGTEXT_OID, -1, 4, pgtext_array_vector) \
	X(JSON, 199, 0, -1, 4, text_bytes) \
	X(XML, 143, 0, -1, 4, pgtext_xml_out) \
	X(POINT, 1017, 0, 16, 8, pgtext_geo_point) \
	X(LSEG, 1018, 0, 32, 8, pgtext_geo_lseg) \
	X(PATH, 1019, 0, -1, 8, pgtext_geo_path) \
	X(BOX, 1020, 0, 32, 8, pgtext_geo_box) \
	X(POLYGON, 1027, 0, -1, 8, pgtext_geo_polygon) \
	X(LINE, 629, 0, 24, 8, pgtext_geo_line) \
	X(CIDR, 651, 0, -1, 4, pgtext_net_cidr) \
	X(FLOAT4, 1021, 0, 4, 4, pgtext_float_out4) \
	X(FLOAT8, 1022, 0, 8, 8, pgtext_float_out8) \
	X(CIRCLE, 719, 0, 24, 8, pgtext_geo_circle) \
	X(MACADDR8, 775, 0, 8, 4, pgtext_net_macaddr) \
	X(MONEY, 791, 0, 8, 8, text_money) \
	X(MACADDR, 1040, 0, 6, 4, pgtext_net_macaddr) \
	X(INET, 1041, 0, -1, 4, pgtext_net_inet) \
	X(BPCHAR, 1014, 0, -1, 4, text_bytes) \
	X(VARCHAR, 1015, 0, -1, 4, text_bytes) \
	X(DATE, 1182, 0, 4, 4, pgtext_datetime_date) \
	X(TIME, 1183, 0, 8, 8, pgtext_datetime_time) \
	X(TIMESTAMP, 1115, 0, 8, 8, pgtext_datetime_timestamp) \
	X(TIMESTAMPTZ, 1185, 0, 8, 8, pgtext_datetime_timestamptz) \
	X(INTERVAL, 1187, 0, 16, 8, pgtext_datetime_interval) \
	X(TIMETZ, 1270, 0, 12, 8, pgtext_datetime_timetz) \
	X(BIT, 1561, 0, -1, 4, pgtext_bits_out) \
	X(VARBIT, 1563, 0, -1, 4, pgtext_bits_out) \
	X(NUMERIC, 1231, 0, -1, 4, pgtext_numeric_out) \
	X(REFCURSOR, 2201, 0, -1, 4, text_bytes) \
	X(UUID, 2951, 0, 16, 1, text_uuid) \
	X(TXID_SNAPSHOT, 2949, 0, -1, 8, text_snapshot) \
	X(PG_LSN, 3221, 0, 8, 8, text_pg_lsn) \
	X(TSVECTOR, 3643, 0, -1, 4, pgtext_ts_vector) \
	X(TSQUERY, 3645, 0, -1, 4, pgtext_ts_query) \
	X(JSONB, 3807, 0, -1, 4, pgtext_jsonb_out) \
	X(INT4RANGE, 3905, PGTEXT_INT4, -1, 4, pgtext_range_out) \
	X(NUMRANGE, 3907, PGTEXT_NUMERIC, -1, 4, pgtext_range_out) \
	X(TSRANGE, 3909, PGTEXT_TIMESTAMP, -1, 8, pgtext_range_out) \
	X(TSTZRANGE, 3911, PGTEXT_TIMESTAMPTZ, -1, 8, pgtext_range_out) \
	X(DATERANGE, 3913, PGTEXT_DATE, -1, 4, pgtext_range_out) \
	X(INT8RANGE, 3927, PGTEXT_INT8, -1, 8, pgtext_range_out) \
	X(INT4MULTIRANGE, 6150, PGTEXT_INT4RANGE, -1, 4, pgtext_range_multi) \
	X(NUMMULTIRANGE, 6151, PGTEXT_NUMRANGE, -1, 4, pgtext_range_multi) \
	X(TSMULTIRANGE, 6152, PGTEXT_TSRANGE, -1, 8, pgtext_range_multi) \
	X(TSTZMULTIRANGE, 6153, PGTEXT_TSTZRANGE, -1, 8, pgtext_range_multi) \
	X(DATEMULTIRANGE, 6155, PGTEXT_DATERANGE, -1, 4, pgtext_range_multi) \
	X(INT8MULTIRANGE, 6157, PGTEXT_INT8RANGE, -1, 8, pgtext_range_multi) \
	X(PG_SNAPSHOT, 5039, 0, -1, 8, text_snapshot) \
	X(XID8, 271, 0, 8, 8, text_uint8)

/* Between the elements of an array; box holds commas itself. */
#define DELIM(name) (PGTEXT_##name == PGTEXT_BOX ? ';' : ',')

#define TYPE_INDEX(name, array, sub, length, alignment, fn) \
	TYPE_##name, TYPE_##name##_ARRAY,
#define TYPE_ENTRY(name, array, sub, length, alignment, fn) \
	[TYPE_##name] = {PGTEXT_##name, array, sub, length, alignment, \
					 DELIM(name), fn},
#define ARRAY_ENTRY(name, array, sub, length, alignment, fn) \
	[TYPE_##name##_ARRAY] = {array, 0, PGTEXT_##name, -1, \
							 (alignment) == 8 ? 8 : 4, ',', \
							 pgtext_array_out},
#define TYPE_CASE(name, array, sub, length, alignment, fn) \
	case PGTEXT_##name: return &types[TYPE_##name]; \
	case array: return &types[TYPE_##name##_ARRAY];

enum type_index
{
	TYPES(TYPE_INDEX)
	NTYPES
};

static const struct pgtext_type types[NTYPES] = {
	TYPES(TYPE_ENTRY)
	TYPES(ARRAY_ENTRY)
};
/* clang-format on */

const struct pgtext_type *
pgtext_find(uint32_t oid)
{
	switch (oid)
	{
		TYPES(TYPE_CASE)
		default:
			return NULL;
	}
}

enum pgtext_status
pgtext_append(struct buf *out, uint32_t type_oid, const uint8_t *data,
			  size_t len)
{
	const struct pgtext_type *t = pgtext_find(type_oid);
	size_t					  start = out->len;

	if (t == NULL)
		return PGTEXT_UNKNOWN_TYPE;
	if (!t->text(out, t, data, len))
	{
		out->len = start;
		return PGTEXT_CORRUPT;
	}
	return PGTEXT_OK;
}

bool
pgtext_knows(uint32_t type_oid)
{
	return pgtext_find(type_oid) != NULL;
}

uint32_t
pgtext_element_type(uint32_t array_oid)
{
	const struct pgtext_type *t = pgtext_find(array_oid);

	return t != NULL && t->array_oid == 0 ? t->sub_oid : 0;
}

bool
pgtext_storage(uint32_t type_oid, int16_t *len, uint8_t *align)
{
	const struct pgtext_type *t = pgtext_find(type_oid);

	if (t == NULL)
		return false;
	*len = t->len;
	*align = t->align;
	return true;
}

bool
pgtext_value_at(const uint8_t *body, size_t body_len, size_t *pos,
				int16_t typlen, const uint8_t **data, size_t *len)
{
	size_t at = *pos;
	size_t left;
	size_t size;

	if (at > body_len)
		return false;
	left = body_len - at;
	if (typlen >= 0)
	{
		if ((size_t) typlen > left)
			return false;
		*data = body + at;
		*len = (size_t) typlen;
		*pos = at + (size_t) typlen;
		if (typlen == NAME_LEN)
		{
			/* only the bytes before the padding travel */
			const uint8_t *end = memchr(*data, 0, NAME_LEN);

			if (end != NULL)
				*len = (size_t) (end - *data);
		}
		return true;
	}

	if (left < 1)
		return false;
	if (body[at] & 1)
	{
		/* 1: the header of a value that lives elsewhere, never in here */
		size = body[at] >> 1;
		if (size < 1 || size > left || body[at] == 1)
			return false;
		*data = body + at + 1;
		*len = size - 1;
	}
	else
	{
		uint32_t header;

		if (left < 4)
			return false;
		header = rawnum_u32(body + at);
		size = header >> 2;
		if ((header & 3) != 0 || size < 4 || size > left)
			return false;
		*data = body + at + 4;
		*len = size - 4;
	}
	*pos = at + size;
	return true;
}

void
pgtext_quote_from(struct buf *out, size_t start, enum pgtext_quote style)
{
	size_t	 len = out->len - start;
	size_t	 extra = 2;
	uint8_t *from;
	uint8_t *to;

	for (size_t i = 0; i < len; i++)
	{
		uint8_t c = out->data[start + i];

		extra += c == '"' || c == '\\';
	}
	buf_reserve(out, extra);
	from = out->data + start + len;
	to = from + extra;
	*--to = '"';
	while (from > out->data + start)
	{
		uint8_t c = *--from;

		*--to = c;
		if (c == '"' || c == '\\')
			*--to = style == PGTEXT_QUOTE_BACKSLASH ? '\\' : c;
	}
	*--to = '"';
	buf_commit(out, extra);
}
