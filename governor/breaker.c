// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/breaker.h"

/* A plan for a machine ten times this one is meant for another, or is none. */
#define ABSURD_TIMES 10

bool breaker_plan(struct breaker *b, const char *fault)
{
	b->absurd = fault ? b->absurd + 1 : 0;
	if (b->open || b->absurd < ABSURD_PLANS_MAX)
		return false;
	b->open = true;
	return true;
}

bool breaker_writes(struct breaker *b, size_t done, size_t failed)
{
	if (done > 0)
		b->failed = 0;
	else if (failed > 0)
		b->failed++;
	if (b->open || b->failed < FAILED_ROUNDS_MAX)
		return false;
	b->open = true;
	return true;
}

const char *breaker_says(const struct breaker *b)
{
	return b->absurd >= ABSURD_PLANS_MAX ? "three absurd plans in a row"
					     : "five rounds in a row in which every write failed";
}

const char *plan_fault(const struct pool_plan *rows, size_t n, int64_t budget)
{
	__int128 sum = 0;

	for (size_t i = 0; i < n; i++) {
		if (rows[i].bytes < 0)
			return "a pool has less than 0 bytes";
		if (rows[i].containers < 0)
			return "a pool has less than 0 containers";
		sum += rows[i].bytes;
	}
	return sum > (__int128)budget * ABSURD_TIMES
		       ? "its pools have more than ten times the node's budget"
		       : NULL;
}
