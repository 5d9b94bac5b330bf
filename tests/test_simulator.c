// SPDX-License-Identifier: GPL-2.0-or-later
/* Properties of every policy on random loads, and what the simulator's parts promise. */
#include <math.h>

#include "simulator/hot.h"
#include "simulator/sweep.h"
#include "simulator/traces.h"
#include "tests/test.h"

static uint64_t state;

static int64_t draw(int64_t below)
{
	return test_random(&state) % below;
}

static void random_load(struct load *l)
{
	struct load_builder b = { 0 };
	size_t functions = 1 + draw(25), minutes = 2 + draw(14);
	char name[24];

	for (size_t i = 0; i < functions; i++) {
		int64_t busy = draw(4) ? 20 : 1500;
		struct load_function *f;

		snprintf(name, sizeof(name), "f%zu", i);
		assert_int_equal(load_add_function(&b, name), i);
		f = &b.load.function[i];
		f->memory = (1 + draw(200)) * MIB + draw(2) * draw(MIB);
		f->warm = draw(5) ? draw(busy > 1000 ? 300 : 5000) : 0;
		f->cold = f->warm + draw(60000);
		for (size_t m = 0; m < minutes; m++) {
			int64_t count = draw(2) ? draw(busy) : 0;

			assert_int_equal(load_add_count(&b, i, m, count), 0);
			f->calls += count;
		}
		f->calls = f->calls * MINUTES_PER_DAY / minutes;
	}
	assert_int_equal(load_finish(&b, minutes, l), 0);
}

static struct run_options random_options(const struct load *l, const struct prediction *p,
					 const uint32_t *located, size_t n)
{
	return (struct run_options){
		.policy = draw(N_POLICIES),
		.memory = load_largest(l, NULL) + draw(4 * GIB),
		.queue_ttl = draw(3)	? 10
			     : draw(10) ? draw(2000)
					: draw(70000),
		.keep_alive = draw(2) ? 600000 : draw(3) * draw(60000),
		.share = draw(101) / 100.0,
		.pool_factor = draw(3) ? 1 : 0.5 + draw(4),
		.arrivals = draw(3),
		.seed = draw(1000),
		.minutes = 1 + draw(l->n_minutes),
		.prediction = p,
		.located = located,
		.n_located = n,
		.parts = draw(3) ? PART_ALL : draw(PART_ALL + 1),
		.main_eviction = draw(2) ? EVICT_LRU : EVICT_GREEDY_DUAL,
		.target_drop = (1 + draw(20)) / 100.0,
		.quantile = 0.95,
		.per_minute = true,
	};
}

static void check_result(const struct load *l, const struct run_options *o,
			 const struct run_result *r)
{
	int64_t calls = 0, warm = 0, cold = 0, drop = 0, most = 0;

	for (size_t i = 0; i < l->n_functions; i++) {
		int64_t own = load_sum(l, i, 0, o->minutes);

		calls += own;
		assert_int_equal(r->function[i].invocations, own);
	}
	assert_int_equal(r->invocations, calls);
	assert_int_equal(r->warm + r->cold + r->drop + r->pending, calls);
	for (size_t m = 0; m < r->n_minutes; m++) {
		warm += r->minute[m].warm;
		cold += r->minute[m].cold;
		drop += r->minute[m].drop;
		most = MAX(most, r->minute[m].used);
	}
	assert_int_equal(warm, r->warm);
	assert_int_equal(cold, r->cold);
	assert_int_equal(drop, r->drop);
	assert_int_equal(most, r->max_memory);
	assert_true(r->max_memory <= o->memory);
	assert_true(r->mean_memory_mb * MIB <= r->max_memory * 1.000001 + 1);
	assert_true(r->idle_mb_minutes >= 0);
	assert_true(r->idle_mb_minutes <= r->mean_memory_mb * o->minutes * 1.000001 + 1);
}

static void same_result(const struct run_result *a, const struct run_result *b)
{
	assert_int_equal(a->warm, b->warm);
	assert_int_equal(a->cold, b->cold);
	assert_int_equal(a->drop, b->drop);
	assert_int_equal(a->prewarms, b->prewarms);
	assert_int_equal(a->max_memory, b->max_memory);
	assert_true(a->idle_mb_minutes == b->idle_mb_minutes);
	assert_memory_equal(a->function, b->function, a->n_functions * sizeof(*a->function));
	assert_memory_equal(a->minute, b->minute, a->n_minutes * sizeof(*a->minute));
}

/* The run's own books (simulate() returns -EBADMSG when they do not agree) and ours. */
static void test_conservation(void **unused)
{
	for (int i = 0; i < 100; i++) {
		struct locator_options rule = { RULE_TEXT, draw(3000), 0.1 };
		struct prediction p = { 0 };
		struct run_options o;
		struct run_result r, again;
		uint32_t *located = NULL;
		struct load l;
		size_t n = 0;

		random_load(&l);
		assert_int_equal(locate_hot(&l, &rule, &located, &n), 0);
		assert_int_equal(prediction_oracle(&l, located, n, &p), 0);
		o = random_options(&l, &p, located, n);
		if (simulate(&l, &o, &r) != 0)
			fail_msg("%s: %s (parts %x ttl %lld)", policy_name(o.policy), r.why,
				 o.parts, (long long)o.queue_ttl);
		check_result(&l, &o, &r);
		assert_int_equal(simulate(&l, &o, &again), 0);
		same_result(&r, &again);
		run_result_release(&r);
		run_result_release(&again);
		prediction_release(&p);
		load_release(&l);
		free(located);
	}
}

/* With memory for all and a keep-alive without end nothing is dropped, and every policy starts as few
 * containers as there is need for: one for a function that is called once at a time. */
static void test_plenty(void **unused)
{
	struct load_builder b = { 0 };
	struct run_result r;
	struct load l;

	load_add_function(&b, "only");
	b.load.function[0] = (struct load_function){
		.name = b.load.function[0].name, .memory = MIB, .warm = 100, .cold = 150
	};
	for (size_t m = 0; m < 30; m++)
		load_add_count(&b, 0, m, 20);
	assert_int_equal(load_finish(&b, 30, &l), 0);
	for (int policy = 0; policy < N_POLICIES; policy++) {
		struct run_options o = { .policy = policy,
					 .memory = GIB,
					 .queue_ttl = 10,
					 .keep_alive = 600000,
					 .share = 0.7,
					 .pool_factor = 1,
					 .minutes = 30,
					 .parts = PART_ALL,
					 .target_drop = 0.01 };

		assert_int_equal(simulate(&l, &o, &r), 0);
		assert_int_equal(r.cold, 1);
		assert_int_equal(r.warm, 599);
		run_result_release(&r);
	}
	load_release(&l);
}

struct collected {
	struct run_result result[12];
	size_t n;
};

static int collect(struct sweep_run *run, void *arg)
{
	struct collected *c = arg;

	c->result[c->n++] = run->result;
	run->result = (struct run_result){ 0 }; /* ours now */
	return 0;
}

static void sweep_all(const struct load *l, int threads, struct collected *c)
{
	struct sweep_run runs[12] = { 0 };
	size_t n = 0;

	for (int policy = POLICY_LRU; policy <= POLICY_SSMP_SIMPLE; policy++)
		runs[n++].options = (struct run_options){ .policy = policy,
							  .memory = GIB,
							  .queue_ttl = 10,
							  .keep_alive = 600000,
							  .share = 0.7,
							  .pool_factor = 1,
							  .arrivals = ARRIVALS_POISSON,
							  .seed = 7,
							  .minutes = l->n_minutes,
							  .per_minute = true };
	*c = (struct collected){ 0 };
	assert_int_equal(sweep(l, runs, n, threads, collect, c), 0);
	assert_int_equal(c->n, n);
}

static void test_threads(void **unused)
{
	struct collected one, four;
	struct load l;

	random_load(&l);
	sweep_all(&l, 1, &one);
	sweep_all(&l, 4, &four);
	for (size_t i = 0; i < one.n; i++) {
		same_result(&one.result[i], &four.result[i]);
		run_result_release(&one.result[i]);
		run_result_release(&four.result[i]);
	}
	load_release(&l);
}

static void test_arrivals(void **unused)
{
	enum { MOST = 70000 };
	uint16_t *ms = malloc(MOST * sizeof(*ms)), *scratch = malloc(MOST * sizeof(*scratch));

	for (int i = 0; i < 300; i++) {
		enum arrivals kind = i % 3;
		uint32_t count = draw(3) ? draw(100) : draw(MOST);

		arrivals_make(kind, 1, 2, i, count, ms, scratch);
		for (uint32_t k = 0; k < count; k++) {
			assert_true(ms[k] < 60000);
			assert_true(!k || ms[k] >= ms[k - 1]);
			if (kind == ARRIVALS_UNIFORM)
				assert_int_equal(ms[k], (uint64_t)k * 60000 / count);
		}
	}
	free(ms);
	free(scratch);
}

/* Below 17 values numpy's quicksort is an insertion sort and keeps the order of equals; above, it
 * must still sort. */
static void test_author_order(void **unused)
{
	uint32_t value[3000], index[3000];

	for (int round = 0; round < 200; round++) {
		size_t n = round < 50 ? 1 + draw(16) : 1 + draw(3000);

		for (size_t i = 0; i < n; i++) {
			value[i] = draw(round % 2 ? 10 : 100000);
			index[i] = i;
		}
		author_argsort(value, index, n);
		for (size_t i = 1; i < n; i++) {
			assert_true(value[index[i]] >= value[index[i - 1]]);
			if (n <= 16 && value[index[i]] == value[index[i - 1]])
				assert_true(index[i] > index[i - 1]);
		}
	}
}

static void test_too_little_memory(void **unused)
{
	struct run_options o = { .policy = POLICY_LRU, .memory = MIB, .minutes = 1 };
	struct run_result r;
	struct load l;

	assert_int_equal(
		traces_read_invocations("tests/data/simulator/azure2021.csv", 128 * MIB, &l), 0);
	assert_int_equal(l.total, 59);
	assert_int_equal(simulate(&l, &o, &r), -EINVAL);
	assert_non_null(strstr(r.why, "--memory 1M is less than one container"));
	run_result_release(&r);
	load_release(&l);
}

/* A run of 0 ms ends one millisecond before its container counts as idle; with no keep-alive at all it is
 * gone before the wheel has told of its end. */
static void test_instant_run(void **unused)
{
	struct pool_rules rules = { .queue_ttl = 10, .keep_alive = 0 };
	struct timeline *timeline = calloc(1, sizeof(*timeline));
	struct pool p;

	assert_int_equal(pool_init(&p, &rules, 0, 2, timeline), 0);
	p.capacity = p.limit = 15 * MIB;
	member_init(pool_member(&p, 0), 10 * MIB, 0, 0);
	member_init(pool_member(&p, 1), 10 * MIB, 50, 100);
	assert_true(pool_place(&p, 0, 0));
	assert_false(pool_place(&p, 1, 0)); /* memory is short from now on */
	pool_expire(&p, 5);
	assert_int_equal(p.live, 0);
	assert_int_equal(pool_idle_bytes(&p, 5), 0);
	assert_int_equal(pool_check(&p, 5), 0);
	assert_true(pool_place(&p, 1, 5));
	assert_int_equal(pool_idle_bytes(&p, 104), 0);
	assert_int_equal(pool_idle_bytes(&p, 105), 10 * MIB);
	assert_int_equal(pool_check(&p, 105), 0);
	pool_release(&p);
	free(timeline);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conservation),	  cmocka_unit_test(test_plenty),
		cmocka_unit_test(test_threads),		  cmocka_unit_test(test_arrivals),
		cmocka_unit_test(test_author_order),	  cmocka_unit_test(test_instant_run),
		cmocka_unit_test(test_too_little_memory),
	};

	state = test_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
