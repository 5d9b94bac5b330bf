/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The members of model_auto(). A *pool* is a set of values around a slot of the day to be forecast; a
 * member is a pool read with one weighting of the days (target.h), as quantiles. Empirical pools are all
 * combinations of reach and level; they take the values that earlier days had around the slot. Two
 * more are smooth (harmonic.h). Pure.
 */
#ifndef FAASMAT_FORECAST_MEMBERS_H
#define FAASMAT_FORECAST_MEMBERS_H

#include "forecast/harmonic.h"

/* How far around the slot values count: exact phase, minutes, hours. */
#define N_REACHES 3
#define N_EMPIRICAL (N_REACHES * N_LEVELS)
enum { POOL_HARMONICS = N_EMPIRICAL, POOL_FLAT, N_POOLS };
#define N_SMOOTH (N_POOLS - N_EMPIRICAL)

#define N_MEMBERS (N_POOLS * N_WEIGHTINGS)
#define MEMBER(pool, weighting) ((pool)*N_WEIGHTINGS + (weighting))

/* The weightings that a pool is read with. */
unsigned int pool_weightings(int pool);

/* Steps between slots at which a pool need be read; between them it is interpolated. */
int pool_spacing(const struct days *d, int pool);

/* Pools at one target day, for some quantile levels. */
struct pools {
	const struct days *days;
	const struct target *target;
	const float *tau; /* ascending */
	int n_tau;
	unsigned int wanted[N_POOLS]; /* weightings to read */
	struct harmonic smooth[N_SMOOTH];
	bool smooth_known[N_SMOOTH];
};

/* Fills in the smooth pools; everything before them is the caller's. */
void pools_init(struct pools *p, const struct spectra *s);

/* Quantiles at slot i: out[weighting * n_tau + k] for the wanted weightings. False (nothing written)
 * when no value is known there. */
bool pool_read(const struct pools *p, int pool, int i, float *out);

#endif
