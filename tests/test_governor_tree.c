// SPDX-License-Identifier: GPL-2.0-or-later
/* The whole governor, tick by tick on a virtual clock, against a tree of plain files that stand for
 * cgroup files. Nothing here reads or writes a real cgroup. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "common/log.h"
#include "governor/decide.h"
#include "governor/governor.h"
#include "governor/restore.h"
#include "store/functions.h"
#include "store/ledger.h"
#include "store/plan.h"

#define M(x) ((x)*MIB)
#define ROOT "/node"
#define HOSTILE_POOL "pool-%2E.%2F..%2Fx%0A%27%3B--"

struct fixture {
	char mount[64], db[96], socket[96];
	struct store *store;
	struct governor_options o;
	struct governor *governor;
	int64_t now_ns;
	bool stall; /* the next look at the clock takes longer than a lease of 1 s */
};

static int64_t virtual_now(void *arg)
{
	struct fixture *f = arg;

	if (f->stall) {
		f->stall = false;
		usleep(1100 * 1000);
	}
	return f->now_ns;
}

static void path_of(const struct fixture *f, const char *cgroup, const char *file, char *out)
{
	snprintf(out, 256, "%s%s/%s/%s", f->mount, ROOT, cgroup, file);
}

static void put(const struct fixture *f, const char *cgroup, const char *file, const char *text)
{
	char path[256];
	FILE *out;

	path_of(f, cgroup, file, path);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static void put_bytes(const struct fixture *f, const char *cgroup, const char *file, int64_t bytes)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld\n", (long long)bytes);
	put(f, cgroup, file, text);
}

/* The number in a file; LIMIT_NONE for max. */
static int64_t get(const struct fixture *f, const char *cgroup, const char *file)
{
	char path[256], text[32] = "";
	FILE *in;

	path_of(f, cgroup, file, path);
	in = fopen(path, "r");
	assert_non_null(in);
	/* Unlike a cgroup file, one that is being written is empty for a moment. */
	if (!fgets(text, sizeof(text), in))
		text[0] = '\0';
	fclose(in);
	return strncmp(text, "max", 3) == 0 ? LIMIT_NONE : strtoll(text, NULL, 10);
}

#define assert_limit(f, cgroup, mib) assert_int_equal(get(f, cgroup, "memory.max"), M(mib))

static void make_cgroup(const struct fixture *f, const char *cgroup)
{
	char path[256];

	path_of(f, cgroup, "", path);
	assert_int_equal(mkdir(path, 0755), 0);
	put(f, cgroup, "cgroup.controllers", "cpu memory\n");
	put(f, cgroup, "cgroup.subtree_control", "memory\n");
	put(f, cgroup, "memory.max", "max\n");
	put(f, cgroup, "memory.low", "0\n");
	put(f, cgroup, "memory.current", "0\n");
}

static void remove_cgroup(const struct fixture *f, const char *cgroup)
{
	char command[512];

	snprintf(command, sizeof(command), "rm -rf '%s%s/%s'", f->mount, ROOT, cgroup);
	assert_int_equal(system(command), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	log_set_level(LOG_LEVEL_ERROR);
	strcpy(f->mount, "/tmp/faasmat-test-XXXXXX");
	assert_non_null(mkdtemp(f->mount));
	make_cgroup(f, "");
	make_cgroup(f, "main");
	make_cgroup(f, "pool-f");
	make_cgroup(f, "pool-g");
	snprintf(f->db, sizeof(f->db), "%s/db", f->mount);
	snprintf(f->socket, sizeof(f->socket), "%s/sock", f->mount);
	assert_int_equal(store_open(f->db, STORE_CREATE, &f->store), 0);
	f->o = GOVERNOR_DEFAULTS;
	f->o.mount = f->mount;
	f->o.root = ROOT;
	f->o.memory = M(100);
	f->o.margin = M(2);
	f->o.step = M(100);
	f->o.apply = true;
	f->o.socket = f->socket;
	f->o.state_dir = f->mount;
	/* Most tests are about other things than the lease. */
	f->o.watchdog = "/bin/true";
	f->o.lease_ns = 3600 * NS_PER_S;
	/* A model minute is 10 ms of intervals; which minute it is, the test decides. */
	f->o.clock = (struct clock){ .minute_ns = 10 * NS_PER_MS, .now = virtual_now, .arg = f };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	governor_close(f->governor);
	store_close(f->store);
	snprintf(command, sizeof(command), "rm -rf %s", f->mount);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void plan(struct fixture *f, int64_t first, int64_t last, int64_t mib_f, int64_t mib_g)
{
	struct plan_row rows[64] = { 0 };
	size_t n = 0;
	int64_t id_f, id_g;

	assert_int_equal(store_function_id(f->store, "f", &id_f), 0);
	assert_int_equal(store_function_id(f->store, "g", &id_g), 0);
	for (int64_t m = first; m <= last; m++) {
		rows[n++] = (struct plan_row){
			.function = id_f, .minute = m, .containers = 2, .bytes = M(mib_f)
		};
		rows[n++] = (struct plan_row){
			.function = id_g, .minute = m, .containers = 2, .bytes = M(mib_g)
		};
	}
	assert_int_equal(store_write_plan(f->store, first, last, rows, n), 0);
}

static void begin(struct fixture *f)
{
	assert_int_equal(governor_open(&f->o, f->store, &f->governor), 0);
}

/* One tick at the middle of a minute. */
static void tick_at(struct fixture *f, int64_t minute)
{
	f->now_ns = minute * f->o.clock.minute_ns + f->o.clock.minute_ns / 2;
	governor_tick(f->governor);
}

struct count {
	const char *pool, *action;
	int n, applied;
};

static int count_row(const struct ledger_row *row, void *arg)
{
	struct count *c = arg;

	if (strcmp(row->pool, c->pool) == 0 && strcmp(row->action, c->action) == 0) {
		c->n++;
		c->applied += row->applied;
	}
	return 0;
}

static struct count ledger_count(const struct fixture *f, const char *pool, const char *action)
{
	struct count c = { .pool = pool, .action = action };

	assert_int_equal(store_each_ledger(f->store, INT64_MIN, INT64_MAX, count_row, &c), 0);
	return c;
}

static int sql(const struct fixture *f, const char *text)
{
	sqlite3 *db;
	int r;

	assert_int_equal(sqlite3_open(f->db, &db), SQLITE_OK);
	r = sqlite3_exec(db, text, NULL, NULL, NULL);
	sqlite3_close(db);
	return r;
}

/* --- following the plan */

static void limits_are_the_plan(void **state)
{
	struct fixture *f = *state;

	plan(f, 10, 10, 30, 20);
	plan(f, 11, 11, 10, 40);
	begin(f);
	assert_limit(f, "", 100);
	tick_at(f, 10);
	assert_limit(f, "pool-f", 30);
	assert_limit(f, "pool-g", 20);
	assert_limit(f, "main", 50);
	assert_int_equal(get(f, "pool-f", "memory.low"), M(30));
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
	assert_int_equal(ledger_count(f, "pool-f", "write").n, before + 2);
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
	assert_int_equal(writes.n, 2);
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

/* --- restore */

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
	pid_t holder;

	*ret = (struct outcomes){ 0 };
	return restore_all(f->store, f->mount, f->mount, M(2), take, ret, &holder);
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

#define ON_TREE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

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
		ON_TREE(restore_puts_first_values_back),
		ON_TREE(restore_keeps_first_values_over_two_governors),
		ON_TREE(restore_leaves_what_others_changed),
		ON_TREE(restore_knows_a_write_that_did_not_happen),
		ON_TREE(restore_does_not_kill),
		ON_TREE(restore_knows_a_cgroup_made_again),
		ON_TREE(restore_waits_for_the_governor_to_go),
		ON_TREE(the_watchdog_lifts_limits),
		ON_TREE(a_lease_that_ends_in_mid_tick_stops_writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
