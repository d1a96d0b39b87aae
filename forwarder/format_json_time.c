/*
 * format_json_time.c - times as JSON; see format_json_time.h.
 *
 * PostgreSQL counts days and microseconds from 2000-01-01, in the proleptic
 * Gregorian calendar, and so does Java's time from 1970-01-01.
 */
#include "format_json_time.h"

#include "jsontext.h"
#include "pgtext.h"
#include "rawnum.h"

#define US_PER_DAY PGTEXT_DATETIME_USECS_PER_DAY
#define US_PER_HOUR INT64_C(3600000000)
#define US_PER_MINUTE INT64_C(60000000)
#define US_PER_SECOND PGTEXT_DATETIME_USECS_PER_SEC

/* From 1970-01-01 to 2000-01-01. */
#define EPOCH_DAYS PGTEXT_DATETIME_UNIX_DAYS
#define EPOCH_US (EPOCH_DAYS * US_PER_DAY)
#define EPOCH_MS (EPOCH_US / 1000)

/* A month of 365.25 / 12 days. */
#define US_PER_MONTH INT64_C(2629800000000)

/* What PostgreSQL's JDBC driver has for infinity, in microseconds. */
#define JDBC_INFINITY_US INT64_C(9223372036825200000)
#define JDBC_MINUS_INFINITY_US INT64_C(-9223372036832400000)

/* The same as a LocalDate's epoch day in 32 bits. */
#define JDBC_INFINITY_DAY INT64_C(-2147472692)
#define JDBC_MINUS_INFINITY_DAY INT64_C(-2147472691)

/* ---------------------------------------------------------------- numbers */

bool
format_json_time_date_days(const uint8_t *data, size_t len, struct buf *out)
{
	int32_t days;

	if (len != 4)
		return false;
	days = rawnum_i32(data);
	if (days == PGTEXT_DATETIME_DATE_INFINITY)
		jsontext_i64(out, JDBC_INFINITY_DAY);
	else if (days == PGTEXT_DATETIME_DATE_MINUS_INFINITY)
		jsontext_i64(out, JDBC_MINUS_INFINITY_DAY);
	else
		jsontext_i64(out, (int64_t) days + EPOCH_DAYS);
	return true;
}

bool
format_json_time_time_ms(const uint8_t *data, size_t len, struct buf *out)
{
	if (len != 8)
		return false;
	jsontext_i64(out, rawnum_i64(data) / 1000);
	return true;
}

bool
format_json_time_time_us(const uint8_t *data, size_t len, struct buf *out)
{
	if (len != 8)
		return false;
	jsontext_i64(out, rawnum_i64(data));
	return true;
}

/* A time that is one: the end of a day is. */
static inline bool
read_time(const uint8_t *data, int64_t *us)
{
	*us = rawnum_i64(data);
	return *us >= 0 && *us <= US_PER_DAY;
}

bool
format_json_time_time_ns(const uint8_t *data, size_t len, struct buf *out)
{
	int64_t us;

	if (len != 8 || !read_time(data, &us))
		return false;
	jsontext_i64(out, us * 1000);
	return true;
}

bool
format_json_time_timestamp_us(const uint8_t *data, size_t len, struct buf *out)
{
	int64_t us;

	if (len != 8)
		return false;
	us = rawnum_i64(data);
	if (us == PGTEXT_DATETIME_INFINITY)
		us = JDBC_INFINITY_US;
	else if (us == PGTEXT_DATETIME_MINUS_INFINITY)
		us = JDBC_MINUS_INFINITY_US;

	/*
	 * 64 bits end in the year 294247, PostgreSQL's calendar thirty years
	 * later: the last instant that there is, not one long ago.
	 */
	else if (__builtin_add_overflow(us, EPOCH_US, &us))
		us = INT64_MAX;
	jsontext_i64(out, us);
	return true;
}

bool
format_json_time_timestamp_ms(const uint8_t *data, size_t len, struct buf *out)
{
	int64_t us;

	if (len != 8)
		return false;
	us = rawnum_i64(data);
	if (us == PGTEXT_DATETIME_INFINITY)
		jsontext_i64(out, JDBC_INFINITY_US / 1000);
	else if (us == PGTEXT_DATETIME_MINUS_INFINITY)
		jsontext_i64(out, JDBC_MINUS_INFINITY_US / 1000);
	else
		jsontext_i64(out, pgtext_datetime_floor_div(us, 1000) + EPOCH_MS);
	return true;
}

/*
 * 64 bits of nanoseconds end in 1677 and in 2262, and infinity is at their
 * ends: what is beyond has come as far as it can.
 */
bool
format_json_time_timestamp_ns(const uint8_t *data, size_t len, struct buf *out)
{
	int64_t us;
	int64_t ns;

	if (len != 8)
		return false;
	us = rawnum_i64(data);
	if (__builtin_add_overflow(us, EPOCH_US, &ns) ||
		__builtin_mul_overflow(ns, 1000, &ns))
		ns = us < 0 ? INT64_MIN : INT64_MAX;
	jsontext_i64(out, ns);
	return true;
}

/* ------------------------------------------------------------------ texts */

/* Of any of them, quotes included. */
#define TEXT_ROOM 64

enum zone
{
	NO_ZONE,
	UTC
};

static inline uint8_t *
two_digits(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t) ('0' + v / 10);
	p[1] = (uint8_t) ('0' + v % 10);
	return p + 2;
}

static inline uint8_t *
six_digits(uint8_t *p, unsigned v)
{
	p = two_digits(p, v / 10000);
	p = two_digits(p, v / 100 % 100);
	return two_digits(p, v % 100);
}

/* A second's fraction with as many digits as it needs. */
static inline uint8_t *
fraction_text(uint8_t *p, unsigned us)
{
	if (us == 0)
		return p;
	*p++ = '.';
	p = six_digits(p, us);
	while (p[-1] == '0')
		p--;
	return p;
}

/* HH:MM:SS of seconds in a day; 8 bytes. */
static inline uint8_t *
clock_text(uint8_t *p, unsigned seconds)
{
	p = two_digits(p, seconds / 3600);
	*p++ = ':';
	p = two_digits(p, seconds / 60 % 60);
	*p++ = ':';
	return two_digits(p, seconds % 60);
}

/* Java's ISO year: four digits, more with a plus, negative with a minus. */
static inline uint8_t *
year_text(uint8_t *p, int64_t year)
{
	unsigned magnitude = (unsigned) (year < 0 ? -year : year);

	if (year < 0)
		*p++ = '-';
	else if (year > 9999)
		*p++ = '+';
	if (magnitude > 9999)
		return jsontext_digits(p, magnitude);
	p = two_digits(p, magnitude / 100);
	return two_digits(p, magnitude % 100);
}

/* YYYY-MM-DD; 'days' since 2000-01-01. */
static inline uint8_t *
date_text(uint8_t *p, int64_t days)
{
	int64_t year;
	int		month;
	int		mday;

	pgtext_datetime_civil(days, &year, &month, &mday);
	p = year_text(p, year);
	*p++ = '-';
	p = two_digits(p, (unsigned) month);
	*p++ = '-';
	return two_digits(p, (unsigned) mday);
}

static inline void
end_text(uint8_t *start, uint8_t *p, enum zone zone, struct buf *out)
{
	if (zone == UTC)
		*p++ = 'Z';
	*p++ = '"';
	buf_commit(out, (size_t) (p - start));
}

static bool
put_date(const uint8_t *data, size_t len, enum zone zone, struct buf *out)
{
	int32_t	 days;
	uint8_t *start;
	uint8_t *p;

	if (len != 4)
		return false;
	days = rawnum_i32(data);
	if (days == PGTEXT_DATETIME_DATE_INFINITY)
		buf_lit(out, "\"infinity\"");
	else if (days == PGTEXT_DATETIME_DATE_MINUS_INFINITY)
		buf_lit(out, "\"-infinity\"");
	else
	{
		p = start = buf_reserve(out, TEXT_ROOM);
		*p++ = '"';
		end_text(start, date_text(p, days), zone, out);
	}
	return true;
}

bool
format_json_time_date_iso(const uint8_t *data, size_t len, struct buf *out)
{
	return put_date(data, len, UTC, out);
}

bool
format_json_time_date_local(const uint8_t *data, size_t len, struct buf *out)
{
	return put_date(data, len, NO_ZONE, out);
}

static void
put_clock(int64_t us, enum zone zone, struct buf *out)
{
	uint8_t *start = buf_reserve(out, TEXT_ROOM);
	uint8_t *p = start;

	*p++ = '"';
	p = clock_text(p, (unsigned) (us / US_PER_SECOND));
	p = fraction_text(p, (unsigned) (us % US_PER_SECOND));
	end_text(start, p, zone, out);
}

static bool
put_time(const uint8_t *data, size_t len, enum zone zone, struct buf *out)
{
	int64_t us;

	if (len != 8 || !read_time(data, &us))
		return false;
	put_clock(us, zone, out);
	return true;
}

bool
format_json_time_time_iso(const uint8_t *data, size_t len, struct buf *out)
{
	return put_time(data, len, UTC, out);
}

bool
format_json_time_time_local(const uint8_t *data, size_t len, struct buf *out)
{
	return put_time(data, len, NO_ZONE, out);
}

bool
format_json_time_timetz(const uint8_t *data, size_t len, struct buf *out)
{
	int64_t us;
	int64_t west;

	if (len != 12 || !read_time(data, &us))
		return false;
	west = rawnum_i32(data + 8);
	us = (us + west * US_PER_SECOND) % US_PER_DAY;
	if (us < 0)
		us += US_PER_DAY;
	put_clock(us, UTC, out);
	return true;
}

/* As many digits of a second as there are but for zeros at the end. */
#define ALL_DIGITS (-1)

static inline bool
put_timestamp(const uint8_t *data, size_t len, int digits, enum zone zone,
			  struct buf *out)
{
	int64_t	 us;
	int64_t	 in_day;
	unsigned fraction;
	uint8_t *p;
	uint8_t *start;

	if (len != 8)
		return false;
	us = rawnum_i64(data);
	if (us == PGTEXT_DATETIME_INFINITY)
	{
		buf_lit(out, "\"infinity\"");
		return true;
	}
	if (us == PGTEXT_DATETIME_MINUS_INFINITY)
	{
		buf_lit(out, "\"-infinity\"");
		return true;
	}
	in_day = us % US_PER_DAY;
	if (in_day < 0)
		in_day += US_PER_DAY;
	fraction = (unsigned) (in_day % US_PER_SECOND);
	p = start = buf_reserve(out, TEXT_ROOM);
	*p++ = '"';
	p = date_text(p, pgtext_datetime_floor_div(us, US_PER_DAY));
	*p++ = 'T';
	p = clock_text(p, (unsigned) (in_day / US_PER_SECOND));
	if (digits == ALL_DIGITS)
		p = fraction_text(p, fraction);
	else if (digits > 0)
	{
		*p++ = '.';
		p = six_digits(p, fraction);
		p -= 6 - digits;
	}
	end_text(start, p, zone, out);
	return true;
}

bool
format_json_time_timestamp_iso(const uint8_t *data, size_t len,
							   struct buf *out)
{
	return put_timestamp(data, len, ALL_DIGITS, UTC, out);
}

bool
format_json_time_timestamp_local(const uint8_t *data, size_t len,
								 struct buf *out)
{
	return put_timestamp(data, len, ALL_DIGITS, NO_ZONE, out);
}

bool
format_json_time_timestamptz(const uint8_t *data, size_t len, int digits,
							 struct buf *out)
{
	return put_timestamp(data, len, digits, UTC, out);
}

/* -------------------------------------------------------------- intervals */

/*
 * Exact where Debezium counts in doubles and cuts off: 1 day less 23:59:59.999
 * is 1000 microseconds, not 999.
 */
static void
put_interval_us(int64_t us, int32_t days, int32_t months, struct buf *out)
{
	__int128 sum = (__int128) months * US_PER_MONTH +
				   (__int128) days * US_PER_DAY + us;

	jsontext_i64(out, sum > INT64_MAX	? INT64_MAX
					  : sum < INT64_MIN ? INT64_MIN
										: (int64_t) sum);
}

static void
put_interval_iso(int64_t us, int32_t days, int32_t months, struct buf *out)
{
	int64_t fraction = us % US_PER_SECOND;

	buf_lit(out, "\"P");
	jsontext_i64(out, months / 12);
	buf_putc(out, 'Y');
	jsontext_i64(out, months % 12);
	buf_putc(out, 'M');
	jsontext_i64(out, days);
	buf_lit(out, "DT");
	jsontext_i64(out, us / US_PER_HOUR);
	buf_putc(out, 'H');
	jsontext_i64(out, us / US_PER_MINUTE % 60);
	buf_putc(out, 'M');
	if (fraction < 0 && us / US_PER_SECOND % 60 == 0)
		buf_putc(out, '-');
	jsontext_i64(out, us / US_PER_SECOND % 60);
	if (fraction != 0)
	{
		uint8_t *start = buf_reserve(out, 7);
		uint8_t *p = fraction_text(start,
								   (unsigned) (fraction < 0 ? -fraction
															: fraction));

		buf_commit(out, (size_t) (p - start));
	}
	buf_lit(out, "S\"");
}

bool
format_json_time_interval_us(const uint8_t *data, size_t len, struct buf *out)
{
	if (len != 16)
		return false;
	put_interval_us(rawnum_i64(data), rawnum_i32(data + 8),
					rawnum_i32(data + 12), out);
	return true;
}

bool
format_json_time_interval_iso(const uint8_t *data, size_t len, struct buf *out)
{
	int64_t us;
	int32_t days;
	int32_t months;

	if (len != 16)
		return false;
	us = rawnum_i64(data);
	days = rawnum_i32(data + 8);
	months = rawnum_i32(data + 12);
	/* infinity, from PostgreSQL 17 on */
	if (us == INT64_MAX && days == INT32_MAX && months == INT32_MAX)
		buf_lit(out, "\"infinity\"");
	else if (us == INT64_MIN && days == INT32_MIN && months == INT32_MIN)
		buf_lit(out, "\"-infinity\"");
	else
		put_interval_iso(us, days, months, out);
	return true;
}
