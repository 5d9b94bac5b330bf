/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The admission table's one question: may a container of so many bytes be started in this pool now, and
 * if not there, in main? A few instructions and no state, because the daemon asks it for a reservation
 * (admission.c) and the simulator for every cold start.
 */
#ifndef FAASMAT_GOVERNOR_ROOM_H
#define FAASMAT_GOVERNOR_ROOM_H

#include "common/util.h"

/* One pool's line of the table. Less may be admitted than is in use: then there is no room. */
struct room {
	int64_t admitted_bytes, used_bytes;
	int64_t admitted_containers; /* negative: not counted (main) */
	int64_t used_containers;
};

static inline bool room_for(const struct room *r, int64_t bytes)
{
	if (r->admitted_containers >= 0 && r->used_containers >= r->admitted_containers)
		return false;
	/* No subtraction can overflow this way. */
	return r->used_bytes <= r->admitted_bytes && bytes <= r->admitted_bytes - r->used_bytes;
}

/* Where a container of a function that has a pool goes: there, else, where that is allowed, to main. */
enum room_answer { ROOM_NONE, ROOM_OWN, ROOM_SPILL };

static inline enum room_answer room_place(const struct room *own, const struct room *main,
					  bool spill, int64_t bytes)
{
	if (room_for(own, bytes))
		return ROOM_OWN;
	return spill && room_for(main, bytes) ? ROOM_SPILL : ROOM_NONE;
}

#endif
