/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The models behind forecast_make(). Each fills f->mean and f->q (allocated, zero) from a history in
 * which at least one value is known. */
#ifndef FAASMAT_FORECAST_MODELS_H
#define FAASMAT_FORECAST_MODELS_H

#include "forecast/forecast.h"
#include "forecast/tuning.h"

/* model_auto() with other constants, for the benchmark that chooses them. */
int auto_forecast(const struct series *history, const struct forecast_options *o,
		  const struct tuning *tuning, struct forecast *f);
int model_auto(const struct series *history, const struct forecast_options *o, struct forecast *f);
int model_prophet(const struct series *history, const struct forecast_options *o,
		  struct forecast *f);
int model_yesterday(const struct series *history, const struct forecast_options *o,
		    struct forecast *f);
int model_lastweek(const struct series *history, const struct forecast_options *o,
		   struct forecast *f);

#endif
