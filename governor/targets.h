/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the plan's minutes to each pool's target. Pure. */
#ifndef FAASMAT_GOVERNOR_TARGETS_H
#define FAASMAT_GOVERNOR_TARGETS_H

#include "common/util.h"

/* One pool's share of one minute. */
struct pool_plan {
	int64_t bytes;
	int64_t containers;
};

/*
 * The targets of n pools (main is not among them) in a minute planned as `now`. `next` is NULL, or
 * the plan of the minute after when it is time to grow for it: then a pool's target is the larger of
 * the two, as far as the cap allows; the running minute's budgets are never cut for the next one's.
 *
 * All pools together get at most share * budget: a plan for more is cut in proportion, bytes and
 * containers. Bytes come out in whole pages. A row below 0 counts as 0, one above the budget as the
 * budget. Returns the bytes that `now` was cut by (0: not cut).
 */
int64_t plan_targets(int64_t budget, double share, size_t n, const struct pool_plan *now,
		     const struct pool_plan *next, struct pool_plan *target);

#endif
