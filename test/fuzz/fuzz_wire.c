/* links: test/wire/walk wire */

/*
 * fuzz_wire.c - any bytes as a stream: what is read is written again to the
 * same bytes.
 *
 * Input: frames, each behind its length in four bytes, little-endian, as in
 * test/golden/.  A second pass puts the fingerprints right, so that the bytes
 * of relations can be anything; what that pass writes must then be a stream
 * that is read without help.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool fact)
{
	if (!fact)
		abort();
}

/* As read, so written. */
static void
check_exact(const uint8_t *data, size_t left)
{
	struct walk	  *k = walk_new(NULL);
	const uint8_t *frame;
	size_t		   len;

	while (walk_next(&data, &left, &frame, &len))
	{
		/* Memory of exactly its size, so that ASan sees its end. */
		uint8_t		  *copy = malloc(len > 0 ? len : 1);
		const uint8_t *written;
		size_t		   written_len;
		bool		   ok;

		require(copy != NULL);
		memcpy(copy, frame, len);
		ok = walk_frame(k, copy, len);
		written = walk_written(k, &written_len);
		if (ok)
			require(written_len == len && memcmp(written, frame, len) == 0);
		else
			require(strlen(walk_error(k)) > 0);
		free(copy);
		if (!ok)
			break;
	}
	walk_free(k);
}

static void
check_repaired(const uint8_t *data, size_t left)
{
	struct walk	  *repairing = walk_new(NULL);
	struct walk	  *k = walk_new(NULL);
	const uint8_t *frame;
	size_t		   len;

	walk_repair(repairing);
	while (walk_next(&data, &left, &frame, &len) &&
		   walk_frame(repairing, frame, len))
	{
		const uint8_t *written = walk_written(repairing, &len);
		const uint8_t *again;
		size_t		   again_len;

		/* A fragment's message was put right, but not its pieces. */
		if (len > 0 && written[0] == 'F')
			break;
		require(walk_frame(k, written, len));
		again = walk_written(k, &again_len);
		require(again_len == len && memcmp(again, written, len) == 0);
	}
	walk_free(repairing);
	walk_free(k);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_exact(data, size);
	check_repaired(data, size);
	return 0;
}
