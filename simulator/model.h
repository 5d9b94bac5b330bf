/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Predictions by this project's forecaster, from the days before the judged one only. */
#ifndef FAASMAT_SIMULATOR_MODEL_H
#define FAASMAT_SIMULATOR_MODEL_H

#include "forecast/forecast.h"
#include "simulator/prediction.h"

/*
 * Forecasts the judged day of each function. high is the forecast's `quantile`. mean is the forecast's
 * mean, or with MODEL_PROPHET what the paper sizes by: (max(0, yhat) + yhat_upper) / 2, yhat_upper
 * being the upper end of the 80 % interval. -ENODATA when a function has no past, -ENOMEM.
 */
int prediction_model(const struct load *l, const uint32_t *function, size_t n,
		     enum forecast_model model, double quantile, int threads,
		     struct prediction *ret);

#endif
