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
 *    admission table, and by at most `step` a time;
 *  - to grow: the limit, then admission. To shrink: admission, then (as containers leave) the limit.
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
	int64_t target_bytes;	   /* whole pages */
	int64_t target_containers; /* NO_COUNT for main */
	int64_t limit;		   /* memory.max; LIMIT_NONE; 0 while the cgroup does not exist */
	int64_t low;		   /* memory.low */
	int64_t current;	   /* memory.current */
	int64_t admitted_bytes, admitted_containers;
	int64_t used_bytes, used_containers;
	bool hands_off; /* its files are not to be written now (drift, unreadable) */
};

struct node_state {
	int64_t budget; /* root's memory.max: for main and all pools together; whole pages */
	int64_t margin; /* kept free above memory.current when a limit is lowered */
	int64_t step;	/* a limit is lowered by at most this at a time */
	size_t n;
	struct pool_state *pools; /* n of them; [0] is main. Targets sum to the budget at most */
};

enum change_kind {
	CHANGE_ADMIT, /* the admission table: bytes and containers */
	CHANGE_LIMIT, /* memory.max */
	CHANGE_LOW,   /* memory.low */
};

enum outcome { OUTCOME_OPEN, OUTCOME_DONE, OUTCOME_VETOED, OUTCOME_FAILED };

struct change {
	int pool;
	enum change_kind kind;
	int64_t before, after;			     /* bytes */
	int64_t containers_before, containers_after; /* CHANGE_ADMIT only */
	char reason[200];
	enum outcome outcome; /* filled by act() */
	int error;	      /* negative errno when it failed */
};

/* A pool that cannot come to its target yet. */
struct wait {
	int pool;
	bool shrink;   /* it keeps bytes (a veto on lowering); else it needs them */
	int64_t bytes; /* how many are missing or kept */
	char reason[200];
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

/* A limit for people: "max", "200M". As format_size(), a ring of four buffers. */
const char *format_limit(int64_t bytes);

/* Sum of all limits; LIMIT_NONE when one of them is, or on overflow. */
int64_t sum_limits(const struct node_state *node);

/* What a pool may admit at most under this limit. Main keeps a margin back, so that a main pool full
 * of containers can still be lowered to its target. */
int64_t admissible(const struct node_state *node, int pool, int64_t limit);

#endif
