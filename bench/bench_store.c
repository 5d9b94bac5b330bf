// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The database at the size of a large node: a minute of 5,000 functions, committed by the collector's
 * own record_tally() with synchronous=FULL on this machine's disk; and a year of 200 functions, asked
 * what `top` and `forecast` ask, by their own functions. Wall time, medians.
 *
 * The year: every function has a row in each minute of the last 28 days, and in one minute of five
 * of the days before, 28 million rows (FAASMAT_BENCH_STORE=full: each minute of the year, 105
 * million, 9 GB and several minutes to make).
 */
#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cli/top.h"
#include "collector/record.h"
#include "common/clock.h"
#include "common/log.h"
#include "store/functions.h"
#include "store/history.h"
#include "store/retention.h"

#define DIR "build/tmp/bench-store"
#define YEAR (365 * MINUTES_PER_DAY)
#define DENSE (28 * MINUTES_PER_DAY)
#define FUNCTIONS_OF_MINUTE 5000
#define FUNCTIONS_OF_YEAR 200
#define FILLED 200
#define RUNS 21
#define FORECAST_MINUTES (12 * MINUTES_PER_DAY)

static void print(const char *name, double value, const char *unit)
{
	printf("{\"bench\":\"store\",\"case\":\"%s\",\"value\":%.4g,\"unit\":\"%s\"}\n", name,
	       value, unit);
	fflush(stdout);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v, int n)
{
	qsort(v, n, sizeof(*v), compare);
	return v[n / 2];
}

/* Wall and processor time: a neighbour on the machine makes the first longer, not the second. */
struct took {
	double wall[RUNS], processor[RUNS];
	struct timespec wall_start, processor_start;
};

static double ms_between(const struct timespec *a, const struct timespec *b)
{
	return (double)(b->tv_sec - a->tv_sec) * 1e3 + (double)(b->tv_nsec - a->tv_nsec) / 1e6;
}

static void begin(struct took *t)
{
	clock_gettime(CLOCK_MONOTONIC, &t->wall_start);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t->processor_start);
}

static void end(struct took *t, int run)
{
	struct timespec wall, processor;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &processor);
	clock_gettime(CLOCK_MONOTONIC, &wall);
	t->wall[run] = ms_between(&t->wall_start, &wall);
	t->processor[run] = ms_between(&t->processor_start, &processor);
}

static void print_took(const char *name, struct took *t, int n)
{
	char text[128];

	print(name, median(t->wall, n), "ms");
	snprintf(text, sizeof(text), "%s, fastest", name);
	print(text, t->wall[0], "ms");
	snprintf(text, sizeof(text), "%s, processor time", name);
	print(text, median(t->processor, n), "ms");
}

static struct store *open_new(const char *path)
{
	static const char *const suffix[] = { "", "-wal", "-shm" };
	char name[256];
	struct store *s;

	mkdir("build", 0755);
	mkdir("build/tmp", 0755);
	mkdir(DIR, 0755);
	for (size_t i = 0; i < ARRAY_SIZE(suffix); i++) {
		snprintf(name, sizeof(name), "%s%s", path, suffix[i]);
		unlink(name);
	}
	if (store_open(path, STORE_CREATE, &s) < 0) {
		log_error("%s: %s", path, store_why());
		exit(1);
	}
	return s;
}

/* One container a function, each with requests in every minute. */
static int pass(struct tally *t, uint32_t sweep)
{
	int r = 0;

	tally_begin(t, sweep);
	for (int i = 0; i < FUNCTIONS_OF_MINUTE && r == 0; i++) {
		uint64_t id = 100 + (uint64_t)i;
		struct wire_usage usage = { .bytes = 50 << 20,
					    .peak = 60 << 20,
					    .limit = WIRE_NO_LIMIT,
					    .made_ns = 1000,
					    .has_processes = 1,
					    .seen = sweep };
		struct wire_invocations counters = { .requests = 10 * (uint64_t)sweep,
						     .responses = 10 * (uint64_t)sweep,
						     .busy_ns = 1000000 * (uint64_t)sweep,
						     .first_response_ns = 2000000 };
		char name[64];

		snprintf(name, sizeof(name), "wsk0_%d_guest_function-%d", i, i);
		if (!tally_knows(t, id))
			r = tally_add_cgroup(t, id, 1, name);
		tally_usage(t, id, &usage);
		tally_invocations(t, id, &counters);
	}
	tally_end(t);
	return r;
}

static void drop(uint64_t id, void *arg)
{
	(void)id;
	(void)arg;
}

/* What came before: so many minutes that each function's rows fill pages of their own, as they do in
 * a database of weeks. */
static int fill_minutes(struct store *s)
{
	int r = store_begin(s);

	for (int f = 1; f <= FUNCTIONS_OF_MINUTE && r == 0; f++) {
		struct history_row h = { .invocations = 10,
					 .responses = 10,
					 .busy_us = 1000,
					 .containers = 1,
					 .memory_bytes = 50 << 20,
					 .memory_peak_bytes = 60 << 20 };
		char name[64];

		snprintf(name, sizeof(name), "function-%d", f - 1);
		r = store_function_id(s, name, &h.function);
		for (h.minute = 1000 - FILLED; h.minute < 999 && r == 0; h.minute++)
			r = store_add_history(s, &h, 1);
	}
	if (r == 0)
		r = store_commit(s);
	return r;
}

static int bench_commit(void)
{
	struct store *s = open_new(DIR "/minute.db");
	struct rules *rules = NULL;
	struct tally *t = NULL;
	struct took took, tidy;
	int r = rules_of_platform("openwhisk", &rules);

	if (r == 0)
		r = fill_minutes(s);
	if (r == 0)
		r = tally_new(rules, 1, "/", 1, &t);
	/* The first minute makes the functions: it is not measured. */
	for (int i = -1; i < RUNS && r == 0; i++) {
		struct interval watched = { 1000 + i, 1000 + i };
		struct record what = { .minute = 1000 + i,
				       .whole = 1000 + i,
				       .watched = &watched,
				       .n_watched = 1,
				       .keep_minutes = DENSE };

		r = pass(t, (uint32_t)i + 2);
		if (r == 0)
			r = tally_close_minute(t, 1000 + i, 0);
		begin(&took);
		if (r == 0)
			r = record_tally(s, 1, t, &what);
		if (i >= 0)
			end(&took, i);
		tally_stored(t, drop, NULL);
		begin(&tidy);
		if (r == 0)
			r = store_tidy(s);
		if (i >= 0)
			end(&tidy, i);
	}
	if (r < 0)
		return log_error_errno(r, "bench store: %s", store_why());
	print_took("commit a minute of 5000 functions", &took, RUNS);
	print_took("tidy after it", &tidy, RUNS);
	tally_free(t);
	rules_free(rules);
	store_close(s);
	return 0;
}

static int run_sql(sqlite3 *db, const char *sql)
{
	char *message = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK)
		return 0;
	log_error("bench store: %s", message);
	sqlite3_free(message);
	return -EIO;
}

static int insert_function(sqlite3_stmt *stmt, int function, int every)
{
	for (int minute = 0; minute < YEAR; minute++) {
		if (minute < YEAR - DENSE && minute % every != function % every)
			continue;
		sqlite3_bind_int(stmt, 1, function);
		sqlite3_bind_int(stmt, 2, minute);
		sqlite3_bind_int(stmt, 3, 20 + minute * function % 97);
		if (sqlite3_step(stmt) != SQLITE_DONE)
			return -EIO;
		sqlite3_reset(stmt);
	}
	return 0;
}

/* What an hour's churn leaves, as many rows as are ever kept. */
static const char containers_sql[] =
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)"
	" INSERT INTO containers(epoch, cgroup, path, function_id, first_minute, last_minute,"
	" invocations, peak_bytes, oom_kills, siblings) SELECT 1, i, '/faasmat/main/wsk0_' || i,"
	" 1 + i % 200, 525540 + i % 60, 525540 + i % 60, 5, 50000000 + i, 0, i % 7 FROM n;";

/* In the order of the table, and the index afterwards: a minute instead of an hour. */
static int fill_year(const char *path)
{
	const char *full = getenv("FAASMAT_BENCH_STORE");
	int every = full && strcmp(full, "full") == 0 ? 1 : 5;
	sqlite3_stmt *stmt = NULL;
	char sql[256];
	sqlite3 *db;
	int r;

	if (sqlite3_open(path, &db) != SQLITE_OK)
		return -EIO;
	r = run_sql(db, "PRAGMA synchronous=OFF; PRAGMA journal_mode=OFF;"
			"PRAGMA cache_size=-100000; DROP INDEX history_minute; BEGIN");
	if (sqlite3_prepare_v2(db,
			       "INSERT INTO history(function_id, minute, invocations, responses,"
			       " busy_us, cold_starts, containers, memory_bytes,"
			       " memory_peak_bytes) VALUES(?1, ?2, ?3, 20, 400000, 1, 3,"
			       " 150000000, 60000000)",
			       -1, &stmt, NULL) != SQLITE_OK)
		r = -EIO;
	for (int f = 1; f <= FUNCTIONS_OF_YEAR && r == 0; f++) {
		snprintf(sql, sizeof(sql), "INSERT INTO functions(id, name) VALUES(%d, 'f-%d')", f,
			 f);
		r = run_sql(db, sql);
		if (r == 0)
			r = insert_function(stmt, f, every);
		log_progress("functions of the year", f, FUNCTIONS_OF_YEAR);
	}
	sqlite3_finalize(stmt);
	if (r == 0)
		r = run_sql(db, containers_sql);
	if (r == 0)
		r = run_sql(db, "COMMIT; CREATE INDEX history_minute ON history(minute);"
				"INSERT INTO observed VALUES(0, 0, 525599);"
				"INSERT INTO meta VALUES('collector_whole_minute', 525599);"
				"PRAGMA journal_mode=WAL");
	sqlite3_close(db);
	return r;
}

static int ask_top(struct store *s)
{
	struct locator_options o = LOCATOR_DEFAULTS;
	struct took took;

	for (int i = 0; i < RUNS; i++) {
		struct board b;
		int r;

		begin(&took);
		r = board_read(&b, s, &o);

		end(&took, i);
		if (r < 0 || b.n != FUNCTIONS_OF_YEAR || !(b.row[7].calls[3] >= 20) ||
		    b.row[7].function.memory_bytes == 0)
			return -EIO;
		board_free(&b);
	}
	print_took("top, year of 200 functions", &took, RUNS);
	return 0;
}

static int ask_forecast(struct store *s)
{
	_cleanup_free_ double *value = calloc(FORECAST_MINUTES, sizeof(*value));
	struct took took;

	for (int i = 0; i < RUNS && value; i++) {
		int64_t id, first, last;
		char name[32];
		int r;

		begin(&took);
		snprintf(name, sizeof(name), "f-%d", 1 + i * 37 % FUNCTIONS_OF_YEAR);
		r = store_find_function(s, name, &id);
		if (r == 0)
			r = store_history_range(s, id, &first, &last);
		if (r == 0)
			r = store_read_series(s, id, last + 1 - FORECAST_MINUTES, FORECAST_MINUTES,
					      value);
		end(&took, i);
		if (r < 0 || last != YEAR - 1 || !(value[0] >= 20) ||
		    !(value[FORECAST_MINUTES - 1] >= 20))
			return -EIO;
	}
	print_took("forecast, 12 days of one of 200 functions", &took, RUNS);
	return value ? 0 : -ENOMEM;
}

/* What a plan asks once a day: the costs of all functions from a day's rows. */
static int ask_costs(struct store *s)
{
	struct took took;

	for (int i = 0; i < 3; i++) {
		struct store_function *list;
		size_t n;
		int r;

		begin(&took);
		r = store_list_functions(s, YEAR - MINUTES_PER_DAY, &list, &n);

		end(&took, i);
		if (r < 0 || n != FUNCTIONS_OF_YEAR)
			return -EIO;
		free(list);
	}
	print_took("costs of 200 functions from a day", &took, 3);
	return 0;
}

static int bench_year(void)
{
	struct store *s = open_new(DIR "/year.db");
	struct stat st;
	int r;

	store_close(s);
	r = fill_year(DIR "/year.db");
	if (r == 0)
		r = store_open(DIR "/year.db", STORE_READ, &s);
	if (r < 0)
		return log_error_errno(r, "bench store: making a year");
	if (stat(DIR "/year.db", &st) == 0)
		print("a year of 200 functions", (double)st.st_size / MIB, "MiB");
	r = ask_top(s);
	if (r == 0)
		r = ask_forecast(s);
	if (r == 0)
		r = ask_costs(s);
	store_close(s);
	unlink(DIR "/year.db");
	return r < 0 ? log_error_errno(r, "bench store: a query failed: %s", store_why()) : 0;
}

int main(void)
{
	log_set_name("bench store");
	return bench_commit() < 0 || bench_year() < 0 ? 1 : 0;
}
