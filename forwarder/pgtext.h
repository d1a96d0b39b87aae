/*
 * pgtext.h - the text of PostgreSQL values, from their on-disk bytes.
 *
 * The decoder copies datums; it calls no output function for the types named
 * here.  This module gives the text that PostgreSQL's own output function
 * would have given under DateStyle ISO, IntervalStyle postgres, TimeZone UTC,
 * extra_float_digits 1, bytea_output hex and lc_monetary C.
 *
 * Everything is a pure function of its arguments: no state, no I/O, and no
 * memory but what the caller's buffer grows by (jsonb nested deeper than 32
 * levels and tsquery borrow a work stack and give it back).
 *
 * Input is a value as the wire carries it, from a little-endian server:
 *
 *	 fixed width	bool 1, "char" 1, int2 2, int4 oid xid cid float4 date 4,
 *					int8 float8 xid8 pg_lsn money time timestamp timestamptz 8,
 *					timetz 12 (int64 us, int32 seconds west), interval 16
 *					(int64 us, int32 days, int32 months), uuid 16, macaddr 6,
 *					macaddr8 8, tid 6 (block high, block low, offset; each
 *					uint16), point 16, lseg box 32, line circle 24
 *	 name			its bytes without the padding
 *	 varlena		the body: detoasted, decompressed, without the header.  The
 *					body begins 4 bytes into the datum, and all alignment
 *					inside it counts from there.
 *
 * Values are checked against their length and never read beyond it.  On
 * failure nothing has been appended.
 *
 * Where PostgreSQL's text depends on its version or locale:
 *	 - "char" above 0x7f is an octal escape, as from version 16 on;
 *	 - an interval whose three fields are all at their limit is infinity, as
 *	   from version 17 on;
 *	 - money is printed with "$", "," and two fraction digits.
 */
#ifndef FORWARDER_PGTEXT_H
#define FORWARDER_PGTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

enum pgtext_status
{
	PGTEXT_OK,
	PGTEXT_UNKNOWN_TYPE, /* pgtext_knows() is false for it */
	PGTEXT_CORRUPT, /* not a value of that type, or its text beyond 1 GB */
};

/* Type oids that callers need to name; pg_type.dat fixes them for ever. */
enum pgtext_oid
{
	PGTEXT_BOOL = 16,
	PGTEXT_BYTEA = 17,
	PGTEXT_CHAR = 18,
	PGTEXT_NAME = 19,
	PGTEXT_INT8 = 20,
	PGTEXT_INT2 = 21,
	PGTEXT_INT2VECTOR = 22,
	PGTEXT_INT4 = 23,
	PGTEXT_TEXT = 25,
	PGTEXT_OID = 26,
	PGTEXT_TID = 27,
	PGTEXT_XID = 28,
	PGTEXT_CID = 29,
	PGTEXT_OIDVECTOR = 30,
	PGTEXT_JSON = 114,
	PGTEXT_XML = 142,
	PGTEXT_POINT = 600,
	PGTEXT_LSEG = 601,
	PGTEXT_PATH = 602,
	PGTEXT_BOX = 603,
	PGTEXT_POLYGON = 604,
	PGTEXT_LINE = 628,
	PGTEXT_CIDR = 650,
	PGTEXT_FLOAT4 = 700,
	PGTEXT_FLOAT8 = 701,
	PGTEXT_CIRCLE = 718,
	PGTEXT_MACADDR8 = 774,
	PGTEXT_MONEY = 790,
	PGTEXT_MACADDR = 829,
	PGTEXT_INET = 869,
	PGTEXT_BPCHAR = 1042,
	PGTEXT_VARCHAR = 1043,
	PGTEXT_DATE = 1082,
	PGTEXT_TIME = 1083,
	PGTEXT_TIMESTAMP = 1114,
	PGTEXT_TIMESTAMPTZ = 1184,
	PGTEXT_INTERVAL = 1186,
	PGTEXT_TIMETZ = 1266,
	PGTEXT_BIT = 1560,
	PGTEXT_VARBIT = 1562,
	PGTEXT_NUMERIC = 1700,
	PGTEXT_REFCURSOR = 1790,
	PGTEXT_UUID = 2950,
	PGTEXT_TXID_SNAPSHOT = 2970,
	PGTEXT_PG_LSN = 3220,
	PGTEXT_TSVECTOR = 3614,
	PGTEXT_TSQUERY = 3615,
	PGTEXT_JSONB = 3802,
	PGTEXT_INT4RANGE = 3904,
	PGTEXT_NUMRANGE = 3906,
	PGTEXT_TSRANGE = 3908,
	PGTEXT_TSTZRANGE = 3910,
	PGTEXT_DATERANGE = 3912,
	PGTEXT_INT8RANGE = 3926,
	PGTEXT_INT4MULTIRANGE = 4451,
	PGTEXT_NUMMULTIRANGE = 4532,
	PGTEXT_TSMULTIRANGE = 4533,
	PGTEXT_TSTZMULTIRANGE = 4534,
	PGTEXT_DATEMULTIRANGE = 4535,
	PGTEXT_INT8MULTIRANGE = 4536,
	PGTEXT_PG_SNAPSHOT = 5038,
	PGTEXT_XID8 = 5069,
};

/*
 * Append the text of a value.  On PGTEXT_UNKNOWN_TYPE and PGTEXT_CORRUPT the
 * buffer is as it was.
 */
enum pgtext_status pgtext_append(struct buf *out, uint32_t type_oid,
								 const uint8_t *data, size_t len);

/*
 * True for every type of enum pgtext_oid and the arrays of them.  Domains,
 * enums, composites and whatever extensions add are not known: their oids
 * differ from one database to the next.
 */
bool pgtext_knows(uint32_t type_oid);

/* Element type of a known array type, 0 for any other type. */
uint32_t pgtext_element_type(uint32_t array_oid);

/*
 * How a known type lies on disk: 'len' bytes, or -1 for varlena (name is 64),
 * and its alignment (1, 2, 4 or 8).  False if the type is not known.
 */
bool pgtext_storage(uint32_t type_oid, int16_t *len, uint8_t *align);

/*
 * ---- numeric (pgtext_numeric.c) ----
 */
enum pgtext_numeric_kind
{
	PGTEXT_NUMERIC_FINITE,
	PGTEXT_NUMERIC_NAN,
	PGTEXT_NUMERIC_PLUS_INFINITY,
	PGTEXT_NUMERIC_MINUS_INFINITY,
};

/*
 * A view into the value it was read from.  The number is the sum of
 * digit[i] * 10000^(weight - i), to be shown with 'dscale' decimals.
 */
struct pgtext_numeric
{
	enum pgtext_numeric_kind kind;
	bool					 negative;
	int						 dscale; /* 0 .. 16383 */
	int						 weight;
	int						 ndigits; /* 0 for zero */
	const uint8_t *digits; /* ndigits little-endian int16, unaligned */
};

/* Read and check a value.  The view lives as long as 'data'. */
enum pgtext_status
pgtext_numeric_read(struct pgtext_numeric *n, const uint8_t *data, size_t len);

/* PostgreSQL's text: plain digits, never an exponent; NaN, Infinity. */
void pgtext_numeric_text(struct buf *out, const struct pgtext_numeric *n);

/*
 * Decimals needed to show the value exactly, trailing zeros dropped; never
 * negative.  0 for the special values.
 */
int pgtext_numeric_min_scale(const struct pgtext_numeric *n);

/*
 * Append value * 10^scale, rounded half up (away from zero), as the shortest
 * big-endian two's complement of at least one byte: what Java's
 * BigDecimal.unscaledValue().toByteArray() gives.  'scale' may be negative.
 * False, with nothing appended, for NaN, the infinities and a scale beyond
 * the maximum.
 */
#define PGTEXT_NUMERIC_MAX_SCALE 200000
bool pgtext_numeric_unscaled(struct buf *out, const struct pgtext_numeric *n,
							 int scale);

/* The same for a plain integer, such as money. */
void pgtext_numeric_unscaled_i64(struct buf *out, int64_t v);

/* Nearest double, ties to even; overflow gives an infinity. */
double pgtext_numeric_double(const struct pgtext_numeric *n);

/*
 * ---- floating point (pgtext_float.c) ----
 *
 * The shortest digits that read back as the same number, and of these the
 * ones closest to it.
 */

/* As float8out and float4out: 1e+15, 0.1, -0, NaN, -Infinity. */
void pgtext_float_double(struct buf *out, double v);
void pgtext_float_single(struct buf *out, float v);

/* As Double.toString and Float.toString (Java 19 and later): 1.0E15, 0.1. */
void pgtext_float_double_java(struct buf *out, double v);
void pgtext_float_single_java(struct buf *out, float v);

/*
 * ---- arrays (pgtext_array.c) ----
 */
#define PGTEXT_ARRAY_MAX_DIMS 6

struct pgtext_array
{
	uint32_t elem_oid;
	int		 ndim; /* 0 for an empty array */
	int32_t	 dims[PGTEXT_ARRAY_MAX_DIMS];
	int32_t	 lbounds[PGTEXT_ARRAY_MAX_DIMS];
	uint32_t nelems; /* product of dims */

	/* what follows is the iterator's */
	const uint8_t *body;
	size_t		   body_len;
	size_t		   bitmap; /* offset in body, 0 if there are no nulls */
	size_t		   pos;	   /* of the next element, in body */
	uint32_t	   next;
	int16_t		   elem_len;
	uint8_t		   elem_align;
};

struct pgtext_element
{
	bool		   null;
	const uint8_t *data; /* wire form; NULL for a null */
	size_t		   len;
};

/*
 * Open an array value: checks the header, not the elements.  Works for any
 * known element type, also for int2vector and oidvector.  The iterator lives
 * as long as 'data'; it needs no closing.
 */
enum pgtext_status
pgtext_array_open(struct pgtext_array *a, const uint8_t *data, size_t len);

/*
 * Next element in row-major order.  Call 'nelems' times; PGTEXT_CORRUPT ends
 * the iteration, as does a call too many.
 */
enum pgtext_status
pgtext_array_next(struct pgtext_array *a, struct pgtext_element *e);

/*
 * ---- bit and bit varying (pgtext_bits.c) ----
 */

/* Number of bits, or -1 if the value is corrupt. */
int64_t pgtext_bits_length(const uint8_t *data, size_t len);

/*
 * Append the bits as java.util.BitSet.toByteArray() has them: bit 0 is the
 * rightmost, least significant byte first, no byte after the highest set bit.
 */
enum pgtext_status
pgtext_bits_bitset(struct buf *out, const uint8_t *data, size_t len);

/*
 * ---- dates (pgtext_datetime.c) ----
 */
#define PGTEXT_DATETIME_USECS_PER_DAY INT64_C(86400000000)
#define PGTEXT_DATETIME_USECS_PER_SEC INT64_C(1000000)

/* From 1970-01-01 to 2000-01-01. */
#define PGTEXT_DATETIME_UNIX_DAYS 10957

/* Sentinels of timestamp and timestamptz, and of date. */
#define PGTEXT_DATETIME_INFINITY INT64_MAX
#define PGTEXT_DATETIME_MINUS_INFINITY INT64_MIN
#define PGTEXT_DATETIME_DATE_INFINITY INT32_MAX
#define PGTEXT_DATETIME_DATE_MINUS_INFINITY INT32_MIN

/*
 * Civil date of a day counted from 2000-01-01, proleptic Gregorian.  The year
 * is astronomical: 0 is 1 BC.  'days' within the range of an int32.
 */
void pgtext_datetime_civil(int64_t days, int64_t *year, int *month, int *day);

/* And back: the day of a date. */
int64_t pgtext_datetime_day(int64_t year, int month, int mday);

/* Rounded down, where C rounds towards zero; 'by' is positive. */
static inline int64_t
pgtext_datetime_floor_div(int64_t v, int64_t by)
{
	return v / by - (v % by < 0);
}

#endif /* FORWARDER_PGTEXT_H */
