/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One day to be forecast by model_auto(), and what each earlier day has to say about it: weights in
 * several ways, and scales that bring the day to the present level. Pure.
 */
#ifndef FAASMAT_FORECAST_TARGET_H
#define FAASMAT_FORECAST_TARGET_H

#include "forecast/days.h"
#include "forecast/tuning.h"
#include "forecast/weighted.h"

/* How much each earlier day counts. */
enum {
	WEIGH_WEEKDAY,	      /* the same weekday, hardly any other */
	WEIGH_MOSTLY_WEEKDAY, /* the same weekday, the others a little: fatter tails */
	WEIGH_LIKE_WEEKDAY,   /* days that look like the same weekday a week ago */
	WEIGH_AFTER_ALIKE,    /* days before which the day looked as the last day does */
	WEIGH_BOTH,	      /* the two above */
	WEIGH_ALL,	      /* all nearly alike: steady where days differ by chance only */
	N_WEIGHTINGS
};
#define ALL_WEIGHTINGS ((1u << N_WEIGHTINGS) - 1)

/* By which hours a day is scaled to the present level: how the three, or eight, before it compare with
 * the last ones (each to a power below 1). */
enum { LEVEL_SHORT, LEVEL_LONG, N_LEVELS };

struct target {
	int day;				  /* -1: tomorrow */
	uint32_t holidays;			  /* days_holidays() of the day */
	bool holiday_known;			  /* one of the same name is in the history */
	float weight[DAYS_MAX][WEIGHTED_COLUMNS]; /* by weighting */
	float scale[N_LEVELS][DAYS_MAX];
};

void target_init(struct target *t, const struct days *d, const struct tuning *u, int day);

/* The weightings that have the days that they lean on: some need a week of history before the
 * target. */
unsigned int target_weightings(const struct days *d, int day);

#endif
