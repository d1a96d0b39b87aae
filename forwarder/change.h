/*
 * change.h - one change, as every stage after decoding sees it.
 *
 * The waist of the forwarder: sources (the plugin's stream, later snapshot
 * rows and a reader of pgoutput) fill it, formats and routing read it.
 * Nothing here knows which source it was.
 *
 * Everything that a change points to belongs to its source and is valid until
 * the source is asked for the next change; a change_relation and what hangs
 * below it stays valid until the source says that the relation was replaced.
 */
#ifndef FORWARDER_CHANGE_H
#define FORWARDER_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

enum change_op
{
	CHANGE_INSERT,
	CHANGE_UPDATE,
	CHANGE_DELETE,
	CHANGE_TRUNCATE, /* of one relation */
	CHANGE_MESSAGE	 /* pg_logical_emit_message() */
};

enum change_encoding
{
	CHANGE_RAW, /* PostgreSQL's on-disk form; see pgtext.h */
	CHANGE_TEXT /* its output function's text */
};

struct change_type
{
	uint32_t	oid;
	int32_t		typmod; /* -1: none */
	const char *schema;
	const char *name;
};

struct change_column
{
	const char			*name;
	uint16_t			 attnum;
	uint16_t			 key_position; /* 1.. in the key, 0: not part of it */
	bool				 key_only;	   /* of use for the key, and in no row */
	bool				 truncated;	   /* rows show no more of its text ... */
	uint32_t			 chars;		   /* ... than so many UTF-16 units */
	bool				 hashed;	   /* rows show a hash of its text ... */
	uint32_t			 hash;		   /* ... by the rule of this number */
	bool				 not_masked;   /* a mask names it, for nothing */
	bool				 not_null;
	bool				 in_identity;  /* of the replica identity */
	bool				 is_generated; /* stored */
	bool				 is_virtual;   /* generated and never sent */
	enum change_encoding encoding;
	int16_t				 width;	  /* of a raw fixed value, else -1 */
	char				 kind;	  /* pg_type.typtype of the declared type */
	struct change_type	 type;	  /* as declared: may be a domain */
	struct change_type	 base;	  /* what values are: domains undone */
	struct change_type	 element; /* of an array, else oid 0 */
	const char			*default_expr; /* NULL: none */
	uint32_t			 nlabels; /* of an enum or its array, in sort order */
	const char *const	*labels;
};

struct change_relation
{
	uint32_t	id; /* small; reused when the source replaces it */
	uint64_t	fingerprint;
	uint32_t	oid;
	char		kind;	  /* pg_class.relkind */
	char		identity; /* pg_class.relreplident: d n f i */
	const char *schema;
	const char *name;
	const char *root_schema; /* of a partition, else NULL */
	const char *root_name;
	uint32_t	ncolumns;
	const struct change_column *columns;
	bool			chosen_key; /* by message.key.columns, or an index's: */
	uint32_t		nkeys;		/* its columns ... */
	const uint16_t *keys;		/* ... as indexes, in key order */
	uint32_t		nidentity;	/* columns of the replica identity ... */
	const uint16_t *identities; /* ... as indexes, in column order */
};

/* Is the column of use for the key of records? */
static inline bool
change_is_key(const struct change_relation *rel, uint32_t index)
{
	return rel->columns[index].key_position > 0 ||
		   (!rel->chosen_key && rel->identity == 'i' &&
			rel->columns[index].in_identity);
}

enum change_value_state
{
	CHANGE_NULL,
	CHANGE_UNCHANGED, /* TOAST not rewritten: not in the WAL */
	CHANGE_VALUE,
	CHANGE_ABSENT,	/* not part of this tuple (old key, virtual) */
	CHANGE_ERROR,	/* output function raised; data = SQLSTATE */
	CHANGE_OVERSIZE /* not sent or not kept; len = its length */
};

struct change_value
{
	enum change_value_state state;
	const uint8_t		   *data;
	uint64_t				len;
};

struct change_transaction
{
	uint64_t	xid;			  /* with epoch; 0 for a message outside any */
	uint64_t	commit_lsn;		  /* start of the commit record */
	uint64_t	end_lsn;		  /* end of the record that caused emission */
	uint64_t	previous_end_lsn; /* of the transaction before, 0: unknown */
	int64_t		commit_time_us;	  /* since 1970-01-01 UTC */
	const char *origin;			  /* NULL: none */
	uint64_t	origin_lsn;
};

/*
 * Where a record stands: compared field by field from the first to the last,
 * a later record is always greater, and a repeat is equal.
 */
struct change_position
{
	uint32_t timeline; /* on which end_lsn was written */
	uint64_t end_lsn;
	uint64_t ordinal; /* of the change, from 0, per emitting record */
	uint32_t part;	  /* of the records made of one change, from 0 */
};

/*
 * Where an event stands among those of its transaction, from 1; see txnmeta.h.
 */
struct change_order
{
	uint64_t total;		 /* of all events */
	uint64_t collection; /* of those of its table, or of messages */
	bool	 alone;		 /* of a key's change, the create has no delete */
};

struct change_message
{
	bool		   transactional;
	const char	  *prefix; /* not terminated */
	uint64_t	   prefix_len;
	const uint8_t *content;
	uint64_t	   content_len;
};

struct change
{
	enum change_op					 op;
	const struct change_transaction *txn;
	struct change_position			 position; /* part 0 */
	uint64_t lsn;	/* start of the row's record; a message's end */
	uint64_t bytes; /* in which the source sent it; 0: not known */

	/*
	 * It was too large to be held: long values are CHANGE_OVERSIZE, a
	 * message's content is missing.
	 */
	bool						  condensed;
	const struct change_relation *relation; /* NULL for a message */

	/*
	 * Of its first event; a key's change has two.  The source leaves it NULL:
	 * events count that are published.  NULL: the event does not show it.
	 */
	const struct change_order *order;

	/*
	 * One value per column, or NULL where there is no such tuple.  An old
	 * tuple that is only the replica identity has CHANGE_ABSENT elsewhere.
	 */
	const struct change_value *before;
	const struct change_value *after;
	struct change_message	   message; /* of CHANGE_MESSAGE */
};

#endif /* FORWARDER_CHANGE_H */
