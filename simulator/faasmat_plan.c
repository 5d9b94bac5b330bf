// SPDX-License-Identifier: GPL-2.0-or-later
/* How many containers each hot function gets in each minute. */
#include <errno.h>

#include "forecast/erlang.h"
#include "forecast/sizing.h"
#include "simulator/faasmat.h"

/* A pool does not shrink for a dip shorter than this many minutes (forecast/plan.h). */
#define HOLD_MINUTES 10

/* A pool while a minute's bytes are shared out. */
struct claim {
	const struct prediction_row *row;
	int64_t warm;	/* ms */
	double rate, a; /* calls a minute, and the containers they keep busy on average */
	double gain;	/* share of calls that one container more would serve */
	int64_t containers, wanted, unit;
};

/* `guess` is the minute before's. */
static int64_t wanted(const struct node *n, const struct prediction_row *row, size_t minute,
		      int64_t guess)
{
	const struct run_options *o = n->o;
	const struct load_function *f = &n->load->function[row->function];
	/* Every run of a function takes the same time here. */
	struct erlang_queue queue = {
		.warm_s = MAX(f->warm, (int64_t)1) / 1000.0,
		.ttl_s = faasmat_has(n, PART_PATIENCE) ? o->queue_ttl / 1000.0 : 0,
	};
	struct erlang_rates rates = { .n = 1, .rate = { row->high[minute] / 60 }, .weight = { 1 } };
	int64_t c;

	if (faasmat_has(n, PART_ERLANG))
		c = erlang_size(&queue, &rates, o->target_drop, guess);
	else
		c = sizing_flow(row->mean[minute], f->warm * 1000);
	return MAX(c, (int64_t)1) * o->pool_factor;
}

static struct claim *best_claim(struct claim *claim, size_t n, int64_t left)
{
	struct claim *best = NULL;
	double most = -1;

	for (size_t i = 0; i < n; i++) {
		double d;

		if (claim[i].containers >= claim[i].wanted || claim[i].unit > left)
			continue;
		d = claim[i].rate * claim[i].gain / claim[i].unit;
		if (d > most) {
			most = d;
			best = &claim[i];
		}
	}
	return best;
}

/* When the share does not suffice for all, each container goes where it serves most calls a byte. */
static void share_out(struct claim *claim, size_t n, int64_t left)
{
	int64_t sum = 0;
	struct claim *c;

	for (size_t i = 0; i < n; i++)
		sum += claim[i].wanted * claim[i].unit;
	if (sum <= left) {
		for (size_t i = 0; i < n; i++)
			claim[i].containers = claim[i].wanted;
		return;
	}
	for (size_t i = 0; i < n; i++)
		claim[i].gain = erlang_gain(claim[i].a, 1);
	while ((c = best_claim(claim, n, left))) {
		c->gain = erlang_gain(c->a, ++c->containers + 1);
		left -= c->unit;
	}
}

static int want(struct node *n, struct plan *plan)
{
	int r = 0;

	for (size_t i = 0; i < plan->n_pools && r == 0; i++) {
		uint32_t f = n->o->located[i];
		const struct prediction_row *row = prediction_find(n->o->prediction, f);
		struct plan_pool *p = &plan->pool[i];

		p->unit_bytes = n->load->function[f].memory;
		for (size_t m = 0; m < plan->n_minutes; m++)
			p->containers[m] = wanted(n, row, m, m ? p->containers[m - 1] : 1);
		r = plan_hold(p->containers, plan->n_minutes, HOLD_MINUTES);
	}
	return r;
}

int faasmat_plan(struct node *n, struct plan *plan)
{
	_cleanup_free_ struct claim *claim = NULL;
	int r = plan_alloc(plan, n->o->n_located, n->load->n_minutes);

	plan->cap_bytes = n->o->share * n->o->memory;
	r = r < 0 ? r : want(n, plan);
	claim = calloc(MAX(plan->n_pools, (size_t)1), sizeof(*claim));
	if (r < 0 || !claim)
		return r < 0 ? r : -ENOMEM;
	for (size_t i = 0; i < plan->n_pools; i++) {
		uint32_t f = n->o->located[i];

		claim[i].row = prediction_find(n->o->prediction, f);
		claim[i].warm = n->load->function[f].warm;
		claim[i].unit = plan->pool[i].unit_bytes;
	}
	for (size_t m = 0; m < plan->n_minutes; m++) {
		for (size_t i = 0; i < plan->n_pools; i++) {
			struct claim *c = &claim[i];

			c->rate = c->row->high[m];
			c->a = c->rate * c->warm / MINUTE_MS;
			c->containers = 0;
			c->wanted = plan->pool[i].containers[m];
		}
		share_out(claim, plan->n_pools, plan->cap_bytes);
		for (size_t i = 0; i < plan->n_pools; i++)
			plan->pool[i].containers[m] = claim[i].containers;
	}
	return 0;
}
