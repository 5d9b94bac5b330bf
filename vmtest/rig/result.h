/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a replay has come to: tallies, latencies, and their JSON. */
#ifndef FAASMAT_RIG_RESULT_H
#define FAASMAT_RIG_RESULT_H

#include <jansson.h>
#include <stdint.h>

#include "vmtest/rig/invoker.h"
#include "vmtest/rig/node.h"

/* Latencies of served calls in microseconds, arrival to response, real time. */
struct latencies {
	uint32_t *us;
	int64_t n, size;
};

struct result_function {
	const char *name; /* borrowed */
	struct latencies latencies;
	int64_t sent, inits; /* requests handed to containers: /run, /init */
	int64_t died;	     /* containers lost: killed, failed to start, broke the contract */
	int64_t in_pool;     /* containers whose cgroup was below a pool of its own, not main */
};

/* One replayed minute; outcomes belong to the minute in which the call arrived. */
struct result_minute {
	int64_t invocations, warm, cold, drop, failed;
	int64_t container_starts, containers; /* in it; at its end */
	int64_t memory_bytes;		      /* memory.current of the root at its end */
	double guest_cpu_share;
};

struct result {
	struct result_function *function;
	int n_functions;
	struct result_minute *minute;
	int n_minutes;
	int64_t peak_memory_bytes, oom_kills;
	double guest_cpu_share; /* 1 is all CPUs */
	int64_t max_lag_us;	/* how late the rig itself was with an arrival */
	int64_t late; /* arrivals with which it was later than the queue TTL: lost to the CPU */
};

enum outcome { OUTCOME_WARM, OUTCOME_COLD, OUTCOME_DROP, OUTCOME_FAILED };

int result_init(struct result *r, int n_functions, int n_minutes);
void result_free(struct result *r);

/* A call of `function` that arrived in `minute` (from 0) has ended. -ENOMEM. */
int result_record(struct result *r, int function, int minute, enum outcome outcome,
		  int64_t latency_ns);
/* What a container was sent in its life. */
void result_record_instance(struct result *r, int function, const struct instance *i);

/* The value below which the share q of n sorted values lies (nearest rank); 0 for none. */
uint32_t result_quantile(const uint32_t *sorted, int64_t n, double q);

/* Totals, `functions` and `minutes` as an object of its own. Asserts that
 * warm + cold + drop + failed + pending = invocations. Sorts the latencies. NULL without memory. */
json_t *result_json(struct result *r, const struct invoker *v);

/* Busy and whole CPU time of the machine so far, from /proc/stat, in ticks. */
struct cpu_time {
	int64_t busy, all;
};
struct cpu_time cpu_time_now(void);
double cpu_share(struct cpu_time from, struct cpu_time to);

#endif
