// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/act.h"

static int64_t *value_of(struct pool_state *p, enum change_kind kind)
{
	return kind == CHANGE_LOW ? &p->low : &p->limit;
}

static void write_failed(struct pool_state *p, struct change *c, const struct act_ops *ops,
			 void *arg)
{
	int64_t now;

	if (ops->read(arg, c->pool, c->kind, &now) < 0)
		now = MAX(c->before, c->after);
	*value_of(p, c->kind) = now;
}

static void act_one(struct node_state *node, struct change *c, const struct act_ops *ops, void *arg)
{
	struct pool_state *p = &node->pools[c->pool];
	const char *veto;

	/* Between the decision and now a container may have grown. */
	if (c->kind == CHANGE_LIMIT && c->after < p->limit) {
		c->error = ops->read_current(arg, c->pool, &p->current);
		if (c->error < 0) {
			c->outcome = OUTCOME_FAILED;
			return;
		}
	}
	veto = change_veto(node, c);
	if (veto) {
		snprintf(c->reason, sizeof(c->reason), "%s", veto);
		c->outcome = OUTCOME_VETOED;
		return;
	}
	if (c->kind == CHANGE_ADMIT) {
		p->admitted_bytes = c->after;
		p->admitted_containers = c->containers_after;
		ops->admit(arg, c->pool, c->after, c->containers_after);
	} else {
		c->error = ops->write(arg, c->pool, c->kind, c->after);
		if (c->error < 0) {
			c->outcome = OUTCOME_FAILED;
			write_failed(p, c, ops, arg);
			return;
		}
		*value_of(p, c->kind) = c->after;
	}
	c->outcome = OUTCOME_DONE;
}

size_t act(struct node_state *node, struct decision *d, const struct act_ops *ops, void *arg)
{
	size_t open = 0;

	for (size_t i = 0; i < d->n_changes; i++) {
		act_one(node, &d->changes[i], ops, arg);
		open += d->changes[i].outcome != OUTCOME_DONE;
	}
	return open;
}
