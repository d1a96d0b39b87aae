/*
 * check_values.c - hold pgtext against the server.
 *
 * Reads lines "type oid <tab> raw bytes in hex <tab> text in hex" as COPY
 * writes them, formats the raw bytes and compares.  Prints per type how many
 * were compared and the first difference.  Exit code 1 if any differed, or if
 * a type that pgtext knows did not occur at all (not asked with --one).
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pgtext.h"

#define MAX_OID 8192

struct tally
{
	uint64_t compared;
	uint64_t differing;
};

static int
nibble(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* Hex up to 'stop', in place; behind \x, whose backslash COPY doubled. */
static char *
decode(char *p, char stop, struct buf *out)
{
	buf_reset(out);
	if (strncmp(p, "\\\\x", 3) != 0)
		return NULL;
	for (p += 3; *p != stop; p += 2)
	{
		if (nibble(p[0]) < 0 || nibble(p[1]) < 0)
			return NULL;
		buf_putc(out, (char) (nibble(p[0]) << 4 | nibble(p[1])));
	}
	return p + 1;
}

static void
show(const char *label, const struct buf *b)
{
	printf("    %-8s %.*s\n", label, b->len > 400 ? 400 : (int) b->len,
		   (const char *) b->data);
}

static void
show_hex(const char *label, const struct buf *b)
{
	printf("    %-8s ", label);
	for (size_t i = 0; i < b->len && i < 400; i++)
		printf("%02x", b->data[i]);
	printf("\n");
}

/*
 * The other forms of a numeric, against the text: the double is strtod()'s,
 * and the unscaled integer, taken back to decimal digit by digit, is the text
 * without its point.
 */
static bool
numeric_agrees(const struct buf *raw, const struct buf *text)
{
	static struct buf	  unscaled, plain;
	struct pgtext_numeric n;
	const char			 *s;
	bool				  negative = false;

	if (pgtext_numeric_read(&n, raw->data, raw->len) != PGTEXT_OK)
		return false;
	buf_reset(&plain);
	buf_put(&plain, text->data, text->len);
	s = buf_cstr(&plain);
	if (n.kind != PGTEXT_NUMERIC_NAN &&
		pgtext_numeric_double(&n) != strtod(s, NULL))
		return false;
	buf_reset(&unscaled);
	if (!pgtext_numeric_unscaled(&unscaled, &n, n.dscale))
		return n.kind != PGTEXT_NUMERIC_FINITE;
	if (plain.len > 10000)
		return true; /* the way back below is quadratic */

	/* magnitude */
	if (unscaled.data[0] & 0x80)
	{
		unsigned carry = 1;

		negative = true;
		for (size_t i = unscaled.len; i-- > 0;)
		{
			unsigned v = (unsigned) (uint8_t) ~unscaled.data[i] + carry;

			unscaled.data[i] = (uint8_t) v;
			carry = v >> 8;
		}
	}
	if (negative != (*s == '-'))
		return false;
	for (size_t at = plain.len; at-- > 0;)
	{
		unsigned rest = 0;

		if (s[at] == '.' || s[at] == '-')
			continue;
		for (size_t i = 0; i < unscaled.len; i++)
		{
			unsigned v = rest << 8 | unscaled.data[i];

			unscaled.data[i] = (uint8_t) (v / 10);
			rest = v % 10;
		}
		if ((unsigned) (s[at] - '0') != rest)
			return false;
	}
	for (size_t i = 0; i < unscaled.len; i++)
		if (unscaled.data[i] != 0)
			return false;
	return true;
}

int
main(int argc, char **argv)
{
	static struct tally tallies[MAX_OID];
	struct buf			raw = {0}, want = {0}, got = {0};
	char			   *line = NULL;
	size_t				cap = 0;
	uint64_t			lines = 0, differing = 0;
	int					types = 0, missing = 0;
	bool all_types = !(argc == 2 && strcmp(argv[1], "--one") == 0);

	while (getline(&line, &cap, stdin) > 0)
	{
		char			  *p;
		unsigned long	   oid = strtoul(line, &p, 10);
		enum pgtext_status status;

		lines++;
		if (oid == 0 || oid >= MAX_OID || *p != '\t' ||
			(p = decode(p + 1, '\t', &raw)) == NULL ||
			decode(p, '\n', &want) == NULL)
		{
			printf("cannot read line %" PRIu64 ": %.200s\n", lines, line);
			differing++;
			continue;
		}
		buf_reset(&got);
		/* exactly as long as it is, for what the sanitizers see */
		status = PGTEXT_CORRUPT;
		{
			uint8_t *exact = malloc(raw.len ? raw.len : 1);

			if (exact == NULL)
				abort();
			if (raw.len > 0)
				memcpy(exact, raw.data, raw.len);
			status = pgtext_append(&got, (uint32_t) oid, exact, raw.len);
			free(exact);
		}
		tallies[oid].compared++;
		if (status == PGTEXT_OK && got.len == want.len &&
			(got.len == 0 || memcmp(got.data, want.data, got.len) == 0) &&
			(oid != PGTEXT_NUMERIC || numeric_agrees(&raw, &want)))
			continue;
		if (tallies[oid].differing++ == 0)
		{
			printf("type %lu: value %" PRIu64 " differs (status %d)\n", oid,
				   tallies[oid].compared, (int) status);
			show_hex("raw", &raw);
			show("server", &want);
			show("pgtext", &got);
		}
	}
	for (uint32_t oid = 0; oid < MAX_OID; oid++)
	{
		if (tallies[oid].compared > 0)
			types++;
		differing += tallies[oid].differing;
		if (tallies[oid].differing > 0)
			printf("type %" PRIu32 ": %" PRIu64 " of %" PRIu64 " differ\n",
				   oid, tallies[oid].differing, tallies[oid].compared);
		if (all_types && pgtext_knows(oid) && tallies[oid].compared == 0)
			printf("%s %" PRIu32, missing++ ? "" : "no value of type", oid);
	}
	if (missing > 0)
		printf("\n");
	printf("values: %" PRIu64 " compared, %d types, %" PRIu64 " differ\n",
		   lines, types, differing);
	buf_free(&raw);
	buf_free(&want);
	buf_free(&got);
	free(line);
	return differing > 0 || missing > 0;
}
