// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/identify.h"

#include <string.h>

#include "collector/late.h"
#include "identity/look_up.h"

struct identifier {
	struct rules *rules;
	struct places places;
	struct late *late; /* NULL: no rule needs it, or it does not load here */
	struct tally *tally;
	struct facts facts;
};

struct identifier *identifier_new(struct rules *rules, int root_fd)
{
	struct identifier *i = calloc(1, sizeof(*i));

	if (!i)
		return NULL;
	i->rules = rules;
	places_find(&i->places, "");
	if (rules_need_requests(rules))
		late_open(root_fd, &i->late);
	return i;
}

void identifier_free(struct identifier *i)
{
	if (!i)
		return;
	late_close(i->late);
	free(i);
}

/* All that is known of a cgroup; `action` NULL: no request has been seen. */
static enum identity decide(struct identifier *i, const struct cgroup_node *node,
			    const char *action, struct identity_match *match)
{
	enum identity outcome;

	facts_init(&i->facts, node->path);
	look_up(&i->places, &i->facts);
	if (action) {
		snprintf(i->facts.action, sizeof(i->facts.action), "%s", action);
		i->facts.request_seen = true;
	}
	outcome = rules_match(i->rules, &i->facts, match);
	facts_clear(&i->facts);
	return outcome;
}

static void look_further(void *arg, struct tally *t, const struct cgroup_node *node)
{
	struct identifier *i = arg;
	struct identity_match match;

	if (node->identity == IDENTITY_NEEDS_REQUEST) {
		if (i->late)
			late_watch(i->late, node->id);
		return;
	}
	tally_identify(t, node->id, decide(i, node, NULL, &match), &match);
}

static void take_action(void *arg, uint64_t cgroup, const char *action)
{
	struct identifier *i = arg;
	const struct cgroup_node *node = tree_find(tally_tree(i->tally), cgroup);
	struct identity_match match;

	late_forget(i->late, cgroup);
	if (!node || node->container)
		return;
	/* The rule is about the cgroup that the platform made, not one that a runtime made in it. */
	while (node->parent && node->parent->identity == IDENTITY_NEEDS_REQUEST)
		node = node->parent;
	tally_identify(i->tally, node->id, decide(i, node, action, &match), &match);
}

void identify(struct identifier *i, struct tally *t)
{
	i->tally = t;
	if (i->late)
		late_poll(i->late, take_action, i);
	tally_undecided(t, look_further, i);
}
