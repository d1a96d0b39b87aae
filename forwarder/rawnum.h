/*
 * rawnum.h - numbers out of raw values, whose bytes are little-endian.
 *
 * Read byte by byte, so that neither the alignment of 'p' nor the machine
 * matters.  The caller knows that as many bytes are there.
 */
#ifndef FORWARDER_RAWNUM_H
#define FORWARDER_RAWNUM_H

#include <stdint.h>
#include <string.h>

static inline uint16_t
rawnum_u16(const uint8_t *p)
{
	return (uint16_t) (p[0] | p[1] << 8);
}

static inline uint32_t
rawnum_u32(const uint8_t *p)
{
	return (uint32_t) p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 |
		   (uint32_t) p[3] << 24;
}

static inline uint64_t
rawnum_u64(const uint8_t *p)
{
	return (uint64_t) rawnum_u32(p) | (uint64_t) rawnum_u32(p + 4) << 32;
}

static inline int16_t
rawnum_i16(const uint8_t *p)
{
	return (int16_t) rawnum_u16(p);
}

static inline int32_t
rawnum_i32(const uint8_t *p)
{
	return (int32_t) rawnum_u32(p);
}

static inline int64_t
rawnum_i64(const uint8_t *p)
{
	return (int64_t) rawnum_u64(p);
}

static inline float
rawnum_f32(const uint8_t *p)
{
	uint32_t bits = rawnum_u32(p);
	float	 v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

static inline double
rawnum_f64(const uint8_t *p)
{
	uint64_t bits = rawnum_u64(p);
	double	 v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

#endif /* FORWARDER_RAWNUM_H */
