/*
 * raw_datum.c - a PostgreSQL extension for test/values only: the bytes of a
 * value as walferry's decoder puts them on the wire, and its output
 * function's text, so that pgtext can be held against it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(raw_datum);
PG_FUNCTION_INFO_V1(out_text);
PG_FUNCTION_INFO_V1(float8_of_bits);
PG_FUNCTION_INFO_V1(float4_of_bits);

static Datum
make_bytea(const void *p, Size len)
{
	bytea	   *b = palloc(VARHDRSZ + len);

	SET_VARSIZE(b, VARHDRSZ + len);
	memcpy(VARDATA(b), p, len);
	return PointerGetDatum(b);
}

/* raw_datum(anyelement) returns bytea */
Datum
raw_datum(PG_FUNCTION_ARGS)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 0);
	Datum		d = PG_GETARG_DATUM(0);
	int16		typlen;
	bool		typbyval;

	get_typlenbyval(type, &typlen, &typbyval);
	if (typbyval)
	{
		uint64		v = (uint64) d;
		unsigned char bytes[8];

		for (int i = 0; i < 8; i++)
			bytes[i] = (unsigned char) (v >> (8 * i));
		return make_bytea(bytes, typlen);
	}
	if (type == NAMEOID)
		return make_bytea(NameStr(*DatumGetName(d)),
						  strlen(NameStr(*DatumGetName(d))));
	if (typlen > 0)
		return make_bytea(DatumGetPointer(d), typlen);
	if (typlen == -1)
	{
		struct varlena *v = PG_DETOAST_DATUM_PACKED(d);

		return make_bytea(VARDATA_ANY(v), VARSIZE_ANY_EXHDR(v));
	}
	elog(ERROR, "type %u has no wire form", type);
}

/* out_text(anyelement) returns bytea: what the output function says */
Datum
out_text(PG_FUNCTION_ARGS)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 0);
	Oid			out;
	bool		varlena;
	char	   *text;

	getTypeOutputInfo(type, &out, &varlena);
	text = OidOutputFunctionCall(out, PG_GETARG_DATUM(0));
	return make_bytea(text, strlen(text));
}

/* Any bit pattern as a float */
Datum
float8_of_bits(PG_FUNCTION_ARGS)
{
	int64		bits = PG_GETARG_INT64(0);
	float8		v;

	memcpy(&v, &bits, sizeof(v));
	PG_RETURN_FLOAT8(v);
}

Datum
float4_of_bits(PG_FUNCTION_ARGS)
{
	int32		bits = PG_GETARG_INT32(0);
	float4		v;

	memcpy(&v, &bits, sizeof(v));
	PG_RETURN_FLOAT4(v);
}
