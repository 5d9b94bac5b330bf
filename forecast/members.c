// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast/members.h"

#include <math.h>

/* Reach, the distance of the values that are taken within it (not one that a cron job's interval
 * divides, or is divided by), and of the slots that are read. */
static const struct {
	int reach, stride, spacing;
} reaches[N_REACHES] = { { 0, 1, 1 }, { 3, 1, 3 }, { 120, 13, 30 } };

/* More than a few harmonics, and more days than these two weightings trust, is what the empirical
 * pools are for. */
static const int smooth_order[N_SMOOTH] = { HARMONIC_ORDER, 0 };
#define SMOOTH_WEIGHTINGS (1u << WEIGH_LIKE_WEEKDAY | 1u << WEIGH_AFTER_ALIKE)

unsigned int pool_weightings(int pool)
{
	return pool < N_EMPIRICAL ? ALL_WEIGHTINGS : SMOOTH_WEIGHTINGS;
}

static int in_steps(const struct days *d, int minutes)
{
	return (minutes * d->n_day + MINUTES_PER_DAY / 2) / MINUTES_PER_DAY;
}

int pool_spacing(const struct days *d, int pool)
{
	int minutes = pool < N_EMPIRICAL ? reaches[pool / N_LEVELS].spacing
					 : MINUTES_PER_DAY / HARMONIC_POINTS;

	return MAX(in_steps(d, minutes), 1);
}

void pools_init(struct pools *p, const struct spectra *s)
{
	for (int k = 0; k < N_SMOOTH; k++) {
		unsigned int wanted = p->wanted[N_EMPIRICAL + k];

		p->smooth_known[k] = wanted && harmonic_init(&p->smooth[k], p->days, s, p->target,
							     smooth_order[k], LEVEL_LONG, wanted,
							     p->tau, p->n_tau);
	}
}

/* The values of an empirical pool. */
static int gather(const struct days *d, const struct target *t, int reach, int level, int i,
		  uint64_t *key)
{
	int width = in_steps(d, reaches[reach].reach);
	int stride = MAX(in_steps(d, reaches[reach].stride), 1), n = 0;
	int end = (d->n - 1 - t->day) * d->n_day; /* the target day and what follows is unseen */

	end = MIN(end, d->n * d->n_day);
	if (reaches[reach].reach > 0)
		width = MAX(width, 1);
	for (int day = MAX(t->day + 1, 0); day < d->n; day++) {
		int centre = (d->n - 1 - day) * d->n_day + i;
		int first = centre - width / stride * stride, last = MIN(centre + width, end - 1);
		float scale = t->scale[level][day];

		for (int at = first; at <= last; at += stride)
			if (at >= 0 && !isnan(d->x[at]))
				key[n++] = weighted_key(d->x[at] * scale, day);
	}
	return n;
}

bool pool_read(const struct pools *p, int pool, int i, float *out)
{
	uint64_t key[WEIGHTED_MAX_VALUES];
	int n;

	if (pool >= N_EMPIRICAL) {
		if (!p->smooth_known[pool - N_EMPIRICAL])
			return false;
		harmonic_read(&p->smooth[pool - N_EMPIRICAL], p->days, i, p->wanted[pool], out);
		return true;
	}
	n = gather(p->days, p->target, pool / N_LEVELS, pool % N_LEVELS, i, key);
	if (n == 0)
		return false;
	weighted_quantiles(key, n, p->target->weight, p->wanted[pool], p->tau, p->n_tau, out);
	return true;
}
