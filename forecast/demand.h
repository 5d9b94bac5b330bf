/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Demand: how many containers a function wants in each minute of its forecast. Pure. */
#ifndef FAASMAT_FORECAST_DEMAND_H
#define FAASMAT_FORECAST_DEMAND_H

#include "forecast/erlang.h"
#include "forecast/forecast.h"

enum plan_policy { POLICY_STATIC, POLICY_DYNAMIC };
enum plan_sizing { SIZING_FLOW, SIZING_ERLANG };

struct demand_options {
	enum plan_policy policy; /* one number for all minutes, or one for each */
	enum plan_sizing sizing;
	double target_drop;   /* erlang: share of the invocations that may be dropped; > 0 */
	double quantile;      /* flow: of the forecast; 0: its mean */
	int64_t hold_minutes; /* dynamic: a dip shorter than this is filled */
	int64_t queue_ttl_us; /* how long an invocation may wait */
	double service_cv;    /* standard deviation / mean of warm times; < 0: as measured */
};

/* What one container costs in time. */
struct demand_times {
	int64_t warm_us; /* > 0 */
	int64_t cold_us; /* from nothing to the first response; 0: not known */
	double cv;	 /* of warm times; 0: not known, taken for 1 (exponential) */
};

/* The rate of step i and its uncertainty, for erlang.h. */
void demand_rates(const struct forecast *f, const struct forecast_options *o, size_t i,
		  struct erlang_rates *ret);
struct erlang_queue demand_queue(const struct demand_options *o, const struct demand_times *t);

/*
 * containers[f->n]. f must hold quantiles at the levels of `fo` (for flow, o->quantile among them).
 * Dynamic: dips are filled (plan_hold()), containers come as many minutes early as a cold start
 * takes, and while some are starting there are so many more. -ENOMEM.
 */
int demand_containers(const struct forecast *f, const struct forecast_options *fo,
		      const struct demand_times *t, const struct demand_options *o,
		      int64_t *containers);

#endif
