/*
 * wire.h - the format between the decoder and the forwarder.
 *
 * docs/protocol.md is the specification; this is its only implementation,
 * writer beside reader.  It allocates nothing, does no I/O and knows neither
 * PostgreSQL nor Kafka: the decoder links it into the server, the forwarder
 * and the fuzzers link the same object.
 *
 * Both directions are sticky: after the first failure every call is a no-op
 * (a reader returns zeros), and the caller checks once, at the end of the
 * message.  A reader names the field that was wrong and its offset.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define WIRE_VERSION 1
#define WIRE_MAGIC "WFRY"

/*
 * A frame is the payload of one CopyData message.  With the 25 bytes of
 * XLogData's own header and CopyData's 5 it stays below 1 MB, so that libpq
 * never holds more than that.
 */
#define WIRE_FRAME_MAX 983040

/* Limits that a reader enforces before it believes a count or a length. */
#define WIRE_COLUMNS_MAX 1664	/* PostgreSQL's limit on target entries */
#define WIRE_NAME_MAX 1024		/* one identifier, database or option name */
#define WIRE_LABELS_MAX 1000000 /* labels of one enum */
#define WIRE_OPTIONS_MAX 64		/* options in force */
#define WIRE_RELATIONS_MAX 1000000 /* relations of one truncate, schema ids */
#define WIRE_GID_MAX 200		   /* PostgreSQL's GIDSIZE */
#define WIRE_SQLSTATE_LEN 5
#define WIRE_MESSAGE_MAX (UINT64_C(1) << 42) /* one message, all fragments */

enum wire_frame_kind
{
	WIRE_FRAME_MESSAGES = 'W', /* whole messages up to the end of the frame */
	WIRE_FRAME_FRAGMENT = 'F'  /* a piece of one message too large for one */
};

enum wire_tag
{
	WIRE_HEADER = 'H',
	WIRE_RELATION = 'R',
	WIRE_BEGIN = 'B',
	WIRE_COMMIT = 'C',
	WIRE_INSERT = 'I',
	WIRE_UPDATE = 'U',
	WIRE_DELETE = 'D',
	WIRE_TRUNCATE = 'T',
	WIRE_LOGICAL_MESSAGE = 'M',
	WIRE_BEGIN_PREPARE = 'b',
	WIRE_PREPARE = 'P',
	WIRE_COMMIT_PREPARED = 'K',
	WIRE_ROLLBACK_PREPARED = 'r',
	WIRE_STREAM_START = 'S',
	WIRE_STREAM_STOP = 'E',
	WIRE_STREAM_ABORT = 'A',
	WIRE_STREAM_PREPARE = 'p',
	WIRE_STREAM_COMMIT = 'c'
};

/* Flags of a row.  At most one of the two OLD flags is set. */
#define WIRE_ROW_OLD_KEY 0x01  /* old tuple: identity columns only */
#define WIRE_ROW_OLD_FULL 0x02 /* old tuple: every column */
#define WIRE_ROW_WIDE 0x04	   /* tags take a byte each and may be markers */
#define WIRE_ROW_XID 0x08	   /* carries its (sub)transaction: streaming */
#define WIRE_ROW_FLAGS 0x0f

/* Flags of a truncate. */
#define WIRE_TRUNCATE_CASCADE 0x01
#define WIRE_TRUNCATE_RESTART_SEQS 0x02
#define WIRE_TRUNCATE_XID 0x08
#define WIRE_TRUNCATE_FLAGS 0x0b

/* Flags of a logical message. */
#define WIRE_MESSAGE_TRANSACTIONAL 0x01
#define WIRE_MESSAGE_XID 0x08
#define WIRE_MESSAGE_FLAGS 0x09

/* Flags of the messages that carry a transaction's origin. */
#define WIRE_TXN_ORIGIN 0x01
#define WIRE_TXN_FLAGS 0x01

/* State of one column of one tuple. */
enum wire_value_tag
{
	WIRE_VALUE_NULL = 0,
	WIRE_VALUE_UNCHANGED = 1, /* TOAST not rewritten; or virtual column */
	WIRE_VALUE_PRESENT = 2,
	WIRE_VALUE_SAME = 3, /* new tuple: equals the old tuple's value */
	/* only in rows with WIRE_ROW_WIDE: */
	WIRE_VALUE_ERROR = 4,	/* could not be read: SQLSTATE follows */
	WIRE_VALUE_OVERSIZE = 5 /* not sent: its length follows */
};

/* How a column's values are encoded. */
enum wire_encoding
{
	WIRE_ENCODING_RAW = 'R', /* PostgreSQL's own on-disk form */
	WIRE_ENCODING_TEXT = 'T' /* its type's output function */
};

/* Flags of a relation. */
#define WIRE_RELATION_PARTITION 0x01  /* root_* name its topmost ancestor */
#define WIRE_RELATION_CHOSEN_KEY 0x02 /* key positions are by key_columns */
#define WIRE_RELATION_FLAGS 0x03

/* Flags of a column. */
#define WIRE_COLUMN_NOT_NULL 0x01
#define WIRE_COLUMN_IDENTITY 0x02  /* part of the replica identity */
#define WIRE_COLUMN_GENERATED 0x04 /* generated, stored */
#define WIRE_COLUMN_VIRTUAL 0x08   /* generated, not in the WAL */
#define WIRE_COLUMN_DEFAULT 0x10   /* default_expr follows */
#define WIRE_COLUMN_DOMAIN 0x20	   /* base type follows */
#define WIRE_COLUMN_ARRAY 0x40	   /* element type follows */
#define WIRE_COLUMN_ENUM 0x80	   /* labels follow */
#define WIRE_COLUMN_FLAGS 0xff

/* Added to a key position, which is always less, where key_only is set. */
#define WIRE_KEY_ONLY 2048

/* Likewise, where a limit of its text follows. */
#define WIRE_TRUNCATED 4096
#define WIRE_CHARS_MAX 1000000

/* Likewise, where the number of a rule follows. */
#define WIRE_HASHED 8192
#define WIRE_HASH_MAX WIRE_CHARS_MAX

/* Likewise, where a mask has no effect on its type. */
#define WIRE_NOT_MASKED 16384

/* Bytes that belong to the frame (reader) or to the caller (writer). */
struct wire_str
{
	const char *data;
	size_t		len;
};

struct wire_header
{
	uint16_t		version;
	uint32_t		server_version_num;
	uint64_t		system_id;
	uint32_t		timeline;
	uint32_t		database_oid;
	struct wire_str database;
	struct wire_str encoding;	/* server_encoding's name */
	char			byte_order; /* 'L' or 'B': of varlena bodies */
	struct wire_str plugin_version;
	uint32_t		noptions; /* that many wire_option follow */
};

struct wire_option
{
	struct wire_str name;
	struct wire_str value;
};

/* A transaction as its begin (or stream commit, or prepare) describes it. */
struct wire_txn
{
	uint64_t		xid;		/* with epoch */
	uint64_t		commit_lsn; /* start of the commit or prepare record */
	uint64_t		end_lsn;	/* end of it + 1: the transaction's position */
	int64_t			commit_time_us; /* since 2000-01-01 UTC */
	uint64_t		origin_lsn;
	struct wire_str origin; /* empty: no origin */
};

/* What a commit (prepare, stream commit) lets the reader check. */
struct wire_counts
{
	uint64_t changes; /* rows + truncated relations + messages */
	uint64_t bytes;	  /* of their messages, tags included */
};

struct wire_row
{
	char	 op; /* WIRE_INSERT, WIRE_UPDATE, WIRE_DELETE */
	uint8_t	 flags;
	uint32_t schema_id;
	int64_t	 lsn_delta; /* from the previous change; see protocol.md */
	uint64_t xid;		/* with WIRE_ROW_XID */
};

struct wire_truncate
{
	uint8_t	 flags;
	int64_t	 lsn_delta;
	uint64_t xid;
	uint32_t nrelations; /* that many schema ids follow */
};

struct wire_message
{
	uint8_t			flags;
	uint64_t		lsn; /* end of its record */
	uint64_t		xid;
	struct wire_str prefix;
	struct wire_str content;
};

struct wire_relation
{
	uint32_t		schema_id;
	uint64_t		fingerprint; /* of all that follows it in the message */
	uint32_t		oid;
	char			kind;	  /* pg_class.relkind */
	char			identity; /* pg_class.relreplident */
	uint8_t			flags;
	struct wire_str schema;
	struct wire_str name;
	uint32_t		root_oid; /* with WIRE_RELATION_PARTITION */
	struct wire_str root_schema;
	struct wire_str root_name;
	uint32_t		ncolumns; /* that many wire_column follow */
	const uint8_t  *covered;  /* reader: what the fingerprint covers */
};

struct wire_type
{
	uint32_t		oid;
	int32_t			typmod;
	struct wire_str schema;
	struct wire_str name;
};

struct wire_column
{
	struct wire_str	 name;
	uint16_t		 attnum;
	uint8_t			 flags;
	uint16_t		 key_position; /* 1.. in the key, 0: not part of it */
	bool			 key_only;	   /* of use for keys alone: in no row */
	bool			 truncated;	   /* rows show no more of its text than ... */
	uint32_t		 chars;		   /* ... so many UTF-16 units */
	bool			 hashed;	   /* rows show its text's hash ... */
	uint32_t		 hash;		   /* ... by this rule of the receiver's */
	bool			 not_masked;   /* a mask names it, for nothing */
	char			 encoding;	   /* enum wire_encoding */
	int16_t			 width; /* bytes of a raw fixed value, -1: length first */
	char			 kind;	/* pg_type.typtype of the declared type */
	struct wire_type type;	/* as declared */
	struct wire_type base;	/* with WIRE_COLUMN_DOMAIN, all levels undone */
	struct wire_type element; /* with WIRE_COLUMN_ARRAY */
	struct wire_str	 default_expr;
	uint32_t		 nlabels; /* with WIRE_COLUMN_ENUM, in sort order: */
	struct wire_str	 labels;  /* encoded; iterate with wire_next_label() */
};

struct wire_value
{
	uint8_t		   tag;	 /* enum wire_value_tag */
	const uint8_t *data; /* PRESENT, SAME: the value; ERROR: SQLSTATE */
	uint64_t	   len;	 /* PRESENT, SAME: bytes; OVERSIZE: not sent */
};

struct wire_stream_abort
{
	uint64_t xid;
	uint64_t subxid; /* equals xid: the whole transaction */
	uint64_t abort_lsn;
};

struct wire_prepared /* commit or rollback of a prepared one */
{
	uint64_t		xid;
	uint64_t		prepare_end_lsn; /* rollback only, else 0 */
	uint64_t		lsn; /* start of the record, 0 for a rollback */
	uint64_t		end_lsn;
	int64_t			prepare_time_us; /* rollback only, else 0 */
	int64_t			time_us;
	struct wire_str gid;
};

/* ------------------------------------------------------------------------
 * Writer: appends to memory of the caller, never beyond its end.
 */
struct wire_writer
{
	uint8_t *start;
	uint8_t *p; /* next byte */
	uint8_t *end;
	bool	 overflow; /* something did not fit; p is meaningless */
};

static inline void
wire_writer_init(struct wire_writer *w, void *data, size_t cap)
{
	w->start = w->p = (uint8_t *) data;
	w->end = w->start + cap;
	w->overflow = false;
}

static inline size_t
wire_writer_len(const struct wire_writer *w)
{
	return (size_t) (w->p - w->start);
}

static inline bool
wire_room(struct wire_writer *w, size_t n)
{
	if (n > (size_t) (w->end - w->p))
	{
		w->overflow = true;
		w->end = w->p;
		return false;
	}
	return true;
}

/* 'n' zeroed bytes to be filled in later, or NULL. */
static inline uint8_t *
wire_put_gap(struct wire_writer *w, size_t n)
{
	uint8_t *gap = w->p;

	if (!wire_room(w, n))
		return NULL;
	memset(gap, 0, n);
	w->p += n;
	return gap;
}

static inline void
wire_put_bytes(struct wire_writer *w, const void *data, size_t n)
{
	if (n > 0 && wire_room(w, n))
	{
		memcpy(w->p, data, n);
		w->p += n;
	}
}

static inline void
wire_put_u8(struct wire_writer *w, uint8_t v)
{
	if (wire_room(w, 1))
		*w->p++ = v;
}

#ifdef __BYTE_ORDER__
#define WIRE_LITTLE_ENDIAN (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
#else
#error "byte order unknown"
#endif

/* The low 'n' bytes of 'v' (1 to 8), least significant first. */
static inline void
wire_put_uint(struct wire_writer *w, uint64_t v, size_t n)
{
	if (!wire_room(w, n))
		return;
#if WIRE_LITTLE_ENDIAN
	memcpy(w->p, &v, n);
#else
	for (size_t i = 0; i < n; i++)
		w->p[i] = (uint8_t) (v >> (8 * i));
#endif
	w->p += n;
}

static inline void
wire_put_u16(struct wire_writer *w, uint16_t v)
{
	wire_put_uint(w, v, 2);
}

static inline void
wire_put_u32(struct wire_writer *w, uint32_t v)
{
	wire_put_uint(w, v, 4);
}

static inline void
wire_put_u64(struct wire_writer *w, uint64_t v)
{
	wire_put_uint(w, v, 8);
}

/* LEB128: seven bits a byte, least significant first. */
static inline void
wire_put_varint(struct wire_writer *w, uint64_t v)
{
	while (v >= 0x80)
	{
		wire_put_u8(w, (uint8_t) (v | 0x80));
		v >>= 7;
	}
	wire_put_u8(w, (uint8_t) v);
}

/* Bytes that wire_put_varint(v) takes. */
static inline size_t
wire_varint_len(uint64_t v)
{
	size_t n = 1;

	while (v >= 0x80)
	{
		v >>= 7;
		n++;
	}
	return n;
}

static inline uint64_t
wire_zigzag(int64_t v)
{
	return ((uint64_t) v << 1) ^ (v < 0 ? UINT64_MAX : 0);
}

static inline int64_t
wire_unzigzag(uint64_t v)
{
	return (int64_t) (v >> 1) ^ -(int64_t) (v & 1);
}

static inline void
wire_put_svarint(struct wire_writer *w, int64_t v)
{
	wire_put_varint(w, wire_zigzag(v));
}

/* A length and that many bytes. */
static inline void
wire_put_block(struct wire_writer *w, const void *data, size_t n)
{
	wire_put_varint(w, n);
	wire_put_bytes(w, data, n);
}

static inline void
wire_put_str(struct wire_writer *w, struct wire_str s)
{
	wire_put_block(w, s.data, s.len);
}

/* Set the two-bit tag of column 'i' in a tag array that was zeroed. */
static inline void
wire_set_tag(uint8_t *tags, uint32_t i, enum wire_value_tag tag)
{
	tags[i / 4] = (uint8_t) (tags[i / 4] | (unsigned) tag << (i % 4 * 2));
}

static inline size_t
wire_tags_len(uint32_t ncolumns)
{
	return (ncolumns + 3) / 4;
}

/* Bytes of a fragment frame that are not the message. */
#define WIRE_FRAGMENT_HEAD 17

void wire_write_fragment_head(struct wire_writer *w, uint64_t total,
							  uint64_t offset);
void wire_write_header(struct wire_writer *w, const struct wire_header *h);
void wire_write_option(struct wire_writer *w, const struct wire_option *o);

/*
 * A relation is written head, columns, end; the end fills in the fingerprint,
 * which it also returns (0 if the message did not fit).  'start' is what
 * wire_writer_len() was before the head.
 */
void
wire_write_relation(struct wire_writer *w, const struct wire_relation *rel);
void wire_write_column(struct wire_writer *w, const struct wire_column *col);
void wire_write_label(struct wire_writer *w, struct wire_str label);
uint64_t wire_write_relation_end(struct wire_writer *w, size_t start);

void wire_write_begin(struct wire_writer *w, const struct wire_txn *txn);
void
wire_write_commit(struct wire_writer *w, const struct wire_counts *counts);
void wire_write_row(struct wire_writer *w, const struct wire_row *row);
void wire_write_tuple(struct wire_writer *w, uint32_t ncolumns,
					  const int16_t *widths, bool wide,
					  const struct wire_value *values);
void wire_write_truncate(struct wire_writer *w, const struct wire_truncate *t);
void wire_write_message(struct wire_writer *w, const struct wire_message *m);

/* What stands before the prefix, for a message that is cut into fragments. */
void
wire_write_message_head(struct wire_writer *w, const struct wire_message *m);
void wire_write_begin_prepare(struct wire_writer	*w,
							  const struct wire_txn *txn, struct wire_str gid);
void
wire_write_prepare(struct wire_writer *w, const struct wire_counts *counts);
void wire_write_commit_prepared(struct wire_writer		   *w,
								const struct wire_prepared *p);
void wire_write_rollback_prepared(struct wire_writer		 *w,
								  const struct wire_prepared *p);
void wire_write_stream_start(struct wire_writer *w, uint64_t xid,
							 bool first_segment);
void wire_write_stream_stop(struct wire_writer *w);
void wire_write_stream_abort(struct wire_writer				*w,
							 const struct wire_stream_abort *a);
void wire_write_stream_prepare(struct wire_writer	 *w,
							   const struct wire_txn *txn, struct wire_str gid,
							   const struct wire_counts *counts);
void
wire_write_stream_commit(struct wire_writer *w, const struct wire_txn *txn,
						 const struct wire_counts *counts);

/* ------------------------------------------------------------------------
 * Reader: a cursor over one frame or one message; everything that it returns
 * points into those bytes.
 */
struct wire_reader
{
	const uint8_t *start;
	const uint8_t *p;
	const uint8_t *end;
	const char	  *field;	 /* being read; named in errors */
	const char	  *error;	 /* NULL: none so far */
	size_t		   error_at; /* offset of the field that was wrong */
	const char	  *error_field;
};

static inline void
wire_reader_init(struct wire_reader *r, const void *data, size_t len)
{
	r->start = r->p = (const uint8_t *) data;
	r->end = r->start + len;
	r->field = "frame";
	r->error = r->error_field = NULL;
	r->error_at = 0;
}

static inline bool
wire_reader_ok(const struct wire_reader *r)
{
	return r->error == NULL;
}

static inline size_t
wire_reader_left(const struct wire_reader *r)
{
	return (size_t) (r->end - r->p);
}

/* Record the first error; the cursor then stands at the end. */
void wire_reader_fail(struct wire_reader *r, const char *error);

/*
 * True if nothing failed and nothing is left; anything left is an error.
 */
bool wire_read_end(struct wire_reader *r);

/* The kind of a frame; the cursor then stands before its first message. */
enum wire_frame_kind wire_read_frame(struct wire_reader *r);

/* Head of a fragment; the rest of the frame is its bytes, at least one. */
void wire_read_fragment_head(struct wire_reader *r, uint64_t *total,
							 uint64_t *offset);

/*
 * The tag of the next message, consumed.  An unknown tag is an error, and so
 * is the end of the frame.  The reader of that message comes next.
 */
enum wire_tag wire_read_tag(struct wire_reader *r);

/* A word for an error message; never NULL. */
const char *wire_tag_name(int tag);

void wire_read_header(struct wire_reader *r, struct wire_header *h);
void wire_read_option(struct wire_reader *r, struct wire_option *o);

/*
 * Head, 'ncolumns' columns, end; the end fails if what was read does not
 * have the fingerprint that the head announced.
 */
void wire_read_relation(struct wire_reader *r, struct wire_relation *rel);
void wire_read_column(struct wire_reader *r, struct wire_column *col);
void
wire_read_relation_end(struct wire_reader *r, const struct wire_relation *rel);

/* Take the next label off 'labels'; false at the end or if it is broken. */
bool wire_next_label(struct wire_str *labels, struct wire_str *label);

void wire_read_begin(struct wire_reader *r, struct wire_txn *txn);
void wire_read_commit(struct wire_reader *r, struct wire_counts *counts);

/* 'op' is the tag that was read. */
void wire_read_row(struct wire_reader *r, char op, struct wire_row *row);

/*
 * Read one tuple of 'ncolumns' columns; widths as in the relation message.
 * 'old' is the full old tuple of the same row, or NULL.  WIRE_VALUE_SAME is
 * an error unless the old value is PRESENT, whose bytes it then gets.
 */
void	 wire_read_tuple(struct wire_reader *r, uint32_t ncolumns,
						 const int16_t *widths, bool wide,
						 const struct wire_value *old, struct wire_value *values);
void	 wire_read_truncate(struct wire_reader *r, struct wire_truncate *t);
uint32_t wire_read_schema_id(struct wire_reader *r);
void	 wire_read_message(struct wire_reader *r, struct wire_message *m);
void	 wire_read_begin_prepare(struct wire_reader *r, struct wire_txn *txn,
								 struct wire_str *gid);
void	 wire_read_prepare(struct wire_reader *r, struct wire_counts *counts);
void wire_read_commit_prepared(struct wire_reader *r, struct wire_prepared *p);
void
wire_read_rollback_prepared(struct wire_reader *r, struct wire_prepared *p);
void wire_read_stream_start(struct wire_reader *r, uint64_t *xid,
							bool *first_segment);
void wire_read_stream_stop(struct wire_reader *r);
void
wire_read_stream_abort(struct wire_reader *r, struct wire_stream_abort *a);
void
	 wire_read_stream_prepare(struct wire_reader *r, struct wire_txn *txn,
							  struct wire_str *gid, struct wire_counts *counts);
void wire_read_stream_commit(struct wire_reader *r, struct wire_txn *txn,
							 struct wire_counts *counts);

#endif /* WIRE_H */
