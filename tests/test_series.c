// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading series, and what every forecast must be whatever it was fed. */
#include "tests/test.h"

#include <math.h>
#include <unistd.h>

#include "common/log.h"
#include "forecast/forecast.h"

static int read_text(const char *text, struct series *ret)
{
	char path[] = "/tmp/faasmat-test-series-XXXXXX";
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	r = series_read(path, ret);
	unlink(path);
	return r;
}

static void test_gaps_are_missing(void **state _unused_)
{
	_cleanup_series_ struct series s = { 0 };

	assert_int_equal(read_text("minute,value\n100,1\n105,\n110,nan\n120,4294967296\n", &s), 0);
	assert_int_equal(s.start, 100);
	assert_int_equal(s.step, 5);
	assert_int_equal(s.n, 5);
	assert_int_equal(series_known(&s), 2);
	assert_true(isnan(s.value[1]) && isnan(s.value[2]) && isnan(s.value[3]));
	assert_true(s.value[4] == 4294967296.0);
}

static void test_one_row(void **state _unused_)
{
	_cleanup_series_ struct series s = { 0 };

	assert_int_equal(read_text("count,minute\n3,7\n", &s), 0);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.start, 7);
	assert_true(s.value[0] == 3);
}

static void test_bad_files(void **state _unused_)
{
	static const char *const bad[] = {
		"minute,value\n",			    /* no row */
		"minute,other\n1,2\n",			    /* no column */
		"minute,value\n1,2\n1,3\n",		    /* twice */
		"minute,value\n2,2\n1,3\n",		    /* out of order */
		"minute,value\n1,-2\n",			    /* negative */
		"minute,value\n1,many\n",		    /* text */
		"minute,value\n1\n",			    /* short row */
		"minute,value\n0,1\n7,1\n14,1\n",	    /* 7 does not divide 1440 */
		"minute,value\n0,1\n10,1\n15,1\n22,1\n",    /* 22 is off the grid of 5 */
		"minute,value\n0,1\n1,1\n1500000000,1\n",   /* a time stamp in seconds */
		"minute,value\n1,1e400\n",		    /* not finite */
		"minute,value\n9999999999999999999999,1\n", /* not an int64 */
	};

	log_set_level(LOG_LEVEL_ERROR);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct series s;

		assert_int_equal(read_text(bad[i], &s), -EINVAL);
		assert_null(s.value);
	}
}

static void check_proper(const struct forecast *f)
{
	for (size_t i = 0; i < f->n; i++) {
		double last = 0;

		assert_true(isfinite(f->mean[i]) && f->mean[i] >= 0);
		for (size_t k = 0; k < f->n_quantiles; k++) {
			double q = f->q[i * f->n_quantiles + k];

			assert_true(isfinite(q) && q >= last);
			last = q;
		}
	}
}

static const struct forecast_options options = { .n_quantiles = 4,
						 .quantile = { 0.5, 0.9, 0.95, 0.99 } };

/* Random series of every awkward kind: a sound forecast from each model. */
static void test_any_series(void **state _unused_)
{
	static const int steps[] = { 1, 5, 60, 720, 1440 };

	srand((unsigned int)test_seed());
	for (int round = 0; round < 150; round++) {
		int step = steps[rand() % 5];
		size_t n = 1 + (size_t)rand() % (size_t)(16 * 1440 / step);
		int kind = rand() % 6;
		double scale = pow(10, rand() % 14 - 3);
		_cleanup_series_ struct series s = { 0 };

		assert_int_equal(series_alloc(&s, rand(), step, n), 0);
		for (size_t i = 0; i < n; i++) {
			double u = (double)rand() / RAND_MAX;

			s.value[i] = kind == 0	 ? scale
				     : kind == 1 ? scale * u
				     : kind == 2 ? (u < 0.02) * scale
				     : kind == 3 ? (u < 0.9 ? NAN : scale)
				     : kind == 4 ? 0
						 : (i % 30 == 0) * scale;
		}
		s.value[(size_t)rand() % n] = scale;
		for (int model = MODEL_AUTO; model <= MODEL_LASTWEEK; model++) {
			_cleanup_forecast_ struct forecast f = { 0 };
			struct forecast_options o = options;

			o.model = model;
			if (forecast_make(&s, &o, (size_t)(1440 / step), &f) == -EINVAL)
				continue; /* a model of a later stage */
			assert_int_equal(f.n, (size_t)(1440 / step));
			assert_int_equal(f.start, series_end(&s));
			check_proper(&f);
		}
	}
}

static void fill(struct series *s, double (*value)(size_t i))
{
	for (size_t i = 0; i < s->n; i++)
		s->value[i] = value(i);
}

static double constant(size_t i _unused_)
{
	return 42;
}

static double cron(size_t i)
{
	return i % 30 == 7 ? 12 : 0;
}

static void check_exact(double (*value)(size_t i), size_t n)
{
	_cleanup_series_ struct series s = { 0 };
	_cleanup_forecast_ struct forecast f = { 0 };

	assert_int_equal(series_alloc(&s, 0, 1, n), 0);
	fill(&s, value);
	assert_int_equal(forecast_make(&s, &options, 1440, &f), 0);
	for (size_t i = 0; i < f.n; i++)
		for (size_t k = 0; k < 4; k++)
			assert_true(fabs(f.q[i * 4 + k] - value(n + i)) < 1e-4);
}

/* What never changes, and what fires at an exact phase, is forecast exactly: not smoothed. */
static void test_exact(void **state _unused_)
{
	check_exact(constant, 5 * 1440);
	check_exact(cron, 5 * 1440);
	check_exact(cron, 12 * 1440);
	check_exact(cron, 3 * 1440 + 17); /* days that do not begin at midnight */
}

static void test_nothing_known(void **state _unused_)
{
	_cleanup_series_ struct series s = { 0 };
	struct forecast f;

	assert_int_equal(series_alloc(&s, 0, 1, 100), 0);
	assert_int_equal(forecast_make(&s, &options, 10, &f), -ENODATA);
	s.value[3] = 1;
	assert_int_equal(
		forecast_make(&s,
			      &(struct forecast_options){ .n_quantiles = 1, .quantile = { 1.5 } },
			      10, &f),
		-EINVAL);
	assert_int_equal(forecast_make(&s,
				       &(struct forecast_options){ .n_quantiles = 2,
								   .quantile = { 0.9, 0.5 } },
				       10, &f),
			 -EINVAL);
}

/* Last seen longer ago than any day that is looked at: zeros, not what lies before an array's begin. */
static void test_known_too_long_ago(void **state _unused_)
{
	for (int model = MODEL_AUTO; model <= MODEL_LASTWEEK; model++) {
		_cleanup_series_ struct series s = { 0 };
		_cleanup_forecast_ struct forecast f = { 0 };
		struct forecast_options o = options;

		o.model = model;
		assert_int_equal(series_alloc(&s, 0, 1440, 16), 0);
		s.value[0] = 1000;
		assert_int_equal(forecast_make(&s, &o, 1, &f), 0);
		check_proper(&f);
		if (model == MODEL_AUTO)
			assert_true(f.q[0] == 0 && f.mean[0] == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gaps_are_missing),
		cmocka_unit_test(test_one_row),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_any_series),
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_nothing_known),
		cmocka_unit_test(test_known_too_long_ago),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
