// SPDX-License-Identifier: GPL-2.0-or-later
/* `restore` after a crash, file by file. */
#include "tests/governor_tree.h"

struct outcomes {
	int n[RESTORE_FAILED + 1];
};

static void take(const struct restore_result *r, void *arg)
{
	((struct outcomes *)arg)->n[r->outcome]++;
}

/* As after kill -9: nobody lifts anything, the lock is free. The governor's memory is given back by
 * closing it on a copy of the tree's values, which is put back afterwards. */
static void crash(struct fixture *f)
{
	static const char *const cgroups[] = { "", "main", "pool-f", "pool-g" };
	int64_t max[4], low[4];
	sqlite3 *db;

	for (int i = 0; i < 4; i++) {
		max[i] = get(f, cgroups[i], "memory.max");
		low[i] = get(f, cgroups[i], "memory.low");
	}
	assert_int_equal(sqlite3_open(f->db, &db), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db, "CREATE TABLE saved AS SELECT * FROM journal", NULL, NULL, NULL),
		SQLITE_OK);
	governor_close(f->governor);
	f->governor = NULL;
	assert_int_equal(sqlite3_exec(db,
				      "DELETE FROM journal;"
				      "INSERT INTO journal SELECT * FROM saved; DROP TABLE saved",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
	for (int i = 0; i < 4; i++) {
		if (max[i] == LIMIT_NONE)
			put(f, cgroups[i], "memory.max", "max\n");
		else
			put_bytes(f, cgroups[i], "memory.max", max[i]);
		put_bytes(f, cgroups[i], "memory.low", low[i]);
	}
}

static int restore(struct fixture *f, struct outcomes *ret)
{
	const struct restore_options o = {
		.mount = f->mount, .state_dir = f->mount, .socket = f->socket, .margin = M(2)
	};
	pid_t holder;

	*ret = (struct outcomes){ 0 };
	return restore_all(f->store, &o, take, ret, &holder);
}

static void restore_puts_first_values_back(void **state)
{
	struct fixture *f = *state;
	struct outcomes o;

	put_bytes(f, "pool-g", "memory.max", M(77));
	put_bytes(f, "pool-g", "memory.low", M(5));
	plan(f, 10, 20, 30, 20);
	begin(f);
	tick_at(f, 10);
	crash(f);
	assert_limit(f, "pool-g", 20);
	assert_int_equal(restore(f, &o), 0);
	/* max and low of both pools, max of main and of the root. */
	assert_int_equal(o.n[RESTORE_DONE], 6);
	assert_limit(f, "pool-g", 77);
	assert_int_equal(get(f, "pool-g", "memory.low"), M(5));
	assert_int_equal(get(f, "pool-f", "memory.max"), LIMIT_NONE);
	assert_int_equal(get(f, "", "memory.max"), LIMIT_NONE);
	/* All done: there is nothing left to do. */
	assert_int_equal(restore(f, &o), 0);
	assert_int_equal(o.n[RESTORE_DONE], 0);
}

static void restore_keeps_first_values_over_two_governors(void **state)
{
	struct fixture *f = *state;
	struct outcomes o;

	put_bytes(f, "pool-g", "memory.max", M(77));
	plan(f, 10, 20, 30, 20);
	begin(f);
	tick_at(f, 10);
	crash(f);
	begin(f);
	tick_at(f, 11);
	crash(f);
	assert_int_equal(restore(f, &o), 0);
	assert_limit(f, "pool-g", 77);
}

static void restore_leaves_what_others_changed(void **state)
{
	struct fixture *f = *state;
	struct outcomes o;

	plan(f, 10, 20, 30, 20);
	put_bytes(f, "pool-f", "memory.current", M(8));
	begin(f);
	tick_at(f, 10);
	crash(f);
	put_bytes(f, "pool-f", "memory.max", M(31));
	/* What the end of a lease leaves is ours. */
	put(f, "pool-g", "memory.max", "max\n");
	assert_int_equal(restore(f, &o), 0);
	assert_int_equal(o.n[RESTORE_CHANGED], 1);
	assert_int_equal(o.n[RESTORE_DONE], 5);
	assert_limit(f, "pool-f", 31);
}

static void restore_knows_a_write_that_did_not_happen(void **state)
{
	struct fixture *f = *state;
	struct outcomes o;

	plan(f, 10, 10, 30, 20);
	plan(f, 11, 20, 25, 20);
	begin(f);
	tick_at(f, 10);
	tick_at(f, 11);
	crash(f);
	/* As if it had been killed after writing down that 30 becomes 25, and before doing it. */
	put_bytes(f, "pool-f", "memory.max", M(30));
	assert_int_equal(sql(f, "DELETE FROM ledger WHERE reason = 'the governor stops'"),
			 SQLITE_OK);
	assert_int_equal(restore(f, &o), 0);
	assert_int_equal(o.n[RESTORE_CHANGED], 0);
	assert_int_equal(get(f, "pool-f", "memory.max"), LIMIT_NONE);
}

/* In a process of its own: minutes that all differ, as fast as it can. */
static void govern_until_killed(struct fixture *f)
{
	struct store *s;

	if (store_open(f->db, STORE_WRITE, &s) < 0 || governor_open(&f->o, s, &f->governor) < 0)
		_exit(1);
	for (int64_t minute = 10;; minute = minute == 39 ? 10 : minute + 1)
		tick_at(f, minute);
}

static void restore_undoes_any_moment(void **state)
{
	struct fixture *f = *state;
	unsigned int seed = (unsigned int)clock_stamp_us();
	struct outcomes o;

	print_message("seed %u\n", seed);
	put_bytes(f, "pool-g", "memory.max", M(77));
	for (int64_t m = 10; m < 40; m++)
		plan(f, m, m, 10 + m, 50 - m);
	for (int round = 0; round < 20; round++) {
		pid_t child = fork();
		int r;

		if (child == 0)
			govern_until_killed(f);
		usleep(rand_r(&seed) % 300000);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, NULL, 0), child);
		/* The child of its that was to become a watchdog may hold the lock a moment longer. */
		while ((r = restore(f, &o)) == -EBUSY)
			usleep(1000);
		assert_int_equal(r, 0);
		assert_int_equal(o.n[RESTORE_CHANGED] + o.n[RESTORE_FAILED] + o.n[RESTORE_UNSAFE],
				 0);
		assert_limit(f, "pool-g", 77);
		assert_int_equal(get(f, "pool-g", "memory.low"), 0);
		assert_int_equal(get(f, "pool-f", "memory.max"), LIMIT_NONE);
		assert_int_equal(get(f, "main", "memory.max"), LIMIT_NONE);
		assert_int_equal(get(f, "", "memory.max"), LIMIT_NONE);
	}
}

static void restore_does_not_kill(void **state)
{
	struct fixture *f = *state;
	struct outcomes o;

	put_bytes(f, "pool-f", "memory.max", M(10));
	plan(f, 10, 20, 30, 20);
	begin(f);
	tick_at(f, 10);
	crash(f);
	put_bytes(f, "pool-f", "memory.current", M(8) + 1);
	assert_int_equal(restore(f, &o), 0);
	assert_int_equal(o.n[RESTORE_UNSAFE], 1);
	assert_limit(f, "pool-f", 30);
	put_bytes(f, "pool-f", "memory.current", M(8));
	assert_int_equal(restore(f, &o), 0);
	assert_int_equal(o.n[RESTORE_DONE], 1);
	assert_limit(f, "pool-f", 10);
}

static void restore_knows_a_cgroup_made_again(void **state)
{
	struct fixture *f = *state;
	struct outcomes o;
	char command[512];

	plan(f, 10, 20, 30, 20);
	put_bytes(f, "pool-f", "memory.current", M(8));
	begin(f);
	tick_at(f, 10);
	crash(f);
	/* The old inode must live on, or the file system gives its number to the new one. */
	snprintf(command, sizeof(command), "mv '%s%s/pool-f' '%s/aside'", f->mount, ROOT, f->mount);
	assert_int_equal(system(command), 0);
	make_cgroup(f, "pool-f");
	put_bytes(f, "pool-f", "memory.max", M(30));
	assert_int_equal(restore(f, &o), 0);
	assert_int_equal(o.n[RESTORE_GONE], 2);
	assert_limit(f, "pool-f", 30);
}

static void restore_waits_for_the_governor_to_go(void **state)
{
	struct fixture *f = *state;
	struct outcomes o;

	plan(f, 10, 20, 30, 20);
	begin(f);
	tick_at(f, 10);
	assert_int_equal(restore(f, &o), -EBUSY);
	assert_limit(f, "pool-f", 30);
}

static bool is_published(const struct fixture *f)
{
	char path[128];

	snprintf(path, sizeof(path), "%s.table", f->socket);
	return access(path, F_OK) == 0;
}

/* A wrapper that found it would go on filling pools that nobody governs. */
static void restore_removes_the_published_table(void **state)
{
	struct fixture *f = *state;
	struct outcomes o;

	plan(f, 10, 20, 30, 20);
	begin(f);
	tick_at(f, 10);
	crash(f);
	assert_true(is_published(f));
	assert_int_equal(restore(f, &o), 0);
	assert_false(is_published(f));
	/* One in shadow mode leaves a table, too, and no journal. */
	f->o.apply = false;
	begin(f);
	tick_at(f, 11);
	governor_close(f->governor);
	f->governor = NULL;
	assert_true(is_published(f));
	assert_int_equal(restore(f, &o), 0);
	assert_false(is_published(f));
}

static void restore_leaves_the_table_of_a_governor_that_runs(void **state)
{
	struct fixture *f = *state;
	struct outcomes o;

	f->o.apply = false;
	plan(f, 10, 20, 30, 20);
	begin(f);
	tick_at(f, 10);
	assert_int_equal(restore(f, &o), 0);
	assert_true(is_published(f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_TREE(restore_puts_first_values_back),
		ON_TREE(restore_keeps_first_values_over_two_governors),
		ON_TREE(restore_leaves_what_others_changed),
		ON_TREE(restore_knows_a_write_that_did_not_happen),
		ON_TREE(restore_undoes_any_moment),
		ON_TREE(restore_does_not_kill),
		ON_TREE(restore_knows_a_cgroup_made_again),
		ON_TREE(restore_waits_for_the_governor_to_go),
		ON_TREE(restore_removes_the_published_table),
		ON_TREE(restore_leaves_the_table_of_a_governor_that_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
