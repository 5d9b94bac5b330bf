// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmtest/rig/invoker.h"

#include <errno.h>
#include <stdlib.h>

#include "common/util.h"

static void push_action(struct invoker *v, enum action_kind kind, struct container *c,
			struct call *call)
{
	if (v->action_tail - v->action_head == v->action_size) {
		uint32_t size = v->action_size ? v->action_size * 2 : 256;
		struct action *ring = malloc(size * sizeof(*ring));

		if (!ring) {
			v->out_of_memory = true;
			return;
		}
		for (uint32_t i = v->action_head; i != v->action_tail; i++)
			ring[i & (size - 1)] = v->action[i & (v->action_size - 1)];
		free(v->action);
		v->action = ring;
		v->action_size = size;
	}
	v->action[v->action_tail++ & (v->action_size - 1)] =
		(struct action){ .kind = kind, .container = c, .call = call };
}

struct action invoker_next_action(struct invoker *v)
{
	if (v->action_head == v->action_tail)
		return (struct action){ .kind = ACTION_NONE };
	return v->action[v->action_head++ & (v->action_size - 1)];
}

/* --- the ledger */

static int64_t bytes_of(const struct invoker *v, const struct container *c)
{
	return v->function[c->function].bytes;
}

static void use(struct invoker *v, struct container *c, int sign)
{
	struct pool *p = &v->pool[c->pool];

	p->used_bytes += sign * bytes_of(v, c);
	p->used_containers += sign;
	c->counted = sign > 0;
}

static void promise(struct invoker *v, struct container *c, int sign)
{
	struct pool *p = &v->pool[c->pool];

	p->promised_bytes += sign * bytes_of(v, c);
	p->promised_containers += sign;
	c->counted = sign > 0;
}

/* What will be left of the pool once everything that is leaving has left. */
static int64_t committed_bytes(const struct pool *p)
{
	return p->used_bytes - p->leaving_bytes + p->promised_bytes;
}

static int64_t committed_containers(const struct pool *p)
{
	return p->used_containers - p->leaving_containers + p->promised_containers;
}

static bool admits(const struct pool *p, int64_t bytes, int64_t containers)
{
	return bytes <= p->admitted_bytes &&
	       (p->admitted_containers < 0 || containers <= p->admitted_containers);
}

static bool over_admission(const struct pool *p)
{
	return !admits(p, committed_bytes(p), committed_containers(p));
}

/* Is there room for one more now, with nothing waited for? */
static bool has_room(const struct pool *p, int64_t bytes)
{
	return admits(p, p->used_bytes + bytes, p->used_containers + 1);
}

/* Would there be once the leaving have left, and could eviction see to it? */
static bool will_have_room(const struct pool *p, int64_t bytes)
{
	return admits(p, committed_bytes(p) + bytes, committed_containers(p) + 1);
}

static bool eviction_makes_room(const struct pool *p, int64_t bytes)
{
	return admits(p, committed_bytes(p) - p->idle_bytes + bytes,
		      committed_containers(p) - p->idle_containers + 1);
}

/* --- containers */

static void enter_idle(struct invoker *v, struct container *c, int64_t now_ns)
{
	struct pool *p = &v->pool[c->pool];

	c->state = CONTAINER_IDLE;
	c->idle_ns = now_ns;
	TAILQ_INSERT_TAIL(&p->idle, c, of_pool);
	TAILQ_INSERT_TAIL(&v->function[c->function].idle, c, of_function);
	p->idle_bytes += bytes_of(v, c);
	p->idle_containers++;
}

static void leave_idle(struct invoker *v, struct container *c)
{
	struct pool *p = &v->pool[c->pool];

	TAILQ_REMOVE(&p->idle, c, of_pool);
	TAILQ_REMOVE(&v->function[c->function].idle, c, of_function);
	p->idle_bytes -= bytes_of(v, c);
	p->idle_containers--;
}

/* A container that uses memory and is on no list begins to go. */
static void start_removal(struct invoker *v, struct container *c)
{
	struct pool *p = &v->pool[c->pool];

	c->state = CONTAINER_REMOVING;
	p->leaving_bytes += bytes_of(v, c);
	p->leaving_containers++;
	push_action(v, ACTION_REMOVE, c, NULL);
}

static void evict(struct invoker *v, struct container *c)
{
	v->function[c->function].evictions++;
	leave_idle(v, c);
	start_removal(v, c);
}

static void run_on(struct invoker *v, struct container *c, struct call *call)
{
	c->state = CONTAINER_BUSY;
	c->call = call;
	push_action(v, ACTION_RUN, c, NULL);
}

static struct container *new_container(struct invoker *v, int function, struct call *call)
{
	struct container *c = calloc(1, sizeof(*c));

	if (!c) {
		v->out_of_memory = true;
		return NULL;
	}
	c->number = v->next_container++;
	c->function = function;
	c->pool = v->function[function].pool;
	c->call = call;
	if (call)
		call->cold = true;
	TAILQ_INSERT_TAIL(&v->containers, c, all);
	v->n_containers++;
	return c;
}

static void free_container(struct invoker *v, struct container *c)
{
	TAILQ_REMOVE(&v->containers, c, all);
	v->n_containers--;
	free(c);
}

/* The container's room is there: ask for it, or take it. */
static void acquire(struct invoker *v, struct container *c)
{
	use(v, c, 1);
	if (v->reserve) {
		c->state = CONTAINER_RESERVING;
		push_action(v, ACTION_RESERVE, c, NULL);
		return;
	}
	c->state = CONTAINER_STARTING;
	v->function[c->function].starts++;
	push_action(v, ACTION_START, c, NULL);
}

/* A full pool may still spill to main: only the governor knows. Asked once until something changes. */
static bool ask_for_spill(struct invoker *v, struct call *call)
{
	struct function *f = &v->function[call->function];
	struct container *c;

	if (!v->reserve || f->refused || f->pool == POOL_MAIN)
		return false;
	c = new_container(v, call->function, call);
	if (!c)
		return false;
	f->refused = true;
	c->state = CONTAINER_RESERVING;
	push_action(v, ACTION_RESERVE, c, NULL);
	return true;
}

/* A container of its own for the call, if its pool has room or eviction makes it. */
static bool start_for(struct invoker *v, struct call *call)
{
	struct function *f = &v->function[call->function];
	struct pool *p = &v->pool[f->pool];
	struct container *c;

	if ((f->refused && v->reserve) || !eviction_makes_room(p, f->bytes))
		return ask_for_spill(v, call);
	c = new_container(v, call->function, call);
	if (!c)
		return false;
	while (!will_have_room(p, f->bytes))
		evict(v, TAILQ_FIRST(&p->idle));
	if (TAILQ_EMPTY(&p->pending) && has_room(p, f->bytes)) {
		acquire(v, c);
		return true;
	}
	c->state = CONTAINER_PENDING;
	promise(v, c, 1);
	TAILQ_INSERT_TAIL(&p->pending, c, of_pool);
	return true;
}

static bool place(struct invoker *v, struct call *call)
{
	struct function *f = &v->function[call->function];
	struct container *c = TAILQ_LAST(&f->idle, container_list);

	if (!c)
		return start_for(v, call);
	leave_idle(v, c);
	run_on(v, c, call);
	return true;
}

/* --- the queue */

/* By arrival: nearly always at the end; a refused call goes back to its old place. */
static void enqueue(struct invoker *v, struct call *call)
{
	struct function *f = &v->function[call->function];
	struct call *before = TAILQ_LAST(&v->queue, call_list);

	while (before && before->arrive_ns > call->arrive_ns)
		before = TAILQ_PREV(before, call_list, queued);
	if (before)
		TAILQ_INSERT_AFTER(&v->queue, before, call, queued);
	else
		TAILQ_INSERT_HEAD(&v->queue, call, queued);
	before = TAILQ_LAST(&f->queue, call_list);
	while (before && before->arrive_ns > call->arrive_ns)
		before = TAILQ_PREV(before, call_list, of_function);
	if (before)
		TAILQ_INSERT_AFTER(&f->queue, before, call, of_function);
	else
		TAILQ_INSERT_HEAD(&f->queue, call, of_function);
	v->n_queued++;
}

static void dequeue(struct invoker *v, struct call *call)
{
	TAILQ_REMOVE(&v->queue, call, queued);
	TAILQ_REMOVE(&v->function[call->function].queue, call, of_function);
	v->n_queued--;
}

/* Something has changed: whoever waits longest tries first, each function until it fails once. */
static void serve_queue(struct invoker *v)
{
	struct call *call, *next;

	if (!v->n_queued)
		return;
	for (int i = 0; i < v->n_functions; i++)
		v->function[i].passed_over = false;
	for (call = TAILQ_FIRST(&v->queue); call; call = next) {
		struct function *f = &v->function[call->function];

		next = TAILQ_NEXT(call, queued);
		if (f->passed_over)
			continue;
		if (place(v, call))
			dequeue(v, call);
		else
			f->passed_over = true;
	}
}

static void start_pending(struct invoker *v, struct pool *p)
{
	struct container *c;

	while ((c = TAILQ_FIRST(&p->pending)) && has_room(p, bytes_of(v, c))) {
		TAILQ_REMOVE(&p->pending, c, of_pool);
		promise(v, c, -1);
		acquire(v, c);
	}
}

/* The pool has shrunk: idle containers leave, and room that was only promised is taken back, the
 * youngest promise first. */
static void evict_above_admission(struct invoker *v, struct pool *p)
{
	struct container *c;

	while (over_admission(p) && !TAILQ_EMPTY(&p->idle))
		evict(v, TAILQ_FIRST(&p->idle));
	while (over_admission(p) && (c = TAILQ_LAST(&p->pending, container_list))) {
		TAILQ_REMOVE(&p->pending, c, of_pool);
		promise(v, c, -1);
		c->call->cold = false;
		enqueue(v, c->call);
		free_container(v, c);
	}
}

/* Pool `pool` has more room, or may have: who was refused there may ask again. */
static void forget_refusals(struct invoker *v, int pool)
{
	for (int i = 0; i < v->n_functions; i++)
		if (pool == POOL_MAIN || v->function[i].pool == pool)
			v->function[i].refused = false;
}

/* A container has nothing to do: it leaves when its pool must shrink, else serves who waits. */
static void become_free(struct invoker *v, struct container *c, int64_t now_ns)
{
	struct function *f = &v->function[c->function];
	struct call *call = TAILQ_FIRST(&f->queue);

	c->call = NULL;
	if (over_admission(&v->pool[c->pool])) {
		f->evictions++;
		start_removal(v, c);
		return;
	}
	if (call) {
		dequeue(v, call);
		run_on(v, c, call);
		return;
	}
	enter_idle(v, c, now_ns);
	serve_queue(v);
}

static void prewarm(struct invoker *v, int function)
{
	struct function *f = &v->function[function];
	struct pool *p = &v->pool[f->pool];
	struct container *c;

	while (f->pool != POOL_MAIN && committed_containers(p) < f->wanted &&
	       TAILQ_EMPTY(&p->pending) && has_room(p, f->bytes)) {
		c = new_container(v, function, NULL);
		if (!c)
			return;
		f->prewarmed++;
		acquire(v, c);
	}
}

/* The governor said no. A call waits for something to change, one ahead of time is not asked for again. */
static void refuse(struct invoker *v, struct container *c)
{
	struct function *f = &v->function[c->function];

	if (c->call) {
		f->refused = true;
		c->call->cold = false;
		enqueue(v, c->call);
	} else {
		f->wanted = 0;
		f->prewarmed--;
	}
	free_container(v, c);
}

/* --- events */

void invoker_tick(struct invoker *v, int64_t now_ns)
{
	struct pool *main_pool = &v->pool[POOL_MAIN];
	struct container *c;
	struct call *call;

	while ((call = TAILQ_FIRST(&v->queue)) && now_ns - call->arrive_ns > v->queue_ttl_ns) {
		dequeue(v, call);
		v->function[call->function].drop++;
		push_action(v, ACTION_DROP, NULL, call);
	}
	if (v->keep_alive_ns == NO_TIME)
		return;
	while ((c = TAILQ_FIRST(&main_pool->idle)) && now_ns - c->idle_ns >= v->keep_alive_ns) {
		leave_idle(v, c);
		start_removal(v, c);
		v->expired++;
	}
}

int64_t invoker_next_ns(const struct invoker *v)
{
	struct container *c = TAILQ_FIRST(&v->pool[POOL_MAIN].idle);
	struct call *call = TAILQ_FIRST(&v->queue);
	int64_t next = NO_TIME;

	if (call)
		next = call->arrive_ns + v->queue_ttl_ns + 1;
	if (c && v->keep_alive_ns != NO_TIME)
		next = MIN(next, c->idle_ns + v->keep_alive_ns);
	return next;
}

void invoker_arrive(struct invoker *v, struct call *call, int64_t now_ns)
{
	invoker_tick(v, now_ns);
	v->function[call->function].invocations++;
	call->cold = false;
	/* Those who wait already have been refused everything there is: first come, first served. */
	if (!TAILQ_EMPTY(&v->function[call->function].queue) || !place(v, call))
		enqueue(v, call);
}

void invoker_reserved(struct invoker *v, struct container *c, bool ok, int pool, int64_t now_ns)
{
	struct function *f = &v->function[c->function];
	bool asked_for_spill = !c->counted;

	if (c->counted)
		use(v, c, -1);
	if (ok) {
		c->pool = pool;
		use(v, c, 1);
		c->state = CONTAINER_STARTING;
		f->starts++;
		if (asked_for_spill)
			f->refused = false;
		push_action(v, ACTION_START, c, NULL);
	} else {
		refuse(v, c);
	}
	invoker_tick(v, now_ns);
	serve_queue(v);
}

void invoker_ready(struct invoker *v, struct container *c, int64_t now_ns)
{
	invoker_tick(v, now_ns);
	if (c->call)
		run_on(v, c, c->call);
	else
		become_free(v, c, now_ns);
}

struct call *invoker_done(struct invoker *v, struct container *c, int64_t now_ns)
{
	struct function *f = &v->function[c->function];
	struct call *call = c->call;

	if (call->cold)
		f->cold++;
	else
		f->warm++;
	invoker_tick(v, now_ns);
	become_free(v, c, now_ns);
	return call;
}

struct call *invoker_died(struct invoker *v, struct container *c, int64_t now_ns)
{
	struct call *call = c->call;

	if (c->state == CONTAINER_REMOVING)
		return NULL;
	c->call = NULL;
	if (call)
		v->function[c->function].failed++;
	if (c->state == CONTAINER_IDLE)
		leave_idle(v, c);
	start_removal(v, c);
	invoker_tick(v, now_ns);
	serve_queue(v);
	return call;
}

void invoker_gone(struct invoker *v, struct container *c, int64_t now_ns)
{
	struct pool *p = &v->pool[c->pool];

	p->leaving_bytes -= bytes_of(v, c);
	p->leaving_containers--;
	use(v, c, -1);
	forget_refusals(v, c->pool);
	free_container(v, c);
	invoker_tick(v, now_ns);
	start_pending(v, p);
	serve_queue(v);
}

void invoker_admit(struct invoker *v, int pool, int64_t bytes, int64_t containers, int64_t now_ns)
{
	struct pool *p = &v->pool[pool];

	p->admitted_bytes = bytes;
	p->admitted_containers = containers;
	forget_refusals(v, pool);
	evict_above_admission(v, p);
	invoker_tick(v, now_ns);
	start_pending(v, p);
	serve_queue(v);
	/* Calls that wait come first. */
	if (p->function >= 0)
		prewarm(v, p->function);
}

void invoker_prewarm(struct invoker *v, int function, int64_t containers, int64_t now_ns)
{
	v->function[function].wanted = containers;
	invoker_tick(v, now_ns);
	prewarm(v, function);
}

/* --- setting up */

static void init_pool(struct pool *p, int function)
{
	*p = (struct pool){ .function = function, .admitted_containers = -1 };
	TAILQ_INIT(&p->idle);
	TAILQ_INIT(&p->pending);
}

int invoker_init(struct invoker *v, int n, const int64_t *bytes, int64_t memory,
		 int64_t queue_ttl_ns, int64_t keep_alive_ns, bool reserve)
{
	*v = (struct invoker){
		.queue_ttl_ns = queue_ttl_ns,
		.keep_alive_ns = keep_alive_ns,
		.reserve = reserve,
		.n_functions = n,
		.n_pools = 1,
	};
	TAILQ_INIT(&v->containers);
	TAILQ_INIT(&v->queue);
	v->function = calloc(n, sizeof(*v->function));
	/* Room for every pool there can be: lists are headed in place and must not move. */
	v->pool = calloc(n + 1, sizeof(*v->pool));
	if (!v->function || !v->pool)
		return -ENOMEM;
	init_pool(&v->pool[POOL_MAIN], -1);
	v->pool[POOL_MAIN].admitted_bytes = memory;
	for (int i = 0; i < n; i++) {
		v->function[i].bytes = bytes[i];
		TAILQ_INIT(&v->function[i].idle);
		TAILQ_INIT(&v->function[i].queue);
	}
	return 0;
}

int invoker_add_pool(struct invoker *v, int function)
{
	int pool = v->n_pools;

	if (pool > v->n_functions)
		return -ENOMEM;
	init_pool(&v->pool[pool], function);
	v->n_pools++;
	v->function[function].pool = pool;
	return pool;
}

void invoker_use_pool(struct invoker *v, int pool, bool use)
{
	v->function[v->pool[pool].function].pool = use ? pool : POOL_MAIN;
}

void invoker_free(struct invoker *v)
{
	struct container *c;
	struct call *call;

	while (v->function && (c = TAILQ_FIRST(&v->containers))) {
		free(c->call);
		free_container(v, c);
	}
	while (v->function && (call = TAILQ_FIRST(&v->queue))) {
		TAILQ_REMOVE(&v->queue, call, queued);
		free(call);
	}
	for (uint32_t i = v->action_head; i != v->action_tail; i++) {
		struct action *a = &v->action[i & (v->action_size - 1)];

		if (a->kind == ACTION_DROP)
			free(a->call);
	}
	free(v->function);
	free(v->pool);
	free(v->action);
	*v = (struct invoker){ 0 };
}
