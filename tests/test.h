/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the unit tests share: cmocka, a directory for files, and random numbers with a seed that is
 * printed (FAASMAT_TEST_SEED=N repeats a run). */
#ifndef FAASMAT_TESTS_TEST_H
#define FAASMAT_TESTS_TEST_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "common/util.h"

/* Every cmocka test has a parameter that few use. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

/* splitmix64 (Steele, Lea, Flood, OOPSLA 2014). */
static inline uint64_t test_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static inline uint64_t test_seed(void)
{
	const char *text = getenv("FAASMAT_TEST_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);

	print_message("# seed %llu\n", (unsigned long long)seed);
	return seed;
}

/* `name` in this program's own directory below build/tmp. A static buffer a call; four are kept. */
static inline const char *test_path(const char *name)
{
	static char ring[4][512];
	static unsigned int next;
	char *out = ring[next++ % 4];

	mkdir("build", 0755);
	mkdir("build/tmp", 0755);
	snprintf(out, sizeof(ring[0]), "build/tmp/%s", program_invocation_short_name);
	mkdir(out, 0755);
	snprintf(out, sizeof(ring[0]), "build/tmp/%s/%s", program_invocation_short_name, name);
	return out;
}

#endif
