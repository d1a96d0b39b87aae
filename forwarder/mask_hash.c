/*
 * mask_hash.c - text that is shown as its salted hash; see mask_hash.h.
 *
 * What Java's ObjectOutputStream writes of a string, which version 1 hashes:
 *
 *     AC ED 00 05                       a stream, version 5
 *     74, length in 2 bytes, text       up to 65535 bytes of it
 *     7C, length in 8 bytes, text       more
 *
 * of "modified UTF-8", in which a character beyond U+FFFF is its two UTF-16
 * surrogates, each in three bytes as if it were a character.
 */
#include "mask_hash.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "utf8.h"

struct mask_hash
{
	enum mask_hash_version version;
	size_t				   len;	   /* of a hash, in bytes */
	EVP_MD_CTX			  *salted; /* has taken what comes before any text */
	EVP_MD_CTX			  *work;
};

/*
 * The algorithms of Java's own MessageDigest, by all names that it takes, and
 * what libcrypto calls them.  MD2 is not among them: libcrypto has given it up.
 */
static const struct
{
	const char *names[3];
	const char *of_libcrypto;
} algorithms[] = {
	{{"MD5"}, "MD5"},
	{{"SHA-1", "SHA1", "SHA"}, "SHA1"},
	{{"SHA-224", "SHA224"}, "SHA2-224"},
	{{"SHA-256", "SHA256"}, "SHA2-256"},
	{{"SHA-384", "SHA384"}, "SHA2-384"},
	{{"SHA-512", "SHA512"}, "SHA2-512"},
	{{"SHA-512/224", "SHA512/224"}, "SHA2-512/224"},
	{{"SHA-512/256", "SHA512/256"}, "SHA2-512/256"},
	{{"SHA3-224"}, "SHA3-224"},
	{{"SHA3-256"}, "SHA3-256"},
	{{"SHA3-384"}, "SHA3-384"},
	{{"SHA3-512"}, "SHA3-512"},
};

#define NALGORITHMS (sizeof(algorithms) / sizeof(algorithms[0]))

/* NULL: there is no such thing, or this libcrypto (FIPS) does not do it. */
static EVP_MD *
fetch(const char *name)
{
	for (size_t i = 0; i < NALGORITHMS; i++)
	{
		for (size_t j = 0; j < 3 && algorithms[i].names[j] != NULL; j++)
		{
			if (strcasecmp(name, algorithms[i].names[j]) == 0)
				return EVP_MD_fetch(NULL, algorithms[i].of_libcrypto, NULL);
		}
	}
	return NULL;
}

bool
mask_hash_works(const char *algorithm)
{
	EVP_MD *md = fetch(algorithm);

	EVP_MD_free(md);
	return md != NULL;
}

void
mask_hash_put_names(struct buf *out)
{
	const char *separator = "";

	for (size_t i = 0; i < NALGORITHMS; i++)
	{
		if (!mask_hash_works(algorithms[i].names[0]))
			continue;
		buf_puts(out, separator);
		buf_puts(out, algorithms[i].names[0]);
		separator = ", ";
	}
}

/* libcrypto fails here for want of memory, and for nothing else. */
static void
check(int ok)
{
	if (ok == 1)
		return;
	fprintf(stderr, "error mask_hash: libcrypto could not compute a hash\n");
	abort();
}

struct mask_hash *
mask_hash_new(const struct mask_hash_rule *rule)
{
	static const uint8_t stream[] = {0xac, 0xed, 0x00, 0x05};
	struct mask_hash	*h = mem_zalloc(1, sizeof(*h));
	EVP_MD				*md = fetch(rule->algorithm);

	check(md != NULL);
	h->version = rule->version;
	h->len = (size_t) EVP_MD_get_size(md);
	h->salted = EVP_MD_CTX_new();
	h->work = EVP_MD_CTX_new();
	check(h->salted != NULL && h->work != NULL);
	check(EVP_DigestInit_ex2(h->salted, md, NULL));
	check(EVP_DigestUpdate(h->salted, rule->salt, strlen(rule->salt)));
	if (h->version == MASK_HASH_V1)
		check(EVP_DigestUpdate(h->salted, stream, sizeof(stream)));
	check(EVP_MD_CTX_copy_ex(h->work, h->salted));
	EVP_MD_free(md);
	return h;
}

void
mask_hash_free(struct mask_hash *h)
{
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->salted);
	EVP_MD_CTX_free(h->work);
	free(h);
}

/* ------------------------------------------------------------------- text */

/* A surrogate in three bytes. */
static void
set_unit(uint8_t *p, uint32_t unit)
{
	p[0] = (uint8_t) (0xe0 | unit >> 12);
	p[1] = (uint8_t) (0x80 | (unit >> 6 & 0x3f));
	p[2] = (uint8_t) (0x80 | (unit & 0x3f));
}

/* The length of a text in modified UTF-8. */
static uint64_t
modified_len(const uint8_t *p, size_t len)
{
	const uint8_t *end = len > 0 ? p + len : p;
	uint64_t	   longer = 0;

	while (p < end)
	{
		size_t n = *p < 0x80 ? 1 : utf8_len(p, end);

		/* a character of four bytes takes six, a byte that is none three */
		if (n == 4 || n == 0)
			longer += 2;
		p += n > 0 ? n : 1;
	}
	return len + longer;
}

static void
hash_head(struct mask_hash *h, uint64_t len)
{
	bool	is_long = len > 0xffff;
	int		width = is_long ? 8 : 2;
	uint8_t head[9];

	head[0] = is_long ? 0x7c : 0x74;
	for (int i = 0; i < width; i++)
		head[1 + i] = (uint8_t) (len >> 8 * (width - 1 - i));
	check(EVP_DigestUpdate(h->work, head, (size_t) width + 1));
}

static void
hash_text(struct mask_hash *h, const uint8_t *p, size_t len)
{
	const uint8_t *end = len > 0 ? p + len : p;
	const uint8_t *run = p; /* not yet hashed */

	while (p < end)
	{
		size_t	n = *p < 0x80 ? 1 : utf8_len(p, end);
		uint8_t units[6];

		if (n > 0 && (n < 4 || h->version == MASK_HASH_V2))
		{
			p += n;
			continue;
		}
		check(EVP_DigestUpdate(h->work, run, (size_t) (p - run)));
		if (n == 4)
		{
			uint32_t code = utf8_code_of_four(p) - 0x10000;

			set_unit(units, 0xd800 | code >> 10);
			set_unit(units + 3, 0xdc00 | (code & 0x3ff));
			check(EVP_DigestUpdate(h->work, units, sizeof(units)));
		}
		else
			check(EVP_DigestUpdate(h->work, UTF8_REPLACEMENT,
								   strlen(UTF8_REPLACEMENT)));
		p += n > 0 ? n : 1;
		run = p;
	}
	check(EVP_DigestUpdate(h->work, run, (size_t) (end - run)));
}

void
mask_hash_put(struct mask_hash *h, const void *text, size_t len, size_t max,
			  struct buf *out)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t			  hash[EVP_MAX_MD_SIZE];
	size_t			  n = 2 * h->len;
	uint8_t			 *p;

	if (n > max)
		n = max;

	check(EVP_MD_CTX_copy_ex(h->work, h->salted));
	if (h->version == MASK_HASH_V1)
		hash_head(h, modified_len(text, len));
	hash_text(h, text, len);
	check(EVP_DigestFinal_ex(h->work, hash, NULL));

	p = buf_reserve(out, n);
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t) digits[hash[i / 2] >> (i % 2 ? 0 : 4) & 15];
	buf_commit(out, n);
}
