/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The node in virtual time: the main pool, the pools of hot functions, and the minute that runs.
 * Shared by the files of simulator/ that make up a run (simulate.c, the policies).
 */
#ifndef FAASMAT_SIMULATOR_NODE_H
#define FAASMAT_SIMULATOR_NODE_H

#include "simulator/pool.h"
#include "simulator/simulate.h"

#define NO_POOL UINT32_MAX

/* A hot function's pool, and its arrivals of the minute that runs. */
struct hot_pool {
	struct pool pool;
	uint32_t function;
	const struct prediction_row *prediction;
	int64_t planned;      /* bytes that the plan gives it now, without what it has borrowed */
	uint32_t count, next; /* arrivals: ms[first + next] .. ms[first + count - 1] are to come */
	size_t first;
};

struct node {
	const struct load *load;
	const struct run_options *o;
	struct run_result *result;
	const struct policy_ops *ops;

	struct pool main;
	struct hot_pool *hot;
	size_t n_hot;
	uint32_t *pool_of; /* by function: index into hot, or NO_POOL */
	struct timeline timeline;

	size_t minute;
	struct arrival *arrival, *arrival_scratch; /* of main, in this minute */
	size_t n_arrivals, next_arrival, arrivals_size;
	uint16_t *ms, *ms_scratch; /* of the hot pools; ms_scratch also serves to make main's */
	size_t ms_size;
	void *state; /* of the policy */
};

struct policy_ops {
	const char *name;
	/* Gives the located functions their pools (node_add_pool) and main its capacity. NULL: main
	 * has the whole memory. 0, -ENOMEM, -EINVAL with node_fail(). */
	int (*begin)(struct node *n);
	/* Minute n->minute begins at n->timeline.begin: resize. NULL: nothing. */
	int (*minute)(struct node *n);
	/* Runs all pools through their arrivals before `until`, when they are not independent of one
	 * another. NULL: each runs alone. */
	void (*run)(struct node *n, int64_t until);
	/* Before main takes arrivals of millisecond t (and once at the end of each minute). */
	void (*before)(struct node *n, int64_t t);
	/* A function's invocation has arrived, before it is placed. */
	void (*arrived)(struct node *n, uint32_t function, int64_t t);
	void (*end)(struct node *n);
	enum eviction eviction;
	bool predicts;
	bool endless; /* containers have no keep-alive timeout */
};

extern const struct policy_ops policy_ops[N_POLICIES];

/* policy_paper.c, policy_hist.c, policy_faasmat.c */
int paper_begin(struct node *n);
int paper_minute(struct node *n);
void paper_end(struct node *n);
int hist_begin(struct node *n);
void hist_before(struct node *n, int64_t t);
void hist_arrived(struct node *n, uint32_t function, int64_t t);
void hist_end(struct node *n);
int faasmat_begin(struct node *n);
int faasmat_minute(struct node *n);
void faasmat_run(struct node *n, int64_t until);
void faasmat_end(struct node *n);

/* Room for one pool more, of a located function; `capacity` bytes. -ENOMEM. */
int node_add_pool(struct node *n, uint32_t function, int64_t capacity,
		  const struct pool_rules *rules);
void node_init_member(const struct node *n, struct pool *p, uint32_t function);
/* The rules of a pool under this run's options. */
struct pool_rules node_rules(const struct node *n);
/* The sentence of a failure; returns err. */
int node_fail(struct node *n, int err, const char *fmt, ...) _printf_(3, 4);

/* Runs main through its arrivals before `until` and what happens in its queue. */
void node_run_main(struct node *n, int64_t until);
/* The same for a hot pool that needs nobody else. */
void node_run_hot(struct node *n, struct hot_pool *h, int64_t until);

#endif
