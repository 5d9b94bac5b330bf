// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/decide.h"

#include <errno.h>

#include "common/parse.h"

int decision_make_room(struct decision *d, size_t n)
{
	if (n <= d->size)
		return 0;
	decision_free(d);
	/* A pool has at most one limit, one low and two admission changes (fewer containers, then
	 * more bytes), and it keeps bytes or needs them, not both. */
	d->changes = calloc(4 * n, sizeof(*d->changes));
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

const char *format_limit(int64_t bytes)
{
	return bytes == LIMIT_NONE ? "max" : format_size(bytes);
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
	return c;
}

static struct wait *add_wait(struct decision *d, size_t pool, bool shrink, int64_t bytes)
{
	struct wait *w = &d->waits[d->n_waits++];

	w->pool = (int)pool;
	w->shrink = shrink;
	w->bytes = bytes;
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
	snprintf(c->reason, sizeof(c->reason),
		 "the target is %s: admit less before the limit falls",
		 format_size(p->target_bytes));
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
	snprintf(c->reason, sizeof(c->reason), "the limit of %s leaves room",
		 format_limit(d->limit[i]));
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

static int64_t lowered(const struct node_state *node, size_t i)
{
	const struct pool_state *p = &node->pools[i];
	int64_t to = MAX(p->target_bytes, floor_of(node, p));

	/* A limit that limits nothing yet is not let down in steps: there is no habit to break. */
	if (!unbounded(node, i))
		to = MAX(to, page_up(p->limit - node->step));
	return MIN(to, p->limit);
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

static void explain_kept(const struct node_state *node, struct decision *d, size_t i)
{
	const struct pool_state *p = &node->pools[i];
	int64_t kept = d->limit[i] - p->target_bytes;
	struct wait *w;

	/* Above its floor it is only slow, not held: the next step follows. */
	if (kept <= 0 || d->limit[i] > floor_of(node, p))
		return;
	w = add_wait(d, i, true, kept);
	if (p->used_bytes > p->target_bytes)
		snprintf(w->reason, sizeof(w->reason),
			 "keeps %s: its containers have reserved %s of a target of %s",
			 format_size(kept), format_size(p->used_bytes),
			 format_size(p->target_bytes));
	else
		snprintf(w->reason, sizeof(w->reason),
			 "keeps %s: memory.current %s + margin %s is above the target of %s",
			 format_size(kept), format_size(p->current), format_size(node->margin),
			 format_size(p->target_bytes));
}

static void lower_limits(const struct node_state *node, struct decision *d)
{
	for (size_t i = 0; i < node->n; i++)
		if (!node->pools[i].hands_off && node->pools[i].limit > node->pools[i].target_bytes)
			d->limit[i] = lowered(node, i);
	fit_unbounded(node, d);
	for (size_t i = 0; i < node->n; i++) {
		const struct pool_state *p = &node->pools[i];
		struct change *c;

		if (p->hands_off)
			continue;
		explain_kept(node, d, i);
		if (d->limit[i] >= p->limit)
			continue;
		c = add_change(d, i, CHANGE_LIMIT, p->limit, d->limit[i]);
		snprintf(c->reason, sizeof(c->reason), "the target is %s, %s of memory in use",
			 format_size(p->target_bytes), format_size(p->current));
	}
}

static int64_t need(const struct node_state *node, const struct decision *d, size_t i)
{
	const struct pool_state *p = &node->pools[i];

	return p->hands_off ? 0 : MAX(page_down(p->target_bytes) - d->limit[i], 0);
}

/* Who holds most of what a pool waits for. */
static void explain_missing(const struct node_state *node, struct decision *d, size_t i,
			    int64_t missing)
{
	struct wait *w = add_wait(d, i, false, missing);
	int64_t most = 0;
	size_t holder = i;

	for (size_t j = 0; j < node->n; j++) {
		int64_t over = d->limit[j] - MIN(node->pools[j].target_bytes, d->limit[j]);

		if (over > most) {
			most = over;
			holder = j;
		}
	}
	if (most > node->budget)
		snprintf(w->reason, sizeof(w->reason), "waits for %s: %.100s has no limit yet",
			 format_size(missing), node->pools[holder].name);
	else if (most > 0)
		snprintf(w->reason, sizeof(w->reason),
			 "waits for %s: %.100s still holds %s above its target",
			 format_size(missing), node->pools[holder].name, format_size(most));
	else
		snprintf(w->reason, sizeof(w->reason), "waits for %s of the node's budget of %s",
			 format_size(missing), format_size(node->budget));
}

static void raise_limit(const struct node_state *node, struct decision *d, size_t i, int64_t grant)
{
	const struct pool_state *p = &node->pools[i];
	int64_t missing = need(node, d, i) - grant;
	struct change *c;

	if (grant > 0) {
		c = add_change(d, i, CHANGE_LIMIT, p->limit, d->limit[i] + grant);
		snprintf(c->reason, sizeof(c->reason), "the target is %s, %s of the budget is free",
			 format_size(p->target_bytes), format_size(grant));
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

/* Protection follows the limit: a pool's pages are not taken for main's sake. */
static void follow_low(const struct node_state *node, struct decision *d)
{
	for (size_t i = 0; i < node->n; i++) {
		const struct pool_state *p = &node->pools[i];
		int64_t low = i == MAIN_POOL || d->limit[i] > node->budget ? 0 : d->limit[i];
		struct change *c;

		if (p->hands_off || p->low == low)
			continue;
		c = add_change(d, i, CHANGE_LOW, p->low, low);
		snprintf(c->reason, sizeof(c->reason), "%s",
			 i == MAIN_POOL ? "main is not protected" : "protection follows the limit");
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
	raise_limits(node, d);
	follow_low(node, d);
	for (size_t i = 0; i < node->n; i++)
		admit_more(node, d, i);
}

const char *change_veto(const struct node_state *node, const struct change *c)
{
	const struct pool_state *p = &node->pools[c->pool];
	int64_t others = 0;

	if (c->kind == CHANGE_LOW)
		return NULL;
	if (c->kind == CHANGE_ADMIT)
		return c->after > p->admitted_bytes && c->after > p->limit
			       ? "the limit that it needs was not written"
			       : NULL;
	if (c->after < p->limit)
		return c->after < add(p->current, node->margin)
			       ? "memory.current has grown too close to the new limit"
			       : NULL;
	for (size_t i = 0; i < node->n; i++)
		if ((int)i != c->pool)
			others = add(others, node->pools[i].limit);
	return add(others, c->after) > node->budget
		       ? "the bytes are not free: an earlier write did not happen"
		       : NULL;
}
