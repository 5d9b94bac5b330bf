/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Local time. People's days follow the clock on the wall, so series are forecast in local time: an hour
 * that the clock skips is missing there, one that it repeats is the mean of both.
 */
#ifndef FAASMAT_FORECAST_ZONE_H
#define FAASMAT_FORECAST_ZONE_H

#include "forecast/forecast.h"

#define ZONE_MAX_CHANGES 256

/* What a zone's clock is ahead of UTC, from some minutes on. */
struct zone {
	int n; /* 0: UTC */
	struct {
		int64_t from;	    /* UTC minute */
		int32_t ahead;	    /* minutes */
	} change[ZONE_MAX_CHANGES]; /* ascending; the first holds for all time before, too */
};

/*
 * The zone `name` ("Europe/Berlin", "UTC") over the minutes first..last, from the system's zone files.
 * -ENOENT when there is no such zone. Not thread-safe (it goes through the TZ variable, which it puts
 * back).
 */
int zone_load(const char *name, int64_t first, int64_t last, struct zone *ret);

/* A UTC minute on the wall. */
int64_t zone_local(const struct zone *z, int64_t minute);

/*
 * forecast_make() (or forecast_within_day()) in local time; the result is in UTC again. With a step
 * that the zone's changes are no multiples of, the series is forecast in UTC.
 */
int zone_forecast(const struct zone *z, bool within_day, const struct series *history,
		  const struct forecast_options *o, size_t n, struct forecast *ret);

#endif
