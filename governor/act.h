/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Carries out a decision, change by change, through whatever writes limits: cgroup files, nothing
 * (shadow mode), or a fake tree in a test. Every single write is judged again by change_veto() on
 * the state of that moment, and what could not be written is not built upon.
 */
#ifndef FAASMAT_GOVERNOR_ACT_H
#define FAASMAT_GOVERNOR_ACT_H

#include "governor/decide.h"

/* All return 0 or a negative errno; `file` is CHANGE_LIMIT or CHANGE_LOW. */
struct act_ops {
	/* -EINPROGRESS: it has begun (a write that may block); result() tells how it ends. */
	int (*write)(void *arg, int pool, enum change_kind file, int64_t value);
	/* Waits a little for a write that has begun. -EINPROGRESS: it goes on; the caller keeps
	 * hands_off set until it has ended and the file is read again. */
	int (*result)(void *arg, int pool, enum change_kind file);
	/* What the file holds now, after a write that failed. */
	int (*read)(void *arg, int pool, enum change_kind file, int64_t *ret);
	int (*read_current)(void *arg, int pool, int64_t *ret);
	void (*admit)(void *arg, int pool, int64_t bytes, int64_t containers);
	/* Begins to reclaim memory.current down to `to`, in small batches; never waits. */
	int (*reclaim)(void *arg, int pool, int64_t to);
};

/* Sets every change's outcome and keeps node->pools true to what has been written. A limit that is
 * unknown (after a failed write, or one in flight) counts as the larger of both values: the caller
 * reads it again before the next decision, or sets hands_off, for what looks like a lower might be a
 * raise. Returns how many changes were not done. */
size_t act(struct node_state *node, struct decision *d, const struct act_ops *ops, void *arg);

#endif
