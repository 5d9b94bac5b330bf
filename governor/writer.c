// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/writer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include "common/clock.h"

/* A write that has not ended so long after its deadline does not listen to signals. */
#define STUCK_NS NS_PER_S
/* Who has waited for so long for a thread gets another one. */
#define HELD_UP_NS (2 * NS_PER_MS)

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_ENDED };

struct writer_job {
	struct writer_job *next;
	enum job_state state;
	int fd, result;
	bool forgotten; /* whoever ends it frees it */
	bool quiet;
	int64_t began_ns;
	char text[32];
};

/* Shared with the threads; freed by whoever lets go of it last. */
struct writer {
	pthread_mutex_t lock;
	pthread_cond_t work, ended;
	struct writer_job *head, **tail; /* queued */
	struct writer_job *running;
	int64_t deadline_ns;
	int event;
	writer_write write;
	int threads;
	bool closing;
	int references; /* threads, and the caller until it closes */
};

static ssize_t plain_write(int fd, const void *text, size_t size)
{
	return write(fd, text, size);
}

int writer_open(int64_t deadline_ns, int event, writer_write write, struct writer **ret)
{
	struct writer *w = calloc(1, sizeof(*w));
	pthread_condattr_t monotonic;

	*ret = w;
	if (!w)
		return -ENOMEM;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&w->work, &monotonic);
	pthread_cond_init(&w->ended, &monotonic);
	pthread_condattr_destroy(&monotonic);
	w->tail = &w->head;
	w->deadline_ns = deadline_ns;
	w->event = event;
	w->write = write ? write : plain_write;
	w->references = 1;
	return 0;
}

static void free_job(struct writer_job *job)
{
	if (job->fd >= 0)
		close(job->fd);
	free(job);
}

/* Unlocks; frees the writer with the last reference. */
static void let_go(struct writer *w)
{
	bool last = --w->references == 0;

	pthread_mutex_unlock(&w->lock);
	if (!last)
		return;
	pthread_cond_destroy(&w->work);
	pthread_cond_destroy(&w->ended);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void writer_close(struct writer *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->closing = true;
	w->event = -1;
	while (w->head) {
		struct writer_job *job = w->head;

		w->head = job->next;
		free_job(job);
	}
	w->tail = &w->head;
	for (struct writer_job *job = w->running; job; job = job->next)
		job->forgotten = true;
	pthread_cond_broadcast(&w->work);
	let_go(w);
}

/* Only there to interrupt a system call. */
static void on_deadline(int signal)
{
	(void)signal;
}

/* Signals this thread at the deadline and, lest one come just before the write, again and again. */
static int make_alarm(timer_t *ret)
{
	struct sigaction action = { .sa_handler = on_deadline };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGURG };

	sigaction(SIGURG, &action, NULL);
	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	return timer_create(CLOCK_MONOTONIC, &event, ret) < 0 ? -errno : 0;
}

static void set_alarm(timer_t alarm, int64_t ns)
{
	struct itimerspec t = { { ns / NS_PER_S, ns % NS_PER_S },
				{ ns / NS_PER_S, ns % NS_PER_S } };

	timer_settime(alarm, 0, &t, NULL);
}

static int carry_out(struct writer *w, struct writer_job *job, timer_t alarm)
{
	size_t size = strlen(job->text);
	ssize_t n;
	int r;

	set_alarm(alarm, w->deadline_ns);
	n = w->write(job->fd, job->text, size);
	r = n < 0 ? -errno : (size_t)n == size ? 0 : -EIO;
	set_alarm(alarm, 0);
	return r;
}

static void unlink_job(struct writer_job **list, const struct writer_job *job)
{
	while (*list != job)
		list = &(*list)->next;
	*list = job->next;
}

/* The lock is held. */
static void end_job(struct writer *w, struct writer_job *job)
{
	uint64_t one = 1;

	unlink_job(&w->running, job);
	job->state = JOB_ENDED;
	close_fd(&job->fd);
	job->fd = -1;
	if (w->event >= 0 && !job->quiet && write(w->event, &one, sizeof(one)) < 0)
		errno = 0;
	if (job->forgotten)
		free_job(job);
	pthread_cond_broadcast(&w->ended);
}

static struct writer_job *take_job(struct writer *w)
{
	struct writer_job *job = w->head;

	w->head = job->next;
	if (!w->head)
		w->tail = &w->head;
	job->state = JOB_RUNNING;
	job->began_ns = clock_monotonic_ns();
	job->next = w->running;
	w->running = job;
	return job;
}

static void *serve(void *arg)
{
	struct writer *w = arg;
	timer_t alarm;
	int r = make_alarm(&alarm);

	pthread_mutex_lock(&w->lock);
	while (!w->closing && (w->head || w->threads == 1)) {
		struct writer_job *job;

		if (!w->head) {
			pthread_cond_wait(&w->work, &w->lock);
			continue;
		}
		job = take_job(w);
		pthread_mutex_unlock(&w->lock);
		/* Without an alarm nothing is written that might never end. */
		job->result = r < 0 ? r : carry_out(w, job, alarm);
		pthread_mutex_lock(&w->lock);
		end_job(w, job);
	}
	w->threads--;
	if (r == 0)
		timer_delete(alarm);
	let_go(w);
	return NULL;
}

/* The lock is held. All signals but ours are the main thread's. */
static int start_thread(struct writer *w)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	pthread_t thread;
	int r;

	if (w->threads >= WRITER_THREADS_MAX)
		return -EBUSY;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, 256 * 1024);
	sigfillset(&all);
	sigdelset(&all, SIGURG);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&thread, &attributes, serve, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (r < 0)
		return r;
	w->threads++;
	w->references++;
	return 0;
}

static size_t count_running(const struct writer *w)
{
	size_t n = 0;

	for (const struct writer_job *job = w->running; job; job = job->next)
		n++;
	return n;
}

int writer_begin(struct writer *w, int fd, const char *text, bool quiet, struct writer_job **ret)
{
	struct writer_job *job = calloc(1, sizeof(*job));
	int r = -ENOMEM;

	*ret = job;
	if (!job) {
		close(fd);
		return r;
	}
	job->fd = fd;
	job->quiet = quiet;
	snprintf(job->text, sizeof(job->text), "%s", text);
	pthread_mutex_lock(&w->lock);
	r = 0;
	if (w->threads == 0 || count_running(w) >= WRITER_THREADS_MAX)
		r = start_thread(w);
	if (r == 0) {
		*w->tail = job;
		w->tail = &job->next;
		pthread_cond_signal(&w->work);
	}
	pthread_mutex_unlock(&w->lock);
	if (r < 0) {
		free_job(job);
		*ret = NULL;
	}
	return r;
}

static void wait_until(struct writer *w, int64_t ns)
{
	struct timespec at = { ns / NS_PER_S, ns % NS_PER_S };

	pthread_cond_timedwait(&w->ended, &w->lock, &at);
}

int writer_end(struct writer *w, struct writer_job *job, int64_t wait_ns)
{
	int64_t now = clock_monotonic_ns(), until = now + wait_ns;
	int r;

	pthread_mutex_lock(&w->lock);
	while (job->state != JOB_ENDED && now < until) {
		wait_until(w, w->head ? MIN(until, now + HELD_UP_NS) : until);
		now = clock_monotonic_ns();
		/* Nobody has come for what is queued: whoever should have is held up. */
		if (w->head && w->threads == (int)count_running(w))
			start_thread(w);
	}
	/* Nobody waits for it any more. */
	if (job->state != JOB_ENDED)
		job->quiet = false;
	r = job->state == JOB_ENDED ? job->result : -EINPROGRESS;
	pthread_mutex_unlock(&w->lock);
	if (r != -EINPROGRESS)
		free_job(job);
	return r;
}

/* The lock is held. */
static void unqueue(struct writer *w, struct writer_job *job)
{
	struct writer_job **at = &w->head;

	while (*at && *at != job)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = job->next;
	if (w->tail == &job->next)
		w->tail = at;
}

void writer_forget(struct writer *w, struct writer_job *job)
{
	bool running;

	pthread_mutex_lock(&w->lock);
	running = job->state == JOB_RUNNING;
	job->forgotten = true;
	if (!running)
		unqueue(w, job);
	pthread_mutex_unlock(&w->lock);
	if (!running)
		free_job(job);
}

int writer_stuck(struct writer *w)
{
	int64_t now = clock_monotonic_ns();
	int n = 0;

	pthread_mutex_lock(&w->lock);
	for (const struct writer_job *job = w->running; job; job = job->next)
		n += now - job->began_ns > w->deadline_ns + STUCK_NS;
	pthread_mutex_unlock(&w->lock);
	return n;
}
