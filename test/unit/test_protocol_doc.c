/* links: test/wire/walk decode condense schema buf wire */
/*
 * The examples of docs/protocol.md: each is what the text under it says, and
 * is written again to the same bytes; together they are a stream.
 *
 *     test_protocol_doc [FILE]           the test
 *     test_protocol_doc --show [FILE]    prints what the dumps should be
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decode.h"
#include "wire/walk.h"

#define EXAMPLES_MAX 64

struct example
{
	char	 name[64];
	uint8_t *frame;
	size_t	 len;
	char	*dump; /* as the document has it, NULL: missing */
};

static const char	 *path = "docs/protocol.md";
static struct example examples[EXAMPLES_MAX];
static size_t		  nexamples;

static void
give_up(int line, const char *why)
{
	fprintf(stderr, "%s:%d: %s\n", path, line, why);
	exit(1);
}

static int
digit(char c)
{
	const char *hex = "0123456789abcdef";
	const char *at = c != 0 ? strchr(hex, c) : NULL;

	return at != NULL ? (int) (at - hex) : -1;
}

/* Pairs of digits up to the end or a comment. */
static void
add_hex(struct example *e, const char *line, int number)
{
	for (const char *p = line; *p != 0 && *p != '#' && *p != '\n'; p++)
	{
		if (*p == ' ')
			continue;
		if (digit(p[0]) < 0 || digit(p[1]) < 0)
			give_up(number, "not hexadecimal");
		e->frame = realloc(e->frame, e->len + 1);
		e->frame[e->len++] = (uint8_t) (digit(p[0]) << 4 | digit(p[1]));
		p++;
	}
}

static void
add_text(struct example *e, const char *line)
{
	size_t len = e->dump != NULL ? strlen(e->dump) : 0;

	e->dump = realloc(e->dump, len + strlen(line) + 1);
	strcpy(e->dump + len, line);
}

/* What stands behind ```LANGUAGE, without the end of the line, or NULL. */
static const char *
fence(char *line, const char *language)
{
	size_t n = strlen(language);

	if (strncmp(line, "```", 3) != 0 || strncmp(line + 3, language, n) != 0 ||
		line[3 + n] != ' ')
		return NULL;
	line[strcspn(line, "\n")] = 0;
	return line + 4 + n;
}

static void
read_document(void)
{
	FILE	   *f = fopen(path, "r");
	char	   *line = NULL;
	size_t		cap = 0;
	int			number = 0;
	const char *name;
	enum
	{
		PROSE,
		HEX,
		DUMP,
		OTHER
	} in = PROSE;

	if (f == NULL)
		give_up(0, "cannot be read");
	while (getline(&line, &cap, f) > 0)
	{
		struct example *last = nexamples > 0 ? &examples[nexamples - 1] : NULL;

		number++;
		if (in == PROSE && (name = fence(line, "hex")) != NULL)
		{
			if (nexamples == EXAMPLES_MAX)
				give_up(number, "too many examples");
			last = &examples[nexamples++];
			snprintf(last->name, sizeof(last->name), "%s", name);
			in = HEX;
		}
		else if (in == PROSE && (name = fence(line, "dump")) != NULL)
		{
			if (last == NULL || strcmp(name, last->name) != 0)
				give_up(number, "a dump without its example before it");
			last->dump = calloc(1, 1);
			in = DUMP;
		}
		else if (strncmp(line, "```", 3) == 0)
			in = in == PROSE ? OTHER : PROSE;
		else if (in == HEX)
			add_hex(last, line, number);
		else if (in == DUMP)
			add_text(last, line);
	}
	free(line);
	fclose(f);
}

/* Run all examples; what the last one says is in '*text'. */
static void
walk_examples(bool show)
{
	char		*text = NULL;
	size_t		 len = 0;
	FILE		*f = open_memstream(&text, &len);
	struct walk *k = walk_new(f);

	for (size_t i = 0; i < nexamples; i++)
	{
		struct example *e = &examples[i];
		const uint8_t  *written;
		size_t			written_len;
		bool			ok;

		rewind(f);
		ok = walk_frame(k, e->frame, e->len);
		fputc(0, f);
		fflush(f);
		if (!ok)
			print_error("%s: %s\n", e->name, walk_error(k));
		if (show)
			printf("== %s\n%s", e->name, text);
		else
		{
			assert_true(ok);
			assert_non_null(e->dump);
			if (strcmp(text, e->dump) != 0)
				print_error("example %s\n", e->name);
			assert_string_equal(text, e->dump);
			written = walk_written(k, &written_len);
			assert_int_equal(written_len, e->len);
			assert_memory_equal(written, e->frame, e->len);
		}
	}
	walk_free(k);
	fclose(f);
	free(text);
}

static void
examples_are_what_the_document_says(void **state)
{
	(void) state;
	walk_examples(false);
}

static const struct example *
find(const char *name)
{
	for (size_t i = 0; i < nexamples; i++)
	{
		if (strcmp(examples[i].name, name) == 0)
			return &examples[i];
	}
	fail_msg("the document has no example %s", name);
	return NULL;
}

static void
every_message_has_an_example(void **state)
{
	const char	*tags = "HRBCIUDTMbPKrSEApc";
	char		*text = NULL;
	size_t		 len = 0;
	FILE		*f = open_memstream(&text, &len);
	struct walk *k = walk_new(f);

	(void) state;
	for (size_t i = 0; i < nexamples; i++)
		assert_true(walk_frame(k, examples[i].frame, examples[i].len));
	fflush(f);
	for (; *tags != 0; tags++)
	{
		char word[40];

		/* At the beginning of a line: its first word, or two. */
		snprintf(word, sizeof(word), "\n%s ", wire_tag_name(*tags));
		if (strstr(text, word) == NULL)
		{
			snprintf(word, sizeof(word), "\n%s\n", wire_tag_name(*tags));
			if (strstr(text, word) == NULL)
				fail_msg("no example of %s", wire_tag_name(*tags));
		}
	}
	walk_free(k);
	fclose(f);
	free(text);
}

/* Up to what the forwarder does not ask for. */
static void
examples_are_a_stream_that_the_forwarder_reads(void **state)
{
	struct decode		 *d = decode_new(NULL, NULL, NULL, 1 << 20);
	const struct example *end = find("prepare");
	unsigned			  changes = 0;
	unsigned			  commits = 0;

	(void) state;
	for (const struct example *e = examples; e < end; e++)
	{
		enum decode_event event;

		decode_feed(d, e->frame, e->len);
		while ((event = decode_next(d)) != DECODE_MORE)
		{
			if (event == DECODE_FAILED)
				fail_msg("%s: %s", e->name, decode_error(d));
			changes += event == DECODE_CHANGE;
			commits += event == DECODE_COMMIT;
		}
		if (strcmp(e->name, "full") == 0)
		{
			const struct change *c = decode_change(d);

			assert_int_equal(c->op, CHANGE_UPDATE);
			assert_int_equal(c->lsn, 0x1547FF0);
			assert_int_equal(c->position.end_lsn, 0x15480B0);
			assert_int_equal(c->after[1].len, strlen("as before"));
			assert_memory_equal(c->after[1].data, "as before", 9);
		}
	}
	assert_int_equal(changes, 3 + 1 + 1 + 2 + 1 + 2 + 1);
	assert_int_equal(commits, 7);
	decode_free(d);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(examples_are_what_the_document_says),
		cmocka_unit_test(every_message_has_an_example),
		cmocka_unit_test(examples_are_a_stream_that_the_forwarder_reads),
	};
	bool show = argc > 1 && strcmp(argv[1], "--show") == 0;
	int	 rc = 0;

	if (argc > 1 + show)
		path = argv[1 + show];
	read_document();
	if (show)
		walk_examples(true);
	else
		rc = cmocka_run_group_tests(tests, NULL, NULL);
	for (size_t i = 0; i < nexamples; i++)
	{
		free(examples[i].frame);
		free(examples[i].dump);
	}
	return rc;
}
