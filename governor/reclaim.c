// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/reclaim.h"

#include <errno.h>

#define PAGE 4096

void reclaim_set(struct reclaim *r, int64_t goal, int64_t current)
{
	*r = (struct reclaim){ .active = goal < current, .goal = goal, .before = current };
}

int64_t reclaim_next(struct reclaim *r, int64_t current)
{
	int64_t bytes = MIN(current - r->goal, RECLAIM_BATCH) / PAGE * PAGE;

	if (r->active && (bytes <= 0 || r->futile >= RECLAIM_FUTILE))
		r->active = false;
	if (!r->active)
		return 0;
	r->before = current;
	return bytes;
}

void reclaim_ended(struct reclaim *r, int result, int64_t current)
{
	int64_t asked = MIN(r->before - r->goal, RECLAIM_BATCH);

	if (result < 0 && result != -EAGAIN && result != -EINTR)
		r->active = false;
	/* The pool may have grown meanwhile: that is no success either. */
	if (r->before - current < asked / 16)
		r->futile++;
	else
		r->futile = 0;
}
