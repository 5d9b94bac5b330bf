// SPDX-License-Identifier: GPL-2.0-or-later
/* governor/planner: when a plan is made, and that its process never holds the governor up. */
#include "tests/test.h"

#include "governor/planner.h"

static const struct planner_rule midnight = { .at = 0, .every = PLANNER_NEVER };

static void a_day_is_planned_once(void **state)
{
	struct planner_state s = PLANNER_IDLE;
	int runs = 0;

	for (int64_t minute = 600; minute < 600 + 3 * 1440; minute++) {
		if (!planner_is_due(&midnight, &s, minute, minute % 1440, true))
			continue;
		assert_int_equal(minute % 1440, 0);
		s.last = minute;
		runs++;
		/* The rest of that minute's ticks. */
		assert_false(planner_is_due(&midnight, &s, minute, 0, true));
	}
	assert_int_equal(runs, 3);
}

static void no_plan_does_not_wait_for_midnight(void **state)
{
	struct planner_state s = PLANNER_IDLE;

	assert_true(planner_is_due(&midnight, &s, 600, 600, false));
	s.last = 600;
	assert_false(planner_is_due(&midnight, &s, 609, 609, false));
	assert_true(planner_is_due(&midnight, &s, 610, 610, false));
	/* A failure is tried again too, though an old plan still holds. */
	assert_false(planner_is_due(&midnight, &s, 610, 610, true));
	s.failed = true;
	assert_true(planner_is_due(&midnight, &s, 610, 610, true));
}

static void renewals_keep_their_distance(void **state)
{
	const struct planner_rule rule = { .at = PLANNER_NEVER, .every = 10 };
	struct planner_state s = PLANNER_IDLE;
	int runs = 0;

	for (int64_t minute = 3; minute < 103; minute++)
		if (planner_is_due(&rule, &s, minute, (int)minute, true)) {
			s.last = minute;
			runs++;
		}
	assert_int_equal(runs, 10);
	/* The clock is set back an hour: nothing happens until it has caught up. */
	assert_false(planner_is_due(&rule, &s, s.last - 60, 0, true));
	assert_true(planner_is_due(&rule, &s, s.last + 10, 0, true));
}

static void never_is_never(void **state)
{
	const struct planner_rule rule = { PLANNER_NEVER, PLANNER_NEVER };
	struct planner_state s = PLANNER_IDLE;

	assert_false(planner_is_due(&rule, &s, 600, 0, false));
}

static bool reaped_within(struct planner_state *s, int ms)
{
	for (; ms > 0; ms -= 10) {
		if (planner_reap(s))
			return true;
		usleep(10000);
	}
	return false;
}

static void processes_end_as_they_end(void **state)
{
	char *good[] = { "/bin/sh", "-c", "exit 0", NULL };
	char *bad[] = { "/bin/sh", "-c", "exit 3", NULL };
	char *none[] = { "/no/such/program", NULL };
	char *slow[] = { "/bin/sleep", "1000", NULL };
	struct planner_state s = PLANNER_IDLE;

	assert_true(planner_reap(&s)); /* none runs */
	assert_int_equal(planner_start(&s, 1, good), 0);
	assert_true(reaped_within(&s, 10000));
	assert_false(s.failed);
	assert_int_equal(planner_start(&s, 2, bad), 0);
	assert_true(reaped_within(&s, 10000));
	assert_true(s.failed);
	assert_true(planner_start(&s, 3, none) < 0);
	assert_true(s.failed && s.pid == 0);
	/* One at a time, and no waiting for it. */
	assert_int_equal(planner_start(&s, 4, slow), 0);
	assert_false(planner_reap(&s));
	assert_false(planner_is_due(&midnight, &s, 1440, 0, false));
	planner_stop(&s);
	assert_int_equal(s.pid, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_day_is_planned_once),
		cmocka_unit_test(no_plan_does_not_wait_for_midnight),
		cmocka_unit_test(renewals_keep_their_distance),
		cmocka_unit_test(never_is_never),
		cmocka_unit_test(processes_end_as_they_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
