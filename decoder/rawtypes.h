/*
 * rawtypes.h
 *		Which types travel in PostgreSQL's own on-disk form.
 */
#ifndef DECODER_RAWTYPES_H
#define DECODER_RAWTYPES_H

#include "postgres.h"

typedef enum RawKind
{
	RAW_NONE,					/* not known to receivers: send its text */
	RAW_BYVAL,					/* in the Datum: 'width' bytes */
	RAW_BYREF,					/* behind the Datum: 'width' bytes */
	RAW_NAME,					/* name: its bytes up to the first NUL */
	RAW_VARLENA					/* detoasted body */
} RawKind;

/*
 * How values of a built-in type (domains undone) are sent.  'element' is the
 * element type of a true array, else InvalidOid.  *width is -1 for what has
 * a length in front.
 */
extern RawKind rawtypes_lookup(Oid type, Oid element, int16 *width);

/* Put a RAW_BYREF value into the byte order of the wire. */
extern void rawtypes_byref_to_wire(Oid type, const char *from, char *to,
								   int16 width);

/* The opposite, for rendering. */
extern void rawtypes_wire_to_byref(Oid type, const char *from, char *to,
								   int16 width);

#endif							/* DECODER_RAWTYPES_H */
