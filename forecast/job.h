/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shell of forecast/: reads history from the database, locates, forecasts, sizes, and writes
 * forecasts and plan back, in one transaction. Everything that decides is in locator.h, forecast.h,
 * sizing.h and plan.h.
 */
#ifndef FAASMAT_FORECAST_JOB_H
#define FAASMAT_FORECAST_JOB_H

#include "forecast/demand.h"
#include "forecast/forecast.h"
#include "forecast/locator.h"
#include "forecast/zone.h"
#include "store/functions.h"
#include "store/store.h"

struct plan_options {
	int64_t memory_bytes; /* of the node */
	double share;	      /* of it, that pools may take: 0.7 */
	double headroom;      /* bytes beyond containers x unit */
	struct demand_options demand;
	int64_t day;			  /* first minute that is planned */
	size_t minutes;			  /* how many; 1440 */
	size_t history;			  /* minutes of history to learn from; 12 days */
	struct forecast_options forecast; /* its quantiles are set by plan_job() */
	const struct zone *zone;	  /* NULL: UTC */
	bool within_day; /* a renewal within the day: history reaches to o->day's minute */
	struct locator_options locator;
	const char *const
		*function; /* plan these whether hot or not; NULL: what the locator finds */
	size_t n_functions;
	bool dry; /* decide, but write nothing */
};

/* The defaults of `faasmat plan`, all but memory_bytes and day. */
void plan_options_init(struct plan_options *o);

/* What was planned for one function. */
struct plan_line {
	struct store_function function;
	struct locator_result located;
	bool planned; /* false: not hot, it stays in the main pool */
	int64_t containers_min, containers_max, bytes_min, bytes_max;
	double containers_mean, bytes_mean;
	size_t bound; /* minutes in which the cap took containers away */
};

struct plan_report {
	int64_t first;	   /* minute */
	int64_t cap_bytes; /* share x memory */
	size_t bound;	   /* minutes in which the cap bound any pool */
	size_t n;
	struct plan_line *line; /* planned ones first, then by score; owned */
};
void plan_report_release(struct plan_report *r);
#define _cleanup_plan_report_ __attribute__((cleanup(plan_report_release)))

/*
 * Locates, forecasts, sizes and (unless o->dry) writes the plan of minutes o->day .. o->day +
 * o->minutes - 1 and the forecasts behind it, all or nothing. Uses no history at or after o->day. Logs
 * what is wrong. -ENODATA without history, -ENOENT for an unknown function, -EINVAL for a hot function
 * without memory or warm time, store/ errors otherwise.
 */
int plan_job(struct store *s, const struct plan_options *o, struct plan_report *ret);

/* One function as the locator sees it, over the `minutes` before minute `end`. */
struct located {
	struct store_function function;
	struct locator_result result;
};
/* Every function, hot ones first, then by score; *ret is freed by the caller. end < 0: after the last
 * minute of history. Logs what is wrong; -ENODATA without history. */
int locate_job(struct store *s, int64_t end, size_t minutes, const struct locator_options *o,
	       struct located **ret, size_t *n);

/* The minute after the last one that is known of any function, or -ENODATA (not logged). */
int history_end(struct store *s, int64_t *ret);

#endif
