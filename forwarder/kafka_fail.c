/*
 * kafka_fail.c - what an error of Kafka's means: its words, its exit code.
 *
 * A failure is final for the sink: 1 where a new producer may do better, 4
 * where somebody has to change something first.  Its text names the thing and
 * the fix.
 */
#include "kafka_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void
fail(struct kafka_sink *s, int exit_code, bool gave_up, const char *fmt,
	 va_list ap)
{
	pthread_mutex_lock(&s->lock);
	if (!s->failed)
	{
		vsnprintf(s->error, sizeof(s->error), fmt, ap);
		s->exit_code = exit_code;
		s->gave_up = gave_up;
		s->failed = true;
	}
	pthread_mutex_unlock(&s->lock);
}

void
kafka_fail(struct kafka_sink *s, int exit_code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(s, exit_code, false, fmt, ap);
	va_end(ap);
}

void
kafka_fail_gave_up(struct kafka_sink *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(s, 1, true, fmt, ap);
	va_end(ap);
}

const char *
kafka_fail_way_without(const struct kafka_sink *s, const char *topic)
{
	if (s->recovery.topic == NULL || kafka_txn_used(s) ||
		strcmp(topic, s->recovery.topic) != 0)
		return "";
	return "; or let it be kept in the slot alone with "
		   "walferry.position.store=slot (docs/delivery.md says what then "
		   "goes unnoticed)";
}

bool
kafka_fail_is_refusal(rd_kafka_resp_err_t err)
{
	switch (err)
	{
		case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
		case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
		case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
		case RD_KAFKA_RESP_ERR_INVALID_RECORD:
		case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
		case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
		case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
		case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
		case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
		case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
		case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
		case RD_KAFKA_RESP_ERR_SECURITY_DISABLED:
		case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
		case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
		case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
		case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
		case RD_KAFKA_RESP_ERR_INVALID_REQUEST:
		case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
		case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
		case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
			return true;
		default:
			return false;
	}
}

void
kafka_fail_record(struct kafka_sink *s, rd_kafka_resp_err_t err,
				  const char *topic, size_t bytes)
{
	const char *what = rd_kafka_err2str(err);

	switch (err)
	{
		case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
		case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
		case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
		{
			char   limit[32] = "?";
			size_t size = sizeof(limit);

			rd_kafka_conf_get(rd_kafka_conf(s->rk), "message.max.bytes", limit,
							  &size);
			kafka_fail(
				s, 4,
				"topic %s: a record of %zu bytes is larger than is "
				"allowed (max.request.size here: %s): raise "
				"producer.override.max.request.size, the topic's "
				"max.message.bytes, and where brokers limit it their "
				"message.max.bytes and replica.fetch.max.bytes (or, if it is "
				"batches of small records, lower producer.override."
				"batch.size); then start again, nothing is lost",
				topic, bytes, limit);
			return;
		}
		case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
		case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
		case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
			kafka_fail(
				s, 1,
				"topic %s is gone or has fewer partitions than it had (%s): "
				"was it deleted? What was not confirmed is sent again",
				topic, what);
			return;
		case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
			kafka_fail(s, 4,
					   "topic %s: a record's time is refused: this machine's "
					   "clock is ahead of the brokers' by more than their "
					   "log.message.timestamp.after.max.ms (one hour): set "
					   "it right, then start again, nothing is lost",
					   topic);
			return;
		case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
			kafka_fail(
				s, 4,
				"topic %s: not allowed to write (%s): grant it with "
				"kafka-acls.sh --add --allow-principal User:%s --operation "
				"Write --operation Describe --topic %s%s",
				topic, what, s->user, topic, kafka_fail_way_without(s, topic));
			return;
		default:
			kafka_fail(s, kafka_fail_is_refusal(err) ? 4 : 1,
					   "topic %s: a record of %zu bytes "
					   "was not delivered: %s",
					   topic, bytes, what);
			return;
	}
}

/* What only a transaction can meet; false: it is something else. */
static bool
fail_as_transaction(struct kafka_sink *s, const char *doing,
					rd_kafka_resp_err_t err, const char *what)
{
	switch (err)
	{
		case RD_KAFKA_RESP_ERR__FENCED:
		case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
		case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
			kafka_fail(s, 1,
					   "%s: transactional.id %s has a new owner, or the "
					   "broker gave up a transaction that took longer than "
					   "transaction.timeout.ms (%s)",
					   doing, s->txn.id, what);
			return true;
		case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
			kafka_fail(s, 4,
					   "%s: not allowed to use transactional.id %s: grant it "
					   "with kafka-acls.sh --add --allow-principal User:%s "
					   "--operation Write --operation Describe "
					   "--transactional-id %s",
					   doing, s->txn.id, s->user, s->txn.id);
			return true;
		case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
			kafka_fail(s, 4,
					   "%s: not allowed to write to a topic (%s): grant it "
					   "with kafka-acls.sh --add --allow-principal User:%s "
					   "--operation Write --operation Describe --topic "
					   "<topic.prefix> --resource-pattern-type prefixed",
					   doing, what, s->user);
			return true;
		case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
			kafka_fail(s, 4,
					   "%s: transaction.timeout.ms is more than the brokers "
					   "allow: lower it, or raise their "
					   "transaction.max.timeout.ms",
					   doing);
			return true;
		default:
			return false;
	}
}

void
kafka_fail_fatal(struct kafka_sink *s)
{
	char				reason[512] = "unknown";
	rd_kafka_resp_err_t err = rd_kafka_fatal_error(s->rk, reason,
												   sizeof(reason));

	if (kafka_txn_used(s) && fail_as_transaction(s, "producing", err, reason))
		return;
	if (err == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED)
		kafka_fail(
			s, 4,
			"not allowed to write (%s): grant it with kafka-acls.sh "
			"--add --allow-principal User:%s --operation Write --operation "
			"Describe --topic <topic.prefix> --resource-pattern-type "
			"prefixed; brokers before Kafka 2.8 also want --operation "
			"IdempotentWrite --cluster",
			reason, s->user);
	else
		kafka_fail(s, 1,
				   "the producer cannot go on (%s): what was not confirmed "
				   "is sent again by a new one",
				   reason);
}

void
kafka_fail_transaction(struct kafka_sink *s, const char *doing,
					   const rd_kafka_error_t *error)
{
	rd_kafka_resp_err_t err = error != NULL ? rd_kafka_error_code(error)
											: RD_KAFKA_RESP_ERR_NO_ERROR;
	const char		   *what = error != NULL ? rd_kafka_error_string(error)
											 : "no reason given";

	if (!fail_as_transaction(s, doing, err, what))
		kafka_fail(s, kafka_fail_is_refusal(err) ? 4 : 1,
				   "%s: %s; what was not committed is sent again by a new "
				   "producer",
				   doing, what);
}

bool
kafka_fail_is_fatal(const struct kafka_sink *s)
{
	rd_kafka_resp_err_t err = rd_kafka_fatal_error(s->rk, NULL, 0);

	return err != RD_KAFKA_RESP_ERR_NO_ERROR &&
		   err != RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE;
}

void
kafka_fail_authentication(struct kafka_sink *s, const char *reason)
{
	bool old = s->scram && rd_kafka_version() < 0x020601ff;

	kafka_fail(s, 4,
			   "Kafka does not let us in: %s: check security.protocol, "
			   "sasl.mechanism, user and password%s%s%s",
			   reason, old ? "; librdkafka " : "",
			   old ? rd_kafka_version_str() : "",
			   old ? " cannot do SCRAM with brokers of Kafka 4, 2.6.1 can"
				   : "");
}

/*
 * Where the connection breaks before the broker has said which mechanisms it
 * knows, librdkafka names an error of its own as the reason
 * (rd_kafka_broker_handle_SaslHandshake()).
 */
bool
kafka_fail_is_cut_off(const char *reason)
{
	static const rd_kafka_resp_err_t errs[] = {
		RD_KAFKA_RESP_ERR__TRANSPORT,
		RD_KAFKA_RESP_ERR__TIMED_OUT,
		RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE,
	};

	for (size_t i = 0; i < sizeof(errs) / sizeof(errs[0]); i++)
	{
		if (strstr(reason, rd_kafka_err2str(errs[i])) != NULL)
			return true;
	}
	return false;
}

bool
kafka_fail_is_unreachable(rd_kafka_resp_err_t err)
{
	switch (err)
	{
		case RD_KAFKA_RESP_ERR__TRANSPORT:
		case RD_KAFKA_RESP_ERR__TIMED_OUT:
		case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
		case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
		case RD_KAFKA_RESP_ERR__RESOLVE:
		case RD_KAFKA_RESP_ERR__WAIT_COORD:
			return true;
		default:
			return false;
	}
}
