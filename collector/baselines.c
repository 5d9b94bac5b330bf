// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/baselines.h"

#include <errno.h>
#include <string.h>

#include "collector/book.h"
#include "common/log.h"
#include "store/counters.h"

/* By cgroup; a flat tree, of which only id and base are used. */
static int add(struct cgroup_tree *list, const struct counter_baseline *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct cgroup_node *node = tree_find(list, b[i].cgroup);

		if (!node)
			node = tree_add(list, b[i].cgroup, NULL, "");
		if (!node)
			return -ENOMEM;
		node->base = b[i];
	}
	return 0;
}

static int add_epoch(struct store *s, uint64_t epoch, struct cgroup_tree *list)
{
	_cleanup_free_ struct counter_baseline *b = NULL;
	size_t n;
	int r = store_read_baselines(s, epoch, &b, &n);

	return r < 0 ? r : add(list, b, n);
}

static int take_off(struct sensor *sensor, size_t heritage, struct cgroup_tree *list)
{
	_cleanup_free_ struct wire_invocations *counters = NULL;
	_cleanup_free_ uint64_t *ids = NULL;
	size_t n;
	int r = sensor_read_heritage(sensor, heritage, &ids, &counters, &n);

	for (size_t i = 0; i < n && r == 0; i++) {
		struct cgroup_node *node = tree_find(list, ids[i]);

		if (!node)
			node = tree_add(list, ids[i], NULL, "");
		if (!node)
			return -ENOMEM;
		book_take_off(&node->base, &counters[i]);
	}
	return r;
}

/* Remembers which epochs are merged, until their counters are removed. */
static void merged_key(char *key, size_t size, uint64_t epoch)
{
	snprintf(key, size, "merged_epoch_%016llx", (unsigned long long)epoch);
}

static int merge(struct sensor *sensor, struct store *s, struct cgroup_tree *list)
{
	int r = 0;

	for (size_t i = 0; i < sensor_heritage(sensor) && r == 0; i++) {
		uint64_t epoch = sensor_heritage_epoch(sensor, i);
		int64_t done;
		char key[64];

		merged_key(key, sizeof(key), epoch);
		if (store_get_meta(s, key, &done) == 0)
			continue;
		r = add_epoch(s, epoch, list);
		if (r == 0)
			r = take_off(sensor, i, list);
		if (r == 0)
			r = store_set_meta(s, key, 1);
	}
	return r;
}

static int write_list(struct store *s, uint64_t epoch, const struct cgroup_tree *list)
{
	int r = 0;

	for (const struct cgroup_node *n = tree_next(list, NULL); n && r == 0;
	     n = tree_next(list, n))
		r = store_write_baseline(s, epoch, &n->base);
	return r;
}

static int give(struct tally *t, const struct cgroup_tree *list)
{
	_cleanup_free_ struct counter_baseline *b = calloc(list->n + 1, sizeof(*b));
	size_t n = 0;

	if (!b)
		return -ENOMEM;
	for (const struct cgroup_node *c = tree_next(list, NULL); c; c = tree_next(list, c))
		b[n++] = c->base;
	return tally_set_baselines(t, b, n);
}

static int begin_epoch(struct sensor *sensor, struct store *s, struct cgroup_tree *list)
{
	uint64_t epoch = sensor_epoch(sensor);
	int r = store_begin(s);

	if (r == 0)
		r = add_epoch(s, epoch, list);
	if (r == 0)
		r = merge(sensor, s, list);
	if (r == 0 && sensor_heritage(sensor))
		r = write_list(s, epoch, list);
	if (r == 0)
		r = store_start_epoch(s, epoch);
	if (r == 0)
		r = store_commit(s);
	store_rollback(s);
	return r;
}

static int forget_merged(struct sensor *sensor, const char *pin_dir, struct store *s)
{
	uint64_t epoch[16];
	size_t n = MIN(sensor_heritage(sensor), ARRAY_SIZE(epoch));
	char key[64];
	int r;

	for (size_t i = 0; i < n; i++)
		epoch[i] = sensor_heritage_epoch(sensor, i);
	r = sensor_drop_heritage(sensor, pin_dir);
	for (size_t i = 0; i < n && r == 0; i++) {
		merged_key(key, sizeof(key), epoch[i]);
		r = store_remove_meta(s, key);
	}
	return r;
}

int baselines_load(struct sensor *sensor, const char *pin_dir, struct store *s, struct tally *t)
{
	struct cgroup_tree list;
	int r = tree_init(&list);

	if (r == 0)
		r = begin_epoch(sensor, s, &list);
	if (r < 0) {
		tree_free(&list);
		return log_error_errno(r, "reading the counters' last state: %s", store_why());
	}
	r = give(t, &list);
	tree_free(&list);
	if (r == 0 && sensor_heritage(sensor))
		r = forget_merged(sensor, pin_dir, s);
	return r < 0 ? log_error_errno(r, "taking over from an earlier collector") : 0;
}
