// SPDX-License-Identifier: GPL-2.0-or-later
#include "simulator/pool.h"

#include <errno.h>
#include <string.h>

#include "simulator/pool_internal.h"

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
	free(p->victims.e);
	free(p->victim_at);
	free(p->wheel);
	free(p->queue);
	*p = (struct pool){ 0 };
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

/* --- ends of runs */

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
	/* One fits a cache line and shall not lie across two. */
	struct container *c = aligned_alloc(64, size * sizeof(*c));
	uint32_t *at;

	if (!c)
		return -ENOMEM;
	if (p->container)
		memcpy(c, p->container, p->n_containers * sizeof(*c));
	free(p->container);
	p->container = c;
	at = reallocarray(p->timer_at, size, sizeof(*at));
	if (!at)
		return -ENOMEM;
	p->timer_at = at;
	if (p->rules.keep_alive != NEVER && heap_reserve(&p->timers, size) < 0)
		return -ENOMEM;
	if (!pool_single(p)) {
		at = reallocarray(p->victim_at, size, sizeof(*at));
		if (!at)
			return -ENOMEM;
		p->victim_at = at;
		if (heap_reserve(&p->victims, size) < 0)
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
	if (run == RUN_COLD) {
		m->cold++;
		p->cold++;
	} else {
		m->prewarm++;
		p->prewarm++;
	}
	change_used(p, m->memory, t);
	if (p->rules.keep_alive != NEVER) {
		heap_push(&p->timers, p->timer_at, id, NEVER, 0);
		set_keep(p, m, id, run);
	}
	if (!pool_single(p))
		eviction_started(p, m, id);
	return true;
}

void pool_destroy(struct pool *p, uint32_t id, int64_t t)
{
	struct container *c = &p->container[id];
	struct member *m = pool_owner(p, c);

	if (!pool_single(p))
		eviction_forget(p, id, t);
	idle_unlink(m, p->container, id);
	p->idle_bytes -= m->memory;
	p->idle_byte_ms += (double)m->memory * (t - c->end);
	if (--m->live == 0)
		m->forgotten = m->warm + m->cold;
	p->live--;
	if (p->rules.keep_alive != NEVER)
		heap_remove(&p->timers, p->timer_at, id);
	change_used(p, -m->memory, t);
	c->state = CONTAINER_FREE;
	c->newer = p->free;
	p->free = id;
}

static void start_warm(struct pool *p, struct member *m, uint32_t id, int64_t t)
{
	idle_unlink(m, p->container, id);
	p->idle_bytes -= m->memory;
	p->idle_byte_ms += (double)m->memory * (t - p->container[id].end);
	m->warm++;
	p->warm++;
	member_run(m, p->container, id, t, RUN_WARM);
	if (p->rules.own_keep_alive)
		set_keep(p, m, id, RUN_WARM);
	if (!pool_single(p))
		eviction_started(p, m, id);
}

/* The call waits for the container that ends next and then runs in it: the same as holding the call
 * until then, because a call that comes later finds later ends. */
static void start_when_free(struct pool *p, struct member *m)
{
	for (int i = 0; i < N_QUEUES; i++) {
		struct run_queue *q = &m->running[i];
		uint32_t id = q->head;

		if (id == NO_CONTAINER || p->container[id].end != m->next_end)
			continue;
		q->head = p->container[id].newer;
		m->warm++;
		p->warm++;
		member_run(m, p->container, id, p->container[id].end, RUN_WARM);
		if (!pool_single(p))
			eviction_started(p, m, id);
		member_find_next_end(m, p->container);
		return;
	}
}

void pool_expire_due(struct pool *p, int64_t t)
{
	while (p->timers.n && p->timers.e[0].major <= t) {
		uint32_t id = p->timers.e[0].id;
		const struct container *c = &p->container[id];
		int64_t due = expiry(p, c);

		if (due > p->timers.e[0].major)
			heap_raise_top(&p->timers, p->timer_at, due, 0);
		else if (!pool_idle_at(p, id, t))
			heap_raise_top(&p->timers, p->timer_at, t + 1, 0);
		else
			pool_destroy(p, id, due);
	}
}

/* --- calls */

bool pool_place(struct pool *p, uint32_t function, int64_t t)
{
	struct member *m = pool_member(p, function);

	pool_expire(p, t);
	if (m->next_end <= t)
		pool_settle(p, m, t);
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
	if (!pool_fits(p, m->memory) && !eviction_make_room(p, m->memory, function, t))
		return false;
	return create(p, function, t, RUN_COLD);
}

bool pool_prewarm(struct pool *p, uint32_t function, int64_t t)
{
	struct member *m = pool_member(p, function);

	pool_expire(p, t);
	return pool_fits(p, m->memory) && create(p, function, t, RUN_PREWARM);
}

void pool_mark(struct pool *p, int64_t t)
{
	change_used(p, 0, t);
	p->most_used = p->used;
	if (p->tracking && !p->queue_n && t - p->last_short > MINUTE_MS)
		eviction_rest(p);
}

void pool_close(struct pool *p, int64_t t)
{
	change_used(p, 0, t);
	for (uint32_t i = 0; i < p->n_members; i++) {
		struct member *m = &p->member[i];

		pool_settle(p, m, t);
		for (uint32_t id = m->idle_oldest; id != NO_CONTAINER; id = p->container[id].newer)
			p->idle_byte_ms += (double)m->memory * (t - p->container[id].end);
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
		used += pool_owner(p, c)->memory;
		if (c->state == CONTAINER_IDLE && c->end > t)
			return -EBADMSG;
	}
	for (uint32_t i = 0; i < p->n_members; i++) {
		const struct member *m = &p->member[i];
		uint32_t n = 0;

		for (uint32_t id = m->idle_oldest; id != NO_CONTAINER;
		     id = p->container[id].newer, n++)
			idle += m->memory;
		for (int r = 0; r < N_QUEUES; r++)
			for (uint32_t id = m->running[r].head; id != NO_CONTAINER;
			     id = p->container[id].newer)
				n++;
		if (n != m->live)
			return -EBADMSG;
		linked += n;
	}
	for (uint32_t i = 0; i < p->victims.n; i++) {
		uint32_t id = p->victims.e[i].id;

		if (p->container[id].state == CONTAINER_FREE || p->victim_at[id] != i)
			return -EBADMSG;
	}
	if (used != p->used || idle != p->idle_bytes || live != linked || live != p->live)
		return -EBADMSG;
	return 0;
}
