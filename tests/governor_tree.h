/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A tree of plain files that stand for cgroup files, a database and a governor on a virtual clock.
 * Nothing here reads or writes a real cgroup. */
#ifndef FAASMAT_TESTS_GOVERNOR_TREE_H
#define FAASMAT_TESTS_GOVERNOR_TREE_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

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

struct fixture {
	char mount[64], db[96], socket[96];
	struct store *store;
	struct governor_options o;
	struct governor *governor;
	int64_t now_ns;
	bool stall; /* the next look at the clock takes longer than a lease of 1 s */
};

static inline int64_t virtual_now(void *arg)
{
	struct fixture *f = arg;

	if (f->stall) {
		f->stall = false;
		usleep(1100 * 1000);
	}
	return f->now_ns;
}

static inline void path_of(const struct fixture *f, const char *cgroup, const char *file, char *out)
{
	snprintf(out, 256, "%s%s/%s/%s", f->mount, ROOT, cgroup, file);
}

static inline void put(const struct fixture *f, const char *cgroup, const char *file,
		       const char *text)
{
	char path[256];
	FILE *out;

	path_of(f, cgroup, file, path);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static inline void put_bytes(const struct fixture *f, const char *cgroup, const char *file,
			     int64_t bytes)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld\n", (long long)bytes);
	put(f, cgroup, file, text);
}

/* The number in a file; LIMIT_NONE for max. */
static inline int64_t get(const struct fixture *f, const char *cgroup, const char *file)
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

static inline void make_cgroup(const struct fixture *f, const char *cgroup)
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

static inline void remove_cgroup(const struct fixture *f, const char *cgroup)
{
	char command[512];

	snprintf(command, sizeof(command), "rm -rf '%s%s/%s'", f->mount, ROOT, cgroup);
	assert_int_equal(system(command), 0);
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
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

static inline void plan(struct fixture *f, int64_t first, int64_t last, int64_t mib_f,
			int64_t mib_g)
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

static inline void begin(struct fixture *f)
{
	assert_int_equal(governor_open(&f->o, f->store, &f->governor), 0);
}

/* One tick at the middle of a minute. */
static inline void tick_at(struct fixture *f, int64_t minute)
{
	f->now_ns = minute * f->o.clock.minute_ns + f->o.clock.minute_ns / 2;
	governor_tick(f->governor);
}

struct count {
	const char *pool, *action;
	int n, applied;
};

static inline int count_row(const struct ledger_row *row, void *arg)
{
	struct count *c = arg;

	if (strcmp(row->pool, c->pool) == 0 && strcmp(row->action, c->action) == 0) {
		c->n++;
		c->applied += row->applied;
	}
	return 0;
}

static inline struct count ledger_count(const struct fixture *f, const char *pool,
					const char *action)
{
	struct count c = { .pool = pool, .action = action };

	assert_int_equal(store_each_ledger(f->store, INT64_MIN, INT64_MAX, count_row, &c), 0);
	return c;
}

static inline int sql(const struct fixture *f, const char *text)
{
	sqlite3 *db;
	int r;

	assert_int_equal(sqlite3_open(f->db, &db), SQLITE_OK);
	r = sqlite3_exec(db, text, NULL, NULL, NULL);
	sqlite3_close(db);
	return r;
}

/* A model minute, in which guards and loans count: long enough for a slow machine. */
#define MINUTE_NS (200 * NS_PER_MS)

static inline int setup_rules(void **state)
{
	int r = setup(state);
	struct fixture *f = *state;

	f->o.clock.minute_ns = MINUTE_NS;
	return r;
}

static inline void next_minute(void)
{
	usleep(MINUTE_NS / 1000 + 10000);
}

#define ON_TREE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define ON_RULES(test) cmocka_unit_test_setup_teardown(test, setup_rules, teardown)

#endif
