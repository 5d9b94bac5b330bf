// SPDX-License-Identifier: GPL-2.0-or-later
/* Flow sizing, bytes, hold and the share cap; then the job on databases made here. */
#include "tests/test.h"

#include <math.h>
#include <unistd.h>

#include "common/log.h"
#include "forecast/job.h"
#include "forecast/plan.h"
#include "forecast/sizing.h"
#include "store/history.h"
#include "store/plan.h"

static void test_flow(void **state _unused_)
{
	assert_int_equal(sizing_flow(0, 440000), 0);
	assert_int_equal(sizing_flow(0.5, 440000), 1);
	assert_int_equal(sizing_flow(2466, 440000), 19); /* paper, f1de: 18.08 busy */
	assert_int_equal(sizing_flow(600, 100000), 1);	 /* exactly 1 busy */
	assert_int_equal(sizing_flow(601, 100000), 2);
	assert_int_equal(sizing_flow(1e300, 1000000), SIZING_MAX_CONTAINERS);
}

static void test_bytes(void **state _unused_)
{
	assert_int_equal(sizing_bytes(0, 72 * MIB, 0.1), 0);
	assert_int_equal(sizing_bytes(1, 4096, 0), 4096);
	assert_int_equal(sizing_bytes(1, 4097, 0), 8192);
	assert_int_equal(sizing_bytes(10, 1000000, 0.1), 11001856); /* 11,000,000 -> 2686 pages */
	assert_true(sizing_bytes(SIZING_MAX_CONTAINERS, INT64_MAX / 2, 0.1) == INT64_MAX);
}

/* The largest count whose bytes fit, for random sizes: fits, and one more does not. */
static void test_fit(void **state _unused_)
{
	srand((unsigned int)test_seed());
	for (int i = 0; i < 20000; i++) {
		int64_t unit = 1 + rand() % (300 * MIB), bytes = (int64_t)rand() * (rand() % 64);
		double headroom = (double)(rand() % 50) / 100;
		int64_t n = sizing_fit(bytes, unit, headroom);

		assert_true(sizing_bytes(n, unit, headroom) <= bytes || n == 0);
		if (n < SIZING_MAX_CONTAINERS)
			assert_true(sizing_bytes(n + 1, unit, headroom) > bytes);
	}
}

static void check_hold(const int64_t *in, const int64_t *want, size_t n, size_t hold)
{
	int64_t got[32];

	memcpy(got, in, n * sizeof(*in));
	assert_int_equal(plan_hold(got, n, hold), 0);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(got[i], want[i]);
}

static void test_hold(void **state _unused_)
{
	static const int64_t in[] = { 0, 5, 1, 2, 4, 0, 0, 0, 6, 2 };

	/* Hold 3 fills the dip of two minutes to its lower rim; that of three stays, so does the
	 * last minute, whose other rim is tomorrow's. */
	check_hold(in, (const int64_t[]){ 0, 5, 4, 4, 4, 0, 0, 0, 6, 2 }, 10, 3);
	check_hold(in, (const int64_t[]){ 0, 5, 4, 4, 4, 4, 4, 4, 6, 2 }, 10, 4);
	check_hold(in, in, 10, 1);
	check_hold(in, (const int64_t[]){ 0, 5, 5, 5, 5, 5, 5, 5, 6, 2 }, 10, 100);
}

static void test_cap(void **state _unused_)
{
	_cleanup_plan_ struct plan p = { 0 };

	assert_int_equal(plan_alloc(&p, 2, 2), 0);
	p.cap_bytes = 10 * MIB;
	p.pool[0].unit_bytes = 1 * MIB; /* wants 4, then 4 */
	p.pool[0].score = 1;
	p.pool[1].unit_bytes = 3 * MIB; /* more important; wants 2, then 4 */
	p.pool[1].score = 2;
	p.pool[0].containers[0] = p.pool[0].containers[1] = 4;
	p.pool[1].containers[0] = 2;
	p.pool[1].containers[1] = 4;
	assert_int_equal(plan_cap(&p), 0);
	assert_int_equal(p.pool[1].containers[0], 2);
	assert_int_equal(p.pool[0].containers[0], 4); /* 6 + 4 = 10 MiB: just fits */
	assert_int_equal(p.pool[1].containers[1], 3);
	assert_int_equal(p.pool[0].containers[1], 1);
	assert_int_equal(p.pool[0].bytes[1] + p.pool[1].bytes[1], 10 * MIB);
	assert_int_equal(p.bound, 1);
	assert_int_equal(p.pool[0].bound, 1);
	assert_int_equal(p.pool[1].bound, 1);
}

/* --- the job */

#define DAY0 (20000LL * MINUTES_PER_DAY) /* the planned day; a Thursday */

static char path[] = "/tmp/faasmat-test-plan-XXXXXX";

static struct store *new_store(void)
{
	struct store *s;
	int fd;

	strcpy(path + sizeof(path) - 7, "XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	assert_int_equal(store_open(path, STORE_CREATE, &s), 0);
	return s;
}

static void drop_store(struct store *s)
{
	char name[64];

	store_close(s);
	unlink(path);
	snprintf(name, sizeof(name), "%s-wal", path);
	unlink(name);
	snprintf(name, sizeof(name), "%s-shm", path);
	unlink(name);
}

/* `days` days before DAY0 of `rate` calls a minute from 08:00 to 20:00 and a tenth at night. */
static int64_t add_function(struct store *s, const char *name, int64_t mib, int64_t warm_ms,
			    int days, int64_t rate)
{
	struct store_function f = { .memory_bytes = mib * MIB, .warm_us = warm_ms * 1000 };

	snprintf(f.name, sizeof(f.name), "%s", name);
	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_declare_function(s, &f), 0);
	for (int64_t m = DAY0 - days * MINUTES_PER_DAY; m < DAY0; m++) {
		int64_t hour = m / 60 % 24;

		assert_int_equal(
			store_import_minute(s, f.id, m, hour >= 8 && hour < 20 ? rate : rate / 10),
			0);
	}
	if (days)
		assert_int_equal(
			store_mark_observed(s, f.id, DAY0 - days * MINUTES_PER_DAY, DAY0 - 1), 0);
	assert_int_equal(store_commit(s), 0);
	return f.id;
}

static struct plan_options options(void)
{
	struct plan_options o;

	plan_options_init(&o);
	o.memory_bytes = 16 * GIB;
	o.day = DAY0;
	return o;
}

static void test_job_plans_hot_functions(void **state _unused_)
{
	struct store *s = new_store();
	struct plan_options o = options();
	_cleanup_plan_report_ struct plan_report r = { 0 };
	_cleanup_free_ struct plan_row *rows = NULL;
	struct forecast_minute fm;
	int64_t hot = add_function(s, "hot", 89, 440, 5, 3000);
	size_t n;

	add_function(s, "rare", 100, 50, 5, 10);
	assert_int_equal(plan_job(s, &o, &r), 0);
	assert_int_equal(r.n, 2);
	assert_string_equal(r.line[0].function.name, "hot");
	assert_true(r.line[0].planned);
	assert_false(r.line[1].planned);
	/* 12:00: 3000 x 0.44 s are 22 busy containers; 03:00: 300 calls, 2.2 busy. */
	assert_int_equal(store_read_plan(s, DAY0 + 12 * 60, &rows, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(rows[0].function, hot);
	assert_int_equal(rows[0].containers, 22);
	assert_int_equal(rows[0].bytes, sizing_bytes(22, 89 * MIB, 0.1));
	free(rows);
	assert_int_equal(store_read_plan(s, DAY0 + 3 * 60, &rows, &n), 0);
	assert_int_equal(rows[0].containers, 3);
	assert_int_equal(store_read_forecast(s, hot, DAY0 + 12 * 60, 1, &fm), 0);
	assert_true(fabs(fm.q[0] - 3000) < 1 && fabs(fm.mean - 3000) < 1);
	drop_store(s);
}

static void test_job_static(void **state _unused_)
{
	struct store *s = new_store();
	struct plan_options o = options();
	_cleanup_plan_report_ struct plan_report r = { 0 };

	add_function(s, "hot", 89, 440, 5, 3000);
	o.demand.policy = POLICY_STATIC;
	o.demand.quantile = 0;
	assert_int_equal(plan_job(s, &o, &r), 0);
	/* The day's mean is 1650 calls: 12.1 busy. */
	assert_int_equal(r.line[0].containers_min, 13);
	assert_int_equal(r.line[0].containers_max, 13);
	drop_store(s);
}

/* Every stored minute's bytes stay under the cap, and the report says where it bound. */
static void test_job_cap(void **state _unused_)
{
	struct store *s = new_store();
	struct plan_options o = options();
	_cleanup_plan_report_ struct plan_report r = { 0 };

	add_function(s, "one", 89, 440, 5, 3000);
	add_function(s, "two", 72, 440, 5, 2900);
	o.memory_bytes = 4 * GIB;
	assert_int_equal(plan_job(s, &o, &r), 0);
	assert_int_equal(r.cap_bytes, (int64_t)(0.7 * 4 * GIB));
	assert_true(r.bound > 700 && r.bound < 740); /* the busy half of the day */
	for (int64_t m = DAY0; m < DAY0 + MINUTES_PER_DAY; m++) {
		_cleanup_free_ struct plan_row *rows = NULL;
		int64_t sum = 0;
		size_t n;

		assert_int_equal(store_read_plan(s, m, &rows, &n), 0);
		for (size_t i = 0; i < n; i++)
			sum += rows[i].bytes;
		assert_true(sum <= r.cap_bytes);
	}
	drop_store(s);
}

/* A function that sleeps the day before but not on the planned weekday is planned. */
static void test_job_knows_weekdays(void **state _unused_)
{
	struct store *s = new_store();
	struct plan_options o = options();
	_cleanup_plan_report_ struct plan_report r = { 0 };
	struct store_function f = { .name = "weekly", .memory_bytes = 89 * MIB, .warm_us = 440000 };

	assert_int_equal(store_begin(s), 0);
	assert_int_equal(store_declare_function(s, &f), 0);
	for (int64_t m = DAY0 - 7 * 1440; m < DAY0 - 6 * 1440; m++)
		assert_int_equal(store_import_minute(s, f.id, m, 3000), 0);
	assert_int_equal(store_mark_observed(s, f.id, DAY0 - 12 * 1440, DAY0 - 1), 0);
	assert_int_equal(store_commit(s), 0);
	assert_int_equal(plan_job(s, &o, &r), 0);
	assert_true(r.line[0].planned);
	drop_store(s);
}

static void check_fails(const struct plan_options *o, struct store *s, int want)
{
	struct plan_report r;
	struct plan_row *rows;
	size_t n;

	assert_int_equal(plan_job(s, o, &r), want);
	assert_int_equal(r.n, 0);
	assert_int_equal(store_read_plan(s, o->day, &rows, &n), -ENODATA); /* nothing written */
}

static void test_job_refuses(void **state _unused_)
{
	static const char *const unknown[] = { "no-such" }, *const costless[] = { "costless" };
	struct store *s = new_store();
	struct plan_options o = options();

	log_set_level(LOG_LEVEL_ERROR);
	check_fails(&o, s, -ENODATA); /* no history at all */
	add_function(s, "hot", 89, 440, 5, 3000);
	add_function(s, "costless", 0, 0, 2, 3000);
	o.function = unknown;
	o.n_functions = 1;
	check_fails(&o, s, -ENOENT);
	o.function = costless;
	check_fails(&o, s, -EINVAL);
	o = options();
	o.day = DAY0 + 40 * MINUTES_PER_DAY; /* the history ended long before */
	check_fails(&o, s, -ENODATA);
	drop_store(s);
}

/* Another process holds the write lock: the plan before stays whole. */
static void test_job_all_or_nothing(void **state _unused_)
{
	struct store *s = new_store();
	struct plan_options o = options();
	struct plan_report r;
	struct plan_row row = { .minute = DAY0 + 5, .containers = 7, .bytes = 7, .unit_bytes = 1 };
	_cleanup_free_ struct plan_row *rows = NULL;
	struct forecast_minute fm;
	size_t n;

	row.function = add_function(s, "hot", 89, 440, 5, 3000);
	assert_int_equal(store_write_plan(s, DAY0, DAY0 + 1439, &row, 1), 0);
	/* A transaction that is already open makes the job's own begin fail. */
	assert_int_equal(store_begin(s), 0);
	assert_true(plan_job(s, &o, &r) < 0);
	assert_int_equal(store_read_plan(s, DAY0 + 5, &rows, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(rows[0].containers, 7);
	assert_int_equal(store_read_forecast(s, row.function, DAY0, 1, &fm), -ENODATA);
	drop_store(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flow),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_fit),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_job_plans_hot_functions),
		cmocka_unit_test(test_job_static),
		cmocka_unit_test(test_job_cap),
		cmocka_unit_test(test_job_knows_weekdays),
		cmocka_unit_test(test_job_refuses),
		cmocka_unit_test(test_job_all_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
