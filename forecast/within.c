// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Within the day: what the last hour says about the next ones. Level: how the last hour compares with
 * what was forecast for it an hour ago, fading over the hours. Phase: whether the same minutes of the
 * hours before (a function deployed this morning that fires every ten minutes) foretold the last hour
 * better than the days before did; then they share in the forecast.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "forecast/forecast.h"

/* The root takes back half of a surprise at once, a part of it for the hours that follow. */
#define LEVEL_POWER 0.6
#define LEVEL_FADES_HOURS 2.0
/* Hours of which the same minute is looked at, and how sharply the better of the two is preferred. */
#define HOURS 6
#define SHARPNESS 8.0
/* Noise that the last hours happen to fit says little of the evening; a clockwork, whose last hour was
 * foretold with a tenth of the loss, goes on. */
#define HOURLY_FADES_HOURS 3.0
#define CLOCKWORK 0.1

static double loss_of(const struct series *s, const double *q, const struct forecast_options *o)
{
	double loss = 0;

	for (size_t i = 0; i < s->n; i++)
		for (size_t k = 0; k < o->n_quantiles && !isnan(s->value[i]); k++) {
			double d = s->value[i] - q[i * o->n_quantiles + k];

			loss += d >= 0 ? o->quantile[k] * d : (o->quantile[k] - 1) * d;
		}
	return loss;
}

/* Quantiles for one hour after step `end` from the same minutes of the hours before; false when they
 * are not known. */
static bool read_hours(const struct series *s, size_t end, size_t hour,
		       const struct forecast_options *o, double *q)
{
	for (size_t i = 0; i < hour; i++) {
		double v[HOURS];
		int n = 0;

		for (size_t h = 1; h <= HOURS && h * hour <= end; h++) {
			double x = s->value[end + i - h * hour];
			int at = n;

			if (isnan(x))
				continue;
			for (; at > 0 && v[at - 1] > x; at--)
				v[at] = v[at - 1];
			v[at] = x;
			n++;
		}
		if (n < HOURS / 2)
			return false;
		for (size_t k = 0; k < o->n_quantiles; k++) {
			double at = o->quantile[k] * n - 0.5;
			int lo = (int)CLAMP(floor(at), 0, n - 1), hi = MIN(lo + 1, n - 1);

			q[i * o->n_quantiles + k] = v[lo] + CLAMP(at - lo, 0, 1) * (v[hi] - v[lo]);
		}
	}
	return true;
}

/* By what the next hour's level differs from what the days say; 1 when nothing is known. */
static double level_factor(const struct series *last, const struct forecast *expected)
{
	double seen = 0, forecast = 0, little;

	for (size_t i = 0; i < last->n; i++)
		if (!isnan(last->value[i])) {
			seen += last->value[i];
			forecast += expected->mean[i];
		}
	little = 0.025 * (seen + forecast);
	if (!(little > 0))
		return 1;
	return CLAMP((seen + little) / (forecast + little), 0.04, 25);
}

static void scale_level(struct forecast *f, double factor, size_t hour)
{
	for (size_t i = 0; i < f->n; i++) {
		double hours = ((double)i + 0.5) / (double)hour;
		double r = pow(factor, LEVEL_POWER * exp(-hours / LEVEL_FADES_HOURS));

		f->mean[i] *= r;
		for (size_t k = 0; k < f->n_quantiles; k++)
			f->q[i * f->n_quantiles + k] *= r;
	}
}

/* The share of the hourly forecast, by the losses of both on the last hour. */
static double hourly_share(double days, double hours)
{
	double best = MIN(days, hours);

	if (!(best > 0))
		return hours < days ? 1 : 0;
	return 1 / (1 + exp(-SHARPNESS * (days - hours) / best));
}

static void mix_hours(struct forecast *f, const double *q, size_t hour, double share, bool fades)
{
	for (size_t i = 0; i < f->n; i++) {
		const double *row = &q[i % hour * f->n_quantiles];
		double hours = ((double)i + 0.5) / (double)hour;
		double part = share * (fades ? exp(-hours / HOURLY_FADES_HOURS) : 1);
		double before = 0, after = 0;

		for (size_t k = 0; k < f->n_quantiles; k++) {
			double *v = &f->q[i * f->n_quantiles + k];

			before += *v;
			*v += part * (row[k] - *v);
			after += *v;
		}
		/* The mean has no quantile of its own: it moves as they do. */
		if (before > 0)
			f->mean[i] *= after / before;
		else if (f->n_quantiles)
			f->mean[i] += after / (double)f->n_quantiles;
	}
}

int forecast_within_day(const struct series *history, const struct forecast_options *o, size_t n,
			struct forecast *ret)
{
	size_t hour = (size_t)MAX(60 / history->step, 1);
	_cleanup_free_ double *q = calloc(hour * MAX(o->n_quantiles, 1), sizeof(*q));
	_cleanup_forecast_ struct forecast expected = { 0 };
	struct series before, last;
	double hours_loss, days_loss;
	int r = forecast_make(history, o, n, ret);

	if (r < 0 || history->n < series_day(history) + hour)
		return r;
	if (!q)
		r = -ENOMEM;
	before = series_view(history, history->n - hour, history->n);
	last = series_view(history, history->n, hour);
	if (r == 0 && series_known(&before) > 0)
		r = forecast_make(&before, o, hour, &expected);
	if (r < 0)
		forecast_release(ret);
	if (r < 0 || !expected.q || series_known(&last) == 0)
		return r;
	scale_level(ret, level_factor(&last, &expected), hour);
	if (!read_hours(history, before.n, hour, o, q))
		return 0;
	hours_loss = loss_of(&last, q, o);
	days_loss = loss_of(&last, expected.q, o);
	if (read_hours(history, history->n, hour, o, q))
		mix_hours(ret, q, hour, hourly_share(days_loss, hours_loss),
			  hours_loss > CLOCKWORK * days_loss);
	return 0;
}
