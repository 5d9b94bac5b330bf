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
	char reason[REASON_MAX];

	/* Said when it really begins. */
	if (c->kind == CHANGE_RECLAIM)
		return;
	change_reason(&g->node, c, reason);
	if (c->kind == CHANGE_ADMIT) {
		ledger_say(g, name, "admit", "", c->before, c->after, "%lld to %lld containers; %s",
			   (long long)c->containers_before, (long long)c->containers_after, reason);
		return;
	}
	ledger_say(g, name, "write", limit_file[c->kind], c->before, c->after, "%s", reason);
	if (g->apply && g->pools[c->pool]->dir.fd >= 0)
		journal(g, c);
}

/* Waits last; one row a minute and kind says enough. */
static void write_down_waits(struct governor *g)
{
	char reason[REASON_MAX];

	g->waiting = false;
	for (size_t i = 0; i < g->decision.n_waits; i++) {
		const struct wait *w = &g->decision.waits[i];
		struct pool *p = g->pools[w->pool];

		g->waiting = true;
		if (p->said_minute == g->minute && p->said_kind == w->kind)
			continue;
		p->said_minute = g->minute;
		p->said_kind = w->kind;
		wait_reason(&g->node, w, reason);
		ledger_say(g, p->name, w->kind == WAIT_FOR_BYTES ? "wait" : "veto",
			   limit_file[CHANGE_LIMIT], g->states[w->pool].limit,
			   wanted_limit(&g->states[w->pool]), "%s", reason);
		log_debug("%s %s", p->name, reason);
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
	protect_plan_root(g);
	if (record_flush(g->record) < 0)
		return;
	for (size_t i = 0; i < g->n; i++)
		for (enum change_kind f = CHANGE_LIMIT; f <= CHANGE_LOW; f++)
			g->pools[i]->journalled[f] |= g->pools[i]->queued[f];
	protect_root(g);
}

static const char *failure(const struct change *c)
{
	switch (c->error) {
	case -ESTALE:
		return "the lease has ended";
	case -ENOTRECOVERABLE:
		return "its first value could not be journalled";
	case -EINPROGRESS:
		return "the write blocks; the pool is left alone until it has ended";
	case -EINTR:
		return "the write blocked until its deadline";
	default:
		return strerror(-c->error);
	}
}

/* One change that did not come to pass after all. */
static void write_down_failure(struct governor *g, const struct change *c)
{
	struct pool *p = g->pools[c->pool];
	const char *file = c->kind == CHANGE_ADMIT     ? ""
			   : c->kind == CHANGE_RECLAIM ? "memory.reclaim"
						       : limit_file[c->kind];

	ledger_say(g, p->name, c->outcome == OUTCOME_VETOED ? "veto" : "fail", file, c->before,
		   c->after, "not done: %s", c->veto ? c->veto : failure(c));
	if (c->kind != CHANGE_LIMIT && c->kind != CHANGE_LOW)
		return;
	if (g->apply && p->dir.fd >= 0 && c->outcome != OUTCOME_IN_FLIGHT)
		record_journal_last(g->record, p->dir.id, file,
				    c->kind == CHANGE_LOW ? g->states[c->pool].low
							  : g->states[c->pool].limit);
}

/* Stops acting, for good: limits are lifted, and what could not be lifted the watchdog lifts when the
 * lease ends, which is no longer renewed. */
static void stop_acting(struct governor *g)
{
	log_error("%s: from now on in shadow mode, no limit is written; see `faasmat status`, and "
		  "start again when it is mended",
		  breaker_says(&g->breaker));
	ledger_say(g, NULL, "breaker", "", 0, 0,
		   "%s: limits are lifted, from now on in shadow mode", breaker_says(&g->breaker));
	if (!g->governing)
		return;
	protect_end(g);
	if (writes_lift(g, "the breaker is open") == 0)
		lease_drop(&g->lease);
	g->apply = g->governing = false;
}

void tick_mind_plan(struct governor *g, const char *fault)
{
	if (breaker_plan(&g->breaker, fault))
		stop_acting(g);
}

/* A write that could not be because the cgroup is gone, or for our own reasons, proves nothing. */
static bool is_refusal(const struct change *c)
{
	return c->outcome == OUTCOME_FAILED && c->error != -ENODEV && c->error != -ENOENT &&
	       c->error != -ESTALE && c->error != -ENOTRECOVERABLE;
}

static void note_outcomes(struct governor *g)
{
	size_t done = 0, refused = 0;

	for (size_t k = 0; k < g->decision.n_changes; k++) {
		const struct change *c = &g->decision.changes[k];

		if (c->outcome != OUTCOME_DONE)
			write_down_failure(g, c);
		if (c->kind != CHANGE_LIMIT && c->kind != CHANGE_LOW)
			continue;
		/* From a limit that limited nothing there is no way back. */
		if (c->kind == CHANGE_LIMIT && c->outcome == OUTCOME_DONE && c->after < c->before &&
		    c->before <= g->node.budget)
			pressure_lowered(&g->pools[c->pool]->pressure, c->before, c->after,
					 g->model_minute);
		done += c->outcome == OUTCOME_DONE;
		refused += is_refusal(c);
	}
	if (breaker_writes(&g->breaker, done, refused))
		stop_acting(g);
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
		if (g->lifted)
			protect_accept(g);
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

/* How many minutes have passed, whatever has been done to the clock. */
static int64_t minutes_passed(const struct governor *g)
{
	return (clock_monotonic_ns() - g->began_ns) / g->o->clock.minute_ns + 1;
}

static void take_usage(struct governor *g)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct admission_pool *p = admission_pool(g->table, (int)i);

		g->states[i].used_bytes = p->used_bytes;
		g->states[i].used_containers = p->used_containers;
	}
}

static void take_time(struct governor *g, enum phase phase, int64_t *since)
{
	int64_t now = clock_cpu_ns();

	g->cpu_ns[phase] += now - *since;
	*since = now;
}

static void say_times(struct governor *g)
{
	const int64_t *t = g->cpu_ns;

	log_debug(
		"CPU of the last minute, us: plan %lld, read %lld, decide %lld, record %lld, write "
		"%lld",
		(long long)(t[PHASE_PLAN] / NS_PER_US), (long long)(t[PHASE_READ] / NS_PER_US),
		(long long)(t[PHASE_DECIDE] / NS_PER_US), (long long)(t[PHASE_RECORD] / NS_PER_US),
		(long long)(t[PHASE_WRITE] / NS_PER_US));
	memset(g->cpu_ns, 0, sizeof(g->cpu_ns));
}

static void read_node(struct governor *g)
{
	pools_read(g);
	outcomes_store(g);
	pools_scan_containers(g);
	take_usage(g);
	sense_news(g);
}

static void decide_now(struct governor *g)
{
	schedule_targets(g);
	extras_grant(g);
	schedule_tell(g);
	pools_read_changing(g);
	sense_shrinking(g);
	pools_remove_idle(g);
	decide(&g->node, &g->decision);
	if (pools_read_decided(g))
		decide(&g->node, &g->decision);
}

void governor_tick(struct governor *g)
{
	int64_t since = clock_cpu_ns(), minute = g->minute;

	g->model_minute = minutes_passed(g);
	if (!mind_the_lease(g)) {
		schedule_note_tick(g);
		return;
	}
	schedule_refresh(g);
	if (minute != g->minute)
		say_times(g);
	take_time(g, PHASE_PLAN, &since);
	read_node(g);
	take_time(g, PHASE_READ, &since);
	decide_now(g);
	take_time(g, PHASE_DECIDE, &since);
	make_missing(g);
	write_down(g);
	take_time(g, PHASE_RECORD, &since);
	g->patience_ns = WRITES_PATIENCE_NS;
	act(&g->node, &g->decision, &writes_ops, g);
	note_outcomes(g);
	admission_take_changed(g->table, notify, g);
	if (g->server)
		server_catch_up(g->server);
	outcomes_limits(g);
	schedule_note_tick(g);
	take_time(g, PHASE_WRITE, &since);
}
