/*
 * pgtext_ts.c - tsvector and tsquery.
 *
 * tsvector: int32 count; per lexeme 32 bits (1 has positions, 11 length, 20
 * offset); the lexemes.  Positions follow their lexeme, aligned to 2: uint16
 * count, then uint16 each with the weight in the top two bits.
 *
 * tsquery: int32 count of items of 12 bytes, in Polish notation with the
 * right operand first; then the operands, each ended by a zero byte.
 */
#include "pgtext_impl.h"

/* 'lexeme', with quotes and backslashes doubled */
static void
put_lexeme(struct buf *out, const uint8_t *s, size_t len)
{
	uint8_t *p = buf_reserve(out, 2 * len + 2);

	*p++ = '\'';
	for (size_t i = 0; i < len; i++)
	{
		if (s[i] == '\'' || s[i] == '\\')
			*p++ = s[i];
		*p++ = s[i];
	}
	*p++ = '\'';
	out->len = (size_t) (p - out->data);
}

PGTEXT_FN(pgtext_ts_vector)
{
	size_t		   count;
	const uint8_t *lexemes;
	size_t		   lexemes_len;

	(void) t;
	if (len < 4)
		return false;
	count = rawnum_u32(data);
	if (count > (len - 4) / 4)
		return false;
	lexemes = data + 4 + 4 * count;
	lexemes_len = len - 4 - 4 * count;

	for (size_t i = 0; i < count; i++)
	{
		uint32_t entry = rawnum_u32(data + 4 + 4 * i);
		size_t	 word_len = entry >> 1 & 0x7ff;
		size_t	 at = entry >> 12;
		size_t	 npos;

		if (at > lexemes_len || word_len > lexemes_len - at)
			return false;
		if (i > 0)
			buf_putc(out, ' ');
		put_lexeme(out, lexemes + at, word_len);
		if (!(entry & 1))
			continue;

		at = (at + word_len + 1) & ~(size_t) 1;
		if (at > lexemes_len || lexemes_len - at < 2)
			return false;
		npos = rawnum_u16(lexemes + at);
		at += 2;
		if (npos > (lexemes_len - at) / 2)
			return false;
		for (size_t k = 0; k < npos; k++)
		{
			unsigned pos = rawnum_u16(lexemes + at + 2 * k);

			buf_putc(out, k == 0 ? ':' : ',');
			buf_put_u64(out, pos & 0x3fff);
			if (pos >> 14 != 0)
				buf_putc(out, "DCBA"[pos >> 14]);
		}
	}
	return true;
}

#define ITEM_SIZE 12

enum item_type
{
	ITEM_VALUE = 1,
	ITEM_OPERATOR = 2,
};

enum operator
{
	OPERATOR_NOT = 1,
	OPERATOR_AND = 2,
	OPERATOR_OR = 3,
	OPERATOR_PHRASE = 4,
};

static const int priority_of[] = {
	[OPERATOR_NOT] = 4,
	[OPERATOR_PHRASE] = 3,
	[OPERATOR_AND] = 2,
	[OPERATOR_OR] = 1,
};

/*
 * What remains to be written: an operand under an operator, the operator's
 * sign between two operands, or a closing parenthesis.  A chain of a thousand
 * ANDs nests a thousand deep, so this stack is on the heap.
 */
struct pending
{
	enum
	{
		PENDING_OPERAND,
		PENDING_SIGN,
		PENDING_CLOSE,
	} what;
	uint32_t item;
	int		 parent_priority;
	bool	 right_of_phrase;
};

struct query
{
	const uint8_t *items;
	uint32_t	   count;
	const uint8_t *operands;
	size_t		   operands_len;
	uint32_t	   visits; /* of a tree there are 'count' */
};

static void
push(struct buf *stack, struct pending p)
{
	buf_put(stack, &p, sizeof(p));
}

static bool
put_query_operand(struct buf *out, const struct query *q, const uint8_t *item)
{
	unsigned weight = item[1];
	bool	 prefix = item[2] != 0;
	size_t	 word_len = rawnum_u32(item + 8) & 0xfff;
	size_t	 at = rawnum_u32(item + 8) >> 12;

	if (at > q->operands_len || word_len > q->operands_len - at)
		return false;
	put_lexeme(out, q->operands + at, word_len);
	if (weight != 0 || prefix)
	{
		buf_putc(out, ':');
		if (prefix)
			buf_putc(out, '*');
		for (int bit = 3; bit >= 0; bit--)
			if (weight & 1u << bit)
				buf_putc(out, "DCBA"[bit]);
	}
	return true;
}

static bool
put_query_sign(struct buf *out, const uint8_t *item)
{
	int distance = (int16_t) rawnum_u16(item + 2);

	switch (item[1])
	{
		case OPERATOR_AND:
			buf_lit(out, " & ");
			return true;
		case OPERATOR_OR:
			buf_lit(out, " | ");
			return true;
		case OPERATOR_PHRASE:
			if (distance == 1)
				buf_lit(out, " <-> ");
			else
			{
				buf_lit(out, " <");
				buf_put_i64(out, distance);
				buf_lit(out, "> ");
			}
			return true;
		default:
			return false;
	}
}

static bool
walk_query(struct buf *out, struct query *q, struct buf *stack)
{
	push(stack,
		 (struct pending){.what = PENDING_OPERAND, .parent_priority = -1});
	while (stack->len > 0)
	{
		struct pending p;
		const uint8_t *item;
		int			   priority;
		bool		   parentheses;

		stack->len -= sizeof(p);
		memcpy(&p, stack->data + stack->len, sizeof(p));
		if (p.what == PENDING_CLOSE)
		{
			buf_lit(out, " )");
			continue;
		}
		item = q->items + ITEM_SIZE * (size_t) p.item;
		if (p.what == PENDING_SIGN)
		{
			if (!put_query_sign(out, item))
				return false;
			continue;
		}

		if (++q->visits > q->count)
			return false;
		if (item[0] == ITEM_VALUE)
		{
			if (!put_query_operand(out, q, item))
				return false;
			continue;
		}
		if (item[0] != ITEM_OPERATOR || item[1] < OPERATOR_NOT ||
			item[1] > OPERATOR_PHRASE || p.item + 1 >= q->count)
			return false;
		priority = priority_of[item[1]];
		parentheses = priority < p.parent_priority ||
					  (item[1] == OPERATOR_PHRASE && p.right_of_phrase);
		if (parentheses)
		{
			buf_lit(out, "( ");
			push(stack, (struct pending){.what = PENDING_CLOSE});
		}
		if (item[1] == OPERATOR_NOT)
		{
			buf_putc(out, '!');
			push(stack, (struct pending){PENDING_OPERAND, p.item + 1, priority,
										 false});
		}
		else
		{
			uint32_t left = rawnum_u32(item + 4);

			if (left == 0 || left >= q->count - p.item)
				return false;
			push(stack, (struct pending){PENDING_OPERAND, p.item + 1, priority,
										 item[1] == OPERATOR_PHRASE});
			push(stack,
				 (struct pending){.what = PENDING_SIGN, .item = p.item});
			push(stack, (struct pending){PENDING_OPERAND, p.item + left,
										 priority, false});
		}
	}
	return true;
}

PGTEXT_FN(pgtext_ts_query)
{
	struct query q = {0};
	struct buf	 stack = {0};
	bool		 ok;

	(void) t;
	if (len < 4)
		return false;
	q.count = rawnum_u32(data);
	if (q.count > (len - 4) / ITEM_SIZE)
		return false;
	if (q.count == 0)
		return true;
	q.items = data + 4;
	q.operands = q.items + ITEM_SIZE * (size_t) q.count;
	q.operands_len = len - 4 - ITEM_SIZE * (size_t) q.count;
	ok = walk_query(out, &q, &stack);
	buf_free(&stack);
	return ok;
}
