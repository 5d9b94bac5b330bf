// SPDX-License-Identifier: GPL-2.0-or-later
/* Ledger and outcomes, many rows in one: all of them come back, from an older database, too. */
#include "tests/test.h"

#include <sqlite3.h>

#include "store/ledger.h"
#include "store/outcomes.h"

static struct store *fresh(const char *path)
{
	static const char *const suffix[] = { "", "-wal", "-shm" };
	char name[600];
	struct store *s;

	for (size_t i = 0; i < ARRAY_SIZE(suffix); i++) {
		snprintf(name, sizeof(name), "%s%s", path, suffix[i]);
		unlink(name);
	}
	assert_int_equal(store_open(path, STORE_CREATE, &s), 0);
	return s;
}

/* The number that another program reads. */
static int64_t ask(const char *path, const char *sql)
{
	sqlite3_stmt *stmt;
	int64_t n;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return n;
}

static const struct ledger_row rows[] = {
	{ 7, 70, "main", "write", "memory.max", INT64_MAX, INT64_MIN, "a \"quoted\" \\ word",
	  true },
	{ 7, 71, "pool-f", "admit", "", -1, 0, "a tab\t, a bell\a and \xc3\xa4", false },
	{ 7, 72, "pool-f", "write", "memory.max", 5, 6, "", true },
	{ 7, 73, "pool-f", "write", "memory.max", 8, 9, "not applied", false },
	{ 7, 74, "", "write", "memory.low", 1, 2, "the root's", true },
};

static int compare_row(const struct ledger_row *row, void *arg)
{
	const struct ledger_row *r = &rows[(*(size_t *)arg)++ % ARRAY_SIZE(rows)];

	assert_int_equal(row->time_us, r->time_us);
	assert_string_equal(row->pool, r->pool);
	assert_string_equal(row->action, r->action);
	assert_string_equal(row->file, r->file);
	assert_true(row->before == r->before && row->after == r->after);
	assert_string_equal(row->reason, r->reason);
	assert_int_equal(row->applied, r->applied);
	return 0;
}

static int sum_counts(int64_t count, const struct ledger_row *row, void *arg)
{
	if (strcmp(row->action, "write") == 0)
		assert_string_equal(row->reason, "the root's");
	*(int64_t *)arg += count;
	return 0;
}

static void ledger_rows_come_back(void **state)
{
	const char *path = test_path("packed.db");
	struct store *s = fresh(path);
	struct pack p = { 0 };
	int64_t before, count = 0;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(store_pack_ledger(&p, &rows[i]), 0);
	assert_int_equal(store_add_ledger_pack(s, 7, &p), 0);
	pack_free(&p);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(store_add_ledger(s, &rows[i]), 0);
	assert_int_equal(store_each_ledger(s, 7, 7, compare_row, &n), 0);
	assert_int_equal(n, 2 * ARRAY_SIZE(rows));
	assert_int_equal(store_each_ledger(s, 8, 9, compare_row, &n), 0);
	assert_int_equal(n, 2 * ARRAY_SIZE(rows));
	assert_int_equal(store_before_last_write(s, "pool-f", "memory.max", &before), 0);
	assert_int_equal(before, 5);
	assert_int_equal(store_before_last_write(s, "pool-f", "memory.low", &before), -ENOENT);
	assert_int_equal(store_count_ledger(s, 7, 7, sum_counts, &count), 0);
	assert_int_equal(count, 2 * ARRAY_SIZE(rows));
	assert_int_equal(
		ask(path, "SELECT count(*) FROM ledger WHERE action = 'write' AND applied"), 6);
	assert_int_equal(ask(path, "SELECT count(DISTINCT id) FROM ledger"), count);
	store_close(s);
}

/* A minute that was lived twice is one, as bad as the worse. */
static void outcomes_are_merged(void **state)
{
	const char *path = test_path("packed.db");
	struct store *s = fresh(path);
	struct outcome_pack p = { 0 };
	struct outcome_row row = { 7, "pool-f", 10, 20, 15, 5, 0, 0, false }, got;
	struct outcome_sum sum;
	int64_t last;

	assert_int_equal(store_pack_outcome(&p, &row), 0);
	row.pool = "pool-g";
	assert_int_equal(store_pack_outcome(&p, &row), 0);
	assert_int_equal(store_add_outcome_pack(s, 7, false, &p), 0);
	pack_free(&p.rows);
	row = (struct outcome_row){ 7, "pool-f", 11, 18, 25, 1, 2, 7, false };
	assert_int_equal(store_add_outcome(s, &row), 0);
	row = (struct outcome_row){ 8, "pool-g", 11, 18, 25, 1, 2, 7, true };
	assert_int_equal(store_add_outcome(s, &row), 0);
	assert_int_equal(store_read_outcome(s, "pool-f", 7, &got), 0);
	assert_int_equal(got.target_bytes, 11);
	assert_int_equal(got.limit_bytes, 18);
	assert_int_equal(got.usage_bytes, 25);
	assert_int_equal(got.given_bytes, 6);
	assert_int_equal(got.taken_bytes, 2);
	assert_int_equal(got.worst_bytes, 7);
	assert_false(got.applied);
	assert_int_equal(store_read_outcome(s, "pool-f", 8, &got), -ENODATA);
	assert_int_equal(store_last_outcome(s, "pool-f", &last), 0);
	assert_int_equal(last, 7);
	assert_int_equal(store_last_outcome(s, NULL, &last), 0);
	assert_int_equal(last, 8);
	assert_int_equal(store_sum_outcomes(s, 7, 8, false, &sum), 0);
	assert_int_equal(sum.pool_minutes, 3);
	assert_int_equal(sum.minutes_hurt, 1);
	assert_int_equal(sum.given_bytes, 11);
	assert_int_equal(sum.taken_bytes, 2);
	assert_int_equal(sum.pools_hurt, 1);
	assert_int_equal(ask(path, "SELECT sum(usage_bytes) FROM outcomes WHERE minute = 7"), 55);
	assert_int_equal(store_forget_outcomes(s, 8), 0);
	assert_int_equal(store_read_outcome(s, "pool-f", 7, &got), -ENODATA);
	store_close(s);
}

static void an_older_database_is_packed(void **state)
{
	const char *path = test_path("packed.db");
	char *text = calloc(1, 65536);
	FILE *f = fopen("tests/data/store-version-3.sql", "r");
	struct outcome_row got;
	struct store *s;
	sqlite3 *db;
	size_t n = 1;

	assert_non_null(f);
	assert_true(fread(text, 1, 65535, f) > 0);
	fclose(f);
	store_close(fresh(path));
	unlink(path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db,
			     "INSERT INTO ledger VALUES"
			     "(100, 7, 71, 'pool-f', 'admit', '', -1, 0, 'a tab' || char(9) ||"
			     " ', a bell' || char(7) || ' and ä', 0),"
			     "(101, 7, 72, 'pool-f', 'write', 'memory.max', 5, 6, '', 1);"
			     "INSERT INTO outcomes VALUES(7, 'pool-f', 1, 2, 3, 4, 5, 6, 1),"
			     "(7, 'pool-g', 9, 9, 9, 9, 9, 9, 1)",
			     NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	free(text);
	assert_int_equal(store_open(path, STORE_WRITE, &s), 0);
	assert_int_equal(store_each_ledger(s, 7, 7, compare_row, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(store_read_outcome(s, "pool-f", 7, &got), 0);
	assert_int_equal(got.target_bytes, 1);
	assert_int_equal(got.worst_bytes, 6);
	assert_true(got.applied);
	assert_int_equal(store_read_outcome(s, "pool-g", 7, &got), 0);
	assert_int_equal(got.taken_bytes, 9);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ledger_rows_come_back),
		cmocka_unit_test(outcomes_are_merged),
		cmocka_unit_test(an_older_database_is_packed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
