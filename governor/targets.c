// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/targets.h"

#include "governor/decide.h"

static int64_t whole_pages(int64_t bytes)
{
	return bytes - bytes % LIMIT_PAGE;
}

/* v * part / whole without overflow; 0 <= part <= whole. */
static int64_t scale(int64_t v, int64_t part, int64_t whole)
{
	return whole > 0 ? (int64_t)((__int128)v * part / whole) : 0;
}

static struct pool_plan sane(const struct pool_plan *row, int64_t budget)
{
	return (struct pool_plan){
		.bytes = CLAMP(row->bytes, 0, budget),
		.containers = CLAMP(row->containers, 0, INT32_MAX),
	};
}

/* What the next minute's row asks for beyond this minute's target. */
static int64_t growth(const struct pool_plan *next, const struct pool_plan *target, int64_t budget)
{
	return MAX(sane(next, budget).bytes - target->bytes, 0);
}

static void add_growth(int64_t budget, int64_t room, size_t n, const struct pool_plan *next,
		       struct pool_plan *target)
{
	__int128 wanted = 0;

	for (size_t i = 0; i < n; i++)
		wanted += growth(&next[i], &target[i], budget);
	for (size_t i = 0; i < n; i++) {
		struct pool_plan row = sane(&next[i], budget);
		int64_t more = growth(&next[i], &target[i], budget);
		int64_t got = wanted > room ? (int64_t)((__int128)more * room / wanted) : more;

		if (row.bytes > 0 && row.bytes >= target[i].bytes)
			target[i].containers =
				MAX(target[i].containers,
				    scale(row.containers, target[i].bytes + got, row.bytes));
		target[i].bytes += got;
	}
}

int64_t plan_targets(int64_t budget, double share, size_t n, const struct pool_plan *now,
		     const struct pool_plan *next, struct pool_plan *target)
{
	int64_t cap = CLAMP((int64_t)((double)budget * share), 0, budget);
	__int128 sum = 0;
	int64_t given = 0;

	for (size_t i = 0; i < n; i++)
		sum += sane(&now[i], budget).bytes;
	for (size_t i = 0; i < n; i++) {
		struct pool_plan row = sane(&now[i], budget);

		target[i] = row;
		if (sum > cap) {
			target[i].bytes = (int64_t)((__int128)row.bytes * cap / sum);
			target[i].containers = scale(row.containers, target[i].bytes, row.bytes);
		}
		given += target[i].bytes;
	}
	if (next)
		add_growth(budget, cap - given, n, next, target);
	for (size_t i = 0; i < n; i++)
		target[i].bytes = whole_pages(target[i].bytes);
	return sum > cap ? (int64_t)MIN(sum - cap, (__int128)INT64_MAX) : 0;
}
