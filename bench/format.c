/*
 * format.c - what the forwarder spends on a value, by type.
 *
 *	format VALUES MIXED COMMIT MACHINE
 *
 * VALUES is what the plugin emitted for format.sql, MIXED what it did for
 * bench_mixed() of workload.sql, each frame behind its length in four bytes,
 * little-endian.
 *
 * All rows of a table of VALUES are formatted again and again; from the CPU
 * time of an event the one of an event without columns is taken away.  Of MIXED
 * it is the time of an event, and what decoding it took.  Rounds of everything
 * alternate, and the least of them counts, as what disturbs only ever adds.
 * Markdown goes to standard output.
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
#define ROUND_NS 4000000 /* how long a table's round takes, about */

/* A table: rows are borrowed from the frames and the decoder. */
struct table
{
	const struct change_relation *relation;
	struct change				 *rows;
	size_t						  nrows;
	uint64_t					  bytes_in;
};

struct stream
{
	const char	  *path;
	uint8_t		  *data;
	size_t		   len;
	struct decode *decode;
	struct table  *tables;
	size_t		   ntables;
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

/* For what is the same whatever the type: of the mixed workload alone. */
static bool
is_none(const char *table)
{
	(void) table;
	return false;
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
	{"the defaults", is_any, {DEFAULTS}},
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
	{"schemas in keys and values",
	 is_none,
	 {DEFAULTS, .topic = "bench.bench.t", .schemas = true, .key_schemas = true}},
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

/* A copy of the values, but not of their bytes. */
static const struct change_value *
kept_values(struct table *t, const struct change_value *from, size_t n)
{
	struct change_value *values;

	if (from == NULL)
		return NULL;
	values = grown(NULL, n + 1, sizeof(*values));
	for (size_t i = 0; i < n; i++)
	{
		values[i] = from[i];
		t->bytes_in += values[i].len;
	}
	return values;
}

/* What the decoder lends until the next frame is kept. */
static void
keep_row(struct table *t, const struct change *c)
{
	size_t					   n = c->relation->ncolumns;
	struct change_transaction *txn = grown(NULL, 1, sizeof(*txn));
	struct change			  *row;

	*txn = *c->txn;
	t->rows = grown(t->rows, t->nrows + 1, sizeof(*t->rows));
	row = &t->rows[t->nrows++];
	*row = *c;
	row->txn = txn;
	row->before = kept_values(t, c->before, n);
	row->after = kept_values(t, c->after, n);
}

static struct table *
table_of(struct stream *s, const struct change_relation *relation)
{
	for (size_t i = 0; i < s->ntables; i++)
	{
		if (s->tables[i].relation == relation)
			return &s->tables[i];
	}
	s->tables = grown(s->tables, s->ntables + 1, sizeof(*s->tables));
	s->tables[s->ntables] = (struct table){.relation = relation};
	return &s->tables[s->ntables++];
}

/* All frames through the decoder; the changes of rows to 'keep', if any. */
static size_t
decode_stream(struct stream *s, bool keep)
{
	const uint8_t *data = s->data;
	const uint8_t *end = data + s->len;
	size_t		   changes = 0;

	decode_reset(s->decode);
	while (end - data >= 4)
	{
		uint32_t frame_len = (uint32_t) data[0] | (uint32_t) data[1] << 8 |
							 (uint32_t) data[2] << 16 |
							 (uint32_t) data[3] << 24;
		enum decode_event event;

		data += 4;
		if (frame_len > (size_t) (end - data))
			errx(1, "%s: ends within a frame", s->path);
		decode_feed(s->decode, data, frame_len);
		data += frame_len;
		while ((event = decode_next(s->decode)) != DECODE_MORE)
		{
			const struct change *c = decode_change(s->decode);

			if (event == DECODE_FAILED)
				errx(1, "%s: %s", s->path, decode_error(s->decode));
			if (event != DECODE_CHANGE ||
				strncmp(c->relation->schema, "bench", 5) != 0)
				continue;
			changes++;
			if (keep)
				keep_row(table_of(s, c->relation), c);
		}
	}
	return changes;
}

static void
read_stream(struct stream *s, const char *path)
{
	*s = (struct stream){.path = path};
	s->data = read_whole(path, &s->len);
	s->decode = decode_new(NULL, NULL, NULL, MESSAGE_MAX);
	if (decode_stream(s, true) == 0)
		errx(1, "%s: has no changes of the schema bench", path);
}

/* -------------------------------------------------------------- measuring */

static enum format_part
part_of(const struct change *c)
{
	switch (c->op)
	{
		case CHANGE_UPDATE:
			return FORMAT_UPDATE;
		case CHANGE_DELETE:
			return FORMAT_DELETE;
		default:
			return FORMAT_CREATE;
	}
}

static struct format_plan **
make_plans(const struct stream *s, const struct mode *mode)
{
	struct format_plan **plans = grown(NULL, s->ntables, sizeof(*plans));

	for (size_t i = 0; i < s->ntables; i++)
		plans[i] = format_json_plan(s->tables[i].relation, &mode->options);
	return plans;
}

static void
free_plans(struct format_plan **plans, size_t n)
{
	for (size_t i = 0; i < n; i++)
		format_json_plan_free(plans[i]);
	free(plans);
}

/* Format all rows once: key and value.  Returns how many bytes that gave. */
static size_t
format_rows(const struct table *t, const struct format_plan *plan)
{
	static struct buf out;
	size_t			  bytes = 0;

	for (size_t i = 0; i < t->nrows; i++)
	{
		const struct change		  *c = &t->rows[i];
		const struct change_value *row = c->after ? c->after : c->before;

		buf_reset(&out);
		(void) format_json_key(plan, row, &out);
		(void) format_json_value(plan, part_of(c), c, 1700000000000000000,
								 &out);
		bytes += out.len;
	}
	return bytes;
}

/* An event of these tables: CPU time, and length. */
static struct measured
measure_events(const struct table *tables, struct format_plan **plans,
			   size_t n)
{
	struct measured m = {0, 0};
	uint64_t		start = cpu_ns();
	uint64_t		spent = 0;
	size_t			events = 0;

	while (spent < ROUND_NS)
	{
		for (size_t i = 0; i < n; i++)
		{
			m.bytes += format_rows(&tables[i], plans[i]);
			events += tables[i].nrows;
		}
		spent = cpu_ns() - start;
	}
	m.ns = (double) spent / (double) events;
	m.bytes /= events;
	return m;
}

static double
measure_decoding(struct stream *s)
{
	uint64_t start = cpu_ns();
	uint64_t spent = 0;
	size_t	 changes = 0;

	while (spent < ROUND_NS)
	{
		changes += decode_stream(s, false);
		spent = cpu_ns() - start;
	}
	return (double) spent / (double) changes;
}

static void
take_better(struct measured *best, struct measured m)
{
	if (best->ns == 0 || m.ns < best->ns)
		*best = m;
}

/* ------------------------------------------------------------------- pages */

static void
print_types(const struct stream *s, const struct mode *mode)
{
	struct format_plan **plans = make_plans(s, mode);
	struct measured		*best = grown(NULL, s->ntables, sizeof(*best));

	memset(best, 0, s->ntables * sizeof(*best));
	for (int round = 0; round < ROUNDS; round++)
	{
		for (size_t i = 0; i < s->ntables; i++)
		{
			if (i == 0 || mode->concerns(s->tables[i].relation->name))
				take_better(&best[i],
							measure_events(&s->tables[i], &plans[i], 1));
		}
	}
	printf("\n## %s\n\nAn event without columns: %.0f ns, %zu bytes.\n\n"
		   "| type | bytes, raw | bytes, JSON | ns |\n|---|---|---|---|\n",
		   mode->name, best[0].ns, best[0].bytes);
	for (size_t i = 1; i < s->ntables; i++)
	{
		const struct table *t = &s->tables[i];
		const char		   *name = t->relation->name;

		/* {"v":} for {}, and another name in the source block. */
		size_t around = best[0].bytes - strlen(s->tables[0].relation->name) +
						strlen(name) + strlen("\"v\":");

		if (mode->concerns(name))
			printf("| %s | %.0f | %.0f | %.0f |\n", name,
				   (double) t->bytes_in / (double) t->nrows,
				   best[i].bytes > around ? (double) (best[i].bytes - around)
										  : 0,
				   best[i].ns - best[0].ns);
	}
	free_plans(plans, s->ntables);
	free(best);
}

static void
print_mixed(const struct stream *s, const char *path)
{
	struct stream		 again;
	struct format_plan **plans[NMODES];
	struct measured		 best[NMODES] = {{0, 0}};
	double				 decoding = 0;

	read_stream(&again, path);
	for (size_t i = 0; i < NMODES; i++)
		plans[i] = make_plans(s, &modes[i]);
	for (int round = 0; round < ROUNDS; round++)
	{
		double ns = measure_decoding(&again);

		if (decoding == 0 || ns < decoding)
			decoding = ns;
		for (size_t i = 0; i < NMODES; i++)
			take_better(&best[i],
						measure_events(s->tables, plans[i], s->ntables));
	}
	printf("\n## An event of the mixed workload\n\n"
		   "Of decode.sh's mixed10; decoding it takes %.0f ns.\n\n"
		   "| with | key and value, ns | × the first | bytes |\n"
		   "|---|---|---|---|\n",
		   decoding);
	for (size_t i = 0; i < NMODES; i++)
	{
		printf("| %s | %.0f | %.2f | %zu |\n", modes[i].name, best[i].ns,
			   best[i].ns / best[0].ns, best[i].bytes);
		free_plans(plans[i], s->ntables);
	}
}

int
main(int argc, char **argv)
{
	struct stream values, mixed;
	char		  date[32];
	time_t		  now = time(NULL);

	if (argc != 5)
		errx(2, "usage: format VALUES MIXED COMMIT MACHINE");
	read_stream(&values, argv[1]);
	read_stream(&mixed, argv[2]);
	if (values.tables[0].relation->ncolumns != 0)
		errx(1, "%s: the first table must be the one without columns",
			 argv[1]);
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", gmtime(&now));
	printf("# What formatting costs\n\n"
		   "- date: %s\n- commit: %s\n- machine: %s\n"
		   "- method: `make bench-format`: a hundred values of each type, as "
		   "the plugin sends them (bench/format.sql); CPU time of an event of "
		   "one column, without the one of an event of none; the least of %d "
		   "rounds\n",
		   date, argv[3], argv[4], ROUNDS);
	print_mixed(&mixed, argv[2]);
	for (size_t i = 0; i < NMODES; i++)
	{
		if (modes[i].concerns != is_none)
			print_types(&values, &modes[i]);
	}
	return 0;
}
