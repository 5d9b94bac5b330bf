/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Containers, and one function's containers in one pool (a member). Time is in whole milliseconds of
 * virtual time. A container runs one call at a time; it is idle from `end` on.
 *
 * Finding a warm container must cost nothing that grows with the pool, so a member keeps its own:
 * idle ones in the order of their last start (the newest is taken, as OpenWhisk does), running ones in
 * one queue for warm runs and one for starts, where the first to begin is, as a rule, the first to end.
 */
#ifndef FAASMAT_SIMULATOR_CONTAINER_H
#define FAASMAT_SIMULATOR_CONTAINER_H

#include <stdint.h>

#include "common/util.h"

#define NO_CONTAINER UINT32_MAX
#define NEVER INT64_MAX

/* What a running container does; each has its own duration. */
enum run { RUN_WARM, RUN_COLD, RUN_PREWARM, N_RUNS };
/* Queues of running containers: warm runs, and those that start. */
#define N_QUEUES 2

enum container_state { CONTAINER_FREE, CONTAINER_RUNNING, CONTAINER_IDLE };
struct container {
	int64_t start;	 /* of the last run */
	int64_t end;	 /* idle from here on: at least start + 1, since a millisecond is a step */
	uint64_t serial; /* order of creation in its pool */
	int64_t keep;	 /* ms that it stays idle, when functions have keep-alives of their own */
	double priority; /* of the last start; unused where the order is by start */
	uint32_t function;
	uint32_t older,
		newer; /* the idle list; `newer` alone links a running queue and the free list */
	uint32_t next_due; /* the wheel's list (wheel.h) */
	uint8_t state;
	bool ranked;   /* the pool's heap of victims has it */
	bool in_wheel; /* the pool's wheel will tell of its end, or has told of an earlier one */
	bool instant;  /* the run took 0 ms: it has been idle since end - 1 */
};

struct run_queue {
	uint32_t head, tail;
};

/* What every warm call touches comes first and fits a cache line: of thousands of functions it is not
 * in the cache. */
struct member {
	uint32_t idle_newest, idle_oldest;
	struct run_queue running[N_QUEUES];
	int32_t duration[N_RUNS]; /* ms */
	uint32_t live;
	int64_t next_end; /* of the running ones, NEVER when none runs */
	int64_t memory;
	int64_t warm; /* outcomes so far */
	/* The second line. */
	int64_t cold, drop;
	int64_t forgotten; /* of warm and cold: served until it last had no container */
	int32_t keep_alive, keep_prewarmed; /* ms after a call, after a prewarm; see pool_rules */
	uint32_t prewarm;		    /* containers started for no call, so far */
	uint32_t most_live;		    /* since whoever watches it set it */
} __attribute__((aligned(64)));

/* Calls served since it last had no container. */
static inline int64_t member_calls(const struct member *m)
{
	return m->warm + m->cold - m->forgotten;
}

static inline struct run_queue *member_queue(struct member *m, enum run run)
{
	return &m->running[run != RUN_WARM];
}

static inline void member_init(struct member *m, int64_t memory, int64_t warm, int64_t cold)
{
	*m = (struct member){
		.idle_newest = NO_CONTAINER,
		.idle_oldest = NO_CONTAINER,
		.next_end = NEVER,
		.memory = memory,
		/* A cold call is start plus run; a prewarmed container only starts. */
		.duration = { (int32_t)warm, (int32_t)cold, (int32_t)MAX(cold - warm, (int64_t)0) },
	};
	for (int i = 0; i < N_QUEUES; i++)
		m->running[i] = (struct run_queue){ NO_CONTAINER, NO_CONTAINER };
}

/* True when a's last start is after b's; containers started in the same ms by creation. */
static inline bool started_after(const struct container *a, const struct container *b)
{
	return a->start > b->start || (a->start == b->start && a->serial > b->serial);
}

static inline void idle_insert(struct member *m, struct container *c, uint32_t id)
{
	uint32_t newer = NO_CONTAINER, older = m->idle_newest;

	/* A cold run began long ago, so its container often is the oldest. */
	if (older != NO_CONTAINER && !started_after(&c[id], &c[m->idle_oldest])) {
		newer = m->idle_oldest;
		older = NO_CONTAINER;
	}
	while (older != NO_CONTAINER && started_after(&c[older], &c[id])) {
		newer = older;
		older = c[older].older;
	}
	c[id].older = older;
	c[id].newer = newer;
	c[id].state = CONTAINER_IDLE;
	*(older == NO_CONTAINER ? &m->idle_oldest : &c[older].newer) = id;
	*(newer == NO_CONTAINER ? &m->idle_newest : &c[newer].older) = id;
}

static inline void idle_unlink(struct member *m, struct container *c, uint32_t id)
{
	uint32_t newer = c[id].newer, older = c[id].older;

	*(older == NO_CONTAINER ? &m->idle_oldest : &c[older].newer) = newer;
	*(newer == NO_CONTAINER ? &m->idle_newest : &c[newer].older) = older;
}

/* When the first of a running queue ends. */
static inline int64_t queue_end(const struct run_queue *q, const struct container *c)
{
	return q->head == NO_CONTAINER ? NEVER : c[q->head].end;
}

static inline void member_find_next_end(struct member *m, const struct container *c)
{
	int64_t warm = queue_end(&m->running[0], c), start = queue_end(&m->running[1], c);

	m->next_end = MIN(warm, start);
}

/* By end. Out of turn come only the call that waits for a container and, among starts, the prewarmed
 * ones, which take less time. */
static inline void queue_run(struct run_queue *q, struct container *c, uint32_t id)
{
	uint32_t at;

	if (q->head == NO_CONTAINER) {
		q->head = q->tail = id;
	} else if (c[q->tail].end <= c[id].end) {
		c[q->tail].newer = id;
		q->tail = id;
	} else if (c[q->head].end > c[id].end) {
		c[id].newer = q->head;
		q->head = id;
	} else {
		for (at = q->head; c[c[at].newer].end <= c[id].end;)
			at = c[at].newer;
		c[id].newer = c[at].newer;
		c[at].newer = id;
	}
}

/* The container begins a run at t; it is in no list. */
static inline void member_run(struct member *m, struct container *c, uint32_t id, int64_t t,
			      enum run run)
{
	struct run_queue *q = member_queue(m, run);
	int64_t duration = m->duration[run];

	c[id].start = t;
	c[id].instant = duration == 0;
	c[id].end = t + duration + c[id].instant;
	c[id].state = CONTAINER_RUNNING;
	c[id].newer = NO_CONTAINER;
	queue_run(q, c, id);
	if (c[id].end < m->next_end)
		m->next_end = c[id].end;
}

#endif
