// SPDX-License-Identifier: GPL-2.0-or-later
#include "simulator/sample.h"

#include <errno.h>
#include <string.h>

#define RARE_CALLS 10

struct called {
	int64_t calls;
	uint32_t function;
};

int sample_parse(const char *name, enum sample_kind *ret)
{
	static const char *const names[] = { "representative", "rare", "frequent" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0) {
			*ret = i;
			return 0;
		}
	return -EINVAL;
}

static int by_calls(const void *pa, const void *pb)
{
	const struct called *a = pa, *b = pb;

	if (a->calls != b->calls)
		return a->calls < b->calls ? -1 : 1;
	return (a->function > b->function) - (a->function < b->function);
}

static int by_number(const void *pa, const void *pb)
{
	const uint32_t *a = pa, *b = pb;

	return (*a > *b) - (*a < *b);
}

/* SplitMix64, as in arrivals.c; its bias below 2^32 is nothing here. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* Fisher and Yates's shuffle, as far as it is needed. */
static size_t draw(struct called *from, size_t n, size_t count, uint64_t *state, uint32_t *out)
{
	count = MIN(count, n);
	for (size_t i = 0; i < count; i++) {
		size_t k = i + next_random(state) % (n - i);
		struct called c = from[k];

		from[k] = from[i];
		from[i] = c;
		out[i] = c.function;
	}
	return count;
}

int64_t sample_draw(const struct load *l, enum sample_kind kind, size_t count, uint64_t seed,
		    uint32_t *index)
{
	_cleanup_free_ struct called *c = calloc(MAX(l->n_functions, (size_t)1), sizeof(*c));
	size_t n = l->n_functions, drawn = 0, first = 0;

	if (!c)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		c[i].function = i;
	for (size_t i = 0; i < l->first[l->n_minutes]; i++)
		c[l->cell[i].function].calls += l->cell[i].count;
	qsort(c, n, sizeof(*c), by_calls);
	switch (kind) {
	case SAMPLE_REPRESENTATIVE:
		for (size_t q = 0; q < 4; q++) {
			size_t begin = n * q / 4, end = n * (q + 1) / 4;

			drawn += draw(c + begin, end - begin, count * (q + 1) / 4 - count * q / 4,
				      &seed, index + drawn);
		}
		break;
	case SAMPLE_RARE:
		while (first < n && c[first].calls <= RARE_CALLS)
			first++;
		drawn = draw(c, first, count, &seed, index);
		break;
	case SAMPLE_FREQUENT:
		first = n - MAX(n / 100, MIN(n, (size_t)1));
		drawn = draw(c + first, n - first, count, &seed, index);
		break;
	}
	qsort(index, drawn, sizeof(*index), by_number);
	return drawn;
}
