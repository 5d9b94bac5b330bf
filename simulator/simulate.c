// SPDX-License-Identifier: GPL-2.0-or-later
#include "simulator/simulate.h"

#include <errno.h>
#include <string.h>

#include "common/clock.h"
#include "simulator/minute.h"
#include "simulator/node.h"

void run_result_release(struct run_result *r)
{
	free(r->function);
	free(r->minute);
	free(r->watched);
	free(r->watch);
	*r = (struct run_result){ 0 };
}

static void node_release(struct node *n)
{
	if (n->ops->end)
		n->ops->end(n);
	pool_release(&n->main);
	for (size_t i = 0; i < n->n_hot; i++)
		pool_release(&n->hot[i].pool);
	free(n->hot);
	free(n->pool_of);
	free(n->arrival);
	free(n->arrival_scratch);
	free(n->ms);
	free(n->ms_scratch);
	free(n);
}

static int alloc_result(const struct load *l, const struct run_options *o, struct run_result *r)
{
	size_t minutes = MIN(o->minutes, l->n_minutes);

	*r = (struct run_result){ .n_functions = l->n_functions, .n_minutes = minutes };
	r->function = calloc(MAX(l->n_functions, (size_t)1), sizeof(*r->function));
	r->watched = malloc(MAX(o->n_located, (size_t)1) * sizeof(*r->watched));
	if (!r->function || !r->watched)
		return -ENOMEM;
	if (o->n_located)
		memcpy(r->watched, o->located, o->n_located * sizeof(*r->watched));
	r->n_watched = o->n_located;
	if (!o->per_minute)
		return 0;
	r->minute = calloc(MAX(minutes, (size_t)1), sizeof(*r->minute));
	r->watch = calloc(MAX(minutes * o->n_located, (size_t)1), sizeof(*r->watch));
	return r->minute && r->watch ? 0 : -ENOMEM;
}

static int node_make(struct node *n)
{
	const struct load *l = n->load;
	struct pool_rules rules = node_rules(n);
	int r;

	n->hot = calloc(MAX(n->o->n_located, (size_t)1), sizeof(*n->hot));
	n->pool_of = malloc(MAX(l->n_functions, (size_t)1) * sizeof(*n->pool_of));
	if (!n->hot || !n->pool_of)
		return -ENOMEM;
	memset(n->pool_of, 0xff, l->n_functions * sizeof(*n->pool_of));
	r = pool_init(&n->main, &rules, 0, l->n_functions, &n->timeline);
	if (r < 0)
		return r;
	for (uint32_t f = 0; f < l->n_functions; f++)
		node_init_member(n, &n->main, f);
	n->main.capacity = n->main.limit = n->o->memory;
	return n->ops->begin ? n->ops->begin(n) : 0;
}

static int check_options(struct node *n)
{
	const struct load *l = n->load;
	uint32_t f = 0;

	if (n->o->memory < load_largest(l, &f))
		return node_fail(n, -EINVAL,
				 "--memory %lldM is less than one container of function '%.80s', "
				 "which takes %lldM",
				 (long long)(n->o->memory / MIB), l->function[f].name,
				 (long long)((l->function[f].memory + MIB - 1) / MIB));
	if (n->o->arrivals == ARRIVALS_TRACE && !l->ms)
		return node_fail(n, -EINVAL,
				 "--arrivals trace needs a trace of single invocations "
				 "(--invocations, without --background)");
	if (n->o->order && l->n_minutes && n->o->arrivals != ARRIVALS_THESIS)
		return node_fail(n, -EINVAL, "--tie-order author goes with --arrivals thesis");
	return 0;
}

static bool over_capacity(const struct node *n)
{
	if (n->main.limit < 0 || n->main.used > n->main.limit)
		return true;
	for (size_t i = 0; i < n->n_hot; i++)
		if (n->hot[i].pool.used > n->hot[i].pool.limit)
			return true;
	return false;
}

static int begin_minute(struct node *n)
{
	int64_t t = n->timeline.begin;
	int r;

	/* Resizing comes before keep-alives that end in this very millisecond (the thesis program). */
	r = n->ops->minute ? n->ops->minute(n) : 0;
	if (r < 0)
		return r;
	n->result->over_capacity_minutes += over_capacity(n);
	minute_begin(n);
	pool_expire(&n->main, t);
	for (size_t i = 0; i < n->n_hot; i++)
		pool_expire(&n->hot[i].pool, t);
	return minute_arrivals(n);
}

static void end_minute(struct node *n)
{
	timeline_close_minute(&n->timeline);
	if (n->o->per_minute && n->minute < n->result->n_minutes)
		minute_keep(n);
	n->minute++;
}

static int64_t count_arrivals(const struct node *n)
{
	int64_t sum = n->n_arrivals;

	for (size_t i = 0; i < n->n_hot; i++)
		sum += n->hot[i].count;
	return sum;
}

/*
 * The thesis program's last step: calls that arrive at the very millisecond in which the run ends are
 * let in, and queues are served until the queue TTL after that.
 */
static int run_tail(struct node *n)
{
	int64_t end = n->timeline.begin, until = end + n->o->queue_ttl + 1;

	while (n->timeline.begin < until) {
		int64_t begin = n->timeline.begin;
		int r = begin_minute(n);

		if (r < 0)
			return r;
		n->result->invocations += minute_cut(n, begin == end ? 1 : 0);
		minute_run(n, MIN(until, begin + MINUTE_MS));
		end_minute(n);
	}
	return 0;
}

static int run_minutes(struct node *n)
{
	while (n->minute < n->result->n_minutes) {
		int r = begin_minute(n);

		if (r < 0)
			return r;
		n->result->invocations += count_arrivals(n);
		minute_run(n, n->timeline.begin + MINUTE_MS);
		end_minute(n);
	}
	return n->o->compat ? run_tail(n) : 0;
}

static void add_members(struct run_result *r, const struct node *n, const struct pool *p)
{
	for (uint32_t i = 0; i < p->n_members; i++) {
		const struct member *m = &p->member[i];
		struct function_result *f = &r->function[p->first + i];

		f->warm += m->warm;
		f->cold += m->cold;
		f->drop += m->drop;
		f->prewarm += m->prewarm;
		f->hot = n->pool_of[p->first + i] != NO_POOL;
	}
}

static int add_pool(struct node *n, struct pool *p, double *idle, double *byte_ms)
{
	struct run_result *r = n->result;
	int64_t t = n->timeline.begin;
	int err;

	pool_close(p, t);
	err = p->error ? p->error : pool_check(p, t);
	/* Waiting calls count as arrived at their function. */
	for (size_t i = 0; i < p->queue_n; i++)
		r->function[p->queue[(p->queue_head + i) & (p->queue_size - 1)].function]
			.invocations++;
	r->warm += p->warm;
	r->cold += p->cold;
	r->drop += p->drop;
	r->pending += p->queue_n;
	r->prewarms += p->prewarm;
	r->evictions += p->evictions;
	r->most_containers += p->most_live;
	*byte_ms += p->byte_ms;
	*idle += p->idle_byte_ms;
	add_members(r, n, p);
	if (!err && !n->o->compat && p->used > p->limit)
		err = -EBADMSG;
	return err;
}

static int finish(struct node *n)
{
	struct run_result *r = n->result;
	double idle = 0, byte_ms = 0;
	int64_t sum = 0;
	int err = add_pool(n, &n->main, &idle, &byte_ms);

	for (size_t i = 0; i < n->n_hot && err == 0; i++)
		err = add_pool(n, &n->hot[i].pool, &idle, &byte_ms);
	if (err == -ENOMEM)
		return err;
	for (size_t i = 0; i < r->n_functions; i++) {
		struct function_result *f = &r->function[i];

		f->invocations += f->warm + f->cold + f->drop;
		sum += f->warm + f->cold + f->drop;
	}
	r->idle_mb_minutes = idle / MIB / MINUTE_MS;
	r->mean_memory_mb = byte_ms / MIB / MAX(n->timeline.begin, (int64_t)1);
	r->max_memory = n->timeline.most;
	if (err < 0 || sum != r->warm + r->cold + r->drop || n->timeline.used < 0 ||
	    r->warm + r->cold + r->drop + r->pending != r->invocations ||
	    (!n->o->compat && (r->max_memory > n->o->memory || r->over_capacity_minutes)))
		return node_fail(
			n, -EBADMSG,
			"the simulator's books do not agree (%s, %lld M): %lld warm + %lld "
			"cold + %lld drop + %lld pending, %lld invocations; please report it",
			n->ops->name, (long long)(n->o->memory / MIB), (long long)r->warm,
			(long long)r->cold, (long long)r->drop, (long long)r->pending,
			(long long)r->invocations);
	if (n->o->per_minute)
		minute_differences(r);
	return 0;
}

int simulate(const struct load *load, const struct run_options *o, struct run_result *ret)
{
	int64_t began = clock_monotonic_ns();
	struct node *n = calloc(1, sizeof(*n));
	int r;

	*ret = (struct run_result){ 0 };
	if (!n)
		return -ENOMEM;
	n->load = load;
	n->o = o;
	n->result = ret;
	n->ops = &policy_ops[o->policy];
	r = alloc_result(load, o, ret);
	if (r == 0)
		r = check_options(n);
	if (r == 0)
		r = node_make(n);
	if (r == 0)
		r = run_minutes(n);
	if (r == 0)
		r = finish(n);
	node_release(n);
	ret->wall_seconds = (clock_monotonic_ns() - began) / 1e9;
	return r;
}
