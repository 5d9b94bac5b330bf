// SPDX-License-Identifier: GPL-2.0-or-later
/* What pools get beside the plan: guards after trouble, and loans from main. */
#include "common/log.h"
#include "governor/internal.h"

/* Loans asked for at once, by a container that waits for its answer: at most so often (model time). The
 * next tick serves the others. */
#define BORROW_EVERY_NS NS_PER_S

static int64_t guard_wish(const struct governor *g, size_t i)
{
	const struct pool_state *s = &g->states[i];
	int64_t wanted = pressure_wanted_limit(&g->pools[i]->pressure, g->model_minute);

	return wanted == LIMIT_NONE ? LIMIT_NONE : MAX(wanted - s->target_bytes, 0);
}

/* A loan begins when a container is refused (note_refusal) and lasts while it is used; containers that
 * stay behind when the plan shrinks are no reason for one. A pool that the plan left out borrows
 * nothing: its containers go to main. */
static void wish_for(struct governor *g, size_t i)
{
	struct pool_state *s = &g->states[i];
	struct pool *p = g->pools[i];
	bool planned = s->target_bytes > 0 && s->target_containers > 0;

	g->wish[i].guard = guard_wish(g, i);
	g->wish[i].borrow = planned ? loan_need(&p->loan, g->model_minute,
						MIN(s->used_bytes - s->target_bytes, p->lent))
				    : 0;
}

/* Containers in proportion to the bytes that were lent for them. */
static void lend_containers(struct governor *g, size_t i, int64_t wished)
{
	struct pool_state *s = &g->states[i];
	struct loan *l = &g->pools[i]->loan_containers;
	int64_t used = s->used_containers - s->target_containers;
	int64_t more = loan_count(l, g->model_minute, MIN(used, g->pools[i]->lent_containers));

	if (g->pools[i]->plan_target.bytes == 0 || s->target_containers <= 0)
		more = 0;
	else if (wished > 0)
		more = (int64_t)((__int128)more * g->wish[i].borrow / wished);
	s->target_containers += more;
	g->pools[i]->lent_containers = more;
}

static void say_loans(struct governor *g, size_t i, int64_t before, int64_t now)
{
	if ((before > 0) == (now > 0) && now <= before)
		return;
	ledger_say(
		g, g->pools[i]->name, "borrow", "", before, now,
		now > 0 ? "its containers need %s more than the plan gives it; main does not use it"
			: "the loan of %s is given back",
		format_size(now > 0 ? now : before));
}

/* What a pool keeps that is not to be written now (someone else gave it more) is not main's. */
static void leave_to_others(struct governor *g)
{
	int64_t *left = &g->states[MAIN_POOL].target_bytes;

	for (size_t i = 1; i < g->n; i++) {
		const struct pool_state *s = &g->states[i];

		if (s->hands_off && s->limit > s->target_bytes && s->limit <= g->node.budget)
			*left = MAX(*left - (s->limit - s->target_bytes), 0) / LIMIT_PAGE *
				LIMIT_PAGE;
	}
}

static void relieve(struct governor *g)
{
	int64_t before = g->relieved;

	g->relieved = 0;
	if (admission_anyway(g->table) > 0)
		g->relieved = relieve_main(&g->node);
	if ((before > 0) != (g->relieved > 0))
		ledger_say(g, g->pools[MAIN_POOL]->name, "borrow", "", before, g->relieved,
			   g->relieved ? "a platform starts containers whatever it is told: main "
					 "gets of what the pools do not use"
				       : "the pools have back what they did not use");
}

void extras_grant(struct governor *g)
{
	/* In the minute in which main ran short, and the next one, nothing is lent. */
	bool main_short = g->refused_minute && g->model_minute - g->refused_minute <= 1;
	int64_t most = main_short ? 0 : (int64_t)((double)g->node.budget * g->o->borrow);

	leave_to_others(g);
	relieve(g);
	for (size_t i = 1; i < g->n; i++)
		wish_for(g, i);
	for (size_t i = 1; i < g->n; i++)
		g->pools[i]->wished = g->wish[i].borrow;
	g->lent = grant_extras(&g->node, g->wish, main_short ? g->refused_bytes : 0, most);
	for (size_t i = 1; i < g->n; i++) {
		struct pool *p = g->pools[i];

		lend_containers(g, i, p->wished);
		say_loans(g, i, p->lent, g->wish[i].borrow);
		p->lent = g->wish[i].borrow;
	}
}

/* Would a tick help main, which has just taken a container that nothing admits? Its guard may do. */
static bool pools_have_spare(const struct governor *g)
{
	const struct admission_pool *m = admission_pool(g->table, MAIN_POOL);

	for (size_t i = 1; i < g->n && m->used_bytes > m->admitted_bytes; i++) {
		const struct admission_pool *p = admission_pool(g->table, (int)i);

		if (p->admitted_bytes > p->used_bytes)
			return true;
	}
	return false;
}

static void note_refusal(struct governor *g, int pool, int64_t bytes)
{
	const struct admission_pool *a = admission_pool(g->table, pool);
	struct pool *p = g->pools[pool];

	if (pool == MAIN_POOL) {
		g->refused_bytes = g->refused_minute == g->model_minute
					   ? MAX(g->refused_bytes, bytes)
					   : bytes;
		g->refused_minute = g->model_minute;
		return;
	}
	loan_need(&p->loan, g->model_minute, a->used_bytes + bytes - p->plan_target.bytes);
	loan_count(&p->loan_containers, g->model_minute,
		   a->used_containers + 1 - p->plan_target.containers);
}

bool extras_make_room(void *arg, int pool, int64_t bytes)
{
	struct governor *g = arg;
	int64_t now = clock_monotonic_ns();

	if (g->minute == INT64_MIN)
		return false;
	if (pool == MAIN_POOL && bytes == 0) {
		if (pools_have_spare(g))
			governor_tick(g);
		return true;
	}
	note_refusal(g, pool, bytes);
	if (pool == MAIN_POOL || g->o->borrow == 0 ||
	    now - g->borrowed_ns < clock_scale_ns(&g->o->clock, BORROW_EVERY_NS))
		return false;
	g->borrowed_ns = now;
	governor_tick(g);
	return true;
}
