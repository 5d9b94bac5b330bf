/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by pool.c and eviction.c. */
#ifndef FAASMAT_SIMULATOR_POOL_INTERNAL_H
#define FAASMAT_SIMULATOR_POOL_INTERNAL_H

#include "governor/room.h"
#include "simulator/pool.h"

/* A pool of one function evicts nothing for itself and needs no order of eviction. */
static inline bool pool_single(const struct pool *p)
{
	return p->n_members == 1;
}

static inline struct member *pool_owner(const struct pool *p, const struct container *c)
{
	return pool_member(p, c->function);
}

/* The admission table's answer, with what is admitted to this pool now. */
static inline bool pool_fits(const struct pool *p, int64_t bytes)
{
	struct room room = { p->capacity, p->used, -1, p->live };

	return room_for(&room, bytes);
}

/* Runs that have ended by t: their containers are idle. */
static inline void pool_settle(struct pool *p, struct member *m, int64_t t)
{
	for (int i = 0; i < N_QUEUES; i++) {
		struct run_queue *q = &m->running[i];

		while (q->head != NO_CONTAINER && p->container[q->head].end <= t) {
			uint32_t id = q->head;

			q->head = p->container[id].newer;
			idle_insert(m, p->container, id);
			p->idle_bytes += m->memory;
		}
	}
	member_find_next_end(m, p->container);
}

/* Is it idle at t? Its member is settled then. */
static inline bool pool_idle_at(struct pool *p, uint32_t id, int64_t t)
{
	struct container *c = &p->container[id];

	if (c->end > t)
		return false;
	if (c->state == CONTAINER_RUNNING)
		pool_settle(p, pool_owner(p, c), t);
	return true;
}

/* Ends a container that is idle (and settled). */
void pool_destroy(struct pool *p, uint32_t id, int64_t t);

/* A run of the container has begun. */
void eviction_started(struct pool *p, const struct member *m, uint32_t id);
/* The container is about to end. */
void eviction_forget(struct pool *p, uint32_t id, int64_t t);
/* Evicts until so many bytes fit; false when they do not. */
bool eviction_make_room(struct pool *p, int64_t bytes, uint32_t function, int64_t t);
/* Memory has not been short for a while: nothing is kept ready for evictions. */
void eviction_rest(struct pool *p);

#endif
