// SPDX-License-Identifier: GPL-2.0-or-later
/* Loans and guards out of what main does not use, and the breaker. */
#include "tests/test.h"

#include "governor/borrow.h"
#include "governor/breaker.h"

#define M(x) ((x)*MIB)

/* A node of 1000 MiB, margin 16: main's target is 600, of which its containers have reserved 300. */
struct fixture {
	struct pool_state pools[3];
	struct node_state node;
	struct extra wish[3];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->node = (struct node_state){
		.budget = M(1000), .margin = M(16), .step = M(1000), .n = 3, .pools = f->pools
	};
	f->pools[0] = (struct pool_state){ .target_bytes = M(600), .used_bytes = M(300) };
	f->pools[1].target_bytes = f->pools[2].target_bytes = M(200);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static void main_keeps_what_it_needs(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(main_unused(&f->node, 0), M(284));
	assert_int_equal(main_unused(&f->node, M(100)), M(184));
	f->pools[0].working_set = M(400);
	assert_int_equal(main_unused(&f->node, 0), M(184));
	f->pools[0].working_set = M(600);
	assert_int_equal(main_unused(&f->node, 0), 0);
}

static void a_loan_comes_from_main(void **state)
{
	struct fixture *f = *state;

	f->wish[1].borrow = M(50);
	assert_int_equal(grant_extras(&f->node, f->wish, 0, M(100)), M(50));
	assert_int_equal(f->pools[1].target_bytes, M(250));
	assert_int_equal(f->pools[0].target_bytes, M(550));
	assert_int_equal(f->pools[2].target_bytes, M(200));
}

static void loans_are_bounded_and_shared(void **state)
{
	struct fixture *f = *state;

	f->wish[1].borrow = M(300);
	f->wish[2].borrow = M(100);
	assert_int_equal(grant_extras(&f->node, f->wish, 0, M(100)), M(100));
	/* A wish counts for no more than all that there is. */
	assert_int_equal(f->wish[1].borrow, M(50));
	assert_int_equal(f->wish[2].borrow, M(50));
	assert_int_equal(f->pools[0].target_bytes, M(500));
}

static void guards_come_before_loans(void **state)
{
	struct fixture *f = *state;

	f->wish[1].guard = INT64_MAX;
	f->wish[2].borrow = M(50);
	assert_int_equal(grant_extras(&f->node, f->wish, 0, M(100)), 0);
	assert_int_equal(f->pools[1].guard_bytes, M(284));
	assert_int_equal(f->pools[1].target_bytes, M(200));
	assert_int_equal(f->pools[0].target_bytes, M(316));
}

static void an_old_guard_is_forgotten(void **state)
{
	struct fixture *f = *state;

	f->pools[1].guard_bytes = M(10);
	grant_extras(&f->node, f->wish, 0, M(100));
	assert_int_equal(f->pools[1].guard_bytes, 0);
	assert_int_equal(f->pools[0].target_bytes, M(600));
}

static void a_loan_lasts_for_the_minute_after(void **state)
{
	struct loan l = { 0 };

	assert_int_equal(loan_need(&l, 5, M(10)), M(10));
	assert_int_equal(loan_need(&l, 5, M(3) + 1), M(10));
	assert_int_equal(loan_need(&l, 6, 0), M(10));
	assert_int_equal(loan_need(&l, 7, M(2) + 1), M(2) + LIMIT_PAGE);
	assert_int_equal(loan_need(&l, 20, -M(100)), 0);
	assert_int_equal(loan_count(&l, 40, 3), 3);
	assert_int_equal(loan_count(&l, 41, -1), 3);
	assert_int_equal(loan_count(&l, 42, -1), 0);
}

static void main_gets_what_pools_do_not_use(void **state)
{
	struct fixture *f = *state;
	struct pool_state *p = f->pools;

	p[1].used_bytes = M(50);
	p[1].target_containers = 20;
	p[1].used_containers = 5;
	p[2].working_set = M(150);
	/* Half of what lies idle, 150 and 50, is its guard, in proportion. */
	p[0].used_bytes = M(584);
	assert_int_equal(relieve_main(&f->node), M(100));
	assert_int_equal(p[0].target_bytes, M(600));
	assert_int_equal(p[0].guard_bytes, M(100));
	assert_int_equal(p[1].target_bytes, M(125));
	assert_int_equal(p[1].target_containers, 12);
	assert_int_equal(p[2].target_bytes, M(175));
	/* What it needs comes first: 40 of 100, then half of 60. */
	p[0].used_bytes = M(624);
	assert_int_equal(relieve_main(&f->node), M(70));
	assert_int_equal(p[0].target_bytes, M(640));
	assert_int_equal(p[0].guard_bytes, M(30));
	/* What they use stays theirs. */
	p[0].used_bytes = M(900);
	assert_int_equal(relieve_main(&f->node), M(30));
	assert_int_equal(p[0].target_bytes, M(670));
	assert_int_equal(p[1].target_bytes, M(50));
	assert_int_equal(p[1].target_containers, 5);
	assert_int_equal(p[2].target_bytes, M(150));
	assert_int_equal(relieve_main(&f->node), 0);
}

static void three_absurd_plans_in_a_row_open_the_breaker(void **state)
{
	struct breaker b = { 0 };

	assert_false(breaker_plan(&b, "x"));
	assert_false(breaker_plan(&b, "x"));
	assert_false(breaker_plan(&b, NULL));
	assert_false(breaker_plan(&b, "x"));
	assert_false(breaker_plan(&b, "x"));
	assert_true(breaker_plan(&b, "x"));
	assert_true(b.open);
	assert_non_null(strstr(breaker_says(&b), "absurd"));
	/* Said once. */
	assert_false(breaker_plan(&b, "x"));
}

static void five_failed_rounds_in_a_row_open_the_breaker(void **state)
{
	struct breaker b = { 0 };

	for (int i = 0; i < 4; i++)
		assert_false(breaker_writes(&b, 0, 3));
	/* Something works. */
	assert_false(breaker_writes(&b, 1, 7));
	for (int i = 0; i < 4; i++) {
		assert_false(breaker_writes(&b, 0, 1));
		/* A round with nothing to write says nothing. */
		assert_false(breaker_writes(&b, 0, 0));
	}
	assert_true(breaker_writes(&b, 0, 1));
	assert_non_null(strstr(breaker_says(&b), "write"));
}

static void absurd_plans_are_told_from_large_ones(void **state)
{
	struct pool_plan plan[2] = { { M(9000), 1 }, { M(1000), 1 } };

	assert_null(plan_fault(plan, 2, M(1000)));
	plan[1].bytes++;
	assert_non_null(plan_fault(plan, 2, M(1000)));
	plan[0] = (struct pool_plan){ INT64_MAX, 1 };
	plan[1] = (struct pool_plan){ INT64_MAX, 1 };
	assert_non_null(plan_fault(plan, 2, M(1000)));
	plan[0] = (struct pool_plan){ -1, 1 };
	plan[1] = (struct pool_plan){ 0, 0 };
	assert_non_null(plan_fault(plan, 2, M(1000)));
	plan[0] = (struct pool_plan){ 1, -1 };
	assert_non_null(plan_fault(plan, 2, M(1000)));
	assert_null(plan_fault(plan, 0, M(1000)));
}

#define ON_NODE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_NODE(main_keeps_what_it_needs),
		ON_NODE(a_loan_comes_from_main),
		ON_NODE(loans_are_bounded_and_shared),
		ON_NODE(guards_come_before_loans),
		ON_NODE(an_old_guard_is_forgotten),
		cmocka_unit_test(a_loan_lasts_for_the_minute_after),
		ON_NODE(main_gets_what_pools_do_not_use),
		cmocka_unit_test(three_absurd_plans_in_a_row_open_the_breaker),
		cmocka_unit_test(five_failed_rounds_in_a_row_open_the_breaker),
		cmocka_unit_test(absurd_plans_are_told_from_large_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
