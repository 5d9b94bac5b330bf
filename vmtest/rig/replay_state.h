/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state of a running replay, shared by replay.c and governed.c. */
#ifndef FAASMAT_RIG_REPLAY_STATE_H
#define FAASMAT_RIG_REPLAY_STATE_H

#include "common/parse.h"
#include "vmtest/rig/admission.h"
#include "vmtest/rig/invoker.h"
#include "vmtest/rig/prewarm.h"
#include "vmtest/rig/replay.h"
#include "vmtest/rig/result.h"

/* What the invoker does not need to know of a pool; same index. */
struct replay_pool {
	char *name;
	char *cgroup;  /* NULL until it is told */
	bool in_table; /* named by the table that is being read */
};

struct replay {
	const struct replay_options *o;
	struct node node;
	struct invoker invoker;
	struct admission admission;
	struct prewarm prewarm;
	struct replay_pool *pool;
	bool have_table;
	struct result result;
	struct arrival *arrival; /* of the running minute */
	int64_t n_arrivals, next_arrival;
	int minute; /* from 0 */
	int64_t next_sample_ns, memory_bytes, sampled_peak;
	struct cpu_time cpu_start, cpu_minute;
	char runaway_id[INSTANCE_ID_BYTES];
	struct instance *runaway; /* while it exists */
	bool runaway_died;
	bool made_main;
	bool closing;
	int error;
};

#endif
