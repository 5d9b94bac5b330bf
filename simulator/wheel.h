/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Containers by the millisecond in which their run ends: a ring of lists, so that a start and an end
 * cost a few instructions however many containers there are. Ends beyond the ring are kept in its last
 * list and put right when that comes up; so are those of containers that have begun another run
 * meanwhile. What is taken out is therefore at its time or too early, and never too late.
 */
#ifndef FAASMAT_SIMULATOR_WHEEL_H
#define FAASMAT_SIMULATOR_WHEEL_H

#include "simulator/container.h"

#define WHEEL_SLOTS 16384
#define WHEEL_WORDS (WHEEL_SLOTS / 64)

struct wheel {
	int64_t now; /* nothing is due before; slots are of now .. now + WHEEL_SLOTS - 1 */
	uint64_t any[WHEEL_WORDS]; /* a bit a slot: it has a list */
	uint32_t head[WHEEL_SLOTS];
};

static inline void wheel_insert(struct wheel *w, struct container *c, uint32_t id)
{
	int64_t due = CLAMP(c[id].end, w->now, w->now + WHEEL_SLOTS - 1);
	size_t slot = (size_t)due % WHEEL_SLOTS;
	uint64_t bit = 1ULL << slot % 64;

	c[id].next_due = w->any[slot / 64] & bit ? w->head[slot] : NO_CONTAINER;
	c[id].in_wheel = true;
	w->head[slot] = id;
	w->any[slot / 64] |= bit;
}

/* When the first is due, or NEVER. */
static inline int64_t wheel_due(const struct wheel *w)
{
	size_t at = (size_t)w->now % WHEEL_SLOTS, word = at / 64;
	uint64_t bits = w->any[word] & ~0ULL << at % 64;

	/* The first word is looked at twice: its slots before `at` are the ring's last. */
	for (int i = 0; i <= WHEEL_WORDS; i++) {
		if (bits) {
			size_t slot = word * 64 + (size_t)__builtin_ctzll(bits);

			return w->now + (int64_t)((slot - at) % WHEEL_SLOTS);
		}
		word = (word + 1) % WHEEL_WORDS;
		bits = w->any[word];
	}
	return NEVER;
}

/* Takes the list that is due at wheel_due(): linked by next_due. The ring moves on to there. */
static inline uint32_t wheel_take(struct wheel *w, int64_t due)
{
	size_t slot = (size_t)due % WHEEL_SLOTS;

	w->now = due;
	w->any[slot / 64] &= ~(1ULL << slot % 64);
	return w->head[slot];
}

#endif
