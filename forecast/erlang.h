/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many invocations are dropped by n containers that each serve one at a time, when arrivals are
 * random (Poisson) and wait at most the queue TTL.
 *
 * TTL 0 is Erlang's loss formula (B). Above it the queue is M/M/n with deterministic patience: F.
 * Baccelli & G. Hebuterne, "On queues with impatient customers", Performance '81; with offered load
 * a = lambda / mu, theta = n mu - lambda and B(n-1) Erlang's formula for n - 1 servers,
 *
 *   P(drop) = x / (1/B(n-1) + lambda (1 - e^(-theta ttl)) / theta + x),
 *   x = lambda e^(-theta ttl) / (n mu),
 *
 * which holds below and above saturation, and gives B(n) at TTL 0.
 *
 * Warm times that are not exponential: B does not depend on their distribution. Long waits are in
 * proportion to (1 + cv^2) / 2 (the two-moment approximation of M/G/n; Lee & Longton 1959), so a long
 * TTL is worth 2 / (1 + cv^2) times itself under exponential times; a short one is worth itself, since
 * containers become free at the same rate whatever the distribution. In between the factor grows as
 * 1 - e^(-0.75 sqrt(n) ttl / warm), which simulated queues follow within a percentage point of drops
 * (tests/test_erlang.c).
 */
#ifndef FAASMAT_FORECAST_ERLANG_H
#define FAASMAT_FORECAST_ERLANG_H

#include <stdint.h>

#include "common/util.h"

/* A function as a queue. */
struct erlang_queue {
	double warm_s; /* mean service time, seconds; > 0 */
	double ttl_s;  /* longest wait */
	double cv;     /* standard deviation / mean of the service time; 1 when not known */
};

/* The forecast's distribution of the rate: `n` rates, equally or otherwise weighted. */
#define ERLANG_MAX_RATES 16
struct erlang_rates {
	int n;
	double rate[ERLANG_MAX_RATES];	 /* arrivals per second, >= 0 */
	double weight[ERLANG_MAX_RATES]; /* sum to 1 */
};

/* Share of arrivals at one rate that n containers drop; 1 for n <= 0, 0 for rate 0. */
double erlang_drop(const struct erlang_queue *q, double rate, int64_t n);

/* Share of arrivals that the n-th container (n >= 1) serves beyond what n - 1 do, without any wait:
 * B(n - 1) - B(n) at `load` containers busy on average. */
double erlang_gain(double load, int64_t n);

/* Expected drops per second of n containers, averaged over the rates. */
double erlang_drops(const struct erlang_queue *q, const struct erlang_rates *r, int64_t n);

/* Mean arrivals per second. */
double erlang_mean(const struct erlang_rates *r);

/*
 * The least n for which the drops are at most `target` of the arrivals, both averaged over the
 * distribution of the rate. `guess` (any number) is where the search begins: the answer for a minute
 * is near that of the minute before. 0 without arrivals; at most SIZING_MAX_CONTAINERS.
 */
int64_t erlang_size(const struct erlang_queue *q, const struct erlang_rates *r, double target,
		    int64_t guess);

/*
 * Rates from a forecast of counts per minute: `mean` and quantiles q[k] x unit at levels level[k]
 * (ascending, n of them). A count scatters around its rate by chance (variance = mean); that part of
 * the spread is taken out, because the queue's formula has it in itself.
 */
void erlang_rates_from_quantiles(double mean, const double *q, const double *level, int n,
				 double unit, struct erlang_rates *ret);

#endif
