/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every class does with a request and its response: the counters of their cgroup. */
#ifndef FAASMAT_BPF_INVOCATION_H
#define FAASMAT_BPF_INVOCATION_H

#include "bpf/maps.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DEFAULT_CGROUPS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct wire_invocations);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} invocations __weak SEC(".maps");

/* What a new cgroup's counters begin with: too large for a program's stack. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wire_invocations);
} no_invocations __weak SEC(".maps");

#define add(counter, n) __sync_fetch_and_add(&(counter), n)

static __always_inline struct wire_config *read_settings(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero);
}

/* A global function: seldom called, and verified apart. */
__weak __noinline int make_counters(__u64 id)
{
	struct wire_invocations *none;
	__u32 zero = 0;

	none = bpf_map_lookup_elem(&no_invocations, &zero);
	/* Two processors may make it at once: the loser finds the winner's. */
	if (none)
		bpf_map_update_elem(&invocations, &id, none, BPF_NOEXIST);
	if (!bpf_map_lookup_elem(&invocations, &id))
		count_lost(WIRE_LOST_INVOCATION);
	return 0;
}

static __always_inline struct wire_invocations *counters_of(__u64 id)
{
	struct wire_invocations *c = bpf_map_lookup_elem(&invocations, &id);

	if (likely(c))
		return c;
	make_counters(id);
	return bpf_map_lookup_elem(&invocations, &id);
}

/* Requests without a response. What another processor counts meanwhile may make it too small by as
 * much, never too large: the responses are read after the requests. */
static __always_inline __s64 open_of(const struct wire_invocations *c, __u64 requests)
{
	return requests - *(volatile __u64 *)&c->responses - *(volatile __u64 *)&c->aborted;
}

/* Keeps the most that were open at once in the sweep that runs. */
static __always_inline void note_open(struct wire_invocations *c, __s64 open, __u32 sweep)
{
	__u32 i = sweep & 1;

	if (c->peak[i].sweep != sweep) {
		c->peak[i].sweep = sweep;
		c->peak[i].most = open;
	} else if (open > c->peak[i].most) {
		c->peak[i].most = open;
	}
}

static __always_inline void count_requests(struct wire_invocations *c, __u32 n, __u32 sweep)
{
	note_open(c, open_of(c, add(c->requests, n) + n), sweep);
}

/* Their connection has ended without a response. */
static __always_inline void count_aborted(struct wire_invocations *c, __u32 n, __u32 sweep)
{
	/* What was open until now counts for a sweep in which nothing is opened, too. */
	note_open(c, open_of(c, c->requests), sweep);
	add(c->aborted, n);
}

static __always_inline __u32 bucket_of(__u64 ns)
{
	__u64 us = ns / 1000;
	__u32 b = 0;

	if (us >> 32)
		return WIRE_BUCKETS - 1;
	if (us >> 16) {
		us >>= 16;
		b = 16;
	}
	if (us >> 8) {
		us >>= 8;
		b += 8;
	}
	if (us >> 4) {
		us >>= 4;
		b += 4;
	}
	if (us >> 2) {
		us >>= 2;
		b += 2;
	}
	return b + (us >> 1);
}

static __always_inline void count_response(struct wire_invocations *c, __u64 since, __u64 now,
					   bool failed, __u32 sweep)
{
	note_open(c, open_of(c, c->requests), sweep);
	add(c->responses, 1);
	if (failed)
		add(c->responses_5xx, 1);
	add(c->busy_ns, now - since);
	add(c->durations[bucket_of(now - since) & (WIRE_BUCKETS - 1)], 1);
	if (!c->first_response_ns)
		c->first_response_ns = now;
}

#endif
