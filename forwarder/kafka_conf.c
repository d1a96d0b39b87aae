/*
 * kafka_conf.c - librdkafka's settings: what the user gave, our defaults, and
 * what delivery depends on; and its log, which goes into ours.
 */
#include "kafka_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "mem.h"

char *
kafka_copy(const char *from)
{
	return mem_check(strdup(from), strlen(from) + 1);
}

/* Any thread of librdkafka. */
static void
log_callback(const rd_kafka_t *rk, int level, const char *facility,
			 const char *message)
{
	struct kafka_sink *s = rd_kafka_opaque(rk);
	enum log_level	   as = LOG_LEVEL_DEBUG;
	const char		  *text;

	/* "[thrd:host/bootstrap]: host/bootstrap: Connect to ... failed: ..." */
	text = strstr(message, "]: ");
	text = text != NULL ? text + 3 : message;

	/*
	 * Connections fail and come back all the time; what matters of it is said
	 * by kafka_link_down(), once.  Fatal errors come as events, what is left
	 * behind at the end is for the caller to say, and a fresh cluster needs a
	 * moment to hand out producer ids.
	 */
	if (strcmp(facility, "FAIL") == 0)
	{
		pthread_mutex_lock(&s->lock);
		snprintf(s->last_problem, sizeof(s->last_problem), "%s", text);
		pthread_mutex_unlock(&s->lock);
	}
	else if (level <= 4 && strcmp(facility, "ERROR") != 0 &&
			 strstr(text, "enable.gapless.guarantee") == NULL &&
			 strcmp(facility, "FATAL") != 0 &&
			 strcmp(facility, "TERMINATE") != 0 &&
			 !(strcmp(facility, "GETPID") == 0 && strstr(text, "retrying")))
		as = LOG_LEVEL_WARN;
	log_line(as, "kafka", "librdkafka says", "facility=%s message=%s",
			 facility, log_str(text));
}

static bool
is_given(const struct config_setting *settings, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
	{
		if (strcmp(settings[i].name, name) == 0)
			return true;
	}
	return false;
}

static int64_t
conf_number(const rd_kafka_conf_t *conf, const char *name)
{
	char   text[64];
	size_t size = sizeof(text);

	if (rd_kafka_conf_get(conf, name, text, &size) != RD_KAFKA_CONF_OK)
		return 0;
	return strtoll(text, NULL, 10);
}

static bool
apply(rd_kafka_conf_t *conf, const char *name, const char *value, bool secret,
	  bool optional)
{
	char				reason[512];
	rd_kafka_conf_res_t res = rd_kafka_conf_set(conf, name, value, reason,
												sizeof(reason));

	if (res == RD_KAFKA_CONF_OK || (res == RD_KAFKA_CONF_UNKNOWN && optional))
		return true;

	/* Its reason may repeat the value. */
	log_error("kafka", "librdkafka does not accept a setting",
			  "name=%s error=%s librdkafka=%s", log_str(name),
			  secret ? "(secret)" : log_str(reason), rd_kafka_version_str());
	return false;
}

static bool
apply_all(rd_kafka_conf_t *conf, const char *const pairs[][2], size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		if (!apply(conf, pairs[i][0], pairs[i][1], false, false))
			return false;
	}
	return true;
}

/* What the user gave. */
static bool
apply_given(const struct kafka_sink *s, rd_kafka_conf_t *conf)
{
	size_t						 n;
	const struct config_setting *given = config_kafka_settings(s->config, &n);

	for (size_t i = 0; i < n; i++)
	{
		/* In transactions, librdkafka wants it within their timeout. */
		if (kafka_txn_used(s) &&
			strcmp(given[i].name, "message.timeout.ms") == 0)
			continue;
		if (!apply(conf, given[i].name, given[i].value, given[i].secret,
				   given[i].optional))
			return false;
	}
	return true;
}

/* What our own messages name. */
static void
note_given(struct kafka_sink *s)
{
	size_t						 n;
	const struct config_setting *given = config_kafka_settings(s->config, &n);

	for (size_t i = 0; i < n; i++)
	{
		if (strcmp(given[i].name, "bootstrap.servers") == 0)
		{
			free(s->servers);
			s->servers = kafka_copy(given[i].value);
		}
		if (strcmp(given[i].name, "sasl.username") == 0)
		{
			free(s->user);
			s->user = kafka_copy(given[i].value);
		}
		if (strcmp(given[i].name, "sasl.mechanism") == 0)
			s->scram = strncmp(given[i].value, "SCRAM", 5) == 0;
	}
}

/*
 * A record that is larger than the whole queue would be refused as "queue full"
 * for ever.
 */
static bool
make_room(rd_kafka_conf_t *conf)
{
	int64_t message_kbytes = conf_number(conf, "message.max.bytes") / 1024 +
							 1024;
	char kbytes[32];

	if (conf_number(conf, "queue.buffering.max.kbytes") >= message_kbytes)
		return true;
	snprintf(kbytes, sizeof(kbytes), "%" PRId64, message_kbytes);
	return apply(conf, "queue.buffering.max.kbytes", kbytes, false, false);
}

rd_kafka_conf_t *
kafka_conf_make(struct kafka_sink *s)
{
	/* Where nobody said otherwise: little memory, and back soon. */
	static const char *const defaults[][2] = {
		{"batch.size", "262144"},
		{"reconnect.backoff.max.ms", "2000"},
		{"socket.nagle.disable", "true"},
	};

	/* Delivery depends on these, whatever a file says. */
	static const char *const forced[][2] = {
		{"enable.idempotence", "true"},
		{"acks", "all"},
		{"allow.auto.create.topics", "false"},
		{"log.thread.name", "true"},
	};

	/*
	 * Without transactions a record is sent until it is there, and what is
	 * behind a refused one must not overtake it.  A transaction fails as a
	 * whole instead.
	 */
	static const char *const forced_alone[][2] = {
		{"message.timeout.ms", "0"},
		{"enable.gapless.guarantee", "true"},
	};
	rd_kafka_conf_t				*conf = rd_kafka_conf_new();
	size_t						 n;
	const struct config_setting *given = config_kafka_settings(s->config, &n);

	note_given(s);
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
	{
		if (!is_given(given, n, defaults[i][0]) &&
			!apply(conf, defaults[i][0], defaults[i][1], false, false))
			goto unusable;
	}
	if (!apply_given(s, conf) ||
		!apply_all(conf, forced, sizeof(forced) / sizeof(forced[0])) ||
		!apply(conf, "enable.metrics.push", "false", false, true))
		goto unusable;
	if (kafka_txn_used(s)
			? !kafka_txn_configure(s, conf)
			: !apply_all(conf, forced_alone,
						 sizeof(forced_alone) / sizeof(forced_alone[0])))
		goto unusable;

	if (!make_room(conf))
		goto unusable;
	rd_kafka_conf_set_opaque(conf, s);
	rd_kafka_conf_set_log_cb(conf, log_callback);
	rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
	return conf;

unusable:
	rd_kafka_conf_destroy(conf);
	return NULL;
}

/* A client that lives for a moment has nothing to tell. */
static void
log_quietly(const rd_kafka_t *rk, int level, const char *facility,
			const char *message)
{
	(void) rk;
	(void) level;
	log_line(LOG_LEVEL_DEBUG, "kafka", "librdkafka says",
			 "facility=%s message=%s", facility, log_str(message));
}

rd_kafka_conf_t *
kafka_conf_make_consumer(struct kafka_sink *s)
{
	static const char *const forced[][2] = {
		{"allow.auto.create.topics", "false"},
		{"queued.max.messages.kbytes", "1024"},
		{"fetch.message.max.bytes", "262144"},
		{"enable.auto.commit", "false"},

		/* The broker's "nothing more" is what we wait for. */
		{"fetch.wait.max.ms", "10"},

		/*
		 * Who loses his place would go on at the end, and take that for having
		 * read everything.
		 */
		{"auto.offset.reset", "error"},
	};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	if (!apply_given(s, conf) ||
		!apply_all(conf, forced, sizeof(forced) / sizeof(forced[0])) ||
		!apply(conf, "enable.metrics.push", "false", false, true))
	{
		rd_kafka_conf_destroy(conf);
		return NULL;
	}
	rd_kafka_conf_set_log_cb(conf, log_quietly);
	return conf;
}

rd_kafka_conf_t *
kafka_conf_make_ender(const struct kafka_sink *s)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	if (!apply_given(s, conf) ||
		!apply(conf, "allow.auto.create.topics", "false", false, false) ||
		!apply(conf, "transactional.id", s->txn.id, false, false) ||
		!apply(conf, "enable.metrics.push", "false", false, true) ||
		!make_room(conf))
	{
		rd_kafka_conf_destroy(conf);
		return NULL;
	}
	rd_kafka_conf_set_log_cb(conf, log_quietly);
	return conf;
}
