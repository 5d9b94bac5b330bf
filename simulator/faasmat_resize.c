// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The pools' sizes at the beginning of a minute: targets from the plan, then the governor's own
 * decisions (governor/decide.h), carried out as an aware platform does: where less is admitted, idle
 * containers leave.
 */
#include <errno.h>

#include "simulator/faasmat.h"

/* Decide, let idle containers leave, lower and raise: nothing changes after that. */
#define PASSES 3

int faasmat_resize_begin(struct node *n)
{
	struct faasmat *s = n->state;
	int r;

	s->governor.n = n->n_hot + 1;
	s->governor.pools = calloc(s->governor.n, sizeof(*s->governor.pools));
	if (!s->governor.pools)
		return -ENOMEM;
	r = decision_make_room(&s->decision, s->governor.n);
	s->governor.budget = n->o->memory / LIMIT_PAGE * LIMIT_PAGE;
	s->governor.step = n->o->memory;
	for (size_t i = 0; i < s->governor.n; i++)
		s->governor.pools[i].name = i ? n->load->function[n->hot[i - 1].function].name
					      : "main";
	return r;
}

/* Minutes before the growth at which a container must be started to be warm in time. */
static size_t lead_minutes(const struct node *n, const struct hot_pool *h)
{
	const struct load_function *f = &n->load->function[h->function];

	return (f->cold - f->warm + MINUTE_MS - 1) / MINUTE_MS;
}

static int64_t target_containers(const struct node *n, size_t i)
{
	const struct faasmat *s = n->state;
	const struct plan_pool *p = &s->plan.pool[i];
	size_t lead = faasmat_has(n, PART_PREWARM) ? lead_minutes(n, &n->hot[i]) : 0;
	int64_t c = 0;

	for (size_t m = n->minute; m <= n->minute + lead && m < s->plan.n_minutes; m++)
		c = MAX(c, p->containers[m]);
	return c;
}

/* Main ran out of memory in the last minute: who holds more than the plan gives it back. */
static bool give_back(const struct node *n)
{
	return !faasmat_has(n, PART_BORROW) || n->minute == 0 ||
	       n->main.last_short >= n->timeline.begin - MINUTE_MS;
}

static int64_t whole_pages(int64_t bytes)
{
	return (bytes + LIMIT_PAGE - 1) / LIMIT_PAGE * LIMIT_PAGE;
}

/* Plan and, unless main wants it, what a pool holds already; never more in all than there is. */
static void set_targets(struct node *n, bool keep)
{
	struct faasmat *s = n->state;
	struct pool_state *pools = s->governor.pools;
	int64_t left = s->governor.budget;

	for (size_t i = 0; i < n->n_hot; i++) {
		int64_t target = whole_pages(target_containers(n, i) * s->plan.pool[i].unit_bytes);

		if (keep)
			target = MAX(target, n->hot[i].pool.limit);
		pools[i + 1].target_bytes = target;
		left -= target;
	}
	pools[MAIN_POOL].target_bytes = left;
	pools[MAIN_POOL].target_containers = NO_COUNT;
	if (left >= 0)
		return;
	if (keep) {
		set_targets(n, false);
		return;
	}
	/* Growth ahead of time may ask for more than the plan's share; it must wait then. */
	for (size_t i = n->n_hot; i-- && left < 0;) {
		int64_t cut = MIN(-left, pools[i + 1].target_bytes) / LIMIT_PAGE * LIMIT_PAGE;

		pools[i + 1].target_bytes -= cut;
		left += cut;
	}
	pools[MAIN_POOL].target_bytes = MAX(left, (int64_t)0);
}

static struct pool *pool_number(struct node *n, size_t i)
{
	return i == MAIN_POOL ? &n->main : &n->hot[i - 1].pool;
}

/* Returns whether a limit was changed. */
static bool pass(struct node *n)
{
	struct faasmat *s = n->state;
	int64_t t = n->timeline.begin;
	bool changed = false;

	for (size_t i = 0; i < s->governor.n; i++) {
		struct pool_state *state = &s->governor.pools[i];
		const struct pool *p = pool_number(n, i);

		state->limit = p->limit;
		state->low = state->working_set = i == MAIN_POOL ? 0 : p->limit;
		state->admitted_bytes = p->capacity;
		state->target_containers = state->admitted_containers = NO_COUNT;
		state->current = state->used_bytes = p->used;
	}
	decide(&s->governor, &s->decision);
	for (size_t i = 0; i < s->decision.n_changes; i++) {
		const struct change *c = &s->decision.changes[i];
		struct pool *p = pool_number(n, c->pool);

		if (c->kind == CHANGE_LIMIT) {
			p->limit = c->after;
			changed = true;
		} else if (c->kind == CHANGE_ADMIT) {
			pool_admit(p, c->after, t);
			changed = true;
			pool_shrink(p, c->after, t);
		}
	}
	return changed;
}

void faasmat_resize(struct node *n)
{
	set_targets(n, !give_back(n));
	for (int i = 0; i < PASSES && pass(n); i++)
		;
	for (size_t i = 0; i < n->n_hot && faasmat_has(n, PART_PREWARM); i++) {
		struct hot_pool *h = &n->hot[i];
		int64_t c = target_containers(n, i);

		while (h->pool.live < c && pool_prewarm(&h->pool, h->function, n->timeline.begin))
			;
	}
}
