/*
 * format_json.c - Debezium's envelope as JSON; see format.h.
 *
 *	{"before":R,"after":R,"source":{...},"transaction":T,"op":"c",
 *	 "ts_ms":N,"ts_us":N,"ts_ns":N}
 *
 * and for a logical message
 *
 *	{"op":"m","ts_ms":N,"source":{...},"transaction":T,
 *	 "message":{"prefix":"p","content":"base64"}}
 *
 * T is null, or where the event stands in its transaction:
 *
 *	{"id":"xid:LSN","total_order":N,"data_collection_order":N}
 *
 * Around it is a schema or none, as Kafka Connect's JsonConverter writes both:
 *
 *	{"schema":{...},"payload":{...}}
 *
 * Fields are in the order in which Debezium declares them.  Whatever is the
 * same in every record of a relation is spelled once, when the plan is made:
 * the columns' names, and the pieces of the source block between its numbers.
 *
 * A row shows null where Debezium invents a value: in a delete's before, for
 * columns that are not in the WAL because they are not part of the replica
 * identity.  With compatibility=debezium it is what Debezium has.  A column
 * that is generated and not stored is never in a row, nor is one that is there
 * for the key: it is in the key.
 */
#include <stdlib.h>

#include "fault.h"
#include "format.h"
#include "format_json_debezium.h"
#include "format_json_default.h"
#include "format_json_schema.h"
#include "format_json_type.h"
#include "jsontext.h"
#include "mask_hash.h"
#include "mem.h"
#include "pgtext.h"

/* A constant piece of the output, in the plan's text. */
struct piece
{
	const uint8_t *data;
	size_t		   len;
};

struct plan_column
{
	uint32_t				index; /* in the relation and in its tuples */
	struct format_json_type type;
	struct piece			head; /* ,"name": and, for the first, {"name": */
	struct piece			placeholder; /* for what is not in the WAL */
	struct piece			null;		 /* for a NULL */
	struct piece			absent;		 /* where the tuple lacks it */
	struct piece			lost;		 /* for what nobody can tell ... */
	struct piece			oversize;	 /* ... or was too long to be sent */
	struct piece			header_null; /* both in a key header */
	struct piece			header_absent;
	bool			  altered; /* not what the type makes of the value: */
	bool			  cut;	   /* no more than 'chars' are shown, */
	bool			  bytes;   /* and these are bytes, not characters */
	bool			  hashed;  /* or as many digits of its hash */
	uint32_t		  chars;
	struct mask_hash *hash; /* NULL: by a rule that nobody knows */
};

/* Work space, kept from one row to the next. */
struct work
{
	struct format_json_scratch type;
	struct buf				   whole;  /* a text that is to be altered */
	struct buf				   before; /* a value that is to be compared ... */
	struct buf				   after;  /* ... with this one */
};

struct format_plan
{
	struct plan_column *columns;
	uint32_t			ncolumns;
	struct plan_column *keys;
	uint32_t			nkeys;
	struct piece		key_field; /* more in each key, or nothing */
	uint16_t		   *unshown;   /* indexes of those that no row shows */
	uint32_t			nunshown;
	enum format_binary	binary;
	bool				debezium;
	struct piece		placeholder; /* for a message's content */

	/* {"schema":{...},"payload":  or nothing */
	struct piece key_schema;
	struct piece value_schema;

	/* the source block; between them stand numbers */
	struct piece source_head;  /* "source":{ ... "ts_ms": */
	struct piece source_db;	   /* ,"snapshot": ... "sequence":"[ */
	struct piece source_table; /* ,"schema": ... "txId": */

	struct work *work;
	struct buf	 text; /* what the pieces point to */

	char **names; /* of the relation's columns, while the plan is made */
};

/* Work space beyond this is not kept. */
#define SCRATCH_KEEP ((size_t) 1 << 20)

/* Longer values are not written to see whether they read alike. */
#define COMPARED_MAX ((uint64_t) 1 << 20)

/* ------------------------------------------------------------------ plans */

/*
 * While the text grows its address may change, so that a piece first holds
 * its offset; place() turns that into a pointer.
 */
static struct piece
begin_piece(const struct format_plan *plan)
{
	return (struct piece){(const uint8_t *) (uintptr_t) plan->text.len, 0};
}

static void
end_piece(const struct format_plan *plan, struct piece *piece)
{
	piece->len = plan->text.len - (size_t) (uintptr_t) piece->data;
}

static void
place(const struct format_plan *plan, struct piece *piece)
{
	piece->data = plan->text.data + (size_t) (uintptr_t) piece->data;
}

static void
put_name(struct buf *out, const char *s)
{
	jsontext_string(out, s, strlen(s));
}

/*
 * Shorten a string, which is all of 'json', to so many UTF-16 units, as Java's
 * substring() counts.  Beyond U+FFFF a character is two escapes, which may
 * part company.
 */
static void
cut_string(struct buf *json, uint32_t chars)
{
	uint8_t *p = json->data;
	uint8_t *end = json->data + json->len - 1;

	if (json->len < 2 || *p != '"')
		return; /* null */
	for (p++; p < end && chars > 0; chars--)
	{
		if (*p == '\\')
			p += p[1] == 'u' ? 6 : 2;
		else
			p += *p < 0x80 ? 1 : *p < 0xe0 ? 2 : 3;
	}
	*p++ = '"';
	json->len = (size_t) (p - json->data);
}

/* Append a text's hash; nothing of a text whose hash is not known. */
static void
put_hash(const struct plan_column *pc, const void *text, size_t len,
		 struct buf *out)
{
	if (pc->hash == NULL)
	{
		buf_lit(out, "null");
		return;
	}
	buf_putc(out, '"');
	mask_hash_put(pc->hash, text, len, pc->chars, out);
	buf_putc(out, '"');
}

/* Append what is shown of a string, which is all of 'json', or of a null. */
static void
put_altered_string(const struct plan_column *pc, struct buf *json,
				   struct buf *out)
{
	if (pc->hashed)
	{
		/* Of the types that are hashed there is nothing but strings. */
		if (json->data[0] == '"')
			put_hash(pc, json->data + 1,
					 jsontext_unescape(json->data + 1, json->len - 2), out);
		else
			buf_lit(out, "null");
		return;
	}
	if (pc->cut)
		cut_string(json, pc->chars);
	buf_put(out, json->data, json->len);
}

static void
put_placeholder(struct format_plan *plan, const struct plan_column *pc,
				const struct format_options *options)
{
	struct buf *whole = &plan->work->whole;

	/* It is Debezium that hides what is not there. */
	if (!pc->altered || pc->bytes || (pc->hashed && !options->debezium))
	{
		format_json_type_placeholder(&pc->type, options->placeholder,
									 &plan->text);
		return;
	}
	buf_reset(whole);
	format_json_type_placeholder(&pc->type, options->placeholder, whole);
	put_altered_string(pc, whole, &plan->text);
}

/* What stands for a NULL. */
static void
put_null(struct format_plan *plan, const struct plan_column *pc,
		 const struct change_column *column, bool null_default,
		 format_json_type_put_fn *put)
{
	if (!null_default ||
		!format_json_default_put(&pc->type, column, put, &plan->work->type,
								 &plan->text))
		buf_lit(&plan->text, "null");
}

static struct piece
plan_null(struct format_plan *plan, const struct plan_column *pc,
		  const struct change_column *column, bool null_default,
		  format_json_type_put_fn *put)
{
	struct piece piece = begin_piece(plan);

	put_null(plan, pc, column, null_default, put);
	end_piece(plan, &piece);
	return piece;
}

/* Of a column that is NOT NULL: its default, or else the type's zero. */
static void
put_invented(struct format_plan *plan, const struct plan_column *pc,
			 const struct change_column *column, format_json_type_put_fn *put)
{
	struct buf *whole = &plan->work->whole;

	buf_reset(whole);
	if (!format_json_default_put(&pc->type, column, put, &plan->work->type,
								 whole))
		format_json_default_zero(&pc->type, column, put, &plan->work->type,
								 whole);
	if (pc->altered && !pc->bytes)
		put_altered_string(pc, whole, &plan->text);
	else
		buf_put(&plan->text, whole->data, whole->len);
}

/*
 * What stands for a value that is not there: null, unless it is to be
 * Debezium's, which cuts or hashes what it invents as it does values.
 */
static struct piece
plan_absent(struct format_plan *plan, const struct plan_column *pc,
			const struct change_column *column, bool null_default,
			const struct format_options *options, format_json_type_put_fn *put)
{
	struct piece piece = begin_piece(plan);

	if (!options->debezium)
		buf_lit(&plan->text, "null");
	else if (column->not_null)
		put_invented(plan, pc, column, put);
	else
		put_null(plan, pc, column, null_default, put);
	end_piece(plan, &piece);
	return piece;
}

/*
 * What stands for a value that was lost: null, but where a schema says that
 * there is one, without which nobody could read the whole row.
 */
static struct piece
plan_lost(struct format_plan *plan, const struct plan_column *pc,
		  const struct change_column *column, bool required)
{
	struct piece piece = begin_piece(plan);

	if (required)
		put_invented(plan, pc, column, format_json_type_put);
	else
		buf_lit(&plan->text, "null");
	end_piece(plan, &piece);
	return piece;
}

/* Has the type a placeholder, and not null in its place? */
static bool
has_placeholder(const struct format_plan *plan, const struct plan_column *pc)
{
	const uint8_t *text = plan->text.data +
						  (size_t) (uintptr_t) pc->placeholder.data;

	return pc->placeholder.len != 4 || memcmp(text, "null", 4) != 0;
}

/*
 * The names of fields.  Where what is allowed is the same for two columns, the
 * later one keeps its own: two fields must not have one name.
 */
static char **
field_names(const struct change_relation *rel,
			const struct format_options	 *options)
{
	char	 **names = mem_zalloc(rel->ncolumns, sizeof(*names));
	struct buf name = {0};

	for (uint32_t i = 0; i < rel->ncolumns; i++)
	{
		const char *chosen = rel->columns[i].name;

		buf_reset(&name);
		avro_name_field(options->field_names, chosen, &name);
		for (uint32_t j = 0; strcmp(buf_cstr(&name), chosen) != 0; j++)
		{
			if (j == rel->ncolumns)
			{
				chosen = buf_cstr(&name);
				break;
			}
			if (rel->columns[j].attnum != rel->columns[i].attnum &&
				(strcmp(buf_cstr(&name), rel->columns[j].name) == 0 ||
				 (j < i && strcmp(buf_cstr(&name), names[j]) == 0)))
				break;
		}
		names[i] = mem_check(strdup(chosen), strlen(chosen) + 1);
	}
	buf_free(&name);
	return names;
}

static void
free_names(char **names, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

/*
 * As many digits as a column of the type has characters, so that what held
 * the value holds its hash.
 */
static uint32_t
declared_length(const struct change_type *type)
{
	if (type->oid == PGTEXT_CHAR)
		return 1;
	if ((type->oid == PGTEXT_VARCHAR || type->oid == PGTEXT_BPCHAR) &&
		type->typmod > 4)
		return (uint32_t) type->typmod - 4;
	return UINT32_MAX;
}

/* Are values bytes, in base64? */
static bool
is_bytes(const struct format_json_type *t)
{
	return (t->kind == FORMAT_JSON_BINARY ||
			t->kind == FORMAT_JSON_DEBEZIUM_UNKNOWN) &&
		   t->binary == FORMAT_BINARY_BYTES;
}

/* What rows show of the values, where it is not the whole. */
static void
plan_alteration(struct plan_column *pc, const struct change_column *column,
				const struct format_options *options)
{
	if (column->hashed && format_json_type_can_be_masked(column))
	{
		pc->hashed = pc->altered = true;
		pc->chars = declared_length(&column->base);
		if (column->hash > 0 && column->hash <= options->nhashes)
			pc->hash = mask_hash_new(&options->hashes[column->hash - 1]);
		return;
	}
	pc->bytes = is_bytes(&pc->type);
	pc->cut = column->truncated &&
			  (pc->bytes || format_json_type_is_text(&pc->type));
	pc->chars = column->chars;
	if (pc->cut && pc->bytes && pc->type.kind == FORMAT_JSON_DEBEZIUM_UNKNOWN)
	{
		/* they are counted once they are there */
		pc->type.bytes_max = pc->chars;
		pc->cut = false;
	}
	pc->altered = pc->cut;
}

static void
plan_column(struct format_plan *plan, struct plan_column *pc, bool first,
			const struct change_relation *rel, uint32_t index, bool in_key,
			const struct format_options *options)
{
	const struct change_column *column = &rel->columns[index];
	bool null_default = in_key ? options->key_null_default
							   : options->null_default;

	pc->index = index;
	format_json_type_init(&pc->type, column, options);
	if (in_key && format_json_debezium_hides(&pc->type))
	{
		/* or else many rows would have one key */
		struct format_options plain = *options;

		plain.debezium = false;
		format_json_type_init(&pc->type, column, &plain);
	}

	if (in_key ? options->key_number : options->number)
		format_json_type_use_numbers(&pc->type);

	/* A key that its schema does not allow is better than one of another. */
	if (options->schemas && !in_key)
		format_json_type_flatten(&pc->type);
	if (!in_key)
		plan_alteration(pc, column, options);
	pc->head = begin_piece(plan);
	buf_putc(&plan->text, first ? '{' : ',');
	put_name(&plan->text, plan->names[index]);
	buf_putc(&plan->text, ':');
	end_piece(plan, &pc->head);
	pc->placeholder = begin_piece(plan);
	put_placeholder(plan, pc, options);
	end_piece(plan, &pc->placeholder);
	pc->null = plan_null(plan, pc, column, null_default, format_json_type_put);
	pc->absent = plan_absent(plan, pc, column, null_default, options,
							 format_json_type_put);
	pc->lost = plan_lost(plan, pc, column,
						 !in_key && options->schemas &&
							 format_json_schema_requires(column, &pc->type,
														 options));
	pc->oversize = has_placeholder(plan, pc) ? pc->placeholder : pc->lost;
}

static void
plan_key(struct format_plan *plan, const struct change_relation *rel,
		 uint32_t index, const struct format_options *options)
{
	struct plan_column *pc = &plan->keys[plan->nkeys];

	plan_column(plan, pc, plan->nkeys == 0, rel, index, true, options);
	pc->header_null = plan_null(plan, pc, &rel->columns[index],
								options->key_null_default,
								format_json_type_put_header);
	pc->header_absent = plan_absent(plan, pc, &rel->columns[index],
									options->key_null_default, options,
									format_json_type_put_header);
	plan->nkeys++;
}

static void
place_column(const struct format_plan *plan, struct plan_column *pc)
{
	place(plan, &pc->head);
	place(plan, &pc->placeholder);
	place(plan, &pc->null);
	place(plan, &pc->absent);
	place(plan, &pc->lost);
	place(plan, &pc->oversize);
	place(plan, &pc->header_null);
	place(plan, &pc->header_absent);
}

/* Is a column in the rows? */
static bool
is_shown(const struct change_column	 *column,
		 const struct format_options *options)
{
	struct format_json_type type;

	if (column->is_virtual || column->key_only)
		return false;
	if (!options->debezium)
		return true;

	/* pgoutput does not send what is generated. */
	format_json_type_init(&type, column, options);
	return !column->is_generated && !format_json_debezium_omits(&type);
}

static void
plan_source(struct format_plan *plan, const struct change_relation *rel,
			const struct format_options *options)
{
	struct buf *text = &plan->text;

	plan->source_head = begin_piece(plan);
	buf_lit(text, "\"source\":{\"version\":");
	put_name(text, options->version);
	buf_lit(text, ",\"connector\":\"postgresql\",\"name\":");
	put_name(text, options->prefix);
	buf_lit(text, ",\"ts_ms\":");
	end_piece(plan, &plan->source_head);

	/* To Debezium "false" is only the field's default. */
	plan->source_db = begin_piece(plan);
	buf_lit(text, ",\"snapshot\":");
	buf_puts(text, options->debezium && !options->null_default ? "null"
															   : "\"false\"");
	buf_lit(text, ",\"db\":");
	put_name(text, options->database);
	buf_lit(text, ",\"sequence\":\"[");
	end_piece(plan, &plan->source_db);

	plan->source_table = begin_piece(plan);
	buf_lit(text, ",\"schema\":");
	put_name(text, rel != NULL ? rel->schema : "");
	buf_lit(text, ",\"table\":");
	put_name(text, rel != NULL ? rel->name : "");
	buf_lit(text, ",\"txId\":");
	end_piece(plan, &plan->source_table);
}

/* Open the object that has a schema beside what it is of. */
static struct piece
begin_schema(struct format_plan *plan)
{
	struct piece piece = begin_piece(plan);

	buf_lit(&plan->text, "{\"schema\":");
	return piece;
}

static void
end_schema(struct format_plan *plan, struct piece *piece)
{
	buf_lit(&plan->text, ",\"payload\":");
	end_piece(plan, piece);
}

static struct format_json_schema_field *
schema_fields(const struct format_plan	   *plan,
			  const struct change_relation *rel,
			  const struct plan_column *columns, uint32_t n,
			  const struct format_options *options)
{
	struct format_json_schema_field *fields = mem_zalloc(n, sizeof(*fields));

	for (uint32_t i = 0; i < n; i++)
	{
		fields[i].column = &rel->columns[columns[i].index];
		fields[i].type = &columns[i].type;
		fields[i].name = plan->names[columns[i].index];
		if (options->columns != NULL)
			fields[i].bits = options->columns[columns[i].index];
	}
	return fields;
}

/* The schemas of a relation's records, or of logical messages. */
static void
plan_schemas(struct format_plan *plan, const struct change_relation *rel,
			 const struct format_options *options)
{
	struct format_json_schema_field *fields;

	if (options->key_schemas)
	{
		plan->key_schema = begin_schema(plan);
		if (rel != NULL)
		{
			fields = schema_fields(plan, rel, plan->keys, plan->nkeys,
								   options);
			format_json_schema_key(fields, plan->nkeys, options,
								   &plan->work->type, &plan->text);
			free(fields);
		}
		else
			format_json_schema_message_key(&plan->text);
		end_schema(plan, &plan->key_schema);
	}
	if (options->schemas)
	{
		plan->value_schema = begin_schema(plan);
		if (rel != NULL)
		{
			fields = schema_fields(plan, rel, plan->columns, plan->ncolumns,
								   options);
			format_json_schema_value(fields, plan->ncolumns, options,
									 &plan->work->type, &plan->text);
			free(fields);
		}
		else
			format_json_schema_message_value(options, &plan->text);
		end_schema(plan, &plan->value_schema);
	}
}

/* The columns that make the key; '*n' of them. */
static const uint16_t *
key_columns(const struct change_relation *rel,
			const struct format_options *options, uint32_t *n)
{
	bool old_has_key = true;

	if (rel->identity == 'i' && !rel->chosen_key && !options->debezium)
	{
		for (uint32_t i = 0; i < rel->nkeys; i++)
			old_has_key &= rel->columns[rel->keys[i]].in_identity;
		if (rel->nkeys == 0 || (!old_has_key && rel->nidentity > 0))
		{
			*n = rel->nidentity;
			return rel->identities;
		}
	}
	*n = rel->nkeys;
	return rel->keys;
}

unsigned
format_json_idle_rules(const struct change_column  *column,
					   const struct format_options *options)
{
	struct format_json_type type;
	unsigned				idle = column->not_masked ? FORMAT_IDLE_MASK : 0;

	if (!is_shown(column, options))
		return 0;
	if (column->hashed && !format_json_type_can_be_masked(column))
		idle |= FORMAT_IDLE_HASH;
	format_json_type_init(&type, column, options);
	if (column->truncated && !is_bytes(&type) &&
		!format_json_type_is_text(&type))
		idle |= FORMAT_IDLE_TRUNCATION;
	return idle;
}

struct format_plan *
format_json_plan(const struct change_relation *rel,
				 const struct format_options  *options)
{
	struct format_plan *plan = mem_zalloc(1, sizeof(*plan));

	plan->binary = options->binary;
	plan->debezium = options->debezium;
	plan->work = mem_zalloc(1, sizeof(*plan->work));
	if (rel != NULL)
	{
		uint32_t		nkeys;
		const uint16_t *keys = key_columns(rel, options, &nkeys);

		plan->names = field_names(rel, options);
		plan->columns = mem_zalloc(rel->ncolumns, sizeof(*plan->columns));
		for (uint32_t i = 0; i < rel->ncolumns; i++)
		{
			if (!is_shown(&rel->columns[i], options))
				continue;
			plan_column(plan, &plan->columns[plan->ncolumns],
						plan->ncolumns == 0, rel, i, false, options);
			plan->ncolumns++;
		}
		plan->keys = mem_zalloc(nkeys, sizeof(*plan->keys));
		while (plan->nkeys < nkeys)
			plan_key(plan, rel, keys[plan->nkeys], options);
		plan->unshown = mem_zalloc(nkeys, sizeof(*plan->unshown));
		for (uint32_t i = 0; i < nkeys; i++)
		{
			const struct change_column *column = &rel->columns[keys[i]];

			if (!column->is_virtual && !is_shown(column, options))
				plan->unshown[plan->nunshown++] = keys[i];
		}
	}
	plan->key_field = begin_piece(plan);
	if (rel != NULL && options->key_field != NULL)
	{
		buf_putc(&plan->text, plan->nkeys == 0 ? '{' : ',');
		put_name(&plan->text, options->key_field);
		buf_putc(&plan->text, ':');
		put_name(&plan->text, options->key_identifier);
	}
	end_piece(plan, &plan->key_field);
	plan_source(plan, rel, options);
	plan_schemas(plan, rel, options);
	if (rel != NULL)
		free_names(plan->names, rel->ncolumns);
	plan->names = NULL;
	plan->placeholder = begin_piece(plan);
	format_json_type_binary_placeholder(plan->binary, options->placeholder,
										&plan->text);
	end_piece(plan, &plan->placeholder);

	for (uint32_t i = 0; i < plan->ncolumns; i++)
		place_column(plan, &plan->columns[i]);
	for (uint32_t i = 0; i < plan->nkeys; i++)
		place_column(plan, &plan->keys[i]);
	place(plan, &plan->key_field);
	place(plan, &plan->placeholder);
	place(plan, &plan->key_schema);
	place(plan, &plan->value_schema);
	place(plan, &plan->source_head);
	place(plan, &plan->source_db);
	place(plan, &plan->source_table);
	return plan;
}

static void
trim(struct buf *b, size_t keep)
{
	if (b->cap > keep)
		buf_free(b);
}

static void
trim_work(struct work *work, size_t keep)
{
	trim(&work->type.text, keep);
	trim(&work->type.json, keep);
	trim(&work->type.members, keep);
	trim(&work->whole, keep);
	trim(&work->before, keep);
	trim(&work->after, keep);
}

void
format_json_plan_free(struct format_plan *plan)
{
	if (plan == NULL)
		return;
	for (uint32_t i = 0; i < plan->ncolumns; i++)
		mask_hash_free(plan->columns[i].hash);
	trim_work(plan->work, 0);
	free(plan->work);
	free(plan->columns);
	free(plan->keys);
	free(plan->unshown);
	buf_free(&plan->text);
	free(plan);
}

/* ------------------------------------------------------------------- rows */

static inline uint8_t *
put_piece(uint8_t *p, const struct piece *piece)
{
	memcpy(p, piece->data, piece->len);
	return p + piece->len;
}

#define put_lit(p, s) \
	((uint8_t *) memcpy((p), "" s, sizeof(s) - 1) + sizeof(s) - 1)

static inline void
append_piece(struct buf *out, const struct piece *piece)
{
	buf_put(out, piece->data, piece->len);
}

/* With a schema, what it is of is followed by this. */
static inline void
end_payload(struct buf *out, const struct piece *schema)
{
	if (schema->len > 0)
		buf_putc(out, '}');
}

/* A value that is not shown as it is. */
static bool
put_altered(const struct format_plan *plan, const struct plan_column *pc,
			const struct change_value *v, struct buf *out)
{
	size_t		len = (size_t) v->len;
	struct buf *whole = &plan->work->whole;

	if (pc->bytes)
		return format_json_type_put(&pc->type, v->data,
									len < pc->chars ? len : pc->chars,
									&plan->work->type, out);
	if (pc->hashed && pc->type.kind == FORMAT_JSON_STRING)
	{
		put_hash(pc, v->data, len, out);
		return true;
	}
	buf_reset(whole);
	if (!format_json_type_put(&pc->type, v->data, len, &plan->work->type,
							  whole))
		return false;
	put_altered_string(pc, whole, out);
	return true;
}

/* A column's value.  False: it was lost, and what stands for it was put. */
static inline bool
put_column(const struct format_plan *plan, const struct plan_column *pc,
		   const struct change_value *v, struct buf *out)
{
	bool lost = false;

	switch (v->state)
	{
		case CHANGE_VALUE:
			if (pc->altered
					? put_altered(plan, pc, v, out)
					: format_json_type_put(&pc->type, v->data, (size_t) v->len,
										   &plan->work->type, out))
				return true;
			lost = true;
			break;
		case CHANGE_OVERSIZE:
			append_piece(out, &pc->oversize);
			return false;
		case CHANGE_UNCHANGED:
			if (FAULT_BUG("toast_to_null"))
				break;
			append_piece(out, &pc->placeholder);
			return true;
		case CHANGE_ERROR:
			lost = true;
			break;
		case CHANGE_NULL:
			append_piece(out, &pc->null);
			return true;
		case CHANGE_ABSENT:
			append_piece(out, &pc->absent);
			return true;
	}
	append_piece(out, &pc->lost);
	return !lost;
}

/* Returns how many values failed. */
static unsigned
put_row(const struct format_plan *plan, const struct change_value *row,
		struct buf *out)
{
	unsigned failed = 0;

	if (row == NULL)
	{
		buf_lit(out, "null");
		return 0;
	}
	if (plan->ncolumns == 0)
		buf_putc(out, '{');
	for (uint32_t i = 0; i < plan->ncolumns; i++)
	{
		const struct plan_column *pc = &plan->columns[i];

		append_piece(out, &pc->head);
		if (!put_column(plan, pc, &row[pc->index], out))
			failed++;
	}
	buf_putc(out, '}');

	/* What is missing in the key alone is lost as well. */
	for (uint32_t i = 0; i < plan->nunshown; i++)
	{
		const struct change_value *v = &row[plan->unshown[i]];

		failed += v->state == CHANGE_ERROR || v->state == CHANGE_OVERSIZE;
	}
	return failed;
}

/* ------------------------------------------------------------------- keys */

/*
 * A key column's value, by one of the two ways of putting it.  False: it is
 * not known, and what was put is not a value.
 */
static bool
put_key_column(const struct format_plan *plan, const struct plan_column *pc,
			   const struct change_value *v, format_json_type_put_fn *put,
			   struct buf *out)
{
	bool in_header = put == format_json_type_put_header;

	switch (v->state)
	{
		case CHANGE_VALUE:
			return put(&pc->type, v->data, (size_t) v->len, &plan->work->type,
					   out);
		case CHANGE_NULL:
			append_piece(out, in_header ? &pc->header_null : &pc->null);
			return true;
		case CHANGE_ABSENT:
			append_piece(out, in_header ? &pc->header_absent : &pc->absent);
			return plan->debezium;
		case CHANGE_UNCHANGED:
			append_piece(out, &pc->placeholder);
			return plan->debezium;
		case CHANGE_OVERSIZE:
		case CHANGE_ERROR:
			break;
	}
	return false;
}

static bool
put_key(const struct format_plan *plan, const struct change_value *row,
		format_json_type_put_fn *put, struct buf *out)
{
	size_t start = out->len;

	if ((plan->nkeys == 0 && plan->key_field.len == 0) || row == NULL)
		return false;
	for (uint32_t i = 0; i < plan->nkeys; i++)
	{
		const struct plan_column *pc = &plan->keys[i];

		append_piece(out, &pc->head);
		if (!put_key_column(plan, pc, &row[pc->index], put, out))
		{
			out->len = start;
			return false;
		}
	}
	append_piece(out, &plan->key_field);
	buf_putc(out, '}');
	return true;
}

bool
format_json_key(const struct format_plan *plan, const struct change_value *row,
				struct buf *out)
{
	size_t start = out->len;

	append_piece(out, &plan->key_schema);
	if (!put_key(plan, row, format_json_type_put, out))
	{
		out->len = start;
		return false;
	}
	end_payload(out, &plan->key_schema);
	return true;
}

bool
format_json_key_header(const struct format_plan	 *plan,
					   const struct change_value *row, struct buf *out)
{
	return put_key(plan, row, format_json_type_put_header, out);
}

static bool
same_bytes(const struct change_value *a, const struct change_value *b)
{
	if (a->state != b->state)
		return false;
	return a->state == CHANGE_NULL ||
		   (a->state == CHANGE_VALUE && a->len == b->len &&
			(a->len == 0 || memcmp(a->data, b->data, (size_t) a->len) == 0));
}

static bool
is_known(const struct change_value *v)
{
	return v->state == CHANGE_VALUE || v->state == CHANGE_NULL;
}

/* Is there something to write in a key? */
static bool
has_key_value(const struct format_plan *plan, const struct change_value *v)
{
	return is_known(v) || (plan->debezium && (v->state == CHANGE_ABSENT ||
											  v->state == CHANGE_UNCHANGED));
}

/*
 * Do two values that are not the same bytes read alike, as 1.0 and 1.00 do?
 * What cannot be written is lost.
 */
static enum format_compared
compare_written(const struct format_plan *plan, const struct plan_column *pc,
				const struct change_value *old, const struct change_value *new)
{
	struct buf *before = &plan->work->before;
	struct buf *after = &plan->work->after;

	buf_reset(before);
	buf_reset(after);
	if (!put_column(plan, pc, old, before) ||
		!put_column(plan, pc, new, after))
		return FORMAT_UNKNOWN;
	return before->len == after->len &&
				   memcmp(before->data, after->data, before->len) == 0
			   ? FORMAT_SAME
			   : FORMAT_OTHER;
}

enum format_compared
format_json_compare_keys(const struct format_plan *plan,
						 const struct change	  *c)
{
	enum format_compared keys = FORMAT_SAME;

	if (c->before == NULL || c->after == NULL)
		return FORMAT_SAME;
	for (uint32_t i = 0; i < plan->nkeys; i++)
	{
		const struct plan_column  *pc = &plan->keys[i];
		const struct change_value *old = &c->before[pc->index];
		const struct change_value *new = &c->after[pc->index];
		enum format_compared found;

		/* Whatever the others are, the row has no key now. */
		if (!has_key_value(plan, new))
			return FORMAT_UNKNOWN;
		if ((old->state == CHANGE_ABSENT && !plan->debezium) ||
			same_bytes(old, new))
			continue;
		if (!has_key_value(plan, old))
			return FORMAT_UNKNOWN;
		found = compare_written(plan, pc, old, new);
		if (found == FORMAT_UNKNOWN)
			return found;
		if (found == FORMAT_OTHER)
			keys = found;
	}
	return keys;
}

static bool
value_changed(const struct format_plan *plan, const struct plan_column *pc,
			  const struct change_value *old, const struct change_value *new)
{
	struct plan_column whole;

	if (same_bytes(old, new))
		return false;
	if (!is_known(old) || !is_known(new) || old->state != new->state ||
		(!pc->altered && format_json_type_is_exact(&pc->type)) ||
		old->len > COMPARED_MAX || new->len > COMPARED_MAX)
		return true;

	/* A schema flattens arrays in what is written, not what they are. */
	whole = *pc;
	if (!plan->debezium)
		whole.type.flat = false;
	return compare_written(plan, &whole, old, new) != FORMAT_SAME;
}

bool
format_json_row_changed(const struct format_plan *plan, const struct change *c)
{
	bool changed = false;

	for (uint32_t i = 0; i < plan->ncolumns && !changed; i++)
	{
		uint32_t index = plan->columns[i].index;

		changed = value_changed(plan, &plan->columns[i], &c->before[index],
								&c->after[index]);
	}
	trim_work(plan->work, SCRATCH_KEEP);
	return changed;
}

void
format_json_message_key(const struct format_plan *plan, const struct change *c,
						struct buf *out)
{
	append_piece(out, &plan->key_schema);
	buf_lit(out, "{\"prefix\":");
	jsontext_string(out, c->message.prefix, (size_t) c->message.prefix_len);
	buf_putc(out, '}');
	end_payload(out, &plan->key_schema);
}

/* --------------------------------------------------------------- envelope */

static uint8_t *
put_i64(uint8_t *p, int64_t v)
{
	if (v < 0)
	{
		*p++ = '-';
		return jsontext_digits(p, 0 - (uint64_t) v);
	}
	return jsontext_digits(p, (uint64_t) v);
}

static int64_t
floor_div(int64_t v, int64_t by)
{
	return v / by - (v % by < 0);
}

/*
 * The three times of one instant share their digits: they are written once,
 * as the longest of them.  Before 1970, and in its first second, they do not.
 */
struct times
{
	int		ms_len;
	int		us_len;
	int		ns_len;
	uint8_t ms[20];
	uint8_t us[20];
	uint8_t ns[20];
};

static void
spell_times(struct times *t, int64_t ns)
{
	if (ns < 1000000000)
	{
		t->ms_len = (int) (put_i64(t->ms, floor_div(ns, 1000000)) - t->ms);
		t->us_len = (int) (put_i64(t->us, floor_div(ns, 1000)) - t->us);
		t->ns_len = (int) (put_i64(t->ns, ns) - t->ns);
		return;
	}
	t->ns_len = (int) (jsontext_digits(t->ns, (uint64_t) ns) - t->ns);
	t->us_len = t->ns_len - 3;
	t->ms_len = t->ns_len - 6;
	memcpy(t->us, t->ns, sizeof(t->us));
	memcpy(t->ms, t->ns, sizeof(t->ms));
}

static inline uint8_t *
put_time(uint8_t *p, const uint8_t *digits, int len)
{
	memcpy(p, digits, 20);
	return p + len;
}

/* In nanoseconds, of which 64 bits hold until the year 2262. */
static int64_t
to_ns(int64_t us)
{
	int64_t ns;

	return !__builtin_mul_overflow(us, 1000, &ns) ? ns
		   : us < 0								  ? INT64_MIN
												  : INT64_MAX;
}

/*
 * "source":{...}.  A message outside transactions has no commit: its time is
 * now, its own LSN is what was completed last, and it has no txId.
 */
static void
put_source(const struct format_plan *plan, const struct change *c,
		   int64_t now_ns, struct buf *out)
{
	const struct change_transaction *txn = c->txn;
	bool							 outside = txn->xid == 0;
	struct times					 t;
	uint64_t completed = outside ? c->lsn : txn->previous_end_lsn;
	uint8_t *p = buf_reserve(out, plan->source_head.len + plan->source_db.len +
									  plan->source_table.len + 320);
	uint8_t *start = p;

	spell_times(&t,
				outside ? now_ns - now_ns % 1000 : to_ns(txn->commit_time_us));
	p = put_piece(p, &plan->source_head);
	p = put_time(p, t.ms, t.ms_len);
	p = put_piece(p, &plan->source_db);
	if (completed != 0)
	{
		p = put_lit(p, "\\\"");
		p = jsontext_digits(p, completed);
		p = put_lit(p, "\\\"");
	}
	else
		p = put_lit(p, "null");
	p = put_lit(p, ",\\\"");
	p = jsontext_digits(p, c->lsn);
	p = put_lit(p, "\\\"]\"");
	p = put_lit(p, ",\"ts_us\":");
	p = put_time(p, t.us, t.us_len);
	p = put_lit(p, ",\"ts_ns\":");
	p = put_time(p, t.ns, t.ns_len);
	p = put_piece(p, &plan->source_table);
	if (outside)
		p = put_lit(p, "null");
	else
		p = jsontext_digits(p, txn->xid & UINT32_MAX);
	p = put_lit(p, ",\"lsn\":");
	p = jsontext_digits(p, c->lsn);
	if (txn->origin == NULL)
	{
		p = put_lit(p, ",\"xmin\":null,\"origin\":null,\"origin_lsn\":null}");
		buf_commit(out, (size_t) (p - start));
		return;
	}
	p = put_lit(p, ",\"xmin\":null,\"origin\":");
	buf_commit(out, (size_t) (p - start));
	jsontext_string(out, txn->origin, strlen(txn->origin));
	buf_lit(out, ",\"origin_lsn\":");
	jsontext_u64(out, txn->origin_lsn);
	buf_putc(out, '}');
}

/* Room for ,"transaction":{...}: its words and four numbers. */
#define ORDER_MAX 160

/*
 * ,"transaction":...  Debezium has the LSN of each event in what it calls the
 * id; here a transaction has one, that of its end.
 */
static uint8_t *
put_order(const struct format_plan *plan, enum format_part part,
		  const struct change *c, uint8_t *p)
{
	uint64_t second;

	if (c->order == NULL)
		return put_lit(p, ",\"transaction\":null");
	second = part == FORMAT_CREATE && c->op == CHANGE_UPDATE &&
			 !c->order->alone;
	p = put_lit(p, ",\"transaction\":{\"id\":\"");
	p = jsontext_digits(p, c->txn->xid & UINT32_MAX);
	*p++ = ':';
	p = jsontext_digits(p, plan->debezium ? c->lsn : c->txn->end_lsn);
	p = put_lit(p, "\",\"total_order\":");
	p = jsontext_digits(p, c->order->total + second);
	p = put_lit(p, ",\"data_collection_order\":");
	p = jsontext_digits(p, c->order->collection + second);
	*p++ = '}';
	return p;
}

static void
put_message(const struct format_plan *plan, const struct change *c,
			int64_t now_ns, struct buf *out)
{
	uint8_t *start;

	buf_lit(out, "{\"op\":\"m\",\"ts_ms\":");
	jsontext_i64(out, floor_div(now_ns, 1000000));
	buf_putc(out, ',');
	put_source(plan, c, now_ns, out);
	start = buf_reserve(out, ORDER_MAX);
	buf_commit(out,
			   (size_t) (put_order(plan, FORMAT_MESSAGE, c, start) - start));
	buf_lit(out, ",\"message\":{\"prefix\":");
	jsontext_string(out, c->message.prefix, (size_t) c->message.prefix_len);
	buf_lit(out, ",\"content\":");
	if (!c->condensed)
		format_json_type_binary(plan->binary, c->message.content,
								(size_t) c->message.content_len, out);
	else
		append_piece(out, &plan->placeholder);
	buf_lit(out, "}}");
}

unsigned
format_json_value(const struct format_plan *plan, enum format_part part,
				  const struct change *c, int64_t now_ns, struct buf *out)
{
	static const char letters[] = {
		[FORMAT_CREATE] = 'c',
		[FORMAT_UPDATE] = 'u',
		[FORMAT_DELETE] = 'd',
		[FORMAT_TRUNCATE] = 't',
	};
	unsigned	 failed;
	struct times t;
	uint8_t		*p;
	uint8_t		*start;

	append_piece(out, &plan->value_schema);
	if (part == FORMAT_MESSAGE)
	{
		put_message(plan, c, now_ns, out);
		end_payload(out, &plan->value_schema);
		return 0;
	}
	buf_lit(out, "{\"before\":");
	failed = put_row(plan,
					 part == FORMAT_UPDATE || part == FORMAT_DELETE ? c->before
																	: NULL,
					 out);
	buf_lit(out, ",\"after\":");
	failed += put_row(plan,
					  part == FORMAT_CREATE || part == FORMAT_UPDATE ? c->after
																	 : NULL,
					  out);
	trim_work(plan->work, SCRATCH_KEEP);
	buf_putc(out, ',');
	put_source(plan, c, now_ns, out);

	p = start = buf_reserve(out, ORDER_MAX + 160);
	p = put_order(plan, part, c, p);
	p = put_lit(p, ",\"op\":\"");
	*p++ = (uint8_t) letters[part];
	spell_times(&t, now_ns);
	p = put_lit(p, "\",\"ts_ms\":");
	p = put_time(p, t.ms, t.ms_len);
	p = put_lit(p, ",\"ts_us\":");
	p = put_time(p, t.us, t.us_len);
	p = put_lit(p, ",\"ts_ns\":");
	p = put_time(p, t.ns, t.ns_len);
	*p++ = '}';
	buf_commit(out, (size_t) (p - start));
	end_payload(out, &plan->value_schema);
	return failed;
}
