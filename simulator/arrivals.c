// SPDX-License-Identifier: GPL-2.0-or-later
#include "simulator/arrivals.h"

#include <errno.h>
#include <string.h>

#include "simulator/timeline.h"

int arrivals_parse(const char *name, enum arrivals *ret)
{
	static const char *const names[] = { "thesis", "uniform", "poisson", "trace" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0) {
			*ret = i;
			return 0;
		}
	return -EINVAL;
}

/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static uint64_t stream(uint64_t seed, uint32_t function, size_t minute)
{
	uint64_t s = seed;

	s = next_random(&s) ^ function;
	s = next_random(&s) ^ minute;
	return next_random(&s);
}

/* Two passes of a byte each (least significant first), as arrivals_sort(). */
static void sort_ms(uint16_t *ms, uint16_t *scratch, uint32_t n)
{
	uint32_t low[256] = { 0 }, high[256] = { 0 }, a = 0, b = 0;

	for (uint32_t i = 0; i < n; i++) {
		low[ms[i] & 255]++;
		high[ms[i] >> 8]++;
	}
	for (int i = 0; i < 256; i++) {
		uint32_t l = low[i], h = high[i];

		low[i] = a;
		high[i] = b;
		a += l;
		b += h;
	}
	for (uint32_t i = 0; i < n; i++)
		scratch[low[ms[i] & 255]++] = ms[i];
	for (uint32_t i = 0; i < n; i++)
		ms[high[scratch[i] >> 8]++] = scratch[i];
}

static void insertion_sort(uint16_t *ms, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		uint16_t x = ms[i];
		uint32_t j = i;

		for (; j && ms[j - 1] > x; j--)
			ms[j] = ms[j - 1];
		ms[j] = x;
	}
}

void arrivals_make(enum arrivals kind, uint64_t seed, uint32_t function, size_t minute,
		   uint32_t count, uint16_t *ms, uint16_t *scratch)
{
	uint32_t gap = count ? MINUTE_MS / count : 0;
	uint64_t state;

	switch (kind) {
	case ARRIVALS_THESIS:
		for (uint32_t i = 0; i < count; i++)
			ms[i] = i * gap;
		break;
	case ARRIVALS_UNIFORM:
		for (uint32_t i = 0; i < count; i++)
			ms[i] = (uint64_t)i * MINUTE_MS / count;
		break;
	case ARRIVALS_POISSON:
		state = stream(seed, function, minute);
		for (uint32_t i = 0; i < count; i++)
			ms[i] = (next_random(&state) >> 32) * MINUTE_MS >> 32;
		if (count < 48)
			insertion_sort(ms, count);
		else
			sort_ms(ms, scratch, count);
		break;
	case ARRIVALS_TRACE:
		break;
	}
}

void arrivals_sort(struct arrival *arrival, struct arrival *scratch, size_t n)
{
	size_t low[256] = { 0 }, high[256] = { 0 }, a = 0, b = 0;

	for (size_t i = 0; i < n; i++) {
		low[arrival[i].ms & 255]++;
		high[arrival[i].ms >> 8]++;
	}
	for (int i = 0; i < 256; i++) {
		size_t l = low[i], h = high[i];

		low[i] = a;
		high[i] = b;
		a += l;
		b += h;
	}
	for (size_t i = 0; i < n; i++)
		scratch[low[arrival[i].ms & 255]++] = arrival[i];
	for (size_t i = 0; i < n; i++)
		arrival[high[scratch[i].ms >> 8]++] = scratch[i];
}
