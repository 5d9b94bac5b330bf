/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading struct cgroup and its memory controller by CO-RE, on every kernel from 6.1 on. */
#ifndef FAASMAT_BPF_CGROUP_H
#define FAASMAT_BPF_CGROUP_H

#include "bpf/maps.h"

#define PAGE_BYTES 4096

static const struct wire_usage no_usage;

static __always_inline __u64 cgroup_id(struct cgroup *cgrp)
{
	return BPF_CORE_READ(cgrp, kn, id);
}

/* The ancestor at `level`; ancestors[] came with 7f203bc89eb6 ("cgroup: Replace
 * cgroup->ancestor_ids[] with ->ancestors[]"), 6.1. */
static __always_inline struct cgroup *cgroup_ancestor(struct cgroup *cgrp, int level)
{
	struct cgroup *base = NULL, *found = NULL;
	struct cgroup **ancestors;

	/* The verifier forbids a variable index on a trusted pointer; read back from memory it is a
	 * number, good for bpf_probe_read_kernel() only. */
	bpf_probe_read_kernel(&base, sizeof(base), &cgrp);
	ancestors = (struct cgroup **)__builtin_preserve_access_index(&base->ancestors);
	bpf_probe_read_kernel(&found, sizeof(found), &ancestors[level]);
	return found;
}

/* True for a cgroup of the v2 hierarchy at or below the watched root. Ids are unique only within a
 * hierarchy, and the tracepoints fire for v1 hierarchies too. */
static __always_inline bool is_watched(struct cgroup *cgrp, int level)
{
	__u32 zero = 0;
	struct wire_config *c = bpf_map_lookup_elem(&settings, &zero);

	if (!c || level < (int)c->root_level)
		return false;
	/* The v2 hierarchy has number 0, the "0::" of /proc/PID/cgroup. */
	if (BPF_CORE_READ(cgrp, root, hierarchy_id) != 0)
		return false;
	return cgroup_id(cgroup_ancestor(cgrp, c->root_level)) == c->root;
}

/* From 7.x on the count of css_sets with tasks lies in every css. */
struct cgroup_subsys_state___populated {
	int nr_populated_csets;
} __attribute__((preserve_access_index));
struct cgroup___populated {
	int nr_populated_csets;
} __attribute__((preserve_access_index));

/* Processes of its own, not of its descendants. This and read_memory() load directly what they can: `cgrp`
 * must be a pointer that the verifier knows (an iterator's, a tracepoint's). A helper call for each
 * field would take most of a sweep. */
static __always_inline bool has_processes(struct cgroup *cgrp)
{
	struct cgroup_subsys_state___populated *css = (void *)&cgrp->self;
	struct cgroup___populated *old = (void *)cgrp;

	if (bpf_core_field_exists(old->nr_populated_csets))
		return old->nr_populated_csets > 0;
	return css->nr_populated_csets > 0;
}

/* More events than any kernel has so far; those of ours are among the first. */
#define MAX_EVENTS 12

/* memory.events and memory.events.local as the kernel keeps them, one behind the other, in one read;
 * the enum's values by CO-RE, since its order is not UAPI. */
static __always_inline void read_events(struct mem_cgroup *memcg, struct wire_usage *u)
{
	__u64 all[2 * MAX_EVENTS];
	__u32 n = bpf_core_field_size(memcg->memory_events) / sizeof(all[0]);
	__u32 second = bpf_core_field_offset(memcg->memory_events_local) -
		       bpf_core_field_offset(memcg->memory_events);

	if (n > MAX_EVENTS)
		n = MAX_EVENTS;
	if (second == n * sizeof(all[0])) {
		bpf_probe_read_kernel(all, 2 * n * sizeof(all[0]),
				      __builtin_preserve_access_index(&memcg->memory_events[0]));
	} else {
		bpf_probe_read_kernel(all, n * sizeof(all[0]),
				      __builtin_preserve_access_index(&memcg->memory_events[0]));
		bpf_probe_read_kernel(
			&all[n], n * sizeof(all[0]),
			__builtin_preserve_access_index(&memcg->memory_events_local[0]));
	}
#define READ_EVENT(wire, name)                                                \
	do {                                                                  \
		__u32 i = bpf_core_enum_value(enum memcg_memory_event, name); \
                                                                              \
		if (i < n) {                                                  \
			u->events[wire] = all[i];                             \
			u->local[wire] = all[n + i];                          \
		}                                                             \
	} while (0)
	READ_EVENT(WIRE_LOW, MEMCG_LOW);
	READ_EVENT(WIRE_HIGH, MEMCG_HIGH);
	READ_EVENT(WIRE_MAX, MEMCG_MAX);
	READ_EVENT(WIRE_OOM, MEMCG_OOM);
	READ_EVENT(WIRE_OOM_KILL, MEMCG_OOM_KILL);
	READ_EVENT(WIRE_OOM_GROUP_KILL, MEMCG_OOM_GROUP_KILL);
#undef READ_EVENT
}

static __always_inline __u64 limit_bytes(unsigned long pages)
{
	return pages >= WIRE_NO_LIMIT / PAGE_BYTES ? WIRE_NO_LIMIT : pages * PAGE_BYTES;
}

/* struct page_counter in one read; a field that lies behind what is read gets a read of its own. */
#define COUNTER_WORDS 24
#define READ_COUNTER(all, memcg, field)                                                          \
	(bpf_core_field_offset((memcg)->memory.field) - bpf_core_field_offset((memcg)->memory) + \
				 8 <=                                                            \
			 sizeof(all)                                                             \
		 ? (all)[(bpf_core_field_offset((memcg)->memory.field) -                         \
			  bpf_core_field_offset((memcg)->memory)) /                              \
			 8]                                                                      \
		 : BPF_CORE_READ(memcg, memory.field))

/* Fills in what the memory controller knows of a cgroup; leaves it alone without a controller. */
static __always_inline void read_memory(struct cgroup *cgrp, struct wire_usage *u)
{
	int index = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
	struct cgroup_subsys_state *css =
		*(__builtin_preserve_access_index(&cgrp->subsys[0]) + index);
	__u64 counter[COUNTER_WORDS];
	struct mem_cgroup *memcg;
	__u32 size;

	if (!css)
		return;
	memcg = container_of(css, struct mem_cgroup, css);
	size = bpf_core_field_size(memcg->memory);
	if (size > sizeof(counter))
		size = sizeof(counter);
	bpf_probe_read_kernel(counter, size, __builtin_preserve_access_index(&memcg->memory));
	u->bytes = READ_COUNTER(counter, memcg, usage.counter) * PAGE_BYTES;
	u->peak = READ_COUNTER(counter, memcg, watermark) * PAGE_BYTES;
	u->limit = limit_bytes(READ_COUNTER(counter, memcg, max));
	u->low = limit_bytes(READ_COUNTER(counter, memcg, low));
	read_events(memcg, u);
}

#endif
