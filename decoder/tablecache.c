/*
 * tablecache.c
 *		What the decoder knows of each table: is it sent, and how.
 *
 * An entry holds the outcome of all filters, a plan per column and the schema
 * message, already encoded, so that a row costs one hash look-up and no
 * catalog access.
 *
 * Invalidation.  The callbacks below may run in the middle of any catalog
 * access, even while an entry is in use further up the stack; so they only
 * clear 'valid', and an entry is rebuilt where it is looked up.  They cannot
 * be unregistered: they must do nothing when no cache exists (a later decoding
 * session of the same backend may have ended).
 *
 * Locks.  The table of a change may long have been dropped, or be locked by
 * somebody who waits for us (synchronous replication); nothing here locks a
 * user's relation, and only the topmost table of a partition is opened, without
 * a lock, to be read as the snapshot shows it.  Indexes are looked up in pg_index:
 * RelationGetIndexAttrBitmap() would open them, and fails for an index that a
 * concurrent DROP INDEX or CREATE INDEX CONCURRENTLY took away.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/catalog.h"
#include "catalog/indexing.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "compat.h"
#include "guard.h"
#include "rowdirect.h"
#include "tablecache.h"
#include "wire.h"

/*
 * Entries kept before the whole cache is dropped and ids start again at 1.
 * It bounds both sides where tables come and go for months; a receiver
 * replaces a relation whose id comes again.
 */
#define ENTRIES_MAX 50000

/* Declared, undone, element: what build_column() reads. */
#define TYPES_PER_COLUMN 3

struct TableCache
{
	const DecoderOptions *options;
	HTAB	   *entries;
	bool		has_roots;		/* some entry is of a partition */
	bool		has_types;		/* some entry has a type that may change */
	bool		has_indexes;	/* some entry's key is an index's */
	MemoryContext context;
	TableEntry *last;			/* looked up last; rows come in runs */
	uint32		next_id;
	int			natts;			/* of the scratch arrays */
	Datum	   *values;
	bool	   *isnull;
	TableCache *next;			/* of this process's caches */
	MemoryContextCallback forget;
};

/*
 * Usually one.  A query may encode rows of a table while it reads from a
 * slot, and then there are two.
 */
static TableCache *caches = NULL;
static bool callbacks_registered = false;

/* ------------------------------------------------------- invalidation */

static void
invalidate(TableEntry *entry)
{
	entry->valid = false;
	entry->invalidated = true;
}

/*
 * Of a unique index that is renamed, or by which a table is clustered, nothing
 * else tells.
 */
static bool
has_index(const TableEntry *entry, Oid oid)
{
	int			i;

	for (i = 0; i < entry->nindexes; i++)
	{
		if (entry->indexes[i] == oid)
			return true;
	}
	return false;
}

static void
relation_changed(Datum arg, Oid relid)
{
	TableCache *cache;
	HASH_SEQ_STATUS scan;
	TableEntry *entry;

	for (cache = caches; cache != NULL; cache = cache->next)
	{
		/* Called for each temporary table of anybody: no scan for those. */
		if (OidIsValid(relid) && !cache->has_roots && !cache->has_indexes)
		{
			entry = hash_search(cache->entries, &relid, HASH_FIND, NULL);
			if (entry != NULL)
				invalidate(entry);
			continue;
		}
		hash_seq_init(&scan, cache->entries);
		while ((entry = hash_seq_search(&scan)) != NULL)
		{
			if (!OidIsValid(relid) || entry->relid == relid ||
				entry->root == relid || has_index(entry, relid))
				invalidate(entry);
		}
	}
}

static bool
has_type(const TableEntry *entry, uint32 hashvalue)
{
	int			i;

	if (hashvalue == 0)
		return entry->ntypes > 0;
	for (i = 0; i < entry->ntypes; i++)
	{
		if (entry->types[i] == hashvalue)
			return true;
	}
	return false;
}

/* A type was altered; hash value 0: perhaps any. */
static void
type_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	TableCache *cache;
	HASH_SEQ_STATUS scan;
	TableEntry *entry;

	for (cache = caches; cache != NULL; cache = cache->next)
	{
		/* Called for each table that anybody creates, because of its type. */
		if (!cache->has_types)
			continue;
		hash_seq_init(&scan, cache->entries);
		while ((entry = hash_seq_search(&scan)) != NULL)
		{
			if (has_type(entry, hashvalue))
				invalidate(entry);
		}
	}
}

/* A label came or was renamed: the hash value is its own, not its enum's. */
static void
label_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	TableCache *cache;
	HASH_SEQ_STATUS scan;
	TableEntry *entry;

	for (cache = caches; cache != NULL; cache = cache->next)
	{
		if (!cache->has_types)
			continue;
		hash_seq_init(&scan, cache->entries);
		while ((entry = hash_seq_search(&scan)) != NULL)
		{
			if (entry->has_enums)
				invalidate(entry);
		}
	}
}

/* A schema was renamed. */
static void
namespace_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	relation_changed(arg, InvalidOid);
}

static void
forget_cache(void *arg)
{
	TableCache **link;

	for (link = &caches; *link != NULL; link = &(*link)->next)
	{
		if (*link == arg)
		{
			*link = (*link)->next;
			return;
		}
	}
}

static void
create_entries(TableCache *cache)
{
	HASHCTL		ctl;

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(TableEntry);
	ctl.hcxt = cache->context;
	cache->entries = hash_create("walferry tables", 128, &ctl,
								 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	cache->has_roots = cache->has_types = cache->has_indexes = false;
	cache->last = NULL;
	cache->next_id = 1;
}

TableCache *
tablecache_create(const DecoderOptions *options)
{
	TableCache *cache = palloc0(sizeof(TableCache));

	cache->options = options;
	cache->context = AllocSetContextCreate(CurrentMemoryContext,
										   "walferry tables",
										   ALLOCSET_DEFAULT_SIZES);
	create_entries(cache);
	cache->forget.func = forget_cache;
	cache->forget.arg = cache;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, &cache->forget);
	cache->next = caches;
	caches = cache;

	if (!callbacks_registered)
	{
		CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(TYPEOID, type_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(ENUMOID, label_changed, (Datum) 0);
		CacheRegisterSyscacheCallback(NAMESPACEOID, namespace_changed,
									  (Datum) 0);
		callbacks_registered = true;
	}
	return cache;
}

void
tablecache_scratch(TableCache *cache, int natts, Datum **values,
				   bool **isnull)
{
	if (natts > cache->natts)
	{
		int			n = Max(natts, 64);

		if (cache->values)
		{
			pfree(cache->values);
			pfree(cache->isnull);
		}
		cache->values = MemoryContextAlloc(cache->context, n * sizeof(Datum));
		cache->isnull = MemoryContextAlloc(cache->context, n * sizeof(bool));
		cache->natts = n;
	}
	*values = cache->values;
	*isnull = cache->isnull;
}

/* ------------------------------------------------------------ filters */

static bool
selected(const PatternList *include, const PatternList *exclude,
		 const char *name)
{
	if (include)
		return patterns_match(include, name);
	return !exclude || !patterns_match(exclude, name);
}

static bool
is_published(const DecoderOptions *options, Relation relation,
			 const char *schema, const char *name)
{
	Form_pg_class rel = relation->rd_rel;
	char	   *qualified;

	if (rel->relkind != RELKIND_RELATION &&
		!(rel->relkind == RELKIND_PARTITIONED_TABLE &&
		  options->partition_root))
		return false;
	if (rel->relpersistence != RELPERSISTENCE_PERMANENT ||
		RelationGetRelid(relation) < FirstNormalObjectId ||
		IsCatalogRelation(relation) || OidIsValid(rel->relrewrite))
		return false;
	if (!selected(options->include_schemas, options->exclude_schemas, schema))
		return false;
	if (!options->include_tables && !options->exclude_tables)
		return true;
	qualified = psprintf("%s.%s", schema, name);
	return selected(options->include_tables, options->exclude_tables,
					qualified);
}

/* ------------------------------------------------------------ catalogs */

/* What is at hand while an entry is built. */
typedef struct Build
{
	TableCache *cache;
	TableEntry *entry;
	const DecoderOptions *options;
	Relation	stored;			/* whose tuples come */
	Relation	shown;			/* as which they are sent: it or its root */
	const char *schema;
	const char *name;
	AttrMap    *map;			/* shown attnum -> stored attnum, or NULL */
	uint16	   *key;			/* by shown attnum - 1 */
	bool		chosen_key;		/* which is by key_columns */
	bool	   *identity;		/* by stored attnum - 1 */
	struct ColumnFate *fates;	/* by shown attnum - 1 */
	struct wire_writer w;
} Build;

static struct wire_str
str(const char *s)
{
	struct wire_str ws;

	ws.data = s;
	ws.len = strlen(s);
	return ws;
}

/* attnum -> position among the first 'ncolumns' of an index (1 ..), else 0 */
static void
index_positions(Form_pg_index index, int ncolumns, int natts, uint16 *position)
{
	int			i;

	for (i = 0; i < ncolumns; i++)
	{
		int			attnum = index->indkey.values[i];

		if (attnum > 0 && attnum <= natts)
			position[attnum - 1] = i + 1;
	}
}

static bool
has_expressions(Form_pg_index index)
{
	int			i;

	for (i = 0; i < index->indnatts; i++)
	{
		if (index->indkey.values[i] == 0)
			return true;
	}
	return false;
}

/*
 * The unique index that Debezium takes for a key: of those without
 * expressions one by which the table is clustered, or else the first by name.
 * Debezium takes no notice of indisvalid, of indpred or of columns that may be
 * NULL.  NULL if there is none; the tuple is to be released.
 *
 * From here on the changes of a unique index count: it is noted before it is
 * read.
 */
static HeapTuple
find_unique_index(Build *b, List *indexes)
{
	TableEntry *entry = b->entry;
	HeapTuple	best = NULL;
	bool		best_clustered = false;
	char	   *best_name = NULL;
	ListCell   *lc;

	entry->indexes = MemoryContextAlloc(entry->context,
										(list_length(indexes) + 1) *
										sizeof(Oid));
	b->cache->has_indexes = true;
	foreach(lc, indexes)
	{
		Oid			oid = lfirst_oid(lc);
		HeapTuple	tuple;
		Form_pg_index index;
		char	   *name;

		entry->indexes[entry->nindexes++] = oid;
		tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(oid));
		if (!HeapTupleIsValid(tuple))
			continue;
		index = (Form_pg_index) GETSTRUCT(tuple);
		if (!index->indisunique)
		{
			entry->nindexes--;	/* it never becomes one */
			ReleaseSysCache(tuple);
			continue;
		}
		name = get_rel_name(oid);
		if (name == NULL || has_expressions(index) ||
			(best != NULL && (best_clustered ||
							  (!index->indisclustered &&
							   strcmp(name, best_name) > 0))))
		{
			ReleaseSysCache(tuple);
			continue;
		}
		if (best != NULL)
			ReleaseSysCache(best);
		best = tuple;
		best_clustered = index->indisclustered;
		best_name = name;
	}
	return best;
}

/*
 * Positions of the columns in the primary key (deferrable or not: Debezium
 * takes it either way) and membership in the replica identity.
 */
static void
read_keys(Build *b, Relation relation, uint16 *key, bool *identity)
{
	int			natts = RelationGetNumberOfAttributes(relation);
	Oid			identity_index = InvalidOid;
	List	   *indexes = RelationGetIndexList(relation);
	ListCell   *lc;
	bool		has_primary = false;
	int			i;

	if (relation->rd_rel->relreplident == REPLICA_IDENTITY_FULL)
		memset(identity, true, natts);
	else
		identity_index = RelationGetReplicaIndex(relation);

	foreach(lc, indexes)
	{
		Oid			oid = lfirst_oid(lc);
		HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(oid));
		Form_pg_index index;

		if (!HeapTupleIsValid(tuple))
			continue;
		index = (Form_pg_index) GETSTRUCT(tuple);
		if (index->indisprimary)
		{
			index_positions(index, index->indnkeyatts, natts, key);
			has_primary = true;
		}
		if (oid == identity_index)
		{
			uint16	   *position = palloc0(natts * sizeof(uint16));

			index_positions(index, index->indnkeyatts, natts, position);
			for (i = 0; i < natts; i++)
				identity[i] = position[i] != 0;
		}
		ReleaseSysCache(tuple);
	}
	if (b->options->unique_keys && !has_primary && relation == b->shown)
	{
		HeapTuple	tuple = find_unique_index(b, indexes);

		/* Debezium does not tell apart what is only included. */
		if (tuple != NULL)
		{
			Form_pg_index index = (Form_pg_index) GETSTRUCT(tuple);

			index_positions(index, index->indnatts, natts, key);
			ReleaseSysCache(tuple);
		}
	}
	list_free(indexes);
}

/*
 * From here on the type's changes count; so it is called before the type is
 * read.  Types of PostgreSQL itself do not change.
 */
static void
note_type(Build *b, Oid oid)
{
	if (oid >= FirstNormalObjectId)
	{
		b->cache->has_types = true;
		b->entry->types[b->entry->ntypes++] =
			GetSysCacheHashValue1(TYPEOID, ObjectIdGetDatum(oid));
	}
}

static bool
read_type(Build *b, Oid oid, int32 typmod, struct wire_type *type, char *kind)
{
	HeapTuple	tuple;
	Form_pg_type form;
	char	   *schema;

	note_type(b, oid);
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(oid));
	memset(type, 0, sizeof(*type));
	type->oid = oid;
	type->typmod = typmod;
	if (!HeapTupleIsValid(tuple))
	{
		type->schema = str("");
		type->name = str("???");
		*kind = '?';
		return false;
	}
	form = (Form_pg_type) GETSTRUCT(tuple);
	schema = get_namespace_name(form->typnamespace);
	type->schema = str(schema ? schema : "");
	type->name = str(pstrdup(NameStr(form->typname)));
	*kind = form->typtype;
	ReleaseSysCache(tuple);
	return true;
}

/* The labels of an enum in sort order, as a list of C strings. */
static List *
read_labels(Oid enum_type)
{
	Relation	pg_enum = table_open(EnumRelationId, AccessShareLock);
	Relation	index = index_open(EnumTypIdSortOrderIndexId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *labels = NIL;

	ScanKeyInit(&key, Anum_pg_enum_enumtypid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(enum_type));
	scan = systable_beginscan_ordered(pg_enum, index, NULL, 1, &key);
	while ((tuple = systable_getnext_ordered(scan,
											 ForwardScanDirection)) != NULL)
		labels = lappend(labels,
						 pstrdup(NameStr(((Form_pg_enum)
										  GETSTRUCT(tuple))->enumlabel)));
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(pg_enum, AccessShareLock);
	return labels;
}

/*
 * A default's text.  Without a deparse context no relation is opened; only
 * generation expressions refer to columns, and those are not asked for.
 */
static void
deparse_default(void *arg)
{
	char	  **text = arg;

	*text = deparse_expression(stringToNode(*text), NIL, false, false);
}

static char *
read_default(TupleDesc desc, int attnum)
{
	TupleConstr *constr = desc->constr;
	int			i;

	for (i = 0; constr && i < constr->num_defval; i++)
	{
		if (constr->defval[i].adnum == attnum)
		{
			char	   *text = constr->defval[i].adbin;

			if (!guard_call(deparse_default, &text, NULL))
				return NULL;
			return text;
		}
	}
	return NULL;
}

/* ------------------------------------------------------------- building */

/* What becomes of a column. */
typedef struct ColumnFate
{
	bool		selected;		/* rows show it */
	bool		in_key;
	const ColumnRule *mask;		/* of what rows show, or NULL */
	const ColumnRule *hash;		/* likewise */
	const ColumnRule *truncate; /* likewise */
	bool		not_masked;		/* a mask names it, for nothing */
} ColumnFate;

/*
 * The key that key_columns chooses in place of the primary key, if it names
 * any column of the table: in the order of the expressions, and where one
 * matches several in that of the table.  A column counts once.
 */
static void
choose_key(Build *b)
{
	TupleDesc	desc = RelationGetDescr(b->shown);
	uint16	   *key = palloc0((desc->natts + 1) * sizeof(uint16));
	uint16		n = 0;
	ListCell   *lc;
	int			i;

	foreach(lc, b->options->key_columns)
	{
		for (i = 0; i < desc->natts; i++)
		{
			Form_pg_attribute att = TupleDescAttr(desc, i);
			int			stored = b->map ? b->map->attnums[i] - 1 : i;

			if (att->attisdropped || stored < 0 || compat_is_virtual(att) ||
				key[i] != 0)
				continue;
			if (patterns_match(lfirst(lc),
							   psprintf("%s.%s.%s", b->schema, b->name,
										NameStr(att->attname))))
				key[i] = ++n;
		}
	}
	b->chosen_key = n > 0;
	if (b->chosen_key)
		b->key = key;
}

/*
 * Columns of the key are sent in any case, and so are those of the replica
 * identity: without them a row cannot be told from another, unless by a key
 * that was chosen.  A whole row as identity is no reason to send what was
 * excluded.
 */
static bool
is_in_key(const Build *b, int shown, int stored)
{
	return b->key[shown] != 0 ||
		(b->identity[stored] && !b->chosen_key &&
		 b->stored->rd_rel->relreplident != REPLICA_IDENTITY_FULL);
}

/* The first rule that names the column. */
static const ColumnRule *
find_rule(List *rules, const char *qualified)
{
	ListCell   *lc;

	foreach(lc, rules)
	{
		const ColumnRule *rule = lfirst(lc);

		if (patterns_match(rule->columns, qualified))
			return rule;
	}
	return NULL;
}

typedef struct BaseLookup
{
	Oid			type;			/* in: perhaps a domain; out: what it is of */
	int32		typmod;
} BaseLookup;

static void
find_base(void *arg)
{
	BaseLookup *lookup = arg;

	lookup->type = getBaseTypeAndTypmod(lookup->type, &lookup->typmod);
}

/*
 * Is it of one of the types that Debezium masks, or a domain over one?  Where
 * nobody can say, it is.
 */
static bool
can_be_masked(Oid type)
{
	BaseLookup	lookup = {type, -1};

	if (!guard_call(find_base, &lookup, NULL))
		return true;
	switch (lookup.type)
	{
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case CHAROID:
		case NAMEOID:
			return true;
		default:
			return get_typtype(lookup.type) == TYPTYPE_ENUM;
	}
}

static void
choose_column(Build *b, Form_pg_attribute att, int shown, int stored,
			  ColumnFate *fate)
{
	const DecoderOptions *options = b->options;
	char	   *qualified;

	fate->selected = true;
	fate->in_key = is_in_key(b, shown, stored);
	if (!options->include_columns && !options->exclude_columns &&
		!options->mask_columns && !options->hash_columns &&
		!options->truncate_columns)
		return;
	qualified = psprintf("%s.%s.%s", b->schema, b->name, NameStr(att->attname));
	fate->selected = selected(options->include_columns,
							  options->exclude_columns, qualified);
	if (!fate->selected)
		return;

	/* What is to be hidden is not to be seen in part. */
	fate->mask = find_rule(options->mask_columns, qualified);
	if (fate->mask && !can_be_masked(att->atttypid))
	{
		fate->mask = NULL;
		fate->not_masked = true;
	}
	if (!fate->mask)
		fate->hash = find_rule(options->hash_columns, qualified);
	if (!fate->mask && (!fate->hash || !can_be_masked(att->atttypid)))
		fate->truncate = find_rule(options->truncate_columns, qualified);
}

/* How many columns of the message a column of the table makes. */
static int
fate_columns(const ColumnFate *fate)
{
	if (!fate->selected)
		return fate->in_key ? 1 : 0;
	return fate->mask && fate->in_key ? 2 : 1;
}

typedef struct OutputLookup
{
	Oid			type;
	FmgrInfo   *output;
	MemoryContext context;
} OutputLookup;

/* Fails, for example, where an extension's library is not installed. */
static void
find_output(void *arg)
{
	OutputLookup *lookup = arg;
	Oid			output;
	bool		is_varlena;

	getTypeOutputInfo(lookup->type, &output, &is_varlena);
	fmgr_info_cxt(output, lookup->output, lookup->context);
}

/* No value of it is ever sent, only this. */
static void
mask_column(Build *b, ColumnPlan *plan, int asterisks)
{
	/* It is there already on a second try. */
	if (plan->mask == NULL)
	{
		char	   *mask = MemoryContextAlloc(b->entry->context,
											  asterisks + 1);

		memset(mask, '*', asterisks);
		plan->mask = mask;
		plan->mask_len = asterisks;
	}
	plan->kind = RAW_NONE;
	plan->width = -1;
}

/*
 * Debezium does not cut what is declared to be no longer; of a numeric that is
 * its precision.
 */
static bool
can_be_longer(Oid type, int32 typmod, int chars)
{
	if (typmod < VARHDRSZ)
		return true;
	switch (type)
	{
		case VARCHAROID:
		case BPCHAROID:
			return typmod - VARHDRSZ > chars;
		case NUMERICOID:
			return ((typmod - VARHDRSZ) >> 16 & 0xffff) > chars;
		default:
			return true;
	}
}

/*
 * What is sent whole for the key is cut by the receiver.  So is what only
 * becomes text there, and text whose characters we do not know.
 */
static bool
can_be_cut(const ColumnPlan *plan, const ColumnFate *fate)
{
	return !fate->in_key && GetDatabaseEncoding() == PG_UTF8 &&
		(plan->type == TEXTOID || plan->type == VARCHAROID ||
		 plan->type == BPCHAROID);
}

/*
 * A column of the message: as rows show it, or else for the key alone.  One
 * whose value is masked and in the key is both, one after the other.
 */
static void
build_column(Build *b, int i, bool for_rows)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(b->shown), i);
	int			stored = b->map ? b->map->attnums[i] - 1 : i;
	const ColumnFate *fate = &b->fates[i];
	const ColumnRule *mask = for_rows ? fate->mask : NULL;
	TableEntry *entry = b->entry;
	ColumnPlan *plan = &entry->columns[entry->ncolumns];
	struct wire_column col;
	BaseLookup	lookup_base;
	int32		base_typmod = att->atttypmod;
	Oid			base;
	Oid			element;
	char		base_kind;
	char		element_kind = '\0';
	char	   *default_expr = NULL;
	List	   *labels = NIL;
	ListCell   *lc;

	memset(&col, 0, sizeof(col));
	col.name = str(NameStr(att->attname));
	col.attnum = att->attnum;
	col.key_position = mask ? 0 : b->key[i];
	col.key_only = !for_rows;
	read_type(b, att->atttypid, att->atttypmod, &col.type, &col.kind);
	base_kind = col.kind;

	/* A type that is gone has no base: its values become markers. */
	lookup_base.type = att->atttypid;
	lookup_base.typmod = att->atttypmod;
	if (col.kind == TYPTYPE_DOMAIN && guard_call(find_base, &lookup_base, NULL))
		base_typmod = lookup_base.typmod;
	else
		lookup_base.type = att->atttypid;
	base = lookup_base.type;
	if (base != att->atttypid)
	{
		col.flags |= WIRE_COLUMN_DOMAIN;
		read_type(b, base, base_typmod, &col.base, &base_kind);
	}
	element = get_element_type(base);
	if (OidIsValid(element))
	{
		col.flags |= WIRE_COLUMN_ARRAY;
		read_type(b, element, base_typmod, &col.element, &element_kind);
	}
	if (base_kind == TYPTYPE_ENUM || element_kind == TYPTYPE_ENUM)
	{
		col.flags |= WIRE_COLUMN_ENUM;
		entry->has_enums = true;
		labels = read_labels(OidIsValid(element) ? element : base);
		col.nlabels = list_length(labels);
	}

	plan->type = base;
	plan->att = stored;
	plan->is_virtual = compat_is_virtual(att);
	plan->kind = rawtypes_lookup(base, element, &plan->width);

	/* A key by an index that is the identity must not find it twice. */
	plan->identity = b->identity[stored] &&
		(!mask || b->stored->rd_rel->relreplident != REPLICA_IDENTITY_INDEX);
	col.not_masked = for_rows && fate->not_masked;
	if (for_rows && fate->hash)
	{
		col.hashed = true;
		col.hash = fate->hash->n;
	}
	if (mask)
		mask_column(b, plan, mask->n);
	else if (for_rows && fate->truncate &&
			 can_be_longer(base, base_typmod, fate->truncate->n))
	{
		col.truncated = true;
		col.chars = plan->chars = fate->truncate->n;
		plan->cut = can_be_cut(plan, fate);
	}
	if (plan->kind == RAW_NONE && !plan->is_virtual && !mask)
	{
		OutputLookup lookup = {base, &plan->output, entry->context};

		if (!guard_call(find_output, &lookup, plan->output_error))
			plan->output.fn_oid = InvalidOid;
		plan->is_varlena = att->attlen == -1;
		entry->has_text = true;
	}

	col.encoding = plan->kind == RAW_NONE ? WIRE_ENCODING_TEXT :
		WIRE_ENCODING_RAW;
	col.width = plan->width;
	if (compat_is_not_null(RelationGetDescr(b->shown), i))
		col.flags |= WIRE_COLUMN_NOT_NULL;
	if (plan->identity)
	{
		col.flags |= WIRE_COLUMN_IDENTITY;
		entry->nidentity++;
	}
	if (plan->is_virtual)
		col.flags |= WIRE_COLUMN_VIRTUAL;
	else if (att->attgenerated)
		col.flags |= WIRE_COLUMN_GENERATED;
	else if (att->atthasdef)
		default_expr = read_default(RelationGetDescr(b->shown), att->attnum);
	if (default_expr)
	{
		col.flags |= WIRE_COLUMN_DEFAULT;
		col.default_expr = str(default_expr);
	}

	wire_write_column(&b->w, &col);
	foreach(lc, labels)
		wire_write_label(&b->w, str(lfirst(lc)));
	entry->ncolumns++;
}

/*
 * Plans and the schema message in one pass over the columns.  Returns false
 * if the message did not fit into 'room' bytes.
 */
static bool
build_columns(Build *b, uint8 *message, size_t room)
{
	TupleDesc	desc = RelationGetDescr(b->shown);
	TableEntry *entry = b->entry;
	struct wire_relation rel;
	uint32		ncolumns = 0;
	int			i;

	/* Counted first: the count stands in front of the columns. */
	for (i = 0; i < desc->natts; i++)
		ncolumns += fate_columns(&b->fates[i]);
	if (ncolumns > WIRE_COLUMNS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("table \"%s.%s\" would be sent with %u columns, at most %d are possible",
						b->schema, b->name, ncolumns, WIRE_COLUMNS_MAX),
				 errdetail("A column counts twice if it is in the key and its values are masked."),
				 errhint("Name fewer columns in key_columns or mask_columns, or some in exclude_columns, and start the stream again.")));

	memset(&rel, 0, sizeof(rel));
	rel.schema_id = entry->schema_id;
	rel.oid = RelationGetRelid(b->shown);
	rel.kind = b->shown->rd_rel->relkind;
	rel.identity = b->stored->rd_rel->relreplident;
	rel.schema = str(b->schema);
	rel.name = str(b->name);
	if (OidIsValid(entry->root) && b->shown == b->stored)
	{
		char	   *root_name = get_rel_name(entry->root);
		char	   *root_schema =
			get_namespace_name(get_rel_namespace(entry->root));

		if (root_name && root_schema)
		{
			rel.flags |= WIRE_RELATION_PARTITION;
			rel.root_oid = entry->root;
			rel.root_schema = str(root_schema);
			rel.root_name = str(root_name);
		}
	}
	if (b->chosen_key)
		rel.flags |= WIRE_RELATION_CHOSEN_KEY;
	rel.ncolumns = ncolumns;

	entry->ncolumns = entry->nidentity = 0;
	entry->identity_full =
		b->stored->rd_rel->relreplident == REPLICA_IDENTITY_FULL;
	entry->has_enums = entry->has_text = false;
	entry->ntypes = 0;			/* again, in case of a second try */
	wire_writer_init(&b->w, message, room);
	wire_write_relation(&b->w, &rel);
	for (i = 0; i < desc->natts; i++)
	{
		const ColumnFate *fate = &b->fates[i];

		if (fate->in_key && (!fate->selected || fate->mask))
			build_column(b, i, false);
		if (fate->selected)
			build_column(b, i, true);
	}
	return !b->w.overflow;
}

/* Columns that are dropped, or not in the partition, make none. */
static void
choose_columns(Build *b)
{
	TupleDesc	desc = RelationGetDescr(b->shown);
	int			i;

	b->fates = palloc0((desc->natts + 1) * sizeof(ColumnFate));
	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		int			stored = b->map ? b->map->attnums[i] - 1 : i;

		if (!att->attisdropped && stored >= 0)
			choose_column(b, att, i, stored, &b->fates[i]);
	}
}

static void
build_schema(Build *b)
{
	TableEntry *entry = b->entry;
	int			natts = RelationGetNumberOfAttributes(b->shown);
	int			stored_natts = RelationGetNumberOfAttributes(b->stored);
	uint16	   *stored_key = palloc0((stored_natts + 1) * sizeof(uint16));
	bool	   *shown_identity = palloc0((natts + 1) * sizeof(bool));
	uint64		fingerprint;
	size_t		room = 8192;
	uint8	   *message;
	MemoryContext old;

	b->key = palloc0((natts + 1) * sizeof(uint16));
	b->identity = palloc0((stored_natts + 1) * sizeof(bool));
	if (b->shown == b->stored)
		read_keys(b, b->stored, b->key, b->identity);
	else
	{
		read_keys(b, b->stored, stored_key, b->identity);
		read_keys(b, b->shown, b->key, shown_identity);
	}
	choose_key(b);
	choose_columns(b);

	/* A column may come twice. */
	entry->columns = MemoryContextAllocZero(entry->context,
											(2 * natts + 1) * sizeof(ColumnPlan));
	entry->types = MemoryContextAlloc(entry->context, (2 * natts + 1) *
									  TYPES_PER_COLUMN * sizeof(uint32));
	for (;;)
	{
		message = palloc_extended(room, MCXT_ALLOC_HUGE);
		if (build_columns(b, message, room))
			break;
		pfree(message);
		room *= 2;
	}
	fingerprint = wire_write_relation_end(&b->w, 0);
	old = MemoryContextSwitchTo(entry->context);
	entry->direct = rowdirect_plan(entry->columns, entry->ncolumns,
								   RelationGetDescr(b->stored));
	MemoryContextSwitchTo(old);

	entry->schema_message_len = wire_writer_len(&b->w);
	entry->schema_message = MemoryContextAllocHuge(entry->context,
												   entry->schema_message_len);
	memcpy(entry->schema_message, message, entry->schema_message_len);
	if (fingerprint != entry->fingerprint)
		entry->sent = false;
	entry->fingerprint = fingerprint;
}

/* An error if a column of the root is not of the same type here. */
static void
find_map(void *arg)
{
	Build	   *b = arg;

	b->map = compat_build_attrmap_if_req(RelationGetDescr(b->stored),
										 RelationGetDescr(b->shown));
}

static void
build_entry(TableCache *cache, TableEntry *entry, Relation relation)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext,
											   "walferry table build",
											   ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(work);
	Build		b;
	char	   *schema;

	/* A callback must not look where they were. */
	entry->ntypes = entry->nindexes = 0;
	MemoryContextReset(entry->context);
	memset(&b, 0, sizeof(b));
	b.cache = cache;
	b.entry = entry;
	b.options = cache->options;
	b.stored = b.shown = relation;

	/*
	 * Valid only at the end: reading a catalog may raise an error that the
	 * reorder buffer survives (the transaction aborted while it was decoded),
	 * and then half an entry is left.  And whatever invalidation arrives
	 * until then means that what was read may be stale: what is built here
	 * serves this one change.
	 */
	entry->valid = entry->invalidated = false;
	entry->root = InvalidOid;
	entry->operations = 0;
	entry->published = false;

	if (relation->rd_rel->relispartition)
	{
		List	   *ancestors =
			get_partition_ancestors(RelationGetRelid(relation));

		if (ancestors != NIL)
		{
			/* In this order: from here on its root's changes count. */
			cache->has_roots = true;
			entry->root = llast_oid(ancestors);
		}
		if (OidIsValid(entry->root) && cache->options->partition_root)
		{
			b.shown = RelationIdGetRelation(entry->root);
			if (!RelationIsValid(b.shown))
				b.shown = relation;
			else if (!guard_call(find_map, &b, NULL))
			{
				RelationClose(b.shown);
				b.shown = relation;
			}
		}
	}

	schema = get_namespace_name(RelationGetNamespace(b.shown));
	b.schema = schema ? schema : "";
	b.name = pstrdup(RelationGetRelationName(b.shown));
	entry->published = schema != NULL &&
		is_published(cache->options, b.shown, b.schema, b.name);

	if (entry->published)
	{
		if (entry->schema_id == 0)
			entry->schema_id = cache->next_id++;
		entry->operations = cache->options->operations;

		/* TRUNCATE of a lone partition does not truncate its root. */
		if (b.shown != b.stored)
			entry->operations &= ~OPERATION_TRUNCATE;
		build_schema(&b);
	}

	if (b.shown != b.stored)
		RelationClose(b.shown);
	entry->valid = !entry->invalidated;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
}

void
tablecache_make_room(TableCache *cache)
{
	if (likely(hash_get_num_entries(cache->entries) < ENTRIES_MAX))
		return;
	hash_destroy(cache->entries);
	MemoryContextDeleteChildren(cache->context);
	create_entries(cache);
}

bool
tablecache_is_current(const TableCache *cache, Oid relid)
{
	return cache->last != NULL && cache->last->relid == relid &&
		cache->last->valid;
}

TableEntry *
tablecache_get(TableCache *cache, Relation relation)
{
	Oid			relid = RelationGetRelid(relation);
	TableEntry *entry = cache->last;
	bool		found;

	if (likely(entry != NULL && entry->relid == relid && entry->valid))
		return entry;

	entry = hash_search(cache->entries, &relid, HASH_ENTER, &found);
	if (!found)
	{
		memset((char *) entry + sizeof(Oid), 0,
			   sizeof(TableEntry) - sizeof(Oid));
		entry->context = AllocSetContextCreate(cache->context,
											   "walferry table",
											   ALLOCSET_SMALL_SIZES);
	}
	if (!entry->valid)
		build_entry(cache, entry, relation);
	cache->last = entry;
	return entry;
}
