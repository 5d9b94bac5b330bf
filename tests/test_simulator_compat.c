// SPDX-License-Identifier: GPL-2.0-or-later
/* The simulator against the thesis program's rules played naively (simulator_naive.h), and against
 * that program's own numbers (tests/data/thesis_simulator.csv). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <time.h>

#include "simulator/hot.h"
#include "simulator/traces.h"
#include "tests/simulator_naive.h"

static uint64_t state;

static uint64_t draw(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 11) % below;
}

/* A small node: some busy functions, some rare ones, ties and 0 ms runs among them. */
static void random_load(struct load *l, size_t functions, size_t minutes)
{
	struct load_builder b = { 0 };
	char name[16];

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
	return (struct run_options){ .policy = policy,
				     .compat = true,
				     .memory = MAX(load_largest(l, NULL),
						   (int64_t)(200 + draw(2000)) * MIB),
				     .queue_ttl = draw(4) ? draw(30) : draw(2000),
				     .keep_alive = draw(2) ? 600000 : 1000 * (int64_t)(1 + draw(120)),
				     .share = 0.7,
				     .pool_factor = 1,
				     .minutes = l->n_minutes - draw(2) };
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
	/* Names f0..f11 fall into a HashMap's buckets in this order. */
	for (size_t i = 0; i < p.n_rows; i++)
		for (size_t k = i + 1; k < p.n_rows; k++) {
			uint32_t a = 102 * 31 + l.function[p.row[i].function].name[1];
			uint32_t b = 102 * 31 + l.function[p.row[k].function].name[1];

			if (strlen(l.function[p.row[i].function].name) > 2)
				a = a * 31 + l.function[p.row[i].function].name[2];
			if (strlen(l.function[p.row[k].function].name) > 2)
				b = b * 31 + l.function[p.row[k].function].name[2];
			if (((a ^ a >> 16) & 15) > ((b ^ b >> 16) & 15)) {
				struct prediction_row row = p.row[i];

				p.row[i] = p.row[k];
				p.row[k] = row;
			}
		}
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

static void test_lru(void **_)
{
	(void)_;
	for (int i = 0; i < 20; i++)
		compare_one(POLICY_LRU);
}

static void test_ssmp(void **_)
{
	(void)_;
	for (int i = 0; i < 20; i++)
		compare_one(POLICY_SSMP);
}

static void test_dsmp(void **_)
{
	(void)_;
	for (int i = 0; i < 40; i++)
		compare_one(POLICY_DSMP);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lru),
		cmocka_unit_test(test_ssmp),
		cmocka_unit_test(test_dsmp),
	};

	state = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL);
	print_message("seed %llu\n", (unsigned long long)state);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
