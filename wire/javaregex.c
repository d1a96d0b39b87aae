/*
 * javaregex.c - regular expressions as Java reads them, for other engines.
 *
 * A recursive descent over the expression that writes while it reads.  A
 * character or a class becomes the set of characters that it stands for, case
 * included, and is written as a bracket expression of code points: so the
 * engines' own notions of case, of lines and of classes play no part.
 *
 * Names must match as a whole, and only whether they do is asked for: greedy
 * and reluctant quantifiers are the same then.  Possessive ones are not; they
 * need an engine that backtracks as Java's does.
 *
 * Java 17 is the measure (test/patterns); what later versions read otherwise
 * is refused.
 */
#include "javaregex.h"

#include <string.h>

/* Flags as of java.util.regex.Pattern. */
#define CASELESS 1
#define COMMENTS 2
#define MULTILINE 4
#define DOTALL 8
#define UNIX_LINES 16

#define DEPTH_MAX 64
#define GROUPS_MAX 99
#define RANGES_MAX 128
#define REPEAT_MAX INT32_MAX
#define POSTGRES_REPEAT_MAX 255
#define POSTGRES_CHAR_MAX 0x7ffffffe
#define CODE_POINT_MAX 0x10ffff

struct range
{
	uint32_t from;
	uint32_t to;
};

/* In order, and no two of them touch. */
struct set
{
	size_t		 n;
	struct range ranges[RANGES_MAX];
};

struct group
{
	bool	 closed;
	bool	 repeated; /* it, or one around it that is closed */
	unsigned number;   /* to the engine; 0: it does not capture */
	size_t	 name;	   /* where it begins, 0: none */
	size_t	 name_len;
};

struct parser
{
	struct javaregex_result *r;
	enum javaregex_engine	 engine;
	bool					 opaque;
	uint32_t				 char_max;
	const uint32_t			*in; /* ends in two zeros */
	size_t					 n;
	size_t					 at;
	unsigned				 flags;
	int						 depth;
	int						 look; /* so many look-arounds are open */
	unsigned				 ngroups;
	unsigned				 nnumbers;
	unsigned				 nrefs;
	unsigned				 nbreaks;	   /* \R */
	unsigned				 nasserts;	   /* anchors and look-arounds */
	bool					 caseless_ref; /* the engine must ignore case */
	bool					 case_matters; /* the engine must not */
	bool					 failed;
	char					*out;
	size_t					 size;
	struct group			 groups[GROUPS_MAX + 1];
};

/* What Java finds out about a part, by which it chooses how to match it. */
struct facts
{
	bool bounded;
	bool deterministic;
	bool empty; /* it may match nothing: not Java's, but ours */
};

/* ----------------------------------------------------------- messages */

static void
say(struct parser *p, const char *text)
{
	size_t used = strlen(p->r->error);

	while (*text != '\0' && used + 1 < sizeof(p->r->error))
		p->r->error[used++] = *text++;
	p->r->error[used] = '\0';
}

/*
 * The first error stays.  After it the input is at its end, so that all who
 * read on stop.
 */
static void
fail(struct parser *p, const char *what, const char *instead)
{
	if (p->failed)
		return;
	p->failed = true;
	p->r->at = p->at < p->n ? p->at : p->n;
	p->r->error[0] = '\0';
	say(p, what);
	if (instead != NULL)
	{
		say(p, "; ");
		say(p, instead);
	}
	p->at = p->n;
}

/* ------------------------------------------------------------- output */

static void
put(struct parser *p, const char *s)
{
	size_t n = strlen(s);

	if (p->size > p->r->len && p->size - p->r->len > n)
		memcpy(p->out + p->r->len, s, n + 1);
	p->r->len += n;
}

static void
put_number(struct parser *p, uint32_t v)
{
	char  text[12];
	char *s = text + sizeof(text) - 1;

	*s = '\0';
	do
	{
		*--s = (char) ('0' + v % 10);
		v /= 10;
	} while (v > 0);
	put(p, s);
}

static bool
is_digit(uint32_t c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(uint32_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void
put_char(struct parser *p, uint32_t c)
{
	static const char hex[] = "0123456789abcdef";
	bool			  pcre2 = p->engine == JAVAREGEX_PCRE2;
	bool			  wide = c > 0xffff;
	char			  text[16];
	size_t			  n = 0;

	if (is_digit(c) || is_letter(c))
		text[n++] = (char) c;
	else
	{
		text[n++] = '\\';
		text[n++] = pcre2 ? 'x' : wide ? 'U' : 'u';
		if (pcre2)
			text[n++] = '{';
		for (int shift = wide ? 28 : 12; shift >= 0; shift -= 4)
			text[n++] = hex[c >> shift & 15];
		if (pcre2)
			text[n++] = '}';
	}
	text[n] = '\0';
	put(p, text);
}

static const char *
begin_anchor(const struct parser *p)
{
	return p->engine == JAVAREGEX_PCRE2 ? "\\A" : "^";
}

static const char *
end_anchor(const struct parser *p)
{
	return p->engine == JAVAREGEX_PCRE2 ? "\\z" : "$";
}

/* --------------------------------------------------------------- sets */

static void
set_add(struct parser *p, struct set *s, uint32_t from, uint32_t to)
{
	size_t i = 0;
	size_t j;

	/* Those that it touches, from i up to j, become one with it. */
	while (i < s->n && s->ranges[i].to < from && from - s->ranges[i].to > 1)
		i++;
	for (j = i;
		 j < s->n && (s->ranges[j].from <= to || s->ranges[j].from - to == 1);
		 j++)
	{
		if (s->ranges[j].from < from)
			from = s->ranges[j].from;
		if (s->ranges[j].to > to)
			to = s->ranges[j].to;
	}
	if (j == i && s->n == RANGES_MAX)
	{
		fail(p, "a character class has too many ranges",
			 "write it as alternatives");
		return;
	}
	memmove(&s->ranges[i + 1], &s->ranges[j],
			(s->n - j) * sizeof(s->ranges[0]));
	s->ranges[i] = (struct range){from, to};
	s->n = s->n - (j - i) + 1;
}

/* With the other case of each ASCII letter, if case does not count. */
static void
set_add_cases(struct parser *p, struct set *s, uint32_t from, uint32_t to)
{
	set_add(p, s, from, to);
	if (!(p->flags & CASELESS))
		return;
	for (uint32_t c = 'A'; c <= 'Z'; c++)
	{
		if (from <= c && c <= to)
			set_add(p, s, c + 32, c + 32);
		if (from <= c + 32 && c + 32 <= to)
			set_add(p, s, c, c);
	}
}

static void
set_union(struct parser *p, struct set *s, const struct set *with)
{
	for (size_t i = 0; i < with->n; i++)
		set_add(p, s, with->ranges[i].from, with->ranges[i].to);
}

static void
set_negate(struct parser *p, struct set *s)
{
	uint32_t from = 0;
	size_t	 n = 0;
	bool	 open = true;

	if (s->n == RANGES_MAX)
	{
		fail(p, "a character class has too many ranges",
			 "write it as alternatives");
		return;
	}
	/* In place: a gap is written where its range was read, or before. */
	for (size_t i = 0, count = s->n; i < count; i++)
	{
		struct range gone = s->ranges[i];

		if (gone.from > from)
			s->ranges[n++] = (struct range){from, gone.from - 1};
		open = gone.to < p->char_max;
		from = gone.to + 1;
	}
	if (open)
		s->ranges[n++] = (struct range){from, p->char_max};
	s->n = n;
}

static void
set_intersect(struct parser *p, struct set *s, const struct set *with)
{
	struct set other = *with;

	/* What is in neither's complement. */
	set_negate(p, s);
	set_negate(p, &other);
	set_union(p, s, &other);
	set_negate(p, s);
}

static bool
set_has(const struct set *s, uint32_t c)
{
	for (size_t i = 0; i < s->n; i++)
	{
		if (s->ranges[i].from <= c && c <= s->ranges[i].to)
			return true;
	}
	return false;
}

static void
put_set(struct parser *p, const struct set *s)
{
	struct set shown = *s;
	bool	   negated = false;

	for (uint32_t c = 'A'; c <= 'Z'; c++)
	{
		if (set_has(s, c) != set_has(s, c + 32))
			p->case_matters = true;
	}
	if (shown.n > 0 && shown.ranges[shown.n - 1].to == p->char_max)
	{
		negated = true;
		set_negate(p, &shown);
	}
	if (shown.n == 0)
	{
		if (!negated)
			put(p, "(?:(?!))");
		else
			put(p, p->engine == JAVAREGEX_PCRE2 ? "(?s:.)" : ".");
		return;
	}
	if (!negated && shown.n == 1 && shown.ranges[0].from == shown.ranges[0].to)
	{
		/* No name has half of a surrogate pair. */
		if (p->engine == JAVAREGEX_PCRE2 && shown.ranges[0].from >> 11 == 27)
			put(p, "(?:(?!))");
		else
			put_char(p, shown.ranges[0].from);
		return;
	}
	put(p, negated ? "[^" : "[");
	for (size_t i = 0; i < shown.n; i++)
	{
		uint32_t from = shown.ranges[i].from;
		uint32_t to = shown.ranges[i].to;

		/* PCRE2 takes no surrogates for ends. */
		if (p->engine == JAVAREGEX_PCRE2 && from >> 11 == 27)
			from = 0xe000;
		if (p->engine == JAVAREGEX_PCRE2 && to >> 11 == 27)
			to = 0xd7ff;
		if (from > to)
			from = to = 0xd7ff; /* unassigned for ever */
		put_char(p, from);
		if (to > from)
		{
			put(p, "-");
			put_char(p, to);
		}
	}
	put(p, "]");
}

static const struct range digits[] = {{'0', '9'}};
static const struct range words[] = {{'0', '9'},
									 {'A', 'Z'},
									 {'_', '_'},
									 {'a', 'z'}};
static const struct range spaces[] = {{'\t', '\r'}, {' ', ' '}};
static const struct range horizontals[] = {{'\t', '\t'},	 {' ', ' '},
										   {0xa0, 0xa0},	 {0x1680, 0x1680},
										   {0x180e, 0x180e}, {0x2000, 0x200a},
										   {0x202f, 0x202f}, {0x205f, 0x205f},
										   {0x3000, 0x3000}};
static const struct range verticals[] = {{'\n', '\r'},
										 {0x85, 0x85},
										 {0x2028, 0x2029}};
static const struct range line_ends[] = {{'\n', '\n'},
										 {'\r', '\r'},
										 {0x85, 0x85},
										 {0x2028, 0x2029}};
static const struct range newline[] = {{'\n', '\n'}};

#define ADD(p, s, r) add_ranges(p, s, r, sizeof(r) / sizeof((r)[0]))

/* What Java defines beyond ASCII has no number that is known if opaque. */
static void
add_ranges(struct parser *p, struct set *s, const struct range *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		if (!p->opaque || r[i].to < 0x80)
			set_add(p, s, r[i].from, r[i].to);
	}
}

static void
put_line_ends(struct parser *p)
{
	struct set s = {0};

	if (p->flags & UNIX_LINES)
		ADD(p, &s, newline);
	else
		ADD(p, &s, line_ends);
	put_set(p, &s);
}

/* -------------------------------------------------------------- input */

static uint32_t
in_at(const struct parser *p, size_t at)
{
	return at < p->n ? p->in[at] : 0;
}

static bool
ends_line(const struct parser *p, uint32_t c)
{
	if (p->flags & UNIX_LINES)
		return c == '\n';
	return c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029;
}

static bool
is_space(uint32_t c)
{
	return (c >= '\t' && c <= '\r') || c == ' ';
}

/* (?x): white space and comments are not there. */
static void
skip_comments(struct parser *p)
{
	while ((p->flags & COMMENTS) && p->at < p->n)
	{
		if (p->in[p->at] == '#')
		{
			while (p->at < p->n && !ends_line(p, p->in[p->at]))
				p->at++;
		}
		else if (is_space(p->in[p->at]))
			p->at++;
		else
			break;
	}
}

/* The next character, 0 at the end. */
static uint32_t
peek(struct parser *p)
{
	skip_comments(p);
	return in_at(p, p->at);
}

static bool
take(struct parser *p, uint32_t c)
{
	if (peek(p) != c)
		return false;
	p->at++;
	return true;
}

static int
hex_digit(uint32_t c)
{
	if (is_digit(c))
		return (int) (c - '0');
	if (c >= 'a' && c <= 'f')
		return (int) (c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (int) (c - 'A' + 10);
	return -1;
}

static uint32_t
take_hex(struct parser *p, int ndigits)
{
	uint32_t v = 0;

	for (int i = 0; i < ndigits; i++)
	{
		int digit = hex_digit(in_at(p, p->at));

		if (digit < 0)
		{
			fail(p, "a hexadecimal escape is not complete", NULL);
			return 0;
		}
		v = v << 4 | (uint32_t) digit;
		p->at++;
	}
	return v;
}

/* ------------------------------------------------------------- escapes */

/* An escaped character by its number, behind \0, \x, \u or \c. */
static uint32_t
numeric_escape(struct parser *p, uint32_t kind)
{
	uint32_t v = 0;
	size_t	 start;

	if (kind == 'u')
	{
		v = take_hex(p, 4);
		if (v >> 10 == 0x36 && in_at(p, p->at) == '\\' &&
			in_at(p, p->at + 1) == 'u')
		{
			uint32_t low;

			start = p->at;
			p->at += 2;
			low = take_hex(p, 4);
			if (low >> 10 == 0x37)
				return 0x10000 + ((v & 0x3ff) << 10 | (low & 0x3ff));
			p->at = p->failed ? p->n : start;
		}
	}
	else if (kind == 'x' && in_at(p, p->at) != '{')
		v = take_hex(p, 2);
	else if (kind == 'x')
	{
		start = ++p->at;
		while (hex_digit(in_at(p, p->at)) >= 0 && v <= CODE_POINT_MAX)
			v = v << 4 | (uint32_t) hex_digit(p->in[p->at++]);
		if (v > CODE_POINT_MAX || p->at == start || !take(p, '}'))
			fail(p, "\\x{...} is not the number of a character", NULL);
	}
	else if (kind == '0')
	{
		int most = in_at(p, p->at) <= '3' ? 3 : 2;
		int i;

		for (i = 0;
			 i < most && is_digit(in_at(p, p->at)) && in_at(p, p->at) < '8';
			 i++)
			v = v << 3 | (p->in[p->at++] - '0');
		if (i == 0)
			fail(p, "an octal escape is not complete", NULL);
	}
	else if (p->at < p->n)
		v = p->in[p->at++] ^ 64;
	else
		fail(p, "a control escape is not complete", NULL);
	if (p->opaque && v >= 0x80)
		fail(p,
			 "a character by its number needs a database whose encoding is "
			 "UTF8",
			 "write the character itself");
	return v;
}

struct property
{
	const char	*name;
	int			 n;
	struct range ranges[5];
};

/* Of POSIX, which Java reads as ASCII. */
static const struct property properties[] = {
	{"Lower", 1, {{'a', 'z'}}},
	{"Upper", 1, {{'A', 'Z'}}},
	{"ASCII", 1, {{0, 127}}},
	{"Alpha", 2, {{'A', 'Z'}, {'a', 'z'}}},
	{"Digit", 1, {{'0', '9'}}},
	{"Alnum", 3, {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
	{"Punct", 4, {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
	{"Graph", 1, {{'!', '~'}}},
	{"Print", 1, {{' ', '~'}}},
	{"Blank", 2, {{'\t', '\t'}, {' ', ' '}}},
	{"Cntrl", 2, {{0, 31}, {127, 127}}},
	{"XDigit", 3, {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}},
	{"Space", 2, {{'\t', '\r'}, {' ', ' '}}},
};

/* Behind \p or \P. */
static void
read_property(struct parser *p, struct set *s, bool negated)
{
	const struct property *found = NULL;
	size_t				   start;
	size_t				   len;

	if (in_at(p, p->at) == '{')
	{
		start = ++p->at;
		while (p->at < p->n && p->in[p->at] != '}')
			p->at++;
		len = p->at - start;
		if (p->at == p->n || len == 0)
		{
			fail(p, "\\p{...} is not complete", NULL);
			return;
		}
		p->at++;
		for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++)
		{
			const char *name = properties[i].name;
			size_t		j = 0;

			while (j < len && name[j] != '\0' &&
				   p->in[start + j] == (unsigned char) name[j])
				j++;
			if (j == len && name[j] == '\0')
				found = &properties[i];
		}
	}
	if (found == NULL)
	{
		fail(p,
			 "\\p of Unicode's properties is refused, because their tables "
			 "differ from one version to the next",
			 "list the characters in brackets, or use \\p{Lower}, "
			 "\\p{Upper}, \\p{Alpha}, \\p{Alnum} and the like for those of "
			 "ASCII");
		return;
	}
	for (int i = 0; i < found->n; i++)
	{
		/* Java takes these two, and no others, for either case. */
		if (strcmp(found->name, "Lower") == 0 ||
			strcmp(found->name, "Upper") == 0)
			set_add_cases(p, s, found->ranges[i].from, found->ranges[i].to);
		else
			set_add(p, s, found->ranges[i].from, found->ranges[i].to);
	}
	if (negated)
		set_negate(p, s);
}

/* An escape for a set of characters, 'c' behind the backslash; else false. */
static bool
class_escape(struct parser *p, struct set *s, uint32_t c)
{
	switch (c)
	{
		case 'd':
		case 'D':
			ADD(p, s, digits);
			break;
		case 'w':
		case 'W':
			ADD(p, s, words);
			break;
		case 's':
		case 'S':
			ADD(p, s, spaces);
			break;
		case 'h':
		case 'H':
			ADD(p, s, horizontals);
			break;
		case 'v':
		case 'V':
			ADD(p, s, verticals);
			break;
		case 'p':
		case 'P':
			read_property(p, s, c == 'P');
			return true;
		default:
			return false;
	}
	if (c < 'a')
		set_negate(p, s);
	return true;
}

/* An escape for one character, wherever it stands. */
static uint32_t
char_escape(struct parser *p, uint32_t c)
{
	switch (c)
	{
		case 'a':
			return 7;
		case 'e':
			return 27;
		case 'f':
			return '\f';
		case 'n':
			return '\n';
		case 'r':
			return '\r';
		case 't':
			return '\t';
		case '0':
		case 'x':
		case 'u':
		case 'c':
			return numeric_escape(p, c);
		case 'N':
			fail(p, "\\N{...} is refused, because it needs a table of names",
				 "write the character itself");
			return 0;
		case 0:
			fail(p, "it ends in a backslash", NULL);
			return 0;
		default:
			if (is_letter(c) || is_digit(c))
				fail(p, "there is no such escape in Java",
					 "a literal letter or digit needs no backslash");
			return c;
	}
}

/* ------------------------------------------------------------- classes */

static void read_class(struct parser *p, struct set *s, bool outer);

/* One member: a character, a range or an escape for several. */
static void
read_member(struct parser *p, struct set *s)
{
	uint32_t from = peek(p);
	uint32_t to;

	if (from == '\\')
	{
		struct set several = {0};

		from = in_at(p, p->at + 1);
		p->at += 2;
		/* As the end of a range this is one character, for old times' sake. */
		if (from == 'v' && in_at(p, p->at) == '-')
			from = '\v';
		else if (class_escape(p, &several, from))
		{
			set_union(p, s, &several);
			return;
		}
		else
			from = char_escape(p, from);
	}
	else
		p->at++;
	to = from;
	if (peek(p) == '-' && in_at(p, p->at + 1) != ']' &&
		in_at(p, p->at + 1) != '[')
	{
		p->at++;
		to = peek(p);
		if (to == '\\')
		{
			to = in_at(p, p->at + 1);
			p->at += 2;
			to = to == 'v' ? '\v' : char_escape(p, to);
		}
		else
			p->at++;
		if (to < from && !p->failed)
			fail(p, "a range ends before it begins", NULL);
		if (p->opaque && to >= 0x80 && to != from)
			fail(p,
				 "a range beyond ASCII needs a database whose encoding is "
				 "UTF8",
				 "list the characters");
	}
	if (!p->failed)
		set_add_cases(p, s, from, to);
}

/*
 * From behind the opening bracket, or, if not 'outer', what stands behind "&&":
 * the closing bracket is left to the caller then.
 */
static void
read_class(struct parser *p, struct set *s, bool outer)
{
	bool negated = false;
	bool any = false;
	bool met = false; /* an intersection */

	if (++p->depth > DEPTH_MAX)
		fail(p, "it is nested too deeply", NULL);
	if (outer && in_at(p, p->at) == '^')
	{
		negated = true;
		p->at++;
	}
	while (!p->failed)
	{
		uint32_t c = peek(p);

		if (c == 0)
		{
			fail(p, "a \"[\" is not closed",
				 "a comma within an expression is written \\,");
			break;
		}
		if (c == ']' && any)
		{
			p->at += outer;
			break;
		}
		if (c == '[')
		{
			struct set inner = {0};

			p->at++;
			read_class(p, &inner, true);
			set_union(p, s, &inner);
		}
		else if (c == '&' && in_at(p, p->at + 1) == '&')
		{
			struct set right = {0};

			p->at += 2;
			c = peek(p);
			if (c == ']' || c == '&')
			{
				fail(p, "an \"&&\" in a class lacks what stands behind it",
					 NULL);
				break;
			}
			while (!p->failed && c != ']' && c != '&')
			{
				struct set inner = {0};

				if (c == '[')
				{
					p->at++;
					read_class(p, &inner, true);
				}
				else
					read_class(p, &inner, false);
				set_union(p, &right, &inner);
				c = peek(p);
			}
			if (any)
				set_intersect(p, s, &right);
			else
				*s = right;
			met = true;
		}
		else if (c == '&' && (p->flags & COMMENTS) &&
				 (is_space(in_at(p, p->at + 1)) || in_at(p, p->at + 1) == '#'))
			fail(p,
				 "a single \"&\" before a blank, in a class and with (?x), is "
				 "refused",
				 "write \\&");
		else if (met)
			/* Java would take in again what was in front of the "&&". */
			fail(p, "a single \"&\" behind \"&&\" in a class is refused",
				 "write \\&");
		else
			read_member(p, s);
		any = true;
	}
	if (negated)
		set_negate(p, s);
	p->depth--;
}

/* --------------------------------------------------------- expressions */

static struct facts read_alternatives(struct parser *p);

/* Not between the two that end a line together. */
static void
put_not_within_pair(struct parser *p)
{
	if (p->flags & UNIX_LINES)
		return;
	put(p, "(?!(?<=");
	put_char(p, '\r');
	put(p, ")");
	put_char(p, '\n');
	put(p, ")");
}

static void
put_dollar(struct parser *p)
{
	/* At the end, or before what ends the last line. */
	put(p, "(?:(?=");
	put(p, end_anchor(p));
	if (p->flags & UNIX_LINES)
	{
		put(p, "|");
		put_char(p, '\n');
		put(p, end_anchor(p));
	}
	else
	{
		put(p, "|");
		put_char(p, '\r');
		put_char(p, '\n');
		put(p, end_anchor(p));
		put(p, "|");
		put_line_ends(p);
		put(p, end_anchor(p));
	}
	put(p, ")");
	put_not_within_pair(p);
	put(p, ")");
}

/* \R; repeated, it never takes half of a pair. */
static void
put_line_break(struct parser *p)
{
	uint32_t   c = peek(p);
	struct set s = {0};

	p->nbreaks++;
	ADD(p, &s, verticals);
	put(p, "(?:");
	put_char(p, '\r');
	put_char(p, '\n');
	put(p, "|");
	if (c == '?' || c == '*' || c == '+' || c == '{')
	{
		put(p, "(?!");
		put_char(p, '\r');
		put_char(p, '\n');
		put(p, ")");
	}
	put_set(p, &s);
	put(p, ")");
}

static void
put_reference(struct parser *p, unsigned group)
{
	const struct group *g = &p->groups[group];
	bool				pcre2 = p->engine == JAVAREGEX_PCRE2;

	if (group > p->ngroups || !g->closed)
	{
		fail(p, "a back reference to a group that is not before it is refused",
			 NULL);
		return;
	}
	if (!pcre2 && (p->look > 0 || g->number == 0))
	{
		fail(p, "a back reference in or into a look-around is refused",
			 "write out what it repeats");
		return;
	}
	if (!pcre2 && g->repeated)
	{
		fail(p, "a back reference to a group that is repeated is refused",
			 "write out what it repeats");
		return;
	}
	if (pcre2 && (p->flags & CASELESS))
	{
		fail(p, "a back reference that ignores case is refused here",
			 "write (?-i) before it, or write out what it repeats");
		return;
	}
	p->nrefs++;
	if (p->flags & CASELESS)
		p->caseless_ref = true;
	else
		p->case_matters = true;
	put(p, pcre2 ? "(?:\\g{" : "(?:\\");
	put_number(p, g->number);
	put(p, pcre2 ? "})" : ")");
}

/* \k<name>, behind the k. */
static void
read_named_reference(struct parser *p)
{
	size_t start;

	if (!take(p, '<'))
	{
		fail(p, "\\k is not followed by <name>", NULL);
		return;
	}
	start = p->at;
	while (p->at < p->n && p->in[p->at] != '>')
		p->at++;
	for (unsigned i = 1; i <= p->ngroups; i++)
	{
		const struct group *g = &p->groups[i];

		if (g->name_len == p->at - start && g->name_len > 0 &&
			memcmp(p->in + g->name, p->in + start,
				   g->name_len * sizeof(p->in[0])) == 0)
		{
			p->at++;
			put_reference(p, i);
			return;
		}
	}
	fail(p, "\\k names no group that is before it", NULL);
}

/* Behind the backslash, outside of classes.  May it match nothing? */
static bool
read_escape(struct parser *p, struct facts *facts)
{
	uint32_t   c = in_at(p, p->at);
	struct set s = {0};

	p->at++;
	if (c >= '1' && c <= '9')
	{
		unsigned group = c - '0';

		/* More digits only as long as there is such a group. */
		while (is_digit(peek(p)) &&
			   group * 10 + (p->in[p->at] - '0') <= p->ngroups)
			group = group * 10 + (p->in[p->at++] - '0');
		facts->bounded = false;
		put_reference(p, group);
		return true;
	}
	switch (c)
	{
		case 'A':
		case 'G':
			put(p, "(?:");
			put(p, begin_anchor(p));
			put(p, ")");
			return true;
		case 'z':
			put(p, "(?:");
			put(p, end_anchor(p));
			put(p, ")");
			return true;
		case 'Z':
			put_dollar(p);
			return true;
		case 'R':
			put_line_break(p);
			return false;
		case 'k':
			facts->bounded = false;
			read_named_reference(p);
			return true;
		case 'b':
		case 'B':
			fail(p,
				 "\\b and \\B are refused, because Java's versions differ in "
				 "what is a word",
				 "write (?<![A-Za-z0-9_]) or (?![A-Za-z0-9_])");
			return false;
		case 'X':
			fail(p,
				 "\\X is refused, because Unicode's tables differ from one "
				 "version to the next",
				 "write .");
			return false;
		default:
			break;
	}
	if (!class_escape(p, &s, c))
	{
		c = char_escape(p, c);
		if (!p->failed)
			set_add_cases(p, &s, c, c);
	}
	put_set(p, &s);
	return false;
}

static void
put_caret(struct parser *p)
{
	if (!(p->flags & MULTILINE))
	{
		put(p, "(?:");
		put(p, begin_anchor(p));
		put(p, ")");
		return;
	}
	/* At the beginning or behind what ends a line, but not at the end. */
	put(p, "(?:(?!");
	put(p, end_anchor(p));
	put(p, ")(?:");
	put(p, begin_anchor(p));
	put(p, "|(?<=");
	put_line_ends(p);
	put(p, "))");
	put_not_within_pair(p);
	put(p, ")");
}

static void
read_dollar(struct parser *p)
{
	if (!(p->flags & MULTILINE))
	{
		put_dollar(p);
		return;
	}
	put(p, "(?:(?=");
	put(p, end_anchor(p));
	put(p, "|");
	put_line_ends(p);
	put(p, ")");
	put_not_within_pair(p);
	put(p, ")");
}

static void
read_dot(struct parser *p)
{
	struct set s = {0};

	if (p->flags & DOTALL)
		;
	else if (p->flags & UNIX_LINES)
		ADD(p, &s, newline);
	else
		ADD(p, &s, line_ends);
	set_negate(p, &s);
	put_set(p, &s);
}

/* One or more flags, behind "(?". */
static void
read_flags(struct parser *p)
{
	bool on = true;

	for (;; p->at++)
	{
		unsigned flag = 0;
		uint32_t c = peek(p);

		switch (c)
		{
			case 'i':
				flag = CASELESS;
				break;
			case 'm':
				flag = MULTILINE;
				break;
			case 's':
				flag = DOTALL;
				break;
			case 'd':
				flag = UNIX_LINES;
				break;
			case 'x':
				flag = COMMENTS;
				break;
			case 'u':
			case 'U':
			case 'c':
				/* To switch off what is off. */
				if (!on)
					continue;
				fail(p,
					 "the flags u, U and c are refused, because Unicode's "
					 "tables differ from one version to the next",
					 "write both cases in brackets");
				return;
			case '-':
				if (on)
				{
					on = false;
					continue;
				}
				return;
			default:
				return;
		}
		if (on)
			p->flags |= flag;
		else
			p->flags &= ~flag;
	}
}

struct repeat
{
	uint32_t min;
	uint32_t max;
	uint32_t suffix; /* '?', '+' or 0 */
};

static uint32_t
read_count(struct parser *p)
{
	uint64_t v = 0;

	while (is_digit(peek(p)))
	{
		v = v * 10 + (p->in[p->at++] - '0');
		if (v >= REPEAT_MAX)
		{
			fail(p, "a number of repetitions is too large", NULL);
			return 0;
		}
	}
	return (uint32_t) v;
}

/* A quantifier, if there is one. */
static bool
read_repeat(struct parser *p, struct repeat *q)
{
	uint32_t c = peek(p);

	*q = (struct repeat){0, REPEAT_MAX, 0};
	switch (c)
	{
		case '?':
			q->max = 1;
			p->at++;
			break;
		case '*':
			p->at++;
			break;
		case '+':
			q->min = 1;
			p->at++;
			break;
		case '{':
			if (!is_digit(in_at(p, p->at + 1)))
			{
				fail(p, "a \"{\" is not followed by a number",
					 "a literal one is written \\{");
				return false;
			}
			p->at++;
			q->min = q->max = read_count(p);
			if (take(p, ','))
				q->max = is_digit(peek(p)) ? read_count(p) : REPEAT_MAX;
			if (!take(p, '}'))
			{
				fail(p, "a \"{\" is not closed",
					 "a comma within an expression is written \\,");
				return false;
			}
			if (q->max < q->min)
			{
				fail(p, "a repetition has a maximum below its minimum", NULL);
				return false;
			}
			break;
		default:
			return false;
	}
	c = peek(p);
	if (c == '?' || c == '+')
	{
		q->suffix = c;
		p->at++;
	}
	if (p->engine == JAVAREGEX_POSTGRES && q->suffix == '+')
		fail(p, "a possessive quantifier is refused",
			 "leave out the second + where it changes nothing");
	if (p->engine == JAVAREGEX_POSTGRES &&
		(q->min > POSTGRES_REPEAT_MAX ||
		 (q->max > POSTGRES_REPEAT_MAX && q->max != REPEAT_MAX)))
		fail(p, "more than 255 repetitions are refused",
			 "write a repetition without a maximum");
	return !p->failed;
}

static void
put_repeat(struct parser *p, const struct repeat *q)
{
	put(p, "{");
	put_number(p, q->min);
	if (q->max != q->min)
	{
		put(p, ",");
		if (q->max != REPEAT_MAX)
			put_number(p, q->max);
	}
	put(p, "}");
	if (p->engine == JAVAREGEX_PCRE2 && q->suffix != 0)
		put(p, q->suffix == '+' ? "+" : "?");
}

/* The name of a group, behind "(?<"; its ">" is taken. */
static void
read_group_name(struct parser *p, struct group *g)
{
	g->name = p->at;
	while (is_letter(in_at(p, p->at)) ||
		   (p->at > g->name && is_digit(in_at(p, p->at))))
		p->at++;
	g->name_len = p->at - g->name;
	if (g->name_len == 0 || in_at(p, p->at) != '>')
		fail(p, "a group's name is not letters and digits between < and >",
			 NULL);
	for (unsigned i = 1; i < p->ngroups; i++)
	{
		const struct group *other = &p->groups[i];

		if (other->name_len == g->name_len &&
			memcmp(p->in + other->name, p->in + g->name,
				   g->name_len * sizeof(p->in[0])) == 0)
			fail(p, "two groups have the same name", NULL);
	}
	p->at++;
}

/*
 * From behind "(" to behind ")" and its quantifier.  An expression that only
 * sets flags, "(?i)", leaves them set for the rest of the group around it.
 */
static struct facts
read_group(struct parser *p, struct facts before)
{
	unsigned	  flags = p->flags;
	unsigned	  first = p->ngroups;
	unsigned	  nrefs = p->nrefs;
	unsigned	  nbreaks = p->nbreaks;
	unsigned	  nasserts = p->nasserts;
	bool		  look = false;
	bool		  behind = false;
	struct group *g = NULL;
	struct facts  inner;
	struct repeat q;
	const char	 *open = "(?:";

	if (peek(p) == '?')
	{
		uint32_t c = in_at(p, p->at + 1);
		uint32_t next = in_at(p, p->at + 2);

		p->at += 2;
		if (c == '=' || c == '!')
		{
			look = true;
			open = c == '=' ? "(?:(?=" : "(?:(?!";
		}
		else if (c == '<' && (next == '=' || next == '!'))
		{
			p->at++;
			look = behind = true;
			open = next == '=' ? "(?:(?<=" : "(?:(?<!";
		}
		else if (c == '<')
			g = &p->groups[0];
		else if (c == '>')
		{
			open = "(?>";
			if (p->engine == JAVAREGEX_POSTGRES)
				fail(p, "an independent group (?>...) is refused",
					 "write (?:...) where it changes nothing");
		}
		else if (c != ':')
		{
			p->at--;
			read_flags(p);
			if (take(p, ')'))
				return before;
			if (!take(p, ':'))
				fail(p, "there is no such group in Java", NULL);
		}
	}
	else
		g = &p->groups[0];
	if (g != NULL)
	{
		if (p->ngroups == GROUPS_MAX)
		{
			fail(p, "there are more than 99 groups",
				 "write (?:...) for those that are not referred to");
			return before;
		}
		g = &p->groups[++p->ngroups];
		*g = (struct group){0};
		if (p->engine == JAVAREGEX_PCRE2 || p->look == 0)
		{
			g->number = ++p->nnumbers;
			open = "(";
		}
		if (in_at(p, p->at - 1) == '<' && in_at(p, p->at - 2) == '?')
			read_group_name(p, g);
	}

	if (++p->depth > DEPTH_MAX)
		fail(p, "it is nested too deeply", NULL);
	p->look += look;
	put(p, open);
	inner = read_alternatives(p);
	put(p, look ? "))" : ")");
	p->look -= look;
	p->nasserts += look;
	p->depth--;
	if (!take(p, ')') && !p->failed)
		fail(p, "a \"(\" is not closed",
			 "a comma within an expression is written \\,");
	if (behind && !inner.bounded)
		fail(p,
			 "a look-behind without an obvious maximum length is refused, "
			 "because Java takes few of them, and reads these wrongly",
			 "give each repetition in it a maximum");
	p->flags = flags;
	if (g != NULL)
		g->closed = true;
	if (look)
		inner = (struct facts){true, true, true};

	if (read_repeat(p, &q))
	{
		put_repeat(p, &q);
		/* What matched nothing ends Java's loop, whatever its minimum. */
		if (q.min > 1 && inner.empty && !inner.deterministic &&
			p->nasserts != nasserts)
			fail(p,
				 "an anchor or a look-around in a group that may be empty, "
				 "and is repeated twice or more, is refused",
				 "write it out");
		if (q.max > 1 && p->nbreaks != nbreaks)
			fail(p, "\\R within a repetition is refused",
				 "repeat \\R itself, or write [\\n\\r]");
		if (q.max > 1 && p->engine == JAVAREGEX_POSTGRES)
		{
			for (unsigned i = first + 1; i <= p->ngroups; i++)
				p->groups[i].repeated = true;
			if (p->nrefs != nrefs)
				fail(p, "a back reference within a repetition is refused",
					 "write out what it repeats");
		}
		if (q.max != 1 || q.min == 1)
			inner.bounded = inner.bounded && inner.deterministic &&
							q.max != REPEAT_MAX;
		inner.deterministic = inner.deterministic && q.min == q.max;
		inner.empty = inner.empty || q.min == 0;
	}
	before.empty = before.empty && inner.empty;
	before.bounded = before.bounded && inner.bounded;
	before.deterministic = before.deterministic && inner.deterministic;
	return before;
}

static struct facts
read_sequence(struct parser *p)
{
	struct facts facts = {true, true, true};

	for (;;)
	{
		struct repeat q;
		uint32_t	  c = peek(p);
		bool		  empty = false;

		switch (c)
		{
			case 0:
			case '|':
			case ')':
				return facts;
			case '(':
				p->at++;
				facts = read_group(p, facts);
				continue;
			case '[':
			{
				struct set s = {0};

				p->at++;
				read_class(p, &s, true);
				put_set(p, &s);
				break;
			}
			case '\\':
				p->at++;
				empty = read_escape(p, &facts);
				break;
			case '^':
				p->at++;
				put_caret(p);
				empty = true;
				break;
			case '$':
				p->at++;
				read_dollar(p);
				empty = true;
				break;
			case '.':
				p->at++;
				read_dot(p);
				break;
			case '?':
			case '*':
			case '+':
				fail(p, "a quantifier has nothing to repeat", NULL);
				return facts;
			case '{':
				/* Java repeats nothing so many times. */
				put(p, "(?:)");
				empty = true;
				break;
			default:
			{
				struct set s = {0};

				p->at++;
				set_add_cases(p, &s, c, c);
				put_set(p, &s);
			}
		}
		p->nasserts += empty;
		if (read_repeat(p, &q))
		{
			put_repeat(p, &q);
			empty = empty || q.min == 0;
			facts.bounded = facts.bounded && q.max != REPEAT_MAX;
			facts.deterministic = facts.deterministic && q.min == q.max;
		}
		facts.empty = facts.empty && empty;
	}
}

static struct facts
read_alternatives(struct parser *p)
{
	struct facts facts = read_sequence(p);

	while (peek(p) == '|')
	{
		struct facts next;

		p->at++;
		put(p, "|");
		next = read_sequence(p);
		facts.bounded = facts.bounded && next.bounded;
		facts.empty = facts.empty || next.empty;
		facts.deterministic = false;
	}
	return facts;
}

/*
 * \Q...\E as Java takes it, before anything else: what is between them, with a
 * backslash before each character that could mean something.  A digit that
 * comes first must not become part of an escape before it.
 */
static size_t
expand_quotes(const uint32_t *in, size_t len, uint32_t *out)
{
	bool   quoted = false;
	bool   first = false;
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
	{
		uint32_t next = i + 1 < len ? in[i + 1] : 0;

		if (in[i] == '\\' && next == (quoted ? 'E' : 'Q'))
		{
			quoted = first = !quoted;
			i++;
			continue;
		}
		if (!quoted)
		{
			out[n++] = in[i];
			if (in[i] == '\\' && next != 0)
				out[n++] = in[++i];
			continue;
		}
		if (first && is_digit(in[i]))
		{
			out[n++] = '\\';
			out[n++] = 'x';
			out[n++] = '3';
		}
		else if (in[i] < 0x80 && !is_letter(in[i]) && !is_digit(in[i]))
			out[n++] = '\\';
		out[n++] = in[i];
		first = false;
	}
	return n;
}

bool
javaregex_translate(struct javaregex_result *r, enum javaregex_engine engine,
					unsigned flags, const uint32_t *pattern, size_t len,
					uint32_t *work, char *out, size_t size)
{
	struct parser p = {
		.r = r,
		.engine = engine,
		.opaque = flags & JAVAREGEX_OPAQUE,
		.char_max = engine == JAVAREGEX_PCRE2 ? CODE_POINT_MAX
											  : POSTGRES_CHAR_MAX,
		.in = work,
		.flags = flags & JAVAREGEX_CASELESS ? CASELESS : 0,
		.out = out,
		.size = size,
	};

	*r = (struct javaregex_result){0};
	if (len > JAVAREGEX_LEN_MAX)
		fail(&p, "it is longer than 8192 characters", NULL);
	else
		p.n = expand_quotes(pattern, len, work);
	put(&p, engine == JAVAREGEX_PCRE2 ? "\\A(?:" : "^(?:");
	(void) read_alternatives(&p);
	if (!p.failed && p.at < p.n)
		fail(&p, "a \")\" closes nothing", NULL);
	put(&p, engine == JAVAREGEX_PCRE2 ? ")\\z" : ")$");
	if (p.caseless_ref && p.case_matters)
		fail(&p,
			 "a back reference that ignores case is refused beside what does "
			 "not",
			 "write out what it repeats");
	r->caseless = p.caseless_ref;
	return !p.failed;
}

/* -------------------------------------------------------------- lists */

bool
javaregex_list_next(const char **list, char *out)
{
	const char *p = *list;
	size_t		n = 0;

	while (*p != '\0')
	{
		const char *start = p;
		const char *end;

		while (*p != '\0' && *p != ',')
			p += *p == '\\' && p[1] != '\0' ? 2 : 1;
		end = p;
		if (*p == ',')
			p++;
		while (start < end && (unsigned char) *start <= ' ')
			start++;
		while (end > start && (unsigned char) end[-1] <= ' ')
			end--;
		if (start == end)
			continue;
		for (; start < end; start++)
		{
			if (*start == '\\' && start + 1 < end && start[1] == ',')
				start++;
			else if (*start == '\\' && start + 1 < end)
				out[n++] = *start++;
			out[n++] = *start;
		}
		out[n] = '\0';
		*list = p;
		return true;
	}
	*list = p;
	return false;
}
