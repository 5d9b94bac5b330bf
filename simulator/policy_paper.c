// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * SSMP and DSMP: separate pools for hot functions, as the paper's text has them and, with o->compat,
 * as its author's program does. docs/policies.md lists where the two differ.
 */
#include <errno.h>
#include <string.h>

#include "forecast/plan.h"
#include "forecast/sizing.h"
#include "simulator/hot.h"
#include "simulator/node.h"

/* --- the author's program: whole numbers of MB, ms and calls */

#define MOST_BLOCKS 100

static int64_t program_size(const struct node *n, uint32_t function)
{
	const struct load_function *f = &n->load->function[function];
	int64_t demand, blocks = 1;

	if (n->o->policy == POLICY_DSMP)
		demand = (int64_t)prediction_find(n->o->prediction, function)->mean[n->minute] *
			 f->warm;
	else
		demand = f->calls / MINUTES_PER_DAY * f->warm;
	if (n->o->policy != POLICY_SSMP_SIMPLE)
		blocks = MIN(demand / MINUTE_MS + 1, (int64_t)MOST_BLOCKS);
	return (int64_t)(blocks * n->o->pool_factor) * f->memory;
}

static int64_t program_budget(const struct node *n)
{
	return (int64_t)(n->o->share * (n->o->memory / MIB)) * MIB;
}

static int program_begin(struct node *n)
{
	struct pool_rules rules = node_rules(n);
	int64_t budget = program_budget(n);

	for (size_t i = 0; i < n->o->n_located; i++) {
		uint32_t f = n->o->located[i];
		int64_t size = program_size(n, f);
		int r = node_add_pool(n, f, MIN(size, budget), &rules);

		if (r < 0)
			return r;
		pool_resize(&n->main, n->main.capacity - MIN(size, budget), 0);
		if (size > budget && i + 1 < n->o->n_located)
			return node_fail(
				n, -EINVAL,
				"--memory %lldM leaves no pool for hot function '%.80s': the "
				"thesis program ends with an error here, so --compat does",
				(long long)(n->o->memory / MIB),
				n->load->function[n->o->located[i + 1]].name);
		budget -= MIN(size, budget);
	}
	return 0;
}

/* Java's String.hashCode(), spread as HashMap does. */
static uint32_t java_hash(const char *name)
{
	uint32_t h = 0;

	for (; *name; name++)
		h = h * 31 + (unsigned char)*name;
	return h ^ h >> 16;
}

/* The rows of the prediction in the order in which a Java HashMap of their names is walked. */
static int java_order(const struct node *n, uint32_t **ret)
{
	const struct prediction *p = n->o->prediction;
	uint32_t *order = malloc(MAX(p->n_rows, (size_t)1) * sizeof(*order));
	uint32_t table = 16, out = 0;

	if (!order)
		return -ENOMEM;
	while (p->n_rows > table / 4 * 3)
		table *= 2;
	for (uint32_t bucket = 0; bucket < table; bucket++)
		for (size_t i = 0; i < p->n_rows; i++) {
			uint32_t f = p->row[i].function;

			if ((java_hash(n->load->function[f].name) & (table - 1)) == bucket)
				order[out++] = f;
		}
	*ret = order;
	return 0;
}

/*
 * Every minute the budget begins anew, whatever the pools hold already; a pool that is fuller than
 * its new size is left alone; main's capacity has no lower bound.
 */
static int program_minute(struct node *n)
{
	_cleanup_free_ uint32_t *order = NULL;
	int64_t budget = program_budget(n);
	int r;

	if (n->minute >= n->load->n_minutes)
		return 0;
	r = java_order(n, &order);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n->o->prediction->n_rows; i++) {
		struct pool *p;
		int64_t size, change;

		if (n->pool_of[order[i]] == NO_POOL)
			continue;
		p = &n->hot[n->pool_of[order[i]]].pool;
		size = program_size(n, order[i]);
		change = size - p->capacity;
		if (change < 0 ? p->used > size : change > budget)
			continue;
		pool_resize(p, p->capacity + change, n->timeline.begin);
		pool_resize(&n->main, n->main.capacity - change, n->timeline.begin);
		budget -= change;
	}
	return 0;
}

/* --- the paper's text */

/* Containers in every minute (3.3), cut to the share; a pool of less than one container is none. */
static int text_plan(struct node *n, struct plan *plan)
{
	const struct run_options *o = n->o;
	size_t minutes = o->policy == POLICY_DSMP ? n->load->n_minutes : 1;
	int r = plan_alloc(plan, o->n_located, minutes);

	if (r < 0)
		return r;
	plan->cap_bytes = o->share * o->memory;
	for (size_t i = 0; i < o->n_located; i++) {
		const struct load_function *f = &n->load->function[o->located[i]];
		const struct prediction_row *row = NULL;

		if (o->policy == POLICY_DSMP)
			row = prediction_find(o->prediction, o->located[i]);
		plan->pool[i].unit_bytes = f->memory;
		plan->pool[i].score = o->n_located - i;
		for (size_t m = 0; m < minutes; m++) {
			double calls = row ? row->mean[m] : mean_calls(n->load, o->located[i]);
			int64_t c = o->policy == POLICY_SSMP_SIMPLE
					    ? 1
					    : sizing_flow(calls, f->warm * 1000);

			plan->pool[i].containers[m] = MAX(c, (int64_t)1) * o->pool_factor;
		}
	}
	return plan_cap(plan);
}

static int text_begin(struct node *n)
{
	struct pool_rules rules = node_rules(n);
	struct plan *plan = calloc(1, sizeof(*plan));
	int r;

	if (!plan)
		return -ENOMEM;
	n->state = plan;
	r = text_plan(n, plan);
	for (size_t i = 0; i < n->o->n_located && r == 0; i++) {
		int64_t size = plan->pool[i].containers[0] * plan->pool[i].unit_bytes;

		/* What never gets a container stays with the others. */
		if (n->o->policy != POLICY_DSMP && size == 0)
			continue;
		r = node_add_pool(n, n->o->located[i], size, &rules);
		pool_resize(&n->main, n->main.capacity - size, 0);
	}
	return r;
}

/* Idle containers of main give way, the oldest first. */
static void grow(struct node *n, struct pool *p, int64_t size, int64_t unit)
{
	int64_t want = size - p->capacity, give;

	if (n->main.capacity - n->main.used < want)
		pool_shrink(&n->main, n->main.capacity - want, n->timeline.begin);
	give = MIN(want, n->main.capacity - n->main.used);
	give -= give % unit;
	pool_resize(p, p->capacity + give, n->timeline.begin);
	pool_resize(&n->main, n->main.capacity - give, n->timeline.begin);
}

static int text_minute(struct node *n)
{
	const struct plan *plan = n->state;

	for (int growing = 0; growing < 2; growing++)
		for (size_t i = 0; i < n->n_hot; i++) {
			struct pool *p = &n->hot[i].pool;
			const struct plan_pool *pp = &plan->pool[i];
			int64_t size = pp->containers[n->minute] * pp->unit_bytes;
			int64_t smaller = MAX(size, p->used);

			if (growing && size > p->capacity) {
				grow(n, p, size, pp->unit_bytes);
			} else if (!growing && smaller < p->capacity) {
				pool_resize(&n->main, n->main.capacity + p->capacity - smaller,
					    n->timeline.begin);
				pool_resize(p, smaller, n->timeline.begin);
			}
		}
	return 0;
}

int paper_begin(struct node *n)
{
	for (size_t i = 0; n->ops->predicts && i < n->o->n_located; i++)
		if (!n->o->prediction || !prediction_find(n->o->prediction, n->o->located[i]))
			return node_fail(n, -EINVAL, "the prediction lacks hot function '%.80s'",
					 n->load->function[n->o->located[i]].name);
	return n->o->compat ? program_begin(n) : text_begin(n);
}

int paper_minute(struct node *n)
{
	return n->o->compat ? program_minute(n) : text_minute(n);
}

void paper_end(struct node *n)
{
	if (n->state)
		plan_release(n->state);
	free(n->state);
}
