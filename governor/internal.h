/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the shell of the governor only: governor.c, and one file for each heading below. */
#ifndef FAASMAT_GOVERNOR_INTERNAL_H
#define FAASMAT_GOVERNOR_INTERNAL_H

#include "common/parse.h"
#include "governor/act.h"
#include "governor/admission.h"
#include "governor/borrow.h"
#include "governor/breaker.h"
#include "governor/cgroup_dir.h"
#include "governor/governor.h"
#include "governor/lease.h"
#include "governor/pool_name.h"
#include "governor/pressure.h"
#include "governor/reason.h"
#include "governor/reclaim.h"
#include "governor/on_change.h"
#include "governor/outcome.h"
#include "governor/publish.h"
#include "governor/record.h"
#include "governor/socket.h"
#include "governor/targets.h"
#include "governor/watch.h"
#include "governor/writer.h"
#include "store/outcomes.h"

/* More pools than a node has memory for; a plan that asks for more is broken. */
#define MAX_POOLS 1024
/* A file that someone else wrote is left alone for so long (model time); each further time for twice
 * as long, up to an hour. */
#define BACK_OFF_NS (5 * 60 * NS_PER_S)
#define BACK_OFF_MOST_NS (60 * 60 * NS_PER_S)
/* memory.low is read before it is written, and else so often only. */
#define LOW_EVERY_MINUTES 10
/* The last plan stands in for a missing one for so long, then pools are released to main. */
#define HOLD_MINUTES 10
/* While something changes or waits; else the minute's own tick is the only one. */
#define TICKS_PER_MINUTE 10
#define TIDY_MINUTES 10
/* As long as the history that the ledger explains. */
#define LEDGER_KEEP_MINUTES (28 * MINUTES_PER_DAY)
/* A row a pool and minute, changed or not. */
#define OUTCOMES_KEEP_MINUTES (7 * MINUTES_PER_DAY)

/* Files of a pool that we write, by enum change_kind. */
#define N_FILES 3
extern const char *const limit_file[N_FILES];

struct pool {
	char name[256];	     /* "main", "pool-NAME" */
	char directory[256]; /* below the root (pool_name.h) */
	struct cgroup_dir dir;
	bool fresh, low_fresh;	  /* its files, and its memory.low, were read in this tick */
	bool journalled[N_FILES]; /* the first value is on disk */
	bool queued[N_FILES];	  /* ... or on its way there */
	bool known[N_FILES];	  /* `written` is what the file should hold */
	int64_t written[N_FILES];
	bool foreign[N_FILES];	    /* `written` is what someone else wrote after us */
	int64_t hands_off_until_ns; /* CLOCK_MONOTONIC */
	int64_t back_off_ns;	    /* model time of the last back-off; 0: none yet */
	bool adopted_containers;    /* those that were there at the start are in the table */
	struct watched watched;	    /* for containers that come and go */
	bool strangers;		    /* empty cgroups that nobody reserved, to be looked at again */
	size_t containers;	    /* cgroups in it when it was last looked over */
	bool was_in_use;	    /* some may have been in it since its peak was read */
	struct pool_plan now, next;
	struct pool_plan told;	     /* to --on-change */
	struct pool_outcome outcome; /* of the running minute */
	int64_t outcome_target;
	int64_t last_planned; /* model minute whose plan had a row for it, or when it was found */
	int64_t said_minute;  /* last wait in the ledger, and of which kind */
	enum wait_kind said_kind;

	struct pressure pressure;
	int psi;		/* trigger on its memory.pressure, in the epoll; -1: none */
	bool alarmed;		/* ... has fired since the last sample */
	bool no_pressure_files; /* tried: this kernel or tree has none */
	int64_t events_minute;	/* model minute in which memory.events.local was last looked at */
	bool events_quiet;	/* for the next look: nothing new in it */
	int64_t stat_current;	/* memory.current when memory.stat was last read */
	int64_t idle_file;	/* inactive_file then */

	struct pool_plan plan_target; /* this moment's, without loans and guards */
	struct loan loan, loan_containers;
	int64_t wished, lent; /* bytes of the last tick's loan */
	int64_t lent_containers;

	struct writer_job *limit_job; /* a write of limit_value to memory.max that has begun */
	int64_t limit_value;
	struct writer_job *reclaim_job;
	struct reclaim reclaim;
	int64_t reclaim_minute; /* minute of the last try that is in the ledger */

	struct protected *guarded; /* protect.c: containers whose memory.low is ours */
	size_t n_guarded;
};

/* What a tick's CPU time goes to. */
enum phase { PHASE_PLAN, PHASE_READ, PHASE_DECIDE, PHASE_RECORD, PHASE_WRITE, N_PHASES };

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
	struct server_options peers;
	struct admission_look look;
	struct publisher *publisher;
	uint64_t published; /* version of the table in the file */
	int64_t looked_ns;  /* when it was last looked who is empty */
	struct lease lease;

	int64_t minute;		/* the running one */
	int64_t outcome_minute; /* whose outcomes are being gathered */
	int64_t plan_minute;	/* last minute that had a plan; INT64_MIN: none yet */
	int64_t plan_version;
	bool have_next;
	int *row_pools; /* of the last plan's rows, in their order: most likely the next one's, too */
	size_t n_row_pools;
	int missed;	/* minutes without a plan, in a row */
	bool releasing; /* ... and that for too long */
	bool cut_said, too_many_said;
	int64_t cut_minute; /* last minute whose cut is in the ledger */

	bool apply;	/* o->apply, until the breaker opens */
	bool governing; /* apply: the lease is taken, limits may have been written */
	bool lifted;	/* the lease had ended: take the files as they are at the next tick */
	int64_t drifts; /* files found changed by others */
	struct planner_state planner;
	struct on_change *on_change;
	int epoll, timer, heartbeat, clock_set, signals, inotify;
	int64_t read_ns;	  /* CLOCK_MONOTONIC when this tick began to read */
	int64_t read_minute;	  /* model minute in which all pools were last read */
	int64_t read_wall_minute; /* ... and the minute that it was by the clock */
	int64_t next_tick_ns;	  /* what `timer` is armed for, CLOCK_MONOTONIC */
	bool waiting;		  /* a pool waits: a release is worth a tick of its own */
	bool settled;		  /* nothing to do before the next minute */
	int64_t cpu_ns[N_PHASES]; /* of the running minute, for --verbose */
	int quiet;		  /* ticks in a row in quiet_minute that changed nothing */
	int64_t quiet_minute;

	int64_t began_ns;     /* CLOCK_MONOTONIC */
	int64_t model_minute; /* minutes since then, from 1: whatever the wall clock does */
	struct breaker breaker;
	bool no_psi_said, no_reclaim;
	size_t next_stat;  /* whose memory.stat is due */
	int64_t swap_free; /* bytes, of this tick; -1: not read yet */
	int64_t swappiness;

	struct extra *wish;	/* scratch: of every pool */
	int64_t refused_minute; /* model minute in which main last refused a container */
	int64_t refused_bytes;	/* ... and how much it was */
	int64_t borrowed_ns;	/* last loan that was asked for at once, CLOCK_MONOTONIC */
	int64_t lent;		/* bytes that are lent now */
	int64_t relieved;	/* bytes of pools that main has, for who starts containers anyway */

	bool nonblocking;	 /* the kernel honours O_NONBLOCK on limit files */
	struct writer *limits;	 /* for writes that lower memory.max */
	struct writer *reclaims; /* for memory.reclaim */
	int ended;		 /* eventfd: one of theirs has ended */
	int64_t patience_ns;	 /* how long this tick may still wait for writes */

	bool recursive;	     /* the mount protects what is below a protected cgroup */
	bool root_low_known; /* the root's memory.low is ours to write */
	bool root_low_journalled;
	int64_t root_low, root_low_wanted;
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
/* Reads memory.current and, when applying, the limit files; adopts what others wrote. Of all pools at a
 * minute's first tick; else of main and of those that are about to change or that had news. */
void pools_read(struct governor *g);
/* The same for pools whose targets have just changed. */
void pools_read_changing(struct governor *g);
/* ... and for those that `decision` changes after all. True when it was made without their reading. */
bool pools_read_decided(struct governor *g);
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

/* admit.c */
/* The socket and the published table. */
int admit_open(struct governor *g);
void admit_close(struct governor *g);
/* After whatever may have changed the table. */
void admit_publish(struct governor *g);
/* Once a minute: leases that are over, containers' cgroups that nobody is in. */
void admit_look_over(struct governor *g);

/* reconcile.c */
/* Compares what is found at the start with the journal of a former governor. */
int reconcile(struct governor *g);

/* schedule.c */
/* Loads the plan when the minute or the plan changed. */
void schedule_refresh(struct governor *g);
/* Sets every pool's target for this moment. */
void schedule_targets(struct governor *g);
/* Of this moment: enum effects. */
int effects_of(const struct governor *g);
/* Tells --on-change which targets (with what is lent) have changed. */
void schedule_tell(struct governor *g);
/* Keeps whether the tick that has just ended left something to do. */
void schedule_note_tick(struct governor *g);
/* CLOCK_MONOTONIC time of the next tick: the next minute, or the lead before one in which a pool
 * grows; earlier while something changes or waits. */
int64_t schedule_next_tick_ns(const struct governor *g);
/* CLOCK_MONOTONIC time by which to look when someone has asked for admission. */
int64_t schedule_soon_ns(const struct governor *g);

/* extras.c */
/* Adds loans and guards to the targets of the plan. */
void extras_grant(struct governor *g);
/* A container was refused for want of room: notes it, and tries at once to borrow for it. True when
 * the table has changed, so that asking again is worth while. (The table's `make_room`.) */
bool extras_make_room(void *arg, int pool, int64_t bytes);

/* sense.c */
/* Looks at pools about which there may be news: an alarm, a new minute. Before the targets. */
void sense_news(struct governor *g);
/* Looks closely at pools that are to shrink; sets every pool's veto, floor and working set. After the
 * targets. */
void sense_shrinking(struct governor *g);
/* One pool's pressure now; true when its limit may be lowered. */
bool sense_calm(struct governor *g, size_t i);
/* For an epoll event: true when it was a pool's alarm. */
bool sense_event(struct governor *g, const void *ptr, uint32_t events);
/* The cgroup is gone, or is another. */
void sense_forget(struct pool *p);

/* writes.c */
int writes_open(struct governor *g);
void writes_close(struct governor *g);
/* Longest that a tick waits for writes that block, all of them together. */
#define WRITES_PATIENCE_NS (50 * NS_PER_MS)
/* As in act.h. */
extern const struct act_ops writes_ops;
/* For an epoll event: true when it was `ended`; *ret_tick: it is worth a tick. */
bool writes_event(struct governor *g, const void *ptr, bool *ret_tick);
/* The cgroup is gone: whatever is still being written to it. */
void writes_forget(struct governor *g, struct pool *p);
/* Lifts every limit that is ours. Returns how many could not be lifted. */
int writes_lift(struct governor *g, const char *why);

/* protect.c */
/* Whether memory.low is to be written at the root and at containers, too. */
int protect_begin(struct governor *g);
/* Queues the root's memory.low, that of all pools together; after the flush protect_root() writes it. */
void protect_plan_root(struct governor *g);
void protect_root(struct governor *g);
/* Takes the root's memory.low as it is, after a lease has ended. */
void protect_accept(struct governor *g);
/* Takes the root's protection back. */
void protect_end(struct governor *g);
/* Protects the containers of a pool where the mount does not do it. When some have come or gone. */
void protect_containers(struct governor *g, size_t i);
/* The pool's cgroup is gone, and all below it. */
void protect_forget(struct governor *g, struct pool *p);
/* outcomes.c */
/* Looks at one pool's memory, which has just been read. */
void outcomes_see(struct governor *g, size_t i);
/* Stores the last minute's outcomes when it is over; after pools_read(). */
void outcomes_store(struct governor *g);
/* Keeps which limits are in force from now on, really or in shadow. */
void outcomes_limits(struct governor *g);

/* tick.c */
/* A plan was loaded; `fault` of plan_fault(). May open the breaker. */
void tick_mind_plan(struct governor *g, const char *fault);
/* A row of the ledger, stamped; `pool` NULL is the root. */
void ledger_say(struct governor *g, const char *pool, const char *action, const char *file,
		int64_t before, int64_t after, const char *fmt, ...) _printf_(7, 8);

#endif
