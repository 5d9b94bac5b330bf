/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Weights of members from a backtest. First by how well each did alone, then by how well the
 * weighted mean does: exponentiated gradient (Kivinen & Warmuth 1997) on the pinball loss, which keeps
 * weights positive and summing to one and moves little on little evidence; some rounds for all quantile
 * levels together, then a few for each, since who knows the median need not know the tail.
 */
#ifndef FAASMAT_FORECAST_STACK_H
#define FAASMAT_FORECAST_STACK_H

#include "forecast/members.h"

/* The quantiles that are judged. */
#define STACK_LEVELS 4
extern const float stack_level[STACK_LEVELS]; /* 0.5, 0.9, 0.95, 0.99 */

#define STACK_MAX_POINTS 256

/* One step of the past with what happened and what every member said. */
struct stack_point {
	int day;
	float weight; /* how many steps it stands for */
	float actual;
};

struct stack {
	int n; /* points */
	struct stack_point point[STACK_MAX_POINTS];
	/* [point][level][member]; NAN: the member could not be judged there */
	float (*said)[STACK_LEVELS][N_MEMBERS];
	bool usable[N_MEMBERS]; /* for the forecast */
	bool always[N_MEMBERS]; /* on every day, also without a week before it */
};

/* Loss of quantile q at level tau. */
static inline float pinball(float actual, float q, float tau)
{
	return actual >= q ? tau * (actual - q) : (1 - tau) * (q - actual);
}

/* For each level, weights >= 0 that sum to 1, for the mean of the members' roots. Equal weights without
 * points. Leaves s->said as roots. */
void stack_weigh(struct stack *s, const struct tuning *u, float weight[][N_MEMBERS]);

/*
 * How far whole days were from their forecast: root mean square over the judged days, the farther
 * counting less, of (sum of values - sum forecast) / (mean of the sum forecast and a typical day's),
 * where the forecast is the mean of q0.5 and q0.9. After stack_weigh().
 */
float stack_surprise(const struct stack *s, const struct tuning *u,
		     const float weight[][N_MEMBERS]);

#endif
