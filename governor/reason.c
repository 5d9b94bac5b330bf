// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/reason.h"

#include "common/parse.h"

const char *format_limit(int64_t bytes)
{
	return bytes == LIMIT_NONE ? "max" : format_size(bytes);
}

static void admit_reason(const struct pool_state *p, const struct change *c, char *ret)
{
	if (c->after < c->before)
		snprintf(ret, REASON_MAX, "the target is %s: admit less before the limit falls",
			 format_size(p->target_bytes));
	else
		snprintf(ret, REASON_MAX, "the limit leaves room for %s", format_size(c->after));
}

static void limit_reason(const struct pool_state *p, const struct change *c, char *ret)
{
	if (c->after < c->before)
		snprintf(ret, REASON_MAX, "the target is %s, %s of memory in use",
			 format_size(wanted_limit(p)), format_size(p->current));
	else if (p->guard_bytes > 0)
		snprintf(ret, REASON_MAX, "the target is %s and %s of guard; %s were free",
			 format_size(p->target_bytes), format_size(p->guard_bytes),
			 format_size(c->after - c->before));
	else
		snprintf(ret, REASON_MAX, "the target is %s, %s of the budget were free",
			 format_size(p->target_bytes), format_size(c->after - c->before));
}

void change_reason(const struct node_state *node, const struct change *c, char *ret)
{
	const struct pool_state *p = &node->pools[c->pool];

	switch (c->kind) {
	case CHANGE_ADMIT:
		admit_reason(p, c, ret);
		return;
	case CHANGE_LIMIT:
		limit_reason(p, c, ret);
		return;
	case CHANGE_LOW:
		snprintf(ret, REASON_MAX, "%s",
			 c->pool == MAIN_POOL ? "main is not protected"
					      : "protection follows the working set");
		return;
	case CHANGE_RECLAIM:
		snprintf(ret, REASON_MAX,
			 "%s of memory in use + margin %s is above the target of %s; %s of it "
			 "cannot be reclaimed",
			 format_size(p->current), format_size(node->margin),
			 format_size(wanted_limit(p)), format_size(p->unreclaimable));
		return;
	}
	ret[0] = '\0';
}

/* Who holds most of what a pool waits for. */
static void missing_reason(const struct node_state *node, const struct wait *w, char *ret)
{
	if (w->holder >= 0 && w->holds > node->budget)
		snprintf(ret, REASON_MAX, "waits for %s: %.100s has no limit yet",
			 format_size(w->bytes), node->pools[w->holder].name);
	else if (w->holder >= 0)
		snprintf(ret, REASON_MAX, "waits for %s: %.100s still holds %s above its target",
			 format_size(w->bytes), node->pools[w->holder].name, format_size(w->holds));
	else
		snprintf(ret, REASON_MAX, "waits for %s of the node's budget of %s",
			 format_size(w->bytes), format_size(node->budget));
}

void wait_reason(const struct node_state *node, const struct wait *w, char *ret)
{
	const struct pool_state *p = &node->pools[w->pool];
	const char *kept = format_size(w->bytes), *target = format_size(wanted_limit(p));

	switch (w->kind) {
	case WAIT_FOR_BYTES:
		missing_reason(node, w, ret);
		return;
	case WAIT_RESERVED:
		snprintf(ret, REASON_MAX,
			 "keeps %s: its containers have reserved %s of a target of %s", kept,
			 format_size(p->used_bytes), target);
		return;
	case WAIT_IN_USE:
		snprintf(ret, REASON_MAX,
			 "keeps %s: memory.current %s + margin is above the target of %s", kept,
			 format_size(p->current), target);
		return;
	case WAIT_UNRECLAIMABLE:
		snprintf(
			ret, REASON_MAX,
			"keeps %s: memory.current %s + margin, of which %s cannot be reclaimed; the "
			"target is %s",
			kept, format_size(p->current), format_size(p->unreclaimable), target);
		return;
	case WAIT_PRESSURE:
		snprintf(ret, REASON_MAX, "keeps %s above its target of %s: %.120s", kept, target,
			 p->veto);
		return;
	}
	ret[0] = '\0';
}
