/*
 * check_values.c - hold what the forwarder makes of values against the server.
 *
 * Reads what values.sql writes: one COPY in binary a type, first the frame of
 * its relation and its name, then for each value the frame of a row as
 * walferry_encode() makes it, and the text of the type's output function.
 * Takes the frames through the forwarder's decode, formats the raw value, and
 * compares.  Prints the first difference of each type; with --table FILE, what
 * was compared of each goes there.  Exit code 1 if any differed, or if a type
 * that pgtext knows did not occur at all (not asked with --one).
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "pgtext.h"
#include "wire.h"

#define MAX_OID 8192
#define STR(s) ((struct wire_str){(s), strlen(s)})

struct tally
{
	char	 name[256];
	uint64_t compared;
	uint64_t differing;
};

static const char *type = "";

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "check_values: %s: %s\n", type, what);
	exit(2);
}

static void
read_exactly(void *to, size_t n)
{
	if (fread(to, 1, n, stdin) != n)
		die("the input ends too early");
}

static uint32_t
read_be(int n)
{
	uint8_t	 bytes[4];
	uint32_t v = 0;

	read_exactly(bytes, (size_t) n);
	for (int i = 0; i < n; i++)
		v = v << 8 | bytes[i];
	return v;
}

static void
read_field(struct buf *out)
{
	uint32_t len = read_be(4);

	if (len > INT32_MAX)
		die("a field is NULL");
	buf_reset(out);
	buf_reserve(out, len);
	read_exactly(out->data, len);
	out->len = len;
}

/* The next row's two fields; false at the end.  A new COPY is *first. */
static bool
read_row(bool *first, struct buf *frame, struct buf *text)
{
	static const char signature[11] = "PGCOPY\n\377\r\n";
	static bool		  inside;
	char			  found[sizeof(signature)];
	uint32_t		  fields;

	for (*first = false;; inside = false)
	{
		if (!inside)
		{
			int c = getchar();

			if (c == EOF)
				return false;
			ungetc(c, stdin);
			read_exactly(found, sizeof(found));
			if (memcmp(found, signature, sizeof(found)) != 0)
				die("this is not a COPY in binary");
			(void) read_be(4);
			if (read_be(4) != 0)
				die("a COPY has a header that is longer than known");
			*first = inside = true;
		}
		fields = read_be(2);
		if (fields == 2)
			break;
		if (fields != 0xffff)
			die("a row has not two fields");
	}
	read_field(frame);
	read_field(text);
	return true;
}

static void
show(const char *label, const uint8_t *data, size_t len)
{
	printf("    %-8s %.*s\n", label, len > 400 ? 400 : (int) len,
		   (const char *) data);
}

static void
show_hex(const char *label, const uint8_t *data, size_t len)
{
	printf("    %-8s ", label);
	for (size_t i = 0; i < len && i < 400; i++)
		printf("%02x", data[i]);
	printf("\n");
}

/*
 * The other forms of a numeric, against the text: the double is strtod()'s,
 * and the unscaled integer, taken back to decimal digit by digit, is the text
 * without its point.
 */
static bool
numeric_agrees(const uint8_t *raw, size_t len, const struct buf *text)
{
	static unsigned		  longer;
	static struct buf	  unscaled, plain;
	struct pgtext_numeric n;
	const char			 *s;
	bool				  negative = false;

	if (pgtext_numeric_read(&n, raw, len) != PGTEXT_OK)
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
	/* The way back is quadratic: of the longer ones, some. */
	if (plain.len > 10000 || (plain.len > 100 && longer++ % 32 != 0))
		return true;

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

/* What precedes all rows: the header of a stream, and one transaction. */
static void
begin(struct decode *d)
{
	static uint8_t	   space[2][256];
	struct wire_writer w;
	struct wire_header header = {
		.version = WIRE_VERSION,
		.server_version_num = 150000,
		.system_id = 1,
		.timeline = 1,
		.database = STR("values"),
		.encoding = STR("UTF8"),
		.byte_order = 'L',
		.plugin_version = STR("1"),
	};
	struct wire_txn txn = {.xid = 1, .commit_lsn = 1, .end_lsn = 2};

	for (int i = 0; i < 2; i++)
	{
		wire_writer_init(&w, space[i], sizeof(space[i]));
		wire_put_u8(&w, WIRE_FRAME_MESSAGES);
		if (i == 0)
			wire_write_header(&w, &header);
		else
			wire_write_begin(&w, &txn);
		decode_feed(d, space[i], wire_writer_len(&w));
		while (decode_next(d) != DECODE_MORE)
		{
			if (*decode_error(d) != '\0')
				die(decode_error(d));
		}
	}
}

static uint32_t
base_of(uint32_t oid)
{
	uint32_t element = pgtext_element_type(oid);

	return element != 0 ? element : oid;
}

/* Feed one frame; its one event, or die. */
static void
expect(struct decode *d, const struct buf *frame, enum decode_event event)
{
	decode_feed(d, frame->data, frame->len);
	if (decode_next(d) != event)
		die(decode_error(d));
}

/* At once, for those who watch. */
static void
put_tally(FILE *table, const struct tally *t)
{
	if (table == NULL || t == NULL)
		return;
	fprintf(table, "%s\t%" PRIu64 "\t%" PRIu64 "\n", t->name, t->compared,
			t->differing);
	fflush(table);
}

int
main(int argc, char **argv)
{
	static struct tally tallies[1024];
	static bool			seen[MAX_OID];
	struct tally	   *t = NULL;
	struct buf			frame = {0}, want = {0}, got = {0};
	struct decode	   *d = decode_new(NULL, NULL, NULL, INT32_MAX);
	uint64_t			compared = 0, differing = 0;
	int					types = 0, missing = 0;
	bool				all_types = true, first;
	FILE			   *table = NULL;

	for (int i = 1; i < argc; i++)
	{
		if (strcmp(argv[i], "--one") == 0)
			all_types = false;
		else if (strcmp(argv[i], "--table") == 0 && i + 1 < argc)
		{
			table = fopen(argv[++i], "w");
			if (table == NULL)
				die("cannot write the table");
		}
		else
			die("usage: check_values [--one] [--table FILE]");
	}
	setvbuf(stdin, NULL, _IOFBF, 1 << 20);
	begin(d);

	while (read_row(&first, &frame, &want))
	{
		const struct change_column *col;
		const struct change_value  *v;
		uint8_t					   *exact;
		bool						same;

		if (first)
		{
			put_tally(table, t);
			if (types == 1024 || want.len >= sizeof(t->name))
				die("too many types");
			t = &tallies[types++];
			memcpy(t->name, want.data, want.len);
			type = t->name;
			expect(d, &frame, DECODE_RELATION);
			if (decode_next(d) != DECODE_MORE)
				die("more than a relation");
			continue;
		}
		expect(d, &frame, DECODE_CHANGE);
		col = &decode_change(d)->relation->columns[0];
		v = &decode_change(d)->after[0];
		if (v->state != CHANGE_VALUE)
			die("a row without a value");
		/* exactly as long as it is, for what the sanitizers see */
		exact = malloc(v->len > 0 ? v->len : 1);
		if (exact == NULL)
			abort();
		if (v->len > 0)
			memcpy(exact, v->data, v->len);
		buf_reset(&got);
		if (col->encoding == CHANGE_TEXT)
		{
			buf_put(&got, exact, v->len);
			same = true;
		}
		else
		{
			same = pgtext_append(&got, col->base.oid, exact, v->len) ==
					   PGTEXT_OK &&
				   (col->base.oid != PGTEXT_NUMERIC ||
					numeric_agrees(exact, v->len, &want));
			if (col->base.oid < MAX_OID)
				seen[col->base.oid] = true;
		}
		compared++;
		t->compared++;
		if (!same || got.len != want.len ||
			(got.len > 0 && memcmp(got.data, want.data, got.len) != 0))
		{
			differing++;
			if (t->differing++ == 0)
			{
				printf("%s: value %" PRIu64 " differs\n", t->name,
					   t->compared);
				show_hex("raw", exact, v->len);
				show("server", want.data, want.len);
				show("pgtext", got.data, got.len);
			}
		}
		free(exact);
		if (decode_next(d) != DECODE_MORE)
			die("more than a row");
	}
	put_tally(table, t);
	for (int i = 0; i < types; i++)
	{
		t = &tallies[i];
		if (t->differing > 0)
			printf("%s: %" PRIu64 " of %" PRIu64 " differ\n", t->name,
				   t->differing, t->compared);
	}
	for (uint32_t oid = 0; oid < MAX_OID && all_types; oid++)
	{
		/* Not raw on the wire, though pgtext would know. */
		if (base_of(oid) == PGTEXT_TXID_SNAPSHOT ||
			base_of(oid) == PGTEXT_PG_SNAPSHOT)
			continue;
		if (pgtext_knows(oid) && !seen[oid])
			printf("%s %" PRIu32, missing++ ? "" : "no raw value of type",
				   oid);
	}
	if (missing > 0)
		printf("\n");
	if (table != NULL && fclose(table) != 0)
		die("cannot write the table");
	printf("values: %" PRIu64 " compared, %d types, %" PRIu64 " differ\n",
		   compared, types, differing);
	decode_free(d);
	buf_free(&frame);
	buf_free(&want);
	buf_free(&got);
	return differing > 0 || missing > 0;
}
