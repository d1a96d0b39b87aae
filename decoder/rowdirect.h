/*
 * rowdirect.h
 *		Rows copied from tuple to frame in one pass, where that is possible.
 */
#ifndef DECODER_ROWDIRECT_H
#define DECODER_ROWDIRECT_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"

#include "tablecache.h"

/* Where a value of the old tuple is, for comparing. */
typedef struct DirectValue
{
	const uint8 *data;			/* NULL: it has none */
	size_t		len;
} DirectValue;

/*
 * How to walk the tuples of a table whose 'ncolumns' sent columns are in
 * 'columns', in the current memory context.  NULL if its rows always need more
 * than a copy.
 */
extern DirectPlan *rowdirect_plan(const ColumnPlan *columns, int ncolumns,
								  TupleDesc stored);

/* Bytes that a tuple may take at most, and the room that writing it needs. */
extern size_t rowdirect_room(const DirectPlan *plan, HeapTuple tuple);

/*
 * Write the tuples of a row to 'p', where rowdirect_room() of each is free;
 * either may be NULL.  'full': the old tuple is a whole row.  'values' has an
 * element for each column.  Returns the end of what was written, or NULL if a
 * value needs more than a copy; then what is behind 'p' makes no sense.
 */
extern uint8 *rowdirect_write(const DirectPlan *plan, uint8 *p,
							  HeapTuple old_tuple, HeapTuple new_tuple,
							  bool full, DirectValue *values);

#endif							/* DECODER_ROWDIRECT_H */
