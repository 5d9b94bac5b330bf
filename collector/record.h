/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts a tally's pending rows into the database: one transaction. */
#ifndef FAASMAT_COLLECTOR_RECORD_H
#define FAASMAT_COLLECTOR_RECORD_H

#include "collector/tally.h"

struct victim {
	struct wire_victim wire;
	int64_t minute, time_us;
};

struct record {
	int64_t first_minute; /* minutes first..last were watched, the last perhaps not to its end */
	int64_t last_minute;
	bool last_is_whole;
	const struct victim *victims;
	size_t n_victims;
	int64_t keep_minutes; /* history older than this is removed, once an hour; 0: all is kept */
};

/* Nothing is written when any of it cannot be. Not logged: store_why() has the reason. */
int record_tally(struct store *s, uint64_t epoch, const struct tally *t, const struct record *what);

#endif
