// SPDX-License-Identifier: GPL-2.0-or-later
/* store/: what is written comes back, minutes add up, missing is not zero, bad databases are told
 * apart. */
#include "tests/test.h"

#include <math.h>
#include <sqlite3.h>

#include "store/counters.h"
#include "store/functions.h"
#include "store/history.h"
#include "store/import.h"
#include "store/ledger.h"
#include "store/plan.h"

static struct store *fresh(const char *name)
{
	const char *path = test_path(name);
	struct store *s;
	char extra[600];

	unlink(path);
	snprintf(extra, sizeof(extra), "%s-wal", path);
	unlink(extra);
	snprintf(extra, sizeof(extra), "%s-shm", path);
	unlink(extra);
	assert_int_equal(store_open(path, STORE_CREATE, &s), 0);
	return s;
}

static void raw(const char *path, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void bad_databases(void **state)
{
	const char *path = test_path("bad.db");
	struct store *s;
	FILE *f;

	unlink(path);
	assert_int_equal(store_open(path, STORE_READ, &s), -ENOENT);
	assert_null(s);
	f = fopen(path, "w");
	fputs("this is no database, and longer than a header of one hundred bytes, which SQLite reads "
	      "before it knows what it has before it",
	      f);
	fclose(f);
	assert_int_equal(store_open(path, STORE_CREATE, &s), -EUCLEAN);
	unlink(path);
	raw(path, "CREATE TABLE other(x)");
	assert_int_equal(store_open(path, STORE_WRITE, &s), -EUCLEAN);
	unlink(path);
	raw(path, "PRAGMA user_version=99");
	assert_int_equal(store_open(path, STORE_CREATE, &s), -ENOTSUP);
	assert_non_null(strstr(store_why(), "99"));
	assert_int_equal(store_open(test_path("no/such/dir.db"), STORE_CREATE, &s), -ENOENT);
	unlink(path);
}

static void minutes_add_up(void **state)
{
	struct store *s = fresh("add.db");
	struct history_row h = {
		.minute = 100, .invocations = 5, .busy_us = 10, .containers = 3, .cold_starts = 1
	};
	double v[4];
	int64_t id;

	assert_int_equal(store_function_id(s, "f", &id), 0);
	h.function = id;
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_add_history(s, &h, 1), 0);
	h.invocations = 7;
	h.containers = 2;
	assert_int_equal(store_add_history(s, &h, 1), 0);
	h.minute = 102;
	h.quality = QUALITY_UNWATCHED;
	assert_int_equal(store_add_history(s, &h, 1), 0);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(store_mark_observed(s, 0, 100, 101), 0);
	assert_int_equal(store_read_series(s, id, 99, 4, v), 0);
	assert_true(isnan(v[0])); /* nobody watched */
	assert_true(v[1] == 12);
	assert_true(v[2] == 0);	  /* watched, nothing came */
	assert_true(isnan(v[3])); /* partial */
	store_close(s);
}

static int keep_row(const struct history_row *row, void *arg)
{
	*(struct history_row *)arg = *row;
	return 0;
}

/* How requests ended, written twice and read once; a minute with a small bound is a minute. */
static void outcomes_add_up(void **state)
{
	struct store *s = fresh("outcomes.db");
	struct history_row got, h = { .minute = 100,
				      .invocations = 40,
				      .responses = 39,
				      .responses_5xx = 3,
				      .excluded = 7,
				      .aborted = 1,
				      .peak_concurrency = 5,
				      .unsettled = 2,
				      .unsettled_responses = 4,
				      .quality = QUALITY_JOINED,
				      .durations = { .n = { [3] = 30, [9] = 9 } } };
	double v[2];

	assert_int_equal(store_function_id(s, "f", &h.function), 0);
	assert_int_equal(store_add_history(s, &h, 1), 0);
	assert_int_equal(store_each_minute(s, h.function, 100, 100, keep_row, &got), 0);
	assert_memory_equal(&got, &h, sizeof(h));
	assert_int_equal(store_read_series(s, h.function, 100, 1, v), 0);
	assert_true(v[0] == 40);
	h.peak_concurrency = 4;
	h.quality = QUALITY_UNSETTLED;
	h.unsettled = 9;
	assert_int_equal(store_add_history(s, &h, 1), 0);
	assert_int_equal(store_each_minute(s, h.function, 100, 100, keep_row, &got), 0);
	assert_int_equal(got.responses_5xx, 6);
	assert_int_equal(got.excluded, 14);
	assert_int_equal(got.aborted, 2);
	assert_int_equal(got.peak_concurrency, 5);
	assert_int_equal(got.unsettled, 11);
	assert_int_equal(got.unsettled_responses, 8);
	assert_int_equal(got.quality, QUALITY_JOINED | QUALITY_UNSETTLED);
	assert_int_equal(got.durations.n[3], 60);
	assert_int_equal(got.durations.n[9], 18);
	/* 11 of 80 is too many. */
	assert_int_equal(store_read_series(s, h.function, 100, 1, v), 0);
	assert_true(isnan(v[0]));
	store_close(s);
}

static char *read_text(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 65536);

	assert_non_null(f);
	assert_true(fread(text, 1, 65535, f) > 0);
	fclose(f);
	return text;
}

/* A database that an older faasmat wrote: brought up, its partial minute still is, and its baselines do
 * not know what it did not keep. */
static void older_databases_come_up(void **state)
{
	const char *path = test_path("older.db");
	char *text = read_text("tests/data/store-version-3.sql");
	struct counter_baseline *b;
	int64_t first, last;
	struct store *s;
	double v[3];
	size_t n;

	store_close(fresh("older.db"));
	unlink(path);
	raw(path, text);
	free(text);
	assert_int_equal(store_open(path, STORE_READ, &s), -ENOTSUP);
	assert_int_equal(store_open(path, STORE_WRITE, &s), 0);
	assert_int_equal(store_history_range(s, 0, &first, &last), 0);
	assert_int_equal(store_read_series(s, 1, first + 1, 3, v), 0);
	assert_true(isnan(v[0]) && v[1] == 20 && v[2] == 30);
	assert_int_equal(store_read_baselines(s, 77, &b, &n), 0);
	assert_int_equal(n, 1);
	assert_true(b->narrow && b->requests == 100 && b->cold_measured);
	/* Written back as it is, and then with what a collector found. */
	assert_int_equal(store_write_baseline(s, 77, b), 0);
	free(b);
	assert_int_equal(store_read_baselines(s, 77, &b, &n), 0);
	assert_true(b->narrow);
	b->narrow = false;
	b->durations.n[31] = UINT32_MAX;
	b->unsettled_joined = -3;
	assert_int_equal(store_write_baseline(s, 77, b), 0);
	free(b);
	assert_int_equal(store_read_baselines(s, 77, &b, &n), 0);
	assert_true(!b->narrow && b->durations.n[31] == UINT32_MAX && b->unsettled_joined == -3);
	free(b);
	store_close(s);
}

static int count_rows(const struct history_row *row, const char *name, void *arg)
{
	assert_string_equal(name, "f");
	*(int64_t *)arg += row->containers * 1000 + row->cold_starts;
	return 0;
}

static void rows_come_back(void **state)
{
	struct store *s;
	int64_t sum = 0;

	assert_int_equal(store_open(test_path("add.db"), STORE_READ, &s), 0);
	assert_int_equal(store_each_history(s, 0, 101, count_rows, &sum), 0);
	assert_int_equal(sum, 3002); /* the larger count of containers, the sum of cold starts */
	store_close(s);
}

/* Against a plain array, over random intervals. */
static void observed_intervals_merge(void **state)
{
	struct store *s = fresh("observed.db");
	uint64_t rng = test_seed();
	bool watched[300] = { false };
	double v[300];
	int64_t id;

	assert_int_equal(store_function_id(s, "f", &id), 0);
	for (int round = 0; round < 60; round++) {
		int64_t a = test_random(&rng) % 300, b = a + test_random(&rng) % 12;
		bool all = test_random(&rng) % 2;

		b = MIN(b, 299); /* not around the call: a macro's argument may run twice */
		assert_int_equal(store_mark_observed(s, all ? 0 : id, a, b), 0);
		for (int64_t i = a; i <= b; i++)
			watched[i] = true;
		assert_int_equal(store_read_series(s, id, 0, 300, v), 0);
		for (int i = 0; i < 300; i++)
			assert_true(watched[i] ? v[i] == 0 : isnan(v[i]));
	}
	store_close(s);
}

static void plans_replace(void **state)
{
	struct store *s = fresh("plan.db");
	struct plan_row rows[3] = { { .minute = 10, .containers = 2, .bytes = 200 },
				    { .minute = 11, .containers = 3, .bytes = 300 },
				    { .minute = 12, .containers = 4, .bytes = 400 } };
	struct plan_row *got;
	int64_t version;
	size_t n;

	for (int i = 0; i < 3; i++)
		assert_int_equal(store_function_id(s, "f", &rows[i].function), 0);
	assert_int_equal(store_read_plan(s, 10, &got, &n), -ENODATA);
	assert_int_equal(store_write_plan(s, 10, 20, rows, 3), 0);
	assert_int_equal(store_plan_version(s, &version), 0);
	assert_int_equal(version, 1);
	assert_int_equal(store_read_plan(s, 11, &got, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(got->bytes, 300);
	assert_string_equal(got->name, "f");
	free(got);
	/* A planned minute without pools is not a minute without a plan. */
	assert_int_equal(store_read_plan(s, 15, &got, &n), 0);
	assert_int_equal(n, 0);
	/* Outside its range: refused whole. */
	assert_int_equal(store_write_plan(s, 10, 11, rows, 3), -ERANGE);
	/* An unknown function in the last row: the first two are not there either. */
	rows[2].function = 999;
	assert_int_equal(store_write_plan(s, 10, 12, rows, 3), -ENOENT);
	assert_int_equal(store_read_plan(s, 11, &got, &n), 0);
	assert_int_equal(got->bytes, 300);
	free(got);
	/* A plan for the middle replaces the middle. */
	rows[0].bytes = 111;
	rows[0].minute = 12;
	assert_int_equal(store_write_plan(s, 12, 13, rows, 1), 0);
	assert_int_equal(store_read_plan(s, 12, &got, &n), 0);
	assert_int_equal(got->bytes, 111);
	free(got);
	assert_int_equal(store_read_plan(s, 11, &got, &n), 0);
	free(got);
	assert_int_equal(store_read_plan(s, 20, &got, &n), 0);
	assert_int_equal(store_read_plan(s, 21, &got, &n), -ENODATA);
	store_close(s);
}

static void journal_keeps_the_first_value(void **state)
{
	struct store *s = fresh("journal.db");
	struct journal_row row = { .cgroup = 77,
				   .path = "/a",
				   .file = "memory.max",
				   .first_value = INT64_MAX,
				   .last_value = 5 };
	struct journal_row *rows;
	size_t n;

	assert_int_equal(store_journal_first(s, &row), 0);
	row.first_value = 1; /* what a second governor would find: our own write */
	assert_int_equal(store_journal_first(s, &row), 0);
	assert_int_equal(store_journal_last(s, 77, "memory.max", 6), 0);
	assert_int_equal(store_list_journal(s, &rows, &n), 0);
	assert_int_equal(n, 1);
	assert_true(rows->first_value == INT64_MAX);
	assert_int_equal(rows->last_value, 6);
	free(rows);
	assert_int_equal(store_journal_remove(s, 77, "memory.max"), 0);
	assert_int_equal(store_list_journal(s, &rows, &n), 0);
	assert_int_equal(n, 0);
	store_close(s);
}

static void baselines_belong_to_an_epoch(void **state)
{
	struct store *s = fresh("epoch.db");
	struct counter_baseline b = { .cgroup = 5, .requests = 100, .cold_counted = true }, *got;
	size_t n;

	assert_int_equal(store_write_baseline(s, 1, &b), 0);
	assert_int_equal(store_read_baselines(s, 2, &got, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(store_read_baselines(s, 1, &got, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(got->requests, 100);
	assert_true(got->cold_counted && !got->cold_measured);
	free(got);
	assert_int_equal(store_start_epoch(s, 2), 0);
	assert_int_equal(store_read_baselines(s, 1, &got, &n), 0);
	assert_int_equal(n, 0);
	store_close(s);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* A bad row anywhere: an error, and nothing of the file in the database. */
static void imports_are_all_or_nothing(void **state)
{
	static const char *const bad[] = {
		"function,day,minute\nf,0,0\n",
		"function,day,minute,count\nf,0,0,5\nf,0,1,-5\n",
		"function,day,minute,count\nf,0,0,5\nf,0,1,many\n",
		"function,day,minute,count\nf,0,0,5\nf,0,1440,1\n",
		"function,day,minute,count\nf,0,0,5\nf,0\n",
		"function,day,minute,count\nf,0,0,5\n../x,0,1,1\n",
		"function,day,minute,count\nf,0,0,5\n,0,1,1\n",
		"function,day,minute,count\nf,0,0,5\nf,0,1,99999999999999999999\n",
		"",
	};
	struct import_options o = { .first_day = -10, .last_day = 10 };
	const char *path = test_path("counts.csv");
	struct store *s = fresh("import.db");
	struct import_result r;
	int64_t first, last;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		write_file(path, bad[i]);
		assert_true(import_history(s, path, NULL, &o, &r) < 0);
		assert_int_equal(store_history_range(s, 0, &first, &last), -ENODATA);
	}
	/* A function that the functions file does not declare. */
	write_file(path, "function,day,minute,count\nf,0,0,5\ng,0,1,5\n");
	write_file(test_path("functions.csv"),
		   "function,memory_mb,warm_ms,cold_ms\nf,10,2.5,100\n");
	assert_true(import_history(s, path, test_path("functions.csv"), &o, &r) < 0);
	assert_int_equal(store_history_range(s, 0, &first, &last), -ENODATA);
	store_close(s);
}

static void imports_lay_days(void **state)
{
	struct import_options o = { .day_zero = 14400, .first_day = -10, .last_day = -1 };
	const char *path = test_path("counts.csv");
	struct store *s = fresh("import2.db");
	struct store_function *list;
	struct import_result r;
	double v[2 * 1440];
	size_t n;

	write_file(path, "function,day,minute,count\nf,-2,7,5\nf,-1,1439,9\nf,0,0,1000\n");
	write_file(test_path("functions.csv"),
		   "cold_ms,function,memory_mb,warm_ms\n100,f,10,2.5\n");
	assert_int_equal(import_history(s, path, test_path("functions.csv"), &o, &r), 0);
	assert_int_equal(r.invocations, 14); /* day 0 is left out */
	assert_int_equal(store_list_functions(s, 0, &list, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(list->memory_bytes, 10 * MIB);
	assert_int_equal(list->warm_us, 2500);
	assert_int_equal(list->cold_us, 100000);
	assert_int_equal(store_read_series(s, list->id, 14400 - 2880, 2880, v), 0);
	assert_true(v[7] == 5 && v[2879] == 9 && v[8] == 0);
	assert_int_equal(store_read_series(s, list->id, 14400, 1, v), 0);
	assert_true(isnan(v[0]));
	free(list);
	store_close(s);
}

/* Ten responses a minute, each minute's mean off by a known amount: one response's standard deviation
 * is sqrt(10) times that of the means. Twenty-nine minutes say nothing. */
static void warm_times_scatter(void **state _unused_)
{
	struct store *s = fresh("scatter.db");
	_cleanup_free_ struct store_function *list = NULL;
	struct history_row rows[40];
	int64_t id;
	size_t n;

	assert_int_equal(store_function_id(s, "f", &id), 0);
	for (int i = 0; i < 40; i++)
		rows[i] = (struct history_row){ .function = id,
						.minute = 100 + i,
						.invocations = 10,
						.responses = 10,
						.busy_us = 10 * (i % 2 ? 900 : 1100) };
	assert_int_equal(store_add_history(s, rows, 29), 0);
	assert_int_equal(store_list_functions(s, 0, &list, &n), 0);
	assert_true(list->warm_cv == 0);
	free(list);
	assert_int_equal(store_add_history(s, rows + 29, 11), 0);
	assert_int_equal(store_list_functions(s, 0, &list, &n), 0);
	assert_true(fabs(list->warm_cv - sqrt(10.0 * 40 / 39) / 10) < 1e-9);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_databases),
		cmocka_unit_test(minutes_add_up),
		cmocka_unit_test(outcomes_add_up),
		cmocka_unit_test(older_databases_come_up),
		cmocka_unit_test(rows_come_back),
		cmocka_unit_test(observed_intervals_merge),
		cmocka_unit_test(plans_replace),
		cmocka_unit_test(journal_keeps_the_first_value),
		cmocka_unit_test(baselines_belong_to_an_epoch),
		cmocka_unit_test(imports_are_all_or_nothing),
		cmocka_unit_test(imports_lay_days),
		cmocka_unit_test(warm_times_scatter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
