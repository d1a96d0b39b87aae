/* links: schema wire */
/*
 * Relations: what a message says, what replaces what, and messages that are
 * broken in each of their bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"
#include "wire_stream.h"

static int released;

static void
release(void *user)
{
	released += *(int *) user;
}

static struct schema_relation *
read_message(struct schema *s, const uint8_t *data, size_t len,
			 struct wire_reader *r)
{
	wire_reader_init(r, data, len);
	(void) wire_read_tag(r);
	return schema_read(s, r);
}

/* A relation that uses all that a relation message can say. */
static size_t
write_rich(uint8_t *space, size_t cap)
{
	struct wire_writer	 w;
	struct wire_relation rel = {
		.schema_id = 7,
		.oid = 20000,
		.kind = 'r',
		.identity = 'i',
		.flags = WIRE_RELATION_PARTITION | WIRE_RELATION_CHOSEN_KEY,
		.schema = STR("Sch\xc3\xa9ma"),
		.name = STR("leaf_1"),
		.root_oid = 19999,
		.root_schema = STR("public"),
		.root_name = STR("root"),
		.ncolumns = 5,
	};
	struct wire_column b = stream_column("b", 23, "int4", 4, 2,
										 WIRE_COLUMN_NOT_NULL |
											 WIRE_COLUMN_IDENTITY);
	struct wire_column mood = stream_column("mood", 16500, "mood", -1, 0,
											WIRE_COLUMN_ENUM |
												WIRE_COLUMN_DEFAULT);
	struct wire_column v = stream_column("v", 20, "int8", 8, 0,
										 WIRE_COLUMN_VIRTUAL);
	struct wire_column a = stream_column("a", 16600, "positive", 8, 1,
										 WIRE_COLUMN_DOMAIN |
											 WIRE_COLUMN_GENERATED);
	struct wire_column list = stream_column("list", 1231, "_numeric", -1, 0,
											WIRE_COLUMN_ARRAY |
												WIRE_COLUMN_IDENTITY);

	a.key_only = list.key_only = true;
	b.truncated = true;
	b.chars = 7;
	b.not_masked = true;
	mood.hashed = true;
	mood.hash = 3;
	mood.encoding = WIRE_ENCODING_TEXT;
	mood.kind = 'e';
	mood.nlabels = 3;
	mood.default_expr = STR("'sad'::mood");
	a.kind = 'd';
	a.base = (struct wire_type){20, 77, STR("pg_catalog"), STR("int8")};
	list.element = (struct wire_type){1700, 655366, STR("pg_catalog"),
									  STR("numeric")};

	wire_writer_init(&w, space, cap);
	wire_write_relation(&w, &rel);
	wire_write_column(&w, &b);
	wire_write_column(&w, &mood);
	wire_write_label(&w, STR("sad"));
	wire_write_label(&w, STR(""));
	wire_write_label(&w, STR("hap\"py"));
	wire_write_column(&w, &v);
	wire_write_column(&w, &a);
	wire_write_column(&w, &list);
	wire_write_relation_end(&w, 0);
	assert_false(w.overflow);
	return wire_writer_len(&w);
}

static void
schema_has_all_that_the_message_says(void **state)
{
	struct schema				 *s = schema_new(NULL);
	struct wire_reader			  r;
	uint8_t						  space[1024];
	size_t						  len = write_rich(space, sizeof(space));
	struct schema_relation		 *sr = read_message(s, space, len, &r);
	const struct change_relation *rel;
	const struct change_column	 *c;

	(void) state;
	assert_non_null(sr);
	assert_true(wire_read_end(&r));
	assert_ptr_equal(schema_find(s, 7), sr);
	assert_null(schema_find(s, 6));
	assert_null(schema_find(s, 1000000));
	rel = &sr->relation;
	assert_int_equal(rel->id, 7);
	assert_int_equal(rel->oid, 20000);
	assert_int_equal(rel->kind, 'r');
	assert_int_equal(rel->identity, 'i');
	assert_string_equal(rel->schema, "Sch\xc3\xa9ma");
	assert_string_equal(rel->name, "leaf_1");
	assert_string_equal(rel->root_schema, "public");
	assert_string_equal(rel->root_name, "root");
	assert_int_equal(rel->ncolumns, 5);
	assert_int_not_equal(rel->fingerprint, 0);

	/* keys in key order, identity in column order */
	assert_int_equal(rel->nkeys, 2);
	assert_int_equal(rel->keys[0], 3);
	assert_int_equal(rel->keys[1], 0);
	assert_int_equal(rel->nidentity, 2);
	assert_int_equal(rel->identities[0], 0);
	assert_int_equal(rel->identities[1], 4);
	assert_int_equal(sr->identity_widths[0], 4);
	assert_int_equal(sr->identity_widths[1], -1);
	assert_int_equal(sr->widths[2], 8);
	assert_true(sr->has_virtual);
	assert_true(rel->chosen_key);

	c = rel->columns;
	assert_string_equal(c[0].name, "b");
	assert_true(c[0].not_null);
	assert_true(c[0].in_identity);
	assert_false(c[0].is_generated);
	assert_int_equal(c[0].key_position, 2);
	assert_false(c[0].key_only);
	assert_true(c[0].truncated);
	assert_int_equal(c[0].chars, 7);
	assert_true(c[0].not_masked);
	assert_false(c[0].hashed);
	assert_false(c[1].truncated);
	assert_false(c[1].not_masked);
	assert_true(c[1].hashed);
	assert_int_equal(c[1].hash, 3);
	assert_int_equal(c[0].encoding, CHANGE_RAW);
	assert_int_equal(c[0].width, 4);
	assert_int_equal(c[0].base.oid, 23);
	assert_string_equal(c[0].base.name, "int4");
	assert_int_equal(c[0].element.oid, 0);
	assert_null(c[0].default_expr);

	assert_int_equal(c[1].encoding, CHANGE_TEXT);
	assert_int_equal(c[1].kind, 'e');
	assert_string_equal(c[1].default_expr, "'sad'::mood");
	assert_int_equal(c[1].nlabels, 3);
	assert_string_equal(c[1].labels[0], "sad");
	assert_string_equal(c[1].labels[1], "");
	assert_string_equal(c[1].labels[2], "hap\"py");

	assert_true(c[2].is_virtual);

	assert_true(c[3].is_generated);
	assert_int_equal(c[3].key_position, 1);
	assert_true(c[3].key_only);
	assert_string_equal(c[3].type.name, "positive");
	assert_int_equal(c[3].base.oid, 20);
	assert_int_equal(c[3].base.typmod, 77);

	assert_int_equal(c[4].key_position, 0);
	assert_true(c[4].key_only);
	assert_int_equal(c[4].element.oid, 1700);
	assert_int_equal(c[4].element.typmod, 655366);
	assert_string_equal(c[4].element.name, "numeric");
	schema_free(s);
}

static void
schema_replaces_a_relation_and_releases_what_hung_on_it(void **state)
{
	struct schema		   *s = schema_new(release);
	struct wire_reader		r;
	uint8_t					space[1024];
	size_t					len = write_rich(space, sizeof(space));
	struct schema_relation *first = read_message(s, space, len, &r);
	struct schema_relation *second;
	int						one = 1;
	int						ten = 10;

	(void) state;
	released = 0;
	assert_null(first->user);
	first->user = &one;

	/* A broken one replaces nothing. */
	space[len - 1] ^= 1;
	assert_null(read_message(s, space, len, &r));
	assert_string_equal(r.error_field, "fingerprint");
	assert_ptr_equal(schema_find(s, 7), first);
	assert_int_equal(released, 0);

	space[len - 1] ^= 1;
	second = read_message(s, space, len, &r);
	assert_non_null(second);
	assert_int_equal(released, 1);
	assert_null(second->user);
	second->user = &ten;
	schema_reset(s);
	assert_int_equal(released, 11);
	assert_null(schema_find(s, 7));
	assert_non_null(read_message(s, space, len, &r));
	schema_free(s);
	assert_int_equal(released, 11);
	schema_free(NULL);
}

/* In exactly as much memory as it has, so that ASan sees a byte too far. */
static void
schema_survives_every_cut_and_every_changed_byte(void **state)
{
	uint8_t space[1024];
	size_t	len = write_rich(space, sizeof(space));

	(void) state;
	for (size_t cut = 1; cut < len; cut++)
	{
		struct schema	  *s = schema_new(NULL);
		struct wire_reader r;
		uint8_t			  *exact = malloc(cut);

		memcpy(exact, space, cut);
		assert_null(read_message(s, exact, cut, &r));
		assert_non_null(r.error);
		free(exact);
		schema_free(s);
	}

	/* Behind the fingerprint, so that the check itself is not what fails. */
	for (size_t at = 9; at < len; at++)
	{
		for (int v = 0; v < 256; v++)
		{
			struct schema	  *s = schema_new(NULL);
			struct wire_reader r;
			uint8_t			  *exact = malloc(len);
			uint64_t		   hash = UINT64_C(0xcbf29ce484222325);

			memcpy(exact, space, len);
			exact[at] = (uint8_t) v;
			for (size_t i = 9; i < len; i++)
				hash = (hash ^ exact[i]) * UINT64_C(0x100000001b3);
			for (int i = 0; i < 8; i++)
				exact[1 + i] = (uint8_t) (hash >> (8 * i));
			if (read_message(s, exact, len, &r) == NULL)
				assert_non_null(r.error);
			free(exact);
			schema_free(s);
		}
	}
}

static void
schema_refuses_what_cannot_be(void **state)
{
	struct schema	  *s = schema_new(NULL);
	struct wire_reader r;
	struct wire_writer w;
	uint8_t			   space[1024];
	struct wire_column twice[] = {
		stream_column("a", 23, "int4", 4, 1, 0),
		stream_column("b", 23, "int4", 4, 1, 0),
	};
	struct wire_column nul = stream_column("a", 23, "int4", 4, 0, 0);

	(void) state;
	wire_writer_init(&w, space, sizeof(space));
	stream_relation(&w, 1, "t", 'd', twice, 2);
	assert_null(read_message(s, space, wire_writer_len(&w), &r));
	assert_string_equal(r.error_field, "key position");
	assert_string_equal(r.error, "given twice");

	nul.name = (struct wire_str){"a\0b", 3};
	wire_writer_init(&w, space, sizeof(space));
	stream_relation(&w, 1, "t", 'd', &nul, 1);
	assert_null(read_message(s, space, wire_writer_len(&w), &r));
	assert_string_equal(r.error_field, "column name");
	assert_null(schema_find(s, 1));
	schema_free(s);
}

static void
schema_holds_many_relations_and_tables_without_columns(void **state)
{
	struct schema	  *s = schema_new(NULL);
	struct wire_column column = stream_column("id", 20, "int8", 8, 3, 0);

	(void) state;
	for (uint32_t id = 1; id <= 3000; id += 7)
	{
		struct wire_reader r;
		struct wire_writer w;
		uint8_t			   space[256];
		char			   name[16];

		snprintf(name, sizeof(name), "t%u", id);
		wire_writer_init(&w, space, sizeof(space));
		stream_relation(&w, id, name, 'd', &column, id % 2);
		assert_non_null(read_message(s, space, wire_writer_len(&w), &r));
	}
	for (uint32_t id = 0; id <= 3100; id++)
	{
		struct schema_relation *sr = schema_find(s, id);
		char					name[16];

		if (id % 7 != 1 || id > 3000)
		{
			assert_null(sr);
			continue;
		}
		snprintf(name, sizeof(name), "t%u", id);
		assert_string_equal(sr->relation.name, name);
		assert_int_equal(sr->relation.ncolumns, id % 2);
		/* A key may have columns that are not sent. */
		assert_int_equal(sr->relation.nkeys, id % 2);
	}
	schema_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_has_all_that_the_message_says),
		cmocka_unit_test(
			schema_replaces_a_relation_and_releases_what_hung_on_it),
		cmocka_unit_test(schema_survives_every_cut_and_every_changed_byte),
		cmocka_unit_test(schema_refuses_what_cannot_be),
		cmocka_unit_test(
			schema_holds_many_relations_and_tables_without_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
