// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast/members.h"

#include <math.h>
#include <string.h>

/* Reach, the distance of the values that are taken within it, and of the slots that are read. */
static const struct {
	int reach, stride, spacing;
} reaches[N_REACHES] = { { 0, 1, 1 }, { 3, 1, 3 }, { 40, 8, 12 }, { 120, 20, 30 } };

#define MAX_VALUES (DAYS_MAX * 64)

/* The day a whole number of weeks before the target; -1 when there is none in the history. */
static int same_weekday(const struct days *d, int day)
{
	int same = day + 7;

	while (same < 0)
		same += 7;
	return same < d->n ? same : -1;
}

bool target_has_weekday(const struct days *d, int day)
{
	return same_weekday(d, day) >= 0;
}

bool weighting_needs_weekday(int weighting)
{
	return weighting <= WEIGH_LIKE_WEEKDAY;
}

static void weigh_day(struct target *t, const struct days *d, const struct tuning *u, int day)
{
	int same = same_weekday(d, t->day), lag = day - t->day;
	bool weekday = lag % 7 == 0;
	/* The day before the target is known only for the first day ahead. */
	bool after = t->day >= -1 && day + 1 < d->n && t->day + 1 < d->n;
	float within = u->alike + u->alike_typical * d->typical;
	float like = same >= 0 ? expf(-d->distance[day][same] / within) : 0;
	float alike = after ? expf(-d->distance[day + 1][t->day + 1] / within) : 0;
	float *w = t->weight[day];

	w[WEIGH_WEEKDAY] = weekday ? 1 : u->other;
	w[WEIGH_MOSTLY_WEEKDAY] = weekday ? 1 : u->some_other;
	w[WEIGH_LIKE_WEEKDAY] = same >= 0 ? like + u->stranger : powf(0.8f, (float)lag);
	w[WEIGH_AFTER_ALIKE] = alike + u->stranger;
	w[WEIGH_ALL] = powf(u->ageing, (float)lag);
	w[WEIGH_BOTH] = like + alike / 2 + u->stranger;
}

/* now / then, kept from running away on a few invocations, to the power `p`. */
static float level_ratio(const struct days *d, float now, float then, float p)
{
	float little = 0.05f * d->mean, ratio;

	if (isnan(now) || isnan(then) || !(then + little > 0) || !(now + little > 0))
		return 1;
	ratio = (now + little) / (then + little);
	return powf(CLAMP(ratio, 0.2f, 5.0f), p);
}

void target_init(struct target *t, const struct days *d, const struct tuning *u, int day)
{
	const float *now = d->recent[MAX(day, -1) + 1];

	memset(t, 0, sizeof(*t));
	t->day = day;
	for (int k = MAX(day + 1, 0); k < d->n; k++) {
		const float *then = d->recent[k + 1];

		weigh_day(t, d, u, k);
		t->scale[0][k] = 1;
		t->scale[1][k] = level_ratio(d, now[RECENT_SHORT], then[RECENT_SHORT],
					     u->short_power);
		t->scale[2][k] = level_ratio(d, now[RECENT_LONG], then[RECENT_LONG], u->long_power);
	}
}

static int in_steps(const struct days *d, int minutes)
{
	return (minutes * d->n_day + MINUTES_PER_DAY / 2) / MINUTES_PER_DAY;
}

int pool_spacing(const struct days *d, int reach)
{
	return MAX(in_steps(d, reaches[reach].spacing), 1);
}

/* Values of a pool as integers that sort as the values do (an IEEE float >= 0 orders by its bits),
 * with the day in the low byte. */
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

		for (int at = first; at <= last; at += stride) {
			union {
				float f;
				uint32_t u;
			} v;

			if (at < 0 || isnan(d->x[at]))
				continue;
			v.f = d->x[at] * scale;
			key[n++] = (uint64_t)v.u << 8 | (uint64_t)day;
		}
	}
	return n;
}

static void insertion_sort(uint64_t *a, int n)
{
	for (int i = 1; i < n; i++) {
		uint64_t keep = a[i];
		int j = i;

		for (; j > 0 && a[j - 1] > keep; j--)
			a[j] = a[j - 1];
		a[j] = keep;
	}
}

/* One pass of a radix sort by 8 bits of (key - least) >> shift. */
static void radix_pass(const uint64_t *from, uint64_t *to, int n, uint64_t least, int shift)
{
	uint16_t at[256] = { 0 };
	uint16_t sum = 0;

	for (int i = 0; i < n; i++)
		at[(from[i] - least) >> shift & 0xff]++;
	for (int b = 0; b < 256; b++) {
		uint16_t here = at[b];

		at[b] = sum;
		sum = (uint16_t)(sum + here);
	}
	for (int i = 0; i < n; i++)
		to[at[(from[i] - least) >> shift & 0xff]++] = from[i];
}

/* This is the model's innermost loop, and comparisons that no branch predictor can guess are what it
 * would wait for. The highest 16 bits that differ sort by radix; what they leave is nearly in order,
 * which an insertion sort makes exact in one pass. */
static void sort_keys(uint64_t *a, int n)
{
	uint64_t least = UINT64_MAX, most = 0, room[MAX_VALUES];
	int bits;

	for (int i = 0; i < n; i++) {
		least = MIN(least, a[i]);
		most = MAX(most, a[i]);
	}
	if (n > 24 && most > least) {
		bits = MAX(64 - __builtin_clzll(most - least), 16);
		radix_pass(a, room, n, least, bits - 16);
		radix_pass(room, a, n, least, bits - 8);
	}
	insertion_sort(a, n);
}

static float key_value(uint64_t key)
{
	union {
		uint32_t u;
		float f;
	} v = { .u = (uint32_t)(key >> 8) };

	return v.f;
}

/* Quantiles where a value stands at the middle of its weight, linear in between (Hazen's rule with
 * weights). `sum` holds running sums of all weightings after each value. */
static void read_off(const uint64_t *key, const float (*sum)[8], int n, int weighting,
		     const float *tau, int n_tau, float *out)
{
	float total = sum[n - 1][weighting];
	int i = 0;

	for (int k = 0; k < n_tau; k++) {
		float want = tau[k] * total, here, last;
		int hi = n - 1, lo = i;

		while (lo < hi) { /* the first value whose middle reaches `want` */
			int mid = (lo + hi) / 2;
			float before = mid ? sum[mid - 1][weighting] : 0;

			if ((before + sum[mid][weighting]) / 2 >= want)
				hi = mid;
			else
				lo = mid + 1;
		}
		i = lo;
		here = ((i ? sum[i - 1][weighting] : 0) + sum[i][weighting]) / 2;
		out[k] = key_value(key[i]);
		if (i == 0 || here < want)
			continue;
		last = ((i > 1 ? sum[i - 2][weighting] : 0) + sum[i - 1][weighting]) / 2;
		if (here > last) {
			float below = key_value(key[i - 1]);

			out[k] = below + (out[k] - below) * (want - last) / (here - last);
		}
	}
}

bool pool_read(const struct days *d, const struct target *t, int reach, int level, int i,
	       unsigned int wanted, const float *tau, int n, float *out)
{
	uint64_t key[MAX_VALUES];
	float sum[MAX_VALUES][8], running[8] = { 0 };
	int values = gather(d, t, reach, level, i, key);

	if (values == 0)
		return false;
	sort_keys(key, values);
	for (int k = 0; k < values; k++) {
		const float *w = t->weight[key[k] & 0xff];

		for (int c = 0; c < 8; c++)
			sum[k][c] = running[c] += w[c];
	}
	for (int w = 0; w < N_WEIGHTINGS; w++)
		if (wanted & 1u << w)
			read_off(key, sum, values, w, tau, n, &out[w * n]);
	return true;
}
