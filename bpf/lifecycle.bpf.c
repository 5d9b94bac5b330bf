// SPDX-License-Identifier: GPL-2.0-or-later
/* Containers come and go: who a cgroup is when it is made, and its last state when it is removed,
 * so that nothing of a container that lived between two sweeps is lost. */
#include "bpf/cgroup.h"

/* Of one that was there before the programs it is made here. */
static __always_inline struct wire_usage *entry_of(__u64 id)
{
	struct wire_usage *u = bpf_map_lookup_elem(&usage, &id);

	if (u)
		return u;
	bpf_map_update_elem(&usage, &id, &no_usage, BPF_NOEXIST);
	u = bpf_map_lookup_elem(&usage, &id);
	if (!u)
		count_lost(WIRE_LOST_CGROUP);
	return u;
}

/* User space reads the map when there is something new. */
static __always_inline void note_change(void)
{
	__u32 zero = 0;
	struct wire_pass *p = bpf_map_lookup_elem(&pass, &zero);

	if (p)
		__sync_fetch_and_add(&p->changes, 1);
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(cgroup_made, struct cgroup *cgrp, const char *path)
{
	int level = BPF_CORE_READ(cgrp, level);
	struct wire_usage state = { .made_ns = bpf_ktime_get_ns() };
	struct wire_cgroup who = {};
	__u64 id;

	if (level < 1 || !is_watched(cgrp, level))
		return 0;
	id = cgroup_id(cgrp);
	who.level = level;
	who.parent = cgroup_id(cgroup_ancestor(cgrp, level - 1));
	bpf_probe_read_kernel_str(who.name, sizeof(who.name), BPF_CORE_READ(cgrp, kn, name));
	/* BPF_ANY: ids are never used twice within a boot. */
	if (bpf_map_update_elem(&cgroups, &id, &who, BPF_ANY) ||
	    bpf_map_update_elem(&usage, &id, &state, BPF_ANY))
		count_lost(WIRE_LOST_CGROUP);
	return 0;
}

SEC("tp_btf/cgroup_notify_populated")
int BPF_PROG(cgroup_populated, struct cgroup *cgrp, const char *path, int value)
{
	__u64 id = cgroup_id(cgrp);
	struct wire_usage *u;

	if (!is_watched(cgrp, BPF_CORE_READ(cgrp, level)))
		return 0;
	u = has_processes(cgrp) ? entry_of(id) : NULL;
	if (u) {
		u->has_processes = 1;
		note_change();
	}
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(cgroup_removed, struct cgroup *cgrp, const char *path)
{
	__u64 id = cgroup_id(cgrp);
	struct wire_usage *u;

	if (!is_watched(cgrp, BPF_CORE_READ(cgrp, level)))
		return 0;
	u = entry_of(id);
	if (!u)
		return 0;
	/* The controller's state is freed after the tracepoint, so this is its last word. */
	read_memory(cgrp, u);
	u->bytes = 0;
	u->removed_ns = bpf_ktime_get_ns();
	note_change();
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
