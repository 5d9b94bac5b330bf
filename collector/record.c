// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/record.h"

#include <errno.h>

#include "common/clock.h"
#include "store/functions.h"
#include "store/memory.h"
#include "store/retention.h"

/* Looked up once: ids do not change. */
static int function_id(struct store *s, struct tally *t, int function, int64_t *ret)
{
	int r = 0;

	*ret = tally_function_id(t, function);
	if (!*ret)
		r = store_function_id(s, tally_function_name(t, function), ret);
	if (r == 0)
		tally_set_function_id(t, function, *ret);
	return r;
}

static int add_rows(struct store *s, struct tally *t)
{
	size_t n;
	const struct tally_row *rows = tally_rows(t, &n);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		struct history_row row = rows[i].row;

		r = function_id(s, t, rows[i].function, &row.function);
		if (r == 0)
			r = store_add_history(s, &row, 1);
	}
	return r;
}

static int64_t limit_of(uint64_t wire)
{
	return wire >= WIRE_NO_LIMIT ? INT64_MAX : (int64_t)wire;
}

static int add_pool(struct store *s, const struct cgroup_node *n, int64_t minute)
{
	const __u64 *e = n->usage.events;
	struct pool_row row = {
		.minute = minute,
		.path = n->path,
		.cgroup = n->id,
		.usage_bytes = (int64_t)n->usage.bytes,
		.peak_bytes = (int64_t)n->usage.peak,
		.limit_bytes = limit_of(n->usage.limit),
		.events = { .low = (int64_t)e[WIRE_LOW],
			    .high = (int64_t)e[WIRE_HIGH],
			    .max = (int64_t)e[WIRE_MAX],
			    .oom = (int64_t)e[WIRE_OOM],
			    .oom_kill = (int64_t)e[WIRE_OOM_KILL],
			    .oom_group_kill = (int64_t)e[WIRE_OOM_GROUP_KILL] },
	};

	return store_add_pool(s, &row);
}

static int add_container(struct store *s, uint64_t epoch, struct tally *t,
			 const struct cgroup_node *n, int64_t minute)
{
	struct container_row row = {
		.cgroup = n->id,
		.path = n->path,
		.first_minute = n->first_minute == INT64_MIN ? minute : n->first_minute,
		.last_minute = minute,
		.invocations = n->row_invocations,
		.peak_bytes = (int64_t)n->usage.peak,
		.oom_kills = n->row_oom_kills,
		.siblings = n->siblings,
	};
	int r = 0;

	if (n->function >= 0)
		r = function_id(s, t, n->function, &row.function);
	return r < 0 ? r : store_add_container(s, epoch, &row);
}

static int add_cgroups(struct store *s, uint64_t epoch, struct tally *t, int64_t minute)
{
	const struct cgroup_tree *tree = tally_tree(t);
	const struct cgroup_node *n;
	int r = 0;

	for (n = tree_next(tree, NULL); n && r == 0; n = tree_next(tree, n)) {
		if (n->base_changed)
			r = store_write_baseline(s, epoch, &n->base);
		if (r == 0 && n->row_due)
			r = add_container(s, epoch, t, n, minute);
		if (r == 0 && tally_is_pool(n) && !n->gone)
			r = add_pool(s, n, minute);
	}
	return r;
}

static const char *path_of(const struct tally *t, uint64_t cgroup)
{
	const struct cgroup_node *n = cgroup ? tree_find(tally_tree(t), cgroup) : NULL;

	return n ? n->path : cgroup ? "?" : "";
}

static int add_victims(struct store *s, const struct tally *t, const struct record *what)
{
	int r = 0;

	for (size_t i = 0; i < what->n_victims && r == 0; i++) {
		const struct victim *v = &what->victims[i];
		char comm[sizeof(v->wire.comm) + 1] = "";
		struct victim_row row = {
			.minute = v->minute,
			.time_us = v->time_us,
			.path = path_of(t, v->wire.cgroup),
			.oom_path = path_of(t, v->wire.oom_cgroup),
			.pid = v->wire.pid,
			.comm = comm,
		};

		snprintf(comm, sizeof(comm), "%.*s", (int)sizeof(v->wire.comm), v->wire.comm);
		r = store_add_victim(s, &row);
	}
	return r;
}

static int add_samples(struct store *s, struct tally *t, const struct record *what)
{
	int r = 0;

	for (size_t i = 0; what->samples && i < what->samples->n && r == 0; i++) {
		const struct sample *item = &what->samples->item[i];
		const struct composition *m = &item->memory;
		struct memory_row row = {
			.minute = what->minute,
			.path = item->path ? item->path : "",
			.containers = item->containers,
			.anon_bytes = m->anon_bytes,
			.file_bytes = m->file_bytes,
			.shmem_bytes = m->shmem_bytes,
			.slab_bytes = m->slab_bytes,
			.some_us = m->some_us,
			.full_us = m->full_us,
		};

		if (!item->path && item->containers == 0)
			continue;
		if (!item->path)
			r = function_id(s, t, item->function, &row.function);
		if (r == 0)
			r = store_add_memory(s, &row);
	}
	return r;
}

static int write_all(struct store *s, uint64_t epoch, struct tally *t, const struct record *what)
{
	const uint64_t *forgotten;
	size_t n;
	int r = add_rows(s, t);

	forgotten = tally_forgotten(t, &n);
	for (size_t i = 0; i < n && r == 0; i++)
		r = store_remove_baseline(s, forgotten[i]);
	if (r == 0)
		r = add_cgroups(s, epoch, t, what->minute);
	if (r == 0)
		r = add_victims(s, t, what);
	if (r == 0)
		r = add_samples(s, t, what);
	for (size_t i = 0; i < what->n_watched && r == 0; i++)
		r = store_mark_observed(s, 0, what->watched[i].first, what->watched[i].last);
	if (r == 0)
		r = store_set_meta(s, "collector_whole_minute", what->whole);
	if (r == 0)
		r = store_set_meta(s, "collector_lost", what->lost);
	if (r == 0)
		r = store_set_meta(s, "collector_time_us", clock_stamp_us());
	if (r == 0 && what->keep_minutes)
		r = store_forget(s, what->minute, what->minute - what->keep_minutes);
	return r;
}

int record_tally(struct store *s, uint64_t epoch, struct tally *t, const struct record *what)
{
	int r = store_begin(s);

	if (r < 0)
		return r;
	r = write_all(s, epoch, t, what);
	if (r == 0)
		r = store_commit(s);
	store_rollback(s);
	if (r < 0)
		tally_forget_ids(t);
	return r;
}
