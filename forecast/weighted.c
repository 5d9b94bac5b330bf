// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast/weighted.h"

#include <string.h>

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

#define DIGIT 6 /* bits */
#define DIGITS (1 << DIGIT)

/* One pass of a radix sort by one digit of (key - least) >> shift. */
static void radix_pass(const uint64_t *from, uint64_t *to, int n, uint64_t least, int shift)
{
	uint16_t at[DIGITS] = { 0 };
	uint16_t sum = 0;

	for (int i = 0; i < n; i++)
		at[(from[i] - least) >> shift & (DIGITS - 1)]++;
	for (int b = 0; b < DIGITS; b++) {
		uint16_t here = at[b];

		at[b] = sum;
		sum = (uint16_t)(sum + here);
	}
	for (int i = 0; i < n; i++)
		to[at[(from[i] - least) >> shift & (DIGITS - 1)]++] = from[i];
}

/* This is the model's innermost loop, and comparisons that no branch predictor can guess are what it
 * would wait for. The highest two digits that differ sort by radix; what they leave is nearly in
 * order, which an insertion sort makes exact in one pass. */
static void sort_keys(uint64_t *a, int n)
{
	uint64_t least = UINT64_MAX, most = 0, room[WEIGHTED_MAX_VALUES];
	int bits;

	for (int i = 0; i < n; i++) {
		least = MIN(least, a[i]);
		most = MAX(most, a[i]);
	}
	if (n > 24 && most > least) {
		bits = MAX(64 - __builtin_clzll(most - least), 2 * DIGIT);
		radix_pass(a, room, n, least, bits - 2 * DIGIT);
		radix_pass(room, a, n, least, bits - DIGIT);
	}
	insertion_sort(a, n);
}

static float key_value(uint64_t key)
{
	uint32_t u = (uint32_t)(key >> 8);
	union {
		uint32_t u;
		float f;
	} v = { .u = u >> 31 ? u & 0x7fffffffu : ~u };

	return v.f;
}

/* `sum` holds running sums of the weights after each value. */
static void read_off(const uint64_t *key, const float (*sum)[WEIGHTED_COLUMNS], int n, int column,
		     const float *tau, int n_tau, float *out)
{
	float total = sum[n - 1][column];
	int i = 0;

	for (int k = 0; k < n_tau; k++) {
		float want = tau[k] * total, here, last;
		int hi = n - 1, lo = i;

		while (lo < hi) { /* the first value whose middle reaches `want` */
			int mid = (lo + hi) / 2;
			float before = mid ? sum[mid - 1][column] : 0;

			if ((before + sum[mid][column]) / 2 >= want)
				hi = mid;
			else
				lo = mid + 1;
		}
		i = lo;
		here = ((i ? sum[i - 1][column] : 0) + sum[i][column]) / 2;
		out[k] = key_value(key[i]);
		if (i == 0 || here < want)
			continue;
		last = ((i > 1 ? sum[i - 2][column] : 0) + sum[i - 1][column]) / 2;
		if (here > last) {
			float below = key_value(key[i - 1]);

			out[k] = below + (out[k] - below) * (want - last) / (here - last);
		}
	}
}

void weighted_quantiles(uint64_t *key, int n, const float (*weight)[WEIGHTED_COLUMNS],
			unsigned int wanted, const float *tau, int n_tau, float *out)
{
	float sum[WEIGHTED_MAX_VALUES][WEIGHTED_COLUMNS], running[WEIGHTED_COLUMNS] = { 0 };

	sort_keys(key, n);
	for (int i = 0; i < n; i++) {
		const float *w = weight[key[i] & 0xff];

		for (int c = 0; c < WEIGHTED_COLUMNS; c++)
			sum[i][c] = running[c] += w[c];
	}
	for (int c = 0; c < WEIGHTED_COLUMNS; c++)
		if (wanted & 1u << c)
			read_off(key, sum, n, c, tau, n_tau, &out[c * n_tau]);
}
