/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which minute it is, and which minutes were watched from end to end, whatever the clock does. Pure.
 *
 * A minute of history is worth something only if it is a minute: one that a clock set back made
 * longer, a suspend cut short, or a collector that did not run blurred, is closed as partial, and
 * only whole ones are reported as watched. What lies between is missing, never zero; no minute is
 * whole twice.
 */
#ifndef FAASMAT_COLLECTOR_MINUTES_H
#define FAASMAT_COLLECTOR_MINUTES_H

#include "common/util.h"
#include "store/quality.h"

/* Intervals that wait for the database; more (a clock that jumps for hours while the database is
 * locked) go missing. */
#define MINUTES_WATCHED 64

struct minutes {
	int64_t minute;	   /* that runs */
	int64_t newest;	   /* the last that was closed; INT64_MIN: none yet */
	unsigned int why;  /* the one that runs is no plain minute: enum quality, or 0; the caller
			    * may add reasons */
	int64_t began_ns;  /* when it did, CLOCK_MONOTONIC */
	int64_t length_ns; /* of a minute */
	int64_t slack_ns;  /* so much longer or shorter may it be, and so late its first look */
	struct interval {
		int64_t first, last;
	} watched[MINUTES_WATCHED]; /* not yet stored */
	size_t n_watched;
};

/* A look at both clocks. */
struct moment {
	int64_t minute, into_ns; /* what the clock says, and for how long it has said so */
	int64_t monotonic_ns;	 /* which no one sets, and which stands still in a suspend */
};

/* `newest`: of the collector before, or INT64_MIN. `why`: reasons for which the
 * minute at hand is partial (enum quality), 0 when it has been counted from its beginning. */
void minutes_start(struct minutes *m, const struct moment *t, unsigned int why, int64_t newest,
		   int64_t length_ns, int64_t slack_ns);

/* True when the running minute has ended: it is to be closed as *closed, of quality *why, and
 * m->minute is the next one. */
bool minutes_tick(struct minutes *m, const struct moment *t, int64_t *closed, unsigned int *why);

/* What was watched is stored. */
void minutes_stored(struct minutes *m);

#endif
