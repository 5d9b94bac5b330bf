/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replays minutes of a trace on this node: the loop that joins arrivals, the invoker's decisions, the
 * governor's socket and the containers. */
#ifndef FAASMAT_RIG_REPLAY_H
#define FAASMAT_RIG_REPLAY_H

#include <jansson.h>

#include "common/clock.h"
#include "vmtest/rig/arrivals.h"
#include "vmtest/rig/node.h"
#include "vmtest/rig/scale.h"
#include "vmtest/rig/trace.h"

/* lru and unaware know nothing of the governor; unaware's containers are placed by the OCI wrapper. */
enum replay_mode { MODE_LRU, MODE_UNAWARE, MODE_SHADOW, MODE_STATIC, MODE_DYNAMIC };

static inline bool asks_governor(enum replay_mode mode)
{
	return mode != MODE_LRU && mode != MODE_UNAWARE;
}

struct replay_options {
	enum replay_mode mode;
	const char *root; /* faasmat's root, from the cgroup2 mount: "/node/faasmat" */
	const struct trace *trace;
	int64_t day;
	int from, minutes; /* of the day */
	struct clock
		clock; /* its minute `from` (modulo a day) at or after the origin begins the replay */
	struct scale scale;
	enum arrival_law law;
	uint64_t seed;
	int64_t memory_bytes;		    /* what the invoker starts within when it asks nobody */
	double queue_ttl_ms, keep_alive_ms; /* model */
	struct node_options node;
	const char *socket;
	const char *prewarm; /* a FIFO with what the governor's --on-change tells; NULL: none */
	int64_t drain_ns; /* wait so long at the end for answers; < 0: as the longest start takes */
	int runaway_function; /* -1: none */
	int runaway_minute;   /* of the day */
	bool progress;
};

/* Runs it. *ret is the result object (owned by the caller). Logs why it fails. */
int replay_run(const struct replay_options *o, json_t **ret);

#endif
