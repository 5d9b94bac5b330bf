// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast/stack.h"

#include <math.h>
#include <string.h>

const float stack_level[STACK_LEVELS] = { 0.5f, 0.9f, 0.95f, 0.99f };

#define ROUNDS 10

static float point_weight(const struct tuning *u, const struct stack_point *p)
{
	return p->weight * powf(u->fading, (float)p->day);
}

/* Losses by day, and the day's mean over the members that are judged on every day: what the day was
 * worth. Days that nobody could foresee count by the square root only. */
struct daily {
	float loss[DAYS_MAX][N_MEMBERS]; /* NAN: not judged */
	float typical[DAYS_MAX], weight[DAYS_MAX];
	int n;
};

static void add_losses(const struct stack *s, struct daily *d)
{
	memset(d, 0, sizeof(*d));
	for (int p = 0; p < s->n; p++) {
		const struct stack_point *point = &s->point[p];
		float *loss = d->loss[point->day];

		d->n = MAX(d->n, point->day + 1);
		d->weight[point->day] += point->weight;
		for (int k = 0; k < STACK_LEVELS; k++)
			for (int m = 0; m < N_MEMBERS; m++)
				loss[m] += point->weight *
					   pinball(point->actual, s->said[p][k][m], stack_level[k]);
	}
	for (int day = 0; day < d->n; day++) {
		int judged = 0;

		for (int m = 0; m < N_MEMBERS; m++)
			if (s->usable[m] && !isnan(d->loss[day][m]) &&
			    !weighting_needs_weekday(m / N_POOLS)) {
				d->typical[day] += d->loss[day][m];
				judged++;
			}
		if (judged)
			d->typical[day] /= (float)judged;
	}
}

/* Mean loss relative to the typical one. */
static float relative_loss(const struct daily *d, const struct tuning *u, int m)
{
	float lost = 0, typical = 0;

	for (int day = 0; day < d->n; day++) {
		float fading = powf(u->fading, (float)day), root;

		if (isnan(d->loss[day][m]) || !(d->typical[day] > 0))
			continue;
		root = sqrtf(d->typical[day] * d->weight[day]);
		lost += fading * d->loss[day][m] * d->weight[day] / root;
		typical += fading * root;
	}
	return typical > 0 ? lost / typical : NAN;
}

static void weigh_alone(const struct stack *s, const struct tuning *u, float *weight)
{
	struct daily d;
	float best = INFINITY, sum = 0;

	add_losses(s, &d);
	for (int m = 0; m < N_MEMBERS; m++) {
		weight[m] = s->usable[m] ? relative_loss(&d, u, m) : NAN;
		if (weight[m] < best)
			best = weight[m];
	}
	for (int m = 0; m < N_MEMBERS; m++) {
		float worse = best > 0 ? weight[m] / best - 1 : weight[m] > 0 ? 1e9f : 0;

		if (isinf(best)) /* nothing was judged */
			weight[m] = s->usable[m];
		else
			weight[m] = isnan(weight[m]) ? 0 : expf(-u->sharpness * worse);
		sum += weight[m];
	}
	for (int m = 0; m < N_MEMBERS; m++)
		weight[m] /= sum;
}

/* Weighted mean of what was said; false when no member was judged. */
static bool combine(const float *said, const float *weight, float *ret)
{
	float sum = 0, total = 0;

	for (int m = 0; m < N_MEMBERS; m++) {
		bool known = said[m] == said[m];

		sum += known ? weight[m] * said[m] : 0;
		total += known ? weight[m] : 0;
	}
	*ret = sum / total;
	return total > 1e-6f;
}

/* Loss of the weighted mean and its gradient; a member that was not judged at a point is taken to
 * have said what the others did. */
static float gradient(const struct stack *s, const struct tuning *u, const float *weight, float *g)
{
	float lost = 0;

	memset(g, 0, N_MEMBERS * sizeof(*g));
	for (int p = 0; p < s->n; p++)
		for (int k = 0; k < STACK_LEVELS; k++) {
			const float *said = s->said[p][k];
			float w = point_weight(u, &s->point[p]), q, slope;

			if (!combine(said, weight, &q))
				continue;
			lost += w * pinball(s->point[p].actual, q, stack_level[k]);
			slope = w *
				(s->point[p].actual >= q ? -stack_level[k] : 1 - stack_level[k]);
			for (int m = 0; m < N_MEMBERS; m++) {
				float difference = said[m] - q;

				g[m] += difference == difference ? slope * difference : 0;
			}
		}
	return lost;
}

void stack_weigh(const struct stack *s, const struct tuning *u, float *weight)
{
	weigh_alone(s, u, weight);
	for (int round = 0; round < ROUNDS; round++) {
		float g[N_MEMBERS], sum = 0;
		float lost = gradient(s, u, weight, g);

		if (!(lost > 0))
			return;
		for (int m = 0; m < N_MEMBERS; m++) {
			weight[m] *= expf(-u->step * CLAMP(g[m] / lost, -1.0f, 1.0f));
			sum += weight[m];
		}
		for (int m = 0; m < N_MEMBERS; m++)
			weight[m] /= sum;
	}
}
