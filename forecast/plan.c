// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast/plan.h"

#include <errno.h>
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

static void cap_minute(struct plan *p, const size_t *order, size_t minute)
{
	int64_t left = p->cap_bytes;
	bool bound = false;

	for (size_t k = 0; k < p->n_pools; k++) {
		struct plan_pool *pool = &p->pool[order[k]];
		int64_t fits = sizing_fit(left, pool->unit_bytes, p->headroom);

		if (pool->containers[minute] > fits) {
			pool->containers[minute] = fits;
			pool->bound++;
			bound = true;
		}
		pool->bytes[minute] = sizing_bytes(pool->containers[minute], pool->unit_bytes,
						   p->headroom);
		left -= pool->bytes[minute];
	}
	p->bound += bound;
}

int plan_cap(struct plan *p)
{
	_cleanup_free_ size_t *order = calloc(MAX(p->n_pools, 1), sizeof(*order));

	if (!order)
		return -ENOMEM;
	order_by_score(p, order);
	p->bound = 0;
	for (size_t i = 0; i < p->n_pools; i++)
		p->pool[i].bound = 0;
	for (size_t m = 0; m < p->n_minutes; m++)
		cap_minute(p, order, m);
	return 0;
}
