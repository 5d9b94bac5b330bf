// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * faasmat: pools sized ahead from forecasts, warm before they are needed, that lend to and borrow from
 * the main pool. docs/policies.md measures what each part is worth.
 */
#include <errno.h>
#include <string.h>

#include "forecast/plan.h"
#include "forecast/sizing.h"
#include "simulator/node.h"

/* A pool does not shrink for a dip shorter than this many minutes (forecast/plan.h). */
#define HOLD_MINUTES 10

/* What is known of a function's demand. */
struct demand {
	double rate;	   /* calls a minute, of late */
	int64_t need;	   /* containers for that rate */
	int64_t before;	   /* calls until the minute began */
	size_t minute;	   /* of `before` */
};

struct faasmat {
	struct plan plan;
	struct demand *demand; /* by function */
	struct heap stopped; /* hot pools that need main, by time */
	uint32_t *stopped_at;
};

static bool has(const struct node *n, enum faasmat_part part)
{
	return n->o->parts & part;
}

/* Share of calls that find all c containers busy when a are on average (Erlang's B formula, by its
 * recursion); the smallest c for which it is at most `target`. */
static int64_t erlang_containers(double a, double target)
{
	double b = 1;
	int64_t c = 0;

	while (b > target && c < SIZING_MAX_CONTAINERS) {
		c++;
		b = a * b / (c + a * b);
	}
	return c;
}

/* Calls a minute that the k-th container more serves, of `rate` that need a containers on average. */
static double erlang_gain(double rate, double a, int64_t k)
{
	double b = 1, next;

	for (int64_t i = 1; i < k; i++)
		b = a * b / (i + a * b);
	next = a * b / (k + a * b);
	return rate * (b - next);
}

static int64_t wanted(const struct node *n, const struct prediction_row *row, size_t minute)
{
	const struct load_function *f = &n->load->function[row->function];
	int64_t c;

	if (has(n, PART_ERLANG))
		c = erlang_containers(row->high[minute] * f->warm / MINUTE_MS, n->o->target_drop);
	else
		c = sizing_flow(row->mean[minute], f->warm * 1000);
	return MAX(c, (int64_t)1) * n->o->pool_factor;
}

struct share_out {
	double a, rate, b; /* b: share of calls that find the containers so far busy */
	int64_t containers, wanted, unit;
};

static double next_density(const struct share_out *x)
{
	double k = x->containers + 1, next = x->a * x->b / (k + x->a * x->b);

	return x->rate * (x->b - next) / x->unit;
}

/* Container by container to the pool where the next one serves most calls a byte. */
static void share_minute(struct node *n, struct plan *plan, struct share_out *x, size_t m)
{
	int64_t left = plan->cap_bytes;

	for (size_t i = 0; i < plan->n_pools; i++) {
		const struct load_function *f = &n->load->function[n->o->located[i]];
		const struct prediction_row *row =
			prediction_find(n->o->prediction, n->o->located[i]);
		x[i] = (struct share_out){ .a = row->high[m] * f->warm / MINUTE_MS,
					   .rate = row->high[m], .b = 1,
					   .wanted = plan->pool[i].containers[m],
					   .unit = f->memory };
	}
	for (;;) {
		size_t best = SIZE_MAX;
		double most = -1;
		for (size_t i = 0; i < plan->n_pools; i++) {
			if (x[i].containers >= x[i].wanted || x[i].unit > left)
				continue;
			if (next_density(&x[i]) > most) {
				most = next_density(&x[i]);
				best = i;
			}
		}
		if (best == SIZE_MAX)
			break;
		x[best].containers++;
		x[best].b = x[best].a * x[best].b / (x[best].containers + x[best].a * x[best].b);
		left -= x[best].unit;
	}
	for (size_t i = 0; i < plan->n_pools; i++)
		plan->pool[i].containers[m] = x[i].containers;
}

static int make_plan(struct node *n, struct plan *plan)
{
	const struct run_options *o = n->o;
	int r = plan_alloc(plan, o->n_located, n->load->n_minutes);

	if (r < 0)
		return r;
	plan->cap_bytes = o->share * o->memory;
	for (size_t i = 0; i < o->n_located && r == 0; i++) {
		const struct load_function *f = &n->load->function[o->located[i]];
		const struct prediction_row *row = prediction_find(o->prediction, o->located[i]);
		struct plan_pool *p = &plan->pool[i];

		p->unit_bytes = f->memory;
		/* Calls that a byte serves: when the share does not suffice for all, it goes where
		 * it serves most. */
		p->score = 1e12 / ((double)f->memory * MAX(f->warm, (int64_t)1));
		for (size_t m = 0; m < plan->n_minutes; m++)
			p->containers[m] = wanted(n, row, m);
		r = plan_hold(p->containers, plan->n_minutes, HOLD_MINUTES);
	}
	if (getenv("OLDCAP"))
		return r < 0 ? r : plan_cap(plan);
	struct share_out *x = calloc(o->n_located + 1, sizeof(*x));
	for (size_t m = 0; m < plan->n_minutes; m++)
		share_minute(n, plan, x, m);
	free(x);
	return r;
}

/* Minutes before the growth at which a container must be started. */
static size_t lead_minutes(const struct node *n, const struct hot_pool *h)
{
	const struct load_function *f = &n->load->function[h->function];

	return (f->cold - f->warm + MINUTE_MS - 1) / MINUTE_MS;
}

/* The pool's containers now: what the plan says for this minute and, to be warm in time, the next. */
static int64_t target_containers(const struct node *n, size_t i)
{
	const struct faasmat *s = n->state;
	const struct plan_pool *p = &s->plan.pool[i];
	size_t last = n->minute + (has(n, PART_PREWARM) ? lead_minutes(n, &n->hot[i]) : 0);
	int64_t c = 0;

	for (size_t m = n->minute; m <= last && m < s->plan.n_minutes; m++)
		c = MAX(c, p->containers[m]);
	return c;
}

static double T_WORTH = 10000, H_WORTH = 10;

/* Calls that one container more would serve in the near future, this one included. */
static double gain(struct node *n, uint32_t function, int64_t live)
{
	struct faasmat *s = n->state;
	struct demand *d = &s->demand[function];
	const struct load_function *f = &n->load->function[function];
	const struct member *m = pool_member(&n->main, function);
	int64_t calls = m->warm + m->cold + m->drop;
	double rate, need;

	if (n->pool_of[function] != NO_POOL) {
		const struct member *h = n->hot[n->pool_of[function]].pool.member;

		calls += h->warm + h->cold + h->drop;
	}
	if (d->minute != n->minute) {
		d->minute = n->minute;
		d->before = calls;
	}
	rate = MAX(d->rate, (double)(calls - d->before));
	need = rate * f->warm / MINUTE_MS;
	need = rate > d->rate ? erlang_containers(need, 0.05) : d->need;
	if (live >= need)
		return 1;
	return 1 + H_WORTH * erlang_gain(rate, rate * f->warm / MINUTE_MS, live + 1);
}

static bool worth(struct node *n, struct pool *main, uint32_t function, int64_t live, int64_t t)
{
	const struct load_function *f = &n->load->function[function];
	double cost = (double)f->memory * f->cold / T_WORTH;
	double free_bytes = main->capacity - main->used;
	double g = gain(n, function, live);

	static double quad = -1;
	if (quad < 0) quad = getenv("QUAD") ? 1 : 0;
	if (free_bytes * (quad ? free_bytes / n->o->memory : 1) * g >= cost && free_bytes >= f->memory)
		return true;
	free_bytes += pool_idle_bytes(main, t);
	return free_bytes * (quad ? free_bytes / n->o->memory : 1) * g >= cost;
}

static bool yields(void *arg, struct pool *p, uint32_t victim, uint32_t function, int64_t t)
{
	struct node *n = arg;
	struct faasmat *s = n->state;
	const struct load_function *v = &n->load->function[victim], *f = &n->load->function[function];
	int64_t live = pool_member(p, victim)->live, mine = pool_member(p, function)->live;
	double loss;

	(void)t;
	if (n->pool_of[function] != NO_POOL)
		mine += n->hot[n->pool_of[function]].pool.live;
	if (n->pool_of[victim] != NO_POOL)
		live += n->hot[n->pool_of[victim]].pool.live;
	if (live > s->demand[victim].need)
		return true;
	loss = H_WORTH * erlang_gain(s->demand[victim].rate,
				     s->demand[victim].rate * v->warm / MINUTE_MS, live);
	return loss / v->memory <= gain(n, function, mine) / f->memory;
}

static bool admit(void *arg, struct pool *p, const struct member *m, uint32_t function, int64_t t)
{
	struct node *n = arg;
	int64_t live = m->live;

	if (n->pool_of[function] != NO_POOL)
		live += n->hot[n->pool_of[function]].pool.live;
	return worth(n, p, function, live, t);
}

/* Calls of the minute that has ended, as the collector would have counted them. */
static void learn(struct node *n)
{
	struct faasmat *s = n->state;
	const struct load *l = n->load;

	if (n->minute == 0 || n->minute > l->n_minutes)
		return;
	for (size_t i = 0; i < l->n_functions; i++)
		s->demand[i].rate *= 0.8;
	for (size_t i = l->first[n->minute - 1]; i < l->first[n->minute]; i++) {
		struct demand *d = &s->demand[l->cell[i].function];

		d->rate = MAX(d->rate, (double)l->cell[i].count);
	}
	for (size_t i = 0; i < l->n_functions; i++)
		if (s->demand[i].rate > 0.01)
			s->demand[i].need = erlang_containers(
				s->demand[i].rate * l->function[i].warm / MINUTE_MS, 0.05);
		else
			s->demand[i].need = 0;
}

int faasmat_begin(struct node *n)
{
	struct pool_rules rules = node_rules(n);
	struct faasmat *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	n->state = s;
	for (size_t i = 0; i < n->o->n_located; i++)
		if (!n->o->prediction || !prediction_find(n->o->prediction, n->o->located[i]))
			return node_fail(n, -EINVAL, "the prediction lacks hot function '%.80s'",
					 n->load->function[n->o->located[i]].name);
	r = make_plan(n, &s->plan);
	s->stopped_at = malloc(MAX(n->o->n_located, (size_t)1) * sizeof(*s->stopped_at));
	if (r == 0 && (!s->stopped_at || heap_reserve(&s->stopped, n->o->n_located) < 0))
		r = -ENOMEM;
	rules.patient = has(n, PART_PATIENCE);
	n->main.rules = rules;
	n->main.rules.in_order = !has(n, PART_PASS);
	n->main.rules.eviction = has(n, PART_GREEDY_DUAL) ? EVICT_GREEDY_DUAL : EVICT_LRU;
	n->main.rules.keep_alive = has(n, PART_GREEDY_DUAL) ? NEVER : n->o->keep_alive;
	if (has(n, PART_WORTH)) {
		n->main.rules.admit = admit;
		if (!getenv("NOYIELD")) n->main.rules.yields = yields;
		n->main.rules.arg = n;
		if (getenv("T_WORTH"))
			T_WORTH = atof(getenv("T_WORTH"));
		if (getenv("H_WORTH"))
			H_WORTH = atof(getenv("H_WORTH"));
	}
	s->demand = calloc(MAX(n->load->n_functions, (size_t)1), sizeof(*s->demand));
	if (!s->demand)
		return -ENOMEM;
	rules.eviction = EVICT_LRU;
	rules.keep_alive = has(n, PART_KEEP) ? NEVER : n->o->keep_alive;
	for (size_t i = 0; i < n->o->n_located && r == 0; i++)
		r = node_add_pool(n, n->o->located[i], 0, &rules);
	return r;
}

void faasmat_end(struct node *n)
{
	struct faasmat *s = n->state;

	if (!s)
		return;
	plan_release(&s->plan);
	free(s->demand);
	free(s->stopped.e);
	free(s->stopped_at);
	free(s);
}

/* Gives back what is above the target and not busy. */
static void shrink(struct node *n, struct pool *p, int64_t target)
{
	int64_t t = n->timeline.begin, kept;

	pool_shrink(p, target, t);
	kept = MAX(target, p->used);
	if (kept < p->capacity) {
		pool_resize(&n->main, n->main.capacity + p->capacity - kept, t);
		pool_resize(p, kept, t);
	}
}

static void grow(struct node *n, struct pool *p, int64_t target, int64_t unit)
{
	int64_t t = n->timeline.begin, want = target - p->capacity, give;

	if (n->main.capacity - n->main.used < want)
		pool_shrink(&n->main, n->main.capacity - want, t);
	give = MIN(want, n->main.capacity - n->main.used);
	give -= give % unit;
	if (give <= 0)
		return;
	pool_resize(p, p->capacity + give, t);
	pool_resize(&n->main, n->main.capacity - give, t);
}

/* Is memory so short that pools must give back what they hold above the plan? */
static bool short_of_memory(const struct node *n)
{
	return n->main.last_short >= n->timeline.begin - MINUTE_MS || n->minute == 0;
}

int faasmat_minute(struct node *n)
{
	const struct faasmat *s = n->state;

	learn(n);
	for (size_t i = 0; i < n->n_hot && short_of_memory(n); i++) {
		int64_t target = target_containers(n, i) * s->plan.pool[i].unit_bytes;

		if (target < n->hot[i].pool.capacity)
			shrink(n, &n->hot[i].pool, target);
	}
	for (size_t i = 0; i < n->n_hot; i++) {
		struct pool *p = &n->hot[i].pool;
		int64_t c = target_containers(n, i), unit = s->plan.pool[i].unit_bytes;

		if (c * unit > p->capacity)
			grow(n, p, c * unit, unit);
		while (has(n, PART_PREWARM) && p->live < c)
			if (!pool_prewarm(p, n->hot[i].function, n->timeline.begin))
				break;
	}
	return 0;
}

/* A call at t that its pool cannot take: borrow, spill, or give it up. */
static bool overflow(struct node *n, struct hot_pool *h, int64_t t)
{
	int64_t unit = h->pool.member->memory;

	if (has(n, PART_WORTH) &&
	    !worth(n, &n->main, h->function,
		   h->pool.live + pool_member(&n->main, h->function)->live, t))
		return false;
	if (has(n, PART_BORROW) && n->main.capacity - n->main.used >= unit) {
		n->main.capacity -= unit;
		h->pool.capacity += unit;
		return pool_place(&h->pool, h->function, t);
	}
	return has(n, PART_SPILL) && pool_place(&n->main, h->function, t);
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
