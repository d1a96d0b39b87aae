/*
 * config_part.h - what the files of the configuration share; nobody else
 * includes it.
 *
 *     config.c             inputs, precedence, checks, getters
 *     config_table.c       the table of options
 *     config_kafka.c       Kafka client settings: Java names to librdkafka's
 *     config_topic.c       topic.creation.*
 *     config_hash.c        column.mask.hash.*
 *     config_properties.c  Java properties files
 *     config_json.c        connector JSON
 *     config_text.c        strings: lists, numbers, patterns, suggestions
 *     config_print.c       --print-config, --help, docs/configuration.md
 */
#ifndef FORWARDER_CONFIG_PART_H
#define FORWARDER_CONFIG_PART_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "config.h"
#include "javaregex.h"

/* ---- the table ---- */

enum config_type
{
	CONFIG_STRING,
	CONFIG_BOOL,
	CONFIG_INT,
	CONFIG_MS,	  /* a duration; "250", "10s", "5m" */
	CONFIG_BYTES, /* a size; "8388608", "8MB" */
	CONFIG_ENUM,
	CONFIG_LIST,	  /* comma-separated words */
	CONFIG_REGEX_LIST /* comma-separated regular expressions */
};

enum config_stance
{
	CONFIG_WORKS,
	CONFIG_PARTLY,	  /* only the values in 'built' */
	CONFIG_NOT_YET,	  /* known; only the default is accepted */
	CONFIG_NO_EFFECT, /* accepted, one warning */
	CONFIG_REFUSED	  /* 'note' says why and what to do */
};

#define CONFIG_SECRET 1 /* value is never shown */
#define CONFIG_RELOAD 2 /* may change while running */
#define CONFIG_REQUIRED 4
#define CONFIG_NEVER 8 /* what 'built' lacks will not come later */

struct config_option
{
	const char		  *name; /* NULL: 'help' is a section's title; "<x>"
								 * and "*" stand for any text */
	enum config_type   type;
	enum config_stance stance;
	unsigned		   flags;
	const char		  *deflt;  /* NULL: none */
	const char		  *values; /* of an enum or list: "a|b|c" */
	const char		  *built;  /* values accepted whatever the stance */
	int64_t			   min;	   /* numbers; both 0: not negative */
	int64_t			   max;
	const char		  *parent; /* a detail of this option, which speaks for
								 * it in messages */
	const char		  *note;   /* why not, what instead */
	const char		  *help;
};

const struct config_option *config_table(size_t *n);

/* The row of an exact name, or else of the longest pattern; NULL if none. */
const struct config_option *config_table_find(const char *name);

/* True if the name has "<x>" or "*" in it. */
bool config_table_is_pattern(const struct config_option *opt);

/* ---- Kafka client settings ---- */

enum config_kafka_action
{
	KAFKA_PASS,	  /* to librdkafka as 'to', or the same name */
	KAFKA_ONLY,	  /* one of 'values', which we set anyway */
	KAFKA_IGNORE, /* accepted, one warning with 'note' */
	KAFKA_SILENT, /* accepted, not worth a word */
	KAFKA_REFUSE, /* 'note' says why */
	KAFKA_SPECIAL /* needs more than a name; see config_kafka.c */
};

struct config_kafka_name
{
	const char				*name; /* as the user writes it */
	enum config_kafka_action action;
	const char				*to; /* librdkafka's name where it differs */
	enum config_type		 type;
	const char				*values;
	int64_t					 min;
	int64_t					 max;
	bool					 optional; /* older librdkafka does not know it */
	bool		transactional;		   /* of no effect without exactly.once */
	const char *note;
};

const struct config_kafka_name *config_kafka_table(size_t *n);

/* The entry for a client setting's name without its prefix; NULL if none. */
const struct config_kafka_name *config_kafka_find(const char *name);

/* ---- the configuration ---- */

/* Which input wins; a later one beats an earlier one. */
enum config_rank
{
	RANK_PGENV, /* libpq's variables */
	RANK_FILE,
	RANK_ENV,
	RANK_FLAG
};

/* One "name=value" as it came in. */
struct config_entry
{
	char			*name;	 /* without debezium.source. and the like */
	char			*given;	 /* as it was written */
	char			*raw;	 /* value before references are resolved */
	char			*value;	 /* after; NULL until then or if that failed */
	char			*origin; /* "file:12", "env NAME", "flag" */
	enum config_rank rank;
	int				 level;		/* client settings: top < producer. <
								 * producer.override. */
	bool			 from_file; /* raw names a file that holds the value */
	bool			 hidden;	/* the value came out of a file: show raw */
	const struct config_option	   *opt;
	const struct config_kafka_name *kafka;
	const char *kafka_name; /* inside 'name', after its prefix */
};

/* What an option of the table ended up as; parallel to the table. */
struct config_slot
{
	struct config_entry *entry; /* NULL: default */
	char				*str;
	int64_t				 num;
	char			   **list;
	size_t				 nlist;
	bool				 hidden; /* made of a value that is */
};

struct config_strings
{
	char **v;
	size_t n;
};

/* Settings that have no effect for one and the same reason. */
struct config_idle
{
	const char *note;
	struct buf	names; /* with their places */
	size_t		n;
};

struct config_topic_group;

struct config
{
	struct config_entry	 *entries;
	size_t				  nentries;
	struct config_slot	 *slots;
	struct config_strings errors;
	struct config_strings warnings;
	struct config_strings announcements;
	struct config_strings env;	/* the whole environment, for ${env:NAME} */
	struct config_idle	 *idle; /* settings without effect, by reason */
	size_t				  nidle;

	struct config_setting *kafka;
	const char			 **kafka_origin; /* parallel to kafka */
	size_t				   nkafka;

	char *rules[3]; /* of columns; see config_column_rules() */
	struct mask_hash_rule *hashes;
	size_t				   nhashes;

	struct config_setting *stream; /* slot.stream.params */
	size_t				   nstream;

	struct config_topic_group *groups; /* [0] is the default group */
	size_t					   ngroups;
};

/* What stands for a secret. */
#define CONFIG_MASK "********"

/* Append to errors or warnings; 'e' (may be NULL) gives place and name. */
void config_fail(struct config *c, const struct config_entry *e,
				 const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void config_warn(struct config *c, const struct config_entry *e,
				 const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The entry that counts for a name, which need not be in the table. */
struct config_entry *config_winner(struct config *c, const char *name);

/*
 * Append the columns that an entry names as one rule with a number, as the
 * plugin reads it; collects errors.  False: it names none.
 */
bool config_put_rule(struct config *c, const struct config_entry *e, long n,
					 struct buf *out);

/*
 * Can those who match with it, the decoder or we, use the regular expression?
 * If not, an error says why.
 */
bool config_check_regex(struct config *c, const struct config_entry *e,
						const char *pattern);

/* Tell what is wrong with a regular expression. */
void config_fail_regex(struct config *c, const struct config_entry *e,
					   const char *pattern, const struct javaregex_result *r);

/* 'e' has no effect, because of 'note' (static); told in one warning. */
void
config_idle(struct config *c, const struct config_entry *e, const char *note);

/* True if 'a' wins over 'b', which came in earlier. */
bool config_wins(const struct config_entry *a, const struct config_entry *b);

/* The slot of an exact name; aborts if there is none. */
const struct config_slot *
config_slot_of(const struct config *c, const char *name);

/*
 * Fill c->kafka; collects errors and warnings.  "exactly.once" must be what it
 * is going to be.
 */
void config_kafka_build(struct config *c);

/* Fill c->hashes and append the rules for the plugin; collects errors. */
void config_hash_build(struct config *c, struct buf *rules);
void config_hash_free(struct config *c);

/* Do both hash alike, whichever columns? */
bool config_hash_same(const struct config *a, const struct config *b);

/* Read topic.creation.*; collects errors. */
void config_topic_build(struct config *c);
void config_topic_free(struct config *c);

/* ---- files ---- */

typedef void (*config_pair_fn)(void *arg, const char *name, const char *value,
							   int line);

/*
 * Call 'fn' for each pair of a file.  False if the text is malformed, with
 * 'line' and a reason that holds nothing of the text.
 */
bool config_properties_parse(const char *text, size_t len, config_pair_fn fn,
							 void *arg, int *line, struct buf *error);
bool config_json_parse(const char *text, size_t len, config_pair_fn fn,
					   void *arg, int *line, struct buf *error);

/* ---- strings ---- */

void *config_text_alloc(size_t n);
void *config_text_realloc(void *p, size_t n);
char *config_text_dup(const char *s);
char *config_text_dupn(const char *s, size_t n);
void  config_text_add(struct config_strings *to, char *owned);
void  config_text_free(struct config_strings *s);

/* A copy without white space at both ends. */
char *config_text_trim(const char *s, size_t n);

/* True if 'word' is one of "a|b|c"; 'spelling' gets it as written there. */
bool config_text_one_of(const char *set, const char *word, char **spelling);

/* "a, b, c" out of "a|b|c". */
void config_text_put_set(struct buf *b, const char *set);

/* Numbers as the types above write them. */
bool config_text_number(enum config_type type, const char *s, int64_t *out);

/*
 * Split at commas; a list of expressions as javaregex_list_next() does.
 * Elements are trimmed, empty ones dropped.
 */
void config_text_split(const char *s, bool regex, struct config_strings *out);

/* Match a row's name, "<x>" and "*" standing for one or more characters. */
bool config_text_match(const char *pattern, const char *name);

/* Edits between two names; a swap of neighbours counts one. */
size_t config_text_distance(const char *a, const char *b);

/* True if a value under this name is to be kept secret. */
/* Free a string, which is not to outlive that in freed memory. */
void config_text_wipe(char *s);

bool config_text_is_secret(const char *name);

/* True if 'value' looks like an address with a password in it. */
bool config_text_has_userinfo(const char *value);

/*
 * What javaregex_translate() makes of an expression, for the caller to free; or
 * NULL, with r->error.
 */
char *config_text_regex(const char *pattern, enum javaregex_engine engine,
						unsigned flags, struct javaregex_result *r);

/*
 * The same for PCRE2, compiled, for pcre2_code_free(); or NULL, with r->error.
 */
pcre2_code *config_text_compile(const char *pattern, unsigned flags,
								struct javaregex_result *r);

/*
 * Is 'text' as a whole what the expression, which compiles, is for?  ASCII
 * letters may be in either case.
 */
bool config_text_regex_match(const char *pattern, const char *text);

/* Position of the first byte that is not UTF-8, or 'len'. */
size_t config_text_utf8_valid(const char *s, size_t len);

#endif /* FORWARDER_CONFIG_PART_H */
