// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/samples.h"

#include <errno.h>
#include <string.h>

/* Path of a node below the root's directory. */
static const char *below_root(const struct cgroup_node *n)
{
	const struct cgroup_node *root = n;
	const char *path;

	while (root->parent)
		root = root->parent;
	path = n->path + (strcmp(root->path, "/") == 0 ? 0 : strlen(root->path));
	return *path == '/' ? path + 1 : path;
}

static void take_pool(struct samples *s, const struct cgroup_node *n, int root_fd)
{
	struct sample *item = &s->item[s->n];

	*item = (struct sample){ .path = n->path, .function = -1 };
	if (composition_read(root_fd, below_root(n), n->id, &item->memory) == 0)
		s->n++;
}

static void take_container(struct samples *s, const struct cgroup_node *n, int root_fd)
{
	struct composition c;

	for (size_t i = 0; i < s->n; i++) {
		struct sample *item = &s->item[i];

		if (item->path || item->function != n->function)
			continue;
		if (item->containers == SAMPLES_CONTAINERS ||
		    composition_read(root_fd, below_root(n), n->id, &c) < 0)
			return;
		item->containers++;
		composition_add(&item->memory, &c);
	}
}

void samples_take(struct samples *s, const struct tally *t, int root_fd, const int *hot, size_t n)
{
	const struct cgroup_tree *tree = tally_tree(t);
	const struct cgroup_node *node;
	size_t pools = 0;

	s->n = 0;
	for (size_t i = 0; i < MIN(n, SAMPLES_FUNCTIONS); i++)
		s->item[s->n++] = (struct sample){
			.function = hot[i],
			.memory = { .some_us = -1, .full_us = -1 },
		};
	for (node = tree_next(tree, NULL); node; node = tree_next(tree, node)) {
		if (node->gone)
			continue;
		if (node->container == node)
			take_container(s, node, root_fd);
		else if (tally_is_pool(node) && pools++ < SAMPLES_POOLS)
			take_pool(s, node, root_fd);
	}
}
