/*
 * encode.c
 *		Rows and schemas as wire bytes, from SQL.
 *
 * Snapshots read tables through these functions, so that a row has one
 * encoder, whether it was read from the table or decoded from the WAL.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "options.h"
#include "rowenc.h"
#include "settings.h"
#include "tablecache.h"
#include "version.h"
#include "wire.h"

PG_FUNCTION_INFO_V1(walferry_encode);
PG_FUNCTION_INFO_V1(walferry_relation);
PG_FUNCTION_INFO_V1(walferry_options);
PG_FUNCTION_INFO_V1(walferry_version);

/* What a call site of walferry_encode() keeps from row to row. */
typedef struct EncodeState
{
	DecoderOptions options;
	TableCache *tables;
	RowEncoder *rows;
	Frame		frame;
	StringInfoData message;
	MemoryContext row_context;
} EncodeState;

static EncodeState *
create_state(MemoryContext context)
{
	MemoryContext own = AllocSetContextCreate(context, "walferry encode",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(own);
	EncodeState *state = palloc0(sizeof(EncodeState));

	options_parse(&state->options, NIL);
	state->options.partition_root = false;
	state->tables = tablecache_create(&state->options);
	state->rows = rowenc_create(state->tables, 0);
	initStringInfo(&state->message);
	frame_init_collecting(&state->frame, &state->message);
	state->row_context = AllocSetContextCreate(own, "walferry row",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(old);
	return state;
}

/* The entry of a relation; an error if it would never be in a stream. */
static TableEntry *
find_entry(EncodeState *state, Relation relation)
{
	TableEntry *entry = tablecache_get(state->tables, relation);

	if (!entry->published)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("relation \"%s\" is not one that is replicated",
						RelationGetRelationName(relation)),
				 errhint("Only permanent ordinary tables and partitions are.")));
	return entry;
}

/*
 * walferry_encode(row record) returns bytea: a frame that holds the row as an
 * insert, with schema id 1 and no LSN.  The row must be one of a table
 * ("SELECT walferry_encode(t) FROM t").  Frames from here may be larger than
 * those of a stream.
 */
Datum
walferry_encode(PG_FUNCTION_ARGS)
{
	HeapTupleHeader header = PG_GETARG_HEAPTUPLEHEADER(0);
	EncodeState *state = fcinfo->flinfo->fn_extra;
	Oid			relid = get_typ_typrelid(HeapTupleHeaderGetTypeId(header));
	struct wire_row row = {.op = WIRE_INSERT};
	MemoryContext old;
	PinnedSettings *settings = NULL;
	HeapTupleData tuple;
	Relation	relation;
	TableEntry *entry;

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("walferry_encode() needs a row of a table"),
				 errhint("Write SELECT walferry_encode(t) FROM tablename t.")));
	if (state == NULL)
		state = fcinfo->flinfo->fn_extra =
			create_state(fcinfo->flinfo->fn_mcxt);

	relation = table_open(relid, AccessShareLock);
	old = MemoryContextSwitchTo(state->row_context);

	/*
	 * Settings are pinned only where they matter: to the text of defaults
	 * here, and below to that of types without a raw form.
	 */
	if (!tablecache_is_current(state->tables, relid))
		settings = settings_pin();
	entry = find_entry(state, relation);

	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = relid;
	tuple.t_data = header;

	if (entry->has_text && settings == NULL)
		settings = settings_pin();
	row.schema_id = entry->schema_id;
	resetStringInfo(&state->message);
	appendStringInfoChar(&state->message, WIRE_FRAME_MESSAGES);
	(void) rowenc_write(state->rows, &state->frame, entry, &row,
						RelationGetDescr(relation), NULL, &tuple);
	frame_flush(&state->frame);
	if (settings)
		settings_restore(settings);

	MemoryContextSwitchTo(old);
	MemoryContextReset(state->row_context);
	table_close(relation, NoLock);
	PG_RETURN_BYTEA_P(cstring_to_text_with_len(state->message.data,
											   state->message.len));
}

/*
 * walferry_relation(relation regclass) returns bytea: a frame that holds the
 * relation's schema message, with schema id 1.
 */
Datum
walferry_relation(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	EncodeState *state = create_state(CurrentMemoryContext);
	Relation	relation;
	TableEntry *entry;
	PinnedSettings *settings;
	bytea	   *result;

	/* Before the lock: nobody may hold up a table that he cannot read. */
	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
		pg_attribute_aclcheck_all(relid, GetUserId(), ACL_SELECT,
								  ACLMASK_ANY) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(relid));

	settings = settings_pin();
	relation = table_open(relid, AccessShareLock);
	entry = find_entry(state, relation);
	settings_restore(settings);
	result = palloc(VARHDRSZ + 1 + entry->schema_message_len);
	SET_VARSIZE(result, VARHDRSZ + 1 + entry->schema_message_len);
	*VARDATA(result) = WIRE_FRAME_MESSAGES;
	memcpy(VARDATA(result) + 1, entry->schema_message,
		   entry->schema_message_len);
	table_close(relation, NoLock);
	PG_RETURN_BYTEA_P(result);
}

/* walferry_options() returns table (name, type, default_value, help) */
Datum
walferry_options(PG_FUNCTION_ARGS)
{
	FuncCallContext *funcctx;
	const OptionDef *def;
	Datum		values[4];
	bool		nulls[4] = {false, false, false, false};

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext old;
		TupleDesc	desc;

		funcctx = SRF_FIRSTCALL_INIT();
		old = MemoryContextSwitchTo(funcctx->multi_call_memory_ctx);
		if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
			elog(ERROR, "return type must be a row type");
		funcctx->tuple_desc = BlessTupleDesc(desc);
		MemoryContextSwitchTo(old);
	}
	funcctx = SRF_PERCALL_SETUP();
	def = &options_table[funcctx->call_cntr];
	if (def->name == NULL)
		SRF_RETURN_DONE(funcctx);

	values[0] = CStringGetTextDatum(def->name);
	values[1] = CStringGetTextDatum(options_type_name(def->type));
	if (def->default_value)
		values[2] = CStringGetTextDatum(def->default_value);
	else
		nulls[2] = true;
	values[3] = CStringGetTextDatum(def->help);
	SRF_RETURN_NEXT(funcctx,
					HeapTupleGetDatum(heap_form_tuple(funcctx->tuple_desc,
													  values, nulls)));
}

Datum
walferry_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(WALFERRY_VERSION));
}
