/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The paper's forecaster, Prophet (Taylor & Letham, "Forecasting at scale", 2017), with its defaults
 * and linear growth:
 *
 *   y / scale = k t + m + sum_j delta_j max(0, t - s_j) + X beta + noise,  noise ~ N(0, sigma^2)
 *   k, m ~ N(0, 5), delta ~ Laplace(0, 0.05), beta ~ N(0, 10), sigma ~ half N(0, 0.5)
 *
 * scale = max |y|, t = 0 at the first value and 1 at the last, 25 changepoints s_j at equal ranks in
 * the first 80 % of the values. X: Fourier terms of the day (order 4, from 2 days of history on), the
 * week (3, from 14 days) and the year (10, from 730 days); a 0/1 column for each holiday.
 *
 * The likelihood is Gaussian and the model linear, so one pass makes the Gram matrix of the columns,
 * and the maximum a posteriori is found on that, however long the history: for a given sigma a
 * quadratic problem with an L1 term, solved exactly by an active set; sigma has a closed form.
 */
#ifndef FAASMAT_FORECAST_PROPHET_H
#define FAASMAT_FORECAST_PROPHET_H

#include "forecast/holidays.h"
#include "forecast/series.h"

#define PROPHET_CHANGEPOINTS 25
#define PROPHET_DAILY 4
#define PROPHET_WEEKLY 3
#define PROPHET_YEARLY 10
#define PROPHET_FOURIER (2 * (PROPHET_DAILY + PROPHET_WEEKLY + PROPHET_YEARLY))
#define PROPHET_MAX_COLUMNS (2 + PROPHET_CHANGEPOINTS + PROPHET_FOURIER + HOLIDAYS_MAX_NAMES)

struct prophet {
	int64_t start; /* minute of the first value, t = 0 */
	double span;   /* minutes from there to t = 1 */
	double scale;
	size_t n;			 /* values seen */
	int daily, weekly, yearly;	 /* orders */
	const struct holidays *holidays; /* not owned; NULL: none */
	int n_changepoints;
	double changepoint[PROPHET_CHANGEPOINTS]; /* t */
	int n_columns;				  /* of theta: k, m, deltas, then betas */
	double theta[PROPHET_MAX_COLUMNS];
	double sigma;
	/* -log posterior less constants: n log sigma + RSS / 2 sigma^2 + the priors; Stan's `lp__`
	 * with its sign turned. */
	double objective;
};

/* Fits a history in which at least one value is known. -ENOMEM; -EDOM when LAPACK finds the problem
 * singular, which the priors rule out for finite input. */
int prophet_fit(const struct series *history, const struct holidays *holidays, struct prophet *ret);

/* The objective of p's theta and sigma on a history, whoever found them; NAN when there is no memory. */
double prophet_objective(const struct prophet *p, const struct series *history);

/* Expected value at a minute; may be negative, as in the original. */
double prophet_trend(const struct prophet *p, int64_t minute);
double prophet_mean(const struct prophet *p, int64_t minute);

#endif
