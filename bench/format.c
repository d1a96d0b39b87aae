/*
 * format.c - what the forwarder spends on a value, by type.
 *
 *	format FRAMES COMMIT MACHINE
 *
 * FRAMES is what the plugin emitted for format.sql, each frame behind its
 * length in four bytes, little-endian.  Of each of its tables, all rows are
 * formatted again and again; from the CPU time of an event the one of an event
 * without columns is taken away.  Rounds of all tables alternate, and the least
 * of a table's rounds counts, as what disturbs only ever adds.  Markdown goes to
 * standard output.
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "decode.h"
#include "format.h"

#define MESSAGE_MAX ((size_t) 64 << 20)
#define ROUNDS 9
#define ROUND_NS 4000000.0 /* how long a table's round takes, about */

/* A table: rows are borrowed from the frames and the decoder. */
struct table
{
	const struct change_relation *relation;
	struct change				 *rows;
	size_t						  nrows;
	uint64_t					  bytes_in;
};

struct mode
{
	const char *name;
	bool (*concerns)(const char *table);
	struct format_options options;
};

struct measured
{
	double ns;
	size_t bytes;
};

#define DEFAULTS                                                \
	.version = "0.1.0", .prefix = "bench", .database = "bench", \
	.placeholder = "__debezium_unavailable_value",              \
	.money_fraction_digits = 2, .byte_order = 'L'

static bool
is_any(const char *table)
{
	(void) table;
	return true;
}

static bool
is_decimal(const char *table)
{
	return strstr(table, "numeric") != NULL || strcmp(table, "money") == 0;
}

static bool
is_time(const char *table)
{
	return strcmp(table, "date") == 0 || strncmp(table, "time", 4) == 0;
}

static bool
is_bytes(const char *table)
{
	return strncmp(table, "bytea", 5) == 0 || strstr(table, "bit") != NULL;
}

static bool
is_interval(const char *table)
{
	return strcmp(table, "interval") == 0;
}

static bool
is_hstore(const char *table)
{
	return strcmp(table, "hstore") == 0;
}

static const struct mode modes[] = {
	{"", is_any, {DEFAULTS}},
	{"decimal.handling.mode=double",
	 is_decimal,
	 {DEFAULTS, .decimal = FORMAT_DECIMAL_DOUBLE}},
	{"decimal.handling.mode=string",
	 is_decimal,
	 {DEFAULTS, .decimal = FORMAT_DECIMAL_STRING}},
	{"time.precision.mode=isostring",
	 is_time,
	 {DEFAULTS, .time = FORMAT_TIME_ISO}},
	{"binary.handling.mode=hex",
	 is_bytes,
	 {DEFAULTS, .binary = FORMAT_BINARY_HEX}},
	{"interval.handling.mode=string",
	 is_interval,
	 {DEFAULTS, .interval = FORMAT_INTERVAL_STRING}},
	{"hstore.handling.mode=map",
	 is_hstore,
	 {DEFAULTS, .hstore = FORMAT_HSTORE_MAP}},
	{"compatibility=debezium", is_any, {DEFAULTS, .debezium = true}},
};
#define NMODES (sizeof(modes) / sizeof(modes[0]))

static uint64_t
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t) t.tv_sec * 1000000000 + (uint64_t) t.tv_nsec;
}

/* ------------------------------------------------------------------ input */

static uint8_t *
read_whole(const char *path, size_t *len)
{
	struct stat st;
	FILE	   *in = fopen(path, "rb");
	uint8_t	   *data;

	if (in == NULL || fstat(fileno(in), &st) != 0)
		err(1, "%s", path);
	*len = (size_t) st.st_size;
	data = malloc(*len + 1);
	if (data == NULL || fread(data, 1, *len, in) != *len)
		err(1, "%s", path);
	fclose(in);
	return data;
}

static void *
grown(void *p, size_t n, size_t size)
{
	p = realloc(p, n * size);
	if (p == NULL)
		err(1, "memory");
	return p;
}

/* What the decoder lends until the next frame is kept, the bytes are not. */
static void
keep_row(struct table *t, const struct change *c)
{
	size_t					   n = c->relation->ncolumns;
	struct change_value		  *values = grown(NULL, n + 1, sizeof(*values));
	struct change_transaction *txn = grown(NULL, 1, sizeof(*txn));

	*txn = *c->txn;
	for (size_t i = 0; i < n; i++)
	{
		values[i] = c->after[i];
		t->bytes_in += values[i].len;
	}
	t->rows = grown(t->rows, t->nrows + 1, sizeof(*t->rows));
	t->rows[t->nrows] = *c;
	t->rows[t->nrows].txn = txn;
	t->rows[t->nrows].after = values;
	t->nrows++;
}

static struct table *
read_tables(const char *path, size_t *ntables)
{
	struct decode *d = decode_new(NULL, NULL, NULL, MESSAGE_MAX);
	struct table  *tables = NULL;
	size_t		   n = 0;
	size_t		   len;
	const uint8_t *data = read_whole(path, &len);
	const uint8_t *end = data + len;

	while (end - data >= 4)
	{
		uint32_t frame_len = (uint32_t) data[0] | (uint32_t) data[1] << 8 |
							 (uint32_t) data[2] << 16 |
							 (uint32_t) data[3] << 24;
		enum decode_event event;

		data += 4;
		if (frame_len > (size_t) (end - data))
			errx(1, "%s: ends within a frame", path);
		decode_feed(d, data, frame_len);
		data += frame_len;
		while ((event = decode_next(d)) != DECODE_MORE)
		{
			const struct change *c = decode_change(d);

			if (event == DECODE_FAILED)
				errx(1, "%s: %s", path, decode_error(d));
			if (event != DECODE_CHANGE || c->op != CHANGE_INSERT ||
				strcmp(c->relation->name, "kinds") == 0)
				continue;
			if (n == 0 || tables[n - 1].relation != c->relation)
			{
				tables = grown(tables, n + 1, sizeof(*tables));
				tables[n++] = (struct table){.relation = c->relation};
			}
			keep_row(&tables[n - 1], c);
		}
	}
	*ntables = n;
	return tables;
}

/* -------------------------------------------------------------- measuring */

/* An event of the table: CPU time, and length. */
static struct measured
measure(const struct table *t, const struct format_plan *plan)
{
	static struct buf out;
	struct measured	  m = {0, 0};
	uint64_t		  start;
	uint64_t		  spent = 0;
	size_t			  events = 0;

	start = cpu_ns();
	while ((double) spent < ROUND_NS)
	{
		for (size_t i = 0; i < t->nrows; i++)
		{
			buf_reset(&out);
			(void) format_json_value(plan, FORMAT_CREATE, &t->rows[i],
									 1700000000000000000, &out);
			m.bytes += out.len;
		}
		events += t->nrows;
		spent = cpu_ns() - start;
	}
	m.ns = (double) spent / (double) events;
	m.bytes /= events;
	return m;
}

static void
measure_all(const struct table *tables, size_t n, const struct mode *mode,
			struct measured *best)
{
	struct format_plan **plans = grown(NULL, n, sizeof(*plans));

	for (size_t i = 0; i < n; i++)
		plans[i] = format_json_plan(tables[i].relation, &mode->options);
	for (int round = 0; round < ROUNDS; round++)
	{
		for (size_t i = 0; i < n; i++)
		{
			struct measured m;

			if (i > 0 && !mode->concerns(tables[i].relation->name))
				continue;
			m = measure(&tables[i], plans[i]);
			if (round == 0 || m.ns < best[i].ns)
				best[i] = m;
		}
	}
	for (size_t i = 0; i < n; i++)
		format_json_plan_free(plans[i]);
	free(plans);
}

static void
print_mode(const struct table *tables, size_t n, const struct mode *mode,
		   const struct measured *m)
{
	if (mode->name[0] != '\0')
		printf("\n## %s\n", mode->name);
	printf("\n| type | bytes, raw | bytes, JSON | ns |\n|---|---|---|---|\n");
	for (size_t i = 1; i < n; i++)
	{
		const char *name = tables[i].relation->name;

		/* {"v":} for {}, and another name in the source block. */
		size_t around = m[0].bytes - strlen(tables[0].relation->name) +
						strlen(name) + strlen("\"v\":");

		if (mode->concerns(name))
			printf("| %s | %.0f | %.0f | %.0f |\n", name,
				   (double) tables[i].bytes_in / (double) tables[i].nrows,
				   m[i].bytes > around ? (double) (m[i].bytes - around) : 0,
				   m[i].ns - m[0].ns);
	}
}

int
main(int argc, char **argv)
{
	size_t			 n;
	struct table	*tables;
	struct measured *m;
	char			 date[32];
	time_t			 now = time(NULL);

	if (argc != 4)
		errx(2, "usage: format FRAMES COMMIT MACHINE");
	tables = read_tables(argv[1], &n);
	if (n < 2 || tables[0].relation->ncolumns != 0)
		errx(1, "%s: the first table must be the one without columns",
			 argv[1]);
	m = grown(NULL, n, sizeof(*m));
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", gmtime(&now));
	printf("# What formatting costs\n\n"
		   "- date: %s\n- commit: %s\n- machine: %s\n"
		   "- method: `make bench-format`: a hundred values of each type, as "
		   "the plugin sends them (bench/format.sql); CPU time of an event of "
		   "one column, without the one of an event of none; the least of %d "
		   "rounds\n",
		   date, argv[2], argv[3], ROUNDS);
	for (size_t i = 0; i < NMODES; i++)
	{
		measure_all(tables, n, &modes[i], m);
		if (i == 0)
			printf("- an event without columns: %.0f ns, %zu bytes\n", m[0].ns,
				   m[0].bytes);
		print_mode(tables, n, &modes[i], m);
	}
	return 0;
}
