// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmtest/rig/arrivals.h"

#include <errno.h>
#include <stdlib.h>

#include "common/util.h"
#include "vmtest/rig/random.h"

static int by_offset(const void *a, const void *b)
{
	const struct arrival *x = a, *y = b;

	if (x->offset_ns != y->offset_ns)
		return x->offset_ns < y->offset_ns ? -1 : 1;
	return x->function - y->function;
}

static int64_t offset_of(enum arrival_law law, uint64_t key, int64_t i, int64_t count,
			 int64_t minute_ns)
{
	double at = law == ARRIVALS_POISSON ? random_unit(random_key(key, i + 1))
					    : (i + random_unit(key)) / count;

	return MIN((int64_t)(at * minute_ns), minute_ns - 1);
}

int arrivals_of_minute(enum arrival_law law, uint64_t seed, int64_t minute, int64_t minute_ns,
		       int n, const char *const *name, const int64_t *count, struct arrival **ret,
		       int64_t *ret_n)
{
	struct arrival *list;
	int64_t total = 0;

	for (int f = 0; f < n; f++)
		total += count[f];
	list = malloc(MAX(total, 1) * sizeof(*list));
	if (!list)
		return -ENOMEM;
	total = 0;
	for (int f = 0; f < n; f++) {
		/* Another stream than that of scale_count(), which has the same three keys. */
		uint64_t key = random_key(
			random_key(random_key(seed, random_text("arrivals")), random_text(name[f])),
			minute);

		for (int64_t i = 0; i < count[f]; i++)
			list[total++] = (struct arrival){
				.offset_ns = offset_of(law, key, i, count[f], minute_ns),
				.function = f,
			};
	}
	qsort(list, total, sizeof(*list), by_offset);
	*ret = list;
	*ret_n = total;
	return 0;
}
