/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of a pool's two effects (docs/platforms.md) are to be had on this node as it is now: kept in the
 * database each minute, for `faasmat status`. */
#ifndef FAASMAT_GOVERNOR_EFFECTS_H
#define FAASMAT_GOVERNOR_EFFECTS_H

#include <stdbool.h>

/* Key of the database's meta; the value is the sum of those below. */
#define EFFECTS_META "governor_effects"

enum effects {
	/* isolate: both */
	EFFECT_IN_FORCE = 1, /* limits are written */
	EFFECT_PLACED = 2,   /* some container is in a pool */
	/* keep alive: one of them */
	EFFECT_ASKED = 4,     /* a platform follows the notices at the socket */
	EFFECT_TOLD = 8,      /* --on-change was run, and the last run succeeded */
	EFFECT_NOT_TOLD = 16, /* ... or failed */
};

struct effects_words {
	bool isolate, keep_alive;
	/* By what, or why not and what to do: the end of a sentence. */
	const char *isolate_why, *keep_alive_why;
};

/* Pure. */
struct effects_words effects_in_words(int effects);

#endif
