// SPDX-License-Identifier: GPL-2.0-or-later
/* The locator on the paper's own load: 400 functions of one day (tests/data/README.md). */
#include <stdarg.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "common/csv.h"
#include "forecast/locator.h"

#define LOAD "tests/data/forecast/representative.csv"

struct hot {
	char name[32];
	double score;
};

static int by_score(const void *a, const void *b)
{
	const struct hot *x = a, *y = b;

	return x->score < y->score ? 1 : -1;
}

static size_t locate_load(enum locator_rule rule, struct hot *hot, size_t room)
{
	struct locator_options o = { rule, 10000, 1 };
	struct csv c = { 0 };
	size_t n = 0;

	assert_int_equal(csv_open(&c, LOAD), 0);
	while (csv_next(&c) == 1) {
		struct locator_input in = { .minutes = MINUTES_PER_DAY };
		struct locator_result r;
		double mb, ms;

		assert_int_equal(csv_double(&c, 1, 0, 1e12, &in.calls), 0);
		assert_int_equal(csv_double(&c, 2, 0, 1e6, &mb), 0);
		assert_int_equal(csv_double(&c, 3, 0, 1e9, &ms), 0);
		in.memory_bytes = (int64_t)(mb * MIB);
		in.warm_us = (int64_t)(ms * 1000);
		r = locator_judge(&in, &o);
		if (!r.hot)
			continue;
		assert_true(n < room);
		snprintf(hot[n].name, sizeof(hot[n].name), "%s", c.field[0]);
		hot[n++].score = r.score;
	}
	csv_close(&c);
	qsort(hot, n, sizeof(*hot), by_score);
	return n;
}

static void test_text_finds_three(void **state _unused_)
{
	struct hot hot[16];

	assert_int_equal(locate_load(RULE_TEXT, hot, ARRAY_SIZE(hot)), 3);
	assert_memory_equal(hot[0].name, "f1de", 4);
	assert_memory_equal(hot[1].name, "5608", 4);
	assert_memory_equal(hot[2].name, "6dc1", 4);
}

static void test_program_finds_five(void **state _unused_)
{
	static const char *const paper[] = { "f1de", "5608", "6dc1", "3a7e", "f4dc" };
	struct hot hot[16];

	assert_int_equal(locate_load(RULE_PROGRAM, hot, ARRAY_SIZE(hot)), ARRAY_SIZE(paper));
	for (size_t i = 0; i < ARRAY_SIZE(paper); i++)
		assert_memory_equal(hot[i].name, paper[i], 4);
}

/* The two conditions and their boundaries, each alone. */
static void test_both_conditions(void **state _unused_)
{
	const struct locator_options text = LOCATOR_DEFAULTS;
	const struct locator_options program = { RULE_PROGRAM, 10000, 1 };
	struct locator_input in = { 100 * MIB, 600000, 100 * 1440, 1440 };

	assert_false(locator_judge(&in, &text).hot); /* score exactly 10000 is not above it */
	assert_true(locator_judge(&in, &program).hot);
	in.calls = 101 * 1440;
	assert_true(locator_judge(&in, &text).hot);
	in.warm_us = 500000; /* parallelism 0.84 */
	assert_false(locator_judge(&in, &text).hot);
	assert_false(locator_judge(&in, &program).hot);
	/* 100.9 calls a minute are 100 to the program: 100 x 597 ms stays below a minute. */
	in = (struct locator_input){ 100 * MIB, 597000, 100.9 * 1440, 1440 };
	assert_false(locator_judge(&in, &program).hot);
	assert_true(locator_judge(&in, &text).parallelism > 1);
}

/* Half a day observed: the rate is per observed minute. Nothing observed: not hot, no NAN. */
static void test_partly_observed(void **state _unused_)
{
	const struct locator_options o = LOCATOR_DEFAULTS;
	struct locator_input in = { 200 * MIB, 600000, 101 * 720, 720 };

	assert_true(locator_judge(&in, &o).calls_per_minute == 101);
	assert_true(locator_judge(&in, &o).hot);
	in.calls = in.minutes = 0;
	assert_true(locator_judge(&in, &o).score == 0);
	assert_false(locator_judge(&in, &o).hot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_finds_three),
		cmocka_unit_test(test_program_finds_five),
		cmocka_unit_test(test_both_conditions),
		cmocka_unit_test(test_partly_observed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
