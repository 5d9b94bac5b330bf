/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Erlang's B formula (A. K. Erlang, 1917): the share of calls that find all k containers busy, when a
 * of them are busy on average; by its recursion B(0) = 1, B(k) = a B(k-1) / (k + a B(k-1)). Pools are
 * sized by forecast/erlang.h; this is for what one container more or less is worth, which is asked for
 * at every turn and wants the cheapest sum that is right in its differences.
 */
#ifndef FAASMAT_SIMULATOR_LOSS_H
#define FAASMAT_SIMULATOR_LOSS_H

#include <stdint.h>

/* B(k) from B(k - 1). */
static inline double loss_step(double a, double before, int64_t k)
{
	return a * before / ((double)k + a * before);
}

/* The fewest containers with B <= target, at most `most`. */
static inline int64_t loss_containers(double a, double target, int64_t most)
{
	double b = 1;
	int64_t k = 0;

	while (b > target && k < most)
		b = loss_step(a, b, ++k);
	return k;
}

/* The share of calls that the k-th container (k >= 1) serves beyond what k - 1 do. */
static inline double loss_gain(double a, int64_t k)
{
	double b = 1;

	for (int64_t i = 1; i < k; i++)
		b = loss_step(a, b, i);
	return b - loss_step(a, b, k);
}

#endif
