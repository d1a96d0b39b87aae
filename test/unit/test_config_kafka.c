/* links: config config_table config_kafka config_topic config_print */
/* links: config_properties config_json config_text config_hash config_salted mask_hash rename buf javaregex */
/* libs: jansson libpcre2-8 libcrypto rdkafka */
/*
 * Kafka client settings and topic creation.  librdkafka is linked to ask it
 * whether it really knows each name that it is given.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "config_part.h"

#define BASE                 \
	"database.hostname=db\n" \
	"database.user=u\n"      \
	"database.dbname=d\n"    \
	"topic.prefix=p\n"       \
	"bootstrap.servers=k:9092\n"

static struct config *
load(const char *more)
{
	struct config *c = config_new();
	struct buf	   text = {0};

	buf_printf(&text, "%s%s", BASE, more);
	assert_true(config_load_text(c, "f", buf_cstr(&text), text.len));
	buf_free(&text);
	return c;
}

static void
show_errors(const struct config *c)
{
	for (size_t i = 0; i < config_error_count(c); i++)
		print_message("error: %s\n", config_error(c, i));
}

static struct config *
good(const char *more)
{
	struct config *c = load(more);

	if (!config_check(c))
	{
		show_errors(c);
		fail_msg("refused: %s", more);
	}
	return c;
}

static void
refused(const char *more, const char *part)
{
	struct config *c = load(more);

	assert_false(config_check(c));
	if (config_error_count(c) != 1 || strstr(config_error(c, 0), part) == NULL)
	{
		show_errors(c);
		fail_msg("%s: wanted one error with \"%s\"", more, part);
	}
	config_free(c);
}

static void
warned(const char *more, const char *part)
{
	struct config *c = good(more);
	bool		   found = false;

	for (size_t i = 0; i < config_warning_count(c); i++)
		found |= strstr(config_warning(c, i), part) != NULL;
	if (!found)
		fail_msg("%s: no warning with \"%s\"", more, part);
	config_free(c);
}

static const struct config_setting *
setting(const struct config *c, const char *name)
{
	size_t						 n;
	const struct config_setting *k = config_kafka_settings(c, &n);

	for (size_t i = 0; i < n; i++)
	{
		if (strcmp(k[i].name, name) == 0)
			return &k[i];
	}
	return NULL;
}

/* 'more' must lead to librdkafka's 'name' with 'value'; NULL: not set. */
static void
leads_to(const char *more, const char *name, const char *value)
{
	struct config				*c = good(more);
	const struct config_setting *k = setting(c, name);

	if (value == NULL)
		assert_null(k);
	else if (k == NULL || strcmp(k->value, value) != 0)
		fail_msg("%s: %s is %s, wanted %s", more, name,
				 k != NULL ? k->value : "not set", value);
	config_free(c);
}

static void
what_delivery_rests_on_is_always_set(void **state)
{
	static const char *const always[][2] = {
		{"acks", "all"},
		{"enable.idempotence", "true"},
		{"message.timeout.ms", "0"},
		{"enable.metrics.push", "false"},
		{"socket.nagle.disable", "true"},
		{"max.in.flight.requests.per.connection", "5"},
		{"queue.buffering.max.kbytes", "5120"},
		{"client.id", "walferry"},
		{"bootstrap.servers", "k:9092"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
	{
		leads_to("", always[i][0], always[i][1]);
		leads_to("acks=-1\nmessage.timeout.ms=0\nenable.idempotence=TRUE\n"
				 "enable.metrics.push=true\n",
				 always[i][0], always[i][1]);
	}
}

static void
what_would_break_delivery_is_refused(void **state)
{
	(void) state;
	refused("acks=1\n", "acks: cannot be changed");
	refused("producer.override.acks=0\n", "acks: cannot be changed");
	refused("request.required.acks=1\n", "cannot be changed");
	refused("enable.idempotence=false\n", "cannot be changed");
	refused("message.timeout.ms=1000\n", "cannot be changed");
	refused("max.in.flight.requests.per.connection=6\n",
			"must be between 1 and 5");
	refused("partitioner.class=org.example.Mine\n", "partitioner.class");
	refused("partitioner=random\n", "cannot be changed");
	refused("interceptor.classes=org.example.Spy\n", "interceptors");
	refused("transactional.id=x\n", "made of topic.prefix and slot.name");
	warned("delivery.timeout.ms=120000\n",
		   "delivery.timeout.ms (f:6): no "
		   "effect here: a record is sent until");
	warned("retries=3\n", "no effect");
	warned("max.block.ms=1\n", "no effect");
}

static void
java_names_become_librdkafkas(void **state)
{
	(void) state;
	leads_to("linger.ms=7\n", "linger.ms", "7");
	leads_to("batch.size=16384\n", "batch.size", "16384");
	leads_to("batch.size=0\n", "batch.size", "1");
	leads_to("max.request.size=2000000\n", "message.max.bytes", "2000000");
	leads_to("max.request.size=2000000\n", "max.request.size", NULL);
	leads_to("buffer.memory=33554432\n", "queue.buffering.max.kbytes",
			 "32768");
	leads_to("request.timeout.ms=20000\n", "socket.timeout.ms", "20000");
	leads_to("request.timeout.ms=20000\n", "request.timeout.ms", "20000");
	leads_to("compression.type=ZSTD\ncompression.zstd.level=5\n",
			 "compression.level", "5");
	leads_to("compression.type=lz4\ncompression.zstd.level=5\n",
			 "compression.level", NULL);
	leads_to("send.buffer.bytes=-1\n", "socket.send.buffer.bytes", "0");
	leads_to("receive.buffer.bytes=65536\n", "socket.receive.buffer.bytes",
			 "65536");
	leads_to("security.protocol=SSL\n", "security.protocol", "ssl");
	leads_to("metadata.max.age.ms=60000\n", "metadata.max.age.ms", "60000");
	leads_to("key.serializer=x\nvalue.serializer=y\n", "key.serializer", NULL);
	leads_to("metadata.broker.list=other:1\n", "bootstrap.servers", "other:1");
	refused("linger.ms=soon\n", "must be a whole number");
	refused("compression.type=brotli\n", "must be one of none, gzip");
	refused("buffer.memory=1\n", "must be between 1024");
}

static void
prefixes_win_in_their_order(void **state)
{
	struct config *c;

	(void) state;
	leads_to("producer.override.linger.ms=3\nproducer.linger.ms=2\n"
			 "linger.ms=1\n",
			 "linger.ms", "3");
	leads_to("producer.linger.ms=2\nlinger.ms=1\n", "linger.ms", "2");
	leads_to("debezium.sink.kafka.producer.linger.ms=2\nlinger.ms=1\n",
			 "linger.ms", "2");
	leads_to("debezium.source.producer.override.linger.ms=4\n", "linger.ms",
			 "4");
	/* also where two names end at the same setting */
	leads_to("producer.override.max.request.size=5000\n"
			 "message.max.bytes=6000\n",
			 "message.max.bytes", "5000");
	leads_to("message.max.bytes=6000\nmax.request.size=5000\n",
			 "message.max.bytes", "5000");
	/* a flag beats any prefix in a file */
	c = load("producer.override.linger.ms=3\n");
	config_set_arg(c, "linger.ms=9");
	assert_true(config_check(c));
	assert_string_equal(setting(c, "linger.ms")->value, "9");
	config_free(c);
}

static void
jaas_gives_user_and_password(void **state)
{
	struct config *c = good(
		"security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\n"
		"sasl.jaas.config=org.apache.kafka.common.security.scram."
		"ScramLoginModule required \\\n"
		"  username=\"al ice\" \\\n"
		"  password='p\\\\'w\\\\\\\\d;=\"' ;\n");

	(void) state;
	assert_string_equal(setting(c, "sasl.username")->value, "al ice");
	assert_string_equal(setting(c, "sasl.password")->value, "p'w\\d;=\"");
	assert_true(setting(c, "sasl.password")->secret);
	assert_false(setting(c, "sasl.username")->secret);
	assert_string_equal(setting(c, "sasl.mechanism")->value, "SCRAM-SHA-512");
	assert_string_equal(setting(c, "security.protocol")->value, "sasl_ssl");
	assert_null(setting(c, "sasl.jaas.config"));
	config_free(c);

	leads_to("security.protocol=SASL_PLAINTEXT\n"
			 "sasl.mechanism=GSSAPI\n"
			 "sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule "
			 "required useKeyTab=true storeKey=true keyTab=\"/k.tab\" "
			 "principal=\"w/h@T\" serviceName=\"kfk\";\n",
			 "sasl.kerberos.keytab", "/k.tab");
}

static void
jaas_mistakes_are_errors_without_the_secret(void **state)
{
	static const char head[] = "security.protocol=SASL_SSL\n"
							   "sasl.mechanism=PLAIN\nsasl.jaas.config=";
	static const struct
	{
		const char *value;
		const char *part;
	} cases[] = {
		{"a.PlainLoginModule required username=\"u\";",
		 "username and password are both needed"},
		{"a.PlainLoginModule required password=canary username;",
		 "must be: <login module> required"},
		{"a.PlainLoginModule", "must be: <login module> required"},
		{"a.ScramLoginModule required username=u password=canary;",
		 "is not one for sasl.mechanism PLAIN"},
		{"a.OAuthBearerLoginModule required clientSecret=canary;",
		 "OAUTHBEARER is not built yet"},
		{"com.evil.JndiLoginModule required user.provider.url=ldap://canary;",
		 "only PlainLoginModule"},
		{"a.PlainLoginModule required username=u password=\"canary", NULL},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		struct buf	   text = {0};
		struct config *c;

		buf_printf(&text, "%s%s\n", head, cases[i].value);
		c = load(buf_cstr(&text));
		if (cases[i].part == NULL)
			assert_true(config_check(c));
		else
		{
			assert_false(config_check(c));
			assert_int_equal(config_error_count(c), 1);
			if (strstr(config_error(c, 0), cases[i].part) == NULL)
				fail_msg("%s", config_error(c, 0));
			assert_null(strstr(config_error(c, 0), "canary"));
		}
		config_free(c);
		buf_free(&text);
	}
}

static void
sasl_that_cannot_work_is_refused(void **state)
{
	(void) state;
	refused("security.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-256\n",
			"SCRAM-SHA-256 needs sasl.jaas.config");
	refused("security.protocol=SASL_SSL\nsasl.mechanism=OAUTHBEARER\n",
			"OAUTHBEARER is not built yet");
	refused("security.protocol=SASL\n", "must be one of plaintext, ssl");
	warned("sasl.mechanism=PLAIN\nsasl.username=u\nsasl.password=p\n",
		   "security.protocol is plaintext");
	warned("security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n"
		   "sasl.username=u\nsasl.password=p\n",
		   "in clear");
}

static void
stores_become_pem_files(void **state)
{
	(void) state;
	leads_to("security.protocol=SSL\nssl.truststore.type=PEM\n"
			 "ssl.truststore.location=/ca\n",
			 "ssl.ca.location", "/ca");
	leads_to("security.protocol=SSL\nssl.truststore.location=/ca.pem\n",
			 "ssl.ca.location", "/ca.pem");
	leads_to("ssl.truststore.type=PEM\n"
			 "ssl.truststore.certificates=-----BEGIN X\n",
			 "ssl.ca.pem", "-----BEGIN X");
	leads_to("ssl.keystore.type=PEM\nssl.keystore.location=/k.pem\n"
			 "ssl.key.password=x\n",
			 "ssl.certificate.location", "/k.pem");
	leads_to("ssl.keystore.type=PEM\nssl.keystore.location=/k.pem\n",
			 "ssl.key.location", "/k.pem");
	leads_to("ssl.keystore.type=PKCS12\nssl.keystore.location=/k\n"
			 "ssl.keystore.password=x\n",
			 "ssl.keystore.location", "/k");
	leads_to("ssl.keystore.certificate.chain=C\nssl.keystore.key=K\n",
			 "ssl.certificate.pem", "C");
	leads_to("ssl.keystore.certificate.chain=C\nssl.keystore.key=K\n",
			 "ssl.key.pem", "K");
	refused("ssl.truststore.location=/t.jks\nssl.truststore.password=x\n",
			"keytool -list -rfc -keystore /t.jks");
	refused("ssl.truststore.type=JKS\nssl.truststore.location=/t\n",
			"keytool");
	refused("ssl.truststore.type=PKCS12\nssl.truststore.location=/t\n",
			"openssl pkcs12 -in /t");
	refused("ssl.keystore.location=/k.jks\n", "keytool -importkeystore");
	refused("ssl.keystore.type=BKS\nssl.keystore.location=/k\n",
			"must be one of PEM, PKCS12, JKS");
}

static void
host_name_check_can_be_turned_off_aloud(void **state)
{
	(void) state;
	leads_to("ssl.endpoint.identification.algorithm=\n",
			 "ssl.endpoint.identification.algorithm", "none");
	leads_to("ssl.endpoint.identification.algorithm=https\n",
			 "ssl.endpoint.identification.algorithm", "https");
	leads_to("", "ssl.endpoint.identification.algorithm", NULL);
	warned("ssl.endpoint.identification.algorithm=\n", "is not checked");
	warned("security.protocol=SSL\n"
		   "enable.ssl.certificate.verification=false\n",
		   "certificate is not checked");
	refused("ssl.endpoint.identification.algorithm=http\n", "must be https");
	refused("ssl.cipher.suites=TLS_RSA_WITH_AES_128_CBC_SHA\n",
			"Java's names");
}

static void
what_could_run_code_or_send_secrets_away_is_refused(void **state)
{
	static const char *const names[] = {
		"plugin.library.paths",
		"sasl.oauthbearer.token.endpoint.url",
		"sasl.oauthbearer.method",
		"sasl.oauthbearer.jwks.endpoint.url",
		"sasl.kerberos.kinit.cmd",
		"ssl.engine.location",
		"ssl.providers",
		"ssl.engine.factory.class",
		"sasl.login.callback.handler.class",
		"sasl.client.callback.handler.class",
		"security.providers",
		"open_cb",
		"connect_cb",
		"resolve_cb",
		"dr_msg_cb",
		"error_cb",
		"interceptors",
		"opaque",
		"default_topic_conf",
		"enable.sasl.oauthbearer.unsecure.jwt",
		"test.mock.num.brokers",
	};
	static const char *const prefixes[] = {"", "producer.",
										   "producer.override.",
										   "debezium.sink.kafka.producer."};

	(void) state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		for (size_t k = 0; k < 4; k++)
		{
			char line[160];
			char part[160];

			snprintf(line, sizeof(line), "%s%s=x\n", prefixes[k], names[i]);
			snprintf(part, sizeof(part), "%s%s: is refused: ", prefixes[k],
					 names[i]);
			refused(line, part);
		}
	}
	refused("producer.override.group.id=x\n",
			"no such setting of the Kafka client");
	refused("producer.override.no.such=x\n",
			"no such setting of the Kafka client");
}

/* A value that librdkafka's own checks take for a row of the table. */
static const char *
sample(const struct config_kafka_name *k, int64_t number, char *out,
	   size_t size)
{
	if (k->type == CONFIG_INT)
		snprintf(out, size, "%lld", (long long) number);
	else if (k->type == CONFIG_BOOL)
		snprintf(out, size, "true");
	else if (k->type == CONFIG_ENUM)
		snprintf(out, size, "%.*s", (int) strcspn(k->values, "|"), k->values);
	else if (strcmp(k->name, "debug") == 0)
		snprintf(out, size, "all");
	else
		snprintf(out, size, "x");
	return out;
}

static void
librdkafka_knows_each_name_and_both_limits(void **state)
{
	size_t							n;
	const struct config_kafka_name *table = config_kafka_table(&n);

	(void) state;
	for (size_t i = 0; i < n; i++)
	{
		const struct config_kafka_name *k = &table[i];
		const char					   *name = k->to != NULL ? k->to : k->name;

		/* what needs real certificates or names of curves */
		if (k->action != KAFKA_PASS || strstr(name, ".pem") != NULL ||
			strstr(name, "curves") != NULL || strstr(name, "sigalgs") != NULL)
			continue;
		for (int limit = 0; limit < 2; limit++)
		{
			rd_kafka_conf_t	   *conf = rd_kafka_conf_new();
			char				value[64];
			char				why[256];
			rd_kafka_conf_res_t res;

			res = rd_kafka_conf_set(conf, name,
									sample(k, limit ? k->max : k->min, value,
										   sizeof(value)),
									why, sizeof(why));
			rd_kafka_conf_destroy(conf);
			if (res != RD_KAFKA_CONF_OK &&
				!(k->optional && res == RD_KAFKA_CONF_UNKNOWN))
				fail_msg("%s=%s: %s", name, value, why);
		}
	}
}

static void
librdkafka_takes_what_we_set(void **state)
{
	static const char			 text[] = "security.protocol=SASL_SSL\n"
										  "sasl.mechanism=SCRAM-SHA-256\n"
										  "sasl.jaas.config=a.ScramLoginModule required "
										  "username=u password=p;\n"
										  "request.timeout.ms=10\nbatch.size=0\n"
										  "compression.type=zstd\n"
										  "compression.zstd.level=22\n"
										  "receive.buffer.bytes=-1\n"
										  "ssl.endpoint.identification.algorithm=\n";
	struct config				*c = good(text);
	rd_kafka_conf_t				*conf = rd_kafka_conf_new();
	const struct config_setting *k;
	size_t						 n;
	char						 why[256];

	(void) state;
	k = config_kafka_settings(c, &n);
	assert_true(n > 15);
	for (size_t i = 0; i < n; i++)
	{
		rd_kafka_conf_res_t res;

		res = rd_kafka_conf_set(conf, k[i].name, k[i].value, why, sizeof(why));
		if (res != RD_KAFKA_CONF_OK &&
			!(k[i].optional && res == RD_KAFKA_CONF_UNKNOWN))
			fail_msg("%s=%s: %s", k[i].name, k[i].value, why);
	}
	rd_kafka_conf_destroy(conf);
	config_free(c);
}

/* A producer with all that we set; NULL, with librdkafka's reason. */
static rd_kafka_t *
producer(const struct config *c, bool transactions, char *why, size_t size)
{
	rd_kafka_conf_t				*conf = rd_kafka_conf_new();
	const struct config_setting *k;
	rd_kafka_t					*rk;
	size_t						 n;

	k = config_kafka_settings(c, &n);
	for (size_t i = 0; i < n; i++)
	{
		if (rd_kafka_conf_set(conf, k[i].name, k[i].value, why, size) !=
				RD_KAFKA_CONF_OK &&
			!k[i].optional)
			fail_msg("%s=%s: %s", k[i].name, k[i].value, why);
	}
	if (transactions)
		assert_int_equal(rd_kafka_conf_set(conf, "transactional.id", "p.s",
										   why, size),
						 RD_KAFKA_CONF_OK);
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, size);
	if (rk == NULL)
		rd_kafka_conf_destroy(conf);
	return rk;
}

static void
librdkafka_takes_our_limits_of_transactions(void **state)
{
	static const char *const texts[] = {
		"",
		"exactly.once=true\n",
		"exactly.once=true\ntransaction.timeout.ms=1000\n",
		"exactly.once=true\ntransaction.timeout.ms=900000\n",
		"exactly.once=true\ntransaction.timeout.ms=1000\n"
		"request.timeout.ms=900\nlinger.ms=999\n",
		"exactly.once=true\nmessage.timeout.ms=0\n"
		"enable.gapless.guarantee=true\n",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		struct config *c = good(texts[i]);
		char		   why[256];
		rd_kafka_t	  *rk;

		rk = producer(c, config_bool(c, "exactly.once"), why, sizeof(why));
		if (rk == NULL)
			fail_msg("%s: %s", texts[i], why);
		rd_kafka_destroy(rk);
		config_free(c);
	}
}

static void
timeout_of_transactions_bounds_others(void **state)
{
	(void) state;
	leads_to("exactly.once=true\n", "transaction.timeout.ms", "60000");
	leads_to("exactly.once=true\n", "message.timeout.ms", "60000");
	leads_to("exactly.once=true\nproducer.transaction.timeout.ms=90000\n",
			 "transaction.timeout.ms", "90000");
	leads_to("exactly.once=true\ntransaction.timeout.ms=90000\n",
			 "message.timeout.ms", "90000");
	leads_to("", "transaction.timeout.ms", NULL);
	leads_to("transaction.timeout.ms=90000\n", "transaction.timeout.ms", NULL);
	leads_to("transaction.timeout.ms=90000\n", "message.timeout.ms", "0");
	warned("transaction.timeout.ms=90000\n",
		   "there are Kafka transactions only with exactly.once");
	refused("exactly.once=true\ntransaction.timeout.ms=999\n",
			"must be between 1000 and 900000");
	refused("exactly.once=true\ntransaction.timeout.ms=900001\n",
			"must be between 1000 and 900000");
	refused("exactly.once=true\nrequest.timeout.ms=59901\n",
			"request.timeout.ms: must with exactly.once be 100 ms less");
	leads_to("exactly.once=true\nrequest.timeout.ms=59900\n",
			 "socket.timeout.ms", "59900");
	refused("exactly.once=true\nlinger.ms=60000\n",
			"linger.ms: must with exactly.once be less");
	refused("exactly.once=true\nmessage.timeout.ms=1000\n",
			"cannot be changed");
}

/* ---- topics ---- */

static void
topics_are_left_to_the_broker_by_default(void **state)
{
	struct config	   *c = good("");
	struct config_topic t;

	(void) state;
	config_topic_creation(c, "p.public.a", &t);
	assert_int_equal(t.partitions, -1);
	assert_int_equal(t.replication_factor, -1);
	assert_int_equal(t.nsettings, 0);
	config_free(c);
}

static void
first_group_that_matches_counts(void **state)
{
	struct config *c = good(
		"topic.creation.default.partitions=3\n"
		"topic.creation.default.replication.factor=2\n"
		"topic.creation.default.cleanup.policy=delete\n"
		"topic.creation.groups=orders,compact\n"
		"topic.creation.orders.include=p\\\\.public\\\\.orders.*\n"
		"topic.creation.orders.exclude=.*_old\n"
		"topic.creation.orders.partitions=12\n"
		"topic.creation.compact.include=.*orders.*,.*\\\\.state\n"
		"topic.creation.compact.cleanup.policy=compact\n"
		"topic.creation.compact.delete.retention.ms=1000\n"
		"topic.creation.compact.replication.factor=-1\n");
	struct config_topic t;

	(void) state;
	config_topic_creation(c, "p.public.orders_new", &t);
	assert_int_equal(t.partitions, 12);
	assert_int_equal(t.replication_factor, 2);
	assert_int_equal(t.nsettings, 0);

	config_topic_creation(c, "p.public.orders_old", &t);
	assert_int_equal(t.partitions, 3);
	assert_int_equal(t.replication_factor, -1);
	assert_int_equal(t.nsettings, 2);
	assert_string_equal(t.settings[0].name, "cleanup.policy");
	assert_string_equal(t.settings[0].value, "compact");

	/* the whole name has to match */
	config_topic_creation(c, "p.public.state2", &t);
	assert_int_equal(t.partitions, 3);
	assert_int_equal(t.replication_factor, 2);
	assert_int_equal(t.nsettings, 1);
	assert_string_equal(t.settings[0].value, "delete");
	config_free(c);
}

static void
topic_creation_mistakes_are_errors(void **state)
{
	(void) state;
	refused("topic.creation.default.partitions=0\n", "must be -1");
	refused("topic.creation.default.partitions=many\n", "must be -1");
	refused("topic.creation.default.replication.factor=40000\n",
			"between 1 and 32767");
	refused("topic.creation.x.partitions=1\n",
			"the group \"x\" is not in topic.creation.groups");
	refused("topic.creation.groups=x\ntopic.creation.x.partitions=1\n",
			"has no topic.creation.x.include");
	refused("topic.creation.groups=x,x\ntopic.creation.x.include=a\n",
			"named twice");
	refused("topic.creation.groups=default\n", "always there");
	refused("topic.creation.default.include=a\n", "takes all topics");
	refused("topic.creation.default.partition=3\n",
			"did you mean topic.creation.default.partitions?");
	refused("topic.creation.groups=x\ntopic.creation.x.include=ok,a(b\n"
			"topic.creation.x.partitions=2\n",
			"topic.creation.x.include: bad regular expression \"a(b\": "
			"a \"(\" is not closed");
}

static void
later_topic_setting_wins(void **state)
{
	struct config	   *c = load("topic.creation.default.partitions=3\n");
	struct config_topic t;

	(void) state;
	config_set_arg(c, "topic.creation.default.partitions=5");
	assert_true(config_check(c));
	config_topic_creation(c, "x", &t);
	assert_int_equal(t.partitions, 5);
	config_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_delivery_rests_on_is_always_set),
		cmocka_unit_test(what_would_break_delivery_is_refused),
		cmocka_unit_test(java_names_become_librdkafkas),
		cmocka_unit_test(prefixes_win_in_their_order),
		cmocka_unit_test(jaas_gives_user_and_password),
		cmocka_unit_test(jaas_mistakes_are_errors_without_the_secret),
		cmocka_unit_test(sasl_that_cannot_work_is_refused),
		cmocka_unit_test(stores_become_pem_files),
		cmocka_unit_test(host_name_check_can_be_turned_off_aloud),
		cmocka_unit_test(what_could_run_code_or_send_secrets_away_is_refused),
		cmocka_unit_test(librdkafka_knows_each_name_and_both_limits),
		cmocka_unit_test(librdkafka_takes_what_we_set),
		cmocka_unit_test(librdkafka_takes_our_limits_of_transactions),
		cmocka_unit_test(timeout_of_transactions_bounds_others),
		cmocka_unit_test(topics_are_left_to_the_broker_by_default),
		cmocka_unit_test(first_group_that_matches_counts),
		cmocka_unit_test(topic_creation_mistakes_are_errors),
		cmocka_unit_test(later_topic_setting_wins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
