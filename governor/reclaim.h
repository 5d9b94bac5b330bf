/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bringing memory.current down by memory.reclaim, a batch at a time. Pure: says how many bytes the next
 * batch has, and when to give up. */
#ifndef FAASMAT_GOVERNOR_RECLAIM_H
#define FAASMAT_GOVERNOR_RECLAIM_H

#include "common/util.h"

/* One batch: small, so that a pool whose pressure rises is left alone soon (Koordinator's figure). */
#define RECLAIM_BATCH (32 * MIB)
/* Batches in a row that freed next to nothing, after which it is no use. */
#define RECLAIM_FUTILE 3

struct reclaim {
	bool active;
	int64_t goal;	/* bring memory.current down to this, bytes */
	int64_t before; /* memory.current when the running batch began */
	int futile;
};

/* Sets a goal; one that is reached already leaves it inactive. A new goal is a new try. */
void reclaim_set(struct reclaim *r, int64_t goal, int64_t current);

/* Bytes of the next batch, whole pages, at most RECLAIM_BATCH; 0: the goal is reached or out of
 * reach, and r is no longer active. */
int64_t reclaim_next(struct reclaim *r, int64_t current);

/* A batch has ended with 0 or a negative errno. -EAGAIN (less than asked for) and -EINTR (its time was
 * up) are partial successes; any other error ends it. */
void reclaim_ended(struct reclaim *r, int result, int64_t current);

#endif
