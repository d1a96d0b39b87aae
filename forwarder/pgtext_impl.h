/*
 * pgtext_impl.h - what the pgtext_*.c files share; nobody else includes it.
 *
 * A text function appends and returns true, or returns false for a corrupt
 * value; then it may have appended something, which pgtext_append() takes
 * back.
 */
#ifndef FORWARDER_PGTEXT_IMPL_H
#define FORWARDER_PGTEXT_IMPL_H

#include "pgtext.h"
#include "rawnum.h"

struct pgtext_type;

typedef bool (*pgtext_fn)(struct buf *out, const struct pgtext_type *t,
						  const uint8_t *data, size_t len);

struct pgtext_type
{
	uint32_t  oid;
	uint32_t  array_oid; /* of the array of it; 0 in an array's entry */
	uint32_t  sub_oid;	 /* element of an array, bound of a range,
								 * range of a multirange; else 0 */
	int16_t	  len;
	uint8_t	  align;
	char	  delim; /* between the elements of its array */
	pgtext_fn text;
};

/* NULL if the type is not known.  Array types are found too. */
const struct pgtext_type *pgtext_find(uint32_t oid);

/*
 * The server cannot make a longer text either.  A short value can stand for a
 * long text (1e131071 takes 4 bytes), so whatever holds many values stops
 * here instead of filling the memory.
 */
#define PGTEXT_MAX_TEXT 0x3fffffff

/* ---- reading ---- */

/* Round a position in a body up to 'align', which counts from the datum's
 * start, 4 bytes before the body's. */
static inline size_t
pgtext_align(size_t pos, size_t align)
{
	return ((pos + 4 + align - 1) & ~(align - 1)) - 4;
}

/*
 * Find the value that begins at *pos of a body, already aligned, of a type of
 * length 'typlen'; varlena headers of one and of four bytes are understood.
 * Gives its wire form and moves *pos behind it.  False if it does not fit.
 */
bool pgtext_value_at(const uint8_t *body, size_t body_len, size_t *pos,
					 int16_t typlen, const uint8_t **data, size_t *len);

/* ---- writing ---- */

/* Exactly two decimal digits; v < 100. */
static inline void
pgtext_put_2(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t) ('0' + v / 10);
	p[1] = (uint8_t) ('0' + v % 10);
}

/* Exactly four decimal digits; v < 10000. */
static inline void
pgtext_put_4(uint8_t *p, unsigned v)
{
	pgtext_put_2(p, v / 100);
	pgtext_put_2(p + 2, v % 100);
}

/*
 * Make room in front of what was appended from 'start' on and wrap it in
 * double quotes.  A byte found in 'escape' gets a backslash or, if 'doubled',
 * itself before it.
 */
enum pgtext_quote
{
	PGTEXT_QUOTE_BACKSLASH,
	PGTEXT_QUOTE_DOUBLED,
};
void pgtext_quote_from(struct buf *out, size_t start, enum pgtext_quote style);

/* ---- text functions by file ---- */

#define PGTEXT_FN(name)                                     \
	bool name(struct buf *out, const struct pgtext_type *t, \
			  const uint8_t *data, size_t len)

PGTEXT_FN(pgtext_numeric_out);
PGTEXT_FN(pgtext_float_out4);
PGTEXT_FN(pgtext_float_out8);
PGTEXT_FN(pgtext_datetime_date);
PGTEXT_FN(pgtext_datetime_time);
PGTEXT_FN(pgtext_datetime_timetz);
PGTEXT_FN(pgtext_datetime_timestamp);
PGTEXT_FN(pgtext_datetime_timestamptz);
PGTEXT_FN(pgtext_datetime_interval);
PGTEXT_FN(pgtext_net_inet);
PGTEXT_FN(pgtext_net_cidr);
PGTEXT_FN(pgtext_net_macaddr);
PGTEXT_FN(pgtext_geo_point);
PGTEXT_FN(pgtext_geo_lseg);
PGTEXT_FN(pgtext_geo_path);
PGTEXT_FN(pgtext_geo_box);
PGTEXT_FN(pgtext_geo_polygon);
PGTEXT_FN(pgtext_geo_line);
PGTEXT_FN(pgtext_geo_circle);
PGTEXT_FN(pgtext_jsonb_out);
PGTEXT_FN(pgtext_bits_out);
PGTEXT_FN(pgtext_ts_vector);
PGTEXT_FN(pgtext_ts_query);
PGTEXT_FN(pgtext_array_out);
PGTEXT_FN(pgtext_array_vector);
PGTEXT_FN(pgtext_range_out);
PGTEXT_FN(pgtext_range_multi);
PGTEXT_FN(pgtext_xml_out);

#endif /* FORWARDER_PGTEXT_IMPL_H */
