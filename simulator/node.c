// SPDX-License-Identifier: GPL-2.0-or-later
#include "simulator/node.h"

#include <errno.h>
#include <stdarg.h>

int node_fail(struct node *n, int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(n->result->why, sizeof(n->result->why), fmt, ap);
	va_end(ap);
	return err;
}

struct pool_rules node_rules(const struct node *n)
{
	const struct run_options *o = n->o;

	return (struct pool_rules){
		.queue_ttl = o->queue_ttl,
		.keep_alive = n->ops->endless ? NEVER : o->keep_alive,
		.eviction = n->ops->eviction,
		.evict_first = o->compat,
		.in_order = o->policy == POLICY_LRU || o->policy == POLICY_SSMP ||
			    o->policy == POLICY_SSMP_SIMPLE || o->policy == POLICY_DSMP,
	};
}

void node_init_member(const struct node *n, struct pool *p, uint32_t function)
{
	const struct load_function *f = &n->load->function[function];

	member_init(pool_member(p, function), f->memory, f->warm, f->cold);
}

int node_add_pool(struct node *n, uint32_t function, int64_t capacity,
		  const struct pool_rules *rules)
{
	struct hot_pool *h = &n->hot[n->n_hot];
	int r = pool_init(&h->pool, rules, function, 1, &n->timeline);

	if (r < 0)
		return r;
	h->function = function;
	h->pool.capacity = h->pool.limit = capacity;
	node_init_member(n, &h->pool, function);
	n->pool_of[function] = n->n_hot++;
	return 0;
}

/* Arrivals of thousands of functions find each one's books out of the cache: ask for them ahead. */
#define AHEAD 16

static void prefetch(const struct node *n, size_t i)
{
	const struct pool *p = &n->main;

	if (i + AHEAD < n->n_arrivals)
		__builtin_prefetch(pool_member(p, n->arrival[i + AHEAD].function), 1);
	if (i + AHEAD / 2 < n->n_arrivals) {
		const struct member *m = pool_member(p, n->arrival[i + AHEAD / 2].function);

		if (m->idle_newest != NO_CONTAINER)
			__builtin_prefetch(&p->container[m->idle_newest], 1);
		if (m->running[0].head != NO_CONTAINER)
			__builtin_prefetch(&p->container[m->running[0].head], 1);
	}
}

void node_run_main(struct node *n, int64_t until)
{
	const struct arrival *a = n->arrival;
	size_t i = n->next_arrival;

	while (i < n->n_arrivals) {
		int64_t t = n->timeline.begin + a[i].ms;
		size_t last = i + 1;

		if (t >= until)
			break;
		prefetch(n, i);
		for (; last < n->n_arrivals && a[last].ms == a[i].ms; last++)
			prefetch(n, last);
		if (n->ops->before)
			n->ops->before(n, t);
		if (n->ops->arrived)
			for (size_t k = i; k < last; k++)
				n->ops->arrived(n, a[k].function, t);
		pool_arrive(&n->main, &a[i].function, sizeof(*a) / sizeof(a->function), last - i,
			    t);
		i = last;
	}
	n->next_arrival = i;
	pool_advance(&n->main, until);
}

void node_run_hot(struct node *n, struct hot_pool *h, int64_t until)
{
	const uint16_t *ms = n->ms + h->first;
	uint32_t i = h->next;

	while (i < h->count) {
		int64_t t = n->timeline.begin + ms[i];
		uint32_t last = i + 1;

		if (t >= until)
			break;
		while (last < h->count && ms[last] == ms[i])
			last++;
		pool_arrive(&h->pool, &h->function, 0, last - i, t);
		i = last;
	}
	h->next = i;
	pool_advance(&h->pool, until);
}
