/*
 * pgtext_datetime.c - date, time, timestamp, interval.
 *
 * All are integers: days or microseconds since 2000-01-01, proleptic
 * Gregorian.  The year before 1 AD is 1 BC, told by a " BC" at the end.
 */
#include "pgtext_impl.h"

#define USECS_PER_HOUR INT64_C(3600000000)
#define USECS_PER_MINUTE INT64_C(60000000)
#define USECS_PER_SEC PGTEXT_DATETIME_USECS_PER_SEC

/*
 * The server's own limits: day 0 of the Julian calendar, 4714-11-24 BC, to
 * the ends of the year 5874897 (date) and 294276 (timestamp).
 */
#define MIN_DAY INT64_C(-2451545)
#define END_DAY INT64_C(2145031949)
#define MIN_TIMESTAMP INT64_C(-211813488000000000)
#define END_TIMESTAMP INT64_C(9223371331200000000)

/* Longest: "294276-12-31 23:59:59.999999+00 BC" and then some. */
#define TIMESTAMP_ROOM 48

void
pgtext_datetime_civil(int64_t days, int64_t *year, int *month, int *day)
{
	/*
	 * Count from 0000-03-01, so that the leap day ends a year and a 400-year
	 * era begins a cycle: 146097 days in an era, 153 in five months from
	 * March on.
	 */
	int64_t	 z = days + 730425;
	int64_t	 era = (z >= 0 ? z : z - 146096) / 146097;
	uint32_t doe = (uint32_t) (z - era * 146097);
	uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	uint32_t mp = (5 * doy + 2) / 153;

	*day = (int) (doy - (153 * mp + 2) / 5) + 1;
	*month = mp < 10 ? (int) mp + 3 : (int) mp - 9;
	*year = (int64_t) yoe + era * 400 + (*month <= 2);
}

int64_t
pgtext_datetime_day(int64_t year, int month, int mday)
{
	/* Years begin in March here, so that the odd day is the last of one. */
	int64_t y = month > 2 ? year : year - 1;
	int		m = (month + 9) % 12;

	return 365 * y + pgtext_datetime_floor_div(y, 4) -
		   pgtext_datetime_floor_div(y, 100) +
		   pgtext_datetime_floor_div(y, 400) + (153 * m + 2) / 5 + mday - 1 -
		   730425;
}

/* An unsigned number of at least 'width' digits; returns its end. */
static uint8_t *
put_padded(uint8_t *p, uint64_t v, int width)
{
	uint8_t digits[20];
	int		n = 0;

	do
	{
		digits[n++] = (uint8_t) ('0' + v % 10);
		v /= 10;
	} while (v != 0);
	while (n < width)
		digits[n++] = '0';
	while (n > 0)
		*p++ = digits[--n];
	return p;
}

/* YYYY-MM-DD; *bc tells whether the year was before 1 AD. */
static uint8_t *
put_date(uint8_t *p, int64_t days, bool *bc)
{
	int64_t year;
	int		month, day;

	pgtext_datetime_civil(days, &year, &month, &day);
	*bc = year <= 0;
	if (*bc)
		year = 1 - year;
	if (year < 10000)
	{
		pgtext_put_4(p, (unsigned) year);
		p += 4;
	}
	else
		p = put_padded(p, (uint64_t) year, 4);
	*p++ = '-';
	pgtext_put_2(p, (unsigned) month);
	p += 2;
	*p++ = '-';
	pgtext_put_2(p, (unsigned) day);
	return p + 2;
}

/* .ffffff without trailing zeros; nothing for 0. */
static uint8_t *
put_fraction(uint8_t *p, unsigned usecs)
{
	if (usecs == 0)
		return p;
	*p++ = '.';
	pgtext_put_2(p, usecs / 10000);
	pgtext_put_4(p + 2, usecs % 10000);
	p += 6;
	while (p[-1] == '0')
		p--;
	return p;
}

/* HH:MM:SS[.ffffff]; 0 <= usecs <= 24 hours. */
static uint8_t *
put_time(uint8_t *p, int64_t usecs)
{
	unsigned secs = (unsigned) (usecs / USECS_PER_SEC);

	pgtext_put_2(p, secs / 3600);
	p[2] = ':';
	pgtext_put_2(p + 3, secs / 60 % 60);
	p[5] = ':';
	pgtext_put_2(p + 6, secs % 60);
	return put_fraction(p + 8, (unsigned) (usecs % USECS_PER_SEC));
}

PGTEXT_FN(pgtext_datetime_date)
{
	int32_t	 days;
	uint8_t *p;
	bool	 bc;

	(void) t;
	if (len != 4)
		return false;
	days = rawnum_i32(data);
	if (days == PGTEXT_DATETIME_DATE_INFINITY)
	{
		buf_lit(out, "infinity");
		return true;
	}
	if (days == PGTEXT_DATETIME_DATE_MINUS_INFINITY)
	{
		buf_lit(out, "-infinity");
		return true;
	}
	if (days < MIN_DAY || days >= END_DAY)
		return false;
	p = put_date(buf_reserve(out, TIMESTAMP_ROOM), days, &bc);
	out->len = (size_t) (p - out->data);
	if (bc)
		buf_lit(out, " BC");
	return true;
}

static bool
put_timestamp(struct buf *out, const uint8_t *data, size_t len, bool zone)
{
	int64_t	 v;
	int64_t	 days;
	int64_t	 usecs;
	uint8_t *p;
	bool	 bc;

	if (len != 8)
		return false;
	v = rawnum_i64(data);
	if (v == PGTEXT_DATETIME_INFINITY)
	{
		buf_lit(out, "infinity");
		return true;
	}
	if (v == PGTEXT_DATETIME_MINUS_INFINITY)
	{
		buf_lit(out, "-infinity");
		return true;
	}
	if (v < MIN_TIMESTAMP || v >= END_TIMESTAMP)
		return false;
	days = v / PGTEXT_DATETIME_USECS_PER_DAY;
	usecs = v % PGTEXT_DATETIME_USECS_PER_DAY;
	if (usecs < 0)
	{
		usecs += PGTEXT_DATETIME_USECS_PER_DAY;
		days--;
	}
	p = put_date(buf_reserve(out, TIMESTAMP_ROOM), days, &bc);
	*p++ = ' ';
	p = put_time(p, usecs);
	out->len = (size_t) (p - out->data);
	if (zone)
		buf_lit(out, "+00");
	if (bc)
		buf_lit(out, " BC");
	return true;
}

PGTEXT_FN(pgtext_datetime_timestamp)
{
	(void) t;
	return put_timestamp(out, data, len, false);
}

PGTEXT_FN(pgtext_datetime_timestamptz)
{
	(void) t;
	return put_timestamp(out, data, len, true);
}

PGTEXT_FN(pgtext_datetime_time)
{
	int64_t	 v;
	uint8_t *p;

	(void) t;
	if (len != 8)
		return false;
	v = rawnum_i64(data);
	if (v < 0 || v > PGTEXT_DATETIME_USECS_PER_DAY)
		return false;
	p = put_time(buf_reserve(out, TIMESTAMP_ROOM), v);
	out->len = (size_t) (p - out->data);
	return true;
}

PGTEXT_FN(pgtext_datetime_timetz)
{
	int64_t	 v;
	int32_t	 west;
	unsigned secs;
	uint8_t *p;

	(void) t;
	if (len != 12)
		return false;
	v = rawnum_i64(data);
	west = rawnum_i32(data + 8);
	if (v < 0 || v > PGTEXT_DATETIME_USECS_PER_DAY || west <= -16 * 3600 ||
		west >= 16 * 3600)
		return false;
	p = put_time(buf_reserve(out, TIMESTAMP_ROOM), v);
	*p++ = west <= 0 ? '+' : '-';
	secs = (unsigned) (west < 0 ? -west : west);
	pgtext_put_2(p, secs / 3600);
	p += 2;
	if (secs % 3600 != 0)
	{
		*p++ = ':';
		pgtext_put_2(p, secs / 60 % 60);
		p += 2;
	}
	if (secs % 60 != 0)
	{
		*p++ = ':';
		pgtext_put_2(p, secs % 60);
		p += 2;
	}
	out->len = (size_t) (p - out->data);
	return true;
}

/*
 * One field of an interval.  A positive field behind a negative one says so
 * with a plus sign.
 */
struct interval_text
{
	struct buf *out;
	bool		empty;
	bool		after_negative;
};

static void
put_interval_field(struct interval_text *it, int64_t v, const char *unit)
{
	if (v == 0)
		return;
	if (!it->empty)
		buf_putc(it->out, ' ');
	if (it->after_negative && v > 0)
		buf_putc(it->out, '+');
	buf_put_i64(it->out, v);
	buf_putc(it->out, ' ');
	buf_puts(it->out, unit);
	if (v != 1)
		buf_putc(it->out, 's');
	it->after_negative = v < 0;
	it->empty = false;
}

PGTEXT_FN(pgtext_datetime_interval)
{
	struct interval_text it = {.out = out, .empty = true};
	int64_t				 time;
	int32_t				 days, months;

	(void) t;
	if (len != 16)
		return false;
	time = rawnum_i64(data);
	days = rawnum_i32(data + 8);
	months = rawnum_i32(data + 12);
	if (time == INT64_MAX && days == INT32_MAX && months == INT32_MAX)
	{
		buf_lit(out, "infinity");
		return true;
	}
	if (time == INT64_MIN && days == INT32_MIN && months == INT32_MIN)
	{
		buf_lit(out, "-infinity");
		return true;
	}
	put_interval_field(&it, months / 12, "year");
	put_interval_field(&it, months % 12, "mon");
	put_interval_field(&it, days, "day");
	if (it.empty || time != 0)
	{
		uint64_t usecs = time < 0 ? 0 - (uint64_t) time : (uint64_t) time;
		uint8_t *p;

		if (!it.empty)
			buf_putc(out, ' ');
		if (time < 0)
			buf_putc(out, '-');
		else if (it.after_negative)
			buf_putc(out, '+');
		p = buf_reserve(out, TIMESTAMP_ROOM);
		p = put_padded(p, usecs / USECS_PER_HOUR, 2);
		*p++ = ':';
		pgtext_put_2(p, (unsigned) (usecs / USECS_PER_MINUTE % 60));
		p[2] = ':';
		pgtext_put_2(p + 3, (unsigned) (usecs / USECS_PER_SEC % 60));
		p = put_fraction(p + 5, (unsigned) (usecs % USECS_PER_SEC));
		out->len = (size_t) (p - out->data);
	}
	return true;
}
