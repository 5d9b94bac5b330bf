/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When the invocations of a minute arrive. A trace has counts a minute; the milliseconds are made here,
 * a minute at a time, so that memory holds one minute of a node's invocations and never a day's.
 */
#ifndef FAASMAT_SIMULATOR_ARRIVALS_H
#define FAASMAT_SIMULATOR_ARRIVALS_H

#include <stdint.h>

#include "common/util.h"

enum arrivals {
	ARRIVALS_THESIS,  /* i x floor(60000 / count): what the paper's author replayed */
	ARRIVALS_UNIFORM, /* i x 60000 / count, over the whole minute */
	ARRIVALS_POISSON, /* independent and uniform: a Poisson process, given its count */
	ARRIVALS_TRACE,	  /* as recorded; the load has them (load.h) */
};

/* "thesis", "uniform", "poisson", "trace"; -EINVAL for another. */
int arrivals_parse(const char *name, enum arrivals *ret);

/* The milliseconds of the minute (0..59999), ascending, of `count` invocations, into ms[count]. Of
 * every kind but ARRIVALS_TRACE, of which nothing is made.
 * Poisson arrivals depend on seed, function and minute only. `scratch` has room for count, too. */
void arrivals_make(enum arrivals kind, uint64_t seed, uint32_t function, size_t minute,
		   uint32_t count, uint16_t *ms, uint16_t *scratch);

/* One arrival among those of many functions. */
struct arrival {
	uint32_t function, ms;
};

/* Sorts by millisecond and keeps the order of those that share one. `scratch` has room for n. */
void arrivals_sort(struct arrival *a, struct arrival *scratch, size_t n);

#endif
