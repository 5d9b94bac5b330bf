// SPDX-License-Identifier: GPL-2.0-or-later
/* What the kernel says of a pool's health: read when there may be news, never for all pools at once
 * (one memory.stat costs as much as dozens of memory.current). */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/log.h"
#include "governor/floor.h"
#include "governor/internal.h"
#include "governor/psi.h"

/* Largest memory.stat, with room to grow. */
#define STAT_SIZE 8192
/* Pools whose working set is looked up afresh in one tick, at most, besides those that need it. */
#define STATS_A_TICK 8

static bool read_psi(struct cgroup_dir *dir, const char *file, struct psi *ret)
{
	char text[512];

	return cgroup_dir_read_text(dir, file, text, sizeof(text)) == 0 && psi_parse(text, ret);
}

#define EVENTS "memory.events.local"

/* What was read before stands while the kernel says that nothing has happened since. */
static void read_events(struct pool *p, struct pressure_sample *ret)
{
	char text[512];

	if (p->events_quiet && !p->alarmed && p->pressure.last.has_events) {
		ret->has_events = true;
		ret->max = p->pressure.last.max;
		ret->oom = p->pressure.last.oom;
	} else if (cgroup_dir_read_text(&p->dir, EVENTS, text, sizeof(text)) == 0) {
		events_parse(text, ret);
	}
}

/* One call for all pools: a cgroup's events file that has changed since it was read is exceptional (of two
 * changes within 10 ms the second is told at their end). What is not kept open is read each time. */
static void poll_events(struct governor *g)
{
	_cleanup_free_ struct pollfd *files = calloc(g->n, sizeof(*files));
	int n;

	for (size_t i = 0; files && i < g->n; i++)
		files[i] = (struct pollfd){ .fd = cgroup_dir_kept(&g->pools[i]->dir, EVENTS),
					    .events = POLLPRI };
	n = files ? poll(files, g->n, 0) : -1;
	for (size_t i = 0; i < g->n; i++)
		g->pools[i]->events_quiet = n >= 0 && files[i].fd >= 0 && files[i].revents == 0;
}

/* The node's swap, once a tick. */
static void read_swap(struct governor *g)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/meminfo", "re");
	_cleanup_fclose_ FILE *s = fopen("/proc/sys/vm/swappiness", "re");
	char line[128];
	long long kib;
	int swappiness;

	g->swap_free = g->swappiness = 0;
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "SwapFree: %lld kB", &kib) == 1)
			g->swap_free = kib * KIB;
	if (s && fscanf(s, "%d", &swappiness) == 1)
		g->swappiness = swappiness;
}

static int64_t swap_for(struct governor *g, struct cgroup_dir *dir)
{
	int64_t max = LIMIT_NONE, used = 0;

	if (g->swap_free < 0)
		read_swap(g);
	if (g->swap_free == 0)
		return 0;
	if (cgroup_dir_read(dir, "memory.swap.max", &max) < 0 ||
	    cgroup_dir_read(dir, "memory.swap.current", &used) < 0)
		return 0;
	return usable_swap(g->swap_free, max, used, g->swappiness);
}

static bool read_stat(struct governor *g, size_t i, struct memory_stat *ret)
{
	struct pool *p = g->pools[i];
	char text[STAT_SIZE];

	if (cgroup_dir_read_text(&p->dir, "memory.stat", text, sizeof(text)) < 0 ||
	    !memory_stat_parse(text, ret))
		return false;
	g->states[i].unreclaimable = unreclaimable(ret, swap_for(g, &p->dir));
	p->idle_file = ret->inactive_file;
	p->stat_current = g->states[i].current;
	return true;
}

static void say(struct governor *g, size_t i, enum pressure_event event)
{
	const struct pool *p = g->pools[i];
	const struct pressure *q = &p->pressure;
	int64_t limit = g->states[i].limit;
	int64_t wanted = pressure_wanted_limit(q, g->model_minute);

	switch (event) {
	case PRESSURE_NOTHING:
		return;
	case PRESSURE_OOM:
		log_warning("%s: a container was killed at the limit of %s; it gets up to %s",
			    p->name, format_limit(limit), format_limit(wanted));
		ledger_say(g, p->name, "oom", "memory.max", limit, wanted,
			   q->remembers
				   ? "a container was killed at a limit that had been lowered from "
				     "%s: taken back, and not lowered below that for a day"
				   : "a container was killed at this limit: it gets more, as far "
				     "as the budget allows",
			   format_limit(q->remembered));
		return;
	case PRESSURE_FULL:
		ledger_say(g, p->name, "full", "memory.max", limit, wanted,
			   "its tasks stall at the limit: it gets a tenth more for a while");
		return;
	case PRESSURE_AGAIN:
		ledger_say(
			g, p->name, "full", "memory.max", limit, limit,
			"it is at its limit again after %d raises: a leak, or planned too small; not "
			"raised again for now",
			q->raises);
		return;
	case PRESSURE_FUTILE:
		log_warning(
			"%s: reclaim at its limit of %s is futile; it gets all that is free and "
			"is left alone for an hour",
			p->name, format_limit(limit));
		ledger_say(g, p->name, "quarantine", "memory.max", limit, LIMIT_NONE,
			   "reclaim is futile (less than a tenth of what is scanned is freed, all "
			   "tasks stall): it gets all that is free and is left alone for an hour");
		return;
	case PRESSURE_RELEASED:
		ledger_say(g, p->name, "calm", "memory.max", limit, limit,
			   "its guard or quarantine has ended");
		return;
	}
}

/* Deep: with PSI. memory.stat is the dearest of all, and read only where it may decide something. */
static void look(struct governor *g, size_t i, bool deep, bool stat_too)
{
	struct pool *p = g->pools[i];
	struct pool_state *s = &g->states[i];
	struct pressure_sample sample = { .minute = g->model_minute };
	struct memory_stat stat;
	bool news;

	if (p->dir.fd < 0)
		return;
	read_events(p, &sample);
	/* News in the counters are worth a closer look, too. */
	news = p->alarmed ||
	       (sample.has_events && p->pressure.last.has_events &&
		(sample.oom > p->pressure.last.oom || sample.max > p->pressure.last.max));
	deep |= news;
	if (deep) {
		sample.has_psi = read_psi(&p->dir, "memory.pressure", &sample.memory) &&
				 read_psi(&p->dir, "io.pressure", &sample.io);
		sample.has_stat = (news || stat_too) && read_stat(g, i, &stat);
	}
	if (sample.has_stat) {
		sample.refaults = stat.refaults;
		sample.scanned = stat.scanned;
		sample.stolen = stat.stolen;
	}
	p->alarmed = false;
	/* Good for one look: who is about to lower a limit reads. */
	p->events_quiet = false;
	say(g, i, pressure_look(&p->pressure, &sample, s->limit, s->current));
}

static void set_alarm(struct governor *g, size_t i)
{
	struct pool *p = g->pools[i];
	struct epoll_event event = { .events = EPOLLPRI, .data.ptr = &p->psi };

	if (p->psi >= 0 || p->no_pressure_files || p->dir.fd < 0)
		return;
	p->psi = psi_open(&p->dir);
	if (p->psi >= 0 && epoll_ctl(g->epoll, EPOLL_CTL_ADD, p->psi, &event) == 0)
		return;
	close_fd(&p->psi);
	p->psi = -1;
	p->no_pressure_files = true;
	if (p->dir.keep && !g->no_psi_said)
		log_warning(
			"%s: no pressure alarms (psi=0 on the kernel's command line?): pools are "
			"looked at once a minute only",
			p->name);
	g->no_psi_said |= p->dir.keep;
}

void sense_news(struct governor *g)
{
	g->swap_free = -1;
	poll_events(g);
	for (size_t i = 0; i < g->n; i++) {
		struct pool *p = g->pools[i];
		bool due = p->events_minute != g->model_minute;

		set_alarm(g, i);
		if (!p->alarmed && !due)
			continue;
		p->events_minute = g->model_minute;
		look(g, i, p->alarmed, false);
	}
}

static bool has_moved(const struct governor *g, size_t i)
{
	int64_t current = g->states[i].current, then = g->pools[i]->stat_current;
	int64_t moved = current > then ? current - then : then - current;

	return moved > current / 8 + MIB;
}

/* Main's for loans, and of the others a few in turn. */
static void refresh_stats(struct governor *g)
{
	struct memory_stat stat;

	if (g->pools[MAIN_POOL]->dir.fd >= 0 && has_moved(g, MAIN_POOL))
		read_stat(g, MAIN_POOL, &stat);
	for (size_t k = 0, done = 0; k < g->n && done < STATS_A_TICK; k++) {
		g->next_stat = (g->next_stat + 1) % g->n;
		if (g->pools[g->next_stat]->dir.fd < 0 || !has_moved(g, g->next_stat))
			continue;
		read_stat(g, g->next_stat, &stat);
		done++;
	}
}

static void apply_findings(struct governor *g, size_t i)
{
	struct pool_state *s = &g->states[i];
	struct pool *p = g->pools[i];

	s->veto = pressure_says(&p->pressure, g->model_minute);
	s->working_set = MAX(s->current - p->idle_file, 0);
	/* What was promised is protected before it is touched. */
	if (i != MAIN_POOL)
		s->working_set = MAX(s->working_set, s->used_bytes);
	/* What has never been read might all be in use. */
	if (p->stat_current == 0)
		s->unreclaimable = s->current;
}

void sense_shrinking(struct governor *g)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct pool_state *s = &g->states[i];

		if (s->limit > wanted_limit(s) && s->limit <= g->node.budget && !s->hands_off)
			/* Where there is room below the next limit nothing will be reclaimed. */
			look(g, i, true, reclaim_need(&g->node, (int)i) > 0);
	}
	refresh_stats(g);
	for (size_t i = 0; i < g->n; i++)
		apply_findings(g, i);
}

bool sense_calm(struct governor *g, size_t i)
{
	look(g, i, true, true);
	apply_findings(g, i);
	return !g->states[i].veto;
}

bool sense_event(struct governor *g, const void *ptr, uint32_t events)
{
	for (size_t i = 0; i < g->n; i++) {
		struct pool *p = g->pools[i];

		if (ptr != &p->psi)
			continue;
		if (events & (EPOLLERR | EPOLLHUP))
			sense_forget(p);
		else
			p->alarmed = true;
		return true;
	}
	return false;
}

void sense_forget(struct pool *p)
{
	close_fd(&p->psi);
	p->psi = -1;
	p->no_pressure_files = false;
	p->pressure = (struct pressure){ 0 };
	p->alarmed = false;
	p->events_minute = p->stat_current = p->idle_file = 0;
}
