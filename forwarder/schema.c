/*
 * schema.c - the relations of one stream; see schema.h for the contract.
 *
 * A relation is one block of memory: the structs, the arrays and every string
 * that they point to.  A relation message is read twice, first to check it
 * and to learn how large that block is, then to fill it; so a broken message
 * leaves the relation that had its id as it was.
 */
#include "schema.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

struct schema
{
	void (*release)(void *user);
	struct schema_relation **by_id; /* NULL: none has that id */
	uint32_t				 nids;
};

/* A block that is known to be large enough. */
struct arena
{
	uint8_t *p;
	uint8_t *end;
};

struct schema *
schema_new(void (*release)(void *user))
{
	struct schema *s = mem_zalloc(1, sizeof(*s));

	s->release = release;
	return s;
}

static void
forget(struct schema *s, uint32_t id)
{
	struct schema_relation *rel = s->by_id[id];

	if (rel == NULL)
		return;
	if (rel->user != NULL && s->release != NULL)
		s->release(rel->user);
	free(rel);
	s->by_id[id] = NULL;
}

void
schema_reset(struct schema *s)
{
	for (uint32_t id = 0; id < s->nids; id++)
		forget(s, id);
}

void
schema_free(struct schema *s)
{
	if (s == NULL)
		return;
	schema_reset(s);
	free(s->by_id);
	free(s);
}

struct schema_relation *
schema_find(struct schema *s, uint32_t id)
{
	return id < s->nids ? s->by_id[id] : NULL;
}

static void
set_relation(struct schema *s, uint32_t id, struct schema_relation *rel)
{
	if (id >= s->nids)
	{
		uint32_t nids = s->nids ? s->nids : 16;

		while (nids <= id)
			nids *= 2;
		s->by_id = mem_resize(s->by_id, nids, sizeof(*s->by_id));
		memset(s->by_id + s->nids, 0, (nids - s->nids) * sizeof(*s->by_id));
		s->nids = nids;
	}
	forget(s, id);
	s->by_id[id] = rel;
}

/* ---------------------------------------------------------------- checking */

/* Names become C strings. */
static void
check_name(struct wire_reader *r, const char *field, struct wire_str s)
{
	if (memchr(s.data, 0, s.len) != NULL)
	{
		r->field = field;
		wire_reader_fail(r, "NUL in a name");
	}
}

static void
check_type(struct wire_reader *r, const struct wire_type *t)
{
	if (t->name.data == NULL)
		return;
	check_name(r, "type schema", t->schema);
	check_name(r, "type name", t->name);
}

/*
 * Read the columns of 'rel' to their end and check them; '*nlabels' is what
 * they have together.
 */
static void
check_columns(struct wire_reader *r, const struct wire_relation *rel,
			  size_t *nlabels)
{
	*nlabels = 0;
	for (uint32_t i = 0; i < rel->ncolumns && wire_reader_ok(r); i++)
	{
		struct wire_column col;
		struct wire_str	   label;

		wire_read_column(r, &col);
		if (!wire_reader_ok(r))
			return;
		check_name(r, "column name", col.name);
		check_type(r, &col.type);
		check_type(r, &col.base);
		check_type(r, &col.element);
		if (col.flags & WIRE_COLUMN_DEFAULT)
			check_name(r, "default", col.default_expr);
		while (wire_next_label(&col.labels, &label))
			check_name(r, "label", label);
		*nlabels += col.nlabels;
	}
	wire_read_relation_end(r, rel);
}

/* ----------------------------------------------------------------- filling */

static void *
take(struct arena *a, size_t n, size_t size)
{
	uint8_t *p = a->p;

	n = (n * size + 7) & ~(size_t) 7;
	if (n > (size_t) (a->end - a->p))
		abort(); /* schema_read() asked for too little */
	a->p += n;
	return p;
}

/* Strings come last: they need no alignment. */
static const char *
take_str(struct arena *a, struct wire_str s)
{
	char *p = (char *) a->p;

	if (s.len >= (size_t) (a->end - a->p))
		abort();
	memcpy(p, s.data, s.len);
	p[s.len] = 0;
	a->p += s.len + 1;
	return p;
}

static void
take_type(struct arena *strings, struct change_type *to,
		  const struct wire_type *from)
{
	to->oid = from->oid;
	to->typmod = from->typmod;
	to->schema = take_str(strings, from->schema);
	to->name = take_str(strings, from->name);
}

static void
fill_column(struct change_column *to, const struct wire_column *from,
			struct arena *strings, const char **labels)
{
	struct wire_str rest = from->labels;
	struct wire_str label;

	to->name = take_str(strings, from->name);
	to->attnum = from->attnum;
	to->key_position = from->key_position;
	to->key_only = from->key_only;
	to->truncated = from->truncated;
	to->chars = from->chars;
	to->hashed = from->hashed;
	to->hash = from->hash;
	to->not_masked = from->not_masked;
	to->not_null = from->flags & WIRE_COLUMN_NOT_NULL;
	to->in_identity = from->flags & WIRE_COLUMN_IDENTITY;
	to->is_generated = from->flags & WIRE_COLUMN_GENERATED;
	to->is_virtual = from->flags & WIRE_COLUMN_VIRTUAL;
	to->encoding = from->encoding == WIRE_ENCODING_RAW ? CHANGE_RAW
													   : CHANGE_TEXT;
	to->width = from->width;
	to->kind = from->kind;
	take_type(strings, &to->type, &from->type);
	if (from->flags & WIRE_COLUMN_DOMAIN)
		take_type(strings, &to->base, &from->base);
	else
		to->base = to->type;
	if (from->flags & WIRE_COLUMN_ARRAY)
		take_type(strings, &to->element, &from->element);
	else
	{
		to->element.typmod = -1;
		to->element.schema = to->element.name = "";
	}
	if (from->flags & WIRE_COLUMN_DEFAULT)
		to->default_expr = take_str(strings, from->default_expr);
	to->labels = labels;
	while (wire_next_label(&rest, &label))
		labels[to->nlabels++] = take_str(strings, label);
}

/* Put column 'i' among the keys, which are in order; false if it is tied. */
static bool
add_key(struct change_relation *rel, uint16_t *keys, uint16_t i)
{
	uint32_t at = rel->nkeys++;
	uint16_t position = rel->columns[i].key_position;

	while (at > 0 && rel->columns[keys[at - 1]].key_position > position)
	{
		keys[at] = keys[at - 1];
		at--;
	}
	keys[at] = i;
	return at == 0 || rel->columns[keys[at - 1]].key_position < position;
}

struct schema_relation *
schema_read(struct schema *s, struct wire_reader *r)
{
	const uint8_t		   *start = r->p;
	struct wire_reader		columns;
	struct wire_relation	from;
	struct schema_relation *sr;
	struct change_relation *rel;
	struct change_column   *column;
	struct arena			arena;
	struct arena			strings;
	uint16_t			   *keys;
	uint16_t			   *identities;
	int16_t				   *widths;
	int16_t				   *identity_widths;
	const char			  **labels;
	size_t					nlabels;
	size_t					fixed;
	size_t					size;

	wire_read_relation(r, &from);
	if (!wire_reader_ok(r))
		return NULL;
	check_name(r, "schema name", from.schema);
	check_name(r, "relation name", from.name);
	if (from.flags & WIRE_RELATION_PARTITION)
	{
		check_name(r, "root schema", from.root_schema);
		check_name(r, "root name", from.root_name);
	}
	columns = *r;
	check_columns(r, &from, &nlabels);
	if (!wire_reader_ok(r))
		return NULL;

	/*
	 * A string with its NUL takes no more than the length and the bytes that
	 * it has in the message.
	 */
	fixed = sizeof(*sr) + from.ncolumns * sizeof(*column) +
			4 * (from.ncolumns * sizeof(uint16_t)) +
			nlabels * sizeof(*labels) + 8 * 8;
	size = fixed + (size_t) (r->p - start);
	sr = mem_zalloc(1, size);
	arena.p = (uint8_t *) sr;
	arena.end = strings.p = arena.p + fixed;
	strings.end = arena.p + size;

	(void) take(&arena, 1, sizeof(*sr));
	column = take(&arena, from.ncolumns, sizeof(*column));
	labels = take(&arena, nlabels, sizeof(*labels));
	keys = take(&arena, from.ncolumns, sizeof(*keys));
	identities = take(&arena, from.ncolumns, sizeof(*identities));
	widths = take(&arena, from.ncolumns, sizeof(*widths));
	identity_widths = take(&arena, from.ncolumns, sizeof(*identity_widths));

	rel = &sr->relation;
	rel->id = from.schema_id;
	rel->fingerprint = from.fingerprint;
	rel->oid = from.oid;
	rel->kind = from.kind;
	rel->identity = from.identity;
	rel->chosen_key = from.flags & WIRE_RELATION_CHOSEN_KEY;
	rel->schema = take_str(&strings, from.schema);
	rel->name = take_str(&strings, from.name);
	if (from.flags & WIRE_RELATION_PARTITION)
	{
		rel->root_schema = take_str(&strings, from.root_schema);
		rel->root_name = take_str(&strings, from.root_name);
	}
	rel->ncolumns = from.ncolumns;
	rel->columns = column;
	rel->keys = keys;
	rel->identities = identities;
	sr->widths = widths;
	sr->identity_widths = identity_widths;
	for (uint32_t i = 0; i < from.ncolumns; i++)
	{
		struct wire_column col;

		wire_read_column(&columns, &col);
		fill_column(&column[i], &col, &strings, labels);
		labels += column[i].nlabels;
		widths[i] = col.width;
		sr->has_virtual |= column[i].is_virtual;
		if (column[i].in_identity)
		{
			identities[rel->nidentity] = (uint16_t) i;
			identity_widths[rel->nidentity++] = col.width;
		}
		if (col.key_position > 0 && !add_key(rel, keys, (uint16_t) i))
		{
			r->field = "key position";
			wire_reader_fail(r, "given twice");
		}
	}
	if (!wire_reader_ok(r))
	{
		free(sr);
		return NULL;
	}
	set_relation(s, from.schema_id, sr);
	return sr;
}
