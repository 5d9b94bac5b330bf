/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One run: a load, a policy, a memory size in; counts out. Pure: the same input gives the same result,
 * on any thread. docs/policies.md describes the policies.
 */
#ifndef FAASMAT_SIMULATOR_SIMULATE_H
#define FAASMAT_SIMULATOR_SIMULATE_H

#include "simulator/arrivals.h"
#include "simulator/author_order.h"
#include "simulator/load.h"
#include "simulator/pool.h"
#include "simulator/prediction.h"

enum policy {
	POLICY_LRU,
	POLICY_TTL,
	POLICY_GREEDY_DUAL,
	POLICY_LANDLORD,
	POLICY_FREQ,
	POLICY_SIZE,
	POLICY_HIST,
	POLICY_SSMP,
	POLICY_SSMP_SIMPLE,
	POLICY_DSMP,
	POLICY_FAASMAT,
	N_POLICIES,
};

/* "lru", "greedy-dual", ...; -EINVAL for another. */
int policy_parse(const char *name, enum policy *ret);
const char *policy_name(enum policy p);
/* Does it need a prediction of each minute? */
bool policy_predicts(enum policy p);

/* The parts of the faasmat policy, each of which can be left out. */
enum faasmat_part {
	PART_ERLANG = 1 << 0, /* size by Erlang's formula on a quantile, else by flow on the mean */
	PART_PREWARM = 1 << 1,	/* start containers ahead of a pool's growth */
	PART_KEEP = 1 << 2,	/* no keep-alive timeout: containers leave when memory is wanted */
	PART_BORROW = 1 << 3,	/* a full pool grows into memory that main does not use */
	PART_PATIENCE = 1 << 4, /* a call waits for a container that ends within the queue TTL */
	PART_SPILL = 1 << 5,	/* a call that its pool cannot take goes to main */
	PART_PASS = 1 << 6,  /* without patience: a call that waits for memory lets others pass */
	PART_WORTH = 1 << 7, /* a start must be worth its memory when memory is short */
	PART_ALL = (1 << 8) - 1,
};

/* "prewarm,borrow" as a set of parts; -EINVAL when one is unknown. */
int faasmat_parts_parse(const char *list, unsigned int *ret);

struct run_options {
	enum policy policy;
	bool compat;	    /* as the thesis program does, quirks included */
	int64_t memory;	    /* bytes of the node */
	int64_t queue_ttl;  /* ms */
	int64_t keep_alive; /* ms */
	double share;	    /* of the memory that pools may take, 0.7 in the paper */
	double pool_factor; /* pools this many times as large as sized */
	enum arrivals arrivals;
	uint64_t seed;
	size_t minutes; /* to simulate, at most those of the load */
	/* Functions that the locator calls hot, highest score first (locate_hot()). */
	const uint32_t *located;
	size_t n_located;
	const struct author_order *order;    /* NULL: ties by function */
	const struct prediction *prediction; /* of the located functions; NULL when not needed */
	unsigned int parts;		     /* of faasmat */
	enum eviction main_eviction;	     /* of faasmat's main pool */
	double target_drop;		     /* of erlang sizing */
	double quantile;		     /* of the forecast that pools are sized for */
	bool per_minute;
};

struct function_result {
	int64_t invocations, warm, cold, drop, prewarm;
	bool hot;
};

struct minute_result {
	int64_t warm, cold, drop;
	int64_t used;	  /* most bytes in use by all pools together */
	int64_t capacity; /* of main, bytes */
};

/* A located function's minute, also under policies that give it no pool. */
struct watch_result {
	int64_t warm, cold, drop;
	int64_t used;	  /* most bytes of its containers */
	int64_t capacity; /* of its pool; 0 without one */
};

struct run_result {
	int64_t invocations, warm, cold, drop, pending;
	int64_t prewarms, evictions;
	double idle_mb_minutes, mean_memory_mb;
	int64_t max_memory; /* bytes */
	int64_t over_capacity_minutes;
	int64_t most_containers;
	size_t n_functions;
	struct function_result *function;
	size_t n_minutes;
	struct minute_result *minute; /* with per_minute */
	size_t n_watched;
	uint32_t *watched;	    /* copy of the located functions */
	struct watch_result *watch; /* with per_minute: [n_watched][n_minutes] */
	double wall_seconds;
	char why[256]; /* after a failure: a sentence */
};

void run_result_release(struct run_result *r);

/*
 * -EINVAL the options do not fit the load (r->why says how), -ENOMEM, -EBADMSG the run's own books do
 * not agree, which is a bug. run_result_release() is allowed after a failure.
 */
int simulate(const struct load *load, const struct run_options *o, struct run_result *ret);

#endif
