// SPDX-License-Identifier: GPL-2.0-or-later
/* vmtest/rig/invoker: the ledger is never exceeded and no call is lost, whatever happens in whatever
 * order; eviction is LRU; TTL, keep-alive and admission act at their boundaries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/util.h"
#include "vmtest/rig/invoker.h"
#include "vmtest/rig/random.h"

#define TTL 50
#define KEEP 1000
#define MB 1000000

static struct call *arrive(struct invoker *v, int function, int64_t now)
{
	struct call *call = calloc(1, sizeof(*call));

	call->function = function;
	call->arrive_ns = now;
	invoker_arrive(v, call, now);
	return call;
}

/* The next action, which must be of this kind. */
static struct action expect(struct invoker *v, enum action_kind kind)
{
	struct action a = invoker_next_action(v);

	assert_int_equal(a.kind, kind);
	return a;
}

/* A container of `function` that was started at `now` and is idle at once. */
static struct container *warm_container(struct invoker *v, int function, int64_t now)
{
	struct container *c;

	arrive(v, function, now);
	c = expect(v, ACTION_START).container;
	invoker_ready(v, c, now);
	assert_ptr_equal(expect(v, ACTION_RUN).container, c);
	free(invoker_done(v, c, now));
	expect(v, ACTION_NONE);
	return c;
}

static void set_up(struct invoker *v, int n, int64_t memory)
{
	int64_t bytes[8];

	for (int i = 0; i < n; i++)
		bytes[i] = MB;
	assert_int_equal(invoker_init(v, n, bytes, memory, TTL, KEEP, false), 0);
}

static void evicts_the_least_recently_used(_unused_ void **state)
{
	struct invoker v;
	struct container *a, *b, *c;
	struct action action;

	set_up(&v, 4, 3 * MB);
	a = warm_container(&v, 0, 1);
	b = warm_container(&v, 1, 2);
	c = warm_container(&v, 2, 3);
	/* a is used again: b is now the oldest. */
	arrive(&v, 0, 4);
	assert_ptr_equal(expect(&v, ACTION_RUN).container, a);
	free(invoker_done(&v, a, 5));
	arrive(&v, 3, 6);
	action = expect(&v, ACTION_REMOVE);
	assert_ptr_equal(action.container, b);
	/* Its room is taken only when it is gone. */
	expect(&v, ACTION_NONE);
	assert_int_equal(v.pool[POOL_MAIN].used_bytes, 3 * MB);
	invoker_gone(&v, b, 7);
	assert_int_equal(expect(&v, ACTION_START).container->function, 3);
	arrive(&v, 1, 8);
	assert_ptr_equal(expect(&v, ACTION_REMOVE).container, c);
	assert_int_equal(v.function[2].evictions, 1);
	invoker_free(&v);
}

static void evicts_nothing_when_it_would_not_be_enough(_unused_ void **state)
{
	int64_t bytes[] = { MB, 4 * MB };
	struct invoker v;

	assert_int_equal(invoker_init(&v, 2, bytes, 3 * MB, TTL, KEEP, false), 0);
	warm_container(&v, 0, 1);
	arrive(&v, 1, 2);
	expect(&v, ACTION_NONE);
	assert_int_equal(v.n_queued, 1);
	invoker_free(&v);
}

static void drops_after_the_ttl_and_not_at_it(_unused_ void **state)
{
	struct invoker v;
	struct call *call;

	set_up(&v, 2, MB);
	arrive(&v, 0, 0);
	expect(&v, ACTION_START);
	call = arrive(&v, 1, 10);
	expect(&v, ACTION_NONE);
	assert_int_equal(invoker_next_ns(&v), 10 + TTL + 1);
	invoker_tick(&v, 10 + TTL);
	expect(&v, ACTION_NONE);
	invoker_tick(&v, 10 + TTL + 1);
	assert_ptr_equal(expect(&v, ACTION_DROP).call, call);
	assert_int_equal(v.function[1].drop, 1);
	free(call);
	invoker_free(&v);
}

static void a_call_that_waits_for_eviction_is_not_dropped(_unused_ void **state)
{
	struct invoker v;
	struct container *old;

	set_up(&v, 2, MB);
	old = warm_container(&v, 0, 0);
	arrive(&v, 1, 1);
	assert_ptr_equal(expect(&v, ACTION_REMOVE).container, old);
	invoker_tick(&v, 1 + 10 * TTL);
	expect(&v, ACTION_NONE);
	invoker_gone(&v, old, 2 + 10 * TTL);
	expect(&v, ACTION_START);
	invoker_free(&v);
}

static void keep_alive_ends_on_time_in_main_only(_unused_ void **state)
{
	struct invoker v;
	struct container *c;
	int pool;

	set_up(&v, 2, 2 * MB);
	pool = invoker_add_pool(&v, 1);
	invoker_admit(&v, pool, MB, 1, 0);
	c = warm_container(&v, 0, 100);
	warm_container(&v, 1, 0);
	assert_int_equal(invoker_next_ns(&v), 100 + KEEP);
	invoker_tick(&v, 100 + KEEP - 1);
	expect(&v, ACTION_NONE);
	invoker_tick(&v, 100 + KEEP);
	assert_ptr_equal(expect(&v, ACTION_REMOVE).container, c);
	expect(&v, ACTION_NONE);
	assert_int_equal(v.expired, 1);
	assert_int_equal(v.function[0].evictions, 0);
	/* The pool's container stays for as long as the pool admits it. */
	invoker_tick(&v, 1000 * KEEP);
	expect(&v, ACTION_NONE);
	assert_int_equal(v.pool[pool].idle_containers, 1);
	invoker_free(&v);
}

static void one_function_does_not_hold_back_another(_unused_ void **state)
{
	struct invoker v;
	struct container *c;

	set_up(&v, 3, 2 * MB);
	arrive(&v, 0, 0);
	c = expect(&v, ACTION_START).container;
	invoker_ready(&v, c, 0);
	expect(&v, ACTION_RUN);
	arrive(&v, 1, 0);
	expect(&v, ACTION_START);
	arrive(&v, 2, 1); /* the head of the queue: no room for it */
	arrive(&v, 0, 2);
	arrive(&v, 0, 3);
	expect(&v, ACTION_NONE);
	free(invoker_done(&v, c, 4));
	assert_int_equal(expect(&v, ACTION_RUN).container->call->arrive_ns, 2);
	invoker_free(&v);
}

static void a_shrinking_pool_evicts_its_idle_and_then_those_that_finish(_unused_ void **state)
{
	struct invoker v;
	struct container *a, *b;
	int pool;

	set_up(&v, 1, 10 * MB);
	pool = invoker_add_pool(&v, 0);
	invoker_admit(&v, pool, 3 * MB, 3, 0);
	arrive(&v, 0, 0);
	a = expect(&v, ACTION_START).container;
	arrive(&v, 0, 0);
	b = expect(&v, ACTION_START).container;
	invoker_ready(&v, a, 1);
	invoker_ready(&v, b, 1);
	expect(&v, ACTION_RUN);
	expect(&v, ACTION_RUN);
	free(invoker_done(&v, a, 2));
	invoker_admit(&v, pool, MB, 1, 3);
	assert_ptr_equal(expect(&v, ACTION_REMOVE).container, a);
	invoker_admit(&v, pool, 0, 0, 4);
	expect(&v, ACTION_NONE);
	free(invoker_done(&v, b, 5));
	assert_ptr_equal(expect(&v, ACTION_REMOVE).container, b);
	invoker_free(&v);
}

static void a_refused_call_waits_and_asks_once_until_something_changes(_unused_ void **state)
{
	int64_t bytes[] = { MB };
	struct invoker v;
	struct container *c;
	struct call *call;
	int pool;

	assert_int_equal(invoker_init(&v, 1, bytes, 4 * MB, TTL, KEEP, true), 0);
	pool = invoker_add_pool(&v, 0);
	invoker_admit(&v, pool, MB, 1, 0);
	call = arrive(&v, 0, 0);
	c = expect(&v, ACTION_RESERVE).container;
	invoker_reserved(&v, c, false, -1, 1);
	expect(&v, ACTION_NONE);
	assert_int_equal(v.n_queued, 1);
	assert_int_equal(v.pool[pool].used_bytes, 0);
	assert_false(call->cold);
	invoker_admit(&v, pool, MB, 1, 2);
	c = expect(&v, ACTION_RESERVE).container;
	assert_ptr_equal(c->call, call);
	/* Spilled: it is main's now. */
	invoker_reserved(&v, c, true, POOL_MAIN, 3);
	expect(&v, ACTION_START);
	assert_int_equal(v.pool[POOL_MAIN].used_bytes, MB);
	assert_int_equal(v.pool[pool].used_bytes, 0);
	invoker_free(&v);
}

static void prewarms_what_the_pool_has_room_for_and_asks_once(_unused_ void **state)
{
	int64_t bytes[] = { MB };
	struct invoker v;
	struct container *a, *b;
	int pool;

	assert_int_equal(invoker_init(&v, 1, bytes, 4 * MB, TTL, KEEP, true), 0);
	/* Without a pool there is nothing to hold ready. */
	invoker_prewarm(&v, 0, 3, 0);
	expect(&v, ACTION_NONE);
	pool = invoker_add_pool(&v, 0);
	invoker_admit(&v, pool, 2 * MB, 2, 1);
	a = expect(&v, ACTION_RESERVE).container;
	b = expect(&v, ACTION_RESERVE).container;
	expect(&v, ACTION_NONE);
	invoker_reserved(&v, a, true, pool, 2);
	assert_ptr_equal(expect(&v, ACTION_START).container, a);
	invoker_reserved(&v, b, false, -1, 2);
	expect(&v, ACTION_NONE);
	invoker_admit(&v, pool, 3 * MB, 3, 3);
	expect(&v, ACTION_NONE);
	invoker_ready(&v, a, 4);
	expect(&v, ACTION_NONE);
	/* A container that was there before its call serves it warm. */
	arrive(&v, 0, 5);
	assert_ptr_equal(expect(&v, ACTION_RUN).container, a);
	free(invoker_done(&v, a, 6));
	assert_int_equal(v.function[0].warm, 1);
	assert_int_equal(v.function[0].prewarmed, 1);
	assert_int_equal(v.function[0].starts, 1);
	/* Told again, it asks for what is missing, no more. */
	invoker_prewarm(&v, 0, 2, 7);
	expect(&v, ACTION_RESERVE);
	expect(&v, ACTION_NONE);
	invoker_free(&v);
}

static void a_dead_container_fails_its_call_only(_unused_ void **state)
{
	struct invoker v;
	struct container *c;
	struct call *call;

	set_up(&v, 1, MB);
	call = arrive(&v, 0, 0);
	c = expect(&v, ACTION_START).container;
	arrive(&v, 0, 1);
	assert_ptr_equal(invoker_died(&v, c, 2), call);
	free(call);
	assert_ptr_equal(expect(&v, ACTION_REMOVE).container, c);
	expect(&v, ACTION_NONE);
	assert_null(invoker_died(&v, c, 3));
	assert_int_equal(v.function[0].failed, 1);
	invoker_gone(&v, c, 4);
	expect(&v, ACTION_START);
	invoker_free(&v);
}

/* --- any events in any order */

#define FUNCTIONS 5
#define LIVE 4096

struct world {
	struct invoker v;
	uint64_t seed, draws;
	int64_t now, bytes[FUNCTIONS];
	struct container *live[LIVE]; /* told to start, reserve, run or go */
	enum action_kind doing[LIVE];
	int n_live;
	int64_t arrived, dropped, served, failed;
};

static uint64_t draw(struct world *w, uint64_t below)
{
	return random_key(w->seed, w->draws++) % below;
}

static void note(struct world *w, struct container *c, enum action_kind doing)
{
	for (int i = 0; i < w->n_live; i++) {
		if (w->live[i] == c) {
			w->doing[i] = doing;
			return;
		}
	}
	assert_true(w->n_live < LIVE);
	w->live[w->n_live] = c;
	w->doing[w->n_live++] = doing;
}

static void forget(struct world *w, int i)
{
	w->live[i] = w->live[--w->n_live];
	w->doing[i] = w->doing[w->n_live];
}

static void take_actions(struct world *w)
{
	struct action a;

	while ((a = invoker_next_action(&w->v)).kind != ACTION_NONE) {
		if (a.kind == ACTION_DROP) {
			assert_true(w->now - a.call->arrive_ns > TTL);
			free(a.call);
			w->dropped++;
		} else {
			note(w, a.container, a.kind);
		}
	}
}

static void let_die(struct world *w, int i)
{
	struct call *call = invoker_died(&w->v, w->live[i], w->now);

	w->failed += call != NULL;
	free(call);
}

static void finish_reservation(struct world *w, int i)
{
	struct container *c = w->live[i];
	const struct pool *p = &w->v.pool[c->pool];
	bool ok = c->counted && p->used_bytes <= p->admitted_bytes && draw(w, 4);

	if (!ok)
		forget(w, i);
	invoker_reserved(&w->v, c, ok, c->pool, w->now);
}

/* Something happens to one container. */
static void progress(struct world *w)
{
	int i = draw(w, w->n_live);
	struct container *c = w->live[i];

	if (w->doing[i] == ACTION_REMOVE) {
		forget(w, i);
		invoker_gone(&w->v, c, w->now);
	} else if (w->doing[i] == ACTION_RESERVE) {
		finish_reservation(w, i);
	} else if (c->state == CONTAINER_IDLE) {
		if (draw(w, 50) == 0)
			let_die(w, i);
	} else if (draw(w, 20) == 0) {
		let_die(w, i);
	} else if (w->doing[i] == ACTION_START) {
		invoker_ready(&w->v, c, w->now);
	} else {
		free(invoker_done(&w->v, c, w->now));
		w->served++;
	}
}

static void check_ledger(const struct world *w)
{
	const struct invoker *v = &w->v;
	int64_t used[FUNCTIONS + 1] = { 0 }, idle[FUNCTIONS + 1] = { 0 }, calls = v->n_queued;
	const struct container *c;

	TAILQ_FOREACH(c, &v->containers, all)
	{
		if (c->state != CONTAINER_PENDING && c->counted)
			used[c->pool] += w->bytes[c->function];
		if (c->state == CONTAINER_IDLE)
			idle[c->pool] += w->bytes[c->function];
		calls += c->call != NULL;
	}
	for (int p = 0; p < v->n_pools; p++) {
		assert_int_equal(v->pool[p].used_bytes, used[p]);
		assert_int_equal(v->pool[p].idle_bytes, idle[p]);
		assert_true(v->pool[p].leaving_bytes >= 0 && v->pool[p].promised_bytes >= 0);
	}
	for (int f = 0; f < FUNCTIONS; f++)
		calls += v->function[f].warm + v->function[f].cold + v->function[f].drop +
			 v->function[f].failed;
	assert_int_equal(calls, w->arrived);
}

static void step(struct world *w, int64_t memory)
{
	const struct pool *p;
	uint64_t what = draw(w, 100);

	w->now += draw(w, 8);
	if (what < 50) {
		arrive(&w->v, draw(w, FUNCTIONS), w->now);
		w->arrived++;
	} else if (what < 95) {
		if (w->n_live)
			progress(w);
	} else if (what < 97 && w->v.n_pools > 1) {
		invoker_admit(&w->v, 1, (int64_t)draw(w, 6) * w->bytes[0], -1, w->now);
	} else if (what < 98 && w->v.n_pools > 1) {
		invoker_prewarm(&w->v, 0, (int64_t)draw(w, 6), w->now);
	} else {
		invoker_tick(&w->v, w->now);
	}
	take_actions(w);
	check_ledger(w);
	/* Main's admission never changes here, so it is never exceeded. */
	p = &w->v.pool[POOL_MAIN];
	assert_true(p->used_bytes <= memory);
}

static void run_world(uint64_t seed, bool governed)
{
	struct world w = { .seed = seed };
	int64_t memory;

	memory = (int64_t)(3 + draw(&w, 12)) * MB;
	for (int f = 0; f < FUNCTIONS; f++)
		w.bytes[f] = (int64_t)(1 + draw(&w, 4)) * MB;
	assert_int_equal(invoker_init(&w.v, FUNCTIONS, w.bytes, memory, TTL, KEEP, governed), 0);
	if (governed)
		invoker_admit(&w.v, invoker_add_pool(&w.v, 0), 3 * w.bytes[0], -1, 0);
	for (int i = 0; i < 3000; i++)
		step(&w, memory);
	/* Left alone, everything ends and nothing but idle containers remains. */
	for (int i = 0; i < 20000 && (w.v.n_queued || w.n_live); i++) {
		w.now += 1 + draw(&w, TTL);
		if (w.n_live)
			progress(&w);
		invoker_tick(&w.v, w.now);
		take_actions(&w);
		check_ledger(&w);
	}
	assert_int_equal(w.v.n_queued, 0);
	assert_int_equal(w.served + w.dropped + w.failed, w.arrived);
	invoker_free(&w.v);
}

static void no_call_is_lost_and_no_byte_is_lent_twice(_unused_ void **state)
{
	uint64_t first = 20261123;

	print_message("seeds %llu to %llu\n", (unsigned long long)first,
		      (unsigned long long)first + 59);
	for (uint64_t i = 0; i < 60; i++)
		run_world(first + i, i % 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(evicts_the_least_recently_used),
		cmocka_unit_test(evicts_nothing_when_it_would_not_be_enough),
		cmocka_unit_test(drops_after_the_ttl_and_not_at_it),
		cmocka_unit_test(a_call_that_waits_for_eviction_is_not_dropped),
		cmocka_unit_test(keep_alive_ends_on_time_in_main_only),
		cmocka_unit_test(one_function_does_not_hold_back_another),
		cmocka_unit_test(a_shrinking_pool_evicts_its_idle_and_then_those_that_finish),
		cmocka_unit_test(a_refused_call_waits_and_asks_once_until_something_changes),
		cmocka_unit_test(prewarms_what_the_pool_has_room_for_and_asks_once),
		cmocka_unit_test(a_dead_container_fails_its_call_only),
		cmocka_unit_test(no_call_is_lost_and_no_byte_is_lent_twice),
	};

	return cmocka_run_group_tests_name("rig invoker", tests, NULL, NULL);
}
