// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who leaves a pool of several functions when memory is short. As long as it is not, nothing here costs
 * anything; from the first shortage until a minute after the last one, the wheel tells of every end.
 */
#include <errno.h>
#include <string.h>

#include "simulator/pool_internal.h"

/* --- the order of eviction */

/* Orders as the number does, for the integer key of a heap; priorities are not negative. */
static int64_t priority_key(double priority)
{
	int64_t key;

	memcpy(&key, &priority, sizeof(key));
	return key;
}

static double priority_now(const struct pool *p, const struct member *m)
{
	double saved = m->duration[RUN_COLD] - m->duration[RUN_WARM];
	double mib = (double)m->memory / MIB;

	saved = MAX(saved, 0.0);
	switch (p->rules.eviction) {
	case EVICT_GREEDY_DUAL:
		return p->clock + member_calls(m) * saved / mib;
	case EVICT_LANDLORD:
		return p->clock + saved / mib;
	case EVICT_FREQUENCY:
		return p->clock + member_calls(m) * saved;
	case EVICT_SIZE:
		return p->clock + member_calls(m) / mib;
	default:
		return 0;
	}
}

static int64_t rank_major(const struct pool *p, const struct container *c)
{
	return p->rules.eviction == EVICT_LRU ? c->start : priority_key(c->priority);
}

static uint64_t rank_minor(const struct pool *p, const struct container *c)
{
	return p->rules.eviction == EVICT_LRU ? ~c->serial : (uint64_t)c->start;
}

static void rank(struct pool *p, uint32_t id)
{
	struct container *c = &p->container[id];

	heap_push(&p->victims, p->victim_at, id, rank_major(p, c), rank_minor(p, c));
	c->ranked = true;
}

static void unrank(struct pool *p, uint32_t id)
{
	heap_remove(&p->victims, p->victim_at, id);
	p->container[id].ranked = false;
}

void eviction_started(struct pool *p, const struct member *m, uint32_t id)
{
	struct container *c = &p->container[id];

	if (p->rules.eviction != EVICT_LRU) {
		c->priority = priority_now(p, m);
		/* It may have fallen: a function's count begins anew after its last container. */
		if (c->ranked && rank_major(p, c) < p->victims.e[p->victim_at[id]].major) {
			unrank(p, id);
			rank(p, id);
		}
	}
	if (p->tracking && !c->in_wheel)
		wheel_insert(p->wheel, p->container, id);
}

/* --- what is idle */

/* Those whose runs have ended by t are idle and ranked. */
static void collect_ended(struct pool *p, int64_t t)
{
	struct wheel *w = p->wheel;
	int64_t due;

	while ((due = wheel_due(w)) <= t) {
		uint32_t next;

		for (uint32_t id = wheel_take(w, due); id != NO_CONTAINER; id = next) {
			struct container *c = &p->container[id];

			next = c->next_due;
			c->in_wheel = false;
			if (!pool_idle_at(p, id, t))
				wheel_insert(w, p->container, id);
			else if (!c->ranked)
				rank(p, id);
		}
	}
	w->now = MAX(w->now, t);
}

/* From now on idle_bytes is exact. -ENOMEM. */
static int begin_tracking(struct pool *p, int64_t t)
{
	if (!p->wheel)
		p->wheel = calloc(1, sizeof(*p->wheel));
	if (!p->wheel) {
		p->error = -ENOMEM;
		return -ENOMEM;
	}
	p->tracking = true;
	p->wheel->now = t;
	for (uint32_t id = 0; id < p->n_containers; id++) {
		if (p->container[id].state == CONTAINER_FREE)
			continue;
		if (!pool_idle_at(p, id, t))
			wheel_insert(p->wheel, p->container, id);
		else if (!p->container[id].ranked)
			rank(p, id);
	}
	return 0;
}

/* Brings the books up to t. */
static int track(struct pool *p, int64_t t)
{
	if (!p->tracking)
		return begin_tracking(p, t);
	collect_ended(p, t);
	return 0;
}

void eviction_rest(struct pool *p)
{
	p->tracking = false;
	memset(p->wheel->any, 0, sizeof(p->wheel->any));
	for (uint32_t id = 0; id < p->n_containers; id++)
		p->container[id].in_wheel = false;
}

void eviction_forget(struct pool *p, uint32_t id, int64_t t)
{
	/* Its last end may still be in the wheel, untold. A run of 0 ms is over before it counts as ended. */
	if (p->container[id].in_wheel)
		collect_ended(p, MAX(t, p->container[id].end));
	if (p->container[id].ranked)
		unrank(p, id);
}

int64_t pool_idle_bytes(struct pool *p, int64_t t)
{
	if (pool_single(p)) {
		pool_settle(p, p->member, t);
	} else {
		p->last_short = t;
		track(p, t);
	}
	return p->idle_bytes;
}

int64_t pool_next_end(struct pool *p, int64_t t)
{
	if (pool_single(p))
		return p->member->next_end;
	return track(p, t) < 0 ? NEVER : wheel_due(p->wheel);
}

/* --- eviction */

/* The idle container to be evicted first, or NO_CONTAINER. The books are at t. */
static uint32_t next_victim(struct pool *p, int64_t t)
{
	while (p->victims.n) {
		uint32_t id = p->victims.e[0].id;
		const struct container *c = &p->container[id];

		/* One that runs comes back when the wheel tells of its end. */
		if (!pool_idle_at(p, id, t))
			unrank(p, id);
		else if (p->victims.e[0].major == rank_major(p, c) &&
			 p->victims.e[0].minor == rank_minor(p, c))
			return id;
		else
			heap_raise_top(&p->victims, p->victim_at, rank_major(p, c),
				       rank_minor(p, c));
	}
	return NO_CONTAINER;
}

static bool evict_next(struct pool *p, int64_t t)
{
	uint32_t id = next_victim(p, t);

	if (id == NO_CONTAINER)
		return false;
	if (p->rules.eviction != EVICT_LRU)
		p->clock = MAX(p->clock, p->container[id].priority);
	pool_destroy(p, id, t);
	p->evictions++;
	return true;
}

/* Those that do not yield are passed over, some of them: whoever stands first in the order of eviction
 * must not keep all others from being evicted. */
#define MOST_SPARED 2

static bool evict_for(struct pool *p, int64_t bytes, uint32_t function, int64_t t)
{
	uint32_t spared[MOST_SPARED], n = 0, id;

	while (!pool_fits(p, bytes) && (id = next_victim(p, t)) != NO_CONTAINER) {
		if (!p->rules.yields ||
		    p->rules.yields(p->rules.arg, p, p->container[id].function, function, t)) {
			evict_next(p, t);
		} else if (n < MOST_SPARED) {
			unrank(p, id);
			spared[n++] = id;
		} else {
			break;
		}
	}
	while (n)
		rank(p, spared[--n]);
	return pool_fits(p, bytes);
}

bool eviction_make_room(struct pool *p, int64_t bytes, uint32_t function, int64_t t)
{
	/* A function that is alone and found no idle container has none to evict. */
	if (pool_single(p))
		return false;
	p->last_short = t;
	if (track(p, t) < 0)
		return false;
	if (!p->rules.evict_first && p->capacity - p->used + p->idle_bytes < bytes)
		return false;
	return evict_for(p, bytes, function, t);
}

bool pool_evict_one(struct pool *p, uint32_t function, int64_t t)
{
	struct member *m = pool_member(p, function);

	if (m->next_end <= t)
		pool_settle(p, m, t);
	if (m->idle_oldest == NO_CONTAINER)
		return false;
	pool_destroy(p, m->idle_oldest, t);
	p->evictions++;
	return true;
}

void pool_shrink(struct pool *p, int64_t bytes, int64_t t)
{
	if (p->used <= bytes || (!pool_single(p) && track(p, t) < 0))
		return;
	while (p->used > bytes)
		if (!(pool_single(p) ? pool_evict_one(p, p->first, t) : evict_next(p, t)))
			return;
}
