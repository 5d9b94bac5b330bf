/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random numbers that depend on nothing but their keys: every draw names what it is for, so that
 * leaving out a function or a minute changes no other one's. SplitMix64's finaliser (Steele, Lea,
 * Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014).
 */
#ifndef FAASMAT_RIG_RANDOM_H
#define FAASMAT_RIG_RANDOM_H

#include <stdint.h>

static inline uint64_t random_mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

static inline uint64_t random_key(uint64_t a, uint64_t b)
{
	return random_mix(random_mix(a) ^ b);
}

static inline uint64_t random_text(const char *text)
{
	uint64_t h = 0;

	while (*text)
		h = random_key(h, (unsigned char)*text++);
	return h;
}

/* [0, 1) */
static inline double random_unit(uint64_t key)
{
	return (double)(random_mix(key) >> 11) * 0x1p-53;
}

#endif
