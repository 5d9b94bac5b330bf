/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When the plan is renewed, and the process that does it: `faasmat plan --now`, beside the governor,
 * never in its loop. The rule is pure.
 */
#ifndef FAASMAT_GOVERNOR_PLANNER_H
#define FAASMAT_GOVERNOR_PLANNER_H

#include "common/util.h"

#define PLANNER_NEVER (-1)
/* Minutes after a failed run until the next try. */
#define PLANNER_RETRY 10

struct planner_rule {
	int at;	       /* minute of the local day, or PLANNER_NEVER */
	int64_t every; /* minutes, or PLANNER_NEVER: renewals within the day */
};

struct planner_state {
	int64_t last;	    /* minute of the last run, INT64_MIN: none yet */
	bool failed;	    /* ... and how it ended */
	pid_t pid;	    /* 0: none runs */
	int64_t started_ns; /* CLOCK_MONOTONIC */
};

#define PLANNER_IDLE ((struct planner_state){ .last = INT64_MIN })

/*
 * True when a plan is to be made now: at minute `at` of the local day, `every` minutes after the last
 * one, PLANNER_RETRY minutes after one that failed, and at once when there is no plan for this minute
 * (a deployment does not wait for midnight). With at and every both PLANNER_NEVER: never.
 */
bool planner_is_due(const struct planner_rule *rule, const struct planner_state *state,
		    int64_t minute, int minute_of_day, bool has_plan);

/* Minute of the local day (of $TZ, else /etc/localtime) at that minute. */
int planner_minute_of_day(int64_t minute);

/* Starts argv (argv[0] is a path) with its output thrown away and errors on our stderr. 0 or a
 * negative errno. */
int planner_start(struct planner_state *state, int64_t minute, char *const *argv);
/* Reaps the process that has ended, or ends one that has run for too long (ten minutes). True when
 * none runs any more. */
bool planner_reap(struct planner_state *state);
/* Ends the process. */
void planner_stop(struct planner_state *state);

#endif
