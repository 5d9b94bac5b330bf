// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The default model: empirical profiles (members.h), weighted by how they would have done on the last
 * days (stack.h), their quantiles averaged. docs/forecasting.md tells why.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "forecast/judge.h"
#include "forecast/models.h"

/* A pool with less weight than this in all is left out. */
#define LEAST_WEIGHT 0.04f
/* And a member with less than this. */
#define LEAST_MEMBER 0.02f

/* Levels at which members are read for the forecast, and the judged level whose weights each takes. */
static const float level[] = { 0.02f, 0.1f, 0.25f, 0.5f, 0.75f, 0.85f, 0.9f, 0.95f, 0.99f, 0.995f };
static const int judged[] = { 0, 0, 0, 0, 1, 1, 1, 2, 3, 3 };
#define LEVELS ((int)ARRAY_SIZE(level))
#define MEDIAN 3
#define HIGH 6	    /* 0.9 */
#define FIRST_FAR 8 /* 0.99 */

struct combination {
	const struct tuning *tuning;
	struct spectra spectra;
	float weight[STACK_LEVELS][N_MEMBERS];
	float surprise;	      /* of whole days; stack.h */
	float *q;	      /* [n_day][LEVELS] of one day, as roots; owned */
	float *total;	      /* [n_day][STACK_LEVELS] weight that q has so far; owned */
	float recent[LEVELS]; /* of the last hours, where days say nothing */
	bool young;	      /* less than two days: both count */
};

/* The members of a pool that count. */
static unsigned int pool_members(const struct combination *c, int pool)
{
	unsigned int wanted = 0;
	float sum = 0;

	for (int w = 0; w < N_WEIGHTINGS; w++) {
		float most = 0;

		for (int k = 0; k < STACK_LEVELS; k++)
			most = MAX(most, c->weight[k][MEMBER(pool, w)]);
		if (most < LEAST_MEMBER)
			continue;
		wanted |= 1u << w;
		sum += most;
	}
	return sum < LEAST_WEIGHT ? 0 : wanted;
}

/* Roots of the quantiles of one pool at one slot, times the weights of its members. */
static bool read_weighted(const struct combination *c, const struct pools *p, int pool, int at,
			  float *out)
{
	float q[N_WEIGHTINGS * LEVELS];

	if (!pool_read(p, pool, at, q))
		return false;
	memset(out, 0, (size_t)LEVELS * sizeof(*out));
	for (int w = 0; w < N_WEIGHTINGS; w++)
		for (int k = 0; k < LEVELS && p->wanted[pool] & 1u << w; k++)
			out[k] += c->weight[judged[k]][MEMBER(pool, w)] * sqrtf(q[w * LEVELS + k]);
	return true;
}

static void add_slot(const struct combination *c, const struct pools *p, int pool, int i,
		     const float *before, const float *here, float x)
{
	for (int k = 0; k < LEVELS; k++)
		c->q[i * LEVELS + k] += before[k] + x * (here[k] - before[k]);
	for (int w = 0; w < N_WEIGHTINGS; w++)
		for (int k = 0; k < STACK_LEVELS && p->wanted[pool] & 1u << w; k++)
			c->total[i * STACK_LEVELS + k] += c->weight[k][MEMBER(pool, w)];
}

/* Reads one pool at its slots and adds it, interpolated, to the day. */
static void add_pool(const struct combination *c, const struct pools *p, int pool, int n_slots)
{
	int spacing = pool_spacing(p->days, pool), last = -1;
	float here[LEVELS], before[LEVELS] = { 0 };

	if (!p->wanted[pool])
		return;
	for (int at = 0;; at = MIN(at + spacing, n_slots - 1)) {
		bool known = read_weighted(c, p, pool, at, here);

		for (int i = last + 1; known && i <= at; i++)
			add_slot(c, p, pool, i, before, here,
				 last < 0 ? 1 : (float)(i - last) / (float)(at - last));
		if (known)
			memcpy(before, here, sizeof(here));
		last = known ? at : last;
		if (at == n_slots - 1)
			break;
	}
}

/* Quantile tau of a row of quantiles at the fixed levels; beyond the outermost it goes on straight. */
static double row_quantile(const float *q, double tau)
{
	int k = 0;

	while (k + 2 < LEVELS && tau > (double)level[k + 1])
		k++;
	return q[k] + ((double)q[k + 1] - q[k]) * (tau - (double)level[k]) /
			      ((double)level[k + 1] - (double)level[k]);
}

/* Mean of a row: the area under its quantile function. */
static double row_mean(const float *q)
{
	double sum = q[0] * level[0] + q[LEVELS - 1] * (1 - level[LEVELS - 1]);

	for (int k = 1; k < LEVELS; k++)
		sum += (q[k] + q[k - 1]) / 2 * (level[k] - level[k - 1]);
	return sum;
}

static int by_value(const void *a, const void *b)
{
	const float *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Quantiles of the last hours that are known, whatever their time of day: all there is to say of a
 * function that came today. Zeros where nothing was seen in all the days that are looked at: there is
 * nothing to plan on. */
static int read_recent(const struct days *d, float *row)
{
	int n = 0, all = d->n * d->n_day, most = MAX(d->n_day / 4, 1);
	_cleanup_free_ float *v = malloc((size_t)most * sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (int i = all - 1; i >= 0 && n < most; i--)
		if (!isnan(d->x[i]))
			v[n++] = d->x[i];
	memset(row, 0, LEVELS * sizeof(*row));
	if (!n)
		return 0;
	qsort(v, (size_t)n, sizeof(*v), by_value);
	for (int k = 0; k < LEVELS; k++) {
		float at = CLAMP(level[k] * (float)n - 0.5f, 0.0f, (float)(n - 1));
		int lo = (int)at, hi = MIN(lo + 1, n - 1);

		row[k] = v[lo] + (at - (float)lo) * (v[hi] - v[lo]);
	}
	return 0;
}

/* Whole days surprise, and an hour's own past need not know: the far quantiles have room for that. */
static void widen_tail(const struct combination *c, float *q)
{
	float days = c->tuning->tail * c->surprise * (q[MEDIAN] + q[HIGH]) / 2;

	for (int k = FIRST_FAR; k < LEVELS; k++) {
		float minutes = q[k] - q[MEDIAN];

		q[k] = q[MEDIAN] + sqrtf(minutes * minutes + days * days);
	}
}

static void write_step(const struct combination *c, int i, const struct forecast_options *o,
		       struct forecast *f, size_t at)
{
	float *q = &c->q[i * LEVELS], least = 0;

	for (int k = 0; k < LEVELS; k++) {
		float total = c->total[i * STACK_LEVELS + judged[k]], root = q[k] / total;

		q[k] = total > 0 ? root * root : c->recent[k];
		if (c->young)
			q[k] = (q[k] + c->recent[k]) / 2;
		least = q[k] = MAX(q[k], least);
	}
	widen_tail(c, q);
	f->mean[at] = row_mean(q);
	for (size_t k = 0; k < o->n_quantiles; k++)
		f->q[at * o->n_quantiles + k] = row_quantile(q, o->quantile[k]);
}

static void forecast_day(const struct days *d, int day, const struct combination *c, int n_slots)
{
	struct target t;
	struct pools p = { .days = d, .target = &t, .tau = level, .n_tau = LEVELS };

	target_init(&t, d, c->tuning, day);
	memset(c->q, 0, (size_t)(d->n_day * LEVELS) * sizeof(*c->q));
	memset(c->total, 0, (size_t)(d->n_day * STACK_LEVELS) * sizeof(*c->total));
	for (int pool = 0; pool < N_POOLS; pool++)
		p.wanted[pool] = pool_members(c, pool);
	pools_init(&p, &c->spectra);
	for (int pool = 0; pool < N_POOLS; pool++)
		add_pool(c, &p, pool, n_slots);
}

static int forecast_days(const struct days *d, struct combination *c,
			 const struct forecast_options *o, struct forecast *f)
{
	size_t n_day = (size_t)d->n_day;

	c->q = malloc(n_day * LEVELS * sizeof(*c->q));
	c->total = malloc(n_day * STACK_LEVELS * sizeof(*c->total));
	if (!c->q || !c->total || read_recent(d, c->recent) < 0)
		return -ENOMEM;
	for (size_t first = 0; first < f->n; first += n_day) {
		int n_slots = (int)MIN(n_day, f->n - first);

		forecast_day(d, -1 - (int)(first / n_day), c, n_slots);
		for (int i = 0; i < n_slots; i++)
			write_step(c, i, o, f, first + (size_t)i);
	}
	return 0;
}

static int weigh_members(const struct days *d, struct combination *c)
{
	_cleanup_free_ struct stack *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->said = malloc(STACK_MAX_POINTS * sizeof(*s->said));
	if (!s->said)
		return -ENOMEM;
	judge_days(d, &c->spectra, c->tuning, s);
	stack_weigh(s, c->tuning, c->weight);
	c->surprise = stack_surprise(s, c->tuning, c->weight);
	free(s->said);
	return 0;
}

int auto_forecast(const struct series *history, const struct forecast_options *o,
		  const struct tuning *tuning, struct forecast *f)
{
	struct combination c = { .tuning = tuning };
	struct days d;
	int r = days_init(&d, history, o->holidays);

	c.young = history->n < 2 * series_day(history);
	if (r == 0) {
		spectra_init(&c.spectra, &d);
		r = weigh_members(&d, &c);
	}
	if (r == 0)
		r = forecast_days(&d, &c, o, f);
	free(c.q);
	free(c.total);
	days_release(&d);
	return r;
}

int model_auto(const struct series *history, const struct forecast_options *o, struct forecast *f)
{
	return auto_forecast(history, o, &TUNING_DEFAULT, f);
}
