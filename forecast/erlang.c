// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast/erlang.h"

#include <math.h>

#include "forecast/sizing.h"

/*
 * 1/B(n) of offered load a, by 1/B(k) = 1 + k/a 1/B(k-1), 1/B(0) = 1. Far below a the value is near
 * its fixed point, a / (a - k) less a small correction, and forgets where it began within some sqrt(a) steps, so that a large
 * load does not have to begin at 0.
 */
static double inverse_b(double a, int64_t n)
{
	double first = floor(a - 14 * sqrt(a) - 10), v = 1;
	int64_t k = 0;

	if (first > 0 && n > 0) {
		k = (int64_t)MIN(first, (double)n);
		v = a / (a - (double)k);
		v -= (double)k * a / pow(a - (double)k, 3);
	}
	while (k < n) {
		k++;
		v = 1 + (double)k / a * v;
		if (v > 1e200)
			return v;
	}
	return v;
}

/* The TTL that exponential warm times would need for the same effect. */
static double worth_of_ttl(const struct erlang_queue *q, int64_t n)
{
	double longest = 2 / (1 + q->cv * q->cv);
	double near = 1 - exp(-0.75 * sqrt((double)n) * q->ttl_s / q->warm_s);

	return q->ttl_s * (1 + (longest - 1) * near);
}

double erlang_drop(const struct erlang_queue *q, double rate, int64_t n)
{
	double mu = 1 / q->warm_s, theta = (double)n * mu - rate, ttl, x, middle, inverse;

	if (rate <= 0)
		return 0;
	if (n <= 0)
		return 1;
	ttl = worth_of_ttl(q, n);
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

double erlang_gain(double load, int64_t n)
{
	double before = inverse_b(load, n - 1), after = 1 + (double)n / load * before;

	return 1 / before - 1 / after;
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
		    int64_t guess)
{
	double most = target * erlang_mean(r);
	int64_t lo = 0, hi, step = 1;

	if (erlang_mean(r) <= 0)
		return 0;
	/* Gallop from the guess to an interval (lo: too few, hi: enough), then halve it. */
	hi = CLAMP(guess, 1, SIZING_MAX_CONTAINERS);
	if (erlang_drops(q, r, hi) > most) {
		while (hi < SIZING_MAX_CONTAINERS && erlang_drops(q, r, hi) > most) {
			lo = hi;
			hi = MIN(hi + step, SIZING_MAX_CONTAINERS);
			step *= 2;
		}
	} else {
		for (lo = hi - step; lo > 0 && erlang_drops(q, r, lo) <= most; lo = hi - step) {
			hi = lo;
			step *= 2;
		}
		lo = MAX(lo, 0);
	}
	while (hi - lo > 1) {
		int64_t mid = lo + (hi - lo) / 2;

		if (erlang_drops(q, r, mid) > most)
			lo = mid;
		else
			hi = mid;
	}
	return hi;
}

/* The quantile function: straight between the given points and beyond them, never negative. */
static double quantile_at(const double *q, const double *level, int n, double tau)
{
	int k = 0;

	if (n == 1)
		return q[0];
	while (k + 2 < n && tau > level[k + 1])
		k++;
	return MAX(q[k] + (q[k + 1] - q[k]) * (tau - level[k]) / (level[k + 1] - level[k]), 0);
}

void erlang_rates_from_quantiles(double mean, const double *q, const double *level, int n,
				 double unit, struct erlang_rates *ret)
{
	static const double edge[] = { 0,   0.1, 0.2, 0.3,  0.4,  0.5,	 0.6,
				       0.7, 0.8, 0.9, 0.95, 0.98, 0.995, 1 };
	double sum = 0, square = 0, keep;

	ret->n = ARRAY_SIZE(edge) - 1;
	for (int i = 0; i < ret->n; i++) {
		double v = unit * quantile_at(q, level, n, (edge[i] + edge[i + 1]) / 2);

		ret->weight[i] = edge[i + 1] - edge[i];
		ret->rate[i] = v;
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
