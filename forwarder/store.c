/*
 * store.c - what is known of the position topic; see store.h.
 *
 * The topic is compacted some time or other, so most of what is read at a
 * start has been superseded by what comes behind it: of a key, the last record
 * counts, if it is not late.  A damaged record counts as an error wherever it
 * stands, because nobody can tell what it was about.
 */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "mem.h"

struct pin
{
	char   *topic;
	int32_t partitions;
};

struct store
{
	struct position_id id;
	struct position	   self;
	struct position	   last;
	bool			   found;
	struct position	  *others; /* of other clusters, the last one last */
	size_t			   nothers;
	struct buf		   error;

	/* pins, found by a hash of the topic's name */
	struct pin *pins; /* topic NULL: empty */
	size_t		npins;
	size_t		pins_cap; /* 0 or a power of two, never full */
};

struct store *
store_new(const struct position_id *id, const struct position *self)
{
	struct store *s = mem_zalloc(1, sizeof(*s));

	s->id = *id;
	s->self = *self;
	return s;
}

void
store_free(struct store *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->pins_cap; i++)
		free(s->pins[i].topic);
	free(s->pins);
	free(s->others);
	buf_free(&s->error);
	free(s);
}

/* Where the pin of 'topic' is, or would be. */
static struct pin *
find_pin(const struct store *s, const char *topic)
{
	for (uint32_t h = hash_name(topic);; h++)
	{
		struct pin *pin = &s->pins[h & (s->pins_cap - 1)];

		if (pin->topic == NULL || strcmp(pin->topic, topic) == 0)
			return pin;
	}
}

static void
grow_pins(struct store *s)
{
	struct pin *old = s->pins;
	size_t		n = s->pins_cap;

	s->pins_cap = n ? n * 2 : 64;
	s->pins = mem_zalloc(s->pins_cap, sizeof(*s->pins));
	for (size_t i = 0; i < n; i++)
	{
		if (old[i].topic != NULL)
			*find_pin(s, old[i].topic) = old[i];
	}
	free(old);
}

static void
set_pin(struct store *s, const char *topic, int32_t partitions)
{
	struct pin *pin;

	if (s->npins * 2 >= s->pins_cap)
		grow_pins(s);
	pin = find_pin(s, topic);
	if (pin->topic == NULL)
	{
		pin->topic = mem_check(strdup(topic), strlen(topic) + 1);
		s->npins++;
	}
	pin->partitions = partitions;
}

int32_t
store_pin(const struct store *s, const char *topic)
{
	const struct pin *pin;

	if (s->npins == 0)
		return 0;
	pin = find_pin(s, topic);
	return pin->topic != NULL ? pin->partitions : 0;
}

void
store_each_pin(const struct store *s,
			   void (*fn)(void *arg, const char *topic, int32_t partitions),
			   void *arg)
{
	for (size_t i = 0; i < s->pins_cap; i++)
	{
		const struct pin *pin = &s->pins[i];

		if (pin->topic != NULL && pin->partitions > 0)
			fn(arg, pin->topic, pin->partitions);
	}
}

/*
 * The same slot of the same database in another cluster, or whatever a writer
 * there has under our transactional.id: two of that fence each other for ever.
 */
static bool
is_other_cluster(const struct store *s, const struct position *p)
{
	struct position_id same = p->id;

	if (p->id.system_id == s->id.system_id)
		return false;
	same.system_id = s->id.system_id;
	return position_id_equal(&same, &s->id) ||
		   (p->transactional_id[0] != '\0' &&
			strcmp(p->transactional_id, s->self.transactional_id) == 0);
}

static void
forget_other(struct store *s, const struct position_id *id)
{
	for (size_t i = 0; i < s->nothers; i++)
	{
		if (position_id_equal(&s->others[i].id, id))
		{
			s->nothers--;
			memmove(&s->others[i], &s->others[i + 1],
					(s->nothers - i) * sizeof(*s->others));
			return;
		}
	}
}

/* There is hardly ever one. */
static void
remember_other(struct store *s, const struct position *p)
{
	forget_other(s, &p->id);
	s->others = mem_resize(s->others, s->nothers + 1, sizeof(*s->others));
	s->others[s->nothers++] = *p;
}

/*
 * At least once nobody is shut out: what a predecessor had in its queue may
 * arrive when the successor is far beyond it.  Who goes back on purpose has
 * read the last position before.
 */
static bool
is_late(const struct store *s, const struct position *p)
{
	if (!s->found || p->transactional_id[0] != '\0' ||
		p->prev_end_lsn == s->last.end_lsn)
		return false;
	return p->timeline != s->last.timeline ? p->timeline < s->last.timeline
										   : p->end_lsn < s->last.end_lsn;
}

void
store_take(void *store, const void *key, size_t key_len, const void *value,
		   size_t value_len)
{
	struct store			 *s = store;
	struct position_entry	  entry;
	struct buf				  why = {0};
	const struct position_id *id = &entry.position.id;

	switch (position_read(key, key_len, value, value_len, &entry, &why))
	{
		case POSITION_RECORD:
			if (position_id_equal(id, &s->id))
			{
				if (is_late(s, &entry.position))
					break;
				s->last = entry.position;
				s->found = true;
			}
			else if (is_other_cluster(s, &entry.position))
				remember_other(s, &entry.position);
			else
				forget_other(s, id);
			break;
		case POSITION_RECORD_DELETED:
			if (position_id_equal(id, &s->id))
				s->found = false;
			else
				forget_other(s, id);
			break;
		case POSITION_PIN:
			if (position_id_equal(&entry.pin.id, &s->id))
				set_pin(s, entry.pin.topic, entry.pin.partitions);
			break;
		case POSITION_PIN_DELETED:
			if (position_id_equal(&entry.pin.id, &s->id))
				set_pin(s, entry.pin.topic, 0);
			break;
		case POSITION_FOREIGN:
		case POSITION_BROKEN:
		case POSITION_NEWER:
			if (s->error.len == 0)
				buf_puts(&s->error, buf_cstr(&why));
			(void) buf_cstr(&s->error);
			break;
	}
	buf_free(&why);
}

const char *
store_error(const struct store *s)
{
	return s->error.len > 0 ? (const char *) s->error.data : "";
}

const struct position *
store_position(const struct store *s)
{
	return s->found ? &s->last : NULL;
}

const struct position *
store_other_cluster(const struct store *s)
{
	return s->nothers > 0 ? &s->others[s->nothers - 1] : NULL;
}

void
store_put(const struct store *s, struct position *p, struct buf *key,
		  struct buf *value)
{
	p->id = s->id;
	p->filter = s->self.filter;
	memcpy(p->transactional_id, s->self.transactional_id,
		   sizeof(p->transactional_id));
	memcpy(p->run_id, s->self.run_id, sizeof(p->run_id));
	p->prev_end_lsn = s->found ? s->last.end_lsn : 0;
	buf_reset(key);
	buf_reset(value);
	position_put_key(key, &p->id);
	position_put_value(value, p);
}

void
store_written(struct store *s, const struct position *p)
{
	s->last = *p;
	s->found = true;
}

void
store_put_pin(const struct store *s, const char *topic, int32_t partitions,
			  struct buf *key, struct buf *value)
{
	struct position_pin pin = {.id = s->id, .partitions = partitions};

	if (strlen(topic) >= sizeof(pin.topic))
	{
		fprintf(stderr, "error store: topic's name is too long\n");
		abort();
	}
	memcpy(pin.topic, topic, strlen(topic) + 1);
	buf_reset(key);
	buf_reset(value);
	position_put_pin_key(key, &pin);
	position_put_pin_value(value, &pin);
}

void
store_pinned(struct store *s, const char *topic, int32_t partitions)
{
	set_pin(s, topic, partitions);
}
