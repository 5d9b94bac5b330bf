/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers that look random and are the same in every run: SplitMix64 (Steele, Lea & Flood 2014). */
#ifndef FAASMAT_FORECAST_RANDOM_H
#define FAASMAT_FORECAST_RANDOM_H

#include <math.h>
#include <stdint.h>

static inline uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* Uniform in (0, 1). */
static inline double random_uniform(uint64_t *state)
{
	return ((double)(random_next(state) >> 11) + 0.5) / 9007199254740992.0;
}

static inline double random_exponential(uint64_t *state)
{
	return -log(random_uniform(state));
}

#endif
