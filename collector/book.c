// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/book.h"

#include <math.h>
#include <string.h>

#include "common/clock.h"

_Static_assert(WIRE_BUCKETS == DURATION_BUCKETS, "the kernel's histogram is history's");

/* A narrow baseline knows nothing of some counters: what they have gained until now is nobody's. */
void book_widen(struct counter_baseline *b, const struct wire_invocations *now)
{
	b->narrow = false;
	b->responses_5xx = (int64_t)now->responses_5xx;
	b->excluded = (int64_t)now->excluded;
	b->aborted = (int64_t)now->aborted;
	b->unsettled = (int64_t)now->unsettled;
	b->unsettled_joined = (int64_t)now->unsettled_joined;
	b->unsettled_responses = (int64_t)now->unsettled_responses;
	memcpy(b->durations.n, now->durations, sizeof(b->durations.n));
}

/* The counters that book_invocations() books. */
void book_take_off(struct counter_baseline *b, const struct wire_invocations *last)
{
	if (b->narrow)
		book_widen(b, last);
	b->requests -= (int64_t)last->requests;
	b->inits -= (int64_t)last->inits;
	b->responses -= (int64_t)last->responses;
	b->busy_ns -= (int64_t)last->busy_ns;
	b->responses_5xx -= (int64_t)last->responses_5xx;
	b->excluded -= (int64_t)last->excluded;
	b->aborted -= (int64_t)last->aborted;
	b->unsettled -= (int64_t)last->unsettled;
	b->unsettled_joined -= (int64_t)last->unsettled_joined;
	b->unsettled_responses -= (int64_t)last->unsettled_responses;
	for (int i = 0; i < DURATION_BUCKETS; i++)
		b->durations.n[i] -= last->durations[i];
}

/* Moves one counter's baseline up to the counter; what it gained. A counter that went backwards
 * (never seen; a map edited by hand) gains nothing. */
static int64_t gain(uint64_t counter, int64_t *base, bool *changed)
{
	int64_t d = (int64_t)counter - *base;

	if (d <= 0)
		return 0;
	*base = (int64_t)counter;
	*changed = true;
	return d;
}

static int64_t scaled_us(double time_scale, int64_t ns)
{
	return (int64_t)((double)ns * time_scale / NS_PER_US + 0.5);
}

/* The histogram's counters are of 32 bits and may come round. */
static void book_durations(struct cgroup_node *node, double time_scale, struct history_row *row)
{
	struct durations *base = &node->base.durations, gained = { 0 };
	const struct wire_invocations *c = tree_counters(node);

	if (memcmp(base->n, c->durations, sizeof(base->n)) == 0)
		return;
	for (int i = 0; i < DURATION_BUCKETS; i++) {
		uint32_t n = c->durations[i] - base->n[i];

		/* Backwards: see gain(). */
		if (n > UINT32_MAX / 2)
			continue;
		gained.n[i] = n;
		base->n[i] += n;
		node->base_changed |= n > 0;
	}
	/* A bucket is a power of two: of a minute of another length the nearest one. */
	durations_shift(&gained, (int)lround(log2(time_scale)));
	durations_add(&row->durations, &gained);
}

/* How requests ended, and what is not certain of them. */
static void book_outcomes(struct cgroup_node *node, double time_scale, struct history_row *row)
{
	const struct wire_invocations *c = tree_counters(node);
	struct counter_baseline *b = &node->base;
	bool *changed = &node->base_changed;
	int64_t unsettled = gain(c->unsettled, &b->unsettled, changed);
	int64_t joined = gain(c->unsettled_joined, &b->unsettled_joined, changed);
	int64_t responses = gain(c->unsettled_responses, &b->unsettled_responses, changed);

	row->responses_5xx += gain(c->responses_5xx, &b->responses_5xx, changed);
	row->excluded += gain(c->excluded, &b->excluded, changed);
	row->aborted += gain(c->aborted, &b->aborted, changed);
	row->unsettled += unsettled;
	row->unsettled_responses += responses;
	if (joined)
		row->quality |= QUALITY_JOINED;
	if (unsettled > joined || responses)
		row->quality |= QUALITY_UNSETTLED;
	book_durations(node, time_scale, row);
}

static void book_invocations(struct cgroup_node *node, double time_scale, struct history_row *row)
{
	const struct wire_invocations *c = tree_counters(node);
	struct counter_baseline *b = &node->base;
	bool *changed = &node->base_changed;
	struct cgroup_node *owner = node->container ? node->container : node;
	int64_t n = gain(c->requests, &b->requests, changed);

	owner->row_invocations += n;
	owner->row_changed |= n > 0;
	row->invocations += n;
	row->inits += gain(c->inits, &b->inits, changed);
	row->responses += gain(c->responses, &b->responses, changed);
	row->busy_us += scaled_us(time_scale, gain(c->busy_ns, &b->busy_ns, changed));
	book_outcomes(node, time_scale, row);
}

static void book_events(struct cgroup_node *node, struct history_row *row)
{
	const __u64 *e = node->usage.events;
	struct memory_events *b = &node->base.events;
	bool *changed = &node->base_changed;
	int64_t kills;

	gain(e[WIRE_LOW], &b->low, changed);
	gain(e[WIRE_HIGH], &b->high, changed);
	gain(e[WIRE_OOM_GROUP_KILL], &b->oom_group_kill, changed);
	row->events_max += gain(e[WIRE_MAX], &b->max, changed);
	row->events_oom += gain(e[WIRE_OOM], &b->oom, changed);
	kills = gain(e[WIRE_OOM_KILL], &b->oom_kill, changed);
	row->events_oom_kill += kills;
	node->row_oom_kills += kills;
	node->row_changed |= kills > 0;
}

/* A cold start is a container that was made while we watched; its time runs from then to its first
 * response. */
static void book_cold_start(struct cgroup_node *node, double time_scale, struct history_row *row)
{
	uint64_t made = node->usage.made_ns, first = node->container_first_response_ns;

	if (!made)
		return;
	if (!node->base.cold_counted) {
		row->cold_starts++;
		node->base.cold_counted = node->base_changed = true;
	}
	if (!node->base.cold_measured && first > made) {
		row->cold_us += scaled_us(time_scale, (int64_t)(first - made));
		row->cold_done++;
		node->base.cold_measured = node->base_changed = true;
	}
}

void book_cgroup(struct cgroup_node *node, double time_scale, struct history_row *row)
{
	book_invocations(node, time_scale, row);
	if (node->container != node)
		return;
	book_events(node, row);
	book_cold_start(node, time_scale, row);
	row->memory_peak_bytes = MAX(row->memory_peak_bytes, (int64_t)node->usage.peak);
}
