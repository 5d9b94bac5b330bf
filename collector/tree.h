/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cgroups below the watched root, by id, with their paths. Pure. */
#ifndef FAASMAT_COLLECTOR_TREE_H
#define FAASMAT_COLLECTOR_TREE_H

#include "bpf/wire.h"
#include "identity/rules.h"
#include "store/counters.h"

struct cgroup_node {
	uint64_t id;
	char *path;		       /* relative to the cgroup mount; as the container named it */
	struct cgroup_node *parent;    /* NULL for the root */
	struct cgroup_node *container; /* itself or the ancestor that a rule knows; NULL: none */
	int function;		       /* index in the tally, of its container; -1 */
	int children;
	int siblings; /* of a container: how many of its function lived when it was first seen */
	bool had_children;
	enum identity identity; /* of itself; NEEDS_*: undecided, its counts wait */
	uint8_t looks;		/* passes since its files were first looked for */
	uint8_t held;		/* minutes that its counts have waited */

	/* Last read from the kernel, and what of it is in history already. */
	struct wire_usage usage;
	struct wire_invocations *counters; /* NULL: it has none */
	struct counter_baseline base;
	uint64_t container_first_response_ns; /* of a container: the first of any of its cgroups */
	int64_t first_minute;		      /* INT64_MIN: not in the containers table yet */
	uint32_t seen;			      /* sweep that saw it last */
	bool had_processes;
	bool base_changed; /* to be written */
	bool row_changed;  /* its row in the containers table is behind */
	bool row_due;	   /* and is to be written now */
	bool gone;	   /* removed */
	bool gone_booked;  /* and its last numbers are in rows: dropped once those are stored */
	int64_t row_invocations, row_oom_kills; /* to be added to that row */

	struct cgroup_node *next; /* in its bucket */
};

struct cgroup_tree {
	struct cgroup_node **bucket;
	size_t buckets, n;
};

int tree_init(struct cgroup_tree *t);
void tree_free(struct cgroup_tree *t);
struct cgroup_node *tree_find(const struct cgroup_tree *t, uint64_t id);
/* Adds a cgroup called `name` below `parent` (NULL: `name` is the root's whole path). NULL when out
 * of memory. The id must be new. */
struct cgroup_node *tree_add(struct cgroup_tree *t, uint64_t id, struct cgroup_node *parent,
			     const char *name);
/* All zeroes where the kernel has none. */
const struct wire_invocations *tree_counters(const struct cgroup_node *node);
/* A copy of what was read. -ENOMEM. */
int tree_set_counters(struct cgroup_node *node, const struct wire_invocations *c);
/* Frees a node without children. */
void tree_remove(struct cgroup_tree *t, struct cgroup_node *node);

/* for (n = tree_next(t, NULL); n; n = tree_next(t, n)): every node, in no order. Removing the node
 * at hand is allowed when its successor was asked for before. */
struct cgroup_node *tree_next(const struct cgroup_tree *t, const struct cgroup_node *node);

#endif
