/*
 * crc32c.h - CRC-32C (Castagnoli), the checksum of iSCSI and of PostgreSQL's
 * own WAL.
 *
 *     uint32_t crc = crc32c_update(0, head, head_len);
 *     crc = crc32c_update(crc, tail, tail_len);
 *
 * is the checksum of both together.  It finds every change of one bit and
 * every burst of up to 32 bits; it is no defence against intent.  Pure.
 */
#ifndef FORWARDER_CRC32C_H
#define FORWARDER_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The checksum of what 'crc' is one of (0: nothing) and these bytes. */
uint32_t crc32c_update(uint32_t crc, const void *data, size_t len);

/*
 * The two ways to compute it, for their test.  The second may be called only
 * where crc32c_has_instruction().
 */
uint32_t crc32c_update_table(uint32_t crc, const void *data, size_t len);
uint32_t crc32c_update_instruction(uint32_t crc, const void *data, size_t len);
bool	 crc32c_has_instruction(void);

#endif /* FORWARDER_CRC32C_H */
