/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The node's memory within one minute, to the millisecond: pools run through the minute one after the
 * other and tell their changes, the sum over all pools is made at its end.
 */
#ifndef FAASMAT_SIMULATOR_TIMELINE_H
#define FAASMAT_SIMULATOR_TIMELINE_H

#include <stdint.h>
#include <string.h>

#include "common/util.h"

#define MINUTE_MS 60000

struct timeline {
	int64_t begin;	     /* of the minute, ms */
	int64_t used;	     /* by all pools at its beginning */
	int64_t most;	     /* at the end of any millisecond so far, over the whole run */
	int64_t minute_most; /* of the last minute that was closed */
	uint64_t touched[(MINUTE_MS + 63) / 64];
	int64_t change[MINUTE_MS];
};

static inline void timeline_add(struct timeline *l, int64_t t, int64_t bytes)
{
	int64_t i = t - l->begin;

	/* An expiry is found late, but never a minute late: pools are brought up to its end. */
	if (i < 0)
		i = 0;
	l->change[i] += bytes;
	l->touched[i / 64] |= 1ULL << (i % 64);
}

/* Adds up the minute and begins the next. */
static inline void timeline_close_minute(struct timeline *l)
{
	l->minute_most = l->used;
	for (size_t w = 0; w < ARRAY_SIZE(l->touched); w++) {
		for (uint64_t bits = l->touched[w]; bits; bits &= bits - 1) {
			size_t i = w * 64 + __builtin_ctzll(bits);

			l->used += l->change[i];
			l->change[i] = 0;
			l->minute_most = MAX(l->minute_most, l->used);
		}
		l->touched[w] = 0;
	}
	l->most = MAX(l->most, l->minute_most);
	l->begin += MINUTE_MS;
}

#endif
