// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast/erlang.h"

#include <math.h>

#include "forecast/sizing.h"

/*
 * 1/B(n) of offered load a, by 1/B(k) = 1 + k/a 1/B(k-1), 1/B(0) = 1. Far below a the value is near
 * its fixed point a / (a - k) and forgets where it began within some sqrt(a) steps, so that a large
 * load does not have to begin at 0.
 */
static double inverse_b(double a, int64_t n)
{
	double first = floor(a - 14 * sqrt(a) - 10), v = 1;
	int64_t k = 0;

	if (first > 0 && n > 0) {
		k = (int64_t)MIN(first, (double)n);
		v = a / (a - (double)k);
	}
	while (k < n) {
		k++;
		v = 1 + (double)k / a * v;
		if (v > 1e200)
			return v;
	}
	return v;
}

/* (1 - e^(-theta t)) / theta, times lambda e^(theta t) when theta < 0, see below. */
double erlang_drop(const struct erlang_queue *q, double rate, int64_t n)
{
	double mu = 1 / q->warm_s, ttl = q->ttl_s / ((1 + q->cv * q->cv) / 2);
	double theta = (double)n * mu - rate, x, middle, inverse;

	if (rate <= 0)
		return 0;
	if (n <= 0)
		return 1;
	inverse = inverse_b(rate / mu, n - 1);
	x = rate / ((double)n * mu);
	if (fabs(theta) * ttl < 1e-9)
		return x / (inverse + rate * ttl + x);
	if (theta > 0) {
		x *= exp(-theta * ttl);
		middle = -rate * expm1(-theta * ttl) / theta;
		return x / (inverse + middle + x);
	}
	/* Above saturation e^(-theta ttl) may overflow: everything is divided by it. */
	middle = rate * expm1(theta * ttl) / theta;
	return x / (inverse * exp(theta * ttl) + middle + x);
}

double erlang_mean(const struct erlang_rates *r)
{
	double mean = 0;

	for (int i = 0; i < r->n; i++)
		mean += r->weight[i] * r->rate[i];
	return mean;
}

double erlang_drops(const struct erlang_queue *q, const struct erlang_rates *r, int64_t n)
{
	double drops = 0;

	for (int i = 0; i < r->n; i++)
		drops += r->weight[i] * r->rate[i] * erlang_drop(q, r->rate[i], n);
	return drops;
}

int64_t erlang_size(const struct erlang_queue *q, const struct erlang_rates *r, double target,
		    double busy)
{
	int64_t other = (int64_t)ceil(MIN(busy, SIZING_MAX_CONTAINERS) - 1e-9), lo = 0, hi = 1;
	double most = target * erlang_mean(r);

	if (erlang_mean(r) <= 0)
		return other;
	while (hi < SIZING_MAX_CONTAINERS && erlang_drops(q, r, hi) > most) {
		lo = hi;
		hi *= 2;
	}
	while (hi - lo > 1) {
		int64_t mid = lo + (hi - lo) / 2;

		if (erlang_drops(q, r, mid) > most)
			lo = mid;
		else
			hi = mid;
	}
	return MIN(hi + other, SIZING_MAX_CONTAINERS);
}

/* The quantile function through (0, a little below the first), the given points and (1, a little
 * above the last), at the middle of each of `n` equal shares; the topmost share is cut finer. */
static double quantile_at(const double *q, const double *level, int n, double tau)
{
	int k = 0;

	if (tau <= level[0])
		return q[0] *
		       MAX(0, 1 - (n > 1 && q[0] > 0 ? (q[1] - q[0]) / q[0] * (level[0] - tau) /
							       (level[1] - level[0])
						     : 0));
	while (k + 2 < n && tau > level[k + 1])
		k++;
	if (n == 1)
		return q[0];
	return q[k] + (q[k + 1] - q[k]) * MIN((tau - level[k]) / (level[k + 1] - level[k]), 1.5);
}

void erlang_rates_from_quantiles(double mean, const double *q, const double *level, int n,
				 struct erlang_rates *ret)
{
	static const double edge[] = { 0,   0.1, 0.2, 0.3,  0.4,  0.5,	 0.6,
				       0.7, 0.8, 0.9, 0.95, 0.98, 0.995, 1 };
	double sum = 0, square = 0, keep;

	ret->n = ARRAY_SIZE(edge) - 1;
	for (int i = 0; i < ret->n; i++) {
		double v = quantile_at(q, level, n, (edge[i] + edge[i + 1]) / 2);

		ret->weight[i] = edge[i + 1] - edge[i];
		ret->rate[i] = MAX(v, 0);
		sum += ret->weight[i] * ret->rate[i];
	}
	for (int i = 0; i < ret->n; i++)
		square += ret->weight[i] * (ret->rate[i] - sum) * (ret->rate[i] - sum);
	keep = square > 0 ? sqrt(MAX(0, 1 - sum / square)) : 0;
	for (int i = 0; i < ret->n; i++) {
		/* Around the model's own mean, per second. */
		double v = mean + (ret->rate[i] - sum) * keep;

		ret->rate[i] = MAX(v, 0) / 60;
	}
}
