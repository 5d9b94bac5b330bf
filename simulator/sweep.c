// SPDX-License-Identifier: GPL-2.0-or-later
#include "simulator/sweep.h"

#include <errno.h>
#include <pthread.h>

struct work {
	const struct load *load;
	struct sweep_run *runs;
	size_t n, next;
	bool *through, stop;
	pthread_mutex_t lock;
	pthread_cond_t changed;
};

static bool take(struct work *w, size_t *ret)
{
	bool any;

	pthread_mutex_lock(&w->lock);
	any = !w->stop && w->next < w->n;
	if (any)
		*ret = w->next++;
	pthread_mutex_unlock(&w->lock);
	return any;
}

static void *work(void *arg)
{
	struct work *w = arg;
	size_t i;

	while (take(w, &i)) {
		w->runs[i].error = simulate(w->load, &w->runs[i].options, &w->runs[i].result);
		pthread_mutex_lock(&w->lock);
		w->through[i] = true;
		pthread_cond_broadcast(&w->changed);
		pthread_mutex_unlock(&w->lock);
	}
	return NULL;
}

/* Hands the results over in their order. */
static int collect(struct work *w, int (*done)(struct sweep_run *run, void *arg), void *arg)
{
	int r = 0;

	for (size_t i = 0; i < w->n && r >= 0; i++) {
		pthread_mutex_lock(&w->lock);
		while (!w->through[i])
			pthread_cond_wait(&w->changed, &w->lock);
		pthread_mutex_unlock(&w->lock);
		r = done(&w->runs[i], arg);
		if (r >= 0)
			r = w->runs[i].error;
		run_result_release(&w->runs[i].result);
	}
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_mutex_unlock(&w->lock);
	return r;
}

int sweep(const struct load *l, struct sweep_run *runs, size_t n, int threads,
	  int (*done)(struct sweep_run *run, void *arg), void *arg)
{
	struct work w = { .load = l, .runs = runs, .n = n };
	size_t wanted = CLAMP((size_t)MAX(threads, 1), (size_t)1, MAX(n, (size_t)1)), made = 0;
	_cleanup_free_ pthread_t *thread = calloc(wanted, sizeof(*thread));
	int r = 0;

	w.through = calloc(MAX(n, (size_t)1), sizeof(*w.through));
	if (!thread || !w.through) {
		free(w.through);
		return -ENOMEM;
	}
	pthread_mutex_init(&w.lock, NULL);
	pthread_cond_init(&w.changed, NULL);
	while (made < wanted && r == 0) {
		r = -pthread_create(&thread[made], NULL, work, &w);
		made += r == 0;
	}
	/* One thread does it, too. */
	r = made ? collect(&w, done, arg) : r;
	for (size_t i = 0; i < made; i++)
		pthread_join(thread[i], NULL);
	/* Runs that were begun but not asked for any more. */
	for (size_t i = 0; i < n; i++)
		run_result_release(&runs[i].result);
	pthread_cond_destroy(&w.changed);
	pthread_mutex_destroy(&w.lock);
	free(w.through);
	return r;
}
