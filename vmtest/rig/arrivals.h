/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When within its minute each call comes. Pure. */
#ifndef FAASMAT_RIG_ARRIVALS_H
#define FAASMAT_RIG_ARRIVALS_H

#include <stdint.h>

enum arrival_law {
	ARRIVALS_POISSON, /* independent and uniform: a Poisson process, given its count */
	ARRIVALS_UNIFORM, /* evenly spaced, each function from an offset of its own */
};

struct arrival {
	int64_t offset_ns; /* from the minute's start, [0, minute_ns) */
	int function;
};

/*
 * The arrivals of one minute, sorted by time: count[i] of function i, whose name[i] with seed and minute
 * is all that its times depend on. *ret is an array of *ret_n, freed by the caller. 0 or -ENOMEM.
 */
int arrivals_of_minute(enum arrival_law law, uint64_t seed, int64_t minute, int64_t minute_ns,
		       int n, const char *const *name, const int64_t *count, struct arrival **ret,
		       int64_t *ret_n);

#endif
