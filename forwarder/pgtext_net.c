/*
 * pgtext_net.c - inet, cidr, macaddr, macaddr8.
 *
 * inet and cidr: one byte of family (2 is IPv4, 3 is IPv6 whatever the
 * system calls it), one of prefix length, 4 or 16 of address.
 */
#include "pgtext_impl.h"

static void
put_ipv4(struct buf *out, const uint8_t *addr)
{
	for (int i = 0; i < 4; i++)
	{
		if (i > 0)
			buf_putc(out, '.');
		buf_put_u64(out, addr[i]);
	}
}

static void
put_hex_word(struct buf *out, unsigned v)
{
	int shift = 12;

	while (shift > 0 && v >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		buf_putc(out, "0123456789abcdef"[v >> shift & 15]);
}

static void
put_ipv6(struct buf *out, const uint8_t *addr)
{
	unsigned words[8];
	int		 best = -1, best_len = 1; /* a single zero word is written out */
	bool	 v4_tail;

	for (int i = 0; i < 8; i++)
		words[i] = (unsigned) addr[2 * i] << 8 | addr[2 * i + 1];
	for (int i = 0; i < 8; i++)
	{
		int run = i;

		while (run < 8 && words[run] == 0)
			run++;
		if (run - i > best_len)
		{
			best = i;
			best_len = run - i;
		}
		if (run > i)
			i = run;
	}

	/* ::a.b.c.d and ::ffff:a.b.c.d, but ::1 */
	v4_tail = best == 0 &&
			  (best_len == 6 || (best_len == 7 && words[7] != 1) ||
			   (best_len == 5 && words[5] == 0xffff));

	for (int i = 0; i < 8; i++)
	{
		if (best >= 0 && i >= best && i < best + best_len)
		{
			if (i == best)
				buf_putc(out, ':');
			continue;
		}
		if (i > 0)
			buf_putc(out, ':');
		if (i == 6 && v4_tail)
		{
			put_ipv4(out, addr + 12);
			return;
		}
		put_hex_word(out, words[i]);
	}
	if (best >= 0 && best + best_len == 8)
		buf_putc(out, ':');
}

static bool
put_inet(struct buf *out, const uint8_t *data, size_t len, bool always_bits)
{
	unsigned bits;
	unsigned max_bits;

	if (len < 2)
		return false;
	bits = data[1];
	max_bits = data[0] == 2 ? 32 : 128;
	if ((data[0] != 2 && data[0] != 3) || len != 2 + max_bits / 8 ||
		bits > max_bits)
		return false;
	if (data[0] == 2)
		put_ipv4(out, data + 2);
	else
		put_ipv6(out, data + 2);
	if (bits != max_bits || always_bits)
	{
		buf_putc(out, '/');
		buf_put_u64(out, bits);
	}
	return true;
}

PGTEXT_FN(pgtext_net_inet)
{
	(void) t;
	return put_inet(out, data, len, false);
}

PGTEXT_FN(pgtext_net_cidr)
{
	(void) t;
	return put_inet(out, data, len, true);
}

/* macaddr and macaddr8 differ in their length only */
PGTEXT_FN(pgtext_net_macaddr)
{
	if (len != (size_t) t->len)
		return false;
	for (size_t i = 0; i < len; i++)
	{
		if (i > 0)
			buf_putc(out, ':');
		buf_putc(out, "0123456789abcdef"[data[i] >> 4]);
		buf_putc(out, "0123456789abcdef"[data[i] & 15]);
	}
	return true;
}
