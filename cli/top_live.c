// SPDX-License-Identifier: GPL-2.0-or-later
/* Rates of this very second: the pinned counters, beside the collector that owns them. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "cli/top.h"
#include "collector/sensor.h"
#include "collector/tree.h"
#include "store/counters.h"

/* Function of a cgroup, as the database has it. */
enum { UNRESOLVED = -1, NOBODYS = 0 };

struct live {
	struct sensor *sensor;
	/* Flat: by id, with the function's id and what the counter was at the last look. */
	struct cgroup_tree known;
	int64_t looked_ns; /* CLOCK_MONOTONIC of the last look; 0: none */
	int64_t minute;	   /* for which the unresolved were looked up */
	uint32_t look;
};

int live_open(const char *pin_dir, struct live **ret)
{
	struct live *l = calloc(1, sizeof(*l));
	int r;

	*ret = NULL;
	if (!l)
		return -ENOMEM;
	r = tree_init(&l->known);
	if (r == 0)
		r = sensor_peek(pin_dir, &l->sensor);
	if (r < 0) {
		live_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

void live_free(struct live *l)
{
	if (!l)
		return;
	if (l->sensor)
		sensor_close(l->sensor);
	tree_free(&l->known);
	free(l);
}

/* The function of the container that the cgroup is, or lies in. */
static int resolve(struct live *l, struct store *s, uint64_t id)
{
	uint64_t epoch = sensor_epoch(l->sensor);
	struct wire_cgroup who;
	int64_t function;

	for (int depth = 0; depth < 16; depth++) {
		int r = store_find_container(s, epoch, id, &function);

		if (r == 0)
			return (int)function;
		if (r != -ENOENT || sensor_read_cgroup(l->sensor, id, &who) < 0)
			return UNRESOLVED;
		id = who.parent;
	}
	return UNRESOLVED;
}

static struct cgroup_node *know(struct live *l, struct store *s, uint64_t id, bool again)
{
	struct cgroup_node *n = tree_find(&l->known, id);

	if (!n) {
		n = tree_add(&l->known, id, NULL, "");
		if (!n)
			return NULL;
		n->function = resolve(l, s, id);
	} else if (again && n->function == UNRESOLVED) {
		n->function = resolve(l, s, id);
	}
	n->seen = l->look;
	return n;
}

static int by_function(const void *key, const void *row)
{
	int64_t id = *(const int64_t *)key, of = ((const struct board_row *)row)->function.id;

	return (id > of) - (id < of);
}

static struct board_row *row_of(struct board *b, const struct cgroup_node *n)
{
	int64_t id = n->function;

	return n->function > 0 ? bsearch(&id, b->row, b->n, sizeof(*b->row), by_function) : NULL;
}

static int read_rates(struct live *l, struct store *s, struct board *b, double seconds, bool again)
{
	const struct wire_invocations *counters;
	const uint64_t *ids;
	size_t n;
	int r = sensor_read_invocations(l->sensor, &ids, &counters, &n);

	for (size_t i = 0; i < n && r == 0; i++) {
		struct cgroup_node *node = know(l, s, ids[i], again);
		struct board_row *row = node ? row_of(b, node) : NULL;
		int64_t gain;

		if (!node)
			return -ENOMEM;
		/* A cgroup that is new since the last look has gained all it has. */
		gain = (int64_t)(counters[i].requests - tree_counters(node)->requests);
		r = tree_set_counters(node, &counters[i]);
		if (row && seconds > 0 && gain > 0)
			row->rate += (double)gain / seconds;
	}
	return r;
}

static int read_usage(struct live *l, struct store *s, struct board *b, bool again)
{
	const struct wire_usage *usage;
	const uint64_t *ids;
	size_t n;

	sensor_read_usage(l->sensor, &ids, &usage, &n);
	for (size_t i = 0; i < n; i++) {
		int64_t function;
		struct cgroup_node *node;
		struct board_row *row;

		node = know(l, s, ids[i], again);
		if (!node)
			return -ENOMEM;
		row = row_of(b, node);
		if (node->function == NOBODYS)
			b->unknown++;
		/* Containers only: those in them are in their numbers. */
		if (!row || store_find_container(s, sensor_epoch(l->sensor), ids[i], &function) < 0)
			continue;
		row->containers++;
		row->memory_bytes += (int64_t)usage[i].bytes;
	}
	return 0;
}

static void forget_gone(struct live *l)
{
	struct cgroup_node *n, *next;

	for (n = tree_next(&l->known, NULL); n; n = next) {
		next = tree_next(&l->known, n);
		if (n->seen != l->look)
			tree_remove(&l->known, n);
	}
}

int live_read(struct live *l, struct store *s, struct board *b)
{
	int64_t now = clock_monotonic_ns();
	double seconds = l->looked_ns ? (double)(now - l->looked_ns) / NS_PER_S : 0;
	bool again = l->minute != b->minute;
	int r;

	/* By id, for row_of(). */
	board_order_by_id(b);
	for (size_t i = 0; i < b->n; i++) {
		b->row[i].rate = seconds > 0 ? 0 : NAN;
		b->row[i].containers = b->row[i].memory_bytes = 0;
	}
	b->unknown = 0;
	l->look++;
	r = read_rates(l, s, b, seconds, again);
	if (r == 0)
		r = read_usage(l, s, b, again);
	b->live = r == 0;
	l->looked_ns = now;
	l->minute = b->minute;
	forget_gone(l);
	return r;
}
