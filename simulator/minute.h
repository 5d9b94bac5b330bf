/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A minute of a run; used by simulate.c only. */
#ifndef FAASMAT_SIMULATOR_MINUTE_H
#define FAASMAT_SIMULATOR_MINUTE_H

#include "simulator/node.h"

/* Makes the arrivals of minute n->minute; none when the load has no such minute. -ENOMEM. */
int minute_arrivals(struct node *n);
/* Leaves only the arrivals before millisecond `ms` of the minute; how many those are. */
int64_t minute_cut(struct node *n, int64_t ms);
/* Pools' books up to the minute's beginning. */
void minute_begin(struct node *n);
/* All that happens before `until`, which is within or at the end of the minute. */
void minute_run(struct node *n, int64_t until);
/* With per_minute: keeps the counts so far; at the end of the run, minutes' own numbers of them. */
void minute_keep(struct node *n);
void minute_differences(struct run_result *r);

#endif
