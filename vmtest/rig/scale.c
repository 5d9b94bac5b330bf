// SPDX-License-Identifier: GPL-2.0-or-later
#include "vmtest/rig/scale.h"

#include <math.h>

#include "common/clock.h"
#include "common/util.h"
#include "vmtest/rig/random.h"

#define PAGE_BYTES 4096

int64_t scale_time_ns(const struct scale *s, double model_ms)
{
	return llround(model_ms * NS_PER_MS * ((double)s->minute_ns / (60.0 * NS_PER_S)));
}

int64_t scale_queue_ttl_ns(const struct scale *s, double model_ms)
{
	return MAX(scale_time_ns(s, model_ms), SCALE_MIN_QUEUE_TTL_NS);
}

int64_t scale_memory_bytes(const struct scale *s, double model_mb)
{
	int64_t pages = (int64_t)ceil(model_mb * MIB / s->memory_divisor / PAGE_BYTES);

	return MAX(pages * PAGE_BYTES, SCALE_MIN_MEMORY_BYTES);
}

int64_t scale_count(const struct scale *s, int64_t count, uint64_t seed, const char *function,
		    int64_t day, int64_t minute)
{
	double exact = (double)count / s->count_divisor;
	double whole = floor(exact);
	uint64_t key = random_key(random_key(seed, random_text(function)),
				  (uint64_t)(day * MINUTES_PER_DAY + minute));

	return (int64_t)whole + (random_unit(key) < exact - whole);
}
