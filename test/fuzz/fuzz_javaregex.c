/* links: javaregex */
/* libs: libpcre2-8 */
/*
 * fuzz_javaregex.c - any bytes as a list of Java's regular expressions: what is
 * translated is ASCII and of the length that it says, whatever the room, and is
 * an expression to PCRE2; what is not has a reason.
 *
 * The first byte is flags, each other one a character.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "javaregex.h"

#define ROOM 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok)
{
	if (!ok)
		abort();
}

static void
compile(const char *text, size_t len)
{
	int			code;
	PCRE2_SIZE	at;
	pcre2_code *re = pcre2_compile((PCRE2_SPTR) text, len, PCRE2_UTF, &code,
								   &at, NULL);
	PCRE2_UCHAR reason[200];

	if (re == NULL)
	{
		/* What it lacks: look-behinds of any length; and what is too large. */
		pcre2_get_error_message(code, reason, sizeof(reason));
		check(strstr((char *) reason, "lookbehind") != NULL ||
			  strstr((char *) reason, "too big") != NULL ||
			  strstr((char *) reason, "too large") != NULL);
	}
	pcre2_code_free(re);
}

static void
translate(enum javaregex_engine engine, unsigned flags, const char *pattern)
{
	size_t					len = strlen(pattern);
	uint32_t			   *chars = malloc((len + 1) * sizeof(*chars));
	uint32_t			   *work = malloc(JAVAREGEX_WORK(len) * sizeof(*work));
	struct javaregex_result r;
	struct javaregex_result again;
	char					small[16];
	char				   *text;
	bool					ok;

	check(chars != NULL && work != NULL);
	for (size_t i = 0; i < len; i++)
		chars[i] = (unsigned char) pattern[i];
	ok = javaregex_translate(&r, engine, flags, chars, len, work, small,
							 sizeof(small));
	if (ok)
	{
		text = malloc(r.len + 1);
		check(text != NULL &&
			  javaregex_translate(&again, engine, flags, chars, len, work,
								  text, r.len + 1) &&
			  again.len == r.len && strlen(text) == r.len);
		for (size_t i = 0; i < r.len; i++)
			check(text[i] > ' ' && text[i] <= '~');
		if (engine == JAVAREGEX_PCRE2)
			compile(text, r.len);
		free(text);
	}
	else
		check(r.error[0] != '\0' && r.at <= JAVAREGEX_WORK(len));
	free(chars);
	free(work);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char		text[ROOM];
	char		one[ROOM];
	const char *list = text;
	unsigned	flags;

	if (size == 0 || size > ROOM)
		return 0;
	flags = data[0] & (JAVAREGEX_CASELESS | JAVAREGEX_OPAQUE);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	while (javaregex_list_next(&list, one))
	{
		translate(JAVAREGEX_POSTGRES, flags, one);
		translate(JAVAREGEX_PCRE2, flags, one);
	}
	return 0;
}
