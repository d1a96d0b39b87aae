/*
 * pgtext_bits.c - bit and bit varying.
 *
 * The body is an int32 count of bits, then the bits, the first one in the
 * highest bit of the first byte, the last byte filled up with zeros.
 */
#include "pgtext_impl.h"

int64_t
pgtext_bits_length(const uint8_t *data, size_t len)
{
	int32_t nbits;

	if (len < 4)
		return -1;
	nbits = rawnum_i32(data);
	if (nbits < 0 || ((size_t) nbits + 7) / 8 != len - 4)
		return -1;
	return nbits;
}

PGTEXT_FN(pgtext_bits_out)
{
	int64_t	 nbits = pgtext_bits_length(data, len);
	uint8_t *p;

	(void) t;
	if (nbits < 0)
		return false;
	p = buf_reserve(out, (size_t) nbits + 1);
	for (int64_t i = 0; i < nbits; i++)
		p[i] = (uint8_t) ('0' + (data[4 + i / 8] >> (7 - i % 8) & 1));
	buf_commit(out, (size_t) nbits);
	return true;
}

enum pgtext_status
pgtext_bits_bitset(struct buf *out, const uint8_t *data, size_t len)
{
	int64_t	 nbits = pgtext_bits_length(data, len);
	size_t	 nbytes = len - 4;
	unsigned shift;

	if (nbits < 0)
		return PGTEXT_CORRUPT;

	/*
	 * The last bit is to be bit 0: take the bytes from the end and shift out
	 * the filling.
	 */
	shift = (unsigned) (8 * nbytes - (size_t) nbits);
	data += 4;
	{
		uint8_t *p = buf_reserve(out, nbytes + 1);
		size_t	 used = 0;

		for (size_t i = 0; i < nbytes; i++)
		{
			unsigned v = data[nbytes - 1 - i];

			if (i + 1 < nbytes)
				v |= (unsigned) data[nbytes - 2 - i] << 8;
			p[i] = (uint8_t) (v >> shift);
			if (p[i] != 0)
				used = i + 1;
		}
		buf_commit(out, used);
	}
	return PGTEXT_OK;
}
