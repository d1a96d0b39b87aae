/* links: mask_hash buf */
/* libs: libcrypto */
/*
 * Hashes that Debezium 3.6.1's own class for them made, in Java 17 with UTF-8
 * as its default, and where a string of Java's serialisation becomes a long
 * one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "mask_hash.h"

#define ALL SIZE_MAX

/* The first 'max' digits of a text's hash. */
static void
assert_hash(const char *algorithm, enum mask_hash_version version,
			const char *salt, const void *text, size_t len, size_t max,
			const char *expected)
{
	struct mask_hash_rule rule = {algorithm, version, salt};
	struct mask_hash	 *h = mask_hash_new(&rule);
	struct buf			  out = {0};

	/* One value leaves nothing behind for the next. */
	for (int i = 0; i < 3; i++)
	{
		buf_reset(&out);
		buf_putc(&out, '-');
		mask_hash_put(h, text, len, max, &out);
		assert_string_equal(buf_cstr(&out) + 1, expected);
		mask_hash_put(h, "another", 7, ALL, &out);
	}
	mask_hash_free(h);
	buf_free(&out);
}

/* As many copies of a piece, and 'tail' after them, as Debezium hashes it. */
static void
assert_long(enum mask_hash_version version, const char *piece, size_t n,
			const char *tail, const char *expected)
{
	size_t len = strlen(piece);
	char  *text = malloc(n * len + strlen(tail) + 1);

	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		memcpy(text + i * len, piece, len);
	strcpy(text + n * len, tail);
	assert_hash("SHA-256", version, "s\303\244lt.with.salt", text,
				strlen(text), ALL, expected);
	free(text);
}

#define SALT "CzQMA0cB5K"

static const char greeting[] = "Gr\303\274\303\237e, "
							   "\344\270\226\347\225\214 \360\237\230\200";

static void
mask_hash_is_debezium_s_with_every_algorithm(void **state)
{
	static const struct
	{
		const char *algorithm;
		const char *v1;
		const char *v2;
	} cases[] = {
		{"MD5", "2dadc6d7655968e19382145421d080f2",
		 "d8fa871f49ba3965ba51fd101b319e14"},
		{"SHA-1", "71f549201e78a651d194eb49c6be488cd049c6df",
		 "040d466941d29767b57ddcfa8b1b9469a79044b5"},
		{"SHA-224", "13e91ca0038b2c7ecfc003a7c110050cc23e0669dba085e02aaa361f",
		 "f1044e5779815a27eee97775ed02278cb7dde51f3a0510ec88690cfb"},
		{"SHA-256",
		 "14561824274a172f7dfa57df06f0133433de03fb210bc62ec3c21960"
		 "430aadf9",
		 "16b8fc6eeb496e4ae28bcc35232b2b013b095d81b9581803077395a6"
		 "1118e971"},
		{"SHA-384",
		 "f10015d25ffd37e1eff5360066fe5b8a86acf929b1ba02a3ddba92f4"
		 "2b777171f7056423ba1783778eab5252611b054d",
		 "22b92215a885d40e0ab8e692ef6b0565b0d8e50599f455bf0660b94b"
		 "9ca2c04a9072a0b1322e93a112bbba061cb37da6"},
		{"SHA-512",
		 "b70c2077c4cf17b1dbf224a712e389b656204a3ae62b0595223ec58f"
		 "21a9de633bcbf110f09b407bc2269357853663903c60a15327a57671"
		 "d7a68e1df5a58979",
		 "2578a7e9f4521bc6c3df9c3ea40013ee16e3d4a03409789da84499cb"
		 "0fc4b9c77d1acc655c7713f105572f2082fe62ff2853b3558bc1cdb2"
		 "0ac78e6614b1fa9b"},
		{"SHA-512/224",
		 "8667335ee10940bd6389e6425e845453305acc56104892092e64977c",
		 "a5c36ac51dcf230f03d56ec2d5effd321899585d0db9a3fc4d76c900"},
		{"SHA-512/256",
		 "95db48abe3d26a747a3d90599b6e037fe612f56a495132ea5814523b"
		 "44329a47",
		 "e258798cc8018856269132c32ef7d7ea5b062f647ca81a72433e850b"
		 "5c7d1e8c"},
		{"SHA3-224",
		 "7bfba237322cd4cebf863d345e40c62e797519b1f4d83bb5d14f6108",
		 "041197c00dbb4bce79c721d6e315e07e7d6714c274223aee3067085f"},
		{"SHA3-256",
		 "e099a8a4334be613ed95c343c93a746fe0ae6e70fc3ecdce92098066"
		 "5e566f05",
		 "805f5202a7c6f1c69717802b1cc737dc963d38dbf01ef62a1ee2cb35"
		 "4e9d4dae"},
		{"SHA3-384",
		 "6777a679875333c3c1d7e1ee43479cdf7de374da8a55a200ed5208db"
		 "0eb7e5c804a7a1418c716251e067538ea6041d3f",
		 "7f428d7a6e0433ade5386c0c024345767a6c741df81cdd69a756a5ee"
		 "e6d348892e6f5f237ef279017c6b52e89e858f34"},
		{"SHA3-512",
		 "fff4d9e2459830fd7034691d9e146ce4dee2d430be29034759e33be0"
		 "a4ec544f137ad4952ed89e08ad90a24c31aea2c6329f6729013d2a72"
		 "61682d6e3d1469de",
		 "9f708b6388a91159a8d58af87eb934cd3f7651dea4bc56b669a46055"
		 "7a155444b8a2cee6c07ebaabb9fba8f9e3caf65e5daa8a8c5f825557"
		 "c6b9adfd191f0b5c"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		assert_hash(cases[i].algorithm, MASK_HASH_V1, SALT, greeting,
					strlen(greeting), ALL, cases[i].v1);
		assert_hash(cases[i].algorithm, MASK_HASH_V2, SALT, greeting,
					strlen(greeting), ALL, cases[i].v2);
	}
}

static void
mask_hash_takes_texts_of_any_length(void **state)
{
	static const struct
	{
		const char *piece;
		size_t		n;
		const char *tail;
		const char *v1;
		const char *v2;
	} cases[] = {
		{"", 0, "",
		 "4c9ab365d20e4cb7befd0ea384d5b408733db2dba58e37f20f76bdd1"
		 "65461c21",
		 "8acdd84147d62ba964c9176537b4bf950c4c84cff461673a532046f2"
		 "1652ae20"},
		{"a", 1, "",
		 "36b04c0375f50dbd2deab930da0d089ce5a914251a937bad1f9fda0d"
		 "27dd8cf4",
		 "ce8719bd08585e5c8f444b450644c1ce475ec80946884c05c34e5947"
		 "a0aa2cb1"},
		{"a\nb\"c\\\1", 1, "",
		 "0b2077d427df4be4e9750e04dd74d187a65f77b873b7c65dcd1d7155"
		 "e1be174e",
		 "67af60f2eaf7128a1b19a62f40e64c3fc7f0c89f4feee2867378f351"
		 "dc648c3c"},
		{"x", 65535, "",
		 "d2701e62474b4fae1dc570d74c306a8b23dd37af05433cbc4bab6d77"
		 "537e109b",
		 "c2254f58ab98a6b2b9317195002b1aac78eb32c7b181ace723d71762"
		 "4398a769"},
		{"x", 65536, "",
		 "43833924652128cffe905a6553a49d2ad7f3d5e80af56661be650c92"
		 "bb552738",
		 "f4301617031813c4f443784e1ce175a22635ccb1b2575b70cd67aeab"
		 "da70d39a"},
		{"\303\274", 32767, "x",
		 "2bcaed808971b8a7e5a977c8ea598de4248316b416d6899c8e092d52"
		 "5301dcd7",
		 "394956c96e9ba452c514d643a3a7b07971fd5aaa22fbb9fd94637134"
		 "b7c5a469"},
		{"\303\274", 32768, "",
		 "4b04eb5e5fdc66cd7c1fb1610bc87a83c9c0c467264e957899fe55d9"
		 "6169a28c",
		 "22b18c7e17cbd4f6ce90bdc96ea0980c7d8f2e6e98805e5dfbbc1d2f"
		 "01c896a2"},
		{"\360\237\230\200", 10922, "abc",
		 "1509684c0f7b38816ed386eb4bfd85420651ccdb8a01b76dd8c0d262"
		 "8b49511b",
		 "f3a4833dccbd6c885cc9abd9d83c30b405328b179cdd93ba6c101233"
		 "c7d13d89"},
		{"\360\237\230\200", 10923, "",
		 "35e656d38f96a2492fdad83b9feb04d821ca7a117dd0dec563958c33"
		 "7aff1e82",
		 "ed1a53d4e7d0af6787bcca432bd6d8f25d39df635ec4e6cd702ed2d9"
		 "e5021566"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		assert_long(MASK_HASH_V1, cases[i].piece, cases[i].n, cases[i].tail,
					cases[i].v1);
		assert_long(MASK_HASH_V2, cases[i].piece, cases[i].n, cases[i].tail,
					cases[i].v2);
	}
	assert_hash("MD5", MASK_HASH_V2, "", NULL, 0, ALL,
				"d41d8cd98f00b204e9800998ecf8427e");
}

/* A byte that is no part of a character is hashed as it is shown: U+FFFD. */
static void
mask_hash_takes_broken_text_as_it_is_shown(void **state)
{
	static const char *const texts[] = {"a\377b", "a\300b", "a\357\277\275b"};

	(void) state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		assert_long(MASK_HASH_V1, texts[i], 1, "",
					"b070dac3259a8e6be58d0843474dbd43fab85e4c342995ef20c61e51"
					"b04ce6c8");
		assert_long(MASK_HASH_V2, texts[i], 1, "",
					"747c7ac4c30c91b9e7aea3fed0fe33c512635855b2df5d17b830a9d5"
					"4bac9cbe");
	}
	/* each of two bytes, and one that the text ends in */
	assert_long(MASK_HASH_V1, "\355\240\200\360\237\230", 1, "",
				"5d018728765add3a7edb6dac7ec87ee53b43e11b5e3ee2530b8530e9"
				"c5d6508c");
}

static void
mask_hash_shows_no_more_digits_than_asked_for(void **state)
{
	(void) state;
	assert_hash("MD5", MASK_HASH_V2, "", "", 0, 32,
				"d41d8cd98f00b204e9800998ecf8427e");
	assert_hash("MD5", MASK_HASH_V2, "", "", 0, 31,
				"d41d8cd98f00b204e9800998ecf8427");
	assert_hash("MD5", MASK_HASH_V2, "", "", 0, 1, "d");
	assert_hash("MD5", MASK_HASH_V2, "", "", 0, 0, "");
}

static void
mask_hash_knows_the_names_that_java_knows(void **state)
{
	static const char *const known[] = {"MD5",		  "md5",	 "SHA",
										"SHA1",		  "sha-1",	 "SHA224",
										"SHA256",	  "SHA384",	 "SHA512",
										"SHA512/224", "SHA-384", "sha-512/256",
										"sha3-256"};
	static const char *const unknown[] =
		{"",		  "MD2",  "MD4",	  "SHA3256",	  "SHA2-256",
		 "RIPEMD160", "NULL", "SHAKE128", "SHAKE256-512", "SHA-256 ",
		 "BLAKE2B512"};
	struct buf names = {0};

	(void) state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_true(mask_hash_works(known[i]));
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_false(mask_hash_works(unknown[i]));
	mask_hash_put_names(&names);
	assert_string_equal(buf_cstr(&names),
						"MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512, "
						"SHA-512/224, SHA-512/256, SHA3-224, SHA3-256, "
						"SHA3-384, SHA3-512");
	buf_free(&names);
	mask_hash_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mask_hash_is_debezium_s_with_every_algorithm),
		cmocka_unit_test(mask_hash_takes_texts_of_any_length),
		cmocka_unit_test(mask_hash_takes_broken_text_as_it_is_shown),
		cmocka_unit_test(mask_hash_shows_no_more_digits_than_asked_for),
		cmocka_unit_test(mask_hash_knows_the_names_that_java_knows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
