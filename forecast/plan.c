// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast/plan.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "forecast/sizing.h"

int plan_alloc(struct plan *p, size_t n_pools, size_t n_minutes)
{
	*p = (struct plan){ .n_minutes = n_minutes };
	p->pool = calloc(MAX(n_pools, 1), sizeof(*p->pool));
	if (!p->pool)
		return -ENOMEM;
	p->n_pools = n_pools;
	for (size_t i = 0; i < n_pools; i++) {
		p->pool[i].containers = calloc(n_minutes, sizeof(int64_t));
		p->pool[i].bytes = calloc(n_minutes, sizeof(int64_t));
		if (!p->pool[i].containers || !p->pool[i].bytes)
			return -ENOMEM;
	}
	return 0;
}

void plan_release(struct plan *p)
{
	for (size_t i = 0; i < p->n_pools; i++) {
		free(p->pool[i].containers);
		free(p->pool[i].bytes);
	}
	free(p->pool);
	*p = (struct plan){ 0 };
}

/* A morphological closing: the maximum of every window of `hold` minutes (also those that reach
 * over the day's edges, beyond which there is nothing), then for each minute the minimum of the
 * windows that it lies in. A day is short and hold some minutes: the plain double loop will do. */
int plan_hold(int64_t *containers, size_t n, size_t hold)
{
	_cleanup_free_ int64_t *window = NULL;
	size_t before = hold - 1;

	if (hold < 2 || n == 0)
		return 0;
	window = calloc(n + before, sizeof(*window));
	if (!window)
		return -ENOMEM;
	for (size_t w = 0; w < n + before; w++)
		for (size_t i = w < before ? 0 : w - before; i <= MIN(w, n - 1); i++)
			window[w] = MAX(window[w], containers[i]);
	for (size_t i = 0; i < n; i++) {
		int64_t lowest = window[i];

		for (size_t w = i + 1; w <= i + before; w++)
			lowest = MIN(lowest, window[w]);
		containers[i] = lowest;
	}
	return 0;
}

/* Indices of the pools, highest score first. */
static void order_by_score(const struct plan *p, size_t *order)
{
	for (size_t i = 0; i < p->n_pools; i++) {
		size_t at = i;

		while (at > 0 && p->pool[order[at - 1]].score < p->pool[i].score) {
			order[at] = order[at - 1];
			at--;
		}
		order[at] = i;
	}
}

/* Without a notion of drops: whole containers to the pool with the highest score first. */
static void cut_by_score(struct plan *p, const size_t *order, size_t minute)
{
	int64_t left = p->cap_bytes;

	for (size_t k = 0; k < p->n_pools; k++) {
		struct plan_pool *pool = &p->pool[order[k]];
		int64_t fits = sizing_fit(left, pool->unit_bytes, p->headroom);

		pool->containers[minute] = MIN(pool->containers[minute], fits);
		left -= sizing_bytes(pool->containers[minute], pool->unit_bytes, p->headroom);
	}
}

static int64_t pool_bytes(const struct plan *p, size_t pool, int64_t containers)
{
	return sizing_bytes(containers, p->pool[pool].unit_bytes, p->headroom);
}

/* Drops per byte that container number n of a pool saves. */
static double worth(const struct plan *p, size_t pool, size_t minute, int64_t n)
{
	double saved = p->drops(p->arg, pool, minute, n - 1) - p->drops(p->arg, pool, minute, n);

	return saved / (double)MAX(p->pool[pool].unit_bytes, 1);
}

/* Takes away what is worth least until `excess` bytes are free. value[]: worth of each pool's last
 * container. */
static int64_t take_away(struct plan *p, const size_t *order, size_t minute, int64_t excess,
			 double *value)
{
	for (size_t k = 0; k < p->n_pools; k++)
		value[k] = p->pool[k].containers[minute] > 0
				   ? worth(p, k, minute, p->pool[k].containers[minute])
				   : INFINITY;
	while (excess > 0) {
		size_t least = order[p->n_pools - 1];
		int64_t *n;

		for (size_t k = p->n_pools; k-- > 0;)
			if (value[order[k]] < value[least])
				least = order[k];
		n = &p->pool[least].containers[minute];
		if (*n == 0)
			break;
		excess -= pool_bytes(p, least, *n) - pool_bytes(p, least, *n - 1);
		--*n;
		value[least] = *n > 0 ? worth(p, least, minute, *n) : INFINITY;
	}
	return excess;
}

/* The container taken last may have been larger than needed: others get what it left. */
static void give_back(struct plan *p, const size_t *order, size_t minute, const int64_t *wanted,
		      int64_t room)
{
	for (size_t k = 0; k < p->n_pools; k++) {
		int64_t *n = &p->pool[order[k]].containers[minute];

		while (*n < wanted[order[k]]) {
			int64_t more = pool_bytes(p, order[k], *n + 1) -
				       pool_bytes(p, order[k], *n);

			if (more > room)
				break;
			room -= more;
			++*n;
		}
	}
}

struct scratch {
	size_t *order;
	int64_t *wanted;
	double *value;
};

static void cap_minute(struct plan *p, const struct scratch *s, size_t minute)
{
	int64_t excess = -p->cap_bytes;

	for (size_t k = 0; k < p->n_pools; k++) {
		s->wanted[k] = p->pool[k].containers[minute];
		if (__builtin_add_overflow(excess, pool_bytes(p, k, s->wanted[k]), &excess))
			excess = INT64_MAX;
	}
	if (excess > 0 && p->drops && excess < INT64_MAX) {
		excess = take_away(p, s->order, minute, excess, s->value);
		give_back(p, s->order, minute, s->wanted, -excess);
	} else if (excess > 0) {
		cut_by_score(p, s->order, minute);
	}
}

static void count_minute(struct plan *p, const struct scratch *s, size_t minute)
{
	bool bound = false;

	for (size_t k = 0; k < p->n_pools; k++) {
		struct plan_pool *pool = &p->pool[k];

		pool->bytes[minute] = pool_bytes(p, k, pool->containers[minute]);
		if (pool->containers[minute] < s->wanted[k]) {
			pool->bound++;
			bound = true;
		}
	}
	p->bound += bound;
}

int plan_cap(struct plan *p)
{
	size_t n = MAX(p->n_pools, 1);
	_cleanup_free_ size_t *order = calloc(n, sizeof(*order));
	_cleanup_free_ int64_t *wanted = calloc(n, sizeof(*wanted));
	_cleanup_free_ double *value = calloc(n, sizeof(*value));
	const struct scratch s = { order, wanted, value };

	if (!order || !wanted || !value)
		return -ENOMEM;
	order_by_score(p, order);
	p->bound = 0;
	for (size_t i = 0; i < p->n_pools; i++)
		p->pool[i].bound = 0;
	for (size_t m = 0; m < p->n_minutes && p->n_pools; m++) {
		cap_minute(p, &s, m);
		count_minute(p, &s, m);
	}
	return 0;
}
