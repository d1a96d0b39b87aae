/*
 * tablecache.h
 *		What the decoder knows of each table: is it sent, and how.
 */
#ifndef DECODER_TABLECACHE_H
#define DECODER_TABLECACHE_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/relcache.h"

#include "options.h"
#include "rawtypes.h"

/* How to encode one column that is sent. */
typedef struct ColumnPlan
{
	RawKind		kind;			/* RAW_NONE: text of 'output' */
	int16		width;
	int16		att;			/* index in the deformed tuple */
	bool		identity;		/* part of the replica identity */
	bool		is_virtual;		/* never has a value */
	Oid			type;			/* domains undone */
	bool		is_varlena;		/* of the type with RAW_NONE */
	bool		cut;			/* no more than 'chars' of it are sent */
	uint32		chars;			/* in UTF-16 units */
	const char *mask;			/* sent in place of any value; NULL: none */
	int			mask_len;
	FmgrInfo	output;			/* fn_oid InvalidOid: it could not be loaded */
	char		output_error[5];	/* the SQLSTATE then */
} ColumnPlan;

/* How to copy whole rows at once: rowdirect.c. */
typedef struct DirectPlan DirectPlan;

typedef struct TableEntry
{
	Oid			relid;			/* hash key */
	bool		valid;			/* false: build it again before use */
	bool		invalidated;	/* since its building began */
	bool		published;
	bool		has_enums;		/* their labels may change under it */
	bool		sent;			/* its schema, in this stream */
	int			operations;		/* OPERATION_* wanted and possible */
	Oid			root;			/* of a partition, else InvalidOid */
	uint32		schema_id;
	uint64		fingerprint;	/* of the schema that was sent */
	int			ncolumns;
	int			nidentity;
	bool		has_text;		/* a column is sent by its output function */
	bool		identity_full;	/* old tuples are whole rows */
	int			ntypes;			/* types that may change under it: ... */
	uint32	   *types;			/* ... their hash values in TYPEOID */
	int			nindexes;		/* unique indexes the key was chosen from */
	Oid		   *indexes;
	ColumnPlan *columns;
	DirectPlan *direct;			/* NULL: its rows need more than a copy */
	uint8	   *schema_message;
	size_t		schema_message_len;
	MemoryContext context;		/* holds what is pointed to */
} TableEntry;

typedef struct TableCache TableCache;

/*
 * A cache for one stream, in the current memory context; 'options' must
 * outlive it.
 */
extern TableCache *tablecache_create(const DecoderOptions *options);

/*
 * The entry of a relation, built or rebuilt as needed from the catalogs as
 * the current snapshot shows them.  Takes no lock on the relation.  Valid
 * until the next call.
 */
extern TableEntry *tablecache_get(TableCache *cache, Relation relation);

/*
 * Forget everything if there is too much of it.  Schema ids then start again,
 * so it must not happen between the schema and a message that refers to it:
 * call it where a transaction begins.
 */
extern void tablecache_make_room(TableCache *cache);

/* Would tablecache_get() find this relation's entry without building it? */
extern bool tablecache_is_current(const TableCache *cache, Oid relid);

/* Scratch space for deforming: at least as many as the relation has. */
extern void tablecache_scratch(TableCache *cache, int natts, Datum **values,
							   bool **isnull);

#endif							/* DECODER_TABLECACHE_H */
