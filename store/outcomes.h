/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The counterfactual ledger: what each pool's minute came to under the limit that was, or in shadow
 * mode would have been, in force. */
#ifndef FAASMAT_STORE_OUTCOMES_H
#define FAASMAT_STORE_OUTCOMES_H

#include "store/store.h"

/* Bytes. given and taken are means over the minute: their sum over minutes / MiB is MiB-minutes. */
struct outcome_row {
	int64_t minute;
	const char *pool; /* "main", "pool-NAME" */
	int64_t target_bytes;
	int64_t limit_bytes; /* the least in force */
	int64_t usage_bytes; /* the most seen */
	int64_t given_bytes; /* held free for the pool: limit - use */
	int64_t taken_bytes; /* use above the limit */
	int64_t worst_bytes; /* most of that at once; above 0: the limit (would have) hurt */
	bool applied;	     /* false in shadow mode */
};

/* Adds a pool's minute; a minute of the same pool that is there already (a governor restarted in it)
 * is merged. */
int store_add_outcome(struct store *s, const struct outcome_row *row);
/* One pool's minute; -ENODATA. ret->pool is `pool`. */
int store_read_outcome(struct store *s, const char *pool, int64_t minute, struct outcome_row *ret);
/* The newest minute of which a pool's outcome is stored; pool NULL: of any. -ENODATA. */
int store_last_outcome(struct store *s, const char *pool, int64_t *ret);

/* Sums over minutes first..last and all pools. */
struct outcome_sum {
	int64_t pool_minutes;
	int64_t minutes_hurt; /* pool-minutes with worst > 0 */
	int64_t given_bytes, taken_bytes;
	int64_t pools_hurt; /* different pools */
};
int store_sum_outcomes(struct store *s, int64_t first, int64_t last, bool applied,
		       struct outcome_sum *ret);
int store_forget_outcomes(struct store *s, int64_t before);

#endif
