// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Invariants 1 and 2 and the rules of pressure after every single write, on random plans, loads,
 * pressure, loans, guards, writes that fail and writes that take longer than their round: the decision
 * and its execution against a fake cgroup tree in memory. FAASMAT_TEST_SEED repeats a run,
 * FAASMAT_SEQUENCES makes it longer.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/clock.h"
#include "governor/act.h"
#include "governor/borrow.h"
#include "governor/targets.h"

#define MAX_N 8
#define TICKS 12
#define PAGES(x) ((int64_t)(x)*LIMIT_PAGE)

/* The kernel's side of the tree, and what tests it. */
struct fake {
	int64_t limit[MAX_N], low[MAX_N], current[MAX_N];
	int64_t reserved[MAX_N];
	int64_t in_flight[MAX_N]; /* a value on its way to the limit; -1: none */
	bool slow;		  /* writes may take longer than their round */
	struct pool_state pools[MAX_N];
	struct node_state node;
	struct decision d;
	bool begun;	 /* the sum has been within the budget once */
	bool extras;	 /* loans and guards */
	int fail;	 /* percent of writes and reads that fail */
	const char *why; /* which invariant broke */
};

static uint64_t seed;

static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static int64_t below(int64_t n)
{
	return n > 0 ? (int64_t)(draw() % (uint64_t)n) : 0;
}

static bool percent(int p)
{
	return below(100) < p;
}

static int64_t real_sum(const struct fake *f)
{
	int64_t sum = 0;

	for (size_t i = 0; i < f->node.n; i++)
		if (__builtin_add_overflow(sum, f->limit[i], &sum))
			return LIMIT_NONE;
	return sum;
}

static void judge(struct fake *f, int i, int64_t before, int64_t after)
{
	const struct pool_state *p = &f->node.pools[i];
	bool within = real_sum(f) <= f->node.budget;

	if (f->begun && !within)
		f->why = "invariant 1: the sum of the limits is above the budget";
	f->begun |= within;
	if (after < before && after < f->current[i] + f->node.margin)
		f->why = "invariant 2: lowered below memory.current + margin";
	if (after < before && after < f->reserved[i])
		f->why = "lowered below what is reserved";
	if (after < before && before <= f->node.budget && p->veto)
		f->why = "lowered under pressure";
	if (after < before && before <= f->node.budget && before - after > f->node.step)
		f->why = "lowered by more than a step";
	if (p->hands_off)
		f->why = "written while hands are off";
	if (after % LIMIT_PAGE && after != LIMIT_NONE)
		f->why = "not a whole page";
}

/* The value arrives. */
static void set_limit(struct fake *f, int i, int64_t value)
{
	int64_t before = f->limit[i];

	f->limit[i] = value;
	judge(f, i, before, value);
}

static int fake_write(void *arg, int i, enum change_kind file, int64_t value)
{
	struct fake *f = arg;
	bool fails = percent(f->fail);

	if (file == CHANGE_LOW && value > f->node.pools[i].limit)
		f->why = "more protected than there is limit";
	/* Half of the writes that fail have had their effect (a signal, a timeout). */
	if (fails && percent(50))
		return -5;
	if (file == CHANGE_LOW) {
		f->low[i] = value;
		return fails ? -4 : 0;
	}
	if (value < f->limit[i] && f->slow) {
		f->in_flight[i] = value;
		return -EINPROGRESS;
	}
	set_limit(f, i, value);
	return fails ? -4 : 0;
}

/* A lower that has begun arrives now, or in one of the next rounds. */
static int fake_result(void *arg, int i, enum change_kind file)
{
	struct fake *f = arg;

	(void)file;
	if (percent(30))
		return -EINPROGRESS;
	set_limit(f, i, f->in_flight[i]);
	f->in_flight[i] = -1;
	return percent(f->fail) ? -4 : 0;
}

static int fake_read(void *arg, int i, enum change_kind file, int64_t *ret)
{
	struct fake *f = arg;

	if (percent(f->fail))
		return -5;
	*ret = file == CHANGE_LOW ? f->low[i] : f->limit[i];
	return 0;
}

/* Memory in use moves between the tick's decision and its writes too. */
static void breathe(struct fake *f, int i)
{
	int64_t most = MIN(f->limit[i], f->node.budget);

	f->current[i] = percent(70) ? below(most + 1) : f->current[i] / 2;
}

static int fake_current(void *arg, int i, int64_t *ret)
{
	struct fake *f = arg;

	if (percent(f->fail))
		return -5;
	if (f->fail && percent(30))
		breathe(f, i);
	*ret = f->current[i];
	return 0;
}

static void fake_admit(void *arg, int i, int64_t bytes, int64_t containers)
{
	struct fake *f = arg;

	(void)containers;
	if (f->begun && bytes > f->node.pools[i].limit)
		f->why = "admitted more than the limit";
}

/* As much as the kernel gets, or nothing. */
static int fake_reclaim(void *arg, int i, int64_t to)
{
	struct fake *f = arg;
	const struct pool_state *p = &f->node.pools[i];

	if (p->veto)
		f->why = "reclaimed under pressure";
	if (p->limit <= wanted_limit(p))
		f->why = "reclaimed without need";
	if (to < p->unreclaimable + f->node.margin)
		f->why = "reclaimed below what cannot be reclaimed + margin";
	if (to + f->node.margin < p->used_bytes)
		f->why = "reclaimed what is reserved";
	if (percent(50))
		f->current[i] = to;
	return 0;
}

static const struct act_ops ops = { fake_write,	  fake_result, fake_read,
				    fake_current, fake_admit,  fake_reclaim };

static void random_plan(struct fake *f, struct pool_plan *plan)
{
	for (size_t i = 0; i + 1 < f->node.n; i++) {
		plan[i].bytes = percent(20) ? 0 : PAGES(below(f->node.budget / LIMIT_PAGE));
		plan[i].containers = plan[i].bytes ? below(20) : 0;
	}
}

static void set_targets(struct fake *f, const struct pool_plan *now, const struct pool_plan *next)
{
	struct pool_plan target[MAX_N];
	struct extra wish[MAX_N];
	int64_t left = f->node.budget, sum = 0;

	plan_targets(f->node.budget, 0.7, f->node.n - 1, now, next, target);
	for (size_t i = 1; i < f->node.n; i++) {
		f->pools[i].target_bytes = target[i - 1].bytes;
		f->pools[i].target_containers = target[i - 1].containers;
		left -= target[i - 1].bytes;
	}
	f->pools[0].target_bytes = left;
	for (size_t i = 0; i < f->node.n; i++)
		wish[i] = (struct extra){ percent(20)  ? PAGES(below(10000))
					  : percent(5) ? INT64_MAX
						       : 0,
					  percent(30) ? PAGES(below(10000)) : 0 };
	if (f->extras)
		grant_extras(&f->node, wish, 0, f->node.budget / 10);
	for (size_t i = 0; i < f->node.n; i++)
		sum += wanted_limit(&f->pools[i]);
	if (sum > f->node.budget)
		f->why = "more is wanted than there is";
}

/* Reservations as the table would take them; existing ones may be above what is admitted. */
static void random_load(struct fake *f)
{
	for (size_t i = 0; i < f->node.n; i++) {
		struct pool_state *p = &f->pools[i];

		if (percent(30))
			f->reserved[i] = percent(80) ? below(p->admitted_bytes + 1)
						     : f->reserved[i] / 2;
		if (percent(50))
			breathe(f, (int)i);
		p->used_bytes = f->reserved[i];
	}
}

static void observe(struct fake *f)
{
	for (size_t i = 0; i < f->node.n; i++) {
		struct pool_state *p = &f->pools[i];

		p->hands_off = percent(f->fail / 4) || f->in_flight[i] >= 0;
		p->current = f->current[i];
		p->veto = f->fail && percent(20) ? "pressure" : NULL;
		p->unreclaimable = below(p->current + 1);
		p->working_set = below(p->current + 1);
		/* Between the rounds what was on its way arrives. */
		if (f->in_flight[i] >= 0 && percent(50)) {
			f->limit[i] = f->in_flight[i];
			f->in_flight[i] = -1;
		}
		if (percent(f->fail)) {
			p->hands_off = true;
			continue;
		}
		p->limit = f->limit[i];
		p->low = f->low[i];
	}
}

static void start(struct fake *f)
{
	struct decision d = f->d;

	*f = (struct fake){ .d = d };
	f->node = (struct node_state){
		.budget = PAGES(1000 + below(100000)),
		.margin = PAGES(below(64)),
		.step = PAGES(1 + below(50000)),
		.n = (size_t)(2 + below(MAX_N - 1)),
		.pools = f->pools,
	};
	f->fail = percent(50) ? 0 : (int)below(40);
	f->slow = percent(30);
	f->extras = percent(70);
	for (size_t i = 0; i < f->node.n; i++) {
		f->pools[i].name = i ? "pool" : "main";
		f->pools[i].target_containers = f->pools[i].admitted_containers = i ? 0 : NO_COUNT;
		/* Fresh, without a limit yet, or what a crashed governor left. */
		f->limit[i] = percent(30)   ? 0
			      : percent(50) ? LIMIT_NONE
					    : PAGES(below(f->node.budget / LIMIT_PAGE));
		f->current[i] = below(MIN(f->limit[i], f->node.budget / (int64_t)f->node.n) + 1);
		f->pools[i].limit = f->limit[i];
		f->in_flight[i] = -1;
	}
	f->begun = real_sum(f) <= f->node.budget;
}

static void tick(struct fake *f, const struct pool_plan *now, const struct pool_plan *next)
{
	observe(f);
	set_targets(f, now, next);
	decide(&f->node, &f->d);
	act(&f->node, &f->d, &ops, f);
}

/* Without failures, and with everybody gone, every limit comes to its target exactly. */
static void settle(struct fake *f, const struct pool_plan *now)
{
	f->fail = 0;
	f->slow = f->extras = false;
	for (size_t i = 0; i < f->node.n; i++) {
		if (f->in_flight[i] >= 0)
			f->limit[i] = f->in_flight[i];
		f->in_flight[i] = -1;
		f->pools[i].guard_bytes = 0;
	}
	memset(f->current, 0, sizeof(f->current));
	memset(f->reserved, 0, sizeof(f->reserved));
	for (size_t i = 0; i < f->node.n; i++)
		f->pools[i].used_bytes = 0;
	for (int t = 0; t < 100 && (t < 3 || f->d.n_changes > 0); t++)
		tick(f, now, NULL);
	/* By small steps it takes too long to see the end. */
	if (f->d.n_changes > 0)
		return;
	for (size_t i = 0; i < f->node.n && !f->why; i++)
		if (f->limit[i] != f->pools[i].target_bytes &&
		    !(f->limit[i] > f->pools[i].target_bytes && f->limit[i] <= f->node.margin) &&
		    f->d.n_waits == 0)
			f->why = "settled beside the plan";
}

static bool run_sequence(struct fake *f)
{
	struct pool_plan now[MAX_N], next[MAX_N];

	start(f);
	random_plan(f, now);
	random_plan(f, next);
	for (int t = 0; t < TICKS && !f->why; t++) {
		if (t % 6 == 5) {
			memcpy(now, next, sizeof(now));
			random_plan(f, next);
		}
		random_load(f);
		tick(f, now, t % 6 >= 4 ? next : NULL);
	}
	if (!f->why)
		settle(f, now);
	return !f->why;
}

static void invariants_hold_after_every_write(void **state)
{
	const char *given = getenv("FAASMAT_TEST_SEED"), *more = getenv("FAASMAT_SEQUENCES");
	uint64_t first = given ? strtoull(given, NULL, 10) : (uint64_t)clock_stamp_us();
	int sequences = more ? atoi(more) : 20000;
	static struct fake f;
	int64_t began = clock_monotonic_ns();

	(void)state;
	assert_int_equal(decision_make_room(&f.d, MAX_N), 0);
	print_message("seed %llu\n", (unsigned long long)first);
	for (int i = 0; i < sequences; i++) {
		seed = (first + (uint64_t)i) * 0x9e3779b97f4a7c15ULL | 1;
		if (!run_sequence(&f)) {
			print_message("FAASMAT_TEST_SEED=%llu FAASMAT_SEQUENCES=1 repeats it\n",
				      (unsigned long long)first + (unsigned int)i);
			fail_msg("%s", f.why);
		}
	}
	print_message("%d sequences of %d ticks, %.0f a second\n", sequences, TICKS,
		      sequences * 1e9 / (double)(clock_monotonic_ns() - began));
	decision_free(&f.d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(invariants_hold_after_every_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
