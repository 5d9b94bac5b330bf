// SPDX-License-Identifier: GPL-2.0-or-later
/* What a pool's pressure says about its limit, and how low reclaim gets: each rule at its boundary. */
#include "tests/test.h"

#include "governor/floor.h"
#include "governor/pressure.h"
#include "governor/reclaim.h"

#define M(x) ((x)*MIB)

/* --- how low reclaim gets */

/* Of a pool on 6.12: anonymous, tmpfs, page cache, kernel memory, all different. */
static const char stat_text[] = "anon 104857600\n"
				"file 62914560\n"
				"kernel 8388608\n"
				"kernel_stack 1048576\n"
				"pagetables 2097152\n"
				"sock 0\n"
				"shmem 20971520\n"
				"inactive_anon 73400320\n"
				"active_anon 52428800\n"
				"inactive_file 31457280\n"
				"active_file 10485760\n"
				"unevictable 4194304\n"
				"slab_reclaimable 3145728\n"
				"slab_unreclaimable 1048576\n"
				"slab 4194304\n"
				"workingset_refault_anon 7\n"
				"workingset_refault_file 35\n"
				"pgscan 1000\n"
				"pgsteal 900\n";

static void the_floor_is_what_reclaim_cannot_take(void **state)
{
	struct memory_stat s;

	assert_true(memory_stat_parse(stat_text, &s));
	/* Kernel memory contains slab already. */
	assert_int_equal(unreclaimable(&s, 0), M(100) + M(20) + M(4) + M(8) - M(3));
	assert_int_equal(unreclaimable(&s, M(50)), M(100) + M(20) - M(50) + M(4) + M(5));
	/* Swap cannot take more than there is. */
	assert_int_equal(unreclaimable(&s, M(500)), M(4) + M(5));
	assert_int_equal(working_set(&s, M(180)), M(150));
	assert_int_equal(working_set(&s, M(10)), 0);
	assert_int_equal(s.refaults, 42);
	assert_int_equal(s.scanned, 1000);
	assert_int_equal(s.stolen, 900);
}

static void an_older_kernel_has_no_sum_of_kernel_memory(void **state)
{
	struct memory_stat s;

	assert_true(
		memory_stat_parse("anon 10\nkernel_stack 100\npagetables 20\npercpu 3\nslab 50\n"
				  "slab_reclaimable 40\n",
				  &s));
	assert_int_equal(unreclaimable(&s, 0), 10 + 100 + 20 + 3 + 50 - 40);
	assert_false(memory_stat_parse("", &s));
	assert_false(memory_stat_parse("some avg10=0.00\nanonymous 5\n", &s));
}

static void swap_is_usable_as_far_as_it_is_free_and_allowed(void **state)
{
	assert_int_equal(usable_swap(M(100), INT64_MAX, M(30), 60), M(100));
	assert_int_equal(usable_swap(M(100), M(50), M(30), 60), M(20));
	assert_int_equal(usable_swap(M(100), M(20), M(30), 60), 0);
	assert_int_equal(usable_swap(M(100), INT64_MAX, 0, 0), 0);
}

/* --- reclaim in batches */

static void batches_are_small_and_stop_at_the_goal(void **state)
{
	struct reclaim r;

	reclaim_set(&r, M(100), M(200));
	assert_int_equal(reclaim_next(&r, M(200)), M(32));
	reclaim_ended(&r, 0, M(168));
	assert_int_equal(reclaim_next(&r, M(120)), M(20));
	/* Less than asked for is still something. */
	reclaim_ended(&r, -EAGAIN, M(110));
	assert_true(r.active);
	assert_int_equal(reclaim_next(&r, M(110)), M(10));
	reclaim_ended(&r, -EINTR, M(99));
	assert_int_equal(reclaim_next(&r, M(99)), 0);
	assert_false(r.active);
}

static void reclaim_gives_up_when_it_is_no_use(void **state)
{
	struct reclaim r;

	reclaim_set(&r, M(100), M(200));
	for (int i = 0; i < 3; i++) {
		assert_true(reclaim_next(&r, M(200)) > 0);
		reclaim_ended(&r, -EAGAIN, M(200));
	}
	assert_int_equal(reclaim_next(&r, M(200)), 0);
	assert_false(r.active);
	/* An error that is no partial success ends it at once. */
	reclaim_set(&r, M(100), M(200));
	assert_true(reclaim_next(&r, M(200)) > 0);
	reclaim_ended(&r, -ENODEV, M(150));
	assert_int_equal(reclaim_next(&r, M(150)), 0);
	/* There is nothing to do. */
	reclaim_set(&r, M(200), M(200));
	assert_false(r.active);
}

/* --- pressure: a pool with a limit of 1000 MiB, half of it in use, whose counters stand at 0 */

struct fixture {
	struct pressure p;
	struct pressure_sample s;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->s = (struct pressure_sample){
		.minute = 100, .has_psi = true, .has_events = true, .has_stat = true
	};
	assert_int_equal(pressure_look(&f->p, &f->s, M(1000), M(500)), PRESSURE_NOTHING);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static enum pressure_event look(struct fixture *f)
{
	return pressure_look(&f->p, &f->s, M(1000), M(500));
}

static void health_is_no_veto(void **state)
{
	struct fixture *f = *state;

	f->s.memory = (struct psi){ 0.99, 0.99, 0 };
	f->s.io = (struct psi){ 19.9, 19.9, 19.9 };
	f->s.max = 1000000; /* page cache alone keeps a healthy pool at its max */
	f->s.refaults = 1280;
	assert_int_equal(look(f), PRESSURE_NOTHING);
	assert_null(pressure_says(&f->p, 100));
	assert_int_equal(pressure_wanted_limit(&f->p, 100), 0);
}

static void stalls_veto(void **state)
{
	struct fixture *f = *state;
	struct psi *const stalls[] = { &f->s.memory, &f->s.io };
	const double limits[] = { 1, 20 };

	for (size_t i = 0; i < 2; i++) {
		stalls[i]->some10 = limits[i];
		look(f);
		assert_non_null(pressure_says(&f->p, 100));
		stalls[i]->some10 = 0;
		stalls[i]->some60 = limits[i];
		look(f);
		assert_non_null(pressure_says(&f->p, 100));
		stalls[i]->some60 = 0;
		look(f);
		assert_null(pressure_says(&f->p, 100));
	}
}

static void refaults_veto(void **state)
{
	struct fixture *f = *state;

	/* One page in a hundred of 500 MiB. */
	f->s.refaults = 1281;
	look(f);
	assert_non_null(pressure_says(&f->p, 100));
	look(f);
	assert_null(pressure_says(&f->p, 100));
}

static void an_oom_kill_raises_and_vetoes(void **state)
{
	struct fixture *f = *state;

	f->s.oom = 1;
	assert_int_equal(look(f), PRESSURE_OOM);
	/* 20 % of 1000 are more than 100. */
	assert_int_equal(pressure_wanted_limit(&f->p, 100), M(1200));
	assert_non_null(pressure_says(&f->p, 100));
	f->s.minute = 110;
	assert_int_equal(look(f), PRESSURE_NOTHING);
	assert_null(pressure_says(&f->p, 110));
	f->s.minute = 161;
	assert_int_equal(look(f), PRESSURE_RELEASED);
	assert_int_equal(pressure_wanted_limit(&f->p, 161), 0);
}

static void a_small_pool_is_raised_by_a_hundred_mib(void **state)
{
	struct fixture *f = *state;

	f->s.oom = 1;
	pressure_look(&f->p, &f->s, M(200), M(199));
	assert_int_equal(pressure_wanted_limit(&f->p, 100), M(300));
}

static void the_first_sample_only_says_where_counters_stand(void **state)
{
	struct pressure p = { 0 };
	struct pressure_sample s = { .minute = 1, .has_events = true, .oom = 7, .max = 9 };

	assert_int_equal(pressure_look(&p, &s, M(10), M(5)), PRESSURE_NOTHING);
	assert_int_equal(pressure_wanted_limit(&p, 1), 0);
}

static void the_lowering_before_a_kill_is_taken_back_and_remembered(void **state)
{
	struct fixture *f = *state;

	pressure_lowered(&f->p, M(2000), M(1500), 95);
	pressure_lowered(&f->p, M(1500), M(1000), 99);
	f->s.oom = 1;
	assert_int_equal(look(f), PRESSURE_OOM);
	assert_int_equal(pressure_wanted_limit(&f->p, 100), M(2000));
	/* The guard ends, the memory of it stays for a day. */
	f->s.minute = 100 + 1440;
	look(f);
	assert_int_equal(pressure_wanted_limit(&f->p, f->s.minute), M(2000));
	f->s.minute++;
	look(f);
	assert_int_equal(pressure_wanted_limit(&f->p, f->s.minute), 0);
}

static void an_old_lowering_is_not_to_blame(void **state)
{
	struct fixture *f = *state;

	pressure_lowered(&f->p, M(2000), M(1000), 90);
	f->s.oom = 1;
	look(f);
	assert_int_equal(pressure_wanted_limit(&f->p, 100), M(1200));
}

static void a_leak_is_raised_three_times_only(void **state)
{
	struct fixture *f = *state;
	int64_t limit = M(1000);

	for (int i = 1; i <= 3; i++) {
		f->s.oom = i;
		assert_int_equal(pressure_look(&f->p, &f->s, limit, limit), PRESSURE_OOM);
		limit = pressure_wanted_limit(&f->p, 100);
	}
	f->s.oom = 4;
	assert_int_equal(pressure_look(&f->p, &f->s, limit, limit), PRESSURE_AGAIN);
	assert_int_equal(pressure_wanted_limit(&f->p, 100), limit);
}

static void full_with_stalls_or_refaults_is_raised_by_a_tenth(void **state)
{
	struct fixture *f = *state;

	f->s.max = 1;
	f->s.memory.some10 = 1;
	assert_int_equal(look(f), PRESSURE_FULL);
	assert_int_equal(pressure_wanted_limit(&f->p, 100), M(1100));
	/* Once a minute. */
	f->s.max = 2;
	assert_int_equal(look(f), PRESSURE_NOTHING);
	f->s.minute = 101;
	f->s.memory.some10 = 0;
	f->s.max = 3;
	f->s.refaults = 5000;
	assert_int_equal(look(f), PRESSURE_FULL);
	f->s.minute = 112;
	assert_int_equal(look(f), PRESSURE_RELEASED);
	assert_int_equal(pressure_wanted_limit(&f->p, 112), 0);
}

static void futile_reclaim_lifts_the_limit_and_quarantines(void **state)
{
	struct fixture *f = *state;

	/* The outage of the rule: 3 % stolen of what was scanned, all stalled. */
	f->s.scanned = 79400000;
	f->s.stolen = 2400000;
	f->s.memory = (struct psi){ 90, 90, 86 };
	assert_int_equal(look(f), PRESSURE_FUTILE);
	assert_int_equal(pressure_wanted_limit(&f->p, 100), INT64_MAX);
	f->s.memory = (struct psi){ 0 };
	f->s.minute = 160;
	look(f);
	assert_non_null(pressure_says(&f->p, 160));
	f->s.minute = 161;
	assert_int_equal(look(f), PRESSURE_RELEASED);
	assert_null(pressure_says(&f->p, 161));
	assert_int_equal(pressure_wanted_limit(&f->p, 161), 0);
}

static void reclaim_that_works_is_not_futile(void **state)
{
	struct fixture *f = *state;

	f->s.memory = (struct psi){ 90, 90, 86 };
	f->s.scanned = 100000;
	f->s.stolen = 10000;
	assert_int_equal(look(f), PRESSURE_NOTHING);
	/* Nor is a little of it. */
	f->s.scanned += 16383;
	assert_int_equal(look(f), PRESSURE_NOTHING);
	/* Nor without stalls. */
	f->s.scanned += 100000;
	f->s.memory.full10 = 9.9;
	assert_int_equal(look(f), PRESSURE_NOTHING);
}

static void no_limit_is_not_raised(void **state)
{
	struct fixture *f = *state;

	f->s.oom = 1;
	assert_int_equal(pressure_look(&f->p, &f->s, INT64_MAX, M(10)), PRESSURE_NOTHING);
}

static void kernel_texts_are_read(void **state)
{
	struct pressure_sample s = { 0 };
	struct psi psi;

	assert_true(psi_parse("some avg10=1.50 avg60=0.25 avg300=0.00 total=12345\n"
			      "full avg10=0.75 avg60=0.10 avg300=0.00 total=1234\n",
			      &psi));
	assert_true(psi.some10 == 1.5 && psi.some60 == 0.25 && psi.full10 == 0.75);
	assert_false(psi_parse("", &psi));
	assert_false(psi_parse("some avg10=1.50 avg60=0.25 total=1\n", &psi));
	assert_true(
		events_parse("low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\noom_group_kill 6\n", &s));
	assert_int_equal(s.max, 3);
	assert_int_equal(s.oom, 4);
	assert_false(events_parse("low 1\nmaximum 5\noom_kill 5\n", &s));
}

#define ON_POOL(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_floor_is_what_reclaim_cannot_take),
		cmocka_unit_test(an_older_kernel_has_no_sum_of_kernel_memory),
		cmocka_unit_test(swap_is_usable_as_far_as_it_is_free_and_allowed),
		cmocka_unit_test(batches_are_small_and_stop_at_the_goal),
		cmocka_unit_test(reclaim_gives_up_when_it_is_no_use),
		ON_POOL(health_is_no_veto),
		ON_POOL(stalls_veto),
		ON_POOL(refaults_veto),
		ON_POOL(an_oom_kill_raises_and_vetoes),
		ON_POOL(a_small_pool_is_raised_by_a_hundred_mib),
		cmocka_unit_test(the_first_sample_only_says_where_counters_stand),
		ON_POOL(the_lowering_before_a_kill_is_taken_back_and_remembered),
		ON_POOL(an_old_lowering_is_not_to_blame),
		ON_POOL(a_leak_is_raised_three_times_only),
		ON_POOL(full_with_stalls_or_refaults_is_raised_by_a_tenth),
		ON_POOL(futile_reclaim_lifts_the_limit_and_quarantines),
		ON_POOL(reclaim_that_works_is_not_futile),
		ON_POOL(no_limit_is_not_raised),
		cmocka_unit_test(kernel_texts_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
