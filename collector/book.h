/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From one cgroup's counters to a row of history: what they have gained since they were last booked. A
 * baseline is what of a counter is in history already; booking moves it up to the counter, so that nothing
 * is booked twice. When all of it is stored is the tally's business. Pure.
 */
#ifndef FAASMAT_COLLECTOR_BOOK_H
#define FAASMAT_COLLECTOR_BOOK_H

#include "collector/tree.h"
#include "store/history.h"

/* Adds to `row` what the cgroup's counters have gained, and of a container its memory events, its cold start
 * and its peak. Measured times are multiplied by `time_scale` (60 s / the length of a minute). Notes in the node
 * (base_changed, row_*) what is to be written of it. */
void book_cgroup(struct cgroup_node *node, double time_scale, struct history_row *row);

/* A narrow baseline (store/counters.h) knows nothing of some counters: what they have gained until now is
 * nobody's. */
void book_widen(struct counter_baseline *b, const struct wire_invocations *now);

/* Moves a baseline to counters that began anew, when `last` is what the old ones stood at for good:
 * what they had gained beyond the baseline is booked with the new ones' first gains. What a narrow
 * baseline does not know begins with the new ones. */
void book_take_off(struct counter_baseline *b, const struct wire_invocations *last);

#endif
