/*
 * rowenc.h
 *		Rows as wire bytes.
 */
#ifndef DECODER_ROWENC_H
#define DECODER_ROWENC_H

#include "postgres.h"

#include "access/htup.h"

#include "frame.h"
#include "tablecache.h"

typedef struct RowEncoder RowEncoder;

/* In the current memory context; 'max_row_bytes' as the option. */
extern RowEncoder *rowenc_create(TableCache *cache, int64 max_row_bytes);

/*
 * Write one row message to the frame, in pieces if it is too large for one.
 * 'row' carries everything but the OLD and WIDE flags, which follow from the
 * tuples; either tuple may be NULL.  'desc' describes them.  Allocates only
 * in the current memory context, which the caller resets.  Returns the bytes
 * of the message.
 */
extern uint64 rowenc_write(RowEncoder *encoder, Frame *frame,
						   const TableEntry *entry, struct wire_row *row,
						   TupleDesc desc, HeapTuple old_tuple,
						   HeapTuple new_tuple);

/*
 * Are all columns that are sent the same in both tuples, which must be whole
 * rows?  Values are first compared as they are stored, those that are sent as
 * text last.  Only where that differs is it made of both what would be sent:
 * output functions may run, and the beginning of a value that is cut may be
 * decompressed.  False where nobody can say, and for an equal value that is
 * compressed in another way.  Allocates only in the current memory context.
 */
extern bool rowenc_is_unchanged(RowEncoder *encoder, const TableEntry *entry,
								TupleDesc desc, HeapTuple old_tuple,
								HeapTuple new_tuple);

#endif							/* DECODER_ROWENC_H */
