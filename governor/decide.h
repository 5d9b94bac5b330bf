/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What to change now, so that every pool comes to its budget and nobody is hurt on the way. Pure:
 * the state of the node in, an ordered list of changes out. Main is one more pool, number 0, whose
 * target is what the pools leave of the node's budget.
 *
 * The rules (architecture.md, invariants 1 and 2):
 *  - the sum of the limits never exceeds the node's budget, whichever of the changes fail: a raise
 *    takes only bytes that are free, and lowers come before raises;
 *  - a limit is never lowered below memory.current + margin, nor below what is in use by the
 *    admission table, by at most `step` a time, and not at all while the pool is under pressure;
 *  - to grow: the limit, then admission. To shrink: admission, then (as containers leave, and after
 *    them the page cache, by memory.reclaim) the limit.
 */
#ifndef FAASMAT_GOVERNOR_DECIDE_H
#define FAASMAT_GOVERNOR_DECIDE_H

#include "common/util.h"

/* "max" in a limit file. */
#define LIMIT_NONE INT64_MAX
/* A pool whose containers are not counted (main). */
#define NO_COUNT (-1)
/* The kernel keeps limits in pages and rounds down; so do we, to read back what we wrote. */
#define LIMIT_PAGE 4096LL
#define MAIN_POOL 0

/* One pool as it is. Bytes; counts of containers. */
struct pool_state {
	const char *name;	   /* for reasons; "main", "pool-f" */
	int64_t target_bytes;	   /* to be admitted: the plan, and what is borrowed; whole pages */
	int64_t target_containers; /* NO_COUNT for main */
	int64_t guard_bytes;	   /* limit above the target that is not admitted (pressure.h) */
	int64_t limit;		   /* memory.max; LIMIT_NONE; 0 while the cgroup does not exist */
	int64_t low;		   /* memory.low */
	int64_t current;	   /* memory.current */
	int64_t working_set;	   /* what memory.low is to protect; at most the limit is */
	int64_t unreclaimable;	   /* memory.reclaim gets no lower (floor.h) */
	int64_t admitted_bytes, admitted_containers;
	int64_t used_bytes, used_containers;
	bool hands_off;	  /* its files are not to be written now (drift, unreadable, in flight) */
	const char *veto; /* why its limit must not be lowered now (pressure.h), or NULL */
};

struct node_state {
	int64_t budget; /* root's memory.max: for main and all pools together; whole pages */
	int64_t margin; /* kept free above memory.current when a limit is lowered */
	int64_t step;	/* a limit is lowered by at most this at a time */
	size_t n;
	/* n of them; [0] is main. Targets and guards sum to the budget at most. */
	struct pool_state *pools;
};

enum change_kind {
	CHANGE_ADMIT,	/* the admission table: bytes and containers */
	CHANGE_LIMIT,	/* memory.max */
	CHANGE_LOW,	/* memory.low */
	CHANGE_RECLAIM, /* memory.reclaim: memory.current from `before` down to `after` */
};

enum outcome { OUTCOME_OPEN, OUTCOME_DONE, OUTCOME_VETOED, OUTCOME_FAILED, OUTCOME_IN_FLIGHT };

struct change {
	int pool;
	enum change_kind kind;
	int64_t before, after;			     /* bytes */
	int64_t containers_before, containers_after; /* CHANGE_ADMIT only */
	enum outcome outcome;			     /* filled by act() */
	int error;				     /* negative errno when it failed */
	const char *veto;			     /* why it must not happen after all */
};

/* A pool that cannot come to its target yet, and why. */
enum wait_kind {
	WAIT_FOR_BYTES, /* it needs bytes that another holds */
	/* It keeps bytes above its target, because of: */
	WAIT_RESERVED,	    /* containers that have not left */
	WAIT_IN_USE,	    /* memory.current + margin: being reclaimed */
	WAIT_UNRECLAIMABLE, /* memory.current + margin: nothing of it can be reclaimed */
	WAIT_PRESSURE,	    /* the pool's veto */
};

struct wait {
	int pool;
	enum wait_kind kind;
	int64_t bytes; /* how many are missing or kept */
	int holder;    /* WAIT_FOR_BYTES: who holds most above its target; -1: nobody does */
	int64_t holds; /* ... and how many bytes */
};

/* Room for a decision over n pools; made once, used again each time. */
struct decision {
	struct change *changes;
	size_t n_changes;
	struct wait *waits;
	size_t n_waits;
	int64_t *limit; /* scratch: the limits as the changes so far leave them */
	size_t size;	/* pools there is room for */
};

/* -ENOMEM. decision_free() is allowed on a zeroed decision. */
int decision_make_room(struct decision *d, size_t n);
void decision_free(struct decision *d);

/* Fills d (which has room for node->n pools) with the changes in the order to carry them out. */
void decide(const struct node_state *node, struct decision *d);

/*
 * The last word before a change is carried out, on the state as it is at that moment (limits as the
 * changes before it left them, memory.current just read): why it must not happen, or NULL. Catches
 * what decide() could not know: that an earlier write failed, that memory grew meanwhile.
 */
const char *change_veto(const struct node_state *node, const struct change *c);

/* The limit that a pool is to come to. */
int64_t wanted_limit(const struct pool_state *p);

/* Bytes of a pool's memory that stand in the way of the next step of its limit; 0 or less: none do.
 * Only then is it worth while to ask what can be reclaimed. */
int64_t reclaim_need(const struct node_state *node, int pool);

/* Sum of all limits; LIMIT_NONE when one of them is, or on overflow. */
int64_t sum_limits(const struct node_state *node);

/* What a pool may admit at most under this limit. Main keeps a margin back, so that a main pool full
 * of containers can still be lowered to its target. */
int64_t admissible(const struct node_state *node, int pool, int64_t limit);

#endif
