// SPDX-License-Identifier: GPL-2.0-or-later
#include "simulator/hot.h"

#include <errno.h>
#include <math.h>

struct hot {
	uint32_t function;
	double score;
};

/* Calls in the last known day and how many minutes of it are known. */
static double last_day(const struct load *l, uint32_t function, double *ret_minutes)
{
	const struct load_function *f = &l->function[function];
	double calls = 0, minutes = 0;

	if (!f->past) {
		*ret_minutes = MINUTES_PER_DAY;
		return f->calls;
	}
	for (size_t i = f->past_minutes - MIN(f->past_minutes, (size_t)MINUTES_PER_DAY);
	     i < f->past_minutes; i++)
		if (!isnan(f->past[i])) {
			calls += f->past[i];
			minutes++;
		}
	*ret_minutes = minutes;
	return calls;
}

double mean_calls(const struct load *l, uint32_t function)
{
	double minutes, calls = last_day(l, function, &minutes);

	return minutes > 0 ? calls / minutes : 0;
}

static int compare(const void *pa, const void *pb)
{
	const struct hot *a = pa, *b = pb;

	if (a->score != b->score)
		return a->score < b->score ? 1 : -1;
	return (a->function > b->function) - (a->function < b->function);
}

int locate_hot(const struct load *l, const struct locator_options *o, uint32_t **ret_function,
	       size_t *ret_n)
{
	_cleanup_free_ struct hot *hot = calloc(MAX(l->n_functions, (size_t)1), sizeof(*hot));
	uint32_t *function;
	size_t n = 0;

	if (!hot)
		return -ENOMEM;
	for (size_t i = 0; i < l->n_functions; i++) {
		const struct load_function *f = &l->function[i];
		struct locator_input in = { .memory_bytes = f->memory, .warm_us = f->warm * 1000 };
		struct locator_result verdict;

		if (f->rare)
			continue;
		in.calls = last_day(l, i, &in.minutes);
		verdict = locator_judge(&in, o);
		if (verdict.hot)
			hot[n++] = (struct hot){ i, verdict.score };
	}
	qsort(hot, n, sizeof(*hot), compare);
	function = malloc(MAX(n, (size_t)1) * sizeof(*function));
	if (!function)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		function[i] = hot[i].function;
	*ret_function = function;
	*ret_n = n;
	return 0;
}
