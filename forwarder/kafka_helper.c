/*
 * kafka_helper.c - the thread that waits for librdkafka, so that nobody else
 * has to: whether a broker answers, topics, what the store holds, the end of a
 * transaction.
 */
#include "kafka_impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

/* Stopping waits for the thread, but not for ever. */
#define STOP_MS 1000

/* librdkafka's thread needs so long, at most, to register a partition. */
#define REGISTER_MS 50

/* Between two looks at what is still open. */
#define SETTLE_RETRY_MS 500

void
kafka_helper_wake_caller(struct kafka_sink *s)
{
	const uint64_t one = 1;

	(void) !write(s->efd, &one, sizeof(one));
}

/* Locked.  Until something is to be done, or 'until_ms'. */
static void
helper_wait(struct kafka_sink *s, int64_t until_ms)
{
	struct timespec ts = {.tv_sec = until_ms / 1000,
						  .tv_nsec = until_ms % 1000 * 1000000};

	if (until_ms == INT64_MAX)
		pthread_cond_wait(&s->wake_helper, &s->lock);
	else
		pthread_cond_timedwait(&s->wake_helper, &s->lock, &ts);
}

/* Locked.  The first job that is due; *until_ms: when one will be. */
static struct topic *
take_job(struct kafka_sink *s, int64_t now_ms, int64_t *until_ms)
{
	*until_ms = INT64_MAX;
	for (struct topic **p = &s->jobs; *p != NULL; p = &(*p)->next)
	{
		struct topic *t = *p;

		if (t->retry_at_ms <= now_ms)
		{
			*p = t->next;
			t->next = NULL;
			return t;
		}
		if (t->retry_at_ms < *until_ms)
			*until_ms = t->retry_at_ms;
	}
	return NULL;
}

void
kafka_helper_add_job(struct kafka_sink *s, struct topic *t)
{
	struct topic **p = &s->jobs;

	while (*p != NULL)
		p = &(*p)->next;
	t->next = NULL;
	*p = t;
}

void
kafka_helper_free(struct kafka_sink *s)
{
	kafka_topic_free_all(s);
	kafka_txn_free(s);
	kafka_recover_free(s);
	free(s->held);
	free(s->servers);
	free(s->user);
	if (s->efd >= 0)
		close(s->efd);
	pthread_cond_destroy(&s->wake_helper);
	pthread_cond_destroy(&s->ended);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/*
 * All versions so far end the whole program (an assertion about txn_req_cnt)
 * where rd_kafka_destroy() comes while the first partition of a transaction is
 * being registered with its coordinator: the request may then fail in one
 * thread before another one has counted it.  It is counted as soon as the
 * first record is given away; so let a little time pass after that.
 */
void
kafka_helper_let_register(void)
{
	const struct timespec ts = {.tv_nsec = REGISTER_MS * 1000000L};

	nanosleep(&ts, NULL);
}

bool
kafka_helper_tells_slow(const struct kafka_sink *s, const char **told,
						int64_t since_ms, const char *what)
{
	if (clock_monotonic_ms() - since_ms < s->slow_ms || *told == what)
		return false;
	*told = what;
	return true;
}

/* Also lets go of librdkafka, which may take its time. */
static void
helper_end(struct kafka_sink *s)
{
	bool orphaned;

	if (kafka_txn_used(s) && s->txn.state != KAFKA_TXN_NONE)
		kafka_helper_let_register();
	kafka_settle_free(s);
	for (uint32_t i = 0; i < s->ntopics; i++)
	{
		if (s->topics[i]->rkt != NULL)
			rd_kafka_topic_destroy(s->topics[i]->rkt);
	}
	rd_kafka_queue_io_event_enable(s->queue, -1, NULL, 0);
	rd_kafka_queue_destroy(s->queue);
	rd_kafka_destroy(s->rk);
	pthread_mutex_lock(&s->lock);
	s->done = true;
	orphaned = s->orphaned;
	pthread_cond_signal(&s->ended);
	pthread_mutex_unlock(&s->lock);
	if (orphaned)
		kafka_helper_free(s);
}

/* Locked, but for the step itself.  False: it is not asked for, or not due. */
static bool
take_step(struct kafka_sink *s, struct kafka_step *step, int64_t now_ms,
		  enum kafka_job_outcome (*go_on)(struct kafka_sink *s),
		  int64_t retry_ms)
{
	enum kafka_job_outcome outcome;

	if (step->state != KAFKA_STEP_ASKED || now_ms < step->retry_at_ms)
		return false;
	pthread_mutex_unlock(&s->lock);
	outcome = go_on(s);
	pthread_mutex_lock(&s->lock);
	if (outcome == KAFKA_JOB_DONE)
		step->state = KAFKA_STEP_DONE;
	else
		step->retry_at_ms = clock_monotonic_ms() + retry_ms;
	if (outcome == KAFKA_JOB_UNREACHABLE)
		s->probe = true;
	kafka_helper_wake_caller(s);
	return true;
}

static void
wait_for_step(const struct kafka_step *step, int64_t *until_ms)
{
	if (step->state == KAFKA_STEP_ASKED && step->retry_at_ms < *until_ms)
		*until_ms = step->retry_at_ms;
}

static void *
helper_main(void *arg)
{
	struct kafka_sink *s = arg;
	int64_t			   backoff_ms = s->backoff_first_ms;
	int64_t			   next_probe_ms = 0;
	int64_t			   failures = 0;

	pthread_mutex_lock(&s->lock);
	while (!s->stop)
	{
		int64_t				   now_ms = clock_monotonic_ms();
		int64_t				   until_ms;
		struct topic		  *t;
		enum kafka_job_outcome outcome;

		/* First, because others wait for it; and it waits a little itself. */
		if (s->txn.commit_asked)
		{
			bool ended;

			pthread_mutex_unlock(&s->lock);
			ended = kafka_txn_go_on_committing(s);
			if (ended)
				kafka_helper_wake_caller(s);
			pthread_mutex_lock(&s->lock);
			if (!s->probe || now_ms < next_probe_ms)
				continue;
		}
		if (s->probe)
		{
			bool answered;

			if (now_ms < next_probe_ms)
			{
				helper_wait(s, next_probe_ms);
				continue;
			}
			pthread_mutex_unlock(&s->lock);
			answered = kafka_link_ask(s);
			if (!answered && ++failures > s->max_retries &&
				s->max_retries >= 0)
				kafka_fail_gave_up(s,
								   "Kafka (%s) was not reached in %" PRId64
								   " attempts (errors.max.retries)",
								   s->servers, failures);
			kafka_helper_wake_caller(s);
			pthread_mutex_lock(&s->lock);
			if (answered)
			{
				/*
				 * Topics that could not be asked for need not wait longer.
				 * Where only their own question fails, they do.
				 */
				for (t = failures > 0 ? s->jobs : NULL; t != NULL; t = t->next)
				{
					t->retry_at_ms = 0;
					t->retry_ms = KAFKA_TOPIC_RETRY_MS;
				}
				s->probe = false;
				failures = 0;
				next_probe_ms = 0;
				backoff_ms = s->backoff_first_ms;
			}
			else
			{
				next_probe_ms = clock_monotonic_ms() + backoff_ms;
				backoff_ms *= 2;
				if (backoff_ms > s->backoff_max_ms)
					backoff_ms = s->backoff_max_ms;
			}
			continue;
		}
		if (take_step(s, &s->recovery.step, now_ms, kafka_recover_go_on,
					  KAFKA_TOPIC_RETRY_MS) ||
			take_step(s, &s->settling.step, now_ms, kafka_settle_go_on,
					  SETTLE_RETRY_MS))
			continue;
		t = take_job(s, now_ms, &until_ms);
		if (t == NULL && kafka_settle_rest(s, now_ms, &until_ms))
		{
			pthread_mutex_unlock(&s->lock);
			kafka_settle_drop_consumers(s);
			pthread_mutex_lock(&s->lock);
			continue;
		}
		if (t == NULL)
		{
			wait_for_step(&s->recovery.step, &until_ms);
			wait_for_step(&s->settling.step, &until_ms);
			helper_wait(s, until_ms);
			continue;
		}
		pthread_mutex_unlock(&s->lock);
		outcome = kafka_topic_look_up(s, t);
		kafka_helper_wake_caller(s);
		pthread_mutex_lock(&s->lock);
		if (outcome == KAFKA_JOB_DONE)
			continue;
		if (outcome == KAFKA_JOB_UNREACHABLE)
			s->probe = true;
		t->retry_at_ms = clock_monotonic_ms() + t->retry_ms;
		t->retry_ms *= 2;
		if (t->retry_ms > KAFKA_TOPIC_RETRY_MAX_MS)
			t->retry_ms = KAFKA_TOPIC_RETRY_MAX_MS;
		kafka_helper_add_job(s, t);
	}
	pthread_mutex_unlock(&s->lock);
	helper_end(s);
	return NULL;
}

bool
kafka_helper_is_stopping(struct kafka_sink *s)
{
	bool stop;

	pthread_mutex_lock(&s->lock);
	stop = s->stop;
	pthread_mutex_unlock(&s->lock);
	return stop;
}

bool
kafka_helper_start(struct kafka_sink *s)
{
	int err = pthread_create(&s->helper, NULL, helper_main, s);

	if (err != 0)
		log_error("kafka", "cannot start a thread", "error=%s",
				  log_str(strerror(err)));
	return err == 0;
}

void
kafka_helper_stop(struct kafka_sink *s)
{
	int64_t			until_ms = clock_monotonic_ms() + STOP_MS;
	struct timespec ts = {.tv_sec = until_ms / 1000,
						  .tv_nsec = until_ms % 1000 * 1000000};
	bool			done;

	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->wake_helper);
	while (!s->done &&
		   pthread_cond_timedwait(&s->ended, &s->lock, &ts) != ETIMEDOUT)
		;
	done = s->done;
	s->orphaned = !done;
	pthread_mutex_unlock(&s->lock);
	if (done)
	{
		pthread_join(s->helper, NULL);
		kafka_helper_free(s);
	}
	else
		pthread_detach(s->helper);
}
