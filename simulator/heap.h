/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A 4-ary min-heap of containers that knows where each of them sits, so that one can be moved or
 * taken out. Keys are (major, minor). The position of container `id` is kept in at[id]; HEAP_NONE
 * when it is in no heap. Several heaps may share one `at` when a container is in at most one of them.
 */
#ifndef FAASMAT_SIMULATOR_HEAP_H
#define FAASMAT_SIMULATOR_HEAP_H

#include <errno.h>
#include <stdint.h>

#include "common/util.h"

#define HEAP_NONE UINT32_MAX

struct heap_entry {
	int64_t major;
	uint64_t minor;
	uint32_t id;
};

struct heap {
	struct heap_entry *e;
	uint32_t n, size;
};

static inline bool heap_before(const struct heap_entry *a, const struct heap_entry *b)
{
	return a->major < b->major || (a->major == b->major && a->minor < b->minor);
}

static inline void heap_up(struct heap *h, uint32_t *at, uint32_t i, struct heap_entry x)
{
	while (i) {
		uint32_t up = (i - 1) / 4;

		if (!heap_before(&x, &h->e[up]))
			break;
		h->e[i] = h->e[up];
		at[h->e[i].id] = i;
		i = up;
	}
	h->e[i] = x;
	at[x.id] = i;
}

static inline void heap_down(struct heap *h, uint32_t *at, uint32_t i, struct heap_entry x)
{
	for (;;) {
		uint32_t first = 4 * i + 1, best = first;

		if (first >= h->n)
			break;
		for (uint32_t c = first + 1; c < first + 4 && c < h->n; c++)
			if (heap_before(&h->e[c], &h->e[best]))
				best = c;
		if (!heap_before(&h->e[best], &x))
			break;
		h->e[i] = h->e[best];
		at[h->e[i].id] = i;
		i = best;
	}
	h->e[i] = x;
	at[x.id] = i;
}

/* Makes room for n containers in all. */
static inline int heap_reserve(struct heap *h, uint32_t n)
{
	struct heap_entry *e;

	if (n <= h->size)
		return 0;
	e = reallocarray(h->e, n, sizeof(*e));
	if (!e)
		return -ENOMEM;
	h->e = e;
	h->size = n;
	return 0;
}

/* The container must not be in the heap, and room must be reserved. */
static inline void heap_push(struct heap *h, uint32_t *at, uint32_t id, int64_t major,
			     uint64_t minor)
{
	heap_up(h, at, h->n++, (struct heap_entry){ major, minor, id });
}

static inline void heap_remove(struct heap *h, uint32_t *at, uint32_t id)
{
	uint32_t i = at[id];
	struct heap_entry x = h->e[--h->n];

	at[id] = HEAP_NONE;
	if (i == h->n)
		return;
	if (i && heap_before(&x, &h->e[(i - 1) / 4]))
		heap_up(h, at, i, x);
	else
		heap_down(h, at, i, x);
}

/* Gives the container at the top another key, which must not be smaller. */
static inline void heap_raise_top(struct heap *h, uint32_t *at, int64_t major, uint64_t minor)
{
	heap_down(h, at, 0, (struct heap_entry){ major, minor, h->e[0].id });
}

#endif
