// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast/harmonic.h"

#include <complex.h>
#include <fftw3.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#define BINS (HARMONIC_POINTS / 2 + 1)
/* Differences are sampled this often a day, at other slots on the next. */
#define SAMPLES 32
#define LEAST 0.05f /* of the mean */

static fftwf_plan to_spectrum, to_profile;

/* FFTW's planner alone is not thread-safe. Estimated plans do not depend on measured times, so that
 * every run adds in the same order. */
static void make_plans(void)
{
	float x[HARMONIC_POINTS];
	fftwf_complex z[BINS];

	to_spectrum = fftwf_plan_dft_r2c_1d(HARMONIC_POINTS, x, z, FFTW_ESTIMATE | FFTW_UNALIGNED);
	to_profile = fftwf_plan_dft_c2r_1d(HARMONIC_POINTS, z, x, FFTW_ESTIMATE | FFTW_UNALIGNED);
}

static float point_mean(const struct days *d, int day, int point)
{
	int first = point * d->n_day / HARMONIC_POINTS;
	int last = MAX((point + 1) * d->n_day / HARMONIC_POINTS, first + 1);

	return days_mean(d, day, first, last);
}

/* The day's points; where nothing is known, the mean of the others. */
static void day_points(const struct days *d, int day, float *x)
{
	float sum = 0;
	int known = 0;

	for (int p = 0; p < HARMONIC_POINTS; p++) {
		x[p] = point_mean(d, day, p);
		if (!isnan(x[p])) {
			sum += x[p];
			known++;
		}
	}
	for (int p = 0; p < HARMONIC_POINTS; p++)
		if (isnan(x[p]))
			x[p] = known ? sum / (float)known : d->mean;
}

void spectra_init(struct spectra *s, const struct days *d)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_plans);
	for (int day = 0; day < d->n; day++) {
		float x[HARMONIC_POINTS];
		fftwf_complex z[BINS];

		day_points(d, day, x);
		fftwf_execute_dft_r2c(to_spectrum, x, z);
		for (int k = 0; k <= HARMONIC_ORDER; k++) {
			s->re[day][k] = crealf(z[k]) / HARMONIC_POINTS;
			s->im[day][k] = cimagf(z[k]) / HARMONIC_POINTS;
		}
	}
}

static int sample_slot(const struct days *d, int day, int k)
{
	return (int)(((float)k + (float)(day % 5) / 5) * (float)d->n_day / SAMPLES);
}

static void make_profile(const struct days *d, const struct spectra *s, const struct target *t,
			 int order, int level, int weighting, float *profile)
{
	fftwf_complex z[BINS] = { 0 };
	float total = 0;

	for (int day = MAX(t->day + 1, 0); day < d->n; day++) {
		float weight = t->weight[day][weighting], w = weight * t->scale[level][day];

		total += weight;
		for (int k = 0; k <= order; k++)
			z[k] += w * (s->re[day][k] + I * s->im[day][k]);
	}
	for (int k = 0; k <= order; k++)
		z[k] /= total;
	fftwf_execute_dft_c2r(to_profile, z, profile);
}

static float profile_at(const float *profile, const struct days *d, int i)
{
	float at = ((float)i + 0.5f) * HARMONIC_POINTS / (float)d->n_day + HARMONIC_POINTS - 0.5f;
	int whole = (int)at, lo = whole % HARMONIC_POINTS, hi = (lo + 1) % HARMONIC_POINTS;

	return profile[lo] + (at - (float)whole) * (profile[hi] - profile[lo]);
}

/* Counts scatter by the square root of their rate, levels in proportion to it; loads do both: the
 * power 3/4. */
static float scatter(const struct harmonic *h, float profile)
{
	float v = MAX(profile, h->least);

	return sqrtf(v * sqrtf(v));
}

static bool find_differences(struct harmonic *h, const struct days *d, const struct target *t,
			     int level, int weighting, const float *tau)
{
	uint64_t key[WEIGHTED_MAX_VALUES];
	float q[WEIGHTED_COLUMNS * HARMONIC_MAX_LEVELS];
	int n = 0;

	for (int k = 0; k < SAMPLES; k++)
		for (int day = MAX(t->day + 1, 0); day < d->n; day++) {
			int i = sample_slot(d, day, k);
			float v = days_at(d, day, i), p;

			if (isnan(v))
				continue;
			p = profile_at(h->profile[weighting], d, i);
			key[n++] = weighted_key((v * t->scale[level][day] - p) / scatter(h, p),
						day);
		}
	if (n == 0)
		return false;
	weighted_quantiles(key, n, t->weight, 1u << weighting, tau, h->n_tau, q);
	memcpy(h->difference[weighting], &q[weighting * h->n_tau], (size_t)h->n_tau * sizeof(*q));
	return true;
}

bool harmonic_init(struct harmonic *h, const struct days *d, const struct spectra *s,
		   const struct target *t, int order, int level, unsigned int wanted,
		   const float *tau, int n)
{
	h->n_tau = n;
	h->least = LEAST * d->mean;
	if (!(d->mean > 0) || t->day + 1 >= d->n)
		return false;
	for (int w = 0; w < N_WEIGHTINGS; w++)
		if (wanted & 1u << w) {
			make_profile(d, s, t, order, level, w, h->profile[w]);
			if (!find_differences(h, d, t, level, w, tau))
				return false;
		}
	return true;
}

void harmonic_read(const struct harmonic *h, const struct days *d, int i, unsigned int wanted,
		   float *out)
{
	for (int w = 0; w < N_WEIGHTINGS; w++) {
		float p, s;

		if (!(wanted & 1u << w))
			continue;
		p = profile_at(h->profile[w], d, i);
		s = scatter(h, p);
		for (int k = 0; k < h->n_tau; k++)
			out[w * h->n_tau + k] = MAX(p + h->difference[w][k] * s, 0.0f);
	}
}
