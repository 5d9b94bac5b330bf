/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The governor of one root: brings main and every pool to the plan's budget of the minute, publishes
 * the admission table, writes everything it decides into the ledger. Without `apply` (shadow mode) it
 * does all of that but never writes a limit.
 */
#ifndef FAASMAT_GOVERNOR_GOVERNOR_H
#define FAASMAT_GOVERNOR_GOVERNOR_H

#include "common/clock.h"
#include "governor/planner.h"
#include "governor/writer.h"
#include "store/store.h"

struct governor_options {
	const char *mount; /* of cgroup2 */
	const char *root;  /* path below it: "/faasmat" */
	int64_t memory;	   /* the node's budget, bytes */
	double share;	   /* of it, at most, for all pools */
	double borrow;	   /* of it, at most, for all loans from main */
	int64_t margin;	   /* bytes */
	int64_t step;	   /* bytes; 0: an eighth of the budget */
	int64_t lease_ns;  /* real time */
	int64_t lead_ns;   /* model time before a minute in which pools grow for it */
	bool spill;
	bool apply;
	const char *socket;
	const char *state_dir;
	const char *watchdog;  /* NULL: look for it */
	const char *on_change; /* NULL: nobody is told */
	int64_t on_change_limit_ns;
	struct clock clock;
	struct planner_rule plan_rule;
	writer_write write_limit; /* instead of write(2) where a limit is lowered; for tests */
	char *const *plan_argv;	  /* the command that makes a plan; NULL: someone else does */
};

#define GOVERNOR_DEFAULTS                                                 \
	((struct governor_options){ .root = "/faasmat",                   \
				    .share = 0.7,                         \
				    .borrow = 0.1,                        \
				    .margin = 16 * MIB,                   \
				    .lease_ns = 60 * NS_PER_S,            \
				    .lead_ns = 15 * NS_PER_S,             \
				    .socket = "/run/faasmat/govern.sock", \
				    .state_dir = "/run/faasmat",          \
				    .on_change_limit_ns = 10 * NS_PER_S,  \
				    .clock = CLOCK_REAL,                  \
				    .plan_rule = { PLANNER_NEVER, PLANNER_NEVER } })

struct governor;

/*
 * Prepares everything that can fail: the lock on the root, cgroups root and main, what a former
 * governor left (pools, limits, containers), the lease and the root's budget (apply), the socket. `o`
 * and `s` are borrowed; s is open for writing. Failures are logged as one sentence. governor_close()
 * leaves no limit behind: lifted, the lease given up; the root keeps its budget.
 */
int governor_open(const struct governor_options *o, struct store *s, struct governor **ret);
void governor_close(struct governor *g);

/* Until SIGTERM or SIGINT. 0 or a negative errno (logged). */
int governor_run(struct governor *g);

/* Handles what has happened, or waits so long for something. 1, 0 when it is time to go, or a negative
 * errno (logged). */
int governor_events(struct governor *g, int timeout_ms);

/* One round by hand, as governor_run() does at each tick; for tests. */
void governor_tick(struct governor *g);

#endif
