// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast/demand.h"

#include <errno.h>
#include <math.h>

#include "forecast/plan.h"
#include "forecast/sizing.h"

#define MINUTE_US 60000000LL
/* A static size is judged by every such minute of the day: more would not change it. */
#define STATIC_STRIDE 5

struct erlang_queue demand_queue(const struct demand_options *o, const struct demand_times *t)
{
	double measured = t->cv > 0 ? t->cv : 1;

	return (struct erlang_queue){
		.warm_s = (double)t->warm_us / 1e6,
		.ttl_s = (double)o->queue_ttl_us / 1e6,
		.cv = o->service_cv >= 0 ? o->service_cv : measured,
	};
}

void demand_rates(const struct forecast *f, const struct forecast_options *o, size_t i,
		  struct erlang_rates *ret)
{
	/* A step of more than a minute holds that many minutes' invocations. */
	erlang_rates_from_quantiles(f->mean[i] / f->step, &f->q[i * f->n_quantiles], o->quantile,
				    (int)f->n_quantiles, 1.0 / f->step, ret);
}

/* The invocations a minute of step i that flow sizing provides for. */
static double flow_rate(const struct forecast *f, const struct forecast_options *fo, size_t i,
			double quantile)
{
	for (size_t k = 0; quantile > 0 && k < f->n_quantiles; k++)
		if (fo->quantile[k] == quantile)
			return f->q[i * f->n_quantiles + k] / f->step;
	return f->mean[i] / f->step;
}

static int64_t static_flow(const struct forecast *f, const struct forecast_options *fo,
			   const struct demand_times *t, const struct demand_options *o)
{
	double sum = 0;

	for (size_t i = 0; i < f->n; i++)
		sum += flow_rate(f, fo, i, o->quantile);
	return sizing_flow(sum / (double)MAX(f->n, 1), t->warm_us);
}

static bool static_drops_too_many(const struct forecast *f, const struct forecast_options *fo,
				  const struct erlang_queue *q, double target, int64_t n)
{
	double drops = 0, calls = 0;

	for (size_t i = 0; i < f->n; i += STATIC_STRIDE) {
		struct erlang_rates r;

		demand_rates(f, fo, i, &r);
		drops += erlang_drops(q, &r, n);
		calls += erlang_mean(&r);
	}
	return drops > target * calls;
}

/* The least number for which the whole day's drops stay under the target. */
static int64_t static_erlang(const struct forecast *f, const struct forecast_options *fo,
			     const struct demand_times *t, const struct demand_options *o)
{
	struct erlang_queue q = demand_queue(o, t);
	int64_t lo = -1, hi = 1;

	while (hi < SIZING_MAX_CONTAINERS && static_drops_too_many(f, fo, &q, o->target_drop, hi)) {
		lo = hi;
		hi *= 2;
	}
	while (hi - lo > 1) {
		int64_t mid = lo + (hi - lo) / 2;

		if (static_drops_too_many(f, fo, &q, o->target_drop, mid))
			lo = mid;
		else
			hi = mid;
	}
	return MIN(hi, SIZING_MAX_CONTAINERS);
}

/* Containers for minute i are wanted `lead` minutes before, when they begin to start. */
static void bring_forward(int64_t *containers, size_t n, size_t lead)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < MIN(n, i + lead + 1); k++)
			containers[i] = MAX(containers[i], containers[k]);
}

/* While a pool grows, the new containers are busy starting for a share of the minute. */
static void add_starting(int64_t *containers, size_t n, int64_t cold_us)
{
	double share = MIN((double)cold_us / MINUTE_US, 1);
	int64_t before = n ? containers[0] : 0;

	for (size_t i = 0; i < n; i++) {
		int64_t now = containers[i], grown = MAX(now - before, 0);

		containers[i] = MIN(now + (int64_t)ceil((double)grown * share - 1e-9),
				    SIZING_MAX_CONTAINERS);
		before = now;
	}
}

static void size_minutes(const struct forecast *f, const struct forecast_options *fo,
			 const struct demand_times *t, const struct demand_options *o,
			 int64_t *containers)
{
	struct erlang_queue q = demand_queue(o, t);
	int64_t guess = 1;

	for (size_t i = 0; i < f->n; i++) {
		if (o->sizing == SIZING_ERLANG) {
			struct erlang_rates r;

			demand_rates(f, fo, i, &r);
			guess = containers[i] = erlang_size(&q, &r, o->target_drop, guess);
		} else {
			containers[i] = sizing_flow(flow_rate(f, fo, i, o->quantile), t->warm_us);
		}
	}
}

int demand_containers(const struct forecast *f, const struct forecast_options *fo,
		      const struct demand_times *t, const struct demand_options *o,
		      int64_t *containers)
{
	size_t lead = (size_t)((MIN(t->cold_us, 60 * MINUTE_US) + MINUTE_US - 1) / MINUTE_US);
	int r;

	if (o->policy == POLICY_STATIC) {
		int64_t all = o->sizing == SIZING_ERLANG ? static_erlang(f, fo, t, o)
							 : static_flow(f, fo, t, o);

		for (size_t i = 0; i < f->n; i++)
			containers[i] = all;
		return 0;
	}
	size_minutes(f, fo, t, o, containers);
	r = plan_hold(containers, f->n, (size_t)(o->hold_minutes / f->step));
	if (r < 0)
		return r;
	bring_forward(containers, f->n, (lead + (size_t)f->step - 1) / (size_t)f->step);
	add_starting(containers, f->n, t->cold_us);
	return 0;
}
