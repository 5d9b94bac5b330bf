// SPDX-License-Identifier: GPL-2.0-or-later
/* Starting: what is refused, with one sentence that says what to do; and what a start after a crash makes
 * of what it finds. */
#include "tests/governor_tree.h"

/* --- refusals */

/* The one line that a start that is refused writes, without "faasmat: ". */
static const char *refusal(struct fixture *f)
{
	static char line[1024];
	char path[128];
	FILE *in;
	int saved = dup(STDERR_FILENO), r;

	snprintf(path, sizeof(path), "%s/stderr", f->mount);
	fflush(stderr);
	assert_non_null(freopen(path, "w", stderr));
	r = governor_open(&f->o, f->store, &f->governor);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_true(r < 0);
	assert_null(f->governor);
	in = fopen(path, "r");
	assert_non_null(in);
	assert_non_null(fgets(line, sizeof(line), in));
	/* One sentence, not two. */
	assert_int_equal(fgetc(in), EOF);
	fclose(in);
	/* Nothing was touched. */
	assert_int_equal(get(f, "main", "memory.max"), LIMIT_NONE);
	return line;
}

#define assert_refused(f, text)                                            \
	do {                                                               \
		const char *_line = refusal(f);                            \
		if (!strstr(_line, text))                                  \
			fail_msg("'%s' does not say '%s'", _line, (text)); \
	} while (0)

static void a_budget_above_the_machine(void **state)
{
	struct fixture *f = *state;

	f->o.memory = INT64_MAX;
	assert_refused(f, "is more than the machine's");
}

static void a_budget_above_what_the_cgroups_above_may_have(void **state)
{
	struct fixture *f = *state;
	char command[256];

	f->o.memory = M(64);
	snprintf(command, sizeof(command), "echo %lld >%s/memory.max", (long long)M(64) - 1,
		 f->mount);
	assert_int_equal(system(command), 0);
	assert_refused(f, "--memory 64.0M is more than memory.max of ");
	snprintf(command, sizeof(command), "echo %lld >%s/memory.max", (long long)M(64), f->mount);
	assert_int_equal(system(command), 0);
	begin(f);
}

static void a_budget_below_the_margin(void **state)
{
	struct fixture *f = *state;

	f->o.memory = M(2);
	assert_refused(f, "must be above --margin");
}

static void impossible_numbers(void **state)
{
	struct fixture *f = *state;
	struct governor_options good = f->o;

	f->o.share = 1.01;
	assert_refused(f, "--share and --borrow must be from 0 to 1");
	f->o.share = 0.0 / 0.0;
	assert_refused(f, "--share and --borrow must be from 0 to 1");
	f->o = good;
	f->o.margin = -1;
	assert_refused(f, "must not be negative");
	f->o = good;
	f->o.step = -1;
	assert_refused(f, "must not be negative");
	f->o = good;
	f->o.lease_ns = NS_PER_MS;
	assert_refused(f, "--lease must be at least 1s");
	f->o = good;
	f->o.on_change_limit_ns = 0;
	assert_refused(f, "--on-change-limit");
}

static void a_damaged_plan(void **state)
{
	struct fixture *f = *state;
	/* Not a number, an overflow, a text, below zero, nothing at all. */
	static const char *const bytes[] = { "'nan'", "9e999", "9223372036854775807 + 1",
					     "-1",    "1.5",   "9223372036854775807" };
	char text[256];

	plan(f, 10, 20, 30, 20);
	f->now_ns = 12 * f->o.clock.minute_ns;
	for (size_t i = 0; i < ARRAY_SIZE(bytes); i++) {
		snprintf(text, sizeof(text), "UPDATE plan SET bytes = %s WHERE minute = 15",
			 bytes[i]);
		assert_int_equal(sql(f, text), SQLITE_OK);
		assert_refused(f, "1970-01-01 00:15 of 'f' has no plausible");
	}
	assert_int_equal(
		sql(f, "UPDATE plan SET bytes = 4096, containers = 9e18 WHERE minute = 15"),
		SQLITE_OK);
	assert_refused(f, "`faasmat plan --now`");
	/* What is over does not matter. */
	assert_int_equal(sql(f, "UPDATE plan SET containers = 1; UPDATE plan SET bytes = 'nan'"
				" WHERE minute = 11"),
			 SQLITE_OK);
	begin(f);
}

/* One that is damaged while the governor runs is as good as missing: the last good one stands. */
static void a_plan_damaged_later(void **state)
{
	struct fixture *f = *state;

	plan(f, 10, 20, 30, 20);
	begin(f);
	tick_at(f, 10);
	assert_int_equal(sql(f, "UPDATE plan SET bytes = 9e999 WHERE minute = 12"), SQLITE_OK);
	tick_at(f, 11);
	tick_at(f, 12);
	assert_limit(f, "pool-f", 30);
	assert_limit(f, "pool-g", 20);
	assert_int_equal(ledger_count(f, "", "plan").n, 1);
}

static void a_root_that_is_no_cgroup2(void **state)
{
	struct fixture *f = *state;
	char path[256];

	path_of(f, "", "cgroup.controllers", path);
	assert_int_equal(unlink(path), 0);
	assert_refused(f, "is no cgroup2 directory");
}

static void a_root_that_is_not_ours(void **state)
{
	struct fixture *f = *state;

	make_cgroup(f, "session-1.scope");
	assert_refused(f, "is not faasmat's: it holds the cgroup 'session-1.scope'");
	remove_cgroup(f, "session-1.scope");
	put(f, "", "cgroup.procs", "4711\n4712\n");
	assert_refused(f, "holds process 4711 itself");
}

static void a_root_that_is_governed(void **state)
{
	struct fixture *f = *state;
	struct governor *first;
	char wanted[64];

	begin(f);
	first = f->governor;
	f->governor = NULL;
	snprintf(wanted, sizeof(wanted), "is governed already, by process %ld:", (long)getpid());
	f->o.socket = "/tmp/faasmat-no-such";
	assert_refused(f, wanted);
	f->governor = first;
}

static void no_watchdog(void **state)
{
	struct fixture *f = *state;

	f->o.watchdog = "/nowhere/faasmat-watchdog";
	assert_refused(f, "without it limits would outlive a crash");
}

/* --- a start after a crash */

/* As after kill -9: limits and journal stay, the lock is free. In a child, so that nothing is tidied. */
static void govern_and_die(struct fixture *f, int64_t minute)
{
	pid_t child = fork();
	struct store *s;
	int status;

	if (child == 0) {
		if (store_open(f->db, STORE_WRITE, &s) < 0 ||
		    governor_open(&f->o, s, &f->governor) < 0)
			_exit(1);
		tick_at(f, minute);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	/* The grandchild that was to become a watchdog may hold the lock a moment longer. */
	usleep(100 * 1000);
}

static void limits_of_a_former_governor_are_gone_on_from(void **state)
{
	struct fixture *f = *state;

	plan(f, 10, 10, 30, 20);
	plan(f, 11, 12, 35, 20);
	govern_and_die(f, 10);
	assert_limit(f, "pool-f", 30);
	begin(f);
	/* Adopted before the first tick: nothing was lifted in between. */
	assert_limit(f, "pool-f", 30);
	tick_at(f, 11);
	assert_limit(f, "pool-f", 35);
	assert_int_equal(ledger_count(f, "", "start").n, 1);
	assert_int_equal(ledger_count(f, "pool-f", "adopt").n, 0);
}

static void what_others_wrote_meanwhile_is_left(void **state)
{
	struct fixture *f = *state;

	/* Five such minutes are long enough for a start to fit in, on any machine. */
	f->o.clock.minute_ns = NS_PER_S;
	plan(f, 10, 20, 30, 20);
	govern_and_die(f, 10);
	put_bytes(f, "pool-f", "memory.max", M(27));
	/* What the end of a lease leaves is not a stranger's. */
	put(f, "pool-g", "memory.max", "max\n");
	begin(f);
	tick_at(f, 11);
	assert_limit(f, "pool-f", 27);
	assert_limit(f, "pool-g", 20);
	assert_int_equal(ledger_count(f, "pool-f", "adopt").n, 1);
	assert_int_equal(ledger_count(f, "pool-g", "adopt").n, 0);
	usleep(5200 * 1000);
	tick_at(f, 12);
	assert_limit(f, "pool-f", 30);
}

static void cgroups_that_are_gone_are_forgotten(void **state)
{
	struct fixture *f = *state;
	struct journal_row *rows;
	size_t n;

	plan(f, 10, 20, 30, 20);
	govern_and_die(f, 10);
	remove_cgroup(f, "pool-f");
	begin(f);
	f->now_ns = 11 * f->o.clock.minute_ns;
	assert_int_equal(sql(f, "DELETE FROM plan"), SQLITE_OK);
	governor_tick(f->governor);
	assert_int_equal(store_list_journal(f->store, &rows, &n), 0);
	for (size_t i = 0; i < n; i++)
		assert_null(strstr(rows[i].path, "pool-f"));
	assert_true(n > 0);
	free(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_TREE(a_budget_above_the_machine),
		ON_TREE(a_budget_above_what_the_cgroups_above_may_have),
		ON_TREE(a_budget_below_the_margin),
		ON_TREE(impossible_numbers),
		ON_TREE(a_damaged_plan),
		ON_TREE(a_plan_damaged_later),
		ON_TREE(a_root_that_is_no_cgroup2),
		ON_TREE(a_root_that_is_not_ours),
		ON_TREE(a_root_that_is_governed),
		ON_TREE(no_watchdog),
		ON_TREE(limits_of_a_former_governor_are_gone_on_from),
		ON_TREE(what_others_wrote_meanwhile_is_left),
		ON_TREE(cgroups_that_are_gone_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
