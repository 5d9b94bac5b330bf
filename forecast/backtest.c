// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast/backtest.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* Sums behind a score. */
struct sums {
	double pinball[FORECAST_MAX_QUANTILES], below[FORECAST_MAX_QUANTILES];
	double served, unserved, needed, idle;
	double steps, value;
};

static double containers(double invocations, int64_t warm_us)
{
	return warm_us > 0 ? ceil(invocations * (double)warm_us / 60e6 - 1e-9) : invocations;
}

static double capacity(double n, int64_t warm_us)
{
	return warm_us > 0 ? n * 60e6 / (double)warm_us : n;
}

static void add_step(const struct backtest_options *o, int32_t step, double actual, const double *q,
		     struct sums *s)
{
	const struct forecast_options *f = &o->forecast;
	double provided = 0, have, need;

	for (size_t k = 0; k < f->n_quantiles; k++) {
		double d = actual - q[k];

		s->pinball[k] += d >= 0 ? f->quantile[k] * d : (f->quantile[k] - 1) * d;
		s->below[k] += actual <= q[k];
		if (k == 0 || f->quantile[k] <= o->provision + 1e-9)
			provided = q[k];
	}
	s->steps++;
	s->value += actual;
	have = containers(provided / step, o->warm_us);
	need = containers(actual / step, o->warm_us);
	s->unserved += MAX(actual / step - capacity(have, o->warm_us), 0);
	s->served += actual / step;
	s->needed += need;
	s->idle += MAX(have - need, 0);
}

static int judge_day(const struct series *s, const struct backtest_options *o,
		     enum forecast_model model, size_t from, struct sums *sums)
{
	static const struct zone utc = { 0 };
	struct series history = series_view(s, from, (size_t)(o->history / s->step));
	struct forecast_options f = o->forecast;
	_cleanup_forecast_ struct forecast fc = { 0 };
	size_t n = MIN(series_day(s), s->n - from);
	int r;

	f.model = model;
	r = zone_forecast(o->zone ? o->zone : &utc, false, &history, &f, n, &fc);
	for (size_t i = 0; i < n && r == 0; i++)
		if (!isnan(s->value[from + i]))
			add_step(o, s->step, s->value[from + i], &fc.q[i * fc.n_quantiles], sums);
	return r;
}

static struct backtest_score score_of(const struct backtest_options *o, const struct sums *s)
{
	struct backtest_score score = { 0 };
	double mean = s->value > 0 ? s->value : 1;

	for (size_t k = 0; k < o->forecast.n_quantiles; k++) {
		score.pinball[k] = s->pinball[k] / mean;
		score.coverage[k] = s->below[k] / s->steps;
		score.loss += score.pinball[k] / (double)o->forecast.n_quantiles;
	}
	score.under = s->served > 0 ? s->unserved / s->served : 0;
	score.over = s->needed > 0 ? s->idle / s->needed : 0;
	return score;
}

int backtest_run(const struct series *s, const struct backtest_options *o, struct backtest *ret)
{
	const enum forecast_model models[] = { o->forecast.model, MODEL_YESTERDAY, MODEL_LASTWEEK };
	struct backtest_score *const scores[] = { &ret->model, &ret->yesterday, &ret->lastweek };
	struct sums sums[ARRAY_SIZE(models)] = { 0 };
	size_t day = series_day(s);

	*ret = (struct backtest){ 0 };
	for (int back = o->days; back >= 1; back--) {
		size_t from = s->n - MIN(s->n, (size_t)back * day);
		struct series before = series_view(s, from, (size_t)(o->history / s->step));

		if (from < day || series_known(&before) == 0)
			continue;
		for (size_t m = 0; m < ARRAY_SIZE(models); m++) {
			int r = judge_day(s, o, models[m], from, &sums[m]);

			if (r < 0)
				return r;
		}
		ret->days++;
	}
	if (sums[0].steps == 0)
		return -ENODATA;
	ret->steps = sums[0].steps;
	ret->mean = sums[0].value / sums[0].steps;
	for (size_t m = 0; m < ARRAY_SIZE(models); m++)
		*scores[m] = score_of(o, &sums[m]);
	return 0;
}
