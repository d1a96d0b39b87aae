/*
 * format_json_time.h - dates, times, timestamps and intervals as JSON.
 *
 * Part of format_json_type, which knows the column and calls this per value.
 */
#ifndef FORWARDER_FORMAT_JSON_TIME_H
#define FORWARDER_FORMAT_JSON_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/*
 * Append a raw value.  False, with nothing appended, if the bytes are not a
 * value of the type.
 *
 * Numbers count from 1970-01-01, or from midnight; what is finer than their
 * unit is cut off.  Infinity is the number that Debezium has for it, and an
 * instant that the number cannot reach is the last that it can.
 *
 * Texts are ISO 8601, the year with a sign where it has not four digits, and
 * with a second's fraction as long as it needs to be; those named _iso end
 * with a Z, those named _local do not.  Infinity is "infinity" or "-infinity",
 * the end of a day 24:00:00.
 */
bool
format_json_time_date_days(const uint8_t *data, size_t len, struct buf *out);
bool
format_json_time_date_iso(const uint8_t *data, size_t len, struct buf *out);
bool
format_json_time_date_local(const uint8_t *data, size_t len, struct buf *out);

bool
format_json_time_time_ms(const uint8_t *data, size_t len, struct buf *out);
bool
format_json_time_time_us(const uint8_t *data, size_t len, struct buf *out);
bool
format_json_time_time_ns(const uint8_t *data, size_t len, struct buf *out);
bool
format_json_time_time_iso(const uint8_t *data, size_t len, struct buf *out);
bool
format_json_time_time_local(const uint8_t *data, size_t len, struct buf *out);

bool format_json_time_timestamp_ms(const uint8_t *data, size_t len,
								   struct buf *out);
bool format_json_time_timestamp_us(const uint8_t *data, size_t len,
								   struct buf *out);
bool format_json_time_timestamp_ns(const uint8_t *data, size_t len,
								   struct buf *out);
bool format_json_time_timestamp_iso(const uint8_t *data, size_t len,
									struct buf *out);
bool format_json_time_timestamp_local(const uint8_t *data, size_t len,
									  struct buf *out);

/* In UTC, with so many digits of a second's fraction. */
bool format_json_time_timestamptz(const uint8_t *data, size_t len, int digits,
								  struct buf *out);
/* In UTC, where 24:00 is 0:00. */
bool format_json_time_timetz(const uint8_t *data, size_t len, struct buf *out);

bool
format_json_time_interval_us(const uint8_t *data, size_t len, struct buf *out);
bool format_json_time_interval_iso(const uint8_t *data, size_t len,
								   struct buf *out);

#endif /* FORWARDER_FORMAT_JSON_TIME_H */
