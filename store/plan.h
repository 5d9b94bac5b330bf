/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Forecasts and plans: what was expected, and what was decided. */
#ifndef FAASMAT_STORE_PLAN_H
#define FAASMAT_STORE_PLAN_H

#include "common/parse.h"
#include "store/store.h"

/* Quantiles that are stored for each minute, in this order. */
#define STORE_QUANTILES 4 /* 0.5, 0.9, 0.95, 0.99 */
extern const double store_quantiles[STORE_QUANTILES];

/* Invocations expected in one minute. */
struct forecast_minute {
	double mean;
	double q[STORE_QUANTILES];
};

/* Replaces the forecast of n minutes from `first` on. Inside a transaction. */
int store_write_forecast(struct store *s, int64_t function, int64_t first, size_t n,
			 const struct forecast_minute *minutes);
/* -ENODATA when a minute is missing. */
int store_read_forecast(struct store *s, int64_t function, int64_t first, size_t n,
			struct forecast_minute *minutes);

/* One pool's minute. */
struct plan_row {
	int64_t function; /* id */
	const char *name; /* of a row that was read: lives as long as the array */
	int64_t minute;
	int64_t containers;
	int64_t bytes;	    /* the pool's budget */
	int64_t unit_bytes; /* one container, as the plan reckoned it */
};

/*
 * Replaces the whole plan of minutes first..last by these rows (sorted or not; all within the
 * range, else -ERANGE and nothing is changed). Rows' `name` is not read. -ENOENT when a row's
 * function does not exist. Own transaction.
 */
int store_write_plan(struct store *s, int64_t first, int64_t last, const struct plan_row *rows,
		     size_t n);

/* Same, inside the caller's transaction (which must be rolled back on failure). */
int store_replace_plan(struct store *s, int64_t first, int64_t last, const struct plan_row *rows,
		       size_t n);

/* The pools of one minute, in the same order every minute; *ret is an array of *n, freed by the caller. n = 0 with 0 when
 * there is a plan for the minute without any pool; -ENODATA when there is no plan for it; -EBADMSG
 * as store_check_plan(). */
int store_read_plan(struct store *s, int64_t minute, struct plan_row **ret, size_t *n);

/* -EBADMSG when a row of the minutes from `first` on is no plan (a byte count that is negative, not whole or
 * above a pebibyte, as a NaN or an overflow leaves it): store_why() names it. */
int store_check_plan(struct store *s, int64_t first);
/* The last minute that has a plan; -ENODATA. */
int store_last_planned(struct store *s, int64_t *ret);

/* A number that changes with every write of a plan (PRAGMA data_version would count all writes). */
int store_plan_version(struct store *s, int64_t *ret);

#endif
