// SPDX-License-Identifier: GPL-2.0-or-later
/* The governor's pools as they are in the kernel: found, made, read, and what others changed. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/log.h"
#include "governor/containers.h"
#include "governor/internal.h"
#include "governor/setup.h"

const char *const limit_file[N_FILES] = {
	[CHANGE_LIMIT] = "memory.max",
	[CHANGE_LOW] = "memory.low",
};

static int64_t *state_value(struct governor *g, size_t i, enum change_kind file)
{
	return file == CHANGE_LOW ? &g->states[i].low : &g->states[i].limit;
}

static bool is_gone(int r)
{
	return r == -ENODEV || r == -ENOENT;
}

/* Room for one more pool in every array; the arrays stay as they are when there is none. */
static int make_room(struct governor *g)
{
	struct pool **pools = realloc(g->pools, (g->n + 1) * sizeof(*pools));
	struct pool_state *states;
	struct extra *wish;

	if (!pools)
		return -ENOMEM;
	g->pools = pools;
	states = realloc(g->states, (g->n + 1) * sizeof(*states));
	if (!states)
		return -ENOMEM;
	wish = realloc(g->wish, (g->n + 1) * sizeof(*wish));
	if (!wish)
		return -ENOMEM;
	g->wish = wish;
	g->states = states;
	g->node.pools = states;
	return decision_make_room(&g->decision, g->n + 1);
}

int pools_add(struct governor *g, const char *name, const char *function)
{
	char cgroup[CGROUP_PATH_MAX + 300];
	struct pool *p;
	int r = admission_find_pool(g->table, name);

	if (r >= 0)
		return r;
	r = make_room(g);
	if (r < 0)
		return r;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	snprintf(p->name, sizeof(p->name), "%s", name);
	r = pool_name_to_directory(g->o->root, name, p->directory, sizeof(p->directory));
	if (r < 0) {
		free(p);
		return r;
	}
	snprintf(cgroup, sizeof(cgroup), "%s/%s", g->o->root, p->directory);
	r = admission_add_pool(g->table, name, function, cgroup);
	if (r < 0) {
		free(p);
		return r;
	}
	p->dir = CGROUP_DIR_CLOSED;
	p->psi = -1;
	p->said_minute = p->last_planned = INT64_MIN;
	g->pools[g->n] = p;
	g->states[g->n] = (struct pool_state){
		.name = p->name,
		.target_containers = g->n == MAIN_POOL ? NO_COUNT : 0,
		.admitted_containers = g->n == MAIN_POOL ? NO_COUNT : 0,
	};
	g->node.n = ++g->n;
	pools_accept(g, (size_t)r);
	return r;
}

int pools_for_function(struct governor *g, const char *function)
{
	char name[256] = "pool-";
	int i = admission_find_function(g->table, function);
	int r;

	if (i >= 0)
		return i;
	r = escape_component(function, name + 5, sizeof(name) - 5);
	if (r < 0)
		return r;
	i = admission_find_pool(g->table, name);
	/* One that a former governor left: now it is known whose it is. */
	if (i >= 0)
		r = admission_name_function(g->table, i, function);
	else
		i = pools_add(g, name, function);
	return r < 0 ? r : i;
}

static int add_existing(void *arg, const char *directory)
{
	struct governor *g = arg;
	char name[256];
	int r;

	if (pool_name_of_directory(g->o->root, directory, name, sizeof(name)) < 0 ||
	    g->n > MAX_POOLS)
		return 0;
	r = pools_add(g, name, NULL);
	return MIN(r, 0);
}

int pools_find_existing(struct governor *g)
{
	int r = pools_add(g, "main", NULL);

	return r < 0 ? r : cgroup_dir_children(&g->root, add_existing, g);
}

void pools_accept(struct governor *g, size_t i)
{
	struct pool *p = g->pools[i];
	struct pool_state *s = &g->states[i];

	s->limit = s->low = 0;
	p->known[CHANGE_LIMIT] = p->known[CHANGE_LOW] = false;
	p->journalled[CHANGE_LIMIT] = p->journalled[CHANGE_LOW] = false;
	p->queued[CHANGE_LIMIT] = p->queued[CHANGE_LOW] = false;
	if (p->dir.fd < 0 && cgroup_dir_open(g->root.fd, p->directory, &p->dir) < 0) {
		p->watched = (struct watched){ 0 };
		return;
	}
	if (!p->watched.id)
		watch_add(g->inotify, &p->watched, p->dir.fd);
	for (enum change_kind f = CHANGE_LIMIT; f <= CHANGE_LOW; f++) {
		int64_t *value = state_value(g, i, f);

		if (cgroup_dir_read(&p->dir, limit_file[f], value) < 0) {
			/* Unreadable: nobody may build on it. */
			*value = f == CHANGE_LIMIT ? LIMIT_NONE : 0;
			continue;
		}
		p->written[f] = *value;
		p->known[f] = true;
		p->foreign[f] = false;
	}
}

int pools_make(struct governor *g, size_t i)
{
	struct pool *p = g->pools[i];
	char path[CGROUP_PATH_MAX + 300];
	int r;

	if (p->dir.fd >= 0)
		return 0;
	snprintf(path, sizeof(path), "%s/%s", g->o->root, p->directory);
	r = setup_make(g->o->mount, path);
	if (r == 0)
		r = cgroup_dir_open(g->root.fd, p->directory, &p->dir);
	if (r < 0)
		return r;
	/* Made by us: whoever is in it from now on has reserved. */
	p->adopted_containers = true;
	watch_add(g->inotify, &p->watched, p->dir.fd);
	return 0;
}

/* Of a cgroup that is no more. Another one of its name is another one. */
static void let_go(struct governor *g, struct pool *p)
{
	sense_forget(p);
	writes_forget(g, p);
	protect_forget(g, p);
	cgroup_dir_close(&p->dir);
}

static void forget(struct governor *g, size_t i)
{
	struct pool *p = g->pools[i];

	ledger_say(g, p->name, "gone", "", g->states[i].limit, 0,
		   "the cgroup was removed by someone else");
	let_go(g, p);
	pools_accept(g, i);
}

/* Longer each time, and as at first when there was peace for as long as it took. */
static void back_off(struct governor *g, size_t i, int64_t now_ns)
{
	struct pool *p = g->pools[i];
	int64_t last = clock_scale_ns(&g->o->clock, p->back_off_ns);

	if (p->back_off_ns == 0 || now_ns > p->hands_off_until_ns + last)
		p->back_off_ns = BACK_OFF_NS;
	else
		p->back_off_ns = MIN(2 * p->back_off_ns, BACK_OFF_MOST_NS);
	p->hands_off_until_ns = now_ns + clock_scale_ns(&g->o->clock, p->back_off_ns);
	g->states[i].hands_off = true;
}

/* A value that is neither ours nor what we found: someone else wants it so. Taken over, counted, left
 * alone for a while; never fought. */
static void adopt_changes(struct governor *g, size_t i, enum change_kind file, int64_t now_ns)
{
	struct pool *p = g->pools[i];
	int64_t value;

	if (cgroup_dir_read(&p->dir, limit_file[file], &value) < 0) {
		g->states[i].hands_off = true;
		return;
	}
	if (p->known[file] && value == p->written[file])
		return;
	if (p->known[file]) {
		g->drifts++;
		p->foreign[file] = true;
		back_off(g, i, now_ns);
		log_warning("%s/%s: someone else wrote %s (we: %s); left alone for %d minutes",
			    p->name, limit_file[file], format_limit(value),
			    format_limit(p->written[file]), (int)(p->back_off_ns / NS_PER_S / 60));
		ledger_say(g, p->name, "adopt", limit_file[file], p->written[file], value,
			   "someone else wrote it; left alone for %d minutes",
			   (int)(p->back_off_ns / NS_PER_S / 60));
	}
	p->written[file] = value;
	p->known[file] = true;
	*state_value(g, i, file) = value;
}

/* Before it is written, and else every few minutes: what someone else writes to it takes no memory from
 * anybody. */
static bool low_is_due(const struct governor *g, size_t i)
{
	return !g->pools[i]->known[CHANGE_LOW] ||
	       (g->model_minute + (int64_t)i) % LOW_EVERY_MINUTES == 0;
}

static void read_pool(struct governor *g, size_t i, int64_t now_ns)
{
	struct pool *p = g->pools[i];
	struct pool_state *s = &g->states[i];
	int r;

	s->hands_off = now_ns < p->hands_off_until_ns;
	s->current = 0;
	/* Someone may have made it, a runtime that starts a container in it. */
	if (p->dir.fd < 0 && cgroup_dir_open(g->root.fd, p->directory, &p->dir) == 0 && g->apply)
		pools_accept(g, i);
	if (p->dir.fd < 0)
		return;
	r = cgroup_dir_read(&p->dir, "memory.current", &s->current);
	if (is_gone(r))
		forget(g, i);
	else if (r < 0)
		s->hands_off = true;
	if (r < 0 || !g->apply)
		return;
	if (p->limit_job)
		s->hands_off = true;
	else
		adopt_changes(g, i, CHANGE_LIMIT, now_ns);
	p->low_fresh = low_is_due(g, i);
	if (p->low_fresh)
		adopt_changes(g, i, CHANGE_LOW, now_ns);
}

/* The root's own limit is the budget; someone who lowers it lowers the budget. */
static void read_root(struct governor *g)
{
	int64_t limit;
	int r = cgroup_dir_read(&g->root, "memory.max", &limit);

	g->root_gone = is_gone(r);
	if (r == 0 && limit != g->root_limit) {
		if (g->apply) {
			g->drifts++;
			ledger_say(g, NULL, "adopt", "memory.max", g->root_limit, limit,
				   "someone else wrote the root's limit");
			log_warning("%s/memory.max: someone else wrote %s; the budget is the "
				    "smaller of that and --memory",
				    g->root_path, format_limit(limit));
		}
		g->root_limit = limit;
	}
	g->node.budget = MIN(g->o->memory, g->root_limit) / LIMIT_PAGE * LIMIT_PAGE;
	admission_set_max_bytes(g->table, g->node.budget);
}

static void look_at(struct governor *g, size_t i)
{
	read_pool(g, i, g->read_ns);
	outcomes_see(g, i);
	g->pools[i]->fresh = true;
}

static bool is_changing(const struct governor *g, size_t i)
{
	const struct pool_state *s = &g->states[i];

	return s->limit / LIMIT_PAGE != wanted_limit(s) / LIMIT_PAGE ||
	       s->used_bytes > s->admitted_bytes;
}

static bool has_news(const struct governor *g, size_t i)
{
	const struct pool *p = g->pools[i];

	return i == MAIN_POOL || p->alarmed || p->limit_job || p->reclaim_job ||
	       g->states[i].hands_off || (p->watched.id && !p->watched.seen);
}

void pools_read(struct governor *g)
{
	bool all = g->read_minute != g->model_minute || g->read_wall_minute != g->minute;

	g->read_minute = g->model_minute;
	g->read_wall_minute = g->minute;
	g->read_ns = clock_monotonic_ns();
	pools_watch(g);
	read_root(g);
	for (size_t i = 0; i < g->n; i++) {
		g->pools[i]->fresh = g->pools[i]->low_fresh = false;
		if (all || has_news(g, i) || is_changing(g, i))
			look_at(g, i);
	}
}

void pools_read_changing(struct governor *g)
{
	for (size_t i = 0; i < g->n; i++)
		if (!g->pools[i]->fresh && is_changing(g, i))
			look_at(g, i);
}

bool pools_read_decided(struct governor *g)
{
	bool any = false;

	for (size_t k = 0; k < g->decision.n_changes; k++) {
		const struct change *c = &g->decision.changes[k];
		struct pool *p = g->pools[c->pool];

		if (c->kind == CHANGE_ADMIT)
			continue;
		if (!p->fresh) {
			look_at(g, (size_t)c->pool);
			any = true;
		}
		if (c->kind == CHANGE_LOW && !p->low_fresh && p->dir.fd >= 0 && g->apply) {
			adopt_changes(g, (size_t)c->pool, CHANGE_LOW, g->read_ns);
			p->low_fresh = true;
			any |= p->foreign[CHANGE_LOW];
		}
	}
	return any;
}

static void remove_cgroup(struct governor *g, size_t i)
{
	struct pool *p = g->pools[i];

	/* Stopping a slice would stop a container that is just being started in it. */
	if (p->dir.slice)
		return;
	/* The kernel refuses when a container is in it after all. */
	if (unlinkat(g->root.fd, p->directory, AT_REMOVEDIR) < 0)
		return;
	ledger_say(g, p->name, "remove", "", g->states[i].limit, 0,
		   "empty, and in no plan for %d minutes", HOLD_MINUTES);
	record_journal_remove(g->record, p->dir.id, limit_file[CHANGE_LIMIT]);
	record_journal_remove(g->record, p->dir.id, limit_file[CHANGE_LOW]);
	let_go(g, p);
	pools_accept(g, i);
}

void pools_remove_idle(struct governor *g)
{
	for (size_t i = MAIN_POOL + 1; i < g->n; i++) {
		struct pool *p = g->pools[i];

		if (p->last_planned == INT64_MIN)
			p->last_planned = g->model_minute;
		if (g->apply && p->dir.fd >= 0 && !g->states[i].hands_off &&
		    g->states[i].target_bytes == 0 && g->states[i].used_containers == 0 &&
		    g->model_minute - p->last_planned > HOLD_MINUTES)
			remove_cgroup(g, i);
	}
}

struct scan {
	const struct pool *pool;
	struct container_seen *seen;
	size_t n, size;
	struct admission *table;
	int64_t unit;
	bool first, strangers;
};

static int see_container(void *arg, const char *name)
{
	struct scan *scan = arg;
	int64_t bytes = 0;

	if (scan->n == scan->size) {
		size_t size = scan->size ? 2 * scan->size : 64;
		struct container_seen *more = realloc(scan->seen, size * sizeof(*more));

		if (!more)
			return -ENOMEM;
		scan->seen = more;
		scan->size = size;
	}
	if (!admission_has(scan->table, name)) {
		/* Nobody is in it: made beforehand, or left behind. */
		if (!scan->first && container_is_empty(&scan->pool->dir, name)) {
			scan->strangers = true;
			return 0;
		}
		bytes = container_bytes(&scan->pool->dir, name, scan->unit, scan->first);
	}
	scan->seen[scan->n] = (struct container_seen){ .name = strdup(name), .bytes = bytes };
	if (!scan->seen[scan->n].name)
		return -ENOMEM;
	scan->n++;
	return 0;
}

static size_t scan_pool(struct governor *g, size_t i)
{
	struct pool *p = g->pools[i];
	struct scan scan = {
		.pool = p,
		.table = g->table,
		.unit = admission_pool(g->table, (int)i)->unit,
		.first = !p->adopted_containers,
	};

	if (p->dir.fd < 0)
		return 0;
	if (p->watched.id && p->watched.seen)
		return p->containers;
	p->watched.seen = true;
	/* Half a list would release containers that run. */
	if (cgroup_dir_children(&p->dir, see_container, &scan) == 0) {
		admission_scan(g->table, (int)i, scan.seen, scan.n, true);
		p->adopted_containers = true;
		p->containers = scan.n;
		p->strangers = scan.strangers;
		p->was_in_use = true;
		protect_containers(g, i);
	} else {
		p->watched.seen = false;
	}
	for (size_t k = 0; k < scan.n; k++)
		free((char *)scan.seen[k].name);
	free(scan.seen);
	return scan.n;
}

static struct watched *watched_of(void *arg, size_t i)
{
	struct governor *g = arg;

	return &g->pools[i]->watched;
}

bool pools_watch(struct governor *g)
{
	return watch_read(g->inotify, g->n, watched_of, g);
}

size_t pools_scan_containers(struct governor *g)
{
	size_t n = 0;

	pools_watch(g);
	for (size_t i = 0; i < g->n; i++)
		n += scan_pool(g, i);
	return n;
}

void pools_free(struct governor *g)
{
	for (size_t i = 0; i < g->n; i++) {
		sense_forget(g->pools[i]);
		cgroup_dir_close(&g->pools[i]->dir);
		free(g->pools[i]->guarded);
		free(g->pools[i]);
	}
	free(g->wish);
	free(g->row_pools);
	free(g->pools);
	free(g->states);
	decision_free(&g->decision);
}
