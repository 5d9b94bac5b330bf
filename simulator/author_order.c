// SPDX-License-Identifier: GPL-2.0-or-later
#include "simulator/author_order.h"

#include <errno.h>

#include "simulator/arrivals.h"
#include "simulator/timeline.h"

#define SMALL 16

static void swap(uint32_t *a, uint32_t *b)
{
	uint32_t x = *a;

	*a = *b;
	*b = x;
}

static void insertion(const uint32_t *v, uint32_t *left, uint32_t *right)
{
	for (uint32_t *i = left + 1; i <= right; i++) {
		uint32_t x = *i, *j = i;

		while (j > left && v[x] < v[j[-1]]) {
			*j = j[-1];
			j--;
		}
		*j = x;
	}
}

/* Median of three, its value as the pivot, Hoare's partition. Where the pivot ends up. */
static uint32_t *partition(const uint32_t *v, uint32_t *left, uint32_t *right)
{
	uint32_t *middle = left + (right - left) / 2, *i = left, *j = right - 1, pivot;

	if (v[*middle] < v[*left])
		swap(middle, left);
	if (v[*right] < v[*middle])
		swap(right, middle);
	if (v[*middle] < v[*left])
		swap(middle, left);
	pivot = v[*middle];
	swap(middle, j);
	for (;;) {
		do
			i++;
		while (v[*i] < pivot);
		do
			j--;
		while (pivot < v[*j]);
		if (i >= j)
			break;
		swap(i, j);
	}
	swap(i, right - 1);
	return i;
}

/* The depth limit below which numpy turns to heapsort is out of reach for a day's arrivals. */
void author_argsort(const uint32_t *value, uint32_t *index, size_t n)
{
	struct {
		uint32_t *left, *right;
	} stack[128];
	uint32_t *left = index, *right = index + n - 1;
	size_t depth = 0;

	if (n < 2)
		return;
	for (;;) {
		while (right - left >= SMALL) {
			uint32_t *at = partition(value, left, right);

			if (at - left < right - at) {
				stack[depth].left = at + 1;
				stack[depth++].right = right;
				right = at - 1;
			} else {
				stack[depth].left = left;
				stack[depth++].right = at - 1;
				left = at + 1;
			}
		}
		insertion(value, left, right);
		if (!depth)
			return;
		left = stack[--depth].left;
		right = stack[depth].right;
	}
}

void author_order_release(struct author_order *a)
{
	free(a->function);
	free(a->first);
	free(a->ms);
	*a = (struct author_order){ 0 };
}

/* Times and functions of the day, function by function. */
static int lay_out(const struct load *l, uint32_t *time, uint32_t *function)
{
	_cleanup_free_ uint32_t *count = calloc(l->n_minutes, sizeof(*count));
	size_t n = 0;

	if (!count)
		return -ENOMEM;
	for (uint32_t f = 0; f < l->n_functions; f++) {
		load_counts(l, f, count);
		for (size_t m = 0; m < l->n_minutes; m++) {
			uint32_t gap = count[m] ? MINUTE_MS / count[m] : 0;

			for (uint32_t i = 0; i < count[m]; i++, n++) {
				time[n] = m * MINUTE_MS + i * gap;
				function[n] = f;
			}
		}
	}
	return 0;
}

static void arrange(const struct load *l, const uint32_t *time, const uint32_t *function,
		    const uint32_t *index, struct author_order *a)
{
	size_t n = l->total;

	for (size_t i = 0; i < n; i++) {
		a->function[i] = function[index[i]];
		a->ms[i] = time[index[i]] % MINUTE_MS;
		a->first[time[index[i]] / MINUTE_MS + 1] = i + 1;
	}
	for (size_t m = 1; m <= l->n_minutes; m++)
		a->first[m] = MAX(a->first[m], a->first[m - 1]);
}

int author_order_make(const struct load *l, struct author_order *ret)
{
	_cleanup_free_ uint32_t *time = NULL, *function = NULL, *index = NULL;
	size_t n = l->total;
	int r;

	/* Times are kept in 32 bits: 49 days. */
	if (n > UINT32_MAX || l->n_minutes > UINT32_MAX / MINUTE_MS)
		return -E2BIG;
	*ret = (struct author_order){ 0 };
	time = malloc(MAX(n, (size_t)1) * sizeof(*time));
	function = malloc(MAX(n, (size_t)1) * sizeof(*function));
	index = malloc(MAX(n, (size_t)1) * sizeof(*index));
	ret->function = malloc(MAX(n, (size_t)1) * sizeof(*ret->function));
	ret->ms = malloc(MAX(n, (size_t)1) * sizeof(*ret->ms));
	ret->first = calloc(l->n_minutes + 1, sizeof(*ret->first));
	r = time && function && index && ret->function && ret->ms && ret->first ? 0 : -ENOMEM;
	if (r == 0)
		r = lay_out(l, time, function);
	if (r < 0) {
		author_order_release(ret);
		return r;
	}
	for (size_t i = 0; i < n; i++)
		index[i] = i;
	author_argsort(time, index, n);
	arrange(l, time, function, index, ret);
	return 0;
}
