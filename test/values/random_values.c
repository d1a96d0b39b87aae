/*
 * random_values.c - a PostgreSQL extension for test/values only: random
 * values, made fast enough for a million of each type, and the text that a
 * type's output function gives.
 *
 * Nothing is uniform: what breaks formatting is at the edges, so that each
 * generator chooses among kinds of values first.
 */
#include "postgres.h"

#include <limits.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(out_text);
PG_FUNCTION_INFO_V1(seed);
PG_FUNCTION_INFO_V1(r);
PG_FUNCTION_INFO_V1(r64);
PG_FUNCTION_INFO_V1(r32);
PG_FUNCTION_INFO_V1(rmag);
PG_FUNCTION_INFO_V1(rfloat);
PG_FUNCTION_INFO_V1(rfloat4);
PG_FUNCTION_INFO_V1(rdecimal);
PG_FUNCTION_INFO_V1(rtext);
PG_FUNCTION_INFO_V1(rbytes);
PG_FUNCTION_INFO_V1(rjson);
PG_FUNCTION_INFO_V1(rbits);
PG_FUNCTION_INFO_V1(rhex);
PG_FUNCTION_INFO_V1(rv4);
PG_FUNCTION_INFO_V1(rv6);
PG_FUNCTION_INFO_V1(rdate);
PG_FUNCTION_INFO_V1(rtime);
PG_FUNCTION_INFO_V1(rtimetz);
PG_FUNCTION_INFO_V1(rtimestamp);
PG_FUNCTION_INFO_V1(rinterval);
PG_FUNCTION_INFO_V1(rtsquery);
PG_FUNCTION_INFO_V1(rtsvector);
PG_FUNCTION_INFO_V1(rpoints);
PG_FUNCTION_INFO_V1(rrange);
PG_FUNCTION_INFO_V1(rpick);
PG_FUNCTION_INFO_V1(rarray);

/* xorshift64*: the same on each machine, which random() is not. */
static uint64 state = 1;

static uint64
next(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * UINT64CONST(2685821657736338717);
}

/* 0 .. n - 1 */
static uint64
below(uint64 n)
{
	return n == 0 ? 0 : (next() >> 11) % n;
}

/* Integers of all magnitudes. */
static int64
magnitude(void)
{
	return (int64) next() >> below(64);
}

Datum
seed(PG_FUNCTION_ARGS)
{
	state = (uint64) PG_GETARG_INT64(0) * 2 + UINT64CONST(0x9e3779b97f4a7c15);
	for (int i = 0; i < 8; i++)
		(void) next();
	PG_RETURN_VOID();
}

Datum
r(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) below((uint64) PG_GETARG_FLOAT8(0)));
}

Datum
r64(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) next());
}

Datum
r32(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32((int32) (next() >> 32));
}

Datum
rmag(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(magnitude());
}

/* out_text(anyelement) returns bytea: what the output function says */
Datum
out_text(PG_FUNCTION_ARGS)
{
	FmgrInfo   *out = fcinfo->flinfo->fn_extra;
	char	   *text;

	if (out == NULL)
	{
		Oid			type = get_fn_expr_argtype(fcinfo->flinfo, 0);
		Oid			function;
		bool		varlena;

		getTypeOutputInfo(type, &function, &varlena);
		out = fcinfo->flinfo->fn_extra =
			MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(*out));
		fmgr_info_cxt(function, out, fcinfo->flinfo->fn_mcxt);
	}
	text = OutputFunctionCall(out, PG_GETARG_DATUM(0));
	PG_RETURN_BYTEA_P(cstring_to_text(text));
}

static double
of_bits(uint64 bits)
{
	double		v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

static double
random_double(void)
{
	switch (below(6))
	{
		case 0:
			return of_bits(next());
		case 1:
			return (double) magnitude();
		case 2:
			return (double) magnitude() / pow(10, (double) below(20));
		case 3:
			return strtod(psprintf("%.*f", (int) below(10),
								   (double) below(UINT64CONST(1) << 53) /
								   (double) (UINT64CONST(1) << 53) * 360 - 180),
						  NULL);
		case 4:
			return ((double) below(20) - 10) *
				pow(10, (double) below(60) - 30);
		default:
			/* next to powers of two, where the interval is lopsided */
			return of_bits((below(2047) << 52) + below(5) - 2);
	}
}

static float
random_single(void)
{
	uint32		bits;
	float		v;

	switch (below(5))
	{
		case 0:
			bits = (uint32) (next() >> 32);
			break;
		case 1:
			return (float) (int32) (next() >> 32);
		case 2:
			return (float) ((double) ((int32) (next() >> 32) >> below(32)) /
							pow(10, (double) below(10)));
		case 3:
			return (float) (((double) below(20) - 10) *
							pow(10, (double) below(60) - 30));
		default:
			bits = (uint32) ((below(255) << 23) + below(5) - 2);
			break;
	}
	memcpy(&v, &bits, sizeof(v));
	return v;
}

Datum
rfloat(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(random_double());
}

Datum
rfloat4(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT4(random_single());
}

static void
digits(StringInfo s, int n)
{
	int			end = s->len + n;

	while (s->len < end)
	{
		/* Runs of zeros and of nines are where carries and padding are. */
		switch (below(6))
		{
			case 0:
				appendStringInfoString(s, "0000");
				break;
			case 1:
				appendStringInfoString(s, "99999");
				break;
			default:
				appendStringInfo(s, "%u", (unsigned) below(1000000000));
		}
	}
	s->len = end;
	s->data[end] = '\0';
}

/* A number as numeric and JSON read it. */
static void
decimal(StringInfo s)
{
	int			most = below(50) == 0 ? 1000 : 24;
	int			start;

	if (below(2) == 0)
		appendStringInfoChar(s, '-');
	start = s->len;
	appendStringInfoChar(s, '1' + below(9));
	digits(s, below(most));
	if (below(4) == 0)
	{
		s->len = start;
		appendStringInfoChar(s, '0');
	}
	if (below(3) > 0)
	{
		appendStringInfoChar(s, '.');
		digits(s, 1 + below(most));
	}
	if (below(20) == 0)
		appendStringInfo(s, "e%d", (int) below(600) - 300);
}

static text *
to_text(StringInfo s)
{
	return cstring_to_text_with_len(s->data, s->len);
}

Datum
rdecimal(PG_FUNCTION_ARGS)
{
	StringInfoData s;

	initStringInfo(&s);
	decimal(&s);
	PG_RETURN_TEXT_P(to_text(&s));
}

static void
random_text(StringInfo s, int most)
{
	static const char *const alphabet[] = {
		"a", "Z", "0", "9", " ", ",", ";", "{", "}", "(", ")", "[", "]",
		"\"", "'", "\\", "\t", "\n", "\r", "\x01", "\x1f", "\x7f", ":", "<",
		">", "&", "|", "!", "/", "-", "_", "null", "NULL", "\xc3\xa4",
		"\xc3\x9f", "\xe2\x82\xac", "\xe2\x80\xa8", "\xf0\x9f\x98\x80"
	};
	int			start = s->len;
	int			times = 1;
	int			len;

	for (uint64 i = below(most + 1); i > 0; i--)
		appendStringInfoString(s, alphabet[below(lengthof(alphabet))]);
	if (most < 12)
		return;
	if (below(200) == 0)
		times = 100;
	else if (below(2000) == 0)
		times = 1 + below(1500);
	len = s->len - start;
	enlargeStringInfo(s, len * times);
	for (int i = 1; i < times; i++)
		appendBinaryStringInfo(s, s->data + start, len);
}

Datum
rtext(PG_FUNCTION_ARGS)
{
	StringInfoData s;

	initStringInfo(&s);
	random_text(&s, 12);
	PG_RETURN_TEXT_P(to_text(&s));
}

Datum
rbytes(PG_FUNCTION_ARGS)
{
	StringInfoData s;
	uint64		n = below(20);

	initStringInfo(&s);
	if (below(200) == 0)
		n = below(5000);
	while (n-- > 0)
		appendStringInfoChar(&s, (char) (next() >> 32));
	PG_RETURN_BYTEA_P(to_text(&s));
}

static void
json_string(StringInfo s)
{
	StringInfoData plain;

	initStringInfo(&plain);
	random_text(&plain, 12);
	appendStringInfoChar(s, '"');
	for (int i = 0; i < plain.len; i++)
	{
		unsigned char c = plain.data[i];

		if (c == '"' || c == '\\')
			appendStringInfo(s, "\\%c", c);
		else if (c < ' ')
			appendStringInfo(s, "\\u%04x", c);
		else
			appendStringInfoChar(s, c);
	}
	appendStringInfoChar(s, '"');
	pfree(plain.data);
}

static void
json(StringInfo s, int depth)
{
	bool		object;
	int			n;

	switch (below(depth == 0 ? 5 : 9))
	{
		case 0:
			appendStringInfoString(s, "null");
			return;
		case 1:
			appendStringInfoString(s, below(2) == 0 ? "true" : "false");
			return;
		case 2:
			decimal(s);
			return;
		case 3:
		case 4:
			json_string(s);
			return;
		case 5:
		case 6:
			object = false;
			break;
		default:
			object = true;
	}
	appendStringInfoChar(s, object ? '{' : '[');
	n = below(40) == 0 ? 80 : below(6);
	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			appendStringInfoChar(s, ',');
		if (object)
		{
			json_string(s);
			appendStringInfoChar(s, ':');
		}
		json(s, i > 4 ? 0 : depth - 1);
	}
	appendStringInfoChar(s, object ? '}' : ']');
}

/* rjson(depth) */
Datum
rjson(PG_FUNCTION_ARGS)
{
	StringInfoData s;

	initStringInfo(&s);
	json(&s, PG_GETARG_INT32(0));
	PG_RETURN_TEXT_P(to_text(&s));
}

Datum
rbits(PG_FUNCTION_ARGS)
{
	StringInfoData s;
	uint64		n = below(60);

	initStringInfo(&s);
	while (n > 0)
	{
		uint64		run = 1 + below(14);
		int			kind = below(4);

		run = Min(run, n);
		n -= run;
		while (run-- > 0)
			appendStringInfoChar(&s, kind == 0 ? '0' : kind == 1 ? '1' :
								 '0' + below(2));
	}
	PG_RETURN_TEXT_P(to_text(&s));
}

/* rhex(digits) */
Datum
rhex(PG_FUNCTION_ARGS)
{
	StringInfoData s;

	initStringInfo(&s);
	for (int i = PG_GETARG_INT32(0); i > 0; i--)
		appendStringInfoChar(&s, "0123456789abcdef"[below(16)]);
	PG_RETURN_TEXT_P(to_text(&s));
}

Datum
rv4(PG_FUNCTION_ARGS)
{
	uint32		a = next() >> 32;

	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%u.%u.%u.%u", a >> 24,
											  a >> 16 & 255, a >> 8 & 255,
											  a & 255)));
}

Datum
rv6(PG_FUNCTION_ARGS)
{
	StringInfoData s;

	initStringInfo(&s);
	for (int i = 0; i < 8; i++)
	{
		unsigned	group = 0;

		switch (below(9))
		{
			case 0:
			case 1:
			case 2:
				group = below(65536);
				break;
			case 3:
				group = 0xffff;
				break;
			case 4:
				group = 1;
				break;
		}
		appendStringInfo(&s, "%s%x", i > 0 ? ":" : "", group);
	}
	PG_RETURN_TEXT_P(to_text(&s));
}

/* Days since 2000-01-01, of the calendar's whole range or of ours. */
static int64
random_day(int64 last)
{
	const int64 first = DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE;

	switch (below(5))
	{
		case 0:
			return first + below(last - first);
		case 1:
			/* around the year 1 */
			return -730119 + (int64) below(8000) - 4000;
		case 2:
			return first + below(3652425);
		default:
			return (int64) below(60000) - 30000;
	}
}

static int64
random_usecs(void)
{
	switch (below(3))
	{
		case 0:
			return below(86401) * USECS_PER_SEC;
		case 1:
			return below(86400000) * 1000;
		default:
			return below(USECS_PER_DAY + 1);
	}
}

Datum
rdate(PG_FUNCTION_ARGS)
{
	switch (below(20))
	{
		case 0:
			PG_RETURN_DATEADT(DATEVAL_NOEND);
		case 1:
			PG_RETURN_DATEADT(DATEVAL_NOBEGIN);
		default:
			PG_RETURN_DATEADT((DateADT)
							  random_day(DATE_END_JULIAN - POSTGRES_EPOCH_JDATE));
	}
}

Datum
rtime(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMEADT(random_usecs());
}

Datum
rtimetz(PG_FUNCTION_ARGS)
{
	TimeTzADT  *t = palloc(sizeof(*t));

	t->time = random_usecs();
	switch (below(3))
	{
		case 0:
			t->zone = ((int) below(31) - 15) * SECS_PER_HOUR;
			break;
		case 1:
			t->zone = ((int) below(1919) - 959) * SECS_PER_MINUTE;
			break;
		default:
			t->zone = (int) below(115199) - 57599;
	}
	PG_RETURN_TIMETZADT_P(t);
}

Datum
rtimestamp(PG_FUNCTION_ARGS)
{
	int64		days;

	switch (below(20))
	{
		case 0:
			PG_RETURN_TIMESTAMP(DT_NOEND);
		case 1:
			PG_RETURN_TIMESTAMP(DT_NOBEGIN);
	}
	days = random_day(TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE);
	PG_RETURN_TIMESTAMP(days * USECS_PER_DAY + random_usecs() %
						USECS_PER_DAY);
}

Datum
rinterval(PG_FUNCTION_ARGS)
{
	Interval   *i = palloc(sizeof(*i));

	i->month = below(3) == 0 ? 0 : (int32) (next() >> 32) >> below(32);
	i->day = below(3) == 0 ? 0 : (int32) (next() >> 32) >> below(32);
	i->time = below(3) == 0 ? 0 : magnitude();
	PG_RETURN_INTERVAL_P(i);
}

static void
lexeme(StringInfo s)
{
	StringInfoData plain;

	initStringInfo(&plain);
	appendStringInfoChar(&plain, 'w');
	random_text(&plain, 11);
	appendStringInfoChar(s, '\'');
	for (int i = 0; i < plain.len; i++)
	{
		if (plain.data[i] == '\'' || plain.data[i] == '\\')
			appendStringInfoChar(s, plain.data[i]);
		appendStringInfoChar(s, plain.data[i]);
	}
	appendStringInfoChar(s, '\'');
	pfree(plain.data);
}

static void
tsquery(StringInfo s, int depth)
{
	static const char *const weights[] = {"", ":*", ":A", ":AB", ":*CD",
	":ABCD", ""};
	static const char *const operators[] = {"&", "|", "<->", "<2>", "<0>",
	"<16384>"};

	if (depth == 0 || below(4) == 0)
	{
		lexeme(s);
		appendStringInfoString(s, weights[below(lengthof(weights))]);
		return;
	}
	if (below(5) == 0)
		appendStringInfoString(s, "!(");
	else
	{
		appendStringInfoChar(s, '(');
		tsquery(s, depth - 1);
		appendStringInfo(s, " %s ", operators[below(lengthof(operators))]);
	}
	tsquery(s, depth - 1);
	appendStringInfoChar(s, ')');
}

/* rtsquery(depth) */
Datum
rtsquery(PG_FUNCTION_ARGS)
{
	StringInfoData s;

	initStringInfo(&s);
	tsquery(&s, PG_GETARG_INT32(0));
	PG_RETURN_TEXT_P(to_text(&s));
}

Datum
rtsvector(PG_FUNCTION_ARGS)
{
	StringInfoData s;

	initStringInfo(&s);
	for (uint64 n = below(8); n > 0; n--)
	{
		lexeme(&s);
		for (uint64 i = 0, k = below(2) * below(5); i < k; i++)
			appendStringInfo(&s, "%c%d%.*s", i == 0 ? ':' : ',',
							 (int) (1 + below(16383)), (int) below(2),
							 &"ABCD"[below(4)]);
		appendStringInfoChar(&s, ' ');
	}
	PG_RETURN_TEXT_P(to_text(&s));
}

/* rpoints(most) */
Datum
rpoints(PG_FUNCTION_ARGS)
{
	StringInfoData s;

	initStringInfo(&s);
	for (int i = 0, n = 1 + below(PG_GETARG_INT32(0)); i < n; i++)
		appendStringInfo(&s, "%s(%.17g,%.17g)", i > 0 ? "," : "",
						 random_double(), random_double());
	PG_RETURN_TEXT_P(to_text(&s));
}

/*
 * rrange(anyelement, anyelement) returns text: bounds in order, each kind of
 * bracket and of infinity.
 */
Datum
rrange(PG_FUNCTION_ARGS)
{
	TypeCacheEntry *type = lookup_type_cache(get_fn_expr_argtype(fcinfo->flinfo, 0),
											 TYPECACHE_CMP_PROC_FINFO);
	Datum		bounds[2] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)};
	StringInfoData s;
	Oid			out;
	bool		varlena;

	if (below(20) == 0)
		PG_RETURN_TEXT_P(cstring_to_text("empty"));
	if (DatumGetInt32(FunctionCall2Coll(&type->cmp_proc_finfo, InvalidOid,
										bounds[0], bounds[1])) > 0)
	{
		bounds[0] = PG_GETARG_DATUM(1);
		bounds[1] = PG_GETARG_DATUM(0);
	}
	initStringInfo(&s);
	getTypeOutputInfo(type->type_id, &out, &varlena);
	appendStringInfoChar(&s, "[("[below(2)]);
	for (int i = 0; i < 2; i++)
	{
		if (i > 0)
			appendStringInfoChar(&s, ',');
		if (below(10) > 0)
			appendStringInfo(&s, "\"%s\"",
							 OidOutputFunctionCall(out, bounds[i]));
	}
	appendStringInfoChar(&s, "])"[below(2)]);
	PG_RETURN_TEXT_P(to_text(&s));
}

/* What a call site keeps of the pool that it draws from. */
typedef struct Pool
{
	Oid			type;
	int16		len;
	bool		byval;
	char		align;
	int			count;
	Datum	   *values;
	bool	   *nulls;
} Pool;

static Pool *
pool_of(FunctionCallInfo fcinfo)
{
	Pool	   *pool = fcinfo->flinfo->fn_extra;

	if (pool == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		ArrayType  *array = PG_GETARG_ARRAYTYPE_P_COPY(0);

		pool = palloc(sizeof(Pool));
		pool->type = ARR_ELEMTYPE(array);
		get_typlenbyvalalign(pool->type, &pool->len, &pool->byval,
							 &pool->align);
		deconstruct_array(array, pool->type, pool->len, pool->byval,
						  pool->align, &pool->values, &pool->nulls,
						  &pool->count);
		fcinfo->flinfo->fn_extra = pool;
		MemoryContextSwitchTo(old);
	}
	return pool;
}

/* rpick(anyarray) returns anyelement: one of them; always the same pool */
Datum
rpick(PG_FUNCTION_ARGS)
{
	Pool	   *pool = pool_of(fcinfo);
	uint64		i = below(pool->count);

	if (pool->nulls[i])
		PG_RETURN_NULL();
	PG_RETURN_DATUM(pool->values[i]);
}

/*
 * rarray(anyarray) returns anyarray: one made of elements of it, with NULLs,
 * dimensions and lower bounds.
 */
Datum
rarray(PG_FUNCTION_ARGS)
{
	Pool	   *pool = pool_of(fcinfo);
	Datum		values[64];
	bool		nulls[64];
	int			dims[MAXDIM];
	int			lower[MAXDIM];
	int			ndim = 1;
	int			n = 1;
	bool		bare = below(2) == 0;

	if (below(16) == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(pool->type));
	if (below(3) == 0)
		ndim = 2 + below(MAXDIM - 1);
	for (int i = 0; i < ndim; i++)
	{
		dims[i] = 1 + below(ndim == 1 ? 10 : ndim < 4 ? 3 : 2);
		n *= dims[i];
		lower[i] = 1;
	}
	if (below(4) == 0)
	{
		for (int i = 0; i < ndim; i++)
			lower[i] = below(4) == 0 ? (int) (below(4000000000) - 2000000000) :
				(int) below(20) - 10;
	}
	for (int i = 0; i < n; i++)
	{
		uint64		from = below(pool->count);

		values[i] = pool->values[from];
		nulls[i] = pool->nulls[from] || (!bare && below(4) == 0);
	}
	PG_RETURN_ARRAYTYPE_P(construct_md_array(values, nulls, ndim, dims, lower,
											 pool->type, pool->len,
											 pool->byval, pool->align));
}
