// SPDX-License-Identifier: GPL-2.0-or-later
/* store/retention and store/backup: what is old is gone and the file stays small; a copy is whole,
 * one file, and never in another's place. And the unit that comes from containers' peaks. */
#include "tests/test.h"

#include <sqlite3.h>

#include "store/backup.h"
#include "store/counters.h"
#include "store/functions.h"
#include "store/history.h"
#include "store/memory.h"
#include "store/retention.h"

static struct store *fresh(const char *name)
{
	static const char *const suffix[] = { "", "-wal", "-shm" };
	char path[600];
	struct store *s;

	for (size_t i = 0; i < ARRAY_SIZE(suffix); i++) {
		snprintf(path, sizeof(path), "%s%s", test_path(name), suffix[i]);
		unlink(path);
	}
	assert_int_equal(store_open(test_path(name), STORE_CREATE, &s), 0);
	return s;
}

static int64_t ask(const char *name, const char *sql)
{
	sqlite3_stmt *stmt;
	sqlite3 *db;
	int64_t v;

	assert_int_equal(sqlite3_open(test_path(name), &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	v = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return v;
}

#define FUNCTIONS 100

static void add_minute(struct store *s, int64_t minute, int64_t keep)
{
	struct memory_row memory = { .minute = minute, .path = "/faasmat/pool-a" };
	struct pool_row pool = { .minute = minute, .path = "/faasmat" };
	struct container_row container = { .cgroup = 1000 + minute,
					   .path = "/c",
					   .function = 1,
					   .first_minute = minute,
					   .last_minute = minute };

	assert_int_equal(store_begin(s), 0);
	for (int f = 1; f <= FUNCTIONS; f++) {
		struct history_row h = { .function = f, .minute = minute, .invocations = 1 };

		assert_int_equal(store_add_history(s, &h, 1), 0);
	}
	assert_int_equal(store_add_memory(s, &memory), 0);
	assert_int_equal(store_add_pool(s, &pool), 0);
	assert_int_equal(store_add_container(s, 1, &container), 0);
	assert_int_equal(store_mark_observed(s, 0, minute, minute), 0);
	assert_int_equal(store_forget(s, minute, minute - keep), 0);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_tidy(s), 0);
}

static void add_functions(struct store *s)
{
	char name[32];

	for (int f = 1; f <= FUNCTIONS; f++) {
		int64_t id;

		snprintf(name, sizeof(name), "f%d", f);
		assert_int_equal(store_function_id(s, name, &id), 0);
		assert_int_equal(id, f);
	}
}

/* Days pass by the minute; kept is six hours, with at most the hour of one round more. */
static void old_rows_go_and_the_file_stays(void **state)
{
	struct store *s = fresh("keep.db");
	const int64_t keep = 360;
	int64_t pages = 0, minute = 0;

	add_functions(s);
	for (; minute < 3 * keep; minute++) {
		add_minute(s, minute, keep);
		if (minute == 2 * keep)
			pages = ask("keep.db", "PRAGMA page_count");
	}
	assert_true(ask("keep.db", "SELECT count(*) FROM history") <= FUNCTIONS * (keep + 61));
	assert_true(ask("keep.db", "SELECT min(minute) FROM history") >= minute - keep - 61);
	assert_int_equal(ask("keep.db", "SELECT min(first) FROM observed"), minute - 1 - keep);
	assert_int_equal(ask("keep.db", "SELECT count(*) FROM memory"), keep + 1);
	assert_int_equal(ask("keep.db", "SELECT count(*) FROM pools"), keep + 1);
	assert_int_equal(ask("keep.db", "SELECT count(*) FROM containers"), keep + 1);
	assert_true(ask("keep.db", "PRAGMA page_count") <= pages * 5 / 4);
	/* A shorter --keep: removed by and by, and the pages are given back. */
	for (int64_t end = minute + 120; minute < end; minute++)
		add_minute(s, minute, 10);
	assert_true(ask("keep.db", "SELECT count(*) FROM history") <= FUNCTIONS * 71);
	assert_true(ask("keep.db", "PRAGMA page_count") < pages / 2);
	store_close(s);
}

static void backups_are_whole(void **state)
{
	struct store *s = fresh("running.db"), *other;
	const char *copy = test_path("copy.db");
	struct backup_result r;
	char path[600];

	unlink(copy);
	add_functions(s);
	add_minute(s, 50, 1000);
	/* Another process is in the midst of a transaction: what it has not committed is not there. */
	assert_int_equal(store_open(test_path("running.db"), STORE_WRITE, &other), 0);
	assert_int_equal(store_begin(other), 0);
	assert_int_equal(store_mark_observed(other, 0, 900, 950), 0);
	assert_int_equal(store_backup(s, copy, &r), 0);
	store_rollback(other);
	store_close(other);
	assert_int_equal(r.functions, FUNCTIONS);
	assert_int_equal(r.rows, FUNCTIONS);
	assert_int_equal(r.first_minute, 50);
	assert_true(r.bytes > 4096);
	assert_int_equal(ask("copy.db", "SELECT max(last) FROM observed"), 50);
	snprintf(path, sizeof(path), "%s-wal", copy);
	assert_int_equal(access(path, F_OK), -1);
	snprintf(path, sizeof(path), "%s.partial", copy);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(store_backup(s, copy, &r), -EEXIST);
	assert_non_null(strstr(store_why(), "exists already"));
	assert_true(store_backup(s, test_path("no/such/dir.db"), &r) < 0);
	store_close(s);
	/* And it is a database to work with. */
	assert_int_equal(store_open(copy, STORE_WRITE, &s), 0);
	store_close(s);
}

static void add_container(struct store *s, int64_t function, int64_t peak, int64_t siblings)
{
	static uint64_t id;
	struct container_row row = { .cgroup = ++id,
				     .path = "/c",
				     .function = function,
				     .first_minute = 10,
				     .last_minute = 10,
				     .peak_bytes = peak,
				     .siblings = siblings };

	assert_int_equal(store_add_container(s, 1, &row), 0);
}

static int64_t unit_of(struct store *s, const char *name, int64_t since)
{
	struct store_function *list;
	int64_t v = -1;
	size_t n;

	assert_int_equal(store_list_functions(s, since, &list, &n), 0);
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].name, name) == 0)
			v = list[i].memory_bytes;
	free(list);
	return v;
}

static void units_come_from_peaks(void **state)
{
	struct store *s = fresh("unit.db");
	struct store_function declared = { .name = "declared", .memory_bytes = 500 };
	int64_t id;

	/* The first one pays for the page cache; of the others, 1..100, the 95th counts. */
	assert_int_equal(store_function_id(s, "f", &id), 0);
	add_container(s, id, 9000, 0);
	assert_int_equal(unit_of(s, "f", 0), 9000);
	for (int i = 100; i > 0; i--)
		add_container(s, id, i, i);
	assert_int_equal(unit_of(s, "f", 0), 95);
	/* Few: the largest. */
	assert_int_equal(store_function_id(s, "few", &id), 0);
	add_container(s, id, 7, 1);
	add_container(s, id, 8, 1);
	assert_int_equal(unit_of(s, "few", 0), 8);
	assert_int_equal(unit_of(s, "few", 11), 0);
	/* Declared: a floor. */
	assert_int_equal(store_declare_function(s, &declared), 0);
	assert_int_equal(unit_of(s, "declared", 0), 500);
	add_container(s, declared.id, 9000, 0);
	assert_int_equal(unit_of(s, "declared", 0), 500);
	add_container(s, declared.id, 400, 1);
	assert_int_equal(unit_of(s, "declared", 0), 500);
	add_container(s, declared.id, 600, 2);
	assert_int_equal(unit_of(s, "declared", 0), 600);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(old_rows_go_and_the_file_stays),
		cmocka_unit_test(backups_are_whole),
		cmocka_unit_test(units_come_from_peaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
