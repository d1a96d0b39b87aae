/*
 * rawtypes.c
 *		Which types travel in PostgreSQL's own on-disk form.
 *
 * These are the built-in types whose datum alone holds the value and whose
 * form pg_upgrade keeps: the forwarder turns them into text or numbers
 * itself.  Left out on purpose: the reg* types, aclitem and enums, whose text
 * is in a catalog; jsonpath and the snapshot types, which nobody stores in
 * quantity.  They go as text, like everything that an extension brings.
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"

#include "rawtypes.h"

#ifndef USE_FLOAT8_BYVAL
#error "walferry needs a PostgreSQL that passes 8-byte types by value"
#endif

static RawKind
scalar(Oid type, int16 *width)
{
	*width = -1;
	switch (type)
	{
		case BOOLOID:
		case CHAROID:
			*width = 1;
			return RAW_BYVAL;
		case INT2OID:
			*width = 2;
			return RAW_BYVAL;
		case INT4OID:
		case OIDOID:
		case XIDOID:
		case CIDOID:
		case FLOAT4OID:
		case DATEOID:
			*width = 4;
			return RAW_BYVAL;
		case INT8OID:
		case XID8OID:
		case FLOAT8OID:
		case MONEYOID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case PG_LSNOID:
			*width = 8;
			return RAW_BYVAL;
		case TIDOID:
		case MACADDROID:
			*width = 6;
			return RAW_BYREF;
		case MACADDR8OID:
			*width = 8;
			return RAW_BYREF;
		case TIMETZOID:
			*width = 12;
			return RAW_BYREF;
		case INTERVALOID:
		case UUIDOID:
		case POINTOID:
			*width = 16;
			return RAW_BYREF;
		case LINEOID:
		case CIRCLEOID:
			*width = 24;
			return RAW_BYREF;
		case LSEGOID:
		case BOXOID:
			*width = 32;
			return RAW_BYREF;
		case NAMEOID:
			return RAW_NAME;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case BYTEAOID:
		case NUMERICOID:
		case JSONOID:
		case JSONBOID:
		case XMLOID:
		case BITOID:
		case VARBITOID:
		case INETOID:
		case CIDROID:
		case PATHOID:
		case POLYGONOID:
		case TSVECTOROID:
		case TSQUERYOID:
		case REFCURSOROID:
		case INT2VECTOROID:
		case OIDVECTOROID:
		case INT4RANGEOID:
		case INT8RANGEOID:
		case NUMRANGEOID:
		case TSRANGEOID:
		case TSTZRANGEOID:
		case DATERANGEOID:
		case INT4MULTIRANGEOID:
		case INT8MULTIRANGEOID:
		case NUMMULTIRANGEOID:
		case TSMULTIRANGEOID:
		case TSTZMULTIRANGEOID:
		case DATEMULTIRANGEOID:
			return RAW_VARLENA;
		default:
			return RAW_NONE;
	}
}

RawKind
rawtypes_lookup(Oid type, Oid element, int16 *width)
{
	RawKind		kind = scalar(type, width);

	if (kind != RAW_NONE || !OidIsValid(element))
		return kind;

	/* An array is raw if its elements are; it carries their type itself. */
	kind = scalar(element, width);
	*width = -1;
	return kind == RAW_NONE ? RAW_NONE : RAW_VARLENA;
}

#ifdef WORDS_BIGENDIAN

/* The fields of a type, each a number of so many bytes. */
static const char *
fields(Oid type)
{
	switch (type)
	{
		case TIDOID:
			return "222";
		case TIMETZOID:
			return "84";
		case INTERVALOID:
			return "844";
		case POINTOID:
			return "88";
		case LINEOID:
		case CIRCLEOID:
			return "888";
		case LSEGOID:
		case BOXOID:
			return "8888";
		default:
			return "";			/* bytes: uuid, macaddr */
	}
}

static void
swap_fields(Oid type, const char *from, char *to, int16 width)
{
	const char *f;
	int			at = 0;

	memcpy(to, from, width);
	for (f = fields(type); *f; f++)
	{
		int			n = *f - '0';
		int			i;

		for (i = 0; i < n; i++)
			to[at + i] = from[at + n - 1 - i];
		at += n;
	}
}
#else
#define swap_fields(type, from, to, width) memcpy(to, from, width)
#endif

void
rawtypes_byref_to_wire(Oid type, const char *from, char *to, int16 width)
{
	swap_fields(type, from, to, width);
}

void
rawtypes_wire_to_byref(Oid type, const char *from, char *to, int16 width)
{
	swap_fields(type, from, to, width);
}
