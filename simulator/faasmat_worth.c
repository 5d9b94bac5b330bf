// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * When memory is short, is a container worth it? A container that is started for a call holds
 * memory x cold time for one answer, and serves more calls afterwards only as far as its function
 * needs it. What hot functions did to one another under LRU (the paper's section 2.2.2), a storm of
 * cold starts each of which serves one call, is refused here; so is evicting a container for one that
 * serves less.
 */
#include <math.h>

#include "forecast/erlang.h"
#include "simulator/faasmat.h"

/* How far ahead a container's calls are counted. */
#define HORIZON_MINUTES 10
/* A function needs as many containers as leave this share of its calls without one. */
#define NEED_DROP 0.05
/* What was not seen again fades by this share a minute. */
#define FADE 0.8
#define NEED_UNKNOWN -1
/*
 * A start is worth it while price x memory x cold time <= PRICE_MS x calls served x free x (free / node):
 * the less there is free, the fewer bytes and seconds a call may cost, as in trunk reservation (Miller
 * 1969). 1 s: at the full price a node that is all free takes calls that cost all of it for a second each.
 */
#define PRICE_MS 1000.0
/* The price is found by trial, since what a refused call would have cost others shows only later: it
 * rises while calls are dropped, and falls while none is or while half of main is free when a start is
 * refused. It rises fast, because a storm of starts fills a node within a minute. */
#define PRICE_RISE 16
#define PRICE_FALL 1.5
#define PRICE_LEAST 0.001

static int64_t containers_for(const struct node *n, uint32_t function, double rate)
{
	const struct load_function *f = &n->load->function[function];
	struct erlang_queue queue = { .warm_s = MAX(f->warm, (int64_t)1) / 1000.0, .cv = 1 };
	struct erlang_rates rates = { .n = 1, .rate = { rate / 60 }, .weight = { 1 } };

	return rate < 0.01 ? 0 : erlang_size(&queue, &rates, NEED_DROP, 1);
}

/* The function's demand as of this minute. */
static struct demand *demand_of(struct node *n, uint32_t function)
{
	struct faasmat *s = n->state;
	struct demand *d = &s->demand[function];
	uint32_t minutes = n->minute - d->seen;

	if (minutes) {
		d->rate *= minutes == 1 ? FADE : pow(FADE, minutes);
		d->seen = n->minute;
		d->need = NEED_UNKNOWN;
	}
	return d;
}

/* Containers for that demand; reckoned when it is asked for, which is rare. */
static int64_t need_of(const struct node *n, uint32_t function, struct demand *d)
{
	if (d->need == NEED_UNKNOWN)
		d->need = containers_for(n, function, d->rate);
	return d->need;
}

/* Of the minute that has ended: did refusals keep memory free that nobody wanted, or was it short? */
static void learn_price(struct node *n)
{
	struct faasmat *s = n->state;
	int64_t dropped = n->main.drop;

	for (size_t i = 0; i < n->n_hot; i++)
		dropped += n->hot[i].pool.drop;
	if (dropped == s->dropped || s->refused_free > n->main.capacity / 2)
		s->price = MAX(s->price / PRICE_FALL, PRICE_LEAST);
	else
		s->price = MIN(s->price * PRICE_RISE, 1.0);
	s->dropped = dropped;
	s->refused_free = INT64_MAX;
}

/* Nothing is known of a shortage yet. */
void faasmat_worth_begin(struct faasmat *s)
{
	s->price = PRICE_LEAST;
	s->refused_free = INT64_MAX;
}

/* Calls of the minute that has ended, as the collector counts them. */
void faasmat_learn(struct node *n)
{
	const struct load *l = n->load;

	if (n->minute)
		learn_price(n);
	if (n->minute == 0 || n->minute > l->n_minutes)
		return;
	for (size_t i = l->first[n->minute - 1]; i < l->first[n->minute]; i++) {
		struct demand *d = demand_of(n, l->cell[i].function);

		if (l->cell[i].count > d->rate) {
			d->rate = l->cell[i].count;
			d->need = NEED_UNKNOWN;
		}
	}
}

static int64_t calls_so_far(const struct member *m)
{
	return m->warm + m->cold + m->drop;
}

static const struct member *own_pool(const struct node *n, uint32_t function)
{
	return n->pool_of[function] == NO_POOL ? NULL : n->hot[n->pool_of[function]].pool.member;
}

static int64_t live_containers(const struct node *n, uint32_t function)
{
	const struct member *own = own_pool(n, function);

	return pool_member(&n->main, function)->live + (own ? own->live : 0);
}

/* Calls that one container more would answer within the horizon, the one at hand included. */
static double answers(struct node *n, uint32_t function)
{
	struct demand *d = demand_of(n, function);
	const struct member *own = own_pool(n, function);
	int64_t calls = calls_so_far(pool_member(&n->main, function)),
		need = need_of(n, function, d);
	int64_t live = live_containers(n, function);
	double rate = d->rate;

	if (own)
		calls += calls_so_far(own);
	if (d->stamped != n->minute + 1) {
		d->stamped = n->minute + 1;
		d->calls = calls;
	}
	/* A rush shows before its minute is over. */
	if (calls - d->calls > rate) {
		rate = calls - d->calls;
		need = containers_for(n, function, rate);
	}
	if (live >= need)
		return 1;
	return 1 +
	       HORIZON_MINUTES * rate *
		       erlang_gain(rate * n->load->function[function].warm / MINUTE_MS, live + 1);
}

bool faasmat_worth(struct node *n, uint32_t function, int64_t t)
{
	const struct load_function *f = &n->load->function[function];
	struct faasmat *s = n->state;
	double price = s->price * f->memory * f->cold / PRICE_MS * n->o->memory /
		       answers(n, function);
	double free_bytes = n->main.capacity - n->main.used;

	if (free_bytes >= f->memory && free_bytes * free_bytes >= price)
		return true;
	free_bytes += pool_idle_bytes(&n->main, t);
	if (free_bytes > 0 && free_bytes * free_bytes >= price)
		return true;
	s->refused_free = MIN(s->refused_free, (int64_t)free_bytes);
	return false;
}

bool faasmat_admit(void *arg, struct pool *p, const struct member *m, uint32_t function, int64_t t)
{
	(void)p;
	(void)m;
	return faasmat_worth(arg, function, t);
}

bool faasmat_yields(void *arg, struct pool *p, uint32_t victim, uint32_t function, int64_t t)
{
	struct node *n = arg;
	struct demand *d = demand_of(n, victim);
	const struct load_function *v = &n->load->function[victim];
	int64_t live = live_containers(n, victim);
	double loss;

	(void)p;
	(void)t;
	if (live > need_of(n, victim, d))
		return true;
	loss = HORIZON_MINUTES * d->rate * erlang_gain(d->rate * v->warm / MINUTE_MS, live);
	return loss / v->memory <= answers(n, function) / n->load->function[function].memory;
}
