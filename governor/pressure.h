/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a pool's pressure says about its limit: a veto on lowering it, a guard (bytes of limit above
 * the target) after the limit has hurt, and the futile-reclaim breaker. Pure: samples in, a state
 * that the caller keeps a pool, answers out. Times are model minutes.
 *
 * The rules, and where they come from (../shared/research/governors.md):
 *  - no lowering under PSI (some avg10 and avg60, memory and io), while refaults or swap-ins run, or
 *    within a while after an OOM kill (TMO's Senpai asks the same before it reclaims);
 *  - `oom` in memory.events.local: this limit was hit and reclaim did not help. The limit grows by
 *    max(100 MiB, 20 %) (the Kubernetes vertical autoscaler's rule), at least to where it was before
 *    the lowering that came before the kill; that is remembered for a day;
 *  - `max` there together with PSI or refaults: by a tenth. Without them it is only page cache that
 *    fills a healthy pool;
 *  - scan much, steal little, stall long: the limit does nothing but harm. All of the free budget is
 *    given and the pool is left alone for an hour (quarantine).
 */
#ifndef FAASMAT_GOVERNOR_PRESSURE_H
#define FAASMAT_GOVERNOR_PRESSURE_H

#include "common/util.h"

/* Percent of time, as memory.pressure and io.pressure say it. */
struct psi {
	double some10, some60, full10;
};

/* One pool at one moment; minutes only ever grow (they are counted, not read from a clock). What could
 * not be read is left out by its flag. */
struct pressure_sample {
	int64_t minute;
	bool has_psi;
	struct psi memory, io;
	bool has_events;
	int64_t max, oom; /* memory.events.local, counters */
	bool has_stat;	  /* memory.stat's counters, pages */
	int64_t refaults, scanned, stolen;
};

enum pressure_veto {
	VETO_NONE,
	VETO_MEMORY_STALL,
	VETO_IO_STALL,
	VETO_REFAULTS,
	VETO_OOM,
	VETO_QUARANTINE,
};

enum pressure_event {
	PRESSURE_NOTHING,
	PRESSURE_OOM,	   /* the guard has grown: the limit was hit and killed */
	PRESSURE_FULL,	   /* the guard has grown: `max` events with stalls or refaults */
	PRESSURE_AGAIN,	   /* hit once more, but not raised: it has grown often enough */
	PRESSURE_FUTILE,   /* quarantined */
	PRESSURE_RELEASED, /* a guard or a quarantine has ended */
};

/* Zeroed: a pool about which nothing is known. */
struct pressure {
	struct pressure_sample last; /* what each flag says was sampled, from when it last was */
	enum pressure_veto veto;     /* of the last sample */
	bool killed, guarded, quarantined, was_lowered, remembers;
	int64_t killed_minute;
	int64_t guard; /* limit that evidence asks for */
	int64_t guard_until;
	int raises; /* of this guard */
	int64_t quarantine_until;
	int64_t lowered_from, lowered_to, lowered_minute; /* the last run of lowerings */
	int64_t remembered; /* a limit that was too low is not set again: the one before it */
	int64_t remembered_until;
};

/* Looks at a sample of a pool whose limit and memory.current (bytes) are these, and says what is new.
 * The first sample only tells where the counters stand. */
enum pressure_event pressure_look(struct pressure *p, const struct pressure_sample *s,
				  int64_t limit, int64_t current);

/* A limit was lowered: what is to be taken back if an OOM kill follows. */
void pressure_lowered(struct pressure *p, int64_t from, int64_t to, int64_t minute);

/* The limit that the evidence asks for in this minute: 0 nothing, INT64_MAX all that is free. */
int64_t pressure_wanted_limit(const struct pressure *p, int64_t minute);

/* Why the limit must not be lowered now, for the ledger; NULL: it may. */
const char *pressure_says(const struct pressure *p, int64_t minute);

/* What the kernel's files say. False when the text is none of theirs. */
bool psi_parse(const char *text, struct psi *ret);
bool events_parse(const char *text, struct pressure_sample *ret);

#endif
