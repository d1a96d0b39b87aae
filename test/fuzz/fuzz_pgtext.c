/* links: pgtext pgtext_numeric pgtext_float pgtext_datetime pgtext_net pgtext_geo pgtext_bits pgtext_jsonb pgtext_ts pgtext_array pgtext_range pgtext_xml buf */

/*
 * fuzz_pgtext.c - any bytes as a value of any type.
 *
 * Input: the type's oid, four bytes little-endian, then the value.  It is
 * shown or refused, a refusal leaves nothing behind, and what is not text
 * holds together: an array that was shown has the elements it says, a
 * numeric's unscaled form agrees in sign and zero.
 */
#include <stdint.h>
#include <stdlib.h>

#include "pgtext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool fact)
{
	if (!fact)
		abort();
}

static void
check_numeric(const uint8_t *data, size_t len)
{
	struct buf			  out = {0};
	struct pgtext_numeric n;

	require(pgtext_numeric_read(&n, data, len) == PGTEXT_OK);
	(void) pgtext_numeric_double(&n);
	if (n.kind == PGTEXT_NUMERIC_FINITE)
	{
		int scale = pgtext_numeric_min_scale(&n);

		require(pgtext_numeric_unscaled(&out, &n, scale));
		require(out.len > 0);
		/* exact, hence zero only for zero */
		if (n.ndigits > 0 && scale <= n.dscale)
			require(!n.negative || (out.data[0] & 0x80) ||
					(out.len == 1 && out.data[0] == 0));
		buf_reset(&out);
		require(pgtext_numeric_unscaled(&out, &n, -3));
	}
	else
		require(!pgtext_numeric_unscaled(&out, &n, 0) && out.len == 0);
	buf_free(&out);
}

static void
check_array(const uint8_t *data, size_t len)
{
	struct pgtext_array	  a;
	struct pgtext_element e;

	if (pgtext_array_open(&a, data, len) == PGTEXT_UNKNOWN_TYPE)
		return;
	for (uint32_t i = 0; i < a.nelems; i++)
	{
		require(pgtext_array_next(&a, &e) == PGTEXT_OK);
		require(e.null || (e.data >= data && e.len <= len &&
						   e.data <= data + len - e.len));
	}
	require(pgtext_array_next(&a, &e) == PGTEXT_CORRUPT);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf		   out = {0};
	uint32_t		   oid;
	enum pgtext_status status;

	if (size < 4)
		return 0;
	oid = (uint32_t) data[0] | (uint32_t) data[1] << 8 |
		  (uint32_t) data[2] << 16 | (uint32_t) data[3] << 24;
	data += 4;
	size -= 4;

	status = pgtext_append(&out, oid, data, size);
	require((status == PGTEXT_UNKNOWN_TYPE) == !pgtext_knows(oid));
	require(status == PGTEXT_OK || out.len == 0);
	if (status == PGTEXT_OK)
	{
		if (oid == PGTEXT_NUMERIC)
			check_numeric(data, size);
		else if (pgtext_element_type(oid) != 0)
			check_array(data, size);
		else if (oid == PGTEXT_BIT || oid == PGTEXT_VARBIT)
		{
			buf_reset(&out);
			require(pgtext_bits_bitset(&out, data, size) == PGTEXT_OK);
			require(out.len == 0 || out.data[out.len - 1] != 0);
		}
	}
	buf_free(&out);
	return 0;
}
