/*
 * kafka_version.c - what old versions of librdkafka break; see
 * kafka_version.h.
 *
 * A row is a fault that walferry would meet, or one that it goes around, which
 * has to stay so.  Faults of consumer groups and of what else walferry never
 * uses are left out.  The table is also the one of docs/operations.md (make
 * docs).
 */
#include "kafka_version.h"

#include <stdio.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define V(major, minor, patch) \
	((major) << 24 | (minor) << 16 | (patch) << 8 | 0xff)

#define STARTED_ANEW \
	"the producer is started anew, and what was not confirmed is sent again"
#define CRASHES "a crash; after a restart nothing is missing"
#define WAITS                                                                \
	"a start that reads the position waits until a broker answers, however " \
	"long that takes"

/* clang-format off */
static const struct kafka_flaw flaws[] = {
	{.from = 0, .until = V(2, 2, 0), .uses = KAFKA_USE_TLS,
		.breaks = "with OpenSSL 3, a TLS connection that is cut off counts as "
			"an error that does not pass",
		.effect = STARTED_ANEW, .see = "#4294"},
	{.from = 0, .until = V(2, 3, 0), .uses = KAFKA_USE_PRODUCER,
		.breaks = "after a lost connection or a timeout the idempotent "
			"producer may fail for good (\"sequence desynchronization\")",
		.effect = STARTED_ANEW, .see = "#4438"},
	{.from = 0, .until = V(2, 3, 0), .uses = KAFKA_USE_POSITIONS,
		.breaks = "rd_kafka_query_watermark_offsets() has no time limit",
		.effect = WAITS, .see = "#4460"},
	{.from = 0, .until = V(2, 3, 0), .uses = 0,
		.breaks = "rd_kafka_query_watermark_offsets() goes on asking a leader "
			"that is none any more",
		.effect = "none: walferry asks by a new consumer each time, which "
			"looks for the leader anew", .see = "#4225"},
	{.from = V(2, 1, 0), .until = V(2, 4, 0), .uses = KAFKA_USE_PRODUCER,
		.breaks = "a topic may count as unknown for a moment, while what is "
			"known of all topics is asked for",
		.effect = STARTED_ANEW, .see = "#4677"},
	{.from = V(2, 2, 0), .until = V(2, 5, 0), .uses = KAFKA_USE_PRODUCER,
		.breaks = "a large batch that is sent again may fail for good "
			"(\"Unable to reconstruct MessageSet\")",
		.effect = STARTED_ANEW, .see = "#4750"},
	{.from = 0, .until = V(2, 5, 0), .uses = KAFKA_USE_PRODUCER,
		.breaks = "names of certain lengths, such as a long client.id, may "
			"crash the program, from 2.1.0 on more likely",
		.effect = CRASHES,
		.see = "#4689"},
	{.from = V(2, 5, 0), .until = V(2, 5, 3), .uses = 0,
		.breaks = "an assertion about telemetry ends the program",
		.effect = "none: walferry sends no telemetry "
			"(enable.metrics.push=false)",
		.see = "#4826"},
	{.from = 0, .until = V(2, 6, 1), .uses = KAFKA_USE_SCRAM,
		.breaks = "Kafka 4 refuses a login by SCRAM",
		.effect = "exit code 4 at such brokers", .see = "#4895"},
	{.from = 0, .until = V(2, 8, 0), .uses = KAFKA_USE_CERTIFICATE,
		.breaks = "a client certificate is sent without those of the "
			"authorities between it and the root",
		.effect = "brokers that do not know these refuse it",
		.see = "#4894"},
	{.from = 0, .until = V(2, 10, 0), .uses = KAFKA_USE_TRANSACTIONS,
		.breaks = "while a broker is away, the new coordinator of "
			"transactions may not be found before it is back",
		.effect = "the commit waits for that; nothing is lost",
		.see = "#4970"},
	{.from = V(2, 4, 0), .until = V(2, 10, 0), .uses = KAFKA_USE_PRODUCER,
		.breaks = "a topic that was deleted and made again, which has a new "
			"id, may crash the program",
		.effect = CRASHES, .see = "#4964, #4778"},
	{.from = 0, .until = V(2, 10, 0), .uses = KAFKA_USE_PRODUCER,
		.breaks = "a topic that a broker answers for with an error may crash "
			"the program",
		.effect = CRASHES, .see = "#4907"},
	{.from = 0, .until = V(2, 10, 0), .uses = KAFKA_USE_PRODUCER,
		.breaks = "an error of a broker's about a topic, though it passes, "
			"makes the topic unknown",
		.effect = STARTED_ANEW, .see = "#4970"},
	{.from = 0, .until = V(2, 10, 0), .uses = 0,
		.breaks = "small requests wait for the answer to the one before "
			"(Nagle's algorithm)",
		.effect = "none: walferry sets socket.nagle.disable=true",
		.see = "#4986"},
	{.from = V(2, 10, 0), .until = V(2, 10, 1), .uses = KAFKA_USE_PRODUCER,
		.breaks = "after all brokers were away it may ask none but those of "
			"bootstrap.servers, for ever",
		.effect = "nothing is carried until walferry or a broker is "
			"restarted; nothing is lost",
		.see = "#5086"},
	{.from = 0, .until = V(2, 12, 0), .uses = 0,
		.breaks = "rd_kafka_produceva() frees headers twice if the partition "
			"does not exist",
		.effect = "none: walferry calls rd_kafka_producev()",
		.see = "#4628"},
	{.from = V(2, 3, 0), .until = V(2, 12, 0), .uses = KAFKA_USE_POSITIONS,
		.breaks = "rd_kafka_query_watermark_offsets() does not keep to its "
			"time limit",
		.effect = WAITS, .see = "#5201"},
	{.from = 0, .until = V(2, 13, 0), .uses = 0,
		.breaks = "settings with interceptors, which exactly.once needs, are "
			"freed twice if the producer cannot be made",
		.effect = "none: walferry does not free them then", .see = "#5240"},
	{.from = 0, .until = V(2, 15, 0), .uses = 0,
		.breaks = "aborting a transaction that has records in the queue may "
			"fail for good (INVALID_TXN_STATE)",
		.effect = "none: walferry leaves it to the next producer to abort",
		.see = "met with 2.0.2, not with 2.15.0"},
};
/* clang-format on */

const struct kafka_flaw *
kafka_version_flaws(size_t *n)
{
	*n = LENGTH(flaws);
	return flaws;
}

bool
kafka_version_meets(const struct kafka_flaw *flaw, int version, unsigned uses)
{
	return version >= flaw->from && version < flaw->until &&
		   (flaw->uses & uses) != 0;
}

const char *
kafka_version_text(int version, char *text)
{
	snprintf(text, KAFKA_VERSION_TEXT, "%s%d.%d.%d",
			 (version & 0xff) == 0xff ? "" : "before ", version >> 24 & 0xff,
			 version >> 16 & 0xff, version >> 8 & 0xff);
	return text;
}

void
kafka_version_docs(struct buf *out)
{
	buf_lit(out, "| repaired in | what breaks | what it means |\n|---|---|---"
				 "|\n");
	for (size_t i = 0; i < LENGTH(flaws); i++)
	{
		const struct kafka_flaw *flaw = &flaws[i];
		char					 text[KAFKA_VERSION_TEXT];

		buf_printf(out, "| %s", kafka_version_text(flaw->until, text));
		if (flaw->from != 0)
			buf_printf(out, ", since %s",
					   kafka_version_text(flaw->from, text));
		buf_printf(out, "<br>(%s) | %s%s | %s |\n", flaw->see,
				   flaw->uses & KAFKA_USE_TRANSACTIONS ? "`exactly.once`: "
													   : "",
				   flaw->breaks, flaw->effect);
	}
}
