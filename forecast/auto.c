// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The default model: empirical profiles (members.h), weighted by how they would have done on the last
 * days (stack.h), their quantiles averaged. docs/forecasting.md tells why.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "forecast/days.h"
#include "forecast/members.h"
#include "forecast/models.h"
#include "forecast/stack.h"

/* The backtest: so many last days, judged at so many slots in all, spread over each day, and at the few
 * slots that are the day's peaks, which a sparse sample would miss. */
#define BACKTEST_DAYS 6
#define PEAK_SLOTS 4
#define BACKTEST_SLOTS (STACK_MAX_POINTS - BACKTEST_DAYS * PEAK_SLOTS)
/* A pool with less weight than this in all is left out. */
#define LEAST_WEIGHT 0.02f
/* And a member with less than this. */
#define LEAST_MEMBER 0.01f

/* Levels at which members are read for the forecast; the judged ones are among them. */
static const float level[] = { 0.02f, 0.1f,  0.25f, 0.4f,  0.5f,  0.6f,	 0.7f,
			       0.8f,  0.85f, 0.9f,  0.95f, 0.99f, 0.995f };
#define LEVELS ((int)ARRAY_SIZE(level))
#define MEDIAN 4
#define FIRST_FAR 11 /* 0.99 */

/* --- backtest */

/* The PEAK_SLOTS slots with the highest mean over the days. */
static int find_peaks(const struct days *d, int *peak)
{
	float height[PEAK_SLOTS];
	int n = 0;

	for (int i = 0; i < d->n_day; i++) {
		float sum = 0;
		int at;

		for (int day = 0; day < d->n; day++) {
			float v = days_at(d, day, i);

			sum += isnan(v) ? 0 : v;
		}
		if (n == PEAK_SLOTS && sum <= height[n - 1])
			continue;
		at = n < PEAK_SLOTS ? n++ : n - 1;
		for (; at > 0 && height[at - 1] < sum; at--) {
			height[at] = height[at - 1];
			peak[at] = peak[at - 1];
		}
		height[at] = sum;
		peak[at] = i;
	}
	return n;
}

static bool judge_slot(const struct days *d, const struct target *t, int i, float weight,
		       struct stack *s)
{
	float(*said)[N_MEMBERS] = s->said[s->n];
	float actual = days_at(d, t->day, i);

	if (isnan(actual))
		return false;
	for (int reach = 0; reach < N_REACHES; reach++)
		for (int l = 0; l < N_LEVELS; l++) {
			float q[N_WEIGHTINGS * STACK_LEVELS];
			int pool = reach * N_LEVELS + l;
			bool known = pool_read(d, t, reach, l, i, ALL_WEIGHTINGS, stack_level,
					       STACK_LEVELS, q);

			for (int w = 0; w < N_WEIGHTINGS; w++)
				for (int k = 0; k < STACK_LEVELS; k++)
					said[k][w * N_POOLS + pool] =
						known && (!weighting_needs_weekday(w) ||
							  target_has_weekday(d, t->day))
							? q[w * STACK_LEVELS + k]
							: NAN;
		}
	s->point[s->n++] = (struct stack_point){ t->day, weight, actual };
	return true;
}

static void backtest(const struct days *d, const struct tuning *u, struct stack *s)
{
	int peak[PEAK_SLOTS], days = MIN(BACKTEST_DAYS, d->n - 1);
	int spread = MIN(BACKTEST_SLOTS / MAX(days, 1), d->n_day);
	int n_peaks = spread < d->n_day ? find_peaks(d, peak) : 0;
	float weight = (float)(d->n_day - n_peaks) / (float)spread;

	for (int day = 0; day < days; day++) {
		struct target t;

		target_init(&t, d, u, day);
		for (int k = 0; k < spread; k++) {
			/* Steps of the golden ratio: evenly spread, and no day repeats another's. */
			double turn = (double)(day * spread + k) * 0.6180339887498949;
			int i = (int)((turn - floor(turn)) * d->n_day);

			judge_slot(d, &t, i, weight, s);
		}
		for (int k = 0; k < n_peaks; k++)
			judge_slot(d, &t, peak[k], 1, s);
	}
}

/* --- forecast */

struct combination {
	const struct tuning *tuning;
	float weight[N_MEMBERS];
	float *q;	      /* [n_day][LEVELS] of one day; owned */
	float *total;	      /* [n_day] weight that q has so far */
	float recent[LEVELS]; /* of the last hours, where days say nothing */
	bool young;	      /* less than two days: both count */
};

/* The members of a pool that count, and their weight together. */
static unsigned int pool_members(const struct combination *c, int pool, float *ret_weight)
{
	unsigned int wanted = 0;

	*ret_weight = 0;
	for (int w = 0; w < N_WEIGHTINGS; w++)
		if (c->weight[w * N_POOLS + pool] >= LEAST_MEMBER) {
			wanted |= 1u << w;
			*ret_weight += c->weight[w * N_POOLS + pool];
		}
	return wanted;
}

/* Quantiles of one pool at one slot, times the weights of its members. */
static bool read_pool(const struct days *d, const struct target *t, int pool, unsigned int wanted,
		      const struct combination *c, int at, float *out)
{
	float q[N_WEIGHTINGS * LEVELS];

	if (!pool_read(d, t, pool / N_LEVELS, pool % N_LEVELS, at, wanted, level, LEVELS, q))
		return false;
	memset(out, 0, LEVELS * sizeof(*out));
	for (int w = 0; w < N_WEIGHTINGS; w++)
		for (int k = 0; k < LEVELS && wanted & 1u << w; k++)
			out[k] += c->weight[w * N_POOLS + pool] * q[w * LEVELS + k];
	return true;
}

/* Reads one pool at its slots and adds it, interpolated, to the day. */
static void add_pool(const struct days *d, const struct target *t, int pool, struct combination *c,
		     int n_slots)
{
	int spacing = pool_spacing(d, pool / N_LEVELS), last = -1;
	float here[LEVELS], before[LEVELS] = { 0 }, sum;
	unsigned int wanted = pool_members(c, pool, &sum);

	if (sum < LEAST_WEIGHT)
		return;
	for (int at = 0;; at = MIN(at + spacing, n_slots - 1)) {
		bool known = read_pool(d, t, pool, wanted, c, at, here);

		for (int i = last + 1; known && i <= at; i++) {
			float x = last < 0 ? 1 : (float)(i - last) / (float)(at - last);

			for (int k = 0; k < LEVELS; k++)
				c->q[i * LEVELS + k] += before[k] + x * (here[k] - before[k]);
			c->total[i] += sum;
		}
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
 * function that came today. */
static int read_recent(const struct days *d, float *row)
{
	int n = 0, all = d->n * d->n_day, most = MAX(d->n_day / 4, 1);
	_cleanup_free_ float *v = malloc((size_t)most * sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (int i = all - 1; i >= 0 && n < most; i--)
		if (!isnan(d->x[i]))
			v[n++] = d->x[i];
	qsort(v, (size_t)n, sizeof(*v), by_value);
	for (int k = 0; k < LEVELS; k++) {
		float at = CLAMP(level[k] * (float)n - 0.5f, 0.0f, (float)(n - 1));
		int lo = (int)at, hi = MIN(lo + 1, n - 1);

		row[k] = v[lo] + (at - (float)lo) * (v[hi] - v[lo]);
	}
	return 0;
}

static void write_step(const struct combination *c, int i, const struct forecast_options *o,
		       struct forecast *f, size_t at)
{
	float *q = &c->q[i * LEVELS];

	for (int k = 0; k < LEVELS; k++) {
		q[k] = c->total[i] > 0 ? q[k] / c->total[i] : c->recent[k];
		if (c->young)
			q[k] = (q[k] + c->recent[k]) / 2;
	}
	for (int k = FIRST_FAR; k < LEVELS; k++)
		q[k] = q[MEDIAN] + (q[k] - q[MEDIAN]) * c->tuning->drawn_out;
	f->mean[at] = row_mean(q);
	for (size_t k = 0; k < o->n_quantiles; k++)
		f->q[at * o->n_quantiles + k] = row_quantile(q, o->quantile[k]);
}

static int forecast_days(const struct days *d, struct combination *c,
			 const struct forecast_options *o, struct forecast *f)
{
	size_t n_day = (size_t)d->n_day;

	c->q = malloc(n_day * LEVELS * sizeof(*c->q));
	c->total = malloc(n_day * sizeof(*c->total));
	if (!c->q || !c->total || read_recent(d, c->recent) < 0)
		return -ENOMEM;
	for (size_t first = 0; first < f->n; first += n_day) {
		int n_slots = (int)MIN(n_day, f->n - first);
		struct target t;

		target_init(&t, d, c->tuning, -1 - (int)(first / n_day));
		memset(c->q, 0, n_day * LEVELS * sizeof(*c->q));
		memset(c->total, 0, n_day * sizeof(*c->total));
		for (int pool = 0; pool < N_POOLS; pool++)
			add_pool(d, &t, pool, c, n_slots);
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
	s->said = calloc(STACK_MAX_POINTS, sizeof(*s->said));
	if (!s->said)
		return -ENOMEM;
	for (int m = 0; m < N_MEMBERS; m++)
		s->usable[m] = !weighting_needs_weekday(m / N_POOLS) || target_has_weekday(d, -1);
	backtest(d, c->tuning, s);
	stack_weigh(s, c->tuning, c->weight);
	free(s->said);
	return 0;
}

int auto_forecast(const struct series *history, const struct forecast_options *o,
		  const struct tuning *tuning, struct forecast *f)
{
	struct combination c = { .tuning = tuning };
	struct days d;
	int r = days_init(&d, history);

	c.young = history->n < 2 * series_day(history);
	if (r == 0)
		r = weigh_members(&d, &c);
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
