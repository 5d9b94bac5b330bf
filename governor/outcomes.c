// SPDX-License-Identifier: GPL-2.0-or-later
/* The counterfactual ledger's shell: looks at the pools' memory, and has each minute's outcome stored. */
#include "common/clock.h"
#include "governor/internal.h"

/* Nobody is in the pool, nobody has been since its peak was read, and its memory is what it was: so is its
 * peak. */
static bool is_unchanged(const struct pool *p, int64_t current)
{
	return p->watched.id && p->watched.seen && !p->strangers && p->containers == 0 &&
	       !p->was_in_use && p->outcome.usage == current;
}

void outcomes_see(struct governor *g, size_t i)
{
	struct pool *p = g->pools[i];
	int64_t current = g->states[i].current, peak = p->outcome.peak;

	if (!is_unchanged(p, current)) {
		/* Not before 5.19. */
		if (p->dir.fd < 0 || cgroup_dir_read(&p->dir, "memory.peak", &peak) < 0)
			peak = 0;
		p->was_in_use = p->containers > 0 || (p->watched.id && !p->watched.seen);
	}
	outcome_see(&p->outcome, g->read_ns, current, peak);
}

static void store_minute(struct governor *g, size_t i)
{
	struct pool *p = g->pools[i];
	struct outcome_minute m;
	struct outcome_row row = {
		.minute = g->outcome_minute,
		.pool = p->name,
		.target_bytes = p->outcome_target,
		.applied = g->apply,
	};

	if (!outcome_take(&p->outcome, g->o->clock.minute_ns, &m) || g->outcome_minute == INT64_MIN)
		return;
	row.usage_bytes = m.usage;
	row.limit_bytes = m.limit;
	row.given_bytes = m.given;
	row.taken_bytes = m.taken;
	row.worst_bytes = m.worst;
	record_outcome(g->record, &row);
}

void outcomes_store(struct governor *g)
{
	if (g->outcome_minute == g->minute)
		return;
	for (size_t i = 0; i < g->n; i++)
		store_minute(g, i);
	g->outcome_minute = g->minute;
}

void outcomes_limits(struct governor *g)
{
	for (size_t i = 0; i < g->n; i++) {
		outcome_limit(&g->pools[i]->outcome, g->states[i].limit);
		g->pools[i]->outcome_target = g->states[i].target_bytes;
	}
}
