/*
 * config_table.c - the one table of options.
 *
 * It is what the parser accepts, what --help and --print-config show and what
 * docs/configuration.md is made of.  Every property of Debezium's PostgreSQL
 * connector is here, so that a connector's file never meets an unknown name:
 * what changes events or guarantees and is not built is refused by name, and
 * what only tunes something that does not exist here is accepted with one
 * warning.  Kafka client settings have a table of their own (config_kafka.c).
 *
 * To build an option that is NOT_YET: make the stance WORKS (or PARTLY with
 * the values that work in 'built'), and remove its note.
 */
#include "config_part.h"

#include <string.h>

#define SECTION(title)              \
	{                               \
		.name = NULL, .help = title \
	}

#define BOOL CONFIG_BOOL
#define WORKS CONFIG_WORKS
#define PARTLY CONFIG_PARTLY
#define NOT_YET CONFIG_NOT_YET
#define NO_EFFECT CONFIG_NO_EFFECT
#define REFUSED CONFIG_REFUSED

/* Notes that several rows share. */
#define NO_SNAPSHOT "no snapshot is taken yet"
#define NO_INCREMENTAL "incremental snapshots are not built yet"
#define NO_QUEUE \
	"rows are not queued by number; max.queue.size.in.bytes bounds memory"
#define NO_POLL "changes are sent on as they arrive"
#define NO_PUBLICATION "the walferry plugin needs no publication"
#define NO_METRICS "metrics are not built yet"
#define NO_LINEAGE "OpenLineage is not built yet"
#define NO_JVM "it concerns the JVM"
#define NO_WORKER "there is no Connect worker"
#define NO_OFFSETS                                                   \
	"the position is kept in the replication slot and in the topic " \
	"of offsets.storage.topic; walferry.position.store says where"
#define ERRORS_RETRY                                                      \
	"errors.max.retries and retriable.restart.connector.wait.ms say how " \
	"often and how fast to retry"
#define TRANSACTION_ENDS                                                   \
	"walferry.transaction.interval.ms and walferry.transaction.max.bytes " \
	"say when a Kafka transaction ends"
#define RENAMED(to) "this is the name of an old Debezium version; write " to

/* clang-format off */
static const struct config_option table[] = {
	SECTION("Connection to PostgreSQL"),
	{.name = "database.hostname", .flags = CONFIG_REQUIRED,
		.help = "Host name, address or directory of the Unix socket; a "
			"comma-separated list is tried in order, and of a list only a "
			"primary is taken: standbys are passed over."},
	{.name = "database.port", .type = CONFIG_LIST, .deflt = "5432",
		.help = "Port; of a list of hosts, one for all of them or one for "
			"each."},
	{.name = "database.user", .flags = CONFIG_REQUIRED,
		.help = "User; needs the REPLICATION attribute."},
	{.name = "database.password", .flags = CONFIG_SECRET,
		.help = "Password. Better `${file:/run/secrets/db}`, `${env:NAME}` "
			"or `WALFERRY_DATABASE_PASSWORD_FILE` than in clear."},
	{.name = "database.dbname", .flags = CONFIG_REQUIRED,
		.help = "Database whose changes are carried."},
	{.name = "database.sslmode", .type = CONFIG_ENUM, .deflt = "prefer",
		.values = "disable|allow|prefer|require|verify-ca|verify-full",
		.help = "As in libpq. `verify-full` is what protects against a man "
			"in the middle."},
	{.name = "database.sslcert",
		.help = "File with the client's certificate."},
	{.name = "database.sslkey",
		.help = "File with the client's private key."},
	{.name = "database.sslpassword", .flags = CONFIG_SECRET,
		.help = "Password of the private key."},
	{.name = "database.sslrootcert",
		.help = "File with the certificates of the authorities to trust."},
	{.name = "database.sslfactory", .stance = NO_EFFECT, .note = NO_JVM,
		.help = "Java class that makes TLS sockets."},
	{.name = "database.tcpKeepAlive", .type = BOOL, .stance = PARTLY,
		.deflt = "true", .built = "true",
		.help = "TCP keep-alive."},
	{.name = "walferry.connect.timeout.ms", .type = CONFIG_MS,
		.deflt = "10000", .min = 1000, .max = 3600000,
		.help = "Limit for one attempt to connect to PostgreSQL."},
	{.name = "database.initial.statements", .stance = NOT_YET,
		.help = "SQL to run on each ordinary connection."},
	{.name = "database.query.timeout.ms", .type = CONFIG_MS,
		.stance = NO_EFFECT, .deflt = "600000",
		.note = "no long queries are run",
		.help = "Limit for a query."},
	{.name = "database.connection.factory.class", .stance = NOT_YET,
		.note = "IAM authentication has to wait; use a password or a "
			"certificate",
		.help = "Java class that makes connections, as for AWS IAM."},
	{.name = "connection.validation.timeout.ms", .type = CONFIG_MS,
		.stance = NO_EFFECT, .deflt = "60000",
		.note = "walferry.connect.timeout.ms limits connecting",
		.help = "Limit for checking a connection."},
	{.name = "driver.*", .stance = NOT_YET,
		.note = "these are settings of the JDBC driver; libpq's are set by "
			"database.ssl* and its own environment variables",
		.help = "Settings passed to the JDBC driver."},
	{.name = "read.only", .type = BOOL, .stance = NO_EFFECT, .deflt = "false",
		.note = "walferry never writes to the database",
		.help = "Incremental snapshots without writing watermarks."},

	SECTION("Replication slot and plugin"),
	{.name = "plugin.name", .type = CONFIG_ENUM, .deflt = "walferry",
		.values = "walferry|pgoutput|decoderbufs",
		.help = "Output plugin. `pgoutput` and `decoderbufs`, as a "
			"connector's file has them, give a warning and walferry's own "
			"is used."},
	{.name = "slot.name", .deflt = "debezium",
		.help = "Replication slot; 1 to 63 of `a-z`, `0-9`, `_`."},
	{.name = "walferry.slot.create", .type = BOOL, .deflt = "true",
		.help = "Create the slot if it does not exist."},
	{.name = "slot.drop.on.stop", .type = BOOL, .deflt = "false",
		.help = "Drop the slot at a clean stop. For tests: changes made "
			"while no slot exists are lost. Only with "
			"`walferry.position.store=slot`."},
	{.name = "slot.failover", .type = BOOL, .deflt = "false",
		.help = "Create the slot as one that a standby keeps in step, so "
			"that it is there after a failover (PostgreSQL 17 and later; the "
			"standby needs `sync_replication_slots`)."},
	{.name = "slot.stream.params",
		.help = "More options for the plugin, `name=value;name=value`: those "
			"that no other property sets, except `streaming`."},
	{.name = "status.update.interval.ms", .type = CONFIG_MS,
		.deflt = "10000", .min = 100, .max = 3600000,
		.help = "How often PostgreSQL is told the position; less than "
			"wal_sender_timeout."},
	{.name = "slot.max.retries", .type = CONFIG_INT, .stance = NO_EFFECT,
		.deflt = "6", .note = ERRORS_RETRY,
		.help = "Attempts to connect to the slot."},
	{.name = "slot.retry.delay.ms", .type = CONFIG_MS, .stance = NO_EFFECT,
		.deflt = "10000", .note = ERRORS_RETRY,
		.help = "Wait between these attempts."},
	{.name = "offset.mismatch.strategy", .type = CONFIG_ENUM,
		.deflt = "fail",
		.values = "fail|trust_slot|trust_offset|no_validation|"
			"trust_greater_lsn",
		.help = "What to do at the start if the stored position and the slot "
			"contradict each other, where a position is stored "
			"(`walferry.position.store`). `fail`, and `trust_offset`, which "
			"is the same: stop with exit code 5 and say what is wrong. "
			"`trust_slot`: where the record is missing, the slot stands "
			"beyond it or the server does not have it, go on from the slot; "
			"what is between is the operator's word. `no_validation`, which is Debezium's default, "
			"and `trust_greater_lsn` are refused there, for both may lose "
			"changes in silence."},
	{.name = "internal.slot.seek.to.known.offset.on.start", .type = BOOL,
		.stance = NO_EFFECT, .deflt = "false",
		.note = "offset.mismatch.strategy says what counts",
		.help = "Old form of offset.mismatch.strategy."},
	{.name = "internal.create.slot.command.timeout", .type = CONFIG_INT,
		.stance = NO_EFFECT, .deflt = "90",
		.note = "creating a slot waits for running transactions as long as "
			"that takes",
		.help = "Limit for creating the slot, in seconds."},
	{.name = "publication.name", .stance = NO_EFFECT,
		.deflt = "dbz_publication", .note = NO_PUBLICATION,
		.help = "Publication that pgoutput reads."},
	{.name = "publication.autocreate.mode", .stance = NO_EFFECT,
		.deflt = "all_tables", .note = NO_PUBLICATION,
		.help = "How to create the publication."},
	{.name = "replica.identity.autoset.values", .stance = NOT_YET,
		.note = "run ALTER TABLE ... REPLICA IDENTITY yourself",
		.help = "Replica identities to set on tables."},
	{.name = "lsn.flush.mode", .type = CONFIG_ENUM, .stance = PARTLY,
		.flags = CONFIG_NEVER,
		.deflt = "connector_and_driver",
		.values = "manual|connector|connector_and_driver",
		.built = "connector|connector_and_driver",
		.note = "the position is confirmed as soon as Kafka holds the events",
		.help = "Who confirms positions. walferry does, also those of an "
			"idle database, so that it keeps no WAL."},
	{.name = "flush.lsn.source", .type = BOOL, .stance = PARTLY,
		.flags = CONFIG_NEVER,
		.deflt = "true", .built = "true",
		.note = "the position is confirmed as soon as Kafka holds the events",
		.help = "Old form of lsn.flush.mode."},
	{.name = "lsn.flush.timeout.ms", .type = CONFIG_MS, .stance = NO_EFFECT,
		.deflt = "30000", .note = "confirming never blocks",
		.help = "Limit for confirming a position."},
	{.name = "lsn.flush.timeout.action", .stance = NO_EFFECT,
		.deflt = "fail", .note = "confirming never blocks",
		.help = "What to do at that limit."},
	{.name = "xmin.fetch.interval.ms", .type = CONFIG_MS, .stance = NOT_YET,
		.deflt = "0",
		.help = "How often to read the slot's xmin for `source.xmin`."},

	SECTION("Which changes"),
	{.name = "schema.include.list", .type = CONFIG_REGEX_LIST,
		.help = "Schemas to carry; expressions that match the whole name."},
	{.name = "schema.exclude.list", .type = CONFIG_REGEX_LIST,
		.help = "Schemas not to carry."},
	{.name = "table.include.list", .type = CONFIG_REGEX_LIST,
		.help = "Tables to carry; expressions that match the whole of "
			"`schema.table`."},
	{.name = "table.exclude.list", .type = CONFIG_REGEX_LIST,
		.help = "Tables not to carry."},
	{.name = "column.include.list", .type = CONFIG_REGEX_LIST,
		.help = "Columns to carry; expressions that match the whole of "
			"`schema.table.column`. Key columns that are not among them are in "
			"the key alone."},
	{.name = "column.exclude.list", .type = CONFIG_REGEX_LIST,
		.help = "Columns not to carry. Key columns that are among them are in "
			"the key alone."},
	{.name = "message.prefix.include.list", .type = CONFIG_REGEX_LIST,
		.help = "Prefixes of logical messages to carry."},
	{.name = "message.prefix.exclude.list", .type = CONFIG_REGEX_LIST,
		.help = "Prefixes of logical messages not to carry."},
	{.name = "skipped.operations", .type = CONFIG_LIST, .deflt = "t",
		.values = "c|u|d|t|none",
		.help = "Operations not to carry: `c`reate, `u`pdate, `d`elete, "
			"`t`runcate, or `none`."},
	{.name = "publish.via.partition.root", .type = BOOL, .deflt = "false",
		.help = "Changes of partitions go to the topic of the partitioned "
			"table."},
	{.name = "table.ignore.builtin", .type = BOOL, .stance = PARTLY,
		.flags = CONFIG_NEVER,
		.deflt = "true", .built = "true",
		.note = "system tables are not in the logical stream",
		.help = "Leave out system tables."},
	{.name = "message.key.columns",
		.help = "Columns that make the key in place of the primary key: "
			"`schema.table:column,column;schema.table:column`, of "
			"expressions that match the whole of `schema.table.column`. Where "
			"a column of it is not in the table's replica identity, a delete "
			"has no key, an update of that column deletes nothing under the "
			"old key, and one that leaves alone a large value of it has no "
			"key."},
	{.name = "skip.messages.without.change", .type = BOOL,
		.deflt = "false",
		.help = "Leave out updates that change neither a carried column nor "
			"the key, as they would be written. That is known only of tables "
			"with REPLICA IDENTITY FULL; of others every update is "
			"carried."},
	{.name = "guardrail.collections.max", .type = CONFIG_INT,
		.stance = NOT_YET, .deflt = "0",
		.help = "Limit of the number of tables."},
	{.name = "guardrail.collections.limit.action", .stance = NO_EFFECT,
		.deflt = "warn", .parent = "guardrail.collections.max",
		.note = "there is no limit of the number of tables",
		.help = "What to do at that limit."},

	SECTION("Values"),
	{.name = "compatibility", .type = CONFIG_ENUM, .deflt = "default",
		.values = "default|debezium",
		.help = "What to do where Debezium loses or falsifies something. "
			"`default`: what is right. `debezium`: the same as Debezium, for "
			"consumers that count on it; docs/debezium.md has the list."},
	{.name = "decimal.handling.mode", .type = CONFIG_ENUM,
		.deflt = "precise", .values = "precise|double|string",
		.help = "How `numeric` is written."},
	{.name = "time.precision.mode", .type = CONFIG_ENUM, .stance = PARTLY,
		.deflt = "adaptive",
		.values = "adaptive|adaptive_time_microseconds|connect|isostring|"
			"iso_local|microseconds|nanoseconds|structured",
		.built = "adaptive|adaptive_time_microseconds|connect|isostring|"
			"iso_local|microseconds|nanoseconds",
		.note = "structured came with Debezium 3.7, and events are as those "
			"of 3.6",
		.help = "How `date`, `time` and `timestamp` are written. "
			"`timestamptz` and `timetz` are texts in UTC in every mode. "
			"`iso_local` is not Debezium's: `isostring` without the Z at the "
			"end, as SQL engines want it of what has no time zone."},
	{.name = "binary.handling.mode", .type = CONFIG_ENUM, .deflt = "bytes",
		.values = "bytes|base64|base64-url-safe|hex",
		.help = "How `bytea` is written."},
	{.name = "interval.handling.mode", .type = CONFIG_ENUM,
		.deflt = "numeric", .values = "numeric|string",
		.help = "How `interval` is written: microseconds, or ISO 8601."},
	{.name = "hstore.handling.mode", .type = CONFIG_ENUM,
		.deflt = "json", .values = "json|map",
		.help = "How `hstore` is written: a string that holds JSON, or an "
			"object."},
	{.name = "money.fraction.digits", .type = CONFIG_INT, .deflt = "2",
		.min = 0, .max = 18,
		.help = "Digits after the point of `money`."},
	{.name = "include.unknown.datatypes", .type = BOOL, .deflt = "false",
		.help = "Columns of types that Debezium does not know. With "
			"`compatibility=debezium` they are left out or, with `true`, "
			"are the bytes of their text. Otherwise they are always there, "
			"as text."},
	{.name = "unavailable.value.placeholder",
		.deflt = "__debezium_unavailable_value",
		.help = "Stands for a large value that an update did not change and "
			"PostgreSQL did not log. `hex:` and digits give its bytes."},
	{.name = "column.truncate.to.<n>.chars", .type = CONFIG_REGEX_LIST,
		.help = "Columns of which rows show n characters and no more, if "
			"they are written as text, or n bytes of `bytea`; expressions "
			"that match the whole of `schema.table.column`. Keys are whole. "
			"In a database with the encoding UTF8, what is cut off `text`, "
			"`varchar` and `char` does not leave it, unless the column is in "
			"the key; other types, and other encodings, are cut here."},
	{.name = "column.mask.with.<n>.chars", .type = CONFIG_REGEX_LIST,
		.help = "Columns that rows show as n asterisks, also where they are "
			"NULL: those of `text`, `varchar`, `char`, `\"char\"`, `name` "
			"and enums, and domains over these. As in Debezium, columns of "
			"any other type are not masked, and a key is never. What is "
			"masked and in no key does not leave the database."},
	{.name = "column.mask.hash.<algorithm>.with.salt.<salt>",
		.type = CONFIG_REGEX_LIST, .flags = CONFIG_SECRET,
		.help = "Columns of which rows show a salted hash in place of each "
			"value, in lower-case hexadecimal, no longer than the column is "
			"declared: columns of the types that are masked with "
			"`column.mask.with.<n>.chars`. NULL stays NULL, and keys are as "
			"they are. The algorithm is one of Java's: `MD5`, `SHA-1`, "
			"`SHA-224`, `SHA-256`, `SHA-384`, `SHA-512`, `SHA-512/224`, "
			"`SHA-512/256`, `SHA3-224`, `SHA3-256`, `SHA3-384`, `SHA3-512`. "
			"walferry computes the hash, not PostgreSQL, which never gets "
			"to know the salt: unlike what is masked with asterisks or cut "
			"off, the values do travel from the database to walferry. The "
			"salt is in the property's name, so keep the file to yourself; "
			"it is never shown or logged. Without `v2` what is hashed is "
			"what Java's serialisation writes of the text."},
	{.name = "column.mask.hash.v2.<algorithm>.with.salt.<salt>",
		.type = CONFIG_REGEX_LIST, .flags = CONFIG_SECRET,
		.help = "The same of the UTF-8 of the text, which any program can "
			"compute: the hash of the salt and, after it, the value."},
	{.name = "column.propagate.source.type", .type = CONFIG_REGEX_LIST,
		.help = "Columns (`schema.table.column`) whose type, length, scale "
			"and name in PostgreSQL are parameters in the event's schema."},
	{.name = "datatype.propagate.source.type", .type = CONFIG_REGEX_LIST,
		.help = "The same for columns by their type "
			"(`schema.table.type`)."},
	{.name = "field.name.adjustment.mode", .type = CONFIG_ENUM,
		.deflt = "none", .values = "none|avro|avro_unicode",
		.help = "How names of columns are changed for Avro: `avro` writes `_` "
			"for what it does not allow, `avro_unicode` `_uXXXX`, also for "
			"`_`. Where that makes two columns the same, the later one keeps "
			"its name."},
	{.name = "schema.name.adjustment.mode", .type = CONFIG_ENUM,
		.deflt = "none", .values = "none|avro|avro_unicode",
		.help = "The same for names of schemas."},
	{.name = "schema.refresh.mode", .stance = NO_EFFECT,
		.deflt = "columns_diff",
		.note = "each row comes with its exact schema from the WAL",
		.help = "When to read a table's definition again."},
	{.name = "include.schema.comments", .type = BOOL, .stance = NO_EFFECT,
		.deflt = "false", .note = "schemas carry no comments yet",
		.help = "Comments of tables and columns in schemas."},
	{.name = "include.schema.changes", .type = BOOL, .stance = NO_EFFECT,
		.built = "true|false",
		.note = "Debezium's PostgreSQL connector has no such topic either",
		.help = "A topic of schema changes."},
	{.name = "converters", .type = CONFIG_LIST, .stance = REFUSED,
		.note = "Java converters cannot run here; remove them, "
			"decimal.handling.mode, binary.handling.mode and "
			"interval.handling.mode may do",
		.help = "Custom Java converters."},
	{.name = "post.processors", .type = CONFIG_LIST, .stance = NOT_YET,
		.note = "give the table REPLICA IDENTITY FULL to have large values "
			"in every event",
		.help = "Processors of finished events, such as one that reads "
			"large values again."},
	{.name = "post.processors.*", .stance = NO_EFFECT,
		.parent = "post.processors",
		.note = "post.processors names none",
		.help = "Settings of a post processor."},
	{.name = "event.converting.failure.handling.mode", .type = CONFIG_ENUM,
		.stance = PARTLY, .deflt = "warn", .values = "fail|warn|skip",
		.built = "warn",
		.help = "What to do with a value that cannot be converted."},
	{.name = "sourceinfo.struct.maker", .stance = NO_EFFECT,
		.deflt = "io.debezium.connector.postgresql.PostgresSourceInfoStructMaker",
		.note = "the source block is Debezium's default one",
		.help = "Java class that makes the source block."},

	SECTION("Topics and events"),
	{.name = "topic.prefix", .flags = CONFIG_REQUIRED,
		.help = "First part of all topic names, "
			"`<topic.prefix>.<schema>.<table>`, and the logical name of the "
			"source. Never change it."},
	{.name = "topic.delimiter", .deflt = ".",
		.help = "Between the parts of the name of a table's topic."},
	{.name = "tombstones.on.delete", .type = BOOL, .deflt = "true",
		.help = "After a delete, a record without value for log compaction."},
	{.name = "extended.headers.enabled", .type = BOOL, .deflt = "true",
		.help = "Debezium's context headers on each record."},
	{.name = "walferry.keyless.partition", .type = CONFIG_ENUM,
		.deflt = "topic", .values = "topic|position",
		.help = "Partition of a record without key: one fixed for each "
			"topic, which keeps the table's order, or spread by position. A "
			"repeat always lands where the first copy did."},
	{.name = "topic.creation.enable", .type = BOOL, .deflt = "true",
		.help = "Create missing topics. `false` leaves that to the broker "
			"or to you."},
	{.name = "topic.creation.groups", .type = CONFIG_LIST,
		.help = "Names of groups of topics, each with settings of its own; "
			"the first that matches counts. The group `default` is always "
			"there."},
	{.name = "topic.creation.<group>.include", .type = CONFIG_REGEX_LIST,
		.help = "Topics of the group; expressions that match the whole name."},
	{.name = "topic.creation.<group>.exclude", .type = CONFIG_REGEX_LIST,
		.help = "Topics not of the group."},
	{.name = "topic.creation.<group>.partitions", .type = CONFIG_INT,
		.deflt = "-1",
		.help = "Number of partitions; -1 is the broker's default."},
	{.name = "topic.creation.<group>.replication.factor",
		.type = CONFIG_INT, .deflt = "-1",
		.help = "Number of replicas; -1 is the broker's default."},
	{.name = "topic.creation.<group>.<topic setting>",
		.help = "Any topic setting of Kafka, such as `cleanup.policy`."},
	{.name = "topic.naming.strategy", .type = CONFIG_ENUM,
		.deflt = "io.debezium.schema.SchemaTopicNamingStrategy",
		.values = "io.debezium.schema.SchemaTopicNamingStrategy|"
			"io.debezium.schema.DefaultTopicNamingStrategy|"
			"io.debezium.schema.SchemaUnicodeTopicNamingStrategy|"
			"io.debezium.schema.DefaultUnicodeTopicNamingStrategy|"
			"io.debezium.schema.SchemaRegexTopicNamingStrategy|"
			"io.debezium.schema.DefaultRegexTopicNamingStrategy",
		.help = "How tables' topics are named, by the name of Debezium's "
			"class: with the schema or, `Default`, without it; with `_` or, "
			"`Unicode`, with `_uXXXX` for characters that Kafka does not "
			"allow, and then for `_` as well; `Regex`, as `topic.regex` and "
			"`topic.replacement` say."},
	{.name = "topic.regex",
		.help = "With a `Regex` class: expression of topics' names. What "
			"matches as a whole is replaced."},
	{.name = "topic.replacement",
		.help = "By this, in which `$1` and `${name}` are its groups. Several "
			"tables may so come to share a topic."},
	{.name = "topic.key.enforce.uniqueness", .type = BOOL, .deflt = "true",
		.help = "With a `Regex` class: keys have a field more, which says "
			"whose they are; a table without key has it as its key. `false`: "
			"where tables share a topic, their keys may clash."},
	{.name = "topic.key.field.name",
		.deflt = "__dbz__physicalTableIdentifier",
		.help = "Name of that field."},
	{.name = "topic.key.field.regex",
		.help = "Its value is the name that the topic would have without "
			"`topic.regex`; and if that matches this expression as a whole,"},
	{.name = "topic.key.field.replacement",
		.help = "it is replaced by this, likewise."},
	{.name = "topic.cache.size", .type = CONFIG_INT, .stance = NO_EFFECT,
		.deflt = "10000",
		.note = "a table's topic name is kept with the table",
		.help = "Number of topic names to keep."},
	{.name = "heartbeat.interval.ms", .type = CONFIG_MS, .deflt = "0",
		.help = "How often to write a heartbeat, also while idle; 0 is "
			"never. None is needed to let PostgreSQL drop WAL: walferry "
			"confirms an idle database's position by itself."},
	{.name = "heartbeat.action.query",
		.help = "SQL to run with each heartbeat, on a connection of its own "
			"(application_name `walferry_heartbeat`, the same "
			"`database.*`), within 30 seconds. One that fails is warned "
			"about, and nothing else happens."},
	{.name = "topic.heartbeat.prefix", .deflt = "__debezium-heartbeat",
		.help = "First part of the heartbeat topic's name, before "
			"`topic.prefix`."},
	{.name = "topic.heartbeat.name",
		.help = "Whole name of the heartbeat topic; "
			"`<topic.heartbeat.prefix>.<topic.prefix>` if absent."},
	{.name = "heartbeat.topics.prefix",
		.help = "Old form of topic.heartbeat.prefix, which counts more."},
	{.name = "topic.transaction", .deflt = "transaction",
		.help = "Last part of the transaction topic's name, "
			"`<topic.prefix>.<topic.transaction>`."},
	{.name = "provide.transaction.metadata", .type = BOOL,
		.deflt = "false",
		.help = "A record at the begin and one at the end of each "
			"transaction of which something is published, with the numbers "
			"of its events, and in each event a `transaction` block: the "
			"transaction's id, and the event's place in it."},
	{.name = "transaction.metadata.factory", .stance = PARTLY,
		.flags = CONFIG_NEVER,
		.deflt = "io.debezium.pipeline.txmetadata."
			"DefaultTransactionMetadataFactory",
		.built = "io.debezium.pipeline.txmetadata."
			"DefaultTransactionMetadataFactory",
		.help = "Java class that makes transaction events."},

	SECTION("Delivery, memory and retries"),
	{.name = "walferry.sink", .type = CONFIG_ENUM, .deflt = "kafka",
		.values = "kafka|stdout",
		.help = "Where events go; `stdout` is for looking and confirms "
			"nothing to a named slot."},
	{.name = "max.queue.size.in.bytes", .type = CONFIG_BYTES,
		.deflt = "4194304", .min = 0, .max = 1073741824,
		.help = "Limit of the bytes that are under way to Kafka; when it is "
			"reached, reading from PostgreSQL pauses. Debezium's default is "
			"no limit."},
	{.name = "errors.max.retries", .type = CONFIG_INT, .deflt = "-1",
		.min = -1, .max = INT32_MAX,
		.help = "Attempts to reach PostgreSQL or Kafka again; -1 is without "
			"end."},
	{.name = "retriable.restart.connector.wait.ms", .type = CONFIG_MS,
		.deflt = "1000", .min = 1, .max = 3600000,
		.help = "Wait before the first new attempt; it doubles up to "
			"walferry.retry.backoff.max.ms. Debezium's default is 10000."},
	{.name = "walferry.retry.backoff.max.ms", .type = CONFIG_MS,
		.deflt = "60000", .min = 1, .max = 3600000,
		.help = "Longest wait between attempts."},
	{.name = "walferry.shutdown.timeout.ms", .type = CONFIG_MS,
		.deflt = "30000", .min = 0, .max = 3600000,
		.help = "At SIGTERM, how long to wait for Kafka to acknowledge what "
			"is under way. What is not confirmed by then is sent again "
			"after the next start."},
	{.name = "walferry.shutdown.grace.ms", .type = CONFIG_MS,
		.deflt = "30000", .min = 0, .max = 3600000,
		.help = "How long a PostgreSQL that is shutting down is kept waiting "
			"until Kafka has what it was sent. After that it is let go; what "
			"Kafka does not have is sent again after the next start. 0 waits "
			"for ever."},
	{.name = "exactly.once", .type = BOOL, .deflt = "false",
		.help = "Exactly-once delivery: events and the position of their "
			"source transactions are in one Kafka transaction. For readers "
			"with `isolation.level=read_committed`."},
	{.name = "exactly.once.support", .type = CONFIG_ENUM,
		.deflt = "requested", .values = "requested|required",
		.help = "Connect's demand for exactly-once delivery; `required` is "
			"`exactly.once=true`."},
	{.name = "walferry.position.store", .type = CONFIG_ENUM,
		.deflt = "topic", .values = "slot|topic",
		.help = "Where the position is kept: in the slot and in a record of "
			"the topic `offsets.storage.topic`, by which a start notices that "
			"the slot was lost, created anew or moved; or, at least once "
			"only, in the `slot` alone, and then nobody notices."},
	{.name = "offsets.storage.topic",
		.help = "Topic of the position record, compacted and with one "
			"partition; `<topic.prefix>.<slot.name>.offsets` if absent. It "
			"must be no topic of events."},
	{.name = "walferry.partition.count", .type = CONFIG_ENUM,
		.deflt = "pinned", .values = "pinned|current",
		.help = "Where positions are stored, a topic's number of partitions "
			"is pinned when the first event goes to it, so that its keys "
			"stay in order when partitions are added later. `current` takes "
			"the topics' present numbers instead, once, at a start: set it "
			"back to `pinned` afterwards."},
	{.name = "walferry.position.interval.ms", .type = CONFIG_MS,
		.deflt = "10000", .min = 100, .max = 3600000,
		.help = "How often the position is stored while the database has "
			"nothing to say to us, so that PostgreSQL may drop WAL."},
	{.name = "walferry.transaction.interval.ms", .type = CONFIG_MS,
		.deflt = "100", .min = 1, .max = 60000,
		.help = "With `exactly.once`: a Kafka transaction that is this old is "
			"ended with the source transaction in hand. A reader with "
			"`read_committed` sees an event when its Kafka transaction has "
			"ended, so this bounds what it waits for under load; more makes "
			"fewer and larger transactions, which are cheaper for the "
			"brokers. Events that are late already, from a backlog, may "
			"become so by a quarter more, a second at most (by the clocks of "
			"the two machines). When PostgreSQL has nothing more to send, "
			"the transaction is ended at once."},
	{.name = "walferry.transaction.max.bytes", .type = CONFIG_BYTES,
		.deflt = "33554432", .min = 1, .max = 1073741824,
		.help = "With `exactly.once`: a Kafka transaction whose events have "
			"so many bytes is ended with the source transaction in hand. "
			"Less makes a `read_committed` reader's batches smaller and "
			"costs throughput."},
	{.name = "walferry.transaction.split.ms", .type = CONFIG_MS,
		.deflt = "0", .min = 0, .max = 900000,
		.help = "With `exactly.once`: a source transaction that takes longer "
			"to publish is split over several Kafka transactions, each with "
			"the position within it, because Kafka aborts what is open for "
			"longer than `transaction.timeout.ms`. It is still carried "
			"exactly once, but a `read_committed` reader may see its first "
			"part before the rest. 0 is half of `transaction.timeout.ms`."},
	{.name = "walferry.too.large", .type = CONFIG_ENUM,
		.deflt = "stop", .values = "stop|placeholder",
		.help = "What to do with an event that is larger than "
			"`max.request.size` allows: stop with exit code 4, or send one "
			"in its place, with the same key, in which "
			"`unavailable.value.placeholder` stands for the long values and "
			"the header `walferry.too_large` says so."},
	{.name = "exactly.once.source.support", .type = CONFIG_ENUM,
		.stance = NO_EFFECT, .deflt = "disabled",
		.values = "disabled|preparing|enabled", .built = "preparing",
		.note = "exactly.once says whether delivery is exactly once",
		.help = "The Connect worker's support of exactly-once delivery."},
	{.name = "transaction.boundary", .type = CONFIG_ENUM,
		.stance = NO_EFFECT, .deflt = "poll",
		.values = "poll|interval|connector", .note = TRANSACTION_ENDS,
		.help = "Where Connect ends a Kafka transaction."},
	{.name = "transaction.boundary.interval.ms", .type = CONFIG_MS,
		.stance = NO_EFFECT, .note = TRANSACTION_ENDS,
		.help = "How often Connect ends a Kafka transaction."},
	{.name = "event.processing.failure.handling.mode", .type = CONFIG_ENUM,
		.stance = PARTLY, .flags = CONFIG_NEVER, .deflt = "fail",
		.values = "fail|warn|skip|ignore",
		.built = "fail",
		.note = "no event is ever left out",
		.help = "What to do with an event that cannot be processed."},
	{.name = "errors.tolerance", .type = CONFIG_ENUM, .stance = PARTLY,
		.flags = CONFIG_NEVER,
		.deflt = "none", .values = "none|all", .built = "none",
		.note = "no event is ever left out",
		.help = "Whether Connect leaves out events that fail."},
	{.name = "errors.log.enable", .type = BOOL, .stance = NO_EFFECT,
		.deflt = "false", .note = "errors are always logged",
		.help = "Log errors."},
	{.name = "errors.log.include.messages", .type = BOOL,
		.stance = NO_EFFECT, .deflt = "false",
		.note = "row contents are never logged",
		.help = "Log the records that failed."},
	{.name = "errors.retry.timeout", .stance = NO_EFFECT, .deflt = "0",
		.note = ERRORS_RETRY,
		.help = "How long Connect retries."},
	{.name = "errors.retry.delay.max.ms", .type = CONFIG_MS,
		.stance = NO_EFFECT, .deflt = "60000",
		.note = "walferry.retry.backoff.max.ms bounds the wait",
		.help = "Longest wait between Connect's retries."},
	{.name = "internal.custom.retriable.exception", .stance = NO_EFFECT,
		.note = NO_JVM,
		.help = "Java exceptions that are worth a retry."},
	{.name = "executor.shutdown.timeout.ms", .type = CONFIG_MS,
		.stance = NO_EFFECT, .deflt = "4000",
		.note = "walferry.shutdown.timeout.ms limits stopping",
		.help = "Limit for stopping Debezium's threads."},
	{.name = "max.queue.size", .type = CONFIG_INT, .stance = NO_EFFECT,
		.deflt = "8192", .note = NO_QUEUE,
		.help = "Events in the internal queue."},
	{.name = "max.batch.size", .type = CONFIG_INT, .stance = NO_EFFECT,
		.deflt = "2048", .note = NO_QUEUE,
		.help = "Events in a batch."},
	{.name = "poll.interval.ms", .type = CONFIG_MS, .stance = NO_EFFECT,
		.deflt = "500", .note = NO_POLL,
		.help = "Wait for new events."},
	{.name = "poll.dispatch.interval.ms", .type = CONFIG_MS,
		.stance = NO_EFFECT, .deflt = "0", .note = NO_POLL,
		.help = "Wait for more events."},
	{.name = "queue.provider.type", .stance = NO_EFFECT, .deflt = "memory",
		.note = NO_QUEUE, .help = "Kind of the internal queue."},
	{.name = "internal.log.position.check.enable", .type = BOOL,
		.stance = NO_EFFECT, .deflt = "true",
		.note = "PostgreSQL checks the slot's position",
		.help = "Check that the stored position is still in the WAL."},
	{.name = "internal.offset.activity.monitor.interval.ms",
		.type = CONFIG_MS, .stance = NO_EFFECT, .deflt = "600000",
		.note = NO_OFFSETS, .help = "Check for positions that do not move."},
	{.name = "streaming.delay.ms", .type = CONFIG_MS, .stance = NOT_YET,
		.deflt = "0", .help = "Wait before streaming."},

	SECTION("Running"),
	{.name = "name",
		.help = "Name of the connector; `topic.prefix` if absent."},
	{.name = "walferry.log.level", .type = CONFIG_ENUM,
		.flags = CONFIG_RELOAD, .deflt = "info",
		.values = "debug|info|warn|error",
		.help = "Least important messages to log."},
	{.name = "walferry.progress.interval.ms", .type = CONFIG_MS,
		.flags = CONFIG_RELOAD, .deflt = "10000", .min = 0, .max = 86400000,
		.help = "How often to log rate, position and lag; 0 is never."},
	{.name = "walferry.health.socket",
		.help = "Path of the Unix socket that `walferry health` asks; none "
			"if absent."},
	{.name = "walferry.unknown.properties", .type = CONFIG_ENUM,
		.deflt = "fail", .values = "fail|warn",
		.help = "What to do with a name that nobody knows."},
	{.name = "connector.class", .stance = PARTLY,
		.flags = CONFIG_NEVER,
		.deflt = "io.debezium.connector.postgresql.PostgresConnector",
		.built = "io.debezium.connector.postgresql.PostgresConnector|"
			"PostgresConnector|"
			"io.debezium.connector.postgresql.PostgresSourceConnector",
		.note = "walferry reads PostgreSQL only",
		.help = "Java class of the connector."},
	{.name = "tasks.max", .type = CONFIG_INT, .stance = NO_EFFECT,
		.deflt = "1", .note = "a slot has one reader",
		.help = "Number of Connect tasks."},
	{.name = "tasks.max.enforce", .type = BOOL, .stance = NO_EFFECT,
		.deflt = "true", .note = "a slot has one reader",
		.help = "Whether Connect enforces tasks.max."},

	SECTION("Formats (Kafka Connect converters)"),
	{.name = "key.converter", .stance = PARTLY,
		.deflt = "org.apache.kafka.connect.json.JsonConverter",
		.built = "org.apache.kafka.connect.json.JsonConverter|JsonConverter|"
			"Json",
		.help = "Format of keys."},
	{.name = "key.converter.schemas.enable", .type = BOOL, .deflt = "false",
		.help = "Whether keys carry their schema. Kafka Connect's default is "
			"`true`."},
	{.name = "value.converter", .stance = PARTLY,
		.deflt = "org.apache.kafka.connect.json.JsonConverter",
		.built = "org.apache.kafka.connect.json.JsonConverter|JsonConverter|"
			"Json",
		.help = "Format of values."},
	{.name = "value.converter.schemas.enable", .type = BOOL,
		.deflt = "false",
		.help = "Whether values carry their schema. Kafka Connect's default "
			"is `true`."},
	{.name = "key.converter.decimal.format", .type = CONFIG_ENUM,
		.deflt = "BASE64", .values = "BASE64|NUMERIC",
		.help = "How `precise` decimals are written in keys: the bytes of "
			"the unscaled value, or a number."},
	{.name = "value.converter.decimal.format", .type = CONFIG_ENUM,
		.deflt = "BASE64", .values = "BASE64|NUMERIC",
		.help = "How `precise` decimals are written in values: the bytes of "
			"the unscaled value, or a number."},
	{.name = "key.converter.replace.null.with.default", .type = BOOL,
		.deflt = "false",
		.help = "Whether a NULL in a key is written as the column's default. "
			"With `compatibility=debezium` the default is `true`, as in Kafka "
			"Connect."},
	{.name = "value.converter.replace.null.with.default", .type = BOOL,
		.deflt = "false",
		.help = "Whether a NULL is written as the column's default, as far as "
			"Debezium can read it. With `compatibility=debezium` the default "
			"is `true`, as in Kafka Connect."},
	{.name = "key.converter.schemas.cache.size", .type = CONFIG_INT,
		.stance = NO_EFFECT, .note = "a schema is made once per table",
		.help = "Schemas that the converter keeps."},
	{.name = "value.converter.schemas.cache.size", .type = CONFIG_INT,
		.stance = NO_EFFECT, .note = "a schema is made once per table",
		.help = "Schemas that the converter keeps."},
	{.name = "key.converter.*", .stance = NO_EFFECT,
		.parent = "key.converter",
		.note = "JSON has no such setting",
		.help = "Other settings of the converter, such as "
			"`schema.registry.url`."},
	{.name = "value.converter.*", .stance = NO_EFFECT,
		.parent = "value.converter",
		.note = "JSON has no such setting",
		.help = "Other settings of the converter, such as "
			"`schema.registry.url`."},
	{.name = "header.converter", .stance = NO_EFFECT,
		.built = "org.apache.kafka.connect.json.JsonConverter",
		.note = "headers are written as JSON without schema",
		.help = "Format of headers."},
	{.name = "header.converter.*", .stance = NO_EFFECT,
		.built = "false",
		.note = "headers are written as JSON without schema",
		.help = "Settings of the header converter."},
	{.name = "transforms", .type = CONFIG_LIST, .stance = NOT_YET,
		.note = "events are written as Debezium's envelope; run the "
			"transforms in the consumer",
		.help = "Single message transforms."},
	{.name = "transforms.*", .stance = NO_EFFECT, .parent = "transforms",
		.note = "transforms names none",
		.help = "Settings of a transform."},
	{.name = "predicates", .type = CONFIG_LIST, .stance = NOT_YET,
		.note = "there are no transforms yet",
		.help = "Conditions of transforms."},
	{.name = "predicates.*", .stance = NO_EFFECT, .parent = "predicates",
		.note = "predicates names none",
		.help = "Settings of a condition."},

	SECTION("Snapshots (not built yet: changes only)"),
	{.name = "snapshot.mode", .type = CONFIG_ENUM, .stance = PARTLY,
		.deflt = "no_data",
		.values = "always|initial|initial_only|no_data|never|schema_only|"
			"when_needed|configuration_based|custom",
		.built = "no_data|never|schema_only",
		.note = "write snapshot.mode=no_data to carry changes only",
		.help = "Whether to read what is in the tables before the first "
			"change. Debezium's default is `initial`."},
	{.name = "snapshot.mode.custom.name", .stance = REFUSED,
		.note = "Java snapshotters cannot run here; remove it",
		.help = "Java snapshotter."},
	{.name = "snapshot.mode.configuration.based.*", .type = BOOL,
		.stance = NO_EFFECT, .built = "false", .note = NO_SNAPSHOT,
		.help = "Switches of the mode configuration_based."},
	{.name = "snapshot.mode.configuration.based.snapshot.data", .type = BOOL,
		.stance = NO_EFFECT, .deflt = "false", .note = NO_SNAPSHOT,
		.help = "Read the rows."},
	{.name = "snapshot.mode.configuration.based.snapshot.schema",
		.type = BOOL, .stance = NO_EFFECT, .deflt = "false",
		.note = NO_SNAPSHOT, .help = "Read the schema."},
	{.name = "snapshot.mode.configuration.based.start.stream", .type = BOOL,
		.stance = NO_EFFECT, .deflt = "false", .note = NO_SNAPSHOT,
		.help = "Stream afterwards."},
	{.name = "snapshot.mode.configuration.based.snapshot.on.schema.error",
		.type = BOOL, .stance = NO_EFFECT, .deflt = "false",
		.note = NO_SNAPSHOT, .help = "Snapshot if the schema is lost."},
	{.name = "snapshot.mode.configuration.based.snapshot.on.data.error",
		.type = BOOL, .stance = NO_EFFECT, .deflt = "false",
		.note = NO_SNAPSHOT, .help = "Snapshot if the position is lost."},
	{.name = "snapshot.isolation.mode", .stance = NO_EFFECT,
		.deflt = "serializable", .note = NO_SNAPSHOT,
		.help = "Isolation level of the snapshot."},
	{.name = "snapshot.locking.mode", .stance = NO_EFFECT, .deflt = "none",
		.note = NO_SNAPSHOT, .help = "Locks of the snapshot."},
	{.name = "snapshot.locking.mode.custom.name", .stance = REFUSED,
		.note = "Java classes cannot run here; remove it",
		.help = "Java class that locks."},
	{.name = "snapshot.query.mode", .stance = NO_EFFECT,
		.deflt = "select_all", .note = NO_SNAPSHOT,
		.help = "How tables are read."},
	{.name = "snapshot.query.mode.custom.name", .stance = REFUSED,
		.note = "Java classes cannot run here; remove it",
		.help = "Java class that reads tables."},
	{.name = "snapshot.include.collection.list", .type = CONFIG_REGEX_LIST,
		.stance = NO_EFFECT, .note = NO_SNAPSHOT,
		.help = "Tables to read."},
	{.name = "snapshot.lock.timeout.ms", .type = CONFIG_MS,
		.stance = NO_EFFECT, .deflt = "10000", .note = NO_SNAPSHOT,
		.help = "Limit for locking."},
	{.name = "snapshot.select.statement.overrides", .type = CONFIG_LIST,
		.stance = NO_EFFECT, .note = NO_SNAPSHOT,
		.help = "Tables with a SELECT of their own."},
	{.name = "snapshot.select.statement.overrides.<schema>.<table>",
		.stance = NO_EFFECT, .note = NO_SNAPSHOT,
		.parent = "snapshot.select.statement.overrides",
		.help = "That SELECT."},
	{.name = "snapshot.fetch.size", .type = CONFIG_INT,
		.stance = NO_EFFECT, .deflt = "10240", .note = NO_SNAPSHOT,
		.help = "Rows to read at a time."},
	{.name = "snapshot.delay.ms", .type = CONFIG_MS, .stance = NO_EFFECT,
		.deflt = "0", .note = NO_SNAPSHOT,
		.help = "Wait before the snapshot."},
	{.name = "snapshot.max.threads", .type = CONFIG_INT,
		.stance = NO_EFFECT, .deflt = "1", .note = NO_SNAPSHOT,
		.help = "Threads of the snapshot."},
	{.name = "snapshot.max.threads.multiplier", .type = CONFIG_INT,
		.stance = NO_EFFECT, .deflt = "1", .note = NO_SNAPSHOT,
		.help = "Chunks of a table for each thread."},
	{.name = "legacy.snapshot.max.threads", .type = BOOL,
		.stance = NO_EFFECT, .deflt = "false", .note = NO_SNAPSHOT,
		.help = "One table for each thread."},
	{.name = "snapshot.tables.order.by.row.count", .stance = NO_EFFECT,
		.deflt = "disabled", .note = NO_SNAPSHOT,
		.help = "Order of the tables."},
	{.name = "internal.snapshot.scan.all.columns.force", .type = BOOL,
		.stance = NO_EFFECT, .deflt = "false", .note = NO_SNAPSHOT,
		.help = "Read definitions of all tables."},
	{.name = "incremental.snapshot.chunk.size", .type = CONFIG_INT,
		.stance = NO_EFFECT, .deflt = "1024", .note = NO_INCREMENTAL,
		.help = "Rows of a chunk."},
	{.name = "incremental.snapshot.allow.schema.changes", .type = BOOL,
		.stance = NO_EFFECT, .deflt = "false", .note = NO_INCREMENTAL,
		.help = "Go on when a table's definition changes."},
	{.name = "incremental.snapshot.watermarking.strategy",
		.stance = NO_EFFECT, .deflt = "insert_insert",
		.note = NO_INCREMENTAL,
		.help = "How a chunk is marked in the WAL."},
	{.name = "query.fetch.size", .type = CONFIG_INT, .stance = NO_EFFECT,
		.deflt = "0", .note = NO_SNAPSHOT,
		.help = "Rows to read at a time."},

	SECTION("Signals and notifications (not built yet)"),
	{.name = "signal.data.collection", .stance = NOT_YET,
		.help = "Table whose rows are signals."},
	{.name = "signal.enabled.channels", .type = CONFIG_LIST,
		.stance = NOT_YET, .deflt = "source",
		.help = "Where signals come from."},
	{.name = "signal.poll.interval.ms", .type = CONFIG_MS,
		.stance = NO_EFFECT, .deflt = "5000",
		.note = "signals are not built yet",
		.help = "How often to look for signals."},
	{.name = "signal.kafka.topic", .stance = NO_EFFECT,
		.parent = "signal.enabled.channels",
		.note = "signals are not built yet", .help = "Topic of signals."},
	{.name = "signal.kafka.groupId", .stance = NO_EFFECT,
		.deflt = "kafka-signal", .parent = "signal.enabled.channels",
		.note = "signals are not built yet", .help = "Consumer group."},
	{.name = "signal.kafka.bootstrap.servers", .stance = NO_EFFECT,
		.parent = "signal.enabled.channels",
		.note = "signals are not built yet", .help = "Brokers."},
	{.name = "signal.kafka.poll.timeout.ms", .type = CONFIG_MS,
		.stance = NO_EFFECT, .parent = "signal.enabled.channels",
		.note = "signals are not built yet", .help = "Wait for signals."},
	{.name = "signal.consumer.*", .stance = NO_EFFECT,
		.parent = "signal.enabled.channels",
		.note = "signals are not built yet",
		.help = "Settings of the consumer."},
	{.name = "signal.file", .stance = NO_EFFECT,
		.deflt = "file-signals.txt", .parent = "signal.enabled.channels",
		.note = "signals are not built yet", .help = "File of signals."},
	{.name = "signal.emit.failure.max.retries", .type = CONFIG_INT,
		.stance = NO_EFFECT, .deflt = "0",
		.note = "walferry never writes to the database",
		.help = "Attempts to write a signal."},
	{.name = "signal.emit.failure.backoff.ms", .type = CONFIG_MS,
		.stance = NO_EFFECT, .deflt = "10000",
		.note = "walferry never writes to the database",
		.help = "Wait between these attempts."},
	{.name = "notification.enabled.channels", .type = CONFIG_LIST,
		.stance = NOT_YET, .help = "Where notifications go."},
	{.name = "notification.sink.topic.name", .stance = NO_EFFECT,
		.parent = "notification.enabled.channels",
		.note = "notifications are not built yet",
		.help = "Topic of notifications."},

	SECTION("Metrics and the rest of Debezium"),
	{.name = "custom.metric.tags", .stance = NO_EFFECT, .note = NO_METRICS,
		.help = "Labels of metrics."},
	{.name = "statistics.metrics.enabled", .type = BOOL,
		.stance = NO_EFFECT, .deflt = "true", .note = NO_METRICS,
		.help = "Quantiles of the lag."},
	{.name = "internal.advanced.metrics.enable", .type = BOOL,
		.stance = NO_EFFECT, .deflt = "false", .note = NO_METRICS,
		.help = "More metrics."},
	{.name = "custom.sanitize.pattern", .stance = NO_EFFECT,
		.note = "secrets are masked by what they are",
		.help = "Settings to mask in logs."},
	{.name = "openlineage.integration.enabled", .type = BOOL,
		.stance = NO_EFFECT, .deflt = "false", .note = NO_LINEAGE,
		.help = "Send OpenLineage events."},
	{.name = "openlineage.integration.*", .stance = NO_EFFECT,
		.parent = "openlineage.integration.enabled", .note = NO_LINEAGE,
		.help = "Settings of OpenLineage."},
	{.name = "schemas.storage.*", .stance = NO_EFFECT,
		.note = "each row comes with its exact schema from the WAL",
		.help = "Where schemas are kept."},
	{.name = "tables.storage.*", .stance = NO_EFFECT,
		.note = "each row comes with its exact schema from the WAL",
		.help = "Where definitions of tables are kept."},
	{.name = "schemas.storage.class", .stance = NO_EFFECT,
		.note = "each row comes with its exact schema from the WAL",
		.help = "Where schemas are kept."},
	{.name = "tables.storage.class", .stance = NO_EFFECT,
		.note = "each row comes with its exact schema from the WAL",
		.help = "Where definitions of tables are kept."},
	{.name = "schema.history.internal", .stance = NO_EFFECT,
		.note = "each row comes with its exact schema from the WAL",
		.help = "Where the history of definitions is kept."},
	{.name = "schema.history.internal.*", .stance = NO_EFFECT,
		.parent = "schema.history.internal",
		.note = "each row comes with its exact schema from the WAL",
		.help = "Settings of that history."},
	{.name = "database.server.name", .stance = REFUSED,
		.note = RENAMED("topic.prefix"), .help = "Now topic.prefix."},
	{.name = "schema.whitelist", .stance = REFUSED,
		.note = RENAMED("schema.include.list"),
		.help = "Now schema.include.list."},
	{.name = "schema.blacklist", .stance = REFUSED,
		.note = RENAMED("schema.exclude.list"),
		.help = "Now schema.exclude.list."},
	{.name = "table.whitelist", .stance = REFUSED,
		.note = RENAMED("table.include.list"),
		.help = "Now table.include.list."},
	{.name = "table.blacklist", .stance = REFUSED,
		.note = RENAMED("table.exclude.list"),
		.help = "Now table.exclude.list."},
	{.name = "column.whitelist", .stance = REFUSED,
		.note = RENAMED("column.include.list"),
		.help = "Now column.include.list."},
	{.name = "column.blacklist", .stance = REFUSED,
		.note = RENAMED("column.exclude.list"),
		.help = "Now column.exclude.list."},
	{.name = "slot.drop_on_stop", .stance = REFUSED,
		.note = RENAMED("slot.drop.on.stop"),
		.help = "Now slot.drop.on.stop."},
	{.name = "toasted.value.placeholder", .stance = REFUSED,
		.note = RENAMED("unavailable.value.placeholder"),
		.help = "Now unavailable.value.placeholder."},
	{.name = "snapshot.custom.class", .stance = REFUSED,
		.note = "Java snapshotters cannot run here; remove it",
		.help = "Java snapshotter."},
	{.name = "sanitize.field.names", .stance = REFUSED,
		.note = RENAMED("field.name.adjustment.mode"),
		.help = "Now field.name.adjustment.mode."},

	SECTION("Debezium Server"),
	{.name = "debezium.sink.type", .type = CONFIG_ENUM, .stance = PARTLY,
		.flags = CONFIG_NEVER,
		.deflt = "kafka", .values = NULL, .built = "kafka",
		.note = "walferry writes to Kafka",
		.help = "Sink of Debezium Server."},
	{.name = "debezium.sink.kafka.*", .stance = NO_EFFECT,
		.note = "only debezium.sink.kafka.producer.* is read",
		.help = "Other settings of the Kafka sink."},
	{.name = "debezium.format.key", .type = CONFIG_ENUM, .stance = PARTLY,
		.deflt = "json",
		.values = "json|jsonbytearray|simplestring|avro|protobuf|"
			"cloudevents|binary",
		.built = "json|jsonbytearray", .help = "Format of keys."},
	{.name = "debezium.format.value", .type = CONFIG_ENUM, .stance = PARTLY,
		.deflt = "json",
		.values = "json|jsonbytearray|simplestring|avro|protobuf|"
			"cloudevents|binary|connect",
		.built = "json|jsonbytearray", .help = "Format of values."},
	{.name = "debezium.format.header", .type = CONFIG_ENUM, .stance = PARTLY,
		.deflt = "json",
		.values = "json|jsonbytearray|avro|protobuf|cloudevents|simplestring",
		.built = "json|jsonbytearray", .help = "Format of headers."},
	{.name = "debezium.format.schemas.enable", .type = BOOL,
		.deflt = "false",
		.help = "Whether events carry their schema. Debezium Server's default is "
			"`true`."},
	{.name = "debezium.format.key.schemas.enable", .type = BOOL,
		.deflt = "false",
		.help = "Whether keys carry their schema. Debezium Server's default is "
			"`true`."},
	{.name = "debezium.format.value.schemas.enable", .type = BOOL,
		.deflt = "false",
		.help = "Whether values carry their schema. Debezium Server's default is "
			"`true`."},
	{.name = "debezium.format.header.schemas.enable", .type = BOOL,
		.stance = PARTLY, .deflt = "false", .built = "false",
		.help = "Whether headers carry their schema."},
	{.name = "debezium.format.*", .stance = NO_EFFECT,
		.note = "JSON has no such setting",
		.help = "Other settings of formats."},
	{.name = "debezium.health.*", .stance = NO_EFFECT,
		.note = "walferry health asks walferry.health.socket",
		.help = "Health of Debezium Server."},
	{.name = "quarkus.*", .stance = NO_EFFECT, .note = NO_JVM,
		.help = "Settings of Quarkus, such as logging and HTTP."},

	SECTION("Kafka Connect worker"),
	{.name = "group.id", .stance = NO_EFFECT, .note = NO_WORKER,
		.help = "Group of workers."},
	{.name = "offset.storage", .stance = NO_EFFECT, .note = NO_OFFSETS,
		.help = "Java class that keeps positions."},
	{.name = "offset.storage.*", .stance = NO_EFFECT, .note = NO_OFFSETS,
		.help = "Where positions are kept."},
	{.name = "offset.flush.interval.ms", .type = CONFIG_MS,
		.stance = NO_EFFECT, .deflt = "60000",
		.note = "status.update.interval.ms says how often the position is "
			"confirmed",
		.help = "How often positions are stored."},
	{.name = "offset.flush.timeout.ms", .type = CONFIG_MS,
		.stance = NO_EFFECT, .deflt = "5000", .note = NO_OFFSETS,
		.help = "Limit for storing positions."},
	{.name = "offset.commit.policy", .stance = NO_EFFECT,
		.note = NO_OFFSETS, .help = "When positions are stored."},
	{.name = "offset.storage.topic", .stance = NO_EFFECT,
		.note = "it is the topic of a whole Connect worker; "
			"offsets.storage.topic names that of the position record",
		.help = "Topic of the worker's positions."},
	{.name = "config.storage.*", .stance = NO_EFFECT, .note = NO_WORKER,
		.help = "Where connectors' settings are kept."},
	{.name = "status.storage.*", .stance = NO_EFFECT, .note = NO_WORKER,
		.help = "Where connectors' states are kept."},
	{.name = "config.action.reload", .stance = NO_EFFECT, .deflt = "restart",
		.note = NO_WORKER, .help = "What to do when a secret changes."},
	{.name = "config.providers", .type = CONFIG_LIST, .stance = NO_EFFECT,
		.built = "file|env|directory|file,env|env,file",
		.note = "${file:path:key}, ${file:path}, ${directory:path:key} and "
			"${env:NAME} always work, and only these",
		.help = "Sources of secrets."},
	{.name = "config.providers.*", .stance = NO_EFFECT,
		.parent = "config.providers",
		.note = "${file:path:key}, ${file:path}, ${directory:path:key} and "
			"${env:NAME} always work",
		.help = "Settings of sources of secrets."},
	{.name = "plugin.path", .stance = NO_EFFECT, .note = NO_JVM,
		.help = "Where Java plugins are."},
	{.name = "plugin.discovery", .stance = NO_EFFECT, .note = NO_JVM,
		.help = "How Java plugins are found."},
	{.name = "listeners", .stance = NO_EFFECT, .note = NO_WORKER,
		.help = "Addresses of the REST interface."},
	{.name = "listeners.*", .stance = NO_EFFECT, .note = NO_WORKER,
		.help = "TLS of the REST interface."},
	{.name = "rest.*", .stance = NO_EFFECT, .note = NO_WORKER,
		.help = "The REST interface."},
	{.name = "admin.listeners", .stance = NO_EFFECT, .note = NO_WORKER,
		.help = "Addresses of the admin interface."},
	{.name = "admin.*", .stance = NO_EFFECT,
		.note = "topics are created over the producer's connection",
		.help = "Settings of Connect's admin client."},
	{.name = "consumer.*", .stance = NO_EFFECT,
		.note = "walferry consumes nothing",
		.help = "Settings of Connect's consumers."},
	{.name = "admin.override.*", .stance = NO_EFFECT,
		.note = "topics are created over the producer's connection",
		.help = "Settings of the connector's admin client."},
	{.name = "consumer.override.*", .stance = NO_EFFECT,
		.note = "walferry consumes nothing",
		.help = "Settings of the connector's consumer."},
	{.name = "access.control.*", .stance = NO_EFFECT, .note = NO_WORKER,
		.help = "CORS of the REST interface."},
	{.name = "response.http.headers.config", .stance = NO_EFFECT,
		.note = NO_WORKER, .help = "Headers of the REST interface."},
	{.name = "inter.worker.*", .stance = NO_EFFECT, .note = NO_WORKER,
		.help = "How workers trust each other."},
	{.name = "internal.key.converter", .stance = NO_EFFECT,
		.note = NO_WORKER, .help = "Format of Connect's own records."},
	{.name = "internal.key.converter.*", .stance = NO_EFFECT,
		.note = NO_WORKER, .help = "Format of Connect's own records."},
	{.name = "internal.value.converter", .stance = NO_EFFECT,
		.note = NO_WORKER, .help = "Format of Connect's own records."},
	{.name = "internal.value.converter.*", .stance = NO_EFFECT,
		.note = NO_WORKER, .help = "Format of Connect's own records."},
	{.name = "session.timeout.ms", .type = CONFIG_MS, .stance = NO_EFFECT,
		.note = NO_WORKER, .help = "Limit for a silent worker."},
	{.name = "worker.heartbeat.interval.ms", .type = CONFIG_MS,
		.stance = NO_EFFECT, .note = NO_WORKER,
		.help = "In a worker's file, heartbeat.interval.ms is this: the "
			"worker's, not the connector's."},
	{.name = "rebalance.timeout.ms", .type = CONFIG_MS, .stance = NO_EFFECT,
		.note = NO_WORKER, .help = "Limit for sharing out work."},
	{.name = "scheduled.rebalance.max.delay.ms", .type = CONFIG_MS,
		.stance = NO_EFFECT, .note = NO_WORKER,
		.help = "Wait before sharing out work."},
	{.name = "connect.protocol", .stance = NO_EFFECT, .note = NO_WORKER,
		.help = "How workers share out work."},
	{.name = "worker.sync.timeout.ms", .type = CONFIG_MS,
		.stance = NO_EFFECT, .note = NO_WORKER,
		.help = "Limit for catching up."},
	{.name = "worker.unsync.backoff.ms", .type = CONFIG_MS,
		.stance = NO_EFFECT, .note = NO_WORKER,
		.help = "Wait after failing to catch up."},
	{.name = "task.shutdown.graceful.timeout.ms", .type = CONFIG_MS,
		.stance = NO_EFFECT, .deflt = "5000",
		.note = "walferry.shutdown.timeout.ms limits stopping",
		.help = "Limit for stopping a task."},
	{.name = "topic.tracking.*", .stance = NO_EFFECT, .note = NO_WORKER,
		.help = "Keep track of a connector's topics."},
	{.name = "connector.client.config.override.policy",
		.stance = NO_EFFECT, .deflt = "All", .note = NO_WORKER,
		.help = "Which client settings a connector may override."},
};
/* clang-format on */

const struct config_option *
config_table(size_t *n)
{
	*n = sizeof(table) / sizeof(table[0]);
	return table;
}

bool
config_table_is_pattern(const struct config_option *opt)
{
	return strpbrk(opt->name, "<*") != NULL;
}

const struct config_option *
config_table_find(const char *name)
{
	const struct config_option *best = NULL;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
	{
		const struct config_option *opt = &table[i];

		if (opt->name == NULL)
			continue;
		if (!config_table_is_pattern(opt))
		{
			if (strcmp(opt->name, name) == 0)
				return opt;
		}
		else if (config_text_match(opt->name, name) &&
				 (best == NULL ||
				  strcspn(opt->name, "<*") > strcspn(best->name, "<*")))
			best = opt;
	}
	return best;
}
