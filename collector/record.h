/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts a tally's pending rows into the database: one transaction. */
#ifndef FAASMAT_COLLECTOR_RECORD_H
#define FAASMAT_COLLECTOR_RECORD_H

#include "collector/minutes.h"
#include "collector/samples.h"
#include "collector/tally.h"

struct victim {
	struct wire_victim wire;
	int64_t minute, time_us;
};

struct record {
	int64_t minute; /* that runs, or has just been closed */
	int64_t whole;	/* everything up to this minute has been closed */
	const struct interval *watched;
	size_t n_watched;
	const struct victim *victims;
	size_t n_victims;
	const struct samples *samples; /* of `minute`; may be NULL */
	int64_t lost; /* cgroups and requests that found a map full, of minutes that are closed */
	int64_t keep_minutes; /* what is older than this is removed by and by; 0: all is kept */
};

/* Nothing is written when any of it cannot be. Not logged: store_why() has the reason. */
int record_tally(struct store *s, uint64_t epoch, struct tally *t, const struct record *what);

#endif
