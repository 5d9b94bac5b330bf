// SPDX-License-Identifier: GPL-2.0-or-later
/* The governor's minutes: which plan holds now, and when to look again. */
#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "common/service.h"
#include "governor/effects.h"
#include "governor/internal.h"
#include "store/plan.h"
#include "store/retention.h"

/* The pool of row k's function; -1 or a negative errno when there is none and none can be. */
static int pool_of(struct governor *g, const char *function, size_t k)
{
	int guess = k < g->n_row_pools ? g->row_pools[k] : (int)k + 1;
	const char *there = guess < (int)g->n ? admission_pool(g->table, guess)->function : NULL;

	if (there && strcmp(there, function) == 0)
		return guess;
	return g->n <= MAX_POOLS ? pools_for_function(g, function)
				 : admission_find_function(g->table, function);
}

/* Rows come in the same order every minute, pools may have been found in another one. */
static void remember_pool(struct governor *g, size_t k, int pool)
{
	int *more = g->row_pools;

	if (k >= g->n_row_pools)
		more = realloc(g->row_pools, (k + 1) * sizeof(*more));
	if (!more)
		return;
	for (g->row_pools = more; g->n_row_pools <= k; g->n_row_pools++)
		more[g->n_row_pools] = MAIN_POOL;
	more[k] = pool;
}

/* Sets now or next of every pool. */
static void take_rows(struct governor *g, const struct plan_row *rows, size_t n, bool next)
{
	int i;

	for (size_t p = 0; p < g->n; p++)
		*(next ? &g->pools[p]->next : &g->pools[p]->now) = (struct pool_plan){ 0 };
	for (size_t k = 0; k < n; k++) {
		struct pool_plan row = { .bytes = rows[k].bytes, .containers = rows[k].containers };

		i = pool_of(g, rows[k].name, k);
		if (i > MAIN_POOL) {
			remember_pool(g, k, i);
			g->pools[i]->last_planned = g->model_minute;
			*(next ? &g->pools[i]->next : &g->pools[i]->now) = row;
		} else if (!g->too_many_said) {
			log_warning("the plan has more pools than %d: the others' containers go "
				    "to main",
				    MAX_POOLS);
			g->too_many_said = true;
		}
	}
}

/* What is wrong with the rows, or NULL. */
static const char *fault_of(const struct governor *g, const struct plan_row *rows, size_t n)
{
	_cleanup_free_ struct pool_plan *plan = calloc(n + 1, sizeof(*plan));

	for (size_t k = 0; plan && k < n; k++)
		plan[k] = (struct pool_plan){ .bytes = rows[k].bytes,
					      .containers = rows[k].containers };
	return plan ? plan_fault(plan, n, g->o->memory) : NULL;
}

/* 0, -ENODATA when the minute has no plan, -EBADMSG when it is absurd, another error when the database
 * cannot say. */
static int load(struct governor *g, int64_t minute, bool next)
{
	struct plan_row *rows;
	const char *fault;
	size_t n;
	int r = store_read_plan(g->store, minute, &rows, &n);

	if (r < 0)
		return r;
	fault = fault_of(g, rows, n);
	if (!fault)
		take_rows(g, rows, n, next);
	free(rows);
	if (next)
		return fault ? -EBADMSG : 0;
	if (fault) {
		log_warning("the plan of %s is absurd: %s", format_minute(minute), fault);
		ledger_say(g, NULL, "plan", "", 0, 0, "absurd: %s", fault);
	}
	tick_mind_plan(g, fault);
	return fault ? -EBADMSG : 0;
}

/* The next minute, which has been read already, has come. */
static int advance(struct governor *g)
{
	for (size_t i = 0; i < g->n; i++)
		g->pools[i]->now = g->pools[i]->next;
	return 0;
}

static void no_plan(struct governor *g, int why)
{
	if (g->plan_minute == INT64_MIN) {
		ledger_say(g, NULL, "plan", "", 0, 0,
			   "no plan for this minute and none before it: main has everything");
		return;
	}
	/* A database that cannot be read says nothing about the plan: keep what is known to be good. */
	if ((why != -ENODATA && why != -EBADMSG) || g->missed <= HOLD_MINUTES) {
		ledger_say(g, NULL, "plan", "", 0, 0, "%s: the one of %s is kept",
			   why == -ENODATA   ? "no plan for this minute"
			   : why == -EBADMSG ? "an absurd plan"
					     : "the plan cannot be read",
			   format_minute(g->plan_minute));
		return;
	}
	if (!g->releasing)
		log_warning(
			"no plan for %d minutes: the pools are released to main; `faasmat plan` "
			"makes one",
			HOLD_MINUTES);
	g->releasing = true;
	take_rows(g, NULL, 0, false);
	ledger_say(g, NULL, "plan", "", 0, 0,
		   "no plan for more than %d minutes: the pools are released to main",
		   HOLD_MINUTES);
}

/* Signs of life for `faasmat status`, and a ledger that does not grow for ever. A database that cannot
 * take them loses nothing. */
static void keep_house(struct governor *g)
{
	service_status("%s, %zu pools, %s%s", g->apply ? "governing" : "watching (shadow mode)",
		       g->n - 1, format_minute(g->minute),
		       g->waiting ? ", some wait for memory" : "");
	/* The log is emptied by the collector, too; there may be none. */
	if (g->minute % TIDY_MINUTES == 0)
		store_tidy(g->store);
	if (store_set_meta(g->store, EFFECTS_META, effects_of(g)) == 0 &&
	    store_set_meta(g->store, "governor_time_us", clock_stamp_us()) == 0 &&
	    g->minute % 60 == 0)
		if (store_forget_ledger(g->store, g->minute - LEDGER_KEEP_MINUTES) == 0)
			store_forget_outcomes(g->store, g->minute - OUTCOMES_KEEP_MINUTES);
}

void schedule_refresh(struct governor *g)
{
	int64_t minute = clock_minute(&g->o->clock), before = g->minute;
	int64_t version = g->plan_version;
	bool advanced;
	int r;

	if (store_plan_version(g->store, &version) < 0)
		version = g->plan_version;
	if (minute == g->minute && version == g->plan_version)
		return;
	/* Counted, not reckoned from the clock: that may be set back. */
	g->missed += minute != g->minute;
	g->minute = minute;
	keep_house(g);
	advanced = g->have_next && minute == before + 1 && version == g->plan_version;
	g->plan_version = version;
	r = advanced ? advance(g) : load(g, minute, false);
	if (r == 0) {
		g->plan_minute = minute;
		g->missed = 0;
		g->releasing = false;
	} else {
		no_plan(g, r);
	}
	g->have_next = r == 0 && load(g, minute + 1, true) == 0;
}

static bool in_lead(const struct governor *g)
{
	const struct clock *c = &g->o->clock;
	int64_t end = clock_minute_start_ns(c, g->minute + 1);

	return g->have_next && clock_now_ns(c) >= end - clock_scale_ns(c, g->o->lead_ns);
}

static void say_cut(struct governor *g, int64_t cut)
{
	if (!g->cut_said)
		log_warning("the plan gives the pools %s more than --share %.2f of %s: cut in "
			    "proportion",
			    format_size(cut), g->o->share, format_size(g->node.budget));
	if (g->cut_minute != g->minute)
		ledger_say(
			g, NULL, "cut", "", cut, 0,
			"the plan is above the share cap of %.2f: every pool is cut in proportion",
			g->o->share);
	g->cut_minute = g->minute;
	g->cut_said = true;
}

void schedule_targets(struct governor *g)
{
	size_t n = g->n - 1;
	_cleanup_free_ struct pool_plan *rows = calloc(3 * n + 1, sizeof(*rows));
	struct pool_plan *now = rows, *next = rows + n, *target = rows + 2 * n;
	int64_t left = g->node.budget, cut;

	/* Without memory for it the targets of before stand. */
	if (!rows)
		return;
	for (size_t i = 0; i < n; i++) {
		now[i] = g->pools[i + 1]->now;
		next[i] = g->pools[i + 1]->next;
	}
	cut = plan_targets(g->node.budget, g->o->share, n, now, in_lead(g) ? next : NULL, target);
	for (size_t i = 0; i < n; i++) {
		struct pool_state *s = &g->states[i + 1];

		s->target_bytes = target[i].bytes;
		s->target_containers = target[i].containers;
		g->pools[i + 1]->plan_target = target[i];
		admission_set_planned(g->table, (int)i + 1,
				      target[i].bytes > 0 && target[i].containers > 0);
		left -= target[i].bytes;
	}
	g->states[MAIN_POOL].target_bytes = left;
	g->states[MAIN_POOL].guard_bytes = 0;
	if (cut > 0)
		say_cut(g, cut);
	else
		g->cut_said = false;
}

static const char *why_wanted(const struct governor *g, size_t i)
{
	const struct pool *p = g->pools[i];

	if (g->states[i].target_bytes > p->plan_target.bytes)
		return "borrow";
	return p->plan_target.bytes > p->now.bytes ? "next minute's plan" : "plan";
}

void schedule_tell(struct governor *g)
{
	for (size_t i = MAIN_POOL + 1; i < g->n && g->on_change; i++) {
		struct pool *p = g->pools[i];
		const struct admission_pool *a = admission_pool(g->table, (int)i);
		struct wanted w = {
			.function = a->function,
			.pool = p->name,
			.minute = g->minute,
			.containers = g->states[i].target_containers,
			.bytes = g->states[i].target_bytes,
			.reason = why_wanted(g, i),
			.applied = g->apply,
		};

		if (!w.function ||
		    (p->told.bytes == w.bytes && p->told.containers == w.containers) ||
		    on_change_note(g->on_change, &w) < 0)
			continue;
		p->told = (struct pool_plan){ .bytes = w.bytes, .containers = w.containers };
	}
	on_change_run(g->on_change);
}

/* Does a pool get more in the next minute than in this one? */
static bool grows_next(const struct governor *g)
{
	for (size_t i = MAIN_POOL + 1; i < g->n && g->have_next; i++)
		if (g->pools[i]->next.bytes > g->pools[i]->now.bytes)
			return true;
	return false;
}

static bool must_shed(const struct governor *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->states[i].used_bytes > g->states[i].admitted_bytes)
			return true;
	return false;
}

/* Is something to be done before the next minute? */
static bool is_settled(const struct governor *g)
{
	if (g->lifted || g->decision.n_waits > 0 || must_shed(g))
		return false;
	for (size_t k = 0; k < g->decision.n_changes; k++)
		if (g->decision.changes[k].outcome != OUTCOME_DONE)
			return false;
	/* A limit that comes down in steps. */
	for (size_t i = 0; i < g->n; i++)
		if (!g->states[i].hands_off && g->states[i].guard_bytes != LIMIT_NONE &&
		    g->states[i].limit - g->states[i].guard_bytes > g->states[i].target_bytes)
			return false;
	return true;
}

void schedule_note_tick(struct governor *g)
{
	bool moved = g->decision.n_changes > 0 || g->lifted;

	if (moved || g->quiet_minute != g->minute)
		g->quiet = 0;
	else
		g->quiet++;
	g->quiet_minute = g->minute;
	g->settled = is_settled(g);
}

int64_t schedule_soon_ns(const struct governor *g)
{
	return clock_monotonic_ns() + MAX(g->o->clock.minute_ns / TICKS_PER_MINUTE, NS_PER_MS);
}

int64_t schedule_next_tick_ns(const struct governor *g)
{
	const struct clock *c = &g->o->clock;
	int64_t now = clock_now_ns(c), start = clock_minute_start_ns(c, clock_minute_at(c, now));
	int64_t tenth = MAX(c->minute_ns / TICKS_PER_MINUTE, 1);
	int64_t lead = start + c->minute_ns - clock_scale_ns(c, g->o->lead_ns);
	int64_t next = start + c->minute_ns;

	if (now < lead && grows_next(g))
		next = lead;
	/* While nothing moves, what is waited for is looked at ever less often. */
	if (!g->settled)
		next = MIN(next, now + (tenth << MIN(g->quiet, 3)));
	return clock_monotonic_ns() + MAX(next - now, NS_PER_MS);
}
