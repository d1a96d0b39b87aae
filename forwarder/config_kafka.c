/*
 * config_kafka.c - settings of the Kafka client: what users write, which are
 * mostly the Java client's names, into what librdkafka understands.
 *
 * Every name that is passed on is in the table below.  What the table does
 * not have is unknown, and what must not be set from a file (code to load,
 * callbacks, commands, addresses to send credentials to) is refused in it by
 * name: a connector's file may come from someone who may not run programs
 * here.
 *
 * The same setting can come by several names and places.  It is decided first
 * among equal names (flag, environment, file; then producer.override. over
 * producer. over no prefix; then the later one), and so again among different
 * names that end at the same librdkafka setting.
 */
#include "config_part.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PASS(n)                         \
	{                                   \
		.name = n, .action = KAFKA_PASS \
	}
#define PASS_INT(n, lo, hi)                                             \
	{                                                                   \
		.name = n, .action = KAFKA_PASS, .type = CONFIG_INT, .min = lo, \
		.max = hi                                                       \
	}
#define PASS_BOOL(n)                                         \
	{                                                        \
		.name = n, .action = KAFKA_PASS, .type = CONFIG_BOOL \
	}
#define PASS_ENUM(n, v)                                                   \
	{                                                                     \
		.name = n, .action = KAFKA_PASS, .type = CONFIG_ENUM, .values = v \
	}
#define SPECIAL(n)                         \
	{                                      \
		.name = n, .action = KAFKA_SPECIAL \
	}
#define IGNORE(n, why)                                 \
	{                                                  \
		.name = n, .action = KAFKA_IGNORE, .note = why \
	}
#define SILENT(n)                         \
	{                                     \
		.name = n, .action = KAFKA_SILENT \
	}
#define REFUSE(n, why)                                 \
	{                                                  \
		.name = n, .action = KAFKA_REFUSE, .note = why \
	}
#define ONLY(n, v, why)                                           \
	{                                                             \
		.name = n, .action = KAFKA_ONLY, .values = v, .note = why \
	}

#define NO_GIVING_UP \
	"a record is sent until the broker has it, however long that takes"
#define NO_JAVA "it concerns the Java client"
#define NO_CODE "it loads or runs code; it cannot be set from a configuration"
#define NO_OAUTH \
	"OAUTHBEARER is not built yet; use SCRAM-SHA-512, PLAIN or GSSAPI"
#define OUR_ID                                                             \
	"it is made of topic.prefix and slot.name, so that of two forwarders " \
	"on a slot the later one fences the other"
#define NO_TRANSACTIONS "there are Kafka transactions only with exactly.once"
#define OUR_PARTITION                                                 \
	"the partition is always the one that the Java client's default " \
	"gives a key, so that a repeat lands where the first copy did"

/* clang-format off */
static const struct config_kafka_name table[] = {
	PASS("bootstrap.servers"),
	{.name = "metadata.broker.list", .action = KAFKA_PASS,
		.to = "bootstrap.servers"},
	PASS("client.id"),
	PASS("client.rack"),
	{.name = "client.dns.lookup", .action = KAFKA_PASS, .type = CONFIG_ENUM,
		.values = "use_all_dns_ips|resolve_canonical_bootstrap_servers_only",
		.optional = true},
	PASS_ENUM("security.protocol", "plaintext|ssl|sasl_plaintext|sasl_ssl"),

	/* authentication */
	PASS_ENUM("sasl.mechanism", "PLAIN|SCRAM-SHA-256|SCRAM-SHA-512|GSSAPI"),
	{.name = "sasl.mechanisms", .action = KAFKA_PASS, .type = CONFIG_ENUM,
		.to = "sasl.mechanism",
		.values = "PLAIN|SCRAM-SHA-256|SCRAM-SHA-512|GSSAPI"},
	SPECIAL("sasl.jaas.config"),
	PASS("sasl.username"),
	PASS("sasl.password"),
	PASS("sasl.kerberos.service.name"),
	PASS("sasl.kerberos.principal"),
	PASS("sasl.kerberos.keytab"),
	PASS_INT("sasl.kerberos.min.time.before.relogin", 0, 86400000),
	REFUSE("sasl.kerberos.kinit.cmd", NO_CODE),
	IGNORE("sasl.kerberos.ticket.renew.jitter", NO_JAVA),
	IGNORE("sasl.kerberos.ticket.renew.window.factor", NO_JAVA),
	REFUSE("sasl.client.callback.handler.class", NO_CODE),
	REFUSE("sasl.login.callback.handler.class", NO_CODE),
	REFUSE("sasl.login.class", NO_CODE),
	IGNORE("sasl.login.*", NO_JAVA),
	REFUSE("sasl.oauthbearer.*", NO_OAUTH),
	REFUSE("enable.sasl.oauthbearer.unsecure.jwt", NO_OAUTH),
	REFUSE("oauthbearer_token_refresh_cb", NO_CODE),

	/* TLS */
	SPECIAL("ssl.truststore.type"),
	SPECIAL("ssl.truststore.location"),
	SPECIAL("ssl.truststore.password"),
	SPECIAL("ssl.truststore.certificates"),
	SPECIAL("ssl.keystore.type"),
	SPECIAL("ssl.keystore.location"),
	SPECIAL("ssl.keystore.password"),
	SPECIAL("ssl.keystore.certificate.chain"),
	SPECIAL("ssl.keystore.key"),
	SPECIAL("ssl.endpoint.identification.algorithm"),
	PASS("ssl.ca.location"),
	PASS("ssl.ca.pem"),
	PASS("ssl.certificate.location"),
	PASS("ssl.certificate.pem"),
	PASS("ssl.key.location"),
	PASS("ssl.key.pem"),
	PASS("ssl.key.password"),
	PASS("ssl.crl.location"),
	SPECIAL("ssl.cipher.suites"),
	PASS("ssl.curves.list"),
	PASS("ssl.sigalgs.list"),
	PASS_BOOL("enable.ssl.certificate.verification"),
	IGNORE("ssl.protocol", "OpenSSL's newest common version is used"),
	IGNORE("ssl.enabled.protocols", "OpenSSL's own limits apply"),
	IGNORE("ssl.provider", NO_JAVA),
	IGNORE("ssl.keymanager.algorithm", NO_JAVA),
	IGNORE("ssl.trustmanager.algorithm", NO_JAVA),
	IGNORE("ssl.secure.random.implementation", NO_JAVA),
	IGNORE("ssl.client.auth", "it concerns the worker's REST interface"),
	REFUSE("ssl.engine.*", NO_CODE),
	REFUSE("ssl_engine_callback_data", NO_CODE),
	REFUSE("ssl.providers", NO_CODE),
	REFUSE("ssl.certificate.verify_cb", NO_CODE),
	REFUSE("security.providers", NO_CODE),

	/* batches and memory */
	PASS_INT("linger.ms", 0, 900000),
	{.name = "queue.buffering.max.ms", .action = KAFKA_PASS,
		.to = "linger.ms", .type = CONFIG_INT, .min = 0, .max = 900000},
	SPECIAL("batch.size"),
	PASS_INT("batch.num.messages", 1, 1000000),
	PASS_ENUM("compression.type", "none|gzip|snappy|lz4|zstd"),
	{.name = "compression.codec", .action = KAFKA_PASS,
		.to = "compression.type", .type = CONFIG_ENUM,
		.values = "none|gzip|snappy|lz4|zstd"},
	PASS_INT("compression.level", -1, 12),
	SPECIAL("compression.gzip.level"),
	SPECIAL("compression.lz4.level"),
	SPECIAL("compression.zstd.level"),
	{.name = "max.request.size", .action = KAFKA_PASS,
		.to = "message.max.bytes", .type = CONFIG_INT,
		.min = 1000, .max = 1000000000},
	PASS_INT("message.max.bytes", 1000, 1000000000),
	PASS_INT("message.copy.max.bytes", 0, 1000000000),
	SPECIAL("buffer.memory"),
	PASS_INT("queue.buffering.max.kbytes", 1, INT32_MAX),
	PASS_INT("queue.buffering.max.messages", 1, INT32_MAX),
	PASS_INT("queue.buffering.backpressure.threshold", 1, 1000000),
	IGNORE("max.block.ms", "a full queue pauses reading from PostgreSQL"),

	/* delivery */
	ONLY("acks", "all|-1", "an event counts when all in-sync replicas have it"),
	ONLY("request.required.acks", "all|-1",
		 "an event counts when all in-sync replicas have it"),
	ONLY("enable.idempotence", "true",
		 "without it the client's retries repeat and reorder events"),
	PASS_INT("max.in.flight.requests.per.connection", 1, 5),
	{.name = "max.in.flight", .action = KAFKA_PASS,
		.to = "max.in.flight.requests.per.connection",
		.type = CONFIG_INT, .min = 1, .max = 5},
	IGNORE("retries", NO_GIVING_UP),
	IGNORE("message.send.max.retries", NO_GIVING_UP),
	IGNORE("delivery.timeout.ms", NO_GIVING_UP),
	ONLY("message.timeout.ms", "0", NO_GIVING_UP),
	SPECIAL("request.timeout.ms"),
	PASS_INT("socket.timeout.ms", 10, 300000),
	PASS_INT("retry.backoff.ms", 1, 300000),
	{.name = "retry.backoff.max.ms", .action = KAFKA_PASS,
		.type = CONFIG_INT, .min = 1, .max = 300000, .optional = true},
	REFUSE("transactional.id", OUR_ID),
	{.name = "transaction.timeout.ms", .action = KAFKA_PASS,
		.type = CONFIG_INT, .min = 1000, .max = 900000,
		.transactional = true},
	IGNORE("transaction.two.phase.commit.enable",
		   "nobody else ends walferry's transactions"),
	ONLY("enable.gapless.guarantee", "true",
		 "without it records overtake one that was refused"),
	REFUSE("queuing.strategy", "events must stay in order"),
	REFUSE("delivery.report.only.error", "every report is needed"),
	ONLY("partitioner.class",
		 "|org.apache.kafka.clients.producer.internals.DefaultPartitioner",
		 OUR_PARTITION),
	ONLY("partitioner", "murmur2_random|murmur2", OUR_PARTITION),
	ONLY("partitioner.ignore.keys", "false", OUR_PARTITION),
	IGNORE("partitioner.adaptive.partitioning.enable", OUR_PARTITION),
	IGNORE("partitioner.availability.timeout.ms", OUR_PARTITION),
	IGNORE("sticky.partitioning.linger.ms", OUR_PARTITION),
	REFUSE("partitioner_cb", NO_CODE),
	ONLY("interceptor.classes", "",
		 "Java interceptors cannot run here; remove it"),
	REFUSE("interceptors", NO_CODE),
	SILENT("key.serializer"),
	SILENT("value.serializer"),

	/* connections and metadata */
	PASS_INT("metadata.max.age.ms", 1, 86400000),
	PASS_INT("topic.metadata.refresh.interval.ms", -1, 3600000),
	PASS_INT("topic.metadata.refresh.fast.interval.ms", 1, 60000),
	PASS_BOOL("topic.metadata.refresh.sparse"),
	PASS_INT("topic.metadata.propagation.max.ms", 0, 3600000),
	IGNORE("metadata.max.idle.ms", NO_JAVA),
	{.name = "metadata.recovery.strategy", .action = KAFKA_PASS,
		.type = CONFIG_ENUM, .values = "none|rebootstrap", .optional = true},
	{.name = "metadata.recovery.rebootstrap.trigger.ms",
		.action = KAFKA_PASS, .type = CONFIG_INT, .min = 0,
		.max = INT32_MAX, .optional = true},
	PASS_INT("reconnect.backoff.ms", 0, 3600000),
	PASS_INT("reconnect.backoff.max.ms", 0, 3600000),
	PASS_INT("connections.max.idle.ms", 0, INT32_MAX),
	PASS_INT("socket.connection.setup.timeout.ms", 1000, INT32_MAX),
	IGNORE("socket.connection.setup.timeout.max.ms", NO_JAVA),
	SPECIAL("send.buffer.bytes"),
	SPECIAL("receive.buffer.bytes"),
	PASS_INT("socket.send.buffer.bytes", 0, 100000000),
	PASS_INT("socket.receive.buffer.bytes", 0, 100000000),
	PASS_INT("receive.message.max.bytes", 1000, INT32_MAX),
	PASS_BOOL("socket.keepalive.enable"),
	PASS_BOOL("socket.nagle.disable"),
	PASS_INT("socket.max.fails", 0, 1000000),
	PASS_ENUM("broker.address.family", "any|v4|v6"),
	PASS_INT("broker.address.ttl", 0, 86400000),
	PASS_BOOL("api.version.request"),
	PASS_INT("api.version.request.timeout.ms", 1, 300000),
	PASS_INT("api.version.fallback.ms", 0, 604800000),
	PASS("broker.version.fallback"),
	PASS_BOOL("log.connection.close"),
	PASS("debug"),
	IGNORE("allow.auto.create.topics",
		   "topic.creation.enable says whether topics are created"),
	IGNORE("statistics.interval.ms", "metrics are not built yet"),
	ONLY("enable.metrics.push", "false|true", "telemetry is off"),
	ONLY("auto.include.jmx.reporter", "true|false", NO_JAVA),
	IGNORE("metric.reporters", NO_JAVA),
	IGNORE("metrics.*", NO_JAVA),

	/* parts of librdkafka that belong to the program */
	REFUSE("plugin.library.paths", NO_CODE),
	REFUSE("default_topic_conf", NO_CODE),
	REFUSE("opaque", NO_CODE),
	REFUSE("error_cb", NO_CODE),
	REFUSE("throttle_cb", NO_CODE),
	REFUSE("stats_cb", NO_CODE),
	REFUSE("log_cb", NO_CODE),
	REFUSE("dr_cb", NO_CODE),
	REFUSE("dr_msg_cb", NO_CODE),
	REFUSE("background_event_cb", NO_CODE),
	REFUSE("socket_cb", NO_CODE),
	REFUSE("connect_cb", NO_CODE),
	REFUSE("closesocket_cb", NO_CODE),
	REFUSE("open_cb", NO_CODE),
	REFUSE("resolve_cb", NO_CODE),
	REFUSE("msg_order_cmp", NO_CODE),
	REFUSE("enabled_events", "the forwarder chooses its events itself"),
	REFUSE("internal.termination.signal",
		   "the forwarder handles signals itself"),
	REFUSE("log_level", "write walferry.log.level"),
	REFUSE("log.queue", "write walferry.log.level"),
	REFUSE("test.mock.num.brokers", "it replaces the broker by a pretence"),
};
/* clang-format on */

const struct config_kafka_name *
config_kafka_table(size_t *n)
{
	*n = sizeof(table) / sizeof(table[0]);
	return table;
}

const struct config_kafka_name *
config_kafka_find(const char *name)
{
	const struct config_kafka_name *pattern = NULL;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
	{
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
		if (strchr(table[i].name, '*') != NULL &&
			config_text_match(table[i].name, name))
			pattern = &table[i];
	}
	return pattern;
}

const struct config_setting *
config_kafka_settings(const struct config *c, size_t *n)
{
	*n = c->nkafka;
	return c->kafka;
}

size_t
config_record_max(const struct config *c)
{
	if (!config_is(c, "walferry.sink", "kafka"))
		return 0;
	for (size_t i = 0; i < c->nkafka; i++)
	{
		if (strcmp(c->kafka[i].name, "message.max.bytes") == 0)
			return (size_t) strtoull(c->kafka[i].value, NULL, 10);
	}
	return 0;
}

/* ---- building ---- */

/* A setting of the result and what it came from. */
struct made
{
	char					  *name;
	char					  *value;
	bool					   optional;
	const struct config_entry *from; /* NULL: ours */
};

struct build
{
	struct config *c;
	struct made	  *made;
	size_t		   nmade;
};

/* The winner among the entries of one client setting; NULL if not given. */
static const struct config_entry *
given(const struct config *c, const char *name)
{
	const struct config_entry *best = NULL;

	for (size_t i = 0; i < c->nentries; i++)
	{
		const struct config_entry *e = &c->entries[i];

		if (e->kafka != NULL && strcmp(e->kafka_name, name) == 0 &&
			(best == NULL || config_wins(e, best)))
			best = e;
	}
	return best;
}

/* Its value if it resolved; NULL if it is absent. */
static const char *
value_of(const struct config *c, const char *name)
{
	const struct config_entry *e = given(c, name);

	return e != NULL ? e->value : NULL;
}

static struct made *
find_made(struct build *b, const char *name)
{
	for (size_t i = 0; i < b->nmade; i++)
	{
		if (strcmp(b->made[i].name, name) == 0)
			return &b->made[i];
	}
	return NULL;
}

/*
 * Set librdkafka's 'name', unless an entry that counts more has set it.
 */
static void
set(struct build *b, const char *name, const char *value,
	const struct config_entry *from)
{
	struct made *m = find_made(b, name);

	if (m != NULL)
	{
		if (m->from != NULL && (from == NULL || !config_wins(from, m->from)))
			return;
		free(m->value);
	}
	else
	{
		b->made = config_text_realloc(b->made,
									  (b->nmade + 1) * sizeof(*b->made));
		m = &b->made[b->nmade++];
		m->name = config_text_dup(name);
	}
	m->value = config_text_dup(value);
	m->from = from;
	m->optional = from != NULL && from->kafka->optional;
}

static void
set_number(struct build *b, const char *name, int64_t value,
		   const struct config_entry *from)
{
	char digits[32];

	snprintf(digits, sizeof(digits), "%lld", (long long) value);
	set(b, name, digits, from);
}

/* What the forwarder wants where nobody said otherwise. */
static void
set_default(struct build *b, const char *name, const char *value)
{
	if (find_made(b, name) == NULL)
		set(b, name, value, NULL);
}

/* A whole number within limits, or an error. */
static bool
number_within(struct config *c, const struct config_entry *e, int64_t min,
			  int64_t max, int64_t *out)
{
	if (!config_text_number(CONFIG_INT, e->value, out))
	{
		config_fail(c, e, "must be a whole number");
		return false;
	}
	if (*out < min || *out > max)
	{
		config_fail(c, e, "must be between %lld and %lld", (long long) min,
					(long long) max);
		return false;
	}
	return true;
}

static void
pass(struct build *b, const struct config_entry *e)
{
	const struct config_kafka_name *k = e->kafka;
	const char					   *to = k->to != NULL ? k->to : e->kafka_name;
	char						   *spelling = NULL;
	struct buf						set_text = {0};
	int64_t							n;

	switch (k->type)
	{
		case CONFIG_INT:
			if (number_within(b->c, e, k->min, k->max, &n))
				set_number(b, to, n, e);
			return;
		case CONFIG_BOOL:
		case CONFIG_ENUM:
		{
			const char *values = k->type == CONFIG_BOOL ? "true|false"
														: k->values;

			if (config_text_one_of(values, e->value, &spelling))
			{
				set(b, to, spelling, e);
				free(spelling);
				return;
			}
			if (strcasecmp(e->value, "OAUTHBEARER") == 0)
			{
				config_fail(b->c, e, NO_OAUTH);
				return;
			}
			config_text_put_set(&set_text, values);
			config_fail(b->c, e, "must be one of %s", buf_cstr(&set_text));
			buf_free(&set_text);
			return;
		}
		default:
			if (*e->value != '\0')
				set(b, to, e->value, e);
			return;
	}
}

/* ---- JAAS ---- */

/*
 * The words of "Module required name="value" ...;".  A value may be in double
 * or single quotes, with backslash escapes.
 */
static bool
jaas_word(const char **s, struct buf *out)
{
	const char *p = *s;

	buf_reset(out);
	while (*p != '\0' && ((unsigned char) *p <= ' '))
		p++;
	if (*p == '\0' || *p == ';')
	{
		*s = p;
		return false;
	}
	if (*p == '"' || *p == '\'')
	{
		char quote = *p++;

		while (*p != '\0' && *p != quote)
		{
			if (*p == '\\' && p[1] != '\0')
				p++;
			buf_putc(out, *p++);
		}
		if (*p == quote)
			p++;
	}
	else if (*p == '=')
		buf_putc(out, *p++);
	else
	{
		while (*p != '\0' && (unsigned char) *p > ' ' && *p != '=' &&
			   *p != ';')
			buf_putc(out, *p++);
	}
	*s = p;
	return true;
}

static bool
ends_with(const char *s, const char *end)
{
	size_t ns = strlen(s);
	size_t ne = strlen(end);

	return ns >= ne && strcmp(s + ns - ne, end) == 0;
}

static void
build_jaas(struct build *b)
{
	struct config			  *c = b->c;
	const struct config_entry *e = given(c, "sasl.jaas.config");
	const char				  *mechanism;
	const char				  *p;
	struct buf				   word = {0};
	struct buf				   value = {0};
	enum
	{
		PLAIN,
		SCRAM,
		KERBEROS
	} module;
	bool user = false;
	bool password = false;

	if (e == NULL || e->value == NULL || *e->value == '\0')
		return;
	p = e->value;
	jaas_word(&p, &word);
	mechanism = value_of(c, "sasl.mechanism");
	if (mechanism == NULL)
		mechanism = value_of(c, "sasl.mechanisms");

	if (ends_with(buf_cstr(&word), "PlainLoginModule"))
		module = PLAIN;
	else if (ends_with(buf_cstr(&word), "ScramLoginModule"))
		module = SCRAM;
	else if (ends_with(buf_cstr(&word), "Krb5LoginModule"))
		module = KERBEROS;
	else if (ends_with(buf_cstr(&word), "OAuthBearerLoginModule"))
	{
		config_fail(c, e, NO_OAUTH);
		goto done;
	}
	else
	{
		config_fail(c, e,
					"only PlainLoginModule, ScramLoginModule and "
					"Krb5LoginModule are understood");
		goto done;
	}
	if (mechanism != NULL &&
		((module == PLAIN && strcasecmp(mechanism, "PLAIN") != 0) ||
		 (module == SCRAM && strncasecmp(mechanism, "SCRAM-", 6) != 0) ||
		 (module == KERBEROS && strcasecmp(mechanism, "GSSAPI") != 0)))
		config_fail(c, e, "the login module is not one for sasl.mechanism %s",
					mechanism);

	if (!jaas_word(&p, &word)) /* required, requisite ... */
	{
		config_fail(c, e,
					"must be: <login module> required "
					"username=\"...\" password=\"...\";");
		goto done;
	}
	while (jaas_word(&p, &word))
	{
		const char *name;

		if (!jaas_word(&p, &value) || value.len != 1 || value.data[0] != '=' ||
			!jaas_word(&p, &value))
		{
			config_fail(c, e,
						"must be: <login module> required "
						"username=\"...\" password=\"...\";");
			goto done;
		}
		name = buf_cstr(&word);
		if (module != KERBEROS && strcmp(name, "username") == 0)
		{
			set(b, "sasl.username", buf_cstr(&value), e);
			user = true;
		}
		else if (module != KERBEROS && strcmp(name, "password") == 0)
		{
			set(b, "sasl.password", buf_cstr(&value), e);
			password = true;
		}
		else if (module == SCRAM && strcmp(name, "tokenauth") == 0)
		{
			if (strcasecmp(buf_cstr(&value), "true") == 0)
				config_fail(c, e,
							"delegation tokens (tokenauth) cannot be "
							"used here");
		}
		else if (module == KERBEROS && strcmp(name, "principal") == 0)
			set(b, "sasl.kerberos.principal", buf_cstr(&value), e);
		else if (module == KERBEROS && strcmp(name, "keyTab") == 0)
			set(b, "sasl.kerberos.keytab", buf_cstr(&value), e);
		else if (module == KERBEROS && strcmp(name, "serviceName") == 0)
			set(b, "sasl.kerberos.service.name", buf_cstr(&value), e);
		else if (module != KERBEROS)
			config_warn(c, e,
						"an option other than username and password "
						"has no effect here");
	}
	if (module != KERBEROS && !(user && password))
		config_fail(c, e, "username and password are both needed");

done:
	buf_free(&word);
	buf_free(&value);
}

/* ---- TLS stores ---- */

/* PEM, PKCS12 or JKS in upper case; where nothing is said, by the ending. */
static const char *
store_type(struct config *c, const char *type_name, const char *location)
{
	const struct config_entry *e = given(c, type_name);

	if (e != NULL && e->value != NULL && *e->value != '\0')
	{
		if (strcasecmp(e->value, "PEM") == 0)
			return "PEM";
		if (strcasecmp(e->value, "PKCS12") == 0)
			return "PKCS12";
		if (strcasecmp(e->value, "JKS") == 0)
			return "JKS";
		config_fail(c, e, "must be one of PEM, PKCS12, JKS");
		return NULL;
	}
	if (location == NULL)
		return "PEM";
	if (ends_with(location, ".pem") || ends_with(location, ".crt") ||
		ends_with(location, ".cer"))
		return "PEM";
	if (ends_with(location, ".p12") || ends_with(location, ".pfx"))
		return "PKCS12";
	return "JKS";
}

static void
build_truststore(struct build *b)
{
	struct config			  *c = b->c;
	const struct config_entry *e = given(c, "ssl.truststore.location");
	const struct config_entry *pem = given(c, "ssl.truststore.certificates");
	const char				  *location = e != NULL ? e->value : NULL;
	const char *type = store_type(c, "ssl.truststore.type", location);

	if (pem != NULL && pem->value != NULL && *pem->value != '\0')
		set(b, "ssl.ca.pem", pem->value, pem);
	if (location == NULL || *location == '\0' || type == NULL)
		return;
	if (strcmp(type, "PEM") == 0)
		set(b, "ssl.ca.location", location, e);
	else if (strcmp(type, "PKCS12") == 0)
		config_fail(c, e,
					"a PKCS12 truststore cannot be read; convert it "
					"(openssl pkcs12 -in %s -cacerts -nokeys -out ca.pem) "
					"and set ssl.truststore.type=PEM and "
					"ssl.truststore.location=ca.pem",
					location);
	else
		config_fail(c, e,
					"a JKS truststore cannot be read; convert it "
					"(keytool -list -rfc -keystore %s > ca.pem) and set "
					"ssl.truststore.type=PEM and "
					"ssl.truststore.location=ca.pem",
					location);
}

static void
build_keystore(struct build *b)
{
	struct config			  *c = b->c;
	const struct config_entry *e = given(c, "ssl.keystore.location");
	const struct config_entry *chain = given(c,
											 "ssl.keystore.certificate.chain");
	const struct config_entry *key = given(c, "ssl.keystore.key");
	const struct config_entry *password = given(c, "ssl.keystore.password");
	const char				  *location = e != NULL ? e->value : NULL;
	const char *type = store_type(c, "ssl.keystore.type", location);

	if (chain != NULL && chain->value != NULL && *chain->value != '\0')
		set(b, "ssl.certificate.pem", chain->value, chain);
	if (key != NULL && key->value != NULL && *key->value != '\0')
		set(b, "ssl.key.pem", key->value, key);
	if (location == NULL || *location == '\0' || type == NULL)
		return;
	if (strcmp(type, "PEM") == 0)
	{
		/* Java's PEM keystore is one file with the key and its chain. */
		set(b, "ssl.certificate.location", location, e);
		set(b, "ssl.key.location", location, e);
	}
	else if (strcmp(type, "PKCS12") == 0)
	{
		set(b, "ssl.keystore.location", location, e);
		if (password != NULL && password->value != NULL)
			set(b, "ssl.keystore.password", password->value, password);
	}
	else
		config_fail(c, e,
					"a JKS keystore cannot be read; convert it "
					"(keytool -importkeystore -srckeystore %s -destkeystore "
					"keystore.p12 -deststoretype PKCS12) and set "
					"ssl.keystore.type=PKCS12 and "
					"ssl.keystore.location=keystore.p12",
					location);
}

/* ---- the rest of what is not a plain renaming ---- */

static void
build_special(struct build *b)
{
	static const struct
	{
		const char *name;
		const char *type;
	} levels[] = {
		{"compression.gzip.level", "gzip"},
		{"compression.lz4.level", "lz4"},
		{"compression.zstd.level", "zstd"},
	};
	struct config			  *c = b->c;
	const struct config_entry *e;
	int64_t					   n;

	build_jaas(b);
	build_truststore(b);
	build_keystore(b);

	e = given(c, "ssl.endpoint.identification.algorithm");
	if (e != NULL && e->value != NULL)
	{
		if (*e->value == '\0' || strcasecmp(e->value, "none") == 0)
		{
			set(b, "ssl.endpoint.identification.algorithm", "none", e);
			config_warn(c, e,
						"the broker's host name is not checked "
						"against its certificate");
		}
		else if (strcasecmp(e->value, "https") == 0)
			set(b, "ssl.endpoint.identification.algorithm", "https", e);
		else
			config_fail(c, e, "must be https, or empty");
	}
	e = given(c, "ssl.cipher.suites");
	if (e != NULL && e->value != NULL && *e->value != '\0')
	{
		if (strstr(e->value, "_WITH_") != NULL)
			config_fail(c, e,
						"these are Java's names; write OpenSSL's, such "
						"as ECDHE-RSA-AES256-GCM-SHA384 (openssl ciphers "
						"-stdname lists both)");
		else
			set(b, "ssl.cipher.suites", e->value, e);
	}

	/* Java: limit of waiting for any answer.  librdkafka has two. */
	e = given(c, "request.timeout.ms");
	if (e != NULL && e->value != NULL && number_within(c, e, 10, 300000, &n))
	{
		set_number(b, "request.timeout.ms", n, e);
		set_number(b, "socket.timeout.ms", n, e);
	}
	e = given(c, "buffer.memory");
	if (e != NULL && e->value != NULL &&
		number_within(c, e, 1024, (int64_t) INT32_MAX * 1024, &n))
		set_number(b, "queue.buffering.max.kbytes", n / 1024, e);

	/* Java: 0 turns batching off, and librdkafka's least is 1. */
	e = given(c, "batch.size");
	if (e != NULL && e->value != NULL && number_within(c, e, 0, INT32_MAX, &n))
		set_number(b, "batch.size", n > 0 ? n : 1, e);

	/* Java: -1 is the system's default, which librdkafka writes 0. */
	e = given(c, "send.buffer.bytes");
	if (e != NULL && e->value != NULL &&
		number_within(c, e, -1, 100000000, &n))
		set_number(b, "socket.send.buffer.bytes", n < 0 ? 0 : n, e);
	e = given(c, "receive.buffer.bytes");
	if (e != NULL && e->value != NULL &&
		number_within(c, e, -1, 100000000, &n))
		set_number(b, "socket.receive.buffer.bytes", n < 0 ? 0 : n, e);

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
	{
		const struct made *codec = find_made(b, "compression.type");

		e = given(c, levels[i].name);
		if (e == NULL || e->value == NULL)
			continue;
		if (codec == NULL || strcmp(codec->value, levels[i].type) != 0)
			config_warn(c, e, "has no effect: compression.type is %s",
						codec != NULL ? codec->value : "none");
		else if (number_within(c, e, -1, 22, &n))
			set_number(b, "compression.level", n > 12 ? 12 : n, e);
	}
}

/*
 * With transactions librdkafka wants other limits to stay below that of a
 * transaction, which Kafka aborts then.
 */
static void
build_transactions(struct build *b)
{
	const struct made *m;
	int64_t			   n;

	set_default(b, "transaction.timeout.ms", "60000");
	n = strtoll(find_made(b, "transaction.timeout.ms")->value, NULL, 10);
	set_number(b, "message.timeout.ms", n, NULL);

	m = find_made(b, "socket.timeout.ms");
	if (m != NULL && strtoll(m->value, NULL, 10) > n - 100)
		config_fail(b->c, m->from,
					"must with exactly.once be 100 ms less than "
					"transaction.timeout.ms, which is %lld, or shorter",
					(long long) n);
	m = find_made(b, "linger.ms");
	if (m != NULL && strtoll(m->value, NULL, 10) >= n)
		config_fail(b->c, m->from,
					"must with exactly.once be less than "
					"transaction.timeout.ms, which is %lld",
					(long long) n);
}

/* Combinations that librdkafka accepts and that cannot work, or are unwise. */
static void
check_security(struct build *b)
{
	const struct made *protocol = find_made(b, "security.protocol");
	const struct made *mechanism = find_made(b, "sasl.mechanism");
	const struct made
			   *verify = find_made(b, "enable.ssl.certificate.verification");
	const char *p = protocol != NULL ? protocol->value : "plaintext";
	bool		sasl = strncmp(p, "sasl", 4) == 0;
	bool		tls = strstr(p, "ssl") != NULL;

	if (sasl)
	{
		bool named = find_made(b, "sasl.username") != NULL &&
					 find_made(b, "sasl.password") != NULL;

		if ((mechanism != NULL && strcmp(mechanism->value, "GSSAPI") != 0) &&
			!named && given(b->c, "sasl.jaas.config") == NULL)
			config_fail(b->c, mechanism->from,
						"%s needs sasl.jaas.config, or "
						"sasl.username and sasl.password",
						mechanism->value);
		if (!tls && mechanism != NULL &&
			strcmp(mechanism->value, "PLAIN") == 0)
			config_warn(b->c, protocol->from,
						"the password crosses the network in clear; "
						"use SASL_SSL");
	}
	else if (mechanism != NULL && mechanism->from != NULL)
		config_warn(b->c, mechanism->from,
					"has no effect: security.protocol is %s", p);
	if (!tls && find_made(b, "ssl.ca.location") != NULL)
		config_warn(b->c, find_made(b, "ssl.ca.location")->from,
					"has no effect: security.protocol is %s", p);
	if (tls && verify != NULL && strcmp(verify->value, "false") == 0)
		config_warn(b->c, verify->from,
					"the broker's certificate is not checked");
}

void
config_kafka_build(struct config *c)
{
	struct build b = {.c = c};
	int64_t		 queue = config_slot_of(c, "max.queue.size.in.bytes")->num;
	bool		 transactions = config_slot_of(c, "exactly.once")->num != 0;
	char		 kbytes[32];

	for (size_t i = 0; i < c->nentries; i++)
	{
		const struct config_entry *e = &c->entries[i];

		if (e->kafka == NULL || e->value == NULL ||
			given(c, e->kafka_name) != e)
			continue;
		if (e->kafka->transactional && !transactions)
		{
			config_idle(c, e, NO_TRANSACTIONS);
			continue;
		}
		switch (e->kafka->action)
		{
			case KAFKA_PASS:
				pass(&b, e);
				break;
			case KAFKA_ONLY:
				if (!config_text_one_of(e->kafka->values, e->value, NULL))
					config_fail(c, e, "cannot be changed: %s", e->kafka->note);
				break;
			case KAFKA_IGNORE:
				config_idle(c, e, e->kafka->note);
				break;
			case KAFKA_REFUSE:
				config_fail(c, e, "is refused: %s", e->kafka->note);
				break;
			case KAFKA_SILENT:
			case KAFKA_SPECIAL:
				break;
		}
	}
	build_special(&b);
	check_security(&b);
	if (find_made(&b, "debug") != NULL)
		config_warn(c, find_made(&b, "debug")->from,
					"librdkafka's debug messages may show contents");

	if (strcmp(config_slot_of(c, "walferry.sink")->str, "kafka") == 0 &&
		find_made(&b, "bootstrap.servers") == NULL)
		config_fail(c, NULL,
					"bootstrap.servers: is missing; it names the "
					"Kafka brokers, as host:port,host:port");

	/*
	 * Bytes under way are bounded by max.queue.size.in.bytes before they
	 * reach librdkafka; its own bound is only a second line.
	 */
	snprintf(kbytes, sizeof(kbytes), "%lld",
			 (long long) (queue / 1024 + 1024));
	set_default(&b, "queue.buffering.max.kbytes", kbytes);
	set_default(&b, "client.id", "walferry");
	set_default(&b, "linger.ms", "0");
	set_default(&b, "message.max.bytes", "1048576");
	set_default(&b, "socket.nagle.disable", "true");
	set_default(&b, "socket.keepalive.enable", "true");
	set_default(&b, "max.in.flight.requests.per.connection", "5");
	set(&b, "acks", "all", NULL);
	set(&b, "enable.idempotence", "true", NULL);
	set(&b, "message.timeout.ms", "0", NULL);
	if (transactions)
		build_transactions(&b);
	set(&b, "enable.metrics.push", "false", NULL);
	find_made(&b, "enable.metrics.push")->optional = true;

	c->kafka = config_text_alloc(b.nmade * sizeof(*c->kafka));
	c->kafka_origin = config_text_alloc(b.nmade * sizeof(*c->kafka_origin));
	c->nkafka = b.nmade;
	for (size_t i = 0; i < b.nmade; i++)
	{
		c->kafka[i] = (struct config_setting){
			.name = b.made[i].name,
			.value = b.made[i].value,
			.secret = config_text_is_secret(b.made[i].name) ||
					  (b.made[i].from != NULL && b.made[i].from->hidden),
			.optional = b.made[i].optional,
		};
		c->kafka_origin[i] = b.made[i].from != NULL ? b.made[i].from->origin
													: "default";
	}
	free(b.made);
}
