// SPDX-License-Identifier: GPL-2.0-or-later
/* One round of the governor: read, decide, write down, act, tell. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "common/log.h"
#include "governor/internal.h"

void ledger_say(struct governor *g, const char *pool, const char *action, const char *file,
		int64_t before, int64_t after, const char *fmt, ...)
{
	char reason[256];
	struct ledger_row row = {
		.minute = g->minute,
		.time_us = clock_stamp_us(),
		.pool = pool ? pool : "",
		.action = action,
		.file = file,
		.before = before,
		.after = after,
		.reason = reason,
		.applied = g->apply,
	};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	record_ledger(g->record, &row);
}

static int write_file(void *arg, int i, enum change_kind file, int64_t value)
{
	struct governor *g = arg;
	struct pool *p = g->pools[i];
	int r;

	if (!g->apply)
		return 0;
	/* Limits that nobody would lift again must not be written. */
	if (lease_ended(&g->lease))
		return -ESTALE;
	if (p->dir.fd < 0)
		return -ENODEV;
	if (!p->journalled[file])
		return -ENOTRECOVERABLE;
	r = cgroup_dir_write(&p->dir, limit_file[file], value);
	if (r < 0) {
		/* What it holds now is not a stranger's doing. */
		p->known[file] = false;
		return r;
	}
	p->written[file] = value;
	p->known[file] = true;
	p->foreign[file] = false;
	return 0;
}

static int read_back(void *arg, int i, enum change_kind file, int64_t *ret)
{
	struct governor *g = arg;
	struct pool *p = g->pools[i];
	int r;

	*ret = 0;
	if (p->dir.fd < 0)
		return 0;
	r = cgroup_dir_read(&p->dir, limit_file[file], ret);
	if (r == 0) {
		p->written[file] = *ret;
		p->known[file] = true;
	}
	return r;
}

static int read_current(void *arg, int i, int64_t *ret)
{
	struct governor *g = arg;

	*ret = 0;
	return g->pools[i]->dir.fd < 0 ? 0
				       : cgroup_dir_read(&g->pools[i]->dir, "memory.current", ret);
}

static void admit(void *arg, int i, int64_t bytes, int64_t containers)
{
	struct governor *g = arg;

	admission_set(g->table, i, bytes, containers);
}

static const struct act_ops ops = {
	.write = write_file,
	.read = read_back,
	.read_current = read_current,
	.admit = admit,
};

/* The first value must be on disk before the file is touched. */
static void journal(struct governor *g, const struct change *c)
{
	struct pool *p = g->pools[c->pool];
	_cleanup_free_ struct journal_row *row = NULL;

	if (!p->journalled[c->kind]) {
		row = calloc(1, sizeof(*row));
		if (!row || cgroup_dir_read(&p->dir, limit_file[c->kind], &row->first_value) < 0)
			return;
		row->cgroup = p->dir.id;
		row->last_value = row->first_value;
		snprintf(row->path, sizeof(row->path), "%s",
			 admission_pool(g->table, c->pool)->cgroup);
		snprintf(row->file, sizeof(row->file), "%s", limit_file[c->kind]);
		record_journal_first(g->record, row);
	}
	record_journal_last(g->record, p->dir.id, limit_file[c->kind], c->after);
	p->queued[c->kind] = true;
}

static void write_down_change(struct governor *g, const struct change *c)
{
	const char *name = g->pools[c->pool]->name;

	if (c->kind == CHANGE_ADMIT) {
		ledger_say(g, name, "admit", "", c->before, c->after, "%lld to %lld containers; %s",
			   (long long)c->containers_before, (long long)c->containers_after,
			   c->reason);
		return;
	}
	ledger_say(g, name, "write", limit_file[c->kind], c->before, c->after, "%s", c->reason);
	if (g->apply && g->pools[c->pool]->dir.fd >= 0)
		journal(g, c);
}

/* Waits last; one row a minute and kind says enough. */
static void write_down_waits(struct governor *g)
{
	g->waiting = false;
	for (size_t i = 0; i < g->decision.n_waits; i++) {
		const struct wait *w = &g->decision.waits[i];
		struct pool *p = g->pools[w->pool];

		g->waiting = true;
		if (p->said_minute == g->minute && p->said_shrink == w->shrink)
			continue;
		p->said_minute = g->minute;
		p->said_shrink = w->shrink;
		ledger_say(g, p->name, w->shrink ? "veto" : "wait", limit_file[CHANGE_LIMIT],
			   g->states[w->pool].limit, g->states[w->pool].target_bytes, "%s",
			   w->reason);
		log_debug("%s %s", p->name, w->reason);
	}
}

static void make_missing(struct governor *g)
{
	for (size_t k = 0; k < g->decision.n_changes; k++) {
		const struct change *c = &g->decision.changes[k];
		int r;

		if (c->kind != CHANGE_LIMIT || g->pools[c->pool]->dir.fd >= 0)
			continue;
		r = pools_make(g, (size_t)c->pool);
		if (r < 0)
			log_warning("%s/%s cannot be made: %s", g->root_path,
				    g->pools[c->pool]->name, strerror(-r));
	}
}

/* The decision, with the intended last values, is on disk before the first write. */
static void write_down(struct governor *g)
{
	for (size_t k = 0; k < g->decision.n_changes; k++)
		write_down_change(g, &g->decision.changes[k]);
	write_down_waits(g);
	if (record_flush(g->record) < 0)
		return;
	for (size_t i = 0; i < g->n; i++)
		for (enum change_kind f = CHANGE_LIMIT; f <= CHANGE_LOW; f++)
			g->pools[i]->journalled[f] |= g->pools[i]->queued[f];
}

static const char *failure(const struct change *c)
{
	switch (c->error) {
	case -ESTALE:
		return "the lease has ended";
	case -ENOTRECOVERABLE:
		return "its first value could not be journalled";
	default:
		return strerror(-c->error);
	}
}

/* What did not come to pass after all. */
static void write_down_failures(struct governor *g)
{
	for (size_t k = 0; k < g->decision.n_changes; k++) {
		const struct change *c = &g->decision.changes[k];
		struct pool *p = g->pools[c->pool];
		const char *file = c->kind == CHANGE_ADMIT ? "" : limit_file[c->kind];

		if (c->outcome == OUTCOME_DONE)
			continue;
		ledger_say(g, p->name, c->outcome == OUTCOME_VETOED ? "veto" : "fail", file,
			   c->before, c->after, "not done: %s",
			   c->outcome == OUTCOME_VETOED ? c->reason : failure(c));
		if (c->kind != CHANGE_ADMIT && g->apply && p->dir.fd >= 0)
			record_journal_last(g->record, p->dir.id, file,
					    c->kind == CHANGE_LOW ? g->states[c->pool].low
								  : g->states[c->pool].limit);
	}
	record_flush(g->record);
}

static void notify(void *arg, int pool)
{
	struct governor *g = arg;

	if (g->server)
		server_notify(g->server, pool);
}

/* Stopped for longer than the lease (a debugger, a suspended machine): the limits are lifted, or just
 * being lifted. Take the lease again, let the watchdog end its round, and at the next tick take the
 * files as they are. False when this tick may do nothing. */
static bool mind_the_lease(struct governor *g)
{
	int r;

	if (!g->apply)
		return true;
	if (!lease_ended(&g->lease)) {
		for (size_t i = 0; i < g->n && g->lifted; i++)
			pools_accept(g, i);
		g->lifted = false;
		return true;
	}
	r = lease_renew(&g->lease);
	log_warning("the lease had ended: limits were lifted, starting again");
	ledger_say(g, NULL, "lease", "", 0, 0, "the lease had ended: starting again");
	if (r < 0)
		log_error_errno(r, "%s cannot be written", g->lease.state);
	g->lifted = true;
	return false;
}

void governor_tick(struct governor *g)
{
	if (!mind_the_lease(g)) {
		schedule_note_tick(g);
		return;
	}
	schedule_refresh(g);
	pools_read(g);
	pools_scan_containers(g);
	schedule_targets(g);
	for (size_t i = 0; i < g->n; i++) {
		const struct admission_pool *p = admission_pool(g->table, (int)i);

		g->states[i].used_bytes = p->used_bytes;
		g->states[i].used_containers = p->used_containers;
	}
	pools_remove_idle(g);
	decide(&g->node, &g->decision);
	make_missing(g);
	write_down(g);
	if (act(&g->node, &g->decision, &ops, g) > 0)
		write_down_failures(g);
	admission_take_changed(g->table, notify, g);
	if (g->server)
		server_catch_up(g->server);
	schedule_note_tick(g);
}
