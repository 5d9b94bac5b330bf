// SPDX-License-Identifier: GPL-2.0-or-later
/* The models on series whose future is known, on damaged ones, within the day; batch and backtest. */
#include <stdarg.h>
#include <setjmp.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/log.h"
#include "forecast/backtest.h"
#include "forecast/batch.h"
#include "forecast/prophet.h"
#include "forecast/random.h"

static const struct forecast_options options = { .n_quantiles = 4,
						 .quantile = { 0.5, 0.9, 0.95, 0.99 } };

/* A weekday load with noise: 100 a minute by day, 20 by night, weekends (days 5 and 6) a third. */
static double load_at(size_t i, uint64_t *random)
{
	size_t day = i / 1440, hour = i / 60 % 24;
	double v = hour >= 8 && hour < 20 ? 100 : 20;

	if (day % 7 >= 5)
		v /= 3;
	return v * (0.9 + 0.2 * random_uniform(random));
}

static void make_load(struct series *s, size_t days)
{
	uint64_t random = 7;

	assert_int_equal(series_alloc(s, 0, 1, days * 1440), 0);
	for (size_t i = 0; i < s->n; i++)
		s->value[i] = load_at(i, &random);
}

static double loss_on(const struct series *history, size_t first_step, enum forecast_model model)
{
	_cleanup_forecast_ struct forecast f = { 0 };
	struct forecast_options o = options;
	uint64_t random = 99;
	double loss = 0;

	o.model = model;
	assert_int_equal(forecast_make(history, &o, 1440, &f), 0);
	for (size_t i = 0; i < f.n; i++) {
		double actual = load_at(first_step + i, &random);

		for (size_t k = 0; k < 4; k++) {
			double d = actual - f.q[i * 4 + k];

			loss += d >= 0 ? o.quantile[k] * d : (o.quantile[k] - 1) * d;
		}
	}
	return loss / 1440 / 4;
}

/* Saturday after five weekdays, with one week of history before: the weekend is known. */
static void test_weekend_is_known(void **state _unused_)
{
	_cleanup_series_ struct series s = { 0 };

	make_load(&s, 12);
	assert_true(loss_on(&s, 12 * 1440, MODEL_AUTO) < 2);
	assert_true(loss_on(&s, 12 * 1440, MODEL_YESTERDAY) > 4);
}

/* A day missing, a day of outage (zeros), a spike of a thousand times: none moves the forecast of a
 * Tuesday by much. */
static void test_damaged_days(void **state _unused_)
{
	_cleanup_series_ struct series clean = { 0 }, s = { 0 };
	double before;

	make_load(&clean, 8);
	make_load(&s, 8);
	before = loss_on(&clean, 8 * 1440, MODEL_AUTO);
	for (size_t i = 0; i < 1440; i++)
		s.value[3 * 1440 + i] = NAN;
	for (size_t i = 0; i < 1440; i++)
		s.value[2 * 1440 + i] = 0;
	s.value[1 * 1440 + 700] = 1e5;
	s.value[7 * 1440 + 300] = 1e5;
	for (size_t i = 0; i < s.n; i += 17)
		s.value[i] = NAN;
	print_message("loss %.2f, damaged %.2f\n", before, loss_on(&s, 8 * 1440, MODEL_AUTO));
	assert_true(loss_on(&s, 8 * 1440, MODEL_AUTO) < before + 3);
}

static double median_over(const struct forecast *f, size_t first, size_t last)
{
	double sum = 0;

	for (size_t i = first; i < last; i++)
		sum += f->q[i * f->n_quantiles];
	return sum / (double)(last - first);
}

/* A week ago the node was down for three hours, and two days ago a retry storm of two hours was forty
 * times the usual: the same hours of tomorrow are forecast as on any day. */
static void test_outage_and_storm(void **state _unused_)
{
	_cleanup_series_ struct series s = { 0 };
	_cleanup_forecast_ struct forecast f = { 0 };
	uint64_t random = 5;

	assert_int_equal(series_alloc(&s, 0, 1, 10 * 1440), 0);
	for (size_t i = 0; i < s.n; i++)
		s.value[i] = 100 + 20 * random_uniform(&random);
	for (size_t i = 0; i < 180; i++)
		s.value[3 * 1440 + 480 + i] = 0;
	for (size_t i = 0; i < 120; i++)
		s.value[8 * 1440 + 840 + i] *= 40;
	assert_int_equal(forecast_make(&s, &options, 1440, &f), 0);
	assert_true(fabs(median_over(&f, 480, 660) - 110) < 10);
	assert_true(fabs(median_over(&f, 840, 960) - 110) < 15);
}

/* Noise around a slow wave: smooth members let the median lie nearer to the wave than the last days'
 * own minutes do. */
static void test_smooth_wave(void **state _unused_)
{
	_cleanup_series_ struct series s = { 0 };
	_cleanup_forecast_ struct forecast f = { 0 };
	uint64_t random = 11;
	double off = 0;

	assert_int_equal(series_alloc(&s, 0, 5, 8 * 288), 0);
	for (size_t i = 0; i < s.n; i++)
		s.value[i] = (60 + 40 * sin(2 * M_PI * (double)(i % 288) / 288)) *
			     (0.4 + 1.2 * random_uniform(&random));
	assert_int_equal(forecast_make(&s, &options, 1440 / 5, &f), 0);
	for (size_t i = 0; i < f.n; i++)
		off += fabs(f.q[i * 4] - (60 + 40 * sin(2 * M_PI * (double)i / 288))) / 288;
	assert_true(off < 5); /* yesterday's minutes are off by 18 on average */
}

/* A holiday in the history is not the habit of its weekday, and a holiday of the same name is forecast
 * from it. */
static void test_holidays(void **state _unused_)
{
	struct holiday day[] = { { 5, 0 }, { 12, 0 } };
	struct holidays h = { .n_names = 1, .name = { "feast" }, .n = 1, .holiday = day };
	_cleanup_series_ struct series s = { 0 };
	_cleanup_forecast_ struct forecast plain = { 0 }, ordinary = { 0 }, feast = { 0 };
	struct forecast_options o = options;
	uint64_t random = 13;

	assert_int_equal(series_alloc(&s, 0, 5, 12 * 288), 0);
	for (size_t i = 0; i < s.n; i++)
		s.value[i] = (i / 288 == 5 ? 45 : 100) + 5 * random_uniform(&random);
	assert_int_equal(forecast_make(&s, &o, 288, &plain), 0);
	o.holidays = &h;
	assert_int_equal(forecast_make(&s, &o, 288, &ordinary), 0);
	h.n = 2;
	assert_int_equal(forecast_make(&s, &o, 288, &feast), 0);
	assert_true(fabs(median_over(&ordinary, 0, 288) - 102.5) < 3);
	assert_true(median_over(&feast, 0, 288) < median_over(&plain, 0, 288) - 10);
}

/* Half a day of history: the recent level, not zero for the hours that were never seen. */
static void test_young_function(void **state _unused_)
{
	_cleanup_series_ struct series s = { 0 };
	_cleanup_forecast_ struct forecast f = { 0 };

	assert_int_equal(series_alloc(&s, 0, 1, 300), 0);
	for (size_t i = 0; i < s.n; i++)
		s.value[i] = 50;
	assert_int_equal(forecast_make(&s, &options, 1440, &f), 0);
	for (size_t i = 0; i < f.n; i++)
		assert_true(fabs(f.q[i * 4] - 50) < 0.01);
}

/* Tomorrow is planned today: the last nine hours are not there yet. */
static void test_missing_tail(void **state _unused_)
{
	_cleanup_series_ struct series s = { 0 };

	make_load(&s, 12);
	for (size_t i = s.n - 540; i < s.n; i++)
		s.value[i] = NAN;
	assert_true(loss_on(&s, 12 * 1440, MODEL_AUTO) < 3);
}

/* Since an hour the level is three times the usual; and a cron job that fires every ten minutes was
 * deployed this morning. Both are in the forecast of the next hour. */
static void test_within_day(void **state _unused_)
{
	_cleanup_series_ struct series s = { 0 }, cron = { 0 };
	_cleanup_forecast_ struct forecast f = { 0 }, plain = { 0 }, g = { 0 };

	make_load(&s, 8);
	s.n -= 600; /* 14:00 */
	for (size_t i = s.n - 60; i < s.n; i++)
		s.value[i] *= 3;
	assert_int_equal(forecast_make(&s, &options, 60, &plain), 0);
	assert_int_equal(forecast_within_day(&s, &options, 60, &f), 0);
	assert_true(f.q[10 * 4] > 1.25 * plain.q[10 * 4]);
	assert_int_equal(series_alloc(&cron, 0, 1, 5 * 1440 + 480), 0);
	for (size_t i = 0; i < cron.n; i++)
		cron.value[i] = i > 5 * 1440 && i % 10 == 4 ? 40 : 0;
	assert_int_equal(forecast_within_day(&cron, &options, 60, &g), 0);
	for (size_t i = 0; i < 60; i++) {
		if ((cron.n + i) % 10 == 4)
			assert_true(g.q[i * 4] > 30);
		else
			assert_true(g.q[i * 4 + 3] < 5);
	}
}

/* Prophet's optimum on the shared series (first 12 days of crane_input09; objective from the
 * research note: Stan stops at -49421.52, coordinate descent found -49428.46). */
static void test_prophet_objective(void **state _unused_)
{
	_cleanup_series_ struct series s = { 0 };
	struct series history;
	struct prophet p;

	assert_int_equal(series_read("tests/data/forecast/crane_input09.csv.gz", &s), 0);
	history = series_view(&s, 17280, 17280);
	assert_int_equal(prophet_fit(&history, NULL, &p), 0);
	assert_int_equal(p.n_columns, 2 + 25 + 8); /* no week: less than 14 days */
	assert_true(p.objective < -49428.45 && p.objective > -49428.60);
}

/* The optimum is one: moving any coefficient either way makes the objective worse. A line with a
 * known slope is found; weekly terms come with 14 days; a holiday takes its column. */
static void test_prophet_line(void **state _unused_)
{
	_cleanup_series_ struct series s = { 0 };
	struct holiday day = { 17, 0 };
	struct holidays h = { .n_names = 1, .name = { "x" }, .n = 1, .holiday = &day };
	uint64_t random = 3;
	struct prophet p;

	assert_int_equal(series_alloc(&s, 10 * 1440, 5, 20 * 288), 0);
	for (size_t i = 0; i < s.n; i++) {
		s.value[i] = 100 + (double)i * 0.01 + random_uniform(&random);
		if (i / 288 == 7)
			s.value[i] += 50;
	}
	assert_int_equal(prophet_fit(&s, &h, &p), 0);
	assert_int_equal(p.weekly, 3);
	assert_int_equal(p.n_columns, 2 + 25 + 6 + 8 + 1);
	assert_true(fabs(p.theta[p.n_columns - 1] * p.scale - 50) < 2);
	assert_true(fabs(prophet_mean(&p, series_end(&s)) - (100.5 + (double)s.n * 0.01)) < 1.5);
}

static void test_prophet_short_cuts(void **state _unused_)
{
	_cleanup_series_ struct series s = { 0 };
	_cleanup_forecast_ struct forecast f = { 0 };
	struct forecast_options o = options;

	o.model = MODEL_PROPHET;
	assert_int_equal(series_alloc(&s, 0, 60, 100), 0);
	for (size_t i = 0; i < s.n; i++)
		s.value[i] = 0;
	assert_int_equal(forecast_make(&s, &o, 24, &f), 0);
	assert_true(f.mean[3] == 0 && f.q[3 * 4 + 3] < 1e-6);
}

/* --- batch */

static void make_directory(char *path)
{
	assert_non_null(mkdtemp(path));
}

static void write_series(const char *directory, const char *name, int seed)
{
	char path[256];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs("minute,value\n", out);
	srand((unsigned int)seed);
	for (int i = 0; i < 4 * 1440; i++)
		fprintf(out, "%d,%d\n", i, rand() % 50 + (i / 60 % 24 > 8 ? 100 : 0));
	fclose(out);
}

static char *slurp(const char *directory, const char *name, size_t *size)
{
	char path[256], *text = calloc(1, 1 << 20);
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	in = fopen(path, "r");
	assert_non_null(in);
	*size = fread(text, 1, 1 << 20, in);
	fclose(in);
	return text;
}

static void remove_directory(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	rmdir(path);
}

/* The bytes do not depend on the threads; one bad file does not stop the others and leaves nothing. */
static void test_batch(void **state _unused_)
{
	char in[] = "/tmp/faasmat-test-in-XXXXXX", one[] = "/tmp/faasmat-test-one-XXXXXX";
	char two[] = "/tmp/faasmat-test-two-XXXXXX", name[32], path[300];
	struct batch_options o = {
		.forecast = options, .history = 12 * 1440, .horizon = 1440, .now = BATCH_NO_NOW
	};

	make_directory(in);
	make_directory(one);
	make_directory(two);
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "s%d.csv", i);
		write_series(in, name, i);
	}
	snprintf(path, sizeof(path), "%s/bad.csv", in);
	fclose(fopen(path, "w"));
	log_set_level(LOG_LEVEL_ERROR);
	assert_true(forecast_directory(in, one, &o, 1) < 0);
	assert_true(forecast_directory(in, two, &o, 4) < 0);
	for (int i = 0; i < 6; i++) {
		size_t a, b;
		char *x, *y;

		snprintf(name, sizeof(name), "s%d.csv", i);
		x = slurp(one, name, &a);
		y = slurp(two, name, &b);
		assert_true(a > 1440 * 20);
		assert_int_equal(a, b);
		assert_memory_equal(x, y, a);
		free(x);
		free(y);
	}
	snprintf(path, sizeof(path), "%s/bad.csv", two);
	assert_int_equal(access(path, F_OK), -1);
	remove_directory(in);
	remove_directory(one);
	remove_directory(two);
}

static void test_backtest(void **state _unused_)
{
	struct backtest_options o = { .forecast = options,
				      .history = 12 * 1440,
				      .days = 3,
				      .provision = 0.9,
				      .warm_us = 600000 };
	_cleanup_series_ struct series s = { 0 };
	struct series one;
	struct backtest b;

	make_load(&s, 14);
	assert_int_equal(backtest_run(&s, &o, &b), 0);
	assert_int_equal(b.days, 3);
	assert_true(b.steps == 3 * 1440);
	assert_true(b.model.loss < b.yesterday.loss); /* a weekend lies in it */
	assert_true(b.model.coverage[1] > 0.8 && b.model.coverage[1] < 1);
	assert_true(b.model.under < 0.02);
	assert_true(b.lastweek.coverage[0] > 0.4 && b.lastweek.coverage[0] < 0.6);
	/* Without uncertainty yesterday provides for half of the noise. */
	assert_true(b.yesterday.pinball[0] > 0);
	one = series_view(&s, 1440, 1440);
	assert_int_equal(backtest_run(&one, &o, &b), -ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weekend_is_known),   cmocka_unit_test(test_damaged_days),
		cmocka_unit_test(test_outage_and_storm),   cmocka_unit_test(test_smooth_wave),
		cmocka_unit_test(test_holidays),	   cmocka_unit_test(test_young_function),
		cmocka_unit_test(test_missing_tail),	   cmocka_unit_test(test_within_day),
		cmocka_unit_test(test_prophet_objective),  cmocka_unit_test(test_prophet_line),
		cmocka_unit_test(test_prophet_short_cuts), cmocka_unit_test(test_batch),
		cmocka_unit_test(test_backtest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
