/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the shell of the governor only: governor.c, pools.c, schedule.c, tick.c. */
#ifndef FAASMAT_GOVERNOR_INTERNAL_H
#define FAASMAT_GOVERNOR_INTERNAL_H

#include "common/parse.h"
#include "governor/act.h"
#include "governor/admission.h"
#include "governor/cgroup_dir.h"
#include "governor/governor.h"
#include "governor/lease.h"
#include "governor/record.h"
#include "governor/socket.h"
#include "governor/targets.h"
#include "governor/watch.h"

/* More pools than a node has memory for; a plan that asks for more is broken. */
#define MAX_POOLS 1024
/* A file that someone else wrote is left alone for so long (model time). */
#define BACK_OFF_NS (5 * 60 * NS_PER_S)
/* The last plan stands in for a missing one for so long, then pools are released to main. */
#define HOLD_MINUTES 10
/* While something changes or waits; else the minute's own tick is the only one. */
#define TICKS_PER_MINUTE 10
/* As long as the history that the ledger explains. */
#define LEDGER_KEEP_MINUTES (28 * MINUTES_PER_DAY)

/* Files of a pool that we write, by enum change_kind. */
#define N_FILES 3
extern const char *const limit_file[N_FILES];

struct pool {
	char name[256]; /* directory below the root */
	struct cgroup_dir dir;
	bool journalled[N_FILES]; /* the first value is on disk */
	bool queued[N_FILES];	  /* ... or on its way there */
	bool known[N_FILES];	  /* `written` is what the file should hold */
	int64_t written[N_FILES];
	bool foreign[N_FILES];	    /* `written` is what someone else wrote after us */
	int64_t hands_off_until_ns; /* CLOCK_MONOTONIC */
	bool adopted_containers;    /* those that were there at the start are in the table */
	struct watched watched;	    /* for containers that come and go */
	size_t containers;	    /* cgroups in it when it was last looked over */
	struct pool_plan now, next;
	int64_t last_planned; /* minute whose plan had a row for it, or when it was found */
	int64_t said_minute;  /* last wait in the ledger, and of which kind */
	bool said_shrink;
};

struct governor {
	const struct governor_options *o;
	struct store *store;
	struct record *record;
	struct cgroup_dir root;
	char root_path[CGROUP_PATH_MAX]; /* mount and root together */
	int lock;
	bool root_gone;	    /* the root cgroup was removed: nothing left to govern */
	int64_t root_limit; /* what the root's memory.max holds or would hold */

	struct pool **pools; /* [0] main; the same numbers in states and in the table */
	struct pool_state *states;
	size_t n;
	struct node_state node;
	struct decision decision;
	struct admission *table;
	struct server *server;
	struct lease lease;

	int64_t minute;	     /* the running one */
	int64_t plan_minute; /* last minute that had a plan; INT64_MIN: none yet */
	int64_t plan_version;
	bool have_next;
	int missed;	/* minutes without a plan, in a row */
	bool releasing; /* ... and that for too long */
	bool cut_said, too_many_said;
	int64_t cut_minute; /* last minute whose cut is in the ledger */

	bool governing; /* apply: the lease is taken, limits may have been written */
	bool lifted;	/* the lease had ended: take the files as they are at the next tick */
	int64_t drifts; /* files found changed by others */
	struct planner_state planner;
	int epoll, timer, heartbeat, clock_set, signals, inotify;
	int64_t next_tick_ns; /* what `timer` is armed for, CLOCK_MONOTONIC */
	bool waiting;	      /* a pool waits: a release is worth a tick of its own */
	bool settled;	      /* nothing to do before the next minute */
	int quiet;	      /* ticks in a row in quiet_minute that changed nothing */
	int64_t quiet_minute;
};

/* pools.c */
/* The pool of this directory name, added when new (its cgroup is opened when it exists). */
int pools_add(struct governor *g, const char *name, const char *function);
/* Adds main and every pool-* that is below the root. */
int pools_find_existing(struct governor *g);
/* The number of the pool of `function`, added when new. */
int pools_for_function(struct governor *g, const char *function);
/* Makes the pool's cgroup when it does not exist. */
int pools_make(struct governor *g, size_t i);
/* Reads memory.current and, when applying, the limit files; adopts what others wrote. */
void pools_read(struct governor *g);
/* Takes the limit files as they are for our own: at the start and after a lease has ended. */
void pools_accept(struct governor *g, size_t i);
/* Reads which pools had containers come or go. True when one has gone. */
bool pools_watch(struct governor *g);
/* Brings the table up to the container cgroups that are there. Returns containers seen. */
size_t pools_scan_containers(struct governor *g);
/* Removes the cgroups of empty pools that no plan has named for a while: an empty pool keeps a margin
 * that others can use. */
void pools_remove_idle(struct governor *g);
void pools_free(struct governor *g);

/* schedule.c */
/* Loads the plan when the minute or the plan changed. */
void schedule_refresh(struct governor *g);
/* Sets every pool's target for this moment. */
void schedule_targets(struct governor *g);
/* Keeps whether the tick that has just ended left something to do. */
void schedule_note_tick(struct governor *g);
/* CLOCK_MONOTONIC time of the next tick: the next minute, or the lead before one in which a pool
 * grows; earlier while something changes or waits. */
int64_t schedule_next_tick_ns(const struct governor *g);
/* CLOCK_MONOTONIC time by which to look when someone has asked for admission. */
int64_t schedule_soon_ns(const struct governor *g);

/* tick.c */
/* A row of the ledger, stamped; `pool` NULL is the root. */
void ledger_say(struct governor *g, const char *pool, const char *action, const char *file,
		int64_t before, int64_t after, const char *fmt, ...) _printf_(7, 8);

#endif
