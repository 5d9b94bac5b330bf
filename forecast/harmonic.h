/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Smooth members of model_auto(): a day as a few harmonics, or as its level alone, and what scatters
 * around that. The spectrum of each day is made once; the profile of any weighting of days is the
 * inverse transform of their weighted mean spectrum, cut off after the first harmonics. Quantiles are
 * the profile plus quantiles of the differences from it, which all hours of the earlier days share: steady
 * where an hour of its own has seen too little, and able to say that what struck one afternoon may
 * strike any morning. Pure.
 */
#ifndef FAASMAT_FORECAST_HARMONIC_H
#define FAASMAT_FORECAST_HARMONIC_H

#include "forecast/target.h"

#define HARMONIC_POINTS 96 /* of a profile: quarters of an hour */
#define HARMONIC_ORDER 6   /* a wave of four hours is the shortest */
#define HARMONIC_MAX_LEVELS 16

/* Of each day, the mean and the first harmonics, as coefficients of the inverse transform. */
struct spectra {
	float re[DAYS_MAX][HARMONIC_ORDER + 1], im[DAYS_MAX][HARMONIC_ORDER + 1];
};

void spectra_init(struct spectra *s, const struct days *d);

/* One smooth pool at one target day. */
struct harmonic {
	int n_tau;
	float least; /* below this value of the profile, the scatter shrinks no further */
	float profile[N_WEIGHTINGS][HARMONIC_POINTS];
	/* Quantiles of (value - profile) / scatter(profile). */
	float difference[N_WEIGHTINGS][HARMONIC_MAX_LEVELS];
};

/*
 * Prepares the pool with `order` harmonics (0 to HARMONIC_ORDER), days scaled as `level` says, for the
 * weightings in `wanted` and n <= HARMONIC_MAX_LEVELS ascending quantile levels. False when nothing is known.
 */
bool harmonic_init(struct harmonic *h, const struct days *d, const struct spectra *s,
		   const struct target *t, int order, int level, unsigned int wanted,
		   const float *tau, int n);

/* Quantiles at slot i: out[weighting * n + k]. */
void harmonic_read(const struct harmonic *h, const struct days *d, int i, unsigned int wanted,
		   float *out);

#endif
