// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmtest/rig/governed.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "common/util.h"
#include "vmtest/rig/replay_state.h"

#define TABLE_WAIT_NS (15 * NS_PER_S)

static const char *function_name(const struct replay *r, const struct container *c)
{
	return r->o->trace->function[c->function].name;
}

static int find_pool(const struct replay *r, const char *name)
{
	for (int i = 0; name && i < r->invoker.n_pools; i++)
		if (r->pool[i].name && strcmp(r->pool[i].name, name) == 0)
			return i;
	return -ENOENT;
}

static void set_cgroup(struct replay_pool *p, const char *cgroup)
{
	char *copy;

	if (!cgroup || (p->cgroup && strcmp(p->cgroup, cgroup) == 0))
		return;
	copy = strdup(cgroup);
	if (!copy)
		return;
	free(p->cgroup);
	p->cgroup = copy;
}

/* Without a governor: what its last table admits, which the invoker has looked at already. */
static void decide_alone(struct replay *r, struct container *c)
{
	bool ok = c->counted && r->pool[c->pool].cgroup;

	invoker_reserved(&r->invoker, c, ok, c->pool, clock_monotonic_ns());
}

void governed_reserve(struct replay *r, struct container *c)
{
	char id[INSTANCE_ID_BYTES];

	if (!admission_connected(&r->admission)) {
		decide_alone(r, c);
		return;
	}
	node_instance_id(id, c->number, function_name(r, c));
	admission_reserve(&r->admission, id, function_name(r, c),
			  r->invoker.function[c->function].bytes);
}

void governed_release(struct replay *r, const char *id)
{
	if (asks_governor(r->o->mode))
		admission_release(&r->admission, id);
}

static void on_connected(void *arg)
{
	struct replay *r = arg;
	struct container *c;
	char id[INSTANCE_ID_BYTES];

	TAILQ_FOREACH(c, &r->invoker.containers, all)
	{
		if (c->state == CONTAINER_PENDING || c->state == CONTAINER_RESERVING)
			continue;
		node_instance_id(id, c->number, function_name(r, c));
		admission_reserve_existing(&r->admission, id, function_name(r, c),
					   r->invoker.function[c->function].bytes,
					   r->pool[c->pool].name);
	}
}

static void on_lost(void *arg)
{
	struct replay *r = arg;
	struct container *c, *next;

	/* decide_alone() frees those that it refuses, and only those. */
	for (c = TAILQ_FIRST(&r->invoker.containers); c; c = next) {
		next = TAILQ_NEXT(c, all);
		if (c->state == CONTAINER_RESERVING)
			decide_alone(r, c);
	}
}

static int new_pool(struct replay *r, const struct admission_pool *p)
{
	int function = trace_find(r->o->trace, p->function), pool;

	if (function < 0)
		return function; /* no function of this replay */
	pool = invoker_add_pool(&r->invoker, function);
	if (pool < 0)
		return pool;
	r->pool[pool].name = strdup(p->pool);
	return pool;
}

static void on_pool(void *arg, const struct admission_pool *p)
{
	struct replay *r = arg;
	int pool = find_pool(r, p->pool);

	if (pool < 0)
		pool = new_pool(r, p);
	if (pool < 0)
		return;
	set_cgroup(&r->pool[pool], p->cgroup);
	if (p->cgroup)
		r->pool[pool].in_table = true;
	else if (!r->pool[pool].cgroup)
		admission_ask_table(&r->admission);
	if (pool != POOL_MAIN)
		invoker_use_pool(&r->invoker, pool, true);
	invoker_admit(&r->invoker, pool, p->admitted_bytes, p->admitted_containers,
		      clock_monotonic_ns());
}

static void on_table_end(void *arg)
{
	struct replay *r = arg;

	for (int i = 1; i < r->invoker.n_pools; i++) {
		if (!r->pool[i].in_table) {
			invoker_use_pool(&r->invoker, i, false);
			invoker_admit(&r->invoker, i, 0, 0, clock_monotonic_ns());
		}
		r->pool[i].in_table = false;
	}
	r->have_table = true;
}

static struct container *find_reserving(struct replay *r, const char *id)
{
	struct container *c;
	unsigned int number;

	if (sscanf(id, "wsk0_%u_", &number) != 1)
		return NULL;
	TAILQ_FOREACH_REVERSE(c, &r->invoker.containers, container_list, all)
	if (c->number == number)
		return c->state == CONTAINER_RESERVING ? c : NULL;
	return NULL;
}

static void on_reserved(void *arg, const char *id, bool ok, const char *pool_name,
			const char *cgroup)
{
	struct replay *r = arg;
	struct container *c = find_reserving(r, id);
	int pool = find_pool(r, pool_name);

	/* The answer for one that exists already needs nothing done. */
	if (!c)
		return;
	if (ok && pool >= 0)
		set_cgroup(&r->pool[pool], cgroup);
	if (ok && (pool < 0 || !r->pool[pool].cgroup)) {
		/* A pool that no notice has named yet: the table that is asked for will. */
		admission_release(&r->admission, id);
		admission_ask_table(&r->admission);
		ok = false;
	}
	invoker_reserved(&r->invoker, c, ok, MAX(pool, 0), clock_monotonic_ns());
}

static const struct admission_events events = {
	.connected = on_connected,
	.lost = on_lost,
	.pool = on_pool,
	.table_end = on_table_end,
	.reserved = on_reserved,
};

int governed_open(struct replay *r, const char *path)
{
	int64_t until = clock_monotonic_ns() + TABLE_WAIT_NS, now;
	int err = admission_open(&r->admission, &r->node, path, &events, r);

	while (!r->have_table && (now = clock_monotonic_ns()) < until) {
		admission_tick(&r->admission, now);
		node_wait(&r->node, 50 * NS_PER_MS);
	}
	if (r->have_table)
		return 0;
	if (err == 0)
		err = -ETIMEDOUT;
	return log_error_errno(
		err, "%s: no governor tells its table here (faasmat govern --socket)", path);
}

void governed_close(struct replay *r)
{
	/* The last releases have to leave before the socket closes. */
	if (admission_connected(&r->admission))
		admission_close(&r->admission);
}
