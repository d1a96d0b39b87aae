/*
 * walk.h - reads a stream with wire/ alone, says what is in it, and writes it
 * again.
 *
 * For tests: what is written must be what was read, byte for byte, and the
 * text is compared with what a document or a file promises.  It knows the
 * format's grammar inside a message and nothing of the order of messages,
 * which forwarder/decode.c checks.
 */
#ifndef TEST_WIRE_WALK_H
#define TEST_WIRE_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct walk;

/* 'text': a line or several per message, or NULL. */
struct walk *walk_new(FILE *text);
void		 walk_free(struct walk *k);

/*
 * Take any fingerprint of a relation and any counts of a commit, and write
 * the right ones: so that a fuzzer gets beyond them.
 */
void walk_repair(struct walk *k);

/*
 * Read a frame.  False if that failed, and for good.  A message in fragments
 * is read with its last frame; up to 64 MB.
 */
bool walk_frame(struct walk *k, const uint8_t *frame, size_t len);

/* The frame that was read last, written again.  Valid until the next. */
const uint8_t *walk_written(const struct walk *k, size_t *len);

/* "field: error at byte n of m". */
const char *walk_error(const struct walk *k);

/*
 * The next frame of 'data', in which each stands behind its length in four
 * bytes, little-endian; a last one that is cut off is as long as what there
 * is.  False at the end.
 */
bool walk_next(const uint8_t **data, size_t *left, const uint8_t **frame,
			   size_t *len);

#endif /* TEST_WIRE_WALK_H */
