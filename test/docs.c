/* links: config config_table config_kafka config_topic config_print */
/* links: config_properties config_json config_text config_hash config_salted mask_hash rename buf javaregex */
/* libs: jansson libpcre2-8 libcrypto */
/*
 * docs.c - prints docs/configuration.md; test/docs.sh calls it.
 *
 * Not a command of the forwarder: only this repository needs it, and it needs
 * neither Kafka nor PostgreSQL.
 */
#include <stdio.h>

#include "buf.h"
#include "config.h"

int
main(void)
{
	struct buf b = {0};

	config_docs(&b);
	if (fwrite(b.data, 1, b.len, stdout) != b.len || fflush(stdout) != 0)
	{
		perror("cannot write");
		return 1;
	}
	buf_free(&b);
	return 0;
}
