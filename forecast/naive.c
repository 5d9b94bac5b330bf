// SPDX-License-Identifier: GPL-2.0-or-later
/* Yesterday and last week: what every other model must beat. */
#include <math.h>

#include "forecast/models.h"

/* The latest known value a whole number of `lag` steps before step `at` (s->n >= lag); `mean` when
 * none is known. */
static double value_before(const struct series *s, size_t at, size_t lag, double mean)
{
	while (at >= s->n)
		at -= lag;
	for (;; at -= lag) {
		if (!isnan(s->value[at]))
			return s->value[at];
		if (at < lag)
			return mean;
	}
}

static double known_mean(const struct series *s)
{
	double sum = 0;
	size_t known = 0;

	for (size_t i = 0; i < s->n; i++)
		if (!isnan(s->value[i])) {
			sum += s->value[i];
			known++;
		}
	return sum / (double)known;
}

static void repeat(const struct series *s, size_t lag, struct forecast *f)
{
	double mean = known_mean(s);

	for (size_t i = 0; i < f->n; i++) {
		double v = s->n >= lag ? value_before(s, s->n + i, lag, mean) : mean;

		f->mean[i] = v;
		for (size_t k = 0; k < f->n_quantiles; k++)
			f->q[i * f->n_quantiles + k] = v;
	}
}

int model_yesterday(const struct series *history, const struct forecast_options *o _unused_,
		    struct forecast *f)
{
	repeat(history, series_day(history), f);
	return 0;
}

int model_lastweek(const struct series *history, const struct forecast_options *o _unused_,
		   struct forecast *f)
{
	size_t week = 7 * series_day(history);

	repeat(history, history->n >= week ? week : series_day(history), f);
	return 0;
}
