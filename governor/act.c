// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/act.h"

#include <errno.h>

static int64_t *value_of(struct pool_state *p, enum change_kind kind)
{
	return kind == CHANGE_LOW ? &p->low : &p->limit;
}

static void write_ended(struct node_state *node, struct change *c, int r, const struct act_ops *ops,
			void *arg)
{
	int64_t *value = value_of(&node->pools[c->pool], c->kind);

	c->error = r;
	if (r == 0) {
		c->outcome = OUTCOME_DONE;
		*value = c->after;
	} else if (r == -EINPROGRESS) {
		c->outcome = OUTCOME_IN_FLIGHT;
		*value = MAX(c->before, c->after);
	} else {
		c->outcome = OUTCOME_FAILED;
		if (ops->read(arg, c->pool, c->kind, value) < 0)
			*value = MAX(c->before, c->after);
	}
}

/* Between the decision and now a container may have grown. */
static int look_again(struct node_state *node, const struct change *c, const struct act_ops *ops,
		      void *arg)
{
	struct pool_state *p = &node->pools[c->pool];

	return c->kind == CHANGE_LIMIT && c->after < p->limit
		       ? ops->read_current(arg, c->pool, &p->current)
		       : 0;
}

static void carry_out(struct node_state *node, struct change *c, const struct act_ops *ops,
		      void *arg)
{
	struct pool_state *p = &node->pools[c->pool];

	if (c->kind == CHANGE_ADMIT) {
		p->admitted_bytes = c->after;
		p->admitted_containers = c->containers_after;
		ops->admit(arg, c->pool, c->after, c->containers_after);
		c->outcome = OUTCOME_DONE;
	} else if (c->kind == CHANGE_RECLAIM) {
		c->error = ops->reclaim(arg, c->pool, c->after);
		c->outcome = c->error < 0 ? OUTCOME_FAILED : OUTCOME_DONE;
	} else {
		write_ended(node, c, ops->write(arg, c->pool, c->kind, c->after), ops, arg);
	}
}

static void act_one(struct node_state *node, struct change *c, const struct act_ops *ops, void *arg)
{
	c->error = look_again(node, c, ops, arg);
	if (c->error < 0) {
		c->outcome = OUTCOME_FAILED;
		return;
	}
	c->veto = change_veto(node, c);
	if (c->veto)
		c->outcome = OUTCOME_VETOED;
	else
		carry_out(node, c, ops, arg);
}

/* Lowers begin all together, so that one that blocks holds up none of the others. */
static bool may_go_on(const struct change *c)
{
	return c->kind == CHANGE_LIMIT && c->after < c->before;
}

/* How changes `from` to `to`, as far as they have begun, came out. */
static void collect(struct node_state *node, struct decision *d, size_t from, size_t to,
		    const struct act_ops *ops, void *arg)
{
	for (size_t i = from; i < to; i++) {
		struct change *c = &d->changes[i];

		if (c->outcome == OUTCOME_IN_FLIGHT)
			write_ended(node, c, ops->result(arg, c->pool, c->kind), ops, arg);
		if (c->outcome == OUTCOME_IN_FLIGHT)
			node->pools[c->pool].hands_off = true;
	}
}

size_t act(struct node_state *node, struct decision *d, const struct act_ops *ops, void *arg)
{
	size_t open = 0, collected = 0;

	for (size_t i = 0; i < d->n_changes; i++) {
		struct change *c = &d->changes[i];

		if (!may_go_on(c)) {
			collect(node, d, collected, i, ops, arg);
			collected = i;
		}
		act_one(node, c, ops, arg);
	}
	collect(node, d, collected, d->n_changes, ops, arg);
	for (size_t i = 0; i < d->n_changes; i++)
		open += d->changes[i].outcome != OUTCOME_DONE;
	return open;
}
