// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/minutes.h"

/* A clock set back by less than this is waited for; one set back by more is believed. */
#define PATIENCE (2 * MINUTES_PER_DAY)

void minutes_start(struct minutes *m, const struct moment *t, unsigned int why, int64_t newest,
		   int64_t length_ns, int64_t slack_ns)
{
	*m = (struct minutes){
		.minute = t->minute,
		.newest = newest,
		.why = why | (t->minute <= newest ? QUALITY_ODD : 0),
		.began_ns = t->monotonic_ns - t->into_ns,
		.length_ns = length_ns,
		.slack_ns = slack_ns,
	};
}

static void add_watched(struct minutes *m, int64_t minute)
{
	struct interval *last = m->n_watched ? &m->watched[m->n_watched - 1] : NULL;

	if (last && last->last == minute - 1)
		last->last = minute;
	else if (m->n_watched < MINUTES_WATCHED)
		m->watched[m->n_watched++] = (struct interval){ minute, minute };
}

bool minutes_tick(struct minutes *m, const struct moment *t, int64_t *closed, unsigned int *why)
{
	int64_t off_ns = t->monotonic_ns - m->began_ns - m->length_ns;

	/* Set back: the minute goes on until time has caught up with it, and is then too long. */
	if (t->minute <= m->minute && m->minute - t->minute < PATIENCE)
		return false;
	*closed = m->minute;
	*why = m->why;
	if (t->minute != m->minute + 1 || off_ns > m->slack_ns || off_ns < -m->slack_ns)
		*why |= QUALITY_ODD;
	if (!*why)
		add_watched(m, m->minute);
	m->newest = MAX(m->newest, m->minute);
	m->minute = t->minute;
	m->began_ns = t->monotonic_ns;
	/* What came between its beginning and this look is in the one before. */
	m->why = t->into_ns > m->slack_ns || t->minute <= m->newest ? QUALITY_ODD : 0;
	return true;
}

void minutes_stored(struct minutes *m)
{
	m->n_watched = 0;
}
