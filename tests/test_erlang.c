// SPDX-License-Identifier: GPL-2.0-or-later
/* Sizing for random arrivals: against published tables, against simulated queues, and the cap. */
#include "tests/test.h"

#include <math.h>

#include "forecast/demand.h"
#include "forecast/erlang.h"
#include "forecast/plan.h"
#include "forecast/random.h"
#include "forecast/sizing.h"

/* Erlang B: the offered load that n servers carry at a loss of 1 % (any traffic table, e.g. ITU-T
 * E.501's; given to three decimals). */
static void test_loss_table(void **state _unused_)
{
	static const struct {
		int64_t n;
		double load;
	} table[] = { { 1, 0.0101 },  { 5, 1.361 },   { 10, 4.461 },
		      { 20, 12.031 }, { 50, 37.901 }, { 100, 84.064 } };

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct erlang_queue q = { .warm_s = 2, .ttl_s = 0, .cv = 1 };
		double drop = erlang_drop(&q, table[i].load / 2, table[i].n);

		assert_true(fabs(drop - 0.01) < 1e-4);
		/* Erlang's formula does not depend on the distribution of service. */
		q.cv = 0;
		assert_true(erlang_drop(&q, table[i].load / 2, table[i].n) == drop);
	}
}

/* Against the formula's plain recursion; far below the load the other one begins at its fixed point,
 * nearly. */
static void test_gain(void **state _unused_)
{
	static const double load[] = { 0, 0.001, 5, 300 };

	for (size_t i = 0; i < ARRAY_SIZE(load); i++) {
		double before = 1;

		for (int64_t n = 1; n <= 330; n++) {
			double after = load[i] * before / ((double)n + load[i] * before);

			assert_true(fabs(erlang_gain(load[i], n) - (before - after)) < 1e-5);
			before = after;
		}
	}
}

/* Recursion from 0 and from near the load must agree where both are used. */
static void test_large_load(void **state _unused_)
{
	struct erlang_queue q = { .warm_s = 1, .ttl_s = 0, .cv = 1 };
	double b = 1, a = 4000;

	for (int64_t n = 1; n <= 4100; n++) {
		b = a * b / ((double)n + a * b);
		if (n % 97 == 0)
			assert_true(fabs(erlang_drop(&q, a, n) / b - 1) < 1e-4);
	}
}

/* Very patient: nothing is lost below saturation, 1 - n/a above it. */
static void test_limits(void **state _unused_)
{
	struct erlang_queue q = { .warm_s = 0.5, .ttl_s = 3600, .cv = 1 };

	assert_true(erlang_drop(&q, 10, 6) < 1e-9);
	assert_true(fabs(erlang_drop(&q, 20, 6) - 0.4) < 1e-6);
	assert_true(fabs(erlang_drop(&q, 12, 6)) < 1e-3); /* exactly saturated: vanishes slowly */
	assert_true(erlang_drop(&q, 1e6, 6) > 0.999);
	assert_true(erlang_drop(&q, 0, 6) == 0);
	assert_true(erlang_drop(&q, 3, 0) == 1);
	q.ttl_s = 0.01;
	for (double rate = 11.9; rate < 12.1; rate += 0.01) /* smooth through saturation */
		assert_true(fabs(erlang_drop(&q, rate + 0.01, 6) - erlang_drop(&q, rate, 6)) <
			    1e-3);
}

/* First come, first served by n servers; who would wait longer than ttl is dropped at once. */
static double simulate(double rate, double warm, double ttl, int n, bool fixed, uint64_t seed)
{
	enum { ARRIVALS = 400000, MOST = 64 };
	double free_at[MOST] = { 0 }, now = 0;
	int dropped = 0;

	for (int i = 0; i < ARRIVALS; i++) {
		int first = 0;

		now += random_exponential(&seed) / rate;
		for (int k = 1; k < n; k++)
			if (free_at[k] < free_at[first])
				first = k;
		if (free_at[first] - now > ttl)
			dropped++;
		else
			free_at[first] = MAX(free_at[first], now) +
					 (fixed ? warm : warm * random_exponential(&seed));
	}
	return (double)dropped / ARRIVALS;
}

static void test_simulated_arrivals(void **state _unused_)
{
	static const struct {
		double load, ttl; /* in service times */
		int n;
	} runs[] = { { 0.7, 0.5, 1 }, { 3, 0, 4 },     { 3, 0.3, 4 },	{ 6, 0.3, 4 },
		     { 12, 1, 4 },    { 18, 0.2, 20 }, { 20, 0.5, 20 }, { 30, 0.1, 20 } };

	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		struct erlang_queue q = { 0.2, runs[i].ttl * 0.2, 1 };
		double rate = runs[i].load / 0.2;
		double want = erlang_drop(&q, rate, runs[i].n);
		double got = simulate(rate, 0.2, q.ttl_s, runs[i].n, false, i + 1);

		print_message("load %g, %d containers, ttl %g: %.4f simulated %.4f\n", runs[i].load,
			      runs[i].n, runs[i].ttl, want, got);
		assert_true(fabs(want - got) < 0.004);
	}
}

/* Fixed warm times: the corrected formula is near the simulation, and nearer than the plain one. */
static void test_fixed_times(void **state _unused_)
{
	static const double loads[] = { 3, 4, 6 };

	for (size_t i = 0; i < ARRAY_SIZE(loads); i++) {
		struct erlang_queue fixed = { 0.2, 0.1, 0 }, random = { 0.2, 0.1, 1 };
		double rate = loads[i] / 0.2;
		double got = simulate(rate, 0.2, 0.1, 4, true, i + 1);
		double corrected = erlang_drop(&fixed, rate, 4),
		       plain = erlang_drop(&random, rate, 4);

		print_message("load %g: simulated %.4f, corrected %.4f, plain %.4f\n", loads[i],
			      got, corrected, plain);
		assert_true(fabs(corrected - got) <= fabs(plain - got) + 1e-3);
		assert_true(fabs(corrected - got) < 0.01);
	}
}

static void test_least_size(void **state _unused_)
{
	srand((unsigned int)test_seed());
	for (int i = 0; i < 300; i++) {
		struct erlang_queue q = { (1 + rand() % 3000) / 1000.0, rand() % 100 / 1000.0, 1 };
		struct erlang_rates r = { .n = 3, .weight = { 0.3, 0.6, 0.1 } };
		double target = pow(10, -1 - rand() % 4), most;
		int64_t n;

		for (int k = 0; k < r.n; k++)
			r.rate[k] = rand() % 10000 / 100.0;
		n = erlang_size(&q, &r, target, rand() % 400);
		most = target * erlang_mean(&r);
		assert_true(erlang_drops(&q, &r, n) <= most);
		if (n > 0)
			assert_true(erlang_drops(&q, &r, n - 1) > most);
	}
}

/* An uncertain rate needs more containers than its mean does; a Poisson count's own scatter is not
 * taken for uncertainty. */
static void test_rates(void **state _unused_)
{
	static const double level[] = { 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99 };
	static const double poisson[] = { 568, 583, 600, 616, 632, 641, 658 }; /* mean 600 */
	static const double wide[] = { 200, 400, 600, 800, 1000, 1100, 1300 };
	struct erlang_queue q = { 0.5, 0.01, 1 };
	struct erlang_rates sure, unsure;

	erlang_rates_from_quantiles(600, poisson, level, 7, 1, &sure);
	erlang_rates_from_quantiles(600, wide, level, 7, 1, &unsure);
	assert_true(fabs(erlang_mean(&sure) - 10) < 0.1);
	assert_true(fabs(erlang_mean(&unsure) - 10) < 0.1);
	assert_true(sure.rate[sure.n - 1] - sure.rate[0] < 1.5);
	assert_true(unsure.rate[unsure.n - 1] - unsure.rate[0] > 15);
	assert_true(erlang_size(&q, &unsure, 0.01, 1) > erlang_size(&q, &sure, 0.01, 1) + 1);
}

/* --- growth */

static struct forecast make_forecast(const double *count, size_t n,
				     const struct forecast_options *o)
{
	struct series s = { .step = 1 };
	struct forecast f;

	assert_int_equal(forecast_alloc(&f, &s, o, n), 0);
	for (size_t i = 0; i < n; i++) {
		f.mean[i] = count[i];
		for (size_t k = 0; k < o->n_quantiles; k++)
			f.q[i * o->n_quantiles + k] = count[i];
	}
	return f;
}

static void test_grows_early(void **state _unused_)
{
	/* 1 s each: n x 60 invocations are n busy containers. */
	static const double count[] = { 60, 60, 60, 60, 600, 600, 600, 60, 600, 60, 60, 60 };
	struct forecast_options fo = { .n_quantiles = 1, .quantile = { 0.9 } };
	struct demand_options o = { .sizing = SIZING_FLOW,
				    .quantile = 0.9,
				    .hold_minutes = 2,
				    .service_cv = 1,
				    .policy = POLICY_DYNAMIC };
	struct demand_times t = { 1000000, 90000000, 1 }; /* 90 s cold: two minutes early */
	_cleanup_forecast_ struct forecast f = make_forecast(count, ARRAY_SIZE(count), &fo);
	int64_t n[ARRAY_SIZE(count)];

	assert_int_equal(demand_containers(&f, &fo, &t, &o, n), 0);
	assert_int_equal(n[1], 1);
	/* Two minutes early, and nine more while nine are starting (for longer than the minute). */
	assert_int_equal(n[2], 10 + 9);
	assert_int_equal(n[3], 10);
	assert_int_equal(n[4], 10);
	assert_int_equal(n[7], 10); /* the dip of one minute is filled */
	assert_int_equal(n[8], 10);
	assert_int_equal(n[9], 1);
}

static void test_static_erlang(void **state _unused_)
{
	double count[100];
	struct forecast_options fo = { .n_quantiles = 1, .quantile = { 0.9 } };
	struct demand_options o = { .sizing = SIZING_ERLANG,
				    .target_drop = 0.01,
				    .service_cv = 1,
				    .policy = POLICY_STATIC };
	struct demand_times t = { 1000000, 0, 1 };
	_cleanup_forecast_ struct forecast f = { 0 };
	int64_t n[100];

	for (int i = 0; i < 100; i++)
		count[i] = 4.461 * 60; /* the table's load for 10 servers at 1 % */
	f = make_forecast(count, 100, &fo);
	assert_int_equal(demand_containers(&f, &fo, &t, &o, n), 0);
	assert_int_equal(n[0], 10);
	assert_int_equal(n[99], 10);
}

/* --- the cap gives bytes where they save most drops: against trying everything */

struct two_pools {
	struct erlang_queue q[2];
	struct erlang_rates r[2];
};

static double drops(void *arg, size_t pool, size_t minute _unused_, int64_t n)
{
	struct two_pools *t = arg;

	return erlang_drops(&t->q[pool], &t->r[pool], n);
}

static void test_cap_saves_most(void **state _unused_)
{
	srand((unsigned int)test_seed());
	for (int round = 0; round < 200; round++) {
		struct two_pools t;
		_cleanup_plan_ struct plan p = { 0 };
		double best = INFINITY, got = 0;
		int64_t most = 40, cap;

		assert_int_equal(plan_alloc(&p, 2, 1), 0);
		for (int k = 0; k < 2; k++) {
			t.q[k] = (struct erlang_queue){ (1 + rand() % 20) / 10.0, 0.01, 1 };
			t.r[k] = (struct erlang_rates){ 1, { 1 + rand() % 30 }, { 1 } };
			p.pool[k].unit_bytes = 64 * MIB; /* equal ones: greedy is then exact */
			p.pool[k].containers[0] = most;
			p.pool[k].score = k;
		}
		p.drops = drops;
		p.arg = &t;
		p.cap_bytes = cap = (20 + rand() % 60) * 64 * MIB;
		assert_int_equal(plan_cap(&p), 0);
		assert_true(p.pool[0].bytes[0] + p.pool[1].bytes[0] <= cap);
		for (int k = 0; k < 2; k++)
			got += drops(&t, (size_t)k, 0, p.pool[k].containers[0]);
		for (int64_t a = 0; a <= most; a++)
			for (int64_t b = 0; b <= most && (a + b) * 64 * MIB <= cap; b++)
				best = MIN(best, drops(&t, 0, 0, a) + drops(&t, 1, 0, b));
		assert_true(got <= best + 1e-9);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loss_table),
		cmocka_unit_test(test_large_load),
		cmocka_unit_test(test_gain),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_simulated_arrivals),
		cmocka_unit_test(test_fixed_times),
		cmocka_unit_test(test_least_size),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_grows_early),
		cmocka_unit_test(test_static_erlang),
		cmocka_unit_test(test_cap_saves_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
