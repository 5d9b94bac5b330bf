// SPDX-License-Identifier: GPL-2.0-or-later
#include "governor/pressure.h"

#include <string.h>

#include "common/util.h"

/* Percent of time. Senpai asks for less than 0.1; a pool whose containers start and leave has more
 * than that in health. Waiting for disks is what some functions do for a living. */
#define MEMORY_SOME 1.0
#define IO_SOME 20.0
/* Pages read back since the last sample: a megabyte, or one page in a hundred of the pool. */
#define REFAULTS_MIN 256
#define PAGE 4096

/* After an OOM kill nothing is lowered for so long; a lowering that is not longer ago led to it. */
#define AFTER_OOM_MINUTES 10
#define GUARD_MINUTES 60
#define FULL_MINUTES 10
#define QUARANTINE_MINUTES 60
#define REMEMBER_MINUTES MINUTES_PER_DAY
#define OOM_RAISE_MIN (100 * MIB)
/* A container that leaks would otherwise take all that main does not use, a fifth at a time. */
#define RAISES_MAX 3

/* Futile reclaim: so many pages scanned (64 MiB), less than a tenth of them stolen, and everybody
 * stalled for a tenth of the time. In the outage that the rule is from, 3 % were stolen and all stalled
 * for 86 %. */
#define FUTILE_SCANNED 16384
#define FUTILE_FULL 10.0

static bool refaulting(const struct pressure *p, const struct pressure_sample *s, int64_t current)
{
	if (!p->last.has_stat || !s->has_stat)
		return false;
	return s->refaults - p->last.refaults > MAX(REFAULTS_MIN, current / PAGE / 100);
}

static bool stalled(const struct psi *psi, double limit)
{
	return psi->some10 >= limit || psi->some60 >= limit;
}

static bool futile(const struct pressure *p, const struct pressure_sample *s)
{
	int64_t scanned, stolen;

	if (!p->last.has_stat || !s->has_stat || !s->has_psi || s->memory.full10 < FUTILE_FULL)
		return false;
	scanned = s->scanned - p->last.scanned;
	stolen = s->stolen - p->last.stolen;
	return scanned >= FUTILE_SCANNED && stolen < scanned / 10;
}

static enum pressure_veto judge(const struct pressure *p, const struct pressure_sample *s,
				int64_t current)
{
	if (p->quarantined)
		return VETO_QUARANTINE;
	if (p->killed && s->minute - p->killed_minute < AFTER_OOM_MINUTES)
		return VETO_OOM;
	if (s->has_psi && stalled(&s->memory, MEMORY_SOME))
		return VETO_MEMORY_STALL;
	if (s->has_psi && stalled(&s->io, IO_SOME))
		return VETO_IO_STALL;
	return refaulting(p, s, current) ? VETO_REFAULTS : VETO_NONE;
}

static bool expire(struct pressure *p, int64_t minute)
{
	bool ended = (p->guarded && minute > p->guard_until) ||
		     (p->quarantined && minute > p->quarantine_until);

	if (p->guarded && minute > p->guard_until) {
		p->guarded = false;
		p->raises = 0;
	}
	p->quarantined &= minute <= p->quarantine_until;
	p->remembers &= minute <= p->remembered_until;
	return ended;
}

/* False when it has been raised often enough. */
static bool raise(struct pressure *p, int64_t to, int64_t until)
{
	if (p->guarded && p->raises >= RAISES_MAX)
		return false;
	p->raises = p->guarded ? p->raises + 1 : 1;
	p->guard = p->guarded ? MAX(p->guard, to) : to;
	p->guard_until = p->guarded ? MAX(p->guard_until, until) : until;
	p->guarded = true;
	return true;
}

static enum pressure_event was_killed(struct pressure *p, int64_t minute, int64_t limit)
{
	/* Taken back by what is remembered, see pressure_wanted_limit(). */
	bool after_lowering = p->was_lowered && minute - p->lowered_minute < AFTER_OOM_MINUTES;
	int64_t to = limit + MAX(OOM_RAISE_MIN, limit / 5);

	p->killed = true;
	p->killed_minute = minute;
	if (after_lowering) {
		p->remembered = p->remembers ? MAX(p->remembered, p->lowered_from)
					     : p->lowered_from;
		p->remembered_until = minute + REMEMBER_MINUTES;
		p->remembers = true;
	}
	return raise(p, to, minute + GUARD_MINUTES) ? PRESSURE_OOM : PRESSURE_AGAIN;
}

static enum pressure_event was_full(struct pressure *p, int64_t minute, int64_t limit)
{
	/* Once a minute is enough: what it helps shows in the averages only later. */
	if (p->guarded && minute <= p->guard_until - FULL_MINUTES)
		return PRESSURE_NOTHING;
	return raise(p, limit + limit / 10, minute + FULL_MINUTES) ? PRESSURE_FULL : PRESSURE_AGAIN;
}

static enum pressure_event react(struct pressure *p, const struct pressure_sample *s, int64_t limit,
				 int64_t current)
{
	bool known = p->last.has_events && s->has_events;

	/* "max" cannot be raised. */
	if (limit == INT64_MAX)
		return PRESSURE_NOTHING;
	if (known && s->oom > p->last.oom)
		return was_killed(p, s->minute, limit);
	if (!p->quarantined && futile(p, s)) {
		p->quarantined = true;
		p->quarantine_until = s->minute + QUARANTINE_MINUTES;
		return PRESSURE_FUTILE;
	}
	if (known && s->max > p->last.max &&
	    ((s->has_psi && stalled(&s->memory, MEMORY_SOME)) || refaulting(p, s, current)))
		return was_full(p, s->minute, limit);
	return PRESSURE_NOTHING;
}

static void remember(struct pressure *p, const struct pressure_sample *s)
{
	p->last.minute = s->minute;
	if (s->has_events) {
		p->last.has_events = true;
		p->last.max = s->max;
		p->last.oom = s->oom;
	}
	if (s->has_stat) {
		p->last.has_stat = true;
		p->last.refaults = s->refaults;
		p->last.scanned = s->scanned;
		p->last.stolen = s->stolen;
	}
}

enum pressure_event pressure_look(struct pressure *p, const struct pressure_sample *s,
				  int64_t limit, int64_t current)
{
	bool ended = expire(p, s->minute);
	enum pressure_event event = react(p, s, limit, current);

	p->veto = judge(p, s, current);
	remember(p, s);
	return event == PRESSURE_NOTHING && ended ? PRESSURE_RELEASED : event;
}

void pressure_lowered(struct pressure *p, int64_t from, int64_t to, int64_t minute)
{
	bool same_run = p->was_lowered && minute - p->lowered_minute < AFTER_OOM_MINUTES;

	p->lowered_from = same_run ? MAX(p->lowered_from, from) : from;
	p->lowered_to = to;
	p->lowered_minute = minute;
	p->was_lowered = true;
}

int64_t pressure_wanted_limit(const struct pressure *p, int64_t minute)
{
	int64_t limit = 0;

	if (p->quarantined && minute <= p->quarantine_until)
		return INT64_MAX;
	if (p->guarded && minute <= p->guard_until)
		limit = p->guard;
	if (p->remembers && minute <= p->remembered_until)
		limit = MAX(limit, p->remembered);
	return limit;
}

const char *pressure_says(const struct pressure *p, int64_t minute)
{
	static const char *const says[] = {
		[VETO_MEMORY_STALL] = "its tasks stall for memory (memory.pressure some above 1 %)",
		[VETO_IO_STALL] = "its tasks stall for disks (io.pressure some above 20 %)",
		[VETO_REFAULTS] = "it reads back pages that were just reclaimed",
		[VETO_OOM] = "a container was killed at this limit less than 10 minutes ago",
		[VETO_QUARANTINE] = "in quarantine: reclaim was futile at this limit",
	};

	if (p->quarantined && minute <= p->quarantine_until)
		return says[VETO_QUARANTINE];
	return p->veto == VETO_QUARANTINE ? NULL : says[p->veto];
}

/* The number after `key` in `line`; -1 when it is not there. */
static double number_after(const char *line, const char *key)
{
	const char *at = line ? strstr(line, key) : NULL;

	return at ? strtod(at + strlen(key), NULL) : -1;
}

bool psi_parse(const char *text, struct psi *ret)
{
	const char *some = strstr(text, "some "), *full = strstr(text, "full ");

	ret->some10 = number_after(some, "avg10=");
	ret->some60 = number_after(some, "avg60=");
	ret->full10 = number_after(full, "avg10=");
	return ret->some10 >= 0 && ret->some60 >= 0 && ret->full10 >= 0;
}

static bool counter(const char *text, const char *key, int64_t *ret)
{
	size_t n = strlen(key);

	while (*text) {
		if (strncmp(text, key, n) == 0 && text[n] == ' ') {
			*ret = strtoll(text + n, NULL, 10);
			return true;
		}
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return false;
}

bool events_parse(const char *text, struct pressure_sample *ret)
{
	ret->has_events = counter(text, "max", &ret->max) && counter(text, "oom", &ret->oom);
	return ret->has_events;
}
