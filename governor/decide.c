// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/decide.h"

#include <errno.h>

int decision_make_room(struct decision *d, size_t n)
{
	if (n <= d->size)
		return 0;
	decision_free(d);
	/* A pool has at most one limit, one low, one reclaim and two admission changes (fewer
	 * containers, then more bytes), and it keeps bytes or needs them, not both. */
	d->changes = calloc(5 * n, sizeof(*d->changes));
	d->waits = calloc(n, sizeof(*d->waits));
	d->limit = calloc(n, sizeof(*d->limit));
	if (!d->changes || !d->waits || !d->limit) {
		decision_free(d);
		return -ENOMEM;
	}
	d->size = n;
	return 0;
}

void decision_free(struct decision *d)
{
	free(d->changes);
	free(d->waits);
	free(d->limit);
	*d = (struct decision){ 0 };
}

static int64_t add(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? LIMIT_NONE : sum;
}

static int64_t page_down(int64_t bytes)
{
	return bytes / LIMIT_PAGE * LIMIT_PAGE;
}

static int64_t page_up(int64_t bytes)
{
	return bytes > LIMIT_NONE - LIMIT_PAGE ? LIMIT_NONE : page_down(bytes + LIMIT_PAGE - 1);
}

static int64_t sum_of(const int64_t *limit, size_t n)
{
	int64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum = add(sum, limit[i]);
	return sum;
}

int64_t sum_limits(const struct node_state *node)
{
	int64_t sum = 0;

	for (size_t i = 0; i < node->n; i++)
		sum = add(sum, node->pools[i].limit);
	return sum;
}

int64_t wanted_limit(const struct pool_state *p)
{
	return add(p->target_bytes, p->guard_bytes);
}

int64_t admissible(const struct node_state *node, int pool, int64_t limit)
{
	int64_t bytes = MIN(node->pools[pool].target_bytes, limit);

	return pool == MAIN_POOL ? MAX(bytes - node->margin, 0) : bytes;
}

static struct change *add_change(struct decision *d, size_t pool, enum change_kind kind,
				 int64_t before, int64_t after)
{
	struct change *c = &d->changes[d->n_changes++];

	c->pool = (int)pool;
	c->kind = kind;
	c->before = before;
	c->after = after;
	c->containers_before = c->containers_after = NO_COUNT;
	c->outcome = OUTCOME_OPEN;
	c->error = 0;
	c->veto = NULL;
	return c;
}

static struct wait *add_wait(struct decision *d, size_t pool, enum wait_kind kind, int64_t bytes)
{
	struct wait *w = &d->waits[d->n_waits++];

	*w = (struct wait){ .pool = (int)pool, .kind = kind, .bytes = bytes, .holder = -1 };
	return w;
}

/* Containers that may run while only part of the target is there. */
static int64_t admissible_containers(const struct pool_state *p, int64_t limit)
{
	if (p->target_containers == NO_COUNT || limit >= p->target_bytes)
		return p->target_containers;
	return (int64_t)((__int128)p->target_containers * limit / p->target_bytes);
}

/* No count is more than any count. */
static bool fewer(int64_t containers, int64_t than)
{
	return containers != NO_COUNT && (than == NO_COUNT || containers < than);
}

static void admit_less(const struct node_state *node, struct decision *d, size_t i)
{
	const struct pool_state *p = &node->pools[i];
	int64_t bytes = MIN(admissible(node, (int)i, d->limit[i]), p->admitted_bytes);
	int64_t containers = p->admitted_containers;
	struct change *c;

	/* What runs already in a limit that is still growing is not asked to leave. */
	if (fewer(p->target_containers, containers))
		containers = p->target_containers;
	if (bytes == p->admitted_bytes && containers == p->admitted_containers)
		return;
	c = add_change(d, i, CHANGE_ADMIT, p->admitted_bytes, bytes);
	c->containers_before = p->admitted_containers;
	c->containers_after = containers;
}

static void admit_more(const struct node_state *node, struct decision *d, size_t i)
{
	const struct pool_state *p = &node->pools[i];
	int64_t bytes = admissible(node, (int)i, d->limit[i]);
	int64_t containers = admissible_containers(p, d->limit[i]);
	struct change *c;

	if (fewer(containers, p->admitted_containers))
		containers = fewer(p->target_containers, p->admitted_containers)
				     ? p->target_containers
				     : p->admitted_containers;
	if (bytes < p->admitted_bytes ||
	    (bytes == p->admitted_bytes && !fewer(p->admitted_containers, containers)))
		return;
	c = add_change(d, i, CHANGE_ADMIT, p->admitted_bytes, bytes);
	c->containers_before = p->admitted_containers;
	c->containers_after = containers;
}

/* The lowest limit that hurts nobody now. */
static int64_t floor_of(const struct node_state *node, const struct pool_state *p)
{
	return page_up(MAX(add(p->current, node->margin), p->used_bytes));
}

static bool unbounded(const struct node_state *node, size_t i)
{
	return node->pools[i].limit > node->budget;
}

/* The next limit on the way down, were it only for what is reserved. */
static int64_t next_step(const struct node_state *node, size_t i)
{
	const struct pool_state *p = &node->pools[i];
	int64_t to = page_up(MAX(wanted_limit(p), p->used_bytes));

	/* A limit that limits nothing yet is not let down in steps: there is no habit to break. */
	return unbounded(node, i) ? to : MAX(to, page_up(p->limit - node->step));
}

static int64_t lowered(const struct node_state *node, size_t i)
{
	const struct pool_state *p = &node->pools[i];

	if (p->veto && !unbounded(node, i))
		return p->limit;
	return MIN(MAX(next_step(node, i), floor_of(node, p)), p->limit);
}

int64_t reclaim_need(const struct node_state *node, int pool)
{
	const struct pool_state *p = &node->pools[pool];

	if (p->hands_off || p->limit <= wanted_limit(p))
		return 0;
	return add(p->current, node->margin) - next_step(node, (size_t)pool);
}

/* Of the memory that stands in the way, what can be reclaimed; a margin of page cache stays. */
static int64_t reclaimable(const struct node_state *node, size_t i)
{
	const struct pool_state *p = &node->pools[i];
	int64_t most = p->current - add(p->unreclaimable, node->margin);

	return p->veto ? 0 : page_down(MAX(MIN(reclaim_need(node, (int)i), most), 0));
}

/*
 * Pools without a limit (at the start, after a lease has ended) get one all together. What that makes
 * too much is taken from those that do not use their target yet; they grow into it later.
 */
static void fit_unbounded(const struct node_state *node, struct decision *d)
{
	int64_t excess = sum_of(d->limit, node->n) - node->budget;

	for (size_t i = 0; i < node->n && excess > 0; i++) {
		int64_t lower;

		if (!unbounded(node, i) || node->pools[i].hands_off)
			continue;
		lower = MAX(page_down(d->limit[i] - MIN(excess, d->limit[i])),
			    floor_of(node, &node->pools[i]));
		if (lower < d->limit[i]) {
			excess -= d->limit[i] - lower;
			d->limit[i] = lower;
		}
	}
}

/* Why a limit stays above its target. One that is above its floor is only slow, not held. */
static void explain_kept(const struct node_state *node, struct decision *d, size_t i)
{
	const struct pool_state *p = &node->pools[i];
	int64_t kept = d->limit[i] - wanted_limit(p);

	if (kept <= 0)
		return;
	if (p->veto && !unbounded(node, i))
		add_wait(d, i, WAIT_PRESSURE, kept);
	else if (d->limit[i] > floor_of(node, p))
		return;
	else if (p->used_bytes > wanted_limit(p))
		add_wait(d, i, WAIT_RESERVED, kept);
	else if (reclaimable(node, i) > 0)
		add_wait(d, i, WAIT_IN_USE, kept);
	else
		add_wait(d, i, WAIT_UNRECLAIMABLE, kept);
}

static void lower_limits(const struct node_state *node, struct decision *d)
{
	for (size_t i = 0; i < node->n; i++)
		if (!node->pools[i].hands_off &&
		    node->pools[i].limit > wanted_limit(&node->pools[i]))
			d->limit[i] = lowered(node, i);
	fit_unbounded(node, d);
	for (size_t i = 0; i < node->n; i++) {
		const struct pool_state *p = &node->pools[i];

		if (p->hands_off)
			continue;
		explain_kept(node, d, i);
		if (d->limit[i] < p->limit)
			add_change(d, i, CHANGE_LIMIT, p->limit, d->limit[i]);
	}
}

/* Page cache leaves for the limit's next step, after the containers have. */
static void reclaim(const struct node_state *node, struct decision *d)
{
	for (size_t i = 0; i < node->n; i++) {
		const struct pool_state *p = &node->pools[i];
		int64_t bytes = reclaimable(node, i);

		if (bytes > 0)
			add_change(d, i, CHANGE_RECLAIM, p->current, p->current - bytes);
	}
}

static int64_t need(const struct node_state *node, const struct decision *d, size_t i)
{
	const struct pool_state *p = &node->pools[i];

	return p->hands_off ? 0 : MAX(page_down(wanted_limit(p)) - d->limit[i], 0);
}

/* Who holds most of what a pool waits for. */
static void explain_missing(const struct node_state *node, struct decision *d, size_t i,
			    int64_t missing)
{
	struct wait *w = add_wait(d, i, WAIT_FOR_BYTES, missing);

	for (size_t j = 0; j < node->n; j++) {
		int64_t wanted = wanted_limit(&node->pools[j]);
		int64_t over = d->limit[j] - MIN(wanted, d->limit[j]);

		if (over > w->holds) {
			w->holds = over;
			w->holder = (int)j;
		}
	}
}

static void raise_limit(const struct node_state *node, struct decision *d, size_t i, int64_t grant)
{
	int64_t missing = need(node, d, i) - grant;

	if (grant > 0) {
		add_change(d, i, CHANGE_LIMIT, node->pools[i].limit, d->limit[i] + grant);
		d->limit[i] += grant;
	}
	if (missing > 0)
		explain_missing(node, d, i, missing);
}

/* Pools first, each in proportion to what it needs; main has what is left. */
static void raise_limits(const struct node_state *node, struct decision *d)
{
	int64_t room = page_down(MAX(node->budget - sum_of(d->limit, node->n), 0));
	int64_t left = room;
	__int128 wanted = 0;

	for (size_t i = 1; i < node->n; i++)
		wanted += need(node, d, i);
	for (size_t i = 1; i < node->n; i++) {
		int64_t needed = need(node, d, i);
		int64_t grant = needed;

		if (needed == 0)
			continue;
		if (wanted > room)
			grant = page_down((int64_t)((__int128)needed * room / wanted));
		raise_limit(node, d, i, grant);
		left -= grant;
	}
	if (need(node, d, MAIN_POOL) > 0)
		raise_limit(node, d, MAIN_POOL, MIN(need(node, d, MAIN_POOL), left));
}

/* A pool's working set is not taken for others' sake. Main is not protected. */
static int64_t wanted_low(const struct node_state *node, const struct decision *d, size_t i)
{
	const struct pool_state *p = &node->pools[i];

	if (i == MAIN_POOL || d->limit[i] > node->budget)
		return 0;
	return MIN(page_up(p->working_set), d->limit[i]);
}

/* Working sets move all the time; a write and its two rows are worth while for a sixteenth. */
static void follow_low(const struct node_state *node, struct decision *d)
{
	for (size_t i = 0; i < node->n; i++) {
		const struct pool_state *p = &node->pools[i];
		int64_t low = wanted_low(node, d, i);
		int64_t moved = low > p->low ? low - p->low : p->low - low;

		if (p->hands_off || moved == 0)
			continue;
		if (low == 0 || p->low > d->limit[i] || moved > d->limit[i] / 16)
			add_change(d, i, CHANGE_LOW, p->low, low);
	}
}

void decide(const struct node_state *node, struct decision *d)
{
	d->n_changes = d->n_waits = 0;
	for (size_t i = 0; i < node->n; i++)
		d->limit[i] = node->pools[i].limit;
	for (size_t i = 0; i < node->n; i++)
		admit_less(node, d, i);
	lower_limits(node, d);
	reclaim(node, d);
	raise_limits(node, d);
	follow_low(node, d);
	for (size_t i = 0; i < node->n; i++)
		admit_more(node, d, i);
}

static const char *lower_veto(const struct node_state *node, const struct change *c)
{
	const struct pool_state *p = &node->pools[c->pool];

	if (p->veto && p->limit <= node->budget)
		return p->veto;
	return c->after < add(p->current, node->margin)
		       ? "memory.current has grown too close to the new limit"
		       : NULL;
}

static const char *raise_veto(const struct node_state *node, const struct change *c)
{
	int64_t others = 0;

	for (size_t i = 0; i < node->n; i++)
		if ((int)i != c->pool)
			others = add(others, node->pools[i].limit);
	return add(others, c->after) > node->budget
		       ? "the bytes are not free: an earlier write did not happen"
		       : NULL;
}

const char *change_veto(const struct node_state *node, const struct change *c)
{
	const struct pool_state *p = &node->pools[c->pool];

	if (c->kind == CHANGE_ADMIT)
		return c->after > p->admitted_bytes && c->after > p->limit
			       ? "the limit that it needs was not written"
			       : NULL;
	if (p->hands_off)
		return "its files are not to be written now";
	if (c->kind == CHANGE_RECLAIM)
		return p->veto;
	if (c->kind == CHANGE_LOW)
		return c->after > p->limit ? "the limit that it is part of was not written" : NULL;
	return c->after < p->limit ? lower_veto(node, c) : raise_veto(node, c);
}
