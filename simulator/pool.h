/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pool in virtual time: containers within a capacity, and the queue before them. The main pool has a
 * member for every function, a hot function's own pool has one. Pure: all that a pool knows of the
 * world is the time that it is told.
 *
 * Times that a caller passes never go back. Nothing is done for the mere passing of time: ends and
 * expiries are found when they matter, at the moment they took place.
 */
#ifndef FAASMAT_SIMULATOR_POOL_H
#define FAASMAT_SIMULATOR_POOL_H

#include "simulator/container.h"
#include "simulator/heap.h"
#include "simulator/timeline.h"
#include "simulator/wheel.h"

/* The thesis program's limit of a queue; more calls than this and the oldest is dropped. */
#define QUEUE_LIMIT 100000

/* Which idle container is evicted first. */
enum eviction {
	EVICT_LRU,	   /* last start longest ago; of the same ms the one created last */
	EVICT_GREEDY_DUAL, /* clock + calls x (cold - warm) / memory (FaaSCache, eq. 1) */
	EVICT_LANDLORD, /* clock + (cold - warm) / memory: rent falls due, credit is renewed by a call */
	EVICT_FREQUENCY, /* clock + calls x (cold - warm) */
	EVICT_SIZE,	 /* clock + calls / memory */
};

struct pool;
struct pool_rules {
	int64_t queue_ttl;   /* ms that a call may wait */
	int64_t keep_alive;  /* ms from the end of the last run, or NEVER */
	bool own_keep_alive; /* the members' instead; keep_alive must not be NEVER */
	enum eviction eviction;
	/* The thesis program evicts idle containers one by one and finds out afterwards that they were
	 * not enough; the paper's text checks beforehand. */
	bool evict_first;
	/* A call that cannot be placed holds up those behind it (OpenWhisk's invoker, the paper);
	 * otherwise every call waits for itself. */
	bool in_order;
	/* A call waits for a container of its function that ends within the queue TTL rather than have
	 * another one started. */
	bool patient;
	/* May a container be started for a call of this member, seeing how much memory is free? NULL:
	 * always. */
	bool (*admit)(void *arg, struct pool *p, const struct member *m, uint32_t function,
		      int64_t t);
	/* May an idle container of `victim` be evicted for one of `function`? NULL: always. */
	bool (*yields)(void *arg, struct pool *p, uint32_t victim, uint32_t function, int64_t t);
	void *arg;
};

struct waiting {
	int64_t since;
	uint32_t function;
};

struct pool {
	struct pool_rules rules;
	/* Bytes: what containers may be started up to, what they take, and what is set aside for the pool.
	 * capacity is below limit only while a governor waits for containers to leave. */
	int64_t capacity, used, limit;
	struct timeline *timeline; /* where changes of `used` are told; not owned */
	/* Members are functions first .. first + n - 1. */
	struct member *member;
	uint32_t first, n_members;

	struct container *container;
	uint32_t n_containers, containers_size, free;
	uint32_t live, most_live;
	uint64_t serial;
	/* Keep-alive: one entry a container, its key no later than its true expiry. */
	struct heap timers;
	uint32_t *timer_at;
	/* For pools of several functions, in eviction.c. `victims` has those that were idle when it was
	 * told; keys may be too early and a container may have begun to run since: both are put right
	 * when it comes to the top. */
	struct heap victims;
	uint32_t *victim_at;
	/* While memory is short the wheel has every container that runs, so that idle_bytes is exact. */
	struct wheel *wheel;
	bool tracking;
	int64_t last_short; /* when memory was short last */
	int64_t idle_bytes;
	double clock; /* of the priorities: that of the last victim */

	struct waiting *queue; /* ring */
	size_t queue_head, queue_n, queue_size;
	int64_t wake; /* when the queue should be looked at next */

	/* Added up. */
	int64_t warm, cold, drop, prewarm, evictions;
	double byte_ms, idle_byte_ms;
	int64_t changed;   /* `used` has been counted into byte_ms until here */
	int64_t most_used; /* since pool_mark() */
	int error;	   /* -ENOMEM once it has happened; outcomes are then void */
};

/* A pool of members first..first+n-1, which the caller fills in with member_init(). -ENOMEM. */
int pool_init(struct pool *p, const struct pool_rules *rules, uint32_t first, uint32_t n_members,
	      struct timeline *timeline);
void pool_release(struct pool *p);

static inline struct member *pool_member(const struct pool *p, uint32_t function)
{
	return &p->member[function - p->first];
}

/* Can a call of `function` be placed now? Places it (warm, else cold) and says so. */
bool pool_place(struct pool *p, uint32_t function, int64_t t);

/* n calls that arrive at t, in this order: placed or queued. Call i is of function[i * step], so
 * that step 0 says n calls of one function. */
void pool_arrive(struct pool *p, const uint32_t *function, size_t step, size_t n, int64_t t);

/* A call at t that nobody could place: it waits, or is dropped at once where waiting is known to be in
 * vain (a patient pool would have found a container that ends in time). */
void pool_refuse(struct pool *p, uint32_t function, int64_t t);

/* Gives the pool another capacity (and limit) at t; calls that wait may fit now. */
static inline void pool_admit(struct pool *p, int64_t capacity, int64_t t)
{
	p->capacity = capacity;
	if (p->queue_n)
		p->wake = t;
}

static inline void pool_resize(struct pool *p, int64_t capacity, int64_t t)
{
	p->limit = capacity;
	pool_admit(p, capacity, t);
}

static inline void pool_lend(struct pool *from, struct pool *to, int64_t bytes)
{
	from->capacity -= bytes;
	from->limit -= bytes;
	to->capacity += bytes;
	to->limit += bytes;
}

/* When a container that runs now may become idle next; the caller has tried those that are idle. */
int64_t pool_next_end(struct pool *p, int64_t t);

/* What happens in the queue before `until`. */
void pool_advance_queue(struct pool *p, int64_t until);
static inline void pool_advance(struct pool *p, int64_t until)
{
	if (p->queue_n && p->wake < until)
		pool_advance_queue(p, until);
}

/* Keep-alives that end at or before t. */
void pool_expire_due(struct pool *p, int64_t t);
static inline void pool_expire(struct pool *p, int64_t t)
{
	if (p->timers.n && p->timers.e[0].major <= t)
		pool_expire_due(p, t);
}

/* Evicts idle containers, in the pool's order, until `used` is at most `bytes` or none is idle. */
void pool_shrink(struct pool *p, int64_t bytes, int64_t t);

/* Starts a container of `function` that serves no call. False when it does not fit as things are. */
bool pool_prewarm(struct pool *p, uint32_t function, int64_t t);

/* Evicts the container of `function` that has been idle longest; false when none is idle. */
bool pool_evict_one(struct pool *p, uint32_t function, int64_t t);

/* Bytes of idle containers at t. */
int64_t pool_idle_bytes(struct pool *p, int64_t t);

/* Counts `used` and the idle time of what is idle now up to t, and begins a new most_used. */
void pool_mark(struct pool *p, int64_t t);
/* At the end of a run: idle time that is still open. */
void pool_close(struct pool *p, int64_t t);

/* 0, or -EBADMSG when the pool's books do not agree: bytes against containers, a container in two
 * places. For tests and for the end of every run. */
int pool_check(const struct pool *p, int64_t t);

#endif
