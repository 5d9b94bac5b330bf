/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Series -> model -> quantiles of the next steps. Pure: the same input gives the same bytes, on any
 * thread. docs/forecasting.md explains the models.
 */
#ifndef FAASMAT_FORECAST_FORECAST_H
#define FAASMAT_FORECAST_FORECAST_H

#include "forecast/holidays.h"
#include "forecast/series.h"

#define FORECAST_MAX_QUANTILES 32

enum forecast_model {
	MODEL_AUTO,	 /* what wins in a backtest on the function's own past; the default */
	MODEL_PROPHET,	 /* the paper's: piecewise trend + Fourier seasons, MAP */
	MODEL_YESTERDAY, /* the value 24 hours earlier, every quantile */
	MODEL_LASTWEEK,	 /* 7 days earlier (24 hours where there is none), every quantile */
};

struct forecast_options {
	enum forecast_model model;
	size_t n_quantiles;
	double quantile[FORECAST_MAX_QUANTILES]; /* in (0, 1), ascending */
	const struct holidays *holidays;	 /* for auto and prophet; NULL: none */
};

struct forecast {
	int64_t start; /* minute of the first step */
	int32_t step;  /* minutes */
	size_t n;
	size_t n_quantiles;
	double *mean; /* [n], >= 0 */
	double *q;    /* [n][n_quantiles], >= 0, ascending in a row */
};

/*
 * Forecasts the n steps that follow the history's last. Trailing steps may be missing (NAN): that is
 * how a day is planned before the one before it has ended. -ENODATA when no value is known, -EINVAL
 * for bad options, -ENOMEM. *ret is released by forecast_release().
 */
int forecast_make(const struct series *history, const struct forecast_options *o, size_t n,
		  struct forecast *ret);

/*
 * The same within the day, when the last steps are the newest there are (no missing tail): the last
 * hour corrects the level of the next ones and finds new phases. Costs two forecasts.
 */
int forecast_within_day(const struct series *history, const struct forecast_options *o, size_t n,
			struct forecast *ret);
void forecast_release(struct forecast *f);
#define _cleanup_forecast_ __attribute__((cleanup(forecast_release)))

/* Room for n steps and o's quantiles, all zero. */
int forecast_alloc(struct forecast *f, const struct series *history,
		   const struct forecast_options *o, size_t n);

/* "auto", "prophet", ...; -EINVAL for a name that is none. */
int forecast_model_parse(const char *name, enum forecast_model *ret);

#endif
