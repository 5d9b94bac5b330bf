/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plan: the containers that each hot function wants in each minute, made smooth (a pool does not
 * shrink for a short dip), then cut to the share of the node that pools may take. Pure.
 */
#ifndef FAASMAT_FORECAST_PLAN_H
#define FAASMAT_FORECAST_PLAN_H

#include <stdint.h>

#include "common/util.h"

/* One pool's day. Arrays of plan->n_minutes, owned by the pool. */
struct plan_pool {
	int64_t unit_bytes;  /* one container */
	double score;	     /* the locator's; breaks ties when the cap binds */
	int64_t *containers; /* in: wanted, out: given */
	int64_t *bytes;	     /* out: the budget */
	size_t bound;	     /* out: minutes in which the cap took something away */
};

struct plan {
	size_t n_pools, n_minutes;
	struct plan_pool *pool;
	int64_t cap_bytes; /* most that all pools together may have: share x memory */
	double headroom;   /* 0.1: a tenth more than containers x unit_bytes */
	size_t bound;	   /* out: minutes in which the cap bound any pool */
	/* Expected drops in a minute of a pool with n containers, falling and convex in n; NULL:
	 * unknown, then the pool with the higher score is served first. */
	double (*drops)(void *arg, size_t pool, size_t minute, int64_t n);
	void *arg;
};

/* -ENOMEM; plan_release() is allowed after a failure. */
int plan_alloc(struct plan *p, size_t n_pools, size_t n_minutes);
void plan_release(struct plan *p);
#define _cleanup_plan_ __attribute__((cleanup(plan_release)))

/*
 * Fills every dip shorter than `hold` minutes up to the lower of its two rims: containers that stay
 * are cheaper than containers started again. A dip that the end of the day cuts is not filled.
 */
int plan_hold(int64_t *containers, size_t n, size_t hold);

/*
 * Cuts containers so that no minute's bytes exceed p->cap_bytes. Containers go where they save the
 * least drops for their bytes, one by one, which is optimal because each further one saves less; what
 * then still fits somewhere is given back. Fills bytes and bound. -ENOMEM.
 */
int plan_cap(struct plan *p);

#endif
