// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What memory.low on a pool needs to really protect it: as much on the root above (protection never
 * exceeds the parent's), and, on a mount without memory_recursiveprot, protection of the containers
 * below. There they get "max": a share of what their pool has, by what they use.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/log.h"
#include "governor/internal.h"
#include "governor/setup.h"

/* Runtimes nest a cgroup or two below a container's. */
#define DEPTH_MAX 4
#define LOW "memory.low"

struct protected
{
	uint64_t id;
	bool here;
};

static int find_in_journal(struct governor *g, bool *ret)
{
	struct journal_row *rows;
	size_t n;
	int r = store_list_journal(g->store, &rows, &n);

	*ret = false;
	for (size_t k = 0; r == 0 && k < n; k++)
		*ret |= rows[k].cgroup == g->root.id && strcmp(rows[k].file, LOW) == 0;
	if (r == 0)
		free(rows);
	return r;
}

/* Above the root nothing is ours to write; what is missing there is said once. */
static void look_above(struct governor *g)
{
	char parent[CGROUP_PATH_MAX];
	struct cgroup_dir dir;
	int64_t low;
	char *slash;

	snprintf(parent, sizeof(parent), "%s", g->root_path);
	slash = strrchr(parent, '/');
	*slash = '\0';
	if (strcmp(parent, g->o->mount) == 0 || cgroup_dir_open(AT_FDCWD, parent, &dir) < 0)
		return;
	if (cgroup_dir_read(&dir, LOW, &low) == 0 && low < g->node.budget)
		log_warning(
			"%s/memory.low is %s: against memory pressure from outside it protects the "
			"pools by no more than that",
			parent, format_limit(low));
	cgroup_dir_close(&dir);
}

int protect_begin(struct governor *g)
{
	bool ours;
	int r = cgroup_dir_read(&g->root, LOW, &g->root_low);

	if (r < 0)
		return r;
	r = find_in_journal(g, &ours);
	if (r < 0)
		return r;
	g->recursive = setup_protects_recursively(g->o->mount);
	/* Someone else's protection of the whole stays as it is. */
	g->root_low_known = g->root_low == 0 || ours;
	g->root_low_journalled = ours;
	if (!g->root_low_known)
		log_info("%s/memory.low is %s, not by faasmat: left as it is", g->root_path,
			 format_limit(g->root_low));
	look_above(g);
	g->lease.owns_root_low = g->root_low_known;
	return lease_renew(&g->lease);
}

static int64_t wanted_root_low(const struct governor *g)
{
	int64_t sum = 0;

	for (size_t i = 1; i < g->n; i++)
		sum += MIN(g->states[i].low, g->node.budget);
	for (size_t k = 0; k < g->decision.n_changes; k++) {
		const struct change *c = &g->decision.changes[k];

		if (c->kind == CHANGE_LOW && c->after > c->before)
			sum += c->after - c->before;
	}
	return MIN(sum, g->node.budget);
}

static void queue_first(struct governor *g, uint64_t id, const char *path, int64_t first)
{
	_cleanup_free_ struct journal_row *row = calloc(1, sizeof(*row));

	if (!row)
		return;
	row->cgroup = id;
	row->first_value = row->last_value = first;
	snprintf(row->path, sizeof(row->path), "%s", path);
	snprintf(row->file, sizeof(row->file), "%s", LOW);
	record_journal_first(g->record, row);
}

/* Too much at the root costs the rest of the node little, too little costs the pools: up at once, down
 * when it is a quarter too much. */
void protect_plan_root(struct governor *g)
{
	int64_t wanted = wanted_root_low(g);

	g->root_low_wanted = g->root_low;
	if (!g->apply || !g->root_low_known ||
	    (wanted <= g->root_low && wanted > g->root_low / 4 * 3) || wanted == g->root_low)
		return;
	g->root_low_wanted = wanted;
	if (!g->root_low_journalled)
		queue_first(g, g->root.id, g->o->root, g->root_low);
	record_journal_last(g->record, g->root.id, LOW, wanted);
	ledger_say(g, NULL, "write", LOW, g->root_low, wanted,
		   "as much as all pools together: theirs protects no more than that");
}

/* After the flush: what is to be written is in the journal. */
void protect_root(struct governor *g)
{
	int64_t now;

	if (!g->apply || g->root_low_wanted == g->root_low)
		return;
	g->root_low_journalled = true;
	if (cgroup_dir_read(&g->root, LOW, &now) < 0)
		return;
	if (now != g->root_low) {
		g->drifts++;
		g->root_low_known = g->lease.owns_root_low = false;
		ledger_say(g, NULL, "adopt", LOW, g->root_low, now,
			   "someone else wrote it; left as it is from now on");
		g->root_low = now;
		return;
	}
	if (cgroup_dir_write(&g->root, LOW, g->root_low_wanted) == 0)
		g->root_low = g->root_low_wanted;
}

void protect_accept(struct governor *g)
{
	int64_t now;

	if (g->root_low_known && cgroup_dir_read(&g->root, LOW, &now) == 0)
		g->root_low = now;
}

void protect_end(struct governor *g)
{
	int64_t now;

	if (!g->root_low_known || g->root_low == 0 || !g->root_low_journalled ||
	    cgroup_dir_read(&g->root, LOW, &now) < 0 || now != g->root_low)
		return;
	record_journal_last(g->record, g->root.id, LOW, 0);
	ledger_say(g, NULL, "write", LOW, now, 0, "the pools are no longer protected");
	if (cgroup_dir_write(&g->root, LOW, 0) == 0)
		g->root_low = 0;
}

static struct protected *find(struct pool *p, uint64_t id)
{
	for (size_t k = 0; k < p->n_guarded; k++)
		if (p->guarded[k].id == id)
			return &p->guarded[k];
	return NULL;
}

static int add(struct pool *p, uint64_t id)
{
	struct protected *more = realloc(p->guarded, (p->n_guarded + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	p->guarded = more;
	p->guarded[p->n_guarded++] = (struct protected){ .id = id, .here = true };
	return 0;
}

struct walk {
	struct governor *g;
	struct pool *p;
	struct cgroup_dir *above;
	const char *path; /* of `above` */
	int depth;
	bool queue; /* first the journal, then the files */
};

static void protect_one(struct walk *w, struct cgroup_dir *dir, const char *path)
{
	struct protected *known = find(w->p, dir->id);
	int64_t low;

	if (known)
		known->here = true;
	/* Only what nobody has set: 0 is the kernel's own. */
	if (cgroup_dir_read(dir, LOW, &low) < 0 || low != 0)
		return;
	if (w->queue && !known) {
		queue_first(w->g, dir->id, path, 0);
		record_journal_last(w->g->record, dir->id, LOW, LIMIT_NONE);
	} else if (!w->queue && !known && add(w->p, dir->id) == 0) {
		cgroup_dir_write(dir, LOW, LIMIT_NONE);
	}
}

static int walk_one(void *arg, const char *name)
{
	struct walk *w = arg;
	struct cgroup_dir dir;
	char path[CGROUP_PATH_MAX];
	struct walk below = *w;

	if (w->depth >= DEPTH_MAX ||
	    (size_t)snprintf(path, sizeof(path), "%s/%s", w->path, name) >= sizeof(path) ||
	    cgroup_dir_open(w->above->fd, name, &dir) < 0)
		return 0;
	protect_one(w, &dir, path);
	below.above = &dir;
	below.path = path;
	below.depth++;
	cgroup_dir_children(&dir, walk_one, &below);
	cgroup_dir_close(&dir);
	return 0;
}

static void forget_gone(struct governor *g, struct pool *p)
{
	for (size_t k = 0; k < p->n_guarded;) {
		if (p->guarded[k].here) {
			p->guarded[k++].here = false;
			continue;
		}
		record_journal_remove(g->record, p->guarded[k].id, LOW);
		p->guarded[k] = p->guarded[--p->n_guarded];
	}
}

void protect_containers(struct governor *g, size_t i)
{
	struct pool *p = g->pools[i];
	struct walk w = { .g = g,
			  .p = p,
			  .above = &p->dir,
			  .path = admission_pool(g->table, (int)i)->cgroup,
			  .queue = true };

	if (!g->apply || !g->governing || g->recursive || i == MAIN_POOL)
		return;
	cgroup_dir_children(&p->dir, walk_one, &w);
	if (record_flush(g->record) < 0)
		return;
	w.queue = false;
	cgroup_dir_children(&p->dir, walk_one, &w);
	forget_gone(g, p);
}

void protect_forget(struct governor *g, struct pool *p)
{
	for (size_t k = 0; k < p->n_guarded; k++)
		p->guarded[k].here = false;
	forget_gone(g, p);
}
