/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Backtest: what the forecasts of the last days would have been worth, each made from the days before
 * it only. Pure. */
#ifndef FAASMAT_FORECAST_BACKTEST_H
#define FAASMAT_FORECAST_BACKTEST_H

#include "forecast/zone.h"

struct backtest_options {
	struct forecast_options forecast;
	const struct zone *zone; /* NULL: UTC */
	int64_t history;	 /* minutes that each forecast learns from */
	int days;		 /* to judge, at most */
	double provision;	 /* the quantile that containers are provided for */
	int64_t warm_us;	 /* of one invocation; 0: count invocations instead of containers */
};

/* Losses are means over the known steps of all judged days, divided by the mean value. */
struct backtest_score {
	double pinball[FORECAST_MAX_QUANTILES];
	double loss;				 /* mean of the above */
	double coverage[FORECAST_MAX_QUANTILES]; /* share of steps at or below the quantile */
	double under; /* share of invocations beyond what the containers can serve */
	double over;  /* container-minutes not needed, as a share of those needed */
};

struct backtest {
	int days;     /* judged; fewer than asked for when the history is short */
	double steps; /* known steps judged */
	double mean;  /* value a step */
	struct backtest_score model, yesterday, lastweek;
};

/* -ENODATA when not even one day can be judged (two days of history are needed), else as
 * forecast_make(). */
int backtest_run(const struct series *s, const struct backtest_options *o, struct backtest *ret);

#endif
