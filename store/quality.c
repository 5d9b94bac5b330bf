// SPDX-License-Identifier: GPL-2.0-or-later
#include "store/quality.h"

static const struct {
	unsigned int bit;
	const char *words;
} reasons[] = {
	{ QUALITY_UNWATCHED, "no collector ran for part of it" },
	{ QUALITY_ODD, "a clock that was set or a stall made it longer or shorter" },
	{ QUALITY_JOINED, "connections were open before counting began" },
	{ QUALITY_UNSETTLED, "the kernel could not settle what some bytes were" },
	{ QUALITY_REPLACED, "the programs were replaced with requests under way" },
	{ QUALITY_LOST, "a map was full; raise --max-containers" },
	{ QUALITY_NONE, "requests are not counted" },
};

const char *quality_word(unsigned int quality)
{
	return quality & QUALITY_NONE ? "none" : quality ? "partial" : "exact";
}

const char *quality_reason(unsigned int quality, int i)
{
	for (size_t k = 0; k < ARRAY_SIZE(reasons); k++)
		if (quality & reasons[k].bit && i-- == 0)
			return reasons[k].words;
	return NULL;
}

/* Forecasts are off by more than a twentieth anyway. */
#define TOLERANCE 20
#define SETTLED_IN_PART (QUALITY_JOINED | QUALITY_UNSETTLED)

bool quality_is_usable(unsigned int quality, int64_t invocations, int64_t unsettled)
{
	return !(quality & ~SETTLED_IN_PART) && unsettled <= invocations / TOLERANCE;
}
