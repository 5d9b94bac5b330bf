// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast/judge.h"

#include <math.h>
#include <string.h>

/* So many last days are judged at so many slots in all, spread over each day, and at the few
 * slots that are the day's peaks, which a sparse sample would miss. */
#define BACKTEST_DAYS 6
#define PEAK_SLOTS 4
#define BACKTEST_SLOTS (STACK_MAX_POINTS - BACKTEST_DAYS * PEAK_SLOTS)

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

static void judge_slot(const struct pools *p, int i, float weight, struct stack *s)
{
	float(*said)[N_MEMBERS] = s->said[s->n];
	float actual = days_at(p->days, p->target->day, i);

	if (isnan(actual))
		return;
	for (int pool = 0; pool < N_POOLS; pool++) {
		float q[N_WEIGHTINGS * STACK_LEVELS];
		bool known = pool_read(p, pool, i, q);

		for (int w = 0; w < N_WEIGHTINGS; w++)
			for (int k = 0; k < STACK_LEVELS; k++)
				said[k][MEMBER(pool, w)] = known && p->wanted[pool] & 1u << w
								   ? q[w * STACK_LEVELS + k]
								   : NAN;
	}
	s->point[s->n++] = (struct stack_point){ p->target->day, weight, actual };
}

static void judge_day(const struct days *d, const struct spectra *spectra, const struct tuning *u,
		      int day, struct pools *p, struct target *t)
{
	target_init(t, d, u, day);
	*p = (struct pools){ .days = d, .target = t, .tau = stack_level, .n_tau = STACK_LEVELS };
	for (int pool = 0; pool < N_POOLS; pool++)
		p->wanted[pool] = pool_weightings(pool) & target_weightings(d, day);
	pools_init(p, spectra);
}

static void note_members(const struct days *d, struct stack *s)
{
	for (int pool = 0; pool < N_POOLS; pool++)
		for (int w = 0; w < N_WEIGHTINGS; w++) {
			unsigned int bit = pool_weightings(pool) & 1u << w;

			s->usable[MEMBER(pool, w)] = bit & target_weightings(d, -1);
			s->always[MEMBER(pool, w)] = bit & target_weightings(d, d->n);
		}
}

void judge_days(const struct days *d, const struct spectra *spectra, const struct tuning *u,
		struct stack *s)
{
	int peak[PEAK_SLOTS], days = MIN(BACKTEST_DAYS, d->n - 1);
	int spread = MIN(BACKTEST_SLOTS / MAX(days, 1), d->n_day);
	int n_peaks = spread < d->n_day ? find_peaks(d, peak) : 0;
	float weight = (float)(d->n_day - n_peaks) / (float)spread;

	note_members(d, s);
	for (int day = 0; day < days; day++) {
		struct target t;
		struct pools p;

		judge_day(d, spectra, u, day, &p, &t);
		for (int k = 0; k < spread; k++) {
			/* Steps of the golden ratio: evenly spread, and no day repeats another's. */
			double turn = (double)(day * spread + k) * 0.6180339887498949;

			judge_slot(&p, (int)((turn - floor(turn)) * d->n_day), weight, s);
		}
		for (int k = 0; k < n_peaks; k++)
			judge_slot(&p, peak[k], 1, s);
	}
}
