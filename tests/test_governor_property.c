// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Invariants 1 and 2 after every single write, on random plans, loads and failures: the decision and
 * its execution against a fake cgroup tree in memory. FAASMAT_SEED repeats a run, FAASMAT_SEQUENCES
 * makes it longer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/clock.h"
#include "governor/act.h"
#include "governor/targets.h"

#define MAX_N 8
#define TICKS 60
#define PAGES(x) ((int64_t)(x)*LIMIT_PAGE)

/* The kernel's side of the tree, and what tests it. */
struct fake {
	int64_t limit[MAX_N], low[MAX_N], current[MAX_N];
	int64_t reserved[MAX_N];
	struct pool_state pools[MAX_N];
	struct node_state node;
	struct decision d;
	bool begun;	 /* the sum has been within the budget once */
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
	bool within = real_sum(f) <= f->node.budget;

	if (f->begun && !within)
		f->why = "invariant 1: the sum of the limits is above the budget";
	f->begun |= within;
	if (after < before && after < f->current[i] + f->node.margin)
		f->why = "invariant 2: lowered below memory.current + margin";
	if (after < before && after < f->reserved[i])
		f->why = "lowered below what is reserved";
	if (after % LIMIT_PAGE && after != LIMIT_NONE)
		f->why = "not a whole page";
}

static int fake_write(void *arg, int i, enum change_kind file, int64_t value)
{
	struct fake *f = arg;
	int64_t *at = file == CHANGE_LOW ? &f->low[i] : &f->limit[i];
	int64_t before = *at;
	bool fails = percent(f->fail);

	/* Half of the writes that fail have had their effect (a signal, a timeout). */
	if (fails && percent(50))
		return -5;
	*at = value;
	if (file == CHANGE_LIMIT)
		judge(f, i, before, value);
	return fails ? -4 : 0;
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

static const struct act_ops ops = { fake_write, fake_read, fake_current, fake_admit };

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
	int64_t left = f->node.budget;

	plan_targets(f->node.budget, 0.7, f->node.n - 1, now, next, target);
	for (size_t i = 1; i < f->node.n; i++) {
		f->pools[i].target_bytes = target[i - 1].bytes;
		f->pools[i].target_containers = target[i - 1].containers;
		left -= target[i - 1].bytes;
	}
	f->pools[0].target_bytes = left;
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

		p->hands_off = percent(f->fail / 4);
		p->current = f->current[i];
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
	for (size_t i = 0; i < f->node.n; i++) {
		f->pools[i].name = i ? "pool" : "main";
		f->pools[i].target_containers = f->pools[i].admitted_containers = i ? 0 : NO_COUNT;
		/* Fresh, without a limit yet, or what a crashed governor left. */
		f->limit[i] = percent(30)   ? 0
			      : percent(50) ? LIMIT_NONE
					    : PAGES(below(f->node.budget / LIMIT_PAGE));
		f->current[i] = below(MIN(f->limit[i], f->node.budget / (int64_t)f->node.n) + 1);
		f->pools[i].limit = f->limit[i];
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
	memset(f->current, 0, sizeof(f->current));
	memset(f->reserved, 0, sizeof(f->reserved));
	for (size_t i = 0; i < f->node.n; i++)
		f->pools[i].used_bytes = 0;
	for (int t = 0; t < 3 + (int)(f->node.budget / f->node.step); t++)
		tick(f, now, NULL);
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
		if (t % 10 == 9) {
			memcpy(now, next, sizeof(now));
			random_plan(f, next);
		}
		random_load(f);
		tick(f, now, t % 10 >= 7 ? next : NULL);
	}
	if (!f->why)
		settle(f, now);
	return !f->why;
}

static void invariants_hold_after_every_write(void **state)
{
	const char *given = getenv("FAASMAT_SEED"), *more = getenv("FAASMAT_SEQUENCES");
	uint64_t first = given ? strtoull(given, NULL, 10) : (uint64_t)clock_stamp_us();
	int sequences = more ? atoi(more) : 3000;
	static struct fake f;
	int64_t began = clock_monotonic_ns();

	(void)state;
	assert_int_equal(decision_make_room(&f.d, MAX_N), 0);
	print_message("seed %llu\n", (unsigned long long)first);
	for (int i = 0; i < sequences; i++) {
		seed = (first + (uint64_t)i) * 0x9e3779b97f4a7c15ULL | 1;
		if (!run_sequence(&f)) {
			print_message("FAASMAT_SEED=%llu FAASMAT_SEQUENCES=1 repeats it\n",
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
