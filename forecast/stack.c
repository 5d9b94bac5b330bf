// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast/stack.h"

#include <math.h>
#include <string.h>

const float stack_level[STACK_LEVELS] = { 0.5f, 0.9f, 0.95f, 0.99f };

#define ROUNDS 4
#define STEP_EACH 0.33f /* of the first rounds' step: one level has less evidence */
#define ALL_LEVELS ((1u << STACK_LEVELS) - 1)

/* Losses by day, and the day's mean over the members that are judged on every day: what the day was
 * worth. */
struct daily {
	float loss[DAYS_MAX][N_MEMBERS]; /* NAN: not judged */
	float typical[DAYS_MAX];
	/* What a loss on that day counts: less the farther back, and days that nobody could foresee by
	 * the square root only. */
	float worth[DAYS_MAX];
	int n;
};

static void add_losses(const struct stack *s, const struct tuning *u, struct daily *d)
{
	memset(d, 0, sizeof(*d));
	for (int p = 0; p < s->n; p++) {
		const struct stack_point *point = &s->point[p];
		float *loss = d->loss[point->day];

		d->n = MAX(d->n, point->day + 1);
		for (int k = 0; k < STACK_LEVELS; k++)
			for (int m = 0; m < N_MEMBERS; m++)
				loss[m] += point->weight *
					   pinball(point->actual, s->said[p][k][m], stack_level[k]);
	}
	for (int day = 0; day < d->n; day++) {
		int judged = 0;

		for (int m = 0; m < N_MEMBERS; m++)
			if (s->always[m] && !isnan(d->loss[day][m])) {
				d->typical[day] += d->loss[day][m];
				judged++;
			}
		if (judged)
			d->typical[day] /= (float)judged;
		if (d->typical[day] > 0)
			d->worth[day] = powf(u->fading, (float)day) / sqrtf(d->typical[day]);
	}
}

/* Loss relative to the typical one. */
static float relative_loss(const struct daily *d, int m)
{
	float lost = 0, typical = 0;

	for (int day = 0; day < d->n; day++)
		if (!isnan(d->loss[day][m])) {
			lost += d->worth[day] * d->loss[day][m];
			typical += d->worth[day] * d->typical[day];
		}
	return typical > 0 ? lost / typical : NAN;
}

static void weigh_alone(const struct stack *s, const struct tuning *u, const struct daily *d,
			float *weight)
{
	float best = INFINITY, sum = 0;

	for (int m = 0; m < N_MEMBERS; m++) {
		weight[m] = s->usable[m] ? relative_loss(d, m) : NAN;
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

/* Weighted mean of the roots of what was said; false when no member was judged. */
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

/* Members are averaged as roots: one that expects a hundredfold of what the others do moves the mean
 * by a part of that, and counts scatter alike at all heights on that scale. */
static void take_roots(struct stack *s)
{
	for (int p = 0; p < s->n; p++)
		for (int k = 0; k < STACK_LEVELS; k++)
			for (int m = 0; m < N_MEMBERS; m++)
				s->said[p][k][m] = sqrtf(s->said[p][k][m]);
}

/* Loss of the mean and its gradient; a member that was not judged at a point is taken to
 * have said what the others did. */
static float gradient(const struct stack *s, const struct daily *d, unsigned int levels,
		      const float *weight, float *g)
{
	float lost = 0;

	memset(g, 0, N_MEMBERS * sizeof(*g));
	for (int p = 0; p < s->n; p++)
		for (int k = 0; k < STACK_LEVELS; k++) {
			const float *said = s->said[p][k];
			float w = s->point[p].weight * d->worth[s->point[p].day], root, q, slope;

			if (!(levels & 1u << k) || !combine(said, weight, &root))
				continue;
			q = root * root;
			lost += w * pinball(s->point[p].actual, q, stack_level[k]);
			slope = 2 * root * w *
				(s->point[p].actual >= q ? -stack_level[k] : 1 - stack_level[k]);
			for (int m = 0; m < N_MEMBERS; m++) {
				float difference = said[m] - root;

				g[m] += difference == difference ? slope * difference : 0;
			}
		}
	return lost;
}

static void descend(const struct stack *s, const struct daily *d, unsigned int levels, int rounds,
		    float step, float *weight)
{
	for (int round = 0; round < rounds; round++) {
		float g[N_MEMBERS], sum = 0;
		float lost = gradient(s, d, levels, weight, g);

		if (!(lost > 0))
			return;
		for (int m = 0; m < N_MEMBERS; m++) {
			weight[m] *= expf(-step * CLAMP(g[m] / lost, -1.0f, 1.0f));
			sum += weight[m];
		}
		for (int m = 0; m < N_MEMBERS; m++)
			weight[m] /= sum;
	}
}

void stack_weigh(struct stack *s, const struct tuning *u, float weight[][N_MEMBERS])
{
	struct daily d;

	add_losses(s, u, &d);
	weigh_alone(s, u, &d, weight[0]);
	take_roots(s);
	descend(s, &d, ALL_LEVELS, ROUNDS, u->step, weight[0]);
	for (int k = 1; k < STACK_LEVELS; k++)
		memcpy(weight[k], weight[0], sizeof(weight[0]));
	for (int k = 0; k < STACK_LEVELS; k++)
		descend(s, &d, 1u << k, ROUNDS, STEP_EACH * u->step, weight[k]);
}

float stack_surprise(const struct stack *s, const struct tuning *u, const float weight[][N_MEMBERS])
{
	float came[DAYS_MAX] = { 0 }, expected[DAYS_MAX] = { 0 }, typical = 0;
	float square = 0, total = 0;
	int days = 0;

	for (int p = 0; p < s->n; p++) {
		const struct stack_point *point = &s->point[p];
		float median, high;

		if (!combine(s->said[p][0], weight[0], &median) ||
		    !combine(s->said[p][1], weight[1], &high))
			continue;
		came[point->day] += point->weight * point->actual;
		expected[point->day] += point->weight * (median * median + high * high) / 2;
		days = MAX(days, point->day + 1);
	}
	for (int day = 0; day < days; day++)
		typical += expected[day] / (float)days;
	for (int day = 0; day < days; day++) {
		float scale = (expected[day] + typical) / 2, fading = powf(u->fading, (float)day);
		float off = scale > 0 ? (came[day] - expected[day]) / scale : 0;

		square += fading * off * off;
		total += fading;
	}
	return total > 0 ? sqrtf(square / total) : 0;
}
