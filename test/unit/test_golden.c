/* links: test/wire/walk decode condense schema format_json format_json_debezium
 * links: format_json_default format_json_schema format_json_type format_json_extension
 * links: format_json_time avro_name mask_hash jsontext
 * links: buf wire pgtext pgtext_array pgtext_bits pgtext_datetime pgtext_float
 * links: pgtext_geo pgtext_jsonb pgtext_net pgtext_numeric pgtext_range
 * links: pgtext_ts pgtext_xml
 * libs: libcrypto */
/*
 * Streams that PostgreSQL emitted once are read for ever: each
 * test/golden/vN/NAME.bin is what NAME.txt beside it says, is written again to
 * the same bytes, and gives the same records.
 *
 *     test_golden                    the test
 *     test_golden --render FILE      prints what FILE's text is
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "format.h"
#include "wire/walk.h"

#define MESSAGE_MAX ((size_t) 16 << 20)

/* Of a longer record the beginning is shown, its length and its hash. */
#define RECORD_MAX 3000

static const struct format_options options = {
	.version = "golden",
	.prefix = "golden",
	.database = "golden",
	.placeholder = "__debezium_unavailable_value",
	.money_fraction_digits = 2,
	.byte_order = 'L',
};

struct file
{
	uint8_t *data;
	size_t	 len;
};

static struct file
read_file(const char *path)
{
	struct file f = {NULL, 0};
	FILE	   *in = fopen(path, "rb");
	size_t		cap = 0;
	size_t		n;

	if (in == NULL)
		return f;
	do
	{
		cap = cap > 0 ? 2 * cap : 65536;
		f.data = realloc(f.data, cap + 1);
		n = fread(f.data + f.len, 1, cap - f.len, in);
		f.len += n;
	} while (f.len == cap);
	f.data[f.len] = 0;
	fclose(in);
	return f;
}

/* --------------------------------------------------------------- messages */

/* False if a frame is not read, or not written again as it was. */
static bool
render_messages(const struct file *f, FILE *out)
{
	struct walk	  *k = walk_new(out);
	const uint8_t *data = f->data;
	size_t		   left = f->len;
	const uint8_t *frame;
	size_t		   len;
	bool		   ok = true;

	fprintf(out, "# messages\n");
	while (ok && walk_next(&data, &left, &frame, &len))
	{
		const uint8_t *written;
		size_t		   written_len;

		ok = walk_frame(k, frame, len);
		if (!ok)
		{
			fprintf(out, "failed: %s\n", walk_error(k));
			break;
		}
		written = walk_written(k, &written_len);
		ok = written_len == len && memcmp(written, frame, len) == 0;
		if (!ok)
			fprintf(out, "failed: is not written as it was read\n");
	}
	walk_free(k);
	return ok;
}

/* ---------------------------------------------------------------- records */

static void
release(void *user)
{
	format_json_plan_free(user);
}

static void
print_record(FILE *out, const char *what, const struct buf *b)
{
	size_t shown = b->len > RECORD_MAX ? 300 : b->len;

	fprintf(out, "  %s ", what);
	fwrite(b->data, 1, shown, out);
	if (shown < b->len)
	{
		uint64_t hash = UINT64_C(0xcbf29ce484222325);

		for (size_t i = 0; i < b->len; i++)
			hash = (hash ^ b->data[i]) * UINT64_C(0x100000001b3);
		fprintf(out, "...(%zu bytes, fnv1a %016" PRIx64 ")", b->len, hash);
	}
	fputc('\n', out);
}

static void
render_change(const struct change *c, const struct format_plan *plan,
			  FILE *out)
{
	static const struct
	{
		const char		*name;
		enum format_part part;
	} ops[] = {
		[CHANGE_INSERT] = {"insert", FORMAT_CREATE},
		[CHANGE_UPDATE] = {"update", FORMAT_UPDATE},
		[CHANGE_DELETE] = {"delete", FORMAT_DELETE},
		[CHANGE_TRUNCATE] = {"truncate", FORMAT_TRUNCATE},
		[CHANGE_MESSAGE] = {"message", FORMAT_MESSAGE},
	};
	struct buf b = {0};

	fprintf(out,
			"%s %" PRIu32 " %" PRIX64 "/%" PRIX64 " %" PRIu64 " at %" PRIX64
			"/%" PRIX64 "%s\n",
			ops[c->op].name, c->position.timeline, c->position.end_lsn >> 32,
			c->position.end_lsn & UINT32_MAX, c->position.ordinal,
			c->lsn >> 32, c->lsn & UINT32_MAX,
			c->op == CHANGE_UPDATE &&
					format_json_compare_keys(plan, c) == FORMAT_OTHER
				? " with another key"
				: "");
	if (c->op == CHANGE_MESSAGE)
	{
		format_json_message_key(plan, c, &b);
		print_record(out, "key  ", &b);
	}
	else
	{
		if (format_json_key(plan, c->before, &b))
			print_record(out, "old  ", &b);
		buf_reset(&b);
		if (format_json_key(plan, c->after, &b))
			print_record(out, "key  ", &b);
	}
	buf_reset(&b);
	(void) format_json_value(plan, ops[c->op].part, c, 1700000000000000000,
							 &b);
	print_record(out, "value", &b);
	buf_free(&b);
}

static void
render_changes(const struct file *f, FILE *out)
{
	struct decode	   *d = decode_new(release, NULL, NULL, MESSAGE_MAX);
	struct format_plan *messages = format_json_plan(NULL, &options);
	const uint8_t	   *data = f->data;
	size_t				left = f->len;
	const uint8_t	   *frame;
	size_t				len;
	enum decode_event	event = DECODE_MORE;

	fprintf(out, "# changes\n");
	while (event != DECODE_FAILED && walk_next(&data, &left, &frame, &len))
	{
		decode_feed(d, frame, len);
		while ((event = decode_next(d)) != DECODE_MORE &&
			   event != DECODE_FAILED)
		{
			struct schema_relation *rel = decode_relation(d);

			if (event == DECODE_RELATION)
				rel->user = format_json_plan(&rel->relation, &options);
			else if (event == DECODE_CHANGE)
				render_change(decode_change(d),
							  rel != NULL ? rel->user : messages, out);
			else if (event == DECODE_COMMIT)
				fprintf(out, "commit\n");
		}
	}
	if (event == DECODE_FAILED)
		fprintf(out, "failed: %s\n", decode_error(d));
	decode_free(d);
	format_json_plan_free(messages);
}

static char *
render(const struct file *f, bool *ok)
{
	char  *text = NULL;
	size_t len = 0;
	FILE  *out = open_memstream(&text, &len);

	*ok = render_messages(f, out);
	render_changes(f, out);
	fclose(out);
	return text;
}

/* ------------------------------------------------------------------- tests */

static void
golden(void **state)
{
	const char *path = *state;
	size_t		stem = strlen(path) - strlen(".bin");
	char	   *expected_path = malloc(stem + sizeof(".txt"));
	struct file f = read_file(path);
	struct file expected;
	char	   *text;
	bool		ok;
	int			line = 1;
	const char *begin;

	sprintf(expected_path, "%.*s.txt", (int) stem, path);
	expected = read_file(expected_path);
	if (f.len == 0 || expected.len == 0)
		fail_msg("%s, %s: not there, or empty", path, expected_path);
	text = render(&f, &ok);
	begin = text;
	for (size_t i = 0; text[i] == (char) expected.data[i]; i++)
	{
		if (text[i] == 0)
		{
			begin = NULL;
			break;
		}
		if (text[i] == '\n')
		{
			line++;
			begin = text + i + 1;
		}
	}
	if (begin != NULL)
		fail_msg("%s:%d: now it is\n%.*s", expected_path, line,
				 (int) strcspn(begin, "\n"), begin);
	assert_true(ok);
	free(text);
	free(f.data);
	free(expected.data);
	free(expected_path);
}

int
main(int argc, char **argv)
{
	struct CMUnitTest *tests;
	glob_t			   found;
	int				   rc;

	if (argc == 3 && strcmp(argv[1], "--render") == 0)
	{
		struct file f = read_file(argv[2]);
		bool		ok;
		char	   *text = render(&f, &ok);

		fputs(text, stdout);
		free(text);
		free(f.data);
		return ok ? 0 : 1;
	}
	if (glob("test/golden/v*/*.bin", 0, NULL, &found) != 0)
	{
		fprintf(stderr, "no test/golden/v*/*.bin\n");
		return 1;
	}
	tests = calloc(found.gl_pathc, sizeof(*tests));
	for (size_t i = 0; i < found.gl_pathc; i++)
		tests[i] = (struct CMUnitTest){.name = found.gl_pathv[i],
									   .test_func = golden,
									   .initial_state = found.gl_pathv[i]};
	rc = _cmocka_run_group_tests("golden", tests, found.gl_pathc, NULL, NULL);
	free(tests);
	globfree(&found);
	return rc;
}
