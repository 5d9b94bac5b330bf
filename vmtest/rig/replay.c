// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmtest/rig/replay.h"

#include <errno.h>
#include <string.h>

#include "common/log.h"
#include "common/util.h"
#include "vmtest/rig/cgroup.h"
#include "vmtest/rig/governed.h"
#include "vmtest/rig/replay_state.h"

#define SAMPLE_NS (250 * NS_PER_MS)
#define START_DELAY_NS (200 * NS_PER_MS)
#define MAX_DRAIN_NS (10 * NS_PER_S)

/* --- outcomes */

static void finish_call(struct replay *r, struct call *call, enum outcome outcome)
{
	if (!call)
		return;
	if (result_record(&r->result, call->function, call->number, outcome,
			  clock_monotonic_ns() - call->arrive_ns) < 0)
		r->error = -ENOMEM;
	free(call);
}

static void fail_container(struct replay *r, struct container *c)
{
	finish_call(r, invoker_died(&r->invoker, c, clock_monotonic_ns()), OUTCOME_FAILED);
}

/* --- what the node tells */

static void on_ready(_unused_ void *arg, struct instance *i)
{
	node_send_init(i);
}

static void on_response(void *arg, struct instance *i, int status)
{
	struct replay *r = arg;
	struct container *c = i->owner;
	struct call *call;

	if (status != 200) {
		log_warning("%s answered %d", i->id, status);
		fail_container(r, c);
		return;
	}
	if (c->state == CONTAINER_STARTING) {
		invoker_ready(&r->invoker, c, clock_monotonic_ns());
		return;
	}
	call = invoker_done(&r->invoker, c, clock_monotonic_ns());
	finish_call(r, call, call->cold ? OUTCOME_COLD : OUTCOME_WARM);
}

static void on_died(void *arg, struct instance *i)
{
	struct replay *r = arg;

	r->result.function[((struct container *)i->owner)->function].died++;
	if (i == r->runaway)
		r->runaway_died = true;
	fail_container(r, i->owner);
}

static void on_gone(void *arg, struct instance *i)
{
	struct replay *r = arg;
	struct container *c = i->owner;

	result_record_instance(&r->result, c->function, i);
	if (i == r->runaway)
		r->runaway = NULL;
	governed_release(r, i->id);
	if (r->closing)
		return; /* the invoker keeps what it knew, for the result */
	invoker_gone(&r->invoker, c, clock_monotonic_ns());
}

static const struct node_events node_events = {
	.ready = on_ready,
	.response = on_response,
	.died = on_died,
	.gone = on_gone,
};

/* --- what the invoker wants */

static void start_container(struct replay *r, struct container *c)
{
	const struct trace_function *f = &r->o->trace->function[c->function];
	struct node_start s = {
		.number = c->number,
		.function = f->name,
		.parent = r->pool[c->pool].cgroup,
		.declared_bytes = r->invoker.function[c->function].bytes,
		.cold_ns = scale_time_ns(&r->o->scale, f->cold_ms),
		.warm_ns = scale_time_ns(&r->o->scale, f->warm_ms),
		.owner = c,
	};
	int err;

	c->owner = node_start(&r->node, &s, &err);
	r->result.minute[r->minute].container_starts++;
	if (!c->owner)
		fail_container(r, c);
}

static void run_call(struct replay *r, struct container *c)
{
	const struct replay_options *o = r->o;
	struct instance *i = c->owner;
	char body[128] = "{\"value\":{}}";

	/* One in its function's own pool, where there is one: a spilled one is main's. */
	if (c->function == o->runaway_function && !r->runaway_id[0] &&
	    c->pool == r->invoker.function[c->function].pool &&
	    o->from + (int)c->call->number >= o->runaway_minute) {
		/* With what it has already: three times what it declared. */
		snprintf(body, sizeof(body), "{\"value\":{\"take_bytes\":%lld}}",
			 2LL * (long long)r->invoker.function[c->function].bytes);
		snprintf(r->runaway_id, sizeof(r->runaway_id), "%s", i->id);
		r->runaway = i;
		log_info("%s takes three times its memory now", i->cgroup);
	}
	node_send_run(i, body);
}

static void remove_container(struct replay *r, struct container *c)
{
	char id[INSTANCE_ID_BYTES];

	if (c->owner) {
		node_remove(c->owner);
		return;
	}
	/* Its start failed: there is nothing to wait for. */
	node_instance_id(id, c->number, r->o->trace->function[c->function].name);
	governed_release(r, id);
	invoker_gone(&r->invoker, c, clock_monotonic_ns());
}

static void take_actions(struct replay *r)
{
	struct action a;

	while ((a = invoker_next_action(&r->invoker)).kind != ACTION_NONE) {
		switch (a.kind) {
		case ACTION_RESERVE:
			governed_reserve(r, a.container);
			break;
		case ACTION_START:
			start_container(r, a.container);
			break;
		case ACTION_RUN:
			/* It may have died since it was chosen. */
			if (a.container->state == CONTAINER_BUSY)
				run_call(r, a.container);
			break;
		case ACTION_REMOVE:
			remove_container(r, a.container);
			break;
		case ACTION_DROP:
			finish_call(r, a.call, OUTCOME_DROP);
			break;
		case ACTION_NONE:
			break;
		}
	}
	if (r->invoker.out_of_memory)
		r->error = -ENOMEM;
}

/* --- the minutes */

static int draw_minute(struct replay *r, int minute)
{
	const struct replay_options *o = r->o;
	_cleanup_free_ int64_t *count = calloc(o->trace->n, sizeof(*count));
	_cleanup_free_ const char **name = calloc(o->trace->n, sizeof(*name));
	int at = (o->from + minute) % MINUTES_PER_DAY;

	free(r->arrival);
	r->arrival = NULL;
	r->n_arrivals = r->next_arrival = 0;
	if (!count || !name)
		return -ENOMEM;
	for (int i = 0; i < o->trace->n; i++) {
		const struct trace_function *f = &o->trace->function[i];

		name[i] = f->name;
		count[i] = scale_count(&o->scale, f->count[at], o->seed, f->name, o->day, at);
	}
	return arrivals_of_minute(o->law, o->seed, o->day * MINUTES_PER_DAY + at,
				  o->scale.minute_ns, o->trace->n, name, count, &r->arrival,
				  &r->n_arrivals);
}

static void sample(struct replay *r, int64_t now_ns)
{
	int64_t bytes;

	if (now_ns < r->next_sample_ns)
		return;
	r->next_sample_ns = now_ns + SAMPLE_NS;
	if (cgroup_read(r->node.mount, r->o->root, "memory.current", &bytes) == 0) {
		r->memory_bytes = bytes;
		r->sampled_peak = MAX(r->sampled_peak, bytes);
	}
}

static void end_minute(struct replay *r)
{
	struct result_minute *m = &r->result.minute[r->minute];
	struct cpu_time now = cpu_time_now();

	m->containers = r->node.n_instances;
	m->memory_bytes = r->memory_bytes;
	m->guest_cpu_share = cpu_share(r->cpu_minute, now);
	r->cpu_minute = now;
	if (r->o->progress)
		fprintf(stderr,
			"minute %4d  calls %6lld  warm %6lld  cold %5lld  drop %6lld  starts %5lld"
			"  containers %4lld  memory %s  cpu %3.0f%%\n",
			r->o->from + r->minute, (long long)m->invocations, (long long)m->warm,
			(long long)m->cold, (long long)m->drop, (long long)m->container_starts,
			(long long)m->containers, format_size(m->memory_bytes),
			100 * m->guest_cpu_share);
}

static int arrive(struct replay *r, const struct arrival *a, int64_t due_ns, int64_t now_ns)
{
	struct call *call = calloc(1, sizeof(*call));

	if (!call)
		return -ENOMEM;
	call->function = a->function;
	call->arrive_ns = due_ns;
	call->number = r->minute;
	r->result.minute[r->minute].invocations++;
	r->result.late += now_ns - due_ns > r->invoker.queue_ttl_ns;
	r->result.max_lag_us = MAX(r->result.max_lag_us, (now_ns - due_ns) / NS_PER_US);
	invoker_arrive(&r->invoker, call, now_ns);
	return 0;
}

/* One turn of the loop, until `until_ns` at the latest. */
static int turn(struct replay *r, int64_t until_ns)
{
	int64_t now_ns = clock_monotonic_ns(), next = MIN(until_ns, r->next_sample_ns);
	int err;

	next = MIN(next, invoker_next_ns(&r->invoker));
	next = MIN(next, admission_next_ns(&r->admission));
	err = node_wait(&r->node, next - now_ns);
	if (err < 0)
		return log_error_errno(err, "epoll");
	now_ns = clock_monotonic_ns();
	invoker_tick(&r->invoker, now_ns);
	admission_tick(&r->admission, now_ns);
	sample(r, now_ns);
	take_actions(r);
	return r->error;
}

static int replay_minute(struct replay *r, int64_t start_ns)
{
	int64_t end_ns = start_ns + r->o->scale.minute_ns;
	int err = draw_minute(r, r->minute);

	while (err == 0) {
		int64_t now_ns = clock_monotonic_ns(), due_ns = end_ns;

		for (; err == 0 && r->next_arrival < r->n_arrivals; r->next_arrival++) {
			const struct arrival *a = &r->arrival[r->next_arrival];

			due_ns = start_ns + a->offset_ns;
			if (due_ns > now_ns)
				break;
			err = arrive(r, a, due_ns, now_ns);
			take_actions(r);
			due_ns = end_ns;
		}
		if (now_ns >= end_ns)
			break;
		if (err == 0)
			err = turn(r, MIN(due_ns, end_ns));
	}
	if (err == 0)
		end_minute(r);
	return err;
}

static bool all_done(const struct replay *r)
{
	const struct container *c;

	TAILQ_FOREACH(c, &r->invoker.containers, all)
	if (c->call)
		return false;
	return !r->invoker.n_queued;
}

/* Calls that came in time may still be answered: as long as the longest start takes. */
static int drain(struct replay *r)
{
	int64_t until = clock_monotonic_ns(), longest = 0;

	for (int i = 0; i < r->o->trace->n; i++)
		longest = MAX(longest,
			      scale_time_ns(&r->o->scale, r->o->trace->function[i].cold_ms));
	until += r->o->drain_ns >= 0
			 ? r->o->drain_ns
			 : MIN(longest + r->invoker.queue_ttl_ns + NS_PER_S, MAX_DRAIN_NS);
	while (!all_done(r) && clock_monotonic_ns() < until) {
		int err = turn(r, until);

		if (err < 0)
			return err;
	}
	return 0;
}

/* When, on CLOCK_MONOTONIC, the first minute begins. */
static int64_t first_minute_ns(const struct replay_options *o)
{
	const struct clock *c = &o->clock;
	int64_t offset = clock_monotonic_ns() - clock_now_ns(c), minute = c->origin_minute, late;

	if (!c->origin_ns && !c->origin_minute)
		return clock_monotonic_ns() + START_DELAY_NS;
	minute += ((o->from - minute) % MINUTES_PER_DAY + MINUTES_PER_DAY) % MINUTES_PER_DAY;
	late = clock_now_ns(c) - clock_minute_start_ns(c, minute);
	if (late > 0) {
		log_error("minute %d began %.1f s ago: give --minute-origin a later time", o->from,
			  late / (double)NS_PER_S);
		return -ETIME;
	}
	return clock_minute_start_ns(c, minute) + offset;
}

static int replay_minutes(struct replay *r)
{
	int64_t start_ns = first_minute_ns(r->o);
	int err = 0;

	if (start_ns < 0)
		return start_ns;
	while (err == 0 && clock_monotonic_ns() < start_ns)
		err = turn(r, start_ns);
	r->cpu_start = r->cpu_minute = cpu_time_now();
	for (r->minute = 0; err == 0 && r->minute < r->o->minutes; r->minute++)
		err = replay_minute(r, start_ns + r->minute * r->o->scale.minute_ns);
	r->minute = r->o->minutes - 1;
	r->result.guest_cpu_share = cpu_share(r->cpu_start, cpu_time_now());
	return err < 0 ? err : drain(r);
}

/* --- before and after */

static int64_t oom_kills(const struct replay *r)
{
	int64_t n = 0;

	cgroup_read_key(r->node.mount, r->o->root, "memory.events", "oom_kill", &n);
	return n;
}

static int64_t memory_peak(const struct replay *r)
{
	int64_t n = 0;

	cgroup_read(r->node.mount, r->o->root, "memory.peak", &n);
	return n;
}

static int set_up_invoker(struct replay *r)
{
	const struct replay_options *o = r->o;
	_cleanup_free_ int64_t *bytes = calloc(o->trace->n, sizeof(*bytes));
	int err;

	if (!bytes)
		return -ENOMEM;
	for (int i = 0; i < o->trace->n; i++)
		bytes[i] = scale_memory_bytes(&o->scale, o->trace->function[i].memory_mb);
	r->pool = calloc(o->trace->n + 1, sizeof(*r->pool));
	err = invoker_init(&r->invoker, o->trace->n, bytes, o->memory_bytes,
			   scale_queue_ttl_ns(&o->scale, o->queue_ttl_ms),
			   scale_time_ns(&o->scale, o->keep_alive_ms), asks_governor(o->mode));
	if (err == 0)
		err = result_init(&r->result, o->trace->n, o->minutes);
	if (err < 0 || !r->pool)
		return -ENOMEM;
	for (int i = 0; i < o->trace->n; i++)
		r->result.function[i].name = o->trace->function[i].name;
	return 0;
}

static int set_up_cgroups(struct replay *r)
{
	struct replay_pool *p = &r->pool[POOL_MAIN];
	int err;

	p->name = strdup("main");
	if (!p->name || asprintf(&p->cgroup, "%s/main", r->o->root) < 0)
		return -ENOMEM;
	err = cgroup_make(r->node.mount, p->cgroup, &r->made_main);
	if (err < 0)
		return log_error_errno(err, "cgroup %s cannot be made", p->cgroup);
	return 0;
}

static int set_up(struct replay *r)
{
	int err = node_open(&r->node, &r->o->node, &node_events, r);

	if (err == 0)
		err = set_up_invoker(r);
	if (err == 0)
		err = set_up_cgroups(r);
	if (err == 0 && asks_governor(r->o->mode))
		err = governed_open(r, r->o->socket);
	if (err == 0 && r->o->prewarm)
		err = prewarm_open(r, r->o->prewarm);
	return err;
}

static json_t *describe(struct replay *r)
{
	static const char *const mode[] = { "lru", "unaware", "shadow", "static", "dynamic" };
	static const char *const runtime[] = { "clone", "crun", "bare" };
	const struct replay_options *o = r->o;
	json_t *json = result_json(&r->result, &r->invoker), *more;

	more = json_pack("{s:s, s:s, s:i, s:i, s:f, s:f, s:f, s:I, s:I}", "mode", mode[o->mode],
			 "runtime", runtime[o->node.kind], "from", o->from, "minutes_replayed",
			 o->minutes, "minute_seconds", o->scale.minute_ns / (double)NS_PER_S,
			 "count_divisor", o->scale.count_divisor, "memory_divisor",
			 o->scale.memory_divisor, "memory_bytes", (json_int_t)o->memory_bytes,
			 "seed", (json_int_t)o->seed);
	if (!json || !more || json_object_update_missing(json, more) < 0) {
		json_decref(json);
		json = NULL;
	}
	json_decref(more);
	if (json && r->runaway_id[0])
		json_object_set_new(json, "runaway",
				    json_pack("{s:s, s:s, s:i, s:b}", "function",
					      o->trace->function[o->runaway_function].name,
					      "container", r->runaway_id, "minute",
					      o->runaway_minute, "died", r->runaway_died));
	return json;
}

/* The main pool goes again when it was ours; the governor's stays. */
static void remove_main(const struct replay *r)
{
	_cleanup_close_ int mount = cgroup_open_mount();

	if (r->made_main && !asks_governor(r->o->mode) && mount >= 0)
		cgroup_remove(mount, r->pool[POOL_MAIN].cgroup);
}

static void tear_down(struct replay *r)
{
	r->closing = true;
	prewarm_close(r);
	node_close(&r->node);
	remove_main(r);
	governed_close(r);
	for (int i = 0; r->pool && i <= r->o->trace->n; i++) {
		free(r->pool[i].name);
		free(r->pool[i].cgroup);
	}
	free(r->pool);
	free(r->arrival);
	invoker_free(&r->invoker);
	result_free(&r->result);
}

int replay_run(const struct replay_options *o, json_t **ret)
{
	struct replay r = { .o = o, .admission.source.fd = -1, .prewarm.source.fd = -1 };
	int64_t peak_before, kills_before;
	int err = set_up(&r);

	*ret = NULL;
	if (err == 0) {
		peak_before = memory_peak(&r);
		kills_before = oom_kills(&r);
		err = replay_minutes(&r);
		r.result.oom_kills = oom_kills(&r) - kills_before;
		/* The kernel's peak only when this run raised it; a cgroup used before has an older one. */
		r.result.peak_memory_bytes = memory_peak(&r) > peak_before ? memory_peak(&r)
									   : r.sampled_peak;
	}
	if (err == 0) {
		/* What the living containers were sent is only known now. */
		for (int b = 0; b < NODE_BUCKETS; b++)
			for (struct instance *i = r.node.bucket[b]; i; i = i->next_of_number)
				result_record_instance(&r.result,
						       ((struct container *)i->owner)->function, i);
		*ret = describe(&r);
		err = *ret ? 0 : log_error_errno(-ENOMEM, "the result cannot be put together");
	}
	tear_down(&r);
	return err;
}
