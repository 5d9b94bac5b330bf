// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/tree.h"

#include <errno.h>
#include <string.h>

#define FIRST_BUCKETS 256

static size_t slot(const struct cgroup_tree *t, uint64_t id)
{
	/* Ids count up: Fibonacci hashing spreads them. */
	return (id * 0x9e3779b97f4a7c15ULL >> 32) & (t->buckets - 1);
}

int tree_init(struct cgroup_tree *t)
{
	*t = (struct cgroup_tree){ .buckets = FIRST_BUCKETS };
	t->bucket = calloc(t->buckets, sizeof(*t->bucket));
	return t->bucket ? 0 : -ENOMEM;
}

static void free_node(struct cgroup_node *node)
{
	free(node->counters);
	free(node->path);
	free(node);
}

void tree_free(struct cgroup_tree *t)
{
	for (size_t i = 0; i < t->buckets && t->bucket; i++) {
		while (t->bucket[i]) {
			struct cgroup_node *node = t->bucket[i];

			t->bucket[i] = node->next;
			free_node(node);
		}
	}
	free(t->bucket);
	*t = (struct cgroup_tree){ 0 };
}

struct cgroup_node *tree_find(const struct cgroup_tree *t, uint64_t id)
{
	struct cgroup_node *node = t->bucket[slot(t, id)];

	while (node && node->id != id)
		node = node->next;
	return node;
}

/* Doubles the buckets when there are more nodes than those; without memory it only gets slower. */
static void widen(struct cgroup_tree *t)
{
	struct cgroup_tree wide = { .buckets = t->buckets * 2, .n = t->n };

	wide.bucket = calloc(wide.buckets, sizeof(*wide.bucket));
	if (!wide.bucket)
		return;
	for (size_t i = 0; i < t->buckets; i++) {
		while (t->bucket[i]) {
			struct cgroup_node *node = t->bucket[i];
			size_t to = slot(&wide, node->id);

			t->bucket[i] = node->next;
			node->next = wide.bucket[to];
			wide.bucket[to] = node;
		}
	}
	free(t->bucket);
	*t = wide;
}

struct cgroup_node *tree_add(struct cgroup_tree *t, uint64_t id, struct cgroup_node *parent,
			     const char *name)
{
	struct cgroup_node *node = calloc(1, sizeof(*node));
	int r;

	if (!node)
		return NULL;
	/* The mount's own root is "/": its children are "/name", not "//name". */
	r = asprintf(&node->path, "%s%s%s", parent && strcmp(parent->path, "/") ? parent->path : "",
		     parent ? "/" : "", name);
	if (r < 0) {
		free(node);
		return NULL;
	}
	if (t->n >= t->buckets)
		widen(t);
	node->id = id;
	node->base.cgroup = id;
	node->parent = parent;
	node->function = -1;
	node->first_minute = INT64_MIN;
	if (parent) {
		parent->children++;
		parent->had_children = true;
	}
	node->next = t->bucket[slot(t, id)];
	t->bucket[slot(t, id)] = node;
	t->n++;
	return node;
}

const struct wire_invocations *tree_counters(const struct cgroup_node *node)
{
	static const struct wire_invocations none;

	return node->counters ? node->counters : &none;
}

int tree_set_counters(struct cgroup_node *node, const struct wire_invocations *c)
{
	if (!node->counters)
		node->counters = malloc(sizeof(*node->counters));
	if (!node->counters)
		return -ENOMEM;
	*node->counters = *c;
	return 0;
}

void tree_remove(struct cgroup_tree *t, struct cgroup_node *node)
{
	struct cgroup_node **at = &t->bucket[slot(t, node->id)];

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	if (node->parent)
		node->parent->children--;
	t->n--;
	free_node(node);
}

struct cgroup_node *tree_next(const struct cgroup_tree *t, const struct cgroup_node *node)
{
	size_t i = 0;

	if (node && node->next)
		return node->next;
	if (node)
		i = slot(t, node->id) + 1;
	for (; i < t->buckets; i++)
		if (t->bucket[i])
			return t->bucket[i];
	return NULL;
}
