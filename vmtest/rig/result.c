// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmtest/rig/result.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/clock.h"
#include "common/util.h"

int result_init(struct result *r, int n_functions, int n_minutes)
{
	*r = (struct result){ .n_functions = n_functions, .n_minutes = n_minutes };
	r->function = calloc(n_functions, sizeof(*r->function));
	r->minute = calloc(n_minutes, sizeof(*r->minute));
	return r->function && r->minute ? 0 : -ENOMEM;
}

void result_free(struct result *r)
{
	for (int i = 0; i < r->n_functions && r->function; i++)
		free(r->function[i].latencies.us);
	free(r->function);
	free(r->minute);
	*r = (struct result){ 0 };
}

static int add_latency(struct latencies *l, int64_t latency_ns)
{
	if (l->n == l->size) {
		int64_t size = l->size ? l->size * 2 : 1024;
		uint32_t *us = realloc(l->us, size * sizeof(*us));

		if (!us)
			return -ENOMEM;
		l->us = us;
		l->size = size;
	}
	l->us[l->n++] = CLAMP(latency_ns / NS_PER_US, 0, (int64_t)UINT32_MAX);
	return 0;
}

int result_record(struct result *r, int function, int minute, enum outcome outcome,
		  int64_t latency_ns)
{
	struct result_minute *m = &r->minute[minute];

	switch (outcome) {
	case OUTCOME_WARM:
		m->warm++;
		break;
	case OUTCOME_COLD:
		m->cold++;
		break;
	case OUTCOME_DROP:
		m->drop++;
		return 0;
	case OUTCOME_FAILED:
		m->failed++;
		return 0;
	}
	return add_latency(&r->function[function].latencies, latency_ns);
}

void result_record_instance(struct result *r, int function, const struct instance *i)
{
	r->function[function].sent += i->sent;
	r->function[function].inits += i->inits;
	r->function[function].in_pool += strstr(i->cgroup, "/pool-") != NULL;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

uint32_t result_quantile(const uint32_t *sorted, int64_t n, double q)
{
	int64_t rank = (int64_t)ceil(q * n);

	return n ? sorted[CLAMP(rank, 1, n) - 1] : 0;
}

static void add_quantiles(json_t *o, uint32_t *us, int64_t n)
{
	if (n > 0)
		qsort(us, n, sizeof(*us), by_value);
	json_object_set_new(o, "p50_ms", json_real(result_quantile(us, n, 0.5) / 1000.0));
	json_object_set_new(o, "p99_ms", json_real(result_quantile(us, n, 0.99) / 1000.0));
}

struct tally {
	int64_t invocations, warm, cold, drop, failed, starts, evictions, prewarmed;
	int64_t sent, inits, died, in_pool;
};

static void set(json_t *o, const char *key, int64_t value)
{
	json_object_set_new(o, key, json_integer(value));
}

static void add_tally(json_t *o, const struct tally *t)
{
	int64_t served = t->warm + t->cold;
	int64_t pending = t->invocations - served - t->drop - t->failed;

	assert(pending >= 0);
	set(o, "invocations", t->invocations);
	set(o, "warm", t->warm);
	set(o, "cold", t->cold);
	set(o, "drop", t->drop);
	set(o, "failed", t->failed);
	set(o, "pending", pending);
	json_object_set_new(o, "throughput",
			    json_real(t->invocations ? (double)served / t->invocations : 1));
	set(o, "container_starts", t->starts);
	set(o, "evictions", t->evictions);
	set(o, "prewarmed", t->prewarmed);
	set(o, "in_pool", t->in_pool);
	set(o, "sent", t->sent);
	set(o, "inits", t->inits);
	set(o, "died", t->died);
}

static struct tally tally_of(const struct result *r, const struct invoker *v, int i)
{
	const struct function *f = &v->function[i];

	return (struct tally){ f->invocations,
			       f->warm,
			       f->cold,
			       f->drop,
			       f->failed,
			       f->starts,
			       f->evictions,
			       f->prewarmed,
			       r->function[i].sent,
			       r->function[i].inits,
			       r->function[i].died,
			       r->function[i].in_pool };
}

static void add_up(struct tally *sum, const struct tally *t)
{
	sum->invocations += t->invocations;
	sum->warm += t->warm;
	sum->cold += t->cold;
	sum->drop += t->drop;
	sum->failed += t->failed;
	sum->starts += t->starts;
	sum->evictions += t->evictions;
	sum->sent += t->sent;
	sum->inits += t->inits;
	sum->died += t->died;
	sum->prewarmed += t->prewarmed;
	sum->in_pool += t->in_pool;
}

/* The pending calls, counted one by one: the other side of the conservation of calls. */
static int64_t count_pending(const struct invoker *v)
{
	const struct container *c;
	int64_t n = v->n_queued;

	TAILQ_FOREACH(c, &v->containers, all)
	n += c->call != NULL;
	return n;
}

static json_t *functions_json(struct result *r, const struct invoker *v)
{
	json_t *list = json_array();

	for (int i = 0; i < r->n_functions; i++) {
		struct latencies *l = &r->function[i].latencies;
		struct tally t = tally_of(r, v, i);
		json_t *o = json_object();

		json_object_set_new(o, "function", json_string(r->function[i].name));
		add_tally(o, &t);
		add_quantiles(o, l->us, l->n);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *minutes_json(const struct result *r)
{
	static const struct {
		const char *name;
		size_t offset;
	} field[] = {
#define FIELD(name) { #name, offsetof(struct result_minute, name) }
		FIELD(invocations), FIELD(warm),	 FIELD(cold),
		FIELD(drop),	    FIELD(failed),	 FIELD(container_starts),
		FIELD(containers),  FIELD(memory_bytes),
	};
	json_t *o = json_object(), *share = json_array();

	for (size_t k = 0; k < ARRAY_SIZE(field); k++) {
		json_t *list = json_array();

		for (int m = 0; m < r->n_minutes; m++) {
			int64_t value;

			memcpy(&value, (char *)&r->minute[m] + field[k].offset, sizeof(value));
			json_array_append_new(list, json_integer(value));
		}
		json_object_set_new(o, field[k].name, list);
	}
	for (int m = 0; m < r->n_minutes; m++)
		json_array_append_new(share, json_real(r->minute[m].guest_cpu_share));
	json_object_set_new(o, "guest_cpu_share", share);
	return o;
}

static uint32_t *all_latencies(const struct result *r, int64_t *ret_n)
{
	uint32_t *all;
	int64_t n = 0;

	for (int i = 0; i < r->n_functions; i++)
		n += r->function[i].latencies.n;
	all = malloc(MAX(n, 1) * sizeof(*all));
	n = 0;
	for (int i = 0; all && i < r->n_functions; i++) {
		const struct latencies *l = &r->function[i].latencies;

		if (l->n)
			memcpy(all + n, l->us, l->n * sizeof(*all));
		n += l->n;
	}
	*ret_n = n;
	return all;
}

json_t *result_json(struct result *r, const struct invoker *v)
{
	_cleanup_free_ uint32_t *all = NULL;
	struct tally sum = { 0 };
	json_t *o = json_object();
	int64_t n;

	all = all_latencies(r, &n);
	if (!all || !o) {
		json_decref(o);
		return NULL;
	}
	for (int i = 0; i < r->n_functions; i++) {
		struct tally t = tally_of(r, v, i);

		add_up(&sum, &t);
	}
	assert(sum.warm + sum.cold + sum.drop + sum.failed + count_pending(v) == sum.invocations);
	add_tally(o, &sum);
	add_quantiles(o, all, n);
	set(o, "expired", v->expired);
	set(o, "peak_memory_bytes", r->peak_memory_bytes);
	set(o, "oom_kills", r->oom_kills);
	json_object_set_new(o, "guest_cpu_share", json_real(r->guest_cpu_share));
	set(o, "late", r->late);
	json_object_set_new(o, "max_lag_ms", json_real(r->max_lag_us / 1000.0));
	json_object_set_new(o, "functions", functions_json(r, v));
	json_object_set_new(o, "minutes", minutes_json(r));
	return o;
}

struct cpu_time cpu_time_now(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/stat", "re");
	long long user, nice, sys, idle, wait, irq, softirq, steal;
	struct cpu_time t = { 0 };

	if (f && fscanf(f, "cpu %lld %lld %lld %lld %lld %lld %lld %lld", &user, &nice, &sys, &idle,
			&wait, &irq, &softirq, &steal) == 8) {
		t.busy = user + nice + sys + irq + softirq + steal;
		t.all = t.busy + idle + wait;
	}
	return t;
}

double cpu_share(struct cpu_time from, struct cpu_time to)
{
	return to.all > from.all ? (double)(to.busy - from.busy) / (to.all - from.all) : 0;
}
