// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Prophet's intervals: paths of a trend that goes on changing as it did (changepoints come as a
 * Poisson process at the history's rate, their sizes are Laplace with the history's mean), plus noise.
 * How far a path has strayed is smooth in time, so its distribution is simulated at knots and the
 * quantiles are interpolated; the noise is drawn in strata, which a thousand paths need to be steady.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "forecast/models.h"
#include "forecast/prophet.h"
#include "forecast/random.h"

#define PATHS 1000
#define KNOTS 13

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Inverse of the normal distribution function at p >= 1/2, by Newton's method from a start that
 * never overshoots (the function is concave there). */
static double normal_quantile(double p)
{
	double x = 0;

	for (int i = 0; i < 40; i++) {
		double density = exp(-x * x / 2) / sqrt(2 * M_PI);
		double step = (p - erfc(-x / M_SQRT2) / 2) / density;

		x += step;
		if (fabs(step) < 1e-12)
			break;
	}
	return x;
}

static void shuffle(double *v, size_t n, uint64_t *random)
{
	for (size_t i = n - 1; i > 0; i--) {
		size_t k = (size_t)(random_next(random) % (i + 1));
		double keep = v[i];

		v[i] = v[k];
		v[k] = keep;
	}
}

static double mean_delta(const struct prophet *p)
{
	double sum = 0;

	for (int j = 0; j < p->n_changepoints; j++)
		sum += fabs(p->theta[2 + j]);
	return p->n_changepoints ? sum / p->n_changepoints : 0;
}

/* Adds one path's straying from the straight trend at each knot. Times are t, counted from the end of
 * the history on. */
static void add_path(const struct prophet *p, double size, const double *at, double *stray,
		     uint64_t *random)
{
	double rate = p->n_changepoints, when = 0, slope = 0, value = 0;
	int knot = 0;

	while (knot < KNOTS) {
		double next = rate > 0 ? when + random_exponential(random) / rate : INFINITY;

		while (knot < KNOTS && at[knot] <= next) {
			stray[knot] = value + slope * (at[knot] - when);
			knot++;
		}
		if (knot == KNOTS)
			break;
		value += slope * (next - when);
		slope += (random_next(random) & 1 ? size : -size) * random_exponential(random);
		when = next;
	}
}

/* Fills q[knot * n + k] with quantile k of straying + noise, in units of y. */
static int simulate(const struct prophet *p, const double *at, const struct forecast_options *o,
		    double *q)
{
	_cleanup_free_ double *stray = malloc(PATHS * KNOTS * sizeof(*stray));
	double noise[PATHS], sum[PATHS], size = mean_delta(p);
	uint64_t random = 1;

	if (!stray)
		return -ENOMEM;
	for (int i = PATHS / 2; i < PATHS; i++) {
		noise[i] = p->sigma * normal_quantile((i + 0.5) / PATHS);
		noise[PATHS - 1 - i] = -noise[i];
	}
	for (int i = 0; i < PATHS; i++)
		add_path(p, size, at, &stray[i * KNOTS], &random);
	for (int knot = 0; knot < KNOTS; knot++) {
		shuffle(noise, PATHS, &random);
		for (int i = 0; i < PATHS; i++)
			sum[i] = stray[i * KNOTS + knot] + noise[i];
		qsort(sum, PATHS, sizeof(*sum), by_value);
		for (size_t k = 0; k < o->n_quantiles; k++) {
			double rank = o->quantile[k] * (PATHS - 1);
			int lo = (int)rank;

			q[(size_t)knot * o->n_quantiles + k] =
				p->scale *
				(sum[lo] + (rank - lo) * (sum[MIN(lo + 1, PATHS - 1)] - sum[lo]));
		}
	}
	return 0;
}

int model_prophet(const struct series *history, const struct forecast_options *o,
		  struct forecast *f)
{
	double at[KNOTS], q[KNOTS * FORECAST_MAX_QUANTILES];
	struct prophet p;
	int r = prophet_fit(history, o->holidays, &p);

	if (r < 0)
		return r;
	for (int knot = 0; knot < KNOTS; knot++)
		at[knot] = (double)f->n * f->step * knot / (KNOTS - 1) / p.span;
	r = simulate(&p, at, o, q);
	for (size_t i = 0; i < f->n && r == 0; i++) {
		double x = (double)i / (double)f->n * (KNOTS - 1);
		size_t knot = (size_t)x;
		double mean = prophet_mean(&p, f->start + (int64_t)i * f->step);

		f->mean[i] = mean;
		for (size_t k = 0; k < o->n_quantiles; k++) {
			double lo = q[knot * o->n_quantiles + k];
			double hi = q[(knot + 1) * o->n_quantiles + k];

			f->q[i * o->n_quantiles + k] = mean + lo + (x - (double)knot) * (hi - lo);
		}
	}
	return r;
}
