// SPDX-License-Identifier: GPL-2.0-or-later
/* The simulator against the thesis program's rules played naively (simulator_naive.h), and against
 * that program's own numbers (tests/data/thesis_simulator.csv). */
#include "simulator/hot.h"
#include "simulator/traces.h"
#include "tests/simulator_naive.h"
#include "tests/test.h"

#include "common/csv.h"

static uint64_t state;

static uint64_t draw(uint64_t below)
{
	return test_random(&state) % below;
}

/* A small node: some busy functions, some rare ones, ties and 0 ms runs among them. */
static void random_load(struct load *l, size_t functions, size_t minutes)
{
	struct load_builder b = { 0 };
	char name[24];

	for (size_t i = 0; i < functions; i++) {
		uint64_t kind = draw(4), busy = draw(kind == 0 ? 600 : 20);
		struct load_function *f;

		snprintf(name, sizeof(name), "f%zu", i);
		load_add_function(&b, name);
		f = &b.load.function[i];
		f->memory = (20 + draw(100)) * MIB;
		f->warm = draw(8) ? draw(kind == 0 ? 400 : 3000) : 0;
		f->cold = f->warm + draw(30000);
		for (size_t m = 0; m < minutes; m++) {
			int64_t count = draw(3) ? draw(busy + 1) : 0;

			load_add_count(&b, i, m, count);
			f->calls += count * 1440 / minutes;
		}
	}
	assert_int_equal(load_finish(&b, minutes, l), 0);
}

static struct run_options random_options(const struct load *l, enum policy policy)
{
	return (struct run_options){
		.policy = policy,
		.compat = true,
		.memory = MAX(load_largest(l, NULL), (int64_t)(200 + draw(2000)) * MIB),
		.queue_ttl = draw(4) ? draw(30) : draw(2000),
		.keep_alive = draw(2) ? 600000 : 1000 * (int64_t)(1 + draw(120)),
		.share = 0.7,
		.pool_factor = 1,
		.minutes = l->n_minutes - draw(2)
	};
}

static uint32_t java_bucket(const char *name)
{
	uint32_t h = 0;

	for (; *name; name++)
		h = 31 * h + (unsigned char)*name;
	return (h ^ h >> 16) & 15;
}

/* The order in which the program walks its predictions; at most 12 of them. */
static void java_order(const struct load *l, struct prediction *p)
{
	for (size_t i = 1; i < p->n_rows; i++)
		for (size_t k = i; k && java_bucket(l->function[p->row[k - 1].function].name) >
						java_bucket(l->function[p->row[k].function].name);
		     k--) {
			struct prediction_row row = p->row[k];

			p->row[k] = p->row[k - 1];
			p->row[k - 1] = row;
		}
}

static void compare_one(enum policy policy)
{
	static struct naive naive;
	struct load l;
	struct prediction p = { 0 };
	struct run_result r;
	uint32_t *located = NULL;
	struct locator_options program = { RULE_PROGRAM, 10000, 0.2 };
	struct run_options o;
	int64_t pending;
	int err;

	random_load(&l, 2 + draw(12), 4 + draw(6));
	o = random_options(&l, policy);
	assert_int_equal(locate_hot(&l, &program, &located, &o.n_located), 0);
	o.n_located = MIN(o.n_located, (size_t)10);
	o.located = located;
	if (policy == POLICY_DSMP)
		assert_int_equal(prediction_oracle(&l, located, o.n_located, &p), 0);
	java_order(&l, &p);
	o.prediction = &p;
	err = simulate(&l, &o, &r);
	if (err == -EINVAL && strstr(r.why, "no pool"))
		goto out;
	assert_int_equal(err, 0);
	memset(&naive, 0, sizeof(naive));
	pending = naive_run(&naive, &l, &o);
	assert_int_equal(r.warm, naive.warm);
	assert_int_equal(r.cold, naive.cold);
	assert_int_equal(r.drop, naive.drop);
	assert_int_equal(r.pending, pending);
out:
	run_result_release(&r);
	prediction_release(&p);
	load_release(&l);
	free(located);
}

static void test_lru(void **unused)
{
	for (int i = 0; i < 20; i++)
		compare_one(POLICY_LRU);
}

static void test_ssmp(void **unused)
{
	for (int i = 0; i < 20; i++)
		compare_one(POLICY_SSMP);
}

static void test_dsmp(void **unused)
{
	for (int i = 0; i < 40; i++)
		compare_one(POLICY_DSMP);
}

/* --- the program's own numbers */

struct golden {
	char policy[16], prediction[16];
	int64_t mb, ttl, minutes;
};

static int64_t number(const struct csv *c, const char *column)
{
	int64_t v;

	assert_int_equal(csv_int64(c, csv_column(c, column), 0, INT64_MAX, &v), 0);
	return v;
}

/* Runs what a row of the file asks for. */
static void run_golden(const struct load *l, const uint32_t *located, size_t n,
		       const struct golden *g, struct run_result *r)
{
	struct prediction p = { 0 };
	struct run_options o = { .compat = true,
				 .memory = g->mb * MIB,
				 .queue_ttl = g->ttl,
				 .keep_alive = 600000,
				 .share = 0.7,
				 .pool_factor = 1,
				 .minutes = g->minutes,
				 .located = located,
				 .n_located = n,
				 .prediction = &p };
	char policy[16];

	for (size_t i = 0; i < sizeof(policy); i++)
		policy[i] = g->policy[i] >= 'A' && g->policy[i] <= 'Z' ? g->policy[i] + 32
								       : g->policy[i];
	assert_int_equal(policy_parse(policy, &o.policy), 0);
	if (strcmp(g->prediction, "oracle") == 0)
		assert_int_equal(prediction_oracle(l, located, n, &p), 0);
	else if (strcmp(g->prediction, "flat") == 0)
		assert_int_equal(prediction_mean(l, located, n, &p), 0);
	assert_int_equal(simulate(l, &o, r), 0);
	prediction_release(&p);
}

static void check_row(const struct load *l, const struct csv *c, const struct run_result *r)
{
	const char *scope = csv_text(c, csv_column(c, "scope"));
	int64_t warm = r->warm, cold = r->cold, drop = r->drop;

	for (size_t i = 0; strcmp(scope, "all") != 0 && i < l->n_functions; i++)
		if (strncmp(l->function[i].name, scope, 4) == 0) {
			warm = r->function[i].warm;
			cold = r->function[i].cold;
			drop = r->function[i].drop;
			break;
		}
	assert_int_equal(warm, number(c, "warm"));
	assert_int_equal(cold, number(c, "cold"));
	assert_int_equal(drop, number(c, "drop"));
}

/* All rows of an hour; of the full days, which take their time under a sanitizer, one. */
static void test_thesis(void **unused)
{
	struct locator_options program = { RULE_PROGRAM, 10000, 1 };
	struct golden last = { 0 };
	struct run_result r = { 0 };
	uint32_t *located = NULL;
	struct csv c;
	struct load l;
	size_t n = 0;
	int rows = 0;

	assert_int_equal(
		traces_read_combined("tests/data/simulator/representative_functions.csv.gz", &l),
		0);
	assert_int_equal(l.total, 18452673);
	assert_int_equal(locate_hot(&l, &program, &located, &n), 0);
	assert_int_equal(csv_open(&c, "tests/data/simulator/thesis_simulator.csv"), 0);
	while (csv_next(&c) > 0) {
		struct golden g = { .mb = number(&c, "capacity_mb"),
				    .ttl = number(&c, "queue_ttl_ms"),
				    .minutes = number(&c, "minutes") };

		snprintf(g.policy, sizeof(g.policy), "%s", csv_text(&c, 0));
		snprintf(g.prediction, sizeof(g.prediction), "%s",
			 csv_text(&c, csv_column(&c, "prediction")));
		if (g.minutes == 1440 && (strcmp(g.prediction, "oracle") != 0 || g.mb != 16384))
			continue;
		if (memcmp(&g, &last, sizeof(g)) != 0) {
			run_result_release(&r);
			run_golden(&l, located, n, &g, &r);
			last = g;
		}
		check_row(&l, &c, &r);
		rows++;
	}
	assert_int_equal(rows, 13 * 6);
	run_result_release(&r);
	csv_close(&c);
	load_release(&l);
	free(located);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lru),
		cmocka_unit_test(test_ssmp),
		cmocka_unit_test(test_dsmp),
		cmocka_unit_test(test_thesis),
	};

	state = test_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
