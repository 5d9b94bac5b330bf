// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * faasmat: pools sized ahead from forecasts, warm before they are needed, that lend to and borrow from
 * the main pool. docs/policies.md measures what each part is worth.
 */
#include <errno.h>

#include "simulator/faasmat.h"

static int add_pools(struct node *n)
{
	struct pool_rules rules = node_rules(n);
	int r = 0;

	rules.keep_alive = faasmat_has(n, PART_KEEP) ? NEVER : n->o->keep_alive;
	rules.patient = faasmat_has(n, PART_PATIENCE);
	rules.in_order = !faasmat_has(n, PART_PASS);
	for (size_t i = 0; i < n->o->n_located && r == 0; i++)
		r = node_add_pool(n, n->o->located[i], 0, &rules);
	rules.eviction = n->o->main_eviction;
	if (faasmat_has(n, PART_WORTH)) {
		rules.admit = faasmat_admit;
		rules.yields = faasmat_yields;
		rules.arg = n;
	}
	n->main.rules = rules;
	return r;
}

int faasmat_begin(struct node *n)
{
	size_t pools = MAX(n->o->n_located, (size_t)1);
	struct faasmat *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	n->state = s;
	faasmat_worth_begin(s);
	for (size_t i = 0; i < n->o->n_located; i++)
		if (!n->o->prediction || !prediction_find(n->o->prediction, n->o->located[i]))
			return node_fail(n, -EINVAL, "the prediction lacks hot function '%.80s'",
					 n->load->function[n->o->located[i]].name);
	s->demand = calloc(MAX(n->load->n_functions, (size_t)1), sizeof(*s->demand));
	s->stopped_at = malloc(pools * sizeof(*s->stopped_at));
	if (!s->demand || !s->stopped_at || heap_reserve(&s->stopped, pools) < 0)
		return -ENOMEM;
	r = faasmat_plan(n, &s->plan);
	r = r < 0 ? r : add_pools(n);
	return r < 0 ? r : faasmat_resize_begin(n);
}

void faasmat_end(struct node *n)
{
	struct faasmat *s = n->state;

	if (!s)
		return;
	plan_release(&s->plan);
	decision_free(&s->decision);
	free(s->governor.pools);
	free(s->demand);
	free(s->stopped.e);
	free(s->stopped_at);
	free(s);
}

int faasmat_minute(struct node *n)
{
	faasmat_learn(n);
	faasmat_resize(n);
	return 0;
}

/* A call at t that its pool cannot take: the pool borrows from main, or the call spills into it. */
static bool overflow(struct node *n, struct hot_pool *h, int64_t t)
{
	int64_t unit = h->pool.member->memory;

	if (faasmat_has(n, PART_BORROW) && n->main.capacity - n->main.used >= unit &&
	    (!faasmat_has(n, PART_WORTH) || faasmat_worth(n, h->function, t))) {
		pool_lend(&n->main, &h->pool, unit);
		if (pool_place(&h->pool, h->function, t))
			return true;
	}
	return faasmat_has(n, PART_SPILL) && pool_place(&n->main, h->function, t);
}

/* Runs the pool alone until a call needs main; true when one does, at *ret. */
static bool run_alone(struct node *n, struct hot_pool *h, int64_t until, int64_t *ret)
{
	const uint16_t *ms = n->ms + h->first;

	for (; h->next < h->count; h->next++) {
		int64_t t = n->timeline.begin + ms[h->next];

		if (t >= until)
			break;
		pool_advance(&h->pool, t);
		if (!pool_place(&h->pool, h->function, t)) {
			*ret = t;
			return true;
		}
	}
	pool_advance(&h->pool, until);
	return false;
}

/*
 * Pools meet only where one cannot take a call: each runs ahead to there, and the earliest of those
 * calls is dealt with when main has come to its time.
 */
void faasmat_run(struct node *n, int64_t until)
{
	struct faasmat *s = n->state;
	int64_t t;

	for (size_t i = 0; i < n->n_hot; i++)
		if (run_alone(n, &n->hot[i], until, &t))
			heap_push(&s->stopped, s->stopped_at, i, t, i);
	while (s->stopped.n) {
		uint32_t i = s->stopped.e[0].id;
		struct hot_pool *h = &n->hot[i];

		t = s->stopped.e[0].major;
		node_run_main(n, t);
		pool_expire(&n->main, t);
		if (!overflow(n, h, t))
			pool_refuse(&h->pool, h->function, t);
		h->next++;
		if (run_alone(n, h, until, &t))
			heap_raise_top(&s->stopped, s->stopped_at, t, i);
		else
			heap_remove(&s->stopped, s->stopped_at, i);
	}
	node_run_main(n, until);
}
