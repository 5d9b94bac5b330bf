/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the collector needs to be exact over restarts: the kernel's counters as of the last
 * committed minute. A delta is counter - baseline, and both go into one transaction, so an
 * invocation is counted once whenever the collector dies.
 */
#ifndef FAASMAT_STORE_COUNTERS_H
#define FAASMAT_STORE_COUNTERS_H

#include "store/durations.h"
#include "store/store.h"

struct memory_events {
	int64_t low, high, max, oom, oom_kill, oom_group_kill; /* as in memory.events */
};

struct counter_baseline {
	uint64_t cgroup; /* id */
	int64_t requests, inits, responses, busy_ns;
	/* Written by a collector that did not keep the next ones yet: they are not known. */
	bool narrow;
	int64_t responses_5xx, excluded, aborted;
	int64_t unsettled, unsettled_joined, unsettled_responses;
	struct durations durations; /* modulo 2^32, as the kernel's */
	struct memory_events events;
	bool cold_counted;  /* its making has been counted as a cold start */
	bool cold_measured; /* its first response has been counted in cold_us */
};

/* Baselines are only good for the maps they were read from: `epoch` names those. Reading with
 * another epoch finds none (the counters began anew). *ret is freed by the caller. */
int store_read_baselines(struct store *s, uint64_t epoch, struct counter_baseline **ret, size_t *n);
/* Inside the minute's transaction. */
int store_write_baseline(struct store *s, uint64_t epoch, const struct counter_baseline *b);
int store_remove_baseline(struct store *s, uint64_t cgroup);
/* Forgets every baseline of another epoch. */
int store_start_epoch(struct store *s, uint64_t epoch);

/* One container, for people: who it was and how it went. */
struct container_row {
	uint64_t cgroup;
	const char *path;
	int64_t function; /* id, 0 when no rule knows it */
	int64_t first_minute, last_minute;
	int64_t invocations; /* added */
	int64_t peak_bytes;
	int64_t oom_kills; /* added */
	int64_t siblings;  /* other containers of its function when it was first seen */
};
int store_add_container(struct store *s, uint64_t epoch, const struct container_row *row);
/* Function of a container (0: no rule knows it); -ENOENT when it has not been stored. */
int store_find_container(struct store *s, uint64_t epoch, uint64_t cgroup, int64_t *function);
/* Containers that no rule maps to a function, most invocations first; texts valid during the call. */
int store_each_unknown(struct store *s, int (*fn)(const struct container_row *row, void *arg),
		       void *arg);

/* One OOM kill. `oom_path`: the cgroup whose limit was hit, "" the machine's memory. */
struct victim_row {
	int64_t minute;
	int64_t time_us; /* real time, since the epoch */
	const char *path, *oom_path;
	int64_t pid;
	const char *comm;
};
int store_add_victim(struct store *s, const struct victim_row *row);

/* memory.events of a pool, main or the root: totals since the cgroup was made, as the kernel
 * counts them, once a minute. */
struct pool_row {
	int64_t minute;
	const char *path;
	uint64_t cgroup;
	int64_t usage_bytes, peak_bytes, limit_bytes; /* limit INT64_MAX: "max" */
	struct memory_events events;
};
int store_add_pool(struct store *s, const struct pool_row *row);

#endif
