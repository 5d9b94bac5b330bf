/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The thesis program's rules played millisecond by millisecond, with lists that are scanned: slow, and
 * written from the description of those rules alone. test_simulator.c holds the simulator against it.
 */
#ifndef FAASMAT_TESTS_SIMULATOR_NAIVE_H
#define FAASMAT_TESTS_SIMULATOR_NAIVE_H

#include <string.h>

#include "simulator/simulate.h"
#include "simulator/timeline.h"

#define NAIVE_MOST 4096

struct naive_container {
	uint32_t function;
	int64_t last_start, idle_since;
	bool idle;
};

struct naive_pool {
	int64_t capacity, used;
	struct naive_container c[NAIVE_MOST]; /* in order of creation */
	size_t n;
	struct waiting_call {
		uint32_t function;
		int64_t since;
	} * queue;
	size_t queue_n, queue_size;
};

struct naive {
	const struct load *load;
	const struct run_options *o;
	struct naive_pool main, hot[16];
	size_t n_hot;
	int64_t warm, cold, drop;
};

static void naive_remove(struct naive *s, struct naive_pool *p, size_t i)
{
	p->used -= s->load->function[p->c[i].function].memory;
	memmove(&p->c[i], &p->c[i + 1], (p->n - i - 1) * sizeof(p->c[0]));
	p->n--;
}

static void naive_update(struct naive *s, struct naive_pool *p, int64_t t)
{
	for (size_t i = 0; i < p->n;)
		if (t - p->c[i].idle_since >= s->o->keep_alive)
			naive_remove(s, p, i);
		else
			i++;
	for (size_t i = 0; i < p->n; i++)
		if (t >= p->c[i].idle_since)
			p->c[i].idle = true;
}

/* The idle container with the largest (or smallest) last start; the latest created of equals. */
static int naive_pick(struct naive_pool *p, int64_t function, bool largest)
{
	int best = -1;

	for (size_t i = 0; i < p->n; i++) {
		if (!p->c[i].idle || (function >= 0 && p->c[i].function != function))
			continue;
		if (best < 0 || p->c[i].last_start == p->c[best].last_start ||
		    (p->c[i].last_start > p->c[best].last_start) == largest)
			best = i;
	}
	return best;
}

static bool naive_attempt(struct naive *s, struct naive_pool *p, uint32_t f, int64_t t)
{
	const struct load_function *d = &s->load->function[f];
	int i = naive_pick(p, f, true);

	if (i >= 0) {
		p->c[i].last_start = t;
		p->c[i].idle_since = t + d->warm;
		p->c[i].idle = false;
		s->warm++;
		return true;
	}
	while (p->capacity - p->used < d->memory) {
		i = naive_pick(p, -1, false);
		if (i < 0)
			return false;
		naive_remove(s, p, i);
	}
	p->c[p->n++] = (struct naive_container){ f, t, t + d->cold, false };
	p->used += d->memory;
	s->cold++;
	return true;
}

static void naive_serve(struct naive *s, struct naive_pool *p, int64_t t)
{
	size_t head = 0;

	while (p->queue_n - head > 100000) {
		head++;
		s->drop++;
	}
	while (head < p->queue_n && t - p->queue[head].since > s->o->queue_ttl) {
		head++;
		s->drop++;
	}
	while (head < p->queue_n && naive_attempt(s, p, p->queue[head].function, t))
		head++;
	if (head) {
		memmove(p->queue, p->queue + head, (p->queue_n - head) * sizeof(*p->queue));
		p->queue_n -= head;
	}
}

static struct naive_pool *naive_pool_of(struct naive *s, uint32_t f)
{
	for (size_t i = 0; i < s->n_hot; i++)
		if (s->o->located[i] == f)
			return &s->hot[i];
	return &s->main;
}

static void naive_enqueue(struct naive *s, uint32_t f, int64_t t)
{
	struct naive_pool *p = naive_pool_of(s, f);

	if (p->queue_n == p->queue_size) {
		p->queue_size = p->queue_size ? 2 * p->queue_size : 1024;
		p->queue = realloc(p->queue, p->queue_size * sizeof(*p->queue));
	}
	p->queue[p->queue_n++] = (struct waiting_call){ f, t };
}

static int64_t naive_size(const struct naive *s, uint32_t f, int64_t minute)
{
	const struct load_function *d = &s->load->function[f];
	int64_t demand = s->o->policy == POLICY_DSMP
				 ? (int64_t)prediction_find(s->o->prediction, f)->mean[minute] *
					   d->warm
				 : d->calls / 1440 * d->warm;
	int64_t blocks = demand / 60000 + 1;

	return (blocks > 100 ? 100 : blocks) * d->memory;
}

static void naive_scale(struct naive *s, int64_t minute)
{
	int64_t budget = (int64_t)(s->o->share * (s->o->memory / MIB)) * MIB;

	for (size_t k = 0; k < s->o->prediction->n_rows; k++) {
		uint32_t f = s->o->prediction->row[k].function;
		struct naive_pool *p = naive_pool_of(s, f);
		int64_t size = naive_size(s, f, minute), diff = size - p->capacity;

		if ((diff < 0 && p->used > size) || (diff > 0 && budget < diff))
			continue;
		p->capacity += diff;
		s->main.capacity -= diff;
		budget -= diff;
	}
}

/* Arrivals of millisecond t of minute m, in the load's order. */
static void naive_arrivals(struct naive *s, int64_t m, int64_t ms)
{
	const struct load *l = s->load;

	if (m >= (int64_t)l->n_minutes)
		return;
	for (size_t i = l->first[m]; i < l->first[m + 1]; i++) {
		int64_t gap = 60000 / l->cell[i].count;

		if (gap ? ms % gap == 0 && ms / gap < l->cell[i].count : ms == 0)
			for (int64_t k = gap ? 1 : l->cell[i].count; k; k--)
				naive_enqueue(s, l->cell[i].function, m * 60000 + ms);
	}
}

/* Returns how many calls are still queued. The prediction's rows must be in walking order. */
static int64_t naive_run(struct naive *s, const struct load *l, const struct run_options *o)
{
	int64_t budget = (int64_t)(o->share * (o->memory / MIB)) * MIB, pending;
	int64_t end = (int64_t)o->minutes * 60000;

	s->load = l;
	s->o = o;
	s->main.capacity = o->memory;
	for (size_t i = 0; o->policy != POLICY_LRU && i < o->n_located; i++) {
		int64_t size = naive_size(s, o->located[i], 0);

		s->hot[s->n_hot++].capacity = MIN(size, budget);
		s->main.capacity -= MIN(size, budget);
		budget -= MIN(size, budget);
	}
	for (int64_t t = 0; t <= end + o->queue_ttl; t++) {
		if (t % 60000 == 0 && o->policy == POLICY_DSMP && t / 60000 < (int64_t)l->n_minutes)
			naive_scale(s, t / 60000);
		naive_update(s, &s->main, t);
		for (size_t i = 0; i < s->n_hot; i++)
			naive_update(s, &s->hot[i], t);
		if (t <= end)
			naive_arrivals(s, t / 60000, t % 60000);
		for (size_t i = 0; i < s->n_hot; i++)
			naive_serve(s, &s->hot[i], t);
		naive_serve(s, &s->main, t);
	}
	pending = s->main.queue_n;
	free(s->main.queue);
	for (size_t i = 0; i < s->n_hot; i++) {
		pending += s->hot[i].queue_n;
		free(s->hot[i].queue);
	}
	return pending;
}

#endif
