/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The members of model_auto(): empirical profiles. A member takes the values that earlier days had
 * around a slot, weights the days, scales each day to the present level, and reads quantiles off.
 * Members are all combinations of WEIGHTINGS x REACHES x LEVELS; those that share reach and level
 * share the sorted values, so a pool of values is sorted once for all weightings.
 */
#ifndef FAASMAT_FORECAST_MEMBERS_H
#define FAASMAT_FORECAST_MEMBERS_H

#include "forecast/days.h"
#include "forecast/tuning.h"

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
/* How far around the slot values count: exact phase, minutes, smooth, very smooth. */
#define N_REACHES 4
/* Whether a day is scaled by how the hours before it compare with the last hours: not, by the last
 * three hours, by the last eight (each to a power below 1). */
#define N_LEVELS 3

#define N_POOLS (N_REACHES * N_LEVELS)
#define N_MEMBERS (N_WEIGHTINGS * N_POOLS)

/* Weights of the days and their scales for one target day. */
struct target {
	int day;		   /* -1: tomorrow */
	float weight[DAYS_MAX][8]; /* by weighting; 8 wide for the compiler's vectors */
	float scale[N_LEVELS][DAYS_MAX];
};

void target_init(struct target *t, const struct days *d, const struct tuning *u, int day);

/* Whether a weighting has the day that it leans on: a week of history before the target. */
bool target_has_weekday(const struct days *d, int day);
bool weighting_needs_weekday(int weighting);

/* Steps between slots at which a pool of this reach need be read; between them it is interpolated. */
int pool_spacing(const struct days *d, int reach);

/*
 * Quantiles of one pool around slot i of the target day: out[weighting * n + k] for the ascending
 * levels tau[0..n-1] and the weightings whose bit is set in `wanted`. False (nothing written) when no
 * value is known there.
 */
#define ALL_WEIGHTINGS ((1u << N_WEIGHTINGS) - 1)
bool pool_read(const struct days *d, const struct target *t, int reach, int level, int i,
	       unsigned int wanted, const float *tau, int n, float *out);

#endif
