/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Quantiles of values of which each has the weight of the day that it comes from, for several
 * weightings of the days at once: the values are sorted only once. Pure.
 */
#ifndef FAASMAT_FORECAST_WEIGHTED_H
#define FAASMAT_FORECAST_WEIGHTED_H

#include <stdint.h>

#include "common/util.h"

#define WEIGHTED_MAX_VALUES 896
#define WEIGHTED_COLUMNS 8 /* weightings; a power of two for the compiler's vectors */

/* A value and its day as an integer that sorts as the values do: an IEEE float orders by its bits,
 * turned round where it is negative. 0 <= day < 256; never NAN. */
static inline uint64_t weighted_key(float value, int day)
{
	union {
		float f;
		uint32_t u;
	} v = { .f = value };

	v.u = v.u >> 31 ? ~v.u : v.u | 0x80000000u;
	return (uint64_t)v.u << 8 | (uint64_t)day;
}

/*
 * out[column * n_tau + k]: quantile tau[k] (ascending) of the n >= 1 keys, for the columns whose bit is set
 * in `wanted`; weight[day][column] with a sum above zero. A value stands at the middle of its weight,
 * linear in between (Hazen's rule with weights). Sorts the keys.
 */
void weighted_quantiles(uint64_t *key, int n, const float (*weight)[WEIGHTED_COLUMNS],
			unsigned int wanted, const float *tau, int n_tau, float *out);

#endif
