/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What one pool's minute came to under its limit, the written one or (shadow mode) the one that would
 * have been: how much the limit held free for the pool, how much of the pool's use was above it, and
 * by how much at worst. Pure; times are CLOCK_MONOTONIC nanoseconds.
 */
#ifndef FAASMAT_GOVERNOR_OUTCOME_H
#define FAASMAT_GOVERNOR_OUTCOME_H

#include "common/util.h"

struct pool_outcome {
	int64_t since_ns; /* what follows is integrated up to here; 0: nothing seen yet */
	int64_t limit;	  /* in force; LIMIT_NONE or 0: none */
	int64_t usage;	  /* memory.current when last seen */
	int64_t peak;	  /* memory.peak when last seen; 0: unknown */
	/* Of the running minute. */
	double limited_ns;
	double given, taken; /* byte-nanoseconds */
	int64_t most_used, least_limit, worst;
};

/* What is stored of a minute, in bytes. given and taken are means over the minute, so that MiB-minutes
 * are their sum / MiB. */
struct outcome_minute {
	int64_t usage; /* the most */
	int64_t limit; /* the least in force */
	int64_t given; /* limit - use, where the limit was above */
	int64_t taken; /* use - limit, where it was below */
	int64_t worst; /* most of use - limit at once; 0: the limit would not have hurt */
};

/*
 * What is seen now, before the limit may change: memory.current, and memory.peak (0: not known). A peak
 * that has risen was reached since the last look, under the limit that is in force.
 */
void outcome_see(struct pool_outcome *o, int64_t now_ns, int64_t usage, int64_t peak);
/* The limit from now on. */
void outcome_limit(struct pool_outcome *o, int64_t limit);
/* Ends the minute at what was last seen. False when no limit was in force in it. minute_ns: its length. */
bool outcome_take(struct pool_outcome *o, int64_t minute_ns, struct outcome_minute *ret);

#endif
