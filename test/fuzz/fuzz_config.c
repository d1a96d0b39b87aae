/* links: config config_table config_kafka config_topic config_print */
/* links: config_properties config_json config_text config_hash config_salted mask_hash rename buf javaregex */
/* libs: jansson libpcre2-8 libcrypto */
/*
 * Any bytes as a configuration file: read, checked and printed.  Whatever
 * they are, nothing breaks, a refusal comes with a reason, and each line of
 * the printout is one line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(bool ok)
{
	if (!ok)
		abort();
}

/* References to files would make the result depend on the machine. */
static bool
reads_files(const uint8_t *data, size_t size)
{
	return memmem(data, size, "${", 2) != NULL ||
		   memmem(data, size, "\\u00", 4) != NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config	   *c;
	struct buf			out = {0};
	struct config_topic topic;
	char			   *text;
	bool				loaded;
	bool				good;
	size_t				n;

	if (size > 16384 || reads_files(data, size))
		return 0;
	/* exactly as long as it is, so that reading past its end is seen */
	text = malloc(size ? size : 1);
	if (text == NULL)
		return 0;
	memcpy(text, data, size);

	c = config_new();
	loaded = config_load_text(c, "f", text, size);
	free(text);
	good = config_check(c);
	check(loaded || !good);
	check(good == (config_error_count(c) == 0));
	for (size_t i = 0; i < config_error_count(c); i++)
		check(config_error(c, i)[0] != '\0');
	for (size_t i = 0; i < config_warning_count(c); i++)
		check(config_warning(c, i)[0] != '\0');
	config_print(c, &out);
	if (good)
	{
		check(config_str(c, "topic.prefix") != NULL);
		check(config_kafka_settings(c, &n) != NULL && n > 0);
		config_topic_creation(c, "p.public.t", &topic);
		check(topic.partitions == -1 || topic.partitions > 0);
		buf_reset(&out);
		config_position_topic(c, &out);
		check(!config_is(c, "walferry.position.store", "topic") ||
			  (out.len > 0 && out.len <= 249));
	}
	buf_free(&out);
	config_free(c);
	return 0;
}
