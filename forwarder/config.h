/*
 * config.h - what the user asked for: one table of options, its inputs and
 * its printouts.
 *
 * Names are Debezium's wherever Debezium has the concept; what has no
 * counterpart there is called "walferry.*".  Inputs are properties files, the
 * JSON of a Kafka Connect connector, Debezium Server's
 * application.properties, the environment and --set flags; flags win over the
 * environment, the environment over files, a later file over an earlier one.
 *
 * Life of a configuration:
 *
 *     c = config_new();
 *     config_load_file(c, path);          once for each --config, in order
 *     config_load_env(c, environ);
 *     config_set_flag(c, name, value);    for each flag
 *     if (!config_check(c))               print config_error(c, i), exit 2
 *     ... getters ...
 *     config_free(c);
 *
 * Loading and setting never fail at once: whatever is wrong is collected and
 * told by config_check(), so that a user sees all mistakes in one go.
 * Getters are valid after config_check() returned true; strings and arrays
 * they return belong to the config and live as long as it does.  A getter
 * asked for a name that is not in the table, or by the wrong type, is a
 * mistake of the program and aborts.  No global state; not thread-safe.
 *
 * No error, warning or printout ever shows the value of a secret, nor the name
 * of a property that is one.
 */
#ifndef FORWARDER_CONFIG_H
#define FORWARDER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

struct config;
struct mask_hash_rule;

/* One name=value pair for somebody else's API. */
struct config_setting
{
	const char *name;
	const char *value;
	bool		secret;	  /* never log the value */
	bool		optional; /* skip it where the library is too old for it */
};

/* How a topic is to be created; -1 leaves a number to the broker. */
struct config_topic
{
	int							 partitions;
	int							 replication_factor;
	const struct config_setting *settings; /* topic configuration */
	size_t						 nsettings;
};

struct config *config_new(void);
void		   config_free(struct config *c);

/*
 * Read a file.  Its kind is told from its content: a JSON object, or
 * properties; a Connect worker's file is known by its keys.  False (with an
 * error collected) if it cannot be read or parsed.
 */
bool config_load_file(struct config *c, const char *path);

/* The same from memory; 'name' stands for the path in messages. */
bool config_load_text(struct config *c, const char *name, const char *text,
					  size_t len);

/*
 * Take what concerns us from an environment (NULL-terminated "NAME=value"
 * strings, e.g. environ): WALFERRY_*, DEBEZIUM_SOURCE_*, DEBEZIUM_SINK_*,
 * DEBEZIUM_FORMAT_*, each also with _FILE for the name of a file that holds
 * the value, and libpq's PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE and
 * PGSSL*, which count less than a file.  ${env:NAME} in values is resolved
 * against the same environment.  The strings need not outlive the call.
 */
void config_load_env(struct config *c, char *const *env);

/* A setting from the command line.  config_set_arg takes "name=value". */
void config_set_flag(struct config *c, const char *name, const char *value);
void config_set_arg(struct config *c, const char *arg);

/*
 * Resolve references, choose the winner of each name, check every value and
 * every combination.  True if the configuration can be run.  Call it once.
 */
bool config_check(struct config *c);

/* Why config_check() returned false: "file:line: name: what, and the fix". */
size_t		config_error_count(const struct config *c);
const char *config_error(const struct config *c, size_t i);

/* To be logged once at start: settings that have no effect, risky ones. */
size_t		config_warning_count(const struct config *c);
const char *config_warning(const struct config *c, size_t i);

/* To be logged once at start: defaults that differ from Debezium's. */
size_t		config_announcement_count(const struct config *c);
const char *config_announcement(const struct config *c, size_t i);

/*
 * Values.  Durations are milliseconds, sizes are bytes; enumerated options
 * are strings in the spelling of the documentation (config_is compares).
 * config_str returns NULL where nothing was given and there is no default.
 */
const char *config_str(const struct config *c, const char *name);
int64_t		config_int(const struct config *c, const char *name);
bool		config_bool(const struct config *c, const char *name);
bool config_is(const struct config *c, const char *name, const char *value);

/* True if somebody gave the option, so that it is not just a default. */
bool config_is_set(const struct config *c, const char *name);

/*
 * The elements of a list or a list of regular expressions, in order, trimmed;
 * NULL and 0 if empty.  config_str gives the list as it was written.
 */
const char *const *
config_list(const struct config *c, const char *name, size_t *n);

/*
 * The rules for columns of a row such as "column.mask.with.<n>.chars", as the
 * plugin reads them: "5:s.t.a,s.t.b;10:s.u.c".  NULL: there is none.  Of the
 * rows of hashes the one without a version stands for both; their numbers are
 * those of config_hash_rules(), from 1 on.
 */
const char *config_column_rules(const struct config *c, const char *name);

/*
 * Does one of a list of regular expressions, or of those of a row of rules for
 * columns, match a whole name, such as schema.table.column?  They are compiled
 * for it: once per column is often enough.
 */
bool
config_list_names(const struct config *c, const char *list, const char *name);
bool config_column_rules_name(const struct config *c, const char *row,
							  const char *name);

/* By what columns are hashed, in the order in which rules count; salted. */
const struct mask_hash_rule *
config_hash_rules(const struct config *c, size_t *n);

/* slot.stream.params as pairs, in order. */
const struct config_setting *
config_stream_params(const struct config *c, size_t *n);

/*
 * Everything for rd_kafka_conf_set(), in librdkafka's names: what the user
 * gave and what the forwarder insists on (acks=all, idempotence, no telemetry,
 * message.timeout.ms=0).  With exactly.once there is transaction.timeout.ms,
 * and message.timeout.ms is the same, for librdkafka allows no more.
 */
const struct config_setting *
config_kafka_settings(const struct config *c, size_t *n);

/*
 * The largest record that may be sent, in bytes as Kafka counts them
 * (max.request.size); 0: any, for a sink that has no limit.
 */
size_t config_record_max(const struct config *c);

/*
 * Append the name of the topic of position records: offsets.storage.topic, or
 * made of prefix and slot.
 */
void config_position_topic(const struct config *c, struct buf *out);

/*
 * How to create 'topic', from topic.creation.<group>.*: the first group of
 * topic.creation.groups that includes it, over the default group.
 */
void config_topic_creation(const struct config *c, const char *topic,
						   struct config_topic *out);

/*
 * Take over those options of 'fresh' (checked) that may change while running.
 * Names of other options that differ are appended to 'restart', separated by
 * ", ".  Strings got earlier from 'c' for reloadable options become invalid.
 */
void config_adopt(struct config *c, const struct config *fresh,
				  struct buf *restart);

/* Each option with value and origin, secrets masked; after config_check(). */
void config_print(const struct config *c, struct buf *out);

/* The options for --help, and docs/configuration.md. */
void config_help(struct buf *out);
void config_docs(struct buf *out);

#endif /* FORWARDER_CONFIG_H */
