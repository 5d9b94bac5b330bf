// SPDX-License-Identifier: GPL-2.0-or-later
/* The whole governor, tick by tick on a virtual clock: the plan, other writers, faults, start and end. */
#include "tests/governor_tree.h"

#define HOSTILE_POOL "pool-%2E.%2F..%2Fx%0A%27%3B--"

/* --- following the plan */

static void limits_are_the_plan(void **state)
{
	struct fixture *f = *state;

	plan(f, 10, 10, 30, 20);
	plan(f, 11, 11, 10, 40);
	begin(f);
	assert_limit(f, "", 100);
	put_bytes(f, "pool-f", "memory.current", M(8));
	tick_at(f, 10);
	assert_limit(f, "pool-f", 30);
	assert_limit(f, "pool-g", 20);
	assert_limit(f, "main", 50);
	/* The working set is protected, at the pool and at the root above it. */
	assert_int_equal(get(f, "pool-f", "memory.low"), M(8));
	assert_int_equal(get(f, "", "memory.low"), M(8));
	assert_int_equal(get(f, "main", "memory.low"), 0);
	/* The last part of the minute belongs to those who grow in the next. */
	f->now_ns += f->o.clock.minute_ns * 3 / 10;
	governor_tick(f->governor);
	assert_limit(f, "pool-f", 30);
	assert_limit(f, "pool-g", 40);
	tick_at(f, 11);
	assert_limit(f, "pool-f", 10);
	assert_limit(f, "pool-g", 40);
	assert_limit(f, "main", 50);
}

static void a_corrected_plan_takes_effect_at_once(void **state)
{
	struct fixture *f = *state;

	plan(f, 10, 11, 30, 20);
	begin(f);
	tick_at(f, 10);
	plan(f, 10, 11, 35, 20);
	governor_tick(f->governor);
	assert_limit(f, "pool-f", 35);
}

static void memory_in_use_keeps_its_limit(void **state)
{
	struct fixture *f = *state;

	plan(f, 10, 10, 30, 20);
	plan(f, 11, 12, 10, 20);
	begin(f);
	tick_at(f, 10);
	put_bytes(f, "pool-f", "memory.current", M(25));
	tick_at(f, 11);
	assert_limit(f, "pool-f", 27);
	assert_int_equal(ledger_count(f, "pool-f", "veto").n, 1);
	assert_limit(f, "main", 53);
	put_bytes(f, "pool-f", "memory.current", M(1));
	tick_at(f, 12);
	assert_limit(f, "pool-f", 10);
	assert_limit(f, "main", 70);
}

static void a_missing_plan_is_bridged_then_released(void **state)
{
	struct fixture *f = *state;

	plan(f, 10, 10, 30, 20);
	begin(f);
	tick_at(f, 10);
	/* Whatever the clock says: back an hour, forward a day. */
	tick_at(f, -50);
	tick_at(f, 1450);
	for (int m = 13; m <= 20; m++)
		tick_at(f, m);
	assert_limit(f, "pool-f", 30);
	tick_at(f, 21);
	/* Nothing in it: down to the margin, which an empty pool keeps. */
	assert_limit(f, "pool-f", 2);
	assert_limit(f, "main", 96);
	assert_int_equal(ledger_count(f, "", "plan").n, 11);
}

static void hostile_names_stay_below_the_root(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	char path[256];

	plan(f, 10, 11, 30, 20);
	assert_int_equal(sql(f, "INSERT INTO functions(id, name) VALUES(77, '../../x\n'';--');"
				"INSERT INTO plan VALUES(10, 77, 1, 4194304, 4194304);"
				"INSERT INTO plan VALUES(11, 77, 1, 4194304, 4194304);"),
			 SQLITE_OK);
	make_cgroup(f, HOSTILE_POOL);
	begin(f);
	tick_at(f, 10);
	assert_limit(f, HOSTILE_POOL, 4);
	snprintf(path, sizeof(path), "%s/x", f->mount);
	assert_int_equal(stat(path, &st), -1);
}

static void too_much_planned_is_cut(void **state)
{
	struct fixture *f = *state;

	plan(f, 10, 10, 60, 80);
	begin(f);
	tick_at(f, 10);
	assert_limit(f, "pool-f", 30);
	assert_limit(f, "pool-g", 40);
	assert_limit(f, "main", 30);
	assert_int_equal(ledger_count(f, "", "cut").n, 1);
}

/* --- others on the same node */

static void foreign_values_are_adopted_and_left(void **state)
{
	struct fixture *f = *state;

	plan(f, 10, 20, 30, 20);
	begin(f);
	tick_at(f, 10);
	put_bytes(f, "pool-f", "memory.max", M(33));
	tick_at(f, 11);
	assert_limit(f, "pool-f", 33);
	assert_int_equal(ledger_count(f, "pool-f", "adopt").n, 1);
	tick_at(f, 12);
	assert_limit(f, "pool-f", 33);
	/* After five model minutes (50 ms) the plan holds again. */
	usleep(60 * 1000);
	tick_at(f, 13);
	assert_limit(f, "pool-f", 30);
	assert_int_equal(ledger_count(f, "pool-f", "adopt").n, 1);
}

static void a_removed_cgroup_is_noticed(void **state)
{
	struct fixture *f = *state;

	plan(f, 10, 20, 30, 20);
	begin(f);
	tick_at(f, 10);
	remove_cgroup(f, "pool-f");
	make_cgroup(f, "pool-f");
	tick_at(f, 11);
	assert_int_equal(ledger_count(f, "pool-f", "gone").n, 1);
	tick_at(f, 12);
	assert_limit(f, "pool-f", 30);
}

static void one_governor_a_root(void **state)
{
	struct fixture *f = *state;
	struct governor *second = NULL;
	struct governor_options o = f->o;

	begin(f);
	o.socket = "/tmp/faasmat-no-such";
	log_set_level(LOG_LEVEL_ERROR);
	assert_int_equal(governor_open(&o, f->store, &second), -EWOULDBLOCK);
	assert_null(second);
}

static void a_locked_database_does_not_stop_it(void **state)
{
	struct fixture *f = *state;
	sqlite3 *other;
	int before;

	plan(f, 10, 10, 30, 20);
	plan(f, 11, 20, 25, 20);
	begin(f);
	tick_at(f, 10);
	before = ledger_count(f, "pool-f", "write").n;
	assert_int_equal(sqlite3_open(f->db, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	tick_at(f, 11);
	assert_limit(f, "pool-f", 25);
	assert_int_equal(ledger_count(f, "pool-f", "write").n, before);
	sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(other);
	tick_at(f, 12);
	assert_int_equal(ledger_count(f, "pool-f", "write").n, before + 1);
}

static void nothing_is_written_before_it_is_journalled(void **state)
{
	struct fixture *f = *state;
	sqlite3 *other;

	plan(f, 10, 20, 30, 20);
	begin(f);
	assert_int_equal(sqlite3_open(f->db, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	tick_at(f, 10);
	assert_int_equal(get(f, "pool-f", "memory.max"), LIMIT_NONE);
	assert_int_equal(get(f, "main", "memory.max"), LIMIT_NONE);
	sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(other);
	tick_at(f, 11);
	assert_limit(f, "pool-f", 30);
}

/* --- shadow, start and end */

static void shadow_mode_writes_no_limit(void **state)
{
	struct fixture *f = *state;
	struct count writes;

	f->o.apply = false;
	plan(f, 10, 12, 30, 20);
	begin(f);
	tick_at(f, 10);
	tick_at(f, 11);
	assert_int_equal(get(f, "", "memory.max"), LIMIT_NONE);
	assert_int_equal(get(f, "main", "memory.max"), LIMIT_NONE);
	assert_int_equal(get(f, "pool-f", "memory.max"), LIMIT_NONE);
	assert_int_equal(get(f, "pool-f", "memory.low"), 0);
	writes = ledger_count(f, "pool-f", "write");
	assert_int_equal(writes.n, 1);
	assert_int_equal(writes.applied, 0);
}

static void a_start_counts_what_it_finds(void **state)
{
	struct fixture *f = *state;

	make_cgroup(f, "pool-f/c1");
	put_bytes(f, "pool-f/c1", "memory.current", M(40));
	put_bytes(f, "pool-f", "memory.current", M(40));
	put_bytes(f, "pool-f", "memory.max", M(45));
	plan(f, 10, 20, 30, 20);
	begin(f);
	tick_at(f, 10);
	assert_limit(f, "pool-f", 42);
	assert_limit(f, "main", 38);
	/* It leaves: its cgroup is gone, so is its reservation. */
	remove_cgroup(f, "pool-f/c1");
	put_bytes(f, "pool-f", "memory.current", 0);
	tick_at(f, 11);
	assert_limit(f, "pool-f", 30);
}

static void a_budget_below_what_is_used_is_refused(void **state)
{
	struct fixture *f = *state;

	put_bytes(f, "", "memory.current", M(99));
	assert_int_equal(governor_open(&f->o, f->store, &f->governor), -EBUSY);
	assert_int_equal(get(f, "", "memory.max"), LIMIT_NONE);
}

static void an_orderly_end_lifts_limits_but_not_the_budget(void **state)
{
	struct fixture *f = *state;

	plan(f, 10, 20, 30, 20);
	begin(f);
	tick_at(f, 10);
	governor_close(f->governor);
	f->governor = NULL;
	assert_int_equal(get(f, "pool-f", "memory.max"), LIMIT_NONE);
	assert_int_equal(get(f, "pool-f", "memory.low"), 0);
	assert_int_equal(get(f, "main", "memory.max"), LIMIT_NONE);
	assert_limit(f, "", 100);
}

/* --- the lease, with the real watchdog */

static void the_watchdog_lifts_limits(void **state)
{
	struct fixture *f = *state;

	if (access("build/faasmat-watchdog", X_OK) < 0) {
		print_message("build/faasmat-watchdog is not built: run make first\n");
		skip();
	}
	f->o.watchdog = "build/faasmat-watchdog";
	f->o.lease_ns = 4 * NS_PER_S;
	plan(f, 10, 20, 30, 20);
	begin(f);
	tick_at(f, 10);
	assert_limit(f, "pool-f", 30);
	for (int i = 0; i < 600 && get(f, "main", "memory.max") != LIMIT_NONE; i++)
		usleep(50 * 1000);
	for (int i = 0; i < 600 && get(f, "pool-f", "memory.low") != 0; i++)
		usleep(50 * 1000);
	assert_int_equal(get(f, "pool-f", "memory.max"), LIMIT_NONE);
	assert_limit(f, "", 100);
	/* The governor was only slow: it takes the lease again, and then its limits. */
	tick_at(f, 11);
	assert_int_equal(get(f, "pool-f", "memory.max"), LIMIT_NONE);
	tick_at(f, 12);
	assert_limit(f, "pool-f", 30);
	assert_int_equal(ledger_count(f, "pool-f", "adopt").n, 0);
}

static void a_lease_that_ends_in_mid_tick_stops_writes(void **state)
{
	struct fixture *f = *state;

	f->o.lease_ns = NS_PER_S;
	plan(f, 10, 20, 30, 20);
	begin(f);
	f->stall = true;
	tick_at(f, 10);
	assert_int_equal(get(f, "pool-f", "memory.max"), LIMIT_NONE);
	assert_int_equal(get(f, "main", "memory.max"), LIMIT_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_TREE(limits_are_the_plan),
		ON_TREE(a_corrected_plan_takes_effect_at_once),
		ON_TREE(memory_in_use_keeps_its_limit),
		ON_TREE(a_missing_plan_is_bridged_then_released),
		ON_TREE(hostile_names_stay_below_the_root),
		ON_TREE(too_much_planned_is_cut),
		ON_TREE(foreign_values_are_adopted_and_left),
		ON_TREE(a_removed_cgroup_is_noticed),
		ON_TREE(one_governor_a_root),
		ON_TREE(a_locked_database_does_not_stop_it),
		ON_TREE(nothing_is_written_before_it_is_journalled),
		ON_TREE(shadow_mode_writes_no_limit),
		ON_TREE(a_start_counts_what_it_finds),
		ON_TREE(a_budget_below_what_is_used_is_refused),
		ON_TREE(an_orderly_end_lifts_limits_but_not_the_budget),
		ON_TREE(the_watchdog_lifts_limits),
		ON_TREE(a_lease_that_ends_in_mid_tick_stops_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
