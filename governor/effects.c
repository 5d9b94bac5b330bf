// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/effects.h"

#include "governor/internal.h"

int effects_of(const struct governor *g)
{
	int effects = g->apply && g->governing ? EFFECT_IN_FORCE : 0;

	for (size_t i = MAIN_POOL + 1; i < g->n; i++)
		if (admission_pool(g->table, (int)i)->used_containers > 0)
			effects |= EFFECT_PLACED;
	if (server_subscribers(g->server) > 0)
		effects |= EFFECT_ASKED;
	switch (on_change_state(g->on_change)) {
	case ON_CHANGE_NEVER_RUN:
		break;
	case ON_CHANGE_WORKS:
		effects |= EFFECT_TOLD;
		break;
	case ON_CHANGE_FAILS:
		effects |= EFFECT_NOT_TOLD;
		break;
	}
	return effects;
}

static const char *isolate_why(bool in_force, bool placed)
{
	if (in_force && placed)
		return "containers are in pools, and limits are in force";
	if (in_force)
		return "no container is in a pool; docs/placement.md says how they are started "
		       "there";
	if (placed)
		return "containers are in pools, but no limit is in force; --apply writes them";
	return "no limit is in force, and no container is in a pool";
}

static const char *keep_alive_why(int effects)
{
	if (effects & EFFECT_ASKED)
		return "a platform follows the notices at the socket";
	if (effects & EFFECT_TOLD)
		return "--on-change tells the platform, as far as its own knob goes";
	if (effects & EFFECT_NOT_TOLD)
		return "--on-change fails; the governor's log says how";
	return "no platform follows the plan; docs/platforms.md says which can";
}

struct effects_words effects_in_words(int effects)
{
	bool in_force = effects & EFFECT_IN_FORCE, placed = effects & EFFECT_PLACED;

	return (struct effects_words){
		.isolate = in_force && placed,
		.isolate_why = isolate_why(in_force, placed),
		.keep_alive = effects & (EFFECT_ASKED | EFFECT_TOLD),
		.keep_alive_why = keep_alive_why(effects),
	};
}
