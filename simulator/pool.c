// SPDX-License-Identifier: GPL-2.0-or-later
#include "simulator/pool.h"

#include <errno.h>
#include <string.h>

#include "governor/room.h"

int pool_init(struct pool *p, const struct pool_rules *rules, uint32_t first, uint32_t n_members,
	      struct timeline *timeline)
{
	*p = (struct pool){ .rules = *rules,
			    .first = first,
			    .n_members = n_members,
			    .timeline = timeline,
			    .free = NO_CONTAINER,
			    .last_short = -1,
			    .wake = NEVER };
	p->member = aligned_alloc(64, MAX(n_members, 1u) * sizeof(*p->member));
	if (!p->member)
		return -ENOMEM;
	memset(p->member, 0, MAX(n_members, 1u) * sizeof(*p->member));
	return 0;
}

void pool_release(struct pool *p)
{
	free(p->member);
	free(p->container);
	free(p->timers.e);
	free(p->timer_at);
	free(p->ends.e);
	free(p->victims.e);
	free(p->rank_at);
	free(p->queue);
	*p = (struct pool){ 0 };
}

static bool single(const struct pool *p)
{
	return p->n_members == 1;
}

static void change_used(struct pool *p, int64_t bytes, int64_t t)
{
	if (t > p->changed) {
		p->byte_ms += (double)p->used * (t - p->changed);
		p->changed = t;
	}
	p->used += bytes;
	p->most_used = MAX(p->most_used, p->used);
	timeline_add(p->timeline, t, bytes);
}

/* --- where a container stands in the order of eviction */

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
		return p->clock + m->calls * saved / mib;
	case EVICT_LANDLORD:
		return p->clock + saved / mib;
	case EVICT_FREQUENCY:
		return p->clock + m->calls * saved;
	case EVICT_SIZE:
		return p->clock + m->calls / mib;
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

static void rank_none(struct pool *p, uint32_t id)
{
	struct container *c = &p->container[id];

	if (c->rank != RANK_NONE)
		heap_remove(c->rank == RANK_ENDS ? &p->ends : &p->victims, p->rank_at, id);
	c->rank = RANK_NONE;
}

static void rank_end(struct pool *p, uint32_t id)
{
	rank_none(p, id);
	heap_push(&p->ends, p->rank_at, id, p->container[id].end, 0);
	p->container[id].rank = RANK_ENDS;
}

static void rank_victim(struct pool *p, uint32_t id)
{
	const struct container *c = &p->container[id];

	rank_none(p, id);
	heap_push(&p->victims, p->rank_at, id, rank_major(p, c), rank_minor(p, c));
	p->container[id].rank = RANK_VICTIMS;
}

/* --- ends of runs */

static void settle(struct pool *p, struct member *m, int64_t t)
{
	for (int i = 0; i < N_RUNS; i++) {
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

static struct member *owner(const struct pool *p, const struct container *c)
{
	return pool_member(p, c->function);
}

/* Is it idle at t? Its member is settled then. */
static bool idle_at(struct pool *p, uint32_t id, int64_t t)
{
	struct container *c = &p->container[id];

	if (c->end > t)
		return false;
	if (c->state == CONTAINER_RUNNING)
		settle(p, owner(p, c), t);
	return true;
}

/* When its keep-alive ends, if it is not called before. */
static int64_t expiry(const struct pool *p, const struct container *c)
{
	return c->end - c->instant + (p->rules.own_keep_alive ? c->keep : p->rules.keep_alive);
}

/* A keep-alive of its own may be shorter than the last one was. */
static void set_keep(struct pool *p, const struct member *m, uint32_t id, enum run run)
{
	struct container *c = &p->container[id];

	c->keep = run == RUN_PREWARM ? m->keep_prewarmed : m->keep_alive;
	if (expiry(p, c) < p->timers.e[p->timer_at[id]].major) {
		heap_remove(&p->timers, p->timer_at, id);
		heap_push(&p->timers, p->timer_at, id, expiry(p, c), 0);
	}
}

/* --- birth, runs and death of a container */

static int grow_slots(struct pool *p)
{
	uint32_t size = MAX(2 * p->containers_size, 16u);
	struct container *c = reallocarray(p->container, size, sizeof(*c));
	uint32_t *at;

	if (!c)
		return -ENOMEM;
	p->container = c;
	at = reallocarray(p->timer_at, size, sizeof(*at));
	if (!at)
		return -ENOMEM;
	p->timer_at = at;
	if (p->rules.keep_alive != NEVER && heap_reserve(&p->timers, size) < 0)
		return -ENOMEM;
	if (!single(p)) {
		at = reallocarray(p->rank_at, size, sizeof(*at));
		if (!at)
			return -ENOMEM;
		p->rank_at = at;
		if (heap_reserve(&p->ends, size) < 0 || heap_reserve(&p->victims, size) < 0)
			return -ENOMEM;
	}
	p->containers_size = size;
	return 0;
}

static uint32_t take_slot(struct pool *p)
{
	uint32_t id = p->free;

	if (id != NO_CONTAINER) {
		p->free = p->container[id].newer;
		return id;
	}
	if (p->n_containers == p->containers_size && grow_slots(p) < 0) {
		p->error = -ENOMEM;
		return NO_CONTAINER;
	}
	return p->n_containers++;
}

static bool create(struct pool *p, uint32_t function, int64_t t, enum run run)
{
	struct member *m = pool_member(p, function);
	uint32_t id = take_slot(p);
	struct container *c;

	if (id == NO_CONTAINER)
		return false;
	c = &p->container[id];
	*c = (struct container){ .function = function, .serial = p->serial++ };
	member_run(m, p->container, id, t, run);
	m->live++;
	m->most_live = MAX(m->most_live, m->live);
	p->live++;
	p->most_live = MAX(p->most_live, p->live);
	if (run == RUN_COLD)
		m->calls++;
	c->priority = priority_now(p, m);
	change_used(p, m->memory, t);
	if (p->rules.keep_alive != NEVER) {
		heap_push(&p->timers, p->timer_at, id, NEVER, 0);
		set_keep(p, m, id, run);
	}
	if (!single(p))
		rank_end(p, id);
	return true;
}

/* The container is idle (and settled). */
static void destroy(struct pool *p, uint32_t id, int64_t t)
{
	struct container *c = &p->container[id];
	struct member *m = owner(p, c);

	idle_unlink(m, p->container, id);
	p->idle_bytes -= m->memory;
	m->idle_ms += t - c->end;
	if (--m->live == 0)
		m->calls = 0;
	p->live--;
	if (p->rules.keep_alive != NEVER)
		heap_remove(&p->timers, p->timer_at, id);
	if (!single(p))
		rank_none(p, id);
	change_used(p, -m->memory, t);
	c->state = CONTAINER_FREE;
	c->newer = p->free;
	p->free = id;
}

/* Orders other than LRU, and the books while memory is short, want to hear of every start. */
static void tell_start(struct pool *p, struct member *m, uint32_t id)
{
	struct container *c = &p->container[id];

	if (p->rules.eviction != EVICT_LRU) {
		c->priority = priority_now(p, m);
		/* A priority may have fallen: the function's count begins anew after its last
		 * container has gone. */
		if (c->rank == RANK_VICTIMS &&
		    rank_major(p, c) < p->victims.e[p->rank_at[id]].major)
			rank_end(p, id);
	}
	if (p->tracking && c->rank == RANK_VICTIMS)
		rank_end(p, id);
}

static void start_warm(struct pool *p, struct member *m, uint32_t id, int64_t t)
{
	idle_unlink(m, p->container, id);
	p->idle_bytes -= m->memory;
	m->idle_ms += t - p->container[id].end;
	m->calls++;
	m->warm++;
	p->warm++;
	member_run(m, p->container, id, t, RUN_WARM);
	if (p->rules.own_keep_alive)
		set_keep(p, m, id, RUN_WARM);
	if (!single(p))
		tell_start(p, m, id);
}

/* The call waits for the container that ends next and then runs in it: the same as holding the call
 * until then, because a call that comes later finds later ends. */
static void start_when_free(struct pool *p, struct member *m)
{
	for (int i = 0; i < N_RUNS; i++) {
		struct run_queue *q = &m->running[i];
		uint32_t id = q->head;

		if (id == NO_CONTAINER || p->container[id].end != m->next_end)
			continue;
		q->head = p->container[id].newer;
		m->calls++;
		m->warm++;
		p->warm++;
		member_run(m, p->container, id, p->container[id].end, RUN_WARM);
		if (!single(p))
			tell_start(p, m, id);
		member_find_next_end(m, p->container);
		return;
	}
}

/* --- eviction */

/* Tells the victims' heap of every container that has ended by t. */
static void collect_ended(struct pool *p, int64_t t)
{
	while (p->ends.n && p->ends.e[0].major <= t) {
		uint32_t id = p->ends.e[0].id;

		if (idle_at(p, id, t))
			rank_victim(p, id);
		else
			heap_raise_top(&p->ends, p->rank_at, p->container[id].end, 0);
	}
}

/* From now on idle_bytes is exact after collect_ended(). */
static void begin_tracking(struct pool *p, int64_t t)
{
	p->tracking = true;
	for (uint32_t id = 0; id < p->n_containers; id++)
		if (p->container[id].state != CONTAINER_FREE &&
		    p->container[id].rank == RANK_VICTIMS && p->container[id].end > t)
			rank_end(p, id);
}

/* The idle container to be evicted first, or NO_CONTAINER. collect_ended() has been called. */
static uint32_t next_victim(struct pool *p, int64_t t)
{
	while (p->victims.n) {
		uint32_t id = p->victims.e[0].id;
		const struct container *c = &p->container[id];

		if (!idle_at(p, id, t)) {
			rank_end(p, id);
			continue;
		}
		if (p->victims.e[0].major == rank_major(p, c) &&
		    p->victims.e[0].minor == rank_minor(p, c))
			return id;
		heap_raise_top(&p->victims, p->rank_at, rank_major(p, c), rank_minor(p, c));
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
	destroy(p, id, t);
	p->evictions++;
	return true;
}

/* The admission table's answer, with what is admitted to this pool now. */
static bool fits(const struct pool *p, int64_t bytes)
{
	struct room room = { p->capacity, p->used, -1, p->live };

	return room_for(&room, bytes);
}

/* Those that do not yield are passed over, some of them: whoever stands first in the order of eviction
 * must not keep all others from being evicted. */
#define MOST_SPARED 2

static bool evict_for(struct pool *p, int64_t bytes, uint32_t function, int64_t t)
{
	uint32_t spared[MOST_SPARED], n = 0, id;

	while (!fits(p, bytes) && (id = next_victim(p, t)) != NO_CONTAINER) {
		if (!p->rules.yields ||
		    p->rules.yields(p->rules.arg, p, p->container[id].function, function, t)) {
			evict_next(p, t);
		} else if (n < MOST_SPARED) {
			rank_none(p, id);
			spared[n++] = id;
		} else {
			break;
		}
	}
	while (n)
		rank_victim(p, spared[--n]);
	return fits(p, bytes);
}

static bool make_room(struct pool *p, int64_t bytes, uint32_t function, int64_t t)
{
	/* A function that is alone and found no idle container has none to evict. */
	if (single(p))
		return false;
	p->last_short = t;
	if (!p->rules.evict_first && !p->tracking)
		begin_tracking(p, t);
	collect_ended(p, t);
	if (!p->rules.evict_first && p->capacity - p->used + p->idle_bytes < bytes)
		return false;
	return evict_for(p, bytes, function, t);
}

bool pool_evict_one(struct pool *p, uint32_t function, int64_t t)
{
	struct member *m = pool_member(p, function);

	if (m->next_end <= t)
		settle(p, m, t);
	if (m->idle_oldest == NO_CONTAINER)
		return false;
	destroy(p, m->idle_oldest, t);
	p->evictions++;
	return true;
}

void pool_shrink(struct pool *p, int64_t bytes, int64_t t)
{
	if (!single(p))
		collect_ended(p, t);
	while (p->used > bytes)
		if (!(single(p) ? pool_evict_one(p, p->first, t) : evict_next(p, t)))
			return;
}

int64_t pool_idle_bytes(struct pool *p, int64_t t)
{
	if (single(p)) {
		settle(p, p->member, t);
	} else {
		p->last_short = t;
		if (!p->tracking)
			begin_tracking(p, t);
		collect_ended(p, t);
	}
	return p->idle_bytes;
}

void pool_expire_due(struct pool *p, int64_t t)
{
	while (p->timers.n && p->timers.e[0].major <= t) {
		uint32_t id = p->timers.e[0].id;
		const struct container *c = &p->container[id];
		int64_t due = expiry(p, c);

		if (due > p->timers.e[0].major)
			heap_raise_top(&p->timers, p->timer_at, due, 0);
		else if (!idle_at(p, id, t))
			heap_raise_top(&p->timers, p->timer_at, t + 1, 0);
		else
			destroy(p, id, due);
	}
}

/* --- calls */

bool pool_place(struct pool *p, uint32_t function, int64_t t)
{
	struct member *m = pool_member(p, function);

	pool_expire(p, t);
	if (m->next_end <= t)
		settle(p, m, t);
	if (m->idle_newest != NO_CONTAINER) {
		start_warm(p, m, m->idle_newest, t);
		return true;
	}
	if (p->rules.patient && m->next_end != NEVER && m->next_end - t <= p->rules.queue_ttl) {
		start_when_free(p, m);
		return true;
	}
	if (p->rules.admit && !p->rules.admit(p->rules.arg, p, m, function, t))
		return false;
	if (!fits(p, m->memory) && !make_room(p, m->memory, function, t))
		return false;
	if (!create(p, function, t, RUN_COLD))
		return false;
	m->cold++;
	p->cold++;
	return true;
}

bool pool_prewarm(struct pool *p, uint32_t function, int64_t t)
{
	struct member *m = pool_member(p, function);

	pool_expire(p, t);
	if (!fits(p, m->memory) || !create(p, function, t, RUN_PREWARM))
		return false;
	m->prewarm++;
	p->prewarm++;
	return true;
}

void pool_mark(struct pool *p, int64_t t)
{
	change_used(p, 0, t);
	p->most_used = p->used;
	if (p->tracking && !p->queue_n && t - p->last_short > MINUTE_MS)
		p->tracking = false;
}

void pool_close(struct pool *p, int64_t t)
{
	change_used(p, 0, t);
	for (uint32_t i = 0; i < p->n_members; i++) {
		struct member *m = &p->member[i];

		settle(p, m, t);
		for (uint32_t id = m->idle_oldest; id != NO_CONTAINER; id = p->container[id].newer)
			m->idle_ms += t - p->container[id].end;
	}
}

int pool_check(const struct pool *p, int64_t t)
{
	int64_t used = 0, idle = 0, live = 0, linked = 0;

	for (uint32_t id = 0; id < p->n_containers; id++) {
		const struct container *c = &p->container[id];

		if (c->state == CONTAINER_FREE)
			continue;
		live++;
		used += owner(p, c)->memory;
		if (c->state == CONTAINER_IDLE && c->end > t)
			return -EBADMSG;
	}
	for (uint32_t i = 0; i < p->n_members; i++) {
		const struct member *m = &p->member[i];
		uint32_t n = 0;

		for (uint32_t id = m->idle_oldest; id != NO_CONTAINER;
		     id = p->container[id].newer, n++)
			idle += m->memory;
		for (int r = 0; r < N_RUNS; r++)
			for (uint32_t id = m->running[r].head; id != NO_CONTAINER;
			     id = p->container[id].newer)
				n++;
		if (n != m->live)
			return -EBADMSG;
		linked += n;
	}
	if (used != p->used || idle != p->idle_bytes || live != linked || live != p->live)
		return -EBADMSG;
	return 0;
}
