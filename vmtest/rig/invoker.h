/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The invoker's decisions, pure: which container serves a call, which is evicted to make room, who
 * waits and who is dropped. Behaves as an OpenWhisk invoker (../shared/research/platforms.md,
 * section 6) with these differences, each to the baseline's advantage:
 *   - a call that cannot be placed holds back only calls of its own function, not the whole queue;
 *   - room counts as free when the evicted container is really gone, so that the ledger is never
 *     exceeded; a call whose start waits for that is placed and can no longer be dropped;
 *   - eviction frees only what is missing;
 *   - of a function's idle containers the most recently used one serves, so that the rest can expire.
 *
 * Memory is a ledger of declared bytes, per pool: what the admission table admits, and what its
 * containers use. Without a governor there is one pool, main, that admits the node's memory.
 * Containers of main expire after the keep-alive; those of other pools never do, they leave when
 * their pool's admission shrinks.
 *
 * The caller reports events with the time (any monotonic nanoseconds, never going back) and then
 * takes the actions out until there is none.
 */
#ifndef FAASMAT_RIG_INVOKER_H
#define FAASMAT_RIG_INVOKER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* The main pool's index; always there. */
#define POOL_MAIN 0
#define NO_TIME INT64_MAX

struct call {
	int function;
	int64_t arrive_ns;
	bool cold;		       /* a container was started for it */
	uint32_t number;	       /* the caller's */
	TAILQ_ENTRY(call) queued;      /* in struct invoker, by arrival */
	TAILQ_ENTRY(call) of_function; /* in struct function, by arrival */
};
TAILQ_HEAD(call_list, call);

enum container_state {
	CONTAINER_RESERVING, /* the governor has been asked */
	CONTAINER_PENDING,   /* waits until evicted containers are gone */
	CONTAINER_STARTING,
	CONTAINER_BUSY,
	CONTAINER_IDLE,
	CONTAINER_REMOVING, /* told to go, or died; uses memory until it is gone */
};

struct container {
	uint32_t number; /* counts up, never used again */
	int function;
	int pool;
	enum container_state state;
	bool counted;	   /* its bytes are in its pool's `used` or `promised` */
	struct call *call; /* that it serves, or was started for; NULL when idle or prewarmed */
	int64_t idle_ns;   /* since when */
	void *owner;	   /* the caller's */
	TAILQ_ENTRY(container) all;
	TAILQ_ENTRY(container) of_pool;	    /* idle: by idle_ns; pending: by age */
	TAILQ_ENTRY(container) of_function; /* idle */
};
TAILQ_HEAD(container_list, container);

struct function {
	int64_t bytes;		    /* one container's declared memory */
	int pool;		    /* where new containers go */
	bool refused;		    /* the governor said no, and nothing has changed since */
	bool passed_over;	    /* within one walk through the queue */
	struct container_list idle; /* most recently used last */
	struct call_list queue;
	/* Calls by outcome; those neither served, dropped nor failed are pending. */
	int64_t invocations, warm, cold, drop, failed;
	int64_t starts, evictions;
	int64_t wanted;	   /* containers that its pool is to hold ahead of calls */
	int64_t prewarmed; /* starts without a call */
};

struct pool {
	int function; /* -1 for main */
	int64_t admitted_bytes;
	int64_t admitted_containers;		     /* -1: any number */
	int64_t used_bytes, used_containers;	     /* all that exist, removing ones too */
	int64_t leaving_bytes, leaving_containers;   /* the removing ones among them */
	int64_t promised_bytes, promised_containers; /* of pending containers */
	int64_t idle_bytes, idle_containers;
	struct container_list idle; /* least recently used first */
	struct container_list pending;
};

enum action_kind {
	ACTION_NONE,
	ACTION_RESERVE, /* ask the governor, then invoker_reserved() */
	ACTION_START,	/* then invoker_ready() or invoker_died() */
	ACTION_RUN,	/* send container->call, then invoker_done() or invoker_died() */
	ACTION_REMOVE,	/* make it go, then invoker_gone() */
	ACTION_DROP,	/* `call` waited too long; the caller frees it */
};

struct action {
	enum action_kind kind;
	struct container *container;
	struct call *call;
};

struct invoker {
	int64_t queue_ttl_ns;
	int64_t keep_alive_ns;
	bool reserve; /* a governor admits each start */
	struct function *function;
	int n_functions;
	struct pool *pool;
	int n_pools;
	struct container_list containers;
	struct call_list queue;
	int64_t n_queued, n_containers;
	uint32_t next_container;
	struct action *action; /* ring of action_size, a power of two */
	uint32_t action_head, action_tail, action_size;
	int64_t expired;    /* containers removed by keep-alive */
	bool out_of_memory; /* an action was lost; the caller must give up */
};

/*
 * n functions whose containers take bytes[i]; main admits `memory` bytes. keep_alive_ns NO_TIME keeps
 * for ever. 0 or -ENOMEM. invoker_free() also frees calls and containers that are still known.
 */
int invoker_init(struct invoker *v, int n, const int64_t *bytes, int64_t memory,
		 int64_t queue_ttl_ns, int64_t keep_alive_ns, bool reserve);
void invoker_free(struct invoker *v);

/* A new pool for `function`, that admits nothing yet; its index or -ENOMEM. New containers of the
 * function go there. */
int invoker_add_pool(struct invoker *v, int function);
/* The pool's function goes to main again (its pool has left the table), or back to its pool. */
void invoker_use_pool(struct invoker *v, int pool, bool use);

/* What the table admits to a pool now. Idle containers above it are evicted, LRU first. */
void invoker_admit(struct invoker *v, int pool, int64_t bytes, int64_t containers, int64_t now_ns);

/* The function's pool is to hold so many containers from now on: those that it lacks are started ahead
 * of calls, as far as its admission has room. Nothing is evicted for them, and main holds none. */
void invoker_prewarm(struct invoker *v, int function, int64_t containers, int64_t now_ns);

/* A call (malloc'd; function, arrive_ns, number set) comes in. Owned by the invoker until ACTION_DROP
 * or invoker_done() or invoker_died() hands it back. */
void invoker_arrive(struct invoker *v, struct call *call, int64_t now_ns);

/* The governor's answer for a container in ACTION_RESERVE: admitted to `pool`, or not (ok false; the
 * container is freed). A pool other than the function's own is a spill. */
void invoker_reserved(struct invoker *v, struct container *c, bool ok, int pool, int64_t now_ns);

/* The container's proxy is ready for the call that it was started for, or for any. */
void invoker_ready(struct invoker *v, struct container *c, int64_t now_ns);

/* The call was served. It is the caller's again. */
struct call *invoker_done(struct invoker *v, struct container *c, int64_t now_ns);

/* The container died, failed to start or broke the contract: its call has failed and is the caller's
 * again (NULL when it had none). An ACTION_REMOVE follows unless it was being removed already. */
struct call *invoker_died(struct invoker *v, struct container *c, int64_t now_ns);

/* Nothing of the container is left. Frees it. */
void invoker_gone(struct invoker *v, struct container *c, int64_t now_ns);

/* Drops what has waited longer than the queue TTL, removes what has outlived the keep-alive. */
void invoker_tick(struct invoker *v, int64_t now_ns);
/* When invoker_tick() next has something to do, or NO_TIME. */
int64_t invoker_next_ns(const struct invoker *v);

/* The next action, ACTION_NONE when all are taken. */
struct action invoker_next_action(struct invoker *v);

#endif
