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
 */
bool
format_json_time_date_days(const uint8_t *data, size_t len, struct buf *out);
bool
format_json_time_time_ms(const uint8_t *data, size_t len, struct buf *out);
bool
format_json_time_time_us(const uint8_t *data, size_t len, struct buf *out);
bool format_json_time_timestamp_ms(const uint8_t *data, size_t len,
								   struct buf *out);
bool format_json_time_timestamp_us(const uint8_t *data, size_t len,
								   struct buf *out);
/* In UTC, with so many digits of a second's fraction. */
bool format_json_time_timestamptz(const uint8_t *data, size_t len, int digits,
								  struct buf *out);
/* In UTC, with as many digits as it needs. */
bool format_json_time_timetz(const uint8_t *data, size_t len, struct buf *out);
bool
format_json_time_interval_us(const uint8_t *data, size_t len, struct buf *out);
bool format_json_time_interval_iso(const uint8_t *data, size_t len,
								   struct buf *out);

#endif /* FORWARDER_FORMAT_JSON_TIME_H */
